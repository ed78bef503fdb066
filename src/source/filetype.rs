//! Element types as NumPy's `descr` names them.

use std::fmt;

use super::Cause;
use crate::model::Order;

/// Longest element, in bytes: blocks of a few MiB must hold several.
const MAX_ELEMENT: usize = 1 << 20;

/// A number that machines calculate with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Number {
    I8,
    I16,
    I32,
    I64,
    U8,
    U16,
    U32,
    U64,
    F16,
    F32,
    F64,
}

impl Number {
    /// By kind (`i`, `u`, `f`) and bytes.
    pub(super) fn new(kind: char, size: usize) -> Option<Self> {
        Some(match (kind, size) {
            ('i', 1) => Number::I8,
            ('i', 2) => Number::I16,
            ('i', 4) => Number::I32,
            ('i', 8) => Number::I64,
            ('u', 1) => Number::U8,
            ('u', 2) => Number::U16,
            ('u', 4) => Number::U32,
            ('u', 8) => Number::U64,
            ('f', 2) => Number::F16,
            ('f', 4) => Number::F32,
            ('f', 8) => Number::F64,
            _ => return None,
        })
    }

    fn kind(self) -> char {
        match self {
            Number::I8 | Number::I16 | Number::I32 | Number::I64 => 'i',
            Number::U8 | Number::U16 | Number::U32 | Number::U64 => 'u',
            Number::F16 | Number::F32 | Number::F64 => 'f',
        }
    }

    /// Bytes.
    pub(super) fn size(self) -> usize {
        match self {
            Number::I8 | Number::U8 => 1,
            Number::I16 | Number::U16 | Number::F16 => 2,
            Number::I32 | Number::U32 | Number::F32 => 4,
            Number::I64 | Number::U64 | Number::F64 => 8,
        }
    }
}

/// What one element of an npy file is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum FileType {
    /// One byte, 0 or 1.
    Bool,
    Real(Number, Order),
    /// Two floats.
    Complex(Number, Order),
    /// That many bytes, filled up with NUL.
    Bytes(usize),
    /// That many characters of UTF-32, filled up with NUL.
    Text(usize, Order),
}

impl FileType {
    /// From NumPy's `descr`, as `<f8`.
    pub(super) fn parse(descr: &str) -> Result<Self, Cause> {
        let unsupported = || Cause::new(format!("the dtype {descr:?} is not supported")).help(remedy(descr));
        let (order, rest) = match descr.split_at_checked(1) {
            Some((">", rest)) => (Order::Big, rest),
            Some(("<" | "|" | "=", rest)) => (Order::Little, rest),
            _ => (Order::Little, descr),
        };
        let (kind, size) = rest.split_at_checked(1).ok_or_else(unsupported)?;
        if !size.bytes().all(|b| b.is_ascii_digit()) {
            return Err(unsupported());
        }
        let size: usize = size.parse().map_err(|_| unsupported())?;
        let parsed = match kind {
            "b" | "?" if size == 1 => FileType::Bool,
            "i" => FileType::Real(Number::new('i', size).ok_or_else(unsupported)?, order),
            "u" => FileType::Real(Number::new('u', size).ok_or_else(unsupported)?, order),
            "f" => FileType::Real(Number::new('f', size).ok_or_else(unsupported)?, order),
            "c" if matches!(size, 8 | 16) => FileType::Complex(Number::new('f', size / 2).ok_or_else(unsupported)?, order),
            "S" | "a" => FileType::Bytes(size),
            "U" => FileType::Text(size, order),
            _ => return Err(unsupported()),
        };
        match (parsed, size) {
            (FileType::Bytes(_) | FileType::Text(..), 0) => Err(Cause::new("the file holds strings of no bytes")),
            (FileType::Bytes(_), 1..=MAX_ELEMENT) => Ok(parsed),
            (FileType::Text(..), 1..) if size <= MAX_ELEMENT / 4 => Ok(parsed),
            (FileType::Bytes(_) | FileType::Text(..), _) => {
                Err(Cause::new(format!("the file holds strings of {size} characters; {MAX_ELEMENT} bytes are the limit")))
            }
            _ => Ok(parsed),
        }
    }

    /// Bytes of one element, at least 1.
    pub(super) fn size(self) -> usize {
        match self {
            FileType::Bool => 1,
            FileType::Real(n, _) => n.size(),
            FileType::Complex(n, _) => 2 * n.size(),
            FileType::Bytes(n) => n,
            FileType::Text(n, _) => 4 * n,
        }
    }

    /// The manifest's dtype that holds it.
    pub(super) fn manifest_name(self) -> String {
        match self {
            FileType::Bool => "bool".into(),
            FileType::Real(n, _) => format!("{}{}", n.kind(), n.size()),
            FileType::Complex(n, _) => format!("complex{}", n.size() * 16),
            FileType::Bytes(n) => format!("S{n}"),
            FileType::Text(..) => "str".into(),
        }
    }
}

fn remedy(descr: &str) -> &'static str {
    match descr.trim_start_matches(['<', '>', '|', '=']).chars().next() {
        Some('O') => "h5mason reads no pickled objects; save the array with a plain dtype",
        Some('M' | 'm') => "save dates as integers: array.astype(\"i8\")",
        _ => "save the array with one of the dtypes b1, i1 to i8, u1 to u8, f2 to f8, c8, c16, S, U",
    }
}

/// NumPy's name.
impl fmt::Display for FileType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            FileType::Bool => f.write_str("bool"),
            FileType::Real(n, Order::Big) if n.size() > 1 => write!(f, ">{}{}", n.kind(), n.size()),
            FileType::Real(n, _) => {
                let word = match n.kind() {
                    'i' => "int",
                    'u' => "uint",
                    _ => "float",
                };
                write!(f, "{word}{}", n.size() * 8)
            }
            FileType::Complex(n, Order::Big) => write!(f, ">c{}", n.size() * 2),
            FileType::Complex(n, Order::Little) => write!(f, "complex{}", n.size() * 16),
            FileType::Bytes(n) => write!(f, "S{n}"),
            FileType::Text(n, _) => write!(f, "U{n}"),
        }
    }
}
