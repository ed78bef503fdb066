//! Which part of what is declared a command is about.
//!
//! The rest is not planned, not applied and not verified: as if it were not declared. What may come to be declared in other forms has its
//! place in [`Desired::narrow`] and [`Desired::is_declared_by_globs`].

use std::collections::BTreeSet;
use std::sync::Arc;

use super::{
    AttrMask, AttrRule, Desired, DesiredAttr, DesiredGroup, DesiredKind, DesiredObject, Each, Glob, H5Path, Mask, Move, RemovalTarget,
    at_or_below,
};

/// A part of what is declared. The default is all of it.
#[derive(Clone, Debug, Default)]
pub struct Scope {
    /// Only these objects, with all that is below them; none means all.
    pub targets: Vec<Glob>,
    /// Not these, nor what is below them.
    pub excludes: Vec<Glob>,
    /// What may differ.
    pub ignored: Vec<Mask>,
}

/// What becomes of something that is declared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// It is planned.
    Planned,
    /// It is in scope, but may differ.
    Ignored,
    /// It is not looked at.
    Out,
}

/// Something in scope that may differ, and so is not looked at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ignored {
    /// The object.
    pub path: H5Path,
    /// What of it.
    pub what: IgnoredPart,
}

/// What of an object may differ.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum IgnoredPart {
    /// All of it: its kind.
    Object(&'static str),
    /// An attribute.
    Attr(Vec<u8>),
}

impl Scope {
    /// Is it everything?
    pub fn is_whole(&self) -> bool {
        self.targets.is_empty() && self.excludes.is_empty() && self.ignored.is_empty()
    }

    /// What becomes of this object.
    pub fn part(&self, path: &H5Path) -> Part {
        self.part_of_any([path])
    }

    /// What becomes of something with several paths: an object with several names, or a move. One of them is enough to leave it out, and one
    /// that is meant is enough to mean it.
    pub fn part_of_any<'p>(&self, paths: impl IntoIterator<Item = &'p H5Path> + Clone) -> Part {
        let any = |is: &dyn Fn(&H5Path) -> bool| paths.clone().into_iter().any(is);
        let objects = || self.ignored.iter().filter_map(Mask::objects);
        match () {
            () if any(&|path| covers(self.excludes.iter(), path)) => Part::Out,
            () if !self.targets.is_empty() && !any(&|path| covers(self.targets.iter(), path)) => Part::Out,
            () if any(&|path| covers(objects(), path)) => Part::Ignored,
            () => Part::Planned,
        }
    }

    /// What it is about, less what it is about wherever that is.
    pub(super) fn reach(&self) -> Vec<Vec<Glob>> {
        let objects = self.targets.iter().chain(&self.excludes).chain(self.ignored.iter().filter_map(Mask::objects));
        let below = |glob: &Glob| [Some(glob.clone()), Glob::new(&format!("{}/**", glob.text())).ok()].into_iter().flatten().collect();
        let with_all = objects.filter(|glob| !glob.matches_everything() && glob.text() != "/").map(below);
        let attrs = self.ignored.iter().filter_map(Mask::attrs).map(AttrMask::path).filter(|glob| !glob.matches_everything());
        with_all.chain(attrs.map(|glob| vec![glob.clone()])).collect()
    }

    /// May this attribute rule of an object be left undone?
    pub fn ignores(&self, path: &H5Path, attr: &DesiredAttr) -> bool {
        self.ignored.iter().filter_map(Mask::attrs).any(|mask| is_about(mask, path, attr))
    }
}

/// Is the rule about an attribute that the mask leaves out?
fn is_about(mask: &AttrMask, path: &H5Path, attr: &DesiredAttr) -> bool {
    let from = match &attr.rule {
        AttrRule::RenameFrom { from, .. } => Some(from),
        AttrRule::Set(_)
        | AttrRule::Default(_)
        | AttrRule::Replace(_)
        | AttrRule::Empty(_)
        | AttrRule::Absent
        | AttrRule::Map(_)
        | AttrRule::Cast(_)
        | AttrRule::Join { .. }
        | AttrRule::CopyFrom { .. } => None,
    };
    mask.matches(path, &attr.name) || from.is_some_and(|from| mask.matches(path, from))
}

/// Does any of them match the path, or what it is below of (but for the root)?
fn covers<'a>(globs: impl Iterator<Item = &'a Glob>, path: &H5Path) -> bool {
    let above = path.ancestors();
    globs.into_iter().any(|glob| glob.matches(path) || above.iter().any(|p| !p.is_root() && glob.matches(p)))
}

impl Desired {
    /// Leaves out what is not in scope. Groups that lead to something in scope stay what they are declared as, without their attributes:
    /// where they are missing, they are made. The error: targets that nothing declared matches.
    pub fn narrow(&mut self, scope: Scope) -> Result<(), Vec<String>> {
        let unknown: Vec<String> = scope.targets.iter().filter(|t| !self.declares(t)).map(|t| t.text().to_owned()).collect();
        if !unknown.is_empty() {
            return Err(unknown);
        }
        let mut ignored = Vec::new();
        let planned = |path: &H5Path| scope.part(path) == Part::Planned;
        let inside = self.objects.keys().chain(self.patches.iter().map(|p| &p.path)).filter(|path| planned(path));
        let above: BTreeSet<H5Path> = inside.flat_map(H5Path::ancestors).collect();
        self.objects.retain(|path, object| match scope.part(path) {
            Part::Planned => {
                attrs(&scope, path, object, &mut ignored);
                true
            }
            Part::Ignored => {
                ignored.push(Ignored { path: path.clone(), what: IgnoredPart::Object(object.kind.word()) });
                false
            }
            Part::Out => above.contains(path) && leads_on(object),
        });
        self.patches.retain(|patch| match scope.part(&patch.path) {
            Part::Planned => true,
            Part::Ignored => {
                ignored.push(Ignored { path: patch.path.clone(), what: IgnoredPart::Object("contents") });
                false
            }
            Part::Out => false,
        });
        self.removals.retain(|removal| match &removal.target {
            RemovalTarget::Path(path) => match scope.part(path) {
                Part::Planned => true,
                Part::Ignored => {
                    ignored.push(Ignored { path: path.clone(), what: IgnoredPart::Object("object") });
                    false
                }
                Part::Out => false,
            },
            // What they match is known when the file has been looked at.
            RemovalTarget::Match(_) => true,
        });
        let needed: Vec<bool> = self.moves.iter().map(|one| self.is_needed(one, &scope)).collect();
        let mut needed = needed.into_iter();
        self.moves.retain(|one| {
            let needed = needed.next().unwrap_or(false);
            match scope.part_of_any([&one.from, &one.to]) {
                Part::Planned => true,
                Part::Ignored => {
                    ignored.push(Ignored { path: one.to.clone(), what: IgnoredPart::Object("move") });
                    false
                }
                Part::Out => needed,
            }
        });
        self.ignored = ignored;
        self.scope = scope;
        Ok(())
    }

    /// Which of these are about something that is declared: an object, or an attribute that is spoken of.
    pub fn speaks_of(&self, masks: &[Mask]) -> Vec<bool> {
        let removed = self.removals.iter().filter_map(|removal| match &removal.target {
            RemovalTarget::Path(path) => Some(path),
            RemovalTarget::Match(_) => None,
        });
        let moved = self.moves.iter().flat_map(|one| [&one.from, &one.to]);
        let paths: BTreeSet<&H5Path> =
            self.objects.keys().chain(self.patches.iter().map(|p| &p.path)).chain(removed).chain(moved).collect();
        let above: BTreeSet<H5Path> = paths.iter().flat_map(|path| path.ancestors()).collect();
        let one = |mask: &Mask| match mask {
            Mask::Objects(glob) => paths.iter().copied().chain(&above).any(|path| glob.matches(path)) || self.may_remove(glob),
            Mask::Attrs(mask) => {
                let own =
                    |path: &H5Path| self.objects.get(path).is_some_and(|object| object.attrs.iter().any(|attr| is_about(mask, path, attr)));
                paths.iter().copied().chain(&above).any(|path| own(path) || self.rules_speak_of(path, mask))
            }
            Mask::File => true,
        };
        masks.iter().map(one).collect()
    }

    /// May a removal by globs be about what this glob is about? Once it is done, no file tells.
    fn may_remove(&self, glob: &Glob) -> bool {
        let texts = self.removals.iter().filter_map(|removal| match &removal.target {
            RemovalTarget::Path(_) => None,
            RemovalTarget::Match(texts) => Some(texts),
        });
        let path = H5Path::parse(glob.text()).ok().filter(|_| glob.source().is_none());
        texts.flatten().filter_map(|text| Glob::new(text).ok()).any(|removed| match &path {
            Some(path) => covers(std::iter::once(&removed), path),
            None => removed.plain().starts_with(glob.plain()) || glob.plain().starts_with(removed.plain()),
        })
    }

    /// Does a rule that may be about this object speak of such an attribute?
    pub fn rules_speak_of(&self, path: &H5Path, mask: &AttrMask) -> bool {
        let speaks = |each: &Each| each.attrs.iter().any(|attr| is_about(mask, path, attr));
        mask.path().matches(path) && self.each.iter().any(|each| speaks(each) && each.globs.iter().any(|glob| glob.matches(path)))
    }

    /// Does a move that no target matches lead to something in scope? Everything else names objects by their paths after the moves. Where only
    /// the file can tell what there is, it may be so.
    fn is_needed(&self, one: &Move, scope: &Scope) -> bool {
        let out = |globs: &[Glob]| [&one.from, &one.to].into_iter().any(|path| covers(globs.iter(), path));
        let ignored = || scope.ignored.iter().filter_map(Mask::objects);
        if out(&scope.excludes) || [&one.from, &one.to].into_iter().any(|path| covers(ignored(), path)) {
            return false;
        }
        let removed = self.removals.iter().filter_map(|removal| match &removal.target {
            RemovalTarget::Path(path) => Some(path),
            RemovalTarget::Match(_) => None,
        });
        let mut kept = self.objects.keys().chain(self.patches.iter().map(|p| &p.path)).chain(removed);
        let by_globs = || {
            let removals = self.removals.iter().filter_map(|removal| match &removal.target {
                RemovalTarget::Path(_) => None,
                RemovalTarget::Match(texts) => Some(texts.iter().filter_map(|text| Glob::new(text).ok())),
            });
            let may = |glob: &Glob| glob.matches(&one.to) || glob.may_match_below(&one.to);
            self.each.iter().flat_map(|each| &each.globs).any(may) || removals.flatten().any(|glob| may(&glob))
        };
        kept.any(|path| at_or_below(path, &one.to)) || (scope.targets.iter().any(|target| target.may_match_below(&one.to)) && by_globs())
    }

    /// Is anything declared that a target matches, or that is below it?
    fn declares(&self, target: &Glob) -> bool {
        let removed = self.removals.iter().filter_map(|removal| match &removal.target {
            RemovalTarget::Path(path) => Some(path),
            RemovalTarget::Match(_) => None,
        });
        let moved = self.moves.iter().flat_map(|one| [&one.from, &one.to]);
        let mut paths = self.objects.keys().chain(self.patches.iter().map(|p| &p.path)).chain(removed).chain(moved);
        self.is_declared_by_globs() || paths.any(|path| covers(std::iter::once(target), path))
    }

    /// Is there something of which only the file tells what it is about?
    fn is_declared_by_globs(&self) -> bool {
        !self.each.is_empty() || self.removals.iter().any(|removal| matches!(removal.target, RemovalTarget::Match(_)))
    }
}

fn attrs(scope: &Scope, path: &H5Path, object: &mut DesiredObject, ignored: &mut Vec<Ignored>) {
    let (out, kept): (Vec<&DesiredAttr>, Vec<&DesiredAttr>) = object.attrs.iter().partition(|attr| scope.ignores(path, attr));
    if out.is_empty() {
        return;
    }
    ignored.extend(out.into_iter().map(|attr| Ignored { path: path.clone(), what: IgnoredPart::Attr(attr.name.clone()) }));
    let kept: Vec<DesiredAttr> = kept.into_iter().cloned().collect();
    object.attrs = Arc::from(kept);
}

/// Makes of a declared object what is needed of it to come to what is below it. `false`: nothing is.
fn leads_on(object: &mut DesiredObject) -> bool {
    let DesiredKind::Group(DesiredGroup { .. }) = &object.kind else { return false };
    object.attrs = Arc::from([]);
    object.comment = None;
    true
}
