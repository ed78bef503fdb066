//! A new file: built under a temporary name, linked into place.
#![expect(clippy::disallowed_methods, reason = "this is where files come into being and unfinished ones go")]

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use tempfile::NamedTempFile;

use super::clone::sync_folder;
use super::{Lock, TxnError};

/// A file that does not exist yet under its name. Dropped without [`NewTarget::commit`], nothing stays.
#[derive(Debug)]
pub struct NewTarget {
    temp: NamedTempFile,
    target: PathBuf,
    replaced: Option<Lock>,
    made: Vec<PathBuf>,
    done: bool,
}

/// What may happen to what is there already.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Existing {
    /// It stays, and the new file is refused.
    Keep,
    /// The new file takes its place.
    Replace,
}

impl NewTarget {
    /// Begins a file at `target`. `folders`: make missing folders, too.
    pub fn begin(target: &Path, existing: Existing, folders: bool) -> Result<Self, TxnError> {
        let present = target.symlink_metadata().is_ok();
        if present && existing == Existing::Keep {
            return Err(TxnError::Exists(target.into()));
        }
        if target.is_dir() {
            return Err(TxnError::Refused { path: target.into(), what: "it is a folder".into() });
        }
        // A file that somebody has open is not pulled away from under them.
        let replaced = if present && target.exists() { Some(Lock::acquire(target, std::time::Duration::ZERO)?) } else { None };
        let place = replaced.as_ref().map_or_else(|| target.to_owned(), |lock| lock.path().to_owned());
        let folder = place.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new(".")).to_owned();
        let made = if folders { make_folders(&folder)? } else { Vec::new() };
        if !folder.is_dir() {
            let what = format!("its folder {} does not exist", folder.display());
            return Err(TxnError::Refused { path: target.into(), what });
        }
        let temp = tempfile::Builder::new()
            .prefix(".h5mason-")
            .suffix(".tmp")
            .permissions(std::fs::Permissions::from_mode(0o666))
            .tempfile_in(&folder)
            .map_err(|e| {
                remove_folders(&made);
                TxnError::io("write", target, &e)
            })?;
        Ok(Self { temp, target: place, replaced, made, done: false })
    }

    /// Where the file is built.
    pub fn path(&self) -> &Path {
        self.temp.path()
    }

    /// Puts the file into place; `sync` makes it durable first.
    pub fn commit(mut self, sync: bool) -> Result<(), TxnError> {
        let target = self.target.clone();
        if sync {
            self.temp.as_file().sync_all().map_err(|e| TxnError::io("sync", &target, &e))?;
        }
        if let Some(lock) = &self.replaced {
            let mode = lock.file().metadata().map_err(|e| TxnError::io("read", &target, &e))?.permissions();
            self.temp.as_file().set_permissions(mode).map_err(|e| TxnError::io("set the mode of", &target, &e))?;
            std::fs::rename(self.temp.path(), &target).map_err(|e| TxnError::io("replace", &target, &e))?;
        } else {
            // A hard link never replaces; the temporary name goes with the guard.
            std::fs::hard_link(self.temp.path(), &target).map_err(|e| match e.kind() {
                std::io::ErrorKind::AlreadyExists => TxnError::Exists(target.clone()),
                _ => TxnError::io("create", &target, &e),
            })?;
        }
        self.done = true;
        if sync {
            sync_folder(&target)?;
        }
        Ok(())
    }
}

impl Drop for NewTarget {
    fn drop(&mut self) {
        if !self.done {
            let _ = std::fs::remove_file(self.temp.path());
            remove_folders(&self.made);
        }
    }
}

/// Makes missing folders; returns those that were made, outermost first.
fn make_folders(folder: &Path) -> Result<Vec<PathBuf>, TxnError> {
    let missing: Vec<&Path> = folder.ancestors().take_while(|p| !p.as_os_str().is_empty() && !p.exists()).collect();
    let mut made = Vec::new();
    for path in missing.into_iter().rev() {
        match std::fs::create_dir(path) {
            Ok(()) => made.push(path.to_owned()),
            Err(e) if e.kind() == std::io::ErrorKind::AlreadyExists => {}
            Err(e) => {
                remove_folders(&made);
                return Err(TxnError::io("make the folder", path, &e));
            }
        }
    }
    Ok(made)
}

/// Folders that something else has used meanwhile are not empty and stay.
fn remove_folders(made: &[PathBuf]) {
    for path in made.iter().rev() {
        let _ = std::fs::remove_dir(path);
    }
}

/// Writes a small file of ours (a saved plan) whole or not at all, replacing what was there.
pub fn write_file(path: &Path, bytes: &[u8]) -> Result<(), TxnError> {
    use std::io::Write;
    let folder = path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let mut temp = tempfile::Builder::new()
        .prefix(".h5mason-")
        .permissions(std::fs::Permissions::from_mode(0o666))
        .tempfile_in(folder)
        .map_err(|e| TxnError::io("write", path, &e))?;
    temp.write_all(bytes).map_err(|e| TxnError::io("write", path, &e))?;
    temp.persist(path).map_err(|e| TxnError::io("write", path, &e.error))?;
    Ok(())
}
