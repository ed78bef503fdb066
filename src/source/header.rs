//! The header of npy files, versions 1 to 3: `numpy/lib/format.py`, "Format Version".

use super::bytes::Bytes;
use super::filetype::FileType;
use super::{Cause, io_text};

const MAGIC: &[u8] = b"\x93NUMPY";
/// Longest header that is read, in bytes.
const MAX_HEADER: usize = 1 << 20;
/// HDF5's limit of axes.
const MAX_RANK: usize = 32;

/// What a header says.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Header {
    pub(super) filetype: FileType,
    /// Is the first axis the fastest?
    pub(super) fortran: bool,
    pub(super) dims: Vec<u64>,
    /// First byte of the contents.
    pub(super) data: u64,
}

/// Reads and checks the header.
pub(super) fn read(bytes: &mut Bytes) -> Result<Header, Cause> {
    let length = bytes.len();
    let mut get = |at: u64, count: usize| -> Result<Vec<u8>, Cause> {
        if at + count as u64 > length {
            return Err(Cause::new("the npy header is cut off"));
        }
        let mut out = vec![0; count];
        bytes.read_at(at, &mut out).map_err(|e| Cause::new(io_text(&e)))?;
        Ok(out)
    };
    if length < 10 || get(0, 6)? != MAGIC {
        return Err(Cause::new("not an npy file").help("npy files begin with \"\\x93NUMPY\"; for plain bytes use fill.raw"));
    }
    let version = get(6, 1)?[0];
    let (at, size) = match version {
        1 => (10, usize::from(u16::from_le_bytes(array(&get(8, 2)?)))),
        2 | 3 => (12, u32::from_le_bytes(array(&get(8, 4)?)) as usize),
        other => return Err(Cause::new(format!("npy format version {other} is not known"))),
    };
    if size > MAX_HEADER {
        return Err(Cause::new(format!("the npy header of {size} bytes is beyond the limit of {MAX_HEADER}")));
    }
    let text = get(at, size)?;
    // Versions 1 and 2 are Latin-1, but what is not ASCII can only be a structured dtype's names.
    let text = String::from_utf8_lossy(&text);
    let (descr, fortran, dims) = parse(&text)?;
    Ok(Header { filetype: FileType::parse(&descr)?, fortran, dims, data: at + size as u64 })
}

fn array<const N: usize>(bytes: &[u8]) -> [u8; N] {
    let mut out = [0; N];
    out.copy_from_slice(&bytes[..N]);
    out
}

/// `{'descr': '<f8', 'fortran_order': False, 'shape': (3, 4), }`, keys in any order.
pub(super) fn parse(text: &str) -> Result<(String, bool, Vec<u64>), Cause> {
    let mut p = Parser { rest: text };
    let (mut descr, mut fortran, mut dims) = (None, None, None);
    p.expect("{")?;
    while !p.take("}") {
        let key = p.string()?;
        p.expect(":")?;
        let first = match key.as_str() {
            "descr" => descr.replace(p.descr()?).is_none(),
            "fortran_order" => fortran.replace(p.boolean()?).is_none(),
            "shape" => dims.replace(p.tuple()?).is_none(),
            _ => false,
        };
        if !first {
            return Err(malformed());
        }
        if !p.take(",") {
            p.expect("}")?;
            break;
        }
    }
    match (descr, fortran, dims, p.rest.trim_matches([' ', '\n', '\0']).is_empty()) {
        (Some(descr), Some(fortran), Some(dims), true) => Ok((descr, fortran, dims)),
        _ => Err(malformed()),
    }
}

fn malformed() -> Cause {
    Cause::new("the npy header is malformed")
}

struct Parser<'a> {
    rest: &'a str,
}

impl Parser<'_> {
    fn take(&mut self, token: &str) -> bool {
        let rest = self.rest.trim_start_matches([' ', '\n']);
        self.rest = rest.strip_prefix(token).unwrap_or(rest);
        self.rest.len() < rest.len()
    }

    fn expect(&mut self, token: &str) -> Result<(), Cause> {
        if self.take(token) { Ok(()) } else { Err(malformed()) }
    }

    fn string(&mut self) -> Result<String, Cause> {
        let quote = if self.take("'") { '\'' } else { self.expect("\"").map(|()| '"')? };
        let (text, rest) = self.rest.split_once(quote).ok_or_else(malformed)?;
        if text.contains('\\') {
            return Err(malformed());
        }
        self.rest = rest;
        Ok(text.into())
    }

    fn descr(&mut self) -> Result<String, Cause> {
        if self.take("[") || self.take("(") {
            return Err(Cause::new("structured dtypes are not supported yet").help("save each field as an array of its own"));
        }
        self.string()
    }

    fn boolean(&mut self) -> Result<bool, Cause> {
        if self.take("True") { Ok(true) } else { self.expect("False").map(|()| false) }
    }

    fn tuple(&mut self) -> Result<Vec<u64>, Cause> {
        let mut dims = Vec::new();
        self.expect("(")?;
        while !self.take(")") {
            if dims.len() == MAX_RANK {
                return Err(Cause::new(format!("the file's array has more than {MAX_RANK} axes")));
            }
            let digits = self.rest.bytes().take_while(u8::is_ascii_digit).count();
            let (number, rest) = self.rest.split_at(digits);
            dims.push(number.parse().map_err(|_| malformed())?);
            self.rest = rest;
            // Python 2 wrote long integers with an L.
            self.take("L");
            if !self.take(",") {
                self.expect(")")?;
                break;
            }
        }
        Ok(dims)
    }
}
