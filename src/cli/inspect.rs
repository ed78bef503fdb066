//! `plan` and `check`.

use std::path::Path;

use super::args::{CheckArgs, ManifestArgs, PlanArgs, PlanFormat, ReadingArgs};
use super::manifest::{loaded_part, options};
use super::output::{DIFFERENT, DONE, Output, TROUBLE};
use super::progress::Meter;
use super::tally::{Outcome, Tally, Words};
use super::targets::{handed, input_hashes, one_line, targets, tell_conflicts, tell_failure, tell_scope, tell_trailing, trailing_text};
use super::wire::Stream;
use super::worker;
use crate::apply::{Failure, Options, Prepared, inspect};
use crate::manifest::Loaded;
use crate::model::Base;
use crate::report::{
    MarkdownPlan, Paint, PlanContext, Tense, escape_json, escape_painted, kept_text, markdown_heading, plan_json, plan_markdown, plan_text,
    summary_text, target_line,
};
use crate::txn::notify::{Work, Working};

fn reading(common: &ManifestArgs, args: &ReadingArgs) -> Options {
    Options { no_data: args.no_data, no_lock: args.no_lock, ..options(common) }
}

fn look(loaded: &Loaded, target: &Path, options: &Options) -> Result<Prepared, Failure> {
    let mut meter = Meter::new();
    inspect(&loaded.desired, target, options, &mut |p| meter.tick(&p))
}

fn json_text(
    prepared: &Prepared,
    manifest: &Path,
    target: &Path,
    loaded: &Loaded,
    pretty: bool,
    inputs: Option<&serde_json::Value>,
) -> String {
    let cx = PlanContext {
        manifest: &manifest.display().to_string(),
        sources: &loaded.sources,
        target: &target.display().to_string(),
        base: &prepared.base,
        state: &prepared.state.hash(),
    };
    let mut value = plan_json(&prepared.proposal, &cx);
    tell_trailing(&mut value, prepared.trailing);
    tell_scope(&mut value, loaded);
    if let Some(inputs) = inputs {
        value["inputs"] = inputs.clone();
    }
    let text = if pretty { serde_json::to_string_pretty(&value) } else { serde_json::to_string(&value) };
    escape_json(&text.unwrap_or_default()) + "\n"
}

/// Prints one proposal as text. Of `several` files, those that are as declared are named with `--verbose` only.
fn print_text(prepared: &Prepared, target: &Path, loaded: &Loaded, several: bool, output: &Output) {
    let proposal = &prepared.proposal;
    if proposal.is_empty() && several && !output.verbose {
        return;
    }
    let name = one_line(&target.display().to_string());
    if proposal.is_empty() {
        output.print(&format!(
            "{}: {}, nothing to do; {} considered\n",
            crate::report::escape_controls(&name),
            if prepared.compared { "as declared" } else { "as declared apart from contents, which were not compared" },
            crate::report::count(proposal.considered, "object")
        ));
    } else {
        output.print(&format!(
            "{}\n{}",
            output.out.bold(&target_line(&name, &prepared.base)),
            plan_text(proposal, output.out, output.verbose)
        ));
    }
    if output.verbose {
        output.print(&kept_text(&proposal.kept, output.out));
    }
    if !proposal.steps.is_empty() {
        output.print(&format!("{}\n", summary_text(proposal, Tense::Future)));
        output.print(&trailing_text(prepared.trailing, "will be dropped"));
    }
    if !proposal.conflicts.is_empty() {
        tell_conflicts(prepared, loaded, output);
        let count = proposal.conflicts.len();
        let conflicts = if count == 1 { "1 conflict".into() } else { format!("{count} conflicts") };
        output.tell(&format!("\n{conflicts} with {name}; `apply` would refuse.\n"));
    }
}

/// Prints one proposal as Markdown, or has the parent do so together with the same ones of other files. Those that are as declared are named
/// as in text.
fn tell_markdown(prepared: &Prepared, target: &Path, loaded: &Loaded, several: bool, output: &Output) {
    if prepared.proposal.is_empty() && several && !output.verbose {
        return;
    }
    let MarkdownPlan { extent, body } = plan_markdown(&prepared.proposal, &prepared.base, &loaded.sources, output.verbose);
    let body = escape_painted(&body, Paint::PLAIN);
    if !worker::print(Stream::Group, format!("{extent}\n{body}").as_bytes()) {
        output.print(&format!("{}{body}\n", markdown_heading(extent, &[&target.display().to_string()])));
    }
}

/// `plan`: what would change.
pub fn plan(args: &PlanArgs, output: &Output) -> u8 {
    let Some(loaded) = loaded_part(&args.common, &args.scope, output) else { return TROUBLE };
    let Some(files) = targets(&args.files, &loaded, output) else { return TROUBLE };
    if args.out.is_some() && args.reading.no_data {
        output.error("a plan without contents cannot be saved: an apply compares them", &["leave out --no-data"]);
        return TROUBLE;
    }
    let options = reading(&args.common, &args.reading);
    let (mut worst, mut saved, mut tally) = (DONE, String::new(), Tally::default());
    let inputs = args.out.is_some().then(|| input_hashes(&loaded));
    for (index, target) in handed(&files, &loaded.desired.inputs().into_iter().collect()) {
        if args.fail_fast && worst >= TROUBLE {
            break;
        }
        let working = Working::begin(index, files.len(), Work::Read, target, TROUBLE);
        let prepared = match look(&loaded, target, &options) {
            Ok(prepared) => prepared,
            Err(failure) => {
                tell_failure(&failure, target, &loaded, output, false);
                tally.count(Outcome::Failed);
                worst = TROUBLE;
                continue;
            }
        };
        match args.format {
            PlanFormat::Markdown => tell_markdown(&prepared, target, &loaded, files.len() > 1, output),
            PlanFormat::Text => print_text(&prepared, target, &loaded, files.len() > 1, output),
            PlanFormat::Json => output.print(&json_text(&prepared, &args.common.manifest, target, &loaded, files.len() == 1, None)),
        }
        if args.out.is_some() {
            saved.push_str(&json_text(&prepared, &args.common.manifest, target, &loaded, files.len() == 1, inputs.as_ref()));
        }
        tally.count(outcome(&prepared));
        let code = match (&prepared.proposal, args.exit_code) {
            (p, _) if !p.conflicts.is_empty() => TROUBLE,
            (p, true) if !p.steps.is_empty() => DIFFERENT,
            _ => DONE,
        };
        working.end(code);
        worst = worst.max(code);
    }
    tally.end(Words::of_plan(args), files.len(), output);
    let Some(path) = &args.out else { return worst };
    if worst == TROUBLE {
        output.error("no plan was saved", &["a saved plan is about all of its files, and without conflicts"]);
        return TROUBLE;
    }
    if output.later {
        // An earlier process died and took its part of the plan along; its parent has said so.
        return TROUBLE;
    }
    if !is_free_for_a_plan(path) {
        output.error(&format!("{} exists and is not a saved plan; it was left alone", path.display()), &["name another file for --out"]);
        return TROUBLE;
    }
    if let Err(e) = crate::txn::write_file(path, saved.as_bytes()) {
        output.error(&e.to_string(), &[]);
        return TROUBLE;
    }
    worst
}

fn outcome(prepared: &Prepared) -> Outcome {
    match &*prepared.proposal {
        p if !p.conflicts.is_empty() => Outcome::Conflicts,
        p if p.steps.is_empty() => Outcome::Unchanged,
        p => Outcome::Changed { bytes: p.summary().bytes },
    }
}

/// A saved plan replaces nothing but a saved plan.
fn is_free_for_a_plan(path: &Path) -> bool {
    if path.symlink_metadata().is_err() {
        return true;
    }
    if !path.is_file() {
        return false;
    }
    let text = std::fs::read(path).unwrap_or_default();
    let first = serde_json::Deserializer::from_slice(&text).into_iter::<serde_json::Value>().next();
    text.is_empty() || matches!(first, Some(Ok(v)) if v.get("format_version").is_some())
}

/// `check`: is everything as declared?
pub fn check(args: &CheckArgs, output: &Output) -> u8 {
    let Some(loaded) = loaded_part(&args.common, &args.scope, output) else { return TROUBLE };
    let Some(files) = targets(&args.files, &loaded, output) else { return TROUBLE };
    let brief = args.format != PlanFormat::Json && !output.verbose;
    if args.common.exact && args.reading.no_data {
        output.error("--exact compares all contents with their rules, and --no-data none", &["leave out one of the two"]);
        return TROUBLE;
    }
    let options = Options { brief, ..reading(&args.common, &args.reading) };
    let (mut worst, mut tally) = (DONE, Tally::default());
    for (index, target) in handed(&files, &loaded.desired.inputs().into_iter().collect()) {
        if args.fail_fast && worst >= TROUBLE {
            break;
        }
        let working = Working::begin(index, files.len(), Work::Read, target, TROUBLE);
        let prepared = match look(&loaded, target, &options) {
            Ok(prepared) => prepared,
            Err(failure) => {
                tell_failure(&failure, target, &loaded, output, false);
                tally.count(Outcome::Failed);
                worst = TROUBLE;
                continue;
            }
        };
        match args.format {
            PlanFormat::Text => {}
            PlanFormat::Json => output.print(&json_text(&prepared, &args.common.manifest, target, &loaded, files.len() == 1, None)),
            PlanFormat::Markdown => tell_markdown(&prepared, target, &loaded, files.len() > 1, output),
        }
        tally.count(outcome(&prepared));
        if prepared.proposal.is_empty() {
            if args.format == PlanFormat::Text {
                print_text(&prepared, target, &loaded, files.len() > 1, output);
            }
            working.end(DONE);
            continue;
        }
        worst = worst.max(DIFFERENT);
        if args.format == PlanFormat::Text {
            tell_difference(&prepared, target, &loaded, output);
        }
        working.end(DIFFERENT);
    }
    tally.end(Words::of_check(args), files.len(), output);
    worst
}

fn tell_difference(prepared: &Prepared, target: &Path, loaded: &Loaded, output: &Output) {
    let name = crate::report::escape_controls(&target.display().to_string());
    if prepared.base == Base::Missing {
        output.print(&format!("{}: the file does not exist\n", output.out.bold(&name)));
        return;
    }
    output.print(&format!("{}: not as declared\n{}", output.out.bold(&name), plan_text(&prepared.proposal, output.out, output.verbose)));
    if !prepared.proposal.conflicts.is_empty() {
        tell_conflicts(prepared, loaded, output);
    }
}
