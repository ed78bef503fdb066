//! What a manifest declares, resolved: includes, variables, dimensions and repetition settled.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::{
    AllocTime, AttrRule, Charset, Dtype, Each, Fill, FillTime, FillValue, Filter, H5Path, Ignored, Layout, MaxShape, PartialChunks, Scope,
    Selection, Shape,
};
use crate::diag::{Finding, Span};

/// Everything one manifest declares.
#[derive(Clone, Debug)]
pub struct Desired {
    /// File creation.
    pub file: FileProps,
    /// Declared objects by path. Groups that are only needed as parents are not here.
    pub objects: BTreeMap<H5Path, DesiredObject>,
    /// Regions, in order.
    pub patches: Vec<Patch>,
    /// What shall not exist.
    pub removals: Vec<Removal>,
    /// What shall be called otherwise. Everything else names objects by their paths after these.
    pub moves: Vec<super::Move>,
    /// Rules for whatever matches, in order.
    pub each: Vec<Each>,
    /// What rules say of the storage of datasets and cannot be, and what is said under several names and does not go together; known when the file has
    /// been looked at.
    pub clashes: Vec<(H5Path, Finding)>,
    /// Of datasets that rules may store in another way: which rules are about each; known when the file has been looked at.
    pub turns: BTreeMap<H5Path, Turns>,
    /// Which part of the manifest this is.
    pub scope: Scope,
    /// What is left out of it because it may differ.
    pub ignored: Vec<Ignored>,
}

/// Rules for whatever matches, by their numbers: is each about the object when its turn comes, and when it comes again after all has been done?
/// Conditions on attributes are not asked here.
pub type Turns = BTreeMap<usize, [bool; 2]>;

/// `[file]` without the path.
#[derive(Clone, Debug, Default)]
pub struct FileProps {
    /// Library version bounds, low and high.
    pub libver: Option<((Libver, Libver), Span)>,
    /// Bytes in front of the HDF5 data: 0 or a power of two from 512.
    pub userblock: Option<(u64, Span)>,
    /// Creation order of links and attributes on new objects.
    pub track_order: Option<(Orders, Span)>,
    /// Bytes that stand in the userblock: a file.
    pub userblock_file: Option<(std::path::PathBuf, Span)>,
    /// How free space in the file is managed.
    pub space: Option<(FileSpace, Span)>,
    /// Bytes of a page where space is managed by pages, and of allocations otherwise.
    pub page_size: Option<(u64, Span)>,
}

/// How free space in a file is managed (H5Pset_file_space_strategy).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FileSpace {
    /// The strategy.
    pub strategy: SpaceStrategy,
    /// Is free space remembered when the file is closed?
    pub persist: bool,
    /// Smallest free section that is remembered, in bytes.
    pub threshold: u64,
}

/// Strategies of managing free space.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SpaceStrategy {
    /// Free-space managers and aggregators: the default.
    FsmAggr,
    /// By pages.
    Page,
    /// Aggregators only.
    Aggr,
    /// Neither.
    None,
}

impl Default for FileSpace {
    /// What the library does where nothing is said.
    fn default() -> Self {
        Self { strategy: SpaceStrategy::FsmAggr, persist: false, threshold: 1 }
    }
}

impl SpaceStrategy {
    /// The manifest's word.
    pub fn word(self) -> &'static str {
        match self {
            SpaceStrategy::FsmAggr => "fsm_aggr",
            SpaceStrategy::Page => "page",
            SpaceStrategy::Aggr => "aggr",
            SpaceStrategy::None => "none",
        }
    }
}

/// Creation order of the links and of the attributes of an object; only groups have links.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Orders {
    /// Of links.
    pub links: TrackOrder,
    /// Of attributes.
    pub attrs: TrackOrder,
}

impl Orders {
    /// The same for both.
    pub fn both(order: TrackOrder) -> Self {
        Self { links: order, attrs: order }
    }
}

/// HDF5's library version bounds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Libver {
    /// The oldest format that can say it.
    Earliest,
    /// 1.8.
    V18,
    /// 1.10.
    V110,
    /// 1.12.
    V112,
    /// 1.14.
    V114,
    /// 2.0.
    V200,
    /// The newest.
    Latest,
}

/// Creation order of links or attributes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TrackOrder {
    /// Not kept.
    No,
    /// Kept.
    Tracked,
    /// Kept and indexed.
    Indexed,
}

/// One declared object.
#[derive(Clone, Debug)]
pub struct DesiredObject {
    /// The entry's place in the manifest.
    pub origin: Span,
    /// Position among the entries, for files that keep creation order.
    pub position: u32,
    /// What it is.
    pub kind: DesiredKind,
    /// Attributes in manifest order.
    pub attrs: Arc<[DesiredAttr]>,
    /// The object's comment; empty for none.
    pub comment: Option<(Vec<u8>, Span)>,
    /// Character set of the name of a new link; by default ASCII where the name is.
    pub name_charset: Option<Charset>,
}

/// What a declared object is.
#[derive(Clone, Debug)]
pub enum DesiredKind {
    /// A group.
    Group(DesiredGroup),
    /// A dataset.
    Dataset(Box<DesiredDataset>),
    /// A committed type.
    Type(Box<DesiredType>),
    /// A link that is not the first name of an object.
    Link(DesiredLink),
}

/// A declared group.
#[derive(Clone, Debug, Default)]
pub struct DesiredGroup {
    /// Creation order of its links and attributes.
    pub track_order: Option<(Orders, Span)>,
}

/// A declared committed type.
#[derive(Clone, Debug)]
pub struct DesiredType {
    /// The type; `None` adopts one that must exist.
    pub dtype: Option<(Dtype, Span)>,
    /// Creation order of its attributes.
    pub track_order: Option<(Orders, Span)>,
}

/// A declared link.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DesiredLink {
    /// Another name of an object.
    Hard {
        /// One of the object's names.
        target: H5Path,
        /// Where it stands.
        at: Span,
    },
    /// A path, whether or not anything is there.
    Soft(Vec<u8>),
    /// A path in another file.
    External {
        /// The other file's name, as it is stored.
        file: Vec<u8>,
        /// The path there.
        path: Vec<u8>,
    },
    /// Of a class that a program has registered.
    User {
        /// The class's number, 65 to 255.
        class: i32,
        /// That program's data.
        data: Vec<u8>,
    },
}

impl Desired {
    /// Has a new file nothing of it: are there only rules, patches, moves, removals, and forms that change attributes?
    pub fn is_about_what_is_there(&self) -> bool {
        let makes = |(path, object): (&H5Path, &DesiredObject)| {
            !path.is_root() || object.comment.is_some() || object.attrs.iter().any(|a| a.rule.makes())
        };
        let file = &self.file;
        let as_usual = file.libver.is_none() && file.userblock.is_none() && file.userblock_file.is_none() && file.space.is_none();
        // What declares nothing at all is an empty file.
        let declares = !(self.objects.is_empty()
            && self.each.is_empty()
            && self.patches.is_empty()
            && self.moves.is_empty()
            && self.removals.is_empty());
        declares && as_usual && file.page_size.is_none() && file.track_order.is_none() && !self.objects.iter().any(makes)
    }
}

impl DesiredKind {
    /// The manifest's word for the section it stands in.
    pub fn word(&self) -> &'static str {
        match self {
            DesiredKind::Group(_) => "group",
            DesiredKind::Dataset(_) => "dataset",
            DesiredKind::Type(_) => "type",
            DesiredKind::Link(_) => "link",
        }
    }
}

/// A declared attribute.
#[derive(Clone, Debug)]
pub struct DesiredAttr {
    /// Its name.
    pub name: Vec<u8>,
    /// Its place in the manifest.
    pub origin: Span,
    /// What is said of it.
    pub rule: AttrRule,
    /// Character set of the name of a new attribute; by default ASCII where the name is.
    pub name_charset: Option<Charset>,
}

/// A size along an axis.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Size {
    /// Elements.
    pub value: u64,
    /// Is a larger size as declared, too (it comes from an unlimited dimension)?
    pub minimum: bool,
}

/// A declared rule for contents.
#[derive(Clone, Debug, PartialEq)]
pub struct DesiredFill {
    /// The rule. Its stream is empty where it follows from a patch's path and region.
    pub fill: Fill,
    /// For literal values, the shape that their nesting says.
    pub nesting: Option<Shape>,
    /// Where the rule stands.
    pub origin: Span,
}

impl DesiredFill {
    /// The place of what [`DesiredFill::check`] refuses: the rule, or one member's.
    pub fn place(&self, dtype: &super::Dtype, shape: &Shape) -> Span {
        self.fill.impossible_member(dtype, shape).unwrap_or(self.origin)
    }

    /// Is the rule possible for the dtype and shape? One clause naming what does not fit.
    pub fn check(&self, dtype: &super::Dtype, shape: &Shape) -> Result<(), super::EncodeError> {
        match &self.nesting {
            Some(nesting) if nesting != shape => {
                Err(super::EncodeError(format!("the values have shape {nesting}, but shape {shape} is to be filled")))
            }
            _ => self.fill.check(dtype, shape),
        }
    }
}

/// A declared dataset.
#[derive(Clone, Debug)]
pub struct DesiredDataset {
    /// Type, shape and storage for creation; `None` adopts a dataset that must exist.
    pub definition: Option<Arc<Definition>>,
    /// How many axes the manifest names with `dims`, and where.
    pub named_axes: Option<(usize, Span)>,
    /// Aspects of storage that the manifest names, and so manages.
    pub owned: Arc<Owned>,
    /// Contents.
    pub fill: Option<Box<DesiredFill>>,
    /// When the contents are managed.
    pub contents: Contents,
    /// What to do where type or storage differ.
    pub on_mismatch: OnMismatch,
    /// Creation order of its attributes.
    pub track_order: Option<(Orders, Span)>,
}

/// What it takes to create a dataset.
#[derive(Clone, Debug, PartialEq)]
pub struct Definition {
    /// Element type.
    pub dtype: Dtype,
    /// Where the manifest says the type.
    pub dtype_at: Span,
    /// Extent at creation.
    pub shape: Shape,
    /// Where the manifest says the shape.
    pub shape_at: Span,
    /// For each axis: is a larger size as declared?
    pub minimum: Vec<bool>,
    /// Largest extent; as long as the shape.
    pub maxshape: MaxShape,
    /// Storage, with every default settled.
    pub layout: Layout,
    /// HDF5's fill value.
    pub fill_value: FillValue,
    /// Stored only where declared.
    pub fill_time: Option<FillTime>,
    /// Stored only where declared.
    pub alloc_time: Option<AllocTime>,
    /// Chunks at the edges.
    pub partial_chunks: PartialChunks,
}

/// Aspects of storage the manifest names, each with its place.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Owned {
    /// Largest extent; an entry `None` is unlimited.
    pub maxshape: Option<(MaxShape, Span)>,
    /// `layout`.
    pub layout: Option<(Layout, Span)>,
    /// `chunks`; `None` inside is `"auto"`, which any chunk shape satisfies.
    pub chunks: Option<(Option<Vec<u64>>, Span)>,
    /// `filters`.
    pub filters: Option<(Vec<Filter>, Span)>,
    /// `fill_value`, as written: it is encoded in the dataset's dtype; `None` inside is undefined.
    pub fill_value: Option<(Option<super::Literal>, Span)>,
    /// `fill_time`.
    pub fill_time: Option<(FillTime, Span)>,
    /// `alloc_time`.
    pub alloc_time: Option<(AllocTime, Span)>,
    /// `partial_chunks`.
    pub partial_chunks: Option<(PartialChunks, Span)>,
}

/// When a dataset's fill is looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Contents {
    /// At creation and for what growth adds.
    Initial,
    /// Always.
    Exact,
}

/// What to do where a dataset's type or storage differs from the declaration.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OnMismatch {
    /// A conflict.
    Refuse,
    /// The dataset is made anew, with its elements and all that is not declared.
    Convert,
    /// The dataset is made anew from its declaration, with all that is not declared but its elements.
    Replace,
}

/// A selection with the text people see.
#[derive(Clone, Debug, PartialEq)]
pub struct SelectionText {
    /// The selection.
    pub selection: Selection,
    /// Its place in the manifest.
    pub span: Span,
}

/// One `[[patch]]`.
#[derive(Clone, Debug)]
pub struct Patch {
    /// The entry's place.
    pub origin: Span,
    /// The dataset.
    pub path: H5Path,
    /// The name of the dataset that the manifest has: its fill's stream follows from that.
    pub named: H5Path,
    /// Where the path stands.
    pub path_at: Span,
    /// The region, before the dataset's shape is known.
    pub select: SelectionText,
    /// Contents.
    pub fill: DesiredFill,
}

/// One `[[remove]]`.
#[derive(Clone, Debug)]
pub struct Removal {
    /// The entry's place.
    pub origin: Span,
    /// What to remove.
    pub target: RemovalTarget,
}

/// What a `[[remove]]` names.
#[derive(Clone, Debug)]
pub enum RemovalTarget {
    /// One path.
    Path(H5Path),
    /// Every object whose path matches one of the globs.
    Match(Vec<String>),
}
