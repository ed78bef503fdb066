//! The parent of the process that does the work. A file may crash the library, keep it in a loop or make it ask for all
//! memory; that ends a worker, and the parent says so, removes what it left, and goes on with the next file.
//!
//! The parent touches no HDF5 file. It hears through a pipe what its worker is doing (`txn::notify`), hands signals on to it,
//! and ends as it ended. Where no process can be started (a sandbox, a limit), the work is done in this one: it is
//! no less careful, but a crash is then a crash.

use std::ffi::OsString;
use std::io;
use std::os::fd::AsRawFd;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::PathBuf;
use std::process::{Child, Command as Process, ExitStatus};
use std::sync::mpsc::{Receiver, Sender, channel};

use rustix::io::{FdFlags, fcntl_setfd};
use rustix::process::{Pid, Signal, getpid, kill_process};
use signal_hook::consts::{SIGABRT, SIGBUS, SIGFPE, SIGHUP, SIGILL, SIGINT, SIGKILL, SIGQUIT, SIGSEGV, SIGTERM};

use super::args::{Cli, Command};
use super::output::{DONE, Output, TROUBLE, UNSETTLED};
use super::signals;
use super::wire::decode;
use super::worker::{Orders, Resume};
use crate::txn::notify::{Event, GivenUp, Work};
use crate::txn::{Left, Reported, recover_after_crash};

/// How a command ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended {
    Code(u8),
    /// This process is to end by it, too.
    Signal(i32),
}

enum News {
    Told(Event),
    /// The pipe is closed: the worker is gone.
    Gone,
    Signal(i32),
}

/// Has the command done by workers. `None`: no process can be started, and nothing was done.
pub fn run(cli: &Cli, output: &Output) -> Option<Ended> {
    let (sender, news) = channel();
    let signals = sender.clone();
    let forward = move |signal| drop(signals.send(News::Signal(signal)));
    if let Err(e) = signals::watch(forward) {
        output.error(&format!("cannot handle signals: {e}"), &[]);
        return Some(Ended::Code(TROUBLE));
    }
    let (mut resume, mut worst) = (Resume::default(), DONE);
    loop {
        let child = match start(resume, &sender) {
            Ok(child) => child,
            Err(_) if resume == Resume::default() => return None,
            Err(e) => {
                output.error(&format!("cannot start a process for the other files: {e}"), &["they were not looked at"]);
                return Some(Ended::Code(worst.max(TROUBLE)));
            }
        };
        let mut life = Life::default();
        let status = match follow(child, &news, &mut life) {
            Ok(status) => status,
            Err(e) => {
                output.error(&format!("cannot wait for a process: {e}"), &[]);
                return Some(Ended::Code(TROUBLE));
            }
        };
        match life.verdict(status) {
            Verdict::Code(code) => return Some(Ended::Code(worst.max(code))),
            Verdict::Signal(signal) => {
                let _ = recover_after_crash(&life.reported);
                return Some(Ended::Signal(signal));
            }
            Verdict::Died(death) => {
                let code = life.tell_death(death, cli, output);
                worst = worst.max(life.worst).max(code);
                match life.next(resume) {
                    Some(next) => resume = next,
                    None => return Some(Ended::Code(worst)),
                }
            }
        }
    }
}

/// Starts a worker, and a thread that reads what it tells.
fn start(resume: Resume, news: &Sender<News>) -> io::Result<Child> {
    let (mut from, to) = io::pipe()?;
    fcntl_setfd(&to, FdFlags::empty())?;
    let orders = Orders { pipe: to.as_raw_fd(), parent: getpid().as_raw_nonzero().get(), resume };
    // The program that runs, even if another one has been put into its place.
    let child = worker("/proc/self/exe".into(), &orders).spawn().or_else(|_| worker(std::env::current_exe()?, &orders).spawn())?;
    drop(to);
    let news = news.clone();
    let listen = move || {
        while let Ok(Some(event)) = decode(&mut from) {
            let _ = news.send(News::Told(event));
        }
        // Where a message makes no sense, the worker's end is waited for all the same.
        let _ = io::copy(&mut from, &mut io::sink());
        let _ = news.send(News::Gone);
    };
    match std::thread::Builder::new().name("worker".into()).spawn(listen) {
        Ok(_) => Ok(child),
        Err(e) => {
            let mut child = child;
            let _ = child.kill();
            let _ = child.wait();
            Err(e)
        }
    }
}

fn worker(program: PathBuf, orders: &Orders) -> Process {
    let mut arguments = std::env::args_os();
    let mut process = Process::new(program);
    process.arg0(arguments.next().unwrap_or_else(|| OsString::from("h5mason")));
    process.arg(format!("--worker={orders}")).args(arguments);
    process
}

/// Until the worker has ended.
fn follow(mut child: Child, news: &Receiver<News>, life: &mut Life) -> io::Result<ExitStatus> {
    // Until it is waited for, its number is its own.
    let send = |pid: Pid, signal: Signal| {
        let _ = kill_process(pid, signal);
    };
    let pid = Pid::from_child(&child);
    loop {
        match news.recv() {
            Ok(News::Told(event)) => {
                life.hear(&event);
                if matches!(event, Event::GivenUp(_)) {
                    send(pid, Signal::KILL);
                }
            }
            Ok(News::Signal(signal)) => {
                life.signal = Some(signal);
                // A terminal sends Ctrl-C to both: the worker minds only the first.
                if let Some(signal) = Signal::from_named_raw(signal) {
                    send(pid, signal);
                }
            }
            Ok(News::Gone) | Err(_) => return child.wait(),
        }
    }
}

/// A file that a worker has begun.
#[derive(Clone, Debug)]
struct Begun {
    work: Work,
    name: PathBuf,
}

/// How far the change of a file is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Phase {
    /// The target is as it was.
    #[default]
    Before,
    Committing,
    Committed,
}

/// What is known of one worker.
#[derive(Clone, Debug, Default)]
pub struct Life {
    reported: Reported,
    /// The file it is about.
    file: Option<Begun>,
    /// The last one it began, and how many there are.
    last: Option<(u32, u32)>,
    phase: Phase,
    /// The worst exit code of the files that it ended, and how many ended with 0.
    worst: u8,
    done: u32,
    given_up: Option<GivenUp>,
    finished: Option<u8>,
    /// What this process was sent meanwhile.
    signal: Option<i32>,
}

/// How a worker died.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Death {
    GivenUp(GivenUp),
    Signal(i32),
    Panic,
}

/// The exit code of a panic.
const PANIC: u8 = 101;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Verdict {
    Code(u8),
    Signal(i32),
    Died(Death),
}

impl Life {
    /// Remembers what a worker tells.
    pub fn hear(&mut self, event: &Event) {
        self.reported.hear(event);
        match event {
            Event::Begin { index, of, work, name } => {
                self.last = Some((*index, *of));
                self.file = Some(Begun { work: *work, name: name.clone() });
                self.phase = Phase::Before;
            }
            Event::End(code) => {
                self.worst = self.worst.max(*code);
                self.done += u32::from(*code == DONE);
                self.file = None;
            }
            Event::Committing => self.phase = Phase::Committing,
            Event::Committed => self.phase = Phase::Committed,
            Event::Withdrawn => self.phase = Phase::Before,
            Event::GivenUp(why) => self.given_up = Some(*why),
            Event::Done(code) => self.finished = Some(*code),
            Event::FileMade(_) | Event::FileGone(_) | Event::FolderMade(_) | Event::FolderGone(_) | Event::Tail(_) | Event::TailGone => {}
        }
    }

    fn verdict(&self, status: ExitStatus) -> Verdict {
        let code = status.code().map(|code| u8::try_from(code).unwrap_or(TROUBLE));
        let ended_by = status.signal().unwrap_or(SIGKILL);
        match (self.signal, code) {
            // A shell's loop ends with the signal, even if the work was done by then.
            (Some(signal), _) => Verdict::Signal(signal),
            // A panic, which has said so itself, ends with a code that is none of ours.
            (None, Some(PANIC)) if self.finished.is_none() => Verdict::Died(Death::Panic),
            (None, Some(code)) => Verdict::Code(code),
            (None, None) => match (self.given_up, self.finished) {
                // Everything was done: it died while it was ending.
                (_, Some(code)) => Verdict::Code(code),
                (Some(why), None) => Verdict::Died(Death::GivenUp(why)),
                (None, None) if [SIGINT, SIGTERM, SIGHUP, SIGQUIT].contains(&ended_by) => Verdict::Signal(ended_by),
                (None, None) => Verdict::Died(Death::Signal(ended_by)),
            },
        }
    }

    /// Cleans up and says what happened; the exit code.
    fn tell_death(&self, death: Death, cli: &Cli, output: &Output) -> u8 {
        let left = recover_after_crash(&self.reported);
        let left = left.as_ref();
        output.clear_line();
        let mut helps: Vec<&str> = Vec::new();
        if self.unsettled(left) {
            helps.push("run the command again: where nothing is left to do, it says so");
        }
        if matches!(death, Death::GivenUp(GivenUp::Stuck(_))) {
            helps.push("if the file is sound, give it more time: --timeout SECONDS");
        }
        if matches!(&cli.command, Command::Plan(args) if args.out.is_some()) {
            helps.push("no plan was saved");
        }
        let text = match death {
            Death::GivenUp(why) => self.given_up_text(why),
            Death::Signal(signal) => self.crash_text(what_happened(signal), left),
            Death::Panic => self.crash_text("a bug in h5mason: please report it. It ended".into(), left),
        };
        output.error(&text, &helps);
        if let Err(line) = left {
            output.error(line, &[]);
        }
        if self.unsettled(left) { UNSETTLED } else { TROUBLE }
    }

    /// Has the target changed, or may it have?
    fn unsettled(&self, left: Result<&Left, &String>) -> bool {
        match left {
            Ok(Left::Completed | Left::Either) | Err(_) => true,
            Ok(Left::AsBefore) => false,
            Ok(Left::Nothing) => self.phase != Phase::Before && self.file.as_ref().is_some_and(|f| f.work != Work::Read),
        }
    }

    /// Why the work on a file was given up, in one line.
    pub fn given_up_text(&self, why: GivenUp) -> String {
        let what = match why {
            GivenUp::Stuck(after) => format!("no progress for {} s in one object", after.as_secs_f64()),
            GivenUp::TooLong(after) => format!("not done after {} s", after.as_secs_f64()),
        };
        let (name, state) = match &self.file {
            Some(file) => (format!("{}: ", file.name.display()), untouched(file.work)),
            None => (String::new(), "no file was modified"),
        };
        format!("{name}{what}; given up ({state})")
    }

    fn crash_text(&self, what: String, left: Result<&Left, &String>) -> String {
        let Some(file) = &self.file else { return format!("{what}, between files") };
        let name = file.name.display();
        let doing = match file.work {
            Work::Read => "reading",
            Work::Change => "changing",
            Work::Build => "building",
        };
        match (self.unsettled(left), self.phase) {
            (true, _) if left == Ok(&Left::Completed) => {
                format!("{what} while it committed the changes of {name}, which have been completed")
            }
            (true, Phase::Committed) => format!("{what} after {name} was written"),
            (true, _) if file.work == Work::Build => format!("{what} while {name} was being put into its place"),
            (true, _) => format!("{what} while the changes of {name} were being committed"),
            (false, _) => format!("{what} while {doing} {name}; {}", untouched(file.work)),
        }
    }

    /// Where another worker goes on. With one file there is nothing to go on with.
    fn next(&self, resume: Resume) -> Option<Resume> {
        let (index, of) = self.last?;
        // With several files, what a command says or leaves at its end is still to come after the last one.
        (of > 1 && index >= resume.from).then(|| Resume { from: index + 1, done: resume.done + self.done })
    }
}

fn what_happened(signal: i32) -> String {
    match signal {
        SIGSEGV | SIGBUS | SIGILL | SIGFPE => "the HDF5 library crashed".to_owned(),
        // What the allocator, a failed assertion or a full stack ends with; they have said so themselves.
        SIGABRT => "h5mason or the HDF5 library ran out of memory or gave up".to_owned(),
        SIGKILL => "h5mason was killed (out of memory?)".to_owned(),
        other => format!("h5mason was ended by signal {other}"),
    }
}

fn untouched(work: Work) -> &'static str {
    match work {
        Work::Read | Work::Change => "the file was not modified",
        Work::Build => "nothing was written",
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn life(events: &[Event]) -> Life {
        let mut life = Life::default();
        events.iter().for_each(|event| life.hear(event));
        life
    }

    fn begin(index: u32, work: Work) -> Event {
        Event::Begin { index, of: 3, work, name: format!("{index}.h5").into() }
    }

    #[test]
    fn deaths_are_told_by_kind() {
        let check = |work: Work, more: &[Event], signal: i32, text: &str| {
            assert_eq!(life(&[&[begin(1, work)], more].concat()).crash_text(what_happened(signal), Ok(&Left::Nothing)), text);
        };
        check(Work::Read, &[], SIGSEGV, "the HDF5 library crashed while reading 1.h5; the file was not modified");
        check(Work::Change, &[], SIGKILL, "h5mason was killed (out of memory?) while changing 1.h5; the file was not modified");
        check(
            Work::Build,
            &[Event::Committing, Event::Withdrawn],
            SIGBUS,
            "the HDF5 library crashed while building 1.h5; nothing was written",
        );
        check(
            Work::Build,
            &[],
            SIGABRT,
            "h5mason or the HDF5 library ran out of memory or gave up while building 1.h5; nothing was written",
        );
        check(
            Work::Change,
            &[Event::Committing],
            SIGKILL,
            "h5mason was killed (out of memory?) while the changes of 1.h5 were being committed",
        );
        check(Work::Change, &[Event::Committing, Event::Committed], SIGSEGV, "the HDF5 library crashed after 1.h5 was written");
        let commit = life(&[begin(1, Work::Change), Event::Committing]);
        assert_eq!(
            commit.crash_text(what_happened(SIGKILL), Ok(&Left::AsBefore)),
            "h5mason was killed (out of memory?) while changing 1.h5; the file was not modified"
        );
        let text = commit.crash_text(what_happened(SIGKILL), Ok(&Left::Completed));
        assert!(text.ends_with("while it committed the changes of 1.h5, which have been completed"), "{text}");
        // What capture writes is not what it reads.
        check(Work::Read, &[Event::Committing], SIGSEGV, "the HDF5 library crashed while reading 1.h5; the file was not modified");
        check(Work::Read, &[Event::End(0)], SIGSEGV, "the HDF5 library crashed, between files");
        let why = GivenUp::Stuck(Duration::from_secs(5));
        let text = life(&[begin(0, Work::Read)]).given_up_text(why);
        assert_eq!(text, "0.h5: no progress for 5 s in one object; given up (the file was not modified)");
    }

    #[test]
    fn verdicts() {
        let died = ExitStatus::from_raw(SIGSEGV);
        let ended = ExitStatus::from_raw(1 << 8);
        assert_eq!(life(&[]).verdict(ended), Verdict::Code(1));
        assert_eq!(life(&[begin(0, Work::Read)]).verdict(died), Verdict::Died(Death::Signal(SIGSEGV)));
        assert_eq!(life(&[Event::Done(1)]).verdict(died), Verdict::Code(1), "it crashed while it was ending");
        assert_eq!(life(&[]).verdict(ExitStatus::from_raw(SIGTERM)), Verdict::Signal(SIGTERM));
        let why = GivenUp::TooLong(Duration::from_secs(1));
        assert_eq!(life(&[Event::GivenUp(why)]).verdict(ExitStatus::from_raw(SIGKILL)), Verdict::Died(Death::GivenUp(why)));
        let sent = Life { signal: Some(SIGINT), ..life(&[begin(0, Work::Read)]) };
        assert_eq!(sent.verdict(died), Verdict::Signal(SIGINT));
    }

    #[test]
    fn the_others_go_on() {
        let resume = Resume { from: 0, done: 0 };
        let some = life(&[begin(0, Work::Read), Event::End(0), begin(1, Work::Read)]);
        assert_eq!(some.next(resume), Some(Resume { from: 2, done: 1 }));
        assert_eq!(life(&[]).next(resume), None, "it died before any file");
        let last = life(&[begin(2, Work::Read), Event::End(0)]);
        assert_eq!(last.next(Resume { from: 2, done: 1 }), Some(Resume { from: 3, done: 2 }), "a summary is still to come");
        assert_eq!(life(&[]).next(Resume { from: 3, done: 2 }), None);
    }
}
