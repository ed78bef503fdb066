//! What rules for whatever matches say of the storage of datasets, as entries of those: all else plans them like any other.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::attrs::{self, Clause};
use crate::diag::Finding;
use crate::model::{
    Contents, DatasetFacts, Definition, Desired, DesiredDataset, DesiredKind, DesiredLink, DesiredObject, Dtype, Each, H5Path, Layout,
    LinkSeen, Matcher, ObjectId, ObjectSeen, Observed, OnMismatch, Owned, RemovalTarget, ScopePart, SeenKind, Shape, Subject, cut,
    restored,
};

/// The declaration, with what rules say of the storage of datasets that are there, or will be.
pub fn with_storage<'d>(desired: &'d Desired, observed: &Observed) -> Cow<'d, Desired> {
    if desired.each.iter().all(|rule| rule.storage.is_empty()) {
        return Cow::Borrowed(desired);
    }
    let mut out = desired.clone();
    let rules = Matcher::new(desired.each.iter().map(|rule| rule.globs.as_slice()));
    for about in datasets(desired, observed) {
        let mut hits: BTreeSet<usize> = about.names.iter().flat_map(|name| rules.hits(name)).collect();
        if !desired.scope.is_whole() && desired.scope.part_of_any(about.names.iter().copied()) != ScopePart::Planned {
            hits.clear();
        }
        let rules: Vec<&Each> = hits.into_iter().map(|n| &desired.each[n]).collect();
        match about.stored(&rules, desired, observed) {
            Ok(None) => {}
            Ok(Some(entry)) => _ = out.objects.insert(about.path.clone(), entry),
            Err(finding) => out.clashes.push((about.path.clone(), *finding)),
        }
    }
    Cow::Owned(out)
}

/// A dataset that is there, or will be.
struct About<'a> {
    /// The name that an entry is for, or else the first that it has.
    path: &'a H5Path,
    names: Vec<&'a H5Path>,
    entry: Option<&'a DesiredObject>,
    seen: Option<&'a ObjectSeen>,
}

/// Datasets of the file, by identity, and declared ones that are new.
fn datasets<'a>(desired: &'a Desired, observed: &'a Observed) -> Vec<About<'a>> {
    let by_path = desired.removals.iter().filter_map(|r| if let RemovalTarget::Path(path) = &r.target { Some(path) } else { None });
    let removed: BTreeSet<&H5Path> = by_path.chain(observed.matches.iter().flatten()).collect();
    let stays = |path: &H5Path| removed.is_empty() || !(removed.contains(path) || path.ancestors().iter().any(|p| removed.contains(p)));
    let mut there: BTreeMap<ObjectId, About<'a>> = BTreeMap::new();
    for (path, seen) in &observed.objects {
        let (LinkSeen::Hard(id), Some(SeenKind::Dataset(_))) = (&seen.link, &seen.kind) else { continue };
        if !stays(path) {
            continue;
        }
        let about = there.entry(*id).or_insert_with(|| About { path, names: Vec::new(), entry: None, seen: Some(seen.as_ref()) });
        about.names.push(path);
        if about.entry.is_none()
            && let Some(entry) = desired.objects.get(path).filter(|o| matches!(o.kind, DesiredKind::Dataset(_)))
        {
            (about.path, about.entry) = (path, Some(entry));
        }
    }
    let links = desired.objects.iter().filter(|(_, o)| matches!(o.kind, DesiredKind::Link(DesiredLink::Hard { .. })));
    let links: Vec<(&H5Path, &H5Path)> = links.map(|(path, _)| (path, desired.behind_links(path))).collect();
    for (path, end) in &links {
        if let Some(LinkSeen::Hard(id)) = observed.objects.get(*end).filter(|_| stays(end)).map(|seen| &seen.link)
            && let Some(about) = there.get_mut(id)
        {
            about.names.push(path);
        }
    }
    let new = desired.objects.iter().filter(|(path, _)| !observed.objects.contains_key(*path) || !stays(path));
    let new = new.filter(|(_, o)| matches!(&o.kind, DesiredKind::Dataset(d) if d.definition.is_some()));
    let names = |path: &'a H5Path| links.iter().filter(|(_, end)| *end == path).map(|(link, _)| *link).chain([path]).collect();
    let new = new.map(|(path, entry)| About { path, names: names(path), entry: Some(entry), seen: None });
    there.into_values().chain(new).collect()
}

type Told<T> = Result<T, Box<Finding>>;

impl About<'_> {
    fn dataset(&self) -> Option<&DesiredDataset> {
        match self.entry.map(|entry| &entry.kind) {
            Some(DesiredKind::Dataset(dataset)) => Some(dataset),
            _ => None,
        }
    }

    /// The entry, with what the rules say; `None` where that is nothing.
    fn stored(&self, rules: &[&Each], desired: &Desired, observed: &Observed) -> Told<Option<DesiredObject>> {
        if rules.iter().all(|rule| rule.storage.is_empty()) {
            return Ok(None);
        }
        let own = self.dataset();
        let definition = own.and_then(|d| d.definition.as_deref());
        let Some(facts) = self.facts(definition) else { return Ok(None) };
        // Only a dataset with axes is cut into chunks.
        let Shape::Simple(_) = &facts.1 else { return Ok(None) };
        let held = self.held(rules, desired, observed);
        let first = self.pass(rules, &held, &facts, own)?;
        let again = self.pass(rules, &held, &(facts.0, facts.1.clone(), first.layout.clone()), own)?;
        let Some(rule) = first.origin else { return Ok(None) };
        if again.layout != first.layout {
            let message = format!("the rules for the storage of {} never come to rest: applying them again changes it again", self.path);
            let finding = Finding::error("unstable", message);
            return Err(Box::new(again.origin.into_iter().fold(finding, |f, rule| f.at(rule.origin, "this rule"))));
        }
        let base = DesiredDataset {
            definition: None,
            named_axes: None,
            owned: Arc::default(),
            fill: None,
            contents: Contents::Initial,
            on_mismatch: OnMismatch::Refuse,
            track_order: None,
        };
        let mut dataset = own.cloned().unwrap_or(base);
        if let (None, Some(definition)) = (self.seen, &mut dataset.definition) {
            *definition = Arc::new(Definition { layout: first.layout, ..Definition::clone(definition) });
        }
        if dataset.on_mismatch == OnMismatch::Refuse {
            dataset.on_mismatch = first.on_mismatch.unwrap_or(OnMismatch::Refuse);
        }
        dataset.owned = Arc::new(first.owned);
        let kind = DesiredKind::Dataset(Box::new(dataset));
        Ok(Some(match self.entry {
            Some(entry) => DesiredObject { kind, ..entry.clone() },
            None => DesiredObject { origin: rule.origin, position: 0, kind, attrs: Arc::from([]), comment: None, name_charset: None },
        }))
    }

    /// Type, extent and layout when the rules' turn comes: what is declared has come true then.
    fn facts<'f>(&'f self, definition: Option<&'f Definition>) -> Option<(&'f Dtype, Shape, Layout)> {
        match (self.seen.and_then(|seen| seen.kind.as_ref()), definition) {
            (Some(SeenKind::Dataset(seen)), Some(d)) => Some((&d.dtype, d.extent_over(&seen.shape), seen.layout.clone())),
            (Some(SeenKind::Dataset(seen)), None) => Some((&seen.dtype, seen.shape.clone(), seen.layout.clone())),
            (None, Some(d)) => Some((&d.dtype, d.shape.clone(), d.layout.clone())),
            _ => None,
        }
    }

    /// Do the rules' conditions on attributes hold, when their turn comes?
    fn held(&self, rules: &[&Each], desired: &Desired, observed: &Observed) -> Vec<bool> {
        let own = self.entry.map_or(&[][..], |entry| &entry.attrs);
        let own = Clause { when: None, attrs: own };
        let mut clauses: Vec<Clause<'_>> = rules.iter().map(|rule| Clause { when: Some(rule), attrs: &rule.attrs }).collect();
        let before = usize::from(self.seen.is_none());
        if before == 1 {
            clauses.insert(0, own);
        }
        clauses.push(own);
        let none = BTreeMap::new();
        let names: Vec<H5Path> = self.names.iter().map(|name| (*name).clone()).collect();
        let held = attrs::held(self.path, &names, self.seen.map_or(&none, |seen| &seen.attrs), &clauses, observed, &desired.scope);
        held.into_iter().skip(before).take(rules.len()).collect()
    }

    fn pass<'r>(
        &self,
        rules: &[&'r Each],
        held: &[bool],
        (dtype, shape, layout): &(&Dtype, Shape, Layout),
        own: Option<&DesiredDataset>,
    ) -> Told<Pass<'r>> {
        let owned = own.map_or_else(Owned::default, |d| Owned::clone(&d.owned));
        let mut pass = Pass { owned, layout: layout.clone(), on_mismatch: None, origin: None, said: Vec::new() };
        for (rule, held) in rules.iter().zip(held) {
            let facts = DatasetFacts { dtype, shape, layout: &pass.layout };
            if *held && !rule.storage.is_empty() && rule.is_for(&Subject::Dataset(facts)) {
                pass.rule(self, rule, (dtype, shape), own)?;
            }
        }
        Ok(pass)
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
}

impl<'r> Pass<'r> {
    fn rule(&mut self, about: &About<'_>, rule: &'r Each, (dtype, shape): (&Dtype, &Shape), own: Option<&DesiredDataset>) -> Told<()> {
        // The entry has the last word.
        let settled = |of: fn(&Owned) -> bool| own.is_some_and(|d| of(&d.owned));
        let layout_is_said =
            settled(|owned| owned.layout.as_ref().is_some_and(|(layout, _)| layout.chunk().is_none() && layout.word() != "chunked"));
        let maxshape = about.maxshape(own, shape);
        if let Some((chunks, at)) = rule.storage.chunks.as_ref().filter(|_| !layout_is_said && !settled(|owned| owned.chunks.is_some())) {
            if chunks.as_ref().is_some_and(|chunks| chunks.len() != shape.rank()) {
                let message =
                    format!("`chunks` has rank {}, {} has rank {}", chunks.as_ref().map_or(0, Vec::len), about.path, shape.rank());
                let help = format!("say which datasets are meant: where = {{ ndim = {} }}", chunks.as_ref().map_or(0, Vec::len));
                return Err(Box::new(Finding::error("chunks", message).at(*at, "").help(help)));
            }
            let chunks = chunks.as_ref().map(|chunks| cut(chunks, &maxshape));
            self.differs(
                about,
                rule,
                |other| matches!((&other.storage.chunks, &rule.storage.chunks), (Some((a, _)), Some((b, _))) if a != b),
            )?;
            self.owned.chunks = Some((chunks, *at));
        }
        if let Some(filters) = rule.storage.filters.as_ref().filter(|_| !layout_is_said && !settled(|owned| owned.filters.is_some())) {
            self.differs(about, rule, |other| matches!(&other.storage.filters, Some((a, _)) if *a != filters.0))?;
            self.owned.filters = Some(filters.clone());
        }
        self.on_mismatch = rule.storage.on_mismatch.or(self.on_mismatch);
        self.origin = Some(rule);
        self.said.push(rule);
        if let Ok(layout) = restored(&self.owned, (&self.layout, dtype), dtype, shape, &maxshape) {
            self.layout = layout;
        }
        Ok(())
    }

    /// Two rules that want different things of one dataset.
    fn differs(&self, about: &About<'_>, rule: &Each, differs: impl Fn(&Each) -> bool) -> Told<()> {
        let Some(other) = self.said.iter().find(|other| differs(other)) else { return Ok(()) };
        let message = format!("two rules want {} to be stored in different ways", about.path);
        let finding = Finding::error("each-clash", message).at(rule.origin, "this one").at(other.origin, "and this one");
        Err(Box::new(finding.help("leave the dataset out of one of them, or say it in an entry of its own, which has the last word")))
    }
}

impl About<'_> {
    fn maxshape(&self, own: Option<&DesiredDataset>, shape: &Shape) -> Vec<Option<u64>> {
        let declared = own.and_then(|d| d.owned.maxshape.as_ref()).map(|(max, _)| max.clone());
        let seen = match self.seen.and_then(|seen| seen.kind.as_ref()) {
            Some(SeenKind::Dataset(seen)) => Some(seen.maxshape.clone()),
            _ => own.and_then(|d| d.definition.as_ref()).map(|d| d.maxshape.clone()),
        };
        declared.or(seen).unwrap_or_else(|| shape.dims().iter().map(|size| Some(*size)).collect())
    }
}
