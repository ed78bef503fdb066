//! Attributes that are copies of other attributes: what those are in the end.

use std::collections::{BTreeMap, BTreeSet};

use super::attrs::{self, Target};
use super::step::Conflict;
use crate::diag::Finding;
use crate::model::{AttrRule, AttrSeen, Desired, DesiredAttr, H5Path, HeaderVersion, ObjectSeen, Observed, TrackOrder, bytes_text};

/// What the sources of all copies are when all rules have been applied.
#[derive(Default)]
pub(super) struct Copies {
    /// By object, in its first name, and by attribute; `None` inside is a missing one.
    finals: BTreeMap<H5Path, BTreeMap<Vec<u8>, Option<Box<AttrSeen>>>>,
    /// Declared objects of which an attribute depends on what cannot be told.
    pub blocked: BTreeSet<H5Path>,
    /// Attributes that are copies of themselves in the end.
    pub conflicts: Vec<Conflict>,
}

impl Copies {
    /// The source of a copy; `None` inside is a missing one, and outside one that cannot be told.
    pub fn source(&self, observed: &Observed, path: &H5Path, name: &[u8]) -> Option<Option<&AttrSeen>> {
        let known = self.finals.get(&observed.canonical_way(path))?.get(name)?;
        Some(known.as_deref())
    }
}

/// Finds out what every source is. `seen`: what stands at a path when removals are done.
pub(super) fn resolve<'a>(desired: &'a Desired, observed: &'a Observed, seen: &dyn Fn(&H5Path) -> Option<&'a ObjectSeen>) -> Copies {
    if !desired.copies_attrs() {
        return Copies::default();
    }
    let mut objects: BTreeMap<H5Path, Object<'a>> = BTreeMap::new();
    for (path, object) in &desired.objects {
        objects.entry(observed.canonical_way(path)).or_default().declare(path, &object.attrs);
    }
    let graph = Graph::of(&mut objects, observed);
    let mut copies = Copies::default();
    let mut left = graph.needs.clone();
    let mut failed: BTreeSet<&Family<'a>> = BTreeSet::new();
    let mut ready: Vec<&Family<'a>> = graph.needs.iter().filter(|(_, needs)| needs.is_empty()).map(|(family, _)| family).collect();
    while let Some(family) = ready.pop() {
        let object = &objects[&family.0];
        if graph.needs[family].iter().any(|need| failed.contains(need)) {
            failed.insert(family);
            copies.blocked.extend(object.paths.iter().map(|p| (*p).clone()));
        } else {
            // Where its own rules fail, its own plan says so.
            match object.state(family.1, observed, seen, &copies) {
                Some(state) => {
                    let finals = copies.finals.entry(family.0.clone()).or_default();
                    let wanted = graph.sources.get(family).into_iter().flatten();
                    finals.extend(wanted.map(|name| (name.to_vec(), state.get(*name).cloned())));
                }
                None => _ = failed.insert(family),
            }
        }
        left.remove(family);
        for user in graph.users.get(family).into_iter().flatten() {
            if let Some(needs) = left.get_mut(user) {
                needs.remove(family);
                if needs.is_empty() {
                    ready.push(user);
                }
            }
        }
    }
    for family in left.keys() {
        copies.blocked.extend(objects[&family.0].paths.iter().map(|p| (*p).clone()));
    }
    copies.conflicts = circles(&left).iter().filter_map(|circle| conflict(circle, &objects, observed)).collect();
    copies
}

/// Attributes of an object that renames connect, by one of their names: what happens to one may decide what another one is.
type Family<'a> = (H5Path, &'a [u8]);

/// An object under all its names.
#[derive(Default)]
struct Object<'a> {
    /// The names by which it is declared.
    paths: Vec<&'a H5Path>,
    /// A name that the manifest has for it.
    named: Option<&'a H5Path>,
    attrs: Vec<&'a DesiredAttr>,
    /// A name in the same family, nearer to the one that stands for it.
    above: BTreeMap<&'a [u8], &'a [u8]>,
}

impl<'a> Object<'a> {
    fn declare(&mut self, path: &'a H5Path, attrs: &'a [DesiredAttr]) {
        self.paths.push(path);
        self.named.get_or_insert(path);
        for attr in attrs {
            if let AttrRule::RenameFrom { from, .. } = &attr.rule {
                let (a, b) = (self.family(&attr.name), self.family(from));
                if a != b {
                    self.above.insert(a, b);
                }
            }
        }
        self.attrs.extend(attrs);
    }

    fn family<'n>(&self, name: &'n [u8]) -> &'n [u8]
    where
        'a: 'n,
    {
        let mut name = name;
        while let Some(above) = self.above.get(name) {
            name = above;
        }
        name
    }

    /// The attributes of one family when all rules have been applied; `None` if they cannot be.
    fn state(
        &self,
        family: &[u8],
        observed: &Observed,
        seen: &dyn Fn(&H5Path) -> Option<&'a ObjectSeen>,
        copies: &Copies,
    ) -> Option<BTreeMap<Vec<u8>, Box<AttrSeen>>> {
        let path = self.named?;
        let there = seen(path).into_iter().flat_map(|o| &o.attrs).filter(|(name, _)| self.family(name) == family);
        let there: BTreeMap<Vec<u8>, Box<AttrSeen>> = there.map(|(name, value)| (name.clone(), value.clone())).collect();
        let target = Target { path, seen: &there, order: TrackOrder::No, header: HeaderVersion::V2, observed, copies };
        attrs::applied(&target, self.attrs.iter().copied().filter(|a| self.family(&a.name) == family))
    }
}

/// Which families must be known before which.
struct Graph<'a> {
    needs: BTreeMap<Family<'a>, BTreeSet<Family<'a>>>,
    users: BTreeMap<Family<'a>, BTreeSet<Family<'a>>>,
    /// The names that are copied.
    sources: BTreeMap<Family<'a>, BTreeSet<&'a [u8]>>,
}

impl<'a> Graph<'a> {
    fn of(objects: &mut BTreeMap<H5Path, Object<'a>>, observed: &Observed) -> Self {
        let mut copies: Vec<(H5Path, &'a [u8], H5Path, &'a [u8])> = Vec::new();
        let mut only_read: Vec<(H5Path, &'a H5Path)> = Vec::new();
        for (path, object) in objects.iter() {
            for attr in &object.attrs {
                let AttrRule::CopyFrom { path: from, name } = &attr.rule else { continue };
                let source = from.as_ref().map_or_else(|| path.clone(), |p| observed.canonical_way(p));
                only_read.extend(from.as_ref().map(|p| (source.clone(), p)));
                copies.push((path.clone(), &attr.name, source, name));
            }
        }
        for (source, written) in only_read {
            objects.entry(source).or_default().named.get_or_insert(written);
        }
        let mut graph = Self { needs: BTreeMap::new(), users: BTreeMap::new(), sources: BTreeMap::new() };
        for (path, name, source, from) in copies {
            let user = (path.clone(), objects[&path].family(name));
            let need = (source.clone(), objects[&source].family(from));
            graph.sources.entry(need.clone()).or_default().insert(from);
            graph.needs.entry(need.clone()).or_default();
            graph.users.entry(need.clone()).or_default().insert(user.clone());
            graph.needs.entry(user).or_default().insert(need);
        }
        graph
    }
}

/// The families that wait for themselves. Everyone left waits for one other that is left, so that there are some.
fn circles<'a>(left: &BTreeMap<Family<'a>, BTreeSet<Family<'a>>>) -> Vec<Vec<Family<'a>>> {
    let mut known: BTreeSet<&Family<'a>> = BTreeSet::new();
    let mut out = Vec::new();
    for start in left.keys() {
        let mut trail: Vec<&Family<'a>> = Vec::new();
        let mut at = Some(start);
        while let Some(family) = at.filter(|f| known.insert(*f)) {
            trail.push(family);
            at = left.get(family).and_then(BTreeSet::first);
        }
        if let Some(first) = trail.iter().position(|f| Some(*f) == at) {
            out.push(trail[first..].iter().map(|f| (*f).clone()).collect());
        }
    }
    out
}

/// Most rules of a circle that are shown.
const MOST_SHOWN: usize = 8;

fn conflict(circle: &[Family<'_>], objects: &BTreeMap<H5Path, Object<'_>>, observed: &Observed) -> Option<Conflict> {
    let mut rules = Vec::new();
    for (at, family) in circle.iter().enumerate() {
        let (object, next) = (&objects[&family.0], &circle[(at + 1) % circle.len()]);
        let is_next = |attr: &&&DesiredAttr| match &attr.rule {
            AttrRule::CopyFrom { path, name } => {
                let source = path.as_ref().map_or_else(|| family.0.clone(), |p| observed.canonical_way(p));
                object.family(&attr.name) == family.1 && source == next.0 && objects[&source].family(name) == next.1
            }
            _ => false,
        };
        rules.extend(object.attrs.iter().find(is_next).map(|attr| (&family.0, *attr)));
    }
    let (path, first) = *rules.first()?;
    let message = format!("attribute {} of {path} would be a copy of itself in the end", bytes_text(&first.name));
    let mut finding = Finding::error("copy-circle", message).at(first.origin, "this copy needs a value");
    for (path, attr) in rules.iter().skip(1).take(MOST_SHOWN) {
        finding = finding.at(attr.origin, format!("that comes from {} of {path}", bytes_text(&attr.name)));
    }
    Some(Conflict { path: path.clone(), finding: finding.help("give one of them a value") })
}
