//! The compressors inside of blosc.

use libdeflater::{CompressionLvl, Compressor, Decompressor};
use lz4::block::{CompressionMode, compress};

use super::bytes::Damage;
use super::{blosclz, lz4 as lz4_filter, zstd};
use crate::model::BloscCodec;

/// The number of the codec in the flags: LZ4HC is LZ4.
pub(super) fn format(codec: BloscCodec) -> u8 {
    match codec {
        BloscCodec::BloscLz => 0,
        BloscCodec::Lz4 | BloscCodec::Lz4Hc => 1,
        BloscCodec::Snappy => 2,
        BloscCodec::Zlib => 3,
        BloscCodec::Zstd => 4,
    }
}

/// A split, compressed; `None` where the compressor fails or gives up.
pub(super) fn packed(codec: BloscCodec, level: u32, raw: &[u8]) -> Option<Vec<u8>> {
    let level = level as i32;
    match codec {
        BloscCodec::BloscLz => blosclz::encode(raw),
        BloscCodec::Lz4 => compress(raw, Some(CompressionMode::FAST(10 - level)), false).ok(),
        BloscCodec::Lz4Hc => compress(raw, Some(CompressionMode::HIGHCOMPRESSION(level)), false).ok(),
        BloscCodec::Snappy => snap::raw::Encoder::new().compress_vec(raw).ok(),
        BloscCodec::Zlib => {
            let mut compressor = Compressor::new(CompressionLvl::new(level).ok()?);
            let mut out = vec![0; compressor.zlib_compress_bound(raw.len())];
            let len = compressor.zlib_compress(raw, &mut out).ok()?;
            out.truncate(len);
            Some(out)
        }
        BloscCodec::Zstd => zstd::encode(
            raw,
            match level {
                9 => 22,
                8 => 20,
                level => level * 2 - 1,
            },
        ),
    }
}

/// Appends what a split says, at most `len` bytes. Memory is reserved for what the split can hold only.
pub(super) fn unpacked(format: u8, stored: &[u8], len: usize, out: &mut Vec<u8>) -> Result<(), Damage> {
    match format {
        0 => out.extend(blosclz::decode(stored, len)?),
        1 => lz4_filter::unpacked(stored, len, out)?,
        2 => {
            const WRONG: Damage = "a snappy block is broken";
            // Snappy says at most 64 bytes with 3.
            if snap::raw::decompress_len(stored).map_err(|_| WRONG)? > len.min(stored.len().saturating_mul(64)) {
                return Err(WRONG);
            }
            out.extend(snap::raw::Decoder::new().decompress_vec(stored).map_err(|_| WRONG)?);
        }
        3 => {
            const WRONG: Damage = "a zlib block is broken";
            // Deflate says at most 1032 bytes with one.
            if len > stored.len().saturating_mul(1032) {
                return Err(WRONG);
            }
            let mut raw = vec![0; len];
            let made = Decompressor::new().zlib_decompress(stored, &mut raw).map_err(|_| WRONG)?;
            out.extend_from_slice(&raw[..made]);
        }
        4 => out.extend(zstd::decode(stored, len)?),
        _ => return Err("blosc's codec is unknown"),
    }
    Ok(())
}
