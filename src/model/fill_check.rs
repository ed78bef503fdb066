//! Whether a fill rule is possible for a dtype and a shape.

use super::fill::longest_bytes;
use super::{
    Boundary, Charset, Dtype, EncodeError, Field, Fill, FloatType, IntType, Literal, Rule, Shape, StringLength, StringType, bytes_text,
    encode_elements, encode_one,
};

/// Bound of the standard normal numbers that rules draw: tails begin at 3.66 and reach sqrt(-2 ln 2^-53) further, which is 8.58.
const FARTHEST: f64 = 12.3;

/// Bound of the standard exponential numbers that rules draw: -ln 2^-53 is 36.7.
const LONGEST: f64 = 37.0;

/// Smallest shape of a gamma or beta distribution: below it, logarithms of values overflow.
const SMALLEST_SHAPE: f64 = 1e-300;

/// Characters of the longest text.
const LONGEST_TEXT: u64 = 1 << 20;

/// Largest count that f64 holds exactly, with all counts below it.
const LARGEST_COUNT: u64 = 1 << 53;

impl Fill {
    /// Is this rule possible for the dtype and the shape? The error is one clause that names what does not fit:
    /// `values 0 to 999 do not all fit i1 (-128 to 127)`. Contents of files are not looked at.
    pub fn check(&self, dtype: &Dtype, shape: &Shape) -> Result<(), EncodeError> {
        if *shape == Shape::Null {
            return fail("a null dataspace has no elements to fill");
        }
        let Some(elements) = shape.elements() else { return fail("the shape has more elements than 64 bits count") };
        if let Some(missing) = &self.missing {
            probability("fraction", missing.fraction)?;
            encode_one(&missing.value, dtype)?;
        }
        let name = self.rule.name();
        match &self.rule {
            Rule::Value(value) => encode_one(value, dtype).map(drop),
            Rule::Values(values) => {
                if values.len() as u64 != elements {
                    return fail(format!("{} values are given for {elements} elements", values.len()));
                }
                encode_elements(values, dtype).map(drop)
            }
            Rule::Cycle(values) if values.is_empty() => fail("the list to cycle through is empty"),
            Rule::Cycle(values) => encode_elements(values, dtype).map(drop),
            Rule::Choice { from, weights } => {
                weighed(from, weights.as_deref())?;
                encode_elements(from, dtype).map(drop)
            }
            Rule::Source(_) => Ok(()),
            Rule::Fields(fields) => members(fields, dtype, shape),
            Rule::Arange { start, step, axis } => {
                let count = along(*axis, shape, elements)?;
                Target::of(name, dtype)?.arange(start, step, count)
            }
            Rule::Linspace(to) => {
                along(to.axis, shape, elements)?;
                Target::of(name, dtype)?.linspace(to)
            }
            Rule::Geomspace(to) => {
                along(to.axis, shape, elements)?;
                if to.start == 0.0 || to.stop == 0.0 || (to.start < 0.0) != (to.stop < 0.0) {
                    return fail(format!("geomspace from {} to {} would have to cross zero", show(to.start), show(to.stop)));
                }
                Target::of(name, dtype)?.linspace(to)
            }
            Rule::Text { shortest, longest, alphabet } => text(string(name, dtype)?, dtype, *shortest, *longest, alphabet),
            Rule::Uuid => match string(name, dtype)?.length {
                StringLength::Fixed(size) if size < 36 => fail(format!("a UUID has 36 bytes and does not fit {dtype}")),
                StringLength::Fixed(_) | StringLength::Variable => Ok(()),
            },
            Rule::Permutation => Target::of(name, dtype)?.permutation(elements),
            rule => Target::of(name, dtype)?.random(rule),
        }
    }
}

/// A rule for every member of a compound, each possible for the member.
fn members(fields: &[Field], dtype: &Dtype, shape: &Shape) -> Result<(), EncodeError> {
    let Dtype::Compound { members, .. } = dtype.resolved() else {
        return fail(format!("fields fills the members of a compound, which {dtype} is not"));
    };
    let names = |list: Vec<&[u8]>| list.iter().map(|n| format!("`{}`", bytes_text(n))).collect::<Vec<_>>().join(", ");
    if let Some(unknown) = fields.iter().find(|f| f.member(dtype).is_none()) {
        let known = names(members.iter().map(|m| m.name.as_slice()).collect());
        return fail(format!("`{}` is not a member of {dtype}; its members are {known}", bytes_text(&unknown.name)));
    }
    let missing: Vec<&[u8]> = members.iter().map(|m| m.name.as_slice()).filter(|n| !fields.iter().any(|f| f.name == *n)).collect();
    match missing.len() {
        0 => {}
        1 => return fail(format!("the member {} has no rule; fields gives every member one", names(missing))),
        _ => return fail(format!("the members {} have no rule; fields gives every member one", names(missing))),
    }
    if dtype.has_outside_data() {
        return unsupported("fields", dtype);
    }
    for field in fields {
        let Some(member) = field.member(dtype) else { continue };
        let (each, dtype, shape) = field.rule.within(member, shape);
        let fits = match &field.nesting {
            _ if each == 0 => unsupported("fields", &dtype),
            Some(nesting) if *nesting != shape => fail(format!("the values have shape {nesting}, but shape {shape} is to be filled")),
            _ => field.rule.check(&dtype, &shape),
        };
        fits.map_err(|e| EncodeError(format!("member `{}`: {}", bytes_text(&field.name), e.0)))?;
    }
    Ok(())
}

/// A dtype that rules can write numbers into.
struct Target<'a> {
    rule: &'static str,
    dtype: &'a Dtype,
    number: Number<'a>,
}

enum Number<'a> {
    Int(&'a IntType),
    Float(&'a FloatType),
    Bool,
}

impl<'a> Target<'a> {
    fn of(rule: &'static str, dtype: &'a Dtype) -> Result<Self, EncodeError> {
        let resolved = dtype.resolved();
        let number = match resolved {
            Dtype::Int(t) if t.is_standard() => Number::Int(t),
            Dtype::Float(t) if t.as_ieee().is_some() => Number::Float(t),
            Dtype::Enum { .. } if resolved.is_bool() => Number::Bool,
            Dtype::String(_) | Dtype::Enum { .. } => return fail(format!("{rule} makes numbers, which {dtype} cannot hold")),
            Dtype::Compound { .. } => match resolved.as_complex() {
                Some(part) => Number::Float(part),
                None => return unsupported(rule, dtype),
            },
            Dtype::Int(_)
            | Dtype::Float(_)
            | Dtype::Array { .. }
            | Dtype::Vlen(_)
            | Dtype::Opaque { .. }
            | Dtype::Bitfield(_)
            | Dtype::Reference(_)
            | Dtype::Complex(_)
            | Dtype::Committed { .. }
            | Dtype::Encoded { .. }
            | Dtype::Foreign { .. } => return unsupported(rule, dtype),
        };
        Ok(Self { rule, dtype, number })
    }

    /// Do the exact integers from `low` to `high` all fit?
    fn holds_integers(&self, low: i128, high: i128) -> Result<(), EncodeError> {
        let (least, most) = match self.number {
            Number::Int(t) => t.range(),
            Number::Bool => (0, 1),
            Number::Float(_) => return self.holds(low as f64, high as f64),
        };
        if low < least || high > most {
            return fail(format!("values {low} to {high} do not all fit {} ({least} to {most})", self.dtype));
        }
        Ok(())
    }

    /// Do the numbers from `low` to `high`, in either order, all fit after rounding?
    fn holds(&self, low: f64, high: f64) -> Result<(), EncodeError> {
        let (low, high) = if low > high { (high, low) } else { (low, high) };
        match self.number {
            Number::Float(t) if t.rounded(low).is_finite() && t.rounded(high).is_finite() => Ok(()),
            Number::Float(t) => {
                let largest = show(t.largest_below(f64::INFINITY));
                fail(format!("values {} to {} do not all fit {} (-{largest} to {largest})", show(low), show(high), self.dtype))
            }
            Number::Int(_) | Number::Bool => self.holds_integers(low.round_ties_even() as i128, high.round_ties_even() as i128),
        }
    }

    /// Continuous values: floats must hold them all, integers saturate.
    fn takes(&self, low: f64, high: f64) -> Result<(), EncodeError> {
        match self.number {
            Number::Float(_) => self.holds(low, high),
            Number::Int(_) if low.is_finite() && high.is_finite() => Ok(()),
            Number::Int(_) => fail(format!("the parameters of {} lead to infinite values", self.rule)),
            Number::Bool => self.not_bool(),
        }
    }

    fn not_bool(&self) -> Result<(), EncodeError> {
        match self.number {
            Number::Bool => fail(format!("{} makes numbers, which {} cannot hold; bernoulli makes booleans", self.rule, self.dtype)),
            Number::Int(_) | Number::Float(_) => Ok(()),
        }
    }

    fn arange(&self, start: &Literal, step: &Literal, count: u64) -> Result<(), EncodeError> {
        self.not_bool()?;
        let (start, step) = (Start::of("start", start)?, Start::of("step", step)?);
        let Some(last) = count.checked_sub(1) else { return Ok(()) };
        match (start, step) {
            (Start::Int(start), Start::Int(step)) => {
                let end = step.checked_mul(last.into()).and_then(|way| start.checked_add(way));
                match end {
                    Some(end) => self.holds_integers(start.min(end), start.max(end)),
                    None => fail(format!("{start} + {step} * {last} does not fit {}", self.dtype)),
                }
            }
            (start, step) => self.holds(start.float(), start.float() + step.float() * last as f64),
        }
    }

    fn permutation(&self, count: u64) -> Result<(), EncodeError> {
        self.not_bool()?;
        let Some(last) = count.checked_sub(1) else { return Ok(()) };
        match self.number {
            Number::Float(_) if self.dtype.resolved().as_complex().is_some() => unsupported(self.rule, self.dtype),
            Number::Float(t) if last > 1 << (t.fields[4] + 1) => {
                fail(format!("{} does not hold every whole number from 0 to {last} exactly", self.dtype))
            }
            Number::Float(_) => Ok(()),
            Number::Int(_) | Number::Bool => self.holds_integers(0, last.into()),
        }
    }

    fn linspace(&self, to: &Boundary) -> Result<(), EncodeError> {
        self.not_bool()?;
        finite("start", to.start)?;
        finite("stop", to.stop)?;
        finite("the distance from start to stop", to.stop - to.start)?;
        self.holds(to.start, to.stop)
    }

    fn random(&self, rule: &Rule) -> Result<(), EncodeError> {
        match *rule {
            Rule::Integers { low, high } => {
                if low >= high {
                    return fail(format!("the range is empty: low {low} is not below high {high}"));
                }
                if high.checked_sub(low).is_none_or(|span| span > 1 << 64) {
                    return fail(format!("the range from {low} to {high} has more than 2^64 values"));
                }
                self.holds_integers(low, high - 1)
            }
            Rule::Uniform { low, high } => self.uniform(low, high),
            Rule::Normal { mean, std } => {
                finite("mean", mean)?;
                not_negative("std", std)?;
                self.takes(mean - FARTHEST * std, mean + FARTHEST * std)
            }
            Rule::Lognormal { mean, sigma } => {
                finite("mean", mean)?;
                not_negative("sigma", sigma)?;
                self.takes(0.0, libm::exp(mean + FARTHEST * sigma))
            }
            Rule::Exponential { scale } => {
                not_negative("scale", scale)?;
                self.takes(0.0, LONGEST * scale)
            }
            Rule::Gamma { shape, scale } => {
                shape_parameter("shape", shape)?;
                not_negative("scale", scale)?;
                // Marsaglia and Tsang's d (1 + z / sqrt(9 d))^3 for the largest z.
                let d = if shape < 1.0 { shape + 1.0 } else { shape } - 1.0 / 3.0;
                let root = 1.0 + FARTHEST / (9.0 * d).sqrt();
                finite("shape's largest value", d * root * root * root)?;
                self.takes(0.0, d * root * root * root * scale)
            }
            Rule::Beta { a, b } => {
                shape_parameter("a", a)?;
                shape_parameter("b", b)?;
                self.not_bool()
            }
            Rule::Poisson { lam } => {
                not_negative("lam", lam)?;
                if lam > LARGEST_COUNT as f64 {
                    return fail(format!("lam {} is above 2^53", show(lam)));
                }
                self.not_bool()?;
                // Further than any draw comes; what is beyond an integer type's largest value saturates, its mean must not.
                let reach = if matches!(self.number, Number::Float(_)) { lam + 40.0 * lam.sqrt() + 100.0 } else { lam };
                self.holds(0.0, reach)
            }
            Rule::Binomial { n, p } => {
                probability("p", p)?;
                if n > LARGEST_COUNT {
                    return fail(format!("n {n} is above 2^53"));
                }
                self.holds_integers(0, n.into())
            }
            Rule::Bernoulli { p } => probability("p", p),
            // `Fill::check` keeps them for itself.
            Rule::Value(_) | Rule::Values(_) | Rule::Cycle(_) | Rule::Choice { .. } => Ok(()),
            Rule::Source(_) | Rule::Fields(_) => Ok(()),
            Rule::Arange { .. } | Rule::Linspace(_) | Rule::Geomspace(_) => Ok(()),
            Rule::Text { .. } | Rule::Uuid | Rule::Permutation => Ok(()),
        }
    }

    fn uniform(&self, low: f64, high: f64) -> Result<(), EncodeError> {
        finite("low", low)?;
        finite("high", high)?;
        if low >= high {
            return fail(format!("the range is empty: low {} is not below high {}", show(low), show(high)));
        }
        if (high - low).is_infinite() {
            return fail(format!("the range from {} to {} is too wide", show(low), show(high)));
        }
        self.takes(low, high)?;
        match self.number {
            Number::Float(t) if t.smallest_from(low) >= high => {
                fail(format!("{} has no value from {} to below {}", self.dtype, show(low), show(high)))
            }
            Number::Float(_) | Number::Int(_) | Number::Bool => Ok(()),
        }
    }
}

/// A number of arange.
#[derive(Clone, Copy)]
enum Start {
    Int(i128),
    Float(f64),
}

impl Start {
    fn of(name: &str, literal: &Literal) -> Result<Self, EncodeError> {
        match literal {
            Literal::Int(v) => Ok(Start::Int(*v)),
            Literal::Float(v) => finite(name, *v).map(|()| Start::Float(*v)),
            Literal::Bool(_) | Literal::Text(_) | Literal::List(_) | Literal::Table(_) => fail(format!("{name} {literal} is not a number")),
        }
    }

    fn float(self) -> f64 {
        match self {
            Start::Int(v) => v as f64,
            Start::Float(v) => v,
        }
    }
}

/// How many values a progression has.
fn along(axis: Option<usize>, shape: &Shape, elements: u64) -> Result<u64, EncodeError> {
    match axis {
        None => Ok(elements),
        Some(axis) => match shape.dims().get(axis) {
            Some(&size) => Ok(size),
            None => fail(format!("axis {axis} does not exist in shape {shape}")),
        },
    }
}

/// A dtype that rules can write text into.
fn string<'a>(rule: &str, dtype: &'a Dtype) -> Result<&'a StringType, EncodeError> {
    match dtype.resolved() {
        Dtype::String(t) => Ok(t),
        _ => fail(format!("{rule} makes text, which {dtype} cannot hold")),
    }
}

fn text(t: &StringType, dtype: &Dtype, shortest: u64, longest: u64, alphabet: &str) -> Result<(), EncodeError> {
    if shortest > longest {
        return fail(format!("no length is from {shortest} to {longest}"));
    }
    if longest > LONGEST_TEXT {
        return fail(format!("length {longest} is above 2^20"));
    }
    if alphabet.is_empty() {
        return fail("the alphabet is empty");
    }
    if alphabet.contains('\0') {
        return fail("the alphabet contains NUL, which ends a text");
    }
    if t.charset == Charset::Ascii
        && let Some(other) = alphabet.chars().find(|c| !c.is_ascii())
    {
        return fail(format!("the alphabet contains {other:?}, which is not ASCII; declare a UTF-8 string"));
    }
    match (t.length, longest_bytes(longest, alphabet)) {
        (StringLength::Fixed(size), bytes) if bytes > size as u64 => {
            fail(format!("texts of up to {longest} characters have up to {bytes} bytes and do not fit {dtype}"))
        }
        (StringLength::Fixed(_) | StringLength::Variable, _) => Ok(()),
    }
}

fn weighed(from: &[Literal], weights: Option<&[f64]>) -> Result<(), EncodeError> {
    if from.is_empty() {
        return fail("the list to choose from is empty");
    }
    let Some(weights) = weights else { return Ok(()) };
    if weights.len() != from.len() {
        return fail(format!("{} weights are given for {} values to choose from", weights.len(), from.len()));
    }
    weights.iter().try_for_each(|w| not_negative("weight", *w))?;
    let sum: f64 = weights.iter().sum();
    // The quotient of a subnormal sum would not reach the precision that choosing needs.
    if !sum.is_normal() {
        return fail(format!("the weights sum to {}, not to a positive number", show(sum)));
    }
    Ok(())
}

fn finite(name: &str, value: f64) -> Result<(), EncodeError> {
    if value.is_finite() { Ok(()) } else { fail(format!("{name} is {}, not a finite number", show(value))) }
}

fn not_negative(name: &str, value: f64) -> Result<(), EncodeError> {
    finite(name, value)?;
    if value >= 0.0 { Ok(()) } else { fail(format!("{name} {} is negative", show(value))) }
}

fn shape_parameter(name: &str, value: f64) -> Result<(), EncodeError> {
    finite(name, value)?;
    if value >= SMALLEST_SHAPE { Ok(()) } else { fail(format!("{name} {} is not at least 1e-300", show(value))) }
}

fn probability(name: &str, value: f64) -> Result<(), EncodeError> {
    if (0.0..=1.0).contains(&value) { Ok(()) } else { fail(format!("{name} {} is not within 0 to 1", show(value))) }
}

fn show(value: f64) -> String {
    if value.fract() == 0.0 && value.abs() < 1e15 { format!("{value:.0}") } else { Literal::Float(value).to_string() }
}

fn unsupported<T>(rule: &str, dtype: &Dtype) -> Result<T, EncodeError> {
    fail(format!("filling {dtype} by {rule} is not supported yet"))
}

fn fail<T>(clause: impl Into<String>) -> Result<T, EncodeError> {
    Err(EncodeError(clause.into()))
}

/// Rounding to IEEE types of 2, 4 and 8 bytes.
impl FloatType {
    /// The nearest value of this type, ties to even; beyond the largest it is infinite.
    pub(crate) fn rounded(&self, value: f64) -> f64 {
        match self.size {
            2 => half::f16::from_bits(Self::binary16(value)).to_f64(),
            4 => f64::from(value as f32),
            _ => value,
        }
    }

    /// The largest value of this type below `bound`.
    pub(crate) fn largest_below(&self, bound: f64) -> f64 {
        let near = self.rounded(bound);
        if near < bound { near } else { -self.above(-near) }
    }

    /// The smallest value of this type that is not below `bound`.
    pub(crate) fn smallest_from(&self, bound: f64) -> f64 {
        let near = self.rounded(bound);
        if near >= bound { near } else { self.above(near) }
    }

    /// The value of this type next above one of its values.
    fn above(&self, value: f64) -> f64 {
        match self.size {
            2 => {
                let bits = Self::binary16(value);
                let next = match bits {
                    0x8000 => 1,
                    negative if negative > 0x8000 => negative - 1,
                    positive => positive + 1,
                };
                half::f16::from_bits(next).to_f64()
            }
            4 => f64::from((value as f32).next_up()),
            _ => value.next_up(),
        }
    }

    /// The bits of the nearest IEEE binary16, ties to even. Not `half`'s conversion, which on some processors goes by way of binary32
    /// and so rounds twice.
    pub(crate) fn binary16(value: f64) -> u16 {
        let sign = (value.to_bits() >> 48) as u16 & 0x8000;
        let size = value.abs();
        if size.is_nan() {
            return sign | 0x7e00;
        }
        if size >= 65520.0 {
            return sign | 0x7c00;
        }
        if size < 6.103_515_625e-5 {
            // Below 2^-14, multiples of 2^-24; the largest of them carries into the exponent as it should.
            return sign | (size * 16_777_216.0).round_ties_even() as u16;
        }
        let bits = size.to_bits();
        let nearest = (bits + (1 << 41) - 1 + (bits >> 42 & 1)) >> 42;
        sign | (nearest - (1008 << 10)) as u16
    }
}

#[cfg(test)]
mod tests {
    use super::super::Order;
    use super::*;

    fn check(rule: Rule, dtype: Dtype, expect: &str) {
        let fill = Fill { rule, seed: 0, stream: vec![], missing: None };
        let found = fill.check(&dtype, &Shape::Simple(vec![2, 500])).err().map_or(String::new(), |e| e.0);
        assert_eq!(found, expect, "{fill:?} into {dtype}");
    }

    fn arange(start: Literal, step: Literal, axis: Option<usize>) -> Rule {
        Rule::Arange { start, step, axis }
    }

    #[test]
    fn ranges() {
        let (i1, u2, f2, f4, f8) = (Dtype::int(1, true), Dtype::int(2, false), Dtype::float(2), Dtype::float(4), Dtype::float(8));
        let int = Literal::Int;
        let integers = |low, high| Rule::Integers { low, high };
        check(integers(0, 1000), i1.clone(), "values 0 to 999 do not all fit i1 (-128 to 127)");
        check(integers(-128, 128), i1.clone(), "");
        check(integers(9, 1), u2.clone(), "the range is empty: low 9 is not below high 1");
        check(integers(-1, 1 << 64), f8.clone(), "the range from -1 to 18446744073709551616 has more than 2^64 values");
        check(integers(0, 65_520), f2.clone(), "");
        check(integers(0, 65_521), f2.clone(), "values 0 to 65520 do not all fit f2 (-65504 to 65504)");
        check(integers(0, 2), Dtype::bool(), "");
        check(integers(0, 3), Dtype::bool(), "values 0 to 2 do not all fit bool (0 to 1)");
        check(arange(int(0), int(1), None), i1.clone(), "values 0 to 999 do not all fit i1 (-128 to 127)");
        check(arange(int(0), int(1), Some(0)), i1.clone(), "");
        check(arange(int(0), int(-1), Some(1)), i1.clone(), "values -499 to 0 do not all fit i1 (-128 to 127)");
        check(arange(int(0), int(1), Some(2)), i1.clone(), "axis 2 does not exist in shape [2, 500]");
        check(arange(Literal::Float(0.5), int(1), None), u2.clone(), "");
        check(arange(Literal::Float(0.5), int(-1), None), u2, "values -998 to 0 do not all fit u2 (0 to 65535)");
        check(arange(Literal::Text("x".into()), int(1), None), f8.clone(), "start \"x\" is not a number");
        check(arange(int(i128::MAX), int(1), None), f8.clone(), &format!("{} + 1 * 999 does not fit f8", i128::MAX));
        let uniform = |low, high| Rule::Uniform { low, high };
        check(uniform(0.0, 1000.0), i1, "");
        check(uniform(2.0, 2.0), f8.clone(), "the range is empty: low 2 is not below high 2");
        check(uniform(-1e308, 1e308), f8.clone(), "the range from -1e308 to 1e308 is too wide");
        check(uniform(0.0, f64::NAN), f8, "high is nan, not a finite number");
        check(uniform(0.0, 1e5), f2.clone(), "values 0 to 100000 do not all fit f2 (-65504 to 65504)");
        check(uniform(2048.5, 2049.5), f2, "f2 has no value from 2048.5 to below 2049.5");
        check(uniform(-1.0, 1e39), f4, "values -1 to 1e39 do not all fit f4 (-3.4028234663852886e38 to 3.4028234663852886e38)");
    }

    #[test]
    fn parameters() {
        let f8 = Dtype::float(8);
        check(Rule::Normal { mean: 0.0, std: -1.0 }, f8.clone(), "std -1 is negative");
        check(Rule::Normal { mean: 0.0, std: 0.0 }, f8.clone(), "");
        check(
            Rule::Lognormal { mean: 700.0, sigma: 2.0 },
            f8.clone(),
            "values 0 to inf do not all fit f8 (-1.7976931348623157e308 to 1.7976931348623157e308)",
        );
        check(Rule::Lognormal { mean: 700.0, sigma: 2.0 }, Dtype::int(4, true), "the parameters of lognormal lead to infinite values");
        check(Rule::Exponential { scale: f64::INFINITY }, f8.clone(), "scale is inf, not a finite number");
        check(Rule::Gamma { shape: 0.0, scale: 1.0 }, f8.clone(), "shape 0 is not at least 1e-300");
        check(Rule::Beta { a: 1.0, b: -2.0 }, f8.clone(), "b -2 is not at least 1e-300");
        check(Rule::Poisson { lam: 1e20 }, f8.clone(), "lam 1e20 is above 2^53");
        check(Rule::Poisson { lam: 300.0 }, Dtype::int(1, false), "values 0 to 300 do not all fit u1 (0 to 255)");
        check(Rule::Binomial { n: 300, p: 0.1 }, Dtype::int(1, false), "values 0 to 300 do not all fit u1 (0 to 255)");
        check(Rule::Binomial { n: 3, p: 1.5 }, f8.clone(), "p 1.5 is not within 0 to 1");
        check(Rule::Bernoulli { p: f64::NAN }, f8.clone(), "p nan is not within 0 to 1");
        let choice = |weights: &[f64]| Rule::Choice { from: vec![Literal::Int(1), Literal::Int(2)], weights: Some(weights.to_vec()) };
        check(choice(&[1.0]), f8.clone(), "1 weights are given for 2 values to choose from");
        check(choice(&[0.0, 0.0]), f8.clone(), "the weights sum to 0, not to a positive number");
        check(choice(&[1.0, -1.0]), f8.clone(), "weight -1 is negative");
        check(choice(&[1e308, 1e308]), f8.clone(), "the weights sum to inf, not to a positive number");
        check(Rule::Cycle(vec![]), f8.clone(), "the list to cycle through is empty");
        check(Rule::Values(vec![Literal::Int(1)]), f8.clone(), "1 values are given for 1000 elements");
        let space = |start, stop| Boundary { start, stop, endpoint: true, axis: None };
        check(Rule::Geomspace(space(-1.0, 1.0)), f8.clone(), "geomspace from -1 to 1 would have to cross zero");
        check(Rule::Linspace(space(-1e308, 1e308)), f8, "the distance from start to stop is inf, not a finite number");
        check(Rule::Linspace(space(0.0, 255.5)), Dtype::int(1, false), "values 0 to 256 do not all fit u1 (0 to 255)");
    }

    #[test]
    fn dtypes() {
        let normal = || Rule::Normal { mean: 0.0, std: 1.0 };
        check(normal(), Dtype::str(), "normal makes numbers, which str cannot hold");
        check(normal(), Dtype::bool(), "normal makes numbers, which bool cannot hold; bernoulli makes booleans");
        check(normal(), Dtype::complex(4, Order::Big), "");
        check(normal(), Dtype::Opaque { size: 3, tag: vec![] }, "filling opaque(3) by normal is not supported yet");
        check(Rule::Bernoulli { p: 0.5 }, Dtype::bool(), "");
        check(Rule::Value(Literal::Text("x".into())), Dtype::float(8), "\"x\" is a text, not a value of f8");
    }

    #[test]
    fn texts() {
        let text = |shortest, longest, alphabet: &str| Rule::Text { shortest, longest, alphabet: alphabet.into() };
        let utf8 = |size| {
            let padding = super::super::Padding::NullPad;
            Dtype::String(StringType { length: StringLength::Fixed(size), charset: Charset::Utf8, padding })
        };
        check(text(0, 1 << 20, "é"), Dtype::str(), "");
        check(text(0, (1 << 20) + 1, "a"), Dtype::str(), "length 1048577 is above 2^20");
        check(text(9, 8, "a"), Dtype::str(), "no length is from 9 to 8");
        check(text(0, 0, ""), Dtype::str(), "the alphabet is empty");
        check(text(3, 3, "a\0"), Dtype::str(), "the alphabet contains NUL, which ends a text");
        check(text(3, 3, "aé"), Dtype::fixed_ascii(6), "the alphabet contains 'é', which is not ASCII; declare a UTF-8 string");
        check(text(3, 3, "aé"), utf8(6), "");
        let tight = "texts of up to 3 characters have up to 6 bytes and do not fit string(5, utf8, nullpad)";
        check(text(1, 3, "aé"), utf8(5), tight);
        check(text(5, 5, "abc"), Dtype::fixed_ascii(5), "");
        check(text(5, 5, "abc"), Dtype::float(4), "text makes text, which f4 cannot hold");
        check(Rule::Uuid, Dtype::str(), "");
        check(Rule::Uuid, Dtype::fixed_ascii(36), "");
        check(Rule::Uuid, Dtype::fixed_ascii(35), "a UUID has 36 bytes and does not fit S35");
        check(Rule::Uuid, Dtype::bool(), "uuid makes text, which bool cannot hold");
    }

    #[test]
    fn permutations() {
        let found = |dtype: &Dtype, count| {
            let fill = Fill { rule: Rule::Permutation, seed: 0, stream: vec![], missing: None };
            fill.check(dtype, &Shape::Simple(vec![count])).err().map_or(String::new(), |e| e.0)
        };
        for (dtype, most) in [
            (Dtype::int(1, true), 128),
            (Dtype::int(1, false), 256),
            (Dtype::int(8, true), 1 << 63),
            (Dtype::int(8, false), u64::MAX),
            (Dtype::float(2), 2049),
            (Dtype::float(4), (1 << 24) + 1),
            (Dtype::float(8), (1 << 53) + 1),
        ] {
            assert_eq!((found(&dtype, 0), found(&dtype, most)), (String::new(), String::new()));
            assert!(most == u64::MAX || !found(&dtype, most + 1).is_empty(), "{dtype}");
        }
        assert_eq!(found(&Dtype::int(1, true), 129), "values 0 to 128 do not all fit i1 (-128 to 127)");
        assert_eq!(found(&Dtype::float(2), 2050), "f2 does not hold every whole number from 0 to 2049 exactly");
        assert_eq!(found(&Dtype::complex(8, Order::Little), 2), "filling complex128 by permutation is not supported yet");
        assert_eq!(found(&Dtype::str(), 2), "permutation makes numbers, which str cannot hold");
        assert_eq!(found(&Dtype::bool(), 2), "permutation makes numbers, which bool cannot hold; bernoulli makes booleans");
    }

    #[test]
    fn missing_and_shapes() {
        let fill = |fraction, value| Fill {
            rule: Rule::Value(Literal::Int(1)),
            seed: 0,
            stream: vec![],
            missing: Some(super::super::Missing { fraction, value: Literal::Int(value) }),
        };
        let found = |fill: Fill, shape| fill.check(&Dtype::int(1, true), &shape).err().map_or(String::new(), |e| e.0);
        assert_eq!(found(fill(0.5, -9), Shape::Scalar), "");
        assert_eq!(found(fill(1.5, -9), Shape::Scalar), "fraction 1.5 is not within 0 to 1");
        assert_eq!(found(fill(0.5, -999), Shape::Scalar), "-999 does not fit i1 (-128 to 127)");
        assert_eq!(found(fill(0.5, 1), Shape::Null), "a null dataspace has no elements to fill");
        let huge = Shape::Simple(vec![u64::MAX, 2]);
        assert_eq!(found(fill(0.5, 1), huge), "the shape has more elements than 64 bits count");
    }

    #[test]
    fn binary16_rounds_once() {
        for bits in (0..0x7c00).chain(0x8000..0xfc00) {
            let value = half::f16::from_bits(bits).to_f64();
            assert_eq!(FloatType::binary16(value), bits);
            let next = half::f16::from_bits(bits + 1).to_f64();
            if next.is_finite() {
                let middle = (value + next) / 2.0;
                let away = |v: f64| f64::from_bits(v.to_bits() + 1);
                let towards = |v: f64| f64::from_bits(v.to_bits() - 1);
                assert_eq!(FloatType::binary16(middle), bits + (bits & 1));
                assert_eq!((FloatType::binary16(towards(middle)), FloatType::binary16(away(middle))), (bits, bits + 1));
            }
        }
        assert_eq!((FloatType::binary16(f64::INFINITY), FloatType::binary16(-1e-300)), (0x7c00, 0x8000));
    }

    #[test]
    fn neighbours() {
        for size in [2, 4, 8] {
            let float = FloatType::ieee(size, Order::Little);
            for value in [-2.0, -1.0, 0.0, 1.0, 0.5] {
                let (below, above) = (float.largest_below(value), float.above(value));
                assert!(below < value && above > value && float.above(below) == value);
                assert_eq!(float.smallest_from(value), value);
            }
            assert_eq!(float.above(float.largest_below(0.1)), float.smallest_from(0.1));
        }
        assert_eq!(FloatType::ieee(2, Order::Little).largest_below(f64::INFINITY), 65504.0);
    }
}
