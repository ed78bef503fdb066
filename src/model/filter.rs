//! Filters of chunked datasets, in canonical form.
//!
//! HDF5 stores a filter as a number, a flag and parameters ("cd_values"). Some parameters are computed from the
//! dtype and the chunk when the dataset is created: shuffle's element size, all of nbit's, most of scaleoffset's,
//! the first four of blosc's. They are left out here, so that what was asked for equals what is read back.

use std::fmt;

use super::filter_name::filter_name;

/// One filter of a pipeline. Two are equal if they do the same.
#[derive(Clone, Debug, Eq)]
pub struct Filter {
    /// What it does.
    pub codec: Codec,
    /// May HDF5 store a chunk without it where it fails or is missing?
    pub optional: bool,
    /// All parameters as a file has them, where they are not those that this program would store for the same
    /// (another version of the filter, left-over bytes).
    pub stored: Option<Vec<u32>>,
}

impl PartialEq for Filter {
    fn eq(&self, other: &Self) -> bool {
        (&self.codec, self.optional) == (&other.codec, other.optional)
    }
}

impl Filter {
    /// Does it make chunks smaller? Of filters that are not known here it is assumed.
    pub fn compresses(&self) -> bool {
        match &self.codec {
            Codec::Shuffle | Codec::Fletcher32 | Codec::Bitshuffle { then: BitshuffleCodec::None, .. } => false,
            Codec::Deflate(_)
            | Codec::Szip { .. }
            | Codec::Nbit
            | Codec::ScaleOffset(_)
            | Codec::Lzf
            | Codec::Zstd(_)
            | Codec::Lz4 { .. }
            | Codec::Bitshuffle { .. }
            | Codec::Blosc { .. }
            | Codec::Other { .. } => true,
        }
    }
}

/// What a filter does, with the parameters that a user chooses.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Codec {
    /// Bytes of elements regrouped (filter 2).
    Shuffle,
    /// zlib (filter 1), level 0 to 9.
    Deflate(u32),
    /// Checksum (filter 3).
    Fletcher32,
    /// The CCSDS 121.0 coder (filter 4).
    Szip {
        /// How a pixel is predicted.
        coding: SzipCoding,
        /// Elements of a block: even, 2 to 32.
        pixels_per_block: u32,
    },
    /// Only the significant bits of a type (filter 5).
    Nbit,
    /// Few bits above each chunk's smallest value (filter 6).
    ScaleOffset(Scale),
    /// h5py's fast compressor (filter 32000).
    Lzf,
    /// Zstandard (filter 32015), level -131072 to 22.
    Zstd(i32),
    /// LZ4 (filter 32004).
    Lz4 {
        /// Bytes that are compressed at a time; 0 is the filter's own default, 1 GiB.
        block_bytes: u32,
    },
    /// Bits of elements regrouped, then perhaps compressed (filter 32008).
    Bitshuffle {
        /// What follows.
        then: BitshuffleCodec,
        /// Elements of a block, a multiple of 8; 0 is the filter's own default, about 8 KiB.
        block_elements: u32,
    },
    /// Blosc 1 (filter 32001).
    Blosc {
        /// The compressor inside.
        codec: BloscCodec,
        /// 0 to 9.
        level: u32,
        /// What happens to elements first.
        shuffle: BloscShuffle,
    },
    /// Any other filter, or unusual parameters of one of the above.
    Other {
        /// Registered number.
        id: i32,
        /// Parameters as stored.
        params: Vec<u32>,
    },
}

/// szip's predictor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SzipCoding {
    /// Nearest neighbour.
    Nn,
    /// Entropy coding.
    Ec,
}

/// How scaleoffset makes few bits of a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scale {
    /// Integers, in this many bits; 0: as many as a chunk needs.
    Integer { min_bits: u32 },
    /// Floats, rounded to this many decimals: lossy.
    Float { decimals: u32 },
}

/// What follows the regrouping of bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BitshuffleCodec {
    /// Nothing.
    None,
    /// LZ4.
    Lz4,
    /// Zstandard, level 0 to 22; 0 is its default.
    Zstd(u32),
}

/// A compressor inside of blosc; the number is blosc's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BloscCodec {
    /// Blosc's own.
    BloscLz = 0,
    /// LZ4.
    Lz4 = 1,
    /// LZ4, slow and small.
    Lz4Hc = 2,
    /// Snappy.
    Snappy = 3,
    /// zlib.
    Zlib = 4,
    /// Zstandard.
    Zstd = 5,
}

/// Blosc's filter before compression; the number is blosc's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BloscShuffle {
    /// None.
    None = 0,
    /// Bytes.
    Byte = 1,
    /// Bits.
    Bit = 2,
}

/// Smallest level of zstd (ZSTD_minCLevel).
pub const ZSTD_LOWEST: i32 = -131_072;
/// Largest level of zstd (ZSTD_maxCLevel).
pub const ZSTD_HIGHEST: i32 = 22;
/// Largest block of LZ4, bytes (LZ4_MAX_INPUT_SIZE).
pub const LZ4_MOST_BYTES: u32 = 0x7E00_0000;
/// Masks of szip's options (H5Zpublic.h).
const SZIP_NN: u32 = 32;
const SZIP_EC: u32 = 4;

impl BloscCodec {
    /// All, in the order of their numbers.
    pub const ALL: [BloscCodec; 6] =
        [BloscCodec::BloscLz, BloscCodec::Lz4, BloscCodec::Lz4Hc, BloscCodec::Snappy, BloscCodec::Zlib, BloscCodec::Zstd];

    /// The manifest's word.
    pub fn word(self) -> &'static str {
        match self {
            BloscCodec::BloscLz => "blosclz",
            BloscCodec::Lz4 => "lz4",
            BloscCodec::Lz4Hc => "lz4hc",
            BloscCodec::Snappy => "snappy",
            BloscCodec::Zlib => "zlib",
            BloscCodec::Zstd => "zstd",
        }
    }
}

impl BloscShuffle {
    /// All, in the order of their numbers.
    pub const ALL: [BloscShuffle; 3] = [BloscShuffle::None, BloscShuffle::Byte, BloscShuffle::Bit];

    /// The manifest's word.
    pub fn word(self) -> &'static str {
        match self {
            BloscShuffle::None => "none",
            BloscShuffle::Byte => "byte",
            BloscShuffle::Bit => "bit",
        }
    }
}

impl SzipCoding {
    /// The manifest's word.
    pub fn word(self) -> &'static str {
        match self {
            SzipCoding::Nn => "nn",
            SzipCoding::Ec => "ec",
        }
    }

    /// The bit of the options mask.
    pub fn mask(self) -> u32 {
        match self {
            SzipCoding::Nn => SZIP_NN,
            SzipCoding::Ec => SZIP_EC,
        }
    }
}

impl BitshuffleCodec {
    /// The manifest's word.
    pub fn word(self) -> &'static str {
        match self {
            BitshuffleCodec::None => "none",
            BitshuffleCodec::Lz4 => "lz4",
            BitshuffleCodec::Zstd(_) => "zstd",
        }
    }
}

impl From<Codec> for Filter {
    /// With the flag that HDF5's, h5py's or hdf5plugin's own call sets.
    fn from(codec: Codec) -> Self {
        Self { optional: codec.is_optional_by_default(), codec, stored: None }
    }
}

impl Filter {
    /// Does it have parameters that HDF5 overwrites when a dataset is made, so that only a copy of the dataset keeps them?
    pub fn needs_copy(&self) -> bool {
        self.stored.is_some() && matches!(self.codec, Codec::ScaleOffset(_))
    }

    /// Can elements be others when they are read than when they were written?
    pub fn is_lossy(&self) -> bool {
        matches!(&self.codec, Codec::ScaleOffset(scale) if *scale != Scale::Integer { min_bits: 0 })
    }

    /// Are they the same filter? Parameters of szip that HDF5 computes may be written out on one side.
    pub fn matches(&self, other: &Filter) -> bool {
        let szip = |codec: &Codec| match codec {
            Codec::Other { id: 4, params } if params.len() == 4 => Codec::canonical(4, &params[..2]),
            codec => codec.clone(),
        };
        self == other || self.optional == other.optional && szip(&self.codec) == szip(&other.codec)
    }

    /// The filter as it is written in a manifest's `filters`: an inline value. Loading it gives this filter.
    pub fn manifest_text(&self) -> String {
        let flag = (self.optional != self.codec.is_optional_by_default()).then(|| format!(", optional = {}", self.optional));
        let stored = self.stored.as_ref().map(|params| format!(", params = {params:?}"));
        let flag = (flag.is_some() || stored.is_some()).then(|| flag.unwrap_or_default() + &stored.unwrap_or_default());
        let bare = |name: &str| match &flag {
            None => format!("\"{name}\""),
            Some(flag) => format!("{{ {name} = {{}}{flag} }}"),
        };
        let with = |body: String| format!("{{ {body}{} }}", flag.as_deref().unwrap_or_default());
        match &self.codec {
            Codec::Shuffle => bare("shuffle"),
            Codec::Deflate(level) => with(format!("deflate = {level}")),
            Codec::Fletcher32 => bare("fletcher32"),
            Codec::Szip { coding, pixels_per_block } => {
                with(format!("szip = {{ coding = \"{}\", pixels_per_block = {pixels_per_block} }}", coding.word()))
            }
            Codec::Nbit => bare("nbit"),
            Codec::ScaleOffset(Scale::Integer { min_bits }) => with(format!("scaleoffset = {{ min_bits = {min_bits} }}")),
            Codec::ScaleOffset(Scale::Float { decimals }) => with(format!("scaleoffset = {{ decimals = {decimals} }}")),
            Codec::Lzf => bare("lzf"),
            Codec::Zstd(level) => with(format!("zstd = {level}")),
            Codec::Lz4 { block_bytes: 0 } => bare("lz4"),
            Codec::Lz4 { block_bytes } => with(format!("lz4 = {{ block_bytes = {block_bytes} }}")),
            Codec::Bitshuffle { then, block_elements } => {
                let level = if let BitshuffleCodec::Zstd(level) = then { format!(", level = {level}") } else { String::new() };
                let block = if *block_elements > 0 { format!(", block_elements = {block_elements}") } else { String::new() };
                with(format!("bitshuffle = {{ codec = \"{}\"{level}{block} }}", then.word()))
            }
            Codec::Blosc { codec, level, shuffle } => {
                with(format!("blosc = {{ codec = \"{}\", level = {level}, shuffle = \"{}\" }}", codec.word(), shuffle.word()))
            }
            Codec::Other { id, params } if params.is_empty() => with(format!("id = {id}")),
            Codec::Other { id, params } => with(format!("id = {id}, params = {params:?}")),
        }
    }
}

impl Codec {
    /// The registered number.
    pub fn id(&self) -> i32 {
        match self {
            Codec::Deflate(_) => 1,
            Codec::Shuffle => 2,
            Codec::Fletcher32 => 3,
            Codec::Szip { .. } => 4,
            Codec::Nbit => 5,
            Codec::ScaleOffset(_) => 6,
            Codec::Lzf => 32000,
            Codec::Blosc { .. } => 32001,
            Codec::Lz4 { .. } => 32004,
            Codec::Bitshuffle { .. } => 32008,
            Codec::Zstd(_) => 32015,
            Codec::Other { id, .. } => *id,
        }
    }

    /// What HDF5's setters do, and h5py and hdf5plugin for the others: all but the checksum are optional. A
    /// filter that this program does not know is mandatory: nothing shall be left out silently.
    pub fn is_optional_by_default(&self) -> bool {
        !matches!(self.id(), 3) && is_known(self.id())
    }

    /// Does this program run the filter? Others can be seen, compared and copied, not written or read through.
    pub fn runs_here(&self) -> bool {
        is_known(self.id()) && self.id() != 4
    }

    /// The canonical form of a filter's parameters: as stored, or as a program passes them to H5Pset_filter.
    ///
    /// What does not fit the form is kept as it is, as [`Codec::Other`].
    pub fn canonical(id: i32, params: &[u32]) -> Codec {
        known(id, params).unwrap_or_else(|| Codec::Other { id, params: params.to_vec() })
    }
}

fn is_known(id: i32) -> bool {
    matches!(id, 1..=6 | 32000 | 32001 | 32004 | 32008 | 32015)
}

fn known(id: i32, params: &[u32]) -> Option<Codec> {
    Some(match (id, params) {
        (1, [level @ 0..=9]) => Codec::Deflate(*level),
        (2, [] | [_]) => Codec::Shuffle,
        (3, []) => Codec::Fletcher32,
        (4, [mask, pixels @ 2..=32]) if pixels % 2 == 0 => {
            let coding = match (mask & SZIP_NN != 0, mask & SZIP_EC != 0) {
                (true, false) => SzipCoding::Nn,
                (false, true) => SzipCoding::Ec,
                _ => return None,
            };
            Codec::Szip { coding, pixels_per_block: *pixels }
        }
        (5, _) => Codec::Nbit,
        (6, [0, decimals, ..]) if i32::try_from(*decimals).is_ok() => Codec::ScaleOffset(Scale::Float { decimals: *decimals }),
        (6, [2, min_bits @ 0..=64, ..]) => Codec::ScaleOffset(Scale::Integer { min_bits: *min_bits }),
        (32000, [] | [_, _, _]) => Codec::Lzf,
        (32001, rest) if rest.len() <= 7 => blosc(rest)?,
        (32004, []) => Codec::Lz4 { block_bytes: 0 },
        (32004, [block_bytes @ 0..=LZ4_MOST_BYTES]) => Codec::Lz4 { block_bytes: *block_bytes },
        // Version, version and element size come first where the filter has set them.
        (32008, [_, _, _, user @ ..]) => bitshuffle(user)?,
        (32008, user) => bitshuffle(user)?,
        (32015, []) => Codec::Zstd(3),
        (32015, [level]) => {
            let level = *level as i32;
            if !(ZSTD_LOWEST..=ZSTD_HIGHEST).contains(&level) {
                return None;
            }
            Codec::Zstd(level)
        }
        _ => return None,
    })
}

/// The first four are versions, element size and chunk bytes; absent ones have the filter's defaults.
fn blosc(params: &[u32]) -> Option<Codec> {
    let at = |i: usize, default: u32| params.get(i).copied().unwrap_or(default);
    let codec = *BloscCodec::ALL.get(at(6, 0) as usize)?;
    let shuffle = *BloscShuffle::ALL.get(at(5, 1) as usize)?;
    let level = at(4, 5);
    (level <= 9).then_some(Codec::Blosc { codec, level, shuffle })
}

fn bitshuffle(user: &[u32]) -> Option<Codec> {
    let (block_elements, then) = match user {
        [] => (0, BitshuffleCodec::None),
        [block] | [block, 0] => (*block, BitshuffleCodec::None),
        [block, 2] => (*block, BitshuffleCodec::Lz4),
        [block, 3, level @ 0..=22] => (*block, BitshuffleCodec::Zstd(*level)),
        _ => return None,
    };
    (block_elements.is_multiple_of(8) && i32::try_from(block_elements).is_ok()).then_some(Codec::Bitshuffle { then, block_elements })
}

impl fmt::Display for Filter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.codec.fmt(f)?;
        match (self.optional, self.codec.is_optional_by_default()) {
            (true, false) => f.write_str(" (optional)"),
            (false, true) => f.write_str(" (mandatory)"),
            _ => Ok(()),
        }
    }
}

impl fmt::Display for Codec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Codec::Shuffle => f.write_str("shuffle"),
            Codec::Deflate(level) => write!(f, "deflate {level}"),
            Codec::Fletcher32 => f.write_str("fletcher32"),
            Codec::Szip { coding, pixels_per_block } => write!(f, "szip {} {pixels_per_block}", coding.word()),
            Codec::Nbit => f.write_str("nbit"),
            Codec::ScaleOffset(Scale::Integer { min_bits: 0 }) => f.write_str("scaleoffset"),
            Codec::ScaleOffset(Scale::Integer { min_bits }) => write!(f, "scaleoffset {min_bits} bits"),
            Codec::ScaleOffset(Scale::Float { decimals }) => write!(f, "scaleoffset {decimals} decimals"),
            Codec::Lzf => f.write_str("lzf"),
            Codec::Zstd(level) => write!(f, "zstd {level}"),
            Codec::Lz4 { block_bytes: 0 } => f.write_str("lz4"),
            Codec::Lz4 { block_bytes } => write!(f, "lz4 in blocks of {block_bytes} bytes"),
            Codec::Bitshuffle { then, block_elements } => {
                f.write_str("bitshuffle")?;
                match then {
                    BitshuffleCodec::None => {}
                    BitshuffleCodec::Lz4 => f.write_str(" lz4")?,
                    BitshuffleCodec::Zstd(level) => write!(f, " zstd {level}")?,
                }
                if *block_elements > 0 { write!(f, " in blocks of {block_elements} elements") } else { Ok(()) }
            }
            Codec::Blosc { codec, level, shuffle } => {
                write!(f, "blosc {} {level}", codec.word())?;
                match shuffle {
                    BloscShuffle::None => Ok(()),
                    BloscShuffle::Byte => f.write_str(" shuffled"),
                    BloscShuffle::Bit => f.write_str(" bitshuffled"),
                }
            }
            Codec::Other { id, params } => {
                match filter_name(*id) {
                    Some(name) => write!(f, "{name} ({id})")?,
                    None => write!(f, "filter {id}")?,
                }
                if params.is_empty() { Ok(()) } else { write!(f, " {params:?}") }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_computed_is_left_out() {
        let blosc = Codec::Blosc { codec: BloscCodec::Lz4, level: 5, shuffle: BloscShuffle::Byte };
        let lz4 = Codec::Bitshuffle { then: BitshuffleCodec::Lz4, block_elements: 0 };
        let szip = Codec::Szip { coding: SzipCoding::Nn, pixels_per_block: 8 };
        for (id, params, expect) in [
            (1, &[4][..], Codec::Deflate(4)),
            (2, &[8], Codec::Shuffle),
            (2, &[], Codec::Shuffle),
            (4, &[32, 8], szip),
            (5, &[8, 0, 100, 1, 2, 0, 12, 0], Codec::Nbit),
            (6, &[2, 0, 100, 0, 4, 0, 0, 1], Codec::ScaleOffset(Scale::Integer { min_bits: 0 })),
            (6, &[0, 3], Codec::ScaleOffset(Scale::Float { decimals: 3 })),
            (32000, &[4, 261, 800], Codec::Lzf),
            (32001, &[2, 2, 8, 800, 5, 1, 1], blosc.clone()),
            (32001, &[0, 0, 0, 0, 5, 1, 1], blosc),
            (32004, &[], Codec::Lz4 { block_bytes: 0 }),
            (32008, &[0, 4, 8, 0, 2], lz4.clone()),
            (32008, &[0, 2], lz4),
            (32015, &[(-5i32) as u32], Codec::Zstd(-5)),
        ] {
            assert_eq!(Codec::canonical(id, params), expect);
        }
        for (id, params) in [(1, &[10][..]), (4, &[36, 8]), (4, &[169, 8, 32, 100]), (6, &[1, 3]), (32001, &[0; 8]), (32008, &[0, 4, 8, 3])]
        {
            assert_eq!(Codec::canonical(id, params), Codec::Other { id, params: params.into() });
        }
    }

    #[test]
    fn flags_are_those_of_the_usual_calls() {
        assert!(Filter::from(Codec::Shuffle).optional && Filter::from(Codec::Lzf).optional);
        assert!(!Filter::from(Codec::Fletcher32).optional);
        assert!(!Filter::from(Codec::Other { id: 307, params: vec![9] }).optional);
        assert!(Filter::from(Codec::Other { id: 4, params: vec![] }).optional);
    }

    #[test]
    fn szip_matches_with_what_is_computed() {
        let stored = Filter::from(Codec::Other { id: 4, params: vec![169, 8, 32, 100] });
        let asked = Filter::from(Codec::canonical(4, &[32, 8]));
        assert!(stored.matches(&asked) && asked.matches(&stored));
        assert!(!asked.matches(&Filter { optional: false, ..asked.clone() }));
        assert!(!asked.matches(&Codec::canonical(4, &[4, 8]).into()));
    }

    #[test]
    fn they_have_names() {
        let text = |codec: Codec| Filter::from(codec).to_string();
        assert_eq!(text(Codec::Other { id: 307, params: vec![9] }), "bzip2 (307) [9]");
        assert_eq!(text(Codec::Other { id: 999, params: vec![] }), "filter 999");
        assert_eq!(Filter { codec: Codec::Deflate(4), optional: false, stored: None }.to_string(), "deflate 4 (mandatory)");
    }
}
