//! Changing an existing file: HDF5 works on an overlay, and a commit brings it into the file.

use std::io;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::change::Change;
use super::commit::{self, Failed};
use super::disk::{Counted, Disk, RealDisk, Work};
use super::durable::folder_of;
use super::overlay::{BUDGET, Overlay};
use super::temps::Tail;
use super::{Lock, Replacement, TxnError, superblock};
use crate::h5::{self, H5Error, Session};
use crate::model::Libver;

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
    lock: Lock,
}

fn locked(overlay: &Shared) -> MutexGuard<'_, Overlay<Counted<RealDisk>>> {
    overlay.lock().unwrap_or_else(PoisonError::into_inner)
}

impl InPlace {
    /// Takes a locked file, on which nothing of an interrupted commit is left (see [`super::settle`]).
    pub fn begin(lock: Lock, by: CommitBy) -> Result<Self, TxnError> {
        let target = lock.path().to_owned();
        let failed = |what: &'static str| move |e: io::Error| TxnError::io(what, &target, &e);
        if by == CommitBy::Replace {
            lock.check_replaceable()?;
        }
        let disk = Counted::new(RealDisk::new(lock.file().try_clone().map_err(failed("open"))?));
        let found = superblock::find(&disk).map_err(failed("read"))?;
        let found = found.ok_or_else(|| TxnError::Refused { path: lock.path().into(), what: "it is not an HDF5 file".into() })?;
        let len = disk.len().map_err(failed("read"))?;
        let trailing = len.saturating_sub(found.end);
        let hold = by == CommitBy::Replace || trailing > 0;
        let overlay = Overlay::new(disk, hold, u64::MAX, BUDGET, folder_of(lock.path())).map_err(failed("read"))?;
        let tail = match hold {
            true => None,
            // Known before the first byte is written, for signals; cut off when this ends without a commit.
            false => Some(Tail::new(lock.file().try_clone().map_err(failed("open"))?, len)),
        };
        let overlay = Arc::new(Mutex::new(overlay));
        let session = Session::new(lock.path(), lock.identity()?, overlay.clone());
        Ok(Self { session, overlay, superblock: found.at, trailing, by, tail, lock })
    }

    /// At most so many bytes may be written from now on.
    pub fn limit(&self, most: u64) {
        locked(&self.overlay).limit(most);
    }

    /// Bytes behind the end of the HDF5 data, which a commit drops.
    pub fn trailing(&self) -> u64 {
        self.trailing
    }

    /// The file's own path.
    pub fn path(&self) -> &Path {
        self.lock.path()
    }

    /// Opens the file with everything that was written so far, for reading. Nothing else may be open on it for writing.
    pub fn open(&self) -> Result<h5::File, H5Error> {
        h5::File::open_session(&self.session)
    }

    /// Opens the file for writing into the overlay.
    pub fn open_writable(&self, libver: (Libver, Libver)) -> Result<h5::File, H5Error> {
        h5::File::open_session_writable(&self.session, libver)
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

    fn journal(mut self) -> Result<Receipt, TxnError> {
        let path = self.lock.path();
        let mut overlay = locked(&self.overlay);
        let mut disk = Counted::new(RealDisk::new(self.lock.file().try_clone().map_err(|e| TxnError::io("write", path, &e))?));
        let pages = overlay.low_pages().map_err(|e| TxnError::io("read", path, &e))?;
        let held = overlay.held_tail();
        let change = Change {
            old: overlay.old(),
            new: h5::Backing::end(&*overlay),
            superblock: self.superblock,
            pages: &pages,
            tail: held.as_ref().map(|t| t as &dyn super::change::Pages),
        };
        let done = commit::commit(&mut disk, &change);
        drop(pages);
        let work = overlay.disk().work() + disk.work();
        if let Some(tail) = self.tail.take() {
            match &done {
                // What could not be undone here is not undone later either.
                Ok(_) | Err(Failed::AbortFailed { .. } | Failed::InDoubt(_)) => tail.keep(),
                Err(Failed::Before(_)) => {}
            }
        }
        match done {
            Ok(committed) => Ok(Receipt { work, uncut: committed.uncut.map(|e| super::cause(&e)) }),
            Err(Failed::Before(e)) => Err(TxnError::io("write", path, &e)),
            Err(Failed::AbortFailed { cause, abort }) => Err(TxnError::Io {
                what: "write",
                path: path.into(),
                cause: format!(
                    "{}; and its new bytes could not be cut off again ({}). It reads as before; `h5mason recover` cuts them",
                    super::cause(&cause),
                    super::cause(&abort)
                ),
            }),
            Err(Failed::InDoubt(e)) => Err(TxnError::half(path, &e)),
        }
    }

    fn replace(&self) -> Result<Receipt, TxnError> {
        let mut overlay = locked(&self.overlay);
        let path = self.lock.path();
        let pages = overlay.low_pages().map_err(|e| TxnError::io("read", path, &e))?;
        let held = overlay.held_tail();
        let new = h5::Backing::end(&*overlay);
        let clone = Replacement::begin(&self.lock)?;
        let mut disk = Counted::new(RealDisk::new(clone.file().try_clone().map_err(|e| TxnError::io("write", path, &e))?));
        commit::write_all(&mut disk, &pages, held.as_ref().map(|t| t as &dyn super::change::Pages), new)
            .map_err(|e| TxnError::io("write a clone of", path, &e))?;
        drop(pages);
        clone.commit(&self.lock)?;
        let mut work = overlay.disk().work() + disk.work();
        work.syncs += 1;
        Ok(Receipt { work, uncut: None })
    }
}
