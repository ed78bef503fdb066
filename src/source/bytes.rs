//! Where an array's bytes come from: a file anywhere, an archive's member in order.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::sync::Arc;

use super::npz::Member;

/// Random access to bytes; members of archives are fast only onwards.
pub(super) enum Bytes {
    File { file: Arc<File>, length: u64 },
    Member(Member),
}

impl Bytes {
    pub(super) fn file(file: File) -> io::Result<Self> {
        let length = file.metadata()?.len();
        Ok(Bytes::File { file: Arc::new(file), length })
    }

    /// Bytes in all.
    pub(super) fn len(&self) -> u64 {
        match self {
            Bytes::File { length, .. } => *length,
            Bytes::Member(member) => member.len(),
        }
    }

    /// Fills `out` from byte `at` on; an error when there are too few.
    pub(super) fn read_at(&mut self, at: u64, out: &mut [u8]) -> io::Result<()> {
        let read = match self {
            Bytes::File { file, .. } => file.read_exact_at(out, at),
            Bytes::Member(member) => member.read_at(at, out),
        };
        read.map_err(|e| if e.kind() == io::ErrorKind::UnexpectedEof { shrunk() } else { e })
    }
}

fn shrunk() -> io::Error {
    io::Error::new(io::ErrorKind::UnexpectedEof, "the file ends before its contents do")
}
