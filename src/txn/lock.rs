//! The lock on an existing target.

use std::fs::{File, OpenOptions};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use rustix::fs::{FlockOperation, flock};
use rustix::io::Errno;

use super::TxnError;

/// An exclusive `flock` on a target: the lock HDF5 itself takes, so HDF5 programs and other appliers
/// are kept out. Released on drop, which must come after that of everything that still works on the file.
#[derive(Debug)]
pub struct Lock {
    file: File,
    path: PathBuf,
}

/// A child that another thread starts has copies of all descriptors until it runs its program, and a lock that is not taken off goes
/// with the last copy: a moment after we have closed ours, in which others would find the file locked. A copy of this process
/// ([`Aside`](super::Aside)) would take it off for both: it ends without dropping what it has.
impl Drop for Lock {
    fn drop(&mut self) {
        let _ = flock(&self.file, FlockOperation::Unlock);
    }
}

/// How often a file that is replaced while we lock it is looked up again.
const ATTEMPTS: usize = 100;

impl Lock {
    /// Locks the file behind `path`, symlinks followed. Waits up to `wait` for another holder.
    #[expect(clippy::disallowed_methods, reason = "the clock decides only how long to wait for another process")]
    pub fn acquire(path: &Path, wait: Duration) -> Result<Self, TxnError> {
        // As good as for ever.
        let deadline = Instant::now().checked_add(wait);
        for _ in 0..ATTEMPTS {
            let real = path.canonicalize().map_err(|e| TxnError::io("open", path, &e))?;
            let meta = std::fs::metadata(&real).map_err(|e| TxnError::io("open", path, &e))?;
            if !meta.is_file() {
                return Err(TxnError::Refused { path: path.into(), what: "not a regular file".into() });
            }
            let file = OpenOptions::new().read(true).write(true).open(&real).map_err(|e| TxnError::io("open for writing", path, &e))?;
            while let Err(e) = flock(&file, FlockOperation::NonBlockingLockExclusive) {
                // A file system without locks protects nobody from others, but from crashes all the same.
                if matches!(e, Errno::NOSYS | Errno::OPNOTSUPP) {
                    break;
                }
                if e != Errno::WOULDBLOCK && e != Errno::INTR {
                    return Err(TxnError::io("lock", path, &e.into()));
                }
                if deadline.is_some_and(|deadline| Instant::now() >= deadline) {
                    return Err(TxnError::Locked(path.into()));
                }
                std::thread::sleep(Duration::from_millis(20));
            }
            // An applier that was faster has put another file in this place: lock that one.
            let ours = file.metadata().map_err(|e| TxnError::io("read", path, &e))?;
            let now = std::fs::metadata(&real).ok();
            if now.is_some_and(|m| (m.dev(), m.ino()) == (ours.dev(), ours.ino())) {
                return Ok(Self { file, path: real });
            }
        }
        Err(TxnError::Replaced(path.into()))
    }

    /// The locked file's own path, symlinks resolved.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The locked file's device and inode.
    pub fn identity(&self) -> Result<(u64, u64), TxnError> {
        let meta = self.file.metadata().map_err(|e| TxnError::io("read", &self.path, &e))?;
        Ok((meta.dev(), meta.ino()))
    }

    /// Does the path still name the locked file? What is done to a file that nobody finds is lost.
    pub(super) fn check_named(&self) -> Result<(), TxnError> {
        let ours = self.identity()?;
        match self.path.symlink_metadata() {
            Ok(m) if (m.dev(), m.ino()) == ours => Ok(()),
            _ => Err(TxnError::Refused {
                path: self.path.clone(),
                what: "another process has moved, removed or replaced it meanwhile; nothing was written".into(),
            }),
        }
    }

    /// May another file take this one's place? Only if the path still names the locked file and no other
    /// hard link does.
    ///
    /// A process that renames without locking can still come in between this and the rename.
    pub(super) fn check_replaceable(&self) -> Result<(), TxnError> {
        self.check_named()?;
        let links = self.file.metadata().map_err(|e| TxnError::io("read", &self.path, &e))?.nlink();
        match links {
            1 => Ok(()),
            _ => Err(TxnError::Refused {
                path: self.path.clone(),
                what: format!("it has {links} hard links, and replacing it would leave the others behind"),
            }),
        }
    }

    /// The open file.
    pub fn file(&self) -> &File {
        &self.file
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_goes_although_somebody_has_a_copy_of_the_descriptor() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let path = file.path();
        let lock = Lock::acquire(path, Duration::ZERO).unwrap();
        let copy = lock.file().try_clone().unwrap();
        assert!(matches!(Lock::acquire(path, Duration::ZERO), Err(TxnError::Locked(_))));
        drop(lock);
        assert!(Lock::acquire(path, Duration::ZERO).is_ok());
        drop(copy);
    }
}
