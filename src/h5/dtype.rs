//! HDF5 datatypes to and from [`Dtype`].

use std::ffi::{CStr, c_char};

use hdf5_sys::h5o::{H5O_INFO_BASIC, H5O_info2_t, H5Oget_info3};
use hdf5_sys::h5t::*;

use super::id::c_string;
use super::link::address;
use super::{H5Error, Id, Result, call, status};
use crate::model::{
    Charset, CompoundMember, Dtype, Encoding, EnumMember, FloatType, IntType, Order, Padding, RefKind, StringLength, StringType, Target,
};

// Half precision (H5Tpublic.h, since 1.14.4), which the crate does not declare.
#[allow(non_upper_case_globals)]
unsafe extern "C" {
    static H5T_IEEE_F16LE_g: hdf5_sys::h5i::hid_t;
    static H5T_IEEE_F16BE_g: hdf5_sys::h5i::hid_t;
    static H5T_VAX_F64_g: hdf5_sys::h5i::hid_t;
}

/// Deepest nesting of types that is followed: HDF5 files can be made to nest without end.
const MOST_NESTING: usize = 64;

fn what() -> String {
    "cannot read a datatype".into()
}

/// Describes a datatype.
pub(crate) fn read(id: &Id) -> Result<Dtype> {
    // SAFETY: a valid datatype.
    if call(what, || unsafe { H5Tcommitted(id.raw()) })? > 0 {
        let mut info: H5O_info2_t = unsafe { std::mem::zeroed() };
        // SAFETY: a committed type is an object.
        status(what, || unsafe { H5Oget_info3(id.raw(), &raw mut info, H5O_INFO_BASIC) })?;
        let copy = Id::own(call(what, || unsafe { H5Tcopy(id.raw()) })?);
        return Ok(Dtype::Committed { at: Target::Address(address(info.token)), dtype: Box::new(exactly(&copy)?) });
    }
    exactly(id)
}

/// The type, with its encoding where the model leaves something out.
fn exactly(id: &Id) -> Result<Dtype> {
    let dtype = read_nested(id, 0)?;
    if !has_big_characters(id, &dtype) {
        return Ok(dtype);
    }
    Ok(Dtype::Encoded { dtype: Box::new(dtype), encoded: Encoding(encode(id.raw())?) })
}

/// Big-endian machines have marked the characters of variable-length strings so, and HDF5 compares that.
fn has_big_characters(id: &Id, dtype: &Dtype) -> bool {
    // SAFETY (all): a valid datatype; failure gives an identifier that is not used.
    let inner = |base: &Dtype| {
        let super_id = hdf5::sync::sync(|| unsafe { H5Tget_super(id.raw()) });
        super_id >= 0 && has_big_characters(&Id::own(super_id), base)
    };
    match dtype {
        Dtype::String(StringType { length: StringLength::Variable, .. }) => order(id.raw()) == Some(Order::Big),
        Dtype::Vlen(base) | Dtype::Array { base, .. } if base.has_outside_data() => inner(base),
        Dtype::Compound { members, .. } => members.iter().enumerate().filter(|(_, m)| m.dtype.has_outside_data()).any(|(i, m)| {
            let member = hdf5::sync::sync(|| unsafe { H5Tget_member_type(id.raw(), i as u32) });
            member >= 0 && has_big_characters(&Id::own(member), &m.dtype)
        }),
        _ => false,
    }
}

fn read_nested(id: &Id, depth: usize) -> Result<Dtype> {
    if depth > MOST_NESTING {
        return Err(H5Error::new(what(), "it is nested too deeply"));
    }
    let t = id.raw();
    // SAFETY: a valid datatype for these and all further calls of this function.
    let class = hdf5::sync::sync(|| unsafe { H5Tget_class(t) });
    let size = hdf5::sync::sync(|| unsafe { H5Tget_size(t) });
    let base = || -> Result<Dtype> {
        let base = Id::own(call(what, || unsafe { H5Tget_super(t) })?);
        read_nested(&base, depth + 1)
    };
    Ok(match class {
        H5T_class_t::H5T_INTEGER => Dtype::Int(int(t, size)?),
        H5T_class_t::H5T_BITFIELD => Dtype::Bitfield(int(t, size)?),
        H5T_class_t::H5T_FLOAT => Dtype::Float(float(t, size)?),
        H5T_class_t::H5T_STRING => Dtype::String(string(t, size)?),
        H5T_class_t::H5T_OPAQUE => Dtype::Opaque { size, tag: opaque_tag(t) },
        H5T_class_t::H5T_ENUM => match base()? {
            Dtype::Int(base) => match enum_members(t, &base)? {
                Some(members) => Dtype::Enum { members, base },
                None => foreign(t, class as i32, size)?,
            },
            _ => foreign(t, class as i32, size)?,
        },
        H5T_class_t::H5T_COMPOUND => Dtype::Compound { size, members: compound_members(t, depth)? },
        H5T_class_t::H5T_VLEN => Dtype::Vlen(Box::new(base()?)),
        H5T_class_t::H5T_ARRAY => {
            let rank = call(what, || unsafe { H5Tget_array_ndims(t) })? as usize;
            let mut dims = vec![0u64; rank];
            status(what, || unsafe { H5Tget_array_dims2(t, dims.as_mut_ptr()) })?;
            Dtype::Array { base: Box::new(base()?), dims }
        }
        H5T_class_t::H5T_REFERENCE => Dtype::Reference(reference(t)?),
        H5T_class_t::H5T_COMPLEX => match base()? {
            Dtype::Float(part) => Dtype::Complex(part),
            _ => foreign(t, class as i32, size)?,
        },
        _ => foreign(t, class as i32, size)?,
    })
}

fn order(t: i64) -> Option<Order> {
    // SAFETY: a valid atomic datatype.
    match hdf5::sync::sync(|| unsafe { H5Tget_order(t) }) {
        H5T_order_t::H5T_ORDER_LE => Some(Order::Little),
        H5T_order_t::H5T_ORDER_BE => Some(Order::Big),
        _ => None,
    }
}

fn bits(t: i64) -> (usize, usize) {
    // SAFETY: a valid atomic datatype. Failure gives 0 or a negative offset.
    hdf5::sync::sync(|| unsafe { (H5Tget_precision(t), usize::try_from(H5Tget_offset(t)).unwrap_or(0)) })
}

fn int(t: i64, size: usize) -> Result<IntType> {
    let (precision, offset) = bits(t);
    let (mut low, mut high) = (H5T_pad_t::H5T_PAD_ZERO, H5T_pad_t::H5T_PAD_ZERO);
    // SAFETY: a valid integer or bitfield type and out-parameters.
    status(what, || unsafe { H5Tget_pad(t, &raw mut low, &raw mut high) })?;
    let signed = hdf5::sync::sync(|| unsafe { H5Tget_class(t) == H5T_class_t::H5T_INTEGER && H5Tget_sign(t) == H5T_sign_t::H5T_SGN_2 });
    Ok(IntType { size, signed, order: order(t).unwrap_or(Order::Little), precision, offset, pads: (low as u8, high as u8) })
}

fn float(t: i64, size: usize) -> Result<FloatType> {
    let (precision, offset) = bits(t);
    let mut fields = [0usize; 5];
    let (mut low, mut high) = (H5T_pad_t::H5T_PAD_ZERO, H5T_pad_t::H5T_PAD_ZERO);
    let [sign, epos, esize, mpos, msize] = &mut fields;
    // SAFETY: a valid float type and out-parameters.
    status(what, || unsafe { H5Tget_fields(t, sign, epos, esize, mpos, msize).min(H5Tget_pad(t, &raw mut low, &raw mut high)) })?;
    let (bias, norm, inner) = hdf5::sync::sync(|| unsafe { (H5Tget_ebias(t), H5Tget_norm(t), H5Tget_inpad(t)) });
    Ok(FloatType { size, order: order(t), precision, offset, fields, bias, norm: norm as u8, pads: (low as u8, high as u8, inner as u8) })
}

fn string(t: i64, size: usize) -> Result<StringType> {
    // SAFETY: a valid string type.
    let variable = call(what, || unsafe { H5Tis_variable_str(t) })? > 0;
    let (charset, padding) = hdf5::sync::sync(|| unsafe { (H5Tget_cset(t), H5Tget_strpad(t)) });
    Ok(StringType {
        length: if variable { StringLength::Variable } else { StringLength::Fixed(size) },
        charset: if charset == H5T_cset_t::H5T_CSET_UTF8 { Charset::Utf8 } else { Charset::Ascii },
        padding: match padding {
            H5T_str_t::H5T_STR_NULLPAD => Padding::NullPad,
            H5T_str_t::H5T_STR_SPACEPAD => Padding::SpacePad,
            _ => Padding::NullTerm,
        },
    })
}

/// A text that the library allocated.
fn taken(text: *mut c_char) -> Vec<u8> {
    if text.is_null() {
        return Vec::new();
    }
    // SAFETY: the library returned a terminated text that is ours to free.
    hdf5::sync::sync(|| unsafe {
        let bytes = CStr::from_ptr(text).to_bytes().to_vec();
        hdf5_sys::h5::H5free_memory(text.cast());
        bytes
    })
}

fn opaque_tag(t: i64) -> Vec<u8> {
    // SAFETY: a valid opaque type.
    taken(hdf5::sync::sync(|| unsafe { H5Tget_tag(t) }))
}

/// `None` where a value is beyond the model's.
fn enum_members(t: i64, base: &IntType) -> Result<Option<Vec<EnumMember>>> {
    // SAFETY: a valid enumeration; the value buffer has the type's size.
    let count = call(what, || unsafe { H5Tget_nmembers(t) })? as u32;
    (0..count)
        .map(|i| {
            let name = taken(hdf5::sync::sync(|| unsafe { H5Tget_member_name(t, i) }));
            let mut raw = vec![0u8; base.size];
            status(what, || unsafe { H5Tget_member_value(t, i, raw.as_mut_ptr().cast()) })?;
            Ok(enum_value(raw, base).map(|value| EnumMember { name, value }))
        })
        .collect()
}

/// The number that these bytes are, where 128 bits with a sign hold it.
fn enum_value(mut raw: Vec<u8>, base: &IntType) -> Option<i128> {
    if base.order == Order::Big {
        raw.reverse();
    }
    let negative = base.signed && raw.last().is_some_and(|top| top & 0x80 != 0);
    let extension = if negative { 0xff } else { 0 };
    let (low, high) = raw.split_at(raw.len().min(16));
    let mut bytes = [extension; 16];
    bytes[..low.len()].copy_from_slice(low);
    let value = i128::from_le_bytes(bytes);
    let (least, most) = base.range();
    // A range of more bits than the model's is cut.
    let sayable = base.precision < 126 || (least..=most).contains(&value);
    (sayable && (value < 0) == negative && high.iter().all(|&b| b == extension)).then_some(value)
}

/// The bytes of an enumeration's value; [`enum_value`] gives it back.
fn enum_bytes(value: i128, base: &IntType) -> Vec<u8> {
    let mut raw = value.to_le_bytes().to_vec();
    raw.resize(base.size, if value < 0 { 0xff } else { 0 });
    if base.order == Order::Big {
        raw.reverse();
    }
    raw
}

fn compound_members(t: i64, depth: usize) -> Result<Vec<CompoundMember>> {
    // SAFETY: a valid compound type and member numbers below its count.
    let count = call(what, || unsafe { H5Tget_nmembers(t) })? as u32;
    (0..count)
        .map(|i| {
            let name = taken(hdf5::sync::sync(|| unsafe { H5Tget_member_name(t, i) }));
            let offset = hdf5::sync::sync(|| unsafe { H5Tget_member_offset(t, i) });
            let member = Id::own(call(what, || unsafe { H5Tget_member_type(t, i) })?);
            Ok(CompoundMember { name, offset, dtype: read_nested(&member, depth + 1)? })
        })
        .collect()
}

fn reference(t: i64) -> Result<RefKind> {
    // SAFETY: valid datatypes.
    let equal = |other: i64| call(what, || unsafe { H5Tequal(t, other) }).map(|e| e > 0);
    Ok(if equal(*H5T_STD_REF_OBJ)? {
        RefKind::Object
    } else if equal(*H5T_STD_REF_DSETREG)? {
        RefKind::Region
    } else {
        RefKind::Any
    })
}

fn foreign(t: i64, class: i32, size: usize) -> Result<Dtype> {
    Ok(Dtype::Foreign { class, size, encoded: encode(t)? })
}

fn encode(t: i64) -> Result<Vec<u8>> {
    let mut length = 0usize;
    // SAFETY: a valid datatype; the second call writes the length that the first one reports.
    status(what, || unsafe { H5Tencode(t, std::ptr::null_mut(), &raw mut length) })?;
    let mut encoded = vec![0u8; length];
    status(what, || unsafe { H5Tencode(t, encoded.as_mut_ptr().cast(), &raw mut length) })?;
    encoded.truncate(length);
    Ok(encoded)
}

/// Reads HDF5's own encoding of a type (`H5Tencode`).
pub fn decode(encoded: &[u8]) -> Result<Dtype> {
    super::file::initialise();
    // SAFETY: the library checks the buffer within the length that is passed.
    let id = call(what, || unsafe { H5Tdecode2(encoded.as_ptr().cast(), encoded.len()) }).map(Id::own)?;
    read(&id)
}

/// Makes the datatype in memory.
pub(crate) fn create(dtype: &Dtype) -> Result<Id> {
    let what = || format!("cannot make the datatype {dtype}");
    // SAFETY: valid datatypes and plain values throughout.
    match dtype {
        Dtype::Int(t) if t.is_standard() => copy(standard_int(t)),
        Dtype::Float(t) if t.as_ieee().is_some() => copy(standard_float(t)),
        Dtype::String(t) => {
            let id = copy(*H5T_C_S1)?;
            let size = if let StringLength::Fixed(n) = t.length { n } else { H5T_VARIABLE };
            let charset = if t.charset == Charset::Utf8 { H5T_cset_t::H5T_CSET_UTF8 } else { H5T_cset_t::H5T_CSET_ASCII };
            let padding = match t.padding {
                Padding::NullTerm => H5T_str_t::H5T_STR_NULLTERM,
                Padding::NullPad => H5T_str_t::H5T_STR_NULLPAD,
                Padding::SpacePad => H5T_str_t::H5T_STR_SPACEPAD,
            };
            status(what, || unsafe {
                H5Tset_size(id.raw(), size).min(H5Tset_cset(id.raw(), charset)).min(H5Tset_strpad(id.raw(), padding))
            })?;
            Ok(id)
        }
        Dtype::Int(t) => int_type(t, *H5T_STD_I8LE, &what),
        Dtype::Bitfield(t) => int_type(t, *H5T_STD_B8LE, &what),
        Dtype::Float(t) => float_type(t, &what),
        Dtype::Enum { base, members } => {
            let base_id = create(&Dtype::Int(base.clone()))?;
            let id = Id::own(call(what, || unsafe { H5Tenum_create(base_id.raw()) })?);
            for member in members {
                let name = c_string(&member.name);
                let raw = enum_bytes(member.value, base);
                status(what, || unsafe { H5Tenum_insert(id.raw(), name.as_ptr(), raw.as_ptr().cast()) })?;
            }
            Ok(id)
        }
        Dtype::Compound { size, members } => {
            let id = Id::own(call(what, || unsafe { H5Tcreate(H5T_class_t::H5T_COMPOUND, *size) })?);
            for member in members {
                let (name, part) = (c_string(&member.name), create(&member.dtype)?);
                status(what, || unsafe { H5Tinsert(id.raw(), name.as_ptr(), member.offset, part.raw()) })?;
            }
            Ok(id)
        }
        Dtype::Array { base, dims } => {
            let base = create(base)?;
            call(what, || unsafe { H5Tarray_create2(base.raw(), dims.len() as u32, dims.as_ptr()) }).map(Id::own)
        }
        Dtype::Vlen(base) => {
            let base = create(base)?;
            call(what, || unsafe { H5Tvlen_create(base.raw()) }).map(Id::own)
        }
        Dtype::Opaque { size, tag } => {
            let id = Id::own(call(what, || unsafe { H5Tcreate(H5T_class_t::H5T_OPAQUE, *size) })?);
            let tag = c_string(tag);
            status(what, || unsafe { H5Tset_tag(id.raw(), tag.as_ptr()) })?;
            Ok(id)
        }
        Dtype::Reference(RefKind::Object) => copy(*H5T_STD_REF_OBJ),
        Dtype::Reference(RefKind::Region) => copy(*H5T_STD_REF_DSETREG),
        Dtype::Reference(RefKind::Any) => copy(*H5T_STD_REF),
        Dtype::Complex(t) => {
            let base = create(&Dtype::Float(t.clone()))?;
            call(what, || unsafe { H5Tcomplex_create(base.raw()) }).map(Id::own)
        }
        // In memory a committed type is like any other.
        Dtype::Committed { dtype, .. } => create(dtype),
        Dtype::Encoded { encoded: Encoding(encoded), .. } | Dtype::Foreign { encoded, .. } => {
            call(what, || unsafe { H5Tdecode2(encoded.as_ptr().cast(), encoded.len()) }).map(Id::own)
        }
    }
}

fn pad(code: u8) -> H5T_pad_t {
    match code {
        1 => H5T_pad_t::H5T_PAD_ONE,
        2 => H5T_pad_t::H5T_PAD_BACKGROUND,
        _ => H5T_pad_t::H5T_PAD_ZERO,
    }
}

/// An integer or bitfield of any layout, made from a one-byte type of its class.
fn int_type(t: &IntType, model: i64, what: &dyn Fn() -> String) -> Result<Id> {
    let id = copy(model)?;
    let p = id.raw();
    let order = if t.order == Order::Big { H5T_order_t::H5T_ORDER_BE } else { H5T_order_t::H5T_ORDER_LE };
    // SAFETY: our own copy of an atomic type and plain values. The size comes first: it resets the rest.
    status(what, || unsafe {
        H5Tset_size(p, t.size)
            .min(H5Tset_precision(p, t.precision))
            .min(H5Tset_offset(p, t.offset))
            .min(H5Tset_order(p, order))
            .min(H5Tset_pad(p, pad(t.pads.0), pad(t.pads.1)))
    })?;
    if model == *H5T_STD_I8LE {
        let sign = if t.signed { H5T_sign_t::H5T_SGN_2 } else { H5T_sign_t::H5T_SGN_NONE };
        status(what, || unsafe { H5Tset_sign(p, sign) })?;
    }
    Ok(id)
}

/// A float of any layout. Fields must lie within the precision at every step, so the size and precision are
/// made large first and cut down last.
fn float_type(t: &FloatType, what: &dyn Fn() -> String) -> Result<Id> {
    // Only copies of a VAX type are stored in the version of the format that has this order.
    // SAFETY: set once by the library's initialisation, which every call here comes after.
    let model = if t.order.is_some() { *H5T_IEEE_F64LE } else { hdf5::sync::sync(|| unsafe { H5T_VAX_F64_g }) };
    let id = copy(model)?;
    let p = id.raw();
    let order = match t.order {
        Some(Order::Little) => H5T_order_t::H5T_ORDER_LE,
        Some(Order::Big) => H5T_order_t::H5T_ORDER_BE,
        None => H5T_order_t::H5T_ORDER_VAX,
    };
    let norm = match t.norm {
        1 => H5T_norm_t::H5T_NORM_MSBSET,
        2 => H5T_norm_t::H5T_NORM_NONE,
        _ => H5T_norm_t::H5T_NORM_IMPLIED,
    };
    let [sign, epos, esize, mpos, msize] = t.fields;
    let room = t.size.max(8);
    // SAFETY: our own copy of an atomic type and plain values.
    status(what, || unsafe {
        H5Tset_size(p, room)
            .min(H5Tset_precision(p, room * 8))
            .min(H5Tset_fields(p, sign, epos, esize, mpos, msize))
            .min(H5Tset_offset(p, t.offset))
            .min(H5Tset_precision(p, t.precision))
            .min(H5Tset_size(p, t.size))
            .min(H5Tset_ebias(p, t.bias))
            .min(H5Tset_norm(p, norm))
            .min(H5Tset_order(p, order))
            .min(H5Tset_pad(p, pad(t.pads.0), pad(t.pads.1)))
            .min(H5Tset_inpad(p, pad(t.pads.2)))
    })?;
    Ok(id)
}

fn copy(id: i64) -> Result<Id> {
    // SAFETY: a predefined datatype.
    call(|| "cannot copy a datatype".into(), || unsafe { H5Tcopy(id) }).map(Id::own)
}

fn standard_int(t: &IntType) -> i64 {
    match (t.size, t.signed, t.order) {
        (1, true, Order::Little) => *H5T_STD_I8LE,
        (1, true, Order::Big) => *H5T_STD_I8BE,
        (2, true, Order::Little) => *H5T_STD_I16LE,
        (2, true, Order::Big) => *H5T_STD_I16BE,
        (4, true, Order::Little) => *H5T_STD_I32LE,
        (4, true, Order::Big) => *H5T_STD_I32BE,
        (_, true, Order::Little) => *H5T_STD_I64LE,
        (_, true, Order::Big) => *H5T_STD_I64BE,
        (1, false, Order::Little) => *H5T_STD_U8LE,
        (1, false, Order::Big) => *H5T_STD_U8BE,
        (2, false, Order::Little) => *H5T_STD_U16LE,
        (2, false, Order::Big) => *H5T_STD_U16BE,
        (4, false, Order::Little) => *H5T_STD_U32LE,
        (4, false, Order::Big) => *H5T_STD_U32BE,
        (_, false, Order::Little) => *H5T_STD_U64LE,
        (_, false, Order::Big) => *H5T_STD_U64BE,
    }
}

fn standard_float(t: &FloatType) -> i64 {
    match (t.size, t.order) {
        // SAFETY: set once by the library's initialisation, which every call here comes after.
        (2, Some(Order::Big)) => hdf5::sync::sync(|| unsafe { H5T_IEEE_F16BE_g }),
        (2, _) => hdf5::sync::sync(|| unsafe { H5T_IEEE_F16LE_g }),
        (4, Some(Order::Big)) => *H5T_IEEE_F32BE,
        (4, _) => *H5T_IEEE_F32LE,
        (_, Some(Order::Big)) => *H5T_IEEE_F64BE,
        _ => *H5T_IEEE_F64LE,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_of_wide_enumerations() {
        for order in [Order::Little, Order::Big] {
            let base = |size, signed| IntType::standard(size, signed, order);
            let bytes = enum_bytes(-5, &base(32, true));
            let (top, end) = if order == Order::Big { (0, 31) } else { (31, 0) };
            assert_eq!((bytes.len(), bytes[top], bytes[end]), (32, 0xff, 0xfb));
            for (value, size, signed) in [(-5, 32, true), (-5, 3, true), (7, 17, false), (7, 16, false), (255, 1, false), (-1, 1, true)] {
                assert_eq!(enum_value(enum_bytes(value, &base(size, signed)), &base(size, signed)), Some(value));
            }
            let mut far = bytes;
            far[top] = 0x7f;
            assert_eq!(enum_value(far, &base(32, true)), None);
            for (size, signed) in [(16, false), (17, false), (32, false)] {
                assert_eq!(enum_value(vec![0xff; size], &base(size, signed)), None);
            }
        }
    }
}
