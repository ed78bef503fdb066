//! A copy of this process that answers one question beside it.

use std::os::fd::OwnedFd;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::pipe::{PipeFlags, pipe_with};
use rustix::process::{Pid, Signal, WaitOptions, getpid, getppid, kill_process, set_parent_process_death_signal, waitpid};

use crate::h5;

/// A forked process that looks at what this one has: open files, overlay, declarations. It changes nothing, and ends with its answer.
///
/// The copy has one thread. A lock that another thread held when it was made stays locked there for good, an allocator's for example: all who ask can
/// do without an answer, and wait for it with an end.
pub struct Aside {
    process: Pid,
    answer: OwnedFd,
}

const YES: u8 = b'y';

impl Aside {
    /// Begins to answer a question in a copy of this process, in which the library is this thread's. `None`: there can be none.
    pub fn begin(question: impl FnOnce() -> bool) -> Option<Self> {
        h5::undisturbed(|| Self::fork(question))
    }

    fn fork(question: impl FnOnce() -> bool) -> Option<Self> {
        let (answer, tell) = pipe_with(PipeFlags::CLOEXEC).ok()?;
        let parent = getpid();
        // SAFETY: the copy runs the question and ends by `_exit`; it does not return from here, and runs no handler of this process.
        match unsafe { libc::fork() } {
            0 => {
                drop(answer);
                // SAFETY: plain calls. The handlers of this process would tell it of signals of its copy.
                unsafe {
                    for signal in [libc::SIGINT, libc::SIGTERM, libc::SIGHUP] {
                        libc::signal(signal, libc::SIG_DFL);
                    }
                }
                end_with(parent);
                if catch_unwind(AssertUnwindSafe(question)).unwrap_or(false) {
                    let _ = rustix::io::write(&tell, &[YES]);
                }
                // SAFETY: ends the process; nothing that belongs to the other is flushed, closed or removed.
                unsafe { libc::_exit(0) }
            }
            pid => Some(Self { process: Pid::from_raw(pid).filter(|_| pid > 0)?, answer }),
        }
    }

    /// Is the answer yes, and is it there in time?
    pub fn agrees(self, within: Duration) -> bool {
        let end = Instant::now() + within;
        loop {
            let left = end.saturating_duration_since(Instant::now());
            let wait = Timespec { tv_sec: left.as_secs() as i64, tv_nsec: i64::from(left.subsec_nanos()) };
            match poll(&mut [PollFd::new(&self.answer, PollFlags::IN)], Some(&wait)) {
                Err(rustix::io::Errno::INTR) if !left.is_zero() => {}
                Ok(1..) => {
                    let mut said = [0];
                    return matches!(rustix::io::read(&self.answer, &mut said), Ok(1)) && said == [YES];
                }
                Ok(0) | Err(_) => return false,
            }
        }
    }
}

/// Nobody is left behind.
impl Drop for Aside {
    fn drop(&mut self) {
        let _ = kill_process(self.process, Signal::KILL);
        while let Err(rustix::io::Errno::INTR) = waitpid(Some(self.process), WaitOptions::empty()) {}
    }
}

#[cfg(target_os = "linux")]
fn end_with(parent: Pid) {
    let _ = set_parent_process_death_signal(Some(Signal::KILL));
    // It may have died before that.
    if getppid() != Some(parent) {
        let _ = kill_process(getpid(), Signal::KILL);
    }
}

#[cfg(not(target_os = "linux"))]
fn end_with(_: Pid) {}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn answer(question: impl FnOnce() -> bool) -> bool {
        Aside::begin(question).unwrap().agrees(Duration::from_secs(60))
    }

    #[test]
    fn it_answers() {
        let here = vec![1, 2, 3];
        assert!(answer(|| here.iter().sum::<i32>() == 6));
        assert!(!answer(|| here.is_empty()));
        let mut kept = 0;
        assert!(answer(|| {
            kept += 1;
            kept == 1
        }));
        assert_eq!(kept, 0, "what it changes is its own");
    }

    #[test]
    fn whatever_else_happens_is_no() {
        // SAFETY: ends the copy.
        assert!(!answer(|| unsafe { libc::_exit(0) }));
        assert!(!answer(|| {
            let _ = kill_process(getpid(), Signal::KILL);
            true
        }));
        let begun = Instant::now();
        let aside = Aside::begin(|| {
            std::thread::sleep(Duration::from_secs(600));
            true
        });
        let process = aside.as_ref().unwrap().process;
        assert!(!aside.unwrap().agrees(Duration::from_millis(50)));
        assert!(begun.elapsed() < Duration::from_secs(300));
        assert!(kill_process(process, Signal::CONT).is_err(), "it is gone");
    }
}
