//! A dataset is made anew in its own place.

use std::collections::{BTreeMap, BTreeSet};

use super::execute::ApplyError;
use crate::h5::{Addresses, DatasetAccess, H5Error, LISTED_BYTES, Object};
use crate::model::{Block, Definition, Partition, Recast, Referrer, Region, SeenDataset, Shape};
use crate::observe::Carried;

/// What becomes of the elements.
pub(super) struct Work<'a> {
    pub before: &'a SeenDataset,
    pub after: &'a Definition,
    pub recast: &'a Recast,
}

/// Takes over the elements that two datasets have in common, block by block.
pub(super) fn carry(from: &DatasetAccess, to: &DatasetAccess, work: &Work<'_>, watch: &mut dyn FnMut(u64)) -> Result<(), ApplyError> {
    let Work { before, after, recast } = work;
    let Some(carried) = Carried::new(from, before, after, recast)? else { return Ok(()) };
    let bytes = before.shape.elements().unwrap_or(u64::MAX).saturating_mul(before.dtype.size() as u64);
    let reader = from.block_reader(bytes >= LISTED_BYTES)?;
    for k in carried.numbers() {
        let block = carried.partition.block(k);
        let (Some(there), Some(here)) = (inside(&before.shape, &block), inside(&after.shape, &block)) else { continue };
        if recast.is_same() && before.dtype.has_outside_data() {
            from.copy_region(&there, to, &here)?;
        } else {
            let elements = if before.dtype.has_outside_data() { from.read(&there)? } else { reader.read(&there)? };
            to.write(&here, &recast.apply(elements).elements)?;
        }
        watch((block.elements() * after.dtype.size()) as u64);
    }
    Ok(())
}

/// A block of the common extent in one of the two.
fn inside(shape: &Shape, block: &Block) -> Option<Region> {
    Region::whole(shape).map(|whole| whole.sub(block))
}

/// What a dataset has beside its elements.
pub(super) fn take_over(new: &Object, old: &Object) -> Result<(), H5Error> {
    new.take_attrs(old)?;
    let comment = old.comment()?;
    if comment.is_empty() { Ok(()) } else { new.set_comment(&comment) }
}

/// What is done once all datasets have been made anew: many may be members of one group, and what refers to one often refers to many.
#[derive(Default)]
pub(super) struct Left {
    /// Where they were, and where they are. What takes a place may stand where another one stood.
    pub moved: Addresses,
    /// What refers to them.
    pub referrers: BTreeSet<Referrer>,
    /// Groups that keep the order of their links, by address, and that order.
    pub orders: BTreeMap<u64, (Object, Vec<Vec<u8>>)>,
}

impl Left {
    /// Is told of a group before one of its links is made to lead to something else.
    pub fn before_relink(&mut self, group: &Object) -> Result<(), H5Error> {
        let address = group.info()?.id.address;
        if !self.orders.contains_key(&address)
            && let Some(names) = group.kept_order()?
        {
            self.orders.insert(address, (group.again()?, names));
        }
        Ok(())
    }
}

/// Object references among the elements of a dataset, block by block.
pub(super) fn retarget(object: Object, moved: &Addresses) -> Result<(), H5Error> {
    let seen = object.dataset()?;
    let Some(region) = Region::whole(&seen.shape) else { return Ok(()) };
    let access = object.access()?;
    let partition = Partition::new(&region, seen.layout.chunk(), seen.dtype.size());
    for k in 0..partition.count() {
        access.retarget(&region.sub(&partition.block(k)), moved)?;
    }
    Ok(())
}
