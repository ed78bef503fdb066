//! Desired × Observed → Proposal → Plan. Pure: no IO, no clock, no environment.

mod aliases;
mod attr_steps;
mod attrs;
mod compare;
mod copies;
mod each;
mod links;
mod moves;
mod names;
mod order;
mod propose;
mod rebuild;
mod regions;
mod resolve;
mod step;
mod storage;

pub use propose::{Consent, Policy, Proposal, propose};
pub use rebuild::{rebuilds, removed};
pub use resolve::resolved;
pub use step::{Action, AttrWrite, Blocked, Blocks, Conflict, Dangling, Hazard, Kept, Plan, Step, Summary, Verb};
