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
            Elements::Fixed(pattern) => {
                let size = dtype.size();
                let total = count * size;
                let mut out = Vec::with_capacity(total);
                let first = &pattern[phase * size..];
                out.extend_from_slice(&first[..first.len().min(total)]);
                while out.len() < total {
                    out.extend_from_slice(&pattern[..pattern.len().min(total - out.len())]);
                }
                Elements::Fixed(out)
            }
            Elements::Strings(pattern) => Elements::Strings(pattern.iter().cycle().skip(phase).take(count).cloned().collect()),
            Elements::Nested(pattern) => Elements::Nested(pattern.iter().cycle().skip(phase).take(count).cloned().collect()),
        }
    }
}
