//! The import rules of ARCHITECTURE.md, read from the `use` lines and paths in the sources.

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
    ("apply", &["h5", "txn", "model", "plan", "fill", "source", "observe"], &["hdf5", "hdf5_sys", "toml", "clap", "indicatif"]),
    ("report", &["model", "plan"], &["hdf5", "hdf5_sys", "toml", "clap", "tempfile", "indicatif"]),
    ("cli", &["apply", "h5", "manifest", "model", "observe", "plan", "report", "source", "txn"], &["hdf5", "hdf5_sys"]),
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

/// First names behind every `crate::` in code, and behind `use`.
fn names(text: &str) -> (BTreeSet<String>, BTreeSet<String>) {
    let word = |s: &str| s.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect::<String>();
    let (mut ours, mut outside) = (BTreeSet::new(), BTreeSet::new());
    // What tests use is their own business.
    let tests = ["\n#[cfg(test)]\nmod tests {", "\n#[cfg(test)]\npub(super) mod testing {"].iter().filter_map(|t| text.find(t)).min();
    let code = &text[..tests.unwrap_or(text.len())];
    for line in code.lines().filter(|l| !l.trim_start().starts_with("//")) {
        ours.extend(line.match_indices("crate::").map(|(at, m)| word(&line[at + m.len()..])).filter(|w| !w.is_empty()));
        if let Some(rest) = line.trim_start().trim_start_matches("pub ").strip_prefix("use ") {
            outside.insert(word(rest));
        }
        for name in ["hdf5", "hdf5_sys", "toml", "rayon", "clap", "tempfile", "serde_json"] {
            if line.contains(&format!("{name}::")) && !line.contains(&format!("_{name}::")) {
                outside.insert(name.to_owned());
            }
        }
    }
    (ours, outside)
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
