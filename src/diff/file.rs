//! The files as a whole.

use std::io::Read;

use crate::h5::{File, H5Error};
use crate::model::{Change, Comparison, FileSpace, H5Path};

/// Bytes of a userblock that are read at once.
const BLOCK_BYTES: u64 = 1 << 16;

pub(super) fn compare(a: &File, b: &File, out: &mut Comparison) -> Result<(), H5Error> {
    let (ours, theirs) = (a.info()?, b.info()?);
    let space = |s: FileSpace| format!("{}, persist {}, threshold {}", s.strategy.word(), s.persist, s.threshold);
    for (aspect, before, after) in [
        ("superblock", ours.superblock.to_string(), theirs.superblock.to_string()),
        ("userblock", ours.userblock.to_string(), theirs.userblock.to_string()),
        ("space_strategy", space(ours.space), space(theirs.space)),
        ("page_size", ours.page_size.to_string(), theirs.page_size.to_string()),
    ] {
        if before != after {
            out.differ(&H5Path::root(), Change::File { aspect, before, after });
        }
    }
    if ours.userblock == theirs.userblock {
        match first_difference(a.name(), b.name(), ours.userblock) {
            Ok(None) => {}
            Ok(Some((at, before, after))) => {
                let text = |byte: u8| format!("{byte:#04x} at byte {at}");
                out.differ(&H5Path::root(), Change::File { aspect: "userblock contents", before: text(before), after: text(after) });
            }
            Err(e) => out.untold.push((H5Path::root(), format!("the userblocks cannot be compared: {e}"))),
        }
    }
    Ok(())
}

/// The first byte that differs, with its place.
fn first_difference(a: &str, b: &str, size: u64) -> std::io::Result<Option<(u64, u8, u8)>> {
    let (mut a, mut b) = (std::fs::File::open(a)?.take(size), std::fs::File::open(b)?.take(size));
    let mut at = 0;
    while at < size {
        let (mut ours, mut theirs) = (Vec::new(), Vec::new());
        a.by_ref().take(BLOCK_BYTES).read_to_end(&mut ours)?;
        b.by_ref().take(BLOCK_BYTES).read_to_end(&mut theirs)?;
        if let Some(i) = ours.iter().zip(&theirs).position(|(x, y)| x != y) {
            return Ok(Some((at + i as u64, ours[i], theirs[i])));
        }
        if ours.is_empty() {
            break;
        }
        at += ours.len() as u64;
    }
    Ok(None)
}
