//! Elements as literals that give exactly the same bytes again.

use super::text::Toml;
use crate::model::{
    CompoundMember, Dtype, Elements, FloatType, Literal, Part, Shape, StringLength, Target, Value, bytes_text, decode_one, encode_one,
};

/// Element `at` as a literal of its dtype, exact to the bit: the plain form where that is exact, else
/// `{ bytes = "…" }` or, for a null string, `{ null = true }`. Fails with a clause.
pub fn exact_literal(elements: &Elements, dtype: &Dtype, at: usize) -> Result<Toml, String> {
    match elements {
        Elements::Strings(list) => match list.get(at) {
            Some(Some(text)) => verified(text_literal(text), dtype, elements, at).or_else(|_| verified(escape(text), dtype, elements, at)),
            Some(None) => verified(Toml::one("null", Toml::bare(true)), dtype, elements, at),
            None => Err("an element is missing".into()),
        },
        Elements::Fixed(bytes) => {
            let size = dtype.size();
            let one = bytes.get(at * size..(at + 1) * size).ok_or("an element is missing")?;
            fixed(one, dtype.resolved())
        }
        Elements::Nested(list) => value(list.get(at).ok_or("an element is missing")?, dtype.resolved()),
    }
}

/// One element with outside data.
fn value(one: &Value, dtype: &Dtype) -> Result<Toml, String> {
    let null = || Toml::one("null", Toml::bare(true));
    let all = |list: &Elements, base: &Dtype| flat(list, base);
    Ok(match (one, dtype.resolved()) {
        (Value::Plain(bytes), dtype) => fixed(bytes, dtype)?,
        (Value::Text(Some(text)), dtype) => exact_literal(&Elements::Strings(vec![Some(text.clone())]), dtype, 0)?,
        (Value::Text(None), _) => null(),
        (Value::List(list), Dtype::Vlen(base)) => Toml::List(all(list, base)?),
        (Value::List(list), Dtype::Array { base, dims }) => rows(all(list, base)?, dims),
        (Value::Record(values), Dtype::Compound { members, .. }) => {
            let field = |(m, v): (&CompoundMember, &Value)| Ok((bytes_text(&m.name), value(v, &m.dtype)?));
            Toml::Table(members.iter().zip(values).map(field).collect::<Result<_, String>>()?)
        }
        (Value::Reference(None), _) => null(),
        (Value::Reference(Some(referent)), _) => {
            let Target::Path(path) = &referent.target else {
                return Err("it refers to an object that has no name (any more)".into());
            };
            let path = Toml::Text(path.to_string());
            match &referent.part {
                Part::Whole => path,
                Part::Region(selected) => Toml::Table(vec![("path".into(), path), ("select".into(), of_literal(&selected.literal()))]),
                Part::Attr(name) => Toml::Table(vec![("path".into(), path), ("attr".into(), Toml::Text(bytes_text(name)))]),
            }
        }
        (Value::List(_) | Value::Record(_), dtype) => return Err(format!("an element of {dtype} has no literal")),
    })
}

/// A literal of numbers and texts as TOML.
pub fn of_literal(literal: &Literal) -> Toml {
    match literal {
        Literal::Bool(v) => Toml::bare(v),
        Literal::Int(v) => Toml::bare(v),
        Literal::Float(v) => number(*v),
        Literal::Text(v) => Toml::text(v),
        Literal::List(items) => Toml::List(items.iter().map(of_literal).collect()),
        Literal::Table(fields) => Toml::Table(fields.iter().map(|(k, v)| (k.clone(), of_literal(v))).collect()),
    }
}

/// All elements, nested as the shape says.
pub fn nested(elements: &Elements, dtype: &Dtype, shape: &Shape) -> Result<Toml, String> {
    let mut list = flat(elements, dtype)?;
    let dims = shape.dims();
    if dims.is_empty() {
        return list.pop().ok_or_else(|| "there is no element".into());
    }
    Ok(rows(list, dims))
}

/// A list of lists of these sizes, from the elements in row-major order.
fn rows(mut list: Vec<Toml>, dims: &[u64]) -> Toml {
    for &n in dims.iter().skip(1).rev() {
        let n = usize::try_from(n).unwrap_or(usize::MAX).max(1);
        list = list.chunks(n).map(|row| Toml::List(row.to_vec())).collect();
    }
    Toml::List(list)
}

/// All elements, one after the other.
pub fn flat(elements: &Elements, dtype: &Dtype) -> Result<Vec<Toml>, String> {
    (0..elements.count(dtype)).map(|at| exact_literal(elements, dtype, at)).collect()
}

/// The literal that the loader makes of a value.
pub fn literal(toml: &Toml) -> Literal {
    match toml {
        Toml::Bare(text) => bare(text),
        Toml::Text(text) => Literal::Text(text.clone()),
        Toml::List(items) => Literal::List(items.iter().map(literal).collect()),
        Toml::Table(fields) => Literal::Table(fields.iter().map(|(key, value)| (key.clone(), literal(value))).collect()),
        Toml::Form(name, value) => Literal::Table(vec![((*name).to_owned(), literal(value))]),
    }
}

fn bare(text: &str) -> Literal {
    match text {
        "true" => Literal::Bool(true),
        "false" => Literal::Bool(false),
        _ => match text.parse::<i128>() {
            Ok(v) => Literal::Int(v),
            Err(_) => Literal::Float(text.parse().unwrap_or(f64::NAN)),
        },
    }
}

/// A number as TOML writes it.
pub fn number(v: f64) -> Toml {
    Toml::Bare(Literal::Float(v).to_string())
}

/// A float's value with the digits of its own precision: 0.1 for a float32's 0.1.
pub fn float(v: f64, t: &FloatType) -> Toml {
    match t.size {
        _ if !v.is_finite() => number(v),
        4 if t.as_ieee().is_some() => Toml::Bare(format!("{:?}", v as f32)),
        ..4 => Toml::Bare(shortest(v, t)),
        _ => number(v),
    }
}

/// The fewest digits that give the same small float.
fn shortest(v: f64, t: &FloatType) -> String {
    let bytes = t.encode(v);
    let short = (0..6).map(|digits| format!("{v:.digits$e}")).find_map(|text| {
        let parsed: f64 = text.parse().ok()?;
        (t.encode(parsed) == bytes).then_some(parsed)
    });
    Literal::Float(short.unwrap_or(v)).to_string()
}

fn verified(toml: Toml, dtype: &Dtype, elements: &Elements, at: usize) -> Result<Toml, String> {
    match encode_one(&literal(&toml), dtype) {
        Ok(made) if made == elements.slice(dtype, at, 1) => Ok(toml),
        Ok(_) => Err(format!("{} would not give the same bytes again", toml.inline())),
        Err(e) => Err(e.0),
    }
}

/// Text as it is, where it is plain; else as bytes.
fn text_literal(bytes: &[u8]) -> Toml {
    match std::str::from_utf8(bytes) {
        Ok(text) if !text.contains('\0') => Toml::text(text),
        _ => escape(bytes),
    }
}

/// `{ bytes = "…" }` with text in which `\xNN` stands for a byte.
fn escape(bytes: &[u8]) -> Toml {
    Toml::one("bytes", Toml::text(bytes_text(bytes)))
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|b| format!("{b:02x}")).collect()
}

/// One element of a type without outside data.
fn fixed(bytes: &[u8], dtype: &Dtype) -> Result<Toml, String> {
    let exact = |toml: &Toml| matches!(encode_one(&literal(toml), dtype), Ok(Elements::Fixed(made)) if made == bytes);
    let escaped = match dtype {
        Dtype::String(t) if t.length != StringLength::Variable => {
            // Taken as they are: padding and what follows a terminator included.
            let short = escape(&bytes[..bytes.iter().rposition(|b| *b != 0).map_or(0, |at| at + 1)]);
            if exact(&short) { short } else { escape(bytes) }
        }
        _ => Toml::one("bytes", Toml::Text(hex(bytes))),
    };
    let plain = plain(bytes, dtype);
    plain.into_iter().chain([escaped]).find(exact).ok_or_else(|| format!("an element of {dtype} has no literal"))
}

/// How people would write it; not always exact.
fn plain(bytes: &[u8], dtype: &Dtype) -> Option<Toml> {
    let decoded = || decode_one(&Elements::Fixed(bytes.to_vec()), dtype, 0);
    match dtype {
        Dtype::Int(_) => match decoded()? {
            Literal::Int(v) => Some(Toml::bare(v)),
            _ => None,
        },
        Dtype::Float(t) => match decoded()? {
            Literal::Float(v) => {
                let short = float(v, t);
                let exact = matches!(encode_one(&literal(&short), dtype), Ok(Elements::Fixed(made)) if made == bytes);
                Some(if exact { short } else { number(v) })
            }
            _ => None,
        },
        Dtype::String(_) => match decoded()? {
            // Not the decoder's text, which has escapes that only names and `bytes` know.
            Literal::Text(_) => std::str::from_utf8(trimmed(bytes, dtype)).ok().filter(|text| !text.contains('\0')).map(Toml::text),
            _ => None,
        },
        Dtype::Compound { members, .. } if dtype.as_complex().is_none() => {
            let field = |m: &CompoundMember| {
                let part = bytes.get(m.offset..m.offset.checked_add(m.dtype.size())?)?;
                Some((bytes_text(&m.name), fixed(part, &m.dtype).ok()?))
            };
            let fields: Vec<(String, Toml)> = members.iter().map(field).collect::<Option<_>>()?;
            Some(Toml::Table(fields))
        }
        Dtype::Array { base, dims } => {
            let size = base.size().max(1);
            let list = bytes.chunks(size).map(|part| fixed(part, base).ok()).collect::<Option<_>>()?;
            Some(rows(list, dims))
        }
        Dtype::Compound { .. } | Dtype::Complex(_) | Dtype::Enum { .. } | Dtype::Opaque { .. } | Dtype::Bitfield(_) => match decoded()? {
            Literal::Bool(v) => Some(Toml::bare(v)),
            Literal::Int(v) => Some(Toml::bare(v)),
            Literal::Text(text) => Some(Toml::Text(text)),
            Literal::Float(_) | Literal::List(_) | Literal::Table(_) => None,
        },
        Dtype::Committed { dtype, .. } | Dtype::Encoded { dtype, .. } => plain(bytes, dtype),
        // Elements of these have outside data, or nobody knows what they mean.
        Dtype::Vlen(_) | Dtype::Reference(_) | Dtype::Foreign { .. } => None,
    }
}

/// The bytes without padding, as far as it is plain.
fn trimmed<'a>(bytes: &'a [u8], dtype: &Dtype) -> &'a [u8] {
    let Dtype::String(t) = dtype else { return bytes };
    let pad = if t.padding == crate::model::Padding::SpacePad { b' ' } else { 0 };
    &bytes[..bytes.iter().rposition(|b| *b != pad).map_or(0, |at| at + 1)]
}

#[cfg(test)]
mod tests {
    use super::super::testing::dtypes;
    use super::*;
    use crate::model::{Charset, EnumMember, IntType, Order, Padding, StringType};
    use proptest::prelude::*;

    #[track_caller]
    fn check(bytes: &[u8], dtype: &Dtype, expect: &str) {
        assert_eq!(exact_literal(&Elements::Fixed(bytes.to_vec()), dtype, 0).unwrap().inline(), expect, "{dtype}");
    }

    #[test]
    fn plain_where_that_is_exact() {
        check(&0.1f32.to_le_bytes(), &Dtype::float(4), "0.1");
        check(&(-0.0f64).to_le_bytes(), &Dtype::float(8), "-0.0");
        check(&f64::NAN.to_le_bytes(), &Dtype::float(8), "nan");
        check(&0x7ff8_0000_0000_0001u64.to_le_bytes(), &Dtype::float(8), "{ bytes = \"010000000000f87f\" }");
        check(&[0x66, 0x2e], &Dtype::float(2), "0.1");
        check(&u64::MAX.to_le_bytes(), &Dtype::int(8, false), "18446744073709551615");
        check(&[2], &Dtype::bool(), "{ bytes = \"02\" }");
        check(b"ab\0\0", &Dtype::fixed_ascii(4), "\"ab\"");
        check(b"a\xff\0\0", &Dtype::fixed_ascii(4), "{ bytes = 'a\\xFF' }");
        let term = StringType { length: StringLength::Fixed(4), charset: Charset::Utf8, padding: Padding::NullTerm };
        check(b"a\0b\0", &Dtype::String(term.clone()), "{ bytes = 'a\\x00b' }");
        check(b"abcd", &Dtype::String(term), "\"abcd\"");
        let spaces = StringType { length: StringLength::Fixed(4), charset: Charset::Ascii, padding: Padding::SpacePad };
        check(b"ab  ", &Dtype::String(spaces.clone()), "\"ab\"");
        check(b"ab\0\0", &Dtype::String(spaces), "{ bytes = 'ab\\x00\\x00' }");
    }

    #[test]
    fn compounds() {
        let member = |name: &[u8], offset, dtype| CompoundMember { name: name.to_vec(), offset, dtype };
        let dtype = Dtype::Compound { size: 4, members: vec![member(b"a b", 0, Dtype::int(1, true)), member(b"c", 2, Dtype::bool())] };
        check(&[255, 0, 1, 0], &dtype, "{ \"a b\" = -1, c = true }");
        check(&[255, 0, 7, 0], &dtype, "{ \"a b\" = -1, c = { bytes = \"07\" } }");
        check(&[255, 9, 1, 0], &dtype, "{ bytes = \"ff090100\" }");
        let lone = Dtype::Compound { size: 1, members: vec![member(b"bytes", 0, Dtype::int(1, true))] };
        check(&[5], &lone, "{ bytes = 5 }");
    }

    #[test]
    fn strings_of_variable_length() {
        let list = Elements::Strings(vec![Some(b"a\n".to_vec()), None, Some(b"\xff".to_vec())]);
        let texts: Vec<String> = flat(&list, &Dtype::str()).unwrap().iter().map(Toml::inline).collect();
        assert_eq!(texts, ["\"a\\n\"", "{ null = true }", "{ bytes = '\\xFF' }"]);
    }

    #[test]
    fn enumerations_without_a_name() {
        let base = IntType::standard(2, true, Order::Big);
        let dtype = Dtype::Enum { base, members: vec![EnumMember { name: b"RED".to_vec(), value: 1 }] };
        check(&[0, 1], &dtype, "\"RED\"");
        check(&[0, 2], &dtype, "{ bytes = \"0002\" }");
    }

    proptest! {
        #[test]
        fn every_element_survives((dtype, bytes) in dtypes().prop_flat_map(|d| { let n = d.size(); (Just(d), proptest::collection::vec(prop_oneof![any::<u8>(), Just(0), Just(1), Just(b'a')], n)) })) {
            let elements = Elements::Fixed(bytes);
            let toml = exact_literal(&elements, &dtype, 0).map_err(TestCaseError::fail)?;
            prop_assert_eq!(encode_one(&literal(&toml), &dtype).unwrap(), elements);
        }
    }
}
