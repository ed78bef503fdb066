//! What a sampler makes of its random 64-bit words.

/// 2^-53, the spacing of the uniform grid.
const GRID: f64 = 1.0 / (1u64 << 53) as f64;

/// Uniform on the multiples of 2^-53 in [0, 1).
#[inline(always)]
pub(super) fn unit(word: u64) -> f64 {
    (word >> 11) as f64 * GRID
}

/// Uniform on the multiples of 2^-53 in (0, 1]: safe to take the logarithm of. Exact.
#[inline(always)]
pub(super) fn positive(word: u64) -> f64 {
    1.0 - unit(word)
}

/// `(k + 1/2) / 2^53 - 1/2` where `k` is the upper 53 bits: symmetric around 0, never an end of (-1/2, 1/2). Exact.
#[inline(always)]
pub(super) fn centred(word: u64) -> f64 {
    // Sign and magnitude, because `k + 1/2` itself needs 54 bits for the upper half of all `k` and would be rounded, to 2^53 at the end.
    // The magnitude goes into the mantissa of 2^52, which vectorises where integer conversion does not.
    let upper_half = 0u64.wrapping_sub(word >> 63);
    let magnitude = ((word ^ !upper_half) >> 11) & ((1 << 52) - 1);
    let two_52 = f64::from_bits(0x433 << 52);
    let size = ((f64::from_bits(0x433 << 52 | magnitude) - two_52) + 0.5) * GRID;
    f64::from_bits(size.to_bits() | (!upper_half & 1 << 63))
}

/// `(2 k + 1) / 2^53` where `k` is the upper 53 bits as a signed number: symmetric around 0, never 0 or an end of (-1, 1). Exact.
#[inline(always)]
pub(super) fn signed(word: u64) -> f64 {
    ((word.cast_signed() >> 10) | 1) as f64 * GRID
}

/// Uniform integer in `0..len`, for `len` up to 2^32 (the bias is below len / 2^64).
#[inline(always)]
pub(super) fn below(word: u64, len: u64) -> u64 {
    ((u128::from(word) * u128::from(len)) >> 64) as u64
}

/// The generator behind an element that one word is not enough for (a rejected try, a text): SplitMix64 (Steele, Lea, Flood 2014),
/// begun at the element's last word.
pub(super) struct Spare(pub(super) u64);

impl Spare {
    /// The next 64 bits.
    pub(super) fn word(&mut self) -> u64 {
        let word = spare_word(self.0, 0);
        self.0 = self.0.wrapping_add(STEP);
        word
    }
}

/// What SplitMix64 adds to its state for each output.
const STEP: u64 = 0x9E37_79B9_7F4A_7C15;

/// Output `number` (from 0) of SplitMix64 begun at `seed`.
#[inline(always)]
pub(super) fn spare_word(seed: u64, number: u64) -> u64 {
    let mut z = seed.wrapping_add(number.wrapping_add(1).wrapping_mul(STEP));
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}

/// Tries before a sampler gives up. No sampler rejects more than half of its tries, so this is never reached by chance; it is
/// what makes a hang impossible whatever the parameters.
pub(super) const TRIES: usize = 1000;

/// The first accepted try: of the two words given, then of pairs from a [`Spare`] begun at `seed`.
#[inline]
pub(super) fn first_accepted<T>([a, b, seed]: [u64; 3], attempt: impl Fn(u64, u64) -> Option<T>) -> Option<T> {
    if let Some(value) = attempt(a, b) {
        return Some(value);
    }
    let mut spare = Spare(seed);
    (1..TRIES).find_map(|_| {
        let a = spare.word();
        let b = spare.word();
        attempt(a, b)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ends_of_the_ranges() {
        assert_eq!((unit(0), unit(u64::MAX)), (0.0, 1.0 - GRID));
        assert_eq!((positive(0), positive(u64::MAX)), (1.0, GRID));
        assert_eq!((centred(0), centred(u64::MAX)), (-0.5 + GRID / 2.0, 0.5 - GRID / 2.0));
        assert_eq!((centred(1 << 63), centred((1 << 63) - 1)), (GRID / 2.0, -GRID / 2.0));
        assert_eq!((signed(1 << 63), signed((1 << 63) - 1)), (-1.0 + GRID, 1.0 - GRID));
        assert_eq!((signed(0), signed(u64::MAX)), (GRID, -GRID));
        assert_eq!((below(0, 7), below(u64::MAX, 7)), (0, 6));
    }

    #[test]
    fn centred_and_signed_are_the_exact_formulas() {
        let mut spare = Spare(1);
        for _ in 0..10_000 {
            let word = spare.word();
            let exact = (2 * i64::try_from(word >> 11).unwrap() + 1 - (1 << 53)) as f64 * GRID / 2.0;
            assert_eq!(centred(word), exact);
            // The same numbers, but of another word: here the upper bit is a sign.
            assert_eq!(signed(word ^ 1 << 63), 2.0 * exact);
        }
    }

    #[test]
    fn spare_is_splitmix64() {
        // The published first outputs for seed 1234567.
        let mut spare = Spare(1_234_567);
        let first = [spare.word(), spare.word(), spare.word()];
        assert_eq!(first, [6_457_827_717_110_365_317, 3_203_168_211_198_807_973, 9_817_491_932_198_370_423]);
        assert_eq!(first, [0, 1, 2].map(|number| spare_word(1_234_567, number)));
    }

    #[test]
    fn gives_up_instead_of_hanging() {
        assert_eq!(first_accepted([1, 2, 3], |_, _| None::<f64>), None);
    }
}
