//! Uniform integers.

use rand::Rng;
use rand::distr::Distribution;

use super::words::below;

/// Uniform in `low .. low + span`, by multiplication: floor(x * span / 2^64), with 128-bit `x` where the span exceeds 2^32. The
/// bias is below 2^-32 and 2^-64 of a value's probability.
#[derive(Clone, Copy)]
pub(super) struct Integers {
    low: i128,
    span: u128,
}

impl Integers {
    /// `low < high`, at most 2^64 values.
    pub(super) fn new(low: i128, high: i128) -> Self {
        Self { low, span: high.abs_diff(low) }
    }

    /// The span, if a single word decides the value.
    pub(super) fn narrow(&self) -> Option<u64> {
        u64::try_from(self.span).ok().filter(|&span| span <= 1 << 32)
    }

    /// Are all values within the range of i64?
    pub(super) fn fit_i64(&self) -> bool {
        self.low >= i64::MIN.into() && self.low + self.span as i128 <= 1 << 63
    }

    /// Words of one number.
    pub(super) fn words(&self) -> u64 {
        if self.narrow().is_some() { 1 } else { 2 }
    }

    /// The value of one word, for the span that [`Integers::narrow`] gave.
    #[inline(always)]
    pub(super) fn of_word(&self, span: u64, word: u64) -> i128 {
        self.low + i128::from(below(word, span))
    }

    /// The value of two words, more significant one first.
    #[inline(always)]
    pub(super) fn of_words(&self, high: u64, low: u64) -> i128 {
        // Cannot overflow: (2^64 - 1) * 2^64 + 2^64 - 1 is the largest 128-bit number.
        let offset = (u128::from(high) * self.span + ((u128::from(low) * self.span) >> 64)) >> 64;
        self.low + offset as i128
    }
}

impl Distribution<i128> for Integers {
    fn sample<R: Rng + ?Sized>(&self, rng: &mut R) -> i128 {
        match self.narrow() {
            Some(span) => self.of_word(span, rng.next_u64()),
            None => {
                let high = rng.next_u64();
                self.of_words(high, rng.next_u64())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reaches_both_ends_and_no_further() {
        for (low, high) in [(0, 1), (-5, 7), (0, 1 << 32), (i128::from(i64::MIN), 1 << 63), (0, 1 << 64), (-1, 1 << 32)] {
            let integers = Integers::new(low, high);
            let ends = match integers.narrow() {
                Some(span) => (integers.of_word(span, 0), integers.of_word(span, u64::MAX)),
                None => (integers.of_words(0, 0), integers.of_words(u64::MAX, u64::MAX)),
            };
            assert_eq!(ends, (low, high - 1));
        }
    }

    #[test]
    fn the_range_of_i64_is_known() {
        let (least, end) = (i128::from(i64::MIN), 1 << 63);
        for (low, high, fit) in
            [(least, end, true), (least - 1, 0, false), (0, end + 1, false), (end - 1, end, true), (end, end + 1, false)]
        {
            assert_eq!(Integers::new(low, high).fit_i64(), fit, "{low} {high}");
        }
    }

    #[test]
    fn the_full_range_is_the_first_word() {
        assert_eq!(Integers::new(0, 1 << 64).of_words(0x0123_4567_89AB_CDEF, 99), 0x0123_4567_89AB_CDEF);
    }
}
