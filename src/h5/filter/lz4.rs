//! LZ4, as the HDF5 plugin (filter 32004) stores it: 8 bytes of size, 4 bytes of block size, then for each block 4
//! bytes of compressed size and an LZ4 block; a block that does not shrink stands as it is. All big-endian.

use lz4::block::{CompressionMode, compress, decompress_to_buffer};

use super::bytes::{Damage, Reader};

/// The plugin's block size where none is asked for.
const DEFAULT_BLOCK_BYTES: usize = 1 << 30;

/// `None` where the data are too long for the format.
pub(super) fn encode(data: &[u8], block_bytes: u32) -> Option<Vec<u8>> {
    let block = match block_bytes {
        0 => DEFAULT_BLOCK_BYTES,
        bytes => bytes as usize,
    };
    let block = block.min(data.len()).max(1);
    let mut out = Vec::with_capacity(data.len() + 16);
    out.extend((data.len() as u64).to_be_bytes());
    out.extend(u32::try_from(block).ok()?.to_be_bytes());
    for raw in data.chunks(block) {
        let packed = packed(raw)?;
        let stored = if packed.len() < raw.len() { &packed } else { raw };
        out.extend((stored.len() as u32).to_be_bytes());
        out.extend_from_slice(stored);
    }
    Some(out)
}

/// At most `most` bytes.
pub(super) fn decode(data: &[u8], most: usize) -> Result<Vec<u8>, Damage> {
    let mut input = Reader::new(data);
    let size = input.u64_be(most)?;
    let block = input.u32_be()?.min(size);
    let mut out = Vec::new();
    while out.len() < size {
        if block == 0 {
            return Err("their blocks are empty");
        }
        let len = block.min(size - out.len());
        let stored = input.u32_be()?;
        let stored = input.take(stored)?;
        if stored.len() == len { out.extend_from_slice(stored) } else { unpacked(stored, len, &mut out)? }
    }
    Ok(out)
}

/// An LZ4 block.
pub(super) fn packed(raw: &[u8]) -> Option<Vec<u8>> {
    compress(raw, Some(CompressionMode::DEFAULT), false).ok()
}

/// Appends an LZ4 block that must have `len` bytes. Memory is reserved for what the block can hold only: LZ4 says at
/// most 255 bytes with one.
pub(super) fn unpacked(block: &[u8], len: usize, out: &mut Vec<u8>) -> Result<(), Damage> {
    const WRONG: Damage = "an LZ4 block is broken";
    if len > block.len().saturating_mul(255) {
        return Err(WRONG);
    }
    let size = i32::try_from(len).map_err(|_| WRONG)?;
    let start = out.len();
    out.resize(start + len, 0);
    match decompress_to_buffer(block, Some(size), &mut out[start..]) {
        Ok(made) if made == len => Ok(()),
        _ => Err(WRONG),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_bytes() {
        // Two blocks of 2 bytes that do not shrink.
        let stored = [0, 0, 0, 0, 0, 0, 0, 4, 0, 0, 0, 2, 0, 0, 0, 2, 1, 2, 0, 0, 0, 2, 3, 4];
        assert_eq!(encode(&[1, 2, 3, 4], 2).unwrap(), stored);
        assert_eq!(decode(&stored, 4).unwrap(), [1, 2, 3, 4]);
        assert!(decode(&stored, 3).is_err() && decode(&stored[..23], 4).is_err());
        let none = [0, 0, 0, 0, 0, 0, 0, 4, 0, 0, 0, 0];
        assert!(decode(&none, 4).is_err());
        // A small block that claims to be a gigabyte.
        let bomb = [0, 0, 0, 0, 64, 0, 0, 0, 64, 0, 0, 0, 0, 0, 0, 1, 0];
        assert!(decode(&bomb, 1 << 31).is_err());
    }
}
