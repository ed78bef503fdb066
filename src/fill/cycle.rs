//! Elements that repeat.

use crate::model::{Dtype, Elements};

/// Bytes that a short pattern is repeated to, so that copying is done in large pieces.
const LARGE: usize = 4096;

/// A list of elements again and again along the flat index.
pub(super) struct Cycle {
    pattern: Elements,
    period: usize,
}

impl Cycle {
    /// At least one element.
    pub(super) fn new(list: Elements, dtype: &Dtype) -> Self {
        let period = list.count(dtype);
        let pattern = match list {
            Elements::Fixed(bytes) => Elements::Fixed(bytes.repeat((LARGE / bytes.len().max(1)).max(1))),
            other @ (Elements::Strings(_) | Elements::Nested(_)) => other,
        };
        Self { pattern, period }
    }

    /// Elements `start .. start + count`.
    pub(super) fn run(&self, dtype: &Dtype, start: u64, count: usize) -> Elements {
        let phase = (start % self.period as u64) as usize;
        match &self.pattern {
            Elements::Fixed(_) => {
                let mut out = vec![0; count * dtype.size()];
                self.put(dtype, start, &mut out);
                Elements::Fixed(out)
            }
            Elements::Strings(pattern) => Elements::Strings(pattern.iter().cycle().skip(phase).take(count).cloned().collect()),
            Elements::Nested(pattern) => Elements::Nested(pattern.iter().cycle().skip(phase).take(count).cloned().collect()),
        }
    }

    /// Writes the elements from `start` on, as many as fit `out`; false, and nothing done, where they are more than bytes.
    pub(super) fn put(&self, dtype: &Dtype, start: u64, out: &mut [u8]) -> bool {
        let Elements::Fixed(pattern) = &self.pattern else { return false };
        let phase = (start % self.period as u64) as usize * dtype.size();
        let (head, rest) = out.split_at_mut(out.len().min(pattern.len() - phase));
        head.copy_from_slice(&pattern[phase..phase + head.len()]);
        rest.chunks_mut(pattern.len().max(1)).for_each(|part| part.copy_from_slice(&pattern[..part.len()]));
        true
    }
}
