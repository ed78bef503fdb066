//! Opening a target, with messages people understand.

use std::path::Path;

use super::run::Failure;
use crate::h5::{File, H5Error, Locking};
use crate::txn::{IN_USE, TxnError, interrupted};

/// Opens an existing target for reading, with messages people understand.
pub fn open_target(target: &Path, locking: Locking) -> Result<File, Failure> {
    open_at(target, target, locking)
}

/// Opens `path`, which messages call `target`.
fn open_at(path: &Path, target: &Path, locking: Locking) -> Result<File, Failure> {
    readable(path, target)?;
    File::open(path, locking).map_err(|e| not_opened(e, path, target))
}

fn refused(target: &Path, what: impl Into<String>) -> Failure {
    Failure::Txn(TxnError::Refused { path: target.into(), what: what.into() })
}

fn in_words(e: &std::io::Error) -> String {
    e.to_string().split(" (os error").next().unwrap_or("cannot be read").to_lowercase()
}

/// Is there a file that can be opened?
pub(super) fn readable(path: &Path, target: &Path) -> Result<(), Failure> {
    let meta = std::fs::metadata(path).map_err(|e| match e.kind() {
        std::io::ErrorKind::NotFound => refused(target, "no such file"),
        _ => refused(target, in_words(&e)),
    })?;
    match (meta.is_dir(), meta.is_file()) {
        (true, _) => Err(refused(target, "it is a folder, not a file")),
        (_, false) => Err(refused(target, "it is not a regular file")),
        _ => Ok(()),
    }
}

/// What the library's refusal means.
pub(super) fn not_opened(e: H5Error, path: &Path, target: &Path) -> Failure {
    if e.is_locked() {
        return Failure::Txn(TxnError::Locked(target.into()));
    }
    if e.is_marked() {
        return refused(target, IN_USE);
    }
    match std::fs::File::open(path) {
        Err(e) => refused(target, in_words(&e)),
        Ok(file) => match (has_signature(&file), interrupted(&file)) {
            (false, _) => refused(target, "it is not an HDF5 file"),
            (true, Some(interrupted)) => Failure::Txn(TxnError::Interrupted { path: target.into(), interrupted }),
            (true, None) => Failure::from(e),
        },
    }
}

/// HDF5's signature at 0, 512, 1024, … (format specification, II.A).
fn has_signature(file: &std::fs::File) -> bool {
    use std::os::unix::fs::FileExt;
    let size = file.metadata().map_or(0, |m| m.len());
    std::iter::once(0).chain((9..62).map(|bit| 1u64 << bit)).take_while(|at| at + 8 <= size).any(|at| {
        let mut head = [0u8; 8];
        file.read_exact_at(&mut head, at).is_ok() && head == *b"\x89HDF\r\n\x1a\n"
    })
}
