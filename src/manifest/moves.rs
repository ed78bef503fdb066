//! `[[move]]` entries, and what about them can be judged without a file.

use std::collections::{BTreeMap, BTreeSet};

use super::entries::Item;
use super::table::Keys;
use crate::diag::{Finding, Findings, Span};
use crate::model::{Desired, DesiredKind, DesiredLink, H5Path, Move};

const MOVE: Keys = Keys { what: "[[move]]", known: &["from", "to", "optional", "for"], later: &[] };

/// Reads the entries; those that make no sense by themselves are findings.
pub(crate) fn read(items: &[Item], findings: &mut Findings) -> Vec<Move> {
    items.iter().filter_map(|item| one(item, findings)).collect()
}

fn one(item: &Item, findings: &mut Findings) -> Option<Move> {
    MOVE.check(&item.table, findings);
    let end = |key: &str, findings: &mut Findings| {
        let path = item.table.need(key, "[[move]]", item.span).and_then(|node| {
            let text = node.text("a path")?;
            let path = H5Path::parse(text).map_err(|e| Finding::error("path", format!("`{text}` is not a path: {e}")).at(node.span, ""))?;
            match path.is_root() {
                true => Err(Finding::error("move", "the root group can neither move nor be moved to").at(node.span, "")),
                false => Ok(path),
            }
        });
        findings.keep(path)
    };
    let (from, to) = (end("from", findings), end("to", findings));
    let optional = item.table.get("optional").map_or(Ok(false), |e| e.node.bool("`true` or `false`"));
    let (from, to, optional) = (from?, to?, findings.keep(optional)?);
    let wrong = match () {
        () if from == to => Some(format!("{from} is moved to where it is")),
        () if from.is_above(&to) => Some(format!("{from} cannot be moved into itself, to {to}")),
        () if to.is_above(&from) => Some(format!("{from} cannot take the place of {to}, which it is in")),
        () => None,
    };
    if let Some(message) = wrong {
        findings.push(Finding::error("move", message).at(item.span, ""));
        return None;
    }
    Some(Move { origin: item.span, from, to, optional })
}

/// A path at or above this one that the map has.
fn found<'a>(path: &H5Path, map: &'a BTreeMap<&'a H5Path, Span>) -> Option<(&'a H5Path, Span)> {
    let above = path.ancestors();
    let mut known = [path].into_iter().chain(above.iter().rev()).filter_map(|p| map.get_key_value(p));
    known.next().map(|(p, at)| (*p, *at))
}

/// Moves must not build on one another: what was done could not be told from what is to be done. And nothing is declared where it is
/// moved away from.
pub(crate) fn check(desired: &Desired, findings: &mut Findings) {
    if desired.moves.is_empty() {
        return;
    }
    let (mut froms, mut tos) = (BTreeMap::new(), BTreeMap::new());
    for one in &desired.moves {
        for (map, path, what) in [(&mut froms, &one.from, "moved twice"), (&mut tos, &one.to, "moved to twice")] {
            if let Some(first) = map.insert(path, one.origin) {
                findings.push(Finding::error("move", format!("{path} is {what}")).at(one.origin, "again here").at(first, "first here"));
            }
        }
    }
    let mut told = BTreeSet::new();
    for one in &desired.moves {
        let chain = found(&one.from, &tos).map(|hit| (&one.from, hit)).or_else(|| found(&one.to, &froms).map(|hit| (&one.to, hit)));
        let nested = one.from.parent().and_then(|group| found(&group, &froms)).map(|hit| (&one.from, hit));
        if let Some((path, (other, at))) = chain.or(nested)
            && told.insert((one.origin.min(at), one.origin.max(at)))
        {
            let finding = Finding::error("move-chain", format!("{path} is part of two moves: another one moves from or to {other}"));
            findings.push(
                finding
                    .at(one.origin, "")
                    .at(at, "the other one")
                    .note("moves of one manifest do not build on one another, so that what is done can be told from what is not")
                    .help("write one move from the first path to the last one, or move in two manifests, one after the other"),
            );
        }
        if let Some((parent, object)) =
            one.to.ancestors().iter().find_map(|p| desired.objects.get_key_value(p)).filter(|(_, o)| !is_group(&o.kind))
        {
            let word = object.kind.word();
            let message = format!("{} cannot be moved into {parent}, which is a {word}", one.to);
            findings.push(Finding::error("dataset-parent", message).at(one.origin, "").at(object.origin, format!("the {word}")));
        }
    }
    declared(desired, &froms, findings);
}

fn is_group(kind: &DesiredKind) -> bool {
    matches!(kind, DesiredKind::Group(_))
}

/// A link that leads from the old path to the new one is the one thing that may be declared where something is moved away from.
fn declared(desired: &Desired, froms: &BTreeMap<&H5Path, Span>, findings: &mut Findings) {
    let leads_on = |kind: &DesiredKind| match kind {
        DesiredKind::Link(DesiredLink::Soft(_) | DesiredLink::External { .. } | DesiredLink::User { .. }) => true,
        DesiredKind::Link(DesiredLink::Hard { .. }) | DesiredKind::Group(_) | DesiredKind::Dataset(_) | DesiredKind::Type(_) => false,
    };
    let objects = desired.objects.iter().map(|(path, o)| (path, o.origin, leads_on(&o.kind)));
    let patches = desired.patches.iter().map(|p| (&p.path, p.path_at, false));
    for (path, origin, leads_on) in objects.chain(patches) {
        let Some((from, at)) = found(path, froms).filter(|(from, _)| !(leads_on && *from == path)) else { continue };
        findings.push(
            Finding::error("move-declared", format!("{path} is declared, and {from} is moved away"))
                .at(origin, "declared here")
                .at(at, "moved here")
                .note("all other entries name objects by their paths after the moves")
                .help("declare the new path; at the old one, only a soft link can be declared"),
        );
    }
}
