//! Attribute rules: what an object's attributes become.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::each;
use super::step::{Action, Aspect, AttrWrite, Conflict, Kept, Step};
use crate::diag::{Finding, Span};
use crate::model::{
    AttrRule, AttrSeen, AttrSpec, AttrValue, DesiredAttr, Each, Elements, H5Path, HeaderVersion, Observed, Scope, Shape, TrackOrder,
    bytes_text,
};

/// What there is to know of an object for its attributes.
pub(super) struct Target<'a> {
    pub path: &'a H5Path,
    /// Attributes that were asked for and exist; none for a new object.
    pub seen: &'a BTreeMap<Vec<u8>, Box<AttrSeen>>,
    /// Creation order of its attributes.
    pub order: TrackOrder,
    pub header: HeaderVersion,
    /// For the names of objects that values refer to.
    pub observed: &'a Observed,
    /// What rules for whatever matches may leave undone.
    pub scope: &'a Scope,
}

/// A header of version 1 holds attributes in messages of at most this size, less the message's own head.
const MOST_V1_BYTES: u64 = 65_000;

/// An attribute while the rules are applied in memory.
#[derive(Clone)]
struct Attr<'a> {
    /// Its name in the file, if it is one that the file has.
    from: Option<&'a [u8]>,
    value: Cow<'a, AttrSeen>,
}

type State<'a> = BTreeMap<&'a [u8], Attr<'a>>;

/// Rules for attributes that are said together.
#[derive(Clone, Copy)]
pub(super) struct Clause<'a> {
    /// The rule for whatever matches that says so, if its conditions hold; `None` is the object's own entry.
    pub when: Option<&'a Each>,
    pub attrs: &'a [DesiredAttr],
}

impl Clause<'_> {
    fn holds(&self, state: &State<'_>) -> bool {
        self.when.is_none_or(|rule| rule.holds(|name| state.get(name).map(|attr| attr.value.as_ref())))
    }
}

/// Applies the clauses in order, each on the result of the one before, those only whose conditions hold then. `each` gets what was applied, and
/// what came of it.
fn apply_all<'a>(
    state: &mut State<'a>,
    clauses: &[Clause<'a>],
    target: &Target<'a>,
    mut each: impl FnMut(&State<'a>, &'a DesiredAttr, bool, Result<(), Finding>),
) {
    for clause in clauses {
        if !clause.holds(state) {
            continue;
        }
        for attr in clause.attrs.iter().filter(|attr| !target.scope.ignores(target.path, attr)) {
            let result = apply(state, attr, target);
            each(state, attr, clause.when.is_none(), result);
        }
    }
}

/// Steps, kept attributes and conflicts of one object.
pub(super) fn plan(
    target: &Target<'_>,
    clauses: &[Clause<'_>],
    steps: &mut Vec<Step>,
    kept: &mut Vec<Kept>,
    conflicts: &mut Vec<Conflict>,
) {
    let mut state: State<'_> = target.seen.iter().map(|(n, v)| (n.as_slice(), Attr { from: Some(n), value: Cow::Borrowed(v) })).collect();
    let all = clauses.iter().flat_map(|clause| clause.attrs);
    let ignored: BTreeSet<&[u8]> = all.filter(|attr| target.scope.ignores(target.path, attr)).map(|attr| attr.name.as_slice()).collect();
    kept.extend(ignored.into_iter().map(|name| Kept {
        path: target.path.clone(),
        aspect: Aspect::Attr(name.to_vec()),
        note: "ignored".into(),
    }));
    let mut sound = true;
    let mut said: Vec<(&DesiredAttr, bool)> = Vec::new();
    apply_all(&mut state, clauses, target, |_, attr, own, result| {
        said.push((attr, own));
        if let Err(finding) = result {
            sound = false;
            conflicts.push(Conflict { path: target.path.clone(), finding });
        }
    });
    if let Some(finding) = each::clash(target.path, &said) {
        conflicts.push(Conflict { path: target.path.clone(), finding });
        return;
    }
    if !sound {
        return;
    }
    let attrs: Vec<&DesiredAttr> = said.into_iter().map(|(attr, _)| attr).collect();
    if let Some(conflict) = unstable(&state, clauses, &attrs, target) {
        conflicts.push(conflict);
        return;
    }
    if is_seen(&state, target) {
        kept.extend(once(&attrs).map(|attr| unchanged(attr, &state, target)));
        return;
    }
    let changes = Changes { target, attrs: &attrs, rules: Rules::of(&attrs), state: &state }.steps(conflicts);
    let touched: BTreeSet<&[u8]> = changes.iter().flat_map(|s| names_of(&s.action)).collect();
    for attr in once(&attrs) {
        if !touched.contains(attr.name.as_slice()) {
            kept.push(unchanged(attr, &state, target));
        }
    }
    steps.extend(changes);
}

/// The last rule of each name, in order: several may speak of one.
fn once<'a>(attrs: &[&'a DesiredAttr]) -> impl Iterator<Item = &'a DesiredAttr> {
    let last: BTreeMap<&[u8], usize> = attrs.iter().enumerate().map(|(at, attr)| (attr.name.as_slice(), at)).collect();
    let last: BTreeSet<usize> = last.into_values().collect();
    attrs.iter().enumerate().filter(move |(at, _)| last.contains(at)).map(|(_, attr)| *attr).collect::<Vec<_>>().into_iter()
}

fn unchanged(attr: &DesiredAttr, state: &State<'_>, target: &Target<'_>) -> Kept {
    let note = note(&attr.rule, state.contains_key(attr.name.as_slice())).into();
    Kept { path: target.path.clone(), aspect: Aspect::Attr(attr.name.clone()), note }
}

/// Have the rules changed nothing?
fn is_seen(state: &State<'_>, target: &Target<'_>) -> bool {
    let as_seen = |name: &[u8], attr: &Attr<'_>| match &attr.value {
        // What was not touched is what was seen.
        Cow::Borrowed(_) => attr.from == Some(name),
        Cow::Owned(_) => false,
    };
    state.len() == target.seen.len() && state.iter().all(|(name, attr)| as_seen(name, attr))
}

/// Applies one rule in memory.
fn apply<'a>(state: &mut State<'a>, attr: &'a DesiredAttr, target: &Target<'a>) -> Result<(), Finding> {
    let (name, path) = (attr.name.as_slice(), target.path);
    let set = |state: &mut State<'a>, spec: &AttrSpec| -> Result<(), Finding> {
        let made = match state.get(name) {
            Some(seen) => spec.adapted(&seen.value),
            None => spec.fresh(),
        };
        let mut value = made
            .map_err(|e| Finding::error("attribute", format!("attribute {} of {path}: {}", bytes_text(name), e.0)).at(attr.origin, ""))?;
        value.dtype.rename_targets(&mut |t| target.observed.canonical_target(t));
        value.data.rename_targets(&mut |t| target.observed.canonical_target(t));
        put(state, name, value);
        Ok(())
    };
    match (&attr.rule, state.contains_key(name)) {
        (AttrRule::Set(spec), _) | (AttrRule::Default(spec), false) | (AttrRule::Replace(spec), true) => set(state, spec)?,
        (AttrRule::Default(_), true) | (AttrRule::Replace(_), false) => {}
        (AttrRule::Empty(dtype), _) => {
            let mut dtype = dtype.clone();
            dtype.rename_targets(&mut |t| target.observed.canonical_target(t));
            put(state, name, AttrValue { max: None, data: Elements::empty(&dtype), dtype, shape: Shape::Null });
        }
        (AttrRule::Absent, _) => {
            state.remove(name);
        }
        (AttrRule::RenameFrom { from, value }, present) => {
            match (state.remove(from.as_slice()), state.get(name)) {
                (Some(old), Some(new)) if !same_values(&old.value, &new.value) => {
                    return Err(Finding::error(
                        "rename-both",
                        format!("{path} has both attributes {} and {}, and they differ", bytes_text(from), bytes_text(name)),
                    )
                    .at(attr.origin, "")
                    .help("remove one of them: { absent = true }"));
                }
                (Some(old), None) => {
                    debug_assert!(!present);
                    state.insert(name, old);
                }
                (Some(_), Some(_)) | (None, _) => {}
            }
            if let Some(spec) = value {
                set(state, spec)?;
            }
        }
    }
    Ok(())
}

/// What is equal as the file holds it stays what it is.
fn put<'a>(state: &mut State<'a>, name: &'a [u8], value: AttrValue) {
    match state.get_mut(name) {
        Some(old) if same(&old.value, &value) => {}
        Some(old) => old.value = Cow::Owned(AttrSeen::Value(value)),
        None => _ = state.insert(name, Attr { from: None, value: Cow::Owned(AttrSeen::Value(value)) }),
    }
}

/// A second pass must change nothing; it does not where the first has changed nothing.
fn unstable<'a>(state: &State<'a>, clauses: &[Clause<'a>], attrs: &[&'a DesiredAttr], target: &Target<'a>) -> Option<Conflict> {
    if is_seen(state, target) {
        return None;
    }
    let path = target.path;
    let unchanged =
        |again: &State<'_>| again.len() == state.len() && state.iter().all(|(n, v)| again.get(n).is_some_and(|w| same_attr(v, w)));
    let (mut again, mut sound) = (state.clone(), true);
    apply_all(&mut again, clauses, target, |_, _, _, result| sound &= result.is_ok());
    if sound && unchanged(&again) {
        return None;
    }
    // Which rule is it? Only now is every step worth looking at.
    again.clone_from(state);
    let mut culprit = None;
    apply_all(&mut again, clauses, target, |again, attr, _, result| {
        if culprit.is_none() && !(result.is_ok() && unchanged(again)) {
            culprit = Some(attr);
        }
    });
    // In the second pass the conditions of other rules may hold.
    if let Some(attr) = culprit {
        let message = format!(
            "the rules for the attributes of {path} never come to rest: applying them again changes {} again",
            bytes_text(&attr.name)
        );
        let mut finding = Finding::error("unstable", message).at(attr.origin, "this rule");
        let other = attrs.iter().find(|o| o.name != attr.name && (touches(&o.rule, &attr.name) || touches(&attr.rule, &o.name)));
        if let Some(other) = other {
            finding = finding.at(other.origin, "and this one work against each other");
        }
        return Some(Conflict { path: path.clone(), finding });
    }
    None
}

fn touches(rule: &AttrRule, name: &[u8]) -> bool {
    matches!(rule, AttrRule::RenameFrom { from, .. } if from == name)
}

/// The difference between the file's attributes and what the rules make of them.
struct Changes<'a> {
    target: &'a Target<'a>,
    attrs: &'a [&'a DesiredAttr],
    rules: Rules<'a>,
    state: &'a State<'a>,
}

/// The first rule for every name: an object may have very many attributes.
struct Rules<'a> {
    /// By the name that the rule is for.
    own: BTreeMap<&'a [u8], &'a DesiredAttr>,
    /// By the name that the rule takes away.
    takes: BTreeMap<&'a [u8], &'a DesiredAttr>,
}

impl<'a> Rules<'a> {
    fn of(attrs: &[&'a DesiredAttr]) -> Self {
        let mut rules = Self { own: BTreeMap::new(), takes: BTreeMap::new() };
        for attr in attrs {
            rules.own.entry(&attr.name).or_insert(attr);
            if let AttrRule::RenameFrom { from, .. } = &attr.rule {
                rules.takes.entry(from).or_insert(attr);
            }
        }
        rules
    }
}

impl Changes<'_> {
    /// Removals, then renames, then values: a name is free before it is taken.
    fn steps(&self, conflicts: &mut Vec<Conflict>) -> Vec<Step> {
        let now_at: BTreeMap<&[u8], &[u8]> = self.state.iter().filter_map(|(n, a)| Some((a.from?, *n))).collect();
        let mut removals = Vec::new();
        let mut renames = Vec::new();
        for (name, before) in self.target.seen {
            match now_at.get(name.as_slice()) {
                None => removals.push(self.step(
                    name,
                    Action::RemoveAttr { name: name.clone(), before: before.clone() },
                    0,
                    self.why_gone(name),
                )),
                Some(&to) if to != name => {
                    let action = Action::RenameAttr { from: name.clone(), to: to.to_vec(), value: before.clone() };
                    renames.push(self.step(to, action, 0, "the manifest renames it"));
                }
                Some(_) => {}
            }
        }
        let mut values = Vec::new();
        for (name, attr) in self.state {
            let AttrSeen::Value(after) = attr.value.as_ref() else { continue };
            let before = attr.from.and_then(|f| self.target.seen.get(f)).map(Box::as_ref);
            if before.is_some_and(|b| same(b, after)) {
                continue;
            }
            match fits_header(self.target, name, self.origin(name), after) {
                Ok(()) => values.push(self.value(name, before, after)),
                Err(conflict) => conflicts.push(*conflict),
            }
        }
        if self.target.order != TrackOrder::No {
            let places: BTreeMap<&[u8], usize> = self.attrs.iter().enumerate().map(|(i, a)| (a.name.as_slice(), i)).collect();
            let place = |s: &Step| names_of(&s.action).iter().find_map(|n| places.get(n).copied());
            values.sort_by_key(place);
            renames.sort_by_key(place);
        }
        let ordered_names = self.target.order == TrackOrder::No && renames.is_empty();
        let mut out: Vec<Step> = removals.into_iter().chain(freed_first(renames)).chain(values).collect();
        if ordered_names {
            out.sort_by(|a, b| names_of(&a.action).cmp(&names_of(&b.action)));
        }
        out
    }

    fn value(&self, name: &[u8], before: Option<&AttrSeen>, after: &AttrValue) -> Step {
        let how = match before {
            None => AttrWrite::Create,
            Some(AttrSeen::Value(b)) if in_place(b, after) => AttrWrite::InPlace,
            Some(_) => AttrWrite::Recreate { keep_order: self.target.order != TrackOrder::No },
        };
        let reason: Cow<'static, str> = match (before, how) {
            (None, _) => "missing".into(),
            (Some(b), AttrWrite::Recreate { .. }) => retyped(b, after).into(),
            (Some(_), _) => "the value differs".into(),
        };
        let name_charset = self.rules.own.get(name).and_then(|a| a.name_charset);
        let action = Action::SetAttr {
            name: name.to_vec(),
            before: before.cloned().map(Box::new),
            after: Arc::new(after.clone()),
            how,
            name_charset,
        };
        self.step(name, action, after.bytes(), reason)
    }

    fn why_gone(&self, name: &[u8]) -> &'static str {
        let renamed = self.rules.takes.contains_key(name);
        if renamed { "its new name is there already" } else { "declared absent" }
    }

    /// The rule that speaks of this name.
    fn origin(&self, name: &[u8]) -> Option<Span> {
        self.rules.own.get(name).or_else(|| self.rules.takes.get(name)).map(|a| a.origin)
    }

    fn step(&self, name: &[u8], action: Action, bytes: u64, reason: impl Into<Cow<'static, str>>) -> Step {
        let origin = self.origin(name);
        Step { bytes, ..Step::new(self.target.path.clone(), action, reason, origin) }
    }
}

/// Renames in an order in which every new name is free when it is taken; otherwise as they come.
fn freed_first(renames: Vec<Step>) -> Vec<Step> {
    let name = |step: &Step, which: usize| names_of(&step.action).get(which).map(|n| n.to_vec()).unwrap_or_default();
    let taken: BTreeMap<Vec<u8>, usize> = renames.iter().enumerate().map(|(i, step)| (name(step, 1), i)).collect();
    let waits_for: Vec<Option<usize>> = renames.iter().map(|step| taken.get(&name(step, 0)).copied()).collect();
    let mut waiting: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
    waits_for.iter().enumerate().for_each(|(i, other)| other.iter().for_each(|other| waiting.entry(*other).or_default().push(i)));
    let mut free: BTreeSet<usize> = (0..renames.len()).filter(|&i| waits_for[i].is_none()).collect();
    let mut left: BTreeMap<usize, Step> = renames.into_iter().enumerate().collect();
    let mut out = Vec::with_capacity(left.len());
    // A rule renames only to a name that is free at that moment, so there is always a next one.
    while let Some(next) = free.pop_first().or_else(|| left.keys().next().copied()) {
        out.extend(left.remove(&next));
        free.extend(waiting.remove(&next).into_iter().flatten().filter(|i| left.contains_key(i)));
    }
    out
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
fn fits_header(target: &Target<'_>, name: &[u8], origin: Option<Span>, after: &AttrValue) -> Result<(), Box<Conflict>> {
    let inline = match &after.data {
        Elements::Fixed(bytes) => bytes.len() as u64,
        Elements::Strings(list) => 16 * list.len() as u64,
        Elements::Nested(list) => after.dtype.size() as u64 * list.len() as u64,
    };
    // Where creation order is tracked, attributes are stored apart from the header.
    if target.header == HeaderVersion::V2 || target.order != TrackOrder::No || inline <= MOST_V1_BYTES {
        return Ok(());
    }
    let message = format!(
        "attribute {} of {} has {inline} bytes; this object has an old header, which holds at most 64 KiB",
        bytes_text(name),
        target.path
    );
    let mut finding = Finding::error("attribute-size", message);
    if let Some(origin) = origin {
        finding = finding.at(origin, "");
    }
    let finding = finding.help("store it as a dataset, or rewrite the file with a newer format (h5repack --low=1)");
    Err(Box::new(Conflict { path: target.path.clone(), finding }))
}

/// Can the value be written over the old one?
fn in_place(before: &AttrValue, after: &AttrValue) -> bool {
    let max = after.max.is_none() || before.max == after.max;
    before.dtype == after.dtype && before.shape == after.shape && max
}

/// Equal as the file holds it.
fn same(before: &AttrSeen, after: &AttrValue) -> bool {
    match before {
        AttrSeen::Value(v) => v.same(after),
        AttrSeen::Opaque { .. } => false,
    }
}

/// Known to be equal; values that cannot be read are never known to be.
fn same_values(a: &AttrSeen, b: &AttrSeen) -> bool {
    match (a, b) {
        (AttrSeen::Value(a), AttrSeen::Value(b)) => a.same(b),
        (AttrSeen::Opaque { .. }, _) | (_, AttrSeen::Opaque { .. }) => false,
    }
}

/// Is it the same attribute of the file, with the same value?
fn same_attr(a: &Attr<'_>, b: &Attr<'_>) -> bool {
    let untouched = matches!((a.value.as_ref(), b.value.as_ref()), (AttrSeen::Opaque { .. }, AttrSeen::Opaque { .. }));
    a.from == b.from && (untouched || same_values(&a.value, &b.value))
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

/// The names an attribute step speaks of.
fn names_of(action: &Action) -> Vec<&[u8]> {
    match action {
        Action::SetAttr { name, .. } | Action::RemoveAttr { name, .. } => vec![name],
        Action::RenameAttr { from, to, .. } => vec![to, from],
        Action::CreateFile(_)
        | Action::CreateGroup { .. }
        | Action::CreateType { .. }
        | Action::CreateDataset { .. }
        | Action::CreateLink { .. }
        | Action::SetComment { .. }
        | Action::Grow { .. }
        | Action::Shrink { .. }
        | Action::WriteRegion { .. }
        | Action::Rebuild { .. }
        | Action::Remove { .. } => vec![],
    }
}
