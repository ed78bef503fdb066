//! What is known of a worker, and what is said when it has died.

use std::os::unix::process::ExitStatusExt;
use std::path::PathBuf;
use std::process::ExitStatus;

use signal_hook::consts::{SIGABRT, SIGBUS, SIGFPE, SIGHUP, SIGILL, SIGINT, SIGKILL, SIGQUIT, SIGSEGV, SIGTERM};

use super::args::Command;
use super::output::{Output, TROUBLE, UNSETTLED};
use crate::txn::notify::{Event, GivenUp, Work};
use crate::txn::{Left, Reported, recover_after_crash};

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
    phase: Phase,
    given_up: Option<GivenUp>,
    finished: Option<u8>,
    /// What this process was sent meanwhile.
    pub signal: Option<i32>,
}

/// How a worker died.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Death {
    GivenUp(GivenUp),
    Signal(i32),
    Panic,
}

/// The exit code of a panic.
const PANIC: u8 = 101;

/// How a worker ended: by itself, by a signal that was meant for the command, or otherwise.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    Code(u8),
    Signal(i32),
    Died(Death),
}

impl Life {
    /// Remembers what a worker tells.
    pub fn hear(&mut self, event: &Event) {
        self.reported.hear(event);
        match event {
            Event::Begin { work, name, .. } => {
                self.file = Some(Begun { work: *work, name: name.clone() });
                self.phase = Phase::Before;
            }
            Event::End(_) => self.file = None,
            Event::Committing => self.phase = Phase::Committing,
            Event::Committed => self.phase = Phase::Committed,
            Event::Withdrawn => self.phase = Phase::Before,
            Event::GivenUp(why) => self.given_up = Some(*why),
            Event::Done(code) => self.finished = Some(*code),
            Event::FileMade(_) | Event::FileGone(_) | Event::FolderMade(_) | Event::FolderGone(_) | Event::Tail(_) | Event::TailGone => {}
        }
    }

    /// How it has ended.
    pub fn verdict(&self, status: ExitStatus) -> Verdict {
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

    /// Is it in the midst of a file?
    pub fn has_begun(&self) -> bool {
        self.file.is_some()
    }

    /// Is its file changed, though it has not said that it is done with it?
    pub fn has_committed(&self) -> bool {
        self.phase == Phase::Committed && self.file.is_some()
    }

    /// Removes what it left, or completes it.
    pub fn clean_up(&self) -> Result<Left, String> {
        recover_after_crash(&self.reported)
    }

    /// Cleans up; what happened, for stderr, and the exit code.
    pub fn death(&self, death: Death, command: &Command, output: &Output) -> (String, u8) {
        let left = self.clean_up();
        let left = left.as_ref();
        let mut helps: Vec<&str> = Vec::new();
        if self.unsettled(left) {
            helps.push("run the command again: where nothing is left to do, it says so");
        }
        if matches!(death, Death::GivenUp(GivenUp::Stuck(_))) {
            helps.push("if the file is sound, give it more time: --timeout SECONDS");
        }
        if matches!(command, Command::Plan(args) if args.out.is_some()) {
            helps.push("no plan was saved");
        }
        let what = match death {
            Death::GivenUp(why) => self.given_up_text(why),
            Death::Signal(signal) => self.crash_text(what_happened(signal), left),
            Death::Panic => self.crash_text("a bug in h5mason: please report it. It ended".into(), left),
        };
        let mut text = output.error_text(&what, &helps);
        if let Err(line) = left {
            text.push_str(&output.error_text(line, &[]));
        }
        (text, if self.unsettled(left) { UNSETTLED } else { TROUBLE })
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
}
