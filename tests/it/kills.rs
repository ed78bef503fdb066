//! Applies that are killed: a short form of `cargo run --release --example kills`.

use crate::common::tempdir;
use crate::kills_sweep::{Config, sweep};

#[test]
fn a_killed_apply_leaves_the_old_file_or_the_new_one() {
    let dir = tempdir();
    let bin = env!("CARGO_BIN_EXE_h5mason").into();
    let report = sweep(&Config { bin, dir: dir.path().into(), rounds: 200, seed: 1, jobs: 2 }).unwrap();
    println!("{report}");
    assert!(report.good(), "{report}");
    let (within, killed) = report.within();
    assert!(killed >= 50 && 5 * within >= killed, "too few kills while the target was written:\n{report}");
}
