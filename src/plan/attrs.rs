//! Attribute rules: what an object's attributes become.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use super::attr_steps::{Changes, Rules};
use super::copies::{Copies, Source};
use super::each;
use super::step::{Aspect, Conflict, Kept, Step};
use crate::diag::Finding;
use crate::model::{
    AttrCondition, AttrRule, AttrSeen, AttrSpec, AttrValue, CastLoss, DesiredAttr, Each, Elements, EncodeError, H5Path, HeaderVersion,
    LinkSeen, Observed, Scope, Shape, TrackOrder, bytes_text,
};

/// What there is to know of an object for its attributes.
pub(super) struct Target<'a> {
    pub path: &'a H5Path,
    /// All its names.
    pub names: &'a [H5Path],
    /// Attributes that were asked for and exist; none for a new object.
    pub seen: &'a BTreeMap<Vec<u8>, Box<AttrSeen>>,
    /// Creation order of its attributes.
    pub order: TrackOrder,
    pub header: HeaderVersion,
    /// For the names of objects that values refer to.
    pub observed: &'a Observed,
    /// What rules for whatever matches may leave undone.
    pub scope: &'a Scope,
    /// For attributes that are copies.
    pub copies: &'a Copies,
}

impl Target<'_> {
    /// May this rule be left undone?
    fn ignores(&self, attr: &DesiredAttr) -> bool {
        !self.scope.is_whole() && self.names.iter().any(|name| self.scope.ignores(name, attr))
    }
}

/// An attribute while the rules are applied in memory.
#[derive(Clone)]
pub(super) struct Attr<'a> {
    /// Its name in the file, if it is one that the file has.
    pub from: Option<&'a [u8]>,
    pub value: Cow<'a, AttrSeen>,
    /// The last rule that changed the value.
    pub by: Option<&'a DesiredAttr>,
    /// What of the file's value a cast has lost.
    pub loss: Option<CastLoss>,
}

impl<'a> Attr<'a> {
    fn seen(name: &'a [u8], value: &'a AttrSeen) -> Self {
        Self { from: Some(name), value: Cow::Borrowed(value), by: None, loss: None }
    }
}

pub(super) type State<'a> = BTreeMap<&'a [u8], Attr<'a>>;

/// Rules for attributes that are said together.
#[derive(Clone, Copy)]
pub(super) struct Clause<'a> {
    /// The rule for whatever matches that says so, if its conditions hold; `None` is the object's own entry.
    pub when: Option<&'a Each>,
    pub attrs: &'a [DesiredAttr],
    /// That rule's number.
    pub number: usize,
    /// Is it about what the object is when its turn comes, and when it comes again after all has been done?
    pub about: [bool; 2],
}

impl<'a> Clause<'a> {
    /// What an object's own entry says.
    pub fn own(attrs: &'a [DesiredAttr]) -> Self {
        Self { when: None, attrs, number: 0, about: [true; 2] }
    }

    /// Its conditions on attributes.
    pub fn conditions(&self) -> &'a [AttrCondition] {
        self.when.map_or(&[], |rule| &rule.attr_conditions)
    }

    fn holds(&self, state: &State<'_>) -> bool {
        self.when.is_none_or(|rule| rule.holds(|name| state.get(name).map(|attr| attr.value.as_ref())))
    }
}

/// The first time that rules are applied.
const FIRST: usize = 0;
/// What would be done the next time.
const AGAIN: usize = 1;

/// Applies the clauses in order, each on the result of the one before, those only that are about the object then and whose conditions hold. `each`
/// gets what was applied, and what came of it.
fn apply_all<'a>(
    state: &mut State<'a>,
    clauses: &[Clause<'a>],
    pass: usize,
    target: &Target<'a>,
    mut each: impl FnMut(&State<'a>, &'a DesiredAttr, bool, Result<(), Finding>),
) {
    for clause in clauses {
        if !(clause.about[pass] && clause.holds(state)) {
            continue;
        }
        for attr in clause.attrs.iter().filter(|attr| !target.ignores(attr)) {
            let result = apply(state, attr, target, clause.when.is_none());
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
    let mut state = begin(target);
    let all = clauses.iter().flat_map(|clause| clause.attrs);
    let ignored: BTreeSet<&[u8]> = all.filter(|attr| target.ignores(attr)).map(|attr| attr.name.as_slice()).collect();
    kept.extend(ignored.into_iter().map(|name| Kept {
        path: target.path.clone(),
        aspect: Aspect::Attr(name.to_vec()),
        note: "ignored".into(),
    }));
    let mut sound = true;
    let mut said: Vec<(&DesiredAttr, bool)> = Vec::new();
    apply_all(&mut state, clauses, FIRST, target, |_, attr, own, result| {
        said.push((attr, own));
        if let Err(finding) = result {
            sound = false;
            conflicts.push(Conflict { path: target.path.clone(), finding });
        }
    });
    settle(&mut state, target);
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
    let touched: BTreeSet<&[u8]> = changes.iter().flat_map(|s| s.action.attr_names()).collect();
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

fn begin<'a>(target: &Target<'a>) -> State<'a> {
    target.seen.iter().map(|(name, value)| (name.as_slice(), Attr::seen(name, value))).collect()
}

/// What came about is what the file has where it is the same, whatever way it came: that needs no step. What the file has otherwise under a name
/// that stays is changed, not made anew.
fn settle<'a>(state: &mut State<'a>, target: &Target<'a>) {
    if target.seen.is_empty() || state.iter().all(|(name, attr)| attr.from == Some(*name)) {
        return;
    }
    let mut stay: BTreeSet<&[u8]> = BTreeSet::new();
    for (name, attr) in state.iter_mut() {
        if let Some((own, seen)) = target.seen.get_key_value(*name).filter(|(_, seen)| same_values(seen, &attr.value)) {
            *attr = Attr::seen(own, seen);
            stay.insert(own);
        }
    }
    let mut taken: BTreeSet<&[u8]> = BTreeSet::new();
    for (name, attr) in state.iter_mut() {
        attr.from = attr.from.filter(|from| from == name || !stay.contains(from));
        taken.extend(attr.from);
    }
    for (name, attr) in state.iter_mut().filter(|(_, attr)| attr.from.is_none()) {
        attr.from = target.seen.get_key_value(*name).map(|(own, _)| own.as_slice()).filter(|own| !taken.contains(own));
    }
}

/// An object's attributes while rules are applied to them, one after the other.
pub(super) struct Running<'t, 'a> {
    target: &'t Target<'a>,
    state: State<'a>,
}

impl<'t, 'a> Running<'t, 'a> {
    pub fn of(target: &'t Target<'a>) -> Self {
        Self { target, state: begin(target) }
    }

    /// Does a condition hold now?
    pub fn meets(&self, condition: &AttrCondition) -> bool {
        condition.holds(self.state.get(condition.name.as_slice()).map(|attr| attr.value.as_ref()))
    }

    /// One rule; `own`: of the object's own entry.
    pub fn apply(&mut self, attr: &'a DesiredAttr, own: bool) -> Result<(), Finding> {
        if self.target.ignores(attr) { Ok(()) } else { apply(&mut self.state, attr, self.target, own) }
    }

    /// The attributes when all rules have been applied.
    pub fn into_values(self) -> BTreeMap<Vec<u8>, Box<AttrSeen>> {
        self.state.into_iter().map(|(name, attr)| (name.to_vec(), Box::new(attr.value.into_owned()))).collect()
    }
}

fn unchanged(attr: &DesiredAttr, state: &State<'_>, target: &Target<'_>) -> Kept {
    let note = match &attr.rule {
        AttrRule::CopyFrom { path, name } if matches!(source(path.as_ref(), name, target), Some(Source::Missing)) => {
            "its source is missing"
        }
        rule => note(rule, state.contains_key(attr.name.as_slice())),
    };
    let note = note.into();
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

/// Applies one rule in memory; `own`: of the object's own entry, which says what must be so, where a rule for whatever matches changes what is there.
fn apply<'a>(state: &mut State<'a>, attr: &'a DesiredAttr, target: &Target<'a>, own: bool) -> Result<(), Finding> {
    let (name, path) = (attr.name.as_slice(), target.path);
    let bad =
        |e: EncodeError| Finding::error("attribute", format!("attribute {} of {path}: {}", bytes_text(name), e.0)).at(attr.origin, "");
    let set = |state: &mut State<'a>, spec: &AttrSpec| -> Result<(), Finding> {
        let made = match state.get(name) {
            Some(seen) => spec.adapted(&seen.value),
            None => spec.fresh(),
        };
        put(state, attr, made.map_err(bad)?, None, target);
        Ok(())
    };
    match (&attr.rule, state.contains_key(name)) {
        (AttrRule::Set(spec), _) | (AttrRule::Default(spec), false) | (AttrRule::Replace(spec), true) => set(state, spec)?,
        (AttrRule::Default(_), true) | (AttrRule::Replace(_), false) => {}
        (AttrRule::Empty(dtype), _) => {
            let value = AttrValue { max: None, data: Elements::empty(dtype), dtype: dtype.clone(), shape: Shape::Null };
            put(state, attr, value, None, target);
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
        (AttrRule::Map(_) | AttrRule::Cast(_) | AttrRule::Join { .. }, _) => {
            if let Some((value, loss)) = amended(state, attr).map_err(bad)? {
                put(state, attr, value, loss, target);
            }
        }
        (AttrRule::CopyFrom { path: from, name: copied }, present) => {
            let told = || format!("{} of {}", bytes_text(copied), from.as_ref().unwrap_or(path));
            match source(from.as_ref(), copied, target) {
                Some(Source::There(seen)) => match seen.as_ref() {
                    AttrSeen::Value(value) => put(state, attr, value.clone(), None, target),
                    AttrSeen::Opaque { why, .. } => return Err(bad(EncodeError(format!("{} cannot be copied: {why}", told())))),
                },
                // A rule copies where there is something; what the same manifest takes away would be lost.
                Some(Source::Missing) if !present && (own || goes(from.as_ref(), copied, target)) => {
                    return Err(no_source(attr, from.as_ref(), copied, target));
                }
                Some(Source::Failed) => return Err(bad(EncodeError(format!("{} cannot be copied: it has a conflict itself", told())))),
                Some(Source::Missing) | None => {}
            }
        }
    }
    Ok(())
}

/// What a rule makes of the value that is there, if anything, with what it has lost by now.
fn amended(state: &State<'_>, attr: &DesiredAttr) -> Result<Option<(AttrValue, Option<CastLoss>)>, EncodeError> {
    let Some(old) = state.get(attr.name.as_slice()) else { return Ok(None) };
    let value = match old.value.as_ref() {
        AttrSeen::Value(value) => value,
        AttrSeen::Opaque { why, .. } => return Err(EncodeError(format!("its value cannot be changed: {why}"))),
    };
    let or_before = |(value, loss): (AttrValue, Option<CastLoss>)| (value, loss.or_else(|| old.loss.clone()));
    Ok(match &attr.rule {
        AttrRule::Map(pairs) => value.mapped(pairs)?.map(or_before),
        AttrRule::Join { side, spec } => value.joined(spec, *side)?.map(|value| (value, old.loss.clone())),
        AttrRule::Cast(dtype) => value.cast(dtype)?.map(or_before),
        AttrRule::Set(_)
        | AttrRule::Default(_)
        | AttrRule::Replace(_)
        | AttrRule::Empty(_)
        | AttrRule::Absent
        | AttrRule::RenameFrom { .. }
        | AttrRule::CopyFrom { .. } => None,
    })
}

fn source<'a>(path: Option<&H5Path>, name: &[u8], target: &Target<'a>) -> Option<&'a Source> {
    target.copies.source(path.unwrap_or(target.path), name)
}

/// Is the source of a copy in the file now?
fn goes(path: Option<&H5Path>, name: &[u8], target: &Target<'_>) -> bool {
    match path {
        None => target.seen.contains_key(name),
        Some(path) => target.observed.objects.get(path).is_some_and(|seen| seen.attrs.contains_key(name)),
    }
}

fn no_source(attr: &DesiredAttr, from: Option<&H5Path>, copied: &[u8], target: &Target<'_>) -> Finding {
    let goes = goes(from, copied, target);
    let (from, path) = (from.unwrap_or(target.path), target.path);
    let but = if goes { "which the manifest takes away" } else { "but neither of them is there" };
    let message = format!("attribute {} of {path} is a copy of {} of {from}, {but}", bytes_text(&attr.name), bytes_text(copied));
    let finding = Finding::error("copy-source", message).at(attr.origin, "");
    if goes {
        return finding.help("a value that gets another name is moved: rename_from; or take the source away in an apply of its own");
    }
    match target.observed.objects.get(from).map(|o| &o.link) {
        Some(LinkSeen::Soft(_) | LinkSeen::External { .. } | LinkSeen::UserDefined { .. }) => {
            finding.note(format!("{from} is a link that is not hard; h5mason does not read through it"))
        }
        Some(LinkSeen::Hard(_)) | None => finding.help("correct the source, or declare it"),
    }
}

/// What is equal as the file holds it stays what it is.
fn put<'a>(state: &mut State<'a>, rule: &'a DesiredAttr, mut value: AttrValue, loss: Option<CastLoss>, target: &Target<'a>) {
    value.dtype.rename_targets(&mut |t| target.observed.canonical_target(t));
    value.data.rename_targets(&mut |t| target.observed.canonical_target(t));
    match state.get_mut(rule.name.as_slice()) {
        Some(old) if same(&old.value, &value) => old.loss = loss,
        Some(old) => *old = Attr { value: Cow::Owned(AttrSeen::Value(value)), by: Some(rule), loss, ..*old },
        None => {
            let value = Cow::Owned(AttrSeen::Value(value));
            // Another rule has taken it away: if the file has it, and nothing else has come of that, it is what it was.
            let from = target.seen.get_key_value(rule.name.as_slice()).filter(|(name, _)| !state.values().any(|a| a.from == Some(name)));
            let attr = match from {
                Some((name, seen)) if same_values(seen, &value) => Attr::seen(name, seen),
                Some((name, _)) => Attr { from: Some(name), value, by: Some(rule), loss },
                None => Attr { from: None, value, by: Some(rule), loss },
            };
            state.insert(&rule.name, attr);
        }
    }
}

/// A second pass must change nothing; it does not where the first has changed nothing.
fn unstable<'a>(state: &State<'a>, clauses: &[Clause<'a>], attrs: &[&'a DesiredAttr], target: &Target<'a>) -> Option<Conflict> {
    if is_seen(state, target) && clauses.iter().all(|clause| clause.about == [true; 2]) {
        return None;
    }
    let path = target.path;
    let unchanged =
        |again: &State<'_>| again.len() == state.len() && state.iter().all(|(n, v)| again.get(n).is_some_and(|w| same_attr(v, w)));
    let (mut again, mut failed, mut said) = (state.clone(), None, Vec::new());
    apply_all(&mut again, clauses, AGAIN, target, |_, attr, own, result| {
        said.push((attr, own));
        failed = failed.or(result.is_err().then_some(attr));
    });
    settle(&mut again, target);
    // Rules may hold now that did not at first.
    if let Some(finding) = each::clash(path, &said) {
        return Some(Conflict { path: path.clone(), finding });
    }
    if failed.is_none() && unchanged(&again) {
        return None;
    }
    // Which rule is it? Only now is every step worth looking at, and only what moves in the end: rules may well undo each other.
    let differs = |other: &State<'_>, name: &[u8]| match (state.get(name), other.get(name)) {
        (Some(a), Some(b)) => !same_attr(a, b),
        (a, b) => a.is_some() != b.is_some(),
    };
    let moved: BTreeSet<&[u8]> =
        state.keys().chain(again.keys()).copied().filter(|name| failed.is_some() || differs(&again, name)).collect();
    let (mut step, mut blamed) = (state.clone(), None);
    // In the second pass the conditions of other rules may hold.
    apply_all(&mut step, clauses, AGAIN, target, |step, attr, _, result| {
        if blamed.is_none() && (result.is_err() || moved.iter().any(|name| differs(step, name))) {
            blamed = Some(attr);
        }
    });
    let blamed = blamed.or(failed)?;
    let message = format!(
        "the rules for the attributes of {path} never come to rest: applying them again changes {} again",
        bytes_text(&blamed.name)
    );
    let mut finding = Finding::error("unstable", message).at(blamed.origin, "this rule");
    let related = |o: &DesiredAttr| o.name == blamed.name || touches(&o.rule, &blamed.name) || touches(&blamed.rule, &o.name);
    let other = attrs.iter().find(|o| !std::ptr::eq(**o, blamed) && related(o));
    if let Some(other) = other {
        finding = finding.at(other.origin, "and this one work against each other");
    }
    Some(Conflict { path: path.clone(), finding })
}

fn touches(rule: &AttrRule, name: &[u8]) -> bool {
    matches!(rule, AttrRule::RenameFrom { from, .. } if from == name)
}

fn note(rule: &AttrRule, present: bool) -> &'static str {
    match (rule, present) {
        (AttrRule::Absent, _) => "absent already",
        (AttrRule::Default(_), _) => "present: the default is not used",
        (AttrRule::Replace(_), false) => "missing: nothing to replace",
        (AttrRule::RenameFrom { .. }, true) => "renamed already",
        (AttrRule::RenameFrom { .. }, false) => "neither name is there",
        (AttrRule::Map(_), true) => "none of the values that the map changes",
        (AttrRule::Cast(_), true) => "of this type already",
        (AttrRule::Join { .. }, true) => "contains the text already",
        (AttrRule::Map(_) | AttrRule::Cast(_) | AttrRule::Join { .. }, false) => "missing: nothing to change",
        (AttrRule::CopyFrom { .. }, _) => "as its source already",
        (AttrRule::Set(_) | AttrRule::Empty(_) | AttrRule::Replace(_), _) => "as declared",
    }
}

/// Has it the same value, or the same attribute of the file where that cannot be read?
fn same_attr(a: &Attr<'_>, b: &Attr<'_>) -> bool {
    match (a.value.as_ref(), b.value.as_ref()) {
        (AttrSeen::Opaque { .. }, AttrSeen::Opaque { .. }) => a.from == b.from,
        (a, b) => same_values(a, b),
    }
}

/// Known to be equal; values that cannot be read are never known to be.
pub(super) fn same_values(a: &AttrSeen, b: &AttrSeen) -> bool {
    match (a, b) {
        (AttrSeen::Value(a), AttrSeen::Value(b)) => a.same(b),
        (AttrSeen::Opaque { .. }, _) | (_, AttrSeen::Opaque { .. }) => false,
    }
}

/// Equal as the file holds it.
pub(super) fn same(before: &AttrSeen, after: &AttrValue) -> bool {
    match before {
        AttrSeen::Value(v) => v.same(after),
        AttrSeen::Opaque { .. } => false,
    }
}

#[cfg(test)]
mod tests {
    use super::super::step::{Action, Hazard};
    use super::*;
    use crate::diag::Sources;
    use crate::model::{Dtype, Literal, element_text};

    fn spec(literal: Literal) -> AttrSpec {
        AttrSpec { literal, dtype: None, shape: None, max: None }
    }

    fn text(text: &str) -> Literal {
        Literal::Text(text.into())
    }

    fn map(pairs: &[(&str, &str)]) -> AttrRule {
        AttrRule::Map(pairs.iter().map(|(a, b)| (text(a), text(b))).collect())
    }

    fn rename(from: &str) -> AttrRule {
        AttrRule::RenameFrom { from: from.into(), value: None }
    }

    /// What is done to attributes of these texts, a line each; conflicts with the numbers of the rules that they name.
    fn planned(seen: &[(&str, Literal)], rules: Vec<(&str, AttrRule)>) -> Vec<String> {
        let seen = seen.iter().map(|(n, v)| (n.as_bytes().to_vec(), Box::new(AttrSeen::Value(spec(v.clone()).fresh().unwrap())))).collect();
        let source = Sources::new().add("m.toml", "", "");
        let at = |i: usize| source.span(i..i + 1);
        let attr =
            |(i, (name, rule)): (usize, (&str, AttrRule))| DesiredAttr { name: name.into(), origin: at(i), rule, name_charset: None };
        let rules: Vec<DesiredAttr> = rules.into_iter().enumerate().map(attr).collect();
        let (path, observed, copies, scope) = (H5Path::root(), Observed::default(), Copies::default(), Scope::default());
        let target = Target {
            path: &path,
            names: &[],
            seen: &seen,
            order: TrackOrder::No,
            header: HeaderVersion::V2,
            observed: &observed,
            scope: &scope,
            copies: &copies,
        };
        let (mut steps, mut kept, mut conflicts) = (Vec::new(), Vec::new(), Vec::new());
        plan(&target, &[Clause::own(&rules)], &mut steps, &mut kept, &mut conflicts);
        let step = |s: Step| match &s.action {
            Action::SetAttr { name, after, .. } => {
                let lossy = if s.hazard == Hazard::Lossy { " lossy" } else { "" };
                let rule = rules.iter().position(|r| Some(r.origin) == s.origin).unwrap();
                format!("{} = {} {}{lossy} by {rule}", bytes_text(name), after.dtype, element_text(&after.data, &after.dtype, 0))
            }
            Action::RenameAttr { from, to, .. } => format!("{} from {}", bytes_text(to), bytes_text(from)),
            other => format!("{other:?}"),
        };
        let conflict = |c: Conflict| {
            let named = c.finding.labels.iter().filter_map(|l| rules.iter().position(|r| r.origin == l.span));
            format!("{}: {:?}", c.finding.code, named.collect::<Vec<_>>())
        };
        steps.into_iter().map(step).chain(conflicts.into_iter().map(conflict)).collect()
    }

    /// Rules for one name, in order, each on what the one before made.
    #[test]
    fn several_rules_for_one_name() {
        let rules = || vec![("units", rename("unit")), ("units", map(&[("degC", "degree_Celsius")]))];
        let both = ["units from unit", "units = str \"degree_Celsius\" by 1"];
        assert_eq!(planned(&[("unit", text("degC"))], rules()), both);
        assert_eq!(planned(&[("unit", text("K"))], rules()), ["units from unit"]);
        assert_eq!(planned(&[("units", text("degC"))], rules()), ["units = str \"degree_Celsius\" by 1"]);
        assert_eq!(planned(&[("units", text("degree_Celsius"))], rules()), [""; 0]);
        assert_eq!(planned(&[], rules()), [""; 0]);
        let default = |value| AttrRule::Default(spec(value));
        let n = Literal::Int;
        assert_eq!(planned(&[], vec![("a", default(n(1))), ("a", AttrRule::Cast(Dtype::float(4)))]), ["a = f4 1.0 by 1"]);
        // Each alone would change the other's result for ever; in this order they come to rest.
        let set = |value| AttrRule::Set(spec(value));
        assert_eq!(planned(&[("a", n(2))], vec![("a", set(n(1))), ("a", set(n(2)))]), [""; 0]);
        assert_eq!(planned(&[("a", n(1))], vec![("a", set(n(1))), ("a", set(n(2)))]), ["a = i8 2 by 1"]);
    }

    #[test]
    fn what_never_rests_is_named() {
        let swap = || map(&[("a", "b"), ("b", "a")]);
        let unit = |rules| planned(&[("u", text("a")), ("v", text("x"))], rules);
        assert_eq!(unit(vec![("u", map(&[("a", "b"), ("b", "c")]))]), ["unstable: [0]"]);
        // What others do and undo does not count.
        let set = |value: &str| AttrRule::Set(spec(text(value)));
        assert_eq!(unit(vec![("v", set("y")), ("v", set("z")), ("u", swap())]), ["unstable: [2]"]);
        let joined = AttrRule::Join { side: crate::model::Side::End, spec: spec(text("!")) };
        assert_eq!(unit(vec![("u", joined), ("u", map(&[("a!", "b"), ("b!", "c")]))]), ["unstable: [0, 1]"]);
    }

    #[test]
    fn a_cast_costs_what_is_there() {
        let cast = || ("a", AttrRule::Cast(Dtype::float(4)));
        let f = Literal::Float;
        assert_eq!(planned(&[("a", f(0.5))], vec![cast()]), ["a = f4 0.5 by 0"]);
        assert_eq!(planned(&[("a", f(0.1))], vec![cast()]), ["a = f4 0.1 lossy by 0"]);
        // What the manifest says itself is no loss, nor is what it has changed before.
        assert_eq!(planned(&[("a", f(0.1))], vec![cast(), ("a", AttrRule::Set(spec(f(0.2))))]), ["a = f4 0.2 by 1"]);
        assert_eq!(planned(&[("a", f(0.1))], vec![("a", AttrRule::Map(vec![(f(0.1), f(0.5))])), cast()]), ["a = f4 0.5 by 1"]);
        assert_eq!(planned(&[("b", f(0.1))], vec![("a", rename("b")), cast()]), ["a from b", "a = f4 0.1 lossy by 1"]);
    }
}
