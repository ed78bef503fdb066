//! The fill value in the object header of a dataset, in a file that nobody else can see yet.
//!
//! Format: HDF5 File Format Specification, "Disk Format: Level 2A", data object headers. All bytes were just written by the library.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;

use super::disk::RealDisk;
use super::root::lookup3;
use super::superblock;
use crate::h5::read_zeros;

/// Most bytes of a piece of a header that are looked at.
const MOST_PIECE: usize = 64 << 20;
/// Most pieces of one header.
const MOST_PIECES: usize = 1 << 10;
/// Types of messages.
const OLD_FILL: u16 = 4;
const FILL: u16 = 5;
const CONTINUATION: u16 = 0x10;
/// The message's data stand elsewhere.
const SHARED: u8 = 2;

/// Gives the dataset at an address, which counts as HDF5 counts them, a fill value of the same size, as bytes of the file.
pub fn set_fill_value(file: &File, address: u64, value: &[u8]) -> io::Result<()> {
    let found = superblock::find(&RealDisk::new(file.try_clone()?))?.ok_or_else(strange)?;
    let mut head = [0; superblock::HEAD];
    read_zeros(file, found.at, &mut head)?;
    let sizes = if found.version < 2 { (head[13], head[14]) } else { (head[9], head[10]) };
    let mut header = Header { file, base: found.at, sizes: (sizes.0.into(), sizes.1.into()), value, found: 0 };
    let (piece, begin) = header.first(address)?;
    let (mut left, mut count) = (vec![piece], 0);
    while let Some(piece) = left.pop() {
        count += 1;
        if count > MOST_PIECES {
            return Err(strange());
        }
        left.extend(header.piece(&piece, &begin)?);
    }
    if header.found == 0 { Err(strange()) } else { Ok(()) }
}

fn strange() -> io::Error {
    io::Error::other("an object header of the copy is not understood")
}

/// Bytes of a header that stand together, checksum included.
struct Piece {
    at: u64,
    len: usize,
    /// Bytes in front of the messages.
    skip: usize,
}

/// How messages begin.
enum Begin {
    /// Version 1: type, size, flags, three bytes.
    Old,
    /// Version 2: type, size, flags, and as many bytes more. A checksum ends each piece.
    New(usize),
}

struct Header<'a> {
    file: &'a File,
    base: u64,
    /// Bytes of an address, and of a length.
    sizes: (usize, usize),
    value: &'a [u8],
    found: usize,
}

fn number(bytes: &[u8], at: usize, len: usize) -> io::Result<u64> {
    let part = at.checked_add(len).and_then(|end| bytes.get(at..end)).filter(|part| part.len() <= 8).ok_or_else(strange)?;
    Ok(part.iter().rev().fold(0, |n, byte| n << 8 | u64::from(*byte)))
}

impl Header<'_> {
    fn first(&self, address: u64) -> io::Result<(Piece, Begin)> {
        let at = self.base.checked_add(address).ok_or_else(strange)?;
        let mut head = [0; 40];
        read_zeros(self.file, at, &mut head)?;
        let len = |n: u64| usize::try_from(n).ok().filter(|n| *n <= MOST_PIECE).ok_or_else(strange);
        if head.starts_with(b"OHDR") {
            let flags = head[5];
            let times = if flags & 0x20 != 0 { 16 } else { 0 };
            let phases = if flags & 0x10 != 0 { 4 } else { 0 };
            let (size_at, width) = (6 + times + phases, 1 << (flags & 3));
            let skip = size_at + width;
            let order = if flags & 4 != 0 { 2 } else { 0 };
            return Ok((Piece { at, len: skip + len(number(&head, size_at, width)?)? + 4, skip }, Begin::New(order)));
        }
        match head[0] {
            1 => Ok((Piece { at: at + 16, len: len(number(&head, 8, 4)?)?, skip: 0 }, Begin::Old)),
            _ => Err(strange()),
        }
    }

    /// Changes one piece; those that it leads to.
    fn piece(&mut self, piece: &Piece, begin: &Begin) -> io::Result<Vec<Piece>> {
        let mut bytes = vec![0; piece.len];
        read_zeros(self.file, piece.at, &mut bytes)?;
        let (front, sum) = match begin {
            Begin::Old => (8, 0),
            Begin::New(more) => (4 + more, 4),
        };
        let end = piece.len.checked_sub(sum).ok_or_else(strange)?;
        let (mut at, mut more, before) = (piece.skip, Vec::new(), self.found);
        while at + front <= end {
            let (kind, size, flags) = match begin {
                Begin::Old => (number(&bytes, at, 2)?, number(&bytes, at + 2, 2)?, bytes[at + 4]),
                Begin::New(_) => (number(&bytes, at, 1)?, number(&bytes, at + 1, 2)?, bytes[at + 3]),
            };
            let data = at + front;
            at = data + size as usize;
            let message = bytes.get_mut(data..at).filter(|_| at <= end).ok_or_else(strange)?;
            match kind as u16 {
                OLD_FILL | FILL if flags & SHARED != 0 => return Err(strange()),
                OLD_FILL => self.set(message, Some((0, 4)))?,
                FILL => {
                    let place = match (message.first(), message.get(1), message.get(3)) {
                        (Some(1), ..) | (Some(2), _, Some(1..)) => Some((4, 8)),
                        (Some(3), Some(flags), _) if flags & 0x20 != 0 => Some((2, 6)),
                        _ => None,
                    };
                    self.set(message, place)?;
                }
                CONTINUATION => {
                    let (address, len) = (number(message, 0, self.sizes.0)?, number(message, self.sizes.0, self.sizes.1)?);
                    let len = usize::try_from(len).ok().filter(|n| *n <= MOST_PIECE).ok_or_else(strange)?;
                    let skip = if matches!(begin, Begin::Old) { 0 } else { 4 };
                    more.push(Piece { at: self.base.checked_add(address).ok_or_else(strange)?, len, skip });
                }
                _ => {}
            }
        }
        if self.found > before {
            if sum > 0 {
                let sum = lookup3(&bytes[..end]).to_le_bytes();
                bytes[end..].copy_from_slice(&sum);
            }
            self.file.write_all_at(&bytes, piece.at)?;
        }
        Ok(more)
    }

    /// Changes a message, whose value's size and bytes stand there.
    fn set(&mut self, message: &mut [u8], place: Option<(usize, usize)>) -> io::Result<()> {
        let Some((size_at, at)) = place else { return Ok(()) };
        match number(message, size_at, 4)? as usize {
            0 => Ok(()),
            size if size == self.value.len() => {
                message.get_mut(at..at + size).ok_or_else(strange)?.copy_from_slice(self.value);
                self.found += 1;
                Ok(())
            }
            _ => Err(strange()),
        }
    }
}
