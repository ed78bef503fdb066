//! Plan → writes. Executes steps on a file inside a transaction; decides nothing.

mod execute;
mod region;
mod run;
mod stored;

pub use execute::{ApplyError, execute};
pub use run::{Applied, Failure, Options, Prepared, Progress, apply, build, inspect, open_target};
