//! Blocks of a layer: made in parallel, handed on in order.

use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

use super::Filler;
use crate::model::{Block, Elements, Layer};

/// Blocks that wait for each thread, where memory allows: one that is made while another is written.
const AHEAD: usize = 2;
/// What a block takes besides its elements: filtered, and as the library holds it.
const COPIES: u64 = 3;

/// The elements of one block of a layer's region, row-major.
pub fn block_elements(filler: &Filler, layer: &Layer, block: &Block) -> Result<Elements, String> {
    if filler.makes_bytes() {
        let mut out = Vec::new();
        return put_block(filler, layer, block, &mut out).map(|()| Elements::Fixed(out));
    }
    if let Some(whole) = filler.fill_box(&layer.boxed(block)) {
        return whole;
    }
    let mut out: Option<Elements> = None;
    let mut failed = None;
    layer.runs(block, |start, count| {
        if failed.is_some() {
            return;
        }
        match (filler.fill(start, count), &mut out) {
            (Ok(run), Some(all)) => all.append(run),
            (Ok(run), none) => *none = Some(run),
            (Err(e), _) => failed = Some(e),
        }
    });
    match (failed, out) {
        (Some(e), _) => Err(e),
        (None, Some(elements)) => Ok(elements),
        (None, None) => Err("a block has no elements".into()),
    }
}

/// [`block_elements`] of elements that are bytes alone ([`Filler::makes_bytes`]), into a buffer that may have been used before.
pub fn put_block(filler: &Filler, layer: &Layer, block: &Block, out: &mut Vec<u8>) -> Result<(), String> {
    if let Some(whole) = filler.fill_box(&layer.boxed(block)) {
        let Elements::Fixed(bytes) = whole? else { return Err("the source gave elements of another kind".into()) };
        *out = bytes;
        return Ok(());
    }
    let size = filler.element_bytes();
    out.resize(block.elements() * size, 0);
    let (mut done, mut rest) = (Ok(()), &mut out[..]);
    layer.runs(block, |start, count| {
        let (run, after) = std::mem::take(&mut rest).split_at_mut(count * size);
        rest = after;
        if done.is_ok() {
            done = filler.put(start, run);
        }
    });
    done
}

/// How much memory elements on their way may take, in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Memory(pub u64);

impl Default for Memory {
    /// 256 MiB.
    fn default() -> Self {
        Self(256 << 20)
    }
}

impl Memory {
    /// How many blocks of so many bytes may be on their way at a time: one at least. Half of the memory is left to the library and to changes
    /// that wait for their commit.
    pub fn ahead(self, block_bytes: usize) -> usize {
        let room = self.0 / 2 / (COPIES * (block_bytes as u64).max(1));
        room.clamp(1, (AHEAD * rayon::current_num_threads().max(1)) as u64) as usize
    }
}

/// Makes the values of `numbers` in parallel, at most `ahead` of them at a time, while `consume` takes them in order, one after the other, on any
/// of the threads. A sequential maker is called in order, too. The first error in the order of the numbers ends it.
///
/// Neither may use rayon: a thread that waits for the others must not have one of their numbers below it on its stack.
pub fn in_order<T: Send, E: Send>(
    numbers: impl IntoIterator<Item = u64, IntoIter: Send>,
    ahead: usize,
    sequential: bool,
    make: impl Fn(u64) -> Result<T, E> + Sync,
    mut consume: impl FnMut(u64, T) -> Result<(), E> + Send,
) -> Result<(), E> {
    let mut numbers = numbers.into_iter();
    // A single block, as most datasets have, wakes nobody.
    let Some(first) = numbers.next() else { return Ok(()) };
    let Some(second) = numbers.next() else { return consume(first, make(first)?) };
    let numbers = [first, second].into_iter().chain(numbers);
    let threads = rayon::current_num_threads().min(ahead.max(1));
    if threads == 1 {
        let mut numbers = numbers;
        return numbers.try_for_each(|k| consume(k, make(k)?));
    }
    let line = Line { state: Mutex::new(State::new(numbers)), turn: Condvar::new(), ahead: ahead as u64, sequential };
    let consume = Mutex::new(consume);
    let work = || line.work(&make, &consume);
    rayon::in_place_scope(|scope| {
        (1..threads).for_each(|_| scope.spawn(|_| work()));
        work();
    });
    let state = line.state.into_inner().unwrap_or_else(PoisonError::into_inner);
    state.panicked.map_or(Ok(()), |cause| resume_unwind(cause))?;
    state.failed.map_or(Ok(()), Err)
}

/// Threads that work through one list.
struct Line<I, T, E> {
    state: Mutex<State<I, T, E>>,
    /// Something has changed that somebody may wait for.
    turn: Condvar,
    ahead: u64,
    sequential: bool,
}

struct State<I, T, E> {
    numbers: I,
    /// Numbers handed out.
    begun: u64,
    /// Values taken for consumption: the first one in `made` has this place in the order.
    taken: u64,
    /// What is made, or will be, from the next one to take on.
    made: VecDeque<Option<Made<T, E>>>,
    /// Is a sequential maker at work?
    making: bool,
    consuming: bool,
    /// Nothing new is begun.
    over: bool,
    failed: Option<E>,
    panicked: Option<Box<dyn std::any::Any + Send>>,
}

/// A number and its value.
type Made<T, E> = (u64, Result<T, E>);

impl<I: Iterator<Item = u64>, T, E> State<I, T, E> {
    fn new(numbers: I) -> Self {
        Self {
            numbers,
            begun: 0,
            taken: 0,
            made: VecDeque::new(),
            making: false,
            consuming: false,
            over: false,
            failed: None,
            panicked: None,
        }
    }

    /// The next number and its place in the order.
    fn begin(&mut self) -> Option<(u64, u64)> {
        let number = self.numbers.next().filter(|_| !self.over)?;
        self.begun += 1;
        self.made.push_back(None);
        self.making = true;
        Some((self.begun - 1, number))
    }

    /// The next value in the order, if it is there.
    fn take(&mut self) -> Option<Made<T, E>> {
        let next = self.made.front_mut()?.take()?;
        self.made.pop_front();
        self.taken += 1;
        Some(next)
    }
}

impl<I: Iterator<Item = u64> + Send, T: Send, E: Send> Line<I, T, E> {
    fn lock(&self) -> MutexGuard<'_, State<I, T, E>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What each thread does until nothing is left to begin. Whoever has made the next value consumes, until one is not there yet: nobody
    /// waits but for memory, and then for a thread that is at work.
    fn work(&self, make: &(impl Fn(u64) -> Result<T, E> + Sync), consume: &Mutex<impl FnMut(u64, T) -> Result<(), E>>) {
        let worked = catch_unwind(AssertUnwindSafe(|| {
            while let Some((place, number)) = self.begin() {
                let value = make(number);
                self.hand_over(place, (number, value), consume);
            }
        }));
        if let Err(cause) = worked {
            let mut state = self.lock();
            state.over = true;
            state.panicked.get_or_insert(cause);
            self.turn.notify_all();
        }
    }

    fn begin(&self) -> Option<(u64, u64)> {
        let mut state = self.lock();
        while !state.over && (state.begun - state.taken >= self.ahead || (self.sequential && state.making)) {
            state = self.turn.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        let next = state.begin();
        state.over |= next.is_none();
        next
    }

    fn hand_over(&self, place: u64, made: Made<T, E>, consume: &Mutex<impl FnMut(u64, T) -> Result<(), E>>) {
        let mut state = self.lock();
        // After the first failure nothing is made that would not be consumed before it.
        state.over |= made.1.is_err();
        let at = (place - state.taken) as usize;
        state.made[at] = Some(made);
        state.making = false;
        self.turn.notify_all();
        if state.consuming {
            return;
        }
        state.consuming = true;
        while let Some((number, value)) = state.take() {
            drop(state);
            let mut consume = consume.lock().unwrap_or_else(PoisonError::into_inner);
            let done = value.and_then(|value| consume(number, value));
            drop(consume);
            state = self.lock();
            self.turn.notify_all();
            if let Err(e) = done {
                state.over = true;
                state.failed = Some(e);
                // What was made after it is for nothing, and nobody consumes any more.
                return;
            }
        }
        state.consuming = false;
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU64, Ordering};

    use super::*;

    fn pool(threads: usize) -> rayon::ThreadPool {
        rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap()
    }

    /// Work that takes longer for some.
    fn slowly(k: u64) -> u64 {
        (0..k * 7919 % 5000).for_each(|i| _ = std::hint::black_box(i));
        k
    }

    #[test]
    fn values_come_in_order_and_few_at_a_time() {
        for (threads, ahead, sequential) in [(1, 4, false), (2, 1, false), (2, 4, false), (4, 8, false), (4, 8, true), (3, 2, true)] {
            for count in [0, 1, 2, 3, 500] {
                let (begun, most) = (AtomicU64::new(0), AtomicU64::new(0));
                let made = AtomicU64::new(0);
                let mut seen = Vec::new();
                let make = |k: u64| {
                    if sequential {
                        assert_eq!(made.fetch_add(1, Ordering::SeqCst), k / 3);
                    }
                    let now = begun.fetch_add(1, Ordering::SeqCst) + 1;
                    most.fetch_max(now, Ordering::SeqCst);
                    Ok::<u64, ()>(slowly(k))
                };
                let consume = |k: u64, value: u64| {
                    assert_eq!(k, value);
                    begun.fetch_sub(1, Ordering::SeqCst);
                    seen.push(k);
                    Ok(())
                };
                pool(threads).install(|| in_order((0..count).map(|k| 3 * k), ahead, sequential, make, consume)).unwrap();
                assert_eq!(seen, (0..count).map(|k| 3 * k).collect::<Vec<_>>());
                // One more is being consumed.
                assert!(most.load(Ordering::SeqCst) <= ahead as u64 + 1, "{most:?} of {ahead}");
            }
        }
    }

    #[test]
    fn the_first_error_in_order_ends_it() {
        for threads in [1, 2, 4] {
            for (making, consuming, first) in [(50, 900, 50), (900, 50, 50), (0, 900, 0), (900, 999, 900), (999, 0, 0)] {
                let mut seen = 0;
                let make = |k: u64| if slowly(k) == making { Err(k) } else { Ok(()) };
                let consume = |k: u64, ()| {
                    seen += 1;
                    if k == consuming { Err(k) } else { Ok(()) }
                };
                let done = pool(threads).install(|| in_order(0..1000, 8, false, make, consume));
                assert_eq!(done, Err(first));
                assert_eq!(seen, first + u64::from(first == consuming));
            }
        }
    }

    #[test]
    fn a_panic_reaches_the_caller() {
        for at in [0, 17, 99] {
            let make = |k: u64| if k == at { panic!("in a maker") } else { Ok::<(), ()>(()) };
            let run = || pool(3).install(|| in_order(0..100, 4, false, make, |_, ()| Ok(())));
            assert!(catch_unwind(AssertUnwindSafe(run)).is_err());
        }
    }

    #[test]
    fn memory_bounds_what_is_ahead() {
        pool(2).install(|| {
            assert_eq!(Memory::default().ahead(1 << 20), 4);
            assert_eq!(Memory::default().ahead(32 << 20), 1);
            assert_eq!(Memory(1 << 20).ahead(1 << 20), 1);
            assert_eq!(Memory(u64::MAX).ahead(0), 4);
        });
    }
}
