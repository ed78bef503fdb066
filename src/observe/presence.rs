//! What globs of a command line are about at all.

use super::descent::{Descent, Member};
use crate::h5::{File, H5Error, Kind, Object};
use crate::model::{Desired, H5Path, Mask};

/// Most links that are gone through: hard links can make more paths than anyone can list.
const MOST_LINKS: usize = 10_000_000;

/// Which of these are about something in the file, by its paths now or after the moves: an object, or an attribute that is there or that a
/// rule speaks of. What cannot be read, or is too much, is held to be what is meant.
pub fn presence(file: &File, desired: &Desired, masks: &[&Mask]) -> Result<Vec<bool>, H5Error> {
    let mut search = Search { desired, masks, found: vec![false; masks.len()] };
    let root = file.root()?;
    search.visit(&H5Path::root(), Some(&root));
    let mut descent = Descent::default();
    if descent.enter(root, H5Path::root()).is_err() {
        return Ok(vec![true; masks.len()]);
    }
    let mut left = MOST_LINKS;
    while let Some(visited) = descent.step() {
        if search.found.iter().all(|found| *found) {
            break;
        }
        left = left.saturating_sub(1);
        let path = visited.path.clone();
        let member = visited.member();
        let object = match &member {
            Ok(Member::Object(object)) => Some(object),
            Ok(Member::Link(_)) | Err(_) => None,
        };
        search.visit(&path, object);
        let Ok(Member::Object(object)) = member else { continue };
        let Ok(info) = object.info() else { continue };
        if info.kind != Kind::Group || !search.leads_on(&path) || descent.encloses(info.id) {
            continue;
        }
        if left == 0 || descent.enter(object, path).is_err() {
            return Ok(vec![true; masks.len()]);
        }
    }
    Ok(search.found)
}

struct Search<'a> {
    desired: &'a Desired,
    masks: &'a [&'a Mask],
    found: Vec<bool>,
}

impl Search<'_> {
    fn leads_on(&self, path: &H5Path) -> bool {
        // What is moved has another path afterwards, wherever it is.
        let left = || self.masks.iter().zip(&self.found).filter(|(_, found)| !**found);
        !self.desired.moves.is_empty() || left().any(|(mask, _)| mask.path().is_some_and(|glob| glob.may_match_below(path)))
    }

    /// `object`: where it can be opened.
    fn visit(&mut self, path: &H5Path, object: Option<&Object>) {
        let mut paths = vec![path.clone()];
        paths.extend(self.desired.moves.iter().filter_map(|one| path.moved(&one.from, &one.to)));
        let names = || object.and_then(|object| object.attr_names(false).ok()).unwrap_or_default();
        for (mask, found) in self.masks.iter().zip(&mut self.found).filter(|(_, found)| !**found) {
            *found = match mask {
                Mask::Objects(glob) => paths.iter().any(|path| glob.matches(path)),
                Mask::Attrs(mask) => paths.iter().any(|path| {
                    let here = mask.path().matches(path);
                    here && (names().iter().any(|name| mask.matches(path, name)) || self.desired.rules_speak_of(path, mask))
                }),
                Mask::File => true,
            };
        }
    }
}
