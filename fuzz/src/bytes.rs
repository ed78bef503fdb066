//! Decisions out of arbitrary bytes, and a disk that ends.

use std::io;
use std::sync::{Arc, Mutex, MutexGuard};

use h5mason::txn::testing::Disk;

/// Reads numbers off a slice; zeros when it is used up.
pub struct Bytes<'a>(pub &'a [u8]);

impl Bytes<'_> {
    pub fn byte(&mut self) -> u8 {
        let (first, rest) = self.0.split_first().unwrap_or((&0, &[]));
        self.0 = rest;
        *first
    }

    /// A number below `most`.
    pub fn below(&mut self, most: u64) -> u64 {
        (u64::from(self.byte()) << 16 | u64::from(self.byte()) << 8 | u64::from(self.byte())) % most.max(1)
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// A disk in memory that several hold, and that does nothing more after so many writing operations: the process was killed.
#[derive(Clone)]
pub struct Mortal(pub Arc<Mutex<(Vec<u8>, u64)>>);

impl Mortal {
    pub fn new(bytes: Vec<u8>, operations: u64) -> Self {
        Self(Arc::new(Mutex::new((bytes, operations))))
    }

    pub fn bytes(&self) -> Vec<u8> {
        self.0.lock().unwrap().0.clone()
    }

    fn act(&self) -> io::Result<MutexGuard<'_, (Vec<u8>, u64)>> {
        let mut disk = self.0.lock().unwrap();
        disk.1 = disk.1.checked_sub(1).ok_or(io::ErrorKind::BrokenPipe)?;
        Ok(disk)
    }
}

impl Disk for Mortal {
    fn len(&self) -> io::Result<u64> {
        Ok(self.0.lock().unwrap().0.len() as u64)
    }

    fn pread(&self, buffer: &mut [u8], at: u64) -> io::Result<usize> {
        let disk = self.0.lock().unwrap();
        let from = usize::try_from(at).unwrap_or(usize::MAX).min(disk.0.len());
        let n = buffer.len().min(disk.0.len() - from);
        buffer[..n].copy_from_slice(&disk.0[from..from + n]);
        Ok(n)
    }

    fn pwrite(&mut self, bytes: &[u8], at: u64) -> io::Result<usize> {
        let mut disk = self.act()?;
        let (at, n) = (at as usize, bytes.len().min(5000));
        assert!(at + n <= 64 << 20, "a write far beyond the file");
        let len = disk.0.len().max(at + n);
        disk.0.resize(len, 0);
        disk.0[at..at + n].copy_from_slice(&bytes[..n]);
        Ok(n)
    }

    fn allocate(&mut self, _: u64, _: u64) -> io::Result<()> {
        self.act().map(drop)
    }

    fn sync(&mut self) -> io::Result<()> {
        self.act().map(drop)
    }

    fn truncate(&mut self, len: u64) -> io::Result<()> {
        let mut disk = self.act()?;
        assert!(len <= 64 << 20, "a length far beyond the file");
        disk.0.resize(len as usize, 0);
        Ok(())
    }
}
