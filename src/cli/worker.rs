//! The process that does the work: how it is bound to its parent, and within what limits it runs.

use std::fs::{File, OpenOptions};
use std::io::Write;
use std::os::fd::RawFd;
use std::str::FromStr;
use std::sync::{Mutex, PoisonError};

use rustix::process::{Pid, Resource, Rlimit, Signal, getppid, getrlimit, setrlimit};

use super::wire::encode;
use crate::txn::notify::{self, Event};

/// What a parent tells its worker, in one hidden argument.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Orders {
    /// Where to report: the write end of a pipe.
    pub pipe: RawFd,
    /// The parent's process.
    pub parent: i32,
    pub resume: Resume,
}

/// Where to go on after an earlier worker died. All zero at first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Resume {
    /// Files that have been dealt with.
    pub from: u32,
    /// How many of them ended with exit code 0.
    pub done: u32,
}

impl std::fmt::Display for Orders {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{},{},{},{}", self.pipe, self.parent, self.resume.from, self.resume.done)
    }
}

impl FromStr for Orders {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || "PIPE,PARENT,FROM,DONE".to_string();
        let numbers: Vec<u32> = text.split(',').map(|n| n.parse().map_err(|_| wrong())).collect::<Result<_, _>>()?;
        let [pipe, parent, from, done] = numbers[..] else { return Err(wrong()) };
        let signed = |n: u32| i32::try_from(n).map_err(|_| wrong());
        Ok(Self { pipe: signed(pipe)?, parent: signed(parent)?, resume: Resume { from, done } })
    }
}

/// Makes this process the worker of its parent: after the handlers of signals are there, and before anything is begun.
pub fn settle(orders: &Orders) {
    end_with(orders.parent);
    // A worker without a pipe works all the same; only less is said about it if it dies. Opened anew, which needs no
    // `unsafe`; the descriptor that was handed over goes with the process.
    if let Ok(pipe) = OpenOptions::new().write(true).open(format!("/dev/fd/{}", orders.pipe)) {
        let pipe = Mutex::new(pipe);
        notify::listen(Box::new(move |event| report(&pipe, event)));
    }
    limit_memory();
}

/// A parent that is gone hears nothing.
fn report(pipe: &Mutex<File>, event: &Event) {
    let message = encode(event);
    let _ = pipe.lock().unwrap_or_else(PoisonError::into_inner).write_all(&message);
}

/// When the parent dies, whatever the way, this process gets SIGTERM: it cleans up and goes, too.
#[cfg(target_os = "linux")]
fn end_with(parent: i32) {
    let _ = rustix::thread::set_name(c"h5mason");
    let _ = rustix::process::set_parent_process_death_signal(Some(Signal::TERM));
    // It may have died before that.
    if getppid().map_or(0, Pid::as_raw_pid) != parent {
        let _ = rustix::process::kill_process(rustix::process::getpid(), Signal::TERM);
    }
}

#[cfg(not(target_os = "linux"))]
fn end_with(_: i32) {}

/// A machine with less is assumed to have this much, in bytes.
const LEAST_MEMORY: u64 = 4 << 30;
/// Room in the address space for each thread, in bytes: its stack, and the allocator's arena, of which most is never touched.
const PER_THREAD: u64 = 80 << 20;

/// No more memory than the machine has: a file that asks for more gets an error, and no other process is killed for it.
fn limit_memory() {
    let Some(physical) = physical_memory() else { return };
    let threads = std::thread::available_parallelism().map_or(1, |n| n.get() as u64);
    let most = physical.max(LEAST_MEMORY).saturating_add(threads.saturating_mul(PER_THREAD));
    let now = getrlimit(Resource::As);
    if now.current.is_none_or(|limit| limit > most) {
        let _ = setrlimit(Resource::As, Rlimit { current: Some(most), maximum: now.maximum });
    }
}

/// Bytes; `None` where it cannot be told.
fn physical_memory() -> Option<u64> {
    let text = std::fs::read_to_string("/proc/meminfo").ok()?;
    let kib = text.lines().find_map(|line| line.strip_prefix("MemTotal:"))?.trim().strip_suffix("kB")?;
    kib.trim().parse::<u64>().ok()?.checked_mul(1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn orders_are_read_as_written() {
        let orders = Orders { pipe: 7, parent: 4_000_000, resume: Resume { from: 3, done: 2 } };
        assert_eq!(orders.to_string().parse(), Ok(orders));
        for wrong in ["", "1", "1,2,3", "1,2,3,4,5", "-1,2,3,4", "1,2,3,x", "4294967295,1,1,1"] {
            assert!(wrong.parse::<Orders>().is_err(), "{wrong}");
        }
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn the_machine_has_memory() {
        assert!(physical_memory().is_some_and(|bytes| bytes > 1 << 26));
    }
}
