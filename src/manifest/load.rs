//! The way from a file name to [`Desired`].

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::dims::Dims;
use super::entries::collect;
use super::include::{Document, read_all};
use super::table::Keys;
use super::tree::{Entry, Node, Table, Val};
use super::vars::{Allowance, Scope, settle};
use super::{file, fill, resolve};
use crate::diag::{Finding, Findings, Sources, Span, did_you_mean};
use crate::model::{Desired, H5Path};

const TOP: Keys = Keys {
    what: "the manifest",
    known: &[
        "version", "seed", "include", "vars", "dims", "file", "attrs", "group", "dataset", "type", "link", "patch", "move", "remove",
        "each",
    ],
    later: &[],
};

/// What the command line says beside the manifest.
#[derive(Clone, Debug, Default)]
pub struct Overrides {
    /// `--var name=value`.
    pub vars: Vec<(String, String)>,
    /// `--dim name=size`.
    pub dims: Vec<(String, String)>,
    /// `--allow paths`: input files may be anywhere.
    pub allow_paths: bool,
}

/// A manifest, read and resolved.
#[derive(Debug)]
pub struct Loaded {
    /// All texts; [`Span`]s point into them.
    pub sources: Sources,
    /// What is declared.
    pub desired: Desired,
    /// `[file] path`, relative to the manifest that wrote it.
    pub target: Option<PathBuf>,
}

/// Reads a manifest with everything it includes.
///
/// # Errors
/// All findings that reading and resolving can make, with the texts they point into.
pub fn load(path: &Path, overrides: &Overrides) -> Result<Loaded, (Sources, Findings)> {
    let mut sources = Sources::new();
    let mut findings = Findings::new();
    let documents = read_all(path, &mut sources, &mut findings);
    for document in &documents {
        TOP.check(&document.table, &mut findings);
        check_version(document, &mut findings);
    }
    let allowance = Allowance::new();
    let vars = vars(&documents, overrides, &allowance, &mut sources, &mut findings);
    let scope = Scope { vars: &vars, bound: &[], allowance: &allowance };
    let mut dims = dims(&documents, &scope, &mut findings);
    let seed = last(&documents, "seed", &scope, &mut findings).and_then(|n| findings.keep(n.size("a seed"))).unwrap_or(0);
    let file = merged_table(&documents, "file", &scope, &mut findings);
    let input = |node: &Node| fill::input_path(node, &sources, overrides.allow_paths);
    let props = file::read(&file, &input, &mut findings);
    let target = target(&file, &sources, &mut findings);
    let entries = collect(&documents, &scope, &mut findings);
    if allowance.is_spent() {
        return Err((sources, findings));
    }
    resolve::group_dims(&entries, &mut dims, &mut findings);
    resize(&mut dims, overrides, &mut sources, &mut findings);
    let (allow_paths, root) = (overrides.allow_paths, H5Path::root());
    let cx = fill::Context { sources: &sources, allow_paths, seed, fill_value: None, dtype: None, shape: None, dims: &dims, object: &root };
    let desired = resolve::resolve(entries, props, &dims, &cx, &mut findings);
    if findings.has_errors() {
        return Err((sources, findings));
    }
    Ok(Loaded { sources, desired, target })
}

fn check_version(document: &Document, findings: &mut Findings) {
    let Some(entry) = document.table.get("version") else {
        findings.push(
            Finding::error("version", "the manifest does not say its language version")
                .at(document.source.span(0..0), "")
                .help("begin with `version = 1`"),
        );
        return;
    };
    if let Some(v) = findings.keep(entry.node.int("the language version, 1"))
        && v != 1
    {
        let message = format!("this h5mason knows version 1 of the manifest language, not version {v}");
        findings.push(Finding::error("version", message).at(entry.node.span, "").help("write `version = 1`, or use a newer h5mason"));
    }
}

fn vars(
    documents: &[Document],
    overrides: &Overrides,
    allowance: &Allowance,
    sources: &mut Sources,
    findings: &mut Findings,
) -> BTreeMap<String, Node> {
    let mut vars: BTreeMap<String, Node> = BTreeMap::new();
    for entry in documents.iter().filter_map(|d| d.table.get("vars")) {
        if let Some(table) = findings.keep(entry.node.table("a table of variables")) {
            vars.extend(table.entries.iter().map(|e| (e.key.clone(), e.node.clone())));
        }
    }
    for (name, value) in &overrides.vars {
        let span = command_line(sources, "--var", name, value);
        match vars.get(name).map(|n| parse_as(&n.val, value)) {
            Some(Ok(val)) => {
                vars.insert(name.clone(), Node { span, val });
            }
            Some(Err(what)) => findings.push(
                Finding::error("var", format!("--var {name}={value}: the variable `{name}` is {what}, `{value}` is not")).at(span, ""),
            ),
            None => {
                let help = did_you_mean(name, vars.keys().map(String::as_str))
                    .unwrap_or_else(|| "--var overrides a variable that [vars] declares".into());
                findings.push(
                    Finding::error("unknown-variable", format!("--var {name}: the manifest declares no such variable"))
                        .at(span, "")
                        .help(help),
                );
            }
        }
    }
    settle(vars, allowance, findings)
}

/// The text as a value of the same type; else what the type is.
fn parse_as(old: &Val, text: &str) -> Result<Val, &'static str> {
    match old {
        Val::Text(_) => Ok(Val::Text(text.to_owned())),
        Val::Int(_) => text.parse().map(Val::Int).map_err(|_| "an integer"),
        Val::Float(_) => text.parse().map(Val::Float).map_err(|_| "a float"),
        Val::Bool(_) => text.parse().map(Val::Bool).map_err(|_| "true or false"),
        Val::Datetime(_) => Ok(Val::Datetime(text.to_owned())),
        Val::List(_) => Err("a list, which --var cannot set"),
        Val::Table(_) => Err("a table, which --var cannot set"),
    }
}

fn dims(documents: &[Document], scope: &Scope<'_>, findings: &mut Findings) -> Dims {
    let mut dims = Dims::default();
    for entry in documents.iter().filter_map(|d| d.table.get("dims")) {
        if let Some(table) = findings.keep(entry.node.table("a table of dimensions")) {
            let table = scope.table(table, findings);
            dims.add(&H5Path::root(), &table, findings);
        }
    }
    dims
}

/// `--dim name=size`.
fn resize(dims: &mut Dims, overrides: &Overrides, sources: &mut Sources, findings: &mut Findings) {
    for (name, value) in &overrides.dims {
        let span = command_line(sources, "--dim", name, value);
        let Ok(size) = value.parse::<u64>() else {
            findings.push(Finding::error("dim", format!("--dim {name}={value}: `{value}` is not a size")).at(span, ""));
            continue;
        };
        if let Err(help) = dims.resize(name, size) {
            findings.push(
                Finding::error("unknown-dimension", format!("--dim {name}: the manifest declares no such dimension"))
                    .at(span, "")
                    .help(help),
            );
        }
    }
}

fn command_line(sources: &mut Sources, option: &str, name: &str, value: &str) -> Span {
    let text = format!("{option} {name}={value}");
    let end = text.len();
    sources.add("command line", text, ".").span(0..end)
}

/// The value of a top-level key; the including manifest wins.
fn last(documents: &[Document], key: &str, scope: &Scope<'_>, findings: &mut Findings) -> Option<Node> {
    let entry = documents.iter().rev().find_map(|d| d.table.get(key))?;
    scope.node(&entry.node, findings)
}

/// A top-level table merged by key; the including manifest wins.
fn merged_table(documents: &[Document], key: &str, scope: &Scope<'_>, findings: &mut Findings) -> Table {
    let mut out = Table::default();
    for entry in documents.iter().filter_map(|d| d.table.get(key)) {
        let Some(table) = findings.keep(entry.node.table(&format!("a table: [{key}]"))) else { continue };
        for one in scope.table(table, findings).entries {
            out.entries.retain(|e: &Entry| e.key != one.key);
            out.entries.push(one);
        }
    }
    out
}

fn target(file: &Table, sources: &Sources, findings: &mut Findings) -> Option<PathBuf> {
    let node = &file.get("path")?.node;
    let name = findings.keep(node.text("the name of a file"))?;
    Some(sources.dir(node.span.source).join(name))
}
