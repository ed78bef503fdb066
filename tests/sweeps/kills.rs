//! Real applies, killed at random moments: afterwards a reader sees the old file, the new one, or a refusal, and `recover`, which may be
//! killed, too, makes it the old one or the new one, bit for bit.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io;
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::processes::{Group, Run, run};

/// What to do.
#[derive(Clone, Debug)]
pub struct Config {
    /// The binary h5mason.
    pub bin: PathBuf,
    /// A folder to work in.
    pub dir: PathBuf,
    /// How many applies to kill.
    pub rounds: usize,
    /// Of the random moments.
    pub seed: u64,
    /// How many at once.
    pub jobs: usize,
}

/// Where a kill landed, by the file's own bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum State {
    /// The old bytes.
    Untouched,
    /// The old bytes, and more behind them.
    Tail,
    /// The superblock says that no reader may open it.
    Poisoned,
    /// The new bytes, and more behind them.
    Committed,
    /// The new bytes.
    New,
    /// Nothing of these.
    Mixed,
}

impl State {
    const ALL: [State; 6] = [State::Untouched, State::Tail, State::Poisoned, State::Committed, State::New, State::Mixed];

    /// Between the first write to the target and the end of the commit?
    fn within(self) -> bool {
        !matches!(self, State::Untouched | State::New)
    }

    /// What a reader must see.
    fn reads_as(self) -> &'static str {
        match self {
            State::Untouched | State::Tail => "old",
            State::Committed | State::New => "new",
            State::Poisoned | State::Mixed => "refused",
        }
    }

    /// May a recovery that is killed leave this?
    fn leads_to(self, after: State) -> bool {
        match self {
            State::Untouched | State::Tail => matches!(after, State::Untouched | State::Tail),
            State::Poisoned => matches!(after, State::Poisoned | State::Committed | State::New),
            State::Committed | State::New => matches!(after, State::Committed | State::New),
            State::Mixed => false,
        }
    }
}

/// What came of the rounds with one workload.
#[derive(Clone, Debug, Default)]
pub struct Tally {
    /// Rounds.
    pub rounds: usize,
    /// Applies that were killed; the others had ended.
    pub killed: usize,
    /// Where the kills landed.
    pub landed: BTreeMap<State, usize>,
    /// What a reader saw.
    pub read: BTreeMap<&'static str, usize>,
    /// Recoveries that were killed themselves.
    pub again: usize,
}

/// What came of all rounds.
#[derive(Clone, Debug, Default)]
pub struct Report {
    /// By workload.
    pub workloads: BTreeMap<&'static str, Tally>,
    /// A file that is neither old nor new, or that a reader saw so.
    pub mixed: Vec<String>,
    /// A file that could not be brought back, or a change that was confirmed and is not there.
    pub lost: Vec<String>,
    /// What else went wrong.
    pub wrong: Vec<String>,
}

impl Report {
    /// Kills that landed between the first write to the target and the end of the commit, and all kills.
    pub fn within(&self) -> (usize, usize) {
        let landed = |all: bool| {
            let tallies = self.workloads.values().flat_map(|t| &t.landed);
            tallies.filter(|(state, _)| all || state.within()).map(|(_, n)| n).sum()
        };
        (landed(false), landed(true))
    }

    /// Was every file old, new, or refused, and brought back?
    pub fn good(&self) -> bool {
        self.mixed.is_empty() && self.lost.is_empty() && self.wrong.is_empty()
    }

    /// Joins two.
    pub fn add(&mut self, other: Report) {
        for (name, tally) in other.workloads {
            let sum = self.workloads.entry(name).or_default();
            sum.rounds += tally.rounds;
            sum.killed += tally.killed;
            sum.again += tally.again;
            tally.landed.into_iter().for_each(|(k, n)| *sum.landed.entry(k).or_default() += n);
            tally.read.into_iter().for_each(|(k, n)| *sum.read.entry(k).or_default() += n);
        }
        self.mixed.extend(other.mixed);
        self.lost.extend(other.lost);
        self.wrong.extend(other.wrong);
    }
}

impl std::fmt::Display for Report {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        const READ: [&str; 4] = ["old", "new", "refused", "mixed"];
        write!(f, "{:<14}{:>7}{:>8}", "workload", "rounds", "killed")?;
        State::ALL.iter().try_for_each(|s| write!(f, "{:>11}", format!("{s:?}").to_lowercase()))?;
        writeln!(f, "{:>24}{:>11}", "read old/new/refused", "2nd kills")?;
        for (name, t) in &self.workloads {
            write!(f, "{name:<14}{:>7}{:>8}", t.rounds, t.killed)?;
            State::ALL.iter().try_for_each(|s| write!(f, "{:>11}", t.landed.get(s).unwrap_or(&0)))?;
            let read = READ[..3].iter().map(|s| t.read.get(s).unwrap_or(&0).to_string()).collect::<Vec<_>>().join("/");
            writeln!(f, "{read:>24}{:>11}", t.again)?;
        }
        let (within, all) = self.within();
        writeln!(f, "{within} of {all} kills landed between the first write to the target and the end of the commit")?;
        write!(f, "mixed {}, lost {}, otherwise wrong {}", self.mixed.len(), self.lost.len(), self.wrong.len())?;
        self.mixed.iter().chain(&self.lost).chain(&self.wrong).take(20).try_for_each(|line| write!(f, "\n  {line}"))
    }
}

/// One change of one file.
struct Workload {
    name: &'static str,
    /// How often, relative to the others.
    weight: u32,
    old: Vec<u8>,
    /// Bytes behind the HDF5 data: `recover` may cut them.
    trailing: usize,
    new: Vec<u8>,
    /// Where the superblock's version stands.
    version_at: u64,
    /// Holds old.h5, new.h5 and change.toml.
    folder: PathBuf,
    timing: Mutex<Timing>,
}

/// Seconds that an undisturbed apply takes, as moving averages.
#[derive(Clone, Copy, Debug, Default)]
struct Timing {
    /// From start to end.
    whole: f64,
    /// From the first write to the target that was seen to the last one.
    writing: Option<f64>,
    /// From the poison bit on to off.
    poisoned: Option<f64>,
    /// A recovery.
    recovery: Option<f64>,
    /// How much of the times above is used, as `1 + scale`: a kill takes its time to arrive, so late ones miss short windows.
    scale: f64,
}

fn average(sum: &mut Option<f64>, now: f64) {
    *sum = Some(sum.map_or(now, |before| 0.9 * before + 0.1 * now));
}

/// When to kill.
#[derive(Clone, Copy, Debug)]
enum Moment {
    Start(f64),
    FirstWrite(f64),
    Poison(f64),
    Never,
}

const OLD: &str = r#"
[attrs]
title = "before"
[dataset."/plain"]
dtype = "u1"
shape = [SIZE]
fill.integers = { low = 0, high = 99 }
attrs.units = "degC"
attrs.note = "a text that goes"
[dataset."/packed"]
dtype = "i4"
shape = [80, 40]
chunks = [16, 40]
filters = ["shuffle", { deflate = 4 }]
fill.integers = { low = 0, high = 99 }
[dataset."/gone"]
dtype = "f8"
shape = [3000]
fill = 1
[group."/g${i}"]
for = { i = 12 }
attrs.i = "${i}"
"#;

const STRIDED: &str = r#"
[[patch]]
path = "/plain"
select = "3::2048"
fill = 200
"#;

const SMALL: &str = r#"
[attrs]
title = "after"
more = 1
[dataset."/plain".attrs]
units = "K"
note = { absent = true }
"#;

const MANY: &str = r#"
[attrs]
title = "after"
[dataset."/plain".attrs]
units = "K"
note = { absent = true }
[dataset."/new/a"]
dtype = "f8"
shape = [200, 50]
chunks = [50, 50]
filters = ["shuffle", { deflate = 4 }]
fill.uniform = { low = 0, high = 1 }
[dataset."/new/b"]
dtype = "i4"
shape = [3000]
fill.arange = {}
[[patch]]
path = "/plain"
select = "10:9000:3"
fill = 200
[[patch]]
path = "/packed"
select = "5:70"
fill.integers = { low = -9, high = 0 }
"#;

const SHRINK: &str = r#"
[[remove]]
path = "/gone"
[attrs]
title = "shorter"
"#;

/// Name, weight, `[file]`, bytes of /plain, bytes behind the HDF5 data, change.
const WORKLOADS: [(&str, u32, &str, usize, usize, &str); 12] = [
    ("small v0", 10, "libver = [\"earliest\", \"v110\"]", 20_000, 0, SMALL),
    ("small v2", 10, "libver = [\"v18\", \"v110\"]", 20_000, 0, SMALL),
    ("small v3", 10, "libver = [\"v110\", \"v110\"]", 20_000, 0, SMALL),
    ("many v0", 10, "libver = [\"earliest\", \"v110\"]", 200_000, 0, MANY),
    ("many v2", 10, "libver = [\"v18\", \"v110\"]", 200_000, 0, MANY),
    ("many v3", 10, "libver = [\"v110\", \"v110\"]", 200_000, 0, MANY),
    ("strided v0", 8, "libver = [\"earliest\", \"v110\"]", 2_000_000, 0, STRIDED),
    ("strided v3", 8, "libver = [\"v110\", \"v110\"]", 2_000_000, 0, STRIDED),
    ("large v2", 1, "libver = [\"v18\", \"v110\"]", 24_000_000, 0, STRIDED),
    ("shrinking", 5, "libver = [\"earliest\", \"v110\"]", 20_000, 0, SHRINK),
    ("userblock", 5, "userblock = 1024", 200_000, 0, MANY),
    ("trailing", 5, "libver = [\"v18\", \"v110\"]", 200_000, 5_000, MANY),
];

impl Workload {
    fn make(config: &Config, number: usize) -> io::Result<Self> {
        let (name, weight, file, size, trailing, change) = WORKLOADS[number];
        let folder = config.dir.join(format!("base{number}"));
        fs::create_dir_all(&folder)?;
        let at = |name: &str| folder.join(name);
        fs::write(at("old.toml"), format!("version = 1\n[file]\n{file}\n{}", OLD.replace("SIZE", &size.to_string())))?;
        fs::write(at("change.toml"), format!("version = 1\n{change}"))?;
        let mut build = command(&config.bin);
        done(run(build.arg("build").arg(at("old.toml")).arg("-o").arg(at("old.h5")), &folder, LIMIT)?)?;
        let mut old = fs::read(at("old.h5"))?;
        old.extend((0..trailing).map(|i| (i % 251) as u8));
        fs::write(at("old.h5"), &old)?;
        let starts = [0, 512, 1024, 2048];
        let start = starts.into_iter().find(|&s| old[s..].starts_with(b"\x89HDF\r\n\x1a\n"));
        let start = start.ok_or_else(|| io::Error::other("the base file is no HDF5 file"))?;
        let mut this =
            Self { name, weight, old, trailing, new: Vec::new(), version_at: start as u64 + 8, folder, timing: Mutex::default() };
        for _ in 0..4 {
            let target = this.folder.join("f.h5");
            fs::write(&target, &this.old)?;
            let (ended, _) = this.apply(config, &target, Moment::Never)?;
            if ended != Some(0) {
                return Err(io::Error::other(format!("{name}: the undisturbed apply ended with {ended:?}")));
            }
            let new = fs::read(&target)?;
            if !this.new.is_empty() && new != this.new {
                return Err(io::Error::other(format!("{name}: two undisturbed applies gave different bytes")));
            }
            this.new = new;
            fs::write(this.folder.join("new.h5"), &this.new)?;
        }
        Ok(this)
    }

    /// Applies the change, and kills all of it at that moment; the exit code, unless it was killed, and whether it was.
    fn apply(&self, config: &Config, target: &Path, moment: Moment) -> io::Result<(Option<i32>, bool)> {
        let watched = File::open(target)?;
        let before = watched.metadata()?;
        let mut apply = command(&config.bin);
        apply.arg("apply").arg(self.folder.join("change.toml")).arg(target).args(["--allow", "destructive"]);
        let begun = Instant::now();
        let mut group = Group::start(apply.stdout(Stdio::null()).stderr(Stdio::null()))?;
        let (mut written, mut longer, mut settled, mut poisoned, mut clean) = (None, false, None, None, None);
        loop {
            let now = begun.elapsed().as_secs_f64();
            let due = match moment {
                Moment::Start(after) => Some(after),
                Moment::FirstWrite(after) => written.map(|at: f64| at + after),
                Moment::Poison(after) => poisoned.map(|at: f64| at + after),
                Moment::Never => None,
            };
            if due.is_some_and(|due| now >= due) {
                let ended = group.end();
                return Ok((ended.code, ended.signal == Some(9)));
            }
            if let Some(ended) = group.ended() {
                let mut timing = self.timing.lock().unwrap_or_else(PoisonError::into_inner);
                timing.whole = if timing.whole == 0.0 { now } else { 0.9 * timing.whole + 0.1 * now };
                if let Some(written) = written {
                    average(&mut timing.writing, settled.unwrap_or(now) - written);
                }
                if let (Some(on), Some(off)) = (poisoned, clean) {
                    average(&mut timing.poisoned, off - on);
                }
                group.end();
                return Ok((ended.code, false));
            }
            let meta = watched.metadata()?;
            let mut version = [0];
            let bit = watched.read_at(&mut version, self.version_at)? == 1 && version[0] & 0x80 != 0;
            longer |= meta.len() != before.len();
            if bit || longer || (meta.ctime(), meta.ctime_nsec()) != (before.ctime(), before.ctime_nsec()) {
                written.get_or_insert(now);
            }
            if bit {
                poisoned.get_or_insert(now);
            } else if poisoned.is_some() {
                clean.get_or_insert(now);
            }
            // The old length may be the new one: only a file that was longer has come to its end.
            if longer && !bit && meta.len() == self.new.len() as u64 {
                settled.get_or_insert(now);
            }
            std::thread::yield_now();
        }
    }

    fn state(&self, bytes: &[u8]) -> State {
        let poisoned = bytes.get(self.version_at as usize).is_some_and(|v| v & 0x80 != 0);
        match () {
            () if bytes == self.old || bytes == &self.old[..self.old.len() - self.trailing] => State::Untouched,
            () if bytes == self.new => State::New,
            () if poisoned => State::Poisoned,
            () if bytes.starts_with(&self.old) => State::Tail,
            () if bytes.starts_with(&self.new) => State::Committed,
            () => State::Mixed,
        }
    }

    /// When this round's kill shall come: most of them while the target is written.
    fn moment(&self, random: &mut ChaCha8Rng) -> Moment {
        let timing = *self.timing.lock().unwrap_or_else(PoisonError::into_inner);
        let share = random.random::<f64>();
        let of = |random: &mut ChaCha8Rng, seconds: f64| random.random::<f64>() * 1.1 * (1.0 + timing.scale) * seconds;
        match (timing.writing, timing.poisoned) {
            (_, Some(poisoned)) if share < 0.3 => Moment::Poison(of(random, poisoned)),
            (Some(writing), _) if share < 0.75 => Moment::FirstWrite(of(random, writing)),
            _ => Moment::Start(random.random::<f64>() * 1.1 * timing.whole),
        }
    }

    /// Learns from where a kill landed that was to land while the target was written.
    fn learn(&self, moment: Moment, state: State) {
        if matches!(moment, Moment::FirstWrite(_) | Moment::Poison(_)) {
            let mut timing = self.timing.lock().unwrap_or_else(PoisonError::into_inner);
            let factor = if state.within() { 1.3 } else { 0.8 };
            timing.scale = ((1.0 + timing.scale) * factor).clamp(0.001, 1.0) - 1.0;
        }
    }

    /// What a reader sees.
    fn read(&self, config: &Config, target: &Path, folder: &Path) -> io::Result<(&'static str, String)> {
        for (name, seen) in [("old.h5", "old"), ("new.h5", "new")] {
            let mut diff = command(&config.bin);
            let run = run(diff.arg("diff").arg(self.folder.join(name)).arg(target).args(["--ignore", "(file)"]), folder, LIMIT)?;
            match run.code() {
                Some(0) => return Ok((seen, String::new())),
                Some(1) => {}
                Some(2) if !run.stderr.contains("panicked") && !run.stderr.contains("crashed") => return Ok(("refused", run.stderr)),
                _ => return Ok(("mixed", format!("the reader ended with {:?}: {}", run.ended, run.stderr))),
            }
        }
        Ok(("mixed", "it differs from old and new".into()))
    }
}

impl Workload {
    /// Recovers, and kills that after so many seconds; the exit code, whether it was killed, and what it said.
    fn recover(&self, config: &Config, target: &Path, folder: &Path, after: Option<f64>) -> io::Result<(Option<i32>, bool, String)> {
        let mut recover = command(&config.bin);
        let limit = after.map_or(LIMIT, Duration::from_secs_f64);
        let run = run(recover.arg("recover").arg(target), folder, limit)?;
        if run.ended.is_some() {
            let mut timing = self.timing.lock().unwrap_or_else(PoisonError::into_inner);
            average(&mut timing.recovery, run.took.as_secs_f64());
        }
        Ok((run.code(), run.ended.is_none(), run.stderr))
    }

    /// Kills recoveries, and lets the last one end; or an apply instead, which recovers, too.
    fn bring_back(
        &self,
        config: &Config,
        target: &Path,
        folder: &Path,
        state: State,
        random: &mut ChaCha8Rng,
    ) -> io::Result<(usize, Option<String>)> {
        let (mut state, mut killed) = (state, 0);
        while state.within() && random.random_bool(0.4) {
            let usual = self.timing.lock().unwrap_or_else(PoisonError::into_inner).recovery.unwrap_or(0.01);
            let (_, was_killed, _) = self.recover(config, target, folder, Some(random.random::<f64>() * 1.1 * usual))?;
            killed += usize::from(was_killed);
            let now = self.state(&fs::read(target)?);
            if !state.leads_to(now) {
                return Ok((killed, Some(format!("a killed recovery made {now:?} of {state:?}"))));
            }
            state = now;
            let (seen, why) = self.read(config, target, folder)?;
            if seen != state.reads_as() {
                return Ok((killed, Some(format!("{state:?} after a killed recovery, read as {seen}: {why}"))));
            }
        }
        let by_apply = random.random_bool(1.0 / 6.0);
        let (code, said) = match by_apply {
            true => (self.apply(config, target, Moment::Never)?.0, String::new()),
            false => self.recover(config, target, folder, None).map(|(code, _, said)| (code, said))?,
        };
        let end = self.state(&fs::read(target)?);
        let expected = match state {
            _ if by_apply => State::New,
            State::Untouched | State::Tail => State::Untouched,
            State::Poisoned | State::Committed | State::New => State::New,
            State::Mixed => State::Mixed,
        };
        let how = if by_apply { "an apply" } else { "recover" };
        let wrong = code != Some(0) || end != expected;
        Ok((killed, wrong.then(|| format!("{how} made {end:?} of {state:?} and ended with {code:?}: {said}"))))
    }
}

const LIMIT: Duration = Duration::from_secs(120);

fn command(bin: &Path) -> Command {
    let mut command = Command::new(bin);
    command.env("NO_COLOR", "1").env_remove("TERM");
    command
}

fn done(run: Run) -> io::Result<()> {
    if run.code() == Some(0) { Ok(()) } else { Err(io::Error::other(format!("ended with {:?}: {}", run.ended, run.stderr))) }
}

/// Kills that many applies.
pub fn sweep(config: &Config) -> io::Result<Report> {
    let workloads = (0..WORKLOADS.len()).map(|n| Workload::make(config, n)).collect::<io::Result<Vec<_>>>()?;
    let (next, total) = (AtomicUsize::new(0), Mutex::new(Report::default()));
    let weights: u32 = workloads.iter().map(|w| w.weight).sum();
    let work = |job: usize| -> io::Result<()> {
        let folder = config.dir.join(format!("job{job}"));
        fs::create_dir_all(&folder)?;
        loop {
            let round = next.fetch_add(1, Ordering::Relaxed);
            if round >= config.rounds {
                return Ok(());
            }
            let mut random = ChaCha8Rng::seed_from_u64(config.seed.wrapping_add(round as u64));
            let mut left = random.random_range(0..weights);
            let drawn = workloads.iter().find(|w| {
                let here = left < w.weight;
                left = left.wrapping_sub(w.weight);
                here
            });
            let Some(workload) = drawn else { continue };
            let report = one(config, workload, &folder, round, &mut random)?;
            total.lock().unwrap_or_else(PoisonError::into_inner).add(report);
        }
    };
    std::thread::scope(|scope| {
        let jobs: Vec<_> = (0..config.jobs.max(1)).map(|job| scope.spawn(move || work(job))).collect();
        jobs.into_iter().try_for_each(|job| job.join().unwrap_or_else(|_| Err(io::Error::other("a job panicked"))))
    })?;
    Ok(total.into_inner().unwrap_or_else(PoisonError::into_inner))
}

/// Files of applies that were killed while they wrote: as many of each state.
pub fn interrupted(config: &Config, each: usize) -> io::Result<Vec<(State, Vec<u8>)>> {
    let wanted = [State::Tail, State::Poisoned, State::Committed];
    let mut found: Vec<(State, Vec<u8>)> = Vec::new();
    let mut random = ChaCha8Rng::seed_from_u64(config.seed);
    let workload = Workload::make(config, 3)?;
    let target = config.dir.join("f.h5");
    let lacking = |found: &[(State, Vec<u8>)], state: State| found.iter().filter(|(s, _)| *s == state).count() < each;
    for _ in 0..config.rounds {
        fs::write(&target, &workload.old)?;
        let moment = workload.moment(&mut random);
        workload.apply(config, &target, moment)?;
        let bytes = fs::read(&target)?;
        let state = workload.state(&bytes);
        workload.learn(moment, state);
        if wanted.contains(&state) && lacking(&found, state) {
            found.push((state, bytes));
        }
        if !wanted.iter().any(|&state| lacking(&found, state)) {
            break;
        }
    }
    Ok(found)
}

fn one(config: &Config, workload: &Workload, folder: &Path, round: usize, random: &mut ChaCha8Rng) -> io::Result<Report> {
    let target = folder.join("f.h5");
    fs::write(&target, &workload.old)?;
    let moment = workload.moment(random);
    let (code, killed) = workload.apply(config, &target, moment)?;
    let bytes = fs::read(&target)?;
    let state = workload.state(&bytes);
    workload.learn(moment, state);
    let place = format!("round {round}, {}, {moment:?}, {state:?}", workload.name);
    let (mut report, mut tally) = (Report::default(), Tally { rounds: 1, killed: killed.into(), ..Tally::default() });
    if killed {
        tally.landed.insert(state, 1);
    } else if code != Some(0) {
        report.wrong.push(format!("{place}: the apply ended with {code:?}"));
    }
    if code == Some(0) && !matches!(state, State::New | State::Committed) {
        report.lost.push(format!("{place}: the apply had said that it is done"));
    }
    if state == State::Mixed {
        report.mixed.push(place.clone());
    }
    // What has the old or the new bytes reads as such; a few are read to see that.
    if state.within() || round.is_multiple_of(16) {
        let (seen, why) = workload.read(config, &target, folder)?;
        tally.read.insert(seen, 1);
        let expected = state.reads_as();
        if state == State::Poisoned && !why.contains("recover") {
            report.wrong.push(format!("{place}: the refusal does not name `recover`: {why}"));
        }
        if seen != expected {
            report.mixed.push(format!("{place}: read as {seen}: {why}"));
        }
    }
    let (again, lost) = workload.bring_back(config, &target, folder, state, random)?;
    tally.again = again;
    report.lost.extend(lost.map(|why| format!("{place}: {why}")));
    for stray in fs::read_dir(folder)? {
        let stray = stray?.path();
        let ours = [".stdout", ".stderr", "f.h5"].iter().any(|name| stray.ends_with(name));
        if !ours {
            report.wrong.push(format!("{place}: it left {} behind", stray.display()));
            fs::remove_file(stray)?;
        }
    }
    report.workloads.insert(workload.name, tally);
    Ok(report)
}
