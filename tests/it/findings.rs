//! Cases that reviews found, kept.

use std::path::Path;
use std::process::Command;

use crate::common::{apply, h5mason, python, run_to, tempdir};

/// Makes FILE.h5 with h5py; `f` is the open file.
fn made(dir: &Path, name: &str, script: &str, libver: &str) {
    let code =
        format!("import h5py, numpy as np\nwith h5py.File({name:?}, 'w', libver={libver:?}) as f:\n    {}", script.replace('\n', "\n    "));
    run_to(0, Command::new(python()).args(["-c", &code]).current_dir(dir));
}

/// What an expression over the file `f` prints.
fn read(dir: &Path, name: &str, expression: &str) -> String {
    let code = format!("import h5py, numpy as np\nf = h5py.File({name:?})\nprint({expression})");
    run_to(0, Command::new(python()).args(["-c", &code]).current_dir(dir)).trim().to_owned()
}

#[test]
fn renames() {
    let dir = tempdir();
    let dir = dir.path();
    let fresh = || made(dir, "f.h5", "f.attrs['a'] = 1", "latest");
    for (manifest, expected) in [
        ("[attrs]\nb = { rename_from = \"a\" }\nc = { rename_from = \"b\" }\n", "{'c': 1}"),
        ("[attrs]\nb = { rename_from = \"a\" }\na = { absent = true }\n", "{'b': 1}"),
        ("[attrs]\nb = { rename_from = \"a\" }\nc = { rename_from = \"a\" }\n", "{'b': 1}"),
        ("[attrs]\nb = { rename_from = \"a\" }\na = { replace = 5 }\n", "{'b': 1}"),
        ("[attrs]\nb = { rename_from = \"a\", value = \"x\" }\n", "{'b': 'x'}"),
        ("[attrs]\na = { absent = true }\nb = { rename_from = \"a\", value = 2 }\n", "{'b': 2}"),
    ] {
        fresh();
        apply(dir, manifest, 0);
        assert_eq!(read(dir, "f.h5", "{k: v.item() if hasattr(v, 'item') else v for k, v in f.attrs.items()}"), expected, "{manifest}");
    }
    // Values that cannot be read are never thrown away for being equal.
    made(
        dir,
        "f.h5",
        "t = h5py.vlen_dtype('i4')\nfor n, v in (('a', [1, 2]), ('b', [3, 4, 5])):\n    x = np.empty((), object); x[()] = np.array(v, 'i4'); f.attrs.create(n, x, dtype=t)",
        "latest",
    );
    let said = apply(dir, "[attrs]\nb = { rename_from = \"a\" }\n", 2);
    assert!(said.contains("both attributes"), "{said}");
}

#[test]
fn objects_with_several_names() {
    let dir = tempdir();
    let dir = dir.path();
    let script = "f['x'] = np.arange(20.)\nf['y'] = f['x']\nf['x'].attrs['u'] = 1\nf['g/z'] = 1\nf['h'] = f['g']";
    for manifest in [
        "[dataset.\"/x\".attrs]\nu = 1\n[dataset.\"/y\".attrs]\nu = 2\n",
        "[[patch]]\npath = \"/x\"\nselect = \"0:5\"\nfill = 0\n[[patch]]\npath = \"/y\"\nselect = \"3:8\"\nfill = 2\n",
        "[dataset.\"/g/n\"]\ndtype = \"f4\"\nshape = [2]\n[dataset.\"/h/n\"]\ndtype = \"f8\"\nshape = [2]\n",
        "[[remove]]\npath = \"/g/z\"\n[dataset.\"/h/z\".attrs]\na = 1\n",
    ] {
        made(dir, "f.h5", script, "latest");
        let said = apply(dir, manifest, 2);
        assert!(said.contains("two-names"), "{manifest}: {said}");
    }
    made(dir, "f.h5", script, "latest");
    apply(dir, "[dataset.\"/x\".attrs]\nv = 3\n[dataset.\"/y\".attrs]\nv = 3\nw = 4\n", 0);
    assert_eq!(read(dir, "f.h5", "[int(v) for v in f['y'].attrs.values()]"), "[1, 3, 4]");
    std::fs::write(dir.join("m.toml"), "version = 1\n[[remove]]\npath = \"/g/z\"\n[[remove]]\npath = \"/h/z\"\n").unwrap();
    run_to(0, h5mason().args(["apply", "m.toml", "f.h5", "--allow", "destructive"]).current_dir(dir));
    assert_eq!(read(dir, "f.h5", "list(f['g']), list(f['h'])"), "[] []");
}

#[test]
fn overlapping_patches_over_growth() {
    let dir = tempdir();
    let dir = dir.path();
    made(
        dir,
        "f.h5",
        "f.create_dataset('x', data=np.r_[np.full(5, 7), np.zeros(5)].astype('i4'), maxshape=(None,), chunks=(4,))",
        "latest",
    );
    let manifest = "[dataset.\"/x\"]\ndtype = \"i4\"\nshape = [20]\n[[patch]]\npath = \"/x\"\nselect = \"3:15\"\nfill = 1\n\
                    [[patch]]\npath = \"/x\"\nselect = \"0:5\"\nfill = 7\n";
    apply(dir, manifest, 0);
    assert_eq!(read(dir, "f.h5", "f['x'][:].tolist()"), format!("{:?}", [vec![7; 5], vec![1; 10], vec![0; 5]].concat()));
}

#[test]
fn selections_with_large_blocks_and_many_points() {
    let dir = tempdir();
    let dir = dir.path();
    made(dir, "f.h5", "f['x'] = np.zeros(1000000)", "latest");
    apply(
        dir,
        "[[patch]]\npath = \"/x\"\nselect = { start = [5], stride = [400000], count = [2], block = [300001] }\nfill.arange = {}\n",
        0,
    );
    assert_eq!(
        read(dir, "f.h5", "[int(v) for v in (f['x'][5], f['x'][300005], f['x'][300006], f['x'][400005], f['x'][700005], f['x'].shape[0])]"),
        "[0, 300000, 0, 300001, 600001, 1000000]"
    );
    let points: Vec<String> = (0..5000).map(|i| format!("[{}]", i * 7)).collect();
    apply(dir, &format!("[[patch]]\npath = \"/x\"\nselect = {{ points = [{}] }}\nfill = -3\n", points.join(", ")), 0);
    assert_eq!(read(dir, "f.h5", "int((f['x'][:35000] == -3).sum())"), "5000");
}

#[test]
fn removals_and_groups_in_any_order() {
    let dir = tempdir();
    let dir = dir.path();
    made(dir, "f.h5", "f['a/b/c'] = 1\nf['s'] = h5py.SoftLink('/a')", "latest");
    std::fs::write(dir.join("m.toml"), "version = 1\n[[remove]]\npath = \"/a/b\"\n[[remove]]\npath = \"/a\"\n").unwrap();
    run_to(0, h5mason().args(["apply", "m.toml", "f.h5", "--allow", "destructive"]).current_dir(dir));
    assert_eq!(read(dir, "f.h5", "'a' in f"), "False");
    made(dir, "f.h5", "f['a/b/c'] = 1\nf['s'] = h5py.SoftLink('/a')", "latest");
    let said = apply(dir, "[[remove]]\npath = \"/s/b\"\n", 2);
    assert!(said.contains("soft link"), "{said}");
    std::fs::remove_file(dir.join("f.h5")).unwrap();
    apply(
        dir,
        "[file]\ntrack_order = true\n[group.\"/g/sub\"]\n[group.\"/g\"]\n[dataset.\"/a/b/c\"]\ndtype = \"i4\"\nshape = [2]\n[group.\"/a\"]\n",
        0,
    );
    assert_eq!(read(dir, "f.h5", "list(f), list(f['g'])"), "['g', 'a'] ['sub']");
}

#[test]
fn attributes_keep_the_words_of_their_type() {
    let dir = tempdir();
    let dir = dir.path();
    let script = "f.attrs['c'] = 1+1j\nf.attrs['list'] = np.array([1+1j, 2])\nf.attrs['e'] = np.array(1, h5py.enum_dtype({'A': 1, 'B': 2}, basetype='i2'))\n\
                  f['t'] = np.dtype('f4')\nf.attrs.create('k', np.zeros(3, 'f4'), dtype=f['t'])\nf.attrs['u'] = 'K'";
    made(dir, "f.h5", script, "latest");
    apply(dir, "[attrs]\nc = [1, 2]\nlist = [[1, 2], [3, 4]]\ne = \"B\"\nk = [1, 2]\nu = { value = \"K\", shape = [1] }\n", 0);
    assert_eq!(
        read(dir, "f.h5", "complex(f.attrs['c']), f.attrs['list'].tolist(), int(f.attrs['e']), f.attrs['k'].tolist(), f.attrs['u'].shape"),
        "(1+2j) [(1+2j), (3+4j)] 2 [1.0, 2.0] (1,)"
    );
    made(dir, "f.h5", "f.attrs['c'] = 1+1j", "latest");
    apply(dir, "[attrs]\nc = \"3-1j\"\n", 0);
    assert_eq!(read(dir, "f.h5", "complex(f.attrs['c'])"), "(3-1j)");
}

#[test]
fn new_objects_of_old_files_have_old_headers() {
    let dir = tempdir();
    let dir = dir.path();
    made(dir, "f.h5", "f['x'] = 1", "earliest");
    let numbers = vec!["1"; 9000].join(", ");
    let said = apply(dir, &format!("[dataset.\"/new\"]\ndtype = \"i4\"\nshape = [2]\nattrs.long = [{numbers}]\n"), 2);
    assert!(said.contains("attribute-size"), "{said}");
}

#[test]
fn locking_variables_do_not_matter() {
    let dir = tempdir();
    let dir = dir.path();
    made(dir, "f.h5", "f['x'] = 1", "latest");
    std::fs::write(dir.join("m.toml"), "version = 1\n[attrs]\na = 1\n").unwrap();
    for value in ["TRUE", "FALSE", "BEST_EFFORT"] {
        run_to(0, h5mason().args(["apply", "m.toml", "f.h5"]).env("HDF5_USE_FILE_LOCKING", value).current_dir(dir));
    }
}

#[test]
fn nothing_of_ours_is_overwritten() {
    let dir = tempdir();
    let dir = dir.path();
    made(dir, "f.h5", "f['x'] = np.zeros(3)", "latest");
    std::fs::write(dir.join("m.toml"), "version = 1\n[attrs]\na = 1\n").unwrap();
    let before = std::fs::read(dir.join("f.h5")).unwrap();
    for out in ["f.h5", "m.toml"] {
        run_to(2, h5mason().args(["plan", "m.toml", "f.h5", "--out", out]).current_dir(dir));
    }
    run_to(2, h5mason().args(["build", "m.toml", "-o", "m.toml", "--force"]).current_dir(dir));
    assert_eq!(std::fs::read(dir.join("f.h5")).unwrap(), before);
    for _ in 0..2 {
        run_to(0, h5mason().args(["plan", "m.toml", "f.h5", "--out", "p.json"]).current_dir(dir));
    }
    // A saved plan is bound to its inputs.
    std::fs::write(dir.join("v.csv"), "1\n2\n3\n").unwrap();
    std::fs::write(dir.join("n.toml"), "version = 1\n[[patch]]\npath = \"/x\"\nfill.csv = \"v.csv\"\n").unwrap();
    run_to(0, h5mason().args(["plan", "n.toml", "f.h5", "--out", "p.json"]).current_dir(dir));
    std::fs::write(dir.join("v.csv"), "1\n2\n4\n").unwrap();
    run_to(2, h5mason().args(["apply", "n.toml", "f.h5", "--plan", "p.json"]).current_dir(dir));
}

#[test]
fn variables_cannot_explode() {
    let dir = tempdir();
    let dir = dir.path();
    let mut text = String::from("version = 1\n[vars]\nv0 = [1, 1, 1, 1, 1, 1, 1, 1, 1, 1]\n");
    for i in 1..9 {
        let before = format!("\"${{v{}}}\", ", i - 1).repeat(10);
        text += &format!("v{i} = [{before}]\n");
    }
    std::fs::write(dir.join("m.toml"), text).unwrap();
    run_to(2, h5mason().args(["build", "m.toml", "-o", "x.h5"]).current_dir(dir));
}

/// What is refused when the manifest is read: the line is named, and no file is made.
#[track_caller]
fn refused(manifest: &str, line: usize, words: &[&str]) {
    let dir = tempdir();
    std::fs::write(dir.path().join("m.toml"), format!("version = 1\n{manifest}")).unwrap();
    let output = h5mason().args(["build", "m.toml", "-o", "f.h5"]).current_dir(dir.path()).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{said}");
    assert!(said.contains(&format!("m.toml:{line}")) && words.iter().all(|w| said.contains(w)), "{said}");
    assert!(!dir.path().join("f.h5").exists());
}

#[test]
fn a_userblock_of_a_paged_file_is_whole_pages() {
    refused("[file]\nuserblock = 512\nspace_strategy = \"page\"\n", 3, &["512 bytes", "userblock = 4096", "page_size = 512"]);
    let persistent = "[file]\nspace_strategy = { strategy = \"page\", persist = true }\npage_size = 1024\nuserblock = { size = 512 }\n";
    refused(persistent, 5, &["userblock = 1024"]);
    refused("[file]\nspace_strategy = \"page\"\npage_size = 1536\nuserblock = 2048\n", 5, &["page_size = 2048"]);
    for fitting in [
        "userblock = 4096\nspace_strategy = \"page\"",
        "userblock = 2048\nspace_strategy = { strategy = \"page\", persist = true }\npage_size = 512",
        "userblock = 0\nspace_strategy = \"page\"",
        "userblock = 512\npage_size = 4096",
    ] {
        apply(tempdir().path(), &format!("[file]\n{fitting}\n[dataset.\"/x\"]\ndtype = \"i4\"\nshape = []\nfill = 3\n"), 0);
    }
}

#[test]
fn mappings_of_points_are_refused() {
    for key in ["select", "source_select"] {
        let mapping = format!("virtual = [\n  {{ {key} = {{ points = [[0], [2]] }}, file = \"a.h5\", path = \"/x\" }},\n]\n");
        refused(&format!("[dataset.\"/x\"]\ndtype = \"i4\"\nshape = [3]\n{mapping}"), 6, &["single points", "blocks"]);
    }
}
