//! Objects with several names: changed once, and never in two ways.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::names::{Key, Removed};
use super::step::Conflict;
use crate::diag::{Finding, Span};
use crate::model::{
    Definition, Desired, DesiredAttr, DesiredDataset, DesiredKind, DesiredObject, H5Path, ObjectId, Observed, OnMismatch, Owned,
};

/// The declaration, with what is said of a dataset under several names as one entry under the first of these, and its patches with it: from then
/// on nothing else knows that it has several. What does not go together is told with [`Desired::clashes`].
pub(super) fn unified<'d>(desired: &'d Desired, observed: &Observed) -> Cow<'d, Desired> {
    if !observed.has_aliases() {
        return Cow::Borrowed(desired);
    }
    let mut clashes: Vec<(H5Path, Finding)> = shared(desired, observed).into_iter().map(|c| (c.path, c.finding)).collect();
    let apart: BTreeSet<H5Path> = clashes.iter().map(|(path, _)| observed.canonical_way(path)).collect();
    let removed = Removed::of(desired, observed);
    let id = |path: &H5Path| match removed.key(observed, path) {
        Key::There(id) if !apart.contains(&observed.canonical_way(path)) => Some(id),
        Key::There(_) | Key::New(_) => None,
    };
    let mut entries: BTreeMap<ObjectId, Vec<(&H5Path, &DesiredObject)>> = BTreeMap::new();
    for (path, object) in desired.objects.iter().filter(|(_, object)| matches!(object.kind, DesiredKind::Dataset(_))) {
        id(path).into_iter().for_each(|id| entries.entry(id).or_default().push((path, object)));
    }
    let mut changed: Vec<(H5Path, Option<DesiredObject>)> = Vec::new();
    for all in entries.values().filter(|all| all.len() > 1) {
        match joined(all) {
            Ok(one) => {
                changed.extend(all[1..].iter().map(|(path, _)| ((*path).clone(), None)));
                changed.push((all[0].0.clone(), Some(one)));
            }
            Err(conflict) => clashes.push((conflict.path, conflict.finding)),
        }
    }
    let named = |path: &H5Path| Some(entries.get(&id(path)?)?.first()?.0).filter(|first| *first != path);
    let patched: Vec<(usize, H5Path)> =
        desired.patches.iter().enumerate().filter_map(|(at, patch)| Some((at, named(&patch.path)?.clone()))).collect();
    if changed.is_empty() && patched.is_empty() && clashes.is_empty() {
        return Cow::Borrowed(desired);
    }
    let mut out = desired.clone();
    out.clashes.append(&mut clashes);
    for (path, entry) in changed {
        match entry {
            Some(entry) => _ = out.objects.insert(path, entry),
            None => _ = out.objects.remove(&path),
        }
    }
    patched.into_iter().for_each(|(at, path)| out.patches[at].path = path);
    Cow::Owned(out)
}

/// All entries of one dataset as one.
fn joined(all: &[(&H5Path, &DesiredObject)]) -> Result<DesiredObject, Box<Conflict>> {
    let (first, object) = all[0];
    all[1..].iter().try_fold(object.clone(), |one, (path, other)| {
        together(&one, other).ok_or_else(|| Box::new(conflict(path, first, other.origin, object.origin)))
    })
}

/// Two entries of one dataset as one; `None` where they want different things. That neither the same attribute nor contents are declared in two ways
/// is known.
fn together(a: &DesiredObject, b: &DesiredObject) -> Option<DesiredObject> {
    let (DesiredKind::Dataset(one), DesiredKind::Dataset(other)) = (&a.kind, &b.kind) else { return None };
    let dataset = DesiredDataset {
        definition: definition(one, other)?,
        named_axes: either(one.named_axes.as_ref(), other.named_axes.as_ref())?,
        owned: Arc::new(owned(&one.owned, &other.owned)?),
        fill: one.fill.clone().or_else(|| other.fill.clone()),
        contents: if other.fill.is_some() { other.contents } else { one.contents },
        on_mismatch: match (one.on_mismatch, other.on_mismatch) {
            (OnMismatch::Refuse, said) | (said, OnMismatch::Refuse) => said,
            (a, b) if a == b => a,
            _ => return None,
        },
        track_order: one.track_order.or(other.track_order),
    };
    Some(DesiredObject {
        kind: DesiredKind::Dataset(Box::new(dataset)),
        attrs: a.attrs.iter().chain(b.attrs.iter()).cloned().collect(),
        comment: either(a.comment.as_ref(), b.comment.as_ref())?,
        ..a.clone()
    })
}

/// What one of them says, or both; `None` where they say different things.
fn either<T: PartialEq + Clone, At: Copy>(a: Option<&(T, At)>, b: Option<&(T, At)>) -> Option<Option<(T, At)>> {
    match (a, b) {
        (Some(a), Some(b)) if a.0 != b.0 => None,
        (a, b) => Some(a.or(b).cloned()),
    }
}

fn owned(a: &Owned, b: &Owned) -> Option<Owned> {
    Some(Owned {
        maxshape: either(a.maxshape.as_ref(), b.maxshape.as_ref())?,
        layout: either(a.layout.as_ref(), b.layout.as_ref())?,
        chunks: match (&a.chunks, &b.chunks) {
            // Any chunks are as well.
            (Some((None, _)), Some(said)) | (Some(said), Some((None, _))) => Some(said.clone()),
            (a, b) => either(a.as_ref(), b.as_ref())?,
        },
        filters: either(a.filters.as_ref(), b.filters.as_ref())?,
        fill_value: either(a.fill_value.as_ref(), b.fill_value.as_ref())?,
        fill_time: either(a.fill_time.as_ref(), b.fill_time.as_ref())?,
        alloc_time: either(a.alloc_time.as_ref(), b.alloc_time.as_ref())?,
        partial_chunks: either(a.partial_chunks.as_ref(), b.partial_chunks.as_ref())?,
    })
}

/// Type, shape and storage: the storage of a definition counts only where the dataset is made from it.
fn definition(a: &DesiredDataset, b: &DesiredDataset) -> Option<Option<Arc<Definition>>> {
    let replaces = [a, b].iter().any(|d| d.on_mismatch == OnMismatch::Replace);
    match (&a.definition, &b.definition) {
        (Some(d), Some(e)) => {
            let alike = d.dtype == e.dtype && d.shape == e.shape && d.minimum == e.minimum;
            let placed = Definition { dtype_at: d.dtype_at, shape_at: d.shape_at, ..Definition::clone(e) };
            (alike && (!replaces || **d == placed)).then(|| Some(Arc::clone(d)))
        }
        (Some(_), None) if replaces && *b.owned != Owned::default() => None,
        (None, Some(_)) if replaces && *a.owned != Owned::default() => None,
        (d, e) => Some(d.as_ref().or(e.as_ref()).cloned()),
    }
}

/// What declarations under several names of one object come to: the same attribute rules are one declaration; anything else that both want is a
/// conflict.
fn shared(desired: &Desired, observed: &Observed) -> Vec<Conflict> {
    let mut out = Vec::new();
    let mut seen: BTreeMap<H5Path, (&H5Path, &DesiredObject)> = BTreeMap::new();
    for (path, object) in &desired.objects {
        let canonical = observed.canonical_way(path);
        let Some((other, first)) = seen.get(&canonical) else {
            seen.insert(canonical, (path, object));
            continue;
        };
        let exists = observed.objects.contains_key(path);
        let comments = matches!((&object.comment, &first.comment), (Some((a, _)), Some((b, _))) if a != b);
        if !exists || comments || (contents(object) && contents(first)) {
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
