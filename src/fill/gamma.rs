//! Gamma numbers.
//!
//! G. Marsaglia and W. W. Tsang, "A Simple Method for Generating Gamma Variables", ACM Transactions on Mathematical Software 26
//! (2000), 363-372; shapes below 1 by Gamma(shape) = Gamma(shape + 1) * u^(1 / shape).

use rand::Rng;
use rand::distr::Distribution;

use super::normal;
use super::words::{first_accepted, positive};

/// Above this, a first try is practically always accepted (the rejected share is about 1 / d), and the exact test would only add
/// rounding errors.
const ALWAYS: f64 = (1u64 << 30) as f64;

/// Gamma with scale 1.
#[derive(Clone, Copy)]
pub(super) struct Gamma {
    d: f64,
    c: f64,
    /// The shape, if below 1.
    boost: Option<f64>,
}

impl Gamma {
    /// `shape` at least 1e-300.
    pub(super) fn new(shape: f64) -> Self {
        let boost = (shape < 1.0).then_some(shape);
        let d = if boost.is_some() { shape + 1.0 } else { shape } - 1.0 / 3.0;
        Self { d, c: 1.0 / (9.0 * d).sqrt(), boost }
    }

    /// Words of one number.
    pub(super) fn words(&self) -> u64 {
        if self.boost.is_some() { 4 } else { 3 }
    }

    fn attempt(&self, a: u64, b: u64) -> Option<f64> {
        let z = normal::standard(a);
        let root = 1.0 + self.c * z;
        if root <= 0.0 {
            return None;
        }
        let v = root * root * root;
        let u = positive(b);
        let square = z * z;
        let accepted =
            self.d > ALWAYS || u < 1.0 - 0.0331 * square * square || libm::log(u) < 0.5 * square + self.d * (1.0 - v + libm::log(v));
        accepted.then_some(v)
    }

    /// The number before the boost, and the boost's logarithm.
    fn parts<R: Rng + ?Sized>(&self, rng: &mut R) -> (f64, Option<f64>) {
        let words = std::array::from_fn(|_| rng.next_u64());
        let v = first_accepted(words, |a, b| self.attempt(a, b)).unwrap_or(1.0);
        (self.d * v, self.boost.map(|shape| libm::log(positive(rng.next_u64())) / shape))
    }

    /// The logarithm of a number; finite.
    pub(super) fn log<R: Rng + ?Sized>(&self, rng: &mut R) -> f64 {
        let (value, boost) = self.parts(rng);
        libm::log(value) + boost.unwrap_or(0.0)
    }
}

impl Distribution<f64> for Gamma {
    fn sample<R: Rng + ?Sized>(&self, rng: &mut R) -> f64 {
        match self.parts(rng) {
            (value, None) => value,
            (value, Some(boost)) => libm::exp(libm::log(value) + boost),
        }
    }
}

/// Gamma with a scale.
#[derive(Clone, Copy)]
pub(super) struct Scaled {
    /// With scale 1.
    pub(super) gamma: Gamma,
    /// Not negative.
    pub(super) scale: f64,
}

impl Distribution<f64> for Scaled {
    fn sample<R: Rng + ?Sized>(&self, rng: &mut R) -> f64 {
        self.gamma.sample(rng) * self.scale
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fill::testing::{moments, same_distribution, samples};

    #[test]
    fn agrees_with_rand_distr() {
        for shape in [0.1, 0.5, 0.99, 1.0, 1.5, 3.0, 40.0, 1e4] {
            let ours = samples(&Scaled { gamma: Gamma::new(shape), scale: 2.0 });
            moments(&ours, 2.0 * shape, 4.0 * shape);
            same_distribution(ours, &rand_distr::Gamma::new(shape, 2.0).unwrap());
        }
    }

    #[test]
    fn large_shapes_keep_their_moments() {
        for shape in [1e6, 1e9, 1e12, 1e15] {
            moments(&samples(&Gamma::new(shape)), shape, shape);
        }
    }

    #[test]
    fn extreme_shapes_are_finite() {
        for shape in [1e-300, 1e-100, 1e-17, 1e100, 1e300] {
            assert!(samples(&Gamma::new(shape)).iter().all(|v| v.is_finite() && *v >= 0.0));
        }
    }
}
