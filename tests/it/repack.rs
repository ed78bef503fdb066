//! `apply --repack`.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use serde_json::Value;

use crate::common::{children, h5mason, run_to, script, tempdir};

/// A folder with holes.h5, its copy old.h5, and a manifest that declares nothing.
fn scene() -> tempfile::TempDir {
    let dir = tempdir();
    script("repacked.py", &[&"--make", &dir.path()]);
    fs::copy(dir.path().join("holes.h5"), dir.path().join("old.h5")).unwrap();
    fs::write(dir.path().join("m.toml"), "version = 1\n").unwrap();
    dir
}

fn apply(dir: &Path, args: &[&str]) -> Command {
    let mut command = h5mason();
    command.current_dir(dir).args(["apply", "m.toml", "holes.h5"]).args(args);
    command
}

#[track_caller]
fn refused(command: &mut Command) -> String {
    let output = command.output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(2), "{said}");
    said
}

/// What is not the same in two files, by an observer of its own.
fn differences(before: &Path, after: &Path) -> String {
    script("same.py", &[&before, &after])
}

#[test]
fn dead_space_goes_and_everything_else_stays() {
    let dir = scene();
    let at = |name: &str| dir.path().join(name);
    let old = fs::read(at("old.h5")).unwrap();
    fs::set_permissions(at("holes.h5"), fs::Permissions::from_mode(0o640)).unwrap();
    let said = run_to(0, &mut apply(dir.path(), &["--repack"]));
    assert!(said.starts_with("holes.h5: as declared\nrepacked: 1.6 MiB -> "), "{said}");
    let new = fs::read(at("holes.h5")).unwrap();
    assert!(new.len() < 40_000 && old.len() > 1_500_000, "{} {}", old.len(), new.len());
    assert_eq!(new[..1024], old[..1024], "the userblock");
    assert_eq!(fs::metadata(at("holes.h5")).unwrap().mode() & 0o7777, 0o640);
    assert_eq!(differences(&at("old.h5"), &at("holes.h5")), "");
    run_to(0, h5mason().current_dir(dir.path()).args(["diff", "old.h5", "holes.h5"]));
    let said = run_to(0, &mut apply(dir.path(), &["--repack"]));
    assert!(said.contains("as declared, nothing to do\nkept as it is packed: "), "{said}");
    assert_eq!(fs::read(at("holes.h5")).unwrap(), new, "a second run changes no byte");
    // Others go round and round in groups that are members of themselves.
    assert_eq!(script("repacked.py", &[&at("old.h5"), &at("holes.h5"), &"h5py"]), "");
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 3);
}

#[test]
fn what_is_declared_is_applied_first() {
    let dir = scene();
    let at = |name: &str| dir.path().join(name);
    let manifest = "version = 1\n[group.\"/new\"]\nattrs = { a = \"x\" }\n[dataset.\"/data\"]\ndtype = \"i8\"\nshape = [20, 40]\nmaxshape = [\"unlimited\", 50]\nchunks = [7, 9]\nfilters = [{ deflate = 4 }]\non_mismatch = \"replace\"\nfill.value = 7\n";
    fs::write(at("m.toml"), manifest).unwrap();
    fs::copy(at("old.h5"), at("other.h5")).unwrap();
    run_to(0, apply(dir.path(), &["--allow", "destructive"]).arg("other.h5"));
    fs::copy(at("old.h5"), at("holes.h5")).unwrap();
    let json = run_to(0, &mut apply(dir.path(), &["--repack", "--allow", "destructive", "--format", "json"]));
    let plan: Value = serde_json::from_str(&json).unwrap();
    let schema = jsonschema::draft202012::new(&serde_json::from_str(h5mason::PLAN_SCHEMA).unwrap()).unwrap();
    assert!(schema.is_valid(&plan), "{:?}", schema.iter_errors(&plan).map(|e| e.to_string()).collect::<Vec<_>>());
    let size = fs::metadata(at("holes.h5")).unwrap().len();
    assert_eq!(
        plan["repacked"],
        serde_json::json!({ "before": fs::metadata(at("old.h5")).unwrap().len(), "after": size, "replaced": true })
    );
    assert!(size < 40_000 && !plan["steps"].as_array().unwrap().is_empty());
    assert_eq!(differences(&at("other.h5"), &at("holes.h5")), "");
    run_to(0, h5mason().current_dir(dir.path()).args(["check", "m.toml", "holes.h5"]));
}

#[test]
fn a_new_file_is_packed_at_once() {
    let dir = tempdir();
    let manifest =
        "version = 1\n[dataset.\"/d\"]\ndtype = \"str\"\nshape = [100]\nfill.value = \"abc\"\n[group.\"/g\"]\nattrs = { a = 1 }\n";
    fs::write(dir.path().join("m.toml"), manifest).unwrap();
    run_to(0, &mut apply(dir.path(), &["--repack"]));
    let new = fs::read(dir.path().join("holes.h5")).unwrap();
    run_to(0, &mut apply(dir.path(), &["--repack"]));
    assert_eq!(fs::read(dir.path().join("holes.h5")).unwrap(), new);
    run_to(0, h5mason().current_dir(dir.path()).args(["build", "m.toml", "-o", "old.h5"]));
    assert_eq!(differences(&dir.path().join("old.h5"), &dir.path().join("holes.h5")), "");
}

#[test]
fn what_cannot_be_done_changes_nothing() {
    let dir = scene();
    let at = |name: &str| dir.path().join(name);
    let old = fs::read(at("old.h5")).unwrap();
    let said = refused(&mut apply(dir.path(), &["--repack", "--commit", "journal"]));
    assert!(said.contains("--commit journal"), "{said}");
    fs::hard_link(at("holes.h5"), at("link.h5")).unwrap();
    let said = refused(&mut apply(dir.path(), &["--repack"]));
    assert!(said.contains("it has 2 hard links"), "{said}");
    fs::remove_file(at("link.h5")).unwrap();
    let said = refused(&mut apply(dir.path(), &["--repack", "--max-bytes", "1000"]));
    assert!(said.contains("more than 1000 bytes would be written"), "{said}");
    assert_eq!(fs::read(at("holes.h5")).unwrap(), old);
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 3);
    // Behind a symbolic link is the file.
    fs::create_dir(at("elsewhere")).unwrap();
    fs::rename(at("holes.h5"), at("elsewhere/real.h5")).unwrap();
    symlink("elsewhere/real.h5", at("holes.h5")).unwrap();
    run_to(0, &mut apply(dir.path(), &["--repack", "--commit", "replace"]));
    assert!(at("holes.h5").symlink_metadata().unwrap().is_symlink());
    assert!(fs::metadata(at("elsewhere/real.h5")).unwrap().len() < 40_000);
    assert_eq!(fs::read_dir(at("elsewhere")).unwrap().count(), 1);
}

/// What is wrong with one file, repacked, if anything. `refusable`: files that say why they cannot be.
fn problem(file: &Path, refusable: &[&str], others: bool) -> Option<String> {
    let name = file.file_name().unwrap().to_str().unwrap();
    // Beside the other: what it refers to is looked for there.
    let copy = file.with_file_name(format!("repacked-{name}"));
    let dir = tempdir();
    fs::write(dir.path().join("m.toml"), "version = 1\n").unwrap();
    fs::write(&copy, fs::read(file).unwrap()).unwrap();
    let run = || {
        let output = h5mason().arg("apply").arg(dir.path().join("m.toml")).arg(&copy).arg("--repack").output().unwrap();
        (output.status.code(), String::from_utf8_lossy(&output.stderr).into_owned())
    };
    let before = fs::read(&copy).unwrap();
    let (code, said) = run();
    let new = fs::read(&copy).unwrap();
    if refusable.contains(&name) {
        let well = code == Some(2) && said.contains("cannot be repacked") && new == before;
        return (!well).then(|| format!("{name}: {code:?} {said}"));
    }
    if code != Some(0) {
        return Some(format!("{name}: {code:?} {said}"));
    }
    if new.len() > before.len() || (run(), fs::read(&copy).unwrap()) != ((Some(0), String::new()), new) {
        return Some(format!("{name}: a second run is another one"));
    }
    let mut found = differences(file, &copy);
    if others && found.is_empty() {
        // PyTables ruins its memory over this one, before and after, and sometimes lives on.
        let all = !name.ends_with("nested-type-with-gaps.h5");
        let programs: &[&str] = if all { &[] } else { &["netCDF", "h5py"] };
        let mut args: Vec<&dyn AsRef<std::ffi::OsStr>> = vec![&file, &copy];
        args.extend(programs.iter().map(|p| p as &dyn AsRef<std::ffi::OsStr>));
        found = script("repacked.py", &args);
    }
    (!found.is_empty()).then(|| format!("{name}: {found}"))
}

#[track_caller]
fn all_well(files: &[PathBuf], refusable: &[&str], others: bool) {
    let (first, second) = files.split_at(files.len() / 2);
    let problems: Vec<String> = std::thread::scope(|scope| {
        let halves = [first, second].map(|half| scope.spawn(move || half.iter().filter_map(|f| problem(f, refusable, others)).collect()));
        halves.into_iter().flat_map(|half| -> Vec<String> { half.join().unwrap() }).collect()
    });
    assert!(problems.is_empty(), "{} of {}:\n{}", problems.len(), files.len(), problems.join("\n"));
}

#[test]
fn files_that_python_packages_ship_are_repacked() {
    let (dir, listed) = (tempdir(), script("packaged.py", &[]));
    let copied = listed.lines().filter_map(|l| l.strip_prefix("yes\t")).enumerate().map(|(n, path)| {
        let path = Path::new(path);
        let copy = dir.path().join(format!("{n}-{}", path.file_name().unwrap().to_str().unwrap()));
        fs::write(&copy, fs::read(path).unwrap()).unwrap();
        copy
    });
    let files: Vec<PathBuf> = copied.collect();
    assert!(files.len() >= 45, "{listed}");
    all_well(&files, &[], true);
}

#[test]
fn exotic_files_are_repacked() {
    // A type and an object that no path leads to.
    const REFUSED: &[&str] = &["committed_unlinked.h5", "references_unlinked.h5"];
    let dir = tempdir();
    script("exotic.py", &[&dir.path()]);
    let mut files: Vec<PathBuf> = fs::read_dir(dir.path()).unwrap().map(|e| e.unwrap().path()).collect();
    files.retain(|f| f.extension().is_some_and(|e| e == "h5" || e == "nc" || e == "mat"));
    files.sort();
    assert!(files.len() >= 95, "{}", files.len());
    all_well(&files, REFUSED, false);
}

#[test]
fn a_killed_one_leaves_the_old_file_or_the_new_one() {
    let dir = scene();
    let at = |name: &str| dir.path().join(name);
    let old = fs::read(at("old.h5")).unwrap();
    run_to(0, &mut apply(dir.path(), &["--repack"]));
    let new = fs::read(at("holes.h5")).unwrap();
    let mut seen = [0, 0];
    for round in 0..60u64 {
        fs::write(at("holes.h5"), &old).unwrap();
        let mut child = apply(dir.path(), &["--repack"]).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        std::thread::sleep(Duration::from_millis(5 + round * 3));
        for worker in children(child.id()) {
            let _ = rustix::process::kill_process(worker, rustix::process::Signal::KILL);
        }
        child.wait().unwrap();
        let now = fs::read(at("holes.h5")).unwrap();
        assert!(now == old || now == new, "round {round}");
        seen[usize::from(now == new)] += 1;
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 3, "round {round}");
    }
    println!("{} old, {} new", seen[0], seen[1]);
    assert!(seen[0] > 0, "none was killed in time");
}

#[test]
fn what_is_bound_to_the_old_file_from_outside_of_it_is_refused() {
    let dir = tempdir();
    script("repacked.py", &[&"--outside", &dir.path()]);
    fs::write(dir.path().join("m.toml"), "version = 1\n").unwrap();
    for name in ["text.h5", "sequence.h5", "reference.h5", "itself.h5"] {
        let old = fs::read(dir.path().join(name)).unwrap();
        let said = refused(h5mason().current_dir(dir.path()).args(["apply", "m.toml", name, "--repack"]));
        let why =
            if name == "itself.h5" { "bytes of this file, as of an external one" } else { "in external files, and lead into this one" };
        assert!(said.contains(&format!("the elements of /d are {why}; nothing was changed")), "{said}");
        assert_eq!(fs::read(dir.path().join(name)).unwrap(), old, "{name}");
    }
    run_to(0, h5mason().current_dir(dir.path()).args(["apply", "m.toml", "numbers.h5", "--repack"]));
    assert_eq!(script("repacked.py", &[&"--numbers", &dir.path()]), "[0, 1, 2]\n");
}

#[test]
fn a_variable_with_dimension_scales_is_removed_and_its_space_with_it() {
    let dir = tempdir();
    script("repacked.py", &[&"--scales", &dir.path()]);
    fs::write(dir.path().join("m.toml"), "version = 1\n[[remove]]\npath = \"/big\"\n").unwrap();
    let said = run_to(0, h5mason().current_dir(dir.path()).args(["apply", "m.toml", "n.nc", "--repack", "--allow", "destructive"]));
    assert!(said.contains("\nrepacked: "), "{said}");
    assert!(fs::metadata(dir.path().join("n.nc")).unwrap().len() < 20_000);
    // The entry of the removed variable leads nowhere, that of the other one to it.
    assert_eq!(script("repacked.py", &[&"--scaled", &dir.path()]), "[None, '/b'] ['b', 't'] ('t',)\n");
}

#[test]
fn equal_region_references_stay_one() {
    let dir = tempdir();
    script("repacked.py", &[&"--regions", &dir.path()]);
    fs::write(dir.path().join("m.toml"), "version = 1\n").unwrap();
    let before = fs::metadata(dir.path().join("r.h5")).unwrap().len();
    run_to(0, h5mason().current_dir(dir.path()).args(["apply", "m.toml", "r.h5", "--repack"]));
    let after = fs::metadata(dir.path().join("r.h5")).unwrap().len();
    assert!(after < 100_000 && before > 400_000, "{before} {after}");
}
