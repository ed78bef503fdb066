//! The TOML document as a tree of our own: owned, every node with its place.

use toml::de::{DeTable, DeValue};

use crate::diag::{Finding, Findings, SourceId, Span};

/// A value with its place.
#[derive(Clone, Debug)]
pub(crate) struct Node {
    pub span: Span,
    pub val: Val,
}

/// A TOML value. Integers keep more than 64 bits, so that u64 seeds and fill values survive.
#[derive(Clone, Debug)]
pub(crate) enum Val {
    Bool(bool),
    Int(i128),
    Float(f64),
    Text(String),
    Datetime(String),
    List(Vec<Node>),
    Table(Table),
}

/// A table in document order.
#[derive(Clone, Debug, Default)]
pub(crate) struct Table {
    pub entries: Vec<Entry>,
}

/// A key with its place, and its value.
#[derive(Clone, Debug)]
pub(crate) struct Entry {
    pub key: String,
    pub key_span: Span,
    pub node: Node,
}

impl Table {
    /// May a variable, or a dollar sign that stands for itself, be in one of its texts and keys?
    pub fn has_variables(&self) -> bool {
        self.entries.iter().any(|e| e.key.contains('$') || e.node.has_variables())
    }

    pub fn get(&self, key: &str) -> Option<&Entry> {
        self.entries.iter().find(|e| e.key == key)
    }
}

impl Node {
    fn has_variables(&self) -> bool {
        match &self.val {
            Val::Text(text) => text.contains('$'),
            Val::List(items) => items.iter().any(Node::has_variables),
            Val::Table(table) => table.has_variables(),
            Val::Bool(_) | Val::Int(_) | Val::Float(_) | Val::Datetime(_) => false,
        }
    }

    /// What people call the value's type.
    pub fn kind(&self) -> &'static str {
        match self.val {
            Val::Bool(_) => "a boolean",
            Val::Int(_) => "an integer",
            Val::Float(_) => "a float",
            Val::Text(_) => "text",
            Val::Datetime(_) => "a date",
            Val::List(_) => "a list",
            Val::Table(_) => "a table",
        }
    }
}

/// Parses a document; syntax errors become findings, and what is sound is returned all the same.
pub(crate) fn parse(source: SourceId, text: &str, findings: &mut Findings) -> Table {
    let (table, errors) = DeTable::parse_recoverable(text);
    for error in errors {
        let span = error.span().unwrap_or(0..0);
        findings.push(Finding::error("toml", format!("not valid TOML: {}", error.message().trim())).at(source.span(span), ""));
    }
    convert_table(source, table.into_inner(), findings)
}

fn convert_table(source: SourceId, table: DeTable<'_>, findings: &mut Findings) -> Table {
    let entries = table.into_iter().filter_map(|(key, value)| {
        let key_span = source.span(key.span());
        let span = source.span(value.span());
        let node = convert(source, span, value.into_inner(), findings)?;
        Some(Entry { key: key.into_inner().into_owned(), key_span, node })
    });
    Table { entries: entries.collect() }
}

fn convert(source: SourceId, span: Span, value: DeValue<'_>, findings: &mut Findings) -> Option<Node> {
    let bad = |what: &str| Finding::error("number", format!("{what} is out of range")).at(span, "");
    let val = match value {
        DeValue::Boolean(v) => Val::Bool(v),
        DeValue::String(v) => Val::Text(v.into_owned()),
        DeValue::Datetime(v) => Val::Datetime(v.to_string()),
        DeValue::Integer(v) => match i128::from_str_radix(v.as_str(), v.radix()) {
            Ok(n) => Val::Int(n),
            Err(_) => {
                findings.push(bad("the integer"));
                return None;
            }
        },
        DeValue::Float(v) => match v.as_str().parse::<f64>() {
            Ok(x) if x.is_finite() || v.as_str().contains(['i', 'n']) => Val::Float(x),
            Ok(_) | Err(_) => {
                findings.push(bad("the float"));
                return None;
            }
        },
        DeValue::Array(items) => Val::List(
            items
                .into_iter()
                .filter_map(|item| {
                    let span = source.span(item.span());
                    convert(source, span, item.into_inner(), findings)
                })
                .collect(),
        ),
        DeValue::Table(table) => Val::Table(convert_table(source, table, findings)),
    };
    Some(Node { span, val })
}
