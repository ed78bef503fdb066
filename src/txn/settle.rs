//! What an interrupted apply has left in a file, for people: found, told and put right.

use std::fmt;
use std::fs::File;
use std::io;
use std::path::Path;
use std::time::Duration;

use rustix::fs::{FlockOperation, flock};

use super::disk::{Disk, RealDisk};
use super::recover::{self, State};
use super::{Lock, TxnError, superblock};

/// What a recovery has found in a file, and done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Recovered {
    /// Nothing was interrupted.
    Nothing,
    /// Bytes behind the end of the HDF5 data: of an apply that was interrupted before its commit, or somebody's own.
    Leftover {
        /// How many.
        bytes: u64,
        /// Were they cut off?
        cut: bool,
    },
    /// An apply was interrupted before its commit: the file is the one before.
    Undone {
        /// The bytes that were cut off.
        bytes: u64,
    },
    /// An apply was interrupted after its commit: the file is the one after.
    Completed {
        /// The bytes of its journal that were cut off.
        bytes: u64,
    },
}

impl fmt::Display for Recovered {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Nothing => write!(f, "nothing to recover"),
            Self::Leftover { bytes, cut: true } => {
                write!(
                    f,
                    "the file is whole; {bytes} bytes behind the end of its HDF5 data, as an interrupted apply leaves them, were cut off"
                )
            }
            Self::Leftover { bytes, cut: false } => write!(f, "{bytes} bytes stand behind the end of its HDF5 data"),
            Self::Undone { bytes } => {
                write!(f, "an apply was interrupted before its commit; the file is as before it, {bytes} bytes behind its end were cut off")
            }
            Self::Completed { bytes } => {
                write!(f, "an apply was interrupted in its commit, which has been completed; {bytes} bytes of its journal were cut off")
            }
        }
    }
}

/// Puts right what an interrupted commit has left in a locked file. Bytes behind its end without a journal stay.
pub fn settle(lock: &Lock) -> Result<Option<Recovered>, TxnError> {
    match put_right(lock, false)? {
        Recovered::Nothing | Recovered::Leftover { .. } => Ok(None),
        done => Ok(Some(done)),
    }
}

/// [`settle`] for a file that is not locked yet, if nobody else has locked it.
pub fn settle_path(path: &Path) -> Result<Option<Recovered>, TxnError> {
    settle(&Lock::acquire(path, Duration::ZERO)?)
}

/// The command `recover`: ends what was interrupted, and cuts off what stands behind the end of the HDF5 data.
pub fn recover(path: &Path, wait: Duration) -> Result<Recovered, TxnError> {
    put_right(&Lock::acquire(path, wait)?, true)
}

fn put_right(lock: &Lock, cut: bool) -> Result<Recovered, TxnError> {
    let path = lock.path();
    let mut disk = RealDisk::new(lock.file().try_clone().map_err(|e| TxnError::io("open", path, &e))?);
    let failed = |e: io::Error| TxnError::io("recover", path, &e);
    let state = recover::look(&disk).map_err(failed)?;
    let len = disk.len().map_err(failed)?;
    let refused = |what: String| TxnError::Refused { path: path.into(), what };
    let recovered = match &state {
        // Whoever opens it says so.
        State::NotHdf5 if !cut => return Ok(Recovered::Nothing),
        State::NotHdf5 => return Err(refused(not_hdf5(lock.file()).into())),
        // Whoever opens it says so.
        State::InUse if !cut => return Ok(Recovered::Nothing),
        State::InUse => return Err(refused(super::IN_USE.into())),
        State::Clean => return Ok(Recovered::Nothing),
        // They stay, and nothing was interrupted that a reader could see.
        State::Leftover { bytes, .. } if !cut => return Ok(Recovered::Leftover { bytes: *bytes, cut }),
        State::Leftover { bytes, .. } => Recovered::Leftover { bytes: *bytes, cut },
        State::Abandoned { old } => Recovered::Undone { bytes: len.saturating_sub(*old) },
        State::Done { new } => Recovered::Completed { bytes: len.saturating_sub(*new) },
        State::Committed(trailer) => Recovered::Completed { bytes: len.saturating_sub(trailer.new) },
        // Whoever opens it says so, too, and in how far.
        State::Damaged(_) if !cut && !superblock::find(&disk).is_ok_and(|s| s.is_some_and(|s| s.poisoned)) => {
            return Ok(Recovered::Nothing);
        }
        State::Damaged(what) => return Err(refused(format!("{what}; nothing was changed. It needs a backup, or help"))),
    };
    // Nobody gives up, and a signal waits, until the end of it.
    let commit = super::notify::Commit::begin();
    let uninterrupted = super::temps::uninterrupted();
    match (recover::settle(&mut disk, &state, cut), &state) {
        (Ok(()), _) => commit.done(),
        (Err(e), State::Committed(_) | State::Done { .. }) => return Err(TxnError::half(path, &e)),
        (Err(e), _) => return Err(failed(e)),
    }
    drop(uninterrupted);
    Ok(recovered)
}

/// Why a file cannot be read now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Interrupted {
    /// A commit is going on.
    Now,
    /// A commit was interrupted.
    Then,
}

impl fmt::Display for Interrupted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Now => write!(f, "it is being changed right now by another h5mason"),
            Self::Then => write!(f, "an apply was interrupted while it changed this file; `h5mason recover` completes it"),
        }
    }
}

/// Does the file have the mark of a commit that has not ended?
pub fn interrupted(file: &File) -> Option<Interrupted> {
    let disk = RealDisk::new(file.try_clone().ok()?);
    if !superblock::find(&disk).ok()??.poisoned {
        return None;
    }
    // A shared lock on another open file: an applier's would be in its way. It goes with the descriptor.
    match flock(file, FlockOperation::NonBlockingLockShared) {
        Err(rustix::io::Errno::WOULDBLOCK) => Some(Interrupted::Now),
        _ => Some(Interrupted::Then),
    }
}

/// Has the file HDF5's signature, at 0, 512, 1024 and so on?
pub fn is_hdf5(file: &File) -> bool {
    let found = file.try_clone().and_then(|file| superblock::find(&RealDisk::new(file)));
    // With a superblock that is not understood it is one, too.
    !matches!(found, Ok(None))
}

/// What a file is that is not HDF5, where that helps.
pub fn not_hdf5(file: &File) -> &'static str {
    let mut first = [0; 4];
    let read = std::os::unix::fs::FileExt::read_at(file, &mut first, 0).unwrap_or(4);
    match first {
        _ if read == 0 => "it is not an HDF5 file: it is empty",
        [b'C', b'D', b'F', 1 | 2 | 5] => "it is not an HDF5 file: it is a classic netCDF file; `nccopy -k nc4` makes an HDF5 file of it",
        [0x0e, 0x03, 0x13, 0x01] => "it is not an HDF5 file: it is an HDF4 file",
        _ => "it is not an HDF5 file",
    }
}

/// Bytes behind the end of the HDF5 data: somebody's own, or an interrupted apply's. 0 where that cannot be told.
pub fn trailing_bytes(path: &Path) -> u64 {
    let Ok(file) = File::open(path) else { return 0 };
    let disk = RealDisk::new(file);
    match (superblock::find(&disk), disk.len()) {
        (Ok(Some(found)), Ok(len)) => len.saturating_sub(found.end),
        _ => 0,
    }
}
