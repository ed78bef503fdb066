//! Writing contents.

use std::sync::{Arc, Mutex, PoisonError};

use super::execute::{ApplyError, Watch};
use super::{contiguous, stored};
use crate::fill::{Filler, Memory, block_elements, in_order};
use crate::h5::{BlockReader, DatasetAccess, FILTERED_BYTES, File, H5Error, LISTED_BYTES, Placed, SameChunks, WholeChunks};
use crate::model::{Block, Dtype, Elements, H5Path, Layer, LayerKind, Partition, Region, Shape, SourceFile};
use crate::plan::Blocks;
use crate::source;

/// One region to write.
pub(super) struct Work<'a> {
    pub file: &'a File,
    pub memory: Memory,
    pub path: &'a H5Path,
    pub dtype: &'a Dtype,
    pub chunk: Option<&'a [u64]>,
    pub layer: &'a Layer,
    pub above: &'a [Arc<Layer>],
    pub blocks: &'a Blocks,
}

/// Writes a region block by block: new blocks as they are generated, others read, changed where they differ, and written back. All but the
/// writing is done in parallel.
pub(super) fn write(access: &DatasetAccess, work: &Work<'_>, watch: Watch<'_>) -> Result<(), ApplyError> {
    let failed = |cause: String| ApplyError::Contents { path: work.path.clone(), cause };
    let layer = work.layer;
    let shape = layer.rule_shape();
    let fresh = *work.blocks == Blocks::All;
    // A dataset that is a copy of another. How it comes about is no decision about the outcome: the elements are the same whether stored
    // chunks are copied or their contents, and where nothing is stored in a new one, nothing need be.
    let copied = match work.above.is_empty() {
        true => source::whole(layer, work.dtype).map_err(|e| failed(e.to_string()))?,
        false => None,
    };
    let new = copied.as_ref().filter(|_| fresh && layer.kind == LayerKind::Fill);
    let done = match (&copied, new) {
        (_, Some(from)) => stored::copy(access, from, work, watch)?,
        (Some(from), None) => !fresh && stored::mend(access, from, work, watch)?,
        (None, None) => false,
    };
    if done {
        return Ok(());
    }
    let open = |s: &SourceFile, dtype: &Dtype, shape: &Shape| source::open(s, dtype, shape).map_err(|e| e.to_string());
    let filler = Filler::new(&layer.fill, work.dtype, &shape, open).map_err(failed)?;
    let partition = Partition::new(&layer.region, work.chunk, layer.fill.element_bytes(work.dtype));
    // Space that is not cut into chunks is not always initialised where nothing is written.
    let touched = new.map_or(Ok(None), |from| from.touched(access, &partition))?;
    let touched = touched.filter(|blocks| work.chunk.is_some() || blocks.is_empty());
    let everything = fresh && layer.fresh && layer.kind == LayerKind::Fill && touched.is_none();
    if everything && work.chunk.is_none() && contiguous::write(access, work, &filler, &partition, watch)? {
        return Ok(());
    }
    let numbers: Box<dyn Iterator<Item = u64> + Send> = match (work.blocks, touched) {
        (Blocks::All, Some(list)) => Box::new(list.into_iter()),
        (Blocks::All, None) => Box::new(0..partition.count()),
        (Blocks::Some(list), _) => Box::new(list.iter().copied()),
    };
    let bytes = partition.block(0).elements().saturating_mul(layer.fill.element_bytes(work.dtype));
    let all_bytes = layer.region.elements().saturating_mul(work.dtype.size() as u64);
    let chunks = match work.chunk {
        Some(_) if all_bytes >= FILTERED_BYTES => access.whole_chunks(&access.seen()?)?,
        _ => None,
    };
    let reader = if fresh { None } else { Some(access.block_reader(all_bytes >= LISTED_BYTES)?) };
    let maker = Maker { access, work, filler: &filler, partition: &partition, chunks, reader, same: Mutex::default() };
    let ahead = work.memory.ahead(bytes.max(maker.reader.as_ref().map_or(0, BlockReader::chunk_bytes)));
    in_order(
        numbers,
        ahead,
        filler.is_sequential(),
        |k| maker.make(k),
        |k, made| {
            maker.put(k, made)?;
            watch(work.path, (partition.block(k).elements() as u64).saturating_mul(layer.fill.element_bytes(work.dtype) as u64));
            Ok(())
        },
    )
}

/// What a block comes to.
enum Ready {
    /// What must be written; nothing where the block is right.
    Parts(Vec<Part>),
    /// Elements that must be looked at first, in the order of the blocks: what the library reads decides what it keeps in memory, and so
    /// where in the file it puts what it writes.
    Wanted(Elements),
}

/// What is written of a block.
enum Part {
    /// Elements of a region, through the library.
    Elements(Region, Elements),
    /// Whole chunks, as they are stored.
    Chunks(Vec<Placed>),
}

/// Makes blocks, on any thread.
struct Maker<'a> {
    access: &'a DatasetAccess,
    work: &'a Work<'a>,
    filler: &'a Filler,
    partition: &'a Partition,
    /// Chunks that are filtered here.
    chunks: Option<WholeChunks>,
    /// For blocks that may be right already.
    reader: Option<BlockReader<'a>>,
    /// Chunks of a constant.
    same: Mutex<SameChunks>,
}

impl Maker<'_> {
    fn make(&self, k: u64) -> Result<Ready, ApplyError> {
        let (layer, block) = (self.work.layer, self.partition.block(k));
        let region = layer.region.sub(&block);
        let whole = self.chunks.as_ref().filter(|chunks| chunks.are(&region));
        let new = self.reader.is_none() && !self.work.above.iter().any(|l| l.region.may_overlap(&region));
        if let Some(chunks) = whole.filter(|_| new && self.filler.is_constant()) {
            return Ok(Ready::Parts(vec![Part::Chunks(self.same_chunks(chunks, &region)?)]));
        }
        let wanted = block_elements(self.filler, layer, &block).map_err(|e| self.failed(e))?;
        let found = match (&self.reader, whole, self.work.chunk) {
            _ if new => return Ok(Ready::Parts(vec![part(whole, region, wanted)?])),
            (Some(reader), Some(_), _) => reader.decode(&region).map(Elements::Fixed),
            // What the library reads of elements outside decides where it puts the next ones.
            (Some(_), None, None) if !self.work.dtype.has_outside_data() => Some(self.access.read(&region)?),
            _ => None,
        };
        match found {
            Some(found) => Ok(Ready::Parts(self.mended(&block, found, &wanted)?)),
            None => Ok(Ready::Wanted(wanted)),
        }
    }

    /// Writes what was made of a block. In the order of the blocks.
    fn put(&self, k: u64, made: Ready) -> Result<(), ApplyError> {
        let parts = match made {
            Ready::Parts(parts) => parts,
            Ready::Wanted(wanted) => {
                let block = self.partition.block(k);
                let region = self.work.layer.region.sub(&block);
                match self.access.read(&region) {
                    // Without a fill value, HDF5 reads nothing where nothing was written.
                    Err(_) if self.reader.is_none() && self.access.has_no_space() => vec![Part::Elements(region, wanted)],
                    found => self.mended(&block, found?, &wanted)?,
                }
            }
        };
        for part in parts {
            match part {
                Part::Elements(region, elements) => self.access.write(&region, &elements)?,
                Part::Chunks(list) => list.iter().try_for_each(|(offset, raw)| {
                    let before = self.reader.as_ref().and_then(|reader| reader.stored(offset));
                    self.access.replace_chunk_raw(offset, raw, before)
                })?,
            }
        }
        Ok(())
    }

    /// What must be written so that what was found is what is wanted. Where later layers reach into the block, their elements may be right
    /// already: they are left alone.
    fn mended(&self, block: &Block, mut found: Elements, wanted: &Elements) -> Result<Vec<Part>, ApplyError> {
        let decided = self.work.layer.decided(block, self.work.above);
        let changed = overlay(block, self.work, decided.as_deref(), &mut found, wanted);
        let region = self.work.layer.region.sub(block);
        // Only where it is known what the chunks are that are written over.
        let whole = self.chunks.as_ref().filter(|chunks| self.reader.as_ref().is_some_and(BlockReader::lists) && chunks.are(&region));
        match changed.is_empty() {
            true => Ok(Vec::new()),
            false if whole.is_some() => Ok(vec![part(whole, region, found)?]),
            false => Ok(changed_slabs(block, self.work, &changed, &found)),
        }
    }

    fn same_chunks(&self, chunks: &WholeChunks, region: &Region) -> Result<Vec<Placed>, ApplyError> {
        let mut element = vec![0; self.filler.element_bytes()];
        self.filler.put(0, &mut element).map_err(|e| self.failed(e))?;
        let mut same = self.same.lock().unwrap_or_else(PoisonError::into_inner);
        Ok(chunks.encode_same(region, &element, &mut same)?)
    }

    fn failed(&self, cause: String) -> ApplyError {
        ApplyError::Contents { path: self.work.path.clone(), cause }
    }
}

/// Elements of a region that is written.
fn part(whole: Option<&WholeChunks>, region: Region, elements: Elements) -> Result<Part, H5Error> {
    match (whole, elements) {
        (Some(chunks), Elements::Fixed(bytes)) => chunks.encode(&region, bytes).map(Part::Chunks),
        (_, elements) => Ok(Part::Elements(region, elements)),
    }
}

/// Replaces what differs and this layer decides. The slabs along the block's first axis in which something did, in order.
fn overlay(block: &Block, work: &Work<'_>, decided: Option<&[bool]>, found: &mut Elements, wanted: &Elements) -> Vec<usize> {
    let mut changed = Vec::new();
    if found == wanted {
        return changed;
    }
    let slab = (block.elements() / block.len.first().map_or(1, |&n| n as usize).max(1)).max(1);
    let places: Vec<usize> = found.differing(wanted, work.dtype).filter(|&i| decided.is_none_or(|d| d[i])).collect();
    for i in places {
        found.set_from(work.dtype, i, wanted, i);
        if changed.last() != Some(&(i / slab)) {
            changed.push(i / slab);
        }
    }
    changed
}

/// The slabs that have changed, neighbours together: what has not changed need not be written, nor go through a journal.
fn changed_slabs(block: &Block, work: &Work<'_>, changed: &[usize], found: &Elements) -> Vec<Part> {
    let part = |first: usize, last: usize| {
        let mut part = block.clone();
        let slab = match part.len.first_mut() {
            Some(len) => {
                let slab = block.elements() / *len as usize;
                part.offset[0] += first as u64;
                *len = (last + 1 - first) as u64;
                slab
            }
            None => 1,
        };
        Part::Elements(work.layer.region.sub(&part), found.slice(work.dtype, first * slab, (last + 1 - first) * slab))
    };
    changed.chunk_by(|a, b| a + 1 == *b).map(|run| part(run[0], run[run.len() - 1])).collect()
}
