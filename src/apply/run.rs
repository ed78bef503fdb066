//! The whole way for one file: look, plan, and, where asked, change it inside a transaction.

use std::borrow::Cow;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use super::adjust::adjusted;
use super::execute::{ApplyError, execute};
use super::open::{no_such_file, not_opened, open_target, readable};
use super::repack::{self, Packed, Repacked};
use super::space::check_space;
use super::state::State;
use super::verify::{in_halves, verify};
use crate::diag::Finding;
use crate::fill::Memory;
use crate::h5::{File, H5Error, Locking, NewFile, filter_available};
use crate::model::{
    Base, Definition, Desired, FileProps, FillTime, Filter, H5Path, Layer, Libver, Needs, Observed, Orders, TrackOrder, contents,
    human_bytes,
};
use crate::observe::{self, ObserveError};
use crate::plan::{Action, Blocked, Conflict, Consent, Plan, Policy, Proposal, propose, rebuilds, removed, resolved};
use crate::source;
use crate::txn::{CommitBy, Existing, InPlace, Lock, NewTarget, Receipt, Recovered, TxnError, settle, trailing_bytes};

/// How to go about it.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// Do not read regions.
    pub no_data: bool,
    /// Manage the contents of every dataset that has a fill.
    pub exact: bool,
    /// Hazards that are allowed.
    pub consent: Consent,
    /// Make new files durable before success is reported.
    pub no_sync: bool,
    /// Replace a file that exists (`build`).
    pub force: bool,
    /// How long to wait for a lock.
    pub lock_wait: Duration,
    /// Do not lock for reading: for file systems without locks.
    pub no_lock: bool,
    /// How a change comes into an existing file.
    pub commit: CommitBy,
    /// A target that does not exist is not made.
    pub existing: bool,
    /// Leave a file without dead space, by [`CommitBy::Replace`].
    pub repack: bool,
    /// Bytes that may be written to one file; by default what is free.
    pub max_bytes: Option<u64>,
    /// What elements on their way may take.
    pub memory: Memory,
    /// For [`inspect`]: where nothing differs, nobody asks what is kept, and in what state the file is.
    pub brief: bool,
}

/// How far a long step is.
#[derive(Clone, Debug)]
pub struct Progress<'a> {
    /// What is done: `comparing`, `writing`.
    pub what: &'static str,
    /// The dataset.
    pub path: &'a H5Path,
    /// Bytes since the last report.
    pub bytes: u64,
    /// Bytes of the whole phase.
    pub total: u64,
}

/// A look at one file: what would be done.
#[derive(Clone, Debug)]
pub struct Prepared {
    /// What there is.
    pub base: Base,
    /// What would be done.
    pub proposal: Arc<Proposal>,
    /// Were the declared contents compared?
    pub compared: bool,
    /// What was seen of the file, as far as the manifest is about it.
    pub state: State,
    /// Bytes behind the end of the HDF5 data, which an apply would drop.
    pub trailing: u64,
}

/// What was done to one file.
#[derive(Clone, Debug)]
pub struct Applied {
    /// What there was.
    pub base: Base,
    /// What was done.
    pub proposal: Arc<Proposal>,
    /// Was anything written?
    pub changed: bool,
    /// What was seen of it before.
    pub state: State,
    /// Bytes that stood behind the end of the HDF5 data; a change drops them.
    pub trailing: u64,
    /// What an interrupted commit had left, and was put right first.
    pub settled: Option<Recovered>,
    /// How an existing file was changed.
    pub receipt: Option<Receipt>,
    /// What a copy without dead space came to, where one was asked for.
    pub repacked: Option<Repacked>,
}

/// Why nothing was done. The file is as it was, but for [`TxnError::InDoubt`] and [`TxnError::Half`].
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// Looking at the file failed.
    #[error(transparent)]
    Observe(#[from] ObserveError),
    /// The transaction failed.
    #[error(transparent)]
    Txn(#[from] TxnError),
    /// A step failed.
    #[error(transparent)]
    Apply(#[from] ApplyError),
    /// Conflicts, or hazards without consent.
    #[error("blocked")]
    Blocked(Box<Prepared>, Blocked),
    /// The disk is too small.
    #[error("{}: {} to write, {} free: not enough space", path.display(), human_bytes(*needed), human_bytes(*free))]
    Space {
        /// The target.
        path: PathBuf,
        /// Bytes to write.
        needed: u64,
        /// Bytes free.
        free: u64,
    },
    /// More than was allowed.
    #[error("{}: {} to write, which is more than --max-bytes {most}", path.display(), human_bytes(*needed))]
    TooMuch {
        /// The target.
        path: PathBuf,
        /// Bytes to write.
        needed: u64,
        /// Bytes allowed.
        most: u64,
    },
    /// There is no copy without dead space.
    #[error("{} cannot be repacked: {what}; nothing was changed", path.display())]
    Repack {
        /// The target.
        path: PathBuf,
        /// Why not: a clause.
        what: String,
    },
    /// Somebody who was asked said no.
    #[error("{0}")]
    Refused(String),
    /// What was written is not what was planned: a bug, or a disk that lies.
    #[error("{}: the result was not as declared ({what}); it was thrown away. This is a bug in h5mason: please report it", path.display())]
    Verify {
        /// The target.
        path: PathBuf,
        /// What still differs.
        what: String,
    },
}

/// Is asked before anything is written; the refusal is one line.
type Approve<'a> = &'a dyn Fn(&Prepared) -> Result<(), String>;
pub(super) type Watch<'a> = &'a mut (dyn FnMut(Progress<'_>) + Send);

impl Failure {
    /// About the target under the name that it was given, not the one that it leads to.
    fn named(mut self, target: &Path) -> Self {
        if let Failure::Txn(e) = &mut self {
            let said = e.path_mut();
            if target.canonicalize().is_ok_and(|real| real == *said) {
                *said = target.into();
            }
        }
        self
    }
}

impl From<H5Error> for Failure {
    fn from(e: H5Error) -> Self {
        Failure::Observe(ObserveError::H5(e))
    }
}

/// What was seen of a file, and the declaration with what rules come to in it.
pub(super) fn observe<'d>(
    file: &File,
    desired: &'d Desired,
    no_data: bool,
    memory: Memory,
    watch: Watch<'_>,
) -> Result<(Observed, Cow<'d, Desired>), Failure> {
    let mut observed = observe::metadata(file, &Needs::of(desired))?;
    let desired = resolved(desired, &observed);
    let asked = rebuilds(&desired, &observed);
    if !asked.is_empty() {
        let going = removed(&desired, &observed);
        observe::rebuilds(file, asked, &going, (!no_data).then_some(memory), &mut observed)?;
    }
    if !no_data {
        let (contents, _) = contents(&desired, &observed);
        let compared = contents.values().flat_map(|c| c.layers.iter().filter(|l| !l.fresh).map(|l| (l, c.dtype.size() as u64)));
        let total = compared.fold(0u64, |n, (layer, size)| n.saturating_add(layer.region.elements().saturating_mul(size)));
        let mut told = |path: &H5Path, bytes: u64| watch(Progress { what: "comparing", path, bytes, total });
        observe::regions(file, &contents, &mut observed, memory, &mut told)?;
    }
    Ok((observed, desired))
}

fn nothing_yet() -> Observed {
    Observed { base: Base::Missing, ..Observed::default() }
}

/// Compares a manifest with a file, or with no file; writes nothing.
pub fn inspect(desired: &Desired, target: &Path, options: &Options, watch: Watch<'_>) -> Result<Prepared, Failure> {
    let desired = adjusted(desired, options.exact);
    let locking = if options.no_lock { Locking::Off } else { Locking::On };
    let open = || open_target(target, locking);
    let missing = matches!(target.try_exists(), Ok(false)) && target.symlink_metadata().is_err();
    if options.brief
        && !missing
        && !options.no_data
        && let Some(same) = in_halves(&open, &desired, false)
    {
        let (steps, kept, conflicts, dangling) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        let proposal = Arc::new(Proposal { steps, kept, conflicts, dangling, considered: same.considered });
        return Ok(Prepared {
            base: same.base,
            proposal,
            compared: true,
            state: State::new(nothing_yet()),
            trailing: trailing_bytes(target),
        });
    }
    let (observed, desired) = match missing {
        true => (nothing_yet(), resolved(&desired, &nothing_yet())),
        false => observe(&open()?, &desired, options.no_data, options.memory, watch)?,
    };
    let proposal = propose(&desired, &observed, &Policy { no_data: options.no_data, ..Policy::default() });
    let proposal = with_inputs_checked(&desired, &observed, proposal);
    let compared = !options.no_data || contents(&desired, &observed).0.is_empty();
    let trailing = if observed.base == Base::Missing { 0 } else { trailing_bytes(target) };
    let base = observed.base.clone();
    Ok(Prepared { base, proposal: Arc::new(proposal), compared, state: State::new(observed), trailing })
}

/// The bytes that shall stand in the userblock. The error is a line.
fn userblock(path: &Path, props: &FileProps) -> Result<Vec<u8>, String> {
    let size = props.userblock.map_or(0, |(size, _)| size);
    let refused = |why: String| format!("the userblock's file {}: {why}", path.display());
    let meta = std::fs::metadata(path).map_err(|e| refused(crate::diag::system_words(&e)))?;
    match meta.is_file() {
        false => Err(refused("it is not a regular file".into())),
        true if meta.len() > size => Err(refused(format!("it has {} bytes, the userblock has {size}", meta.len()))),
        true => std::fs::read(path).map_err(|e| refused(e.to_string())),
    }
}

/// Opens every input of the steps, so that what is wrong with them is known before anything is written.
fn with_inputs_checked(desired: &Desired, observed: &Observed, mut proposal: Proposal) -> Proposal {
    let (contents, _) = contents(desired, observed);
    if let (Base::Missing, Some((path, at))) = (&observed.base, &desired.file.userblock_file)
        && let Err(why) = userblock(path, &desired.file)
    {
        let finding = crate::diag::Finding::error("input", why).at(*at, "");
        proposal.conflicts.push(crate::plan::Conflict { path: H5Path::root(), finding });
    }
    for (path, dataset) in &contents {
        let new = observed.dataset(path).is_none().then(|| desired.dataset(path).and_then(|d| d.definition.as_ref())).flatten();
        // An optional filter that is lacking is left out.
        let needed = |f: &&Filter| !f.optional;
        let lacking = new.and_then(|d| d.layout.filters().iter().filter(needed).find(|f| !filter_available(f)));
        for (number, layer) in dataset.layers.iter().enumerate() {
            // What was compared has been read.
            if observed.regions.contains_key(&(path.clone(), number)) {
                continue;
            }
            // Stored chunks are copied without the filters that made them.
            let copied = match new {
                Some(d) if dataset.layers.len() == 1 => copies_chunks(layer, d),
                // What the planner says of such a dataset is said already.
                None if observed.dataset(path).is_some_and(|s| s.lacking.is_some()) => {
                    source::whole(layer, &dataset.dtype).map(|from| from.is_some())
                }
                _ => Ok(false),
            };
            let refused = |e: &source::SourceError| {
                Finding::error("input", format!("the input of {path}: {e}")).at(layer.origin, "").help_if(e.help())
            };
            let mut findings = Vec::new();
            match copied {
                Ok(true) => {}
                Ok(false) => {
                    let inputs = layer.fill.inputs(&dataset.dtype, &layer.rule_shape());
                    let opened = inputs.iter().filter_map(|(file, dtype, shape)| source::open(file, dtype, shape).err());
                    findings.extend(opened.map(|e| refused(&e)));
                    findings.extend(lacking.map(|filter| {
                        let what =
                            format!("the elements of {path} cannot be compressed with {filter}, a filter that this h5mason does not have");
                        Finding::error("filter-missing", what)
                            .at(layer.origin, "")
                            .help("copy a dataset of the same dtype, shape, chunks and filters with fill.hdf5, or use another filter")
                    }));
                }
                Err(e) => findings.push(refused(&e)),
            }
            proposal.conflicts.extend(findings.into_iter().map(|finding| Conflict { path: path.clone(), finding }));
        }
    }
    proposal
}

/// Will a new dataset take the chunks of another as they are stored?
fn copies_chunks(layer: &Layer, new: &Definition) -> Result<bool, source::SourceError> {
    let Some(from) = source::whole(layer, &new.dtype)? else { return Ok(false) };
    let seen = &from.seen;
    let wanted = source::unwritten(&new.dtype, &new.fill_value, new.fill_time.unwrap_or(FillTime::IfSet));
    let same = wanted.is_some() && wanted == source::unwritten(&seen.dtype, &seen.fill_value, seen.fill_time);
    Ok(same && seen.layout.chunk().is_some() && seen.layout == new.layout && !new.dtype.has_outside_data())
}

/// Builds a new file.
pub fn build(desired: &Desired, target: &Path, options: &Options, watch: Watch<'_>) -> Result<Applied, Failure> {
    let desired = adjusted(desired, options.exact);
    let existing = if options.force { Existing::Replace } else { Existing::Keep };
    if existing == Existing::Keep && target.symlink_metadata().is_ok() {
        return Err(TxnError::Exists(target.into()).into());
    }
    create(&desired, target, existing, true, options, &|_| Ok(()), watch)
}

fn create(
    desired: &Desired,
    target: &Path,
    existing: Existing,
    folders: bool,
    options: &Options,
    approve: Approve<'_>,
    watch: Watch<'_>,
) -> Result<Applied, Failure> {
    let observed = nothing_yet();
    let stored = resolved(desired, &observed);
    let proposal = with_inputs_checked(&stored, &observed, propose(&stored, &observed, &Policy::default()));
    let proposal = Arc::new(proposal);
    let prepared =
        || Prepared { base: Base::Missing, proposal: Arc::clone(&proposal), compared: true, state: State::new(nothing_yet()), trailing: 0 };
    let plan = Proposal::into_plan(&proposal, &options.consent).map_err(|why| Failure::Blocked(Box::new(prepared()), why))?;
    approve(&prepared()).map_err(Failure::Refused)?;
    let most = check_space(target, &plan, 0, options)?;
    let new = NewTarget::begin(target, existing, folders)?;
    // Nothing is lost where a disk fills up while a new file is made: only what was asked for is counted.
    let file = new.create(new_file(&plan), options.max_bytes.map_or(u64::MAX, |_| most))?;
    run_steps(&file, &plan, options.memory, watch)?;
    file.close()?;
    if let Some((path, _)) = &desired.file.userblock_file {
        let bytes = userblock(path, &desired.file).map_err(Failure::Refused)?;
        new.write_start(&bytes)?;
    }
    // Contents were just computed; what is checked is that every object is there and reads as declared.
    verify(&|| Ok(new.open()?), target, desired, true, options.memory)?;
    let (new, repacked) = match options.repack {
        true => repack::instead(new, target, most, watch).map(|(new, repacked)| (new, Some(repacked)))?,
        false => (new, None),
    };
    new.commit(!options.no_sync)?;
    let state = State::new(observed);
    Ok(Applied { base: Base::Missing, proposal, changed: true, state, trailing: 0, settled: None, receipt: None, repacked })
}

fn run_steps(file: &File, plan: &Plan, memory: Memory, watch: Watch<'_>) -> Result<(), Failure> {
    let regions = plan.steps().iter().filter(|s| matches!(s.action, Action::WriteRegion { .. }));
    let total = regions.fold(0u64, |n, s| n.saturating_add(s.bytes));
    let mut told = |path: &H5Path, bytes: u64| watch(Progress { what: "writing", path, bytes, total });
    Ok(execute(file, plan, memory, &mut told)?)
}

fn new_file(plan: &Plan) -> NewFile {
    let props = plan
        .steps()
        .iter()
        .find_map(|s| if let Action::CreateFile(props) = &s.action { Some(props.clone()) } else { None })
        .unwrap_or_default();
    NewFile {
        libver: props.libver.map_or((Libver::V18, Libver::Latest), |(v, _)| v),
        userblock: props.userblock.map_or(0, |(v, _)| v),
        orders: props.track_order.map_or(Orders::both(TrackOrder::No), |(v, _)| v),
        space: props.space.map(|(v, _)| v),
        page_size: props.page_size.map(|(v, _)| v),
    }
}

/// Changes an existing file, or creates a missing one.
///
/// `approve` is asked, under the lock, before anything is written.
pub fn apply(desired: &Desired, target: &Path, options: &Options, approve: Approve<'_>, watch: Watch<'_>) -> Result<Applied, Failure> {
    change(desired, target, options, approve, watch).map_err(|failure| failure.named(target))
}

fn change(desired: &Desired, target: &Path, options: &Options, approve: Approve<'_>, watch: Watch<'_>) -> Result<Applied, Failure> {
    let desired = adjusted(desired, options.exact);
    if target.symlink_metadata().is_err() {
        if options.existing || desired.is_about_what_is_there() {
            return Err(no_such_file(target));
        }
        match create(&desired, target, Existing::Keep, false, options, approve, &mut *watch) {
            // Somebody else was faster: it is a change now.
            Err(Failure::Txn(TxnError::Exists(_))) if target.is_file() => {}
            done => return done,
        }
    }
    let lock = match target.is_dir() {
        true => return Err(TxnError::Refused { path: target.into(), what: "it is a folder, not a file".into() }.into()),
        false => Lock::acquire(target, options.lock_wait)?,
    };
    let settled = settle(&lock)?;
    readable(lock.path(), target)?;
    let commit = if options.repack { CommitBy::Replace } else { options.commit };
    let mut change = InPlace::begin(lock, commit)?;
    let trailing = change.trailing();
    let file = File::open_session(change.session()).map_err(|e| not_opened(e, change.path(), target))?;
    let (observed, stored) = observe(&file, &desired, false, options.memory, &mut *watch)?;
    drop(file);
    let proposal = with_inputs_checked(&stored, &observed, propose(&stored, &observed, &Policy::default()));
    let proposal = Arc::new(proposal);
    let (base, state) = (observed.base.clone(), State::new(observed));
    let prepared = Prepared { base: base.clone(), proposal: Arc::clone(&proposal), compared: true, state: state.clone(), trailing };
    let plan = match Proposal::into_plan(&proposal, &options.consent) {
        Ok(plan) => plan,
        Err(why) => return Err(Failure::Blocked(Box::new(prepared), why)),
    };
    approve(&prepared).map_err(Failure::Refused)?;
    let changed = !plan.steps().is_empty();
    if !changed && !options.repack {
        return Ok(Applied { base, proposal, changed, state, trailing, settled, receipt: None, repacked: None });
    }
    let Base::Existing { size, superblock, .. } = base else { return Err(TxnError::Exists(target.into()).into()) };
    let meta = std::fs::metadata(change.path()).ok();
    // Holes are not copied.
    let on_disk = meta.as_ref().map_or(size, |m| std::os::unix::fs::MetadataExt::blocks(m).saturating_mul(512));
    // A copy without dead space takes what it takes; how much that is shows when it is made.
    let copied = if commit == CommitBy::Replace && !options.repack { size.min(on_disk) } else { 0 };
    let most = check_space(target, &plan, copied, options)?;
    let before = meta.map_or(size, |m| m.len());
    let mut now = before;
    if changed {
        change.begin_writing(most)?;
        // A library bound is not stored in a file: the low one follows the superblock.
        let low = if superblock < 2 { Libver::Earliest } else { Libver::V18 };
        let high = desired.file.libver.map_or(Libver::Latest, |((_, high), _)| high);
        let file = File::open_session_writable(change.session(), (low, high))?;
        run_steps(&file, &plan, options.memory, &mut *watch)?;
        file.close()?;
        verify(&|| Ok(File::open_session(change.session())?), target, &desired, false, options.memory)?;
        now = File::open_session(change.session())?.info()?.size;
    }
    let packed = options.repack.then(|| repack::beside(&change, target, before, now, most, watch)).transpose()?;
    let repacked = packed.as_ref().map(|packed| packed.report);
    // One that is not wanted goes at once, with what it takes of the disk.
    let receipt = match packed.filter(|packed| packed.report.replaced) {
        Some(Packed { compact, .. }) => Some(compact.commit(change)?),
        None if changed => Some(change.commit()?),
        None => None,
    };
    Ok(Applied { base, proposal, changed: receipt.is_some(), state, trailing, settled, receipt, repacked })
}
