//! A bar for work that takes longer than a second.

use std::io::IsTerminal;
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::apply::Progress;

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
        #[expect(clippy::disallowed_methods, reason = "the clock decides only when a progress bar appears")]
        let begun = Instant::now();
        Self { begun, shown: None, what: "", done: 0, terminal: std::io::stderr().is_terminal() }
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

impl Drop for Meter {
    fn drop(&mut self) {
        self.finish();
    }
}
