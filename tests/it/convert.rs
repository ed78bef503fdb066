//! Datasets that are made anew: nothing but what is declared changes, as h5py sees it.

use std::path::Path;

use crate::common::{apply, h5mason, run_to, script, tempdir};

/// A file with much around its datasets, and what h5py sees in it.
fn made(dir: &Path) -> String {
    let file = dir.join("f.h5");
    script("convert.py", &[&"make", &file]);
    std::fs::copy(&file, dir.join("before.h5")).unwrap();
    script("convert.py", &[&"look", &file])
}

/// What h5py sees now, and what differs from the file before.
fn left(dir: &Path) -> (String, String) {
    let seen = script("convert.py", &[&"look", &dir.join("f.h5")]);
    let diff = h5mason().args(["diff", "before.h5", "f.h5"]).current_dir(dir).output().unwrap();
    (seen, String::from_utf8(diff.stdout).unwrap())
}

/// Lines that only one of the two has.
fn other_lines<'a>(a: &'a str, b: &'a str) -> Vec<&'a str> {
    a.lines().filter(|l| !b.lines().any(|o| o == *l)).collect()
}

#[test]
fn storage_is_converted_and_nothing_else_changes() {
    let dir = tempdir();
    let before = made(dir.path());
    let said = apply(
        dir.path(),
        "[dataset.\"/t/v\"]\non_mismatch = \"convert\"\nchunks = [5, 10]\nfilters = [\"shuffle\", { deflate = 4 }]\ncomment = \"a comment\"
         [dataset.\"/t/x\"]\non_mismatch = \"convert\"\nmaxshape = [\"unlimited\"]
         [dataset.\"/sparse\"]\non_mismatch = \"convert\"\nchunks = [20, 20]
         [dataset.\"/strings\"]\non_mismatch = \"convert\"\nchunks = [4]
         [dataset.\"/refs\"]\non_mismatch = \"convert\"\nchunks = [2]
         [dataset.\"/lists\"]\non_mismatch = \"convert\"\nchunks = [1]
         [dataset.\"/t/w\"]\non_mismatch = \"convert\"\nfill_value = 5\nalloc_time = \"early\"",
        0,
    );
    assert!(said.contains("7 datasets made anew"), "{said}");
    assert!(!said.contains("comment"), "{said}");
    let (after, diff) = left(dir.path());
    assert_eq!(before, after);
    let changed: Vec<&str> = diff.lines().filter(|l| l.starts_with("  ~ ")).map(|l| l.trim_start_matches("  ~ ")).collect();
    for path in changed {
        let name = ["/again", "/t/v", "/t/x", "/sparse", "/strings", "/refs", "/lists", "/t/w", "/other/within"];
        assert!(name.iter().any(|n| path.starts_with(n)), "{diff}");
    }
    assert!(!diff.contains('@') && !diff.contains("elements"), "{diff}");
}

#[test]
fn growth_beyond_the_largest_extent() {
    let dir = tempdir();
    let before = made(dir.path());
    let manifest = "[dataset.\"/t/w\"]\non_mismatch = \"convert\"\ndtype = \"f8\"\nshape = [24, 3]\nfill = 3";
    apply(dir.path(), manifest, 0);
    let (after, _) = left(dir.path());
    let differ = other_lines(&after, &before);
    assert_eq!(differ.len(), 2, "{differ:?}");
    let rows = run_to(0, h5mason().args(["show", "f.h5", "/t/w", "--select", "19:21, :"]).current_dir(dir.path()));
    assert!(rows.contains("[[0. 0. 0.]\n [3. 3. 3.]]"), "{rows}");
    apply(dir.path(), &manifest.replace("convert", "refuse"), 0);
}

#[test]
fn what_cannot_be_made_anew_is_a_conflict() {
    let dir = tempdir();
    made(dir.path());
    let check = |manifest: &str, words: &str| {
        let said = apply(dir.path(), &format!("{manifest}\non_mismatch = \"convert\""), 2);
        assert!(said.contains(words), "{said}");
        assert_eq!(std::fs::read(dir.path().join("f.h5")).unwrap(), std::fs::read(dir.path().join("before.h5")).unwrap());
    };
    check("[dataset.\"/t/first\"]\nchunks = [1]", "without axes");
    check("[dataset.\"/t/v\"]\ndtype = \"f4\"\nshape = [20]", "number of axes");
    check("[dataset.\"/t/v\"]\nchunks = [30, 10]", "larger than the fixed dimension");
}

#[test]
fn elements_are_converted_and_losses_counted() {
    let dir = tempdir();
    let before = made(dir.path());
    // 0, 0.25, 0.5 ... 49.75
    let manifest = |dtype: &str| format!("[dataset.\"/t/v\"]\non_mismatch = \"convert\"\ndtype = \"{dtype}\"\nshape = [20, 10]");
    apply(dir.path(), &manifest(">f8"), 0);
    let (after, _) = left(dir.path());
    assert_eq!(other_lines(&after, &before).len(), 1, "{:?}", other_lines(&after, &before));
    let said = apply(dir.path(), &manifest("i1"), 2);
    assert!(said.contains("150 of 200 elements lose something: 0.25 -> 0, 0.5 -> 0, 0.75 -> 0, .."), "{said}");
    assert!(said.contains("--allow lossy"), "{said}");
    run_to(0, h5mason().args(["apply", "m.toml", "f.h5", "--allow", "lossy"]).current_dir(dir.path()));
    run_to(0, h5mason().args(["check", "m.toml", "f.h5"]).current_dir(dir.path()));
    let row = run_to(0, h5mason().args(["show", "f.h5", "/t/v", "--select", "19, :"]).current_dir(dir.path()));
    assert!(row.contains("[47 47 48 48 48 48 49 49 49 49]"), "{row}");
    // Whole numbers come back without a loss.
    apply(dir.path(), &manifest("f4"), 0);
    let (after, _) = left(dir.path());
    assert_eq!(other_lines(&after, &before).len(), 1);
    let text = "[dataset.\"/strings\"]\non_mismatch = \"convert\"\nshape = [15]\ndtype.string = { length = 2, charset = \"utf8\", pad = \"nullpad\" }";
    apply(dir.path(), text, 0);
    let said = apply(dir.path(), &text.replace("length = 2", "length = 1"), 2);
    assert!(said.contains("5 of 15 elements"), "{said}");
}

#[test]
fn patches_and_exact_contents_are_of_the_new_dtype() {
    let dir = tempdir();
    made(dir.path());
    apply(
        dir.path(),
        "[dataset.\"/t/y\"]\non_mismatch = \"convert\"\ndtype = \"f4\"\nshape = [10]
         [[patch]]\npath = \"/t/y\"\nselect = \"2:4\"\nfill = 0.5
         [dataset.\"/t/x\"]\non_mismatch = \"convert\"\ndtype = \"u1\"\nshape = [20]\ncontents = \"exact\"\nfill.arange = { start = 100 }
         [[patch]]\npath = \"/t/x\"\nselect = \"0\"\nfill = 7",
        0,
    );
    let show = |path: &str| run_to(0, h5mason().args(["show", "f.h5", path, "--select", ":5"]).current_dir(dir.path()));
    assert!(show("/t/y").contains("[0.  1.  0.5 0.5 4. ]"), "{}", show("/t/y"));
    assert!(show("/t/x").contains("[  7 101 102 103 104]"), "{}", show("/t/x"));
}

#[test]
fn datasets_shrink() {
    let dir = tempdir();
    let before = made(dir.path());
    let chunked = "[dataset.\"/sparse\"]\ndtype = \"i4\"\nshape = [501, 600]";
    let said = apply(dir.path(), chunked, 2);
    assert!(said.contains("- shape [1000, 1000] -> [501, 600]   ! destructive") && said.contains("--allow destructive"), "{said}");
    let allowed = |glob: &str| {
        run_to(0, h5mason().args(["apply", "m.toml", "f.h5", "--allow", glob]).current_dir(dir.path()));
        run_to(0, h5mason().args(["check", "m.toml", "f.h5"]).current_dir(dir.path()));
    };
    allowed("destructive=/sparse");
    let (after, diff) = left(dir.path());
    assert_eq!(other_lines(&after, &before).len(), 2, "{diff}");
    // Contiguous: only by making it anew.
    let contiguous = "[dataset.\"/t/w\"]\ndtype = \"f8\"\nshape = [5, 2]";
    let said = apply(dir.path(), contiguous, 2);
    assert!(said.contains("only a dataset in chunks can shrink in place") && said.contains("convert"), "{said}");
    let said = apply(dir.path(), &format!("{contiguous}\non_mismatch = \"convert\""), 2);
    assert!(said.contains("50 elements are cut off"), "{said}");
    allowed("destructive=/t/*");
    let (again, diff) = left(dir.path());
    assert_eq!(other_lines(&again, &after).len(), 2, "{diff}");
    // It is as fixed as it was, and in one piece.
    let owned = format!("{contiguous}\nmaxshape = [5, 2]\nlayout = \"contiguous\"");
    apply(dir.path(), &owned, 0);
    // One axis grows, the other one shrinks: the fill is for what is new.
    apply(dir.path(), "[dataset.\"/g\"]\ndtype = \"i4\"\nshape = [2, 4]\nmaxshape = [9, 9]\nchunks = [2, 2]\nfill.arange = {}", 0);
    std::fs::write(
        dir.path().join("m.toml"),
        "version = 1\n[dataset.\"/g\"]\ndtype = \"i4\"\nshape = [3, 3]\nfill = 9\n[[patch]]\npath = \"/g\"\nselect = \"0, 0\"\nfill = 5",
    )
    .unwrap();
    allowed("destructive");
    let rows = run_to(0, h5mason().args(["show", "f.h5", "/g"]).current_dir(dir.path()));
    assert!(rows.contains("[[5 1 2]\n [4 5 6]\n [9 9 9]]"), "{rows}");
}

#[test]
fn datasets_are_replaced() {
    let dir = tempdir();
    let before = made(dir.path());
    let manifest = "[dataset.\"/t/v\"]\non_mismatch = \"replace\"\ndtype = \"S3\"\nshape = [20, 10]\nchunks = [4, 4]\nfill = \"abc\"
         [[patch]]\npath = \"/t/v\"\nselect = \"0, 0\"\nfill = \"x\"";
    let said = apply(dir.path(), manifest, 2);
    assert!(said.contains("! /t/v") && said.contains("--allow destructive"), "{said}");
    run_to(0, h5mason().args(["apply", "m.toml", "f.h5", "--allow", "destructive"]).current_dir(dir.path()));
    run_to(0, h5mason().args(["check", "m.toml", "f.h5"]).current_dir(dir.path()));
    let (after, _) = left(dir.path());
    assert_eq!(other_lines(&after, &before).len(), 1, "{:?}", other_lines(&after, &before));
    let row = run_to(0, h5mason().args(["show", "f.h5", "/t/v", "--select", "0, :3"]).current_dir(dir.path()));
    assert!(row.contains("x") && row.contains("abc"), "{row}");
    // Where nothing differs but contents, nothing is replaced.
    apply(dir.path(), &manifest.replace("fill = \"abc\"", "fill = \"zzz\""), 0);
    let said = apply(dir.path(), "[dataset.\"/t/v\"]\non_mismatch = \"replace\"\ndtype = \"f4\"\nshape = [7]", 2);
    assert!(said.contains("another number of axes"), "{said}");
    let said = apply(dir.path(), "[dataset.\"/t/v\"]\non_mismatch = \"replace\"\nchunks = [5, 5]", 2);
    assert!(said.contains("`dtype` and `shape` are declared"), "{said}");
}

#[test]
fn compact_datasets_stay_small() {
    let dir = tempdir();
    let compact = |shape: u32| format!("[dataset.\"/c\"]\ndtype = \"f8\"\nshape = [{shape}]\n");
    apply(dir.path(), &(compact(10) + "layout = \"compact\"\nfill = 1"), 0);
    let said = apply(dir.path(), &(compact(8191) + "on_mismatch = \"convert\""), 2);
    assert!(said.contains("a compact dataset holds less than 64 KiB, and this would have 65528 bytes"), "{said}");
    apply(dir.path(), &(compact(8190) + "on_mismatch = \"convert\""), 0);
    apply(dir.path(), &(compact(8191) + "on_mismatch = \"convert\"\nlayout = \"contiguous\""), 0);
    let said = apply(dir.path(), &(compact(8191) + "on_mismatch = \"convert\"\nlayout = \"compact\""), 2);
    assert!(said.contains("a compact dataset holds less than 64 KiB"), "{said}");
    // Texts take more room in a file than in memory.
    let texts = |count: u32| format!("[dataset.\"/s\"]\ndtype = \"str\"\nshape = [{count}]\nlayout = \"compact\"\nfill = \"a\"");
    let said = apply(dir.path(), &texts(4096), 2);
    assert!(said.contains("this one has 65536 bytes"), "{said}");
    apply(dir.path(), &texts(4095), 0);
}
