//! What a listing of a file holds.

use super::{AttrSeen, Dtype, H5Path, Layout, MaxShape, Shape};

/// One link of a file with what stands behind it.
#[derive(Clone, Debug)]
pub struct Listed {
    /// Where.
    pub path: H5Path,
    /// What.
    pub what: ListedKind,
    /// Attributes that were asked for and exist, by name; with why, where one cannot be read.
    pub attrs: Vec<(Vec<u8>, Result<AttrSeen, String>)>,
}

/// What stands at a path.
#[derive(Clone, Debug)]
pub enum ListedKind {
    /// A dataset.
    Dataset {
        /// Element type.
        dtype: Dtype,
        /// Extent.
        shape: Shape,
        /// Largest extent.
        maxshape: MaxShape,
        /// Storage.
        layout: Layout,
    },
    /// A group.
    Group,
    /// A committed type.
    Type,
    /// A soft link with its target.
    Soft(Vec<u8>),
    /// A link into another file.
    External { file: Vec<u8>, path: Vec<u8> },
    /// A link of a class that some program registered.
    UserDefined(i32),
    /// A further name of an object that is listed by this path.
    SameAs(H5Path),
    /// Something that cannot be read; why.
    Unreadable(String),
}

impl Listed {
    /// Could something about it not be read?
    pub fn is_unreadable(&self) -> bool {
        matches!(self.what, ListedKind::Unreadable(_)) || self.attrs.iter().any(|(_, value)| value.is_err())
    }
}

/// Attributes by which netCDF-4, dimension scales and PyTables keep their books; shown on request.
pub fn is_bookkeeping(attr: &[u8]) -> bool {
    const NAMES: [&[u8]; 8] = [
        b"CLASS",
        b"NAME",
        b"REFERENCE_LIST",
        b"DIMENSION_LIST",
        b"_Netcdf4Dimid",
        b"_Netcdf4Coordinates",
        b"_nc3_strict",
        b"_NCProperties",
    ];
    NAMES.contains(&attr)
}
