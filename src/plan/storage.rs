//! What rules for whatever matches say of the storage of datasets, as entries of those: all else plans them like any other.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::Arc;

use super::attrs::{Clause, Running, Target};
use super::compare;
use super::copies::{self, Copies};
use super::each::{self, Entity};
use super::propose::Planner;
use crate::diag::Finding;
use crate::model::{
    Contents, DatasetFacts, Definition, Desired, DesiredDataset, DesiredKind, DesiredObject, Dtype, Each, H5Path, HeaderVersion, Layout,
    MaxShape, Observed, OnMismatch, Owned, SeenDataset, SeenKind, Shape, Subject, TrackOrder, Turns, cut, maxshape, restored,
};

/// How often copies and what depends on them are looked at in turn: each may decide the other.
const MOST_ROUNDS: usize = 8;

/// The declaration, with what rules say of the storage of datasets that are there, or will be.
pub(super) fn with_storage<'d>(desired: &'d Desired, observed: &Observed) -> Cow<'d, Desired> {
    if desired.each.iter().all(|rule| rule.storage.is_empty()) {
        return Cow::Borrowed(desired);
    }
    let planner = Planner::before_all(desired, observed);
    // Only conditions make it matter what copies are.
    let asked = desired.copies_attrs() && desired.each.iter().any(|rule| !rule.attr_conditions.is_empty());
    let mut turns: BTreeMap<H5Path, Turns> = BTreeMap::new();
    let mut out = desired.clone();
    for _ in 0..MOST_ROUNDS {
        let entities = each::entities(&planner, &turns);
        let copies = if asked { copies::resolve(desired, observed, &entities, &|path| planner.seen(path)) } else { Copies::default() };
        let abouts = entities.iter().map(|entity| About::of(entity, desired, observed, &copies));
        let found: Vec<(&H5Path, Told<Option<Stored>>)> = abouts.map(|about| (&about.entity.path, about.stored())).collect();
        let known = |(path, told): &(&H5Path, Told<Option<Stored>>)| match told {
            Ok(Some(stored)) => Some(((*path).clone(), stored.turns.clone())),
            Ok(None) | Err(_) => None,
        };
        let now: BTreeMap<H5Path, Turns> = found.iter().filter_map(known).collect();
        if asked && now != turns {
            turns = now;
            continue;
        }
        for (path, told) in found {
            match told {
                Ok(Some(Stored { entry: Some(entry), .. })) => _ = out.objects.insert(path.clone(), entry),
                Ok(_) => {}
                Err(finding) => out.clashes.push((path.clone(), *finding)),
            }
        }
        out.turns = now;
        return Cow::Owned(out);
    }
    let message = "the rules for the storage of datasets and the copies of attributes that their conditions ask for never come to rest";
    let finding = desired
        .each
        .iter()
        .filter(|rule| !rule.storage.is_empty())
        .fold(Finding::error("unstable", message), |f, rule| f.at(rule.origin, "this rule"));
    out.clashes.push((H5Path::root(), finding));
    Cow::Owned(out)
}

/// What rules come to for one dataset.
struct Stored {
    /// Its entry, where they say anything.
    entry: Option<DesiredObject>,
    turns: Turns,
}

/// What a dataset is.
#[derive(Clone)]
struct Facts {
    dtype: Dtype,
    shape: Shape,
    maxshape: MaxShape,
    layout: Layout,
}

impl From<&Definition> for Facts {
    fn from(d: &Definition) -> Self {
        Self { dtype: d.dtype.clone(), shape: d.shape.clone(), maxshape: d.maxshape.clone(), layout: d.layout.clone() }
    }
}

/// An object that may be a dataset which rules are about.
struct About<'e, 'a> {
    entity: &'e Entity<'a>,
    entry: Option<&'e DesiredObject>,
    seen: Option<&'e SeenDataset>,
    desired: &'e Desired,
    observed: &'e Observed,
    copies: &'e Copies,
}

type Told<T> = Result<T, Box<Finding>>;

impl<'e, 'a> About<'e, 'a> {
    fn of(entity: &'e Entity<'a>, desired: &'e Desired, observed: &'e Observed, copies: &'e Copies) -> Self {
        let seen = match entity.seen.and_then(|seen| seen.kind.as_ref()) {
            Some(SeenKind::Dataset(seen)) => Some(seen.as_ref()),
            Some(SeenKind::Group(_) | SeenKind::Type(_) | SeenKind::Unknown) | None => None,
        };
        let entry = desired.objects.get(&entity.path).filter(|entry| matches!(entry.kind, DesiredKind::Dataset(_)));
        Self { entity, entry, seen, desired, observed, copies }
    }

    fn own(&self) -> Option<&'e DesiredDataset> {
        match self.entry.map(|entry| &entry.kind) {
            Some(DesiredKind::Dataset(dataset)) => Some(dataset),
            _ => None,
        }
    }

    /// What the rules come to; `None` where they are not about how something is stored. All rules are applied, those for attributes, too: conditions
    /// ask for those. What they come to must be what they come to again.
    fn stored(&self) -> Told<Option<Stored>> {
        let rules = self.entity.clauses.iter().filter_map(|clause| clause.when);
        if rules.into_iter().all(|rule| rule.storage.is_empty()) {
            return Ok(None);
        }
        // Only a dataset with axes is cut into chunks.
        let Some(facts) = self.facts().filter(|facts| matches!(facts.shape, Shape::Simple(_))) else { return Ok(None) };
        let none = BTreeMap::new();
        let target = Target {
            path: &self.entity.path,
            names: &self.entity.names,
            seen: self.entity.seen.map_or(&none, |seen| &seen.attrs),
            order: TrackOrder::No,
            header: HeaderVersion::V2,
            observed: self.observed,
            scope: &self.desired.scope,
            copies: self.copies,
        };
        let mut running = Running::of(&target);
        let first = self.pass(&mut running, &facts)?;
        let dataset = self.dataset(&first);
        let after = self.after(&facts, &first, dataset.as_ref());
        let again = self.pass(&mut running, &after)?;
        // Once more: attributes that only the second pass has changed may be what a condition asks for.
        let last = self.pass(&mut running, &after)?;
        if [&again, &last].iter().any(|pass| pass.layout != after.layout) || again.about != last.about {
            let message =
                format!("the rules for the storage of {} never come to rest: applying them again changes it again", self.entity.path);
            let rule = [&again, &last].into_iter().find(|pass| pass.layout != after.layout).and_then(|pass| pass.origin).or(first.origin);
            let finding =
                Finding::error("unstable", message).note("conditions are asked when a rule's turn comes, in the manifest's order");
            return Err(Box::new(rule.into_iter().fold(finding, |f, rule| f.at(rule.origin, "this rule"))));
        }
        let mut turns = Turns::new();
        for (number, at_first) in &first.about {
            let later = [&again, &last].map(|pass| pass.about.get(number) == Some(&true));
            turns.insert(*number, [*at_first || later[0], later[1]]);
        }
        let entry = first.origin.and_then(|rule| Some(self.entry_of(dataset?, rule)));
        Ok(Some(Stored { entry, turns }))
    }

    /// What the dataset is when the rules' turn comes: what is declared has come true then, but for how one that is there is stored.
    fn facts(&self) -> Option<Facts> {
        let definition = self.own().and_then(|d| d.definition.as_deref());
        match (self.seen, definition) {
            (Some(seen), d) => {
                let shape = d.map_or_else(|| seen.shape.clone(), |d| d.extent_over(&seen.shape));
                let maxshape = match (d, self.own()) {
                    (Some(d), Some(own)) if own.on_mismatch == OnMismatch::Replace => d.maxshape.clone(),
                    (_, own) => maxshape(own.unwrap_or(&nothing_said()), seen, &shape),
                };
                let dtype = d.map_or(&seen.dtype, |d| &d.dtype).clone();
                Some(Facts { dtype, shape, maxshape, layout: seen.layout.clone() })
            }
            (None, Some(d)) => Some(Facts::from(d)),
            (None, None) => None,
        }
    }

    /// All rules once, in order.
    fn pass<'x>(&self, running: &mut Running<'_, 'x>, facts: &Facts) -> Told<Pass<'a>>
    where
        'a: 'x,
    {
        let owned = self.own().map_or_else(Owned::default, |d| Owned::clone(&d.owned));
        let layout = facts.layout.clone();
        let mut pass = Pass { owned, layout, on_mismatch: None, origin: None, said: Vec::new(), about: BTreeMap::new() };
        for Clause { when, attrs, number, .. } in &self.entity.clauses {
            if let Some(rule) = when {
                let about = rule.is_for(&Subject::Dataset(DatasetFacts { dtype: &facts.dtype, shape: &facts.shape, layout: &pass.layout }));
                pass.about.insert(*number, about);
                if !about || !rule.attr_conditions.iter().all(|condition| running.meets(condition)) {
                    continue;
                }
                if !rule.storage.is_empty() {
                    pass.rule(self, rule, facts)?;
                }
            }
            // What cannot be applied is told when the attributes are planned.
            attrs.iter().for_each(|attr| _ = running.apply(attr, when.is_none()));
        }
        Ok(pass)
    }

    /// What is declared of the dataset, with what the rules say; `None` where neither says anything.
    fn dataset(&self, pass: &Pass<'_>) -> Option<DesiredDataset> {
        if pass.origin.is_none() {
            return self.own().cloned();
        }
        let mut dataset = self.own().cloned().unwrap_or_else(nothing_said);
        if dataset.on_mismatch == OnMismatch::Refuse {
            dataset.on_mismatch = pass.on_mismatch.unwrap_or(OnMismatch::Refuse);
        }
        if let Some(definition) = &mut dataset.definition {
            let layout = match (self.seen, dataset.on_mismatch) {
                (None, _) => Some(pass.layout.clone()),
                // It is made from its definition, not from what is there.
                (Some(_), OnMismatch::Replace) => {
                    let d = definition.as_ref();
                    restored(&pass.owned, (&d.layout, &d.dtype), &d.dtype, &d.shape, &d.maxshape).ok()
                }
                (Some(_), OnMismatch::Refuse | OnMismatch::Convert) => None,
            };
            if let Some(layout) = layout {
                *definition = Arc::new(Definition { layout, ..Definition::clone(definition) });
            }
        }
        dataset.owned = Arc::new(pass.owned.clone());
        Some(dataset)
    }

    /// What the dataset is when all has been done.
    fn after(&self, facts: &Facts, pass: &Pass<'_>, dataset: Option<&DesiredDataset>) -> Facts {
        let made = match (self.seen, dataset, self.entry.map(|entry| entry.origin).or(pass.origin.map(|rule| rule.origin))) {
            (Some(seen), Some(dataset), Some(origin)) => {
                let compared = compare::compare(&self.entity.path, dataset, seen, origin, self.observed);
                compared.rebuild.map(|rebuild| Facts::from(rebuild.definition.as_ref()))
            }
            (None, Some(dataset), _) => dataset.definition.as_deref().map(Facts::from),
            _ => None,
        };
        made.unwrap_or_else(|| Facts { layout: pass.layout.clone(), ..facts.clone() })
    }

    fn entry_of(&self, dataset: DesiredDataset, rule: &Each) -> DesiredObject {
        let kind = DesiredKind::Dataset(Box::new(dataset));
        match self.entry {
            Some(entry) => DesiredObject { kind, ..entry.clone() },
            None => DesiredObject { origin: rule.origin, position: 0, kind, attrs: Arc::from([]), comment: None, name_charset: None },
        }
    }
}

/// An entry that says nothing.
fn nothing_said() -> DesiredDataset {
    DesiredDataset {
        definition: None,
        named_axes: None,
        owned: Arc::default(),
        fill: None,
        contents: Contents::Initial,
        on_mismatch: OnMismatch::Refuse,
        track_order: None,
    }
}

/// What rules come to, in order.
struct Pass<'r> {
    owned: Owned,
    layout: Layout,
    on_mismatch: Option<OnMismatch>,
    /// The last rule that holds.
    origin: Option<&'r Each>,
    /// The rules that said something of chunks or filters.
    said: Vec<&'r Each>,
    /// Which rules were about it, by their numbers, conditions on attributes aside.
    about: BTreeMap<usize, bool>,
}

impl<'r> Pass<'r> {
    fn rule(&mut self, about: &About<'_, '_>, rule: &'r Each, facts: &Facts) -> Told<()> {
        let (own, path, rank) = (about.own(), &about.entity.path, facts.shape.rank());
        // The entry has the last word.
        let settled = |of: fn(&Owned) -> bool| own.is_some_and(|d| of(&d.owned));
        let layout_is_said =
            settled(|owned| owned.layout.as_ref().is_some_and(|(layout, _)| layout.chunk().is_none() && layout.word() != "chunked"));
        if let Some((chunks, at)) = rule.storage.chunks.as_ref().filter(|_| !layout_is_said && !settled(|owned| owned.chunks.is_some())) {
            if let Some(said) = chunks.as_ref().map(Vec::len).filter(|said| *said != rank) {
                let message = format!("`chunks` has rank {said}, {path} has rank {rank}");
                let help = format!("say which datasets are meant: where = {{ ndim = {said} }}");
                return Err(Box::new(Finding::error("chunks", message).at(*at, "").help(help)));
            }
            let chunks = chunks.as_ref().map(|chunks| cut(chunks, &facts.maxshape));
            let other = |other: &Each| matches!((&other.storage.chunks, &rule.storage.chunks), (Some((a, _)), Some((b, _))) if a != b);
            self.differs(path, rule, other)?;
            self.owned.chunks = Some((chunks, *at));
        }
        if let Some(filters) = rule.storage.filters.as_ref().filter(|_| !layout_is_said && !settled(|owned| owned.filters.is_some())) {
            self.differs(path, rule, |other| matches!(&other.storage.filters, Some((a, _)) if *a != filters.0))?;
            self.owned.filters = Some(filters.clone());
        }
        self.on_mismatch = rule.storage.on_mismatch.or(self.on_mismatch);
        self.origin = Some(rule);
        self.said.push(rule);
        if let Ok(layout) = restored(&self.owned, (&self.layout, &facts.dtype), &facts.dtype, &facts.shape, &facts.maxshape) {
            self.layout = layout;
        }
        Ok(())
    }

    /// Two rules that want different things of one dataset.
    fn differs(&self, path: &H5Path, rule: &Each, differs: impl Fn(&Each) -> bool) -> Told<()> {
        let Some(other) = self.said.iter().find(|other| differs(other)) else { return Ok(()) };
        let message = format!("two rules want {path} to be stored in different ways");
        let finding = Finding::error("each-clash", message).at(rule.origin, "this one").at(other.origin, "and this one");
        Err(Box::new(finding.help("leave the dataset out of one of them, or say it in an entry of its own, which has the last word")))
    }
}
