//! The same values in another element type, and what that costs.

use std::fmt;

use super::decode::{float_value, integer};
use super::elements::trimmed;
use super::encode::encode_fixed;
use super::{Charset, Dtype, Elements, EncodeError, IntType, Literal, Padding, StringLength, StringType, bytes_text, element_text};

/// What a type makes of the elements of another one.
#[derive(Clone, Debug)]
pub struct Cast {
    /// As many elements as there were.
    pub data: Elements,
    /// What is not the same value any more.
    pub loss: Option<Loss>,
}

/// Values that a type does not hold as they are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Loss {
    /// How many.
    pub values: usize,
    /// Of how many.
    pub of: usize,
    /// The first of them: before and after.
    pub example: (String, String),
}

impl fmt::Display for Loss {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (before, after) = &self.example;
        write!(f, "not exact for {} of {} values: {before} -> {after}", self.values, self.of)
    }
}

/// Elements in another type: numbers (booleans and enumerations are their integers) as numbers, text as text.
///
/// Values are rounded to the nearest, half to even, and saturate; text is cut. Each value that does not read back as it was counts as
/// lost, but NaN reads back as any NaN. An error where there is no such value at all: an integer for NaN, a number without a name.
pub fn cast(data: &Elements, from: &Dtype, to: &Dtype) -> Result<Cast, EncodeError> {
    let (source, target) = (from.resolved(), to.resolved());
    if source == target {
        return Ok(Cast { data: data.clone(), loss: None });
    }
    match (source, target, data) {
        (Dtype::String(from), Dtype::String(to), _) => texts(data, (from, source), (to, target)),
        (_, _, Elements::Fixed(bytes)) if is_number(source) && is_number(target) => numbers(bytes, source, target),
        _ => Err(EncodeError(format!("{from} cannot be cast to {to}; numbers are cast to numbers, and text to text"))),
    }
}

/// A number whatever its type is.
#[derive(Clone, Copy, Debug)]
enum Number {
    Int(i128),
    Float(f64),
    Complex(f64, f64),
}

impl Number {
    /// Real and imaginary part.
    fn parts(self) -> (Number, f64) {
        match self {
            Number::Int(_) | Number::Float(_) => (self, 0.0),
            Number::Complex(re, im) => (Number::Float(re), im),
        }
    }

    /// Is it the same value? NaN is NaN.
    fn is(self, other: Number) -> bool {
        let float = |a: f64, b: f64| a == b || a.is_nan() && b.is_nan();
        let whole = |a: i128, b: f64| b.fract() == 0.0 && b.abs() < 1e38 && b as i128 == a;
        match (self, other) {
            (Number::Int(a), Number::Int(b)) => a == b,
            (Number::Float(a), Number::Float(b)) => float(a, b),
            (Number::Int(a), Number::Float(b)) | (Number::Float(b), Number::Int(a)) => whole(a, b),
            (Number::Complex(..), _) | (_, Number::Complex(..)) => {
                let ((a, a_im), (b, b_im)) = (self.parts(), other.parts());
                a.is(b) && float(a_im, b_im)
            }
        }
    }

    /// The nearest integer of a range.
    fn nearest(self, (low, high): (i128, i128)) -> Option<i128> {
        Some(match self.parts().0 {
            Number::Int(v) => v.clamp(low, high),
            Number::Float(v) if v.is_nan() => return None,
            // The conversion saturates.
            Number::Float(v) | Number::Complex(v, _) => (v.round_ties_even() as i128).clamp(low, high),
        })
    }
}

fn is_number(dtype: &Dtype) -> bool {
    let int = |t: &IntType| t.size <= 16 && (1..=126).contains(&t.precision) && t.offset + t.precision <= 8 * t.size;
    match dtype {
        d if d.as_complex().is_some() => true,
        Dtype::Int(t) | Dtype::Bitfield(t) | Dtype::Enum { base: t, .. } => int(t),
        Dtype::Float(t) | Dtype::Complex(t) => t.as_ieee().is_some() || t.is_convertible(),
        Dtype::String(_)
        | Dtype::Compound { .. }
        | Dtype::Array { .. }
        | Dtype::Vlen(_)
        | Dtype::Opaque { .. }
        | Dtype::Reference(_)
        | Dtype::Committed { .. }
        | Dtype::Encoded { .. }
        | Dtype::Foreign { .. } => false,
    }
}

/// The float that a complex type has two of.
fn part(dtype: &Dtype) -> Option<Dtype> {
    match dtype {
        Dtype::Complex(t) => Some(Dtype::Float(t.clone())),
        other => other.as_complex().map(|t| Dtype::Float(t.clone())),
    }
}

/// The value of an element, and whether that is all of it: a float of many digits is read as the nearest f64.
fn read(bytes: &[u8], dtype: &Dtype) -> Option<(Number, bool)> {
    if let Some(part) = part(dtype) {
        let (re, im) = bytes.split_at_checked(part.size())?;
        return match (read(re, &part)?, read(im, &part)?) {
            ((Number::Float(re), a), (Number::Float(im), b)) => Some((Number::Complex(re, im), a && b)),
            _ => None,
        };
    }
    match dtype {
        Dtype::Int(t) | Dtype::Enum { base: t, .. } => Some((Number::Int(integer(bytes, t)?), true)),
        Dtype::Bitfield(t) => Some((Number::Int(integer(bytes, &IntType { signed: false, ..t.clone() })?), true)),
        Dtype::Float(t) => {
            let value = float_value(bytes, t)?;
            let whole = t.as_ieee().is_some() || value.is_nan() || t.encode(value).as_deref() == Some(bytes);
            Some((Number::Float(value), whole))
        }
        _ => None,
    }
}

/// Appends the nearest value that the type has.
fn write(number: Number, dtype: &Dtype, out: &mut Vec<u8>) -> Result<(), EncodeError> {
    let whole = |range| {
        let none = || EncodeError(format!("nan is not a value of {dtype}"));
        number.nearest(range).map(Literal::Int).ok_or_else(none)
    };
    if let Some(part) = part(dtype) {
        let (re, im) = number.parts();
        write(re, &part, out)?;
        return write(Number::Float(im), &part, out);
    }
    match dtype {
        // As NumPy has it: everything but zero is true.
        d if d.is_bool() => encode_fixed(&Literal::Bool(!number.is(Number::Int(0))), dtype, out),
        Dtype::Int(t) => encode_fixed(&whole(t.range())?, dtype, out),
        Dtype::Bitfield(t) => encode_fixed(&whole(IntType { signed: false, ..t.clone() }.range())?, dtype, out),
        Dtype::Enum { .. } => encode_fixed(&whole((i128::MIN, i128::MAX))?, dtype, out),
        Dtype::Float(t) => {
            let value = match number.parts().0 {
                // Once: what is rounded twice may not be the nearest.
                Number::Int(v) if t.as_ieee().is_some() && t.size == 4 => f64::from(v as f32),
                Number::Int(v) => v as f64,
                Number::Float(v) | Number::Complex(v, _) => v,
            };
            let start = out.len();
            encode_fixed(&Literal::Float(value), dtype, out).or_else(|_| {
                out.truncate(start);
                encode_fixed(&Literal::Float(f64::INFINITY.copysign(value)), dtype, out)
            })
        }
        _ => Err(EncodeError(format!("{dtype} is not a type of numbers"))),
    }
}

fn numbers(bytes: &[u8], from: &Dtype, to: &Dtype) -> Result<Cast, EncodeError> {
    let (size, mut out, mut losses) = (from.size().max(1), Vec::new(), Losses::default());
    for element in bytes.chunks_exact(size) {
        let (number, whole) = read(element, from).ok_or_else(|| EncodeError(format!("values of {from} are not supported yet")))?;
        let start = out.len();
        write(number, to, &mut out)?;
        let back = read(&out[start..], to).map(|(n, _)| n);
        let kept = whole && back.is_some_and(|b| number.is(b));
        losses.count(kept, || {
            let before = element_text(&Elements::Fixed(element.to_vec()), from, 0);
            let after = match back.map(Number::parts) {
                Some((Number::Float(v), 0.0)) if part(to).is_none() => apart(v, number),
                _ => element_text(&Elements::Fixed(out[start..].to_vec()), to, 0),
            };
            (before, after)
        });
    }
    Ok(Cast { data: Elements::Fixed(out), loss: losses.found() })
}

/// A float with as many digits as tell it from what it was.
fn apart(after: f64, before: Number) -> String {
    let rounded = format!("{after:.10e}").parse().unwrap_or(after);
    let text = if before.is(Number::Float(rounded)) { after } else { rounded };
    Literal::Float(text).to_string()
}

fn texts(data: &Elements, (from, source): (&StringType, &Dtype), (to, target): (&StringType, &Dtype)) -> Result<Cast, EncodeError> {
    let (mut out, mut losses) = (Elements::empty(target), Losses::default());
    for at in 0..data.count(source) {
        let text = text_at(data, source, at);
        let one = text.map(|text| in_charset(text, from, to).map(|()| fitted(text, to))).transpose()?;
        let made = match (to.length, one) {
            (StringLength::Variable, one) => Elements::Strings(vec![one.map(<[u8]>::to_vec)]),
            (StringLength::Fixed(size), one) => {
                let mut bytes = one.unwrap_or_default().to_vec();
                bytes.resize(size, if to.padding == Padding::SpacePad { b' ' } else { 0 });
                Elements::Fixed(bytes)
            }
        };
        let kept = text_at(&made, target, 0).unwrap_or_default() == text.unwrap_or_default();
        losses.count(kept, || (element_text(data, source, at), element_text(&made, target, 0)));
        out.append(made);
    }
    Ok(Cast { data: out, loss: losses.found() })
}

/// The bytes of a text without its padding; `None` for the null string.
pub(super) fn text_at<'a>(data: &'a Elements, dtype: &Dtype, at: usize) -> Option<&'a [u8]> {
    match (data, dtype.resolved()) {
        (Elements::Strings(list), _) => list.get(at)?.as_deref(),
        (Elements::Fixed(bytes), Dtype::String(t)) => {
            let size = dtype.size();
            Some(trimmed(t, bytes.get(at * size..(at + 1) * size)?))
        }
        (Elements::Fixed(_) | Elements::Nested(_), _) => None,
    }
}

/// As much of a text as the type has room for: a character is not cut in two.
fn fitted<'a>(text: &'a [u8], to: &StringType) -> &'a [u8] {
    let ends_at_nul = to.length == StringLength::Variable || to.padding == Padding::NullTerm;
    let text = match text.iter().position(|&b| b == 0) {
        Some(end) if ends_at_nul => &text[..end],
        Some(_) | None => text,
    };
    match to.length {
        StringLength::Fixed(size) if text.len() > size => {
            let within = |end: &usize| std::str::from_utf8(text).is_ok_and(|t| !t.is_char_boundary(*end));
            let end = (0..=size).rev().find(|end| !within(end)).unwrap_or(0);
            &text[..end]
        }
        StringLength::Fixed(_) | StringLength::Variable => text,
    }
}

fn in_charset(text: &[u8], from: &StringType, to: &StringType) -> Result<(), EncodeError> {
    let wrong = |what: &str| Err(EncodeError(format!("\"{}\" is not {what}", bytes_text(text))));
    match to.charset {
        // What is marked as ASCII and is not stays as wrong as it is.
        _ if from.charset == to.charset => Ok(()),
        Charset::Ascii if !text.is_ascii() => wrong("ASCII; cast to a UTF-8 string"),
        Charset::Utf8 if std::str::from_utf8(text).is_err() => wrong("UTF-8; cast to an ASCII string"),
        Charset::Ascii | Charset::Utf8 => Ok(()),
    }
}

#[derive(Default)]
struct Losses {
    of: usize,
    values: usize,
    example: Option<(String, String)>,
}

impl Losses {
    fn count(&mut self, kept: bool, example: impl FnOnce() -> (String, String)) {
        self.of += 1;
        if !kept {
            self.values += 1;
            self.example.get_or_insert_with(example);
        }
    }

    fn found(self) -> Option<Loss> {
        let Self { of, values, example } = self;
        example.map(|example| Loss { values, of, example })
    }
}
