//! What leads to datasets that are to be made anew.

use std::collections::{BTreeMap, BTreeSet};

use super::descent::{Descent, Member, Parents};
use super::regions::readable;
use super::{Carried, ObserveError, carried};
use crate::fill::Memory;
use crate::h5::{File, H5Error, Kind, Object, ObjectInfo, filter_available};
use crate::model::{
    AttrSeen, Carry, Dtype, Elements, H5Path, LinkPlace, ObjectId, Observed, Partition, Rebuild, RebuildSeen, RefKind, Referrer, Region,
    Target,
};

/// Looks for every name of the datasets, and for references to them, in the whole file.
/// `contents`: look at what becomes of their elements, too, with this much memory.
pub fn rebuilds(
    file: &File,
    asked: BTreeMap<H5Path, Rebuild>,
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
        let lacking = rebuild.definition.layout.filters().iter().find(|f| !f.optional && !filter_available(f)).cloned();
        let storage = object.storage_bytes();
        let id = object.info()?.id;
        let (mut carried, mut loss) = (0, None);
        if let (Carry::Elements(recast), Some(before)) = (&rebuild.carry, observed.dataset(&path))
            && before.lacking.is_none()
            && readable(&before.layout)
        {
            let (access, after) = (object.again()?.access()?, &rebuild.definition);
            carried = Carried::new(&access, before, after, recast)?.map_or(0, |c| c.elements());
            if let Some(memory) = contents.filter(|_| !recast.is_exact()) {
                loss = Some(carried::loss(&access, before, after, recast, memory)?);
            }
        }
        let fill_attr = match (observed.dataset(&path), object.attr(b"_FillValue", search.budget)) {
            (Some(before), Ok(Some(seen))) => Some(seen.dtype().clone()).filter(|dtype| dtype.is_in_any_order(&before.dtype)),
            // What cannot be read is said by whoever asks for it.
            (_, Ok(None) | Err(_)) | (None, _) => None,
        };
        let nothing = RebuildSeen {
            rebuild,
            names: vec![],
            referrers: vec![],
            unkept: vec![],
            unsearched: vec![],
            storage,
            carried,
            lacking,
            loss,
            fill_attr,
        };
        search.wanted.entry(id).or_default().push((path, nothing));
    }
    search.file(file, &observed.moved.gone)?;
    for (path, mut seen) in search.wanted.into_values().flatten() {
        seen.unsearched.clone_from(&search.unsearched);
        observed.rebuilds.insert(path, seen);
    }
    Ok(())
}

struct Search {
    /// Bytes of the file: nothing in it is larger.
    budget: u64,
    /// By identity; under each path that asks.
    wanted: BTreeMap<ObjectId, Vec<(H5Path, RebuildSeen)>>,
    unsearched: Vec<(H5Path, String)>,
}

impl Search {
    fn file(&mut self, file: &File, gone: &BTreeMap<LinkPlace, H5Path>) -> Result<(), H5Error> {
        let root = file.root()?;
        let info = root.info()?;
        let (mut known, mut descent) = (BTreeSet::from([info.id]), Descent::after(gone));
        self.object(&root, &H5Path::root(), info);
        if let Err(why) = descent.enter(root, H5Path::root()) {
            self.unsearched.push((H5Path::root(), why));
        }
        while let Some(visited) = descent.step() {
            let path = visited.path.clone();
            let object = match visited.member() {
                Ok(Member::Object(object)) => object,
                Ok(Member::Link(_)) => continue,
                Err(why) => {
                    self.unsearched.push((path, why));
                    continue;
                }
            };
            let info = match object.info() {
                Ok(info) => info,
                Err(e) => {
                    self.unsearched.push((path, e.cause));
                    continue;
                }
            };
            self.wanted.get_mut(&info.id).into_iter().flatten().for_each(|(_, seen)| seen.names.push(path.clone()));
            if !known.insert(info.id) {
                continue;
            }
            self.object(&object, &path, info);
            if info.kind == Kind::Group
                && let Err(why) = descent.enter(object, path.clone())
            {
                self.unsearched.push((path, why));
            }
        }
        Ok(())
    }

    /// Looks for references in an object that was not seen by another name.
    fn object(&mut self, object: &Object, path: &H5Path, info: ObjectInfo) {
        let mut found = Vec::new();
        let searched = (|| {
            if info.attrs > 0 {
                for name in object.attr_names(false)? {
                    match object.attr(&name, self.budget)? {
                        Some(AttrSeen::Value(value)) => found.extend(targets(&value.dtype, &value.data, &Some(name))),
                        Some(AttrSeen::Opaque { dtype, why, .. }) if dtype.has_references() => {
                            return Err(H5Error::new("", why));
                        }
                        Some(AttrSeen::Opaque { .. }) | None => {}
                    }
                }
            }
            if info.kind == Kind::Dataset {
                elements(object, &mut found)?;
            }
            Ok::<_, H5Error>(())
        })();
        if let Err(e) = searched {
            self.unsearched.push((path.clone(), e.cause));
        }
        for (address, kept, attr) in found {
            let id = |id: &ObjectId| id.address == address;
            let referrer = Referrer { path: path.clone(), attr };
            for (_, seen) in self.wanted.iter_mut().filter(|(i, _)| id(i)).flat_map(|(_, list)| list) {
                let list = if kept { &mut seen.referrers } else { &mut seen.unkept };
                if list.last() != Some(&referrer) {
                    list.push(referrer.clone());
                }
            }
        }
    }
}

/// An address that is referred to, whether such references can be changed, and the attribute.
type Found = (u64, bool, Option<Vec<u8>>);

fn targets(dtype: &Dtype, data: &Elements, attr: &Option<Vec<u8>>) -> Vec<Found> {
    let mut out = BTreeSet::new();
    if dtype.has_references() {
        let other = dtype.any_part(&|d| matches!(d, Dtype::Reference(RefKind::Region | RefKind::Any)));
        data.targets(&mut |t| {
            if let Target::Address(address) = t {
                out.insert((*address, !other, attr.clone()));
            }
        });
    }
    out.into_iter().collect()
}

/// References among the elements of a dataset, block by block.
fn elements(object: &Object, found: &mut Vec<Found>) -> Result<(), H5Error> {
    let seen = object.dataset()?;
    if !seen.dtype.has_references() || object.storage_bytes() == 0 {
        return Ok(());
    }
    let Some(region) = Region::whole(&seen.shape) else { return Ok(()) };
    let access = object.again()?.access()?;
    let partition = Partition::new(&region, seen.layout.chunk(), seen.dtype.size());
    let mut all = BTreeSet::new();
    for k in 0..partition.count() {
        all.extend(targets(&seen.dtype, &access.read(&region.sub(&partition.block(k)))?, &None));
    }
    found.extend(all);
    Ok(())
}
