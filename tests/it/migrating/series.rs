//! Files of several years become one version: real files that Python packages ship, with the metadata of one schema as they were over time.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::SystemTime;

use super::walk;
use crate::common::{h5mason, repository, run_to, script, tempdir};

/// Shipped files with a dataset that is to be stored otherwise, and a filter that is not there to read it.
const FILTER_MISSING: [&str; 2] = ["b2nd-no-chunkshape.h5", "test_szip.h5"];

fn lacks_filter(path: &Path) -> bool {
    FILTER_MISSING.iter().any(|name| path.to_str().unwrap().ends_with(name))
}

fn states(folder: &Path) -> BTreeMap<PathBuf, (Vec<u8>, SystemTime)> {
    let state = |path: PathBuf| (path.clone(), (fs::read(&path).unwrap(), fs::metadata(&path).unwrap().modified().unwrap()));
    walk(folder).into_iter().map(state).collect()
}

#[test]
fn one_manifest_makes_old_and_new_files_the_same() {
    let dir = tempdir();
    let at = |name: &str| dir.path().join(name);
    script("series.py", &[&at("before")]);
    run_to(0, Command::new("cp").arg("-a").arg(at("before")).arg(at("after")));
    let run = |command: &str| {
        let mut all = h5mason();
        all.current_dir(dir.path()).arg(command).arg(repository("tests/interop/series.toml")).args(["after/*/*", "--jobs", "2"]);
        let output = all.output().unwrap();
        let last = String::from_utf8(output.stdout).unwrap().lines().last().unwrap().to_owned();
        (output.status.code(), last, String::from_utf8(output.stderr).unwrap())
    };
    let before = states(&at("after"));
    let (code, last, err) = run("apply");
    let once = states(&at("after"));
    let changed = once.iter().filter(|(path, state)| state.0 != before[*path].0).count();
    // In older-2, the dataset has another filter, which is there.
    let failed = 3 * FILTER_MISSING.len();
    let wanted = format!("{} files: {changed} changed, {} unchanged, {failed} failed; ", before.len(), before.len() - changed - failed);
    assert!(code == Some(2) && last.starts_with(&wanted), "{last}, not {wanted}\n{err}");
    assert_eq!(err.matches("cannot be made anew: this h5mason does not have the filter").count(), failed, "{err}");
    for generation in ["older-0", "older-1", "older-2"] {
        let of = |path: &&PathBuf| path.starts_with(at("after").join(generation));
        let (all, same) = (once.keys().filter(of).count(), once.keys().filter(of).filter(|path| once[*path].0 == before[*path].0).count());
        assert!(all >= 60 && same <= 2, "{generation}: {same} of {all} are as they were");
    }
    let names: Vec<PathBuf> = walk(&at("after/newer")).iter().filter(|p| !lacks_filter(p)).map(|p| p.file_name().unwrap().into()).collect();
    let (from, to) = (at("before"), at("after"));
    let args = [&from, &to].into_iter().chain(&names).map(|a| a as &dyn AsRef<std::ffi::OsStr>);
    assert_eq!(script("series_expected.py", &args.collect::<Vec<_>>()), "");
    // Nothing is left to do.
    let (code, last, _) = run("apply");
    let wanted = format!("{} files: 0 changed, {} unchanged, {failed} failed; 0 B written", before.len(), before.len() - failed);
    assert_eq!((code, last), (Some(2), wanted));
    assert!(states(&at("after")) == once, "a second run changes no byte and no time");
    // What cannot be changed differs, which is no trouble for a check.
    let (code, last, _) = run("check");
    assert_eq!((code, last), (Some(1), format!("{} of {} files as declared", before.len() - failed, before.len())));
}
