//! `[[each]]`.

use super::dataset;
use super::dims::Dims;
use super::dtype::{self, Types};
use super::entries::Item;
use super::resolve::{globs, read_attrs};
use super::table::{Keys, expected};
use super::tree::{Entry, Node, Val};
use crate::diag::{Finding, Findings, did_you_mean};
use crate::model::{AttrCondition, AttrIs, Condition, Each, EachKind, EachStorage, Family, H5Path, TextGlob, text_bytes};

const EACH: Keys = Keys { what: "[[each]]", known: &["match", "kind", "where", "attrs", "chunks", "filters", "on_mismatch"], later: &[] };
const WHERE: Keys = Keys { what: "`where`", known: &["dtype", "ndim", "shape", "chunked", "compressed"], later: &[] };

/// One rule.
pub(super) fn read(item: &Item, dims: &Dims, types: &Types, findings: &mut Findings) -> Option<Each> {
    EACH.check(&item.table, findings);
    let node = findings.keep(item.table.need("match", "[[each]]", item.span))?;
    let globs = findings.keep(globs(node));
    let kind = item.table.get("kind").map(|e| findings.keep(kind(&e.node)));
    let mut conditions = Conditions::default();
    if let Some(e) = item.table.get("where")
        && let Some(table) = findings.keep(e.node.table("a table of conditions"))
    {
        for entry in &table.entries {
            findings.keep(conditions.read(entry, dims, types));
        }
    }
    let attrs = read_attrs(&item.table, types, findings);
    let storage = storage(item, dims, findings);
    // A faulty key, or one that is not known, was to say something.
    if item.table.entries.iter().all(|entry| matches!(entry.key.as_str(), "match" | "kind" | "where")) {
        let message = "[[each]] says nothing: it has neither `attrs` nor `chunks`, `filters` or `on_mismatch`";
        findings.push(Finding::error("missing-key", message).at(item.span, ""));
    }
    if globs.as_ref().is_some_and(Vec::is_empty) {
        findings.push(Finding::error("glob", "[[each]] matches nothing: the list of globs is empty").at(node.span, ""));
    }
    let kind = match kind {
        Some(kind) => Some(kind?),
        None => None,
    };
    if let (Some(kind @ (EachKind::Group | EachKind::Type)), false) = (kind, storage.is_empty()) {
        let word = if kind == EachKind::Group { "groups" } else { "types" };
        findings.push(Finding::error("kind", format!("[[each]] is about {word}, which are not stored in chunks")).at(item.span, ""));
    }
    Some(Each {
        storage,
        origin: item.span,
        globs: globs?,
        kind,
        conditions: conditions.object,
        attr_conditions: conditions.attrs,
        attrs: attrs.into(),
    })
}

/// What it says of storage.
fn storage(item: &Item, dims: &Dims, findings: &mut Findings) -> EachStorage {
    let mut storage = EachStorage::default();
    if let Some(node) = item.table.get("chunks").map(|e| &e.node) {
        storage.chunks = findings.keep(dataset::chunks(node, dims, &H5Path::root())).map(|chunks| (chunks, node.span));
    }
    if let Some(node) = item.table.get("filters").map(|e| &e.node) {
        storage.filters = findings.keep(dataset::filters(node)).map(|filters| (filters, node.span));
    }
    if let Some(node) = item.table.get("on_mismatch").map(|e| &e.node) {
        storage.on_mismatch = findings.keep(dataset::on_mismatch(node));
    }
    storage
}

fn kind(node: &Node) -> Result<EachKind, Finding> {
    match dtype::word(Some(node), &["group", "dataset", "type"])? {
        Some("group") => Ok(EachKind::Group),
        Some("dataset") => Ok(EachKind::Dataset),
        _ => Ok(EachKind::Type),
    }
}

#[derive(Default)]
struct Conditions {
    object: Vec<Condition>,
    attrs: Vec<AttrCondition>,
}

impl Conditions {
    fn read(&mut self, entry: &Entry, dims: &Dims, types: &Types) -> Result<(), Finding> {
        let node = &entry.node;
        if let Some(name) = entry.key.strip_prefix('@') {
            let name = text_bytes(name);
            if name.is_empty() || name.contains(&0) {
                return Err(Finding::error("attribute-name", "an attribute's name is neither empty nor holds NUL").at(entry.key_span, ""));
            }
            self.attrs.push(AttrCondition { name, is: attribute(node)? });
            return Ok(());
        }
        let condition = match entry.key.as_str() {
            "dtype" => of_dtype(node, types)?,
            "ndim" => Condition::Ndim(node.size("a number of axes")? as usize),
            "shape" => Condition::Shape(node.list("a list of sizes")?.iter().map(|n| size(n, dims)).collect::<Result<_, _>>()?),
            "chunked" => Condition::Chunked(node.bool("true or false")?),
            "compressed" => Condition::Compressed(node.bool("true or false")?),
            _ => {
                let attr = format!("a condition on an attribute is written \"@{}\"", entry.key);
                let finding = Finding::error("unknown-key", format!("unknown condition `{}`", entry.key)).at(entry.key_span, "");
                let near = did_you_mean(&entry.key, WHERE.known.iter().copied());
                return Err(finding.help(near.unwrap_or(attr)).note(format!("conditions are {}, and \"@name\"", WHERE.known.join(", "))));
            }
        };
        self.object.push(condition);
        Ok(())
    }
}

fn attribute(node: &Node) -> Result<AttrIs, Finding> {
    match &node.val {
        Val::Bool(true) => Ok(AttrIs::Present),
        Val::Bool(false) => Ok(AttrIs::Absent),
        Val::Text(text) => TextGlob::new(text)
            .map(AttrIs::Like)
            .map_err(|why| Finding::error("glob", format!("`{text}` is not a glob: {why}")).at(node.span, "")),
        Val::Int(_) | Val::Float(_) => node.literal().map(AttrIs::Equal),
        Val::Datetime(_) | Val::List(_) | Val::Table(_) => {
            Err(expected("true (it is there), false (it is not), a glob over texts, or a number", node))
        }
    }
}

/// A family, or a type.
fn of_dtype(node: &Node, types: &Types) -> Result<Condition, Finding> {
    if let Val::Text(text) = &node.val
        && let Some((_, family)) = Family::WORDS.iter().find(|(word, _)| word == text)
    {
        return Ok(Condition::Family(*family));
    }
    let words = Family::WORDS.map(|(word, _)| word).join(", ");
    let dtype = dtype::read(node, types).map_err(|e| e.note(format!("families of types are {words}")))?;
    Ok(Condition::Dtype(Box::new(dtype)))
}

/// A size, the name of a dimension of the file, or `"*"`.
fn size(node: &Node, dims: &Dims) -> Result<Option<u64>, Finding> {
    match &node.val {
        Val::Text(word) if word == "*" => Ok(None),
        _ => dims.size(node, &H5Path::root()).map(|(size, _)| Some(size.value)),
    }
}
