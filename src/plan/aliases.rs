//! Objects with several names: changed once, and never in two ways.

use std::collections::BTreeMap;

use super::step::{Action, Conflict, Step};
use crate::diag::Finding;
use crate::model::{H5Path, LinkSeen, ObjectId, Observed};

/// Drops steps that another name of the same object asks for already; two different changes of one
/// aspect are a conflict.
pub(super) fn settle(observed: &Observed, steps: &mut Vec<Step>, conflicts: &mut Vec<Conflict>) {
    let id_of = |path: &H5Path| match observed.objects.get(path).map(|o| (&o.link, o.links)) {
        Some((LinkSeen::Hard(id), links)) if links > 1 => Some(*id),
        _ => None,
    };
    let mut seen: BTreeMap<(ObjectId, Vec<u8>), usize> = BTreeMap::new();
    let mut keep = vec![true; steps.len()];
    for (number, step) in steps.iter().enumerate() {
        let (Some(id), Some(aspect)) = (id_of(&step.path), aspect(&step.action)) else { continue };
        let Some(&first) = seen.get(&(id, aspect.clone())) else {
            seen.insert((id, aspect), number);
            continue;
        };
        let other = &steps[first];
        if other.path == step.path {
            continue;
        }
        if same(&other.action, &step.action) {
            keep[number] = false;
            continue;
        }
        let mut finding = Finding::error(
            "two-names",
            format!("{} and {} are one object, and the manifest wants two different things of it", other.path, step.path),
        );
        for origin in [step.origin, other.origin].into_iter().flatten() {
            finding = finding.at(origin, "");
        }
        conflicts.push(Conflict { path: step.path.clone(), finding: finding.help("declare it under one of its names") });
    }
    let mut keep = keep.into_iter();
    steps.retain(|_| keep.next().unwrap_or(true));
}

/// The aspect of its object that a step changes; `None` for what belongs to the link.
fn aspect(action: &Action) -> Option<Vec<u8>> {
    match action {
        Action::SetAttr { name, .. } | Action::RemoveAttr { name, .. } => Some([b"@", name.as_slice()].concat()),
        Action::RenameAttr { from, .. } => Some([b"@", from.as_slice()].concat()),
        Action::Grow { .. } => Some(b"shape".to_vec()),
        Action::WriteRegion { .. } => Some(b"contents".to_vec()),
        Action::CreateFile(_) | Action::CreateGroup { .. } | Action::CreateDataset { .. } | Action::Remove { .. } => None,
    }
}

fn same(a: &Action, b: &Action) -> bool {
    match (a, b) {
        (Action::SetAttr { after: a, .. }, Action::SetAttr { after: b, .. }) => a.same(b),
        (Action::RemoveAttr { .. }, Action::RemoveAttr { .. }) => true,
        (Action::RenameAttr { to: a, .. }, Action::RenameAttr { to: b, .. }) => a == b,
        (Action::Grow { after: a, .. }, Action::Grow { after: b, .. }) => a == b,
        // Contents declared under two names would have to be compared with each other.
        _ => false,
    }
}
