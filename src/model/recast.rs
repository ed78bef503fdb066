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
                format!("{one} of {from} is not a name of {to}; by number, it becomes one by way of integers")
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
#[path = "recast_tests.rs"]
mod tests;
