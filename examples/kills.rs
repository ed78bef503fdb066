//! Kills thousands of real applies at random moments and looks at what they leave behind.
//!
//! ```sh
//! cargo build --release && cargo run --release --example kills -- 10000
//! ```
#![allow(clippy::print_stdout, clippy::print_stderr, clippy::disallowed_methods, reason = "a program of its own, with files of its own")]

#[allow(dead_code, reason = "tests use the rest")]
#[path = "../tests/sweeps/kills.rs"]
mod kills;
#[allow(dead_code, reason = "tests use the rest")]
#[path = "../tests/sweeps/processes.rs"]
mod processes;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Parser;

/// Kill real applies at random moments; exit 1 if a file is neither old nor new afterwards
#[derive(Debug, Parser)]
struct Args {
    /// How many
    #[arg(default_value = "1000")]
    rounds: usize,
    /// Of the random moments
    #[arg(long, default_value = "1")]
    seed: u64,
    /// How many at once
    #[arg(long, default_value = "2")]
    jobs: usize,
    /// The binary [default: h5mason, as cargo built it in the same profile]
    #[arg(long)]
    bin: Option<PathBuf>,
    /// Where to work [default: where temporary files go]; on a real disk, whose syncs take time, more kills land while the target is written
    #[arg(long)]
    dir: Option<PathBuf>,
    /// Kill h5py scripts that make such changes by r+ instead, and only count
    #[arg(long)]
    plain: bool,
    /// For --plain: a Python with h5py
    #[arg(long, default_value = "python3")]
    python: PathBuf,
}

fn main() -> ExitCode {
    match run(&Args::parse()) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(e) => {
            eprintln!("kills: {e}");
            ExitCode::from(2)
        }
    }
}

fn run(args: &Args) -> std::io::Result<bool> {
    let place = args.dir.clone().unwrap_or_else(std::env::temp_dir);
    let dir = tempfile::Builder::new().prefix("h5mason-kills-").tempdir_in(place)?;
    if args.plain {
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/interop/kills.py");
        let (rounds, seed) = (args.rounds.to_string(), args.seed.to_string());
        return Ok(std::process::Command::new(&args.python).arg(script).arg(dir.path()).args([rounds, seed]).status()?.success());
    }
    let bin = match &args.bin {
        Some(bin) => bin.clone(),
        None => std::env::current_exe()?.with_file_name("").join("../h5mason"),
    };
    if !bin.is_file() {
        return Err(std::io::Error::other(format!("there is no {}: build it first, or name it with --bin", bin.display())));
    }
    let config = kills::Config { bin: bin.canonicalize()?, dir: dir.path().into(), rounds: args.rounds, seed: args.seed, jobs: args.jobs };
    let report = kills::sweep(&config)?;
    println!("{report}");
    Ok(report.good())
}
