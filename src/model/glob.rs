//! Globs over paths: `*` within a name, `**` across names.

use globset::GlobBuilder;
use regex_automata::MatchKind;
use regex_automata::meta::Regex;
use regex_automata::util::syntax;

use super::{H5Path, bytes_text, text_bytes};

/// What makes a glob of a path.
const WILDCARDS: [char; 4] = ['*', '?', '[', '{'];

/// `?` as `globset` writes it, which is one byte of a name.
const ONE_BYTE: &str = "[^/]";

/// One character of a name as it is written: an escape, or as UTF-8.
const ONE_CHARACTER: &str =
    concat!(r"(?:\\x[0-9A-F]{2}|[\x00-\x2E\x30-\x7F]|[\xC2-\xDF][\x80-\xBF]|", r"[\xE0-\xEF][\x80-\xBF]{2}|[\xF0-\xF4][\x80-\xBF]{3})");

/// A compiled glob. `/**` matches everything, the root included.
#[derive(Clone, Debug)]
pub struct Glob {
    /// Names as paths are written, so that both can be compared.
    text: String,
    /// Where it has wildcards.
    pattern: Option<Pattern>,
}

#[derive(Clone, Debug)]
struct Pattern {
    /// Over the text of a path.
    source: String,
    regex: Regex,
}

impl Glob {
    /// Compiles a glob, which is normalised as paths are: a missing leading slash means the root; `\xNN` is a byte, and never a wildcard;
    /// repeated and trailing slashes and `.` vanish. The error is a clause.
    pub fn new(text: &str) -> Result<Self, String> {
        let written = written(text)?;
        let names: Vec<&str> = written.split('/').filter(|name| !matches!(*name, "" | ".")).collect();
        if names.contains(&"..") {
            return Err("`..` is not allowed in a path".into());
        }
        Self::of(format!("/{}", names.join("/")))
    }

    /// Compiles a glob over names of attributes, which stand as if the root had members of these names. The error is a clause.
    pub(super) fn of_names(text: &str) -> Result<Self, String> {
        Self::of(format!("/{}", written(text)?))
    }

    fn of(text: String) -> Result<Self, String> {
        if !text.contains(WILDCARDS) {
            return Ok(Self { text, pattern: None });
        }
        let glob = GlobBuilder::new(&text).literal_separator(true).backslash_escape(false).build().map_err(|e| e.kind().to_string())?;
        let source = by_characters(glob.regex());
        let regex = compile(&[source.as_str()])?;
        Ok(Self { text, pattern: Some(Pattern { source, regex }) })
    }

    /// Matches one path and nothing else.
    pub fn exact(path: &H5Path) -> Self {
        Self { text: path.to_string(), pattern: None }
    }

    /// The glob as absolute text.
    pub fn text(&self) -> &str {
        &self.text
    }

    pub(super) fn matches_everything(&self) -> bool {
        self.text == "/**"
    }

    /// Its regular expression, over the text of a path; `None`: it matches its own text only.
    pub(super) fn source(&self) -> Option<&str> {
        self.pattern.as_ref().map(|pattern| pattern.source.as_str())
    }

    /// What comes before the first wildcard.
    pub(super) fn plain(&self) -> &str {
        &self.text[..self.text.find(WILDCARDS).unwrap_or(self.text.len())]
    }

    /// May it match something below this path?
    pub fn may_match_below(&self, path: &H5Path) -> bool {
        let plain = self.plain();
        let path = path.to_string();
        let path = path.trim_end_matches('/');
        // What comes before the first wildcard must lead to the path, or on from it.
        match plain.len() > path.len() {
            true => plain.starts_with(path) && plain.as_bytes()[path.len()] == b'/',
            false => self.pattern.is_some() && path.starts_with(plain),
        }
    }

    /// Does the path match?
    pub fn matches(&self, path: &H5Path) -> bool {
        match path.is_root() {
            // `*` is a name, and the root has none.
            true => self.matches_everything() || self.text == "/",
            false => match &self.pattern {
                _ if self.matches_everything() => true,
                Some(pattern) => pattern.regex.is_match(path.to_string().as_bytes()),
                None => self.text == path.to_string(),
            },
        }
    }
}

/// A glob as paths are written; bytes that are written as `\xNN` are no wildcards.
fn written(text: &str) -> Result<String, String> {
    let mut bytes = Vec::new();
    let (mut rest, escape) = (text, |rest: &str| rest.starts_with("\\x") && rest.get(..4).is_some_and(|e| text_bytes(e).len() == 1));
    while let Some(first) = rest.chars().next() {
        let length = if escape(rest) { 4 } else { first.len_utf8() };
        let (one, after) = rest.split_at(length);
        match &text_bytes(one)[..] {
            [0] => return Err("a name cannot contain NUL".into()),
            [wildcard] if length == 4 && b"*?[{}]".contains(wildcard) => bytes.extend([b'[', *wildcard, b']']),
            one => bytes.extend_from_slice(one),
        }
        rest = after;
    }
    Ok(bytes_text(&bytes))
}

/// The expression of a glob, with characters where `?` is a byte. `*` may be bytes: it goes on to what can only be the end of a character.
fn by_characters(regex: &str) -> String {
    let mut parts = regex.split(ONE_BYTE);
    let mut out = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        out.push_str(if part.starts_with('*') { ONE_BYTE } else { ONE_CHARACTER });
        out.push_str(part);
    }
    out
}

/// Compiles expressions of globs, together. The error is a clause.
pub(super) fn compile(sources: &[&str]) -> Result<Regex, String> {
    let syntax = syntax::Config::new().utf8(false).dot_matches_new_line(true);
    let config = Regex::config().utf8_empty(false).match_kind(MatchKind::All);
    Regex::builder().syntax(syntax).configure(config).build_many(sources).map_err(|e| e.to_string())
}

/// Is an object looked at?
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wanted {
    /// Yes.
    Yes,
    /// No, but what is below it may be.
    Through,
    /// No, and nothing below it.
    No,
}

impl Wanted {
    /// By what is to be looked at (everything, where that is empty) and what is not: both go for all that is below a match, too,
    /// but for the root.
    pub fn of(path: &H5Path, targets: &[Glob], excludes: &[Glob]) -> Self {
        let hit = |globs: &[Glob]| globs.iter().any(|g| g.matches(path) || path.ancestors().iter().any(|p| !p.is_root() && g.matches(p)));
        match (hit(excludes), targets.is_empty() || hit(targets)) {
            (true, _) if !path.is_root() => Self::No,
            (false, true) => Self::Yes,
            _ => Self::Through,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stars_stay_within_names() {
        let hit = |glob: &str, path: &str| Glob::new(glob).unwrap().matches(&H5Path::parse(path).unwrap());
        assert!(hit("/a/*", "/a/b") && !hit("/a/*", "/a/b/c") && !hit("/a/*", "/a"));
        assert!(hit("/a/**", "/a/b/c") && hit("/**", "/") && hit("/**", "/x/y"));
        assert!(hit("/tmp*/**", "/tmp1/x") && hit("tmp?", "/tmp1") && !hit("/tmp?", "/tmp12"));
        assert!(Glob::new("/a[").is_err());
    }

    #[test]
    fn globs_are_written_as_paths_are() {
        let hit = |glob: &str, path: &[u8]| Glob::new(glob).unwrap().matches(&H5Path::from_bytes(path).unwrap());
        assert!(hit(r"/a\xff", b"/a\xff") && hit(r"/a\xFF", b"/a\xff") && hit(r"/a\xc3\xa4", "/aä".as_bytes()));
        assert!(hit("/new\nline", b"/new\nline") && hit("/new?line", b"/new\nline") && hit("/a?", b"/a\xff"));
        assert!(hit("/?", "/ä".as_bytes()) && hit("/??x", "/äöx".as_bytes()) && hit("/?", "/🌍".as_bytes()));
        assert!(!hit("/??", "/ä".as_bytes()) && !hit("/?", b"/") && !hit("/?", b"/ab") && !hit("/a?b", b"/a/b"));
        assert!(hit("/a*", "/aä\u{301}".as_bytes()) && hit(r"/a\x2A", b"/a*") && !hit(r"/a\x2A", b"/ab"));
        assert!(hit(r"/a\x5Cx41", br"/a\x41"));
        for (glob, text) in [("/a/", "/a"), ("//a", "/a"), ("/./a", "/a"), ("./a/**/", "/a/**"), ("/", "/"), (".", "/"), ("//", "/")] {
            assert_eq!(Glob::new(glob).unwrap().text(), text);
        }
        assert_eq!(Glob::new("/a/../b").unwrap_err(), "`..` is not allowed in a path");
        assert!(Glob::new(r"/a\x00").is_err());
        // What is said of a glob is read as it again.
        for glob in [r"/a\xff*", r"/\x2A", "/new\nline", r"/a\x5Cx41"] {
            let text = Glob::new(glob).unwrap().text().to_owned();
            assert_eq!(Glob::new(&text).unwrap().text(), text);
        }
    }

    #[test]
    fn what_leads_to_matches() {
        let leads = |glob: &str, path: &str| Glob::new(glob).unwrap().may_match_below(&H5Path::parse(path).unwrap());
        for path in ["/", "/a", "/a/b", "/a/bc"] {
            assert!(leads("/a/b*/**", path) && leads("/**", path), "{path}");
        }
        assert!(!leads("/a/b*/**", "/b") && !leads("/a/b*/**", "/a/c") && !leads("/a/b", "/ab") && !leads("/a/b/c", "/a/b/d"));
        assert!(leads("/a/b", "/a") && !leads("/a/b", "/a/b/c"));
        // It only may.
        assert!(leads("/a?/c", "/ab") && leads("/{x,y}/c", "/z"));
    }
}
