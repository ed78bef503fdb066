//! A new file: built without a name, then linked into place.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Write};
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use super::durable::{folder_of, open_folder, sync_contents, sync_folder};
use super::notify::Commit;
use super::temps::{Folders, Temp};
use super::{Lock, TxnError};
use crate::h5::{self, Backing, DirectWrite, H5Error, NewFile, Session};

/// A file that does not exist yet under its name. Dropped without [`NewTarget::commit`], nothing stays.
#[derive(Debug)]
pub struct NewTarget {
    // Dropped in this order: a folder must be empty to go.
    temp: Temp,
    folders: Folders,
    target: PathBuf,
    replaced: Option<Lock>,
    session: Session,
    backing: Arc<Mutex<Direct>>,
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
    ///
    /// What is replaced behind a symbolic link is the file, not the link; a link that points to nothing
    /// gets the file that it names.
    pub fn begin(target: &Path, existing: Existing, folders: bool) -> Result<Self, TxnError> {
        let present = target.symlink_metadata().is_ok();
        if present && existing == Existing::Keep {
            return Err(TxnError::Exists(target.into()));
        }
        if target.is_dir() {
            return Err(TxnError::Refused { path: target.into(), what: "it is a folder".into() });
        }
        let (place, replaced) = match present {
            false => (target.to_owned(), None),
            true => match behind_dangling_link(target)? {
                Some(place) => (place, None),
                // A file that somebody has open is not pulled away from under them.
                None => {
                    let lock = Lock::acquire(target, Duration::ZERO)?;
                    lock.check_replaceable()?;
                    (lock.path().to_owned(), Some(lock))
                }
            },
        };
        let folder = folder_of(&place);
        let folders = match folders && !present {
            true => Folders::make(&folder).map_err(|(path, e)| TxnError::io("make the folder", path, &e))?,
            false => Folders::default(),
        };
        if !folder.is_dir() {
            let what = format!("its folder {} does not exist", folder.display());
            return Err(TxnError::Refused { path: target.into(), what });
        }
        Self::at(place, folders, replaced)
    }

    fn at(target: PathBuf, folders: Folders, replaced: Option<Lock>) -> Result<Self, TxnError> {
        let failed = |e: io::Error| TxnError::io("write", &target, &e);
        let temp = Temp::create(&folder_of(&target), 0o666).map_err(failed)?;
        // Relative names in the file are looked up from where it will stand.
        let name = std::path::absolute(&target).map_err(failed)?;
        let meta = temp.file().metadata().map_err(failed)?;
        let backing = Arc::new(Mutex::new(Direct::new(temp.file().try_clone().map_err(failed)?)));
        let session = Session::new(&name, (meta.dev(), meta.ino()), backing.clone());
        Ok(Self { temp, folders, target, replaced, session, backing })
    }

    /// Another file for the same place.
    pub fn beside(&self) -> Result<Self, TxnError> {
        Self::at(self.target.clone(), Folders::default(), None)
    }

    /// Gives up the file for another one, which comes into its place.
    pub fn give_way(self, other: Self) -> Self {
        Self { folders: self.folders, replaced: self.replaced, ..other }
    }

    /// Makes the HDF5 file, of at most so many bytes. It must be closed before anything else is done here.
    pub fn create(&self, new: NewFile, most: u64) -> Result<h5::File, H5Error> {
        self.backing.lock().unwrap_or_else(PoisonError::into_inner).most = most;
        h5::File::create_session(&self.session, new)
    }

    /// What HDF5 opens.
    pub fn session(&self) -> &Session {
        &self.session
    }

    /// Lets zeros stay holes, and at most so many bytes be written. To be called before anything is.
    pub fn begin_sparse(&self, most: u64) {
        let mut backing = self.backing.lock().unwrap_or_else(PoisonError::into_inner);
        (backing.most, backing.sparse) = (most, true);
    }

    /// Opens the HDF5 file that was made, for reading.
    pub fn open(&self) -> Result<h5::File, H5Error> {
        h5::File::open_session(&self.session)
    }

    /// For contents that are not HDF5.
    pub fn file(&self) -> &File {
        self.temp.file()
    }

    /// Writes over the first bytes of the file, which must be closed: a userblock.
    pub fn write_start(&self, bytes: &[u8]) -> Result<(), TxnError> {
        self.temp.file().write_all_at(bytes, 0).map_err(|e| TxnError::io("write", &self.target, &e))
    }

    /// Writes a whole (small) file.
    pub fn put(&self, bytes: &[u8]) -> Result<(), TxnError> {
        self.temp.file().write_all(bytes).map_err(|e| TxnError::io("write", &self.target, &e))
    }

    /// Puts the file into place; `sync` makes it durable first, and its name last.
    pub fn commit(self, sync: bool) -> Result<(), TxnError> {
        let folder = sync.then(|| open_folder(&self.target)).transpose()?;
        self.take_over_mode()?;
        if sync {
            self.temp.file().sync_all().map_err(|e| TxnError::io("sync", &self.target, &e))?;
        }
        let commit = Commit::begin();
        let (target, made) = self.place()?;
        let synced = folder.map_or(Ok(()), |folder| sync_folder(&folder, &target).and_then(|()| sync_names(&made, &target)));
        commit.done();
        synced
    }

    /// The file has the mode of what it replaces.
    fn take_over_mode(&self) -> Result<(), TxnError> {
        let Some(lock) = &self.replaced else { return Ok(()) };
        let mode = lock.file().metadata().map_err(|e| TxnError::io("read", &self.target, &e))?.permissions();
        self.temp.file().set_permissions(mode).map_err(|e| TxnError::io("set the mode of", &self.target, &e))
    }

    /// Renames; where the file is now, and the folders that were made for it.
    fn place(self) -> Result<(PathBuf, Vec<PathBuf>), TxnError> {
        let Self { mut temp, folders, target, replaced, session, .. } = self;
        if let Some(cause) = session.trouble() {
            return Err(TxnError::Io { what: "write", path: target, cause });
        }
        match &replaced {
            Some(lock) => {
                lock.check_replaceable()?;
                temp.replace(&target).map_err(|e| TxnError::io("replace", &target, &e))?;
            }
            None => temp.become_new(&target).map_err(|e| match e.kind() {
                io::ErrorKind::AlreadyExists => TxnError::Exists(target.clone()),
                _ => TxnError::io("create", &target, &e),
            })?,
        }
        Ok((target, folders.keep()))
    }
}

/// A file that HDF5 writes without anything between.
#[derive(Debug)]
pub(super) struct Direct {
    file: Arc<File>,
    end: u64,
    /// Bytes that may be written, and how many have been. Holes are not counted.
    most: u64,
    written: u64,
    /// The end of what has been written.
    high: u64,
    /// Do zeros behind all that has been written stay holes?
    sparse: bool,
}

impl Backing for Direct {
    fn read(&mut self, at: u64, buffer: &mut [u8]) -> io::Result<()> {
        h5::read_zeros(&self.file, at, buffer)
    }

    fn write(&mut self, at: u64, bytes: &[u8]) -> io::Result<()> {
        if self.sparse && at >= self.high && bytes.len() >= HOLE && bytes.iter().all(|byte| *byte == 0) {
            self.end = self.end.max(at.saturating_add(bytes.len() as u64));
            h5::activity::skipped();
            return Ok(());
        }
        let end = self.count(at, bytes.len() as u64)?;
        self.file.write_all_at(bytes, at)?;
        self.end = self.end.max(end);
        Ok(())
    }

    fn truncate(&mut self, len: u64) -> io::Result<()> {
        // A file that was emptied is written to the disk when it is closed (ext4's `auto_da_alloc`): what is empty is not emptied.
        if (len, self.end, self.high) == (0, 0, 0) {
            return Ok(());
        }
        self.file.set_len(len)?;
        self.end = len;
        Ok(())
    }

    fn end(&self) -> u64 {
        self.end
    }

    fn direct(&mut self, at: u64, len: u64) -> io::Result<Option<Arc<dyn DirectWrite>>> {
        let end = self.count(at, len)?;
        self.end = self.end.max(end);
        Ok(Some(self.file.clone()))
    }
}

/// Bytes of zeros that may stay a hole.
const HOLE: usize = 1 << 16;

impl Direct {
    /// An empty file.
    pub fn new(file: File) -> Self {
        Self { file: Arc::new(file), end: 0, most: u64::MAX, written: 0, high: 0, sparse: false }
    }

    /// At most so many bytes will be written; long zeros stay holes.
    pub fn sparse(file: File, most: u64) -> Self {
        Self { most, sparse: true, ..Self::new(file) }
    }

    /// Counts bytes that are written, and refuses them where they are too many. Their end.
    fn count(&mut self, at: u64, len: u64) -> io::Result<u64> {
        let end = at.saturating_add(len);
        self.written += end.saturating_sub(at.max(self.high));
        self.high = self.high.max(end);
        if self.written > self.most { Err(super::over(self.most)) } else { Ok(end) }
    }
}

/// The names of new folders stand in the folders above them.
fn sync_names(made: &[PathBuf], target: &Path) -> Result<(), TxnError> {
    for path in made.iter().rev() {
        let above = File::open(folder_of(path)).map_err(|e| TxnError::in_doubt(target, &e))?;
        sync_folder(&above, target)?;
    }
    Ok(())
}

/// Files that wait together for the disk: each keeps open what it is written to and what it replaces, and a
/// process may often have 1024 files open.
const MOST_WAITING: usize = 200;

/// Many new files that are put into place as by [`NewTarget::commit`], but wait for the disk together.
///
/// Dropped without [`Batch::commit`], nothing stays of those that are not in their places.
#[derive(Debug)]
pub struct Batch {
    waiting: Vec<NewTarget>,
    sync: bool,
}

impl Batch {
    /// `sync`: make them durable.
    pub fn new(sync: bool) -> Self {
        Self { waiting: Vec::new(), sync }
    }

    /// Takes a file that is written. It, or many, may be put into place now.
    pub fn add(&mut self, target: NewTarget) -> Result<(), TxnError> {
        self.waiting.push(target);
        if self.waiting.len() < MOST_WAITING { Ok(()) } else { self.commit() }
    }

    /// Puts the files into place: durable contents first, and their names last.
    pub fn commit(&mut self) -> Result<(), TxnError> {
        self.waiting.iter().try_for_each(NewTarget::take_over_mode)?;
        let folders = self.folders()?;
        for (folder, target) in &folders {
            let files: Vec<&File> = self.waiting.iter().map(|t| t.temp.file()).collect();
            sync_contents(folder, &files).map_err(|e| TxnError::io("sync", target, &e))?;
        }
        let commit = Commit::begin();
        let mut made = Vec::new();
        for target in std::mem::take(&mut self.waiting) {
            let (target, new) = target.place()?;
            made.extend(new.into_iter().map(|folder| (folder, target.clone())));
        }
        folders.iter().try_for_each(|(folder, target)| sync_folder(folder, target))?;
        // Without sync there is nothing to wait for here either.
        made.iter().filter(|_| self.sync).rev().try_for_each(|(folder, target)| sync_names(std::slice::from_ref(folder), target))?;
        commit.done();
        Ok(())
    }

    /// The files' folders, each with a file in it. Links may lead to several.
    fn folders(&self) -> Result<Vec<(File, PathBuf)>, TxnError> {
        let waiting = self.waiting.iter().filter(|_| self.sync);
        let places: BTreeMap<PathBuf, &Path> = waiting.map(|t| (folder_of(&t.target), t.target.as_path())).collect();
        places.into_values().map(|target| Ok((open_folder(target)?, target.to_owned()))).collect()
    }
}

impl Drop for Batch {
    /// The first one may have made the folder, which must be empty to go.
    fn drop(&mut self) {
        while self.waiting.pop().is_some() {}
    }
}

/// How many links are followed: as many as Linux does.
const MOST_LINKS: usize = 40;

/// The file that a symbolic link to nothing names. `None` where there is something.
fn behind_dangling_link(target: &Path) -> Result<Option<PathBuf>, TxnError> {
    match target.metadata() {
        Ok(_) => return Ok(None),
        Err(e) if e.kind() == io::ErrorKind::NotFound => {}
        Err(e) => return Err(TxnError::io("follow the symbolic link", target, &e)),
    }
    let mut place = target.to_owned();
    for _ in 0..MOST_LINKS {
        match place.read_link() {
            Ok(next) => place = folder_of(&place).join(next),
            Err(e) if e.kind() == io::ErrorKind::NotFound && folder_of(&place).is_dir() => return Ok(Some(place)),
            Err(_) => break,
        }
    }
    let what = format!("it is a symbolic link to {}, where no file can be made: the folder does not exist", place.display());
    Err(TxnError::Refused { path: target.into(), what })
}

/// Writes a small file of ours (a saved plan) whole or not at all, replacing what was there.
pub fn write_file(path: &Path, bytes: &[u8]) -> Result<(), TxnError> {
    let failed = |e: io::Error| TxnError::io("write", path, &e);
    let mut temp = Temp::create(&folder_of(path), 0o666).map_err(failed)?;
    temp.file().write_all(bytes).map_err(failed)?;
    temp.replace(path).map_err(failed)
}
