//! Dataspaces.

use std::fmt;

/// The extent of a dataspace: how many elements along each axis.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Shape {
    /// The null dataspace: no element at all.
    Null,
    /// One element, no axes.
    Scalar,
    /// Elements along each of at least one axis; zero is a size.
    Simple(Vec<u64>),
}

/// Largest size along each axis; `None` is unlimited. As long as the shape.
pub type MaxShape = Vec<Option<u64>>;

impl Shape {
    /// `[]` is scalar, anything else simple.
    pub fn from_dims(dims: &[u64]) -> Self {
        if dims.is_empty() { Shape::Scalar } else { Shape::Simple(dims.to_vec()) }
    }

    /// Sizes along the axes; empty for null and scalar.
    pub fn dims(&self) -> &[u64] {
        match self {
            Shape::Null | Shape::Scalar => &[],
            Shape::Simple(dims) => dims,
        }
    }

    /// Number of axes.
    pub fn rank(&self) -> usize {
        self.dims().len()
    }

    /// Number of elements; `None` when it overflows 64 bits.
    pub fn elements(&self) -> Option<u64> {
        match self {
            Shape::Null => Some(0),
            Shape::Scalar => Some(1),
            // A zero anywhere makes the product zero, however large the other sizes are.
            Shape::Simple(dims) if dims.contains(&0) => Some(0),
            Shape::Simple(dims) => dims.iter().try_fold(1u64, |n, &d| n.checked_mul(d)),
        }
    }
}

impl fmt::Display for Shape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Shape::Null => f.write_str("null"),
            Shape::Scalar => f.write_str("scalar"),
            Shape::Simple(dims) => {
                let sizes: Vec<String> = dims.iter().map(ToString::to_string).collect();
                write!(f, "[{}]", sizes.join(", "))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_elements() {
        assert_eq!(Shape::Null.elements(), Some(0));
        assert_eq!(Shape::Scalar.elements(), Some(1));
        assert_eq!(Shape::Simple(vec![3, 4]).elements(), Some(12));
        assert_eq!(Shape::Simple(vec![u64::MAX, 2, 0]).elements(), Some(0));
        assert_eq!(Shape::Simple(vec![u64::MAX, 2]).elements(), None);
    }
}
