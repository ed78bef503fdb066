//! Temporary files and new folders, which go when the work ends early: by an error, a panic or a signal.
#![expect(clippy::disallowed_methods, reason = "this is where unfinished files go")]

use std::fs::{File, OpenOptions};
use std::io;
use std::os::fd::AsRawFd;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};

use rustix::fs::{AtFlags, CWD, Mode, OFlags};
use tempfile::TempPath;

use super::notify::{Event, tell};

/// What would stay behind if the process ended now. Whoever makes, places or removes one of these
/// holds the lock meanwhile, so that the list is always true.
static TRACES: Mutex<Traces> = Mutex::new(Traces { files: Vec::new(), folders: Vec::new(), tails: Vec::new() });

/// Has the process given up what it does? Held for reading during each write to a target.
static ABANDONED: RwLock<bool> = RwLock::new(false);

/// While the result lives, nothing is cut off. Fails where everything has been: nothing may be written any more.
pub(super) fn not_abandoned() -> io::Result<impl Sized> {
    let abandoned = ABANDONED.read().unwrap_or_else(PoisonError::into_inner);
    if *abandoned { Err(io::Error::other("the process is ending")) } else { Ok(abandoned) }
}

struct Traces {
    /// Files that grow behind their old ends, and these.
    tails: Vec<(Arc<File>, u64)>,
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
    // Whoever appends right now finishes that write; then nobody appends any more.
    *ABANDONED.write().unwrap_or_else(PoisonError::into_inner) = true;
    for (file, old) in &traces.tails {
        let _ = file.set_len(*old);
    }
    std::mem::forget(traces);
}

/// While this lives, [`abandon`] waits: the process does not end by a signal in the midst of a commit.
pub(super) fn uninterrupted() -> impl Sized {
    traces()
}

/// As [`uninterrupted`]; what was appended to the file is the commit's from now on, and nobody cuts it off any more.
pub(super) fn hand_over(tail: Option<Tail>) -> impl Sized {
    let mut traces = traces();
    if let Some(tail) = tail {
        tail.forget(&mut traces);
    }
    traces
}

/// An existing file that grows behind its old end. Dropped before it is [handed over](hand_over), the file has its old length again.
#[derive(Debug)]
pub(super) struct Tail {
    file: Arc<File>,
    old: u64,
    handed_over: bool,
}

impl Tail {
    /// The file has this length now.
    pub fn new(file: File, old: u64) -> Self {
        let file = Arc::new(file);
        traces().tails.push((file.clone(), old));
        Self { file, old, handed_over: false }
    }

    fn forget(mut self, traces: &mut Traces) {
        traces.tails.retain(|(file, _)| !Arc::ptr_eq(file, &self.file));
        self.handed_over = true;
    }
}

impl Drop for Tail {
    fn drop(&mut self) {
        if self.handed_over {
            return;
        }
        let mut traces = traces();
        if self.file.metadata().is_ok_and(|m| m.len() > self.old) {
            let _ = self.file.set_len(self.old);
        }
        traces.tails.retain(|(file, _)| !Arc::ptr_eq(file, &self.file));
    }
}

/// A file that has no name yet, or, where the file system cannot make such files, a temporary one. Dropped before it is placed,
/// it is gone.
#[derive(Debug)]
pub(super) struct Temp {
    file: File,
    folder: PathBuf,
    named: Option<Named>,
}

/// A temporary name.
#[derive(Debug)]
struct Named(Option<TempPath>);

impl Temp {
    /// An empty file in this folder; the umask takes its part of `mode`.
    pub fn create(folder: &Path, mode: u32) -> io::Result<Self> {
        match unnamed(folder, mode) {
            Ok(file) => Ok(Self { file, folder: folder.into(), named: None }),
            // Some file systems and kernels have names only; what else is wrong shows again.
            Err(_) => {
                let (file, named) = Named::create(folder, mode)?;
                Ok(Self { file, folder: folder.into(), named: Some(named) })
            }
        }
    }

    /// The open file.
    pub fn file(&self) -> &File {
        &self.file
    }

    /// Takes the place of `target`.
    pub fn replace(&mut self, target: &Path) -> io::Result<()> {
        let mut named = match self.named.take() {
            Some(named) => named,
            None => Named::link(&self.file, &self.folder)?,
        };
        named.place(|temp| temp.persist(target))
    }

    /// Becomes `target`, which must not exist: a link, or a rename that never replaces.
    pub fn become_new(&mut self, target: &Path) -> io::Result<()> {
        match &mut self.named {
            None => link(&self.file, target),
            Some(named) => named.place(|temp| temp.persist_noclobber(target)),
        }
    }
}

/// A file without a name (`O_TMPFILE`): whatever happens to the process, nothing of it stays.
fn unnamed(folder: &Path, mode: u32) -> io::Result<File> {
    #[cfg(target_os = "linux")]
    {
        let flags = OFlags::TMPFILE | OFlags::RDWR | OFlags::CLOEXEC;
        let file = File::from(rustix::fs::open(folder, flags, Mode::from_raw_mode(mode))?);
        // Without /proc it could never get a name.
        std::fs::metadata(by_descriptor(&file))?;
        Ok(file)
    }
    #[cfg(not(target_os = "linux"))]
    {
        let _ = (folder, mode);
        Err(io::ErrorKind::Unsupported.into())
    }
}

fn by_descriptor(file: &File) -> String {
    format!("/proc/self/fd/{}", file.as_raw_fd())
}

/// Gives a file without a name one that does not exist yet.
fn link(file: &File, name: &Path) -> io::Result<()> {
    Ok(rustix::fs::linkat(CWD, by_descriptor(file), CWD, name, AtFlags::SYMLINK_FOLLOW)?)
}

impl Named {
    fn builder(make: impl FnMut(&Path) -> io::Result<File>, folder: &Path) -> io::Result<(File, Self)> {
        let mut traces = traces();
        let named = tempfile::Builder::new().prefix(".h5mason-").suffix(".tmp").make_in(folder, make)?;
        let (file, path) = named.into_parts();
        tell(&Event::FileMade(path.to_path_buf()));
        traces.files.push(path.to_path_buf());
        Ok((file, Self(Some(path))))
    }

    fn create(folder: &Path, mode: u32) -> io::Result<(File, Self)> {
        Self::builder(|path| OpenOptions::new().read(true).write(true).create_new(true).mode(mode).open(path), folder)
    }

    /// A name for a file that has none: only what has a name can take the place of another.
    fn link(file: &File, folder: &Path) -> io::Result<Self> {
        let make = |path: &Path| {
            link(file, path)?;
            file.try_clone()
        };
        Ok(Self::builder(make, folder)?.1)
    }

    /// Renames. Where that fails, the temporary name goes with this value.
    fn place(&mut self, rename: impl FnOnce(TempPath) -> Result<(), tempfile::PathPersistError>) -> io::Result<()> {
        let mut traces = traces();
        let Some(path) = self.0.take() else { return Err(io::ErrorKind::NotFound.into()) };
        let name = path.to_path_buf();
        match rename(path) {
            Ok(()) => {
                tell(&Event::FileGone(name.clone()));
                traces.files.retain(|p| *p != name);
                Ok(())
            }
            Err(e) => {
                self.0 = Some(e.path);
                Err(e.error)
            }
        }
    }
}

impl Drop for Named {
    fn drop(&mut self) {
        if let Some(path) = self.0.take() {
            let mut traces = traces();
            let name = path.to_path_buf();
            drop(path);
            tell(&Event::FileGone(name.clone()));
            traces.files.retain(|p| *p != name);
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
