//! Metadata of the objects that a manifest needs.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use super::Naming;
use super::descent::{Descent, Member, Parents};
use super::moves::{moves, pointing};
use crate::h5::{File, H5Error, Kind, Link, Object};
use crate::model::{
    Base, FillValue, Glob, H5Path, HeaderVersion, LinkSeen, Moved, Need, Needs, ObjectId, ObjectSeen, Observed, SCALE_ATTRS, SeenGroup,
    SeenKind, SeenType, TrackOrder,
};

/// Why a file could not be looked at.
#[derive(Clone, Debug, thiserror::Error)]
pub enum ObserveError {
    /// The library says so.
    #[error(transparent)]
    H5(#[from] H5Error),
    /// An input or a rule failed while contents were compared.
    #[error("{path}: {cause}")]
    Contents {
        /// The dataset.
        path: H5Path,
        /// Why.
        cause: String,
    },
}

/// Most names that are listed beside something missing.
const MOST_SIBLINGS: usize = 10_000;

/// Looks at every needed object, its parents, and whatever the globs match.
pub fn metadata(file: &File, needs: &Needs) -> Result<Observed, ObserveError> {
    let info = file.info()?;
    let mut moved = moves(file, &needs.moves)?;
    let (mut matches, mut unsearched) = matches(file, &needs.globs, &moved)?;
    let mut wanted: BTreeMap<&H5Path, Cow<'_, Need>> = needs.objects.iter().map(|(p, n)| (p, Cow::Borrowed(n))).collect();
    let parents: Vec<H5Path> = matches.iter().flatten().flat_map(H5Path::ancestors).collect();
    for path in matches.iter().flatten() {
        wanted.entry(path).or_default().to_mut().before_removal();
    }
    for path in &parents {
        wanted.entry(path).or_default();
    }
    let mut found = Found::default();
    if !needs.each.is_empty() {
        found = search(file, needs, info.size, &moved)?;
        unsearched.append(&mut found.unsearched);
    }
    for (path, need) in &found.needed {
        wanted.entry(path).or_default().to_mut().join(need);
    }
    if moved.is_pending() {
        // What another name of a group leads to has its place noted on the way.
        found.seen.clear();
    }
    let mut walker = Walker {
        budget: info.size,
        objects: BTreeMap::new(),
        siblings: BTreeMap::new(),
        parents: Parents::new(file.root()?),
        present: Parents::new(file.root()?),
        moved: &mut moved,
    };
    walker.root(&file.root()?, wanted.get(&H5Path::root()).map(Cow::as_ref))?;
    let mut unreadable: BTreeSet<H5Path> = BTreeSet::new();
    for (path, need) in wanted.iter().filter(|(p, _)| !p.is_root()) {
        if let Some(seen) = found.seen.remove(*path) {
            walker.objects.insert((*path).clone(), seen);
            continue;
        }
        match walker.visit(path, need) {
            // Nobody declared it: it only happens to match.
            Err(e) if !needs.objects.contains_key(*path) => {
                unsearched.push(((*path).clone(), e.cause));
                unreadable.insert((*path).clone());
            }
            result => result?,
        }
    }
    matches.iter_mut().for_each(|list| list.retain(|path| !unreadable.contains(path)));
    let base = Base::Existing { size: info.size, superblock: info.superblock, userblock: info.userblock };
    let mut first = BTreeMap::new();
    for (path, object) in &walker.objects {
        if let LinkSeen::Hard(id) = object.link {
            first.entry(id).or_insert_with(|| path.clone());
        }
    }
    let (mut objects, siblings) = (walker.objects, walker.siblings);
    let removed = needs.removed.iter().filter(|path| objects.contains_key(*path)).chain(matches.iter().flatten());
    let away: BTreeSet<H5Path> = removed.chain(moved.stands.values()).cloned().collect();
    if !away.is_empty() {
        pointing(file, &away, &mut moved)?;
    }
    let naming = Naming::after(file, &first, &moved);
    for object in objects.values_mut() {
        if let Some(SeenKind::Dataset(dataset)) = &mut object.kind {
            naming.name_type(&mut dataset.dtype);
            if let FillValue::Value(value) = &mut dataset.fill_value {
                naming.name_elements(value);
            }
        }
        object.attrs.values_mut().for_each(|attr| naming.name_attr(attr));
    }
    let (regions, rebuilds) = (BTreeMap::new(), BTreeMap::new());
    Ok(Observed { base, objects, first, matches, moved, regions, unsearched, siblings, rebuilds })
}

struct Walker<'m> {
    /// Bytes of the file: nothing in it is larger.
    budget: u64,
    objects: BTreeMap<H5Path, ObjectSeen>,
    siblings: BTreeMap<H5Path, Vec<H5Path>>,
    parents: Parents,
    /// The same for paths as they are before the moves that are pending.
    present: Parents,
    moved: &'m mut Moved,
}

impl Walker<'_> {
    fn root(&mut self, root: &Object, need: Option<&Need>) -> Result<(), H5Error> {
        let seen = self.look(root, need.unwrap_or(&Need::default()))?;
        self.objects.insert(H5Path::root(), seen);
        Ok(())
    }

    /// Paths come in order, parents first.
    fn visit(&mut self, path: &H5Path, need: &Need) -> Result<(), H5Error> {
        let (parent, group) = self.parents.deepest(path);
        let from = match self.moved.stands.get(path) {
            // The group that it will be in need not be there.
            Some(from) => Some(from.clone()),
            // The parent is missing or no group: there is nothing at this path.
            None if !parent.is_parent_of(path) => return Ok(()),
            None if !self.moved.is_pending() => None,
            None => {
                let place = (group.info()?.id.address, path.name().to_vec());
                match self.moved.came.get(&place) {
                    None if self.moved.gone.contains_key(&place) => return Ok(()),
                    from => from.cloned(),
                }
            }
        };
        let (group, name) = match &from {
            Some(from) => {
                self.moved.stands.insert(path.clone(), from.clone());
                (self.present.group_of(from)?, from.name())
            }
            None => (group, path.name()),
        };
        let link = match group.link(name)? {
            None => {
                if need.required && !self.siblings.contains_key(parent) {
                    // They only make a message better.
                    let names = group.some_link_names(MOST_SIBLINGS).unwrap_or_default();
                    self.siblings.insert(parent.clone(), names.iter().map(|n| parent.child(n)).collect());
                }
                return Ok(());
            }
            Some(Link::Hard(address)) => {
                let object = group.open_hard(name, address)?;
                let seen = self.look(&object, need)?;
                if matches!(seen.kind, Some(SeenKind::Group(_))) {
                    self.parents.push(path.clone(), object);
                }
                self.objects.insert(path.clone(), seen);
                return Ok(());
            }
            Some(Link::Soft(target)) => LinkSeen::Soft(target),
            Some(Link::External { file, path }) => LinkSeen::External { file, path },
            Some(Link::UserDefined { class, data }) => LinkSeen::UserDefined { class, data },
        };
        let seen = ObjectSeen {
            link,
            kind: None,
            attrs: BTreeMap::new(),
            attr_order: TrackOrder::No,
            header: HeaderVersion::V2,
            links: 0,
            storage: None,
            comment: None,
        };
        self.objects.insert(path.clone(), seen);
        Ok(())
    }

    fn look(&self, object: &Object, need: &Need) -> Result<ObjectSeen, H5Error> {
        look(object, need, self.budget)
    }
}

/// `budget`: bytes of the file.
fn look(object: &Object, need: &Need, budget: u64) -> Result<ObjectSeen, H5Error> {
    let info = object.info()?;
    let (kind, attr_order) = match info.kind {
        Kind::Group => {
            let orders = object.group_orders()?;
            (SeenKind::Group(SeenGroup { link_order: orders.links }), orders.attrs)
        }
        Kind::Dataset => {
            let (dataset, order) = object.dataset_and_order()?;
            (SeenKind::Dataset(Box::new(dataset)), order)
        }
        Kind::Type => (SeenKind::Type(Box::new(SeenType { dtype: object.committed_type()? })), object.attr_order()?),
        Kind::Unknown => (SeenKind::Unknown, TrackOrder::No),
    };
    let mut attrs = BTreeMap::new();
    if info.attrs > 0 {
        for name in &need.attrs {
            let value = match object.attr(name, budget) {
                // They only make a warning better.
                Err(_) if need.storage && SCALE_ATTRS.contains(&name.as_slice()) => None,
                value => value?,
            };
            if let Some(value) = value {
                attrs.insert(name.clone(), Box::new(value));
            }
        }
    }
    let storage = (need.storage && info.kind == Kind::Dataset).then(|| object.storage_bytes());
    let header = if need.large { object.header_version()? } else { HeaderVersion::V2 };
    let comment = if need.comment { Some(object.comment()?) } else { None };
    Ok(ObjectSeen { link: LinkSeen::Hard(info.id), kind: Some(kind), attrs, attr_order, header, links: info.links, storage, comment })
}

/// What rules for whatever matches are about.
#[derive(Default)]
struct Found {
    /// What must be looked at, with its groups.
    needed: BTreeMap<H5Path, Need>,
    /// What was looked at on the way: all but groups, which must be gone through once more.
    seen: BTreeMap<H5Path, ObjectSeen>,
    /// What could not be searched, and why.
    unsearched: Vec<(H5Path, String)>,
}

/// Goes through the whole file, along hard links, and looks at what the rules are about.
fn search(file: &File, needs: &Needs, budget: u64, moved: &Moved) -> Result<Found, H5Error> {
    let mut found = Found::default();
    let need_of = |path: &H5Path| {
        let mut hits = needs.each.iter().filter(|(globs, _)| globs.iter().any(|g| g.matches(path))).peekable();
        hits.peek()?;
        let mut need = needs.objects.get(path).cloned().unwrap_or_default();
        hits.for_each(|(_, more)| need.join(more));
        Some(need)
    };
    let root = file.root()?;
    found.needed.extend(need_of(&H5Path::root()).map(|need| (H5Path::root(), need)));
    let mut entered: BTreeSet<ObjectId> = BTreeSet::from([root.info()?.id]);
    let mut descent = Descent::after(&moved.gone);
    if let Err(why) = descent.enter(root, H5Path::root()) {
        found.unsearched.push((H5Path::root(), why));
    }
    while let Some(visited) = descent.step() {
        let path = visited.path.clone();
        let object = match visited.member() {
            Ok(Member::Object(object)) => object,
            Ok(Member::Link(_)) => continue,
            Err(why) => {
                found.unsearched.push((path, why));
                continue;
            }
        };
        let searched = found.add(need_of(&path), &path, &object, budget).and_then(|group| match group {
            // A group that was seen under another name has been searched: hard links can make cycles.
            Some(id) if entered.insert(id) => descent.enter(object, path.clone()),
            _ => Ok(()),
        });
        if let Err(why) = searched {
            found.unsearched.push((path, why));
        }
    }
    Ok(found)
}

impl Found {
    /// Keeps what is needed of an object. Groups are told by their identity. Fails with a clause.
    fn add(&mut self, need: Option<Need>, path: &H5Path, object: &Object, budget: u64) -> Result<Option<ObjectId>, String> {
        let info = object.info().map_err(|e| e.cause)?;
        let group = (info.kind == Kind::Group).then_some(info.id);
        if let Some(need) = need {
            if group.is_none() {
                self.seen.insert(path.clone(), look(object, &need, budget).map_err(|e| e.cause)?);
            }
            for parent in path.ancestors().into_iter().rev() {
                if self.needed.contains_key(&parent) {
                    break;
                }
                self.needed.insert(parent, Need::default());
            }
            self.needed.insert(path.clone(), need);
        }
        Ok(group)
    }
}

type Matches = (Vec<Vec<H5Path>>, Vec<(H5Path, String)>);

/// Every path that one of a removal's globs matches; below a match nothing more is listed. What cannot
/// be searched comes beside them and does not stop the rest.
fn matches(file: &File, globs: &[Vec<Glob>], moved: &Moved) -> Result<Matches, H5Error> {
    let mut out = vec![Vec::new(); globs.len()];
    let mut unsearched = Vec::new();
    if globs.iter().all(Vec::is_empty) {
        return Ok((out, unsearched));
    }
    let root = file.root()?;
    // A group that was seen under another name has been searched: hard links can make cycles.
    let mut seen: BTreeSet<ObjectId> = BTreeSet::from([root.info()?.id]);
    let mut descent = Descent::after(&moved.gone);
    if let Err(why) = descent.enter(root, H5Path::root()) {
        unsearched.push((H5Path::root(), why));
    }
    while let Some(visited) = descent.step() {
        let path = visited.path.clone();
        let hits: Vec<usize> = (0..globs.len()).filter(|&n| globs[n].iter().any(|g| g.matches(&path))).collect();
        let member = if hits.is_empty() { visited.member() } else { visited.link().map(Member::Link) };
        let searched = match member {
            Ok(Member::Object(object)) => object.info().map_err(|e| e.cause).and_then(|info| {
                let enter = info.kind == Kind::Group && seen.insert(info.id);
                if enter { descent.enter(object, path.clone()) } else { Ok(()) }
            }),
            Ok(Member::Link(_)) => {
                hits.iter().for_each(|&number| out[number].push(path.clone()));
                Ok(())
            }
            Err(why) => Err(why),
        };
        if let Err(why) = searched {
            unsearched.push((path, why));
        }
    }
    Ok((out, unsearched))
}
