//! Which moves are pending, and the file as if they had been done.

use std::collections::{BTreeMap, BTreeSet};

use super::descent::{Descent, Member, Parents};
use crate::h5::{File, H5Error, Kind, Link, Object};
use crate::model::{EndSeen, H5Path, LinkPlace, MoveSeen, MoveState, Moved, ObjectId, leads_to};

/// Most soft links that are listed for pointing to what goes away.
const MOST_POINTING: usize = 1000;

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

/// Lists the soft links of the file whose targets, by name, are at or below one of these paths. Groups that cannot be searched are
/// left out: what is listed only makes a warning.
pub(super) fn pointing(file: &File, away: &BTreeSet<H5Path>, moved: &mut Moved) -> Result<(), H5Error> {
    let root = file.root()?;
    let mut seen: BTreeSet<ObjectId> = BTreeSet::from([root.info()?.id]);
    let mut descent = Descent::after(&moved.gone);
    let mut list = Vec::new();
    // A root that cannot be listed has no links to tell of.
    let _ = descent.enter(root, H5Path::root());
    while let Some(visited) = descent.step() {
        let path = visited.path.clone();
        match visited.member() {
            Ok(Member::Link(Link::Soft(target))) => {
                let leads =
                    leads_to(&path, &target).is_some_and(|to| away.contains(&to) || to.ancestors().iter().any(|p| away.contains(p)));
                if leads && list.len() == MOST_POINTING {
                    moved.more_pointing = true;
                    break;
                }
                list.extend(leads.then_some((path, target)));
            }
            Ok(Member::Object(object)) => {
                if object.info().is_ok_and(|info| info.kind == Kind::Group && seen.insert(info.id)) {
                    let _ = descent.enter(object, path);
                }
            }
            Ok(Member::Link(Link::Hard(_) | Link::External { .. } | Link::UserDefined { .. })) | Err(_) => {}
        }
    }
    moved.pointing = list;
    Ok(())
}
