//! One name for an object in both files, where values and types refer to objects.

use std::cell::OnceCell;
use std::collections::{BTreeMap, BTreeSet};

use crate::h5::{File, Kind, Link, Object};
use crate::model::{AttrSeen, Dtype, Elements, H5Path, ObjectId, Target};
use crate::observe::{MOST_DEPTH, Naming};

/// Names by which objects are the same in both files: the first path that leads to an object in both of them; where there is none, the
/// first in its own file.
pub(super) struct Names<'f> {
    files: (&'f File, &'f File),
    /// Looked up once, and only if anything refers to an object.
    namings: OnceCell<(Naming<'f>, Naming<'f>)>,
}

impl<'f> Names<'f> {
    pub fn new(a: &'f File, b: &'f File) -> Self {
        Self { files: (a, b), namings: OnceCell::new() }
    }

    fn namings(&self) -> &(Naming<'f>, Naming<'f>) {
        self.namings.get_or_init(|| {
            let (a, b) = self.files;
            let mut common = Common::default();
            if let (Ok(a), Ok(b)) = (a.root(), b.root()) {
                common.visit(&a, &b, &H5Path::root(), 0);
            }
            (Naming::new(a, &common.first.0), Naming::new(b, &common.first.1))
        })
    }

    fn naming(&self, first: bool) -> &Naming<'f> {
        let (a, b) = self.namings();
        if first { a } else { b }
    }

    pub fn types(&self, before: &mut Dtype, after: &mut Dtype) {
        self.dtype(true, before);
        self.dtype(false, after);
    }

    /// The type of an object that only one file has, or of one of two.
    pub fn dtype(&self, first: bool, dtype: &mut Dtype) {
        if dtype.committed().is_some() {
            self.naming(first).name_type(dtype);
        }
    }

    /// Fails with a clause where an object has no name, and so none to compare.
    pub fn elements(&self, before: &mut Elements, after: &mut Elements) -> Result<(), String> {
        let mut unnamed = None;
        for (first, elements) in [(true, before), (false, after)] {
            let mut any = false;
            elements.targets(&mut |_| any = true);
            if any {
                self.naming(first).name_elements(elements);
            }
            elements.targets(&mut |target| {
                if let Target::Address(_) = target {
                    unnamed = Some(target.to_string());
                }
            });
        }
        unnamed.map_or(Ok(()), |what| Err(format!("it refers to {what}")))
    }

    /// Fails as [`Names::elements`] does.
    pub fn attrs(&self, before: &mut AttrSeen, after: &mut AttrSeen) -> Result<(), String> {
        match (before, after) {
            (AttrSeen::Value(before), AttrSeen::Value(after)) => {
                self.types(&mut before.dtype, &mut after.dtype);
                self.elements(&mut before.data, &mut after.data)
            }
            (before, after) => {
                self.attr(true, before);
                self.attr(false, after);
                Ok(())
            }
        }
    }

    /// For an attribute that only one file has.
    pub fn attr(&self, first: bool, seen: &mut AttrSeen) {
        let dtype = seen.dtype();
        if dtype.committed().is_some() || dtype.has_references() {
            self.naming(first).name_attr(seen);
        }
    }
}

/// The first path of every object that both files have one at.
#[derive(Default)]
struct Common {
    first: (BTreeMap<ObjectId, H5Path>, BTreeMap<ObjectId, H5Path>),
    groups: BTreeSet<(ObjectId, ObjectId)>,
}

impl Common {
    /// What cannot be read has no name here; that it cannot be read is told elsewhere.
    fn visit(&mut self, a: &Object, b: &Object, path: &H5Path, depth: usize) {
        let (Ok(ours), Ok(theirs)) = (a.info(), b.info()) else { return };
        self.first.0.entry(ours.id).or_insert_with(|| path.clone());
        self.first.1.entry(theirs.id).or_insert_with(|| path.clone());
        let groups = ours.kind == Kind::Group && theirs.kind == Kind::Group;
        if !groups || depth >= MOST_DEPTH || !self.groups.insert((ours.id, theirs.id)) {
            return;
        }
        let hard = |group: &Object, name: &[u8]| matches!(group.link(name), Ok(Some(Link::Hard(_))));
        for name in a.link_names().unwrap_or_default() {
            if hard(a, &name)
                && hard(b, &name)
                && let (Ok(a), Ok(b)) = (a.open(&name), b.open(&name))
            {
                self.visit(&a, &b, &path.child(&name), depth + 1);
            }
        }
    }
}
