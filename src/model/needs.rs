//! Which objects and attributes must be looked at to plan a manifest.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    AttrRule, Desired, DesiredAttr, DesiredFill, DesiredKind, DesiredLink, DesiredObject, Dtype, Glob, H5Path, Linked, Literal,
    RemovalTarget, Rule, Target, encode_one,
};

/// What to look at. Parents of every path are looked at, too, without attributes.
#[derive(Clone, Debug, Default)]
pub struct Needs {
    /// Objects by path.
    pub objects: BTreeMap<H5Path, Need>,
    /// Globs of each removal, in order; no globs for removals by path.
    pub globs: Vec<Vec<Glob>>,
    /// What rules for whatever matches need of it, and last what is only to be found.
    pub each: Vec<(Vec<Glob>, Need)>,
    /// Hard links that are declared, where there are such rules: what is below a group has names by them, too.
    pub linked: Linked,
    /// Removals by path.
    pub removed: Vec<H5Path>,
    /// Both ends of each move, in order. All paths but the first of each are paths after the moves.
    pub moves: Vec<(H5Path, H5Path)>,
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
    /// Is its comment needed?
    pub comment: bool,
    /// Must it be there? If it is not, the names beside it are of interest.
    pub required: bool,
}

/// Attributes by which datasets and their dimension scales refer to each other (HDF5 Dimension Scale Specification).
pub const SCALE_ATTRS: [&[u8]; 2] = [b"DIMENSION_LIST", b"REFERENCE_LIST"];

impl Need {
    /// What is of interest in something that is removed.
    pub fn before_removal(&mut self) {
        self.storage = true;
        self.attrs.extend(SCALE_ATTRS.map(<[u8]>::to_vec));
    }
}

/// One of several portions of the declared objects, in their order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Portion {
    /// Its number, from 0.
    pub number: usize,
    /// How many there are.
    pub of: usize,
}

impl Portion {
    /// All of them.
    pub const WHOLE: Portion = Portion { number: 0, of: 1 };

    /// The declared objects of this portion.
    pub fn objects<'a>(&self, desired: &'a Desired) -> impl Iterator<Item = (&'a H5Path, &'a DesiredObject)> + use<'a> {
        let cut = |n: usize| desired.objects.len() * n / self.of;
        let (start, end) = (cut(self.number), cut(self.number + 1));
        desired.objects.iter().skip(start).take(end - start)
    }
}

impl Default for Portion {
    fn default() -> Self {
        Portion::WHOLE
    }
}

impl Desired {
    /// Can portions of the objects be compared with the file each by itself? Links, removals, moves, copied attributes and rules for what
    /// matches need to see the others, and contents, unless `no_data` says that they are left out, are for all threads of one process.
    pub fn has_portions(&self, no_data: bool) -> bool {
        let alone = |object: &DesiredObject| match &object.kind {
            DesiredKind::Dataset(d) => no_data || d.fill.is_none(),
            DesiredKind::Group(_) | DesiredKind::Type(_) => true,
            DesiredKind::Link(_) => false,
        };
        let apart = self.patches.is_empty() && self.removals.is_empty() && self.moves.is_empty() && self.each.is_empty();
        apart && self.objects.values().all(alone) && !self.copies_attrs()
    }

    /// What declared hard links lead to; a path that is none of them is its own.
    pub fn behind_links<'a>(&'a self, path: &'a H5Path) -> &'a H5Path {
        let mut end = path;
        // Links in a circle lead nowhere; no way is longer than all of them.
        for _ in 0..self.objects.len() {
            match self.objects.get(end).map(|o| &o.kind) {
                Some(DesiredKind::Link(DesiredLink::Hard { target, .. })) => end = target,
                Some(DesiredKind::Link(_) | DesiredKind::Group(_) | DesiredKind::Dataset(_) | DesiredKind::Type(_)) | None => break,
            }
        }
        end
    }

    /// Does an attribute get its value from another one?
    pub fn copies_attrs(&self) -> bool {
        let copies = |attrs: &[DesiredAttr]| attrs.iter().any(|a| matches!(a.rule, AttrRule::CopyFrom { .. }));
        self.objects.values().any(|o| copies(&o.attrs)) || self.each.iter().any(|e| copies(&e.attrs))
    }
}

/// Objects that values of attributes and their committed types are about.
fn attr_referents(attrs: &[DesiredAttr]) -> Vec<H5Path> {
    let mut out: Vec<H5Path> = Vec::new();
    let mut visit = |target: &Target| {
        if let Target::Path(path) = target {
            out.push(path.clone());
        }
    };
    for attr in attrs {
        match &attr.rule {
            AttrRule::Set(spec) | AttrRule::Default(spec) | AttrRule::Replace(spec) | AttrRule::RenameFrom { value: Some(spec), .. } => {
                // Without a dtype a value is never a reference, whatever the file has.
                let Some(dtype) = &spec.dtype else { continue };
                dtype.committed().into_iter().for_each(&mut visit);
                if dtype.has_references()
                    && let Ok(value) = spec.fresh()
                {
                    value.data.targets(&mut visit);
                }
            }
            AttrRule::Empty(dtype) | AttrRule::Cast(dtype) => dtype.committed().into_iter().for_each(&mut visit),
            AttrRule::Join { spec, .. } => spec.dtype.iter().filter_map(|d| d.committed()).for_each(&mut visit),
            AttrRule::Absent | AttrRule::RenameFrom { value: None, .. } | AttrRule::Map(_) | AttrRule::CopyFrom { .. } => {}
        }
    }
    out
}

/// Objects that a declaration refers to: by links, by its committed type, and in values.
fn referents(object: &DesiredObject) -> Vec<H5Path> {
    let mut out = attr_referents(&object.attrs);
    let mut visit = |target: &Target| {
        if let Target::Path(path) = target {
            out.push(path.clone());
        }
    };
    match &object.kind {
        DesiredKind::Dataset(d) => {
            let dtype = d.definition.as_ref().map(|d| &d.dtype);
            dtype.and_then(|t| t.committed()).into_iter().for_each(&mut visit);
            out.extend(d.fill.iter().flat_map(|f| fill_referents(dtype, f)));
            if let Some((Some(literal), _)) = &d.owned.fill_value {
                out.extend(literal_referents(dtype, std::slice::from_ref(literal)));
            }
        }
        DesiredKind::Link(DesiredLink::Hard { target, .. }) => out.push(target.clone()),
        DesiredKind::Group(_) | DesiredKind::Type(_) | DesiredKind::Link(_) => {}
    }
    out
}

/// Objects that literal contents refer to. Without a dtype, texts that are absolute paths may be meant.
fn fill_referents(dtype: Option<&Dtype>, fill: &DesiredFill) -> Vec<H5Path> {
    let literals: &[Literal] = match &fill.fill.rule {
        Rule::Value(one) => std::slice::from_ref(one),
        Rule::Values(list) | Rule::Cycle(list) | Rule::Choice { from: list, .. } => list,
        _ => &[],
    };
    literal_referents(dtype, literals)
}

fn literal_referents(dtype: Option<&Dtype>, literals: &[Literal]) -> Vec<H5Path> {
    let mut out = Vec::new();
    match dtype {
        Some(dtype) if dtype.has_references() => {
            for literal in literals {
                if let Ok(one) = encode_one(literal, dtype) {
                    one.targets(&mut |t| out.extend(if let Target::Path(path) = t { Some(path.clone()) } else { None }));
                }
            }
        }
        Some(_) => {}
        None => literals.iter().for_each(|l| paths(l, &mut out)),
    }
    out
}

fn paths(literal: &Literal, out: &mut Vec<H5Path>) {
    match literal {
        Literal::Text(text) if text.starts_with('/') && text.len() < 4096 => out.extend(H5Path::parse(text).ok()),
        Literal::List(items) => items.iter().for_each(|l| paths(l, out)),
        Literal::Table(fields) => fields.iter().for_each(|(_, l)| paths(l, out)),
        Literal::Bool(_) | Literal::Int(_) | Literal::Float(_) | Literal::Text(_) => {}
    }
}

impl Need {
    /// What rules for attributes are about.
    pub fn add_attrs(&mut self, attrs: &[DesiredAttr]) {
        for attr in attrs {
            self.attrs.insert(attr.name.clone());
            self.large |= attr.rule.may_be_large();
            if let AttrRule::RenameFrom { from, .. } | AttrRule::CopyFrom { path: None, name: from } = &attr.rule {
                self.attrs.insert(from.clone());
            }
        }
    }

    /// Is all of the other's in this one?
    pub fn covers(&self, other: &Need) -> bool {
        let at_least = |a: bool, b: bool| a || !b;
        at_least(self.storage, other.storage)
            && at_least(self.large, other.large)
            && at_least(self.comment, other.comment)
            && self.attrs.is_superset(&other.attrs)
    }

    /// Both.
    pub fn join(&mut self, other: &Need) {
        self.attrs.extend(other.attrs.iter().cloned());
        self.storage |= other.storage;
        self.large |= other.large;
        self.comment |= other.comment;
        self.required |= other.required;
    }
}

impl Needs {
    /// Everything the planner will ask about.
    pub fn of(desired: &Desired) -> Self {
        Self::of_portion(desired, Portion::WHOLE)
    }

    /// Everything the planner will ask about one [portion](Portion).
    pub fn of_portion(desired: &Desired, portion: Portion) -> Self {
        let mut needs = Needs::default();
        for (path, object) in portion.objects(desired) {
            let adopts = match &object.kind {
                DesiredKind::Dataset(d) => d.definition.is_none(),
                DesiredKind::Type(t) => t.dtype.is_none(),
                DesiredKind::Group(_) | DesiredKind::Link(_) => false,
            };
            if adopts {
                needs.require(path);
            }
            for target in referents(object) {
                needs.add(&target);
            }
            needs.add_sources(desired, &object.attrs);
            let need = needs.add(path);
            need.comment |= object.comment.is_some();
            need.add_attrs(&object.attrs);
        }
        for patch in &desired.patches {
            for target in fill_referents(None, &patch.fill) {
                needs.add(&target);
            }
            match desired.objects.contains_key(&patch.path) {
                true => _ = needs.add(&patch.path),
                false => needs.require(&patch.path),
            }
        }
        for each in &desired.each {
            attr_referents(&each.attrs).iter().for_each(|target| _ = needs.add(target));
            needs.add_sources(desired, &each.attrs);
        }
        if !desired.each.is_empty() {
            needs.linked = Linked::of(desired);
        }
        // A rule may be about an object by a name that it will have.
        for (link, end) in needs.linked.clone().ends() {
            for each in desired.each.iter().filter(|each| each.globs.iter().any(|glob| glob.matches(link))) {
                needs.add(end).join(&each.need());
            }
        }
        needs.each = desired.each.iter().map(|each| (each.globs.clone(), each.need())).collect();
        if !desired.each.is_empty() {
            // What a rule is about may have another name by which it is in scope, or is not.
            needs.each.extend(desired.scope.reach().into_iter().map(|globs| (globs, Need::default())));
        }
        for removal in &desired.removals {
            match &removal.target {
                RemovalTarget::Path(path) => {
                    needs.add(path).before_removal();
                    needs.removed.push(path.clone());
                    needs.globs.push(Vec::new());
                }
                RemovalTarget::Match(globs) => needs.globs.push(globs.iter().filter_map(|g| Glob::new(g).ok()).collect()),
            }
        }
        for one in &desired.moves {
            needs.add(&one.to);
            needs.moves.push((one.from.clone(), one.to.clone()));
        }
        needs
    }

    /// Other objects that attributes are copied from.
    fn add_sources(&mut self, desired: &Desired, attrs: &[DesiredAttr]) {
        for attr in attrs {
            if let AttrRule::CopyFrom { path: Some(source), name } = &attr.rule {
                for path in [source, desired.behind_links(source)] {
                    self.add(path).attrs.insert(name.clone());
                }
            }
        }
    }

    /// The path and all above it must be there.
    fn require(&mut self, path: &H5Path) {
        self.add(path).required = true;
        for parent in path.ancestors() {
            self.add(&parent).required = true;
        }
    }

    fn add(&mut self, path: &H5Path) -> &mut Need {
        let mut above = path.parent();
        // Where a group is known, so is what is above it.
        while let Some(parent) = above.filter(|p| !self.objects.contains_key(p)) {
            above = parent.parent();
            self.objects.insert(parent, Need::default());
        }
        self.objects.entry(path.clone()).or_default()
    }
}
