//! Temporary files and new folders, which go when the work ends early: by an error, a panic or a signal.
#![expect(clippy::disallowed_methods, reason = "this is where unfinished files go")]

use std::fs::File;
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use tempfile::TempPath;

use super::notify::{Event, tell};

/// What would stay behind if the process ended now. Whoever makes, places or removes one of these
/// holds the lock meanwhile, so that the list is always true.
static TRACES: Mutex<Traces> = Mutex::new(Traces { files: Vec::new(), folders: Vec::new() });

struct Traces {
    files: Vec<PathBuf>,
    /// Outermost first.
    folders: Vec<PathBuf>,
}

fn traces() -> MutexGuard<'static, Traces> {
    TRACES.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Removes everything unfinished, and lets nothing be made or put into place any more: the process must
/// end after this. For signals.
pub fn abandon() {
    let traces = traces();
    for file in &traces.files {
        let _ = std::fs::remove_file(file);
    }
    for folder in traces.folders.iter().rev() {
        let _ = std::fs::remove_dir(folder);
    }
    std::mem::forget(traces);
}

/// A file under a temporary name. Dropped before it is placed, it is gone.
#[derive(Debug)]
pub(super) struct Temp {
    file: File,
    path: PathBuf,
    guard: Option<TempPath>,
}

impl Temp {
    /// An empty file in this folder; the umask takes its part of `mode`.
    pub fn create(folder: &Path, mode: u32) -> io::Result<Self> {
        let mut traces = traces();
        let named = tempfile::Builder::new()
            .prefix(".h5mason-")
            .suffix(".tmp")
            .permissions(std::fs::Permissions::from_mode(mode))
            .tempfile_in(folder)?;
        let (file, guard) = named.into_parts();
        let path = guard.to_path_buf();
        tell(&Event::FileMade(path.clone()));
        traces.files.push(path.clone());
        Ok(Self { file, path, guard: Some(guard) })
    }

    /// Where it is, until it is placed.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The open file.
    pub fn file(&self) -> &File {
        &self.file
    }

    /// Takes the place of `target`.
    pub fn replace(&mut self, target: &Path) -> io::Result<()> {
        self.place(|temp| temp.persist(target))
    }

    /// Becomes `target`, which must not exist: a rename that never replaces, or a link where the file
    /// system lacks such renames. Afterwards the temporary name is gone.
    pub fn become_new(&mut self, target: &Path) -> io::Result<()> {
        self.place(|temp| temp.persist_noclobber(target))
    }

    fn place(&mut self, rename: impl FnOnce(TempPath) -> Result<(), tempfile::PathPersistError>) -> io::Result<()> {
        let mut traces = traces();
        let Some(guard) = self.guard.take() else { return Err(io::ErrorKind::NotFound.into()) };
        match rename(guard) {
            Ok(()) => {
                tell(&Event::FileGone(self.path.clone()));
                traces.files.retain(|p| *p != self.path);
                Ok(())
            }
            Err(e) => {
                self.guard = Some(e.path);
                Err(e.error)
            }
        }
    }
}

impl Drop for Temp {
    fn drop(&mut self) {
        if let Some(guard) = self.guard.take() {
            let mut traces = traces();
            drop(guard);
            tell(&Event::FileGone(self.path.clone()));
            traces.files.retain(|p| *p != self.path);
        }
    }
}

/// Folders made for a new file. Dropped before [`Folders::keep`], those that are empty are gone.
#[derive(Debug, Default)]
pub(super) struct Folders(Vec<PathBuf>);

impl Folders {
    /// Makes this folder and those above it that are missing.
    pub fn make(folder: &Path) -> Result<Self, (PathBuf, io::Error)> {
        let missing: Vec<&Path> = folder.ancestors().take_while(|p| !p.as_os_str().is_empty() && !p.exists()).collect();
        let mut made = Self::default();
        for path in missing.into_iter().rev() {
            let mut traces = traces();
            match std::fs::create_dir(path) {
                Ok(()) => {
                    tell(&Event::FolderMade(path.to_owned()));
                    traces.folders.push(path.to_owned());
                    made.0.push(path.to_owned());
                }
                Err(e) if e.kind() == io::ErrorKind::AlreadyExists => {}
                Err(e) => {
                    drop(traces);
                    return Err((path.to_owned(), e));
                }
            }
        }
        Ok(made)
    }

    /// They stay. Returns them, outermost first.
    pub fn keep(mut self) -> Vec<PathBuf> {
        let made = std::mem::take(&mut self.0);
        let mut traces = traces();
        made.iter().for_each(|path| tell(&Event::FolderGone(path.clone())));
        traces.folders.retain(|p| !made.contains(p));
        drop(traces);
        made
    }
}

impl Drop for Folders {
    fn drop(&mut self) {
        if self.0.is_empty() {
            return;
        }
        let mut traces = traces();
        // Folders that something else has used meanwhile are not empty and stay.
        for path in self.0.iter().rev() {
            let _ = std::fs::remove_dir(path);
            tell(&Event::FolderGone(path.clone()));
        }
        traces.folders.retain(|p| !self.0.contains(p));
    }
}
