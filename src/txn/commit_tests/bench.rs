//! What must hold after every crash, and the search for a crash after which it does not.

use std::collections::{BTreeMap, HashSet};

use super::super::commit::Failed;
use super::super::disk::Disk;
use super::super::journal::{IGNORED, Sum, sum};
use super::super::memory::MemoryDisk;
use super::super::recover::{State, look, settle};
use super::super::sim::{Crashes, Error, Fault, Mutant, Op, SimDisk, crashes};
use super::super::superblock;
use super::workload::Workload;

/// What is broken on purpose.
#[derive(Debug, Clone, Copy, Default)]
pub struct Broken {
    pub commit: Option<Mutant>,
    /// The n-th sync of the recovery of this state does nothing.
    pub recovery: Option<(&'static str, usize)>,
    pub ignored: Option<Sum>,
}

impl std::fmt::Display for Broken {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Broken { commit: Some(mutant), .. } => write!(f, "commit, {mutant:?}"),
            Broken { recovery: Some((state, n)), .. } => write!(f, "recovery of {state}, NoSync({n})"),
            Broken { ignored, .. } => write!(f, "checksum ignored: {ignored:?}"),
        }
    }
}

/// What was tried and found.
#[derive(Debug, Default)]
pub struct Bench {
    pub broken: Broken,
    pub states: usize,
    pub doubles: usize,
    pub faults: usize,
    pub kinds: BTreeMap<&'static str, usize>,
    pub violations: Vec<String>,
    seen: HashSet<(u64, usize)>,
}

/// Torn at sectors; some in every way.
pub const SECTORS: Crashes = Crashes { grain: 512, ordered: false, exhaustive: 8, sweep: true, random: 24 };
/// Torn anywhere.
pub const FINE: Crashes = Crashes { grain: 8, ordered: false, exhaustive: 0, sweep: false, random: 16 };
const FEW: Crashes = Crashes { random: 6, exhaustive: 5, sweep: false, ..SECTORS };

pub fn name(state: &State) -> &'static str {
    match state {
        State::NotHdf5 => "not HDF5",
        State::InUse => "in use",
        State::Clean => "clean",
        State::Leftover { .. } => "leftover",
        State::Abandoned { .. } => "abandoned",
        State::Done { .. } => "done",
        State::Committed(_) => "committed",
        State::Damaged(_) => "damaged",
    }
}

impl Bench {
    pub fn new(broken: Broken) -> Self {
        IGNORED.set(broken.ignored);
        Self { broken, ..Self::default() }
    }

    pub fn blame(&mut self, w: &Workload, what: &str) {
        self.violations.push(format!("{}: {what}", w.name));
    }

    /// A disk with the old file and what the overlay has written.
    pub fn disk(&self, w: &Workload) -> SimDisk {
        let mut disk = SimDisk::new(&w.old, w.superblock);
        w.write_through(&mut disk).unwrap();
        disk.set_mutant(self.broken.commit);
        disk
    }

    /// Recovers, broken as it may be.
    pub fn settle(&mut self, w: &Workload, disk: &mut SimDisk) -> Result<&'static str, String> {
        let state = look(disk).map_err(|e| e.to_string())?;
        let mutant = self.broken.recovery.filter(|(kind, _)| *kind == name(&state)).map(|(_, n)| Mutant::NoSync(n));
        disk.set_mutant(mutant);
        let settled = settle(disk, &state, !w.trailing);
        disk.set_mutant(None);
        settled.map_err(|e| format!("{}: {e}", name(&state)))?;
        Ok(name(&state))
    }

    /// Does a reader see the old file, the new one, or a refusal?
    pub fn read(&mut self, w: &Workload, image: &[u8]) {
        let disk = MemoryDisk(image.to_vec());
        match superblock::find(&disk) {
            Ok(Some(s)) if s.poisoned => {}
            Ok(Some(s)) => {
                let seen = image.get(..s.end as usize);
                if seen.is_none() || seen != w.old.get(..w.old_end as usize) && seen != Some(&w.new[..]) {
                    self.blame(w, "a reader sees a mix");
                }
            }
            _ => self.blame(w, "a reader finds no superblock"),
        }
    }

    /// After a crash that left this image, is it one of the allowed ones when recovered, and again after every second crash?
    pub fn judge(&mut self, w: &Workload, image: &[u8], allowed: &[&[u8]], again: Option<Crashes>) {
        if !self.seen.insert((sum(image), allowed.iter().map(|a| a.as_ptr() as usize).sum::<usize>())) {
            return;
        }
        self.states += usize::from(again.is_some());
        self.doubles += usize::from(again.is_none());
        self.read(w, image);
        let mut disk = SimDisk::new(image, w.superblock);
        let kind = match self.settle(w, &mut disk) {
            Ok(kind) => kind,
            Err(e) => return self.blame(w, &e),
        };
        *self.kinds.entry(kind).or_default() += 1;
        let Some(result) = allowed.iter().find(|a| **a == disk.view.0) else {
            return self.blame(w, &format!("{kind}: recovered to neither"));
        };
        if let Some(how) = again {
            let syncs = disk.log.iter().filter(|op| matches!(op, Op::Sync)).count();
            crashes(image, &disk.log, how, 5, &mut |again, after| {
                if after == syncs && again != *result {
                    self.blame(w, &format!("{kind}: the recovery was not durable"));
                }
                self.judge(w, &again, &[*result], None);
            });
        }
    }

    /// Every crash of a commit.
    pub fn crash(&mut self, w: &Workload, how: Crashes) {
        self.seen.clear();
        let mut disk = self.disk(w);
        if let Err(e) = w.commit(&mut disk) {
            return self.blame(w, &format!("{e:?}"));
        }
        if disk.view.0 != w.new {
            self.blame(w, "the new file is not as it should be");
        }
        let syncs = disk.log.iter().filter(|op| matches!(op, Op::Sync)).count();
        let expected = match (w.pages().0.iter().any(|(at, b)| w.old[*at as usize..][..b.len()] != b[..]), w.trailing) {
            (false, _) => 1,
            (true, false) => 4,
            (true, true) => 5,
        };
        if self.broken.commit.is_none() {
            assert_eq!(syncs, expected, "{}", w.name);
        }
        let how = Crashes { ordered: w.trailing, ..how };
        crashes(&w.old, &disk.log, how, 3, &mut |image, after| {
            let allowed: &[&[u8]] = if after == syncs { &[&w.new] } else { &[&w.old, &w.new] };
            self.judge(w, &image, allowed, Some(how));
        });
    }

    /// Files as crashes leave them at the moments that need something done.
    pub fn interrupted(&self, w: &Workload) -> Vec<(Vec<u8>, Vec<u8>)> {
        let mut disk = SimDisk::new(&w.old, w.superblock);
        w.write_through(&mut disk).unwrap();
        let written = disk.log.len();
        w.commit(&mut disk).unwrap();
        let mut file = MemoryDisk(w.old.clone());
        let mut images = Vec::new();
        let mut poisoned = false;
        for (i, op) in disk.log.iter().enumerate() {
            match op {
                Op::Write { at, bytes, .. } => drop(file.pwrite(bytes, *at)),
                Op::Truncate(len) => drop(file.truncate(*len)),
                Op::Sync | Op::FailedSync => {
                    poisoned |= file.0[disk.version_at as usize] & 0x80 != 0;
                    images.push((file.0.clone(), if poisoned || file.0 == w.new { w.new.clone() } else { w.old.clone() }));
                }
            }
            if i + 1 == written {
                images.push((file.0.clone(), w.old.clone()));
            }
        }
        images
    }

    /// A change, and then another: whatever is left of the first must not hurt the second.
    pub fn chain(&mut self, w: &Workload, version: u8) {
        let mut starts = Vec::new();
        let mut disk = SimDisk::new(&w.old, w.superblock);
        w.write_through(&mut disk).unwrap();
        w.commit(&mut disk).unwrap();
        let longest =
            disk.log.iter().filter_map(|op| if let Op::Write { at, bytes, .. } = op { Some(at + bytes.len() as u64) } else { None }).max();
        starts.push((disk, w.new.clone()));
        starts.extend(self.interrupted(w).into_iter().map(|(image, to)| (SimDisk::new(&image, w.superblock), to)));
        for (mut disk, first) in starts {
            self.seen.clear();
            let kind = match self.settle(w, &mut disk) {
                Ok(kind) => kind,
                Err(e) => return self.blame(w, &e),
            };
            if disk.view.0 != first {
                return self.blame(w, &format!("{kind}: recovered to something else"));
            }
            let settled = disk.log.iter().filter(|op| matches!(op, Op::Sync)).count();
            // So long that the tail covers what was the table, and ends before what was the trailer.
            let end = first.len() as u64;
            let new_end = longest.map_or(end, |l| l - 88 - 520).max(end + 100);
            let mut second = Workload::on(first, version, w.superblock, end, new_end, &[0]);
            second.name = format!("{} ({kind}), and another", w.name);
            second.write_through(&mut disk).unwrap();
            if let Err(e) = second.commit(&mut disk) {
                return self.blame(&second, &format!("{e:?}"));
            }
            let base = disk.base.clone();
            crashes(&base, &disk.log, FEW, 9, &mut |image, after| {
                if after >= settled {
                    self.judge(&second, &image, &[&second.old, &second.new], None);
                }
            });
            crashes(&base, &disk.log, Crashes { sweep: true, random: 0, ..FEW }, 9, &mut |image, after| {
                if after >= settled && after <= settled + 1 {
                    self.judge(&second, &image, &[&second.old, &second.new], None);
                }
            });
        }
    }

    /// Every operation of a commit fails.
    pub fn fail(&mut self, w: &Workload, error: Error, for_good: bool) {
        for nth in 0.. {
            self.seen.clear();
            let mut disk = self.disk(w);
            disk.set_fault(Some(Fault { nth, for_good, error }));
            let result = w.commit(&mut disk);
            let over = disk.count.get() <= nth;
            disk.set_fault(None);
            disk.set_mutant(None);
            self.faults += 1;
            let found = self.violations.len();
            let view = disk.view.0.clone();
            let (old, new): (&[u8], &[u8]) = (&w.old, &w.new);
            let label = format!("{error:?} at {nth}, for good: {for_good}: {result:?}");
            let (right, allowed): (bool, &[&[u8]]) = match &result {
                Ok(done) => (view == w.new || (done.uncut.is_some() && view.starts_with(new)), &[new]),
                Err(Failed::Before(_)) => (view == w.old, &[old]),
                Err(Failed::NotCut(..)) => (view.starts_with(old), &[old]),
                Err(Failed::InDoubt(_)) => (true, &[old, new]),
            };
            if !right {
                self.blame(w, &label);
            }
            let how = Crashes { ordered: w.trailing, ..FEW };
            let syncs = disk.log.iter().filter(|op| matches!(op, Op::Sync)).count();
            crashes(&disk.base, &disk.log, how, nth as u64, &mut |image, after| match after == syncs {
                // Half an intent trailer, like a lost one: see the test of that.
                _ if after == 0 && w.trailing && error == Error::Short => self.read(w, &image),
                true => self.judge(w, &image, allowed, None),
                false => self.judge(w, &image, &[old, new], None),
            });
            // The machine goes on: what can be read is not all on the disk.
            match self.settle(w, &mut disk) {
                Ok(_) if allowed.contains(&&disk.view.0[..]) => {}
                Ok(_) => self.blame(w, &format!("{label}: recovered to neither")),
                Err(e) => self.blame(w, &format!("{label}: {e}")),
            }
            let settled = disk.view.0.clone();
            let total = disk.log.iter().filter(|op| matches!(op, Op::Sync)).count();
            crashes(&disk.base, &disk.log, how, nth as u64, &mut |image, after| {
                if after >= total {
                    self.judge(w, &image, &[&settled], None);
                } else if after >= syncs {
                    self.judge(w, &image, allowed, None);
                }
            });
            if self.violations.len() > found {
                self.blame(w, &label);
            }
            if over {
                assert!(result.is_ok() || self.broken.commit.is_some(), "{}: {label}", w.name);
                return;
            }
        }
    }

    /// Every operation of a recovery fails, and it is tried again.
    pub fn fail_recovery(&mut self, w: &Workload, error: Error, for_good: bool) {
        for (image, expected) in self.interrupted(w) {
            for nth in 0.. {
                self.seen.clear();
                let mut disk = SimDisk::new(&image, w.superblock);
                disk.set_fault(Some(Fault { nth, for_good, error }));
                let first = self.settle(w, &mut disk);
                let over = disk.count.get() <= nth;
                disk.set_fault(None);
                self.faults += 1;
                let second = self.settle(w, &mut disk);
                if second.is_err() || disk.view.0 != expected {
                    self.blame(w, &format!("{error:?} at {nth} of recovery, then {second:?}"));
                }
                let how = Crashes { ordered: w.trailing, ..FEW };
                crashes(&image, &disk.log, how, nth as u64, &mut |image, _| self.judge(w, &image, &[&expected], None));
                if over {
                    assert!(first.is_ok() || self.broken.recovery.is_some() || self.broken.ignored.is_some(), "{first:?}");
                    break;
                }
            }
        }
    }

    /// Bytes of the journal of a poisoned file go bad: it is refused and left alone, or what went bad does not matter.
    pub fn rot(&mut self, w: &Workload) {
        for (image, _) in self.interrupted(w) {
            let Ok(State::Committed(trailer)) = look(&MemoryDisk(image.clone())) else { continue };
            let fields = trailer.table as usize..image.len();
            for at in (trailer.journal as usize..trailer.table as usize).step_by(97).chain(fields) {
                let mut rotten = MemoryDisk(image.clone());
                rotten.0[at] ^= 1;
                let before = rotten.clone();
                let state = look(&rotten).unwrap();
                let settled = settle(&mut rotten, &state, true);
                let right = if settled.is_ok() { rotten.0 == w.new } else { rotten == before };
                if !right {
                    self.blame(w, &format!("byte {at} of the journal is bad, and the file was recovered ({})", name(&state)));
                }
            }
        }
    }
}
