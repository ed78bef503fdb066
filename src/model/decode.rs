//! Elements back into literals, for people and for adapting values.

use super::elements::trimmed;
use super::{Dtype, Elements, Literal, Order, StringLength, bytes_text};

/// Element `at` as a literal; `None` for types that have no literal yet.
pub fn decode_one(elements: &Elements, dtype: &Dtype, at: usize) -> Option<Literal> {
    match elements {
        Elements::Strings(list) => Some(Literal::Text(bytes_text(list.get(at)?.as_deref().unwrap_or_default()))),
        Elements::Fixed(bytes) => {
            let size = dtype.size();
            decode_fixed(bytes.get(at * size..(at + 1) * size)?, dtype)
        }
    }
}

/// One element as people read it: numbers, quoted text, `1+2j`; other types as hex bytes.
pub fn element_text(elements: &Elements, dtype: &Dtype, at: usize) -> String {
    match (decode_one(elements, dtype, at), elements) {
        // A float is shown with the digits of its own precision: 0.1 for a float32's 0.1.
        (Some(Literal::Float(v)), _) => float_text(v, dtype),
        (Some(Literal::Text(text)), _) if dtype.as_complex().is_some() => text,
        (Some(Literal::Text(text)), _) => format!("\"{text}\""),
        (Some(literal), _) => literal.to_string(),
        (None, Elements::Fixed(bytes)) => {
            let size = dtype.size();
            let one = bytes.get(at * size..(at + 1) * size).unwrap_or_default();
            let hex: String = one.iter().take(16).map(|b| format!("{b:02x}")).collect();
            format!("0x{hex}{}", if one.len() > 16 { "…" } else { "" })
        }
        (None, Elements::Strings(_)) => "?".into(),
    }
}

fn float_text(v: f64, dtype: &Dtype) -> String {
    match dtype.resolved() {
        Dtype::Float(t) if t.size == 4 && v.is_finite() => format!("{:?}", v as f32),
        Dtype::Float(t) if t.size == 2 && v.is_finite() => format!("{:?}", half::f16::from_f64(v)),
        _ => Literal::Float(v).to_string(),
    }
}

fn decode_fixed(bytes: &[u8], dtype: &Dtype) -> Option<Literal> {
    match dtype {
        Dtype::Int(t) if t.is_standard() => Some(Literal::Int(integer(bytes, t.order, t.signed))),
        Dtype::Float(t) => {
            let raw = little(bytes, t.as_ieee()?);
            Some(Literal::Float(match t.size {
                2 => half::f16::from_bits(raw as u16).to_f64(),
                4 => f64::from(f32::from_bits(raw as u32)),
                _ => f64::from_bits(raw),
            }))
        }
        Dtype::String(t) if t.length != StringLength::Variable => Some(Literal::Text(bytes_text(trimmed(t, bytes)))),
        Dtype::Enum { .. } if dtype.is_bool() => Some(Literal::Bool(*bytes.first()? != 0)),
        Dtype::Enum { base, .. } if base.size > 8 => None,
        Dtype::Enum { base, members } => {
            let value = integer(bytes, base.order, base.signed);
            Some(match members.iter().find(|m| m.value == value) {
                Some(member) => Literal::Text(bytes_text(&member.name)),
                None => Literal::Int(value),
            })
        }
        Dtype::Compound { .. } => {
            let t = dtype.as_complex()?;
            let part = Dtype::Float(t.clone());
            let (re, im) = (decode_fixed(&bytes[..t.size], &part)?, decode_fixed(&bytes[t.size..], &part)?);
            let (Literal::Float(re), Literal::Float(im)) = (re, im) else { return None };
            let sign = if im.is_sign_negative() && !im.is_nan() { "" } else { "+" };
            Some(Literal::Text(format!("{}{sign}{}j", float_text(re, &part), float_text(im, &part))))
        }
        Dtype::Committed { dtype, .. } => decode_fixed(bytes, dtype),
        Dtype::Int(_)
        | Dtype::String(_)
        | Dtype::Array { .. }
        | Dtype::Vlen(_)
        | Dtype::Opaque { .. }
        | Dtype::Bitfield(_)
        | Dtype::Reference(_)
        | Dtype::Complex(_)
        | Dtype::Foreign { .. } => None,
    }
}

fn little(bytes: &[u8], order: Order) -> u64 {
    let mut raw = [0u8; 8];
    raw[..bytes.len()].copy_from_slice(bytes);
    if order == Order::Big {
        raw[..bytes.len()].reverse();
    }
    u64::from_le_bytes(raw)
}

fn integer(bytes: &[u8], order: Order, signed: bool) -> i128 {
    let raw = little(bytes, order);
    if signed {
        let shift = 64 - 8 * bytes.len();
        i128::from(((raw << shift) as i64) >> shift)
    } else {
        i128::from(raw)
    }
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
