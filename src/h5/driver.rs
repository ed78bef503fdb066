//! A virtual file driver: HDF5 reads and writes through a [`Backing`] of ours instead of a file of its own.
//!
//! The structures are those of `H5FDdevelop.h` as of HDF5 1.14 to 2.2 (driver interface version 1); hdf5-metno-sys declares them as they
//! were before, which would corrupt memory. Their sizes and offsets are asserted at compile time.
//!
//! Errors of writing are never returned to the library: it leaks, loops or crashes when a driver fails while a file closes. They are
//! kept instead, success is returned, and [`Session::trouble`] tells: nothing of such a session may be used.

use std::collections::HashMap;
use std::ffi::{CStr, c_char, c_int, c_uint, c_ulong, c_void};
use std::fmt;
use std::io;
use std::mem::{offset_of, size_of};
use std::os::unix::ffi::OsStrExt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, LazyLock, Mutex, MutexGuard, PoisonError};

use hdf5_sys::h5f::{H5F_ACC_CREAT, H5F_ACC_EXCL, H5F_ACC_RDWR, H5F_ACC_TRUNC};
use hdf5_sys::h5i::hid_t;
use hdf5_sys::h5p::{H5Pget_driver_info, H5Pset_driver};

use super::{H5Error, Id, Result, call, status};

/// The bytes of a file, as HDF5 sees them through the driver. Offsets and lengths are in bytes from the start of the file,
/// userblock included.
pub trait Backing: Send {
    /// Fills the buffer; zeros stand for what is past the end.
    fn read(&mut self, at: u64, buffer: &mut [u8]) -> io::Result<()>;
    /// Writes, beyond the end, too.
    fn write(&mut self, at: u64, bytes: &[u8]) -> io::Result<()>;
    /// Sets the length.
    fn truncate(&mut self, len: u64) -> io::Result<()>;
    /// The length.
    fn end(&self) -> u64;
}

/// A backing, under a name, for as long as this lives. Files that are opened on it must be closed before.
#[derive(Debug)]
pub struct Session {
    token: u64,
    shared: Arc<Shared>,
}

struct Shared {
    /// What HDF5 is told the file is called: relative names in the file start from its folder.
    name: PathBuf,
    /// Device and inode.
    identity: (u64, u64),
    backing: Arc<Mutex<dyn Backing>>,
    /// The first thing that went wrong.
    trouble: Mutex<Option<String>>,
}

impl fmt::Debug for Shared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Shared").field("name", &self.name).field("identity", &self.identity).finish_non_exhaustive()
    }
}

/// Sessions by their tokens: a property list carries a token, never an address.
static SESSIONS: LazyLock<Mutex<HashMap<u64, Arc<Shared>>>> = LazyLock::new(Mutex::default);
static NEXT: AtomicU64 = AtomicU64::new(1);

fn locked<T: ?Sized>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Session {
    /// `identity`: the device and inode of the file that stands behind it.
    pub fn new(name: &Path, identity: (u64, u64), backing: Arc<Mutex<dyn Backing>>) -> Self {
        let shared = Arc::new(Shared { name: name.into(), identity, backing, trouble: Mutex::new(None) });
        let token = NEXT.fetch_add(1, Ordering::Relaxed);
        locked(&SESSIONS).insert(token, shared.clone());
        Self { token, shared }
    }

    /// What the file is called.
    pub fn name(&self) -> &Path {
        &self.shared.name
    }

    /// What went wrong first while reading or writing. What HDF5 believes to have written is worth nothing then.
    pub fn trouble(&self) -> Option<String> {
        locked(&self.shared.trouble).clone()
    }

    /// For a file that is opened on it.
    pub(super) fn watched(&self) -> Watched {
        Watched(self.shared.clone())
    }

    /// Lets files that are opened with this access list go through this session.
    pub(super) fn set_on(&self, access: &Id) -> Result<()> {
        let driver = driver()?;
        // SAFETY: a valid file access list, our own driver, and a token that `fapl_copy` copies.
        status(|| "cannot set the file driver".into(), || unsafe { H5Pset_driver(access.raw(), driver, (&raw const self.token).cast()) })
    }
}

/// What a file asks about the session that it is open on.
#[derive(Debug)]
pub(super) struct Watched(Arc<Shared>);

impl Watched {
    /// Fails with the first thing that went wrong.
    pub fn check(&self) -> Result<()> {
        let trouble = locked(&self.0.trouble);
        trouble.as_ref().map_or(Ok(()), |cause| Err(H5Error::new(format!("cannot use {}", self.0.name.display()), cause)))
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        locked(&SESSIONS).remove(&self.token);
    }
}

impl Shared {
    fn fail(&self, doing: &str, error: &dyn fmt::Display) {
        locked(&self.trouble).get_or_insert_with(|| format!("it cannot be {doing}: {}", plain(&error.to_string())));
    }

    /// Runs an operation on the backing; a failure or a panic is kept.
    fn run<T>(&self, doing: &'static str, f: impl FnOnce(&mut dyn Backing) -> io::Result<T>) -> Option<T> {
        match catch_unwind(AssertUnwindSafe(|| f(&mut *locked(&self.backing)))) {
            Ok(Ok(value)) => Some(value),
            Ok(Err(e)) => {
                self.fail(doing, &e);
                None
            }
            Err(_) => {
                self.fail(doing, &"a panic in h5mason");
                None
            }
        }
    }
}

/// The operating system's words without its number.
fn plain(text: &str) -> String {
    text.split(" (os error").next().unwrap_or(text).to_lowercase()
}

/// `H5FD_t`, the part of an open file that the library knows.
#[repr(C)]
struct Public {
    driver_id: hid_t,
    class: *const Class,
    fileno: c_ulong,
    access_flags: c_uint,
    feature_flags: c_ulong,
    maxaddr: u64,
    base_addr: u64,
    threshold: u64,
    alignment: u64,
    paged_aggr: bool,
}

/// An open file: the library's part first.
#[repr(C)]
struct Open {
    public: Public,
    token: u64,
    /// The end of what is allocated, which the library sets.
    eoa: u64,
    shared: Arc<Shared>,
    writable: bool,
}

type Plist = *const c_void;
type Absent = Option<extern "C" fn()>;

/// `H5FD_class_t`. Functions that we do not have are pointers of no particular type.
#[repr(C)]
struct Class {
    version: c_uint,
    value: c_int,
    name: *const c_char,
    maxaddr: u64,
    fc_degree: c_int,
    terminate: Absent,
    sb_size: Absent,
    sb_encode: Absent,
    sb_decode: Absent,
    fapl_size: usize,
    fapl_get: Option<extern "C" fn(*mut Open) -> *mut c_void>,
    fapl_copy: Option<extern "C" fn(Plist) -> *mut c_void>,
    fapl_free: Option<extern "C" fn(*mut c_void) -> c_int>,
    dxpl_size: usize,
    dxpl_copy: Absent,
    dxpl_free: Absent,
    open: Option<extern "C" fn(*const c_char, c_uint, hid_t, u64) -> *mut Open>,
    close: Option<extern "C" fn(*mut Open) -> c_int>,
    cmp: Option<extern "C" fn(*const Open, *const Open) -> c_int>,
    query: Option<extern "C" fn(*const Open, *mut c_ulong) -> c_int>,
    get_type_map: Absent,
    alloc: Absent,
    free: Absent,
    get_eoa: Option<extern "C" fn(*const Open, c_int) -> u64>,
    set_eoa: Option<extern "C" fn(*mut Open, c_int, u64) -> c_int>,
    get_eof: Option<extern "C" fn(*const Open, c_int) -> u64>,
    get_handle: Absent,
    read: Option<extern "C" fn(*mut Open, c_int, hid_t, u64, usize, *mut c_void) -> c_int>,
    write: Option<extern "C" fn(*mut Open, c_int, hid_t, u64, usize, *const c_void) -> c_int>,
    read_vector: Absent,
    write_vector: Absent,
    read_selection: Absent,
    write_selection: Absent,
    flush: Option<extern "C" fn(*mut Open, hid_t, bool) -> c_int>,
    truncate: Option<extern "C" fn(*mut Open, hid_t, bool) -> c_int>,
    lock: Option<extern "C" fn(*mut Open, bool) -> c_int>,
    unlock: Option<extern "C" fn(*mut Open) -> c_int>,
    del: Absent,
    ctl: Absent,
    fl_map: [c_int; 7],
}

// LP64; other models would need other numbers, and do not compile.
const _: () = assert!(size_of::<Class>() == 336 && size_of::<Public>() == 80);
const _: () = assert!(offset_of!(Class, fapl_size) == 64 && offset_of!(Class, open) == 120 && offset_of!(Class, get_eoa) == 176);
const _: () = assert!(offset_of!(Class, read) == 208 && offset_of!(Class, flush) == 256 && offset_of!(Class, fl_map) == 304);
const _: () = assert!(offset_of!(Public, access_flags) == 24 && offset_of!(Public, maxaddr) == 40 && offset_of!(Public, paged_aggr) == 72);
const _: () = assert!(offset_of!(Open, public) == 0);

/// As the default driver's, which makes files of the same bytes, but for "has a file descriptor" and "can have a concurrent reader":
/// aggregate and accumulate metadata, sieve, aggregate small data, readable by the default driver (`H5FDpublic.h`).
const FEATURES: c_ulong = 0x1 | 0x2 | 0x4 | 0x8 | 0x10 | 0x8000;
const SUCCEED: c_int = 0;
const FAIL: c_int = -1;
/// `H5_VFD_*` values from 256 on are for drivers that are not registered with The HDF Group, up to 511 for testing.
const VALUE: c_int = 489;
const WEAK: c_int = 1;

// SAFETY: the class is constant, and so are the name and the functions that it points to.
unsafe impl Sync for Class {}

static CLASS: Class = Class {
    version: 1,
    value: VALUE,
    name: c"h5mason".as_ptr(),
    maxaddr: i64::MAX as u64,
    fc_degree: WEAK,
    terminate: None,
    sb_size: None,
    sb_encode: None,
    sb_decode: None,
    fapl_size: size_of::<u64>(),
    fapl_get: Some(fapl_get),
    fapl_copy: Some(fapl_copy),
    fapl_free: Some(fapl_free),
    dxpl_size: 0,
    dxpl_copy: None,
    dxpl_free: None,
    open: Some(open),
    close: Some(close),
    cmp: Some(cmp),
    query: Some(query),
    get_type_map: None,
    alloc: None,
    free: None,
    get_eoa: Some(get_eoa),
    set_eoa: Some(set_eoa),
    get_eof: Some(get_eof),
    get_handle: None,
    read: Some(read),
    write: Some(write),
    read_vector: None,
    write_vector: None,
    read_selection: None,
    write_selection: None,
    flush: Some(flush),
    truncate: Some(truncate),
    lock: Some(lock),
    unlock: Some(unlock),
    del: None,
    ctl: None,
    // Metadata in one free list, raw data in another: H5FD_FLMAP_DICHOTOMY, as the default driver's.
    fl_map: [1, 1, 1, 3, 3, 1, 1],
};

unsafe extern "C" {
    fn H5FDregister(class: *const Class) -> hid_t;
}

/// The registered driver.
fn driver() -> Result<hid_t> {
    static DRIVER: Mutex<Option<hid_t>> = Mutex::new(None);
    let mut driver = locked(&DRIVER);
    if let Some(id) = *driver {
        return Ok(id);
    }
    // SAFETY: a class of the size and version that the library expects, which lives for ever.
    let id = call(|| "cannot register the file driver".into(), || unsafe { H5FDregister(&raw const CLASS) })?;
    *driver = Some(id);
    Ok(id)
}

/// An open file of ours.
///
/// # Safety
/// The library hands back what `open` gave to it, until `close`.
unsafe fn file<'a>(file: *const Open) -> &'a Open {
    // SAFETY: the caller's.
    unsafe { &*file }
}

extern "C" fn fapl_get(open: *mut Open) -> *mut c_void {
    // SAFETY: an open file.
    Box::into_raw(Box::new(unsafe { file(open) }.token)).cast()
}

extern "C" fn fapl_copy(token: Plist) -> *mut c_void {
    // SAFETY: the library copies what was given to H5Pset_driver, or what this function or `fapl_get` has made.
    Box::into_raw(Box::new(unsafe { *token.cast::<u64>() })).cast()
}

extern "C" fn fapl_free(token: *mut c_void) -> c_int {
    // SAFETY: made by `fapl_copy` or `fapl_get`, and freed once.
    drop(unsafe { Box::from_raw(token.cast::<u64>()) });
    SUCCEED
}

extern "C" fn open(name: *const c_char, flags: c_uint, access: hid_t, maxaddr: u64) -> *mut Open {
    let opened = catch_unwind(|| {
        // SAFETY: the access list that the file is opened with; the driver is ours, so its information is a token.
        let token = unsafe { H5Pget_driver_info(access).cast::<u64>().as_ref() }.copied()?;
        // SAFETY: the library gives a C string.
        let name = Path::new(std::ffi::OsStr::from_bytes(unsafe { CStr::from_ptr(name) }.to_bytes())).to_owned();
        let session = locked(&SESSIONS).get(&token).cloned()?;
        let writing = flags & (H5F_ACC_RDWR | H5F_ACC_TRUNC | H5F_ACC_EXCL | H5F_ACC_CREAT) != 0;
        let shared = match name == session.name {
            true => session,
            // External links and virtual sources come with their parent's access list: they may be read, never written.
            false if writing => return None,
            false => elsewhere(&name).ok()?,
        };
        if flags & H5F_ACC_TRUNC != 0 {
            shared.run("emptied", |b| b.truncate(0));
        }
        let public = Public {
            driver_id: 0,
            class: std::ptr::null(),
            fileno: 0,
            access_flags: 0,
            feature_flags: 0,
            maxaddr,
            base_addr: 0,
            threshold: 0,
            alignment: 0,
            paged_aggr: false,
        };
        Some(Open { public, token, eoa: 0, shared, writable: writing })
    });
    match opened {
        Ok(Some(open)) => Box::into_raw(Box::new(open)),
        Ok(None) | Err(_) => std::ptr::null_mut(),
    }
}

/// Another file, to be read.
fn elsewhere(name: &Path) -> io::Result<Arc<Shared>> {
    use std::os::unix::fs::MetadataExt;
    // Looked at first: opening a pipe would wait.
    if !std::fs::metadata(name)?.is_file() {
        return Err(io::ErrorKind::InvalidInput.into());
    }
    let file = std::fs::File::open(name)?;
    let meta = file.metadata()?;
    let backing = Arc::new(Mutex::new(ReadOnly { file, len: meta.len() }));
    Ok(Arc::new(Shared { name: name.into(), identity: (meta.dev(), meta.ino()), backing, trouble: Mutex::new(None) }))
}

struct ReadOnly {
    file: std::fs::File,
    len: u64,
}

impl Backing for ReadOnly {
    fn read(&mut self, mut at: u64, mut buffer: &mut [u8]) -> io::Result<()> {
        use std::os::unix::fs::FileExt;
        while !buffer.is_empty() {
            match self.file.read_at(buffer, at) {
                Ok(0) => break,
                Ok(n) => {
                    buffer = &mut buffer[n..];
                    at += n as u64;
                }
                Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
                Err(e) => return Err(e),
            }
        }
        buffer.fill(0);
        Ok(())
    }

    fn write(&mut self, _: u64, _: &[u8]) -> io::Result<()> {
        Err(io::ErrorKind::PermissionDenied.into())
    }

    fn truncate(&mut self, _: u64) -> io::Result<()> {
        Err(io::ErrorKind::PermissionDenied.into())
    }

    fn end(&self) -> u64 {
        self.len
    }
}

extern "C" fn close(open: *mut Open) -> c_int {
    // SAFETY: made by `open`, and closed once.
    drop(unsafe { Box::from_raw(open) });
    SUCCEED
}

extern "C" fn cmp(a: *const Open, b: *const Open) -> c_int {
    // SAFETY: open files.
    let (a, b) = unsafe { (file(a), file(b)) };
    a.shared.identity.cmp(&b.shared.identity) as c_int
}

extern "C" fn query(_: *const Open, flags: *mut c_ulong) -> c_int {
    if !flags.is_null() {
        // SAFETY: a place that the library gives.
        unsafe { *flags = FEATURES };
    }
    SUCCEED
}

extern "C" fn get_eoa(open: *const Open, _: c_int) -> u64 {
    // SAFETY: an open file.
    unsafe { file(open) }.eoa
}

extern "C" fn set_eoa(open: *mut Open, _: c_int, eoa: u64) -> c_int {
    // SAFETY: an open file, which the library uses from one thread at a time.
    unsafe { (*open).eoa = eoa };
    SUCCEED
}

extern "C" fn get_eof(open: *const Open, _: c_int) -> u64 {
    // SAFETY: an open file.
    locked(&unsafe { file(open) }.shared.backing).end()
}

extern "C" fn read(open: *mut Open, _: c_int, _: hid_t, at: u64, size: usize, buffer: *mut c_void) -> c_int {
    if size == 0 {
        return SUCCEED;
    }
    // SAFETY: an open file, and a buffer of that size, which need not be initialised: it is cleared first.
    let (open, buffer) = unsafe {
        std::ptr::write_bytes(buffer.cast::<u8>(), 0, size);
        (file(open), std::slice::from_raw_parts_mut(buffer.cast::<u8>(), size))
    };
    if at.checked_add(size as u64).is_none_or(|end| end > i64::MAX as u64) {
        return FAIL;
    }
    open.shared.run("read", |b| b.read(at, buffer)).map_or(FAIL, |()| SUCCEED)
}

extern "C" fn write(open: *mut Open, _: c_int, _: hid_t, at: u64, size: usize, bytes: *const c_void) -> c_int {
    if size == 0 {
        return SUCCEED;
    }
    // SAFETY: an open file, and a buffer of that size.
    let (open, bytes) = unsafe { (file(open), std::slice::from_raw_parts(bytes.cast::<u8>(), size)) };
    let shared = &open.shared;
    if !open.writable {
        shared.fail("written", &"it is open for reading");
    } else if at.checked_add(size as u64).is_none_or(|end| end > i64::MAX as u64) {
        shared.fail("written", &"an address beyond all files");
    } else if locked(&shared.trouble).is_none() {
        shared.run("written", |b| b.write(at, bytes));
    }
    SUCCEED
}

extern "C" fn flush(_: *mut Open, _: hid_t, _: bool) -> c_int {
    SUCCEED
}

extern "C" fn truncate(open: *mut Open, _: hid_t, _: bool) -> c_int {
    // SAFETY: an open file.
    let open = unsafe { file(open) };
    if open.writable && locked(&open.shared.trouble).is_none() {
        let end = open.eoa;
        open.shared.run("cut or extended", |b| if b.end() == end { Ok(()) } else { b.truncate(end) });
    }
    SUCCEED
}

/// Whoever has a session has locked the file. With these two HDF5 goes on looking at the marks that other writers leave in it.
extern "C" fn lock(_: *mut Open, _: bool) -> c_int {
    SUCCEED
}

extern "C" fn unlock(_: *mut Open) -> c_int {
    SUCCEED
}
