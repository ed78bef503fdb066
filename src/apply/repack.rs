//! `--repack`: a copy of the file in which nothing is left over, made beside it, and compared with it.

use std::path::Path;

use super::run::{Failure, Progress, Watch};
use super::twins::{Pairs, pairs};
use crate::diff::{Options, diff};
use crate::h5::{File, H5Error, Session};
use crate::model::{AttrMask, Change, Difference, H5Path, Libver, Tolerance, bytes_text};
use crate::txn::{Compact, InPlace, NewTarget, copy_userblock, set_fill_value, set_root};

/// What came of `--repack`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Repacked {
    /// Bytes of the file before.
    pub before: u64,
    /// Bytes of a copy without dead space.
    pub after: u64,
    /// Is that copy the file now? It is not where it is not smaller.
    pub replaced: bool,
}

/// A compact file that was made beside an existing one.
pub(super) struct Packed {
    pub compact: Compact,
    pub report: Repacked,
}

/// Makes a compact file of what stands in a transaction, which is closed. `before`: bytes of the file when it was locked, `now`: where it
/// has been changed since, its bytes then.
pub(super) fn beside(change: &InPlace, target: &Path, before: u64, now: u64, most: u64, watch: Watch<'_>) -> Result<Packed, Failure> {
    let compact = Compact::begin(change, most)?;
    let source = File::open_session(change.session())?;
    let old = std::fs::File::open(change.path()).map_err(|e| refused(target, crate::diag::system_words(&e)))?;
    let after = copy(&source, &old, compact.session(), compact.file(), target, watch)?;
    Ok(Packed { compact, report: Repacked { before, after, replaced: after < now } })
}

/// The smaller one of a new file and a compact copy of it.
pub(super) fn instead(new: NewTarget, target: &Path, most: u64, watch: Watch<'_>) -> Result<(NewTarget, Repacked), Failure> {
    // What the first one has locked and made is its own: this one takes its place there.
    let compact = new.beside()?;
    compact.begin_sparse(most);
    let source = new.open()?;
    let before = source.info()?.size;
    let after = copy(&source, new.file(), compact.session(), compact.file(), target, watch)?;
    drop(source);
    let replaced = after < before;
    Ok((if replaced { new.give_way(compact) } else { new }, Repacked { before, after, replaced }))
}

fn refused(target: &Path, what: impl Into<String>) -> Failure {
    Failure::Repack { path: target.into(), what: what.into() }
}

/// Copies everything, and looks at it again with fresh eyes; bytes of the copy.
fn copy(
    source: &File,
    old: &std::fs::File,
    session: &Session,
    file: &std::fs::File,
    target: &Path,
    watch: Watch<'_>,
) -> Result<u64, Failure> {
    let lib = |e: H5Error| refused(target, e.to_string());
    let disk = |e: std::io::Error| refused(target, crate::diag::system_words(&e));
    // A library bound is not stored in a file: the low one follows the superblock.
    let superblock = source.info().map_err(lib)?.superblock;
    let low = match superblock {
        0 | 1 => Libver::Earliest,
        2 => Libver::V18,
        _ => Libver::V110,
    };
    let libver = (low, Libver::Latest);
    let new = File::create_like(session, source, libver).map_err(lib)?;
    // What the disk refuses is the cause of all that comes of it.
    let Objects { pairs, root, fills, dropped } =
        objects(source, &new, file, target, watch).map_err(|why| new.check().map_or_else(lib, |()| refused(target, why)))?;
    new.close().map_err(lib)?;
    copy_userblock(old, file).and_then(|()| set_root(file, root)).map_err(disk)?;
    fills.iter().try_for_each(|(address, bytes)| set_fill_value(file, *address, bytes)).map_err(disk)?;
    if superblock < 2 {
        // The library keeps something of the root group in such superblocks.
        File::open_session_writable(session, libver).and_then(File::close).map_err(lib)?;
    }
    let new = File::open_session(session).map_err(lib)?;
    let after = new.info().map_err(lib)?.size;
    compare(source, &new, &pairs, dropped, watch).map_err(|why| refused(target, why))?;
    drop(new);
    session.trouble().map_or(Ok(after), |cause| Err(refused(target, cause)))
}

/// What was copied.
struct Objects {
    pairs: Pairs,
    /// Where the root group is.
    root: u64,
    /// What the library does not write: datasets by their addresses, and the bytes of their fill values.
    fills: Vec<(u64, Vec<u8>)>,
    /// Attributes whose references to what is gone lead nowhere.
    dropped: Vec<AttrMask>,
}

/// Copies all objects, with the references among them. The error is a clause.
fn objects(source: &File, new: &File, file: &std::fs::File, target: &Path, watch: Watch<'_>) -> Result<Objects, String> {
    let text = |e: H5Error| e.to_string();
    let root = source.root().map_err(text)?;
    let copy = new.root().and_then(|at| at.copy_file(b"root", source)).map_err(text)?;
    let (pairs, mut fills, mut dropped) = (pairs(&root, &copy, target)?, Vec::new(), Vec::new());
    for object in &pairs.referring {
        let label = object.path.to_string();
        let (from, to) = (root.at(object.from, &label).map_err(text)?, copy.at(object.to, &label).map_err(text)?);
        for name in &object.attrs {
            if to.carry_attr(name, &from, &pairs.twins).map_err(text)? {
                dropped.push(AttrMask::exact(&object.path, name));
            }
        }
        if object.outside {
            let bytes = copy.fill_value_bytes(&from, &pairs.twins, file).map_err(text)?;
            fills.extend(bytes.map(|bytes| (object.to, bytes)));
        }
        if object.elements {
            let mut told = |bytes| watch(Progress { what: "copying", path: &object.path, bytes, total: 0 });
            to.carry_elements(from, &pairs.twins, &mut told).map_err(text)?;
        }
    }
    let address = copy.info().map_err(text)?.id.address;
    Ok(Objects { pairs, root: address, fills, dropped })
}

/// Is everything in the copy that is in the file? The error is a clause.
fn compare(source: &File, new: &File, made: &Pairs, dropped: Vec<AttrMask>, watch: Watch<'_>) -> Result<(), String> {
    let options = Options {
        targets: Vec::new(),
        excludes: Vec::new(),
        ignored_attrs: dropped,
        ignore_file: true,
        tolerance: Tolerance::NONE,
        no_data: false,
    };
    // What is said of the file as a whole; its userblock's bytes have just been copied.
    let whole = |file: &File| file.info().map(|i| (i.superblock, i.userblock, i.space, i.page_size)).map_err(|e| e.to_string());
    let (before, after) = (whole(source)?, whole(new)?);
    if before != after {
        return Err(format!("superblock, userblock or file space of the copy are other ones ({before:?} -> {after:?})"));
    }
    let mut told = |path: &H5Path, bytes: u64, total: u64| watch(Progress { what: "comparing", path, bytes, total });
    let seen = diff(source, new, &options, &mut told).map_err(|e| e.to_string())?;
    if let Some(Difference { path, change }) = seen.differences.first() {
        return Err(format!("the copy differs at {path}: {}", word(change)));
    }
    // The data of such links have been compared.
    match seen.untold.iter().find(|(path, _)| !made.user_links.contains(path)) {
        Some((path, why)) => Err(format!("whether the copy is the same cannot be told at {path}: {why}")),
        None => Ok(()),
    }
}

fn word(change: &Change) -> String {
    match change {
        Change::File { aspect, before, after } | Change::Aspect { aspect, before, after } => format!("{aspect} ({before} -> {after})"),
        Change::OnlyBefore(_) => "it is missing".into(),
        Change::OnlyAfter(_) => "it is not in the file".into(),
        Change::Other { .. } => "it is something else".into(),
        Change::Attr { name, .. } => format!("the attribute {}", bytes_text(name)),
        Change::Values { seen, .. } => format!("{} elements", seen.differing),
    }
}
