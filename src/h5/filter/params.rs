//! A filter's parameters as HDF5 stores them, and back.

use hdf5_sys::h5t::{H5T_order_t, H5Tget_offset, H5Tget_order, H5Tget_precision};

use crate::h5::Id;
use crate::model::{BitshuffleCodec, Codec, Dtype, Scale};

/// Versions that the filters themselves store (h5py's lzf 4 of LibLZF 1.5, bitshuffle 0.4, hdf5-blosc 2 of format 2).
const LZF: [u32; 2] = [4, 0x0105];
const BITSHUFFLE: [u32; 2] = [0, 4];
const BLOSC: [u32; 2] = [2, 2];

/// What the computed parameters of a dataset's filters depend on.
pub(in crate::h5) struct Element<'a> {
    pub type_id: &'a Id,
    pub dtype: &'a Dtype,
    pub chunk: &'a [u64],
}

/// What H5Pset_filter takes. HDF5 itself adds what it computes for shuffle, nbit and scaleoffset.
pub(in crate::h5) fn stored(codec: &Codec, element: &Element<'_>) -> Vec<u32> {
    let size = element.dtype.size() as u32;
    match codec {
        // HDF5 computes it for the first shuffle of a pipeline only.
        Codec::Shuffle => vec![size],
        Codec::Fletcher32 | Codec::Nbit => vec![],
        Codec::Deflate(level) => vec![*level],
        Codec::Szip { coding, pixels_per_block } => {
            szip(coding.mask(), *pixels_per_block, element).unwrap_or_else(|| vec![coding.mask() | K13 | RAW, *pixels_per_block])
        }
        Codec::ScaleOffset(Scale::Float { decimals }) => vec![0, *decimals],
        Codec::ScaleOffset(Scale::Integer { min_bits }) => vec![2, *min_bits],
        Codec::Lzf => [&LZF[..], &[element.chunk_bytes()]].concat(),
        Codec::Zstd(level) => vec![*level as u32],
        Codec::Lz4 { block_bytes } => vec![*block_bytes],
        Codec::Bitshuffle { then, block_elements } => {
            let mut params = [&BITSHUFFLE[..], &[size, *block_elements]].concat();
            match then {
                BitshuffleCodec::None => params.push(0),
                BitshuffleCodec::Lz4 => params.push(2),
                BitshuffleCodec::Zstd(level) => params.extend([3, *level]),
            }
            params
        }
        Codec::Blosc { codec, level, shuffle } => {
            let plain = element.dtype.resolved();
            let base = if let Dtype::Array { base, .. } = plain { base.size() as u32 } else { size };
            let base = if base > 255 { 1 } else { base };
            [&BLOSC[..], &[base, element.chunk_bytes(), *level, *shuffle as u32, *codec as u32]].concat()
        }
        Codec::Other { params, .. } => params.clone(),
    }
}

/// The parameters that were read, where a dataset that is made with the canonical form would not have the same.
pub(in crate::h5) fn unusual(codec: &Codec, params: &[u32], element: &Element<'_>) -> Option<Vec<u32>> {
    let differs = match codec {
        // HDF5 computes them whatever it is given.
        Codec::Shuffle | Codec::Nbit | Codec::Deflate(_) | Codec::Fletcher32 | Codec::Szip { .. } | Codec::Other { .. } => false,
        // Eight numbers, the fill value where there is one (the eighth says so), and twelve words in all for it.
        Codec::ScaleOffset(_) => match params.get(7) {
            Some(fill) => {
                let words = if *fill == 1 { element.dtype.size().div_ceil(4) } else { 0 };
                params.iter().skip(8 + words).any(|p| *p != 0)
            }
            None => false,
        },
        Codec::Lzf | Codec::Zstd(_) | Codec::Lz4 { .. } | Codec::Bitshuffle { .. } | Codec::Blosc { .. } => {
            stored(codec, element) != params
        }
    };
    differs.then(|| params.to_vec())
}

/// The canonical form of what was read.
pub(in crate::h5) fn canonical(id: i32, params: &[u32], element: &Element<'_>) -> Codec {
    // szip's are kept to the last bit where HDF5 would compute others: a copy of the chunks needs them.
    if let (4, [mask, pixels, _, _]) = (id, params) {
        let user = Codec::canonical(4, &[*mask, *pixels]);
        return if stored(&user, element) == params { user } else { Codec::Other { id, params: params.to_vec() } };
    }
    Codec::canonical(id, params)
}

impl Element<'_> {
    /// Bytes of a chunk; a chunk has less than 4 GiB.
    fn chunk_bytes(&self) -> u32 {
        let bytes = self.chunk.iter().fold(self.dtype.size() as u64, |n, &d| n.saturating_mul(d));
        u32::try_from(bytes).unwrap_or(u32::MAX)
    }
}

/// Bits of szip's options (H5Zpublic.h, szlib.h).
const K13: u32 = 1;
const LSB: u32 = 8;
const MSB: u32 = 16;
const RAW: u32 = 128;
/// SZ_MAX_BLOCKS_PER_SCANLINE.
const MOST_BLOCKS: u64 = 128;

/// Mask, pixels of a block, bits of a pixel, pixels of a scanline, as H5Z__set_local_szip computes them; `None` where
/// it refuses.
fn szip(coding: u32, pixels: u32, element: &Element<'_>) -> Option<Vec<u32>> {
    let t = element.type_id.raw();
    // SAFETY: an open datatype, only looked at.
    let (order, precision, offset) = hdf5::sync::sync(|| unsafe { (H5Tget_order(t), H5Tget_precision(t), H5Tget_offset(t)) });
    let order = match order {
        H5T_order_t::H5T_ORDER_LE => LSB,
        H5T_order_t::H5T_ORDER_BE => MSB,
        _ => return None,
    };
    let size = element.dtype.size() * 8;
    let bits = match if precision < size && offset != 0 { size } else { precision } {
        0 => return None,
        bits @ ..=24 => bits,
        bits if bits <= 32 => 32,
        bits if bits <= 64 => 64,
        bits => bits,
    };
    let last = *element.chunk.last()?;
    let points = element.chunk.iter().fold(1u64, |n, &d| n.saturating_mul(d));
    let block = u64::from(pixels);
    let scanline = match last < block {
        true if points < block => return None,
        true => points.min(block * MOST_BLOCKS),
        false => last.min(block * MOST_BLOCKS),
    };
    Some(vec![coding | K13 | RAW | order, pixels, u32::try_from(bits).ok()?, u32::try_from(scanline).ok()?])
}
