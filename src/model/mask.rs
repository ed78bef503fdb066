//! Differences that do not count.

use std::fmt;

use super::{Glob, H5Path};

/// What the file as a whole is called.
const WHOLE_FILE: &str = "(file)";

/// Attributes of some names of some objects.
#[derive(Clone, Debug)]
pub struct AttrMask {
    path: Glob,
    name: Glob,
}

/// What is to be left out.
#[derive(Clone, Debug)]
pub enum Mask {
    /// Objects, with all that is below them.
    Objects(Glob),
    /// Attributes.
    Attrs(AttrMask),
    /// What is said of the file as a whole.
    File,
}

impl Mask {
    /// `/path/glob`, `/path/glob@attribute`, or `(file)`: split at the first `@` after the last `/`. The error is a clause.
    pub fn parse(text: &str) -> Result<Self, String> {
        if text == WHOLE_FILE {
            return Ok(Self::File);
        }
        let name_at = text.rfind('/').map_or(0, |at| at + 1);
        match text[name_at..].find('@') {
            None => Glob::new(text).map(Self::Objects),
            Some(at) => {
                let (path, name) = (&text[..name_at + at], &text[name_at + at + 1..]);
                Ok(Self::Attrs(AttrMask { path: Glob::new(path)?, name: Glob::of_names(name)? }))
            }
        }
    }

    /// The objects, where it is about whole objects.
    pub fn objects(&self) -> Option<&Glob> {
        match self {
            Mask::Objects(glob) => Some(glob),
            Mask::Attrs(_) | Mask::File => None,
        }
    }

    /// The objects that it is about, or whose attributes.
    pub fn path(&self) -> Option<&Glob> {
        match self {
            Mask::Objects(glob) => Some(glob),
            Mask::Attrs(mask) => Some(&mask.path),
            Mask::File => None,
        }
    }

    /// The objects, where it is about attributes of theirs.
    pub fn attrs(&self) -> Option<&AttrMask> {
        match self {
            Mask::Attrs(mask) => Some(mask),
            Mask::Objects(_) | Mask::File => None,
        }
    }
}

impl AttrMask {
    /// One attribute of one object.
    pub fn exact(path: &H5Path, name: &[u8]) -> Self {
        Self { path: Glob::exact(path), name: Glob::exact(&H5Path::root().child(name)) }
    }

    /// The objects.
    pub fn path(&self) -> &Glob {
        &self.path
    }

    /// Does it leave out this attribute of this object?
    pub fn matches(&self, path: &H5Path, name: &[u8]) -> bool {
        self.path.matches(path) && self.name.matches(&H5Path::root().child(name))
    }
}

/// As it is parsed.
impl fmt::Display for Mask {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Mask::Objects(glob) => f.write_str(glob.text()),
            Mask::Attrs(mask) => write!(f, "{}@{}", mask.path.text(), &mask.name.text()[1..]),
            Mask::File => f.write_str(WHOLE_FILE),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn masks() {
        let attr = |text: &str, path: &str, name: &str| {
            let Ok(Mask::Attrs(mask)) = Mask::parse(text) else { panic!("{text}") };
            mask.matches(&H5Path::parse(path).unwrap(), name.as_bytes())
        };
        assert!(attr("/**@history", "/", "history") && attr("/**@history", "/a/b", "history") && !attr("/**@history", "/a", "title"));
        assert!(attr("/a@*", "/a", "x") && !attr("/a@*", "/a/b", "x") && !attr("/a@*", "/", "x"));
        assert!(attr("@x", "/", "x") && attr("/a/b@c@d", "/a/b", "c@d"));
        assert!(attr("/a@b/c@d", "/a@b/c", "d"));
        assert!(matches!(Mask::parse("/a@b/c"), Ok(Mask::Objects(_))));
        assert!(matches!(Mask::parse("(file)"), Ok(Mask::File)));
        assert!(Mask::parse("/a[").is_err() && Mask::parse("/a@[").is_err());
        for text in ["/**@history", "/a/b@c@d", "/a*", "(file)"] {
            assert_eq!(Mask::parse(text).unwrap().to_string(), text);
        }
    }
}
