//! Files and what is done to them.

use std::io;

use super::super::change::{Change, PAGE, Pages};
use super::super::commit::{Committed, Failed, commit};
use super::super::disk::{Disk, write_at};
use super::super::sim::Random;

/// One file before and after.
#[derive(Debug, Clone)]
pub struct Workload {
    pub name: String,
    pub superblock: u64,
    pub old: Vec<u8>,
    pub new: Vec<u8>,
    /// Where the HDF5 data of the old file end.
    pub old_end: u64,
    /// Are there bytes behind them?
    pub trailing: bool,
}

/// A superblock of this version.
pub fn superblock(version: u8, base: u64, end: u64) -> Vec<u8> {
    let mut bytes = b"\x89HDF\r\n\x1a\n".to_vec();
    let addresses = match version {
        0 => {
            bytes.extend([0, 0, 0, 0, 0, 8, 8, 0, 4, 0, 16, 0, 0, 0, 0, 0]);
            [base, u64::MAX, end, u64::MAX]
        }
        1 => {
            bytes.extend([1, 0, 0, 0, 0, 8, 8, 0, 4, 0, 16, 0, 0, 0, 0, 0, 32, 0, 0, 0]);
            [base, u64::MAX, end, u64::MAX]
        }
        _ => {
            bytes.extend([version, 8, 8, 0]);
            [base, u64::MAX, end, 48]
        }
    };
    addresses.iter().for_each(|a| bytes.extend(a.to_le_bytes()));
    bytes
}

/// Sets the superblock of a file.
fn put_superblock(file: &mut [u8], version: u8, at: u64, end: u64) {
    let bytes = superblock(version, at, end);
    file[at as usize..at as usize + bytes.len()].copy_from_slice(&bytes);
}

fn noise(len: u64, seed: u64) -> Vec<u8> {
    let mut random = Random(seed);
    (0..len).map(|_| random.next() as u8).collect()
}

/// Which bytes below both ends change: of each page that is named, some or all.
#[derive(Debug, Clone, Copy)]
pub struct Shape {
    pub name: &'static str,
    pub old_end: u64,
    pub new_end: u64,
    pub trailing: u64,
    pub pages: &'static [u64],
}

/// The shapes; ends are of the HDF5 data, without the userblock.
pub const SHAPES: &[Shape] = &[
    Shape { name: "grow", old_end: 3 * PAGE + 700, new_end: 5 * PAGE + 1234, trailing: 0, pages: &[2, 3] },
    Shape { name: "grow, one page", old_end: 700, new_end: 900, trailing: 0, pages: &[] },
    Shape { name: "grow, many pages", old_end: 6 * PAGE, new_end: 6 * PAGE + 512, trailing: 0, pages: &[0, 1, 2, 4, 5] },
    Shape { name: "same size", old_end: 2 * PAGE + 700, new_end: 2 * PAGE + 700, trailing: 0, pages: &[1, 2] },
    Shape { name: "same size, superblock's page", old_end: 2 * PAGE, new_end: 2 * PAGE, trailing: 0, pages: &[0] },
    Shape { name: "same size, many pages", old_end: 5 * PAGE + 9, new_end: 5 * PAGE + 9, trailing: 0, pages: &[1, 2, 3, 5] },
    Shape { name: "shrink", old_end: 3 * PAGE + 700, new_end: PAGE + 300, trailing: 0, pages: &[1] },
    Shape { name: "shrink to a page", old_end: 3 * PAGE + 700, new_end: 2 * PAGE, trailing: 0, pages: &[] },
    Shape { name: "nothing", old_end: PAGE, new_end: PAGE, trailing: 0, pages: &[] },
    Shape { name: "trailing, grow", old_end: PAGE + 700, new_end: 2 * PAGE + 100, trailing: 900, pages: &[] },
    Shape { name: "trailing, grow into", old_end: PAGE + 700, new_end: PAGE + 1000, trailing: 900, pages: &[] },
    Shape { name: "trailing, same size", old_end: PAGE + 700, new_end: PAGE + 700, trailing: 900, pages: &[1] },
    Shape { name: "trailing, shrink", old_end: 2 * PAGE + 700, new_end: PAGE + 300, trailing: 5000, pages: &[0] },
    Shape { name: "trailing, cut only", old_end: PAGE + 700, new_end: PAGE + 700, trailing: 900, pages: &[] },
];

impl Workload {
    pub fn new(version: u8, userblock: u64, shape: &Shape) -> Self {
        let old_end = shape.old_end + userblock;
        let mut old = noise(old_end + shape.trailing, 1);
        put_superblock(&mut old, version, userblock, old_end);
        let mut workload = Self::on(old, version, userblock, old_end, shape.new_end + userblock, shape.pages);
        workload.name = format!("{}, superblock {version}, userblock {userblock}", shape.name);
        workload
    }

    /// A change of this file.
    pub fn on(old: Vec<u8>, version: u8, superblock: u64, old_end: u64, new_end: u64, pages: &[u64]) -> Self {
        let mut new = old.clone();
        new.truncate(new_end as usize);
        new.extend(noise(new_end - new.len() as u64, 2));
        for &page in pages {
            let from = (page * PAGE + 40).min(new_end) as usize;
            // Some pages change as a whole, others a little.
            let len = if page % 2 == 0 { 4000 } else { 30 };
            let to = (from + len).min(new.len());
            noise((to - from) as u64, page + 3).into_iter().zip(&mut new[from..to]).for_each(|(n, b)| *b = n);
        }
        if old_end < old.len() as u64 && new_end > old_end {
            // What was behind the data is data now.
            let to = old.len().min(new.len());
            new[old_end as usize..to].iter_mut().for_each(|b| *b = !*b);
        }
        // The page's change may make of superblock 2 a 3.
        let newer = if version == 2 && pages.contains(&0) { 3 } else { version };
        put_superblock(&mut new, newer, superblock, new_end);
        let trailing = old_end < old.len() as u64;
        Self { name: String::new(), superblock, old, new, old_end, trailing }
    }

    pub fn new_end(&self) -> u64 {
        self.new.len() as u64
    }

    /// What the overlay holds, and one page that is as it was.
    pub fn pages(&self) -> Held {
        let below = self.old.len().min(self.new.len());
        let page = PAGE as usize;
        let dirty = (0..below.div_ceil(page)).map(|i| i * page..(i * page + page).min(below));
        let mut unchanged = 0;
        let kept = dirty.filter(|r| {
            let same = self.old[r.clone()] == self.new[r.clone()];
            unchanged += usize::from(same);
            !same || unchanged == 1
        });
        Held(kept.map(|r| (r.start as u64, self.new[r].to_vec())).collect())
    }

    fn tail(&self) -> Held {
        let tail = self.new.get(self.old.len()..).unwrap_or_default();
        let chunks = tail.chunks(PAGE as usize).enumerate();
        Held(chunks.map(|(i, c)| ((self.old.len() + i * PAGE as usize) as u64, c.to_vec())).collect())
    }

    /// What the overlay writes through before the commit, not in order, and more than once.
    pub fn write_through(&self, disk: &mut dyn Disk) -> io::Result<()> {
        if self.trailing {
            return Ok(());
        }
        let tail = self.tail().0;
        if let Some((at, bytes)) = tail.first() {
            write_at(disk, &vec![7; bytes.len() + 100], *at)?;
        }
        tail.iter().rev().try_for_each(|(at, bytes)| write_at(disk, bytes, *at))
    }

    pub fn commit(&self, disk: &mut dyn Disk) -> Result<Committed, Failed> {
        let (pages, tail) = (self.pages(), self.tail());
        let tail = self.trailing.then_some(&tail as &dyn Pages);
        let (old, new) = (self.old.len() as u64, self.new_end());
        commit(disk, &Change { old, new, superblock: self.superblock, pages: &pages, tail }, &mut || ())
    }
}

/// Pages in memory.
pub struct Held(pub Vec<(u64, Vec<u8>)>);

impl Pages for Held {
    fn runs(&self) -> Vec<(u64, u64)> {
        self.0.iter().map(|(at, bytes)| (*at, bytes.len() as u64)).collect()
    }

    fn read(&self, mut offset: u64, mut buffer: &mut [u8]) -> io::Result<()> {
        while !buffer.is_empty() {
            let here = |(at, bytes): &&(u64, Vec<u8>)| (*at..*at + bytes.len() as u64).contains(&offset);
            let (at, bytes) = self.0.iter().find(here).ok_or(io::ErrorKind::NotFound)?;
            let bytes = &bytes[(offset - at) as usize..];
            let (part, rest) = buffer.split_at_mut(bytes.len().min(buffer.len()));
            part.copy_from_slice(&bytes[..part.len()]);
            (offset, buffer) = (offset + part.len() as u64, rest);
        }
        Ok(())
    }
}
