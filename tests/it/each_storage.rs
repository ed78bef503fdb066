//! Rules for whatever matches, about storage.

use std::path::Path;

use crate::common::{apply, h5mason, run_to, tempdir};

const FILE: &str = r#"
[dataset."/a/x"]
dtype = "f4"
shape = [100, 8]
fill.arange = {}
attrs.units = "K"

[dataset."/a/y"]
dtype = "i2"
shape = [50]
maxshape = ["unlimited"]
chunks = [10]
fill.arange = {}

[dataset."/a/z"]
dtype = "f8"
shape = []
fill = 7

[link."/again"]
hard = "/a/x"
"#;

/// Chunks, filter and sum of each dataset, by h5py.
fn stored(dir: &Path) -> String {
    let script = "import h5py
f = h5py.File('f.h5')
for n in ('a/x', 'a/y', 'a/z'):
    d = f[n]
    print(n, d.chunks, d.compression, d.shuffle, d[()].sum(), dict(d.attrs))
assert f['again'] == f['a/x']";
    let mut python = std::process::Command::new(crate::common::python());
    run_to(0, python.current_dir(dir).args(["-c", script]))
}

#[test]
fn datasets_are_recompressed() {
    let dir = tempdir();
    apply(dir.path(), FILE, 0);
    let rule = "[[each]]\nmatch = \"/**\"\nkind = \"dataset\"\nfilters = [\"shuffle\", { deflate = 4 }]\n";
    let said = apply(dir.path(), rule, 2);
    assert!(said.contains("on_mismatch = \"convert\"") && said.contains("filters of /a/x"), "{said}");
    apply(dir.path(), &format!("{rule}on_mismatch = \"convert\"\n"), 0);
    let now = stored(dir.path());
    assert_eq!(now, "a/x (100, 8) gzip True 319600.0 {'units': 'K'}\na/y (10,) gzip True 1225 {}\na/z None None False 7.0 {}\n");
    let said = run_to(0, h5mason().args(["apply", "m.toml", "f.h5"]).current_dir(dir.path()));
    assert!(said.contains("nothing to do"), "{said}");
}

#[test]
fn datasets_are_rechunked_as_far_as_they_have_room() {
    let dir = tempdir();
    apply(dir.path(), FILE, 0);
    let rule = "[[each]]\nmatch = \"/a/*\"\nwhere = { ndim = 2, \"@units\" = \"K\" }\nchunks = [64, 64]\non_mismatch = \"convert\"\nattrs.done = true\n";
    apply(dir.path(), rule, 0);
    let now = stored(dir.path());
    assert!(now.starts_with("a/x (64, 8) None False 319600.0 {"), "{now}");
    let said = apply(dir.path(), "[[each]]\nmatch = \"/a/*\"\nchunks = [64, 64]\non_mismatch = \"convert\"\n", 2);
    assert!(said.contains("`chunks` has rank 2, /a/y has rank 1") && said.contains("where = { ndim = 2 }"), "{said}");
}

#[test]
fn new_datasets_are_stored_so_too_and_their_own_entries_have_the_last_word() {
    let dir = tempdir();
    let rule = "[[each]]\nmatch = \"/**\"\nfilters = [{ deflate = 1 }]\non_mismatch = \"convert\"\n";
    let own = FILE.replace("chunks = [10]", "chunks = [10]\nfilters = []");
    apply(dir.path(), &format!("{rule}{own}"), 0);
    let now = stored(dir.path());
    assert_eq!(now, "a/x (100, 8) gzip False 319600.0 {'units': 'K'}\na/y (10,) None False 1225 {}\na/z None None False 7.0 {}\n");
    run_to(0, h5mason().args(["check", "m.toml", "f.h5"]).current_dir(dir.path()));
}

#[test]
fn rules_see_what_rules_before_have_made() {
    let dir = tempdir();
    apply(dir.path(), FILE, 0);
    let first = "[[each]]\nmatch = \"/**\"\nwhere = { compressed = false }\nfilters = [{ deflate = 1 }]\non_mismatch = \"convert\"\nattrs.was = \"plain\"\n";
    apply(dir.path(), &format!("{first}[[each]]\nmatch = \"/a/y\"\nwhere = {{ compressed = true }}\nchunks = [5]\n"), 0);
    let now = stored(dir.path());
    assert!(now.contains("a/y (5,) gzip False 1225 {'was': 'plain'}"), "{now}");
    let said = run_to(0, h5mason().args(["apply", "m.toml", "f.h5"]).current_dir(dir.path()));
    assert!(said.contains("nothing to do"), "{said}");
    let clash = "[[each]]\nmatch = \"/a/y\"\nchunks = [5]\n[[each]]\nmatch = \"/a/*\"\nwhere = { ndim = 1 }\nchunks = [7]\n";
    let said = apply(dir.path(), clash, 2);
    assert!(said.contains("each-clash") && said.contains("/a/y"), "{said}");
    let back = "[[each]]\nmatch = \"/a/y\"\nwhere = { compressed = true }\nfilters = []\non_mismatch = \"convert\"\n";
    apply(dir.path(), back, 0);
    let swing = format!("{back}[[each]]\nmatch = \"/a/y\"\nwhere = {{ compressed = false }}\nfilters = [{{ deflate = 1 }}]\n");
    let said = apply(dir.path(), &swing, 2);
    assert!(said.contains("unstable") || said.contains("each-clash"), "{said}");
}
