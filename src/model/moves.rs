//! Moves of links, and how what was seen of a file is told by the paths after them.

use std::collections::BTreeMap;

use super::H5Path;
use crate::diag::Span;

/// One `[[move]]`.
#[derive(Clone, Debug)]
pub struct Move {
    /// The entry's place.
    pub origin: Span,
    /// Path before.
    pub from: H5Path,
    /// Path after.
    pub to: H5Path,
    /// Is it fine if neither is there?
    pub optional: bool,
}

/// What stands at one end of a move.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EndSeen {
    /// Nothing.
    Missing,
    /// `dataset`, `group`, `soft link`.
    Present(&'static str),
    /// The way there ends early: at something that is not a group.
    Blocked {
        /// What it ends at.
        at: H5Path,
        /// `soft link`, `dataset`.
        what: &'static str,
    },
}

/// Both ends of a move, the destination as the moves before it leave the file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MoveSeen {
    /// The end that it moves from.
    pub from: EndSeen,
    /// The end that it moves to.
    pub to: EndSeen,
    /// Would a group come to be inside of itself, by another name of it?
    pub into_itself: bool,
}

/// How far a move is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MoveState {
    /// To be done.
    Pending {
        /// What is moved: `dataset`, `group`, `soft link`.
        what: &'static str,
    },
    /// Nothing is left to do.
    Done,
    /// Nothing to move, and nothing that was.
    Neither,
    /// Something is at both ends.
    Both,
    /// A group would be inside of itself.
    IntoItself,
    /// A path goes through something that is not a group.
    Blocked {
        /// What it ends at.
        at: H5Path,
        /// `soft link`, `dataset`.
        what: &'static str,
    },
}

impl MoveSeen {
    /// What that comes to.
    pub fn state(&self) -> MoveState {
        match (&self.from, &self.to) {
            (EndSeen::Blocked { at, what }, _) | (_, EndSeen::Blocked { at, what }) => MoveState::Blocked { at: at.clone(), what },
            (EndSeen::Present(_), EndSeen::Missing) if self.into_itself => MoveState::IntoItself,
            (EndSeen::Present(what), EndSeen::Missing) => MoveState::Pending { what },
            (EndSeen::Missing, EndSeen::Present(_)) => MoveState::Done,
            (EndSeen::Missing, EndSeen::Missing) => MoveState::Neither,
            (EndSeen::Present(_), EndSeen::Present(_)) => MoveState::Both,
        }
    }
}

/// A link by the address of its group and its name, whatever the group is called.
pub type LinkPlace = (u64, Vec<u8>);

/// A source of a virtual dataset, in the same file, that a pending move or a removal takes away.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SourceSeen {
    /// The virtual dataset.
    pub dataset: H5Path,
    /// The source's path, as it is stored.
    pub source: Vec<u8>,
    /// What is moved or removed: the source, or something on the way to it.
    pub gone: H5Path,
}

/// What the moves of a manifest find in a file. All that was seen of the file is told by the paths after the moves that are pending.
#[derive(Clone, Debug, Default)]
pub struct Moved {
    /// The moves, in the order of the manifest.
    pub ends: Vec<MoveSeen>,
    /// Links that pending moves take away, and where to.
    pub gone: BTreeMap<LinkPlace, H5Path>,
    /// Links that they bring into groups of the file, and from where.
    pub came: BTreeMap<LinkPlace, H5Path>,
    /// Paths that are there by a pending move, and where that stands until then.
    pub stands: BTreeMap<H5Path, H5Path>,
    /// Soft links of the file, by their paths after the moves, whose targets name something that a pending move or a removal takes away.
    pub pointing: Vec<(H5Path, Vec<u8>)>,
    /// Virtual datasets of the file, by their paths after the moves, whose sources in this file would not be found.
    pub sources: Vec<SourceSeen>,
    /// Are there more soft links than are listed?
    pub more_pointing: bool,
}

impl Moved {
    /// Is any move pending?
    pub fn is_pending(&self) -> bool {
        !self.gone.is_empty()
    }

    /// Where what a path names stands in the file as it is.
    pub fn stands_at(&self, path: &H5Path) -> H5Path {
        let above = path.ancestors();
        let moved = [path].into_iter().chain(above.iter().rev()).find_map(|p| Some((p, self.stands.get(p)?)));
        moved.map_or_else(|| path.clone(), |(to, from)| path.names().skip(to.names().count()).fold(from.clone(), |at, name| at.child(name)))
    }
}

/// Is a path at the other, or below it?
pub fn at_or_below(path: &H5Path, top: &H5Path) -> bool {
    path == top || top.is_above(path)
}

/// The path that a soft link's target names: relative ones begin at the link's group. `None` if it is no path of ours.
pub fn leads_to(link: &H5Path, target: &[u8]) -> Option<H5Path> {
    if target.starts_with(b"/") {
        return H5Path::from_bytes(target).ok();
    }
    let group = link.parent()?;
    H5Path::from_bytes(&[group.as_bytes(), b"/", target].concat()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path(text: &str) -> H5Path {
        H5Path::parse(text).unwrap()
    }

    #[test]
    fn paths_lead_back_to_where_things_stand() {
        let stands = [("/new", "/old"), ("/new/z", "/q")].map(|(to, from)| (path(to), path(from))).into_iter().collect();
        let moved = Moved { stands, ..Moved::default() };
        for (after, before) in [("/new", "/old"), ("/new/x/y", "/old/x/y"), ("/new/z/a", "/q/a"), ("/newer", "/newer"), ("/", "/")] {
            assert_eq!(moved.stands_at(&path(after)), path(before), "{after}");
        }
    }

    #[test]
    fn each_pair_of_ends_has_one_state() {
        let (no, yes) = (EndSeen::Missing, EndSeen::Present("dataset"));
        let blocked = EndSeen::Blocked { at: path("/s"), what: "soft link" };
        let state = |from: &EndSeen, to: &EndSeen, into_itself| MoveSeen { from: from.clone(), to: to.clone(), into_itself }.state();
        assert_eq!(state(&yes, &no, false), MoveState::Pending { what: "dataset" });
        assert_eq!(state(&yes, &no, true), MoveState::IntoItself);
        assert_eq!(state(&no, &yes, false), MoveState::Done);
        assert_eq!(state(&no, &no, false), MoveState::Neither);
        assert_eq!(state(&yes, &yes, false), MoveState::Both);
        for (from, to) in [(&blocked, &no), (&yes, &blocked)] {
            assert_eq!(state(from, to, false), MoveState::Blocked { at: path("/s"), what: "soft link" });
        }
    }
}
