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

    /// The glob as absolute text.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Does the path match?
    pub fn matches(&self, path: &H5Path) -> bool {
        match path.is_root() {
            // `*` is a name, and the root has none.
            true => self.text == "/**" || self.text == "/",
            false => self.text == "/**" || self.matcher.is_match(path.to_string()),
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
}
