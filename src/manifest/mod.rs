//! TOML text to [`Desired`](crate::model::Desired): parse, include, substitute, repeat, merge, resolve.
//!
//! Every stage collects its findings; later stages run on what is sound, so that as many problems as
//! possible are reported together. No HDF5 and no planning here.

mod attrs;
mod dataset;
mod dims;
mod dtype;
mod dtype_forms;
mod each;
mod elsewhere;
mod entries;
mod expand;
mod file;
mod fill;
mod filter;
mod include;
mod load;
mod moves;
mod resolve;
mod select;
mod table;
mod tree;
mod vars;

pub use load::{Loaded, Overrides, load};

/// Largest manifest file, bytes.
pub const MAX_MANIFEST_BYTES: u64 = 16 << 20;
/// Most objects after repetition.
pub const MAX_OBJECTS: usize = 1_000_000;
/// Deepest nesting of includes.
pub const MAX_INCLUDE_DEPTH: usize = 16;
