//! The entries of all manifests, repeated, normalised and merged.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::expand::repeat;
use super::include::Document;
use super::table::expected;
use super::tree::{Entry, Node, Table, Val};
use super::vars::Scope;
use crate::diag::{Finding, Findings, Span};
use crate::model::{H5Path, text_bytes};

/// Which section an entry stands in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Section {
    Group,
    Dataset,
    Type,
    Link,
}

impl Section {
    fn word(self) -> &'static str {
        match self {
            Section::Group => "group",
            Section::Dataset => "dataset",
            Section::Type => "type",
            Section::Link => "link",
        }
    }
}

/// One declared object before its keys are read.
pub(crate) struct Object {
    pub section: Section,
    /// Place of the entry's key.
    pub span: Span,
    /// Rank of its first place in the text, over all sections.
    pub position: u32,
    /// Its keys; entries that are repeated without any variable in them share them.
    pub table: Arc<Table>,
    /// Its first place: document, byte, repetition.
    place: (usize, u32, usize),
    /// Which document wrote it last, to tell a second entry in one manifest from an override.
    document: usize,
    /// Was it written as the top-level `[attrs]` only?
    implicit: bool,
}

/// One element of an array of tables, variables replaced.
pub(crate) struct Item {
    pub table: Table,
    pub span: Span,
}

/// What the documents declare, merged.
#[derive(Default)]
pub(crate) struct Entries {
    pub objects: BTreeMap<H5Path, Object>,
    pub patches: Vec<Item>,
    pub removals: Vec<Item>,
    pub each: Vec<Item>,
    pub moves: Vec<Item>,
}

/// Collects the entries of all documents, lowest first.
pub(crate) fn collect(documents: &[Document], scope: &Scope<'_>, findings: &mut Findings) -> Entries {
    let mut out = Entries::default();
    let mut budget = super::MAX_OBJECTS;
    for (number, document) in documents.iter().enumerate() {
        let mut collector = Collector { out: &mut out, scope, findings, budget: &mut budget, document: number };
        for entry in &document.table.entries {
            collector.section(entry);
        }
    }
    let mut places: Vec<&mut Object> = out.objects.values_mut().collect();
    places.sort_by_key(|object| object.place);
    places.into_iter().zip(0..).for_each(|(object, position)| object.position = position);
    out
}

struct Collector<'a, 'b> {
    out: &'a mut Entries,
    scope: &'a Scope<'b>,
    findings: &'a mut Findings,
    budget: &'a mut usize,
    document: usize,
}

impl Collector<'_, '_> {
    fn section(&mut self, entry: &Entry) {
        match entry.key.as_str() {
            "attrs" => {
                let Some(node) = self.scope.node(&entry.node, self.findings) else { return };
                let table = Table { entries: vec![Entry { key: "attrs".into(), key_span: entry.key_span, node }] };
                self.add(Section::Group, H5Path::root(), entry.key_span, Arc::new(table), true);
            }
            "group" => self.objects(Section::Group, entry),
            "dataset" => self.objects(Section::Dataset, entry),
            "type" => self.objects(Section::Type, entry),
            "link" => self.objects(Section::Link, entry),
            "patch" => self.items(entry, |out| &mut out.patches),
            "remove" => self.items(entry, |out| &mut out.removals),
            "each" => self.items(entry, |out| &mut out.each),
            "move" => self.items(entry, |out| &mut out.moves),
            _ => {}
        }
    }

    fn objects(&mut self, section: Section, entry: &Entry) {
        let Some(table) = self.findings.keep(entry.node.table("a table of objects by path")) else { return };
        for object in &table.entries {
            let Val::Table(keys) = &object.node.val else {
                let word = section.word();
                self.findings.push(
                    expected(format!("a table of the {word}'s keys"), &object.node)
                        .help(format!("write [{word}.\"/{}\"]", object.key.trim_start_matches('/'))),
                );
                continue;
            };
            let mut made = Vec::new();
            let plain = without_for(keys);
            let mut same = Same::new(&plain);
            repeat(keys, self.scope, self.findings, self.budget, |bound, findings| {
                let inner = Scope { bound, ..*self.scope };
                let Some(key) = findings.keep(inner.text(&object.key, object.key_span)) else { return };
                let path =
                    H5Path::parse(&key).map_err(|e| Finding::error("path", format!("`{key}` is not a path: {e}")).at(object.key_span, ""));
                let Some(path) = findings.keep(path) else { return };
                made.push((path, same.table(&plain, object.key_span, &inner, findings)));
            });
            for (path, table) in made {
                self.add(section, path, object.key_span, table, false);
            }
        }
    }

    fn items(&mut self, entry: &Entry, list: fn(&mut Entries) -> &mut Vec<Item>) {
        let what = format!("[[{}]]", entry.key);
        let Some(items) = self.findings.keep(entry.node.list(&what)) else { return };
        for item in items {
            let Some(keys) = self.findings.keep(item.table(&what)) else { continue };
            let out = &mut *self.out;
            let plain = without_for(keys);
            repeat(keys, self.scope, self.findings, self.budget, |bound, findings| {
                let inner = Scope { bound, ..*self.scope };
                list(out).push(Item { table: inner.table(&plain, findings), span: item.span });
            });
        }
    }

    fn add(&mut self, section: Section, path: H5Path, span: Span, table: Arc<Table>, implicit: bool) {
        let place = (self.document, span.start, self.out.objects.len());
        let Some(seen) = self.out.objects.get_mut(&path) else {
            if path.is_root() && section != Section::Group {
                self.findings.push(Finding::error("root", format!("the root is a group, not a {}", section.word())).at(span, ""));
                return;
            }
            self.out.objects.insert(path, Object { section, span, position: 0, table, place, document: self.document, implicit });
            return;
        };
        // `[attrs]` and `[group."/"]` are two ways to write parts of one entry.
        let both_parts = seen.implicit != implicit;
        if (seen.document == self.document && !both_parts) || seen.section != section {
            let what = match seen.section == section {
                true => "two entries for one path".into(),
                false => format!("a {} and a {} at one path", seen.section.word(), section.word()),
            };
            self.findings
                .push(Finding::error("duplicate-path", format!("{what}: {path}")).at(span, "again here").at(seen.span, "first here"));
            return;
        }
        if seen.document == self.document
            && let Some(name) = shared_attr(&seen.table, &table)
        {
            self.findings.push(
                Finding::error(
                    "duplicate-attribute",
                    format!("the attribute `{name}` of / is declared twice, in [attrs] and in [group.\"/\"]"),
                )
                .at(span, "")
                .at(seen.span, ""),
            );
            return;
        }
        merge(Arc::make_mut(&mut seen.table), Arc::unwrap_or_clone(table));
        seen.document = self.document;
        seen.implicit &= implicit;
        seen.span = span;
    }
}

/// What the repetitions of an entry have in common: all of it, where no variable stands in it.
struct Same {
    plain: bool,
    /// What one repetition took of the allowance, which each of them takes: their values are made later.
    made: Option<(Arc<Table>, usize)>,
}

impl Same {
    fn new(table: &Table) -> Self {
        Self { plain: !table.has_variables(), made: None }
    }

    fn table(&mut self, table: &Table, span: Span, scope: &Scope<'_>, findings: &mut Findings) -> Arc<Table> {
        if let Some((made, values)) = &self.made {
            findings.keep(scope.allowance.spend(*values, span));
            return Arc::clone(made);
        }
        let before = scope.allowance.left();
        let made = Arc::new(scope.table(table, findings));
        if let (true, Some(before), Some(left)) = (self.plain, before, scope.allowance.left()) {
            self.made = Some((Arc::clone(&made), before - left));
        }
        made
    }
}

fn without_for(table: &Table) -> Table {
    Table { entries: table.entries.iter().filter(|e| e.key != "for").cloned().collect() }
}

fn attrs_of(table: &Table) -> Option<&Table> {
    match &table.get("attrs")?.node.val {
        Val::Table(attrs) => Some(attrs),
        _ => None,
    }
}

fn shared_attr(a: &Table, b: &Table) -> Option<String> {
    let (a, b) = (attrs_of(a)?, attrs_of(b)?);
    b.entries.iter().find(|e| a.get(&e.key).is_some()).map(|e| e.key.clone())
}

/// The higher table's keys replace the lower one's whole; attributes and dimensions merge by name.
fn merge(low: &mut Table, high: Table) {
    for entry in high.entries {
        let by_name = entry.key == "attrs" || entry.key == "dims";
        match low.entries.iter_mut().find(|e| e.key == entry.key) {
            Some(Entry { node: Node { val: Val::Table(low), .. }, .. }) if by_name && matches!(entry.node.val, Val::Table(_)) => {
                let Val::Table(high) = entry.node.val else { continue };
                for one in high.entries {
                    match low.entries.iter_mut().find(|e| text_bytes(&e.key) == text_bytes(&one.key)) {
                        Some(old) => *old = one,
                        None => low.entries.push(one),
                    }
                }
            }
            Some(old) => *old = entry,
            None => low.entries.push(entry),
        }
    }
}
