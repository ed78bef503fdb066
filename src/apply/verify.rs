//! The second look: nothing must be left to do.

use std::path::Path;
use std::time::{Duration, Instant};

use super::run::{Failure, observe};
use crate::fill::Memory;
use crate::h5::File;
use crate::model::{Base, Desired, Needs, Portion};
use crate::observe;
use crate::plan::{Policy, propose};
use crate::txn::Aside;

/// Objects from which two processes are faster than one: each takes some milliseconds to begin.
const MANY: usize = 2000;
/// The second process works as long as the first, about; it is never waited for longer than this.
const LONGEST_WAIT: Duration = Duration::from_secs(4);
/// Nor is it for less long than this; tests, for which it must not come too late, wait on a busy machine, too.
const SHORTEST_WAIT: Duration = Duration::from_secs(if cfg!(test) { 60 } else { 1 });

type Open<'a> = &'a dyn Fn() -> Result<File, Failure>;

/// Looks again with fresh eyes: nothing must be left to do. `no_data`: contents are not compared.
pub(super) fn verify(open: Open<'_>, target: &Path, desired: &Desired, no_data: bool, memory: Memory) -> Result<(), Failure> {
    if in_halves(open, desired, no_data).is_some() {
        return Ok(());
    }
    let (observed, desired) = observe(&open()?, desired, no_data, memory, &mut |_| {})?;
    let left = propose(&desired, &observed, &Policy { no_data, ..Policy::default() });
    let what = match (left.conflicts.first(), left.steps.first()) {
        (Some(conflict), _) => conflict.finding.message.clone(),
        (None, Some(step)) => format!("{} still differs: {}", step.path, step.reason),
        (None, None) => return Ok(()),
    };
    Err(Failure::Verify { path: target.into(), what })
}

/// A file that is as declared, if two processes that look at one half of very many objects each say so, since the library works for one
/// thread at a time. `None` is no judgement: there are not enough objects for it, something differs, or one of them says nothing. Then one looks
/// at all of it, and says what there is.
#[expect(clippy::disallowed_methods, reason = "the clock decides only how long to wait for another process")]
pub(super) fn in_halves(open: Open<'_>, desired: &Desired, no_data: bool) -> Option<AsDeclared> {
    if desired.objects.len() < MANY || !desired.has_portions(no_data) || rayon::current_num_threads() < 2 {
        return None;
    }
    let half = |number| is_as_declared(open, desired, Portion { number, of: 2 });
    let begun = Instant::now();
    let aside = Aside::begin(|| half(1).is_some())?;
    let base = half(0)?;
    let took = begun.elapsed();
    let agreed = aside.agrees((took * 4).min(LONGEST_WAIT.max(took / 2)).max(SHORTEST_WAIT));
    agreed.then(|| AsDeclared { base, considered: Needs::of(desired).objects.len() })
}

/// A file with which nothing is to be done.
pub(super) struct AsDeclared {
    pub base: Base,
    /// Objects looked at.
    pub considered: usize,
}

fn is_as_declared(open: Open<'_>, desired: &Desired, portion: Portion) -> Option<Base> {
    let needs = Needs::of_portion(desired, portion);
    let observed = observe::metadata(&open().ok()?, &needs).ok()?;
    // Two names of one object, of which each process sees one, are judged together.
    let plain = observed.objects.values().all(|o| o.links <= 1) && observed.objects.len() == needs.objects.len();
    (plain && propose(desired, &observed, &Policy { no_data: true, portion }).is_empty()).then_some(observed.base)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::sync::Arc;

    use super::*;
    use crate::diag::Sources;
    use crate::h5::{Locking, NewFile, NewGroup};
    use crate::model::{DesiredGroup, DesiredKind, DesiredObject, FileProps, H5Path, Scope, TrackOrder};

    fn groups(count: usize) -> Desired {
        let origin = Sources::new().add("m.toml", "version = 1", ".").span(0..1);
        let group = |n: usize| DesiredObject {
            origin,
            position: n as u32,
            kind: DesiredKind::Group(DesiredGroup::default()),
            attrs: Arc::new([]),
            comment: None,
            name_charset: None,
        };
        let objects: BTreeMap<H5Path, DesiredObject> =
            (0..count).map(|n| (H5Path::root().child(format!("{n:05}").as_bytes()), group(n))).collect();
        Desired {
            file: FileProps::default(),
            objects,
            patches: Vec::new(),
            removals: Vec::new(),
            each: Vec::new(),
            moves: Vec::new(),
            clashes: Vec::new(),
            turns: BTreeMap::new(),
            scope: Scope::default(),
            ignored: Vec::new(),
        }
    }

    #[test]
    fn two_processes_see_what_is_there() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("t.h5");
        let file = File::create(&path, NewFile::plain(TrackOrder::No), false).unwrap();
        let root = file.root().unwrap();
        (0..MANY).for_each(|n| drop(root.create_group(format!("{n:05}").as_bytes(), NewGroup::plain()).unwrap()));
        drop(root);
        file.close().unwrap();
        let open = || Ok(File::open(&path, Locking::On)?);
        let several = rayon::ThreadPoolBuilder::new().num_threads(2).build().unwrap();
        let considered = |desired: &Desired| several.install(|| in_halves(&open, desired, false).map(|same| same.considered));
        assert_eq!(considered(&groups(MANY)), Some(MANY + 1), "with the root");
        assert_eq!(considered(&groups(MANY - 1)), None, "too few");
        assert_eq!(considered(&groups(MANY + 1)), None, "the last one is missing");
        let mut first = groups(MANY);
        let object = first.objects.pop_first().map(|(_, object)| object).unwrap();
        first.objects.insert(H5Path::root().child(b"00000x"), object);
        assert_eq!(considered(&first), None, "the first one is missing");
        let one = rayon::ThreadPoolBuilder::new().num_threads(1).build().unwrap();
        assert!(one.install(|| in_halves(&open, &groups(MANY), false)).is_none(), "one thread is one process");
    }
}
