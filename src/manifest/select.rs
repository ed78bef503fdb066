//! `select`.

use super::dims::Dims;
use super::table::{Keys, expected};
use super::tree::{Node, Table, Val};
use crate::diag::{Finding, Findings, did_you_mean};
use crate::model::{H5Path, SelectError, SelectItem, Selection, SelectionText};

const SLAB: Keys = Keys { what: "a selection", known: &["start", "stride", "count", "block", "points"], later: &[] };

/// Reads a selection in any form. `axes` are the names of the dataset's dimensions, where known.
pub(crate) fn read(node: &Node, dims: &Dims, object: &H5Path, axes: Option<&[Option<String>]>) -> Result<SelectionText, Finding> {
    let bad = |e: SelectError| Finding::error("select", format!("not a selection: {}", e.0)).at(node.span, "");
    let selection = match &node.val {
        Val::Text(text) => {
            let text = with_sizes(text, node, dims, object)?;
            Selection::parse(&text).map_err(bad)?
        }
        Val::Int(_) => Selection::Items(vec![item(node, dims, object)?]),
        Val::List(items) => Selection::Items(items.iter().map(|n| item(n, dims, object)).collect::<Result<_, _>>()?),
        Val::Table(table) if is_slab(table, axes) => slab(node, table)?,
        Val::Table(table) => by_name(node, table, dims, object, axes)?,
        Val::Bool(_) | Val::Float(_) | Val::Datetime(_) => return Err(expected("a selection such as \"5:6, ::2\"", node)),
    };
    Ok(SelectionText { selection, span: node.span })
}

/// Reads the selection of another file's dataset, whose axes have no names here.
pub(crate) fn of_source(node: &Node, dims: &Dims, object: &H5Path) -> Result<Selection, Finding> {
    match &node.val {
        Val::Table(table) if !is_slab(table, None) => {
            Err(Finding::error("select", "the axes of another file's dataset have no names here")
                .at(node.span, "")
                .help("select by position: \"5:6, ::2\""))
        }
        _ => read(node, dims, object, None).map(|text| text.selection),
    }
}

/// HDF5's own words, unless every key is the name of an axis.
fn is_slab(table: &Table, axes: Option<&[Option<String>]>) -> bool {
    let named = |key: &str| axes.is_some_and(|a| a.iter().flatten().any(|n| n == key));
    table.entries.iter().any(|e| SLAB.known.contains(&e.key.as_str())) && !table.entries.iter().all(|e| named(&e.key))
}

/// One axis of a list: an index, or text.
fn item(node: &Node, dims: &Dims, object: &H5Path) -> Result<SelectItem, Finding> {
    match &node.val {
        Val::Int(v) => i64::try_from(*v).map(SelectItem::Index).map_err(|_| expected("a position", node)),
        Val::Text(text) => {
            let text = with_sizes(text, node, dims, object)?;
            SelectItem::parse(&text).map_err(|e| Finding::error("select", format!("not a selection: {}", e.0)).at(node.span, ""))
        }
        Val::Bool(_) | Val::Float(_) | Val::Datetime(_) | Val::List(_) | Val::Table(_) => {
            Err(expected("an index, or text such as \"2:4\"", node))
        }
    }
}

/// Names of dimensions stand for their sizes.
fn with_sizes(text: &str, node: &Node, dims: &Dims, object: &H5Path) -> Result<String, Finding> {
    let is_word = |c: char| c.is_alphanumeric() || c == '_';
    let mut out = String::new();
    let mut rest = text;
    while let Some(start) = rest.find(|c: char| c.is_alphabetic() || c == '_') {
        let end = rest[start..].find(|c: char| !is_word(c)).map_or(rest.len(), |n| start + n);
        let name = &rest[start..end];
        let dim = dims.get(name, object).ok_or_else(|| dims.unknown(name, node.span, object))?;
        out.push_str(&rest[..start]);
        out.push_str(&dim.size.value.to_string());
        rest = &rest[end..];
    }
    out.push_str(rest);
    Ok(out)
}

fn by_name(node: &Node, table: &Table, dims: &Dims, object: &H5Path, axes: Option<&[Option<String>]>) -> Result<Selection, Finding> {
    let Some(axes) = axes else {
        return Err(Finding::error("select", format!("the axes of {object} have no names here"))
            .at(node.span, "")
            .help("select by position (\"5:6, ::2\"), or declare `dims` on the dataset"));
    };
    let mut items = vec![SelectItem::Range { start: None, stop: None, step: 1 }; axes.len()];
    for entry in &table.entries {
        let names = || axes.iter().flatten().map(String::as_str);
        let axis = axes.iter().position(|a| a.as_deref() == Some(entry.key.as_str())).ok_or_else(|| {
            let help = did_you_mean(&entry.key, names())
                .unwrap_or_else(|| format!("its dimensions are {}", names().collect::<Vec<_>>().join(", ")));
            Finding::error("select", format!("{object} has no dimension `{}`", entry.key)).at(entry.key_span, "").help(help)
        })?;
        items[axis] = item(&entry.node, dims, object)?;
        if items[axis] == SelectItem::Ellipsis {
            items[axis] = SelectItem::Range { start: None, stop: None, step: 1 };
        }
    }
    Ok(Selection::Items(items))
}

fn slab(node: &Node, table: &Table) -> Result<Selection, Finding> {
    let mut unknown = Findings::new();
    if !SLAB.check(table, &mut unknown) {
        return Err(unknown.into_iter().next().unwrap_or_else(|| expected("a selection", node)));
    }
    if let Some(points) = table.get("points") {
        if table.entries.len() > 1 {
            return Err(Finding::error("select", "`points` stands alone").at(node.span, ""));
        }
        let points = points.node.list("a list of points")?;
        return Ok(Selection::Points(points.iter().map(numbers).collect::<Result<_, _>>()?));
    }
    let start = numbers(table.need("start", "a hyperslab", node.span)?)?;
    let count = numbers(table.need("count", "a hyperslab", node.span)?)?;
    let ones = vec![1; start.len()];
    let block = table.get("block").map_or(Ok(ones), |e| numbers(&e.node))?;
    let stride = table.get("stride").map_or(Ok(block.clone()), |e| numbers(&e.node))?;
    Ok(Selection::Hyperslab { start, stride, count, block })
}

fn numbers(node: &Node) -> Result<Vec<u64>, Finding> {
    node.list("a list of numbers")?.iter().map(|n| n.size("a position")).collect()
}
