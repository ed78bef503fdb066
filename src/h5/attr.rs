//! Attributes.

use std::collections::BTreeMap;
use std::ffi::{CStr, CString, c_char, c_int, c_void};
use std::mem::MaybeUninit;

use hdf5_sys::h5::{H5_index_t, H5_iter_order_t};
use hdf5_sys::h5a::{
    H5A_info_t, H5Acreate_by_name, H5Adelete, H5Aexists, H5Aget_create_plist, H5Aget_space, H5Aget_type, H5Aiterate2, H5Aopen, H5Aread,
    H5Arename, H5Awrite,
};
use hdf5_sys::h5i::hid_t;
use hdf5_sys::h5p::H5P_DEFAULT;
use hdf5_sys::h5t::H5T_cset_t;

use super::activity::Doing;
use super::id::c_string;
use super::object::buffer;
use super::value::{Composed, MOST_VALUE_BYTES, Reader};
use super::{Addresses, H5Error, Id, Made, Object, Result, activity, call, dtype, plainly, space, status};
use crate::model::{AttrSeen, AttrValue, Charset, Dtype, Elements, bytes_text, human_bytes};

/// Most bytes of texts and sequences that are read of one attribute.
const MOST_OUTSIDE_BYTES: u64 = 256 << 20;

impl Object {
    fn attr_what(&self, verb: &str, name: &[u8]) -> String {
        format!("cannot {verb} the attribute {} of {}", bytes_text(name), self.label())
    }

    /// The attribute of this name. `budget` bounds its size: nothing larger than the file is in it.
    pub fn attr(&self, name: &[u8], budget: u64) -> Result<Option<AttrSeen>> {
        let c_name = c_string(name);
        let what = || self.attr_what("read", name);
        activity::object();
        // SAFETY: valid object and C string, here and below.
        let open = || unsafe { H5Aopen(self.id().raw(), c_name.as_ptr(), H5P_DEFAULT) };
        let opened = plainly(Doing::Metadata, open);
        let attr = if opened >= 0 {
            Id::own(opened)
        } else {
            // Most attributes that are asked for are there: whether there is one is the second question.
            if call(what, || unsafe { H5Aexists(self.id().raw(), c_name.as_ptr()) })? == 0 {
                return Ok(None);
            }
            Id::own(call(what, open)?)
        };
        let type_id = Id::own(call(what, || unsafe { H5Aget_type(attr.raw()) })?);
        let space_id = Id::own(call(what, || unsafe { H5Aget_space(attr.raw()) })?);
        let dtype = dtype::read(&type_id)?;
        let (shape, max) = space::extent(&space_id)?;
        let fixed = max.iter().zip(shape.dims()).all(|(max, size)| *max == Some(*size));
        let max = (!fixed).then_some(max);
        let count = shape.elements().ok_or_else(|| H5Error::new(what(), "its size overflows"))?;
        let bytes = count.checked_mul(dtype.size() as u64).filter(|b| *b <= budget);
        let Some(bytes) = bytes else {
            return Err(H5Error::new(what(), "it claims to be larger than the file"));
        };
        refuse_long(&attr, &dtype, count, &what)?;
        let mut raw = vec![0u8; bytes as usize];
        if count > 0 {
            // SAFETY: the buffer has the elements' size; the type is the attribute's own.
            status(what, || unsafe { H5Aread(attr.raw(), type_id.raw(), buffer(&mut raw)) })?;
        }
        if !dtype.has_outside_data() {
            return Ok(Some(AttrSeen::Value(AttrValue { dtype, shape, max, data: Elements::Fixed(raw) })));
        }
        // SAFETY: the library has just filled the buffer with elements of this type.
        let data = unsafe { Reader { at: self.id(), left: MOST_VALUE_BYTES }.elements(&dtype, &raw) };
        if count > 0 {
            // SAFETY: the memory that the library put into the buffer, given back once.
            status(what, || unsafe { hdf5_sys::h5t::H5Treclaim(type_id.raw(), space_id.raw(), H5P_DEFAULT, buffer(&mut raw)) })?;
        }
        let data = match data {
            Ok(data) => data,
            // A reference to what is gone, for example: the attribute is there all the same.
            Err(e) => return Ok(Some(AttrSeen::Opaque { dtype, shape, why: e.cause })),
        };
        Ok(Some(AttrSeen::Value(AttrValue { dtype, shape, max, data })))
    }

    /// The type of an attribute's elements, without its value.
    pub fn attr_type(&self, name: &[u8]) -> Result<Dtype> {
        let c_name = c_string(name);
        let what = || self.attr_what("read", name);
        activity::object();
        // SAFETY (both): valid identifiers and C string.
        let attr = Id::own(call(what, || unsafe { H5Aopen(self.id().raw(), c_name.as_ptr(), H5P_DEFAULT) })?);
        dtype::read(&Id::own(call(what, || unsafe { H5Aget_type(attr.raw()) })?))
    }

    /// Names of the attributes, in creation order where that is tracked, else by name.
    pub fn attr_names(&self, by_creation: bool) -> Result<Vec<Vec<u8>>> {
        let mut names: Vec<Vec<u8>> = Vec::new();
        let mut index = 0u64;
        let by = if by_creation { H5_index_t::H5_INDEX_CRT_ORDER } else { H5_index_t::H5_INDEX_NAME };
        // SAFETY: the callback gets the vector it was given, and the call ends before the vector goes.
        status(
            || format!("cannot list the attributes of {}", self.label()),
            || unsafe {
                H5Aiterate2(self.id().raw(), by, H5_iter_order_t::H5_ITER_INC, &raw mut index, Some(collect_name), (&raw mut names).cast())
            },
        )?;
        Ok(names)
    }

    /// Writes the value of an attribute of the same type and dataspace. The object must be open: what the library opens by the names of
    /// object and attribute it cannot write (H5A__open_by_name takes the group for the object).
    pub fn write_attr(&self, name: &[u8], value: &AttrValue) -> Result<()> {
        let c_name = c_string(name);
        let what = || self.attr_what("write", name);
        // SAFETY: valid object and C string.
        let attr = Id::own(call(what, || unsafe { H5Aopen(self.id().raw(), c_name.as_ptr(), H5P_DEFAULT) })?);
        let type_id = Id::own(call(what, || unsafe { H5Aget_type(attr.raw()) })?);
        self.attrs().put(&attr, &type_id, name, value)
    }

    /// This object's attributes, to create some.
    pub fn attrs(&self) -> Attrs<'_> {
        Attrs { at: self, member: None }
    }

    /// The attributes of the object behind a hard link of this group, to create some.
    pub fn attrs_of<'a>(&'a self, member: &'a [u8]) -> Result<Attrs<'a>> {
        self.check_name(member)?;
        Ok(Attrs { at: self, member: Some(member) })
    }

    /// Removes an attribute.
    pub fn remove_attr(&self, name: &[u8]) -> Result<()> {
        let c_name = c_string(name);
        // SAFETY: valid object and C string.
        status(|| self.attr_what("remove", name), || unsafe { H5Adelete(self.id().raw(), c_name.as_ptr()) })
    }

    /// Gives an attribute another name, its value untouched.
    pub fn rename_attr(&self, from: &[u8], to: &[u8]) -> Result<()> {
        let (c_from, c_to) = (c_string(from), c_string(to));
        // SAFETY: valid object and C strings.
        status(|| self.attr_what("rename", from), || unsafe { H5Arename(self.id().raw(), c_from.as_ptr(), c_to.as_ptr()) })
    }

    /// Deletes attributes and creates them again with other types or dataspaces. With `keep_order`, where creation order is tracked, they
    /// keep their places: those that were created after the first of them are moved behind it again, each once, unchanged.
    pub fn recreate_attrs(&self, changes: &[Recreated<'_>], keep_order: bool) -> Result<()> {
        if !keep_order {
            return changes.iter().try_for_each(|change| self.recreate_attr(change));
        }
        let mut left: BTreeMap<&[u8], &Recreated<'_>> = changes.iter().map(|change| (change.name, change)).collect();
        let mut begun = false;
        for name in self.attr_names(true)? {
            match left.remove(name.as_slice()) {
                Some(change) => {
                    begun = true;
                    self.recreate_attr(change)?;
                }
                None if begun => self.move_to_end(&name)?,
                None => {}
            }
        }
        // What is not there fails as it does without order.
        left.into_values().try_for_each(|change| self.recreate_attr(change))
    }

    fn recreate_attr(&self, change: &Recreated<'_>) -> Result<()> {
        let charset = self.attr_charset(change.name)?;
        self.remove_attr(change.name)?;
        self.attrs().create(change.name, change.value, change.committed.as_ref(), Some(charset), &mut Made::default())
    }

    /// The character set of an attribute's name.
    pub fn attr_charset(&self, name: &[u8]) -> Result<Charset> {
        let c_name = c_string(name);
        let what = || self.attr_what("read", name);
        // The library hands over the file's byte unchecked (H5Oattr.c): no enum before it is looked at.
        let mut info = MaybeUninit::<H5A_info_t>::zeroed();
        // SAFETY: valid object, C string and out-parameter.
        status(what, || unsafe {
            hdf5_sys::h5a::H5Aget_info_by_name(self.id().raw(), c".".as_ptr(), c_name.as_ptr(), info.as_mut_ptr(), H5P_DEFAULT)
        })?;
        // SAFETY: zeroed at first, and in bounds; a C enum is an int.
        let set = unsafe { (&raw const (*info.as_ptr()).cset).cast::<c_int>().read() };
        match set {
            c if c == H5T_cset_t::H5T_CSET_ASCII as c_int => Ok(Charset::Ascii),
            c if c == H5T_cset_t::H5T_CSET_UTF8 as c_int => Ok(Charset::Utf8),
            other => Err(H5Error::new(what(), format!("the character set of its name is {other}, which HDF5 does not have"))),
        }
    }

    /// Deletes an attribute and creates it again with its own type, dataspace, bytes, and character set of
    /// the name.
    fn move_to_end(&self, name: &[u8]) -> Result<()> {
        let raw = RawAttr::read(self, name)?;
        self.remove_attr(name)?;
        raw.create(self, name)
    }

    /// Gives this object, which has none, the attributes of another of the same file, as they are, in their order.
    pub fn take_attrs(&self, from: &Object) -> Result<()> {
        let by_creation = from.attr_order()? != crate::model::TrackOrder::No;
        from.attr_names(by_creation)?.iter().try_for_each(|name| RawAttr::read(from, name)?.create(self, name))
    }

    /// Makes the object references in an attribute that lead to some addresses lead to others. False if there are none.
    pub fn retarget_attr(&self, name: &[u8], moved: &Addresses) -> Result<bool> {
        let mut raw = RawAttr::read(self, name)?;
        let attr = Id::own(call(
            || self.attr_what("open", name),
            || unsafe {
                // SAFETY: valid object and C string.
                H5Aopen(self.id().raw(), c_string(name).as_ptr(), H5P_DEFAULT)
            },
        )?);
        // SAFETY: the library has just filled the buffer with elements of this type.
        let changed = unsafe { super::retarget::retarget(&raw.dtype, &mut raw.bytes, moved) };
        if changed {
            raw.write(&attr, &|| self.attr_what("write", name))?;
        }
        Ok(changed)
    }
}

/// An attribute as the library has it in memory, with its type, dataspace and name's character set.
pub(super) struct RawAttr {
    type_id: Id,
    space_id: Id,
    /// With it a name keeps its character set.
    list: Id,
    pub dtype: Dtype,
    pub bytes: Vec<u8>,
}

impl RawAttr {
    pub fn read(object: &Object, name: &[u8]) -> Result<Self> {
        let c_name = c_string(name);
        let what = || object.attr_what("take over", name);
        // SAFETY (all): valid identifiers; the buffer has the elements' size in memory.
        let attr = Id::own(call(what, || unsafe { H5Aopen(object.id().raw(), c_name.as_ptr(), H5P_DEFAULT) })?);
        let type_id = Id::own(call(what, || unsafe { H5Aget_type(attr.raw()) })?);
        let space_id = Id::own(call(what, || unsafe { H5Aget_space(attr.raw()) })?);
        let (shape, _) = space::extent(&space_id)?;
        let size = hdf5::sync::sync(|| unsafe { hdf5_sys::h5t::H5Tget_size(type_id.raw()) }) as u64;
        let dtype = dtype::read(&type_id)?;
        refuse_long(&attr, &dtype, shape.elements().unwrap_or(u64::MAX), &what)?;
        let bytes = shape.elements().and_then(|n| n.checked_mul(size)).and_then(|b| usize::try_from(b).ok());
        let mut bytes = vec![0u8; bytes.ok_or_else(|| H5Error::new(what(), "its size overflows"))?];
        let list = Id::own(call(what, || unsafe { H5Aget_create_plist(attr.raw()) })?);
        if !bytes.is_empty() {
            status(what, || unsafe { H5Aread(attr.raw(), type_id.raw(), buffer(&mut bytes)) })?;
        }
        Ok(Self { type_id, space_id, list, dtype, bytes })
    }

    fn create(self, object: &Object, name: &[u8]) -> Result<()> {
        let new = object.attrs().made(name, &self.type_id, &self.space_id, &self.list)?;
        self.write(&new, &|| object.attr_what("write", name))
    }

    fn write(&self, attr: &Id, what: &dyn Fn() -> String) -> Result<()> {
        match self.bytes.is_empty() {
            true => Ok(()),
            // SAFETY: as many elements as the attribute has, of its own type.
            false => status(what, || unsafe { H5Awrite(attr.raw(), self.type_id.raw(), self.bytes.as_ptr().cast()) }),
        }
    }
}

impl Drop for RawAttr {
    fn drop(&mut self) {
        if !self.bytes.is_empty() {
            let (type_id, space_id, p) = (self.type_id.raw(), self.space_id.raw(), buffer(&mut self.bytes));
            // SAFETY: the memory that the library put into the buffer, given back once.
            plainly(Doing::Metadata, || unsafe { hdf5_sys::h5t::H5Treclaim(type_id, space_id, H5P_DEFAULT, p) });
        }
    }
}

/// An attribute that is made anew.
pub struct Recreated<'a> {
    /// Its name.
    pub name: &'a [u8],
    /// What it will be.
    pub value: &'a AttrValue,
    /// The object of its type, if that is a committed one.
    pub committed: Option<Object>,
}

/// The attributes of an object that is open, or that is a member of an open group: to open a dataset takes the library many times as
/// long as to find it.
pub struct Attrs<'a> {
    at: &'a Object,
    member: Option<&'a [u8]>,
}

impl Attrs<'_> {
    fn what(&self, verb: &str, name: &[u8]) -> String {
        match self.member {
            None => self.at.attr_what(verb, name),
            Some(member) => format!("cannot {verb} the attribute {} of {}", bytes_text(name), self.at.child_label(member)),
        }
    }

    /// The object's name where it is looked for.
    fn object(&self) -> CString {
        c_string(self.member.unwrap_or(b"."))
    }

    /// Creates one that does not exist. `committed` is the object of its type, if that is a committed one.
    pub fn create(
        &self,
        name: &[u8],
        value: &AttrValue,
        committed: Option<&Object>,
        charset: Option<Charset>,
        made: &mut Made,
    ) -> Result<()> {
        let memory = made.dtype(&value.dtype)?;
        let space_id = made.space(&value.shape, value.max.as_ref())?;
        let list = made.attr_list(name, charset)?;
        let attr = self.made(name, committed.map_or(&memory, Object::id), &space_id, &list)?;
        self.put(&attr, &memory, name, value)
    }

    fn made(&self, name: &[u8], type_id: &Id, space_id: &Id, list: &Id) -> Result<Id> {
        let (object, c_name) = (self.object(), c_string(name));
        let (at, list) = (self.at.id().raw(), list.raw());
        activity::object();
        // SAFETY: valid identifiers and C strings.
        let create = || unsafe {
            let (type_id, space_id) = (type_id.raw(), space_id.raw());
            H5Acreate_by_name(at, object.as_ptr(), c_name.as_ptr(), type_id, space_id, list, H5P_DEFAULT, H5P_DEFAULT)
        };
        call(|| self.what("create", name), create).map(Id::own)
    }

    fn put(&self, attr: &Id, type_id: &Id, name: &[u8], value: &AttrValue) -> Result<()> {
        let what = || self.what("write", name);
        let write = |p: *const c_void| status(what, || unsafe { H5Awrite(attr.raw(), type_id.raw(), p) });
        match &value.data {
            data if data.count(&value.dtype) == 0 => Ok(()),
            // SAFETY (both): as many elements as the attribute's dataspace has, of its own type.
            Elements::Fixed(bytes) => write(bytes.as_ptr().cast()),
            data => write(Composed::new(self.at.id(), &value.dtype, data)?.raw.as_ptr().cast()),
        }
    }
}

/// The library allocates what the values say that they have.
fn refuse_long(attr: &Id, dtype: &Dtype, count: u64, what: &dyn Fn() -> String) -> Result<()> {
    match super::lengths::stored_bytes(attr, dtype, count, what)? {
        0..=MOST_OUTSIDE_BYTES => Ok(()),
        bytes => {
            let cause = format!("its values take {}; at most {} are read", human_bytes(bytes), human_bytes(MOST_OUTSIDE_BYTES));
            Err(H5Error::new(what(), cause))
        }
    }
}

unsafe extern "C" fn collect_name(_: hid_t, name: *const c_char, _: *const H5A_info_t, data: *mut c_void) -> i32 {
    // SAFETY: the library passes a terminated name, and the vector that `attr_names` gave it.
    let (name, names) = unsafe { (CStr::from_ptr(name), &mut *data.cast::<Vec<Vec<u8>>>()) };
    super::activity::progress();
    names.push(name.to_bytes().to_vec());
    0
}

#[cfg(test)]
mod tests {
    use hdf5_sys::h5p::{H5P_CLS_ATTRIBUTE_CREATE, H5Pget_char_encoding, H5Pset_char_encoding};

    use super::*;
    use crate::h5::file::property_list;
    use crate::h5::{File, NewFile};
    use crate::model::{Shape, TrackOrder};

    #[test]
    fn moved_attributes_keep_the_character_set_of_their_names() {
        let folder = tempfile::tempdir().unwrap();
        let new = NewFile::plain(TrackOrder::Tracked);
        let file = File::create(&folder.path().join("t.h5"), new, false).unwrap();
        let root = file.root().unwrap();
        let value = AttrValue { max: None, dtype: Dtype::int(1, true), shape: Shape::Scalar, data: Elements::Fixed(vec![7]) };
        root.attrs().create(b"first", &value, None, None, &mut Made::default()).unwrap();
        let (type_id, space_id) = (dtype::create(&value.dtype).unwrap(), space::create(&value.shape, None).unwrap());
        let sets = [(&b"plain"[..], H5T_cset_t::H5T_CSET_UTF8), (&b"\xe9"[..], H5T_cset_t::H5T_CSET_ASCII)];
        for (name, set) in sets {
            let list = property_list(*H5P_CLS_ATTRIBUTE_CREATE).unwrap();
            // SAFETY: an attribute creation list.
            status(|| "test".into(), || unsafe { H5Pset_char_encoding(list.raw(), set) }).unwrap();
            let attr = root.attrs().made(name, &type_id, &space_id, &list).unwrap();
            root.attrs().put(&attr, &type_id, name, &value).unwrap();
        }
        let wider = AttrValue { max: None, dtype: Dtype::int(2, true), shape: Shape::Scalar, data: Elements::Fixed(vec![7, 0]) };
        root.recreate_attrs(&[Recreated { name: b"first", value: &wider, committed: None }], true).unwrap();
        assert_eq!(root.attr_names(true).unwrap(), [&b"first"[..], b"plain", b"\xe9"]);
        for (name, set) in sets {
            let c_name = c_string(name);
            // SAFETY: a valid object, C string and out-parameter.
            let attr = Id::own(call(|| "test".into(), || unsafe { H5Aopen(root.id().raw(), c_name.as_ptr(), H5P_DEFAULT) }).unwrap());
            let list = Id::own(call(|| "test".into(), || unsafe { H5Aget_create_plist(attr.raw()) }).unwrap());
            let mut found = H5T_cset_t::H5T_CSET_ERROR;
            status(|| "test".into(), || unsafe { H5Pget_char_encoding(list.raw(), &raw mut found) }).unwrap();
            assert!(found == set, "{name:?}");
        }
    }

    #[test]
    fn attributes_made_anew_together_keep_their_places() {
        let folder = tempfile::tempdir().unwrap();
        let file = File::create(&folder.path().join("t.h5"), NewFile::plain(TrackOrder::Tracked), false).unwrap();
        let root = file.root().unwrap();
        let value = |bytes: &[u8]| {
            let dtype = Dtype::int(bytes.len(), true);
            AttrValue { max: None, dtype, shape: Shape::Scalar, data: Elements::Fixed(bytes.to_vec()) }
        };
        for (name, byte) in [(b"z", 1), (b"m", 2), (b"a", 3), (b"k", 4)] {
            root.attrs().create(name, &value(&[byte]), None, None, &mut Made::default()).unwrap();
        }
        let wider = value(&[7, 0]);
        let change = |name| Recreated { name, value: &wider, committed: None };
        root.recreate_attrs(&[change(b"k"), change(b"m")], true).unwrap();
        assert_eq!(root.attr_names(true).unwrap(), [b"z", b"m", b"a", b"k"]);
        let seen = |name: &[u8]| root.attr(name, 1 << 20).unwrap();
        assert!(
            matches!(seen(b"m"), Some(AttrSeen::Value(v)) if v == wider) && matches!(seen(b"k"), Some(AttrSeen::Value(v)) if v == wider)
        );
        assert!(matches!(seen(b"a"), Some(AttrSeen::Value(v)) if v == value(&[3])));
        assert!(root.recreate_attrs(&[change(b"no")], true).is_err());
    }
}
