//! Elements of a selection, or of its corners only.

use crate::h5::{DatasetAccess, H5Error};
use crate::model::{Block, Elements, Region};

/// Most elements that one answer holds.
pub const MOST_ELEMENTS: u64 = 4 << 20;
/// Most bytes of elements that one answer holds.
const MOST_BYTES: u64 = 256 << 20;

/// Why elements are not read.
#[derive(Clone, Debug, thiserror::Error)]
pub enum ReadError {
    /// The library says so.
    #[error(transparent)]
    H5(#[from] H5Error),
    /// They do not fit into memory, or cannot be what was asked for. A clause.
    #[error("{0}")]
    Refused(String),
}

/// Reads a region, row-major. `shown` are lengths along the region's own axes (dropped ones included):
/// where one is shorter than the region's, only its first and last half are read.
pub fn read_values(access: &DatasetAccess, region: &Region, shown: Option<&[u64]>) -> Result<Elements, ReadError> {
    let lens = region.lens();
    let shown = shown.unwrap_or(&lens);
    check_size(shown, access.dtype().size())?;
    if shown == lens.as_slice() {
        return Ok(access.read(region)?);
    }
    let mut places: Vec<(u64, usize)> = Vec::new();
    let mut read = Elements::empty(access.dtype());
    for Part { block, at } in parts(&lens, shown) {
        block.runs(&at, shown, |start, count| places.push((start, count)));
        read.append(access.read(&region.sub(&block))?);
    }
    Ok(in_order(&read, access, &places))
}

/// Runs of elements by their places: `places` are start and length of the runs as they were read.
fn in_order(read: &Elements, access: &DatasetAccess, places: &[(u64, usize)]) -> Elements {
    let mut from = 0;
    let mut runs: Vec<(u64, usize, usize)> = Vec::with_capacity(places.len());
    for &(start, count) in places {
        runs.push((start, from, count));
        from += count;
    }
    runs.sort_unstable();
    let mut out = Elements::empty(access.dtype());
    runs.iter().for_each(|&(_, from, count)| out.append(read.slice(access.dtype(), from, count)));
    out
}

/// Refuses what is too large to print.
pub(super) fn check_size(dims: &[u64], element_bytes: usize) -> Result<(), ReadError> {
    let elements = dims.iter().try_fold(1u64, |n, &d| n.checked_mul(d));
    let most = MOST_ELEMENTS.min(MOST_BYTES / element_bytes.max(1) as u64);
    match elements {
        Some(n) if n <= most => Ok(()),
        Some(n) => Err(ReadError::Refused(format!("{n} elements are too many to print (at most {most}): select fewer"))),
        None => Err(ReadError::Refused(format!("there are too many elements to print (at most {most}): select fewer"))),
    }
}

/// A box of a frame, and its place in the frame of what is shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Part {
    pub block: Block,
    pub at: Vec<u64>,
}

/// The boxes of a frame of sizes `lens` that are shown: along an axis that `shown` shortens, the first
/// and the last half of the shown places.
pub(super) fn parts(lens: &[u64], shown: &[u64]) -> Vec<Part> {
    let mut out = vec![Part { block: Block { offset: Vec::new(), len: Vec::new() }, at: Vec::new() }];
    for (&len, &shown) in lens.iter().zip(shown) {
        let head = shown.div_ceil(2);
        let pieces = if shown >= len { vec![(0, len, 0)] } else { vec![(0, head, 0), (len - (shown - head), shown - head, head)] };
        let grown = |part: &Part| {
            let part = part.clone();
            let add = move |&(offset, len, at): &(u64, u64, u64)| {
                let mut part = part.clone();
                part.block.offset.push(offset);
                part.block.len.push(len);
                part.at.push(at);
                part
            };
            pieces.iter().filter(|p| p.1 > 0).map(add).collect::<Vec<_>>()
        };
        out = out.iter().flat_map(grown).collect();
    }
    out
}

#[cfg(test)]
pub(super) mod testing {
    //! A small file with one dataset.

    use crate::h5::{DatasetAccess, File, NewDataset, NewFile};
    use crate::model::{Dtype, Elements, Layout, Region, Shape, TrackOrder};

    pub fn dataset(dtype: &Dtype, dims: &[u64], chunk: Option<&[u64]>, bytes: Vec<u8>) -> (tempfile::TempDir, File, DatasetAccess) {
        let folder = tempfile::tempdir().unwrap();
        let new = NewFile::plain(TrackOrder::No);
        let file = File::create(&folder.path().join("t.h5"), new, false).unwrap();
        let shape = Shape::from_dims(dims);
        let layout = match chunk {
            Some(chunk) => Layout::Chunked { chunk: chunk.to_vec(), filters: vec![] },
            None => Layout::Contiguous,
        };
        let max = dims.iter().map(|&d| Some(d)).collect();
        let new = NewDataset::plain(dtype, &shape, &max, &layout);
        let access = file.root().unwrap().create_dataset(b"x", &new).unwrap().access().unwrap();
        access.write(&Region::whole(&shape).unwrap(), &Elements::Fixed(bytes)).unwrap();
        (folder, file, access)
    }

    pub fn counting(n: i32) -> Vec<u8> {
        (0..n).flat_map(i32::to_le_bytes).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::testing::{counting, dataset};
    use super::*;
    use crate::model::{Dtype, Numbers, Selection, Shape};

    fn read(select: &str, shown: Option<&[u64]>) -> Numbers {
        let dims = [10, 8, 9];
        let (_folder, _file, access) = dataset(&Dtype::int(4, true), &dims, Some(&[4, 3, 9]), counting(720));
        let region = Selection::parse(select).unwrap().resolve(&Shape::from_dims(&dims)).unwrap();
        read_values(&access, &region, shown).unwrap().numbers(access.dtype()).unwrap()
    }

    #[test]
    fn corners_are_those_of_the_whole() {
        let Numbers::Int(all) = read("::2, 3, 1:", None) else { unreachable!() };
        assert_eq!(all.len(), 5 * 8);
        let Numbers::Int(corners) = read("::2, 3, 1:", Some(&[4, 1, 6])) else { unreachable!() };
        let all = &all;
        let expect: Vec<i64> =
            [0, 1, 3, 4].iter().flat_map(|row| [0, 1, 2, 5, 6, 7].iter().map(move |column| all[row * 8 + column])).collect();
        assert_eq!(corners, expect);
        assert_eq!(read("4, 5, 6", None), Numbers::Int(vec![4 * 72 + 5 * 9 + 6]));
    }

    #[test]
    fn sizes_are_bounded() {
        assert!(check_size(&[1 << 40, 1 << 40], 1).is_err());
        assert!(check_size(&[3], 1 << 30).is_err());
        assert!(check_size(&[1 << 11, 1 << 11], 8).is_ok());
        assert!(check_size(&[], 8).is_ok());
    }
}
