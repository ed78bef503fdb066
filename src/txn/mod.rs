//! How a file changes atomically: locks, work beside the target, commit.
//!
//! Nothing here knows what is written. A new file is built without a name and linked into place. An existing one is never written by
//! HDF5: it works on an [overlay](InPlace) of pages, which is looked at once more and then brought into the file by a journal in the
//! file's own tail. docs/safety.md tells what that promises.

mod aside;
mod change;
mod clone;
mod commit;
#[cfg(test)]
mod commit_tests;
mod compact;
mod crash;
mod disk;
mod durable;
mod header;
mod in_place;
mod journal;
mod lock;
mod memory;
mod new;
pub mod notify;
mod overlay;
mod pages;
mod recover;
mod root;
mod settle;
#[cfg(test)]
mod sim;
mod space;
mod superblock;
mod table;
mod temps;

use std::io;
use std::path::{Path, PathBuf};

use crate::diag::system_words;

pub use aside::Aside;
pub use compact::Compact;
pub use crash::{Left, Reported, recover_after_crash};
pub use disk::Work;
pub use header::set_fill_value;
pub use in_place::{CommitBy, InPlace, Receipt};
pub use lock::Lock;
pub use new::{Batch, Existing, NewTarget, write_file};
pub use root::{copy_userblock, set_root};
pub use settle::{Interrupted, Recovered, interrupted, is_hdf5, not_hdf5, recover, settle, settle_path, trailing_bytes};
pub use space::free_bytes;
pub use temps::abandon;

/// For fuzz targets and other tests from outside.
#[doc(hidden)]
pub mod testing {
    pub use super::disk::{Disk, RealDisk};
    pub use super::memory::MemoryDisk;
    pub use super::overlay::Overlay;
    pub use super::recover::{State, look, settle};

    use super::change::{Change, Pages};
    use super::superblock;
    use crate::h5::Backing;

    /// Changes a file as a transaction does: these pieces are written through an overlay, the end is set, all of it is committed.
    pub fn change<D: Disk + Clone>(disk: &D, pieces: &[(u64, Vec<u8>)], end: u64) -> Result<(), String> {
        let mut overlay = overlay(disk)?;
        pieces.iter().try_for_each(|(at, bytes)| overlay.write(*at, bytes)).map_err(|e| e.to_string())?;
        overlay.truncate(end).map_err(|e| e.to_string())?;
        commit(disk, &overlay)
    }

    /// An overlay over a file, as a transaction makes it.
    pub fn overlay<D: Disk + Clone>(disk: &D) -> Result<Overlay<D>, String> {
        let text = |e: std::io::Error| e.to_string();
        let found = superblock::find(disk).map_err(text)?.ok_or("no superblock")?;
        let hold = disk.len().map_err(text)? != found.end;
        Overlay::new(disk.clone(), hold, u64::MAX, 1 << 14, std::env::temp_dir()).map_err(text)
    }

    /// Commits what was written to an overlay.
    pub fn commit<D: Disk + Clone>(disk: &D, overlay: &Overlay<D>) -> Result<(), String> {
        let text = |e: std::io::Error| e.to_string();
        let found = superblock::find(disk).map_err(text)?.ok_or("no superblock")?;
        let (pages, tail) = (overlay.low_pages(), overlay.held_tail());
        let tail = tail.as_ref().map(|t| t as &dyn Pages);
        let change = Change { old: overlay.old(), new: overlay.end(), superblock: found.at, pages: &pages, tail };
        super::commit::commit(&mut disk.clone(), &change, &mut || ()).map(drop).map_err(|e| format!("{e:?}"))
    }
}

/// Why a transaction could not begin or end. The target is as it was, but for [`TxnError::InDoubt`] and [`TxnError::Half`].
#[derive(Debug, thiserror::Error)]
pub enum TxnError {
    /// Another process holds the lock.
    #[error("{} is locked: another process has it open (an HDF5 program, or another h5mason)", .0.display())]
    Locked(PathBuf),
    /// The file was replaced between looking it up and locking it, again and again.
    #[error("{} is being replaced by another process", .0.display())]
    Replaced(PathBuf),
    /// Not something that can be changed.
    #[error("{}: {what}", path.display())]
    Refused {
        /// The target.
        path: PathBuf,
        /// Why.
        what: String,
    },
    /// A file that must not be replaced.
    #[error("{} exists already", .0.display())]
    Exists(PathBuf),
    /// The change is done and visible, but making it durable failed.
    #[error("{} was written and is in its place, but the disk did not confirm it ({cause}); after a power failure the old state may be back", path.display())]
    InDoubt {
        /// The target.
        path: PathBuf,
        /// What the operating system said.
        cause: String,
    },
    /// A commit has reached its first byte, and then the disk failed.
    #[error("{}: the disk failed in the midst of the commit ({cause}); whether the file is old or new is in doubt", path.display())]
    Half {
        /// The target.
        path: PathBuf,
        /// What the operating system said.
        cause: String,
    },
    /// An apply was interrupted after its commit had begun, or is in it now.
    #[error("{}: {interrupted}", path.display())]
    Interrupted {
        /// The target.
        path: PathBuf,
        /// By what.
        interrupted: Interrupted,
    },
    /// The operating system refused.
    #[error("cannot {what} {}: {cause}", path.display())]
    Io {
        /// What was tried.
        what: &'static str,
        /// With which file.
        path: PathBuf,
        /// Why not.
        cause: String,
    },
}

impl TxnError {
    /// The target, which may be said by another name.
    pub fn path_mut(&mut self) -> &mut PathBuf {
        match self {
            TxnError::Locked(path) | TxnError::Replaced(path) | TxnError::Exists(path) => path,
            TxnError::Refused { path, .. }
            | TxnError::InDoubt { path, .. }
            | TxnError::Half { path, .. }
            | TxnError::Interrupted { path, .. }
            | TxnError::Io { path, .. } => path,
        }
    }

    fn io(what: &'static str, path: impl Into<PathBuf>, error: &io::Error) -> Self {
        TxnError::Io { what, path: path.into(), cause: system_words(error) }
    }

    fn half(path: &Path, error: &io::Error) -> Self {
        TxnError::Half { path: path.into(), cause: system_words(error) }
    }

    fn in_doubt(path: &Path, error: &io::Error) -> Self {
        TxnError::InDoubt { path: path.into(), cause: system_words(error) }
    }
}

/// More would be written than may be.
fn over(most: u64) -> io::Error {
    let what = format!("more than {most} bytes would be written, which is the most that is free or that --max-bytes allows");
    io::Error::new(io::ErrorKind::StorageFull, what)
}

/// What is said of a file that has the mark of a writer.
pub const IN_USE: &str = "another program has it open for writing without a lock, or has died while it wrote; in that case \
     `h5clear -s` takes its mark away. Nothing was changed";
