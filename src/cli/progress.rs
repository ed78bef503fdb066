//! A bar for work that takes longer than a second.

use std::io::{IsTerminal, Write};
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::output::{DIFFERENT, DONE};
use super::worker;
use crate::apply::Progress;

#[expect(clippy::disallowed_methods, reason = "the clock decides only when progress is shown")]
fn now() -> Instant {
    Instant::now()
}

/// Shows bytes, rate and time left on stderr, if that is a terminal and the work lasts.
pub struct Meter {
    begun: Instant,
    shown: Option<ProgressBar>,
    what: &'static str,
    done: u64,
    terminal: bool,
}

impl Meter {
    pub fn new() -> Self {
        let begun = now();
        Self { begun, shown: None, what: "", done: 0, terminal: std::io::stderr().is_terminal() && !worker::is_pooled() }
    }

    /// Counts a report.
    pub fn tick(&mut self, progress: &Progress<'_>) {
        if !self.terminal {
            return;
        }
        if self.what != progress.what {
            self.finish();
            self.what = progress.what;
            self.done = 0;
        }
        self.done += progress.bytes;
        if self.shown.is_none() && self.begun.elapsed() > Duration::from_secs(1) {
            let bar = ProgressBar::with_draw_target(Some(progress.total), ProgressDrawTarget::stderr());
            let style =
                ProgressStyle::with_template("{prefix} {wide_bar} {binary_bytes}/{binary_total_bytes} {binary_bytes_per_sec} {eta} left");
            bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
            bar.set_prefix(progress.what);
            self.shown = Some(bar);
        }
        if let Some(bar) = &self.shown {
            bar.set_position(self.done);
        }
    }

    /// Takes the bar away.
    pub fn finish(&mut self) {
        if let Some(bar) = self.shown.take() {
            bar.finish_and_clear();
        }
    }
}

/// One line about many files, on a terminal: how many are done, have failed, are left.
pub struct Count {
    begun: Instant,
    shown: Option<Instant>,
    visible: bool,
    of: usize,
    done: usize,
    failed: usize,
    terminal: bool,
}

/// Between two lines.
const PAUSE: Duration = Duration::from_millis(200);

impl Count {
    /// Of so many files, none is done.
    pub fn new(of: usize) -> Self {
        let begun = now();
        let terminal = std::io::stderr().is_terminal();
        Self { begun, shown: None, visible: false, of, done: 0, failed: 0, terminal }
    }

    /// Counts a file that ended with this exit code.
    pub fn add(&mut self, code: u8) {
        match code {
            DONE | DIFFERENT => self.done += 1,
            _ => self.failed += 1,
        }
    }

    fn line(&self) -> String {
        format!("{} done, {} failed, {} left", self.done, self.failed, self.of - self.done - self.failed)
    }

    /// Shows the line, if the work lasts, and not too often.
    pub fn show(&mut self) {
        let time = now();
        let due = self.shown.is_none_or(|shown| time.saturating_duration_since(shown) > PAUSE);
        if self.terminal && due && time.saturating_duration_since(self.begun) > Duration::from_secs(1) {
            let _ = write!(std::io::stderr(), "\r\x1b[K{}", self.line());
            (self.shown, self.visible) = (Some(time), true);
        }
    }

    /// Takes it away: something else is to be printed.
    pub fn clear(&mut self) {
        if std::mem::take(&mut self.visible) {
            let _ = write!(std::io::stderr(), "\r\x1b[K");
        }
    }
}

impl Drop for Meter {
    fn drop(&mut self) {
        self.finish();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_counted() {
        let mut count = Count::new(9);
        [0, 0, 1, 2, 3].into_iter().for_each(|code| count.add(code));
        assert_eq!(count.line(), "3 done, 2 failed, 4 left");
    }
}
