//! Metadata of the objects that a manifest needs.

use std::collections::{BTreeMap, BTreeSet};

use crate::h5::{File, H5Error, Kind, Link, Object};
use crate::model::{
    Base, Glob, H5Path, HeaderVersion, LinkSeen, Need, Needs, ObjectId, ObjectSeen, Observed, SeenGroup, SeenKind, TrackOrder,
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

/// Looks at every needed object, its parents, and whatever the globs match.
pub fn metadata(file: &File, needs: &Needs) -> Result<Observed, ObserveError> {
    let info = file.info()?;
    let root = file.root()?;
    let matches = matches(&root, &needs.globs)?;
    let mut wanted: BTreeMap<&H5Path, Need> = needs.objects.iter().map(|(p, n)| (p, n.clone())).collect();
    let parents: Vec<H5Path> = matches.iter().flatten().flat_map(H5Path::ancestors).collect();
    for path in matches.iter().flatten() {
        wanted.entry(path).or_default().storage = true;
    }
    for path in &parents {
        wanted.entry(path).or_default();
    }
    let mut walker = Walker { budget: info.size, objects: BTreeMap::new(), open: Vec::new() };
    walker.root(root, wanted.get(&H5Path::root()))?;
    for (path, need) in wanted.iter().filter(|(p, _)| !p.is_root()) {
        walker.visit(path, need)?;
    }
    let base = Base::Existing { size: info.size, superblock: info.superblock, userblock: info.userblock };
    Ok(Observed { base, objects: walker.objects, matches, regions: BTreeMap::new() })
}

struct Walker {
    /// Bytes of the file: nothing in it is larger.
    budget: u64,
    objects: BTreeMap<H5Path, ObjectSeen>,
    /// Open groups from the root to the parent of what was visited last.
    open: Vec<(H5Path, Object)>,
}

impl Walker {
    fn root(&mut self, root: Object, need: Option<&Need>) -> Result<(), H5Error> {
        let seen = self.look(&root, need.unwrap_or(&Need::default()))?;
        self.objects.insert(H5Path::root(), seen);
        self.open.push((H5Path::root(), root));
        Ok(())
    }

    /// Paths come in order, parents first.
    fn visit(&mut self, path: &H5Path, need: &Need) -> Result<(), H5Error> {
        while self.open.last().is_some_and(|(group, _)| !group.is_above(path)) {
            self.open.pop();
        }
        // Where the parent is missing or no group, there is nothing at this path.
        let Some((parent, group)) = self.open.last().filter(|(g, _)| path.parent().as_ref() == Some(g)) else { return Ok(()) };
        let _ = parent;
        let link = match group.link(path.name())? {
            None => return Ok(()),
            Some(Link::Hard(_)) => {
                let object = group.open(path.name())?;
                let seen = self.look(&object, need)?;
                if matches!(seen.kind, Some(SeenKind::Group(_))) {
                    self.open.push((path.clone(), object));
                }
                self.objects.insert(path.clone(), seen);
                return Ok(());
            }
            Some(Link::Soft(target)) => LinkSeen::Soft(target),
            Some(Link::External { file, path }) => LinkSeen::External { file, path },
            Some(Link::UserDefined(class)) => LinkSeen::UserDefined(class),
        };
        let seen = ObjectSeen {
            link,
            kind: None,
            attrs: BTreeMap::new(),
            attr_order: TrackOrder::No,
            header: HeaderVersion::V2,
            links: 0,
            storage: None,
        };
        self.objects.insert(path.clone(), seen);
        Ok(())
    }

    fn look(&self, object: &Object, need: &Need) -> Result<ObjectSeen, H5Error> {
        let info = object.info()?;
        let (kind, attr_order) = match info.kind {
            Kind::Group => {
                let orders = object.group_orders()?;
                (SeenKind::Group(SeenGroup { link_order: orders.link_order }), orders.attr_order)
            }
            Kind::Dataset => (SeenKind::Dataset(Box::new(object.dataset()?)), object.attr_order()?),
            Kind::Type => (SeenKind::Type, object.attr_order()?),
            Kind::Unknown => (SeenKind::Unknown, TrackOrder::No),
        };
        let mut attrs = BTreeMap::new();
        if info.attrs > 0 {
            for name in &need.attrs {
                if let Some(value) = object.attr(name, self.budget)? {
                    attrs.insert(name.clone(), value);
                }
            }
        }
        let storage = (need.storage && info.kind == Kind::Dataset).then(|| object.storage_bytes());
        let header = if need.large { object.header_version()? } else { HeaderVersion::V2 };
        Ok(ObjectSeen { link: LinkSeen::Hard(info.id), kind: Some(kind), attrs, attr_order, header, links: info.links, storage })
    }
}

/// Every path that one of a removal's globs matches; below a match nothing more is listed.
fn matches(root: &Object, globs: &[Vec<Glob>]) -> Result<Vec<Vec<H5Path>>, H5Error> {
    let mut out = vec![Vec::new(); globs.len()];
    if globs.iter().any(|g| !g.is_empty()) {
        let mut seen: BTreeSet<ObjectId> = BTreeSet::new();
        seen.insert(root.info()?.id);
        search(root, &H5Path::root(), globs, &mut seen, &mut out)?;
    }
    Ok(out)
}

fn search(group: &Object, at: &H5Path, globs: &[Vec<Glob>], seen: &mut BTreeSet<ObjectId>, out: &mut [Vec<H5Path>]) -> Result<(), H5Error> {
    for name in group.link_names()? {
        let path = at.child(&name);
        let mut hit = false;
        for (number, globs) in globs.iter().enumerate() {
            if globs.iter().any(|g| g.matches(&path)) {
                out[number].push(path.clone());
                hit = true;
            }
        }
        if hit || !matches!(group.link(&name)?, Some(Link::Hard(_))) {
            continue;
        }
        let object = group.open(&name)?;
        let info = object.info()?;
        // A group that was seen under another name has been searched: hard links can make cycles.
        if info.kind == Kind::Group && seen.insert(info.id) {
            search(&object, &path, globs, seen, out)?;
        }
    }
    Ok(())
}
