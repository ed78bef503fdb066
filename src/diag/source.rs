//! The texts that findings point into.

use std::path::{Path, PathBuf};

/// One text (a manifest, or a pseudo-text such as the command line) in a [`Sources`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SourceId(u32);

/// A range of bytes in one source; `start <= end`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Span {
    /// The text.
    pub source: SourceId,
    /// First byte.
    pub start: u32,
    /// One past the last byte.
    pub end: u32,
}

/// A place as people count: lines and columns from 1, columns in characters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// Name of the source, as the user named it.
    pub file: String,
    /// Line, from 1.
    pub line: u32,
    /// Column in characters, from 1.
    pub column: u32,
}

#[derive(Clone, Debug)]
struct Source {
    name: String,
    text: String,
    dir: PathBuf,
}

/// All texts that were read for one manifest.
#[derive(Clone, Debug, Default)]
pub struct Sources {
    list: Vec<Source>,
}

impl Sources {
    /// No texts.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a text. `dir` is the folder that file names in this text are relative to.
    pub fn add(&mut self, name: impl Into<String>, text: impl Into<String>, dir: impl Into<PathBuf>) -> SourceId {
        let id = SourceId(u32::try_from(self.list.len()).unwrap_or(u32::MAX));
        self.list.push(Source { name: name.into(), text: text.into(), dir: dir.into() });
        id
    }

    /// The name a source was added with.
    pub fn name(&self, id: SourceId) -> &str {
        &self.list[id.0 as usize].name
    }

    /// The text of a source.
    pub fn text(&self, id: SourceId) -> &str {
        &self.list[id.0 as usize].text
    }

    /// The folder that file names in this source are relative to.
    pub fn dir(&self, id: SourceId) -> &Path {
        &self.list[id.0 as usize].dir
    }

    /// Names and texts in the order they were read.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.list.iter().map(|s| (s.name.as_str(), s.text.as_str()))
    }

    /// Line and column of the span's start.
    pub fn place(&self, span: Span) -> Place {
        let text = self.text(span.source);
        let mut at = (span.start as usize).min(text.len());
        while !text.is_char_boundary(at) {
            at -= 1;
        }
        let before = &text[..at];
        let line = before.bytes().filter(|&b| b == b'\n').count() + 1;
        let column = before.rsplit('\n').next().unwrap_or("").chars().count() + 1;
        let count = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
        Place { file: self.name(span.source).to_owned(), line: count(line), column: count(column) }
    }
}

impl SourceId {
    /// A span in this source.
    pub fn span(self, range: std::ops::Range<usize>) -> Span {
        let at = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
        Span { source: self, start: at(range.start), end: at(range.end.max(range.start)) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_count_lines_and_characters_from_one() {
        let mut sources = Sources::new();
        let id = sources.add("m.toml", "a = 1\nβ = 2\n", ".");
        let place = |at: usize| {
            let p = sources.place(id.span(at..at));
            (p.line, p.column)
        };
        assert_eq!(place(0), (1, 1));
        assert_eq!(place(4), (1, 5));
        assert_eq!(place(6), (2, 1));
        assert_eq!(place(9), (2, 3));
        assert_eq!(place(999), (3, 1));
    }
}
