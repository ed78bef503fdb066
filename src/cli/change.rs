//! `build` and `apply`.

use std::collections::{BTreeSet, HashMap};
use std::path::{Path, PathBuf};

use super::args::{ApplyArgs, BuildArgs, CommitWay, Format, ManifestArgs, RecoverArgs};
use super::files::real;
use super::manifest::{loaded, loaded_part, options};
use super::output::{DONE, Output, TROUBLE};
use super::progress::Meter;
use super::tally::{Outcome, Tally, Words};
use super::targets::{
    failure_code, handed, input_hashes, one_line, remedies, targets, tell_failure, tell_scope, tell_trailing, trailing_text,
};
use crate::apply::{Applied, Failure, Options, Repacked, apply, build as build_file};
use crate::manifest::Loaded;
use crate::model::Base;
use crate::report::{PlanContext, Tense, escape_json, human_bytes, kept_text, plan_json, plan_text, summary_text, target_line};
use crate::txn::notify::{Work, Working};
use crate::txn::{CommitBy, recover};

/// Of several files, those that are as declared are told with `--verbose` only.
fn tell_applied(applied: &Applied, manifest: &Path, target: &Path, loaded: &Loaded, format: Format, several: bool, output: &Output) {
    let name = target.display().to_string();
    if let Some(cause) = applied.receipt.as_ref().and_then(|r| r.uncut.as_ref()) {
        output
            .note(&format!("{name} is changed, but the journal behind its data could not be cut off: {cause}; `h5mason recover` cuts it"));
    }
    if format == Format::Json {
        let cx = PlanContext {
            manifest: &manifest.display().to_string(),
            sources: &loaded.sources,
            target: &name,
            base: &applied.base,
            state: &applied.state.hash(),
        };
        let mut value = plan_json(&applied.proposal, &cx);
        value["applied"] = applied.changed.into();
        if let Some(Repacked { before, after, replaced }) = applied.repacked {
            value["repacked"] = serde_json::json!({ "before": before, "after": after, "replaced": replaced });
        }
        tell_scope(&mut value, loaded);
        tell_trailing(&mut value, applied.trailing);
        output.print(&(escape_json(&value.to_string()) + "\n"));
        return;
    }
    let name = one_line(&name);
    if (!applied.changed || output.quiet) && several && !output.verbose {
        return;
    }
    let changes = !applied.proposal.steps.is_empty();
    if !changes {
        let what = if applied.changed { "as declared" } else { "as declared, nothing to do" };
        output.print(&format!("{}: {what}\n", crate::report::escape_controls(&name)));
    } else if !output.quiet {
        output.print(&format!(
            "{}\n{}",
            output.out.bold(&target_line(&name, &applied.base)),
            plan_text(&applied.proposal, output.out, output.verbose)
        ));
    }
    if output.verbose {
        output.print(&kept_text(&applied.proposal.kept, output.out));
    }
    if changes {
        output.print(&format!("{}\n", summary_text(&applied.proposal, Tense::Past)));
    }
    if applied.changed {
        output.print(&trailing_text(applied.trailing, "were dropped"));
    }
    if let Some(repacked) = applied.repacked {
        output.print(&repacked_text(repacked));
    }
}

fn repacked_text(repacked: Repacked) -> String {
    let Repacked { before, after, replaced } = repacked;
    match replaced {
        true if after >= before => format!("repacked: {} -> {}, without dead space\n", human_bytes(before), human_bytes(after)),
        true => {
            format!("repacked: {} -> {}, {} less\n", human_bytes(before), human_bytes(after), human_bytes(before.saturating_sub(after)))
        }
        false => format!("kept as it is packed: written anew, it would not be smaller ({})\n", human_bytes(after)),
    }
}

/// Prints the plan that was refused as JSON, where that was asked for.
fn tell_refused(failure: &Failure, common: &ManifestArgs, format: Format, target: &Path, loaded: &Loaded, output: &Output) -> bool {
    let (Failure::Blocked(prepared, _), Format::Json) = (failure, format) else { return false };
    let refused = Applied {
        base: prepared.base.clone(),
        proposal: prepared.proposal.clone(),
        changed: false,
        state: prepared.state.clone(),
        trailing: prepared.trailing,
        settled: None,
        receipt: None,
        repacked: None,
    };
    tell_applied(&refused, &common.manifest, target, loaded, Format::Json, false, output);
    true
}

/// The manifest, include or input file that a target is, if it is one.
fn own_text(loaded: &Loaded, target: &Path) -> Option<String> {
    let real = target.canonicalize().ok()?;
    let texts = loaded.sources.iter().map(|(name, _)| PathBuf::from(name));
    let inputs = loaded.desired.inputs().into_iter().map(Path::to_path_buf);
    texts.chain(inputs).find(|p| p.canonicalize().is_ok_and(|p| p == real)).map(|p| p.display().to_string())
}

/// `build`: a new file.
pub fn build(args: &BuildArgs, output: &Output) -> u8 {
    let Some(loaded) = loaded(&args.common, output) else { return TROUBLE };
    let given: Vec<PathBuf> = args.output.iter().cloned().collect();
    let Some(files) = targets(&given, &loaded, output) else { return TROUBLE };
    let options = Options { force: args.force, no_sync: args.no_sync, max_bytes: args.max_bytes, ..options(&args.common) };
    let mut worst = DONE;
    for (index, target) in files.iter().enumerate() {
        let working = Working::begin(index, files.len(), Work::Build, target, TROUBLE);
        if let Some(name) = own_text(&loaded, target) {
            output.error(&format!("{} is {name}, which this manifest is read from", target.display()), &["name another file with -o"]);
            return TROUBLE;
        }
        let mut meter = Meter::new();
        let result = build_file(&loaded.desired, target, &options, &mut |p| meter.tick(&p));
        meter.finish();
        let code = tell_result(&result, &args.common, args.format, target, &loaded, false, output);
        working.end(code);
        worst = worst.max(code);
    }
    worst
}

/// Prints what was done to a file, or why nothing was; the exit code.
fn tell_result(
    result: &Result<Applied, Failure>,
    common: &ManifestArgs,
    format: Format,
    target: &Path,
    loaded: &Loaded,
    several: bool,
    output: &Output,
) -> u8 {
    match result {
        Ok(applied) => {
            tell_applied(applied, &common.manifest, target, loaded, format, several, output);
            DONE
        }
        Err(failure) => {
            let shown = tell_refused(failure, common, format, target, loaded, output);
            tell_failure(failure, target, loaded, output, shown);
            failure_code(failure)
        }
    }
}

/// `apply`: changes.
pub fn apply_all(args: &ApplyArgs, output: &Output) -> u8 {
    let Some((loaded, mut presence)) = loaded_part(&args.common, &args.scope, output) else { return TROUBLE };
    let Some(files) = targets(&args.files, &loaded, output) else { return TROUBLE };
    let commit = match args.commit {
        None | Some(CommitWay::Journal) => CommitBy::Journal,
        Some(CommitWay::Replace) => CommitBy::Replace,
    };
    let max_bytes = args.max_bytes;
    let (existing, repack) = (args.existing, args.repack);
    let options = Options { lock_wait: args.lock_wait, commit, existing, repack, max_bytes, ..options(&args.common) };
    let saved = match args.plan.as_deref().map(saved_plans).transpose() {
        Ok(saved) => saved,
        Err(message) => {
            output.error(&message, &[]);
            return TROUBLE;
        }
    };
    let (mut worst, mut tally) = (DONE, Tally::default());
    for (index, target) in handed(&files, &loaded.desired.inputs().into_iter().collect()) {
        if args.fail_fast && worst >= TROUBLE {
            break;
        }
        let working = Working::begin(index, files.len(), Work::Change, target, TROUBLE);
        presence.look(target, &loaded.desired, false);
        let result = apply_one(args, output, &loaded, target, &options, saved.as_ref());
        let code = tell_result(&result, &args.common, args.format, target, &loaded, files.len() > 1, output);
        tally.count(outcome(&result));
        working.end(code);
        worst = worst.max(code);
    }
    tally.end(Words::of_apply(args), files.len(), output);
    worst.max(presence.end(tally.total() == files.len(), output))
}

fn outcome(result: &Result<Applied, Failure>) -> Outcome {
    match result {
        Ok(applied) if applied.base == Base::Missing => Outcome::Created { bytes: applied.proposal.summary().bytes },
        Ok(applied) if applied.changed => Outcome::Changed { bytes: applied.proposal.summary().bytes },
        Ok(_) => Outcome::Unchanged,
        Err(_) => Outcome::Failed,
    }
}

/// `recover`: ends what was interrupted.
pub fn recover_all(args: &RecoverArgs, output: &Output) -> u8 {
    let mut worst = DONE;
    for (index, target) in handed(&args.files, &BTreeSet::new()) {
        if args.fail_fast && worst >= TROUBLE {
            break;
        }
        let working = Working::begin(index, args.files.len(), Work::Change, target, TROUBLE);
        let code = match recover(target, args.lock_wait) {
            Ok(recovered) => {
                output.print(&format!("{}: {recovered}\n", crate::report::escape_controls(&one_line(&target.display().to_string()))));
                DONE
            }
            Err(e) => {
                let failure = Failure::Txn(e);
                output.error(&failure.to_string(), remedies(&failure));
                failure_code(&failure)
            }
        };
        working.end(code);
        worst = worst.max(code);
    }
    worst
}

fn apply_one(
    args: &ApplyArgs,
    output: &Output,
    loaded: &Loaded,
    target: &Path,
    options: &Options,
    saved: Option<&SavedPlans>,
) -> Result<Applied, Failure> {
    let name = target.display().to_string();
    // Told at once: whatever becomes of the apply, this is done.
    if target.is_file()
        && let Ok(Some(settled)) = crate::txn::settle_path(target)
    {
        output.note(&format!("{name}: {settled}"));
    }
    let mut meter = Meter::new();
    let approve = |prepared: &crate::apply::Prepared| -> Result<(), String> {
        let Some(saved) = saved else { return Ok(()) };
        let cx = PlanContext {
            manifest: &args.common.manifest.display().to_string(),
            sources: &loaded.sources,
            target: &name,
            base: &prepared.base,
            state: &prepared.state.hash(),
        };
        let mut now = plan_json(&prepared.proposal, &cx);
        tell_scope(&mut now, loaded);
        now["inputs"] = input_hashes(loaded);
        same_plan(saved, &now, target)
    };
    apply(&loaded.desired, target, options, &approve, &mut |p| meter.tick(&p))
}

/// Saved plans by what their files' names lead to.
type SavedPlans = HashMap<PathBuf, serde_json::Value>;

/// The documents of a saved plan: one, or one a line.
fn saved_plans(path: &Path) -> Result<SavedPlans, String> {
    let read = |mut file: std::fs::File| {
        let mut text = String::new();
        std::io::Read::read_to_string(&mut file, &mut text).map(|_| text)
    };
    let text = crate::source::regular(path).and_then(read).map_err(|e| format!("cannot read the plan {}: {e}", path.display()))?;
    let plans: Vec<serde_json::Value> = serde_json::Deserializer::from_str(&text)
        .into_iter::<serde_json::Value>()
        .collect::<Result<_, _>>()
        .map_err(|e| format!("{} is not a saved plan: {e}", path.display()))?;
    let path_of = |plan: &serde_json::Value| plan["target"]["path"].as_str().map(|name| real(Path::new(name)));
    let plans: Option<SavedPlans> = plans.into_iter().map(|plan| Some((path_of(&plan)?, plan))).collect();
    match plans {
        Some(plans) if !plans.is_empty() => Ok(plans),
        _ => Err(format!("{} is not a saved plan; make one with `h5mason plan … --out`", path.display())),
    }
}

/// Is what would be done now what the saved plan says?
fn same_plan(saved: &SavedPlans, now: &serde_json::Value, target: &Path) -> Result<(), String> {
    let plan = saved.get(&real(target));
    let target = target.display();
    let Some(plan) = plan else { return Err(format!("the saved plan is not about {target}")) };
    for (key, what) in [
        ("tool", "another version of h5mason made it"),
        ("scope", "it was made with other --target, --exclude or --ignore"),
        ("inputs", "an input file has changed"),
    ] {
        if plan[key] != now[key] {
            return Err(format!("the saved plan for {target} is stale: {what}"));
        }
    }
    if plan["manifest"]["sha256"] != now["manifest"]["sha256"] {
        return Err(format!("the saved plan for {target} is stale: the manifest or what it includes has changed"));
    }
    if plan["target"]["exists"] == true && now["target"]["exists"] == false {
        return Err(format!("the saved plan for {target} is stale: the file is not there any more"));
    }
    let is_empty = |v: &serde_json::Value| v["steps"].as_array().is_none_or(Vec::is_empty);
    if is_empty(now) && now["conflicts"].as_array().is_none_or(Vec::is_empty) {
        // It is done: a run that was ended begins again with such files.
        return Ok(());
    }
    if plan["steps"] == now["steps"] {
        return match plan["target"]["state"] == now["target"]["state"] {
            true => Ok(()),
            false => Err(format!(
                "the saved plan for {target} is stale: the file has changed since. The steps would be the same, but not everything that they were planned from"
            )),
        };
    }
    let list = |v: &serde_json::Value| v["steps"].as_array().cloned().unwrap_or_default();
    let (old, new) = (list(plan), list(now));
    let same = |a: &serde_json::Value, b: &serde_json::Value| ["path", "aspect"].iter().all(|key| a[key] == b[key]);
    let word = |v: &serde_json::Value, key: &str| v[key].as_str().unwrap_or("?").to_owned();
    let named = |s: &serde_json::Value| format!("{} {} of {}", word(s, "verb"), word(s, "aspect"), word(s, "path"));
    let gone = old.iter().find(|s| !new.contains(s));
    let detail = match (gone, new.iter().find(|s| !old.contains(s))) {
        (Some(was), _) => match new.iter().find(|s| same(s, was)) {
            Some(is) => format!(": {} was planned {}, and would be {} now", named(was), circumstances(was, is), circumstances(is, was)),
            None => format!(": {} is no longer to be done as planned", named(was)),
        },
        (None, Some(is)) => format!(": {} is not in the saved plan", named(is)),
        (None, None) => ": the order of the steps".to_owned(),
    };
    Err(format!("the saved plan for {target} is stale: the file has changed since{detail}"))
}

/// What one step says and the other does not, in a few words.
fn circumstances(step: &serde_json::Value, other: &serde_json::Value) -> String {
    const MOST: usize = 120;
    let differing = ["verb", "before", "after", "reason", "hazard"].into_iter().find(|key| step[key] != other[key]);
    let Some(key) = differing else { return "otherwise".into() };
    let text = step[key].to_string();
    let short: String = text.chars().take(MOST).collect();
    let more = if short.len() < text.len() { "…" } else { "" };
    match key {
        "before" => format!("from {short}{more}"),
        "after" => format!("as {short}{more}"),
        _ => format!("with {key} {short}{more}"),
    }
}
