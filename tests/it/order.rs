//! What needs another object comes after it, whatever the manifest's order.

use std::time::{Duration, Instant};

use crate::common::{apply, h5mason, run_to, tempdir};

/// Applies a manifest to no file.
#[track_caller]
fn build(manifest: &str, code: i32) -> String {
    let dir = tempdir();
    let said = apply(dir.path(), manifest, code);
    assert!(code == 0 || !dir.path().join("f.h5").exists());
    said
}

const REFERS: &str = "dtype.ref = \"object\"\nshape = [2]\n";

/// With and without creation order, which sort in different ways.
fn both(manifest: &str, code: i32) -> String {
    build(manifest, code);
    build(&format!("[file]\ntrack_order = true\n{manifest}"), code)
}

#[test]
fn many_attributes() {
    let attrs: String = (0..20_000).map(|n| format!("a{n} = {n}\n")).collect();
    let dir = tempdir();
    std::fs::write(dir.path().join("m.toml"), format!("version = 1\n[attrs]\n{attrs}")).unwrap();
    let start = Instant::now();
    run_to(0, h5mason().args(["plan", "m.toml", "f.h5"]).current_dir(dir.path()));
    // Generous, since machines are busy: only what grows far beyond the manifest is caught.
    assert!(start.elapsed() < Duration::from_secs(20), "{:?}", start.elapsed());
}

/// Attributes whose order is kept, of another type, and with other names: no change makes all the others move.
#[test]
fn many_attributes_change() {
    let dir = tempdir();
    let attrs = |value: &dyn Fn(usize) -> String| -> String { (0..3000).map(|n| value(n) + "\n").collect() };
    let start = Instant::now();
    for change in [
        attrs(&|n| format!("a{n} = {n}")),
        attrs(&|n| format!("a{n} = \"{n}\"")),
        attrs(&|n| format!("b{n} = {{ rename_from = \"a{n}\" }}")),
    ] {
        apply(dir.path(), &format!("[file]\ntrack_order = true\n[attrs]\n{change}"), 0);
    }
    // Generous, as above.
    assert!(start.elapsed() < Duration::from_secs(60), "{:?}", start.elapsed());
}

#[test]
fn fill_values() {
    // By another name, of what comes later, of one that has such a fill value itself, of a committed type.
    both(
        &format!(
            "[dataset.\"/a\"]\ndtype = \"i4\"\nshape = [1]\n[link.\"/b\"]\nhard = \"/a\"\n[dataset.\"/d\"]\n{REFERS}fill_value = \"/b\"\n"
        ),
        0,
    );
    both(&format!("[dataset.\"/a\"]\n{REFERS}fill_value = \"/t/d\"\n[dataset.\"/t/d\"]\ndtype = \"i4\"\nshape = [1]\n"), 0);
    both(
        &format!(
            "[dataset.\"/a\"]\n{REFERS}fill_value = \"/b\"\n[dataset.\"/b\"]\n{REFERS}fill_value = \"/c\"\n[dataset.\"/c\"]\n{REFERS}fill_value = \"/u\"\n[type.\"/u\"]\ndtype = \"i4\"\n[link.\"/0\"]\nhard = \"/a\"\n"
        ),
        0,
    );
    // As a part of a record, and to a region.
    both(
        "[dataset.\"/a\"]\ndtype.compound = [{ name = \"n\", dtype = \"i4\" }, { name = \"r\", dtype.ref = \"region\" }]\nshape = [2]\nfill_value = { n = 1, r = { path = \"/z\", select = \"0:1\" } }\n[dataset.\"/z\"]\ndtype = \"i4\"\nshape = [3]\n",
        0,
    );
}

#[test]
fn fill_values_of_nothing() {
    let said = both(&format!("[dataset.\"/a\"]\n{REFERS}fill_value = \"/nothing\"\n"), 2);
    assert!(said.contains("/a refers to /nothing") && said.contains("m.toml:7"), "{said}");
    let circle = |a: &str| {
        format!(
            "[dataset.\"/a\"]\n{REFERS}fill_value = \"{a}\"\n[dataset.\"/b\"]\n{REFERS}fill_value = \"/a\"\n[link.\"/l\"]\nhard = \"/b\"\n"
        )
    };
    let said = both(&circle("/b"), 2);
    assert!(said.contains("the fill value of /a refers") && said.contains("the fill value of /b refers"), "{said}");
    // What refers to a circle is in none itself; one may be entered by another name.
    let said = both(&circle("/a"), 2);
    assert!(said.contains("the fill value of /a refers") && !said.contains("the fill value of /b refers"), "{said}");
    let said = both(&circle("/l"), 2);
    assert!(said.contains("the fill value of /b refers"), "{said}");
}

#[test]
fn names_in_a_file() {
    // The file knows /a and /b as one; which of them is declared does not matter, with a dtype or without.
    let dir = tempdir();
    let object = "[dataset.\"/a\"]\ndtype = \"i4\"\nshape = [1]\n[link.\"/b\"]\nhard = \"/a\"\n";
    let refers =
        format!("[dataset.\"/d\"]\n{REFERS}fill_value = \"/a\"\nattrs = {{ r = {{ value = \"/a\", dtype = {{ ref = \"object\" }} }} }}\n");
    apply(dir.path(), &format!("{object}{refers}"), 0);
    for other in [format!("[dataset.\"/d\"]\n{REFERS}fill_value = \"/b\"\n"), "[dataset.\"/d\"]\nfill_value = \"/b\"\n".into()] {
        std::fs::write(dir.path().join("m.toml"), format!("version = 1\n{other}")).unwrap();
        run_to(0, h5mason().args(["check", "m.toml", "f.h5"]).current_dir(dir.path()));
    }
}

#[test]
fn chains_of_links() {
    // Each leads to the next, and the last to the object; in another order than their names'.
    let link = |n: usize| format!("[link.\"/l{n}\"]\nhard = \"{}\"\n", if n == 40 { "/a".into() } else { format!("/l{}", n + 1) });
    let links: String = (0..=40).map(link).collect();
    let rest = format!("[dataset.\"/a\"]\ndtype = \"i4\"\nshape = [1]\n[dataset.\"/d\"]\n{REFERS}fill_value = \"/l0\"\nfill = \"/l3\"\n");
    both(&format!("{links}{rest}"), 0);
    let said = both("[link.\"/a\"]\nhard = \"/b\"\n[link.\"/b\"]\nhard = \"/a\"\n", 2);
    assert!(said.contains("in a circle of hard links"), "{said}");
}
