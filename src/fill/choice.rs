//! Choosing from a list.

use ndarray::Array1;
use ndarray_rand::RandomExt;
use rand::Rng;
use rand::distr::Distribution;

use super::counts::Table;
use super::stream::{Stream, pieces};
use super::words::below;

/// Which of a list: a position.
#[derive(Clone)]
pub(super) enum Choice {
    /// All equally likely.
    Equal { len: u64 },
    /// By weight.
    Weighted(Table),
}

impl Choice {
    /// Positions for elements `start .. start + count`.
    pub(super) fn positions(&self, stream: &Stream, start: u64, count: usize) -> impl Iterator<Item = usize> {
        pieces(start, count).flat_map(move |(first, count)| Array1::<usize>::random_using(count, self, &mut stream.at(first, 1)))
    }
}

impl Distribution<usize> for Choice {
    fn sample<R: Rng + ?Sized>(&self, rng: &mut R) -> usize {
        match self {
            Choice::Equal { len } => below(rng.next_u64(), *len) as usize,
            Choice::Weighted(table) => table.pick(rng.next_u64()),
        }
    }
}
