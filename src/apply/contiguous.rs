//! New contiguous datasets: written in parallel, past the library.

use std::sync::Mutex;

use super::execute::{ApplyError, Watch};
use super::region::Work;
use crate::fill::{Filler, in_order, put_block};
use crate::h5::{DatasetAccess, Place};
use crate::model::{Block, Partition};

/// Below this many bytes of a dataset there is nothing to gain.
const MANY_BYTES: u64 = 4 << 20;

/// Writes all elements of a new dataset. False, and nothing done, where the library must write them.
pub(super) fn write(
    access: &DatasetAccess,
    work: &Work<'_>,
    filler: &Filler,
    partition: &Partition,
    watch: Watch<'_>,
) -> Result<bool, ApplyError> {
    let failed = |cause: String| ApplyError::Contents { path: work.path.clone(), cause };
    let layer = work.layer;
    let size = filler.element_bytes() as u64;
    let len = layer.region.elements().saturating_mul(size);
    if len < MANY_BYTES || !filler.makes_bytes() {
        return Ok(false);
    }
    let first = partition.block(0);
    let mut buffer = Vec::new();
    put_block(filler, layer, &first, &mut buffer).map_err(failed)?;
    let Some(place) = work.file.place(access, &layer.region.sub(&first), buffer, len)? else { return Ok(false) };
    let writer = Writer { work, filler, partition, place: &place, buffers: Mutex::default() };
    let ahead = work.memory.ahead(first.elements() * size as usize);
    in_order(
        0..partition.count(),
        ahead,
        filler.is_sequential(),
        |k| writer.write(k),
        |_, bytes| {
            watch(work.path, bytes);
            Ok(())
        },
    )?;
    Ok(true)
}

/// Makes blocks and writes them, on any thread.
struct Writer<'a> {
    work: &'a Work<'a>,
    filler: &'a Filler,
    partition: &'a Partition,
    place: &'a Place,
    /// Used again: memory that is new costs as much as what is done with it.
    buffers: Mutex<Vec<Vec<u8>>>,
}

impl Writer<'_> {
    /// Bytes of the block.
    fn write(&self, k: u64) -> Result<u64, ApplyError> {
        let block = self.partition.block(k);
        let mut buffer = self.buffers.lock().map_or_else(|_| None, |mut list| list.pop()).unwrap_or_default();
        // What a constant has left in the buffer serves again.
        if !self.filler.is_constant() || buffer.len() != block.elements() * self.filler.element_bytes() {
            let made = put_block(self.filler, self.work.layer, &block, &mut buffer);
            made.map_err(|cause| ApplyError::Contents { path: self.work.path.clone(), cause })?;
        }
        self.put(&block, &buffer)?;
        let bytes = buffer.len() as u64;
        if let Ok(mut list) = self.buffers.lock() {
            list.push(buffer);
        }
        Ok(bytes)
    }

    /// The block's rows stand where the row-major order of the whole dataset has them.
    fn put(&self, block: &Block, mut bytes: &[u8]) -> Result<(), ApplyError> {
        let size = self.filler.element_bytes();
        let mut done = Ok(());
        block.runs(&block.offset, &self.work.layer.region.lens(), |start, count| {
            let (run, rest) = bytes.split_at(count * size);
            bytes = rest;
            if done.is_ok() {
                done = self.place.write(start * size as u64, run);
            }
        });
        Ok(done?)
    }
}
