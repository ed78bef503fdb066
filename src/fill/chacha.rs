//! The words of a random stream in bulk.
//!
//! ChaCha with 8 rounds and a 64-bit block counter, as D. J. Bernstein described it ("ChaCha, a variant of Salsa20", 2008) and `rand_chacha` has
//! it. Where the processor has AVX-512, sixteen blocks are made at once; the words are `rand_chacha`'s everywhere, and a test holds them together.

use rand::Rng;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;

/// Words of one ChaCha block.
const BLOCK_WORDS: u64 = 8;
/// Words that are made at once.
const WIDE_WORDS: usize = 128;

/// The 64-bit words of a stream from a place on.
pub(super) struct Words {
    key: [u8; 32],
    stream: u64,
    /// The next word.
    at: u64,
    wide: bool,
}

impl Words {
    /// From word `at` of the stream on.
    pub(super) fn new(key: [u8; 32], stream: u64, at: u64) -> Self {
        Self { key, stream, at, wide: wide::is_available() }
    }

    /// Writes the next words.
    pub(super) fn fill(&mut self, out: &mut [u64]) {
        // Blocks are made as a whole: up to the next one, and what is left at the end, goes the other way.
        let head = (self.at.wrapping_neg() % BLOCK_WORDS) as usize;
        if !self.wide || out.len() < head + WIDE_WORDS {
            return self.fill_narrow(out);
        }
        let (head, rest) = out.split_at_mut(head);
        if !head.is_empty() {
            self.fill_narrow(head);
        }
        let (body, tail) = rest.split_at_mut(rest.len() / WIDE_WORDS * WIDE_WORDS);
        wide::fill(&self.key, self.stream, self.at / BLOCK_WORDS, body);
        self.at += body.len() as u64;
        if !tail.is_empty() {
            self.fill_narrow(tail);
        }
    }

    /// A generator that goes on from here, for distributions that are driven number by number.
    pub(super) fn generator(&self) -> ChaCha8Rng {
        let mut rng = ChaCha8Rng::from_seed(self.key);
        rng.set_stream(self.stream);
        // ChaCha counts 32-bit words.
        rng.set_word_pos(u128::from(self.at) * 2);
        rng
    }

    /// Passes over words that a generator has taken.
    pub(super) fn skip(&mut self, words: u64) {
        self.at += words;
    }

    fn fill_narrow(&mut self, out: &mut [u64]) {
        self.generator().fill(out);
        self.at += out.len() as u64;
    }
}

#[cfg(target_arch = "x86_64")]
mod wide {
    #![expect(unsafe_code, reason = "instructions that only some processors have (ARCHITECTURE.md, Invariants)")]

    use std::arch::x86_64::*;

    use super::WIDE_WORDS;

    /// "expa", "nd 3", "2-by", "te k".
    const SIGMA: [u32; 4] = [0x6170_7865, 0x3320_646e, 0x7962_2d32, 0x6b20_6574];
    /// Registers with four blocks each.
    const GROUPS: usize = 4;
    /// One row of the state of all blocks: four words of each.
    type Row = [__m512i; GROUPS];

    pub(super) fn is_available() -> bool {
        is_x86_feature_detected!("avx512f")
    }

    /// Whole blocks from this one on; [`is_available`] has said yes.
    pub(super) fn fill(key: &[u8; 32], stream: u64, block: u64, out: &mut [u64]) {
        // SAFETY: the processor has AVX-512F.
        unsafe { fill_blocks(key, stream, block, out) }
    }

    #[target_feature(enable = "avx512f")]
    fn fill_blocks(key: &[u8; 32], stream: u64, first: u64, out: &mut [u64]) {
        let word = |i: usize| u32::from_le_bytes([key[4 * i], key[4 * i + 1], key[4 * i + 2], key[4 * i + 3]]);
        let row = |w: [u32; 4]| {
            let [a, b, c, d] = w.map(|w| w as i32);
            _mm512_set4_epi32(d, c, b, a)
        };
        let fixed = [row(SIGMA), row(std::array::from_fn(word)), row(std::array::from_fn(|i| word(4 + i)))];
        for (number, out) in out.as_chunks_mut::<WIDE_WORDS>().0.iter_mut().enumerate() {
            let block = first + (number * 4 * GROUPS) as u64;
            let counters: Row = std::array::from_fn(|g| {
                let at = |i: u64| (block + 4 * g as u64 + i) as i64;
                let stream = stream as i64;
                _mm512_set_epi64(stream, at(3), stream, at(2), stream, at(1), stream, at(0))
            });
            let rows = rounds([[fixed[0]; GROUPS], [fixed[1]; GROUPS], [fixed[2]; GROUPS], counters]);
            for (g, out) in out.as_chunks_mut::<32>().0.iter_mut().enumerate() {
                let sums = [
                    _mm512_add_epi32(rows[0][g], fixed[0]),
                    _mm512_add_epi32(rows[1][g], fixed[1]),
                    _mm512_add_epi32(rows[2][g], fixed[2]),
                    _mm512_add_epi32(rows[3][g], counters[g]),
                ];
                store(sums, out);
            }
        }
    }

    /// Eight rounds: four over the columns, four over the diagonals.
    #[inline]
    #[target_feature(enable = "avx512f")]
    fn rounds([mut a, mut b, mut c, mut d]: [Row; 4]) -> [Row; 4] {
        for _ in 0..4 {
            quarters(&mut a, &mut b, &mut c, &mut d);
            for g in 0..GROUPS {
                b[g] = _mm512_shuffle_epi32::<0b00_11_10_01>(b[g]);
                c[g] = _mm512_shuffle_epi32::<0b01_00_11_10>(c[g]);
                d[g] = _mm512_shuffle_epi32::<0b10_01_00_11>(d[g]);
            }
            quarters(&mut a, &mut b, &mut c, &mut d);
            for g in 0..GROUPS {
                b[g] = _mm512_shuffle_epi32::<0b10_01_00_11>(b[g]);
                c[g] = _mm512_shuffle_epi32::<0b01_00_11_10>(c[g]);
                d[g] = _mm512_shuffle_epi32::<0b00_11_10_01>(d[g]);
            }
        }
        [a, b, c, d]
    }

    /// The quarter round on all columns of all blocks.
    #[inline]
    #[target_feature(enable = "avx512f")]
    fn quarters(a: &mut Row, b: &mut Row, c: &mut Row, d: &mut Row) {
        for g in 0..GROUPS {
            a[g] = _mm512_add_epi32(a[g], b[g]);
            d[g] = _mm512_rol_epi32::<16>(_mm512_xor_si512(d[g], a[g]));
        }
        for g in 0..GROUPS {
            c[g] = _mm512_add_epi32(c[g], d[g]);
            b[g] = _mm512_rol_epi32::<12>(_mm512_xor_si512(b[g], c[g]));
        }
        for g in 0..GROUPS {
            a[g] = _mm512_add_epi32(a[g], b[g]);
            d[g] = _mm512_rol_epi32::<8>(_mm512_xor_si512(d[g], a[g]));
        }
        for g in 0..GROUPS {
            c[g] = _mm512_add_epi32(c[g], d[g]);
            b[g] = _mm512_rol_epi32::<7>(_mm512_xor_si512(b[g], c[g]));
        }
    }

    /// Four blocks, of which a register holds one row each, block by block.
    #[inline]
    #[target_feature(enable = "avx512f")]
    fn store([a, b, c, d]: [__m512i; 4], out: &mut [u64; 32]) {
        let (low_ab, high_ab) = (_mm512_shuffle_i32x4::<0b01_00_01_00>(a, b), _mm512_shuffle_i32x4::<0b11_10_11_10>(a, b));
        let (low_cd, high_cd) = (_mm512_shuffle_i32x4::<0b01_00_01_00>(c, d), _mm512_shuffle_i32x4::<0b11_10_11_10>(c, d));
        let blocks = [
            _mm512_shuffle_i32x4::<0b10_00_10_00>(low_ab, low_cd),
            _mm512_shuffle_i32x4::<0b11_01_11_01>(low_ab, low_cd),
            _mm512_shuffle_i32x4::<0b10_00_10_00>(high_ab, high_cd),
            _mm512_shuffle_i32x4::<0b11_01_11_01>(high_ab, high_cd),
        ];
        for (block, out) in blocks.into_iter().zip(out.as_chunks_mut::<8>().0) {
            // SAFETY: 64 bytes, at any alignment.
            unsafe { _mm512_storeu_si512(out.as_mut_ptr().cast(), block) };
        }
    }
}

#[cfg(not(target_arch = "x86_64"))]
mod wide {
    pub(super) fn is_available() -> bool {
        false
    }

    pub(super) fn fill(_: &[u8; 32], _: u64, _: u64, _: &mut [u64]) {}
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plain(key: [u8; 32], stream: u64, at: u64, count: usize) -> Vec<u64> {
        let mut out = vec![0; count];
        Words { key, stream, at, wide: false }.fill(&mut out);
        out
    }

    /// On processors without AVX-512 this compares `rand_chacha` with itself.
    #[test]
    fn wide_words_are_the_words() {
        let key = std::array::from_fn(|i| (i * 37) as u8);
        for stream in [0, 1, 0xFFFF_FFFF, u64::MAX] {
            // The last but one crosses the counter's lower half.
            for at in [0, 1, 7, 8, 9, 1000, 65_535, (1 << 35) - 256, 1 << 40] {
                for count in [0, 1, 5, 127, 128, 129, 135, 136, 1024, 3000] {
                    let mut out = vec![0; count];
                    Words::new(key, stream, at).fill(&mut out);
                    assert_eq!(out, plain(key, stream, at, count), "{stream} {at} {count}");
                }
            }
        }
    }

    #[test]
    fn pieces_follow_each_other() {
        let key = [9; 32];
        let mut words = Words::new(key, 3, 5);
        let mut all = Vec::new();
        for count in [3, 200, 1, 1024, 7, 129] {
            let mut out = vec![0; count];
            words.fill(&mut out);
            all.extend(out);
        }
        assert_eq!(all, plain(key, 3, 5, all.len()));
    }
}
