//! Rules for whatever matches come to rest, or are refused before anything is written.

use std::path::Path;
use std::process::Command;

use crate::common::{applied, made, python, run_to, tempdir};

/// What an expression over the file `f` prints.
fn read(dir: &Path, expression: &str) -> String {
    let code = format!("import h5py, numpy as np\nf = h5py.File('f.h5')\nprint({expression})");
    run_to(0, Command::new(python()).args(["-c", &code]).current_dir(dir)).trim().to_owned()
}

/// Applies the rules to what a script makes, and once more: nothing is left to do.
#[track_caller]
fn rests(script: &str, manifest: &str, expression: &str) -> String {
    let dir = tempdir();
    made(dir.path(), script);
    applied(dir.path(), manifest, 0);
    let said = applied(dir.path(), manifest, 0);
    assert!(said.contains("nothing to do"), "{manifest}: {said}");
    read(dir.path(), expression)
}

/// The rules cannot be applied, and that is said before anything is written.
#[track_caller]
fn refused(script: &str, manifest: &str, words: &str) {
    let dir = tempdir();
    made(dir.path(), script);
    let said = applied(dir.path(), manifest, 2);
    assert!(said.contains(words) && !said.contains("bug"), "{manifest}: {said}");
}

fn rules(glob: &str, all: &[&str]) -> String {
    all.iter().map(|rule| format!("[[each]]\nmatch = \"{glob}\"\n{rule}\n")).collect()
}

#[test]
fn what_comes_about_in_another_way_is_the_same() {
    let all = rules("/", &["attrs.q = { absent = true }", "attrs.p = { default = \"x\" }", "attrs.q = { rename_from = \"p\" }"]);
    assert_eq!(rests("pass", &all, "dict(f.attrs)"), "{'q': 'x'}");
    assert_eq!(rests("f.attrs['q'] = 'y'", &all, "dict(f.attrs)"), "{'q': 'x'}");
    // Taken by another one, and made again.
    let swapped = rules("/", &["attrs.q = { absent = true }", "attrs.q = { rename_from = \"p\" }", "attrs.p = \"x\""]);
    assert_eq!(rests("f.attrs['p'] = f.attrs['q'] = 'x'", &swapped, "dict(f.attrs)"), "{'p': 'x', 'q': 'x'}");
}

#[test]
fn attributes_are_copied_within_objects_that_have_them() {
    let file = "for n, u in ('x', 'K'), ('y', 'm'), ('z', None):\n    f[n] = 1\n    if u: f[n].attrs['unit'] = u";
    let all = "[(n, f[n].attrs.get('units')) for n in f]";
    let expected = "[('x', 'K'), ('y', 'm'), ('z', None)]";
    assert_eq!(rests(file, &rules("/**", &["attrs.units = { copy_from = { name = \"unit\" } }"]), all), expected);
    let asked = "where = { \"@unit\" = true }\nattrs.units = { copy_from = { name = \"unit\" } }";
    assert_eq!(rests(file, &rules("/**", &[asked]), all), expected);
    // Conditions on copies, and copies of what conditions are about.
    let on = "where = { \"@units\" = \"K\" }\nattrs.t = { copy_from = { path = \"/y\", name = \"units\" } }";
    assert_eq!(rests(file, &rules("/**", &[asked, on]), "[f[n].attrs.get('t') for n in f]"), "['m', None, None]");
    // Each asks for the other: they are settled together, and a copy that they need cannot be.
    let around = "where = { \"@units\" = true }\nattrs.unit = { absent = true }";
    refused(file, &rules("/**", &[asked, around]), "copy-circle");
    let mutual =
        ["where = { \"@a\" = true }\nattrs.b = 1", "where = { \"@b\" = true }\nattrs.a = 2", "attrs.c = { copy_from = { name = \"b\" } }"];
    assert_eq!(rests("f.attrs['a'] = 5", &rules("/", &mutual), "{k: int(v) for k, v in f.attrs.items()}"), "{'a': 2, 'b': 1, 'c': 1}");
    refused("f['x'] = 1", "[dataset.\"/x\".attrs]\nb = { copy_from = { name = \"none\" } }\n", "copy-source");
}

#[test]
fn datasets_without_elements_are_stored_as_their_rules_say() {
    let file = "for n, s in ('a', (0,)), ('b', (0, 5)), ('c', (3, 0)), ('d', (8,)): f.create_dataset(n, s, 'f4')";
    let convert = "on_mismatch = \"convert\"";
    let chunks = "[f[n].chunks for n in 'abcd']";
    let auto = rests(file, &rules("/**", &[&format!("chunks = \"auto\"\n{convert}")]), chunks);
    assert_eq!(auto, "[(1024,), (512, 5), (3, 1024), (8,)]");
    assert_eq!(rests(file, &rules("/**", &[&format!("filters = [\"shuffle\"]\n{convert}")]), chunks), auto);
    assert_eq!(rests(file, &rules("/a", &[&format!("chunks = [5]\n{convert}")]), "f['a'].chunks"), "(5,)");
}

#[test]
fn storage_and_attributes_are_one_state() {
    let file = "f['d'] = np.arange(8.)\nf['e'] = np.arange(8.)\nf['e'].attrs['old'] = 'yes'";
    let chunks = |condition: &str| format!("where = {{ {condition} }}\nchunks = [2]\non_mismatch = \"convert\"");
    let unstable = "never come to rest";
    // Only the next time would these conditions hold, or no longer.
    refused(file, &rules("/*", &[&chunks("\"@done\" = true"), "attrs.done = 1"]), unstable);
    refused(file, &format!("[dataset.\"/d\".attrs]\nflag = \"yes\"\n{}", rules("/*", &[&chunks("\"@flag\" = \"yes\"")])), unstable);
    refused(file, &rules("/*", &[&chunks("\"@old\" = false"), "attrs.old = { absent = true }"]), unstable);
    // A chain that only a third time would come to its end.
    let late =
        [&*chunks("\"@z\" = true"), "where = { compressed = true }\nattrs.z = 1", "filters = [{ deflate = 1 }]\non_mismatch = \"convert\""];
    refused(file, &rules("/*", &late), unstable);
    // In the other order they hold at once.
    let all = "f['d'].chunks, f['e'].chunks";
    assert_eq!(rests(file, &rules("/*", &["attrs.done = 1", &chunks("\"@done\" = true")]), all), "(2,) (2,)");
    // Rules that are not about the dataset give it no attributes that a condition could ask for.
    let other = "where = { ndim = 5 }\nattrs.flag = \"yes\"";
    assert_eq!(rests(file, &rules("/*", &[other, &chunks("\"@flag\" = \"yes\"")]), all), "None None");
    // Copies are known before.
    let copied = rules("/*", &["attrs.flag = { copy_from = { path = \"/\", name = \"o\" } }", &chunks("\"@flag\" = \"yes\"")]);
    let new = "[dataset.\"/c\"]\ndtype = \"f4\"\nshape = [4]\n";
    assert_eq!(rests(file, &format!("{copied}[attrs]\no = \"yes\"\n{new}"), "f['c'].chunks, f['d'].chunks"), "(2,) (2,)");
    assert_eq!(rests(file, &format!("{copied}[attrs]\no = \"no\"\n{new}"), "f['c'].chunks, f['d'].chunks"), "None None");
    // What rules say of attributes no longer holds where another one has changed the storage.
    let plain = "where = { compressed = false }\nattrs.x = { absent = true }\nfilters = [{ deflate = 1 }]\non_mismatch = \"convert\"";
    refused(file, &rules("/*", &["attrs.x = { default = 1 }", plain]), unstable);
}

#[test]
fn rules_that_clash_only_the_next_time_are_refused() {
    let all = ["where = { \"@q\" = true }\nattrs.p = \"a\"", "attrs.p = \"b\"\nattrs.q = 1"];
    refused("f['c'] = 1", &rules("/*", &all), "two rules set attribute p of /c to different values");
}

#[test]
fn what_is_made_anew_is_stored_as_rules_say() {
    let rule = |chunks: &str| rules("/*", &[&format!("chunks = {chunks}\non_mismatch = \"convert\"")]);
    let replaced = "[dataset.\"/c\"]\ndtype = \"f4\"\nshape = [4]\nfill = 1\non_mismatch = \"replace\"\n";
    let all = "f['c'].chunks, f['c'].compression, f['c'][()].tolist()";
    let made = "(2,) None [1.0, 1.0, 1.0, 1.0]";
    assert_eq!(rests("f['c'] = np.arange(4, dtype='f4')", &format!("{replaced}{}", rule("[2]")), all), made);
    // What replaces it has none of its filters.
    let filtered = "f.create_dataset('c', data=np.arange(4, dtype='f4'), chunks=(4,), compression='gzip')";
    assert_eq!(rests(filtered, &format!("{replaced}{}", rule("[2]")), all), made);
    let grown = "[dataset.\"/c\"]\ndtype = \"f8\"\nshape = [4]\non_mismatch = \"convert\"\n";
    assert_eq!(rests("f['c'] = np.arange(1.)", &format!("{grown}{}", rule("[3]")), "f['c'].chunks, f['c'].shape"), "(3,) (4,)");
}

#[test]
fn a_value_whose_only_place_goes_is_not_lost_unsaid() {
    let rules = "[[each]]\nmatch = \"/*\"\nattrs.title = { copy_from = { name = \"note\" } }\n";
    for away in ["attrs.note = { absent = true }\n", "attrs.remark = { rename_from = \"note\" }\n"] {
        let dir = tempdir();
        made(dir.path(), "f['a'] = 1\nf['a'].attrs['note'] = 'x'\nf['b'] = 1");
        let said = applied(dir.path(), &format!("{rules}{away}"), 2);
        assert!(said.contains("attribute title of /a is a copy of note of /a, which the manifest takes away"), "{said}");
        // In two applies nothing is lost.
        applied(dir.path(), rules, 0);
        applied(dir.path(), &format!("{rules}{away}"), 0);
        assert_eq!(read(dir.path(), "f['a'].attrs['title'], len(f['b'].attrs)"), "x 0");
    }
}
