//! The command `h5mason`; everything is in the library.

use std::process::ExitCode;

/// Thousands of objects are hundreds of thousands of small pieces of memory, here and in HDF5, which gets its own from it, too (`override` in Cargo.toml).
#[cfg(feature = "mimalloc")]
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    // SAFETY: the first statement of the process: there is no other thread.
    unsafe { h5mason::h5::clean_environment() };
    h5mason::cli::main()
}
