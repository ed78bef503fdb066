//! Selections and regions: which elements of a dataset.

use std::collections::HashSet;
use std::fmt;

use super::Shape;

/// One axis of a selection as the user wrote it, before the dataset's shape is known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SelectItem {
    /// One position; negative from the end. Its axis is dropped from the region's shape.
    Index(i64),
    /// `start:stop:step`; negative positions from the end, `None` open.
    Range { start: Option<i64>, stop: Option<i64>, step: i64 },
    /// `...`: as many whole axes as fit.
    Ellipsis,
}

/// A selection before the dataset's shape is known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Selection {
    /// One item for an axis; missing axes are whole.
    Items(Vec<SelectItem>),
    /// HDF5's own words, one number for an axis.
    Hyperslab { start: Vec<u64>, stride: Vec<u64>, count: Vec<u64>, block: Vec<u64> },
    /// Single elements, by their coordinates.
    Points(Vec<Vec<u64>>),
}

/// Why a selection does not fit a dataset. A clause.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct SelectError(pub String);

/// The selected positions along one axis: `count` blocks of `block` positions, `step` apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AxisRange {
    /// First position.
    pub start: u64,
    /// Distance of the blocks' starts; at least `block`.
    pub step: u64,
    /// Number of blocks; at least 1.
    pub count: u64,
    /// Positions in a block; at least 1.
    pub block: u64,
    /// Was the axis selected by an index, so that it does not count in the region's shape?
    pub dropped: bool,
}

/// A non-empty selection inside a dataset's extent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Region {
    kind: Kind,
    extent: Vec<u64>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Kind {
    Grid(Vec<AxisRange>),
    Points { list: Vec<Vec<u64>>, index: HashSet<Vec<u64>> },
}

/// A box of a region in the region's own coordinates (dropped axes included, length 1). For points
/// one axis: the number of the point.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Block {
    /// First position along each axis.
    pub offset: Vec<u64>,
    /// Positions along each axis; at least 1.
    pub len: Vec<u64>,
}

impl Kind {
    fn points(list: Vec<Vec<u64>>) -> Self {
        let index = list.iter().cloned().collect();
        Kind::Points { list, index }
    }
}

impl AxisRange {
    /// All of an axis.
    pub fn whole(size: u64) -> Self {
        Self { start: 0, step: 1, count: size, block: 1, dropped: false }
    }

    /// Number of positions.
    pub fn len(&self) -> u64 {
        self.count * self.block
    }

    /// Never true: a region is not empty. (Beside `len` for the reader's sake.)
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// The position of the k-th selected place.
    pub fn position(&self, k: u64) -> u64 {
        self.start + (k / self.block) * self.step + k % self.block
    }

    /// Is this position selected?
    pub fn contains(&self, at: u64) -> bool {
        at >= self.start && (at - self.start) / self.step < self.count && (at - self.start) % self.step < self.block
    }

    fn last(&self) -> u64 {
        self.position(self.len() - 1)
    }
}

impl Selection {
    /// Reads `"5:6, 3:4, 2:4, 8:"`.
    pub fn parse(text: &str) -> Result<Self, SelectError> {
        if text.trim().is_empty() {
            return Err(SelectError("the selection is empty; write `...` for all elements".into()));
        }
        text.split(',').map(SelectItem::parse).collect::<Result<Vec<_>, _>>().map(Selection::Items)
    }

    /// All elements.
    pub fn all() -> Self {
        Selection::Items(vec![SelectItem::Ellipsis])
    }

    /// The selected region of a dataset: rank equal, in bounds, step at least 1, not empty.
    pub fn resolve(&self, shape: &Shape) -> Result<Region, SelectError> {
        let extent = shape.dims().to_vec();
        if *shape == Shape::Null {
            return Err(SelectError("a null dataspace has no elements to select".into()));
        }
        let kind = match self {
            Selection::Items(items) => Kind::Grid(resolve_items(items, &extent)?),
            Selection::Hyperslab { start, stride, count, block } => Kind::Grid(resolve_hyperslab(start, stride, count, block, &extent)?),
            Selection::Points(points) => Kind::points(resolve_points(points, &extent)?),
        };
        Ok(Region { kind, extent })
    }
}

impl SelectItem {
    /// Reads one axis: `3`, `-1`, `2:4`, `::100`, `...`, `:`.
    pub fn parse(text: &str) -> Result<Self, SelectError> {
        let text = text.trim();
        let number = |s: &str| s.trim().parse::<i64>().map_err(|_| SelectError(format!("`{}` is not a whole number", s.trim())));
        if text == "..." {
            return Ok(SelectItem::Ellipsis);
        }
        let parts: Vec<&str> = text.split(':').collect();
        let open = |s: &str| if s.trim().is_empty() { Ok(None) } else { number(s).map(Some) };
        match parts.as_slice() {
            [""] => Err(SelectError("an axis is missing between two commas; write `:` for a whole axis".into())),
            [one] => Ok(SelectItem::Index(number(one)?)),
            [start, stop] => Ok(SelectItem::Range { start: open(start)?, stop: open(stop)?, step: 1 }),
            [start, stop, step] => Ok(SelectItem::Range { start: open(start)?, stop: open(stop)?, step: open(step)?.unwrap_or(1) }),
            _ => Err(SelectError(format!("`{text}` has too many colons; an axis is `start:stop:step`"))),
        }
    }
}

fn resolve_items(items: &[SelectItem], extent: &[u64]) -> Result<Vec<AxisRange>, SelectError> {
    let ellipses = items.iter().filter(|i| **i == SelectItem::Ellipsis).count();
    let named = items.len() - ellipses;
    if ellipses > 1 {
        return Err(SelectError("`...` may stand only once in a selection".into()));
    }
    if named > extent.len() {
        return Err(SelectError(format!(
            "the selection names {named} axes, the dataset has {} (shape {})",
            extent.len(),
            Shape::from_dims(extent)
        )));
    }
    let missing = extent.len() - named;
    let mut axes: Vec<AxisRange> = Vec::with_capacity(extent.len());
    for item in items {
        match item {
            SelectItem::Ellipsis => {
                for _ in 0..missing {
                    axes.push(whole(axes.len(), extent)?);
                }
            }
            item => axes.push(resolve_item(item, axes.len(), extent[axes.len()])?),
        }
    }
    while axes.len() < extent.len() {
        axes.push(whole(axes.len(), extent)?);
    }
    Ok(axes)
}

fn whole(axis: usize, extent: &[u64]) -> Result<AxisRange, SelectError> {
    match extent[axis] {
        0 => Err(SelectError(format!("the selection is empty: axis {axis} has size 0"))),
        size => Ok(AxisRange::whole(size)),
    }
}

fn resolve_item(item: &SelectItem, axis: usize, size: u64) -> Result<AxisRange, SelectError> {
    let bounds = |at: i64| SelectError(format!("{at} is out of bounds for axis {axis} of size {size}"));
    let from_end = |at: i64, limit: u64| -> Result<u64, SelectError> {
        let position = if at < 0 { i128::from(size) + i128::from(at) } else { i128::from(at) };
        u64::try_from(position).ok().filter(|p| *p <= limit).ok_or_else(|| bounds(at))
    };
    match *item {
        SelectItem::Index(at) => {
            let start = from_end(at, size.saturating_sub(1))?;
            if size == 0 {
                return Err(bounds(at));
            }
            Ok(AxisRange { start, step: 1, count: 1, block: 1, dropped: true })
        }
        SelectItem::Range { start, stop, step } => {
            if step < 1 {
                return Err(SelectError(format!("the step of axis {axis} is {step}; steps are 1 or more")));
            }
            let first = start.map_or(Ok(0), |at| from_end(at, size))?;
            let end = stop.map_or(Ok(size), |at| from_end(at, size))?;
            if first >= end {
                return Err(SelectError(format!("the selection is empty: axis {axis} runs from {first} to {end}")));
            }
            let step = step as u64;
            let count = (end - first).div_ceil(step);
            Ok(AxisRange { start: first, step: if count == 1 { 1 } else { step }, count, block: 1, dropped: false })
        }
        SelectItem::Ellipsis => whole(0, &[size]),
    }
}

fn resolve_hyperslab(start: &[u64], stride: &[u64], count: &[u64], block: &[u64], extent: &[u64]) -> Result<Vec<AxisRange>, SelectError> {
    let rank = extent.len();
    if [start, stride, count, block].iter().any(|v| v.len() != rank) {
        return Err(SelectError(format!("`start`, `stride`, `count` and `block` need one number for each of the {rank} axes")));
    }
    (0..rank)
        .map(|axis| {
            let range = AxisRange { start: start[axis], step: stride[axis], count: count[axis], block: block[axis], dropped: false };
            if range.count == 0 || range.block == 0 {
                return Err(SelectError(format!("the selection is empty: count or block of axis {axis} is 0")));
            }
            if range.step < range.block {
                return Err(SelectError(format!(
                    "the blocks of axis {axis} overlap: stride {} is below block {}",
                    range.step, range.block
                )));
            }
            let end = u128::from(range.start) + u128::from(range.count - 1) * u128::from(range.step) + u128::from(range.block);
            if end > u128::from(extent[axis]) {
                return Err(SelectError(format!(
                    "the selection is out of bounds: it ends at {end} on axis {axis} of size {}",
                    extent[axis]
                )));
            }
            // Adjacent blocks are one run; one canonical form for equal selections.
            if range.step == range.block || range.count == 1 {
                return Ok(AxisRange { step: 1, count: range.count * range.block, block: 1, ..range });
            }
            Ok(range)
        })
        .collect()
}

fn resolve_points(points: &[Vec<u64>], extent: &[u64]) -> Result<Vec<Vec<u64>>, SelectError> {
    if points.is_empty() || extent.is_empty() {
        return Err(SelectError("the selection is empty: no points".into()));
    }
    let mut seen = std::collections::BTreeSet::new();
    for point in points {
        if point.len() != extent.len() {
            return Err(SelectError(format!("point {point:?} has {} numbers, the dataset has {} axes", point.len(), extent.len())));
        }
        if let Some(axis) = (0..extent.len()).find(|&a| point[a] >= extent[a]) {
            return Err(SelectError(format!("point {point:?} is out of bounds for axis {axis} of size {}", extent[axis])));
        }
        if !seen.insert(point) {
            return Err(SelectError(format!("point {point:?} is selected twice")));
        }
    }
    Ok(points.to_vec())
}

impl Region {
    /// All elements of a shape that has some.
    pub fn whole(shape: &Shape) -> Option<Self> {
        Selection::all().resolve(shape).ok()
    }

    /// A box with step 1: positions `offset .. offset + len` along each axis.
    pub fn cuboid(offset: &[u64], len: &[u64], extent: &[u64]) -> Option<Self> {
        let items = offset.iter().zip(len).map(|(&o, &n)| AxisRange { start: o, step: 1, count: n, block: 1, dropped: false });
        let axes: Vec<AxisRange> = items.collect();
        let inside = axes.iter().zip(extent).all(|(a, &size)| a.count > 0 && a.start.checked_add(a.count).is_some_and(|end| end <= size));
        (inside && axes.len() == extent.len()).then(|| Region { kind: Kind::Grid(axes), extent: extent.to_vec() })
    }

    /// Selected positions along each axis; `None` for points.
    pub fn axes(&self) -> Option<&[AxisRange]> {
        match &self.kind {
            Kind::Grid(axes) => Some(axes),
            Kind::Points { .. } => None,
        }
    }

    /// Coordinates of the points, if it is a selection of points.
    pub fn points(&self) -> Option<&[Vec<u64>]> {
        match &self.kind {
            Kind::Grid(_) => None,
            Kind::Points { list, .. } => Some(list),
        }
    }

    /// Sizes of the dataset the region was resolved for.
    pub fn extent(&self) -> &[u64] {
        &self.extent
    }

    /// Lengths along the region's own axes, dropped ones included.
    pub fn lens(&self) -> Vec<u64> {
        match &self.kind {
            Kind::Grid(axes) => axes.iter().map(AxisRange::len).collect(),
            Kind::Points { list: points, .. } => vec![points.len() as u64],
        }
    }

    /// The region's shape as NumPy counts it: without the axes selected by an index.
    pub fn shape(&self) -> Shape {
        match &self.kind {
            Kind::Grid(axes) => Shape::from_dims(&axes.iter().filter(|a| !a.dropped).map(AxisRange::len).collect::<Vec<_>>()),
            Kind::Points { list: points, .. } => Shape::Simple(vec![points.len() as u64]),
        }
    }

    /// Number of elements.
    pub fn elements(&self) -> u64 {
        self.lens().iter().fold(1u64, |n, &len| n.saturating_mul(len))
    }

    /// Is the element at these coordinates of the dataset selected?
    pub fn contains(&self, at: &[u64]) -> bool {
        match &self.kind {
            Kind::Grid(axes) => axes.iter().zip(at).all(|(axis, &p)| axis.contains(p)),
            Kind::Points { index, .. } => index.contains(at),
        }
    }

    /// Could the two regions share an element? Never false when they do.
    pub fn may_overlap(&self, other: &Region) -> bool {
        let (a, b) = (self.bounds(), other.bounds());
        a.iter().zip(&b).all(|(a, b)| a.0 <= b.1 && b.0 <= a.1)
    }

    /// First and last position along each axis.
    pub fn bounds(&self) -> Vec<(u64, u64)> {
        match &self.kind {
            Kind::Grid(axes) => axes.iter().map(|a| (a.start, a.last())).collect(),
            Kind::Points { list: points, .. } => (0..self.extent.len())
                .map(|axis| {
                    let along = || points.iter().map(|p| p[axis]);
                    (along().min().unwrap_or(0), along().max().unwrap_or(0))
                })
                .collect(),
        }
    }

    /// The part of this region that a block stands for, as a region of the same dataset.
    pub fn sub(&self, block: &Block) -> Region {
        let kind = match &self.kind {
            Kind::Grid(axes) => {
                Kind::Grid(axes.iter().zip(block.offset.iter().zip(&block.len)).map(|(a, (&o, &n))| part(a, o, n)).collect())
            }
            Kind::Points { list: points, .. } => {
                Kind::points(points[block.offset[0] as usize..(block.offset[0] + block.len[0]) as usize].to_vec())
            }
        };
        Region { kind, extent: self.extent.clone() }
    }

    /// Coordinates in the dataset of a place in the region's own coordinates.
    pub fn locate(&self, at: &[u64], out: &mut Vec<u64>) {
        out.clear();
        match &self.kind {
            Kind::Grid(axes) => out.extend(axes.iter().zip(at).map(|(a, &k)| a.position(k))),
            Kind::Points { list: points, .. } => out.extend_from_slice(&points[at[0] as usize]),
        }
    }
}

/// Positions `offset .. offset + len` of an axis; blocks that are cut must be within one block or whole.
fn part(axis: &AxisRange, offset: u64, len: u64) -> AxisRange {
    let start = axis.position(offset);
    if axis.block == 1 {
        return AxisRange { start, step: if len == 1 { 1 } else { axis.step }, count: len, ..*axis };
    }
    if len <= axis.block - offset % axis.block {
        return AxisRange { start, step: 1, count: len, block: 1, ..*axis };
    }
    debug_assert!(offset.is_multiple_of(axis.block) && len.is_multiple_of(axis.block), "partitions cut between blocks");
    AxisRange { start, count: len / axis.block, ..*axis }
}

/// Canonical text: `5:6, ::100, 3`. Equal regions of one dataset have equal texts.
impl fmt::Display for Region {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.kind {
            Kind::Grid(axes) if axes.is_empty() => f.write_str("..."),
            Kind::Grid(axes) => {
                for (i, a) in axes.iter().enumerate() {
                    let comma = if i == 0 { "" } else { ", " };
                    let end = a.last() + 1;
                    match (a.dropped, a.block, a.step) {
                        (true, ..) => write!(f, "{comma}{}", a.start)?,
                        (false, 1, 1) => write!(f, "{comma}{}:{end}", a.start)?,
                        (false, 1, step) => write!(f, "{comma}{}:{end}:{step}", a.start)?,
                        (false, block, step) => write!(f, "{comma}{}:{end}:{step} by {block}", a.start)?,
                    }
                }
                Ok(())
            }
            Kind::Points { list: points, .. } => {
                let text: Vec<String> = points.iter().map(|p| format!("{p:?}")).collect();
                write!(f, "points {}", text.join(" "))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(select: &str, dims: &[u64]) -> Result<(String, Shape), String> {
        let region = Selection::parse(select).and_then(|s| s.resolve(&Shape::from_dims(dims))).map_err(|e| e.0)?;
        Ok((region.to_string(), region.shape()))
    }

    #[test]
    fn follows_numpy() {
        let dims = [10, 10, 10, 10];
        let shape = |s: &[u64]| Shape::from_dims(s);
        assert_eq!(text("5:6, 3:4, 2:4, 8:", &dims), Ok(("5:6, 3:4, 2:4, 8:10".into(), shape(&[1, 1, 2, 2]))));
        assert_eq!(text("-1, ::2", &[50, 40]), Ok(("49, 0:39:2".into(), shape(&[20]))));
        assert_eq!(text("..., 3", &dims), Ok(("0:10, 0:10, 0:10, 3".into(), shape(&[10, 10, 10]))));
        assert_eq!(text("2", &[4, 4]), Ok(("2, 0:4".into(), shape(&[4]))));
        assert_eq!(text("-3:-1", &[10]), Ok(("7:9".into(), shape(&[2]))));
        assert_eq!(text("...", &[]), Ok(("...".into(), Shape::Scalar)));
    }

    #[test]
    fn refuses_what_numpy_would_clip() {
        for (select, word) in [
            ("0:9, 0", "9 is out of bounds"),
            ("2:2, 0", "empty"),
            ("::-1", "step"),
            ("0, 0, 0", "axes"),
            ("4", "bounds"),
            ("-5", "bounds"),
            ("a", "whole number"),
            ("1,,2", "axis"),
        ] {
            let error = text(select, &[4, 4]).unwrap_err();
            assert!(error.contains(word), "{select}: {error}");
        }
        assert!(text("0", &[0]).is_err() && text(":", &[0, 3]).is_err());
        assert!(Selection::all().resolve(&Shape::Null).is_err());
    }

    #[test]
    fn hyperslabs_have_blocks() {
        let slab = Selection::Hyperslab { start: vec![1], stride: vec![4], count: vec![3], block: vec![2] };
        let region = slab.resolve(&Shape::Simple(vec![12])).unwrap();
        let at: Vec<u64> = (0..12).filter(|&p| region.contains(&[p])).collect();
        assert_eq!(at, [1, 2, 5, 6, 9, 10]);
        let axis = region.axes().unwrap()[0];
        assert_eq!((0..6).map(|k| axis.position(k)).collect::<Vec<_>>(), at);
        assert!(slab.resolve(&Shape::Simple(vec![10])).is_err());
        let dense = Selection::Hyperslab { start: vec![1], stride: vec![2], count: vec![3], block: vec![2] };
        assert_eq!(dense.resolve(&Shape::Simple(vec![12])).unwrap().to_string(), "1:7");
    }
}
