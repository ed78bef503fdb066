//! Changes that are no changes, ones of many pages, and a real file.

use std::io;

use super::super::change::{Change, PAGE, Pages};
use super::super::commit::{Failed, commit};
use super::super::disk::{Disk, RealDisk, read_at};
use super::super::journal::sum;
use super::super::memory::MemoryDisk;
use super::super::recover::{State, look, settle};
use super::super::settle::{Interrupted, interrupted};
use super::super::sim::{Op, SimDisk};
use super::bench::name;
use super::workload::{Held, SHAPES, Workload};

fn check(file: &MemoryDisk, change: &Change<'_>, why: &str) {
    let mut disk = file.clone();
    match commit(&mut disk, change, &mut || ()) {
        Err(Failed::Before(e)) => assert!(e.to_string().contains(why), "{e}"),
        other => panic!("{why}: {other:?}"),
    }
    assert!(disk == *file, "{why}: the file was changed");
}

#[test]
fn what_cannot_be_is_refused_before_anything_is_written() {
    let w = Workload::new(2, 0, &SHAPES[3]);
    let file = MemoryDisk(w.old.clone());
    let (old, new) = (w.old.len() as u64, w.new.len() as u64);
    let page = |at: u64, len: usize| (at, vec![1; len]);
    let pages = w.pages();
    let good = Change { old, new, superblock: 0, pages: &pages, tail: None };
    assert!(commit(&mut file.clone(), &good, &mut || ()).is_ok());

    let refuse = |pages: Vec<(u64, Vec<u8>)>, why: &str| check(&file, &Change { pages: &Held(pages), ..good }, why);
    refuse(vec![page(2 * PAGE, 8), page(PAGE, 8)], "out of order");
    refuse(vec![page(PAGE, 9), page(PAGE + 8, 8)], "out of order");
    refuse(vec![page(PAGE, 0)], "out of order");
    refuse(vec![page(new - 3, 4)], "out of order");
    refuse(vec![page(u64::MAX - 2, 4)], "out of order");
    refuse(vec![page(0, 8)], "no superblock");
    refuse(vec![page(28, 8)], "not that of a file");
    refuse(vec![(8, vec![0x83])], "not that of a file");
    refuse(vec![(8, vec![4])], "unknown version");

    check(&file, &Change { superblock: 512, ..good }, "superblock is gone");
    check(&file, &Change { new: u64::MAX, ..good }, "large");
    check(&file, &Change { new: new - 1, pages: &Held(vec![]), ..good }, "not that of a file");
    check(&file, &Change { new: new + 9, pages: &Held(vec![]), tail: Some(&Held(vec![page(old, 9)])), ..good }, "nothing in the file");
    check(&MemoryDisk(w.old[..old as usize - 1].to_vec()), &Change { old: old - 1, ..good }, "not that of a file");
    let mut poisoned = file.clone();
    poisoned.0[8] |= 0x80;
    check(&poisoned, &good, "not that of a file");

    // The tail is read after the intent trailer is written.
    let trailing = Workload::new(2, 0, &SHAPES[9]);
    let file = MemoryDisk(trailing.old.clone());
    let (old, new) = (trailing.old.len() as u64, trailing.new.len() as u64);
    for outside in [old - 1, new - 1] {
        let (pages, tail) = (trailing.pages(), Held(vec![page(outside, 8)]));
        check(&file, &Change { old, new, superblock: 0, pages: &pages, tail: Some(&tail) }, "outside");
    }

    // What somebody else has cut is not made longer.
    let mut short = MemoryDisk(w.old[..5000].to_vec());
    assert!(matches!(commit(&mut short, &good, &mut || ()), Err(Failed::NotCut(..))));
    assert_eq!(short.0.len(), 5000);
}

/// A file of superblock 3 that ends with these bytes.
fn longer(more: usize) -> Vec<u8> {
    let mut old = [Workload::new(3, 0, &SHAPES[3]).old, vec![3; more]].concat();
    let head = super::workload::superblock(3, 0, old.len() as u64);
    old[..head.len()].copy_from_slice(&head);
    old
}

/// Commits, and recovers the file as it was at each sync.
fn replayed(old: &[u8], pages: &Held) -> SimDisk {
    let end = old.len() as u64;
    let change = Change { old: end, new: end, superblock: 0, pages, tail: None };
    let mut disk = SimDisk::new(old, 0);
    commit(&mut disk, &change, &mut || ()).unwrap();
    pages.0.iter().for_each(|(at, b)| assert!(disk.view.0[*at as usize..][..b.len()] == b[..]));
    let mut file = MemoryDisk(old.to_vec());
    let mut seen = Vec::new();
    for op in &disk.log {
        match op {
            Op::Write { at, bytes, .. } => drop(file.pwrite(bytes, *at)),
            Op::Truncate(len) => drop(file.truncate(*len)),
            Op::Sync | Op::FailedSync => {
                let mut file = file.clone();
                let state = look(&file).unwrap();
                seen.push(name(&state));
                settle(&mut file, &state, true).unwrap();
                let expected = if seen.len() == 1 { old } else { &disk.view.0 };
                assert_eq!(sum(&file.0), sum(expected), "{seen:?}");
            }
        }
    }
    assert_eq!(seen, ["abandoned", "committed", "committed", "done"]);
    disk
}

#[test]
fn tables_of_any_length_are_replayed() {
    for count in [1usize, 255, 256, 257, 1023, 1024, 1025, 2100] {
        let pages = (0..count).map(|i| (5000 + 20 * i as u64, vec![i as u8 | 0x40; 1 + i % 20])).collect();
        replayed(&longer(20 * count), &Held(pages));
    }
}

/// Runs longer than what goes into one call, with pages in them that are as they were.
#[test]
fn long_runs_are_replayed_in_few_calls() {
    let old = longer(3 << 20);
    let mut new = old[5000..5000 + (2 << 20) + 12345].to_vec();
    for (i, page) in new.chunks_mut(PAGE as usize).enumerate().filter(|(i, _)| i % 100 != 99) {
        page.iter_mut().for_each(|b| *b = b.wrapping_mul(7).wrapping_add(i as u8 | 1));
    }
    let disk = replayed(&old, &Held(vec![(5000, new), (3 << 20, vec![9; 5000])]));
    let writes = |op: &&Op| matches!(op, Op::Write { .. });
    assert!(disk.log.iter().filter(writes).count() < 30, "{}", disk.log.iter().filter(writes).count());
    let written: usize = disk.log.iter().map(|op| if let Op::Write { bytes, .. } = op { bytes.len() } else { 0 }).sum();
    assert!(written < 2 * (2 << 20) + (50 << 10), "{written}: pages that do not change are not written");
}

/// A page in a hole of the file needs a block, and after the commit point there must be one; the journal, too, has its space first.
#[test]
fn whatever_is_written_was_reserved() {
    for shape in SHAPES {
        let w = Workload::new(0, 512, shape);
        let mut disk = SimDisk::new(&w.old, 512);
        w.write_through(&mut disk).unwrap();
        let before = disk.log.len();
        w.commit(&mut disk).unwrap();
        for op in &disk.log[before..] {
            let Op::Write { at, bytes, .. } = op else { continue };
            let (from, to) = (*at, at + bytes.len() as u64);
            // What is appended is written before the commit point, where a full disk does no harm.
            if *at >= w.old.len() as u64 && to <= w.new.len().next_multiple_of(4096) as u64 {
                continue;
            }
            // Where the superblock is, is no hole.
            let reserved = disk.reserved.iter().any(|(a, n)| *a <= from && to <= a + n) || (bytes.len() == 1 && *at == 512 + 8);
            assert!(reserved, "{}: {from}..{to}, reserved are {:?}", w.name, disk.reserved);
        }
        // Neighbours together.
        assert!(disk.reserved.len() <= 3, "{}: {:?}", w.name, disk.reserved);
    }
}

/// Pages that cannot be read any more from the third time on.
struct Fading(Held, std::cell::Cell<usize>);

impl Pages for Fading {
    fn runs(&self) -> Vec<(u64, u64)> {
        self.0.runs()
    }
    fn read(&self, offset: u64, buffer: &mut [u8]) -> io::Result<()> {
        self.1.set(self.1.get() + 1);
        if self.1.get() > 3 { Err(io::Error::other("gone")) } else { self.0.read(offset, buffer) }
    }
}

#[test]
fn an_overlay_that_cannot_be_read_leaves_the_old_file() {
    let w = Workload::new(2, 512, &SHAPES[0]);
    let mut disk = MemoryDisk(w.old.clone());
    let pages = Fading(w.pages(), 0.into());
    let change = Change { old: w.old.len() as u64, new: w.new.len() as u64, superblock: 512, pages: &pages, tail: None };
    w.write_through(&mut disk).unwrap();
    assert!(matches!(commit(&mut disk, &change, &mut || ()), Err(Failed::Before(_))));
    assert!(disk.0 == w.old);
}

#[test]
fn a_real_file_is_changed_and_recovered() {
    for shape in SHAPES {
        let w = Workload::new(3, 512, shape);
        let file = tempfile::tempfile().unwrap();
        let mut disk = RealDisk::new(file.try_clone().unwrap());
        let contents = |disk: &RealDisk| {
            let mut bytes = vec![0; disk.len().unwrap() as usize];
            assert_eq!(read_at(disk, &mut bytes, 0).unwrap(), bytes.len());
            bytes
        };
        disk.pwrite(&w.old, 0).unwrap();
        w.write_through(&mut disk).unwrap();
        assert!(w.commit(&mut disk).unwrap().uncut.is_none());
        assert!(contents(&disk) == w.new && interrupted(&file).is_none(), "{}", w.name);
        assert_eq!(look(&disk).unwrap(), State::Clean);

        disk.pwrite(&[0x83], 512 + 8).unwrap();
        assert_eq!(interrupted(&file), Some(Interrupted::Then));
        let state = look(&disk).unwrap();
        assert!(matches!(&state, State::Damaged(why) if why.contains("journal") && why.contains("gone")));
        assert!(settle(&mut disk, &state, true).is_err());
    }
}
