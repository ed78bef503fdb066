//! Which objects and attributes must be looked at to plan a manifest.

use std::collections::{BTreeMap, BTreeSet};

use super::{AttrRule, Desired, DesiredKind, Glob, H5Path, RemovalTarget};

/// What to look at. Parents of every path are looked at, too, without attributes.
#[derive(Clone, Debug, Default)]
pub struct Needs {
    /// Objects by path.
    pub objects: BTreeMap<H5Path, Need>,
    /// Globs of each removal, in order; no globs for removals by path.
    pub globs: Vec<Vec<Glob>>,
}

/// What to look at in one object.
#[derive(Clone, Debug, Default)]
pub struct Need {
    /// Attributes to read.
    pub attrs: BTreeSet<Vec<u8>>,
    /// Is the space it takes needed (it may be removed)?
    pub storage: bool,
    /// Is there an attribute that an old object header could not hold?
    pub large: bool,
    /// Must it be there? If it is not, the names beside it are of interest.
    pub required: bool,
}

impl Needs {
    /// Everything the planner will ask about.
    pub fn of(desired: &Desired) -> Self {
        let mut needs = Needs::default();
        for (path, object) in &desired.objects {
            if matches!(&object.kind, DesiredKind::Dataset(d) if d.definition.is_none()) {
                needs.require(path);
            }
            let need = needs.add(path);
            for attr in &object.attrs {
                need.attrs.insert(attr.name.clone());
                need.large |= attr.rule.may_be_large();
                if let AttrRule::RenameFrom { from, .. } = &attr.rule {
                    need.attrs.insert(from.clone());
                }
            }
        }
        for patch in &desired.patches {
            match desired.objects.contains_key(&patch.path) {
                true => _ = needs.add(&patch.path),
                false => needs.require(&patch.path),
            }
        }
        for removal in &desired.removals {
            match &removal.target {
                RemovalTarget::Path(path) => {
                    needs.add(path).storage = true;
                    needs.globs.push(Vec::new());
                }
                RemovalTarget::Match(globs) => needs.globs.push(globs.iter().filter_map(|g| Glob::new(g).ok()).collect()),
            }
        }
        needs
    }

    /// The path and all above it must be there.
    fn require(&mut self, path: &H5Path) {
        self.add(path).required = true;
        for parent in path.ancestors() {
            self.add(&parent).required = true;
        }
    }

    fn add(&mut self, path: &H5Path) -> &mut Need {
        for parent in path.ancestors() {
            self.objects.entry(parent).or_default();
        }
        self.objects.entry(path.clone()).or_default()
    }
}
