//! Globs of the command line that are about nothing: mistyped, most often.
//!
//! Who works on files tells what it has found something for; who has started the command says in the end what is left.

use std::path::Path;

use super::args::{Command, ScopeArgs};
use super::output::{DONE, Output, TROUBLE};
use super::worker;
use crate::apply::open_target;
use crate::h5::Locking;
use crate::model::{Desired, Mask, Scope};
use crate::observe::presence;

/// An option that takes globs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Narrowing {
    Target,
    Exclude,
    Ignore,
}

/// The globs of a command, in the order of the options, less those that something was found for.
#[derive(Debug, Default)]
pub struct Unmatched(Vec<Option<(Narrowing, String)>>);

impl Unmatched {
    pub fn of(command: &Command) -> Self {
        match command {
            Command::Plan(args) => Self::of_scope(&args.scope),
            Command::Apply(args) => Self::of_scope(&args.scope),
            Command::Check(args) => Self::of_scope(&args.scope),
            Command::Build(_)
            | Command::Recover(_)
            | Command::Capture(_)
            | Command::Diff(_)
            | Command::Show(_)
            | Command::Schema { .. }
            | Command::Completions { .. } => Self::default(),
        }
    }

    pub fn of_scope(args: &ScopeArgs) -> Self {
        let with = |option, globs: &[String]| globs.iter().map(|glob| Some((option, glob.clone()))).collect::<Vec<_>>();
        Self(
            [with(Narrowing::Target, &args.target), with(Narrowing::Exclude, &args.exclude), with(Narrowing::Ignore, &args.ignore)]
                .concat(),
        )
    }

    /// Something was found for the glob of this number.
    pub fn matched(&mut self, number: u32) {
        if let Some(glob) = self.0.get_mut(number as usize) {
            *glob = None;
        }
    }

    /// Says what is left; the exit code. A target that is about nothing is trouble: nothing was looked at for it.
    pub fn tell(&self, output: &Output) -> u8 {
        let mut code = DONE;
        for (option, glob) in self.0.iter().flatten() {
            let nothing = "matches nothing, neither in these files nor in what the manifest declares";
            match option {
                Narrowing::Target => {
                    output.error(&format!("--target {glob} {nothing}"), &[]);
                    code = TROUBLE;
                }
                Narrowing::Exclude | Narrowing::Ignore if output.quiet => {}
                Narrowing::Exclude => output.warning(&format!("--exclude {glob} {nothing}"), &[]),
                Narrowing::Ignore if glob.contains('@') => output.warning(&format!("--ignore {glob} {nothing}"), &[]),
                Narrowing::Ignore => {
                    let help = format!("attributes are named with an @: --ignore '/**@{}'", glob.rsplit('/').next().unwrap_or_default());
                    output.warning(&format!("--ignore {glob} {nothing}"), &[&help]);
                }
            }
        }
        code
    }
}

/// The same where files are worked on.
#[derive(Debug, Default)]
pub struct Presence {
    unmatched: Unmatched,
    /// What is still looked for, by its number.
    left: Vec<(u32, Mask)>,
}

impl Presence {
    /// `desired`: all of it, before it is narrowed.
    pub fn new(unmatched: Unmatched, scope: &Scope, desired: &Desired) -> Self {
        let objects = scope.targets.iter().chain(&scope.excludes).cloned().map(Mask::Objects);
        let masks: Vec<Mask> = objects.chain(scope.ignored.iter().cloned()).collect();
        let declared = desired.speaks_of(&masks);
        let mut presence = Self { unmatched, left: (0..).zip(masks).collect() };
        presence.strike(&declared);
        presence
    }

    /// `found`: of those that are left.
    fn strike(&mut self, found: &[bool]) {
        let (unmatched, mut found) = (&mut self.unmatched, found.iter());
        self.left.retain(|(number, _)| {
            let is_found = found.next().is_some_and(|found| *found);
            if is_found {
                unmatched.matched(*number);
                worker::tell_matched(*number);
            }
            !is_found
        });
    }

    /// Looks into a file, before anything is done to it, as long as something is looked for.
    pub fn look(&mut self, target: &Path, desired: &Desired, no_lock: bool) {
        if self.left.is_empty() {
            return;
        }
        // What is wrong with the file is said by what works on it.
        let Ok(file) = open_target(target, if no_lock { Locking::Off } else { Locking::On }) else { return };
        let masks: Vec<&Mask> = self.left.iter().map(|(_, mask)| mask).collect();
        if let Ok(found) = presence(&file, desired, &masks) {
            self.strike(&found);
        }
    }

    /// Says what was found for none of the files, unless a parent does or there are others; the exit code.
    pub fn end(&self, all: bool, output: &Output) -> u8 {
        if all && !worker::is_pooled() { self.unmatched.tell(output) } else { DONE }
    }
}
