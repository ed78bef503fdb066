//! Elements back into literals, for people and for adapting values.

use super::elements::trimmed;
use super::{CompoundMember, Dtype, Elements, FloatType, IntType, Literal, Order, Part, StringLength, Value, bytes_text};

/// Element `at` as a literal; `None` for types that have no literal yet.
pub fn decode_one(elements: &Elements, dtype: &Dtype, at: usize) -> Option<Literal> {
    match elements {
        Elements::Strings(list) => Some(Literal::Text(bytes_text(list.get(at)?.as_deref().unwrap_or_default()))),
        Elements::Fixed(bytes) => {
            let size = dtype.size();
            decode_fixed(bytes.get(at * size..(at + 1) * size)?, dtype)
        }
        Elements::Nested(list) => decode_value(list.get(at)?, dtype.resolved()),
    }
}

fn decode_value(value: &Value, dtype: &Dtype) -> Option<Literal> {
    let all =
        |list: &Elements, base: &Dtype| -> Option<Vec<Literal>> { (0..list.count(base)).map(|i| decode_one(list, base, i)).collect() };
    Some(match (value, dtype.resolved()) {
        (Value::Plain(bytes), dtype) => decode_fixed(bytes, dtype)?,
        (Value::Text(text), _) => Literal::Text(bytes_text(text.as_deref().unwrap_or_default())),
        (Value::List(list), Dtype::Vlen(base)) => Literal::List(all(list, base)?),
        (Value::List(list), Dtype::Array { base, dims }) => nested(all(list, base)?, dims),
        (Value::Record(values), Dtype::Compound { members, .. }) => {
            let field = |(m, v): (&CompoundMember, &Value)| Some((bytes_text(&m.name), decode_value(v, &m.dtype)?));
            Literal::Table(members.iter().zip(values).map(field).collect::<Option<_>>()?)
        }
        (Value::Reference(None), _) => Literal::Table(vec![("null".into(), Literal::Bool(true))]),
        (Value::Reference(Some(referent)), _) => {
            let path = Literal::Text(referent.target.to_string());
            match &referent.part {
                Part::Whole => path,
                Part::Region(selected) => Literal::Table(vec![("path".into(), path), ("select".into(), selected.literal())]),
                Part::Attr(name) => Literal::Table(vec![("path".into(), path), ("attr".into(), Literal::Text(bytes_text(name)))]),
            }
        }
        (Value::List(_) | Value::Record(_), _) => return None,
    })
}

/// A flat list as lists of lists.
fn nested(mut list: Vec<Literal>, dims: &[u64]) -> Literal {
    for &n in dims.iter().skip(1).rev() {
        list = list.chunks((n as usize).max(1)).map(|part| Literal::List(part.to_vec())).collect();
    }
    Literal::List(list)
}

/// One element as people read it: numbers, quoted text, `1+2j`; other types as hex bytes.
pub fn element_text(elements: &Elements, dtype: &Dtype, at: usize) -> String {
    match (decode_one(elements, dtype, at), elements) {
        // A float is shown with the digits of its own precision: 0.1 for a float32's 0.1.
        (Some(Literal::Float(v)), _) => float_text(v, dtype),
        (Some(Literal::Text(text)), _) if !matches!(dtype.resolved(), Dtype::String(_)) => text,
        (Some(Literal::Text(text)), _) => format!("\"{text}\""),
        (Some(literal), _) => literal.to_string(),
        (None, Elements::Fixed(bytes)) => {
            let size = dtype.size();
            let one = bytes.get(at * size..(at + 1) * size).unwrap_or_default();
            let hex: String = one.iter().take(16).map(|b| format!("{b:02x}")).collect();
            format!("0x{hex}{}", if one.len() > 16 { "…" } else { "" })
        }
        (None, Elements::Strings(_) | Elements::Nested(_)) => "?".into(),
    }
}

/// [`element_text`], but with all digits of complex numbers.
pub(super) fn digits_text(elements: &Elements, dtype: &Dtype, at: usize) -> String {
    let size = dtype.size();
    let parts = |bytes: &[u8], t: &FloatType| Some((float_value(bytes.get(..t.size)?, t)?, float_value(bytes.get(t.size..)?, t)?));
    let complex = match (dtype.resolved(), elements) {
        (Dtype::Complex(t), Elements::Fixed(bytes)) => bytes.get(at * size..(at + 1) * size).and_then(|one| parts(one, t)),
        (other, Elements::Fixed(bytes)) => other.as_complex().and_then(|t| parts(bytes.get(at * size..(at + 1) * size)?, t)),
        (_, Elements::Strings(_) | Elements::Nested(_)) => None,
    };
    match complex {
        Some((re, im)) => joined(im, Literal::Float(re).to_string(), Literal::Float(im).to_string()),
        None => element_text(elements, dtype, at),
    }
}

fn float_text(v: f64, dtype: &Dtype) -> String {
    match dtype.resolved() {
        Dtype::Float(t) if t.size == 4 && v.is_finite() => format!("{:?}", v as f32),
        Dtype::Float(t) if t.size == 2 && v.is_finite() => format!("{:?}", half::f16::from_f64(v)),
        _ => Literal::Float(v).to_string(),
    }
}

/// The value of a float, where its layout is one that can be read.
pub(super) fn float_value(bytes: &[u8], t: &FloatType) -> Option<f64> {
    let Some(order) = t.as_ieee() else { return t.decode(bytes) };
    let raw = little(bytes, order);
    Some(match t.size {
        2 => half::f16::from_bits(raw as u16).to_f64(),
        4 => f64::from(f32::from_bits(raw as u32)),
        _ => f64::from_bits(raw),
    })
}

fn decode_fixed(bytes: &[u8], dtype: &Dtype) -> Option<Literal> {
    match dtype {
        Dtype::Int(t) => integer(bytes, t).map(Literal::Int),
        Dtype::Float(t) => float_value(bytes, t).map(Literal::Float),
        Dtype::String(t) if t.length != StringLength::Variable => Some(Literal::Text(bytes_text(trimmed(t, bytes)))),
        Dtype::Enum { .. } if dtype.is_bool() => Some(Literal::Bool(*bytes.first()? != 0)),
        Dtype::Enum { base, members } => {
            let value = integer(bytes, base)?;
            Some(match members.iter().find(|m| m.value == value) {
                Some(member) => Literal::Text(bytes_text(&member.name)),
                None => Literal::Int(value),
            })
        }
        Dtype::Compound { .. } if dtype.as_complex().is_some() => complex_text(bytes, dtype.as_complex()?),
        Dtype::Complex(t) => complex_text(bytes, t),
        Dtype::Compound { members, .. } => {
            let field = |m: &CompoundMember| {
                let part = bytes.get(m.offset..m.offset.checked_add(m.dtype.size())?)?;
                Some((bytes_text(&m.name), decode_fixed(part, &m.dtype)?))
            };
            members.iter().map(field).collect::<Option<_>>().map(Literal::Table)
        }
        Dtype::Array { base, dims } => {
            let size = base.size().max(1);
            let list: Vec<Literal> = bytes.chunks(size).map(|part| decode_fixed(part, base)).collect::<Option<_>>()?;
            Some(nested(list, dims))
        }
        Dtype::Opaque { .. } => Some(Literal::Text(format!("0x{}", bytes.iter().map(|b| format!("{b:02x}")).collect::<String>()))),
        Dtype::Bitfield(t) => {
            let value = integer(bytes, &IntType { signed: false, ..t.clone() })?;
            Some(Literal::Text(format!("0x{value:0w$x}", w = t.precision.div_ceil(8) * 2)))
        }
        Dtype::Committed { dtype, .. } | Dtype::Encoded { dtype, .. } => decode_fixed(bytes, dtype),
        Dtype::String(_) | Dtype::Vlen(_) | Dtype::Reference(_) | Dtype::Foreign { .. } => None,
    }
}

fn complex_text(bytes: &[u8], t: &FloatType) -> Option<Literal> {
    let part = Dtype::Float(t.clone());
    let (re, im) = (decode_fixed(bytes.get(..t.size)?, &part)?, decode_fixed(bytes.get(t.size..)?, &part)?);
    let (Literal::Float(re), Literal::Float(im)) = (re, im) else { return None };
    Some(Literal::Text(joined(im, float_text(re, &part), float_text(im, &part))))
}

/// A complex number of the texts of its parts.
fn joined(im: f64, re_text: String, im_text: String) -> String {
    let sign = if im.is_sign_negative() && !im.is_nan() { "" } else { "+" };
    format!("{re_text}{sign}{im_text}j")
}

fn little(bytes: &[u8], order: Order) -> u64 {
    let mut raw = [0u8; 8];
    raw[..bytes.len()].copy_from_slice(bytes);
    if order == Order::Big {
        raw[..bytes.len()].reverse();
    }
    u64::from_le_bytes(raw)
}

pub(super) fn integer(bytes: &[u8], t: &IntType) -> Option<i128> {
    if bytes.len() > 16 || t.precision == 0 || t.precision > 126 {
        return None;
    }
    let mut raw = [0u8; 16];
    raw[..bytes.len()].copy_from_slice(bytes);
    if t.order == Order::Big {
        raw[..bytes.len()].reverse();
    }
    let bits = (u128::from_le_bytes(raw) >> t.offset) & (u128::MAX >> (128 - t.precision));
    let shift = 128 - t.precision as u32;
    Some(if t.signed { ((bits << shift) as i128) >> shift } else { bits as i128 })
}

#[cfg(test)]
mod tests {
    use super::super::{IntType, encode_one};
    use super::*;

    #[test]
    fn literals_survive() {
        let types = [Dtype::int(1, true), Dtype::Int(IntType::standard(8, true, Order::Big)), Dtype::float(4), Dtype::float(2)];
        for dtype in types {
            for v in [-100i128, 0, 1, 100] {
                let e = encode_one(&Literal::Int(v), &dtype).unwrap();
                let expect = if matches!(dtype, Dtype::Float(_)) { Literal::Float(v as f64) } else { Literal::Int(v) };
                assert_eq!(decode_one(&e, &dtype, 0), Some(expect), "{dtype}");
            }
        }
    }

    #[test]
    fn texts() {
        let text = |l: Literal, d: Dtype| element_text(&encode_one(&l, &d).unwrap(), &d, 0);
        assert_eq!(text(Literal::Float(0.1), Dtype::float(4)), "0.1");
        assert_eq!(text(Literal::Float(0.1), Dtype::float(8)), "0.1");
        assert_eq!(text(Literal::Text("a\nb".into()), Dtype::str()), "\"a\\x0Ab\"");
        assert_eq!(text(Literal::Text("1-2j".into()), Dtype::complex(4, Order::Little)), "1.0-2.0j");
        assert_eq!(text(Literal::Bool(true), Dtype::bool()), "true");
    }
}
