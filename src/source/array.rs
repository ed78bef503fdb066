//! Arrays in npy format, in a file of their own or in an archive.

use std::io;
use std::sync::Arc;

use super::bytes::Bytes;
use super::convert::Converter;
use super::fortran::Fortran;
use super::{Cause, check_range, header, io_text, place};
use crate::model::{BlockSource, Dtype, Elements, Shape};

/// Bytes that are converted at once.
const BLOCK: usize = 1 << 20;

/// An opened array.
pub(super) struct Array {
    name: String,
    bytes: Bytes,
    /// First byte of the contents.
    data: u64,
    /// Bytes of an element in the file.
    size: usize,
    elements: u64,
    dims: Vec<u64>,
    converter: Converter,
    dtype: Dtype,
    fortran: Option<Fortran>,
}

/// Reads the header and checks it against dtype, shape and the file's length.
pub(super) fn open(mut bytes: Bytes, name: &str, dtype: &Dtype, shape: &Shape) -> Result<Array, Cause> {
    let header = header::read(&mut bytes)?;
    let held = Shape::from_dims(&header.dims);
    if held != *shape {
        return Err(
            Cause::new(format!("the file holds {held}, the dataset is {shape}")).help(format!("declare shape = {}", dims_text(&held)))
        );
    }
    let size = header.filetype.size();
    let elements = held.elements().ok_or_else(|| Cause::new(format!("the shape {held} has too many elements")))?;
    let end = elements.checked_mul(size as u64).and_then(|n| n.checked_add(header.data));
    let end = end.ok_or_else(|| Cause::new(format!("the shape {held} has too many elements")))?;
    if end > bytes.len() {
        return Err(Cause::new(format!("the file is cut off: {end} bytes are promised, {} are there", bytes.len())));
    }
    let converter = Converter::new(header.filetype, dtype)?;
    // With one axis of more than one element both orders are the same.
    let turned = header.fortran && elements > 0 && header.dims.iter().filter(|&&d| d > 1).count() > 1;
    let fortran = turned.then(|| Fortran::new(header.dims.clone(), size));
    Ok(Array { name: name.into(), bytes, data: header.data, size, elements, dims: header.dims, converter, dtype: dtype.clone(), fortran })
}

fn dims_text(shape: &Shape) -> String {
    match shape {
        Shape::Null | Shape::Scalar => "[]".into(),
        Shape::Simple(_) => shape.to_string(),
    }
}

impl Array {
    fn load(&mut self, start: u64, out: &mut [u8]) -> io::Result<()> {
        let Some(fortran) = &mut self.fortran else {
            return self.bytes.read_at(self.data + start * self.size as u64, out);
        };
        if let Bytes::Member(_) = self.bytes {
            self.bytes = unpacked(&mut self.bytes, self.data, self.elements * self.size as u64)?;
            self.data = 0;
        }
        fortran.read(&mut self.bytes, self.data, start, out)
    }
}

/// The contents of an archive's member in an unnamed temporary file, to read them in any order.
fn unpacked(bytes: &mut Bytes, data: u64, length: u64) -> io::Result<Bytes> {
    let mut file = tempfile::tempfile()?;
    let mut at = 0;
    let mut block = vec![0; BLOCK];
    while at < length {
        let count = (length - at).min(BLOCK as u64);
        let block = &mut block[..count as usize];
        bytes.read_at(data + at, block)?;
        io::Write::write_all(&mut file, block)?;
        at += count;
    }
    Ok(Bytes::File { file: Arc::new(file), length })
}

impl BlockSource for Array {
    fn read(&mut self, start: u64, count: usize) -> Result<Elements, String> {
        check_range(start, count, self.elements)?;
        let step = if self.converter.in_place() { count } else { (BLOCK / self.size).max(1) };
        let mut out = Elements::empty(&self.dtype);
        let mut done = 0;
        while done < count {
            let now = step.min(count - done);
            let first = start + done as u64;
            let mut raw = vec![0; now * self.size];
            self.load(first, &mut raw).map_err(|e| format!("{}: {}", self.name, io_text(&e)))?;
            let converted = self.converter.convert(raw);
            let more = converted.map_err(|e| format!("{}: {}: {}", self.name, place(first + e.index as u64, &self.dims), e.cause))?;
            if done == 0 {
                out = more
            } else {
                out.append(more)
            }
            done += now;
        }
        Ok(out)
    }
}
