//! A small typed face of the HDF5 library: the one module that names the HDF5 crates.
//!
//! Every call goes through the crate's process-wide lock. Handles close themselves. What a file says
//! about sizes is checked before memory is reserved for it.

pub mod activity;
mod attr;
mod chunk;
mod copy;
mod dataset;
mod driver;
mod dtype;
mod elsewhere;
mod error;
mod file;
mod filter;
mod grid;
mod id;
mod lengths;
mod link;
mod object;
mod place;
mod retarget;
mod reuse;
mod space;
mod user_link;
mod value;
mod vlen;
mod whole;

pub use attr::{Attrs, Recreated};
pub use chunk::{RawChunk, Stored, StoredChunk, prepare_missing};
pub use copy::Twins;
pub use dataset::{DatasetAccess, NewDataset};
pub use driver::{Backing, DirectWrite, Session};
pub use dtype::decode as decode_type;
pub use error::H5Error;
pub use file::{File, FileInfo, Locking, NewFile, allow_plugins};
pub use filter::available as filter_available;
pub use link::Link;
pub use object::{Kind, NewGroup, Object, ObjectInfo};
pub use place::Place;
pub use retarget::Addresses;
pub use reuse::Made;
pub use whole::{BlockReader, FILTERED_BYTES, LISTED_BYTES, Placed, SameChunks, WholeChunks};

pub(crate) use driver::read_zeros;
pub(crate) use error::{Result, call, moving, plainly, status};
pub(crate) use id::Id;

/// Runs something while no other thread is in the library; what it does with the library itself is its own.
pub fn undisturbed<T>(work: impl FnOnce() -> T) -> T {
    hdf5::sync::sync(work)
}

/// Removes the environment variables that change what the HDF5 library does: file locking (which would meet
/// our own lock), drivers, connectors. `HDF5_PLUGIN_PATH` stays: it says nothing while plugins are off ([`allow_plugins`]).
///
/// # Safety
/// Only before the process has a second thread.
pub unsafe fn clean_environment() {
    let ours = std::env::vars_os().map(|(name, _)| name).filter(|n| n.as_encoded_bytes().starts_with(b"HDF5_"));
    let ours: Vec<_> = ours.filter(|name| name != "HDF5_PLUGIN_PATH").collect();
    for name in ours {
        // SAFETY: the caller vouches for a single thread.
        unsafe { std::env::remove_var(name) };
    }
}
