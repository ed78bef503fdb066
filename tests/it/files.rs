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

/// Rules for whatever matches are about objects in scope only.
#[test]
fn rules_keep_to_the_part() {
    let dir = part();
    let each = "version = 1\n[[each]]\nmatch = \"/**\"\nattrs.history = \"rule\"\nattrs.seen = true\n[group.\"/g\"]\n";
    fs::write(dir.path().join("each.toml"), each).unwrap();
    let plan = |args: &[&str]| json(dir.path(), &[&["plan", "each.toml", "f.h5"], args].concat());
    let all = ["/h", "/h/d", "/h/old"].map(|p| [format!("{p} attribute history"), format!("{p} attribute seen")]).concat();
    assert_eq!(listed(&plan(&["--target", "/h"]), "steps"), all);
    // The group on the way to it is not itself in scope.
    assert_eq!(listed(&plan(&["--target", "/g/d"]), "steps"), ["/g/d attribute history", "/g/d attribute seen"]);
    let masked = plan(&["--exclude", "/h", "--ignore", "/**@history"]);
    assert_eq!(listed(&masked, "steps"), ["/ attribute seen", "/g attribute seen", "/g/d attribute seen"]);
    let notes = masked["kept"].as_array().unwrap().iter().filter(|k| k["note"] == "ignored").count();
    assert_eq!(notes, 3);
    run_to(0, h5mason().current_dir(dir.path()).args(["apply", "each.toml", "f.h5", "--exclude", "/h", "--ignore", "/**@history"]));
    run_to(0, h5mason().current_dir(dir.path()).args(["check", "each.toml", "f.h5", "--exclude", "/h", "--ignore", "/**@history"]));
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

/// Files `data/a.nc`, `data/b.nc`, `data/sub/c.nc`, `data/sub/.d.nc`, `e[1].nc`, and two that are none.
fn tree() -> tempfile::TempDir {
    let dir = part();
    fs::create_dir_all(dir.path().join("data/sub/folder.nc")).unwrap();
    for name in ["data/b.nc", "data/a.nc", "data/sub/c.nc", "data/sub/.d.nc", "e[1].nc", "data/other.txt"] {
        fs::copy(dir.path().join("f.h5"), dir.path().join(name)).unwrap();
    }
    std::os::unix::fs::symlink("../data", dir.path().join("data/round")).unwrap();
    fs::remove_file(dir.path().join("f.h5")).unwrap();
    dir
}

/// The files that a command is about, by its JSON documents.
fn about(dir: &Path, files: &[&str], stdin: &str) -> Vec<String> {
    use std::io::Write;
    let mut lists = Vec::new();
    for jobs in ["1", "3"] {
        let mut command = h5mason();
        command.current_dir(dir).args(["plan", "base.toml", "--format", "json", "--jobs", jobs]).args(files);
        command.stdin(std::process::Stdio::piped()).stdout(std::process::Stdio::piped()).stderr(std::process::Stdio::inherit());
        let mut child = command.spawn().unwrap();
        child.stdin.take().unwrap().write_all(stdin.as_bytes()).unwrap();
        let output = child.wait_with_output().unwrap();
        assert_eq!(output.status.code(), Some(0), "{files:?}");
        let documents = serde_json::Deserializer::from_slice(&output.stdout).into_iter::<serde_json::Value>();
        lists.push(documents.map(|d| d.unwrap()["target"]["path"].as_str().unwrap().to_owned()).collect::<Vec<_>>());
    }
    assert_eq!(lists[0], lists[1]);
    lists.remove(0)
}

#[test]
fn globs_and_lists_stand_for_files() {
    let dir = tree();
    fs::write(dir.path().join("list.txt"), "# two of them\ndata/b.nc\n\n./data/a.nc\r\n").unwrap();
    let check = |files: &[&str], expected: &[&str]| assert_eq!(about(dir.path(), files, "data/sub/c.nc\n"), expected, "{files:?}");
    check(&["data/*.nc"], &["data/a.nc", "data/b.nc"]);
    check(&["data/**/*.nc"], &["data/a.nc", "data/b.nc", "data/sub/c.nc"]);
    check(&["./**/[ab].nc", "data/{a,sub/c}.nc"], &["./data/a.nc", "./data/b.nc", "data/sub/c.nc"]);
    check(&["data/*/sub/.*.nc"], &["data/round/sub/.d.nc"]);
    // A file of just this name is meant.
    check(&["e[1].nc"], &["e[1].nc"]);
    check(&["@list.txt"], &["data/b.nc", "./data/a.nc"]);
    check(&["-", "@list.txt"], &["data/sub/c.nc", "data/b.nc", "./data/a.nc"]);
    check(&["-"], &["data/sub/c.nc"]);
    // One file once, whatever leads to it; missing ones, too.
    check(&["data/a.nc", "data/../data/a.nc", "data/round/a.nc", "new.h5", "./new.h5"], &["data/a.nc", "new.h5"]);
}

#[test]
fn names_that_stand_for_nothing_are_refused() {
    let dir = tree();
    fs::write(dir.path().join("empty.txt"), "# none\n").unwrap();
    for (name, message) in [
        ("data/*.h5", "no file matches data/*.h5"),
        ("none/*", "no file matches none/*"),
        ("@missing.txt", "cannot read the list of files missing.txt: no such file"),
        ("@empty.txt", "empty.txt names no file"),
        ("@data/a.nc", "data/a.nc is not a list of files"),
    ] {
        for command in ["plan", "apply", "check"] {
            let (code, out, err) = said(dir.path(), &[command, "m.toml", "data/a.nc", name]);
            assert_eq!((code, out.as_str()), (Some(2), ""), "{name}: {err}");
            assert!(err.starts_with(&format!("error: {message}")), "{name}: {err}");
        }
        assert_eq!(said(dir.path(), &["recover", name]).0, Some(2));
    }
}

/// More names than have a place on a command line, and workers that die are replaced.
#[test]
fn very_many_files() {
    let dir = tree();
    let names: Vec<String> = (0..3000).map(|i| format!("data/a-file-with-a-name-that-is-long-enough-for-this-test-{i:05}.nc")).collect();
    names.iter().for_each(|name| fs::hard_link(dir.path().join("data/a.nc"), dir.path().join(name)).unwrap());
    fs::write(dir.path().join("list.txt"), names.join("\n")).unwrap();
    let (code, out, err) = said(dir.path(), &["check", "base.toml", "@list.txt", "--no-data"]);
    assert_eq!((code, out.as_str(), err.as_str()), (Some(0), "3000 of 3000 files as declared\n", ""));
}

#[test]
fn a_failed_file_is_the_last_one() {
    let dir = tree();
    fs::write(dir.path().join("data/aa.nc"), "hello").unwrap();
    let run = |args: &[&str]| said(dir.path(), &[args, &["data/a*.nc", "data/b.nc", "data/sub/c.nc", "--jobs", "1"]].concat());
    let (code, out, _) = run(&["apply", "base.toml", "--fail-fast"]);
    assert_eq!((code, out.as_str()), (Some(2), "4 files: 0 changed, 1 unchanged, 1 failed, 2 not begun; 0 B written\n"));
    let (code, out, _) = run(&["check", "base.toml", "--fail-fast"]);
    assert_eq!((code, out.as_str()), (Some(2), "1 of 4 files as declared, 2 not begun\n"));
    let (code, out, err) = run(&["recover", "--fail-fast"]);
    assert!(code == Some(2) && out.lines().count() == 1 && err.ends_with("note: 2 files not begun (--fail-fast)\n"), "{out}{err}");
    let (_, out, _) = run(&["apply", "base.toml"]);
    assert_eq!(out, "4 files: 0 changed, 3 unchanged, 1 failed; 0 B written\n");
    // What differs has not failed.
    let (code, out, _) = said(dir.path(), &["check", "m.toml", "data/a.nc", "data/b.nc", "--fail-fast", "--jobs", "1"]);
    assert!(code == Some(1) && out.ends_with("0 of 2 files as declared\n"), "{out}");
}

#[test]
fn markdown_groups_files_and_breaks_nothing() {
    let dir = part();
    let at = |name: &str| dir.path().join(name);
    let odd = "version = 1\n[attrs]\n\"a|`b\" = \"<script>\\n# x *y* @me\"\n[dataset.\"/g/d\"]\ndtype = \"i4\"\nshape = [4]\n[[remove]]\npath = \"/h/old\"\n";
    fs::write(at("odd.toml"), odd).unwrap();
    for name in ["a|b.h5", "c.h5", "d.h5", "e.h5"] {
        fs::copy(at("f.h5"), at(name)).ok();
    }
    run_to(0, h5mason().current_dir(dir.path()).args(["apply", "odd.toml", "d.h5", "--allow", "destructive"]));
    fs::write(at("other.toml"), BASE.replace("/g/d\"]\ndtype = \"i4\"", "/g/d\"]\ndtype = \"f4\"")).unwrap();
    run_to(0, h5mason().current_dir(dir.path()).args(["build", "--force", "other.toml", "-o", "e.h5"]));
    let files = ["a|b.h5", "e.h5", "c.h5", "d.h5", "f.h5", "new.h5"];
    let run = |jobs: &str| said(dir.path(), &[&["plan", "odd.toml", "--format", "markdown", "--jobs", jobs], &files[..]].concat());
    let (code, out, err) = run("1");
    assert_eq!((code, err.as_str()), (Some(2), ""));
    assert_eq!(run("4"), run("1"));
    insta::assert_snapshot!(out);
    let (code, one, _) = said(dir.path(), &["check", "odd.toml", "c.h5", "--format", "markdown"]);
    assert!(code == Some(1) && one.starts_with("### `c.h5` (existing): 2 changes\n\n| | object | change | |\n"), "{one}");
    assert_eq!(said(dir.path(), &["check", "odd.toml", "d.h5", "--format", "markdown"]).1, "### `d.h5` (existing): no change\n\n\n");
    assert_eq!(said(dir.path(), &["apply", "odd.toml", "d.h5", "--format", "markdown"]).0, Some(2), "for plan and check only");
}

#[test]
fn options_against_each_other() {
    let dir = part();
    let (code, _, err) = said(dir.path(), &["check", "base.toml", "f.h5", "--exact", "--no-data"]);
    assert!(code == Some(2) && err.starts_with("error: --exact compares all contents with their rules, and --no-data none"), "{err}");
}

/// A saved plan of a list or a glob is applied by another.
#[test]
fn plans_of_lists_are_saved_and_applied() {
    let dir = tree();
    fs::write(dir.path().join("list.txt"), "data/b.nc\ndata/a.nc\n").unwrap();
    let run = |args: &[&str]| said(dir.path(), args);
    assert_eq!(run(&["plan", "m.toml", "data/*.nc", "--out", "p.json"]).0, Some(0));
    let (code, out, err) = run(&["apply", "m.toml", "@list.txt", "--plan", "p.json", "--allow", "destructive"]);
    assert!(code == Some(0) && out.contains("\n2 files: 2 changed, 0 unchanged, 0 failed; "), "{out}{err}");
    let (code, _, err) = run(&["apply", "m.toml", "data/sub/*.nc", "--plan", "p.json", "--allow", "destructive"]);
    assert!(code == Some(2) && err.contains("the saved plan is not about data/sub/c.nc"), "{err}");
}

/// Errors and the last line.
#[test]
fn quiet_is_the_last_line() {
    let dir = part();
    for name in ["g.h5", "h.h5"] {
        fs::copy(dir.path().join("f.h5"), dir.path().join(name)).unwrap();
    }
    let quiet = |args: &[&str]| said(dir.path(), &[args, &["-q"]].concat());
    let all = ["f.h5", "g.h5", "h.h5"];
    let line = |code, text: &str| (Some(code), text.to_owned(), String::new());
    let (code, out, err) = quiet(&[&["plan", "m.toml"], &all[..]].concat());
    assert_eq!((code, out.lines().count(), err.as_str()), (Some(0), 1, ""), "{out}");
    assert!(out.starts_with("3 files: 3 would change"), "{out}");
    assert_eq!(quiet(&[&["check", "m.toml"], &all[..]].concat()), line(1, "0 of 3 files as declared\n"));
    assert_eq!(quiet(&["check", "m.toml", "f.h5"]), line(1, "f.h5: not as declared\n"));
    let (_, out, err) = quiet(&["plan", "m.toml", "f.h5"]);
    assert!(out.lines().count() == 1 && out.contains("to set") && err.is_empty(), "{out}{err}");
    // What is refused is an error.
    let (code, out, err) = quiet(&["apply", "m.toml", "f.h5"]);
    assert!(code == Some(2) && out.is_empty() && err.contains("this would destroy /h/old"), "{out}{err}");
    let (code, out, _) = quiet(&["apply", "m.toml", "f.h5", "--allow", "destructive"]);
    assert!(code == Some(0) && out.lines().count() == 1 && out.contains("removed"), "{out}");
    fs::write(dir.path().join("none.h5"), "x").unwrap();
    let (code, out, err) = quiet(&["apply", "m.toml", "g.h5", "none.h5", "--allow", "destructive"]);
    assert!(code == Some(2) && out.starts_with("2 files: 1 changed, 0 unchanged, 1 failed"), "{out}");
    assert!(err.starts_with("error: none.h5: it is not an HDF5 file"), "{err}");
    assert_eq!(quiet(&["check", "m.toml", "f.h5", "g.h5"]), line(0, "2 of 2 files as declared\n"));
    let refused = |args: &[&str], why: &str| {
        let (code, _, err) = quiet(args);
        assert!(code == Some(2) && err.contains(why), "{err}");
    };
    refused(&["plan", "m.toml", "f.h5", "--format", "json"], "--quiet is for text");
    refused(&["show", "f.h5"], "--quiet is for `plan`, `apply` and `check`");
    refused(&["plan", "m.toml", "f.h5", "--verbose"], "cannot be used with");
}

/// What a reviewer must see is each change once: files whose values alone differ come together, and those that failed are there, too.
#[test]
fn markdown_groups_by_what_is_to_be_done() {
    let dir = tempdir();
    let at = |name: &str| dir.path().join(name);
    for (n, unit) in ["K", "K", "K", "degC", "K"].iter().enumerate() {
        let old = if n == 3 { "" } else { "old = 1\n" };
        let base = format!(
            "version = 1\n[attrs]\nhistory = \"made {n}\"\ntitle = \"t\"\n{old}[dataset.\"/t\"]\ndtype = \"i4\"\nshape = [{}]\nfill = {n}\nattrs.units = \"{unit}\"\n",
            n + 4
        );
        fs::write(at("base.toml"), base).unwrap();
        run_to(0, h5mason().current_dir(dir.path()).args(["build", "base.toml", "-o", &format!("{n}.h5")]));
    }
    let manifest = "version = 1\n[attrs]\nhistory = { append = \"; fixed\" }\ntitle = \"T\"\nold = { absent = true }\n[dataset.\"/t\".attrs]\nunits = { map = { K = \"kelvin\", degC = \"degree_Celsius\" } }\n[[patch]]\npath = \"/t\"\nselect = \"0:2\"\nfill = 9\n";
    fs::write(at("m.toml"), manifest).unwrap();
    fs::write(at("x.h5"), "x").unwrap();
    fs::write(at("y.h5"), "y").unwrap();
    fs::write(at("z.h5"), "").unwrap();
    let files = ["0.h5", "1.h5", "2.h5", "x.h5", "3.h5", "4.h5", "y.h5", "z.h5"];
    let run = |jobs: &str| said(dir.path(), &[&["plan", "m.toml", "--format", "markdown", "--jobs", jobs], &files[..]].concat());
    let (code, out, err) = run("1");
    assert_eq!((code, err.matches("error:").count()), (Some(2), 3));
    assert_eq!(run("3"), run("1"));
    insta::assert_snapshot!(out);
    let (_, out, _) = said(dir.path(), &["plan", "m.toml", "--format", "markdown", "x.h5"]);
    assert_eq!(out, "### 1 file failed\n\n`x.h5`: it is not an HDF5 file\n\n");
    // One that differs in what is done to an object of which nothing is shown is another one; values that begin alike are two.
    let many = |n: usize, last: &str| {
        let groups: String = (0..n).map(|i| format!("[group.\"/g{i:03}\"]\n")).collect();
        format!("version = 1\n{groups}[group.\"/last\".attrs]\nx = \"{last}\"\n")
    };
    fs::write(at("m.toml"), many(70, "new")).unwrap();
    for (name, last) in [("a.h5", "a"), ("b.h5", "new"), ("c.h5", "c")] {
        fs::write(at("base.toml"), many(0, last)).unwrap();
        run_to(0, h5mason().current_dir(dir.path()).args(["build", "base.toml", "-o", name]));
    }
    let (_, out, _) = said(dir.path(), &["plan", "m.toml", "--format", "markdown", "a.h5", "b.h5", "c.h5"]);
    let heads: Vec<&str> = out.lines().filter(|line| line.starts_with("###")).collect();
    assert_eq!(heads, ["### The same 71 changes in 2 files", "### `b.h5` (existing): 70 changes"]);
}

#[test]
fn a_file_that_does_not_exist_is_made_only_where_there_is_something_to_make() {
    let dir = tempdir();
    let says = |args: &[&str]| said(dir.path(), args);
    let manifests = [
        ("rules", "[[each]]\nmatch = \"/**\"\nattrs.a = 1\n"),
        ("forms", "[attrs]\na = { append = \"x\" }\nb = { absent = true }\nc = { rename_from = \"d\" }\n"),
    ];
    for (name, text) in manifests {
        fs::write(dir.path().join("m.toml"), format!("version = 1\n{text}")).unwrap();
        for command in ["apply", "plan"] {
            let (code, _, err) = says(&[command, "m.toml", "typo.h5"]);
            assert!(code == Some(2) && err.contains("typo.h5: no such file"), "{name}: {err}");
        }
        assert!(!dir.path().join("typo.h5").exists(), "{name}");
    }
    fs::write(dir.path().join("m.toml"), "version = 1\nattrs.a = { value = \"xy\", dtype = \"char\" }\n").unwrap();
    let (code, _, err) = says(&["apply", "m.toml", "typo.h5", "--existing"]);
    assert!(code == Some(2) && err.contains("typo.h5: no such file"), "{err}");
    let (code, out, _) = says(&["apply", "m.toml", "new.h5", "other.h5"]);
    assert!(code == Some(0) && out.ends_with("2 files: 2 made, 0 changed, 0 unchanged, 0 failed; 4 B written\n"), "{out}");
    let (_, captured, _) = says(&["capture", "new.h5"]);
    assert!(captured.contains("length = 2") && captured.contains("nullterm"), "{captured}");
    fs::write(dir.path().join("m.toml"), "version = 1\nattrs.a = { value = \"xy\", dtype = \"char\", shape = [1] }\n").unwrap();
    assert!(says(&["check", "m.toml", "new.h5"]).2.contains("`char` is for one text, a scalar"));
}

#[test]
fn what_is_not_hdf5_is_called_what_it_is() {
    let dir = part();
    for (name, bytes, what) in [
        ("empty.nc", &b""[..], "it is not an HDF5 file: it is empty"),
        ("classic.nc", b"CDF\x01\0\0\0\0", "it is not an HDF5 file: it is a classic netCDF file; `nccopy -k nc4` makes an HDF5 file of it"),
        ("text.nc", b"text text", "it is not an HDF5 file"),
    ] {
        fs::write(dir.path().join(name), bytes).unwrap();
        for command in ["plan", "check", "apply"] {
            let (code, _, err) = said(dir.path(), &[command, "m.toml", name]);
            assert!(code == Some(2) && err.starts_with(&format!("error: {name}: {what}\n")), "{command}: {err}");
        }
    }
}
