//! Files of other programs, captured and built again.
#![allow(clippy::disallowed_methods, reason = "tests write files of their own, in temporary folders")]

use std::path::{Path, PathBuf};

use crate::common::{h5mason, repository, script, tempdir};

/// What docs/capture.md says is not kept, in the words of same.py.
const NOT_KEPT: &[&str] =
    &["type encoding", "allocated", "chunks", "chunk filter masks", "sizes", "symbol k", "chunk k", "shared messages", "superblock"];

/// What goes wrong with one file, if anything: its name and why. It is built in this folder.
fn problem(file: &Path, folder: &Path) -> Option<String> {
    let dir = tempdir();
    let at = |name: &str| match name {
        "b.h5" => folder.join(format!("{}.built", file.file_name().unwrap().display())),
        _ => dir.path().join(name),
    };
    let run = |step: &str, args: &[&dyn AsRef<std::ffi::OsStr>]| -> Result<(), String> {
        let output = h5mason().arg(step).args(args.iter().map(|a| a.as_ref())).output().unwrap();
        match output.status.success() {
            true => Ok(()),
            false => Err(format!("{step} ends with {}: {}", output.status, String::from_utf8_lossy(&output.stderr))),
        }
    };
    let all = || -> Result<(), String> {
        run("capture", &[&file, &"-o", &at("m.toml")])?;
        run("build", &[&at("m.toml"), &"-o", &at("b.h5")])?;
        run("check", &[&at("m.toml"), &file])?;
        run("check", &[&"--exact", &at("m.toml"), &file])?;
        let built = at("b.h5");
        let mut args: Vec<&dyn AsRef<std::ffi::OsStr>> = vec![&file, &built];
        for aspect in NOT_KEPT {
            args.extend([&"--ignore" as &dyn AsRef<std::ffi::OsStr>, aspect]);
        }
        let differences = script("same.py", &args);
        if differences.is_empty() { Ok(()) } else { Err(differences) }
    };
    all().err().map(|why| format!("{}: {}", file.file_name().unwrap().display(), why.trim()))
}

/// Files of the table in docs/capture.md, whose differences are known.
fn known() -> Vec<String> {
    let page = std::fs::read_to_string(repository("docs/capture.md")).unwrap();
    let rows = page.lines().filter_map(|line| line.strip_prefix("| `")?.split_once('`'));
    rows.filter(|(name, _)| name.ends_with(".h5")).map(|(name, _)| name.to_owned()).collect()
}

/// All problems but the known ones.
fn problems(files: &[PathBuf], known: &[String], folder: &Path) -> Vec<String> {
    let mut out: Vec<String> = Vec::new();
    std::thread::scope(|scope| {
        let (first, second) = files.split_at(files.len() / 2);
        let halves = [first, second].map(|half| scope.spawn(move || half.iter().filter_map(|f| problem(f, folder)).collect::<Vec<_>>()));
        halves.into_iter().for_each(|half| out.extend(half.join().unwrap()));
    });
    out.retain(|p| !known.iter().any(|k| p.starts_with(&format!("{k}: "))));
    out
}

#[test]
fn files_that_python_packages_ship_are_built_again() {
    let listed = script("packaged.py", &[]);
    let files: Vec<PathBuf> = listed.lines().filter_map(|l| l.strip_prefix("yes\t").map(PathBuf::from)).collect();
    assert!(files.len() >= 45, "{listed}");
    let known = known();
    assert!(known.len() * 50 <= files.len(), "at most 2 % may differ: {known:?}");
    let folder = tempdir();
    let problems = problems(&files, &known, folder.path());
    assert!(problems.is_empty(), "{} of {}:\n{}", problems.len(), files.len(), problems.join("\n"));
}

/// Files that cover the data model; what cannot be said, or is not kept, is said in docs/capture.md.
#[test]
fn exotic_files_are_built_again() {
    // References and types without names; names that are none; filters of groups.
    const REFUSED: &[&str] = &["committed_unlinked.h5", "references_unlinked.h5", "names.h5", "groups_filtered.h5"];
    // HDF5 sets shuffle's parameter where h5py's did not; extents of virtual sources are not stored.
    const OTHER: &[&str] = &["vlens.h5", "virtual_unlimited.h5"];
    let dir = tempdir();
    script("exotic.py", &[&dir.path()]);
    let mut files: Vec<PathBuf> = std::fs::read_dir(dir.path()).unwrap().map(|e| e.unwrap().path()).collect();
    files.retain(|f| f.extension().is_some_and(|e| e == "h5" || e == "nc" || e == "mat"));
    files.sort();
    assert!(files.len() >= 95, "{}", files.len());
    let known: Vec<String> = REFUSED.iter().chain(OTHER).map(|n| (*n).to_owned()).collect();
    let problems = problems(&files, &known, dir.path());
    assert!(problems.is_empty(), "{} of {}:\n{}", problems.len(), files.len(), problems.join("\n"));
}
