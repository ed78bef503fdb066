//! Several workers for many files: each is handed one file after another, and what they say is printed in the order of the files.
//!
//! A worker that dies fails the file that it was about, and is replaced. No worker gets a file while another one has the same.

use std::collections::BTreeSet;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, SyncSender};

use rustix::process::Signal;

use super::args::{Cli, Command, PlanFormat};
use super::groups::Groups;
use super::in_order::InOrder;
use super::isolate::{Ended, News, Order, Started, send, start};
use super::life::{Life, Verdict};
use super::output::{DONE, Output, TROUBLE};
use super::progress::Count;
use super::tally::{Outcome, Tally, Words};
use super::unmatched::Unmatched;
use super::wire::{Message, Stream};
use crate::txn::Left;
use crate::txn::notify::Event;

/// Files that may be begun for each worker before the first of them is done: what is said about the later ones waits for so long.
const AHEAD: u32 = 64;

/// The files of a command that takes several, and how many workers share them.
pub fn wanted(cli: &Cli) -> Option<(&[PathBuf], u16)> {
    let files = match &cli.command {
        Command::Plan(args) => &args.files,
        Command::Apply(args) => &args.files,
        Command::Check(args) => &args.files,
        Command::Recover(args) => &args.files,
        _ => return None,
    };
    // Workers open their pipes there.
    if files.len() < 2 || !Path::new("/dev/fd").exists() {
        return None;
    }
    // A saved plan is made of all files by one process.
    let saved = matches!(&cli.command, Command::Plan(args) if args.out.is_some());
    let processors = std::thread::available_parallelism().map_or(1, |n| u16::try_from(n.get()).unwrap_or(u16::MAX));
    // A change waits for the disk several times, and processors have nothing to do then.
    let usual = if matches!(&cli.command, Command::Apply(_)) { processors.saturating_mul(2) } else { processors };
    let jobs = if saved { 1 } else { cli.jobs.unwrap_or(usual) };
    Some((files, jobs.min(u16::try_from(files.len()).unwrap_or(u16::MAX))))
}

/// Does the first file that fails end the command?
fn is_fail_fast(command: &Command) -> bool {
    match command {
        Command::Plan(args) => args.fail_fast,
        Command::Apply(args) => args.fail_fast,
        Command::Check(args) => args.fail_fast,
        Command::Recover(args) => args.fail_fast,
        _ => false,
    }
}

/// Are failures told with the results?
fn is_markdown(command: &Command) -> bool {
    match command {
        Command::Plan(args) => args.format == PlanFormat::Markdown,
        Command::Check(args) => args.format == PlanFormat::Markdown,
        _ => false,
    }
}

/// Has the files worked on. `None`: no process can be started, and nothing was done.
pub fn run(cli: &Cli, output: &Output, files: &[PathBuf], jobs: u16, sender: &SyncSender<News>, news: &Receiver<News>) -> Option<Ended> {
    let mut pool = Pool::new(cli, output, files, jobs, sender);
    pool.start_worker(false).ok()?;
    // Where there are fewer, they have more to do.
    for _ in 1..jobs {
        let _ = pool.start_worker(false);
    }
    while pool.workers.iter().any(Option::is_some) {
        match news.recv() {
            Ok(News::Told(number, message)) => pool.told(number, message),
            Ok(News::Gone(number)) => pool.gone(number),
            Ok(News::Signal(signal)) => pool.end_by(signal),
            Err(_) => break,
        }
        pool.hand_out();
    }
    Some(pool.end())
}

struct Worker {
    started: Started,
    life: Life,
    /// Has it read the manifest?
    ready: bool,
    /// What it has said before that.
    first_words: Vec<(Stream, Vec<u8>)>,
    /// Does it wait for a file?
    waits: bool,
    file: Option<Handed>,
    /// What it has said has come of it.
    outcome: Option<Outcome>,
}

/// A file in a worker's hands.
#[derive(Debug)]
struct Handed {
    file: u32,
    /// Two names may be the same file's.
    identity: Option<Identity>,
}

#[derive(Debug, PartialEq, Eq)]
enum Identity {
    Inode(u64, u64),
    /// Of a file that is not there yet.
    Name(PathBuf),
}

struct Pool<'a> {
    cli: &'a Cli,
    output: &'a Output,
    files: &'a [PathBuf],
    jobs: u16,
    sender: &'a SyncSender<News>,
    workers: Vec<Option<Worker>>,
    /// The first file that nobody has had.
    next: u32,
    /// Files whose workers died before they began, to be handed out once more.
    again: Vec<u32>,
    /// All of them that there have been.
    twice: BTreeSet<u32>,
    order: InOrder,
    groups: Groups,
    count: Count,
    tally: Tally,
    /// Globs that nothing was found for.
    unmatched: Unmatched,
    /// Has a worker's first word been passed on, or its failure before any file?
    opened: bool,
    /// Was any worker ready?
    ready: bool,
    /// Only this worker gets files.
    alone: Option<usize>,
    /// No more files are handed out.
    closed: bool,
    /// Nor are they after a file that failed.
    fail_fast: bool,
    /// One has failed.
    stopped: bool,
    /// What is said when all files are done.
    last_words: Vec<(Stream, Vec<u8>)>,
    worst: u8,
    committed: bool,
    signal: Option<i32>,
}

impl<'a> Pool<'a> {
    fn new(cli: &'a Cli, output: &'a Output, files: &'a [PathBuf], jobs: u16, sender: &'a SyncSender<News>) -> Self {
        Self {
            cli,
            output,
            files,
            jobs,
            sender,
            workers: Vec::new(),
            next: 0,
            again: Vec::new(),
            twice: BTreeSet::new(),
            order: InOrder::new(),
            groups: Groups::new(),
            count: Count::new(files.len()),
            tally: Tally::default(),
            unmatched: Unmatched::of(&cli.command),
            opened: false,
            ready: false,
            alone: None,
            closed: false,
            fail_fast: is_fail_fast(&cli.command),
            stopped: false,
            last_words: Vec::new(),
            worst: DONE,
            committed: false,
            signal: None,
        }
    }

    fn start_worker(&mut self, later: bool) -> std::io::Result<()> {
        let started = start(self.workers.len(), Order::Files { jobs: self.jobs, later }, self.cli, self.sender)?;
        let (life, first_words) = (Life::default(), Vec::new());
        self.workers.push(Some(Worker { started, life, ready: false, first_words, waits: false, file: None, outcome: None }));
        Ok(())
    }

    fn told(&mut self, number: usize, message: Message) {
        let Some(worker) = self.workers.get_mut(number).and_then(Option::as_mut) else { return };
        match message {
            Message::Event(event) => {
                worker.life.hear(&event);
                match event {
                    Event::GivenUp(_) => send(&worker.started.child, Signal::KILL),
                    Event::Committed => self.committed = true,
                    Event::End(code) => {
                        let outcome = worker.outcome.take();
                        if let Some(handed) = worker.file.take() {
                            self.done(handed.file, code, outcome);
                        }
                    }
                    _ => {}
                }
            }
            Message::Ready { alone } => {
                worker.waits = true;
                self.ready = true;
                if alone {
                    self.alone.get_or_insert(number);
                }
                if !std::mem::replace(&mut worker.ready, true) {
                    let words = std::mem::take(&mut worker.first_words);
                    self.open(words);
                }
            }
            Message::Outcome(outcome) => worker.outcome = Some(outcome),
            Message::Matched(number) => self.unmatched.matched(number),
            Message::Text { to, bytes } => match &worker.file {
                Some(handed) => {
                    let file = handed.file;
                    self.say(file, to, &bytes);
                }
                None if worker.ready => self.last_words.push((to, bytes)),
                None => worker.first_words.push((to, bytes)),
            },
        }
    }

    /// What is said before any file: all workers say the same.
    fn open(&mut self, words: Vec<(Stream, Vec<u8>)>) {
        if !std::mem::replace(&mut self.opened, true) {
            words.iter().for_each(|(to, text)| self.output.pass_on(*to == Stream::Err, text));
        }
    }

    fn say(&mut self, file: u32, to: Stream, text: &[u8]) {
        self.in_order(|order, print| order.text(file, to, text, print));
    }

    fn done(&mut self, file: u32, code: u8, outcome: Option<Outcome>) {
        self.worst = self.worst.max(code);
        self.stopped |= self.fail_fast && code >= TROUBLE;
        self.tally.add(outcome.unwrap_or(Outcome::Failed));
        self.count.add(code);
        self.in_order(|order, print| order.done(file, print));
        self.count.show();
    }

    /// Has texts handed on, as far as it is their turn.
    fn in_order(&mut self, turn: impl FnOnce(&mut InOrder, &mut dyn FnMut(u32, Stream, &[u8])) -> std::io::Result<()>) {
        let (output, count, groups) = (self.output, &mut self.count, &mut self.groups);
        let mut grouped = Ok(());
        let kept = turn(&mut self.order, &mut |file, to, text| match to {
            Stream::Out | Stream::Err => {
                count.clear();
                output.pass_on(to == Stream::Err, text);
            }
            Stream::Group => grouped = std::mem::replace(&mut grouped, Ok(())).and_then(|()| groups.add(file, text)),
            Stream::Failed => groups.failed(file, text),
        });
        self.keep(kept.and(grouped));
    }

    /// A full disk, where texts wait for their turn.
    fn keep(&mut self, kept: std::io::Result<()>) {
        if let Err(e) = kept {
            self.count.clear();
            self.output.error(&format!("a part of the output is lost: {e}"), &[]);
            self.worst = self.worst.max(TROUBLE);
        }
    }

    /// Hands files to the workers that wait, or lets them go.
    fn hand_out(&mut self) {
        for number in 0..self.workers.len() {
            if !self.workers[number].as_ref().is_some_and(|w| w.waits) {
                continue;
            }
            let file = self.again.last().copied().or((self.next < self.count_of_files()).then_some(self.next));
            let others = self.alone.is_some_and(|alone| alone != number);
            let Some(file) = file.filter(|_| !self.closed && !self.stopped && !others) else {
                // It ends where the pipe does.
                self.workers[number].iter_mut().for_each(|w| w.started.files = None);
                continue;
            };
            let identity = identity(&self.files[file as usize]);
            let taken = |w: &Worker| w.file.as_ref().is_some_and(|h| h.identity.is_some() && h.identity == identity);
            if file >= self.order.head().saturating_add(AHEAD * u32::from(self.jobs)) || self.workers.iter().flatten().any(taken) {
                return;
            }
            let Some(worker) = self.workers[number].as_mut() else { continue };
            worker.waits = false;
            let sent = worker.started.files.as_mut().is_some_and(|pipe| pipe.write_all(&file.to_le_bytes()).is_ok());
            // One that is gone is heard of later.
            if sent {
                worker.file = Some(Handed { file, identity });
                if self.again.pop().is_none() {
                    self.next += 1;
                }
            }
        }
    }

    /// How many files a worker has had.
    fn begun(&self) -> usize {
        self.next as usize - self.again.len()
    }

    fn count_of_files(&self) -> u32 {
        u32::try_from(self.files.len()).unwrap_or(u32::MAX)
    }

    /// A worker's pipe is closed.
    fn gone(&mut self, number: usize) {
        let Some(mut worker) = self.workers.get_mut(number).and_then(Option::take) else { return };
        if self.alone == Some(number) {
            self.alone = None;
        }
        let verdict = match worker.started.child.wait() {
            Ok(status) => worker.life.verdict(status),
            Err(e) => {
                self.output.error(&format!("cannot wait for a process: {e}"), &[]);
                Verdict::Code(TROUBLE)
            }
        };
        match verdict {
            Verdict::Code(code) => {
                self.worst = self.worst.max(code);
                if let Some(handed) = worker.file {
                    self.done(handed.file, code.max(TROUBLE), None);
                }
                // What one of them could not begin with, none can.
                if !worker.ready {
                    self.open(worker.first_words);
                    self.closed = true;
                }
            }
            Verdict::Signal(signal) => {
                if worker.life.clean_up() == Ok(Left::Completed) || worker.life.has_committed() {
                    self.tally.add(Outcome::Changed { bytes: 0 });
                }
                self.end_by(signal);
            }
            Verdict::Died(death) => {
                let (text, code) = worker.life.death(death, &self.cli.command, self.output);
                let text = crate::report::escape_painted(&text, self.output.err).into_bytes();
                self.died(&worker, text, code);
            }
        }
    }

    fn died(&mut self, worker: &Worker, text: Vec<u8>, code: u8) {
        match &worker.file {
            Some(handed) => {
                self.say(handed.file, Stream::Err, &text);
                if is_markdown(&self.cli.command) {
                    let why =
                        super::groups::reason(&String::from_utf8_lossy(&text), &self.files[handed.file as usize].display().to_string());
                    self.say(handed.file, Stream::Failed, why.as_bytes());
                }
                // It had not begun with it.
                match !worker.life.has_begun() && self.twice.insert(handed.file) {
                    true => self.again.push(handed.file),
                    false => self.done(handed.file, code, None),
                }
            }
            None if worker.ready => self.last_words.push((Stream::Err, text)),
            // The others may do better, and if not, they would say the same.
            None if self.opened => return,
            None => {
                self.worst = self.worst.max(code);
                return self.open(vec![(Stream::Err, text)]);
            }
        }
        self.worst = self.worst.max(code);
        if (!self.again.is_empty() || self.next < self.count_of_files()) && !self.closed && !self.stopped {
            let _ = self.start_worker(true);
        }
    }

    /// Everything ends by this signal.
    fn end_by(&mut self, signal: i32) {
        self.closed = true;
        self.signal.get_or_insert(signal);
        for worker in self.workers.iter_mut().flatten() {
            worker.life.signal.get_or_insert(signal);
            if let Some(signal) = Signal::from_named_raw(signal) {
                send(&worker.started.child, signal);
            }
        }
    }

    fn end(mut self) -> Ended {
        self.count.clear();
        let (output, all) = (self.output, self.order.head() == self.count_of_files());
        self.in_order(|order, print| std::mem::replace(order, InOrder::new()).finish(print));
        let told =
            std::mem::replace(&mut self.groups, Groups::new()).finish(self.files, &mut |text| output.pass_on(false, text.as_bytes()));
        self.keep(told);
        self.last_words.iter().for_each(|(to, text)| output.pass_on(*to == Stream::Err, text));
        if let Some(signal) = self.signal {
            if matches!(&self.cli.command, Command::Apply(_)) {
                output.pass_on(true, self.tally.interrupted(self.files.len(), self.begun()).as_bytes());
            }
            return Ended::Signal(signal);
        }
        let not_begun = self.files.len() - self.begun();
        if !all && self.ready && !self.closed && !self.stopped {
            output.error("no process is left for the other files", &["they were not looked at"]);
        }
        match (Words::of(&self.cli.command), all || self.stopped) {
            (Some(words), true) => output.print(&self.tally.text(words, self.files.len(), not_begun)),
            (None, true) if not_begun > 0 => output.note(&format!("{} not begun (--fail-fast)", crate::report::count(not_begun, "file"))),
            _ => {}
        }
        if all {
            self.worst = self.worst.max(self.unmatched.tell(output));
        }
        let code = if all || self.worst >= TROUBLE { self.worst } else { TROUBLE };
        Ended::Code(output.code(code, self.committed))
    }
}

/// What tells that two names are one file's.
fn identity(path: &Path) -> Option<Identity> {
    use std::os::unix::fs::MetadataExt;
    match path.metadata() {
        Ok(meta) => Some(Identity::Inode(meta.dev(), meta.ino())),
        Err(_) => {
            // A link to nothing is the file that it names.
            let target = path.read_link().map(|to| path.parent().map_or_else(|| to.clone(), |folder| folder.join(&to)));
            let path = std::path::absolute(target.as_deref().unwrap_or(path)).ok()?;
            let folder = path.parent()?;
            Some(Identity::Name(folder.canonicalize().unwrap_or_else(|_| folder.into()).join(path.file_name()?)))
        }
    }
}
