//! Chunks made and read as a whole, by our own filters, outside of the library's lock.

use std::sync::Arc;

use super::filter::Pipeline;
use super::grid::{Array, Grid, Piece, copy_box};
use super::{DatasetAccess, H5Error, RawChunk, Result, Stored, StoredChunk};
use crate::model::{AllocTime, Elements, FillTime, FillValue, Layout, Region, SeenDataset};

/// A chunked dataset whose filters are all known here, and whose elements are bytes alone. It refers to no file: any thread may use it.
#[derive(Debug)]
pub struct WholeChunks {
    grid: Grid,
    pipeline: Pipeline,
    bytes: usize,
    /// One element of what stands where nothing was written.
    unwritten: Vec<u8>,
    /// Has the library stored every chunk, filtered, before anything is written?
    preset: bool,
}

/// A chunk's first element along each axis, and what is stored there.
pub type Placed = (Vec<u64>, Arc<RawChunk>);

/// Chunks of elements that are all the same, by what the extent leaves of them.
#[derive(Debug, Default)]
pub struct SameChunks(Vec<(Vec<u64>, Arc<RawChunk>)>);

impl DatasetAccess {
    /// `None` where the library must do it: other filters, other storage, elements that are more than bytes. `seen` is this dataset's.
    pub fn whole_chunks(&self, seen: &SeenDataset) -> Result<Option<WholeChunks>> {
        let Layout::Chunked { chunk, .. } = &seen.layout else { return Ok(None) };
        if seen.dtype.has_outside_data() || seen.lacking.is_some() || chunk.len() != seen.shape.dims().len() {
            return Ok(None);
        }
        let size = seen.dtype.size();
        // What the library puts there (H5D__chunk_lock). Where it has allocated all chunks before, it has filled them otherwise
        // (H5D__chunk_allocate): `preset`, and nothing is made here.
        let unwritten = match (&seen.fill_value, seen.fill_time) {
            (FillValue::Value(Elements::Fixed(bytes)), FillTime::IfSet | FillTime::Alloc) => bytes.clone(),
            (FillValue::Default | FillValue::Undefined, _) | (FillValue::Value(Elements::Fixed(_)), FillTime::Never) => vec![0; size],
            (FillValue::Value(_) | FillValue::Unreadable, _) => return Ok(None),
        };
        let grid = Grid { chunk: chunk.clone(), extent: seen.shape.dims().to_vec(), size };
        let fits = |bytes: &usize| *bytes <= MOST_WHOLE_BYTES && unwritten.len() == size && chunk.iter().all(|&n| n > 0);
        let Some(bytes) = grid.chunk_bytes().filter(fits) else { return Ok(None) };
        let pipeline = self.own_pipeline(bytes)?;
        let preset = seen.alloc_time != AllocTime::Incr && !seen.layout.filters().is_empty();
        Ok(pipeline.map(|pipeline| WholeChunks { grid, pipeline, bytes, unwritten, preset }))
    }
}

/// Start and lengths of a region that is a box.
fn as_box(region: &Region) -> Option<(Vec<u64>, Vec<u64>)> {
    let axes = region.axes()?;
    let one = |axis: &crate::model::AxisRange| match axis.count {
        1 => Some((axis.start, axis.block)),
        count if axis.step == axis.block => Some((axis.start, count * axis.block)),
        _ => None,
    };
    Some(axes.iter().map(one).collect::<Option<Vec<_>>>()?.into_iter().unzip())
}

impl WholeChunks {
    /// Does the region consist of whole chunks, as far as they lie within the extent? Then [`WholeChunks::encode`] can make them.
    pub fn are(&self, region: &Region) -> bool {
        !self.preset && as_box(region).is_some_and(|(start, lens)| self.grid.is_whole(&start, &lens))
    }

    /// The chunks of a region that consists of whole ones, filtered, from its elements, row-major. What lies beyond the extent is filled as the
    /// library does. Fails where a filter does that must not.
    pub fn encode(&self, region: &Region, data: Vec<u8>) -> Result<Vec<Placed>> {
        let (start, lens) = self.boxed(region)?;
        if lens == self.grid.chunk && !self.grid.is_edge(&start) {
            return Ok(vec![self.filtered(start, data, false)?]);
        }
        self.grid.pieces(&start, &lens).map(|piece| self.encode_one(&piece, &lens, &data)).collect()
    }

    /// [`WholeChunks::encode`] of elements that are all the same: chunks of which the extent leaves as much are made once.
    pub fn encode_same(&self, region: &Region, element: &[u8], made: &mut SameChunks) -> Result<Vec<Placed>> {
        let (start, lens) = self.boxed(region)?;
        let one = |piece: Piece| {
            let known = made.0.iter().find(|(lens, _)| *lens == piece.lens);
            if let Some((_, raw)) = known {
                return Ok((piece.offset, raw.clone()));
            }
            let count = piece.lens.iter().product::<u64>() as usize;
            let alone = Piece { in_box: vec![0; piece.lens.len()], ..piece.clone() };
            let placed = self.encode_one(&alone, &piece.lens, &element.repeat(count))?;
            made.0.push((piece.lens, placed.1.clone()));
            Ok(placed)
        };
        self.grid.pieces(&start, &lens).map(one).collect()
    }

    fn boxed(&self, region: &Region) -> Result<(Vec<u64>, Vec<u64>)> {
        as_box(region).ok_or_else(|| H5Error::new("cannot make chunks", "the region is no box"))
    }

    fn encode_one(&self, piece: &Piece, lens: &[u64], data: &[u8]) -> Result<Placed> {
        let edge = self.grid.is_edge(&piece.offset);
        let mut chunk = if edge { self.unwritten.repeat(self.bytes / self.grid.size) } else { vec![0; self.bytes] };
        let mut to = Array { bytes: &mut chunk[..], dims: &self.grid.chunk, at: &piece.in_chunk };
        copy_box(&Array { bytes: data, dims: lens, at: &piece.in_box }, &mut to, &piece.lens, self.grid.size);
        self.filtered(piece.offset.clone(), chunk, edge)
    }

    fn filtered(&self, offset: Vec<u64>, chunk: Vec<u8>, edge: bool) -> Result<Placed> {
        match self.pipeline.encode(chunk, edge) {
            Ok(raw) => Ok((offset, Arc::new(raw))),
            Err(e) => Err(H5Error::new(format!("cannot make the chunk at {offset:?}"), e)),
        }
    }
}

/// From this many bytes of a region on, its chunks are filtered here. Smaller ones go through the library, whose zlib makes other bytes of the
/// same elements: what decides is the region alone, so that the bytes do not depend on the machine.
pub const FILTERED_BYTES: u64 = 64 << 10;
/// From this many bytes of a region on, it is worth while to list the stored chunks, of the whole dataset, and to decode them here.
pub const LISTED_BYTES: u64 = 1 << 20;

/// Chunks of more bytes are the library's, which reads and keeps parts of them: we read and make whole ones, several at a time.
const MOST_WHOLE_BYTES: usize = 32 << 20;

/// Reads boxes of a dataset chunk by chunk, decoding outside of the library's lock.
#[derive(Debug)]
pub struct BlockReader<'a> {
    access: &'a DatasetAccess,
    chunks: Option<(WholeChunks, Vec<StoredChunk>)>,
}

impl DatasetAccess {
    /// A reader of blocks from any thread. `many`: is it worth while to list the stored chunks first?
    pub fn block_reader(&self, many: bool) -> Result<BlockReader<'_>> {
        if !many {
            return Ok(BlockReader { access: self, chunks: None });
        }
        let seen = self.seen()?;
        let chunks = match self.whole_chunks(&seen)? {
            Some(whole) => match self.stored(&seen) {
                Ok(Stored::Chunks(list)) => Some((whole, list)),
                // The library finds its own words for what is damaged.
                Ok(Stored::All) | Err(_) => None,
            },
            None => None,
        };
        Ok(BlockReader { access: self, chunks })
    }
}

impl BlockReader<'_> {
    /// What is stored of a chunk: bytes and mask of skipped filters. `None` where nothing is, or where that is not known here.
    pub fn stored(&self, offset: &[u64]) -> Option<(u64, u32)> {
        let (_, list) = self.chunks.as_ref()?;
        let at = list.binary_search_by(|c| c.offset[..].cmp(offset)).ok()?;
        Some((list[at].bytes, list[at].filter_mask))
    }

    /// Does it know what is stored?
    pub fn lists(&self) -> bool {
        self.chunks.is_some()
    }

    /// Bytes that reading a block takes besides its own.
    pub fn chunk_bytes(&self) -> usize {
        self.chunks.as_ref().map_or(0, |(whole, _)| whole.bytes)
    }

    /// As [`DatasetAccess::read`], whose words stand for what cannot be read.
    pub fn read(&self, region: &Region) -> Result<Elements> {
        self.decode(region).map_or_else(|| self.access.read(region), |bytes| Ok(Elements::Fixed(bytes)))
    }

    /// The elements, without what the library keeps of chunks in memory. `None` where it must read them, or where anything is not as it should be.
    pub fn decode(&self, region: &Region) -> Option<Vec<u8>> {
        let (whole, list) = self.chunks.as_ref()?;
        let (start, lens) = as_box(region)?;
        // Without filters the library reads no more than is asked for.
        if whole.pipeline.is_empty() && !whole.grid.is_whole(&start, &lens) {
            return None;
        }
        let count = lens.iter().product::<u64>() as usize;
        let grid = &whole.grid;
        let mut out = None;
        for piece in grid.pieces(&start, &lens) {
            let chunk = match list.binary_search_by(|c| c.offset.cmp(&piece.offset)) {
                Ok(at) => {
                    let raw = self.access.read_chunk_raw(&list[at]).ok()?;
                    whole.pipeline.decode(raw, grid.is_edge(&piece.offset)).ok()?
                }
                Err(_) => {
                    let part = whole.unwritten.repeat(piece.lens.iter().product::<u64>() as usize);
                    let out = out.get_or_insert_with(|| vec![0; count * grid.size]);
                    let mut to = Array { bytes: &mut out[..], dims: &lens, at: &piece.in_box };
                    copy_box(&Array { bytes: &part[..], dims: &piece.lens, at: &vec![0; lens.len()] }, &mut to, &piece.lens, grid.size);
                    continue;
                }
            };
            if piece.lens == lens && lens == grid.chunk {
                return Some(chunk);
            }
            let out = out.get_or_insert_with(|| vec![0; count * grid.size]);
            let mut to = Array { bytes: &mut out[..], dims: &lens, at: &piece.in_box };
            copy_box(&Array { bytes: &chunk[..], dims: &grid.chunk, at: &piece.in_chunk }, &mut to, &piece.lens, grid.size);
        }
        out
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::h5::{File, Locking, NewDataset, NewFile};
    use crate::model::{BitshuffleCodec, BloscCodec, BloscShuffle, Codec, Dtype, Filter, PartialChunks, Selection, Shape, TrackOrder};

    /// A new dataset `x` of `i4`, 25 times 14 in chunks of 8 times 5, and its file.
    fn dataset(path: &Path, filters: &[Filter], fill: &FillValue, time: FillTime, edges: PartialChunks) -> (DatasetAccess, File) {
        let file = File::create(path, NewFile::plain(TrackOrder::No), false).unwrap();
        let (dtype, shape, max) = (Dtype::int(4, true), Shape::Simple(vec![25, 14]), vec![None, Some(14)]);
        let layout = Layout::Chunked { chunk: vec![8, 5], filters: filters.to_vec() };
        let new = NewDataset {
            fill_value: fill,
            fill_time: Some(time),
            partial_chunks: edges,
            ..NewDataset::plain(&dtype, &shape, &max, &layout)
        };
        (file.root().unwrap().create_dataset(b"x", &new).unwrap().access().unwrap(), file)
    }

    fn numbers(region: &Region, constant: bool) -> Vec<u8> {
        (0..region.elements() as i32).flat_map(|i| if constant { 77i32 } else { i % 91 * 1000 }.to_le_bytes()).collect()
    }

    /// The stored chunks of a file, each with what it decodes to.
    fn stored(path: &Path) -> Vec<(Vec<u64>, RawChunk, Vec<u8>)> {
        let file = File::open(path, Locking::Off).unwrap();
        let access = file.root().unwrap().open(b"x").unwrap().access().unwrap();
        let seen = access.seen().unwrap();
        let Stored::Chunks(list) = access.stored(&seen).unwrap() else { panic!("listed") };
        let whole = access.whole_chunks(&seen).unwrap().unwrap();
        let one = |c: &StoredChunk| {
            let raw = access.read_chunk_raw(c).unwrap();
            let decoded = whole.pipeline.decode(raw.clone(), whole.grid.is_edge(&c.offset)).unwrap();
            (c.offset.clone(), raw, decoded)
        };
        list.iter().map(one).collect()
    }

    fn pipelines() -> Vec<Vec<Filter>> {
        let blosc = |codec, level, shuffle| Codec::Blosc { codec, level, shuffle };
        let lists: Vec<Vec<Codec>> = vec![
            vec![],
            vec![Codec::Shuffle],
            vec![Codec::Deflate(0)],
            vec![Codec::Shuffle, Codec::Deflate(6)],
            vec![Codec::Fletcher32],
            vec![Codec::Shuffle, Codec::Deflate(9), Codec::Fletcher32],
            vec![Codec::Fletcher32, Codec::Shuffle, Codec::Deflate(1), Codec::Fletcher32],
            vec![Codec::Lzf],
            vec![Codec::Shuffle, Codec::Lzf, Codec::Fletcher32],
            vec![Codec::Zstd(3)],
            vec![Codec::Lz4 { block_bytes: 0 }],
            vec![Codec::Bitshuffle { then: BitshuffleCodec::Lz4, block_elements: 0 }],
            vec![blosc(BloscCodec::Lz4, 5, BloscShuffle::Byte)],
            vec![Codec::Deflate(4), Codec::Zstd(1)],
        ];
        lists.into_iter().map(|list| list.into_iter().map(Filter::from).collect()).collect()
    }

    /// What is written here past the library is what the library writes: the same chunks, which decode to the same bytes, padding included; and
    /// the library reads them.
    #[test]
    fn chunks_are_those_of_the_library() {
        let folder = tempfile::tempdir().unwrap();
        let user = FillValue::Value(Elements::Fixed(7i32.to_le_bytes().to_vec()));
        for (number, filters) in pipelines().into_iter().enumerate() {
            for (fill, time, edges) in [
                (&FillValue::Default, FillTime::IfSet, PartialChunks::Filter),
                (&user, FillTime::IfSet, PartialChunks::Filter),
                (&user, FillTime::Never, PartialChunks::Filter),
                (&user, FillTime::Alloc, PartialChunks::Raw),
            ] {
                for constant in [false, true] {
                    let path = |who: &str| {
                        folder.path().join(
                            format!("{who}{number}{fill:?}{time:?}{edges:?}{constant}.h5").replace(['(', ')', '[', ']', ' ', '{', '}'], ""),
                        )
                    };
                    let (theirs, ours) = (path("theirs"), path("ours"));
                    let region = Selection::parse("8:25, 0:14").unwrap().resolve(&Shape::Simple(vec![25, 14])).unwrap();
                    let data = numbers(&region, constant);
                    let (access, file) = dataset(&theirs, &filters, fill, time, edges);
                    access.write(&region, &Elements::Fixed(data.clone())).unwrap();
                    drop(access);
                    file.close().unwrap();
                    let (access, file) = dataset(&ours, &filters, fill, time, edges);
                    let whole = access.whole_chunks(&access.seen().unwrap()).unwrap().unwrap();
                    assert!(whole.are(&region));
                    let made = match constant {
                        true => whole.encode_same(&region, &77i32.to_le_bytes(), &mut SameChunks::default()).unwrap(),
                        false => whole.encode(&region, data.clone()).unwrap(),
                    };
                    made.iter().for_each(|(offset, raw)| access.write_chunk_raw(offset, raw).unwrap());
                    let read = access.read(&region).unwrap();
                    assert!(read == Elements::Fixed(data.clone()), "{filters:?}");
                    drop(access);
                    file.close().unwrap();
                    let (a, b) = (stored(&theirs), stored(&ours));
                    assert_eq!(a.len(), b.len());
                    for (a, b) in a.iter().zip(&b) {
                        assert!(a.0 == b.0 && a.1.filter_mask == b.1.filter_mask && a.2 == b.2, "{filters:?} {fill:?} {time:?} {:?}", a.0);
                        // Other encoders than zlib are the same.
                        assert!(a.1 == b.1 || filters.iter().any(|f| matches!(f.codec, Codec::Deflate(_))), "{filters:?}");
                    }
                    let file = File::open(&theirs, Locking::Off).unwrap();
                    let access = file.root().unwrap().open(b"x").unwrap().access().unwrap();
                    let reader = access.block_reader(true).unwrap();
                    for select in ["0:25, 0:14", "8:16, 5:10", "3:20, 2:13", "24, 13", "0:8, 0:5", "9:12, :"] {
                        let region = Selection::parse(select).unwrap().resolve(&Shape::Simple(vec![25, 14])).unwrap();
                        let decoded = reader.decode(&region);
                        assert!(decoded.is_some() || filters.is_empty(), "{select} {filters:?}");
                        assert_eq!(reader.read(&region).unwrap(), access.read(&region).unwrap(), "{select} {filters:?}");
                    }
                    let steps = Selection::parse("0:25:2, 0:14").unwrap().resolve(&Shape::Simple(vec![25, 14])).unwrap();
                    assert!(reader.decode(&steps).is_none() && reader.read(&steps).unwrap() == access.read(&steps).unwrap());
                }
            }
        }
    }

    #[test]
    fn what_is_not_whole_or_not_ours_is_left_to_the_library() {
        let folder = tempfile::tempdir().unwrap();
        let make = |name: &str, filters: &[Filter]| {
            dataset(&folder.path().join(name), filters, &FillValue::Default, FillTime::IfSet, PartialChunks::Filter)
        };
        let (access, _file) = make("a.h5", &[Codec::Shuffle.into()]);
        let whole = access.whole_chunks(&access.seen().unwrap()).unwrap().unwrap();
        let are = |text: &str| whole.are(&Selection::parse(text).unwrap().resolve(&Shape::Simple(vec![25, 14])).unwrap());
        assert!(are(":, :") && are("8:16, 10:14") && are("24:25, :") && are("0:16, 5:10"));
        assert!(!are("0:24:2, :") && !are("0:7, :") && !are("1:8, :") && !are("8:16, 10:13"));
        let (access, _file) = make("b.h5", &[Codec::Nbit.into()]);
        assert!(access.whole_chunks(&access.seen().unwrap()).unwrap().is_none());
    }
}
