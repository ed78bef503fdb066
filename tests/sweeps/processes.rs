//! Processes in groups of their own: started, watched, killed and reaped with all that they started themselves.

use std::ffi::{c_int, c_long};
use std::fs::File;
use std::io;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Once;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, getpid, kill_process_group, set_child_subreaper};

// The one call that tells the peak of memory. The structure is longer on some C libraries; its first five numbers are the same in all.
unsafe extern "C" {
    fn wait4(pid: c_int, status: *mut c_int, options: c_int, usage: *mut c_long) -> c_int;
}
const WNOHANG: c_int = 1;

/// A running command and its children.
#[derive(Debug)]
pub struct Group {
    leader: c_int,
    ended: Option<Ended>,
    peak: u64,
    cpu: Duration,
}

/// How a command ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ended {
    /// The exit code, unless a signal ended it.
    pub code: Option<i32>,
    /// The signal that ended it.
    pub signal: Option<i32>,
    /// Most bytes of memory that it, or a process it waited for, had at once.
    pub peak: u64,
    /// Time of a processor that it, and the processes it waited for, had.
    pub cpu: Duration,
}

impl Group {
    /// Starts a command in a group of its own.
    pub fn start(command: &mut Command) -> io::Result<Self> {
        // Orphans of a killed command become ours, so that their end can be waited for.
        static REAPER: Once = Once::new();
        REAPER.call_once(|| _ = set_child_subreaper(Some(getpid())));
        let child = command.stdin(Stdio::null()).process_group(0).spawn()?;
        let leader = c_int::try_from(child.id()).map_err(io::Error::other)?;
        Ok(Self { leader, ended: None, peak: 0, cpu: Duration::ZERO })
    }

    /// Kills every process of the group.
    pub fn kill(&self) {
        if let Some(pid) = Pid::from_raw(self.leader) {
            let _ = kill_process_group(pid, Signal::KILL);
        }
    }

    /// Has the command itself ended?
    pub fn ended(&mut self) -> Option<Ended> {
        while self.ended.is_none() && self.wait(WNOHANG) {}
        self.ended
    }

    /// Waits until no process of the group is left; how the command itself ended.
    pub fn reap(mut self) -> Ended {
        while self.ended.is_none() && self.wait(0) {}
        self.kill();
        while self.wait(0) {}
        let Self { peak, cpu, .. } = self;
        self.ended.map_or(Ended { code: None, signal: None, peak, cpu }, |e| Ended { peak, cpu, ..e })
    }

    /// Kills all; waits until no process of the group is left.
    pub fn end(self) -> Ended {
        self.kill();
        self.reap()
    }

    /// Waits for one process; false if none has ended, or none is left.
    fn wait(&mut self, options: c_int) -> bool {
        let (mut status, mut usage) = (0, [0 as c_long; 64]);
        // SAFETY: both pointers are to enough room: struct rusage has at most 34 numbers.
        let pid = unsafe { wait4(-self.leader, &raw mut status, options, usage.as_mut_ptr()) };
        if pid <= 0 {
            return pid < 0 && io::Error::last_os_error().kind() == io::ErrorKind::Interrupted;
        }
        self.peak = self.peak.max(u64::try_from(usage[4]).unwrap_or(0) * 1024);
        let count = |n: c_long| u64::try_from(n).unwrap_or(0);
        self.cpu += Duration::from_secs(count(usage[0] + usage[2])) + Duration::from_micros(count(usage[1] + usage[3]));
        if pid == self.leader {
            let signal = status & 0x7f;
            let (code, signal) = if signal == 0 { (Some((status >> 8) & 0xff), None) } else { (None, Some(signal)) };
            self.ended = Some(Ended { code, signal, peak: self.peak, cpu: self.cpu });
        }
        true
    }
}

/// What a command that had to end in time did.
#[derive(Clone, Debug)]
pub struct Run {
    /// How it ended; `None`: not in time, so it was killed.
    pub ended: Option<Ended>,
    /// What it printed.
    pub stdout: String,
    /// What it printed on standard error.
    pub stderr: String,
    /// How long it took.
    pub took: Duration,
}

impl Run {
    /// The exit code, where there is one.
    pub fn code(&self) -> Option<i32> {
        self.ended.and_then(|e| e.code)
    }
}

/// Runs a command, which is killed when it takes longer than `limit`. Its output goes through files in `folder`.
pub fn run(command: &mut Command, folder: &Path, limit: Duration) -> io::Result<Run> {
    let (out, err) = (folder.join(".stdout"), folder.join(".stderr"));
    command.stdout(File::create(&out)?).stderr(File::create(&err)?);
    let begun = Instant::now();
    let mut group = Group::start(command)?;
    let mut ended = group.ended();
    while ended.is_none() && begun.elapsed() < limit {
        std::thread::sleep(Duration::from_micros(500));
        ended = group.ended();
    }
    let took = begun.elapsed();
    let all = group.end();
    let text = |path: &Path| std::fs::read(path).map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
    Ok(Run { ended: ended.map(|_| all), stdout: text(&out)?, stderr: text(&err)?, took })
}
