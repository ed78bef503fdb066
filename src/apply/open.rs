//! Opening a target, with messages people understand.

use std::path::Path;

use super::run::Failure;
use crate::diag::system_words;
use crate::h5::{File, H5Error, Locking};
use crate::txn::{IN_USE, TxnError, interrupted, is_hdf5, not_hdf5};

/// Opens an existing target for reading, with messages people understand.
pub fn open_target(target: &Path, locking: Locking) -> Result<File, Failure> {
    readable(target, target)?;
    File::open(target, locking).map_err(|e| not_opened(e, target, target))
}

fn refused(target: &Path, what: impl Into<String>) -> Failure {
    Failure::Txn(TxnError::Refused { path: target.into(), what: what.into() })
}

/// There is none, and none is made.
pub fn no_such_file(target: &Path) -> Failure {
    refused(target, "no such file")
}

/// Is there a file that can be opened?
pub(super) fn readable(path: &Path, target: &Path) -> Result<(), Failure> {
    let meta = std::fs::metadata(path).map_err(|e| match e.kind() {
        std::io::ErrorKind::NotFound => no_such_file(target),
        _ => refused(target, system_words(&e)),
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
        Err(e) => refused(target, system_words(&e)),
        Ok(file) => match (is_hdf5(&file), interrupted(&file)) {
            (false, _) => refused(target, not_hdf5(&file)),
            (true, Some(interrupted)) => Failure::Txn(TxnError::Interrupted { path: target.into(), interrupted }),
            (true, None) => Failure::from(e),
        },
    }
}
