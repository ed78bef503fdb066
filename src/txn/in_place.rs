//! Changing an existing file: HDF5 works on an overlay, and a commit brings it into the file.

use std::io;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::change::{Change, Pages};
use super::clone::Replacement;
use super::commit::{self, Failed};
use super::disk::{Counted, Disk, RealDisk, Work};
use super::durable::folder_of;
use super::notify::{self, Appending, Commit};
use super::overlay::{BUDGET, Overlay};
use super::settle::not_hdf5;
use super::temps::{self, Tail};
use super::{Lock, TxnError, superblock};
use crate::diag::system_words;
use crate::h5::{self, Session};

/// How a change comes into an existing file.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum CommitBy {
    /// In place, by a redo journal in the file's own tail: inode, links, owner and attributes stay.
    #[default]
    Journal,
    /// By a changed clone that takes the file's place.
    Replace,
}

/// What a commit has done.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Receipt {
    /// Bytes written to the target or its clone, the journal included, and calls that waited for the disk.
    pub work: Work,
    /// Why the journal could not be cut off the file, which has changed durably all the same.
    pub uncut: Option<String>,
}

type Shared = Arc<Mutex<Overlay<Counted<RealDisk>>>>;

/// A locked file under an overlay. Dropped without [`InPlace::commit`], the file is as it was, bit for bit.
pub struct InPlace {
    session: Session,
    overlay: Shared,
    superblock: u64,
    trailing: u64,
    by: CommitBy,
    tail: Option<Tail>,
    /// Declared last but for the lock: the file is as it was when this is told.
    appending: Option<Appending>,
    /// Declared last: nothing is done to the file without it.
    lock: Lock,
}

fn locked(overlay: &Shared) -> MutexGuard<'_, Overlay<Counted<RealDisk>>> {
    overlay.lock().unwrap_or_else(PoisonError::into_inner)
}

impl InPlace {
    /// Takes a locked file, on which nothing of an interrupted commit is left (see [`settle()`](super::settle())).
    pub fn begin(lock: Lock, by: CommitBy) -> Result<Self, TxnError> {
        let target = lock.path().to_owned();
        let failed = |e: io::Error| TxnError::io("look into", &target, &e);
        if by == CommitBy::Replace {
            lock.check_replaceable()?;
        }
        let disk = Counted::new(RealDisk::new(lock.file().try_clone().map_err(failed)?));
        let found = superblock::find(&disk).map_err(failed)?;
        let found = found.ok_or_else(|| TxnError::Refused { path: lock.path().into(), what: not_hdf5(lock.file()).into() })?;
        let len = disk.len().map_err(failed)?;
        let trailing = len.saturating_sub(found.end);
        let hold = by == CommitBy::Replace || trailing > 0;
        let overlay = Overlay::new(disk, hold, u64::MAX, BUDGET, folder_of(lock.path())).map_err(failed)?;
        let tail = match hold {
            true => None,
            // Known before the first byte is written, for signals; cut off when this ends without a commit.
            false => Some(Tail::new(lock.file().try_clone().map_err(failed)?, len)),
        };
        let overlay = Arc::new(Mutex::new(overlay));
        let session = Session::new(lock.path(), lock.identity()?, overlay.clone());
        Ok(Self { session, overlay, superblock: found.at, trailing, by, tail, appending: None, lock })
    }

    /// To be called before anything is written: at most so many bytes may be from now on.
    ///
    /// It waits for the disk: what the commit before this one did last, cutting its journal off, must be durable before anything is
    /// appended, else that journal could stand behind bytes of ours.
    pub fn begin_writing(&mut self, most: u64) -> Result<(), TxnError> {
        let mut overlay = locked(&self.overlay);
        overlay.limit(most);
        let (dev, ino) = self.lock.identity()?;
        let tail = notify::Tail { dev, ino, old_length: overlay.old(), path: self.lock.path().into() };
        // A clone leaves the file alone.
        if self.by == CommitBy::Journal {
            self.appending = Some(Appending::begin(tail));
        }
        overlay.disk_mut().sync().map_err(|e| TxnError::io("sync", self.lock.path(), &e))
    }

    /// Bytes behind the end of the HDF5 data, which a commit drops.
    pub fn trailing(&self) -> u64 {
        self.trailing
    }

    /// The file's own path.
    pub fn path(&self) -> &Path {
        self.lock.path()
    }

    /// What HDF5 opens: the file with everything that was written so far. While a file is open on it for writing, no other may be.
    pub fn session(&self) -> &Session {
        &self.session
    }

    /// The locked file.
    pub(super) fn lock(&self) -> &Lock {
        &self.lock
    }

    /// Brings what was written into the file, all of it or nothing. All files of the session must be closed.
    pub fn commit(self) -> Result<Receipt, TxnError> {
        let path = self.lock.path().to_owned();
        if let Some(cause) = self.session.trouble() {
            return Err(TxnError::Io { what: "write", path, cause });
        }
        self.lock.check_named()?;
        match self.by {
            CommitBy::Journal => self.journal(),
            CommitBy::Replace => self.replace(),
        }
    }

    fn journal(self) -> Result<Receipt, TxnError> {
        // Dropped from the last to the first: the tail is cut before anybody is told that it is, under the lock.
        let Self { lock, appending, overlay, superblock, tail, session: _session, .. } = self;
        let path = lock.path();
        let overlay = locked(&overlay);
        let mut disk = Counted::new(RealDisk::new(lock.file().try_clone().map_err(|e| TxnError::io("write", path, &e))?));
        let pages = overlay.low_pages();
        let held = overlay.held_tail();
        let change = Change {
            old: overlay.old(),
            new: h5::Backing::end(&*overlay),
            superblock,
            pages: &pages,
            tail: held.as_ref().map(|t| t as &dyn Pages),
        };
        let (mut begun, mut tail) = (None, tail);
        let done = commit::commit(&mut disk, &change, &mut || begun = Some((Commit::begin(), temps::hand_over(tail.take()))));
        // Where it did not begin, the tail is cut off here.
        drop(tail);
        if let Some((commit, uninterrupted)) = begun {
            match &done {
                Err(Failed::Before(_) | Failed::NotCut(..)) => drop(commit),
                Ok(_) | Err(Failed::InDoubt(_)) => commit.done(),
            }
            drop(uninterrupted);
        }
        drop(appending);
        let work = overlay.disk().work() + disk.work();
        match done {
            Ok(committed) => Ok(Receipt { work, uncut: committed.uncut.map(|e| system_words(&e)) }),
            Err(Failed::Before(e)) => Err(TxnError::io("write", path, &e)),
            Err(Failed::NotCut(cause, abort)) => Err(TxnError::Io {
                what: "write",
                path: path.into(),
                cause: format!(
                    "{}; and its new bytes could not be cut off again ({}). It reads as before; `h5mason recover` cuts them",
                    system_words(&cause),
                    system_words(&abort)
                ),
            }),
            Err(Failed::InDoubt(e)) => Err(TxnError::half(path, &e)),
        }
    }

    fn replace(&self) -> Result<Receipt, TxnError> {
        let overlay = locked(&self.overlay);
        let path = self.lock.path();
        let pages = overlay.low_pages();
        let held = overlay.held_tail();
        let new = h5::Backing::end(&*overlay);
        let clone = Replacement::begin(&self.lock)?;
        let mut disk = Counted::new(RealDisk::new(clone.file().try_clone().map_err(|e| TxnError::io("write", path, &e))?));
        let pages: Vec<&dyn Pages> = std::iter::once(&pages as &dyn Pages).chain(held.as_ref().map(|t| t as &dyn Pages)).collect();
        commit::write_through(&mut disk, &pages, new).map_err(|e| TxnError::io("write a clone of", path, &e))?;
        clone.commit(&self.lock)?;
        let mut work = overlay.disk().work() + disk.work();
        work.syncs += 1;
        Ok(Receipt { work, uncut: None })
    }
}
