//! Literals into elements with outside data: sequences, references, and what holds them.

use super::encode::{encode_fixed, encode_one, fields_of};
use super::{Dtype, Elements, EncodeError, H5Path, Literal, Part, RefKind, Referent, Selected, Target, Value, encode_elements, text_bytes};

/// One element of a dtype with outside data.
///
/// Sequences are lists; references are paths, `{ path, select }`, `{ path, attr }` or `{ null = true }`.
pub(super) fn encode_value(literal: &Literal, dtype: &Dtype) -> Result<Value, EncodeError> {
    let dtype = dtype.resolved();
    if !dtype.has_outside_data() {
        let mut out = Vec::with_capacity(dtype.size());
        encode_fixed(literal, dtype, &mut out)?;
        return Ok(Value::Plain(out));
    }
    match dtype {
        Dtype::String(_) => match encode_one(literal, dtype)? {
            Elements::Strings(mut list) => Ok(Value::Text(list.pop().flatten())),
            Elements::Fixed(_) | Elements::Nested(_) => Err(mismatch(literal, dtype)),
        },
        Dtype::Vlen(base) => match literal {
            Literal::List(items) => encode_elements(items, base).map(Value::List),
            _ if is_null(literal) => Ok(Value::List(Elements::empty(base))),
            _ => Err(mismatch(literal, dtype)),
        },
        Dtype::Array { base, dims } => {
            let items = nested_as(literal, dims).ok_or_else(|| mismatch(literal, dtype))?;
            encode_elements(items, base).map(Value::List)
        }
        Dtype::Compound { members, .. } => {
            let values = fields_of(literal, members, dtype)?;
            members.iter().zip(values).map(|(m, v)| encode_value(v, &m.dtype)).collect::<Result<_, _>>().map(Value::Record)
        }
        Dtype::Reference(kind) => reference(literal, *kind).map(Value::Reference),
        Dtype::Int(_)
        | Dtype::Float(_)
        | Dtype::Enum { .. }
        | Dtype::Opaque { .. }
        | Dtype::Bitfield(_)
        | Dtype::Complex(_)
        | Dtype::Committed { .. }
        | Dtype::Encoded { .. }
        | Dtype::Foreign { .. } => Err(mismatch(literal, dtype)),
    }
}

pub(super) fn mismatch(literal: &Literal, dtype: &Dtype) -> EncodeError {
    EncodeError(format!("{literal} is not a value of {dtype}"))
}

/// `{ null = true }`.
pub(super) fn is_null(literal: &Literal) -> bool {
    matches!(literal, Literal::Table(fields) if matches!(fields.as_slice(), [(key, Literal::Bool(true))] if key == "null"))
}

/// The innermost literals of lists that are nested exactly as these sizes say, row-major.
pub(super) fn nested_as<'a>(literal: &'a Literal, dims: &[u64]) -> Option<Vec<&'a Literal>> {
    let [n, rest @ ..] = dims else { return Some(vec![literal]) };
    let Literal::List(items) = literal else { return None };
    if items.len() as u64 != *n {
        return None;
    }
    let mut out = Vec::new();
    for item in items {
        out.extend(nested_as(item, rest)?);
    }
    Some(out)
}

fn reference(literal: &Literal, kind: RefKind) -> Result<Option<Referent>, EncodeError> {
    let bad = |why: &str| EncodeError(format!("{literal} is not a reference: {why}"));
    let path = |text: &str| H5Path::parse(text).map(Target::Path).map_err(|e| bad(&e.to_string()));
    let (target, part) = match literal {
        _ if is_null(literal) => return Ok(None),
        Literal::Text(text) => (path(text)?, Part::Whole),
        Literal::Table(fields) => {
            let get = |key: &str| fields.iter().find(|(k, _)| k == key).map(|(_, v)| v);
            let known = fields.iter().all(|(k, _)| ["path", "select", "attr"].contains(&k.as_str()));
            let Some(Literal::Text(text)) = get("path").filter(|_| known) else {
                return Err(bad("write \"/path\", { path = \"/path\", select = \"0:2\" } or { null = true }"));
            };
            let part = match (get("select"), get("attr")) {
                (None, None) => Part::Whole,
                (Some(select), None) => Part::Region(Selected::from_literal(select).map_err(EncodeError)?.canonical()),
                (None, Some(Literal::Text(name))) => Part::Attr(text_bytes(name)),
                (Some(_), Some(_)) | (None, Some(_)) => return Err(bad("`attr` is the name of an attribute, and goes without `select`")),
            };
            (path(text)?, part)
        }
        Literal::Bool(_) | Literal::Int(_) | Literal::Float(_) | Literal::List(_) => {
            return Err(bad("write the path of an object as text, or { null = true }"));
        }
    };
    let part = match (kind, part) {
        (RefKind::Object, part @ Part::Whole) | (RefKind::Any, part) => part,
        (RefKind::Object, _) => return Err(bad("an object reference is a path alone; dtype.ref = \"region\" takes a selection")),
        (RefKind::Region, part @ Part::Region(_)) => part,
        (RefKind::Region, Part::Whole) => Part::Region(Selected::All),
        (RefKind::Region, Part::Attr(_)) => return Err(bad("dtype.ref = \"any\" can point to an attribute")),
    };
    Ok(Some(Referent { target, part }))
}
