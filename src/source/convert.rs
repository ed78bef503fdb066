//! Lossless conversions from what a file holds to a dataset's dtype.

use half::f16;

use super::Cause;
use super::filetype::{FileType, Number};
use crate::model::{Charset, Dtype, Elements, Literal, Order, Padding, StringLength, StringType, encode_one};

/// Little-endian numbers into little-endian numbers, appended.
type Cast = fn(&[u8], &mut Vec<u8>);

/// How blocks of a file become elements.
pub(super) enum Converter {
    /// As they are.
    Copy,
    /// Every so many bytes reversed.
    Swap(usize),
    /// Bytes that must be 0 or 1.
    Flags,
    /// Numbers of another type; `swap_in`, `swap_out`: bytes of big-endian numbers before and after.
    Numbers { swap_in: Option<usize>, cast: Cast, swap_out: Option<usize> },
    /// Text, each element checked. `verbatim`: ASCII bytes may be copied.
    Strings { filetype: FileType, dtype: Dtype, verbatim: bool },
}

/// An element that cannot be converted.
#[derive(Debug)]
pub(super) struct BadElement {
    /// Which one of the block.
    pub(super) index: usize,
    pub(super) cause: String,
}

/// What a dtype is to a file of numbers.
enum Target {
    Bool,
    Real(Number, Order),
    Complex(Number, Order),
    String(StringType),
    Other,
}

fn target(dtype: &Dtype) -> Target {
    let float = |t: &crate::model::FloatType| t.as_ieee().and_then(|order| Some((Number::new('f', t.size)?, order)));
    let dtype = dtype.resolved();
    if dtype.is_bool() {
        return Target::Bool;
    }
    if let Some((number, order)) = dtype.as_complex().and_then(float) {
        return Target::Complex(number, order);
    }
    let found = match dtype {
        Dtype::Int(t) if t.is_standard() => {
            Number::new(if t.signed { 'i' } else { 'u' }, t.size).map(|number| Target::Real(number, t.order))
        }
        Dtype::Float(t) => float(t).map(|(number, order)| Target::Real(number, order)),
        Dtype::Complex(t) => float(t).map(|(number, order)| Target::Complex(number, order)),
        Dtype::String(t) => Some(Target::String(t.clone())),
        _ => None,
    };
    found.unwrap_or(Target::Other)
}

impl Converter {
    /// Refuses conversions that could lose anything.
    pub(super) fn new(filetype: FileType, dtype: &Dtype) -> Result<Self, Cause> {
        let declare = format!("declare dtype = \"{}\" or convert the file", filetype.manifest_name());
        let lossy = || Cause::new(format!("{filetype} into {dtype} could lose values")).help(&declare);
        match (filetype, target(dtype)) {
            (FileType::Bool, Target::Bool) => Ok(Converter::Flags),
            (FileType::Real(from, order), Target::Real(to, wanted)) => {
                numbers(cast(from, to).map(|casts| casts.real), (from, order), (to, wanted)).ok_or_else(lossy)
            }
            (FileType::Real(from, order), Target::Complex(to, wanted)) => {
                let casts = cast(from, to).ok_or_else(lossy)?;
                let (swap_in, swap_out) = (swap(from, order), swap(to, wanted));
                Ok(Converter::Numbers { swap_in, cast: casts.complex, swap_out })
            }
            (FileType::Complex(from, order), Target::Complex(to, wanted)) => {
                numbers(cast(from, to).map(|casts| casts.real), (from, order), (to, wanted)).ok_or_else(lossy)
            }
            (FileType::Complex(..), Target::Real(..)) => Err(lossy()),
            (FileType::Bytes(size), Target::String(t)) => match t.length {
                StringLength::Fixed(n) if size > n => Err(Cause::new(format!("{filetype} does not fit {dtype}")).help(&declare)),
                StringLength::Fixed(n) => {
                    let verbatim = size == n && t.padding == Padding::NullPad;
                    Ok(Converter::Strings { filetype, dtype: dtype.clone(), verbatim })
                }
                StringLength::Variable => Ok(Converter::Strings { filetype, dtype: dtype.clone(), verbatim: false }),
            },
            (FileType::Text(..), Target::String(_)) => Ok(Converter::Strings { filetype, dtype: dtype.clone(), verbatim: false }),
            (
                FileType::Bool | FileType::Real(..) | FileType::Complex(..) | FileType::Bytes(_) | FileType::Text(..),
                Target::Bool | Target::Real(..) | Target::Complex(..) | Target::String(_) | Target::Other,
            ) => Err(Cause::new(format!("{filetype} cannot become {dtype}")).help(&declare)),
        }
    }

    /// Does a block of bytes become elements without another copy?
    pub(super) fn in_place(&self) -> bool {
        match self {
            Converter::Copy | Converter::Swap(_) | Converter::Flags => true,
            Converter::Numbers { .. } | Converter::Strings { .. } => false,
        }
    }

    /// The elements of a block.
    pub(super) fn convert(&self, mut raw: Vec<u8>) -> Result<Elements, BadElement> {
        match self {
            Converter::Copy => Ok(Elements::Fixed(raw)),
            Converter::Swap(width) => {
                reverse(&mut raw, *width);
                Ok(Elements::Fixed(raw))
            }
            Converter::Flags => match raw.iter().position(|&b| b > 1) {
                Some(index) => Err(BadElement { index, cause: format!("the byte {} is neither true nor false", raw[index]) }),
                None => Ok(Elements::Fixed(raw)),
            },
            Converter::Numbers { swap_in, cast, swap_out } => {
                if let Some(width) = *swap_in {
                    reverse(&mut raw, width);
                }
                let mut out = Vec::new();
                cast(&raw, &mut out);
                if let Some(width) = *swap_out {
                    reverse(&mut out, width);
                }
                Ok(Elements::Fixed(out))
            }
            Converter::Strings { verbatim: true, .. } if raw.is_ascii() => Ok(Elements::Fixed(raw)),
            Converter::Strings { filetype, dtype, .. } => strings(*filetype, dtype, &raw),
        }
    }
}

fn swap(number: Number, order: Order) -> Option<usize> {
    (order == Order::Big && number.size() > 1).then_some(number.size())
}

fn numbers(cast: Option<Cast>, from: (Number, Order), to: (Number, Order)) -> Option<Converter> {
    let cast = cast?;
    let (swap_in, swap_out) = (swap(from.0, from.1), swap(to.0, to.1));
    Some(match (from.0 == to.0, swap_in.or(swap_out)) {
        (true, Some(width)) if swap_in != swap_out => Converter::Swap(width),
        (true, _) => Converter::Copy,
        (false, _) => Converter::Numbers { swap_in, cast, swap_out },
    })
}

/// Reverses every `width` bytes.
pub(super) fn reverse(bytes: &mut [u8], width: usize) {
    fn fixed<const N: usize>(bytes: &mut [u8]) {
        bytes.chunks_exact_mut(N).for_each(<[u8]>::reverse);
    }
    match width {
        2 => fixed::<2>(bytes),
        4 => fixed::<4>(bytes),
        8 => fixed::<8>(bytes),
        _ => bytes.chunks_exact_mut(width.max(1)).for_each(<[u8]>::reverse),
    }
}

/// A number as little-endian bytes.
trait Wire: Copy + Default {
    const SIZE: usize;
    fn get(bytes: &[u8]) -> Self;
    fn put(self, out: &mut [u8]);
}

macro_rules! wire {
    ($($t:ty)*) => {$(
        impl Wire for $t {
            const SIZE: usize = size_of::<$t>();
            fn get(bytes: &[u8]) -> Self {
                let mut own = [0; size_of::<$t>()];
                own.copy_from_slice(bytes);
                Self::from_le_bytes(own)
            }
            fn put(self, out: &mut [u8]) {
                out.copy_from_slice(&self.to_le_bytes());
            }
        }
    )*};
}
wire!(i8 i16 i32 i64 u8 u16 u32 u64 f16 f32 f64);

fn real<A: Wire, B: Wire + From<A>>(raw: &[u8], out: &mut Vec<u8>) {
    out.resize(raw.len() / A::SIZE * B::SIZE, 0);
    for (from, to) in raw.chunks_exact(A::SIZE).zip(out.chunks_exact_mut(B::SIZE)) {
        B::from(A::get(from)).put(to);
    }
}

/// The imaginary part is 0.
fn complex<A: Wire, B: Wire + From<A>>(raw: &[u8], out: &mut Vec<u8>) {
    out.resize(raw.len() / A::SIZE * 2 * B::SIZE, 0);
    for (from, to) in raw.chunks_exact(A::SIZE).zip(out.chunks_exact_mut(2 * B::SIZE)) {
        B::from(A::get(from)).put(&mut to[..B::SIZE]);
    }
}

struct Casts {
    real: Cast,
    complex: Cast,
}

/// Only pairs in which every value of the first has an equal in the second: the pairs for which
/// `From` exists.
fn cast(from: Number, to: Number) -> Option<Casts> {
    macro_rules! table {
        ($($a:ident $at:ty => $($b:ident $bt:ty),*;)*) => {
            match (from, to) {
                $($((Number::$a, Number::$b) => Some(Casts { real: real::<$at, $bt>, complex: complex::<$at, $bt> }),)*)*
                _ => None,
            }
        };
    }
    table! {
        I8 i8 => I8 i8, I16 i16, I32 i32, I64 i64, F16 f16, F32 f32, F64 f64;
        I16 i16 => I16 i16, I32 i32, I64 i64, F32 f32, F64 f64;
        I32 i32 => I32 i32, I64 i64, F64 f64;
        I64 i64 => I64 i64;
        U8 u8 => U8 u8, U16 u16, U32 u32, U64 u64, I16 i16, I32 i32, I64 i64, F16 f16, F32 f32, F64 f64;
        U16 u16 => U16 u16, U32 u32, U64 u64, I32 i32, I64 i64, F32 f32, F64 f64;
        U32 u32 => U32 u32, U64 u64, I64 i64, F64 f64;
        U64 u64 => U64 u64;
        F16 f16 => F16 f16, F32 f32, F64 f64;
        F32 f32 => F32 f32, F64 f64;
        F64 f64 => F64 f64;
    }
}

fn strings(filetype: FileType, dtype: &Dtype, raw: &[u8]) -> Result<Elements, BadElement> {
    let mut out = Elements::empty(dtype);
    for (index, element) in raw.chunks_exact(filetype.size()).enumerate() {
        let text = match filetype {
            FileType::Text(_, order) => utf32(element, order),
            FileType::Bytes(_) | FileType::Bool | FileType::Real(..) | FileType::Complex(..) => ascii_or_utf8(element),
        };
        let one = text.and_then(|text| string_element(text, dtype));
        out.append(one.map_err(|cause| BadElement { index, cause })?);
    }
    Ok(out)
}

fn ascii_or_utf8(element: &[u8]) -> Result<String, String> {
    let end = element.iter().rposition(|&b| b != 0).map_or(0, |i| i + 1);
    String::from_utf8(element[..end].to_vec()).map_err(|_| "the text is neither ASCII nor UTF-8".into())
}

fn utf32(element: &[u8], order: Order) -> Result<String, String> {
    let code = |c: &[u8]| {
        let mut own = [0; 4];
        own.copy_from_slice(c);
        if order == Order::Big { u32::from_be_bytes(own) } else { u32::from_le_bytes(own) }
    };
    let codes: Vec<u32> = element.chunks_exact(4).map(code).collect();
    let end = codes.iter().rposition(|&c| c != 0).map_or(0, |i| i + 1);
    let character = |&c: &u32| char::from_u32(c).ok_or_else(|| format!("U+{c:04X} is not a character"));
    codes[..end].iter().map(character).collect()
}

/// One string element, refused where the dtype could not give the text back.
pub(super) fn string_element(text: String, dtype: &Dtype) -> Result<Elements, String> {
    if let Dtype::String(StringType { padding, length: StringLength::Fixed(_), charset }) = dtype.resolved() {
        let lost = match padding {
            Padding::NullTerm => text.contains('\0'),
            Padding::NullPad => text.ends_with('\0'),
            Padding::SpacePad => text.ends_with(' '),
        };
        if lost {
            return Err(format!("{text:?} does not survive the padding of {dtype}"));
        }
        if *charset == Charset::Ascii && !text.is_ascii() {
            return Err(format!("{text:?} is not ASCII; declare a UTF-8 string"));
        }
    }
    encode_one(&Literal::Text(text), dtype).map_err(|e| e.0)
}
