//! Plan → writes. Executes steps on a file inside a transaction; decides nothing.

mod adjust;
mod contiguous;
mod execute;
mod open;
mod rebuild;
mod region;
mod repack;
mod run;
mod space;
mod state;
mod stored;
mod twins;
mod verify;

pub use crate::fill::Memory;
pub use execute::{ApplyError, execute};
pub use open::{no_such_file, open_target};
pub use repack::Repacked;
pub use run::{Applied, Failure, Options, Prepared, Progress, apply, build, inspect};
pub use state::State;
