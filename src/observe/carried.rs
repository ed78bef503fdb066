//! Elements that a dataset which is made anew takes over.

use std::collections::BTreeSet;

use super::ObserveError;
use crate::fill::{Memory, in_order};
use crate::h5::{DatasetAccess, H5Error, LISTED_BYTES, Stored};
use crate::model::{Definition, Elements, FillTime, Loss, Partition, Recast, Recasted, Region, SeenDataset, common};
use crate::source;

/// Most elements that are shown.
const EXAMPLES: usize = 3;

/// The elements that two datasets have in common, cut into blocks along the chunks of the new one.
pub struct Carried {
    /// Of the common extent.
    pub partition: Partition,
    /// Blocks in which something is stored; `None` where all must be looked at.
    pub stored: Option<BTreeSet<u64>>,
    /// Of the common extent.
    elements: u64,
}

impl Carried {
    /// `None` where there is nothing to take over.
    pub fn new(from: &DatasetAccess, before: &SeenDataset, after: &Definition, recast: &Recast) -> Result<Option<Self>, H5Error> {
        let stays = unwritten_stays(before, after, recast);
        let Some(region) = Region::whole(&common(&before.shape, &after.shape)) else { return Ok(None) };
        if from.has_no_space() && stays != Some(false) {
            return Ok(None);
        }
        let partition = Partition::new(&region, after.layout.chunk(), before.dtype.size().max(after.dtype.size()));
        let stored = match (before.layout.chunk(), after.layout.chunk()) {
            (Some(chunk), Some(_)) if stays == Some(true) => stored(from, before, after, &partition, chunk)?,
            _ => None,
        };
        Ok(Some(Self { partition, stored, elements: region.elements() }))
    }

    /// Elements of the blocks that must be looked at.
    pub fn elements(&self) -> u64 {
        match &self.stored {
            Some(list) => list.iter().map(|k| self.partition.block(*k).elements() as u64).sum(),
            None => self.elements,
        }
    }

    /// Numbers of the blocks that must be looked at.
    pub fn numbers(&self) -> Box<dyn Iterator<Item = u64> + Send + '_> {
        match &self.stored {
            Some(list) => Box::new(list.iter().copied()),
            None => Box::new(0..self.partition.count()),
        }
    }
}

/// Does what was never written read the same afterwards? `None` where HDF5 leaves open what it reads as.
fn unwritten_stays(before: &SeenDataset, after: &Definition, recast: &Recast) -> Option<bool> {
    let old = source::unwritten(&before.dtype, &before.fill_value, before.fill_time)?;
    let new = source::unwritten(&after.dtype, &after.fill_value, after.fill_time.unwrap_or(FillTime::IfSet));
    // The default of types with outside data has no elements.
    let made = if old.count(&before.dtype) == 0 { Recasted::same(old) } else { recast.apply(old) };
    Some(made.is_same() && Some(made.elements) == new)
}

fn stored(
    from: &DatasetAccess,
    before: &SeenDataset,
    after: &Definition,
    partition: &Partition,
    chunk: &[u64],
) -> Result<Option<BTreeSet<u64>>, H5Error> {
    let Stored::Chunks(chunks) = from.stored(before)? else { return Ok(None) };
    let mut out = BTreeSet::new();
    for stored in chunks.iter().filter(|c| c.offset.iter().zip(after.shape.dims()).all(|(at, size)| at < size)) {
        match partition.holding(&stored.offset, chunk) {
            Some(held) => out.extend(held),
            None => return Ok(None),
        }
    }
    Ok(Some(out))
}

/// Counts the elements that are not the same in the new dtype.
pub(super) fn loss(
    from: &DatasetAccess,
    before: &SeenDataset,
    after: &Definition,
    recast: &Recast,
    memory: Memory,
) -> Result<Loss, ObserveError> {
    let elements = common(&before.shape, &after.shape).elements().unwrap_or(u64::MAX);
    let mut loss = Loss { elements, ..Loss::default() };
    let (Some(carried), Some(whole)) = (Carried::new(from, before, after, recast)?, Region::whole(&before.shape)) else { return Ok(loss) };
    let size = before.dtype.size();
    let reader = from.block_reader(elements.saturating_mul(size as u64) >= LISTED_BYTES)?;
    let read = |k: u64| whole.sub(&carried.partition.block(k));
    let ahead = memory.ahead((carried.partition.block(0).elements().saturating_mul(size)).max(reader.chunk_bytes()));
    let outside = before.dtype.has_outside_data();
    let make = |k: u64| -> Result<Option<Loss>, ObserveError> {
        if outside {
            return Ok(None);
        }
        Ok(Some(lost(recast, reader.read(&read(k))?)))
    };
    in_order(carried.numbers(), ahead, false, make, |k, found| {
        let found = match found {
            Some(found) => found,
            None => lost(recast, from.read(&read(k))?),
        };
        loss.lost += found.lost;
        let room = EXAMPLES.saturating_sub(loss.examples.len());
        loss.examples.extend(found.examples.into_iter().take(room));
        loss.refused += found.refused;
        loss.refusal = loss.refusal.take().or(found.refusal);
        Ok(())
    })?;
    Ok(loss)
}

/// What becomes of the elements of a block.
fn lost(recast: &Recast, elements: Elements) -> Loss {
    let made = recast.apply(elements.clone());
    let examples = made.lost.iter().take(EXAMPLES).map(|at| recast.example(&elements, &made.elements, *at)).collect();
    let refusal = made.refused.first().map(|refused| recast.refusal(&elements, *refused));
    Loss { elements: 0, lost: made.lost.len() as u64, examples, refused: made.refused.len() as u64, refusal }
}
