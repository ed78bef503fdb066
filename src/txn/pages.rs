//! Pages that stand over a file: in memory up to a budget, beyond it in an unnamed temporary file.

use std::collections::BTreeMap;
use std::fs::File;
use std::io;
use std::ops::Range;
use std::os::unix::fs::FileExt;
use std::path::PathBuf;

use super::change::PAGE;

const SIZE: usize = PAGE as usize;

/// One page's bytes.
type Bytes = Box<[u8; SIZE]>;

enum Slot {
    Memory(Bytes),
    /// The number of a page in the temporary file.
    Spilled(u64),
}

/// Pages by their numbers.
pub(super) struct PageStore {
    slots: BTreeMap<u64, Slot>,
    in_memory: usize,
    /// How many pages are kept in memory.
    budget: usize,
    spill: Option<File>,
    spilled: u64,
    /// Where temporary files go first: the target's folder, whose disk has been looked at.
    folder: PathBuf,
}

impl PageStore {
    /// `budget`: bytes that are kept in memory.
    pub fn new(budget: usize, folder: PathBuf) -> Self {
        Self { slots: BTreeMap::new(), in_memory: 0, budget: budget / SIZE, spill: None, spilled: 0, folder }
    }

    /// How many pages there are.
    pub fn len(&self) -> usize {
        self.slots.len()
    }

    /// Is this page here?
    pub fn has(&self, number: u64) -> bool {
        self.slots.contains_key(&number)
    }

    /// The numbers of all pages, ascending.
    pub fn numbers(&self) -> impl Iterator<Item = u64> {
        self.slots.keys().copied()
    }

    /// The numbers of the pages in a range, ascending.
    pub fn within(&self, range: Range<u64>) -> impl Iterator<Item = u64> {
        self.slots.range(range).map(|(number, _)| *number)
    }

    /// Copies bytes out of a page that is here.
    pub fn read(&self, number: u64, from: usize, buffer: &mut [u8]) -> io::Result<()> {
        match self.slots.get(&number) {
            Some(Slot::Memory(page)) => buffer.copy_from_slice(&page[from..from + buffer.len()]),
            Some(Slot::Spilled(place)) => self.spill()?.read_exact_at(buffer, place * PAGE + from as u64)?,
            None => return Err(io::ErrorKind::NotFound.into()),
        }
        Ok(())
    }

    /// Writes into a page. `base` makes the bytes of a page that is not here yet and is not written whole.
    pub fn write(&mut self, number: u64, from: usize, bytes: &[u8], base: impl FnOnce(&mut [u8]) -> io::Result<()>) -> io::Result<()> {
        match self.slots.get_mut(&number) {
            Some(Slot::Memory(page)) => page[from..from + bytes.len()].copy_from_slice(bytes),
            Some(Slot::Spilled(place)) => {
                let at = *place * PAGE + from as u64;
                self.spill()?.write_all_at(bytes, at)?;
            }
            None => {
                let mut page: Bytes = Box::new([0; SIZE]);
                if bytes.len() < SIZE {
                    base(&mut page[..])?;
                }
                page[from..from + bytes.len()].copy_from_slice(bytes);
                if self.in_memory >= self.budget {
                    self.make_room()?;
                }
                self.slots.insert(number, Slot::Memory(page));
                self.in_memory += 1;
            }
        }
        Ok(())
    }

    /// Forgets the pages from this one on.
    pub fn cut(&mut self, first: u64) {
        let gone = self.slots.split_off(&first);
        self.in_memory -= gone.values().filter(|slot| matches!(slot, Slot::Memory(_))).count();
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
        let Some(file) = &self.spill else { return Ok(()) };
        for slot in self.slots.values_mut() {
            if let Slot::Memory(page) = slot {
                file.write_all_at(&page[..], self.spilled * PAGE)?;
                *slot = Slot::Spilled(self.spilled);
                self.spilled += 1;
            }
        }
        self.in_memory = 0;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_beyond_the_budget_go_to_a_file() {
        let dir = tempfile::tempdir().unwrap();
        let mut store = PageStore::new(3 * SIZE, dir.path().into());
        for number in 0..20u64 {
            store
                .write(number * 2, 5, &[number as u8 + 1; 7], |page| {
                    page.fill(9);
                    Ok(())
                })
                .unwrap();
        }
        assert_eq!((store.len(), store.in_memory <= 3), (20, true));
        // A spilled page is changed where it is.
        store.write(0, 6, &[77], |_| unreachable!()).unwrap();
        for number in 0..20u64 {
            let mut page = [0; 14];
            store.read(number * 2, 0, &mut page).unwrap();
            let mut wanted = [9; 14];
            wanted[5..12].fill(number as u8 + 1);
            if number == 0 {
                wanted[6] = 77;
            }
            assert_eq!(page, wanted);
        }
        store.cut(10);
        assert_eq!(store.numbers().collect::<Vec<_>>(), [0, 2, 4, 6, 8]);
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 0, "it has no name");
    }
}
