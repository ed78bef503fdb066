//! Rules for whatever matches, and objects with several names, with none yet, and with none left.

use std::path::Path;

use crate::common::{apply, h5mason, run_to, tempdir};

/// What an attribute of an object is, read by h5py; nothing where it is not there.
fn attribute(dir: &Path, path: &str, name: &str) -> String {
    let script = "import sys, h5py
f = h5py.File(sys.argv[1])
a = f[sys.argv[2]].attrs if sys.argv[2] in f else {}
print(a.get(sys.argv[3], ''))";
    let mut python = std::process::Command::new(crate::common::python());
    run_to(0, python.current_dir(dir).args(["-c", script, "f.h5", path, name])).trim().to_owned()
}

#[track_caller]
fn rests(dir: &Path) {
    let said = run_to(0, h5mason().args(["apply", "m.toml", "f.h5", "--allow", "destructive"]).current_dir(dir));
    assert!(said.contains("nothing to do"), "{said}");
}

#[track_caller]
fn apply_all(dir: &Path, manifest: &str) {
    std::fs::write(dir.join("m.toml"), format!("version = 1\n{manifest}")).unwrap();
    run_to(0, h5mason().args(["apply", "m.toml", "f.h5", "--allow", "destructive"]).current_dir(dir));
    rests(dir);
}

const DATASET: &str = "dtype = \"f4\"\nshape = [2]\n";

#[test]
fn groups_on_the_way_and_the_root_of_a_new_file_are_meant() {
    for order in ["", "[file]\ntrack_order = true\n"] {
        let dir = tempdir();
        apply_all(dir.path(), &format!("{order}[[each]]\nmatch = \"/**\"\nkind = \"group\"\nattrs.x = 1\n[dataset.\"/a/b/c\"]\n{DATASET}"));
        for path in ["/", "/a", "/a/b"] {
            assert_eq!(attribute(dir.path(), path, "x"), "1", "{path}");
        }
        assert_eq!(attribute(dir.path(), "/a/b/c", "x"), "");
    }
}

#[test]
fn own_entries_after_rules_that_take_away_come_to_rest() {
    let dir = tempdir();
    apply(dir.path(), &format!("attrs = {{ history = \"old\", unit = \"K\" }}\n[dataset.\"/a\"]\n{DATASET}attrs.history = \"x\"\n"), 0);
    apply_all(dir.path(), "attrs.history = \"old\"\n[[each]]\nmatch = \"/**\"\nattrs.history = { absent = true }\n");
    assert_eq!((attribute(dir.path(), "/", "history"), attribute(dir.path(), "/a", "history")), ("old".into(), String::new()));
    apply_all(dir.path(), "attrs.history = \"new\"\n[[each]]\nmatch = \"/**\"\nattrs.history = { absent = true }\n");
    assert_eq!(attribute(dir.path(), "/", "history"), "new");
    apply_all(dir.path(), "attrs.unit = \"K\"\n[[each]]\nmatch = \"/**\"\nattrs.units = { rename_from = \"unit\" }\n");
    assert_eq!((attribute(dir.path(), "/", "unit"), attribute(dir.path(), "/", "units")), ("K".into(), "K".into()));
}

#[test]
fn an_object_that_is_declared_by_two_names_is_planned_once() {
    let dir = tempdir();
    apply(dir.path(), &format!("[dataset.\"/a\"]\n{DATASET}[link.\"/b\"]\nhard = \"/a\"\n"), 0);
    let each = "[[each]]\nmatch = \"/b\"\nattrs.x = 1\nattrs.y = { default = 5 }\n";
    apply_all(
        dir.path(),
        &format!("{each}[dataset.\"/a\".attrs]\nz = 3\n[dataset.\"/b\".attrs]\nz = 3\ny = 2\nlog = {{ append = \"!\" }}\n"),
    );
    assert_eq!(["x", "y", "z"].map(|name| attribute(dir.path(), "/a", name)), ["1", "2", "3"]);
}

#[test]
fn a_hard_link_that_is_declared_is_a_name() {
    let dir = tempdir();
    let manifest = format!(
        "[[each]]\nmatch = \"/link\"\nattrs.x = 1\n[[each]]\nmatch = \"/a\"\nattrs.y = 2\n[dataset.\"/a\"]\n{DATASET}[link.\"/link\"]\nhard = \"/a\"\n"
    );
    apply_all(dir.path(), &manifest);
    assert_eq!(["x", "y"].map(|name| attribute(dir.path(), "/a", name)), ["1", "2"]);
    // To something that is there already, without an entry of its own.
    let more = "[[each]]\nmatch = \"/more\"\nattrs.z = 3\n[[each]]\nmatch = \"/a\"\nattrs.w = 4\n[link.\"/more\"]\nhard = \"/a\"\n";
    apply_all(dir.path(), more);
    assert_eq!(["z", "w"].map(|name| attribute(dir.path(), "/a", name)), ["3", "4"]);
}

#[test]
fn names_that_are_removed_do_not_count() {
    let file =
        format!("[dataset.\"/a\"]\n{DATASET}[link.\"/b\"]\nhard = \"/a\"\n[dataset.\"/c\"]\n{DATASET}[link.\"/d\"]\nhard = \"/c\"\n");
    let dir = tempdir();
    apply(dir.path(), &file, 0);
    let rules = "[[each]]\nmatch = [\"/a\", \"/d\"]\nattrs.x = 1\n[[each]]\nmatch = \"/b\"\nattrs.y = 2\n";
    apply_all(dir.path(), &format!("{rules}[[remove]]\npath = \"/a\"\n[[remove]]\nmatch = \"/d\"\n"));
    assert_eq!(["x", "y"].map(|name| attribute(dir.path(), "/b", name)), ["", "2"]);
    assert_eq!(attribute(dir.path(), "/c", "x"), "");
}

#[test]
fn names_after_moves_count() {
    let dir = tempdir();
    apply(dir.path(), &format!("[dataset.\"/g/old\"]\n{DATASET}attrs.unit = \"K\"\n[link.\"/h\"]\nhard = \"/g\"\n"), 0);
    let rules = "[[each]]\nmatch = \"/n/*\"\nattrs.units = { rename_from = \"unit\" }\n[[each]]\nmatch = \"/g/old\"\nattrs.wrong = 1\n";
    apply_all(dir.path(), &format!("{rules}[[move]]\nfrom = \"/g\"\nto = \"/n\"\n"));
    assert_eq!(["units", "unit", "wrong"].map(|name| attribute(dir.path(), "/h/old", name)), ["K", "", ""]);
}

#[test]
fn members_of_a_group_with_two_names_have_two_paths() {
    let dir = tempdir();
    apply(dir.path(), &format!("[dataset.\"/a/g/x\"]\n{DATASET}[link.\"/b\"]\nhard = \"/a/g\"\n[link.\"/a/g/up\"]\nhard = \"/a\"\n"), 0);
    apply_all(dir.path(), "[[each]]\nmatch = \"/b/*\"\nkind = \"dataset\"\nattrs.x = 1\n[[each]]\nmatch = \"/b/up/g/*\"\nattrs.y = 2\n");
    assert_eq!(attribute(dir.path(), "/a/g/x", "x"), "1");
}

#[test]
fn very_many_names_are_no_burden() {
    let dir = tempdir();
    let script = "import h5py
f = h5py.File('f.h5', 'w', libver='latest')
x = f.create_dataset('x', data=1.)
x.attrs['big'] = b'x' * 60000
for i in range(5000): f[f'n{i}'] = x
g = f
for level in range(30):
    h = g.create_group('a')
    g['b'] = h
    g = h
g['end'] = 1.";
    let mut python = std::process::Command::new(crate::common::python());
    run_to(0, python.current_dir(dir.path()).args(["-c", script]));
    apply_all(dir.path(), "[[each]]\nmatch = \"/**\"\nkind = \"dataset\"\nwhere = { \"@big\" = true }\nattrs.y = 2\n");
    assert_eq!(attribute(dir.path(), "/n4999", "y"), "2");
}

#[test]
fn conditions_are_about_what_a_dataset_becomes() {
    let dir = tempdir();
    let sized = |size: u64| format!("[dataset.\"/a\"]\ndtype = \"f4\"\nshape = [{size}]\nmaxshape = [\"unlimited\"]\n");
    apply(dir.path(), &sized(2), 0);
    let rules =
        "[[each]]\nmatch = \"/a\"\nwhere = { shape = [3] }\nattrs.x = 3\n[[each]]\nmatch = \"/a\"\nwhere = { shape = [2] }\nattrs.x = 2\n";
    apply_all(dir.path(), &format!("{rules}{}", sized(3)));
    assert_eq!(attribute(dir.path(), "/a", "x"), "3");
}

/// Found by random manifests.
#[test]
fn what_is_moved_or_linked_is_asked_for_by_its_names_to_be() {
    let chunked = "dtype = \"f4\"\nshape = [8]\nchunks = [4]\nfill.arange = {}\nattrs = { x = 0, y = \"text\" }\n";
    let file = format!("[dataset.\"/g/a\"]\n{chunked}[dataset.\"/k/d\"]\n{chunked}[link.\"/gg\"]\nhard = \"/g\"\n");
    let all = [
        // Below a group that no glob leads to.
        ("[[each]]\nmatch = \"/n/**\"\nattrs.x = 1\n[[move]]\nfrom = \"/k/d\"\nto = \"/n/d\"\n", "/n/d"),
        ("[[each]]\nmatch = \"/g/d\"\nattrs.x = 1\n[[move]]\nfrom = \"/k/d\"\nto = \"/g/d\"\n", "/g/d"),
        // By another name of the group that it is moved into.
        (
            "[[each]]\nmatch = \"/gg/*\"\nattrs.x = 1\nchunks = [2]\non_mismatch = \"convert\"\n[[move]]\nfrom = \"/k/d\"\nto = \"/g/d\"\n",
            "/g/d",
        ),
        // By a hard link that is made.
        (
            "[[each]]\nmatch = \"/new\"\nattrs.x = 1\nfilters = [{ deflate = 1 }]\non_mismatch = \"convert\"\n[link.\"/new\"]\nhard = \"/g/a\"\n",
            "/g/a",
        ),
    ];
    for (manifest, path) in all {
        let dir = tempdir();
        apply(dir.path(), &file, 0);
        apply_all(dir.path(), manifest);
        assert_eq!(["x", "y"].map(|name| attribute(dir.path(), path, name)), ["1", "text"], "{manifest}");
    }
}
