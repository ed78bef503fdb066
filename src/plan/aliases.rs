//! Objects with several names: changed once, and never in two ways.

use std::collections::BTreeMap;

use super::step::Conflict;
use crate::diag::{Finding, Span};
use crate::model::{Desired, DesiredAttr, DesiredKind, DesiredObject, H5Path, Observed};

/// What declarations under several names of one object come to: the same attribute rules are one declaration; anything else that both want is a
/// conflict.
pub(super) fn shared(desired: &Desired, observed: &Observed) -> Vec<Conflict> {
    let mut out = Vec::new();
    if !observed.has_aliases() {
        return out;
    }
    let mut seen: BTreeMap<H5Path, (&H5Path, &DesiredObject)> = BTreeMap::new();
    for (path, object) in &desired.objects {
        let canonical = observed.canonical_way(path);
        let Some((other, first)) = seen.get(&canonical) else {
            seen.insert(canonical, (path, object));
            continue;
        };
        let exists = observed.objects.contains_key(path);
        if !exists || (contents(object) && contents(first)) {
            out.push(conflict(path, other, object.origin, first.origin));
        }
        let (rules, firsts) = (by_name(object), by_name(first));
        for (name, own) in rules {
            let Some(theirs) = firsts.get(name) else { continue };
            if !own.iter().map(|a| &a.rule).eq(theirs.iter().map(|a| &a.rule)) {
                out.push(conflict(path, other, own[0].origin, theirs[0].origin));
            }
        }
    }
    // Contents of one dataset under two names cannot be ordered.
    let mut patched: BTreeMap<H5Path, (&H5Path, Span)> = BTreeMap::new();
    let filled = desired.objects.iter().filter(|(_, o)| contents(o)).map(|(p, o)| (p, o.origin));
    for (path, origin) in filled.chain(desired.patches.iter().map(|p| (&p.path, p.origin))) {
        let (other, at) = *patched.entry(observed.canonical_way(path)).or_insert((path, origin));
        if other != path {
            out.push(conflict(path, other, origin, at));
        }
    }
    out
}

/// The rules for each attribute, in their order.
fn by_name(object: &DesiredObject) -> BTreeMap<&[u8], Vec<&DesiredAttr>> {
    let mut out: BTreeMap<&[u8], Vec<&DesiredAttr>> = BTreeMap::new();
    object.attrs.iter().for_each(|attr| out.entry(&attr.name).or_default().push(attr));
    out
}

fn contents(object: &DesiredObject) -> bool {
    matches!(&object.kind, DesiredKind::Dataset(d) if d.fill.is_some())
}

fn conflict(path: &H5Path, other: &H5Path, at: Span, other_at: Span) -> Conflict {
    let message = format!("{other} and {path} are one object, and the manifest wants different things of it under its two names");
    let finding = Finding::error("two-names", message).at(at, "").at(other_at, "").help("declare it under one of its names");
    Conflict { path: path.clone(), finding }
}
