//! Objects: groups, datasets, committed types.

use std::ffi::c_void;

use hdf5_sys::h5g::H5Gcreate2;
use hdf5_sys::h5i::{H5I_type_t, H5Iget_type};
use hdf5_sys::h5o::{
    H5O_COPY_WITHOUT_ATTR_FLAG, H5O_INFO_BASIC, H5O_INFO_NUM_ATTRS, H5O_NATIVE_INFO_HDR, H5O_info2_t, H5O_native_info_t, H5O_type_t,
    H5Ocopy, H5Oget_comment, H5Oget_info3, H5Oget_native_info, H5Olink, H5Oopen, H5Oopen_by_token,
};
use hdf5_sys::h5p::{
    H5P_CLS_DATATYPE_CREATE, H5P_CLS_GROUP_CREATE, H5P_CLS_LINK_CREATE, H5P_CLS_OBJECT_COPY, H5P_CRT_ORDER_INDEXED, H5P_CRT_ORDER_TRACKED,
    H5P_DEFAULT, H5Pget_attr_creation_order, H5Pget_link_creation_order, H5Pset_attr_creation_order, H5Pset_char_encoding,
    H5Pset_copy_object, H5Pset_link_creation_order, H5Pset_obj_track_times,
};
use hdf5_sys::h5t::{H5T_cset_t, H5Tcommit_anon};

use super::activity::Doing;
use super::file::property_list;
use super::id::c_string;
use super::link::{address, token};
use super::{H5Error, Id, Result, activity, call, dtype, moving, plainly, status};
use crate::model::{Charset, Dtype, HeaderVersion, ObjectId, Orders, TrackOrder, bytes_text};

/// Longest comment that is read: messages of an object header are smaller.
const MOST_COMMENT_BYTES: i64 = 1 << 17;

/// An open object with a name for messages.
#[derive(Debug)]
pub struct Object {
    id: Id,
    label: String,
}

/// What an object is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A group.
    Group,
    /// A dataset.
    Dataset,
    /// A committed type.
    Type,
    /// Something newer.
    Unknown,
}

/// Basic facts of an object.
#[derive(Clone, Copy, Debug)]
pub struct ObjectInfo {
    /// Identity.
    pub id: ObjectId,
    /// What it is.
    pub kind: Kind,
    /// Hard links to it.
    pub links: u32,
    /// Attributes it has.
    pub attrs: u64,
}

/// Creation properties of a group.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NewGroup {
    /// Creation order of its links.
    pub link_order: TrackOrder,
    /// Creation order of its attributes.
    pub attr_order: TrackOrder,
    /// Character set of the link's name, where it is not the usual one.
    pub name_charset: Option<Charset>,
}

#[cfg(test)]
impl NewGroup {
    /// For tests.
    pub fn plain() -> Self {
        Self { link_order: TrackOrder::No, attr_order: TrackOrder::No, name_charset: None }
    }
}

impl Object {
    pub(crate) fn open_at(at: &Id, name: &[u8]) -> Result<Self> {
        let c_name = c_string(name);
        activity::object();
        // SAFETY: valid location and C string.
        let id = call(|| format!("cannot open {}", bytes_text(name)), || unsafe { H5Oopen(at.raw(), c_name.as_ptr(), H5P_DEFAULT) })?;
        Ok(Self { id: Id::own(id), label: bytes_text(name) })
    }

    /// Opens the object behind a hard link of this group.
    pub fn open(&self, name: &[u8]) -> Result<Self> {
        self.check_name(name)?;
        let object = Self::open_at(&self.id, name)?;
        Ok(Self { label: format!("{}/{}", self.label.trim_end_matches('/'), object.label), ..object })
    }

    /// [`Object::open`] where the link has just been read: the name is not looked up again.
    pub fn open_hard(&self, name: &[u8], address: u64) -> Result<Self> {
        activity::object();
        // SAFETY: a valid group, and an address that the library checks as it checks that of a link.
        let id = plainly(Doing::Metadata, || unsafe { H5Oopen_by_token(self.id.raw(), token(address)) });
        match id >= 0 {
            true => Ok(Self { id: Id::own(id), label: self.child_label(name) }),
            // Why it cannot be opened is said as ever.
            false => self.open(name),
        }
    }

    pub(crate) fn new(id: Id, label: String) -> Self {
        Self { id, label }
    }

    /// Another handle of the same object.
    pub fn again(&self) -> Result<Self> {
        // SAFETY: a valid identifier, whose count goes down again when the new handle is dropped.
        status(|| format!("cannot open {}", self.label), || unsafe { hdf5_sys::h5i::H5Iinc_ref(self.id.raw()) })?;
        Ok(Self { id: Id::own(self.id.raw()), label: self.label.clone() })
    }

    pub(crate) fn id(&self) -> &Id {
        &self.id
    }

    /// The path it was opened by, for messages.
    pub fn label(&self) -> &str {
        &self.label
    }

    /// Identity, kind, number of links and attributes.
    pub fn info(&self) -> Result<ObjectInfo> {
        let mut info: H5O_info2_t = unsafe { std::mem::zeroed() };
        // SAFETY: valid object and out-parameter.
        status(
            || format!("cannot read {}", self.label),
            || unsafe { H5Oget_info3(self.id.raw(), &raw mut info, H5O_INFO_BASIC | H5O_INFO_NUM_ATTRS) },
        )?;
        let kind = match info.type_ {
            H5O_type_t::H5O_TYPE_GROUP => Kind::Group,
            H5O_type_t::H5O_TYPE_DATASET => Kind::Dataset,
            H5O_type_t::H5O_TYPE_NAMED_DATATYPE => Kind::Type,
            _ => Kind::Unknown,
        };
        let id = ObjectId { file: info.fileno, address: address(info.token) };
        Ok(ObjectInfo { id, kind, links: info.rc, attrs: info.num_attrs })
    }

    /// Version of the object header.
    pub fn header_version(&self) -> Result<HeaderVersion> {
        // The crate keeps the fields private; the version is the first of them (H5Opublic.h).
        let mut info = std::mem::MaybeUninit::<H5O_native_info_t>::zeroed();
        // SAFETY: valid object and out-parameter.
        status(
            || format!("cannot read the header of {}", self.label),
            || unsafe { H5Oget_native_info(self.id.raw(), info.as_mut_ptr(), H5O_NATIVE_INFO_HDR) },
        )?;
        // SAFETY: the struct begins with `hdr`, which begins with the unsigned `version`.
        let version = unsafe { info.as_ptr().cast::<u32>().read() };
        Ok(if version < 2 { HeaderVersion::V1 } else { HeaderVersion::V2 })
    }

    pub(crate) fn create_list(&self) -> Result<Id> {
        let what = || format!("cannot read the creation properties of {}", self.label);
        // SAFETY: valid object; the class is checked before the matching call.
        let id = call(what, || unsafe {
            match H5Iget_type(self.id.raw()) {
                H5I_type_t::H5I_GROUP => hdf5_sys::h5g::H5Gget_create_plist(self.id.raw()),
                H5I_type_t::H5I_DATASET => hdf5_sys::h5d::H5Dget_create_plist(self.id.raw()),
                _ => hdf5_sys::h5t::H5Tget_create_plist(self.id.raw()),
            }
        })?;
        Ok(Id::own(id))
    }

    /// Creation order of links and attributes of a group.
    pub fn group_orders(&self) -> Result<Orders> {
        let list = self.create_list()?;
        let mut links = 0u32;
        // SAFETY: a group's creation list and an out-parameter.
        status(
            || format!("cannot read the creation order of {}", self.label),
            || unsafe { H5Pget_link_creation_order(list.raw(), &raw mut links) },
        )?;
        Ok(Orders { links: order_of(links), attrs: attr_order_of(&list, &self.label)? })
    }

    /// Creation order of the object's attributes.
    pub fn attr_order(&self) -> Result<TrackOrder> {
        attr_order_of(&self.create_list()?, &self.label)
    }

    /// Creates a group in this group.
    pub fn create_group(&self, name: &[u8], new: NewGroup) -> Result<Object> {
        self.check_name(name)?;
        let what = || format!("cannot create the group {}", bytes_text(name));
        let list = property_list(*H5P_CLS_GROUP_CREATE)?;
        // SAFETY: valid property list of the group creation class; plain values.
        status(what, || unsafe {
            let p = list.raw();
            H5Pset_obj_track_times(p, 0)
                .min(H5Pset_link_creation_order(p, order_flags(new.link_order)))
                .min(H5Pset_attr_creation_order(p, order_flags(new.attr_order)))
        })?;
        let link = link_list(name, new.name_charset)?;
        let c_name = c_string(name);
        // SAFETY: valid location, C string and property lists.
        let id = call(what, || unsafe { H5Gcreate2(self.id.raw(), c_name.as_ptr(), link.raw(), list.raw(), H5P_DEFAULT) })?;
        Ok(Self::new(Id::own(id), self.child_label(name)))
    }

    /// Makes a committed type without a name, which goes again unless it is given one by [`Object::link_object`].
    pub fn commit_type(&self, dtype: &Dtype, attr_order: TrackOrder, label: String) -> Result<Object> {
        let what = || format!("cannot create the type {label}");
        let id = dtype::create(dtype)?;
        let list = property_list(*H5P_CLS_DATATYPE_CREATE)?;
        // SAFETY: valid property list of a type creation class; plain values; valid location and type.
        status(what, || unsafe {
            H5Pset_obj_track_times(list.raw(), 0).min(H5Pset_attr_creation_order(list.raw(), order_flags(attr_order)))
        })?;
        status(what, || unsafe { H5Tcommit_anon(self.id.raw(), id.raw(), list.raw(), H5P_DEFAULT) })?;
        Ok(Self::new(id, label))
    }

    /// Gives an object a name in this group.
    pub fn link_object(&self, name: &[u8], object: &Object, charset: Option<Charset>) -> Result<()> {
        self.check_name(name)?;
        let (list, c_name) = (link_list(name, charset)?, c_string(name));
        // SAFETY: valid identifiers and C string.
        status(
            || format!("cannot create the link {}", self.child_label(name)),
            || unsafe { H5Olink(object.id.raw(), self.id.raw(), c_name.as_ptr(), list.raw(), H5P_DEFAULT) },
        )
    }

    /// Copies an object of another file into this group, its attributes not.
    pub fn copy_from(&self, name: &[u8], source: &Object, charset: Option<Charset>) -> Result<Object> {
        self.check_name(name)?;
        let what = || format!("cannot copy {} to {}", source.label, self.child_label(name));
        let (copy, link, c_name) = (property_list(*H5P_CLS_OBJECT_COPY)?, link_list(name, charset)?, c_string(name));
        // SAFETY (both): valid identifiers, property lists and C strings.
        status(what, || unsafe { H5Pset_copy_object(copy.raw(), H5O_COPY_WITHOUT_ATTR_FLAG) })?;
        moving(what, || unsafe { H5Ocopy(source.id.raw(), c".".as_ptr(), self.id.raw(), c_name.as_ptr(), copy.raw(), link.raw()) })?;
        self.open(name)
    }

    /// The type of a committed type's object.
    pub fn committed_type(&self) -> Result<Dtype> {
        Ok(dtype::read(&self.id)?.resolved().clone())
    }

    /// The object's comment; empty where there is none.
    pub fn comment(&self) -> Result<Vec<u8>> {
        let what = || format!("cannot read the comment of {}", self.label);
        // SAFETY: valid object; the second call has room for what the first one reports, terminator included.
        let length = call(what, || unsafe { H5Oget_comment(self.id.raw(), std::ptr::null_mut(), 0) as i64 })?;
        if length > MOST_COMMENT_BYTES {
            return Err(H5Error::new(what(), format!("it claims to have {length} bytes")));
        }
        let mut text = vec![0u8; length as usize + 1];
        call(what, || unsafe { H5Oget_comment(self.id.raw(), text.as_mut_ptr().cast(), text.len()) as i64 })?;
        text.truncate(text.iter().position(|b| *b == 0).unwrap_or(text.len()));
        Ok(text)
    }

    /// Sets the object's comment; an empty one removes it.
    #[expect(deprecated, reason = "files have comments; attributes are no replacement for changing them")]
    pub fn set_comment(&self, comment: &[u8]) -> Result<()> {
        let text = c_string(comment);
        let p = if comment.is_empty() { std::ptr::null() } else { text.as_ptr() };
        // SAFETY: valid object and C string.
        status(|| format!("cannot set the comment of {}", self.label), || unsafe { hdf5_sys::h5o::H5Oset_comment(self.id.raw(), p) })
    }

    /// Refuses what HDF5 would not take for one name. A file can hold such names all the same; HDF5 reads
    /// them as paths then, and follows whatever links are on them, into other files, too.
    pub(crate) fn check_name(&self, name: &[u8]) -> Result<()> {
        let cause = match name {
            b"" => "HDF5 cannot open an empty name",
            b"." => "HDF5 cannot open this name: `.` is the group itself",
            _ if name.contains(&b'/') => "HDF5 cannot open this name: it holds a `/` and would be read as a path",
            _ if name.contains(&0) => "HDF5 cannot open this name: it holds a NUL",
            _ => return Ok(()),
        };
        Err(H5Error::new(format!("cannot use the name `{}` in {}", bytes_text(name), self.label), cause))
    }

    pub(crate) fn child_label(&self, name: &[u8]) -> String {
        format!("{}/{}", self.label.trim_end_matches('/'), bytes_text(name))
    }
}

pub(super) fn attr_order_of(list: &Id, label: &str) -> Result<TrackOrder> {
    let mut attrs = 0u32;
    // SAFETY: an object creation list and an out-parameter.
    status(|| format!("cannot read the creation order of {label}"), || unsafe { H5Pget_attr_creation_order(list.raw(), &raw mut attrs) })?;
    Ok(order_of(attrs))
}

/// Link creation properties: names that are not ASCII are marked as UTF-8, as h5py does, where nothing else is asked for.
pub(crate) fn link_list(name: &[u8], charset: Option<Charset>) -> Result<Id> {
    let list = property_list(*H5P_CLS_LINK_CREATE)?;
    set_charset(&list, marked(name, charset))?;
    Ok(list)
}

/// The character set that a name is marked with.
pub(crate) fn marked(name: &[u8], charset: Option<Charset>) -> Charset {
    charset.unwrap_or(if name.is_ascii() { Charset::Ascii } else { Charset::Utf8 })
}

/// Of a new list, which says ASCII.
pub(crate) fn set_charset(list: &Id, charset: Charset) -> Result<()> {
    if charset == Charset::Ascii {
        return Ok(());
    }
    // SAFETY: valid property list of a string creation class.
    status(|| "cannot set the character set".into(), || unsafe { H5Pset_char_encoding(list.raw(), H5T_cset_t::H5T_CSET_UTF8) })
}

pub(crate) fn order_flags(order: TrackOrder) -> u32 {
    match order {
        TrackOrder::No => 0,
        TrackOrder::Tracked => H5P_CRT_ORDER_TRACKED,
        TrackOrder::Indexed => H5P_CRT_ORDER_TRACKED | H5P_CRT_ORDER_INDEXED,
    }
}

fn order_of(flags: u32) -> TrackOrder {
    match (flags & H5P_CRT_ORDER_TRACKED != 0, flags & H5P_CRT_ORDER_INDEXED != 0) {
        (false, _) => TrackOrder::No,
        (true, false) => TrackOrder::Tracked,
        (true, true) => TrackOrder::Indexed,
    }
}

/// A buffer for the library to read from or write to.
pub(crate) fn buffer(bytes: &mut [u8]) -> *mut c_void {
    bytes.as_mut_ptr().cast()
}
