//! `plan` and `check`.

use std::collections::BTreeMap;
use std::path::Path;

use super::args::{CheckArgs, ManifestArgs, PlanArgs, PlanFormat, ReadingArgs};
use super::groups;
use super::manifest::{loaded_part, options};
use super::output::{DIFFERENT, DONE, Output, TROUBLE};
use super::progress::Meter;
use super::since::{self, Age, Ages, Since};
use super::tally::{Outcome, Tally, Words};
use super::targets::{handed, input_hashes, one_line, targets, tell_conflicts, tell_failure, tell_scope, tell_trailing, trailing_text};
use super::wire::Stream;
use super::worker;
use crate::apply::{Failure, Options, Prepared, inspect, no_such_file};
use crate::manifest::Loaded;
use crate::model::{Base, H5Path, ScopePart};
use crate::plan::Proposal;
use crate::report::{
    MarkdownPlan, Paint, Part, PlanContext, Tense, count, escape_json, escape_painted, forms, grouped, kept_text, markdown_failed,
    markdown_heading, markdown_strong, plan_json, plan_markdown, plan_text, summary_text, target_line,
};
use crate::txn::notify::{Work, Working};

fn reading(common: &ManifestArgs, args: &ReadingArgs) -> Options {
    Options { no_data: args.no_data, no_lock: args.no_lock, ..options(common) }
}

fn look(loaded: &Loaded, target: &Path, options: &Options) -> Result<Prepared, Failure> {
    let mut meter = Meter::new();
    inspect(&loaded.desired, target, options, &mut |p| meter.tick(&p))
}

fn json(prepared: &Prepared, manifest: &Path, target: &Path, loaded: &Loaded) -> serde_json::Value {
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
    value
}

fn json_text(value: &serde_json::Value, pretty: bool) -> String {
    let text = if pretty { serde_json::to_string_pretty(value) } else { serde_json::to_string(value) };
    escape_json(&text.unwrap_or_default()) + "\n"
}

/// Prints one proposal as text. Of `several` files, those that are as declared are named with `--verbose` only.
fn print_text(prepared: &Prepared, target: &Path, loaded: &Loaded, several: bool, output: &Output) {
    let proposal = &prepared.proposal;
    if (proposal.is_empty() || output.quiet) && several && !output.verbose {
        return tell_refusal(prepared, target, loaded, output);
    }
    let name = one_line(&target.display().to_string());
    if proposal.is_empty() {
        output.print(&format!(
            "{}: {}, nothing to do; {} considered\n",
            crate::report::escape_controls(&name),
            if prepared.compared { "as declared" } else { "as declared apart from contents, which were not compared" },
            crate::report::count(proposal.considered, "object")
        ));
    } else if !output.quiet {
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
    tell_refusal(prepared, target, loaded, output);
}

/// Conflicts of a plan.
fn tell_refusal(prepared: &Prepared, target: &Path, loaded: &Loaded, output: &Output) {
    if !prepared.proposal.conflicts.is_empty() {
        tell_conflicts(prepared, loaded, output);
        let conflicts = count(prepared.proposal.conflicts.len(), "conflict");
        output.tell(&format!("\n{conflicts} with {}; `apply` would refuse.\n", one_line(&target.display().to_string())));
    }
}

/// Prints one proposal as Markdown, or has the parent do so together with the same ones of other files. Those that are as declared are named
/// as in text.
fn tell_markdown(prepared: &Prepared, target: &Path, loaded: &Loaded, drift: Option<&Drift<'_>>, several: bool, output: &Output) {
    let proposal = &prepared.proposal;
    if proposal.is_empty() && several && !output.verbose {
        return;
    }
    let forms = forms(&loaded.desired);
    let markdown = |proposal: &Proposal| plan_markdown(proposal, &prepared.base, &loaded.sources, &forms, output.verbose);
    let MarkdownPlan { extent, mut body } = markdown(proposal);
    if let Some(drift) = drift {
        body = Vec::new();
        for (title, part) in drift.parts(proposal) {
            body.push(Part::same(format!("{}\n\n", markdown_strong(&title))));
            body.extend(markdown(&part).body);
            body.push(Part::same("\n".into()));
        }
        if !proposal.conflicts.is_empty() {
            let rest = Proposal { steps: Vec::new(), dangling: Vec::new(), ..Proposal::clone(proposal) };
            body.push(Part::same(format!("{}\n", markdown_strong(&drift.rest()))));
            body.extend(markdown(&rest).body);
        }
    }
    if !worker::print(Stream::Group, groups::encoded(extent, &body).as_bytes()) {
        let body: String = body.into_iter().map(|part| part.text).collect();
        let body = escape_painted(&body, Paint::PLAIN);
        output.print(&format!("{}{body}\n", markdown_heading(extent, &[&target.display().to_string()], false)));
    }
}

/// `plan`: what would change.
pub fn plan(args: &PlanArgs, output: &Output) -> u8 {
    let Some((loaded, mut presence)) = loaded_part(&args.common, &args.scope, output) else { return TROUBLE };
    let Some(files) = targets(&args.files, &loaded, output) else { return TROUBLE };
    if args.out.is_some() && args.reading.no_data {
        output.error("a plan without contents cannot be saved: an apply compares them", &["leave out --no-data"]);
        return TROUBLE;
    }
    let options = reading(&args.common, &args.reading);
    let (mut worst, mut saved, mut tally) = (DONE, String::new(), Tally::default());
    let inputs = args.out.is_some().then(|| input_hashes(&loaded));
    let mut failed = Failed::default();
    for (index, target) in handed(&files, &loaded.desired.inputs().into_iter().collect()) {
        if args.fail_fast && worst >= TROUBLE {
            break;
        }
        let working = Working::begin(index, files.len(), Work::Read, target, TROUBLE);
        presence.look(target, &loaded.desired, args.reading.no_lock);
        let looked = look(&loaded, target, &options).and_then(|prepared| match prepared.base {
            // As `apply` would.
            Base::Missing if loaded.desired.is_about_what_is_there() => Err(no_such_file(target)),
            _ => Ok(prepared),
        });
        let prepared = match looked {
            Ok(prepared) => prepared,
            Err(failure) => {
                tell_failure(&failure, target, &loaded, output, false);
                if args.format == PlanFormat::Markdown {
                    failed.add(target, &failure);
                }
                tally.count(Outcome::Failed);
                worst = TROUBLE;
                continue;
            }
        };
        match args.format {
            PlanFormat::Markdown => tell_markdown(&prepared, target, &loaded, None, files.len() > 1, output),
            PlanFormat::Text => print_text(&prepared, target, &loaded, files.len() > 1, output),
            PlanFormat::Json => {
                output.print(&json_text(&json(&prepared, &args.common.manifest, target, &loaded), files.len() == 1));
            }
        }
        if let (Some(inputs), true) = (&inputs, prepared.proposal.conflicts.is_empty()) {
            let mut value = json(&prepared, &args.common.manifest, target, &loaded);
            value["inputs"] = inputs.clone();
            saved.push_str(&json_text(&value, files.len() == 1));
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
    failed.end(output);
    tally.end(Words::of_plan(args), files.len(), output);
    let missed = presence.end(tally.total() == files.len(), output);
    worst = worst.max(missed);
    let Some(path) = &args.out else { return worst };
    if missed >= TROUBLE {
        output.error("no plan was saved", &[]);
        return TROUBLE;
    }
    let lacking = tally.without_plan();
    if saved.is_empty() {
        output.error("no plan was saved", &["a saved plan is about files that can be read, and are without conflicts"]);
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
    if lacking > 0 {
        output.note(&format!(
            "{} lacks {}, which failed or have conflicts: `apply --plan` will refuse them",
            path.display(),
            count(lacking, "file")
        ));
    }
    worst
}

/// Files that failed, for Markdown, which is all that many people read.
#[derive(Default)]
struct Failed(BTreeMap<String, Vec<String>>);

impl Failed {
    /// Or has the parent tell it together with the others.
    fn add(&mut self, target: &Path, failure: &Failure) {
        let name = target.display().to_string();
        let why = groups::reason(&failure.to_string(), &name);
        if !worker::print(Stream::Failed, why.as_bytes()) {
            self.0.entry(why).or_default().push(name);
        }
    }

    fn end(&self, output: &Output) {
        output.print(&markdown_failed(&self.0));
    }
}

fn outcome(prepared: &Prepared) -> Outcome {
    match &*prepared.proposal {
        p if !p.conflicts.is_empty() => Outcome::Conflicts,
        p if prepared.base == Base::Missing => Outcome::Created { bytes: p.summary().bytes },
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
    let Some((loaded, mut presence)) = loaded_part(&args.common, &args.scope, output) else { return TROUBLE };
    let Some(files) = targets(&args.files, &loaded, output) else { return TROUBLE };
    let brief = args.format != PlanFormat::Json && !output.verbose;
    if args.common.exact && args.reading.no_data {
        output.error("--exact compares all contents with their rules, and --no-data none", &["leave out one of the two"]);
        return TROUBLE;
    }
    let since = match args.since.as_deref().map(Since::read).transpose() {
        Ok(since) => since.map(|since| (since, input_hashes(&loaded))),
        Err(message) => {
            output.error(&message, &[]);
            return TROUBLE;
        }
    };
    let options = Options { brief, ..reading(&args.common, &args.reading) };
    let (mut worst, mut tally) = (DONE, Tally::default());
    let mut failed = Failed::default();
    for (index, target) in handed(&files, &loaded.desired.inputs().into_iter().collect()) {
        if args.fail_fast && worst >= TROUBLE {
            break;
        }
        let working = Working::begin(index, files.len(), Work::Read, target, TROUBLE);
        presence.look(target, &loaded.desired, args.reading.no_lock);
        let prepared = match look(&loaded, target, &options) {
            Ok(prepared) => prepared,
            Err(failure) => {
                tell_failure(&failure, target, &loaded, output, false);
                if args.format == PlanFormat::Markdown {
                    failed.add(target, &failure);
                }
                tally.count(Outcome::Failed);
                worst = TROUBLE;
                continue;
            }
        };
        let plan = || json(&prepared, &args.common.manifest, target, &loaded);
        let known = since.is_some().then(plan);
        let drift = since.as_ref().zip(known.as_ref()).map(|((since, inputs), now)| {
            let scope = &loaded.desired.scope;
            let asked = |path: &str| scope.is_whole() || H5Path::parse(path).is_ok_and(|path| scope.part(&path) == ScopePart::Planned);
            Drift { since, ages: since.ages(now, inputs, &asked) }
        });
        tally.count(outcome(&prepared));
        let several = files.len() > 1;
        match args.format {
            PlanFormat::Json => {
                let mut value = known.unwrap_or_else(plan);
                if let Some(drift) = &drift {
                    drift.ages.tell(&mut value);
                }
                output.print(&json_text(&value, !several));
            }
            PlanFormat::Markdown => tell_markdown(&prepared, target, &loaded, drift.as_ref(), several, output),
            PlanFormat::Text if prepared.proposal.is_empty() => print_text(&prepared, target, &loaded, several, output),
            PlanFormat::Text if output.quiet && several => {}
            PlanFormat::Text => tell_difference(&prepared, target, &loaded, drift.as_ref(), output),
        }
        let code = if prepared.proposal.is_empty() { DONE } else { DIFFERENT };
        worst = worst.max(code);
        working.end(code);
    }
    failed.end(output);
    tally.end(Words::of_check(args), files.len(), output);
    worst.max(presence.end(tally.total() == files.len(), output))
}

/// What is known of the differences of one file, and by which plan.
struct Drift<'a> {
    since: &'a Since,
    ages: Ages,
}

impl Drift<'_> {
    /// Differences by age: a title, and the steps.
    fn parts<'a>(&'a self, proposal: &'a Proposal) -> impl Iterator<Item = (String, Proposal)> + 'a {
        let part = |age| Some((self.since.title(age, self.ages.why), since::part(proposal, &self.ages, age)?));
        Age::ALL.into_iter().filter_map(part)
    }

    /// What is known of what is not a step.
    fn rest(&self) -> String {
        self.since.title(self.ages.rest, self.ages.why)
    }
}

fn tell_difference(prepared: &Prepared, target: &Path, loaded: &Loaded, drift: Option<&Drift<'_>>, output: &Output) {
    let name = output.out.bold(&crate::report::escape_controls(&target.display().to_string()));
    let proposal = &prepared.proposal;
    if prepared.base == Base::Missing {
        let rest = drift.map_or(String::new(), |drift| format!(" ({})", drift.rest()));
        output.print(&format!("{name}: the file does not exist{rest}\n"));
        return;
    }
    output.print(&format!("{name}: not as declared\n"));
    if output.quiet {
        return;
    }
    match drift {
        None => output.print(&plan_text(proposal, output.out, output.verbose)),
        Some(drift) => {
            for (title, part) in drift.parts(proposal) {
                output.print(&format!("{title}:\n{}", plan_text(&part, output.out, output.verbose)));
            }
            let Ages { planned, done, .. } = drift.ages;
            if done > 0 {
                output.print(&format!("{} of {} are done.\n", grouped(done as u64), count(planned, "planned change")));
            }
            if !proposal.conflicts.is_empty() {
                output.print(&format!("{}:\n", drift.rest()));
            }
        }
    }
    if !proposal.conflicts.is_empty() {
        tell_conflicts(prepared, loaded, output);
    }
}
