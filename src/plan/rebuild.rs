//! Datasets that are made anew.

use std::collections::{BTreeMap, BTreeSet};

use super::compare;
use super::propose::Planner;
use super::step::{Action, Hazard, Step};
use crate::diag::{Finding, Span};
use crate::model::{
    Carry, Desired, DesiredKind, DesiredObject, FillTime, FillValue, H5Path, Layout, Observed, OnMismatch, Rebuild, RebuildSeen, Referrer,
    ReferrerPart, SeenDataset, Target, common,
};

/// Datasets that must be made anew to become as declared: what there is about them must be looked at before they are planned.
pub fn rebuilds(desired: &Desired, observed: &Observed) -> BTreeMap<H5Path, Rebuild> {
    let rebuild = |(path, object): (&H5Path, &DesiredObject)| match &object.kind {
        DesiredKind::Dataset(dataset) if dataset.on_mismatch != OnMismatch::Refuse => {
            let compared = compare::compare(path, dataset, observed.dataset(path)?, object.origin, observed);
            compared.rebuild.map(|rebuild| (path.clone(), rebuild))
        }
        DesiredKind::Dataset(_) | DesiredKind::Group(_) | DesiredKind::Type(_) | DesiredKind::Link(_) => None,
    };
    desired.objects.iter().filter_map(rebuild).collect()
}

/// What removals will take away, topmost paths only.
pub fn removed(desired: &Desired, observed: &Observed) -> BTreeSet<H5Path> {
    let mut planner = Planner::new(desired, observed);
    planner.removals();
    planner.removed
}

impl Planner<'_> {
    /// One step, if nothing stands against it.
    pub(super) fn rebuild(&mut self, path: &H5Path, origin: Span, seen: &SeenDataset, rebuild: Rebuild) -> bool {
        let what = format!("{path} cannot be made anew");
        let refused = |why: String| Finding::error("convert", format!("{what}: {why}")).at(origin, "");
        let (Some(around), Some(object)) = (self.observed.rebuilds.get(path), self.observed.objects.get(path)) else {
            self.conflict(path, refused("what leads to it has not been looked at".into()));
            return false;
        };
        if let Some(finding) = against(seen, object.links, around, &refused) {
            self.conflict(path, finding);
            return false;
        }
        if let Some(other) = self.made_anew_too(path, &rebuild) {
            let finding = refused(format!("its fill value refers to {other}, which is made anew, too"));
            self.conflict(path, finding.help("make one of them anew by a manifest of its own"));
            return false;
        }
        let first = self.observed.canonical(path);
        if first != *path && self.desired.objects.contains_key(&first) {
            let finding = refused(format!("{first} is another name of it, and is declared, too"));
            self.conflict(path, finding.help("declare it by one name only"));
            return false;
        }
        let d = &rebuild.definition;
        let (hazard, more) = hazard(seen, &rebuild, around);
        let bytes = around.carried.saturating_mul(d.dtype.size() as u64);
        let reason = rebuild.reasons.iter().chain(&more).cloned().collect::<Vec<_>>().join("; ");
        let action = Action::Rebuild {
            before: Box::new(seen.clone()),
            definition: d.clone(),
            carry: rebuild.carry.clone(),
            attr_order: object.attr_order,
            names: around.names.clone().into_boxed_slice(),
            referrers: around.referrers.clone().into_boxed_slice(),
        };
        let step = Step::new(path.clone(), action, reason, Some(origin));
        self.steps.push(Step { bytes, dead: around.storage, hazard, ..step });
        true
    }

    /// What the new fill value refers to, if that is there for the last time: a fill value cannot be changed afterwards.
    fn made_anew_too(&self, path: &H5Path, rebuild: &Rebuild) -> Option<H5Path> {
        let rebuilt = |target: &H5Path| {
            let first = self.observed.canonical(target);
            self.observed.rebuilds.keys().any(|p| p != path && self.observed.canonical(p) == first)
        };
        let mut out = None;
        rebuild.definition.referents(&mut |t| match t {
            Target::Path(target) if out.is_none() && rebuilt(target) => out = Some(target.clone()),
            Target::Path(_) | Target::Address(_) => {}
        });
        out
    }
}

/// What making a dataset anew may cost, and clauses that say so.
fn hazard(seen: &SeenDataset, rebuild: &Rebuild, around: &RebuildSeen) -> (Hazard, Vec<String>) {
    let recast = match &rebuild.carry {
        Carry::Elements(recast) => recast,
        Carry::Declared => return (Hazard::None, vec!["its contents are declared".into()]),
        Carry::Nothing => return (Hazard::Destructive, vec!["its elements are replaced".into()]),
    };
    let (mut why, mut shrinks) = (Vec::new(), false);
    if let (Some(before), Some(after)) = (seen.shape.elements(), common(&seen.shape, &rebuild.definition.shape).elements())
        && before > after
    {
        shrinks = true;
        why.push(format!("{} elements are cut off", before - after));
    }
    let shrunk = why.len();
    match &around.loss {
        Some(loss) if loss.lost > 0 => {
            let examples: Vec<String> = loss.examples.iter().map(|(before, after)| format!("{before} -> {after}")).collect();
            let more = if loss.lost as usize > examples.len() { ", .." } else { "" };
            why.push(format!("{} of {} elements lose something: {}{more}", loss.lost, loss.elements, examples.join(", ")));
        }
        None if !recast.is_exact() => why.push("elements may lose something: they have not been looked at".into()),
        Some(_) | None => {}
    }
    if let FillValue::Value(value) = &seen.fill_value
        && let made = recast.apply(value.clone())
        && !made.lost.is_empty()
        && rebuild.definition.fill_value == FillValue::Value(made.elements.clone())
    {
        let (before, after) = recast.example(value, &made.elements, 0);
        why.push(format!("the fill value loses something: {before} -> {after}"));
    }
    if let Some(filter) = rebuild.definition.layout.filters().iter().find(|f| f.is_lossy()) {
        why.push(format!("the filter {filter} rounds what it stores"));
    }
    (Hazard::of(why.len() > shrunk, shrinks), why)
}

/// What stands against making a dataset anew.
fn against(seen: &SeenDataset, links: u32, around: &RebuildSeen, refused: &dyn Fn(String) -> Finding) -> Option<Finding> {
    if matches!(seen.layout, Layout::External(_) | Layout::Virtual(_) | Layout::Unknown(_)) {
        return Some(refused(format!("its storage is {}", seen.layout.word())).help("change the file that holds the elements"));
    }
    if let Some(filter) = seen.lacking.as_ref().or(around.lacking.as_ref()) {
        let finding = refused(format!("this h5mason does not have the filter {filter}"));
        return Some(finding.help("name the folder of a plugin for it in HDF5_PLUGIN_PATH, and add --allow plugins"));
    }
    if let Some((place, why)) = around.unsearched.first() {
        let more = match around.unsearched.len() {
            1 => String::new(),
            n => format!(" (and {} more)", n - 1),
        };
        let finding = refused("references to it may be where they cannot be looked for".into());
        return Some(
            finding.note(format!("{place} could not be searched{more}: {why}")).note("what refers to it must lead to the new dataset"),
        );
    }
    if around.names.len() + around.going != links as usize {
        let why = format!("it has {links} hard links, of which {} were found", around.names.len() + around.going);
        return Some(refused(why).note("every name must lead to the new dataset"));
    }
    let scaled = |r: &&Referrer| matches!(&r.part, ReferrerPart::Attr(name) if name == b"REFERENCE_LIST");
    if around.rebuild.definition.shape.rank() != seen.shape.rank()
        && let Some(scale) = around.referrers.iter().find(scaled)
    {
        let why = format!("{} is attached to an axis of it, and it will have another number of axes", scale.path);
        return Some(refused(why).help("detach it first"));
    }
    if let (Some(loss), Carry::Elements(_)) = (&around.loss, &around.rebuild.carry)
        && let Some(refusal) = &loss.refusal
    {
        let dtype = &around.rebuild.definition.dtype;
        let finding = refused(format!("{} of {} elements have no value in {dtype}: {refusal}", loss.refused, loss.elements));
        return Some(finding.help("give them other values before, in an apply of its own, or declare a dtype that has theirs"));
    }
    if let Some(more) = places(&around.unkept) {
        let why = format!("references in {more} lead to it, and they cannot be kept; this is not supported yet");
        return Some(
            refused(why).note("object references (H5T_STD_REF_OBJ) in attributes and elements, as dimension scales have, are kept"),
        );
    }
    if around.rebuild.definition.fill_time == Some(FillTime::Never) && seen.dtype.has_variable_length() {
        return Some(refused("HDF5 does not take fill_time \"never\" for a variable-length type".into()));
    }
    None
}

/// The first of them, and how many there are.
fn places(list: &[Referrer]) -> Option<String> {
    let first = list.first()?;
    Some(if list.len() > 1 { format!("{first} (and {} more)", list.len() - 1) } else { first.to_string() })
}
