//! Numbers as elements of other types of numbers.

use super::decode::integer;
use super::recast::{Fate, Why};
use super::{Dtype, FloatType, IntType, Order};

/// The value of an element, whatever its type.
#[derive(Clone, Copy, Debug)]
pub(super) enum Value {
    Int(i128),
    Float(f64),
    Complex(f64, f64),
}

impl Value {
    /// Real and imaginary part.
    fn parts(self) -> (Value, f64) {
        match self {
            Value::Int(_) | Value::Float(_) => (self, 0.0),
            Value::Complex(re, im) => (Value::Float(re), im),
        }
    }

    /// Is it the same value? NaN is NaN.
    pub(super) fn is(self, other: Value) -> bool {
        let float = |a: f64, b: f64| a == b || a.is_nan() && b.is_nan();
        let whole = |a: i128, b: f64| b.fract() == 0.0 && b.abs() < 1e38 && b as i128 == a;
        match (self, other) {
            (Value::Int(a), Value::Int(b)) => a == b,
            (Value::Float(a), Value::Float(b)) => float(a, b),
            (Value::Int(a), Value::Float(b)) | (Value::Float(b), Value::Int(a)) => whole(a, b),
            (Value::Complex(..), _) | (_, Value::Complex(..)) => {
                let ((a, a_im), (b, b_im)) = (self.parts(), other.parts());
                a.is(b) && float(a_im, b_im)
            }
        }
    }

    fn is_nan(self) -> bool {
        match self {
            Value::Int(_) => false,
            Value::Float(v) => v.is_nan(),
            Value::Complex(re, im) => re.is_nan() || im.is_nan(),
        }
    }

    /// The nearest binary64 of the real part.
    fn as_float(self) -> f64 {
        match self {
            Value::Int(v) => v as f64,
            Value::Float(v) | Value::Complex(v, _) => v,
        }
    }

    /// The nearest integer of a range, ties to even. There is none for NaN.
    fn nearest(self, (low, high): (i128, i128)) -> Option<i128> {
        match self.parts().0 {
            Value::Int(v) => Some(v.clamp(low, high)),
            Value::Float(v) | Value::Complex(v, _) if v.is_nan() => None,
            // `as` saturates.
            Value::Float(v) | Value::Complex(v, _) => Some((v.round_ties_even() as i128).clamp(low, high)),
        }
    }
}

/// A type whose elements are numbers.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Number {
    Int(IntType),
    /// h5py's bool.
    Bool,
    /// With the only values it has.
    Enum(IntType, Vec<i128>),
    /// binary16, binary32 or binary64, by its bytes.
    Ieee(usize, Order),
    /// Any other float.
    Float(FloatType),
    /// Two of one type.
    Complex(Box<Number>),
}

impl Number {
    /// `None` for types that are no numbers, or that cannot be read.
    pub(super) fn of(dtype: &Dtype) -> Option<Self> {
        let float = |t: &FloatType| match t.as_ieee() {
            Some(order) => Some(Number::Ieee(t.size, order)),
            None => t.is_convertible().then(|| Number::Float(t.clone())),
        };
        if let Some(part) = dtype.as_complex() {
            return float(part).map(|part| Number::Complex(Box::new(part)));
        }
        match dtype {
            d if d.is_bool() => Some(Number::Bool),
            Dtype::Int(t) if is_readable(t) => Some(Number::Int(t.clone())),
            Dtype::Bitfield(t) if is_readable(t) => Some(Number::Int(IntType { signed: false, ..t.clone() })),
            Dtype::Enum { base, members } if is_readable(base) => {
                Some(Number::Enum(base.clone(), members.iter().map(|m| m.value).collect()))
            }
            Dtype::Float(t) => float(t),
            Dtype::Complex(t) => float(t).map(|part| Number::Complex(Box::new(part))),
            Dtype::Int(_)
            | Dtype::Bitfield(_)
            | Dtype::Enum { .. }
            | Dtype::String(_)
            | Dtype::Compound { .. }
            | Dtype::Array { .. }
            | Dtype::Vlen(_)
            | Dtype::Opaque { .. }
            | Dtype::Reference(_)
            | Dtype::Committed { .. }
            | Dtype::Encoded { .. }
            | Dtype::Foreign { .. } => None,
        }
    }

    /// Is every element of the other type an element of this one?
    pub(super) fn holds(&self, other: &Number) -> bool {
        match (other, self) {
            (Number::Int(_) | Number::Bool | Number::Enum(..), Number::Int(to)) => {
                let ((low, high), (lowest, highest)) = (other.range(), to.range());
                low >= lowest && high <= highest
            }
            (Number::Int(_) | Number::Bool | Number::Enum(..), Number::Ieee(size, _)) => {
                let ((low, high), most) = (other.range(), 1i128 << significand(*size));
                -low <= most && high <= most
            }
            (Number::Ieee(from, _), Number::Ieee(to, _)) => from <= to,
            (Number::Complex(from), Number::Complex(to)) => to.holds(from),
            (from, Number::Complex(to)) => to.holds(from),
            // What bytes hold may be no value of the type.
            (_, Number::Bool | Number::Enum(..)) => false,
            (Number::Ieee(..) | Number::Float(_) | Number::Complex(_), Number::Int(_)) => false,
            (Number::Float(_) | Number::Complex(_), Number::Ieee(..)) | (_, Number::Float(_)) => false,
        }
    }

    fn range(&self) -> (i128, i128) {
        match self {
            Number::Int(t) | Number::Enum(t, _) => t.range(),
            Number::Bool => (i128::from(i8::MIN), i128::from(i8::MAX)),
            Number::Ieee(..) | Number::Float(_) | Number::Complex(_) => (i128::MIN, i128::MAX),
        }
    }

    /// The value of an element, and whether that is all of it: a float of many digits is read as the nearest binary64.
    pub(super) fn get(&self, bytes: &[u8]) -> Option<(Value, bool)> {
        match self {
            Number::Int(t) | Number::Enum(t, _) => Some((Value::Int(integer(bytes, t)?), true)),
            Number::Bool => Some((Value::Int(i128::from(i8::from_le_bytes([*bytes.first()?]))), true)),
            Number::Ieee(_, order) => Some((Value::Float(ieee(bytes, *order)?), true)),
            Number::Float(t) => {
                let value = t.decode(bytes)?;
                let whole = || t.encode(value).is_some_and(|made| significant(&made, t) == significant(bytes, t));
                Some((Value::Float(value), value.is_nan() || whole()))
            }
            Number::Complex(part) => {
                let (re, im) = bytes.split_at_checked(bytes.len() / 2)?;
                match (part.get(re)?, part.get(im)?) {
                    ((Value::Float(re), a), (Value::Float(im), b)) => Some((Value::Complex(re, im), a && b)),
                    _ => None,
                }
            }
        }
    }

    /// Writes the nearest value that the type has.
    pub(super) fn put(&self, value: Value, out: &mut [u8]) -> Fate {
        let kept = |made: Value| if value.is(made) { Fate::Same } else { Fate::Lost };
        match self {
            Number::Int(t) => match value.nearest(t.range()) {
                Some(made) => {
                    put_integer(made, t, out);
                    kept(Value::Int(made))
                }
                None => Fate::Refused(Why::NoValue),
            },
            Number::Bool if value.is_nan() => Fate::Refused(Why::NoValue),
            // As NumPy has it: everything but zero is true.
            Number::Bool => {
                let made = u8::from(!value.is(Value::Int(0)));
                out.fill(made);
                kept(Value::Int(i128::from(made)))
            }
            Number::Enum(t, values) => match value.nearest((i128::MIN, i128::MAX)).filter(|made| values.contains(made)) {
                Some(made) => {
                    put_integer(made, t, out);
                    kept(Value::Int(made))
                }
                None => Fate::Refused(Why::NoValue),
            },
            Number::Ieee(_, order) => kept(Value::Float(put_ieee(value.parts().0, *order, out))),
            Number::Float(t) => {
                let wide = value.parts().0.as_float();
                let bytes = t.encode(wide).or_else(|| t.encode(f64::INFINITY.copysign(wide)));
                match bytes.filter(|b| b.len() == out.len()) {
                    Some(bytes) => out.copy_from_slice(&bytes),
                    None => return Fate::Refused(Why::NoValue),
                }
                self.get(out).map_or(Fate::Refused(Why::NoValue), |(made, _)| kept(made))
            }
            Number::Complex(part) => {
                let ((re, im), half) = (value.parts(), out.len() / 2);
                let (first, second) = out.split_at_mut(half);
                part.put(re, first).max(part.put(Value::Float(im), second))
            }
        }
    }
}

/// Can its values be read and made here?
pub(super) fn is_readable(t: &IntType) -> bool {
    t.size <= 16 && (1..=126).contains(&t.precision) && t.offset.saturating_add(t.precision) <= 8 * t.size
}

/// Digits of an IEEE float's significand, the implied one included.
fn significand(size: usize) -> u32 {
    match size {
        2 => 11,
        4 => 24,
        _ => 53,
    }
}

fn ieee(bytes: &[u8], order: Order) -> Option<f64> {
    fn word<const N: usize>(bytes: &[u8], order: Order) -> Option<[u8; N]> {
        let mut word: [u8; N] = bytes.try_into().ok()?;
        if order == Order::Big {
            word.reverse();
        }
        Some(word)
    }
    match bytes.len() {
        2 => word(bytes, order).map(|w| half::f16::from_le_bytes(w).to_f64()),
        4 => word(bytes, order).map(|w| f64::from(f32::from_le_bytes(w))),
        _ => word(bytes, order).map(f64::from_le_bytes),
    }
}

/// Writes the nearest value, and says which it is.
fn put_ieee(value: Value, order: Order, out: &mut [u8]) -> f64 {
    let wide = value.as_float();
    let (bits, made) = match out.len() {
        2 => {
            let bits = FloatType::binary16(wide);
            (u64::from(bits), half::f16::from_bits(bits).to_f64())
        }
        4 => {
            // Straight from the integer: what is rounded twice may not be the nearest.
            let made = if let Value::Int(v) = value { v as f32 } else { wide as f32 };
            (u64::from(made.to_bits()), f64::from(made))
        }
        _ => (wide.to_bits(), wide),
    };
    let size = out.len().min(8);
    out[..size].copy_from_slice(&bits.to_le_bytes()[..size]);
    if order == Order::Big {
        out.reverse();
    }
    made
}

/// Writes a value that is in range.
pub(super) fn put_integer(value: i128, t: &IntType, out: &mut [u8]) {
    let bits = ((value as u128) & (u128::MAX >> (128 - t.precision))) << t.offset;
    let size = out.len().min(16);
    out[..size].copy_from_slice(&bits.to_le_bytes()[..size]);
    if t.order == Order::Big {
        out.reverse();
    }
}

/// The bits of a float that are not padding.
fn significant(bytes: &[u8], t: &FloatType) -> u128 {
    let mut raw = [0u8; 16];
    let size = bytes.len().min(16);
    raw[..size].copy_from_slice(&bytes[..size]);
    if t.order == Some(Order::Big) {
        raw[..size].reverse();
    }
    let [sign, epos, esize, mpos, msize] = t.fields;
    let field = |at: usize, n: usize| ((1u128 << n) - 1) << at;
    u128::from_le_bytes(raw) & (field(sign, 1) | field(epos, esize) | field(mpos, msize))
}
