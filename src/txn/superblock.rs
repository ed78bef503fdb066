//! The little of an HDF5 superblock that a transaction must know: where it is, whether its version byte carries the poison
//! bit, and where the file ends.
//!
//! Format: HDF5 File Format Specification, "Disk Format: Level 0A". A file is searched at 0, 512, 1024, 2048 and so on.

use std::io;

use super::disk::{Disk, read_zeros_at};

/// Set in the version byte of a file whose pages are being replaced: every HDF5 reader refuses such a version.
pub(super) const POISON: u8 = 0x80;

/// The version byte's place, in bytes from the superblock's start.
pub(super) const VERSION_AT: u64 = 8;

/// Bytes that hold every field which is read here.
pub(super) const HEAD: usize = 64;

/// The newest version there is.
pub(super) const NEWEST: u8 = 3;

const SIGNATURE: &[u8; 8] = b"\x89HDF\r\n\x1a\n";

/// What a file says of itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Superblock {
    /// Where it begins: the size of the userblock.
    pub at: u64,
    /// Its version, without the poison bit.
    pub version: u8,
    /// Is the poison bit set?
    pub poisoned: bool,
    /// The stored end of the file, in bytes from the start of the file. 0 where a poisoned superblock, which may be torn,
    /// does not tell.
    pub end: u64,
    /// Has a writer left its mark (file consistency flags, versions 2 and 3)? It is at work, perhaps without a lock, or has died.
    pub marked: bool,
}

/// Finds the superblock; `None` where there is none. `InvalidData` where it is one that h5mason does not understand.
pub fn find(disk: &(impl Disk + ?Sized)) -> io::Result<Option<Superblock>> {
    let len = disk.len()?;
    let mut head = [0; HEAD];
    let mut at = 0;
    while at < len {
        read_zeros_at(disk, &mut head, at)?;
        if head.starts_with(SIGNATURE) {
            return parse(&head, at).map(Some);
        }
        at = if at == 0 { 512 } else { at.saturating_mul(2) };
    }
    Ok(None)
}

/// Reads a superblock that begins at `at`, signature included.
pub(super) fn parse(head: &[u8; HEAD], at: u64) -> io::Result<Superblock> {
    let refused = |what: &str| io::Error::new(io::ErrorKind::InvalidData, what);
    if !head.starts_with(SIGNATURE) {
        return Err(refused("no superblock where one was"));
    }
    let byte = head[VERSION_AT as usize];
    let (version, poisoned) = (byte & !POISON, byte & POISON != 0);
    if version > NEWEST {
        return Err(refused("a superblock of an unknown version"));
    }
    match end(head, version, at) {
        Some(end) => Ok(Superblock { at, version, poisoned, end, marked: version >= 2 && head[11] != 0 }),
        None if poisoned => Ok(Superblock { at, version, poisoned, end: 0, marked: false }),
        None => Err(refused("a superblock with addresses that cannot be followed")),
    }
}

/// The end of the file. It is stored as if the superblock stood at the base address, and moves with it, as HDF5 has it.
fn end(head: &[u8; HEAD], version: u8, at: u64) -> Option<u64> {
    let (size, base) = match version {
        0 => (head[13], 24),
        1 => (head[13], 28),
        _ => (head[9], 12),
    };
    let size = match size {
        2 | 4 | 8 => usize::from(size),
        _ => return None,
    };
    let address = |index: usize| {
        let mut bytes = [0; 8];
        bytes[..size].copy_from_slice(&head[base + index * size..][..size]);
        u64::from_le_bytes(bytes)
    };
    let end = i128::from(address(2)) - i128::from(address(0)) + i128::from(at);
    u64::try_from(end).ok().filter(|&end| end > at && i64::try_from(end).is_ok())
}
