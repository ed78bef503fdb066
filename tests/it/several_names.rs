//! Objects with several names: what is said of them under each, and what is taken away by one.

use std::process::Command;

use crate::common::{applied, made, python, run_to, tempdir};

/// What an expression over the file `f` prints when a manifest has been applied to what a script makes; a second time nothing is left to do.
#[track_caller]
fn after(script: &str, manifest: &str, expression: &str) -> String {
    let dir = tempdir();
    made(dir.path(), script);
    applied(dir.path(), manifest, 0);
    let said = applied(dir.path(), manifest, 0);
    assert!(said.contains("nothing to do"), "{manifest}: {said}");
    let code = format!("import h5py, numpy as np\nnp.set_printoptions(legacy='1.25')\nf = h5py.File('f.h5')\nprint({expression})");
    run_to(0, Command::new(python()).args(["-c", &code]).current_dir(dir.path())).trim().to_owned()
}

const CONVERT: &str = "on_mismatch = \"convert\"\n";

#[test]
fn what_is_removed_by_one_path_is_gone_by_all() {
    let file = "f['g/d'] = np.arange(4.)\nf['g2'] = f['g']\nf['e'] = np.arange(4.)";
    let removed = "[[remove]]\npath = \"/g/d\"\n";
    let rule = "[[each]]\nmatch = \"/**\"\nkind = \"dataset\"\nattrs.a = 1\n";
    let all = "list(f['g2']), f['e'].attrs['a'], f['e'].chunks";
    assert_eq!(after(file, &format!("{removed}{rule}"), all), "[] 1 None");
    assert_eq!(after(file, &format!("{removed}{rule}chunks = [2]\n{CONVERT}"), all), "[] 1 (2,)");
    // By another name of its own it stays.
    let stays = format!("{file}\nf['x'] = f['g/d']");
    let all = "list(f['g2']), f['x'].attrs['a'], f['x'].chunks, f['x'][()].sum()";
    assert_eq!(after(&stays, &format!("{removed}{rule}chunks = [2]\n{CONVERT}"), all), "[] 1 (2,) 6.0");
    // A group that is removed by one name only, and what is below it is made anew.
    let chunks = format!("[[remove]]\npath = \"/g\"\n[[each]]\nmatch = \"/g2/*\"\nchunks = [2]\n{CONVERT}");
    assert_eq!(after(file, &chunks, "list(f), f['g2/d'].chunks, f['g2/d'][()].sum()"), "['e', 'g2'] (2,) 6.0");
    let dir = tempdir();
    made(dir.path(), &file.replace("g/d", "g/h/d"));
    let below = "[[remove]]\nmatch = \"/g/h\"\n[dataset.\"/g2/h/d\"]\ndtype = \"f4\"\nshape = [2]\n";
    let said = applied(dir.path(), below, 2);
    assert!(said.contains("/g/h is removed, and /g2/h/d is below of the same link by another name"), "{said}");
    let group = "[[remove]]\npath = \"/g\"\n";
    assert_eq!(after(file, &format!("{group}{rule}"), "list(f), f['g2/d'].attrs['a']"), "['e', 'g2'] 1");
}

#[test]
fn what_is_below_a_hard_link_that_is_declared_has_names_by_it() {
    let file = "f['g/d'] = np.arange(4.)\nf['g/k/e'] = np.arange(4.)";
    let link = "[link.\"/h\"]\nhard = \"/g\"\n";
    assert_eq!(
        after(
            file,
            &format!("{link}[[each]]\nmatch = \"/h/*\"\nattrs.a = 1\n"),
            "[dict(f[n].attrs) for n in ('g', 'g/d', 'g/k', 'h/k/e')]"
        ),
        "[{}, {'a': 1}, {'a': 1}, {}]"
    );
    let stored = format!("{link}[[each]]\nmatch = \"/h/**\"\nkind = \"dataset\"\nchunks = [2]\n{CONVERT}");
    assert_eq!(after(file, &stored, "f['g/d'].chunks, f['h/k/e'].chunks"), "(2,) (2,)");
    let new = "[dataset.\"/g/n\"]\ndtype = \"f4\"\nshape = [3]\n";
    assert_eq!(after(file, &format!("{stored}attrs.a = 1\n{new}"), "f['h/n'].chunks, f['h/n'].attrs['a']"), "(2,) 1");
    // By one link to what is below another one; and none goes in circles.
    let two = "[link.\"/k\"]\nhard = \"/g/k\"\n[link.\"/g/k/up\"]\nhard = \"/g\"\n";
    assert_eq!(
        after(
            file,
            &format!(
                "{link}{two}[[each]]\nmatch = \"/k/up/d\"\nattrs.a = 1\n[[each]]\nmatch = \"/h/k/*\"\nkind = \"dataset\"\nattrs.b = 1\n"
            ),
            "dict(f['g/d'].attrs), dict(f['g/k/e'].attrs)"
        ),
        "{'a': 1} {'b': 1}"
    );
}

#[test]
fn a_patch_by_another_name_is_one_of_the_dataset_as_it_becomes() {
    let file = "f.create_dataset('a', data=np.arange(4, dtype='f4'), maxshape=(None,), chunks=(2,))\nf['b'] = f['a']";
    let patch = |select: &str| format!("[[patch]]\npath = \"/b\"\nselect = \"{select}\"\nfill = 9\n");
    let sized = |dtype: &str, size: u64| format!("[dataset.\"/a\"]\ndtype = \"{dtype}\"\nshape = [{size}]\n");
    let all = "f['b'].dtype, f['b'][()].tolist()";
    assert_eq!(after(file, &format!("{}{}{CONVERT}", patch("0"), sized("i2", 4)), all), "int16 [9, 1, 2, 3]");
    assert_eq!(after(file, &format!("{}{}", patch("-1"), sized("f4", 6)), all), "float32 [0.0, 1.0, 2.0, 3.0, 0.0, 9.0]");
    assert_eq!(after(file, &format!("{}{}", patch("5"), sized("f4", 6)), all), "float32 [0.0, 1.0, 2.0, 3.0, 0.0, 9.0]");
    let dir = tempdir();
    made(dir.path(), file);
    let said = applied(dir.path(), &format!("{}{}", patch("3"), sized("f4", 2)), 2);
    assert!(said.contains("the selection does not fit /a of shape [2]"), "{said}");
    // Random elements are those of the name that the patch has.
    let random = "[[patch]]\npath = \"/b\"\nselect = \"0:3\"\nfill.uniform = { low = 0, high = 1 }\n";
    let alone = after(file, random, "f['a'][()].tolist()");
    assert_eq!(after(file, &format!("{random}[dataset.\"/a\"]\nattrs.x = 1\n"), "f['a'][()].tolist()"), alone);
}

#[test]
fn entries_under_several_names_are_one() {
    let file = "f['a'] = np.arange(4.)\nf['b'] = f['a']";
    let rule = format!("[[each]]\nmatch = \"/*\"\nchunks = [2]\n{CONVERT}");
    let own = format!("[dataset.\"/a\".attrs]\nx = 1\n[dataset.\"/b\"]\nchunks = [4]\n{CONVERT}");
    let all = "f['a'].chunks, f['a'].shuffle, dict(f['a'].attrs), f['a'] == f['b']";
    assert_eq!(after(file, &format!("{own}{rule}"), all), "(4,) False {'x': 1} True");
    let both = format!("[dataset.\"/a\"]\nchunks = [2]\n{CONVERT}[dataset.\"/b\"]\nfilters = [\"shuffle\"]\nattrs.y = 2\n");
    assert_eq!(after(file, &both, all), "(2,) True {'y': 2} True");
    for apart in [
        format!("[dataset.\"/a\"]\nchunks = [2]\n{CONVERT}[dataset.\"/b\"]\nchunks = [3]\n{CONVERT}"),
        "[dataset.\"/a\"]\ncomment = \"x\"\n[dataset.\"/b\"]\ncomment = \"y\"\n".into(),
        "[dataset.\"/a\"]\ndtype = \"f8\"\nshape = [4]\n[dataset.\"/b\"]\ndtype = \"f4\"\nshape = [4]\n".into(),
    ] {
        let dir = tempdir();
        made(dir.path(), file);
        let said = applied(dir.path(), &apart, 2);
        assert!(said.contains("two-names"), "{apart}: {said}");
    }
}
