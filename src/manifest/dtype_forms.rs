//! The structured forms of `dtype`: `dtype.enum = { … }` and the like.

use super::dtype::{Types, read as read_dtype, word};
use super::table::{Keys, expected};
use super::tree::{Node, Val};
use crate::diag::{Finding, Span};
use crate::model::{CompoundMember, Dtype, Encoding, EnumMember, FloatType, H5Path, IntType, Order, RefKind, Target, text_bytes};

const ENUM: Keys = Keys { what: "an enumeration", known: &["base", "members"], later: &[] };
const COMPOUND: Keys = Keys { what: "a compound", known: &["members", "size"], later: &[] };
const MEMBER: Keys = Keys { what: "a member of a compound", known: &["name", "dtype", "offset"], later: &[] };
const ENCODED: Keys = Keys { what: "an encoded dtype", known: &["dtype", "base64"], later: &[] };
const ARRAY: Keys = Keys { what: "an array dtype", known: &["base", "shape"], later: &[] };
const OPAQUE: Keys = Keys { what: "an opaque dtype", known: &["size", "tag"], later: &[] };
const COMPLEX: Keys = Keys { what: "a complex dtype", known: &["base", "native"], later: &[] };
const INT: Keys = Keys { what: "an integer dtype", known: &["size", "signed", "order", "precision", "offset", "pad"], later: &[] };
const FLOAT: Keys = Keys {
    what: "a float dtype",
    known: &["size", "order", "precision", "offset", "sign", "exponent", "mantissa", "bias", "norm", "pad"],
    later: &[],
};
/// An element is never larger than this (H5T stores sizes of compounds in 32 bits).
const MOST_BYTES: usize = u32::MAX as usize;

/// Reads the value of one form's key.
pub(super) fn read(form: &str, node: &Node, types: &Types) -> Result<Dtype, Finding> {
    match form {
        "enum" => enumeration(node, types),
        "compound" => compound(node, types),
        "array" => array(node, types),
        "vlen" => Ok(Dtype::Vlen(Box::new(part(node, types)?))),
        "ref" => Ok(Dtype::Reference(match word(Some(node), &["object", "region", "any"])? {
            Some("region") => RefKind::Region,
            Some("any") => RefKind::Any,
            _ => RefKind::Object,
        })),
        "type" => committed(node, types),
        "encoded" => encoded(node, types),
        "opaque" => opaque(node),
        "bitfield" => match read_dtype(node, types)? {
            // HDF5 does not tell bitfields with a sign from those without.
            Dtype::Int(t) => Ok(Dtype::Bitfield(IntType { signed: false, ..t })),
            _ => Err(expected("an unsigned integer dtype such as \"u1\"", node)),
        },
        "complex" => complex(node, types),
        "int" => int(node).map(Dtype::Int),
        _ => float(node).map(Dtype::Float),
    }
}

/// A type inside of another: HDF5 shares committed types only as a whole, so that a part is a copy.
fn part(node: &Node, types: &Types) -> Result<Dtype, Finding> {
    Ok(match read_dtype(node, types)? {
        Dtype::Committed { dtype, .. } => *dtype,
        other => other,
    })
}

fn committed(node: &Node, types: &Types) -> Result<Dtype, Finding> {
    let text = node.text("the path of a committed type")?;
    let path = H5Path::parse(text).map_err(|e| Finding::error("path", format!("`{text}` is not a path: {e}")).at(node.span, ""))?;
    let Some(dtype) = types.get(&path) else {
        let known: Vec<String> = types.keys().map(ToString::to_string).collect();
        let help = crate::diag::did_you_mean(text, known.iter().map(String::as_str));
        return Err(Finding::error("type", format!("the type {path} is not declared"))
            .at(node.span, "")
            .help(help.unwrap_or_else(|| format!("declare it, also where the file has it already: [type.\"{path}\"]"))));
    };
    Ok(Dtype::Committed { at: Target::Path(path), dtype: Box::new(dtype.clone()) })
}

/// HDF5's own encoding (H5Tencode: a message number, a version, then the datatype message of the file format, IV.A.2.d).
fn encoded(node: &Node, types: &Types) -> Result<Dtype, Finding> {
    use base64::Engine;
    if let Val::Table(_) = &node.val {
        let table = ENCODED.table(node)?;
        let dtype = read_dtype(table.need("dtype", "an encoded dtype", node.span)?, types)?;
        let base64 = table.need("base64", "an encoded dtype", node.span)?;
        let Dtype::Foreign { encoded, .. } = encoded(base64, types)? else { return Err(expected("base64 text", base64)) };
        return Ok(Dtype::Encoded { dtype: Box::new(dtype), encoded: Encoding(encoded) });
    }
    let text = node.text("base64 text of an encoded type")?;
    let encoded = base64::engine::general_purpose::STANDARD.decode(text.split_whitespace().collect::<String>());
    let bad = |why: &str| Finding::error("dtype", format!("not an encoded type: {why}")).at(node.span, "");
    let encoded = encoded.map_err(|e| bad(&e.to_string()))?;
    match encoded.as_slice() {
        [3, 0, class, _, _, _, a, b, c, d, ..] => {
            let size = u32::from_le_bytes([*a, *b, *c, *d]) as usize;
            Ok(Dtype::Foreign { class: i32::from(class & 0x0f), size, encoded })
        }
        _ => Err(bad("it does not begin as H5Tencode writes it")),
    }
}

fn enumeration(node: &Node, types: &Types) -> Result<Dtype, Finding> {
    let table = ENUM.table(node)?;
    let base = match table.get("base") {
        None => IntType::standard(4, true, Order::Little),
        Some(e) => match read_dtype(&e.node, types)? {
            Dtype::Int(base) => base,
            _ => return Err(expected("an integer dtype", &e.node)),
        },
    };
    let (low, high) = base.range();
    let mut members: Vec<EnumMember> = Vec::new();
    for entry in &table.need("members", "an enumeration", node.span)?.table("a table of names and numbers")?.entries {
        let value = entry.node.int("a number")?;
        if value < low || value > high {
            return Err(
                Finding::error("dtype", format!("{value} does not fit {} ({low} to {high})", Dtype::Int(base))).at(entry.node.span, "")
            );
        }
        let name = text_bytes(&entry.key);
        if let Some(other) = members.iter().find(|m| m.value == value) {
            let message = format!("the value {value} has two names, {} and {}", crate::model::bytes_text(&other.name), entry.key);
            return Err(Finding::error("dtype", message).at(entry.node.span, "").note("HDF5 allows a value one name"));
        }
        members.push(EnumMember { name, value });
    }
    if members.is_empty() {
        return Err(Finding::error("dtype", "an enumeration needs at least one member").at(node.span, ""));
    }
    Ok(Dtype::Enum { base, members })
}

fn compound(node: &Node, types: &Types) -> Result<Dtype, Finding> {
    let (list, size) = match &node.val {
        Val::List(items) => (items.as_slice(), None),
        _ => {
            let table = COMPOUND.table(node)?;
            let items = table.need("members", "a compound", node.span)?.list("a list of members")?;
            (items, table.get("size").map(|e| bytes(&e.node)).transpose()?)
        }
    };
    let mut members: Vec<CompoundMember> = Vec::new();
    let mut end = 0usize;
    for item in list {
        let table = MEMBER.table(item)?;
        let name = text_bytes(table.need("name", "a member", item.span)?.text("a name")?);
        let dtype = part(table.need("dtype", "a member", item.span)?, types)?;
        let offset = table.get("offset").map_or(Ok(end), |e| bytes_from_zero(&e.node))?;
        let stop = offset.checked_add(dtype.size()).filter(|s| *s <= MOST_BYTES);
        let Some(stop) = stop else { return Err(too_large(item.span)) };
        if let Some(other) = members.iter().find(|m| m.name == name || (offset < m.offset + m.dtype.size() && m.offset < stop)) {
            let what = if other.name == name { "has the same name as" } else { "overlaps" };
            let message = format!("the member {} {what} an earlier one", crate::model::bytes_text(&name));
            return Err(Finding::error("dtype", message).at(item.span, ""));
        }
        end = end.max(stop);
        members.push(CompoundMember { name, offset, dtype });
    }
    if members.is_empty() {
        return Err(Finding::error("dtype", "a compound needs at least one member").at(node.span, ""));
    }
    let size = size.unwrap_or(end);
    if size < end {
        return Err(Finding::error("dtype", format!("the members need {end} bytes, the compound has {size}")).at(node.span, ""));
    }
    // Members are kept by offset, as HDF5 lists them when they were inserted in that order.
    Ok(Dtype::Compound { size, members })
}

fn array(node: &Node, types: &Types) -> Result<Dtype, Finding> {
    let table = ARRAY.table(node)?;
    let base = part(table.need("base", "an array dtype", node.span)?, types)?;
    let shape = table.need("shape", "an array dtype", node.span)?;
    let dims: Vec<u64> = shape.list("a list of sizes")?.iter().map(|n| n.size("a size")).collect::<Result<_, _>>()?;
    super::attrs::check_rank(dims.len(), shape.span)?;
    if dims.is_empty() || dims.contains(&0) {
        return Err(Finding::error("dtype", "an array dtype has at least one axis, and no axis of size 0").at(shape.span, ""));
    }
    let size = dims.iter().try_fold(base.size() as u64, |n, d| n.checked_mul(*d)).filter(|n| *n <= MOST_BYTES as u64);
    if size.is_none() {
        return Err(too_large(shape.span));
    }
    Ok(Dtype::Array { base: Box::new(base), dims })
}

fn opaque(node: &Node) -> Result<Dtype, Finding> {
    let table = OPAQUE.table(node)?;
    let size = bytes(table.need("size", "an opaque dtype", node.span)?)?;
    let tag = table.get("tag").map_or(Ok(Vec::new()), |e| e.node.text("a tag").map(text_bytes))?;
    if tag.len() > 255 || tag.contains(&0) {
        return Err(Finding::error("dtype", "a tag has at most 255 bytes, none of them NUL").at(node.span, ""));
    }
    Ok(Dtype::Opaque { size, tag })
}

fn complex(node: &Node, types: &Types) -> Result<Dtype, Finding> {
    let table = COMPLEX.table(node)?;
    let base_node = table.need("base", "a complex dtype", node.span)?;
    let Dtype::Float(base) = read_dtype(base_node, types)? else { return Err(expected("a float dtype such as \"f4\"", base_node)) };
    let native = table.get("native").map_or(Ok(false), |e| e.node.bool("`true` or `false`"))?;
    match (native, base.as_ieee()) {
        (true, _) => Ok(Dtype::Complex(base)),
        (false, Some(order)) => Ok(Dtype::complex(base.size, order)),
        (false, None) => Err(expected("an IEEE float (or `native = true`)", base_node)),
    }
}

fn order(table: &super::tree::Table) -> Result<Order, Finding> {
    Ok(match word(table.get("order").map(|e| &e.node), &["little", "big"])? {
        Some("big") => Order::Big,
        _ => Order::Little,
    })
}

/// Codes of HDF5's paddings, as many as are needed.
fn pads(table: &super::tree::Table, count: usize) -> Result<Vec<u8>, Finding> {
    let Some(entry) = table.get("pad") else { return Ok(vec![0; count]) };
    let items = entry.node.list("a list of \"zero\" or \"one\"")?;
    if items.len() != count {
        return Err(expected(format!("{count} paddings"), &entry.node));
    }
    items
        .iter()
        .map(|n| {
            Ok(match word(Some(n), &["zero", "one", "background"])? {
                Some("one") => 1,
                Some("background") => {
                    let finding = Finding::error("dtype", "HDF5 does not store the padding \"background\" in files");
                    return Err(finding.at(n.span, "").help("write \"zero\" or \"one\""));
                }
                _ => 0,
            })
        })
        .collect()
}

fn int(node: &Node) -> Result<IntType, Finding> {
    let table = INT.table(node)?;
    let size = bytes(table.need("size", "an integer dtype", node.span)?)?;
    let signed = table.get("signed").map_or(Ok(true), |e| e.node.bool("`true` or `false`"))?;
    let precision = table.get("precision").map_or(Ok(size.saturating_mul(8)), |e| bytes_from_zero(&e.node))?;
    let offset = table.get("offset").map_or(Ok(0), |e| bytes_from_zero(&e.node))?;
    if precision == 0 || offset.saturating_add(precision) > size.saturating_mul(8) {
        return Err(Finding::error("dtype", format!("{precision} bits at offset {offset} do not fit {size} bytes")).at(node.span, ""));
    }
    let pads = pads(table, 2)?;
    Ok(IntType { size, signed, order: order(table)?, precision, offset, pads: (pads[0], pads[1]) })
}

fn float(node: &Node) -> Result<FloatType, Finding> {
    let table = FLOAT.table(node)?;
    let size = bytes(table.need("size", "a float dtype", node.span)?)?;
    let precision = table.get("precision").map_or(Ok(size.saturating_mul(8)), |e| bytes_from_zero(&e.node))?;
    let offset = table.get("offset").map_or(Ok(0), |e| bytes_from_zero(&e.node))?;
    let pair = |key: &str| -> Result<(usize, usize), Finding> {
        let n = table.need(key, "a float dtype", node.span)?;
        match n.list("[position, bits]")? {
            [at, bits] => Ok((bytes_from_zero(at)?, bytes_from_zero(bits)?)),
            _ => Err(expected("[position, bits]", n)),
        }
    };
    let (epos, esize) = pair("exponent")?;
    let (mpos, msize) = pair("mantissa")?;
    let sign = bytes_from_zero(table.need("sign", "a float dtype", node.span)?)?;
    let bias = bytes_from_zero(table.need("bias", "a float dtype", node.span)?)?;
    let norm = match word(table.get("norm").map(|e| &e.node), &["implied", "msbset", "none"])? {
        Some("msbset") => 1,
        Some("none") => 2,
        _ => 0,
    };
    let pads = pads(table, 3)?;
    let inside = |at: usize, n: usize| at.checked_add(n).is_some_and(|end| end <= offset.saturating_add(precision)) && n > 0;
    let fits = inside(sign, 1) && inside(epos, esize) && inside(mpos, msize) && offset.saturating_add(precision) <= size.saturating_mul(8);
    if !fits {
        return Err(Finding::error(
            "dtype",
            "sign, exponent and mantissa do not fit the precision, or the precision does not fit the size",
        )
        .at(node.span, ""));
    }
    let fields = [sign, epos, esize, mpos, msize];
    let order = match word(table.get("order").map(|e| &e.node), &["little", "big", "vax"])? {
        Some("vax") => None,
        Some("big") => Some(Order::Big),
        _ => Some(Order::Little),
    };
    Ok(FloatType { size, order, precision, offset, fields, bias, norm, pads: (pads[0], pads[1], pads[2]) })
}

fn too_large(span: Span) -> Finding {
    Finding::error("dtype", format!("an element has at most {MOST_BYTES} bytes")).at(span, "")
}

/// A number of bytes, at least 1.
fn bytes(node: &Node) -> Result<usize, Finding> {
    match bytes_from_zero(node)? {
        0 => Err(expected("at least 1 byte", node)),
        n => Ok(n),
    }
}

/// A number of bytes or bits.
fn bytes_from_zero(node: &Node) -> Result<usize, Finding> {
    let n = node.size("a number of bytes")?;
    usize::try_from(n).ok().filter(|n| *n <= MOST_BYTES).ok_or_else(|| too_large(node.span))
}
