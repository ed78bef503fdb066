//! Plans as text.

use std::collections::BTreeMap;

use super::Paint;
use super::words::{count, escape_controls, grouped, human_bytes};
use crate::model::{
    AttrSeen, AttrValue, Definition, Dtype, Elements, H5Path, Layout, LinkSeen, MaxShape, PartialChunks, RegionSeen, Shape, StringLength,
    StringType, bytes_text, element_text, told_apart,
};
use crate::plan::{Action, Blocks, Hazard, Kept, Proposal, Step, Verb};

/// Is the plan still to be done, or done?
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tense {
    /// `to write`
    Future,
    /// `written`
    Past,
}

/// Objects shown before the rest is only counted.
pub(super) const MOST_OBJECTS: usize = 60;
/// Characters of a value that are shown.
const MOST_VALUE_CHARS: usize = 60;

/// The steps, grouped by object, indented; `all` shows every object of a long plan.
pub fn plan_text(proposal: &Proposal, paint: Paint, all: bool) -> String {
    let mut objects: BTreeMap<&H5Path, Vec<&Step>> = BTreeMap::new();
    for step in proposal.steps.iter().filter(|s| !matches!(s.action, Action::CreateFile(_))) {
        objects.entry(&step.path).or_default().push(step);
    }
    let mut out = String::new();
    let total = objects.len();
    for (path, steps) in objects.into_iter().take(if all { usize::MAX } else { MOST_OBJECTS }) {
        object(path, &steps, paint, &mut out);
    }
    if !all && total > MOST_OBJECTS {
        out.push_str(&format!("  … and {} more (--verbose shows all)\n", count(total - MOST_OBJECTS, "object")));
    }
    let shown = if all { usize::MAX } else { MOST_OBJECTS };
    for dangling in proposal.dangling.iter().take(shown) {
        out.push_str(&format!("  {}\n", paint.yellow(&escape_controls(&format!("warning: {dangling}")))));
    }
    if proposal.dangling.len() > shown {
        out.push_str(&format!("  … and {} more (--verbose shows all)\n", count(proposal.dangling.len() - shown, "warning")));
    }
    out
}

/// What is kept, a line each.
pub fn kept_text(kept: &[Kept], paint: Paint) -> String {
    kept.iter().map(|k| paint.dim(&format!("  = {}  {}: {}", k.path, k.aspect, k.note)) + "\n").collect()
}

pub(super) fn symbol(verb: Verb) -> char {
    match verb {
        Verb::Create => '+',
        Verb::Change => '~',
        Verb::Write => '#',
        Verb::Grow => '>',
        Verb::Remove | Verb::Shrink => '-',
        Verb::Convert | Verb::Replace => '!',
    }
}

fn painted(verb: Verb, text: &str, paint: Paint) -> String {
    match verb {
        Verb::Create => paint.green(text),
        Verb::Change | Verb::Write | Verb::Grow => paint.yellow(text),
        Verb::Remove | Verb::Shrink | Verb::Convert | Verb::Replace => paint.red(text),
    }
}

fn object(path: &H5Path, steps: &[&Step], paint: Paint, out: &mut String) {
    // Something may be moved, and then, a soft link, lead to something else.
    let first = steps.iter().position(|s| whole_object(&s.action).is_some());
    let whole = first.and_then(|n| whole_object(&steps[n].action).map(|text| (steps[n].action.verb(), text, steps[n])));
    let (verb, text) = match &whole {
        Some((verb, text, _)) => (*verb, format!("  {text}")),
        None => (Verb::Change, String::new()),
    };
    let cost = whole.as_ref().map_or(String::new(), |(_, _, s)| costs(s));
    out.push_str(&format!("  {}{cost}\n", painted(verb, &format!("{} {path}{text}", symbol(verb)), paint)));
    if let Some((_, _, step)) = &whole {
        reason(step, "      ", paint, out);
    }
    let names = steps.iter().filter_map(|s| s.action.attr_names().first().copied()).map(|n| bytes_text(n).chars().count());
    let width = names.max().unwrap_or(0).min(30);
    // Attributes of a new object are set before its contents; they read better after them.
    let place = |action: &Action| match action {
        Action::SetComment { .. } => 2,
        action => u8::from(!action.attr_names().is_empty()),
    };
    let mut parts: Vec<_> = steps.iter().enumerate().filter(|(n, _)| Some(*n) != first).map(|(_, s)| s).collect();
    parts.sort_by_key(|s| place(&s.action));
    for step in parts {
        let line = format!("{} {}", symbol(step.action.verb()), aspect(step, width));
        out.push_str(&format!("      {}{}\n", painted(step.action.verb(), &escape_controls(&line), paint), costs(step)));
        reason(step, "          ", paint, out);
    }
}

/// Why a dataset is made anew, and what that costs, on a line of its own.
fn reason(step: &Step, indent: &str, paint: Paint, out: &mut String) {
    if matches!(step.action, Action::Rebuild { .. }) {
        out.push_str(&format!("{indent}{}\n", paint.dim(&escape_controls(&step.reason))));
    }
}

/// What a step costs beside bytes.
fn costs(step: &Step) -> String {
    let hazard = match step.hazard {
        Hazard::None => String::new(),
        // What is lost is in the reason.
        Hazard::Lossy if matches!(step.action, Action::Rebuild { .. }) => "   ! lossy".into(),
        Hazard::Lossy => format!("   ! lossy: {}", escape_controls(&step.reason)),
        Hazard::Destructive => "   ! destructive".into(),
        Hazard::LossyAndDestructive => "   ! lossy and destructive".into(),
    };
    let dead = if step.dead > 0 { format!("   leaves {} of dead space", human_bytes(step.dead)) } else { String::new() };
    format!("{hazard}{dead}")
}

/// Text of the steps that stand for an object as a whole.
pub(super) fn whole_object(action: &Action) -> Option<String> {
    match action {
        Action::CreateGroup { .. } => Some("group".into()),
        Action::CreateType { dtype, .. } => Some(format!("type {dtype}")),
        Action::CreateDataset { definition, .. } => Some(dataset_text(definition)),
        Action::CreateLink { link, before: None, .. } => Some(link.to_string()),
        Action::CreateLink { link, before: Some(before), .. } => Some(format!("{link}   was {}", link_text(before))),
        Action::Rebuild { definition, .. } => Some(format!("made anew: {}", dataset_text(definition))),
        Action::Move { from, what } => Some(format!("{what} moved from {from}")),
        Action::Remove { what } => Some((*what).into()),
        Action::CreateFile(_)
        | Action::SetComment { .. }
        | Action::Grow { .. }
        | Action::Shrink { .. }
        | Action::WriteRegion { .. }
        | Action::SetAttr { .. }
        | Action::RemoveAttr { .. }
        | Action::RenameAttr { .. } => None,
    }
}

fn link_text(link: &LinkSeen) -> String {
    match link {
        LinkSeen::Hard(_) => "a hard link".into(),
        LinkSeen::Soft(target) => format!("soft link to {}", bytes_text(target)),
        LinkSeen::External { file, path } => format!("external link to {} in {}", bytes_text(path), bytes_text(file)),
        LinkSeen::UserDefined { class, .. } => format!("user-defined link of class {class}"),
    }
}

fn dataset_text(d: &Definition) -> String {
    let grows = d.maxshape.iter().zip(d.shape.dims()).any(|(m, s)| *m != Some(*s));
    let max = if grows { max_text(&d.maxshape) } else { String::new() };
    let chunked = matches!(d.layout, Layout::Chunked { .. });
    let raw = if chunked && d.partial_chunks == PartialChunks::Raw { ", partial chunks raw" } else { "" };
    format!("dataset {} {}{max}{}{raw}", d.dtype, d.shape, storage_text(&d.layout))
}

/// ` of at most [5, unlimited]`.
pub(super) fn max_text(max: &MaxShape) -> String {
    let sizes: Vec<String> = max.iter().map(|m| m.map_or("unlimited".into(), |m| m.to_string())).collect();
    format!(" of at most [{}]", sizes.join(", "))
}

/// `, chunks [5], shuffle`.
pub(super) fn storage_text(layout: &Layout) -> String {
    match layout {
        Layout::Chunked { chunk, filters } => {
            let filters: String = filters.iter().map(|f| format!(", {f}")).collect();
            format!(", chunks {chunk:?}{filters}")
        }
        Layout::Compact => ", compact".into(),
        Layout::External(files) => format!(", in {}", count(files.len(), "external file")),
        Layout::Virtual(mappings) => format!(", virtual with {}", count(mappings.len(), "mapping")),
        Layout::Contiguous | Layout::Unknown(_) => String::new(),
    }
}

pub(super) fn aspect(step: &Step, width: usize) -> String {
    let at = |name: &[u8]| format!("{:<w$}", format!("@{}", bytes_text(name)), w = width + 1);
    match &step.action {
        Action::SetAttr { name, before, after, .. } => match before {
            None => format!("{} = {}{}", at(name), value_text(after), typed(after)),
            Some(before) => format!("{}   {} -> {}{}", at(name), seen_text(before), value_text(after), retyped(before, after)),
        },
        Action::RemoveAttr { name, before } => format!("{}   was {}", at(name), seen_text(before)),
        Action::RenameAttr { from, to, value } => format!("{}   renamed from @{} (= {})", at(to), bytes_text(from), seen_text(value)),
        Action::Grow { before, after } | Action::Shrink { before, after } => format!("shape {before:?} -> {after:?}"),
        Action::WriteRegion { layer, blocks, seen, .. } => {
            region_text(&layer.region.to_string(), &layer.fill.rule.to_string(), blocks, seen, step.bytes)
        }
        Action::SetComment { before, after } if before.is_empty() => format!("comment {:?}", bytes_text(after)),
        Action::SetComment { before, after } => format!("comment {:?} -> {:?}", bytes_text(before), bytes_text(after)),
        Action::CreateFile(_)
        | Action::CreateGroup { .. }
        | Action::CreateType { .. }
        | Action::CreateDataset { .. }
        | Action::CreateLink { .. }
        | Action::Rebuild { .. }
        | Action::Move { .. }
        | Action::Remove { .. } => whole_object(&step.action).unwrap_or_default(),
    }
}

fn region_text(region: &str, rule: &str, blocks: &Blocks, seen: &RegionSeen, bytes: u64) -> String {
    let bytes = human_bytes(bytes);
    let rule = clipped(rule);
    match blocks {
        Blocks::All => format!("[{region}] <- {rule}   {}   {bytes}", count(seen.elements as usize, "element")),
        Blocks::Some(_) => {
            let column = |f: fn(&(String, String)) -> &String| seen.examples.iter().map(|e| clipped(f(e))).collect::<Vec<_>>().join(" ");
            let more = if seen.differing as usize > seen.examples.len() { " .." } else { "" };
            format!(
                "[{region}] <- {rule}   {} of {} differ{}   {}{more} -> {}{more}   {bytes}",
                grouped(seen.differing),
                count(seen.elements as usize, "element"),
                if seen.differing == 1 { "s" } else { "" },
                column(|e| &e.0),
                column(|e| &e.1)
            )
        }
    }
}

/// The dtype of a new attribute where the value does not say it.
pub(super) fn typed(value: &AttrValue) -> String {
    let plain = ["i8", "f8", "bool", "str"].contains(&value.dtype.to_string().as_str());
    if plain { String::new() } else { format!("   ({})", value.dtype) }
}

fn retyped(before: &AttrSeen, after: &AttrValue) -> String {
    let dtype = before.dtype();
    let shape = match before {
        AttrSeen::Value(v) => &v.shape,
        AttrSeen::Opaque { shape, .. } => shape,
    };
    let (told, made) = told_apart(dtype, &after.dtype);
    let as_long = |dtype: &Dtype| match dtype {
        Dtype::String(text) if matches!(text.length, StringLength::Fixed(_)) => {
            Dtype::String(StringType { length: StringLength::Fixed(1), ..*text })
        }
        other => other.clone(),
    };
    match (*dtype == after.dtype, *shape == after.shape) {
        (true, true) => String::new(),
        // A text of another length: everybody sees that.
        (false, true) if as_long(dtype) == as_long(&after.dtype) => String::new(),
        (false, true) => format!("   ({told} -> {made})"),
        (true, false) => format!("   ({shape} -> {})", after.shape),
        (false, false) => format!("   ({told} {shape} -> {made} {})", after.shape),
    }
}

pub(super) fn seen_text(seen: &AttrSeen) -> String {
    match seen {
        AttrSeen::Value(value) => value_text(value),
        AttrSeen::Opaque { dtype, .. } => format!("({dtype})"),
    }
}

/// A value as people write it: `3`, `"K"`, `[1, 2]`, `(empty f4)`.
pub(super) fn value_text(value: &AttrValue) -> String {
    let count = value.data.count(&value.dtype);
    let one = |i: usize| element_text(&value.data, &value.dtype, i);
    match (&value.shape, &value.data) {
        (Shape::Null, _) => format!("(empty {})", value.dtype),
        (Shape::Scalar, Elements::Fixed(_) | Elements::Strings(_) | Elements::Nested(_)) => clipped(&one(0)),
        (Shape::Simple(_), _) => {
            let shown: Vec<String> = (0..count.min(8)).map(one).collect();
            let more = if count > 8 { format!(", … {} in all", grouped(count as u64)) } else { String::new() };
            clipped(&format!("[{}{more}]", shown.join(", ")))
        }
    }
}

pub(super) fn clipped(text: &str) -> String {
    let text = escape_controls(&text.replace('\n', "\\n"));
    if text.chars().count() <= MOST_VALUE_CHARS {
        return text;
    }
    let head: String = text.chars().take(MOST_VALUE_CHARS - 1).collect();
    format!("{head}…")
}

/// `1 region to write, 2 attributes to set; 16 B. 5 objects considered, 1 changes.`
pub fn summary_text(proposal: &Proposal, tense: Tense) -> String {
    let number = |f: fn(&Action) -> bool| proposal.steps.iter().filter(|s| f(&s.action)).count();
    let parts = [
        (number(|a| matches!(a, Action::Move { .. })), "object", "to move", "moved"),
        (number(|a| matches!(a, Action::Remove { .. })), "object", "to remove", "removed"),
        (number(|a| matches!(a, Action::CreateType { .. })), "type", "to create", "created"),
        (number(|a| matches!(a, Action::CreateGroup { .. })), "group", "to create", "created"),
        (number(|a| matches!(a, Action::CreateDataset { .. })), "dataset", "to create", "created"),
        (number(|a| matches!(a, Action::CreateLink { .. })), "link", "to make", "made"),
        (number(|a| matches!(a, Action::Rebuild { .. })), "dataset", "to make anew", "made anew"),
        (number(|a| matches!(a, Action::Grow { .. })), "dataset", "to grow", "grown"),
        (number(|a| matches!(a, Action::Shrink { .. })), "dataset", "to shrink", "shrunk"),
        (number(|a| matches!(a, Action::WriteRegion { .. })), "region", "to write", "written"),
        (number(|a| matches!(a, Action::SetAttr { .. })), "attribute", "to set", "set"),
        (number(|a| matches!(a, Action::RenameAttr { .. })), "attribute", "to rename", "renamed"),
        (number(|a| matches!(a, Action::RemoveAttr { .. })), "attribute", "to remove", "removed"),
        (number(|a| matches!(a, Action::SetComment { .. })), "comment", "to set", "set"),
    ];
    let verb = |future: &'static str, past: &'static str| if tense == Tense::Future { future } else { past };
    let words: Vec<String> =
        parts.iter().filter(|p| p.0 > 0).map(|(n, what, future, past)| format!("{} {}", count(*n, what), verb(future, past))).collect();
    let summary = proposal.summary();
    let what = if words.is_empty() { "an empty file".into() } else { words.join(", ") };
    let changing = match (summary.changing, tense) {
        (1, Tense::Future) => "1 changes".into(),
        (n, Tense::Future) => format!("{} change", grouped(n as u64)),
        (n, Tense::Past) => format!("{} changed", grouped(n as u64)),
    };
    format!("{what}; {}. {} considered, {changing}.", human_bytes(summary.bytes), count(summary.considered, "object"))
}
