//! Findings: what is wrong (or worth knowing), where, why, and what to do about it.
//!
//! Pure data. Nothing here prints; `report` renders, `cli` decides about exit codes.

mod finding;
mod source;
mod suggest;
mod system;

pub use finding::{Finding, Findings, Label, Severity};
pub use source::{Place, SourceId, Sources, Span};
pub use suggest::{did_you_mean, nearest};
pub use system::system_words;
