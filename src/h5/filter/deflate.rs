//! zlib streams (filter 1), by libdeflate: the same bytes on every processor, and several times as fast as zlib. The filter of HDF5 itself, which
//! runs wherever chunks are not written whole, is zlib's: what it makes differs in bytes, never in meaning.

use std::cell::RefCell;

use libdeflater::{CompressionLvl, Compressor, Decompressor};

use super::bytes::Damage;

/// Most bytes of room that a thread keeps.
const MOST_KEPT: usize = 4 << 20;

/// What a thread keeps between chunks: tables and memory that are new cost much.
struct Kept {
    level: u32,
    compressor: Compressor,
    /// Where streams are made before their length is known.
    room: Vec<u8>,
}

thread_local! {
    static COMPRESSOR: RefCell<Option<Kept>> = const { RefCell::new(None) };
    static DECOMPRESSOR: RefCell<Decompressor> = RefCell::new(Decompressor::new());
}

/// `level` is zlib's, 0 to 9. Fails where the result would be longer than HDF5 allows (H5Zdeflate.c).
pub(super) fn encode(data: &[u8], level: u32) -> Result<Vec<u8>, Damage> {
    const FAILED: Damage = "deflate cannot make it fit";
    let most = data.len() + data.len().div_ceil(1000) + 12;
    COMPRESSOR.with_borrow_mut(|kept| {
        if kept.as_ref().is_none_or(|kept| kept.level != level) {
            let of = CompressionLvl::new(level as i32).map_err(|_| "this level is unknown")?;
            *kept = Some(Kept { level, compressor: Compressor::new(of), room: Vec::new() });
        }
        let Kept { compressor, room, .. } = kept.as_mut().ok_or(FAILED)?;
        if room.len() < most {
            room.resize(most, 0);
        }
        let len = compressor.zlib_compress(data, &mut room[..most]).map_err(|_| FAILED)?;
        let out = room[..len].to_vec();
        if room.len() > MOST_KEPT {
            *room = Vec::new();
        }
        Ok(out)
    })
}

/// Exactly `len` bytes.
pub(super) fn decode(data: &[u8], len: usize) -> Result<Vec<u8>, Damage> {
    const WRONG: Damage = "the zlib stream is broken";
    // Deflate says at most 1032 bytes with one: no memory for what cannot come.
    if len > data.len().saturating_mul(1032) {
        return Err(WRONG);
    }
    let mut out = vec![0; len];
    let made = DECOMPRESSOR.with_borrow_mut(|d| d.zlib_decompress(data, &mut out)).map_err(|_| WRONG)?;
    if made == len { Ok(out) } else { Err(WRONG) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn streams_of_zlib() {
        let data: Vec<u8> = (0..100_000u32).map(|i| (i.wrapping_mul(i) >> 9) as u8).collect();
        for level in 0..=9 {
            let packed = encode(&data, level).unwrap();
            assert_eq!(decode(&packed, data.len()).unwrap(), data);
            assert!(decode(&packed, data.len() - 1).is_err() && decode(&packed, data.len() + 1).is_err());
            // RFC 1950: deflate with a window of 32 KiB, and the header's checksum.
            assert!(packed[0] == 0x78 && (u16::from(packed[0]) * 256 + u16::from(packed[1])).is_multiple_of(31));
        }
        assert!(encode(&data, 10).is_ok() && encode(&data, 13).is_err());
        assert!(decode(&[], 1).is_err() && decode(&[0x78, 0x9C], 1 << 40).is_err());
    }

    #[test]
    fn what_does_not_shrink_fits_all_the_same() {
        let mut word = 1u64;
        let mut next = || {
            word = word.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            (word >> 56) as u8
        };
        for len in [0, 1, 7, 100, 1000, 70_000, 1 << 20] {
            let data: Vec<u8> = (0..len).map(|_| next()).collect();
            for level in [0, 1, 6, 9] {
                assert_eq!(decode(&encode(&data, level).unwrap(), len).unwrap(), data);
            }
        }
    }
}
