//! Everything that a crash can leave of some operations.

use super::{Op, Random};

/// How crash states are enumerated.
#[derive(Debug, Clone, Copy)]
pub struct Crashes {
    /// Bytes that are written whole or not at all, at multiples of them.
    pub grain: u64,
    /// Does a file only become longer together with the data that are there?
    pub ordered: bool,
    /// So many parts of the last operations, and all their subsets are taken.
    pub exhaustive: usize,
    /// Of more parts: all prefixes, each alone, each missing.
    pub sweep: bool,
    /// Random subsets and orders, beside.
    pub random: usize,
}

/// A part of an operation, which a crash leaves done or not.
enum Part<'a> {
    Bytes(u64, &'a [u8]),
    /// The file is this long at least; with that number of parts before it, if it is ordered.
    Grow(u64, usize),
    Cut(u64),
}

/// Calls `each` with every image that a crash during these operations can leave. It gets the number of syncs before.
pub fn crashes(base: &[u8], log: &[Op], how: Crashes, seed: u64, each: &mut dyn FnMut(Vec<u8>, usize)) {
    let mut random = Random(seed);
    let mut ends: Vec<usize> = (0..log.len()).filter(|&i| matches!(log[i], Op::Sync)).collect();
    ends.push(log.len());
    for (syncs, &end) in ends.iter().enumerate() {
        let durable = if syncs == 0 { 0 } else { ends[syncs - 1] };
        let mut parts: Vec<Part> = Vec::new();
        let mut forced = Vec::new();
        for (i, op) in log[..end].iter().enumerate() {
            // Only the sync that comes next makes bytes durable.
            let next = log[i..end].iter().find(|op| matches!(op, Op::Sync | Op::FailedSync));
            let sure = i < durable && matches!(next, Some(Op::Sync));
            let before = parts.len();
            match op {
                Op::Write { at, bytes, grows } => {
                    let mut from = 0;
                    while from < bytes.len() {
                        let here = at + from as u64;
                        let to = (((here / how.grain + 1) * how.grain - at) as usize).min(bytes.len());
                        parts.push(Part::Bytes(here, &bytes[from..to]));
                        from = to;
                    }
                    if *grows {
                        parts.push(Part::Grow(at + bytes.len() as u64, parts.len() - before));
                    }
                }
                Op::Truncate(len) => parts.push(Part::Cut(*len)),
                Op::Sync | Op::FailedSync => {}
            }
            forced.extend(parts[before..].iter().map(|part| match part {
                Part::Bytes(..) => sure,
                Part::Grow(..) | Part::Cut(_) => i < durable,
            }));
        }
        let free: Vec<usize> = (0..parts.len()).filter(|&i| !forced[i]).collect();
        // What is sure and first is the same in all.
        let first = free.first().copied().unwrap_or(parts.len());
        let start = build(base, &parts[..first], &vec![true; first], false, None);
        let parts = &parts[first..];
        let mut done: Vec<bool> = forced[first..].to_vec();
        let free: Vec<usize> = free.iter().map(|i| i - first).collect();
        let n = free.len();
        let lengths_follow = how.ordered && free.len() == parts.len();
        let mut take = |chosen: &dyn Fn(usize) -> bool, order: Option<&mut Random>| {
            for (k, &i) in free.iter().enumerate() {
                done[i] = chosen(k);
            }
            each(build(&start, parts, &done, lengths_follow, order), syncs);
        };
        if n <= how.exhaustive {
            (0..1u64 << n).for_each(|mask| take(&|k| mask >> k & 1 == 1, None));
        } else if how.sweep {
            (0..=n).for_each(|m| take(&|k| k < m, None));
            (0..n).for_each(|m| take(&|k| k != m, None));
            (0..n).for_each(|m| take(&|k| k == m, None));
        }
        if n > 1 {
            for _ in 0..how.random {
                let (often, salt) = (random.below(255), random.next());
                let chosen = |k: usize| Random(salt ^ (k as u64) << 20).below(256) <= often;
                // Orders matter only where operations overlap; a file system keeps that of lengths.
                let order = free.len() == parts.len() && !parts.iter().any(|p| matches!(p, Part::Cut(_)));
                take(&chosen, order.then_some(&mut random));
            }
        }
    }
}

fn build(base: &[u8], parts: &[Part], done: &[bool], ordered: bool, order: Option<&mut Random>) -> Vec<u8> {
    let mut data = base.to_vec();
    let mut size = base.len() as u64;
    let mut indices: Vec<usize> = (0..parts.len()).collect();
    if let Some(random) = order {
        for i in (1..indices.len()).rev() {
            indices.swap(i, random.below(i as u64 + 1) as usize);
        }
    }
    for i in indices.into_iter().filter(|&i| done[i]) {
        match parts[i] {
            Part::Bytes(at, bytes) => {
                let end = at as usize + bytes.len();
                if end > data.len() {
                    data.resize(end, 0);
                }
                data[at as usize..end].copy_from_slice(bytes);
            }
            Part::Grow(to, before) => {
                if !ordered || done[i - before..i].iter().all(|&d| d) {
                    size = size.max(to);
                }
            }
            Part::Cut(to) => {
                data.truncate(to as usize);
                size = to;
            }
        }
    }
    data.resize(size as usize, 0);
    data
}
