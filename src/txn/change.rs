//! What a commit is handed: the bytes that shall stand in a file, and where.

use std::io;

/// Bytes of a page of the overlay. A write that tears, tears within a page or between two.
pub(super) const PAGE: u64 = 4096;

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
    /// Pages below `min(old, new)` whose bytes change, by ascending offset.
    pub pages: &'a dyn Pages,
    /// The tail (from `old` to `new`), where it is not in the file yet: only for files with bytes behind the HDF5 data.
    pub tail: Option<&'a dyn Pages>,
}

/// Pieces of a file: at most [`PAGE`] bytes each, none over another.
pub(super) trait Pages {
    /// Offset (bytes from the start of the file) and length of every page, by ascending offset.
    fn places(&self) -> Vec<(u64, usize)>;
    /// The new bytes of the page at this offset; the buffer has its length.
    fn read(&self, offset: u64, buffer: &mut [u8]) -> io::Result<()>;
}
