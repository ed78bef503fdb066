//! What becomes of attributes, as steps.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::attrs::{Attr, State, Target, same};
use super::step::{Action, AttrWrite, Conflict, Hazard, Step};
use crate::diag::{Finding, Span};
use crate::model::{AttrRule, AttrSeen, AttrValue, DesiredAttr, Elements, HeaderVersion, TrackOrder, bytes_text, told_apart};

/// A header of version 1 holds attributes in messages of at most this size, less the message's own head.
const MOST_V1_BYTES: u64 = 65_000;

/// The difference between the file's attributes and what the rules make of them.
pub(super) struct Changes<'a> {
    pub target: &'a Target<'a>,
    pub attrs: &'a [&'a DesiredAttr],
    pub rules: Rules<'a>,
    pub state: &'a State<'a>,
}

/// The first rule for every name: an object may have very many attributes.
pub(super) struct Rules<'a> {
    /// By the name that the rule is for.
    own: BTreeMap<&'a [u8], &'a DesiredAttr>,
    /// By the name that the rule takes away.
    takes: BTreeMap<&'a [u8], &'a DesiredAttr>,
}

impl<'a> Rules<'a> {
    pub fn of(attrs: &[&'a DesiredAttr]) -> Self {
        let mut rules = Self { own: BTreeMap::new(), takes: BTreeMap::new() };
        for attr in attrs {
            rules.own.entry(&attr.name).or_insert(attr);
            if let AttrRule::RenameFrom { from, .. } = &attr.rule {
                rules.takes.entry(from).or_insert(attr);
            }
        }
        rules
    }
}

impl Changes<'_> {
    /// Removals, then renames, then values: a name is free before it is taken.
    pub fn steps(&self, conflicts: &mut Vec<Conflict>) -> Vec<Step> {
        let now_at: BTreeMap<&[u8], &[u8]> = self.state.iter().filter_map(|(n, a)| Some((a.from?, *n))).collect();
        let mut removals = Vec::new();
        let mut renames = Vec::new();
        for (name, before) in self.target.seen {
            match now_at.get(name.as_slice()) {
                None => removals.push(self.step(
                    name,
                    Action::RemoveAttr { name: name.clone(), before: before.clone() },
                    0,
                    self.why_gone(name),
                )),
                Some(&to) if to != name => {
                    let action = Action::RenameAttr { from: name.clone(), to: to.to_vec(), value: before.clone() };
                    renames.push(self.step(to, action, 0, "the manifest renames it"));
                }
                Some(_) => {}
            }
        }
        let mut values = Vec::new();
        for (name, attr) in self.state {
            let AttrSeen::Value(after) = attr.value.as_ref() else { continue };
            let before = attr.from.and_then(|f| self.target.seen.get(f)).map(Box::as_ref);
            if before.is_some_and(|b| same(b, after)) {
                continue;
            }
            match fits_header(self.target, name, self.origin(name), after) {
                Ok(()) => values.push(self.value(name, attr, before, after)),
                Err(conflict) => conflicts.push(*conflict),
            }
        }
        if self.target.order != TrackOrder::No {
            let places: BTreeMap<&[u8], usize> = self.attrs.iter().enumerate().map(|(i, a)| (a.name.as_slice(), i)).collect();
            let place = |s: &Step| s.action.attr_names().iter().find_map(|n| places.get(n).copied());
            values.sort_by_key(place);
            renames.sort_by_key(place);
        }
        let ordered_names = self.target.order == TrackOrder::No && renames.is_empty();
        let mut out: Vec<Step> = removals.into_iter().chain(freed_first(renames)).chain(values).collect();
        if ordered_names {
            out.sort_by(|a, b| a.action.attr_names().cmp(&b.action.attr_names()));
        }
        out
    }

    fn value(&self, name: &[u8], attr: &Attr<'_>, before: Option<&AttrSeen>, after: &AttrValue) -> Step {
        let how = match before {
            None => AttrWrite::Create,
            Some(AttrSeen::Value(b)) if in_place(b, after) => AttrWrite::InPlace,
            Some(_) => AttrWrite::Recreate { keep_order: self.target.order != TrackOrder::No },
        };
        let reason: Cow<'static, str> = match (before, how) {
            (None, _) => "missing".into(),
            (Some(b), AttrWrite::Recreate { .. }) => retyped(b, after).into(),
            (Some(_), _) => "the value differs".into(),
        };
        let (reason, hazard) = match &attr.loss {
            None => (reason, Hazard::None),
            Some(loss) => (format!("{reason}; {loss}").into(), Hazard::Lossy),
        };
        let own = self.rules.own.get(name).copied();
        let action = Action::SetAttr {
            name: name.to_vec(),
            before: before.cloned().map(Box::new),
            after: Arc::new(after.clone()),
            how,
            name_charset: attr.by.and_then(|a| a.name_charset).or(own.and_then(|a| a.name_charset)),
        };
        // Of several rules, it is the last one that changed something.
        let origin = attr.by.map_or_else(|| self.origin(name), |a| Some(a.origin));
        Step { hazard, origin, ..self.step(name, action, after.bytes(), reason) }
    }

    fn why_gone(&self, name: &[u8]) -> &'static str {
        let renamed = self.rules.takes.contains_key(name);
        if renamed { "its new name is there already" } else { "declared absent" }
    }

    /// The rule that speaks of this name.
    fn origin(&self, name: &[u8]) -> Option<Span> {
        self.rules.own.get(name).or_else(|| self.rules.takes.get(name)).map(|a| a.origin)
    }

    fn step(&self, name: &[u8], action: Action, bytes: u64, reason: impl Into<Cow<'static, str>>) -> Step {
        let origin = self.origin(name);
        Step { bytes, ..Step::new(self.target.path.clone(), action, reason, origin) }
    }
}

/// Renames in an order in which every new name is free when it is taken; otherwise as they come.
fn freed_first(renames: Vec<Step>) -> Vec<Step> {
    let name = |step: &Step, which: usize| step.action.attr_names().get(which).map(|n| n.to_vec()).unwrap_or_default();
    let taken: BTreeMap<Vec<u8>, usize> = renames.iter().enumerate().map(|(i, step)| (name(step, 1), i)).collect();
    let waits_for: Vec<Option<usize>> = renames.iter().map(|step| taken.get(&name(step, 0)).copied()).collect();
    let mut waiting: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
    waits_for.iter().enumerate().for_each(|(i, other)| other.iter().for_each(|other| waiting.entry(*other).or_default().push(i)));
    let mut free: BTreeSet<usize> = (0..renames.len()).filter(|&i| waits_for[i].is_none()).collect();
    let mut left: BTreeMap<usize, Step> = renames.into_iter().enumerate().collect();
    let mut out = Vec::with_capacity(left.len());
    // A rule renames only to a name that is free at that moment, so there is always a next one.
    while let Some(next) = free.pop_first().or_else(|| left.keys().next().copied()) {
        out.extend(left.remove(&next));
        free.extend(waiting.remove(&next).into_iter().flatten().filter(|i| left.contains_key(i)));
    }
    out
}

fn retyped(before: &AttrSeen, after: &AttrValue) -> String {
    let dtype = before.dtype();
    if *dtype != after.dtype {
        let (dtype, made) = told_apart(dtype, &after.dtype);
        return format!("the type changes from {dtype} to {made}");
    }
    let shape = match before {
        AttrSeen::Value(v) => &v.shape,
        AttrSeen::Opaque { shape, .. } => shape,
    };
    format!("the shape changes from {shape} to {}", after.shape)
}

/// Attributes over 64 KiB need a header of version 2.
fn fits_header(target: &Target<'_>, name: &[u8], origin: Option<Span>, after: &AttrValue) -> Result<(), Box<Conflict>> {
    let inline = match &after.data {
        Elements::Fixed(bytes) => bytes.len() as u64,
        Elements::Strings(list) => 16 * list.len() as u64,
        Elements::Nested(list) => after.dtype.size() as u64 * list.len() as u64,
    };
    // Where creation order is tracked, attributes are stored apart from the header.
    if target.header == HeaderVersion::V2 || target.order != TrackOrder::No || inline <= MOST_V1_BYTES {
        return Ok(());
    }
    let message = format!(
        "attribute {} of {} has {inline} bytes; this object has an old header, which holds at most 64 KiB",
        bytes_text(name),
        target.path
    );
    let mut finding = Finding::error("attribute-size", message);
    if let Some(origin) = origin {
        finding = finding.at(origin, "");
    }
    let finding = finding.help("store it as a dataset, or rewrite the file with a newer format (h5repack --low=1)");
    Err(Box::new(Conflict { path: target.path.clone(), finding }))
}

/// Can the value be written over the old one?
fn in_place(before: &AttrValue, after: &AttrValue) -> bool {
    let max = after.max.is_none() || before.max == after.max;
    before.dtype == after.dtype && before.shape == after.shape && max
}
