//! Normal numbers by the Ziggurat method.
//!
//! G. Marsaglia and W. W. Tsang, "The Ziggurat Method for Generating Random Variables", Journal of Statistical Software 5 (2000), with
//! J. A. Doornik's correction (2005): the bits that choose the layer take no part in the number. The tail by G. Marsaglia, "Generating
//! a Variable from the Tail of the Normal Distribution", Technometrics 6 (1964).

use rand::Rng;
use rand::distr::Distribution;

use super::sampler::OneWord;
use super::words::{Spare, TRIES, positive, signed, unit};
use super::ziggurat::{EDGES, HEIGHTS, R};

/// The layer of a word, and where in its width the word lies.
#[inline(always)]
fn place(word: u64) -> (usize, f64) {
    let layer = (word & 255) as usize;
    (layer, signed(word) * EDGES[layer])
}

/// The standard normal number of one word, within ±12.23.
#[inline(always)]
pub(super) fn standard(word: u64) -> f64 {
    let (layer, x) = place(word);
    // 98.5 % of all words: everything at this distance from the middle lies under the curve.
    if x.abs() < EDGES[layer + 1] { x } else { outside(word) }
}

/// The number of a word that lies where its layer and the curve cross, or in the tail.
#[cold]
#[inline(never)]
fn outside(first: u64) -> f64 {
    let mut spare = Spare(first);
    let mut word = first;
    for _ in 0..TRIES {
        let (layer, x) = place(word);
        if x.abs() < EDGES[layer + 1] {
            return x;
        }
        if layer == 0 {
            return tail(&mut spare).copysign(x);
        }
        let height = HEIGHTS[layer] + unit(spare.word()) * (HEIGHTS[layer + 1] - HEIGHTS[layer]);
        if height < libm::exp(-0.5 * (x * x)) {
            return x;
        }
        word = spare.word();
    }
    0.0
}

/// A normal number given that it is larger than [`R`]. At most sqrt(-2 ln 2^-53) further out, which is 8.58.
fn tail(spare: &mut Spare) -> f64 {
    for _ in 0..TRIES {
        let beyond = -libm::log(positive(spare.word())) / R;
        let limit = -libm::log(positive(spare.word()));
        if 2.0 * limit > beyond * beyond {
            return R + beyond;
        }
    }
    R
}

/// `mean + std * z`.
#[derive(Clone, Copy)]
pub(super) struct Normal {
    /// Finite.
    pub(super) mean: f64,
    /// Not negative.
    pub(super) std: f64,
}

impl OneWord for Normal {
    #[inline(always)]
    fn value(&self, word: u64) -> f64 {
        self.mean + self.std * standard(word)
    }
}

impl Distribution<f64> for Normal {
    fn sample<R: Rng + ?Sized>(&self, rng: &mut R) -> f64 {
        self.value(rng.next_u64())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fill::testing::{moments, same_as_driven, same_distribution};

    /// What is left of a word without layer and unused bits.
    const POSITION: u64 = !0 << 11;

    fn numbers(seed: u64, count: usize) -> impl Iterator<Item = f64> {
        let mut spare = Spare(seed);
        (0..count).map(move |_| standard(spare.word()))
    }

    /// The share of numbers above `z`, within five standard errors.
    fn share(numbers: &[f64], z: f64, probability: f64) {
        let expected = numbers.len() as f64 * probability;
        let found = numbers.iter().filter(|v| **v > z).count() as f64;
        let error = (expected * (1.0 - probability)).sqrt();
        assert!((found - expected).abs() < 5.0 * error + 1.0, "{found} above {z}, not {expected}");
    }

    fn above(z: f64) -> f64 {
        0.5 * libm::erfc(z * std::f64::consts::FRAC_1_SQRT_2)
    }

    #[test]
    fn slices_and_ndarray_rand_agree() {
        same_as_driven(Normal { mean: -3.0, std: 1.7 });
    }

    #[test]
    fn agrees_with_rand_distr() {
        let ours: Vec<f64> = numbers(1, 60_000).collect();
        moments(&ours, 0.0, 1.0);
        same_distribution(ours, &rand_distr::StandardNormal);
    }

    #[test]
    fn quantiles_and_higher_moments() {
        let ours: Vec<f64> = numbers(2, 4_000_000).collect();
        for step in -45..=45 {
            let z = f64::from(step) / 10.0;
            share(&ours, z, above(z));
        }
        let n = ours.len() as f64;
        // Power, moment, and the variance of the power.
        for (power, moment, variance) in [(1, 0.0, 1.0), (2, 1.0, 2.0), (3, 0.0, 15.0), (4, 3.0, 96.0), (6, 15.0, 10_170.0)] {
            let found = ours.iter().map(|v| v.powi(power)).sum::<f64>() / n;
            assert!((found - moment).abs() < 5.0 * (variance / n).sqrt(), "power {power}: {found}");
        }
    }

    #[test]
    fn rims_are_accepted_where_the_curve_is_above() {
        let area = |from: f64, to: f64| (2.0 * std::f64::consts::PI).sqrt() * (above(from) - above(to));
        let mut spare = Spare(3);
        for layer in [1, 2, 30, 128, 200, 254, 255] {
            let (inner, outer) = (EDGES[layer + 1], EDGES[layer]);
            let middle = 0.5 * (inner + outer);
            let mut found = [0.0; 2];
            let count = 100_000;
            for _ in 0..count {
                let place_in_width = (inner + unit(spare.word()) * (outer - inner)) / outer;
                let word = ((place_in_width * (1u64 << 52) as f64) as u64) << 11 | layer as u64;
                let (_, x) = place(word);
                if standard(word) == x {
                    found[usize::from(x > middle)] += 1.0;
                }
            }
            for (found, (from, to)) in found.into_iter().zip([(inner, middle), (middle, outer)]) {
                let height = HEIGHTS[layer + 1] - HEIGHTS[layer];
                let p = (area(from, to) - HEIGHTS[layer] * (to - from)) / (height * (outer - inner));
                let expected = f64::from(count) * p;
                assert!((found - expected).abs() < 5.0 * (expected * (1.0 - p)).sqrt(), "layer {layer}: {found}, not {expected}");
            }
        }
    }

    #[test]
    fn tails_are_right_far_beyond_the_last_layer() {
        let mut spare = Spare(5);
        // Layer 0, and so far out that it is beyond R.
        let words = (0..1_000_000).map(|_| spare.word() & !(255 | 1 << 63) | 0x7F << 56);
        let tails: Vec<f64> = words.map(standard).collect();
        assert!(tails.iter().all(|z| *z >= R && *z < 12.23));
        for z in [3.7, 3.8, 4.0, 4.25, 4.5, 5.0, 5.5, 6.0] {
            share(&tails, z, above(z) / above(R));
        }
        let mean = HEIGHTS[1] / (2.0 * std::f64::consts::PI).sqrt() / above(R);
        moments(&tails, mean, 1.0 + R * mean - mean * mean);
    }

    #[test]
    fn both_signs_have_tails_and_the_last_tail_ends() {
        let out = 0x7F << 56;
        assert!(standard(out) > R && standard(out ^ POSITION) < -R);
        // What the smallest uniform number would give: accepted only below sqrt(2 * 53 ln 2), so that z stays below 12.23.
        let longest = -libm::log(positive(u64::MAX));
        assert!(R + (2.0 * longest).sqrt() < 12.23 && longest / R > (2.0 * longest).sqrt());
    }

    #[test]
    fn layer_and_position_are_independent() {
        let mut spare = Spare(6);
        for _ in 0..1000 {
            let word = spare.word();
            assert_eq!(signed(word), -signed(word ^ POSITION));
            assert_eq!(signed(word), signed(word & POSITION));
            let ((layer, x), (mirrored, minus_x)) = (place(word), place(word ^ POSITION));
            assert_eq!((layer, x), (mirrored, -minus_x));
        }
    }
}
