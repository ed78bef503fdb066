//! One step after the other.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::fill::Memory;
use crate::h5::{Attrs, File, H5Error, Made, NewDataset, NewGroup, Object, Recreated, prepare_missing};
use crate::model::{Carry, Charset, DesiredLink, Dtype, H5Path, Layer, Referrer, ReferrerPart, Rule, SourceFile, Target};
use crate::plan::{Action, AttrWrite, Plan, Step};

use super::rebuild::Left;
use super::{rebuild, region};
use crate::source;

/// Attributes of an object that are made without opening it: to find it so often takes about as long.
const MOST_BY_NAME: u32 = 8;

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
pub fn execute(file: &File, plan: &Plan, memory: Memory, watch: Watch<'_>) -> Result<(), ApplyError> {
    let mut opener = Opener {
        file,
        memory,
        groups: Vec::new(),
        object: None,
        uses: 0,
        types: BTreeMap::new(),
        copies: copies(plan),
        left: Left::default(),
    };
    let mut made = Made::default();
    // Objects that use a type may come before its name does, where creation order is kept.
    for step in plan.steps() {
        if let Action::CreateType { dtype, attr_order, .. } = &step.action {
            let object = file.root()?.commit_type(dtype, *attr_order, step.path.to_string())?;
            opener.types.insert(step.path.clone(), object);
        }
    }
    let mut rebuilds = plan.steps().iter().filter(|s| matches!(s.action, Action::Rebuild { .. })).count();
    for steps in plan.steps().chunk_by(|a, b| a.path == b.path && keeps_order(a) && keeps_order(b)) {
        match steps {
            [step] => {
                run(&mut opener, step, &mut made, watch)?;
                if matches!(step.action, Action::Rebuild { .. }) {
                    rebuilds -= 1;
                    if rebuilds == 0 {
                        finish_rebuilds(&mut opener)?;
                    }
                }
            }
            many => recreate(&mut opener, many)?,
        }
        // The library has not been told that the disk is full: it would go on for nothing.
        file.check()?;
    }
    Ok(())
}

/// Datasets that are copied as a whole, and from where: some parameters of filters are kept by copying only.
fn copies(plan: &Plan) -> BTreeMap<H5Path, Arc<Layer>> {
    let needing: BTreeSet<&H5Path> = plan.steps().iter().filter(|s| needs_copy(s)).map(|s| &s.path).collect();
    let from = |step: &Step| match &step.action {
        Action::WriteRegion { layer, .. } if matches!(layer.fill.rule, Rule::Source(SourceFile::Hdf5 { .. })) => Some(layer.clone()),
        _ => None,
    };
    plan.steps().iter().filter(|s| needing.contains(&s.path)).filter_map(|s| Some((s.path.clone(), from(s)?))).collect()
}

fn needs_copy(step: &Step) -> bool {
    let Action::CreateDataset { definition, .. } = &step.action else { return false };
    definition.dtype.committed().is_none() && definition.layout.filters().iter().any(crate::model::Filter::needs_copy)
}

fn run(opener: &mut Opener<'_>, step: &Step, made: &mut Made, watch: Watch<'_>) -> Result<(), ApplyError> {
    let path = &step.path;
    match &step.action {
        // The transaction has created the file.
        Action::CreateFile(_) => {}
        Action::CreateGroup { link_order, attr_order, name_charset } => {
            let new = NewGroup { link_order: *link_order, attr_order: *attr_order, name_charset: *name_charset };
            let object = opener.parent(path)?.create_group(path.name(), new)?;
            opener.keep(path, object);
        }
        Action::CreateType { name_charset, .. } => {
            if let Some(object) = opener.types.remove(path) {
                opener.parent(path)?.link_object(path.name(), &object, *name_charset)?;
                opener.types.insert(path.clone(), object);
            }
        }
        Action::CreateDataset { definition: d, name_charset, .. } if opener.copies.contains_key(path) => {
            let from = opener.copies.get(path).map(|layer| source::whole(layer, &d.dtype));
            let from = from.transpose().map_err(|e| ApplyError::Contents { path: path.clone(), cause: e.to_string() })?.flatten();
            match from.filter(|from| from.seen.layout == d.layout && from.seen.maxshape == d.maxshape) {
                Some(from) => _ = opener.parent(path)?.copy_from(path.name(), from.access.object(), *name_charset)?,
                None => {
                    opener.copies.remove(path);
                    run(opener, step, made, watch)?;
                }
            }
        }
        Action::CreateDataset { definition: d, attr_order, name_charset } => {
            let committed = opener.committed(&d.dtype)?;
            prepare_missing(d.layout.filters())?;
            let new = NewDataset {
                dtype: &d.dtype,
                shape: &d.shape,
                maxshape: &d.maxshape,
                layout: &d.layout,
                fill_value: &d.fill_value,
                fill_time: d.fill_time,
                alloc_time: d.alloc_time,
                partial_chunks: d.partial_chunks,
                attr_order: *attr_order,
                committed: committed.as_ref(),
                name_charset: *name_charset,
            };
            let object = opener.parent(path)?.create_dataset_like(path.name(), &new, made)?;
            opener.keep(path, object);
        }
        Action::CreateLink { link, before, name_charset } => create_link(opener, path, link, before.is_some(), *name_charset)?,
        Action::SetComment { after, .. } => opener.object(path)?.set_comment(after)?,
        Action::Grow { after, .. } | Action::Shrink { after, .. } => opener.object(path)?.set_extent(after)?,
        Action::WriteRegion { dtype, chunk, layer, above, blocks, .. } => {
            let access = opener.fresh_object(path)?.access()?;
            let work =
                region::Work { file: opener.file, memory: opener.memory, path, dtype, chunk: chunk.as_deref(), layer, above, blocks };
            region::write(&access, &work, watch)?;
        }
        Action::SetAttr { name, after, how, name_charset, .. } => match how {
            AttrWrite::Create => {
                let committed = opener.committed(&after.dtype)?;
                opener.attrs(path)?.create(name, after, committed.as_ref(), *name_charset, made)?;
            }
            AttrWrite::InPlace => opener.object(path)?.write_attr(name, after)?,
            AttrWrite::Recreate { .. } => recreate(opener, std::slice::from_ref(step))?,
        },
        Action::RemoveAttr { name, .. } => opener.object(path)?.remove_attr(name)?,
        Action::RenameAttr { from, to, .. } => opener.object(path)?.rename_attr(from, to)?,
        Action::Rebuild { .. } => rebuild_dataset(opener, step, watch)?,
        Action::Move { from, .. } => {
            opener.forget();
            let to = opener.parent(path)?.again()?;
            opener.parent(from)?.move_link(from.name(), &to, path.name())?;
            opener.forget();
        }
        Action::Remove { .. } => {
            opener.forget();
            opener.parent(path)?.remove_link(path.name())?;
        }
    }
    Ok(())
}

/// Makes a dataset without a name, gives it what the other has, and then its names.
fn rebuild_dataset(opener: &mut Opener<'_>, step: &Step, watch: Watch<'_>) -> Result<(), ApplyError> {
    let Action::Rebuild { before, definition: d, carry, attr_order, names, referrers } = &step.action else { return Ok(()) };
    let path = &step.path;
    let committed = opener.committed(&d.dtype)?;
    let old = opener.fresh_object(path)?;
    let new = NewDataset {
        fill_value: &d.fill_value,
        fill_time: d.fill_time,
        alloc_time: d.alloc_time,
        partial_chunks: d.partial_chunks,
        attr_order: *attr_order,
        committed: committed.as_ref(),
        ..NewDataset::plain(&d.dtype, &d.shape, &d.maxshape, &d.layout)
    };
    let new = opener.file.root()?.create_dataset_unnamed(&new, &old)?;
    match carry {
        Carry::Elements(recast) => {
            let (from, to) = (old.again()?.access()?, new.again()?.access()?);
            rebuild::carry(&from, &to, &rebuild::Work { before, after: d, recast }, &mut |bytes| watch(path, bytes))?;
        }
        Carry::Declared | Carry::Nothing => {}
    }
    rebuild::take_over(&new, &old)?;
    let (from, to) = (old.info()?.id.address, new.info()?.id.address);
    for name in names {
        let group = opener.parent(name)?.again()?;
        opener.left.before_relink(&group)?;
        group.relink(name.name(), &new)?;
    }
    drop(old);
    opener.forget();
    opener.left.moved.insert(from, to);
    opener.left.referrers.extend(referrers.iter().cloned());
    Ok(())
}

/// Gives links back their places, and makes references lead to the new datasets.
fn finish_rebuilds(opener: &mut Opener<'_>) -> Result<(), ApplyError> {
    let Left { moved, referrers, orders } = std::mem::take(&mut opener.left);
    for (group, names) in orders.into_values() {
        group.restore_order(&names)?;
    }
    opener.forget();
    for Referrer { path, part } in &referrers {
        match part {
            ReferrerPart::Attr(name) => _ = opener.object(path)?.retarget_attr(name, &moved)?,
            ReferrerPart::Elements => rebuild::retarget(opener.fresh_object(path)?, &moved)?,
            // Those cannot be changed: no plan has any.
            ReferrerPart::FillValue => {}
        }
    }
    opener.forget();
    Ok(())
}

fn keeps_order(step: &Step) -> bool {
    matches!(step.action, Action::SetAttr { how: AttrWrite::Recreate { keep_order: true }, .. })
}

/// Makes attributes of one object anew: together, since each alone would move all that were created after it.
fn recreate(opener: &mut Opener<'_>, steps: &[Step]) -> Result<(), ApplyError> {
    let mut changes = Vec::new();
    for step in steps {
        if let Action::SetAttr { name, after, .. } = &step.action {
            changes.push(Recreated { name, value: after, committed: opener.committed(&after.dtype)? });
        }
    }
    if let Some(first) = steps.first() {
        opener.object(&first.path)?.recreate_attrs(&changes, keeps_order(first))?;
    }
    Ok(())
}

fn create_link(
    opener: &mut Opener<'_>,
    path: &H5Path,
    link: &DesiredLink,
    replaces: bool,
    charset: Option<Charset>,
) -> Result<(), ApplyError> {
    let target = match link {
        DesiredLink::Hard { target, .. } => Some(opener.fresh_object(target)?),
        DesiredLink::Soft(_) | DesiredLink::External { .. } | DesiredLink::User { .. } => None,
    };
    let group = opener.parent(path)?;
    if replaces {
        group.remove_link(path.name())?;
    }
    match (link, target) {
        (DesiredLink::Hard { .. }, Some(target)) => group.link_object(path.name(), &target, charset)?,
        (DesiredLink::Soft(target), _) => group.create_soft(path.name(), target, charset)?,
        (DesiredLink::External { file, path: there }, _) => group.create_external(path.name(), file, there, charset)?,
        (DesiredLink::User { class, data }, _) => group.create_user_link(path.name(), *class, data, charset)?,
        (DesiredLink::Hard { .. }, None) => {}
    }
    Ok(())
}

/// Opens objects by path, through hard links that the planner has seen, and keeps the last ones open:
/// steps come sorted, so neighbours share their groups.
struct Opener<'f> {
    file: &'f File,
    memory: Memory,
    groups: Vec<(H5Path, Object)>,
    /// The object that was asked for last; it is open if it was asked for often enough.
    object: Option<(H5Path, Option<Object>)>,
    uses: u32,
    /// Committed types that this plan makes.
    types: BTreeMap<H5Path, Object>,
    /// Datasets that are copied as a whole, and from where.
    copies: BTreeMap<H5Path, Arc<Layer>>,
    /// Of the datasets that were made anew.
    left: Left,
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
        if self.object.as_ref().is_none_or(|(p, object)| p != path || object.is_none()) {
            let object = self.fresh_object(path)?;
            self.object = Some((path.clone(), Some(object)));
        }
        let object = self.object.as_ref().and_then(|(_, object)| object.as_ref());
        object.ok_or_else(|| H5Error::new("cannot open an object", "it is not there"))
    }

    /// Keeps an object that was just made open: its attributes come next.
    fn keep(&mut self, path: &H5Path, object: Object) {
        self.object = Some((path.clone(), Some(object)));
    }

    /// The attributes of the object at a path, to create some; it is opened where there are many.
    fn attrs<'a>(&'a mut self, path: &'a H5Path) -> Result<Attrs<'a>, H5Error> {
        if self.object.as_ref().is_none_or(|(p, _)| p != path) {
            self.object = Some((path.clone(), None));
            self.uses = 0;
        }
        self.uses += 1;
        if path.is_root() || self.uses > MOST_BY_NAME || matches!(self.object, Some((_, Some(_)))) {
            return Ok(self.object(path)?.attrs());
        }
        self.parent(path)?.attrs_of(path.name())
    }

    /// The object of a committed type.
    fn committed(&mut self, dtype: &Dtype) -> Result<Option<Object>, H5Error> {
        match dtype.committed() {
            None => Ok(None),
            Some(Target::Path(path)) => match self.types.get(path) {
                Some(made) => made.again().map(Some),
                None => self.fresh_object(path).map(Some),
            },
            Some(Target::Address(_)) => Err(H5Error::new("cannot use a committed type", "it has no path")),
        }
    }

    fn fresh_object(&mut self, path: &H5Path) -> Result<Object, H5Error> {
        self.object = None;
        if path.is_root() {
            return self.file.root();
        }
        self.parent(path)?.open(path.name())
    }
}
