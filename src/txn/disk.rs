//! The operations on a target that a transaction is made of: one small face, so that a simulated disk can stand in.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::sync::Arc;

use rustix::fs::FallocateFlags;
use rustix::io::Errno;

use crate::h5::DirectWrite;

/// What can be done to the one file of a transaction.
///
/// Each method is one system call: it may be interrupted, and may read or write less than it was asked to.
/// `read_at` and `write_at` go on until all is done. Nothing is durable before [`Disk::sync`] has returned.
#[allow(clippy::len_without_is_empty, reason = "nobody asks whether a disk is empty")]
pub trait Disk: Send {
    /// The file's length in bytes.
    fn len(&self) -> io::Result<u64>;
    /// Reads at most a buffer full from this place; 0 at the file's end.
    fn pread(&self, buffer: &mut [u8], at: u64) -> io::Result<usize>;
    /// Writes some of these bytes to this place, beyond the end, too.
    fn pwrite(&mut self, bytes: &[u8], at: u64) -> io::Result<usize>;
    /// Reserves blocks for these bytes; neither the contents nor the length change. `Ok` where the file system cannot.
    fn allocate(&mut self, at: u64, bytes: u64) -> io::Result<()>;
    /// Waits until everything before is durable.
    fn sync(&mut self) -> io::Result<()>;
    /// Sets the file's length.
    fn truncate(&mut self, len: u64) -> io::Result<()>;
    /// A way to write from several threads, where there is one. What is written so is durable after [`Disk::sync`], too.
    fn direct(&self) -> Option<Arc<dyn DirectWrite>> {
        None
    }
}

/// Reads until the buffer is full or the file ends; how many bytes.
pub(super) fn read_at(disk: &(impl Disk + ?Sized), mut buffer: &mut [u8], mut at: u64) -> io::Result<usize> {
    let wanted = buffer.len();
    while !buffer.is_empty() {
        match disk.pread(buffer, at) {
            Ok(0) => break,
            Ok(n) => {
                buffer = &mut buffer[n..];
                at += n as u64;
            }
            Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
            Err(e) => return Err(e),
        }
    }
    Ok(wanted - buffer.len())
}

/// Reads a whole buffer; zeros stand for what is past the end.
pub(super) fn read_zeros_at(disk: &(impl Disk + ?Sized), buffer: &mut [u8], at: u64) -> io::Result<()> {
    let read = read_at(disk, buffer, at)?;
    buffer[read..].fill(0);
    Ok(())
}

/// So many bytes of a buffer that grows where it must: what changes little needs little memory.
pub(super) fn fitted(buffer: &mut Vec<u8>, len: usize) -> &mut [u8] {
    if buffer.len() < len {
        buffer.resize(len, 0);
    }
    &mut buffer[..len]
}

/// Writes all of these bytes.
pub(super) fn write_at(disk: &mut (impl Disk + ?Sized), mut bytes: &[u8], mut at: u64) -> io::Result<()> {
    while !bytes.is_empty() {
        match disk.pwrite(bytes, at) {
            Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
            Ok(n) => {
                bytes = &bytes[n..];
                at += n as u64;
            }
            Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
            Err(e) => return Err(e),
        }
    }
    Ok(())
}

/// A real file.
#[derive(Debug)]
pub struct RealDisk(File);

impl RealDisk {
    /// The file must be open for what is done to it.
    pub fn new(file: File) -> Self {
        Self(file)
    }
}

/// A file that is written to from several threads.
struct Shared(File);

impl DirectWrite for Shared {
    fn write(&self, at: u64, bytes: &[u8]) -> io::Result<()> {
        let _writing = super::temps::not_abandoned()?;
        self.0.write_all_at(bytes, at)
    }
}

impl Disk for RealDisk {
    fn direct(&self) -> Option<Arc<dyn DirectWrite>> {
        self.0.try_clone().ok().map(|file| Arc::new(Shared(file)) as Arc<dyn DirectWrite>)
    }

    fn len(&self) -> io::Result<u64> {
        Ok(self.0.metadata()?.len())
    }

    fn pread(&self, buffer: &mut [u8], at: u64) -> io::Result<usize> {
        self.0.read_at(buffer, at)
    }

    fn pwrite(&mut self, bytes: &[u8], at: u64) -> io::Result<usize> {
        let _writing = super::temps::not_abandoned()?;
        self.0.write_at(bytes, at)
    }

    fn allocate(&mut self, at: u64, bytes: u64) -> io::Result<()> {
        match rustix::fs::fallocate(&self.0, FallocateFlags::KEEP_SIZE, at, bytes) {
            // There the writes themselves find out, before the commit point, too.
            Ok(()) | Err(Errno::OPNOTSUPP | Errno::NOSYS) => Ok(()),
            Err(e) => Err(e.into()),
        }
    }

    fn sync(&mut self) -> io::Result<()> {
        Ok(rustix::fs::fdatasync(&self.0)?)
    }

    fn truncate(&mut self, len: u64) -> io::Result<()> {
        self.0.set_len(len)
    }
}

/// What has been done to a disk.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Work {
    /// Bytes written.
    pub written: u64,
    /// Calls that waited for the disk.
    pub syncs: u64,
}

impl std::ops::Add for Work {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self { written: self.written + other.written, syncs: self.syncs + other.syncs }
    }
}

/// A disk that counts.
#[derive(Debug)]
pub struct Counted<D> {
    disk: D,
    work: Work,
}

impl<D> Counted<D> {
    /// Begins at nothing.
    pub fn new(disk: D) -> Self {
        Self { disk, work: Work::default() }
    }

    /// What has been done through this.
    pub fn work(&self) -> Work {
        self.work
    }
}

impl<D: Disk> Disk for Counted<D> {
    fn len(&self) -> io::Result<u64> {
        self.disk.len()
    }

    fn pread(&self, buffer: &mut [u8], at: u64) -> io::Result<usize> {
        self.disk.pread(buffer, at)
    }

    fn pwrite(&mut self, bytes: &[u8], at: u64) -> io::Result<usize> {
        let written = self.disk.pwrite(bytes, at)?;
        self.work.written += written as u64;
        Ok(written)
    }

    fn allocate(&mut self, at: u64, bytes: u64) -> io::Result<()> {
        self.disk.allocate(at, bytes)
    }

    fn sync(&mut self) -> io::Result<()> {
        self.work.syncs += 1;
        self.disk.sync()
    }

    fn truncate(&mut self, len: u64) -> io::Result<()> {
        self.disk.truncate(len)
    }
}
