//! Boxes of elements and the chunks they lie in.

/// A dataset's chunks.
#[derive(Clone, Debug)]
pub(super) struct Grid {
    /// Elements of a chunk along each axis, at least 1.
    pub chunk: Vec<u64>,
    /// The dataset's extent.
    pub extent: Vec<u64>,
    /// Bytes of an element.
    pub size: usize,
}

/// A chunk, and what a box has of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Piece {
    /// The chunk's first element.
    pub offset: Vec<u64>,
    /// The first common element in the chunk.
    pub in_chunk: Vec<u64>,
    /// The first common element in the box.
    pub in_box: Vec<u64>,
    /// Common elements along each axis.
    pub lens: Vec<u64>,
}

impl Grid {
    /// Bytes of a chunk, if they can be addressed.
    pub fn chunk_bytes(&self) -> Option<usize> {
        let bytes = self.chunk.iter().try_fold(self.size as u64, |n, &d| n.checked_mul(d))?;
        usize::try_from(bytes).ok()
    }

    /// Does the box consist of whole chunks, as far as they lie within the extent?
    pub fn is_whole(&self, start: &[u64], lens: &[u64]) -> bool {
        let axes = start.iter().zip(lens).zip(self.chunk.iter().zip(&self.extent));
        axes.into_iter().all(|((&start, &len), (&chunk, &extent))| {
            let end = start + len;
            start.is_multiple_of(chunk) && (end.is_multiple_of(chunk) || end == extent)
        })
    }

    /// Does the chunk reach over the extent's edge?
    pub fn is_edge(&self, offset: &[u64]) -> bool {
        offset.iter().zip(&self.chunk).zip(&self.extent).any(|((at, chunk), extent)| at + chunk > *extent)
    }

    /// The chunks that a box has elements of, row-major.
    pub fn pieces(&self, start: &[u64], lens: &[u64]) -> impl Iterator<Item = Piece> {
        let first: Vec<u64> = start.iter().zip(&self.chunk).map(|(s, c)| s / c).collect();
        let counts: Vec<u64> = (0..start.len()).map(|i| (start[i] + lens[i]).div_ceil(self.chunk[i]) - first[i]).collect();
        let total: u64 = counts.iter().product();
        (0..total).map(move |number| {
            let mut rest = number;
            let mut piece = Piece { offset: start.to_vec(), in_chunk: start.to_vec(), in_box: start.to_vec(), lens: lens.to_vec() };
            for axis in (0..counts.len()).rev() {
                let chunk = self.chunk[axis];
                let offset = (first[axis] + rest % counts[axis]) * chunk;
                rest /= counts[axis];
                let (from, to) = (offset.max(start[axis]), (offset + chunk).min(start[axis] + lens[axis]));
                piece.offset[axis] = offset;
                piece.in_chunk[axis] = from - offset;
                piece.in_box[axis] = from - start[axis];
                piece.lens[axis] = to - from;
            }
            piece
        })
    }
}

/// An array of elements: its bytes and its sizes.
pub(super) struct Array<'a, T> {
    pub bytes: T,
    pub dims: &'a [u64],
    /// Where the box that is copied begins.
    pub at: &'a [u64],
}

/// Copies a box of `lens` elements of `size` bytes from one row-major array to another.
pub(super) fn copy_box(from: &Array<'_, &[u8]>, to: &mut Array<'_, &mut [u8]>, lens: &[u64], size: usize) {
    let rank = lens.len();
    // Trailing axes that both have whole make one run together with the axis before them.
    let mut split = rank;
    let mut run = size as u64;
    while split > 0 {
        split -= 1;
        run *= lens[split];
        if lens[split] != from.dims[split] || lens[split] != to.dims[split] {
            break;
        }
    }
    let run = run as usize;
    let place = |dims: &[u64], at: &[u64], index: &[u64]| {
        let at = (0..rank).fold(0u64, |n, i| n * dims[i] + at[i] + index.get(i).copied().unwrap_or(0));
        at as usize * size
    };
    let mut index = vec![0u64; split];
    loop {
        let (source, target) = (place(from.dims, from.at, &index), place(to.dims, to.at, &index));
        to.bytes[target..target + run].copy_from_slice(&from.bytes[source..source + run]);
        let Some(axis) = (0..split).rev().find(|&axis| index[axis] + 1 < lens[axis]) else { return };
        index[axis] += 1;
        index[axis + 1..].fill(0);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_box_is_cut_along_chunks_and_put_together_again(
            axes in proptest::collection::vec((1u64..9, 1u64..5, 0u64..9, 1u64..9), 1..4),
            size in 1usize..4,
        ) {
            let extent: Vec<u64> = axes.iter().map(|a| a.0).collect();
            let chunk: Vec<u64> = axes.iter().map(|a| a.1).collect();
            let start: Vec<u64> = axes.iter().map(|a| a.2 % a.0).collect();
            let lens: Vec<u64> = axes.iter().zip(&start).map(|(a, s)| a.3.min(a.0 - s)).collect();
            let grid = Grid { chunk: chunk.clone(), extent: extent.clone(), size };
            let count = lens.iter().product::<u64>() as usize * size;
            let data: Vec<u8> = (0..count).map(|i| i as u8 ^ (i >> 8) as u8).collect();
            let mut back = vec![0xFF; count];
            let mut elements = 0;
            let mut before: Option<Vec<u64>> = None;
            for piece in grid.pieces(&start, &lens) {
                prop_assert!(before.as_ref().is_none_or(|b| *b < piece.offset));
                before = Some(piece.offset.clone());
                elements += piece.lens.iter().product::<u64>();
                let mut one = vec![0; grid.chunk_bytes().unwrap()];
                let from = Array { bytes: &data[..], dims: &lens, at: &piece.in_box };
                copy_box(&from, &mut Array { bytes: &mut one[..], dims: &chunk, at: &piece.in_chunk }, &piece.lens, size);
                let from = Array { bytes: &one[..], dims: &chunk, at: &piece.in_chunk };
                copy_box(&from, &mut Array { bytes: &mut back[..], dims: &lens, at: &piece.in_box }, &piece.lens, size);
            }
            prop_assert_eq!(elements, lens.iter().product::<u64>());
            prop_assert_eq!(back, data);
            // Whole chunks are those of which nothing within the extent is left out.
            let left_out = grid.pieces(&start, &lens).any(|p| (0..extent.len()).any(|i| p.lens[i] != chunk[i].min(extent[i] - p.offset[i])));
            prop_assert_eq!(grid.is_whole(&start, &lens), !left_out);
        }
    }
}
