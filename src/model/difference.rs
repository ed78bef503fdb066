//! What two files differ in: the vocabulary of `diff`.

use super::{AttrSeen, H5Path, ListedKind, Region, RegionSeen};

/// One aspect in which two files differ. The first file's is `before`, the second's `after`.
#[derive(Clone, Debug)]
pub struct Difference {
    /// The object or link.
    pub path: H5Path,
    /// What differs.
    pub change: Change,
}

/// What differs.
#[derive(Clone, Debug)]
pub enum Change {
    /// A property of the file as a whole.
    File {
        /// Which: `superblock`.
        aspect: &'static str,
        /// In the first file.
        before: String,
        /// In the second.
        after: String,
    },
    /// Only the first file has it.
    OnlyBefore(ListedKind),
    /// Only the second file has it.
    OnlyAfter(ListedKind),
    /// Something else stands there: another kind of object, another link, or another object of those with several names.
    Other {
        /// In the first file.
        before: ListedKind,
        /// In the second.
        after: ListedKind,
    },
    /// A property of the object.
    Aspect {
        /// Which, by the manifest's word: `chunks`.
        aspect: &'static str,
        /// In the first file.
        before: String,
        /// In the second.
        after: String,
    },
    /// An attribute; one of the two is there.
    Attr {
        /// Its name.
        name: Vec<u8>,
        /// In the first file.
        before: Option<AttrSeen>,
        /// In the second.
        after: Option<AttrSeen>,
    },
    /// Elements.
    Values {
        /// What was compared: the extent that both have.
        region: Region,
        /// Counts and examples.
        seen: RegionSeen,
    },
}

impl Change {
    /// Place among the differences of one object.
    pub fn rank(&self) -> u8 {
        match self {
            Change::File { .. } => 0,
            Change::OnlyBefore(_) | Change::OnlyAfter(_) | Change::Other { .. } => 1,
            Change::Aspect { .. } => 2,
            Change::Values { .. } => 3,
            Change::Attr { .. } => 4,
        }
    }
}

/// Two files side by side.
#[derive(Clone, Debug, Default)]
pub struct Comparison {
    /// By path; of an object as a whole first, then storage, contents and attributes.
    pub differences: Vec<Difference>,
    /// What could not be compared, and why: a clause.
    pub untold: Vec<(H5Path, String)>,
    /// Objects and links looked at.
    pub considered: usize,
    /// Were contents compared?
    pub contents: bool,
}

impl Comparison {
    /// Notes a difference.
    pub fn differ(&mut self, path: &H5Path, change: Change) {
        self.differences.push(Difference { path: path.clone(), change });
    }

    /// Is everything known to be equal?
    pub fn is_equal(&self) -> bool {
        self.differences.is_empty() && self.untold.is_empty()
    }
}
