//! Which group is the root of a file that nobody else can see yet.
//!
//! Format: HDF5 File Format Specification, "Disk Format: Level 0A".

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;

use super::disk::RealDisk;
use super::superblock;
use crate::h5::read_zeros;

/// Bytes that hold every superblock that is understood.
const MOST: usize = 160;
/// Bytes of a symbol table entry behind its two addresses: what is kept of the object in it.
const CACHED: usize = 24;

/// Makes the group at an address, which counts as HDF5 counts them, the root of a file that is closed.
pub fn set_root(file: &File, address: u64) -> io::Result<()> {
    let found = superblock::find(&RealDisk::new(file.try_clone()?))?.ok_or_else(|| io::Error::other("there is no superblock"))?;
    let mut head = [0; MOST];
    read_zeros(file, found.at, &mut head)?;
    let len = with_root(&mut head, found.version, address).ok_or_else(|| io::Error::other("its superblock is not understood"))?;
    file.write_all_at(&head[..len], found.at)
}

/// Changes a superblock; how many bytes it has.
fn with_root(head: &mut [u8; MOST], version: u8, address: u64) -> Option<usize> {
    let (size_at, addresses) = match version {
        0 => (13, 24),
        1 => (13, 28),
        2 | 3 => (9, 12),
        _ => return None,
    };
    let size = usize::from(head[size_at]);
    let bytes = address.to_le_bytes();
    if !matches!(size, 2 | 4 | 8) || bytes[size..].iter().any(|byte| *byte != 0) {
        return None;
    }
    let newer = version >= 2;
    // Newer: base, extension, end, and then the root. Older: base, free space, end, driver; then the root's entry, whose name is a length.
    let at = addresses + if newer { 3 * size } else { 4 * size + usize::from(head[size_at + 1]) };
    if at + size + CACHED > MOST {
        return None;
    }
    head[at..at + size].copy_from_slice(&bytes[..size]);
    let end = at + size;
    if newer {
        let sum = lookup3(&head[..end]).to_le_bytes();
        head[end..end + 4].copy_from_slice(&sum);
        Some(end + 4)
    } else {
        // Nothing is kept: the library looks, and keeps it when it writes next.
        head[end..end + CACHED].fill(0);
        Some(end + CACHED)
    }
}

/// Bob Jenkins' lookup3 (`hashlittle`, first value 0): the checksum of HDF5's metadata (H5checksum.c).
pub(super) fn lookup3(bytes: &[u8]) -> u32 {
    let start = 0xdead_beef_u32.wrapping_add(bytes.len() as u32);
    let [mut a, mut b, mut c] = [start; 3];
    let word = |part: &[u8], at: usize| (0..4).fold(0u32, |n, i| n | u32::from(part.get(at + i).copied().unwrap_or(0)) << (8 * i));
    let mut rest = bytes;
    loop {
        a = a.wrapping_add(word(rest, 0));
        b = b.wrapping_add(word(rest, 4));
        c = c.wrapping_add(word(rest, 8));
        if rest.len() <= 12 {
            break;
        }
        rest = &rest[12..];
        for turns in [[4, 6, 8], [16, 19, 4]] {
            a = a.wrapping_sub(c) ^ c.rotate_left(turns[0]);
            c = c.wrapping_add(b);
            b = b.wrapping_sub(a) ^ a.rotate_left(turns[1]);
            a = a.wrapping_add(c);
            c = c.wrapping_sub(b) ^ b.rotate_left(turns[2]);
            b = b.wrapping_add(a);
        }
    }
    if rest.is_empty() {
        return c;
    }
    for [turn_c, turn_a, turn_b] in [[14, 11, 25], [16, 4, 14]] {
        c = (c ^ b).wrapping_sub(b.rotate_left(turn_c));
        a = (a ^ c).wrapping_sub(c.rotate_left(turn_a));
        b = (b ^ a).wrapping_sub(a.rotate_left(turn_b));
    }
    (c ^ b).wrapping_sub(b.rotate_left(24))
}

/// Copies the first bytes of a file, in front of its HDF5 data, into another one.
pub fn copy_userblock(from: &File, to: &File) -> io::Result<()> {
    let found = superblock::find(&RealDisk::new(from.try_clone()?))?.map_or(0, |found| found.at);
    let mut piece = vec![0; 1 << 16];
    let mut at = 0;
    while at < found {
        let len = (found - at).min(piece.len() as u64) as usize;
        read_zeros(from, at, &mut piece[..len])?;
        to.write_all_at(&piece[..len], at)?;
        at += len as u64;
    }
    Ok(())
}
