//! The examples do what their pages say.
#![allow(clippy::disallowed_methods, reason = "tests write files of their own, in temporary folders")]

use std::path::{Path, PathBuf};
use std::process::Command;
use std::{env, fs};

use tempfile::TempDir;

use crate::common::{h5mason, python, repository, run_to, script, tempdir};

/// A copy of an example, to work in.
fn copy_of(name: &str) -> (TempDir, PathBuf) {
    let dir = tempdir();
    copy(&repository("examples").join(name), dir.path());
    let path = dir.path().to_owned();
    (dir, path)
}

/// Copies a folder's files and its manifests' folder; what examples build is not theirs.
fn copy(from: &Path, to: &Path) {
    for entry in fs::read_dir(from).unwrap() {
        let path = entry.unwrap().path();
        let copied = to.join(path.file_name().unwrap());
        if path.is_file() {
            fs::copy(&path, copied).unwrap();
        } else if path.ends_with("fixtures") {
            fs::create_dir(&copied).unwrap();
            copy(&path, &copied);
        }
    }
}

/// Does `h5mason plan` with these arguments print the file beside the example? `UPDATE_EXPECTED=1` writes it.
#[track_caller]
fn plan_is_expected(example: &str, dir: &Path, args: &[&str], expected: &str) {
    let plan = run_to(0, h5mason().arg("plan").args(args).current_dir(dir));
    let file = repository("examples").join(example).join(expected);
    if env::var_os("UPDATE_EXPECTED").is_some() {
        fs::write(&file, &plan).unwrap();
    }
    let stored = fs::read_to_string(&file).unwrap_or_default();
    let different = plan.lines().zip(stored.lines()).find(|(now, then)| now != then);
    assert!(plan == stored, "{}: first different line: {different:?}; UPDATE_EXPECTED=1 accepts the plan\n{plan}", file.display());
}

/// Runs the `$` lines of a page's ```console blocks, all but pip's, and compares what they print with what the page
/// shows: lines after a command are its output, and a line `…` stands for any lines.
fn walk_through(page: &Path, dir: &Path) {
    let text = fs::read_to_string(page).unwrap();
    let binaries = [Path::new(env!("CARGO_BIN_EXE_h5mason")).parent().unwrap(), python().parent().unwrap()];
    let inherited = env::var_os("PATH").unwrap_or_default();
    let path = env::join_paths(binaries.iter().map(|p| p.to_path_buf()).chain(env::split_paths(&inherited))).unwrap();
    let mut commands = 0;
    for block in text.split("```console\n").skip(1).map(|rest| rest.split("```").next().unwrap()) {
        for step in block.split("$ ").skip(1) {
            let (line, shown) = step.split_once('\n').unwrap();
            if line.contains("pip install") {
                continue;
            }
            let mut shell = Command::new("sh");
            shell.args(["-c", &format!("exec 2>&1; {line}")]).current_dir(dir).env("PATH", &path).env("NO_COLOR", "1");
            let printed = run_to(0, &mut shell);
            assert!(is_shown(&printed, shown), "{}: `{line}` prints\n{printed}\nand the page shows\n{shown}", page.display());
            commands += 1;
        }
    }
    assert!(commands > 0, "{}: no commands", page.display());
}

/// Is this what was printed, apart from `…`? A page may also show nothing.
fn is_shown(printed: &str, shown: &str) -> bool {
    if shown.trim().is_empty() {
        return true;
    }
    let mut rest = printed;
    let parts: Vec<&str> = shown.split("…\n").collect();
    for (number, part) in parts.iter().enumerate() {
        let found = if number == 0 { rest.starts_with(part).then_some(0) } else { rest.find(part) };
        let Some(at) = found else { return false };
        rest = &rest[at + part.len()..];
    }
    rest.is_empty() || parts.last() == Some(&"")
}

#[test]
fn hierarchy() {
    let (_keep, dir) = copy_of("hierarchy");
    plan_is_expected("hierarchy", &dir, &["hierarchy.toml"], "expected-plan.txt");
    run_to(0, h5mason().args(["build", "hierarchy.toml"]).current_dir(&dir));
    plan_is_expected("hierarchy", &dir, &["change.toml"], "expected-plan-change.txt");
    run_to(0, h5mason().args(["apply", "change.toml"]).current_dir(&dir));
    run_to(0, h5mason().args(["check", "change.toml"]).current_dir(&dir));
    // The first manifest still says who the author was.
    run_to(1, h5mason().args(["check", "hierarchy.toml"]).current_dir(&dir));
    let read = "import h5py; d = h5py.File('data/hierarchy.h5')['deeply/nested/group/my_data']; \
                print(dict(d.attrs), (d[5:6, 3:4, 2:4, 8:] < 0).all(), (d[...] < 0).sum())";
    let expected = "{'author': 'David Q Mertz', 'citation': 'INE Training', 'negative_elements': np.True_, \
                    'shape_type': '4-D integer array'} True 4";
    assert_eq!(run_to(0, Command::new(python()).args(["-c", read]).current_dir(&dir)).trim(), expected);
}

#[test]
fn satellite() {
    let (_keep, dir) = copy_of("satellite");
    plan_is_expected("satellite", &dir, &["granule.toml"], "expected-plan.txt");
    let tiny = ["granule.toml", "--dim", "line=10"];
    run_to(0, h5mason().arg("build").args(tiny).args(["-o", "tiny.h5"]).current_dir(&dir));
    run_to(0, h5mason().args(["check", "--exact"]).args(tiny).arg("tiny.h5").current_dir(&dir));
    let read = "import h5py; f = h5py.File('tiny.h5'); v = f['V']; \
                print(v.shape, v.dtype, v.compression, v.shuffle, v.attrs['units'], all('units' in d.attrs for d in f.values()), len(f))";
    let expected = "(10, 60, 47) float32 gzip True m s-1 True 16";
    assert_eq!(run_to(0, Command::new(python()).args(["-c", read]).current_dir(&dir)).trim(), expected);
}

/// What the workflow and the hooks call.
#[test]
fn ci() {
    let (_keep, dir) = copy_of("ci");
    let fixtures = |code: i32, what: &str| {
        run_to(code, Command::new("sh").args(["fixtures.sh", what]).env("H5MASON", env!("CARGO_BIN_EXE_h5mason")).current_dir(&dir))
    };
    assert!(fixtures(1, "check").contains("does not exist"));
    assert!(fixtures(0, "build").contains("data/grid.h5 (new)"));
    assert!(fixtures(0, "check").contains("as declared"));
    fs::write(dir.join("drift.toml"), "version = 1\n[[patch]]\npath = \"/temperature\"\nselect = \"0, 0\"\nfill = 0\n").unwrap();
    run_to(0, h5mason().args(["apply", "drift.toml", "data/grid.h5"]).current_dir(&dir));
    assert!(fixtures(1, "check").contains("/temperature"));
    fixtures(0, "build");
    fixtures(0, "check");
    fixtures(2, "rebuild");
}

#[test]
fn migrate() {
    let (_keep, dir) = copy_of("migrate");
    let original = script("packaged.py", &[]).lines().find_map(|l| l.ends_with("attr-u16.h5").then(|| l[4..].to_owned())).unwrap();
    fs::copy(&original, dir.join("waveform.h5")).unwrap();
    let both = ["migrate.toml", "waveform.h5"];
    plan_is_expected("migrate", &dir, &both, "expected-plan.txt");
    run_to(0, h5mason().arg("apply").args(both).current_dir(&dir));
    let said = run_to(0, h5mason().arg("plan").args(both).current_dir(&dir));
    assert!(said.contains("nothing to do"), "{said}");
    let changed = script("changes.py", &[&original, &dir.join("waveform.h5")]);
    let elsewhere: Vec<&str> = changed.lines().filter(|l| !l.contains("/digital/bit")).collect();
    let expected = [
        "+ /@title",
        "~ /wfm_group0@minor_version",
        "- /wfm_group0@release_version",
        "~ /wfm_group0@writer",
        "- /wfm_group0/axes/axis0@increment",
        "~ /wfm_group0/axes/axis0@numDigits",
        "+ /wfm_group0/axes/axis0@sample_interval",
        "~ /wfm_group0/axes/axis0@start",
        "+ /wfm_group0/axes/axis0@units",
        "~ /wfm_group0/vectors/vector0/data data",
        "+ /wfm_group0/vectors/vector0/data@long_name",
        "+ /wfm_group0/vectors/vector0/data@units",
    ];
    assert_eq!(elsewhere, expected);
    assert_eq!(changed.lines().count(), expected.len() + 8 * 4);
}

#[test]
fn the_commands_of_the_pages_print_what_the_pages_show() {
    for name in ["hierarchy", "satellite", "migrate"] {
        let (_keep, dir) = copy_of(name);
        walk_through(&repository("examples").join(name).join("README.md"), &dir);
    }
}

#[test]
fn the_tour_of_the_readme_prints_what_it_shows() {
    let text = fs::read_to_string(repository("README.md")).unwrap();
    let block = |kind: &str| text.split(&format!("```toml {kind}\n")).nth(1).unwrap().split("```").next().unwrap().to_owned();
    let keep = tempdir();
    let dir = keep.path().to_path_buf();
    fs::write(dir.join("hierarchy.toml"), block("build")).unwrap();
    fs::write(dir.join("change.toml"), block("apply")).unwrap();
    fs::write(dir.join("typo.toml"), block("apply").replace("fill.integers", "fil.integers")).unwrap();
    walk_through(&repository("README.md"), &dir);
}
