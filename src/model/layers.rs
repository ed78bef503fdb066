//! A dataset's declared contents: a fill beneath patches, each element decided by the last layer that
//! covers it.

use std::sync::Arc;

use super::{Block, Contents, DesiredDataset, DesiredFill, Dtype, Fill, H5Path, Patch, Region, SelectError, Shape};
use crate::diag::{Finding, Span};

/// What the index of a layer's fill rule counts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Frame {
    /// Elements of the whole dataset, of these sizes.
    Dataset(Vec<u64>),
    /// Elements of the region.
    Region,
}

/// Where a layer comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LayerKind {
    /// The dataset's fill, on the whole dataset.
    Fill,
    /// The dataset's fill, on a part that growth adds.
    Growth,
    /// A patch.
    Patch,
}

/// One rule on one region of one dataset.
#[derive(Clone, Debug, PartialEq)]
pub struct Layer {
    /// Where it comes from.
    pub kind: LayerKind,
    /// The elements it decides, unless a later layer covers them.
    pub region: Region,
    /// The rule, its stream settled.
    pub fill: Fill,
    /// What the rule's index counts.
    pub frame: Frame,
    /// Must nothing be read because the region does not exist in the file yet?
    pub fresh: bool,
    /// Place of the rule in the manifest.
    pub origin: Span,
}

impl Layer {
    /// Shape the rule is applied to.
    pub fn rule_shape(&self) -> Shape {
        match &self.frame {
            Frame::Dataset(dims) => Shape::from_dims(dims),
            Frame::Region => self.region.shape(),
        }
    }

    /// Runs of the rule's indices that a block of the region stands for: `each(first index, count)`.
    pub fn runs(&self, block: &Block, each: impl FnMut(u64, usize)) {
        match &self.frame {
            Frame::Region => block.runs(&block.offset, &self.region.lens(), each),
            Frame::Dataset(dims) => {
                // Regions in the dataset's frame are boxes, so a shift is all there is.
                let start = self.region.bounds();
                let at: Vec<u64> = block.offset.iter().zip(&start).map(|(o, (first, _))| o + first).collect();
                block.runs(&at, dims, each);
            }
        }
    }
}

impl Layer {
    /// A block of the region as a box of the shape that the rule is applied to.
    pub fn boxed(&self, block: &Block) -> Block {
        let at = |(o, (first, _)): (&u64, &(u64, u64))| o + first;
        match &self.frame {
            Frame::Region => {
                // The shape of a region has no axes that are selected by an index.
                let kept = |axis: &usize| self.region.axes().is_none_or(|axes| !axes[*axis].dropped);
                let of = |list: &[u64]| (0..list.len()).filter(kept).map(|axis| list[axis]).collect();
                Block { offset: of(&block.offset), len: of(&block.len) }
            }
            Frame::Dataset(_) => Block { offset: block.offset.iter().zip(&self.region.bounds()).map(at).collect(), len: block.len.clone() },
        }
    }

    /// For each element of a block, whether this layer decides it; `None` where no layer above reaches
    /// into the block.
    pub fn decided(&self, block: &Block, above: &[Arc<Layer>]) -> Option<Vec<bool>> {
        let part = self.region.sub(block);
        let above: Vec<&Arc<Layer>> = above.iter().filter(|l| l.region.may_overlap(&part)).collect();
        if above.is_empty() {
            return None;
        }
        let lens = part.lens();
        let (mut at, mut coordinates) = (vec![0u64; lens.len()], Vec::new());
        let mut out = Vec::with_capacity(block.elements());
        for _ in 0..block.elements() {
            part.locate(&at, &mut coordinates);
            out.push(!above.iter().any(|l| l.region.contains(&coordinates)));
            for axis in (0..lens.len()).rev() {
                at[axis] += 1;
                if at[axis] < lens[axis] {
                    break;
                }
                at[axis] = 0;
            }
        }
        Some(out)
    }
}

/// The layers of a dataset that must hold, in order; later ones win.
///
/// `seen` is the extent in the file (`None` before creation), `extent` the extent after growth. Patches
/// that do not fit the extent, and rules that do not fit dtype or region, are findings at their place.
pub fn layers<'a>(
    path: &H5Path,
    dataset: Option<&DesiredDataset>,
    patches: impl IntoIterator<Item = &'a Patch>,
    dtype: &Dtype,
    seen: Option<&Shape>,
    extent: &Shape,
) -> Result<Vec<Arc<Layer>>, Vec<Finding>> {
    let mut out = Vec::new();
    let mut findings = Vec::new();
    if let Some((dataset, wanted)) = dataset.and_then(|d| Some((d, d.fill.as_deref()?))) {
        let DesiredFill { fill, origin, .. } = wanted;
        let frame = Frame::Dataset(extent.dims().to_vec());
        let layer = |kind, region, fresh| Layer { kind, region, fill: fill.clone(), frame: frame.clone(), fresh, origin: *origin };
        match seen {
            None => out.extend(Region::whole(extent).map(|r| layer(LayerKind::Fill, r, true))),
            Some(seen) => {
                let used = dataset.contents == Contents::Exact || seen != extent;
                if let Some(e) = used.then(|| wanted.check(dtype, extent).err()).flatten() {
                    findings.push(Finding::error("fill", format!("the fill of {path} is not possible: {}", e.0)).at(*origin, ""));
                }
                if dataset.contents == Contents::Exact {
                    let zeros = vec![0; extent.rank()];
                    let old = if seen == extent { Region::whole(extent) } else { Region::cuboid(&zeros, seen.dims(), extent.dims()) };
                    out.extend(old.map(|r| layer(LayerKind::Fill, r, false)));
                }
                out.extend(grown(seen.dims(), extent.dims()).into_iter().map(|r| layer(LayerKind::Growth, r, true)));
            }
        }
    }
    for patch in patches {
        match patch_layer(path, patch, dtype, extent) {
            Ok(layer) => {
                let inside = seen.is_some_and(|s| layer.region.bounds().iter().zip(s.dims()).all(|((_, last), size)| last < size));
                out.push(Layer { fresh: !inside, ..layer });
            }
            Err(finding) => findings.push(finding),
        }
    }
    if findings.is_empty() { Ok(out.into_iter().map(Arc::new).collect()) } else { Err(findings) }
}

fn patch_layer(path: &H5Path, patch: &Patch, dtype: &Dtype, extent: &Shape) -> Result<Layer, Finding> {
    let region = patch.select.selection.resolve(extent).map_err(|SelectError(why)| {
        Finding::error("select", format!("the selection does not fit {path} of shape {extent}: {why}")).at(patch.select.span, "")
    })?;
    patch
        .fill
        .check(dtype, &region.shape())
        .map_err(|e| Finding::error("fill", format!("the rule does not fit the region of {path}: {}", e.0)).at(patch.fill.origin, ""))?;
    let mut fill = patch.fill.fill.clone();
    if fill.stream.is_empty() {
        fill.stream = [patch.named.as_bytes(), format!("[{region}]").as_bytes()].concat();
    }
    Ok(Layer { kind: LayerKind::Patch, region, fill, frame: Frame::Region, fresh: false, origin: patch.origin })
}

/// Disjoint boxes that together are what growth from `old` to `new` adds.
fn grown(old: &[u64], new: &[u64]) -> Vec<Region> {
    let mut out = Vec::new();
    for axis in 0..new.len().min(old.len()) {
        if new[axis] <= old[axis] {
            continue;
        }
        let offset: Vec<u64> = (0..new.len()).map(|i| if i == axis { old[i] } else { 0 }).collect();
        let len: Vec<u64> = (0..new.len())
            .map(|i| match i.cmp(&axis) {
                std::cmp::Ordering::Less => old[i].min(new[i]),
                std::cmp::Ordering::Equal => new[i] - old[i],
                std::cmp::Ordering::Greater => new[i],
            })
            .collect();
        out.extend(Region::cuboid(&offset, &len, new));
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn growth_covers_what_is_new_once(sizes in proptest::collection::vec((0u64..5, 0u64..4), 1..4)) {
            let old: Vec<u64> = sizes.iter().map(|s| s.0).collect();
            let new: Vec<u64> = sizes.iter().map(|s| s.0 + s.1).collect();
            let parts = grown(&old, &new);
            let total: u64 = new.iter().product();
            for flat in 0..total {
                let mut rest = flat;
                let mut at = vec![0; new.len()];
                for i in (0..new.len()).rev() {
                    at[i] = rest % new[i];
                    rest /= new[i];
                }
                let outside = at.iter().zip(&old).any(|(p, o)| p >= o);
                let covers = parts.iter().filter(|r| r.contains(&at)).count();
                prop_assert_eq!(covers, usize::from(outside));
            }
        }
    }
}
