//! Contents from files: npy, npz, csv, raw bytes and datasets of other HDF5 files, read in blocks with bounded memory.
//!
//! [`open`] checks all that can be known without reading the contents (csv: with one pass over them,
//! to count); values are converted and checked as they are read. Headers are not trusted: every
//! size is checked against the file before anything is allocated.

mod array;
mod bytes;
mod convert;
mod csv;
mod dataset;
mod field;
mod filetype;
mod fortran;
mod header;
mod npz;
mod raw;
#[cfg(test)]
#[allow(clippy::disallowed_methods, reason = "tests make their inputs")]
mod tests;

use std::fs::File;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use rustix::fs::OFlags;

use crate::model::{BlockSource, Dtype, Shape, SourceFile, bytes_text};

pub use dataset::{Opened, same_unwritten, unwritten, whole};

/// Why a file cannot fill a dataset. Displays as one clause: `x.npy: the file holds [4, 6], …`.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{file}: {cause}")]
pub struct SourceError {
    /// The file as it was given, control characters escaped.
    pub file: String,
    /// What is wrong.
    pub cause: String,
    help: Option<String>,
}

impl SourceError {
    /// What to do about it, where that is known.
    pub fn help(&self) -> Option<String> {
        self.help.clone()
    }
}

/// An error before the file's name is added.
#[derive(Debug)]
struct Cause {
    text: String,
    help: Option<String>,
}

impl Cause {
    fn new(text: impl Into<String>) -> Self {
        Self { text: text.into(), help: None }
    }

    fn help(self, help: impl Into<String>) -> Self {
        Self { help: Some(help.into()), ..self }
    }
}

impl From<io::Error> for Cause {
    fn from(e: io::Error) -> Self {
        Cause::new(io_text(&e))
    }
}

/// Opens a file to be read as `dtype` in `shape`.
///
/// Only regular files are opened; npy, npz: the header's shape must be the dataset's and its dtype
/// convertible without loss; raw: the size must be exact; csv: rows and columns must fit (see
/// [`SourceFile::Csv`] and the module `csv`); hdf5: as for npy, and the file's filters must be there.
pub fn open(file: &SourceFile, dtype: &Dtype, shape: &Shape) -> Result<Box<dyn BlockSource>, SourceError> {
    let name = file_text(file.file());
    let opened = open_any(file, &name, dtype, shape);
    opened.map_err(|Cause { text, help }| SourceError { file: name, cause: text, help })
}

fn open_any(source: &SourceFile, name: &str, dtype: &Dtype, shape: &Shape) -> Result<Box<dyn BlockSource>, Cause> {
    if *shape == Shape::Null {
        return Err(Cause::new("a null dataset holds no values").help("leave out the fill rule or declare a shape"));
    }
    let elements = shape.elements().ok_or_else(|| Cause::new(format!("the shape {shape} has more elements than 64 bits count")))?;
    if let SourceFile::Hdf5 { file, path, select } = source {
        return Ok(Box::new(dataset::open(file, name, path, select.as_ref(), dtype, shape)?));
    }
    let file = open_regular(source.file())?;
    Ok(match source {
        SourceFile::Npy { .. } => Box::new(array::open(bytes::Bytes::file(file)?, name, dtype, shape)?),
        SourceFile::Npz { name: member, .. } => Box::new(array::open(npz::member(file, member)?, name, dtype, shape)?),
        SourceFile::Csv { delimiter, header, columns, skip, missing, .. } => {
            let format = csv::Format { delimiter: *delimiter, header: *header, skip: *skip, columns: columns.as_deref() };
            Box::new(csv::open(file, name, &format, missing.as_ref(), dtype, shape)?)
        }
        SourceFile::Raw { offset, order, .. } => Box::new(raw::open(file, name, *offset, *order, dtype, elements)?),
        // Returned above: the library opens the file itself.
        SourceFile::Hdf5 { .. } => return Err(Cause::new("not a regular file")),
    })
}

fn open_regular(path: &Path) -> Result<File, Cause> {
    regular(path).map_err(|e| match e.kind() {
        io::ErrorKind::NotFound => Cause::new("no such file").help("paths are relative to the manifest's folder"),
        _ => e.into(),
    })
}

/// Opens a regular file for reading, without ever waiting for a peer (fifo) and without touching devices.
pub fn regular(path: &Path) -> io::Result<File> {
    let irregular = || io::Error::other("not a regular file");
    if !std::fs::metadata(path)?.is_file() {
        return Err(irregular());
    }
    let flags = (OFlags::NONBLOCK | OFlags::NOCTTY).bits();
    let file = std::fs::OpenOptions::new().read(true).custom_flags(flags.cast_signed()).open(path)?;
    // What was looked at may have been replaced since.
    if file.metadata()?.is_file() { Ok(file) } else { Err(irregular()) }
}

fn file_text(path: &Path) -> String {
    bytes_text(path.as_os_str().as_bytes())
}

/// The system's message without its number.
fn io_text(e: &io::Error) -> String {
    let text = e.to_string();
    let text = text.split(" (os error").next().unwrap_or_default();
    if e.raw_os_error().is_some() { text.to_lowercase() } else { text.into() }
}

/// The indices of a flat place, for messages: `[2, 0]`; `the scalar` without axes.
fn place(mut flat: u64, dims: &[u64]) -> String {
    if dims.is_empty() {
        return "the scalar".into();
    }
    let mut index = vec![0; dims.len()];
    for (i, &size) in index.iter_mut().zip(dims).rev() {
        *i = flat % size.max(1);
        flat /= size.max(1);
    }
    format!("element {}", Shape::Simple(index))
}

/// Is `start .. start + count` within `elements`?
fn check_range(start: u64, count: usize, elements: u64) -> Result<(), String> {
    match start.checked_add(count as u64) {
        Some(end) if end <= elements => Ok(()),
        _ => Err(format!("elements {start} + {count} are beyond the {elements} there are (this is a bug)")),
    }
}
