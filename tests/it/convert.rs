//! Datasets that are made anew: nothing but what is declared changes, as h5py sees it.

use std::path::Path;
use std::process::Command;

use crate::common::{apply, h5mason, python, run_to, script, tempdir};

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

/// Runs Python lines on the open file `f`, made anew or changed.
fn lines(dir: &Path, mode: &str, lines: &str) -> String {
    let code = format!("import h5py, numpy as np\nf = h5py.File('f.h5', {mode:?})\n{lines}\nf.close()");
    run_to(0, Command::new(python()).args(["-c", &code]).current_dir(dir)).trim().to_owned()
}

/// Applies the manifest that was applied last with some consent; afterwards the file must be as declared.
fn allowed(dir: &Path, consent: &[&str]) -> String {
    let allow = consent.iter().flat_map(|c| ["--allow", c]);
    let said = run_to(0, h5mason().args(["apply", "m.toml", "f.h5"]).args(allow).current_dir(dir));
    run_to(0, h5mason().args(["check", "m.toml", "f.h5"]).current_dir(dir));
    said
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
    assert!(said.contains("150 of 200 elements lose something: 0.25 -> 0, 0.5 -> 0, 0.75 -> 1, .."), "{said}");
    assert!(said.contains("--allow lossy"), "{said}");
    run_to(0, h5mason().args(["apply", "m.toml", "f.h5", "--allow", "lossy"]).current_dir(dir.path()));
    run_to(0, h5mason().args(["check", "m.toml", "f.h5"]).current_dir(dir.path()));
    let row = run_to(0, h5mason().args(["show", "f.h5", "/t/v", "--select", "19, :"]).current_dir(dir.path()));
    assert!(row.contains("[48 48 48 48 48 49 49 49 50 50]"), "{row}");
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
fn enumerations_are_converted_by_name() {
    let dir = tempdir();
    let dir = dir.path();
    lines(
        dir,
        "w",
        "e = h5py.enum_dtype({'A': 0, 'B': 1}, 'i1')\nf.create_dataset('e', data=np.array([0, 1, 1], 'i1'), dtype=e)\n\
         f.attrs.create('e', [0, 1], dtype=e)\nf.attrs.create('n', np.array([0, 1, 2], 'i1'))\nf['n'] = np.array([0, 1, 2], 'i1')\n\
         f.create_dataset('odd', data=np.array([0, 5], 'i1'), dtype=e)",
    );
    let swapped = "dtype.enum = { base = \"i1\", members = { A = 1, B = 0 } }\n";
    let said = apply(
        dir,
        &format!(
            "[attrs]\ne = {{ cast = {{ enum = {{ base = \"i1\", members = {{ A = 1, B = 0 }} }} }} }}\n\
             [dataset.\"/e\"]\non_mismatch = \"convert\"\nshape = [3]\n{swapped}"
        ),
        0,
    );
    let declared = "declared as enum(i1: A = 1, B = 0), the file has enum(i1: A = 0, B = 1)";
    assert!(said.contains(declared) && said.contains("(enum(i1: A = 0, B = 1) -> enum(i1: A = 1, B = 0))"), "{said}");
    let seen = "print(f['e'][:].tolist(), h5py.check_enum_dtype(f['e'].dtype), f.attrs['e'].tolist())";
    assert_eq!(lines(dir, "r", seen), "[1, 0, 0] {'A': 1, 'B': 0} [1, 0]");
    // A value that is no name has no place anywhere.
    let said = apply(dir, &format!("[dataset.\"/odd\"]\non_mismatch = \"convert\"\nshape = [2]\n{swapped}"), 2);
    assert!(said.contains("1 of 2 elements have no value in") && said.contains("5 of enum(i1: A = 0, B = 1) is not a name of"), "{said}");
    let number = "[dataset.\"/n\"]\non_mismatch = \"convert\"\nshape = [3]\n";
    let said = apply(dir, &format!("{number}{swapped}"), 2);
    assert!(said.contains("2 is not a value of enum(i1: A, B)"), "{said}");
    // To a bool, everything but zero is true, and stored so.
    let said = apply(dir, &format!("{number}dtype = \"bool\"\n[attrs]\nn = {{ cast = \"bool\" }}"), 2);
    assert!(said.contains("1 of 3 elements lose something: 2 -> true") && said.contains("--allow lossy"), "{said}");
    allowed(dir, &["lossy"]);
    let seen = "print(f['n'].dtype, f['n'][:].view('i1').tolist(), f.attrs['n'].view('i1').tolist())";
    assert_eq!(lines(dir, "r", seen), "bool [0, 1, 1] [0, 1, 1]");
}

#[test]
fn elements_without_a_value_stand_against_a_conversion() {
    let dir = tempdir();
    let dir = dir.path();
    lines(
        dir,
        "w",
        "f['x'] = [1.5, np.nan, np.nan]\nf.create_dataset('late', (4,), 'f4', chunks=(2,), fillvalue=np.nan)[:2] = [1, 2]\n\
         f['s'] = np.array([b'ok', b'caf\\xe9'], 'S4')\nf.create_dataset('v', data=[b'caf\\xe9'], dtype=h5py.string_dtype('ascii'))",
    );
    let before = std::fs::read(dir.join("f.h5")).unwrap();
    let convert = |path: &str, dtype: &str, size: u32| {
        format!("[dataset.\"{path}\"]\non_mismatch = \"convert\"\ndtype = \"{dtype}\"\nshape = [{size}]\n")
    };
    let refused = |manifest: &str, words: &[&str]| {
        let said = apply(dir, manifest, 2);
        words.iter().for_each(|w| assert!(said.contains(w), "{w}\n{said}"));
        let said = h5mason().args(["apply", "m.toml", "f.h5", "--allow", "lossy"]).current_dir(dir).output().unwrap();
        assert_eq!(said.status.code(), Some(2));
        assert_eq!(std::fs::read(dir.join("f.h5")).unwrap(), before);
    };
    refused(
        &convert("/x", "i4", 3),
        &["/x cannot be made anew: 2 of 3 elements have no value in i4: nan is not a value of i4", "in an apply of its own"],
    );
    refused(&convert("/late", "i4", 4), &["its fill value: nan is not a value of i4; declare its `fill_value`"]);
    // What was never written is NaN, too.
    refused(&format!("{}fill_value = 0\n", convert("/late", "i4", 4)), &["2 of 4 elements have no value"]);
    refused(&convert("/s", "str", 2), &["1 of 2 elements have no value in str: \"caf\\xE9\" is not UTF-8"]);
    refused(&convert("/v", "str", 1), &["is not UTF-8"]);
    // The character set stays: so do the bytes.
    apply(dir, &convert("/v", "S5", 1), 0);
    assert_eq!(lines(dir, "r", "print(f['v'][:].tolist(), f['v'].dtype)"), "[b'caf\\xe9'] |S5");
    apply(dir, "[[patch]]\npath = \"/x\"\nselect = \"1:\"\nfill = -1", 0);
    apply(dir, &convert("/x", "i4", 3), 2);
    let said = allowed(dir, &["lossy"]);
    assert!(said.contains("1 of 3 elements lose something: 1.5 -> 2"), "{said}");
    assert_eq!(lines(dir, "r", "print(f['x'][:].tolist())"), "[2, -1, -1]");
}

#[test]
fn losses_are_said_once_and_with_enough_digits() {
    let dir = tempdir();
    let dir = dir.path();
    lines(dir, "w", "f['x'] = [0.1, 0.2]\nf['c'] = np.array([0.1 + 1j])\nf['y'] = np.arange(6) + 0.5");
    let said =
        apply(dir, "[[move]]\nfrom = \"/x\"\nto = \"/z\"\n[dataset.\"/z\"]\non_mismatch = \"convert\"\ndtype = \"f4\"\nshape = [2]", 2);
    let loss = "2 of 2 elements lose something: 0.1 -> 0.10000000149, 0.2 -> 0.20000000298";
    assert_eq!(said.matches(loss).count(), 1, "{said}");
    assert_eq!(said.matches("dtype declared as f4 (float32), the file has f8 (float64)").count(), 1, "{said}");
    let said = apply(dir, "[dataset.\"/c\"]\non_mismatch = \"convert\"\ndtype = \"complex64\"\nshape = [1]", 2);
    assert_eq!(said.matches("1 of 1 elements lose something: 0.1+1.0j -> 0.10000000149011612+1.0j").count(), 1, "{said}");
    // To cut off and to round are two things to be allowed.
    let both = "[dataset.\"/y\"]\non_mismatch = \"convert\"\ndtype = \"i2\"\nshape = [4]";
    let said = apply(dir, both, 2);
    for words in
        ["! lossy and destructive", "--allow lossy", "--allow destructive", "2 elements are cut off", "4 of 4 elements lose something"]
    {
        assert!(said.contains(words), "{words}\n{said}");
    }
    for (one, other) in [("lossy", "destructive"), ("destructive", "lossy")] {
        let said = h5mason().args(["apply", "m.toml", "f.h5", "--allow", one]).current_dir(dir).output().unwrap();
        let told = String::from_utf8(said.stderr).unwrap();
        assert_eq!(said.status.code(), Some(2));
        assert!(told.contains(&format!("--allow {other}")) && !told.contains(&format!("--allow {one}")), "{told}");
    }
    let plan = run_to(0, h5mason().args(["plan", "m.toml", "f.h5", "--format", "json"]).current_dir(dir));
    assert!(plan.contains("\"hazard\": \"lossy and destructive\""), "{plan}");
    allowed(dir, &["lossy", "destructive"]);
    assert_eq!(lines(dir, "r", "print(f['y'][:].tolist())"), "[0, 2, 2, 4]");
}

#[test]
fn a_netcdf_fill_value_that_stays_behind_is_told() {
    let dir = tempdir();
    let dir = dir.path();
    let make = "import netCDF4\nd = netCDF4.Dataset('f.h5', 'w')\nd.createDimension('x', 3)\n\
                d.createVariable('v', 'f4', ('x',), fill_value=-999.0)[:] = [1, -999, 3]\nd.close()";
    run_to(0, Command::new(python()).args(["-c", make]).current_dir(dir));
    let manifest = "[dataset.\"/v\"]\non_mismatch = \"convert\"\ndtype = \"i2\"\nshape = [3]\n";
    std::fs::write(dir.join("m.toml"), format!("version = 1\n{manifest}")).unwrap();
    let plan = |format: &str| run_to(0, h5mason().args(["plan", "m.toml", "f.h5", "--format", format]).current_dir(dir));
    let words = "/v becomes i2, and its attribute _FillValue stays f4";
    assert!(plan("text").contains(&format!("warning: {words}")), "{}", plan("text"));
    let warnings: serde_json::Value = serde_json::from_str(&plan("json")).unwrap();
    assert!(warnings["warnings"][0]["message"].as_str().unwrap().starts_with(words), "{warnings}");
    // Byte order is nothing to netCDF.
    let swapped = apply(dir, &manifest.replace("i2", ">f4"), 0);
    assert!(!swapped.contains("warning"), "{swapped}");
    assert!(plan("text").contains("nothing to do"), "{}", plan("text"));
    std::fs::write(dir.join("m.toml"), format!("version = 1\n{manifest}")).unwrap();
    assert!(plan("text").contains("becomes i2, and its attribute _FillValue stays f4"), "{}", plan("text"));
    let said = apply(dir, &format!("{manifest}attrs._FillValue = {{ cast = \"i2\" }}\n"), 0);
    assert!(!said.contains("warning"), "{said}");
    let look = "import netCDF4\nd = netCDF4.Dataset('f.h5')\nv = d['v']\n\
                print(v.dtype, v._FillValue.dtype, v[:].mask.tolist(), v[:].compressed().tolist())";
    let seen = run_to(0, Command::new(python()).args(["-c", look]).current_dir(dir));
    assert_eq!(seen.trim(), "int16 int16 [False, True, False] [1, 3]");
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
