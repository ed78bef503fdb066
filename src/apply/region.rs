//! Writing contents.

use std::sync::Arc;

use super::execute::{ApplyError, Watch};
use super::stored;
use crate::fill::{Filler, block_elements, in_order};
use crate::h5::DatasetAccess;
use crate::model::{Block, Dtype, Elements, H5Path, Layer, LayerKind, Partition, Shape, SourceFile};
use crate::plan::Blocks;
use crate::source;

/// One region to write.
pub(super) struct Work<'a> {
    pub path: &'a H5Path,
    pub dtype: &'a Dtype,
    pub chunk: Option<&'a [u64]>,
    pub layer: &'a Layer,
    pub above: &'a [Arc<Layer>],
    pub blocks: &'a Blocks,
}

/// Writes a region block by block: new blocks as they are generated, others read, changed where they
/// differ, and written back.
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
    let numbers: Box<dyn Iterator<Item = u64> + Send> = match (work.blocks, touched) {
        (Blocks::All, Some(list)) => Box::new(list.into_iter()),
        (Blocks::All, None) => Box::new(0..partition.count()),
        (Blocks::Some(list), _) => Box::new(list.iter().copied()),
    };
    let bytes = partition.block(0).elements().saturating_mul(layer.fill.element_bytes(work.dtype));
    let make = |k: u64| block_elements(&filler, layer, &partition.block(k)).map_err(failed);
    in_order(numbers, bytes, filler.is_sequential(), make, |k, wanted: Elements| {
        let block = partition.block(k);
        let region = layer.region.sub(&block);
        // Where later layers reach into a new block, their elements may be right already: they are left alone.
        let decided = layer.decided(&block, work.above);
        if fresh && decided.is_none() {
            access.write(&region, &wanted)?;
        } else {
            let mut found = match access.read(&region) {
                // Without a fill value, HDF5 reads nothing where nothing was written.
                Err(_) if fresh && access.has_no_space() => {
                    access.write(&region, &wanted)?;
                    watch(work.path, wanted.bytes() as u64);
                    return Ok(());
                }
                found => found?,
            };
            if overlay(&block, work, decided.as_deref(), &mut found, &wanted) {
                access.write(&region, &found)?;
            }
        }
        watch(work.path, wanted.bytes() as u64);
        Ok(())
    })
}

/// Replaces what differs and this layer decides; true if anything did.
fn overlay(block: &Block, work: &Work<'_>, decided: Option<&[bool]>, found: &mut Elements, wanted: &Elements) -> bool {
    if found == wanted {
        return false;
    }
    let mut changed = false;
    for i in 0..block.elements() {
        if decided.is_none_or(|d| d[i]) && !found.equal_at(wanted, work.dtype, i) {
            found.set_from(work.dtype, i, wanted, i);
            changed = true;
        }
    }
    changed
}
