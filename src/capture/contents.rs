//! What stands in a dataset: nothing, a rule, a few values, or too much for a manifest.

use super::literal::{exact_literal, literal, nested};
use super::rule::{Guess, HEAD, Samples, guesses, value};
use super::text::Toml;
use super::{Data, sidecar};
use crate::h5::DatasetAccess;
use crate::model::{
    Block, Dtype, Elements, Layout, Partition, Region, SeenDataset, Shape, encode_elements, flatten, flatten_as, is_written_nested,
};
use crate::observe::Naming;

/// Values up to this length, in characters on one line, stand in the manifest.
const MOST_INLINE: usize = 1000;
/// Up to so many values are shown rather than a rule.
const FEW: u64 = 8;
/// Most elements that `inline` puts into a manifest.
const MOST_ELEMENTS: u64 = 1_000_000;
/// Bytes of the first elements that guesses are made from.
const MOST_HEAD_BYTES: u64 = 16 << 20;
/// Bytes of a row of chunks that is still read at once.
const MOST_ROW_BYTES: u64 = 32 << 20;

/// What a manifest says of a dataset's contents.
pub enum Contents {
    /// Nothing: what was never written shows by itself.
    Unwritten,
    /// What stands behind `fill`.
    Said(Toml),
    /// They belong into a file of their own.
    File(sidecar::Kind),
}

/// Looks at every element that decides. Fails with a clause.
pub fn contents(access: &DatasetAccess, seen: &SeenDataset, naming: &Naming<'_>, allocated: bool, data: Data) -> Result<Contents, String> {
    let total = seen.shape.elements().ok_or("it has more elements than 64 bits count")?;
    let Some(whole) = Region::whole(&seen.shape).filter(|_| allocated && total > 0) else { return Ok(Contents::Unwritten) };
    // No other file can hold references to objects of this one.
    let data = if seen.dtype.has_references() { Data::Inline } else { data };
    let reader = Reader { access, seen, naming, whole };
    let rule = reader.rule(total)?;
    if let Some(constant) = rule.as_ref().filter(|r| r.constant) {
        let shows_by_itself = reader.shows_by_itself()?;
        return Ok(if shows_by_itself { Contents::Unwritten } else { Contents::Said(constant.toml.clone()) });
    }
    let rule = rule.map(|guess| guess.toml);
    match (values(&reader, total, data)?, rule) {
        (Some(values), Some(rule)) if total > FEW && rule.inline().len() < values.inline().len() => Ok(Contents::Said(rule)),
        (Some(values), _) => Ok(Contents::Said(values)),
        (None, Some(rule)) => Ok(Contents::Said(rule)),
        (None, None) => reader.file_kind().map(Contents::File),
    }
}

/// The values themselves, where they may stand in the manifest.
fn values(reader: &Reader<'_>, total: u64, data: Data) -> Result<Option<Toml>, String> {
    let most = match data {
        Data::Auto => MOST_INLINE as u64,
        Data::Inline => MOST_ELEMENTS,
        Data::Sidecar | Data::None => return Ok(None),
    };
    if total > most || reader.seen.dtype.size() as u64 > MOST_INLINE as u64 && data == Data::Auto {
        return match data {
            Data::Inline => Err(format!("{total} elements are too many to stand in a manifest; leave out `--data inline`")),
            Data::Auto | Data::Sidecar | Data::None => Ok(None),
        };
    }
    let all = reader.read(&reader.whole)?;
    if seen_length(&all) > MOST_INLINE && data == Data::Auto && dtype_is_long(&reader.seen.dtype) {
        return Ok(None);
    }
    let (dtype, shape) = (&reader.seen.dtype, &reader.seen.shape);
    let values = match total {
        // One element by its nesting, too: `fill = 5` fits any shape.
        1 => value(exact_literal(&all, dtype, 0)?),
        _ => Toml::Form("values", Box::new(nested(&all, dtype, shape)?)),
    };
    let short = data == Data::Inline || values.inline().chars().count() <= MOST_INLINE;
    Ok((short && (total == 1 || gives(&values, &all, dtype, shape))).then_some(values))
}

/// Does the loader make exactly these elements of the nested list?
fn gives(values: &Toml, all: &Elements, dtype: &Dtype, shape: &Shape) -> bool {
    let Toml::Form(_, list) = values else { return false };
    let literal = literal(list);
    let same = |list: &[crate::model::Literal]| encode_elements(list, dtype).is_ok_and(|made| made == *all);
    match flatten_as(&literal, shape).filter(|_| is_written_nested(dtype)) {
        Some(list) => same(&list),
        None => flatten(&literal, Some(dtype)).is_ok_and(|(nesting, list)| nesting == *shape && same(&list)),
    }
}

fn dtype_is_long(dtype: &Dtype) -> bool {
    dtype.has_outside_data() && !dtype.has_references()
}

fn seen_length(elements: &Elements) -> usize {
    match elements {
        Elements::Fixed(bytes) => bytes.len(),
        Elements::Strings(list) => list.iter().map(|s| s.as_ref().map_or(0, Vec::len)).sum(),
        Elements::Nested(list) => list.iter().map(crate::model::Value::bytes).sum(),
    }
}

struct Reader<'a> {
    access: &'a DatasetAccess,
    seen: &'a SeenDataset,
    naming: &'a Naming<'a>,
    whole: Region,
}

impl Reader<'_> {
    fn read(&self, region: &Region) -> Result<Elements, String> {
        let mut elements = self.access.read(region).map_err(|e| e.cause)?;
        self.naming.name_elements(&mut elements);
        Ok(elements)
    }

    fn read_box(&self, offset: Vec<u64>, len: Vec<u64>) -> Result<Elements, String> {
        self.read(&self.whole.sub(&Block { offset, len }))
    }

    /// The first rule that gives every element. Reads no more than it takes to refuse them all.
    fn rule(&self, total: u64) -> Result<Option<Guess>, String> {
        let dims = self.seen.shape.dims();
        let at = |axis: usize| (0..dims.len()).map(|a| u64::from(a == axis)).collect::<Vec<u64>>();
        let ones = vec![1; dims.len()];
        let most = (HEAD as u64).min(MOST_HEAD_BYTES / self.seen.dtype.estimated_bytes().max(1) as u64).max(1);
        let head = self.read_box(vec![0; dims.len()], first_box(dims, most))?;
        let last = self.read_box(dims.iter().map(|d| d - 1).collect(), ones.clone())?;
        let next: Vec<Elements> = (0..dims.len())
            .map(|a| if dims[a] > 1 { self.read_box(at(a), ones.clone()) } else { Ok(Elements::empty(&self.seen.dtype)) })
            .collect::<Result<_, _>>()?;
        let samples = Samples { dtype: &self.seen.dtype, shape: &self.seen.shape, head: &head, last: &last, next: &next };
        let mut live = guesses(&samples);
        if total <= head.count(&self.seen.dtype) as u64 {
            return Ok(live.into_iter().next());
        }
        let partition = Partition::new(&self.whole, self.seen.layout.chunk(), self.seen.dtype.estimated_bytes());
        for k in 0..partition.count() {
            if live.is_empty() {
                return Ok(None);
            }
            let block = partition.block(k);
            let found = self.read(&self.whole.sub(&block))?;
            live.retain(|guess| matches(guess, &found, &block, dims, &self.seen.dtype));
        }
        Ok(live.into_iter().next())
    }

    /// Would a dataset of one value look the same, had it never been written?
    fn shows_by_itself(&self) -> Result<bool, String> {
        use crate::model::{AllocTime, FillTime, FillValue};
        // Where space is allocated late, written elements take space and others do not.
        if self.seen.alloc_time != AllocTime::Early
            || self.seen.fill_time == FillTime::Never
            || matches!(self.seen.layout, Layout::Chunked { .. })
        {
            return Ok(false);
        }
        let first = self.read_box(vec![0; self.seen.shape.rank()], vec![1; self.seen.shape.rank()])?;
        Ok(match (&self.seen.fill_value, &first) {
            (FillValue::Default, Elements::Fixed(bytes)) => bytes.iter().all(|b| *b == 0),
            (FillValue::Value(fill), first) => fill == first,
            (FillValue::Default | FillValue::Undefined | FillValue::Unreadable, _) => false,
        })
    }

    /// What kind of file holds the contents exactly: looks at every element where bytes matter.
    fn file_kind(&self) -> Result<sidecar::Kind, String> {
        let Some(kind) = sidecar::kind(&self.seen.dtype) else { return sidecar::hdf5(&self.seen.dtype) };
        let Some(allowed) = sidecar::allowed(&self.seen.dtype) else { return Ok(kind) };
        let mut sound = true;
        blocks(self.access, &self.seen.shape, &self.seen.layout, |_, elements| {
            sound &= matches!(elements, Elements::Fixed(bytes) if bytes.iter().all(|b| allowed(*b)));
            Ok(())
        })?;
        match (sound, self.seen.dtype.is_bool()) {
            (true, _) => Ok(kind),
            (false, false) => Ok(sidecar::Kind::Raw),
            (false, true) => sidecar::hdf5(&self.seen.dtype),
        }
    }
}

/// Hands on every element, a block after the other: the runs of the row-major order they are, in the block's
/// order, and the elements. Rows of chunks come whole where they are small enough.
pub fn blocks(
    access: &DatasetAccess,
    shape: &Shape,
    layout: &Layout,
    mut each: impl FnMut(&[(u64, usize)], &Elements) -> Result<(), String>,
) -> Result<(), String> {
    let Some(whole) = Region::whole(shape) else { return Ok(()) };
    let (dims, bytes) = (shape.dims(), access.dtype().estimated_bytes());
    let chunk = layout.chunk().map(|chunk| {
        let row: Vec<u64> = chunk[..1].iter().chain(&dims[1..]).copied().collect();
        let size = row.iter().fold(bytes as u64, |n, &d| n.saturating_mul(d));
        if size <= MOST_ROW_BYTES { row } else { chunk.to_vec() }
    });
    let partition = Partition::new(&whole, chunk.as_deref(), bytes);
    for k in 0..partition.count() {
        let block = partition.block(k);
        let elements = access.read(&whole.sub(&block)).map_err(|e| e.cause)?;
        let mut runs = Vec::new();
        block.runs(&block.offset, dims, |start, count| runs.push((start, count)));
        each(&runs, &elements)?;
    }
    Ok(())
}

fn matches(guess: &Guess, found: &Elements, block: &Block, dims: &[u64], dtype: &Dtype) -> bool {
    let (mut at, mut same) = (0, true);
    block.runs(&block.offset, dims, |start, count| {
        same = same && guess.gives(start, &found.slice(dtype, at, count), count);
        at += count;
    });
    same
}

/// Sizes of a box whose elements are the first of the row-major order, at most `most` of them.
fn first_box(dims: &[u64], most: u64) -> Vec<u64> {
    let mut left = most;
    let mut out = vec![1; dims.len()];
    for (len, &size) in out.iter_mut().zip(dims).rev() {
        *len = size.min(left);
        if *len < size {
            break;
        }
        left /= size.max(1);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_box_is_a_run() {
        assert_eq!(first_box(&[1000], 256), [256]);
        assert_eq!(first_box(&[10, 10, 10], 256), [2, 10, 10]);
        assert_eq!(first_box(&[3, 1000], 256), [1, 256]);
        assert_eq!(first_box(&[3, 4], 256), [3, 4]);
        assert_eq!(first_box(&[], 256), [0u64; 0]);
    }
}
