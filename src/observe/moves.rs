//! Which moves are pending, and the file as if they had been done.

use std::collections::{BTreeMap, BTreeSet};

use super::descent::{Descent, Member, Parents};
use crate::h5::{File, H5Error, Kind, Link, Object};
use crate::model::{EndSeen, H5Path, LinkPlace, MoveSeen, MoveState, Moved, ObjectId, SourceSeen, leads_to};

/// Most soft links that are listed for pointing to what goes away.
const MOST_POINTING: usize = 1000;
/// Most soft links that HDF5 goes through on one way (H5L_NUM_LINKS).
const MOST_LINKS: usize = 16;
/// Longest names with numbers in them that are compared.
const MOST_NAME: usize = 1024;

/// Looks at both ends of each move, in the order in which they are done: by their destinations, parents first, each seeing the file as those
/// before it leave it.
pub(super) fn moves(file: &File, moves: &[(H5Path, H5Path)]) -> Result<Moved, H5Error> {
    let mut out = Moved::default();
    let mut order: Vec<usize> = (0..moves.len()).collect();
    order.sort_by(|a, b| moves[*a].1.cmp(&moves[*b].1));
    let mut ends = BTreeMap::new();
    let mut parents = Parents::new(file.root()?);
    for number in order {
        let (from, to) = &moves[number];
        let source = way(file, &mut parents, from, &out)?;
        let target = way(file, &mut parents, to, &out)?;
        let into_itself = source.object.is_some_and(|moved| target.groups.contains(&moved));
        let seen = MoveSeen { from: source.end, to: target.end, into_itself };
        if matches!(seen.state(), MoveState::Pending { .. })
            && let Some(place) = source.place
        {
            out.gone.insert(place, to.clone());
            out.came.extend(target.place.map(|place| (place, from.clone())));
            out.stands.insert(to.clone(), from.clone());
        }
        ends.insert(number, seen);
    }
    out.ends = ends.into_values().collect();
    Ok(out)
}

/// What the way along a path came upon.
struct Way {
    end: EndSeen,
    /// Addresses of the groups on the way.
    groups: Vec<u64>,
    /// The last link's place, if its group is there.
    place: Option<LinkPlace>,
    /// Address of what the last link leads to, if that is an object.
    object: Option<u64>,
}

/// Goes along a path, in the file as the moves so far leave it.
fn way(file: &File, parents: &mut Parents, path: &H5Path, moved: &Moved) -> Result<Way, H5Error> {
    let mut way = Way { end: EndSeen::Missing, groups: Vec::new(), place: None, object: None };
    let (mut at, mut group) = (H5Path::root(), file.root()?);
    // Groups that moves make do not exist yet: what is moved into them is known by its path.
    let above = path.ancestors();
    if let Some((to, from)) = [path].into_iter().chain(above.iter().rev()).find_map(|p| moved.stands.get_key_value(p)) {
        let (place, reached) = reach(parents, from)?;
        match reached {
            Reached::Object(object, info) if to != path && info.kind == Kind::Group => (at, group) = (to.clone(), object),
            Reached::Object(_, info) => return Ok(ended(way, path, to, word(info.kind), Some(place), Some(info.address))),
            Reached::Link(what) => return Ok(ended(way, path, to, what, Some(place), None)),
            Reached::Nothing => return Ok(way),
        }
    }
    let rest: Vec<Vec<u8>> = path.names().skip(at.names().count()).map(<[u8]>::to_vec).collect();
    for name in rest {
        let address = group.info()?.id.address;
        way.groups.push(address);
        let here = at.child(&name);
        let place = (address, name);
        way.place = Some(place.clone());
        let reached = match moved.came.get(&place) {
            Some(from) => reach(parents, from)?.1,
            None if moved.gone.contains_key(&place) => Reached::Nothing,
            None => member(&group, &place.1)?,
        };
        match reached {
            Reached::Nothing => {
                if here != *path {
                    way.place = None;
                }
                return Ok(way);
            }
            Reached::Object(object, info) if info.kind == Kind::Group && here != *path => (at, group) = (here, object),
            Reached::Object(_, info) => return Ok(ended(way, path, &here, word(info.kind), Some(place), Some(info.address))),
            Reached::Link(what) => return Ok(ended(way, path, &here, what, Some(place), None)),
        }
    }
    Ok(way)
}

/// The way is at its end, or cannot go on.
fn ended(way: Way, path: &H5Path, at: &H5Path, what: &'static str, place: Option<LinkPlace>, object: Option<u64>) -> Way {
    match at == path {
        true => Way { end: EndSeen::Present(what), place, object, ..way },
        false => Way { end: EndSeen::Blocked { at: at.clone(), what }, place: None, ..way },
    }
}

struct Info {
    kind: Kind,
    address: u64,
}

enum Reached {
    Nothing,
    Object(Object, Info),
    /// A link that is not hard: what it is.
    Link(&'static str),
}

/// What stands at a path that a pending move moves from, and where its link is.
fn reach(parents: &mut Parents, from: &H5Path) -> Result<(LinkPlace, Reached), H5Error> {
    let group = parents.group_of(from)?;
    let place = (group.info()?.id.address, from.name().to_vec());
    Ok((place, member(group, from.name())?))
}

fn member(group: &Object, name: &[u8]) -> Result<Reached, H5Error> {
    Ok(match group.link(name)? {
        None => Reached::Nothing,
        Some(Link::Hard(address)) => {
            let object = group.open_hard(name, address)?;
            let info = object.info()?;
            Reached::Object(object, Info { kind: info.kind, address: info.id.address })
        }
        Some(Link::Soft(_)) => Reached::Link("soft link"),
        Some(Link::External { .. }) => Reached::Link("external link"),
        Some(Link::UserDefined { .. }) => Reached::Link("user-defined link"),
    })
}

fn word(kind: Kind) -> &'static str {
    match kind {
        Kind::Group => "group",
        Kind::Dataset => "dataset",
        Kind::Type => "committed type",
        Kind::Unknown => "object of an unknown kind",
    }
}

/// Lists the soft links of the file whose targets, by name, are at or below one of these paths, and the virtual datasets whose sources are.
/// Groups that cannot be searched are left out.
pub(super) fn pointing(file: &File, away: &BTreeSet<H5Path>, moved: &mut Moved) -> Result<(), H5Error> {
    let places = places(file, away, moved)?;
    let removed: BTreeSet<LinkPlace> = places.keys().filter(|place| !moved.gone.contains_key(*place)).cloned().collect();
    let root = file.root()?;
    let mut seen: BTreeSet<ObjectId> = BTreeSet::from([root.info()?.id]);
    let mut descent = Descent::after(&moved.gone).last(&removed);
    let (mut list, mut more, mut sources) = (Vec::new(), false, Vec::new());
    // A root that cannot be listed has no links to tell of.
    let _ = descent.enter(root, H5Path::root());
    while let Some(visited) = descent.step() {
        let path = visited.path.clone();
        match visited.member() {
            Ok(Member::Link(Link::Soft(target))) => {
                let leads =
                    leads_to(&path, &target).is_some_and(|to| away.contains(&to) || to.ancestors().iter().any(|p| away.contains(p)));
                more |= leads && list.len() == MOST_POINTING;
                list.extend((leads && !more).then_some((path, target)));
            }
            Ok(Member::Object(object)) => match object.info() {
                Ok(info) if !seen.insert(info.id) => {}
                Ok(info) if info.kind == Kind::Group => _ = descent.enter(object, path),
                Ok(info) if info.kind == Kind::Dataset => sources.extend(virtual_sources(file, &object, &path, &places)),
                Ok(_) | Err(_) => {}
            },
            Ok(Member::Link(Link::Hard(_) | Link::External { .. } | Link::UserDefined { .. })) | Err(_) => {}
        }
    }
    (moved.pointing, moved.more_pointing, moved.sources) = (list, more, sources);
    Ok(())
}

/// The links that go away, and by what paths that is said.
fn places(file: &File, away: &BTreeSet<H5Path>, moved: &Moved) -> Result<BTreeMap<LinkPlace, H5Path>, H5Error> {
    let mut parents = Parents::new(file.root()?);
    let moves = moved.gone.iter().filter_map(|(place, to)| Some((place.clone(), moved.stands.get(to)?.clone())));
    let mut out: BTreeMap<LinkPlace, H5Path> = moves.collect();
    let from: BTreeSet<H5Path> = out.values().cloned().collect();
    for path in away.iter().filter(|path| !from.contains(*path)) {
        out.entry(parents.place_of(&moved.stands_at(path))?).or_insert_with(|| path.clone());
    }
    Ok(out)
}

/// The sources of a dataset in its own file that are not found without these links.
fn virtual_sources(file: &File, object: &Object, path: &H5Path, places: &BTreeMap<LinkPlace, H5Path>) -> Vec<SourceSeen> {
    // What cannot be read has no contents that could change.
    let mappings = object.sources().unwrap_or_default();
    let own: BTreeSet<Vec<u8>> = mappings.into_iter().filter(|m| file.is_called(&m.file)).map(|m| m.path).collect();
    let gone = own.into_iter().filter_map(|source| Some((first_gone(file, &source, places)?, source)));
    gone.map(|(gone, source)| SourceSeen { dataset: path.clone(), source, gone }).collect()
}

/// The first of the links that HDF5 comes through on its way to a source.
fn first_gone(file: &File, source: &[u8], places: &BTreeMap<LinkPlace, H5Path>) -> Option<H5Path> {
    let names = |path: &[u8]| -> Vec<Vec<u8>> { path.split(|b| *b == b'/').rev().map(<[u8]>::to_vec).collect() };
    let (mut group, mut left, mut links) = (file.root().ok()?, names(source), 0);
    while let Some(name) = left.pop() {
        if name.is_empty() || name == b"." {
            continue;
        }
        let address = group.info().ok()?.id.address;
        if name.contains(&b'%') {
            // A number stands there, another one for each block.
            let group = places.range((address, Vec::new())..).take_while(|(place, _)| place.0 == address);
            return group.into_iter().find(|(place, _)| is_numbered(&name, &place.1)).map(|(_, path)| path.clone());
        }
        let place = (address, name);
        if let Some(path) = places.get(&place) {
            return Some(path.clone());
        }
        match group.link(&place.1).ok()?? {
            Link::Hard(address) => group = group.open_hard(&place.1, address).ok()?,
            Link::Soft(target) if links < MOST_LINKS => {
                links += 1;
                if target.starts_with(b"/") {
                    group = file.root().ok()?;
                }
                left.extend(names(&target));
            }
            Link::Soft(_) | Link::External { .. } | Link::UserDefined { .. } => return None,
        }
    }
    None
}

/// Is this a name that a source's name stands for? In it `%b` is a number, and `%%` a `%`.
fn is_numbered(pattern: &[u8], name: &[u8]) -> bool {
    if pattern.len().max(name.len()) > MOST_NAME {
        return false;
    }
    // Where in the name the pattern so far may end.
    let mut ends: Vec<bool> = (0..=name.len()).map(|at| at == 0).collect();
    let mut rest = pattern;
    while let Some((first, after)) = rest.split_first() {
        let (wanted, after) = match (first, after) {
            (b'%', [b'b', after @ ..]) => (None, after),
            (b'%', [b'%', after @ ..]) => (Some(b'%'), after),
            (first, after) => (Some(*first), after),
        };
        rest = after;
        let mut next = vec![false; ends.len()];
        for (at, byte) in name.iter().enumerate() {
            next[at + 1] = match wanted {
                Some(wanted) => ends[at] && *byte == wanted,
                None => byte.is_ascii_digit() && (ends[at] || next[at]),
            };
        }
        ends = next;
    }
    ends.last() == Some(&true)
}

#[cfg(test)]
mod tests {
    use super::is_numbered;

    #[test]
    fn numbers_in_names_of_sources() {
        for (pattern, name, is) in [
            ("a%b", "a0", true),
            ("a%b", "a", false),
            ("a%b", "a12", true),
            ("%b1", "11", true),
            ("%bx", "7y", false),
            ("50%%", "50%", true),
            ("50%", "50%", true),
            ("50%%", "50%%", false),
        ] {
            assert_eq!(is_numbered(pattern.as_bytes(), name.as_bytes()), is, "{pattern} {name}");
        }
    }
}
