//! A simulated disk: it keeps every operation, fails where it is told to, and shows what a crash can leave.

mod crashes;

use std::cell::Cell;
use std::io;

use super::disk::Disk;
use super::memory::MemoryDisk;
use super::superblock::{POISON, VERSION_AT};

pub(super) use crashes::{Crashes, crashes};

/// An operation, as it was done.
#[derive(Debug, Clone)]
pub(super) enum Op {
    /// `grows` tells whether the file on the disk may become longer.
    Write {
        at: u64,
        bytes: Vec<u8>,
        grows: bool,
    },
    Truncate(u64),
    Sync,
    /// Bytes that were pending may never become durable, though they can be read. Lengths may, with the next sync.
    FailedSync,
}

/// How an operation fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Error {
    /// EIO.
    Io,
    /// EIO, but what was to be done was done.
    IoDone,
    /// ENOSPC: only what writes.
    Full,
    /// EINTR.
    Interrupted,
    /// Half of the bytes.
    Short,
}

/// The n-th operation fails, or all from it on.
#[derive(Debug, Clone, Copy)]
pub(super) struct Fault {
    pub nth: usize,
    pub for_good: bool,
    pub error: Error,
}

/// A fault of the protocol, which a test must find.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Mutant {
    /// The n-th sync does nothing.
    NoSync(usize),
    /// The journal is cut off before the true version byte is written.
    CutFirst,
    /// The intent trailer is not written.
    NoIntent,
    /// The poison bit is not set before the pages are written.
    NoPoison,
    /// The version byte is written without the bit with its page.
    NoPoisonInPage,
}

/// A disk with one file.
pub(super) struct SimDisk {
    /// What was durable at the beginning.
    pub base: Vec<u8>,
    /// What is read.
    pub view: MemoryDisk,
    pub log: Vec<Op>,
    /// Offset and length of what was allocated.
    pub reserved: Vec<(u64, u64)>,
    pub fault: Option<Fault>,
    pub mutant: Option<Mutant>,
    /// Where the superblock's version byte is.
    pub version_at: u64,
    /// Operations, those that read included.
    pub count: Cell<usize>,
    syncs: usize,
    /// The least length that the file may have on the disk.
    least: u64,
    held: Option<(Vec<u8>, u64)>,
}

impl SimDisk {
    pub fn new(base: &[u8], superblock: u64) -> Self {
        Self {
            base: base.to_vec(),
            view: MemoryDisk(base.to_vec()),
            log: Vec::new(),
            reserved: Vec::new(),
            fault: None,
            mutant: None,
            version_at: superblock + VERSION_AT,
            count: Cell::new(0),
            syncs: 0,
            least: base.len() as u64,
            held: None,
        }
    }

    /// From now on the operations count anew.
    pub fn set_fault(&mut self, fault: Option<Fault>) {
        self.fault = fault;
        self.count.set(0);
    }

    /// From now on the syncs count anew.
    pub fn set_mutant(&mut self, mutant: Option<Mutant>) {
        self.mutant = mutant;
        self.syncs = 0;
    }

    fn fails(&self) -> Option<Error> {
        let n = self.count.get();
        self.count.set(n + 1);
        self.fault.filter(|f| n == f.nth || (f.for_good && n > f.nth)).map(|f| f.error)
    }

    fn raw_write(&mut self, bytes: &[u8], at: u64) {
        let grows = at + bytes.len() as u64 > self.least;
        self.log.push(Op::Write { at, bytes: bytes.to_vec(), grows });
        self.view.pwrite(bytes, at).unwrap();
    }
}

fn error(error: Error) -> io::Error {
    io::Error::from_raw_os_error(match error {
        Error::Io | Error::IoDone | Error::Short => 5,
        Error::Full => 28,
        Error::Interrupted => 4,
    })
}

impl Disk for SimDisk {
    fn len(&self) -> io::Result<u64> {
        match self.fails() {
            None | Some(Error::Full | Error::Short) => self.view.len(),
            Some(e) => Err(error(e)),
        }
    }

    fn pread(&self, buffer: &mut [u8], at: u64) -> io::Result<usize> {
        match self.fails() {
            None | Some(Error::Full) => self.view.pread(buffer, at),
            Some(Error::Short) => {
                let half = buffer.len().div_ceil(2);
                self.view.pread(&mut buffer[..half], at)
            }
            Some(e) => Err(error(e)),
        }
    }

    fn pwrite(&mut self, bytes: &[u8], at: u64) -> io::Result<usize> {
        match self.fails() {
            None => {}
            Some(Error::Short) => {
                let half = bytes.len().div_ceil(2);
                self.raw_write(&bytes[..half], at);
                return Ok(half);
            }
            Some(Error::IoDone) => {
                self.raw_write(bytes, at);
                return Err(error(Error::IoDone));
            }
            Some(e) => return Err(error(e)),
        }
        let is_version = bytes.len() == 1 && at == self.version_at;
        match self.mutant {
            Some(Mutant::NoPoison) if is_version && bytes[0] & POISON != 0 => return Ok(1),
            Some(Mutant::NoIntent) if bytes.len() == 600 => {}
            Some(Mutant::CutFirst) if is_version && bytes[0] & POISON == 0 => {
                self.held = Some((bytes.to_vec(), at));
                return Ok(1);
            }
            Some(Mutant::NoPoisonInPage) if !is_version && (at..at + bytes.len() as u64).contains(&self.version_at) => {
                let mut bytes = bytes.to_vec();
                bytes[(self.version_at - at) as usize] &= !POISON;
                self.raw_write(&bytes, at);
            }
            _ => self.raw_write(bytes, at),
        }
        Ok(bytes.len())
    }

    fn allocate(&mut self, at: u64, bytes: u64) -> io::Result<()> {
        self.reserved.push((at, bytes));
        match self.fails() {
            None | Some(Error::Short) => Ok(()),
            Some(e) => Err(error(e)),
        }
    }

    fn sync(&mut self) -> io::Result<()> {
        match self.fails() {
            None | Some(Error::Short) => {}
            Some(e) => {
                self.log.push(Op::FailedSync);
                return Err(error(e));
            }
        }
        self.syncs += 1;
        if self.mutant != Some(Mutant::NoSync(self.syncs)) && self.held.is_none() {
            self.log.push(Op::Sync);
            self.least = self.view.0.len() as u64;
        }
        Ok(())
    }

    fn truncate(&mut self, len: u64) -> io::Result<()> {
        let fails = self.fails();
        if let None | Some(Error::Short | Error::IoDone | Error::Full) = fails {
            self.log.push(Op::Truncate(len));
            self.view.truncate(len)?;
            self.least = self.least.min(len);
            if let Some((bytes, at)) = self.held.take() {
                self.raw_write(&bytes, at);
                self.log.push(Op::Sync);
            }
        }
        match fails {
            None | Some(Error::Short | Error::Full) => Ok(()),
            Some(e) => Err(error(e)),
        }
    }
}

/// SplitMix64: tests are the same every time.
pub(super) struct Random(pub u64);

impl Random {
    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    pub fn below(&mut self, n: u64) -> u64 {
        self.next() % n.max(1)
    }
}
