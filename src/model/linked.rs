//! The names that declared hard links give to what is below them.

use std::collections::{BTreeMap, BTreeSet};

use super::{Desired, DesiredKind, DesiredLink, H5Path};

/// Most names that are told of one path: links into each other's targets can make more than anyone can list.
const MOST: usize = 1000;

/// Declared hard links, by what they lead to.
#[derive(Clone, Debug, Default)]
pub struct Linked {
    links: BTreeMap<H5Path, Vec<H5Path>>,
}

impl Linked {
    /// Those of a declaration.
    pub fn of(desired: &Desired) -> Self {
        let mut links: BTreeMap<H5Path, Vec<H5Path>> = BTreeMap::new();
        for (path, object) in &desired.objects {
            if let DesiredKind::Link(DesiredLink::Hard { .. }) = &object.kind {
                links.entry(desired.behind_links(path).clone()).or_default().push(path.clone());
            }
        }
        Self { links }
    }

    /// Are there none?
    pub fn is_empty(&self) -> bool {
        self.links.is_empty()
    }

    /// What the links lead to, with each of them.
    pub fn ends(&self) -> impl Iterator<Item = (&H5Path, &H5Path)> {
        self.links.iter().flat_map(|(end, links)| links.iter().map(move |link| (link, end)))
    }

    /// All other names that the links give to a path: those of itself, and those by way of the groups above it. No name goes through one group twice.
    pub fn names(&self, path: &H5Path) -> BTreeSet<H5Path> {
        let mut out = BTreeSet::new();
        if self.links.is_empty() {
            return out;
        }
        let mut known = BTreeSet::from([path.clone()]);
        let mut left = vec![(path.clone(), path.ancestors())];
        while let Some((name, groups)) = left.pop() {
            // A link to the object itself is one to what follows all groups.
            for (at, end) in groups.iter().chain([&name]).enumerate() {
                for link in self.links.get(end).into_iter().flatten() {
                    let below: Vec<&[u8]> = name.names().skip(at).collect();
                    let other = below.iter().fold(link.clone(), |path, part| path.child(part));
                    let mut way = link.ancestors();
                    way.extend(groups.iter().skip(at).cloned());
                    let most = way.iter().map(|group| way.iter().filter(|other| *other == group).count()).max();
                    // By another name of a group on the way, it may be one that goes through none twice.
                    if known.len() >= MOST || most > Some(2) || !known.insert(other.clone()) {
                        continue;
                    }
                    if most < Some(2) {
                        out.insert(other.clone());
                    }
                    left.push((other, way));
                }
            }
        }
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_name_goes_in_circles() {
        let path = |text: &str| H5Path::parse(text).unwrap();
        let names = |links: &[(&str, &str)], of: &str| -> Vec<String> {
            let mut linked = Linked::default();
            links.iter().for_each(|(link, end)| linked.links.entry(path(end)).or_default().push(path(link)));
            linked.names(&path(of)).iter().map(ToString::to_string).collect()
        };
        let none: [&str; 0] = [];
        assert_eq!(names(&[("/h", "/g")], "/g/d"), ["/h/d"]);
        assert_eq!(names(&[("/h", "/g")], "/g"), ["/h"]);
        assert_eq!(names(&[("/h", "/g")], "/gg/d"), none);
        assert_eq!(names(&[("/h", "/g"), ("/x", "/g/d")], "/g/d"), ["/h/d", "/x"]);
        assert_eq!(names(&[("/g/up", "/g")], "/g/d"), none);
        assert_eq!(names(&[("/up", "/")], "/g"), none);
        // Within what it leads to, but not by another name.
        assert_eq!(names(&[("/g/k/up", "/g"), ("/k", "/g/k")], "/g/d"), ["/k/up/d"]);
        assert_eq!(names(&[("/a/y", "/b"), ("/b/x", "/a")], "/a/d"), ["/b/x/d"]);
    }
}
