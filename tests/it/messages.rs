//! What people read: messages and plans, as snapshots (`cargo insta review` after a deliberate change).

use std::path::Path;

use crate::common::{h5mason, tempdir};

/// Code, stdout and stderr of one command.
fn said(dir: &Path, args: &[&str]) -> String {
    let output = h5mason().current_dir(dir).args(args).output().unwrap();
    let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    let part = |name: &str, text: &str| if text.is_empty() { String::new() } else { format!("--- {name}\n{text}") };
    format!(
        "$ h5mason {}\n{}{}--- exit {}\n",
        args.join(" "),
        part("stdout", &out),
        part("stderr", &err),
        output.status.code().unwrap_or(-1)
    )
}

const DATASET: &str = "[dataset.\"/x\"]\ndtype = \"i4\"\nshape = [4, 4]\n";

/// Name, what follows `version = 1`.
fn bad() -> Vec<(&'static str, String)> {
    let with = |more: &str| format!("{DATASET}{more}");
    let one = |dtype: &str, more: &str| format!("[dataset.\"/x\"]\ndtype = \"{dtype}\"\nshape = [4]\n{more}");
    let pair = |more: &str| {
        let members = "{ name = \"x\", dtype = \"f4\" }, { name = \"y\", dtype = \"i2\" }";
        format!("[dataset.\"/x\"]\ndtype.compound = [{members}]\nshape = [4]\n{more}")
    };
    vec![
        ("syntax", "[dataset\n".into()),
        ("unknown key", with("chnks = [2, 2]\n")),
        ("unknown section", "datset = 3\n".into()),
        ("unknown dtype", one("i5", "")),
        ("a dtype by another name", one("double", "")),
        (
            "a type that is not declared",
            "[dataset.\"/x\"]\ndtype.type = \"/t/pint\"\nshape = [4]\n[type.\"/t/point\"]\ndtype = \"f4\"\n".into(),
        ),
        ("unknown rule", with("fill.uniforn = { low = 0, high = 1 }\n")),
        ("an HDF5 file that is missing", with("fill.hdf5 = { file = \"a.h5\", path = \"/x\" }\n")),
        ("an HDF5 file that is none", with("fill.hdf5 = { file = \"m.toml\", path = \"/x\" }\n")),
        ("a selection by name in another file", with("fill.hdf5 = { file = \"a.h5\", path = \"/x\", select = { time = 3 } }\n")),
        ("members without a rule", pair("fill.fields = { x = 1 }\n")),
        ("an unknown member", pair("fill.fields = { x = 1, yy = 2 }\n")),
        ("a rule that a member cannot take", pair("fill.fields = { x = 1, y = { uuid = {} } }\n")),
        ("fields of numbers", with("fill.fields = { x = 1 }\n")),
        ("a parameter too many", one("str", "fill.uuid = { version = 7 }\n")),
        ("a rule without its table", one("str", "fill.uuid = true\n")),
        ("a length of text", one("str", "fill.text = { length = [1, 2, 3] }\n")),
        ("a text that does not fit", one("S5", "fill.text = { length = [3, 6] }\n")),
        ("an alphabet that is not ASCII", one("S5", "fill.text = { length = 1, alphabet = \"aé\" }\n")),
        ("text into numbers", one("f4", "fill.uuid = {}\n")),
        ("a UUID that does not fit", one("S32", "fill.uuid = {}\n")),
        ("two rules", with("fill.uniform = {}\nfill.normal = {}\n")),
        ("a parameter is missing", with("fill.integers = { low = 0 }\n")),
        ("an empty range", with("fill.integers = { low = 9, high = 1 }\n")),
        ("a value that does not fit", one("u1", "fill = 300\n")),
        ("a range that does not fit", one("i1", "fill.integers = { low = 0, high = 1000 }\n")),
        ("numbers into text", one("str", "fill.normal = {}\n")),
        ("a negative size", "[dataset.\"/x\"]\ndtype = \"i4\"\nshape = [-1]\n".into()),
        ("an unknown dimension", "[dims]\ntime = 3\n[dataset.\"/x\"]\ndtype = \"i4\"\nshape = [\"tme\"]\n".into()),
        ("the rank of chunks", with("chunks = [2]\n")),
        ("a chunk beyond the shape", with("chunks = [2, 9]\n")),
        ("a deflate level", with("filters = [{ deflate = 11 }]\n")),
        ("gzip", with("filters = [\"gzip\"]\n")),
        ("a filter's misspelt key", with("filters = [{ bitshufle = { codec = \"lz4\" } }]\n")),
        ("a codec that is missing", with("filters = [{ blosc = { level = 3 } }]\n")),
        ("a filter that does not fit the type", one("str", "filters = [\"shuffle\", { scaleoffset = { min_bits = 0 } }]\n")),
        ("a filter that is not here", with("filters = [{ id = 32013, params = [3] }]\nfill = 1\n")),
        (
            "an old format for raw edges",
            "[file]\nlibver = [\"earliest\", \"v18\"]\n".to_owned() + &with("chunks = [3, 3]\npartial_chunks = \"raw\"\n"),
        ),
        ("contiguous with filters", with("layout = \"contiguous\"\nfilters = [\"shuffle\"]\n")),
        ("literal values of another shape", with("fill.values = [[1, 2], [3, 4]]\n")),
        ("uneven literal values", with("fill.values = [[1, 2], [3]]\n")),
        ("a selection out of bounds", with("[[patch]]\npath = \"/x\"\nselect = \"0:9, 0\"\nfill = 1\n")),
        ("an empty selection", with("[[patch]]\npath = \"/x\"\nselect = \"2:2, 0\"\nfill = 1\n")),
        ("one path twice", with("[dataset.\"x\"]\ndtype = \"i4\"\nshape = [1]\n")),
        ("a dataset as a parent", with("[dataset.\"/x/y\"]\ndtype = \"i4\"\nshape = [1]\n")),
        ("a path upwards", "[dataset.\"/a/../b\"]\ndtype = \"i4\"\nshape = [1]\n".into()),
        ("too large", "[dataset.\"/x\"]\ndtype = \"f8\"\nshape = [4611686018427387904, 4]\n".into()),
        ("a missing include", "include = [\"nowhere.toml\"]\n".into()),
        ("an undefined variable", "[vars]\nsite = \"a\"\n[attrs]\na = \"${sight}\"\n".into()),
        ("an attribute's form", "[attrs]\na = { vale = 1 }\n".into()),
        ("a dotted attribute name", "[attrs]\na.b = 1\n".into()),
        ("an empty list", "[attrs]\na = []\n".into()),
        ("a mixed list", "[attrs]\na = [1, \"x\"]\n".into()),
        ("adopting in a new file", "[dataset.\"/x\".attrs]\nunits = \"K\"\n".into()),
        ("a dtype without a shape", "[dataset.\"/x\"]\ndtype = \"i4\"\n".into()),
        ("removed and declared", with("[[remove]]\npath = \"/x\"\n")),
        ("a later part", with("scales = true\n")),
        ("an input outside", one("f8", "fill.npy = \"../a.npy\"\n")),
        ("an input that is missing", one("f8", "fill.npy = \"a.npy\"\n")),
    ]
}

#[test]
fn bad_manifests() {
    let dir = tempdir();
    let mut all = String::new();
    for (name, body) in bad() {
        std::fs::write(dir.path().join("m.toml"), format!("version = 1\n{body}")).unwrap();
        all += &format!("##### {name}\n{}\n", said(dir.path(), &["build", "m.toml", "-o", "x.h5"]));
        assert!(!dir.path().join("x.h5").exists(), "{name}");
    }
    insta::assert_snapshot!(all);
}

#[test]
fn clashes_with_a_file() {
    let dir = tempdir();
    let write = |name: &str, body: &str| std::fs::write(dir.path().join(name), format!("version = 1\n{body}")).unwrap();
    write(
        "base.toml",
        "[attrs]\nunit = \"K\"\nunits = \"K2\"\n[group.\"/g\"]\n[dataset.\"/x\"]\ndtype = \"i8\"\nshape = [4, 4]\nfill.arange = {}\n",
    );
    said(dir.path(), &["build", "base.toml", "-o", "f.h5"]);
    let mut all = String::new();
    for (name, body) in [
        ("dtype", DATASET),
        ("shape", "[dataset.\"/x\"]\ndtype = \"i8\"\nshape = [5, 4]\n"),
        ("storage", "[dataset.\"/x\"]\nchunks = [2, 2]\nfill_value = 3\n"),
        ("kind", "[dataset.\"/g\"]\ndtype = \"i8\"\nshape = [5, 4]\n"),
        ("nothing to adopt", "[dataset.\"/y\".attrs]\nunits = \"K\"\n"),
        ("a select that does not fit", "[[patch]]\npath = \"/x\"\nselect = \"9\"\nfill = 1\n"),
        ("a rename with both names there", "[attrs]\nunits = { rename_from = \"unit\" }\n"),
        ("rules against each other", "[attrs]\nunit = 1\nnew = { rename_from = \"unit\" }\n"),
        ("removal without consent", "[[remove]]\npath = \"/x\"\n"),
        (
            "changes",
            "[attrs]\nunit = \"m\"\nlong = [1, 2, 3]\nunits = 5\n[[patch]]\npath = \"/x\"\nselect = \"1:3, ::2\"\nfill = 7\n[dataset.\"/new/d\"]\ndtype = \"f4\"\nshape = [3]\nfill.linspace = { start = 0, stop = 1 }\n",
        ),
    ] {
        write("m.toml", body);
        all += &format!("##### {name}\n{}\n", said(dir.path(), &["apply", "m.toml", "f.h5"]));
    }
    all += &said(dir.path(), &["apply", "m.toml", "f.h5", "--verbose"]);
    all += &said(dir.path(), &["check", "m.toml", "f.h5"]);
    all += &said(dir.path(), &["build", "base.toml", "-o", "f.h5"]);
    all += &said(dir.path(), &["apply", "m.toml", "no/such/f.h5"]);
    all += &said(dir.path(), &["plan", "m.toml"]);
    insta::assert_snapshot!(all);
}

#[test]
fn help() {
    let dir = tempdir();
    let all: String = [
        &["--help"][..],
        &["build", "--help"],
        &["plan", "--help"],
        &["apply", "--help"],
        &["check", "--help"],
        &["recover", "--help"],
        &["capture", "--help"],
        &["diff", "--help"],
        &["show", "--help"],
        &["frobnicate"],
    ]
    .iter()
    .map(|args| said(dir.path(), args))
    .collect();
    insta::assert_snapshot!(all);
}
