//! Changing an existing file: a clone beside it that takes its place.

use std::fs::File;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use rustix::fs::XattrFlags;
use tempfile::TempPath;

use super::{Lock, TxnError};

/// A clone of a locked file. Dropped without [`Replacement::commit`], it is gone and the target is as it was.
#[derive(Debug)]
pub struct Replacement {
    lock: Lock,
    temp: TempPath,
    file: File,
}

impl Replacement {
    /// Clones the locked file into its own folder; where the file system shares blocks, without copying.
    pub fn begin(lock: Lock) -> Result<Self, TxnError> {
        let target = lock.path().to_owned();
        let meta = lock.file().metadata().map_err(|e| TxnError::io("read", &target, &e))?;
        if meta.nlink() > 1 {
            let what =
                format!("it has {} hard links, and replacing it would leave the others behind; this is not supported yet", meta.nlink());
            return Err(TxnError::Refused { path: target, what });
        }
        let folder = target.parent().unwrap_or(Path::new("/"));
        let named = tempfile::Builder::new()
            .prefix(".h5mason-")
            .suffix(".tmp")
            .tempfile_in(folder)
            .map_err(|e| TxnError::io("write beside", &target, &e))?;
        let (mut file, temp) = named.into_parts();
        if rustix::fs::ioctl_ficlone(&file, lock.file()).is_err() {
            let mut source = File::open(&target).map_err(|e| TxnError::io("read", &target, &e))?;
            io::copy(&mut source, &mut file).map_err(|e| TxnError::io("copy", &target, &e))?;
        }
        Ok(Self { lock, temp, file })
    }

    /// Where the clone is.
    pub fn path(&self) -> &Path {
        &self.temp
    }

    /// The target's own path.
    pub fn target(&self) -> &Path {
        self.lock.path()
    }

    /// Makes the clone durable, gives it the target's mode, owner and extended attributes, and renames
    /// it into the target's place. The lock goes with the old file.
    pub fn commit(self) -> Result<(), TxnError> {
        let target = self.lock.path().to_owned();
        let meta = self.lock.file().metadata().map_err(|e| TxnError::io("read", &target, &e))?;
        copy_owner(&self.file, &meta, &target)?;
        copy_xattrs(self.lock.file(), &self.file, &target)?;
        self.file.set_permissions(meta.permissions()).map_err(|e| TxnError::io("set the mode of", &target, &e))?;
        self.file.sync_all().map_err(|e| TxnError::io("sync", &target, &e))?;
        self.temp.persist(&target).map_err(|e| TxnError::io("replace", &target, &e.error))?;
        sync_folder(&target)
    }
}

/// Makes a rename or link in the file's folder durable.
pub(super) fn sync_folder(target: &Path) -> Result<(), TxnError> {
    let folder: PathBuf = target.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new(".")).to_owned();
    File::open(&folder).and_then(|f| f.sync_all()).map_err(|e| TxnError::io("sync the folder of", target, &e))
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
