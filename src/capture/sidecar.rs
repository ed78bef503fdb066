//! Files beside the manifest for contents that are too long for it.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File as OsFile;
use std::os::unix::fs::FileExt;
use std::path::Path;

use super::contents::blocks;
use super::text::Toml;
use crate::h5::{DatasetAccess, File, NewDataset, NewFile, Stored, prepare_missing};
use crate::model::{
    Charset, Dtype, Elements, FloatType, H5Path, Layout, Libver, Order, Orders, Padding, Partition, Region, Shape, StringLength,
    StringType, TrackOrder,
};
use crate::observe::resolve;
use crate::txn::{Batch, Existing, NewTarget};

/// The name of the dataset in an HDF5 file.
const COPY: &str = "data";
/// Longest name of a file without its ending, in bytes.
const MOST_NAME_BYTES: usize = 120;
/// A header of an npy file is a multiple of this long (`numpy/lib/format.py`).
const ALIGNMENT: usize = 64;

/// How a file holds elements.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Kind {
    /// NumPy's format, with this `descr`.
    Npy(String),
    /// The elements' bytes as the dataset has them.
    Raw,
    /// An HDF5 file with a dataset of the same type and storage.
    Hdf5,
}

/// A file to be written.
#[derive(Clone, Debug)]
pub struct Sidecar {
    /// The dataset.
    pub path: H5Path,
    /// Its name in the manifest's data folder.
    pub name: String,
    /// What it is.
    pub kind: Kind,
    /// The dataset's extent.
    pub shape: Shape,
    /// The dataset's storage.
    pub layout: Layout,
}

/// The kind of file that holds elements of this type exactly, where one does.
pub fn kind(dtype: &Dtype) -> Option<Kind> {
    match dtype {
        d if d.has_outside_data() => None,
        d => Some(descr(d).map_or(Kind::Raw, Kind::Npy)),
    }
}

/// The file for what the others cannot hold: no other file has the objects that references lead to.
pub fn hdf5(dtype: &Dtype) -> Result<Kind, String> {
    match dtype.has_references() {
        true => Err(format!("its elements of {dtype} are too many for the manifest, and another file cannot hold references")),
        false => Ok(Kind::Hdf5),
    }
}

/// NumPy's name of a type whose bytes it keeps.
fn descr(dtype: &Dtype) -> Option<String> {
    let sign = |order: Order, size: usize| match (order, size) {
        (_, 1) => '|',
        (Order::Little, _) => '<',
        (Order::Big, _) => '>',
    };
    let complex = |t: &FloatType| t.as_ieee().filter(|_| t.size >= 4).map(|order| format!("{}c{}", sign(order, t.size), 2 * t.size));
    match dtype.resolved() {
        d if d.is_bool() => Some("|b1".into()),
        d if d.as_complex().is_some() => d.as_complex().and_then(complex),
        Dtype::Complex(t) => complex(t),
        Dtype::Int(t) if t.is_standard() => Some(format!("{}{}{}", sign(t.order, t.size), if t.signed { 'i' } else { 'u' }, t.size)),
        Dtype::Float(t) => t.as_ieee().map(|order| format!("{}f{}", sign(order, t.size), t.size)),
        Dtype::String(StringType { length: StringLength::Fixed(n), padding: Padding::NullPad, charset: Charset::Ascii }) => {
            Some(format!("|S{n}"))
        }
        _ => None,
    }
}

/// Which bytes the reader of such a file takes, where not all.
pub fn allowed(dtype: &Dtype) -> Option<fn(u8) -> bool> {
    match dtype.resolved() {
        d if d.is_bool() => Some(|b| b < 2),
        Dtype::String(_) if matches!(kind(dtype), Some(Kind::Npy(_))) => Some(|b| b.is_ascii()),
        _ => None,
    }
}

/// Names of files, made from paths: each once, whether or not the file system tells cases apart.
#[derive(Default)]
pub struct Names {
    used: BTreeSet<String>,
    /// The next number of names that are the same without one: many long paths begin alike.
    next: BTreeMap<String, u64>,
}

impl Names {
    /// A name with the ending of its kind.
    pub fn name(&mut self, path: &H5Path, kind: &Kind) -> String {
        let safe = |name: &[u8]| -> String {
            name.iter().map(|&b| if b.is_ascii_alphanumeric() || b == b'-' || b == b'_' { b as char } else { '_' }).collect()
        };
        let mut stem = path.names().map(safe).collect::<Vec<_>>().join(".");
        stem.truncate(MOST_NAME_BYTES);
        let ending = match kind {
            Kind::Npy(_) => "npy",
            Kind::Raw => "raw",
            Kind::Hdf5 => "h5",
        };
        // A name of its own, which belongs to the userblock.
        self.used.insert("userblock.bin".into());
        let next = self.next.entry(format!("{stem}.{ending}").to_ascii_lowercase()).or_insert(1);
        loop {
            let name = if *next == 1 { format!("{stem}.{ending}") } else { format!("{stem}-{next}.{ending}") };
            *next += 1;
            // It may be another path's own: `/a-2`.
            if self.used.insert(name.to_ascii_lowercase()) {
                return name;
            }
        }
    }
}

impl Sidecar {
    /// What stands behind `fill`; `folder` is the data folder as the manifest sees it.
    pub fn fill(&self, folder: &str) -> Toml {
        let file = Toml::Text(format!("{folder}/{}", self.name));
        match self.kind {
            Kind::Npy(_) => Toml::Form("npy", Box::new(file)),
            Kind::Raw => Toml::Form("raw", Box::new(file)),
            Kind::Hdf5 => {
                let path = Toml::text(format!("/{COPY}"));
                Toml::Form("hdf5", Box::new(Toml::Table(vec![("file".into(), file), ("path".into(), path)])))
            }
        }
    }

    /// Copies the elements, streaming, into a file of the batch. Fails with a line.
    pub fn write(&self, file: &File, folder: &Path, existing: Existing, batch: &mut Batch) -> Result<(), String> {
        let failed = |cause: String| format!("the contents of {} cannot be copied: {cause}", self.path);
        let (object, _) = resolve(file, &self.path).map_err(|e| failed(e.to_string()))?;
        let access = object.access().map_err(|e| failed(e.cause))?;
        if self.kind == Kind::Hdf5 {
            let target = self.write_copy(&access, folder, existing).map_err(failed)?;
            return batch.add(target).map_err(|e| e.to_string());
        }
        let target = NewTarget::begin(&folder.join(&self.name), existing, true).map_err(|e| e.to_string())?;
        let io = |e: std::io::Error| format!("cannot write {}: {e}", folder.join(&self.name).display());
        let out = target.file();
        let header = match &self.kind {
            Kind::Npy(descr) => header(descr, &self.shape),
            Kind::Raw | Kind::Hdf5 => Vec::new(),
        };
        out.write_all_at(&header, 0).map_err(io)?;
        let size = access.dtype().size();
        let put = |runs: &[(u64, usize)], elements: &Elements| match elements {
            Elements::Fixed(bytes) => put(out, header.len() as u64, size, runs, bytes).map_err(io),
            Elements::Strings(_) | Elements::Nested(_) => Err("values of variable length".into()),
        };
        blocks(&access, &self.shape, &self.layout, put).map_err(failed)?;
        batch.add(target).map_err(|e| e.to_string())
    }
}

impl Sidecar {
    /// A dataset of the same type and storage, with the same elements.
    fn write_copy(&self, from: &DatasetAccess, folder: &Path, existing: Existing) -> Result<NewTarget, String> {
        let target = NewTarget::begin(&folder.join(&self.name), existing, true).map_err(|e| e.to_string())?;
        let props = NewFile {
            libver: (Libver::V18, Libver::Latest),
            userblock: 0,
            orders: Orders::both(TrackOrder::No),
            space: None,
            page_size: None,
        };
        let file = target.create(props, u64::MAX).map_err(|e| e.to_string())?;
        copy(from, &file, &self.shape, &self.layout)?;
        file.close().map_err(|e| e.to_string())?;
        Ok(target)
    }
}

/// Copies a dataset into a new file, its chunks as they are stored.
fn copy(from: &DatasetAccess, file: &File, shape: &Shape, layout: &Layout) -> Result<(), String> {
    let cause = |e: crate::h5::H5Error| e.to_string();
    let seen = from.seen().map_err(cause)?;
    let new = NewDataset {
        fill_value: &seen.fill_value,
        partial_chunks: seen.partial_chunks,
        ..NewDataset::plain(
            seen.dtype.resolved(),
            shape,
            &seen.maxshape,
            if matches!(layout, Layout::Compact) { &Layout::Contiguous } else { layout },
        )
    };
    if layout.filters().iter().any(crate::model::Filter::needs_copy) {
        return file.root().map_err(cause)?.copy_from(COPY.as_bytes(), from.object(), None).map(drop).map_err(cause);
    }
    prepare_missing(layout.filters()).map_err(cause)?;
    let to = file.root().map_err(cause)?.create_dataset(COPY.as_bytes(), &new).map_err(cause)?.access().map_err(cause)?;
    if from.same_storage(&to).map_err(cause)?
        && let Stored::Chunks(chunks) = from.stored(&seen).map_err(cause)?
    {
        for chunk in &chunks {
            to.write_chunk_raw(&chunk.offset, &from.read_chunk_raw(chunk).map_err(cause)?).map_err(cause)?;
        }
        return Ok(());
    }
    let Some(whole) = Region::whole(shape) else { return Ok(()) };
    let partition = Partition::new(&whole, layout.chunk(), from.dtype().estimated_bytes());
    for k in 0..partition.count() {
        let region = whole.sub(&partition.block(k));
        to.write(&region, &from.read(&region).map_err(cause)?).map_err(cause)?;
    }
    Ok(())
}

/// Writes runs of elements to their places, neighbours together.
fn put(out: &OsFile, start: u64, size: usize, runs: &[(u64, usize)], bytes: &[u8]) -> std::io::Result<()> {
    let mut at = 0;
    let mut runs = runs.iter().copied().peekable();
    while let Some((first, mut count)) = runs.next() {
        while let Some((_, more)) = runs.next_if(|(next, _)| *next == first + count as u64) {
            count += more;
        }
        out.write_all_at(&bytes[at..at + count * size], start + first * size as u64)?;
        at += count * size;
    }
    Ok(())
}

/// The header of version 1.0, contents in C order.
fn header(descr: &str, shape: &Shape) -> Vec<u8> {
    let sizes: Vec<String> = shape.dims().iter().map(ToString::to_string).collect();
    let comma = if sizes.len() == 1 { "," } else { "" };
    let text = format!("{{'descr': '{descr}', 'fortran_order': False, 'shape': ({}{comma}), }}", sizes.join(", "));
    // Magic, version, length; then the text, padded, with a line feed at the end.
    let length = (10 + text.len() + 1).next_multiple_of(ALIGNMENT) - 10;
    let mut out = b"\x93NUMPY\x01\x00".to_vec();
    out.extend((length as u16).to_le_bytes());
    out.extend(text.as_bytes());
    out.resize(10 + length - 1, b' ');
    out.push(b'\n');
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_safe_and_unique() {
        let mut names = Names::default();
        let mut name = |path: &str| names.name(&H5Path::parse(path).unwrap(), &Kind::Raw);
        assert_eq!(name("/a/b c"), "a.b_c.raw");
        assert_eq!(name("/a/B_c"), "a.B_c-2.raw");
        assert_eq!(name("/..x/\\xFF"), "__x._.raw");
        assert_eq!(name(&"x".repeat(300)).len(), 124);
        assert_eq!(["/s-2", "/s", "/S", "/s"].map(&mut name), ["s-2.raw", "s.raw", "S-3.raw", "s-4.raw"]);
    }

    #[test]
    fn names_that_begin_alike_are_found_at_once() {
        let mut names = Names::default();
        let path = |i: usize| H5Path::parse(&format!("/{}{i}", "x".repeat(200))).unwrap();
        let last = (0..100_000).map(|i| names.name(&path(i), &Kind::Raw)).last();
        assert_eq!(last, Some(format!("{}-100000.raw", "x".repeat(MOST_NAME_BYTES))));
    }

    #[test]
    fn headers_are_aligned() {
        for dims in [vec![], vec![3], vec![30, 40, 50], vec![u64::MAX; 32]] {
            let bytes = header("<f8", &Shape::from_dims(&dims));
            assert_eq!(bytes.len() % ALIGNMENT, 0);
            assert!(bytes.ends_with(b"\n"));
        }
        assert!(String::from_utf8_lossy(&header("|S3", &Shape::Simple(vec![7]))).contains("'shape': (7,), }"));
    }
}
