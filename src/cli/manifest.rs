//! Reading the manifest that a command names.

use std::mem::ManuallyDrop;

use super::args::{Allow, ManifestArgs};
use super::output::Output;
use super::worker;
use crate::apply::{Memory, Options};
use crate::manifest::{Loaded, Overrides, load};
use crate::model::Glob;
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
