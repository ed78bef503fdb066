//! How a file changes atomically: locks, work beside the target, commit.
//!
//! Nothing here knows what is written. A new file is built under a temporary name in its folder and
//! renamed into place; an existing one is changed in a clone beside it that takes its place by a rename.

#[allow(dead_code, reason = "the border of what is built next")]
mod change;
mod clone;
mod crash;
#[allow(dead_code, reason = "the border of what is built next")]
mod disk;
mod durable;
mod lock;
mod new;
pub mod notify;
mod space;
mod temps;

use std::io;
use std::path::{Path, PathBuf};

pub use clone::Replacement;
pub use crash::{Reported, recover_after_crash};
pub use lock::Lock;
pub use new::{Batch, Existing, NewTarget, write_file};
pub use space::free_bytes;
pub use temps::abandon;

/// Why a transaction could not begin or end. The target is as it was, but for [`TxnError::InDoubt`].
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
    fn io(what: &'static str, path: impl Into<PathBuf>, error: &io::Error) -> Self {
        TxnError::Io { what, path: path.into(), cause: cause(error) }
    }

    fn in_doubt(path: &Path, error: &io::Error) -> Self {
        TxnError::InDoubt { path: path.into(), cause: cause(error) }
    }
}

/// The operating system's words.
fn cause(error: &io::Error) -> String {
    let text = error.to_string();
    text.split(" (os error").next().unwrap_or(&text).to_lowercase()
}
