//! The elements of two datasets side by side.

use std::collections::BTreeSet;

use super::stored;
use crate::h5::{DatasetAccess, H5Error, Stored};
use crate::model::{Block, Elements, Partition, Region, RegionSeen, SeenDataset, Shape, Tolerance, element_text};
use crate::source::same_unwritten;

/// Most differing elements that are shown.
const EXAMPLES: usize = 3;

/// Two datasets of one dtype, open for reading, and how to compare them.
pub struct PairWork<'a> {
    /// The first.
    pub a: &'a DatasetAccess,
    /// The second.
    pub b: &'a DatasetAccess,
    /// How far apart floats may be.
    pub tolerance: Tolerance,
    /// Gives the objects that elements of both refer to one name. Fails with a clause.
    pub name: &'a dyn Fn(&mut Elements, &mut Elements) -> Result<(), String>,
}

/// Compares the extent that both have, in blocks; `None` where there is none. Where both are stored in the same chunks, chunks of equal
/// bytes are not decoded, and chunks that neither has are not looked at. `watch` is told of bytes. Fails with a clause.
pub fn compare_pair(work: &PairWork<'_>, watch: &mut dyn FnMut(u64)) -> Result<Option<(Region, RegionSeen)>, String> {
    let cause = |e: H5Error| e.cause;
    let (a, b) = (work.a.seen().map_err(cause)?, work.b.seen().map_err(cause)?);
    let Some((region_a, region_b)) = common(&a.shape, &b.shape) else { return Ok(None) };
    let dtype = work.a.dtype();
    let partition = Partition::new(&region_b, b.layout.chunk().or(a.layout.chunk()), dtype.estimated_bytes());
    if let Some(filter) = a.lacking.as_ref().or(b.lacking.as_ref()) {
        let compared = stored::compare(work.b, work.a, &a, &partition).map_err(|e| e.to_string())?;
        let seen =
            compared.ok_or_else(|| format!("its elements are compressed with {filter}, a filter that this h5mason does not have"))?;
        return Ok(Some((region_b, seen)));
    }
    let mut seen = RegionSeen { elements: region_b.elements(), ..RegionSeen::default() };
    let numbers: Box<dyn Iterator<Item = u64>> = match touched(work, &a, &b, &partition).map_err(cause)? {
        Some(list) => Box::new(list.into_iter()),
        None => Box::new(0..partition.count()),
    };
    for k in numbers {
        let block = partition.block(k);
        let mut before = work.a.read(&region_a.sub(&block)).map_err(cause)?;
        let mut after = work.b.read(&region_b.sub(&block)).map_err(cause)?;
        watch(after.bytes() as u64);
        if dtype.has_references() {
            (work.name)(&mut before, &mut after)?;
        }
        if before != after {
            tally(work, &before, &after, &block, &mut seen);
        }
    }
    Ok(Some((region_b, seen)))
}

fn tally(work: &PairWork<'_>, before: &Elements, after: &Elements, block: &Block, seen: &mut RegionSeen) {
    let dtype = work.a.dtype();
    for i in 0..block.elements() {
        if before.equal_within(after, dtype, i, work.tolerance) {
            continue;
        }
        seen.differing += 1;
        if seen.examples.len() < EXAMPLES {
            seen.examples.push((element_text(before, dtype, i), element_text(after, dtype, i)));
        }
    }
}

/// The box from the origin that two extents share, as a region of each.
fn common(a: &Shape, b: &Shape) -> Option<(Region, Region)> {
    if a == b {
        return Region::whole(a).map(|whole| (whole.clone(), whole));
    }
    let (Shape::Simple(a), Shape::Simple(b)) = (a, b) else { return None };
    if a.len() != b.len() {
        return None;
    }
    let len: Vec<u64> = a.iter().zip(b).map(|(a, b)| *a.min(b)).collect();
    let offset = vec![0; len.len()];
    Region::cuboid(&offset, &len, a).zip(Region::cuboid(&offset, &len, b))
}

/// Numbers of the blocks in which elements can differ; `None` where that may be any.
fn touched(work: &PairWork<'_>, a: &SeenDataset, b: &SeenDataset, partition: &Partition) -> Result<Option<BTreeSet<u64>>, H5Error> {
    if !same_unwritten(a, b) {
        return Ok(None);
    }
    let (Stored::Chunks(ours), Stored::Chunks(theirs)) = (work.a.stored(a)?, work.b.stored(b)?) else { return Ok(None) };
    let mut out = BTreeSet::new();
    let mut add = |seen: &SeenDataset, offset: &[u64]| {
        let inside = offset.iter().zip(a.shape.dims()).zip(b.shape.dims()).all(|((at, a), b)| at < a && at < b);
        let held = if inside { partition.holding(offset, seen.layout.chunk().unwrap_or_default()) } else { Some(Vec::new()) };
        held.map(|held| out.extend(held)).is_some()
    };
    if work.a.same_storage(work.b)? {
        for (our, their) in stored::pairs(&ours, &theirs) {
            if stored::equal(work.a, our, work.b, their)? {
                continue;
            }
            if !our.or(their).is_none_or(|chunk| add(b, &chunk.offset)) {
                return Ok(None);
            }
        }
        return Ok(Some(out));
    }
    let all = ours.iter().all(|chunk| add(a, &chunk.offset)) && theirs.iter().all(|chunk| add(b, &chunk.offset));
    Ok(all.then_some(out))
}
