//! Declared links and committed types, comments, and whether what is referred to is there.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::propose::{Planner, same_object};
use super::step::{Action, Hazard};
use crate::diag::{Finding, Span};
use crate::model::{
    AttrSeen, Definition, DesiredKind, DesiredLink, DesiredObject, DesiredType, Dtype, Elements, FillValue, H5Path, LinkSeen, Literal,
    Rule, SeenKind, Target, bytes_text, encode_elements,
};

impl<'a> Planner<'a> {
    /// The name that a declared hard link leads to, by way of others; any other name is its own. None if they go in a circle.
    fn link_end<'p>(&self, path: &'p H5Path) -> Option<&'p H5Path>
    where
        'a: 'p,
    {
        let (mut end, mut passed) = (path, BTreeSet::new());
        while let Some(DesiredKind::Link(DesiredLink::Hard { target, .. })) = self.desired.objects.get(end).map(|o| &o.kind) {
            if !passed.insert(end) {
                return None;
            }
            end = target;
        }
        Some(end)
    }

    /// A definition whose fill value refers to objects by the names they are made under: other names are linked later.
    pub fn by_first_names(&self, definition: &Arc<Definition>) -> Arc<Definition> {
        let mut definition = Arc::clone(definition);
        if definition.refers()
            && let FillValue::Value(value) = &mut Arc::make_mut(&mut definition).fill_value
        {
            value.rename_targets(&mut |t| match t {
                Target::Path(path) => self.link_end(path).cloned().map(Target::Path),
                Target::Address(_) => None,
            });
        }
        definition
    }

    /// Where a dataset's fill value is declared.
    pub fn fill_value_at(&self, path: &H5Path) -> Option<Span> {
        let DesiredKind::Dataset(dataset) = &self.desired.objects.get(path)?.kind else { return None };
        dataset.owned.fill_value.as_ref().map(|(_, at)| *at)
    }

    /// A link that is declared: soft and external ones here, hard ones when all objects are known.
    pub fn declared_link(&mut self, path: &H5Path, object: &DesiredObject, link: &DesiredLink) {
        let before = self.seen(path).map(|s| s.link.clone());
        let same = match (link, &before) {
            (DesiredLink::Hard { .. }, _) => return,
            (DesiredLink::Soft(target), Some(LinkSeen::Soft(seen))) => target == seen,
            (DesiredLink::External { file, path }, Some(LinkSeen::External { file: f, path: p })) => (file, path) == (f, p),
            (DesiredLink::User { class, data }, Some(LinkSeen::UserDefined { class: c, data: d })) => (class, data) == (c, d),
            (DesiredLink::Soft(_) | DesiredLink::External { .. } | DesiredLink::User { .. }, _) => false,
        };
        if same {
            return self.keep(path, "link", "as declared");
        }
        self.make_link(path, object, link, before);
    }

    /// Hard links, whose targets are known now.
    pub fn late_links(&mut self) {
        let desired = self.desired;
        for (path, object) in &desired.objects {
            let DesiredKind::Link(DesiredLink::Hard { target, at }) = &object.kind else { continue };
            if self.has_conflict(path) {
                continue;
            }
            let Some(target) = self.hard_target(path, target, *at) else { continue };
            let link = DesiredLink::Hard { target: target.clone(), at: *at };
            let before = self.seen(path).map(|s| s.link.clone());
            match (&before, self.seen(&target).map(|s| s.link.clone())) {
                (Some(LinkSeen::Hard(_)), Some(there)) if before.as_ref().is_some_and(|b| same_object(b, &there)) => {
                    self.keep(path, "link", "as declared");
                    continue;
                }
                _ => {}
            }
            self.make_link(path, object, &link, before);
            if let Some((place, order)) = self.positions.get(&target).copied().filter(|p| p.0 >= object.position) {
                self.positions.insert(path.clone(), (place, order + 1));
            }
        }
    }

    fn make_link(&mut self, path: &H5Path, object: &DesiredObject, link: &DesiredLink, before: Option<LinkSeen>) {
        match &before {
            Some(LinkSeen::Hard(_)) => {
                let kind = self.seen(path).and_then(|s| s.kind.clone());
                self.wrong_kind(path, object, "link", kind.as_ref());
                return;
            }
            Some(LinkSeen::Soft(_) | LinkSeen::External { .. } | LinkSeen::UserDefined { .. }) | None => {}
        }
        let reason = if before.is_some() { "the target differs" } else { "missing" };
        self.positions.insert(path.clone(), (object.position, 0));
        let action = Action::CreateLink { link: Box::new(link.clone()), before: before.map(Box::new), name_charset: object.name_charset };
        self.step(path, action, reason, Some(object.origin), Hazard::None);
    }

    /// The object's own name that a hard link leads to, by way of other declared links.
    fn hard_target(&mut self, path: &H5Path, target: &H5Path, at: Span) -> Option<H5Path> {
        let end = self.link_end(target);
        if let Some(end) = end.filter(|end| self.will_exist(end)) {
            return Some(end.clone());
        }
        let message = match end {
            Some(end) => format!("the hard link {path} leads to {end}, which is no object of the file and is not declared"),
            None => format!("the hard link {path} leads to {target}, and from there in a circle of hard links"),
        };
        self.conflict(
            path,
            Finding::error("link-target", message).at(at, "").help("a soft link may lead to what does not exist: soft = \"…\""),
        );
        None
    }

    /// Will there be an object at this path when everything is done?
    fn will_exist(&self, path: &H5Path) -> bool {
        let declared = match self.desired.objects.get(path).map(|o| &o.kind) {
            Some(DesiredKind::Group(_)) => true,
            Some(DesiredKind::Dataset(d)) => d.definition.is_some(),
            Some(DesiredKind::Type(t)) => t.dtype.is_some(),
            // The end of the links is none itself.
            Some(DesiredKind::Link(DesiredLink::Hard { target, .. })) => self.link_end(target).is_some_and(|end| self.will_exist(end)),
            Some(DesiredKind::Link(DesiredLink::Soft(_) | DesiredLink::External { .. } | DesiredLink::User { .. })) | None => false,
        };
        declared
            || path.is_root()
            || self.created.contains_key(path)
            || self.seen(path).is_some_and(|s| matches!(s.link, LinkSeen::Hard(_)))
    }

    /// A declared committed type; true if it is there, or will be.
    pub fn declared_type(&mut self, path: &H5Path, object: &DesiredObject, wanted: &DesiredType) -> bool {
        match (self.seen(path).map(|s| s.kind.as_ref()), &wanted.dtype) {
            (None, Some((dtype, _))) => {
                let attr_order = self.attr_order(path, wanted.track_order.map(|(o, _)| o));
                self.positions.insert(path.clone(), (object.position, 0));
                let action = Action::CreateType { dtype: Box::new(dtype.clone()), attr_order, name_charset: object.name_charset };
                self.step(path, action, "missing", Some(object.origin), Hazard::None);
                true
            }
            (None, None) => {
                let finding = Finding::error("adopt-missing", format!("{path} is to be changed, but the file has no such type"))
                    .at(object.origin, "")
                    .help("to create it, declare `dtype`");
                self.conflict(path, finding);
                false
            }
            (Some(Some(SeenKind::Type(seen))), Some((dtype, at))) if seen.dtype != *dtype => {
                let message = format!("the type {path}: it is declared as {dtype}, the file has {}", seen.dtype);
                let finding = Finding::error("mismatch", message).at(*at, "").note("HDF5 cannot change a committed type");
                self.conflict(path, finding.help("declare what the file has, or commit the new type under another path"));
                false
            }
            (Some(Some(SeenKind::Type(_))), _) => {
                self.keep(path, "type", "as declared");
                true
            }
            (Some(kind), _) => {
                let kind = kind.cloned();
                self.wrong_kind(path, object, "type", kind.as_ref())
            }
        }
    }

    /// Is the committed type of a new object there, or declared?
    pub fn type_exists(&mut self, path: &H5Path, dtype: &Dtype, at: Span) -> bool {
        let Some(Target::Path(of)) = dtype.committed() else { return true };
        let declared = matches!(self.desired.objects.get(of).map(|o| &o.kind), Some(DesiredKind::Type(_)));
        if declared || matches!(self.seen(of).and_then(|s| s.kind.as_ref()), Some(SeenKind::Type(_))) {
            return true;
        }
        let finding = Finding::error("type-missing", format!("the type {of} of {path} is neither declared nor in the file"));
        self.conflict(path, finding.at(at, "").help(format!("declare it: [type.\"{of}\"]")));
        false
    }

    /// The object's comment.
    pub fn comment(&mut self, path: &H5Path, object: &DesiredObject) {
        let Some((after, at)) = &object.comment else { return };
        let before = self.seen(path).and_then(|s| s.comment.clone()).unwrap_or_default();
        if before == *after {
            return self.keep(path, "comment", "as declared");
        }
        let reason = if before.is_empty() { "missing" } else { "the comment differs" };
        let action = Action::SetComment { before, after: after.clone() };
        self.step(path, action, reason, Some(*at), Hazard::None);
    }

    /// Is it what an attribute in the file refers to, and stays? Attributes that keep their value or are copied refer to what nobody declared.
    fn is_named(&self, path: &H5Path) -> bool {
        if self.is_removed(path) {
            return false;
        }
        let mut named = false;
        let mut visit = |target: &Target| named |= matches!(target, Target::Path(p) if p == path);
        for attr in self.observed.objects.values().flat_map(|o| o.attrs.values()) {
            attr.dtype().committed().into_iter().for_each(&mut visit);
            if let AttrSeen::Value(value) = attr.as_ref() {
                value.data.targets(&mut visit);
            }
        }
        named
    }

    /// Everything that values refer to must be there in the end.
    pub fn referents(&mut self) {
        let mut wanted: Vec<(H5Path, H5Path, Option<Span>)> = Vec::new();
        let mut nameless: BTreeMap<H5Path, Option<Span>> = BTreeMap::new();
        for step in &self.steps {
            let origin = match &step.action {
                Action::CreateDataset { .. } => self.fill_value_at(&step.path).or(step.origin),
                _ => step.origin,
            };
            let mut visit = |target: &Target| match target {
                Target::Path(target) => wanted.push((step.path.clone(), target.clone(), origin)),
                // Only a value of the file can have it.
                Target::Address(_) => _ = nameless.insert(step.path.clone(), origin),
            };
            match &step.action {
                Action::SetAttr { after, .. } => {
                    after.data.targets(&mut visit);
                    if let Some(at) = after.dtype.committed() {
                        visit(at);
                    }
                }
                Action::CreateDataset { definition, .. } => definition.referents(&mut visit),
                Action::WriteRegion { dtype, layer, .. } if dtype.has_references() => {
                    for literal in literals(&layer.fill.rule) {
                        if let Ok(elements) = encode_elements([literal], dtype) {
                            Elements::targets(&elements, &mut visit);
                        }
                    }
                }
                _ => {}
            }
        }
        for (path, origin) in nameless {
            let finding = Finding::error("referent", format!("{path} would refer to an object that has no name in the file"));
            let finding = origin.into_iter().fold(finding, |f, at| f.at(at, ""));
            self.conflict(&path, finding.help("give the object a name, or leave the attribute out"));
        }
        wanted.dedup_by(|a, b| a.1 == b.1 && a.0 == b.0);
        for (path, target, origin) in wanted {
            if self.will_exist(&target) || self.is_named(&target) {
                continue;
            }
            let mut finding =
                Finding::error("referent", format!("{path} refers to {target}, which is not in the file and is not declared"));
            if let Some(origin) = origin {
                finding = finding.at(origin, "");
            }
            self.conflict(&path, finding.help("a reference that points to nothing is { null = true }"));
        }
    }
}

/// The literal values of a rule.
pub(crate) fn literals(rule: &Rule) -> Vec<&Literal> {
    match rule {
        Rule::Value(one) => vec![one],
        Rule::Values(list) | Rule::Cycle(list) | Rule::Choice { from: list, .. } => list.iter().collect(),
        _ => Vec::new(),
    }
}

impl std::fmt::Display for DesiredLink {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            DesiredLink::Hard { target, .. } => write!(f, "hard link to {target}"),
            DesiredLink::Soft(target) => write!(f, "soft link to {}", bytes_text(target)),
            DesiredLink::External { file, path } => write!(f, "external link to {} in {}", bytes_text(path), bytes_text(file)),
            DesiredLink::User { class, data } => write!(f, "user-defined link of class {class} with {} bytes", data.len()),
        }
    }
}
