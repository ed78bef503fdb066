//! File → Observed. Opens for reading only, and reads only what was asked for.

mod metadata;
mod regions;

pub use metadata::{ObserveError, metadata};
pub use regions::{Watch, regions};
