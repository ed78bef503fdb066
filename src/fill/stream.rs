//! Random streams that can be entered at any element.

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;
use sha2::{Digest, Sha256};

use super::chacha::Words;

/// Elements of one block; a block is one ChaCha stream. A constant of the language.
pub(super) const BLOCK: u64 = 1 << 16;

/// What the random words are for. Different purposes never share a key.
#[derive(Clone, Copy)]
pub(super) enum Purpose {
    /// The rule's values.
    Values,
    /// Which elements are missing.
    Missing,
}

/// A random stream: the ChaCha8 key that seed and stream name give.
pub(super) struct Stream {
    key: [u8; 32],
}

impl Stream {
    /// The stream of a seed and a name.
    pub(super) fn new(purpose: Purpose, seed: u64, name: &[u8]) -> Self {
        let domain: &[u8] = match purpose {
            Purpose::Values => b"h5mason fill v1\0",
            Purpose::Missing => b"h5mason missing v1\0",
        };
        let hash = Sha256::new().chain_update(domain).chain_update(seed.to_le_bytes()).chain_update(name).finalize();
        Self { key: hash.into() }
    }

    /// The words from an element on, where every element takes `words` 64-bit words: those of [`Stream::at`], up to the end of its block.
    pub(super) fn words(&self, element: u64, words: u64) -> Words {
        Words::new(self.key, element / BLOCK, element % BLOCK * words)
    }

    /// The generator at the first word of an element, where every element takes `words` 64-bit words.
    pub(super) fn at(&self, element: u64, words: u64) -> ChaCha8Rng {
        let mut rng = ChaCha8Rng::from_seed(self.key);
        rng.set_stream(element / BLOCK);
        // ChaCha counts 32-bit words.
        rng.set_word_pos(u128::from(element % BLOCK * words * 2));
        rng
    }
}

/// Cuts `start .. start + count` at the borders of blocks: first element and number of elements of each piece.
pub(super) fn pieces(start: u64, count: usize) -> impl Iterator<Item = (u64, usize)> {
    let mut at = start;
    let mut left = count;
    std::iter::from_fn(move || {
        let room = BLOCK - at % BLOCK;
        let piece = (at, left.min(room as usize));
        at += piece.1 as u64;
        left -= piece.1;
        (piece.1 > 0).then_some(piece)
    })
}

#[cfg(test)]
mod tests {
    use rand::RngCore;

    use super::*;

    #[test]
    fn pieces_end_at_blocks() {
        let cut = |start, count| pieces(start, count).collect::<Vec<_>>();
        assert_eq!(cut(5, 0), []);
        assert_eq!(cut(5, 10), [(5, 10)]);
        assert_eq!(cut(BLOCK - 1, 2), [(BLOCK - 1, 1), (BLOCK, 1)]);
        assert_eq!(cut(0, 3 * BLOCK as usize), [(0, 65536), (BLOCK, 65536), (2 * BLOCK, 65536)]);
    }

    #[test]
    fn elements_follow_each_other() {
        let stream = Stream::new(Purpose::Values, 1, b"/x");
        let mut walk = stream.at(BLOCK, 3);
        for element in 0..100 {
            let mut entered = stream.at(BLOCK + element, 3);
            for _ in 0..3 {
                assert_eq!(walk.next_u64(), entered.next_u64());
            }
        }
    }

    #[test]
    fn seed_name_purpose_and_block_matter() {
        let first = |purpose, seed, name: &[u8], element| Stream::new(purpose, seed, name).at(element, 1).next_u64();
        let all = [
            first(Purpose::Values, 1, b"/x", 0),
            first(Purpose::Values, 2, b"/x", 0),
            first(Purpose::Values, 1, b"/y", 0),
            first(Purpose::Missing, 1, b"/x", 0),
            first(Purpose::Values, 1, b"/x", BLOCK),
        ];
        assert!((1..5).all(|i| !all[..i].contains(&all[i])));
    }
}
