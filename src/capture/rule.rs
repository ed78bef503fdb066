//! Rules that may have made some elements: guesses from the first and the last, to be proved on all.

use super::literal::{exact_literal, float, literal, number};
use super::text::Toml;
use crate::fill::Filler;
use crate::model::{Boundary, Dtype, Elements, Fill, FloatType, Literal, Rule, Shape, decode_one};

/// Longest period that is looked for.
const MOST_PERIOD: usize = 64;
/// How many elements the guesses are made from.
pub const HEAD: usize = 4 * MOST_PERIOD;

/// A rule that has given every element so far.
pub struct Guess {
    /// What stands behind `fill`.
    pub toml: Toml,
    /// Is it one value for all elements?
    pub constant: bool,
    filler: Filler,
}

/// What guesses are made from.
pub struct Samples<'a> {
    /// Element type.
    pub dtype: &'a Dtype,
    /// Extent; more than one element.
    pub shape: &'a Shape,
    /// The first elements in row-major order, at most [`HEAD`] of them.
    pub head: &'a Elements,
    /// The last element.
    pub last: &'a Elements,
    /// For each axis the element at position 1 of it and 0 of the others; empty where there is none.
    pub next: &'a [Elements],
}

impl Guess {
    fn new(rule: Rule, toml: Toml, dtype: &Dtype, shape: &Shape) -> Option<Self> {
        let constant = matches!(rule, Rule::Value(_));
        let fill = Fill { rule, seed: 0, stream: Vec::new(), missing: None };
        let filler = Filler::new(&fill, dtype, shape, |_, _, _| Err("a guess needs no file".into())).ok()?;
        Some(Self { toml, constant, filler })
    }

    /// Does it give exactly these elements of the row-major order?
    pub fn gives(&self, start: u64, elements: &Elements, count: usize) -> bool {
        self.filler.fill(start, count).is_ok_and(|made| made == *elements)
    }
}

/// All rules that give the samples: a constant first, cycles last, else the shortest first.
pub fn guesses(samples: &Samples<'_>) -> Vec<Guess> {
    let count = samples.head.count(samples.dtype);
    let mut out: Vec<Guess> = Vec::new();
    let rules = constant(samples).into_iter().chain(progressions(samples)).chain(cycle(samples));
    for (rule, toml) in rules {
        let Some(guess) = Guess::new(rule, toml, samples.dtype, samples.shape) else { continue };
        let last = samples.shape.elements().unwrap_or(1).saturating_sub(1);
        if guess.gives(0, samples.head, count) && guess.gives(last, samples.last, 1) && out.iter().all(|g| g.toml != guess.toml) {
            out.push(guess);
        }
    }
    let is_cycle = |guess: &Guess| matches!(guess.toml, Toml::Form("cycle", _));
    out.sort_by_key(|guess| (!guess.constant, is_cycle(guess), guess.toml.inline().len()));
    out
}

fn constant(s: &Samples<'_>) -> Option<(Rule, Toml)> {
    let first = s.head.slice(s.dtype, 0, 1);
    if first != *s.last {
        return None;
    }
    let toml = exact_literal(s.head, s.dtype, 0).ok()?;
    Some((Rule::Value(literal(&toml)), value(toml)))
}

/// `fill = 0`; what is a table stands behind `fill.value`.
pub fn value(toml: Toml) -> Toml {
    match toml {
        Toml::Bare(_) | Toml::Text(_) | Toml::List(_) => toml,
        Toml::Table(_) | Toml::Form(..) => Toml::Form("value", Box::new(toml)),
    }
}

/// The shortest period that the first elements show at least twice.
fn cycle(s: &Samples<'_>) -> Option<(Rule, Toml)> {
    let count = s.head.count(s.dtype);
    let same = |period: usize| s.head.slice(s.dtype, 0, count - period) == s.head.slice(s.dtype, period, count - period);
    let period = (2..=MOST_PERIOD.min(count / 2)).find(|&p| same(p))?;
    let list: Vec<Toml> = (0..period).map(|at| exact_literal(s.head, s.dtype, at)).collect::<Result<_, _>>().ok()?;
    Some((Rule::Cycle(list.iter().map(literal).collect()), Toml::Form("cycle", Box::new(Toml::List(list)))))
}

fn progressions(s: &Samples<'_>) -> Vec<(Rule, Toml)> {
    let dims = s.shape.dims();
    let total = s.shape.elements().unwrap_or(0);
    let second = (s.head.count(s.dtype) > 1).then(|| s.head.slice(s.dtype, 1, 1));
    let mut ways: Vec<(Option<usize>, u64, Option<Elements>)> = vec![(None, total, second)];
    if dims.len() > 1 {
        let along = |axis: usize| (Some(axis), dims[axis], s.next.get(axis).filter(|n| n.count(s.dtype) == 1).cloned());
        ways.extend((0..dims.len()).map(along));
    }
    let mut out = Vec::new();
    for (axis, count, next) in ways {
        let Some(next) = next.filter(|_| count > 1) else { continue };
        let one = |e: &Elements| decode_one(e, s.dtype, 0);
        let (Some(first), Some(next), Some(last)) = (one(s.head), one(&next), one(s.last)) else { continue };
        match (s.dtype.resolved(), first, next, last) {
            (Dtype::Int(_), Literal::Int(first), Literal::Int(next), _) => {
                out.push(arange(Literal::Int(first), Literal::Int(next - first), axis))
            }
            (Dtype::Float(t), Literal::Float(first), Literal::Float(next), Literal::Float(last)) => {
                let ends = Ends { first, next, last, count, axis };
                out.extend(ends.aranges(t));
                out.extend(ends.linspaces(t));
            }
            _ => {}
        }
    }
    out
}

fn arange(start: Literal, step: Literal, axis: Option<usize>) -> (Rule, Toml) {
    let mut fields = Vec::new();
    if start != Literal::Int(0) {
        fields.push(("start".to_owned(), Toml::bare(&start)));
    }
    if step != Literal::Int(1) {
        fields.push(("step".to_owned(), Toml::bare(&step)));
    }
    fields.extend(axis.map(|axis| ("axis".to_owned(), Toml::bare(axis))));
    (Rule::Arange { start, step, axis }, Toml::Form("arange", Box::new(Toml::Table(fields))))
}

/// Floats at both ends of a row.
struct Ends {
    first: f64,
    next: f64,
    last: f64,
    count: u64,
    axis: Option<usize>,
}

/// What a value may have been before it was rounded: its shortest digits, and itself.
fn origins(v: f64, t: &FloatType) -> Vec<f64> {
    let short = match literal(&float(v, t)) {
        Literal::Float(short) => short,
        _ => v,
    };
    if short == v { vec![v] } else { vec![short, v] }
}

/// The value with so many significant digits.
fn rounded(v: f64, digits: usize) -> f64 {
    format!("{v:.digits$e}").parse().unwrap_or(v)
}

/// Digits after the first that a difference of two such floats surely has.
fn sure_digits(t: &FloatType) -> &'static [usize] {
    match t.size {
        8 => &[2, 6, 9, 12],
        4 => &[1, 3, 5],
        _ => &[1, 2],
    }
}

impl Ends {
    fn aranges(&self, t: &FloatType) -> Vec<(Rule, Toml)> {
        let whole = |v: f64| v.fract() == 0.0 && v.abs() < 9e15;
        if !self.first.is_finite() || !self.next.is_finite() || !self.last.is_finite() {
            return Vec::new();
        }
        if whole(self.first) && whole(self.next) {
            let first = self.first as i128;
            return vec![arange(Literal::Int(first), Literal::Int(self.next as i128 - first), self.axis)];
        }
        let (near, far) = (self.next - self.first, (self.last - self.first) / (self.count - 1) as f64);
        let mut steps: Vec<f64> = sure_digits(t).iter().flat_map(|&d| [rounded(far, d), rounded(near, d)]).collect();
        steps.extend(origins(near, t));
        steps.push(far);
        steps.retain(|s| s.is_finite() && *s != 0.0);
        let mut unique: Vec<f64> = Vec::new();
        steps.into_iter().for_each(|s| {
            if !unique.contains(&s) {
                unique.push(s)
            }
        });
        let starts = origins(self.first, t);
        let pairs = starts.iter().flat_map(|&start| unique.iter().map(move |&step| (start, step)));
        pairs.map(|(start, step)| arange(Literal::Float(start), Literal::Float(step), self.axis)).collect()
    }

    fn linspaces(&self, t: &FloatType) -> Vec<(Rule, Toml)> {
        if !self.first.is_finite() || !self.last.is_finite() {
            return Vec::new();
        }
        let far = (self.last - self.first) / (self.count - 1) as f64;
        let open = sure_digits(t).iter().map(|&d| (rounded(self.first + far * self.count as f64, d), false));
        let stops: Vec<(f64, bool)> = origins(self.last, t).into_iter().map(|stop| (stop, true)).chain(open).collect();
        let starts = origins(self.first, t);
        let ends = starts.iter().flat_map(|&start| stops.iter().map(move |&(stop, endpoint)| (start, stop, endpoint)));
        ends.map(|(start, stop, endpoint)| {
            let mut fields = vec![("start".to_owned(), number(start)), ("stop".to_owned(), number(stop))];
            if !endpoint {
                fields.push(("endpoint".into(), Toml::bare(false)));
            }
            fields.extend(self.axis.map(|axis| ("axis".to_owned(), Toml::bare(axis))));
            (Rule::Linspace(Boundary { start, stop, endpoint, axis: self.axis }), Toml::Form("linspace", Box::new(Toml::Table(fields))))
        })
        .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The first guess for the elements that a rule makes.
    #[track_caller]
    fn check(rule: Rule, dtype: Dtype, dims: &[u64], expect: &str) {
        let shape = Shape::from_dims(dims);
        let fill = Fill { rule, seed: 0, stream: vec![], missing: None };
        let total = shape.elements().unwrap();
        let all = Filler::new(&fill, &dtype, &shape, |_, _, _| Err("none".into())).unwrap().fill(0, total as usize).unwrap();
        let one = |at: u64| all.slice(&dtype, at as usize, 1);
        let stride = |axis: usize| dims[axis + 1..].iter().product::<u64>();
        let next: Vec<Elements> = (0..dims.len()).map(|a| if dims[a] > 1 { one(stride(a)) } else { Elements::empty(&dtype) }).collect();
        let head = all.slice(&dtype, 0, (total as usize).min(HEAD));
        let samples = Samples { dtype: &dtype, shape: &shape, head: &head, last: &one(total - 1), next: &next };
        let found = guesses(&samples).into_iter().find(|g| g.gives(0, &all, total as usize));
        assert_eq!(found.map_or("nothing\n".into(), |g| g.toml.line("fill")), format!("{expect}\n"));
    }

    fn floats(start: f64, step: f64) -> Rule {
        Rule::Arange { start: Literal::Float(start), step: Literal::Float(step), axis: None }
    }

    #[test]
    fn rules_are_found_again() {
        let n = Literal::Int;
        let f4 = || Dtype::float(4);
        check(Rule::Value(n(3)), f4(), &[5, 5], "fill = 3.0");
        check(Rule::Arange { start: n(0), step: n(1), axis: None }, f4(), &[500], "fill.arange = {}");
        check(
            Rule::Arange { start: n(5), step: n(-2), axis: Some(1) },
            Dtype::int(2, true),
            &[7, 9],
            "fill.arange = { start = 5, step = -2, axis = 1 }",
        );
        check(floats(0.0, 0.1), Dtype::float(8), &[1000], "fill.arange = { start = 0.0, step = 0.1 }");
        check(floats(-89.95, 0.1), f4(), &[1800], "fill.arange = { start = -89.95, step = 0.1 }");
        let line = |start, stop, endpoint| Rule::Linspace(Boundary { start, stop, endpoint, axis: None });
        check(line(0.0, 1.0, true), Dtype::float(8), &[1000], "fill.linspace = { start = 0.0, stop = 1.0 }");
        check(line(0.1, 7.3, true), f4(), &[997], "fill.linspace = { start = 0.1, stop = 7.3 }");
        check(Rule::Cycle(vec![n(1), n(2), n(5)]), Dtype::int(1, false), &[100], "fill.cycle = [1, 2, 5]");
        check(Rule::Permutation, Dtype::int(4, false), &[100], "nothing");
        check(Rule::Cycle(vec![Literal::Text("a".into()), Literal::Text("b".into())]), Dtype::str(), &[9], "fill.cycle = [\"a\", \"b\"]");
    }
}
