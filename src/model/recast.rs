//! Elements of one dtype as elements of another: the one conversion, of attributes as of datasets.
//!
//! Numbers become the nearest value that the type has, ties to even: also into integers, where HDF5 cuts off, so that what a computation left at
//! 28.999999999999996 is 29. What is beyond a range becomes its end, or infinite. To a bool, everything but zero is true. Enumerations become each
//! other by name, and are their integers for other numbers. Texts are cut at the end, where there is no room.
//!
//! Whatever does not read back as it was is counted as lost. Where there is no such value at all, the element is refused, since any value in its place
//! would be made up: an integer for NaN, a value that an enumeration does not have, text that its character set cannot say.

use std::collections::BTreeMap;

use super::decode::{digits_text, integer};
use super::recast_number::{Number, Value, is_readable, put_integer};
use super::recast_text::{put_text, text_at, text_refusal};
use super::{Dtype, Elements, EnumMember, IntType, Literal, StringType, bytes_text, element_text, told_apart, trimmed};

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
    Names(Names),
    Text(StringType, StringType),
    Array {
        base: Box<How>,
        /// Bytes of an element before.
        from: usize,
        /// Bytes of an element after.
        to: usize,
    },
    Members(Vec<Member>),
}

/// An enumeration by the names of another one.
#[derive(Clone, Debug, PartialEq)]
struct Names {
    from: IntType,
    to: IntType,
    /// Values of the names that both have.
    values: BTreeMap<i128, i128>,
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

/// What becomes of an element. Of the parts of one, the worst counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Fate {
    Same,
    /// It is another value.
    Lost,
    /// There is no value for it.
    Refused(Why),
}

/// Why there is no value for an element.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Why {
    /// The type has none for it.
    NoValue,
    /// The enumeration does not have its name, or it has none itself.
    NoName,
    /// Its text is not ASCII.
    NotAscii,
    /// Its text is not UTF-8.
    NotUtf8,
}

/// Elements that were converted.
#[derive(Clone, Debug)]
pub struct Recasted {
    /// As many as before; what stands in the place of those that are refused means nothing.
    pub elements: Elements,
    /// Those that are not the same.
    pub lost: Vec<usize>,
    /// Those that have no value.
    pub refused: Vec<(usize, Why)>,
}

impl Recasted {
    /// Elements that are as they were.
    pub fn same(elements: Elements) -> Self {
        Self { elements, lost: Vec::new(), refused: Vec::new() }
    }

    /// Is every element the same?
    pub fn is_same(&self) -> bool {
        self.lost.is_empty() && self.refused.is_empty()
    }

    fn note(&mut self, at: usize, fate: Fate) {
        match fate {
            Fate::Same => {}
            Fate::Lost => self.lost.push(at),
            Fate::Refused(why) => self.refused.push((at, why)),
        }
    }
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
        let (from, to) = (self.from.size().max(1), self.to.size().max(1));
        match (&self.how, elements) {
            (How::Same, elements) => Recasted::same(elements),
            (How::Text(a, b), elements) => self.texts(&elements, a, b),
            (how, Elements::Fixed(bytes)) => {
                let mut made = Recasted::same(Elements::empty(&self.to));
                let mut out = vec![0; bytes.len() / from * to];
                for (at, (one, slot)) in bytes.chunks_exact(from).zip(out.chunks_exact_mut(to)).enumerate() {
                    made.note(at, how.one(one, slot));
                }
                Recasted { elements: Elements::Fixed(out), ..made }
            }
            (_, Elements::Strings(_) | Elements::Nested(_)) => unreachable!("only texts and equal types have outside data here"),
        }
    }

    fn texts(&self, elements: &Elements, from: &StringType, to: &StringType) -> Recasted {
        let mut made = Recasted::same(Elements::empty(&self.to));
        for at in 0..elements.count(&self.from) {
            let text = text_at(elements, &self.from, at);
            let fate = match (text, &mut made.elements) {
                // Only variable length has the null string; elsewhere it is an empty one.
                (None, Elements::Strings(list)) => {
                    list.push(None);
                    Fate::Same
                }
                (text, out) => put_text(text.unwrap_or_default(), (from, to), out),
            };
            made.note(at, fate);
        }
        made
    }

    /// An element before and after, with as many digits as tell them apart.
    pub fn example(&self, before: &Elements, after: &Elements, at: usize) -> (String, String) {
        let (mut a, mut b) = (element_text(before, &self.from, at), element_text(after, &self.to, at));
        let one = |elements: &Elements, dtype: &Dtype| match elements {
            Elements::Fixed(bytes) => {
                Number::of(dtype.resolved()).and_then(|n| n.get(bytes.get(at * dtype.size()..(at + 1) * dtype.size())?))
            }
            Elements::Strings(_) | Elements::Nested(_) => None,
        };
        if let (Some((before, _)), Some((Value::Float(after), _))) = (one(before, &self.from), one(after, &self.to)) {
            b = apart(after, before);
        } else if a == b {
            b = digits_text(after, &self.to, at);
        }
        if a == b && !matches!(self.how, How::Text(..)) {
            a.push_str(" and more digits");
        }
        (a, b)
    }

    /// Why an element has no value: a clause.
    pub fn refusal(&self, elements: &Elements, (at, why): (usize, Why)) -> String {
        let one = element_text(elements, &self.from, at);
        match why {
            Why::NoValue => format!("{one} is not a value of {}", self.to),
            Why::NoName => {
                let (from, to) = told_apart(&self.from, &self.to);
                format!("{one} of {from} is not a name of {to}")
            }
            Why::NotAscii | Why::NotUtf8 => text_refusal(&one, why),
        }
    }
}

/// A float with as many digits as tell it from what it was.
fn apart(after: f64, before: Value) -> String {
    let rounded = format!("{after:.10e}").parse().unwrap_or(after);
    let whole = after.fract() == 0.0 || before.is(Value::Float(rounded));
    Literal::Float(if whole { after } else { rounded }).to_string()
}

fn how(from: &Dtype, to: &Dtype) -> Result<How, String> {
    let (from, to) = (from.resolved(), to.resolved());
    if from == to {
        return Ok(How::Same);
    }
    if let (Dtype::Enum { base: a, members: from }, Dtype::Enum { base: b, members: to }) = (from, to)
        && is_readable(a)
        && is_readable(b)
    {
        return Ok(How::Names(Names::new((a, from), (b, to))));
    }
    let refused = || format!("{from} cannot become {to}: numbers become numbers, and text becomes text");
    if let (Some(a), Some(b)) = (Number::of(from), Number::of(to)) {
        return Ok(How::Number(a, b));
    }
    match (from, to) {
        (Dtype::String(a), Dtype::String(b)) => Ok(How::Text(a.clone(), b.clone())),
        _ if from.has_outside_data() || to.has_outside_data() => Err(refused()),
        (Dtype::Array { base: a, dims }, Dtype::Array { base: b, dims: same }) if dims == same => {
            Ok(How::Array { base: Box::new(how(a, b)?), from: a.size(), to: b.size() })
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

impl Names {
    fn new((from, before): (&IntType, &[EnumMember]), (to, after): (&IntType, &[EnumMember])) -> Self {
        let value = |m: &EnumMember| after.iter().find(|o| o.name == m.name).map(|o| (m.value, o.value));
        Self { from: from.clone(), to: to.clone(), values: before.iter().filter_map(value).collect() }
    }

    fn one(&self, from: &[u8], to: &mut [u8]) -> Fate {
        match integer(from, &self.from).and_then(|value| self.values.get(&value)) {
            Some(value) => {
                put_integer(*value, &self.to, to);
                Fate::Same
            }
            None => Fate::Refused(Why::NoName),
        }
    }
}

impl How {
    fn is_exact(&self) -> bool {
        match self {
            How::Same => true,
            How::Number(from, to) => to.holds(from),
            // Bytes may be no value of the type.
            How::Names(_) | How::Text(..) => false,
            How::Array { base, .. } => base.is_exact(),
            How::Members(members) => members.iter().all(|m| m.how.is_exact()),
        }
    }

    /// Converts one element.
    fn one(&self, from: &[u8], to: &mut [u8]) -> Fate {
        match self {
            How::Same => {
                to.copy_from_slice(from);
                Fate::Same
            }
            How::Number(a, b) => match a.get(from) {
                Some((value, whole)) => b.put(value, to).max(if whole { Fate::Same } else { Fate::Lost }),
                None => Fate::Refused(Why::NoValue),
            },
            How::Names(names) => names.one(from, to),
            How::Array { base, from: size, to: made } => {
                let each = from.chunks_exact((*size).max(1)).zip(to.chunks_exact_mut((*made).max(1)));
                each.fold(Fate::Same, |worst, (from, to)| base.one(from, to).max(worst))
            }
            How::Members(members) => members.iter().fold(Fate::Same, |worst, m| {
                let (from, to) = (from.get(m.from.0..m.from.0 + m.from.1), to.get_mut(m.to.0..m.to.0 + m.to.1));
                from.zip(to).map_or(Fate::Refused(Why::NoValue), |(from, to)| m.how.one(from, to)).max(worst)
            }),
            How::Text(a, b) => {
                let mut out = Elements::Fixed(Vec::with_capacity(to.len()));
                let fate = put_text(trimmed(a, from), (a, b), &mut out);
                if let Elements::Fixed(bytes) = out {
                    to.copy_from_slice(&bytes);
                }
                fate
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Charset, Order, Padding, StringLength, encode_one};
    use super::*;

    fn check(from: &Dtype, to: &Dtype, value: Literal, expect: Literal, same: bool) {
        let recast = Recast::new(from, to).unwrap();
        let made = recast.apply(encode_one(&value, from).unwrap());
        assert_eq!(made.elements, encode_one(&expect, to).unwrap(), "{from} {value} -> {to}");
        assert_eq!(made.is_same(), same, "{from} {value} -> {to}");
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
        check(&f8, &i1, Float(1.5), Int(2), false);
        check(&f8, &i1, Float(2.5), Int(2), false);
        check(&f8, &i1, Float(-0.75), Int(-1), false);
        check(&f8, &i8, Float(-7.0), Int(-7), true);
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
        let utf8 = |n| Dtype::String(StringType { length: StringLength::Fixed(n), charset: Charset::Utf8, padding: Padding::NullPad });
        check(&Dtype::str(), &utf8(2), text("aü"), text("a"), false);
    }

    fn enumeration(size: usize, members: &[(&str, i128)]) -> Dtype {
        let member = |(name, value): &(&str, i128)| EnumMember { name: name.as_bytes().to_vec(), value: *value };
        Dtype::Enum { base: IntType::standard(size, true, Order::Big), members: members.iter().map(member).collect() }
    }

    /// Why the first of the elements is refused.
    fn refusal(from: &Dtype, to: &Dtype, elements: &Elements) -> String {
        let recast = Recast::new(from, to).unwrap();
        assert!(!recast.is_exact(), "{from} -> {to}");
        let made = recast.apply(elements.clone());
        recast.refusal(elements, made.refused[0])
    }

    #[test]
    fn enumerations_keep_their_names() {
        let text = |t: &str| Literal::Text(t.into());
        let (ab, ba) = (enumeration(1, &[("A", 0), ("B", 1)]), enumeration(2, &[("A", 1), ("B", 0), ("C", 7)]));
        check(&ab, &ba, text("A"), text("A"), true);
        check(&ab, &ba, text("B"), text("B"), true);
        check(&ba, &ab, text("B"), text("B"), true);
        check(&ba, &Dtype::int(1, true), text("C"), Literal::Int(7), true);
        check(&Dtype::int(4, true), &ba, Literal::Int(7), text("C"), true);
        check(&Dtype::float(4), &ba, Literal::Float(6.75), text("C"), false);
        let one = |literal: Literal, dtype: &Dtype| encode_one(&literal, dtype).unwrap();
        assert!(refusal(&ba, &ab, &one(text("C"), &ba)).starts_with("C of enum(>i2: A, B, C) is not a name of enum(i1: A, B)"));
        assert_eq!(refusal(&ab, &ba, &Elements::Fixed(vec![5])), "5 of enum(i1: A, B) is not a name of enum(>i2: A, B, C)");
        assert_eq!(refusal(&Dtype::int(4, true), &ab, &one(Literal::Int(2), &Dtype::int(4, true))), "2 is not a value of enum(i1: A, B)");
        let to_bool = Recast::new(&Dtype::int(1, true), &Dtype::bool()).unwrap().apply(Elements::Fixed(vec![0, 1, 2, 0xff]));
        assert_eq!((to_bool.elements, to_bool.lost), (Elements::Fixed(vec![0, 1, 1, 1]), vec![2, 3]));
    }

    #[test]
    fn what_has_no_value_is_refused() {
        let (f8, i4, nan) = (Dtype::float(8), Dtype::int(4, true), Elements::Fixed(f64::NAN.to_le_bytes().to_vec()));
        assert_eq!(refusal(&f8, &i4, &nan), "nan is not a value of i4");
        assert_eq!(refusal(&f8, &Dtype::bool(), &nan), "nan is not a value of bool");
        let pair = |base: &Dtype| Dtype::Array { base: Box::new(base.clone()), dims: vec![2] };
        let parts = Elements::Fixed([0.5f64.to_le_bytes(), f64::NAN.to_le_bytes()].concat());
        assert_eq!(refusal(&pair(&f8), &pair(&i4), &parts), "[0.5, nan] is not a value of array(i4, [2])");
        let latin = |length| StringType { length, charset: Charset::Ascii, padding: Padding::NullPad };
        let utf8 = |length| Dtype::String(StringType { charset: Charset::Utf8, ..latin(length) });
        let (fixed, variable) = (StringLength::Fixed(4), StringLength::Variable);
        let texts = |length| match length {
            StringLength::Fixed(_) => Elements::Fixed(b"caf\xe9".to_vec()),
            StringLength::Variable => Elements::Strings(vec![Some(b"caf\xe9".to_vec())]),
        };
        for from in [fixed, variable] {
            for to in [fixed, variable] {
                assert!(refusal(&Dtype::String(latin(from)), &utf8(to), &texts(from)).contains("is not UTF-8"));
                let same = Recast::new(&Dtype::String(latin(from)), &Dtype::String(latin(to))).unwrap().apply(texts(from));
                assert!(same.is_same() && same.elements == texts(to));
            }
        }
        let null = Recast::new(&Dtype::str(), &Dtype::String(latin(variable))).unwrap().apply(Elements::Strings(vec![None]));
        assert_eq!(null.elements, Elements::Strings(vec![None]));
    }

    #[test]
    fn examples_are_told_apart() {
        let example = |literal: Literal, from: &Dtype, to: &Dtype| {
            let (recast, before) = (Recast::new(from, to).unwrap(), encode_one(&literal, from).unwrap());
            let (a, b) = recast.example(&before, &recast.apply(before.clone()).elements, 0);
            format!("{a} -> {b}")
        };
        let complex = |size| Dtype::complex(size, Order::Little);
        assert_eq!(example(Literal::Float(0.1), &Dtype::float(8), &Dtype::float(4)), "0.1 -> 0.10000000149");
        let text = Literal::Text("0.1+2j".into());
        assert_eq!(example(text, &complex(8), &complex(4)), "0.1+2.0j -> 0.10000000149011612+2.0j");
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
