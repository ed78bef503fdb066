//! Datasets that are made anew in their own place, because what is declared cannot be changed in place.

use std::sync::Arc;

use super::{
    Definition, DesiredDataset, Dtype, FillValue, Filter, H5Path, Layout, MaxShape, Observed, Owned, PartialChunks, Recast, SeenDataset,
    Shape, auto_chunks, encode_one, too_large_for_compact,
};
use crate::diag::Span;

/// A dataset that must be made anew to become as declared.
#[derive(Clone, Debug)]
pub struct Rebuild {
    /// What it shall be: as declared, and as it is in the file where nothing is declared.
    pub definition: Arc<Definition>,
    /// What becomes of its elements.
    pub carry: Carry,
    /// What differs, for people.
    pub reasons: Vec<String>,
}

/// What a dataset that is made anew takes over of its elements.
#[derive(Clone, Debug, PartialEq)]
pub enum Carry {
    /// All that have a place in the new extent, as elements of the new dtype.
    Elements(Box<Recast>),
    /// None: others are declared, all of them.
    Declared,
    /// None, and that was asked for.
    Nothing,
}

/// What there is about a dataset that is to be made anew.
#[derive(Clone, Debug)]
pub struct RebuildSeen {
    /// What it shall be.
    pub rebuild: Rebuild,
    /// Its hard links that stay, by path.
    pub names: Vec<H5Path>,
    /// How many more go with what removals take away.
    pub going: usize,
    /// Object references to it, of what stays.
    pub referrers: Vec<Referrer>,
    /// References to it that would not lead to the new one: of other kinds, and in fill values, which cannot be changed.
    pub unkept: Vec<Referrer>,
    /// Where nothing could be looked for, and why: a clause.
    pub unsearched: Vec<(H5Path, String)>,
    /// Bytes its elements take in the file.
    pub storage: u64,
    /// Elements that are taken over: those of blocks in which something is stored.
    pub carried: u64,
    /// A filter of the new one that cannot be run here.
    pub lacking: Option<Filter>,
    /// What becomes of its elements, where some could lose anything and they were looked at.
    pub loss: Option<Loss>,
    /// The dtype of its attribute `_FillValue`, where that is the dataset's, as netCDF wants it.
    pub fill_attr: Option<Dtype>,
}

/// Elements that are not the same in another dtype.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Loss {
    /// Elements looked at.
    pub elements: u64,
    /// Elements that lose precision, range or text.
    pub lost: u64,
    /// The first few, before and after.
    pub examples: Vec<(String, String)>,
    /// Elements that have no value in the new dtype.
    pub refused: u64,
    /// Why the first of them has none: a clause.
    pub refusal: Option<String>,
}

/// Where references stand.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Referrer {
    /// The object.
    pub path: H5Path,
    /// Where in it.
    pub part: ReferrerPart,
}

/// What of an object refers to another.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum ReferrerPart {
    /// An attribute.
    Attr(Vec<u8>),
    /// A dataset's elements.
    Elements,
    /// A dataset's fill value: what was never written refers, too.
    FillValue,
}

impl std::fmt::Display for Referrer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match &self.part {
            ReferrerPart::Attr(name) => write!(f, "the attribute {} of {}", super::bytes_text(name), self.path),
            ReferrerPart::Elements => write!(f, "the elements of {}", self.path),
            ReferrerPart::FillValue => write!(f, "the fill value of {}", self.path),
        }
    }
}

/// The extent that two have in common.
pub fn common(a: &Shape, b: &Shape) -> Shape {
    match (a, b) {
        (Shape::Simple(a), Shape::Simple(b)) => Shape::Simple(a.iter().zip(b).map(|(a, b)| *a.min(b)).collect()),
        (a, _) => a.clone(),
    }
}

/// What a dataset becomes that keeps all that the manifest does not name. The error is a clause.
pub fn settled(wanted: &DesiredDataset, seen: &SeenDataset, observed: &Observed, origin: Span) -> Result<Definition, String> {
    let declared = wanted.definition.as_deref();
    let dtype = declared.map(|d| &d.dtype).filter(|d| !observed.same_type(d, &seen.dtype)).unwrap_or(&seen.dtype);
    let shape = declared.map_or_else(|| seen.shape.clone(), |d| d.extent_over(&seen.shape));
    if shape.rank() != seen.shape.rank() || matches!(shape, Shape::Simple(_)) != matches!(seen.shape, Shape::Simple(_)) {
        return Err("elements have no place in an extent with another number of axes".into());
    }
    let maxshape = maxshape(wanted, seen, &shape);
    let owned = &wanted.owned;
    let layout = restored(owned, (&seen.layout, &seen.dtype), dtype, &shape, &maxshape)?;
    if layout == Layout::Compact
        && let Some(bytes) = too_large_for_compact(dtype, &shape)
    {
        return Err(format!("a compact dataset holds less than 64 KiB, and this would have {bytes} bytes; declare another `layout`"));
    }
    let same_layout = layout.word() == seen.layout.word();
    let chunked = layout.chunk().is_some();
    Ok(Definition {
        fill_value: fill_value(wanted, seen, dtype)?,
        fill_time: Some(owned.fill_time.map_or(seen.fill_time, |(t, _)| t)),
        // Each layout has its own.
        alloc_time: owned.alloc_time.map(|(t, _)| t).or(same_layout.then_some(seen.alloc_time)),
        partial_chunks: match owned.partial_chunks {
            Some((partial, _)) => partial,
            None if chunked => seen.partial_chunks,
            None => PartialChunks::Filter,
        },
        dtype_at: declared.map_or(origin, |d| d.dtype_at),
        shape_at: declared.map_or(origin, |d| d.shape_at),
        minimum: declared.map_or_else(|| vec![false; shape.rank()], |d| d.minimum.clone()),
        dtype: dtype.clone(),
        shape,
        maxshape,
        layout,
    })
}

/// The largest extent of a dataset that gets this extent and keeps what the manifest does not name.
pub fn maxshape(wanted: &DesiredDataset, seen: &SeenDataset, shape: &Shape) -> MaxShape {
    if let Some((max, _)) = &wanted.owned.maxshape {
        return max.clone();
    }
    let minimum = |axis: usize| wanted.definition.as_ref().is_some_and(|d| d.minimum.get(axis) == Some(&true));
    let fixed = wanted.owned.layout.as_ref().is_some_and(|(layout, _)| layout.chunk().is_none() && layout.word() != "chunked");
    // What is not in chunks has the size that it has, and stays so.
    let fixed = fixed || seen.layout.chunk().is_none();
    let axes = shape.dims().iter().zip(&seen.maxshape).enumerate();
    axes.map(|(axis, (size, max))| match max {
        _ if minimum(axis) => None,
        _ if fixed => Some(*size),
        None => None,
        Some(max) => Some(*max.max(size)),
    })
    .collect()
}

/// The storage of a dataset that is to have what is declared of it, and for the rest what it has, or would have, now: layout and element type. The
/// error is a clause.
pub fn restored(
    owned: &Owned,
    (now, now_of): (&Layout, &Dtype),
    dtype: &Dtype,
    shape: &Shape,
    maxshape: &MaxShape,
) -> Result<Layout, String> {
    let asked = owned.layout.as_ref().map(|(layout, _)| layout);
    let growable = maxshape.iter().zip(shape.dims()).any(|(max, size)| *max != Some(*size));
    let for_chunks = owned.chunks.is_some()
        || owned.filters.as_ref().is_some_and(|(filters, _)| !filters.is_empty())
        || owned.partial_chunks.is_some_and(|(partial, _)| partial == PartialChunks::Raw)
        || growable;
    match asked {
        Some(Layout::Contiguous | Layout::Compact) if for_chunks => return Err("its storage needs the chunked layout".into()),
        Some(layout @ (Layout::Contiguous | Layout::Compact)) => return Ok(layout.clone()),
        Some(layout @ (Layout::External(_) | Layout::Virtual(_) | Layout::Unknown(_))) => {
            return Err(format!("elements are not moved into {} storage", layout.word()));
        }
        Some(Layout::Chunked { .. }) => {}
        None if !for_chunks && now.chunk().is_none() => return Ok(now.clone()),
        None => {}
    }
    if shape.rank() == 0 {
        return Err("a dataset without axes is not cut into chunks".into());
    }
    let filters = match &owned.filters {
        Some((filters, _)) => filters.clone(),
        None => now.filters().to_vec(),
    };
    if let Some(filter) = filters.iter().find(|f| f.needs_copy()) {
        return Err(format!("the parameters of its filter {filter} are kept by copying it only"));
    }
    // Stored parameters may depend on the type.
    let kept = |f: Filter| if dtype == now_of { f } else { Filter { stored: None, ..f } };
    let chunk = match (&owned.chunks, now.chunk()) {
        (Some((Some(chunk), _)), _) => fitting(chunk, maxshape)?,
        (_, Some(chunk)) => cut(chunk, maxshape),
        (_, None) => auto_chunks(shape.dims(), dtype.size()),
    };
    Ok(Layout::Chunked { chunk, filters: filters.into_iter().map(kept).collect() })
}

/// A chunk shape that fits: HDF5 takes no chunk that is larger than a fixed dimension, except along one of size 0, where any is as good.
pub fn cut(chunk: &[u64], maxshape: &MaxShape) -> Vec<u64> {
    let fitting = |(size, max): (&u64, &Option<u64>)| max.filter(|max| *max > 0).map_or(*size, |max| max.min(*size)).max(1);
    chunk.iter().zip(maxshape).map(fitting).collect()
}

/// A declared chunk shape, if it fits.
fn fitting(chunk: &[u64], maxshape: &MaxShape) -> Result<Vec<u64>, String> {
    if chunk.len() != maxshape.len() {
        return Err(format!("`chunks` has rank {}, the dataset has rank {}", chunk.len(), maxshape.len()));
    }
    match chunk.iter().zip(maxshape).position(|(size, max)| max.is_some_and(|m| m > 0 && *size > m)) {
        Some(axis) => Err(format!("axis {axis} of the chunk is larger than the fixed dimension")),
        None => Ok(chunk.to_vec()),
    }
}

fn fill_value(wanted: &DesiredDataset, seen: &SeenDataset, dtype: &Dtype) -> Result<FillValue, String> {
    match &wanted.owned.fill_value {
        Some((None, _)) => Ok(FillValue::Undefined),
        Some((Some(literal), _)) => encode_one(literal, dtype).map(FillValue::Value).map_err(|e| format!("fill_value: {}", e.0)),
        None => match &seen.fill_value {
            FillValue::Unreadable => Err("its fill value is of a type that is not read yet".into()),
            FillValue::Value(value) => {
                let recast = Recast::new(&seen.dtype, dtype)?;
                let made = recast.apply(value.clone());
                match made.refused.first() {
                    Some(refused) => Err(format!("its fill value: {}; declare its `fill_value`", recast.refusal(value, *refused))),
                    None => Ok(FillValue::Value(made.elements)),
                }
            }
            FillValue::Default => Ok(FillValue::Default),
            FillValue::Undefined => Ok(FillValue::Undefined),
        },
    }
}
