//! A file as it would be: the file, pages that stand over it, and a tail behind its old end.
//!
//! Nothing below the old end is ever written here. The tail is written through, since no reader looks behind the end that the
//! superblock tells; where the file has bytes behind that end already, which must survive a failure, the tail is held back, too.

use std::io;
use std::ops::Range;
use std::path::PathBuf;
use std::sync::Arc;

use super::change::{PAGE, Pages};
use super::disk::{Disk, read_zeros_at, write_at};
use super::pages::PageStore;
use crate::h5::{Backing, DirectWrite};

/// Bytes of pages that are kept in memory.
pub(super) const BUDGET: usize = 64 << 20;

/// A disk with pages over it.
pub struct Overlay<D> {
    disk: D,
    /// The file's length at the beginning.
    old: u64,
    /// The logical end.
    end: u64,
    /// The lowest end there has been: from here on the file's own bytes do not count any more.
    cut: u64,
    /// Pages below `old`, by their number in the file.
    low: PageStore,
    /// Pages from `old` on, by their number counted from there, where the tail is held back.
    held: Option<PageStore>,
    /// Bytes that may be written, and how many of the tail have been. Holes are not counted.
    most: u64,
    appended: u64,
    /// The end of what has been written of the tail.
    high: u64,
}

impl<D: Disk> Overlay<D> {
    /// An overlay that changes nothing yet. `hold`: the tail is not written through. `budget`: bytes of pages in memory.
    pub fn new(disk: D, hold: bool, most: u64, budget: usize, folder: PathBuf) -> io::Result<Self> {
        let old = disk.len()?;
        let held = hold.then(|| PageStore::new(budget, folder.clone()));
        Ok(Self { disk, old, end: old, cut: old, low: PageStore::new(budget, folder), held, most, appended: 0, high: old })
    }

    /// At most so many bytes may be written from now on, the earlier ones included.
    pub fn limit(&mut self, most: u64) {
        self.most = most;
    }

    /// The file's length at the beginning.
    pub fn old(&self) -> u64 {
        self.old
    }

    /// The disk below.
    pub fn disk(&self) -> &D {
        &self.disk
    }

    /// The disk below.
    pub fn disk_mut(&mut self) -> &mut D {
        &mut self.disk
    }

    /// Bytes below the old end as they would be.
    fn read_low(&self, at: u64, buffer: &mut [u8]) -> io::Result<()> {
        self.low.read(at, buffer, |at, part| base(&self.disk, self.cut, at, part))
    }

    /// Counts a write: the tail as long as it grows, and every page twice, in the journal and in its place.
    fn count(&mut self, at: u64, end: u64) -> io::Result<()> {
        self.appended += end.saturating_sub(at.max(self.high));
        self.high = self.high.max(end);
        match self.appended.saturating_add(self.low.len() * 2 * PAGE) <= self.most {
            true => Ok(()),
            false => Err(super::over(self.most)),
        }
    }

    fn write_low(&mut self, at: u64, bytes: &[u8]) -> io::Result<()> {
        let (disk, cut) = (&self.disk, self.cut);
        self.low.write(at, bytes, |at, part| base(disk, cut, at, part))
    }

    fn write_tail(&mut self, at: u64, bytes: &[u8]) -> io::Result<()> {
        match &mut self.held {
            Some(pages) => pages.write(at - self.old, bytes, zeros),
            None => write_at(&mut self.disk, bytes, at),
        }
    }

    /// The pages below the old end that may differ from the file's.
    pub(super) fn low_pages(&self) -> LowPages<'_, D> {
        LowPages(self)
    }

    /// The tail, where it was held back.
    pub(super) fn held_tail(&self) -> Option<HeldTail<'_>> {
        let pages = self.held.as_ref()?;
        Some(HeldTail { pages, old: self.old, end: self.end })
    }
}

impl<D: Disk> Backing for Overlay<D> {
    fn read(&mut self, at: u64, buffer: &mut [u8]) -> io::Result<()> {
        let known = self.end.saturating_sub(at).min(buffer.len() as u64) as usize;
        let (buffer, past) = buffer.split_at_mut(known);
        past.fill(0);
        let low = self.old.saturating_sub(at).min(known as u64) as usize;
        let (below, tail) = buffer.split_at_mut(low);
        if !below.is_empty() {
            self.read_low(at, below)?;
        }
        if tail.is_empty() {
            return Ok(());
        }
        let at = at + low as u64;
        match &self.held {
            None => read_zeros_at(&self.disk, tail, at),
            Some(pages) => pages.read(at - self.old, tail, zeros),
        }
    }

    fn write(&mut self, at: u64, bytes: &[u8]) -> io::Result<()> {
        if bytes.is_empty() {
            return Ok(());
        }
        let end = at.checked_add(bytes.len() as u64).ok_or(io::ErrorKind::InvalidInput)?;
        self.count(at, end)?;
        let low = self.old.saturating_sub(at).min(bytes.len() as u64) as usize;
        let (below, tail) = bytes.split_at(low);
        self.write_low(at, below)?;
        if !tail.is_empty() {
            self.write_tail(at + low as u64, tail)?;
        }
        self.end = self.end.max(end);
        Ok(())
    }

    fn direct(&mut self, at: u64, len: u64) -> io::Result<Option<Arc<dyn DirectWrite>>> {
        // Below the old end only the journal may write, and a tail that is held back is in no file.
        let Some(writer) = self.disk.direct().filter(|_| self.held.is_none() && at >= self.old) else { return Ok(None) };
        let end = at.checked_add(len).ok_or(io::ErrorKind::InvalidInput)?;
        self.count(at, end)?;
        self.end = self.end.max(end);
        Ok(Some(writer))
    }

    fn truncate(&mut self, len: u64) -> io::Result<()> {
        if len >= self.end {
            self.end = len;
            return Ok(());
        }
        // What comes back later must come back as zeros.
        let rest = |at: u64| vec![0; (PAGE - at % PAGE) as usize];
        if len < self.old {
            self.low.cut(len.div_ceil(PAGE));
            if self.low.has(len / PAGE) && !len.is_multiple_of(PAGE) {
                self.write_low(len, &rest(len))?;
            }
            self.cut = self.cut.min(len);
        }
        let kept = len.saturating_sub(self.old);
        match &mut self.held {
            Some(pages) => {
                pages.cut(kept.div_ceil(PAGE));
                if !kept.is_multiple_of(PAGE) && pages.has(kept / PAGE) {
                    pages.write(kept, &rest(kept), zeros)?;
                }
            }
            None if self.disk.len()? > len.max(self.old) => self.disk.truncate(len.max(self.old))?,
            None => {}
        }
        self.end = len;
        Ok(())
    }

    fn end(&self) -> u64 {
        self.end
    }
}

/// The file's own bytes, as far as they count: up to `cut`.
fn base(disk: &impl Disk, cut: u64, at: u64, buffer: &mut [u8]) -> io::Result<()> {
    let valid = cut.saturating_sub(at).min(buffer.len() as u64) as usize;
    let (own, gone) = buffer.split_at_mut(valid);
    gone.fill(0);
    read_zeros_at(disk, own, at)
}

/// What stands where nothing was written.
fn zeros(_: u64, buffer: &mut [u8]) -> io::Result<()> {
    buffer.fill(0);
    Ok(())
}

/// The bytes of runs of pages that begin below `end`: offset, counted from `start`, and length.
fn bytes_of(pages: impl Iterator<Item = Range<u64>>, start: u64, end: u64) -> Vec<(u64, u64)> {
    let bytes = pages.map(|run| (start + run.start * PAGE, (start + run.end * PAGE).min(end)));
    bytes.take_while(|(from, _)| *from < end).map(|(from, to)| (from, to - from)).collect()
}

/// Pages below the old end that may differ from the file's.
pub(super) struct LowPages<'a, D>(&'a Overlay<D>);

impl<D: Disk> Pages for LowPages<'_, D> {
    fn runs(&self) -> Vec<(u64, u64)> {
        let last = self.0.end.min(self.0.old);
        // What was cut off and is there again has become zeros.
        let again = self.0.cut.min(last) / PAGE..if self.0.cut < last { last.div_ceil(PAGE) } else { 0 };
        let most = if again.is_empty() { u64::MAX } else { again.start };
        let below = self.0.low.runs().map(|run| run.start..run.end.min(most));
        bytes_of(below.chain([again]).filter(|run| !run.is_empty()), 0, last)
    }

    fn read(&self, offset: u64, buffer: &mut [u8]) -> io::Result<()> {
        self.0.read_low(offset, buffer)
    }
}

/// A tail that is not in the file yet.
pub(super) struct HeldTail<'a> {
    pages: &'a PageStore,
    old: u64,
    end: u64,
}

impl Pages for HeldTail<'_> {
    fn runs(&self) -> Vec<(u64, u64)> {
        bytes_of(self.pages.runs(), self.old, self.end)
    }

    fn read(&self, offset: u64, buffer: &mut [u8]) -> io::Result<()> {
        self.pages.read(offset - self.old, buffer, zeros)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use proptest::prelude::*;

    use super::*;

    /// A disk that is shared with the test.
    #[derive(Clone)]
    struct Shared(Arc<Mutex<Vec<u8>>>);

    impl Disk for Shared {
        fn len(&self) -> io::Result<u64> {
            Ok(self.0.lock().unwrap().len() as u64)
        }
        fn pread(&self, buffer: &mut [u8], at: u64) -> io::Result<usize> {
            let bytes = self.0.lock().unwrap();
            let from = (at as usize).min(bytes.len());
            // Short reads happen.
            let n = buffer.len().min(bytes.len() - from).min(5000);
            buffer[..n].copy_from_slice(&bytes[from..from + n]);
            Ok(n)
        }
        fn pwrite(&mut self, new: &[u8], at: u64) -> io::Result<usize> {
            let mut bytes = self.0.lock().unwrap();
            let (at, n) = (at as usize, new.len().min(3000));
            let len = bytes.len().max(at + n);
            bytes.resize(len, 0);
            bytes[at..at + n].copy_from_slice(&new[..n]);
            Ok(n)
        }
        fn allocate(&mut self, _: u64, _: u64) -> io::Result<()> {
            Ok(())
        }
        fn sync(&mut self) -> io::Result<()> {
            Ok(())
        }
        fn truncate(&mut self, len: u64) -> io::Result<()> {
            self.0.lock().unwrap().resize(len as usize, 0);
            Ok(())
        }
    }

    #[derive(Clone, Debug)]
    enum Op {
        Write(u64, usize, u8),
        Read(u64, usize),
        Truncate(u64),
    }

    fn op() -> impl Strategy<Value = Op> {
        let (place, size) = (0u64..40_000, 1usize..13_000);
        prop_oneof![
            4 => (place.clone(), size.clone(), any::<u8>()).prop_map(|(at, n, b)| Op::Write(at, n, b)),
            2 => (place.clone(), size).prop_map(|(at, n)| Op::Read(at, n)),
            1 => place.prop_map(Op::Truncate),
        ]
    }

    proptest! {
        #[test]
        fn it_is_a_file(old in 0usize..30_000, hold: bool, ops in prop::collection::vec(op(), 1..25), budget in 0usize..5) {
            let before: Vec<u8> = (0..old).map(|i| (i % 251) as u8 ^ (i / 4096) as u8).collect();
            let disk = Shared(Arc::new(Mutex::new(before.clone())));
            let mut overlay = Overlay::new(disk.clone(), hold, 1 << 40, budget * PAGE as usize, std::env::temp_dir()).unwrap();
            let mut model = before.clone();
            for op in ops {
                match op {
                    Op::Write(at, n, b) => {
                        let bytes: Vec<u8> = (0..n).map(|i| b.wrapping_add(i as u8)).collect();
                        overlay.write(at, &bytes).unwrap();
                        let len = model.len().max(at as usize + n);
                        model.resize(len, 0);
                        model[at as usize..at as usize + n].copy_from_slice(&bytes);
                    }
                    Op::Read(at, n) => {
                        let mut read = vec![1; n];
                        overlay.read(at, &mut read).unwrap();
                        let wanted: Vec<u8> = (at as usize..at as usize + n).map(|i| model.get(i).copied().unwrap_or(0)).collect();
                        prop_assert!(read == wanted);
                    }
                    Op::Truncate(len) => {
                        overlay.truncate(len).unwrap();
                        model.resize(len as usize, 0);
                    }
                }
                prop_assert_eq!(overlay.end(), model.len() as u64);
                // Below the old end nothing is written, and nothing at all where the tail is held.
                let now = disk.0.lock().unwrap();
                prop_assert!(now.len() >= old && now[..old] == before[..] && (!hold || now.len() == old));
            }
            // What a commit is handed makes the file that the model is.
            let mut file = disk.0.lock().unwrap().clone();
            file.resize(model.len().max(old), 0);
            let low = overlay.low_pages();
            let tail = overlay.held_tail();
            let all: Vec<&dyn Pages> = std::iter::once(&low as &dyn Pages).chain(tail.as_ref().map(|t| t as &dyn Pages)).collect();
            for pages in all {
                let mut last = 0;
                for (at, n) in pages.runs() {
                    prop_assert!(at >= last && n > 0 && at + n <= model.len() as u64);
                    last = at + n;
                    pages.read(at, &mut file[at as usize..last as usize]).unwrap();
                }
            }
            prop_assert!(file[..model.len()] == model[..]);
        }
    }

    #[test]
    fn writing_nothing_makes_nothing_longer() {
        let mut overlay = Overlay::new(Shared(Arc::default()), false, 1 << 20, BUDGET, std::env::temp_dir()).unwrap();
        overlay.write(100, &[]).unwrap();
        assert_eq!(overlay.end(), 0);
    }

    #[test]
    fn no_more_is_written_than_allowed() {
        let disk = Shared(Arc::new(Mutex::new(vec![0; 10_000])));
        let mut overlay = Overlay::new(disk.clone(), false, 20_000, BUDGET, std::env::temp_dir()).unwrap();
        overlay.write(10_000, &[1; 15_000]).unwrap();
        overlay.write(0, &[1; 10]).unwrap();
        let error = overlay.write(25_000, &[1; 2_000]).unwrap_err();
        assert!(error.to_string().contains("--max-bytes"), "{error}");
        assert_eq!(overlay.end(), 25_000);
    }
}
