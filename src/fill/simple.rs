//! Distributions that are a function of one number.

use rand::Rng;
use rand::distr::Distribution;

use super::normal::Normal;
use super::sampler::OneWord;
use super::words::unit;

/// exp of a normal.
#[derive(Clone, Copy)]
pub(super) struct Lognormal(pub(super) Normal);

impl OneWord for Lognormal {
    #[inline(always)]
    fn value(&self, word: u64) -> f64 {
        libm::exp(self.0.value(word))
    }
}

impl Distribution<f64> for Lognormal {
    fn sample<R: Rng + ?Sized>(&self, rng: &mut R) -> f64 {
        self.value(rng.next_u64())
    }
}

/// Exponential with mean `scale`, by inversion.
#[derive(Clone, Copy)]
pub(super) struct Exponential {
    /// Not negative.
    pub(super) scale: f64,
}

impl OneWord for Exponential {
    #[inline(always)]
    fn value(&self, word: u64) -> f64 {
        // Subtracted from zero, not negated: u = 0 is to give 0, not -0.
        self.scale * (0.0 - libm::log1p(-unit(word)))
    }
}

impl Distribution<f64> for Exponential {
    fn sample<R: Rng + ?Sized>(&self, rng: &mut R) -> f64 {
        self.value(rng.next_u64())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fill::testing::{same_as_driven, same_distribution, samples};

    #[test]
    fn slices_and_ndarray_rand_agree() {
        same_as_driven(Lognormal(Normal { mean: 0.1, std: 1.7 }));
        same_as_driven(Exponential { scale: 3.0 });
    }

    #[test]
    fn agree_with_rand_distr() {
        let exponential = samples(&Exponential { scale: 2.5 });
        same_distribution(exponential, &rand_distr::Exp::new(1.0 / 2.5).unwrap());
        let lognormal = samples(&Lognormal(Normal { mean: 0.3, std: 1.2 }));
        same_distribution(lognormal, &rand_distr::LogNormal::new(0.3, 1.2).unwrap());
        same_distribution(samples(&Normal { mean: 5.0, std: 3.0 }), &rand_distr::Normal::new(5.0, 3.0).unwrap());
    }
}
