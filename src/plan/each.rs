//! Rules for whatever matches: which of them are about an object, and whether two of them want different things.

use std::borrow::Cow;
use std::collections::BTreeMap;

use super::attrs::{self, Clause};
use super::propose::Planner;
use crate::diag::Finding;
use crate::model::{
    AttrRule, AttrSeen, DesiredAttr, DesiredKind, DesiredObject, Each, H5Path, ObjectSeen, Observed, ScopePart, Subject, about, bytes_text,
    names,
};

/// All names of the objects that have several.
pub(super) type Names<'a> = BTreeMap<&'a H5Path, Vec<&'a H5Path>>;

/// The names that matter for rules; none where there are no rules.
pub(super) fn all_names<'a>(each: &[Each], observed: &'a Observed) -> Names<'a> {
    match each.is_empty() || !observed.has_aliases() {
        true => Names::new(),
        false => names(observed).into_iter().filter(|(_, all)| all.len() > 1).collect(),
    }
}

impl<'a> Planner<'a> {
    fn names_of(&self, path: &'a H5Path) -> Vec<&'a H5Path> {
        let first = match self.names.is_empty() {
            true => None,
            false => self.names.get(&self.observed.canonical(path)),
        };
        first.cloned().unwrap_or_else(|| vec![path])
    }

    /// The rules that are about an object that is there, or will be.
    pub fn rules_for(&self, path: &'a H5Path, seen: Option<&'a ObjectSeen>, object: Option<&'a DesiredObject>) -> Vec<&'a Each> {
        let scope = &self.desired.scope;
        let out = || !scope.is_whole() && self.names_of(path).iter().all(|name| scope.part(name) != ScopePart::Planned);
        if self.desired.each.is_empty() || out() {
            return Vec::new();
        }
        let subject = match (seen.map(|s| s.kind.as_ref()), object.map(|o| &o.kind)) {
            (Some(kind), _) => kind.and_then(Subject::of),
            (None, Some(DesiredKind::Group(_))) => Some(Subject::Group),
            (None, Some(DesiredKind::Dataset(d))) => d.definition.as_deref().map(|d| Subject::Dataset(d.into())),
            (None, Some(DesiredKind::Type(t))) => t.dtype.as_ref().map(|(dtype, _)| Subject::Type(dtype)),
            (None, Some(DesiredKind::Link(_)) | None) => None,
        };
        subject.map_or_else(Vec::new, |subject| about(&self.desired.each, &self.names_of(path), &subject))
    }

    /// What was seen of an object's attributes: rules may be about one of its names, and its entry about another.
    pub fn attrs_seen(&self, path: &'a H5Path, seen: &'a ObjectSeen) -> Cow<'a, BTreeMap<Vec<u8>, Box<AttrSeen>>> {
        match self.names_of(path).as_slice() {
            [_] | [] => Cow::Borrowed(&seen.attrs),
            several => {
                let all = several.iter().filter_map(|name| self.observed.objects.get(*name));
                Cow::Owned(all.flat_map(|o| o.attrs.iter().map(|(name, value)| (name.clone(), value.clone()))).collect())
            }
        }
    }

    /// Says of rules that are about nothing that is there, or will be, that they are: a name may be misspelt.
    pub fn unmatched(&mut self) {
        let here: Vec<&H5Path> = self.observed.objects.keys().chain(self.desired.objects.keys()).collect();
        for rule in self.desired.each.iter().filter(|rule| !here.iter().any(|path| rule.is_about(path))) {
            let globs: Vec<&str> = rule.globs.iter().map(crate::model::Glob::text).collect();
            self.keep(&H5Path::root(), "each", format!("nothing matches {}", globs.join(", ")));
        }
    }

    /// Objects that nothing is declared of but by such rules.
    pub fn matched(&mut self) {
        if self.desired.each.is_empty() {
            return;
        }
        for path in self.observed.objects.keys() {
            let Some(seen) = self.seen(path) else { continue };
            let names = self.names_of(path);
            let declared = names.iter().any(|name| self.desired.objects.contains_key(*name));
            if declared || *path != self.observed.canonical(path) {
                continue;
            }
            let rules = self.rules_for(path, Some(seen), None);
            if rules.is_empty() {
                continue;
            }
            let attrs = self.attrs_seen(path, seen);
            let target = attrs::Target {
                path,
                seen: &attrs,
                order: seen.attr_order,
                header: seen.header,
                observed: self.observed,
                scope: &self.desired.scope,
                copies: &self.copies,
            };
            attrs::plan(&target, &clauses(&rules, &[], false), &mut self.steps, &mut self.kept, &mut self.conflicts);
        }
    }
}

/// The rules in order, then the object's own entry, which has the last word. Of a new object the rules see what its entry says, as they will
/// when it is there.
pub(super) fn clauses<'a>(rules: &[&'a Each], own: &'a [DesiredAttr], new: bool) -> Vec<Clause<'a>> {
    let own = Clause { when: None, attrs: own };
    let first = (new && !rules.is_empty()).then_some(own);
    let rules = rules.iter().map(|rule| Clause { when: Some(rule), attrs: &rule.attrs });
    first.into_iter().chain(rules).chain([own]).collect()
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
