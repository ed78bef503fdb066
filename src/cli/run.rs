//! From arguments to an exit code.

use std::process::ExitCode;

use clap::{CommandFactory, Parser};

use super::args::{Cli, Command, SchemaOf};
use super::output::{DONE, Output, TROUBLE};
use super::{capture, change, diff, inspect, show, signals};

/// The command.
pub fn main() -> ExitCode {
    let cli = Cli::parse();
    let output = Output::new(&cli);
    if let Err(e) = signals::clean_up_on_signals() {
        output.error(&format!("cannot handle signals: {e}"), &[]);
        return ExitCode::from(TROUBLE);
    }
    if let Some(threads) = cli.threads
        && let Err(e) = rayon::ThreadPoolBuilder::new().num_threads(usize::from(threads)).build_global()
    {
        output.error(&format!("cannot start {threads} threads: {e}"), &[]);
        return ExitCode::from(TROUBLE);
    }
    let code = match &cli.command {
        Command::Build(args) => change::build(args, &output),
        Command::Plan(args) => inspect::plan(args, &output),
        Command::Apply(args) => change::apply_all(args, &output),
        Command::Check(args) => inspect::check(args, &output),
        Command::Capture(args) => capture::run(args, &output),
        Command::Diff(args) => diff::run(args, &output),
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
        Command::Schema { what } => {
            output.print(match what {
                SchemaOf::Manifest => crate::MANIFEST_SCHEMA,
                SchemaOf::Plan => crate::PLAN_SCHEMA,
            });
            DONE
        }
        Command::Completions { shell } => {
            let mut text = Vec::new();
            clap_complete::generate(*shell, &mut Cli::command(), "h5mason", &mut text);
            output.print(&String::from_utf8_lossy(&text));
            DONE
        }
    };
    if output.lost() {
        output.error("the output could not be written", &["what was asked for has been done, or refused, all the same"]);
        return ExitCode::from(TROUBLE);
    }
    ExitCode::from(code)
}
