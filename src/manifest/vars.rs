//! Variables: `${name}` in strings and keys.

use std::cell::Cell;
use std::collections::{BTreeMap, BTreeSet};

use super::tree::{Entry, Node, Table, Val};
use crate::diag::{Finding, Findings, Span, did_you_mean};

/// Longest text after substitution.
const MOST_TEXT_BYTES: usize = super::MAX_MANIFEST_BYTES as usize;
/// Most values in one variable after substitution.
const MOST_NODES: usize = 1_000_000;
/// Most values that substitution and repetition make together; long texts count as several.
const MOST_MADE: usize = 10_000_000;
/// Bytes of a text that count as one value.
const TEXT_UNIT: usize = 64;

/// What substitution may still make: variables in lists, used in repeated entries, grow by multiplication.
#[derive(Debug)]
pub(crate) struct Allowance {
    /// Values; `None` when more was asked for.
    left: Cell<Option<usize>>,
}

impl Allowance {
    pub fn new() -> Self {
        Self { left: Cell::new(Some(MOST_MADE)) }
    }

    /// Fails where more is made than any manifest needs; nothing more is made then.
    pub fn spend(&self, values: usize, span: Span) -> Result<(), Finding> {
        self.left.set(self.left.get().and_then(|left| left.checked_sub(values)));
        match self.is_spent() {
            false => Ok(()),
            true => Err(Finding::error("too-many", format!("variables and repetition make more than {MOST_MADE} values")).at(span, "")),
        }
    }

    /// What is left; `None` when more was asked for.
    pub fn left(&self) -> Option<usize> {
        self.left.get()
    }

    /// Was more asked for than there is?
    pub fn is_spent(&self) -> bool {
        self.left.get().is_none()
    }
}

/// Values by name; inner scopes (repetition) win over outer ones.
pub(crate) struct Scope<'a> {
    pub vars: &'a BTreeMap<String, Node>,
    pub bound: &'a [(String, Val)],
    pub allowance: &'a Allowance,
}

impl Scope<'_> {
    fn get(&self, name: &str) -> Option<&Val> {
        let inner = self.bound.iter().rev().find(|(n, _)| n == name).map(|(_, v)| v);
        inner.or_else(|| self.vars.get(name).map(|n| &n.val))
    }

    fn unknown(&self, name: &str, span: Span) -> Finding {
        let names = || self.vars.keys().map(String::as_str).chain(self.bound.iter().map(|(n, _)| n.as_str()));
        let help = did_you_mean(name, names()).unwrap_or_else(|| "declare it under [vars]; a dollar sign itself is written `$$`".into());
        Finding::error("unknown-variable", format!("the variable `{name}` is not defined")).at(span, "").help(help)
    }

    /// A text with its variables replaced; a text that is one variable and nothing else takes its type.
    fn value(&self, text: &str, span: Span) -> Result<Val, Finding> {
        if let Some(name) = text.strip_prefix("${").and_then(|t| t.strip_suffix('}'))
            && !name.contains(['$', '{', '}', ':'])
        {
            let value = self.get(name).ok_or_else(|| self.unknown(name, span))?;
            self.allowance.spend(size(value), span)?;
            return Ok(value.clone());
        }
        self.text(text, span).map(Val::Text)
    }

    /// A text with its variables replaced.
    pub fn text(&self, text: &str, span: Span) -> Result<String, Finding> {
        if !text.contains('$') {
            self.allowance.spend(text.len() / TEXT_UNIT, span)?;
            return Ok(text.to_owned());
        }
        let long = || Finding::error("variable", format!("the text grows beyond {MOST_TEXT_BYTES} bytes with its variables")).at(span, "");
        let mut out = String::with_capacity(text.len());
        let mut rest = text;
        while let Some(at) = rest.find('$') {
            out.push_str(&rest[..at]);
            rest = &rest[at + 1..];
            if let Some(after) = rest.strip_prefix('$') {
                out.push('$');
                rest = after;
            } else if let Some(body) = rest.strip_prefix('{') {
                let end = body.find('}').ok_or_else(|| {
                    Finding::error("variable", "`${` without its `}`").at(span, "").help("a dollar sign itself is written `$$`")
                })?;
                out.push_str(&self.render(&body[..end], span)?);
                if out.len() > MOST_TEXT_BYTES {
                    return Err(long());
                }
                rest = &body[end + 1..];
            } else {
                out.push('$');
            }
        }
        out.push_str(rest);
        if out.len() > MOST_TEXT_BYTES {
            return Err(long());
        }
        self.allowance.spend(out.len() / TEXT_UNIT, span)?;
        Ok(out)
    }

    /// `name` or `name:03`.
    fn render(&self, body: &str, span: Span) -> Result<String, Finding> {
        let (name, format) = body.split_once(':').map_or((body, None), |(n, f)| (n, Some(f)));
        let value = self.get(name).ok_or_else(|| self.unknown(name, span))?;
        let Some(format) = format else {
            return match value {
                Val::Text(s) | Val::Datetime(s) => Ok(s.clone()),
                Val::Int(v) => Ok(v.to_string()),
                Val::Float(v) => Ok(crate::model::Literal::Float(*v).to_string()),
                Val::Bool(v) => Ok(v.to_string()),
                Val::List(_) | Val::Table(_) => {
                    Err(Finding::error("variable", format!("the variable `{name}` is a list or table and cannot stand inside a text"))
                        .at(span, ""))
                }
            };
        };
        let bad = || Finding::error("variable", format!("`{format}` is not a format: write a width such as `03`")).at(span, "");
        let width: usize = format.parse().map_err(|_| bad())?;
        match value {
            Val::Int(v) if width <= 64 && format.starts_with('0') => Ok(format!("{v:0width$}")),
            Val::Int(v) if width <= 64 => Ok(format!("{v:width$}")),
            Val::Int(_) => Err(bad()),
            Val::Text(_) | Val::Datetime(_) | Val::Float(_) | Val::Bool(_) | Val::List(_) | Val::Table(_) => {
                Err(Finding::error("variable", format!("a width pads integers; `{name}` is none")).at(span, ""))
            }
        }
    }

    /// A whole value with its variables replaced, keys included.
    pub fn node(&self, node: &Node, findings: &mut Findings) -> Option<Node> {
        // That was told once.
        if self.allowance.is_spent() {
            return None;
        }
        findings.keep(self.allowance.spend(1, node.span))?;
        let val = match &node.val {
            Val::Text(text) => findings.keep(self.value(text, node.span))?,
            Val::List(items) => Val::List(items.iter().filter_map(|n| self.node(n, findings)).collect()),
            Val::Table(table) => Val::Table(self.table(table, findings)),
            Val::Bool(_) | Val::Int(_) | Val::Float(_) | Val::Datetime(_) => node.val.clone(),
        };
        Some(Node { span: node.span, val })
    }

    /// A table with its variables replaced; two keys that become the same are an error.
    pub fn table(&self, table: &Table, findings: &mut Findings) -> Table {
        let mut out = Table { entries: Vec::with_capacity(table.entries.len()) };
        for entry in table.entries.iter().take_while(|_| !self.allowance.is_spent()) {
            let Some(key) = findings.keep(self.text(&entry.key, entry.key_span)) else { continue };
            if key != entry.key
                && let Some(first) = out.get(&key)
            {
                findings.push(
                    Finding::error("duplicate-key", format!("the key `{key}` stands here twice"))
                        .at(entry.key_span, "")
                        .at(first.key_span, "first here"),
                );
                continue;
            }
            if let Some(node) = self.node(&entry.node, findings) {
                out.entries.push(Entry { key, key_span: entry.key_span, node });
            }
        }
        out
    }
}

/// Replaces variables inside the values of variables, so that later substitution is one pass.
pub(crate) fn settle(mut vars: BTreeMap<String, Node>, allowance: &Allowance, findings: &mut Findings) -> BTreeMap<String, Node> {
    let mut settled: BTreeMap<String, Node> = BTreeMap::new();
    // Variables that wait for others, with how many; and those that wait for each.
    let mut waits: BTreeMap<String, usize> = BTreeMap::new();
    let mut waiting: BTreeMap<String, Vec<String>> = BTreeMap::new();
    let mut ready: Vec<String> = Vec::new();
    for (name, node) in &vars {
        let mut used = BTreeSet::new();
        mentions(node, &mut used);
        used.retain(|other| vars.contains_key(other));
        if used.is_empty() {
            ready.push(name.clone());
        }
        waits.insert(name.clone(), used.len());
        used.into_iter().for_each(|other| waiting.entry(other).or_default().push(name.clone()));
    }
    while let Some(name) = ready.pop() {
        for next in waiting.remove(&name).unwrap_or_default() {
            if let Some(left) = waits.get_mut(&next) {
                *left -= 1;
                if *left == 0 {
                    ready.push(next);
                }
            }
        }
        let Some(node) = vars.remove(&name) else { continue };
        // Lists of lists of variables grow by multiplication.
        if grown(&node, &settled) > MOST_NODES {
            findings.push(Finding::error("variable", format!("the variable `{name}` has more than {MOST_NODES} values")).at(node.span, ""));
            continue;
        }
        if let Some(node) = (Scope { vars: &settled, bound: &[], allowance }).node(&node, findings) {
            settled.insert(name, node);
        }
    }
    for (name, node) in &vars {
        findings.push(
            Finding::error("variable-cycle", format!("the variable `{name}` refers to itself, directly or through others"))
                .at(node.span, ""),
        );
    }
    settled
}

/// Values in a value, itself included; long texts count as several.
fn size(value: &Val) -> usize {
    let sum = |n: usize, more: usize| n.saturating_add(more);
    match value {
        Val::List(items) => items.iter().map(|n| size(&n.val)).fold(1, sum),
        Val::Table(table) => table.entries.iter().map(|e| size(&e.node.val)).fold(1, sum),
        Val::Text(text) | Val::Datetime(text) => 1 + text.len() / TEXT_UNIT,
        Val::Bool(_) | Val::Int(_) | Val::Float(_) => 1,
    }
}

/// Values a variable will have when its own variables are replaced.
fn grown(node: &Node, settled: &BTreeMap<String, Node>) -> usize {
    let sum = |n: usize, more: usize| n.saturating_add(more);
    match &node.val {
        Val::List(items) => items.iter().map(|n| grown(n, settled)).fold(1, sum),
        Val::Table(table) => table.entries.iter().map(|e| grown(&e.node, settled)).fold(1, sum),
        Val::Text(text) => {
            let name = text.strip_prefix("${").and_then(|t| t.strip_suffix('}'));
            name.and_then(|n| settled.get(n)).map_or(1, |n| grown(n, &BTreeMap::new()))
        }
        Val::Bool(_) | Val::Int(_) | Val::Float(_) | Val::Datetime(_) => 1,
    }
}

/// Names of the variables that a value uses.
fn mentions(node: &Node, out: &mut BTreeSet<String>) {
    match &node.val {
        Val::Text(text) => {
            let plain = text.replace("$$", "");
            for (at, _) in plain.match_indices("${") {
                let name = &plain[at + 2..];
                let end = name.find(['}', ':']).unwrap_or(0);
                out.insert(name[..end].to_owned());
            }
        }
        Val::List(items) => items.iter().for_each(|n| mentions(n, out)),
        Val::Table(table) => table.entries.iter().for_each(|e| mentions(&e.node, out)),
        Val::Bool(_) | Val::Int(_) | Val::Float(_) | Val::Datetime(_) => {}
    }
}
