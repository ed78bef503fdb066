//! What leads to datasets that are to be made anew.

use std::collections::{BTreeMap, BTreeSet};

use super::descent::{Descent, Member, Parents};
use super::regions::readable;
use super::{Carried, ObserveError, carried};
use crate::fill::Memory;
use crate::h5::{File, H5Error, Kind, Object, ObjectInfo, filter_available};
use crate::model::{
    AttrSeen, Carry, Dtype, Elements, FillValue, H5Path, Layout, Observed, Partition, Rebuild, RebuildSeen, RefKind, Referrer,
    ReferrerPart, Region, SeenDataset, Target,
};

/// Looks for every name of the datasets, and for references to them, in what stays of the file when these paths are removed.
/// `contents`: look at what becomes of their elements, too, with this much memory.
pub fn rebuilds(
    file: &File,
    asked: BTreeMap<H5Path, Rebuild>,
    removed: &BTreeSet<H5Path>,
    contents: Option<Memory>,
    observed: &mut Observed,
) -> Result<(), ObserveError> {
    if asked.is_empty() {
        return Ok(());
    }
    let mut search = Search { budget: file.info()?.size, wanted: BTreeMap::new(), unsearched: Vec::new() };
    let mut parents = Parents::new(file.root()?);
    for (path, rebuild) in asked {
        let object = parents.open(&observed.moved.stands_at(&path))?;
        let seen = looked_at(&object, rebuild, observed.dataset(&path), contents, search.budget)?;
        search.wanted.entry(object.info()?.id.address).or_default().push((path, seen));
    }
    let mut going = BTreeSet::new();
    for path in removed {
        going.insert(parents.place_of(&observed.moved.stands_at(path))?);
    }
    search.file(file, Descent::after(&observed.moved.gone).last(&going))?;
    for (path, mut seen) in search.wanted.into_values().flatten() {
        seen.unsearched.clone_from(&search.unsearched);
        observed.rebuilds.insert(path, seen);
    }
    Ok(())
}

/// What there is about one dataset itself, in a file of at most `budget` bytes.
fn looked_at(
    object: &Object,
    rebuild: Rebuild,
    before: Option<&SeenDataset>,
    contents: Option<Memory>,
    budget: u64,
) -> Result<RebuildSeen, ObserveError> {
    let lacking = rebuild.definition.layout.filters().iter().find(|f| !f.optional && !filter_available(f)).cloned();
    let (mut carried, mut loss) = (0, None);
    if let (Carry::Elements(recast), Some(before)) = (&rebuild.carry, before)
        && before.lacking.is_none()
        && readable(&before.layout)
    {
        let (access, after) = (object.again()?.access()?, &rebuild.definition);
        carried = Carried::new(&access, before, after, recast)?.map_or(0, |c| c.elements());
        if let Some(memory) = contents.filter(|_| !recast.is_exact()) {
            loss = Some(carried::loss(&access, before, after, recast, memory)?);
        }
    }
    let fill_attr = match (before, object.attr(b"_FillValue", budget)) {
        (Some(before), Ok(Some(seen))) => Some(seen.dtype().clone()).filter(|dtype| dtype.is_in_any_order(&before.dtype)),
        // What cannot be read is said by whoever asks for it.
        (_, Ok(None) | Err(_)) | (None, _) => None,
    };
    let (names, referrers, unkept, unsearched) = (vec![], vec![], vec![], vec![]);
    let storage = object.storage_bytes();
    Ok(RebuildSeen { rebuild, names, going: 0, referrers, unkept, unsearched, storage, carried, lacking, loss, fill_attr })
}

struct Search {
    /// Bytes of the file: nothing in it is larger.
    budget: u64,
    /// By address; under each path that asks.
    wanted: BTreeMap<u64, Vec<(H5Path, RebuildSeen)>>,
    unsearched: Vec<(H5Path, String)>,
}

impl Search {
    fn file(&mut self, file: &File, mut descent: Descent<'_>) -> Result<(), H5Error> {
        let root = file.root()?;
        let info = root.info()?;
        let mut known = BTreeSet::from([info.id]);
        self.object(&root, &H5Path::root(), info);
        if let Err(why) = descent.enter(root, H5Path::root()) {
            self.unsearched.push((H5Path::root(), why));
        }
        while let Some(visited) = descent.step() {
            let (path, late) = (visited.path.clone(), visited.late);
            let object = match visited.member() {
                Ok(Member::Object(object)) => object.info().map(|info| (object, info)).map_err(|e| e.cause),
                Ok(Member::Link(_)) => continue,
                Err(why) => Err(why),
            };
            let entered = object.and_then(|(object, info)| {
                for (_, seen) in self.wanted.get_mut(&info.id.address).into_iter().flatten() {
                    match late {
                        true => seen.going += 1,
                        false => seen.names.push(path.clone()),
                    }
                }
                if !known.insert(info.id) {
                    return Ok(());
                }
                if !late {
                    self.object(&object, &path, info);
                }
                if info.kind == Kind::Group { descent.enter(object, path.clone()) } else { Ok(()) }
            });
            // What goes holds nothing that must be kept.
            if let (Err(why), false) = (entered, late) {
                self.unsearched.push((path, why));
            }
        }
        Ok(())
    }

    /// Looks for references in an object that was not seen by another name.
    fn object(&mut self, object: &Object, path: &H5Path, info: ObjectInfo) {
        let mut found = Vec::new();
        if let Err(e) = self.references(object, info, &mut found) {
            self.unsearched.push((path.clone(), e.cause));
        }
        for (address, kept, part) in found {
            let Some(wanted) = self.wanted.get_mut(&address) else { continue };
            let referrer = Referrer { path: path.clone(), part };
            for (_, seen) in wanted {
                let list = if kept { &mut seen.referrers } else { &mut seen.unkept };
                list.push(referrer.clone());
            }
        }
    }

    /// Reads only what is of a type that has references: in nothing else can there be any.
    fn references(&self, object: &Object, info: ObjectInfo, found: &mut Vec<Found>) -> Result<(), H5Error> {
        let names = if info.attrs > 0 { object.attr_names(false)? } else { Vec::new() };
        for name in names {
            if !object.attr_type(&name)?.has_references() {
                continue;
            }
            match object.attr(&name, self.budget)? {
                Some(AttrSeen::Value(value)) => found.extend(targets(&value.dtype, &value.data, &ReferrerPart::Attr(name))),
                Some(AttrSeen::Opaque { why, .. }) => return Err(H5Error::new("", why)),
                None => {}
            }
        }
        if info.kind == Kind::Dataset && object.element_type()?.has_references() {
            fill_value(object, found)?;
            elements(object, found)?;
        }
        Ok(())
    }
}

/// An address that is referred to, whether such references can be changed, and where they are.
type Found = (u64, bool, ReferrerPart);

fn targets(dtype: &Dtype, data: &Elements, part: &ReferrerPart) -> Vec<Found> {
    let mut out = BTreeSet::new();
    let other = dtype.any_part(&|d| matches!(d, Dtype::Reference(RefKind::Region | RefKind::Any)));
    data.targets(&mut |t| {
        if let Target::Address(address) = t {
            out.insert((*address, !other && *part != ReferrerPart::FillValue, part.clone()));
        }
    });
    out.into_iter().collect()
}

/// References in what elements read that were never written. A fill value stays as it is for as long as there is the dataset.
fn fill_value(object: &Object, found: &mut Vec<Found>) -> Result<(), H5Error> {
    let seen = object.dataset()?;
    match &seen.fill_value {
        FillValue::Value(value) => found.extend(targets(&seen.dtype, value, &ReferrerPart::FillValue)),
        FillValue::Unreadable => return Err(H5Error::new("", "its fill value cannot be read")),
        FillValue::Default | FillValue::Undefined => {}
    }
    Ok(())
}

/// References among the elements of a dataset, block by block.
fn elements(object: &Object, found: &mut Vec<Found>) -> Result<(), H5Error> {
    let seen = object.dataset()?;
    match &seen.layout {
        // Those are searched themselves.
        Layout::Virtual(sources) if sources.iter().all(|s| s.file == b".") => return Ok(()),
        Layout::Virtual(_) | Layout::External(_) => return Err(H5Error::new("", "its elements are in other files")),
        Layout::Compact | Layout::Contiguous | Layout::Chunked { .. } | Layout::Unknown(_) if object.storage_bytes() == 0 => return Ok(()),
        Layout::Compact | Layout::Contiguous | Layout::Chunked { .. } | Layout::Unknown(_) => {}
    }
    let Some(region) = Region::whole(&seen.shape) else { return Ok(()) };
    let access = object.again()?.access()?;
    let partition = Partition::new(&region, seen.layout.chunk(), seen.dtype.size());
    let mut all = BTreeSet::new();
    let unread = |e: H5Error| match &seen.lacking {
        Some(filter) => H5Error::new("", format!("this h5mason does not have {filter}, by which its elements are stored")),
        None => e,
    };
    for k in 0..partition.count() {
        all.extend(targets(&seen.dtype, &access.read(&region.sub(&partition.block(k))).map_err(unread)?, &ReferrerPart::Elements));
    }
    found.extend(all);
    Ok(())
}
