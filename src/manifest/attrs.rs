//! `attrs`.

use std::collections::BTreeMap;

use super::dtype;
use super::dtype::Types;
use super::table::{Keys, expected};
use super::tree::{Entry, Node, Table, Val};
use crate::diag::{Finding, Findings, Span};
use crate::model::{
    AttrRule, AttrSpec, Charset, DesiredAttr, Dtype, H5Path, Literal, MaxShape, Padding, RefKind, Shape, Side, StringLength, StringType,
    text_bytes,
};

/// Names of attributes are stored with a 16-bit length, terminator included.
const MOST_NAME_BYTES: usize = 65_534;
const FORMS: &[&str] =
    &["value", "bytes", "empty", "ref", "absent", "default", "replace", "rename_from", "map", "cast", "append", "prepend", "copy_from"];
/// The dtype of a text that is as long as the text is: netCDF's name for it.
const CHAR: &str = "char";
/// Beside a form.
const BESIDE: &[&str] = &["dtype", "shape", "maxshape", "name_charset"];

/// Reads a table of attributes, in manifest order.
pub(crate) fn read(table: &Table, types: &Types, findings: &mut Findings) -> Vec<DesiredAttr> {
    let (mut out, mut seen): (Vec<DesiredAttr>, BTreeMap<Vec<u8>, Span>) = (Vec::new(), BTreeMap::new());
    for entry in &table.entries {
        let Some(attr) = one(entry, types, findings) else { continue };
        match seen.get(&attr.name) {
            Some(first) => findings.push(
                Finding::error("duplicate-key", format!("the attribute `{}` stands here twice", entry.key))
                    .at(attr.origin, "")
                    .at(*first, "first here"),
            ),
            None => {
                seen.insert(attr.name.clone(), attr.origin);
                out.push(attr);
            }
        }
    }
    out
}

fn one(entry: &Entry, types: &Types, findings: &mut Findings) -> Option<DesiredAttr> {
    let name = text_bytes(&entry.key);
    if name.is_empty() || name.contains(&0) {
        findings.push(Finding::error("attribute-name", "an attribute's name is neither empty nor holds NUL").at(entry.key_span, ""));
        return None;
    }
    if name.len() > MOST_NAME_BYTES {
        let message = format!("an attribute's name has at most {MOST_NAME_BYTES} bytes, this one has {}", name.len());
        findings.push(Finding::error("attribute-name", message).at(entry.key_span, ""));
        return None;
    }
    let rule = match &entry.node.val {
        Val::Table(table) => findings.keep(form(entry, table, types))?,
        _ => AttrRule::Set(AttrSpec { literal: findings.keep(value(&entry.node))?, dtype: None, shape: None, max: None }),
    };
    let name_charset = match &entry.node.val {
        Val::Table(table) => findings.keep(charset(table))?,
        _ => None,
    };
    let attr = DesiredAttr { name, origin: entry.key_span, rule, name_charset };
    // What is wrong whatever the file holds is said now.
    match &attr.rule {
        AttrRule::Set(spec)
        | AttrRule::Default(spec)
        | AttrRule::Replace(spec)
        | AttrRule::RenameFrom { value: Some(spec), .. }
        | AttrRule::Join { spec, .. } => {
            findings.keep(
                spec.fresh()
                    .map_err(|e| Finding::error("attribute", format!("attribute `{}`: {}", entry.key, e.0)).at(entry.node.span, "")),
            )?;
        }
        AttrRule::Empty(_)
        | AttrRule::Absent
        | AttrRule::RenameFrom { value: None, .. }
        | AttrRule::Map(_)
        | AttrRule::Cast(_)
        | AttrRule::CopyFrom { .. } => {}
    }
    Some(attr)
}

/// A value as data; the one kind of table that can stand in a list is told apart by its message.
fn value(node: &Node) -> Result<Literal, Finding> {
    node.literal()
}

fn form(entry: &Entry, table: &Table, types: &Types) -> Result<AttrRule, Finding> {
    let span = entry.node.span;
    check_keys(entry, table)?;
    let forms: Vec<&Entry> = table.entries.iter().filter(|e| FORMS.contains(&e.key.as_str())).collect();
    let main = match forms.as_slice() {
        [] => {
            return Err(Finding::error("attribute-form", format!("attribute `{}` needs a `value`", entry.key))
                .at(span, "")
                .help(format!("or one of {}", FORMS[1..].join(", "))));
        }
        [one] => *one,
        // A rename may bring the value to set.
        [a, b] if a.key == "rename_from" && b.key == "value" => *a,
        [a, b] if b.key == "rename_from" && a.key == "value" => *b,
        [a, b, ..] => {
            return Err(Finding::error(
                "two-variants",
                format!("attribute `{}` is either `{}` or `{}`, not both", entry.key, a.key, b.key),
            )
            .at(b.key_span, "")
            .at(a.key_span, "the other one"));
        }
    };
    let spec = |node: &Node| -> Result<AttrSpec, Finding> {
        let literal = value(node)?;
        let dtype = |e: &Entry| match &e.node.val {
            Val::Text(word) if word == CHAR => match table.get("shape").map(|e| shape(&e.node)).transpose()? {
                None | Some(Shape::Scalar) => char_type(&literal, main),
                Some(_) => Err(Finding::error("dtype", format!("`{CHAR}` is for one text, a scalar")).at(e.node.span, "")),
            },
            Val::Bool(_) | Val::Int(_) | Val::Float(_) | Val::Text(_) | Val::Datetime(_) | Val::Table(_) | Val::List(_) => {
                dtype::read(&e.node, types)
            }
        };
        Ok(AttrSpec {
            dtype: table.get("dtype").map(dtype).transpose()?.map(Box::new),
            literal,
            shape: table.get("shape").map(|e| shape(&e.node)).transpose()?,
            max: table.get("maxshape").map(|e| maxshape(&e.node)).transpose()?,
        })
    };
    let alone = |key: &str| -> Result<(), Finding> {
        match table.entries.iter().find(|e| ["dtype", "shape", "maxshape"].contains(&e.key.as_str())) {
            Some(other) => {
                Err(Finding::error("attribute-form", format!("`{}` does not go with `{key}`", other.key)).at(other.key_span, ""))
            }
            None => Ok(()),
        }
    };
    Ok(match main.key.as_str() {
        "value" => AttrRule::Set(spec(&main.node)?),
        // A value that is nothing but the escape.
        "bytes" => {
            let text = Literal::Text(main.node.text("the value's bytes: text with `\\xNN`, or hex text")?.into());
            AttrRule::Set(AttrSpec { literal: Literal::Table(vec![("bytes".into(), text)]), ..spec(&main.node)? })
        }
        "default" => AttrRule::Default(spec(&main.node)?),
        "replace" => AttrRule::Replace(spec(&main.node)?),
        "empty" => {
            alone("empty")?;
            AttrRule::Empty(dtype::read(&main.node, types)?)
        }
        "ref" => {
            alone("ref")?;
            let literal = value(&main.node)?;
            AttrRule::Set(AttrSpec {
                literal,
                dtype: Some(Box::new(Dtype::Reference(RefKind::Object))),
                shape: Some(Shape::Scalar),
                max: None,
            })
        }
        "absent" => {
            alone("absent")?;
            if !main.node.bool("`true`")? {
                return Err(Finding::error("attribute-form", "`absent` is `true` or left out").at(main.node.span, ""));
            }
            AttrRule::Absent
        }
        "map" => {
            alone("map")?;
            AttrRule::Map(pairs(&main.node)?)
        }
        "cast" => {
            alone("cast")?;
            AttrRule::Cast(dtype::read(&main.node, types)?)
        }
        "append" => AttrRule::Join { side: Side::End, spec: joined(main, spec(&main.node)?)? },
        "prepend" => AttrRule::Join { side: Side::Front, spec: joined(main, spec(&main.node)?)? },
        "copy_from" => {
            alone("copy_from")?;
            copy_from(entry, &main.node)?
        }
        _ => {
            let from = text_bytes(main.node.text("the attribute's former name")?);
            if from == text_bytes(&entry.key) || from.is_empty() {
                return Err(Finding::error("attribute-form", "an attribute is renamed from another name").at(main.node.span, ""));
            }
            if table.get("value").is_none() {
                alone("rename_from")?;
            }
            AttrRule::RenameFrom { from, value: table.get("value").map(|e| spec(&e.node)).transpose()? }
        }
    })
}

/// netCDF's NC_CHAR: as many bytes as the text has, and one where it has none.
fn char_type(literal: &Literal, main: &Entry) -> Result<Dtype, Finding> {
    let text = match (literal, main.key.as_str()) {
        (Literal::Text(text), "value" | "default" | "replace" | "rename_from") => text_bytes(text),
        (Literal::Text(_), key) => {
            let what = format!("`{CHAR}` is as long as the text, which `{key}` does not know");
            return Err(Finding::error("dtype", what).at(main.node.span, "").help("give a length: dtype.string = { length = 80 }"));
        }
        _ => return Err(Finding::error("dtype", format!("`{CHAR}` is for one text")).at(main.node.span, "")),
    };
    let charset = if text.is_ascii() { Charset::Ascii } else { Charset::Utf8 };
    Ok(Dtype::String(StringType { length: StringLength::Fixed(text.len().max(1)), charset, padding: Padding::NullTerm }))
}

fn check_keys(entry: &Entry, table: &Table) -> Result<(), Finding> {
    let keys = || FORMS.iter().chain(BESIDE).copied();
    let known = |e: &&Entry| keys().any(|key| key == e.key);
    let Some(unknown) = table.entries.iter().find(|e| !known(e)) else { return Ok(()) };
    let near = crate::diag::nearest(&unknown.key, keys());
    let mut finding =
        Finding::error("attribute-form", format!("unknown key `{}` in attribute `{}`", unknown.key, entry.key)).at(unknown.key_span, "");
    finding = match near {
        Some(key) => finding.help(format!("did you mean `{key}`?")),
        None => finding.help(format!("a name with a dot is quoted: \"{}.{}\"", entry.key, unknown.key)),
    };
    Err(finding.note(format!("a table of an attribute is a form, never a value; its keys are {}", keys().collect::<Vec<_>>().join(", "))))
}

/// `map`: a table of texts, or a list of pairs.
fn pairs(node: &Node) -> Result<Vec<(Literal, Literal)>, Finding> {
    let what = "a table of texts, or a list of pairs [before, after]";
    let pairs: Vec<(Literal, Literal)> = match &node.val {
        Val::Table(table) => {
            table.entries.iter().map(|e| Ok((Literal::Text(e.key.clone()), value(&e.node)?))).collect::<Result<_, Finding>>()?
        }
        Val::List(items) => items
            .iter()
            .map(|item| match item.list("a pair [before, after]")? {
                [before, after] => Ok((value(before)?, value(after)?)),
                _ => Err(Finding::error("attribute-form", "`map` is a list of pairs: [before, after]").at(item.span, "")),
            })
            .collect::<Result<_, Finding>>()?,
        Val::Bool(_) | Val::Int(_) | Val::Float(_) | Val::Text(_) | Val::Datetime(_) => return Err(expected(what, node)),
    };
    if pairs.is_empty() {
        return Err(Finding::error("attribute-form", format!("`map` is empty: write {what}")).at(node.span, ""));
    }
    for (at, (before, _)) in pairs.iter().enumerate() {
        if pairs[..at].iter().any(|(other, _)| other == before) {
            return Err(Finding::error("attribute-form", format!("`map` has the value {before} twice")).at(node.span, ""));
        }
    }
    Ok(pairs)
}

/// `append`, `prepend`: one text, as a dtype and a shape of one text where they are given.
fn joined(main: &Entry, spec: AttrSpec) -> Result<AttrSpec, Finding> {
    let key = main.key.as_str();
    let wrong = |what: String| Err(Finding::error("attribute-form", what).at(main.node.span, ""));
    main.node.text(&format!("the text to {key}"))?;
    if let Some(dtype) = spec.dtype.as_deref().filter(|d| !matches!(d.resolved(), Dtype::String(_))) {
        return wrong(format!("`{key}` makes text; its dtype cannot be {dtype}"));
    }
    if let Some(shape) = spec.shape.as_ref().filter(|s| s.elements() != Some(1)) {
        return wrong(format!("`{key}` makes one text; its shape cannot be {shape}"));
    }
    match spec.max {
        Some(_) => wrong(format!("`maxshape` does not go with `{key}`")),
        None => Ok(spec),
    }
}

/// `copy_from`: an attribute of an object.
fn copy_from(entry: &Entry, node: &Node) -> Result<AttrRule, Finding> {
    const SOURCE: Keys = Keys { what: "the source of a copy", known: &["path", "name"], later: &[] };
    let table = SOURCE.table(node)?;
    let path = |e: &Entry| -> Result<H5Path, Finding> {
        let text = e.node.text("the path of an object")?;
        H5Path::parse(text).map_err(|why| Finding::error("path", format!("`{text}` is not a path: {why}")).at(e.node.span, ""))
    };
    let path = table.get("path").map(path).transpose()?;
    let name = table.need("name", "the source of a copy", node.span)?;
    let source = text_bytes(name.text("the name of an attribute")?);
    if source.is_empty() || path.is_none() && source == text_bytes(&entry.key) {
        return Err(Finding::error("attribute-form", "an attribute is copied from another one").at(name.span, ""));
    }
    Ok(AttrRule::CopyFrom { path, name: source })
}

/// `name_charset`: the character set that the name is marked with.
pub(crate) fn charset(table: &Table) -> Result<Option<Charset>, Finding> {
    Ok(match dtype::word(table.get("name_charset").map(|e| &e.node), &["ascii", "utf8"])? {
        Some("ascii") => Some(Charset::Ascii),
        Some(_) => Some(Charset::Utf8),
        None => None,
    })
}

fn maxshape(node: &Node) -> Result<MaxShape, Finding> {
    let one = |n: &Node| match &n.val {
        Val::Text(word) if word == "unlimited" => Ok(None),
        _ => n.size("a size, or \"unlimited\"").map(Some),
    };
    node.list("a list of sizes or \"unlimited\"")?.iter().map(one).collect()
}

fn shape(node: &Node) -> Result<Shape, Finding> {
    if let Val::Text(word) = &node.val {
        return match word.as_str() {
            "null" => Err(Finding::error("shape", "a null dataspace has no value; write { empty = \"f4\" }").at(node.span, "")),
            _ => Err(expected("a list of sizes", node)),
        };
    }
    let dims: Vec<u64> = node.list("a list of sizes")?.iter().map(|n| n.size("a size")).collect::<Result<_, _>>()?;
    check_rank(dims.len(), node.span)?;
    Ok(Shape::from_dims(&dims))
}

/// HDF5 knows at most 32 axes.
pub(crate) fn check_rank(rank: usize, span: Span) -> Result<(), Finding> {
    if rank > 32 {
        return Err(Finding::error("shape", format!("{rank} axes are too many; HDF5 knows at most 32")).at(span, ""));
    }
    Ok(())
}
