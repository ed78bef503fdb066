//! One step after the other.

use crate::h5::{File, H5Error, NewDataset, NewGroup, Object};
use crate::model::{AttrValue, H5Path};
use crate::plan::{Action, AttrWrite, Plan, Step};

use super::region;

/// A step failed; the transaction is thrown away.
#[derive(Debug, thiserror::Error)]
pub enum ApplyError {
    /// The library refused.
    #[error(transparent)]
    H5(#[from] H5Error),
    /// An input file or a rule failed.
    #[error("{path}: {cause}")]
    Contents {
        /// The dataset.
        path: H5Path,
        /// Why.
        cause: String,
    },
}

/// Is told of bytes that were written: dataset, bytes since the last call.
pub type Watch<'a> = &'a mut (dyn FnMut(&H5Path, u64) + Send);

/// Executes every step on the open file.
pub fn execute(file: &File, plan: &Plan, watch: Watch<'_>) -> Result<(), ApplyError> {
    let mut opener = Opener { file, groups: Vec::new(), object: None };
    for step in plan.steps() {
        run(&mut opener, step, watch)?;
    }
    Ok(())
}

fn run(opener: &mut Opener<'_>, step: &Step, watch: Watch<'_>) -> Result<(), ApplyError> {
    let path = &step.path;
    match &step.action {
        // The transaction has created the file.
        Action::CreateFile(_) => {}
        Action::CreateGroup { link_order, attr_order } => {
            opener.parent(path)?.create_group(path.name(), NewGroup { link_order: *link_order, attr_order: *attr_order })?;
        }
        Action::CreateDataset { definition: d, attr_order } => {
            let new = NewDataset {
                dtype: &d.dtype,
                shape: &d.shape,
                maxshape: &d.maxshape,
                layout: &d.layout,
                fill_value: &d.fill_value,
                fill_time: d.fill_time,
                alloc_time: d.alloc_time,
                attr_order: *attr_order,
            };
            opener.parent(path)?.create_dataset(path.name(), &new)?;
        }
        Action::Grow { after, .. } => opener.object(path)?.set_extent(after)?,
        Action::WriteRegion { dtype, chunk, layer, above, blocks, .. } => {
            let access = opener.fresh_object(path)?.access()?;
            let work = region::Work { path, dtype, chunk: chunk.as_deref(), layer, above, blocks };
            region::write(&access, &work, watch)?;
        }
        Action::SetAttr { name, after, how, .. } => set_attr(opener.object(path)?, name, after, *how)?,
        Action::RemoveAttr { name, .. } => opener.object(path)?.remove_attr(name)?,
        Action::RenameAttr { from, to, .. } => opener.object(path)?.rename_attr(from, to)?,
        Action::Remove { .. } => {
            opener.forget();
            opener.parent(path)?.remove_link(path.name())?;
        }
    }
    Ok(())
}

fn set_attr(object: &Object, name: &[u8], after: &AttrValue, how: AttrWrite) -> Result<(), H5Error> {
    match how {
        AttrWrite::Create => object.create_attr(name, after),
        AttrWrite::InPlace => object.write_attr(name, &after.data),
        AttrWrite::Recreate { keep_order } => object.recreate_attr(name, after, keep_order),
    }
}

/// Opens objects by path, through hard links that the planner has seen, and keeps the last ones open:
/// steps come sorted, so neighbours share their groups.
struct Opener<'f> {
    file: &'f File,
    groups: Vec<(H5Path, Object)>,
    object: Option<(H5Path, Object)>,
}

impl Opener<'_> {
    fn forget(&mut self) {
        self.groups.clear();
        self.object = None;
    }

    /// The group that a path is in.
    fn parent(&mut self, path: &H5Path) -> Result<&Object, H5Error> {
        let parent = path.parent().unwrap_or_else(H5Path::root);
        self.group(&parent)
    }

    fn group(&mut self, path: &H5Path) -> Result<&Object, H5Error> {
        while self.groups.last().is_some_and(|(g, _)| g != path && !g.is_above(path)) {
            self.groups.pop();
        }
        if self.groups.is_empty() {
            self.groups.push((H5Path::root(), self.file.root()?));
        }
        let depth = self.groups.last().map_or(0, |(g, _)| g.names().count());
        let missing: Vec<Vec<u8>> = path.names().skip(depth).map(<[u8]>::to_vec).collect();
        for name in missing {
            let next = self.groups.last().map(|(at, group)| group.open(&name).map(|object| (at.child(&name), object)));
            self.groups.extend(next.transpose()?);
        }
        self.groups.last().map(|(_, group)| group).ok_or_else(|| H5Error::new("cannot open a group", "it is not there"))
    }

    /// The object at a path.
    fn object(&mut self, path: &H5Path) -> Result<&Object, H5Error> {
        if path.is_root() {
            return self.group(path);
        }
        if self.object.as_ref().is_none_or(|(p, _)| p != path) {
            let object = self.fresh_object(path)?;
            self.object = Some((path.clone(), object));
        }
        self.object.as_ref().map(|(_, object)| object).ok_or_else(|| H5Error::new("cannot open an object", "it is not there"))
    }

    fn fresh_object(&mut self, path: &H5Path) -> Result<Object, H5Error> {
        self.object = None;
        self.parent(path)?.open(path.name())
    }
}
