//! How much variable-length attributes take, before the library reads them.
//!
//! `H5Aread` allocates what the elements' lengths say, with no way to set a budget, and every element may lead to the same large
//! object. So the lengths come first: a conversion of our own, from sequences and texts to opaque bytes, hands out what an element holds
//! in the file, and that begins with its length in 4 bytes (format specification, "Variable-Length Datatypes"; H5Tvlen.c).

use std::ffi::{c_int, c_void};
use std::sync::OnceLock;

use hdf5_sys::h5a::H5Aread;
use hdf5_sys::h5i::hid_t;
use hdf5_sys::h5t::{H5T_cdata_t, H5T_cmd_t, H5T_pers_t, H5Tget_size, H5Tregister};

use super::object::buffer;
use super::{H5Error, Id, Result, call, dtype, status};
use crate::model::{CompoundMember, Dtype, StringLength, StringType};

/// Bytes of a length in the file.
const LENGTH: usize = 4;

/// The type of one length. Attributes are mostly texts.
static LENGTHS: OnceLock<Id> = OnceLock::new();

/// Makes the conversion known. A failure shows where lengths are asked for.
pub(super) fn register() {
    let types = (dtype::create(&Dtype::Vlen(Box::new(Dtype::int(1, true)))), dtype::create(&opaque()));
    if let (Ok(from), Ok(to)) = types {
        // SAFETY: valid types, of which the library takes the classes, a static name and function.
        let _ = call(
            || "cannot register a conversion".into(),
            || unsafe { H5Tregister(H5T_pers_t::H5T_PERS_SOFT, c"lengths".as_ptr(), from.raw(), to.raw(), Some(only_lengths)) },
        );
        let _ = LENGTHS.set(to);
    }
}

/// Bytes of memory that the `count` elements of an attribute lead to; those of sequences in sequences are not counted.
pub(super) fn stored_bytes(attr: &Id, dtype: &Dtype, count: u64, what: &dyn Fn() -> String) -> Result<u64> {
    let mut weights = Vec::new();
    let Some(shadow) = shadow(dtype, &mut weights) else { return Ok(0) };
    let bytes = usize::try_from(count).ok().and_then(|n| n.checked_mul(shadow.size()));
    let mut raw = vec![0u8; bytes.ok_or_else(|| H5Error::new(what(), "its size overflows"))?];
    let made;
    let memory = match (&shadow, LENGTHS.get()) {
        (Dtype::Opaque { .. }, Some(kept)) => kept,
        _ => {
            made = dtype::create(&shadow)?;
            &made
        }
    };
    // SAFETY: a buffer with as many elements of the type as the attribute has.
    status(what, || unsafe { H5Aread(attr.raw(), memory.raw(), buffer(&mut raw)) })?;
    let lengths = raw.chunks_exact(LENGTH).map(|b| u64::from(u32::from_le_bytes([b[0], b[1], b[2], b[3]])));
    Ok(lengths.zip(weights.iter().cycle()).fold(0, |sum: u64, (length, weight)| sum.saturating_add(length.saturating_mul(*weight))))
}

fn opaque() -> Dtype {
    Dtype::Opaque { size: LENGTH, tag: Vec::new() }
}

/// The type with the lengths only, close together; `None` where it has none. `weights`: bytes of one part, for each length.
fn shadow(dtype: &Dtype, weights: &mut Vec<u64>) -> Option<Dtype> {
    match dtype.resolved() {
        Dtype::String(StringType { length: StringLength::Variable, .. }) => {
            weights.push(1);
            Some(opaque())
        }
        Dtype::Vlen(base) => {
            weights.push(base.size() as u64);
            Some(opaque())
        }
        Dtype::Array { base, dims } => {
            let mut inner = Vec::new();
            let base = shadow(base, &mut inner)?;
            // An array has as many parts as its size allows, which was compared with the file's.
            let parts = dims.iter().product::<u64>() as usize;
            weights.extend(std::iter::repeat_n(inner, parts).flatten());
            Some(Dtype::Array { base: Box::new(base), dims: dims.clone() })
        }
        Dtype::Compound { members, .. } => {
            let mut size = 0;
            let mut kept = Vec::new();
            for member in members {
                if let Some(dtype) = shadow(&member.dtype, weights) {
                    let offset = size;
                    size += dtype.size();
                    kept.push(CompoundMember { name: member.name.clone(), offset, dtype });
                }
            }
            (size > 0).then_some(Dtype::Compound { size, members: kept })
        }
        _ => None,
    }
}

/// `H5T_conv_t`: keeps the first bytes of each element, in place.
extern "C" fn only_lengths(
    from: hid_t,
    to: hid_t,
    data: *mut H5T_cdata_t,
    count: usize,
    stride: usize,
    _: usize,
    elements: *mut c_void,
    _: *mut c_void,
    _: hid_t,
) -> c_int {
    // SAFETY: the library's own types, inside one of its calls, whose lock is held.
    let (had, has) = unsafe { (H5Tget_size(from), H5Tget_size(to)) };
    // SAFETY: the library passes its record of the conversion.
    match unsafe { (*data).command } {
        // Other opaque types are not for us.
        H5T_cmd_t::H5T_CONV_INIT if has == LENGTH && had >= LENGTH => 0,
        H5T_cmd_t::H5T_CONV_INIT => -1,
        H5T_cmd_t::H5T_CONV_FREE => 0,
        H5T_cmd_t::H5T_CONV_CONV => {
            let (step, next) = if stride > 0 { (stride, stride) } else { (had, has) };
            let elements = elements.cast::<u8>();
            for i in 0..count {
                // SAFETY: the buffer has room for all elements of both types; each is shortened, from the first on.
                unsafe { elements.add(i * next).copy_from(elements.add(i * step), LENGTH) };
            }
            0
        }
    }
}
