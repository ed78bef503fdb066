//! Named dimensions.

use std::collections::BTreeMap;

use super::table::{Keys, expected};
use super::tree::{Node, Table, Val};
use crate::diag::{Finding, Findings, Span, did_you_mean};
use crate::model::{H5Path, Size};

/// Dimensions of the file and of groups.
#[derive(Default)]
pub(crate) struct Dims {
    /// By the group they are declared in; the root's are everybody's.
    scopes: BTreeMap<H5Path, BTreeMap<String, Dim>>,
}

/// A named size.
#[derive(Clone, Copy)]
pub(crate) struct Dim {
    pub size: Size,
}

const KEYS: Keys = Keys { what: "a dimension", known: &["size", "unlimited"], later: &[] };

impl Dims {
    /// Adds the dimensions of a table to a group; later ones replace earlier ones.
    pub fn add(&mut self, scope: &H5Path, table: &Table, findings: &mut Findings) {
        for entry in &table.entries {
            if let Some(size) = findings.keep(read(&entry.node)) {
                self.scopes.entry(scope.clone()).or_default().insert(entry.key.clone(), Dim { size });
            }
        }
    }

    /// Overrides the size of a dimension of the root that exists; unlimited stays unlimited.
    pub fn resize(&mut self, name: &str, value: u64) -> Result<(), String> {
        let root = self.scopes.entry(H5Path::root()).or_default();
        match root.get_mut(name) {
            Some(dim) => {
                dim.size.value = value;
                Ok(())
            }
            None => {
                Err(did_you_mean(name, root.keys().map(String::as_str))
                    .unwrap_or_else(|| "--dim overrides a size that [dims] declares".into()))
            }
        }
    }

    /// The dimension of this name as seen from an object: its groups' first, then the file's.
    pub fn get(&self, name: &str, object: &H5Path) -> Option<Dim> {
        let mut scope = Some(object.clone());
        while let Some(path) = scope {
            if let Some(dim) = self.scopes.get(&path).and_then(|s| s.get(name)) {
                return Some(*dim);
            }
            scope = path.parent();
        }
        None
    }

    /// A size in a `shape`, `maxshape` or `chunks`: a whole number or a dimension's name.
    pub fn size(&self, node: &Node, object: &H5Path) -> Result<(Size, Option<String>), Finding> {
        match &node.val {
            Val::Int(_) => Ok((Size { value: node.size("a size")?, minimum: false }, None)),
            Val::Text(name) => match self.get(name, object) {
                Some(dim) => Ok((dim.size, Some(name.clone()))),
                None => Err(self.unknown(name, node.span, object)),
            },
            Val::Bool(_) | Val::Float(_) | Val::Datetime(_) | Val::List(_) | Val::Table(_) => {
                Err(expected("a size or the name of a dimension", node))
            }
        }
    }

    pub fn unknown(&self, name: &str, span: Span, object: &H5Path) -> Finding {
        let mut names: Vec<&str> = Vec::new();
        for (scope, dims) in &self.scopes {
            if scope == object || scope.is_above(object) {
                names.extend(dims.keys().map(String::as_str));
            }
        }
        let help = did_you_mean(name, names).unwrap_or_else(|| format!("declare it: [dims] {name} = 10"));
        Finding::error("unknown-dimension", format!("the dimension `{name}` is not declared")).at(span, "").help(help)
    }
}

fn read(node: &Node) -> Result<Size, Finding> {
    match &node.val {
        Val::Table(table) => {
            let mut unknown = Findings::new();
            if !KEYS.check(table, &mut unknown) {
                return Err(unknown.into_iter().next().unwrap_or_else(|| expected("a size", node)));
            }
            let value = table.need("size", "a dimension", node.span)?.size("a size")?;
            let minimum = table.get("unlimited").map_or(Ok(false), |e| e.node.bool("`true` or `false`"))?;
            Ok(Size { value, minimum })
        }
        _ => Ok(Size { value: node.size("a size")?, minimum: false }),
    }
}
