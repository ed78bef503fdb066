//! Paths of the objects that references and committed types lead to.

use std::collections::{BTreeMap, HashMap};
use std::sync::OnceLock;

use super::descent::{Descent, Member};
use crate::h5::{File, Kind};
use crate::model::{Dtype, Elements, H5Path, LinkPlace, Moved, ObjectId, Target};

/// Names for addresses: those that were looked at first, any other of the file where it must be.
pub struct Naming<'f> {
    file: &'f File,
    known: HashMap<u64, H5Path>,
    gone: BTreeMap<LinkPlace, H5Path>,
    /// All objects of the file, looked up once and only if a name is missing.
    all: OnceLock<HashMap<u64, H5Path>>,
}

impl<'f> Naming<'f> {
    /// With the names that the caller knows objects by.
    pub fn new(file: &'f File, known: &BTreeMap<ObjectId, H5Path>) -> Self {
        Self::after(file, known, &Moved::default())
    }

    /// The same after the moves that are pending.
    pub fn after(file: &'f File, known: &BTreeMap<ObjectId, H5Path>, moved: &Moved) -> Self {
        let known = known.iter().map(|(id, path)| (id.address, path.clone())).collect();
        Self { file, known, gone: moved.gone.clone(), all: OnceLock::new() }
    }

    /// The path of an object, where it has one.
    pub fn path(&self, address: u64) -> Option<H5Path> {
        let all = || self.all.get_or_init(|| names(self.file, &self.gone));
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

/// Paths of all objects by address, each by its first name, groups in byte order of names. What cannot be read has none.
fn names(file: &File, gone: &BTreeMap<LinkPlace, H5Path>) -> HashMap<u64, H5Path> {
    let (mut names, mut descent) = (HashMap::new(), Descent::after(gone));
    let Ok(root) = file.root() else { return names };
    let Ok(info) = root.info() else { return names };
    names.insert(info.id.address, H5Path::root());
    if descent.enter(root, H5Path::root()).is_err() {
        return names;
    }
    while let Some(visited) = descent.step() {
        let Ok(Member::Object(object)) = visited.member() else { continue };
        let path = visited.path;
        let Ok(info) = object.info() else { continue };
        if names.contains_key(&info.id.address) {
            continue;
        }
        names.insert(info.id.address, path.clone());
        if info.kind == Kind::Group {
            // Too deep, or unreadable: nothing below has a name.
            let _ = descent.enter(object, path);
        }
    }
    names
}
