//! Large contents: made, filtered and written on all processors, past the library where that is possible.
#![allow(clippy::disallowed_methods, reason = "tests write files of their own, in temporary folders")]

use std::fs;
use std::path::Path;

use crate::common::{h5mason, run_to, script, tempdir};

/// Layouts and storage, each with every rule: name, and what its table says.
const STORED: [(&str, &str); 15] = [
    ("plain", "dtype = \"f8\"\nshape = [700, 1001]"),
    ("plain_fill", "dtype = \">i4\"\nshape = [13, 100003]\nfill_value = -9"),
    ("plain_alloc", "dtype = \"i8\"\nshape = [700001]\nfill_value = 4\nfill_time = \"alloc\"\nalloc_time = \"early\""),
    ("plain_never", "dtype = \"u2\"\nshape = [3, 900001]\nfill_time = \"never\""),
    ("raw", "dtype = \"i4\"\nshape = [501, 803]\nchunks = [64, 100]"),
    ("raw_early", "dtype = \"i4\"\nshape = [501, 803]\nchunks = [64, 100]\nalloc_time = \"early\"\nfill_value = 6"),
    (
        "deflate",
        "dtype = \"i4\"\nshape = [501, 803]\nmaxshape = [\"unlimited\", 803]\nchunks = [64, 100]\nfilters = [\"shuffle\", { deflate = 4 }]\nfill_value = -3",
    ),
    (
        "checked",
        "dtype = \"f4\"\nshape = [1003, 507]\nmaxshape = [\"unlimited\", 507]\nchunks = [1000, 10]\nfilters = [{ deflate = 1 }, \"fletcher32\"]",
    ),
    (
        "lzf",
        "dtype = \">i8\"\nshape = [90001, 3]\nmaxshape = [\"unlimited\", \"unlimited\"]\nchunks = [4096, 2]\nfilters = [\"shuffle\", \"lzf\"]",
    ),
    (
        "edges",
        "dtype = \"i4\"\nshape = [501, 803]\nmaxshape = [\"unlimited\", 803]\nchunks = [64, 100]\nfilters = [{ deflate = 4 }]\npartial_chunks = \"raw\"\nfill_value = 8",
    ),
    (
        "preset",
        "dtype = \"i4\"\nshape = [501, 803]\nmaxshape = [\"unlimited\", 803]\nchunks = [64, 100]\nfilters = [{ deflate = 4 }]\nalloc_time = \"late\"\nfill_time = \"never\"\nfill_value = -3",
    ),
    ("one_chunk", "dtype = \"i4\"\nshape = [300000]\nchunks = [300000]\nfilters = [\"lzf\"]"),
    ("library", "dtype = \"i4\"\nshape = [501, 803]\nchunks = [64, 100]\nfilters = [\"nbit\", { deflate = 4 }]"),
    (
        "large_chunks",
        "dtype = \"i8\"\nshape = [2100, 2100]\nmaxshape = [\"unlimited\", 2100]\nchunks = [2048, 2100]\nfilters = [{ deflate = 1 }]\nfill_value = 1",
    ),
    ("patched", "dtype = \"i4\"\nshape = [501, 803]\nchunks = [64, 100]\nfilters = [\"shuffle\", { deflate = 4 }]"),
];

fn manifest(exact: bool) -> String {
    let mut out = String::from("version = 1\nseed = 3\n");
    for (name, table) in STORED {
        for (rule, fill) in
            [("arange", "arange = { start = 3, step = 2 }"), ("cycle", "cycle = [5, -1, 7, 7, 0]"), ("constant", "value = 77")]
        {
            // Unsigned numbers have no -1, small ones no 2 * 900 000.
            if name == "plain_never" && rule != "constant" {
                continue;
            }
            let exact = if exact { "contents = \"exact\"\n" } else { "" };
            out += &format!("[dataset.\"/{name}_{rule}\"]\n{table}\n{exact}fill.{fill}\nattrs.rule = \"{rule}\"\n");
            if name == "patched" {
                out += &format!("[[patch]]\npath = \"/{name}_{rule}\"\nselect = \":, 3:9\"\nfill = 1000\n");
            }
        }
    }
    let exact = if exact { "contents = \"exact\"\n" } else { "" };
    out += &format!(
        "[dataset.\"/patched_plain\"]\ndtype = \"f8\"\nshape = [700, 1001]\n{exact}fill_value = 2.5\nfill = 77\nattrs.rule = \"constant\"\n"
    );
    out += "[[patch]]\npath = \"/patched_plain\"\nselect = \":, 3:9\"\nfill = 1000\n";
    out
}

/// Builds with these options; the bytes.
#[track_caller]
fn built(dir: &Path, name: &str, options: &[&str]) -> Vec<u8> {
    run_to(0, h5mason().args(["build", "m.toml", "--no-sync", "-o", name]).args(options).current_dir(dir));
    fs::read(dir.join(name)).unwrap()
}

#[test]
fn every_element_is_right_whatever_the_threads_and_the_memory() {
    let dir = tempdir();
    fs::write(dir.path().join("m.toml"), manifest(false)).unwrap();
    let one = built(dir.path(), "one.h5", &["--threads", "1"]);
    for (name, options) in [
        ("two.h5", &["--threads", "2"][..]),
        ("five.h5", &["--threads", "5", "--memory", "1GiB"]),
        ("little.h5", &["--threads", "4", "--memory", "1MiB"]),
    ] {
        assert!(built(dir.path(), name, options) == one, "{name} differs");
    }
    run_to(0, h5mason().args(["check", "m.toml", "one.h5", "--exact"]).current_dir(dir.path()));
    let said = script("pipeline.py", &[&dir.path().join("one.h5")]);
    assert!(said.contains("all is well") && said.ends_with("edges are filled\n"), "{said}");
}

#[test]
fn what_was_changed_is_found_and_mended_in_place() {
    let dir = tempdir();
    fs::write(dir.path().join("m.toml"), manifest(true)).unwrap();
    let original = built(dir.path(), "f.h5", &[]);
    let mut results = Vec::new();
    for (threads, memory) in [("1", "256MiB"), ("3", "2MiB")] {
        fs::write(dir.path().join("f.h5"), &original).unwrap();
        script("scribble.py", &[&dir.path().join("f.h5")]);
        let options = ["--threads", threads, "--memory", memory];
        run_to(1, h5mason().args(["check", "m.toml", "f.h5"]).args(options).current_dir(dir.path()));
        let plan = run_to(0, h5mason().args(["plan", "m.toml", "f.h5", "--format", "json"]).args(options).current_dir(dir.path()));
        run_to(0, h5mason().args(["apply", "m.toml", "f.h5"]).args(options).current_dir(dir.path()));
        run_to(0, h5mason().args(["check", "m.toml", "f.h5"]).args(options).current_dir(dir.path()));
        results.push((plan, fs::read(dir.path().join("f.h5")).unwrap()));
        script("pipeline.py", &[&dir.path().join("f.h5")]);
    }
    assert!(results[0].0 == results[1].0, "plans depend on threads or memory");
    assert!(results[0].1 == results[1].1, "bytes depend on threads or memory");
}

/// New datasets in the tail of an existing file are written in parallel, too: the bytes are those of one thread, and nothing is left where it fails.
#[test]
fn new_datasets_in_an_existing_file() {
    let dir = tempdir();
    fs::write(dir.path().join("old.toml"), "version = 1\n[dataset.\"/old\"]\ndtype = \"i4\"\nshape = [10]\nfill.arange = {}\n").unwrap();
    fs::write(dir.path().join("m.toml"), manifest(false)).unwrap();
    run_to(0, h5mason().args(["build", "old.toml", "--no-sync", "-o", "old.h5"]).current_dir(dir.path()));
    let original = fs::read(dir.path().join("old.h5")).unwrap();
    let mut results = Vec::new();
    for options in [&["--threads", "1"][..], &["--threads", "4"], &["--threads", "2", "--commit", "replace"]] {
        fs::write(dir.path().join("f.h5"), &original).unwrap();
        run_to(0, h5mason().args(["apply", "m.toml", "f.h5"]).args(options).current_dir(dir.path()));
        results.push(fs::read(dir.path().join("f.h5")).unwrap());
    }
    assert!(results[0] == results[1] && results[0] == results[2]);
    run_to(0, h5mason().args(["check", "m.toml", "f.h5", "--exact"]).current_dir(dir.path()));
    run_to(0, h5mason().args(["check", "old.toml", "f.h5", "--exact"]).current_dir(dir.path()));
    fs::write(dir.path().join("f.h5"), &original).unwrap();
    run_to(2, h5mason().args(["apply", "m.toml", "f.h5", "--max-bytes", "1MB"]).current_dir(dir.path()));
    assert!(fs::read(dir.path().join("f.h5")).unwrap() == original);
}

/// Texts lie outside of the elements: what is read before it is mended decides where the library puts the new ones.
#[test]
fn texts_are_mended_to_the_same_bytes_on_any_number_of_threads() {
    let dir = tempdir();
    let table = |name: &str, more: &str| {
        format!(
            "[dataset.\"/{name}\"]\ndtype = \"str\"\nshape = [300000]\n{more}contents = \"exact\"\nfill.text = {{ length = [0, 30] }}\n"
        )
    };
    let all = format!("version = 1\n{}{}", table("plain", "layout = \"contiguous\"\n"), table("cut", "chunks = [20000]\n"));
    fs::write(dir.path().join("m.toml"), all).unwrap();
    run_to(0, h5mason().args(["build", "m.toml", "--no-sync", "-o", "f.h5"]).current_dir(dir.path()));
    script("scribble.py", &[&dir.path().join("f.h5"), &"text"]);
    let scribbled = fs::read(dir.path().join("f.h5")).unwrap();
    let mut results = Vec::new();
    for options in
        [["--threads", "1", "--memory", "1MiB"], ["--threads", "7", "--memory", "1GiB"], ["--threads", "2", "--memory", "256MiB"]]
    {
        fs::write(dir.path().join("f.h5"), &scribbled).unwrap();
        run_to(0, h5mason().args(["apply", "m.toml", "f.h5"]).args(options).current_dir(dir.path()));
        run_to(0, h5mason().args(["check", "m.toml", "f.h5"]).args(options).current_dir(dir.path()));
        results.push(fs::read(dir.path().join("f.h5")).unwrap());
    }
    assert!(results[0] != scribbled && results[0] == results[1] && results[0] == results[2]);
}
