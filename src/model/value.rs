//! Elements whose parts live outside of them: sequences, variable strings, references, and records or arrays of these.

use std::fmt;

use super::{Elements, H5Path, Selected, bytes_text};

/// One element of a dtype that has outside data.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Value {
    /// A part without outside data, in the file's layout.
    Plain(Vec<u8>),
    /// A variable-length string; `None` is HDF5's null string.
    Text(Option<Vec<u8>>),
    /// The elements of a variable-length sequence, or all those of an array, row-major.
    List(Elements),
    /// A compound's members, in the type's order.
    Record(Vec<Value>),
    /// A reference; `None` points to nothing.
    Reference(Option<Referent>),
}

/// What a reference points to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Referent {
    /// The object.
    pub target: Target,
    /// All of it, or what of it.
    pub part: Part,
}

/// Which part of an object a reference means.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Part {
    /// The object.
    Whole,
    /// Elements of a dataset.
    Region(Selected),
    /// An attribute.
    Attr(Vec<u8>),
}

/// An object that a reference or a committed type names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    /// By its path.
    Path(H5Path),
    /// By its address, where no path is known: before the file's names are looked up, or because it has none.
    Address(u64),
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Target::Path(path) => path.fmt(f),
            Target::Address(address) => write!(f, "an object without a name (at {address})"),
        }
    }
}

/// Gives a target another name; leaves it as it is where the answer is `None`.
pub type Rename<'a> = &'a mut dyn FnMut(&Target) -> Option<Target>;

impl Target {
    pub(crate) fn rename(&mut self, rename: Rename<'_>) {
        if let Some(target) = rename(self) {
            *self = target;
        }
    }
}

impl Value {
    /// Bytes this value takes, for budgets.
    pub fn bytes(&self) -> usize {
        match self {
            Value::Plain(bytes) => bytes.len(),
            Value::Text(text) => text.as_ref().map_or(0, Vec::len) + 32,
            Value::List(list) => list.bytes() + 32,
            Value::Record(values) => values.iter().map(Value::bytes).sum::<usize>() + 32,
            Value::Reference(_) => 64,
        }
    }

    /// Calls `rename` for every object that is referred to.
    pub fn rename_targets(&mut self, rename: Rename<'_>) {
        match self {
            Value::Plain(_) | Value::Text(_) | Value::Reference(None) => {}
            Value::List(list) => list.rename_targets(rename),
            Value::Record(values) => values.iter_mut().for_each(|v| v.rename_targets(rename)),
            Value::Reference(Some(referent)) => referent.target.rename(rename),
        }
    }

    /// Calls `visit` for every object that is referred to.
    pub fn targets(&self, visit: &mut dyn FnMut(&Target)) {
        match self {
            Value::Plain(_) | Value::Text(_) | Value::Reference(None) => {}
            Value::List(list) => list.targets(visit),
            Value::Record(values) => values.iter().for_each(|v| v.targets(visit)),
            Value::Reference(Some(referent)) => visit(&referent.target),
        }
    }
}

impl fmt::Display for Referent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.part {
            Part::Whole => write!(f, "{}", self.target),
            Part::Region(selected) => write!(f, "{} [{selected}]", self.target),
            Part::Attr(name) => write!(f, "{}@{}", self.target, bytes_text(name)),
        }
    }
}
