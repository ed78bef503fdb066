//! A rule made ready, and the runs it gives.

use std::sync::Mutex;

use super::beta::Beta;
use super::binomial::Binomial;
use super::chacha::Words;
use super::choice::Choice;
use super::counts::Table;
use super::cycle::Cycle;
use super::gamma::{Gamma, Scaled};
use super::integers::Integers;
use super::members::Members;
use super::missing::Share;
use super::normal::Normal;
use super::number::{Layout, put_integers};
use super::permutation::Permutation;
use super::poisson::Poisson;
use super::sampler::{Driven, Sampler, TILE};
use super::simple::{Exponential, Lognormal};
use super::steps::Steps;
use super::stream::{Purpose, Stream, pieces};
use super::text::Texts;
use super::uniform::{Bernoulli, Uniform};
use crate::model::{Block, BlockSource, Dtype, Elements, Fill, Literal, Rule, Shape, SourceFile, StringType, encode_elements, encode_one};

/// Opens a file that a rule reads, to be read as this dtype in this shape. The error is one line naming file and cause.
pub type Open<'a> = &'a dyn Fn(&SourceFile, &Dtype, &Shape) -> Result<Box<dyn BlockSource>, String>;

/// A fill rule made ready for one dtype and one shape: gives any run of elements.
///
/// Runs are independent of each other: element `i` is the same in whatever run it is asked for, on whatever thread.
pub struct Filler {
    dtype: Dtype,
    elements: u64,
    maker: Maker,
    missing: Option<Share>,
}

/// The kinds of rule, by how runs come about.
enum Maker {
    Constant(Cycle),
    Cycle(Cycle),
    Listed(Elements),
    Steps(Steps, Layout),
    Floats(Box<dyn Sampler>, Stream, Layout),
    Integers(Integers, Stream, Layout),
    Choice(Choice, Elements, Stream),
    Texts(Texts, StringType, Stream),
    Permutation(Permutation, Layout),
    Members(Members),
    Source(Mutex<Box<dyn BlockSource>>),
}

impl Filler {
    /// Makes a rule ready. `open` opens its files, checked for shape and dtype. The error is the clause of [`Fill::check`], or the
    /// opener's.
    pub fn new(
        fill: &Fill,
        dtype: &Dtype,
        shape: &Shape,
        open: impl Fn(&SourceFile, &Dtype, &Shape) -> Result<Box<dyn BlockSource>, String>,
    ) -> Result<Filler, String> {
        Self::with(fill, dtype, shape, &open)
    }

    /// [`Filler::new`] with an opener of any kind, for rules in rules.
    pub(super) fn with(fill: &Fill, dtype: &Dtype, shape: &Shape, open: Open<'_>) -> Result<Filler, String> {
        fill.check(dtype, shape).map_err(|e| e.0)?;
        let elements = shape.elements().ok_or("the shape has more elements than 64 bits count")?;
        let missing = Share::new(fill, dtype).map_err(|e| e.0)?;
        let maker = Maker::new(fill, dtype, shape, open)?;
        Ok(Filler { dtype: dtype.clone(), elements, maker, missing })
    }

    /// Elements `start .. start + count` of the row-major order, in the dtype's file layout, byte order included. Errors: a run beyond
    /// the end; whatever a source reports.
    pub fn fill(&self, start: u64, count: usize) -> Result<Elements, String> {
        if start.checked_add(count as u64).is_none_or(|end| end > self.elements) {
            return Err(format!("{count} elements from {start} on do not lie within {} elements", self.elements));
        }
        let mut out = self.run(start, count)?;
        if let Some(missing) = &self.missing {
            missing.apply(&self.dtype, start, &mut out);
        }
        Ok(out)
    }

    /// Are elements their bytes alone, so that [`Filler::put`] can write them?
    pub fn makes_bytes(&self) -> bool {
        !self.dtype.has_outside_data()
    }

    /// Bytes of one element in the file.
    pub fn element_bytes(&self) -> usize {
        self.dtype.size()
    }

    /// [`Filler::fill`] of elements that are bytes alone: from `start` on, as many as fit `out`, every byte of which is written. Errors as
    /// there; and for elements that are more than bytes.
    pub fn put(&self, start: u64, out: &mut [u8]) -> Result<(), String> {
        let count = out.len() / self.dtype.size().max(1);
        if start.checked_add(count as u64).is_none_or(|end| end > self.elements) {
            return Err(format!("{count} elements from {start} on do not lie within {} elements", self.elements));
        }
        if !self.put_numbers(start, out) {
            match self.run(start, count)? {
                Elements::Fixed(bytes) => out.copy_from_slice(&bytes),
                Elements::Strings(_) | Elements::Nested(_) => return Err("these elements are more than bytes".into()),
            }
        }
        if let Some(missing) = &self.missing {
            missing.apply_to(&self.dtype, start, out);
        }
        Ok(())
    }

    /// Writes the elements in place, where the rule makes numbers; false, and nothing done, where it makes something else.
    fn put_numbers(&self, start: u64, out: &mut [u8]) -> bool {
        match &self.maker {
            Maker::Constant(cycle) | Maker::Cycle(cycle) => return cycle.put(&self.dtype, start, out),
            Maker::Steps(steps, layout) => steps.put(*layout, start, out),
            Maker::Floats(sampler, stream, layout) => put_sampled(&**sampler, stream, *layout, start, out),
            Maker::Integers(integers, stream, layout) => put_drawn(integers, stream, *layout, start, out),
            Maker::Permutation(permutation, layout) => permutation.put(*layout, start, out),
            Maker::Listed(_) | Maker::Choice(..) | Maker::Texts(..) | Maker::Members(_) | Maker::Source(_) => return false,
        }
        true
    }

    /// Are all elements the same bytes? Then one run serves for all of its length.
    pub fn is_constant(&self) -> bool {
        matches!(self.maker, Maker::Constant(_)) && self.missing.is_none()
    }

    /// Do the contents come from a sequential source, so that reading in order from one thread is best?
    pub fn is_sequential(&self) -> bool {
        match &self.maker {
            Maker::Source(_) => true,
            Maker::Members(members) => members.is_sequential(),
            _ => false,
        }
    }

    /// The elements of a box of the shape, from a source to which boxes come easier than runs; `None` from anything else.
    pub fn fill_box(&self, block: &Block) -> Option<Result<Elements, String>> {
        match (&self.maker, &self.missing) {
            (Maker::Source(source), None) => match source.lock() {
                Ok(mut source) => source.read_box(block).map(|read| read.and_then(|e| self.counted(e, block.elements()))),
                Err(_) => Some(Err("the source failed earlier".into())),
            },
            _ => None,
        }
    }

    /// What a source gave, if it is as much as was asked for.
    fn counted(&self, elements: Elements, count: usize) -> Result<Elements, String> {
        match elements.count(&self.dtype) {
            got if got == count => Ok(elements),
            got => Err(format!("the source gave {got} instead of {count} elements")),
        }
    }

    /// The rule's elements, none missing yet.
    fn run(&self, start: u64, count: usize) -> Result<Elements, String> {
        Ok(match &self.maker {
            Maker::Constant(cycle) | Maker::Cycle(cycle) => cycle.run(&self.dtype, start, count),
            Maker::Listed(list) => list.slice(&self.dtype, start as usize, count),
            Maker::Steps(..) | Maker::Floats(..) | Maker::Integers(..) | Maker::Permutation(..) => {
                let mut out = vec![0; count * self.dtype.size()];
                self.put_numbers(start, &mut out);
                Elements::Fixed(out)
            }
            Maker::Choice(choice, from, stream) => pick(choice.positions(stream, start, count), from, &self.dtype, count),
            Maker::Texts(texts, t, stream) => texts.run(stream, t, start, count),
            Maker::Members(members) => members.run(start, count)?,
            Maker::Source(source) => {
                let elements = source.lock().map_err(|_| "the source failed earlier")?.read(start, count)?;
                self.counted(elements, count)?
            }
        })
    }
}

impl Maker {
    fn new(fill: &Fill, dtype: &Dtype, shape: &Shape, open: Open<'_>) -> Result<Maker, String> {
        let list = |literals: &[Literal]| encode_elements(literals, dtype).map_err(|e| e.0);
        let layout = || Layout::of(dtype).ok_or_else(|| format!("filling {dtype} by {} is not supported yet", fill.rule.name()));
        let texts = |texts: Texts| match dtype.resolved() {
            Dtype::String(t) => Ok(Maker::Texts(texts, t.clone(), Stream::new(Purpose::Values, fill.seed, &fill.stream))),
            _ => Err(format!("filling {dtype} by {} is not supported yet", fill.rule.name())),
        };
        let stream = || Stream::new(Purpose::Values, fill.seed, &fill.stream);
        let floats = |sampler: Box<dyn Sampler>| Ok(Maker::Floats(sampler, stream(), layout()?));
        match &fill.rule {
            Rule::Value(value) => Ok(Maker::Constant(Cycle::new(encode_one(value, dtype).map_err(|e| e.0)?, dtype))),
            Rule::Values(values) => Ok(Maker::Listed(list(values)?)),
            Rule::Cycle(values) => Ok(Maker::Cycle(Cycle::new(list(values)?, dtype))),
            Rule::Arange { start, step, axis } => Ok(Maker::Steps(Steps::arange(start, step, *axis, shape), layout()?)),
            Rule::Linspace(to) => Ok(Maker::Steps(Steps::linspace(to, shape), layout()?)),
            Rule::Geomspace(to) => Ok(Maker::Steps(Steps::geomspace(to, shape), layout()?)),
            Rule::Integers { low, high } => Ok(Maker::Integers(Integers::new(*low, *high), stream(), layout()?)),
            Rule::Uniform { low, high } => floats(Box::new(Uniform::new(*low, *high, &layout()?.float()))),
            Rule::Normal { mean, std } => floats(Box::new(Normal { mean: *mean, std: *std })),
            Rule::Lognormal { mean, sigma } => floats(Box::new(Lognormal(Normal { mean: *mean, std: *sigma }))),
            Rule::Exponential { scale } => floats(Box::new(Exponential { scale: *scale })),
            Rule::Gamma { shape, scale } => {
                let gamma = Gamma::new(*shape);
                floats(driven(Scaled { gamma, scale: *scale }, gamma.words()))
            }
            Rule::Beta { a, b } => {
                let beta = Beta::new(*a, *b);
                floats(driven(beta, beta.words()))
            }
            Rule::Poisson { lam } => {
                let poisson = Poisson::new(*lam);
                let words = poisson.words();
                floats(driven(poisson, words))
            }
            Rule::Binomial { n, p } => {
                let binomial = Binomial::new(*n, *p);
                let words = binomial.words();
                floats(driven(binomial, words))
            }
            Rule::Bernoulli { p } => floats(Box::new(Bernoulli { p: *p })),
            Rule::Choice { from, weights } => {
                let choice = match weights {
                    Some(weights) => Choice::Weighted(Table::of_weights(weights)),
                    None => Choice::Equal { len: from.len() as u64 },
                };
                Ok(Maker::Choice(choice, list(from)?, stream()))
            }
            Rule::Text { shortest, longest, alphabet } => {
                texts(Texts::Random { shortest: *shortest, longest: *longest, alphabet: alphabet.chars().collect() })
            }
            Rule::Uuid => texts(Texts::Uuid),
            Rule::Permutation => {
                let count = shape.elements().ok_or("the shape has more elements than 64 bits count")?;
                Ok(Maker::Permutation(Permutation::new(&stream(), count), layout()?))
            }
            Rule::Fields(fields) => Ok(Maker::Members(Members::new(fields, &fill.stream, dtype, shape, open)?)),
            Rule::Source(file) => Ok(Maker::Source(Mutex::new(open(file, dtype, shape)?))),
        }
    }
}

fn driven<D: rand::distr::Distribution<f64> + Send + Sync + 'static>(distribution: D, words: u64) -> Box<dyn Sampler> {
    Box::new(Driven { distribution, words })
}

/// The pieces of `out` by block: the words from the piece's first element, and its bytes.
fn blocks<'a>(
    stream: &Stream,
    words: u64,
    layout: Layout,
    start: u64,
    mut out: &'a mut [u8],
) -> impl Iterator<Item = (Words, &'a mut [u8])> {
    let size = layout.size * layout.parts();
    pieces(start, out.len() / size).map(move |(first, count)| {
        let (piece, rest) = std::mem::take(&mut out).split_at_mut(count * size);
        out = rest;
        (stream.words(first, words * layout.parts() as u64), piece)
    })
}

fn put_sampled(sampler: &dyn Sampler, stream: &Stream, layout: Layout, start: u64, out: &mut [u8]) {
    for (mut words, piece) in blocks(stream, sampler.words(), layout, start, out) {
        sampler.put(&mut words, layout, piece);
    }
}

fn put_drawn(integers: &Integers, stream: &Stream, layout: Layout, start: u64, out: &mut [u8]) {
    let mut words = [0u64; 2 * TILE];
    for (mut source, piece) in blocks(stream, integers.words(), layout, start, out) {
        for tile in piece.chunks_mut(TILE * layout.size) {
            let words = &mut words[..tile.len() / layout.size * integers.words() as usize];
            source.fill(words);
            match integers.narrow() {
                // By way of i64, because floats are made from i128 several times slower.
                Some(span) if integers.fit_i64() => {
                    put_integers(layout, words.iter().map(|&w| i128::from(integers.of_word(span, w) as i64)), tile);
                }
                Some(span) => put_integers(layout, words.iter().map(|&w| integers.of_word(span, w)), tile),
                None => put_integers(layout, words.as_chunks().0.iter().map(|&[a, b]| integers.of_words(a, b)), tile),
            }
        }
    }
}

fn pick(positions: impl Iterator<Item = usize>, from: &Elements, dtype: &Dtype, count: usize) -> Elements {
    match from {
        Elements::Fixed(bytes) => {
            let size = dtype.size();
            let mut out = Vec::with_capacity(count * size);
            positions.for_each(|at| out.extend_from_slice(&bytes[at * size..(at + 1) * size]));
            Elements::Fixed(out)
        }
        Elements::Strings(list) => Elements::Strings(positions.map(|at| list[at].clone()).collect()),
        Elements::Nested(list) => Elements::Nested(positions.map(|at| list[at].clone()).collect()),
    }
}
