//! Arguments.

use std::path::PathBuf;
use std::time::Duration;

use super::show::ShowArgs;
use super::worker::Orders;
use clap::{Args, Parser, Subcommand, ValueEnum};

/// Build and change HDF5 files from TOML manifests: planned, idempotent, atomic.
#[derive(Debug, Parser)]
#[command(
    name = "h5mason",
    version,
    about,
    after_help = "Exit codes: 0 done, or no difference; 1 differences found (check, diff, plan --exit-code);\n\
                  2 trouble: files are as they were; 3 changed, or in doubt: the message says what to do.\n\
                  A first try: h5mason build examples/hierarchy/hierarchy.toml"
)]
pub struct Cli {
    #[command(subcommand)]
    pub command: Command,
    /// Colour: `auto` means on a terminal, unless NO_COLOR is set
    #[arg(long, global = true, display_order = 900, value_name = "WHEN", default_value = "auto")]
    pub color: ColorWhen,
    /// Threads that generate and compare values; several jobs share them [default: all processors]
    #[arg(long, global = true, display_order = 900, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024))]
    pub threads: Option<u16>,
    /// Files that are worked on at the same time, each by a process of its own [default: as many as there are processors; twice as many for apply]
    #[arg(long, global = true, display_order = 900, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=256))]
    pub jobs: Option<u16>,
    /// Show what is kept, too, and long plans whole
    #[arg(long, short, global = true, display_order = 900)]
    pub verbose: bool,
    /// Print errors and the last line only (`plan`, `apply`, `check`)
    #[arg(long, short, global = true, display_order = 900, conflicts_with = "verbose")]
    pub quiet: bool,
    /// Give up on a file after this many seconds [default: after 5 without progress, or 60 while moving data]
    #[arg(long, global = true, display_order = 900, value_name = "SECONDS", value_parser = timeout)]
    pub timeout: Option<Duration>,
    /// What a parent tells the process that works for it
    #[arg(long, hide = true, value_name = "ORDERS")]
    pub worker: Option<Orders>,
    /// The files of the command, where they are others than its arguments: for workers
    #[arg(skip)]
    pub list: Option<std::fs::File>,
}

/// When to use colour.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum ColorWhen {
    Auto,
    Always,
    Never,
}

/// How results are printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// For people
    Text,
    /// For machines: one document a file
    Json,
}

/// How plans are printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum PlanFormat {
    /// For people
    Text,
    /// For machines: one document a file
    Json,
    /// For comments on pull requests: files with the same changes together
    Markdown,
}

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Build a new file from a manifest
    Build(BuildArgs),
    /// Show what `apply` would change, and change nothing
    Plan(PlanArgs),
    /// Change files, or create missing ones, so that they are as declared
    Apply(ApplyArgs),
    /// Is every file exactly as declared? For CI: exit 1 if not
    Check(CheckArgs),
    /// Put right what a killed or crashed `apply` has left in files
    ///
    /// A change that had reached its commit is completed, one that had not is taken back, bit for bit. Where nothing was interrupted,
    /// nothing is done, but for this: bytes behind the end of the HDF5 data, as an interrupted apply leaves them, are cut off, whoever
    /// wrote them. Every `apply` does the same first, except for the cutting.
    Recover(RecoverArgs),
    /// Write the manifest that builds a file again
    Capture(CaptureArgs),
    /// Compare two files: everything in which they differ
    ///
    /// It reads as the plan that turns A into B: `-` is only in A, `+` only in B, and what stands left of `->` is A's. Both files are
    /// only read.
    Diff(DiffArgs),
    /// List a file's datasets, print a block as NumPy would, or reduce it
    Show(ShowArgs),
    /// Print JSON Schema, for editors and machines
    Schema {
        /// Of what
        what: SchemaOf,
    },
    /// Print completions for a shell
    Completions {
        /// Which shell
        shell: clap_complete::Shell,
    },
}

/// Schemas that can be printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum SchemaOf {
    /// The manifest language
    Manifest,
    /// The JSON plan
    Plan,
}

/// `--jobs` in front of a command is for all of them; the help of one that has a single file does not offer it.
#[derive(Clone, Debug, Args)]
pub struct OneJob {
    #[arg(id = "jobs", long = "jobs", hide = true, value_parser = clap::value_parser!(u16).range(1..=256))]
    _jobs: Option<u16>,
}

impl Cli {
    /// Refuses options that say opposite things. The error is a line.
    pub fn check(&self) -> Result<(), &'static str> {
        let is_text = match &self.command {
            Command::Plan(args) => Some(args.format == PlanFormat::Text),
            Command::Check(args) => Some(args.format == PlanFormat::Text),
            Command::Apply(args) => Some(args.format == Format::Text),
            Command::Build(_)
            | Command::Recover(_)
            | Command::Capture(_)
            | Command::Diff(_)
            | Command::Show(_)
            | Command::Schema { .. }
            | Command::Completions { .. } => None,
        };
        match (self.quiet, is_text) {
            (true, None) => return Err("--quiet is for `plan`, `apply` and `check`"),
            (true, Some(false)) => return Err("--quiet is for text: of JSON and Markdown it would leave nothing"),
            (true, Some(true)) | (false, _) => {}
        }
        match &self.command {
            Command::Apply(ApplyArgs { repack: true, commit: Some(CommitWay::Journal), .. }) => {
                Err("--repack writes files anew, which --commit journal does not: use --commit replace, or neither")
            }
            _ => Ok(()),
        }
    }
}

/// What every command with a manifest takes.
#[derive(Debug, Args)]
pub struct ManifestArgs {
    /// The manifest (TOML)
    pub manifest: PathBuf,
    /// Override a variable that the manifest declares, e.g. --var site=lab
    #[arg(long = "var", value_name = "NAME=VALUE", value_parser = pair)]
    pub vars: Vec<(String, String)>,
    /// Override the size of a dimension that the manifest declares, e.g. --dim line=10
    #[arg(long = "dim", value_name = "NAME=SIZE", value_parser = pair)]
    pub dims: Vec<(String, String)>,
    /// Allow what is refused by default: `lossy`, `destructive`, `destructive=/path/glob`, `paths`
    /// (files outside of the manifest's folder), or `plugins` (HDF5 filters from HDF5_PLUGIN_PATH)
    #[arg(long, value_name = "WHAT", value_parser = allow)]
    pub allow: Vec<Allow>,
    /// Manage the contents of every dataset that has a fill, as if it said `contents = "exact"`
    #[arg(long)]
    pub exact: bool,
    /// Memory that elements on their way may take, e.g. 64MiB; several jobs share it, and results do not depend on it [default: 256MiB]
    #[arg(long, value_name = "BYTES", value_parser = memory)]
    pub memory: Option<u64>,
}

/// Which part of the manifest a command is about.
#[derive(Debug, Args)]
pub struct ScopeArgs {
    /// Only what matches, with all that is below it (but `/` is the root group alone); can be repeated
    #[arg(long, value_name = "GLOB")]
    pub target: Vec<String>,
    /// Leave out what matches, with all that is below it (but `/` is the root group alone); can be repeated
    #[arg(long, value_name = "GLOB")]
    pub exclude: Vec<String>,
    /// What may differ from its declaration: objects (`/path/glob`, with all that is below them) or attributes
    /// (`/path/glob@attribute`); can be repeated
    #[arg(long, value_name = "GLOB")]
    pub ignore: Vec<String>,
}

/// Something that is refused by default.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Allow {
    Lossy,
    Destructive(String),
    Paths,
    Plugins,
}

#[derive(Debug, Args)]
pub struct BuildArgs {
    #[command(flatten)]
    pub one: OneJob,
    #[command(flatten)]
    pub common: ManifestArgs,
    /// How results are printed
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    pub format: Format,
    /// The file to build [default: the manifest's [file] path]
    #[arg(long, short, value_name = "FILE")]
    pub output: Option<PathBuf>,
    /// Replace a file that exists
    #[arg(long)]
    pub force: bool,
    /// Do not wait until the file is on the disk: faster, but after a power loss it may be missing or empty
    #[arg(long)]
    pub no_sync: bool,
    /// Write at most this many bytes to one file, e.g. 500MB or 2GiB [default: what is free on its disk]
    #[arg(long, value_name = "BYTES", value_parser = bytes)]
    pub max_bytes: Option<u64>,
}

#[derive(Debug, Args)]
pub struct PlanArgs {
    #[command(flatten)]
    pub common: ManifestArgs,
    /// How results are printed
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    pub format: PlanFormat,
    #[command(flatten)]
    pub scope: ScopeArgs,
    /// Files to compare with: names, globs in quotes ('data/**/*.nc'), lists (@LIST: one name a line), or - for a list
    /// from standard input [default: the manifest's [file] path]
    pub files: Vec<PathBuf>,
    /// After a file that fails, begin no other one
    #[arg(long)]
    pub fail_fast: bool,
    /// Exit with 1 if anything would change
    #[arg(long)]
    pub exit_code: bool,
    /// Save the plan as JSON; `apply --plan` refuses if it is stale by then
    #[arg(long, value_name = "PLAN.json")]
    pub out: Option<PathBuf>,
    #[command(flatten)]
    pub reading: ReadingArgs,
}

#[derive(Debug, Args)]
pub struct CheckArgs {
    #[command(flatten)]
    pub common: ManifestArgs,
    /// How results are printed
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    pub format: PlanFormat,
    #[command(flatten)]
    pub scope: ScopeArgs,
    /// Files to check: names, globs in quotes ('data/**/*.nc'), lists (@LIST: one name a line), or - for a list from
    /// standard input [default: the manifest's [file] path]
    pub files: Vec<PathBuf>,
    /// After a file that fails, begin no other one
    #[arg(long)]
    pub fail_fast: bool,
    /// Tell what the plan that `plan --out` saved has found already (not yet applied) from what has changed since
    #[arg(long, value_name = "PLAN.json")]
    pub since: Option<PathBuf>,
    #[command(flatten)]
    pub reading: ReadingArgs,
}

/// Options of commands that only read.
#[derive(Debug, Args)]
pub struct ReadingArgs {
    /// Do not read and compare regions
    #[arg(long)]
    pub no_data: bool,
    /// Do not lock files while reading (for file systems without locks)
    #[arg(long)]
    pub no_lock: bool,
}

#[derive(Debug, Args)]
pub struct ApplyArgs {
    #[command(flatten)]
    pub common: ManifestArgs,
    /// How results are printed
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    pub format: Format,
    #[command(flatten)]
    pub scope: ScopeArgs,
    /// Files to change: names, globs in quotes ('data/**/*.nc'), lists (@LIST: one name a line), or - for a list from
    /// standard input [default: the manifest's [file] path]
    pub files: Vec<PathBuf>,
    /// After a file that fails, begin no other one
    #[arg(long)]
    pub fail_fast: bool,
    /// Make no new file: a FILE that does not exist fails
    #[arg(long)]
    pub existing: bool,
    /// Apply only if the plan is still the one that `plan --out` saved
    #[arg(long, value_name = "PLAN.json")]
    pub plan: Option<PathBuf>,
    /// Wait this many seconds for a file that is locked
    #[arg(long, value_name = "SECONDS", default_value = "0", value_parser = seconds)]
    pub lock_wait: Duration,
    /// How changes come into an existing file [default: journal, or replace with --repack]
    #[arg(long, value_name = "HOW")]
    pub commit: Option<CommitWay>,
    /// Leave no dead space in the files: each is written anew, compared with what it was, and takes the old one's place by a
    /// rename; where that makes it no smaller, it is kept
    #[arg(long)]
    pub repack: bool,
    /// Write at most this many bytes to one file, e.g. 500MB or 2GiB [default: what is free on its disk]
    #[arg(long, value_name = "BYTES", value_parser = bytes)]
    pub max_bytes: Option<u64>,
}

/// How changes come into an existing file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum CommitWay {
    /// In place, by a journal in the file's own tail: the cost of the change, not of the file; links, owner and attributes stay
    Journal,
    /// By a changed clone that takes the file's place: for readers that hold it open without locks, and file systems that share blocks
    Replace,
}

#[derive(Debug, Args)]
pub struct RecoverArgs {
    /// The files to recover: names, globs in quotes ('data/**/*.nc'), lists (@LIST: one name a line), or - for a list
    /// from standard input
    #[arg(required = true)]
    pub files: Vec<PathBuf>,
    /// After a file that fails, begin no other one
    #[arg(long)]
    pub fail_fast: bool,
    /// Wait this many seconds for a file that is locked
    #[arg(long, value_name = "SECONDS", default_value = "0", value_parser = seconds)]
    pub lock_wait: Duration,
}

#[derive(Debug, Args)]
pub struct CaptureArgs {
    #[command(flatten)]
    pub one: OneJob,
    /// The file to describe; it is only read
    pub file: PathBuf,
    /// The manifest to write; long contents go beside it: m.toml -> m.data/ [default: print it]
    #[arg(long, short, value_name = "MANIFEST")]
    pub output: Option<PathBuf>,
    /// Where contents go that are not one value or a simple rule
    #[arg(long, value_name = "WHERE", default_value = "auto")]
    pub data: DataWhere,
    /// Capture only what matches, with all that is below it (but `/` is the root group alone); can be repeated
    #[arg(long, value_name = "GLOB")]
    pub target: Vec<String>,
    /// Leave out what matches, with all that is below it (but `/` is the root group alone); can be repeated
    #[arg(long, value_name = "GLOB")]
    pub exclude: Vec<String>,
    /// Replace a manifest, and files beside it, that exist
    #[arg(long)]
    pub force: bool,
    /// Do not wait until the files are on the disk: faster, but after a power loss they may be missing or empty
    #[arg(long)]
    pub no_sync: bool,
    /// Do not lock the file while reading (for file systems without locks)
    #[arg(long)]
    pub no_lock: bool,
}

/// Where `capture` puts contents.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum DataWhere {
    /// Short ones into the manifest, long ones into files beside it
    Auto,
    /// All into the manifest
    Inline,
    /// All into files beside the manifest
    Sidecar,
    /// Nowhere: types, shapes and attributes only
    None,
}

#[derive(Debug, Args)]
#[command(after_help = "Exit codes: 0 equal, 1 different, 2 trouble, or something that cannot be compared.")]
pub struct DiffArgs {
    #[command(flatten)]
    pub one: OneJob,
    /// The file before
    pub a: PathBuf,
    /// The file after
    pub b: PathBuf,
    /// How results are printed
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    pub format: Format,
    /// Floats are equal if they differ by at most this share of B's value (with --atol: by at most the sum)
    #[arg(long, value_name = "X", default_value = "0", value_parser = tolerance, allow_negative_numbers = true)]
    pub rtol: f64,
    /// Floats are equal if they differ by at most this
    #[arg(long, value_name = "X", default_value = "0", value_parser = tolerance, allow_negative_numbers = true)]
    pub atol: f64,
    /// Differences that do not count: objects (`/path/glob`, with all that is below them), attributes
    /// (`/path/glob@attribute`), or `(file)`: superblock, userblock and file space; can be repeated
    #[arg(long, value_name = "GLOB")]
    pub ignore: Vec<String>,
    /// Compare only what matches, with all that is below it (but `/` is the root group alone); can be repeated
    #[arg(long, value_name = "GLOB")]
    pub target: Vec<String>,
    /// Leave out what matches, with all that is below it (but `/` is the root group alone); can be repeated
    #[arg(long, value_name = "GLOB")]
    pub exclude: Vec<String>,
    #[command(flatten)]
    pub reading: ReadingArgs,
}

fn tolerance(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(x) if x.is_finite() && x >= 0.0 => Ok(x),
        _ => Err("a number from 0".into()),
    }
}

fn pair(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((name, value)) if !name.is_empty() => Ok((name.into(), value.into())),
        _ => Err("write NAME=VALUE".into()),
    }
}

fn allow(text: &str) -> Result<Allow, String> {
    match text.split_once('=').unwrap_or((text, "/**")) {
        ("lossy", "/**") => Ok(Allow::Lossy),
        ("paths", "/**") => Ok(Allow::Paths),
        ("destructive", glob) => {
            crate::model::Glob::new(glob).map(|_| Allow::Destructive(glob.into())).map_err(|e| format!("not a glob: {e}"))
        }
        ("plugins", "/**") => Ok(Allow::Plugins),
        _ => Err("one of lossy, destructive, destructive=/path/glob, paths, plugins".into()),
    }
}

/// Less than one block of elements is a forgotten unit.
fn memory(text: &str) -> Result<u64, String> {
    match bytes(text)? {
        few if few < 1 << 20 => Err("at least 1MiB".into()),
        bytes => Ok(bytes),
    }
}

/// A number with a unit, or without: 4096, 64KiB, 1.5GB.
fn bytes(text: &str) -> Result<u64, String> {
    let wrong = || "a number of bytes, with KB, MB, GB, TB, KiB, MiB, GiB or TiB behind it if need be".to_string();
    let digits = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
    let (number, unit) = text.split_at(digits);
    let scale: f64 = match unit.trim() {
        "" | "B" => 1.0,
        "KB" | "kB" => 1e3,
        "MB" => 1e6,
        "GB" => 1e9,
        "TB" => 1e12,
        "KiB" => 1024.0,
        "MiB" => 1_048_576.0,
        "GiB" => 1_073_741_824.0,
        "TiB" => 1_099_511_627_776.0,
        _ => return Err(wrong()),
    };
    match number.parse::<f64>() {
        Ok(value) if scale == 1.0 && !number.contains('.') => {
            number.parse().or(if value.is_finite() { Ok(u64::MAX) } else { Err(wrong()) })
        }
        Ok(value) => Ok((value * scale) as u64),
        Err(_) => Err(wrong()),
    }
}

fn timeout(text: &str) -> Result<Duration, String> {
    seconds(text).and_then(|t| if t.is_zero() { Err("a number of seconds above 0".into()) } else { Ok(t) })
}

fn seconds(text: &str) -> Result<Duration, String> {
    let value: f64 = text.parse().map_err(|_| "a number of seconds".to_string())?;
    Duration::try_from_secs_f64(value).map_err(|_| "a number of seconds from 0".into())
}
