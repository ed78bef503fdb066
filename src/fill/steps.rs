//! Progressions: arange, linspace, geomspace.

use super::number::{Layout, put_floats, put_integers};
use crate::model::{Boundary, Literal, Shape};

/// Values that follow from an index.
pub(super) struct Steps {
    formula: Formula,
    /// How many consecutive elements share an index.
    inner: u64,
    /// After how many indices it starts again.
    size: u64,
}

enum Formula {
    /// `start + step * i`, exact.
    Integers { start: i128, step: i128 },
    /// `start + step * i` in f64.
    Floats { start: f64, step: f64 },
    /// Evenly spaced, with an exact end.
    Linear(Line),
    /// Powers of ten of an evenly spaced exponent, with exact ends.
    Logarithmic { exponents: Line, negative: bool, first: f64, last: Option<f64> },
}

/// NumPy's linspace.
struct Line {
    start: f64,
    delta: f64,
    step: f64,
    divisions: f64,
    /// Index of the end, where it is exactly `stop`.
    end: Option<(u64, f64)>,
}

impl Line {
    fn new(start: f64, stop: f64, count: u64, endpoint: bool) -> Self {
        let divisions = if endpoint { count.saturating_sub(1) } else { count };
        let delta = stop - start;
        let end = (endpoint && count > 1).then(|| (count - 1, stop));
        Self { start, delta, step: delta / divisions.max(1) as f64, divisions: divisions.max(1) as f64, end }
    }

    fn at(&self, i: u64) -> f64 {
        match self.end {
            Some((end, stop)) if end == i => stop,
            // As NumPy: where the step underflows, divide first.
            _ if self.step == 0.0 => self.start + i as f64 / self.divisions * self.delta,
            _ => self.start + self.step * i as f64,
        }
    }
}

/// A number in f64; the rule is checked, so nothing else comes here.
fn float(literal: &Literal) -> f64 {
    match literal {
        Literal::Int(v) => *v as f64,
        Literal::Float(v) => *v,
        Literal::Bool(_) | Literal::Text(_) | Literal::List(_) | Literal::Table(_) => f64::NAN,
    }
}

impl Steps {
    fn new(formula: impl FnOnce(u64) -> Formula, axis: Option<usize>, shape: &Shape) -> Self {
        let (inner, size) = match axis {
            Some(axis) => (shape.dims()[axis + 1..].iter().product(), shape.dims()[axis]),
            None => (1, shape.elements().unwrap_or(u64::MAX)),
        };
        Self { formula: formula(size), inner, size }
    }

    /// `start + step * i`; both numbers.
    pub(super) fn arange(start: &Literal, step: &Literal, axis: Option<usize>, shape: &Shape) -> Self {
        let formula = match (start, step) {
            (Literal::Int(start), Literal::Int(step)) => Formula::Integers { start: *start, step: *step },
            _ => Formula::Floats { start: float(start), step: float(step) },
        };
        Self::new(|_| formula, axis, shape)
    }

    /// Evenly spaced from start to stop.
    pub(super) fn linspace(to: &Boundary, shape: &Shape) -> Self {
        Self::new(|count| Formula::Linear(Line::new(to.start, to.stop, count, to.endpoint)), to.axis, shape)
    }

    /// Evenly spaced logarithms; start and stop have one sign and are not 0.
    pub(super) fn geomspace(to: &Boundary, shape: &Shape) -> Self {
        let exponents = |count| Line::new(libm::log10(to.start.abs()), libm::log10(to.stop.abs()), count, to.endpoint);
        let formula = |count| Formula::Logarithmic {
            exponents: exponents(count),
            negative: to.start < 0.0,
            first: to.start,
            last: (to.endpoint && count > 1).then_some(to.stop),
        };
        Self::new(formula, to.axis, shape)
    }

    /// Writes the elements from `start` on; as many as fit `out`.
    pub(super) fn put(&self, layout: Layout, start: u64, out: &mut [u8]) {
        if out.is_empty() {
            return;
        }
        let indices = Indices { index: start / self.inner % self.size, left: self.inner - start % self.inner, of: self };
        match &self.formula {
            Formula::Integers { start, step } => {
                let values = indices.map(|i| start + step * i128::from(i));
                if layout.complex { put_integers(layout, values.flat_map(|v| [v, 0]), out) } else { put_integers(layout, values, out) }
            }
            Formula::Floats { start, step } => put_reals(layout, indices.map(|i| start + step * i as f64), out),
            Formula::Linear(line) => put_reals(layout, indices.map(|i| line.at(i)), out),
            Formula::Logarithmic { exponents, negative, first, last } => {
                let value = |i: u64| match last {
                    _ if i == 0 => *first,
                    Some(last) if i + 1 == self.size => *last,
                    _ if *negative => -libm::exp10(exponents.at(i)),
                    _ => libm::exp10(exponents.at(i)),
                };
                put_reals(layout, indices.map(value), out);
            }
        }
    }
}

/// Real numbers; complex elements get the imaginary part 0.
fn put_reals(layout: Layout, values: impl Iterator<Item = f64>, out: &mut [u8]) {
    if layout.complex { put_floats(layout, values.flat_map(|v| [v, 0.0]), out) } else { put_floats(layout, values, out) }
}

/// The index of each element, without a division for each.
struct Indices<'a> {
    index: u64,
    left: u64,
    of: &'a Steps,
}

impl Iterator for Indices<'_> {
    type Item = u64;

    #[inline]
    fn next(&mut self) -> Option<u64> {
        let index = self.index;
        self.left -= 1;
        if self.left == 0 {
            self.left = self.of.inner;
            self.index = if index + 1 == self.of.size { 0 } else { index + 1 };
        }
        Some(index)
    }
}
