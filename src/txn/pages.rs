//! Pages that stand over a file: in memory up to a budget, beyond it in an unnamed temporary file.
//!
//! Each page has a place, in the order in which they came: the earlier places are in the temporary file, the later ones in memory.
//! Pages that are neighbours in both are one run, and travel together.

use std::collections::BTreeMap;
use std::fs::File;
use std::io;
use std::ops::Range;
use std::os::unix::fs::FileExt;
use std::path::PathBuf;

use super::change::{PAGE, SPAN};

const SIZE: usize = PAGE as usize;

/// Pages of a block of memory.
const BLOCK: usize = SPAN / SIZE;

/// Pages one after another, in as many places one after another.
#[derive(Clone, Copy)]
struct Run {
    pages: u64,
    place: u64,
}

/// Pages by their numbers.
pub(super) struct PageStore {
    /// By their first page's number. None is over another.
    runs: BTreeMap<u64, Run>,
    /// How many pages there are.
    len: u64,
    /// The first place that nothing has.
    next: u64,
    /// Places below this one are in the temporary file.
    spilled: u64,
    /// The other ones, [`BLOCK`] pages a piece. None is longer than what stands in it.
    memory: Vec<Vec<u8>>,
    /// How many pages are kept in memory.
    budget: u64,
    spill: Option<File>,
    /// Where temporary files go first: the target's folder, whose disk has been looked at.
    folder: PathBuf,
}

impl PageStore {
    /// `budget`: bytes that are kept in memory.
    pub fn new(budget: usize, folder: PathBuf) -> Self {
        let budget = (budget as u64 / PAGE).max(1);
        Self { runs: BTreeMap::new(), len: 0, next: 0, spilled: 0, memory: Vec::new(), budget, spill: None, folder }
    }

    /// How many pages there are.
    pub fn len(&self) -> u64 {
        self.len
    }

    /// Is this page here?
    pub fn has(&self, number: u64) -> bool {
        self.runs.range(..=number).next_back().is_some_and(|(first, run)| number < first + run.pages)
    }

    /// The numbers of all pages, ascending.
    pub fn runs(&self) -> impl Iterator<Item = Range<u64>> {
        self.runs.iter().map(|(&first, run)| first..first + run.pages)
    }

    /// How many of these bytes stand together, either here, with their place in bytes, or not here.
    fn piece(&self, at: u64, bytes: usize) -> (usize, Option<u64>) {
        let page = at / PAGE;
        let run = self.runs.range(..=page).next_back().filter(|(first, run)| page < *first + run.pages);
        let (end, place) = match run {
            Some((&first, run)) => (Some(first + run.pages), Some(run.place * PAGE + (at - first * PAGE))),
            None => (self.runs.range(page..).next().map(|(&first, _)| first), None),
        };
        let most = end.map_or(u64::MAX, |end| end.saturating_mul(PAGE) - at);
        (usize::try_from(most).map_or(bytes, |most| most.min(bytes)), place)
    }

    /// Reads the bytes from `at` on; `base` reads those of pages that are not here.
    pub fn read(&self, at: u64, buffer: &mut [u8], mut base: impl FnMut(u64, &mut [u8]) -> io::Result<()>) -> io::Result<()> {
        let (mut at, mut rest) = (at, buffer);
        while !rest.is_empty() {
            let (n, place) = self.piece(at, rest.len());
            let (part, after) = rest.split_at_mut(n);
            match place {
                Some(place) => self.fetch(place, part)?,
                None => base(at, part)?,
            }
            (at, rest) = (at + n as u64, after);
        }
        Ok(())
    }

    /// Writes. `base` reads the bytes of pages that are not here yet and are not written whole.
    pub fn write(&mut self, at: u64, bytes: &[u8], mut base: impl FnMut(u64, &mut [u8]) -> io::Result<()>) -> io::Result<()> {
        let (mut at, mut rest) = (at, bytes);
        while !rest.is_empty() {
            let (n, place) = self.piece(at, rest.len());
            let n = match place {
                Some(place) => self.store(place, &rest[..n]).map(|()| n)?,
                None => self.add(at, &rest[..n], &mut base)?,
            };
            (at, rest) = (at + n as u64, &rest[n..]);
        }
        Ok(())
    }

    /// Takes pages that are not here, as many as fit into a block; how many of the bytes.
    fn add(&mut self, at: u64, bytes: &[u8], base: &mut impl FnMut(u64, &mut [u8]) -> io::Result<()>) -> io::Result<usize> {
        if self.next - self.spilled >= self.budget {
            self.make_room()?;
        }
        let used = (self.next - self.spilled) as usize;
        if used == self.memory.len() * BLOCK {
            self.memory.push(Vec::with_capacity(SPAN));
        }
        let room = (BLOCK - used % BLOCK).min(self.budget as usize - used);
        let (first, from) = (at / PAGE, (at % PAGE) as usize);
        let end = (from + bytes.len()).min(room * SIZE);
        let pages = end.div_ceil(SIZE);
        let block = &mut self.memory[used / BLOCK];
        block.truncate(used % BLOCK * SIZE);
        let new = block.len();
        if from == 0 {
            block.extend_from_slice(&bytes[..end]);
        }
        block.resize(new + pages * SIZE, 0);
        let new = &mut block[new..];
        let last = pages - 1;
        let partly = !end.is_multiple_of(SIZE);
        if from > 0 || (partly && last == 0) {
            base(first * PAGE, &mut new[..SIZE])?;
        }
        if partly && last > 0 {
            base((first + last as u64) * PAGE, &mut new[last * SIZE..])?;
        }
        if from > 0 || partly {
            new[from..end].copy_from_slice(&bytes[..end - from]);
        }
        self.insert(first, Run { pages: pages as u64, place: self.next });
        Ok(end - from)
    }

    fn insert(&mut self, first: u64, new: Run) {
        self.next += new.pages;
        self.len += new.pages;
        match self.runs.range_mut(..first).next_back() {
            Some((&before, run)) if before + run.pages == first && run.place + run.pages == new.place => run.pages += new.pages,
            _ => drop(self.runs.insert(first, new)),
        }
    }

    /// Forgets the pages from this one on.
    pub fn cut(&mut self, first: u64) {
        let gone = self.runs.split_off(&first);
        self.len -= gone.values().map(|run| run.pages).sum::<u64>();
        if let Some((&start, run)) = self.runs.iter_mut().next_back() {
            let kept = run.pages.min(first - start);
            self.len -= run.pages - kept;
            run.pages = kept;
        }
        if self.runs.is_empty() {
            (self.next, self.spilled) = (0, 0);
        }
    }

    /// Copies bytes out of their place.
    fn fetch(&self, place: u64, buffer: &mut [u8]) -> io::Result<()> {
        let (spilled, rest) = buffer.split_at_mut(self.in_file(place, buffer.len()));
        if !spilled.is_empty() {
            self.spill()?.read_exact_at(spilled, place)?;
        }
        let (mut at, mut rest) = (self.in_memory(place), rest);
        while !rest.is_empty() {
            let block = self.memory.get(at / SPAN).and_then(|b| b.get(at % SPAN..)).filter(|b| !b.is_empty());
            let block = block.ok_or(io::ErrorKind::NotFound)?;
            let (part, after) = rest.split_at_mut(block.len().min(rest.len()));
            part.copy_from_slice(&block[..part.len()]);
            (at, rest) = (at + part.len(), after);
        }
        Ok(())
    }

    /// Writes bytes over those in a place.
    fn store(&mut self, place: u64, bytes: &[u8]) -> io::Result<()> {
        let (spilled, mut rest) = bytes.split_at(self.in_file(place, bytes.len()));
        if !spilled.is_empty() {
            self.spill()?.write_all_at(spilled, place)?;
        }
        let mut at = self.in_memory(place);
        while !rest.is_empty() {
            let block = &mut self.memory[at / SPAN][at % SPAN..];
            let (part, after) = rest.split_at(block.len().min(rest.len()));
            block[..part.len()].copy_from_slice(part);
            (at, rest) = (at + part.len(), after);
        }
        Ok(())
    }

    /// How many of these bytes are in the temporary file: the first ones.
    fn in_file(&self, place: u64, bytes: usize) -> usize {
        (self.spilled * PAGE).saturating_sub(place).min(bytes as u64) as usize
    }

    /// Where in memory the bytes begin of which the first ones may be in the temporary file.
    fn in_memory(&self, place: u64) -> usize {
        place.saturating_sub(self.spilled * PAGE) as usize
    }

    fn spill(&self) -> io::Result<&File> {
        self.spill.as_ref().ok_or_else(|| io::ErrorKind::NotFound.into())
    }

    /// Moves the pages that are in memory into the temporary file.
    fn make_room(&mut self) -> io::Result<()> {
        if self.spill.is_none() {
            let file = tempfile::tempfile_in(&self.folder).or_else(|_| tempfile::tempfile())?;
            self.spill = Some(file);
        }
        let (mut at, mut left) = (self.spilled * PAGE, (self.next - self.spilled) as usize * SIZE);
        for block in &self.memory {
            let part = &block[..left.min(block.len())];
            self.spill()?.write_all_at(part, at)?;
            (at, left) = (at + part.len() as u64, left - part.len());
        }
        self.spilled = self.next;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn nines(_: u64, part: &mut [u8]) -> io::Result<()> {
        part.fill(9);
        Ok(())
    }

    #[test]
    fn pages_beyond_the_budget_go_to_a_file() {
        let dir = tempfile::tempdir().unwrap();
        let mut store = PageStore::new(3 * SIZE, dir.path().into());
        for number in 0..20u64 {
            store.write(number * 2 * PAGE + 5, &[number as u8 + 1; 7], nines).unwrap();
            assert!(store.next - store.spilled <= 3);
        }
        assert_eq!((store.len(), store.spilled), (20, 18));
        // A spilled page is changed where it is.
        store.write(6, &[77], |_, _| unreachable!()).unwrap();
        for number in 0..20u64 {
            let mut page = [0; 14];
            store.read(number * 2 * PAGE, &mut page, |_, _| unreachable!()).unwrap();
            let mut wanted = [9; 14];
            wanted[5..12].fill(number as u8 + 1);
            if number == 0 {
                wanted[6] = 77;
            }
            assert_eq!(page, wanted);
        }
        store.cut(10);
        assert_eq!((store.len(), store.runs().collect::<Vec<_>>()), (5, vec![0..1, 2..3, 4..5, 6..7, 8..9]));
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 0, "it has no name");
    }

    #[test]
    fn neighbours_are_one_run_and_whole_pages_need_no_base() {
        let mut store = PageStore::new(SPAN + 5 * SIZE, std::env::temp_dir());
        let bytes: Vec<u8> = (0..3 * SPAN).map(|i| (i / 4096 + i) as u8).collect();
        store.write(2 * PAGE, &bytes[..SPAN], |_, _| unreachable!()).unwrap();
        let mut asked = Vec::new();
        let mut ask = |at, part: &mut [u8]| {
            asked.push((at, part.len()));
            nines(at, part)
        };
        store.write(2 * PAGE + SPAN as u64, &bytes[SPAN..3 * SPAN - 1], &mut ask).unwrap();
        store.write(PAGE + 1, &bytes[..SIZE], &mut ask).unwrap();
        assert_eq!(asked, [(PAGE + 3 * SPAN as u64, SIZE), (PAGE, SIZE)]);
        let pages = (3 * SPAN / SIZE) as u64;
        assert_eq!((store.len(), store.runs().collect::<Vec<_>>()), (pages + 1, vec![1..2, 2..2 + pages]));
        // Read over everything at once: what is not here, the head, what is spilled and what is in memory.
        let mut read = vec![0; 3 * SPAN + 3 * SIZE];
        store.read(0, &mut read, nines).unwrap();
        let wanted = [&[9; SIZE + 1][..], &bytes[..SIZE], &bytes[1..3 * SPAN - 1], &[9; SIZE + 1]].concat();
        assert!(read == wanted);
        store.cut(100);
        assert_eq!((store.len(), store.runs().last()), (99, Some(2..100)));
        store.cut(0);
        store.write(0, &bytes[..SIZE], |_, _| unreachable!()).unwrap();
        assert_eq!((store.len(), store.next), (1, 1), "places are used again");
    }
}
