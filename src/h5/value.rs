//! Elements with outside data: between the library's memory and [`Value`].
//!
//! The library hands elements over in the layout of the file's type with pointers in it (LP64): a variable-length string is a
//! pointer, a sequence a length and a pointer (`hvl_t`), an object reference an address, a region reference 12 bytes, an
//! `H5R_ref_t` 64 bytes (H5Rpublic.h, H5Tpublic.h).

use std::ffi::{CStr, CString, c_char, c_void};

use hdf5_sys::h5f::H5Fget_name;
use hdf5_sys::h5p::H5P_DEFAULT;
use hdf5_sys::h5r::{
    H5R_ref_t, H5R_type_t, H5Rcreate, H5Rcreate_attr, H5Rcreate_object, H5Rcreate_region, H5Rdereference2, H5Rdestroy, H5Rget_attr_name,
    H5Rget_file_name, H5Rget_region, H5Rget_type, H5Ropen_object, H5Ropen_region,
};

use super::id::c_string;
use super::{H5Error, Id, Object, Result, call, space, status};
use crate::model::{Dtype, Elements, H5Path, Part, RefKind, Referent, StringLength, StringType, Target, Value};

/// Longest name of an attribute or a file that a reference may hold.
const MOST_NAME_BYTES: usize = 1 << 16;
/// Most values that are read at once, in bytes of our own memory.
pub(crate) const MOST_VALUE_BYTES: usize = 512 << 20;

/// Reads what the library has put into memory.
pub(crate) struct Reader<'a> {
    /// Any object of the file, for references.
    pub at: &'a Id,
    /// Bytes that may still be made.
    pub left: usize,
}

fn what() -> String {
    "cannot read values".into()
}

impl Reader<'_> {
    /// The elements in `raw`, which the library has just filled with this type.
    ///
    /// # Safety
    /// `raw` holds whole elements as the library left them, and what they point to is still there.
    pub unsafe fn elements(&mut self, dtype: &Dtype, raw: &[u8]) -> Result<Elements> {
        let size = dtype.size().max(1);
        if !dtype.has_outside_data() {
            self.take(raw.len())?;
            return Ok(Elements::Fixed(raw.to_vec()));
        }
        if dtype.is_variable_string() {
            let mut texts = Vec::with_capacity(raw.len() / size);
            for one in raw.chunks_exact(size) {
                // SAFETY: each chunk is one element.
                match unsafe { self.value(dtype.resolved(), one) }? {
                    Value::Text(text) => texts.push(text),
                    _ => texts.push(None),
                }
            }
            return Ok(Elements::Strings(texts));
        }
        let values: Vec<Value> =
            // SAFETY: each chunk is one element.
            raw.chunks_exact(size).map(|one| unsafe { self.value(dtype, one) }).collect::<Result<_>>()?;
        Ok(Elements::of_values(dtype, values))
    }

    fn take(&mut self, bytes: usize) -> Result<()> {
        match self.left.checked_sub(bytes) {
            Some(left) => {
                self.left = left;
                Ok(())
            }
            None => Err(H5Error::new(what(), format!("they take more than {} MiB of memory", MOST_VALUE_BYTES >> 20))),
        }
    }

    /// # Safety
    /// As [`Reader::elements`].
    unsafe fn value(&mut self, dtype: &Dtype, raw: &[u8]) -> Result<Value> {
        self.take(size_of::<Value>())?;
        if !dtype.has_outside_data() {
            self.take(raw.len())?;
            return Ok(Value::Plain(raw.to_vec()));
        }
        Ok(match dtype {
            Dtype::String(StringType { length: StringLength::Variable, .. }) => {
                let pointer = pointer(raw, 0).cast::<c_char>();
                if pointer.is_null() {
                    return Ok(Value::Text(None));
                }
                // SAFETY: a terminated text that the library put there.
                let text = unsafe { CStr::from_ptr(pointer) }.to_bytes();
                self.take(text.len())?;
                Value::Text(Some(text.to_vec()))
            }
            Dtype::Vlen(base) => {
                let (count, pointer) = (word(raw, 0), pointer(raw, 8));
                let bytes = count.checked_mul(base.size()).filter(|b| *b <= self.left);
                let Some(bytes) = bytes else { return self.take(usize::MAX).map(|()| Value::Text(None)) };
                if count == 0 || pointer.is_null() {
                    return Ok(Value::List(Elements::empty(base)));
                }
                // SAFETY: the library put `count` elements of the base type there.
                let part = unsafe { std::slice::from_raw_parts(pointer.cast::<u8>(), bytes) };
                // SAFETY: as for this call.
                Value::List(unsafe { self.elements(base, part) }?)
            }
            // SAFETY (three times): parts of the element that was vouched for.
            Dtype::Array { base, .. } => Value::List(unsafe { self.elements(base, raw) }?),
            Dtype::Compound { members, .. } => {
                let member = |m: &crate::model::CompoundMember| {
                    let part = m.offset.checked_add(m.dtype.size()).and_then(|end| raw.get(m.offset..end));
                    let part = part.ok_or_else(|| H5Error::new(what(), "a member lies outside of its compound"))?;
                    unsafe { self.value(&m.dtype, part) }
                };
                Value::Record(members.iter().map(member).collect::<Result<_>>()?)
            }
            Dtype::Committed { dtype, .. } | Dtype::Encoded { dtype, .. } => unsafe { self.value(dtype, raw) }?,
            Dtype::Reference(kind) => Value::Reference(self.reference(*kind, raw)?),
            Dtype::Int(_)
            | Dtype::Float(_)
            | Dtype::String(_)
            | Dtype::Enum { .. }
            | Dtype::Opaque { .. }
            | Dtype::Bitfield(_)
            | Dtype::Complex(_)
            | Dtype::Foreign { .. } => Value::Plain(raw.to_vec()),
        })
    }

    fn reference(&self, kind: RefKind, raw: &[u8]) -> Result<Option<Referent>> {
        if raw.iter().all(|b| *b == 0) {
            return Ok(None);
        }
        let what = || "cannot follow a reference".to_string();
        match kind {
            RefKind::Object => {
                let address = word(raw, 0) as u64;
                Ok((address != u64::MAX).then_some(Referent { target: Target::Address(address), part: Part::Whole }))
            }
            RefKind::Region => {
                let p = raw.as_ptr().cast::<c_void>();
                // SAFETY (both): the 12 bytes that the library read; the results are owned.
                let object =
                    Id::own(call(what, || unsafe { H5Rdereference2(self.at.raw(), H5P_DEFAULT, H5R_type_t::H5R_DATASET_REGION1, p) })?);
                let chosen = Id::own(call(what, || unsafe { H5Rget_region(self.at.raw(), H5R_type_t::H5R_DATASET_REGION1, p) })?);
                region(object, &chosen).map(Some)
            }
            RefKind::Any => self.any(raw, &what),
        }
    }

    /// HDF5 1.12's references.
    fn any(&self, raw: &[u8], what: &dyn Fn() -> String) -> Result<Option<Referent>> {
        // A copy that is aligned; what it leads to stays the library's.
        let mut aligned = H5R_ref_t::default();
        let p = std::ptr::from_mut(&mut aligned);
        // SAFETY: both have 64 bytes.
        unsafe { p.cast::<u8>().copy_from_nonoverlapping(raw.as_ptr(), size_of::<H5R_ref_t>()) };
        let p = p.cast_const();
        // SAFETY (all): the 64 bytes that the library read, which it keeps valid until they are reclaimed.
        unsafe { refuse_elsewhere(self.at, p, what)? };
        let object = |open: &dyn Fn() -> i64| call(what, open).map(Id::own);
        match hdf5::sync::sync(|| unsafe { H5Rget_type(p) }) {
            H5R_type_t::H5R_OBJECT2 => {
                let object = object(&|| unsafe { H5Ropen_object(p, H5P_DEFAULT, H5P_DEFAULT) })?;
                Ok(Some(Referent { target: target(object)?, part: Part::Whole }))
            }
            H5R_type_t::H5R_DATASET_REGION2 => {
                let chosen = object(&|| unsafe { H5Ropen_region(p, H5P_DEFAULT, H5P_DEFAULT) })?;
                region(object(&|| unsafe { H5Ropen_object(p, H5P_DEFAULT, H5P_DEFAULT) })?, &chosen).map(Some)
            }
            H5R_type_t::H5R_ATTR => {
                let object = object(&|| unsafe { H5Ropen_object(p, H5P_DEFAULT, H5P_DEFAULT) })?;
                let name = text_of(what, |to, room| unsafe { H5Rget_attr_name(p, to, room) as i64 })?;
                Ok(Some(Referent { target: target(object)?, part: Part::Attr(name) }))
            }
            _ => Err(H5Error::new(what(), "it is of a kind that this version does not know")),
        }
    }
}

/// Refuses to follow a reference to another file: that would open it for writing (H5R__reopen_file in H5Rint.c), and address its objects.
///
/// # Safety
/// A reference that the library has read from the file that `at` belongs to.
pub(super) unsafe fn refuse_elsewhere(at: &Id, reference: *const H5R_ref_t, what: &dyn Fn() -> String) -> Result<()> {
    // SAFETY (twice): as for this function; a valid identifier.
    let name = text_of(what, |to, room| unsafe { H5Rget_file_name(reference, to, room) as i64 })?;
    let own = text_of(what, |to, room| unsafe { H5Fget_name(at.raw(), to, room) as i64 })?;
    match name == own {
        true => Ok(()),
        false => Err(H5Error::new(what(), format!("it leads to another file, {:?}", String::from_utf8_lossy(&name)))),
    }
}

/// A name of a reference: `get` gives its length, and writes what has room, a terminating zero included.
pub(super) fn text_of(what: &dyn Fn() -> String, get: impl Fn(*mut c_char, usize) -> i64) -> Result<Vec<u8>> {
    let length = call(what, || get(std::ptr::null_mut(), 0))?;
    let length = usize::try_from(length).ok().filter(|n| *n < MOST_NAME_BYTES);
    let length = length.ok_or_else(|| H5Error::new(what(), "a name in it is too long"))?;
    let mut text = vec![0u8; length + 1];
    call(what, || get(text.as_mut_ptr().cast(), length + 1))?;
    // The library counts the terminating zero of some names.
    text.truncate(text[..length].iter().position(|b| *b == 0).unwrap_or(length));
    Ok(text)
}

fn region(object: Id, chosen: &Id) -> Result<Referent> {
    Ok(Referent { target: target(object)?, part: Part::Region(space::selected(chosen)?.canonical()) })
}

fn target(object: Id) -> Result<Target> {
    Ok(Target::Address(Object::new(object, "a referenced object".into()).info()?.id.address))
}

fn word(raw: &[u8], at: usize) -> usize {
    let mut bytes = [0u8; 8];
    bytes.copy_from_slice(&raw[at..at + 8]);
    usize::from_ne_bytes(bytes)
}

fn pointer(raw: &[u8], at: usize) -> *const c_void {
    std::ptr::with_exposed_provenance(word(raw, at))
}

/// Memory in the library's layout, made from elements; what it points to goes with it.
pub(crate) struct Composed {
    /// The elements.
    pub raw: Vec<u8>,
    texts: Vec<CString>,
    lists: Vec<Vec<u64>>,
    /// Each where it was made: the library keeps no pointers to them, but their bytes have been copied.
    references: Vec<H5R_ref_t>,
}

impl Drop for Composed {
    fn drop(&mut self) {
        for reference in &mut self.references {
            let p = std::ptr::from_mut(reference);
            // SAFETY: made by `Composed::any`, destroyed once. The library copies what it stores.
            hdf5::sync::sync(|| unsafe { H5Rdestroy(p) });
        }
    }
}

impl Composed {
    /// For writing elements of this type to a file that `at` belongs to. References are resolved there, now.
    pub fn new(at: &Id, dtype: &Dtype, elements: &Elements) -> Result<Self> {
        let mut out = Self { raw: Vec::new(), texts: Vec::new(), lists: Vec::new(), references: Vec::new() };
        out.raw = out.elements(at, dtype, elements)?;
        Ok(out)
    }

    fn elements(&mut self, at: &Id, dtype: &Dtype, elements: &Elements) -> Result<Vec<u8>> {
        let size = dtype.size();
        let mut raw = Vec::with_capacity(elements.count(dtype).saturating_mul(size));
        match elements {
            Elements::Fixed(bytes) => raw.extend_from_slice(bytes),
            Elements::Strings(list) => list.iter().for_each(|t| {
                let at = self.text(t.as_deref());
                raw.extend_from_slice(&at.to_ne_bytes());
            }),
            Elements::Nested(list) => {
                for value in list {
                    let start = raw.len();
                    raw.resize(start + size, 0);
                    let one = self.value(at, dtype, value)?;
                    raw[start..].copy_from_slice(&one);
                }
            }
        }
        Ok(raw)
    }

    fn text(&mut self, text: Option<&[u8]>) -> usize {
        let Some(text) = text else { return 0 };
        self.texts.push(c_string(text));
        // A CString's bytes stay where they are when the list grows.
        self.texts.last().map_or(0, |t| t.as_ptr().expose_provenance())
    }

    /// Exactly `dtype.size()` bytes.
    fn value(&mut self, at: &Id, dtype: &Dtype, value: &Value) -> Result<Vec<u8>> {
        let wrong = || H5Error::new("cannot write values", format!("a value is not one of {dtype} (this is a bug)"));
        let raw = match (dtype.resolved(), value) {
            (_, Value::Plain(bytes)) => bytes.clone(),
            (Dtype::String(_), Value::Text(text)) => self.text(text.as_deref()).to_ne_bytes().to_vec(),
            (Dtype::Vlen(base), Value::List(list)) => {
                let raw = self.elements(at, base, list)?;
                let mut words = vec![0u64; raw.len().div_ceil(8)];
                for (word, bytes) in words.iter_mut().zip(raw.chunks(8)) {
                    let mut one = [0u8; 8];
                    one[..bytes.len()].copy_from_slice(bytes);
                    *word = u64::from_ne_bytes(one);
                }
                let count = list.count(base);
                let place = if count == 0 { 0 } else { words.as_ptr().expose_provenance() };
                self.lists.push(words);
                [count.to_ne_bytes(), place.to_ne_bytes()].concat()
            }
            (Dtype::Array { base, .. }, Value::List(list)) => self.elements(at, base, list)?,
            (Dtype::Compound { size, members }, Value::Record(values)) => {
                let mut raw = vec![0u8; *size];
                for (member, value) in members.iter().zip(values) {
                    let part = self.value(at, &member.dtype, value)?;
                    raw.get_mut(member.offset..member.offset + part.len()).ok_or_else(wrong)?.copy_from_slice(&part);
                }
                raw
            }
            (Dtype::Reference(kind), Value::Reference(None)) => vec![0; Dtype::Reference(*kind).size()],
            (Dtype::Reference(kind), Value::Reference(Some(referent))) => self.reference(at, *kind, referent)?,
            _ => return Err(wrong()),
        };
        if raw.len() == dtype.size() { Ok(raw) } else { Err(wrong()) }
    }

    fn reference(&mut self, at: &Id, kind: RefKind, referent: &Referent) -> Result<Vec<u8>> {
        let what = || format!("cannot make a reference to {referent}");
        let Target::Path(path) = &referent.target else { return Err(H5Error::new(what(), "the object has no path")) };
        let name = c_string(path.as_bytes());
        let mut raw = vec![0u8; Dtype::Reference(kind).size()];
        let p = raw.as_mut_ptr().cast::<c_void>();
        match (kind, &referent.part) {
            // SAFETY: the buffer has the reference's size; valid location and C string.
            (RefKind::Object, Part::Whole) => {
                status(what, || unsafe { H5Rcreate(p, at.raw(), name.as_ptr(), H5R_type_t::H5R_OBJECT1, -1) })?
            }
            (RefKind::Region, Part::Region(selected)) => {
                let chosen = chosen(at, path, selected)?;
                // SAFETY: as above, and a dataspace.
                status(what, || unsafe { H5Rcreate(p, at.raw(), name.as_ptr(), H5R_type_t::H5R_DATASET_REGION1, chosen.raw()) })?;
            }
            (RefKind::Any, part) => {
                let mut reference = H5R_ref_t::default();
                let r = std::ptr::from_mut(&mut reference);
                // SAFETY (all): an empty reference to fill; valid location and C strings.
                match part {
                    Part::Whole => status(what, || unsafe { H5Rcreate_object(at.raw(), name.as_ptr(), H5P_DEFAULT, r) })?,
                    Part::Region(selected) => {
                        let chosen = chosen(at, path, selected)?;
                        status(what, || unsafe { H5Rcreate_region(at.raw(), name.as_ptr(), chosen.raw(), H5P_DEFAULT, r) })?;
                    }
                    Part::Attr(attr) => {
                        let attr = c_string(attr);
                        status(what, || unsafe { H5Rcreate_attr(at.raw(), name.as_ptr(), attr.as_ptr(), H5P_DEFAULT, r) })?;
                    }
                }
                // SAFETY: 64 plain bytes, which stay valid as long as the reference, that is, as long as `self`.
                raw.copy_from_slice(unsafe { std::slice::from_raw_parts(r.cast::<u8>().cast_const(), size_of::<H5R_ref_t>()) });
                self.references.push(reference);
            }
            (RefKind::Object | RefKind::Region, _) => return Err(H5Error::new(what(), "this kind of reference cannot point to that")),
        }
        Ok(raw)
    }
}

/// The selection in the dataspace of its dataset.
fn chosen(at: &Id, path: &H5Path, selected: &crate::model::Selected) -> Result<Id> {
    let chosen = super::dataset::dataspace(&Object::open_at(at, path.as_bytes())?)?;
    space::choose(&chosen, selected)?;
    Ok(chosen)
}
