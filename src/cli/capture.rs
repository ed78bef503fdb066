//! `capture`.

use std::path::{Path, PathBuf};

use super::args::{CaptureArgs, DataWhere};
use super::output::{DONE, Output, TROUBLE};
use crate::apply::{inspect, open_target};
use crate::capture::{Captured, Data, Options, capture};
use crate::diag::{Finding, Findings, Sources};
use crate::h5::{File, Locking};
use crate::manifest::{MAX_MANIFEST_BYTES, Overrides, load};
use crate::model::{Glob, H5Path};
use crate::report::findings_text;
use crate::txn::notify::{Work, Working};
use crate::txn::{Batch, Existing, NewTarget};

/// Where the manifest and what belongs to it go.
struct Place {
    manifest: PathBuf,
    /// The folder for contents, and its name as the manifest has it.
    folder: PathBuf,
    folder_name: String,
}

/// `capture`: a manifest that builds the file again.
pub fn run(args: &CaptureArgs, output: &Output) -> u8 {
    let working = Working::begin(0, 1, Work::Read, &args.file, TROUBLE);
    let code = match captured(args, output) {
        Ok(()) => DONE,
        Err(Trouble::Line(message, help)) => {
            output.error(&message, &help.iter().map(String::as_str).collect::<Vec<_>>());
            TROUBLE
        }
        Err(Trouble::Findings(findings)) => {
            let findings: Vec<Finding> = findings.into_iter().collect();
            output.tell(&findings_text(&findings, &Sources::new(), output.err));
            let count = findings.len();
            let problems = if count == 1 { "1 thing".into() } else { format!("{count} things") };
            output.tell(&format!("\n{problems} of {} cannot be captured; nothing was written.\n", args.file.display()));
            TROUBLE
        }
    };
    working.end(code);
    code
}

enum Trouble {
    Line(String, Option<String>),
    Findings(Findings),
}

fn line(message: impl ToString) -> Trouble {
    Trouble::Line(message.to_string(), None)
}

fn captured(args: &CaptureArgs, output: &Output) -> Result<(), Trouble> {
    let place = args.output.as_deref().map(place).transpose()?;
    if let Some(place) = &place {
        free(&place.manifest, args)?;
    }
    let file = open_target(&args.file, if args.no_lock { Locking::Off } else { Locking::On }).map_err(line)?;
    let globs = |texts: &[String]| -> Result<Vec<Glob>, Trouble> {
        texts.iter().map(|t| Glob::new(t).map_err(|e| line(format!("`{t}` is not a glob: {e}")))).collect()
    };
    let options = Options {
        data: match args.data {
            DataWhere::Auto => Data::Auto,
            DataWhere::Inline => Data::Inline,
            DataWhere::Sidecar => Data::Sidecar,
            DataWhere::None => Data::None,
        },
        targets: globs(&args.target)?,
        excludes: globs(&args.exclude)?,
        folder: place.as_ref().map(|p| p.folder_name.clone()),
        name: name_of(&args.file)?,
        manifest: place.as_ref().map(|p| name_of(&p.manifest)).transpose()?,
    };
    let captured = capture(&file, &options).map_err(Trouble::Findings)?;
    if captured.text.len() as u64 > MAX_MANIFEST_BYTES {
        let message = format!("the manifest would have {} bytes; {MAX_MANIFEST_BYTES} are the most that is read", captured.text.len());
        let help = "let long contents go beside it (without `--data inline`), or capture parts of the file with --target";
        return Err(Trouble::Line(message, Some(help.into())));
    }
    match place {
        Some(place) => write(&file, &captured, &place, args),
        None => {
            output.print(&captured.text);
            tell_left_out(&captured.left_out, output);
            Ok(())
        }
    }
}

/// Contents that a manifest on the screen cannot have.
fn tell_left_out(paths: &[H5Path], output: &Output) {
    if paths.is_empty() {
        return;
    }
    let list: String = paths.iter().map(|p| format!("  {p}\n")).collect();
    output.tell(&format!(
        "{} the contents of these datasets are left out, because they belong into files beside the manifest; name it with -o:\n{list}",
        output.err.bold("note:")
    ));
}

fn place(manifest: &Path) -> Result<Place, Trouble> {
    let stem = manifest
        .file_stem()
        .and_then(|s| s.to_str())
        .ok_or_else(|| line(format!("{} is not the name of a manifest", manifest.display())))?;
    let folder_name = format!("{stem}.data");
    Ok(Place { manifest: manifest.into(), folder: manifest.with_file_name(&folder_name), folder_name })
}

fn name_of(path: &Path) -> Result<String, Trouble> {
    let name = path.file_name().and_then(|n| n.to_str());
    name.map(str::to_owned).ok_or_else(|| line(format!("the name of {} is not text that a manifest can hold", path.display())))
}

/// Nothing is replaced without being asked to, and never the file that is read.
fn free(path: &Path, args: &CaptureArgs) -> Result<(), Trouble> {
    let same = |a: &Path, b: &Path| a.canonicalize().ok().zip(b.canonicalize().ok()).is_some_and(|(a, b)| a == b);
    if same(path, &args.file) {
        return Err(line(format!("{} is the file that is to be captured", path.display())));
    }
    match path.symlink_metadata() {
        Ok(_) if !args.force => Err(Trouble::Line(format!("{} exists already", path.display()), Some("--force replaces it".into()))),
        _ => Ok(()),
    }
}

/// Writes the contents first and the manifest last.
fn write(file: &File, captured: &Captured, place: &Place, args: &CaptureArgs) -> Result<(), Trouble> {
    let existing = if args.force { Existing::Replace } else { Existing::Keep };
    captured.sidecars.iter().try_for_each(|s| free(&place.folder.join(&s.name), args))?;
    let mut batch = Batch::new(!args.no_sync);
    if let Some(block) = &captured.userblock {
        let path = place.folder.join(&block.name);
        free(&path, args)?;
        let target = NewTarget::begin(&path, existing, true).map_err(line)?;
        target.put(&block.bytes).map_err(line)?;
        batch.add(target).map_err(line)?;
    }
    captured.sidecars.iter().try_for_each(|s| s.write(file, &place.folder, existing, &mut batch).map_err(line))?;
    batch.commit().map_err(line)?;
    let target = NewTarget::begin(&place.manifest, existing, true).map_err(line)?;
    target.put(captured.text.as_bytes()).map_err(line)?;
    target.commit(!args.no_sync).map_err(line)?;
    verify(&place.manifest, args)
}

/// The manifest as it is read back must find nothing to do in the file, contents aside: those were compared when
/// they were looked at, or copied.
fn verify(manifest: &Path, args: &CaptureArgs) -> Result<(), Trouble> {
    let bug = |what: String| {
        let message = format!("{} was written, but does not describe {} exactly: {what}", manifest.display(), args.file.display());
        Trouble::Line(message, Some("this is a bug in h5mason: please report it".into()))
    };
    let first = |findings: Vec<Finding>| findings.first().map_or(String::new(), |f| f.message.clone());
    let loaded =
        load(manifest, &Overrides { allow_paths: true, ..Overrides::default() }).map_err(|(_, findings)| bug(first(findings.sorted())))?;
    let options = crate::apply::Options { no_data: true, no_lock: args.no_lock, ..crate::apply::Options::default() };
    let proposal = inspect(&loaded.desired, &args.file, &options, &mut |_| {}).map_err(|e| bug(e.to_string()))?.proposal;
    match (proposal.conflicts.first(), proposal.steps.first()) {
        (None, None) => Ok(()),
        (Some(conflict), _) => Err(bug(conflict.finding.message.clone())),
        (None, Some(step)) => Err(bug(format!("{} is not as declared: {}", step.path, step.reason))),
    }
}
