//! Malformed files: a short form of `cargo run --release --example malformed`.

use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use crate::common::{script, tempdir};
use crate::kills_sweep::{self, State, interrupted};
use crate::malformed_sweep::{Config, each, sweep};

fn config(folder: PathBuf, files: Vec<PathBuf>) -> Config {
    let (bin, limit) = (env!("CARGO_BIN_EXE_h5mason").into(), Duration::from_secs(60));
    Config { bin, dir: folder, files, count: 800, all: false, interrupted: false, seed: 1, jobs: 2, limit }
}

#[test]
fn broken_files_are_refused_or_done_in_time() {
    let dir = tempdir();
    script("malformed.py", &[&dir.path()]);
    let names = ["v0", "v3", "paged", "userblock"];
    let files: Vec<_> = names.iter().map(|n| dir.path().join(format!("to-break-{n}.h5"))).collect();
    let before: Vec<_> = files.iter().map(|f| fs::read(f).unwrap()).collect();
    let report = sweep(&config(dir.path().join("work"), files.clone())).unwrap();
    println!("{report}");
    assert!(report.wrong.is_empty(), "{report}");
    // Most were no such files any more, and some are changed although a bit is wrong where nothing looks.
    for verb in ["show", "apply"] {
        assert!(report.codes.contains_key(&(verb, 0)) && report.codes.contains_key(&(verb, 2)), "{report}");
    }
    assert!(files.iter().zip(before).all(|(f, before)| fs::read(f).unwrap() == before), "a file beside was changed");
}

#[test]
fn unreasonable_files_are_only_described() {
    let dir = tempdir();
    script("malformed.py", &[&dir.path()]);
    let at = |name: &str| dir.path().join(name);
    let canaries = || (fs::read(at("canary")).unwrap(), fs::read(at("canary.h5")).unwrap(), at("made by reading").exists());
    let before = canaries();
    let files = ["cyclic.h5", "huge.h5", "bomb.h5", "outside.h5"].map(at).to_vec();
    // Beside the canaries: names in the files are relative.
    let report = each(&config(dir.path().to_owned(), files)).unwrap();
    println!("{report}");
    assert!(report.wrong.is_empty(), "{report}");
    assert!(canaries() == before && !before.2, "something outside was written");
}

/// Journals that are cut, flipped, forged, or another file's: refused, or the file's own.
#[test]
fn broken_journals_are_refused_or_redone() {
    let dir = tempdir();
    let (bin, work) = (env!("CARGO_BIN_EXE_h5mason").into(), dir.path().join("kills"));
    let found = interrupted(&kills_sweep::Config { bin, dir: work, rounds: 2000, seed: 1, jobs: 1 }, 2).unwrap();
    assert!(found.iter().any(|(state, _)| *state == State::Poisoned), "no apply was killed after its commit point");
    let mut files = Vec::new();
    for (number, (state, bytes)) in found.iter().enumerate() {
        let file = dir.path().join(format!("{number}-{state:?}.h5"));
        fs::write(&file, bytes).unwrap();
        files.push(file);
    }
    let report = sweep(&Config { count: 600, interrupted: true, ..config(dir.path().join("work"), files) }).unwrap();
    println!("{report}");
    assert!(report.wrong.is_empty(), "{report}");
    assert!(report.codes.contains_key(&("recover", 0)) && report.codes.contains_key(&("recover", 2)), "{report}");
}
