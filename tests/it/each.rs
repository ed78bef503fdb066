//! Rules for whatever matches.

use std::path::Path;

use crate::common::{apply, h5mason, run_to, tempdir};
use crate::snapshot::{differences, snapshot};

const FILE: &str = r#"
[dataset."/obs/temp"]
dtype = "f8"
shape = [3]
chunks = [3]
filters = [{ deflate = 1 }]
attrs = { unit = "degC", n = 1, level = { value = 0.1, dtype = "f4" } }

[dataset."/obs/pressure"]
dtype = "f4"
shape = [3, 2]
attrs = { unit = "hpa", n = 2 }

[dataset."/obs/deep/flag"]
dtype = "bool"
shape = []

[dataset."/names"]
dtype = "str"
shape = [2]
attrs.units = ["a", "K"]

[group."/empty"]

[type."/t"]
dtype = "i4"

[link."/also"]
hard = "/obs/pressure"

[link."/soft"]
soft = "/obs/temp"
"#;

/// A manifest, and the attributes that come of it: `path@name = value` for each that changes, in order.
#[track_caller]
fn check(manifest: &str, expect: &[&str]) {
    let dir = tempdir();
    let at = dir.path();
    apply(at, FILE, 0);
    let before = attributes(at);
    apply(at, manifest, 0);
    let after = attributes(at);
    let changed: Vec<&String> = after.iter().filter(|line| !before.contains(line)).collect();
    let gone = before.iter().filter(|line| !after.iter().any(|l| l.split(" = ").next() == line.split(" = ").next()));
    let gone: Vec<String> = gone.map(|line| format!("{} gone", line.split(" = ").next().unwrap())).collect();
    let all: Vec<&str> = changed.into_iter().map(String::as_str).chain(gone.iter().map(String::as_str)).collect();
    assert_eq!(all, expect, "{manifest}");
}

/// `path@name = value`, by the first name of each object.
fn attributes(dir: &Path) -> Vec<String> {
    let text = run_to(0, h5mason().args(["capture", "f.h5", "--data", "none"]).current_dir(dir));
    let document: toml::Table = text.parse().unwrap();
    let mut out = Vec::new();
    let mut add = |path: &str, entry: &toml::Value| {
        for (name, value) in entry.get("attrs").and_then(|a| a.as_table()).into_iter().flatten() {
            out.push(format!("{path}@{name} = {value}"));
        }
    };
    add("/", &toml::Value::Table(document.clone()));
    for section in ["group", "dataset", "type"] {
        for (path, entry) in document.get(section).and_then(|s| s.as_table()).into_iter().flatten() {
            add(path, entry);
        }
    }
    out.sort();
    out
}

#[test]
fn globs_and_kinds() {
    let all = ["/", "/also", "/empty", "/names", "/obs", "/obs/deep", "/obs/deep/flag", "/obs/temp", "/t"];
    let lines = |paths: &[&str]| -> Vec<String> { paths.iter().map(|p| format!("{p}@x = 1")).collect() };
    let check = |rule: &str, paths: &[&str]| {
        let mut lines = lines(paths);
        lines.sort();
        check(&format!("[[each]]\n{rule}\nattrs.x = 1\n"), &lines.iter().map(String::as_str).collect::<Vec<_>>());
    };
    check("match = \"/**\"", &all);
    check("match = \"**\"", &all);
    check("match = \"/*\"", &["/also", "/empty", "/names", "/obs", "/t"]);
    // By any of its names; changed once.
    check("match = [\"/obs/*\", \"/also\"]", &["/also", "/obs/deep", "/obs/temp"]);
    check("match = \"/**\"\nkind = \"group\"", &["/", "/empty", "/obs", "/obs/deep"]);
    check("match = \"/**\"\nkind = \"type\"", &["/t"]);
    check("match = \"/soft\"", &[]);
    check("match = \"/obs/d*p/f?ag\"", &["/obs/deep/flag"]);
}

#[test]
fn variables() {
    check("[vars]\nwhat = \"names\"\n[[each]]\nmatch = \"/${what}\"\nattrs.x = \"${what}\"\n", &["/names@x = \"names\""]);
    let repeated = "[[each]]\nfor = { what = [\"names\", \"empty\"] }\nmatch = \"/${what}\"\nattrs.x = \"${what}\"\n";
    check(repeated, &["/empty@x = \"empty\"", "/names@x = \"names\""]);
}

#[test]
fn conditions() {
    let check = |condition: &str, paths: &[&str]| {
        let lines: Vec<String> = paths.iter().map(|p| format!("{p}@x = 1")).collect();
        let rule = format!("[[each]]\nmatch = \"/**\"\nwhere = {{ {condition} }}\nattrs.x = 1\n");
        check(&rule, &lines.iter().map(String::as_str).collect::<Vec<_>>());
    };
    check("dtype = \"float\"", &["/also", "/obs/temp"]);
    check("dtype = \"f4\"", &["/also"]);
    check("dtype = \"<f4\"", &["/also"]);
    check("dtype = \">f4\"", &[]);
    check("dtype = \"int\"", &["/t"]);
    check("dtype = \"number\", ndim = 2", &["/also"]);
    check("dtype = \"string\"", &["/names"]);
    check("dtype = \"bool\"", &["/obs/deep/flag"]);
    check("ndim = 0", &["/obs/deep/flag"]);
    check("shape = [3, \"*\"]", &["/also"]);
    check("shape = [3]", &["/obs/temp"]);
    check("chunked = true", &["/obs/temp"]);
    check("compressed = true", &["/obs/temp"]);
    check("compressed = false, ndim = 1", &["/names"]);
    check("\"@unit\" = true", &["/also", "/obs/temp"]);
    check("\"@unit\" = false, dtype = \"string\"", &["/names"]);
    check("\"@unit\" = \"deg*\"", &["/obs/temp"]);
    check("\"@unit\" = \"*\"", &["/also", "/obs/temp"]);
    check("\"@units\" = \"K\"", &["/names"]);
    check("\"@n\" = 2", &["/also"]);
    check("\"@n\" = 2.0", &["/also"]);
    check("\"@n\" = 2.5", &[]);
    check("\"@n\" = \"*\"", &[]);
    check("\"@level\" = 0.1", &["/obs/temp"]);
    check("\"@level\" = 0.2", &[]);
    check("\"@unit\" = true, \"@n\" = 1", &["/obs/temp"]);
}

#[test]
fn rules_work_on_the_result_of_the_one_before() {
    let rename = "[[each]]\nmatch = \"/**\"\nwhere = { \"@unit\" = \"*\" }\nattrs.units = { rename_from = \"unit\" }\n";
    let renamed = ["/also@units = \"hpa\"", "/obs/temp@units = \"degC\"", "/also@unit gone", "/obs/temp@unit gone"];
    check(rename, &renamed);
    let then = "[[each]]\nmatch = \"/**\"\nwhere = { \"@units\" = \"hpa\" }\nattrs.units = \"hPa\"\n";
    check(&format!("{rename}{then}"), &["/also@units = \"hPa\"", renamed[1], renamed[2], renamed[3]]);
    // The other way round nothing has `units` yet when the rule's turn comes; the second pass of the check would find one.
    let dir = tempdir();
    apply(dir.path(), FILE, 0);
    let said = apply(dir.path(), &format!("{then}{rename}"), 2);
    assert!(said.contains("never come to rest") && said.contains("/also"), "{said}");
}

#[test]
fn own_entries_have_the_last_word() {
    let each = "[[each]]\nmatch = \"/obs/temp\"\nattrs.units = { rename_from = \"unit\" }\nattrs.x = 1\n";
    let own = "[dataset.\"/obs/temp\".attrs]\nunits = \"K\"\nx = { absent = true }\n";
    check(&format!("{each}{own}"), &["/obs/temp@units = \"K\"", "/obs/temp@unit gone"]);
    // By another name of the object, too.
    let each = "[[each]]\nmatch = \"/also\"\nattrs.x = 1\n";
    check(&format!("{each}[dataset.\"/obs/pressure\".attrs]\ny = 2\n"), &["/also@x = 1", "/also@y = 2"]);
    check(&format!("{each}[dataset.\"/obs/pressure\".attrs]\nx = 2\n"), &["/also@x = 2"]);
}

#[test]
fn what_two_rules_set_differently_is_refused() {
    let dir = tempdir();
    apply(dir.path(), FILE, 0);
    let two = |a: &str, b: &str| format!("[[each]]\nmatch = \"/obs/**\"\nattrs.x = {a}\n[[each]]\nmatch = \"/obs/temp\"\nattrs.x = {b}\n");
    let said = apply(dir.path(), &two("1", "2"), 2);
    assert!(
        said.contains("each-clash") && said.contains("4 | attrs.x = 1") && said.contains("m.toml:7") && said.contains("/obs/temp"),
        "{said}"
    );
    apply(dir.path(), &two("1", "{ absent = true }"), 2);
    apply(dir.path(), &two("1", "1"), 0);
    apply(dir.path(), &two("{ default = 1 }", "1"), 0);
    apply(dir.path(), &format!("{}[dataset.\"/obs/temp\".attrs]\nx = 3\n", two("1", "2")), 0);
}

#[test]
fn what_the_manifest_makes_itself_is_meant_too() {
    let dir = tempdir();
    let rules = "[[each]]\nmatch = \"/**\"\nwhere = { dtype = \"float\" }\nattrs.units = { default = \"1\" }\n\
                 [[each]]\nmatch = \"/a/*\"\nwhere = { \"@units\" = \"K\" }\nattrs.warm = true\n";
    let new = "[dataset.\"/a/x\"]\ndtype = \"f4\"\nshape = [2]\n[dataset.\"/a/y\"]\ndtype = \"f8\"\nshape = []\nattrs.units = \"K\"\n\
               [dataset.\"/a/z\"]\ndtype = \"i4\"\nshape = []\n";
    apply(dir.path(), &format!("{rules}{new}"), 0);
    let said = attributes(dir.path());
    assert_eq!(said, ["/a/x@units = \"1\"", "/a/y@units = \"K\"", "/a/y@warm = true"]);
}

#[test]
fn nothing_else_changes() {
    let dir = tempdir();
    let file = dir.path().join("f.h5");
    apply(dir.path(), FILE, 0);
    let before = snapshot(&file);
    apply(dir.path(), "[[each]]\nmatch = \"/obs/*\"\nkind = \"dataset\"\nattrs.unit = \"1\"\n", 0);
    let changed = differences(&before, &snapshot(&file));
    assert!(changed.iter().all(|key| key.ends_with("@unit")) && !changed.is_empty(), "{changed:?}");
}

#[test]
fn mistakes_are_told_at_their_place() {
    let dir = tempdir();
    apply(dir.path(), FILE, 0);
    let refused = |rule: &str, words: &str| {
        let said = apply(dir.path(), &format!("[[each]]\n{rule}\n"), 2);
        assert!(said.contains(words) && said.contains("m.toml:"), "{rule}: {said}");
    };
    refused("attrs.x = 1", "needs `match`");
    refused("match = []\nattrs.x = 1", "matches nothing");
    refused("match = \"/[\"\nattrs.x = 1", "is not a glob");
    refused("match = \"/**\"", "says nothing");
    // What is faulty was to say something.
    for faulty in ["chunks = \"x\"", "filters = [\"x\"]", "on_mismatch = \"x\"", "attrs = 1", "atrs.x = 1"] {
        let said = apply(dir.path(), &format!("[[each]]\nmatch = \"/**\"\n{faulty}\n"), 2);
        assert!(said.contains("1 problem in") && !said.contains("says nothing"), "{faulty}: {said}");
    }
    refused("match = \"/a/../b\"\nattrs.x = 1", "`..` is not allowed");
    refused("match = \"/**\"\nkind = \"link\"\nattrs.x = 1", "one of group, dataset, type");
    refused("match = \"/**\"\nwhere = { dtype = \"flaot\" }\nattrs.x = 1", "flaot");
    refused("match = \"/**\"\nwhere = { unit = true }\nattrs.x = 1", "\"@unit\"");
    refused("match = \"/**\"\nwhere = { \"@unit\" = [1] }\nattrs.x = 1", "a glob over texts");
    refused("match = \"/**\"\nwher = {}\nattrs.x = 1", "did you mean `where`");
    let said = apply(dir.path(), "[[each]]\nmatch = \"/osb/*\"\nattrs.x = 1\n", 0);
    assert!(said.contains("nothing to do"), "{said}");
    let said = run_to(0, h5mason().args(["plan", "m.toml", "f.h5", "--verbose"]).current_dir(dir.path()));
    assert!(said.contains("nothing matches /osb/*"), "{said}");
}
