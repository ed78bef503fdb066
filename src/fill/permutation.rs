//! A random permutation whose elements are computed one by one.
//!
//! A Feistel network over the bits that the largest index needs, walked until it is within the range again (J. Black and P. Rogaway,
//! "Ciphers with Arbitrary Finite Domains", CT-RSA 2002). With halves of two and more bits every round is an even permutation; the
//! keyed swap of the first two numbers makes odd ones as likely.

use rand::RngCore;

use super::number::{Layout, put_integers};
use super::stream::Stream;
use super::words::spare_word;

/// Pairs of rounds. With fewer, or with fewer bits, statistics show that some permutations of few numbers are preferred.
const PAIRS: usize = 6;

/// Bits of the smallest network.
const FEWEST_BITS: u32 = 6;

/// A permutation of `0..count`.
pub(super) struct Permutation {
    /// Two keys a pair of rounds.
    keys: [[u64; 2]; PAIRS],
    /// 1 if the numbers 0 and 1 are swapped.
    swap: u64,
    /// Bits of the upper half.
    upper: u32,
    /// Bits of the lower half: as many, or one more.
    lower: u32,
    count: u64,
}

impl Permutation {
    /// The permutation of a stream.
    pub(super) fn new(stream: &Stream, count: u64) -> Self {
        let mut rng = stream.at(0, 1);
        let keys = std::array::from_fn(|_| std::array::from_fn(|_| rng.next_u64()));
        let swap = rng.next_u64() >> 63;
        let bits = (u64::BITS - count.saturating_sub(1).leading_zeros()).max(FEWEST_BITS);
        Self { keys, swap, upper: bits / 2, lower: bits - bits / 2, count }
    }

    /// Where `index`, which is below `count`, goes. The loop runs less than twice on average, or less than 64 / count times.
    fn at(&self, index: u64) -> u64 {
        let mut number = index;
        loop {
            let mut high = number >> self.lower;
            let mut low = number & ((1 << self.lower) - 1);
            for [first, second] in self.keys {
                high ^= spare_word(first, low) >> (64 - self.upper);
                low ^= spare_word(second, high) >> (64 - self.lower);
            }
            number = high << self.lower | low;
            if number < 2 {
                number ^= self.swap;
            }
            if number < self.count {
                return number;
            }
        }
    }

    /// Writes the elements from `start` on; as many as fit `out`.
    pub(super) fn put(&self, layout: Layout, start: u64, out: &mut [u8]) {
        let end = start + (out.len() / layout.size) as u64;
        put_integers(layout, (start..end).map(|i| self.at(i).into()), out);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fill::stream::Purpose;

    fn permutation(seed: u64, count: u64) -> Permutation {
        Permutation::new(&Stream::new(Purpose::Values, seed, b"/x"), count)
    }

    fn all(seed: u64, count: u64) -> Vec<u64> {
        let p = permutation(seed, count);
        (0..count).map(|i| p.at(i)).collect()
    }

    fn is_permutation(values: &[u64]) -> bool {
        let mut seen = vec![false; values.len()];
        values.iter().all(|&v| seen.get_mut(v as usize).is_some_and(|s| !std::mem::replace(s, true)))
    }

    #[test]
    fn small_ones_never_change() {
        let stream = Stream::new(Purpose::Values, 20_240_601, b"/golden/stream");
        for (count, values) in [(1, &[0][..]), (2, &[1, 0]), (7, &[6, 0, 3, 5, 2, 1, 4])] {
            let p = Permutation::new(&stream, count);
            assert_eq!((0..count).map(|i| p.at(i)).collect::<Vec<_>>(), values);
        }
    }

    #[test]
    fn every_number_comes_once() {
        for count in (0..2_000).chain([4_095, 4_096, 4_097, 65_535, 65_536, 65_537, 1 << 20, (1 << 20) + 1, 3_000_017]) {
            assert!(is_permutation(&all(count ^ 5, count)), "{count}");
        }
    }

    #[test]
    fn every_number_comes_once_of_very_many() {
        for count in [(1 << 32) - 1, 1 << 32, (1 << 32) + 1, (1 << 53) + 1, (1 << 63) + 1, u64::MAX] {
            let p = permutation(1, count);
            // The first and the last indices; no two of them go to one number.
            let mut values: Vec<u64> = (0..50_000).chain(count - 50_000..count).map(|i| p.at(i)).collect();
            assert!(values.iter().all(|&v| v < count));
            let mean = values.iter().map(|&v| v as f64 / count as f64).sum::<f64>() / 1e5;
            assert!((mean - 0.5).abs() < 0.005, "{count}: {mean}");
            values.sort_unstable();
            values.dedup();
            assert_eq!(values.len(), 100_000, "{count}");
        }
    }

    #[test]
    fn small_ones_are_equally_likely() {
        for (count, factorial) in [(2u64, 2), (3, 6), (4, 24), (5, 120), (6, 720)] {
            let per = 100;
            let mut found = std::collections::BTreeMap::<Vec<u64>, u32>::new();
            for seed in 0..per * factorial {
                *found.entry(all(seed, count)).or_default() += 1;
            }
            assert_eq!(found.len() as u64, factorial);
            let chi: f64 = found.values().map(|&n| (f64::from(n) - per as f64).powi(2) / per as f64).sum();
            let free = (factorial - 1) as f64;
            assert!((chi - free) / (2.0 * free).sqrt() < 4.0, "{count}: {chi} of {free}");
        }
    }

    #[test]
    fn seeds_give_different_ones() {
        let one = all(1, 100_000);
        let same = one.iter().zip(all(2, 100_000)).filter(|(a, b)| **a == *b).count();
        assert!(same < 10, "{same}");
    }

    #[test]
    fn looks_random() {
        for count in [1_000u64, 1_024, 65_536, 65_537, 100_000] {
            let n = count as f64;
            let values = all(3, count);
            // Numbers that stay where they are: Poisson, mean 1.
            let fixed = values.iter().enumerate().filter(|(i, v)| *i as u64 == **v).count();
            assert!(fixed < 8, "{count}: {fixed}");
            // Ascents: mean (n - 1) / 2, variance (n + 1) / 12.
            let ascents = values.windows(2).filter(|w| w[0] < w[1]).count() as f64;
            assert!((ascents - (n - 1.0) / 2.0).abs() < 5.0 * ((n + 1.0) / 12.0).sqrt(), "{count}: {ascents}");
            // Correlation with the index and with the neighbour: deviation 1 / sqrt(n).
            let (middle, variance) = ((n - 1.0) / 2.0, (n * n - 1.0) / 12.0);
            let correlation = |pairs: &mut dyn Iterator<Item = (u64, u64)>| {
                pairs.map(|(a, b)| (a as f64 - middle) * (b as f64 - middle)).sum::<f64>() / n / variance
            };
            let index = correlation(&mut values.iter().enumerate().map(|(i, v)| (i as u64, *v)));
            let neighbour = correlation(&mut values.windows(2).map(|w| (w[0], w[1])));
            assert!(index.abs() < 5.0 / n.sqrt() && neighbour.abs() < 5.0 / n.sqrt(), "{count}: {index} {neighbour}");
            // Differences of neighbours, modulo the count, in 16 classes.
            let mut classes = [0f64; 16];
            values.windows(2).for_each(|w| classes[((w[1] + count - w[0]) % count * 16 / count) as usize] += 1.0);
            let chi: f64 = classes.iter().map(|c| (c - n / 16.0).powi(2) / (n / 16.0)).sum();
            assert!(chi < 50.0, "{count}: {chi}");
        }
    }
}
