//! A dataset's filters, run here instead of by the library: on any thread, outside of its lock.

use hdf5_sys::h5z::H5Z_FLAG_OPTIONAL;

use super::bytes::Damage;
use super::{Bitshuffle, Blosc, Lz4, Lzf, Transform, Zstd, bits, deflate, fletcher32, most_bytes};
use crate::h5::RawChunk;

/// The filters that chunks go through, all of which are known here.
#[derive(Debug)]
pub struct Pipeline {
    stages: Vec<Stage>,
    /// Bytes of a chunk.
    bytes: usize,
    /// Are chunks that reach over the extent's edge stored as they are?
    raw_edges: bool,
}

#[derive(Debug)]
struct Stage {
    step: Step,
    /// May a chunk do without it?
    optional: bool,
}

#[derive(Debug)]
enum Step {
    /// By elements of so many bytes.
    Shuffle(usize),
    /// At zlib's level.
    Deflate(u32),
    Fletcher32,
    /// One of those that the library calls, too.
    Registered {
        params: Vec<u32>,
        encode: Encode,
        decode: Decode,
    },
}

type Encode = fn(&[u32], &[u8], bool) -> Result<Option<Vec<u8>>, Damage>;
type Decode = fn(&[u32], &[u8], usize) -> Result<Vec<u8>, Damage>;

/// A filter as a file has it: number, flags, parameters.
pub(in crate::h5) type AsStored<'a> = (i32, u32, &'a [u32]);

impl Pipeline {
    /// For chunks of so many bytes. `None` where a filter is not known here, or lacks a parameter.
    pub(in crate::h5) fn new<'a>(filters: impl IntoIterator<Item = AsStored<'a>>, bytes: usize, raw_edges: bool) -> Option<Self> {
        let stage = |(id, flags, params): AsStored<'a>| {
            let step = Step::new(id, params)?;
            Some(Stage { step, optional: flags & H5Z_FLAG_OPTIONAL != 0 })
        };
        let stages: Vec<Stage> = filters.into_iter().map(stage).collect::<Option<_>>()?;
        // A bit of the mask for each.
        (stages.len() <= 32).then_some(Self { stages, bytes, raw_edges })
    }

    /// Does it do nothing?
    pub fn is_empty(&self) -> bool {
        self.stages.is_empty()
    }

    /// The stored form of a whole chunk; `edge`: does it reach over the extent's edge? Fails with a clause, as the library would.
    pub fn encode(&self, mut data: Vec<u8>, edge: bool) -> Result<RawChunk, String> {
        let mut filter_mask = 0;
        for (number, stage) in self.stages.iter().enumerate().filter(|_| !(edge && self.raw_edges)) {
            match stage.step.encode(&mut data, stage.optional) {
                Ok(true) => {}
                Ok(false) | Err(_) if stage.optional => filter_mask |= 1 << number,
                Ok(false) => return Err("a filter makes the chunk longer".into()),
                Err(why) => return Err(why.into()),
            }
        }
        Ok(RawChunk { filter_mask, bytes: data })
    }

    /// The elements of a stored chunk: exactly a chunk's bytes. Fails with a clause.
    pub fn decode(&self, raw: RawChunk, edge: bool) -> Result<Vec<u8>, &'static str> {
        let mut data = raw.bytes;
        let run: Vec<bool> = (0..self.stages.len()).map(|n| raw.filter_mask & 1 << n == 0 && !(edge && self.raw_edges)).collect();
        for (number, stage) in self.stages.iter().enumerate().rev().filter(|(number, _)| run[*number]) {
            // What the filters before it made of a chunk's bytes.
            let sums = self.stages.iter().zip(&run).take(number).filter(|(s, run)| **run && matches!(s.step, Step::Fletcher32)).count();
            let known = self.stages.iter().zip(&run).take(number).all(|(s, run)| !run || s.step.keeps_length());
            data = stage.step.decode(data, known.then_some(self.bytes + 4 * sums), self.bytes)?;
        }
        if data.len() == self.bytes { Ok(data) } else { Err("a chunk has another length") }
    }
}

impl Step {
    fn new(id: i32, params: &[u32]) -> Option<Self> {
        fn registered<T: Transform>(params: &[u32]) -> Step {
            Step::Registered { params: params.to_vec(), encode: T::encode, decode: T::decode }
        }
        Some(match (id, params) {
            (1, [level @ 0..=9, ..]) => Step::Deflate(*level),
            (2, [size, ..]) => Step::Shuffle(*size as usize),
            (3, _) => Step::Fletcher32,
            (32000, _) => registered::<Lzf>(params),
            (32001, _) => registered::<Blosc>(params),
            (32004, _) => registered::<Lz4>(params),
            (32008, _) => registered::<Bitshuffle>(params),
            (32015, _) => registered::<Zstd>(params),
            _ => return None,
        })
    }

    /// Does it make data of a length that is known beforehand?
    fn keeps_length(&self) -> bool {
        matches!(self, Step::Shuffle(_) | Step::Fletcher32)
    }

    /// False, and nothing done, where the filter gives up.
    fn encode(&self, data: &mut Vec<u8>, optional: bool) -> Result<bool, Damage> {
        *data = match self {
            Step::Shuffle(0 | 1) => return Ok(true),
            Step::Shuffle(size) => bits::shuffle(data, *size),
            Step::Deflate(level) => deflate::encode(data, *level)?,
            Step::Fletcher32 => fletcher32::encode(std::mem::take(data)),
            Step::Registered { params, encode, .. } => match encode(params, data, !optional)? {
                Some(made) if !made.is_empty() => made,
                _ => return Ok(false),
            },
        };
        Ok(true)
    }

    /// `len`: the bytes that must come, where they are known.
    fn decode(&self, data: Vec<u8>, len: Option<usize>, chunk: usize) -> Result<Vec<u8>, Damage> {
        match self {
            Step::Shuffle(0 | 1) => Ok(data),
            Step::Shuffle(size) => Ok(bits::unshuffle(&data, *size)),
            Step::Deflate(_) => deflate::decode(&data, len.ok_or("a compressor's output is compressed again")?),
            Step::Fletcher32 => fletcher32::decode(data),
            Step::Registered { params, decode, .. } => decode(params, &data, len.unwrap_or_else(|| most_bytes(chunk))),
        }
    }
}
