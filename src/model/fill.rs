//! Fill rules: what a dataset or a region shall contain.

use std::path::PathBuf;

use super::{Block, CompoundMember, Dtype, Elements, H5Path, Literal, Selection, Shape};
use crate::diag::Span;

/// A rule with its seed and stream: everything that decides the contents. Element `i` is the
/// row-major index in the shape the rule is applied to (a dataset's, or a patch's region).
#[derive(Clone, Debug, PartialEq)]
pub struct Fill {
    /// How values come about.
    pub rule: Rule,
    /// Seed of random rules.
    pub seed: u64,
    /// Name of the random stream.
    pub stream: Vec<u8>,
    /// A seeded share of elements that are set to one value afterwards.
    pub missing: Option<Missing>,
}

impl Fill {
    /// Bytes of memory that an element of this dtype takes, at most, for cutting work into blocks.
    pub fn element_bytes(&self, dtype: &Dtype) -> usize {
        match &self.rule {
            Rule::Text { longest, alphabet, .. } if dtype.is_variable_string() => {
                dtype.size().saturating_add(longest_bytes(*longest, alphabet).try_into().unwrap_or(usize::MAX))
            }
            rule if dtype.is_variable_string() => rule.longest_text() + 32,
            _ => dtype.size(),
        }
    }

    /// Every file that the rule reads, with the dtype and the shape that it is read as.
    pub fn inputs<'a>(&'a self, dtype: &Dtype, shape: &Shape) -> Vec<(&'a SourceFile, Dtype, Shape)> {
        match &self.rule {
            Rule::Source(file) => vec![(file, dtype.clone(), shape.clone())],
            Rule::Fields(fields) => {
                let one = |field: &'a Field| {
                    let (_, dtype, shape) = field.rule.within(field.member(dtype)?, shape);
                    Some(field.rule.inputs(&dtype, &shape))
                };
                fields.iter().filter_map(one).flatten().collect()
            }
            _ => Vec::new(),
        }
    }

    /// Where the member's rule stands that is not possible, if it is one.
    pub(super) fn impossible_member(&self, dtype: &Dtype, shape: &Shape) -> Option<Span> {
        let Rule::Fields(fields) = &self.rule else { return None };
        fields.iter().find_map(|field| {
            let (_, dtype, shape) = field.rule.within(field.member(dtype)?, shape);
            let fits = field.nesting.as_ref().is_none_or(|n| *n == shape) && field.rule.check(&dtype, &shape).is_ok();
            if fits { None } else { field.rule.impossible_member(&dtype, &shape).or(field.origin) }
        })
    }

    /// What this rule of a compound's member is applied to: how many of its elements make a member, their dtype, and the shape that its
    /// index counts in.
    ///
    /// A rule of literals gives whole members. Any other rule gives the elements of a member that is an array: the array's axes then
    /// follow the dataset's. The number is checked only by [`Fill::check`]; it is 0 where it has no meaning.
    pub fn within(&self, member: &CompoundMember, shape: &Shape) -> (u64, Dtype, Shape) {
        let (mut dtype, mut dims, mut each) = (&member.dtype, shape.dims().to_vec(), 1u64);
        while let (Dtype::Array { base, dims: inner }, false) = (dtype.resolved(), self.rule.is_literal()) {
            dims.extend(inner);
            each = inner.iter().fold(each, |n, &d| n.checked_mul(d).unwrap_or(0));
            dtype = base;
        }
        (each, dtype.clone(), if dims.len() == shape.rank() { shape.clone() } else { Shape::Simple(dims) })
    }
}

/// The rule of one member of a compound.
#[derive(Clone, Debug, PartialEq)]
pub struct Field {
    /// The member's name.
    pub name: Vec<u8>,
    /// Its rule. The stream in it holds only where `own_stream` is set.
    pub rule: Fill,
    /// Does the manifest name the member's stream?
    pub own_stream: bool,
    /// For literal values, the shape that their nesting says.
    pub nesting: Option<Shape>,
    /// Where the rule stands, if a manifest wrote it.
    pub origin: Option<Span>,
}

impl Field {
    /// The rule with its stream settled: its own, or the compound's, a full stop, and the member's name.
    pub fn fill(&self, stream: &[u8]) -> Fill {
        let mut fill = self.rule.clone();
        if !self.own_stream {
            fill.stream = [stream, b".", &self.name].concat();
        }
        fill
    }

    /// The member of this name.
    pub fn member<'d>(&self, dtype: &'d Dtype) -> Option<&'d CompoundMember> {
        match dtype.resolved() {
            Dtype::Compound { members, .. } => members.iter().find(|m| m.name == self.name),
            _ => None,
        }
    }
}

/// Bytes of the longest text.
pub(super) fn longest_bytes(longest: u64, alphabet: &str) -> u64 {
    longest.saturating_mul(alphabet.chars().map(char::len_utf8).max().unwrap_or(0) as u64)
}

/// `fill.missing`.
#[derive(Clone, Debug, PartialEq)]
pub struct Missing {
    /// Share of elements, 0 to 1.
    pub fraction: f64,
    /// What they become.
    pub value: Literal,
}

/// Number of steps or samples between two ends.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Boundary {
    /// First value.
    pub start: f64,
    /// Last value, or the first one beyond.
    pub stop: f64,
    /// Is `stop` the last value?
    pub endpoint: bool,
    /// Axis the values run along; `None` is the flat index.
    pub axis: Option<usize>,
}

/// The ways to say contents.
#[derive(Clone, Debug, PartialEq)]
pub enum Rule {
    /// One value everywhere.
    Value(Literal),
    /// Literal contents, row-major, one for each element.
    Values(Vec<Literal>),
    /// `start + step * i`. Both integers: exact integer arithmetic; else in f64.
    Arange { start: Literal, step: Literal, axis: Option<usize> },
    /// Evenly spaced.
    Linspace(Boundary),
    /// Evenly spaced on a logarithmic scale.
    Geomspace(Boundary),
    /// The list again and again along the flat index.
    Cycle(Vec<Literal>),
    /// Uniform integers in `low..high`.
    Integers { low: i128, high: i128 },
    /// Uniform floats in `[low, high)`.
    Uniform { low: f64, high: f64 },
    /// Normal.
    Normal { mean: f64, std: f64 },
    /// exp of a normal with this mean and standard deviation.
    Lognormal { mean: f64, sigma: f64 },
    /// Exponential with mean `scale`.
    Exponential { scale: f64 },
    /// Gamma.
    Gamma { shape: f64, scale: f64 },
    /// Beta.
    Beta { a: f64, b: f64 },
    /// Poisson.
    Poisson { lam: f64 },
    /// Binomial.
    Binomial { n: u64, p: f64 },
    /// 1 with probability p, else 0.
    Bernoulli { p: f64 },
    /// One of a list, with equal or given weights.
    Choice { from: Vec<Literal>, weights: Option<Vec<f64>> },
    /// `shortest` to `longest` characters of an alphabet.
    Text { shortest: u64, longest: u64, alphabet: String },
    /// UUIDs of version 4, as text.
    Uuid,
    /// The numbers below the number of elements, each once.
    Permutation,
    /// A compound's members, each by its own rule.
    Fields(Vec<Field>),
    /// Contents of a file.
    Source(SourceFile),
}

/// The alphabet of texts, where none is given.
pub const ALPHABET: &str = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

impl Rule {
    /// Does it give values as the manifest writes them, whatever their dtype?
    pub fn is_literal(&self) -> bool {
        matches!(self, Rule::Value(_) | Rule::Values(_) | Rule::Cycle(_) | Rule::Choice { .. })
    }

    /// Every file that it reads.
    pub fn sources(&self) -> Vec<&SourceFile> {
        match self {
            Rule::Source(file) => vec![file],
            Rule::Fields(fields) => fields.iter().flat_map(|f| f.rule.rule.sources()).collect(),
            _ => Vec::new(),
        }
    }

    /// Bytes of the longest text among literal values; 0 where there is none.
    pub fn longest_text(&self) -> usize {
        let text = |l: &Literal| if let Literal::Text(s) = l { s.len() } else { 0 };
        match self {
            Rule::Value(v) => text(v),
            Rule::Values(list) | Rule::Cycle(list) | Rule::Choice { from: list, .. } => list.iter().map(text).max().unwrap_or(0),
            Rule::Uuid => 36,
            _ => 0,
        }
    }

    /// The manifest's name of the rule.
    pub fn name(&self) -> &'static str {
        match self {
            Rule::Value(_) => "value",
            Rule::Values(_) => "values",
            Rule::Arange { .. } => "arange",
            Rule::Linspace(_) => "linspace",
            Rule::Geomspace(_) => "geomspace",
            Rule::Cycle(_) => "cycle",
            Rule::Integers { .. } => "integers",
            Rule::Uniform { .. } => "uniform",
            Rule::Normal { .. } => "normal",
            Rule::Lognormal { .. } => "lognormal",
            Rule::Exponential { .. } => "exponential",
            Rule::Gamma { .. } => "gamma",
            Rule::Beta { .. } => "beta",
            Rule::Poisson { .. } => "poisson",
            Rule::Binomial { .. } => "binomial",
            Rule::Bernoulli { .. } => "bernoulli",
            Rule::Choice { .. } => "choice",
            Rule::Text { .. } => "text",
            Rule::Uuid => "uuid",
            Rule::Permutation => "permutation",
            Rule::Fields(_) => "fields",
            Rule::Source(SourceFile::Hdf5 { .. }) => "hdf5",
            Rule::Source(SourceFile::Npy { .. }) => "npy",
            Rule::Source(SourceFile::Npz { .. }) => "npz",
            Rule::Source(SourceFile::Csv { .. }) => "csv",
            Rule::Source(SourceFile::Raw { .. }) => "raw",
        }
    }
}

/// A file whose contents fill a dataset. `file` is as it will be opened (already joined with the
/// manifest's folder).
#[derive(Clone, Debug, PartialEq)]
pub enum SourceFile {
    /// NumPy's `.npy`.
    Npy { file: PathBuf },
    /// A member of NumPy's `.npz`.
    Npz { file: PathBuf, name: String },
    /// Delimited text.
    Csv {
        /// The file.
        file: PathBuf,
        /// One byte.
        delimiter: u8,
        /// Does the first row (after `skip`) hold column names?
        header: bool,
        /// Columns to take, by index from 0 or by name; `None` is all.
        columns: Option<Vec<Literal>>,
        /// Lines to skip at the start.
        skip: u64,
        /// Value for empty fields; without it an empty field is an error.
        missing: Option<Literal>,
    },
    /// Bytes of the dataset's dtype.
    Raw {
        /// The file.
        file: PathBuf,
        /// First byte.
        offset: u64,
        /// The file's byte order, if it differs from the dtype's.
        order: Option<super::Order>,
    },
    /// A dataset of another HDF5 file.
    Hdf5 {
        /// The file.
        file: PathBuf,
        /// The dataset in it.
        path: H5Path,
        /// The part of it; `None` is all.
        select: Option<Selection>,
    },
}

impl SourceFile {
    /// The file.
    pub fn file(&self) -> &PathBuf {
        match self {
            SourceFile::Npy { file }
            | SourceFile::Npz { file, .. }
            | SourceFile::Csv { file, .. }
            | SourceFile::Raw { file, .. }
            | SourceFile::Hdf5 { file, .. } => file,
        }
    }
}

/// Contents that come from outside (a file), as the generator of blocks sees them. Implemented by
/// `source`; elements come in the dtype the source was opened for.
pub trait BlockSource: Send {
    /// Elements `start .. start + count` of the row-major order. Reading onwards is fast; going back
    /// may mean starting again. The error is one line naming file and cause.
    fn read(&mut self, start: u64, count: usize) -> Result<Elements, String>;

    /// The elements of a box, row-major, from a source to which boxes come easier than runs; `None` from any other.
    fn read_box(&mut self, _block: &Block) -> Option<Result<Elements, String>> {
        None
    }
}

/// `integers(low 0, high 99)`, `npy("x.npy")`: for plans.
impl std::fmt::Display for Rule {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let axis = |a: &Option<usize>| a.map_or(String::new(), |a| format!(", axis {a}"));
        let name = self.name();
        match self {
            Rule::Value(v) => write!(f, "{v}"),
            Rule::Values(list) => write!(f, "values({} of them)", list.len()),
            Rule::Arange { start, step, axis: a } => write!(f, "{name}(start {start}, step {step}{})", axis(a)),
            Rule::Linspace(b) | Rule::Geomspace(b) => {
                let end = if b.endpoint { "" } else { " exclusive" };
                write!(f, "{name}({} to {}{end}{})", b.start, b.stop, axis(&b.axis))
            }
            Rule::Cycle(list) => write!(f, "cycle({})", Literal::List(list.clone())),
            Rule::Integers { low, high } => write!(f, "integers(low {low}, high {high})"),
            Rule::Uniform { low, high } => write!(f, "uniform(low {low}, high {high})"),
            Rule::Normal { mean, std } => write!(f, "normal(mean {mean}, std {std})"),
            Rule::Lognormal { mean, sigma } => write!(f, "lognormal(mean {mean}, sigma {sigma})"),
            Rule::Exponential { scale } => write!(f, "exponential(scale {scale})"),
            Rule::Gamma { shape, scale } => write!(f, "gamma(shape {shape}, scale {scale})"),
            Rule::Beta { a, b } => write!(f, "beta(a {a}, b {b})"),
            Rule::Poisson { lam } => write!(f, "poisson(lam {lam})"),
            Rule::Binomial { n, p } => write!(f, "binomial(n {n}, p {p})"),
            Rule::Bernoulli { p } => write!(f, "bernoulli(p {p})"),
            Rule::Choice { from, .. } => write!(f, "choice({})", Literal::List(from.clone())),
            Rule::Text { shortest, longest, alphabet } => {
                let to = if longest == shortest { String::new() } else { format!(" to {longest}") };
                let alphabet = match alphabet.chars().count() {
                    _ if alphabet == ALPHABET => String::new(),
                    count @ 81.. => format!(", alphabet of {count} characters"),
                    _ => format!(", alphabet {alphabet:?}"),
                };
                write!(f, "text(length {shortest}{to}{alphabet})")
            }
            Rule::Uuid | Rule::Permutation => f.write_str(name),
            Rule::Fields(fields) => {
                let shown: Vec<String> =
                    fields.iter().take(4).map(|m| format!("{}: {}", super::bytes_text(&m.name), m.rule.rule)).collect();
                write!(f, "fields({}{})", shown.join(", "), if fields.len() > 4 { ", …" } else { "" })
            }
            Rule::Source(SourceFile::Hdf5 { file, path, .. }) => {
                write!(f, "{name}({:?}, {path})", file.file_name().unwrap_or_default())
            }
            Rule::Source(source) => write!(f, "{name}({:?})", source.file().file_name().unwrap_or_default()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(shortest: u64, longest: u64, alphabet: &str) -> Rule {
        Rule::Text { shortest, longest, alphabet: alphabet.into() }
    }

    #[test]
    fn rules_for_plans() {
        assert_eq!(text(8, 8, ALPHABET).to_string(), "text(length 8)");
        assert_eq!(text(0, 12, "a\"é").to_string(), "text(length 0 to 12, alphabet \"a\\\"é\")");
        assert_eq!(text(1, 1, &"x".repeat(81)).to_string(), "text(length 1, alphabet of 81 characters)");
        assert_eq!((Rule::Uuid.to_string(), Rule::Permutation.to_string()), ("uuid".into(), "permutation".into()));
    }

    #[test]
    fn long_texts_make_small_blocks() {
        let bytes = |rule, dtype: Dtype| Fill { rule, seed: 0, stream: vec![], missing: None }.element_bytes(&dtype);
        assert_eq!(bytes(text(0, 1000, "aß"), Dtype::str()), Dtype::str().size() + 2000);
        assert_eq!(bytes(text(0, 10, "a"), Dtype::fixed_ascii(12)), 12);
        assert!(bytes(Rule::Uuid, Dtype::str()) >= 36);
    }
}
