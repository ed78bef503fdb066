//! Replacing pages of a file so that at every moment it is the old file, the new one, or one that HDF5 refuses and
//! [`recover`](mod@super::recover) finishes.
//!
//! 1. Reserve the space. Where the old file has bytes behind its HDF5 data: write the intent trailer, sync, write the tail. Write the
//!    journal. Sync. Whatever fails up to here, the file is cut to its old length.
//! 2. Set the poison bit in the superblock's version byte. Sync: the commit point.
//! 3. Write the pages in place, the version byte still poisoned. Sync.
//! 4. Write the true version byte. Sync: done.
//! 5. Cut the journal off. Nothing may be appended before that is durable, for which [`settle`](super::recover::settle) cares.
//!
//! A sync that failed is never tried again: what it did not write may be lost, though it can still be read.

use std::io::{self, BufWriter, Write};
use std::ops::Range;

use super::change::{Change, PAGE, Pages, SPAN, spans};
use super::disk::{Disk, fitted, read_at, read_zeros_at, write_at};
use super::journal::{Trailer, Unusable, sum};
use super::superblock::{self, HEAD, POISON, Superblock, VERSION_AT};
use super::table::{Entries, Entry, touching};

/// The change is in the file and durable.
#[derive(Debug)]
pub struct Committed {
    /// Why the journal could not be cut off: it is behind the data until the next transaction.
    pub uncut: Option<io::Error>,
}

/// Why a change is not, or perhaps not, in the file.
#[derive(Debug)]
pub enum Failed {
    /// The file is the old one, bit for bit.
    Before(io::Error),
    /// The file is the old one, but for bytes behind its old end, which could not be cut off for the second reason.
    NotCut(io::Error, io::Error),
    /// Recovery finds out whether the file is the old one or the new one.
    InDoubt(io::Error),
}

/// Changes a file. Its tail may be in it already, of which nothing needs to be durable.
///
/// `begun` is called right before the first byte that counts is written: from there on it must not be interrupted.
pub fn commit(disk: &mut dyn Disk, change: &Change<'_>, begun: &mut dyn FnMut()) -> Result<Committed, Failed> {
    let prepared = match prepare(disk, change) {
        Ok(prepared) => prepared,
        Err(e) => return Err(abort(disk, change.old, e)),
    };
    begun();
    let Some((trailer, version)) = prepared else { return set_length(disk, change) };
    poison(disk, &trailer, version)?;
    redo(disk, &trailer).map_err(|e| Failed::InDoubt(e.into()))?;
    Ok(Committed { uncut: truncate(disk, trailer.new).err() })
}

/// Step 1, and the version byte as it is. `None` where no byte below both lengths changes.
fn prepare(disk: &mut dyn Disk, change: &Change<'_>) -> io::Result<Option<(Trailer, u8)>> {
    let len = disk.len()?;
    if len < change.old || (len > change.old && change.tail.is_some()) {
        return Err(invalid("the file's length was changed by another process"));
    }
    let (before, after) = superblocks(disk, change)?;
    let entries = entries(disk, change)?;
    if entries.is_empty() {
        return match change.tail.is_some() && change.new > change.old {
            true => Err(invalid("nothing in the file leads to what is appended to it")),
            false => Ok(None),
        };
    }
    let trailer = Trailer::new(after.version, change.old, change.new, change.superblock, &entries).ok_or(io::ErrorKind::FileTooLarge)?;
    if len > change.old.max(change.new) {
        truncate(disk, change.old.max(change.new))?;
    }
    reserve(disk, &trailer, &entries)?;
    if let Some(tail) = change.tail {
        let (at, intent) = trailer.intent();
        write_at(disk, &intent, at)?;
        disk.sync()?;
        write_tail(disk, tail, change.old..change.new)?;
    }
    write_journal(disk, change.pages, &trailer, &entries)?;
    disk.sync()?;
    Ok(Some((trailer, before.version)))
}

/// The tail, where it was held back.
fn write_tail(disk: &mut dyn Disk, tail: &dyn Pages, place: Range<u64>) -> io::Result<()> {
    let mut buffer = Vec::new();
    for (offset, len) in tail.runs() {
        if !within(&place, offset, len) {
            return Err(invalid("a page of the tail is outside it"));
        }
        for (offset, len) in spans((offset, len)) {
            let bytes = fitted(&mut buffer, len);
            tail.read(offset, bytes)?;
            write_at(disk, bytes, offset)?;
        }
    }
    Ok(())
}

/// The superblock as it is and as it will be.
fn superblocks(disk: &dyn Disk, change: &Change<'_>) -> io::Result<(Superblock, Superblock)> {
    let before = superblock::find(disk)?.filter(|s| s.at == change.superblock).ok_or_else(|| invalid("the superblock is gone"))?;
    let mut head = [0; HEAD];
    read_zeros_at(disk, &mut head, before.at)?;
    let place = before.at..before.at + HEAD as u64;
    for (offset, len) in change.pages.runs() {
        let (from, to) = (offset.max(place.start), offset.saturating_add(len).min(place.end));
        if from < to {
            change.pages.read(from, &mut head[(from - place.start) as usize..(to - place.start) as usize])?;
        }
    }
    let after = superblock::parse(&head, before.at)?;
    match !before.poisoned && before.end <= change.old && !after.poisoned && after.end <= change.new {
        true => Ok((before, after)),
        false => Err(invalid("the superblock is not that of a file of this length")),
    }
}

/// The pages that differ from what is in the file.
fn entries(disk: &dyn Disk, change: &Change<'_>) -> io::Result<Vec<Entry>> {
    let below = change.old.min(change.new);
    let (mut old, mut new) = (Vec::new(), Vec::new());
    let mut entries = Vec::new();
    let mut free = 0;
    for (offset, len) in change.pages.runs() {
        if !within(&(free..below), offset, len) {
            return Err(invalid("the pages of a change are out of order"));
        }
        free = offset + len;
        for (offset, len) in spans((offset, len)) {
            let (old, new) = (fitted(&mut old, len), fitted(&mut new, len));
            read_zeros_at(disk, old, offset)?;
            change.pages.read(offset, new)?;
            entries.extend(differing(offset, old, new).map(|(offset, old, new)| Entry {
                offset,
                len: new.len(),
                old_sum: sum(old),
                new_sum: sum(new),
            }));
        }
    }
    Ok(entries)
}

/// The pages of a span that differ: offset, old and new bytes.
fn differing<'a>(offset: u64, old: &'a [u8], new: &'a [u8]) -> impl Iterator<Item = (u64, &'a [u8], &'a [u8])> {
    let pages = old.chunks(PAGE as usize).zip(new.chunks(PAGE as usize)).enumerate();
    pages.filter(|(_, (old, new))| old != new).map(move |(i, (old, new))| (offset + i as u64 * PAGE, old, new))
}

/// Reserves blocks for what is written, so that a full disk shows now: for the journal, and for pages that stand in holes. The tail
/// may have holes, too, which stay.
fn reserve(disk: &mut dyn Disk, trailer: &Trailer, entries: &[Entry]) -> io::Result<()> {
    patiently(|| disk.allocate(trailer.journal, trailer.end() - trailer.journal))?;
    for run in entries.chunk_by(touching) {
        let bytes = run.iter().map(|e| e.len as u64).sum();
        patiently(|| disk.allocate(run[0].offset, bytes))?;
    }
    Ok(())
}

fn write_journal(disk: &mut dyn Disk, pages: &dyn Pages, trailer: &Trailer, entries: &[Entry]) -> io::Result<()> {
    let mut buffer = Vec::new();
    let mut out = BufWriter::with_capacity(SPAN, Appending { disk: &mut *disk, at: trailer.journal });
    for run in entries.chunk_by(touching).flat_map(|run| run.chunks(SPAN / PAGE as usize)) {
        let bytes = fitted(&mut buffer, run.iter().map(|e| e.len).sum());
        pages.read(run[0].offset, bytes)?;
        out.write_all(bytes)?;
    }
    for entry in entries {
        out.write_all(&entry.encode())?;
    }
    out.flush()?;
    drop(out);
    write_at(disk, &trailer.encode(), trailer.at)
}

/// Step 2.
fn poison(disk: &mut dyn Disk, trailer: &Trailer, version: u8) -> Result<(), Failed> {
    let at = trailer.superblock + VERSION_AT;
    if let Err(e) = write_at(disk, &[version | POISON], at) {
        let mut byte = [0];
        return Err(match read_at(disk, &mut byte, at) {
            Ok(1) if byte == [version] => abort(disk, trailer.old, e),
            _ => Failed::InDoubt(e),
        });
    }
    disk.sync().map_err(Failed::InDoubt)
}

/// Steps 3 and 4, from the journal: a commit and a recovery do the same.
pub(super) fn redo(disk: &mut dyn Disk, trailer: &Trailer) -> Result<(), Unusable> {
    let version_at = trailer.superblock + VERSION_AT;
    let mut walk = Entries::new(trailer);
    while let Some((offset, pages)) = walk.next_pages(disk)? {
        if let Some(byte) = version_at.checked_sub(offset).and_then(|i| pages.get_mut(usize::try_from(i).ok()?)) {
            *byte |= POISON;
        }
        write_at(disk, pages, offset)?;
    }
    disk.sync()?;
    write_at(disk, &[trailer.version], version_at)?;
    Ok(disk.sync()?)
}

/// Where only the length changes: a single operation, so that no journal is needed.
fn set_length(disk: &mut dyn Disk, change: &Change<'_>) -> Result<Committed, Failed> {
    if let Err(e) = truncate(disk, change.new) {
        return Err(match disk.len() {
            Ok(len) if len >= change.old => abort(disk, change.old, e),
            _ => Failed::InDoubt(e),
        });
    }
    disk.sync().map_err(Failed::InDoubt)?;
    Ok(Committed { uncut: None })
}

/// Makes the file the old one again.
fn abort(disk: &mut dyn Disk, old: u64, cause: io::Error) -> Failed {
    // A file that somebody else has cut is not made longer.
    match disk.len() {
        Ok(len) if len == old => {
            // Blocks may have been reserved behind the end; they are not a part of the file.
            let _ = truncate(disk, old);
            Failed::Before(cause)
        }
        Ok(len) if len < old => Failed::NotCut(cause, invalid("the file's length was changed by another process")),
        _ => match truncate(disk, old) {
            Ok(()) => Failed::Before(cause),
            Err(e) => Failed::NotCut(cause, e),
        },
    }
}

/// Sets the file's length.
pub(super) fn truncate(disk: &mut dyn Disk, len: u64) -> io::Result<()> {
    patiently(|| disk.truncate(len))
}

/// Begins again where a signal interrupted.
fn patiently(mut call: impl FnMut() -> io::Result<()>) -> io::Result<()> {
    loop {
        match call() {
            Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
            done => return done,
        }
    }
}

/// Are these bytes in this range?
fn within(range: &Range<u64>, offset: u64, len: u64) -> bool {
    let end = offset.checked_add(len);
    offset >= range.start && end.is_some_and(|end| end <= range.end) && len > 0
}

fn invalid(what: &'static str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what)
}

impl From<Unusable> for io::Error {
    fn from(unusable: Unusable) -> Self {
        match unusable {
            Unusable::Io(e) => e,
            Unusable::Torn(what) => io::Error::new(io::ErrorKind::InvalidData, format!("the journal is damaged: {what}")),
        }
    }
}

/// A writer to one place after another.
struct Appending<'a> {
    disk: &'a mut dyn Disk,
    at: u64,
}

impl Write for Appending<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let n = self.disk.pwrite(bytes, self.at)?;
        self.at += n as u64;
        Ok(n)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Writes all pages that differ where they belong, into a file that nobody sees yet, and sets its length.
pub(super) fn write_through(disk: &mut dyn Disk, pages: &[&dyn Pages], new: u64) -> io::Result<()> {
    let (mut is, mut shall) = (Vec::new(), Vec::new());
    for pages in pages {
        for (offset, len) in pages.runs().into_iter().flat_map(spans) {
            let (is, shall) = (fitted(&mut is, len), fitted(&mut shall, len));
            read_zeros_at(disk, is, offset)?;
            pages.read(offset, shall)?;
            let mut differing = differing(offset, is, shall).map(|(at, _, new)| (at, at + new.len() as u64)).peekable();
            while let Some((from, mut to)) = differing.next() {
                while let Some((_, end)) = differing.next_if(|(at, _)| *at == to) {
                    to = end;
                }
                write_at(disk, &shall[(from - offset) as usize..(to - offset) as usize], from)?;
            }
        }
    }
    truncate(disk, new)
}
