//! A change of a file is killed, what it left is damaged, and recovered.

use h5mason::txn::testing::{State, change, look, settle};

use crate::bytes::{Bytes, Mortal};

/// Bytes of the superblock that the change writes.
const HEAD: usize = 64;

/// A file of arbitrary bytes behind a superblock of this version, behind a userblock of this size.
fn file(version: u8, userblock: usize, len: usize, fill: u8) -> Vec<u8> {
    let mut out: Vec<u8> = (0..len).map(|i| fill ^ (i / 7) as u8).collect();
    out.splice(userblock..userblock + HEAD, head(version, userblock as u64, len as u64));
    out
}

/// A superblock with eight-byte addresses: format specification, II.A.
fn head(version: u8, base: u64, end: u64) -> Vec<u8> {
    let mut out = vec![0; HEAD];
    out[..8].copy_from_slice(b"\x89HDF\r\n\x1a\n");
    out[8] = version;
    let (sizes, addresses) = match version {
        0 => (13, 24),
        1 => (13, 28),
        _ => (9, 12),
    };
    (out[sizes], out[sizes + 1]) = (8, 8);
    out[addresses..addresses + 8].copy_from_slice(&base.to_le_bytes());
    out[addresses + 16..addresses + 24].copy_from_slice(&end.to_le_bytes());
    out
}

/// An undamaged file must become the old or the new one; a damaged one must be refused, or settled for good.
pub fn journal(data: &[u8]) {
    let mut bytes = Bytes(data);
    let version = bytes.byte() % 4;
    let userblock = if bytes.byte() % 2 == 0 { 0 } else { 512 };
    let len = userblock + HEAD + bytes.below(20_000) as usize;
    let trailing = if bytes.byte() % 4 == 0 { bytes.below(3000) as usize } else { 0 };
    let mut old = file(version, userblock, len, bytes.byte());
    old.extend((0..trailing).map(|i| i as u8));
    let end = (userblock + HEAD) as u64 + bytes.below(30_000);
    let mut pieces: Vec<(u64, Vec<u8>)> = (0..bytes.byte() % 6)
        .map(|_| (bytes.below(end), bytes.byte(), bytes.below(6000)))
        .map(|(at, fill, n)| (at, (0..n.min(end - at)).map(|i| fill.wrapping_add(i as u8)).collect()))
        .collect();
    pieces.push((userblock as u64, head(version, userblock as u64, end)));
    let mut new = old.clone();
    for (at, piece) in &pieces {
        let (at, until) = (*at as usize, *at as usize + piece.len());
        new.resize(new.len().max(until), 0);
        new[at..until].copy_from_slice(piece);
    }
    new.resize(end as usize, 0);
    // Userblocks and what stands before the superblock are not to be written over by the pieces.
    let superblock = userblock..userblock + HEAD;
    let kept = pieces[..pieces.len() - 1].iter().all(|(at, p)| *at as usize >= superblock.end || *at as usize + p.len() <= superblock.start);

    let disk = Mortal::new(old.clone(), bytes.below(120));
    let done = change(&disk, &pieces, end).is_ok();
    let left = disk.bytes();
    let mut damaged = left.clone();
    let strokes = if bytes.byte() % 2 == 0 { 0 } else { 1 + bytes.byte() % 8 };
    for _ in 0..strokes {
        // Mostly near the end, where the journal is.
        let back = match bytes.byte() % 3 {
            0 => bytes.below(damaged.len() as u64),
            1 => bytes.below(damaged.len().min(200) as u64),
            _ => bytes.below(damaged.len().min(9000) as u64),
        };
        let at = damaged.len() - 1 - back as usize;
        damaged[at] ^= bytes.byte() | 1;
    }

    let mut disk = Mortal::new(damaged.clone(), u64::MAX);
    let state = look(&disk).expect("a disk that reads");
    assert!(disk.bytes() == damaged, "a look changes nothing");
    if settle(&mut disk, &state, true).is_err() {
        assert!(matches!(state, State::Damaged(_)) || strokes > 0);
        assert!(!matches!(state, State::Damaged(_)) || disk.bytes() == damaged);
        assert!(strokes > 0, "undamaged, and refused: {state:?}");
        return;
    }
    let settled = disk.bytes();
    assert!(settled.len() <= damaged.len(), "it grew");
    let again = look(&disk).expect("a disk that reads");
    // Bytes of somebody's own are there again.
    let settled_for_good = matches!(again, State::Clean | State::NotHdf5) || (trailing > 0 && matches!(again, State::Leftover { .. }));
    assert!(settled_for_good || strokes > 0, "it is not settled: {again:?}");
    if strokes == 0 && kept {
        // Bytes behind the data of a file that nothing was appended to are cut, as said.
        let bare = &old[..len];
        assert!(settled == old || settled == new || settled == bare, "neither old nor new: {state:?}");
        assert!(!done || settled == new, "it was done: {state:?}");
    }
}
