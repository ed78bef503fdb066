//! `diff`: every kind of difference is found, and nothing else.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::common::{h5mason, python, repository, run_to, tempdir};

/// Code, stdout and stderr of a comparison of `a.h5` with `b.h5`.
#[track_caller]
fn diff(dir: &Path, args: &[&str]) -> (i32, String, String) {
    let output = h5mason().current_dir(dir).args(["diff", "a.h5", "b.h5"]).args(args).output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (output.status.code().unwrap(), text(output.stdout), text(output.stderr))
}

fn build(dir: &Path, name: &str, body: &str) {
    fs::write(dir.join("m.toml"), format!("version = 1\n{body}")).unwrap();
    run_to(0, h5mason().current_dir(dir).args(["build", "m.toml", "--force", "-o", name]));
}

/// The lines between the title and the summary; none where the files are equal, in both directions.
#[track_caller]
fn lines(a: &str, b: &str, args: &[&str]) -> Vec<String> {
    let dir = tempdir();
    build(dir.path(), "a.h5", a);
    build(dir.path(), "b.h5", b);
    let (code, text, said) = diff(dir.path(), args);
    let all: Vec<String> = text.lines().map(|l| l.trim().to_owned()).collect();
    let back = run_to(code, h5mason().current_dir(dir.path()).args(["diff", "b.h5", "a.h5"]).args(args));
    if code == 0 {
        assert!(text.contains(" are equal") && back.contains(" are equal"), "{text}{back}");
        return Vec::new();
    }
    assert_eq!((code, said.as_str()), (1, ""), "{text}");
    assert_eq!(back.lines().count(), all.len(), "{text}{back}");
    assert_eq!(all[0], "a.h5 -> b.h5");
    all[1..all.len() - 1].to_vec()
}

const X: &str = "[dataset.\"/x\"]\ndtype = \"i4\"\nshape = [10]\n";

/// The dataset `/x` with other keys.
fn x(more: &str) -> String {
    format!("{X}{more}")
}

#[test]
fn equal_files() {
    for manifest in ["tests/interop/everything.toml", "tests/interop/structured.toml", "examples/hierarchy/hierarchy.toml"] {
        let dir = tempdir();
        run_to(0, h5mason().current_dir(dir.path()).arg("build").arg(repository(manifest)).args(["-o", "a.h5"]));
        fs::copy(dir.path().join("a.h5"), dir.path().join("b.h5")).unwrap();
        let (code, text, said) = diff(dir.path(), &[]);
        assert!(code == 0 && text.starts_with("a.h5 and b.h5 are equal; "), "{text}{said}");
        run_to(0, h5mason().current_dir(dir.path()).args(["capture", "a.h5", "-o", "m.toml"]));
        run_to(0, h5mason().current_dir(dir.path()).args(["build", "m.toml", "--force", "-o", "b.h5"]));
        let (code, text, said) = diff(dir.path(), &[]);
        assert_eq!(code, 0, "{manifest}: {text}{said}");
    }
}

#[test]
fn a_file_is_equal_to_itself() {
    let dir = tempdir();
    build(dir.path(), "a.h5", X);
    run_to(0, h5mason().current_dir(dir.path()).args(["diff", "a.h5", "a.h5"]));
}

#[test]
fn values() {
    let arange = x("fill.arange = {}\n");
    assert_eq!(lines(&arange, &arange, &[]), [""; 0]);
    let patched = format!("{arange}[[patch]]\npath = \"/x\"\nselect = \"7\"\nfill = 70\n");
    assert_eq!(lines(&arange, &patched, &[]), ["~ /x", "# [0:10]   1 of 10 elements differs   7 -> 70"]);
    let other = x("fill.arange = { start = 1 }\n");
    assert_eq!(lines(&arange, &other, &[]), ["~ /x", "# [0:10]   10 of 10 elements differ   0 1 2 .. -> 1 2 3 .."]);
    assert_eq!(lines(&arange, &other, &["--no-data"]), [""; 0]);
    assert_eq!(lines(&arange, &other, &["--rtol", "9"]).len(), 2, "integers are exact");
    // Chunks with equal bytes are passed over, others are decoded.
    let chunked = |more: &str| x(&format!("chunks = [3]\nfilters = [\"shuffle\", {{ deflate = 1 }}]\nfill.arange = {{}}\n{more}"));
    let patched = chunked("[[patch]]\npath = \"/x\"\nselect = \"9\"\nfill = 90\n");
    assert_eq!(lines(&chunked(""), &patched, &[]), ["~ /x", "# [0:10]   1 of 10 elements differs   9 -> 90"]);
    let text = |text: &str| format!("[dataset.\"/t\"]\ndtype = \"str\"\nshape = [2]\nfill.values = [\"a\", \"{text}\"]\n");
    assert_eq!(lines(&text("b"), &text("c\\t"), &[]), ["~ /t", "# [0:2]   1 of 2 elements differs   \"b\" -> \"c\\x09\""]);
    // Storage that differs does not hide that values are equal, or not.
    let rechunked = x("chunks = [4]\nfill.arange = {}\n");
    assert_eq!(lines(&chunked(""), &rechunked, &[]), ["~ /x", "~ chunks: [3] -> [4]", "~ filters: shuffle, deflate 1 -> none"]);
}

#[test]
fn datasets() {
    let check = |a: &str, b: &str, expect: &[&str]| assert_eq!(lines(&x(a), &x(b), &[]), [&["~ /x"][..], expect].concat(), "{a}{b}");
    check("", "chunks = [5]\n", &["~ layout: contiguous -> chunked"]);
    check("layout = \"compact\"\n", "", &["~ layout: compact -> contiguous"]);
    check("chunks = [5]\n", "chunks = [2]\n", &["~ chunks: [5] -> [2]"]);
    check("chunks = [5]\nfilters = [\"shuffle\"]\n", "chunks = [5]\n", &["~ filters: shuffle -> none"]);
    check("chunks = [5]\nmaxshape = [20]\n", "chunks = [5]\nmaxshape = [\"unlimited\"]\n", &["~ maxshape: [20] -> [unlimited]"]);
    check("fill_value = 3\n", "", &["~ fill_value: 3 -> the default", "# [0:10]   10 of 10 elements differ   3 3 3 .. -> 0 0 0 .."]);
    check("fill_time = \"never\"\nfill = 1\n", "fill = 1\n", &["~ fill_time: never -> ifset"]);
    check("alloc_time = \"early\"\nfill = 1\n", "fill = 1\n", &["~ alloc_time: early -> late"]);
    check("track_order = true\n", "", &["~ track_order: attributes true -> attributes false"]);
    check("comment = \"one\"\n", "comment = \"two\"\n", &["~ comment: \"one\" -> \"two\""]);
    check("", "comment = \"two\"\n", &["~ comment: none -> \"two\""]);
    let set = |dtype: &str, shape: &str| format!("[dataset.\"/x\"]\ndtype = \"{dtype}\"\nshape = {shape}\nfill.arange = {{}}\n");
    let both = |a: &str, b: &str| lines(a, b, &[]);
    assert_eq!(both(&set("i4", "[3]"), &set(">i4", "[3]")), ["~ /x", "~ dtype: i4 -> >i4"]);
    assert_eq!(both(&set("i4", "[3]"), &set("i4", "[5]")), ["~ /x", "~ shape: [3] -> [5]"]);
    let region = "# [0:2, 0:2]   2 of 4 elements differ   2 3 -> 3 4";
    assert_eq!(both(&set("i4", "[3, 2]"), &set("i4", "[2, 3]")), ["~ /x", "~ shape: [3, 2] -> [2, 3]", region]);
    assert_eq!(both(&set("i4", "[3]"), &set("i4", "[3, 1]")), ["~ /x", "~ shape: [3] -> [3, 1]"]);
    assert_eq!(both(&set("i4", "[3]"), &set("i4", "[]")), ["~ /x", "~ shape: [3] -> scalar"]);
    let typed = |member: &str| format!("[type.\"/t\"]\ndtype.compound = [{{ name = \"{member}\", dtype = \"f4\" }}]\n");
    assert_eq!(both(&typed("a"), &typed("b")).len(), 2);
}

#[test]
fn attributes() {
    let attrs = |body: &str| format!("[attrs]\n{body}\n");
    let check = |a: &str, b: &str, expect: &str| assert_eq!(lines(&attrs(a), &attrs(b), &[]), ["~ /", expect]);
    check("a = 1", "a = 2", "~ @a   1 -> 2");
    check("a = 1", "a = { value = 1, dtype = \"i2\" }", "~ @a   1 -> 1   (i8 -> i2)");
    check("a = 1", "a = [1]", "~ @a   1 -> [1]   (scalar -> [1])");
    check("a = 1", "", "- @a = 1");
    check("", "a = \"x\"", "+ @a = \"x\"");
    let two = attrs("history = \"today\"\ntitle = \"a\"");
    let other = attrs("history = \"yesterday\"\ntitle = \"a\"");
    assert_eq!(lines(&two, &other, &["--ignore", "/**@history"]), [""; 0]);
    assert_eq!(lines(&two, &other, &["--ignore", "/@hist*"]), [""; 0]);
    assert_eq!(lines(&two, &other, &["--ignore", "/x/**@history"]).len(), 2);
}

#[test]
fn objects_and_links() {
    let group = "[group.\"/g/h\"]\n[dataset.\"/g/h/d\"]\ndtype = \"f4\"\nshape = [2, 3]\nchunks = [1, 3]\n[link.\"/g/l\"]\nsoft = \"h\"\n";
    let only = |place: &str, sign: char| {
        ["/g  group", "/g/h  group", "/g/h/d  dataset f4 [2, 3], chunks [1, 3]", "/g/l  soft link to h"]
            .map(|text| format!("{sign} {text}   only in {place}"))
            .to_vec()
    };
    assert_eq!(lines(X, &format!("{X}{group}"), &[]), only("b.h5", '+'));
    assert_eq!(lines(group, "", &[]), only("a.h5", '-'));
    assert_eq!(lines(group, "", &["--ignore", "/g"]), [""; 0]);
    assert_eq!(lines(group, "", &["--exclude", "/g/**"]), ["- /g  group   only in a.h5"]);
    assert_eq!(lines(group, "", &["--target", "/g/l"]), ["- /g/l  soft link to h   only in a.h5"]);
    let link = |to: &str| format!("[link.\"/l\"]\n{to}\n");
    let soft = link("soft = \"/a\"");
    assert_eq!(lines(&soft, &link("soft = \"/b\""), &[]), ["~ /l  soft link to /a -> soft link to /b"]);
    let external = link("external = { file = \"o.h5\", path = \"/a\" }");
    assert_eq!(lines(&soft, &external, &[]), ["~ /l  soft link to /a -> external link to /a in o.h5"]);
    assert_eq!(lines(&soft, "[group.\"/l\"]\n", &[]), ["~ /l  soft link to /a -> group"]);
    assert_eq!(lines("[group.\"/x\"]\n", X, &[]), ["~ /x  group -> dataset i4 [10]"]);
    // A second name.
    let hard = format!("{X}[link.\"/y\"]\nhard = \"/x\"\n");
    assert_eq!(lines(&hard, &hard, &[]), [""; 0]);
    assert_eq!(lines(X, &hard, &[]), ["+ /y  hard link to /x   only in b.h5"]);
    let twice = format!("{X}{}", X.replace("/x", "/y"));
    assert_eq!(lines(&hard, &twice, &[]), ["~ /y  hard link to /x -> dataset i4 [10]"]);
    let first = format!("{X}[link.\"/a\"]\nhard = \"/x\"\n");
    assert_eq!(lines(X, &first, &[]), ["+ /a  hard link to /x   only in b.h5"]);
}

#[test]
fn references() {
    let refs = |values: &str, more: &str| {
        format!("{X}[group.\"/g\"]\n{more}[dataset.\"/r\"]\ndtype = {{ ref = \"object\" }}\nshape = [2]\nfill.values = [{values}]\n")
    };
    let two = refs("\"/x\", \"/g\"", "");
    assert_eq!(lines(&two, &two, &[]), [""; 0]);
    // A name more is a link more, not another target.
    let named = refs("\"/x\", \"/g\"", "[link.\"/a\"]\nhard = \"/x\"\n");
    assert_eq!(lines(&two, &named, &[]), ["+ /a  hard link to /x   only in b.h5"]);
    let other = refs("\"/g\", \"/g\"", "");
    assert_eq!(lines(&two, &other, &[]), ["~ /r", "# [0:2]   1 of 2 elements differs   /x -> /g"]);
}

#[test]
fn tolerances() {
    let floats = |start: &str| {
        let compound = "dtype.compound = [{ name = \"a\", dtype = \"f4\" }, { name = \"b\", dtype = \"i2\" }]";
        format!(
            "[attrs]\nv = {start}\n[dataset.\"/f\"]\ndtype = \"f8\"\nshape = [4]\nfill.linspace = {{ start = {start}, stop = 200 }}\n\
             [dataset.\"/c\"]\n{compound}\nshape = [3]\nfill.fields = {{ a = {start}, b = 1 }}\n"
        )
    };
    let (a, b) = (floats("100.0"), floats("100.5"));
    assert_eq!(lines(&a, &b, &[]).len(), 6);
    assert_eq!(lines(&a, &b, &["--atol", "0.4"]).len(), 6);
    assert_eq!(lines(&a, &b, &["--atol", "0.5"]), [""; 0]);
    assert_eq!(lines(&a, &b, &["--rtol", "0.01"]), [""; 0]);
    assert_eq!(lines(&a, &b, &["--rtol", "0.002", "--atol", "0.4"]), [""; 0]);
    let nan = |v: &str| format!("[dataset.\"/f\"]\ndtype = \"f8\"\nshape = [2]\nfill.values = [nan, {v}]\n");
    assert_eq!(lines(&nan("inf"), &nan("inf"), &["--atol", "1"]), [""; 0]);
    assert_eq!(lines(&nan("inf"), &nan("1e9"), &["--rtol", "1"]).len(), 2);
    let dir = tempdir();
    build(dir.path(), "a.h5", X);
    for wrong in ["-1", "nan", "x"] {
        run_to(2, h5mason().current_dir(dir.path()).args(["diff", "a.h5", "a.h5", "--rtol", wrong]));
    }
}

#[test]
fn the_file_itself() {
    let text = |n: u8| vec![n; 700];
    let dir = tempdir();
    for (name, byte) in [("a", 1), ("b", 2)] {
        fs::write(dir.path().join("block"), text(byte)).unwrap();
        build(dir.path(), &format!("{name}.h5"), "[file]\nuserblock = { size = 1024, file = \"block\" }\n");
    }
    let (code, text, _) = diff(dir.path(), &[]);
    assert_eq!(code, 1);
    assert!(text.contains("  ~ (file)\n      ~ userblock contents: 0x01 at byte 0 -> 0x02 at byte 0\n"), "{text}");
    assert_eq!(diff(dir.path(), &["--ignore", "(file)"]).0, 0);
    let (plain, other) = ("[file]\n", "[file]\nlibver = [\"v110\", \"latest\"]\nspace_strategy = \"page\"\nuserblock = 8192\n");
    let expect = [
        "~ (file)",
        "~ superblock: 2 -> 3",
        "~ userblock: 0 -> 8192",
        "~ space_strategy: fsm_aggr, persist false, threshold 1 -> page, persist false, threshold 1",
    ];
    assert_eq!(lines(plain, other, &[]), expect);
    assert_eq!(lines(plain, other, &["--ignore", "(file)"]), [""; 0]);
}

#[test]
fn json() {
    let dir = tempdir();
    build(dir.path(), "a.h5", &x("fill = 1\nattrs.u = \"K\"\n[group.\"/old\"]\n"));
    build(dir.path(), "b.h5", &x("fill = 2\nchunks = [5]\n[link.\"/new\"]\nsoft = \"/x\"\n"));
    let (code, text, said) = diff(dir.path(), &["--format", "json"]);
    assert_eq!((code, said.as_str()), (1, ""));
    let mut value: Value = serde_json::from_str(&text).unwrap();
    value["tool"]["version"] = "".into();
    insta::assert_snapshot!(serde_json::to_string_pretty(&value).unwrap());
    fs::copy(dir.path().join("a.h5"), dir.path().join("b.h5")).unwrap();
    let (code, text, _) = diff(dir.path(), &["--format", "json"]);
    let value: Value = serde_json::from_str(&text).unwrap();
    assert_eq!((code, &value["equal"], &value["differences"]), (0, &true.into(), &Value::Array(vec![])));
}

#[test]
fn trouble() {
    let dir = tempdir();
    build(dir.path(), "a.h5", X);
    let (code, out, said) = diff(dir.path(), &[]);
    assert_eq!((code, out.as_str(), said.as_str()), (2, "", "error: b.h5: no such file\n"));
    fs::write(dir.path().join("b.h5"), "text").unwrap();
    let (code, _, said) = diff(dir.path(), &[]);
    assert_eq!((code, said.as_str()), (2, "error: b.h5: it is not an HDF5 file\n"));
    assert_eq!(diff(dir.path(), &["--ignore", "/a["]).0, 2);
}

#[test]
fn what_cannot_be_compared() {
    let dir = tempdir();
    let code = "import h5py, numpy as np\n\
                for n in 'ab':\n    f = h5py.File(n + '.h5', 'w')\n    f['x'] = 1\n    f['gone'] = 2\n    f['x'].attrs['ref'] = f['gone'].ref\n\
                \x20   f.create_dataset('r', data=[f['gone'].ref, f['x'].ref], dtype=h5py.ref_dtype)\n    f['y'] = n\n    del f['gone']\n";
    run_to(0, Command::new(python()).args(["-c", code]).current_dir(dir.path()));
    let (code, text, said) = diff(dir.path(), &[]);
    assert_eq!(code, 2);
    assert_eq!(text.lines().nth(1), Some("  ~ /y"), "{text}");
    assert!(said.contains("/r: its contents cannot be compared") && said.contains("/x: attribute ref cannot be compared"), "{said}");
    assert!(said.ends_with("2 things cannot be compared; --exclude leaves objects out, --ignore attributes.\n"), "{said}");
    assert_eq!(diff(dir.path(), &["--exclude", "/r", "--ignore", "/x@ref"]).0, 1);
    assert_eq!(diff(dir.path(), &["--exclude", "/r", "--ignore", "/x@ref", "--ignore", "/y"]).0, 0);
}

/// Chunks that nobody here can decode are compared as they are stored.
#[test]
fn a_filter_that_is_lacking() {
    let dir = tempdir();
    let code = "import h5py, numpy as np\n\
                def make(name, chunk, parts):\n\
                \x20   f = h5py.File(name, 'w'); p = h5py.h5p.create(h5py.h5p.DATASET_CREATE); p.set_chunk((chunk,))\n\
                \x20   p.set_filter(32999, h5py.h5z.FLAG_OPTIONAL, (1,))\n\
                \x20   d = h5py.h5d.create(f.id, b'x', h5py.h5t.STD_I32LE, h5py.h5s.create_simple((8,)), p)\n\
                \x20   for i, part in enumerate(parts): d.write_direct_chunk((i * chunk,), part, 0)\n\
                make('a.h5', 4, [b'abc', b'de']); make('same.h5', 4, [b'abc', b'de'])\n\
                make('other.h5', 4, [b'abc', b'dX']); make('chunks.h5', 8, [b'abc'])\n";
    run_to(0, Command::new(python()).args(["-c", code]).current_dir(dir.path()));
    let against = |name: &str| {
        fs::copy(dir.path().join(name), dir.path().join("b.h5")).unwrap();
        diff(dir.path(), &[])
    };
    let (code, text, said) = against("same.h5");
    assert_eq!(code, 0, "{text}{said}");
    let (code, text, said) = against("other.h5");
    assert!(code == 1 && text.contains("# [0:8]   4 of 8 elements differ\n"), "{text}{said}");
    let (code, text, said) = against("chunks.h5");
    assert!(code == 2 && text.contains("chunks: [4] -> [8]") && said.contains("a filter that this h5mason does not have"), "{text}{said}");
}

/// Of 8 TiB nearly nothing is stored.
#[test]
fn sparse_datasets_take_no_time() {
    let dir = tempdir();
    let sparse = |value: u8, deflate: u8| {
        format!(
            "[dataset.\"/x\"]\ndtype = \"f8\"\nshape = [1048576, 1048576]\nchunks = [64, 64]\nfilters = [{{ deflate = {deflate} }}]\n\
             [[patch]]\npath = \"/x\"\nselect = \"1000000, 3:70\"\nfill = {value}\n"
        )
    };
    build(dir.path(), "a.h5", &sparse(1, 1));
    build(dir.path(), "b.h5", &sparse(2, 1));
    #[allow(clippy::disallowed_methods, reason = "a test may look at the clock")]
    let begun = Instant::now();
    let (code, text, _) = diff(dir.path(), &[]);
    assert!(code == 1 && text.contains("67 of 1 099 511 627 776 elements differ"), "{text}");
    build(dir.path(), "b.h5", &sparse(1, 2));
    let (_, text, _) = diff(dir.path(), &[]);
    assert!(text.contains("filters") && !text.contains("elements"), "{text}");
    assert!(begun.elapsed() < Duration::from_secs(20));
}
