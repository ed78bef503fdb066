//! Every object of a file, and the object at a path.

use std::collections::{BTreeMap, VecDeque};

use super::descent::{Descent, Member};
use crate::h5::{File, H5Error, Kind, Link, Object};
use crate::model::{Glob, H5Path, Listed, ListedKind, ObjectId, bytes_text, is_bookkeeping};

/// Soft links that one path may lead through.
const MOST_HOPS: usize = 16;

/// Which attributes to read along with the objects.
#[derive(Clone, Debug, Default)]
pub struct AttrWish {
    /// Names and patterns, in the order they were asked for.
    pub picks: Vec<AttrPick>,
    /// Do patterns match the bookkeeping attributes, too? Names always do.
    pub bookkeeping: bool,
}

/// One asked-for attribute, or several.
#[derive(Clone, Debug)]
pub enum AttrPick {
    /// This one.
    Name(Vec<u8>),
    /// Every one that matches.
    Glob(Glob),
}

/// Why a path leads nowhere.
#[derive(Clone, Debug, thiserror::Error)]
pub enum ResolveError {
    /// The library says so.
    #[error(transparent)]
    H5(#[from] H5Error),
    /// There is no such link.
    #[error("there is no {missing}{}", via(.through))]
    Missing {
        /// The first part of the path that does not exist.
        missing: H5Path,
        /// The soft link that points there.
        through: Option<H5Path>,
    },
    /// The path goes on below something that has no members.
    #[error("{at} is not a group: there is nothing below it")]
    NotGroup {
        /// The dataset or type.
        at: H5Path,
    },
    /// The way leaves the file.
    #[error("{at} is an external link to {} in {}; it is not followed: show that file itself", bytes_text(path), bytes_text(file))]
    External {
        /// The link.
        at: H5Path,
        /// The other file.
        file: Vec<u8>,
        /// The path there.
        path: Vec<u8>,
    },
    /// A link that only its program understands.
    #[error("{at} is a user-defined link of class {class}; it is not followed")]
    UserDefined {
        /// The link.
        at: H5Path,
        /// Its class.
        class: i32,
    },
    /// A soft link whose text is no path.
    #[error("the soft link {at} points to {}, which is not a path", bytes_text(target))]
    Target {
        /// The link.
        at: H5Path,
        /// Its text.
        target: Vec<u8>,
    },
    /// Soft links to soft links.
    #[error("{at} leads through more than {MOST_HOPS} soft links")]
    TooManyHops {
        /// The path.
        at: H5Path,
    },
}

fn via(through: &Option<H5Path>) -> String {
    through.as_ref().map(|link| format!(", where the soft link {link} points")).unwrap_or_default()
}

/// The object at a path and its own path, through hard links and through soft links inside the file.
pub fn resolve(file: &File, path: &H5Path) -> Result<(Object, H5Path), ResolveError> {
    let mut names: VecDeque<Vec<u8>> = path.names().map(<[u8]>::to_vec).collect();
    let (mut object, mut at) = (file.root()?, H5Path::root());
    let (mut through, mut hops) = (None, 0);
    while let Some(name) = names.pop_front() {
        if object.info()?.kind != Kind::Group {
            return Err(ResolveError::NotGroup { at });
        }
        let here = at.child(&name);
        match object.link(&name)? {
            None => return Err(ResolveError::Missing { missing: here, through }),
            Some(Link::Hard(_)) => {
                object = object.open(&name)?;
                at = here;
            }
            Some(Link::Soft(target)) => {
                hops += 1;
                if hops > MOST_HOPS {
                    return Err(ResolveError::TooManyHops { at: path.clone() });
                }
                let parsed = H5Path::from_bytes(&target).map_err(|_| ResolveError::Target { at: here.clone(), target: target.clone() })?;
                if target.first() == Some(&b'/') {
                    (object, at) = (file.root()?, H5Path::root());
                }
                names = parsed.names().map(<[u8]>::to_vec).chain(names).collect();
                through = Some(here);
            }
            Some(Link::External { file, path }) => return Err(ResolveError::External { at: here, file, path }),
            Some(Link::UserDefined { class, .. }) => return Err(ResolveError::UserDefined { at: here, class }),
        }
    }
    Ok((object, at))
}

/// The object at `at` and, if it is a group, everything below it: parents first, names in byte order,
/// through hard links only. An object with several names is listed by the first, the others as
/// [`ListedKind::SameAs`]. What cannot be read is listed as such and does not stop the rest. `budget`:
/// bytes of the file.
pub fn walk(object: Object, at: H5Path, wish: &AttrWish, budget: u64) -> Vec<Listed> {
    let mut walk = Walk { wish, budget, seen: BTreeMap::new(), out: Vec::new(), descent: Descent::default() };
    walk.visit(object, at);
    while let Some(visited) = walk.descent.step() {
        let (path, member) = (visited.path.clone(), visited.member());
        match member {
            Ok(Member::Object(object)) => walk.visit(object, path),
            Ok(Member::Link(link)) => walk.out.push(Listed { path, what: listed(link), attrs: Vec::new() }),
            Err(why) => walk.unreadable(path, why),
        }
    }
    walk.out
}

struct Walk<'a> {
    wish: &'a AttrWish,
    budget: u64,
    seen: BTreeMap<ObjectId, H5Path>,
    out: Vec<Listed>,
    descent: Descent<'static>,
}

fn listed(link: Link) -> ListedKind {
    match link {
        Link::Soft(target) => ListedKind::Soft(target),
        Link::External { file, path } => ListedKind::External { file, path },
        Link::UserDefined { class, .. } => ListedKind::UserDefined(class),
        // Hard links are opened.
        Link::Hard(_) => ListedKind::Unreadable("it was not opened".into()),
    }
}

impl Walk<'_> {
    fn unreadable(&mut self, path: H5Path, why: String) {
        self.out.push(Listed { path, what: ListedKind::Unreadable(why), attrs: Vec::new() });
    }

    fn visit(&mut self, object: Object, path: H5Path) {
        let info = match object.info() {
            Ok(info) => info,
            Err(e) => return self.unreadable(path, e.cause),
        };
        if let Some(first) = self.seen.get(&info.id) {
            let what = ListedKind::SameAs(first.clone());
            return self.out.push(Listed { path, what, attrs: Vec::new() });
        }
        // A group is remembered whatever its link count says: hard links can make cycles.
        if info.kind == Kind::Group || info.links > 1 {
            self.seen.insert(info.id, path.clone());
        }
        let what = match info.kind {
            Kind::Group => ListedKind::Group,
            Kind::Type => ListedKind::Type,
            Kind::Unknown => return self.unreadable(path, "it is an object of an unknown kind".into()),
            Kind::Dataset => match object.dataset() {
                Ok(d) => ListedKind::Dataset { dtype: d.dtype, shape: d.shape, maxshape: d.maxshape, layout: d.layout },
                Err(e) => return self.unreadable(path, e.cause),
            },
        };
        let attrs = if info.attrs > 0 { attrs(&object, self.wish, self.budget) } else { Vec::new() };
        self.out.push(Listed { path: path.clone(), what, attrs });
        if info.kind != Kind::Group {
            return;
        }
        if let Err(why) = self.descent.enter(object, path.clone()) {
            self.unreadable(path, why);
        }
    }
}

/// The wished-for attributes that an object has.
pub fn attrs(object: &Object, wish: &AttrWish, budget: u64) -> Vec<(Vec<u8>, Result<crate::model::AttrSeen, String>)> {
    let all = match wish.picks.iter().any(|p| matches!(p, AttrPick::Glob(_))) {
        true => object.attr_names(false),
        false => Ok(Vec::new()),
    };
    let mut out: Vec<(Vec<u8>, Result<_, String>)> = Vec::new();
    for pick in &wish.picks {
        let names: Vec<&[u8]> = match (pick, &all) {
            (AttrPick::Name(name), _) => vec![name],
            (AttrPick::Glob(glob), Err(e)) => {
                let why = e.cause.clone();
                out.push((glob.text().trim_start_matches('/').as_bytes().to_vec(), Err(why)));
                continue;
            }
            (AttrPick::Glob(glob), Ok(all)) => {
                let shown = |n: &&Vec<u8>| wish.bookkeeping || !is_bookkeeping(n);
                all.iter().filter(shown).filter(|n| glob.matches(&H5Path::root().child(n))).map(Vec::as_slice).collect()
            }
        };
        for name in names {
            if out.iter().any(|(n, _)| n == name) {
                continue;
            }
            if let Some(value) = object.attr(name, budget).map_err(|e| e.cause).transpose() {
                out.push((name.to_vec(), value));
            }
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::super::descent::MOST_DEPTH;
    use super::*;
    use crate::h5::{Made, NewFile, NewGroup};
    use crate::model::{AttrSeen, AttrValue, Dtype, Elements, Shape, TrackOrder};

    fn file() -> (tempfile::TempDir, File) {
        let folder = tempfile::tempdir().unwrap();
        let new = NewFile::plain(TrackOrder::No);
        let file = File::create(&folder.path().join("t.h5"), new, false).unwrap();
        let plain = NewGroup::plain();
        let root = file.root().unwrap();
        let b = root.create_group(b"b", plain).unwrap();
        let inner = b.create_group(b"inner", plain).unwrap();
        root.create_group(b"a\xff", plain).unwrap();
        for name in [&b"units"[..], b"long_name", b"CLASS"] {
            let value = AttrValue { max: None, dtype: Dtype::int(1, true), shape: Shape::Scalar, data: Elements::Fixed(vec![7]) };
            inner.attrs().create(name, &value, None, None, &mut Made::default()).unwrap();
        }
        (folder, file)
    }

    fn listed(file: &File, wish: &AttrWish) -> Vec<(String, Vec<String>)> {
        let list = walk(file.root().unwrap(), H5Path::root(), wish, 1 << 20);
        assert!(list.iter().all(|l| matches!(l.what, ListedKind::Group)));
        assert!(list.iter().flat_map(|l| &l.attrs).all(|(_, v)| matches!(v, Ok(AttrSeen::Value(v)) if v.data == Elements::Fixed(vec![7]))));
        list.iter().map(|l| (l.path.to_string(), l.attrs.iter().map(|(n, _)| bytes_text(n)).collect())).collect()
    }

    #[test]
    fn lists_by_name_with_wished_attributes() {
        let (_folder, file) = file();
        let paths: Vec<String> = listed(&file, &AttrWish::default()).into_iter().map(|l| l.0).collect();
        assert_eq!(paths, ["/", "/a\\xFF", "/b", "/b/inner"]);
        let last = |picks, bookkeeping| listed(&file, &AttrWish { picks, bookkeeping }).pop().unwrap().1;
        let all = || AttrPick::Glob(Glob::new("*").unwrap());
        assert_eq!(last(vec![all()], false), ["long_name", "units"]);
        assert_eq!(last(vec![AttrPick::Name(b"units".to_vec()), all()], true), ["units", "CLASS", "long_name"]);
        assert_eq!(last(vec![AttrPick::Name(b"CLASS".to_vec()), AttrPick::Name(b"no".to_vec())], false), ["CLASS"]);
    }

    #[test]
    fn resolves_paths() {
        let (_folder, file) = file();
        let at = |text: &str| resolve(&file, &H5Path::parse(text).unwrap()).map(|(_, at)| at.to_string()).map_err(|e| e.to_string());
        assert_eq!(at("b/inner/"), Ok("/b/inner".into()));
        assert_eq!(at("/"), Ok("/".into()));
        assert_eq!(at("/b/x/y"), Err("there is no /b/x".into()));
    }

    #[test]
    fn deep_files_are_cut() {
        let (_folder, file) = file();
        let plain = NewGroup::plain();
        let mut group = file.root().unwrap();
        for _ in 0..MOST_DEPTH + 3 {
            group = group.create_group(b"x", plain).unwrap();
        }
        let list = walk(file.root().unwrap(), H5Path::root(), &AttrWish::default(), 1 << 20);
        assert!(matches!(&list.last().unwrap().what, ListedKind::Unreadable(why) if why.contains("deeper")));
        assert_eq!(list.len(), 1 + 3 + MOST_DEPTH + 1);
    }
}
