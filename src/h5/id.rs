//! Handles.

use hdf5_sys::h5i::{H5Idec_ref, hid_t};

use super::activity::Doing;
use super::plainly;

/// An HDF5 identifier that is closed on drop.
#[derive(Debug)]
pub(crate) struct Id(hid_t);

impl Id {
    /// Takes over an identifier that a call has just returned.
    pub fn own(id: hid_t) -> Self {
        Self(id)
    }

    pub fn raw(&self) -> hid_t {
        self.0
    }
}

impl Drop for Id {
    fn drop(&mut self) {
        // SAFETY: the identifier was returned by the library and is released once. Failure leaves it
        // to the library's own clean-up.
        plainly(Doing::Closing, || unsafe { H5Idec_ref(self.0) });
    }
}

/// Bytes as a C string; names and paths never hold NUL (their types see to it).
pub(crate) fn c_string(bytes: &[u8]) -> std::ffi::CString {
    let end = bytes.iter().position(|&b| b == 0).unwrap_or(bytes.len());
    std::ffi::CString::new(&bytes[..end]).unwrap_or_default()
}
