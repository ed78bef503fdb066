//! Which contents of which datasets must hold, given what the file has.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::{
    Carry, Definition, Desired, DesiredDataset, DesiredKind, Dtype, H5Path, Layer, Observed, Patch, SeenDataset, SeenKind, Shape, common,
    layers,
};
use crate::diag::Finding;

/// The declared contents of one dataset.
#[derive(Clone, Debug)]
pub struct DatasetContents {
    /// Its element type.
    pub dtype: Dtype,
    /// Its extent after growth.
    pub extent: Shape,
    /// Its chunk shape, if chunked.
    pub chunk: Option<Vec<u64>>,
    /// Rules, later ones win.
    pub layers: Vec<Arc<Layer>>,
}

impl Desired {
    /// Files that fills read from.
    pub fn inputs(&self) -> Vec<&std::path::Path> {
        let fills = self.objects.values().filter_map(|o| match &o.kind {
            DesiredKind::Dataset(d) => d.fill.as_deref(),
            DesiredKind::Group(_) | DesiredKind::Type(_) | DesiredKind::Link(_) => None,
        });
        let fills = fills.chain(self.patches.iter().map(|p| &p.fill));
        let userblock = self.file.userblock_file.iter().map(|(path, _)| path.as_path());
        userblock.chain(fills.flat_map(|f| f.fill.rule.sources()).map(|s| s.file().as_path())).collect()
    }

    /// The dataset entry at a path.
    pub fn dataset(&self, path: &H5Path) -> Option<&DesiredDataset> {
        match &self.objects.get(path)?.kind {
            DesiredKind::Dataset(dataset) => Some(dataset),
            DesiredKind::Group(_) | DesiredKind::Type(_) | DesiredKind::Link(_) => None,
        }
    }
}

impl Observed {
    /// Do the elements of a dataset stay, as far as they have a place in its extent?
    fn carries(&self, path: &H5Path) -> bool {
        self.rebuilds.get(path).is_none_or(|r| matches!(r.rebuild.carry, Carry::Elements(_)))
    }

    /// Are elements of another dtype in the file than will be there?
    fn recasts(&self, path: &H5Path) -> bool {
        self.rebuilds.get(path).is_some_and(|r| matches!(&r.rebuild.carry, Carry::Elements(recast) if !recast.is_same()))
    }

    /// The dataset that was seen at a path.
    pub fn dataset(&self, path: &H5Path) -> Option<&SeenDataset> {
        match self.objects.get(path)?.kind.as_ref()? {
            SeenKind::Dataset(dataset) => Some(dataset),
            SeenKind::Group(_) | SeenKind::Type(_) | SeenKind::Unknown => None,
        }
    }
}

impl Definition {
    /// Does its fill value refer to an object?
    pub fn refers(&self) -> bool {
        let mut any = false;
        self.referents(&mut |_| any = true);
        any
    }

    /// Calls `visit` for every object that its fill value refers to.
    pub fn referents(&self, visit: &mut dyn FnMut(&super::Target)) {
        if let super::FillValue::Value(value) = &self.fill_value {
            value.targets(visit);
        }
    }

    /// The extent this declares for a dataset that has the extent `seen`: sizes from unlimited dimensions
    /// are minima.
    pub fn extent_over(&self, seen: &Shape) -> Shape {
        if seen.rank() != self.shape.rank() {
            return self.shape.clone();
        }
        let sizes = self.shape.dims().iter().zip(seen.dims()).zip(&self.minimum);
        let dims: Vec<u64> = sizes.map(|((&declared, &seen), &minimum)| if minimum { declared.max(seen) } else { declared }).collect();
        match &self.shape {
            Shape::Simple(_) => Shape::Simple(dims),
            Shape::Null | Shape::Scalar => self.shape.clone(),
        }
    }
}

/// The contents to compare and write, by dataset; datasets whose type or shape is in conflict are left
/// out. Selections and rules that do not fit are findings.
pub fn contents(desired: &Desired, observed: &Observed) -> (BTreeMap<H5Path, DatasetContents>, Vec<Finding>) {
    let mut patches: BTreeMap<&H5Path, Vec<&Patch>> = BTreeMap::new();
    for patch in &desired.patches {
        patches.entry(&patch.path).or_default().push(patch);
    }
    let filled = desired.objects.iter().filter(|(_, o)| matches!(&o.kind, DesiredKind::Dataset(d) if d.fill.is_some())).map(|(p, _)| p);
    let paths: std::collections::BTreeSet<&H5Path> = filled.chain(patches.keys().copied()).collect();
    let (mut out, mut findings) = (BTreeMap::new(), Vec::new());
    for path in paths {
        let dataset = desired.dataset(path);
        let definition = dataset.and_then(|d| d.definition.as_ref());
        let seen = observed.dataset(path);
        let (dtype, extent, chunk) = match (definition, seen) {
            (_, Some(_)) if observed.rebuilds.contains_key(path) => {
                let d = &observed.rebuilds[path].rebuild.definition;
                (&d.dtype, d.shape.clone(), d.layout.chunk())
            }
            (Some(d), Some(s)) if !observed.same_type(&d.dtype, &s.dtype) || !fits(d, s) => continue,
            (Some(d), Some(s)) => (&s.dtype, d.extent_over(&s.shape), s.layout.chunk()),
            (Some(d), None) => (&d.dtype, d.shape.clone(), d.layout.chunk()),
            (None, Some(s)) => (&s.dtype, s.shape.clone(), s.layout.chunk()),
            (None, None) => continue,
        };
        let own = patches.get(path).into_iter().flatten().copied();
        // What stays of the extent in the file.
        let rest = seen.filter(|_| observed.carries(path)).map(|s| common(&s.shape, &extent));
        match layers(path, dataset, own, dtype, rest.as_ref(), &extent) {
            Ok(layers) if layers.is_empty() => {}
            Ok(mut layers) => {
                if observed.recasts(path) {
                    // They cannot be compared with what is there: they are written.
                    layers.iter_mut().for_each(|l| *l = Arc::new(Layer { fresh: true, ..Layer::clone(l) }));
                }
                out.insert(path.clone(), DatasetContents { dtype: dtype.clone(), extent, chunk: chunk.map(<[u64]>::to_vec), layers });
            }
            Err(more) => findings.extend(more),
        }
    }
    (out, findings)
}

/// Is the extent that is declared the one that is there, or one that it can be changed to in place?
fn fits(d: &Definition, s: &SeenDataset) -> bool {
    let wanted = d.extent_over(&s.shape);
    wanted == s.shape || resizes(&wanted, s)
}

/// Can the dataset get this extent in place?
pub fn resizes(wanted: &Shape, seen: &SeenDataset) -> bool {
    let (Shape::Simple(new), Shape::Simple(old)) = (wanted, &seen.shape) else { return false };
    new.len() == old.len() && new.iter().zip(&seen.maxshape).all(|(n, max)| max.is_none_or(|m| *n <= m)) && seen.layout.chunk().is_some()
}
