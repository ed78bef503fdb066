//! Moves, and what points to what they and removals take away.

use std::collections::{BTreeMap, BTreeSet};

use super::propose::Planner;
use super::step::{Action, Dangling, Hazard, MOVES, Step};
use crate::diag::{Finding, Span};
use crate::model::{
    AttrSeen, DesiredKind, DesiredLink, Dtype, H5Path, LinkSeen, Move, MoveState, ObjectSeen, SCALE_ATTRS, Target, bytes_text, leads_to,
};

/// netCDF's copy of a variable's fill value, which must have the variable's type.
const FILL_ATTR: &[u8] = b"_FillValue";

impl Planner<'_> {
    /// Plans the moves; the groups that they move into come with them.
    pub fn moves(&mut self) {
        for (number, one) in self.desired.moves.iter().enumerate() {
            let state = self.observed.moved.ends.get(number).map_or(MoveState::Neither, |ends| ends.state());
            match state {
                MoveState::Pending { what } => self.pending(one, what, number),
                MoveState::Done => self.keep(&one.to, "move", format!("moved from {} already", one.from)),
                MoveState::Neither if one.optional => self.keep(&one.to, "move", format!("neither this nor {} is there", one.from)),
                MoveState::Both if self.leads_on(one) => self.keep(&one.to, "move", format!("moved from {} already", one.from)),
                MoveState::Neither | MoveState::Both | MoveState::IntoItself | MoveState::Blocked { .. } => {
                    let finding = refused(one, &state);
                    self.conflict(&one.to, finding);
                }
            }
        }
    }

    fn pending(&mut self, one: &Move, what: &'static str, number: usize) {
        if !self.parents(&one.to, one.origin, 0) {
            return;
        }
        self.positions.insert(one.to.clone(), (u32::try_from(number).unwrap_or(u32::MAX), 0));
        let action = Action::Move { from: one.from.clone(), what };
        self.step(&one.to, action, "moved by the manifest", Some(one.origin), Hazard::None);
    }

    /// Does the link that is declared where this was moved away from stand there already?
    fn leads_on(&self, one: &Move) -> bool {
        let declared = self.desired.objects.get(&one.from).map(|o| &o.kind);
        matches!(
            (declared, self.observed.objects.get(&one.from).map(|o| &o.link)),
            (Some(DesiredKind::Link(DesiredLink::Soft(_))), Some(LinkSeen::Soft(_)))
                | (Some(DesiredKind::Link(DesiredLink::External { .. })), Some(LinkSeen::External { .. }))
                | (Some(DesiredKind::Link(DesiredLink::User { .. })), Some(LinkSeen::UserDefined { .. }))
        )
    }

    /// Groups that something is moved into are made before it is moved.
    pub fn groups_for_moves(&mut self) {
        let moves = self.steps.iter().filter(|s| matches!(s.action, Action::Move { .. }));
        let groups: BTreeSet<H5Path> = moves.flat_map(|s| s.path.ancestors()).collect();
        if groups.is_empty() {
            return;
        }
        for step in self.steps.iter_mut().filter(|s| matches!(s.action, Action::CreateGroup { .. }) && groups.contains(&s.path)) {
            step.phase = MOVES;
        }
    }

    /// Virtual datasets that would lose a source of this file to a move: their contents would change, which nothing declares.
    pub fn sources_of_moves(&mut self) {
        for seen in &self.observed.moved.sources {
            let Some(one) = self.desired.moves.iter().find(|m| m.from == seen.gone) else { continue };
            if self.is_removed(&seen.dataset) || self.desired.objects.contains_key(&one.from) {
                continue;
            }
            let Move { from, to, .. } = one;
            let (dataset, source) = (&seen.dataset, bytes_text(&seen.source));
            let message = format!("{from} cannot be moved to {to}: {dataset} is a virtual dataset of {source}, which would not be there");
            let finding = Finding::error("move-source", message)
                .at(one.origin, "")
                .note(format!("{dataset} would lose those elements, and nothing declares that"))
                .help(format!("leave a soft link in its place: [link.\"{from}\"] with soft = \"{to}\""))
                .help(format!("or remove {dataset} with [[remove]] in this manifest, and declare it with its new source in one that is applied afterwards"));
            self.conflict(to, finding);
        }
    }

    /// What would point to nothing when the steps are done, as far as that is looked for: soft links by their names, virtual datasets, dimension
    /// scales and the datasets that they are attached to.
    pub fn dangling(&self) -> Vec<Dangling> {
        let mut away: BTreeSet<&H5Path> = self.removed.iter().collect();
        away.extend(self.steps.iter().filter_map(|s| if let Action::Move { from, .. } = &s.action { Some(from) } else { None }));
        let mut out = Vec::new();
        for (link, target) in &self.observed.moved.pointing {
            // What is declared is what somebody wants, and what goes points to nothing.
            if self.desired.objects.contains_key(link) || self.is_removed(link) {
                continue;
            }
            let Some(to) = leads_to(link, target) else { continue };
            let above = to.ancestors();
            let gone = above.iter().chain([&to]).find_map(|p| away.get(p)).filter(|top| !self.desired.objects.contains_key(**top));
            out.extend(gone.map(|gone| Dangling::Soft { link: link.clone(), target: target.clone(), gone: (*gone).clone() }));
        }
        for step in &self.steps {
            let Action::Move { from, .. } = &step.action else { continue };
            let Some(LinkSeen::Soft(target)) = self.observed.objects.get(&step.path).map(|o| &o.link) else { continue };
            if !target.starts_with(b"/") && from.parent() != step.path.parent() && !self.desired.objects.contains_key(&step.path) {
                out.push(Dangling::Relative { link: step.path.clone(), target: target.clone() });
            }
        }
        if self.observed.moved.more_pointing {
            out.push(Dangling::More);
        }
        for seen in &self.observed.moved.sources {
            if self.removed.contains(&seen.gone) && !self.is_removed(&seen.dataset) {
                let (dataset, source, gone) = (seen.dataset.clone(), seen.source.clone(), seen.gone.clone());
                out.push(Dangling::Source { dataset, source, gone });
            }
        }
        for path in &self.removed {
            // An object with other names stays.
            let gone = |o: &ObjectSeen| matches!(o.link, LinkSeen::Hard(id) if self.removed_links.get(&id).is_some_and(|n| *n >= o.links));
            let Some(seen) = self.observed.objects.get(path).filter(|o| gone(o)) else { continue };
            for name in SCALE_ATTRS {
                let by = self.attached(seen, name);
                if !by.is_empty() {
                    out.push(Dangling::Scale { removed: path.clone(), attribute: name, by });
                }
            }
        }
        out.extend(self.unlike_fills());
        out
    }

    /// Attributes `_FillValue` that do not follow their datasets into another dtype.
    fn unlike_fills(&self) -> Vec<Dangling> {
        // The dtype that such an attribute will have, if it will be there.
        let mut attrs: BTreeMap<H5Path, Option<&Dtype>> = BTreeMap::new();
        for step in &self.steps {
            let dtype = match &step.action {
                Action::SetAttr { name, after, .. } if name == FILL_ATTR => Some(&after.dtype),
                Action::RemoveAttr { name, .. } | Action::RenameAttr { from: name, .. } if name == FILL_ATTR => None,
                _ => continue,
            };
            attrs.insert(self.observed.canonical(&step.path), dtype);
        }
        let unlike = |step: &Step| {
            let Action::Rebuild { before, definition, .. } = &step.action else { return None };
            let attr = self.observed.rebuilds.get(&step.path)?.fill_attr.as_ref()?;
            let follows = |dtype: &Option<&Dtype>| dtype.is_none_or(|dtype| dtype.is_in_any_order(&definition.dtype));
            if before.dtype.is_in_any_order(&definition.dtype) || attrs.get(&self.observed.canonical(&step.path)).is_some_and(follows) {
                return None;
            }
            Some(Dangling::FillValue {
                dataset: step.path.clone(),
                attr: Box::new(attr.clone()),
                dtype: Box::new(definition.dtype.clone()),
            })
        };
        self.steps.iter().filter_map(unlike).collect()
    }

    /// Objects that stay and that an attribute of something removed refers to: those refer back to it.
    fn attached(&self, seen: &ObjectSeen, name: &[u8]) -> Vec<H5Path> {
        let Some(AttrSeen::Value(value)) = seen.attrs.get(name).map(AsRef::as_ref) else { return Vec::new() };
        let mut out = BTreeSet::new();
        value.data.targets(&mut |target| out.extend(if let Target::Path(path) = target { Some(path.clone()) } else { None }));
        out.into_iter().filter(|path| !self.is_removed(path)).collect()
    }
}

fn article(what: &str) -> &'static str {
    if what.starts_with(['e', 'o']) { "an" } else { "a" }
}

fn refused(one: &Move, state: &MoveState) -> Finding {
    let Move { origin, from, to, .. } = one;
    let at = |span: &Span, finding: Finding| finding.at(*span, "");
    match state {
        MoveState::Both => at(origin, Finding::error("move-both", format!("{from} cannot be moved to {to}: both are there")))
            .help(format!("remove one of them first, with [[remove]] in a manifest of its own: {to} if {from} shall take its place")),
        MoveState::Neither => at(origin, Finding::error("move-neither", format!("{from} cannot be moved to {to}: neither is there")))
            .help("write the path that it has in the file, or `optional = true` if it need not be there"),
        MoveState::IntoItself => at(origin, Finding::error("move", format!("{from} cannot be moved to {to}: that is inside of itself")))
            .note("a group on the way to the new path is another name of it"),
        MoveState::Blocked { at: ended, what } => {
            at(origin, Finding::error("through-link", format!("{from} cannot be moved to {to}: {ended} is {} {what}", article(what))))
                .note("h5mason does not change anything through links, and only groups have members")
                .help("write the path without links, through groups alone")
        }
        // They are no conflicts.
        MoveState::Pending { .. } | MoveState::Done => at(origin, Finding::error("move", format!("{from} is not moved to {to}"))),
    }
}
