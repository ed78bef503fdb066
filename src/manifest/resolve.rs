//! Merged entries to [`Desired`].

use std::collections::BTreeMap;
use std::sync::Arc;

use super::dims::Dims;
use super::dtype::Types;
use super::entries::{Entries, Item, Section};
use super::table::{Keys, expected, variant};
use super::tree::{Node, Table, Val};
use super::{attrs, dataset, dtype, each, file, fill, moves, select};
use crate::diag::{Finding, Findings, Span};
use crate::model::{
    Definition, Desired, DesiredAttr, DesiredDataset, DesiredGroup, DesiredKind, DesiredLink, DesiredObject, DesiredType, Dtype, FileProps,
    Glob, H5Path, Libver, Orders, Owned, PartialChunks, Patch, Removal, RemovalTarget, Scope, SelectionText, hex_bytes, text_bytes,
};

const GROUP: Keys = Keys { what: "a group", known: &["attrs", "dims", "track_order", "comment", "name_charset", "for"], later: &[] };
const TYPE: Keys = Keys { what: "a type", known: &["dtype", "attrs", "track_order", "comment", "name_charset", "for"], later: &[] };
const LINK: Keys = Keys { what: "a link", known: &["soft", "hard", "external", "user", "name_charset", "for"], later: &[] };
const USER: Keys = Keys { what: "a user-defined link", known: &["class", "data"], later: &[] };
const EXTERNAL: Keys = Keys { what: "an external link", known: &["file", "path"], later: &[] };
const PATCH: Keys = Keys { what: "[[patch]]", known: &["path", "select", "fill", "for"], later: &[] };
const REMOVE: Keys = Keys { what: "[[remove]]", known: &["path", "match", "for"], later: &[] };

type Axes = BTreeMap<H5Path, Vec<Option<String>>>;

/// Adds the dimensions that groups declare.
pub(crate) fn group_dims(entries: &Entries, dims: &mut Dims, findings: &mut Findings) {
    for (path, object) in &entries.objects {
        if let (Section::Group, Some(e)) = (object.section, object.table.get("dims"))
            && let Some(table) = findings.keep(e.node.table("a table of dimensions"))
        {
            dims.add(path, table, findings);
        }
    }
}

/// Reads every entry; problems are collected.
pub(crate) fn resolve(entries: Entries, file: FileProps, dims: &Dims, cx: &fill::Context<'_>, findings: &mut Findings) -> Desired {
    let mut axes = Axes::new();
    let mut objects = BTreeMap::new();
    let types = types(&entries, findings);
    // The entry before: repeated ones have the same attributes, and share them and whatever else comes out the same.
    let mut like: Option<(Arc<Table>, Arc<[DesiredAttr]>)> = None;
    let mut last: Option<(Arc<Definition>, Arc<Owned>)> = None;
    for (path, object) in entries.objects {
        let kind = match object.section {
            Section::Group => {
                GROUP.check(&object.table, findings);
                Some(DesiredKind::Group(DesiredGroup { track_order: orders(&object.table, findings) }))
            }
            Section::Type => {
                TYPE.check(&object.table, findings);
                let dtype = object.table.get("dtype").and_then(|e| Some((types.get(&path)?.clone(), e.node.span)));
                Some(DesiredKind::Type(Box::new(DesiredType { dtype, track_order: orders(&object.table, findings) })))
            }
            Section::Link => {
                LINK.check(&object.table, findings);
                findings.keep(link(&object.table, object.span)).map(DesiredKind::Link)
            }
            Section::Dataset => {
                let reader = dataset::Reader { path: &path, table: &object.table, span: object.span, dims, types: &types, findings };
                reader.read(cx).map(|read| {
                    axes.extend(read.axes.map(|a| (path.clone(), a)));
                    DesiredKind::Dataset(Box::new(shared(read.dataset, &mut last)))
                })
            }
        };
        let attrs = match &like {
            Some((table, attrs)) if Arc::ptr_eq(table, &object.table) => Arc::clone(attrs),
            _ => read_attrs(&object.table, &types, findings).into(),
        };
        like = Some((Arc::clone(&object.table), Arc::clone(&attrs)));
        let comment = object.table.get("comment").and_then(|e| findings.keep(comment(&e.node)));
        let name_charset = findings.keep(attrs::charset(&object.table)).flatten();
        if let Some(kind) = kind {
            objects.insert(path, DesiredObject { origin: object.span, position: object.position, kind, attrs, comment, name_charset });
        }
    }
    check_parents(&objects, findings);
    let patches = entries.patches.iter().filter_map(|item| patch(item, &objects, &axes, dims, cx, findings)).collect();
    let removals: Vec<Removal> = entries.removals.iter().filter_map(|item| removal(item, findings)).collect();
    let moves = moves::read(&entries.moves, findings);
    let each = entries.each.iter().filter_map(|item| each::read(item, dims, &types, findings)).collect();
    let desired = Desired {
        file,
        objects,
        patches,
        removals,
        moves,
        each,
        clashes: Vec::new(),
        turns: BTreeMap::new(),
        scope: Scope::default(),
        ignored: Vec::new(),
    };
    check_removals(&desired, findings);
    moves::check(&desired, findings);
    check_partial_chunks(&desired, findings);
    desired
}

/// The dataset with the definition of the one before, where it is the same.
fn shared(mut dataset: DesiredDataset, last: &mut Option<(Arc<Definition>, Arc<Owned>)>) -> DesiredDataset {
    let Some(definition) = &mut dataset.definition else { return dataset };
    match last {
        Some((seen, owned)) if seen == definition && *owned == dataset.owned => {
            *definition = Arc::clone(seen);
            dataset.owned = Arc::clone(owned);
        }
        _ => *last = Some((Arc::clone(definition), Arc::clone(&dataset.owned))),
    }
    dataset
}

pub(super) fn read_attrs(table: &Table, types: &Types, findings: &mut Findings) -> Vec<DesiredAttr> {
    let Some(entry) = table.get("attrs") else { return Vec::new() };
    match &entry.node.val {
        Val::Table(table) => attrs::read(table, types, findings),
        _ => {
            findings.push(expected("a table of attributes", &entry.node));
            Vec::new()
        }
    }
}

fn orders(table: &Table, findings: &mut Findings) -> Option<(Orders, Span)> {
    let entry = table.get("track_order")?;
    findings.keep(file::track_order(&entry.node)).map(|orders| (orders, entry.node.span))
}

/// The committed types by path.
fn types(entries: &Entries, findings: &mut Findings) -> Types {
    let declared = entries.objects.iter().filter(|(_, o)| o.section == Section::Type);
    let dtype = |object: &super::entries::Object| -> Result<Option<Dtype>, Finding> {
        let Some(entry) = object.table.get("dtype") else { return Ok(None) };
        // A type is committed by its own name only.
        dtype::read(&entry.node, &Types::new()).map(Some)
    };
    declared.filter_map(|(path, object)| Some((path.clone(), findings.keep(dtype(object))??))).collect()
}

fn comment(node: &Node) -> Result<(Vec<u8>, Span), Finding> {
    let bytes = text_bytes(node.text("a text")?);
    if bytes.contains(&0) || bytes.len() > 65_000 {
        return Err(Finding::error("comment", "a comment has at most 65000 bytes, none of them NUL").at(node.span, ""));
    }
    Ok((bytes, node.span))
}

fn link(table: &Table, span: Span) -> Result<DesiredLink, Finding> {
    let entry = variant(&LINK, &["name_charset", "for"], table, span)?;
    let node = &entry.node;
    let bytes = |node: &Node, what: &str| -> Result<Vec<u8>, Finding> {
        let bytes = text_bytes(node.text(what)?);
        match bytes.is_empty() || bytes.contains(&0) {
            true => Err(Finding::error("link", format!("{what} is neither empty nor holds NUL")).at(node.span, "")),
            false => Ok(bytes),
        }
    };
    match entry.key.as_str() {
        "soft" => bytes(node, "the target of a soft link").map(DesiredLink::Soft),
        "hard" => {
            let text = node.text("the path of an object")?;
            let target =
                H5Path::parse(text).map_err(|e| Finding::error("path", format!("`{text}` is not a path: {e}")).at(node.span, ""))?;
            Ok(DesiredLink::Hard { target, at: node.span })
        }
        "user" => {
            let table = USER.table(node)?;
            let class = table.need("class", "a user-defined link", node.span)?;
            let class = match class.int("a class from 65 to 255")? {
                v @ 65..=255 => v as i32,
                v => return Err(Finding::error("link", format!("{v} is not a class of links, which is 65 to 255")).at(class.span, "")),
            };
            let data = table.get("data").map(|e| {
                let text = e.node.text("hex text")?;
                hex_bytes(text).ok_or_else(|| Finding::error("link", "the data is not hex text").at(e.node.span, ""))
            });
            Ok(DesiredLink::User { class, data: data.transpose()?.unwrap_or_default() })
        }
        _ => {
            let table = EXTERNAL.table(node)?;
            let file = bytes(table.need("file", "an external link", node.span)?, "the file of an external link")?;
            let path = bytes(table.need("path", "an external link", node.span)?, "the path of an external link")?;
            Ok(DesiredLink::External { file, path })
        }
    }
}

/// What the format of the file, as far as the manifest says, cannot hold.
fn check_partial_chunks(desired: &Desired, findings: &mut Findings) {
    let Some(((_, high), bounds_at)) = desired.file.libver.filter(|((_, high), _)| *high < Libver::V110) else { return };
    for (path, object) in &desired.objects {
        let DesiredKind::Dataset(dataset) = &object.kind else { continue };
        if let (Some(_), Some((PartialChunks::Raw, at))) = (&dataset.definition, &dataset.owned.partial_chunks) {
            let high = format!("{high:?}").to_lowercase();
            findings.push(
                Finding::error("partial_chunks", format!("partial_chunks of {path}: the format of HDF5 {high} cannot say \"raw\""))
                    .at(*at, "")
                    .at(bounds_at, "the high bound")
                    .help("it needs v110 or newer as the high bound"),
            );
        }
    }
}

fn check_parents(objects: &BTreeMap<H5Path, DesiredObject>, findings: &mut Findings) {
    for (path, object) in objects {
        let above = path
            .ancestors()
            .into_iter()
            .rev()
            .find_map(|p| objects.get_key_value(&p).filter(|(_, o)| !matches!(o.kind, DesiredKind::Group(_))));
        if let Some((parent, above)) = above {
            let word = above.kind.word();
            findings.push(
                Finding::error("dataset-parent", format!("{path} cannot be inside of {parent}, which is a {word}"))
                    .at(object.origin, "")
                    .at(above.origin, format!("the {word}")),
            );
        }
    }
}

fn path_of(table: &Table, what: &str, span: crate::diag::Span) -> Result<(H5Path, crate::diag::Span), Finding> {
    let node = table.need("path", what, span)?;
    let text = node.text("a path")?;
    let path = H5Path::parse(text).map_err(|e| Finding::error("path", format!("`{text}` is not a path: {e}")).at(node.span, ""))?;
    Ok((path, node.span))
}

fn dataset_at<'a>(objects: &'a BTreeMap<H5Path, DesiredObject>, path: &H5Path) -> Option<&'a DesiredDataset> {
    match &objects.get(path)?.kind {
        DesiredKind::Dataset(dataset) => Some(dataset),
        DesiredKind::Group(_) | DesiredKind::Type(_) | DesiredKind::Link(_) => None,
    }
}

fn patch(
    item: &Item,
    objects: &BTreeMap<H5Path, DesiredObject>,
    axes: &Axes,
    dims: &Dims,
    cx: &fill::Context<'_>,
    findings: &mut Findings,
) -> Option<Patch> {
    PATCH.check(&item.table, findings);
    let (path, path_at) = findings.keep(path_of(&item.table, "[[patch]]", item.span))?;
    let select = match item.table.get("select") {
        Some(e) => findings.keep(select::read(&e.node, dims, &path, axes.get(&path).map(Vec::as_slice))),
        None => Some(SelectionText { selection: crate::model::Selection::all(), span: path_at }),
    };
    if let Some(other) = objects.get(&path).filter(|o| !matches!(o.kind, DesiredKind::Dataset(_))) {
        findings.push(
            Finding::error("patch", format!("{path} is declared as a {}; only datasets are patched", other.kind.word()))
                .at(path_at, "")
                .at(other.origin, "declared here"),
        );
        return None;
    }
    let dataset = dataset_at(objects, &path);
    let definition = dataset.and_then(|d| d.definition.as_ref());
    let rule = findings.keep(item.table.need("fill", "[[patch]]", item.span))?;
    let cx = fill::Context {
        fill_value: dataset.and_then(|d| d.owned.fill_value.as_ref()).and_then(|(v, _)| v.clone()),
        dtype: definition.map(|d| &d.dtype),
        object: &path,
        ..*cx
    };
    let fill = fill::read(rule, b"", &cx, findings)?;
    let select = select?;
    // Where the shape is declared for good, all that can be wrong is said now.
    if let Some(d) = definition {
        let final_shape = !d.minimum.contains(&true);
        match select.selection.resolve(&d.shape) {
            Err(e) if final_shape => {
                findings.push(
                    Finding::error("select", format!("the selection does not fit {path} of shape {}: {}", d.shape, e.0))
                        .at(select.span, ""),
                );
                return None;
            }
            Ok(region) if final_shape => {
                if let Err(e) = fill.check(&d.dtype, &region.shape()) {
                    findings.push(
                        Finding::error("fill", format!("the rule does not fit the region of {path}: {}", e.0))
                            .at(fill.place(&d.dtype, &region.shape()), ""),
                    );
                    return None;
                }
            }
            Ok(_) | Err(_) => {}
        }
    }
    let named = path.clone();
    Some(Patch { origin: item.span, path, named, path_at, select, fill })
}

/// A glob over paths, or a list of them.
pub(super) fn globs(node: &Node) -> Result<Vec<Glob>, Finding> {
    let one = |node: &Node| {
        let text = node.text("a glob")?;
        Glob::new(text).map_err(|why| Finding::error("glob", format!("`{text}` is not a glob: {why}")).at(node.span, ""))
    };
    match &node.val {
        Val::Text(_) => one(node).map(|glob| vec![glob]),
        _ => node.list("a glob or a list of globs")?.iter().map(one).collect(),
    }
}

fn removal(item: &Item, findings: &mut Findings) -> Option<Removal> {
    REMOVE.check(&item.table, findings);
    let target = match (item.table.get("path"), item.table.get("match")) {
        (Some(_), Some(e)) => {
            findings.push(Finding::error("two-variants", "[[remove]] has either `path` or `match`, not both").at(e.key_span, ""));
            return None;
        }
        (None, Some(e)) => {
            let globs = findings.keep(globs(&e.node))?;
            RemovalTarget::Match(globs.iter().map(|g| g.text().to_owned()).collect())
        }
        _ => {
            let (path, span) = findings.keep(path_of(&item.table, "[[remove]]", item.span))?;
            if path.is_root() {
                findings.push(Finding::error("remove", "the root group cannot be removed").at(span, ""));
                return None;
            }
            RemovalTarget::Path(path)
        }
    };
    Some(Removal { origin: item.span, target })
}

/// Removing what is also declared, or what something declared is in, is an error.
fn check_removals(desired: &Desired, findings: &mut Findings) {
    let declared = |hit: &dyn Fn(&H5Path) -> bool| {
        let object = desired.objects.iter().find(|(p, _)| hit(p)).map(|(p, o)| (p.clone(), o.origin));
        let patch = || desired.patches.iter().find(|p| hit(&p.path)).map(|p| (p.path.clone(), p.path_at));
        let moved = || desired.moves.iter().find(|m| hit(&m.to)).map(|m| (m.to.clone(), m.origin));
        object.or_else(patch).or_else(moved)
    };
    for removal in &desired.removals {
        let clash = match &removal.target {
            RemovalTarget::Path(path) => declared(&|p| p == path || path.is_above(p)),
            RemovalTarget::Match(globs) => {
                let globs: Vec<_> = globs.iter().filter_map(|g| crate::model::Glob::new(g).ok()).collect();
                declared(&|p| globs.iter().any(|g| g.matches(p) || p.ancestors().iter().any(|a| g.matches(a) && !a.is_root())))
            }
        };
        if let Some((path, origin)) = clash {
            findings.push(
                Finding::error("remove-declared", format!("{path} is declared and removed"))
                    .at(removal.origin, "removed here")
                    .at(origin, "declared here"),
            );
        }
    }
}
