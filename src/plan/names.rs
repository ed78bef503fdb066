//! What objects there will be, and by which names. Links tell, not paths: below a group with several names everything has several paths.

use std::collections::{BTreeMap, BTreeSet};

use crate::model::{Desired, H5Path, LinkSeen, Linked, ObjectId, ObjectSeen, Observed, RemovalTarget, ScopePart};

/// An object that is there, or one that will be, by its name.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Key {
    There(ObjectId),
    New(H5Path),
}

/// Links that removals take away.
#[derive(Default)]
pub(super) struct Removed {
    links: BTreeSet<H5Path>,
}

impl Removed {
    /// All that are declared.
    pub fn of(desired: &Desired, observed: &Observed) -> Self {
        let mut out = Self::default();
        for (number, removal) in desired.removals.iter().enumerate() {
            match &removal.target {
                RemovalTarget::Path(path) => out.insert(observed, path),
                RemovalTarget::Match(_) => {
                    let matches = observed.matches.get(number).into_iter().flatten();
                    matches.filter(|path| desired.scope.part(path) == ScopePart::Planned).for_each(|path| out.insert(observed, path));
                }
            }
        }
        out
    }

    pub fn insert(&mut self, observed: &Observed, path: &H5Path) {
        self.links.insert(observed.link_of(path));
    }

    /// Is one of them on the way to this path?
    pub fn takes(&self, observed: &Observed, path: &H5Path) -> bool {
        let on_the_way = |path: &H5Path| self.links.contains(&observed.link_of(path));
        !self.links.is_empty() && (on_the_way(path) || path.ancestors().iter().any(|group| !group.is_root() && on_the_way(group)))
    }

    /// What will stand at a path.
    pub fn seen<'a>(&self, observed: &'a Observed, path: &H5Path) -> Option<&'a ObjectSeen> {
        observed.objects.get(path).map(AsRef::as_ref).filter(|_| !self.takes(observed, path))
    }

    /// What a path will lead to.
    pub fn key(&self, observed: &Observed, path: &H5Path) -> Key {
        match self.seen(observed, path).map(|seen| &seen.link) {
            Some(LinkSeen::Hard(id)) => Key::There(*id),
            _ => Key::New(observed.canonical_way(path)),
        }
    }
}

/// All the names that objects will have: those that stay, and those by hard links that will be made.
pub(super) struct Names {
    /// Of objects that are there, where any has several.
    there: BTreeMap<ObjectId, BTreeSet<H5Path>>,
    linked: Linked,
}

impl Names {
    pub fn of(desired: &Desired, observed: &Observed, removed: &Removed) -> Self {
        let mut there: BTreeMap<ObjectId, BTreeSet<H5Path>> = BTreeMap::new();
        // Also of an object with one link there may be several paths: by the names of a group above it.
        let several = observed.has_aliases();
        for path in observed.objects.keys().filter(|_| several) {
            if let Key::There(id) = removed.key(observed, path) {
                there.entry(id).or_default().insert(path.clone());
            }
        }
        Self { there, linked: Linked::of(desired) }
    }

    /// Those of one object, of which these are known.
    pub fn all<'p>(&self, key: &Key, known: impl IntoIterator<Item = &'p H5Path>, observed: &Observed) -> Vec<H5Path> {
        if self.there.is_empty() && self.linked.is_empty() {
            return known.into_iter().cloned().collect();
        }
        let mut out: BTreeSet<H5Path> = known.into_iter().cloned().collect();
        match key {
            Key::There(id) => out.extend(self.there.get(id).into_iter().flatten().cloned()),
            Key::New(path) => out.extend(self.by_groups(path, observed)),
        }
        let linked: Vec<H5Path> = out.iter().flat_map(|path| self.linked.names(path)).collect();
        out.extend(linked);
        out.into_iter().collect()
    }

    /// The paths of a new object by all names of the group that is there above it.
    fn by_groups(&self, path: &H5Path, observed: &Observed) -> Vec<H5Path> {
        let above = path.ancestors();
        let there = above.iter().rev().find_map(|group| match observed.objects.get(group).map(|seen| &seen.link) {
            Some(LinkSeen::Hard(id)) => Some((group, self.there.get(id)?)),
            _ => None,
        });
        let Some((group, names)) = there else { return Vec::new() };
        let below: Vec<&[u8]> = path.names().skip(group.names().count()).collect();
        names.iter().map(|name| below.iter().fold(name.clone(), |path, part| path.child(part))).collect()
    }
}
