//! `[file]` and `track_order`.

use super::table::{Keys, expected, later};
use super::tree::{Node, Table, Val};
use crate::diag::{Finding, Findings};
use crate::model::{FileProps, Libver, TrackOrder};

const KEYS: Keys =
    Keys { what: "[file]", known: &["path", "libver", "userblock", "track_order", "profile"], later: &["space_strategy", "page_size"] };
const LIBVERS: &[&str] = &["earliest", "v18", "v110", "v112", "v114", "v200", "latest"];

/// Reads `[file]`, all but `path`.
pub(crate) fn read(table: &Table, findings: &mut Findings) -> FileProps {
    KEYS.check(table, findings);
    let mut props = FileProps::default();
    for entry in &table.entries {
        let node = &entry.node;
        match entry.key.as_str() {
            "libver" => props.libver = findings.keep(libver(node)).map(|v| (v, node.span)),
            "userblock" => props.userblock = findings.keep(userblock(node)).map(|v| (v, node.span)),
            "track_order" => props.track_order = findings.keep(track_order(node)).map(|v| (v, node.span)),
            "profile" => match node.text("\"hdf5\", \"netcdf4\" or \"pytables\"") {
                Ok("hdf5") => {}
                Ok(name @ ("netcdf4" | "pytables")) => findings.push(later(format!("the profile \"{name}\""), node.span)),
                Ok(name) => findings.push(
                    Finding::error("word", format!("unknown profile \"{name}\""))
                        .at(node.span, "")
                        .help("the profiles are hdf5, netcdf4, pytables"),
                ),
                Err(finding) => findings.push(finding),
            },
            _ => {}
        }
    }
    props
}

fn libver(node: &Node) -> Result<(Libver, Libver), Finding> {
    let [low, high] = node.list("[low, high]")? else { return Err(expected("two versions: [low, high]", node)) };
    let one = |n: &Node| -> Result<Libver, Finding> {
        Ok(match super::dtype::word(Some(n), LIBVERS)? {
            Some("earliest") => Libver::Earliest,
            Some("v18") => Libver::V18,
            Some("v110") => Libver::V110,
            Some("v112") => Libver::V112,
            Some("v114") => Libver::V114,
            Some("v200") => Libver::V200,
            _ => Libver::Latest,
        })
    };
    let bounds = (one(low)?, one(high)?);
    if bounds.0 > bounds.1 {
        return Err(Finding::error("libver", "the low bound is above the high bound").at(node.span, ""));
    }
    if bounds.1 == Libver::Earliest {
        return Err(Finding::error("libver", "HDF5 does not take `earliest` as the high bound")
            .at(node.span, "")
            .help("write [\"earliest\", \"v18\"]"));
    }
    Ok(bounds)
}

fn userblock(node: &Node) -> Result<u64, Finding> {
    if let Val::Table(_) = node.val {
        return Err(later("a userblock with contents", node.span));
    }
    let bytes = node.size("a number of bytes")?;
    if bytes != 0 && (bytes < 512 || !bytes.is_power_of_two()) {
        return Err(Finding::error("userblock", format!("a userblock has 0 bytes or a power of two from 512, not {bytes}"))
            .at(node.span, "")
            .help(format!("the next size is {}", bytes.max(512).next_power_of_two())));
    }
    Ok(bytes)
}

/// `false`, `true` or `"tracked"`.
pub(crate) fn track_order(node: &Node) -> Result<TrackOrder, Finding> {
    match &node.val {
        Val::Bool(false) => Ok(TrackOrder::No),
        Val::Bool(true) => Ok(TrackOrder::Indexed),
        Val::Text(word) if word == "tracked" => Ok(TrackOrder::Tracked),
        _ => Err(expected("true, false or \"tracked\"", node)),
    }
}
