//! Object references that lead to an object which is made anew.

use std::collections::BTreeMap;

use hdf5_sys::h5d::{H5Dread, H5Dwrite};
use hdf5_sys::h5p::H5P_CLS_DATASET_XFER;

use super::dataset::MOST_TEXT_BYTES;
use super::file::property_list;
use super::object::buffer;
use super::vlen::Arena;
use super::{DatasetAccess, H5Error, Id, Result, moving, status};
use crate::model::{Dtype, RefKind, Region};

/// Bytes of a sequence: a length and a pointer (`hvl_t`).
const SEQUENCE: usize = 16;

/// Hands out each reference among elements, to be changed: in records, arrays and sequences, too. Whatever fails first ends it.
///
/// # Safety
/// `raw` holds whole elements of this type as the library left them, and what they point to is still there.
pub(super) unsafe fn each_reference(dtype: &Dtype, raw: &mut [u8], change: Change<'_>) -> Result<()> {
    if !dtype.has_references() {
        return Ok(());
    }
    match dtype.resolved() {
        Dtype::Reference(kind) => {
            for one in raw.chunks_exact_mut(dtype.size().max(1)) {
                change(*kind, one)?;
            }
        }
        Dtype::Vlen(base) => {
            for one in raw.chunks_exact(SEQUENCE) {
                let word = |at: usize| one[at..at + 8].iter().rev().fold(0usize, |n, b| n << 8 | *b as usize);
                let (count, place) = (word(0), word(8));
                let Some(bytes) = count.checked_mul(base.size()).filter(|b| *b > 0 && place != 0) else { continue };
                // SAFETY: the library put `count` elements of the base type there, and nobody else has them.
                let part = unsafe { std::slice::from_raw_parts_mut(std::ptr::with_exposed_provenance_mut::<u8>(place), bytes) };
                // SAFETY: as for this call.
                unsafe { each_reference(base, part, change)? };
            }
        }
        // SAFETY (twice): parts of the elements that were vouched for.
        Dtype::Array { base, .. } => unsafe { each_reference(base, raw, change)? },
        Dtype::Compound { size, members } => {
            for one in raw.chunks_exact_mut((*size).max(1)) {
                for member in members {
                    let part = member.offset.checked_add(member.dtype.size()).and_then(|end| one.get_mut(member.offset..end));
                    if let Some(part) = part {
                        unsafe { each_reference(&member.dtype, part, change)? };
                    }
                }
            }
        }
        _ => {}
    }
    Ok(())
}

/// What is done to one reference, whose bytes are the library's.
pub(super) type Change<'a> = &'a mut dyn FnMut(RefKind, &mut [u8]) -> Result<()>;

/// Addresses of objects before, and of those that take their places.
pub type Addresses = BTreeMap<u64, u64>;

/// Replaces addresses by others in object references, each once: what takes a place may stand where another object stood. False if none of
/// them is there.
///
/// # Safety
/// As [`each_reference`].
pub(super) unsafe fn retarget(dtype: &Dtype, raw: &mut [u8], moved: &Addresses) -> bool {
    let mut changed = false;
    let mut change = |kind: RefKind, one: &mut [u8]| {
        if kind == RefKind::Object
            && let Ok(address) = <[u8; 8]>::try_from(&*one)
            && let Some(to) = moved.get(&u64::from_ne_bytes(address))
        {
            one.copy_from_slice(&to.to_ne_bytes());
            changed = true;
        }
        Ok(())
    };
    // SAFETY: as for this call. The change never fails.
    let _ = unsafe { each_reference(dtype, raw, &mut change) };
    changed
}

impl DatasetAccess {
    /// Makes the object references in a region that lead to some addresses lead to others. False if there are none.
    pub fn retarget(&self, region: &Region, moved: &Addresses) -> Result<bool> {
        self.with_memory(region, |raw, list| {
            // SAFETY: the library has just filled the buffer, and what it points to is still there.
            let changed = unsafe { retarget(self.dtype(), raw, moved) };
            if changed {
                self.write_memory(region, raw, list)?;
            }
            Ok(changed)
        })
    }

    /// Copies a region to one of a dataset of the same dtype in the same file, references as they are, also such as lead nowhere.
    pub fn copy_region(&self, region: &Region, to: &DatasetAccess, there: &Region) -> Result<()> {
        self.with_memory(region, |raw, list| to.write_memory(there, raw, list))
    }

    /// Reads a region as the library has it in memory, for as long as `work` takes.
    pub(super) fn with_memory<T>(&self, region: &Region, work: impl FnOnce(&mut [u8], &Id) -> Result<T>) -> Result<T> {
        let what = || format!("cannot read [{region}] of {}", self.object.label());
        let (memory, file) = self.spaces(region)?;
        let mut raw = vec![0u8; region.elements() as usize * self.dtype().size()];
        let mut outside = Arena::new(MOST_TEXT_BYTES);
        let list = property_list(*H5P_CLS_DATASET_XFER)?;
        outside.serve(&list)?;
        let (id, type_id) = (self.object.id().raw(), self.type_id.raw());
        // SAFETY: the buffer holds the selected number of elements of the dataset's own type.
        let read = status(what, || unsafe { H5Dread(id, type_id, memory.raw(), file.raw(), list.raw(), buffer(&mut raw)) });
        if outside.is_exceeded() {
            return Err(H5Error::new(what(), "its values take too much memory"));
        }
        read?;
        let done = work(&mut raw, &list);
        self.reclaim(&list, &memory, &mut raw);
        done
    }

    /// Writes a region from the library's memory.
    pub(super) fn write_memory(&self, region: &Region, raw: &[u8], list: &Id) -> Result<()> {
        let what = || format!("cannot write [{region}] of {}", self.object.label());
        let (memory, file) = self.spaces(region)?;
        let (id, type_id) = (self.object.id().raw(), self.type_id.raw());
        // SAFETY: the buffer holds the selected number of elements of the dataset's own type.
        moving(what, || unsafe { H5Dwrite(id, type_id, memory.raw(), file.raw(), list.raw(), raw.as_ptr().cast()) })
    }
}
