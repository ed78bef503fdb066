//! Blosc 1 (filter 32001): a header, the places of blocks, and blocks of one or several compressed splits.
//!
//! Header (README_CHUNK_FORMAT of c-blosc, little-endian): version, version of the codec, flags (1 bytes shuffled, 2
//! stored as it is, 4 bits shuffled, 16 not split, from 32 the codec), element size; then three 32-bit numbers: bytes,
//! bytes of a block, bytes of all this.

use super::bits::{bitshuffle, bitunshuffle, shuffle, unshuffle};
use super::blosc_codecs::{format, packed, unpacked};
use super::bytes::{Damage, Reader, TOO_LONG, TOO_SHORT};
use crate::model::{BloscCodec, BloscShuffle, Codec};

const HEADER: usize = 16;
const SHUFFLED: u8 = 1;
const STORED: u8 = 2;
const BIT_SHUFFLED: u8 = 4;
const NOT_SPLIT: u8 = 16;
/// Smaller data are stored as they are, and smaller splits were never made.
const LEAST_BYTES: usize = 128;
/// Most splits of a block.
const MOST_SPLITS: usize = 16;
/// INT32_MAX less the header.
const MOST_BYTES: usize = i32::MAX as usize - HEADER;

/// `None` where the parameters make no sense, or the data are too long for the format.
pub(super) fn encode(params: &[u32], data: &[u8]) -> Option<Vec<u8>> {
    let Codec::Blosc { codec, level, shuffle } = Codec::canonical(32001, params) else { return None };
    let element = params.get(2).map_or(1, |e| *e as usize).clamp(1, usize::from(u8::MAX));
    if data.len() > MOST_BYTES {
        return None;
    }
    let block = block_bytes(codec, level, element, data.len());
    let filter = match shuffle {
        BloscShuffle::None => 0,
        BloscShuffle::Byte => SHUFFLED,
        BloscShuffle::Bit => BIT_SHUFFLED,
    };
    let header = |flags: u8, bytes: usize| -> Vec<u8> {
        let mut out = vec![2, 1, flags | NOT_SPLIT | format(codec) << 5, element as u8];
        for number in [data.len(), block, bytes] {
            out.extend((number as u32).to_le_bytes());
        }
        out
    };
    let stored = || Some([&header(filter | STORED, data.len() + HEADER)[..], data].concat());
    if level == 0 || data.len() < LEAST_BYTES {
        return stored();
    }
    let mut starts = Vec::new();
    let mut blocks = Vec::new();
    let first = HEADER + 4 * data.len().div_ceil(block);
    for raw in data.chunks(block) {
        starts.extend(((first + blocks.len()) as u32).to_le_bytes());
        let raw = filtered(raw, filter, element);
        let packed = packed(codec, level, &raw).filter(|p| p.len() < raw.len()).unwrap_or(raw);
        blocks.extend((packed.len() as u32).to_le_bytes());
        blocks.extend(packed);
        if first + blocks.len() >= data.len() + HEADER {
            return stored();
        }
    }
    Some([header(filter, first + blocks.len()), starts, blocks].concat())
}

/// Larger for higher levels and slow codecs, whole elements; what c-blosc chooses where it does not split.
fn block_bytes(codec: BloscCodec, level: u32, element: usize, bytes: usize) -> usize {
    let slow = matches!(codec, BloscCodec::Lz4Hc | BloscCodec::Zlib | BloscCodec::Zstd);
    let base = if slow { 64 << 10 } else { 32 << 10 };
    let block = match level {
        0 => base / 4,
        1 => base / 2,
        2 => base,
        3 => base * 2,
        4 | 5 => base * 4,
        9 if slow => base * 16,
        _ => base * 8,
    };
    let block: usize = block.min(bytes).max(1);
    if block > element { block / element * element } else { block }
}

fn filtered(raw: &[u8], flags: u8, element: usize) -> Vec<u8> {
    match regrouping(raw.len(), flags, element) {
        Regrouping::None => raw.to_vec(),
        Regrouping::Bytes => shuffle(raw, element),
        Regrouping::Bits(whole) => [&bitshuffle(&raw[..whole], element)[..], &raw[whole..]].concat(),
    }
}

enum Regrouping {
    None,
    Bytes,
    /// Of so many bytes; what follows stays.
    Bits(usize),
}

/// Bits are regrouped only where a block has a multiple of 8 elements.
fn regrouping(len: usize, flags: u8, element: usize) -> Regrouping {
    let count = len / element;
    if flags & SHUFFLED != 0 && element > 1 {
        Regrouping::Bytes
    } else if flags & BIT_SHUFFLED != 0 && flags & SHUFFLED == 0 && count > 0 && count.is_multiple_of(8) {
        Regrouping::Bits(count * element)
    } else {
        Regrouping::None
    }
}

/// At most `most` bytes.
pub(super) fn decode(data: &[u8], most: usize) -> Result<Vec<u8>, Damage> {
    let mut input = Reader::new(data);
    let head = input.take(4)?;
    let (flags, element) = (head[2], usize::from(head[3]).max(1));
    let (size, block, _) = (input.u32_le()?, input.u32_le()?, input.u32_le()?);
    if head[0] == 0 || head[0] > 2 {
        return Err("they are not of blosc 1");
    }
    if size > most {
        return Err(TOO_LONG);
    }
    if flags & STORED != 0 {
        return input.take(size).map(<[u8]>::to_vec);
    }
    if block == 0 && size > 0 {
        return Err("their blocks are empty");
    }
    let mut out = Vec::new();
    while out.len() < size {
        let start = input.u32_le()?;
        let len = block.min(size - out.len());
        let mut splits = Reader::new(data.get(start..).ok_or(TOO_SHORT)?);
        let split = flags & NOT_SPLIT == 0 && len == block && element <= MOST_SPLITS && block / element >= LEAST_BYTES;
        let count = if split { element } else { 1 };
        let mut raw = Vec::new();
        for _ in 0..count {
            let stored = splits.u32_le()?;
            let stored = splits.take(stored)?;
            let before = raw.len();
            if stored.len() == len / count {
                raw.extend_from_slice(stored)
            } else {
                unpacked(flags >> 5, stored, len / count, &mut raw)?
            }
            if raw.len() - before != len / count {
                return Err("a block has another size than the header says");
            }
        }
        if raw.len() != len {
            return Err("a block cannot be split");
        }
        match regrouping(len, flags, element) {
            Regrouping::None => out.extend(raw),
            Regrouping::Bytes => out.extend(unshuffle(&raw, element)),
            Regrouping::Bits(whole) => {
                out.extend(bitunshuffle(&raw[..whole], element));
                out.extend_from_slice(&raw[whole..]);
            }
        }
    }
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_codec_and_shuffle() {
        let data: Vec<u8> = (0..70_001u32).flat_map(|i| (i / 3 * 7).to_le_bytes()).collect();
        for codec in 0..6 {
            for shuffle in 0..3 {
                for (level, element) in [(0, 4), (1, 4), (5, 4), (9, 8), (5, 7), (3, 300), (8, 1)] {
                    for len in [data.len(), 64, 4096, 100_003] {
                        let packed = encode(&[2, 2, element, 0, level, shuffle, codec], &data[..len]).unwrap();
                        assert_eq!(u32::from_le_bytes(packed[12..16].try_into().unwrap()) as usize, packed.len());
                        assert!(packed.len() <= len + HEADER);
                        assert!(decode(&packed, len).unwrap() == data[..len], "{codec} {shuffle} {level} {element} {len}");
                        assert!(decode(&packed, len - 1).is_err() && decode(&packed[..packed.len() - 1], len).is_err());
                    }
                }
            }
        }
    }

    #[test]
    fn known_bytes() {
        let stored = [2, 1, 0x12 | 0x20, 4, 3, 0, 0, 0, 3, 0, 0, 0, 19, 0, 0, 0, 7, 8, 9];
        assert_eq!(encode(&[2, 2, 4, 0, 5, 0, 1], &[7, 8, 9]).unwrap(), stored);
        assert_eq!(decode(&stored, 3).unwrap(), [7, 8, 9]);
        // Two splits of 128 bytes that stand as they are, shuffled: 256 bytes of elements 0x0201.
        let mut split = vec![2, 1, SHUFFLED, 2, 0, 1, 0, 0, 0, 1, 0, 0, 28, 1, 0, 0, 20, 0, 0, 0];
        for byte in [1, 2] {
            split.extend([128, 0, 0, 0]);
            split.extend([byte; 128]);
        }
        assert_eq!(decode(&split, 256).unwrap(), [1, 2].repeat(128));
    }
}
