//! What a commit is handed: the bytes that shall stand in a file, and where.

use std::io;

/// Bytes of a page of the overlay. A write that tears, tears within a page or between two.
pub(super) const PAGE: u64 = 4096;

/// Bytes that travel together in one call, at most.
pub(super) const SPAN: usize = 1 << 20;

/// Everything that a committed transaction changes in one file.
///
/// `old` is the file's length when it was locked. Bytes from `old` on are the tail: they stand in the file already, unsynced,
/// unless `tail` holds them back.
pub(super) struct Change<'a> {
    /// The file's length before, trailing bytes included.
    pub old: u64,
    /// Its length after: the logical end of the HDF5 data.
    pub new: u64,
    /// Where the HDF5 data begin: 0, or the size of the userblock.
    pub superblock: u64,
    /// Bytes below `min(old, new)` that may change, by ascending offset.
    pub pages: &'a dyn Pages,
    /// The tail (from `old` to `new`), where it is not in the file yet: only for files with bytes behind the HDF5 data.
    pub tail: Option<&'a dyn Pages>,
}

/// Pieces of a file, none over another.
pub(super) trait Pages {
    /// Offset (bytes from the start of the file) and length of every run of bytes, by ascending offset. Pages are counted from
    /// where it begins.
    fn runs(&self) -> Vec<(u64, u64)>;
    /// The new bytes from this offset on, all of which are in runs.
    fn read(&self, offset: u64, buffer: &mut [u8]) -> io::Result<()>;
}

/// A run's offset and length, cut into pieces of at most [`SPAN`] bytes.
pub(super) fn spans((offset, bytes): (u64, u64)) -> impl Iterator<Item = (u64, usize)> {
    (0..bytes.div_ceil(SPAN as u64)).map(move |i| {
        let from = i * SPAN as u64;
        // Neither sum overflows where the run is a part of a file.
        (offset.saturating_add(from), (bytes - from).min(SPAN as u64) as usize)
    })
}
