//! Comparing datasets by their stored chunks, where a filter is lacking that would decode them.

use std::cmp::Ordering;
use std::collections::BTreeSet;

use super::ObserveError;
use crate::h5::{DatasetAccess, H5Error, Stored, StoredChunk};
use crate::model::{Partition, RegionSeen, SeenDataset};
use crate::source::same_unwritten;

/// Compares stored chunks pair by pair: all elements of a chunk count as different where its bytes, or the filters it was taken through,
/// differ. `None` where stored chunks do not mean the same on both sides, or are too many to list.
///
/// A chunk that only one side has counts as different: without the filter nobody can say whether it holds fill values. The blocks that
/// differ are told only if copying chunks can make them equal: HDF5 takes no stored chunk away again.
pub(super) fn compare(
    access: &DatasetAccess,
    from: &DatasetAccess,
    from_seen: &SeenDataset,
    partition: &Partition,
) -> Result<Option<RegionSeen>, ObserveError> {
    if !from.same_storage(access)? {
        return Ok(None);
    }
    let seen = access.seen()?;
    let (Stored::Chunks(ours), Stored::Chunks(theirs)) = (access.stored(&seen)?, from.stored(from_seen)?) else { return Ok(None) };
    let elements = seen.shape.elements().unwrap_or(0);
    let (mut differing, mut stored) = (0u64, 0u64);
    let (mut blocks, mut mendable) = (BTreeSet::new(), true);
    for (our, their) in pairs(&ours, &theirs) {
        let count = our.or(their).map_or(0, |c| chunk_elements(c, &seen));
        stored += count;
        if !equal(access, our, from, their)? {
            differing += count;
            let held = their.and_then(|c| partition.holding(&c.offset, seen.layout.chunk()?));
            mendable &= held.is_some();
            blocks.extend(held.into_iter().flatten());
        }
    }
    if stored < elements && !same_unwritten(&seen, from_seen) {
        differing += elements - stored;
        mendable = false;
    }
    let blocks = if mendable { blocks.into_iter().collect() } else { Vec::new() };
    Ok(Some(RegionSeen { elements, differing, blocks, ..RegionSeen::default() }))
}

pub(super) type Pair<'a> = (Option<&'a StoredChunk>, Option<&'a StoredChunk>);

/// Chunks of two lists by their places, in order.
pub(super) fn pairs<'a>(ours: &'a [StoredChunk], theirs: &'a [StoredChunk]) -> Vec<Pair<'a>> {
    let (mut ours, mut theirs) = (ours.iter().peekable(), theirs.iter().peekable());
    let mut out = Vec::new();
    loop {
        let order = match (ours.peek(), theirs.peek()) {
            (None, None) => return out,
            (Some(_), None) => Ordering::Less,
            (None, Some(_)) => Ordering::Greater,
            (Some(a), Some(b)) => a.offset.cmp(&b.offset),
        };
        out.push(match order {
            Ordering::Less => (ours.next(), None),
            Ordering::Greater => (None, theirs.next()),
            Ordering::Equal => (ours.next(), theirs.next()),
        });
    }
}

pub(super) fn equal(a: &DatasetAccess, our: Option<&StoredChunk>, b: &DatasetAccess, their: Option<&StoredChunk>) -> Result<bool, H5Error> {
    match (our, their) {
        (Some(our), Some(their)) => Ok(our.bytes == their.bytes && a.read_chunk_raw(our)? == b.read_chunk_raw(their)?),
        (Some(_), None) | (None, Some(_)) => Ok(false),
        (None, None) => Ok(true),
    }
}

/// Elements of a chunk within the extent.
fn chunk_elements(chunk: &StoredChunk, seen: &SeenDataset) -> u64 {
    let axes = chunk.offset.iter().zip(seen.layout.chunk().unwrap_or_default()).zip(seen.shape.dims());
    axes.map(|((at, chunk), size)| (*chunk).min(size.saturating_sub(*at))).product()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chunks_are_paired_by_place() {
        let list = |places: &[u64]| places.iter().map(|&at| StoredChunk { offset: vec![at], bytes: 1, filter_mask: 0 }).collect::<Vec<_>>();
        let (ours, theirs) = (list(&[0, 4, 8]), list(&[4, 6]));
        let got: Vec<_> = pairs(&ours, &theirs).iter().map(|(a, b)| (a.map(|c| c.offset[0]), b.map(|c| c.offset[0]))).collect();
        assert_eq!(got, [(Some(0), None), (Some(4), Some(4)), (None, Some(6)), (Some(8), None)]);
    }
}
