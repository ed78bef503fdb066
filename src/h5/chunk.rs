//! Chunks as they are stored: which there are, and their bytes, past the filters.

use std::ffi::{c_int, c_uint, c_void};

use hdf5_sys::h5::{haddr_t, hsize_t};
use hdf5_sys::h5d::{H5D_chunk_index_t, H5Dchunk_iter, H5Dget_chunk_index_type, H5Dread_chunk2, H5Dwrite_chunk};
use hdf5_sys::h5f::H5Fget_filesize;
use hdf5_sys::h5i::H5Iget_file_id;
use hdf5_sys::h5p::{H5P_DEFAULT, H5Pget_chunk_opts, H5Pget_filter2, H5Pget_nfilters};

use super::dataset::DONT_FILTER_PARTIAL_CHUNKS;
use super::object::buffer;
use super::{DatasetAccess, H5Error, Id, Result, call, filter, moving, status};
use crate::model::{Filter, Layout, SeenDataset};

// Missing in the crate; declared in H5Dpublic.h.
unsafe extern "C" {
    fn H5Dget_chunk_storage_size(dset_id: i64, offset: *const hsize_t, chunk_bytes: *mut hsize_t) -> c_int;
}

/// H5D_CHUNK_IDX_EARRAY (H5Dpublic.h).
const EXTENSIBLE_ARRAY: H5D_chunk_index_t = 4;
/// Most chunks that are listed; a dataset with more counts as stored in full.
const MOST_CHUNKS: usize = 1 << 21;
/// Most bytes of one stored chunk: HDF5's own limit of a chunk, with room for a codec that enlarges it.
const MOST_CHUNK_BYTES: u64 = 5 << 30;

/// What of a dataset's elements has a place in the file. The others read as the fill value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Stored {
    /// Everything, or more than can be listed.
    All,
    /// These chunks only, in row-major order; none where nothing was ever written.
    Chunks(Vec<StoredChunk>),
}

/// A chunk that has a place in the file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredChunk {
    /// Its first element along each axis.
    pub offset: Vec<u64>,
    /// Bytes as stored, at least 1.
    pub bytes: u64,
    /// Bit n is set where filter n of the pipeline was skipped.
    pub filter_mask: u32,
}

/// What a chunk's place holds: the bytes that its filters have made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RawChunk {
    /// Bit n is set where filter n of the pipeline was skipped.
    pub filter_mask: u32,
    /// As they are in the file.
    pub bytes: Vec<u8>,
}

/// What chunks go through, as a file says it.
#[derive(PartialEq)]
struct StoredPipeline {
    /// HDF5's options of chunks that reach over the extent's edge.
    options: c_uint,
    filters: Vec<StoredFilter>,
}

/// A filter with HDF5's flags and all of its parameters.
#[derive(PartialEq)]
struct StoredFilter {
    id: i32,
    flags: c_uint,
    params: Vec<c_uint>,
}

/// Chunks that an iteration collects.
struct Listing {
    rank: usize,
    list: Vec<StoredChunk>,
    /// Bytes of the file: no chunk ends beyond, and together they have no more.
    file: u64,
    sum: u64,
    end: End,
}

/// How an iteration ended.
#[derive(PartialEq)]
enum End {
    Complete,
    TooMany,
    Damaged,
}

/// An extensible array counts the chunks along its only unlimited axis first, and the iteration of HDF5 2 takes no notice of that
/// (H5D__earray_idx_iterate_cb): where this axis is not the first one, it reports the coordinates of other chunks.
struct Swizzled<'a> {
    chunk: &'a [u64],
    unlimited: usize,
    /// Most chunks along each axis, 1 for the unlimited one.
    most: Vec<u64>,
}

impl<'a> Swizzled<'a> {
    fn of(seen: &SeenDataset, chunk: &'a [u64]) -> Option<Self> {
        let unlimited = seen.maxshape.iter().position(Option::is_none).filter(|axis| *axis > 0)?;
        let most: Vec<u64> = seen.maxshape.iter().zip(chunk).map(|(max, chunk)| max.map_or(1, |max| max.div_ceil(*chunk))).collect();
        let one = seen.maxshape.iter().filter(|max| max.is_none()).count() == 1;
        (one && most.iter().any(|n| *n > 1)).then_some(Self { chunk, unlimited, most })
    }

    /// The offset of the chunk that is reported at this one.
    fn offset(&self, reported: &[u64]) -> Option<Vec<u64>> {
        // Its number, as the iteration counts: no axis before the unlimited one moves.
        let number = (self.unlimited..reported.len())
            .try_fold(0u64, |n, axis| n.checked_mul(self.most[axis])?.checked_add(reported[axis] / self.chunk[axis]))?;
        let each = self.most.iter().try_fold(1u64, |n, most| n.checked_mul(*most)).filter(|n| *n > 0)?;
        let mut rest = number % each;
        let mut out = vec![0; reported.len()];
        for axis in (0..reported.len()).rev().filter(|axis| *axis != self.unlimited) {
            out[axis] = (rest % self.most[axis]).checked_mul(self.chunk[axis])?;
            rest /= self.most[axis];
        }
        out[self.unlimited] = (number / each).checked_mul(self.chunk[self.unlimited])?;
        Some(out)
    }
}

impl DatasetAccess {
    /// Type, extent and storage.
    pub fn seen(&self) -> Result<SeenDataset> {
        self.object.dataset()
    }

    /// Is nothing stored at all?
    pub fn has_no_space(&self) -> bool {
        self.object.storage_bytes() == 0
    }

    /// Which elements are stored, as an index says that is checked against the file's size. `seen` is this dataset's.
    pub fn stored(&self, seen: &SeenDataset) -> Result<Stored> {
        let chunk = match &seen.layout {
            Layout::Chunked { chunk, .. } => chunk,
            Layout::Contiguous if self.object.storage_bytes() == 0 => return Ok(Stored::Chunks(Vec::new())),
            Layout::Contiguous | Layout::Compact | Layout::External(_) | Layout::Virtual(_) | Layout::Unknown(_) => return Ok(Stored::All),
        };
        let what = || format!("cannot list the chunks of {}", self.object.label());
        let mut listing = Listing { rank: chunk.len(), list: Vec::new(), file: self.file_bytes()?, sum: 0, end: End::Complete };
        // SAFETY: a valid chunked dataset; the callback gets the listing it was given, and the call ends before it goes.
        // Of bounded length: each chunk that is found is progress, and none for long means a circle.
        status(what, || unsafe { H5Dchunk_iter(self.object.id().raw(), H5P_DEFAULT, Some(collect_chunk), (&raw mut listing).cast()) })?;
        let mut list = listing.list;
        let mut index: H5D_chunk_index_t = 0;
        // SAFETY: a valid chunked dataset and an out-parameter.
        status(what, || unsafe { H5Dget_chunk_index_type(self.object.id().raw(), &raw mut index) })?;
        if let Some(swizzled) = Swizzled::of(seen, chunk).filter(|_| index == EXTENSIBLE_ARRAY) {
            for found in &mut list {
                // Where the library does not find it, the listing was not what we know it to be: all of it is read.
                match swizzled.offset(&found.offset) {
                    Some(offset) if self.has_chunk(&offset, found.bytes, seen) => found.offset = offset,
                    _ => return Ok(Stored::All),
                }
            }
        }
        list.sort_unstable_by(|a, b| a.offset.cmp(&b.offset));
        let inside = |c: &StoredChunk| {
            let axes = c.offset.iter().zip(chunk).zip(seen.shape.dims());
            axes.into_iter().all(|((at, chunk), size)| at < size && at % chunk == 0)
        };
        let twice = list.windows(2).any(|w| w[0].offset == w[1].offset);
        match listing.end {
            End::TooMany => Ok(Stored::All),
            End::Complete if !twice && list.iter().all(inside) => Ok(Stored::Chunks(list)),
            End::Complete | End::Damaged => Err(H5Error::new(what(), "the index of its chunks is damaged")),
        }
    }

    /// Is a chunk of so many bytes stored there? The library looks it up; other calls go through its listing.
    fn has_chunk(&self, offset: &[u64], bytes: u64, seen: &SeenDataset) -> bool {
        let mut size = 0;
        let what = || format!("cannot find a chunk of {}", self.object.label());
        offset.iter().zip(seen.shape.dims()).all(|(at, size)| at < size)
            // SAFETY: a valid chunked dataset, as many coordinates as it has axes, an out-parameter.
            && status(what, || unsafe { H5Dget_chunk_storage_size(self.object.id().raw(), offset.as_ptr(), &raw mut size) }).is_ok()
            && size == bytes
    }

    /// The stored bytes of a chunk that [`DatasetAccess::stored`] has listed.
    pub fn read_chunk_raw(&self, chunk: &StoredChunk) -> Result<RawChunk> {
        let what = || format!("cannot read the chunk at {:?} of {}", chunk.offset, self.object.label());
        let size = usize::try_from(chunk.bytes).ok().filter(|_| chunk.bytes <= MOST_CHUNK_BYTES);
        let Some(size) = size else { return Err(H5Error::new(what(), format!("it has {} bytes", chunk.bytes))) };
        let (mut bytes, mut held, mut filter_mask) = (vec![0u8; size], size, 0u32);
        // SAFETY: a valid chunked dataset, as many coordinates as it has axes, and a buffer of the size that is passed.
        moving(what, || unsafe {
            H5Dread_chunk2(
                self.object.id().raw(),
                H5P_DEFAULT,
                chunk.offset.as_ptr(),
                &raw mut filter_mask,
                buffer(&mut bytes),
                &raw mut held,
            )
        })?;
        match held == size {
            true => Ok(RawChunk { filter_mask, bytes }),
            false => Err(H5Error::new(what(), format!("it has {held} bytes, and its index says {size}"))),
        }
    }

    /// Puts a chunk's stored bytes in its place, past the filters. `offset` is the chunk's first element along each axis.
    pub fn write_chunk_raw(&self, offset: &[u64], raw: &RawChunk) -> Result<()> {
        let what = || format!("cannot write the chunk at {offset:?} of {}", self.object.label());
        // SAFETY: a valid dataset, which the library checks to be chunked and to have a chunk there; the buffer has the size that is
        // passed, and the coordinates' number is checked against the axes by the caller's pairing of the two datasets.
        moving(what, || unsafe {
            H5Dwrite_chunk(
                self.object.id().raw(),
                H5P_DEFAULT,
                raw.filter_mask,
                offset.as_ptr(),
                raw.bytes.len(),
                raw.bytes.as_ptr().cast(),
            )
        })
    }

    /// [`DatasetAccess::write_chunk_raw`] where a chunk of so many bytes, and with this mask, is stored: the library keeps the mask of a chunk
    /// whose length stays (H5D__chunk_direct_write). Such a chunk is written with another length first.
    pub fn replace_chunk_raw(&self, offset: &[u64], raw: &RawChunk, before: Option<(u64, u32)>) -> Result<()> {
        if before.is_some_and(|(bytes, mask)| bytes == raw.bytes.len() as u64 && mask != raw.filter_mask) {
            let longer = RawChunk { filter_mask: raw.filter_mask, bytes: [&raw.bytes[..], &[0]].concat() };
            self.write_chunk_raw(offset, &longer)?;
        }
        self.write_chunk_raw(offset, raw)
    }

    /// Do stored bytes of a chunk here mean there what they mean here? They do if both datasets have the same dtype, extent, chunk shape
    /// and filters, numbers, flags and parameters as the files have them, and if no part of an element lies outside of its chunk.
    pub fn same_storage(&self, other: &DatasetAccess) -> Result<bool> {
        let (a, b) = (self.seen()?, other.seen()?);
        let alike = a.dtype.resolved() == b.dtype.resolved() && a.shape == b.shape && a.layout.chunk() == b.layout.chunk();
        if !alike || a.dtype.has_outside_data() || a.layout.chunk().is_none() {
            return Ok(false);
        }
        Ok(self.pipeline()? == other.pipeline()?)
    }

    /// The filters as stored: number, flags and parameters of each, and the options of chunks at the edges.
    fn pipeline(&self) -> Result<StoredPipeline> {
        let what = || format!("cannot read the filters of {}", self.object.label());
        let list = self.object.create_list()?;
        let p = list.raw();
        let mut options = 0;
        // SAFETY (all): a dataset creation list of the chunked layout and out-parameters; the first call asks for the number of
        // parameters only, the second has room for as many.
        status(what, || unsafe { H5Pget_chunk_opts(p, &raw mut options) })?;
        let count = call(what, || unsafe { H5Pget_nfilters(p) })?;
        let one = |index: c_uint| {
            let (mut flags, mut count, mut config) = (0, 0usize, 0);
            let null = std::ptr::null_mut;
            call(what, || unsafe {
                H5Pget_filter2(p, index, &raw mut flags, &raw mut count, null(), 0, std::ptr::null_mut(), &raw mut config)
            })?;
            let mut params = vec![0; count.min(4096)];
            count = params.len();
            let id = call(what, || unsafe {
                H5Pget_filter2(p, index, &raw mut flags, &raw mut count, params.as_mut_ptr(), 0, std::ptr::null_mut(), &raw mut config)
            })?;
            Ok(StoredFilter { id, flags, params })
        };
        Ok(StoredPipeline { options, filters: (0..count as c_uint).map(one).collect::<Result<_>>()? })
    }

    /// The filters, for chunks of so many bytes, if all of them can be run here.
    pub(super) fn own_pipeline(&self, bytes: usize) -> Result<Option<filter::Pipeline>> {
        let stored = self.pipeline()?;
        // Other options than this one may mean anything.
        if stored.options & !DONT_FILTER_PARTIAL_CHUNKS != 0 {
            return Ok(None);
        }
        let filters = stored.filters.iter().map(|f| (f.id, f.flags, &f.params[..]));
        Ok(filter::Pipeline::new(filters, bytes, stored.options != 0))
    }

    /// Bytes of the file that the dataset is in.
    fn file_bytes(&self) -> Result<u64> {
        let what = || format!("cannot read the size of the file of {}", self.object.label());
        let mut size = 0;
        // SAFETY: a valid dataset, whose file's identifier is ours to close, and an out-parameter.
        let file = Id::own(call(what, || unsafe { H5Iget_file_id(self.object.id().raw()) })?);
        status(what, || unsafe { H5Fget_filesize(file.raw(), &raw mut size) })?;
        Ok(size)
    }
}

/// Makes the library take a new dataset whose filters it lacks, as far as it can: its chunks are then written as they are stored
/// elsewhere.
pub fn prepare_missing(filters: &[Filter]) -> Result<()> {
    let mut lacking = filters.iter().filter(|f| !f.optional && !filter::available(f) && f.codec.id() >= 256);
    lacking.try_for_each(|f| filter::allow_missing(f.codec.id()))
}

unsafe extern "C" fn collect_chunk(
    offset: *const hsize_t,
    filter_mask: c_uint,
    address: haddr_t,
    size: hsize_t,
    data: *mut c_void,
) -> c_int {
    // SAFETY: the library passes the listing that `stored` gave it.
    let listing = unsafe { &mut *data.cast::<Listing>() };
    super::activity::progress();
    super::activity::object();
    // SAFETY: as many coordinates as the dataset has axes.
    let offset = unsafe { std::slice::from_raw_parts(offset, listing.rank) }.to_vec();
    listing.sum = listing.sum.saturating_add(size);
    let fits = size > 0 && listing.sum <= listing.file && address.checked_add(size).is_some_and(|end| end <= listing.file);
    listing.end = match fits {
        false => End::Damaged,
        true if listing.list.len() == MOST_CHUNKS => End::TooMany,
        true => {
            listing.list.push(StoredChunk { offset, bytes: size, filter_mask });
            return 0;
        }
    };
    // Not a failure: the iteration stops here.
    1
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::h5::{File, Locking, NewDataset, NewFile};
    use crate::model::{Codec, Dtype, Shape, TrackOrder};

    #[test]
    fn a_mask_changes_though_the_length_does_not() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x.h5");
        let file = File::create(&path, NewFile::plain(TrackOrder::No), false).unwrap();
        let (dtype, shape, max) = (Dtype::int(1, true), Shape::Simple(vec![8]), vec![Some(8)]);
        let layout = Layout::Chunked { chunk: vec![8], filters: vec![Filter { optional: true, ..Codec::Deflate(1).into() }] };
        let access =
            file.root().unwrap().create_dataset(b"x", &NewDataset::plain(&dtype, &shape, &max, &layout)).unwrap().access().unwrap();
        access.write_chunk_raw(&[0], &RawChunk { filter_mask: 0, bytes: vec![7; 8] }).unwrap();
        access.replace_chunk_raw(&[0], &RawChunk { filter_mask: 1, bytes: vec![9; 8] }, Some((8, 0))).unwrap();
        drop(access);
        file.close().unwrap();
        let file = File::open(&path, Locking::Off).unwrap();
        let access = file.root().unwrap().open(b"x").unwrap().access().unwrap();
        let Stored::Chunks(list) = access.stored(&access.seen().unwrap()).unwrap() else { panic!("listed") };
        assert_eq!((list[0].bytes, list[0].filter_mask), (8, 1));
        assert_eq!(access.read_chunk_raw(&list[0]).unwrap(), RawChunk { filter_mask: 1, bytes: vec![9; 8] });
    }
}
