//! From arguments to an exit code.

use std::process::ExitCode;
use std::sync::{Arc, Mutex, PoisonError};

use clap::{CommandFactory, Parser};
use signal_hook::low_level;

use super::args::{Cli, Command, SchemaOf};
use super::isolate::{self, Ended};
use super::life::Life;
use super::output::{DONE, Output, TROUBLE};
use super::watchdog::{self, Limits};
use super::{capture, change, diff, files, inspect, show, signals, worker};
use crate::txn::notify::{self, Event, GivenUp};

/// The command.
pub fn main() -> ExitCode {
    let mut cli = Cli::parse();
    let output = Output::new(&cli);
    if let Some(text) = text_of_ours(&cli.command) {
        output.print(&text);
        return ended(DONE, &output);
    }
    if let Err(message) = cli.check() {
        output.error(message, &[]);
        return ended(TROUBLE, &output);
    }
    if let Err(code) = settle_files(&mut cli, &output) {
        return ExitCode::from(code);
    }
    if cli.worker.is_none() {
        match isolate::run(&cli, &output) {
            Some(Ended::Code(code)) => return ExitCode::from(code),
            Some(Ended::Signal(signal)) => signals::end_by(signal),
            None => {}
        }
    }
    match begin(&cli, &output) {
        Ok(()) => {
            let code = work(&cli.command, &output);
            ended(code, &output)
        }
        Err(message) => {
            output.error(&message, &[]);
            ended(TROUBLE, &output)
        }
    }
}

/// Which files the command is about. The error is an exit code; what is wrong has been said.
fn settle_files(cli: &mut Cli, output: &Output) -> Result<(), u8> {
    let told = match cli.worker.map(|orders| orders.list) {
        None => files::settle(cli).map_err(|problem| (problem.message, vec![problem.help])),
        Some(None) => Ok(()),
        Some(Some(list)) => files::take(cli, list).map_err(|e| (format!("cannot hear which files to work on: {e}"), Vec::new())),
    };
    told.map_err(|(message, helps)| {
        output.error(&message, &helps);
        TROUBLE
    })
}

/// Answers that need no file.
fn text_of_ours(command: &Command) -> Option<String> {
    match command {
        Command::Schema { what: SchemaOf::Manifest } => Some(crate::MANIFEST_SCHEMA.into()),
        Command::Schema { what: SchemaOf::Plan } => Some(crate::PLAN_SCHEMA.into()),
        Command::Completions { shell } => {
            let mut text = Vec::new();
            clap_complete::generate(*shell, &mut Cli::command(), "h5mason", &mut text);
            Some(String::from_utf8_lossy(&text).into_owned())
        }
        Command::Build(_)
        | Command::Plan(_)
        | Command::Apply(_)
        | Command::Check(_)
        | Command::Recover(_)
        | Command::Capture(_)
        | Command::Diff(_)
        | Command::Show(_) => None,
    }
}

/// Prepares the process that does the work. The error is a line.
fn begin(cli: &Cli, output: &Output) -> Result<(), String> {
    signals::clean_up_on_signals().map_err(|e| format!("cannot handle signals: {e}"))?;
    let limits = Limits::new(cli.timeout);
    match &cli.worker {
        Some(orders) => {
            worker::settle(orders).map_err(|e| format!("cannot hear which files to work on: {e}"))?;
            // The parent ends this process, which may be stuck anywhere.
            watchdog::start(limits, |why| notify::tell(&Event::GivenUp(why)))
        }
        None => {
            let life = Arc::new(Mutex::new(Life::default()));
            let heard = Arc::clone(&life);
            notify::listen(Box::new(move |event| heard.lock().unwrap_or_else(PoisonError::into_inner).hear(event)));
            let output = *output;
            watchdog::start(limits, move |why| give_up_alone(&life, why, &output))
        }
    }
    .map_err(|e| format!("cannot start a thread: {e}"))?;
    let jobs = cli.worker.map_or(1, |orders| orders.jobs);
    if let Some(threads) = threads_of(cli.threads, jobs) {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build_global();
        pool.map_err(|e| format!("cannot start {threads} threads: {e}"))?;
    }
    Ok(())
}

/// Most threads of a process.
const MOST_THREADS: usize = 256;

/// How many threads a process has that shares the machine with the other jobs, if not as many as there are processors.
fn threads_of(given: Option<u16>, jobs: u16) -> Option<usize> {
    if given.is_none() && jobs == 1 {
        return None;
    }
    let all = given.map_or_else(|| std::thread::available_parallelism().map_or(1, usize::from), usize::from);
    // Each thread keeps some memory; many more than there are processors do nothing else.
    Some((all / usize::from(jobs)).clamp(1, MOST_THREADS))
}

/// Ends a process that has no parent of its own kind.
fn give_up_alone(life: &Mutex<Life>, why: GivenUp, output: &Output) {
    crate::txn::abandon();
    output.error(&life.lock().unwrap_or_else(PoisonError::into_inner).given_up_text(why), &[]);
    low_level::exit(i32::from(TROUBLE));
}

fn work(command: &Command, output: &Output) -> u8 {
    match command {
        Command::Build(args) => change::build(args, output),
        Command::Plan(args) => inspect::plan(args, output),
        Command::Apply(args) => change::apply_all(args, output),
        Command::Check(args) => inspect::check(args, output),
        Command::Recover(args) => change::recover_all(args, output),
        Command::Capture(args) => capture::run(args, output),
        Command::Diff(args) => diff::run(args, output),
        Command::Show(args) => match show::run(args, &mut std::io::stdout().lock()) {
            Ok(code) => {
                if code == TROUBLE {
                    output.error(&format!("{}: a part of it could not be read: the answer says which, and why", args.file.display()), &[]);
                }
                code
            }
            Err(e) => {
                output.error(&e.message, &e.help.iter().map(String::as_str).collect::<Vec<_>>());
                TROUBLE
            }
        },
        Command::Schema { .. } | Command::Completions { .. } => DONE,
    }
}

fn ended(code: u8, output: &Output) -> ExitCode {
    let code = output.code(code, notify::has_committed());
    notify::tell(&Event::Done(code));
    ExitCode::from(code)
}
