//! TOML text: values as people would write them.

use crate::model::is_hidden;

/// Columns that a line shall not exceed, where it can be broken.
const WIDTH: usize = 100;
/// Texts with line feeds are written over several lines from this length on, in bytes.
const LONG_TEXT: usize = 60;

/// A value of a manifest, before it is text.
#[derive(Clone, Debug, PartialEq)]
pub enum Toml {
    /// A number or boolean, as TOML writes it.
    Bare(String),
    /// A text, as the manifest language reads it: `$` and quotes are escaped when it is written.
    Text(String),
    /// A list.
    List(Vec<Toml>),
    /// A table on one line.
    Table(Vec<(String, Toml)>),
    /// A variant: `key.name = value` beneath a key, `{ name = value }` elsewhere.
    Form(&'static str, Box<Toml>),
}

impl Toml {
    /// A number or boolean.
    pub fn bare(value: impl ToString) -> Self {
        Toml::Bare(value.to_string())
    }

    /// A text.
    pub fn text(value: impl Into<String>) -> Self {
        Toml::Text(value.into())
    }

    /// A list of numbers.
    pub fn list<T: ToString>(values: impl IntoIterator<Item = T>) -> Self {
        Toml::List(values.into_iter().map(Toml::bare).collect())
    }

    /// A table with one key.
    pub fn one(key: &str, value: Toml) -> Self {
        Toml::Table(vec![(key.to_owned(), value)])
    }

    /// `key = value` with a line feed at the end, lists broken over lines where they are long.
    pub fn line(&self, key: &str) -> String {
        let mut out = self.dotted(&quoted_key(key));
        out.push('\n');
        out
    }

    fn dotted(&self, key: &str) -> String {
        match self {
            Toml::Form(name, value) => value.dotted(&format!("{key}.{}", quoted_key(name))),
            Toml::Text(text) if text.len() >= LONG_TEXT && is_lines(text) => format!("{key} = {}", lines(text)),
            _ => {
                let mut out = format!("{key} = ");
                self.broken(0, out.chars().count(), &mut out);
                out
            }
        }
    }

    /// On one line.
    pub fn inline(&self) -> String {
        match self {
            Toml::Bare(text) => text.clone(),
            Toml::Text(text) => quoted(text),
            Toml::List(items) => format!("[{}]", items.iter().map(Toml::inline).collect::<Vec<_>>().join(", ")),
            Toml::Table(fields) if fields.is_empty() => "{}".into(),
            Toml::Table(fields) => {
                format!("{{ {} }}", fields.iter().map(|(key, value)| value.inline_pair(quoted_key(key))).collect::<Vec<_>>().join(", "))
            }
            Toml::Form(name, value) => format!("{{ {} }}", value.inline_pair(quoted_key(name))),
        }
    }

    fn inline_pair(&self, key: String) -> String {
        match self {
            Toml::Form(name, value) => value.inline_pair(format!("{key}.{}", quoted_key(name))),
            _ => format!("{key} = {}", self.inline()),
        }
    }

    /// Appends the value to a line that is `column` characters long; what does not fit stands on lines of its
    /// own, `indent` deep and more.
    fn broken(&self, indent: usize, column: usize, out: &mut String) {
        let inline = self.inline();
        let short = column + inline.chars().count() <= WIDTH;
        match self {
            Toml::List(items) if !short && !items.is_empty() => {
                let scalars = items.iter().all(|i| matches!(i, Toml::Bare(_) | Toml::Text(_)));
                out.push('[');
                if scalars {
                    filled(items, indent + 2, out)
                } else {
                    one_a_line(items, indent + 2, out)
                }
                out.push_str(&format!("\n{}]", " ".repeat(indent)));
            }
            Toml::Table(fields) if !short && fields.iter().any(|(_, v)| v.has_list()) => {
                out.push_str("{ ");
                for (i, (key, value)) in fields.iter().enumerate() {
                    out.push_str(if i == 0 { "" } else { ", " });
                    value.broken_pair(quoted_key(key), indent, out);
                }
                out.push_str(" }");
            }
            Toml::Form(name, value) if !short => {
                out.push_str("{ ");
                value.broken_pair(quoted_key(name), indent, out);
                out.push_str(" }");
            }
            _ => out.push_str(&inline),
        }
    }

    fn broken_pair(&self, key: String, indent: usize, out: &mut String) {
        match self {
            Toml::Form(name, value) => value.broken_pair(format!("{key}.{}", quoted_key(name)), indent, out),
            _ => {
                out.push_str(&format!("{key} = "));
                let line = out.rfind('\n').map_or(0, |at| at + 1);
                let column = out[line..].chars().count();
                self.broken(indent, column, out);
            }
        }
    }

    fn has_list(&self) -> bool {
        match self {
            Toml::List(items) => !items.is_empty(),
            Toml::Table(fields) => fields.iter().any(|(_, v)| v.has_list()),
            Toml::Form(_, value) => value.has_list(),
            Toml::Bare(_) | Toml::Text(_) => false,
        }
    }
}

/// As many items a line as fit.
fn filled(items: &[Toml], indent: usize, out: &mut String) {
    let mut column = WIDTH;
    for item in items {
        let text = item.inline() + ",";
        let length = text.chars().count();
        if column + 1 + length > WIDTH {
            out.push_str(&format!("\n{}", " ".repeat(indent)));
            column = indent;
        } else {
            out.push(' ');
            column += 1;
        }
        out.push_str(&text);
        column += length;
    }
}

fn one_a_line(items: &[Toml], indent: usize, out: &mut String) {
    for item in items {
        out.push_str(&format!("\n{}", " ".repeat(indent)));
        item.broken(indent, indent + 1, out);
        out.push(',');
    }
}

/// A key, bare where TOML allows that.
pub fn quoted_key(key: &str) -> String {
    let bare = !key.is_empty() && key.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-');
    if bare { key.to_owned() } else { quoted(key) }
}

/// A text in quotes, its dollars doubled.
pub fn quoted(text: &str) -> String {
    let text = text.replace('$', "$$");
    // A literal string keeps backslashes as they are.
    if text.contains('\\') && !text.chars().any(|c| c == '\'' || is_hidden(c)) {
        return format!("'{text}'");
    }
    let mut out = String::with_capacity(text.len() + 2);
    out.push('"');
    text.chars().for_each(|c| escaped(c, &mut out));
    out.push('"');
    out
}

fn escaped(c: char, out: &mut String) {
    match c {
        '"' => out.push_str("\\\""),
        '\\' => out.push_str("\\\\"),
        '\n' => out.push_str("\\n"),
        '\t' => out.push_str("\\t"),
        '\r' => out.push_str("\\r"),
        c if is_hidden(c) => out.push_str(&format!("\\u{:04X}", c as u32)),
        c => out.push(c),
    }
}

/// Lines of plain text, of which at least one ends within the text.
fn is_lines(text: &str) -> bool {
    text.trim_end_matches('\n').contains('\n') && !text.chars().any(|c| is_hidden(c) && c != '\n' && c != '\t')
}

/// A text over several lines, its dollars doubled.
fn lines(text: &str) -> String {
    let text = text.replace('$', "$$");
    if !text.contains("'''") && !text.ends_with('\'') {
        return format!("'''\n{text}'''");
    }
    format!("\"\"\"\n{}\"\"\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn keys_and_texts() {
        for (text, expect) in [
            ("a b", "\"a b\""),
            ("5$", "\"5$$\""),
            ("a\\xFF", "'a\\xFF'"),
            ("it's \\", "\"it's \\\\\""),
            ("\u{7f}\u{1}\n", "\"\\u007F\\u0001\\n\""),
            ("", "\"\""),
        ] {
            assert_eq!(quoted(text), expect);
        }
        assert_eq!(quoted_key("a-b_1"), "a-b_1");
        assert_eq!(quoted_key("a.b"), "\"a.b\"");
        assert_eq!(quoted_key(""), "\"\"");
    }

    #[test]
    fn forms_are_dotted_beneath_a_key() {
        let array = Toml::Form("array", Box::new(Toml::Table(vec![("base".into(), Toml::text("i4")), ("shape".into(), Toml::list([2]))])));
        assert_eq!(array.line("dtype"), "dtype.array = { base = \"i4\", shape = [2] }\n");
        assert_eq!(array.inline(), "{ array = { base = \"i4\", shape = [2] } }");
        assert_eq!(Toml::one("dtype", array).inline(), "{ dtype.array = { base = \"i4\", shape = [2] } }");
    }

    #[test]
    fn long_lists_are_broken() {
        let text = Toml::list(1000..1030).line("x");
        assert_eq!(text.lines().count(), 4, "{text}");
        assert!(text.lines().all(|l| l.len() <= WIDTH), "{text}");
        let rows = Toml::List((0..3).map(|i| Toml::list((0..10).map(|j| 1000 * i + j))).collect()).line("x");
        assert_eq!(rows.lines().count(), 5, "{rows}");
    }

    fn values() -> impl Strategy<Value = Toml> {
        let leaf = prop_oneof![
            any::<i64>().prop_map(Toml::bare),
            any::<String>().prop_map(Toml::Text),
            "[a\n'\"$\\\\]{0,90}".prop_map(Toml::Text)
        ];
        leaf.prop_recursive(4, 60, 6, |inner| {
            prop_oneof![
                proptest::collection::vec(inner.clone(), 0..20).prop_map(Toml::List),
                proptest::collection::btree_map(any::<String>(), inner.clone(), 0..4).prop_map(|m| Toml::Table(m.into_iter().collect())),
                inner.prop_map(|v| Toml::Form("form", Box::new(v))),
            ]
        })
    }

    fn same(toml: &Toml, value: &toml::Value) -> bool {
        match (toml, value) {
            (Toml::Bare(a), b) => *a == b.to_string(),
            (Toml::Text(a), toml::Value::String(b)) => a.replace('$', "$$") == *b,
            (Toml::List(a), toml::Value::Array(b)) => a.len() == b.len() && a.iter().zip(b).all(|(a, b)| same(a, b)),
            (Toml::Table(a), toml::Value::Table(b)) => {
                a.len() == b.len() && a.iter().all(|(k, v)| b.get(&k.replace('$', "$$")).is_some_and(|b| same(v, b)))
            }
            (Toml::Form(name, v), toml::Value::Table(b)) => b.len() == 1 && b.get(*name).is_some_and(|b| same(v, b)),
            _ => false,
        }
    }

    proptest! {
        #[test]
        fn toml_reads_it_back(value in values(), key in any::<String>()) {
            let text = value.line(&key);
            let read: toml::Table = toml::from_str(&text).map_err(|e| TestCaseError::fail(format!("{e}\n{text}")))?;
            prop_assert!(read.get(&key.replace('$', "$$")).is_some_and(|v| same(&value, v)), "{}", text);
        }
    }
}
