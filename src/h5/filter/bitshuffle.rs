//! Bitshuffle (filter 32008): bits of blocks of elements regrouped, then perhaps compressed.
//!
//! Parameters: two of version, element size, elements of a block (0: a fixed function of the element size), codec (0
//! none, 2 LZ4, 3 zstd), zstd's level. With a codec: 8 bytes of size and 4 bytes of block size in bytes, then for each
//! block 4 bytes of compressed size and the block, all big-endian. The last block has what is left, a multiple of 8
//! elements; up to 7 elements follow as they are.

use super::bits::{bitshuffle, bitunshuffle};
use super::bytes::{Damage, Reader};
use super::{lz4, zstd};

/// The element size, the elements of a block and what follows.
struct Params {
    element: usize,
    block: usize,
    codec: Codec,
}

#[derive(Clone, Copy)]
enum Codec {
    None,
    Lz4,
    Zstd(i32),
}

impl Params {
    fn read(params: &[u32]) -> Result<Self, Damage> {
        const NO_SIZE: Damage = "the parameters have no element size";
        let [_, _, element, user @ ..] = params else { return Err(NO_SIZE) };
        let element = Some(*element as usize).filter(|e| *e > 0).ok_or(NO_SIZE)?;
        let codec = match user {
            [] | [_] | [_, 0, ..] => Codec::None,
            [_, 2, ..] => Codec::Lz4,
            [_, 3, rest @ ..] => Codec::Zstd(rest.first().map_or(0, |level| *level as i32)),
            _ => return Err("bitshuffle's codec is unknown"),
        };
        Ok(Self { element, block: block(user.first().map_or(0, |b| *b as usize), element)?, codec })
    }
}

/// Elements of a block: bitshuffle's own choice where it is 0.
fn block(asked: usize, element: usize) -> Result<usize, Damage> {
    match asked {
        0 => Ok((8192 / element / 8 * 8).max(128)),
        block if block.is_multiple_of(8) => Ok(block),
        _ => Err("a block is not a multiple of 8 elements"),
    }
}

/// Fails where the parameters make no sense, or a block is too large for the format.
pub(super) fn encode(params: &[u32], data: &[u8]) -> Result<Vec<u8>, Damage> {
    let Params { element, block, codec } = Params::read(params)?;
    if !data.len().is_multiple_of(element) {
        return Err("the bytes are not whole elements");
    }
    let (blocks, rest) = data.split_at(data.len() / element / 8 * 8 * element);
    let mut out = Vec::with_capacity(data.len() + 12);
    let block_bytes = block.checked_mul(element).and_then(|b| u32::try_from(b).ok()).ok_or("a block is too large")?;
    if !matches!(codec, Codec::None) {
        out.extend((data.len() as u64).to_be_bytes());
        out.extend(block_bytes.to_be_bytes());
    }
    for raw in blocks.chunks(block_bytes as usize) {
        let bits = bitshuffle(raw, element);
        let packed = match codec {
            Codec::None => {
                out.extend(bits);
                continue;
            }
            Codec::Lz4 => lz4::packed(&bits),
            Codec::Zstd(level) => zstd::encode(&bits, level),
        };
        let packed = packed.ok_or("the compressor failed")?;
        out.extend((packed.len() as u32).to_be_bytes());
        out.extend(packed);
    }
    out.extend_from_slice(rest);
    Ok(out)
}

/// At most `most` bytes.
pub(super) fn decode(params: &[u32], data: &[u8], most: usize) -> Result<Vec<u8>, Damage> {
    let Params { element, mut block, codec } = Params::read(params)?;
    let mut input = Reader::new(data);
    let mut size = data.len();
    if !matches!(codec, Codec::None) {
        size = input.u64_be(most)?;
        block = self::block(input.u32_be()? / element, element)?;
    }
    if !size.is_multiple_of(element) {
        return Err("the bytes are not whole elements");
    }
    let mut out = Vec::new();
    let whole = size / element / 8 * 8;
    let mut done = 0;
    while done < whole {
        let elements = block.min(whole - done);
        let len = elements * element;
        let bits = match codec {
            Codec::None => input.take(len)?.to_vec(),
            Codec::Lz4 | Codec::Zstd(_) => {
                let packed = input.u32_be()?;
                let packed = input.take(packed)?;
                let mut bits = Vec::new();
                if let Codec::Lz4 = codec {
                    lz4::unpacked(packed, len, &mut bits)?
                } else {
                    bits = zstd::decode(packed, len)?
                }
                bits
            }
        };
        if bits.len() != len {
            return Err("a block has another size than the header says");
        }
        out.extend(bitunshuffle(&bits, element));
        done += elements;
    }
    out.extend_from_slice(input.take(size - out.len())?);
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_bytes() {
        let data: Vec<u8> = (0..22).collect();
        let bits = encode(&[0, 4, 2], &data).unwrap();
        assert_eq!((bits.len(), bits[1], &bits[16..]), (22, 0xAA, &data[16..]));
        let packed = encode(&[0, 4, 2, 0, 2], &data).unwrap();
        // 22 bytes, blocks of 4096 elements of 2 bytes.
        assert_eq!(packed[..12], [0, 0, 0, 0, 0, 0, 0, 22, 0, 0, 0x20, 0]);
        assert!(decode(&[0, 4, 2, 0, 2], &packed, 21).is_err() && decode(&[0, 4, 2, 0, 2], &packed[..30], 22).is_err());
        assert!(
            decode(&[0, 4], &packed, 22).is_err()
                && decode(&[0, 4, 0], &packed, 22).is_err()
                && decode(&[0, 4, 2, 4, 2], &bits, 22).is_err()
        );
    }

    #[test]
    fn every_codec_and_block() {
        let data: Vec<u8> = (0..10_000u32).flat_map(|i| (i / 3).to_le_bytes()).collect();
        for tail in [&[][..], &[0], &[8], &[16, 2], &[0, 2], &[0, 3], &[64, 3, 9], &[20_000, 2]] {
            let params = [&[0, 4, 4][..], tail].concat();
            for len in [data.len(), 4 * 7, 4 * 8, 4 * 133] {
                let packed = encode(&params, &data[..len]).unwrap();
                assert_eq!(decode(&params, &packed, len).unwrap(), data[..len], "{params:?}");
            }
        }
    }
}
