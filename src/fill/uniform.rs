//! Uniform floats.

use rand::Rng;
use rand::distr::Distribution;

use super::sampler::OneWord;
use super::words::unit;
use crate::model::FloatType;

/// `low + (high - low) * u`, kept within the values of a float type that lie in `[low, high)`.
#[derive(Clone, Copy)]
pub(super) struct Uniform {
    low: f64,
    width: f64,
    smallest: f64,
    largest: f64,
}

impl Uniform {
    /// `float` is the type that the values are rounded to; it has a value in `low..high`.
    pub(super) fn new(low: f64, high: f64, float: &FloatType) -> Self {
        Self { low, width: high - low, smallest: float.smallest_from(low), largest: float.largest_below(high) }
    }
}

impl OneWord for Uniform {
    #[inline(always)]
    fn value(&self, word: u64) -> f64 {
        let value = self.low + self.width * unit(word);
        // The limits are values of the float type and rounding is monotonic: what is within them here is within them afterwards.
        let value = if value > self.largest { self.largest } else { value };
        if value < self.smallest { self.smallest } else { value }
    }
}

impl Distribution<f64> for Uniform {
    fn sample<R: Rng + ?Sized>(&self, rng: &mut R) -> f64 {
        self.value(rng.next_u64())
    }
}

/// 1 with probability `p`, else 0.
#[derive(Clone, Copy)]
pub(super) struct Bernoulli {
    /// 0 to 1.
    pub(super) p: f64,
}

impl Bernoulli {
    /// Is this word a success?
    #[inline(always)]
    pub(super) fn hit(&self, word: u64) -> bool {
        unit(word) < self.p
    }
}

impl OneWord for Bernoulli {
    #[inline(always)]
    fn value(&self, word: u64) -> f64 {
        f64::from(u8::from(self.hit(word)))
    }
}

impl Distribution<f64> for Bernoulli {
    fn sample<R: Rng + ?Sized>(&self, rng: &mut R) -> f64 {
        self.value(rng.next_u64())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fill::testing::same_as_driven;
    use crate::model::Order;

    #[test]
    fn slices_and_ndarray_rand_agree() {
        same_as_driven(Uniform::new(-1.0, 3.0, &FloatType::ieee(8, Order::Little)));
        same_as_driven(Bernoulli { p: 0.3 });
    }

    #[test]
    fn stays_inside_after_rounding() {
        for (size, low, high) in [(2, 0.1, 0.2), (4, 0.1, 0.1 + 1e-7), (8, 1.0, 1.0 + f64::EPSILON), (2, 2048.0, 2050.0), (4, -1.0, 0.0)] {
            let float = FloatType::ieee(size, Order::Little);
            let uniform = Uniform::new(low, high, &float);
            for word in [0, 1 << 11, 1 << 62, 1 << 63, u64::MAX - (1 << 60), u64::MAX] {
                let value = float.rounded(uniform.value(word));
                assert!(value >= low && value < high, "f{size} {low}..{high}: {value}");
            }
        }
    }
}
