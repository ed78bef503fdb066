//! The command `h5mason`; everything is in the library.

use std::process::ExitCode;

fn main() -> ExitCode {
    // SAFETY: the first statement of the process: there is no other thread.
    unsafe { h5mason::h5::clean_environment() };
    h5mason::cli::main()
}
