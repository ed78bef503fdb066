//! The place of a contiguous dataset's elements in the file, to be written past the library.

use std::sync::Arc;

use hdf5_sys::h5::haddr_t;
use hdf5_sys::h5d::H5Dget_offset;

use super::driver::{DirectWrite, Watched};
use super::{DatasetAccess, File, H5Error, Result, plainly};
use crate::h5::activity::Doing;
use crate::model::{Elements, Region};

/// More than the library's sieve buffer holds (64 KiB by default): what is written in one piece of more bytes goes to the file at once, and
/// nothing waits in memory that would be written over what we write.
const MORE_THAN_SIEVE: usize = 128 << 10;

/// Where all elements of a dataset stand, one after the other. Whoever has it writes every one of them.
pub struct Place {
    file: Arc<dyn DirectWrite>,
    watched: Watched,
    start: u64,
    len: u64,
    label: String,
}

impl File {
    /// The place of a new contiguous dataset of `len` bytes, all of which the caller will write. `None`, and nothing lost but time, where the
    /// library must write them: all of them, those of `first` included, which are `data`.
    ///
    /// The library allocates a contiguous dataset when it is first written to, and may then fill all of it with the fill value. That pass is for
    /// nothing here, so what it writes is thrown away.
    pub fn place(&self, access: &DatasetAccess, first: &Region, data: Vec<u8>, len: u64) -> Result<Option<Place>> {
        let Some(watched) = self.watched().filter(|_| data.len() >= MORE_THAN_SIEVE) else { return Ok(None) };
        watched.without_elements(|| access.write(first, &Elements::Fixed(data)))?;
        // SAFETY: a valid dataset; what has no place is HADDR_UNDEF.
        let start: haddr_t = plainly(Doing::Metadata, || unsafe { H5Dget_offset(access.object().id().raw()) });
        if start == haddr_t::MAX || access.object().storage_bytes() != len {
            return Ok(None);
        }
        let file = watched.direct(start, len);
        Ok(file.map(|file| Place { file, watched: watched.clone(), start, len, label: access.object().label().to_owned() }))
    }
}

impl Place {
    /// Writes bytes of elements, `at` bytes behind the first element. From any thread. A failure is kept in the file's session, too.
    pub fn write(&self, at: u64, bytes: &[u8]) -> Result<()> {
        let refused = |cause: String| Err(H5Error::new(format!("cannot write {}", self.label), cause));
        if at.checked_add(bytes.len() as u64).is_none_or(|end| end > self.len) {
            return refused("beyond its end".into());
        }
        match self.file.write(self.start + at, bytes) {
            Ok(()) => Ok(()),
            Err(e) => {
                self.watched.failed(&e);
                refused(crate::diag::system_words(&e))
            }
        }
    }
}
