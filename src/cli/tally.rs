//! What has come of many files, in one line.

use super::args::{ApplyArgs, CheckArgs, Command, Format, PlanArgs, PlanFormat};
use super::output::Output;
use super::worker;
use crate::report::{grouped, human_bytes};

/// What has come of one file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Nothing was to be done.
    Unchanged,
    /// It was changed, or would be.
    Changed {
        /// Bytes of values.
        bytes: u64,
    },
    /// It was made, or would be.
    Created {
        /// Bytes of values.
        bytes: u64,
    },
    /// Something stands against the plan, which was all that was asked for.
    Conflicts,
    /// It could not be looked at or changed.
    Failed,
}

/// Outcomes, counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    unchanged: usize,
    changed: usize,
    created: usize,
    conflicts: usize,
    failed: usize,
    bytes: u64,
}

/// Which command's words are used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Words {
    Plan,
    Apply,
    Check,
}

impl Words {
    /// `None`: the command says nothing at its end. Machines count themselves.
    pub fn of(command: &Command) -> Option<Self> {
        match command {
            Command::Plan(args) => Self::of_plan(args),
            Command::Apply(args) => Self::of_apply(args),
            Command::Check(args) => Self::of_check(args),
            Command::Build(_)
            | Command::Recover(_)
            | Command::Capture(_)
            | Command::Diff(_)
            | Command::Show(_)
            | Command::Schema { .. }
            | Command::Completions { .. } => None,
        }
    }

    pub fn of_plan(args: &PlanArgs) -> Option<Self> {
        (args.format != PlanFormat::Json).then_some(Self::Plan)
    }

    pub fn of_apply(args: &ApplyArgs) -> Option<Self> {
        (args.format != Format::Json).then_some(Self::Apply)
    }

    pub fn of_check(args: &CheckArgs) -> Option<Self> {
        (args.format != PlanFormat::Json).then_some(Self::Check)
    }
}

impl Tally {
    pub fn add(&mut self, outcome: Outcome) {
        match outcome {
            Outcome::Unchanged => self.unchanged += 1,
            Outcome::Changed { bytes } => {
                self.changed += 1;
                self.bytes = self.bytes.saturating_add(bytes);
            }
            Outcome::Created { bytes } => {
                self.created += 1;
                self.bytes = self.bytes.saturating_add(bytes);
            }
            Outcome::Conflicts => self.conflicts += 1,
            Outcome::Failed => self.failed += 1,
        }
    }

    /// Counts, and tells a parent that counts the files of several processes.
    pub fn count(&mut self, outcome: Outcome) {
        worker::tell_outcome(outcome);
        self.add(outcome);
    }

    /// Files that a saved plan cannot be about.
    pub fn without_plan(&self) -> usize {
        self.conflicts + self.failed
    }

    /// Prints the last line, unless a parent does.
    pub fn end(&self, words: Option<Words>, files: usize, output: &Output) {
        if let (Some(words), false) = (words, worker::is_pooled()) {
            output.print(&self.text(words, files, files - self.total()));
        }
    }

    /// Files that something has come of.
    pub fn total(&self) -> usize {
        self.unchanged + self.changed + self.created + self.conflicts + self.failed
    }

    /// The last line about so many files. Nothing about a single one: it has been told already.
    pub fn text(&self, words: Words, files: usize, not_begun: usize) -> String {
        if files < 2 {
            return String::new();
        }
        let n = |count: usize| grouped(count as u64);
        let rest = if not_begun > 0 { format!(", {} not begun", n(not_begun)) } else { String::new() };
        let (of, changed, unchanged, failed) = (n(files), n(self.changed), n(self.unchanged), n(self.failed));
        let bytes = human_bytes(self.bytes);
        let created = |word: &str| if self.created > 0 { format!("{} {word}, ", n(self.created)) } else { String::new() };
        match words {
            Words::Plan => {
                let conflicts = n(self.conflicts);
                format!(
                    "{of} files: {}{changed} would change, {unchanged} unchanged, {conflicts} with conflicts, {failed} failed{rest}; {bytes} to write\n",
                    created("would be made")
                )
            }
            Words::Apply => {
                format!("{of} files: {}{changed} changed, {unchanged} unchanged, {failed} failed{rest}; {bytes} written\n", created("made"))
            }
            Words::Check => format!("{unchanged} of {of} files as declared{rest}\n"),
        }
    }

    /// The last line where a signal has ended an `apply`. `begun`: files that a process has had.
    pub fn interrupted(&self, files: usize, begun: usize) -> String {
        let n = |count: usize| grouped(count as u64);
        let stopped = begun.saturating_sub(self.total());
        let part = |count: usize, word: &str| if count > 0 { format!(", {} {word}", n(count)) } else { String::new() };
        let others = part(self.created, "made") + &part(self.unchanged, "unchanged") + &part(self.failed, "failed");
        let stopped = if stopped > 0 { format!("; {} stopped before they were changed", n(stopped)) } else { String::new() };
        format!("interrupted: {} changed{others}, {} not begun{stopped}\n", n(self.changed), n(files.saturating_sub(begun)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn outcomes_are_counted() {
        let mut tally = Tally::default();
        let changed = Outcome::Changed { bytes: 600 };
        let outcomes = [Outcome::Unchanged, changed, changed, Outcome::Conflicts, Outcome::Failed, Outcome::Failed, Outcome::Failed];
        outcomes.into_iter().for_each(|outcome| tally.add(outcome));
        assert_eq!(
            tally.text(Words::Plan, 12_000, 0),
            "12 000 files: 2 would change, 1 unchanged, 1 with conflicts, 3 failed; 1.2 KiB to write\n"
        );
        assert_eq!(tally.text(Words::Apply, 9, 2), "9 files: 2 changed, 1 unchanged, 3 failed, 2 not begun; 1.2 KiB written\n");
        assert_eq!(tally.text(Words::Check, 7, 0), "1 of 7 files as declared\n");
        assert_eq!(tally.text(Words::Check, 1, 0), "");
        let mut made = tally;
        made.add(Outcome::Created { bytes: 1 });
        assert_eq!(made.text(Words::Apply, 8, 0), "8 files: 1 made, 2 changed, 1 unchanged, 3 failed; 1.2 KiB written\n");
        assert_eq!(tally.interrupted(20, 7), "interrupted: 2 changed, 1 unchanged, 3 failed, 13 not begun\n");
        assert_eq!(
            tally.interrupted(20, 9),
            "interrupted: 2 changed, 1 unchanged, 3 failed, 11 not begun; 2 stopped before they were changed\n"
        );
    }
}
