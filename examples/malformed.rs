//! Breaks files in thousands of ways, and looks at what the commands do with them.
//!
//! ```sh
//! cargo build --release && cargo run --release --example malformed -- FILE… --count 10000
//! ```
#![allow(clippy::print_stdout, clippy::print_stderr, clippy::disallowed_methods, reason = "a program of its own, with files of its own")]

#[allow(dead_code, reason = "tests use the rest")]
#[path = "../tests/sweeps/malformed.rs"]
mod malformed;
#[allow(dead_code, reason = "tests use the rest")]
#[path = "../tests/sweeps/processes.rs"]
mod processes;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Parser;

/// Break files in many ways; exit 1 if a command crashes, hangs, takes too much memory or changes what it refuses
#[derive(Debug, Parser)]
struct Args {
    /// HDF5 files to break; they are only read
    #[arg(required = true)]
    files: Vec<PathBuf>,
    /// How many broken files to try
    #[arg(long, default_value = "1000")]
    count: usize,
    /// Try every command with each, not one
    #[arg(long)]
    all: bool,
    /// The files are those of interrupted applies
    #[arg(long)]
    interrupted: bool,
    /// Of the random ones
    #[arg(long, default_value = "1")]
    seed: u64,
    /// How many at once
    #[arg(long, default_value = "2")]
    jobs: usize,
    /// The binary [default: h5mason, as cargo built it in the same profile]
    #[arg(long)]
    bin: Option<PathBuf>,
}

fn main() -> ExitCode {
    match run(Args::parse()) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(e) => {
            eprintln!("malformed: {e}");
            ExitCode::from(2)
        }
    }
}

fn run(args: Args) -> std::io::Result<bool> {
    let memory = PathBuf::from("/dev/shm");
    let dir =
        tempfile::Builder::new().prefix("h5mason-malformed-").tempdir_in(if memory.is_dir() { memory } else { std::env::temp_dir() })?;
    let bin = match args.bin {
        Some(bin) => bin,
        None => std::env::current_exe()?.with_file_name("").join("../h5mason"),
    };
    let bin =
        bin.canonicalize().map_err(|e| std::io::Error::other(format!("{}: {e}: build it first, or name it with --bin", bin.display())))?;
    let files = args.files.iter().map(|f| f.canonicalize()).collect::<std::io::Result<_>>()?;
    let (count, all, seed, jobs) = (args.count, args.all, args.seed, args.jobs);
    let interrupted = args.interrupted;
    let limit = std::time::Duration::from_secs(10);
    let config = malformed::Config { bin, dir: dir.path().into(), files, count, all, interrupted, seed, jobs, limit };
    let report = malformed::sweep(&config)?;
    println!("{report}");
    Ok(report.wrong.is_empty())
}
