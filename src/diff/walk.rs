//! The way through both files in step: names in byte order, through hard links only.

use std::collections::{BTreeMap, BTreeSet};

use super::names::Names;
use super::{Options, aspects};
use crate::h5::{File, H5Error, Kind, Link, Object};
use crate::model::{AttrSeen, Change, Comparison, H5Path, Layout, ListedKind, ObjectId, SeenDataset, TrackOrder, Wanted, bytes_text};
use crate::observe::{MOST_DEPTH, resolve};

/// A dataset of both files whose contents are to be compared.
pub(super) struct Both {
    pub path: H5Path,
    /// Bytes of its elements, about.
    pub bytes: u64,
}

/// Compares all metadata.
pub(super) fn walk(a: &File, b: &File, options: &Options, names: &Names<'_>, out: &mut Comparison) -> Result<Vec<Both>, H5Error> {
    let budgets = (a.info()?.size, b.info()?.size);
    let mut walk = Walk {
        options,
        names,
        budgets,
        first: (BTreeMap::new(), BTreeMap::new()),
        pairs: BTreeSet::new(),
        single: Vec::new(),
        datasets: Vec::new(),
        out,
    };
    walk.pair(a.root()?, b.root()?, &H5Path::root(), 0);
    // Objects that both files have come first: a further name leads to one of these.
    for (side, path) in std::mem::take(&mut walk.single) {
        let file = if side == Side::First { a } else { b };
        match resolve(file, &path) {
            Ok((object, _)) => walk.only(side, &object, &path, 0),
            Err(e) => walk.untold(&path, e.to_string()),
        }
    }
    Ok(walk.datasets)
}

/// Which of the two files.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Side {
    First,
    Second,
}

struct Walk<'a, 'f> {
    options: &'a Options,
    names: &'a Names<'f>,
    /// Bytes of the files: nothing in them is larger.
    budgets: (u64, u64),
    /// The first path by which each object was come upon.
    first: (BTreeMap<ObjectId, H5Path>, BTreeMap<ObjectId, H5Path>),
    /// Objects that have been compared with each other.
    pairs: BTreeSet<(ObjectId, ObjectId)>,
    /// Hard links that only one file has.
    single: Vec<(Side, H5Path)>,
    datasets: Vec<Both>,
    out: &'a mut Comparison,
}

impl Walk<'_, '_> {
    fn untold(&mut self, path: &H5Path, why: impl std::fmt::Display) {
        self.out.untold.push((path.clone(), why.to_string()));
    }

    /// The result, or a note that it cannot be told.
    fn told<T>(&mut self, path: &H5Path, result: Result<T, H5Error>) -> Option<T> {
        result.map_err(|e| self.untold(path, e)).ok()
    }

    /// Objects at one path in both files.
    fn pair(&mut self, a: Object, b: Object, path: &H5Path, depth: usize) {
        let infos = a.info().and_then(|a| Ok((a, b.info()?)));
        let Some((ours, theirs)) = self.told(path, infos) else { return };
        let wanted = self.options.wanted(path) == Wanted::Yes;
        let before = self.first.0.entry(ours.id).or_insert_with(|| path.clone()).clone();
        let after = self.first.1.entry(theirs.id).or_insert_with(|| path.clone()).clone();
        self.out.considered += usize::from(wanted);
        if wanted && before != after {
            let (before, after) = (self.named(Side::First, &a, path, before), self.named(Side::Second, &b, path, after));
            self.out.differ(path, Change::Other { before, after });
        }
        if !self.pairs.insert((ours.id, theirs.id)) {
            return;
        }
        if ours.kind != theirs.kind {
            if wanted {
                let (before, after) = (self.listed(Side::First, &a), self.listed(Side::Second, &b));
                self.out.differ(path, Change::Other { before, after });
            }
            return;
        }
        if wanted {
            self.object(&a, &b, path);
        }
        match ours.kind {
            Kind::Group => self.members(&a, &b, path, depth),
            _ if !wanted => {}
            Kind::Dataset => {
                let both = a.dataset().and_then(|a| Ok((a, b.dataset()?)));
                if let Some((a, b)) = self.told(path, both) {
                    self.dataset(a, b, path);
                }
            }
            Kind::Type => {
                let both = a.committed_type().and_then(|a| Ok((a, b.committed_type()?)));
                let Some((mut a, mut b)) = self.told(path, both) else { return };
                self.names.types(&mut a, &mut b);
                if a != b {
                    let (before, after) = aspects::type_names(&a, &b);
                    self.out.differ(path, Change::Aspect { aspect: "dtype", before, after });
                }
            }
            Kind::Unknown => self.untold(path, "it is an object of an unknown kind"),
        }
    }

    /// What every object has.
    fn object(&mut self, a: &Object, b: &Object, path: &H5Path) {
        let orders = |o: &Object| -> Result<String, H5Error> {
            Ok(match o.info()?.kind {
                Kind::Group => {
                    let orders = o.group_orders()?;
                    format!("links {}, attributes {}", order_word(orders.links), order_word(orders.attrs))
                }
                _ => format!("attributes {}", order_word(o.attr_order()?)),
            })
        };
        let comment = |o: &Object| o.comment().map(|c| if c.is_empty() { "none".into() } else { format!("{:?}", bytes_text(&c)) });
        for (aspect, before, after) in [("comment", comment(a), comment(b)), ("track_order", orders(a), orders(b))] {
            let both = before.and_then(|before| Ok((before, after?)));
            if let Some((before, after)) = self.told(path, both).filter(|(before, after)| before != after) {
                self.out.differ(path, Change::Aspect { aspect, before, after });
            }
        }
        self.attrs(a, b, path);
    }

    fn attrs(&mut self, a: &Object, b: &Object, path: &H5Path) {
        let all = a.attr_names(false).and_then(|a| Ok((a, b.attr_names(false)?)));
        let Some((ours, theirs)) = self.told(path, all) else { return };
        let names: BTreeSet<Vec<u8>> = ours.into_iter().chain(theirs).collect();
        for name in names {
            if self.options.ignored_attrs.iter().any(|mask| mask.matches(path, &name)) {
                continue;
            }
            let read = a.attr(&name, self.budgets.0).and_then(|a| Ok((a, b.attr(&name, self.budgets.1)?)));
            let Some((mut before, mut after)) = self.told(path, read) else { continue };
            match same_attr(self.names, &mut before, &mut after, self.options) {
                Ok(true) => {}
                Ok(false) => self.out.differ(path, Change::Attr { name, before, after }),
                Err(why) => self.untold(path, format!("attribute {} cannot be compared: {why}", bytes_text(&name))),
            }
        }
    }

    fn dataset(&mut self, mut a: SeenDataset, mut b: SeenDataset, path: &H5Path) {
        self.names.types(&mut a.dtype, &mut b.dtype);
        for change in aspects::compare(&a, &b, self.names) {
            self.out.differ(path, change);
        }
        // Elements in other files are these files' business.
        let here = |seen: &SeenDataset| !matches!(seen.layout, Layout::External(_) | Layout::Virtual(_));
        if a.dtype.resolved() == b.dtype.resolved() && here(&a) && here(&b) {
            let count = a.shape.elements().unwrap_or(0).min(b.shape.elements().unwrap_or(0));
            self.datasets.push(Both { path: path.clone(), bytes: count.saturating_mul(b.dtype.size() as u64) });
        }
    }

    fn members(&mut self, a: &Object, b: &Object, path: &H5Path, depth: usize) {
        if depth >= MOST_DEPTH {
            return self.untold(path, format!("groups are nested deeper than {MOST_DEPTH} levels"));
        }
        let all = a.link_names().and_then(|a| Ok((a, b.link_names()?)));
        let Some((ours, theirs)) = self.told(path, all) else { return };
        let names: BTreeSet<Vec<u8>> = ours.into_iter().chain(theirs).collect();
        for name in names {
            let child = path.child(&name);
            if self.options.wanted(&child) == Wanted::No {
                continue;
            }
            let links = a.link(&name).and_then(|a| Ok((a, b.link(&name)?)));
            let Some(links) = self.told(&child, links) else { continue };
            match links {
                (Some(Link::Hard(_)), Some(Link::Hard(_))) => {
                    let both = a.open(&name).and_then(|a| Ok((a, b.open(&name)?)));
                    if let Some((a, b)) = self.told(&child, both) {
                        self.pair(a, b, &child, depth + 1);
                    }
                }
                (Some(Link::Hard(_)), None) => self.single.push((Side::First, child)),
                (None, Some(Link::Hard(_))) => self.single.push((Side::Second, child)),
                (before, after) if self.options.wanted(&child) == Wanted::Yes => {
                    let before = before.and_then(|link| self.listed_link(Side::First, a, &name, link, &child));
                    let after = after.and_then(|link| self.listed_link(Side::Second, b, &name, link, &child));
                    self.links(&child, before, after);
                }
                _ => {}
            }
        }
    }

    /// What a link leads to, where it is a hard one.
    fn listed_link(&mut self, side: Side, group: &Object, name: &[u8], link: Link, path: &H5Path) -> Option<ListedKind> {
        match link {
            Link::Hard(_) => group.open(name).map(|object| self.listed(side, &object)).map_err(|e| self.untold(path, e)).ok(),
            Link::Soft(target) => Some(ListedKind::Soft(target)),
            Link::External { file, path } => Some(ListedKind::External { file, path }),
            Link::UserDefined { class, .. } => Some(ListedKind::UserDefined(class)),
        }
    }

    /// Links of which one at least is not a hard one.
    fn links(&mut self, path: &H5Path, before: Option<ListedKind>, after: Option<ListedKind>) {
        self.out.considered += 1;
        let change = match (before, after) {
            (Some(ListedKind::UserDefined(a)), Some(ListedKind::UserDefined(b))) if a == b => {
                return self.untold(path, format!("it is a user-defined link of class {a}, which only its program understands"));
            }
            (Some(ListedKind::Soft(a)), Some(ListedKind::Soft(b))) if a == b => return,
            (Some(ListedKind::External { file, path }), Some(ListedKind::External { file: f, path: p })) if file == f && path == p => {
                return;
            }
            (Some(before), Some(after)) => Change::Other { before, after },
            (Some(before), None) => Change::OnlyBefore(before),
            (None, Some(after)) => Change::OnlyAfter(after),
            (None, None) => return,
        };
        self.out.differ(path, change);
    }

    fn only_one(&mut self, side: Side, path: &H5Path, what: ListedKind) {
        let change = if side == Side::First { Change::OnlyBefore(what) } else { Change::OnlyAfter(what) };
        self.out.differ(path, change);
    }

    /// An object that only one file has, and all that is below it.
    fn only(&mut self, side: Side, object: &Object, path: &H5Path, depth: usize) {
        let Some(info) = self.told(path, object.info()) else { return };
        let wanted = self.options.wanted(path) == Wanted::Yes;
        self.out.considered += usize::from(wanted);
        let first = if side == Side::First { &mut self.first.0 } else { &mut self.first.1 };
        let known = first.entry(info.id).or_insert_with(|| path.clone()).clone();
        if known != *path {
            if wanted {
                self.only_one(side, path, ListedKind::SameAs(known));
            }
            return;
        }
        if wanted {
            let what = self.listed(side, object);
            self.only_one(side, path, what);
        }
        if info.kind != Kind::Group {
            return;
        }
        if depth >= MOST_DEPTH {
            return self.untold(path, format!("groups are nested deeper than {MOST_DEPTH} levels"));
        }
        for name in self.told(path, object.link_names()).unwrap_or_default() {
            let child = path.child(&name);
            let link = if self.options.wanted(&child) == Wanted::No { Ok(None) } else { object.link(&name) };
            match self.told(&child, link).flatten() {
                None => {}
                Some(Link::Hard(_)) => {
                    if let Some(member) = self.told(&child, object.open(&name)) {
                        self.only(side, &member, &child, depth + 1);
                    }
                }
                Some(_) if self.options.wanted(&child) != Wanted::Yes => {}
                Some(link) => {
                    self.out.considered += 1;
                    if let Some(what) = self.listed_link(side, object, &name, link, &child) {
                        self.only_one(side, &child, what);
                    }
                }
            }
        }
    }

    /// An object by its first name, if this is another.
    fn named(&self, side: Side, object: &Object, path: &H5Path, first: H5Path) -> ListedKind {
        if first == *path { self.listed(side, object) } else { ListedKind::SameAs(first) }
    }

    fn listed(&self, side: Side, object: &Object) -> ListedKind {
        let kind = || -> Result<ListedKind, H5Error> {
            Ok(match object.info()?.kind {
                Kind::Group => ListedKind::Group,
                Kind::Type => ListedKind::Type,
                Kind::Unknown => ListedKind::Unreadable("an object of an unknown kind".into()),
                Kind::Dataset => {
                    let mut d = object.dataset()?;
                    self.names.dtype(side == Side::First, &mut d.dtype);
                    ListedKind::Dataset { dtype: d.dtype, shape: d.shape, maxshape: d.maxshape, layout: d.layout }
                }
            })
        };
        kind().unwrap_or_else(|e| ListedKind::Unreadable(e.cause))
    }
}

fn order_word(order: TrackOrder) -> &'static str {
    match order {
        TrackOrder::No => "false",
        TrackOrder::Tracked => "tracked",
        TrackOrder::Indexed => "true",
    }
}

/// Is it the same attribute? Names what both refer to. Fails with a clause where that cannot be told.
fn same_attr(names: &Names<'_>, before: &mut Option<AttrSeen>, after: &mut Option<AttrSeen>, options: &Options) -> Result<bool, String> {
    match (before, after) {
        (None, None) => Ok(true),
        (Some(one), None) => {
            names.attr(true, one);
            Ok(false)
        }
        (None, Some(one)) => {
            names.attr(false, one);
            Ok(false)
        }
        (Some(before), Some(after)) => {
            names.attrs(before, after)?;
            match (&*before, &*after) {
                (AttrSeen::Value(a), AttrSeen::Value(b)) => Ok(a.max == b.max && a.same_within(b, options.tolerance)),
                (AttrSeen::Opaque { dtype: a, shape: s, why }, AttrSeen::Opaque { dtype: b, shape: t, .. }) if (a, s) == (b, t) => {
                    Err(why.clone())
                }
                (AttrSeen::Value(_) | AttrSeen::Opaque { .. }, _) => Ok(false),
            }
        }
    }
}
