//! Globs over paths: `*` within a name, `**` across names.

use globset::{GlobBuilder, GlobMatcher};

use super::H5Path;

/// A compiled glob. `/**` matches everything, the root included.
#[derive(Clone, Debug)]
pub struct Glob {
    text: String,
    matcher: GlobMatcher,
}

impl Glob {
    /// Compiles a glob; a missing leading slash means the root. The error is a clause.
    pub fn new(text: &str) -> Result<Self, String> {
        let absolute = if text.starts_with('/') { text.to_owned() } else { format!("/{text}") };
        let matcher = GlobBuilder::new(&absolute)
            .literal_separator(true)
            .backslash_escape(false)
            .build()
            .map_err(|e| e.kind().to_string())?
            .compile_matcher();
        Ok(Self { text: absolute, matcher })
    }

    /// Matches one path and nothing else.
    pub fn exact(path: &H5Path) -> Result<Self, String> {
        Self::new(&globset::escape(&path.to_string()))
    }

    /// The glob as absolute text.
    pub fn text(&self) -> &str {
        &self.text
    }

    pub(super) fn matches_everything(&self) -> bool {
        self.text == "/**"
    }

    pub(super) fn compiled(&self) -> &globset::Glob {
        self.matcher.glob()
    }

    /// May it match something below this path?
    pub fn may_match_below(&self, path: &H5Path) -> bool {
        let plain = self.text.find(['*', '?', '[', '{']).unwrap_or(self.text.len());
        let path = path.to_string();
        let path = path.trim_end_matches('/');
        // What comes before the first wildcard must lead to the path, or on from it.
        match plain > path.len() {
            true => self.text.starts_with(path) && self.text.as_bytes()[path.len()] == b'/',
            false => plain < self.text.len() && path.starts_with(&self.text[..plain]),
        }
    }

    /// Does the path match?
    pub fn matches(&self, path: &H5Path) -> bool {
        match path.is_root() {
            // `*` is a name, and the root has none.
            true => self.matches_everything() || self.text == "/",
            false => self.matches_everything() || self.matcher.is_match(path.to_string()),
        }
    }
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
