//! `[file]` and `track_order`.

use std::path::PathBuf;

use super::table::{Keys, expected, later};
use super::tree::{Node, Table, Val};
use crate::diag::{Finding, Findings};
use crate::model::{FileProps, FileSpace, Libver, Orders, SpaceStrategy, TrackOrder};

const KEYS: Keys =
    Keys { what: "[file]", known: &["path", "libver", "userblock", "track_order", "profile", "space_strategy", "page_size"], later: &[] };
const USERBLOCK: Keys = Keys { what: "a userblock", known: &["size", "file"], later: &[] };
const SPACE: Keys = Keys { what: "a space strategy", known: &["strategy", "persist", "threshold"], later: &[] };
/// H5F_FILE_SPACE_PAGE_SIZE_DEF.
const DEFAULT_PAGE_SIZE: u64 = 4096;
const LIBVERS: &[&str] = &["earliest", "v18", "v110", "v112", "v114", "v200", "latest"];

/// Reads `[file]`, all but `path`.
pub(crate) fn read(table: &Table, input: &dyn Fn(&Node) -> Result<PathBuf, Finding>, findings: &mut Findings) -> FileProps {
    KEYS.check(table, findings);
    let mut props = FileProps::default();
    for entry in &table.entries {
        let node = &entry.node;
        match entry.key.as_str() {
            "libver" => props.libver = findings.keep(libver(node)).map(|v| (v, node.span)),
            "userblock" => {
                let block = findings.keep(userblock(node, input));
                props.userblock = block.as_ref().map(|(size, _)| (*size, node.span));
                props.userblock_file = block.and_then(|(_, file)| file).map(|file| (file, node.span));
            }
            "space_strategy" => props.space = findings.keep(space(node)).map(|v| (v, node.span)),
            "page_size" => props.page_size = findings.keep(page_size(node)).map(|v| (v, node.span)),
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
    findings.keep(whole_pages(&props));
    props
}

/// Pages begin at the file's start, and the HDF5 data at one of them (H5F__super_init).
fn whole_pages(props: &FileProps) -> Result<(), Finding> {
    let page = props.page_size.map_or(DEFAULT_PAGE_SIZE, |(bytes, _)| bytes);
    let paged = props.space.as_ref().is_some_and(|(space, _)| space.strategy == SpaceStrategy::Page);
    match props.userblock {
        Some((bytes, at)) if paged && bytes % page != 0 => {
            let message =
                format!("with the space strategy \"page\", a userblock is a whole number of pages: {bytes} bytes are not, of {page}");
            // A power of two is a multiple of powers of two alone.
            let remedy = match page.is_power_of_two() {
                true => format!("write `userblock = {page}`, or `page_size = {bytes}`"),
                false => format!("write `page_size = {bytes}`, or another power of two up to the userblock's size"),
            };
            Err(Finding::error("userblock", message).at(at, "").help(remedy))
        }
        _ => Ok(()),
    }
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

/// A size, or the size and a file whose bytes stand there.
fn userblock(node: &Node, input: &dyn Fn(&Node) -> Result<PathBuf, Finding>) -> Result<(u64, Option<PathBuf>), Finding> {
    let Val::Table(_) = node.val else { return userblock_size(node).map(|size| (size, None)) };
    let table = USERBLOCK.table(node)?;
    let size = userblock_size(table.need("size", "a userblock", node.span)?)?;
    Ok((size, table.get("file").map(|e| input(&e.node)).transpose()?))
}

fn space(node: &Node) -> Result<FileSpace, Finding> {
    let strategy = |node: &Node| -> Result<SpaceStrategy, Finding> {
        Ok(match super::dtype::word(Some(node), &["fsm_aggr", "page", "aggr", "none"])? {
            Some("page") => SpaceStrategy::Page,
            Some("aggr") => SpaceStrategy::Aggr,
            Some("none") => SpaceStrategy::None,
            _ => SpaceStrategy::FsmAggr,
        })
    };
    let default = FileSpace::default();
    let Val::Table(_) = &node.val else { return Ok(FileSpace { strategy: strategy(node)?, ..default }) };
    let table = SPACE.table(node)?;
    Ok(FileSpace {
        strategy: strategy(table.need("strategy", "a space strategy", node.span)?)?,
        persist: table.get("persist").map_or(Ok(default.persist), |e| e.node.bool("`true` or `false`"))?,
        threshold: table.get("threshold").map_or(Ok(default.threshold), |e| e.node.size("a number of bytes"))?,
    })
}

/// H5Pset_file_space_page_size takes 512 bytes to 1 GiB.
fn page_size(node: &Node) -> Result<u64, Finding> {
    match node.size("a number of bytes")? {
        bytes @ 512..=0x4000_0000 => Ok(bytes),
        bytes => Err(Finding::error("page_size", format!("a page has 512 bytes to 1 GiB, not {bytes}")).at(node.span, "")),
    }
}

fn userblock_size(node: &Node) -> Result<u64, Finding> {
    let bytes = node.size("a number of bytes")?;
    if bytes != 0 && (bytes < 512 || !bytes.is_power_of_two()) {
        return Err(Finding::error("userblock", format!("a userblock has 0 bytes or a power of two from 512, not {bytes}"))
            .at(node.span, "")
            .help(format!("the next size is {}", bytes.max(512).next_power_of_two())));
    }
    Ok(bytes)
}

const ORDERS: Keys = Keys { what: "`track_order`", known: &["links", "attrs"], later: &[] };

/// `false`, `true` or `"tracked"`, for links and attributes both or in a table for each.
pub(crate) fn track_order(node: &Node) -> Result<Orders, Finding> {
    let Val::Table(_) = &node.val else { return order(node).map(Orders::both) };
    let table = ORDERS.table(node)?;
    let one = |key: &str| table.get(key).map_or(Ok(TrackOrder::No), |e| order(&e.node));
    Ok(Orders { links: one("links")?, attrs: one("attrs")? })
}

fn order(node: &Node) -> Result<TrackOrder, Finding> {
    match &node.val {
        Val::Bool(false) => Ok(TrackOrder::No),
        Val::Bool(true) => Ok(TrackOrder::Indexed),
        Val::Text(word) if word == "tracked" => Ok(TrackOrder::Tracked),
        _ => Err(expected("true, false or \"tracked\", or { links, attrs }", node)),
    }
}
