//! Numbers into the bytes of a dtype.

use crate::model::{Dtype, FloatType, Order};

/// The number types that rules write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    I8,
    U8,
    I16,
    U16,
    I32,
    U32,
    I64,
    U64,
    F16,
    F32,
    F64,
}

/// How a dtype's elements lie in bytes: one number, or the two parts of a complex one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Layout {
    kind: Kind,
    order: Order,
    /// Bytes of one number.
    pub(super) size: usize,
    /// Two numbers an element, real part first.
    pub(super) complex: bool,
}

impl Layout {
    /// `None` for dtypes that are not numbers.
    pub(super) fn of(dtype: &Dtype) -> Option<Self> {
        let dtype = dtype.resolved();
        let float = |t: &FloatType, complex| {
            let kind = match t.size {
                2 => Kind::F16,
                4 => Kind::F32,
                _ => Kind::F64,
            };
            Some(Self { kind, order: t.as_ieee()?, size: t.size, complex })
        };
        match dtype {
            Dtype::Int(t) if t.is_standard() => {
                let kind = match (t.size, t.signed) {
                    (1, true) => Kind::I8,
                    (1, false) => Kind::U8,
                    (2, true) => Kind::I16,
                    (2, false) => Kind::U16,
                    (4, true) => Kind::I32,
                    (4, false) => Kind::U32,
                    (_, true) => Kind::I64,
                    (_, false) => Kind::U64,
                };
                Some(Self { kind, order: t.order, size: t.size, complex: false })
            }
            Dtype::Float(t) => float(t, false),
            Dtype::Compound { .. } => float(dtype.as_complex()?, true),
            Dtype::Enum { .. } if dtype.is_bool() => Some(Self { kind: Kind::I8, order: Order::Little, size: 1, complex: false }),
            Dtype::Int(_)
            | Dtype::Enum { .. }
            | Dtype::String(_)
            | Dtype::Array { .. }
            | Dtype::Vlen(_)
            | Dtype::Opaque { .. }
            | Dtype::Bitfield(_)
            | Dtype::Reference(_)
            | Dtype::Complex(_)
            | Dtype::Committed { .. }
            | Dtype::Encoded { .. }
            | Dtype::Foreign { .. } => None,
        }
    }

    /// Numbers of one element.
    pub(super) fn parts(&self) -> usize {
        if self.complex { 2 } else { 1 }
    }

    /// The float type that values are rounded to; f64 for integers, which are rounded afterwards.
    pub(super) fn float(&self) -> FloatType {
        match self.kind {
            Kind::F16 | Kind::F32 => FloatType::ieee(self.size, self.order),
            Kind::F64 | Kind::I8 | Kind::U8 | Kind::I16 | Kind::U16 | Kind::I32 | Kind::U32 | Kind::I64 | Kind::U64 => {
                FloatType::ieee(8, self.order)
            }
        }
    }
}

/// A number type and how values become it.
trait Number: Copy {
    /// Nearest, ties to even; integers saturate.
    fn from_float(value: f64) -> Self;
    /// Integers must fit; floats take the nearest.
    fn from_integer(value: i128) -> Self;
    /// Writes all bytes of `out`.
    fn store<const BIG: bool>(self, out: &mut [u8]);
}

macro_rules! store {
    () => {
        #[inline(always)]
        fn store<const BIG: bool>(self, out: &mut [u8]) {
            out.copy_from_slice(&if BIG { self.to_be_bytes() } else { self.to_le_bytes() });
        }
    };
}

/// `round_ties_even`, which is a function call on plain x86-64; except for the sign of zero.
#[inline(always)]
fn round(value: f64) -> f64 {
    // 1.5 * 2^52: in its neighbourhood, floats are whole.
    const WHOLE: f64 = 6_755_399_441_055_744.0;
    if value.abs() < (1u64 << 51) as f64 { (value + WHOLE) - WHOLE } else { value.round_ties_even() }
}

macro_rules! integers {
    ($($t:ty),*) => { $(
        impl Number for $t {
            #[inline(always)]
            fn from_float(value: f64) -> Self {
                round(value) as $t
            }

            #[inline(always)]
            fn from_integer(value: i128) -> Self {
                value as $t
            }

            store!();
        }
    )* };
}

macro_rules! floats {
    ($($t:ty),*) => { $(
        impl Number for $t {
            #[inline(always)]
            fn from_float(value: f64) -> Self {
                value as $t
            }

            #[inline(always)]
            fn from_integer(value: i128) -> Self {
                // Both round to nearest; the first is an instruction, the second a function.
                match i64::try_from(value) {
                    Ok(value) => value as $t,
                    Err(_) => value as $t,
                }
            }

            store!();
        }
    )* };
}

integers!(i8, u8, i16, u16, i32, u32, i64, u64);
floats!(f32, f64);

/// The bits of a binary16.
#[derive(Clone, Copy)]
struct Half(u16);

impl Number for Half {
    #[inline(always)]
    fn from_float(value: f64) -> Self {
        Half(FloatType::binary16(value))
    }

    #[inline(always)]
    fn from_integer(value: i128) -> Self {
        // Only beyond 2^53 is the first conversion inexact, and that is infinite here anyway.
        Half(FloatType::binary16(value as f64))
    }

    #[inline(always)]
    fn store<const BIG: bool>(self, out: &mut [u8]) {
        self.0.store::<BIG>(out);
    }
}

/// Work to be done for one number type and byte order.
trait Job {
    fn run<T: Number, const BIG: bool>(self);
}

fn dispatch(layout: Layout, job: impl Job) {
    fn ordered<T: Number>(order: Order, job: impl Job) {
        match order {
            Order::Little => job.run::<T, false>(),
            Order::Big => job.run::<T, true>(),
        }
    }
    match layout.kind {
        Kind::I8 => ordered::<i8>(layout.order, job),
        Kind::U8 => ordered::<u8>(layout.order, job),
        Kind::I16 => ordered::<i16>(layout.order, job),
        Kind::U16 => ordered::<u16>(layout.order, job),
        Kind::I32 => ordered::<i32>(layout.order, job),
        Kind::U32 => ordered::<u32>(layout.order, job),
        Kind::I64 => ordered::<i64>(layout.order, job),
        Kind::U64 => ordered::<u64>(layout.order, job),
        Kind::F16 => ordered::<Half>(layout.order, job),
        Kind::F32 => ordered::<f32>(layout.order, job),
        Kind::F64 => ordered::<f64>(layout.order, job),
    }
}

/// Writes floats as numbers of the layout, one after another, as many as fit `out`.
pub(super) fn put_floats(layout: Layout, values: impl Iterator<Item = f64>, out: &mut [u8]) {
    struct Floats<'a, I>(I, &'a mut [u8]);
    impl<I: Iterator<Item = f64>> Job for Floats<'_, I> {
        fn run<T: Number, const BIG: bool>(self) {
            for (bytes, value) in self.1.chunks_exact_mut(size_of::<T>()).zip(self.0) {
                T::from_float(value).store::<BIG>(bytes);
            }
        }
    }
    dispatch(layout, Floats(values, out));
}

/// Writes integers as numbers of the layout, one after another, as many as fit `out`.
pub(super) fn put_integers(layout: Layout, values: impl Iterator<Item = i128>, out: &mut [u8]) {
    struct Integers<'a, I>(I, &'a mut [u8]);
    impl<I: Iterator<Item = i128>> Job for Integers<'_, I> {
        fn run<T: Number, const BIG: bool>(self) {
            for (bytes, value) in self.1.chunks_exact_mut(size_of::<T>()).zip(self.0) {
                T::from_integer(value).store::<BIG>(bytes);
            }
        }
    }
    dispatch(layout, Integers(values, out));
}

#[cfg(test)]
mod tests {
    use super::*;

    fn floats(dtype: Dtype, values: &[f64]) -> Vec<u8> {
        let mut out = vec![0; values.len() * dtype.size()];
        put_floats(Layout::of(&dtype).unwrap(), values.iter().copied(), &mut out);
        out
    }

    #[test]
    fn integers_saturate_and_ties_go_to_even() {
        let values = [-1e300, -129.0, -1.5, -0.5, 0.5, 1.5, 2.5, 127.5, 1e300];
        let i1: Vec<i8> = floats(Dtype::int(1, true), &values).into_iter().map(|b| b as i8).collect();
        assert_eq!(i1, [-128, -128, -2, 0, 0, 2, 2, 127, 127]);
        assert_eq!(floats(Dtype::int(1, false), &values), [0, 0, 0, 0, 0, 2, 2, 128, 255]);
        assert_eq!(floats(Dtype::int(8, true), &[1e19]), i64::MAX.to_le_bytes());
    }

    #[test]
    fn rounding_is_exact_everywhere() {
        for bits in 0..64 {
            for offset in [-2.5, -2.0, -1.5, -1.0, -0.75, -0.5, -0.25, 0.0, 0.25, 0.5, 0.75, 1.0, 1.5, 2.5] {
                for value in [(1u64 << bits) as f64 + offset, -((1u64 << bits) as f64) - offset] {
                    assert_eq!(round(value), value.round_ties_even());
                }
            }
        }
    }

    #[test]
    fn floats_take_the_nearest() {
        assert_eq!(floats(Dtype::float(2), &[1.0, 65519.0, 65520.0]), [0, 0x3c, 0xff, 0x7b, 0, 0x7c]);
        // Just above a tie of binary16 by less than a binary32 can see: rounding twice would give 1.
        assert_eq!(floats(Dtype::float(2), &[1.0 + 2f64.powi(-11) + 2f64.powi(-40)]), [1, 0x3c]);
        assert_eq!(floats(Dtype::float(4), &[0.1]), 0.1f32.to_le_bytes());
    }

    #[test]
    fn integers_become_floats_in_one_rounding() {
        let mut out = [0; 4];
        let value = (1i128 << 60) + (1 << 36) + 1;
        put_integers(Layout::of(&Dtype::float(4)).unwrap(), std::iter::once(value), &mut out);
        assert_eq!(out, (value as f32).to_le_bytes());
    }
}
