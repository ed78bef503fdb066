//! Files.
#![expect(clippy::disallowed_methods, reason = "the one place where files are opened and created")]

use std::ffi::c_int;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use hdf5_sys::h5ac::{H5AC__CURR_CACHE_CONFIG_VERSION as H5AC_CURR_CACHE_CONFIG_VERSION, H5AC_cache_config_t};
use hdf5_sys::h5f::{
    H5F_ACC_EXCL, H5F_ACC_RDONLY, H5F_ACC_RDWR, H5F_ACC_TRUNC, H5F_close_degree_t, H5F_fspace_strategy_t, H5F_info2_t, H5F_libver_t,
    H5F_scope_t, H5Fcreate, H5Fflush, H5Fget_create_plist, H5Fget_filesize, H5Fget_info2, H5Fopen,
};
use hdf5_sys::h5p::{
    H5P_CLS_FILE_ACCESS, H5P_CLS_FILE_CREATE, H5Pcreate, H5Pget_file_space_page_size, H5Pget_file_space_strategy, H5Pget_mdc_config,
    H5Pget_userblock, H5Pset, H5Pset_attr_creation_order, H5Pset_est_link_info, H5Pset_fclose_degree, H5Pset_file_locking,
    H5Pset_file_space_page_size, H5Pset_file_space_strategy, H5Pset_libver_bounds, H5Pset_link_creation_order, H5Pset_mdc_config,
    H5Pset_meta_block_size, H5Pset_obj_track_times, H5Pset_small_data_block_size, H5Pset_userblock,
};

use super::driver::Watched;
use super::id::c_string;
use super::object::{Object, order_flags};
use super::{H5Error, Id, Result, Session, call, moving, status};
use crate::model::{FileSpace, Libver, Orders, SpaceStrategy, TrackOrder};

/// Shall HDF5 lock the file?
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Locking {
    /// Yes, as every HDF5 program does by default.
    On,
    /// No: the caller holds a lock, or the file system has none.
    Off,
}

/// An open file.
#[derive(Debug)]
pub struct File {
    id: Id,
    name: String,
    session: Option<Watched>,
}

/// Creation properties of a new file.
#[derive(Clone, Copy, Debug)]
pub struct NewFile {
    /// Library version bounds, low and high.
    pub libver: (Libver, Libver),
    /// Bytes in front of the HDF5 data.
    pub userblock: u64,
    /// Creation order of the root's links and attributes.
    pub orders: Orders,
    /// How free space is managed; the library's default where not said.
    pub space: Option<FileSpace>,
    /// Bytes of a page; the library's default where not said.
    pub page_size: Option<u64>,
}

#[cfg(test)]
impl NewFile {
    /// For tests.
    pub fn plain(order: crate::model::TrackOrder) -> Self {
        Self { libver: (Libver::V18, Libver::Latest), userblock: 0, orders: Orders::both(order), space: None, page_size: None }
    }
}

/// What the superblock says.
#[derive(Clone, Copy, Debug)]
pub struct FileInfo {
    /// Superblock version.
    pub superblock: u32,
    /// Userblock in bytes.
    pub userblock: u64,
    /// Bytes.
    pub size: u64,
    /// How free space is managed.
    pub space: FileSpace,
    /// Bytes of a page.
    pub page_size: u64,
}

impl File {
    /// The session that it is open on.
    pub(super) fn watched(&self) -> Option<&Watched> {
        self.session.as_ref()
    }

    /// Opens for reading.
    pub fn open(path: &Path, locking: Locking) -> Result<Self> {
        Self::open_with(path, H5F_ACC_RDONLY, None, locking, None)
    }

    /// Opens for writing without a lock of HDF5's: the caller holds one, or owns the file.
    pub fn open_writable(path: &Path, libver: (Libver, Libver)) -> Result<Self> {
        Self::open_with(path, H5F_ACC_RDWR, Some(libver), Locking::Off, None)
    }

    /// Opens what stands behind a session for reading.
    pub fn open_session(session: &Session) -> Result<Self> {
        Self::open_with(session.name(), H5F_ACC_RDONLY, None, Locking::On, Some(session))
    }

    /// Opens what stands behind a session for writing.
    pub fn open_session_writable(session: &Session, libver: (Libver, Libver)) -> Result<Self> {
        Self::open_with(session.name(), H5F_ACC_RDWR, Some(libver), Locking::On, Some(session))
    }

    fn open_with(path: &Path, flags: u32, libver: Option<(Libver, Libver)>, locking: Locking, session: Option<&Session>) -> Result<Self> {
        initialise();
        let name = path.display().to_string();
        let access = access_list(libver, locking)?;
        session.map(|s| s.set_on(&access)).transpose()?;
        let c_path = c_string(path.as_os_str().as_bytes());
        // SAFETY: valid C string and property list.
        let id = call(|| format!("cannot open {name}"), || unsafe { H5Fopen(c_path.as_ptr(), flags, access.raw()) })?;
        Ok(Self { id: Id::own(id), name, session: session.map(Session::watched) })
    }

    /// Creates a file where there is none, or, with `truncate`, over an empty one the caller has made.
    pub fn create(path: &Path, new: NewFile, truncate: bool) -> Result<Self> {
        Self::create_with(path, new, if truncate { H5F_ACC_TRUNC } else { H5F_ACC_EXCL }, None)
    }

    /// Creates a file in what stands behind a session.
    pub fn create_session(session: &Session, new: NewFile) -> Result<Self> {
        Self::create_with(session.name(), new, H5F_ACC_TRUNC, Some(session))
    }

    fn create_with(path: &Path, new: NewFile, flags: u32, session: Option<&Session>) -> Result<Self> {
        initialise();
        let name = path.display().to_string();
        let what = || format!("cannot create {name}");
        let access = access_list(Some(new.libver), Locking::Off)?;
        session.map(|s| s.set_on(&access)).transpose()?;
        let create = property_list(*H5P_CLS_FILE_CREATE)?;
        // SAFETY: valid property list of the file creation class; plain values.
        status(what, || unsafe {
            let p = create.raw();
            (H5Pset_userblock(p, new.userblock).min(H5Pset_obj_track_times(p, 0)))
                .min(H5Pset_link_creation_order(p, order_flags(new.orders.links)))
                .min(H5Pset_attr_creation_order(p, order_flags(new.orders.attrs)))
        })?;
        if let Some(space) = new.space {
            let strategy = match space.strategy {
                SpaceStrategy::FsmAggr => H5F_fspace_strategy_t::H5F_FSPACE_STRATEGY_FSM_AGGR,
                SpaceStrategy::Page => H5F_fspace_strategy_t::H5F_FSPACE_STRATEGY_PAGE,
                SpaceStrategy::Aggr => H5F_fspace_strategy_t::H5F_FSPACE_STRATEGY_AGGR,
                SpaceStrategy::None => H5F_fspace_strategy_t::H5F_FSPACE_STRATEGY_NONE,
            };
            // SAFETY (both): as above.
            status(what, || unsafe { H5Pset_file_space_strategy(create.raw(), strategy, u8::from(space.persist), space.threshold) })?;
        }
        if let Some(bytes) = new.page_size {
            status(what, || unsafe { H5Pset_file_space_page_size(create.raw(), bytes) })?;
        }
        Self::made(path, flags, &create, &access, session)
    }

    fn made(path: &Path, flags: u32, create: &Id, access: &Id, session: Option<&Session>) -> Result<Self> {
        let name = path.display().to_string();
        let c_path = c_string(path.as_os_str().as_bytes());
        // SAFETY: valid C string and property lists.
        let id = call(|| format!("cannot create {name}"), || unsafe { H5Fcreate(c_path.as_ptr(), flags, create.raw(), access.raw()) })?;
        Ok(Self { id: Id::own(id), name, session: session.map(Session::watched) })
    }

    /// Creates a file with the creation properties of another one, but for its root group: that is as small as can be, for another takes
    /// its place. Nothing is allocated in larger pieces than what it is for, so that none is left over.
    pub fn create_like(session: &Session, like: &File, libver: (Libver, Libver)) -> Result<Self> {
        let what = || format!("cannot create a file like {}", like.name);
        let access = access_list(Some(libver), Locking::Off)?;
        session.set_on(&access)?;
        // SAFETY (three times): valid identifiers; a list of the file creation class, which is one of groups, too; plain values.
        let create = Id::own(call(what, || unsafe { H5Fget_create_plist(like.id.raw()) })?);
        status(what, || unsafe { H5Pset_meta_block_size(access.raw(), 0).min(H5Pset_small_data_block_size(access.raw(), 0)) })?;
        status(what, || unsafe {
            let p = create.raw();
            (H5Pset_obj_track_times(p, 0))
                .min(H5Pset_link_creation_order(p, order_flags(TrackOrder::Tracked)))
                .min(H5Pset_attr_creation_order(p, 0))
                .min(H5Pset_est_link_info(p, 1, 1))
        })?;
        Self::made(session.name(), H5F_ACC_TRUNC, &create, &access, Some(session))
    }

    /// Does a virtual dataset of this file mean the file itself by this name? As far as names tell.
    pub fn is_called(&self, name: &[u8]) -> bool {
        let own = Path::new(&self.name);
        let beside = own.parent().unwrap_or(Path::new("")).join(std::ffi::OsStr::from_bytes(name));
        name == b"." || std::path::absolute(beside).ok().zip(std::path::absolute(own).ok()).is_some_and(|(a, b)| a == b)
    }

    /// The name it was opened with.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The root group.
    pub fn root(&self) -> Result<Object> {
        Object::open_at(&self.id, b"/")
    }

    pub(super) fn id(&self) -> &Id {
        &self.id
    }

    /// Superblock version and sizes.
    pub fn info(&self) -> Result<FileInfo> {
        let what = || format!("cannot read the superblock of {}", self.name);
        let mut info = H5F_info2_t::default();
        let (mut userblock, mut size, mut page_size) = (0u64, 0u64, 0u64);
        // As the file has it, perhaps unchecked: no enum before it is looked at.
        let mut strategy: c_int = 0;
        let (mut persist, mut threshold) = (0u8, 0u64);
        // SAFETY: valid identifiers, and out-parameters of the declared types.
        let plist = Id::own(call(what, || unsafe { H5Fget_create_plist(self.id.raw()) })?);
        status(what, || unsafe {
            H5Fget_info2(self.id.raw(), &raw mut info)
                .min(H5Pget_userblock(plist.raw(), &raw mut userblock))
                .min(H5Fget_filesize(self.id.raw(), &raw mut size))
                .min(H5Pget_file_space_strategy(plist.raw(), (&raw mut strategy).cast(), &raw mut persist, &raw mut threshold))
                .min(H5Pget_file_space_page_size(plist.raw(), &raw mut page_size))
        })?;
        let strategies = [
            (H5F_fspace_strategy_t::H5F_FSPACE_STRATEGY_FSM_AGGR, SpaceStrategy::FsmAggr),
            (H5F_fspace_strategy_t::H5F_FSPACE_STRATEGY_PAGE, SpaceStrategy::Page),
            (H5F_fspace_strategy_t::H5F_FSPACE_STRATEGY_AGGR, SpaceStrategy::Aggr),
            (H5F_fspace_strategy_t::H5F_FSPACE_STRATEGY_NONE, SpaceStrategy::None),
        ];
        let known = strategies.iter().find(|(c, _)| *c as c_int == strategy).map(|(_, s)| *s);
        let strategy = known.ok_or_else(|| H5Error::new(what(), format!("its space strategy is {strategy}, which HDF5 does not have")))?;
        let space = FileSpace { strategy, persist: persist != 0, threshold };
        Ok(FileInfo { superblock: info.super_.version, userblock, size, space, page_size })
    }

    /// Has anything gone wrong below the library, which does not know of it? Work on a session that is lost already need not go on.
    pub fn check(&self) -> Result<()> {
        self.session.as_ref().map_or(Ok(()), Watched::check)
    }

    /// Hands everything to the operating system and closes, reporting what goes wrong.
    pub fn close(self) -> Result<()> {
        let Self { id, name, session } = self;
        // SAFETY: valid identifier.
        let flushed = moving(|| format!("cannot write {name}"), || unsafe { H5Fflush(id.raw(), H5F_scope_t::H5F_SCOPE_LOCAL) });
        drop(id);
        // What went wrong below is the cause of what the library says.
        session.as_ref().map_or(Ok(()), Watched::check)?;
        flushed
    }
}

// The crate declares its argument as a pointer; it is a mask (H5PLpublic.h).
unsafe extern "C" {
    fn H5PLset_loading_state(plugin_control_mask: std::ffi::c_uint) -> i32;
}

/// Starts the library, which sets the identifiers of its predefined classes and types, and turns
/// plugins off: a file must not decide which code is loaded. Then it registers the filters of our own.
/// Everything else comes after a file has been opened or created.
pub(super) fn initialise() {
    static ONCE: std::sync::Once = std::sync::Once::new();
    // SAFETY: a plain value; failure means that there is no plugin support to turn off.
    ONCE.call_once(|| {
        let _ = hdf5::sync::sync(|| unsafe { H5PLset_loading_state(0) });
        // The superblock's extension is made with the default list of groups, and would get times.
        // H5Pset_obj_track_times does not take a default list; this is what it sets (H5Oprivate.h).
        let mut flags = 0u8;
        // SAFETY: a list of the library and a property of one byte; failure means that the times stand there.
        let _ = hdf5::sync::sync(|| unsafe {
            H5Pset(*hdf5_sys::h5p::H5P_LST_GROUP_CREATE, c"object header flags".as_ptr(), (&raw mut flags).cast())
        });
        super::filter::register();
        super::user_link::never_follow_external();
        super::lengths::register();
    });
}

/// Lets the library load filters from the folders of `HDF5_PLUGIN_PATH`: the user trusts the files, and what is in those folders.
/// Only filters: no drivers and no connectors.
pub fn allow_plugins() {
    /// H5PL_FILTER_PLUGIN (H5PLpublic.h).
    const FILTERS: std::ffi::c_uint = 1;
    initialise();
    // SAFETY: a plain value; failure means that there is no plugin support.
    let _ = hdf5::sync::sync(|| unsafe { H5PLset_loading_state(FILTERS) });
}

/// A property list of a class.
pub(crate) fn property_list(class: i64) -> Result<Id> {
    // SAFETY: a class identifier of the library.
    call(|| "cannot make a property list".into(), || unsafe { H5Pcreate(class) }).map(Id::own)
}

fn access_list(libver: Option<(Libver, Libver)>, locking: Locking) -> Result<Id> {
    let access = property_list(*H5P_CLS_FILE_ACCESS)?;
    let p = access.raw();
    // SAFETY: valid property list of the file access class; plain values.
    status(
        || "cannot set file access".into(),
        || unsafe {
            H5Pset_fclose_degree(p, H5F_close_degree_t::H5F_CLOSE_STRONG).min(H5Pset_file_locking(p, u8::from(locking == Locking::On), 1))
        },
    )?;
    less_cached(&access)?;
    if let Some((low, high)) = libver {
        // SAFETY: as above.
        status(|| "cannot set the library version bounds".into(), || unsafe { H5Pset_libver_bounds(p, bound(low), bound(high)) })?;
    }
    Ok(access)
}

/// Metadata that is kept in memory at first, in bytes of the file; more where that is too little. The library takes twenty times as much for
/// it, and a look at very many objects comes to each of them once; so does a build. In which order things are written, and so what the
/// file's bytes are, depends on the size of this cache.
const CACHED_BYTES: usize = 512 << 10;

fn less_cached(access: &Id) -> Result<()> {
    // SAFETY: plain data, for which zeros are values.
    let mut config: H5AC_cache_config_t = unsafe { std::mem::zeroed() };
    config.version = H5AC_CURR_CACHE_CONFIG_VERSION;
    let what = || "cannot set file access".to_string();
    // SAFETY (both): a file access list, and a configuration of the version that it says.
    status(what, || unsafe { H5Pget_mdc_config(access.raw(), &raw mut config) })?;
    config.set_initial_size = 1;
    config.initial_size = CACHED_BYTES;
    config.min_size = config.min_size.min(CACHED_BYTES);
    status(what, || unsafe { H5Pset_mdc_config(access.raw(), &raw mut config) })
}

fn bound(v: Libver) -> H5F_libver_t {
    match v {
        Libver::Earliest => H5F_libver_t::H5F_LIBVER_EARLIEST,
        Libver::V18 => H5F_libver_t::H5F_LIBVER_V18,
        Libver::V110 => H5F_libver_t::H5F_LIBVER_V110,
        Libver::V112 => H5F_libver_t::H5F_LIBVER_V112,
        Libver::V114 => H5F_libver_t::H5F_LIBVER_V114,
        Libver::V200 | Libver::Latest => H5F_libver_t::H5F_LIBVER_V200,
    }
}
