//! Ends work that gets nowhere: a damaged file can keep the library in a loop for ever.
//!
//! A thread looks ten times a second at what the library does (`h5::activity`). Wall time counts, as long as the process
//! runs: while it is stopped, the thread is, too. A loaded machine may keep a healthy call waiting for seconds, so wall time
//! alone counts a tenth: otherwise the process must have been busy as well.

use std::time::{Duration, Instant};

use crate::h5::activity::{self, Activity, Doing};
use crate::txn::notify::{self, GivenUp};

/// Between two looks.
const TICK: Duration = Duration::from_millis(100);
/// After a longer pause the process was stopped, or the machine slept: it counts as one tick.
const LONGEST_TICK: Duration = Duration::from_secs(1);

/// How long something may take.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// One call that reads or changes metadata.
    pub metadata: Duration,
    /// Many calls about one object that move no data.
    pub object: Duration,
    /// One call that moves data or closes a file.
    pub data: Duration,
    /// A file, altogether. Replaces the other three.
    pub whole: Option<Duration>,
}

impl Limits {
    /// The usual limits, or `--timeout`.
    pub fn new(timeout: Option<Duration>) -> Self {
        Self { metadata: Duration::from_secs(5), object: Duration::from_secs(8), data: Duration::from_secs(60), whole: timeout }
    }
}

/// Wall time, and the time of all processors, since something began.
#[derive(Clone, Copy, Debug, Default)]
struct Spent {
    wall: Duration,
    cpu: Duration,
}

impl Spent {
    fn add(&mut self, tick: Spent) {
        self.wall += tick.wall;
        self.cpu += tick.cpu;
    }

    fn exceeds(self, limit: Duration) -> bool {
        // On a loaded machine a busy process has a part of a processor only.
        self.wall >= limit && (self.cpu >= limit / 5 || self.wall >= limit * 10)
    }
}

/// What is seen at a tick.
#[derive(Clone, Copy, Debug)]
struct Seen {
    activity: Activity,
    /// Files begun.
    file: u64,
    /// Nothing is to be done at present.
    idle: bool,
    committing: bool,
    /// Bytes that the process had written when it last moved data: one call may copy a whole dataset, or allocate it.
    written: u64,
}

/// Decides when to give up.
struct Watch {
    limits: Limits,
    before: Option<Seen>,
    call: Spent,
    object: Spent,
    file: Duration,
}

impl Watch {
    fn new(limits: Limits) -> Self {
        Self { limits, before: None, call: Spent::default(), object: Spent::default(), file: Duration::ZERO }
    }

    fn tick(&mut self, spent: Spent, seen: Seen) -> Option<GivenUp> {
        let spent = if spent.wall > LONGEST_TICK { Spent { wall: TICK, cpu: spent.cpu.min(TICK) } } else { spent };
        let before = self.before.replace(seen)?;
        self.file = if seen.file == before.file && !seen.idle { self.file + spent.wall } else { Duration::ZERO };
        let (now, then) = (seen.activity, before.activity);
        let wrote = seen.written != before.written;
        let same_call = now.call == then.call && now.doing != Doing::Nothing && !wrote;
        if same_call {
            self.call.add(spent)
        } else {
            self.call = Spent::default()
        }
        // Time without calls is our own, not the object's.
        match (now.object == then.object && !wrote, now.call == then.call && now.doing == Doing::Nothing) {
            (false, _) => self.object = Spent::default(),
            (true, false) => self.object.add(spent),
            (true, true) => {}
        }
        if seen.committing {
            // Whoever waits for a disk here must wait: ending it would leave less behind than what it says.
            (self.call, self.object) = (Spent::default(), Spent::default());
            return None;
        }
        if let Some(limit) = self.limits.whole {
            return (self.file >= limit).then_some(GivenUp::TooLong(limit));
        }
        let limit = if now.doing == Doing::Metadata { self.limits.metadata } else { self.limits.data };
        if self.call.exceeds(limit) {
            return Some(GivenUp::Stuck(limit));
        }
        let limit = if now.doing == Doing::Metadata || now.doing == Doing::Nothing { self.limits.object } else { self.limits.data };
        self.object.exceeds(limit).then_some(GivenUp::Stuck(limit))
    }
}

/// Watches from now on, in a thread of its own; `give_up` is called once, when no commit is going on or can begin any more.
pub fn start(limits: Limits, give_up: impl FnOnce(GivenUp) + Send + 'static) -> std::io::Result<()> {
    let watch = move || {
        let mut watch = Watch::new(limits);
        #[expect(clippy::disallowed_methods, reason = "the clock decides only when to give up")]
        let clock = Instant::now;
        let (mut then, mut cpu_then, mut written) = (clock(), cpu_time(), 0);
        loop {
            std::thread::sleep(TICK);
            let (now, cpu) = (clock(), cpu_time());
            let spent = Spent { wall: now.saturating_duration_since(then), cpu: cpu.saturating_sub(cpu_then) };
            (then, cpu_then) = (now, cpu);
            let activity = activity::now();
            if matches!(activity.doing, Doing::Data | Doing::Closing) {
                written = bytes_written();
            }
            let seen =
                Seen { activity, file: notify::files_begun(), idle: notify::is_idle(), committing: notify::is_committing(), written };
            if let Some(why) = watch.tick(spent, seen)
                && notify::give_up()
            {
                return give_up(why);
            }
        }
    };
    std::thread::Builder::new().name("watchdog".into()).spawn(watch).map(|_| ())
}

fn cpu_time() -> Duration {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime);
    Duration::try_from(time).unwrap_or_default()
}

/// Bytes that this process has written, wherever to; 0 where it cannot be told.
fn bytes_written() -> u64 {
    let text = std::fs::read_to_string("/proc/self/io").unwrap_or_default();
    let count = text.lines().find_map(|line| line.strip_prefix("wchar:"));
    count.and_then(|n| n.trim().parse().ok()).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    const BUSY: Spent = Spent { wall: TICK, cpu: TICK };
    const WAITING: Spent = Spent { wall: TICK, cpu: Duration::ZERO };

    fn seen(call: u64, doing: Doing, object: u64) -> Seen {
        Seen { activity: Activity { call, doing, object }, file: 1, idle: false, committing: false, written: 0 }
    }

    /// After how many ticks of the same kind it gives up, and why; at most ten thousand.
    fn gives_up(timeout: Option<f64>, spent: Spent, at: impl Fn(u64) -> Seen) -> Option<(u64, GivenUp)> {
        let mut watch = Watch::new(Limits::new(timeout.map(Duration::from_secs_f64)));
        (0..10_000).find_map(|n| watch.tick(spent, at(n)).map(|why| (n, why)))
    }

    #[track_caller]
    fn stuck(seconds: u64, after: u64, spent: Spent, at: impl Fn(u64) -> Seen) {
        let why = GivenUp::Stuck(Duration::from_secs(seconds));
        assert_eq!(gives_up(None, spent, at), Some((after, why)));
    }

    #[test]
    fn one_call_that_does_not_end() {
        stuck(5, 50, BUSY, |_| seen(7, Doing::Metadata, 1));
        stuck(60, 600, BUSY, |_| seen(7, Doing::Data, 1));
        stuck(60, 600, BUSY, |_| seen(7, Doing::Closing, 1));
        // It waits for a disk, or the machine is loaded.
        stuck(5, 500, WAITING, |_| seen(7, Doing::Metadata, 1));
        stuck(5, 50, Spent { wall: TICK, cpu: TICK / 5 }, |_| seen(7, Doing::Metadata, 1));
        assert_eq!(gives_up(None, BUSY, |_| seen(7, Doing::Nothing, 1)), None, "our own work");
    }

    #[test]
    fn many_calls() {
        stuck(8, 80, BUSY, |n| seen(n, Doing::Metadata, 1));
        stuck(60, 600, BUSY, |n| seen(n, Doing::Data, 1));
        assert_eq!(gives_up(None, BUSY, |n| seen(n, Doing::Metadata, n / 50)), None, "one object after the other");
        assert_eq!(gives_up(None, BUSY, |n| seen(n / 49, Doing::Metadata, n / 49)), None);
    }

    #[test]
    fn one_call_that_writes_on() {
        assert_eq!(gives_up(None, BUSY, |n| Seen { written: n / 500, ..seen(7, Doing::Data, 1) }), None);
        stuck(60, 1600, BUSY, |n| Seen { written: n.min(1000), ..seen(7, Doing::Data, 1) });
    }

    #[test]
    fn a_commit_is_never_ended() {
        let commit = |_| Seen { committing: true, ..seen(7, Doing::Metadata, 1) };
        assert_eq!(gives_up(None, BUSY, commit), None);
        assert_eq!(gives_up(Some(1.0), BUSY, commit), None);
        stuck(5, 150, BUSY, |n| Seen { committing: n <= 100, ..seen(7, Doing::Metadata, 1) });
    }

    #[test]
    fn a_stopped_process_does_not_hang() {
        let mut watch = Watch::new(Limits::new(None));
        let at = seen(7, Doing::Metadata, 1);
        assert_eq!(watch.tick(BUSY, at), None);
        for _ in 0..40 {
            assert_eq!(watch.tick(Spent { wall: Duration::from_secs(3600), cpu: TICK }, at), None);
        }
        let left = (0..100).take_while(|_| watch.tick(BUSY, at).is_none()).count();
        assert_eq!(left, 9);
    }

    #[test]
    fn the_whole_time_of_a_file() {
        let whole = |seconds: f64| GivenUp::TooLong(Duration::from_secs_f64(seconds));
        assert_eq!(gives_up(Some(1.0), WAITING, |n| seen(n, Doing::Data, n)), Some((10, whole(1.0))));
        assert_eq!(gives_up(Some(0.25), WAITING, |_| seen(1, Doing::Nothing, 1)), Some((3, whole(0.25))));
        assert_eq!(gives_up(Some(100.0), BUSY, |_| seen(7, Doing::Metadata, 1)), Some((1000, whole(100.0))), "it replaces the others");
        assert_eq!(gives_up(Some(1.0), BUSY, |n| Seen { file: n / 5, ..seen(n, Doing::Data, n) }), None, "each file has its own");
        assert_eq!(gives_up(Some(1.0), WAITING, |n| Seen { idle: n % 5 == 0, ..seen(1, Doing::Nothing, 1) }), None, "between files");
    }
}
