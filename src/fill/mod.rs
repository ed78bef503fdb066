//! Contents by rule: any run of elements of a dataset or region, computed from the rule and the index alone.
//!
//! What a rule yields is part of the manifest language and frozen under `version = 1`; `docs/fill-rules.md` is its definition, and the
//! golden tests guard it. Only `+ - * /`, square roots and the `libm` crate decide values, never the C library's or the standard
//! library's exp, log and pow, which differ between processors.
//!
//! No function here depends on threads, chunk sizes or how a dataset is cut into runs.

mod beta;
mod binomial;
mod blocks;
mod chacha;
mod choice;
mod counts;
mod cycle;
mod filler;
#[cfg(test)]
mod filler_tests;
mod gamma;
#[cfg(test)]
mod golden;
mod integers;
mod members;
mod missing;
mod normal;
mod number;
mod permutation;
mod poisson;
mod sampler;
mod simple;
mod steps;
mod stream;
#[cfg(test)]
mod testing;
mod text;
mod uniform;
mod words;
mod ziggurat;

pub use blocks::{Memory, block_elements, in_order, put_block};
pub use filler::{Filler, Open};
