//! What h5py, netCDF4 and PyTables see in files that h5mason built or changed.
#![allow(clippy::disallowed_methods, reason = "tests write files of their own, in temporary folders")]

use std::fs;
use std::path::{Path, PathBuf};

use crate::common::{h5mason, repository, run_to, script, tempdir};

fn manifest(name: &str) -> PathBuf {
    repository("tests/interop").join(name)
}

/// What differs between two files, a line each.
#[track_caller]
fn changes(before: &Path, after: &Path) -> Vec<String> {
    script("changes.py", &[&before, &after]).lines().filter(|line| !line.is_empty()).map(str::to_owned).collect()
}

/// Applies a manifest; a second time changes no byte.
#[track_caller]
fn apply_twice(manifest: &Path, file: &Path) {
    run_to(0, h5mason().arg("apply").arg(manifest).arg(file));
    let once = fs::read(file).unwrap();
    let said = run_to(0, h5mason().arg("apply").arg(manifest).arg(file));
    assert!(said.contains("nothing to do"), "{}: {said}", file.display());
    assert!(fs::read(file).unwrap() == once, "{}: the second apply changed bytes", file.display());
    run_to(0, h5mason().arg("check").arg(manifest).arg(file));
}

#[test]
fn h5py_reads_every_form_that_can_be_declared() {
    built_and_read("everything");
}

#[test]
fn h5py_reads_enums_compounds_arrays_and_odd_numbers() {
    built_and_read("structured");
}

/// Builds NAME.toml, reads the file with NAME.py, and checks it against the manifest.
fn built_and_read(name: &str) {
    let dir = tempdir();
    let file = dir.path().join("built.h5");
    let manifest = manifest(&format!("{name}.toml"));
    run_to(0, h5mason().arg("build").arg(&manifest).arg("-o").arg(&file));
    script(&format!("{name}.py"), &[&file]);
    run_to(0, h5mason().args(["check", "--exact"]).arg(&manifest).arg(&file));
}

#[test]
fn h5py_reads_an_attribute_beyond_64_kib() {
    let dir = tempdir();
    let (manifest, file) = (dir.path().join("m.toml"), dir.path().join("long.h5"));
    let numbers = (0..20_000).map(|n| n.to_string()).collect::<Vec<_>>().join(", ");
    fs::write(&manifest, format!("version = 1\n[dataset.\"/d\"]\ndtype = \"i1\"\nshape = [2]\nattrs.long = [{numbers}]\n")).unwrap();
    run_to(0, h5mason().arg("build").arg(&manifest).arg("-o").arg(&file));
    let read = "import sys, h5py; a = h5py.File(sys.argv[1])['d'].attrs['long']; print(a.shape, (a == range(20000)).all())";
    let mut python = std::process::Command::new(crate::common::python());
    assert_eq!(run_to(0, python.arg("-c").arg(read).arg(&file)).trim(), "(20000,) True");
}

#[test]
fn numpy_files_are_read_and_selections_mean_what_they_mean_in_numpy() {
    let dir = tempdir();
    script("numpy_inputs.py", &[&"make", &dir.path()]);
    let (manifest, file) = (dir.path().join("m.toml"), dir.path().join("m.h5"));
    run_to(0, h5mason().arg("build").arg(&manifest).arg("-o").arg(&file));
    script("numpy_inputs.py", &[&"check", &dir.path()]);
    apply_twice(&manifest, &file);
}

#[test]
fn netcdf_reads_and_extends_what_is_built_with_creation_order() {
    let dir = tempdir();
    let file = dir.path().join("built.nc");
    run_to(0, h5mason().arg("build").arg(manifest("netcdf-build.toml")).arg("-o").arg(&file));
    script("netcdf.py", &[&"read", &file]);
}

#[test]
fn a_changed_netcdf_file_stays_one() {
    let dir = tempdir();
    let (before, after) = (dir.path().join("before.nc"), dir.path().join("after.nc"));
    script("netcdf.py", &[&"make", &before]);
    fs::copy(&before, &after).unwrap();
    apply_twice(&manifest("netcdf-change.toml"), &after);
    let expected = [
        "- /@aside",
        "+ /@history",
        "~ /@title",
        "~ /@zone",
        "+ /added",
        "+ /added/values",
        "~ /t2m data",
        "~ /t2m@long_name",
        "- /t2m@unit",
        "+ /t2m@units",
    ];
    assert_eq!(changes(&before, &after), expected);
    script("netcdf.py", &[&"append", &after]);
}

#[test]
fn a_changed_pytables_file_stays_one() {
    let dir = tempdir();
    let (before, after) = (dir.path().join("before.h5"), dir.path().join("after.h5"));
    script("pytables.py", &[&"make", &before]);
    fs::copy(&before, &after).unwrap();
    apply_twice(&manifest("pytables-change.toml"), &after);
    let expected =
        ["~ /@TITLE", "+ /@reviewed", "+ /added", "~ /run/array data", "- /run/array@unit", "+ /run/array@units", "~ /run/table@units"];
    assert_eq!(changes(&before, &after), expected);
    script("pytables.py", &[&"read", &after]);
}

#[test]
fn what_h5py_made_and_nobody_declared_stays() {
    let dir = tempdir();
    let (before, after) = (dir.path().join("before"), dir.path().join("after"));
    fs::create_dir(&before).unwrap();
    fs::create_dir(&after).unwrap();
    script("h5py_files.py", &[&before]);
    let mut expected = Vec::new();
    for file in files_of(&before, "h5") {
        let name = file.file_name().unwrap();
        fs::copy(&file, after.join(name)).unwrap();
        apply_twice(&manifest("h5py-change.toml"), &after.join(name));
        for change in ["~ /dense@attribute 20", "+ /group/new", "~ /plain data", "+ /plain@added"] {
            expected.push(format!("{}: {change}", name.display()));
        }
    }
    let raw = files_of(&before, "raw");
    assert_eq!((expected.len(), raw.len()), (24, 6), "six files of each kind");
    for raw in raw {
        assert_eq!(fs::read(&raw).unwrap(), [5, 0, 0, 0].repeat(4), "the external storage is as h5py wrote it");
    }
    assert_eq!(changes(&before, &after), expected);
}

/// Files with an extension, by name.
fn files_of(folder: &Path, extension: &str) -> Vec<PathBuf> {
    let mut files: Vec<PathBuf> = fs::read_dir(folder).unwrap().map(|e| e.unwrap().path()).collect();
    files.retain(|f| f.extension().is_some_and(|e| e == extension));
    files.sort();
    files
}

#[test]
fn files_that_python_packages_ship_take_an_attribute() {
    let dir = tempdir();
    let (before, after) = (dir.path().join("before"), dir.path().join("after"));
    fs::create_dir(&before).unwrap();
    fs::create_dir(&after).unwrap();
    let probe = dir.path().join("probe.toml");
    fs::write(&probe, "version = 1\n[attrs]\nh5mason_probe = \"x\"\n").unwrap();
    let broken = dir.path().join("broken.h5");
    let (mut expected, mut problems) = (Vec::new(), Vec::new());
    let listed = script("packaged.py", &[]);
    assert!(listed.lines().count() >= 50, "the packages ship files:\n{listed}");
    for (number, line) in listed.lines().enumerate() {
        let (opens, path) = line.split_once('\t').unwrap();
        let name = format!("{number:02}-{}", Path::new(path).file_name().unwrap().display());
        let file = after.join(&name);
        fs::copy(path, &file).unwrap();
        let apply = h5mason().arg("apply").arg(&probe).arg(&file).output().unwrap();
        let check = h5mason().arg("check").arg(&probe).arg(&file).output().unwrap();
        let codes = (apply.status.code(), check.status.code());
        let whole = fs::read(path).unwrap();
        let half = &whole[..whole.len() / 2];
        fs::write(&broken, half).unwrap();
        let refused = h5mason().arg("apply").arg(&probe).arg(&broken).output().unwrap();
        if refused.status.code() != Some(2) || fs::read(&broken).unwrap() != half {
            problems.push(format!("{path}, its first half: apply said {}, and must refuse it and leave it as it was", refused.status));
        }
        if opens == "yes" {
            fs::copy(path, before.join(&name)).unwrap();
            expected.push(format!("{name}: + /@h5mason_probe"));
            if codes != (Some(0), Some(0)) {
                problems.push(format!("{path}: apply and check said {codes:?}: {}", String::from_utf8_lossy(&apply.stderr)));
            }
        } else if codes.0 != Some(2) || fs::read(&file).unwrap() != whole {
            problems.push(format!("{path}: h5py cannot open it; apply said {codes:?}, and it must be left as it was"));
        }
    }
    assert!(problems.is_empty(), "{}", problems.join("\n"));
    assert_eq!(changes(&before, &after), expected);
}

/// h5mason makes no second names itself, so h5py does.
#[test]
fn an_object_with_two_names_is_changed_once() {
    let dir = tempdir();
    let (manifest, file) = (dir.path().join("m.toml"), dir.path().join("f.h5"));
    let make = "import sys, h5py
f = h5py.File(sys.argv[1], 'w')
f['a'] = 1
f['b'] = f['a']";
    run_to(0, std::process::Command::new(crate::common::python()).arg("-c").arg(make).arg(&file));
    let declare = |a: u8, b: u8| {
        fs::write(&manifest, format!("version = 1\n[dataset.\"/a\".attrs]\nu = {a}\n[dataset.\"/b\".attrs]\nu = {b}\n")).unwrap();
    };
    declare(1, 1);
    let plan = run_to(0, h5mason().args(["plan", "--format", "json"]).arg(&manifest).arg(&file));
    let plan: serde_json::Value = serde_json::from_str(&plan).unwrap();
    assert_eq!(plan["steps"].as_array().unwrap().len(), 1, "{plan:#}");
    apply_twice(&manifest, &file);
    declare(2, 3);
    let before = fs::read(&file).unwrap();
    let output = h5mason().arg("apply").arg(&manifest).arg(&file).output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&output.stderr).contains("are one object"), "{output:?}");
    assert!(fs::read(&file).unwrap() == before);
}

#[test]
fn a_removal_ends_where_groups_hold_each_other() {
    let dir = tempdir();
    let (manifest, file) = (dir.path().join("m.toml"), dir.path().join("f.h5"));
    let make = "import sys, h5py
f = h5py.File(sys.argv[1], 'w')
g = f.create_group('g')
h = g.create_group('h')
g['g'], h['up'] = g, g";
    run_to(0, std::process::Command::new(crate::common::python()).arg("-c").arg(make).arg(&file));
    fs::write(&manifest, "version = 1\n[[remove]]\nmatch = \"/**/nothing\"\n").unwrap();
    assert!(run_to(0, h5mason().arg("apply").arg(&manifest).arg(&file)).contains("nothing to do"));
}

/// Nothing is written through a link to another file, or to another place.
#[test]
fn links_are_not_gone_through() {
    let dir = tempdir();
    let at = |name: &str| dir.path().join(name);
    let make = "import os, sys, h5py
os.chdir(sys.argv[1])
h5py.File('other.h5', 'w').create_group('g')
f = h5py.File('f.h5', 'w')
f.create_group('g')
f['outside'], f['soft'] = h5py.ExternalLink('other.h5', '/g'), h5py.SoftLink('/g')";
    run_to(0, std::process::Command::new(crate::common::python()).arg("-c").arg(make).arg(dir.path()));
    let before = (fs::read(at("f.h5")).unwrap(), fs::read(at("other.h5")).unwrap());
    for (link, what) in [("outside", "an external link"), ("soft", "a soft link")] {
        for body in [
            format!("[dataset.\"/{link}/new\"]\ndtype = \"i4\"\nshape = [2]\n"),
            format!("[group.\"/{link}\".attrs]\na = 1\n"),
            format!("[[remove]]\npath = \"/{link}/new\"\n[dataset.\"/{link}/a/b\"]\ndtype = \"i4\"\nshape = [2]\n"),
        ] {
            fs::write(at("m.toml"), format!("version = 1\n{body}")).unwrap();
            let output = h5mason().current_dir(dir.path()).args(["apply", "m.toml", "f.h5", "--allow", "destructive"]).output().unwrap();
            let said = String::from_utf8_lossy(&output.stderr);
            assert!(output.status.code() == Some(2) && said.contains(&format!("/{link} is {what}")), "{body}\n{said}");
            assert!((fs::read(at("f.h5")).unwrap(), fs::read(at("other.h5")).unwrap()) == before, "{body}");
        }
    }
}
