//! Steps for contents.

use super::step::{Action, Aspect, Blocks, Conflict, Kept, Step};
use crate::diag::Finding;
use crate::model::{Desired, H5Path, LayerKind, Layout, Observed, RegionSeen, Rule, SourceFile, contents};

/// One step for every region that differs or is new.
pub(super) fn plan(
    desired: &Desired,
    observed: &Observed,
    no_data: bool,
    steps: &mut Vec<Step>,
    kept: &mut Vec<Kept>,
    conflicts: &mut Vec<Conflict>,
) {
    let (all, findings) = contents(desired, observed);
    for finding in findings {
        let path = desired
            .patches
            .iter()
            .find(|p| finding.labels.iter().any(|l| l.span == p.select.span || l.span == p.fill.origin))
            .map(|p| p.path.clone());
        conflicts.push(Conflict { path: path.unwrap_or_else(H5Path::root), finding });
    }
    for (path, dataset) in all {
        if let Some(layout) = observed
            .dataset(&path)
            .map(|s| &s.layout)
            .filter(|l| matches!(l, Layout::External(_) | Layout::Virtual(_) | Layout::Unknown(_)))
        {
            let what = format!("{path} is stored {}ly; its contents are not written through", layout.word().trim_end_matches("ly"));
            let origin = dataset.layers[0].origin;
            conflicts.push(Conflict {
                path: path.clone(),
                finding: Finding::error("foreign-storage", what).at(origin, "").help("change the file that holds the elements"),
            });
            continue;
        }
        // A copy of another dataset needs no filter: its chunks are compared, and copied, as they are stored.
        let compared = observed.regions.get(&(path.clone(), 0));
        let a_copy = dataset.layers.len() == 1
            && match compared {
                Some(seen) => seen.differing == 0 || !seen.blocks.is_empty(),
                None => no_data && matches!(dataset.layers[0].fill.rule, Rule::Source(SourceFile::Hdf5 { select: None, .. })),
            };
        if let Some(filter) = observed.dataset(&path).and_then(|s| s.lacking.as_ref()).filter(|_| !a_copy) {
            let what = match compared {
                Some(seen) => format!(
                    "{path} has stored chunks that its source has not ({} of {} elements differ), and they are compressed with {filter}, \
                     a filter that this h5mason does not have",
                    seen.differing, seen.elements
                ),
                None => format!("the elements of {path} are compressed with {filter}, a filter that this h5mason does not have"),
            };
            let finding = Finding::error("filter-missing", what)
                .at(dataset.layers[0].origin, "")
                .help("leave its contents alone; its attributes can be changed")
                .help("or name the folder of a plugin for it in HDF5_PLUGIN_PATH, and add --allow plugins");
            conflicts.push(Conflict { path: path.clone(), finding });
            continue;
        }
        let element = dataset.dtype.size() as u64;
        for (number, layer) in dataset.layers.iter().enumerate() {
            let compared = observed.regions.get(&(path.clone(), number));
            let elements = layer.region.elements();
            let (blocks, seen) = match (compared, layer.fresh) {
                (_, true) => (Blocks::All, RegionSeen { elements, differing: elements, ..RegionSeen::default() }),
                (Some(seen), false) if seen.differing == 0 => {
                    kept.push(Kept { path: path.clone(), aspect: Aspect::Region(layer.clone()), note: "every element as declared".into() });
                    continue;
                }
                (Some(seen), false) => (Blocks::Some(seen.blocks.clone()), seen.clone()),
                (None, false) => {
                    let note = if no_data { "not compared (--no-data)" } else { "not compared" };
                    kept.push(Kept { path: path.clone(), aspect: Aspect::Region(layer.clone()), note: note.into() });
                    continue;
                }
            };
            let reason: std::borrow::Cow<'static, str> = match (layer.kind, &blocks) {
                (LayerKind::Growth, _) => "growth adds it".into(),
                (LayerKind::Fill, Blocks::All) => "the fill of a new dataset".into(),
                (LayerKind::Patch, Blocks::All) => "a patch of a new dataset or region".into(),
                (_, Blocks::Some(_)) => format!("{} of {} elements differ", seen.differing, seen.elements).into(),
            };
            let above = dataset.layers[number + 1..].iter().filter(|l| l.region.may_overlap(&layer.region)).cloned().collect();
            let bytes = seen.differing.saturating_mul(element);
            let action = Action::WriteRegion {
                dtype: Box::new(dataset.dtype.clone()),
                chunk: dataset.chunk.clone().map(Vec::into_boxed_slice),
                layer: layer.clone(),
                above,
                blocks,
                seen: Box::new(seen),
            };
            steps.push(Step { bytes, ..Step::new(path.clone(), action, reason, Some(layer.origin)) });
        }
    }
}
