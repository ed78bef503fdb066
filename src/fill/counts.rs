//! What the samplers of counts share: tables of cumulated probabilities, and logarithms of probabilities that stay accurate for large
//! counts.
//!
//! C. Loader, "Fast and Accurate Computation of Binomial Probabilities" (2000): the deviance and Stirling's error avoid the
//! cancellation of lgamma's large terms.

use std::f64::consts::PI;

use super::words::unit;

/// Cumulated probabilities of 0, 1, 2, …
#[derive(Clone)]
pub(super) struct Table(Vec<f64>);

impl Table {
    /// From the probability of 0 and the factor from each count's predecessor to itself, up to `last` or to where nothing is added.
    pub(super) fn of_counts(first: f64, factor: impl Fn(f64) -> f64, last: u64) -> Self {
        let mut sums = vec![first];
        let (mut sum, mut p) = (first, first);
        for k in 1..=last {
            p *= factor(k as f64);
            if sum + p == sum {
                break;
            }
            sum += p;
            sums.push(sum);
        }
        Self(sums)
    }

    /// From weights: finite, not negative, with a finite positive sum.
    pub(super) fn of_weights(weights: &[f64]) -> Self {
        let total: f64 = weights.iter().sum();
        let mut sum = 0.0;
        let mut sums: Vec<f64> = weights
            .iter()
            .map(|w| {
                sum += w;
                sum / total
            })
            .collect();
        // Rounding must not lift an element of weight 0 over 1 or leave room behind the last one.
        if let Some(last) = weights.iter().rposition(|&w| w > 0.0) {
            sums.truncate(last + 1);
        }
        Self(sums)
    }

    /// The first whose cumulated probability exceeds the word's uniform number; the last, if none does.
    #[inline]
    pub(super) fn pick(&self, word: u64) -> usize {
        let u = unit(word);
        self.0.partition_point(|&sum| sum <= u).min(self.0.len() - 1)
    }
}

/// ln(x!) - ln(sqrt(2 pi x) (x / e)^x) for whole x of at least 1.
fn stirling_error(x: f64) -> f64 {
    if x < 16.0 {
        return libm::lgamma(x + 1.0) - (x + 0.5) * libm::log(x) + x - 0.5 * libm::log(2.0 * PI);
    }
    let r = 1.0 / x;
    let square = r * r;
    r * (1.0 / 12.0 - square * (1.0 / 360.0 - square * (1.0 / 1260.0 - square * (1.0 / 1680.0 - square / 1188.0))))
}

/// x ln(x / m) + m - x for x of at least 1: how far a count lies from its mean.
fn deviance(x: f64, m: f64) -> f64 {
    let t = (m - x) / x;
    if t.abs() < 0.05 {
        // The series of t - ln(1 + t), which cancels otherwise; the first term left out is below 1e-17 of the sum.
        let mut power = t * t;
        let mut sum = 0.0;
        let mut sign = 1.0;
        for n in 2..16 {
            sum += sign * power / f64::from(n);
            power *= t;
            sign = -sign;
        }
        return x * sum;
    }
    x * (t - libm::log1p(t))
}

/// The logarithm of the probability that a Poisson count of mean `mean` is `k`.
pub(super) fn log_poisson(k: f64, mean: f64) -> f64 {
    if k < 1.0 {
        return -mean;
    }
    -deviance(k, mean) - stirling_error(k) - 0.5 * libm::log(2.0 * PI * k)
}

/// The logarithm of the probability of `k` successes among `n`, each of probability `p`, 0 < p < 1.
pub(super) fn log_binomial(k: f64, n: f64, p: f64) -> f64 {
    if k < 1.0 {
        return n * libm::log1p(-p);
    }
    let rest = n - k;
    if rest < 1.0 {
        return n * libm::log(p);
    }
    let errors = stirling_error(n) - stirling_error(k) - stirling_error(rest);
    errors - deviance(k, n * p) - deviance(rest, n * (1.0 - p)) - 0.5 * libm::log(2.0 * PI * k * (rest / n))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn probabilities_agree_with_lgamma() {
        for mean in [10.0, 33.3, 500.0] {
            for k in 0..1000 {
                let k = f64::from(k);
                let plain = k * libm::log(mean) - mean - libm::lgamma(k + 1.0);
                assert!((log_poisson(k, mean) - plain).abs() < 1e-11 * (1.0 + plain.abs()), "{k} {mean}");
            }
        }
        for (n, p) in [(20.0, 0.5), (300.0, 0.1), (1000.0, 0.45)] {
            for k in 0..=(n as u32) {
                let k = f64::from(k);
                let ways = libm::lgamma(n + 1.0) - libm::lgamma(k + 1.0) - libm::lgamma(n - k + 1.0);
                let plain = ways + k * libm::log(p) + (n - k) * libm::log1p(-p);
                assert!((log_binomial(k, n, p) - plain).abs() < 1e-11 * (1.0 + plain.abs()), "{k} {n} {p}");
            }
        }
    }

    #[test]
    fn deviance_has_no_step() {
        for m in [95.1f64, 95.3, 104.9, 105.1] {
            let exact = 100.0 * libm::log(100.0 / m) + m - 100.0;
            assert!((deviance(100.0, m) - exact).abs() < 1e-13);
        }
    }

    #[test]
    fn weightless_elements_are_never_picked() {
        let table = Table::of_weights(&[0.0, 0.1, 0.0, 0.2, 0.0]);
        let picks: Vec<usize> = [0, 1 << 62, 1 << 63, u64::MAX].map(|w| table.pick(w)).to_vec();
        assert_eq!(picks, [1, 1, 3, 3]);
    }
}
