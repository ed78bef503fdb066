//! Files that are cut, flipped and forged: every command ends in time, with a documented code, in bounded memory, and leaves them as they are.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use rand::seq::IndexedRandom;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::processes::run;

/// What to do.
#[derive(Clone, Debug)]
pub struct Config {
    /// The binary h5mason.
    pub bin: PathBuf,
    /// A folder to work in.
    pub dir: PathBuf,
    /// Files to break.
    pub files: Vec<PathBuf>,
    /// How many broken files to try; each with one command, or, where `all`, with all.
    pub count: usize,
    /// Every command with every file?
    pub all: bool,
    /// Are the files those of interrupted applies? Then an apply that fails may have recovered the file, and is not tried.
    pub interrupted: bool,
    /// Of the random ones.
    pub seed: u64,
    /// How many at once.
    pub jobs: usize,
    /// A command may take this long: longer where others use the machine, too.
    pub limit: Duration,
}

/// A command may have a processor this long.
pub const CPU: Duration = Duration::from_secs(10);
/// A command may have this many bytes of memory.
pub const MEMORY: u64 = 600 << 20;

/// What came of it.
#[derive(Clone, Debug, Default)]
pub struct Report {
    /// Exit codes by command.
    pub codes: BTreeMap<(&'static str, i32), usize>,
    /// The longest run.
    pub slowest: Duration,
    /// The most time of a processor.
    pub cpu: Duration,
    /// The most memory of one run, in bytes.
    pub peak: u64,
    /// What must not be.
    pub wrong: Vec<String>,
}

impl Report {
    /// Joins two.
    pub fn add(&mut self, other: Report) {
        other.codes.into_iter().for_each(|(key, n)| *self.codes.entry(key).or_default() += n);
        self.slowest = self.slowest.max(other.slowest);
        self.cpu = self.cpu.max(other.cpu);
        self.peak = self.peak.max(other.peak);
        self.wrong.extend(other.wrong);
    }
}

impl std::fmt::Display for Report {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let runs: usize = self.codes.values().sum();
        let (slowest, cpu) = (self.slowest.as_secs_f64(), self.cpu.as_secs_f64());
        writeln!(f, "{runs} runs; slowest {slowest:.1} s; most processor time {cpu:.1} s; most memory {} MiB", self.peak >> 20)?;
        for ((command, code), n) in &self.codes {
            writeln!(f, "  {command:<8} exit {code}: {n}")?;
        }
        write!(f, "{} wrong", self.wrong.len())?;
        self.wrong.iter().take(20).try_for_each(|line| write!(f, "\n  {line}"))
    }
}

/// What is applied to broken files: it touches what tests/interop/malformed.py makes, and works without it, too.
pub const MANIFEST: &str = r#"version = 1
[attrs]
title = "after"
[group."/probe"]
[dataset."/t".attrs]
x = 1
[[patch]]
path = "/z"
select = "3:9"
fill = 7
[[remove]]
match = "/g*/h"
"#;
/// For files without such datasets.
pub const GENERAL: &str = "version = 1\n[attrs]\nprobe = 1\n[group.\"/probe/deep\"]\nattrs.x = [1, 2, 3]\n";

/// The commands, F being the file and G a good one.
const COMMANDS: [(&str, &[&str]); 9] = [
    ("recover", &["recover", "F"]),
    ("show", &["show", "F"]),
    ("plan", &["plan", "m.toml", "F"]),
    ("check", &["check", "m.toml", "F"]),
    ("capture", &["capture", "F", "--data", "inline"]),
    ("diff", &["diff", "F", "G"]),
    ("diff to", &["diff", "G", "F"]),
    ("apply", &["apply", "m.toml", "F", "--allow", "destructive"]),
    ("general", &["apply", "general.toml", "F"]),
];

/// Bytes that somebody broke.
#[derive(Clone, Debug)]
enum Case {
    Cut(usize),
    Flip(usize, u8),
    /// These bytes stand at the end.
    End(Vec<u8>),
    /// Several bits.
    Flips(Vec<(usize, u8)>),
    /// These bytes stand there instead.
    Splat(usize, Vec<u8>),
    /// These bytes stand behind the end.
    Behind(Vec<u8>),
}

impl Case {
    fn of(&self, good: &[u8]) -> Vec<u8> {
        let mut bytes = good.to_vec();
        match self {
            Case::Cut(at) => bytes.truncate(*at),
            Case::Flip(at, bit) => bytes[*at] ^= 1 << bit,
            Case::Flips(all) => all.iter().for_each(|(at, bit)| bytes[*at] ^= 1 << bit),
            Case::Splat(at, new) => bytes[*at..at + new.len()].copy_from_slice(new),
            Case::Behind(more) => bytes.extend(more),
            Case::End(new) => {
                bytes.truncate(good.len().saturating_sub(new.len()));
                bytes.extend(new);
            }
        }
        bytes
    }

    fn name(&self) -> String {
        match self {
            Case::Splat(at, new) => format!("{} bytes at {at}", new.len()),
            Case::Behind(more) => format!("{} bytes behind the end", more.len()),
            Case::End(new) => format!("{} bytes at the end", new.len()),
            other => format!("{other:?}"),
        }
    }
}

/// All cuts at 512 bytes and all flips of every 16th byte's bits; then random ones, as many as are wanted in all.
fn cases(good: &[u8], others: &[Vec<u8>], count: usize, random: &mut ChaCha8Rng) -> Vec<Case> {
    let head = good.len().min(4096);
    let cuts = (0..good.len()).step_by(512).map(Case::Cut);
    let flips = (0..head).step_by(16).flat_map(|at| (0..8).map(move |bit| Case::Flip(at, bit)));
    let mut all: Vec<Case> = cuts.chain(flips).collect();
    if all.len() > count / 2 {
        all = all.choose_multiple(random, count / 2).cloned().collect();
    }
    while all.len() < count {
        let within = if random.random_bool(0.6) { head } else { good.len() };
        all.push(match random.random_range(0..13) {
            // Where a journal ends.
            10..=11 if !good.is_empty() => {
                Case::Flip(random.random_range(good.len().saturating_sub(600)..good.len()), random.random_range(0..8))
            }
            12 => {
                let other = others.choose(random).map_or(&[][..], |o| o);
                Case::End(other[other.len().saturating_sub(random.random_range(1..6000))..].to_vec())
            }
            0..=3 => Case::Flip(random.random_range(0..within), random.random_range(0..8)),
            4..=5 => {
                Case::Flips((0..random.random_range(2..6)).map(|_| (random.random_range(0..within), random.random_range(0..8))).collect())
            }
            6 => Case::Splat(random.random_range(0..within.saturating_sub(64).max(1)), vec![0xff; 64.min(good.len())]),
            7 => Case::Splat(
                random.random_range(0..within.saturating_sub(8).max(1)),
                random.random::<[u8; 8]>()[..8.min(good.len())].to_vec(),
            ),
            8 => Case::Behind((0..random.random_range(1..9000)).map(|_| random.random()).collect()),
            _ => {
                let other = others.choose(random).map_or(&[][..], |o| o);
                Case::Behind(other[other.len().saturating_sub(random.random_range(1..6000))..].to_vec())
            }
        });
    }
    all
}

/// Breaks these files in many ways, and tries the commands with each.
pub fn sweep(config: &Config) -> io::Result<Report> {
    let goods = config.files.iter().map(fs::read).collect::<io::Result<Vec<_>>>()?;
    let mut random = ChaCha8Rng::seed_from_u64(config.seed);
    let per_file = config.count.div_ceil(goods.len().max(1));
    let all: Vec<(usize, Case)> =
        (0..goods.len()).flat_map(|n| cases(&goods[n], &goods, per_file, &mut random).into_iter().map(move |c| (n, c))).collect();
    let (next, total) = (AtomicUsize::new(0), Mutex::new(Report::default()));
    let work = |job: usize| -> io::Result<()> {
        let folder = config.dir.join(format!("job{job}"));
        prepare(&folder)?;
        loop {
            let turn = next.fetch_add(1, Ordering::Relaxed);
            let Some((number, case)) = all.get(turn) else { return Ok(()) };
            let good = &config.files[*number];
            let name = format!("{}, {}", good.file_name().unwrap_or_default().display(), case.name());
            let mut report = Report::default();
            let few = turn % COMMANDS.len();
            let chosen = if config.all { &COMMANDS[..] } else { &COMMANDS[few..=few] };
            for (label, args) in chosen.iter().filter(|(_, args)| !config.interrupted || args[0] != "apply") {
                report.add(one(config, &folder, label, args, &name, &case.of(&goods[*number]), good)?);
            }
            total.lock().unwrap_or_else(PoisonError::into_inner).add(report);
        }
    };
    std::thread::scope(|scope| {
        let jobs: Vec<_> = (0..config.jobs.max(1)).map(|job| scope.spawn(move || work(job))).collect();
        jobs.into_iter().try_for_each(|job| job.join().unwrap_or_else(|_| Err(io::Error::other("a job panicked"))))
    })?;
    Ok(total.into_inner().unwrap_or_else(PoisonError::into_inner))
}

/// Tries every command with every file as it is.
pub fn each(config: &Config) -> io::Result<Report> {
    prepare(&config.dir)?;
    let mut report = Report::default();
    for file in &config.files {
        let bytes = fs::read(file)?;
        for (label, args) in COMMANDS {
            report.add(one(config, &config.dir, label, args, &file.display().to_string(), &bytes, file)?);
        }
    }
    Ok(report)
}

fn prepare(folder: &Path) -> io::Result<()> {
    fs::create_dir_all(folder)?;
    fs::write(folder.join("m.toml"), MANIFEST)?;
    fs::write(folder.join("general.toml"), GENERAL)
}

fn one(config: &Config, folder: &Path, label: &'static str, args: &[&str], name: &str, bytes: &[u8], good: &Path) -> io::Result<Report> {
    let file = folder.join("f.h5");
    fs::write(&file, bytes)?;
    let mut command = Command::new(&config.bin);
    command.current_dir(folder).env("NO_COLOR", "1").env_remove("TERM");
    for arg in args {
        match *arg {
            "F" => command.arg("f.h5"),
            "G" => command.arg(good),
            other => command.arg(other),
        };
    }
    let run = run(&mut command, folder, config.limit)?;
    let (peak, cpu) = run.ended.map_or((0, Duration::ZERO), |e| (e.peak, e.cpu));
    let mut report = Report { slowest: run.took, cpu, peak, ..Report::default() };
    let mut wrong = |what: String| report.wrong.push(format!("{label}: {name}: {what}"));
    let stderr = run.stderr.lines().last().unwrap_or_default();
    match run.ended {
        None => wrong(format!("it took more than {:?}", config.limit)),
        Some(ended) => match ended.code {
            // Differences are told by two commands only.
            Some(1) if !matches!(args[0], "check" | "diff") => wrong(format!("it ended with 1: {stderr}")),
            Some(code @ 0..=2) => _ = report.codes.insert((label, code), 1),
            _ => wrong(format!("it ended with {ended:?}: {stderr}")),
        },
    }
    let mut wrong = |what: String| report.wrong.push(format!("{label}: {name}: {what}"));
    if run.stderr.contains("panicked") || run.stdout.contains("panicked") {
        wrong(format!("a panic: {}", run.stderr));
    }
    if run.code() == Some(2) && run.stderr.len() < 10 {
        wrong("it does not say why".into());
    }
    // The test's own memory may be seen here, for its child begins with it.
    if report.peak > MEMORY && report.peak > own_peak() {
        report.wrong.push(format!("{label}: {name}: it took {} MiB of memory", report.peak >> 20));
    }
    if cpu > CPU {
        report.wrong.push(format!("{label}: {name}: it had a processor for {cpu:?}"));
    }
    let changes = matches!(args[0], "apply" | "recover") && run.code() == Some(0);
    if !changes && fs::read(&file)? != bytes {
        report.wrong.push(format!("{label}: {name}: it changed the file, and ended with {:?}", run.code()));
    }
    Ok(report)
}

/// The most memory that this process ever had, in bytes.
fn own_peak() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap_or_default();
    line.split_whitespace().next().and_then(|kib| kib.parse::<u64>().ok()).map_or(0, |kib| kib * 1024)
}
