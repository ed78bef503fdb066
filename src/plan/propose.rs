//! Desired × Observed → Proposal, and the way from there to a plan.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::names::Removed;
use super::step::{Action, Aspect, Blocked, Conflict, Dangling, Hazard, Kept, Plan, Step, Summary};
use super::{compare, order, regions};
use crate::diag::{Finding, Span};
use crate::model::{
    Base, Charset, Definition, Desired, DesiredAttr, DesiredKind, DesiredObject, Glob, H5Path, HeaderVersion, Ignored, IgnoredPart, Libver,
    LinkSeen, ObjectId, ObjectSeen, Observed, Orders, Portion, RemovalTarget, ScopePart, SeenKind, Shape, TrackOrder, at_or_below,
    bytes_text,
};

/// How to look at things.
#[derive(Clone, Copy, Debug, Default)]
pub struct Policy {
    /// Regions were not read.
    pub no_data: bool,
    /// Which objects are planned: more than one portion only where there [can be some](Desired::has_portions).
    pub portion: Portion,
}

/// Hazards that somebody allowed.
#[derive(Clone, Debug, Default)]
pub struct Consent {
    /// Loss of precision.
    pub lossy: bool,
    /// Destruction, wherever one of the globs matches.
    pub destructive: Vec<Glob>,
}

/// What would be done, what is kept, and what stands against it.
#[derive(Clone, Debug)]
pub struct Proposal {
    /// In the order of execution.
    pub steps: Vec<Step>,
    /// Considered, no change.
    pub kept: Vec<Kept>,
    /// What no step settles.
    pub conflicts: Vec<Conflict>,
    /// What would point to nothing afterwards: told, and nobody's business but the reader's.
    pub dangling: Vec<Dangling>,
    /// Objects looked at.
    pub considered: usize,
}

/// Compares what is declared with what was seen.
pub fn propose(desired: &Desired, observed: &Observed, policy: &Policy) -> Proposal {
    let mut p = Planner::new(desired, observed);
    p.file();
    p.ignored();
    p.clashes();
    p.moves();
    p.removals();
    for (path, object) in policy.portion.objects(desired) {
        p.object(path, object);
    }
    p.attributes();
    p.adopted_patches();
    p.late_links();
    if policy.portion == Portion::WHOLE {
        regions::plan(desired, observed, policy.no_data, &mut p.steps, &mut p.kept, &mut p.conflicts);
    }
    p.referents();
    p.sources_of_moves();
    p.finish()
}

pub(super) struct Planner<'a> {
    pub desired: &'a Desired,
    pub observed: &'a Observed,
    pub steps: Vec<Step>,
    pub kept: Vec<Kept>,
    pub conflicts: Vec<Conflict>,
    /// Paths that removals take away, topmost only.
    pub removed: BTreeSet<H5Path>,
    /// How many hard links each object loses to removals.
    pub removed_links: BTreeMap<ObjectId, u32>,
    /// The links that those are, whatever path leads to them.
    pub gone: Removed,
    /// Groups that will be created, with their orders.
    pub created: BTreeMap<H5Path, Orders>,
    /// Places of what is created in the order of creation; hard links come after their targets.
    pub positions: BTreeMap<H5Path, (u32, u32)>,
    /// The group whose members can be reached, it being there or planned: that of the object before.
    within: Option<H5Path>,
    /// Declared objects that nothing stands against so far.
    pub sound: Vec<Sound<'a>>,
}

/// A declared object that will be what it is declared as.
pub(super) struct Sound<'a> {
    pub path: &'a H5Path,
    /// What is declared of its attributes.
    pub attrs: &'a Arc<[DesiredAttr]>,
    /// Creation order of them.
    pub order: TrackOrder,
    /// The phase of the step that makes it, if its attributes can be made then.
    pub made: Option<u8>,
    /// What it is made anew as.
    pub rebuilt: Option<Arc<Definition>>,
    /// The extent that it gets.
    pub resized: Option<Shape>,
}

impl<'a> Planner<'a> {
    /// One that knows what removals take away, before anything else is planned.
    pub fn before_all(desired: &'a Desired, observed: &'a Observed) -> Self {
        Self { gone: Removed::of(desired, observed), ..Self::new(desired, observed) }
    }

    /// One that learns what removals take away when it plans them. [`Planner::before_all`] must not plan any: for it, all is gone.
    pub fn new(desired: &'a Desired, observed: &'a Observed) -> Self {
        Self {
            desired,
            observed,
            steps: Vec::new(),
            kept: Vec::new(),
            conflicts: Vec::new(),
            removed: BTreeSet::new(),
            removed_links: BTreeMap::new(),
            gone: Removed::default(),
            created: BTreeMap::new(),
            positions: BTreeMap::new(),
            within: None,
            sound: Vec::new(),
        }
    }

    pub fn step(&mut self, path: &H5Path, action: Action, reason: impl Into<Cow<'static, str>>, origin: Option<Span>, hazard: Hazard) {
        self.steps.push(Step { hazard, ..Step::new(path.clone(), action, reason, origin) });
    }

    pub fn keep(&mut self, path: &H5Path, aspect: &'static str, note: impl Into<Cow<'static, str>>) {
        self.kept.push(Kept { path: path.clone(), aspect: Aspect::Word(aspect), note: note.into() });
    }

    pub fn conflict(&mut self, path: &H5Path, finding: Finding) {
        self.conflicts.push(Conflict { path: path.clone(), finding });
    }

    /// Does something stand against this object already?
    pub fn has_conflict(&self, path: &H5Path) -> bool {
        self.conflicts.iter().any(|c| c.path == *path)
    }

    pub fn is_new_file(&self) -> bool {
        self.observed.base == Base::Missing
    }

    /// What will stand at a path when removals are done.
    pub fn seen(&self, path: &H5Path) -> Option<&'a ObjectSeen> {
        self.gone.seen(self.observed, path)
    }

    /// Does a removal take the path away?
    pub fn is_removed(&self, path: &H5Path) -> bool {
        self.gone.takes(self.observed, path)
    }

    fn file(&mut self) {
        let root = H5Path::root();
        let props = &self.desired.file;
        match &self.observed.base {
            Base::Missing => {
                let order = props.track_order.map_or(Orders::both(TrackOrder::No), |(o, _)| o);
                let own = self.desired.objects.get(&root).and_then(|o| match &o.kind {
                    DesiredKind::Group(g) => g.track_order,
                    DesiredKind::Dataset(_) | DesiredKind::Type(_) | DesiredKind::Link(_) => None,
                });
                self.created.insert(root.clone(), own.map_or(order, |(o, _)| o));
                let mut props = props.clone();
                if let Some(own) = own {
                    props.track_order = Some(own);
                }
                self.step(&root, Action::CreateFile(Box::new(props)), "there is no file yet", None, Hazard::None);
            }
            Base::Existing { userblock, .. } => {
                if let Some((wanted, _)) = props.userblock.filter(|(w, _)| w != userblock) {
                    let note = format!("{wanted} bytes are declared, the file has {userblock}; it is a property of new files");
                    self.keep(&root, "userblock", note);
                }
                let seen = self.observed.objects.get(&root).and_then(|o| o.kind.as_ref());
                if let (Some((wanted, _)), Some(SeenKind::Group(group))) = (props.track_order, seen)
                    && wanted.links != group.link_order
                {
                    self.keep(&root, "track_order", "differs from the declared one; it is a property of new objects");
                }
                if props.libver.is_some() {
                    self.keep(&root, "libver", "a property of new files; on this one the low bound follows its superblock");
                }
            }
        }
    }

    fn ignored(&mut self) {
        for Ignored { path, what } in &self.desired.ignored {
            let aspect = match what {
                IgnoredPart::Object(word) => Aspect::Word(word),
                IgnoredPart::Attr(name) => Aspect::Attr(name.clone()),
            };
            self.kept.push(Kept { path: path.clone(), aspect, note: "ignored".into() });
        }
    }

    fn clashes(&mut self) {
        for (path, finding) in &self.desired.clashes {
            self.conflict(path, finding.clone());
        }
    }

    pub fn removals(&mut self) {
        let mut wanted: Vec<(H5Path, Span)> = Vec::new();
        for (number, removal) in self.desired.removals.iter().enumerate() {
            match &removal.target {
                RemovalTarget::Path(path) if self.observed.objects.contains_key(path) => wanted.push((path.clone(), removal.origin)),
                RemovalTarget::Path(path) => match self.unreachable(path, removal.origin) {
                    Some(finding) => self.conflict(path, finding),
                    None => self.keep(path, "object", "absent already"),
                },
                RemovalTarget::Match(globs) => {
                    let matches = self.observed.matches.get(number).cloned().unwrap_or_default();
                    if matches.is_empty() {
                        self.keep(&H5Path::root(), "object", format!("nothing matches {}", globs.join(", ")));
                    }
                    for path in matches {
                        match self.desired.scope.part(&path) {
                            ScopePart::Planned => wanted.push((path, removal.origin)),
                            ScopePart::Ignored => self.keep(&path, "object", "ignored"),
                            ScopePart::Out => {}
                        }
                    }
                }
            }
        }
        // Parents first: what is beneath them goes with them. One link is removed once, whatever its path.
        wanted.sort_by(|a, b| a.0.cmp(&b.0));
        // Also what is declared below of it.
        let mut declared: BTreeMap<H5Path, &H5Path> = BTreeMap::new();
        if !wanted.is_empty() && self.observed.has_aliases() {
            for path in self.desired.objects.keys().chain(self.desired.patches.iter().map(|p| &p.path)) {
                let above = path.ancestors().into_iter().chain([path.clone()]).filter(|p| !p.is_root());
                declared.extend(above.map(|p| (self.observed.link_of(&p), path)));
            }
        }
        let mut links = BTreeSet::new();
        for (path, origin) in wanted {
            let link = self.observed.link_of(&path);
            if let Some(object) = declared.get(&link).filter(|p| !at_or_below(p, &path)) {
                let same = if self.observed.link_of(object) == link { "is the same link" } else { "is below of the same link" };
                let finding = Finding::error("two-names", format!("{path} is removed, and {object} {same} by another name"));
                self.conflict(&path, finding.at(origin, "").help("declare or remove, not both"));
            } else if links.insert(link) {
                self.remove(&path, origin);
            }
        }
        for (path, why) in &self.observed.unsearched {
            self.keep(path, "object", format!("could not be searched: {why}"));
        }
    }

    fn remove(&mut self, path: &H5Path, origin: Span) {
        if self.seen(path).is_none() {
            return;
        }
        if let Some(finding) = self.unreachable(path, origin) {
            return self.conflict(path, finding);
        }
        let Some(seen) = self.observed.objects.get(path) else { return };
        let what = match &seen.link {
            LinkSeen::Hard(_) => seen.kind.as_ref().map_or("object", SeenKind::word),
            LinkSeen::Soft(_) => "soft link",
            LinkSeen::External { .. } => "external link",
            LinkSeen::UserDefined { .. } => "user-defined link",
        };
        let gone = match &seen.link {
            LinkSeen::Hard(id) => {
                let gone = self.removed_links.entry(*id).or_default();
                *gone += 1;
                *gone
            }
            LinkSeen::Soft(_) | LinkSeen::External { .. } | LinkSeen::UserDefined { .. } => 1,
        };
        let more = seen.links.saturating_sub(gone);
        let reason = if more > 0 {
            format!("removed by the manifest; the object has {more} other name(s) and stays")
        } else {
            "removed by the manifest".into()
        };
        self.removed.insert(path.clone());
        self.gone.insert(self.observed, path);
        let dead = if more > 0 { 0 } else { seen.storage.unwrap_or(0) };
        self.step(path, Action::Remove { what }, reason, Some(origin), Hazard::Destructive);
        if let Some(step) = self.steps.last_mut() {
            step.dead = dead;
        }
    }

    /// Why an existing parent cannot be gone through, if so.
    fn unreachable(&self, path: &H5Path, origin: Span) -> Option<Finding> {
        for parent in path.ancestors() {
            let Some(seen) = self.seen(&parent) else { continue };
            if let Some(finding) = through_link(&parent, seen, path, origin) {
                return Some(finding);
            }
            if let Some(kind) = seen.kind.as_ref().filter(|k| !matches!(k, SeenKind::Group(_))) {
                let message = format!("{path} cannot be inside of {parent}, which is a {} in the file", kind.word());
                return Some(Finding::error("parent", message).at(origin, "").help("declare another path, or remove what stands there"));
            }
        }
        None
    }

    /// Plans missing parents. False if the path cannot be reached.
    pub fn parents(&mut self, path: &H5Path, origin: Span, position: u32) -> bool {
        let group = path.parent();
        if group.is_some() && self.within == group {
            return true;
        }
        if let Some(finding) = self.unreachable(path, origin) {
            self.conflict(path, finding);
            return false;
        }
        self.within = group;
        for parent in path.ancestors() {
            if self.seen(&parent).is_none() && !self.created.contains_key(&parent) && !self.desired.objects.contains_key(&parent) {
                self.group(&parent, format!("parent of {path}"), origin, position, None, None);
            }
        }
        true
    }

    fn group(&mut self, path: &H5Path, reason: String, origin: Span, position: u32, own: Option<Orders>, name_charset: Option<Charset>) {
        let declared = own.or(self.desired.file.track_order.map(|(o, _)| o));
        let orders = declared.unwrap_or_else(|| self.inherited(path));
        self.created.insert(path.clone(), orders);
        self.positions.insert(path.clone(), (position, 0));
        let action = Action::CreateGroup { link_order: orders.links, attr_order: orders.attrs, name_charset };
        self.step(path, action, reason, Some(origin), Hazard::None);
    }

    /// Creation orders of the nearest parent, which new objects in an existing file take over.
    pub fn inherited(&self, path: &H5Path) -> Orders {
        for parent in path.ancestors().iter().rev() {
            if let Some(orders) = self.created.get(parent) {
                return *orders;
            }
            if let Some(ObjectSeen { kind: Some(SeenKind::Group(group)), attr_order, .. }) = self.seen(parent) {
                return Orders { links: group.link_order, attrs: *attr_order };
            }
        }
        Orders { links: TrackOrder::No, attrs: TrackOrder::No }
    }

    fn object(&mut self, path: &'a H5Path, object: &'a DesiredObject) {
        if !self.parents(path, object.origin, object.position) {
            return;
        }
        let seen = self.seen(path);
        if let DesiredKind::Link(link) = &object.kind {
            return self.declared_link(path, object, link);
        }
        if let Some(finding) = seen.and_then(|s| through_link(path, s, path, object.origin)) {
            return self.conflict(path, finding);
        }
        let first = self.steps.len();
        let sound = match &object.kind {
            DesiredKind::Group(group) => self.declared_group(path, object, group.track_order.map(|(o, _)| o)),
            DesiredKind::Dataset(_) => self.declared_dataset(path, object),
            DesiredKind::Type(wanted) => self.declared_type(path, object, wanted),
            DesiredKind::Link(_) => false,
        };
        if !sound {
            return;
        }
        let order = match (&seen, self.created.get(path), &object.kind) {
            (Some(seen), _, _) => seen.attr_order,
            (None, Some(orders), _) => orders.attrs,
            (None, None, DesiredKind::Dataset(d)) => self.attr_order(path, d.track_order.map(|(o, _)| o)),
            (None, None, DesiredKind::Type(t)) => self.attr_order(path, t.track_order.map(|(o, _)| o)),
            (None, None, DesiredKind::Group(_) | DesiredKind::Link(_)) => TrackOrder::No,
        };
        let (mut rebuilt, mut resized) = (None, None);
        for step in &self.steps[first..] {
            match &step.action {
                Action::Rebuild { definition, .. } => rebuilt = Some(Arc::clone(definition)),
                Action::Grow { after, .. } | Action::Shrink { after, .. } => resized = Some(Shape::Simple(after.clone())),
                _ => {}
            }
        }
        let made = order::made(&self.steps[first..]);
        self.sound.push(Sound { path, attrs: &object.attrs, order, made, rebuilt, resized });
        self.comment(path, object);
    }

    /// New objects get an old header where the low library bound is `earliest`.
    pub fn new_header(&self) -> HeaderVersion {
        let low = self.desired.file.libver.map(|((low, _), _)| low);
        match &self.observed.base {
            Base::Existing { superblock, .. } if *superblock < 2 => HeaderVersion::V1,
            Base::Missing if low == Some(Libver::Earliest) => HeaderVersion::V1,
            Base::Existing { .. } | Base::Missing => HeaderVersion::V2,
        }
    }

    fn declared_group(&mut self, path: &H5Path, object: &DesiredObject, own: Option<Orders>) -> bool {
        match self.seen(path).map(|s| s.kind.as_ref()) {
            None if path.is_root() => true,
            None => {
                self.group(path, "missing".into(), object.origin, object.position, own, object.name_charset);
                true
            }
            Some(Some(SeenKind::Group(group))) => {
                let note = if own.is_some_and(|o| o.links != group.link_order) {
                    "exists; its creation order cannot be changed"
                } else {
                    "exists"
                };
                self.keep(path, "group", note);
                true
            }
            Some(kind) => self.wrong_kind(path, object, "group", kind),
        }
    }

    pub fn wrong_kind(&mut self, path: &H5Path, object: &DesiredObject, wanted: &str, kind: Option<&SeenKind>) -> bool {
        let is = kind.map_or("link", SeenKind::word);
        let finding = Finding::error("kind", format!("{path} is declared as a {wanted}, the file has a {is} there"))
            .at(object.origin, "")
            .help(format!("declare it as a {is}, use another path, or remove it first with [[remove]] in a manifest of its own"));
        self.conflict(path, finding);
        false
    }

    pub fn attr_order(&self, path: &H5Path, own: Option<Orders>) -> TrackOrder {
        let file = self.desired.file.track_order.map(|(o, _)| o);
        own.or(file).unwrap_or_else(|| self.inherited(path)).attrs
    }

    fn declared_dataset(&mut self, path: &H5Path, object: &DesiredObject) -> bool {
        let DesiredKind::Dataset(dataset) = &object.kind else { return false };
        match (self.seen(path).map(|s| s.kind.as_ref()), &dataset.definition) {
            (None, Some(definition)) => {
                let attr_order = self.attr_order(path, dataset.track_order.map(|(o, _)| o));
                self.positions.insert(path.clone(), (object.position, 0));
                if !self.type_exists(path, &definition.dtype, definition.dtype_at) {
                    return false;
                }
                let name_charset = object.name_charset;
                let definition = self.by_first_names(definition);
                let action = Action::CreateDataset { definition, attr_order, name_charset };
                self.step(path, action, "missing", Some(object.origin), Hazard::None);
                true
            }
            (None, None) => {
                self.missing(path, object.origin);
                false
            }
            (Some(Some(SeenKind::Dataset(seen))), _) => {
                let result = compare::compare(path, dataset, seen, object.origin, self.observed);
                let sound = result.conflicts.is_empty();
                self.steps.extend(result.steps);
                self.kept.extend(result.kept);
                self.conflicts.extend(result.conflicts);
                match result.rebuild {
                    Some(rebuild) => self.rebuild(path, object.origin, seen, rebuild),
                    None => sound,
                }
            }
            (Some(kind), _) => self.wrong_kind(path, object, "dataset", kind),
        }
    }

    /// The path beside a missing one that is nearest to it by name.
    fn near(&self, path: &H5Path) -> Option<&'a H5Path> {
        let (group, beside) = self.observed.siblings.iter().rfind(|(group, _)| group.is_above(path))?;
        let missing = bytes_text(path.names().nth(group.names().count())?);
        let names: Vec<String> = beside.iter().map(|p| bytes_text(p.name())).collect();
        let near = crate::diag::nearest(&missing, names.iter().map(String::as_str))?;
        beside.iter().zip(&names).find(|(_, name)| *name == near).map(|(path, _)| path)
    }

    fn missing(&mut self, path: &H5Path, origin: Span) {
        let what = if self.is_new_file() { "a new file has no such dataset" } else { "the file has no such dataset" };
        let near = self.near(path).map(|near| format!("did you mean `{near}`?"));
        let finding = Finding::error("adopt-missing", format!("{path} is to be changed, but {what}"))
            .at(origin, "without `dtype` and `shape` this changes a dataset that must exist")
            .help_if(near)
            .help("to create it, declare `dtype` and `shape`; for files that may lack it, say it as a rule: [[each]] with its path as `match`");
        self.conflict(path, finding);
    }

    /// Patches of datasets without an entry of their own.
    fn adopted_patches(&mut self) {
        let mut done = BTreeSet::new();
        for patch in &self.desired.patches {
            let path = &patch.path;
            if self.desired.objects.contains_key(path) || !done.insert(path) {
                continue;
            }
            if let Some(finding) = self.unreachable(path, patch.path_at) {
                self.conflict(path, finding);
                continue;
            }
            match self.seen(path) {
                None => self.missing(path, patch.path_at),
                Some(seen) => {
                    if let Some(finding) = through_link(path, seen, path, patch.path_at) {
                        self.conflict(path, finding);
                    } else if let Some(kind) = seen.kind.as_ref().filter(|k| !matches!(k, SeenKind::Dataset(_))) {
                        let finding = Finding::error("kind", format!("{path} is a {} in the file; only datasets are patched", kind.word()))
                            .at(patch.path_at, "");
                        self.conflict(path, finding);
                    }
                }
            }
        }
    }

    /// Sorts the steps into the order of execution.
    fn finish(mut self) -> Proposal {
        self.groups_for_moves();
        let dangling = self.dangling();
        let tracked = |o: &Arc<ObjectSeen>| matches!(&o.kind, Some(SeenKind::Group(g)) if g.link_order != TrackOrder::No);
        let ordered = self.created.values().any(|o| o.links != TrackOrder::No) || self.observed.objects.values().any(tracked);
        match ordered {
            false => self.steps.sort_by(|a, b| a.phase.cmp(&b.phase).then_with(|| a.path.cmp(&b.path))),
            true => self.sort_as_kept(),
        }
        self.needed_first();
        let mut looked_at: BTreeSet<&H5Path> = self.observed.objects.keys().chain(self.desired.objects.keys()).collect();
        looked_at.extend(self.steps.iter().map(|s| &s.path));
        let considered = looked_at.len();
        self.kept.sort_by(|a, b| a.path.cmp(&b.path));
        self.conflicts.sort_by_key(|c| c.finding.labels.first().map(|l| l.span));
        Proposal { steps: self.steps, kept: self.kept, conflicts: self.conflicts, dangling, considered }
    }
}

impl Planner<'_> {
    /// Sorts the steps where creation order is kept: group by group, in the manifest's order where the group keeps it and by
    /// name where it does not, so that manifests which differ only in what no file tells build the same file.
    fn sort_as_kept(&mut self) {
        // A group comes before everything in it: it takes the first place of its members.
        let places: Vec<(H5Path, (u32, u32))> = self.positions.iter().map(|(p, n)| (p.clone(), *n)).collect();
        for (path, place) in places {
            for group in path.ancestors() {
                if let Some(own) = self.positions.get_mut(&group) {
                    *own = place.min(*own);
                }
            }
        }
        let steps = std::mem::take(&mut self.steps);
        let kept = |group: &H5Path| match (self.created.get(group), self.seen(group).and_then(|s| s.kind.as_ref())) {
            (Some(orders), _) => orders.links != TrackOrder::No,
            (None, Some(SeenKind::Group(group))) => group.link_order != TrackOrder::No,
            (None, _) => false,
        };
        let place = |path: &H5Path| {
            let known = path.parent().is_some_and(|group| kept(&group));
            let position = if known { self.positions.get(path).copied().unwrap_or_default() } else { (0, 0) };
            (position, path.name().to_vec())
        };
        // Whatever makes a link, and what goes with it, is one phase here.
        let phase = |phase: u8| if (3..=7).contains(&phase) { 4 } else { phase };
        let key = |s: &Step| (phase(s.phase), s.path.ancestors().iter().skip(1).chain([&s.path]).map(place).collect::<Vec<_>>());
        let mut keyed: Vec<_> = steps.into_iter().map(|s| (key(&s), s)).collect();
        keyed.sort_by(|a, b| a.0.cmp(&b.0));
        self.steps = keyed.into_iter().map(|(_, step)| step).collect();
    }

    /// Moves what needs another new object behind that object.
    fn needed_first(&mut self) {
        let sorted = order::needed_first(std::mem::take(&mut self.steps));
        self.steps = sorted.steps;
        for path in sorted.circles {
            let message = format!("the fill value of {path} refers to what can only be made after {path} itself");
            let finding = Finding::error("fill-value-circle", message);
            let finding = match self.fill_value_at(&path) {
                Some(at) => finding.at(at, ""),
                None => finding,
            };
            let finding = finding.note("HDF5 refers to objects that are there; a dataset gets its fill value when it is made");
            self.conflict(&path, finding);
        }
    }
}

pub(super) fn same_object(a: &LinkSeen, b: &LinkSeen) -> bool {
    matches!((a, b), (LinkSeen::Hard(a), LinkSeen::Hard(b)) if a == b)
}

/// A link that is not hard is never gone through or written through.
pub(super) fn through_link(at: &H5Path, seen: &ObjectSeen, path: &H5Path, origin: Span) -> Option<Finding> {
    let (what, target, help) = match &seen.link {
        LinkSeen::Hard(_) => return None,
        LinkSeen::Soft(target) => {
            let text = bytes_text(target);
            ("a soft link", text.clone(), format!("declare the object it points to ({text})"))
        }
        LinkSeen::External { file, path } => (
            "an external link",
            format!("{} in {}", bytes_text(path), bytes_text(file)),
            "change the other file with a manifest of its own".into(),
        ),
        LinkSeen::UserDefined { class, .. } => ("a user-defined link", format!("class {class}"), "remove it, or use another path".into()),
    };
    let finding = Finding::error("through-link", format!("{at} is {what} (to {target}); h5mason does not change anything through links"));
    let finding = finding.at(origin, "").help(help);
    Some(if at == path { finding } else { finding.note(format!("{path} is beneath it")) })
}

impl Proposal {
    /// Counts.
    pub fn summary(&self) -> Summary {
        let changing: BTreeSet<&H5Path> =
            self.steps.iter().filter(|s| !matches!(s.action, Action::CreateFile(_))).map(|s| &s.path).collect();
        Summary {
            considered: self.considered,
            changing: changing.len(),
            bytes: self.steps.iter().fold(0, |n, s| s.bytes.saturating_add(n)),
            dead: self.steps.iter().map(|s| s.dead).sum(),
        }
    }

    /// Is the file as declared?
    pub fn is_empty(&self) -> bool {
        self.steps.is_empty() && self.conflicts.is_empty()
    }

    /// The only way to a plan: no conflicts, and every hazard allowed. The plan's steps are the proposal's, of which nothing can be
    /// changed from then on.
    pub fn into_plan(proposal: &Arc<Self>, consent: &Consent) -> Result<Plan, Blocked> {
        if !proposal.conflicts.is_empty() {
            return Err(Blocked::Conflicts(proposal.conflicts.len()));
        }
        let missing = proposal.steps.iter().map(|s| consent.missing(s)).enumerate();
        let refused: Vec<(usize, Hazard)> = missing.filter(|(_, hazard)| *hazard != Hazard::None).collect();
        if !refused.is_empty() {
            return Err(Blocked::Consent(refused));
        }
        Ok(Plan::new(Arc::clone(proposal)))
    }
}

impl Consent {
    /// What nobody has allowed of a step's hazard.
    fn missing(&self, step: &Step) -> Hazard {
        let destructive = || self.destructive.iter().any(|g| g.matches(&step.path));
        Hazard::of(step.hazard.is_lossy() && !self.lossy, step.hazard.is_destructive() && !destructive())
    }
}
