//! Delimited text.
//!
//! Elements are the fields of the chosen columns, row by row. They fill a dataset when its last axis
//! is the columns and the others together are the rows; a single column or a single row also fills
//! one axis, and a single column any shape with as many elements. A scalar takes a single field.
//!
//! Quotes are `"`, doubled inside; empty lines are no rows (write `""` for an empty field that is
//! alone in its row); every row must have as many fields as the first. Spaces around numbers do not
//! count; text is taken as it is, and without a `missing` value an empty field is an empty text.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::os::unix::fs::FileExt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use csv::{ByteRecord, Reader, ReaderBuilder};

use super::field::FieldParser;
use super::{Cause, check_range, io_text};
use crate::model::{BlockSource, Dtype, Elements, Literal, Shape, bytes_text};

/// Longest row, in bytes: a quote that is never closed must not swallow the file into memory.
const MAX_ROW: u64 = 16 << 20;

/// How the file is written.
pub(super) struct Format<'a> {
    pub(super) delimiter: u8,
    pub(super) header: bool,
    /// Lines.
    pub(super) skip: u64,
    pub(super) columns: Option<&'a [Literal]>,
}

/// An opened file of delimited text.
pub(super) struct Csv {
    name: String,
    rows: Rows,
    /// Columns to take, in order.
    columns: Vec<usize>,
    parser: FieldParser,
    elements: u64,
    dtype: Dtype,
    /// The row that was read last and how many were read.
    record: ByteRecord,
    read: u64,
}

/// Counts rows and columns in one pass and compares them with the shape.
pub(super) fn open(
    file: File,
    name: &str,
    format: &Format<'_>,
    missing: Option<&Literal>,
    dtype: &Dtype,
    shape: &Shape,
) -> Result<Csv, Cause> {
    let parser = FieldParser::new(dtype, missing)?;
    let mut rows = Rows::new(file, format)?;
    let mut record = ByteRecord::new();
    let (mut count, mut width) = (0u64, rows.names.as_ref().map(ByteRecord::len));
    while rows.next(&mut record)? {
        let expected = *width.get_or_insert(record.len());
        if record.len() != expected {
            let text = format!("line {}: the row has {} fields, the rows before it have {expected}", rows.line(&record), record.len());
            return Err(Cause::new(text));
        }
        count += 1;
    }
    let columns = columns(format, rows.names.as_ref(), width)?;
    check_shape(count, columns.len() as u64, shape)?;
    rows.restart()?;
    let elements = count * columns.len() as u64;
    Ok(Csv { name: name.into(), rows, columns, parser, elements, dtype: dtype.clone(), record, read: 0 })
}

/// Places of the columns to take; all of them when none is named.
fn columns(format: &Format<'_>, names: Option<&ByteRecord>, width: Option<usize>) -> Result<Vec<usize>, Cause> {
    let width = width.unwrap_or(0);
    let Some(wanted) = format.columns else { return Ok((0..width).collect()) };
    let place = |column: &Literal| match column {
        Literal::Int(i) => usize::try_from(*i)
            .ok()
            .filter(|&i| i < width)
            .ok_or_else(|| Cause::new(format!("there is no column {i}; the file has {width}")).help("columns are counted from 0")),
        Literal::Text(name) => {
            let Some(names) = names else {
                return Err(Cause::new(format!("the column {name:?} is named, but the file has no names"))
                    .help("set `header = true` or give columns by index"));
            };
            let mut found = names.iter().enumerate().filter(|(_, n)| n.trim_ascii() == name.trim().as_bytes());
            match (found.next(), found.next()) {
                (Some((i, _)), None) => Ok(i),
                (Some(_), Some(_)) => Err(Cause::new(format!("there is more than one column {name:?}")).help("give columns by index")),
                (None, _) => {
                    let all: Vec<String> = names.iter().take(20).map(bytes_text).collect();
                    Err(Cause::new(format!("there is no column {name:?}")).help(format!("the columns are: {}", all.join(", "))))
                }
            }
        }
        other => Err(Cause::new(format!("{other} is neither a column's name nor its index"))),
    };
    wanted.iter().map(place).collect()
}

fn check_shape(rows: u64, columns: u64, shape: &Shape) -> Result<(), Cause> {
    let dims = shape.dims();
    let elements = rows.checked_mul(columns).ok_or_else(|| Cause::new("the file has too many fields"))?;
    let same = shape.elements() == Some(elements);
    let aligned = columns <= 1 || dims.last() == Some(&columns) || dims.len() <= 1 && rows <= 1;
    if same && aligned {
        return Ok(());
    }
    let word = |n: u64, one: &str| if n == 1 { format!("1 {one}") } else { format!("{n} {one}s") };
    let text = format!("the file holds {} of {}, the dataset is {shape}", word(rows, "row"), word(columns, "column"));
    Err(Cause::new(text).help(format!("declare shape = [{rows}, {columns}], or choose columns")))
}

impl BlockSource for Csv {
    fn read(&mut self, start: u64, count: usize) -> Result<Elements, String> {
        check_range(start, count, self.elements)?;
        let read = self.read_fields(start, count);
        read.map_err(|e| format!("{}: {}", self.name, e.text))
    }
}

impl Csv {
    fn read_fields(&mut self, start: u64, count: usize) -> Result<Elements, Cause> {
        let mut out = Elements::empty(&self.dtype);
        // Without columns there are no elements, and `count` is 0.
        let width = self.columns.len().max(1) as u64;
        for at in start..start + count as u64 {
            let (row, column) = (at / width, self.columns[(at % width) as usize]);
            if row + 1 < self.read {
                self.rows.restart()?;
                self.read = 0;
            }
            while self.read <= row {
                if !self.rows.next(&mut self.record)? {
                    return Err(Cause::new("the file ends before its contents do"));
                }
                self.read += 1;
            }
            let pushed = match self.record.get(column) {
                Some(field) => self.parser.push(field, &mut out),
                None => Err("there is no such field".into()),
            };
            pushed.map_err(|e| Cause::new(format!("line {}, {}: {e}", self.rows.line(&self.record), self.rows.column(column))))?;
        }
        Ok(out)
    }
}

/// The rows of a file, from the first one again when asked.
struct Rows {
    file: Arc<File>,
    delimiter: u8,
    header: bool,
    skip: u64,
    names: Option<ByteRecord>,
    reader: Reader<Metered>,
    /// Bytes since the last row began.
    pending: Arc<AtomicU64>,
}

impl Rows {
    fn new(file: File, format: &Format<'_>) -> Result<Self, Cause> {
        let file = Arc::new(file);
        let pending = Arc::new(AtomicU64::new(0));
        let reader = reader(&file, format.delimiter, format.skip, &pending)?;
        let mut rows = Self { file, delimiter: format.delimiter, header: format.header, skip: format.skip, names: None, reader, pending };
        rows.read_names()?;
        Ok(rows)
    }

    fn restart(&mut self) -> Result<(), Cause> {
        self.reader = reader(&self.file, self.delimiter, self.skip, &self.pending)?;
        self.read_names()
    }

    fn read_names(&mut self) -> Result<(), Cause> {
        if self.header {
            let mut names = ByteRecord::new();
            if !self.next(&mut names)? {
                return Err(Cause::new("the file has no header row"));
            }
            self.names = Some(names);
        }
        Ok(())
    }

    fn next(&mut self, record: &mut ByteRecord) -> Result<bool, Cause> {
        self.pending.store(0, Ordering::Relaxed);
        self.reader.read_byte_record(record).map_err(|e| match e.into_kind() {
            csv::ErrorKind::Io(e) => Cause::new(io_text(&e)),
            _ => Cause::new("the text is malformed"),
        })
    }

    /// The line of the file, from 1, on which a row begins.
    fn line(&self, record: &ByteRecord) -> u64 {
        self.skip + record.position().map_or(0, csv::Position::line)
    }

    fn column(&self, column: usize) -> String {
        match self.names.as_ref().and_then(|names| names.get(column)) {
            Some(name) => format!("column {:?}", bytes_text(name)),
            None => format!("column {column}"),
        }
    }
}

fn reader(file: &Arc<File>, delimiter: u8, skip: u64, pending: &Arc<AtomicU64>) -> Result<Reader<Metered>, Cause> {
    pending.store(0, Ordering::Relaxed);
    let mut from = Start { file: file.clone(), at: 0 };
    from.at = after_lines(from.clone(), skip)?;
    let input = Metered { from, pending: pending.clone() };
    Ok(ReaderBuilder::new().delimiter(delimiter).has_headers(false).flexible(true).buffer_capacity(64 << 10).from_reader(input))
}

/// Where the line after so many begins.
fn after_lines(from: Start, lines: u64) -> io::Result<u64> {
    let mut buffered = BufReader::with_capacity(64 << 10, from);
    let mut at = 0;
    for _ in 0..lines {
        at += buffered.skip_until(b'\n')? as u64;
    }
    Ok(at)
}

/// A place in a shared file.
#[derive(Clone)]
struct Start {
    file: Arc<File>,
    at: u64,
}

impl Read for Start {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let count = self.file.read_at(out, self.at)?;
        self.at += count as u64;
        Ok(count)
    }
}

/// Refuses to go on when a single row takes too many bytes.
struct Metered {
    from: Start,
    pending: Arc<AtomicU64>,
}

impl Read for Metered {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let count = self.from.read(out)?;
        if self.pending.fetch_add(count as u64, Ordering::Relaxed) > MAX_ROW {
            return Err(io::Error::other(format!("a row is longer than {MAX_ROW} bytes; is a quote left open?")));
        }
        Ok(count)
    }
}
