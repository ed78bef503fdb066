//! Attributes that are copies of other attributes: what those are in the end.

use std::collections::{BTreeMap, BTreeSet};

use super::attrs::{Clause, Running, Target};
use super::each::Entity;
use super::step::Conflict;
use crate::diag::Finding;
use crate::model::{
    AttrCondition, AttrRule, AttrSeen, Desired, DesiredAttr, H5Path, HeaderVersion, ObjectSeen, Observed, TrackOrder, bytes_text,
};

/// What the sources of all copies are when all rules have been applied.
#[derive(Default)]
pub(super) struct Copies {
    /// By object, in its first name, and by attribute.
    finals: BTreeMap<H5Path, BTreeMap<Vec<u8>, Source>>,
    /// The first name of each object that a rule copies from.
    first: BTreeMap<H5Path, H5Path>,
    /// Attributes that are copies of themselves in the end.
    pub conflicts: Vec<Conflict>,
}

impl Copies {
    /// The source of a copy; `None` where a circle leads to it, which is a conflict already.
    pub fn source(&self, path: &H5Path, name: &[u8]) -> Option<&Source> {
        self.finals.get(self.first.get(path)?)?.get(name)
    }
}

/// What an attribute is in the end.
pub(super) enum Source {
    There(Box<AttrSeen>),
    Missing,
    /// Its rules, or those of its own source, cannot be applied.
    Failed,
}

/// Finds out what every source is. `seen`: what stands at a path when removals are done.
pub(super) fn resolve<'a>(
    desired: &'a Desired,
    observed: &'a Observed,
    entities: &'a [Entity<'a>],
    seen: &dyn Fn(&H5Path) -> Option<&'a ObjectSeen>,
) -> Copies {
    if !desired.copies_attrs() {
        return Copies::default();
    }
    let first_name = |path: &H5Path| observed.canonical_way(desired.behind_links(path));
    let objects = entities.iter().map(|entity| (first_name(&entity.path), Object::of(entity)));
    let mut objects: BTreeMap<H5Path, Object<'a>> = objects.collect();
    let mut copies = Copies::default();
    let graph = Graph::of(&mut objects, &mut copies.first, &first_name);
    objects.values_mut().for_each(Object::gather);
    let mut left = graph.needs.clone();
    let mut ready: Vec<&Family<'a>> = graph.needs.iter().filter(|(_, needs)| needs.is_empty()).map(|(family, _)| family).collect();
    while let Some(family) = ready.pop() {
        let Some(object) = objects.get_mut(&family.0) else { continue };
        let state = object.state(family, desired, observed, seen, &copies);
        let source = |name: &[u8]| match &state {
            Some(state) => state.get(name).map_or(Source::Missing, |value| Source::There(value.clone())),
            None => Source::Failed,
        };
        let copied = object.families.get(family.1).into_iter().flat_map(|f| &f.copied);
        copies.finals.entry(family.0.clone()).or_default().extend(copied.map(|name| (name.to_vec(), source(name))));
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
    copies.conflicts = circles(&left).iter().filter_map(|circle| conflict(circle, &objects, &copies.first)).collect();
    copies
}

/// Attributes of an object that renames connect, by one of their names: what happens to one may decide what another one is. Conditions on others
/// only ask what those are when the rule's turn comes.
type Family<'a> = (H5Path, &'a [u8]);

/// An object under all its names.
#[derive(Default)]
struct Object<'a> {
    /// What is said of it; nothing where it is only copied from.
    entity: Option<&'a Entity<'a>>,
    /// The names by which it is copied from.
    read: BTreeSet<&'a H5Path>,
    /// The names of attributes that are copied.
    copied: BTreeSet<&'a [u8]>,
    families: BTreeMap<&'a [u8], Members<'a>>,
    /// A name in the same family, nearer to the one that stands for it.
    above: BTreeMap<&'a [u8], &'a [u8]>,
    /// Do conditions hold when their clause's turn comes? By the numbers of both, as far as that is known.
    held: BTreeMap<(usize, usize), bool>,
}

/// What a family consists of.
#[derive(Default)]
struct Members<'a> {
    /// Every name that a rule has for one of them.
    names: BTreeSet<&'a [u8]>,
    /// Those that are copied.
    copied: BTreeSet<&'a [u8]>,
    /// What clauses have to do with them, by their numbers.
    turns: BTreeMap<usize, Turn<'a>>,
}

/// What a clause has to do with the attributes of a family.
#[derive(Default)]
struct Turn<'a> {
    /// Conditions that ask for them, with their numbers.
    asked: Vec<(usize, &'a AttrCondition)>,
    /// What becomes of them.
    attrs: Vec<&'a DesiredAttr>,
}

impl<'a> Object<'a> {
    fn of(entity: &'a Entity<'a>) -> Self {
        let mut object = Self { entity: Some(entity), ..Self::default() };
        for clause in &entity.clauses {
            for attr in clause.attrs {
                if let AttrRule::RenameFrom { from, .. } = &attr.rule {
                    object.connect(&attr.name, from);
                }
            }
        }
        // Those that ask for each other are settled together.
        for (one, others) in circular(object.asks()) {
            others.into_iter().for_each(|other| object.connect(one, other));
        }
        object
    }

    /// Which families ask for which others in conditions.
    fn asks(&self) -> BTreeMap<&'a [u8], BTreeSet<&'a [u8]>> {
        let mut out: BTreeMap<&'a [u8], BTreeSet<&'a [u8]>> = BTreeMap::new();
        for (_, clause) in self.clauses().filter(|(_, clause)| !clause.conditions().is_empty()) {
            let asked: BTreeSet<&'a [u8]> = clause.conditions().iter().map(|condition| self.family(&condition.name)).collect();
            for family in clause.attrs.iter().map(|attr| self.family(&attr.name)) {
                out.entry(family).or_default().extend(asked.iter().filter(|other| **other != family));
            }
        }
        out
    }

    fn clauses(&self) -> impl Iterator<Item = (usize, Clause<'a>)> + use<'a> {
        self.entity.into_iter().flat_map(|entity| entity.clauses.iter().copied().enumerate().filter(|(_, clause)| clause.about[0]))
    }

    fn connect(&mut self, one: &'a [u8], other: &'a [u8]) {
        let (a, b) = (self.family(one), self.family(other));
        if a != b {
            self.above.insert(a, b);
        }
    }

    fn attrs(&self) -> impl Iterator<Item = &'a DesiredAttr> + use<'a> {
        self.clauses().flat_map(|(_, clause)| clause.attrs)
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

    /// Sorts rules and names by family: an object may have very many attributes.
    fn gather(&mut self) {
        let mut families: BTreeMap<&'a [u8], Members<'a>> = BTreeMap::new();
        for (number, clause) in self.clauses() {
            for attr in clause.attrs {
                let family = families.entry(self.family(&attr.name)).or_default();
                family.turns.entry(number).or_default().attrs.push(attr);
                family.names.insert(&attr.name);
                if let AttrRule::RenameFrom { from, .. } = &attr.rule {
                    family.names.insert(from);
                }
            }
            for (at, condition) in clause.conditions().iter().enumerate() {
                let family = families.entry(self.family(&condition.name)).or_default();
                family.turns.entry(number).or_default().asked.push((at, condition));
                family.names.insert(&condition.name);
            }
        }
        for name in &self.copied {
            let family = families.entry(self.family(name)).or_default();
            family.names.insert(name);
            family.copied.insert(name);
        }
        self.families = families;
    }

    /// The attributes of one family when all rules have been applied; `None` if they cannot be. Notes which conditions on them hold.
    fn state(
        &mut self,
        (first, family): &Family<'_>,
        desired: &Desired,
        observed: &Observed,
        seen: &dyn Fn(&H5Path) -> Option<&'a ObjectSeen>,
        copies: &Copies,
    ) -> Option<BTreeMap<Vec<u8>, Box<AttrSeen>>> {
        let family = self.families.get(*family)?;
        let path = self.entity.map_or(first, |entity| &entity.path);
        let names = self.entity.map_or(&[][..], |entity| entity.names.as_slice());
        let object = match self.entity {
            Some(entity) => entity.seen,
            None => self.read.iter().copied().chain([first]).find_map(seen),
        };
        let value = |name: &&[u8]| Some((name.to_vec(), object?.attrs.get(*name)?.clone()));
        let there: BTreeMap<Vec<u8>, Box<AttrSeen>> = family.names.iter().filter_map(value).collect();
        let scope = &desired.scope;
        let target = Target { path, names, seen: &there, order: TrackOrder::No, header: HeaderVersion::V2, observed, scope, copies };
        let mut running = Running::of(&target);
        for (number, turn) in &family.turns {
            let met = turn.asked.iter().map(|(at, condition)| ((*number, *at), running.meets(condition)));
            self.held.extend(met);
            let clause = self.entity.and_then(|entity| entity.clauses.get(*number)).filter(|_| !turn.attrs.is_empty());
            let Some(clause) = clause else { continue };
            // What a condition asks for cannot be known where a rule for it failed.
            let held: Option<Vec<bool>> = (0..clause.conditions().len()).map(|at| self.held.get(&(*number, at)).copied()).collect();
            if held?.into_iter().all(|held| held) {
                turn.attrs.iter().try_for_each(|attr| running.apply(attr, clause.when.is_none())).ok()?;
            }
        }
        Some(running.into_values())
    }
}

/// What is part of a circle, or stands between two, and needs what else is.
fn circular<N: Ord + Copy>(needs: BTreeMap<N, BTreeSet<N>>) -> BTreeMap<N, BTreeSet<N>> {
    if needs.is_empty() {
        return needs;
    }
    let reversed = |needs: BTreeMap<N, BTreeSet<N>>| {
        let mut out: BTreeMap<N, BTreeSet<N>> = needs.keys().map(|one| (*one, BTreeSet::new())).collect();
        needs.iter().for_each(|(one, others)| others.iter().for_each(|other| _ = out.entry(*other).or_default().insert(*one)));
        out
    };
    // What needs nothing that is left, and what nothing needs that is left, is part of none.
    reversed(waiting(reversed(waiting(needs))))
}

/// What waits for itself, or for what does.
fn waiting<N: Ord + Copy>(mut needs: BTreeMap<N, BTreeSet<N>>) -> BTreeMap<N, BTreeSet<N>> {
    let mut users: BTreeMap<N, Vec<N>> = BTreeMap::new();
    for (one, others) in &needs {
        others.iter().for_each(|other| users.entry(*other).or_default().push(*one));
    }
    let leaves = users.keys().filter(|one| needs.get(*one).is_none_or(BTreeSet::is_empty));
    let mut ready: Vec<N> = leaves.copied().chain(needs.iter().filter(|(_, others)| others.is_empty()).map(|(one, _)| *one)).collect();
    while let Some(done) = ready.pop() {
        needs.remove(&done);
        for user in users.remove(&done).into_iter().flatten() {
            if let Some(others) = needs.get_mut(&user)
                && others.remove(&done)
                && others.is_empty()
            {
                ready.push(user);
            }
        }
    }
    needs
}

/// Which families must be known before which.
struct Graph<'a> {
    needs: BTreeMap<Family<'a>, BTreeSet<Family<'a>>>,
    users: BTreeMap<Family<'a>, BTreeSet<Family<'a>>>,
}

impl<'a> Graph<'a> {
    /// Notes at the objects what is copied from them, and in `first` the first names of the objects that rules copy from.
    fn of(
        objects: &mut BTreeMap<H5Path, Object<'a>>,
        first: &mut BTreeMap<H5Path, H5Path>,
        first_name: &dyn Fn(&H5Path) -> H5Path,
    ) -> Self {
        let mut copies: Vec<(H5Path, &'a [u8], H5Path, &'a [u8])> = Vec::new();
        let mut read: Vec<(H5Path, &'a H5Path)> = Vec::new();
        for (own, object) in objects.iter() {
            for attr in object.attrs() {
                let AttrRule::CopyFrom { path, name } = &attr.rule else { continue };
                let source = path.as_ref().map_or_else(|| own.clone(), first_name);
                // Without a path it is the object's own.
                let written = path.as_ref().or(object.entity.map(|entity| &entity.path));
                first.extend(written.map(|p| (p.clone(), source.clone())));
                read.extend(path.as_ref().map(|p| (source.clone(), p)));
                copies.push((own.clone(), &attr.name, source, name));
            }
        }
        for (source, written) in read {
            objects.entry(source).or_default().read.insert(written);
        }
        let mut graph = Self { needs: BTreeMap::new(), users: BTreeMap::new() };
        for (path, name, source, from) in copies {
            let user = (path.clone(), objects[&path].family(name));
            let need = (source.clone(), objects[&source].family(from));
            objects.entry(source).or_default().copied.insert(from);
            graph.need(user, need);
        }
        for (path, object) in objects.iter() {
            for (family, others) in object.asks() {
                others.into_iter().for_each(|other| graph.need((path.clone(), family), (path.clone(), other)));
            }
        }
        graph
    }

    fn need(&mut self, user: Family<'a>, need: Family<'a>) {
        self.needs.entry(need.clone()).or_default();
        self.users.entry(need.clone()).or_default().insert(user.clone());
        self.needs.entry(user).or_default().insert(need);
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

fn conflict(circle: &[Family<'_>], objects: &BTreeMap<H5Path, Object<'_>>, first: &BTreeMap<H5Path, H5Path>) -> Option<Conflict> {
    let mut rules = Vec::new();
    for (at, family) in circle.iter().enumerate() {
        let (object, next) = (&objects[&family.0], &circle[(at + 1) % circle.len()]);
        let is_next = |attr: &&DesiredAttr| match &attr.rule {
            AttrRule::CopyFrom { path, name } => {
                let source = path.as_ref().map_or(Some(&family.0), |p| first.get(p));
                object.family(&attr.name) == family.1 && source == Some(&next.0) && objects[&next.0].family(name) == next.1
            }
            _ => false,
        };
        rules.extend(object.attrs().find(is_next).map(|attr| (&family.0, attr)));
    }
    let (path, rule) = *rules.first()?;
    let message = format!("attribute {} of {path} would be a copy of itself in the end", bytes_text(&rule.name));
    let mut finding = Finding::error("copy-circle", message).at(rule.origin, "this copy needs a value");
    for (path, attr) in rules.iter().skip(1).take(MOST_SHOWN) {
        finding = finding.at(attr.origin, format!("that comes from {} of {path}", bytes_text(&attr.name)));
    }
    Some(Conflict { path: path.clone(), finding: finding.help("give one of them a value") })
}
