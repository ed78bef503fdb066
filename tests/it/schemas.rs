//! The JSON Schemas say what the loader and the JSON plan say.

use std::path::{Path, PathBuf};

use h5mason::manifest::{Overrides, load};
use jsonschema::Validator;
use serde_json::{Value, json};

use crate::common::{h5mason, tempdir};
use crate::docs::{Kind, PAGES, blocks, project};

fn parsed(text: &str) -> Value {
    serde_json::from_str(text).unwrap()
}

fn validator(schema: &str) -> Validator {
    jsonschema::draft202012::new(&parsed(schema)).unwrap()
}

fn manifests() -> Validator {
    validator(h5mason::MANIFEST_SCHEMA)
}

/// Is it a plan as the schema has it?
pub fn valid_plan(plan: &Value) {
    let found = errors(&validator(h5mason::PLAN_SCHEMA), plan);
    assert!(found.is_empty(), "{found:#?}\n{plan:#}");
}

/// What an editor hands to the schema: dates are text, and JSON has no infinities.
fn as_json(value: toml::Value) -> Value {
    match value {
        toml::Value::String(v) => json!(v),
        toml::Value::Integer(v) => json!(v),
        toml::Value::Float(v) => json!(if v.is_finite() { v } else { 0.5 }),
        toml::Value::Boolean(v) => json!(v),
        toml::Value::Datetime(v) => json!(v.to_string()),
        toml::Value::Array(items) => items.into_iter().map(as_json).collect(),
        toml::Value::Table(table) => Value::Object(table.into_iter().map(|(k, v)| (k, as_json(v))).collect()),
    }
}

fn document(text: &str, place: &str) -> Value {
    as_json(toml::Value::Table(text.parse().unwrap_or_else(|e| panic!("{place}: {e}"))))
}

fn errors(schema: &Validator, document: &Value) -> Vec<String> {
    schema.iter_errors(document).map(|e| format!("{}: {e}", e.instance_path())).collect()
}

/// For tests of other modules: is this file a manifest by the schema?
#[track_caller]
pub fn is_a_valid_manifest(path: &Path) {
    let document = document(&std::fs::read_to_string(path).unwrap(), &path.display().to_string());
    assert_eq!(errors(&manifests(), &document), Vec::<String>::new(), "{}", path.display());
}

fn toml_files(dir: &Path, out: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            toml_files(&path, out);
        } else if path.extension().is_some_and(|e| e == "toml") {
            out.push(path);
        }
    }
}

#[test]
fn both_are_schemas() {
    for text in [h5mason::MANIFEST_SCHEMA, h5mason::PLAN_SCHEMA] {
        let schema = parsed(text);
        assert_eq!(schema["$schema"], "https://json-schema.org/draft/2020-12/schema");
        jsonschema::draft202012::meta::validate(&schema).unwrap();
        validator(text);
    }
}

#[test]
fn what_works_is_valid() {
    let schema = manifests();
    for block in PAGES.iter().flat_map(|page| blocks(page)) {
        if block.language == "toml" && !matches!(block.kind, Kind::Refused(_)) {
            let found = errors(&schema, &document(&block.text, &block.place));
            assert!(found.is_empty(), "{}: {found:#?}", block.place);
        }
    }
    let mut files = Vec::new();
    toml_files(&project().join("examples"), &mut files);
    assert!(!files.is_empty(), "there are examples");
    for file in files {
        let place = file.display().to_string();
        let found = errors(&schema, &document(&std::fs::read_to_string(&file).unwrap(), &place));
        assert!(found.is_empty(), "{place}: {found:#?}");
    }
}

/// Less common forms that the loader takes.
#[test]
fn forms_that_work_are_valid() {
    let dataset = |keys: &str| format!("version = 1\n[dataset.\"/x\"]\n{keys}");
    let patch = |select: &str| {
        format!(
            "version = 1\n[dims]\nt = 9\n[dataset.x]\ndtype = \"i4\"\nshape = [\"t\", 9]\n[[patch]]\npath = \"x\"\nfill = 1\nselect = {select}"
        )
    };
    let accepted = [
        dataset("dtype = \"S016\"\nshape = [3]\nfill_value = \"a\""),
        dataset("dtype = \">complex64\"\nshape = [3]\nfill = [1, 2]"),
        dataset("dtype.string = {}\nshape = \"null\""),
        dataset("fill_value = { undefined = true }\nattrs.a = { rename_from = \"b\", value = 1, dtype = \"i2\" }"),
        dataset("attrs.a = { map = { a = \"b\" } }\nattrs.b = { map = [[1, 2], [[1, 2], \"1+3j\"]] }\nattrs.c = { cast = { array = { base = \"f4\", shape = [2] } } }"),
        dataset("attrs.a = { append = \"b\", dtype = \"S9\", shape = [1] }\nattrs.b = { prepend = \"\" }\nattrs.c = { copy_from = { name = \"a\" } }"),
        dataset("attrs.c = { copy_from = { path = \"y\", name = \"c\" }, name_charset = \"utf8\" }"),
        dataset("filters = [\"lzf\", { shuffle = {}, optional = false }, { id = 305, params = [1, 2], optional = true }, { lz4 = {} }]"),
        dataset("filters = [{ zstd = -5 }, { szip = { coding = \"ec\", pixels_per_block = 8 } }]\npartial_chunks = \"raw\""),
        dataset("attrs = { t = 10:00:00, l = [[1, 2], [3, 4]], d = { default = [], dtype = \"f4\" } }"),
        dataset("fill = { choice = { from = [1, 2] }, seed = 18_446_744_073_709_551_615, stream = \"\" }"),
        dataset("dtype = \"str\"\nshape = [3]\nfill.text = { length = [0, 1_048_576], alphabet = \"ä\" }"),
        dataset("dtype = \"S36\"\nshape = [3]\nfill = { uuid = {}, stream = \"ids\" }"),
        dataset(
            "dtype.compound = [{ name = \"a\", dtype = \"f4\" }, { name = \"b\", dtype = \"i2\" }]\nshape = [3]\nfill = { fields = { a = { normal = {}, seed = 3 }, b = 1 }, seed = 2 }",
        ),
        dataset("dtype = \"f4\"\nshape = [3]\nfill.hdf5 = { file = \"a.h5\", path = \"/x\" }"),
        dataset("dtype = \"f4\"\nshape = [3]\nfill.hdf5 = { file = \"a.h5\", path = \"/x\", select = { points = [[0], [2], [1]] } }"),
        dataset("dtype = \"f4\"\nshape = [3]\nfill.hdf5 = { file = \"a.h5\", path = \"/x\", select = \"0:3, 1\" }"),
        dataset("dtype = \"f2\"\nshape = [3]\nfill = { permutation = {}, missing = { fraction = 0.5, value = nan } }"),
        "version = 1\n[vars]\nf = { normal = {} }\ns = [3]\na = { b = 1 }\n[dataset.x]\ndtype = \"f4\"\nshape = \"${s}\"\nfill = \"${f}\"\nattrs = \"${a}\"".into(),
        "version = 1\n[group.g]\nfor = { i = 0, j = [] }\ndims.a = 3\n[group.\"/\"]\n".into(),
        "version = 1\n[[remove]]\nmatch = \"/a*\"\nfor = { i = 2 }".into(),
        "version = 1\n[[move]]\nfrom = \"/a${i}\"\nto = \"/b/${i}\"\noptional = true\nfor = { i = 2 }".into(),
        patch("3"),
        patch("\"...\""),
        patch("[-1, \"::2\"]"),
        patch("{ t = 3 }"),
        patch("{ start = [0, 0], count = [1, 2] }"),
        patch("{ points = [[0, 1]] }"),
    ];
    let schema = manifests();
    let dir = tempdir();
    for text in &accepted {
        let path = dir.path().join("m.toml");
        std::fs::write(&path, text).unwrap();
        let loaded = load(&path, &Overrides::default()).map(drop).map_err(|(_, findings)| findings.sorted());
        assert!(loaded.is_ok(), "{text}\n{loaded:?}");
        // `toml::Value` has no integers of 64 unsigned bits.
        let found = errors(&schema, &document(&text.replace("18_446_744_073_709_551_615", "7"), text));
        assert!(found.is_empty(), "{text}\n{found:#?}");
    }
}

#[test]
fn what_is_wrong_is_invalid() {
    let dataset = |keys: &str| format!("version = 1\n[dataset.\"/x\"]\n{keys}");
    let attribute = |form: &str| dataset(&format!("attrs.a = {form}"));
    let fill = |rule: &str| dataset(&format!("fill = {rule}"));
    let patch = |keys: &str| format!("version = 1\n[[patch]]\n{keys}");
    let wrong = [
        "seed = 1".to_owned(),
        "version = 2".into(),
        "version = \"1\"".into(),
        "version = 1\nseeds = 1".into(),
        "version = 1\nseed = -1".into(),
        "version = 1\nseed = 1.5".into(),
        "version = 1\ninclude = \"base.toml\"".into(),
        "version = 1\n[[each]]\nmatch = [\"/**\"]".into(),
        "version = 1\n[dims]\nt = -1".into(),
        "version = 1\n[dims]\nt = { unlimited = true }".into(),
        "version = 1\n[dims]\nt = { size = 1, unlimit = true }".into(),
        "version = 1\n[file]\nlibver = [\"v18\"]".into(),
        "version = 1\n[file]\nlibver = [\"v18\", \"v111\"]".into(),
        "version = 1\n[file]\nuserblock = 100".into(),
        "version = 1\n[file]\ntrack_order = \"indexed\"".into(),
        "version = 1\n[group.g]\ndtype = \"f4\"".into(),
        "version = 1\n[group.g]\nfor = {}".into(),
        dataset("chunk = [3]"),
        dataset("dtype = \"float\""),
        dataset("dtype = \"<bool\""),
        dataset("dtype = \"S0\""),
        dataset("dtype = { enum = {} }"),
        dataset("dtype.string = { size = 3 }"),
        dataset("shape = 3"),
        dataset("shape = [-1]"),
        dataset("shape = [2.5]"),
        dataset("shape = \"scalar\""),
        dataset("chunks = [0]"),
        dataset("chunks = \"big\""),
        dataset("layout = \"chunks\""),
        dataset("filters = [\"gzip\"]"),
        dataset("filters = [{ deflate = 10 }]"),
        dataset("filters = \"shuffle\""),
        dataset("filters = [\"zstd\"]"),
        dataset("filters = [{ zstd = 23 }]"),
        dataset("filters = [{ shuffle = {}, deflate = 1 }]"),
        dataset("filters = [{ shuffle = 1 }]"),
        dataset("filters = [{ optional = true }]"),
        dataset("filters = [{ zstd = 3, params = 3 }]"),
        dataset("filters = [{ id = 305, params = [-1] }]"),
        dataset("filters = [{ szip = { coding = \"nn\", pixels_per_block = 7 } }]"),
        dataset("filters = [{ scaleoffset = {} }]"),
        dataset("filters = [{ bitshuffle = { codec = \"lz4\", block_elements = 12 } }]"),
        dataset("filters = [{ blosc = { level = 1 } }]"),
        dataset("partial_chunks = true"),
        dataset("fill_value = { undefined = false }"),
        dataset("fill_time = \"always\""),
        dataset("contents = true"),
        dataset("on_mismatch = \"keep\""),
        dataset("attrs = 3"),
        attribute("{ value = 1, default = 2 }"),
        attribute("{ dtype = \"f4\" }"),
        attribute("{ absent = false }"),
        attribute("{ absent = true, dtype = \"f4\" }"),
        attribute("{ val = 1 }"),
        attribute("{ map = {} }"),
        attribute("{ map = [[1]] }"),
        attribute("{ map = { a = 1 }, shape = [1] }"),
        attribute("{ cast = \"f5\" }"),
        attribute("{ cast = \"f4\", value = 1 }"),
        attribute("{ append = 1 }"),
        attribute("{ prepend = \"a\", append = \"b\" }"),
        attribute("{ append = \"a\", maxshape = [1] }"),
        attribute("{ copy_from = \"b\" }"),
        attribute("{ copy_from = { path = \"/y\" } }"),
        attribute("{ copy_from = { name = \"b\" }, dtype = \"f4\" }"),
        attribute("[{ value = 1 }]"),
        fill("{}"),
        fill("{ seed = 3 }"),
        fill("{ normal = {}, uniform = {} }"),
        fill("{ normal = { sigma = 1 } }"),
        fill("{ normal = 3 }"),
        fill("{ integers = { low = 0 } }"),
        fill("{ integers = { low = 0, high = 1.5 } }"),
        dataset("dtype = \"i1\"\nshape = [1]\nfill = { bernoulli = { p = 2 } }"),
        fill("{ choice = { from = [] } }"),
        fill("{ text = {} }"),
        fill("{ text = { length = [1] } }"),
        fill("{ text = { length = \"long\" } }"),
        dataset("dtype = \"str\"\nshape = [1]\nfill.text = { length = 1048577 }"),
        dataset("dtype = \"str\"\nshape = [1]\nfill.text = { length = 1, alphabet = \"\" }"),
        fill("{ uuid = true }"),
        fill("{ permutation = { n = 3 } }"),
        fill("{ npz = \"a.npz\" }"),
        fill("{ hdf5 = \"a.h5\" }"),
        fill("{ hdf5 = { file = \"a.h5\" } }"),
        fill("{ fields = { a = { normal = 3 } } }"),
        fill("{ csv = { file = \"a.csv\", delimiter = \"||\" } }"),
        fill("{ raw = { file = \"a\", order = \"native\" } }"),
        fill("{ value = 0, missing = { value = 1 } }"),
        patch("path = \"x\""),
        patch("fill = 0"),
        patch("path = \"x\"\nfill = 0\nselect = 1.5"),
        patch("path = \"x\"\nfill = 0\nselect = { start = [0] }"),
        patch("path = \"x\"\nfill = 0\nselect = { points = [[0]], start = [0] }"),
        "version = 1\n[[remove]]\n".into(),
        "version = 1\n[[move]]\nfrom = \"a\"".into(),
        "version = 1\n[[move]]\nfrom = \"a\"\nto = \"b\"\noptional = 1".into(),
        "version = 1\n[[remove]]\npath = \"a\"\nmatch = \"b\"".into(),
    ];
    let schema = manifests();
    let dir = tempdir();
    for text in &wrong {
        assert!(!schema.is_valid(&document(text, text)), "the schema takes\n{text}");
        let path = dir.path().join("m.toml");
        std::fs::write(&path, text).unwrap();
        assert!(load(&path, &Overrides::default()).is_err(), "the loader takes\n{text}");
    }
}

/// All messages that loading a text makes, a line each.
fn complaints(dir: &Path, text: &str) -> Vec<String> {
    let path = dir.join("m.toml");
    std::fs::write(&path, text).unwrap();
    match load(&path, &Overrides::default()) {
        Ok(_) => Vec::new(),
        Err((_, findings)) => findings.sorted().into_iter().flat_map(|f| [vec![f.message], f.notes, f.helps].concat()).collect(),
    }
}

/// Tables of the schema, by pointer, with a manifest in which KEY stands in such a table.
fn tables(schema: &Value) -> Vec<(String, String)> {
    let fixed = [
        ("", "KEY = 0"),
        ("/$defs/file", "[file]\nKEY = 0"),
        ("/$defs/dim/anyOf/1", "[dims]\nd = { KEY = 0 }"),
        ("/$defs/group", "[group.g]\nKEY = 0"),
        ("/$defs/committed", "[type.t]\nKEY = 0"),
        ("/$defs/link", "[link.l]\nKEY = 0"),
        ("/$defs/user_link", "[link.l]\nuser = { KEY = 0 }"),
        ("/$defs/external_link", "[link.l]\nexternal = { KEY = 0 }"),
        ("/$defs/external_file", "[dataset.x]\nexternal = [{ KEY = 0 }]"),
        ("/$defs/mapping", "[dataset.x]\nvirtual = [{ KEY = 0 }]"),
        ("/$defs/orders", "[file]\ntrack_order = { KEY = 0 }"),
        ("/$defs/userblock", "[file]\nuserblock = { KEY = 0 }"),
        ("/$defs/space_strategy", "[file]\nspace_strategy = { KEY = 0 }"),
        ("/$defs/dataset", "[dataset.x]\nKEY = 0"),
        ("/$defs/attribute", "[attrs]\na = { KEY = 0 }"),
        ("/$defs/attribute_source", "[attrs]\na = { copy_from = { KEY = 0 } }"),
        ("/$defs/dtype_table", "[dataset.x]\ndtype = { KEY = 0 }"),
        ("/$defs/string_dtype", "[dataset.x]\ndtype.string = { KEY = 0 }"),
        ("/$defs/enum_dtype", "[dataset.x]\ndtype.enum = { KEY = 0 }"),
        ("/$defs/encoded_dtype", "[dataset.x]\ndtype.encoded = { KEY = 0 }"),
        ("/$defs/compound_dtype", "[dataset.x]\ndtype.compound = { KEY = 0 }"),
        ("/$defs/member", "[dataset.x]\ndtype.compound = [{ KEY = 0 }]"),
        ("/$defs/array_dtype", "[dataset.x]\ndtype.array = { KEY = 0 }"),
        ("/$defs/opaque_dtype", "[dataset.x]\ndtype.opaque = { KEY = 0 }"),
        ("/$defs/complex_dtype", "[dataset.x]\ndtype.complex = { KEY = 0 }"),
        ("/$defs/int_dtype", "[dataset.x]\ndtype.int = { KEY = 0 }"),
        ("/$defs/float_dtype", "[dataset.x]\ndtype.float = { KEY = 0 }"),
        ("/$defs/filter_table", "[dataset.x]\nfilters = [{ KEY = 0 }]"),
        ("/$defs/szip", "[dataset.x]\nfilters = [{ szip = { KEY = 0 } }]"),
        ("/$defs/scaleoffset", "[dataset.x]\nfilters = [{ scaleoffset = { KEY = 0 } }]"),
        ("/$defs/lz4", "[dataset.x]\nfilters = [{ lz4 = { KEY = 0 } }]"),
        ("/$defs/bitshuffle", "[dataset.x]\nfilters = [{ bitshuffle = { KEY = 0 } }]"),
        ("/$defs/blosc", "[dataset.x]\nfilters = [{ blosc = { KEY = 0 } }]"),
        ("/$defs/patch", "[[patch]]\nKEY = 0"),
        ("/$defs/slab", "[[patch]]\npath = \"x\"\nfill = 0\nselect = { OTHER = [0], KEY = 0 }"),
        ("/$defs/remove", "[[remove]]\nKEY = 0"),
        ("/$defs/move", "[[move]]\nKEY = 0"),
        ("/$defs/rule", "[dataset.x]\nfill = { KEY = 0 }"),
        ("/$defs/missing", "[dataset.x]\nfill = { value = 0, missing = { KEY = 0 } }"),
    ];
    let mut out: Vec<(String, String)> = fixed.iter().map(|(p, t)| ((*p).into(), (*t).into())).collect();
    let rules = schema["$defs"]["rule"]["properties"].as_object().unwrap();
    for (rule, form) in rules {
        let Some(reference) = form["$ref"].as_str().or(form["then"]["$ref"].as_str()) else { continue };
        let pointer = reference.trim_start_matches('#').to_owned();
        let takes_a_table = schema.pointer(&pointer).is_some_and(|d| d.get("properties").is_some());
        if takes_a_table && rule != "missing" {
            out.push((pointer, format!("[dataset.x]\nfill.{rule} = {{ KEY = 0 }}")));
        }
    }
    out
}

#[test]
fn keys_are_the_loaders() {
    let schema = parsed(h5mason::MANIFEST_SCHEMA);
    let dir = tempdir();
    let tables = tables(&schema);
    assert!(tables.len() >= 13 + 15, "{tables:?}");
    for (pointer, template) in &tables {
        let table = schema.pointer(pointer).unwrap_or_else(|| panic!("no {pointer} in the schema"));
        assert_eq!(table["additionalProperties"], json!(false), "{pointer} is closed");
        let keys: Vec<&String> = table["properties"].as_object().unwrap().keys().collect();
        let with = |key: &str| {
            let other = if key == "start" { "count" } else { "start" };
            complaints(dir.path(), &template.replace("KEY", key).replace("OTHER", other))
        };
        for key in &keys {
            let said = with(key);
            let bad = said.iter().find(|m| m.contains("unknown key") || m.contains("unknown rule") || m.contains("not supported"));
            assert!(bad.is_none(), "the schema has `{key}` in {pointer}, the loader says: {bad:?}");
        }
        let said = with("qqzzqq");
        let list = said.iter().filter(|m| m.contains("keys")).find_map(|m| m.split_once(" are "));
        let (_, list) = list.unwrap_or_else(|| panic!("{template}: no list of keys in {said:?}"));
        for key in list.split(", ") {
            assert!(keys.iter().any(|k| k.as_str() == key), "the loader has `{key}` in {template}, the schema has it not");
        }
    }
}

/// Every word that the schema offers is one that the loader knows.
#[test]
fn words_are_the_loaders() {
    let schema = parsed(h5mason::MANIFEST_SCHEMA);
    let dir = tempdir();
    let dataset = "/$defs/dataset/properties";
    let places = [
        ("/$defs/dtype/anyOf/0".to_owned(), "[dataset.x]\ndtype = \"WORD\""),
        ("/$defs/file/properties/libver/anyOf/0/items/anyOf/0".into(), "[file]\nlibver = [\"WORD\", \"latest\"]"),
        ("/$defs/string_dtype/properties/charset/anyOf/0".into(), "[dataset.x]\ndtype.string = { charset = \"WORD\" }"),
        ("/$defs/string_dtype/properties/pad/anyOf/0".into(), "[dataset.x]\ndtype.string = { pad = \"WORD\" }"),
        ("/$defs/filter/anyOf/0".into(), "[dataset.x]\nfilters = [\"WORD\"]"),
        ("/$defs/szip/properties/coding/anyOf/0".into(), "[dataset.x]\nfilters = [{ szip = { coding = \"WORD\", pixels_per_block = 8 } }]"),
        ("/$defs/bitshuffle/properties/codec/anyOf/0".into(), "[dataset.x]\nfilters = [{ bitshuffle = { codec = \"WORD\" } }]"),
        ("/$defs/blosc/properties/codec/anyOf/0".into(), "[dataset.x]\nfilters = [{ blosc = { codec = \"WORD\" } }]"),
        ("/$defs/blosc/properties/shuffle/anyOf/0".into(), "[dataset.x]\nfilters = [{ blosc = { codec = \"lz4\", shuffle = \"WORD\" } }]"),
        (format!("{dataset}/partial_chunks/anyOf/0"), "[dataset.x]\npartial_chunks = \"WORD\""),
        (format!("{dataset}/layout/anyOf/0"), "[dataset.x]\nlayout = \"WORD\""),
        (format!("{dataset}/fill_time/anyOf/0"), "[dataset.x]\nfill_time = \"WORD\""),
        (format!("{dataset}/alloc_time/anyOf/0"), "[dataset.x]\nalloc_time = \"WORD\""),
        (format!("{dataset}/contents/anyOf/0"), "[dataset.x]\ncontents = \"WORD\"\nfill = 0"),
        ("/$defs/strategy/anyOf/0".into(), "[file]\nspace_strategy = \"WORD\""),
        ("/$defs/name_charset/anyOf/0".into(), "[group.g]\nname_charset = \"WORD\""),
        ("/$defs/dtype_table/properties/ref/anyOf/0".into(), "[dataset.x]\ndtype.ref = \"WORD\""),
        ("/$defs/raw/properties/order/anyOf/0".into(), "[dataset.x]\nfill.raw = { file = \"a\", order = \"WORD\" }"),
    ];
    for (pointer, template) in places {
        let words = schema.pointer(&pointer).and_then(|p| p["enum"].as_array()).unwrap_or_else(|| panic!("no words at {pointer}"));
        for word in words {
            let said = complaints(dir.path(), &format!("version = 1\n{template}").replace("WORD", word.as_str().unwrap()));
            let bad = said.iter().find(|m| m.contains("unknown") || m.contains("not known here") || m.contains("not supported"));
            assert!(bad.is_none(), "{pointer}: {word}: {bad:?}");
        }
    }
}

/// Files and manifests in a folder of their own.
struct Scene {
    dir: tempfile::TempDir,
    schema: Validator,
}

impl Scene {
    fn new() -> Self {
        Self { dir: tempdir(), schema: validator(h5mason::PLAN_SCHEMA) }
    }

    /// Runs a command with --format json on `file.h5`; the document, which is valid.
    fn json(&self, command: &[&str], manifest: &str) -> Value {
        std::fs::write(self.dir.path().join("m.toml"), manifest).unwrap();
        let target: &[&str] = if command[0] == "build" { &["-o", "file.h5"] } else { &["file.h5"] };
        let output = h5mason().current_dir(&self.dir).args(command).arg("m.toml").args(target).args(["--format", "json"]).output().unwrap();
        let stdout = String::from_utf8(output.stdout).unwrap();
        let document: Value =
            serde_json::from_str(&stdout).unwrap_or_else(|e| panic!("{e}\n{stdout}{}", String::from_utf8_lossy(&output.stderr)));
        let found = errors(&self.schema, &document);
        assert!(found.is_empty(), "{found:#?}\n{document:#}");
        document
    }
}

/// The steps as `verb aspect`.
fn steps(plan: &Value) -> Vec<String> {
    let step = |s: &Value| format!("{} {}", s["verb"].as_str().unwrap(), s["aspect"].as_str().unwrap());
    plan["steps"].as_array().unwrap().iter().map(step).collect()
}

const FIRST: &str = r#"
version = 1
[file]
libver = ["v18", "v110"]
track_order = true
userblock = 512
[dims]
t = { size = 4, unlimited = true }
[attrs]
title = "x"
[group."/g"]
[group."/gone"]
[dataset."/g/a"]
dtype = "f4"
shape = ["t", 2]
chunks = [4, 2]
filters = ["shuffle", { deflate = 1 }]
fill_value = nan
fill.normal = {}
attrs = { unit = "K", n = 3, nothing = { empty = "f4" }, z = { value = "1+2j", dtype = "complex64" }, list = [nan, 1.5] }
[dataset."/g/null"]
dtype = "str"
shape = "null"
[dataset."/old"]
dtype = "bool"
shape = []
fill = true
"#;

#[test]
fn plans_are_valid() {
    let scene = Scene::new();
    let plan = scene.json(&["plan"], FIRST);
    let state = plan["target"]["state"].clone();
    assert!(state.as_str().is_some_and(|s| s.len() == 32), "{state}");
    assert_eq!(plan["target"], json!({ "path": "file.h5", "exists": false, "size": 0, "state": state }));
    assert!(steps(&plan).starts_with(&["create file".into()]) && plan.get("applied").is_none());
    assert_eq!(scene.json(&["build"], FIRST)["applied"], json!(true));
    assert_eq!(steps(&scene.json(&["check"], FIRST)), [""; 0]);

    let long: Vec<u32> = (0..1001).collect();
    let changes = format!(
        r#"
version = 1
[dataset."/g/a".attrs]
units = {{ rename_from = "unit" }}
n = {{ absent = true }}
z = "text"
list = {long:?}
new = true
[dataset."/g/null".attrs]
a = 1
"#
    );
    let plan = scene.json(&["plan"], &changes);
    let expected = ["attribute a", "attribute list", "attribute n", "attribute new", "attribute unit", "attribute z"];
    let mut aspects: Vec<&str> = plan["steps"].as_array().unwrap().iter().map(|s| s["aspect"].as_str().unwrap()).collect();
    aspects.sort_unstable();
    assert_eq!(aspects, expected);
    assert!(plan.to_string().contains("\"elements\":1001,\"sha256\""));

    let anew = |how: &str| format!("version = 1\n[dataset.\"/g/a\"]\non_mismatch = \"{how}\"\ndtype = \"f8\"\nshape = [4, 2]");
    let plan = scene.json(&["plan"], &anew("convert"));
    assert_eq!(steps(&plan), ["convert dataset"]);
    assert_eq!(plan["steps"][0]["before"]["dtype"], json!("f4"));
    assert_eq!(plan["steps"][0]["after"]["names"], json!(["/g/a"]));
    assert_eq!(steps(&scene.json(&["plan"], &anew("replace"))), ["replace dataset"]);
    let smaller = "version = 1\n[dataset.\"/g/a\"]\ndtype = \"f4\"\nshape = [3, 2]";
    assert_eq!(steps(&scene.json(&["plan"], smaller)), ["shrink shape"]);

    let region = "version = 1\n[[patch]]\npath = \"/g/a\"\nselect = \"1:3\"\nfill = 7";
    let plan = scene.json(&["plan"], region);
    assert_eq!(steps(&plan), ["write region [1:3, 0:2]"]);
    assert_eq!(plan["steps"][0]["after"]["differing"], json!(4));

    let growth = "version = 1\n[dataset.\"/g/a\"]\ndtype = \"f4\"\nshape = [6, 2]\nmaxshape = [\"unlimited\", 2]\nfill = 1";
    assert_eq!(steps(&scene.json(&["plan"], growth)), ["grow shape", "write region [4:6, 0:2]"]);

    let removal = "version = 1\n[[remove]]\npath = \"/old\"\n[[remove]]\nmatch = [\"/gone*\", \"/none\"]\n[[remove]]\npath = \"/no\"";
    let plan = scene.json(&["plan"], removal);
    assert_eq!(steps(&plan), ["remove group", "remove dataset"]);
    assert_eq!(plan["kept"].as_array().unwrap().len(), 1);

    let conflicts = "version = 1\n[dataset.\"/g/a\"]\ndtype = \"f8\"\nshape = [4, 2]\n[dataset.\"/none\"]\nattrs.a = 1\n[group.\"/old\"]";
    let plan = scene.json(&["plan"], conflicts);
    assert_eq!(plan["conflicts"].as_array().unwrap().len(), 3);

    for manifest in [changes.as_str(), region, growth] {
        assert_eq!(scene.json(&["apply"], manifest)["applied"], json!(true), "{manifest}");
        assert_eq!(scene.json(&["apply"], manifest)["applied"], json!(false), "{manifest}");
    }
    assert_eq!(scene.json(&["apply", "--allow", "destructive"], removal)["applied"], json!(true));
}

#[test]
fn what_is_no_plan_is_invalid() {
    let scene = Scene::new();
    let plan = scene.json(&["plan"], FIRST);
    let change = |pointer: &str, value: Value| {
        let mut plan = plan.clone();
        *plan.pointer_mut(pointer).unwrap_or_else(|| panic!("no {pointer}")) = value;
        assert!(!scene.schema.is_valid(&plan), "the schema takes {pointer} changed");
    };
    change("/format_version", json!(2));
    change("/manifest/sha256", json!("abc"));
    change("/target/size", json!(-1));
    change("/steps/0/verb", json!("remove"));
    change("/steps/0/after", json!({}));
    change("/steps/1/hazard", json!("some"));
    change("/steps/1/path", json!("g"));
    change("/steps/1/origin", json!({ "line": 1 }));
    change("/summary", json!({}));
    let mut more = plan.clone();
    more["extra"] = json!(1);
    assert!(!scene.schema.is_valid(&more));
}

#[test]
fn the_command_prints_them() {
    for (what, text) in [("manifest", h5mason::MANIFEST_SCHEMA), ("plan", h5mason::PLAN_SCHEMA)] {
        let output = h5mason().args(["schema", what]).output().unwrap();
        assert!(output.status.success() && output.stdout == text.as_bytes());
    }
}
