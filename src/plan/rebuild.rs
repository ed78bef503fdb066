//! Datasets that are made anew.

use std::collections::BTreeMap;

use super::compare;
use super::propose::{Planner, same_object};
use super::step::{Action, Hazard, Step};
use crate::diag::{Finding, Span};
use crate::model::{
    Carry, Desired, DesiredKind, DesiredObject, FillTime, FillValue, H5Path, Layout, Observed, OnMismatch, Rebuild, RebuildSeen, Referrer,
    SeenDataset, common,
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

impl Planner<'_> {
    /// One step, if nothing stands against it.
    pub(super) fn rebuild(&mut self, path: &H5Path, origin: Span, seen: &SeenDataset, rebuild: Rebuild) -> bool {
        let what = format!("{path} cannot be made anew");
        let refused = |why: String| Finding::error("convert", format!("{what}: {why}")).at(origin, "");
        let (Some(around), Some(object)) = (self.observed.rebuilds.get(path), self.observed.objects.get(path)) else {
            self.conflict(path, refused("what leads to it has not been looked at".into()));
            return false;
        };
        let names: Vec<H5Path> = around.names.iter().filter_map(|name| self.standing(name)).collect();
        if let Some(finding) = against(seen, object.links, around, &refused) {
            self.conflict(path, finding);
            return false;
        }
        let first = self.observed.canonical(path);
        if first != *path && self.desired.objects.contains_key(&first) {
            let finding = refused(format!("{first} is another name of it, and is declared, too"));
            self.conflict(path, finding.help("declare it by one name only"));
            return false;
        }
        for (place, why) in &around.unsearched {
            self.keep(place, "object", format!("could not be searched for references to {path}, which is made anew: {why}"));
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
            names: names.into_boxed_slice(),
            referrers: around.referrers.iter().filter_map(|r| Some(Referrer { path: self.standing(&r.path)?, ..r.clone() })).collect(),
        };
        let step = Step::new(path.clone(), action, reason, Some(origin));
        self.steps.push(Step { bytes, dead: around.storage, hazard, ..step });
        true
    }

    /// A path by which something can be reached when removals are done: this one, or one by another name of a group above it.
    fn standing(&self, path: &H5Path) -> Option<H5Path> {
        if !self.is_removed(path) {
            return Some(path.clone());
        }
        path.ancestors().iter().rev().filter(|group| !group.is_root()).find_map(|group| {
            let seen = self.observed.objects.get(group)?;
            let same = self.observed.objects.iter().filter(|(_, other)| same_object(&other.link, &seen.link)).map(|(name, _)| name);
            let below: Vec<&[u8]> = path.names().skip(group.names().count()).collect();
            let mut others = same.map(|name| below.iter().fold(name.clone(), |path, part| path.child(part)));
            others.find(|other| !self.is_removed(other))
        })
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
        && rebuild.definition.fill_value == FillValue::Value(made.elements)
    {
        why.push("the fill value loses something".into());
    }
    if let Some(filter) = rebuild.definition.layout.filters().iter().find(|f| f.is_lossy()) {
        why.push(format!("the filter {filter} rounds what it stores"));
    }
    let hazard = match shrinks {
        true => Hazard::Destructive,
        false if why.is_empty() => Hazard::None,
        false => Hazard::Lossy,
    };
    (hazard, why)
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
    if around.names.len() != links as usize {
        let why = format!("it has {links} hard links, of which {} were found", around.names.len());
        return Some(refused(why).note("every name must lead to the new dataset"));
    }
    let scaled = |r: &&Referrer| r.attr.as_deref() == Some(b"REFERENCE_LIST");
    if around.rebuild.definition.shape.rank() != seen.shape.rank()
        && let Some(scale) = around.referrers.iter().find(scaled)
    {
        let why = format!("{} is attached to an axis of it, and it will have another number of axes", scale.path);
        return Some(refused(why).help("detach it first"));
    }
    if let Some(more) = places(&around.unkept) {
        let why = format!("references in {more} lead to it, and they cannot be kept; this is not supported yet");
        return Some(refused(why).note("object references (H5T_STD_REF_OBJ), as dimension scales have, are kept"));
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
