//! Parts of manifests, where what is left out has another path: moves, and objects with several names.

use std::fs;
use std::path::Path;

use crate::common::{h5mason, run_to, tempdir};

/// `verb path aspect` of each step of a plan; the exit code.
fn planned(dir: &Path, args: &[&str]) -> (Option<i32>, Vec<String>) {
    let output = h5mason().current_dir(dir).args(["plan", "m.toml", "f.h5", "--format", "json"]).args(args).output().unwrap();
    let plan: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap_or_else(|e| panic!("{args:?}: {e}: {output:?}"));
    let word = |step: &serde_json::Value, key: &str| step[key].as_str().unwrap().to_owned();
    let one = |step: &serde_json::Value| format!("{} {} {}", word(step, "verb"), word(step, "path"), word(step, "aspect"));
    (output.status.code(), plan["steps"].as_array().unwrap().iter().map(one).collect())
}

fn file(base: &str, manifest: &str) -> tempfile::TempDir {
    let dir = tempdir();
    fs::write(dir.path().join("base.toml"), format!("version = 1\n{base}")).unwrap();
    fs::write(dir.path().join("m.toml"), format!("version = 1\n{manifest}")).unwrap();
    run_to(0, h5mason().current_dir(dir.path()).args(["build", "base.toml", "-o", "f.h5"]));
    dir
}

const DATASET: &str = "dtype = \"i4\"\nshape = [2]\n";

/// One end that is left out leaves out the move; one that is meant is enough to mean it.
#[test]
fn a_move_is_left_out_by_either_end() {
    let dir = file(
        &format!("[dataset.\"/a/e\"]\n{DATASET}[group.\"/b\"]\n"),
        "[[move]]\nfrom = \"/a\"\nto = \"/n\"\n[group.\"/b\".attrs]\nx = 1\n",
    );
    let set = "create /b attribute x";
    let plan = |args: &[&str]| planned(dir.path(), args).1;
    assert_eq!(plan(&[]), ["change /n move", set]);
    for end in ["/a", "/n", "/a*", "/[n]"] {
        assert_eq!(plan(&["--exclude", end]), [set], "{end}");
        assert_eq!(plan(&["--ignore", end]), [set], "{end}");
        assert_eq!(plan(&["--target", end]), ["change /n move"], "{end}");
        let apply = ["apply", "m.toml", "f.h5", "--exclude", end];
        run_to(0, h5mason().current_dir(dir.path()).args(apply));
        assert_eq!(plan(&[]), ["change /n move"], "the group is still where it was");
        run_to(0, h5mason().current_dir(dir.path()).args(["build", "base.toml", "-o", "f.h5", "--force"]));
    }
    assert_eq!(plan(&["--target", "/a", "--exclude", "/n"]), [""; 0]);
}

/// A move that leads to what a rule or a removal is about is done for its sake.
#[test]
fn a_move_on_the_way_to_a_rule_is_done() {
    let rule = "[[move]]\nfrom = \"/a\"\nto = \"/n\"\n[[each]]\nmatch = \"/n/*\"\nattrs.x = 1\n";
    let dir = file(&format!("[dataset.\"/a/e\"]\n{DATASET}[dataset.\"/a/f\"]\n{DATASET}"), rule);
    let plan = |args: &[&str]| planned(dir.path(), args).1;
    assert_eq!(plan(&["--target", "/n/e"]), ["change /n move", "create /n/e attribute x"]);
    assert_eq!(plan(&["--target", "/n/e", "--exclude", "/a"]), [""; 0]);
    run_to(0, h5mason().current_dir(dir.path()).args(["apply", "m.toml", "f.h5", "--target", "/n/e"]));
    assert_eq!(plan(&["--target", "/n/e"]), [""; 0]);
    assert_eq!(plan(&[]), ["create /n/f attribute x"]);
    let remove = "[[move]]\nfrom = \"/a\"\nto = \"/n\"\n[[remove]]\nmatch = \"/n/e*\"\n[[remove]]\npath = \"/n/f\"\n";
    let dir = file(&format!("[dataset.\"/a/e\"]\n{DATASET}[dataset.\"/a/f\"]\n{DATASET}"), remove);
    for (target, removed) in [("/n/e", "remove /n/e dataset"), ("/n/f", "remove /n/f dataset")] {
        assert_eq!(planned(dir.path(), &["--target", target]).1, ["change /n move", removed]);
    }
}

/// What a rule is about is left out, ignored or meant by any of its names, also by one that the rule is not about.
#[test]
fn an_object_is_left_out_by_any_of_its_names() {
    let base = format!("[dataset.\"/a/d\"]\n{DATASET}[link.\"/b/d\"]\nhard = \"/a/d\"\n[dataset.\"/b/e\"]\n{DATASET}");
    for globs in ["/**", "/b/*"] {
        let dir = file(
            &base,
            &format!("[[each]]\nmatch = \"{globs}\"\nkind = \"dataset\"\nattrs.x = 1\nchunks = [1]\non_mismatch = \"convert\"\n"),
        );
        let about = |args: &[&str], name: &str| planned(dir.path(), args).1.iter().any(|step| step.contains(name));
        assert!(about(&[], "/d ") && about(&[], "/e "));
        for args in [["--exclude", "/a"], ["--exclude", "/b/d"], ["--ignore", "/a/d"], ["--ignore", "/a"], ["--exclude", "/?/d"]] {
            assert!(!about(&args, "/d ") && about(&args, "/e "), "{globs} {args:?}");
        }
        assert!(about(&["--target", "/a"], "/d ") && !about(&["--target", "/a"], "/e "), "{globs}");
    }
}

/// Code, and what is said on stderr.
fn said(dir: &Path, args: &[&str]) -> (Option<i32>, String) {
    let output = h5mason().current_dir(dir).args(args).output().unwrap();
    (output.status.code(), String::from_utf8(output.stderr).unwrap())
}

/// A glob that is about nothing in any file is told, by one process or by several; a target that is not is trouble.
#[test]
fn globs_that_are_about_nothing_are_told() {
    let base = format!("[attrs]\ntitle = \"t\"\n[dataset.\"/temp\"]\n{DATASET}attrs.units = \"K\"\n[dataset.\"/a/e\"]\n{DATASET}");
    let dir = file(&base, "[[move]]\nfrom = \"/a\"\nto = \"/n\"\noptional = true\n[[each]]\nmatch = \"/**\"\nattrs.history = \"h\"\n");
    let other = format!("version = 1\n[dataset.\"/only/here\"]\n{DATASET}");
    fs::write(dir.path().join("other.toml"), other).unwrap();
    run_to(0, h5mason().current_dir(dir.path()).args(["build", "other.toml", "-o", "g.h5"]));
    let plan = |args: &[&str], files: &[&str]| said(dir.path(), &[&["plan", "m.toml"], files, args].concat());
    let both = &["f.h5", "g.h5"][..];
    for known in [
        ["--exclude", "/temp"],
        ["--exclude", "/only/here"],
        ["--target", "/only/*"],
        ["--exclude", "/n/e"],
        ["--exclude", "/a/e"],
        ["--ignore", "/temp@units"],
        ["--ignore", "/temp@h*"],
        ["--ignore", "/**@title"],
        ["--ignore", "/n/e@history"],
        ["--target", "/"],
        ["--exclude", "/**"],
    ] {
        let about = if known[1].contains("only") { both } else { &["f.h5"][..] };
        let (_, err) = plan(&known, about);
        assert!(!err.contains("matches nothing") && !err.contains("error:"), "{known:?}: {err}");
    }
    for files in [&["f.h5"][..], both] {
        for (option, glob) in [("--exclude", "/tmp"), ("--ignore", "history"), ("--ignore", "/temp@unit"), ("--exclude", "/x/**")] {
            let (code, err) = plan(&[option, glob], files);
            assert!(code == Some(0) && err.matches(&format!("warning: {option} {glob} matches nothing")).count() == 1, "{err}");
        }
        assert!(plan(&["--ignore", "history"], files).1.contains("--ignore '/**@history'"));
        let wrong = ["check", "plan", "apply"].map(|command| {
            let (code, err) = said(dir.path(), &[&[command, "m.toml", "--target", "/nonesuch"], files].concat());
            assert!(err.contains("error: --target /nonesuch matches nothing"), "{command}: {err}");
            code
        });
        assert_eq!(wrong, [Some(2); 3]);
    }
    assert_eq!(plan(&["--target", "/nonesuch", "--out", "p.json"], &["f.h5"]).0, Some(2));
    assert!(!dir.path().join("p.json").exists());
    // Of one of several files it is enough.
    assert_eq!(plan(&["--target", "/only"], both), (Some(0), String::new()));
    // Of files that were not begun, nothing is known.
    fs::write(dir.path().join("broken.h5"), "no").unwrap();
    let (_, err) = plan(&["--exclude", "/tmp", "--fail-fast", "--jobs", "1"], &["broken.h5", "f.h5", "g.h5"]);
    assert!(!err.contains("matches nothing"), "{err}");
}
