//! What a crash left of a transaction, and how it is ended.
//!
//! Every step may itself be killed: afterwards the file is in one of the same states, with the same end. What is in memory may
//! not be what is on the disk, if a sync failed before; so what decided is written once more before it is relied on.

use std::io;

use super::commit::{redo, truncate};
use super::disk::{Disk, read_at, write_at};
use super::journal::{Kind, Sum, Trailer, Unusable, fits, sum};
use super::superblock::{self, POISON, VERSION_AT};
use super::table::Entries;

/// How a file was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum State {
    /// There is no superblock.
    NotHdf5,
    /// Nothing to do.
    Clean,
    /// Another program is writing the file, or has died while it did: how far the file goes is not what its superblock says.
    InUse,
    /// Bytes behind the stored end: of an interrupted change, or somebody's own.
    Leftover {
        /// The stored end of the file.
        end: u64,
        /// How many there are.
        bytes: u64,
    },
    /// A change was interrupted before its commit point: the file is the old one.
    Abandoned {
        /// Its length.
        old: u64,
    },
    /// A change is done, but for its journal: the file is the new one.
    Done {
        /// Its length.
        new: u64,
    },
    /// A change was interrupted after its commit point: its journal is whole and is to be replayed.
    Committed(Trailer),
    /// Nothing that a crash can explain: why.
    Damaged(String),
}

/// Finds out, and changes nothing.
pub fn look(disk: &dyn Disk) -> io::Result<State> {
    let superblock = match superblock::find(disk) {
        Ok(Some(superblock)) => superblock,
        Ok(None) => return Ok(State::NotHdf5),
        Err(e) if e.kind() == io::ErrorKind::InvalidData => return Ok(State::Damaged(format!("it has {e}"))),
        Err(e) => return Err(e),
    };
    // What stands before the stored end of a file in order is data of its, whatever it looks like.
    let trailer = Trailer::find(disk)?.filter(|t| t.superblock == superblock.at && (superblock.poisoned || t.at >= superblock.end));
    let state = match (trailer, superblock.poisoned) {
        (None, false) if superblock.marked => Ok(State::InUse),
        (None, false) => match disk.len()?.checked_sub(superblock.end) {
            None => damaged("it ends before its superblock says: a part of it is missing"),
            Some(bytes @ 1..) => Ok(State::Leftover { end: superblock.end, bytes }),
            _ => Ok(State::Clean),
        },
        (None, true) => damaged("it was being changed, but the journal that would complete it is gone"),
        (Some(t), true) => interrupted(disk, t),
        (Some(t), false) => in_order(disk, &t, superblock.end),
    };
    match state {
        Ok(state) => Ok(state),
        Err(Unusable::Io(e)) => Err(e),
        Err(Unusable::Torn(what)) => {
            Ok(State::Damaged(format!("it was being changed, but the journal that would complete it is damaged: {what}")))
        }
    }
}

/// A poisoned file. All of the journal must be right before any of it is replayed.
fn interrupted(disk: &dyn Disk, trailer: Trailer) -> Result<State, Unusable> {
    if trailer.kind == Kind::Intent {
        return Err(Unusable::Torn("it was never written"));
    }
    trailer.check_table(disk)?;
    let mut walk = Entries::new(&trailer);
    while walk.next_pages(disk)?.is_some() {}
    Ok(State::Committed(trailer))
}

/// A file that can be read, with a trailer: are its pages old or new?
fn in_order(disk: &dyn Disk, trailer: &Trailer, end: u64) -> Result<State, Unusable> {
    let (old, new) = match trailer.kind {
        Kind::Intent => (true, false),
        Kind::Journal => match pages(disk, trailer) {
            Ok(pages) => pages,
            // The commit point comes after the whole journal.
            Err(Unusable::Torn(_)) => (true, false),
            Err(e) => return Err(e),
        },
    };
    match (old, new) {
        (true, false) if end <= trailer.old => Ok(State::Abandoned { old: trailer.old }),
        (false, true) if end <= trailer.new => Ok(State::Done { new: trailer.new }),
        (true, _) | (_, true) => damaged("its journal belongs to another file"),
        (false, false) => damaged("it was being changed, and is neither the file before nor the file after"),
    }
}

/// Are all pages in the file the old ones, and are all the new ones?
fn pages(disk: &dyn Disk, trailer: &Trailer) -> Result<(bool, bool), Unusable> {
    trailer.check_table(disk)?;
    let mut walk = Entries::new(trailer);
    let mut pages = Vec::new();
    let (mut old, mut new) = (true, true);
    while let Some((run, _)) = walk.next_run(disk)? {
        let bytes = run.iter().map(|e| e.len).sum();
        pages.resize(bytes, 0);
        let whole = read_at(disk, &mut pages, run[0].offset)? == bytes;
        let mut rest = &pages[..];
        for entry in run {
            let (page, after) = rest.split_at(entry.len);
            let is = sum(page);
            old &= whole && fits(Sum::Page, is, entry.old_sum);
            new &= whole && fits(Sum::Page, is, entry.new_sum);
            rest = after;
        }
    }
    Ok((old, new))
}

/// Ends what was found by [`look`] under the same lock, durably: before that, nothing may be appended to the file. It also waits for
/// what the transaction before did last. `cut_leftover`: are bytes behind the stored end cut off?
pub fn settle(disk: &mut dyn Disk, state: &State, cut_leftover: bool) -> io::Result<()> {
    match state {
        State::NotHdf5 | State::InUse => return Ok(()),
        State::Clean => {}
        State::Leftover { end, .. } => {
            if cut_leftover {
                truncate(disk, *end)?;
            }
        }
        State::Abandoned { old } => truncate(disk, *old)?,
        State::Done { new } => {
            rewrite_version(disk)?;
            truncate(disk, *new)?;
        }
        State::Committed(trailer) => {
            rewrite_version(disk)?;
            redo(disk, trailer)?;
            truncate(disk, trailer.new)?;
        }
        State::Damaged(what) => return Err(io::Error::new(io::ErrorKind::InvalidData, what.clone())),
    }
    disk.sync()
}

/// Makes the version byte that can be read the one on the disk.
fn rewrite_version(disk: &mut dyn Disk) -> io::Result<()> {
    let Some(superblock) = superblock::find(disk)? else { return Err(io::ErrorKind::NotFound.into()) };
    let poison = if superblock.poisoned { POISON } else { 0 };
    write_at(disk, &[superblock.version | poison], superblock.at + VERSION_AT)?;
    disk.sync()
}

fn damaged(what: &str) -> Result<State, Unusable> {
    Ok(State::Damaged(what.into()))
}
