//! Writing contents.

use std::sync::Arc;

use super::execute::{ApplyError, Watch};
use crate::fill::{Filler, block_elements, in_order};
use crate::h5::DatasetAccess;
use crate::model::{Block, Dtype, Elements, H5Path, Layer, Partition, SourceFile};
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
    let open = |s: &SourceFile| source::open(s, work.dtype, &shape).map_err(|e| e.to_string());
    let filler = Filler::new(&layer.fill, work.dtype, &shape, open).map_err(failed)?;
    let partition = Partition::new(&layer.region, work.chunk, layer.fill.element_bytes(work.dtype));
    let numbers: Box<dyn Iterator<Item = u64> + Send> = match work.blocks {
        Blocks::All => Box::new(0..partition.count()),
        Blocks::Some(list) => Box::new(list.iter().copied()),
    };
    let fresh = *work.blocks == Blocks::All;
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
            let mut found = access.read(&region)?;
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
