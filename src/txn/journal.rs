//! The redo journal: what a commit leaves behind the data, so that whoever comes after a crash can finish it.
//!
//! It begins at a multiple of [`PAGE`], not below the file's old and new length: the pages' new bytes one after another, then
//! the table, then zeros up to a multiple of 1024, there a slot of 512 bytes for the intent trailer, and the trailer, with
//! which the file ends. All numbers are little-endian; checksums are XXH3, 64 bits.
//!
//! The intent trailer says that nothing else counts and what the old length was. It is durable before any other byte is
//! appended to a file that has bytes behind its HDF5 data; other files tell their old length themselves.
//!
//! | entry of the table (28 bytes)    | at |
//! |----------------------------------|----|
//! | the page's offset                | 0  |
//! | its length, at most 4096 (`u32`) | 8  |
//! | checksum of its old bytes        | 12 |
//! | checksum of its new bytes        | 20 |
//!
//! | trailer (88 bytes)                                             | at |
//! |----------------------------------------------------------------|----|
//! | magic and version of this format, `H5MASON1`                   | 0  |
//! | kind: 1 journal, 2 intent (`u32`)                              | 8  |
//! | superblock version byte of the new file (`u8`, then 3 zeros)   | 12 |
//! | length of the old file                                         | 16 |
//! | length of the new file                                         | 24 |
//! | offset of the superblock                                       | 32 |
//! | offset of the journal (this and the next three: 0 if intent)   | 40 |
//! | offset of the table                                            | 48 |
//! | count of its entries                                           | 56 |
//! | checksum of the table                                          | 64 |
//! | the trailer's own offset                                       | 72 |
//! | checksum of the trailer up to here                             | 80 |
//!
//! Whoever can write the file can forge all of this. What is read is bounded by the file it stands in: pages end below both
//! lengths and ascend, the lengths below the trailer, and no page is in the journal.

use std::io;

use xxhash_rust::xxh3::{Xxh3, xxh3_64};

use super::change::PAGE;
use super::disk::{Disk, read_at};
use super::superblock::{NEWEST, VERSION_AT};
use super::table::{ENTRY, Entry};

const MAGIC: &[u8; 8] = b"H5MASON1";
const TRAILER: usize = 88;

/// From one trailer to the other.
const SLOT: u64 = 512;

/// What a trailer is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// The journal before it is whole.
    Journal,
    /// The old file ends at `old`; what follows does not count.
    Intent,
}

/// What a journal ends with: where everything is. Its numbers are within the file and consistent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Trailer {
    pub(super) kind: Kind,
    pub(super) version: u8,
    pub(super) old: u64,
    pub(super) new: u64,
    pub(super) superblock: u64,
    pub(super) journal: u64,
    pub(super) table: u64,
    pub(super) count: u64,
    pub(super) table_sum: u64,
    pub(super) at: u64,
}

/// Why a journal cannot be used.
#[derive(Debug)]
pub(super) enum Unusable {
    Io(io::Error),
    /// Bytes are not what they were when the journal was written.
    Torn(&'static str),
}

impl From<io::Error> for Unusable {
    fn from(e: io::Error) -> Self {
        Unusable::Io(e)
    }
}

/// What a checksum is of; so that tests can ignore one kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Sum {
    Trailer,
    Table,
    Page,
}

#[cfg(test)]
thread_local!(pub(super) static IGNORED: std::cell::Cell<Option<Sum>> = const { std::cell::Cell::new(None) });

/// The checksum of some bytes.
pub(super) fn sum(bytes: &[u8]) -> u64 {
    xxh3_64(bytes)
}

/// Is it the checksum that it should be?
pub(super) fn fits(_of: Sum, is: u64, should: u64) -> bool {
    #[cfg(test)]
    if IGNORED.get() == Some(_of) {
        return true;
    }
    is == should
}

impl Trailer {
    /// Lays out the journal of these pages. `None` where the file would be longer than a file can be.
    pub(super) fn new(version: u8, old: u64, new: u64, superblock: u64, entries: &[Entry]) -> Option<Self> {
        let journal = old.max(new).checked_next_multiple_of(PAGE)?;
        let count = entries.len() as u64;
        let table = entries.iter().try_fold(journal, |at, e| at.checked_add(e.len as u64))?;
        let slots = table.checked_add(count.checked_mul(ENTRY as u64)?)?.checked_next_multiple_of(2 * SLOT)?;
        let at = slots.checked_add(SLOT)?;
        i64::try_from(at.checked_add(SLOT)?).ok()?;
        let mut table_sum = Xxh3::new();
        entries.iter().for_each(|e| table_sum.update(&e.encode()));
        Some(Self { kind: Kind::Journal, version, old, new, superblock, journal, table, count, table_sum: table_sum.digest(), at })
    }

    /// The intent trailer for this journal, in the slot before, with zeros up to where the journal's ends: the file has its
    /// greatest length at once.
    pub(super) fn intent(&self) -> (u64, [u8; SLOT as usize + TRAILER]) {
        let at = self.at - SLOT;
        let intent = Self { kind: Kind::Intent, journal: 0, table: 0, count: 0, table_sum: 0, at, ..*self };
        let mut bytes = [0; SLOT as usize + TRAILER];
        bytes[..TRAILER].copy_from_slice(&intent.encode());
        (at, bytes)
    }

    /// Where the file ends that has it.
    pub(super) fn end(&self) -> u64 {
        self.at + TRAILER as u64
    }

    pub(super) fn encode(&self) -> [u8; TRAILER] {
        let mut bytes = [0; TRAILER];
        bytes[..8].copy_from_slice(MAGIC);
        bytes[8] = match self.kind {
            Kind::Journal => 1,
            Kind::Intent => 2,
        };
        bytes[12] = self.version;
        let numbers = [self.old, self.new, self.superblock, self.journal, self.table, self.count, self.table_sum, self.at];
        for (i, number) in numbers.into_iter().enumerate() {
            put(&mut bytes, 16 + 8 * i, number);
        }
        let sum = sum(&bytes[..80]);
        put(&mut bytes, 80, sum);
        bytes
    }

    /// Reads the bytes at `at`. `None` where they are no trailer, or one whose numbers cannot be true.
    pub(super) fn decode(bytes: &[u8; TRAILER], at: u64) -> Option<Self> {
        let kind = match bytes[8..12] {
            [1, 0, 0, 0] => Kind::Journal,
            [2, 0, 0, 0] => Kind::Intent,
            _ => return None,
        };
        let trailer = Self {
            kind,
            version: bytes[12],
            old: get(bytes, 16),
            new: get(bytes, 24),
            superblock: get(bytes, 32),
            journal: get(bytes, 40),
            table: get(bytes, 48),
            count: get(bytes, 56),
            table_sum: get(bytes, 64),
            at: get(bytes, 72),
        };
        let ours = bytes.starts_with(MAGIC) && trailer.at == at && fits(Sum::Trailer, sum(&bytes[..80]), get(bytes, 80));
        (ours && trailer.possible()).then_some(trailer)
    }

    /// Can all these numbers be true at once?
    fn possible(&self) -> bool {
        let below = self.old.min(self.new);
        let above = self.old.max(self.new);
        let superblock = self.superblock.checked_add(VERSION_AT).is_some_and(|at| at < below);
        let room = match self.kind {
            Kind::Intent => above <= self.at,
            Kind::Journal => {
                let end = self.count.checked_mul(ENTRY as u64).and_then(|n| n.checked_add(self.table));
                above <= self.journal && self.journal <= self.table && end.is_some_and(|end| end <= self.at) && self.count > 0
            }
        };
        superblock && room && self.version <= NEWEST
    }

    /// The trailer with which this file ends. Bytes that only look like one are not at the place that they name.
    pub(super) fn find(disk: &dyn Disk) -> io::Result<Option<Self>> {
        let len = disk.len()?;
        let Some(at) = len.checked_sub(TRAILER as u64) else { return Ok(None) };
        if let Some(trailer) = Self::read(disk, at)? {
            return Ok(Some(trailer).filter(|trailer| trailer.kind == Kind::Journal));
        }
        let Some(at) = at.checked_sub(SLOT) else { return Ok(None) };
        Ok(Self::read(disk, at)?.filter(|trailer| trailer.kind == Kind::Intent))
    }

    fn read(disk: &dyn Disk, at: u64) -> io::Result<Option<Self>> {
        let mut bytes = [0; TRAILER];
        let whole = read_at(disk, &mut bytes, at)? == TRAILER;
        Ok(whole.then(|| Self::decode(&bytes, at)).flatten())
    }
}

pub(super) fn put(bytes: &mut [u8], at: usize, number: u64) {
    bytes[at..at + 8].copy_from_slice(&number.to_le_bytes());
}

pub(super) fn get(bytes: &[u8], at: usize) -> u64 {
    let mut number = [0; 8];
    number.copy_from_slice(&bytes[at..at + 8]);
    u64::from_le_bytes(number)
}
