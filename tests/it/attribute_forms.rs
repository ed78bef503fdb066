//! Attribute forms that say what becomes of a value: `map`, `cast`, `append`, `prepend`, `copy_from`.

use std::fs;
use std::path::Path;
use std::process::Command;

use crate::common::{apply, h5mason, python, run_to, tempdir};

/// Runs Python lines on the open file `f`, made anew or changed.
fn made(dir: &Path, mode: &str, lines: &str) -> String {
    let code = format!("import h5py, numpy as np\nf = h5py.File('f.h5', {mode:?})\n{lines}\nf.close()");
    run_to(0, Command::new(python()).args(["-c", &code]).current_dir(dir)).trim().to_owned()
}

/// What h5py finds in the attributes of the root.
#[track_caller]
fn check(dir: &Path, expressions: &[(&str, &str)]) {
    let lines: String = expressions.iter().map(|(e, _)| format!("print({e})\n")).collect();
    let said = made(dir, "r", &format!("a = f.attrs\n{lines}"));
    let expect: Vec<&str> = expressions.iter().map(|(_, value)| *value).collect();
    assert_eq!(said.lines().collect::<Vec<_>>(), expect);
}

#[test]
fn values_become_others() {
    let dir = tempdir();
    let dir = dir.path();
    made(
        dir,
        "w",
        "f.attrs['units'] = np.bytes_('degC')\nf.attrs['axes'] = np.array(['lon', 'degC', 'z'], h5py.string_dtype())\n\
         f.attrs['flags'] = np.array([[1, 2], [9, 2]], '>i2')\nf.attrs['gain'] = np.float32(0.1)\nf.attrs['half'] = np.array([1, 2], 'u1')\n\
         f.attrs['on'] = True\nf.attrs['history'] = 'made'\nf.attrs['site'] = np.array([b'Basel'], 'S5')\nf.attrs['n'] = np.array([1., 2.**40, np.nan])",
    );
    let manifest = "[attrs]\n\
        units = { map = { degC = \"degree_Celsius\" } }\naxes = { map = { degC = \"degree_Celsius\", lat = \"latitude\" } }\n\
        flags = { map = [[9, -1], [7, 0]] }\ngain = { map = [[0.1, 0.2]] }\nhalf = { map = [[2, 0.5]] }\non = { cast = \"u2\" }\n\
        history = { append = \"; kept\" }\nsite = { prepend = \"CH \", name_charset = \"utf8\" }\nn = { cast = \">f4\" }\n\
        missing = { map = { a = \"b\" } }\nmissing2 = { cast = \"f4\" }\nmissing3 = { append = \"a\" }\n";
    apply(dir, manifest, 0);
    check(
        dir,
        &[
            ("a.get_id('units').dtype, a['units']", "|S14 b'degree_Celsius'"),
            ("a['axes'].tolist()", "['lon', 'degree_Celsius', 'z']"),
            ("a['flags'].dtype.str, a['flags'].tolist()", ">i2 [[1, 2], [-1, 2]]"),
            ("a['gain'].dtype, a['gain'] == np.float32(0.2)", "float32 True"),
            ("a['half'].dtype, a['half'].tolist()", "float64 [1.0, 0.5]"),
            ("a['on'].dtype, a['on']", "uint16 1"),
            ("a['history']", "made; kept"),
            ("a['site'].dtype, a['site'].tolist()", "|S8 [b'CH Basel']"),
            ("a['n'].dtype.str, a['n'].tolist()", ">f4 [1.0, 1099511627776.0, nan]"),
            ("sorted(a.keys())", "['axes', 'flags', 'gain', 'half', 'history', 'n', 'on', 'site', 'units']"),
        ],
    );
}

#[test]
fn what_is_lost_needs_consent() {
    let dir = tempdir();
    let dir = dir.path();
    made(dir, "w", "f.attrs['x'] = np.array([0.5, 0.1, 0.2])\nf.attrs['t'] = 'metre'\nf.attrs['ok'] = 3.0");
    let before = fs::read(dir.join("f.h5")).unwrap();
    let manifest = "[attrs]\nx = { cast = \"f4\" }\nt = { cast = \"S2\" }\nok = { cast = \"i1\" }\n";
    let said = apply(dir, manifest, 2);
    for words in
        ["! lossy: ", "not exact for 2 of 3 values: 0.1 -> 0.10000000149", "\"metre\" -> \"me\"", "--allow lossy", "precision in /\n"]
    {
        assert!(said.contains(words), "{words}\n{said}");
    }
    assert_eq!(fs::read(dir.join("f.h5")).unwrap(), before);
    let plan: serde_json::Value =
        serde_json::from_str(&run_to(0, h5mason().args(["plan", "m.toml", "f.h5", "--format", "json"]).current_dir(dir))).unwrap();
    let steps: Vec<_> =
        plan["steps"].as_array().unwrap().iter().map(|s| (s["aspect"].as_str().unwrap(), s["hazard"].as_str().unwrap())).collect();
    assert_eq!(steps, [("attribute ok", "none"), ("attribute t", "lossy"), ("attribute x", "lossy")]);
    assert!(plan["steps"][2]["reason"].as_str().unwrap().ends_with("0.1 -> 0.10000000149"), "{plan}");
    run_to(0, h5mason().args(["apply", "m.toml", "f.h5", "--allow", "lossy"]).current_dir(dir));
    run_to(0, h5mason().args(["check", "m.toml", "f.h5"]).current_dir(dir));
    check(
        dir,
        &[
            ("a['x'].dtype, (a['x'] == np.array([0.5, 0.1, 0.2], 'f4')).all()", "float32 True"),
            ("a['t']", "b'me'"),
            ("a['ok'].dtype, a['ok']", "int8 3"),
        ],
    );
}

/// What a map does not list, and bytes that are no text of their character set.
#[test]
fn what_is_not_listed_is_not_changed_unsaid() {
    let dir = tempdir();
    let dir = dir.path();
    made(
        dir,
        "w",
        "f.attrs['v'] = np.array([1, 2**60 + 1])\nf.attrs['s'] = np.bytes_(b'caf\\xe9')\nf.attrs['list'] = np.array([b'caf\\xe9', b'deg'])\n\
         f.attrs.create('w', b'caf\\xe9', dtype=h5py.string_dtype('ascii'))",
    );
    let said = apply(dir, "[attrs]\nv = { map = [[1, 2.5]] }\n", 2);
    assert!(said.contains("not exact for 1 of 2 values: 1152921504606846977 -> 1.152921504606847e18"), "{said}");
    assert!(said.contains("--allow lossy"), "{said}");
    run_to(0, h5mason().args(["apply", "m.toml", "f.h5", "--allow", "lossy"]).current_dir(dir));
    run_to(0, h5mason().args(["check", "m.toml", "f.h5"]).current_dir(dir));
    apply(dir, "[attrs]\ns = { append = \"!\" }\nw = { prepend = \"!\" }\nlist = { map = { deg = \"degree\" } }\n", 0);
    let charset = "[a.get_id(n).get_type().get_cset() for n in ('s', 'w', 'list')]";
    check(dir, &[("a['s'], a['list'].tolist()", "b'caf\\xe9!' [b'caf\\xe9', b'degree']"), (charset, "[0, 0, 0]")]);
    for rule in ["s = { append = \"°\" }", "list = { map = { degree = \"°\" } }", "s = { cast = \"str\" }"] {
        let said = apply(dir, &format!("[attrs]\n{rule}\n"), 2);
        assert!(said.contains("is not UTF-8"), "{said}");
    }
}

#[test]
fn copies_take_what_is_there_in_the_end() {
    let dir = tempdir();
    let dir = dir.path();
    made(
        dir,
        "w",
        "f.attrs['unit'] = np.bytes_('degC')\nf['g/d'] = [1]\nf['g/d'].attrs['v'] = np.array([[1, 2]], '>u2')\nf['t'] = np.dtype('i4')\n\
         f['g/d'].attrs.create('c', 7, dtype=f['t'])\nf['g/d'].attrs['r'] = f['g'].ref\nf['h'] = f['g']\nf.attrs['old'] = 1.5",
    );
    let manifest = "[attrs]\nunits = { rename_from = \"unit\" }\n\
        same = { copy_from = { name = \"units\" } }\nfrom_new = { copy_from = { path = \"/new\", name = \"n\" } }\n\
        v = { copy_from = { path = \"/h/d\", name = \"w\" } }\nc = { copy_from = { path = \"/g/d\", name = \"c\" } }\n\
        r = { copy_from = { path = \"/g/d\", name = \"r\" } }\nold = { copy_from = { path = \"/none\", name = \"n\" } }\n\
        joined = { copy_from = { path = \"/new\", name = \"u\" } }\n\
        [dataset.\"/g/d\".attrs]\nw = { rename_from = \"v\" }\n\
        [group.\"/new\".attrs]\nn = { copy_from = { name = \"m\" } }\nm = { value = [1], dtype = \"f2\" }\n\
        u = { copy_from = { path = \"/\", name = \"same\" } }\n";
    let said = apply(dir, manifest, 0);
    assert!(said.contains("renamed from"), "{said}");
    check(
        dir,
        &[
            ("a['units'], a['same'], a['joined'], f['new'].attrs['u']", "b'degC' b'degC' b'degC' b'degC'"),
            ("a['from_new'].dtype, a['from_new'].tolist(), f['new'].attrs['n'].dtype", "float16 [1.0] float16"),
            ("a['v'].dtype.str, a['v'].tolist()", ">u2 [[1, 2]]"),
            ("a['c'], a.get_id('c').get_type().committed()", "7 True"),
            ("f[a['r']].name in ('/g', '/h')", "True"),
            ("a['old']", "1.5"),
        ],
    );
    // The source changes: so does the copy, with the same apply.
    apply(dir, "[attrs]\nunits = { map = { degC = \"degree_Celsius\" } }\nsame = { copy_from = { name = \"units\" } }\n", 0);
    check(dir, &[("a['units'], a['same'], a['joined']", "b'degree_Celsius' b'degree_Celsius' b'degC'")]);
    // What goes is no source.
    let removed = "[attrs]\nold = { copy_from = { path = \"/g/d\", name = \"w\" } }\n[dataset.\"/g/d\".attrs]\nw = { absent = true }\n";
    apply(dir, removed, 0);
    check(dir, &[("a['old']", "1.5")]);
}

#[test]
fn what_cannot_be_is_a_conflict() {
    let dir = tempdir();
    let dir = dir.path();
    made(
        dir,
        "w",
        "f.attrs['n'] = 1\nf.attrs['t'] = 'a'\nf.attrs['two'] = ['a', 'b']\nf.attrs['x'] = np.nan\nf['s'] = h5py.SoftLink('/')\nf.create_group('g')",
    );
    let before = fs::read(dir.join("f.h5")).unwrap();
    for (manifest, words) in [
        ("n = { append = \"a\" }", "attribute n of /: it is no text but i8"),
        ("two = { prepend = \"a\" }", "it has the shape [2]"),
        ("n = { cast = \"str\" }", "i8 cannot become str"),
        ("x = { cast = \"i4\" }", "nan is not a value of i4"),
        ("two = { map = { a = 1 } }", "mixes"),
        ("t = { map = { a = \"b\", b = \"c\" } }", "never come to rest"),
        ("q = { copy_from = { path = \"/g\", name = \"q\" } }", "neither of them is there"),
        ("q = { copy_from = { path = \"/s\", name = \"t\" } }", "does not read through it"),
        ("q = { copy_from = { path = \"/\", name = \"q\" } }", "q of / would be a copy of itself"),
        (
            "q = { copy_from = { name = \"r\" } }\nr = { copy_from = { path = \"/g\", name = \"z\" } }\nok = { copy_from = { name = \"q\" } }\n\
             [group.\"/g\".attrs]\nz = { rename_from = \"y\" }\ny = { copy_from = { path = \"/\", name = \"q\" } }",
            "that comes from y of /g",
        ),
        ("q = { copy_from = { name = \"t\" } }\nt = { cast = \"i4\" }", "2 conflicts with"),
    ] {
        let said = apply(dir, &format!("[attrs]\n{manifest}\n"), 2);
        assert!(said.contains(words), "{manifest}\n{said}");
    }
    assert_eq!(fs::read(dir.join("f.h5")).unwrap(), before);
}

/// Objects by names that are only declared, and by names that a removal leaves.
#[test]
fn copies_know_objects_by_all_names() {
    let dir = tempdir();
    let dir = dir.path();
    made(dir, "w", "f['a'] = 1\nf['a'].attrs['n'] = 5\nf['z'] = f['a']");
    // Each name is asked for what is declared by it alone.
    apply(dir, "[attrs]\no = { copy_from = { path = \"/z\", name = \"n\" } }\n[dataset.\"/a\".attrs]\nk = 1\n", 0);
    let linked = "[link.\"/b\"]\nhard = \"/a\"\n[attrs]\nn = { copy_from = { path = \"/b\", name = \"n\" } }\n";
    apply(dir, linked, 0);
    let removed = "[[remove]]\npath = \"/a\"\n[attrs]\nm = { copy_from = { path = \"/z\", name = \"n\" } }\n";
    fs::write(dir.join("m.toml"), format!("version = 1\n{removed}")).unwrap();
    run_to(0, h5mason().args(["apply", "m.toml", "f.h5", "--allow", "destructive"]).current_dir(dir));
    run_to(0, h5mason().args(["check", "m.toml", "f.h5"]).current_dir(dir));
    check(dir, &[("a['n'], a['m'], a['o'], sorted(f)", "5 5 5 ['b', 'z']")]);
}

/// A long chain of copies, written in the worst order.
#[test]
fn many_copies() {
    let dir = tempdir();
    let chain: String = (0..5000).map(|n| format!("a{n:04} = {{ copy_from = {{ name = \"a{:04}\" }} }}\n", n + 1)).collect();
    apply(dir.path(), &format!("[attrs]\n{chain}a5000 = 1.5\n"), 0);
    check(dir.path(), &[("a['a0000'], len(f.attrs)", "1.5 5001")]);
}
