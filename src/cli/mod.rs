//! The command line: arguments, terminal, exit codes. Nothing imports this module.

mod args;
mod capture;
mod change;
mod diff;
mod files;
mod groups;
mod in_order;
mod inspect;
mod isolate;
mod life;
mod manifest;
mod output;
mod pool;
mod progress;
mod run;
mod show;
mod signals;
mod since;
mod tally;
mod targets;
mod unmatched;
mod watchdog;
mod wire;
mod worker;

pub use run::main;
