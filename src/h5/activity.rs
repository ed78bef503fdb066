//! What the library is doing right now, for a watchdog: two counters, and no clock.

use std::sync::atomic::{AtomicU64, Ordering};

/// The number of the call that is running, or that will be next, and what it is: `number << 2 | doing`.
///
/// Written under the library's lock alone, so that a load and a store count correctly.
static CALL: AtomicU64 = AtomicU64::new(0);
/// Objects and attributes begun, and pieces of data moved.
static OBJECTS: AtomicU64 = AtomicU64::new(0);

/// What the library is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Doing {
    /// No call is running.
    Nothing,
    /// A call that looks at or changes metadata.
    Metadata,
    /// A call that moves elements, or a whole index of chunks.
    Data,
    /// A call that lets go of an object or file, and may write what waits in memory.
    Closing,
}

/// A look at the counters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Activity {
    /// Differs whenever a call began, ended or told of progress since the last look.
    pub call: u64,
    /// What is being done.
    pub doing: Doing,
    /// Differs whenever work on another object, attribute or block of data began.
    pub object: u64,
}

/// What is being done now. From any thread.
pub fn now() -> Activity {
    let call = CALL.load(Ordering::Relaxed);
    let doing = match call & 3 {
        1 => Doing::Metadata,
        2 => Doing::Data,
        3 => Doing::Closing,
        _ => Doing::Nothing,
    };
    Activity { call: call >> 2, doing, object: OBJECTS.load(Ordering::Relaxed) }
}

/// Work on another object or attribute begins.
pub(super) fn object() {
    OBJECTS.fetch_add(1, Ordering::Relaxed);
}

/// A call that goes on: it has told of one more thing. Under the library's lock.
pub(super) fn progress() {
    CALL.store(CALL.load(Ordering::Relaxed).wrapping_add(4), Ordering::Relaxed);
}

/// A piece of data that needed no moving: zeros that stay a hole. Under the library's lock.
pub fn skipped() {
    object();
    progress();
}

/// A running call; it ends with the value.
pub(super) struct Running(u64);

impl Running {
    /// Under the library's lock. Calls may stand within calls.
    pub fn begin(doing: Doing) -> Self {
        let before = CALL.load(Ordering::Relaxed);
        CALL.store((before.wrapping_add(4) & !3) | doing as u64, Ordering::Relaxed);
        if doing == Doing::Data {
            object();
        }
        Self(before & 3)
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        CALL.store((CALL.load(Ordering::Relaxed).wrapping_add(4) & !3) | self.0, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn calls_within_calls() {
        hdf5::sync::sync(|| {
            let idle = now();
            let outer = Running::begin(Doing::Data);
            let reading = now();
            assert!(idle.doing == Doing::Nothing && reading.doing == Doing::Data && reading.object != idle.object);
            let inner = Running::begin(Doing::Metadata);
            assert_eq!(now().doing, Doing::Metadata);
            drop(inner);
            let after = now();
            assert!(after.doing == Doing::Data && after.call != reading.call, "the outer call goes on, and was seen to");
            progress();
            assert!(now().doing == Doing::Data && now().call != after.call);
            drop(outer);
            assert_eq!(now().doing, Doing::Nothing);
        });
    }
}
