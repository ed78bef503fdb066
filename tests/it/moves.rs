//! `[[move]]`: what h5py and netCDF see afterwards, and what is refused.

use std::fs;
use std::path::Path;

use crate::common::{apply, h5mason, run_to, script, tempdir};

fn made() -> tempfile::TempDir {
    let dir = tempdir();
    script("moves.py", &[&"make", &dir.path().join("f.h5")]);
    dir
}

/// Applies a manifest, with consent, by each way in which a change comes into a file.
#[track_caller]
fn change(dir: &Path, manifest: &str, commit: &str) -> String {
    fs::write(dir.join("m.toml"), format!("version = 1\n{manifest}")).unwrap();
    let said = run_to(0, h5mason().args(["apply", "m.toml", "f.h5", "--allow", "destructive", "--commit", commit]).current_dir(dir));
    run_to(0, h5mason().args(["check", "m.toml", "f.h5"]).current_dir(dir));
    said
}

const EVERYTHING: &str = r#"
[[move]]
from = "/old"
to = "/new/home"

[[move]]
from = "/z"
to = "/zz"

[[move]]
from = "/time"
to = "/new/t"

[[move]]
from = "/gone/kept"
to = "/kept"

[[remove]]
path = "/gone"

[dataset."/new/home/deep/x".attrs]
unit = "kelvin"

[[patch]]
path = "/new/home/deep/x"
select = "0, 1:3"
fill = 9

[dataset."/new/home/deep/y"]
dtype = "i4"
shape = [2]
fill = 1

[link."/z"]
soft = "/zz"

[group."/new".attrs]
a = 1
"#;

#[test]
fn h5py_finds_everything_under_its_new_name() {
    for commit in ["journal", "replace"] {
        let dir = made();
        let said = change(dir.path(), EVERYTHING, commit);
        assert!(said.contains("~ /new/home  group moved from /old"), "{said}");
        assert!(said.contains("4 objects moved, 1 object removed"), "{said}");
        let warnings: Vec<&str> = said.lines().filter(|l| l.contains("warning")).collect();
        assert_eq!(warnings, ["  warning: /abs is a soft link to /old/deep/x, which is not there without /old"]);
        script("moves.py", &[&"check", &dir.path().join("f.h5")]);
        // Nothing is left to do, and nothing is done.
        let before = fs::read(dir.path().join("f.h5")).unwrap();
        change(dir.path(), EVERYTHING, commit);
        assert!(fs::read(dir.path().join("f.h5")).unwrap() == before);
    }
}

#[test]
fn moved_links_come_last_where_their_order_is_kept() {
    let dir = made();
    let file = dir.path().join("f.h5");
    assert_eq!(script("moves.py", &[&"order", &file]).trim(), "old time alias abs refs z a gone");
    change(dir.path(), "[[move]]\nfrom = \"/time\"\nto = \"/t\"\n[[move]]\nfrom = \"/alias\"\nto = \"/other\"\n", "journal");
    assert_eq!(script("moves.py", &[&"order", &file]).trim(), "old abs refs z a gone t other");
}

#[test]
fn netcdf_keeps_dimensions_and_can_go_on_writing() {
    let dir = tempdir();
    script("moves.py", &[&"netcdf-make", &dir.path().join("f.h5")]);
    change(dir.path(), "[[move]]\nfrom = \"/data/t\"\nto = \"/data/temperature\"\n", "journal");
    change(dir.path(), "[[move]]\nfrom = \"/data\"\nto = \"/archive/data\"\n", "journal");
    script("moves.py", &[&"netcdf-check", &dir.path().join("f.h5")]);
}

#[test]
fn contents_references_and_hard_links_are_compared_where_they_stand() {
    let dir = made();
    let exact = "[[move]]\nfrom = \"/old/deep\"\nto = \"/new\"\n[dataset.\"/new/x\"]\ndtype = \"i4\"\nshape = [3, 4]\nchunks = [2, 2]\n\
        filters = [{ deflate = 4 }]\nfill.arange = {}\ncontents = \"exact\"\n[dataset.\"/refs\"]\ndtype.ref = \"object\"\nshape = [1]\n\
        fill = \"/new/x\"\ncontents = \"exact\"\n[link.\"/alias\"]\nhard = \"/new/x\"\n";
    let said = change(dir.path(), exact, "journal");
    assert!(said.contains("1 object moved; 0 B."), "{said}");
}

#[test]
fn what_will_dangle_is_told() {
    let warned = |manifest: &str| -> Vec<String> {
        let dir = made();
        fs::write(dir.path().join("m.toml"), format!("version = 1\n{manifest}")).unwrap();
        let json = run_to(0, h5mason().args(["plan", "m.toml", "f.h5", "--format", "json"]).current_dir(dir.path()));
        let plan: serde_json::Value = serde_json::from_str(&json).unwrap();
        plan["warnings"].as_array().unwrap().iter().map(|w| w["message"].as_str().unwrap().to_owned()).collect()
    };
    let abs = "/abs is a soft link to /old/deep/x, which is not there without";
    let scale =
        "/time is removed, and is a dimension scale of /alias: references to it are left there, and netCDF programs refuse such files";
    for (manifest, expected) in [
        ("[[remove]]\npath = \"/a\"", vec![]),
        ("[[remove]]\npath = \"/time\"", vec![scale.to_owned()]),
        ("[[move]]\nfrom = \"/time\"\nto = \"/t\"", vec![]),
        ("[[remove]]\npath = \"/old\"", vec![format!("{abs} /old")]),
        ("[[remove]]\nmatch = [\"/old\", \"/abs\"]", vec![]),
        ("[[move]]\nfrom = \"/old\"\nto = \"/q\"\n[link.\"/abs\"]\nsoft = \"/q/deep/x\"", vec![]),
        ("[[move]]\nfrom = \"/old\"\nto = \"/q\"\n[link.\"/old\"]\nsoft = \"/q\"", vec![]),
        (
            "[[move]]\nfrom = \"/old/deep\"\nto = \"/q\"",
            vec![format!("{abs} /old/deep"), "/old/rel is a soft link to deep/x, which is not there without /old/deep".into()],
        ),
        ("[[move]]\nfrom = \"/old/rel\"\nto = \"/old/other\"", vec![]),
        (
            "[[move]]\nfrom = \"/old/rel\"\nto = \"/rel\"",
            vec!["/rel is a soft link to deep/x, which is looked for in / after the move".into()],
        ),
    ] {
        assert_eq!(warned(manifest), expected, "{manifest}");
    }
}

#[test]
fn ends_that_do_not_fit_are_conflicts() {
    let dir = made();
    let before = fs::read(dir.path().join("f.h5")).unwrap();
    for (from, to, message) in [
        ("/old/deep/x", "/a", "both are there"),
        ("/nope", "/neither", "neither is there"),
        ("/abs/q", "/n", "/abs is a soft link"),
        ("/old/ext/q", "/n", "/old/ext is an external link"),
        ("/z", "/old/rel/q", "/old/rel is a soft link"),
        ("/z", "/a/q", "/a is a dataset"),
    ] {
        let said = apply(dir.path(), &format!("[[move]]\nfrom = \"{from}\"\nto = \"{to}\"\n"), 2);
        assert!(said.contains(message), "{from} -> {to}\n{said}");
    }
    assert!(fs::read(dir.path().join("f.h5")).unwrap() == before);
    apply(dir.path(), "[[move]]\nfrom = \"/nope\"\nto = \"/neither\"\noptional = true\n", 0);
}

#[test]
fn groups_by_other_names() {
    let dir = made();
    let link = "[link.\"/same\"]\nhard = \"/old\"\n";
    change(dir.path(), link, "journal");
    // Into itself by another name; one link twice by two names of its group.
    let said = apply(dir.path(), "[[move]]\nfrom = \"/old\"\nto = \"/same/q\"\n", 2);
    assert!(said.contains("inside of itself"), "{said}");
    let twice = "[[move]]\nfrom = \"/old/deep\"\nto = \"/p\"\n[[move]]\nfrom = \"/same/deep\"\nto = \"/q\"\n";
    let said = apply(dir.path(), twice, 2);
    assert!(said.contains("/same/deep cannot be moved to /q: neither is there"), "{said}");
    // What is moved is gone, and comes, under both names of its group.
    let said = apply(dir.path(), "[[move]]\nfrom = \"/old/deep\"\nto = \"/old/d\"\n[dataset.\"/same/deep/x\".attrs]\na = 1\n", 2);
    assert!(said.contains("no such dataset"), "{said}");
    change(dir.path(), "[[move]]\nfrom = \"/old/deep\"\nto = \"/old/d\"\n[dataset.\"/same/d/x\".attrs]\na = 1\n", "journal");
}

#[test]
fn moves_that_build_on_one_another_are_refused() {
    let dir = made();
    let refused = |moves: &[(&str, &str)], more: &str, message: &str| {
        let entries: String = moves.iter().map(|(from, to)| format!("[[move]]\nfrom = \"{from}\"\nto = \"{to}\"\n")).collect();
        let said = apply(dir.path(), &format!("{entries}{more}"), 2);
        assert!(said.contains(message) && said.contains("1 problem in"), "{entries}{more}\n{said}");
    };
    for chain in [
        [("/a", "/b"), ("/b", "/c")],
        [("/a", "/z"), ("/z", "/a")],
        [("/old", "/q"), ("/old/deep", "/r")],
        [("/old", "/q"), ("/q/deep", "/r")],
    ] {
        refused(&chain, "", "is part of two moves");
    }
    refused(&[("/a", "/q"), ("/a", "/r")], "", "/a is moved twice");
    refused(&[("/a", "/q"), ("/z", "/q")], "", "/q is moved to twice");
    refused(&[("/", "/q")], "", "the root group");
    refused(&[("/old", "/old/q")], "", "into itself");
    refused(&[("/old/deep", "/old")], "", "cannot take the place");
    refused(&[("/a", "/q")], "[dataset.\"/a\"]\ndtype = \"i4\"\nshape = []\n", "/a is declared, and /a is moved away");
    refused(&[("/old", "/q")], "[[patch]]\npath = \"/old/deep/x\"\nselect = \"0\"\nfill = 1\n", "is moved away");
    refused(&[("/a", "/q")], "[[remove]]\npath = \"/q\"\n", "/q is declared and removed");
    refused(&[("/a", "/d/q")], "[dataset.\"/d\"]\ndtype = \"i4\"\nshape = []\n", "/d/q cannot be moved into /d");
    // Into what another move brings, in any order of the entries.
    change(dir.path(), "[[move]]\nfrom = \"/a\"\nto = \"/q/deep/a\"\n[[move]]\nfrom = \"/old\"\nto = \"/q\"\n", "journal");
}
