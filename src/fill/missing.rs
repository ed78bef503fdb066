//! The seeded share of elements that are set to one value.

use super::sampler::TILE;
use super::stream::{Purpose, Stream, pieces};
use super::uniform::Bernoulli;
use crate::model::{Dtype, Elements, EncodeError, Fill, encode_one};

/// Which elements are missing, and what they become.
pub(super) struct Share {
    stream: Stream,
    chance: Bernoulli,
    value: Elements,
}

impl Share {
    /// `None` if nothing is ever missing.
    pub(super) fn new(fill: &Fill, dtype: &Dtype) -> Result<Option<Self>, EncodeError> {
        let Some(missing) = fill.missing.as_ref().filter(|m| m.fraction > 0.0) else { return Ok(None) };
        Ok(Some(Self {
            stream: Stream::new(Purpose::Missing, fill.seed, &fill.stream),
            chance: Bernoulli { p: missing.fraction },
            value: encode_one(&missing.value, dtype)?,
        }))
    }

    /// Replaces the missing ones among elements `start …`.
    pub(super) fn apply(&self, dtype: &Dtype, start: u64, elements: &mut Elements) {
        let count = elements.count(dtype);
        self.hits(start, count, |i| elements.set_from(dtype, i, &self.value, 0));
    }

    /// [`Share::apply`] to elements that are bytes alone.
    pub(super) fn apply_to(&self, dtype: &Dtype, start: u64, out: &mut [u8]) {
        let (Elements::Fixed(value), size) = (&self.value, dtype.size()) else { return };
        self.hits(start, out.len() / size.max(1), |i| out[i * size..(i + 1) * size].copy_from_slice(value));
    }

    /// Calls `hit` for each that is missing among `count` elements from `start` on, by its place among them.
    fn hits(&self, start: u64, count: usize, mut hit: impl FnMut(usize)) {
        let mut words = [0u64; TILE];
        let mut at = 0;
        for (first, count) in pieces(start, count) {
            let mut source = self.stream.words(first, 1);
            let end = at + count;
            while at < end {
                let words = &mut words[..TILE.min(end - at)];
                source.fill(words);
                words.iter().enumerate().filter(|(_, word)| self.chance.hit(**word)).for_each(|(i, _)| hit(at + i));
                at += words.len();
            }
        }
    }
}
