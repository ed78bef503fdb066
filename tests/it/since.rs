//! `check --since PLAN`: what was planned and waits, what came later, and what nobody can know.

use std::fs;
use std::path::Path;

use crate::common::{h5mason, run_to, tempdir};
use crate::schemas::valid_plan;

const BASE: &str = r#"version = 1
attrs.title = "old"
[dataset."/a"]
dtype = "i4"
shape = [4]
fill = 1
attrs = { units = "cm", note = "x" }
[dataset."/b"]
dtype = "i4"
shape = [2]
fill = 5
"#;

const WANTED: &str = r#"version = 1
attrs.title = "new"
[dataset."/a"]
dtype = "i4"
shape = [4]
attrs = { units = "m", note = "x" }
[[patch]]
path = "/a"
select = "1:3"
fill = 7
[dataset."/b"]
dtype = "i4"
shape = [2]
"#;

/// `base.toml` was built as `f.h5`, and `m.toml` planned with it.
fn planned() -> tempfile::TempDir {
    let dir = tempdir();
    fs::write(dir.path().join("base.toml"), BASE).unwrap();
    fs::write(dir.path().join("m.toml"), WANTED).unwrap();
    run_to(0, h5mason().current_dir(dir.path()).args(["build", "base.toml", "-o", "f.h5"]));
    run_to(0, h5mason().current_dir(dir.path()).args(["plan", "m.toml", "f.h5", "--out", "saved.json"]));
    dir
}

/// Somebody changes the file by another manifest.
fn somebody(dir: &Path, manifest: &str) {
    fs::write(dir.join("other.toml"), format!("version = 1\n{manifest}")).unwrap();
    run_to(0, h5mason().current_dir(dir).args(["apply", "other.toml", "f.h5", "--allow", "destructive"]));
}

/// `path aspect: word` of every difference, how many planned changes are done, and of how many.
fn ages(dir: &Path, manifest: &str) -> (Vec<String>, u64, u64) {
    let output =
        h5mason().current_dir(dir).args(["check", manifest, "f.h5", "--since", "saved.json", "--format", "json"]).output().unwrap();
    let plan: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    valid_plan(&plan);
    let steps = plan["steps"].as_array().unwrap();
    assert_eq!(output.status.code(), Some(i32::from(!steps.is_empty() || plan["conflicts"] != serde_json::json!([]))));
    let one = |s: &serde_json::Value| {
        format!("{} {}: {}", s["path"].as_str().unwrap(), s["aspect"].as_str().unwrap(), s["since"].as_str().unwrap_or("?"))
    };
    (steps.iter().map(one).collect(), plan["since"]["done"].as_u64().unwrap(), plan["since"]["planned"].as_u64().unwrap())
}

#[test]
fn a_file_as_it_was_waits() {
    let dir = planned();
    let waiting = ["/ attribute title", "/a attribute units", "/a region [1:3]"].map(|s| format!("{s}: not yet applied"));
    let (mut found, done, planned) = ages(dir.path(), "m.toml");
    found.sort();
    assert_eq!((found, done, planned), (waiting.to_vec(), 0, 3));
}

#[test]
fn what_was_as_declared_or_is_another_value_came_later() {
    let dir = planned();
    somebody(dir.path(), "[[each]]\nmatch = \"/a\"\nattrs = { units = \"km\", note = \"y\" }\n");
    let (mut found, done, _) = ages(dir.path(), "m.toml");
    found.sort();
    let expected = [
        "/ attribute title: not yet applied",
        "/a attribute note: changed since",
        "/a attribute units: changed since",
        // Two elements differ from the declared ones, as then: whether they are the same two values is not in the plan.
        "/a region [1:3]: ?",
    ];
    assert_eq!((found, done), (expected.map(String::from).to_vec(), 0));
}

#[test]
fn what_was_applied_and_changed_back_is_not_told_from_what_never_was() {
    let dir = planned();
    run_to(0, h5mason().current_dir(dir.path()).args(["apply", "m.toml", "f.h5"]));
    assert_eq!(ages(dir.path(), "m.toml"), (Vec::new(), 3, 3));
    somebody(dir.path(), "[[each]]\nmatch = \"/a\"\nattrs.units = \"cm\"\n[[patch]]\npath = \"/a\"\nselect = \"1:2\"\nfill = 8\n");
    let (mut found, done, planned) = ages(dir.path(), "m.toml");
    found.sort();
    let expected = ["/a attribute units: not yet applied or changed back", "/a region [1:3]: changed since"];
    assert_eq!((found, done, planned), (expected.map(String::from).to_vec(), 1, 3));
}

#[test]
fn another_manifest_asks_what_the_plan_does_not_say() {
    let dir = planned();
    fs::write(dir.path().join("n.toml"), WANTED.replace("note = \"x\"", "note = \"z\"")).unwrap();
    let (mut found, ..) = ages(dir.path(), "n.toml");
    found.sort();
    let expected =
        ["/ attribute title: not yet applied", "/a attribute note: ?", "/a attribute units: not yet applied", "/a region [1:3]: ?"];
    assert_eq!(found, expected);
}

#[test]
fn people_read_it_by_age() {
    let dir = planned();
    somebody(dir.path(), "[[each]]\nmatch = \"/a\"\nattrs.note = \"y\"\n");
    let text = |args: &[&str]| {
        let output = h5mason().current_dir(dir.path()).args(["check", "m.toml", "--since", "saved.json"]).args(args).output().unwrap();
        (output.status.code(), String::from_utf8(output.stdout).unwrap(), String::from_utf8(output.stderr).unwrap())
    };
    let (code, out, _) = text(&["f.h5"]);
    let part = |from: &str, to: &str| out.split_once(from).unwrap().1.split(to).next().unwrap().to_owned();
    assert_eq!(code, Some(1));
    assert!(part("not yet applied, as when saved.json was made:\n", "since").contains("@title"), "{out}");
    let later = part("\nchanged since saved.json was made:\n", "saved.json cannot");
    assert!(later.contains("@note") && !later.contains("@title"), "{out}");
    let (_, out, _) = text(&["f.h5", "--format", "markdown"]);
    assert!(out.contains("**changed since saved.json was made**\n\n| | object | change | |\n"), "{out}");
    fs::remove_file(dir.path().join("f.h5")).unwrap();
    assert_eq!(text(&["f.h5"]).1, "f.h5: the file does not exist (changed since saved.json was made)\n");
    fs::copy(dir.path().join("base.toml"), dir.path().join("saved.json")).unwrap();
    let (code, _, err) = text(&["f.h5"]);
    assert!(code == Some(2) && err.contains("saved.json is not a saved plan"), "{err}");
}

#[test]
fn a_plan_that_is_done_is_not_stale() {
    let dir = planned();
    let apply = || h5mason().current_dir(dir.path()).args(["apply", "m.toml", "f.h5", "--plan", "saved.json"]).output().unwrap();
    assert_eq!(apply().status.code(), Some(0));
    let again = apply();
    assert_eq!((again.status.code(), String::from_utf8(again.stdout).unwrap()), (Some(0), "f.h5: as declared, nothing to do\n".into()));
    somebody(dir.path(), "attrs.title = \"third\"\n");
    assert_eq!(apply().status.code(), Some(2));
}

#[test]
fn what_was_not_looked_at_is_not_counted_as_done() {
    let dir = planned();
    // The dataset is another one: no step is planned for it, and none is done.
    somebody(dir.path(), "[dataset.\"/a\"]\ndtype = \"f8\"\nshape = [4]\non_mismatch = \"replace\"\nattrs.units = \"m\"\n");
    let (found, done, planned) = ages(dir.path(), "m.toml");
    assert_eq!((found, done, planned), (vec!["/ attribute title: not yet applied".into()], 0, 3));
    // Neither is what is out of the part that is asked for.
    let dir = self::planned();
    let args = ["check", "m.toml", "f.h5", "--since", "saved.json", "--format", "json", "--target", "/a"];
    let output = h5mason().current_dir(dir.path()).args(args).output().unwrap();
    let plan: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(plan["since"], serde_json::json!({ "planned": 3, "done": 0, "rest": null }));
}
