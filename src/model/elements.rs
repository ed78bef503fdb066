//! Runs of elements in memory.

use super::decode::float_value;
use super::{Dtype, FloatType, Order, Padding, Rename, StringLength, StringType, Target, Value};

/// Consecutive elements of one dtype, in the layout the file has them in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Elements {
    /// `dtype.size()` bytes each, in the dtype's own byte order.
    Fixed(Vec<u8>),
    /// Variable-length strings; `None` is HDF5's null string, which reads as empty.
    Strings(Vec<Option<Vec<u8>>>),
    /// Elements with other parts that live outside of them: sequences, references, records that hold such parts.
    Nested(Vec<Value>),
}

/// How far apart floats may be and still count as equal: `|a - b| <= absolute + relative * |b|`. Nothing else is ever equal by it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Tolerance {
    /// Of the second value, from 0.
    pub relative: f64,
    /// In the values' own unit, from 0.
    pub absolute: f64,
}

impl Tolerance {
    /// Floats are equal by their bits.
    pub const NONE: Self = Self { relative: 0.0, absolute: 0.0 };

    fn allows(self, t: &FloatType, a: &[u8], b: &[u8]) -> bool {
        if self == Self::NONE {
            return false;
        }
        let (Some(a), Some(b)) = (float_value(a, t), float_value(b, t)) else { return false };
        a == b || (a.is_nan() && b.is_nan()) || (a.is_finite() && b.is_finite() && (a - b).abs() <= self.absolute + self.relative * b.abs())
    }
}

/// Bytes that are compared at once where differences are looked for.
const STEP_BYTES: usize = 4096;

impl Elements {
    /// No elements of this dtype.
    pub fn empty(dtype: &Dtype) -> Self {
        match dtype {
            d if d.is_variable_string() => Elements::Strings(Vec::new()),
            d if d.has_outside_data() => Elements::Nested(Vec::new()),
            _ => Elements::Fixed(Vec::new()),
        }
    }

    /// How many elements.
    pub fn count(&self, dtype: &Dtype) -> usize {
        match self {
            Elements::Fixed(bytes) => bytes.len() / dtype.size().max(1),
            Elements::Strings(list) => list.len(),
            Elements::Nested(list) => list.len(),
        }
    }

    /// Elements `start .. start + count`.
    pub fn slice(&self, dtype: &Dtype, start: usize, count: usize) -> Elements {
        match self {
            Elements::Fixed(bytes) => Elements::Fixed(bytes[start * dtype.size()..(start + count) * dtype.size()].to_vec()),
            Elements::Strings(list) => Elements::Strings(list[start..start + count].to_vec()),
            Elements::Nested(list) => Elements::Nested(list[start..start + count].to_vec()),
        }
    }

    /// Appends elements of the same kind.
    pub fn append(&mut self, more: Elements) {
        match (self, more) {
            (Elements::Fixed(a), Elements::Fixed(b)) => a.extend_from_slice(&b),
            (Elements::Strings(a), Elements::Strings(b)) => a.extend(b),
            (Elements::Nested(a), Elements::Nested(b)) => a.extend(b),
            (Elements::Fixed(_) | Elements::Strings(_) | Elements::Nested(_), _) => unreachable!("one dtype gives one kind of elements"),
        }
    }

    /// Replaces element `at` by element `from` of `other`.
    pub fn set_from(&mut self, dtype: &Dtype, at: usize, other: &Elements, from: usize) {
        let size = dtype.size();
        match (self, other) {
            (Elements::Fixed(a), Elements::Fixed(b)) => {
                a[at * size..(at + 1) * size].copy_from_slice(&b[from * size..(from + 1) * size]);
            }
            (Elements::Strings(a), Elements::Strings(b)) => a[at].clone_from(&b[from]),
            (Elements::Nested(a), Elements::Nested(b)) => a[at].clone_from(&b[from]),
            (Elements::Fixed(_) | Elements::Strings(_) | Elements::Nested(_), _) => unreachable!("one dtype gives one kind of elements"),
        }
    }

    /// Is element `at` here equal to element `at` there? Floats by their bits, except that any NaN
    /// equals any NaN; fixed-length strings without their padding; a null string equals an empty one.
    pub fn equal_at(&self, other: &Elements, dtype: &Dtype, at: usize) -> bool {
        self.equal_within(other, dtype, at, Tolerance::NONE)
    }

    /// [`Elements::equal_at`], with floats that may be apart; in records, arrays, sequences and complex numbers, too.
    pub fn equal_within(&self, other: &Elements, dtype: &Dtype, at: usize, tolerance: Tolerance) -> bool {
        match (self, other) {
            (Elements::Fixed(a), Elements::Fixed(b)) => {
                let size = dtype.size();
                let range = at * size..(at + 1) * size;
                fixed_equal(dtype, &a[range.clone()], &b[range], tolerance)
            }
            (Elements::Strings(a), Elements::Strings(b)) => a[at].as_deref().unwrap_or_default() == b[at].as_deref().unwrap_or_default(),
            (Elements::Nested(a), Elements::Nested(b)) => value_equal(dtype.resolved(), &a[at], &b[at], tolerance),
            (Elements::Fixed(_) | Elements::Strings(_) | Elements::Nested(_), _) => false,
        }
    }

    /// The places of as many elements as both have that are not equal in the sense of [`Elements::equal_at`], in order. What is equal byte by byte
    /// is passed over in large steps.
    pub fn differing<'a>(&'a self, other: &'a Elements, dtype: &'a Dtype) -> Box<dyn Iterator<Item = usize> + 'a> {
        let count = self.count(dtype).min(other.count(dtype));
        let (Elements::Fixed(a), Elements::Fixed(b)) = (self, other) else {
            return Box::new((0..count).filter(|&i| !self.equal_at(other, dtype, i)));
        };
        let size = dtype.size().max(1);
        let step = (STEP_BYTES / size).max(1);
        let runs = (0..count).step_by(step).map(move |first| first..(first + step).min(count));
        let bytes = move |run: &std::ops::Range<usize>| run.start * size..run.end * size;
        let runs = runs.filter(move |run| a[bytes(run)] != b[bytes(run)]);
        let equality = Equality::of(dtype);
        Box::new(runs.flatten().filter(move |&i| !equality.holds(&a[i * size..(i + 1) * size], &b[i * size..(i + 1) * size])))
    }

    /// Are all elements equal in the sense of [`Elements::equal_at`]?
    pub fn all_equal(&self, other: &Elements, dtype: &Dtype) -> bool {
        self.all_within(other, dtype, Tolerance::NONE)
    }

    /// Are all elements equal in the sense of [`Elements::equal_within`]?
    pub fn all_within(&self, other: &Elements, dtype: &Dtype, tolerance: Tolerance) -> bool {
        let count = self.count(dtype);
        count == other.count(dtype) && (self == other || (0..count).all(|i| self.equal_within(other, dtype, i, tolerance)))
    }

    /// Bytes these elements take, for budgets.
    pub fn bytes(&self) -> usize {
        match self {
            Elements::Fixed(bytes) => bytes.len(),
            Elements::Strings(list) => list.iter().map(|s| s.as_ref().map_or(0, Vec::len) + 32).sum(),
            Elements::Nested(list) => list.iter().map(|v| v.bytes() + 32).sum(),
        }
    }

    /// Gives every object that is referred to another name.
    pub fn rename_targets(&mut self, rename: Rename<'_>) {
        if let Elements::Nested(list) = self {
            list.iter_mut().for_each(|v| v.rename_targets(rename));
        }
    }

    /// Calls `visit` for every object that is referred to.
    pub fn targets(&self, visit: &mut dyn FnMut(&Target)) {
        if let Elements::Nested(list) = self {
            list.iter().for_each(|v| v.targets(visit));
        }
    }

    /// One element of a dtype with outside data, for each of the values.
    pub fn of_values(dtype: &Dtype, values: Vec<Value>) -> Self {
        match Elements::empty(dtype) {
            Elements::Strings(mut list) => {
                list.extend(values.into_iter().map(|v| if let Value::Text(text) = v { text } else { None }));
                Elements::Strings(list)
            }
            Elements::Nested(_) => Elements::Nested(values),
            Elements::Fixed(mut bytes) => {
                values.into_iter().for_each(|v| {
                    if let Value::Plain(one) = v {
                        bytes.extend(one)
                    }
                });
                Elements::Fixed(bytes)
            }
        }
    }

    /// Element `at` on its own.
    pub fn value(&self, dtype: &Dtype, at: usize) -> Option<Value> {
        match self {
            Elements::Fixed(bytes) => {
                let size = dtype.size();
                Some(Value::Plain(bytes.get(at.checked_mul(size)?..at.checked_add(1)?.checked_mul(size)?)?.to_vec()))
            }
            Elements::Strings(list) => Some(Value::Text(list.get(at)?.clone())),
            Elements::Nested(list) => list.get(at).cloned(),
        }
    }
}

/// Equality in the sense of [`Elements::equal_within`] for values with outside data.
fn value_equal(dtype: &Dtype, a: &Value, b: &Value, tolerance: Tolerance) -> bool {
    match (a, b) {
        (Value::Plain(a), Value::Plain(b)) => fixed_equal(dtype, a, b, tolerance),
        (Value::Text(a), Value::Text(b)) => a.as_deref().unwrap_or_default() == b.as_deref().unwrap_or_default(),
        (Value::List(a), Value::List(b)) => match dtype {
            Dtype::Vlen(base) | Dtype::Array { base, .. } => a.all_within(b, base, tolerance),
            _ => a == b,
        },
        (Value::Record(a), Value::Record(b)) => match dtype {
            Dtype::Compound { members, .. } => {
                a.len() == b.len()
                    && members.iter().zip(a.iter().zip(b)).all(|(m, (a, b))| value_equal(m.dtype.resolved(), a, b, tolerance))
            }
            _ => a == b,
        },
        (Value::Reference(a), Value::Reference(b)) => a == b,
        _ => false,
    }
}

/// The text of a fixed-length string element without its padding.
pub(crate) fn trimmed<'a>(t: &StringType, bytes: &'a [u8]) -> &'a [u8] {
    let end = match t.padding {
        Padding::NullTerm => bytes.iter().position(|&b| b == 0).unwrap_or(bytes.len()),
        Padding::NullPad => bytes.iter().rposition(|&b| b != 0).map_or(0, |i| i + 1),
        Padding::SpacePad => bytes.iter().rposition(|&b| b != b' ').map_or(0, |i| i + 1),
    };
    &bytes[..end]
}

fn fixed_equal(dtype: &Dtype, a: &[u8], b: &[u8], tolerance: Tolerance) -> bool {
    if a == b {
        return true;
    }
    match dtype {
        Dtype::Float(t) => is_nan(t, a) && is_nan(t, b) || tolerance.allows(t, a, b),
        Dtype::String(t) if t.length != StringLength::Variable => trimmed(t, a) == trimmed(t, b),
        Dtype::Compound { members, .. } => members.iter().all(|m| {
            let range = m.offset..m.offset + m.dtype.size();
            match (a.get(range.clone()), b.get(range)) {
                (Some(a), Some(b)) => fixed_equal(&m.dtype, a, b, tolerance),
                _ => false,
            }
        }),
        Dtype::Array { base, .. } => {
            let size = base.size().max(1);
            a.chunks(size).zip(b.chunks(size)).all(|(a, b)| fixed_equal(base, a, b, tolerance))
        }
        Dtype::Complex(t) => {
            let part = Dtype::Float(t.clone());
            a.chunks(t.size).zip(b.chunks(t.size)).all(|(a, b)| fixed_equal(&part, a, b, tolerance))
        }
        Dtype::Committed { dtype, .. } | Dtype::Encoded { dtype, .. } => fixed_equal(dtype, a, b, tolerance),
        Dtype::Int(_)
        | Dtype::Enum { .. }
        | Dtype::String(_)
        | Dtype::Vlen(_)
        | Dtype::Opaque { .. }
        | Dtype::Bitfield(_)
        | Dtype::Reference(_)
        | Dtype::Foreign { .. } => false,
    }
}

/// The bytes of a number as one, the first byte lowest; `None` where it has not 1, 2, 4 or 8 of them.
#[inline]
fn bits(bytes: &[u8]) -> Option<u64> {
    Some(match *bytes {
        [a] => u64::from(a),
        [a, b] => u64::from(u16::from_le_bytes([a, b])),
        [a, b, c, d] => u64::from(u32::from_le_bytes([a, b, c, d])),
        [a, b, c, d, e, f, g, h] => u64::from_le_bytes([a, b, c, d, e, f, g, h]),
        _ => return None,
    })
}

/// When two elements of a type are equal: decided once for many, where they are numbers.
enum Equality<'a> {
    /// With the same bytes.
    Bytes,
    /// With the same bytes, or both with all bits of `exponent` and some of `mantissa`.
    Floats { order: Order, exponent: u64, mantissa: u64 },
    /// As [`fixed_equal`] has it.
    Other(&'a Dtype),
}

impl<'a> Equality<'a> {
    fn of(dtype: &'a Dtype) -> Self {
        match dtype.resolved() {
            Dtype::Int(_) | Dtype::Enum { .. } | Dtype::Bitfield(_) | Dtype::Opaque { .. } => Self::Bytes,
            Dtype::Float(t) => match t.as_ieee() {
                Some(order) => {
                    let [_, exponent_at, exponent_bits, _, mantissa_bits] = t.fields;
                    Self::Floats { order, exponent: ((1 << exponent_bits) - 1) << exponent_at, mantissa: (1 << mantissa_bits) - 1 }
                }
                None => Self::Other(dtype),
            },
            _ => Self::Other(dtype),
        }
    }

    #[inline]
    fn holds(&self, a: &[u8], b: &[u8]) -> bool {
        let same = match (bits(a), bits(b)) {
            (Some(a), Some(b)) => a == b,
            _ => a == b,
        };
        match self {
            _ if same => true,
            Self::Bytes => false,
            Self::Floats { order, exponent, mantissa } => [a, b].into_iter().all(|x| {
                let Some(bits) = bits(x) else { return false };
                let bits = if *order == Order::Big { bits.swap_bytes() >> (64 - 8 * x.len()) } else { bits };
                bits & exponent == *exponent && bits & mantissa != 0
            }),
            Self::Other(dtype) => fixed_equal(dtype, a, b, Tolerance::NONE),
        }
    }
}

fn is_nan(t: &FloatType, bytes: &[u8]) -> bool {
    let Some(order) = t.as_ieee() else { return false };
    let mut raw = [0u8; 8];
    raw[..bytes.len()].copy_from_slice(bytes);
    if order == Order::Big {
        raw[..bytes.len()].reverse();
    }
    let bits = u64::from_le_bytes(raw);
    let [_, exponent_at, exponent_bits, _, mantissa_bits] = t.fields;
    let exponent = (bits >> exponent_at) & ((1 << exponent_bits) - 1);
    exponent == (1 << exponent_bits) - 1 && bits & ((1 << mantissa_bits) - 1) != 0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn differences_are_found_at_their_places() {
        let f4 = Dtype::float(4);
        let mut values: Vec<u32> = vec![0; 5000];
        let a = |v: &[u32]| Elements::Fixed(v.iter().flat_map(|x| x.to_le_bytes()).collect());
        let zeros = a(&values);
        assert_eq!(zeros.differing(&zeros, &f4).count(), 0);
        let places = [0, 1023, 1024, 1025, 4999];
        places.iter().for_each(|&i| values[i] = 7);
        let changed = a(&values);
        assert_eq!(zeros.differing(&changed, &f4).collect::<Vec<_>>(), places);
        let texts = |list: &[&str]| Elements::Strings(list.iter().map(|t| Some(t.as_bytes().to_vec())).collect());
        let t = Dtype::String(crate::model::StringType {
            length: StringLength::Variable,
            charset: crate::model::Charset::Utf8,
            padding: crate::model::Padding::NullTerm,
        });
        assert_eq!(texts(&["a", "b", "c"]).differing(&texts(&["a", "x", "c"]), &t).collect::<Vec<_>>(), [1]);
        // NaNs are NaNs, of any size and order; infinities, zeros and other numbers are themselves.
        for (size, order) in [(2, Order::Little), (4, Order::Big), (8, Order::Little), (8, Order::Big)] {
            let dtype = Dtype::Float(FloatType::ieee(size, order));
            let specials = [f64::NAN, -f64::NAN, f64::INFINITY, f64::NEG_INFINITY, 0.0, -0.0, 1.0];
            let bytes = |v: f64| {
                let mut bytes = match size {
                    2 => half::f16::from_f64(v).to_le_bytes().to_vec(),
                    4 => (v as f32).to_le_bytes().to_vec(),
                    _ => v.to_le_bytes().to_vec(),
                };
                if order == Order::Big {
                    bytes.reverse();
                }
                bytes
            };
            for x in specials {
                for y in specials {
                    let (a, b) = (Elements::Fixed(bytes(x)), Elements::Fixed(bytes(y)));
                    assert_eq!(a.differing(&b, &dtype).count() == 0, a.equal_at(&b, &dtype, 0), "{x} {y} {size} {order:?}");
                }
            }
        }
    }

    #[test]
    fn any_nan_equals_any_nan_but_zeros_differ() {
        let f4 = Dtype::float(4);
        let one = |v: u32| Elements::Fixed(v.to_le_bytes().to_vec());
        assert!(one(0x7fc0_0000).all_equal(&one(0xffc0_0001), &f4));
        assert!(!one(0).all_equal(&one(0x8000_0000), &f4));
        assert!(!one(0x7f80_0000).all_equal(&one(0x7fc0_0000), &f4));
        let c8 = Dtype::complex(4, Order::Little);
        let both = |r: u32, i: u32| Elements::Fixed([r.to_le_bytes(), i.to_le_bytes()].concat());
        assert!(both(0x7fc0_0000, 5).all_equal(&both(0x7fc0_0001, 5), &c8));
        assert!(!both(0x7fc0_0000, 5).all_equal(&both(0x7fc0_0001, 6), &c8));
    }

    #[test]
    fn tolerance_is_for_floats_only() {
        let within = |dtype: &Dtype, a: Vec<u8>, b: Vec<u8>, relative: f64, absolute: f64| {
            Elements::Fixed(a).all_within(&Elements::Fixed(b), dtype, Tolerance { relative, absolute })
        };
        let float = |a: f64, b: f64, relative: f64, absolute: f64| {
            within(&Dtype::float(8), a.to_le_bytes().to_vec(), b.to_le_bytes().to_vec(), relative, absolute)
        };
        assert!(float(1.0, 1.1, 0.0, 0.2) && !float(1.0, 1.1, 0.0, 0.01));
        assert!(float(90.0, 100.0, 0.1, 0.0) && !float(100.0, 90.0, 0.1, 0.0));
        assert!(!float(0.0, -0.0, 0.0, 0.0) && float(0.0, -0.0, 0.0, 1e-300));
        assert!(!float(f64::INFINITY, 1.0, 0.5, 0.5) && !float(1.0, f64::INFINITY, 0.5, 0.5) && !float(f64::NAN, 1.0, 9.0, 9.0));
        assert!(float(f64::INFINITY, f64::INFINITY, 0.5, 0.5));
        let f2 = Dtype::Float(FloatType::bf16());
        assert!(within(&f2, vec![0x80, 0x3f], vec![0x81, 0x3f], 0.01, 0.0));
        assert!(!within(&Dtype::int(1, true), vec![1], vec![2], 9.0, 9.0));
        let array = Dtype::Array { base: Box::new(Dtype::float(4)), dims: vec![2] };
        let both = |x: f32| [1f32.to_le_bytes(), x.to_le_bytes()].concat();
        assert!(within(&array, both(2.0), both(2.5), 0.0, 0.5) && !within(&array, both(2.0), both(2.5), 0.0, 0.4));
    }

    #[test]
    fn padding_does_not_matter() {
        let s = Dtype::fixed_ascii(4);
        let one = |v: &[u8; 4]| Elements::Fixed(v.to_vec());
        assert!(one(b"ab\0\0").all_equal(&one(b"ab\0\0"), &s));
        let t =
            Dtype::String(StringType { length: StringLength::Fixed(4), charset: super::super::Charset::Ascii, padding: Padding::NullTerm });
        assert!(one(b"ab\0x").all_equal(&one(b"ab\0\0"), &t) && !one(b"ab\0x").all_equal(&one(b"ab\0\0"), &s));
    }
}
