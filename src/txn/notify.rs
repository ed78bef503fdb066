//! What a transaction is doing, told to whoever has asked: to a parent that cleans up when this process dies.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

/// Something that has happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// Work on one of the command's files begins.
    Begin {
        /// Its place among them, from 0.
        index: u32,
        /// How many there are.
        of: u32,
        /// What is done with it.
        work: Work,
        /// What messages call it: a path, as a rule.
        name: PathBuf,
    },
    /// Work on it has ended, with this exit code.
    End(u8),
    /// A temporary file of ours is there.
    FileMade(PathBuf),
    /// It is gone, or in its place.
    FileGone(PathBuf),
    /// A folder was made for a new file, and goes if that does not come.
    FolderMade(PathBuf),
    /// It stays, or is gone.
    FolderGone(PathBuf),
    /// A target is being appended to.
    Tail(Tail),
    /// No longer: committed, or cut back.
    TailGone,
    /// From here on the target may change.
    Committing,
    /// The target has changed.
    Committed,
    /// The target has not changed after all.
    Withdrawn,
    /// The process does no more about its file and waits to be ended.
    GivenUp(GivenUp),
    /// Everything is done; the exit code.
    Done(u8),
}

/// What a command does with a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Work {
    /// Looks at it.
    Read,
    /// Changes it.
    Change,
    /// Builds it.
    Build,
}

/// An existing file that has something new beyond its old end, which no reader sees before the commit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tail {
    /// The file's device.
    pub dev: u64,
    /// Its inode.
    pub ino: u64,
    /// The length in bytes that it had, and gets again if the process dies.
    pub old_length: u64,
    /// Where it is.
    pub path: PathBuf,
}

/// Why a process has given up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GivenUp {
    /// The library was busy with one object for so long without getting anywhere.
    Stuck(Duration),
    /// One file took longer than it may.
    TooLong(Duration),
}

/// Who is told.
pub type Sink = Box<dyn Fn(&Event) + Send + Sync>;

static SINK: OnceLock<Sink> = OnceLock::new();
/// Files begun.
static FILES: AtomicU64 = AtomicU64::new(0);
static IDLE: AtomicBool = AtomicBool::new(false);
static COMMITS: Mutex<Commits> = Mutex::new(Commits { open: 0, done: false, given_up: false });

struct Commits {
    open: u32,
    done: bool,
    given_up: bool,
}

fn commits() -> MutexGuard<'static, Commits> {
    COMMITS.lock().unwrap_or_else(PoisonError::into_inner)
}

/// From now on this sink is told. The first one stays.
pub fn listen(sink: Sink) {
    let _ = SINK.set(sink);
}

/// Tells the sink, if there is one.
pub fn tell(event: &Event) {
    if matches!(event, Event::Begin { .. }) {
        FILES.fetch_add(1, Ordering::Relaxed);
    }
    if let Some(sink) = SINK.get() {
        sink(event);
    }
}

/// While the result lives, this process waits for something to do.
pub fn idle() -> impl Sized {
    struct Idle;
    impl Drop for Idle {
        fn drop(&mut self) {
            IDLE.store(false, Ordering::Relaxed);
        }
    }
    IDLE.store(true, Ordering::Relaxed);
    Idle
}

/// Does it?
pub fn is_idle() -> bool {
    IDLE.load(Ordering::Relaxed)
}

/// How many files have been begun.
pub fn files_begun() -> u64 {
    FILES.load(Ordering::Relaxed)
}

/// A commit that is going on: nobody gives up meanwhile.
#[derive(Debug)]
pub struct Commit {
    done: bool,
}

impl Commit {
    /// Before the first change that a reader of the target could see. Never returns in a process that has given up.
    pub fn begin() -> Self {
        let mut commits = commits();
        while commits.given_up {
            drop(commits);
            std::thread::park();
            commits = self::commits();
        }
        commits.open += 1;
        tell(&Event::Committing);
        Self { done: false }
    }

    /// The target has changed. Dropped without this, it has not.
    pub fn done(mut self) {
        self.done = true;
    }
}

impl Drop for Commit {
    fn drop(&mut self) {
        let mut commits = commits();
        commits.open = commits.open.saturating_sub(1);
        commits.done |= self.done;
        tell(if self.done { &Event::Committed } else { &Event::Withdrawn });
    }
}

/// Has anything been committed in this process?
pub fn has_committed() -> bool {
    commits().done
}

/// Is a commit going on?
pub fn is_committing() -> bool {
    commits().open > 0
}

/// No commit begins any more, unless one is going on: then the answer is no.
pub fn give_up() -> bool {
    let mut commits = commits();
    commits.given_up |= commits.open == 0;
    commits.given_up
}

/// A target that is being appended to. Dropped, it is as it was, or committed.
#[derive(Debug)]
pub struct Appending(());

impl Appending {
    /// Before the first byte beyond the old end is written.
    pub fn begin(tail: Tail) -> Self {
        tell(&Event::Tail(tail));
        Self(())
    }
}

impl Drop for Appending {
    fn drop(&mut self) {
        tell(&Event::TailGone);
    }
}

/// A file of the command that is being worked on.
#[derive(Debug)]
pub struct Working {
    code_if_dropped: u8,
}

impl Working {
    /// Begins work on the `index`th of `of` files; `code_if_dropped` is told where [`Working::end`] is not reached.
    pub fn begin(index: usize, of: usize, work: Work, name: &Path, code_if_dropped: u8) -> Self {
        let count = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
        tell(&Event::Begin { index: count(index), of: count(of), work, name: name.to_owned() });
        Self { code_if_dropped }
    }

    /// It has ended with this exit code.
    pub fn end(mut self, code: u8) {
        self.code_if_dropped = code;
    }
}

impl Drop for Working {
    fn drop(&mut self) {
        tell(&Event::End(self.code_if_dropped));
    }
}
