//! The way through a file's groups: all of them, or those above paths that come in order.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use crate::h5::{H5Error, Link, Object};
use crate::model::{H5Path, LinkPlace, ObjectId};

/// Deepest nesting of groups that is followed: a file can be made to nest without end.
pub const MOST_DEPTH: usize = 1024;

/// Walks the links of groups depth first, names in byte order, with a stack of its own. Which objects
/// are entered is the caller's choice: hard links can make cycles.
#[derive(Default)]
pub(super) struct Descent<'m> {
    open: Vec<Level>,
    /// Links that pending moves take away, and where to: they are told by those paths.
    gone: Option<&'m BTreeMap<LinkPlace, H5Path>>,
    /// Links that are visited after all others: what has another name is then known by that.
    last: Option<&'m BTreeSet<LinkPlace>>,
    put_off: VecDeque<Level>,
    /// Is the rest what was put off?
    late: bool,
}

/// An open group with the names that are still to be visited.
struct Level {
    group: Object,
    /// Its address, where links are told from others by their places.
    address: Option<u64>,
    path: H5Path,
    names: std::vec::IntoIter<Vec<u8>>,
}

/// A link that was come upon.
pub(super) struct Visited<'a> {
    /// Where.
    pub path: H5Path,
    /// Is it one of the links that come last, or below one?
    pub late: bool,
    group: &'a Object,
    name: Vec<u8>,
}

/// What a link leads to.
pub(super) enum Member {
    Object(Object),
    Link(Link),
}

impl<'m> Descent<'m> {
    /// One that tells paths as they are after the moves of these links.
    pub fn after(gone: &'m BTreeMap<LinkPlace, H5Path>) -> Self {
        Self { gone: (!gone.is_empty()).then_some(gone), ..Self::default() }
    }

    /// The same, with these links, and what is below them alone, after all others.
    pub fn last(self, links: &'m BTreeSet<LinkPlace>) -> Self {
        Self { last: (!links.is_empty()).then_some(links), ..self }
    }

    /// The next link of the innermost group that has one left.
    pub fn step(&mut self) -> Option<Visited<'_>> {
        let (path, name) = self.next()?;
        let group = &self.open.last()?.group;
        Some(Visited { path, late: self.late, group, name })
    }

    /// Path and name of the next link, of the innermost open group.
    fn next(&mut self) -> Option<(H5Path, Vec<u8>)> {
        loop {
            while self.open.last().is_some_and(|level| level.names.as_slice().is_empty()) {
                self.open.pop();
            }
            if self.open.is_empty() {
                self.open.push(self.put_off.pop_front()?);
                self.late = true;
            }
            let level = self.open.last_mut()?;
            let name = level.names.next()?;
            let place = level.address.map(|address| (address, name.clone()));
            if !self.late
                && place.as_ref().zip(self.last).is_some_and(|(place, last)| last.contains(place))
                && let Ok(group) = level.group.again()
            {
                self.put_off.push_back(Level { group, address: level.address, path: level.path.clone(), names: vec![name].into_iter() });
                continue;
            }
            let moved = self.gone.zip(place).and_then(|(gone, place)| gone.get(&place));
            let path = moved.map_or_else(|| level.path.child(&name), Clone::clone);
            return Some((path, name));
        }
    }

    /// Is it one of the groups that lead to here?
    pub fn encloses(&self, group: ObjectId) -> bool {
        self.open.iter().any(|level| level.group.info().is_ok_and(|info| info.id == group))
    }

    /// Goes on in this group. Fails with a clause.
    pub fn enter(&mut self, group: Object, path: H5Path) -> Result<(), String> {
        if self.open.len() >= MOST_DEPTH {
            return Err(format!("groups are nested deeper than {MOST_DEPTH} levels; what is below is left out"));
        }
        let names = group.link_names().map_err(|e| format!("its members cannot be listed: {}", e.cause))?;
        let address = match self.gone.is_some() || self.last.is_some() {
            true => Some(group.info().map_err(|e| e.cause)?.id.address),
            false => None,
        };
        self.open.push(Level { group, address, path, names: names.into_iter() });
        Ok(())
    }
}

impl Visited<'_> {
    /// What the link leads to; hard links are opened. Fails with a clause.
    pub fn member(&self) -> Result<Member, String> {
        Ok(match self.link()? {
            Link::Hard(address) => Member::Object(self.group.open_hard(&self.name, address).map_err(|e| e.cause)?),
            link => Member::Link(link),
        })
    }

    /// The link itself. Fails with a clause.
    pub fn link(&self) -> Result<Link, String> {
        self.group.link(&self.name).map_err(|e| e.cause)?.ok_or_else(|| "the group lists it but does not have it".into())
    }
}

/// Open groups above the path that was asked for last: of paths in order, each group is opened once.
pub(super) struct Parents {
    root: (H5Path, Object),
    below: Vec<(H5Path, Object)>,
}

impl Parents {
    pub fn new(root: Object) -> Self {
        Self { root: (H5Path::root(), root), below: Vec::new() }
    }

    /// The deepest open group above a path; deeper ones that are not above it are closed.
    pub fn deepest(&mut self, path: &H5Path) -> &(H5Path, Object) {
        while self.below.last().is_some_and(|(group, _)| !group.is_above(path)) {
            self.below.pop();
        }
        self.below.last().unwrap_or(&self.root)
    }

    /// Keeps a group in the deepest one open.
    pub fn push(&mut self, path: H5Path, group: Object) {
        self.below.push((path, group));
    }

    /// Opens an object below the root whose parents are known to be hard links to groups.
    pub fn open(&mut self, path: &H5Path) -> Result<Object, H5Error> {
        self.group_of(path)?.open(path.name())
    }

    /// Where the link of a path is.
    pub fn place_of(&mut self, path: &H5Path) -> Result<LinkPlace, H5Error> {
        Ok((self.group_of(path)?.info()?.id.address, path.name().to_vec()))
    }

    /// The group that a path is in, all above it being known to be hard links to groups.
    pub fn group_of(&mut self, path: &H5Path) -> Result<&Object, H5Error> {
        let known = self.deepest(path).0.clone();
        for parent in path.ancestors().into_iter().filter(|p| known.is_above(p)) {
            let group = self.deepest(&parent).1.open(parent.name())?;
            self.push(parent, group);
        }
        Ok(&self.deepest(path).1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::h5::{File, NewFile, NewGroup};
    use crate::model::TrackOrder;

    #[test]
    fn parents_stay_open() {
        let folder = tempfile::tempdir().unwrap();
        let new = NewFile::plain(TrackOrder::No);
        let file = File::create(&folder.path().join("t.h5"), new, false).unwrap();
        let plain = NewGroup::plain();
        let a = file.root().unwrap().create_group(b"a", plain).unwrap();
        let b = a.create_group(b"b", plain).unwrap();
        a.create_group(b"z", plain).unwrap();
        ["x", "y"].iter().for_each(|name| drop(b.create_group(name.as_bytes(), plain).unwrap()));
        let mut parents = Parents::new(file.root().unwrap());
        for (path, open) in [("/a", 0), ("/a/b/x", 2), ("/a/b/y", 2), ("/a/z", 1), ("/a/b/x", 2), ("/a", 0)] {
            let path = H5Path::parse(path).unwrap();
            assert_eq!(parents.open(&path).unwrap().label(), path.to_string());
            assert_eq!(parents.below.len(), open, "{path}");
        }
        assert!(parents.open(&H5Path::parse("/a/no/x").unwrap()).is_err());
    }

    #[test]
    fn names_that_are_paths_are_refused() {
        let folder = tempfile::tempdir().unwrap();
        let new = NewFile::plain(TrackOrder::No);
        let file = File::create(&folder.path().join("t.h5"), new, false).unwrap();
        let plain = NewGroup::plain();
        let root = file.root().unwrap();
        root.create_group(b"a", plain).unwrap().create_group(b"b", plain).unwrap();
        for name in [&b""[..], b".", b"a/b", b"/a", b"a\0"] {
            assert!(root.link(name).is_err() && root.open(name).is_err(), "{name:?}");
            assert!(root.remove_link(name).is_err() && root.create_group(name, plain).is_err(), "{name:?}");
        }
        assert_eq!(root.link_names().unwrap(), [b"a"]);
        assert_eq!(root.some_link_names(0).unwrap(), Vec::<Vec<u8>>::new());
    }
}
