//! Element types: everything an HDF5 datatype can be, comparable.
//!
//! Two values are equal exactly when HDF5 would store the same type: byte order, member order,
//! offsets, string kind and tag included.

use std::fmt;

use super::{Rename, Target, bytes_text};

/// Byte order of integers, floats and bitfields. One-byte types are little-endian here.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Order {
    /// Least significant byte first.
    Little,
    /// Most significant byte first.
    Big,
}

/// A fixed-point type. The byte order of one byte means nothing: types that differ in nothing else are equal, but a
/// file keeps what it was given.
#[derive(Clone, Debug, Eq)]
pub struct IntType {
    /// Bytes.
    pub size: usize,
    /// Two's complement?
    pub signed: bool,
    /// Byte order.
    pub order: Order,
    /// Significant bits; `8 * size` for the standard types.
    pub precision: usize,
    /// Bits below the significant ones; 0 for the standard types.
    pub offset: usize,
    /// HDF5's codes for the padding below and above (0 zeros, 1 ones, 2 background).
    pub pads: (u8, u8),
}

impl PartialEq for IntType {
    fn eq(&self, other: &Self) -> bool {
        let all = |t: &Self| (t.size, t.signed, t.precision, t.offset, t.pads);
        all(self) == all(other) && (self.size == 1 || self.order == other.order)
    }
}

/// A floating-point type.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FloatType {
    /// Bytes.
    pub size: usize,
    /// Byte order; `None` is VAX's mixed order.
    pub order: Option<Order>,
    /// Significant bits.
    pub precision: usize,
    /// Bits below the significant ones.
    pub offset: usize,
    /// Bit positions and sizes: sign, exponent position, exponent size, mantissa position, mantissa size.
    pub fields: [usize; 5],
    /// Exponent bias.
    pub bias: usize,
    /// HDF5's code for mantissa normalisation (0 implied, 1 msb set, 2 none).
    pub norm: u8,
    /// HDF5's codes for the padding below, above and inside.
    pub pads: (u8, u8, u8),
}

/// Length of a string type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StringLength {
    /// Each element has its own length.
    Variable,
    /// Bytes of every element, terminator or padding included; at least 1.
    Fixed(usize),
}

/// Character set of a string type or a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Charset {
    /// ASCII.
    Ascii,
    /// UTF-8.
    Utf8,
}

/// What follows the text in a fixed-length string. Variable-length strings store it too.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Padding {
    /// Ends at the first NUL.
    NullTerm,
    /// Filled up with NUL.
    NullPad,
    /// Filled up with spaces.
    SpacePad,
}

/// A string type.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StringType {
    /// Fixed or variable.
    pub length: StringLength,
    /// ASCII or UTF-8.
    pub charset: Charset,
    /// Terminated or padded.
    pub padding: Padding,
}

/// One name of an enumeration with its value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EnumMember {
    /// The name.
    pub name: Vec<u8>,
    /// The value, in the range of the base type.
    pub value: i128,
}

/// One field of a compound type.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CompoundMember {
    /// The name.
    pub name: Vec<u8>,
    /// Byte offset in the element.
    pub offset: usize,
    /// The field's type.
    pub dtype: Dtype,
}

/// What a reference points to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RefKind {
    /// An object (the classic 8-byte kind).
    Object,
    /// A dataset region (the classic 12-byte kind).
    Region,
    /// HDF5 1.12's opaque reference.
    Any,
}

/// HDF5's own encoding of a type, which two libraries may write differently: all are equal.
#[derive(Clone, Debug)]
pub struct Encoding(pub Vec<u8>);

impl PartialEq for Encoding {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl Eq for Encoding {}

/// An element type.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Dtype {
    /// Integer.
    Int(IntType),
    /// Floating point.
    Float(FloatType),
    /// Text.
    String(StringType),
    /// Named integers. h5py's bool is one: int8 with FALSE = 0 and TRUE = 1.
    Enum {
        /// The integer type beneath.
        base: IntType,
        /// Names in the type's order.
        members: Vec<EnumMember>,
    },
    /// Record. h5py's complex is one: members r and i.
    Compound {
        /// Bytes of an element.
        size: usize,
        /// Fields in the type's order.
        members: Vec<CompoundMember>,
    },
    /// Fixed-shape array as an element.
    Array {
        /// Type of the array's elements.
        base: Box<Dtype>,
        /// Its shape.
        dims: Vec<u64>,
    },
    /// Variable-length sequence.
    Vlen(Box<Dtype>),
    /// Bytes with a tag.
    Opaque {
        /// Bytes of an element.
        size: usize,
        /// ASCII tag.
        tag: Vec<u8>,
    },
    /// Bits.
    Bitfield(IntType),
    /// Reference.
    Reference(RefKind),
    /// HDF5 2's native complex.
    Complex(FloatType),
    /// A committed type, shared by path.
    Committed {
        /// The type's object.
        at: Target,
        /// The type itself.
        dtype: Box<Dtype>,
    },
    /// A type with properties that the model leaves out (the byte order of a variable-length string's characters), which
    /// are kept, but never compared.
    Encoded {
        /// The type as the model says it.
        dtype: Box<Dtype>,
        /// `H5Tencode`.
        encoded: Encoding,
    },
    /// A type that none of the above can say, by HDF5's own encoding.
    Foreign {
        /// HDF5's class number.
        class: i32,
        /// Bytes of an element.
        size: usize,
        /// `H5Tencode`.
        encoded: Vec<u8>,
    },
}

impl IntType {
    /// A standard integer: all bits significant.
    pub fn standard(size: usize, signed: bool, order: Order) -> Self {
        Self { size, signed, order, precision: size * 8, offset: 0, pads: (0, 0) }
    }

    /// Are all bits significant, and 1, 2, 4 or 8 bytes long?
    pub fn is_standard(&self) -> bool {
        matches!(self.size, 1 | 2 | 4 | 8) && self.offset == 0 && self.precision == self.size * 8 && self.pads == (0, 0)
    }

    /// Smallest and largest value.
    pub fn range(&self) -> (i128, i128) {
        let bits = self.precision.clamp(1, 126);
        if self.signed { (-(1i128 << (bits - 1)), (1i128 << (bits - 1)) - 1) } else { (0, (1i128 << bits) - 1) }
    }
}

impl FloatType {
    /// IEEE 754 binary16, binary32 or binary64 by size in bytes (2, 4, 8).
    pub fn ieee(size: usize, order: Order) -> Self {
        let (exponent, mantissa) = match size {
            2 => (5, 10),
            4 => (8, 23),
            _ => (11, 52),
        };
        Self {
            size,
            order: Some(order),
            precision: size * 8,
            offset: 0,
            fields: [size * 8 - 1, mantissa, exponent, 0, mantissa],
            bias: (1 << (exponent - 1)) - 1,
            norm: 0,
            pads: (0, 0, 0),
        }
    }

    /// The byte order, if this is exactly an IEEE 754 type of 2, 4 or 8 bytes.
    pub fn as_ieee(&self) -> Option<Order> {
        let order = self.order?;
        (matches!(self.size, 2 | 4 | 8) && *self == Self::ieee(self.size, order)).then_some(order)
    }
}

impl Dtype {
    /// A standard integer, little-endian.
    pub fn int(size: usize, signed: bool) -> Self {
        Dtype::Int(IntType::standard(size, signed, Order::Little))
    }

    /// An IEEE float of 2, 4 or 8 bytes, little-endian.
    pub fn float(size: usize) -> Self {
        Dtype::Float(FloatType::ieee(size, Order::Little))
    }

    /// h5py's bool: an enumeration over int8 with FALSE = 0 and TRUE = 1.
    pub fn bool() -> Self {
        let member = |name: &[u8], value| EnumMember { name: name.to_vec(), value };
        Dtype::Enum { base: IntType::standard(1, true, Order::Little), members: vec![member(b"FALSE", 0), member(b"TRUE", 1)] }
    }

    /// h5py's complex: a compound of two floats r and i, each of `size` bytes.
    pub fn complex(size: usize, order: Order) -> Self {
        let part = || Dtype::Float(FloatType::ieee(size, order));
        let member = |name: &[u8], offset| CompoundMember { name: name.to_vec(), offset, dtype: part() };
        Dtype::Compound { size: 2 * size, members: vec![member(b"r", 0), member(b"i", size)] }
    }

    /// Variable-length UTF-8, null-terminated, as h5py writes `str`.
    pub fn str() -> Self {
        Dtype::String(StringType { length: StringLength::Variable, charset: Charset::Utf8, padding: Padding::NullTerm })
    }

    /// Fixed-length ASCII, null-padded, as NumPy's `S`.
    pub fn fixed_ascii(size: usize) -> Self {
        Dtype::String(StringType { length: StringLength::Fixed(size.max(1)), charset: Charset::Ascii, padding: Padding::NullPad })
    }

    /// Is it h5py's bool?
    pub fn is_bool(&self) -> bool {
        *self == Dtype::bool()
    }

    /// The two floats' type, if it is h5py's complex.
    pub fn as_complex(&self) -> Option<&FloatType> {
        let Dtype::Compound { size, members } = self else { return None };
        match members.as_slice() {
            [r, i] if r.name == b"r" && i.name == b"i" && r.offset == 0 && r.dtype == i.dtype => match &r.dtype {
                Dtype::Float(f) if f.as_ieee().is_some() && i.offset == f.size && *size == 2 * f.size => Some(f),
                _ => None,
            },
            _ => None,
        }
    }

    /// The type without the knowledge where it is committed.
    pub fn resolved(&self) -> &Dtype {
        match self {
            Dtype::Committed { dtype, .. } | Dtype::Encoded { dtype, .. } => dtype.resolved(),
            other => other,
        }
    }

    /// Is it the same type, whatever the byte order? For netCDF it is.
    pub fn is_in_any_order(&self, other: &Dtype) -> bool {
        match (self.resolved(), other.resolved()) {
            (Dtype::Int(a), Dtype::Int(b)) => IntType { order: b.order, ..a.clone() } == *b,
            (Dtype::Float(a), Dtype::Float(b)) => FloatType { order: b.order, ..a.clone() } == *b,
            (a, b) => a == b,
        }
    }

    /// Gives a committed type another name.
    pub fn rename_targets(&mut self, rename: Rename<'_>) {
        if let Dtype::Committed { at, .. } = self {
            at.rename(rename);
        }
    }

    /// The committed type's object, if it is one.
    pub fn committed(&self) -> Option<&Target> {
        match self {
            Dtype::Committed { at, .. } => Some(at),
            _ => None,
        }
    }

    /// Is this one of a kind of types, or is any type that its elements are made of or lead to?
    pub fn any_part(&self, is: &impl Fn(&Dtype) -> bool) -> bool {
        let below = match self {
            Dtype::Compound { members, .. } => members.iter().any(|m| m.dtype.any_part(is)),
            Dtype::Array { base, .. } | Dtype::Vlen(base) => base.any_part(is),
            Dtype::Committed { dtype, .. } | Dtype::Encoded { dtype, .. } => dtype.any_part(is),
            Dtype::Int(_)
            | Dtype::Float(_)
            | Dtype::String(_)
            | Dtype::Enum { .. }
            | Dtype::Opaque { .. }
            | Dtype::Bitfield(_)
            | Dtype::Reference(_)
            | Dtype::Complex(_)
            | Dtype::Foreign { .. } => false,
        };
        below || is(self)
    }

    /// Does an element hold references, or lead to some?
    pub fn has_references(&self) -> bool {
        self.any_part(&|d| matches!(d, Dtype::Reference(_)))
    }

    /// Is there a sequence or a text of any length in an element? HDF5 then always writes the fill value.
    pub fn has_variable_length(&self) -> bool {
        self.any_part(&|d| matches!(d, Dtype::Vlen(_)) || d.is_variable_string())
    }

    /// Does any part of an element live outside of it (strings, sequences, references of any kind)?
    pub fn has_outside_data(&self) -> bool {
        self.any_part(&|d| matches!(d, Dtype::Vlen(_) | Dtype::Reference(_)) || d.is_variable_string())
    }

    /// Is it a variable-length string?
    pub fn is_variable_string(&self) -> bool {
        matches!(self.resolved(), Dtype::String(StringType { length: StringLength::Variable, .. }))
    }

    /// Bytes of one element as the library hands it over: in the file's own layout, with the pointers and
    /// descriptors that variable-length parts and references have in memory (LP64).
    pub fn size(&self) -> usize {
        match self {
            Dtype::Int(t) | Dtype::Bitfield(t) => t.size,
            Dtype::Float(t) => t.size,
            Dtype::String(StringType { length: StringLength::Fixed(n), .. }) => *n,
            Dtype::String(_) => 8,
            Dtype::Vlen(_) => 16,
            Dtype::Enum { base, .. } => base.size,
            Dtype::Compound { size, .. } | Dtype::Opaque { size, .. } | Dtype::Foreign { size, .. } => *size,
            Dtype::Array { base, dims } => {
                dims.iter().fold(base.size(), |n, &d| n.saturating_mul(usize::try_from(d).unwrap_or(usize::MAX)))
            }
            Dtype::Reference(RefKind::Object) => 8,
            Dtype::Reference(RefKind::Region) => 12,
            Dtype::Reference(RefKind::Any) => 64,
            Dtype::Complex(t) => 2 * t.size,
            Dtype::Committed { dtype, .. } | Dtype::Encoded { dtype, .. } => dtype.size(),
        }
    }

    /// Bytes of one element in memory, about: for cutting work into blocks. What lies outside of an element is of unknown length.
    pub fn estimated_bytes(&self) -> usize {
        const OUTSIDE: usize = 64;
        self.size() + if self.has_outside_data() { OUTSIDE } else { 0 }
    }

    /// NumPy's name where there is one (`float32`, `>u2`, `|S16` as `S16`), else the manifest's.
    pub fn numpy_name(&self) -> String {
        let ordered = |kind: char, size: usize, order: Order, plain: String| match order {
            Order::Big if size > 1 => format!(">{kind}{size}"),
            _ => plain,
        };
        match self {
            Dtype::Int(t) if t.is_standard() => {
                let (kind, word) = if t.signed { ('i', "int") } else { ('u', "uint") };
                ordered(kind, t.size, t.order, format!("{word}{}", t.size * 8))
            }
            Dtype::Float(t) if t.as_ieee().is_some() => {
                ordered('f', t.size, t.order.unwrap_or(Order::Little), format!("float{}", t.size * 8))
            }
            _ => self.to_string(),
        }
    }
}

impl fmt::Display for Order {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Order::Little => "<",
            Order::Big => ">",
        })
    }
}

/// The manifest's shortest name of a type; a description where the manifest has no short form.
impl fmt::Display for Dtype {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let prefix = |order: Order, size: usize| if order == Order::Big && size > 1 { ">" } else { "" };
        match self {
            Dtype::Int(t) if t.is_standard() => {
                write!(f, "{}{}{}", prefix(t.order, t.size), if t.signed { 'i' } else { 'u' }, t.size)
            }
            Dtype::Int(t) => write!(f, "int({} bits of {} bytes)", t.precision, t.size),
            Dtype::Float(t) => match t.as_ieee() {
                Some(order) => write!(f, "{}f{}", prefix(order, t.size), t.size),
                None => write!(f, "float({} bits of {} bytes)", t.precision, t.size),
            },
            Dtype::String(t) => {
                let charset = if t.charset == Charset::Ascii { "ascii" } else { "utf8" };
                let padding = match t.padding {
                    Padding::NullTerm => "nullterm",
                    Padding::NullPad => "nullpad",
                    Padding::SpacePad => "spacepad",
                };
                match (t.length, t.charset, t.padding) {
                    (StringLength::Variable, Charset::Utf8, Padding::NullTerm) => f.write_str("str"),
                    (StringLength::Variable, Charset::Ascii, Padding::NullTerm) => f.write_str("str(ascii)"),
                    (StringLength::Variable, ..) => write!(f, "str({charset}, {padding})"),
                    (StringLength::Fixed(n), Charset::Ascii, Padding::NullPad) => write!(f, "S{n}"),
                    (StringLength::Fixed(n), ..) => write!(f, "string({n}, {charset}, {padding})"),
                }
            }
            Dtype::Enum { .. } if self.is_bool() => f.write_str("bool"),
            Dtype::Enum { base, members } => {
                let names: Vec<String> = members.iter().take(4).map(|m| bytes_text(&m.name)).collect();
                let more = if members.len() > 4 { ", …" } else { "" };
                write!(f, "enum({}: {}{more})", Dtype::Int(base.clone()), names.join(", "))
            }
            Dtype::Compound { size, members } => match self.as_complex() {
                Some(t) if t.order == Some(Order::Big) => write!(f, ">c{}", t.size * 2),
                Some(t) if t.size >= 4 => write!(f, "complex{}", t.size * 16),
                _ => {
                    let fields: Vec<String> = members.iter().take(6).map(|m| format!("{}: {}", bytes_text(&m.name), m.dtype)).collect();
                    let more = if members.len() > 6 { ", …" } else { "" };
                    write!(f, "compound({}{more}; {size} bytes)", fields.join(", "))
                }
            },
            Dtype::Array { base, dims } => write!(f, "array({base}, {})", super::Shape::Simple(dims.clone())),
            Dtype::Vlen(base) => write!(f, "vlen({base})"),
            Dtype::Opaque { size, tag } if tag.is_empty() => write!(f, "opaque({size})"),
            Dtype::Opaque { size, tag } => write!(f, "opaque({size}, {})", bytes_text(tag)),
            Dtype::Bitfield(t) => write!(f, "{}bitfield(u{})", prefix(t.order, t.size), t.size),
            Dtype::Reference(RefKind::Object) => f.write_str("ref(object)"),
            Dtype::Reference(RefKind::Region) => f.write_str("ref(region)"),
            Dtype::Reference(RefKind::Any) => f.write_str("ref(any)"),
            Dtype::Complex(t) => write!(f, "native complex({})", Dtype::Float(t.clone())),
            Dtype::Committed { at: Target::Path(path), dtype } => write!(f, "type {path} = {dtype}"),
            Dtype::Committed { at: Target::Address(_), dtype } => write!(f, "committed {dtype}"),
            Dtype::Encoded { dtype, .. } => write!(f, "{dtype} as encoded"),
            Dtype::Foreign { class, size, .. } => write!(f, "HDF5 class {class} ({size} bytes)"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names() {
        assert_eq!(Dtype::int(4, true).to_string(), "i4");
        assert_eq!(Dtype::Int(IntType::standard(2, false, Order::Big)).to_string(), ">u2");
        assert_eq!(Dtype::Int(IntType::standard(1, false, Order::Big)).to_string(), "u1");
        assert_eq!(Dtype::float(8).numpy_name(), "float64");
        assert_eq!(Dtype::complex(4, Order::Little).to_string(), "complex64");
        assert_eq!(Dtype::complex(8, Order::Little).as_complex().map(|t| t.size), Some(8));
        assert_eq!(Dtype::bool().to_string(), "bool");
        assert_eq!(Dtype::fixed_ascii(16).to_string(), "S16");
        assert_eq!(Dtype::str().to_string(), "str");
    }

    #[test]
    fn integer_ranges() {
        assert_eq!(IntType::standard(1, true, Order::Little).range(), (-128, 127));
        assert_eq!(IntType::standard(8, false, Order::Little).range(), (0, u64::MAX as i128));
        assert_eq!(IntType::standard(8, true, Order::Little).range(), (i64::MIN as i128, i64::MAX as i128));
    }
}
