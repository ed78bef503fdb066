//! A file and a copy of it, object by object: which is which, and whether their names are the same, in the same order.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use crate::h5::{H5Error, Kind, Link, Object, Twins};
use crate::model::{H5Path, Layout, TrackOrder, bytes_text};
use crate::observe::MOST_DEPTH;

/// What a walk through both has found.
#[derive(Default)]
pub(super) struct Pairs {
    /// Where each object of the file is in the copy.
    pub twins: Twins,
    /// Objects with references, or with elements of which a part stands elsewhere in the file.
    pub referring: Vec<Referring>,
    /// Links of programs' own classes, which are the same.
    pub user_links: BTreeSet<H5Path>,
}

/// An object that refers to others, or may have a fill value of which a part stands elsewhere in the file.
pub(super) struct Referring {
    pub path: H5Path,
    /// Attributes that have some.
    pub attrs: Vec<Vec<u8>>,
    /// Have the dataset's elements something elsewhere in the file?
    pub outside: bool,
    /// Has the dataset references among its elements?
    pub elements: bool,
    /// Where the object is in the file.
    pub from: u64,
    /// And in the copy.
    pub to: u64,
}

/// Goes through both, from these groups. The error is a clause: where they differ, or what cannot be read.
pub(super) fn pairs(a: &Object, b: &Object, file: &Path) -> Result<Pairs, String> {
    let mut walk = Walk { roots: (a, b), file, out: Pairs::default(), back: BTreeMap::new(), left: Vec::new() };
    let text = |e: H5Error| e.to_string();
    let (ours, theirs) = (a.info().map_err(text)?.id.address, b.info().map_err(text)?.id.address);
    walk.meet(ours, theirs, H5Path::root(), 0)?;
    while let Some(next) = walk.left.pop() {
        walk.visit(next)?;
    }
    Ok(walk.out)
}

struct Walk<'a> {
    /// An object of each.
    roots: (&'a Object, &'a Object),
    /// The one that is copied.
    file: &'a Path,
    out: Pairs,
    /// From the copy to the file.
    back: BTreeMap<u64, u64>,
    left: Vec<Next>,
}

/// Objects that have been met, but not looked into.
struct Next {
    a: u64,
    b: u64,
    path: H5Path,
    depth: usize,
}

fn differ(path: &H5Path, what: &str) -> String {
    format!("{path} differs: {what}")
}

/// The value, where both are the same.
fn same<T: PartialEq>(path: &H5Path, what: &str, a: Result<T, H5Error>, b: Result<T, H5Error>) -> Result<T, String> {
    match (a.map_err(|e| e.to_string())?, b.map_err(|e| e.to_string())?) {
        (a, b) if a == b => Ok(a),
        _ => Err(differ(path, what)),
    }
}

impl Walk<'_> {
    /// Two objects stand at the same path.
    fn meet(&mut self, a: u64, b: u64, path: H5Path, depth: usize) -> Result<(), String> {
        match (self.out.twins.get(&a), self.back.get(&b)) {
            (None, None) => {
                self.out.twins.insert(a, b);
                self.back.insert(b, a);
                self.left.push(Next { a, b, path, depth });
                Ok(())
            }
            (Some(twin), Some(back)) if (*twin, *back) == (b, a) => Ok(()),
            _ => Err(differ(&path, "its other names lead to something else")),
        }
    }

    fn visit(&mut self, Next { a: from, b: to, path, depth }: Next) -> Result<(), String> {
        let label = path.to_string();
        let (a, b) = (self.roots.0.at(from, &label), self.roots.1.at(to, &label));
        let (a, b) = (a.map_err(|e| e.to_string())?, b.map_err(|e| e.to_string())?);
        let kind = same(&path, "its kind", a.info().map(|i| i.kind), b.info().map(|i| i.kind))?;
        same(&path, "the version of its header", a.header_version(), b.header_version())?;
        self.attrs(&a, &b, &path)?;
        let attrs = a.attrs_with_references().map_err(|e| e.to_string())?;
        let (outside, elements) = if kind == Kind::Dataset { a.outside_elements().map_err(|e| e.to_string())? } else { (false, false) };
        if kind == Kind::Dataset
            && let Layout::External(files) = a.dataset().map_err(|e| e.to_string())?.layout
        {
            // The raw file is no part of the copy: what it leads to in this file would be lost.
            if outside {
                return Err(format!("the elements of {path} are in external files, and lead into this one"));
            }
            if files.iter().any(|raw| self.is_itself(&raw.file)) {
                return Err(format!("the elements of {path} are bytes of this file, as of an external one"));
            }
        }
        if outside || !attrs.is_empty() {
            self.out.referring.push(Referring { path: path.clone(), attrs, outside, elements, from, to });
        }
        if kind == Kind::Group { self.links(&a, &b, &path, depth) } else { Ok(()) }
    }

    /// Is this raw file, by its name as it is stored, the file itself?
    fn is_itself(&self, name: &[u8]) -> bool {
        let place = |path: &Path| path.metadata().ok().map(|meta| (meta.dev(), meta.ino()));
        let (raw, real) = (Path::new(OsStr::from_bytes(name)), self.file.canonicalize().ok());
        // Programs look for it from where they are, or from where the file is.
        let beside = real.as_deref().and_then(Path::parent).map(|folder| folder.join(raw));
        let own = place(self.file);
        own.is_some() && [Some(raw), beside.as_deref()].into_iter().flatten().any(|raw| place(raw) == own)
    }

    fn attrs(&self, a: &Object, b: &Object, path: &H5Path) -> Result<(), String> {
        // The copy is not asked: a creation list has the fill value in it, which may not be there yet.
        let tracked = a.attr_order().map_err(|e| e.to_string())? != TrackOrder::No;
        for name in same(path, "the names of its attributes, or their order", a.attr_names(tracked), b.attr_names(tracked))? {
            let what = format!("the character set of the attribute name {}", bytes_text(&name));
            same(path, &what, a.attr_charset(&name), b.attr_charset(&name))?;
        }
        Ok(())
    }

    fn links(&mut self, a: &Object, b: &Object, path: &H5Path, depth: usize) -> Result<(), String> {
        if depth >= MOST_DEPTH {
            return Err(format!("{path}: groups are nested deeper than {MOST_DEPTH} levels"));
        }
        let tracked = same(path, "the order of its links", a.group_orders().map(|o| o.links), b.group_orders().map(|o| o.links))?;
        let names = |o: &Object| if tracked == TrackOrder::No { o.link_names() } else { o.link_names_as_made() };
        for name in same(path, "the names of its links, or their order", names(a), names(b))? {
            let child = path.child(&name);
            let (ours, theirs) = (a.link_and_charset(&name), b.link_and_charset(&name));
            match (ours.map_err(|e| e.to_string())?, theirs.map_err(|e| e.to_string())?) {
                (Some((Link::Hard(ours), c)), Some((Link::Hard(theirs), d))) if c == d => self.meet(ours, theirs, child, depth + 1)?,
                (Some((Link::Hard(_), _)), _) | (_, Some((Link::Hard(_), _))) => return Err(differ(&child, "the link")),
                (ours, theirs) if ours != theirs => return Err(differ(&child, "the link")),
                (Some((Link::UserDefined { .. }, _)), _) => _ = self.out.user_links.insert(child),
                _ => {}
            }
        }
        Ok(())
    }
}
