//! h5mason: builds and changes HDF5 files from TOML manifests; planned, idempotent, atomic.
//!
//! A manifest is loaded, compared with a file, and applied. The command `h5mason` does no more than this:
//!
//! ```
//! use h5mason::apply::{Options, apply, inspect};
//! use h5mason::manifest::{Overrides, load};
//!
//! let dir = tempfile::tempdir()?;
//! let (manifest, file) = (dir.path().join("m.toml"), dir.path().join("x.h5"));
//! # #[allow(clippy::disallowed_methods)]
//! std::fs::write(&manifest, "version = 1\n[dataset.\"/t\"]\ndtype = \"f4\"\nshape = [3]\nfill.arange = {}\n")?;
//!
//! let loaded = load(&manifest, &Overrides::default()).map_err(|_| "the manifest has problems")?;
//! let options = Options::default();
//! let before = inspect(&loaded.desired, &file, &options, &mut |_| {})?;
//! assert_eq!(before.proposal.steps.len(), 3); // the file, the dataset, its contents
//!
//! apply(&loaded.desired, &file, &options, &|_| Ok(()), &mut |_| {})?;
//! let after = inspect(&loaded.desired, &file, &options, &mut |_| {})?;
//! assert!(after.proposal.is_empty());
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! How it is built, and which module may see what, is in ARCHITECTURE.md.

pub mod apply;
pub mod capture;
pub mod cli;
pub mod diag;
pub mod diff;
pub mod fill;
pub mod h5;
pub mod manifest;
pub mod model;
pub mod observe;
pub mod plan;
pub mod report;
pub mod source;
pub mod txn;

/// JSON Schema of the manifest language, version 1.
pub const MANIFEST_SCHEMA: &str = include_str!("../schemas/manifest.v1.schema.json");
/// JSON Schema of the JSON plan, version 1.
pub const PLAN_SCHEMA: &str = include_str!("../schemas/plan.v1.schema.json");
