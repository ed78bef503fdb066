//! Metadata of the objects that a manifest needs.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::descent::{Descent, Member, Parents};
use super::look::{Known, name};
use super::moves::{moves, pointing};
use super::{Naming, each};
use crate::h5::{File, H5Error, Kind, Link, Object};
use crate::model::{Base, Glob, H5Path, HeaderVersion, LinkSeen, Moved, Need, Needs, ObjectId, ObjectSeen, Observed, SeenKind, TrackOrder};

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
    let mut found = each::Found::default();
    if !needs.each.is_empty() {
        found = each::search(file, needs, info.size, &moved)?;
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
        known: std::mem::take(&mut found.known),
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
    let (mut objects, siblings, known) = (walker.objects, walker.siblings, walker.known);
    let removed = needs.removed.iter().filter(|path| objects.contains_key(*path)).chain(matches.iter().flatten());
    let away: BTreeSet<H5Path> = removed.chain(moved.stands.values()).cloned().collect();
    if !away.is_empty() {
        pointing(file, &away, &mut moved)?;
    }
    let naming = Naming::after(file, &first, &moved);
    let shared = known.named(&naming);
    for object in objects.values_mut() {
        match &object.link {
            LinkSeen::Hard(id) if shared.contains_key(id) => *object = Arc::clone(&shared[id]),
            // Nobody else has it: nothing is copied.
            _ => name(Arc::make_mut(object), &naming),
        }
    }
    let (regions, rebuilds) = (BTreeMap::new(), BTreeMap::new());
    Ok(Observed { base, objects, first, matches, moved, regions, unsearched, siblings, rebuilds })
}

struct Walker<'m> {
    /// Bytes of the file: nothing in it is larger.
    budget: u64,
    objects: BTreeMap<H5Path, Arc<ObjectSeen>>,
    siblings: BTreeMap<H5Path, Vec<H5Path>>,
    known: Known,
    parents: Parents,
    /// The same for paths as they are before the moves that are pending.
    present: Parents,
    moved: &'m mut Moved,
}

impl Walker<'_> {
    fn root(&mut self, root: &Object, need: Option<&Need>) -> Result<(), H5Error> {
        let seen = self.known.look(root, need.unwrap_or(&Need::default()), self.budget)?;
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
                let seen = self.known.look(&object, need, self.budget)?;
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
        self.objects.insert(path.clone(), Arc::new(seen));
        Ok(())
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
