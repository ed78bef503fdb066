//! Reading tables: known keys, required keys, values of one type.

use super::tree::{Entry, Node, Table, Val};
use crate::diag::{Finding, Findings, Span, did_you_mean};
use crate::model::Literal;

/// Names of the keys of one kind of table.
pub(crate) struct Keys {
    /// What the table is, for messages: `a dataset`.
    pub what: &'static str,
    /// Keys that work.
    pub known: &'static [&'static str],
    /// Keys of the language that this version does not do yet.
    pub later: &'static [&'static str],
}

/// The finding for a part of the language that is not built yet.
pub(crate) fn later(what: impl std::fmt::Display, span: Span) -> Finding {
    Finding::error("unsupported", format!("{what} is not supported yet"))
        .at(span, "")
        .note("it is part of the manifest language; a later version will do it")
}

/// The finding for a value of the wrong type.
pub(crate) fn expected(what: impl std::fmt::Display, node: &Node) -> Finding {
    Finding::error("type", format!("expected {what}, found {}", node.kind())).at(node.span, "")
}

impl Keys {
    /// The table of a node whose keys are all known; else the first finding.
    pub fn table<'a>(&self, node: &'a Node) -> Result<&'a Table, Finding> {
        let table = node.table(&format!("a table with the keys {}", self.known.join(", ")))?;
        let mut unknown = Findings::new();
        self.check(table, &mut unknown);
        unknown.into_iter().next().map_or(Ok(table), Err)
    }

    /// Reports every key that is unknown or not supported yet. True if there is none.
    pub fn check(&self, table: &Table, findings: &mut Findings) -> bool {
        let mut sound = true;
        for entry in &table.entries {
            if self.known.contains(&entry.key.as_str()) {
                continue;
            }
            sound = false;
            if self.later.contains(&entry.key.as_str()) {
                findings.push(later(format!("`{}` of {}", entry.key, self.what), entry.key_span));
            } else {
                findings.push(self.unknown(entry));
            }
        }
        sound
    }

    /// The finding for an unknown key.
    pub fn unknown(&self, entry: &Entry) -> Finding {
        let candidates = self.known.iter().chain(self.later).copied();
        let keys = || match self.known {
            [] => format!("{} takes no keys", self.what),
            known => format!("the keys of {} are {}", self.what, known.join(", ")),
        };
        let quoted = || {
            let beneath = matches!(entry.node.val, Val::Table(_)) && (self.what == "a dataset" || self.what == "a group");
            beneath.then(|| format!("the path of an object is one quoted key: \"/…/{}\"", entry.key))
        };
        let help = did_you_mean(&entry.key, candidates).or_else(quoted).unwrap_or_else(keys);
        Finding::error("unknown-key", format!("unknown key `{}` in {}", entry.key, self.what)).at(entry.key_span, "").help(help)
    }
}

/// The one key of a table that names a variant, beside keys that may accompany it.
pub(crate) fn variant<'a>(keys: &Keys, beside: &[&str], table: &'a Table, span: Span) -> Result<&'a Entry, Finding> {
    let mut found: Option<&Entry> = None;
    for entry in table.entries.iter().filter(|e| !beside.contains(&e.key.as_str())) {
        if keys.later.contains(&entry.key.as_str()) {
            return Err(later(format!("`{}` of {}", entry.key, keys.what), entry.key_span));
        }
        if !keys.known.contains(&entry.key.as_str()) {
            return Err(keys.unknown(entry));
        }
        if let Some(first) = found {
            return Err(Finding::error("two-variants", format!("{} is either `{}` or `{}`, not both", keys.what, first.key, entry.key))
                .at(entry.key_span, "")
                .at(first.key_span, "the other one"));
        }
        found = Some(entry);
    }
    found.ok_or_else(|| Finding::error("no-variant", format!("{} needs one of {}", keys.what, keys.known.join(", "))).at(span, ""))
}

impl Node {
    pub fn text(&self, what: &str) -> Result<&str, Finding> {
        match &self.val {
            Val::Text(s) => Ok(s),
            Val::Bool(_) | Val::Int(_) | Val::Float(_) | Val::Datetime(_) | Val::List(_) | Val::Table(_) => Err(expected(what, self)),
        }
    }

    pub fn bool(&self, what: &str) -> Result<bool, Finding> {
        match self.val {
            Val::Bool(v) => Ok(v),
            Val::Int(_) | Val::Float(_) | Val::Text(_) | Val::Datetime(_) | Val::List(_) | Val::Table(_) => Err(expected(what, self)),
        }
    }

    pub fn int(&self, what: &str) -> Result<i128, Finding> {
        match self.val {
            Val::Int(v) => Ok(v),
            Val::Bool(_) | Val::Float(_) | Val::Text(_) | Val::Datetime(_) | Val::List(_) | Val::Table(_) => Err(expected(what, self)),
        }
    }

    /// A whole number from 0 that fits 64 bits.
    pub fn size(&self, what: &str) -> Result<u64, Finding> {
        let v = self.int(what)?;
        u64::try_from(v).map_err(|_| Finding::error("size", format!("{v} is not {what}: it must be 0 to {}", u64::MAX)).at(self.span, ""))
    }

    pub fn float(&self, what: &str) -> Result<f64, Finding> {
        match self.val {
            Val::Float(v) => Ok(v),
            Val::Int(v) => Ok(v as f64),
            Val::Bool(_) | Val::Text(_) | Val::Datetime(_) | Val::List(_) | Val::Table(_) => Err(expected(what, self)),
        }
    }

    pub fn list(&self, what: &str) -> Result<&[Node], Finding> {
        match &self.val {
            Val::List(items) => Ok(items),
            Val::Bool(_) | Val::Int(_) | Val::Float(_) | Val::Text(_) | Val::Datetime(_) | Val::Table(_) => Err(expected(what, self)),
        }
    }

    pub fn table(&self, what: &str) -> Result<&Table, Finding> {
        match &self.val {
            Val::Table(table) => Ok(table),
            Val::Bool(_) | Val::Int(_) | Val::Float(_) | Val::Text(_) | Val::Datetime(_) | Val::List(_) => Err(expected(what, self)),
        }
    }

    /// The value as data: dates become ISO 8601 text.
    pub fn literal(&self) -> Result<Literal, Finding> {
        Ok(match &self.val {
            Val::Bool(v) => Literal::Bool(*v),
            Val::Int(v) => Literal::Int(*v),
            Val::Float(v) => Literal::Float(*v),
            Val::Text(v) | Val::Datetime(v) => Literal::Text(v.clone()),
            Val::List(items) => Literal::List(items.iter().map(Node::literal).collect::<Result<_, _>>()?),
            Val::Table(table) => {
                Literal::Table(table.entries.iter().map(|e| Ok((e.key.clone(), e.node.literal()?))).collect::<Result<_, Finding>>()?)
            }
        })
    }
}

impl Table {
    /// The value of a key that must be there.
    pub fn need(&self, key: &str, what: &str, span: Span) -> Result<&Node, Finding> {
        self.get(key).map(|e| &e.node).ok_or_else(|| Finding::error("missing-key", format!("{what} needs `{key}`")).at(span, ""))
    }
}
