//! Literals into elements of a dtype.

use super::encode_value::{encode_value, is_null, mismatch, nested_as};
use super::{
    CompoundMember, Dtype, Elements, FloatType, IntType, Literal, Order, Padding, Shape, StringLength, StringType, bytes_text, text_bytes,
};

/// Why a literal is not a value of a dtype. The message is a clause: `300 does not fit u1 (0 to 255)`.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct EncodeError(pub String);

/// One element of the dtype.
///
/// Integers must fit; floats go into integer types only when they are whole; numbers are rounded to
/// float types and must not overflow; text goes only into strings, except complex numbers
/// (`"1+2j"`) and the names of enumerations. `{ bytes = "…" }` gives the element's bytes: text with `\xNN` for
/// strings, hex text for other types; `{ null = true }` is the null string.
pub fn encode_one(literal: &Literal, dtype: &Dtype) -> Result<Elements, EncodeError> {
    if let Dtype::String(t) = dtype.resolved()
        && t.length == StringLength::Variable
    {
        let one = |text: Option<Vec<u8>>| Elements::Strings(vec![text]);
        if let Some(text) = escaped(literal) {
            return raw_variable(text).map(|b| one(Some(b)));
        }
        if is_null(literal) {
            return Ok(one(None));
        }
        if let Literal::Text(text) = literal {
            return variable(text, t).map(|b| one(Some(b)));
        }
        return Err(mismatch(literal, dtype));
    }
    if dtype.has_outside_data() {
        return encode_value(literal, dtype).map(|v| Elements::of_values(dtype, vec![v]));
    }
    let mut out = Vec::with_capacity(dtype.size());
    encode_fixed(literal, dtype.resolved(), &mut out)?;
    Ok(Elements::Fixed(out))
}

/// Many elements of the dtype, one for each literal.
pub fn encode_elements<'a>(literals: impl IntoIterator<Item = &'a Literal>, dtype: &Dtype) -> Result<Elements, EncodeError> {
    let mut out = Elements::empty(dtype);
    for literal in literals {
        match &mut out {
            Elements::Fixed(bytes) => encode_fixed(literal, dtype.resolved(), bytes)?,
            Elements::Strings(_) | Elements::Nested(_) => out.append(encode_one(literal, dtype)?),
        }
    }
    Ok(out)
}

/// The elements of a list that is nested as a shape says, row-major; `None` where it is not. For dtypes whose elements are lists
/// themselves this is what tells them from axes.
pub fn flatten_as(literal: &Literal, shape: &Shape) -> Option<Vec<Literal>> {
    match shape {
        Shape::Null => None,
        Shape::Scalar => Some(vec![literal.clone()]),
        Shape::Simple(dims) => nested_as(literal, dims).map(|list| list.into_iter().cloned().collect()),
    }
}

/// Are elements written as lists or tables?
pub fn is_written_nested(dtype: &Dtype) -> bool {
    element_depth(dtype) > 0
}

/// The elements of a nested list in row-major order, with the shape that the nesting says. `inner`
/// axes at the bottom belong to one element (a complex number written as a pair).
pub fn flatten(literal: &Literal, dtype: Option<&Dtype>) -> Result<(Shape, Vec<Literal>), EncodeError> {
    let dtype = dtype.map(Dtype::resolved);
    let pairs = dtype.is_some_and(is_complex);
    // A compound's tables stand where the elements are; else lists that belong to an element are counted off.
    let tables = dtype.filter(|_| !pairs).and_then(record_axes).and_then(|axes| table_depth(literal)?.checked_sub(axes));
    let inside = if pairs || tables.is_some() { 0 } else { dtype.map_or(0, element_depth) };
    let rank = tables.unwrap_or_else(|| list_depth(literal).saturating_sub(inside));
    let nested = inside > 0 || tables.is_some();
    let mut dims = Vec::new();
    let mut probe = literal;
    while let Literal::List(items) = probe {
        if dims.len() == rank || (pairs && is_pair(items)) {
            break;
        }
        dims.push(items.len() as u64);
        match items.first() {
            Some(first) => probe = first,
            None => break,
        }
    }
    let mut out = Vec::new();
    collect(literal, &dims, pairs, nested, &mut out)?;
    Ok((Shape::from_dims(&dims), out))
}

fn is_complex(dtype: &Dtype) -> bool {
    dtype.as_complex().is_some() || matches!(dtype, Dtype::Complex(_))
}

/// How deep lists are nested.
fn list_depth(literal: &Literal) -> usize {
    match literal {
        Literal::List(items) => 1 + items.iter().map(list_depth).max().unwrap_or(0),
        Literal::Bool(_) | Literal::Int(_) | Literal::Float(_) | Literal::Text(_) | Literal::Table(_) => 0,
    }
}

/// At which depth of lists the first table stands.
fn table_depth(literal: &Literal) -> Option<usize> {
    match literal {
        Literal::Table(_) => Some(0),
        Literal::List(items) => items.iter().find_map(table_depth).map(|d| d + 1),
        Literal::Bool(_) | Literal::Int(_) | Literal::Float(_) | Literal::Text(_) => None,
    }
}

/// For compounds 0, for arrays of them how many levels of lists stand around one.
fn record_axes(dtype: &Dtype) -> Option<usize> {
    match dtype.resolved() {
        d if is_complex(d) => None,
        Dtype::Compound { .. } => Some(0),
        Dtype::Array { base, dims } => record_axes(base).map(|inner| inner + dims.len()),
        _ => None,
    }
}

/// How many levels of lists belong to one element.
fn element_depth(dtype: &Dtype) -> usize {
    match dtype.resolved() {
        d if is_complex(d) => 0,
        Dtype::Array { base, dims } => dims.len() + element_depth(base),
        Dtype::Vlen(base) => 1 + element_depth(base),
        Dtype::Compound { members, .. } => 1 + members.iter().map(|m| element_depth(&m.dtype)).max().unwrap_or(0),
        _ => 0,
    }
}

fn is_pair(items: &[Literal]) -> bool {
    items.len() == 2 && items.iter().all(|i| matches!(i, Literal::Int(_) | Literal::Float(_)))
}

fn collect(literal: &Literal, dims: &[u64], pairs: bool, nested: bool, out: &mut Vec<Literal>) -> Result<(), EncodeError> {
    match (dims, literal) {
        ([], Literal::List(items)) if !(nested || pairs && is_pair(items)) => Err(EncodeError("the lists are nested unevenly".into())),
        ([], one) => {
            out.push(one.clone());
            Ok(())
        }
        ([n, rest @ ..], Literal::List(items)) if items.len() as u64 == *n => {
            items.iter().try_for_each(|item| collect(item, rest, pairs, nested, out))
        }
        ([n, ..], Literal::List(items)) => {
            Err(EncodeError(format!("the lists have different lengths ({n} and {}); the shape must be rectangular", items.len())))
        }
        ([_, ..], other) => Err(EncodeError(format!("{other} stands where a list is expected; the shape must be rectangular"))),
    }
}

/// The text of `{ bytes = "…" }`.
pub(super) fn escaped(literal: &Literal) -> Option<&str> {
    match literal {
        Literal::Table(fields) => match fields.as_slice() {
            [(key, Literal::Text(text))] if key == "bytes" => Some(text),
            _ => None,
        },
        Literal::Bool(_) | Literal::Int(_) | Literal::Float(_) | Literal::Text(_) | Literal::List(_) => None,
    }
}

/// The bytes of an escape for a variable-length string.
fn raw_variable(text: &str) -> Result<Vec<u8>, EncodeError> {
    let bytes = text_bytes(text);
    if bytes.contains(&0) {
        return Err(EncodeError(format!("{text:?} contains NUL, which a variable-length string cannot hold")));
    }
    Ok(bytes)
}

/// The bytes of an escape for a type of fixed size: a shorter string is padded, anything else is as it is.
fn push_raw(text: &str, dtype: &Dtype, out: &mut Vec<u8>) -> Result<(), EncodeError> {
    let size = dtype.size();
    let (bytes, pad) = match dtype {
        Dtype::String(t) => (text_bytes(text), Some(if t.padding == Padding::SpacePad { b' ' } else { 0 })),
        _ => {
            let bytes = hex(&Literal::Text(text.into())).ok_or_else(|| EncodeError(format!("{text:?} is not hex text")))?;
            (bytes, None)
        }
    };
    match pad {
        Some(_) if bytes.len() > size => Err(EncodeError(format!("{text:?} has {} bytes and does not fit {dtype}", bytes.len()))),
        None if bytes.len() != size => Err(EncodeError(format!("{text:?} has {} bytes, an element of {dtype} has {size}", bytes.len()))),
        _ => {
            let end = out.len() + size;
            out.extend(bytes);
            out.resize(end, pad.unwrap_or(0));
            Ok(())
        }
    }
}

/// Is it a compound whose only field has the name of the escape?
fn has_only_bytes(dtype: &Dtype) -> bool {
    matches!(dtype, Dtype::Compound { members, .. } if matches!(members.as_slice(), [one] if one.name == b"bytes"))
}

pub(super) fn encode_fixed(literal: &Literal, dtype: &Dtype, out: &mut Vec<u8>) -> Result<(), EncodeError> {
    if let Some(text) = escaped(literal).filter(|_| !dtype.has_outside_data()) {
        // The field wins where both are possible.
        let start = out.len();
        if has_only_bytes(dtype) && encode_plain(literal, dtype, out).is_ok() {
            return Ok(());
        }
        out.truncate(start);
        return push_raw(text, dtype.resolved(), out);
    }
    encode_plain(literal, dtype, out)
}

fn encode_plain(literal: &Literal, dtype: &Dtype, out: &mut Vec<u8>) -> Result<(), EncodeError> {
    let mismatch = || EncodeError(format!("{literal} is {} {}, not a value of {dtype}", article(literal.kind()), literal.kind()));
    match dtype {
        Dtype::Int(t) => push_int(whole(literal).ok_or_else(mismatch)?, t, literal, dtype, out),
        Dtype::Float(t) => push_float(number(literal).ok_or_else(mismatch)?, t, literal, dtype, out),
        Dtype::String(t) => match (t.length, literal) {
            (StringLength::Fixed(n), Literal::Text(text)) => push_string(text, n, t, dtype, out),
            _ => Err(mismatch()),
        },
        Dtype::Enum { base, members } => {
            let value = match literal {
                Literal::Bool(v) if dtype.is_bool() => i128::from(*v),
                Literal::Text(name) => {
                    let name = text_bytes(name);
                    let found = members.iter().find(|m| m.name == name);
                    found.ok_or_else(|| EncodeError(format!("{literal} is not a name of {dtype}")))?.value
                }
                Literal::Int(v) if members.iter().any(|m| m.value == *v) => *v,
                Literal::Int(v) => return Err(EncodeError(format!("{v} is not a value of {dtype}"))),
                Literal::Bool(_) | Literal::Float(_) | Literal::List(_) | Literal::Table(_) => return Err(mismatch()),
            };
            push_int(value, base, literal, dtype, out)
        }
        Dtype::Compound { .. } if dtype.as_complex().is_some() => {
            let (re, im) = complex(literal).ok_or_else(mismatch)?;
            let t = dtype.as_complex().ok_or_else(mismatch)?.clone();
            push_float(re, &t, literal, dtype, out)?;
            push_float(im, &t, literal, dtype, out)
        }
        Dtype::Complex(t) => {
            let (re, im) = complex(literal).ok_or_else(mismatch)?;
            push_float(re, t, literal, dtype, out)?;
            push_float(im, t, literal, dtype, out)
        }
        Dtype::Compound { size, members } => compound(literal, *size, members, dtype, out),
        Dtype::Array { base, dims } => {
            let (shape, list) = flatten(literal, Some(base))?;
            if shape.dims() != dims.as_slice() {
                return Err(EncodeError(format!("{literal} has shape {shape}, an element of {dtype} has {}", Shape::from_dims(dims))));
            }
            list.iter().try_for_each(|item| encode_fixed(item, base, out))
        }
        Dtype::Opaque { size, .. } => {
            let bytes = hex(literal).ok_or_else(mismatch)?;
            if bytes.len() != *size {
                return Err(EncodeError(format!("{literal} has {} bytes, {dtype} has {size}", bytes.len())));
            }
            out.extend(bytes);
            Ok(())
        }
        Dtype::Bitfield(t) => {
            let value = match literal {
                Literal::Int(v) => *v,
                _ => {
                    let bytes = hex(literal).filter(|b| b.len() <= 16).ok_or_else(mismatch)?;
                    bytes.iter().fold(0u128, |n, b| n << 8 | u128::from(*b)) as i128
                }
            };
            push_int(value, &IntType { signed: false, ..t.clone() }, literal, dtype, out)
        }
        Dtype::Committed { dtype, .. } | Dtype::Encoded { dtype, .. } => encode_fixed(literal, dtype, out),
        Dtype::Vlen(_) | Dtype::Reference(_) | Dtype::Foreign { .. } => {
            Err(EncodeError(format!("values of {dtype} are not supported yet")))
        }
    }
}

/// Fields by name, or all of them in order.
fn compound(literal: &Literal, size: usize, members: &[CompoundMember], dtype: &Dtype, out: &mut Vec<u8>) -> Result<(), EncodeError> {
    let values = fields_of(literal, members, dtype)?;
    let start = out.len();
    out.resize(start + size, 0);
    for (member, value) in members.iter().zip(values) {
        let mut bytes = Vec::new();
        encode_fixed(value, &member.dtype, &mut bytes)
            .map_err(|e| EncodeError(format!("field `{}`: {}", bytes_text(&member.name), e.0)))?;
        let place = out.get_mut(start + member.offset..start + member.offset + bytes.len());
        place
            .ok_or_else(|| EncodeError(format!("the field `{}` lies outside of {dtype}", bytes_text(&member.name))))?
            .copy_from_slice(&bytes);
    }
    Ok(())
}

/// The literal of each member, in the type's order.
pub(super) fn fields_of<'a>(literal: &'a Literal, members: &[CompoundMember], dtype: &Dtype) -> Result<Vec<&'a Literal>, EncodeError> {
    let names = || members.iter().map(|m| bytes_text(&m.name)).collect::<Vec<_>>().join(", ");
    let mut values: Vec<&Literal> = Vec::with_capacity(members.len());
    match literal {
        Literal::List(items) if items.len() == members.len() => values.extend(items),
        Literal::List(items) => {
            return Err(EncodeError(format!("{literal} has {} values, {dtype} has {} fields", items.len(), members.len())));
        }
        Literal::Table(fields) => {
            if let Some((unknown, _)) = fields.iter().find(|(n, _)| !members.iter().any(|m| m.name == text_bytes(n))) {
                return Err(EncodeError(format!("`{unknown}` is not a field of {dtype}; its fields are {}", names())));
            }
            for member in members {
                let field = fields.iter().find(|(n, _)| text_bytes(n) == member.name);
                let Some((_, value)) = field else {
                    return Err(EncodeError(format!("the field `{}` is missing in {literal}", bytes_text(&member.name))));
                };
                values.push(value);
            }
        }
        Literal::Bool(_) | Literal::Int(_) | Literal::Float(_) | Literal::Text(_) => {
            return Err(EncodeError(format!("{literal} is not a value of {dtype}; write a table of its fields {}", names())));
        }
    }
    Ok(values)
}

/// Hex text, with or without `0x`, in pairs of digits; blanks and underscores may stand between them.
fn hex(literal: &Literal) -> Option<Vec<u8>> {
    let Literal::Text(text) = literal else { return None };
    hex_bytes(text)
}

/// The bytes of hex text, with or without `0x`, in pairs of digits; blanks and underscores may stand between them.
pub fn hex_bytes(text: &str) -> Option<Vec<u8>> {
    let digits: Vec<u8> = text.trim().trim_start_matches("0x").bytes().filter(|b| !matches!(b, b' ' | b'_')).collect();
    let digit = |b: u8| (b as char).to_digit(16);
    if !digits.len().is_multiple_of(2) {
        return None;
    }
    digits.chunks(2).map(|pair| Some((digit(pair[0])? << 4 | digit(pair[1])?) as u8)).collect()
}

fn article(word: &str) -> &'static str {
    if word.starts_with(['a', 'e', 'i', 'o', 'u']) { "an" } else { "a" }
}

/// The literal as an integer: an integer, or a float without a fraction.
fn whole(literal: &Literal) -> Option<i128> {
    match literal {
        Literal::Int(v) => Some(*v),
        Literal::Float(v) if v.fract() == 0.0 && v.abs() < 1e30 => Some(*v as i128),
        Literal::Float(_) | Literal::Bool(_) | Literal::Text(_) | Literal::List(_) | Literal::Table(_) => None,
    }
}

fn number(literal: &Literal) -> Option<f64> {
    match literal {
        Literal::Int(v) => Some(*v as f64),
        Literal::Float(v) => Some(*v),
        Literal::Bool(_) | Literal::Text(_) | Literal::List(_) | Literal::Table(_) => None,
    }
}

/// `1`, `1.5`, `[1, 2]`, `"1+2j"`, `"2j"`, `"(1-2j)"`.
fn complex(literal: &Literal) -> Option<(f64, f64)> {
    match literal {
        Literal::List(items) => match items.as_slice() {
            [re, im] => Some((number(re)?, number(im)?)),
            _ => None,
        },
        Literal::Text(text) => {
            let text = text.trim().trim_start_matches('(').trim_end_matches(')');
            let Some(body) = text.strip_suffix(['j', 'i']) else { return Some((text.parse().ok()?, 0.0)) };
            // The sign that begins the imaginary part is the last one that is not an exponent's.
            let split = body.char_indices().rev().find(|&(at, c)| at > 0 && (c == '+' || c == '-') && !body[..at].ends_with(['e', 'E']));
            let part = |s: &str| match s {
                "" | "+" => Some(1.0),
                "-" => Some(-1.0),
                s => s.parse().ok(),
            };
            match split {
                Some((at, _)) => Some((body[..at].trim().parse().ok()?, part(body[at..].trim())?)),
                None => Some((0.0, part(body.trim())?)),
            }
        }
        other => Some((number(other)?, 0.0)),
    }
}

fn push_int(value: i128, t: &IntType, literal: &Literal, dtype: &Dtype, out: &mut Vec<u8>) -> Result<(), EncodeError> {
    if t.size > 16 || t.precision > 126 || t.offset + t.precision > 8 * t.size {
        return Err(EncodeError(format!("values of {dtype} are not supported yet")));
    }
    let (low, high) = t.range();
    if value < low || value > high {
        return Err(EncodeError(format!("{literal} does not fit {dtype} ({low} to {high})")));
    }
    let bits = ((value as u128) & (u128::MAX >> (128 - t.precision))) << t.offset;
    push_ordered(&bits.to_le_bytes()[..t.size], t.order, out);
    Ok(())
}

fn push_float(value: f64, t: &FloatType, literal: &Literal, dtype: &Dtype, out: &mut Vec<u8>) -> Result<(), EncodeError> {
    let Some(order) = t.as_ieee() else {
        let too_large = || EncodeError(format!("{literal} does not fit {dtype}"));
        if !t.is_convertible() {
            return Err(EncodeError(format!("values of {dtype} are not supported yet")));
        }
        out.extend(t.encode(value).ok_or_else(too_large)?);
        return Ok(());
    };
    let (bytes, infinite) = match t.size {
        2 => {
            // Not `half`: where the processor converts, it rounds twice.
            let bits = FloatType::binary16(value);
            (bits.to_le_bytes().to_vec(), bits & 0x7fff == 0x7c00)
        }
        4 => ((value as f32).to_le_bytes().to_vec(), (value as f32).is_infinite()),
        _ => (value.to_le_bytes().to_vec(), value.is_infinite()),
    };
    if infinite && value.is_finite() {
        return Err(EncodeError(format!("{literal} does not fit {dtype}: it would become infinite")));
    }
    push_ordered(&bytes, order, out);
    Ok(())
}

fn push_ordered(little: &[u8], order: Order, out: &mut Vec<u8>) {
    match order {
        Order::Little => out.extend_from_slice(little),
        Order::Big => out.extend(little.iter().rev()),
    }
}

fn variable(text: &str, t: &StringType) -> Result<Vec<u8>, EncodeError> {
    if text.contains('\0') {
        return Err(EncodeError(format!("{text:?} contains NUL, which a variable-length string cannot hold")));
    }
    ascii_only(text, t)?;
    Ok(text.as_bytes().to_vec())
}

fn ascii_only(text: &str, t: &StringType) -> Result<(), EncodeError> {
    match t.charset {
        super::Charset::Ascii if !text.is_ascii() => Err(EncodeError(format!("{text:?} is not ASCII; declare a UTF-8 string"))),
        super::Charset::Ascii | super::Charset::Utf8 => Ok(()),
    }
}

fn push_string(text: &str, size: usize, t: &StringType, dtype: &Dtype, out: &mut Vec<u8>) -> Result<(), EncodeError> {
    ascii_only(text, t)?;
    let bytes = text.as_bytes();
    if bytes.len() > size {
        return Err(EncodeError(format!("{text:?} has {} bytes and does not fit {dtype}", bytes.len())));
    }
    let lost = match t.padding {
        Padding::NullTerm => bytes.contains(&0),
        Padding::NullPad => bytes.last() == Some(&0),
        Padding::SpacePad => bytes.last() == Some(&b' '),
    };
    if lost {
        return Err(EncodeError(format!("{text:?} would not read back from {dtype}: what it ends with is padding there")));
    }
    let pad = if t.padding == Padding::SpacePad { b' ' } else { 0 };
    out.extend_from_slice(bytes);
    out.resize(out.len() + size - bytes.len(), pad);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bytes(literal: Literal, dtype: Dtype) -> Result<Vec<u8>, String> {
        match encode_one(&literal, &dtype) {
            Ok(Elements::Fixed(bytes)) => Ok(bytes),
            Ok(Elements::Strings(list)) => Ok(list[0].clone().unwrap_or_default()),
            Ok(Elements::Nested(_)) => panic!("no bytes"),
            Err(e) => Err(e.0),
        }
    }

    #[test]
    fn numbers_fit_or_are_refused() {
        assert_eq!(bytes(Literal::Int(300), Dtype::int(2, false)), Ok(vec![44, 1]));
        assert_eq!(bytes(Literal::Int(1), Dtype::Int(IntType::standard(2, true, Order::Big))), Ok(vec![0, 1]));
        assert_eq!(bytes(Literal::Int(300), Dtype::int(1, false)), Err("300 does not fit u1 (0 to 255)".into()));
        assert_eq!(bytes(Literal::Float(2.0), Dtype::int(1, false)), Ok(vec![2]));
        assert!(bytes(Literal::Float(2.5), Dtype::int(1, false)).is_err());
        assert!(bytes(Literal::Float(1e39), Dtype::float(4)).is_err());
        assert_eq!(bytes(Literal::Float(f64::INFINITY), Dtype::float(2)), Ok(vec![0, 0x7c]));
        assert_eq!(bytes(Literal::Int(u64::MAX as i128), Dtype::int(8, false)), Ok(vec![255; 8]));
        assert!(bytes(Literal::Bool(true), Dtype::int(1, true)).is_err());
        assert_eq!(bytes(Literal::Bool(true), Dtype::bool()), Ok(vec![1]));
        assert_eq!(bytes(Literal::Text("TRUE".into()), Dtype::bool()), Ok(vec![1]));
        assert!(bytes(Literal::Int(2), Dtype::bool()).is_err());
        assert!(bytes(Literal::Text("x".into()), Dtype::float(4)).is_err());
    }

    #[test]
    fn complex_forms() {
        let parts = |l: Literal| {
            let b = bytes(l, Dtype::complex(8, Order::Little)).unwrap();
            (f64::from_le_bytes(b[..8].try_into().unwrap()), f64::from_le_bytes(b[8..].try_into().unwrap()))
        };
        let text = |s: &str| parts(Literal::Text(s.into()));
        assert_eq!(text("1+2j"), (1.0, 2.0));
        assert_eq!(text("(-1.5e-3-2e+4j)"), (-1.5e-3, -2e4));
        assert_eq!(text("-j"), (0.0, -1.0));
        assert_eq!(text("7"), (7.0, 0.0));
        assert_eq!(parts(Literal::List(vec![Literal::Int(3), Literal::Float(0.5)])), (3.0, 0.5));
    }

    #[test]
    fn nesting_is_the_shape() {
        let list = |items: Vec<Literal>| Literal::List(items);
        let n = Literal::Int;
        let (shape, flat) = flatten(&list(vec![list(vec![n(1), n(2)]), list(vec![n(3), n(4)])]), None).unwrap();
        assert_eq!((shape, flat.len()), (Shape::Simple(vec![2, 2]), 4));
        assert!(flatten(&list(vec![list(vec![n(1)]), list(vec![n(1), n(2)])]), None).is_err());
        assert!(flatten(&list(vec![list(vec![n(1)]), n(2)]), None).is_err());
        let complex = Dtype::complex(4, Order::Little);
        let (shape, flat) = flatten(&list(vec![list(vec![n(1), n(2)])]), Some(&complex)).unwrap();
        assert_eq!((shape, flat.len()), (Shape::Simple(vec![1]), 1));
        assert_eq!(flatten(&n(5), None).unwrap().0, Shape::Scalar);
        assert_eq!(flatten(&list(vec![]), None).unwrap().0, Shape::Simple(vec![0]));
    }

    #[test]
    fn bytes_as_they_are() {
        let raw = |text: &str| Literal::Table(vec![("bytes".into(), Literal::Text(text.into()))]);
        assert_eq!(bytes(raw("0001c07f"), Dtype::float(4)), Ok(vec![0, 1, 0xc0, 0x7f]));
        assert!(bytes(raw("00"), Dtype::float(4)).is_err() && bytes(raw("xyz1"), Dtype::int(2, true)).is_err());
        assert_eq!(bytes(raw("a\\xFF"), Dtype::fixed_ascii(4)), Ok(b"a\xff\0\0".to_vec()));
        assert_eq!(bytes(raw("\\xFF"), Dtype::str()), Ok(b"\xff".to_vec()));
        assert!(bytes(Literal::Int(2), Dtype::str()).is_err() && bytes(Literal::List(vec![]), Dtype::str()).is_err());
        assert!(bytes(raw("a\\x00"), Dtype::str()).is_err() && bytes(raw("abcde"), Dtype::fixed_ascii(4)).is_err());
        assert_eq!(
            encode_one(&Literal::Table(vec![("null".into(), Literal::Bool(true))]), &Dtype::str()),
            Ok(Elements::Strings(vec![None]))
        );
        let lone = |dtype: Dtype| Dtype::Compound { size: 2, members: vec![CompoundMember { name: b"bytes".to_vec(), offset: 0, dtype }] };
        assert_eq!(bytes(raw("61"), lone(Dtype::fixed_ascii(2))), Ok(b"61".to_vec()));
        assert_eq!(bytes(raw("6162"), lone(Dtype::int(1, true))), Ok(b"ab".to_vec()));
    }

    #[test]
    fn arrays_of_compounds_nest() {
        let member = CompoundMember { name: b"x".to_vec(), offset: 0, dtype: Dtype::int(1, true) };
        let dtype = Dtype::Array { base: Box::new(Dtype::Compound { size: 1, members: vec![member] }), dims: vec![2] };
        let one = |v| Literal::Table(vec![("x".into(), Literal::Int(v))]);
        let list = Literal::List(vec![Literal::List(vec![one(1), one(2)]), Literal::List(vec![one(3), one(4)])]);
        let (shape, flat) = flatten(&list, Some(&dtype)).unwrap();
        assert_eq!((shape, encode_elements(&flat, &dtype)), (Shape::Simple(vec![2]), Ok(Elements::Fixed(vec![1, 2, 3, 4]))));
    }

    #[test]
    fn strings_keep_their_padding() {
        assert_eq!(bytes(Literal::Text("ab".into()), Dtype::fixed_ascii(4)), Ok(b"ab\0\0".to_vec()));
        assert!(bytes(Literal::Text("abcde".into()), Dtype::fixed_ascii(4)).is_err());
        assert!(bytes(Literal::Text("é".into()), Dtype::fixed_ascii(4)).is_err());
        assert_eq!(bytes(Literal::Text("é".into()), Dtype::str()), Ok("é".into()));
    }
}
