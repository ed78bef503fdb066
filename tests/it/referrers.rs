//! What leads to datasets that are made anew, moved or removed: nothing is left behind in silence.

use std::fs;
use std::path::Path;

use crate::common::{apply, h5mason, run_to, script, tempdir};

fn made(case: &str, more: &[&str]) -> tempfile::TempDir {
    let dir = tempdir();
    make(dir.path(), case, more);
    dir
}

fn make(dir: &Path, case: &str, more: &[&str]) {
    let file = dir.join("f.h5");
    let mut args: Vec<&dyn AsRef<std::ffi::OsStr>> = vec![&"make", &case, &file];
    args.extend(more.iter().map(|m| m as &dyn AsRef<std::ffi::OsStr>));
    script("referrers.py", &args);
}

fn look(dir: &Path, case: &str) -> String {
    script("referrers.py", &[&"look", &case, &dir.join("f.h5")]).trim().to_owned()
}

/// Applies with consent, after which nothing is left to do.
#[track_caller]
fn change(dir: &Path, manifest: &str) -> String {
    fs::write(dir.join("m.toml"), format!("version = 1\n{manifest}")).unwrap();
    let said = run_to(0, h5mason().args(["apply", "m.toml", "f.h5", "--allow", "destructive"]).current_dir(dir));
    run_to(0, h5mason().args(["check", "m.toml", "f.h5"]).current_dir(dir));
    said
}

/// It is a conflict, and the file stays as it is.
#[track_caller]
fn refused(dir: &Path, manifest: &str, words: &str) {
    let before = fs::read(dir.join("f.h5")).unwrap();
    let said = apply(dir, manifest, 2);
    assert!(said.contains(words) && said.contains("nothing was written"), "{manifest}\n{said}");
    assert!(fs::read(dir.join("f.h5")).unwrap() == before);
}

const CONVERT: &str = "[dataset.\"/d\"]\non_mismatch = \"convert\"\nchunks = [2]\n";

#[test]
fn fill_values_are_not_left_behind() {
    let referring = "dtype.ref = \"object\"\nshape = [6]\nchunks = [2]\nfill_value = \"/d\"";
    for (fill, seen) in [("", "['/d', '/d', '/d', '/d', '/d', '/d']"), ("\nfill = \"/\"", "['/', '/', '/', '/', '/', '/']")] {
        let dir = made("fill_value", &[]);
        apply(dir.path(), &format!("[dataset.\"/r\"]\n{referring}{fill}"), 0);
        refused(dir.path(), CONVERT, "references in the fill value of /r lead to it");
        assert_eq!(look(dir.path(), "fill_value"), seen);
        change(dir.path(), &format!("{CONVERT}[[remove]]\npath = \"/r\""));
    }
    // A new fill value would refer to the old dataset.
    let dir = made("fill_value", &[]);
    let other = "[dataset.\"/a\"]\ndtype.ref = \"object\"\nshape = [6]\n";
    apply(dir.path(), other, 0);
    let becomes = format!("{other}on_mismatch = \"convert\"\nfill_value = \"/d\"\n");
    refused(dir.path(), &(becomes.clone() + CONVERT), "its fill value refers to /d, which is made anew, too");
    change(dir.path(), CONVERT);
    change(dir.path(), &becomes);
}

#[test]
fn what_cannot_be_searched_stands_against_it() {
    let dir = made("deep", &[]);
    refused(dir.path(), CONVERT, "references to it may be where they cannot be looked for");
    change(dir.path(), &format!("{CONVERT}[[remove]]\npath = \"/g\""));
    // Chunks of a filter that nobody has, and other files: only where there may be references.
    let stored = |name: &str, dtype: &str| {
        format!("[dataset.\"/{name}\"]\n{dtype}\nshape = [2]\nchunks = [1]\nfilters = [{{ id = 32099, params = [], optional = true }}]\n")
    };
    for (with, words) in [(true, "/r could not be searched: this h5mason does not have filter 32099"), (false, "")] {
        let dir = made("chunk", &[]);
        let both = stored("n", "dtype = \"f8\"") + &if with { stored("r", "dtype.ref = \"object\"") } else { String::new() };
        apply(dir.path(), &both, 0);
        look(dir.path(), "chunk");
        match with {
            true => refused(dir.path(), CONVERT, words),
            false => _ = change(dir.path(), CONVERT),
        }
    }
    refused(made("external", &["r", "n"]).path(), CONVERT, "/r could not be searched: its elements are in other files");
    change(made("external", &["n"]).path(), CONVERT);
}

#[test]
fn what_goes_holds_nothing_back() {
    let dir = made("region", &[]);
    let remove = |path: &str| format!("{CONVERT}[[remove]]\npath = \"{path}\"\n");
    refused(dir.path(), CONVERT, "references in the elements of /a/r lead to it");
    change(dir.path(), &remove("/a"));
    // By another name it stays.
    let dir = made("region", &["again"]);
    refused(dir.path(), &remove("/a"), "references in the elements of /z lead to it");
    change(dir.path(), &(remove("/a") + "[[remove]]\npath = \"/z\"\n"));
    let dir = made("region", &["object"]);
    change(dir.path(), &remove("/a"));
    assert_eq!(look(dir.path(), "region"), "True (2,) True");
}

#[test]
fn groups_by_other_names_keep_what_is_in_them() {
    let dir = made("alias", &[]);
    let convert = CONVERT.replace("/d", "/h/d");
    change(dir.path(), &format!("{convert}[[remove]]\nmatch = [\"/g\", \"/old\"]"));
    assert_eq!(look(dir.path(), "alias"), "['h'] (2,) True 1");
}

#[test]
fn many_datasets_of_one_scale_and_one_group() {
    let dir = made("scale", &[]);
    let each = "[[each]]\nmatch = \"/g/*\"\nkind = \"dataset\"\non_mismatch = \"convert\"\nchunks = [3]\n";
    change(dir.path(), each);
    let order = "['x', 'v5', 's5', 'v1', 's1', 'v9', 's9', 'v3', 's3', 'v7', 's7']";
    assert_eq!(look(dir.path(), "scale"), format!("{order} (3,) {{(3,)}}"));
}

#[test]
fn sources_of_virtual_datasets() {
    let moves = |from: &str, to: &str| format!("[[move]]\nfrom = \"{from}\"\nto = \"{to}\"\n");
    let dir = made("virtual", &["named"]);
    for (from, dataset) in
        [("/g/a", "/v"), ("/same/a", "/v"), ("/same", "/v"), ("/soft", "/v"), ("/other", "/named"), ("/block-0", "/blocks")]
    {
        refused(dir.path(), &moves(from, "/new"), &format!("{from} cannot be moved to /new: {dataset} is a virtual dataset of"));
    }
    let values = "[0.0, 1.0, 2.0, 3.0] [0.0, 1.0]";
    // No way leads through this name, and none of these is changed by what is made anew, or moves itself.
    change(dir.path(), &moves("/g", "/new"));
    change(dir.path(), &moves("/v", "/w"));
    change(dir.path(), &moves("/w", "/v"));
    change(dir.path(), "[dataset.\"/new/a\"]\non_mismatch = \"convert\"\nchunks = [2]\n");
    assert_eq!(look(dir.path(), "virtual"), values);
    let said = change(dir.path(), &(moves("/new/a", "/b") + "[link.\"/new/a\"]\nsoft = \"/b\"\n"));
    assert!(!said.contains("warning"), "{said}");
    assert_eq!(look(dir.path(), "virtual"), values);
    change(dir.path(), &(moves("/b", "/c") + "[[remove]]\npath = \"/v\"\n[[remove]]\npath = \"/new/a\""));
}

#[test]
fn removed_sources_are_told() {
    let warned = |removed: &[&str]| -> Vec<String> {
        let dir = made("virtual", &[]);
        let entries: String = removed.iter().map(|path| format!("[[remove]]\npath = \"{path}\"\n")).collect();
        let said = change(dir.path(), &entries);
        said.lines().filter_map(|l| l.trim().strip_prefix("warning: ")).map(str::to_owned).collect()
    };
    let lost = |path: &str| format!("/v is a virtual dataset of /soft/a, which is not there without {path}: it loses those elements");
    assert_eq!(warned(&["/g/a"]), [lost("/g/a")]);
    assert_eq!(warned(&["/g"]), Vec::<String>::new());
    assert_eq!(warned(&["/g/a", "/v"]), Vec::<String>::new());
    assert_eq!(warned(&["/soft"]), [lost("/soft")]);
    assert_eq!(
        warned(&["/block-0"]),
        ["/blocks is a virtual dataset of /block-%b, which is not there without /block-0: it loses those elements"]
    );
}
