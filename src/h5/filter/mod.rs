//! Filters beside HDF5's own: registered in the process, because plugins are off (a file must not decide which code is
//! loaded). Each codec is a file; here is what HDF5 calls.
//!
//! A decoder gets the most bytes a chunk can have, never makes more, and never panics: files may be hostile.

mod bits;
mod bitshuffle;
mod blosc;
mod blosc_codecs;
mod blosclz;
mod bytes;
mod deflate;
mod fletcher32;
mod lz4;
mod lzf;
mod params;
mod pipeline;
mod repeats;
mod zstd;

use std::collections::BTreeSet;
use std::ffi::{CStr, c_char, c_uint, c_void};
use std::panic::catch_unwind;
use std::sync::Mutex;

use hdf5_sys::h5::{H5allocate_memory, H5free_memory};
use hdf5_sys::h5e::{H5E_CANTFILTER, H5E_DEFAULT, H5E_ERR_CLS, H5E_PLINE, H5Epush2};
use hdf5_sys::h5z::{H5Z_CLASS_T_VERS, H5Z_FLAG_OPTIONAL, H5Z_FLAG_REVERSE, H5Z_class2_t, H5Z_func_t, H5Zfilter_avail, H5Zregister};

use super::{H5Error, Result, status};
use crate::model::Filter;

pub(super) use params::{Element, canonical, stored, unusual};
pub use pipeline::Pipeline;

/// Number, name and function of every filter here.
const CLASSES: &[(i32, &CStr, H5Z_func_t)] = &[
    (32000, c"lzf", Some(call::<Lzf>)),
    (32001, c"blosc", Some(call::<Blosc>)),
    (32004, c"lz4", Some(call::<Lz4>)),
    (32008, c"bitshuffle", Some(call::<Bitshuffle>)),
    (32015, c"zstd", Some(call::<Zstd>)),
];

/// Filters that stand in the library's table only so that datasets with them can be made.
static MISSING: Mutex<BTreeSet<i32>> = Mutex::new(BTreeSet::new());

/// Registers the filters; a failure shows where one is used.
pub(super) fn register() {
    for (id, name, function) in CLASSES {
        let _ = add(*id, name, *function);
    }
}

fn add(id: i32, name: &'static CStr, filter: H5Z_func_t) -> Result<()> {
    let class = H5Z_class2_t {
        version: H5Z_CLASS_T_VERS as i32,
        id,
        encoder_present: 1,
        decoder_present: 1,
        name: name.as_ptr(),
        can_apply: None,
        set_local: None,
        filter,
    };
    // SAFETY: the library copies the class; the name is static.
    status(|| format!("cannot register the filter {id}"), || unsafe { H5Zregister((&raw const class).cast()) })
}

/// Lets datasets be made with a mandatory filter that this program lacks, for chunks that are written as they are: to
/// run the filter fails. Filters below 256 are HDF5's own, and cannot be added.
pub fn allow_missing(id: i32) -> Result<()> {
    super::file::initialise();
    if is_registered(id) {
        return Ok(());
    }
    if id < 256 {
        return Err(H5Error::new(format!("cannot register the filter {id}"), "it is one of HDF5's own"));
    }
    add(id, c"missing", Some(call::<Missing>))?;
    MISSING.lock().unwrap_or_else(std::sync::PoisonError::into_inner).insert(id);
    Ok(())
}

/// Can the filter be run here?
pub fn available(filter: &Filter) -> bool {
    super::file::initialise();
    let id = filter.codec.id();
    is_registered(id) && !MISSING.lock().unwrap_or_else(std::sync::PoisonError::into_inner).contains(&id)
}

fn is_registered(id: i32) -> bool {
    // SAFETY: a plain value.
    hdf5::sync::sync(|| unsafe { H5Zfilter_avail(id) }) > 0
}

/// A codec: parameters as stored, data in, data out, or a clause why not.
trait Transform {
    /// `None` in a result is: do without the filter, if that is allowed (it would make the data longer).
    fn encode(params: &[u32], data: &[u8], must: bool) -> std::result::Result<Option<Vec<u8>>, &'static str>;
    /// Makes at most `most` bytes.
    fn decode(params: &[u32], data: &[u8], most: usize) -> std::result::Result<Vec<u8>, &'static str>;
}

const FAILED: &str = "the compressor refuses the data";

struct Lzf;
impl Transform for Lzf {
    fn encode(_: &[u32], data: &[u8], must: bool) -> std::result::Result<Option<Vec<u8>>, &'static str> {
        Ok(Some(lzf::encode(data)).filter(|out| must || out.len() < data.len()))
    }
    fn decode(_: &[u32], data: &[u8], most: usize) -> std::result::Result<Vec<u8>, &'static str> {
        lzf::decode(data, most)
    }
}

struct Blosc;
impl Transform for Blosc {
    fn encode(params: &[u32], data: &[u8], must: bool) -> std::result::Result<Option<Vec<u8>>, &'static str> {
        let out = blosc::encode(params, data).ok_or(FAILED)?;
        Ok(Some(out).filter(|out| must || out.len() < data.len()))
    }
    fn decode(_: &[u32], data: &[u8], most: usize) -> std::result::Result<Vec<u8>, &'static str> {
        blosc::decode(data, most)
    }
}

struct Lz4;
impl Transform for Lz4 {
    fn encode(params: &[u32], data: &[u8], _: bool) -> std::result::Result<Option<Vec<u8>>, &'static str> {
        lz4::encode(data, params.first().copied().unwrap_or(0)).map(Some).ok_or(FAILED)
    }
    fn decode(_: &[u32], data: &[u8], most: usize) -> std::result::Result<Vec<u8>, &'static str> {
        lz4::decode(data, most)
    }
}

struct Bitshuffle;
impl Transform for Bitshuffle {
    fn encode(params: &[u32], data: &[u8], _: bool) -> std::result::Result<Option<Vec<u8>>, &'static str> {
        bitshuffle::encode(params, data).map(Some)
    }
    fn decode(params: &[u32], data: &[u8], most: usize) -> std::result::Result<Vec<u8>, &'static str> {
        bitshuffle::decode(params, data, most)
    }
}

struct Zstd;
impl Transform for Zstd {
    fn encode(params: &[u32], data: &[u8], _: bool) -> std::result::Result<Option<Vec<u8>>, &'static str> {
        let level = params.first().map_or(3, |level| *level as i32);
        zstd::encode(data, level).map(Some).ok_or(FAILED)
    }
    fn decode(_: &[u32], data: &[u8], most: usize) -> std::result::Result<Vec<u8>, &'static str> {
        zstd::decode(data, most)
    }
}

struct Missing;
impl Transform for Missing {
    fn encode(_: &[u32], _: &[u8], _: bool) -> std::result::Result<Option<Vec<u8>>, &'static str> {
        Err("this program does not have the filter")
    }
    fn decode(_: &[u32], _: &[u8], _: usize) -> std::result::Result<Vec<u8>, &'static str> {
        Err("this program does not have the filter")
    }
}

/// What HDF5 calls for each chunk (H5Z_func_t): 0 is failure, else the new number of bytes in the buffer.
unsafe extern "C" fn call<T: Transform>(
    flags: c_uint,
    param_count: usize,
    params: *const c_uint,
    bytes: usize,
    buffer_bytes: *mut usize,
    buffer: *mut *mut c_void,
) -> usize {
    // SAFETY: the library passes that many parameters (maybe none, at NULL), a buffer with that many bytes of data, and
    // its size.
    let (params, data, room) = unsafe {
        let params = if params.is_null() { &[] } else { std::slice::from_raw_parts(params, param_count) };
        (params, std::slice::from_raw_parts((*buffer).cast::<u8>().cast_const(), bytes), *buffer_bytes)
    };
    let reverse = flags & H5Z_FLAG_REVERSE != 0;
    let made = catch_unwind(|| {
        if reverse { T::decode(params, data, most_bytes(room)).map(Some) } else { T::encode(params, data, flags & H5Z_FLAG_OPTIONAL == 0) }
    });
    let made = match made {
        Ok(Ok(Some(made))) if !made.is_empty() => made,
        Ok(Ok(_)) => return 0,
        Ok(Err(why)) => return failed(if reverse { c"the compressed data are damaged: %s" } else { c"%s" }, why),
        Err(_) => return failed(c"%s", "the filter has a defect"),
    };
    // The size of the buffer tells the next decoder how large a chunk is.
    let room = made.len().max(if reverse { room } else { 0 });
    // SAFETY: memory of the library's allocator, at least as large as what is copied there; the former buffer, which
    // nobody uses any more, is of the same allocator, and is replaced together with its size.
    unsafe {
        let new = H5allocate_memory(room, 0);
        if new.is_null() {
            return failed(c"%s", "there is not enough memory");
        }
        new.cast::<u8>().copy_from_nonoverlapping(made.as_ptr(), made.len());
        H5free_memory(*buffer);
        *buffer = new;
        *buffer_bytes = room;
    }
    made.len()
}

/// What a decoder may make: HDF5's buffer is at least as large as the chunk, and a compressor that another one
/// follows makes the chunk longer by a few bytes at most.
fn most_bytes(room: usize) -> usize {
    room.saturating_add(room / 8).saturating_add(64 << 10)
}

/// Tells the library why. Returns 0.
fn failed(format: &CStr, why: &str) -> usize {
    let text: Vec<u8> = why.bytes().chain([0]).collect();
    let here = c"h5mason".as_ptr();
    // SAFETY: terminated texts, which the library copies, and identifiers of the library's own messages.
    unsafe {
        H5Epush2(H5E_DEFAULT, here, here, 0, *H5E_ERR_CLS, *H5E_PLINE, *H5E_CANTFILTER, format.as_ptr(), text.as_ptr().cast::<c_char>());
    }
    0
}

#[cfg(test)]
mod tests;
