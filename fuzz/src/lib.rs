//! What is fuzzed: each target is a plain function of bytes, which must return, soon and with bounded memory.
//!
//! libFuzzer calls them from `fuzz_targets/`, and the driver in `main.rs` on a stable toolchain. A new target is a function here, a line
//! in [`TARGETS`], a file in `fuzz_targets/` and a `[[bin]]`.

pub mod bytes;
pub mod journal;
pub mod overlay;

use std::cell::OnceCell;

use h5mason::apply::{Options, inspect};
use h5mason::manifest::{Overrides, load};
use h5mason::report::{Paint, PlanContext, findings_text, plan_json, plan_text};

/// A function that must not panic, hang or take much memory.
pub type Target = fn(&[u8]);

/// All targets by name.
pub const TARGETS: &[(&str, Target)] = &[("manifest", manifest), ("journal", journal::journal), ("overlay", overlay::overlay)];

thread_local! {
    /// A folder for the manifest, and for files that it may name; there are none.
    static FOLDER: OnceCell<tempfile::TempDir> = const { OnceCell::new() };
}

/// Text of a manifest: loaded, planned for a new file, and everything that is found printed.
pub fn manifest(data: &[u8]) {
    FOLDER.with(|folder| {
        let folder = folder.get_or_init(|| tempfile::tempdir().expect("a temporary folder")).path();
        let path = folder.join("m.toml");
        std::fs::write(&path, data).expect("a file in a temporary folder");
        let loaded = match load(&path, &Overrides::default()) {
            Ok(loaded) => loaded,
            Err((sources, findings)) => {
                findings_text(&findings.sorted(), &sources, Paint::PLAIN);
                return;
            }
        };
        let target = folder.join("missing.h5");
        if let Ok(prepared) = inspect(&loaded.desired, &target, &Options::default(), &mut |_| {}) {
            plan_text(&prepared.proposal, Paint::PLAIN, true);
            let cx = PlanContext { manifest: "m.toml", sources: &loaded.sources, target: "missing.h5", base: &prepared.base, state: &prepared.state.hash() };
            plan_json(&prepared.proposal, &cx).to_string();
            let findings: Vec<_> = prepared.proposal.conflicts.iter().map(|c| c.finding.clone()).collect();
            findings_text(&findings, &loaded.sources, Paint::PLAIN);
        }
    });
}
