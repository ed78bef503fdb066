//! `check --since PLAN`: which differences a saved plan has found already, and which came later.
//!
//! A file alone does not tell. A plan says what its file was like when it was made, and `apply` makes all of its changes or none: so where a
//! declared value is what the plan has seen, and nothing of the plan is done, it has not been applied; where it is another one, or was as
//! declared then, somebody has changed it since.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use serde_json::Value;

use super::files::real;
use crate::plan::{Proposal, Step};

/// What is known of a difference.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Age {
    /// The plan has found the same: it has not been applied.
    Waiting,
    /// It was not there, or another one.
    Later,
    /// The plan has found the same, but other changes of it are done.
    Either,
    /// The plan does not say.
    Untold,
}

impl Age {
    /// All of them, in the order of their telling.
    pub const ALL: [Self; 4] = [Self::Waiting, Self::Later, Self::Either, Self::Untold];

    /// The word for machines.
    pub fn word(self) -> Option<&'static str> {
        match self {
            Self::Waiting => Some("not yet applied"),
            Self::Later => Some("changed since"),
            Self::Either => Some("not yet applied or changed back"),
            Self::Untold => None,
        }
    }
}

/// The saved plans of some files.
pub struct Since {
    name: String,
    /// By what the files' names lead to.
    plans: HashMap<PathBuf, Saved>,
}

/// A plan, as far as it says what there was.
#[derive(Debug, Deserialize)]
struct Saved {
    manifest: Manifest,
    target: Target,
    steps: Vec<SavedStep>,
    #[serde(default)]
    conflicts: Vec<Place>,
    #[serde(default)]
    scope: Value,
    #[serde(default)]
    inputs: Value,
}

#[derive(Debug, PartialEq, Eq, Deserialize)]
struct Manifest {
    sha256: String,
}

#[derive(Debug, Deserialize)]
struct Target {
    path: String,
    exists: bool,
    #[serde(default)]
    state: Value,
}

#[derive(Debug, Deserialize)]
struct Place {
    path: String,
}

#[derive(Debug, Deserialize)]
struct SavedStep {
    verb: String,
    path: String,
    aspect: String,
    before: Value,
    after: Value,
}

/// Steps by what they are about.
fn by_aspect(steps: &[SavedStep]) -> HashMap<(&str, &str), &SavedStep> {
    steps.iter().map(|s| ((s.path.as_str(), s.aspect.as_str()), s)).collect()
}

/// What is known of the differences of one file.
pub struct Ages {
    /// Of each step of its plan.
    pub steps: Vec<Age>,
    /// Of its conflicts, or of a file that does not exist.
    pub rest: Age,
    /// Changes of the saved plan, and how many of them need not be made any more.
    pub planned: usize,
    /// See `planned`.
    pub done: usize,
    /// Why the plan does not say more: a clause.
    pub why: Option<&'static str>,
}

impl Ages {
    /// For machines.
    pub fn tell(&self, plan: &mut Value) {
        for (step, age) in plan["steps"].as_array_mut().into_iter().flatten().zip(&self.steps) {
            step["since"] = age.word().into();
        }
        let has_rest = plan["target"]["exists"] == false || plan["conflicts"].as_array().is_some_and(|all| !all.is_empty());
        let rest = has_rest.then(|| self.rest.word()).flatten();
        plan["since"] = serde_json::json!({ "planned": self.planned, "done": self.done, "rest": rest });
    }
}

impl Since {
    /// Reads what `plan --out` has written. The error is a sentence.
    pub fn read(path: &Path) -> Result<Self, String> {
        let name = path.display().to_string();
        let file = crate::source::regular(path).map_err(|e| format!("cannot read the plan {name}: {}", crate::diag::system_words(&e)))?;
        let mut plans = HashMap::new();
        for saved in serde_json::Deserializer::from_reader(std::io::BufReader::new(file)).into_iter::<Saved>() {
            let saved = saved.map_err(|e| format!("{name} is not a saved plan: {e}"))?;
            plans.insert(real(Path::new(&saved.target.path)), saved);
        }
        match plans.is_empty() {
            true => Err(format!("{name} is not a saved plan; make one with `h5mason plan … --out`")),
            false => Ok(Self { name, plans }),
        }
    }

    /// What is known of a plan that is made now, which is the JSON value, too. `asked`: is this path in the part of the manifest that was
    /// compared?
    pub fn ages(&self, now: &Value, inputs: &Value, asked: &dyn Fn(&str) -> bool) -> Ages {
        let untold = |why| Ages { steps: Vec::new(), rest: Age::Untold, planned: 0, done: 0, why: Some(why) };
        let Ok(mut now) = Saved::deserialize(now) else { return untold("it is of another version") };
        now.inputs = inputs.clone();
        let Some(then) = self.plans.get(&real(Path::new(&now.target.path))) else {
            let steps = now.steps.iter().map(|_| Age::Untold).collect();
            return Ages { steps, ..untold("it is not about this file") };
        };
        let same_question = now.manifest == then.manifest && now.scope == then.scope && now.inputs == then.inputs;
        let as_then = same_question && now.target.state == then.target.state && now.target.exists == then.target.exists;
        let (before, left) = (by_aspect(&then.steps), by_aspect(&now.steps));
        // What a conflict is about has no steps, and neither has what was not asked for.
        let at_or_below = |path: &str, top: &str| path.strip_prefix(top).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
        let told = |path: &str| asked(path) && now.target.exists && !now.conflicts.iter().any(|c| at_or_below(path, &c.path));
        let done = before.keys().filter(|about| !left.contains_key(*about) && told(about.0)).count();
        let found = |step: &SavedStep| match before.get(&(step.path.as_str(), step.aspect.as_str())) {
            _ if as_then => Age::Waiting,
            // Elements are not in the plan: as many of them can be other ones. Without blocks, there were none.
            Some(was) if step.verb == "write" && was.after == step.after && !step.after["blocks"].is_null() => Age::Untold,
            Some(was) if step.verb == "write" && was.after != step.after => Age::Later,
            Some(was) if was.before == step.before => [Age::Waiting, Age::Either][usize::from(done > 0)],
            Some(_) => Age::Later,
            None if same_question => Age::Later,
            None => Age::Untold,
        };
        let mut steps: Vec<Age> = now.steps.iter().map(found).collect();
        let rest = match (now.target.exists, then.target.exists) {
            (false, false) => Age::Waiting,
            (false, true) => Age::Later,
            // A plan with conflicts is not saved.
            (true, _) if same_question => Age::Later,
            (true, _) => Age::Untold,
        };
        if !now.target.exists {
            steps.fill(rest);
        }
        let why = match (same_question, steps.contains(&Age::Untold)) {
            (_, false) => None,
            (false, true) => Some("it was made with another manifest, another part of it, or other input files"),
            (true, true) => Some("it does not say which elements differed"),
        };
        Ages { steps, rest, planned: before.len(), done, why }
    }

    /// What is said before the differences of this age.
    pub fn title(&self, age: Age, why: Option<&str>) -> String {
        let name = crate::report::escape_controls(&self.name);
        match age {
            Age::Waiting => format!("not yet applied, as when {name} was made"),
            Age::Later => format!("changed since {name} was made"),
            Age::Either => format!("not yet applied or changed back: as when {name} was made, but other changes of it are done"),
            Age::Untold => format!("{name} cannot tell: {}", why.unwrap_or("it does not say enough")),
        }
    }
}

/// The part of a proposal whose steps are of this age. What dangles is said with what has been planned first.
pub fn part(proposal: &Proposal, ages: &Ages, age: Age) -> Option<Proposal> {
    let steps: Vec<Step> = proposal.steps.iter().zip(&ages.steps).filter(|(_, a)| **a == age).map(|(s, _)| s.clone()).collect();
    let first = ages.steps.first() == Some(&age);
    let dangling = if first { proposal.dangling.clone() } else { Vec::new() };
    (!steps.is_empty()).then(|| Proposal { steps, kept: Vec::new(), conflicts: Vec::new(), dangling, considered: proposal.considered })
}
