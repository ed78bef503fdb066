//! Elements as Rust numbers.

use half::f16;

use super::{Dtype, Elements, FloatType, IntType, Order};

/// Elements of one numeric dtype, byte order and padding bits settled.
#[derive(Clone, Debug, PartialEq)]
pub enum Numbers {
    /// h5py's bool.
    Bool(Vec<bool>),
    /// Signed integers of up to 8 bytes.
    Int(Vec<i64>),
    /// Unsigned integers and bitfields of up to 8 bytes.
    Uint(Vec<u64>),
    /// IEEE binary16.
    F16(Vec<f16>),
    /// IEEE binary32.
    F32(Vec<f32>),
    /// IEEE binary64.
    F64(Vec<f64>),
    /// Pairs of binary32: real, imaginary.
    C64(Vec<(f32, f32)>),
    /// Pairs of binary64: real, imaginary.
    C128(Vec<(f64, f64)>),
}

impl Elements {
    /// The elements as numbers; `None` for types that are not numbers, or of sizes Rust has none for.
    pub fn numbers(&self, dtype: &Dtype) -> Option<Numbers> {
        let Elements::Fixed(bytes) = self else { return None };
        let dtype = dtype.resolved();
        match dtype {
            _ if dtype.is_bool() => Some(Numbers::Bool(bytes.iter().map(|&b| b != 0).collect())),
            Dtype::Int(t) | Dtype::Bitfield(t) => integers(bytes, t),
            Dtype::Float(t) => floats(bytes, t),
            Dtype::Complex(t) => complexes(bytes, t),
            Dtype::Compound { .. } => complexes(bytes, dtype.as_complex()?),
            Dtype::String(_)
            | Dtype::Enum { .. }
            | Dtype::Array { .. }
            | Dtype::Vlen(_)
            | Dtype::Opaque { .. }
            | Dtype::Reference(_)
            | Dtype::Committed { .. }
            | Dtype::Encoded { .. }
            | Dtype::Foreign { .. } => None,
        }
    }
}

fn integers(bytes: &[u8], t: &IntType) -> Option<Numbers> {
    if t.size > 8 || t.precision == 0 || t.offset + t.precision > t.size * 8 {
        return None;
    }
    let raw = match t.size {
        1 => words::<1>(bytes, t.order),
        2 => words::<2>(bytes, t.order),
        3 => words::<3>(bytes, t.order),
        4 => words::<4>(bytes, t.order),
        5 => words::<5>(bytes, t.order),
        6 => words::<6>(bytes, t.order),
        7 => words::<7>(bytes, t.order),
        8 => words::<8>(bytes, t.order),
        _ => return None,
    };
    // Significant bits to the top of the word, then down again with the sign or with zeros.
    let (up, down) = (64 - t.offset - t.precision, 64 - t.precision);
    Some(match t.signed {
        true => Numbers::Int(raw.into_iter().map(|v| ((v << up) as i64) >> down).collect()),
        false => Numbers::Uint(raw.into_iter().map(|v| (v << up) >> down).collect()),
    })
}

fn floats(bytes: &[u8], t: &FloatType) -> Option<Numbers> {
    let order = t.as_ieee()?;
    Some(match t.size {
        2 => Numbers::F16(words::<2>(bytes, order).into_iter().map(|v| f16::from_bits(v as u16)).collect()),
        4 => Numbers::F32(words::<4>(bytes, order).into_iter().map(|v| f32::from_bits(v as u32)).collect()),
        _ => Numbers::F64(words::<8>(bytes, order).into_iter().map(f64::from_bits).collect()),
    })
}

fn complexes(bytes: &[u8], t: &FloatType) -> Option<Numbers> {
    fn pairs<T: Copy>(v: &[T]) -> Vec<(T, T)> {
        v.chunks_exact(2).map(|c| (c[0], c[1])).collect()
    }
    match floats(bytes, t)? {
        Numbers::F32(v) => Some(Numbers::C64(pairs(&v))),
        Numbers::F64(v) => Some(Numbers::C128(pairs(&v))),
        _ => None,
    }
}

fn words<const N: usize>(bytes: &[u8], order: Order) -> Vec<u64> {
    let word = |chunk: &[u8]| {
        let mut raw = [0u8; 8];
        raw[..N].copy_from_slice(chunk);
        if order == Order::Big {
            raw[..N].reverse();
        }
        u64::from_le_bytes(raw)
    };
    bytes.chunks_exact(N).map(word).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(dtype: &Dtype, bytes: &[u8], expect: Numbers) {
        assert_eq!(Elements::Fixed(bytes.to_vec()).numbers(dtype), Some(expect), "{dtype}");
    }

    #[test]
    fn byte_orders_and_signs() {
        let big = |size, signed| Dtype::Int(IntType::standard(size, signed, Order::Big));
        check(&Dtype::int(1, true), &[0xff, 2], Numbers::Int(vec![-1, 2]));
        check(&big(2, true), &[0xff, 0xfe, 1, 0], Numbers::Int(vec![-2, 256]));
        check(&big(4, false), &[0xff, 0xff, 0xff, 0xfe], Numbers::Uint(vec![0xffff_fffe]));
        check(&Dtype::int(8, false), &[0xff; 8], Numbers::Uint(vec![u64::MAX]));
        check(&Dtype::Float(FloatType::ieee(4, Order::Big)), &1.5f32.to_be_bytes(), Numbers::F32(vec![1.5]));
        check(&Dtype::float(2), &[0, 0x3c], Numbers::F16(vec![f16::ONE]));
        check(&Dtype::bool(), &[0, 1, 1], Numbers::Bool(vec![false, true, true]));
        let pair = [1.0f64.to_be_bytes(), (-2.0f64).to_be_bytes()].concat();
        check(&Dtype::complex(8, Order::Big), &pair, Numbers::C128(vec![(1.0, -2.0)]));
        check(&Dtype::Complex(FloatType::ieee(8, Order::Big)), &pair, Numbers::C128(vec![(1.0, -2.0)]));
        check(
            &Dtype::Committed { at: super::super::Target::Address(0), dtype: Box::new(Dtype::int(2, true)) },
            &[1, 0],
            Numbers::Int(vec![1]),
        );
    }

    #[test]
    fn only_significant_bits_count() {
        let odd =
            |size, signed, precision, offset| Dtype::Int(IntType { precision, offset, ..IntType::standard(size, signed, Order::Little) });
        check(&odd(2, true, 5, 3), &[0xff, 0xff, 0b0100_0111, 0x55], Numbers::Int(vec![-1, 8]));
        check(&odd(2, false, 5, 3), &[0xff, 0xff], Numbers::Uint(vec![31]));
        check(&odd(3, true, 24, 0), &[0xfe, 0xff, 0xff], Numbers::Int(vec![-2]));
        assert_eq!(Elements::Fixed(vec![0; 16]).numbers(&odd(16, true, 128, 0)), None);
        assert_eq!(Elements::Fixed(vec![0; 4]).numbers(&Dtype::fixed_ascii(4)), None);
    }
}
