//! Reading the manifest that a command names.

use std::mem::ManuallyDrop;

use super::args::{Allow, ManifestArgs, ScopeArgs};
use super::output::Output;
use super::unmatched::{Presence, Unmatched};
use super::worker;
use crate::apply::{Memory, Options};
use crate::manifest::{Loaded, Overrides, load};
use crate::model::{Glob, Mask, Scope};
use crate::plan::Consent;
use crate::report::findings_text;

/// Loads the manifest, or prints all that is wrong with it. Plugins are on from here, if they are allowed.
///
/// It is left to the end of the process: what declares very many objects takes long to take apart.
pub fn loaded(args: &ManifestArgs, output: &Output) -> Option<ManuallyDrop<Loaded>> {
    if args.allow.contains(&Allow::Plugins) {
        crate::h5::allow_plugins();
    }
    let overrides = Overrides { vars: args.vars.clone(), dims: args.dims.clone(), allow_paths: args.allow.contains(&Allow::Paths) };
    match load(&args.manifest, &overrides) {
        Ok(loaded) => Some(ManuallyDrop::new(loaded)),
        Err((sources, findings)) => {
            let findings = findings.sorted();
            output.tell(&findings_text(&findings, &sources, output.err));
            let count = findings.len();
            let problems = if count == 1 { "1 problem".into() } else { format!("{count} problems") };
            output.tell(&format!("\n{problems} in {}; nothing was written.\n", args.manifest.display()));
            None
        }
    }
}

/// Loads the part of the manifest that the command is about, or prints what is wrong.
pub fn loaded_part(args: &ManifestArgs, scope: &ScopeArgs, output: &Output) -> Option<(ManuallyDrop<Loaded>, Presence)> {
    let unmatched = Unmatched::of_scope(scope);
    let scope = match scope_of(scope) {
        Ok(scope) => scope,
        Err(message) => {
            output.error(&message, &[]);
            return None;
        }
    };
    let mut loaded = loaded(args, output)?;
    if scope.is_whole() {
        return Some((loaded, Presence::default()));
    }
    let presence = Presence::new(unmatched, &scope, &loaded.desired);
    if let Err(unknown) = loaded.desired.narrow(scope) {
        let message = format!("--target {}: the manifest declares nothing there", unknown.join(", --target "));
        output.error(&message, &["name an object that it declares, or a glob: --target '/group/**'"]);
        return None;
    }
    Some((loaded, presence))
}

/// Fails with a line.
fn scope_of(args: &ScopeArgs) -> Result<Scope, String> {
    if args.target.iter().chain(&args.exclude).chain(&args.ignore).any(String::is_empty) {
        return Err("an empty glob: `/` is the root group alone, and `/**` everything".into());
    }
    let refused = |text: &str, e: String| format!("`{text}` is not a glob: {e}");
    let globs = |texts: &[String]| texts.iter().map(|t| Glob::new(t).map_err(|e| refused(t, e))).collect::<Result<Vec<_>, _>>();
    let mask = |text: &String| match Mask::parse(text).map_err(|e| refused(text, e))? {
        Mask::File => Err("--ignore (file) is for `diff`: nothing that is planned is about the file as a whole".into()),
        mask => Ok(mask),
    };
    let ignored = args.ignore.iter().map(mask).collect::<Result<Vec<_>, String>>()?;
    Ok(Scope { targets: globs(&args.target)?, excludes: globs(&args.exclude)?, ignored })
}

/// Options that all commands share.
pub fn options(args: &ManifestArgs) -> Options {
    let mut consent = Consent::default();
    for allow in &args.allow {
        match allow {
            Allow::Lossy => consent.lossy = true,
            Allow::Destructive(glob) => consent.destructive.extend(Glob::new(glob).ok()),
            Allow::Paths | Allow::Plugins => {}
        }
    }
    let Memory(bytes) = args.memory.map_or_else(Memory::default, Memory);
    let memory = Memory(bytes / u64::from(worker::jobs()));
    Options { exact: args.exact, consent, memory, ..Options::default() }
}
