//! Rules for every object that matches: `[[each]]`.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use globset::{GlobBuilder, GlobMatcher};
use regex_automata::meta::Regex;
use regex_automata::{Input, PatternSet};

use super::glob::compile;
use super::{
    AttrSeen, Definition, DesiredAttr, Dtype, Filter, Glob, H5Path, Layout, Literal, Need, OnMismatch, SeenDataset, SeenKind, Shape,
    decode_one,
};
use crate::diag::Span;

/// One `[[each]]`.
#[derive(Clone, Debug)]
pub struct Each {
    /// The entry's place.
    pub origin: Span,
    /// Paths that it is about.
    pub globs: Vec<Glob>,
    /// Kinds of objects that it is about: all, if that is not said.
    pub kind: Option<EachKind>,
    /// What an object must be to be meant.
    pub conditions: Vec<Condition>,
    /// What attributes it must have to be meant, when this rule's turn comes.
    pub attr_conditions: Vec<AttrCondition>,
    /// What becomes of its attributes, in order.
    pub attrs: Arc<[DesiredAttr]>,
    /// How datasets are to be stored.
    pub storage: EachStorage,
}

/// What a rule says of the storage of datasets.
#[derive(Clone, Debug, Default)]
pub struct EachStorage {
    /// `chunks`; `None` inside is `"auto"`.
    pub chunks: Option<(Option<Vec<u64>>, Span)>,
    /// `filters`.
    pub filters: Option<(Vec<Filter>, Span)>,
    /// What to do where something differs.
    pub on_mismatch: Option<OnMismatch>,
}

impl EachStorage {
    /// Does it say nothing?
    pub fn is_empty(&self) -> bool {
        self.chunks.is_none() && self.filters.is_none() && self.on_mismatch.is_none()
    }
}

/// A kind of object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EachKind {
    /// Groups, the root included.
    Group,
    /// Datasets.
    Dataset,
    /// Committed types.
    Type,
}

/// Something that an object is.
#[derive(Clone, Debug, PartialEq)]
pub enum Condition {
    /// Its elements are of this type.
    Dtype(Box<Dtype>),
    /// Its elements are of this family.
    Family(Family),
    /// It has so many axes.
    Ndim(usize),
    /// It has these sizes; `None` is any.
    Shape(Vec<Option<u64>>),
    /// It is stored in chunks, or is not.
    Chunked(bool),
    /// It has a filter that makes it smaller, or has none.
    Compressed(bool),
}

/// Types that have something in common.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Family {
    /// Integers and floats.
    Number,
    /// Integers, signed or not.
    Int,
    /// Floats.
    Float,
    /// h5py's or HDF5's complex numbers.
    Complex,
    /// Fixed or variable text.
    String,
    /// h5py's booleans.
    Bool,
    /// Enumerations that are not booleans.
    Enum,
    /// Compounds that are not complex.
    Compound,
    /// Arrays as elements.
    Array,
    /// Variable-length sequences.
    Vlen,
    /// Opaque bytes.
    Opaque,
    /// Bitfields.
    Bitfield,
    /// References to objects or regions.
    Reference,
}

/// Something that an object's attribute is.
#[derive(Clone, Debug)]
pub struct AttrCondition {
    /// Its name.
    pub name: Vec<u8>,
    /// What it is.
    pub is: AttrIs,
}

/// What an attribute is.
#[derive(Clone, Debug)]
pub enum AttrIs {
    /// There.
    Present,
    /// Not there.
    Absent,
    /// A text that this matches, or a list with such a text.
    Like(TextGlob),
    /// One number that is equal to this.
    Equal(Literal),
}

/// A glob over texts: `*` is any part of them.
#[derive(Clone, Debug)]
pub struct TextGlob(GlobMatcher);

impl TextGlob {
    /// Compiles a glob. The error is a clause.
    pub fn new(text: &str) -> Result<Self, String> {
        let glob = GlobBuilder::new(text).literal_separator(false).backslash_escape(false).build();
        glob.map(|g| Self(g.compile_matcher())).map_err(|e| e.kind().to_string())
    }
}

impl Family {
    /// All, with the manifest's words for them.
    pub const WORDS: [(&'static str, Family); 13] = [
        ("number", Family::Number),
        ("int", Family::Int),
        ("float", Family::Float),
        ("complex", Family::Complex),
        ("string", Family::String),
        ("bool", Family::Bool),
        ("enum", Family::Enum),
        ("compound", Family::Compound),
        ("array", Family::Array),
        ("vlen", Family::Vlen),
        ("opaque", Family::Opaque),
        ("bitfield", Family::Bitfield),
        ("reference", Family::Reference),
    ];

    /// Is the type of this family?
    pub fn has(self, dtype: &Dtype) -> bool {
        let dtype = dtype.resolved();
        let is = match dtype {
            d if d.as_complex().is_some() => Family::Complex,
            d if d.is_bool() => Family::Bool,
            Dtype::Int(_) => Family::Int,
            Dtype::Float(_) => Family::Float,
            Dtype::Complex(_) => Family::Complex,
            Dtype::String(_) => Family::String,
            Dtype::Enum { .. } => Family::Enum,
            Dtype::Compound { .. } => Family::Compound,
            Dtype::Array { .. } => Family::Array,
            Dtype::Vlen(_) => Family::Vlen,
            Dtype::Opaque { .. } => Family::Opaque,
            Dtype::Bitfield(_) => Family::Bitfield,
            Dtype::Reference(_) => Family::Reference,
            Dtype::Committed { .. } | Dtype::Encoded { .. } | Dtype::Foreign { .. } => return false,
        };
        is == self || (self == Family::Number && matches!(is, Family::Int | Family::Float))
    }
}

/// What conditions ask of a dataset, be it there or declared.
#[derive(Clone, Copy, Debug)]
pub struct DatasetFacts<'a> {
    /// Type of its elements.
    pub dtype: &'a Dtype,
    /// Extent.
    pub shape: &'a Shape,
    /// Storage.
    pub layout: &'a Layout,
}

impl<'a> From<&'a SeenDataset> for DatasetFacts<'a> {
    fn from(seen: &'a SeenDataset) -> Self {
        Self { dtype: &seen.dtype, shape: &seen.shape, layout: &seen.layout }
    }
}

impl<'a> From<&'a Definition> for DatasetFacts<'a> {
    fn from(new: &'a Definition) -> Self {
        Self { dtype: &new.dtype, shape: &new.shape, layout: &new.layout }
    }
}

/// What an object is, for the rules.
pub enum Subject<'a> {
    /// A group.
    Group,
    /// A dataset.
    Dataset(DatasetFacts<'a>),
    /// A committed type.
    Type(&'a Dtype),
}

impl<'a> Subject<'a> {
    /// What was seen; nothing for what no rule is about.
    pub fn of(kind: &'a SeenKind) -> Option<Self> {
        match kind {
            SeenKind::Group(_) => Some(Subject::Group),
            SeenKind::Dataset(seen) => Some(Subject::Dataset(seen.as_ref().into())),
            SeenKind::Type(seen) => Some(Subject::Type(&seen.dtype)),
            SeenKind::Unknown => None,
        }
    }

    fn kind(&self) -> EachKind {
        match self {
            Subject::Group => EachKind::Group,
            Subject::Dataset(_) => EachKind::Dataset,
            Subject::Type(_) => EachKind::Type,
        }
    }
}

impl Condition {
    fn holds(&self, subject: &Subject<'_>) -> bool {
        let dtype = match subject {
            Subject::Group => None,
            Subject::Dataset(d) => Some(d.dtype),
            Subject::Type(dtype) => Some(*dtype),
        };
        let Subject::Dataset(d) = subject else {
            return match self {
                Condition::Dtype(wanted) => dtype.is_some_and(|d| d == wanted.as_ref()),
                Condition::Family(family) => dtype.is_some_and(|d| family.has(d)),
                Condition::Ndim(_) | Condition::Shape(_) | Condition::Chunked(_) | Condition::Compressed(_) => false,
            };
        };
        match self {
            Condition::Dtype(wanted) => d.dtype == wanted.as_ref(),
            Condition::Family(family) => family.has(d.dtype),
            Condition::Ndim(axes) => *d.shape != Shape::Null && d.shape.rank() == *axes,
            Condition::Shape(sizes) => {
                let same = |(wanted, size): (&Option<u64>, &u64)| wanted.is_none_or(|w| w == *size);
                *d.shape != Shape::Null && sizes.len() == d.shape.rank() && sizes.iter().zip(d.shape.dims()).all(same)
            }
            Condition::Chunked(wanted) => d.layout.chunk().is_some() == *wanted,
            Condition::Compressed(wanted) => d.layout.filters().iter().any(Filter::compresses) == *wanted,
        }
    }
}

impl AttrCondition {
    /// Does it hold for the attribute of this name, if there is one?
    pub fn holds(&self, seen: Option<&AttrSeen>) -> bool {
        match (&self.is, seen) {
            (AttrIs::Present, seen) => seen.is_some(),
            (AttrIs::Absent, seen) => seen.is_none(),
            (AttrIs::Like(_) | AttrIs::Equal(_), None | Some(AttrSeen::Opaque { .. })) => false,
            (AttrIs::Like(glob), Some(AttrSeen::Value(value))) => {
                let count = value.data.count(&value.dtype);
                (0..count).filter_map(|at| decode_one(&value.data, &value.dtype, at)).any(|one| glob.matches(&one))
            }
            (AttrIs::Equal(wanted), Some(AttrSeen::Value(value))) => {
                let one = value.shape != Shape::Null && value.data.count(&value.dtype) == 1;
                one && decode_one(&value.data, &value.dtype, 0).is_some_and(|seen| same_number(&seen, wanted, &value.dtype))
            }
        }
    }
}

impl TextGlob {
    fn matches(&self, value: &Literal) -> bool {
        matches!(value, Literal::Text(text) if self.0.is_match(text))
    }
}

/// Are numbers equal, a float being rounded to the type that the other one has?
fn same_number(seen: &Literal, wanted: &Literal, dtype: &Dtype) -> bool {
    match (seen, wanted) {
        (Literal::Int(a), Literal::Int(b)) => a == b,
        (Literal::Int(a), Literal::Float(b)) => *a as f64 == *b && *b as i128 == *a,
        (Literal::Float(_), Literal::Int(_) | Literal::Float(_)) => {
            let rounded = super::encode_one(wanted, dtype).ok().and_then(|one| decode_one(&one, dtype, 0));
            matches!((seen, rounded), (Literal::Float(a), Some(Literal::Float(b))) if *a == b)
        }
        _ => false,
    }
}

impl Each {
    /// Is it about such an object, as far as its attributes are not asked for?
    pub fn is_for(&self, subject: &Subject<'_>) -> bool {
        self.kind.is_none_or(|kind| kind == subject.kind()) && self.conditions.iter().all(|c| c.holds(subject))
    }

    /// Do the conditions on attributes hold?
    pub fn holds<'a>(&self, attr: impl Fn(&[u8]) -> Option<&'a AttrSeen>) -> bool {
        self.attr_conditions.iter().all(|c| c.holds(attr(&c.name)))
    }

    /// Attributes that must be read of what it is about.
    pub fn need(&self) -> Need {
        let mut need = Need::default();
        need.attrs.extend(self.attr_conditions.iter().map(|c| c.name.clone()));
        need.add_attrs(&self.attrs);
        need
    }
}

/// Expressions that are matched together: of many more, the automaton that the library makes while it matches has more states than it keeps
/// at once, and everything becomes a hundred times slower.
const TOGETHER: usize = 64;

/// The globs of several lists at once: which lists have one that matches?
pub struct Matcher<'a> {
    lists: Vec<&'a [Glob]>,
    /// The lists that have this path's text.
    literal: HashMap<&'a str, Vec<usize>>,
    /// Globs with wildcards, and the list of each.
    sets: Vec<(Regex, Vec<usize>)>,
    /// The lists that match everything.
    everywhere: Vec<usize>,
    /// What globs begin with, in order.
    beginnings: Vec<&'a str>,
    /// Of these, what is followed by a wildcard.
    wild: HashSet<&'a [u8]>,
}

impl<'a> Matcher<'a> {
    /// Puts them together.
    pub fn new(lists: impl Iterator<Item = &'a [Glob]>) -> Self {
        let lists: Vec<&[Glob]> = lists.collect();
        let (mut literal, mut everywhere): (HashMap<&str, Vec<usize>>, Vec<usize>) = (HashMap::new(), Vec::new());
        let (mut beginnings, mut wild, mut patterns) = (Vec::new(), HashSet::new(), Vec::new());
        for (number, glob) in lists.iter().enumerate().flat_map(|(n, list)| list.iter().map(move |glob| (n, glob))) {
            beginnings.push(glob.plain());
            match glob.source() {
                Some(_) if glob.matches_everything() => everywhere.push(number),
                Some(source) => patterns.push((source, number)),
                None => literal.entry(glob.text()).or_default().push(number),
            }
            if glob.source().is_some() {
                wild.insert(glob.plain().as_bytes());
            }
        }
        beginnings.sort_unstable();
        let mut sets = Vec::new();
        for some in patterns.chunks(TOGETHER) {
            let (sources, list_of): (Vec<&str>, Vec<usize>) = some.iter().copied().unzip();
            match compile(&sources) {
                Ok(set) => sets.push((set, list_of)),
                // Too much together: each by itself, as it was compiled before.
                Err(_) => sets.extend(some.iter().filter_map(|(source, n)| Some((compile(&[*source]).ok()?, vec![*n])))),
            }
        }
        Self { lists, literal, sets, everywhere, beginnings, wild }
    }

    /// The numbers of the lists that match, in order.
    pub fn hits(&self, path: &H5Path) -> Vec<usize> {
        if path.is_root() {
            return (0..self.lists.len()).filter(|&n| self.lists[n].iter().any(|glob| glob.matches(path))).collect();
        }
        let text = path.to_string();
        let mut out = self.everywhere.clone();
        out.extend(self.literal.get(text.as_str()).into_iter().flatten());
        for (set, list_of) in &self.sets {
            // One alone is asked in the quicker way.
            if list_of.len() == 1 {
                out.extend(list_of.iter().filter(|_| set.is_match(&text)));
                continue;
            }
            let mut hits = PatternSet::new(list_of.len());
            set.which_overlapping_matches(&Input::new(&text), &mut hits);
            out.extend(hits.iter().map(|at| list_of[at.as_usize()]));
        }
        out.sort_unstable();
        out.dedup();
        out
    }

    /// May one of them match something below this path?
    pub fn leads_on(&self, path: &H5Path) -> bool {
        let text = path.to_string();
        let text = text.trim_end_matches('/');
        let below = format!("{text}/");
        let at = self.beginnings.partition_point(|beginning| *beginning < below.as_str());
        let named = self.beginnings.get(at).is_some_and(|beginning| beginning.starts_with(&below));
        named || (0..=text.len()).any(|end| self.wild.contains(&text.as_bytes()[..end]))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path(text: &str) -> H5Path {
        H5Path::parse(text).unwrap()
    }

    #[test]
    fn together_as_each_by_itself() {
        let texts = ["/**", "/a/*", "/a/b", "/*/b", "/", "/a/**/c?", "/{a,x}/b*", "/a/b/c/d", "/é?", "/q/r*/s"];
        let mut lists: Vec<Vec<Glob>> = texts.iter().map(|text| vec![Glob::new(text).unwrap()]).collect();
        lists.push(["/a/b", "/z*", "/a/b*"].iter().map(|text| Glob::new(text).unwrap()).collect());
        lists.extend((0..2 * TOGETHER).map(|n| vec![Glob::new(&format!("/*{n:03}")).unwrap()]));
        for some in [&lists[..], &lists[1..], &lists[1..4], &[]] {
            let matcher = Matcher::new(some.iter().map(Vec::as_slice));
            for path in
                ["/", "/a", "/a/b", "/a/b/c1", "/x/bcd", "/z1", "/éö", "/n017", "/n100", "/q", "/q/ra", "/q/s", "/ab", "/é"].map(path)
            {
                let hits: Vec<usize> = (0..some.len()).filter(|&n| some[n].iter().any(|glob| glob.matches(&path))).collect();
                assert_eq!(matcher.hits(&path), hits, "{path}");
                assert_eq!(matcher.leads_on(&path), some.iter().flatten().any(|glob| glob.may_match_below(&path)), "{path}");
            }
        }
    }

    #[test]
    fn thousands_of_globs_cost_little_each() {
        let lists: Vec<Vec<Glob>> = (0..4000).map(|n| vec![Glob::new(&format!("/*{n:05}")).unwrap()]).collect();
        let matcher = Matcher::new(lists.iter().map(Vec::as_slice));
        for n in 0..1000 {
            let path = path(&format!("/group{n:05}"));
            assert_eq!(matcher.hits(&path), [n]);
        }
        // Where all of them are one, the same takes a hundred times as long.
        assert!(matcher.sets.iter().all(|(_, list_of)| list_of.len() <= TOGETHER));
    }
}
