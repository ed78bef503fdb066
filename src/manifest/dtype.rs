//! `dtype`.

use std::collections::BTreeMap;

use super::table::{Keys, expected, variant};
use super::tree::{Node, Val};
use crate::diag::{Finding, Findings, Span, did_you_mean};
use crate::model::{Charset, Dtype, FloatType, H5Path, IntType, Order, Padding, StringLength, StringType};

#[rustfmt::skip]
const NAMES: &[&str] = &[
    "i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8", "f2", "f4", "f8", "int8", "int16", "int32", "int64", "uint8", "uint16", "uint32",
    "uint64", "float16", "float32", "float64", "bool", "complex64", "complex128", "c8", "c16", "str", "bf16", "f8e4m3", "f8e5m2",
];
const FORMS: Keys = Keys {
    what: "a dtype",
    known: &["string", "enum", "compound", "array", "vlen", "opaque", "bitfield", "ref", "type", "int", "float", "complex", "encoded"],
    later: &[],
};
const STRING: Keys = Keys { what: "a string dtype", known: &["length", "charset", "pad"], later: &[] };

/// Committed types that the manifest declares, by path.
pub(crate) type Types = BTreeMap<H5Path, Dtype>;

/// Reads a dtype in any form.
pub(crate) fn read(node: &Node, types: &Types) -> Result<Dtype, Finding> {
    match &node.val {
        Val::Text(name) => named(name, node.span),
        Val::Table(table) => {
            let entry = variant(&FORMS, &[], table, node.span)?;
            match entry.key.as_str() {
                "string" => string(&entry.node),
                form => super::dtype_forms::read(form, &entry.node, types),
            }
        }
        Val::Bool(_) | Val::Int(_) | Val::Float(_) | Val::Datetime(_) | Val::List(_) => Err(expected("a dtype such as \"f4\"", node)),
    }
}

fn named(name: &str, span: Span) -> Result<Dtype, Finding> {
    let (order, bare) = match name.split_at_checked(1) {
        Some(("<", rest)) => (Order::Little, rest),
        Some((">", rest)) => (Order::Big, rest),
        _ => (Order::Little, name),
    };
    let int = |size, signed| Ok(Dtype::Int(IntType::standard(size, signed, order)));
    let float = |size| Ok(Dtype::Float(FloatType::ieee(size, order)));
    match bare {
        "i1" | "int8" => int(1, true),
        "i2" | "int16" => int(2, true),
        "i4" | "int32" => int(4, true),
        "i8" | "int64" => int(8, true),
        "u1" | "uint8" => int(1, false),
        "u2" | "uint16" => int(2, false),
        "u4" | "uint32" => int(4, false),
        "u8" | "uint64" => int(8, false),
        "f2" | "float16" => float(2),
        "f4" | "float32" => float(4),
        "f8" | "float64" => float(8),
        "c8" | "complex64" => Ok(Dtype::complex(4, order)),
        "c16" | "complex128" => Ok(Dtype::complex(8, order)),
        "bool" if bare == name => Ok(Dtype::bool()),
        "str" if bare == name => Ok(Dtype::str()),
        "bf16" => Ok(Dtype::Float(FloatType { order: Some(order), ..FloatType::bf16() })),
        "f8e4m3" if bare == name => Ok(Dtype::Float(FloatType::f8e4m3())),
        "f8e5m2" if bare == name => Ok(Dtype::Float(FloatType::f8e5m2())),
        _ => fixed(name, span),
    }
}

/// `S16`.
fn fixed(name: &str, span: Span) -> Result<Dtype, Finding> {
    let digits = name.strip_prefix('S').filter(|d| d.bytes().all(|b| b.is_ascii_digit()));
    if let Some(Ok(size)) = digits.map(str::parse::<usize>) {
        if size == 0 || size > u32::MAX as usize {
            return Err(Finding::error("dtype", format!("a fixed string has 1 to {} bytes, not {size}", u32::MAX)).at(span, ""));
        }
        return Ok(Dtype::fixed_ascii(size));
    }
    let bare = name.trim_start_matches(['<', '>', '|', '=']);
    let help = match bare {
        "int" | "integer" | "long" => Some("name the size: \"i4\" or \"i8\"".into()),
        "float" | "double" | "single" => Some("name the size: \"f4\" or \"f8\"".into()),
        "string" | "text" | "object" | "O" => Some("variable-length text is \"str\"; 16 bytes of ASCII are \"S16\"".into()),
        _ => did_you_mean(bare, NAMES.iter().copied()),
    };
    let help = help.unwrap_or_else(|| format!("the short names are {}, S<n>, and < or > before a number", NAMES.join(" ")));
    Err(Finding::error("unknown-dtype", format!("unknown dtype \"{name}\"")).at(span, "").help(help))
}

fn string(node: &Node) -> Result<Dtype, Finding> {
    let table = node.table("a table such as { length = 16 }")?;
    let mut unknown = Findings::new();
    if !STRING.check(table, &mut unknown) {
        return Err(unknown.into_iter().next().unwrap_or_else(|| expected("a string dtype", node)));
    }
    let length = match table.get("length").map(|e| &e.node) {
        None => StringLength::Variable,
        Some(Node { val: Val::Text(word), .. }) if word == "variable" => StringLength::Variable,
        Some(n) => match n.size("a number of bytes, or \"variable\"")? {
            size @ 1..=0xFFFF_FFFF => StringLength::Fixed(size as usize),
            size => return Err(Finding::error("dtype", format!("a fixed string has 1 to {} bytes, not {size}", u32::MAX)).at(n.span, "")),
        },
    };
    let charset = match word(table.get("charset").map(|e| &e.node), &["utf8", "ascii"])? {
        Some("ascii") => Charset::Ascii,
        _ => Charset::Utf8,
    };
    let padding = match (word(table.get("pad").map(|e| &e.node), &["nullterm", "nullpad", "spacepad"])?, length) {
        (Some("nullpad"), _) => Padding::NullPad,
        (Some("spacepad"), _) => Padding::SpacePad,
        (Some(_), _) | (None, StringLength::Variable) => Padding::NullTerm,
        (None, StringLength::Fixed(_)) => Padding::NullPad,
    };
    Ok(Dtype::String(StringType { length, charset, padding }))
}

/// One of a few words.
pub(crate) fn word<'a>(node: Option<&'a Node>, words: &[&'static str]) -> Result<Option<&'a str>, Finding> {
    let Some(node) = node else { return Ok(None) };
    let text = node.text(&format!("one of {}", words.join(", ")))?;
    if words.contains(&text) {
        return Ok(Some(text));
    }
    let help = did_you_mean(text, words.iter().copied()).unwrap_or_else(|| format!("one of {}", words.join(", ")));
    Err(Finding::error("word", format!("`{text}` is not known here")).at(node.span, "").help(help))
}
