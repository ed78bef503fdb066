//! Journals that somebody made up.

use std::cell::Cell;
use std::io;

use proptest::prelude::*;

use super::super::disk::Disk;
use super::super::journal::sum;
use super::super::memory::MemoryDisk;
use super::super::recover::{State, look, settle};
use super::super::superblock::find;
use super::bench::{Bench, Broken};
use super::workload::{SHAPES, Workload};

/// A file that nothing may be written behind, nor too often.
struct Guarded {
    disk: MemoryDisk,
    most: u64,
    calls: Cell<u64>,
}

impl Guarded {
    fn new(file: Vec<u8>) -> Self {
        Self { most: file.len() as u64, disk: MemoryDisk(file), calls: Cell::new(0) }
    }

    fn call(&self) {
        self.calls.set(self.calls.get() + 1);
        assert!(self.calls.get() < 5000, "it does not end");
    }
}

impl Disk for Guarded {
    fn len(&self) -> io::Result<u64> {
        self.disk.len()
    }
    fn pread(&self, buffer: &mut [u8], at: u64) -> io::Result<usize> {
        self.call();
        assert!(buffer.len() <= 1 << 20);
        self.disk.pread(buffer, at)
    }
    fn pwrite(&mut self, bytes: &[u8], at: u64) -> io::Result<usize> {
        self.call();
        assert!(at + bytes.len() as u64 <= self.most, "a write beyond the file");
        self.disk.pwrite(bytes, at)
    }
    fn allocate(&mut self, _: u64, _: u64) -> io::Result<()> {
        panic!("recovery needs no space");
    }
    fn sync(&mut self) -> io::Result<()> {
        Ok(())
    }
    fn truncate(&mut self, len: u64) -> io::Result<()> {
        assert!(len <= self.most, "the file becomes longer");
        self.disk.truncate(len)
    }
}

/// One change of a file: (in the trailer or the table, field, value).
fn put(file: &mut [u8], at: usize, value: u64) {
    if let Some(bytes) = file.get_mut(at..at.saturating_add(8)) {
        bytes.copy_from_slice(&value.to_le_bytes());
    }
}

fn get(file: &[u8], at: usize) -> u64 {
    file.get(at..at.saturating_add(8)).map_or(0, |b| u64::from_le_bytes(b.try_into().unwrap()))
}

/// Makes all checksums of a journal right.
fn seal(file: &mut [u8]) {
    let trailer = file.len() - 88;
    let (table, count) = (get(file, trailer + 48), get(file, trailer + 56));
    let range = usize::try_from(table).ok().zip(usize::try_from(count).ok().and_then(|c| c.checked_mul(28)));
    let range = range.and_then(|(t, n)| Some(t..t.checked_add(n)?));
    if let Some(range) = range.filter(|r| r.end <= trailer) {
        // The checksums of the new bytes, too.
        let mut at = get(file, trailer + 40) as usize;
        for entry in range.clone().step_by(28) {
            let len = get(file, entry + 8) as u32 as usize;
            let Some(page) = file.get(at..at.saturating_add(len)) else { break };
            let new = sum(page);
            put(file, entry + 20, new);
            at += len;
        }
        let sum = sum(&file[range]);
        put(file, trailer + 64, sum);
    }
    let sum = sum(&file[trailer..trailer + 80]);
    put(file, trailer + 80, sum);
}

/// Numbers that are likely to be just wrong.
fn numbers(len: u64) -> impl Strategy<Value = u64> {
    prop_oneof![
        prop::sample::select(vec![0, 1, 8, 9, 511, 512, 4095, 4096, 4097, u64::MAX, u64::MAX - 87, 1 << 63, 1 << 32, (1 << 60) / 7]),
        (0..4u64).prop_map(move |d| len - d),
        (0..2000u64).prop_map(move |d| len.saturating_sub(d)),
        0..len,
        (0..8u64).prop_map(move |p| p * 4096),
        (0..8u64).prop_map(move |p| p << 32 | 5),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 3000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_forged_journal_writes_nothing_outside(
        shape in 0..SHAPES.len(),
        step in 0..8usize,
        fields in prop::collection::vec((0..9usize, numbers(30_000)), 0..3),
        entries in prop::collection::vec((0..6usize, prop::sample::select(vec![0usize, 4, 8]), numbers(20_000)), 0..3),
        bytes in prop::collection::vec((0..30_000usize, any::<u8>()), 0..3),
        sealed in prop::bool::weighted(0.9),
        poison in prop::bool::weighted(0.7),
        cut in any::<bool>(),
    ) {
        let w = Workload::new(2, 0, &SHAPES[shape]);
        let images = Bench::new(Broken::default()).interrupted(&w);
        prop_assume!(!images.is_empty());
        let mut file = images[step % images.len()].0.clone();
        if let Ok(State::Committed(t)) = look(&MemoryDisk(file.clone())) {
            for (index, field, value) in entries {
                put(&mut file, t.table as usize + index * 28 + field, value);
            }
        }
        for (at, byte) in bytes {
            let at = at % file.len();
            file[at] = byte;
        }
        if file.len() > 88 {
            let trailer = file.len() - 88;
            for (field, value) in fields {
                put(&mut file, trailer + 8 + field * 8, value);
            }
            if sealed {
                seal(&mut file);
            }
        }
        if poison {
            file[8] |= 0x80;
        }
        let mut disk = Guarded::new(file.clone());
        let state = look(&disk).unwrap();
        prop_assert_eq!(&disk.disk.0, &file);
        let settled = settle(&mut disk, &state, cut);
        if matches!(state, State::Damaged(_) | State::NotHdf5 | State::Clean) {
            prop_assert_eq!(&disk.disk.0, &file);
        } else {
            prop_assert!(settled.is_ok());
        }
        // A file in order loses none of its data.
        if let Ok(Some(superblock)) = find(&MemoryDisk(file.clone())) && !superblock.poisoned {
            let data = &file[..file.len().min(superblock.end as usize)];
            prop_assert!(disk.disk.0.starts_with(data));
        }
        // It ends: there is nothing more to do, or what there is cannot be done.
        for _ in 0..3 {
            let state = look(&disk).unwrap();
            let _ = settle(&mut disk, &state, cut);
        }
    }

    #[test]
    fn any_bytes_can_be_looked_at(mut file in prop::collection::vec(any::<u8>(), 0..3000), head in any::<bool>()) {
        if head {
            let bytes = super::workload::superblock(2, 0, file.len() as u64 / 2);
            file.iter_mut().zip(bytes).for_each(|(f, b)| *f = b);
        }
        let mut disk = Guarded::new(file);
        let state = look(&disk).unwrap();
        let _ = settle(&mut disk, &state, true);
    }
}
