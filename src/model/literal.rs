//! Values as a manifest writes them, before any dtype is known.

use std::fmt;

/// A value in a manifest.
#[derive(Clone, Debug, PartialEq)]
pub enum Literal {
    /// `true`, `false`.
    Bool(bool),
    /// Any integer; the range of 64 bits signed or unsigned is what dtypes can hold.
    Int(i128),
    /// A float, infinities and NaN included.
    Float(f64),
    /// Text; dates become ISO 8601 text.
    Text(String),
    /// A list; nested lists are further axes.
    List(Vec<Literal>),
    /// A table: a compound's fields by name.
    Table(Vec<(String, Literal)>),
}

impl Literal {
    /// Bytes the value may take in a file, about and rather too many.
    pub fn bytes_about(&self) -> usize {
        match self {
            Literal::Bool(_) | Literal::Int(_) | Literal::Float(_) => 16,
            Literal::Text(text) => text.len().max(16),
            // Fixed-length strings all take the longest one's bytes.
            Literal::Table(fields) => fields.iter().map(|(_, v)| v.bytes_about()).sum(),
            Literal::List(items) => items.iter().map(Literal::bytes_about).max().unwrap_or(0) * items.len(),
        }
    }

    /// `number`, `text`, `boolean`, `list`: for messages.
    pub fn kind(&self) -> &'static str {
        match self {
            Literal::Bool(_) => "boolean",
            Literal::Int(_) => "integer",
            Literal::Float(_) => "float",
            Literal::Text(_) => "text",
            Literal::List(_) => "list",
            Literal::Table(_) => "table",
        }
    }
}

/// As TOML writes it.
impl fmt::Display for Literal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Literal::Bool(v) => write!(f, "{v}"),
            Literal::Int(v) => write!(f, "{v}"),
            Literal::Float(v) if v.is_nan() => f.write_str("nan"),
            Literal::Float(v) if v.is_infinite() => f.write_str(if *v > 0.0 { "inf" } else { "-inf" }),
            Literal::Float(v) => write!(f, "{v:?}"),
            Literal::Text(v) => write!(f, "{v:?}"),
            Literal::Table(fields) => {
                f.write_str("{")?;
                for (i, (name, value)) in fields.iter().enumerate() {
                    write!(f, "{} {name} = {value}", if i == 0 { "" } else { "," })?;
                }
                f.write_str(" }")
            }
            Literal::List(items) => {
                f.write_str("[")?;
                for (i, item) in items.iter().enumerate() {
                    if i == 8 && items.len() > 10 {
                        return write!(f, ", … {} in all]", items.len());
                    }
                    write!(f, "{}{item}", if i == 0 { "" } else { ", " })?;
                }
                f.write_str("]")
            }
        }
    }
}
