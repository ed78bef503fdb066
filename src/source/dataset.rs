//! A dataset of another HDF5 file.
//!
//! The file is opened for reading, with HDF5's own shared lock: while another program writes to it, its elements could be half new.
//! Paths lead through hard and soft links; a link out of the file is refused, and so is storage that lies in other files.

use std::collections::{BTreeSet, VecDeque};
use std::path::Path;

use super::convert::{Converter, string_element};
use super::filetype::{FileType, Number};
use super::{Cause, SourceError, check_range, file_text, open_regular, place};
use crate::diag::did_you_mean;
use crate::h5::{DatasetAccess, File, H5Error, Kind, Link, Locking, Object, Stored};
use crate::model::{
    Block, BlockSource, Dtype, Elements, FillTime, FillValue, FloatType, H5Path, Layer, Layout, Partition, Region, Rule, SeenDataset,
    Selection, Shape, SourceFile, StringLength, bytes_text, trimmed,
};

/// Most soft links on the way to one dataset: HDF5's own limit.
const MOST_SOFT_LINKS: usize = 16;
/// Most names that a misspelt one is compared with.
const MOST_NAMES: usize = 1000;

/// A dataset and the file it is in.
pub struct Opened {
    /// For reading elements and stored chunks.
    pub access: DatasetAccess,
    /// Type, extent and storage.
    pub seen: SeenDataset,
    // Last: closing a file closes what was opened from it.
    _file: File,
}

/// The dataset that a layer copies element by element: all of it, unchanged, over a whole dataset of the same dtype and shape. `None` where
/// the layer is anything else.
pub fn whole(layer: &Layer, dtype: &Dtype) -> Result<Option<Opened>, SourceError> {
    let (Rule::Source(SourceFile::Hdf5 { file, path, select: None }), None) = (&layer.fill.rule, &layer.fill.missing) else {
        return Ok(None);
    };
    let shape = layer.rule_shape();
    let all = Region::whole(&shape).is_some_and(|all| all == layer.region);
    if !all {
        return Ok(None);
    }
    let opened = dataset(file, path).map_err(|Cause { text, help }| SourceError { file: file_text(file), cause: text, help })?;
    Ok((opened.seen.shape == shape && opened.seen.dtype.resolved() == dtype.resolved()).then_some(opened))
}

impl Opened {
    /// Numbers of the blocks in which this dataset and another of the same dtype and shape can differ: those that hold a stored chunk of
    /// either. `None` where that may be any. The work is proportional to what is stored.
    pub fn touched(&self, other: &DatasetAccess, partition: &Partition) -> Result<Option<BTreeSet<u64>>, H5Error> {
        let seen = other.seen()?;
        if !same_unwritten(&self.seen, &seen) {
            return Ok(None);
        }
        let mut out = BTreeSet::new();
        for (access, seen) in [(&self.access, &self.seen), (other, &seen)] {
            let Stored::Chunks(chunks) = access.stored(seen)? else { return Ok(None) };
            for chunk in &chunks {
                let Some(held) = partition.holding(&chunk.offset, seen.layout.chunk().unwrap_or_default()) else { return Ok(None) };
                out.extend(held);
            }
        }
        Ok(Some(out))
    }
}

/// What elements of these datasets of one dtype read as where they were never written: is it known, and the same?
pub fn same_unwritten(a: &SeenDataset, b: &SeenDataset) -> bool {
    let value = |seen: &SeenDataset| unwritten(&seen.dtype, &seen.fill_value, seen.fill_time);
    value(a).is_some_and(|a| Some(a) == value(b))
}

/// What an element reads as that was never written; `None` where HDF5 leaves that open.
pub fn unwritten(dtype: &Dtype, fill_value: &FillValue, fill_time: FillTime) -> Option<Elements> {
    match (fill_value, fill_time) {
        (_, FillTime::Never) | (FillValue::Undefined | FillValue::Unreadable, _) => None,
        (FillValue::Default, _) if dtype.has_outside_data() => Some(Elements::empty(dtype)),
        (FillValue::Default, _) => Some(Elements::Fixed(vec![0; dtype.size()])),
        (FillValue::Value(value), _) => Some(value.clone()),
    }
}

/// How elements of the file become the dataset's.
enum Conversion {
    /// They are of the same dtype.
    None,
    /// Numbers of another type.
    Numbers(Converter),
    /// Text of another kind.
    Texts,
}

/// A dataset, opened to be read as another dtype.
pub(super) struct Source {
    name: String,
    opened: Opened,
    /// What is read; `None` where there are no elements.
    region: Option<Region>,
    conversion: Conversion,
    dtype: Dtype,
    shape: Shape,
}

/// Opens a dataset to be read as `dtype` in `shape`; what is there must have this shape.
pub(super) fn open(
    file: &Path,
    name: &str,
    path: &H5Path,
    select: Option<&Selection>,
    dtype: &Dtype,
    shape: &Shape,
) -> Result<Source, Cause> {
    let opened = dataset(file, path)?;
    let seen = &opened.seen;
    if seen.shape == Shape::Null {
        return Err(Cause::new(format!("{path} has a null dataspace, which has no elements")));
    }
    let (region, held, what) = match select {
        None => (Region::whole(&seen.shape), seen.shape.clone(), path.to_string()),
        Some(select) => {
            let region = select.resolve(&seen.shape);
            let region = region.map_err(|e| Cause::new(format!("the selection does not fit {path} of shape {}: {}", seen.shape, e.0)))?;
            (Some(region.clone()), region.shape(), format!("[{region}] of {path}"))
        }
    };
    if held != *shape {
        return Err(Cause::new(format!("{what} has shape {held}, but shape {shape} is to be filled")));
    }
    if let Some(filter) = &seen.lacking {
        return Err(Cause::new(format!("{path} is compressed with {filter}, a filter that this h5mason does not have"))
            .help("a new dataset with the same dtype, shape, chunks and filters takes its chunks as they are stored"));
    }
    let conversion = conversion(&seen.dtype, dtype)?;
    // Some types cannot be read: that is told now, not when others have been written.
    if seen.dtype.has_outside_data()
        && !seen.dtype.is_variable_string()
        && let Some(region) = &region
    {
        let first = Block { offset: vec![0; region.lens().len()], len: vec![1; region.lens().len()] };
        opened.access.read(&region.sub(&first)).map_err(refused)?;
    }
    Ok(Source { name: name.into(), opened, region, conversion, dtype: dtype.clone(), shape: shape.clone() })
}

fn refused(e: H5Error) -> Cause {
    Cause::new(format!("{}: {}", e.what, e.cause))
}

/// Opens a file and the dataset at a path.
fn dataset(file: &Path, path: &H5Path) -> Result<Opened, Cause> {
    drop(open_regular(file)?);
    let opened = File::open(file, Locking::On).map_err(|e| match e.cause.as_str() {
        _ if e.is_locked() => Cause::new("it is open for writing, by another program or as the file that this manifest changes"),
        cause if cause.contains("signature not found") => Cause::new("it is not an HDF5 file"),
        cause => Cause::new(format!("HDF5 cannot open it: {cause}")),
    })?;
    let object = find(&opened, path)?;
    let info = object.info().map_err(refused)?;
    match info.kind {
        Kind::Dataset => {}
        Kind::Group => return Err(Cause::new(format!("{path} is a group, not a dataset"))),
        Kind::Type => return Err(Cause::new(format!("{path} is a committed type, not a dataset"))),
        Kind::Unknown => return Err(Cause::new(format!("{path} is an object of an unknown kind, not a dataset"))),
    }
    let seen = object.dataset().map_err(refused)?;
    match &seen.layout {
        Layout::Compact | Layout::Contiguous | Layout::Chunked { .. } => {}
        Layout::External(_) | Layout::Virtual(_) => {
            return Err(Cause::new(format!(
                "the elements of {path} are in other files ({} storage), which are not read",
                seen.layout.word()
            )));
        }
        Layout::Unknown(class) => return Err(Cause::new(format!("{path} is stored in an unknown way (layout class {class})"))),
    }
    Ok(Opened { access: object.access().map_err(refused)?, seen, _file: opened })
}

/// The object at a path, by hard and soft links within the file.
fn find(file: &File, path: &H5Path) -> Result<Object, Cause> {
    let mut ahead: VecDeque<Vec<u8>> = path.names().map(<[u8]>::to_vec).collect();
    let (mut object, mut at, mut soft) = (file.root().map_err(refused)?, H5Path::root(), 0);
    while let Some(name) = ahead.pop_front() {
        if object.info().map_err(refused)?.kind != Kind::Group {
            return Err(Cause::new(format!("{at} is not a group, so there is no {path}")));
        }
        let next = at.child(&name);
        match object.link(&name).map_err(refused)? {
            Some(Link::Hard(_)) => (object, at) = (object.open(&name).map_err(refused)?, next),
            Some(Link::Soft(target)) => {
                soft += 1;
                if soft > MOST_SOFT_LINKS {
                    return Err(Cause::new(format!("there are more than {MOST_SOFT_LINKS} soft links on the way to {path}")));
                }
                if target.starts_with(b"/") {
                    (object, at) = (file.root().map_err(refused)?, H5Path::root());
                }
                let names = target.split(|b| *b == b'/').filter(|n| !n.is_empty() && *n != b".");
                names.rev().for_each(|n| ahead.push_front(n.to_vec()));
            }
            Some(Link::External { .. } | Link::UserDefined { .. }) => {
                return Err(Cause::new(format!("{next} is a link out of the file, which is not followed")));
            }
            None => {
                let beside = object.some_link_names(MOST_NAMES).unwrap_or_default();
                let names: Vec<String> = beside.iter().map(|n| bytes_text(n)).collect();
                let missing = Cause::new(format!("there is no {next}"));
                return Err(match did_you_mean(&bytes_text(&name), names.iter().map(String::as_str)) {
                    Some(help) => missing.help(help),
                    None => missing,
                });
            }
        }
    }
    Ok(object)
}

fn conversion(from: &Dtype, to: &Dtype) -> Result<Conversion, Cause> {
    if from.resolved() == to.resolved() {
        return Ok(Conversion::None);
    }
    match (from.resolved(), to.resolved()) {
        (Dtype::String(_), Dtype::String(_)) => Ok(Conversion::Texts),
        (from, to) => match numbers(from) {
            Some(filetype) => Converter::new(filetype, to).map(Conversion::Numbers),
            None => Err(Cause::new(format!("{from} cannot become {to}")).help("declare the dtype that the file has")),
        },
    }
}

/// The numbers that converting is done for, as NumPy's.
fn numbers(dtype: &Dtype) -> Option<FileType> {
    let float = |t: &FloatType| Some((Number::new('f', t.size)?, t.as_ieee()?));
    match dtype {
        _ if dtype.is_bool() => Some(FileType::Bool),
        Dtype::Int(t) if t.is_standard() => Some(FileType::Real(Number::new(if t.signed { 'i' } else { 'u' }, t.size)?, t.order)),
        Dtype::Float(t) => float(t).map(|(number, order)| FileType::Real(number, order)),
        Dtype::Complex(t) => float(t).map(|(number, order)| FileType::Complex(number, order)),
        Dtype::Compound { .. } => float(dtype.as_complex()?).map(|(number, order)| FileType::Complex(number, order)),
        _ => None,
    }
}

impl Source {
    /// Elements of a part of the region, the first of which has this row-major index in the shape.
    fn part(&self, region: &Region, first: u64) -> Result<Elements, String> {
        let read = self.opened.access.read(region).map_err(|e| format!("{}: {e}", self.name))?;
        let bad = |index: usize, cause: String| format!("{}: {}: {cause}", self.name, place(first + index as u64, self.shape.dims()));
        match &self.conversion {
            Conversion::None => Ok(read),
            Conversion::Numbers(converter) => match read {
                Elements::Fixed(raw) => converter.convert(raw).map_err(|e| bad(e.index, e.cause)),
                _ => Err(format!("{}: numbers have a fixed size (this is a bug)", self.name)),
            },
            Conversion::Texts => {
                let mut out = Elements::empty(&self.dtype);
                for (index, text) in texts(&self.opened.seen.dtype, read).into_iter().enumerate() {
                    let text = String::from_utf8(text).map_err(|_| bad(index, "the text is neither ASCII nor UTF-8".into()))?;
                    out.append(string_element(text, &self.dtype).map_err(|cause| bad(index, cause))?);
                }
                Ok(out)
            }
        }
    }
}

/// Texts without their padding; a null text is empty.
fn texts(dtype: &Dtype, elements: Elements) -> Vec<Vec<u8>> {
    match (dtype.resolved(), elements) {
        (Dtype::String(t), Elements::Fixed(bytes)) if t.length != StringLength::Variable => {
            bytes.chunks_exact(dtype.size()).map(|e| trimmed(t, e).to_vec()).collect()
        }
        (_, Elements::Strings(list)) => list.into_iter().map(Option::unwrap_or_default).collect(),
        _ => Vec::new(),
    }
}

impl BlockSource for Source {
    fn read(&mut self, start: u64, count: usize) -> Result<Elements, String> {
        check_range(start, count, self.shape.elements().unwrap_or(0))?;
        let mut out = Elements::empty(&self.dtype);
        let Some(region) = &self.region else { return Ok(out) };
        let (mut at, mut left, mut none_yet) = (start, count as u64, true);
        while left > 0 {
            let block = box_from(region, at, left);
            let more = self.part(&region.sub(&block), at)?;
            match none_yet {
                true => out = more,
                false => out.append(more),
            }
            none_yet = false;
            at += block.elements() as u64;
            left -= block.elements() as u64;
        }
        Ok(out)
    }

    /// One call of the library for a box, so that a compressed chunk is opened once. What is converted, or selected otherwise than by
    /// ranges, comes as runs.
    fn read_box(&mut self, block: &Block) -> Option<Result<Elements, String>> {
        match (&self.region, &self.conversion) {
            (Some(region), Conversion::None)
                if region.lens() == self.shape.dims() && region.axes().is_some_and(|axes| axes.iter().all(|a| a.block == 1)) =>
            {
                Some(self.part(&region.sub(block), 0))
            }
            _ => None,
        }
    }
}

/// The largest box of a region that begins at a row-major index and has at most `most` elements, all of them consecutive.
fn box_from(region: &Region, start: u64, most: u64) -> Block {
    let lens = region.lens();
    let mut offset = vec![0; lens.len()];
    let mut rest = start;
    for (at, len) in offset.iter_mut().zip(&lens).rev() {
        *at = rest % len;
        rest /= len;
    }
    let mut block = Block { len: vec![1; lens.len()], offset };
    let mut inner = 1;
    for axis in (0..lens.len()).rev() {
        let at = block.offset[axis];
        let step = region.axes().map_or(1, |axes| axes[axis].block);
        let n = (lens[axis] - at).min(most / inner);
        // A hyperslab's blocks are cut only from within one.
        block.len[axis] = match (at % step, n) {
            (0, n) if n < step => n,
            (0, n) => n / step * step,
            (within, n) => n.min(step - within),
        };
        inner *= lens[axis];
        if at > 0 || block.len[axis] < lens[axis] {
            break;
        }
    }
    block
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runs_are_cut_into_boxes_in_order() {
        let shape = Shape::Simple(vec![5, 7, 6]);
        let selections = ["...", "1:4, ::2, 1:", "2, :, ::3", ":, 3, 2"].map(|s| Selection::parse(s).unwrap());
        let slab = Selection::Hyperslab { start: vec![0, 1, 0], stride: vec![2, 3, 4], count: vec![2, 2, 2], block: vec![2, 2, 2] };
        let points = Selection::Points(vec![vec![4, 0, 1], vec![0, 0, 0], vec![1, 6, 5]]);
        for selection in selections.into_iter().chain([slab, points]) {
            let region = selection.resolve(&shape).unwrap();
            let total = region.elements();
            let mut all = Vec::new();
            let lens = region.lens();
            for flat in 0..total {
                let (mut at, mut rest, mut place) = (vec![0; lens.len()], flat, Vec::new());
                for (i, len) in at.iter_mut().zip(&lens).rev() {
                    *i = rest % len;
                    rest /= len;
                }
                region.locate(&at, &mut place);
                all.push(place);
            }
            for start in 0..total {
                for count in 1..=total - start {
                    let (mut at, mut left, mut got) = (start, count, Vec::new());
                    while left > 0 {
                        let block = box_from(&region, at, left);
                        let part = region.sub(&block);
                        assert_eq!(part.elements(), block.elements() as u64);
                        let lens = part.lens();
                        for k in 0..part.elements() {
                            let (mut within, mut rest, mut place) = (vec![0; lens.len()], k, Vec::new());
                            for (i, len) in within.iter_mut().zip(&lens).rev() {
                                *i = rest % len;
                                rest /= len;
                            }
                            part.locate(&within, &mut place);
                            got.push(place);
                        }
                        at += part.elements();
                        left -= part.elements();
                    }
                    assert_eq!(got, all[start as usize..(start + count) as usize]);
                }
            }
        }
    }
}
