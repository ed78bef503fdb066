//! Paths of the objects that references and committed types lead to.

use std::collections::{BTreeMap, HashMap};
use std::sync::OnceLock;

use crate::h5::File;
use crate::model::{Dtype, Elements, H5Path, ObjectId, Target};

/// Names for addresses: those that were looked at first, any other of the file where it must be.
pub struct Naming<'f> {
    file: &'f File,
    known: HashMap<u64, H5Path>,
    /// All objects of the file, looked up once and only if a name is missing.
    all: OnceLock<HashMap<u64, H5Path>>,
}

impl<'f> Naming<'f> {
    /// With the names that the caller knows objects by.
    pub fn new(file: &'f File, known: &BTreeMap<ObjectId, H5Path>) -> Self {
        Self { file, known: known.iter().map(|(id, path)| (id.address, path.clone())).collect(), all: OnceLock::new() }
    }

    /// The path of an object, where it has one.
    pub fn path(&self, address: u64) -> Option<H5Path> {
        let all = || self.all.get_or_init(|| self.file.names().unwrap_or_default());
        self.known.get(&address).or_else(|| all().get(&address)).cloned()
    }

    fn target(&self, target: &Target) -> Option<Target> {
        match target {
            Target::Path(_) => None,
            Target::Address(address) => self.path(*address).map(Target::Path),
        }
    }

    /// Names the objects that a type and its elements refer to.
    pub fn name(&self, dtype: &mut Dtype, elements: &mut Elements) {
        dtype.rename_targets(&mut |t| self.target(t));
        elements.rename_targets(&mut |t| self.target(t));
    }

    /// Names the object of a committed type.
    pub fn name_type(&self, dtype: &mut Dtype) {
        dtype.rename_targets(&mut |t| self.target(t));
    }

    /// Names the objects that elements refer to.
    pub fn name_elements(&self, elements: &mut Elements) {
        elements.rename_targets(&mut |t| self.target(t));
    }

    /// Names what an attribute refers to.
    pub fn name_attr(&self, seen: &mut crate::model::AttrSeen) {
        match seen {
            crate::model::AttrSeen::Value(value) => self.name(&mut value.dtype, &mut value.data),
            crate::model::AttrSeen::Opaque { dtype, .. } => self.name_type(dtype),
        }
    }
}
