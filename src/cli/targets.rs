//! Which files a command is about, and how failures with them are told.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use super::output::{Output, TROUBLE, UNSETTLED};
use super::worker;
use crate::apply::{ApplyError, Failure, Prepared};
use crate::diag::Finding;
use crate::manifest::Loaded;
use crate::model::Glob;
use crate::observe::ObserveError;
use crate::plan::{Blocked, Hazard};
use crate::report::{findings_text, plan_text, summary_text, target_line};
use crate::txn::TxnError;

/// The files on the command line, else the manifest's own.
pub fn targets(files: &[PathBuf], loaded: &Loaded, output: &Output) -> Option<Vec<PathBuf>> {
    if !files.is_empty() {
        return Some(files.to_vec());
    }
    match &loaded.target {
        Some(target) => Some(vec![target.clone()]),
        None => {
            output.error("no file to work on", &["name one on the command line, or write it into the manifest: [file] path = \"data.h5\""]);
            None
        }
    }
}

/// The files that this process is to work on, each with its place among all of them. `inputs`: what a file is made from.
pub fn handed<'a>(files: &'a [PathBuf], inputs: &BTreeSet<&Path>) -> Box<dyn Iterator<Item = (usize, &'a PathBuf)> + 'a> {
    if !worker::is_pooled() {
        return Box::new(files.iter().enumerate());
    }
    // Where one file is made from another one's contents, their order decides what comes of it.
    let real = |path: &Path| path.canonicalize().ok();
    let inputs: BTreeSet<PathBuf> = inputs.iter().filter_map(|path| real(path)).collect();
    let alone = !inputs.is_empty() && files.iter().filter_map(|file| real(file)).any(|file| inputs.contains(&file));
    Box::new(std::iter::from_fn(move || {
        let number = worker::next_file(alone)? as usize;
        files.get(number).map(|file| (number, file))
    }))
}

/// SHA-256 of every input file, for saved plans: other contents are another plan.
pub fn input_hashes(loaded: &Loaded) -> serde_json::Value {
    use sha2::{Digest, Sha256};
    let hash = |path: &std::path::Path| -> std::io::Result<String> {
        let mut hasher = Sha256::new();
        std::io::copy(&mut crate::source::regular(path)?, &mut HashWriter(&mut hasher))?;
        Ok(hasher.finalize().iter().map(|b| format!("{b:02x}")).collect())
    };
    let inputs: std::collections::BTreeSet<&std::path::Path> = loaded.desired.inputs().into_iter().collect();
    let list = inputs.into_iter().map(|p| serde_json::json!({ "path": p.display().to_string(), "sha256": hash(p).ok() }));
    serde_json::Value::Array(list.collect())
}

/// Hashes what is written to it.
struct HashWriter<'a>(&'a mut sha2::Sha256);

impl std::io::Write for HashWriter<'_> {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        sha2::Digest::update(self.0, bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// The exit code of a failure.
pub fn failure_code(failure: &Failure) -> u8 {
    match failure {
        Failure::Txn(TxnError::InDoubt { .. } | TxnError::Half { .. }) => UNSETTLED,
        _ => TROUBLE,
    }
}

/// A name that does not look like two lines of ours.
pub fn one_line(name: &str) -> String {
    name.replace('\n', "\\n")
}

/// A line about bytes that no HDF5 program keeps.
pub fn trailing_text(bytes: u64, what: &str) -> String {
    match bytes {
        0 => String::new(),
        _ => format!(
            "{} behind the end of the HDF5 data {what}.\n",
            crate::report::count(usize::try_from(bytes).unwrap_or(usize::MAX), "byte")
        ),
    }
}

/// The same for machines.
pub fn tell_trailing(plan: &mut serde_json::Value, bytes: u64) {
    if bytes > 0 {
        plan["target"]["trailing_bytes"] = bytes.into();
    }
}

/// The part of the manifest that the plan is about, for machines and saved plans; nothing where it is all of it.
pub fn tell_scope(plan: &mut serde_json::Value, loaded: &Loaded) {
    let scope = &loaded.desired.scope;
    if !scope.is_whole() {
        let globs = |globs: &[Glob]| globs.iter().map(|g| g.text().to_owned()).collect::<Vec<_>>();
        let ignored: Vec<String> = scope.ignored.iter().map(ToString::to_string).collect();
        plan["scope"] = serde_json::json!({ "target": globs(&scope.targets), "exclude": globs(&scope.excludes), "ignore": ignored });
    }
}

/// What can be done about it.
pub fn remedies(failure: &Failure) -> &'static [&'static str] {
    match failure {
        Failure::Txn(TxnError::Exists(_)) => &["`apply` changes an existing file; `build --force` replaces it"],
        Failure::Txn(TxnError::Locked(_)) => &["close it there and try again; `apply` can wait for it: --lock-wait SECONDS"],
        Failure::Txn(TxnError::InDoubt { .. }) => &["check the disk, then run the command again: where nothing is left to do, it says so"],
        Failure::Txn(TxnError::Half { .. }) => &["check the disk, then run `h5mason recover`: it finds out, and ends the change"],
        Failure::Space { .. } => &["free some space, or declare less; nothing was written"],
        Failure::TooMuch { .. } => &["nothing was written"],
        Failure::Repack { .. } => &["without --repack, what is declared is applied to the file as it is packed"],
        _ => &[],
    }
}

/// Prints why nothing was done to a file.
///
/// `plan_shown`: the plan that was refused stands on stdout already.
pub fn tell_failure(failure: &Failure, target: &std::path::Path, loaded: &Loaded, output: &Output, plan_shown: bool) {
    let name = target.display().to_string();
    match failure {
        Failure::Blocked(prepared, blocked) => tell_blocked(prepared, blocked, &name, loaded, output, plan_shown),
        Failure::Observe(ObserveError::Contents { path, cause }) | Failure::Apply(ApplyError::Contents { path, cause }) => {
            let fill = loaded.desired.dataset(path).and_then(|d| d.fill.as_ref());
            let place = fill
                .map(Box::as_ref)
                .or_else(|| loaded.desired.patches.iter().find(|p| p.path == *path).map(|p| &p.fill))
                .map(|f| f.origin);
            let finding = Finding::error("contents", format!("{name}: the contents of {path} cannot be made: {cause}"));
            let finding = place.into_iter().fold(finding, |f, at| f.at(at, "")).note("the file is as it was");
            output.tell(&findings_text(&[finding], &loaded.sources, output.err));
        }
        Failure::Observe(_) | Failure::Apply(_) => {
            let text = failure.to_string();
            let text = if text.contains(&name) { text } else { format!("{name}: {text}") };
            output.error(&text, &[]);
        }
        Failure::Txn(_)
        | Failure::Refused(_)
        | Failure::Repack { .. }
        | Failure::Verify { .. }
        | Failure::Space { .. }
        | Failure::TooMuch { .. } => {
            output.error(&failure.to_string(), remedies(failure));
        }
    }
}

fn tell_blocked(prepared: &Prepared, blocked: &Blocked, name: &str, loaded: &Loaded, output: &Output, plan_shown: bool) {
    match blocked {
        Blocked::Conflicts(count) => {
            tell_conflicts(prepared, loaded, output);
            let conflicts = if *count == 1 { "1 conflict".into() } else { format!("{count} conflicts") };
            output.tell(&format!("\n{conflicts} with {name}; nothing was written.\n"));
        }
        Blocked::Consent(steps) => {
            if !plan_shown && !output.quiet {
                let plan = plan_text(&prepared.proposal, output.out, output.verbose);
                let summary = summary_text(&prepared.proposal, crate::report::Tense::Future);
                output.print(&format!("{}\n{plan}{summary}\n", target_line(name, &prepared.base)));
            }
            let paths = |is: fn(Hazard) -> bool| -> Vec<String> {
                let of = steps.iter().filter(|(_, hazard)| is(*hazard)).filter_map(|(i, _)| prepared.proposal.steps.get(*i));
                let paths: BTreeSet<_> = of.map(|s| &s.path).collect();
                paths.into_iter().map(ToString::to_string).collect()
            };
            let (lossy, destructive) = (paths(Hazard::is_lossy), paths(Hazard::is_destructive));
            if !lossy.is_empty() {
                output.error(&format!("{name}: values would lose precision in {}", few(&lossy)), &["if that is meant, add --allow lossy"]);
            }
            if !destructive.is_empty() {
                let exact = destructive.first().map_or(String::new(), |p| format!(" (or --allow destructive={p})"));
                let help = format!("if that is meant, add --allow destructive{exact}");
                output.error(&format!("{name}: this would destroy {}", few(&destructive)), &[&help, "nothing was written"]);
            }
        }
    }
}

/// Conflicts with their places in the manifest.
pub fn tell_conflicts(prepared: &Prepared, loaded: &Loaded, output: &Output) {
    let findings: Vec<_> = prepared.proposal.conflicts.iter().map(|c| c.finding.clone()).collect();
    output.tell(&findings_text(&findings, &loaded.sources, output.err));
}

fn few(paths: &[String]) -> String {
    match paths {
        [one] => one.clone(),
        [a, b] => format!("{a} and {b}"),
        [a, b, rest @ ..] => format!("{a}, {b} and {} more", rest.len()),
        [] => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_that_is_done_has_its_own_code() {
        let path = PathBuf::from("x.h5");
        assert_eq!(failure_code(&Failure::Txn(TxnError::InDoubt { path: path.clone(), cause: "input/output error".into() })), 3);
        assert_eq!(failure_code(&Failure::Txn(TxnError::Exists(path))), 2);
    }
}
