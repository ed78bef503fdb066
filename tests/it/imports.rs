//! The import rules of ARCHITECTURE.md, read from all paths in the sources.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// Module, the modules of ours it may use (beside `diag`), the outside crates it must never see.
const RULES: &[(&str, &[&str], &[&str])] = &[
    ("diag", &[], &["hdf5", "hdf5_sys", "toml", "rand", "ndarray", "clap", "serde", "rayon"]),
    ("model", &[], &["hdf5", "hdf5_sys", "toml", "rand", "ndarray", "clap", "rayon", "tempfile", "rustix"]),
    ("manifest", &["model"], &["hdf5", "hdf5_sys", "rand", "ndarray", "clap", "rayon", "tempfile"]),
    ("plan", &["model"], &["hdf5", "hdf5_sys", "toml", "rand", "ndarray", "clap", "rayon", "tempfile", "rustix", "serde_json"]),
    ("fill", &["model"], &["hdf5", "hdf5_sys", "toml", "clap", "tempfile", "rustix"]),
    ("h5", &["model"], &["toml", "clap", "rand", "ndarray", "rayon"]),
    ("source", &["model", "h5"], &["hdf5", "hdf5_sys", "toml", "clap", "rand"]),
    ("observe", &["h5", "model", "fill", "source"], &["hdf5", "hdf5_sys", "toml", "clap", "tempfile"]),
    ("txn", &["h5"], &["hdf5", "hdf5_sys", "toml", "clap", "rand", "ndarray"]),
    ("apply", &["h5", "txn", "model", "plan", "fill", "source", "observe", "diff"], &["hdf5", "hdf5_sys", "toml", "clap", "indicatif"]),
    ("capture", &["h5", "txn", "model", "fill", "observe"], &["hdf5", "hdf5_sys", "toml", "clap", "tempfile", "indicatif"]),
    ("diff", &["h5", "model", "observe"], &["hdf5", "hdf5_sys", "toml", "clap", "tempfile", "indicatif"]),
    ("report", &["model", "plan"], &["hdf5", "hdf5_sys", "toml", "clap", "tempfile", "indicatif"]),
    ("cli", &["apply", "capture", "diff", "h5", "manifest", "model", "observe", "plan", "report", "source", "txn"], &["hdf5", "hdf5_sys"]),
];
/// Names that stand behind `crate::` without being modules.
const ROOT_ITEMS: &[&str] = &["MANIFEST_SCHEMA", "PLAN_SCHEMA"];

fn sources(folder: &Path, out: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, out);
        } else if path.extension().is_some_and(|e| e == "rs") {
            out.push(path);
        }
    }
}

/// The libraries that the rules name: what is looked for in paths.
fn outside_names() -> BTreeSet<&'static str> {
    RULES.iter().flat_map(|(_, _, never)| never.iter().copied()).collect()
}

/// Code without comments and texts, and without what only tests use.
fn code(text: &str) -> String {
    let tests = ["\n#[cfg(test)]\nmod tests {", "\n#[cfg(test)]\npub(super) mod testing {"].iter().filter_map(|t| text.find(t)).min();
    let mut out = String::new();
    let mut rest = text[..tests.unwrap_or(text.len())].chars().peekable();
    while let Some(c) = rest.next() {
        match c {
            '/' if rest.peek() == Some(&'/') => while rest.next_if(|&c| c != '\n').is_some() {},
            '"' => {
                // A raw text has no escapes and ends with as many `#` as it began with.
                let opened = out.trim_end_matches('#');
                let hashes = out.len() - opened.len();
                let raw = opened.ends_with('r') && !opened[..opened.len() - 1].ends_with(|c: char| c.is_alphanumeric() && c != 'b');
                while let Some(c) = rest.next() {
                    match c {
                        '\\' if !raw => {
                            rest.next();
                        }
                        '"' if (0..if raw { hashes } else { 0 }).all(|_| rest.next_if_eq(&'#').is_some()) => break,
                        _ => {}
                    }
                }
                out.push_str("\"\"");
            }
            // A character, not a lifetime: `'"'`, `'\\''`.
            '\'' => {
                let mut ahead = rest.clone();
                let first = ahead.next();
                if first == Some('\\') {
                    rest.next();
                    rest.next();
                    while rest.next_if(|&c| c != '\'').is_some() {}
                    rest.next();
                } else if ahead.next() == Some('\'') {
                    rest.next();
                    rest.next();
                }
                out.push(' ');
            }
            c => out.push(c),
        }
    }
    out
}

fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

fn word(s: &str) -> String {
    s.chars().take_while(|&c| is_word(c)).collect()
}

/// What stands behind `::` at the beginning of `rest`: one name, or the first names of a group.
fn heads(rest: &str) -> Vec<String> {
    let rest = rest.trim_start();
    let Some(group) = rest.strip_prefix('{') else { return vec![word(rest)] };
    let (mut depth, mut at_head, mut out) = (0, true, Vec::new());
    for (at, c) in group.char_indices() {
        match c {
            '{' => depth += 1,
            '}' if depth == 0 => break,
            '}' => depth -= 1,
            ',' if depth == 0 => at_head = true,
            c if c.is_whitespace() => {}
            _ if at_head => {
                out.push(word(&group[at..]));
                at_head = false;
            }
            _ => {}
        }
    }
    out
}

/// Names behind `prefix::`, where the prefix is a whole word that begins a path.
fn behind(code: &str, prefix: &str) -> Vec<String> {
    code.match_indices(&format!("{prefix}::"))
        .filter(|(at, _)| {
            let before = code[..*at].trim_end_matches("::");
            // `::rand::` is the library, `x::rand::` is not.
            let inner = before.len() < *at && before.ends_with(is_word);
            !inner && !code[..*at].ends_with(is_word)
        })
        .flat_map(|(at, found)| heads(&code[at + found.len()..]))
        .filter(|name| !name.is_empty())
        .collect()
}

/// Our modules and the outside libraries that a source names.
fn names(text: &str) -> (BTreeSet<String>, BTreeSet<String>) {
    let code = code(text);
    let ours = behind(&code, "crate").into_iter().collect();
    let mut outside: BTreeSet<String> =
        outside_names().into_iter().filter(|name| !behind(&code, name).is_empty()).map(str::to_owned).collect();
    // `use toml;`, `use {toml, rand as r};`, `extern crate toml;`
    for (at, found) in code.match_indices("use ").chain(code.match_indices("extern crate ")) {
        if !code[..at].ends_with(is_word) {
            outside.extend(heads(code[at + found.len()..].trim_start().trim_start_matches("::")));
        }
    }
    (ours, outside)
}

/// Every full name that `use` brings in or a path spells, of the standard library: `std::fs`, `std::time::Instant`.
fn standard(code: &str) -> BTreeSet<String> {
    behind(code, "std").into_iter().map(|name| format!("std::{name}")).collect()
}

#[test]
fn the_core_does_no_io_and_sees_no_clock() {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut files = Vec::new();
    ["plan", "model", "diag"].iter().for_each(|module| sources(&src.join(module), &mut files));
    assert!(files.len() > 20);
    let mut wrong = Vec::new();
    for file in files {
        let code = code(&std::fs::read_to_string(&file).unwrap());
        let shown = file.strip_prefix(&src).unwrap().display();
        let standard = standard(&code);
        wrong.extend(
            ["std::fs", "std::env", "std::process", "std::net", "std::io"]
                .iter()
                .filter(|n| standard.contains(**n))
                .map(|n| format!("{shown}: {n}")),
        );
        let words: BTreeSet<&str> = code.split(|c| !is_word(c)).collect();
        wrong.extend(["Instant", "SystemTime"].iter().filter(|n| words.contains(**n)).map(|n| format!("{shown}: {n}")));
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

/// The reader of sources sees through what it once did not.
#[test]
fn names_are_found_in_groups_and_paths() {
    let set = |names: &[&str]| names.iter().map(|n| (*n).to_owned()).collect::<BTreeSet<_>>();
    let ours = |text| names(text).0;
    assert_eq!(ours("use crate::{a, b::{c, d}, e::f};"), set(&["a", "b", "e"]));
    assert_eq!(ours("pub(super) use crate::{\n    a::A,\n    b as c,\n};\nlet x: crate::d::D = 1;"), set(&["a", "b", "d"]));
    assert_eq!(
        ours("// crate::a\nlet s = \"crate::b // \"; let c = '\"'; crate::c(); // \"\nlet d = '\\''; crate::d::<'a>()"),
        set(&["c", "d"])
    );
    assert_eq!(ours("let s = r#\"a \"crate::a\\\"#; crate::b()"), set(&["b"]));
    let outside = |text: &str| outside_names().into_iter().filter(|n| names(text).1.contains(*n)).collect::<Vec<_>>();
    assert_eq!(
        outside("fn f() -> rand::rngs::StdRng { ::clap::x(); my_toml::y(); crate::rayon::z(); self::serde::f() }"),
        ["clap", "rand"]
    );
    assert_eq!(outside("use {toml, rayon::prelude::*};\npub use hdf5_sys::h5;"), ["hdf5_sys", "rayon", "toml"]);
    assert_eq!(standard("use std::{collections::BTreeMap, fs::File}; std::env::var()"), set(&["std::collections", "std::env", "std::fs"]));
}

#[test]
fn modules_use_only_what_is_below_them() {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut wrong = Vec::new();
    let mut checked = 0;
    for (module, may_use, never) in RULES {
        let mut files = Vec::new();
        sources(&src.join(module), &mut files);
        for file in files {
            checked += 1;
            let (ours, outside) = names(&std::fs::read_to_string(&file).unwrap());
            let shown = file.strip_prefix(&src).unwrap().display().to_string();
            for name in ours {
                let allowed = name == *module
                    || name == "diag"
                    || may_use.contains(&name.as_str())
                    || (*module == "cli" && ROOT_ITEMS.contains(&name.as_str()));
                if !allowed {
                    wrong.push(format!("{shown} uses crate::{name}"));
                }
            }
            wrong.extend(never.iter().filter(|n| outside.contains(**n)).map(|n| format!("{shown} sees {n}")));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
    assert!(checked > 60, "the rules were read from {checked} files only");
    let folders: BTreeSet<String> = std::fs::read_dir(&src)
        .unwrap()
        .map(|e| e.unwrap())
        .filter(|e| e.path().is_dir())
        .map(|e| e.file_name().into_string().unwrap())
        .collect();
    let known: BTreeSet<String> = RULES.iter().map(|(m, _, _)| (*m).to_owned()).collect();
    assert_eq!(folders, known, "every module has a rule");
}
