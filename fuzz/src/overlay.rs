//! What the driver does to an overlay, beside the same done to a plain file in memory.

use h5mason::h5::Backing;
use h5mason::txn::testing::Overlay;

use crate::bytes::{Bytes, Mortal};

/// Reads, writes and cuts.
pub fn overlay(data: &[u8]) {
    let mut bytes = Bytes(data);
    let len = bytes.below(30_000) as usize;
    let hold = bytes.byte() % 2 == 0;
    let budget = usize::from(bytes.byte() % 4) * 4096;
    let old: Vec<u8> = (0..len).map(|i| (i % 251) as u8 ^ (i / 4096) as u8).collect();
    let disk = Mortal::new(old.clone(), u64::MAX);
    let mut overlay = Overlay::new(disk.clone(), hold, u64::MAX, budget, std::env::temp_dir()).expect("an overlay");
    let mut model = old.clone();
    while !bytes.is_empty() {
        let (what, at, n) = (bytes.byte() % 8, bytes.below(50_000), bytes.below(14_000) as usize);
        match what {
            0..4 => {
                let fill = bytes.byte();
                let piece: Vec<u8> = (0..n).map(|i| fill.wrapping_add(i as u8)).collect();
                overlay.write(at, &piece).expect("a write");
                if n > 0 {
                    model.resize(model.len().max(at as usize + n), 0);
                    model[at as usize..at as usize + n].copy_from_slice(&piece);
                }
            }
            4..7 => {
                let mut read = vec![1; n];
                overlay.read(at, &mut read).expect("a read");
                let wanted: Vec<u8> = (at as usize..at as usize + n).map(|i| model.get(i).copied().unwrap_or(0)).collect();
                assert!(read == wanted, "{n} bytes at {at}");
            }
            _ => {
                overlay.truncate(at).expect("a cut");
                model.resize(at as usize, 0);
            }
        }
        assert_eq!(overlay.end(), model.len() as u64);
        let now = disk.bytes();
        assert!(now[..len] == old[..] && (!hold || now.len() == len), "the file itself was written");
    }
}
