//! The way through the file, objects in the order they were made where that is kept, else by name.

use std::cell::Cell;
use std::collections::BTreeMap;

use super::attr::attr;
use super::contents::{Contents, contents};
use super::dataset::storage;
use super::dtype::dtype;
use super::file::orders_toml;
use super::sidecar::{Kind, Names, Sidecar};
use super::text::{Toml, quoted};
use super::{Captured, Data, Options};
use crate::diag::{Finding, Findings};
use crate::h5::{self, DatasetAccess, File, H5Error, Link, Object, Stored};
use crate::model::{Charset, H5Path, Layout, ObjectId, Orders, SeenDataset, TrackOrder, Wanted, bytes_text};
use crate::observe::{MOST_DEPTH, Naming};

/// Datasets beyond this size that are not wholly stored are copied chunk by chunk.
const LARGE_BYTES: u64 = 4096;

/// Captures the root and everything below it. `budget`: bytes of the file.
pub fn walk(file: &File, root: Object, orders: Orders, header: String, budget: u64, options: &Options) -> Result<Captured, Findings> {
    let file_orders = (orders != Orders::both(TrackOrder::No)).then_some(orders);
    let mut walk = Walk {
        options,
        budget,
        file_orders,
        naming: Naming::new(file, &BTreeMap::new()),
        first: BTreeMap::new(),
        names: Names::default(),
        captured: Captured { text: header, sidecars: Vec::new(), userblock: None, left_out: Vec::new() },
        findings: Findings::new(),
        matched: Cell::new(options.targets.is_empty()),
    };
    let again = match root.again() {
        Ok(again) => again,
        Err(e) => return Err(Findings::from(Finding::error("unreadable", e.to_string()))),
    };
    walk.find_names(&again, &H5Path::root(), orders, 0);
    walk.naming = Naming::new(file, &walk.first);
    walk.root(root, orders);
    if !walk.matched.get() {
        let nothing = Finding::error("capture", "nothing in the file is named as --target says, or all of it is excluded");
        walk.findings.push(nothing.help("`h5mason show FILE` lists what is there"));
    }
    if walk.findings.is_empty() { Ok(walk.captured) } else { Err(walk.findings) }
}

struct Walk<'a> {
    options: &'a Options,
    budget: u64,
    /// The `track_order` of `[file]`: what objects get that say nothing.
    file_orders: Option<Orders>,
    /// Paths of objects, for what refers to them.
    naming: Naming<'a>,
    /// The path by which each object is described.
    first: BTreeMap<ObjectId, H5Path>,
    names: Names,
    captured: Captured,
    findings: Findings,
    /// Is anything wanted?
    matched: Cell<bool>,
}

impl Walk<'_> {
    fn problem(&mut self, path: &H5Path, what: impl std::fmt::Display) {
        self.findings.push(Finding::error("capture", format!("{path}: {what}")));
    }

    fn wanted(&self, path: &H5Path) -> Wanted {
        let wanted = Wanted::of(path, &self.options.targets, &self.options.excludes);
        if wanted == Wanted::Yes {
            self.matched.set(true);
        }
        wanted
    }

    /// Finds the first path of every object, in the order in which they will be described. What cannot be read is reported then.
    fn find_names(&mut self, group: &Object, path: &H5Path, orders: Orders, depth: usize) {
        let Ok(info) = group.info() else { return };
        self.first.entry(info.id).or_insert_with(|| path.clone());
        for name in self.links_of(group, orders).unwrap_or_default() {
            let child = path.child(&name);
            if self.wanted(&child) == Wanted::No || !matches!(group.link(&name), Ok(Some(Link::Hard(_)))) {
                continue;
            }
            let Ok(object) = group.open(&name) else { continue };
            let Ok(info) = object.info() else { continue };
            if self.first.contains_key(&info.id) {
                continue;
            }
            match info.kind {
                h5::Kind::Group if depth < MOST_DEPTH => {
                    if let Ok(orders) = object.group_orders() {
                        self.find_names(&object, &child, orders, depth + 1);
                    }
                }
                h5::Kind::Group => {}
                h5::Kind::Dataset | h5::Kind::Type | h5::Kind::Unknown => {
                    if self.wanted(&child) == Wanted::Yes {
                        self.first.insert(info.id, child);
                    }
                }
            }
        }
    }

    /// Names of a group's links, in the order they were made where that is kept, else by name.
    fn links_of(&self, group: &Object, orders: Orders) -> Result<Vec<Vec<u8>>, H5Error> {
        if orders.links == TrackOrder::No { group.link_names() } else { group.link_names_as_made() }
    }

    fn root(&mut self, root: Object, orders: Orders) {
        let path = H5Path::root();
        if self.wanted(&path) == Wanted::Yes {
            let own = self.comment(&root, &path);
            self.section("[group.\"/\"]", &own);
            let attrs = self.attrs(&root, &path, orders.attrs);
            self.section("[attrs]", &attrs);
        }
        self.members(&root, &path, orders, 0);
    }

    /// The line of an object's comment, if it has one.
    fn comment(&mut self, object: &Object, path: &H5Path) -> String {
        match object.comment() {
            Ok(comment) if comment.is_empty() => String::new(),
            Ok(comment) => Toml::Text(bytes_text(&comment)).line("comment"),
            Err(e) => {
                self.problem(path, e);
                String::new()
            }
        }
    }

    /// A table with its keys, if it has any.
    fn section(&mut self, title: &str, lines: &str) {
        if !lines.is_empty() {
            self.captured.text += &format!("\n{title}\n{lines}");
        }
    }

    /// Everything in a group. True if anything was described.
    fn members(&mut self, group: &Object, path: &H5Path, orders: Orders, depth: usize) -> bool {
        if depth >= MOST_DEPTH {
            self.problem(path, format!("groups are nested deeper than {MOST_DEPTH} levels"));
            return false;
        }
        let names = match self.links_of(group, orders) {
            Ok(names) => names,
            Err(e) => {
                self.problem(path, e);
                return false;
            }
        };
        let mut any = false;
        for name in names {
            let child = path.child(&name);
            if name == b".." {
                self.problem(&child, "a path cannot hold this name");
                continue;
            }
            if self.wanted(&child) != Wanted::No {
                any |= self.member(group, &name, &child, orders, depth);
            }
        }
        any
    }

    fn member(&mut self, group: &Object, name: &[u8], path: &H5Path, orders: Orders, depth: usize) -> bool {
        let (link, charset) = match group.link_and_charset(name) {
            Ok(Some(link)) => link,
            Ok(None) => return false,
            Err(e) => {
                self.problem(path, e);
                return false;
            }
        };
        let charset = charset_line(name, charset);
        match link {
            Link::Hard(_) => match group.open(name) {
                Ok(object) => self.object(object, path, &charset, orders, depth),
                Err(e) => {
                    self.problem(path, e);
                    false
                }
            },
            other => {
                if self.wanted(path) == Wanted::Yes {
                    self.link(path, &other, &charset);
                }
                true
            }
        }
    }

    /// A link that is not an object's first name.
    fn link(&mut self, path: &H5Path, link: &Link, charset: &str) {
        let text = |bytes: &[u8]| Toml::Text(bytes_text(bytes));
        let line = match link {
            Link::Hard(_) => return,
            Link::Soft(target) => text(target).line("soft"),
            Link::External { file, path } => Toml::Table(vec![("file".into(), text(file)), ("path".into(), text(path))]).line("external"),
            Link::UserDefined { class, data } => {
                let mut fields = vec![("class".to_owned(), Toml::bare(class))];
                if !data.is_empty() {
                    let hex: String = data.iter().map(|b| format!("{b:02x}")).collect();
                    fields.push(("data".into(), Toml::Text(hex)));
                }
                Toml::Table(fields).line("user")
            }
        };
        self.section(&format!("[link.{}]", quoted(&path.to_string())), &(line + charset));
    }

    /// Another name of an object.
    fn again(&mut self, path: &H5Path, first: &H5Path, charset: &str) {
        let line = Toml::Text(first.to_string()).line("hard");
        self.section(&format!("[link.{}]", quoted(&path.to_string())), &(line + charset));
    }

    fn object(&mut self, object: Object, path: &H5Path, charset: &str, parent: Orders, depth: usize) -> bool {
        let info = match object.info() {
            Ok(info) => info,
            Err(e) => {
                self.problem(path, e);
                return false;
            }
        };
        match self.first.get(&info.id).cloned() {
            Some(first) if first != *path => {
                if self.wanted(path) == Wanted::Yes {
                    self.again(path, &first, charset);
                }
                return true;
            }
            _ => {}
        }
        match (info.kind, self.wanted(path)) {
            (h5::Kind::Group, _) => self.group(&object, path, charset, parent, depth),
            (_, Wanted::Through | Wanted::No) => false,
            (h5::Kind::Dataset, Wanted::Yes) => {
                self.dataset(object, path, charset, parent);
                true
            }
            (h5::Kind::Type, Wanted::Yes) => {
                self.committed(&object, path, charset, parent);
                true
            }
            (h5::Kind::Unknown, Wanted::Yes) => {
                self.problem(path, "it is an object of an unknown kind");
                true
            }
        }
    }

    /// Creation orders that a new object gets when its entry says nothing.
    fn inherited(&self, parent: Orders) -> Orders {
        self.file_orders.unwrap_or(parent)
    }

    /// A line for the creation order of attributes, where it is not the one that is taken over.
    fn attr_order(&self, order: TrackOrder, parent: Orders) -> String {
        match order == self.inherited(parent).attrs {
            true => String::new(),
            false => orders_toml(Orders::both(order)).line("track_order"),
        }
    }

    fn committed(&mut self, object: &Object, path: &H5Path, charset: &str, parent: Orders) {
        let both = object.committed_type().and_then(|dtype| Ok((dtype, object.attr_order()?)));
        let (named, order) = match both {
            Ok(both) => both,
            Err(e) => return self.problem(path, e),
        };
        let mut lines = match dtype(&named) {
            Ok(form) => form.line("dtype"),
            Err(e) => return self.problem(path, e),
        };
        lines += &self.attr_order(order, parent);
        lines += &self.comment(object, path);
        lines += charset;
        let attrs = self.attrs(object, path, order);
        let title = |key: &str| format!("[type.{}{key}]", quoted(&path.to_string()));
        self.section(&title(""), &lines);
        self.section(&title(".attrs"), &attrs);
    }

    fn group(&mut self, group: &Object, path: &H5Path, charset: &str, parent: Orders, depth: usize) -> bool {
        let orders = match group.group_orders() {
            Ok(orders) => orders,
            Err(e) => {
                self.problem(path, e);
                return false;
            }
        };
        let described = self.wanted(path) == Wanted::Yes;
        let before = self.captured.text.len();
        let attrs = if described { self.attrs(group, path, orders.attrs) } else { String::new() };
        let mut own = String::new();
        if orders != self.inherited(parent) {
            own += &orders_toml(orders).line("track_order");
        }
        if described {
            own += &self.comment(group, path);
            own += charset;
        }
        let title = |key: &str| format!("[group.{}{key}]", quoted(&path.to_string()));
        self.section(&title(""), &own);
        self.section(&title(".attrs"), &attrs);
        let said = self.captured.text.len() > before;
        let any = self.members(group, path, orders, depth + 1);
        match (any, said) {
            // Nobody below it would make it.
            (false, false) if described => self.captured.text += &format!("\n{}\n", title("")),
            // Only what is wanted below it needs its creation orders.
            (false, true) if !described => self.captured.text.truncate(before),
            _ => {}
        }
        any || described
    }

    fn dataset(&mut self, object: Object, path: &H5Path, charset: &str, parent: Orders) {
        let seen = match object.dataset() {
            Ok(mut seen) => {
                self.naming.name_type(&mut seen.dtype);
                if let crate::model::FillValue::Value(value) = &mut seen.fill_value {
                    self.naming.name_elements(value);
                }
                seen
            }
            Err(e) => return self.problem(path, e),
        };
        let order = match object.attr_order() {
            Ok(order) => order,
            Err(e) => return self.problem(path, e),
        };
        let attrs = self.attrs(&object, path, order);
        let keys = match storage(&seen) {
            Ok(keys) => keys,
            Err(problems) => return problems.into_iter().for_each(|p| self.problem(path, p)),
        };
        let mut lines: String = keys.iter().map(|(key, value)| value.line(key)).collect();
        lines += &self.attr_order(order, parent);
        lines += &self.comment(&object, path);
        lines += charset;
        match self.fill(object, &seen, path) {
            Ok(fill) => lines += &fill.map_or(String::new(), |fill| fill.line("fill")),
            Err(problem) => self.problem(path, problem),
        }
        let title = |key: &str| format!("[dataset.{}{key}]", quoted(&path.to_string()));
        self.section(&title(""), &lines);
        self.section(&title(".attrs"), &attrs);
    }

    /// What stands behind `fill`, if anything.
    fn fill(&mut self, object: Object, seen: &SeenDataset, path: &H5Path) -> Result<Option<Toml>, String> {
        if self.options.data == Data::None {
            return Ok(None);
        }
        if matches!(seen.layout, Layout::External(_) | Layout::Virtual(_)) {
            return Ok(None);
        }
        let allocated = object.storage_bytes() > 0;
        let access = object.access().map_err(|e| e.cause)?;
        let (partly, whole) = stored(&access, seen)?;
        // What cannot be decoded, or is mostly not there, is copied as it is stored.
        let found = match (seen.lacking.as_ref(), partly) {
            (None, true) if is_large(seen) && !seen.dtype.has_outside_data() => Contents::File(Kind::Hdf5),
            (Some(_), _) if allocated && seen.dtype.has_outside_data() => {
                return Err("its contents cannot be read: a filter is not there".into());
            }
            (Some(_), _) if allocated => Contents::File(Kind::Hdf5),
            // What was rounded once is rounded to something else a second time.
            (None, _) if allocated && whole && seen.layout.filters().iter().any(|f| f.needs_copy() || f.is_lossy()) => {
                Contents::File(Kind::Hdf5)
            }
            _ => contents(&access, seen, &self.naming, allocated && whole, self.options.data)?,
        };
        match found {
            Contents::Unwritten => Ok(None),
            Contents::Said(fill) => Ok(Some(fill)),
            Contents::File(kind) => {
                let Some(folder) = &self.options.folder else {
                    self.captured.left_out.push(path.clone());
                    return Ok(None);
                };
                let name = self.names.name(path, &kind);
                let sidecar = Sidecar { path: path.clone(), name, kind, shape: seen.shape.clone(), layout: seen.layout.clone() };
                let fill = sidecar.fill(folder);
                self.captured.sidecars.push(sidecar);
                Ok(Some(fill))
            }
        }
    }

    /// A line for each attribute, in the order they were made where that is kept, else by name.
    fn attrs(&mut self, object: &Object, path: &H5Path, order: TrackOrder) -> String {
        let names = match object.attr_names(order != TrackOrder::No) {
            Ok(mut names) => {
                if order == TrackOrder::No {
                    names.sort();
                }
                names
            }
            Err(e) => {
                self.problem(path, e);
                return String::new();
            }
        };
        let mut out = String::new();
        for name in names {
            if name.is_empty() {
                self.problem(path, "an attribute without a name cannot be said");
                continue;
            }
            let shown = bytes_text(&name);
            let value = match object.attr(&name, self.budget) {
                Ok(Some(mut seen)) => {
                    self.naming.name_attr(&mut seen);
                    attr(&seen)
                }
                Ok(None) => continue,
                Err(e) => Err(e.cause),
            };
            match value {
                Ok(value) => {
                    let marked = object.attr_charset(&name).map(|charset| (charset != usual_charset(&name)).then_some(charset));
                    match marked {
                        Ok(charset) => out += &marked_form(value, charset).line(&shown),
                        Err(e) => self.problem(path, e),
                    }
                }
                Err(problem) => self.problem(path, format!("attribute {shown}: {problem}")),
            }
        }
        out
    }
}

fn usual_charset(name: &[u8]) -> Charset {
    if name.is_ascii() { Charset::Ascii } else { Charset::Utf8 }
}

fn charset_word(charset: Charset) -> Toml {
    Toml::text(if charset == Charset::Ascii { "ascii" } else { "utf8" })
}

/// A line for the character set of a link's name, where it is not the usual one.
fn charset_line(name: &[u8], charset: Charset) -> String {
    if charset == usual_charset(name) { String::new() } else { charset_word(charset).line("name_charset") }
}

/// An attribute's value with the character set of its name.
fn marked_form(value: Toml, charset: Option<Charset>) -> Toml {
    let Some(charset) = charset else { return value };
    let mark = ("name_charset".to_owned(), charset_word(charset));
    match value {
        Toml::Table(fields) => Toml::Table(fields.into_iter().chain([mark]).collect()),
        bare => Toml::Table(vec![("value".into(), bare), mark]),
    }
}

/// Are some, but not all chunks stored; and is anything stored at all?
fn stored(access: &DatasetAccess, seen: &SeenDataset) -> Result<(bool, bool), String> {
    let Layout::Chunked { chunk, .. } = &seen.layout else { return Ok((false, true)) };
    let Stored::Chunks(list) = access.stored(seen).map_err(|e| e.cause)? else { return Ok((false, true)) };
    let mut all = seen.shape.dims().iter().zip(chunk).map(|(size, chunk)| size.div_ceil(*chunk));
    let all = all.try_fold(1u64, u64::checked_mul);
    Ok((!list.is_empty() && all != Some(list.len() as u64), !list.is_empty()))
}

/// Is it so large that what was never written should stay so?
fn is_large(seen: &SeenDataset) -> bool {
    seen.shape.elements().and_then(|n| n.checked_mul(seen.dtype.size() as u64)).is_none_or(|bytes| bytes > LARGE_BYTES)
}
