//! Writing to the terminal.

use std::io::{IsTerminal, Write};
use std::os::fd::{AsFd, BorrowedFd};
use std::sync::atomic::{AtomicBool, Ordering};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;

use super::args::{Cli, ColorWhen};
use super::wire::Stream;
use super::worker;
use crate::report::Paint;

static LOST: AtomicBool = AtomicBool::new(false);
static INTERRUPTED: AtomicBool = AtomicBool::new(false);

/// Bytes that a pipe takes whole or not at all.
const PIPE_BUF: usize = 4096;

/// Exit codes.
pub const DONE: u8 = 0;
/// Differences were found.
pub const DIFFERENT: u8 = 1;
/// Trouble.
pub const TROUBLE: u8 = 2;
/// The commit point was reached, but what comes after it is not finished.
pub const UNSETTLED: u8 = 3;

/// Where text goes: data to stdout, findings and progress to stderr.
#[derive(Clone, Copy, Debug)]
pub struct Output {
    /// Colour on stdout?
    pub out: Paint,
    /// Colour on stderr?
    pub err: Paint,
    /// Show everything?
    pub verbose: bool,
    /// Show errors and the last line only?
    pub quiet: bool,
    /// Has an earlier process of the same command died?
    pub later: bool,
}

impl Output {
    pub fn new(cli: &Cli) -> Self {
        #[expect(clippy::disallowed_methods, reason = "the one place where the environment decides: NO_COLOR (no-color.org) and TERM")]
        let variable = |name: &str| std::env::var_os(name);
        let plain = variable("NO_COLOR").is_some_and(|v| !v.is_empty()) || variable("TERM").is_some_and(|v| v == "dumb");
        let paint = |terminal: bool| Paint {
            color: match cli.color {
                ColorWhen::Always => true,
                ColorWhen::Never => false,
                ColorWhen::Auto => terminal && !plain,
            },
        };
        Self {
            out: paint(std::io::stdout().is_terminal()),
            err: paint(std::io::stderr().is_terminal()),
            verbose: cli.verbose,
            quiet: cli.quiet,
            later: cli.worker.is_some_and(|orders| orders.later),
        }
    }

    /// Prints to stdout. A reader that went away ends the output, not the work; anything else that goes wrong is
    /// remembered for [`Output::lost`].
    pub fn print(&self, text: &str) {
        let text = crate::report::escape_painted(text, self.out);
        if worker::print(Stream::Out, text.as_bytes()) {
            return;
        }
        let mut out = std::io::stdout().lock();
        keep_loss(out.write_all(text.as_bytes()).and_then(|()| out.flush()));
    }

    /// Hands on what a worker printed, to stderr or to stdout. After a signal nothing is waited for: a reader may have stopped reading.
    pub fn pass_on(&self, err: bool, text: &[u8]) {
        let (out, error) = (std::io::stdout(), std::io::stderr());
        let stream = if err { error.as_fd() } else { out.as_fd() };
        let written = text.chunks(PIPE_BUF).try_for_each(|part| if writable(stream) { write_all(stream, part) } else { Ok(()) });
        if !err {
            keep_loss(written);
        }
    }

    /// Was any output lost, other than to a reader that went away?
    fn lost(&self) -> bool {
        LOST.load(Ordering::Relaxed)
    }

    /// The exit code, worse where output was lost; says so. `committed`: has any file changed?
    pub fn code(&self, code: u8, committed: bool) -> u8 {
        if !self.lost() {
            return code;
        }
        self.error("the output could not be written", &["what was asked for has been done, or refused, all the same"]);
        // Codes for files that were changed or may be are not lost with the words.
        if code == DONE && committed { UNSETTLED } else { code.max(TROUBLE) }
    }

    /// Prints to stderr.
    pub fn tell(&self, text: &str) {
        let text = crate::report::escape_painted(text, self.err);
        if !worker::print(Stream::Err, text.as_bytes()) {
            let _ = std::io::stderr().lock().write_all(text.as_bytes());
        }
    }

    /// `note: …`.
    pub fn note(&self, message: &str) {
        self.tell(&format!("{} {}\n", self.err.bold("note:"), crate::report::escape_controls(message)));
    }

    /// Removes what a progress bar left on a terminal.
    pub fn clear_line(&self) {
        if std::io::stderr().is_terminal() {
            self.tell("\r\x1b[K");
        }
    }

    /// `error: …` with remedies.
    pub fn error(&self, message: &str, helps: &[&str]) {
        self.tell(&self.error_text(message, helps));
    }

    /// `warning: …` with remedies.
    pub fn warning(&self, message: &str, helps: &[&str]) {
        let mut text = format!("{} {}\n", self.err.bold("warning:"), crate::report::escape_controls(message));
        helps.iter().for_each(|help| text.push_str(&format!("  = {} {}\n", self.err.bold("help:"), crate::report::escape_controls(help))));
        self.tell(&text);
    }

    /// What [`Output::error`] prints.
    pub fn error_text(&self, message: &str, helps: &[&str]) -> String {
        let message = crate::report::escape_controls(message);
        let mut text = format!("{} {message}\n", self.err.bold(&self.err.red("error:")));
        for help in helps {
            text.push_str(&format!("  = {} {help}\n", self.err.bold("help:")));
        }
        text
    }
}

fn keep_loss(written: std::io::Result<()>) {
    if written.is_err_and(|e| e.kind() != std::io::ErrorKind::BrokenPipe) {
        LOST.store(true, Ordering::Relaxed);
    }
}

fn write_all(stream: BorrowedFd<'_>, mut bytes: &[u8]) -> std::io::Result<()> {
    while !bytes.is_empty() {
        match rustix::io::write(stream, bytes) {
            Ok(0) => return Err(std::io::ErrorKind::WriteZero.into()),
            Ok(n) => bytes = &bytes[n..],
            Err(Errno::INTR) => {}
            Err(e) => return Err(e.into()),
        }
    }
    Ok(())
}

/// Waits until something can be written; after a signal, only looks.
fn writable(stream: BorrowedFd<'_>) -> bool {
    let tick = Timespec { tv_sec: 0, tv_nsec: 100_000_000 };
    loop {
        match poll(&mut [PollFd::new(&stream, PollFlags::OUT)], Some(&tick)) {
            Ok(0) | Err(Errno::INTR) if INTERRUPTED.load(Ordering::Relaxed) => return false,
            Ok(0) | Err(Errno::INTR) => {}
            // What is wrong shows when it is written.
            Ok(_) | Err(_) => return true,
        }
    }
}

/// From now on no reader is waited for.
pub fn interrupt() {
    INTERRUPTED.store(true, Ordering::Relaxed);
}
