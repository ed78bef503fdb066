//! Writing to the terminal.

use std::io::{IsTerminal, Write};
use std::sync::atomic::{AtomicBool, Ordering};

use super::args::{Cli, ColorWhen};
use super::worker::Resume;
use crate::report::Paint;

static LOST: AtomicBool = AtomicBool::new(false);

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
    /// Which files an earlier process has dealt with.
    pub resume: Resume,
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
            resume: cli.worker.map(|orders| orders.resume).unwrap_or_default(),
        }
    }

    /// Prints to stdout. A reader that went away ends the output, not the work; anything else that goes wrong is
    /// remembered for [`Output::lost`].
    pub fn print(&self, text: &str) {
        let text = crate::report::escape_painted(text, self.out);
        let mut out = std::io::stdout().lock();
        if let Err(e) = out.write_all(text.as_bytes()).and_then(|()| out.flush())
            && e.kind() != std::io::ErrorKind::BrokenPipe
        {
            LOST.store(true, Ordering::Relaxed);
        }
    }

    /// Was any output lost, other than to a reader that went away?
    pub fn lost(&self) -> bool {
        LOST.load(Ordering::Relaxed)
    }

    /// Prints to stderr.
    pub fn tell(&self, text: &str) {
        let text = crate::report::escape_painted(text, self.err);
        let _ = std::io::stderr().lock().write_all(text.as_bytes());
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
        let message = crate::report::escape_controls(message);
        let mut text = format!("{} {message}\n", self.err.bold(&self.err.red("error:")));
        for help in helps {
            text.push_str(&format!("  = {} {help}\n", self.err.bold("help:")));
        }
        self.tell(&text);
    }
}
