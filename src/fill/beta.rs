//! Beta numbers.

use rand::Rng;
use rand::distr::Distribution;

use super::gamma::Gamma;

/// X / (X + Y) of two gammas, computed from their logarithms: for small shapes both gammas themselves would underflow to 0.
#[derive(Clone, Copy)]
pub(super) struct Beta {
    a: Gamma,
    b: Gamma,
}

impl Beta {
    /// Both shapes at least 1e-300.
    pub(super) fn new(a: f64, b: f64) -> Self {
        Self { a: Gamma::new(a), b: Gamma::new(b) }
    }

    /// Words of one number: a's, then b's.
    pub(super) fn words(&self) -> u64 {
        self.a.words() + self.b.words()
    }
}

impl Distribution<f64> for Beta {
    fn sample<R: Rng + ?Sized>(&self, rng: &mut R) -> f64 {
        let x = self.a.log(rng);
        let y = self.b.log(rng);
        1.0 / (1.0 + libm::exp(y - x))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fill::testing::{moments, same_distribution, samples};

    #[test]
    fn agrees_with_rand_distr_and_closed_form() {
        for (a, b) in [(0.5, 0.5), (1.0, 1.0), (2.0, 5.0), (30.0, 0.7), (0.05, 0.2), (1e5, 2e5)] {
            let ours = samples(&Beta::new(a, b));
            moments(&ours, a / (a + b), a * b / ((a + b) * (a + b) * (a + b + 1.0)));
            same_distribution(ours, &rand_distr::Beta::new(a, b).unwrap());
        }
    }

    #[test]
    fn tiny_shapes_are_a_coin() {
        for tiny in [1e-300, 1e-200, 1e-10] {
            let ours = samples(&Beta::new(tiny, 3.0 * tiny));
            assert!(ours.iter().all(|v| *v == 0.0 || *v == 1.0));
            moments(&ours, 0.25, 0.1875);
        }
        for (a, b) in [(1e-300, 1e300), (1e300, 1e300), (1e300, 1e-300)] {
            assert!(samples(&Beta::new(a, b)).iter().all(|v| (0.0..=1.0).contains(v)));
        }
    }
}
