//! Paths of objects in a file.

use std::cmp::Ordering;
use std::fmt;

use super::{bytes_text, text_bytes};

/// An absolute, normalised path: `/`, or `/a/b` without empty, `.` or `..` names. Names are bytes
/// without NUL. Ordered by names from the left, so parents come before their children.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct H5Path(Vec<u8>);

/// Why a text is not a path.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PathError {
    /// `..` could leave the declared hierarchy and is never needed.
    #[error("`..` is not allowed in a path")]
    Upwards,
    /// HDF5 names end at NUL.
    #[error("a name cannot contain NUL")]
    Nul,
    /// Nothing at all.
    #[error("the path is empty")]
    Empty,
}

impl H5Path {
    /// The root group.
    pub fn root() -> Self {
        Self(b"/".to_vec())
    }

    /// Reads a path as a manifest or a command line gives it: `\xNN` is one byte, a missing leading
    /// slash means the root, repeated and trailing slashes and `.` vanish.
    pub fn parse(text: &str) -> Result<Self, PathError> {
        Self::from_bytes(&text_bytes(text))
    }

    /// Normalises raw bytes.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, PathError> {
        if bytes.is_empty() {
            return Err(PathError::Empty);
        }
        if bytes.contains(&0) {
            return Err(PathError::Nul);
        }
        let mut out = Vec::with_capacity(bytes.len() + 1);
        for name in bytes.split(|&b| b == b'/') {
            match name {
                b"" | b"." => {}
                b".." => return Err(PathError::Upwards),
                name => {
                    out.push(b'/');
                    out.extend_from_slice(name);
                }
            }
        }
        if out.is_empty() {
            out.push(b'/');
        }
        Ok(Self(out))
    }

    /// The path of the link `name` in the group at this path. `name` comes from a file, so it is
    /// neither empty nor does it hold a slash or NUL.
    pub fn child(&self, name: &[u8]) -> Self {
        let mut out = self.0.clone();
        if !self.is_root() {
            out.push(b'/');
        }
        out.extend_from_slice(name);
        Self(out)
    }

    /// Is it `/`?
    pub fn is_root(&self) -> bool {
        self.0 == b"/"
    }

    /// The bytes, beginning with a slash.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// The last name; empty for the root.
    pub fn name(&self) -> &[u8] {
        self.0.rsplit(|&b| b == b'/').next().unwrap_or_default()
    }

    /// The names from the root down; none for the root.
    pub fn names(&self) -> impl Iterator<Item = &[u8]> {
        self.0.split(|&b| b == b'/').filter(|n| !n.is_empty())
    }

    /// The group this object is in; `None` for the root.
    pub fn parent(&self) -> Option<Self> {
        if self.is_root() {
            return None;
        }
        let cut = self.0.iter().rposition(|&b| b == b'/').unwrap_or(0);
        Some(Self(self.0[..cut.max(1)].to_vec()))
    }

    /// All groups above, the root first.
    pub fn ancestors(&self) -> Vec<Self> {
        let mut out: Vec<Self> = std::iter::successors(self.parent(), H5Path::parent).collect();
        out.reverse();
        out
    }

    /// Is the other path that of a member of this group?
    pub fn is_parent_of(&self, other: &H5Path) -> bool {
        self.is_above(other) && !other.0[self.0.len() + usize::from(!self.is_root())..].contains(&b'/')
    }

    /// Where this is when `from` is moved `to`; `None` if it does not move along.
    pub fn moved(&self, from: &H5Path, to: &H5Path) -> Option<H5Path> {
        (self == from || from.is_above(self)).then(|| Self([to.as_bytes(), &self.0[from.0.len()..]].concat()))
    }

    /// Is this path strictly above the other?
    pub fn is_above(&self, other: &H5Path) -> bool {
        if self.is_root() {
            return !other.is_root();
        }
        other.0.len() > self.0.len() && other.0.starts_with(&self.0) && other.0[self.0.len()] == b'/'
    }
}

impl Ord for H5Path {
    fn cmp(&self, other: &Self) -> Ordering {
        if self.is_root() || other.is_root() {
            return other.is_root().cmp(&self.is_root());
        }
        // The slash sorts below every other byte (NUL cannot occur), which orders by names.
        let key = |b: u8| if b == b'/' { 0 } else { b };
        match self.0.iter().zip(&other.0).find(|(a, b)| a != b) {
            Some((a, b)) => key(*a).cmp(&key(*b)),
            None => self.0.len().cmp(&other.0.len()),
        }
    }
}

impl PartialOrd for H5Path {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl fmt::Display for H5Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&bytes_text(&self.0))
    }
}

impl fmt::Debug for H5Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn normalises() {
        for (text, path) in [("a//b", "/a/b"), ("./a", "/a"), ("/", "/"), ("a/b/", "/a/b"), (".", "/"), ("//", "/"), ("/a/./b", "/a/b")] {
            assert_eq!(H5Path::parse(text).unwrap().to_string(), path, "{text}");
        }
        assert_eq!(H5Path::parse("/a/../b"), Err(PathError::Upwards));
        assert_eq!(H5Path::parse(""), Err(PathError::Empty));
        assert_eq!(H5Path::parse("a\0b"), Err(PathError::Nul));
        assert_eq!(H5Path::parse("/..a/b..").unwrap().to_string(), "/..a/b..");
    }

    #[test]
    fn family() {
        let p = H5Path::parse("/a/b/c").unwrap();
        let names: Vec<String> = p.ancestors().iter().map(ToString::to_string).collect();
        assert_eq!(names, ["/", "/a", "/a/b"]);
        assert_eq!(p.name(), b"c");
        assert!(H5Path::parse("/a").unwrap().is_above(&p) && !H5Path::parse("/a/bb").unwrap().is_above(&p));
        assert!(!p.is_above(&p) && H5Path::root().is_above(&p) && !H5Path::root().is_above(&H5Path::root()));
    }

    fn paths() -> impl Strategy<Value = H5Path> {
        proptest::collection::vec(proptest::collection::vec(1u8.., 1..5), 0..4)
            .prop_filter_map("no dots", |names| H5Path::from_bytes(&[b"/".to_vec(), names.join(&b'/')].concat()).ok())
    }

    proptest! {
        #[test]
        fn display_and_parse_are_inverse(p in paths()) {
            prop_assert_eq!(H5Path::parse(&p.to_string()).unwrap(), p);
        }

        #[test]
        fn order_is_by_names(a in paths(), b in paths()) {
            let names = |p: &H5Path| p.names().map(<[u8]>::to_vec).collect::<Vec<_>>();
            prop_assert_eq!(a.cmp(&b), names(&a).cmp(&names(&b)));
            prop_assert_eq!(a.is_above(&b), names(&b).starts_with(&names(&a)) && a != b);
            prop_assert_eq!(a.is_parent_of(&b), b.parent() == Some(a.clone()));
            prop_assert!(b.parent().is_none_or(|p| p.is_parent_of(&b)));
        }
    }
}
