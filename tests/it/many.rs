//! Very many objects, at which two processes look.

use crate::common::{h5mason, run_to, tempdir};

const MANY: &str = "version = 1\n[dataset.\"/g${g}/d${d}\"]\nfor = { g = 25, d = 100 }\ndtype = \"i4\"\nshape = [2]\nattrs = { units = \"m\", n = 1 }\n\
                    [group.\"/a/b\"]\n[dataset.\"/a/b/ref\"]\ndtype.ref = \"object\"\nshape = []\nfill = \"/g24/d99\"\n";

/// What is said of a file does not depend on who looks, and where the difference is.
#[test]
fn what_two_processes_say_is_what_one_says() {
    let dir = tempdir();
    let at = dir.path();
    std::fs::write(at.join("m.toml"), MANY).unwrap();
    run_to(0, h5mason().args(["build", "m.toml", "-o", "f.h5"]).current_dir(at));
    let check = |code: i32, options: &[&str]| run_to(code, h5mason().args(["check", "m.toml", "f.h5"]).args(options).current_dir(at));
    let one = check(0, &["--threads", "1"]);
    assert_eq!(one, "f.h5: as declared, nothing to do; 2529 objects considered\n");
    assert_eq!(check(0, &["--threads", "2"]), one);
    // Without contents that are compared, so that this is what two look at.
    std::fs::write(at.join("m.toml"), MANY.replace("fill = \"/g24/d99\"\n", "")).unwrap();
    assert_eq!(check(0, &["--threads", "2"]), one);
    assert_eq!(check(0, &["--threads", "1"]), one);
    for (path, change) in [("/g0/d0", "n = 2"), ("/g24/d99", "n = 2"), ("/g9/d50", "units = { absent = true }"), ("/g9/d51", "n = 1.5")] {
        std::fs::copy(at.join("f.h5"), at.join("kept.h5")).unwrap();
        std::fs::write(at.join("change.toml"), format!("version = 1\n[dataset.\"{path}\".attrs]\n{change}\n")).unwrap();
        run_to(0, h5mason().args(["apply", "change.toml", "f.h5"]).current_dir(at));
        let said = check(1, &["--threads", "2"]);
        assert!(said.contains(path), "{said}");
        assert_eq!(check(1, &["--threads", "1"]), said);
        std::fs::rename(at.join("kept.h5"), at.join("f.h5")).unwrap();
    }
    // A change of all of them is looked at by two before it is committed.
    std::fs::write(at.join("m.toml"), MANY.replace("\"m\"", "\"km\"").replace(", n = 1 }", ", n = { absent = true } }")).unwrap();
    run_to(0, h5mason().args(["apply", "m.toml", "f.h5"]).current_dir(at));
    assert_eq!(check(0, &["--threads", "1"]), one);
}

/// Builds of many objects are the same in every bit, whoever has looked at them.
#[test]
fn the_same_bytes_with_one_thread() {
    let dir = tempdir();
    std::fs::write(dir.path().join("m.toml"), MANY).unwrap();
    for threads in ["1", "2"] {
        run_to(0, h5mason().args(["build", "m.toml", "-o", threads, "--threads", threads]).current_dir(dir.path()));
    }
    let read = |name: &str| std::fs::read(dir.path().join(name)).unwrap();
    assert!(read("1") == read("2"));
}

/// Builds a file of so many, and changes it: what is said of it. How long that takes is for benches to tell.
fn changed(count: usize, build: &str, change: &str) -> String {
    let dir = tempdir();
    let at = dir.path();
    std::fs::write(at.join("m.toml"), format!("version = 1\n{}", build.replace("COUNT", &count.to_string()))).unwrap();
    std::fs::write(at.join("change.toml"), format!("version = 1\n{change}")).unwrap();
    run_to(0, h5mason().args(["build", "m.toml", "-o", "f.h5"]).current_dir(at));
    let apply = || run_to(0, h5mason().args(["apply", "change.toml", "f.h5", "--allow", "destructive"]).current_dir(at));
    let said = apply();
    assert!(apply().contains("nothing to do"));
    said
}

#[test]
fn very_many_removals_with_what_points_to_them() {
    let build = "[dataset.\"/d${n}\"]\nfor = { n = COUNT }\ndtype = \"i4\"\nshape = []\n\
                 [link.\"/s${n}\"]\nfor = { n = COUNT }\nsoft = \"/d${n}\"\n";
    let said = changed(2400, build, "[[remove]]\nmatch = \"/d*\"\n");
    assert!(said.contains("\n2400 objects removed; ") && said.contains("warning: /s0 is a soft link to /d0"), "{said}");
}

#[test]
fn very_many_datasets_of_one_group_are_made_anew() {
    let build = "[file]\ntrack_order = true\n[dataset.\"/g/d${n}\"]\nfor = { n = COUNT }\ndtype = \"i4\"\nshape = [3]\n";
    let convert = "[[each]]\nmatch = \"/g/*\"\nkind = \"dataset\"\non_mismatch = \"convert\"\nchunks = [3]\n";
    assert!(changed(1200, build, convert).contains("\n1200 datasets made anew; "));
}
