//! How a dataset is stored.

use std::fmt;

use super::{Dtype, Filter, Shape};

/// Where the elements are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Layout {
    /// In the object header.
    Compact,
    /// In one piece.
    Contiguous,
    /// In chunks, each through the filters in order.
    Chunked { chunk: Vec<u64>, filters: Vec<Filter> },
    /// In other files, one after the other: never written through.
    External(Vec<ExternalFile>),
    /// Mapped from other datasets: never written through.
    Virtual(Vec<Mapping>),
    /// A layout class this version does not know.
    Unknown(i32),
}

/// A piece of a file that holds elements of a dataset.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExternalFile {
    /// The file's name, as it is stored.
    pub file: Vec<u8>,
    /// First byte.
    pub offset: u64,
    /// Bytes; `None` is unlimited.
    pub size: Option<u64>,
}

/// Elements of a virtual dataset that come from another dataset.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mapping {
    /// Elements here.
    pub select: super::Selected,
    /// The other file's name, as it is stored; `.` is this file.
    pub file: Vec<u8>,
    /// The dataset's path there.
    pub path: Vec<u8>,
    /// Elements there.
    pub source: super::Selected,
    /// The extent of the other dataset, where the file holds one.
    pub extent: Option<Vec<u64>>,
}

/// HDF5's fill value for elements that were never written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FillValue {
    /// Zeros, by the library's default.
    Default,
    /// Explicitly none.
    Undefined,
    /// One element in the dataset's own layout.
    Value(super::Elements),
    /// A value of a type that cannot be read here.
    Unreadable,
}

/// When the fill value is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FillTime {
    /// When the space is allocated.
    Alloc,
    /// Never.
    Never,
    /// When it is allocated, if the user set a fill value.
    IfSet,
}

/// When the space is allocated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AllocTime {
    /// At creation.
    Early,
    /// At the first write.
    Late,
    /// As chunks are written.
    Incr,
}

/// Are the chunks at the edges, which the extent does not fill, filtered?
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PartialChunks {
    /// Like every chunk.
    Filter,
    /// No: they are stored as they are (H5D_CHUNK_DONT_FILTER_PARTIAL_CHUNKS).
    Raw,
}

impl Mapping {
    /// The same mapping in one way of saying it.
    fn canonical(&self) -> Self {
        Self { select: self.select.clone().canonical(), source: self.source.clone().canonical(), extent: None, ..self.clone() }
    }
}

impl Layout {
    /// Do both say the same of storage in other files?
    pub fn same_sources(&self, other: &Layout) -> bool {
        match (self, other) {
            (Layout::External(a), Layout::External(b)) => a == b,
            (Layout::Virtual(a), Layout::Virtual(b)) => a.len() == b.len() && a.iter().zip(b).all(|(a, b)| a.canonical() == b.canonical()),
            _ => true,
        }
    }

    /// The manifest's word for it.
    pub fn word(&self) -> &'static str {
        match self {
            Layout::Compact => "compact",
            Layout::Contiguous => "contiguous",
            Layout::Chunked { .. } => "chunked",
            Layout::External(_) => "external",
            Layout::Virtual(_) => "virtual",
            Layout::Unknown(_) => "unknown",
        }
    }

    /// The chunk shape, if chunked.
    pub fn chunk(&self) -> Option<&[u64]> {
        match self {
            Layout::Chunked { chunk, .. } => Some(chunk),
            Layout::Compact | Layout::Contiguous | Layout::External(_) | Layout::Virtual(_) | Layout::Unknown(_) => None,
        }
    }

    /// The filters; none unless chunked.
    pub fn filters(&self) -> &[Filter] {
        match self {
            Layout::Chunked { filters, .. } => filters,
            Layout::Compact | Layout::Contiguous | Layout::External(_) | Layout::Virtual(_) | Layout::Unknown(_) => &[],
        }
    }
}

impl fmt::Display for FillTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            FillTime::Alloc => "alloc",
            FillTime::Never => "never",
            FillTime::IfSet => "ifset",
        })
    }
}

impl fmt::Display for PartialChunks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            PartialChunks::Filter => "filter",
            PartialChunks::Raw => "raw",
        })
    }
}

impl fmt::Display for AllocTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            AllocTime::Early => "early",
            AllocTime::Late => "late",
            AllocTime::Incr => "incr",
        })
    }
}

/// HDF5 stores at most this much in an object header, less what the layout message itself needs.
pub const MOST_COMPACT_BYTES: u64 = 65_520;

/// Bytes of the elements in the file, if they do not fit into an object header.
pub fn too_large_for_compact(dtype: &Dtype, shape: &Shape) -> Option<u64> {
    let bytes = shape.elements().and_then(|n| n.checked_mul(stored_bytes(dtype))).unwrap_or(u64::MAX);
    (bytes > MOST_COMPACT_BYTES).then_some(bytes)
}

/// Bytes of an element in the file: a length, an address and an index stand for a sequence or a text of any length.
fn stored_bytes(dtype: &Dtype) -> u64 {
    match dtype.resolved() {
        t if t.is_variable_string() => 16,
        Dtype::Vlen(_) => 16,
        Dtype::Array { base, dims } => dims.iter().fold(stored_bytes(base), |n, d| n.saturating_mul(*d)),
        Dtype::Compound { size, members } => {
            let more = members.iter().map(|m| stored_bytes(&m.dtype).saturating_sub(m.dtype.size() as u64));
            more.fold(*size as u64, u64::saturating_add)
        }
        other => other.size() as u64,
    }
}

/// The chunk shape that `chunks = "auto"` stands for: part of the manifest language, never changed.
///
/// Begins with the whole shape (an axis of size 0: 1024) and halves the longest axis, the first of
/// equals, rounding up, until a chunk is not larger than 1/64 of the data, at least 16 KiB and at most
/// 1 MiB.
pub fn auto_chunks(dims: &[u64], element_bytes: usize) -> Vec<u64> {
    let mut chunk: Vec<u64> = dims.iter().map(|&d| if d == 0 { 1024 } else { d }).collect();
    let bytes = |c: &[u64]| c.iter().fold(element_bytes.max(1) as u64, |n, &d| n.saturating_mul(d));
    let target = (bytes(&chunk) / 64).clamp(16 << 10, 1 << 20);
    while bytes(&chunk) > target {
        let longest = (0..chunk.len()).rev().max_by_key(|&i| chunk[i]).unwrap_or(0);
        if chunk[longest] <= 1 {
            break;
        }
        chunk[longest] = chunk[longest].div_ceil(2);
    }
    chunk
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_fits_into_an_object_header() {
        let text = crate::model::Dtype::String(crate::model::StringType {
            length: crate::model::StringLength::Variable,
            padding: crate::model::Padding::NullTerm,
            charset: crate::model::Charset::Utf8,
        });
        let list = |n| Shape::Simple(vec![n]);
        assert_eq!(too_large_for_compact(&Dtype::float(8), &list(8190)), None);
        assert_eq!(too_large_for_compact(&Dtype::float(8), &list(8191)), Some(65_528));
        assert_eq!(too_large_for_compact(&text, &list(4095)), None);
        assert_eq!(too_large_for_compact(&text, &list(4096)), Some(65_536));
        let pair = Dtype::Array { base: Box::new(text), dims: vec![2] };
        assert_eq!(too_large_for_compact(&pair, &list(2048)), Some(65_536));
    }

    #[test]
    fn auto_chunks_are_frozen() {
        assert_eq!(auto_chunks(&[1494, 60, 47], 4), [24, 30, 47]);
        assert_eq!(auto_chunks(&[100], 8), [100]);
        assert_eq!(auto_chunks(&[0, 3], 8), [512, 3]);
        assert_eq!(auto_chunks(&[1024, 1024, 128], 8), [32, 64, 64]);
        assert_eq!(auto_chunks(&[5], 1 << 30), [1]);
    }
}
