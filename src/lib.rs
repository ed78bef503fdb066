//! h5mason: builds and changes HDF5 files from TOML manifests; planned, idempotent, atomic.

pub mod apply;
pub mod cli;
pub mod diag;
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
