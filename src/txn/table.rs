//! The table of a [journal](super::journal): which pages it holds.

use xxhash_rust::xxh3::Xxh3;

use super::change::{PAGE, SPAN};
use super::disk::{Disk, read_at};
use super::journal::{Sum, Trailer, Unusable, fits, get, put, sum};

/// Bytes of an entry.
pub(super) const ENTRY: usize = 28;

/// Entries that are read at once.
const ENTRIES: usize = 1024;

/// Entries whose pages are read at once.
const TOGETHER: usize = SPAN / PAGE as usize;

/// One page in the journal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Entry {
    /// Where the page belongs.
    pub offset: u64,
    pub len: usize,
    pub old_sum: u64,
    pub new_sum: u64,
}

impl Entry {
    pub(super) fn encode(&self) -> [u8; ENTRY] {
        let mut bytes = [0; ENTRY];
        put(&mut bytes, 0, self.offset);
        // At most a page.
        bytes[8..12].copy_from_slice(&(self.len as u32).to_le_bytes());
        put(&mut bytes, 12, self.old_sum);
        put(&mut bytes, 20, self.new_sum);
        bytes
    }

    fn decode(bytes: &[u8]) -> Self {
        let len = u32::from_le_bytes([bytes[8], bytes[9], bytes[10], bytes[11]]);
        Self { offset: get(bytes, 0), len: len as usize, old_sum: get(bytes, 12), new_sum: get(bytes, 20) }
    }
}

/// Does a page end where another begins?
pub(super) fn touching(a: &Entry, b: &Entry) -> bool {
    a.offset + a.len as u64 == b.offset
}

impl Trailer {
    /// Is the table what it was?
    pub(super) fn check_table(&self, disk: &dyn Disk) -> Result<(), Unusable> {
        let mut sum = Xxh3::new();
        let mut walk = Entries::new(self);
        while walk.next < self.count {
            walk.fill(disk)?;
            sum.update(&walk.buffer);
            walk.next += (walk.buffer.len() / ENTRY) as u64;
        }
        match fits(Sum::Table, sum.digest(), self.table_sum) {
            true => Ok(()),
            false => Err(Unusable::Torn("its table was changed")),
        }
    }
}

/// A walk over the table. It has no part of the file in memory but some entries, and checks each.
pub(super) struct Entries<'a> {
    trailer: &'a Trailer,
    /// Index of the entry that comes next.
    next: u64,
    /// Where its page's bytes are in the journal.
    at: u64,
    /// Where the page before ends in the file.
    free: u64,
    /// Entries from `first` on.
    buffer: Vec<u8>,
    first: u64,
    /// The run that was walked over last, and its pages' bytes.
    run: Vec<Entry>,
    pages: Vec<u8>,
}

impl<'a> Entries<'a> {
    pub fn new(trailer: &'a Trailer) -> Self {
        Self { trailer, next: 0, at: trailer.journal, free: 0, buffer: Vec::new(), first: 0, run: Vec::new(), pages: Vec::new() }
    }

    /// The entries of the pages that come next, as many as touch, and where those pages are in the journal.
    pub fn next_run(&mut self, disk: &dyn Disk) -> Result<Option<(&[Entry], u64)>, Unusable> {
        let at = self.at;
        self.run.clear();
        while self.run.len() < TOGETHER
            && let Some(entry) = self.peek(disk)?
            && self.run.last().is_none_or(|last| touching(last, &entry))
        {
            self.run.push(entry);
            self.next += 1;
            self.at += entry.len as u64;
            self.free = entry.offset + entry.len as u64;
        }
        match self.run.is_empty() {
            true => Ok(None),
            false => Ok(Some((&self.run, at))),
        }
    }

    /// The next entry, which can be.
    fn peek(&mut self, disk: &dyn Disk) -> Result<Option<Entry>, Unusable> {
        if self.next == self.trailer.count {
            return match self.at == self.trailer.table {
                true => Ok(None),
                false => Err(Unusable::Torn("its pages do not end where its table begins")),
            };
        }
        if self.next >= self.first + (self.buffer.len() / ENTRY) as u64 {
            self.fill(disk)?;
        }
        let entry = Entry::decode(&self.buffer[(self.next - self.first) as usize * ENTRY..][..ENTRY]);
        // Neither sum overflows: lengths are 32 bits, and places in the journal those of a file.
        let below = self.trailer.old.min(self.trailer.new);
        let ends = entry.offset.checked_add(entry.len as u64).is_some_and(|end| end <= below);
        let in_journal = self.at + entry.len as u64 <= self.trailer.table;
        match ends && entry.offset >= self.free && in_journal && (1..=PAGE as usize).contains(&entry.len) {
            true => Ok(Some(entry)),
            false => Err(Unusable::Torn("its table has a page that cannot be")),
        }
    }

    /// The pages that come next, as many as touch: where they belong, and their new bytes, which are what they were.
    pub fn next_pages(&mut self, disk: &dyn Disk) -> Result<Option<(u64, &mut [u8])>, Unusable> {
        let Some((run, at)) = self.next_run(disk)? else { return Ok(None) };
        let (offset, bytes) = (run[0].offset, run.iter().map(|e| e.len).sum());
        self.pages.resize(bytes, 0);
        if read_at(disk, &mut self.pages, at)? != bytes {
            return Err(Unusable::Torn("a page in it was changed"));
        }
        let mut rest = &self.pages[..];
        for entry in &self.run {
            let (page, after) = rest.split_at(entry.len);
            if !fits(Sum::Page, sum(page), entry.new_sum) {
                return Err(Unusable::Torn("a page in it was changed"));
            }
            rest = after;
        }
        Ok(Some((offset, &mut self.pages)))
    }

    fn fill(&mut self, disk: &dyn Disk) -> Result<(), Unusable> {
        let count = (self.trailer.count - self.next).min(ENTRIES as u64);
        self.first = self.next;
        self.buffer.resize(count as usize * ENTRY, 0);
        // The table ends below the trailer, which was read.
        match read_at(disk, &mut self.buffer, self.trailer.table + self.next * ENTRY as u64)? == self.buffer.len() {
            true => Ok(()),
            false => Err(Unusable::Torn("its table is not whole")),
        }
    }
}
