//! Declared contents beside the file's.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::sync::Arc;

use super::descent::Parents;
use super::{Naming, ObserveError, stored};
use xxhash_rust::xxh3::{Xxh3, xxh3_64};

use crate::fill::{Filler, Memory, block_elements, in_order};
use crate::h5::{DatasetAccess, File, LISTED_BYTES};
use crate::model::{
    Block, DatasetContents, Dtype, Elements, H5Path, Layer, Observed, Partition, RegionSeen, Shape, SourceFile, element_text,
};
use crate::source::{self, Opened};

/// Most differing elements that are shown.
const EXAMPLES: usize = 3;

/// Is told of bytes that were compared: dataset, bytes since the last call.
pub type Watch<'a> = &'a mut (dyn FnMut(&H5Path, u64) + Send);

/// Compares every layer that the file already has elements for.
pub fn regions(
    file: &File,
    contents: &BTreeMap<H5Path, DatasetContents>,
    observed: &mut Observed,
    memory: Memory,
    watch: Watch<'_>,
) -> Result<(), ObserveError> {
    let mut parents = Parents::new(file.root()?);
    let naming = Naming::after(file, &observed.first, &observed.moved);
    for (path, dataset) in contents {
        if dataset.layers.iter().all(|l| l.fresh) || !observed.dataset(path).is_some_and(|s| readable(&s.layout)) {
            continue;
        }
        let lacking = observed.dataset(path).is_some_and(|s| s.lacking.is_some());
        let access = parents.open(&observed.moved.stands_at(path))?.access()?;
        for (number, layer) in dataset.layers.iter().enumerate().filter(|(_, l)| !l.fresh) {
            let above = &dataset.layers[number + 1..];
            let names = Names { naming: &naming, observed };
            // A dataset that is a copy of another is compared as far as either is stored.
            let copied = match above.iter().any(|l| l.region.may_overlap(&layer.region)) {
                false => source::whole(layer, &dataset.dtype).map_err(|e| failed(path, e.to_string()))?,
                true => None,
            };
            let seen = match (lacking, copied) {
                (false, copied) => compare(&access, &Work { path, dataset, layer, above, names, copied, memory }, watch)?,
                (true, Some(from)) => {
                    let partition = Partition::new(&layer.region, dataset.chunk.as_deref(), layer.fill.element_bytes(&dataset.dtype));
                    match stored::compare(&access, &from.access, &from.seen, &partition)? {
                        Some(seen) => seen,
                        None => continue,
                    }
                }
                // The planner says that the contents cannot be looked at.
                (true, None) => continue,
            };
            observed.regions.insert((path.clone(), number), seen);
        }
    }
    Ok(())
}

/// External and virtual storage is other files' business.
pub(super) fn readable(layout: &crate::model::Layout) -> bool {
    use crate::model::Layout;
    match layout {
        Layout::Compact | Layout::Contiguous | Layout::Chunked { .. } => true,
        Layout::External(_) | Layout::Virtual(_) | Layout::Unknown(_) => false,
    }
}

/// What objects are called, where elements refer to some.
struct Names<'a, 'f> {
    naming: &'a Naming<'f>,
    observed: &'a Observed,
}

/// A layer to compare.
struct Work<'a, 'f> {
    path: &'a H5Path,
    dataset: &'a DatasetContents,
    layer: &'a Layer,
    above: &'a [Arc<Layer>],
    names: Names<'a, 'f>,
    /// The dataset that it is a copy of, if it is one.
    copied: Option<Opened>,
    memory: Memory,
}

fn failed(path: &H5Path, cause: String) -> ObserveError {
    ObserveError::Contents { path: path.clone(), cause }
}

fn compare(access: &DatasetAccess, work: &Work<'_, '_>, watch: Watch<'_>) -> Result<RegionSeen, ObserveError> {
    let Work { path, dataset, layer, above, names, copied, memory } = work;
    let failed = |cause: String| failed(path, cause);
    let dtype = &dataset.dtype;
    let open = |s: &SourceFile, dtype: &Dtype, shape: &Shape| source::open(s, dtype, shape).map_err(|e| e.to_string());
    let filler = Filler::new(&layer.fill, dtype, &layer.rule_shape(), open).map_err(failed)?;
    let partition = Partition::new(&layer.region, dataset.chunk.as_deref(), layer.fill.element_bytes(dtype));
    let bytes = partition.block(0).elements().saturating_mul(layer.fill.element_bytes(dtype));
    let mut seen = RegionSeen::default();
    let touched = copied.as_ref().map_or(Ok(None), |from| from.touched(access, &partition))?;
    let sparse = touched.is_some();
    let numbers: Box<dyn Iterator<Item = u64> + Send> = match touched {
        Some(list) => Box::new(list.into_iter()),
        None => Box::new(0..partition.count()),
    };
    let many = layer.region.elements().saturating_mul(dtype.size() as u64) >= LISTED_BYTES;
    let reader = access.block_reader(many)?;
    let tally = |k: u64, found: &Elements, wanted: &Elements| tally(&partition.block(k), layer, above, dtype, found, wanted);
    let make = |k: u64| -> Result<Looked, ObserveError> {
        let block = partition.block(k);
        let wanted = block_elements(&filler, layer, &block).map_err(failed)?;
        if dtype.has_outside_data() {
            return Ok(Looked::Unread(wanted));
        }
        // The last block is read by the library: what we have filtered is not judged by us alone.
        let region = layer.region.sub(&block);
        let found = if k + 1 == partition.count() { access.read(&region)? } else { reader.read(&region)? };
        Ok(Looked::Seen(tally(k, &found, &wanted)))
    };
    in_order(numbers, memory.ahead(bytes.max(reader.chunk_bytes())), filler.is_sequential(), make, |k, looked| {
        let block = match looked {
            Looked::Seen(block) => block,
            Looked::Unread(mut wanted) => {
                let mut found = access.read(&layer.region.sub(&partition.block(k)))?;
                if dtype.has_references() {
                    names.naming.name_elements(&mut found);
                    wanted.rename_targets(&mut |t| names.observed.canonical_target(t));
                }
                tally(k, &found, &wanted)
            }
        };
        block.add_to(k, &mut seen);
        watch(path, (partition.block(k).elements() as u64).saturating_mul(layer.fill.element_bytes(dtype) as u64));
        Ok(())
    })?;
    if sparse {
        // The blocks that were left out hold the fill value on both sides.
        seen.elements = layer.region.elements();
    }
    Ok(seen)
}

/// A block that was looked at.
enum Looked {
    /// It is compared.
    Seen(BlockSeen),
    /// What is wanted, of elements that are more than bytes: a few bytes in the file can stand for much memory, so that they are read one block
    /// after the other, and names are looked up.
    Unread(Elements),
}

/// How a block compares.
#[derive(Default)]
struct BlockSeen {
    elements: u64,
    differing: u64,
    examples: Vec<(String, String)>,
    /// Of what was found, where it differs.
    digest: Option<u64>,
}

impl BlockSeen {
    /// Blocks are added in their order.
    fn add_to(self, k: u64, seen: &mut RegionSeen) {
        seen.elements += self.elements;
        seen.differing += self.differing;
        let room = EXAMPLES.saturating_sub(seen.examples.len());
        seen.examples.extend(self.examples.into_iter().take(room));
        if let Some(digest) = self.digest {
            seen.blocks.push(k);
            seen.digest = seen.digest.rotate_left(7) ^ digest;
        }
    }
}

/// A hash of elements, in memory's form.
fn digest(elements: &Elements) -> u64 {
    match elements {
        Elements::Fixed(bytes) => xxh3_64(bytes),
        Elements::Strings(_) | Elements::Nested(_) => {
            // Their text is several times as long as they are: it is never there as a whole.
            let mut text = Digested(Xxh3::new());
            let _ = write!(text, "{elements:?}");
            text.0.digest()
        }
    }
}

/// A text that is hashed as it is written.
struct Digested(Xxh3);

impl std::fmt::Write for Digested {
    fn write_str(&mut self, part: &str) -> std::fmt::Result {
        self.0.update(part.as_bytes());
        Ok(())
    }
}

/// Counts the elements that this layer decides and that differ.
fn tally(block: &Block, layer: &Layer, above: &[Arc<Layer>], dtype: &Dtype, found: &Elements, wanted: &Elements) -> BlockSeen {
    let decided = layer.decided(block, above);
    let elements = decided.as_ref().map_or(block.elements(), |d| d.iter().filter(|x| **x).count()) as u64;
    let mut seen = BlockSeen { elements, ..BlockSeen::default() };
    if found == wanted {
        return seen;
    }
    for i in found.differing(wanted, dtype).filter(|&i| decided.as_ref().is_none_or(|d| d[i])) {
        seen.differing += 1;
        if seen.examples.len() < EXAMPLES {
            seen.examples.push((element_text(found, dtype, i), element_text(wanted, dtype, i)));
        }
    }
    seen.digest = (seen.differing > 0).then(|| digest(found));
    seen
}
