//! A listing of a file, or of an object's attributes, as an aligned table or as JSON.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::values::{attr_json, attr_text, shape_json, shape_text, tuple};
use crate::model::{AttrSeen, H5Path, Layout, Listed, ListedKind, MaxShape, Shape, bytes_text};

/// Longest text of an attribute or a dtype in a table, in characters.
const MOST_CHARS: usize = 60;
/// Attributes of more elements are summarised even where they are printed by themselves.
const MOST_ELEMENTS: u64 = 1000;

/// What a listing shows besides datasets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// Datasets, and what has an attribute that was asked for.
    Datasets,
    /// Groups, links and types, too.
    Everything,
    /// Everything, and every attribute beneath its object instead of in a column.
    WithAttributes,
}

type Attr = (Vec<u8>, Result<AttrSeen, String>);

/// The lines of a listing that are in its scope. What cannot be read always is.
pub fn in_scope(list: Vec<Listed>, scope: Scope) -> Vec<Listed> {
    if scope != Scope::Datasets {
        return list;
    }
    let datasets: std::collections::BTreeSet<H5Path> =
        list.iter().filter(|l| matches!(l.what, ListedKind::Dataset { .. })).map(|l| l.path.clone()).collect();
    let shown = |l: &Listed| match &l.what {
        ListedKind::Dataset { .. } | ListedKind::Unreadable(_) => true,
        ListedKind::Group | ListedKind::Type => !l.attrs.is_empty(),
        ListedKind::SameAs(first) => datasets.contains(first),
        ListedKind::Soft(_) | ListedKind::External { .. } | ListedKind::UserDefined(_) => false,
    };
    list.into_iter().filter(shown).collect()
}

/// A table: path, shape, dtype, storage, and a column for each attribute of `columns`.
pub fn table(list: &[Listed], scope: Scope, columns: &[Vec<u8>]) -> String {
    let mut rows = Rows::default();
    let star = list.iter().any(|l| matches!(&l.what, ListedKind::Dataset { maxshape, .. } if maxshape.contains(&None)));
    let mut header: Vec<String> = ["path", if star { "shape (*: unlimited)" } else { "shape" }, "dtype", "storage"].map(Into::into).into();
    header.extend(columns.iter().map(|name| format!("@{}", bytes_text(name))));
    rows.cells(header);
    for one in list {
        let path = one.path.to_string();
        let cells = match &one.what {
            ListedKind::Dataset { dtype, shape, maxshape, layout } => {
                vec![path, growable_text(shape, maxshape), shortened(&dtype.numpy_name()), layout_text(layout)]
            }
            ListedKind::Group => vec![path, "group".into(), String::new(), String::new()],
            ListedKind::Type => vec![path, "type".into(), String::new(), String::new()],
            other => {
                rows.free(path, remark(other));
                continue;
            }
        };
        let attr = |name: &Vec<u8>| one.attrs.iter().find(|(n, _)| n == name).map(|(_, value)| shortened(&value_text(value, false)));
        rows.cells(cells.into_iter().chain(columns.iter().map(|name| attr(name).unwrap_or_default())).collect());
        if scope == Scope::WithAttributes {
            for (name, value) in &one.attrs {
                rows.line(format!("    @{} = {}", bytes_text(name), shortened(&value_text(value, false))));
            }
        }
    }
    rows.text()
}

/// Attributes of one object: name, dtype, shape, value. `all`: every element, however many.
pub fn attr_table(attrs: &[Attr], all: bool) -> String {
    let mut rows = Rows::default();
    rows.cells(["attribute", "dtype", "shape", "value"].map(Into::into).into());
    for (name, value) in attrs {
        let name = format!("@{}", bytes_text(name));
        match value {
            Ok(AttrSeen::Value(v)) => {
                let whole = all || v.shape.elements().is_some_and(|n| n <= MOST_ELEMENTS);
                rows.cells(vec![name, v.dtype.numpy_name(), shape_text(&v.shape), value_text(value, whole)]);
            }
            Ok(AttrSeen::Opaque { dtype, shape, why }) => rows.cells(vec![name, dtype.numpy_name(), shape_text(shape), format!("({why})")]),
            Err(_) => rows.free(name, value_text(value, all)),
        }
    }
    rows.text()
}

/// The listing in JSON: a list of objects with `path` and `kind`.
pub fn list_json(list: &[Listed]) -> Value {
    list.iter().map(one_json).collect()
}

/// Attributes in JSON, by name.
pub fn attrs_json(attrs: &[Attr]) -> Value {
    let value = |v: &Result<AttrSeen, String>| v.as_ref().map_or_else(|why| json!({ "error": why }), attr_json);
    Value::Object(attrs.iter().map(|(name, v)| (bytes_text(name), value(v))).collect::<Map<_, _>>())
}

fn one_json(one: &Listed) -> Value {
    let mut out = json!({ "path": one.path.to_string() });
    let more = match &one.what {
        ListedKind::Dataset { dtype, shape, maxshape, layout } => json!({
            "kind": "dataset",
            "dtype": dtype.numpy_name(),
            "shape": shape_json(shape),
            "maxshape": maxshape.iter().map(|m| m.map_or(json!("unlimited"), |m| json!(m))).collect::<Vec<_>>(),
            "layout": layout.word(),
            "chunks": layout.chunk(),
            "filters": layout.filters().iter().map(ToString::to_string).collect::<Vec<_>>(),
        }),
        ListedKind::Group => json!({ "kind": "group" }),
        ListedKind::Type => json!({ "kind": "type" }),
        ListedKind::Soft(target) => json!({ "kind": "soft link", "target": bytes_text(target) }),
        ListedKind::External { file, path } => {
            json!({ "kind": "external link", "file": bytes_text(file), "target": bytes_text(path) })
        }
        ListedKind::UserDefined(class) => json!({ "kind": "user-defined link", "class": class }),
        ListedKind::SameAs(first) => json!({ "kind": "same object", "target": first.to_string() }),
        ListedKind::Unreadable(why) => json!({ "kind": "unreadable", "error": why }),
    };
    if let (Value::Object(out), Value::Object(more)) = (&mut out, more) {
        out.extend(more);
        if !one.attrs.is_empty() {
            out.insert("attributes".into(), attrs_json(&one.attrs));
        }
    }
    out
}

fn remark(what: &ListedKind) -> String {
    match what {
        ListedKind::Soft(target) => format!("soft link -> {}", bytes_text(target)),
        ListedKind::External { file, path } => format!("external link -> {} in {}", bytes_text(path), bytes_text(file)),
        ListedKind::UserDefined(class) => format!("user-defined link of class {class}"),
        ListedKind::SameAs(first) => format!("the same object as {first}"),
        ListedKind::Unreadable(why) => format!("unreadable: {}", bytes_text(why.as_bytes())),
        ListedKind::Dataset { .. } | ListedKind::Group | ListedKind::Type => String::new(),
    }
}

fn value_text(value: &Result<AttrSeen, String>, all: bool) -> String {
    match value {
        Ok(seen) => attr_text(seen, all),
        Err(why) => format!("unreadable: {}", bytes_text(why.as_bytes())),
    }
}

fn shortened(text: &str) -> String {
    match text.char_indices().nth(MOST_CHARS) {
        Some(_) => text.chars().take(MOST_CHARS - 1).chain(['…']).collect(),
        None => text.into(),
    }
}

/// `(1494*, 10..100, 3)`: unlimited, growable to 100, fixed.
fn growable_text(shape: &Shape, max: &MaxShape) -> String {
    if *shape == Shape::Null {
        return shape_text(shape);
    }
    tuple(shape.dims().iter().enumerate().map(|(axis, size)| match max.get(axis) {
        Some(None) => format!("{size}*"),
        Some(Some(most)) if most != size => format!("{size}..{most}"),
        Some(Some(_)) | None => size.to_string(),
    }))
}

fn layout_text(layout: &Layout) -> String {
    match layout {
        Layout::Chunked { chunk, filters } => {
            let filters: Vec<String> = filters.iter().map(ToString::to_string).collect();
            format!("chunked {} {}", tuple(chunk.iter().map(ToString::to_string)), filters.join(", ")).trim_end().into()
        }
        other => other.word().into(),
    }
}

/// Lines, some of them cells to align.
#[derive(Default)]
struct Rows(Vec<Row>);

enum Row {
    Cells(Vec<String>),
    /// An aligned first cell, then text that no column is widened for.
    Free(String, String),
    Line(String),
}

impl Rows {
    fn cells(&mut self, cells: Vec<String>) {
        self.0.push(Row::Cells(cells));
    }

    fn free(&mut self, first: String, rest: String) {
        self.0.push(Row::Free(first, rest));
    }

    fn line(&mut self, line: String) {
        self.0.push(Row::Line(line));
    }

    fn text(&self) -> String {
        let mut widths: BTreeMap<usize, usize> = BTreeMap::new();
        let mut note = |column: usize, text: &str| {
            let width = widths.entry(column).or_default();
            *width = (*width).max(text.chars().count());
        };
        for row in &self.0 {
            match row {
                Row::Cells(cells) => cells.iter().enumerate().for_each(|(column, cell)| note(column, cell)),
                Row::Free(first, _) => note(0, first),
                Row::Line(_) => {}
            }
        }
        let width = |column: usize| widths.get(&column).copied().unwrap_or(0);
        let mut out = String::new();
        for row in &self.0 {
            let mut line = String::new();
            match row {
                Row::Cells(cells) => {
                    for (column, cell) in cells.iter().enumerate() {
                        line.push_str(&format!("{cell:<width$}  ", width = width(column)));
                    }
                }
                Row::Free(first, rest) => line.push_str(&format!("{first:<width$}  {rest}", width = width(0))),
                Row::Line(text) => line.push_str(text),
            }
            out.push_str(line.trim_end());
            out.push('\n');
        }
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{AttrValue, Codec, Dtype, Elements};

    fn path(text: &str) -> H5Path {
        H5Path::parse(text).unwrap()
    }

    fn listing() -> Vec<Listed> {
        let units = |text: &str| {
            let data = Elements::Strings(vec![Some(text.as_bytes().to_vec())]);
            (b"units".to_vec(), Ok(AttrSeen::Value(AttrValue { max: None, dtype: Dtype::str(), shape: Shape::Scalar, data })))
        };
        let dataset = |at: &str, dtype, dims: &[u64], maxshape: &[Option<u64>], layout, attrs| Listed {
            path: path(at),
            what: ListedKind::Dataset { dtype, shape: Shape::from_dims(dims), maxshape: maxshape.to_vec(), layout },
            attrs,
        };
        let chunked = Layout::Chunked { chunk: vec![94, 30, 47], filters: vec![Codec::Shuffle.into(), Codec::Deflate(4).into()] };
        let other = |at: &str, what| Listed { path: path(at), what, attrs: vec![] };
        vec![
            other("/", ListedKind::Group),
            dataset("/V", Dtype::float(4), &[1494, 60, 47], &[None, Some(60), Some(90)], chunked, vec![units("m\ns-1")]),
            other("/V2", ListedKind::SameAs(path("/V"))),
            dataset("/a", Dtype::int(8, true), &[3], &[Some(3)], Layout::Contiguous, vec![(b"units".to_vec(), Err("no\tluck".into()))]),
            other("/bad\x1b", ListedKind::Unreadable("bad object header version number".into())),
            other("/link", ListedKind::Soft(b"/V".to_vec())),
            dataset("/s", Dtype::bool(), &[], &[], Layout::Compact, vec![]),
        ]
    }

    #[test]
    fn datasets_by_default() {
        let list = in_scope(listing(), Scope::Datasets);
        let expect = r#"
path      shape (*: unlimited)  dtype    storage                                  @units
/V        (1494*, 60, 47..90)   float32  chunked (94, 30, 47) shuffle, deflate 4  "m\x0As-1"
/V2       the same object as /V
/a        (3,)                  int64    contiguous                               unreadable: no\x09luck
/bad\x1B  unreadable: bad object header version number
/s        ()                    bool     compact
"#;
        assert_eq!(format!("\n{}", table(&list, Scope::Datasets, &[b"units".to_vec()])), expect);
    }

    #[test]
    fn everything_on_request() {
        let list = in_scope(listing(), Scope::WithAttributes);
        let text = table(&list, Scope::WithAttributes, &[]);
        assert!(text.contains("/         group\n") && text.contains("/link     soft link -> /V\n"), "{text}");
        assert!(text.contains("\n    @units = \"m\\x0As-1\"\n"), "{text}");
    }

    #[test]
    fn json() {
        let list = list_json(&listing());
        assert_eq!(
            list[1],
            json!({
                "path": "/V", "kind": "dataset", "dtype": "float32", "shape": [1494, 60, 47], "maxshape": ["unlimited", 60, 90],
                "layout": "chunked", "chunks": [94, 30, 47], "filters": ["shuffle", "deflate 4"],
                "attributes": { "units": { "dtype": "str", "shape": [], "value": "m\\x0As-1" } },
            })
        );
        assert_eq!(list[5], json!({ "path": "/link", "kind": "soft link", "target": "/V" }));
    }

    #[test]
    fn long_values_are_cut() {
        assert_eq!(shortened(&"ä".repeat(60)), "ä".repeat(60));
        assert_eq!(shortened(&"ä".repeat(61)), format!("{}…", "ä".repeat(59)));
    }
}
