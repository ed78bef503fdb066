//! Links of a group.

use std::collections::BTreeSet;
use std::ffi::{CStr, c_char, c_void};

use hdf5_sys::h5::{H5_index_t, H5_iter_order_t};
use hdf5_sys::h5i::hid_t;
use hdf5_sys::h5l::{
    H5L_info2_t, H5L_type_t, H5Lcreate_external, H5Lcreate_soft, H5Ldelete, H5Lexists, H5Lget_info2, H5Lget_val, H5Literate2, H5Lmove,
    H5Lunpack_elink_val,
};
use hdf5_sys::h5o::H5O_token_t;
use hdf5_sys::h5p::H5P_DEFAULT;
use hdf5_sys::h5t::H5T_cset_t;

use super::activity::Doing;
use super::id::c_string;
use super::object::link_list;
use super::user_link::{class_of, register};
use super::{H5Error, Object, Result, call, moving, plainly, status};
use crate::model::{Charset, TrackOrder, bytes_text};

/// A link as it is stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Link {
    /// To an object in the same file, by its address.
    Hard(u64),
    /// To a path.
    Soft(Vec<u8>),
    /// To a path in another file.
    External { file: Vec<u8>, path: Vec<u8> },
    /// Of a class that a program has registered, with that program's data.
    UserDefined {
        /// The class's number.
        class: i32,
        /// The link's data.
        data: Vec<u8>,
    },
}

/// Longest target text of a soft or external link that is read.
const MOST_TARGET_BYTES: usize = 1 << 20;

impl Object {
    /// The link of this name in this group.
    pub fn link(&self, name: &[u8]) -> Result<Option<Link>> {
        Ok(self.link_and_charset(name)?.map(|(link, _)| link))
    }

    /// The link of this name in this group, and the character set that its name is marked with.
    pub fn link_and_charset(&self, name: &[u8]) -> Result<Option<(Link, Charset)>> {
        self.check_name(name)?;
        let c_name = c_string(name);
        let what = || format!("cannot read the link {} of {}", bytes_text(name), self.label());
        let mut info = H5L_info2_t::default();
        // SAFETY (all): valid group, C string and out-parameter.
        if plainly(Doing::Metadata, || unsafe { H5Lget_info2(self.id().raw(), c_name.as_ptr(), &raw mut info, H5P_DEFAULT) }) < 0 {
            // Most links that are asked for are there: whether there is one is the second question.
            if call(what, || unsafe { H5Lexists(self.id().raw(), c_name.as_ptr(), H5P_DEFAULT) })? == 0 {
                return Ok(None);
            }
            status(what, || unsafe { H5Lget_info2(self.id().raw(), c_name.as_ptr(), &raw mut info, H5P_DEFAULT) })?;
        }
        let target = |info: &mut H5L_info2_t| -> Result<Vec<u8>> {
            // SAFETY: for links that are not hard the union holds the size.
            let size = unsafe { *info.u.val_size() };
            if size > MOST_TARGET_BYTES {
                return Err(H5Error::new(what(), format!("its target has {size} bytes")));
            }
            let mut value = vec![0u8; size];
            // SAFETY: the buffer has the size that is passed.
            status(what, || unsafe { H5Lget_val(self.id().raw(), c_name.as_ptr(), value.as_mut_ptr().cast(), size, H5P_DEFAULT) })?;
            Ok(value)
        };
        let charset = if info.cset == H5T_cset_t::H5T_CSET_UTF8 { Charset::Utf8 } else { Charset::Ascii };
        const HARD: i32 = H5L_type_t::H5L_TYPE_HARD as i32;
        const SOFT: i32 = H5L_type_t::H5L_TYPE_SOFT as i32;
        const EXTERNAL: i32 = H5L_type_t::H5L_TYPE_EXTERNAL as i32;
        let link = match class_of(&info) {
            HARD => {
                // SAFETY: for hard links the union holds the token.
                Link::Hard(address(unsafe { *info.u.token() }))
            }
            SOFT => {
                let mut value = target(&mut info)?;
                value.truncate(value.iter().position(|&b| b == 0).unwrap_or(value.len()));
                Link::Soft(value)
            }
            EXTERNAL => {
                let value = target(&mut info)?;
                let (mut file, mut path) = (std::ptr::null::<c_char>(), std::ptr::null::<c_char>());
                // SAFETY: the library checks the buffer and gives pointers into it, to terminated texts.
                status(what, || unsafe {
                    H5Lunpack_elink_val(value.as_ptr().cast(), value.len(), std::ptr::null_mut(), &raw mut file, &raw mut path)
                })?;
                let text = |p: *const c_char| unsafe { CStr::from_ptr(p) }.to_bytes().to_vec();
                Link::External { file: text(file), path: text(path) }
            }
            class => {
                // The size comes from the class, too.
                register(class)?;
                // SAFETY: valid group, C string and out-parameter.
                status(what, || unsafe { H5Lget_info2(self.id().raw(), c_name.as_ptr(), &raw mut info, H5P_DEFAULT) })?;
                // SAFETY: for links that are not hard the union holds the size.
                let size = unsafe { *info.u.val_size() };
                if size > MOST_TARGET_BYTES {
                    return Err(H5Error::new(what(), format!("its data has {size} bytes")));
                }
                Link::UserDefined { class, data: self.user_data(name, size)? }
            }
        };
        Ok(Some((link, charset)))
    }

    /// Makes a soft link; nothing needs to be at its target.
    pub fn create_soft(&self, name: &[u8], target: &[u8], charset: Option<Charset>) -> Result<()> {
        self.check_name(name)?;
        let (list, c_name, target) = (link_list(name, charset)?, c_string(name), c_string(target));
        // SAFETY: valid group, C strings and property list.
        status(
            || format!("cannot create the soft link {}", self.child_label(name)),
            || unsafe { H5Lcreate_soft(target.as_ptr(), self.id().raw(), c_name.as_ptr(), list.raw(), H5P_DEFAULT) },
        )
    }

    /// Makes a link to another file; nothing needs to be there.
    pub fn create_external(&self, name: &[u8], file: &[u8], path: &[u8], charset: Option<Charset>) -> Result<()> {
        self.check_name(name)?;
        let (list, c_name, file, path) = (link_list(name, charset)?, c_string(name), c_string(file), c_string(path));
        // SAFETY: valid group, C strings and property list.
        status(
            || format!("cannot create the external link {}", self.child_label(name)),
            || unsafe { H5Lcreate_external(file.as_ptr(), path.as_ptr(), self.id().raw(), c_name.as_ptr(), list.raw(), H5P_DEFAULT) },
        )
    }

    /// Names of this group's links in byte order of names.
    pub fn link_names(&self) -> Result<Vec<Vec<u8>>> {
        self.some_link_names(usize::MAX)
    }

    /// Names of at most so many of this group's links, in byte order of names.
    pub fn some_link_names(&self, most: usize) -> Result<Vec<Vec<u8>>> {
        let mut names = self.names(H5_index_t::H5_INDEX_NAME, most)?;
        names.sort();
        Ok(names)
    }

    /// Names of this group's links in the order they were made, which the group must track.
    pub fn link_names_as_made(&self) -> Result<Vec<Vec<u8>>> {
        self.names(H5_index_t::H5_INDEX_CRT_ORDER, usize::MAX)
    }

    fn names(&self, by: H5_index_t, most: usize) -> Result<Vec<Vec<u8>>> {
        let mut names = Names { list: Vec::new(), most };
        let mut index = 0u64;
        // SAFETY: the callback gets the names it was given, and the call ends before they go.
        status(
            || format!("cannot list the group {}", self.label()),
            || unsafe {
                H5Literate2(self.id().raw(), by, H5_iter_order_t::H5_ITER_INC, &raw mut index, Some(collect_name), (&raw mut names).cast())
            },
        )?;
        Ok(names.list)
    }

    /// Makes a hard link of this group lead to another object. Where creation order is tracked, it is the last one from then on.
    pub fn relink(&self, name: &[u8], object: &Object) -> Result<()> {
        let what = || format!("cannot replace the link {}", self.child_label(name));
        let Some((_, charset)) = self.link_and_charset(name)? else { return Err(H5Error::new(what(), "it is not there")) };
        self.remove_link(name)?;
        self.link_object(name, object, Some(charset))
    }

    /// The names of this group's links in the order they were made, where it is tracked.
    pub fn kept_order(&self) -> Result<Option<Vec<Vec<u8>>>> {
        match self.group_orders()?.links {
            TrackOrder::No => Ok(None),
            TrackOrder::Tracked | TrackOrder::Indexed => self.link_names_as_made().map(Some),
        }
    }

    /// Brings the links that are left of these back into this order, with as few moves as that takes.
    pub fn restore_order(&self, before: &[Vec<u8>]) -> Result<()> {
        let now = self.link_names_as_made()?;
        let there: BTreeSet<&Vec<u8>> = now.iter().collect();
        let wanted: Vec<&Vec<u8>> = before.iter().filter(|name| there.contains(name)).collect();
        let in_place = wanted.iter().zip(&now).take_while(|(wanted, now)| *wanted == now).count();
        wanted.iter().skip(in_place).try_for_each(|name| self.move_link_to_end(name))
    }

    /// Renames a link, and back: each makes it the last one in creation order (H5G_obj_insert).
    fn move_link_to_end(&self, name: &[u8]) -> Result<()> {
        let mut aside = [name, b"~"].concat();
        while self.link(&aside)?.is_some() {
            aside.push(b'~');
        }
        self.move_link(name, self, &aside)?;
        self.move_link(&aside, self, name)
    }

    /// Moves the link of this name into another group, or gives it another name; whatever it leads to stays as it is.
    /// Where the group keeps the order in which links were made, it is the last one from then on.
    pub fn move_link(&self, name: &[u8], to: &Object, to_name: &[u8]) -> Result<()> {
        self.check_name(name)?;
        to.check_name(to_name)?;
        let what = || format!("cannot move {} of {} to {}", bytes_text(name), self.label(), to.child_label(to_name));
        let Some((_, charset)) = self.link_and_charset(name)? else { return Err(H5Error::new(what(), "it is not there")) };
        let (list, c_name, c_to) = (link_list(to_name, Some(charset))?, c_string(name), c_string(to_name));
        // SAFETY: valid groups, C strings and property list.
        moving(what, || unsafe { H5Lmove(self.id().raw(), c_name.as_ptr(), to.id().raw(), c_to.as_ptr(), list.raw(), H5P_DEFAULT) })
    }

    /// Removes the link of this name; the object goes with its last link.
    pub fn remove_link(&self, name: &[u8]) -> Result<()> {
        self.check_name(name)?;
        let c_name = c_string(name);
        // SAFETY: valid group and C string.
        moving(
            || format!("cannot remove {} from {}", bytes_text(name), self.label()),
            || unsafe { H5Ldelete(self.id().raw(), c_name.as_ptr(), H5P_DEFAULT) },
        )
    }
}

/// Names that an iteration collects.
struct Names {
    list: Vec<Vec<u8>>,
    most: usize,
}

/// The address that a native token holds in its first eight bytes.
pub(crate) fn address(token: H5O_token_t) -> u64 {
    const { assert!(size_of::<H5O_token_t>() == 16) };
    // SAFETY: the token is sixteen plain bytes (H5Opublic.h).
    let bytes: [u8; 16] = unsafe { std::mem::transmute(token) };
    let mut first = [0u8; 8];
    first.copy_from_slice(&bytes[..8]);
    u64::from_ne_bytes(first)
}

/// The native token of an address: [`address`] gives it back.
pub(crate) fn token(address: u64) -> H5O_token_t {
    let mut bytes = [0u8; 16];
    bytes[..8].copy_from_slice(&address.to_ne_bytes());
    // SAFETY: the token is sixteen plain bytes (H5Opublic.h).
    unsafe { std::mem::transmute::<[u8; 16], H5O_token_t>(bytes) }
}

unsafe extern "C" fn collect_name(_: hid_t, name: *const c_char, _: *const H5L_info2_t, data: *mut c_void) -> i32 {
    // SAFETY: the library passes a terminated name, and the names that it was given.
    let (name, names) = unsafe { (CStr::from_ptr(name), &mut *data.cast::<Names>()) };
    super::activity::progress();
    if names.list.len() >= names.most {
        // Not a failure: the iteration stops here.
        return 1;
    }
    names.list.push(name.to_bytes().to_vec());
    0
}
