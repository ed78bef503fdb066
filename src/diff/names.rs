//! One name for an object in both files, where values and types refer to objects.

use std::cell::RefCell;
use std::collections::{BTreeMap, HashMap};

use crate::h5::File;
use crate::model::{AttrSeen, Dtype, Elements, H5Path, Target};
use crate::observe::{Naming, resolve};

/// Objects of the first file by the names that the second has for what stands at the same path: an object with several names is the same
/// by any of them.
pub(super) struct Names<'f> {
    a: Naming<'f>,
    b: Naming<'f>,
    second: &'f File,
    known: RefCell<HashMap<H5Path, Option<H5Path>>>,
}

impl<'f> Names<'f> {
    pub fn new(a: &'f File, b: &'f File) -> Self {
        let none = BTreeMap::new();
        Self { a: Naming::new(a, &none), b: Naming::new(b, &none), second: b, known: RefCell::default() }
    }

    /// What the second file calls the object at a path of the first.
    fn renamed(&self, target: &Target) -> Option<Target> {
        let Target::Path(path) = target else { return None };
        let mut known = self.known.borrow_mut();
        let name = known.entry(path.clone()).or_insert_with(|| {
            let (object, own) = resolve(self.second, path).ok()?;
            // What lies behind a soft link has another path.
            if own != *path {
                return None;
            }
            self.b.path(object.info().ok()?.id.address)
        });
        name.clone().map(Target::Path)
    }

    pub fn types(&self, before: &mut Dtype, after: &mut Dtype) {
        self.a.name_type(before);
        before.rename_targets(&mut |t| self.renamed(t));
        self.b.name_type(after);
    }

    /// Fails with a clause where an object has no name, and so none to compare.
    pub fn elements(&self, before: &mut Elements, after: &mut Elements) -> Result<(), String> {
        self.a.name_elements(before);
        before.rename_targets(&mut |t| self.renamed(t));
        self.b.name_elements(after);
        let mut unnamed = None;
        let mut visit = |target: &Target| {
            if let Target::Address(_) = target {
                unnamed = Some(target.to_string());
            }
        };
        before.targets(&mut visit);
        after.targets(&mut visit);
        unnamed.map_or(Ok(()), |what| Err(format!("it refers to {what}")))
    }

    pub fn attrs(&self, before: &mut AttrSeen, after: &mut AttrSeen) -> Result<(), String> {
        match (before, after) {
            (AttrSeen::Value(before), AttrSeen::Value(after)) => {
                self.types(&mut before.dtype, &mut after.dtype);
                self.elements(&mut before.data, &mut after.data)
            }
            (before, after) => {
                self.a.name_attr(before);
                self.b.name_attr(after);
                Ok(())
            }
        }
    }

    /// For an attribute that only one file has.
    pub fn attr(&self, first: bool, seen: &mut AttrSeen) {
        if first { &self.a } else { &self.b }.name_attr(seen);
    }

    /// For an object that only one file has.
    pub fn dtype(&self, first: bool, dtype: &mut Dtype) {
        if first { &self.a } else { &self.b }.name_type(dtype);
    }
}
