//! Integration tests: one crate, so that it links once.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a failed test is a panic")]
#![allow(clippy::print_stdout, reason = "what was counted is told with --nocapture")]
#![allow(clippy::disallowed_methods, reason = "tests make and break files")]

mod attribute_forms;
mod benches;
mod capture;
mod common;
mod concurrent;
mod convert;
mod counted;
mod diff;
mod docs;
mod each;
mod each_names;
mod each_operation;
mod each_rest;
mod each_storage;
mod examples;
mod files;
mod findings;
mod full_disk;
mod hostile;
mod imports;
mod interop;
mod isolation;
mod kills;
mod laws;
mod malformed;
mod many;
mod messages;
mod migrating;
mod model;
mod moves;
mod order;
mod parts;
mod pipeline;
mod pool;
mod random;
mod referrers;
mod repack;
mod roundtrip;
mod same_bytes;
mod schemas;
mod several_names;
mod since;
mod snapshot;
mod txn;

#[path = "../sweeps/kills.rs"]
mod kills_sweep;
#[path = "../sweeps/malformed.rs"]
mod malformed_sweep;
#[allow(dead_code, reason = "examples use the rest")]
#[path = "../sweeps/processes.rs"]
mod processes;
