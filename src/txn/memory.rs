//! A file in memory.

use std::io;

use super::disk::Disk;

/// A file that is a vector: for tests and fuzzing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MemoryDisk(pub Vec<u8>);

impl Disk for MemoryDisk {
    fn len(&self) -> io::Result<u64> {
        Ok(self.0.len() as u64)
    }

    fn pread(&self, buffer: &mut [u8], at: u64) -> io::Result<usize> {
        let rest = usize::try_from(at).ok().and_then(|at| self.0.get(at..)).unwrap_or_default();
        let n = rest.len().min(buffer.len());
        buffer[..n].copy_from_slice(&rest[..n]);
        Ok(n)
    }

    fn pwrite(&mut self, bytes: &[u8], at: u64) -> io::Result<usize> {
        let at = index(at)?;
        let end = at.checked_add(bytes.len()).ok_or(io::ErrorKind::FileTooLarge)?;
        if end > self.0.len() {
            self.0.resize(end, 0);
        }
        self.0[at..end].copy_from_slice(bytes);
        Ok(bytes.len())
    }

    fn allocate(&mut self, _: u64, _: u64) -> io::Result<()> {
        Ok(())
    }

    fn sync(&mut self) -> io::Result<()> {
        Ok(())
    }

    fn truncate(&mut self, len: u64) -> io::Result<()> {
        self.0.resize(index(len)?, 0);
        Ok(())
    }
}

fn index(at: u64) -> io::Result<usize> {
    usize::try_from(at).map_err(|_| io::ErrorKind::FileTooLarge.into())
}
