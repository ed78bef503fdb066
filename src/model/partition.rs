//! How the elements of a region are cut into blocks for reading, generating and writing.

use super::{Block, Region};

/// Bytes of one block, about: large enough to keep the cost of a call small, small enough for caches.
const BLOCK_BYTES: u64 = 1 << 20;
/// A chunk is one block up to this size: a part of a compressed chunk costs the whole chunk.
const MOST_BLOCK_BYTES: u64 = 32 << 20;

/// A region cut into boxes, numbered in row-major order. A pure function of region, chunk shape and
/// element size, so that the planner's and the executor's block numbers are the same.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Partition {
    axes: Vec<Cuts>,
}

/// Cuts along one axis: a first piece, then pieces of `size`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Cuts {
    len: u64,
    first: u64,
    size: u64,
    /// Positions in one block of the selection: no piece crosses its end. 1 where blocks do not matter.
    block: u64,
}

impl Cuts {
    fn pieces(&self) -> u64 {
        if self.block > 1 {
            return self.len / self.block * self.block.div_ceil(self.size);
        }
        if self.len <= self.first { 1 } else { 1 + (self.len - self.first).div_ceil(self.size) }
    }

    fn piece(&self, k: u64) -> (u64, u64) {
        if self.block > 1 {
            let in_one = self.block.div_ceil(self.size);
            let within = k % in_one * self.size;
            return (k / in_one * self.block + within, self.size.min(self.block - within));
        }
        let start = if k == 0 { 0 } else { self.first + (k - 1) * self.size };
        let end = if k == 0 { self.first } else { start + self.size };
        (start, end.min(self.len) - start)
    }
}

impl Partition {
    /// Cuts a region along the dataset's chunks, where it has some, so that no chunk is visited twice
    /// as long as a chunk fits a block; else into slabs along the first axes.
    pub fn new(region: &Region, chunk: Option<&[u64]>, element_bytes: usize) -> Self {
        let lens = region.lens();
        let bytes = element_bytes.max(1) as u64;
        let chunk_elements = chunk.map_or(1, |c| c.iter().fold(1u64, |n, &d| n.saturating_mul(d)));
        let most = (BLOCK_BYTES / bytes).max(chunk_elements.min(MOST_BLOCK_BYTES / bytes)).max(1);
        let unit: Vec<u64> = match (region.axes(), chunk) {
            (Some(axes), Some(chunk)) => axes.iter().zip(chunk).map(|(a, &c)| unit_along(a, c)).collect(),
            (Some(axes), None) => axes.iter().map(|a| a.block).collect(),
            (None, _) => vec![1],
        };
        let sizes = box_sizes(&lens, &unit, most);
        let axes = lens.iter().zip(&sizes).enumerate().map(|(i, (&len, &size))| {
            let first = match region.axes() {
                Some(axes) if axes[i].block == 1 && axes[i].step == 1 && size < len => size - axes[i].start % size,
                _ => size,
            };
            match region.axes().map(|axes| axes[i].block) {
                Some(block) if block > 1 && size < block => Cuts { len, first: size, size, block },
                // Whole blocks.
                Some(block) if block > 1 => {
                    let size = size / block * block;
                    Cuts { len, first: size.min(len), size, block: 1 }
                }
                _ => Cuts { len, first: first.min(len), size, block: 1 },
            }
        });
        Self { axes: axes.collect() }
    }

    /// Number of blocks.
    pub fn count(&self) -> u64 {
        self.axes.iter().map(Cuts::pieces).product()
    }

    /// Numbers of the blocks that hold elements of a box, in the region's own coordinates; `None` where blocks of a selection are cut.
    pub fn holding(&self, offset: &[u64], len: &[u64]) -> Option<Vec<u64>> {
        let mut out = vec![0];
        for ((cuts, &at), &len) in self.axes.iter().zip(offset).zip(len) {
            if cuts.block > 1 {
                return None;
            }
            let number = |position: u64| if position < cuts.first { 0 } else { 1 + (position - cuts.first) / cuts.size };
            let last = (at + len.max(1) - 1).min(cuts.len.saturating_sub(1));
            let (first, last) = (number(at), number(last));
            out = out.iter().flat_map(|k| (first..=last).map(move |piece| k * cuts.pieces() + piece)).collect();
        }
        Some(out)
    }

    /// The k-th block.
    pub fn block(&self, mut k: u64) -> Block {
        let mut block = Block { offset: vec![0; self.axes.len()], len: vec![1; self.axes.len()] };
        for (i, cuts) in self.axes.iter().enumerate().rev() {
            let pieces = cuts.pieces();
            (block.offset[i], block.len[i]) = cuts.piece(k % pieces);
            k /= pieces;
        }
        block
    }
}

/// Selected positions of an axis that one chunk holds, about.
fn unit_along(axis: &super::AxisRange, chunk: u64) -> u64 {
    let per_chunk = if axis.block > 1 { axis.block } else { (chunk / axis.step).max(1) };
    per_chunk.clamp(1, axis.len())
}

/// Sizes of the boxes: units, halved while they are too large, then grown from the last axis on as
/// long as they are small enough.
fn box_sizes(lens: &[u64], unit: &[u64], most: u64) -> Vec<u64> {
    let mut sizes: Vec<u64> = unit.iter().zip(lens).map(|(&u, &n)| u.min(n).max(1)).collect();
    let volume = |sizes: &[u64]| sizes.iter().fold(1u64, |n, &s| n.saturating_mul(s));
    for axis in 0..sizes.len() {
        while volume(&sizes) > most && sizes[axis] > 1 {
            sizes[axis] = sizes[axis].div_ceil(2);
        }
    }
    for axis in (0..sizes.len()).rev() {
        let room = most / volume(&sizes).max(1);
        let steps = room.min(lens[axis].div_ceil(sizes[axis])).max(1);
        sizes[axis] = (sizes[axis] * steps).min(lens[axis]);
        if sizes[axis] < lens[axis] {
            break;
        }
    }
    sizes
}

impl Block {
    /// Number of elements.
    pub fn elements(&self) -> usize {
        self.len.iter().product::<u64>() as usize
    }

    /// Runs of consecutive row-major indices in a frame of sizes `frame`, in order:
    /// `each(first index, count)`. `at` is the block's first place in the frame.
    pub fn runs(&self, at: &[u64], frame: &[u64], mut each: impl FnMut(u64, usize)) {
        let rank = frame.len();
        // Trailing axes that the block covers whole make one run together with the axis before them.
        let mut split = rank;
        let mut run = 1u64;
        while split > 0 {
            split -= 1;
            run *= self.len[split];
            if self.len[split] != frame[split] {
                break;
            }
        }
        if rank == 0 {
            each(0, 1);
            return;
        }
        let mut stride = vec![1u64; rank];
        for i in (0..rank - 1).rev() {
            stride[i] = stride[i + 1] * frame[i + 1];
        }
        let mut index = vec![0u64; split];
        loop {
            let start: u64 = (0..rank).map(|i| (at[i] + index.get(i).copied().unwrap_or(0)) * stride[i]).sum();
            each(start, run as usize);
            let mut axis = split;
            loop {
                if axis == 0 {
                    return;
                }
                axis -= 1;
                index[axis] += 1;
                if index[axis] < self.len[axis] {
                    break;
                }
                index[axis] = 0;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Selection, Shape};
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn blocks_cover_a_region_once(
            dims in proptest::collection::vec(1u64..12, 1..4),
            chunk in proptest::collection::vec(1u64..6, 3),
            steps in proptest::collection::vec(1i64..4, 3),
            starts in proptest::collection::vec(0u64..12, 3),
            bytes in prop_oneof![Just(8usize), Just(1 << 17), Just(1 << 19), Just(1 << 21)],
        ) {
            let items: Vec<String> = dims.iter().enumerate().map(|(i, n)| format!("{}::{}", starts[i] % n, steps[i])).collect();
            let region = Selection::parse(&items.join(",")).unwrap().resolve(&Shape::Simple(dims.clone())).unwrap();
            let partition = Partition::new(&region, Some(&chunk[..dims.len()]), bytes);
            let lens = region.lens();
            let mut seen = vec![0; region.elements() as usize];
            let mut selected = 0;
            for k in 0..partition.count() {
                let block = partition.block(k);
                let mut elements = 0;
                block.runs(&block.offset, &lens, |start, count| {
                    elements += count;
                    (start..start + count as u64).for_each(|i| seen[i as usize] += 1);
                });
                prop_assert_eq!(elements, block.elements());
                let sub = region.sub(&block);
                prop_assert_eq!(sub.elements() as usize, elements);
                selected += sub.elements();
            }
            prop_assert!(seen.iter().all(|&n| n == 1));
            prop_assert_eq!(selected, region.elements());
        }
    }

    proptest! {
        #[test]
        fn a_box_is_held_by_the_blocks_that_share_elements(
            dims in proptest::collection::vec(1u64..12, 1..4),
            chunk in proptest::collection::vec(1u64..6, 3),
            corner in proptest::collection::vec((0u64..12, 1u64..5), 3),
            bytes in prop_oneof![Just(8usize), Just(1 << 17), Just(1 << 19)],
        ) {
            let region = Region::whole(&Shape::Simple(dims.clone())).unwrap();
            let partition = Partition::new(&region, Some(&chunk[..dims.len()]), bytes);
            let offset: Vec<u64> = dims.iter().zip(&corner).map(|(n, (at, _))| at % n).collect();
            let len: Vec<u64> = offset.iter().zip(&dims).zip(&corner).map(|((at, n), (_, len))| (*len).min(n - at)).collect();
            let shares = |k: &u64| {
                let block = partition.block(*k);
                (0..dims.len()).all(|i| block.offset[i] < offset[i] + len[i] && offset[i] < block.offset[i] + block.len[i])
            };
            prop_assert_eq!(partition.holding(&offset, &len).unwrap(), (0..partition.count()).filter(shares).collect::<Vec<_>>());
        }
    }

    #[test]
    fn blocks_of_hyperslabs_are_not_crossed() {
        for (block, bytes) in [(3u64, 1usize << 18), (300_001, 8), (7, 8), (1000, 2000)] {
            let slab = Selection::Hyperslab { start: vec![5], stride: vec![block + 2], count: vec![3], block: vec![block] };
            let region = slab.resolve(&Shape::Simple(vec![5 + 3 * (block + 2)])).unwrap();
            let partition = Partition::new(&region, None, bytes);
            let mut next = 0;
            for k in 0..partition.count() {
                let part = partition.block(k);
                assert_eq!(part.offset[0], next);
                let sub = region.sub(&part);
                assert_eq!(sub.elements(), part.len[0]);
                let (mut a, mut b) = (Vec::new(), Vec::new());
                region.locate(&[next], &mut a);
                sub.locate(&[0], &mut b);
                assert_eq!(a, b);
                region.locate(&[next + part.len[0] - 1], &mut a);
                sub.locate(&[part.len[0] - 1], &mut b);
                assert_eq!(a, b);
                next += part.len[0];
            }
            assert_eq!(next, region.elements());
        }
    }

    #[test]
    fn boxes_follow_chunks() {
        let region = Region::whole(&Shape::Simple(vec![1024, 1024, 128])).unwrap();
        let partition = Partition::new(&region, Some(&[8, 128, 128]), 8);
        assert_eq!(partition.block(0).len, [8, 128, 128]);
        assert_eq!(partition.count(), 1024);
        let plain = Partition::new(&region, None, 8);
        assert_eq!(plain.block(0).len, [1, 1024, 128]);
        let mut runs = Vec::new();
        plain.block(3).runs(&plain.block(3).offset, &[1024, 1024, 128], |start, n| runs.push((start, n)));
        assert_eq!(runs, [(3 * 1024 * 128, 1024 * 128)]);
    }
}
