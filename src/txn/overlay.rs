//! A file as it would be: the file, pages that stand over it, and a tail behind its old end.
//!
//! Nothing below the old end is ever written here. The tail is written through, since no reader looks behind the end that the
//! superblock tells; where the file has bytes behind that end already, which must survive a failure, the tail is held back, too.

use std::io;
use std::path::PathBuf;

use super::change::{PAGE, Pages};
use super::disk::{Disk, read_zeros_at, write_at};
use super::pages::PageStore;
use crate::h5::Backing;

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

    /// The file's own bytes, as far as they count.
    fn base(&self, buffer: &mut [u8], at: u64) -> io::Result<()> {
        let valid = self.cut.saturating_sub(at).min(buffer.len() as u64) as usize;
        let (own, gone) = buffer.split_at_mut(valid);
        gone.fill(0);
        read_zeros_at(&self.disk, own, at)
    }

    /// Counts a write: the tail as long as it grows, and every page twice, in the journal and in its place.
    fn count(&mut self, at: u64, end: u64) -> io::Result<()> {
        self.appended += end.saturating_sub(at.max(self.high));
        self.high = self.high.max(end);
        match self.appended.saturating_add(self.low.len() as u64 * 2 * PAGE) <= self.most {
            true => Ok(()),
            false => Err(super::over(self.most)),
        }
    }

    fn write_low(&mut self, at: u64, bytes: &[u8]) -> io::Result<()> {
        let (disk, cut) = (&self.disk, self.cut);
        for (number, from, part) in pieces(at, bytes) {
            self.low.write(number, from, part, |page| {
                let valid = cut.saturating_sub(number * PAGE).min(PAGE) as usize;
                read_zeros_at(disk, &mut page[..valid], number * PAGE)
            })?;
        }
        Ok(())
    }

    fn write_tail(&mut self, at: u64, bytes: &[u8]) -> io::Result<()> {
        match &mut self.held {
            Some(pages) => pieces(at - self.old, bytes).try_for_each(|(number, from, part)| {
                pages.write(number, from, part, |page| {
                    page.fill(0);
                    Ok(())
                })
            }),
            None => write_at(&mut self.disk, bytes, at),
        }
    }

    /// The changed pages below the old end.
    pub(super) fn low_pages(&self) -> io::Result<LowPages<'_, D>> {
        let last = self.end.min(self.old);
        let mut numbers: Vec<u64> = self.low.numbers().take_while(|n| n * PAGE < last).collect();
        // What was cut off and is there again has become zeros.
        if self.cut < last {
            numbers.extend((self.cut / PAGE..last.div_ceil(PAGE)).filter(|n| !self.low.has(*n)));
            numbers.sort_unstable();
        }
        let mut pages = LowPages { overlay: self, places: Vec::new() };
        let (mut new, mut own) = ([0; PAGE as usize], [0; PAGE as usize]);
        for number in numbers {
            let (offset, length) = (number * PAGE, (last - number * PAGE).min(PAGE) as usize);
            pages.read(offset, &mut new[..length])?;
            read_zeros_at(&self.disk, &mut own[..length], offset)?;
            if new[..length] != own[..length] {
                pages.places.push((offset, length));
            }
        }
        Ok(pages)
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
            self.base(below, at)?;
            cover(&self.low, at, below)?;
        }
        if tail.is_empty() {
            return Ok(());
        }
        let at = at + low as u64;
        match &self.held {
            None => read_zeros_at(&self.disk, tail, at),
            Some(pages) => {
                tail.fill(0);
                cover(pages, at - self.old, tail)
            }
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

    fn truncate(&mut self, len: u64) -> io::Result<()> {
        if len >= self.end {
            self.end = len;
            return Ok(());
        }
        // What comes back later must come back as zeros.
        let zeros = vec![0; (PAGE - len % PAGE) as usize];
        if len < self.old {
            self.low.cut(len.div_ceil(PAGE));
            if self.low.has(len / PAGE) && !len.is_multiple_of(PAGE) {
                self.write_low(len, &zeros)?;
            }
            self.cut = self.cut.min(len);
        }
        let kept = len.saturating_sub(self.old);
        match &mut self.held {
            Some(pages) => {
                pages.cut(kept.div_ceil(PAGE));
                let within = (kept % PAGE) as usize;
                if within != 0 && pages.has(kept / PAGE) {
                    pages.write(kept / PAGE, within, &vec![0; PAGE as usize - within], |_| Ok(()))?;
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

/// Bytes cut at the borders of pages: page, place within it, bytes.
fn pieces(at: u64, bytes: &[u8]) -> impl Iterator<Item = (u64, usize, &[u8])> {
    let (mut at, mut rest) = (at, bytes);
    std::iter::from_fn(move || {
        let from = (at % PAGE) as usize;
        let (part, after) = rest.split_at(rest.len().min(PAGE as usize - from));
        let piece = (at / PAGE, from, part);
        (at, rest) = (at + part.len() as u64, after);
        (!part.is_empty()).then_some(piece)
    })
}

/// Lays the pages over what was read below them.
fn cover(pages: &PageStore, at: u64, buffer: &mut [u8]) -> io::Result<()> {
    let end = at + buffer.len() as u64;
    for number in pages.within(at / PAGE..end.div_ceil(PAGE)) {
        let (first, last) = ((number * PAGE).max(at), ((number + 1) * PAGE).min(end));
        pages.read(number, (first - number * PAGE) as usize, &mut buffer[(first - at) as usize..(last - at) as usize])?;
    }
    Ok(())
}

/// Pages below the old end whose bytes differ from the file's.
pub(super) struct LowPages<'a, D> {
    overlay: &'a Overlay<D>,
    places: Vec<(u64, usize)>,
}

impl<D: Disk> Pages for LowPages<'_, D> {
    fn places(&self) -> Vec<(u64, usize)> {
        self.places.clone()
    }

    fn read(&self, offset: u64, buffer: &mut [u8]) -> io::Result<()> {
        self.overlay.base(buffer, offset)?;
        cover(&self.overlay.low, offset, buffer)
    }
}

/// A tail that is not in the file yet.
pub(super) struct HeldTail<'a> {
    pages: &'a PageStore,
    old: u64,
    end: u64,
}

impl Pages for HeldTail<'_> {
    fn places(&self) -> Vec<(u64, usize)> {
        let offset = |number: u64| self.old + number * PAGE;
        let inside = self.pages.numbers().map(offset).take_while(|&at| at < self.end);
        inside.map(|at| (at, (self.end - at).min(PAGE) as usize)).collect()
    }

    fn read(&self, offset: u64, buffer: &mut [u8]) -> io::Result<()> {
        self.pages.read((offset - self.old) / PAGE, 0, buffer)
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
            let low = overlay.low_pages().unwrap();
            let tail = overlay.held_tail();
            let all: Vec<&dyn Pages> = std::iter::once(&low as &dyn Pages).chain(tail.as_ref().map(|t| t as &dyn Pages)).collect();
            for pages in all {
                let mut last = 0;
                for (at, n) in pages.places() {
                    prop_assert!(at >= last && n > 0 && n <= PAGE as usize && at + n as u64 <= model.len() as u64);
                    last = at + n as u64;
                    pages.read(at, &mut file[at as usize..at as usize + n]).unwrap();
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
