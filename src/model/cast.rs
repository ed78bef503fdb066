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
    pub loss: Option<CastLoss>,
}

/// Values that a type does not hold as they are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CastLoss {
    /// How many.
    pub values: usize,
    /// Of how many.
    pub of: usize,
    /// The first of them: before and after.
    pub example: (String, String),
}

impl fmt::Display for CastLoss {
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
    let whole = after.fract() == 0.0 || before.is(Number::Float(rounded));
    Literal::Float(if whole { after } else { rounded }).to_string()
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

    fn found(self) -> Option<CastLoss> {
        let Self { of, values, example } = self;
        example.map(|example| CastLoss { values, of, example })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::{EnumMember, FloatType, Order, encode_elements, encode_one};
    use super::*;

    fn elements(list: &[Literal], dtype: &Dtype) -> Elements {
        encode_elements(list, dtype).unwrap()
    }

    /// The elements after a cast, and what is said of the loss.
    fn done(list: &[Literal], from: &Dtype, to: &Dtype) -> (String, String) {
        let cast = cast(&elements(list, from), from, to).unwrap();
        let count = cast.data.count(to);
        let after: Vec<String> = (0..count).map(|i| element_text(&cast.data, to, i)).collect();
        (after.join(" "), cast.loss.map(|l| l.to_string()).unwrap_or_default())
    }

    fn check(list: &[Literal], from: &Dtype, to: &Dtype, after: &str, loss: &str) {
        assert_eq!(done(list, from, to), (after.into(), loss.into()), "{from} -> {to}");
    }

    fn enumeration() -> Dtype {
        let member = |name: &[u8], value| EnumMember { name: name.to_vec(), value };
        Dtype::Enum { base: IntType::standard(2, true, Order::Big), members: vec![member(b"RED", 0), member(b"GREEN", 7)] }
    }

    #[test]
    fn numbers_are_kept_or_told() {
        let (f, n, b) = (Literal::Float, Literal::Int, Literal::Bool);
        let [f2, f4, f8] = [2, 4, 8].map(Dtype::float);
        let int = |size| Dtype::int(size, true);
        check(&[f(16_777_216.0), f(f64::NAN), f(-0.0)], &f8, &f4, "16777216.0 nan -0.0", "");
        check(&[f(0.5), f(0.1), f(0.2)], &f8, &f4, "0.5 0.1 0.2", "not exact for 2 of 3 values: 0.1 -> 0.10000000149");
        check(&[f(16_777_217.0)], &f8, &f4, "16777216.0", "not exact for 1 of 1 values: 16777217.0 -> 16777216.0");
        check(&[f(1.0 + f64::EPSILON)], &f8, &f4, "1.0", "not exact for 1 of 1 values: 1.0000000000000002 -> 1.0");
        check(&[f(1e300), f(f64::INFINITY)], &f8, &f2, "inf inf", "not exact for 1 of 2 values: 1e300 -> inf");
        check(&[f(-1e300)], &f8, &Dtype::Float(FloatType::f8e5m2()), "-inf", "not exact for 1 of 1 values: -1e300 -> -inf");
        check(&[f(2.5), f(3.5)], &f8, &int(1), "2 4", "not exact for 2 of 2 values: 2.5 -> 2");
        check(&[f(-1e30)], &f8, &int(8), "-9223372036854775808", "not exact for 1 of 1 values: -1e30 -> -9223372036854775808");
        check(&[n(300), n(-1), n(9)], &int(2), &Dtype::int(1, false), "255 0 9", "not exact for 2 of 3 values: 300 -> 255");
        check(
            &[n((1 << 53) + 1)],
            &int(8),
            &f8,
            "9007199254740992.0",
            "not exact for 1 of 1 values: 9007199254740993 -> 9007199254740992.0",
        );
        check(&[n(258)], &int(2), &Dtype::Int(IntType::standard(2, true, Order::Big)), "258", "");
        check(&[b(true), b(false)], &Dtype::bool(), &int(4), "1 0", "");
        check(&[n(0), n(1), n(5)], &int(4), &Dtype::bool(), "false true true", "not exact for 1 of 3 values: 5 -> true");
        check(&[n(7)], &enumeration(), &f4, "7.0", "");
        check(&[f(7.0)], &f4, &enumeration(), "GREEN", "");
        check(&[n(3)], &int(4), &Dtype::complex(4, Order::Little), "3.0+0.0j", "");
        let pair = Literal::List(vec![f(3.0), f(0.5)]);
        check(&[pair], &Dtype::complex(8, Order::Big), &f8, "3.0", "not exact for 1 of 1 values: 3.0+0.5j -> 3.0");
    }

    #[test]
    fn texts_are_kept_or_told() {
        let t = |s: &str| Literal::Text(s.into());
        let fixed = |n, charset, padding| Dtype::String(StringType { length: StringLength::Fixed(n), charset, padding });
        let utf8 = |n| fixed(n, Charset::Utf8, Padding::NullPad);
        check(&[t("metre"), t("")], &Dtype::str(), &Dtype::fixed_ascii(5), "\"metre\" \"\"", "");
        check(&[t("metre")], &Dtype::fixed_ascii(9), &Dtype::str(), "\"metre\"", "");
        check(&[t("abé")], &Dtype::str(), &utf8(3), "\"ab\"", "not exact for 1 of 1 values: \"abé\" -> \"ab\"");
        let spaces = fixed(4, Charset::Ascii, Padding::SpacePad);
        check(&[t("ab ")], &Dtype::fixed_ascii(3), &spaces, "\"ab\"", "not exact for 1 of 1 values: \"ab \" -> \"ab\"");
        let null = Elements::Strings(vec![None]);
        let ascii = Dtype::String(StringType { length: StringLength::Variable, charset: Charset::Ascii, padding: Padding::NullTerm });
        assert_eq!(cast(&null, &Dtype::str(), &ascii).unwrap().data, null);
        assert!(cast(&null, &Dtype::str(), &utf8(2)).unwrap().loss.is_none());
        let refused = |text: &str, to: &Dtype| cast(&elements(&[t(text)], &Dtype::str()), &Dtype::str(), to).unwrap_err().0;
        assert!(refused("é", &Dtype::fixed_ascii(4)).contains("is not ASCII"));
        assert!(refused("1", &Dtype::int(4, true)).contains("cannot be cast"));
    }

    #[test]
    fn what_has_no_value_is_refused() {
        let refused = |literal, from: &Dtype, to: &Dtype| cast(&encode_one(&literal, from).unwrap(), from, to).unwrap_err().0;
        assert!(refused(Literal::Float(f64::NAN), &Dtype::float(4), &Dtype::int(4, true)).contains("nan is not a value of i4"));
        assert!(refused(Literal::Int(3), &Dtype::int(4, true), &enumeration()).contains("3 is not a value of"));
        assert!(refused(Literal::Int(3), &Dtype::int(4, true), &Dtype::str()).contains("cannot be cast"));
        let opaque = Dtype::Opaque { size: 4, tag: Vec::new() };
        assert!(refused(Literal::Int(3), &Dtype::int(4, true), &opaque).contains("cannot be cast"));
    }

    /// Floats of 80 bits are read as the nearest f64: what is lost there is told, too.
    #[test]
    fn digits_beyond_f64_are_told() {
        let fields = [79, 64, 15, 0, 64];
        let x87 = Dtype::Float(FloatType {
            size: 10,
            order: Some(Order::Little),
            precision: 80,
            offset: 0,
            fields,
            bias: 16383,
            norm: 2,
            pads: (0, 0, 0),
        });
        let one = [0, 0, 0, 0, 0, 0, 0, 0x80, 0xff, 0x3f];
        assert!(cast(&Elements::Fixed(one.to_vec()), &x87, &Dtype::float(8)).unwrap().loss.is_none());
        let more = [1, 0, 0, 0, 0, 0, 0, 0x80, 0xff, 0x3f];
        assert!(cast(&Elements::Fixed(more.to_vec()), &x87, &Dtype::float(8)).unwrap().loss.is_some());
    }

    proptest! {
        /// What Rust's own conversions say.
        #[test]
        fn as_rust_converts(v in any::<i64>(), x in any::<f64>()) {
            let bytes = |v: i64| Elements::Fixed(v.to_le_bytes().to_vec());
            let to = |data: Elements, from: Dtype, to: Dtype| { let c = cast(&data, &from, &to).unwrap(); (c.data, c.loss.is_some()) };
            prop_assert_eq!(to(bytes(v), Dtype::int(8, true), Dtype::float(4)), (Elements::Fixed((v as f32).to_le_bytes().to_vec()), v as f32 as i128 != i128::from(v)));
            prop_assert_eq!(to(bytes(v), Dtype::int(8, true), Dtype::float(8)), (Elements::Fixed((v as f64).to_le_bytes().to_vec()), v as f64 as i128 != i128::from(v)));
            let narrow = v.clamp(i64::from(i32::MIN), i64::from(i32::MAX)) as i32;
            prop_assert_eq!(to(bytes(v), Dtype::int(8, true), Dtype::int(4, true)), (Elements::Fixed(narrow.to_le_bytes().to_vec()), i64::from(narrow) != v));
            if !x.is_nan() {
                let float = Elements::Fixed(x.to_le_bytes().to_vec());
                prop_assert_eq!(to(float.clone(), Dtype::float(8), Dtype::float(4)), (Elements::Fixed((x as f32).to_le_bytes().to_vec()), f64::from(x as f32) != x));
                let whole = x.round_ties_even() as i64;
                let exact = x.fract() == 0.0 && whole as f64 == x && (whole != i64::MAX || x < 9e18);
                prop_assert_eq!(to(float, Dtype::float(8), Dtype::int(8, true)), (bytes(whole), !exact));
            }
        }
    }
}
