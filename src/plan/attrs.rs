//! Attribute rules: what an object's attributes become.

use std::collections::BTreeMap;

use super::step::{Action, AttrWrite, Conflict, Hazard, Kept, Step};
use crate::diag::Finding;
use crate::model::{AttrRule, AttrSeen, AttrValue, DesiredAttr, Elements, H5Path, HeaderVersion, Shape, TrackOrder, bytes_text};

/// What there is to know of an object for its attributes.
pub(super) struct Target<'a> {
    pub path: &'a H5Path,
    /// Attributes that were asked for and exist; none for a new object.
    pub seen: &'a BTreeMap<Vec<u8>, AttrSeen>,
    /// Creation order of its attributes.
    pub order: TrackOrder,
    pub header: HeaderVersion,
}

/// A header of version 1 holds attributes in messages of at most this size, less the message's own head.
const MOST_V1_BYTES: u64 = 65_000;

type State = BTreeMap<Vec<u8>, AttrSeen>;

/// Steps, kept attributes and conflicts of one object.
pub(super) fn plan(target: &Target<'_>, attrs: &[DesiredAttr], steps: &mut Vec<Step>, kept: &mut Vec<Kept>, conflicts: &mut Vec<Conflict>) {
    let mut renames: Vec<(&DesiredAttr, Vec<u8>)> = Vec::new();
    let mut state: State = target.seen.clone();
    let mut sound = true;
    for attr in attrs {
        match apply(&mut state, attr, target.path) {
            Ok(Some(from)) => renames.push((attr, from)),
            Ok(None) => {}
            Err(finding) => {
                sound = false;
                conflicts.push(Conflict { path: target.path.clone(), finding });
            }
        }
    }
    if !sound {
        return;
    }
    if let Some(conflict) = unstable(&state, attrs, target.path) {
        conflicts.push(conflict);
        return;
    }
    let mut changes: Vec<Step> = Vec::new();
    for attr in attrs {
        match step(target, attr, &state, &renames) {
            Some(Ok(step)) => changes.extend(step),
            Some(Err(conflict)) => conflicts.push(*conflict),
            None => kept.push(Kept {
                path: target.path.clone(),
                aspect: format!("attribute {}", bytes_text(&attr.name)),
                note: note(&attr.rule, state.contains_key(&attr.name)).into(),
            }),
        }
    }
    if target.order == TrackOrder::No {
        changes.sort_by(|a, b| name_of(&a.action).cmp(name_of(&b.action)));
    }
    steps.extend(changes);
}

/// Applies one rule in memory; the former name if it renamed.
fn apply(state: &mut State, attr: &DesiredAttr, path: &H5Path) -> Result<Option<Vec<u8>>, Finding> {
    let value = |spec: &crate::model::AttrSpec, seen: Option<&AttrSeen>| -> Result<AttrSeen, Finding> {
        let made = match seen {
            Some(seen) => spec.adapted(seen),
            None => spec.fresh(),
        };
        made.map(AttrSeen::Value).map_err(|e| {
            Finding::error("attribute", format!("attribute {} of {path}: {}", bytes_text(&attr.name), e.0)).at(attr.origin, "")
        })
    };
    let name = &attr.name;
    let seen = state.get(name).cloned();
    match (&attr.rule, seen) {
        (AttrRule::Set(spec), seen) => {
            state.insert(name.clone(), value(spec, seen.as_ref())?);
        }
        (AttrRule::Empty(dtype), _) => {
            state.insert(
                name.clone(),
                AttrSeen::Value(AttrValue { dtype: dtype.clone(), shape: Shape::Null, data: Elements::empty(dtype) }),
            );
        }
        (AttrRule::Absent, _) => {
            state.remove(name);
        }
        (AttrRule::Default(_), Some(_)) | (AttrRule::Replace(_), None) => {}
        (AttrRule::Default(spec), None) => {
            state.insert(name.clone(), value(spec, None)?);
        }
        (AttrRule::Replace(spec), Some(seen)) => {
            state.insert(name.clone(), value(spec, Some(&seen))?);
        }
        (AttrRule::RenameFrom { from, value: spec }, seen) => {
            let renamed = match (state.remove(from), seen) {
                (Some(old), Some(new)) if !equal(&old, &new) => {
                    return Err(Finding::error(
                        "rename-both",
                        format!("{path} has both attributes {} and {}, and they differ", bytes_text(from), bytes_text(name)),
                    )
                    .at(attr.origin, "")
                    .help("remove one of them: { absent = true }"));
                }
                (Some(_), Some(_)) | (None, _) => None,
                (Some(old), None) => {
                    state.insert(name.clone(), old);
                    Some(from.clone())
                }
            };
            if let Some(spec) = spec {
                let now = state.get(name).cloned();
                state.insert(name.clone(), value(spec, now.as_ref())?);
            }
            return Ok(renamed);
        }
    }
    Ok(None)
}

/// A second pass must change nothing.
fn unstable(state: &State, attrs: &[DesiredAttr], path: &H5Path) -> Option<Conflict> {
    let mut again = state.clone();
    for attr in attrs {
        let before = again.clone();
        let result = apply(&mut again, attr, path);
        let changed =
            result.is_err() || before.len() != again.len() || before.iter().any(|(n, v)| again.get(n).is_none_or(|w| !equal(v, w)));
        if changed {
            let other = attrs.iter().find(|o| o.name != attr.name && touches(&o.rule, &attr.name) || touches(&attr.rule, &o.name));
            let mut finding = Finding::error(
                "unstable",
                format!(
                    "the rules for the attributes of {path} never come to rest: applying them again changes {} again",
                    bytes_text(&attr.name)
                ),
            )
            .at(attr.origin, "this rule");
            if let Some(other) = other {
                finding = finding.at(other.origin, "and this one work against each other");
            }
            return Some(Conflict { path: path.clone(), finding });
        }
    }
    None
}

fn touches(rule: &AttrRule, name: &[u8]) -> bool {
    matches!(rule, AttrRule::RenameFrom { from, .. } if from == name)
}

/// The steps that make one attribute what the state says; `None` if nothing changes.
fn step(
    target: &Target<'_>,
    attr: &DesiredAttr,
    state: &State,
    renames: &[(&DesiredAttr, Vec<u8>)],
) -> Option<Result<Vec<Step>, Box<Conflict>>> {
    let name = &attr.name;
    let make = |action: Action, bytes: u64, reason: String| Step {
        path: target.path.clone(),
        action,
        reason,
        origin: Some(attr.origin),
        bytes,
        dead: 0,
        hazard: Hazard::None,
    };
    let mut out = Vec::new();
    let renamed = renames.iter().find(|(a, _)| a.name == *name).map(|(_, from)| from);
    if let Some(from) = renamed {
        let value = target.seen.get(from)?.clone();
        out.push(make(Action::RenameAttr { from: from.clone(), to: name.clone(), value }, 0, "the manifest renames it".into()));
    } else if let AttrRule::RenameFrom { from, .. } = &attr.rule {
        // Both were there and equal: the former one goes.
        if let (Some(before), None) = (target.seen.get(from), state.get(from)) {
            out.push(make(Action::RemoveAttr { name: from.clone(), before: before.clone() }, 0, "its new name is there already".into()));
        }
    }
    let before = target.seen.get(renamed.unwrap_or(name));
    match (before, state.get(name)) {
        (Some(before), None) => {
            out.push(make(Action::RemoveAttr { name: name.clone(), before: before.clone() }, 0, "declared absent".into()))
        }
        (before, Some(AttrSeen::Value(after))) if before.is_none_or(|b| !same(b, after)) => {
            if let Err(conflict) = fits_header(target, attr, after) {
                return Some(Err(conflict));
            }
            let how = match before {
                None => AttrWrite::Create,
                Some(AttrSeen::Value(b)) if b.dtype == after.dtype && b.shape == after.shape => AttrWrite::InPlace,
                Some(_) => AttrWrite::Recreate { keep_order: target.order != TrackOrder::No },
            };
            let reason = match (before, how) {
                (None, _) => "missing".into(),
                (Some(b), AttrWrite::Recreate { .. }) => retyped(b, after),
                (Some(_), _) => "the value differs".into(),
            };
            let action = Action::SetAttr { name: name.clone(), before: before.cloned(), after: after.clone(), how };
            out.push(make(action, after.bytes(), reason));
        }
        _ => {}
    }
    if out.is_empty() { None } else { Some(Ok(out)) }
}

fn retyped(before: &AttrSeen, after: &AttrValue) -> String {
    let dtype = before.dtype();
    if *dtype != after.dtype {
        return format!("the type changes from {dtype} to {}", after.dtype);
    }
    let shape = match before {
        AttrSeen::Value(v) => &v.shape,
        AttrSeen::Opaque { shape, .. } => shape,
    };
    format!("the shape changes from {shape} to {}", after.shape)
}

/// Attributes over 64 KiB need a header of version 2.
fn fits_header(target: &Target<'_>, attr: &DesiredAttr, after: &AttrValue) -> Result<(), Box<Conflict>> {
    let inline = match &after.data {
        Elements::Fixed(bytes) => bytes.len() as u64,
        Elements::Strings(list) => 16 * list.len() as u64,
    };
    if target.header == HeaderVersion::V2 || inline <= MOST_V1_BYTES {
        return Ok(());
    }
    let message = format!(
        "attribute {} of {} has {inline} bytes; this object has an old header, which holds at most 64 KiB",
        bytes_text(&attr.name),
        target.path
    );
    let finding = Finding::error("attribute-size", message)
        .at(attr.origin, "")
        .help("store it as a dataset, or rewrite the file with a newer format (h5repack --low=1)");
    Err(Box::new(Conflict { path: target.path.clone(), finding }))
}

/// Equal as the file holds it.
fn same(before: &AttrSeen, after: &AttrValue) -> bool {
    match before {
        AttrSeen::Value(v) => v.same(after),
        AttrSeen::Opaque { .. } => false,
    }
}

fn equal(a: &AttrSeen, b: &AttrSeen) -> bool {
    match (a, b) {
        (AttrSeen::Value(a), AttrSeen::Value(b)) => a.same(b),
        (AttrSeen::Opaque { dtype: a, shape: s, .. }, AttrSeen::Opaque { dtype: b, shape: t, .. }) => a == b && s == t,
        (AttrSeen::Value(_), AttrSeen::Opaque { .. }) | (AttrSeen::Opaque { .. }, AttrSeen::Value(_)) => false,
    }
}

fn note(rule: &AttrRule, present: bool) -> &'static str {
    match (rule, present) {
        (AttrRule::Absent, _) => "absent already",
        (AttrRule::Default(_), _) => "present: the default is not used",
        (AttrRule::Replace(_), false) => "missing: nothing to replace",
        (AttrRule::RenameFrom { .. }, true) => "renamed already",
        (AttrRule::RenameFrom { .. }, false) => "neither name is there",
        (AttrRule::Set(_) | AttrRule::Empty(_) | AttrRule::Replace(_), _) => "as declared",
    }
}

fn name_of(action: &Action) -> &[u8] {
    match action {
        Action::SetAttr { name, .. } | Action::RemoveAttr { name, .. } => name,
        Action::RenameAttr { to, .. } => to,
        Action::CreateFile(_)
        | Action::CreateGroup { .. }
        | Action::CreateDataset { .. }
        | Action::Grow { .. }
        | Action::WriteRegion { .. }
        | Action::Remove { .. } => &[],
    }
}
