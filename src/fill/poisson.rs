//! Poisson counts.
//!
//! Means below 10 by inversion; others by W. Hörmann, "The Transformed Rejection Method for Generating Poisson Random Variables",
//! Insurance: Mathematics and Economics 12 (1993), 39-45, algorithm PTRS.

use rand::Rng;
use rand::distr::Distribution;

use super::counts::{Table, log_poisson};
use super::words::{centred, first_accepted, positive};

/// Poisson with a mean.
#[derive(Clone)]
pub(super) enum Poisson {
    /// Means below 10.
    Small(Table),
    /// Others.
    Large(Transformed),
}

/// The constants of PTRS.
#[derive(Clone, Copy)]
pub(super) struct Transformed {
    mean: f64,
    a: f64,
    b: f64,
    log_inverse_alpha: f64,
    v_r: f64,
}

impl Poisson {
    /// Mean 0 to 2^53.
    pub(super) fn new(mean: f64) -> Self {
        if mean < 10.0 {
            // 1000 is never reached: the table ends where the sum no longer grows.
            return Poisson::Small(Table::of_counts(libm::exp(-mean), |k| mean / k, 1000));
        }
        let b = 0.931 + 2.53 * mean.sqrt();
        Poisson::Large(Transformed {
            mean,
            a: -0.059 + 0.02483 * b,
            b,
            log_inverse_alpha: libm::log(1.1239 + 1.1328 / (b - 3.4)),
            v_r: 0.9277 - 3.6224 / (b - 2.0),
        })
    }

    /// Words of one number.
    pub(super) fn words(&self) -> u64 {
        match self {
            Poisson::Small(_) => 1,
            Poisson::Large(_) => 3,
        }
    }
}

impl Transformed {
    fn attempt(&self, a: u64, b: u64) -> Option<f64> {
        let u = centred(a);
        let v = positive(b);
        let us = 0.5 - u.abs();
        let k = ((2.0 * self.a / us + self.b) * u + self.mean + 0.43).floor();
        if us >= 0.07 && v <= self.v_r {
            return Some(k);
        }
        if k < 0.0 || (us < 0.013 && v > us) {
            return None;
        }
        let hat = libm::log(v) + self.log_inverse_alpha - libm::log(self.a / (us * us) + self.b);
        (hat <= log_poisson(k, self.mean)).then_some(k)
    }
}

impl Distribution<f64> for Poisson {
    fn sample<R: Rng + ?Sized>(&self, rng: &mut R) -> f64 {
        match self {
            Poisson::Small(table) => table.pick(rng.next_u64()) as f64,
            Poisson::Large(t) => {
                let words = std::array::from_fn(|_| rng.next_u64());
                first_accepted(words, |a, b| t.attempt(a, b)).unwrap_or(t.mean.floor())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fill::testing::{moments, same_distribution, samples};

    #[test]
    fn agrees_with_rand_distr() {
        for mean in [0.01, 0.7, 3.0, 9.99, 10.0, 12.0, 55.5, 1000.0, 1e7] {
            let ours = samples(&Poisson::new(mean));
            moments(&ours, mean, mean);
            same_distribution(ours, &rand_distr::Poisson::new(mean).unwrap());
        }
    }

    #[test]
    fn extreme_means() {
        assert!(samples(&Poisson::new(0.0)).iter().all(|&v| v == 0.0));
        assert!(samples(&Poisson::new(1e-300)).iter().all(|&v| v == 0.0));
        for mean in [1e12, (1u64 << 53) as f64] {
            moments(&samples(&Poisson::new(mean)), mean, mean);
        }
    }

    #[test]
    fn the_last_word_gives_no_outlier() {
        let Poisson::Small(table) = Poisson::new(1.0) else { panic!("small") };
        assert!(table.pick(u64::MAX) < 20);
    }
}
