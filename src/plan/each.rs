//! Attributes of all objects: what is said of each, by rules for whatever matches and by entries for any of its names, is planned once.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::attrs::{self, Clause};
use super::copies;
use super::names::{Key, Names};
use super::order::at_once;
use super::propose::{Planner, Sound};
use super::step::{GROUPS, Step};
use crate::diag::Finding;
use crate::model::{
    AttrRule, DatasetFacts, DesiredAttr, DesiredKind, H5Path, LinkSeen, Matcher, ObjectId, ObjectSeen, Orders, ScopePart, SeenKind,
    Subject, TrackOrder, Turns, bytes_text,
};

/// An object of which something is said, or that something is copied from.
pub(super) struct Entity<'a> {
    /// Where its steps are: the first name that an entry is for, or else the first that it has.
    pub path: H5Path,
    /// All the names it will have.
    pub names: Vec<H5Path>,
    /// What there is of it; `None` where it is new.
    pub seen: Option<&'a ObjectSeen>,
    /// Creation order of its attributes.
    order: TrackOrder,
    /// What is said, in order.
    pub clauses: Vec<Clause<'a>>,
    /// Is it planned? Something may stand against it already.
    sound: bool,
    /// The phase of the step that makes it.
    made: Option<u8>,
}

/// Steps that make the attributes of a new object: of the same declaration and for the same kind of header, they are the same.
struct Like<'a> {
    attrs: &'a Arc<[DesiredAttr]>,
    order: TrackOrder,
    steps: Vec<Step>,
}

impl<'a> Planner<'a> {
    /// Plans the attributes of everything.
    pub fn attributes(&mut self) {
        let sound = std::mem::take(&mut self.sound);
        if self.desired.each.is_empty() && !self.desired.copies_attrs() && !self.observed.has_aliases() {
            return self.plain(&sound);
        }
        let entities = Gathering::of(self, &sound, &self.desired.turns, false);
        let (mut hit, rules) = (entities.hit, &self.desired.each);
        let mut copies = copies::resolve(self.desired, self.observed, &entities.entities, &|path| self.seen(path));
        self.conflicts.append(&mut copies.conflicts);
        for entity in entities.entities.iter().filter(|e| e.sound) {
            self.entity(entity, &copies);
        }
        hit.resize(rules.len(), false);
        // A name may be misspelt.
        for rule in rules.iter().zip(hit).filter_map(|(rule, hit)| (!hit).then_some(rule)) {
            let globs: Vec<&str> = rule.globs.iter().map(crate::model::Glob::text).collect();
            self.keep(&H5Path::root(), "each", format!("nothing matches {}", globs.join(", ")));
        }
    }

    /// Each object by itself, by its only name.
    fn plain(&mut self, sound: &[Sound<'a>]) {
        let copies = copies::Copies::default();
        let mut like: Option<Like<'a>> = None;
        for one in sound {
            let seen = self.seen(one.path);
            if let Some(like) = like.as_ref().filter(|l| seen.is_none() && Arc::ptr_eq(l.attrs, one.attrs) && l.order == one.order) {
                self.steps.extend(like.steps.iter().map(|s| Step { path: one.path.clone(), ..s.clone() }));
                continue;
            }
            if one.attrs.is_empty() {
                continue;
            }
            let before = (self.steps.len(), self.kept.len(), self.conflicts.len());
            let clauses = vec![Clause::own(one.attrs)];
            let (path, names) = (one.path.clone(), vec![one.path.clone()]);
            self.entity(&Entity { path, names, seen, order: one.order, clauses, sound: true, made: one.made }, &copies);
            let plain = seen.is_none() && (before.1, before.2) == (self.kept.len(), self.conflicts.len());
            like = plain.then(|| Like { attrs: one.attrs, order: one.order, steps: self.steps[before.0..].to_vec() });
        }
    }

    fn entity(&mut self, entity: &Entity<'a>, copies: &copies::Copies) {
        let none = BTreeMap::new();
        let target = attrs::Target {
            path: &entity.path,
            names: &entity.names,
            seen: entity.seen.map_or(&none, |seen| &seen.attrs),
            order: entity.order,
            header: entity.seen.map_or_else(|| self.new_header(), |seen| seen.header),
            observed: self.observed,
            scope: &self.desired.scope,
            copies,
        };
        let first = self.steps.len();
        attrs::plan(&target, &entity.clauses, &mut self.steps, &mut self.kept, &mut self.conflicts);
        if let Some(phase) = entity.made {
            at_once(&mut self.steps[first..], phase);
        }
    }
}

/// All objects of which something is said, with all rules whose names match, before anything is planned. `turns`: what is known of the rules that
/// are about datasets.
pub(super) fn entities<'a>(planner: &Planner<'a>, turns: &BTreeMap<H5Path, Turns>) -> Vec<Entity<'a>> {
    Gathering::of(planner, &[], turns, true).entities
}

/// Puts together what is said under all names of each object.
struct Gathering<'p, 'a> {
    planner: &'p Planner<'a>,
    turns: &'p BTreeMap<H5Path, Turns>,
    /// Also rules that are not about the object, as far as is known?
    all: bool,
    names: Names,
    rules: Matcher<'a>,
    /// Which rules are about anything.
    hit: Vec<bool>,
    entities: Vec<Entity<'a>>,
}

/// What came of it.
struct Gathered<'a> {
    entities: Vec<Entity<'a>>,
    hit: Vec<bool>,
}

impl<'p, 'a> Gathering<'p, 'a> {
    fn of(planner: &'p Planner<'a>, sound: &[Sound<'a>], turns: &'p BTreeMap<H5Path, Turns>, all: bool) -> Gathered<'a> {
        let desired = planner.desired;
        let rules = Matcher::new(desired.each.iter().map(|each| each.globs.as_slice()));
        let (hit, entities) = (vec![false; desired.each.len()], Vec::new());
        let names = Names::of(desired, planner.observed, &planner.gone);
        let mut gathering = Self { planner, turns, all, names, rules, hit, entities };
        gathering.declared(sound);
        gathering.groups();
        gathering.matched();
        Gathered { entities: gathering.entities, hit: gathering.hit }
    }

    fn key(&self, path: &H5Path) -> Key {
        self.planner.gone.key(self.planner.observed, path)
    }

    fn names_of<'n>(&self, key: &Key, known: impl IntoIterator<Item = &'n H5Path>) -> Vec<H5Path> {
        self.names.all(key, known, self.planner.observed)
    }

    /// The rules that are about an object of these names, with its own entries. Of a new object the rules see what its entries say, as they will
    /// when it is there.
    fn clauses(&mut self, names: &[H5Path], subjects: &[Subject<'_>], own: &[&'a Arc<[DesiredAttr]>], new: bool) -> Vec<Clause<'a>> {
        let planner = self.planner;
        let own = own.iter().map(|attrs| Clause::own(attrs));
        let mut rules: BTreeSet<usize> = BTreeSet::new();
        if !planner.desired.each.is_empty() {
            rules.extend(names.iter().flat_map(|name| self.rules.hits(name)));
        }
        rules.iter().for_each(|n| self.hit[*n] = true);
        let scope = &planner.desired.scope;
        if !scope.is_whole() && scope.part_of_any(names) != ScopePart::Planned {
            rules.clear();
        }
        let each = &planner.desired.each;
        let turns = names.iter().find_map(|name| self.turns.get(name));
        let about = |n: usize| match turns {
            Some(turns) => turns.get(&n).copied().unwrap_or_default(),
            None => {
                let is_for = |subject: &Subject<'_>| each[n].is_for(subject);
                [subjects.iter().any(is_for), subjects.last().is_some_and(is_for)]
            }
        };
        let rules = rules.into_iter().map(|n| Clause { when: Some(&each[n]), attrs: &each[n].attrs, number: n, about: about(n) });
        let rules: Vec<Clause<'a>> = rules.filter(|clause| self.all || clause.about[0]).collect();
        let first: Vec<Clause<'a>> = if new && !rules.is_empty() { own.clone().collect() } else { Vec::new() };
        first.into_iter().chain(rules).chain(own).collect()
    }

    /// Objects that entries are for.
    fn declared(&mut self, sound: &[Sound<'a>]) {
        let planner = self.planner;
        let sound: BTreeMap<&H5Path, &Sound<'a>> = sound.iter().map(|one| (one.path, one)).collect();
        let mut groups: BTreeMap<Key, Vec<&'a H5Path>> = BTreeMap::new();
        for (path, object) in &planner.desired.objects {
            if !matches!(object.kind, DesiredKind::Link(_)) {
                groups.entry(self.key(path)).or_default().push(path);
            }
        }
        let mut entities: Vec<(&'a H5Path, Key, Vec<&'a H5Path>)> = groups.into_iter().map(|(key, paths)| (paths[0], key, paths)).collect();
        entities.sort_by_key(|(first, ..)| *first);
        for (first, key, paths) in entities {
            let all_sound: Vec<&&Sound<'a>> = paths.iter().filter_map(|path| sound.get(*path)).collect();
            let path = all_sound.first().map_or(first, |one| one.path);
            let own: Vec<&'a Arc<[DesiredAttr]>> =
                paths.iter().filter_map(|path| Some(&planner.desired.objects.get(*path)?.attrs)).collect();
            let seen = planner.seen(path);
            let names = self.names_of(&key, paths.iter().copied());
            let subjects = subjects(planner, path, seen, &all_sound);
            let clauses = self.clauses(&names, &subjects, &own, seen.is_none());
            let (order, made) = all_sound.first().map_or((TrackOrder::No, None), |one| (one.order, one.made));
            let sound = all_sound.len() == paths.len();
            self.entities.push(Entity { path: path.clone(), names, seen, order, clauses, sound, made });
        }
    }

    /// Groups that are made on the way to others, and the root of a new file.
    fn groups(&mut self) {
        let planner = self.planner;
        if planner.desired.each.is_empty() {
            return;
        }
        for (path, Orders { attrs, .. }) in planner.created.iter().filter(|(path, _)| !planner.desired.objects.contains_key(*path)) {
            let names = self.names_of(&self.key(path), [path]);
            let clauses = self.clauses(&names, &[Subject::Group], &[], true);
            self.add(path, names, None, *attrs, clauses, (!path.is_root()).then_some(GROUPS));
        }
    }

    /// Objects that nothing is said of but by rules.
    fn matched(&mut self) {
        let planner = self.planner;
        if planner.desired.each.is_empty() {
            return;
        }
        let mut done: BTreeSet<ObjectId> = BTreeSet::new();
        for path in planner.desired.objects.keys() {
            if let Key::There(id) = self.key(path)
                && !matches!(planner.desired.objects[path].kind, DesiredKind::Link(_))
            {
                done.insert(id);
            }
        }
        for path in planner.observed.objects.keys() {
            let Some(seen) = planner.seen(path) else { continue };
            let LinkSeen::Hard(id) = &seen.link else { continue };
            // Of several names, the first that stays.
            if !done.insert(*id) {
                continue;
            }
            let names = self.names_of(&Key::There(*id), [path]);
            let subject: Vec<Subject<'_>> = seen.kind.as_ref().and_then(Subject::of).into_iter().collect();
            let clauses = self.clauses(&names, &subject, &[], false);
            self.add(path, names, Some(seen), seen.attr_order, clauses, None);
        }
    }

    fn add(
        &mut self,
        path: &H5Path,
        names: Vec<H5Path>,
        seen: Option<&'a ObjectSeen>,
        order: TrackOrder,
        clauses: Vec<Clause<'a>>,
        made: Option<u8>,
    ) {
        if !clauses.is_empty() {
            self.entities.push(Entity { path: path.clone(), names, seen, order, clauses, sound: true, made });
        }
    }
}

/// What a declared object is when it has become what is declared: conditions are about that. Where a dataset is stored in another way from then
/// on, it is what it was before, too, which comes first: a rule may be about those that it changes.
fn subjects<'s>(planner: &Planner<'s>, path: &H5Path, seen: Option<&'s ObjectSeen>, sound: &'s [&&Sound<'_>]) -> Vec<Subject<'s>> {
    let Some(object) = planner.desired.objects.get(path) else { return Vec::new() };
    let one = match (seen.and_then(|seen| seen.kind.as_ref()), &object.kind) {
        (Some(SeenKind::Dataset(seen)), _) => {
            let mut facts = DatasetFacts::from(seen.as_ref());
            facts.shape = sound.iter().find_map(|one| one.resized.as_ref()).unwrap_or(facts.shape);
            let made = sound.iter().find_map(|one| one.rebuilt.as_deref()).map(DatasetFacts::from);
            let before = made.map(|made| Subject::Dataset(DatasetFacts { layout: facts.layout, ..made }));
            return before.into_iter().chain([Subject::Dataset(made.unwrap_or(facts))]).collect();
        }
        (Some(kind), _) => Subject::of(kind),
        (None, DesiredKind::Group(_)) => Some(Subject::Group),
        (None, DesiredKind::Dataset(d)) => d.definition.as_deref().map(|d| Subject::Dataset(d.into())),
        (None, DesiredKind::Type(t)) => t.dtype.as_ref().map(|(dtype, _)| Subject::Type(dtype)),
        (None, DesiredKind::Link(_)) => None,
    };
    one.into_iter().collect()
}

/// Two rules that set one attribute to different values, where the object's own entry says nothing of it.
pub(super) fn clash(path: &H5Path, said: &[(&DesiredAttr, bool)]) -> Option<Finding> {
    let sets = |attr: &DesiredAttr| match &attr.rule {
        AttrRule::Set(_) | AttrRule::Empty(_) | AttrRule::Absent | AttrRule::RenameFrom { value: Some(_), .. } => true,
        AttrRule::Default(_)
        | AttrRule::Replace(_)
        | AttrRule::RenameFrom { value: None, .. }
        | AttrRule::Map(_)
        | AttrRule::Cast(_)
        | AttrRule::Join { .. }
        | AttrRule::CopyFrom { .. } => false,
    };
    let mut first: BTreeMap<&[u8], &DesiredAttr> = BTreeMap::new();
    for (attr, own) in said.iter().filter(|(attr, _)| sets(attr)) {
        if *own {
            first.remove(attr.name.as_slice());
            continue;
        }
        let other = *first.entry(&attr.name).or_insert(attr);
        let settled = said.iter().any(|(a, own)| *own && a.name == attr.name);
        if other.rule != attr.rule && !settled {
            let message = format!("two rules set attribute {} of {path} to different values", bytes_text(&attr.name));
            return Some(
                Finding::error("each-clash", message)
                    .at(attr.origin, "this one")
                    .at(other.origin, "and this one")
                    .help("leave the object out of one of them, or say what it shall be in an entry of its own, which has the last word"),
            );
        }
    }
    None
}
