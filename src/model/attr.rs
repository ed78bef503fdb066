//! Attributes: values, and the rules a manifest gives for them.

use super::{Dtype, Elements, H5Path, Literal, MaxShape, Shape, Tolerance};

/// An attribute's value as a file holds it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AttrValue {
    /// Element type.
    pub dtype: Dtype,
    /// Dataspace.
    pub shape: Shape,
    /// The dataspace's largest extent, where it is not the shape: it means nothing for an attribute, but files have it.
    pub max: Option<MaxShape>,
    /// As many elements as the shape says.
    pub data: Elements,
}

impl AttrValue {
    /// Is it the same attribute as is wanted: type, dataspace, and elements (floats by their bits, any NaN equal)? A largest extent
    /// counts where one is asked for.
    pub fn same(&self, other: &AttrValue) -> bool {
        self.same_within(other, Tolerance::NONE)
    }

    /// [`AttrValue::same`], with floats that may be apart.
    pub fn same_within(&self, other: &AttrValue, tolerance: Tolerance) -> bool {
        let max = other.max.is_none() || self.max == other.max;
        self.dtype == other.dtype && self.shape == other.shape && max && self.data.all_within(&other.data, &self.dtype, tolerance)
    }

    /// Does it need another object to be there: one that it refers to, or a committed type?
    pub fn refers(&self) -> bool {
        self.dtype.has_references() || self.dtype.any_part(&|d| d.committed().is_some())
    }

    /// Bytes the value takes in the file, about.
    pub fn bytes(&self) -> u64 {
        match &self.data {
            Elements::Fixed(bytes) => bytes.len() as u64,
            Elements::Strings(list) => list.iter().map(|s| s.as_ref().map_or(0, Vec::len) as u64 + 16).sum(),
            Elements::Nested(list) => list.iter().map(|v| v.bytes() as u64).sum(),
        }
    }
}

/// A value to set, with what the manifest says of its representation.
#[derive(Clone, Debug, PartialEq)]
pub struct AttrSpec {
    /// The value as written.
    pub literal: Literal,
    /// Exact dtype; without it the value adapts to the attribute that exists.
    pub dtype: Option<Box<Dtype>>,
    /// Exact shape; without it the nesting says it, and scalar equals one element.
    pub shape: Option<Shape>,
    /// The dataspace's largest extent.
    pub max: Option<MaxShape>,
}

/// Where a text is put.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// Before what is there.
    Front,
    /// Behind what is there.
    End,
}

/// What a manifest says of one attribute.
#[derive(Clone, Debug, PartialEq)]
pub enum AttrRule {
    /// This value.
    Set(AttrSpec),
    /// A null dataspace of this type.
    Empty(Dtype),
    /// No such attribute.
    Absent,
    /// Create if missing, else leave alone.
    Default(AttrSpec),
    /// Change if present, else leave alone.
    Replace(AttrSpec),
    /// The value that stood under another name; set `value` afterwards, or if neither exists.
    RenameFrom { from: Vec<u8>, value: Option<AttrSpec> },
    /// The first value of a pair becomes the second one, for every element; other values stay.
    Map(Vec<(Literal, Literal)>),
    /// The value stays, in this element type.
    Cast(Dtype),
    /// A text joins the one that is there, unless that contains it.
    Join { side: Side, spec: AttrSpec },
    /// What another attribute is in the end; without a path, one of the same object.
    CopyFrom { path: Option<H5Path>, name: Vec<u8> },
}

impl AttrRule {
    /// Is there an attribute by it where there was none?
    pub fn makes(&self) -> bool {
        match self {
            AttrRule::Set(_) | AttrRule::Empty(_) | AttrRule::Default(_) | AttrRule::RenameFrom { value: Some(_), .. } => true,
            AttrRule::Absent
            | AttrRule::Replace(_)
            | AttrRule::RenameFrom { value: None, .. }
            | AttrRule::Map(_)
            | AttrRule::Cast(_)
            | AttrRule::Join { .. }
            | AttrRule::CopyFrom { .. } => false,
        }
    }

    /// The dtype that it names, if any.
    pub fn dtype(&self) -> Option<&Dtype> {
        match self {
            AttrRule::Set(spec)
            | AttrRule::Default(spec)
            | AttrRule::Replace(spec)
            | AttrRule::RenameFrom { value: Some(spec), .. }
            | AttrRule::Join { spec, .. } => spec.dtype.as_deref(),
            AttrRule::Empty(dtype) | AttrRule::Cast(dtype) => Some(dtype),
            AttrRule::Absent | AttrRule::RenameFrom { value: None, .. } | AttrRule::Map(_) | AttrRule::CopyFrom { .. } => None,
        }
    }

    /// [`AttrRule::dtype`], to be changed.
    pub fn dtype_mut(&mut self) -> Option<&mut Dtype> {
        match self {
            AttrRule::Set(spec)
            | AttrRule::Default(spec)
            | AttrRule::Replace(spec)
            | AttrRule::RenameFrom { value: Some(spec), .. }
            | AttrRule::Join { spec, .. } => spec.dtype.as_deref_mut(),
            AttrRule::Empty(dtype) | AttrRule::Cast(dtype) => Some(dtype),
            AttrRule::Absent | AttrRule::RenameFrom { value: None, .. } | AttrRule::Map(_) | AttrRule::CopyFrom { .. } => None,
        }
    }

    /// Could the value come near the 64 KiB that an old object header holds?
    pub fn may_be_large(&self) -> bool {
        let large = |spec: &AttrSpec| spec.literal.bytes_about() > 30_000;
        match self {
            AttrRule::Set(spec) | AttrRule::Default(spec) | AttrRule::Replace(spec) | AttrRule::RenameFrom { value: Some(spec), .. } => {
                large(spec)
            }
            AttrRule::Empty(_) | AttrRule::Absent | AttrRule::RenameFrom { value: None, .. } => false,
            // That depends on what is there.
            AttrRule::Map(_) | AttrRule::Cast(_) | AttrRule::Join { .. } | AttrRule::CopyFrom { .. } => true,
        }
    }
}
