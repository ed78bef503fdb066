//! A declared dataset beside the one in the file.

use std::sync::Arc;

use super::step::{Action, Aspect, Conflict, Hazard, Kept, Step};
use crate::diag::{Finding, Span};
use crate::model::{
    Carry, Contents, Definition, DesiredDataset, Dtype, Elements, FillValue, H5Path, Layout, MaxShape, Observed, OnMismatch, Rebuild,
    Recast, SeenDataset, Shape, encode_one, resizes, settled, told_apart,
};

/// What comparing a dataset that exists comes to.
#[derive(Default)]
pub(super) struct Comparison {
    pub steps: Vec<Step>,
    pub kept: Vec<Kept>,
    pub conflicts: Vec<Conflict>,
    /// What it must be made anew as.
    pub rebuild: Option<Rebuild>,
}

pub(super) fn compare(path: &H5Path, wanted: &DesiredDataset, seen: &SeenDataset, origin: Span, observed: &Observed) -> Comparison {
    let mut c = Comparer { path, observed, on_mismatch: wanted.on_mismatch, reasons: Vec::new(), out: Comparison::default() };
    if let Some(d) = &wanted.definition {
        if !observed.same_type(&d.dtype, &seen.dtype) {
            let (declared, file) = names(&d.dtype, &seen.dtype);
            c.mismatch("dtype", d.dtype_at, format!("is declared as {declared}, the file has {file}"));
        }
        c.extent(d, seen, origin);
    }
    if let Some((count, at)) = wanted.named_axes.filter(|(n, _)| *n != seen.shape.rank()) {
        let message = format!("`dims` of {path} names {count} axes, the dataset has {} (shape {})", seen.shape.rank(), seen.shape);
        c.conflict(Finding::error("dims", message).at(at, ""));
    }
    c.storage(wanted, seen);
    if !c.reasons.is_empty() && c.out.conflicts.is_empty() {
        c.rebuild(wanted, seen, origin);
    }
    if c.out.rebuild.is_none() && c.out.conflicts.is_empty() && c.out.steps.is_empty() {
        c.out.kept.push(Kept { path: path.clone(), aspect: Aspect::Word("dataset"), note: "as declared".into() });
    }
    c.out
}

fn names(a: &Dtype, b: &Dtype) -> (String, String) {
    let (told, other) = told_apart(a, b);
    let with_numpy = |told: String, dtype: &Dtype| match dtype.numpy_name() {
        numpy if numpy == dtype.to_string() => told,
        numpy => format!("{told} ({numpy})"),
    };
    (with_numpy(told, a), with_numpy(other, b))
}

struct Comparer<'a> {
    path: &'a H5Path,
    observed: &'a Observed,
    on_mismatch: OnMismatch,
    /// What only a new dataset can be.
    reasons: Vec<String>,
    out: Comparison,
}

impl Comparer<'_> {
    fn conflict(&mut self, finding: Finding) {
        self.out.conflicts.push(Conflict { path: self.path.clone(), finding });
    }

    /// An aspect that cannot change in place.
    fn mismatch(&mut self, aspect: &'static str, at: Span, what: String) {
        if self.on_mismatch != OnMismatch::Refuse {
            return self.reasons.push(format!("{aspect} {}", what.strip_prefix("is ").unwrap_or(&what)));
        }
        let finding = Finding::error("mismatch", format!("{aspect} of {}: it {what}", self.path))
            .at(at, "")
            .note(format!("HDF5 cannot change the {aspect} of a dataset in place"))
            .help("declare what the file has, or leave it out")
            .help("or make the dataset anew, with its elements: on_mismatch = \"convert\"; without them: \"replace\"")
            .help("or remove the dataset with [[remove]] in a manifest of its own and build it again");
        self.conflict(finding);
    }

    /// A new dataset in the place of the one that is there, with its extent: nothing else of it changes.
    fn rebuild(&mut self, wanted: &DesiredDataset, seen: &SeenDataset, origin: Span) {
        self.out.steps.clear();
        let settled = match (self.on_mismatch, &wanted.definition) {
            (OnMismatch::Replace, Some(definition)) => Ok(Definition::clone(definition)),
            (OnMismatch::Replace, None) => Err("it can only be replaced where `dtype` and `shape` are declared".into()),
            (OnMismatch::Refuse | OnMismatch::Convert, _) => settled(wanted, seen, self.observed, origin),
        };
        match settled.and_then(|d| carried(wanted, seen, &d).map(|carry| (d, carry))) {
            Ok((definition, carry)) => {
                let reasons = std::mem::take(&mut self.reasons);
                self.out.rebuild = Some(Rebuild { definition: Arc::new(definition), carry, reasons });
            }
            Err(why) => {
                let finding = Finding::error("convert", format!("{} cannot be converted: {why}", self.path)).at(origin, "");
                self.conflict(finding.note(self.reasons.join("; ")));
            }
        }
    }

    fn extent(&mut self, d: &Definition, seen: &SeenDataset, origin: Span) {
        let wanted = d.extent_over(&seen.shape);
        if wanted == seen.shape {
            return;
        }
        if let (true, Shape::Simple(before), Shape::Simple(after)) = (resizes(&wanted, seen), &seen.shape, &wanted) {
            let (before, after) = (before.clone(), after.clone());
            let (action, hazard) = match after.iter().zip(&before).any(|(a, b)| a < b) {
                true => (Action::Shrink { before, after }, Hazard::Destructive),
                false => (Action::Grow { before, after }, Hazard::None),
            };
            let reason = format!("shape {} in the file, {} declared", seen.shape, d.shape);
            self.out.steps.push(Step { hazard, ..Step::new(self.path.clone(), action, reason, Some(origin)) });
            return;
        }
        let same_rank = wanted.rank() == seen.shape.rank() && matches!((&wanted, &seen.shape), (Shape::Simple(_), Shape::Simple(_)));
        let shrinks = wanted.rank() == seen.shape.rank() && wanted.dims().iter().zip(seen.shape.dims()).any(|(w, s)| w < s);
        let anew = match self.on_mismatch {
            OnMismatch::Refuse => false,
            OnMismatch::Convert => same_rank,
            OnMismatch::Replace => true,
        };
        if anew {
            return self.reasons.push(format!("shape declared as {}, the file has {}", d.shape, seen.shape));
        }
        let mut finding = Finding::error("shape", format!("shape of {}: {} is declared, the file has {}", self.path, d.shape, seen.shape))
            .at(d.shape_at, "");
        finding = if wanted.rank() != seen.shape.rank() {
            finding.note("the number of axes cannot change")
        } else if shrinks {
            finding.note("only a dataset in chunks can shrink in place").help("make it anew, with on_mismatch = \"convert\"")
        } else {
            finding.note(format!("it can grow to {} at most", max_text(&seen.maxshape)))
        };
        self.conflict(finding.help("declare the shape that the file has"));
    }

    fn storage(&mut self, wanted: &DesiredDataset, seen: &SeenDataset) {
        let owned = &wanted.owned;
        if let Some((max, at)) = &owned.maxshape {
            if *max != seen.maxshape {
                self.mismatch("maxshape", *at, format!("is declared as {}, the file has {}", max_text(max), max_text(&seen.maxshape)));
            }
        } else if let Some(d) = wanted.definition.as_ref().filter(|d| d.minimum.contains(&true)) {
            let differs = d.maxshape.len() == seen.maxshape.len() && d.minimum.iter().zip(&seen.maxshape).any(|(m, s)| *m && s.is_some());
            if differs {
                self.mismatch("maxshape", d.shape_at, format!("is unlimited by its dimension, the file has {}", max_text(&seen.maxshape)));
            }
        }
        if let Some((layout, at)) = &owned.layout {
            match (layout, &seen.layout) {
                (Layout::External(_), Layout::External(_)) | (Layout::Virtual(_), Layout::Virtual(_))
                    if !layout.same_sources(&seen.layout) =>
                {
                    self.mismatch(layout.word(), *at, "is declared with other sources than the file has".into());
                }
                (layout, seen) if layout.word() != seen.word() => {
                    self.mismatch("layout", *at, format!("is declared as {}, the file has {}", layout.word(), seen.word()));
                }
                _ => {}
            }
        }
        if let Some((chunks, at)) = &owned.chunks {
            match (&seen.layout, chunks) {
                (Layout::Chunked { chunk, .. }, Some(wanted)) if chunk != wanted => {
                    self.mismatch("chunks", *at, format!("is declared as {}, the file has {}", list(wanted), list(chunk)));
                }
                (Layout::Chunked { .. }, _) => {}
                (other, _) => self.mismatch("chunks", *at, format!("is declared, the file's layout is {}", other.word())),
            }
        }
        if let Some((filters, at)) = &owned.filters
            && !(filters.len() == seen.layout.filters().len() && filters.iter().zip(seen.layout.filters()).all(|(a, b)| a.matches(b)))
        {
            let text = |f: &[crate::model::Filter]| {
                if f.is_empty() { "none".into() } else { f.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ") }
            };
            self.mismatch("filters", *at, format!("is declared as {}, the file has {}", text(filters), text(seen.layout.filters())));
        }
        self.fill_value(wanted, seen);
        if let Some((time, at)) = owned.fill_time {
            // A variable-length type turns ifset into alloc.
            let stored = if seen.dtype.has_variable_length() && time == crate::model::FillTime::IfSet {
                crate::model::FillTime::Alloc
            } else {
                time
            };
            if stored != seen.fill_time && time != seen.fill_time {
                self.mismatch("fill_time", at, format!("is declared as {time}, the file has {}", seen.fill_time));
            }
        }
        if let Some((time, at)) = owned.alloc_time.filter(|(t, _)| *t != seen.alloc_time) {
            self.mismatch("alloc_time", at, format!("is declared as {time}, the file has {}", seen.alloc_time));
        }
        // HDF5 forgets it where one chunk is all and nothing is filtered (H5D__single_idx_init).
        let single = seen.maxshape.iter().zip(seen.shape.dims()).all(|(max, size)| *max == Some(*size))
            && seen.layout.chunk() == Some(seen.shape.dims())
            && seen.layout.filters().is_empty();
        if let Some((partial, at)) = owned.partial_chunks.filter(|(p, _)| *p != seen.partial_chunks && !single) {
            self.mismatch("partial_chunks", at, format!("is declared as {partial}, the file has {}", seen.partial_chunks));
        }
    }

    fn fill_value(&mut self, wanted: &DesiredDataset, seen: &SeenDataset) {
        let Some((declared, at)) = &wanted.owned.fill_value else { return };
        let value = match declared {
            None => FillValue::Undefined,
            Some(literal) => match encode_one(literal, &seen.dtype) {
                Ok(mut value) => {
                    value.rename_targets(&mut |t| self.observed.canonical_target(t));
                    FillValue::Value(value)
                }
                // A dtype that differs has been reported already.
                Err(_) if wanted.definition.is_some() => return,
                Err(e) => return self.conflict(Finding::error("fill_value", format!("fill_value of {}: {}", self.path, e.0)).at(*at, "")),
            },
        };
        let same = match (&value, &seen.fill_value) {
            (FillValue::Value(a), FillValue::Value(b)) => a.all_equal(b, &seen.dtype),
            // The library's default is zeros: declaring them asks for nothing else.
            (FillValue::Value(Elements::Fixed(a)), FillValue::Default) => a.iter().all(|b| *b == 0),
            (a, b) => a == b,
        };
        if !same {
            self.mismatch(
                "fill_value",
                *at,
                format!("is declared as {}, the file has {}", fill_text(&value, seen), fill_text(&seen.fill_value, seen)),
            );
        }
    }
}

/// What becomes of the elements. Contents that are declared exactly are made, not converted, where they would be of another dtype. The error
/// is a clause.
fn carried(wanted: &DesiredDataset, seen: &SeenDataset, new: &Definition) -> Result<Carry, String> {
    match wanted.on_mismatch {
        OnMismatch::Replace => Ok(Carry::Nothing),
        _ if seen.dtype != new.dtype && wanted.contents == Contents::Exact && wanted.fill.is_some() => Ok(Carry::Declared),
        OnMismatch::Refuse | OnMismatch::Convert => Recast::new(&seen.dtype, &new.dtype).map(|recast| Carry::Elements(Box::new(recast))),
    }
}

fn fill_text(value: &FillValue, seen: &SeenDataset) -> String {
    match value {
        FillValue::Default => "the default".into(),
        FillValue::Undefined => "none (undefined)".into(),
        FillValue::Value(v) => crate::model::element_text(v, &seen.dtype, 0),
        FillValue::Unreadable => "one of a type that is not read yet".into(),
    }
}

fn list(sizes: &[u64]) -> String {
    format!("{sizes:?}")
}

fn max_text(max: &MaxShape) -> String {
    let sizes: Vec<String> = max.iter().map(|m| m.map_or("unlimited".into(), |m| m.to_string())).collect();
    format!("[{}]", sizes.join(", "))
}
