//! The command `h5mason`; everything is in the library.

use std::process::ExitCode;

fn main() -> ExitCode {
    h5mason::cli::main()
}
