//! What a plan surely writes, and what is free for it.

use std::collections::BTreeMap;
use std::path::Path;

use super::run::{Failure, Options};
use crate::model::{AllocTime, Codec, H5Path, SourceFile};
use crate::plan::{Action, Plan, Step};
use crate::txn::free_bytes;

/// Compares what will be written with what is free and what is allowed, `copied` bytes for a clone included. How much may be written.
pub(super) fn check_space(target: &Path, plan: &Plan, copied: u64, options: &Options) -> Result<u64, Failure> {
    let mut shrinking = BTreeMap::new();
    // Regions of one dataset may overlap: together they are never more than the dataset.
    let mut contents: BTreeMap<&H5Path, (u64, u64)> = BTreeMap::new();
    let mut needed = copied;
    for step in plan.steps() {
        let bytes = step_bytes(step, &mut shrinking);
        match &step.action {
            Action::WriteRegion { dtype, layer, .. } => {
                let whole = layer.region.extent().iter().fold(dtype.size() as u64, |n, &d| n.saturating_mul(d));
                let entry = contents.entry(&step.path).or_insert((0, whole));
                entry.0 = entry.0.saturating_add(bytes);
            }
            _ => needed = needed.saturating_add(bytes),
        }
    }
    needed = contents.values().fold(needed, |n, (bytes, whole)| n.saturating_add(*bytes.min(whole)));
    let free = free_bytes(target);
    match (free, options.max_bytes) {
        (_, Some(most)) if needed > most => Err(Failure::TooMuch { path: target.into(), needed, most }),
        (Some(free), _) if needed > free => Err(Failure::Space { path: target.into(), needed, free }),
        (free, most) => Ok(free.unwrap_or(u64::MAX).min(most.unwrap_or(u64::MAX))),
    }
}

/// Bytes a step surely takes. Compressed data may shrink a lot (deflate's limit is 1032 to 1, zstd's 32768 to 1, and
/// several compressors multiply), so only a millionth of it is counted; `shrinking` remembers the new datasets with such filters.
fn step_bytes(step: &Step, shrinking: &mut BTreeMap<H5Path, bool>) -> u64 {
    match &step.action {
        Action::CreateDataset { definition: d, .. } => {
            let shrinks = d.layout.filters().iter().any(|f| !matches!(f.codec, Codec::Shuffle | Codec::Fletcher32));
            shrinking.insert(step.path.clone(), shrinks);
            let size = d.shape.elements().unwrap_or(u64::MAX).saturating_mul(d.dtype.size() as u64);
            if d.alloc_time == Some(AllocTime::Early) && !shrinks { size } else { 0 }
        }
        Action::Rebuild { definition, .. } => {
            let shrinks = definition.layout.filters().iter().any(|f| !matches!(f.codec, Codec::Shuffle | Codec::Fletcher32));
            shrinking.insert(step.path.clone(), shrinks);
            if shrinks { step.bytes / 1_000_000 } else { step.bytes }
        }
        // A copy is as sparse as what it is a copy of.
        Action::WriteRegion { layer, .. } if layer.fill.rule.sources().iter().any(|s| matches!(s, SourceFile::Hdf5 { .. })) => 0,
        Action::WriteRegion { .. } if shrinking.get(&step.path) == Some(&true) => step.bytes / 1_000_000,
        Action::WriteRegion { .. } => step.bytes,
        Action::SetAttr { .. } => step.bytes,
        Action::CreateFile(props) => props.userblock.map_or(0, |(bytes, _)| bytes),
        Action::CreateGroup { .. }
        | Action::CreateType { .. }
        | Action::CreateLink { .. }
        | Action::SetComment { .. }
        | Action::Grow { .. }
        | Action::Shrink { .. }
        | Action::RemoveAttr { .. }
        | Action::RenameAttr { .. }
        | Action::Move { .. }
        | Action::Remove { .. } => 0,
    }
}
