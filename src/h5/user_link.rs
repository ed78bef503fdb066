//! Links of classes that programs have registered, and external links: kept with their data, never followed.
//!
//! The library follows external links on its own, wherever a path leads through one, and opens the other file as this one is open. Its
//! class of external links is replaced by one that refuses.
//!
//! The library hands out a link's data only through its class. A class that nobody knows here is registered with functions that
//! copy the data and refuse to follow the link.

use std::ffi::{c_char, c_int, c_void};

use hdf5_sys::h5i::hid_t;
use hdf5_sys::h5l::{H5L_class_t, H5L_info2_t, H5L_type_t, H5Lget_val};
use hdf5_sys::h5p::H5P_DEFAULT;

use super::id::c_string;
use super::object::link_list;
use super::{H5Error, Object, Result, call, status};
use crate::model::{Charset, bytes_text};

/// Classes that programs may register (H5Lpublic.h: from H5L_TYPE_UD_MIN, external links, to H5L_TYPE_MAX).
const USER_CLASSES: std::ops::RangeInclusive<i32> = 65..=255;

// The crate's type of a class is an enumeration that has the library's own only.
#[allow(clashing_extern_declarations)]
unsafe extern "C" {
    #[link_name = "H5Lregister"]
    fn register_class(class: *const LinkClass) -> c_int;
    #[link_name = "H5Lis_registered"]
    fn is_registered(class: c_int) -> c_int;
    #[link_name = "H5Lcreate_ud"]
    fn create_link(group: hid_t, name: *const c_char, class: c_int, data: *const c_void, size: usize, lcpl: hid_t, lapl: hid_t) -> c_int;
}

/// `H5L_class_t` of version 1 (H5Ldevelop.h).
#[repr(C)]
struct LinkClass {
    version: c_int,
    id: c_int,
    comment: *const c_char,
    create: *const c_void,
    rename: *const c_void,
    copy: *const c_void,
    traverse: extern "C" fn(*const c_char, hid_t, *const c_void, usize, hid_t, hid_t) -> hid_t,
    delete: *const c_void,
    query: unsafe extern "C" fn(*const c_char, *const c_void, usize, *mut c_void, usize) -> isize,
}

const _: () = assert!(size_of::<LinkClass>() == size_of::<H5L_class_t>() && size_of::<H5L_type_t>() == size_of::<c_int>());

/// The class of a link as a number: of a type that is an enumeration of the library's own classes only.
pub(super) fn class_of(info: &H5L_info2_t) -> i32 {
    // SAFETY: the struct begins with the class, a C enumeration of 4 bytes, which is read as a number.
    unsafe { std::ptr::from_ref(info).cast::<c_int>().read() }
}

extern "C" fn never(_: *const c_char, _: hid_t, _: *const c_void, _: usize, _: hid_t, _: hid_t) -> hid_t {
    -1
}

unsafe extern "C" fn copied(_: *const c_char, data: *const c_void, size: usize, buffer: *mut c_void, room: usize) -> isize {
    if !buffer.is_null() && !data.is_null() {
        // SAFETY: the library passes as many bytes of data, and as much room, as it says.
        unsafe { buffer.cast::<u8>().copy_from_nonoverlapping(data.cast(), size.min(room)) };
    }
    isize::try_from(size).unwrap_or(-1)
}

/// Makes a class known, so that links of it show their data.
pub(super) fn register(class: i32) -> Result<()> {
    if !USER_CLASSES.contains(&class) {
        return Err(H5Error::new(format!("cannot use links of class {class}"), "it is not a class of a program's own"));
    }
    // SAFETY: a plain value.
    if hdf5::sync::sync(|| unsafe { is_registered(class) }) > 0 {
        return Ok(());
    }
    keep_only(class)
}

/// From now on no path leads into another file. A failure shows where an external link is read.
pub(super) fn never_follow_external() {
    let _ = keep_only(H5L_type_t::H5L_TYPE_EXTERNAL as i32);
}

/// Registers a class, or replaces it, by one that copies data and follows nothing.
fn keep_only(class: i32) -> Result<()> {
    let null = std::ptr::null;
    let class = LinkClass {
        version: 1,
        id: class,
        comment: c"kept by h5mason".as_ptr(),
        create: null(),
        rename: null(),
        copy: null(),
        traverse: never,
        delete: null(),
        query: copied,
    };
    // SAFETY: a class whose functions and comment are static, and which the library copies.
    status(|| format!("cannot use links of class {}", class.id), || unsafe { register_class(&raw const class) })
}

impl Object {
    /// The data of a user-defined link of a registered class, `size` bytes.
    pub(super) fn user_data(&self, name: &[u8], size: usize) -> Result<Vec<u8>> {
        let c_name = c_string(name);
        let mut data = vec![0u8; size];
        // SAFETY: a valid group and C string; the buffer has the size that is passed.
        call(
            || format!("cannot read the link {} of {}", bytes_text(name), self.label()),
            || unsafe { H5Lget_val(self.id().raw(), c_name.as_ptr(), data.as_mut_ptr().cast(), size, H5P_DEFAULT) },
        )?;
        Ok(data)
    }

    /// Makes a user-defined link.
    pub fn create_user_link(&self, name: &[u8], class: i32, data: &[u8], charset: Option<Charset>) -> Result<()> {
        self.check_name(name)?;
        register(class)?;
        let (list, c_name) = (link_list(name, charset)?, c_string(name));
        let p = if data.is_empty() { std::ptr::null() } else { data.as_ptr().cast() };
        // SAFETY: a valid group, C string and property list; as many bytes as are passed.
        status(
            || format!("cannot create the link {}", self.child_label(name)),
            || unsafe { create_link(self.id().raw(), c_name.as_ptr(), class as c_int, p, data.len(), list.raw(), H5P_DEFAULT) },
        )
    }
}

#[cfg(test)]
mod tests {
    use crate::h5::{File, Link, NewFile, NewGroup};
    use crate::model::TrackOrder;

    #[test]
    fn no_path_leads_into_another_file() {
        let folder = tempfile::tempdir().unwrap();
        let new = NewFile::plain(TrackOrder::No);
        let other = File::create(&folder.path().join("other.h5"), new, false).unwrap();
        other.root().unwrap().create_group(b"a", NewGroup::plain()).unwrap();
        other.close().unwrap();
        let file = File::create(&folder.path().join("t.h5"), new, false).unwrap();
        let root = file.root().unwrap();
        root.create_external(b"out", b"other.h5", b"/", None).unwrap();
        root.create_soft(b"soft", b"/out/a", None).unwrap();
        assert_eq!(root.link(b"out").unwrap(), Some(Link::External { file: b"other.h5".to_vec(), path: b"/".to_vec() }));
        for name in [&b"out"[..], b"soft"] {
            assert!(root.open(name).is_err());
        }
        root.remove_link(b"out").unwrap();
        assert_eq!(root.link_names().unwrap(), [b"soft"]);
    }
}
