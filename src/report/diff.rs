//! Two files side by side, as text and as JSON (docs/diff.md). The words are the plan's: the first file is what is, the second what it
//! would become.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::Paint;
use super::json::{seen as attr_json, shape as shape_json};
use super::plan::{MOST_OBJECTS, clipped, max_text, seen_text, storage_text, typed};
use super::words::{count, escape_controls, grouped};
use crate::model::{AttrSeen, Change, Comparison, Difference, H5Path, Layout, ListedKind, RegionSeen, Shape, bytes_text};

/// Version of the JSON document.
const FORMAT_VERSION: u32 = 1;

/// Characters of a property that are shown.
const MOST_ASPECT_CHARS: usize = 300;

/// The two files' names as given.
#[derive(Clone, Copy, Debug)]
pub struct DiffContext<'a> {
    /// The first.
    pub a: &'a str,
    /// The second.
    pub b: &'a str,
}

/// The differences, grouped by object; `all` shows every object of a long list.
pub fn diff_text(comparison: &Comparison, cx: &DiffContext<'_>, paint: Paint, all: bool) -> String {
    let mut objects: BTreeMap<(bool, &H5Path), Vec<&Change>> = BTreeMap::new();
    for Difference { path, change } in &comparison.differences {
        objects.entry((!matches!(change, Change::File { .. }), path)).or_default().push(change);
    }
    let total = objects.len();
    let mut out = String::new();
    for ((is_object, path), changes) in objects.into_iter().take(if all { usize::MAX } else { MOST_OBJECTS }) {
        let name = if is_object { path.to_string() } else { "(file)".to_owned() };
        let whole = changes.iter().filter_map(|c| whole(c, cx)).map(|(sign, text)| (sign, format!("{sign} {name}  {text}"))).next();
        let (sign, line) = whole.unwrap_or_else(|| ('~', format!("~ {name}")));
        out.push_str(&format!("  {}\n", painted(sign, &escape_controls(&line), paint)));
        let names =
            changes.iter().filter_map(|c| if let Change::Attr { name, .. } = c { Some(bytes_text(name).chars().count()) } else { None });
        let width = names.max().unwrap_or(0).min(30);
        for (sign, text) in changes.iter().filter_map(|c| aspect(c, width)) {
            out.push_str(&format!("      {}\n", painted(sign, &escape_controls(&format!("{sign} {text}")), paint)));
        }
    }
    if !all && total > MOST_OBJECTS {
        out.push_str(&format!("  … and {} more (--verbose shows all)\n", count(total - MOST_OBJECTS, "object")));
    }
    out
}

/// `2 objects differ, 1 only in a.h5; 5 compared.`
pub fn diff_summary(comparison: &Comparison, cx: &DiffContext<'_>) -> String {
    let counts = Counts::of(comparison);
    let changed = match counts.changed {
        0 => None,
        1 => Some("1 object differs".to_owned()),
        n => Some(format!("{} differ", count(n, "object"))),
    };
    let file = counts.file.then(|| "the files as a whole differ".to_owned());
    let only = |n: usize, name: &str| (n > 0).then(|| format!("{} only in {}", grouped(n as u64), escape_controls(name)));
    let parts: Vec<String> = [file, changed, only(counts.only_a, cx.a), only(counts.only_b, cx.b)].into_iter().flatten().collect();
    let data = if comparison.contents { "" } else { ", without contents" };
    format!("{}; {} compared{data}.", parts.join(", "), count(comparison.considered, "object"))
}

struct Counts {
    file: bool,
    changed: usize,
    only_a: usize,
    only_b: usize,
}

impl Counts {
    fn of(comparison: &Comparison) -> Self {
        let number = |f: fn(&Change) -> bool| comparison.differences.iter().filter(|d| f(&d.change)).count();
        let mut changed: Vec<&H5Path> = comparison
            .differences
            .iter()
            .filter(|d| !matches!(d.change, Change::File { .. } | Change::OnlyBefore(_) | Change::OnlyAfter(_)))
            .map(|d| &d.path)
            .collect();
        changed.dedup();
        Self {
            file: number(|c| matches!(c, Change::File { .. })) > 0,
            changed: changed.len(),
            only_a: number(|c| matches!(c, Change::OnlyBefore(_))),
            only_b: number(|c| matches!(c, Change::OnlyAfter(_))),
        }
    }
}

fn painted(sign: char, text: &str, paint: Paint) -> String {
    match sign {
        '+' => paint.green(text),
        '-' => paint.red(text),
        _ => paint.yellow(text),
    }
}

/// Sign and text of what stands for an object as a whole.
fn whole(change: &Change, cx: &DiffContext<'_>) -> Option<(char, String)> {
    match change {
        Change::OnlyBefore(what) => Some(('-', format!("{}   only in {}", kind_text(what), cx.a))),
        Change::OnlyAfter(what) => Some(('+', format!("{}   only in {}", kind_text(what), cx.b))),
        Change::Other { before, after } => Some(('~', format!("{} -> {}", kind_text(before), kind_text(after)))),
        Change::File { .. } | Change::Aspect { .. } | Change::Attr { .. } | Change::Values { .. } => None,
    }
}

fn aspect(change: &Change, width: usize) -> Option<(char, String)> {
    let at = |name: &[u8]| format!("{:<w$}", format!("@{}", bytes_text(name)), w = width + 1);
    match change {
        Change::File { aspect, before, after } | Change::Aspect { aspect, before, after } => {
            Some(('~', format!("{aspect}: {} -> {}", shortened(before), shortened(after))))
        }
        Change::Attr { name, before: None, after: Some(after) } => {
            Some(('+', format!("{} = {}{}", at(name), seen_text(after), dtype(after))))
        }
        Change::Attr { name, before: Some(before), after: None } => {
            Some(('-', format!("{} = {}{}", at(name), seen_text(before), dtype(before))))
        }
        Change::Attr { name, before: Some(before), after: Some(after) } => {
            Some(('~', format!("{}   {} -> {}{}", at(name), seen_text(before), seen_text(after), retyped(before, after))))
        }
        Change::Attr { before: None, after: None, .. } => None,
        Change::Values { region, seen } => Some(('#', format!("[{region}]   {}", values_text(seen)))),
        Change::OnlyBefore(_) | Change::OnlyAfter(_) | Change::Other { .. } => None,
    }
}

/// On one line, and no longer than people read.
fn shortened(text: &str) -> String {
    let text = text.replace('\n', "\\n");
    if text.chars().count() <= MOST_ASPECT_CHARS {
        return text;
    }
    text.chars().take(MOST_ASPECT_CHARS - 1).chain(['…']).collect()
}

fn values_text(seen: &RegionSeen) -> String {
    let column = |f: fn(&(String, String)) -> &String| seen.examples.iter().map(|e| clipped(f(e))).collect::<Vec<_>>().join(" ");
    let more = if seen.differing as usize > seen.examples.len() { " .." } else { "" };
    let examples = match seen.examples.as_slice() {
        [] => String::new(),
        _ => format!("   {}{more} -> {}{more}", column(|e| &e.0), column(|e| &e.1)),
    };
    let verb = if seen.differing == 1 { "differs" } else { "differ" };
    format!("{} of {} {verb}{examples}", grouped(seen.differing), count(seen.elements as usize, "element"))
}

fn kind_text(what: &ListedKind) -> String {
    match what {
        ListedKind::Group => "group".into(),
        ListedKind::Type => "type".into(),
        ListedKind::Dataset { dtype, shape, maxshape, layout } => {
            let max = if shape.dims().iter().zip(maxshape).any(|(s, m)| *m != Some(*s)) { max_text(maxshape) } else { String::new() };
            format!("dataset {dtype} {shape}{max}{}", storage_text(layout))
        }
        ListedKind::Soft(target) => format!("soft link to {}", bytes_text(target)),
        ListedKind::External { file, path } => format!("external link to {} in {}", bytes_text(path), bytes_text(file)),
        ListedKind::UserDefined(class) => format!("user-defined link of class {class}"),
        ListedKind::SameAs(first) => format!("hard link to {first}"),
        ListedKind::Unreadable(why) => format!("unreadable ({why})"),
    }
}

fn dtype(seen: &AttrSeen) -> String {
    match seen {
        AttrSeen::Value(value) => typed(value),
        AttrSeen::Opaque { .. } => String::new(),
    }
}

fn attr_shape(seen: &AttrSeen) -> &Shape {
    match seen {
        AttrSeen::Value(v) => &v.shape,
        AttrSeen::Opaque { shape, .. } => shape,
    }
}

fn retyped(before: &AttrSeen, after: &AttrSeen) -> String {
    let (a, b) = (before.dtype(), after.dtype());
    let (s, t) = (attr_shape(before), attr_shape(after));
    match (a == b, s == t) {
        (true, true) => String::new(),
        (false, true) => format!("   ({a} -> {b})"),
        (true, false) => format!("   ({s} -> {t})"),
        (false, false) => format!("   ({a} {s} -> {b} {t})"),
    }
}

/// The comparison as a JSON document.
pub fn diff_json(comparison: &Comparison, cx: &DiffContext<'_>) -> Value {
    let counts = Counts::of(comparison);
    let only =
        |f: fn(&Change) -> bool| comparison.differences.iter().filter(|d| f(&d.change)).map(|d| d.path.to_string()).collect::<Vec<_>>();
    json!({
        "format_version": FORMAT_VERSION,
        "tool": { "name": "h5mason", "version": env!("CARGO_PKG_VERSION") },
        "a": cx.a,
        "b": cx.b,
        "equal": comparison.is_equal(),
        "contents_compared": comparison.contents,
        "differences": comparison.differences.iter().map(difference).collect::<Vec<_>>(),
        "only_in_a": only(|c| matches!(c, Change::OnlyBefore(_))),
        "only_in_b": only(|c| matches!(c, Change::OnlyAfter(_))),
        "untold": comparison.untold.iter().map(|(path, why)| json!({ "path": path.to_string(), "why": why })).collect::<Vec<_>>(),
        "summary": {
            "objects_considered": comparison.considered,
            "objects_differing": counts.changed,
            "only_in_a": counts.only_a,
            "only_in_b": counts.only_b,
        },
    })
}

fn difference(difference: &Difference) -> Value {
    let (verb, aspect, before, after) = match &difference.change {
        Change::File { aspect, before, after } => ("change", format!("file {aspect}"), json!(before), json!(after)),
        Change::OnlyBefore(what) => ("remove", kind_word(what).into(), kind_json(what), Value::Null),
        Change::OnlyAfter(what) => ("create", kind_word(what).into(), Value::Null, kind_json(what)),
        Change::Other { before, after } => ("change", "object".into(), kind_json(before), kind_json(after)),
        Change::Aspect { aspect, before, after } => ("change", (*aspect).into(), json!(before), json!(after)),
        Change::Attr { name, before, after } => {
            let value = |seen: &Option<AttrSeen>| seen.as_ref().map_or(Value::Null, attr_json);
            let verb = match (before, after) {
                (None, _) => "create",
                (_, None) => "remove",
                _ => "change",
            };
            (verb, format!("attribute {}", bytes_text(name)), value(before), value(after))
        }
        Change::Values { region, seen } => {
            let counts = json!({
                "elements": seen.elements,
                "differing": seen.differing,
                "examples": seen.examples.iter().map(|(b, a)| json!({ "before": b, "after": a })).collect::<Vec<_>>(),
            });
            ("write", format!("region [{region}]"), Value::Null, counts)
        }
    };
    json!({ "verb": verb, "path": difference.path.to_string(), "aspect": aspect, "before": before, "after": after })
}

fn kind_word(what: &ListedKind) -> &'static str {
    match what {
        ListedKind::Group => "group",
        ListedKind::Type => "type",
        ListedKind::Dataset { .. } => "dataset",
        ListedKind::Soft(_) | ListedKind::External { .. } | ListedKind::UserDefined(_) | ListedKind::SameAs(_) => "link",
        ListedKind::Unreadable(_) => "object",
    }
}

fn kind_json(what: &ListedKind) -> Value {
    match what {
        ListedKind::Dataset { dtype, shape, maxshape, layout } => json!({
            "kind": "dataset",
            "dtype": dtype.to_string(),
            "shape": shape_json(shape),
            "maxshape": maxshape.iter().map(|m| m.map_or(json!("unlimited"), |m| json!(m))).collect::<Vec<_>>(),
            "layout": layout.word(),
            "chunks": match layout { Layout::Chunked { chunk, .. } => json!(chunk), _ => Value::Null },
            "filters": layout.filters().iter().map(ToString::to_string).collect::<Vec<_>>(),
        }),
        ListedKind::Soft(target) => json!({ "kind": "link", "soft": bytes_text(target) }),
        ListedKind::External { file, path } => {
            json!({ "kind": "link", "external": { "file": bytes_text(file), "path": bytes_text(path) } })
        }
        ListedKind::UserDefined(class) => json!({ "kind": "link", "user_defined": class }),
        ListedKind::SameAs(first) => json!({ "kind": "link", "hard": first.to_string() }),
        ListedKind::Group | ListedKind::Type | ListedKind::Unreadable(_) => json!({ "kind": kind_word(what) }),
    }
}
