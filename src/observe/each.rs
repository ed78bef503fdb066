//! What rules for whatever matches are about: the whole file is gone through for them.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::descent::{Descent, Member};
use super::look::Known;
use crate::h5::{File, H5Error, Kind, Object};
use crate::model::{H5Path, Matcher, Moved, Need, Needs, ObjectId, ObjectSeen};

/// Most links that are gone through in groups which have been gone through under another name: hard links can make more paths than anyone
/// can list.
const MOST_AGAIN: usize = 100_000;

/// What was found.
#[derive(Default)]
pub(super) struct Found {
    /// What must be looked at, with its groups.
    pub needed: BTreeMap<H5Path, Arc<Need>>,
    /// What was looked at on the way: all but groups, which must be gone through once more.
    pub seen: BTreeMap<H5Path, Arc<ObjectSeen>>,
    /// What could not be searched, and why.
    pub unsearched: Vec<(H5Path, String)>,
    /// Objects with several names.
    pub known: Known,
}

/// Goes through the file, along hard links, wherever the rules may be about something, and looks at what they are about. `budget`: bytes of the
/// file.
pub(super) fn search(file: &File, needs: &Needs, budget: u64, moved: &Moved) -> Result<Found, H5Error> {
    let root = file.root()?;
    let rules = Matcher::new(needs.each.iter().map(|(globs, _)| globs.as_slice()));
    let entered = BTreeSet::from([root.info()?.id]);
    let mut search = Search {
        moved,
        needs,
        rules,
        budget,
        entered,
        again: MOST_AGAIN,
        again_at: None,
        together: BTreeMap::new(),
        found: Found::default(),
    };
    if let Some(need) = search.need(&H5Path::root()) {
        search.found.needed.insert(H5Path::root(), need);
    }
    let mut descent = Descent::after(&moved.gone);
    if let Err(why) = descent.enter(root, H5Path::root()) {
        search.found.unsearched.push((H5Path::root(), why));
    }
    while let Some(visited) = descent.step() {
        let path = visited.path.clone();
        let object = match visited.member() {
            Ok(Member::Object(object)) => object,
            Ok(Member::Link(_)) => continue,
            Err(why) => {
                search.found.unsearched.push((path, why));
                continue;
            }
        };
        let searched = search.visit(&path, &object, &descent).and_then(|enter| match enter {
            true => descent.enter(object, path.clone()),
            false => Ok(()),
        });
        if let Err(why) = searched {
            search.found.unsearched.push((path, why));
        }
    }
    Ok(search.found)
}

struct Search<'a> {
    moved: &'a Moved,
    needs: &'a Needs,
    rules: Matcher<'a>,
    budget: u64,
    /// Groups that were gone through.
    entered: BTreeSet<ObjectId>,
    /// How many more visits there may be below groups that were gone through before.
    again: usize,
    /// The topmost such group that the search is in.
    again_at: Option<H5Path>,
    /// What rules need together, by their numbers.
    together: BTreeMap<Vec<usize>, Arc<Need>>,
    found: Found,
}

impl Search<'_> {
    fn need(&mut self, path: &H5Path) -> Option<Arc<Need>> {
        let mut hits = self.rules.hits(path);
        let linked = self.needs.linked.names(path);
        if !linked.is_empty() {
            hits.extend(linked.iter().flat_map(|name| self.rules.hits(name)));
            hits.sort_unstable();
            hits.dedup();
        }
        if hits.is_empty() {
            return None;
        }
        let need = self.together.entry(hits).or_insert_with_key(|hits| {
            let mut need = Need::default();
            hits.iter().for_each(|n| need.join(&self.needs.each[*n].1));
            Arc::new(need)
        });
        Some(match self.needs.objects.get(path) {
            Some(own) => {
                let mut need = Need::clone(need);
                need.join(own);
                Arc::new(need)
            }
            None => Arc::clone(need),
        })
    }

    /// May one of the rules be about something below this path?
    fn leads_on(&self, path: &H5Path) -> bool {
        let ends_below = || self.needs.linked.ends().any(|(link, end)| path.is_above(end) && self.rules.leads_on(link));
        self.rules.leads_on(path) || self.needs.linked.names(path).iter().any(|name| self.rules.leads_on(name)) || ends_below()
    }

    fn ask(&mut self, path: &H5Path, need: Arc<Need>) {
        let mut above = path.parent();
        while let Some(parent) = above.filter(|p| !self.found.needed.contains_key(p)) {
            above = parent.parent();
            self.found.needed.insert(parent, Arc::default());
        }
        self.found.needed.insert(path.clone(), need);
    }

    /// Keeps what is needed of an object. Is it a group to go on in? Fails with a clause.
    fn visit(&mut self, path: &H5Path, object: &Object, descent: &Descent<'_>) -> Result<bool, String> {
        self.again_at.take_if(|top| !top.is_above(path));
        self.again = self.again.saturating_sub(usize::from(self.again_at.is_some()));
        let info = object.info().map_err(|e| e.cause)?;
        self.found.known.notice(info);
        if let Some(need) = self.need(path) {
            if info.kind != Kind::Group {
                let seen = self.found.known.look(object, &need, self.budget).map_err(|e| e.cause)?;
                self.found.seen.insert(path.clone(), seen);
            }
            self.ask(path, need);
        }
        // What is moved has another path afterwards, wherever it is.
        if info.kind != Kind::Group || !(self.leads_on(path) || self.moved.is_pending()) {
            return Ok(false);
        }
        // What moves bring into the group has a path for each name of it.
        for (_, name) in self.moved.came.keys().filter(|(group, _)| *group == info.id.address) {
            let path = path.child(name);
            if let Some(need) = self.need(&path) {
                self.ask(&path, need);
            }
        }
        if self.entered.insert(info.id) {
            return Ok(true);
        }
        // Its members have other paths here. Within itself they would have them without end.
        if descent.encloses(info.id) {
            return Ok(false);
        }
        if self.again == 0 {
            return Err("its members have more paths than are followed: they are known by others".into());
        }
        self.again_at.get_or_insert_with(|| path.clone());
        Ok(true)
    }
}
