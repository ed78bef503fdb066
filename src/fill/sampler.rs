//! How random numbers are made in bulk.

use super::chacha::Words;
use super::number::{Layout, put_floats};
use ndarray::Array1;
use ndarray_rand::RandomExt;
use rand::distr::Distribution;

/// Numbers made at once: small enough for the first-level cache, large enough that the dynamic call costs nothing.
pub(super) const TILE: usize = 1024;

/// Makes numbers from a stream, each from the same number of 64-bit words, so that any element can be entered directly.
pub(super) trait Sampler: Send + Sync {
    /// Words of one number.
    fn words(&self) -> u64;
    /// Writes the next numbers of the stream, as many as fit `out`.
    fn put(&self, stream: &mut Words, layout: Layout, out: &mut [u8]);
}

/// A number that is a function of one word. Its [`Distribution`], which `ndarray-rand` can drive, gives the same numbers.
pub(super) trait OneWord: Distribution<f64> + Send + Sync {
    /// The number of a word.
    fn value(&self, word: u64) -> f64;
}

impl<F: OneWord> Sampler for F {
    fn words(&self) -> u64 {
        1
    }

    fn put(&self, stream: &mut Words, layout: Layout, out: &mut [u8]) {
        let mut words = [0; TILE];
        for tile in out.chunks_mut(TILE * layout.size) {
            let words = &mut words[..tile.len() / layout.size];
            stream.fill(words);
            put_floats(layout, words.iter().map(|&word| self.value(word)), tile);
        }
    }
}

/// A distribution driven number by number through `ndarray-rand`.
pub(super) struct Driven<D> {
    /// The distribution; takes exactly `words` words for every number.
    pub(super) distribution: D,
    /// Words of one number.
    pub(super) words: u64,
}

impl<D: Distribution<f64> + Send + Sync> Sampler for Driven<D> {
    fn words(&self) -> u64 {
        self.words
    }

    fn put(&self, stream: &mut Words, layout: Layout, out: &mut [u8]) {
        let mut rng = stream.generator();
        for tile in out.chunks_mut(TILE * layout.size) {
            let made = Array1::random_using(tile.len() / layout.size, &self.distribution, &mut rng);
            put_floats(layout, made.into_iter(), tile);
        }
        stream.skip((out.len() / layout.size) as u64 * self.words);
    }
}
