//! The vocabulary of plans.

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

use super::propose::Proposal;
use crate::diag::{Finding, Span};
use crate::model::{
    AttrSeen, AttrValue, Carry, Charset, Definition, DesiredLink, Dtype, FileProps, H5Path, Layer, LinkSeen, Referrer, RegionSeen,
    SeenDataset, TrackOrder, bytes_text, told_apart,
};

/// The phase of moves, and of the groups that they move into.
pub(super) const MOVES: u8 = 1;
/// The phase in which other groups are made.
pub(super) const GROUPS: u8 = 3;

/// What a step may cost.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Hazard {
    /// Nothing that was not declared.
    None,
    /// Values lose precision or range.
    Lossy,
    /// Something is gone afterwards.
    Destructive,
    /// Both: consent to the one is none to the other.
    LossyAndDestructive,
}

impl Hazard {
    /// What a step costs that loses values, or takes something away, or both.
    pub fn of(lossy: bool, destructive: bool) -> Self {
        match (lossy, destructive) {
            (false, false) => Hazard::None,
            (true, false) => Hazard::Lossy,
            (false, true) => Hazard::Destructive,
            (true, true) => Hazard::LossyAndDestructive,
        }
    }

    /// Do values lose anything?
    pub fn is_lossy(self) -> bool {
        matches!(self, Hazard::Lossy | Hazard::LossyAndDestructive)
    }

    /// Is something gone afterwards?
    pub fn is_destructive(self) -> bool {
        matches!(self, Hazard::Destructive | Hazard::LossyAndDestructive)
    }
}

/// How an attribute is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AttrWrite {
    /// It does not exist.
    Create,
    /// Same type and dataspace: the value is overwritten.
    InPlace,
    /// Deleted and created again; `keep_order` keeps its place in the creation order.
    Recreate { keep_order: bool },
}

/// Which blocks of a region are written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Blocks {
    /// All: nothing is there yet.
    All,
    /// These, by number in the region's partition: read, changed where they differ, written.
    Some(Vec<u64>),
}

/// One change. A closed set; the executor needs no more than this. What is large is boxed: there may be very many.
#[derive(Clone, Debug)]
pub enum Action {
    /// A new file.
    CreateFile(Box<FileProps>),
    /// A new group.
    CreateGroup {
        /// Creation order of its links.
        link_order: TrackOrder,
        /// Creation order of its attributes.
        attr_order: TrackOrder,
        /// Character set of its name, where declared.
        name_charset: Option<Charset>,
    },
    /// A new committed type.
    CreateType {
        /// The type.
        dtype: Box<Dtype>,
        /// Creation order of its attributes.
        attr_order: TrackOrder,
        /// Character set of its name, where declared.
        name_charset: Option<Charset>,
    },
    /// A new dataset, without contents.
    CreateDataset {
        /// Type, shape, storage.
        definition: Arc<Definition>,
        /// Creation order of its attributes.
        attr_order: TrackOrder,
        /// Character set of its name, where declared.
        name_charset: Option<Charset>,
    },
    /// A new link to something, or another target for a soft or external one.
    CreateLink {
        /// The target.
        link: Box<DesiredLink>,
        /// The link that it takes the place of.
        before: Option<Box<LinkSeen>>,
        /// Character set of its name, where declared.
        name_charset: Option<Charset>,
    },
    /// An object's comment.
    SetComment {
        /// What was there; empty for none.
        before: Vec<u8>,
        /// What will be there; empty for none.
        after: Vec<u8>,
    },
    /// A larger extent.
    Grow {
        /// Sizes before.
        before: Vec<u64>,
        /// Sizes after.
        after: Vec<u64>,
    },
    /// A smaller extent, along one axis at least.
    Shrink {
        /// Sizes before.
        before: Vec<u64>,
        /// Sizes after.
        after: Vec<u64>,
    },
    /// Contents of a region.
    WriteRegion {
        /// Element type of the dataset.
        dtype: Box<Dtype>,
        /// Chunk shape of the dataset.
        chunk: Option<Box<[u64]>>,
        /// Region and rule.
        layer: Arc<Layer>,
        /// Later rules of the same dataset whose elements this one leaves alone.
        above: Box<[Arc<Layer>]>,
        /// What to write.
        blocks: Blocks,
        /// Elements compared, elements that differ, examples before and after.
        seen: Box<RegionSeen>,
    },
    /// An attribute's value.
    SetAttr {
        /// Its name.
        name: Vec<u8>,
        /// What was there.
        before: Option<Box<AttrSeen>>,
        /// What will be there.
        after: Arc<AttrValue>,
        /// How.
        how: AttrWrite,
        /// Character set of its name, where declared; for a new attribute.
        name_charset: Option<Charset>,
    },
    /// An attribute goes.
    RemoveAttr {
        /// Its name.
        name: Vec<u8>,
        /// What was there.
        before: Box<AttrSeen>,
    },
    /// An attribute gets another name.
    RenameAttr {
        /// Name before.
        from: Vec<u8>,
        /// Name after.
        to: Vec<u8>,
        /// Its value, which stays.
        value: Box<AttrSeen>,
    },
    /// A link is moved to the step's path; what it leads to stays as it is.
    Move {
        /// Its path before.
        from: H5Path,
        /// What it leads to: `dataset`, `group`, or what it is: `soft link`.
        what: &'static str,
    },
    /// A dataset is made anew and takes the place of the one that is there: all its names, attributes and its comment, and object references
    /// to it.
    Rebuild {
        /// What is there.
        before: Box<SeenDataset>,
        /// Type, shape, storage.
        definition: Arc<Definition>,
        /// What becomes of its elements.
        carry: Carry,
        /// Creation order of its attributes.
        attr_order: TrackOrder,
        /// Its hard links.
        names: Box<[H5Path]>,
        /// Object references to it.
        referrers: Box<[Referrer]>,
    },
    /// A link goes, and with its last link the object.
    Remove {
        /// What stands there: `dataset`, `group`, `soft link`.
        what: &'static str,
    },
}

/// What kind of change a step is, for readers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verb {
    /// `+`
    Create,
    /// `~`
    Change,
    /// `#`
    Write,
    /// `>`
    Grow,
    /// `-`
    Remove,
    /// `-`
    Shrink,
    /// `!`
    Convert,
    /// `!`
    Replace,
}

/// One change of one aspect of one object.
#[derive(Clone, Debug)]
pub struct Step {
    /// The object.
    pub path: H5Path,
    /// What is done.
    pub action: Action,
    /// Why, for people.
    pub reason: Cow<'static, str>,
    /// Place in the manifest, for people.
    pub origin: Option<Span>,
    /// Bytes of values to write.
    pub bytes: u64,
    /// Bytes in the file that become dead space, where that is known.
    pub dead: u64,
    /// What it may cost.
    pub hazard: Hazard,
    /// Steps of a lower phase are executed before.
    pub(super) phase: u8,
}

/// Something considered that needs no change.
#[derive(Clone, Debug)]
pub struct Kept {
    /// The object.
    pub path: H5Path,
    /// Which aspect.
    pub aspect: Aspect,
    /// Why it is kept, or what differs although it is kept.
    pub note: Cow<'static, str>,
}

/// What of an object is kept: there may be very many, of which few are shown.
#[derive(Clone, Debug)]
pub enum Aspect {
    /// `dataset`, `track_order`.
    Word(&'static str),
    /// An attribute.
    Attr(Vec<u8>),
    /// Contents.
    Region(Arc<Layer>),
}

impl fmt::Display for Aspect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Aspect::Word(word) => f.write_str(word),
            Aspect::Attr(name) => write!(f, "attribute {}", bytes_text(name)),
            Aspect::Region(layer) => write!(f, "region [{}]", layer.region),
        }
    }
}

/// A difference that no allowed step can settle.
#[derive(Clone, Debug)]
pub struct Conflict {
    /// The object.
    pub path: H5Path,
    /// Cause, places, remedies.
    pub finding: Finding,
}

/// What would point to nothing, or no longer fit, when a plan is done. It does not stand against the plan.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Dangling {
    /// A soft link of the file.
    Soft {
        /// Its path, after the moves.
        link: H5Path,
        /// Its target, as it is written.
        target: Vec<u8>,
        /// What is moved or removed: the target or above it.
        gone: H5Path,
    },
    /// A soft link that is moved into another group, where its relative target is looked for from then on.
    Relative {
        /// Its path, after the moves.
        link: H5Path,
        /// Its target, as it is written.
        target: Vec<u8>,
    },
    /// More soft links than are listed.
    More,
    /// A source of a virtual dataset in the same file is removed.
    Source {
        /// The virtual dataset.
        dataset: H5Path,
        /// The source's path, as it is written.
        source: Vec<u8>,
        /// What is removed: the source or above it.
        gone: H5Path,
    },
    /// A dimension scale is removed that datasets have, or a dataset that scales are attached to.
    Scale {
        /// What is removed.
        removed: H5Path,
        /// Its attribute that names the others, which name it in turn.
        attribute: &'static [u8],
        /// The others.
        by: Vec<H5Path>,
    },
    /// A dataset gets another dtype, and its attribute `_FillValue`, which has the one before, is not declared.
    FillValue {
        /// The dataset.
        dataset: H5Path,
        /// The attribute's dtype.
        attr: Box<Dtype>,
        /// The dataset's dtype after.
        dtype: Box<Dtype>,
    },
}

impl Dangling {
    /// The object that it is about; the root where it is about all of the file.
    pub fn path(&self) -> H5Path {
        match self {
            Dangling::Soft { link, .. } | Dangling::Relative { link, .. } => link.clone(),
            Dangling::Source { dataset, .. } => dataset.clone(),
            Dangling::Scale { removed, .. } => removed.clone(),
            Dangling::FillValue { dataset, .. } => dataset.clone(),
            Dangling::More => H5Path::root(),
        }
    }
}

impl fmt::Display for Dangling {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Dangling::Soft { link, target, gone } => {
                write!(f, "{link} is a soft link to {}, which is not there without {gone}", bytes_text(target))
            }
            Dangling::Relative { link, target } => {
                let group = link.parent().unwrap_or_else(H5Path::root);
                write!(f, "{link} is a soft link to {}, which is looked for in {group} after the move", bytes_text(target))
            }
            Dangling::Source { dataset, source, gone } => {
                let source = bytes_text(source);
                write!(f, "{dataset} is a virtual dataset of {source}, which is not there without {gone}: it loses those elements")
            }
            Dangling::More => f.write_str("more soft links point to what goes away than are listed"),
            Dangling::FillValue { dataset, attr, dtype } => {
                let (attr, dtype) = told_apart(attr, dtype);
                write!(
                    f,
                    "{dataset} becomes {dtype}, and its attribute _FillValue stays {attr}: netCDF wants both of one type; declare attrs._FillValue, for instance as {{ cast = … }}"
                )
            }
            Dangling::Scale { removed, attribute, by } => {
                let others = listed(by);
                match *attribute {
                    b"REFERENCE_LIST" => {
                        write!(
                            f,
                            "{removed} is removed, and is a dimension scale of {others}: references to it are left there, and netCDF programs refuse such files"
                        )
                    }
                    _ => write!(f, "{removed} is removed, and has dimension scales, {others}: references to it are left there"),
                }
            }
        }
    }
}

/// The first few paths.
fn listed(paths: &[H5Path]) -> String {
    let shown: Vec<String> = paths.iter().take(3).map(H5Path::to_string).collect();
    let more = if paths.len() > shown.len() { format!(" and {} more", paths.len() - shown.len()) } else { String::new() };
    shown.join(", ") + &more
}

/// Counts of a plan.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Summary {
    /// Objects looked at.
    pub considered: usize,
    /// Objects with at least one step.
    pub changing: usize,
    /// Bytes of values to write.
    pub bytes: u64,
    /// Bytes that become dead space.
    pub dead: u64,
}

/// Steps that nothing stands against: no conflict, every hazard allowed. Made by
/// [`Proposal::into_plan`](super::Proposal::into_plan) only.
#[derive(Clone, Debug)]
pub struct Plan(Arc<Proposal>);

/// Why a proposal is not a plan.
#[derive(Clone, Debug)]
pub enum Blocked {
    /// Differences that no step settles.
    Conflicts(usize),
    /// Steps whose hazard nobody allowed, as indices of the proposal's steps, with what is not allowed of it.
    Consent(Vec<(usize, Hazard)>),
}

impl Plan {
    pub(super) fn new(proposal: Arc<Proposal>) -> Self {
        Self(proposal)
    }

    /// The steps in the order they are executed.
    pub fn steps(&self) -> &[Step] {
        &self.0.steps
    }
}

impl Step {
    /// A step that costs nothing and writes no values.
    pub(super) fn new(path: H5Path, action: Action, reason: impl Into<Cow<'static, str>>, origin: Option<Span>) -> Self {
        let phase = action.phase();
        Self { path, action, reason: reason.into(), origin, bytes: 0, dead: 0, hazard: Hazard::None, phase }
    }
}

impl Action {
    /// The attributes that it is about: one, or the new name and the former one.
    pub fn attr_names(&self) -> Vec<&[u8]> {
        match self {
            Action::SetAttr { name, .. } | Action::RemoveAttr { name, .. } => vec![name],
            Action::RenameAttr { from, to, .. } => vec![to, from],
            Action::CreateFile(_)
            | Action::CreateGroup { .. }
            | Action::CreateType { .. }
            | Action::CreateDataset { .. }
            | Action::CreateLink { .. }
            | Action::SetComment { .. }
            | Action::Grow { .. }
            | Action::Shrink { .. }
            | Action::WriteRegion { .. }
            | Action::Rebuild { .. }
            | Action::Move { .. }
            | Action::Remove { .. } => vec![],
        }
    }

    /// What kind of change it is.
    pub fn verb(&self) -> Verb {
        match self {
            Action::CreateFile(_) | Action::CreateGroup { .. } | Action::CreateType { .. } | Action::CreateDataset { .. } => Verb::Create,
            Action::CreateLink { before: None, .. } => Verb::Create,
            Action::CreateLink { before: Some(_), .. } | Action::SetComment { .. } => Verb::Change,
            Action::Move { .. } => Verb::Change,
            Action::SetAttr { how: AttrWrite::Create, .. } => Verb::Create,
            Action::SetAttr { how: AttrWrite::InPlace | AttrWrite::Recreate { .. }, .. } | Action::RenameAttr { .. } => Verb::Change,
            Action::WriteRegion { .. } => Verb::Write,
            Action::Grow { .. } => Verb::Grow,
            Action::RemoveAttr { .. } | Action::Remove { .. } => Verb::Remove,
            Action::Shrink { .. } => Verb::Shrink,
            Action::Rebuild { carry: Carry::Elements(_) | Carry::Declared, .. } => Verb::Convert,
            Action::Rebuild { carry: Carry::Nothing, .. } => Verb::Replace,
        }
    }

    /// Does it make a link in a group?
    pub(super) fn makes_link(&self) -> bool {
        matches!(self, Action::CreateGroup { .. } | Action::CreateType { .. } | Action::CreateDataset { .. } | Action::CreateLink { .. })
    }

    /// Steps are executed in this order, but for attributes of new objects (`order::attrs_at_once`).
    pub(super) fn phase(&self) -> u8 {
        match self {
            Action::CreateFile(_) => 0,
            Action::Move { .. } => MOVES,
            // Before everything that may refer to the dataset.
            Action::Remove { .. } | Action::Rebuild { .. } => 2,
            Action::CreateGroup { .. } => GROUPS,
            // Their names only: the types themselves are made before everything else.
            Action::CreateType { .. } => 4,
            // A fill value that refers to an object needs the object.
            Action::CreateDataset { definition, .. } if definition.refers() => 6,
            Action::CreateDataset { .. } => 5,
            // Before everything that a reference can stand in: references may point to any name.
            Action::CreateLink { .. } => 7,
            Action::Grow { .. } | Action::Shrink { .. } => 8,
            Action::WriteRegion { .. } => 9,
            Action::SetAttr { .. } | Action::RemoveAttr { .. } | Action::RenameAttr { .. } => 10,
            Action::SetComment { .. } => 11,
        }
    }
}
