//! A virtual file driver: HDF5 reads and writes through a [`Backing`] of ours instead of a file of its own.
//!
//! Errors of writing are never returned to the library: it leaks, loops or crashes when a driver fails while a file closes. They are
//! kept instead, success is returned, and [`Session::trouble`] tells: nothing of such a session may be used.

mod class;

use std::collections::HashMap;
use std::fmt;
use std::io;
use std::os::unix::fs::{FileExt, MetadataExt};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, LazyLock, Mutex, MutexGuard, PoisonError};

use hdf5_sys::h5p::H5Pset_driver;

use super::{H5Error, Id, Result, status};
use crate::diag::system_words;

/// The bytes of a file, as HDF5 sees them through the driver. Offsets and lengths are in bytes from the start of the file,
/// userblock included.
pub trait Backing: Send {
    /// Fills the buffer; zeros stand for what is past the end.
    fn read(&mut self, at: u64, buffer: &mut [u8]) -> io::Result<()>;
    /// Writes, beyond the end, too.
    fn write(&mut self, at: u64, bytes: &[u8]) -> io::Result<()>;
    /// Sets the length.
    fn truncate(&mut self, len: u64) -> io::Result<()>;
    /// The length.
    fn end(&self) -> u64;
    /// A way to write all of these bytes past this backing, if there is one; whoever asks will. They count as written.
    fn direct(&mut self, _at: u64, _len: u64) -> io::Result<Option<Arc<dyn DirectWrite>>> {
        Ok(None)
    }
}

/// Writes bytes to places in a file, from several threads.
pub trait DirectWrite: Send + Sync {
    /// Writes all of them.
    fn write(&self, at: u64, bytes: &[u8]) -> io::Result<()>;
}

impl DirectWrite for std::fs::File {
    fn write(&self, at: u64, bytes: &[u8]) -> io::Result<()> {
        self.write_all_at(bytes, at)
    }
}

/// A backing, under a name, for as long as this lives. Files that are opened on it must be closed before.
#[derive(Debug)]
pub struct Session {
    token: u64,
    shared: Arc<Shared>,
}

struct Shared {
    /// What HDF5 is told the file is called: relative names in the file start from its folder.
    name: PathBuf,
    /// Device and inode.
    identity: (u64, u64),
    backing: Arc<Mutex<dyn Backing>>,
    /// The first thing that went wrong.
    trouble: Mutex<Option<String>>,
    /// Are elements that the library writes thrown away?
    discarding: AtomicBool,
}

impl fmt::Debug for Shared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Shared").field("name", &self.name).field("identity", &self.identity).finish_non_exhaustive()
    }
}

/// Sessions by their tokens: a property list carries a token, never an address.
static SESSIONS: LazyLock<Mutex<HashMap<u64, Arc<Shared>>>> = LazyLock::new(Mutex::default);
static NEXT: AtomicU64 = AtomicU64::new(1);

fn locked<T: ?Sized>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Session {
    /// `identity`: the device and inode of the file that stands behind it.
    pub fn new(name: &Path, identity: (u64, u64), backing: Arc<Mutex<dyn Backing>>) -> Self {
        let shared =
            Arc::new(Shared { name: name.into(), identity, backing, trouble: Mutex::new(None), discarding: AtomicBool::new(false) });
        let token = NEXT.fetch_add(1, Ordering::Relaxed);
        locked(&SESSIONS).insert(token, shared.clone());
        Self { token, shared }
    }

    /// What the file is called.
    pub fn name(&self) -> &Path {
        &self.shared.name
    }

    /// What went wrong first while reading or writing. What HDF5 believes to have written is worth nothing then.
    pub fn trouble(&self) -> Option<String> {
        locked(&self.shared.trouble).clone()
    }

    /// For a file that is opened on it.
    pub(super) fn watched(&self) -> Watched {
        Watched(self.shared.clone())
    }

    /// Lets files that are opened with this access list go through this session.
    pub(super) fn set_on(&self, access: &Id) -> Result<()> {
        let driver = class::driver()?;
        // SAFETY: a valid file access list, our own driver, and a token that `fapl_copy` copies.
        status(|| "cannot set the file driver".into(), || unsafe { H5Pset_driver(access.raw(), driver, (&raw const self.token).cast()) })
    }
}

/// What a file asks about the session that it is open on.
#[derive(Clone, Debug)]
pub(super) struct Watched(Arc<Shared>);

impl Watched {
    /// Fails with the first thing that went wrong.
    pub fn check(&self) -> Result<()> {
        let trouble = locked(&self.0.trouble);
        trouble.as_ref().map_or(Ok(()), |cause| Err(H5Error::new(self.0.name.display().to_string(), cause)))
    }

    /// Runs something while elements that the library writes are thrown away: all of them will be written past it.
    pub fn without_elements<T>(&self, f: impl FnOnce() -> T) -> T {
        self.0.discarding.store(true, Ordering::SeqCst);
        let done = f();
        self.0.discarding.store(false, Ordering::SeqCst);
        done
    }

    /// [`Backing::direct`]; a failure is kept.
    pub fn direct(&self, at: u64, len: u64) -> Option<Arc<dyn DirectWrite>> {
        self.0.run("written", |b| b.direct(at, len)).flatten()
    }

    /// Keeps what went wrong while writing past the library.
    pub fn failed(&self, error: &io::Error) {
        self.0.fail("written", error);
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        locked(&SESSIONS).remove(&self.token);
    }
}

impl Shared {
    fn fail(&self, doing: &str, error: &dyn fmt::Display) {
        locked(&self.trouble).get_or_insert_with(|| format!("it cannot be {doing}: {}", system_words(error)));
    }

    /// Runs an operation on the backing; a failure or a panic is kept.
    fn run<T>(&self, doing: &'static str, f: impl FnOnce(&mut dyn Backing) -> io::Result<T>) -> Option<T> {
        match catch_unwind(AssertUnwindSafe(|| f(&mut *locked(&self.backing)))) {
            Ok(Ok(value)) => Some(value),
            Ok(Err(e)) => {
                self.fail(doing, &e);
                None
            }
            Err(_) => {
                self.fail(doing, &"a panic in h5mason");
                None
            }
        }
    }
}

/// Reads a whole buffer; zeros stand for what is past the end.
pub(crate) fn read_zeros(file: &std::fs::File, mut at: u64, mut buffer: &mut [u8]) -> io::Result<()> {
    while !buffer.is_empty() {
        match file.read_at(buffer, at) {
            Ok(0) => break,
            Ok(n) => {
                buffer = &mut buffer[n..];
                at += n as u64;
            }
            Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
            Err(e) => return Err(e),
        }
    }
    buffer.fill(0);
    Ok(())
}

/// Another file, to be read.
fn elsewhere(name: &Path) -> io::Result<Arc<Shared>> {
    // Looked at first: opening a pipe would wait.
    if !std::fs::metadata(name)?.is_file() {
        return Err(io::ErrorKind::InvalidInput.into());
    }
    let file = std::fs::File::open(name)?;
    let meta = file.metadata()?;
    let backing = Arc::new(Mutex::new(ReadOnly { file, len: meta.len() }));
    Ok(Arc::new(Shared {
        name: name.into(),
        identity: (meta.dev(), meta.ino()),
        backing,
        trouble: Mutex::new(None),
        discarding: AtomicBool::new(false),
    }))
}

struct ReadOnly {
    file: std::fs::File,
    len: u64,
}

impl Backing for ReadOnly {
    fn read(&mut self, at: u64, buffer: &mut [u8]) -> io::Result<()> {
        read_zeros(&self.file, at, buffer)
    }

    fn write(&mut self, _: u64, _: &[u8]) -> io::Result<()> {
        Err(io::ErrorKind::PermissionDenied.into())
    }

    fn truncate(&mut self, _: u64) -> io::Result<()> {
        Err(io::ErrorKind::PermissionDenied.into())
    }

    fn end(&self) -> u64 {
        self.len
    }
}
