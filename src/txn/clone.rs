//! Changing an existing file by a clone beside it that takes its place.

use std::fs::File;
use std::io::{self, Read, Seek};
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use rustix::fs::{SeekFrom, XattrFlags, seek};
use rustix::io::Errno;

use super::durable::{folder_of, open_folder, sync_folder};
use super::notify::Commit;
use super::temps::Temp;
use super::{Lock, TxnError};

/// A clone of a locked file. Dropped without [`Replacement::commit`], it is gone and the target is as it was.
#[derive(Debug)]
pub(super) struct Replacement {
    temp: Temp,
    folder: File,
}

impl Replacement {
    /// Clones the locked file into its own folder; where the file system shares blocks, without copying.
    pub fn begin(lock: &Lock) -> Result<Self, TxnError> {
        let target = lock.path();
        let clone = Self::empty(lock)?;
        let len = lock.file().metadata().map_err(|e| TxnError::io("read", target, &e))?.len();
        if rustix::fs::ioctl_ficlone(clone.file(), lock.file()).is_err() {
            copy_sparse(lock.file(), clone.file(), len).map_err(|e| TxnError::io("copy", target, &e))?;
        }
        Ok(clone)
    }

    /// An empty file in the locked one's folder, which will get its owner.
    pub fn empty(lock: &Lock) -> Result<Self, TxnError> {
        let target = lock.path();
        lock.check_replaceable()?;
        let meta = lock.file().metadata().map_err(|e| TxnError::io("read", target, &e))?;
        let folder = open_folder(target)?;
        let temp = Temp::create(&folder_of(target), 0o600).map_err(|e| TxnError::io("write beside", target, &e))?;
        // Tried before the work, so that it is not done for nothing.
        copy_owner(temp.file(), &meta, target)?;
        Ok(Self { temp, folder })
    }

    /// The clone.
    pub fn file(&self) -> &File {
        self.temp.file()
    }

    /// Makes the clone durable, gives it the target's mode, owner and extended attributes, and renames
    /// it into the target's place. The lock stays with the old file.
    pub fn commit(self, lock: &Lock) -> Result<(), TxnError> {
        let Self { mut temp, folder } = self;
        let target = lock.path();
        let meta = lock.file().metadata().map_err(|e| TxnError::io("read", target, &e))?;
        let file = temp.file();
        copy_owner(file, &meta, target)?;
        copy_xattrs(lock.file(), file, target)?;
        file.set_permissions(meta.permissions()).map_err(|e| TxnError::io("set the mode of", target, &e))?;
        file.sync_all().map_err(|e| TxnError::io("sync", target, &e))?;
        lock.check_replaceable()?;
        let commit = Commit::begin();
        temp.replace(target).map_err(|e| TxnError::io("replace", target, &e))?;
        let synced = sync_folder(&folder, target);
        commit.done();
        synced
    }
}

/// Copies what is in the file; holes stay holes.
fn copy_sparse(mut from: &File, mut to: &File, len: u64) -> io::Result<()> {
    to.set_len(len)?;
    let mut at = 0;
    while at < len {
        let data = match seek(from, SeekFrom::Data(at)) {
            Ok(data) => data,
            // There is no more.
            Err(Errno::NXIO) => break,
            Err(_) => at,
        };
        let end = seek(from, SeekFrom::Hole(data)).unwrap_or(len).min(len).max(data);
        from.seek(io::SeekFrom::Start(data))?;
        to.seek(io::SeekFrom::Start(data))?;
        io::copy(&mut from.take(end - data), &mut to)?;
        at = end.max(data + 1);
    }
    Ok(())
}

fn copy_owner(file: &File, meta: &std::fs::Metadata, target: &Path) -> Result<(), TxnError> {
    let ours = file.metadata().map_err(|e| TxnError::io("read", target, &e))?;
    if (ours.uid(), ours.gid()) == (meta.uid(), meta.gid()) {
        return Ok(());
    }
    std::os::unix::fs::fchown(file, Some(meta.uid()), Some(meta.gid())).map_err(|_| TxnError::Refused {
        path: target.into(),
        what: "it belongs to somebody else, and replacing it would change its owner".into(),
    })
}

fn copy_xattrs(from: &File, to: &File, target: &Path) -> Result<(), TxnError> {
    let failed = |e: rustix::io::Errno| TxnError::io("copy the extended attributes of", target, &e.into());
    let mut names = vec![0u8; 64 << 10];
    let length = match rustix::fs::flistxattr(from, &mut names) {
        Ok(length) => length,
        // File systems without extended attributes have none to copy.
        Err(rustix::io::Errno::NOTSUP) => return Ok(()),
        Err(e) => return Err(failed(e)),
    };
    for name in names[..length].split(|&b| b == 0).filter(|n| !n.is_empty()) {
        let mut value = vec![0u8; 64 << 10];
        let size = rustix::fs::fgetxattr(from, name, &mut value).map_err(failed)?;
        match rustix::fs::fsetxattr(to, name, &value[..size], XattrFlags::empty()) {
            // What the system keeps for itself (security labels) follows from the folder.
            Ok(()) | Err(rustix::io::Errno::NOTSUP | rustix::io::Errno::PERM) => {}
            Err(e) => return Err(failed(e)),
        }
    }
    Ok(())
}
