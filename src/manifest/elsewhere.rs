//! `external` and `virtual`: storage in other files.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use super::table::{Keys, expected};
use super::tree::{Node, Val};
use crate::diag::Finding;
use crate::model::{ExternalFile, Layout, Mapping, Selected, text_bytes};

const FILE: Keys = Keys { what: "an external file", known: &["file", "offset", "size"], later: &[] };
const MAPPING: Keys = Keys { what: "a mapping", known: &["select", "file", "path", "source_select", "source_shape"], later: &[] };

/// `external = [{ file, offset, size }]`.
pub(super) fn external(node: &Node, allow_paths: bool) -> Result<Layout, Finding> {
    let items = node.list("a list of files: [{ file, offset, size }]")?;
    if items.is_empty() {
        return Err(expected("at least one file", node));
    }
    let one = |n: &Node| -> Result<ExternalFile, Finding> {
        let table = FILE.table(n)?;
        let size = match table.get("size").map(|e| &e.node) {
            None => None,
            Some(Node { val: Val::Text(word), .. }) if word == "unlimited" => None,
            Some(n) => Some(n.size("a number of bytes, or \"unlimited\"")?),
        };
        Ok(ExternalFile {
            file: file(table.need("file", "an external file", n.span)?, allow_paths)?,
            offset: table.get("offset").map_or(Ok(0), |e| e.node.size("a number of bytes"))?,
            size,
        })
    };
    items.iter().map(one).collect::<Result<_, _>>().map(Layout::External)
}

/// `virtual = [{ select, file, path, source_select }]`.
pub(super) fn mappings(node: &Node, allow_paths: bool) -> Result<Layout, Finding> {
    let one = |n: &Node| -> Result<Mapping, Finding> {
        let table = MAPPING.table(n)?;
        let select = |key: &str| -> Result<Selected, Finding> {
            let Some(entry) = table.get(key) else { return Ok(Selected::All) };
            let selected =
                Selected::from_literal(&entry.node.literal()?).map_err(|e| Finding::error("select", e).at(entry.node.span, ""))?;
            mappable(selected).map_err(|e| e.at(entry.node.span, ""))
        };
        let extent = table.get("source_shape").map(|e| e.node.list("a list of sizes")?.iter().map(|n| n.size("a size")).collect());
        Ok(Mapping {
            select: select("select")?,
            file: file(table.need("file", "a mapping", n.span)?, allow_paths)?,
            path: name(table.need("path", "a mapping", n.span)?)?,
            source: select("source_select")?,
            extent: extent.transpose()?,
        })
    };
    let items = node.list("a list of mappings: [{ select, file, path, source_select }]")?;
    if items.is_empty() {
        return Err(expected("at least one mapping", node));
    }
    items.iter().map(one).collect::<Result<_, _>>().map(Layout::Virtual)
}

/// HDF5 maps no points (H5D_virtual_check_mapping_pre).
fn mappable(selected: Selected) -> Result<Selected, Finding> {
    match selected {
        Selected::Points(_) => Err(Finding::error("select", "HDF5 does not map single points of virtual datasets")
            .help("write a mapping for each element, such as \"0:1, 5:6\"; or boxes, `{ blocks = [[[0, 5], [0, 5]], …] }`, where the order of the elements is that of the axes")),
        other => Ok(other),
    }
}

/// A file that whoever reads the dataset will open.
fn file(node: &Node, allow_paths: bool) -> Result<Vec<u8>, Finding> {
    let bytes = name(node)?;
    super::fill::inside(Path::new(OsStr::from_bytes(&bytes)), allow_paths).map_err(|e| e.at(node.span, ""))?;
    Ok(bytes)
}

fn name(node: &Node) -> Result<Vec<u8>, Finding> {
    let bytes = text_bytes(node.text("a name")?);
    if bytes.is_empty() || bytes.contains(&0) {
        return Err(Finding::error("name", "a name is neither empty nor holds NUL").at(node.span, ""));
    }
    Ok(bytes)
}
