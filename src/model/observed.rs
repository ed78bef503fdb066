//! What was seen in a file: metadata of the objects that were asked for, and compared regions.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::{AllocTime, AttrValue, Dtype, FillTime, FillValue, H5Path, Layout, MaxShape, PartialChunks, Shape, Target, TrackOrder};

/// What planning knows of a file.
#[derive(Clone, Debug, Default)]
pub struct Observed {
    /// Is there a file?
    pub base: Base,
    /// Every path that was asked for and exists, with its parents. All names of an object have the same, with all that was asked for by any of
    /// them.
    pub objects: BTreeMap<H5Path, Arc<ObjectSeen>>,
    /// The first path of every object that was seen.
    pub first: BTreeMap<ObjectId, H5Path>,
    /// Existing paths that each removal's globs match, in the order of the manifest's removals.
    pub matches: Vec<Vec<H5Path>>,
    /// Compared layers: by dataset, then by the layer's number.
    pub regions: BTreeMap<(H5Path, usize), RegionSeen>,
    /// What moves find. Every path here but those that they move from is one after the moves.
    pub moved: super::Moved,
    /// What globs could not be compared with, and why: a clause.
    pub unsearched: Vec<(H5Path, String)>,
    /// Where something that must exist does not: the paths in the deepest group above it that does, as
    /// far as they were listed.
    pub siblings: BTreeMap<H5Path, Vec<H5Path>>,
    /// Datasets that are to be made anew, and what there is about them.
    pub rebuilds: BTreeMap<H5Path, super::RebuildSeen>,
}

/// The file itself.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Base {
    /// There is no file yet.
    #[default]
    Missing,
    /// There is one.
    Existing {
        /// Bytes.
        size: u64,
        /// Superblock version.
        superblock: u32,
        /// Userblock in bytes.
        userblock: u64,
    },
}

/// Identity of an object in its file: two hard links to one object have the same.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct ObjectId {
    /// HDF5's number of the open file: how many the process had opened before.
    pub file: u64,
    /// Address.
    pub address: u64,
}

/// Without the file's number, which says nothing about the file: what is printed is hashed into saved plans.
impl std::fmt::Debug for ObjectId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "ObjectId({:#x})", self.address)
    }
}

/// What stands at a path.
#[derive(Clone, Debug)]
pub enum LinkSeen {
    /// An object.
    Hard(ObjectId),
    /// A soft link with its target.
    Soft(Vec<u8>),
    /// An external link with file and path.
    External { file: Vec<u8>, path: Vec<u8> },
    /// A user-defined link with its class and data.
    UserDefined {
        /// The class's number.
        class: i32,
        /// The link's data.
        data: Vec<u8>,
    },
}

/// An object or link that was seen.
#[derive(Clone, Debug)]
pub struct ObjectSeen {
    /// The link at this path.
    pub link: LinkSeen,
    /// The object behind a hard link.
    pub kind: Option<SeenKind>,
    /// Attributes that were asked for and exist.
    pub attrs: BTreeMap<Vec<u8>, Box<AttrSeen>>,
    /// Creation order of its attributes.
    pub attr_order: TrackOrder,
    /// Version of the object header.
    pub header: HeaderVersion,
    /// Number of hard links to the object.
    pub links: u32,
    /// Bytes its elements take in the file, where that was asked for.
    pub storage: Option<u64>,
    /// Its comment, where that was asked for and there is one.
    pub comment: Option<Vec<u8>>,
}

/// Object headers of version 1 cannot hold attributes over 64 KiB.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HeaderVersion {
    /// HDF5 1.6 and older, or low bound `earliest`.
    V1,
    /// HDF5 1.8 and newer.
    V2,
}

/// What an object is.
#[derive(Clone, Debug)]
pub enum SeenKind {
    /// A group.
    Group(SeenGroup),
    /// A dataset.
    Dataset(Box<SeenDataset>),
    /// A committed type.
    Type(Box<SeenType>),
    /// Something newer than this version.
    Unknown,
}

/// A group that was seen.
#[derive(Clone, Debug)]
pub struct SeenGroup {
    /// Creation order of its links.
    pub link_order: TrackOrder,
}

/// A committed type that was seen.
#[derive(Clone, Debug)]
pub struct SeenType {
    /// The type itself.
    pub dtype: Dtype,
}

/// A dataset that was seen.
#[derive(Clone, Debug)]
pub struct SeenDataset {
    /// Element type.
    pub dtype: Dtype,
    /// Extent.
    pub shape: Shape,
    /// Largest extent.
    pub maxshape: MaxShape,
    /// Storage.
    pub layout: Layout,
    /// HDF5's fill value.
    pub fill_value: FillValue,
    /// When it is written.
    pub fill_time: FillTime,
    /// When space is allocated.
    pub alloc_time: AllocTime,
    /// Chunks at the edges.
    pub partial_chunks: PartialChunks,
    /// A filter of its chunks that cannot be run here: the elements cannot be read or written.
    pub lacking: Option<super::Filter>,
}

/// An attribute that was seen.
#[derive(Clone, Debug)]
pub enum AttrSeen {
    /// With its value.
    Value(AttrValue),
    /// Of a type whose values this version does not read; why, as a clause.
    Opaque { dtype: Dtype, shape: Shape, why: String },
}

/// How a layer of desired contents compares with the file.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct RegionSeen {
    /// Elements compared.
    pub elements: u64,
    /// Elements that differ.
    pub differing: u64,
    /// Numbers of the blocks (of the layer's partition) that differ.
    pub blocks: Vec<u64>,
    /// The first few differing elements, rendered: before and after.
    pub examples: Vec<(String, String)>,
    /// A hash of what stands in the blocks that differ: a plan that overwrites it is about these contents.
    pub digest: u64,
}

impl Observed {
    /// The name by which the planner knows an object: the first of its paths that was seen.
    pub fn canonical(&self, path: &H5Path) -> H5Path {
        match self.objects.get(path).map(|o| &o.link) {
            Some(LinkSeen::Hard(id)) => self.first.get(id).unwrap_or(path).clone(),
            _ => path.clone(),
        }
    }

    /// [`Observed::canonical`], with the groups on the way by their first names, too: what does not exist yet is named by its parent's.
    pub fn canonical_way(&self, path: &H5Path) -> H5Path {
        let (mut real, mut name) = (H5Path::root(), H5Path::root());
        for part in path.names() {
            real = real.child(part);
            let id = match self.objects.get(&real).map(|o| &o.link) {
                Some(LinkSeen::Hard(id)) => self.first.get(id),
                _ => None,
            };
            name = id.map_or_else(|| name.child(part), Clone::clone);
        }
        name
    }

    /// The link that a path ends with, by the first name of its group: the same for all paths that end with it.
    pub fn link_of(&self, path: &H5Path) -> H5Path {
        path.parent().map_or_else(H5Path::root, |group| self.canonical_way(&group).child(path.name()))
    }

    /// Was an object seen under two names?
    pub fn has_aliases(&self) -> bool {
        self.objects.values().filter(|o| matches!(o.link, LinkSeen::Hard(_))).count() > self.first.len()
    }

    /// The canonical name of what a declaration refers to; `None` leaves it as it is.
    pub fn canonical_target(&self, target: &Target) -> Option<Target> {
        match target {
            Target::Path(path) => Some(Target::Path(self.canonical(path))),
            Target::Address(_) => None,
        }
    }

    /// Is a declared type the one that was seen, whatever name a committed one is called by?
    pub fn same_type(&self, declared: &Dtype, seen: &Dtype) -> bool {
        if declared == seen {
            return true;
        }
        let mut declared = declared.clone();
        declared.rename_targets(&mut |t| self.canonical_target(t));
        declared == *seen
    }
}

impl SeenKind {
    /// `group`, `dataset`, `committed type`: for messages.
    pub fn word(&self) -> &'static str {
        match self {
            SeenKind::Group(_) => "group",
            SeenKind::Dataset(_) => "dataset",
            SeenKind::Type(_) => "committed type",
            SeenKind::Unknown => "object of an unknown kind",
        }
    }
}

impl AttrSeen {
    /// The element type.
    pub fn dtype(&self) -> &Dtype {
        match self {
            AttrSeen::Value(v) => &v.dtype,
            AttrSeen::Opaque { dtype, .. } => dtype,
        }
    }
}
