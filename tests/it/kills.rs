//! Applies that are killed: a short form of `cargo run --release --example kills`.

use crate::common::tempdir;
use crate::kills_sweep::{Config, sweep};

/// Kills while the target was written.
const ENOUGH: usize = 40;

#[test]
fn a_killed_apply_leaves_the_old_file_or_the_new_one() {
    let dir = tempdir();
    let bin = env!("CARGO_BIN_EXE_h5mason").into();
    let config = Config { bin, dir: dir.path().join("0"), rounds: 200, seed: 1, jobs: 2 };
    let mut report = sweep(&config).unwrap();
    // Where the machine is busy, fewer kills land while the target is written.
    for more in 1..=10 {
        if report.within().0 >= ENOUGH {
            break;
        }
        let (dir, seed) = (dir.path().join(more.to_string()), 1 + 200 * more);
        report.add(sweep(&Config { dir, seed, ..config.clone() }).unwrap());
    }
    println!("{report}");
    assert!(report.good(), "{report}");
    assert!(report.within().0 >= ENOUGH, "too few kills while the target was written:\n{report}");
}
