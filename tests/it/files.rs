//! Many files on one command line, and parts of manifests.

use std::fs;
use std::path::Path;

use crate::common::{h5mason, run_to, tempdir};

/// Code, stdout and stderr.
fn said(dir: &Path, args: &[&str]) -> (Option<i32>, String, String) {
    let output = h5mason().current_dir(dir).args(args).output().unwrap();
    (output.status.code(), String::from_utf8(output.stdout).unwrap(), String::from_utf8(output.stderr).unwrap())
}

fn json(dir: &Path, args: &[&str]) -> serde_json::Value {
    let (_, out, err) = said(dir, &[args, &["--format", "json"]].concat());
    serde_json::from_str(&out).unwrap_or_else(|e| panic!("{args:?}: {e}\n{out}{err}"))
}

/// `path aspect` of each of these.
fn listed(plan: &serde_json::Value, key: &str) -> Vec<String> {
    let one = |v: &serde_json::Value| format!("{} {}", v["path"].as_str().unwrap(), v["aspect"].as_str().unwrap());
    plan[key].as_array().unwrap().iter().map(one).collect()
}

const BASE: &str = r#"version = 1
[attrs]
history = "made"
[group."/g".attrs]
history = "made"
kind = "a"
[dataset."/g/d"]
dtype = "i4"
shape = [4]
fill = 1
attrs.history = "made"
[dataset."/h/d"]
dtype = "i4"
shape = [4]
fill = 1
[dataset."/h/old"]
dtype = "i4"
shape = [4]
"#;

const CHANGED: &str = r#"version = 1
[attrs]
history = "changed"
[group."/g".attrs]
history = "changed"
kind = "b"
[group."/new"]
track_order = true
[group."/new".attrs]
a = 1
[dataset."/new/d"]
dtype = "i4"
shape = [4]
[dataset."/g/d"]
attrs.history = "changed"
attrs.past = { rename_from = "history" }
[[patch]]
path = "/h/d"
select = "1:3"
fill = 7
[[remove]]
match = "/h/ol*"
"#;

fn part() -> tempfile::TempDir {
    let dir = tempdir();
    fs::write(dir.path().join("base.toml"), BASE).unwrap();
    fs::write(dir.path().join("m.toml"), CHANGED.replace("attrs.past = { rename_from = \"history\" }\n", "")).unwrap();
    run_to(0, h5mason().current_dir(dir.path()).args(["build", "base.toml", "-o", "f.h5"]));
    dir
}

#[test]
fn a_part_of_a_manifest_is_planned_and_applied() {
    let dir = part();
    let check = |args: &[&str], steps: &[&str]| {
        let plan = json(dir.path(), &[&["plan", "m.toml", "f.h5"], args].concat());
        assert_eq!(listed(&plan, "steps"), steps, "{args:?}");
        assert_eq!(plan["conflicts"].as_array().unwrap().len(), 0, "{args:?}");
        if steps.is_empty() {
            return;
        }
        // What is applied is that part, and no more.
        fs::copy(dir.path().join("f.h5"), dir.path().join("c.h5")).unwrap();
        run_to(0, h5mason().current_dir(dir.path()).args(["apply", "m.toml", "c.h5", "--allow", "destructive"]).args(args));
        run_to(0, h5mason().current_dir(dir.path()).args(["check", "m.toml", "c.h5"]).args(args));
        run_to(1, h5mason().current_dir(dir.path()).args(["check", "m.toml", "c.h5"]));
    };
    check(&["--target", "/g"], &["/g attribute history", "/g attribute kind", "/g/d attribute history"]);
    check(&["--target", "/g", "--exclude", "/g/d"], &["/g attribute history", "/g attribute kind"]);
    check(&["--target", "/h/d"], &["/h/d region [1:3]"]);
    check(&["--target", "/h"], &["/h/old dataset", "/h/d region [1:3]"]);
    check(&["--target", "/g/d", "--target", "/h/old"], &["/h/old dataset", "/g/d attribute history"]);
    // A group on the way is made as declared; its attributes are not in scope.
    check(&["--target", "/new/d"], &["/new group", "/new/d dataset"]);
    check(&["--exclude", "/g", "--exclude", "/new", "--exclude", "/h/*"], &["/ attribute history"]);
    check(&["--exclude", "/**"], &[]);
    let plan = json(dir.path(), &["plan", "m.toml", "f.h5", "--target", "/new/d"]);
    assert_eq!(plan["steps"][0]["after"]["track_order"], "indexed");
    assert_eq!(plan["scope"], serde_json::json!({ "target": ["/new/d"], "exclude": [], "ignore": [] }));
    let (code, _, err) = said(dir.path(), &["plan", "base.toml", "f.h5", "--target", "/gg", "--target", "/g"]);
    assert!(code == Some(2) && err.contains("--target /gg: the manifest declares nothing there"), "{err}");
    assert_eq!(said(dir.path(), &["plan", "m.toml", "f.h5", "--target", "/g["]).0, Some(2));
}

#[test]
fn what_may_differ_is_ignored() {
    let dir = part();
    fs::write(dir.path().join("m.toml"), CHANGED).unwrap();
    let plan = |args: &[&str]| json(dir.path(), &[&["plan", "m.toml", "f.h5", "--target", "/g", "--target", "/h"], args].concat());
    let masked = plan(&["--ignore", "/**@history", "--ignore", "/h"]);
    assert_eq!(listed(&masked, "steps"), ["/g attribute kind"], "a rename from it is about it, too");
    let notes: Vec<_> = masked["kept"].as_array().unwrap().iter().filter(|k| k["note"] == "ignored").cloned().collect();
    let notes = serde_json::json!({ "kept": notes });
    let expected = ["/g attribute history", "/g/d attribute history", "/g/d attribute past", "/h/d contents", "/h/old object"];
    assert_eq!(listed(&notes, "kept"), expected);
    // Conflicts, too: both names are there, and differ.
    let both = "version = 1\n[group.\"/g\".attrs]\nhistory = { rename_from = \"kind\" }\n";
    fs::write(dir.path().join("both.toml"), both).unwrap();
    let code = |args: &[&str]| said(dir.path(), &[&["check", "both.toml", "f.h5"], args].concat()).0;
    assert_eq!(
        (code(&[]), code(&["--ignore", "/g@kind"]), code(&["--ignore", "/g"]), code(&["--ignore", "/x"])),
        (Some(1), Some(0), Some(0), Some(1))
    );
    let (code, _, err) = said(dir.path(), &["check", "both.toml", "f.h5", "--ignore", "(file)"]);
    assert!(code == Some(2) && err.contains("is for `diff`"), "{err}");
}

/// What is saved is bound to the part that it is about.
#[test]
fn a_saved_plan_is_about_its_part() {
    let dir = part();
    let code = |args: &[&str]| said(dir.path(), args).0;
    assert_eq!(code(&["plan", "m.toml", "f.h5", "--target", "/g", "--ignore", "/g@history", "--out", "p.json"]), Some(0));
    let apply = ["apply", "m.toml", "f.h5", "--plan", "p.json", "--target", "/g"];
    let (stale, _, err) = said(dir.path(), &apply);
    assert!(stale == Some(2) && err.contains("stale: it was made with other --target, --exclude or --ignore"), "{err}");
    assert_eq!(code(&[&apply[..], &["--ignore", "/g@history"]].concat()), Some(0));
}
