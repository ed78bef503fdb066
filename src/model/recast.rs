//! Elements of one dtype as elements of another.
//!
//! Numbers become the nearest value, ties to even; into integers they are cut off towards zero, what is beyond the range becomes the
//! nearest end of it, and NaN becomes 0. Texts are cut at the end. Whatever is not the same afterwards is counted as lost.

use super::decode::{float_value, integer};
use super::elements::trimmed;
use super::{Charset, Dtype, Elements, FloatType, IntType, Order, Padding, StringLength, StringType, bytes_text};

/// A conversion of elements that is possible.
#[derive(Clone, Debug, PartialEq)]
pub struct Recast {
    from: Dtype,
    to: Dtype,
    how: How,
}

#[derive(Clone, Debug, PartialEq)]
enum How {
    /// The same bytes.
    Same,
    Number(Number, Number),
    Text(StringType, StringType),
    Array {
        base: Box<How>,
        from: usize,
        to: usize,
    },
    Members(Vec<Member>),
}

#[derive(Clone, Debug, PartialEq)]
enum Number {
    Int(IntType),
    Float(FloatType),
    /// With the only values it has.
    Enum(IntType, Vec<i128>),
}

/// A member that both records have.
#[derive(Clone, Debug, PartialEq)]
struct Member {
    how: How,
    /// Offset and bytes before.
    from: (usize, usize),
    /// Offset and bytes after.
    to: (usize, usize),
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Value {
    Int(i128),
    Float(f64),
}

/// Elements that were converted.
#[derive(Clone, Debug)]
pub struct Recasted {
    /// As many as before.
    pub elements: Elements,
    /// Those that are not the same.
    pub lost: Vec<usize>,
}

impl Recast {
    /// Refuses with a clause what cannot be converted.
    pub fn new(from: &Dtype, to: &Dtype) -> Result<Self, String> {
        Ok(Self { from: from.clone(), to: to.clone(), how: how(from, to)? })
    }

    /// Do all elements keep their bytes?
    pub fn is_same(&self) -> bool {
        self.how == How::Same
    }

    /// Is every value of the one type a value of the other?
    pub fn is_exact(&self) -> bool {
        self.how.is_exact()
    }

    /// Converts elements of the first type.
    pub fn apply(&self, elements: Elements) -> Recasted {
        let mut lost = Vec::new();
        let elements = match (&self.how, elements) {
            (How::Same, elements) => elements,
            (How::Text(_, to), Elements::Strings(list)) => {
                let mut out = Elements::empty(&self.to);
                for (at, text) in list.into_iter().enumerate() {
                    if !push_text(text.unwrap_or_default(), to, &mut out) {
                        lost.push(at);
                    }
                }
                out
            }
            (How::Text(from, to), Elements::Fixed(bytes)) => {
                let mut out = Elements::empty(&self.to);
                for (at, one) in bytes.chunks_exact(self.from.size().max(1)).enumerate() {
                    if !push_text(trimmed(from, one).to_vec(), to, &mut out) {
                        lost.push(at);
                    }
                }
                out
            }
            (how, Elements::Fixed(bytes)) => {
                let (from, to) = (self.from.size().max(1), self.to.size().max(1));
                let mut out = vec![0; bytes.len() / from * to];
                for (at, (one, made)) in bytes.chunks_exact(from).zip(out.chunks_exact_mut(to)).enumerate() {
                    if !how.one(one, made) {
                        lost.push(at);
                    }
                }
                Elements::Fixed(out)
            }
            (_, Elements::Strings(_) | Elements::Nested(_)) => unreachable!("only texts and equal types have outside data here"),
        };
        Recasted { elements, lost }
    }
}

fn how(from: &Dtype, to: &Dtype) -> Result<How, String> {
    let (from, to) = (from.resolved(), to.resolved());
    if from == to {
        return Ok(How::Same);
    }
    let refused = || format!("elements of {from} cannot become elements of {to}");
    if let (Some(a), Some(b)) = (number(from), number(to)) {
        return Ok(How::Number(a, b));
    }
    match (from, to) {
        (Dtype::String(a), Dtype::String(b)) => Ok(How::Text(a.clone(), b.clone())),
        _ if from.has_outside_data() || to.has_outside_data() => Err(refused()),
        (Dtype::Array { base: a, dims }, Dtype::Array { base: b, dims: same }) if dims == same => {
            Ok(How::Array { base: Box::new(how(a, b)?), from: a.size(), to: b.size() })
        }
        (Dtype::Complex(a), Dtype::Complex(b)) => {
            let base = how(&Dtype::Float(a.clone()), &Dtype::Float(b.clone()))?;
            Ok(How::Array { base: Box::new(base), from: a.size, to: b.size })
        }
        (Dtype::Compound { members: a, .. }, Dtype::Compound { members: b, .. }) => {
            if let Some(only) = a.iter().find(|m| !b.iter().any(|o| o.name == m.name)) {
                return Err(format!("the member {} of {from} has no place in {to}", bytes_text(&only.name)));
            }
            let member = |m: &super::CompoundMember| match a.iter().find(|o| o.name == m.name) {
                None => Err(format!("{from} has no member {}", bytes_text(&m.name))),
                Some(o) => Ok(Member { how: how(&o.dtype, &m.dtype)?, from: (o.offset, o.dtype.size()), to: (m.offset, m.dtype.size()) }),
            };
            Ok(How::Members(b.iter().map(member).collect::<Result<_, _>>()?))
        }
        _ => Err(refused()),
    }
}

fn number(dtype: &Dtype) -> Option<Number> {
    match dtype {
        Dtype::Int(t) if t.is_standard() => Some(Number::Int(t.clone())),
        Dtype::Float(t) if t.as_ieee().is_some() || t.is_convertible() => Some(Number::Float(t.clone())),
        Dtype::Enum { base, members } if base.is_standard() => Some(Number::Enum(base.clone(), members.iter().map(|m| m.value).collect())),
        _ => None,
    }
}

impl How {
    fn is_exact(&self) -> bool {
        match self {
            How::Same => true,
            How::Number(Number::Int(a) | Number::Enum(a, _), Number::Int(b)) => {
                let ((low, high), (lowest, highest)) = (a.range(), b.range());
                low >= lowest && high <= highest
            }
            How::Number(Number::Int(a) | Number::Enum(a, _), Number::Float(b)) => {
                b.as_ieee().is_some() && a.precision <= mantissa(b) + usize::from(a.signed) && (b.size > 2 || a.precision <= 8)
            }
            How::Number(Number::Float(a), Number::Float(b)) => a.as_ieee().is_some() && b.as_ieee().is_some() && a.size <= b.size,
            How::Number(Number::Float(_), Number::Int(_) | Number::Enum(..)) | How::Number(_, Number::Enum(..)) | How::Text(..) => false,
            How::Array { base, .. } => base.is_exact(),
            How::Members(members) => members.iter().all(|m| m.how.is_exact()),
        }
    }

    /// Converts one element. Is it still the same?
    fn one(&self, from: &[u8], to: &mut [u8]) -> bool {
        match self {
            How::Same => {
                to.copy_from_slice(from);
                true
            }
            How::Number(a, b) => a.get(from).is_some_and(|value| b.put(value, to)),
            How::Array { base, from: size, to: made } => {
                let each = from.chunks_exact((*size).max(1)).zip(to.chunks_exact_mut((*made).max(1)));
                each.fold(true, |same, (from, to)| base.one(from, to) && same)
            }
            How::Members(members) => members.iter().fold(true, |same, m| {
                let (from, to) = (from.get(m.from.0..m.from.0 + m.from.1), to.get_mut(m.to.0..m.to.0 + m.to.1));
                from.zip(to).is_some_and(|(from, to)| m.how.one(from, to)) && same
            }),
            How::Text(a, b) => {
                let mut out = Elements::Fixed(Vec::new());
                let same = push_text(trimmed(a, from).to_vec(), b, &mut out);
                if let Elements::Fixed(bytes) = out {
                    to.copy_from_slice(&bytes);
                }
                same
            }
        }
    }
}

/// Bits of a float's mantissa, the implied one included.
fn mantissa(t: &FloatType) -> usize {
    t.fields[4] + 1
}

impl Number {
    fn get(&self, bytes: &[u8]) -> Option<Value> {
        match self {
            Number::Int(t) | Number::Enum(t, _) => integer(bytes, t).map(Value::Int),
            Number::Float(t) => float_value(bytes, t).map(Value::Float),
        }
    }

    /// Writes the nearest value. Is it the same?
    fn put(&self, value: Value, out: &mut [u8]) -> bool {
        match self {
            Number::Int(t) => put_int(t, value, out),
            Number::Enum(t, values) => put_int(t, value, out) && integer(out, t).is_some_and(|v| values.contains(&v)),
            Number::Float(t) => {
                put_float(t, value, out);
                match (float_value(out, t), value) {
                    (Some(made), Value::Float(v)) => made == v || made.is_nan() && v.is_nan(),
                    // Any that large is a whole number.
                    (Some(made), Value::Int(v)) => made.is_finite() && made.fract() == 0.0 && made as i128 == v,
                    (None, _) => false,
                }
            }
        }
    }
}

fn put_int(t: &IntType, value: Value, out: &mut [u8]) -> bool {
    let (low, high) = t.range();
    let (made, same) = match value {
        Value::Int(v) => (v.clamp(low, high), (low..=high).contains(&v)),
        Value::Float(v) => {
            // `as` cuts off, and makes 0 of NaN.
            let made = (v as i128).clamp(low, high);
            (made, v.fract() == 0.0 && (v as i128) == made && v.abs() < 1e30)
        }
    };
    let size = out.len();
    out.copy_from_slice(&made.to_le_bytes()[..size]);
    if t.order == Order::Big {
        out.reverse();
    }
    same
}

fn put_float(t: &FloatType, value: Value, out: &mut [u8]) {
    let wide = match value {
        Value::Int(v) => v as f64,
        Value::Float(v) => v,
    };
    let Some(order) = t.as_ieee() else {
        let bytes = t.encode(wide).or_else(|| t.encode(f64::INFINITY.copysign(wide)));
        // Where there is nothing beyond the range, it becomes 0.
        out.copy_from_slice(&bytes.filter(|b| b.len() == out.len()).unwrap_or_else(|| vec![0; out.len()]));
        return;
    };
    let bits = match (t.size, value) {
        (2, _) => u64::from(half::f16::from_f64(wide).to_bits()),
        // Straight from the integer: rounded once.
        (4, Value::Int(v)) => u64::from((v as f32).to_bits()),
        (4, Value::Float(v)) => u64::from((v as f32).to_bits()),
        _ => wide.to_bits(),
    };
    let size = out.len();
    out.copy_from_slice(&bits.to_le_bytes()[..size]);
    if order == Order::Big {
        out.reverse();
    }
}

/// Appends a text. Is it still the same?
fn push_text(mut text: Vec<u8>, t: &StringType, out: &mut Elements) -> bool {
    let mut same = t.charset == Charset::Utf8 || text.is_ascii();
    if t.length == StringLength::Variable || t.padding == Padding::NullTerm {
        let end = text.iter().position(|b| *b == 0).unwrap_or(text.len());
        same &= end == text.len();
        text.truncate(end);
    }
    match (t.length, out) {
        (StringLength::Variable, Elements::Strings(list)) => list.push(Some(text)),
        (StringLength::Fixed(size), Elements::Fixed(bytes)) => {
            let room = size - usize::from(t.padding == Padding::NullTerm).min(size);
            let kept = cut(&text, room);
            same &= kept.len() == text.len();
            let start = bytes.len();
            bytes.extend_from_slice(kept);
            bytes.resize(start + size, if t.padding == Padding::SpacePad { b' ' } else { 0 });
            same &= trimmed(t, &bytes[start..]) == &text[..];
        }
        (StringLength::Variable | StringLength::Fixed(_), _) => unreachable!("the elements are of this type"),
    }
    same
}

/// As much of a text as there is room for, without a part of a character.
fn cut(text: &[u8], room: usize) -> &[u8] {
    let mut end = room.min(text.len());
    while end < text.len() && end > 0 && text[end] & 0xC0 == 0x80 {
        end -= 1;
    }
    &text[..end]
}

#[cfg(test)]
mod tests {
    use super::super::{Literal, encode_one};
    use super::*;

    fn check(from: &Dtype, to: &Dtype, value: Literal, expect: Literal, same: bool) {
        let recast = Recast::new(from, to).unwrap();
        let made = recast.apply(encode_one(&value, from).unwrap());
        assert_eq!(made.elements, encode_one(&expect, to).unwrap(), "{from} {value} -> {to}");
        assert_eq!(made.lost.is_empty(), same, "{from} {value} -> {to}");
        assert!(same || !recast.is_exact(), "{from} -> {to}");
    }

    #[test]
    fn numbers_become_the_nearest() {
        use Literal::{Float, Int};
        let (i1, u1, i8, u8) = (Dtype::int(1, true), Dtype::int(1, false), Dtype::int(8, true), Dtype::int(8, false));
        let (f2, f4, f8) = (Dtype::float(2), Dtype::float(4), Dtype::float(8));
        let big = Dtype::Int(IntType::standard(4, true, Order::Big));
        check(&i8, &i1, Int(-128), Int(-128), true);
        check(&i8, &i1, Int(-129), Int(-128), false);
        check(&i8, &u1, Int(-1), Int(0), false);
        check(&u8, &i8, Int(i128::from(u64::MAX)), Int(i128::from(i64::MAX)), false);
        check(&i1, &big, Int(-2), Int(-2), true);
        check(&f8, &i1, Float(1.5), Int(1), false);
        check(&f8, &i8, Float(-7.0), Int(-7), true);
        check(&f8, &i1, Float(f64::NAN), Int(0), false);
        check(&f8, &i8, Float(1e300), Int(i128::from(i64::MAX)), false);
        check(&f8, &f4, Float(0.1), Float(f64::from(0.1f32)), false);
        check(&f8, &f4, Float(0.25), Float(0.25), true);
        check(&f4, &f8, Float(0.5), Float(0.5), true);
        check(&f8, &f2, Float(f64::NAN), Float(f64::NAN), true);
        check(&i8, &f4, Int(16_777_217), Float(16_777_216.0), false);
        check(&i8, &f8, Int(i128::from(i64::MAX)), Float(9_223_372_036_854_775_807.0), false);
        check(&u1, &f2, Int(255), Float(255.0), true);
        check(&Dtype::bool(), &i1, Literal::Bool(true), Int(1), true);
        check(&i1, &Dtype::bool(), Int(0), Literal::Bool(false), true);
    }

    #[test]
    fn texts_are_cut() {
        let fixed = |n| Dtype::fixed_ascii(n);
        let text = |t: &str| Literal::Text(t.into());
        check(&fixed(5), &Dtype::str(), text("abc"), text("abc"), true);
        check(&Dtype::str(), &fixed(3), text("abc"), text("abc"), true);
        check(&Dtype::str(), &fixed(2), text("abc"), text("ab"), false);
        check(&fixed(5), &fixed(3), text("abcde"), text("abc"), false);
        assert_eq!(cut("aü".as_bytes(), 2), b"a");
    }

    #[test]
    fn exact_conversions_lose_nothing() {
        let types = [1, 2, 4, 8].map(|n| [Dtype::int(n, true), Dtype::int(n, false)]).concat();
        let types = [types, [2, 4, 8].map(Dtype::float).to_vec()].concat();
        for from in &types {
            for to in &types {
                let recast = Recast::new(from, to).unwrap();
                let ends = match from {
                    Dtype::Int(t) => [t.range().0, t.range().1].map(Literal::Int),
                    _ => [Literal::Float(1.0 / 1024.0), Literal::Float(-60_000.0)],
                };
                let same = ends.iter().all(|v| recast.apply(encode_one(v, from).unwrap()).lost.is_empty());
                assert!(same || !recast.is_exact(), "{from} -> {to}");
            }
        }
    }

    #[test]
    fn what_has_no_equal_is_refused() {
        let vlen = Dtype::Vlen(Box::new(Dtype::int(4, true)));
        let opaque = Dtype::Opaque { size: 4, tag: vec![] };
        for (from, to) in [(Dtype::int(4, true), Dtype::str()), (vlen, Dtype::int(4, true)), (Dtype::int(4, true), opaque)] {
            assert!(Recast::new(&from, &to).is_err(), "{from} -> {to}");
        }
    }
}
