//! Another file that will take the place of a locked one.

use std::fs::File;
use std::os::unix::fs::MetadataExt;
use std::sync::{Arc, Mutex};

use super::clone::Replacement;
use super::disk::Work;
use super::in_place::InPlace;
use super::new::Direct;
use super::{Receipt, TxnError};
use crate::h5::Session;

/// A new file beside a locked one. Dropped without [`Compact::commit`], it is gone and the target is as it was.
pub struct Compact {
    replacement: Replacement,
    session: Session,
}

impl Compact {
    /// Begins an empty file, to which at most so many bytes will be written.
    pub fn begin(change: &InPlace, most: u64) -> Result<Self, TxnError> {
        let replacement = Replacement::empty(change.lock())?;
        let failed = |e: std::io::Error| TxnError::io("write beside", change.path(), &e);
        let file = replacement.file();
        let meta = file.metadata().map_err(failed)?;
        let backing = Direct::sparse(file.try_clone().map_err(failed)?, most);
        // Relative names in the file are looked up from where it will stand.
        let session = Session::new(change.path(), (meta.dev(), meta.ino()), Arc::new(Mutex::new(backing)));
        Ok(Self { replacement, session })
    }

    /// What HDF5 opens.
    pub fn session(&self) -> &Session {
        &self.session
    }

    /// The file, for what HDF5 does not write.
    pub fn file(&self) -> &File {
        self.replacement.file()
    }

    /// Puts it into the place of the locked file; all that was written to that one's overlay is dropped. All files of both sessions must
    /// be closed.
    pub fn commit(self, change: InPlace) -> Result<Receipt, TxnError> {
        let path = change.path().to_owned();
        let Self { replacement, session } = self;
        if let Some(cause) = session.trouble() {
            return Err(TxnError::Io { what: "write", path, cause });
        }
        let len = replacement.file().metadata().map_err(|e| TxnError::io("read", &path, &e))?.len();
        replacement.commit(change.lock())?;
        Ok(Receipt { work: Work { written: len, syncs: 1 }, uncut: None })
    }
}
