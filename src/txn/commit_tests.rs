//! Crashes, failures, forgeries: what a commit and a recovery do to a simulated disk.
#![expect(clippy::print_stdout, reason = "how much was tried")]

mod bench;
mod forged;
mod refused;
mod workload;

use super::change::PAGE;
use super::journal::Sum;
use super::sim::{Crashes, Error, Mutant, crashes};
use bench::{Bench, Broken, FINE, SECTORS, name};
use workload::{SHAPES, Workload};

fn workloads() -> Vec<Workload> {
    let kinds = [(0, 0), (0, 512), (2, 0), (2, 512), (3, 0), (3, 512)];
    kinds.iter().flat_map(|&(version, userblock)| SHAPES.iter().map(move |s| Workload::new(version, userblock, s))).collect()
}

/// One of each shape.
fn few() -> Vec<Workload> {
    SHAPES.iter().zip([(0, 0), (2, 512), (3, 0)].iter().cycle()).map(|(s, &(v, u))| Workload::new(v, u, s)).collect()
}

fn none(bench: &Bench, what: &str) {
    println!("{what}: {} states, {} double crashes, {} faults, {:?}", bench.states, bench.doubles, bench.faults, bench.kinds);
    let first: Vec<_> = bench.violations.iter().take(10).collect();
    assert!(bench.violations.is_empty(), "{} violations: {first:#?}", bench.violations.len());
}

#[test]
fn every_crash_leaves_the_old_file_or_the_new_one() {
    let mut bench = Bench::new(Broken::default());
    workloads().iter().for_each(|w| bench.crash(w, SECTORS));
    none(&bench, "torn at sectors");
    for kind in ["clean", "leftover", "abandoned", "done", "committed"] {
        assert!(bench.kinds.get(kind).is_some_and(|&n| n > 50), "{kind} was hardly tried");
    }
}

#[test]
fn writes_may_tear_anywhere() {
    let mut bench = Bench::new(Broken::default());
    workloads().iter().for_each(|w| bench.crash(w, FINE));
    none(&bench, "torn anywhere");
}

#[test]
fn a_second_change_is_safe_from_the_first() {
    let mut bench = Bench::new(Broken::default());
    few().iter().filter(|w| !w.trailing).for_each(|w| bench.chain(w, 3));
    none(&bench, "chained");
}

#[test]
fn an_operation_of_a_commit_fails() {
    let mut bench = Bench::new(Broken::default());
    for w in few() {
        for error in [Error::Io, Error::IoDone, Error::Full, Error::Short] {
            bench.fail(&w, error, false);
            bench.fail(&w, error, true);
        }
        bench.fail(&w, Error::Interrupted, false);
    }
    none(&bench, "failing commits");
}

#[test]
fn an_operation_of_a_recovery_fails() {
    let mut bench = Bench::new(Broken::default());
    for w in few().iter().step_by(3) {
        for error in [Error::Io, Error::IoDone, Error::Full, Error::Short] {
            bench.fail_recovery(w, error, false);
            bench.fail_recovery(w, error, true);
        }
        bench.fail_recovery(w, Error::Interrupted, false);
    }
    none(&bench, "failing recoveries");
}

#[test]
fn a_journal_that_went_bad_is_refused() {
    let mut bench = Bench::new(Broken::default());
    few().iter().for_each(|w| bench.rot(w));
    none(&bench, "bad bytes");
}

/// Where a file system makes a file longer before its data are there, the intent trailer itself can be lost: then the bytes
/// behind the data get more bytes behind them, and nothing else happens.
#[test]
fn a_lost_intent_trailer_leaves_bytes_behind_the_old_ones() {
    for w in few().iter().filter(|w| w.trailing) {
        let mut bench = Bench::new(Broken::default());
        let mut disk = bench.disk(w);
        w.commit(&mut disk).unwrap();
        crashes(&w.old, &disk.log, Crashes { exhaustive: 12, ..SECTORS }, 1, &mut |image, after| match after {
            0 => {
                bench.read(w, &image);
                let mut disk = super::sim::SimDisk::new(&image, w.superblock);
                bench.settle(w, &mut disk).unwrap();
                assert!(disk.view.0.starts_with(&w.old) || disk.view.0 == w.new);
            }
            _ => bench.judge(w, &image, &[&w.old, &w.new], None),
        });
        none(&bench, &w.name);
    }
}

/// Everything, small; `trailing`: only files with bytes behind the data.
fn violations(broken: Broken, trailing: bool) -> Vec<String> {
    let mut bench = Bench::new(broken);
    let some: Vec<_> = few()
        .into_iter()
        .filter(|w| !w.name.contains("many") && (!trailing || w.trailing && !w.pages().0.is_empty() && w.old_end != w.new_end()))
        .collect();
    let tries: [fn(&mut Bench, &Workload); 5] = [
        |b, w| b.crash(w, SECTORS),
        Bench::rot,
        |b, w| {
            if !w.trailing {
                b.chain(w, 3)
            }
        },
        |b, w| b.fail(w, Error::Io, false),
        |b, w| b.fail_recovery(w, Error::Io, false),
    ];
    for attempt in tries {
        some.iter().for_each(|w| {
            if bench.violations.is_empty() {
                attempt(&mut bench, w)
            }
        });
    }
    super::journal::IGNORED.set(None);
    bench.violations
}

#[test]
fn whatever_is_left_out_is_missed() {
    assert_eq!(violations(Broken::default(), false), Vec::<String>::new());
    let mut mutants: Vec<(Broken, bool)> = Vec::new();
    let commits = (1..=4).map(Mutant::NoSync).chain([Mutant::CutFirst, Mutant::NoPoison, Mutant::NoPoisonInPage]);
    mutants.extend(commits.map(|m| (Broken { commit: Some(m), ..Broken::default() }, false)));
    let with_intent = (1..=5).map(Mutant::NoSync).chain([Mutant::NoIntent]);
    mutants.extend(with_intent.map(|m| (Broken { commit: Some(m), ..Broken::default() }, true)));
    let recoveries = [("clean", 1), ("leftover", 1), ("abandoned", 1), ("done", 1), ("done", 2)];
    let recoveries = recoveries.into_iter().chain((1..=4).map(|n| ("committed", n)));
    mutants.extend(recoveries.map(|r| (Broken { recovery: Some(r), ..Broken::default() }, false)));
    mutants.extend([Sum::Trailer, Sum::Table, Sum::Page].map(|s| (Broken { ignored: Some(s), ..Broken::default() }, false)));
    let mut missed = Vec::new();
    for (broken, trailing) in mutants {
        match violations(broken, trailing).first() {
            Some(first) => println!("{broken}\n    red: {first}"),
            None => missed.push((broken, trailing)),
        }
    }
    assert!(missed.is_empty(), "not caught: {missed:?}");
}

#[test]
fn superblocks_of_all_versions_are_read() {
    use super::memory::MemoryDisk;
    use super::superblock::{Superblock, find};
    for version in 0..=3 {
        for at in [0, 512, 1024, 2048, 8192] {
            for bit in [0, 0x80] {
                let mut file = vec![0; at as usize];
                file.extend(workload::superblock(version, at, at + 3 * PAGE));
                file[at as usize + 8] |= bit;
                let expected = Superblock { at, version, poisoned: bit != 0, end: at + 3 * PAGE, marked: false };
                assert_eq!(find(&MemoryDisk(file.clone())).unwrap(), Some(expected));
                // A userblock was put before it, and nothing in it was changed.
                let mut moved = vec![0; 512];
                moved.extend(&file);
                if at == 0 {
                    assert_eq!(find(&MemoryDisk(moved)).unwrap(), Some(Superblock { at: 512, end: 512 + 3 * PAGE, ..expected }));
                }
            }
        }
    }
    let mut odd = workload::superblock(2, 0, PAGE);
    odd[9] = 16;
    assert!(find(&MemoryDisk(odd)).is_err());
    assert_eq!(find(&MemoryDisk(vec![1; 5000])).unwrap(), None);
}

#[test]
fn trailing_data_that_looks_like_a_trailer_is_data() {
    use super::memory::MemoryDisk;
    use super::recover::{State, look};
    let w = Workload::new(2, 0, &SHAPES[0]);
    let bench = Bench::new(Broken::default());
    let images = bench.interrupted(&w);
    let abandoned = images.iter().find(|(i, _)| name(&look(&MemoryDisk(i.clone())).unwrap()) == "abandoned").unwrap();
    // The same bytes, but all of them are HDF5 data.
    let mut file = abandoned.0.clone();
    let head = workload::superblock(2, 0, file.len() as u64);
    file[..head.len()].copy_from_slice(&head);
    assert_eq!(look(&MemoryDisk(file.clone())).unwrap(), State::Clean);
    // The same bytes elsewhere.
    let end = w.old_end;
    let mut file = abandoned.0.clone();
    file.splice(end as usize..end as usize, [0; 512]);
    assert!(matches!(look(&MemoryDisk(file)).unwrap(), State::Leftover { .. }));
}
