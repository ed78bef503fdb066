//! Memory for variable-length elements, within a budget.

use std::ffi::c_void;

use hdf5_sys::h5p::H5Pset_vlen_mem_manager;

use super::{Id, Result, status};

/// Words of a block that many small elements share.
const BLOCK_WORDS: usize = 8 << 10;
const WORD: usize = size_of::<u64>();

/// What one read call allocates. It goes as a whole, so nothing leaks where a call fails half-way, and
/// no pointer is trusted with a `free`.
pub(crate) struct Arena {
    /// Blocks never move: a new one is begun where the last is full.
    blocks: Vec<Vec<u64>>,
    /// Words of the last block that are given out.
    used: usize,
    /// Bytes left.
    left: usize,
    exceeded: bool,
}

impl Arena {
    /// With this many bytes.
    pub fn new(budget: usize) -> Self {
        Self { blocks: Vec::new(), used: 0, left: budget, exceeded: false }
    }

    /// Makes a transfer list allocate here. The arena must stay where it is until the list's last call
    /// is over, and as long as what was read is in use.
    pub fn serve(&mut self, list: &Id) -> Result<()> {
        // SAFETY: a transfer list, and callbacks that get the arena back.
        status(
            || "cannot set the memory of strings".into(),
            || unsafe {
                H5Pset_vlen_mem_manager(list.raw(), Some(allocate), std::ptr::from_mut(self).cast(), Some(release), std::ptr::null_mut())
            },
        )
    }

    /// Was more asked for than the budget allows?
    pub fn is_exceeded(&self) -> bool {
        self.exceeded
    }

    /// Memory aligned to words, or NULL. Never panics.
    fn take(&mut self, bytes: usize) -> *mut c_void {
        let words = bytes.div_ceil(WORD).max(1);
        let taken = words.saturating_mul(WORD);
        if taken > self.left {
            self.exceeded = true;
            return std::ptr::null_mut();
        }
        if self.blocks.last().is_none_or(|b| b.capacity() - self.used < words) {
            let mut block: Vec<u64> = Vec::new();
            if self.blocks.try_reserve(1).is_err() || block.try_reserve_exact(words.max(BLOCK_WORDS)).is_err() {
                self.exceeded = true;
                return std::ptr::null_mut();
            }
            self.blocks.push(block);
            self.used = 0;
        }
        let Some(block) = self.blocks.last_mut() else { return std::ptr::null_mut() };
        // SAFETY: `used + words` is within the block's capacity.
        let at = unsafe { block.as_mut_ptr().add(self.used) };
        self.used += words;
        self.left -= taken;
        at.cast()
    }
}

unsafe extern "C" fn allocate(size: usize, arena: *mut c_void) -> *mut c_void {
    super::activity::progress();
    // SAFETY: the arena that `serve` was given; the library makes one call at a time.
    unsafe { &mut *arena.cast::<Arena>() }.take(size)
}

/// The arena goes as a whole.
unsafe extern "C" fn release(_: *mut c_void, _: *mut c_void) {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gives_apart_and_within_the_budget() {
        let mut arena = Arena::new(200_000);
        let mut places: Vec<(usize, usize)> = Vec::new();
        for size in [0, 1, 8, 9, 70_000, 3, 65_536] {
            let at = arena.take(size);
            assert!(!at.is_null());
            // SAFETY: as many bytes as were asked for.
            unsafe { at.cast::<u8>().write_bytes(0xAB, size) };
            places.push((at as usize, at as usize + size.max(1)));
        }
        places.sort_unstable();
        assert!(places.iter().all(|p| p.0 % WORD == 0) && places.windows(2).all(|w| w[0].1 <= w[1].0));
        assert!(!arena.is_exceeded());
        assert!(arena.take(70_000).is_null() && arena.take(usize::MAX).is_null() && arena.is_exceeded());
    }
}
