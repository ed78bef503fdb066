//! Binomial counts.
//!
//! Means below 10 by inversion; others by W. Hörmann, "The Generation of Binomial Random Variates", Journal of Statistical
//! Computation and Simulation 46 (1993), 101-110, algorithm BTRS.

use rand::Rng;
use rand::distr::Distribution;

use super::counts::{Table, log_binomial};
use super::words::{centred, first_accepted, positive};

/// Successes among `n` tries.
#[derive(Clone)]
pub(super) struct Binomial {
    /// Failures are counted instead when they are rarer.
    folded: bool,
    n: f64,
    method: Method,
}

#[derive(Clone)]
enum Method {
    Small(Table),
    Large(Transformed),
}

/// The constants of BTRS.
#[derive(Clone, Copy)]
struct Transformed {
    n: f64,
    p: f64,
    a: f64,
    b: f64,
    c: f64,
    v_r: f64,
    alpha: f64,
    mode: f64,
    log_mode: f64,
}

impl Binomial {
    /// `n` up to 2^53, `p` 0 to 1.
    pub(super) fn new(tries: u64, p: f64) -> Self {
        let n = tries as f64;
        let folded = p > 0.5;
        let p = if folded { 1.0 - p } else { p };
        let method = if n * p < 10.0 {
            let odds = p / (1.0 - p);
            let first = libm::exp(n * libm::log1p(-p));
            Method::Small(Table::of_counts(first, |k| (n - k + 1.0) / k * odds, tries))
        } else {
            Method::Large(Transformed::new(n, p))
        };
        Self { folded, n, method }
    }

    /// Words of one number.
    pub(super) fn words(&self) -> u64 {
        match self.method {
            Method::Small(_) => 1,
            Method::Large(_) => 3,
        }
    }
}

impl Transformed {
    fn new(n: f64, p: f64) -> Self {
        let deviation = (n * p * (1.0 - p)).sqrt();
        let b = 1.15 + 2.53 * deviation;
        let mode = ((n + 1.0) * p).floor();
        Self {
            n,
            p,
            a: -0.0873 + 0.0248 * b + 0.01 * p,
            b,
            c: n * p + 0.5,
            v_r: 0.92 - 4.2 / b,
            alpha: (2.83 + 5.1 / b) * deviation,
            mode,
            log_mode: log_binomial(mode, n, p),
        }
    }

    fn attempt(&self, a: u64, b: u64) -> Option<f64> {
        let u = centred(a);
        let v = positive(b);
        let us = 0.5 - u.abs();
        let k = ((2.0 * self.a / us + self.b) * u + self.c).floor();
        if k < 0.0 || k > self.n {
            return None;
        }
        if us >= 0.07 && v <= self.v_r {
            return Some(k);
        }
        let hat = libm::log(v * self.alpha / (self.a / (us * us) + self.b));
        (hat <= log_binomial(k, self.n, self.p) - self.log_mode).then_some(k)
    }
}

impl Distribution<f64> for Binomial {
    fn sample<R: Rng + ?Sized>(&self, rng: &mut R) -> f64 {
        let count = match &self.method {
            Method::Small(table) => table.pick(rng.next_u64()) as f64,
            Method::Large(t) => {
                let words = std::array::from_fn(|_| rng.next_u64());
                first_accepted(words, |a, b| t.attempt(a, b)).unwrap_or(t.mode)
            }
        };
        if self.folded { self.n - count } else { count }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fill::testing::{moments, same_distribution, samples};

    #[test]
    fn agrees_with_rand_distr() {
        for (n, p) in [(1, 0.3), (10, 0.5), (19, 0.5), (20, 0.5), (40, 0.9), (1000, 0.005), (1000, 0.2), (1000, 0.97), (1 << 40, 0.4)] {
            let ours = samples(&Binomial::new(n, p));
            moments(&ours, n as f64 * p, n as f64 * p * (1.0 - p));
            same_distribution(ours, &rand_distr::Binomial::new(n, p).unwrap().map(|k| k as f64));
        }
    }

    #[test]
    fn extremes() {
        let all = |n, p, value: f64| assert!(samples(&Binomial::new(n, p)).iter().all(|&v| v == value));
        all(0, 0.5, 0.0);
        all(7, 0.0, 0.0);
        all(7, 1.0, 7.0);
        all(1 << 53, 0.0, 0.0);
        all(1 << 53, 1.0, (1u64 << 53) as f64);
        all(1 << 53, 1e-300, 0.0);
        let n = (1u64 << 53) as f64;
        moments(&samples(&Binomial::new(1 << 53, 0.5)), n * 0.5, n * 0.25);
    }
}
