//! Floats of any layout: bfloat16, the 8-bit floats, x87's long double, binary128.

use super::{FloatType, Order};

/// Mantissa normalisations (H5Tpublic.h).
const IMPLIED: u8 = 0;

impl FloatType {
    /// bfloat16, as HDF5 predefines it.
    pub fn bf16() -> Self {
        Self::layout(2, 8, 7, 127)
    }

    /// The 8-bit float with 4 exponent and 3 mantissa bits.
    pub fn f8e4m3() -> Self {
        Self::layout(1, 4, 3, 7)
    }

    /// The 8-bit float with 5 exponent and 2 mantissa bits.
    pub fn f8e5m2() -> Self {
        Self::layout(1, 5, 2, 15)
    }

    fn layout(size: usize, exponent: usize, mantissa: usize, bias: usize) -> Self {
        Self {
            size,
            order: Some(Order::Little),
            precision: size * 8,
            offset: 0,
            fields: [size * 8 - 1, mantissa, exponent, 0, mantissa],
            bias,
            norm: IMPLIED,
            pads: (0, 0, 0),
        }
    }

    /// Can values of this layout be made and read here: at most 16 bytes, a plain byte order, fields
    /// within the precision?
    pub fn is_convertible(&self) -> bool {
        let [sign, epos, esize, mpos, msize] = self.fields;
        let within = |at: usize, n: usize| at.checked_add(n).is_some_and(|end| end <= self.offset.saturating_add(self.precision));
        self.order.is_some()
            && (1..=16).contains(&self.size)
            && self.offset.checked_add(self.precision).is_some_and(|end| end <= self.size * 8)
            && (1..=30).contains(&esize)
            && (1..=126).contains(&msize)
            && within(sign, 1)
            && within(epos, esize)
            && within(mpos, msize)
    }

    /// Bytes of the nearest value, ties to even, in the type's byte order; `None` where the type is not
    /// convertible, or a finite value would become infinite.
    pub fn encode(&self, value: f64) -> Option<Vec<u8>> {
        if !self.is_convertible() {
            return None;
        }
        let [sign_at, epos, esize, mpos, msize] = self.fields;
        let top = (1i64 << esize) - 1;
        let (exponent, mantissa) = self.parts(value, top, msize)?;
        let bits = (u128::from(value.is_sign_negative()) << sign_at) | ((exponent as u128) << epos) | (mantissa << mpos);
        let mut bytes = bits.to_le_bytes()[..self.size].to_vec();
        if self.order == Some(Order::Big) {
            bytes.reverse();
        }
        Some(bytes)
    }

    /// Exponent field and mantissa field of a value.
    fn parts(&self, value: f64, top: i64, msize: usize) -> Option<(i64, u128)> {
        // With an implied leading bit the field holds what follows it.
        let explicit = usize::from(self.norm != IMPLIED);
        if value.is_nan() {
            return Some((
                top,
                (1u128 << (msize - 1))
                    | ((explicit as u128) << (msize - 1))
                    | u128::from(explicit == 1 && msize > 1) << (msize.saturating_sub(2)),
            ));
        }
        if value.is_infinite() {
            return Some((top, (explicit as u128) << (msize - 1)));
        }
        if value == 0.0 {
            return Some((0, 0));
        }
        let raw = value.to_bits();
        let (field, fraction) = (((raw >> 52) & 0x7ff) as i64, raw & ((1 << 52) - 1));
        // value = significand * 2^scale, significand with its leading bit at 52.
        let (mut significand, mut scale) = if field == 0 { (fraction, -1074) } else { (fraction | 1 << 52, field - 1075) };
        let shift = significand.leading_zeros() as i64 - 11;
        significand <<= shift;
        scale -= shift;
        let fraction_bits = (msize - explicit) as i64;
        let mut exponent = scale + 52 + self.bias as i64;
        // Bits to drop (negative: to add) so that `fraction_bits` follow the leading one.
        let mut drop = 52 - fraction_bits;
        if exponent < 1 {
            drop += 1 - exponent;
            exponent = 0;
        }
        let mut kept = round_shift(u128::from(significand), drop);
        let leading = 1u128 << fraction_bits;
        if exponent == 0 && kept >= leading {
            exponent = 1;
        } else if kept >= leading << 1 {
            kept >>= 1;
            exponent += 1;
        }
        if exponent >= top {
            return None;
        }
        let mantissa = if explicit == 1 { kept } else { kept & (leading - 1) };
        Some((exponent, mantissa))
    }

    /// The value of an element, rounded to f64 where it has more digits; `None` where the type is not
    /// convertible.
    pub fn decode(&self, bytes: &[u8]) -> Option<f64> {
        if !self.is_convertible() || bytes.len() != self.size {
            return None;
        }
        let mut raw = [0u8; 16];
        raw[..self.size].copy_from_slice(bytes);
        if self.order == Some(Order::Big) {
            raw[..self.size].reverse();
        }
        let bits = u128::from_le_bytes(raw);
        let field = |at: usize, n: usize| (bits >> at) & ((1u128 << n) - 1);
        let [sign_at, epos, esize, mpos, msize] = self.fields;
        let (negative, exponent, mantissa) = (field(sign_at, 1) == 1, field(epos, esize) as i64, field(mpos, msize));
        let explicit = usize::from(self.norm != IMPLIED);
        let fraction_bits = (msize - explicit) as i64;
        let fraction = mantissa & ((1u128 << fraction_bits) - 1);
        let magnitude = if exponent == (1 << esize) - 1 {
            if fraction == 0 { f64::INFINITY } else { f64::NAN }
        } else {
            let implied = explicit == 0 && exponent > 0;
            let significand = if implied { mantissa | 1 << msize } else { mantissa };
            scaled(significand, exponent.max(1) - self.bias as i64 - fraction_bits)
        };
        Some(if negative { -magnitude } else { magnitude })
    }
}

/// `value >> drop` with ties to even; a negative `drop` shifts to the left.
fn round_shift(value: u128, drop: i64) -> u128 {
    match drop {
        ..=0 => value << (-drop).min(127),
        1..=126 => {
            let (kept, rest) = (value >> drop, value & ((1u128 << drop) - 1));
            let half = 1u128 << (drop - 1);
            kept + u128::from(rest > half || (rest == half && kept & 1 == 1))
        }
        _ => 0,
    }
}

/// `significand * 2^scale` as the nearest f64.
fn scaled(significand: u128, scale: i64) -> f64 {
    if significand == 0 {
        return 0.0;
    }
    let length = 128 - i64::from(significand.leading_zeros());
    // Leave room for subnormal results: the last place of an f64 is never below 2^-1074.
    let drop = (length - 53).max(-1074 - scale);
    let kept = round_shift(significand, drop);
    let scale = scale + drop;
    // At most 54 bits: exact; and the powers of two are exact as well.
    let mut value = kept as f64;
    let mut left = scale;
    while left != 0 {
        let step = left.clamp(-1000, 1000);
        value *= power_of_two(step);
        left -= step;
        if value == 0.0 || value.is_infinite() {
            break;
        }
    }
    value
}

fn power_of_two(exponent: i64) -> f64 {
    f64::from_bits(((exponent + 1023) as u64) << 52)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn x87() -> FloatType {
        FloatType {
            size: 16,
            order: Some(Order::Little),
            precision: 80,
            offset: 0,
            fields: [79, 64, 15, 0, 64],
            bias: 16383,
            norm: 2,
            pads: (0, 0, 0),
        }
    }

    #[test]
    fn known_bits() {
        assert_eq!(FloatType::bf16().encode(1.0), Some(vec![0x80, 0x3f]));
        assert_eq!(FloatType::bf16().encode(-2.5), Some(vec![0x20, 0xc0]));
        assert_eq!(FloatType::f8e5m2().encode(1.5), Some(vec![0x3e]));
        assert_eq!(FloatType::f8e4m3().encode(1e9), None);
        assert_eq!(&x87().encode(1.0).unwrap()[..10], [0, 0, 0, 0, 0, 0, 0, 0x80, 0xff, 0x3f]);
        assert_eq!(x87().decode(&x87().encode(f64::INFINITY).unwrap()), Some(f64::INFINITY));
        assert!(x87().decode(&x87().encode(f64::NAN).unwrap()).unwrap().is_nan());
    }

    proptest! {
        #[test]
        fn ieee_is_a_special_case(v in any::<f64>()) {
            let f8 = FloatType::ieee(8, Order::Big);
            if !v.is_nan() {
                prop_assert_eq!(f8.encode(v), Some(v.to_be_bytes().to_vec()));
                prop_assert_eq!(f8.decode(&v.to_be_bytes()).unwrap().to_bits(), v.to_bits());
                let f4 = FloatType::ieee(4, Order::Little);
                let rounded = v as f32;
                prop_assert_eq!(f4.encode(v), (rounded.is_finite() || v.is_infinite()).then(|| rounded.to_le_bytes().to_vec()));
                let wide = x87();
                prop_assert_eq!(wide.decode(&wide.encode(v).unwrap()).unwrap().to_bits(), v.to_bits());
            }
        }

        #[test]
        fn what_is_read_is_written_again(bits in any::<u16>()) {
            let t = FloatType::bf16();
            let v = t.decode(&bits.to_le_bytes()).unwrap();
            if !v.is_nan() {
                prop_assert_eq!(t.encode(v), Some(bits.to_le_bytes().to_vec()));
            }
        }
    }
}
