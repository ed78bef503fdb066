//! The process that does the work: how it is bound to its parent, and within what limits it runs.

use std::fs::{File, OpenOptions};
use std::io::{Read, Write};
use std::os::fd::RawFd;
use std::str::FromStr;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use rustix::process::{Pid, Resource, Rlimit, Signal, getppid, getrlimit, setrlimit};

use super::tally::Outcome;
use super::wire::{Stream, encode, encode_matched, encode_outcome, encode_ready, encode_text};
use crate::txn::notify;

/// What a parent tells its worker, in one hidden argument.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Orders {
    /// Where to report: the write end of a pipe.
    pub pipe: RawFd,
    /// The parent's process.
    pub parent: i32,
    /// Where the numbers of its files come from: the read end of a pipe. `None`: it works on all of them.
    pub files: Option<RawFd>,
    /// How many workers share the machine.
    pub jobs: u16,
    /// Did an earlier one die?
    pub later: bool,
    /// The names of its files, where they are not the arguments.
    pub list: Option<RawFd>,
}

impl std::fmt::Display for Orders {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (files, list) = (self.files.unwrap_or(-1), self.list.unwrap_or(-1));
        write!(f, "{},{},{files},{},{},{list}", self.pipe, self.parent, self.jobs, u8::from(self.later))
    }
}

impl FromStr for Orders {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || "PIPE,PARENT,FILES,JOBS,LATER,LIST".to_string();
        let numbers: Vec<i32> = text.split(',').map(|n| n.parse().map_err(|_| wrong())).collect::<Result<_, _>>()?;
        let [pipe, parent, files, jobs, later, list] = numbers[..] else { return Err(wrong()) };
        if pipe < 0 || parent < 0 || files < -1 || list < -1 || jobs < 1 || !(0..=1).contains(&later) {
            return Err(wrong());
        }
        let jobs = u16::try_from(jobs).map_err(|_| wrong())?;
        Ok(Self { pipe, parent, files: (files >= 0).then_some(files), jobs, later: later == 1, list: (list >= 0).then_some(list) })
    }
}

/// Makes this process the worker of its parent: after the handlers of signals are there, and before anything is begun.
/// `Err`: it has no way to its files.
pub fn settle(orders: &Orders) -> std::io::Result<()> {
    end_with(orders.parent);
    // Opened anew, which needs no `unsafe`; the descriptors that were handed over go with the process.
    let by_number = |fd: RawFd| format!("/dev/fd/{fd}");
    let pipe = OpenOptions::new().write(true).open(by_number(orders.pipe)).map(|pipe| Arc::new(Mutex::new(pipe)));
    if let Some(fd) = orders.files {
        let files = Mutex::new(File::open(by_number(fd))?);
        let _ = POOL.set(Pool { pipe: pipe.as_ref().map(Arc::clone).map_err(|e| e.kind())?, files, jobs: orders.jobs });
    }
    // A worker without a pipe works all the same; only less is said about it if it dies.
    if let Ok(pipe) = pipe {
        notify::listen(Box::new(move |event| report(&pipe, &encode(event))));
    }
    limit_memory();
    Ok(())
}

/// A parent that is gone hears nothing.
fn report(pipe: &Mutex<File>, message: &[u8]) {
    let _ = locked(pipe).write_all(message);
}

fn locked(file: &Mutex<File>) -> MutexGuard<'_, File> {
    file.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What a worker of several has.
struct Pool {
    /// Where it reports, and prints.
    pipe: Arc<Mutex<File>>,
    /// Where the numbers of its files come from.
    files: Mutex<File>,
    jobs: u16,
}

static POOL: OnceLock<Pool> = OnceLock::new();

/// Is this one worker of several?
pub fn is_pooled() -> bool {
    POOL.get().is_some()
}

/// How many workers share the machine.
pub fn jobs() -> u16 {
    POOL.get().map_or(1, |pool| pool.jobs)
}

/// Waits for the number of the next file that this worker is to work on; see [`Message::Ready`](super::wire::Message) for `alone`.
/// `None`: there are no more.
pub fn next_file(alone: bool) -> Option<u32> {
    let pool = POOL.get()?;
    let _idle = notify::idle();
    report(&pool.pipe, &encode_ready(alone));
    let mut number = [0; 4];
    locked(&pool.files).read_exact(&mut number).ok()?;
    Some(u32::from_le_bytes(number))
}

/// Tells a parent that counts what has come of a file.
pub fn tell_outcome(outcome: Outcome) {
    if let Some(pool) = POOL.get() {
        report(&pool.pipe, &encode_outcome(outcome));
    }
}

/// Tells a parent that asks what its globs are about.
pub fn tell_matched(number: u32) {
    if let Some(pool) = POOL.get() {
        report(&pool.pipe, &encode_matched(number));
    }
}

/// Prints through the parent. `false`: this process prints itself.
pub fn print(to: Stream, text: &[u8]) -> bool {
    let Some(pool) = POOL.get() else { return false };
    encode_text(to, text).for_each(|message| report(&pool.pipe, &message));
    true
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
        let orders = Orders { pipe: 7, parent: 4_000_000, files: None, jobs: 1, later: false, list: None };
        for orders in [orders, Orders { files: Some(0), jobs: 256, later: true, list: Some(9), ..orders }] {
            assert_eq!(orders.to_string().parse(), Ok(orders));
        }
        for wrong in [
            "",
            "1",
            "1,2,3,4,1",
            "1,2,3,4,1,6,7",
            "-1,2,3,4,0,-1",
            "1,2,3,4,x,1",
            "1,2,3,4,2,1",
            "1,2,-2,1,0,1",
            "1,2,3,0,0,1",
            "1,2,3,1,0,-2",
            "4294967295,1,1,1,1,1",
        ] {
            assert!(wrong.parse::<Orders>().is_err(), "{wrong}");
        }
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn the_machine_has_memory() {
        assert!(physical_memory().is_some_and(|bytes| bytes > 1 << 26));
    }
}
