//! The driver's table of C functions, which HDF5 calls.
//!
//! The structures are those of `H5FDdevelop.h` as of HDF5 1.14 to 2.2 (driver interface version 1); hdf5-metno-sys declares them as they
//! were before, which would corrupt memory. Their sizes and offsets are asserted at compile time.

use std::ffi::{CStr, c_char, c_int, c_uint, c_ulong, c_void};
use std::mem::{offset_of, size_of};
use std::os::unix::ffi::OsStrExt;
use std::panic::catch_unwind;
use std::path::Path;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex};

use hdf5_sys::h5f::{H5F_ACC_CREAT, H5F_ACC_EXCL, H5F_ACC_RDWR, H5F_ACC_TRUNC};
use hdf5_sys::h5i::hid_t;
use hdf5_sys::h5p::H5Pget_driver_info;

use super::super::{Result, call};
use super::{SESSIONS, Shared, elsewhere, locked};

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
const FEATURES: c_ulong = 0x1 | 0x2 | 0x4 | SIEVE | 0x10 | 0x8000;
/// Pieces of contiguous datasets go through a buffer of 64 KiB, which reads and writes all that lies between them.
const SIEVE: c_ulong = 0x8;
/// H5FD_MEM_DRAW (`H5Fpublic.h`): what is written are elements.
const ELEMENTS: c_int = 3;
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
pub(super) fn driver() -> Result<hid_t> {
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

extern "C" fn query(open: *const Open, flags: *mut c_ulong) -> c_int {
    if !flags.is_null() {
        // SAFETY: an open file, or none.
        let writable = unsafe { open.as_ref() }.is_some_and(|open| open.writable);
        // What is written becomes pages of an overlay: the fewer, the better.
        // SAFETY: a place that the library gives.
        unsafe { *flags = if writable { FEATURES & !SIEVE } else { FEATURES } };
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

/// Bytes that are cleared and then read: so few that they stay in the processor's cache between the two.
const PIECE: usize = 256 << 10;

extern "C" fn read(open: *mut Open, _: c_int, _: hid_t, at: u64, size: usize, buffer: *mut c_void) -> c_int {
    if size == 0 {
        return SUCCEED;
    }
    // SAFETY: an open file.
    let open = unsafe { file(open) };
    if at.checked_add(size as u64).is_none_or(|end| end > i64::MAX as u64) {
        return FAIL;
    }
    let read = open.shared.run("read", |backing| {
        (0..size).step_by(PIECE).try_for_each(|from| {
            // SAFETY: a part of the buffer, which has that size and need not be initialised: it is cleared first.
            let part = unsafe {
                let (part, len) = (buffer.cast::<u8>().add(from), PIECE.min(size - from));
                std::ptr::write_bytes(part, 0, len);
                std::slice::from_raw_parts_mut(part, len)
            };
            backing.read(at + from as u64, part)
        })
    });
    read.map_or(FAIL, |()| SUCCEED)
}

extern "C" fn write(open: *mut Open, kind: c_int, _: hid_t, at: u64, size: usize, bytes: *const c_void) -> c_int {
    if size == 0 {
        return SUCCEED;
    }
    // SAFETY: an open file, and a buffer of that size.
    let (open, bytes) = unsafe { (file(open), std::slice::from_raw_parts(bytes.cast::<u8>(), size)) };
    let shared = &open.shared;
    if kind == ELEMENTS && shared.discarding.load(Ordering::SeqCst) {
        return SUCCEED;
    }
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
