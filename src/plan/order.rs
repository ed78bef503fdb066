//! What needs another new object is made after it.

use std::collections::{BTreeMap, BTreeSet};

use super::step::{Action, Step};
use crate::model::{DesiredLink, H5Path, Target};

/// Has an object's attributes made as soon as it is there, in this phase, while the library has its header in memory; but for those that refer
/// to other objects, which may come later.
pub(super) fn at_once(attrs: &mut [Step], phase: u8) {
    // Up to the first of those: their order may be kept.
    let at_once = |s: &&mut Step| matches!(&s.action, Action::SetAttr { after, .. } if !after.refers());
    attrs.iter_mut().take_while(at_once).for_each(|step| step.phase = phase);
}

/// The phase of the step that makes an object, if there is one and its attributes can be made then.
pub(super) fn made(steps: &[Step]) -> Option<u8> {
    let made = steps.iter().find(|s| match &s.action {
        Action::CreateGroup { .. } | Action::CreateType { .. } => true,
        // It may have to wait for what its fill value refers to.
        Action::CreateDataset { definition, .. } => !definition.refers(),
        _ => false,
    });
    made.map(|step| step.phase)
}

/// Steps in an order in which they can be executed.
pub(super) struct Sorted {
    /// All of them, also those that need each other.
    pub steps: Vec<Step>,
    /// Datasets that need themselves, by way of their fill values.
    pub circles: Vec<H5Path>,
}

/// The links that a step cannot be executed without: a hard link's target, and what a fill value refers to.
fn needs(action: &Action) -> Vec<H5Path> {
    match action {
        Action::CreateLink { link, .. } => match link.as_ref() {
            DesiredLink::Hard { target, .. } => vec![target.clone()],
            DesiredLink::Soft(_) | DesiredLink::External { .. } | DesiredLink::User { .. } => Vec::new(),
        },
        Action::CreateDataset { definition, .. } => {
            let mut out = Vec::new();
            definition.referents(&mut |t| out.extend(if let Target::Path(path) = t { Some(path.clone()) } else { None }));
            out
        }
        _ => Vec::new(),
    }
}

/// Keeps the order of the steps, except that what needs a link which is made later waits for it.
pub(super) fn needed_first(steps: Vec<Step>) -> Sorted {
    if steps.iter().all(|s| needs(&s.action).is_empty()) {
        return Sorted { steps, circles: Vec::new() };
    }
    let mut made: BTreeMap<H5Path, bool> = steps.iter().filter(|s| s.action.makes_link()).map(|s| (s.path.clone(), false)).collect();
    let mut waiting: BTreeMap<H5Path, Vec<Step>> = BTreeMap::new();
    let mut out = Vec::with_capacity(steps.len());
    for step in steps {
        let mut ready = vec![step];
        while let Some(step) = ready.pop() {
            if let Some(needed) = needs(&step.action).into_iter().find(|n| made.get(n) == Some(&false)) {
                waiting.entry(needed).or_default().push(step);
                continue;
            }
            if step.action.makes_link() {
                made.insert(step.path.clone(), true);
                ready.extend(waiting.remove(&step.path).into_iter().flatten().rev());
            }
            out.push(step);
        }
    }
    let circles = circles(&waiting);
    // A conflict stands against them, and its readers see what it is about.
    out.extend(waiting.into_values().flatten());
    Sorted { steps: out, circles }
}

/// Who waits for itself? Everybody left waits for one other that is left, so that some do.
fn circles(waiting: &BTreeMap<H5Path, Vec<Step>>) -> Vec<H5Path> {
    let next: BTreeMap<&H5Path, &H5Path> =
        waiting.iter().flat_map(|(needed, steps)| steps.iter().map(move |s| (&s.path, needed))).collect();
    let mut known = BTreeSet::new();
    let mut out = Vec::new();
    for start in next.keys() {
        let mut trail: Vec<&H5Path> = Vec::new();
        let mut at = Some(*start);
        while let Some(path) = at.filter(|p| known.insert(*p)) {
            trail.push(path);
            at = next.get(path).copied();
        }
        let first = trail.iter().position(|p| Some(*p) == at).unwrap_or(trail.len());
        out.extend(trail.iter().skip(first).map(|p| (*p).clone()));
    }
    out.sort();
    out
}
