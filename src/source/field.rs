//! Fields of delimited text as elements.

use super::Cause;
use super::convert::string_element;
use super::filetype::Number;
use crate::model::{Dtype, Elements, FloatType, Literal, Order, encode_one};

/// How fields become elements of one dtype.
pub(super) struct FieldParser {
    kind: Kind,
    dtype: Dtype,
    /// What stands for an empty field.
    missing: Option<Elements>,
}

enum Kind {
    Integer { size: usize, range: (i128, i128), order: Order },
    Float(Number, Order),
    Bool,
    Complex,
    Enum,
    String,
}

impl FieldParser {
    /// Refuses dtypes that have no form in text, and missing values that are not of the dtype.
    pub(super) fn new(dtype: &Dtype, missing: Option<&Literal>) -> Result<Self, Cause> {
        let kind = match dtype.resolved() {
            Dtype::Int(t) if t.is_standard() => Some(Kind::Integer { size: t.size, range: t.range(), order: t.order }),
            Dtype::Float(t) => t.as_ieee().and_then(|order| Some(Kind::Float(Number::new('f', t.size)?, order))),
            resolved if resolved.is_bool() => Some(Kind::Bool),
            Dtype::Enum { base, .. } if base.is_standard() => Some(Kind::Enum),
            resolved if resolved.as_complex().is_some() => Some(Kind::Complex),
            Dtype::String(_) => Some(Kind::String),
            _ => None,
        };
        let kind = kind.ok_or_else(|| Cause::new(format!("delimited text cannot become {dtype}")))?;
        let missing = missing.map(|literal| encode_one(literal, dtype)).transpose();
        let missing = missing.map_err(|e| Cause::new(format!("the value for missing fields: {e}")))?;
        Ok(Self { kind, dtype: dtype.clone(), missing })
    }

    /// Appends the element that the field says. The error is a clause about the field.
    pub(super) fn push(&self, field: &[u8], out: &mut Elements) -> Result<(), String> {
        let text = std::str::from_utf8(field).map_err(|_| "the field is not UTF-8".to_string())?;
        let blank = match self.kind {
            Kind::String => text.is_empty(),
            Kind::Integer { .. } | Kind::Float(..) | Kind::Bool | Kind::Complex | Kind::Enum => text.trim().is_empty(),
        };
        match (&self.missing, &self.kind, out) {
            (Some(missing), _, out) if blank => {
                out.append(missing.clone());
                Ok(())
            }
            (None, Kind::Integer { .. } | Kind::Float(..) | Kind::Bool | Kind::Complex | Kind::Enum, _) if blank => {
                Err("the field is empty and there is no `missing` value".into())
            }
            (_, Kind::Integer { size, range, order }, Elements::Fixed(bytes)) => {
                let value = integer(text.trim()).ok_or_else(|| self.mismatch(text))?;
                if value < range.0 || value > range.1 {
                    return Err(format!("{value} does not fit {} ({} to {})", self.dtype, range.0, range.1));
                }
                push(&value.to_le_bytes()[..*size], *order, bytes);
                Ok(())
            }
            (_, Kind::Float(number, order), Elements::Fixed(bytes)) => {
                push_float(text.trim(), *number, *order, bytes).ok_or_else(|| self.mismatch(text))
            }
            (_, _, out) => {
                out.append(self.other(text)?);
                Ok(())
            }
        }
    }

    fn other(&self, text: &str) -> Result<Elements, String> {
        let literal = match (&self.kind, text.trim()) {
            (Kind::String, _) => return string_element(text.into(), &self.dtype),
            (Kind::Bool, "true" | "True" | "TRUE" | "1") => Literal::Bool(true),
            (Kind::Bool, "false" | "False" | "FALSE" | "0") => Literal::Bool(false),
            (Kind::Bool, _) => return Err(self.mismatch(text)),
            // A value, unless a member is named like one.
            (Kind::Enum, name) => match (encode_one(&Literal::Text(name.into()), &self.dtype), integer(name)) {
                (Err(_), Some(value)) => Literal::Int(value),
                (found, _) => return found.map_err(|e| e.0),
            },
            (Kind::Complex | Kind::Integer { .. } | Kind::Float(..), number) => Literal::Text(number.into()),
        };
        encode_one(&literal, &self.dtype).map_err(|e| e.0)
    }

    fn mismatch(&self, text: &str) -> String {
        let shown: String = text.chars().take(40).collect();
        let more = if shown.len() < text.len() { "…" } else { "" };
        format!("\"{}{more}\" is not a value of {}", crate::model::bytes_text(shown.as_bytes()), self.dtype)
    }
}

/// `12`, also as `12.0` or `1.2e1` while floats of that size are exact.
fn integer(text: &str) -> Option<i128> {
    let whole = |v: &f64| v.fract() == 0.0 && v.abs() <= 9_007_199_254_740_992.0;
    text.parse().ok().or_else(|| text.parse::<f64>().ok().filter(whole).map(|v| v as i128))
}

/// Appends a float, parsed in the type itself, so that nothing is rounded twice (float16 goes through
/// float64, whose 53 bits leave only texts of more than 17 digits to round twice). `None`: not one.
fn push_float(text: &str, number: Number, order: Order, out: &mut Vec<u8>) -> Option<()> {
    // A number too large for the type is no value of it; a written infinity is.
    let fits = |infinite: bool| (!infinite || !text.bytes().any(|b| b.is_ascii_digit())).then_some(());
    match number {
        Number::F16 => {
            let bits = FloatType::binary16(text.parse().ok()?);
            fits(bits & 0x7fff == 0x7c00)?;
            push(&bits.to_le_bytes(), order, out);
        }
        Number::F32 => {
            let v: f32 = text.parse().ok()?;
            fits(v.is_infinite())?;
            push(&v.to_le_bytes(), order, out);
        }
        _ => {
            let v: f64 = text.parse().ok()?;
            fits(v.is_infinite())?;
            push(&v.to_le_bytes(), order, out);
        }
    }
    Some(())
}

fn push(little: &[u8], order: Order, out: &mut Vec<u8>) {
    match order {
        Order::Little => out.extend_from_slice(little),
        Order::Big => out.extend(little.iter().rev()),
    }
}
