//! Copying chunks as they are stored.

use super::execute::{ApplyError, Watch};
use super::region::Work;
use crate::h5::{DatasetAccess, Stored};
use crate::source::{Opened, same_unwritten};

/// Copies a dataset's stored chunks into a new dataset, past the filters, so that none must be run, and what is not stored stays so.
/// False, and nothing done, where stored chunks would not mean the same there, or where they are not known.
pub(super) fn copy(access: &DatasetAccess, from: &Opened, work: &Work<'_>, watch: Watch<'_>) -> Result<bool, ApplyError> {
    if !from.access.same_storage(access)? {
        return Ok(false);
    }
    let Stored::Chunks(chunks) = from.access.stored(&from.seen)? else { return Ok(false) };
    let all = chunk_count(work) == Some(chunks.len() as u64);
    if !all && !same_unwritten(&from.seen, &access.seen()?) {
        return Ok(false);
    }
    for chunk in &chunks {
        let raw = from.access.read_chunk_raw(chunk)?;
        access.write_chunk_raw(&chunk.offset, &raw)?;
        watch(work.path, chunk_bytes(work));
    }
    Ok(true)
}

/// Makes the stored chunks of a copy whose filter is lacking those of its source, where they differ. False, and nothing done, where the
/// filters are there, so that elements can be written, or where stored chunks would not mean the same.
pub(super) fn mend(access: &DatasetAccess, from: &Opened, work: &Work<'_>, watch: Watch<'_>) -> Result<bool, ApplyError> {
    let seen = access.seen()?;
    if seen.lacking.is_none() || !from.access.same_storage(access)? {
        return Ok(false);
    }
    let (Stored::Chunks(ours), Stored::Chunks(theirs)) = (access.stored(&seen)?, from.access.stored(&from.seen)?) else {
        return Ok(false);
    };
    for their in &theirs {
        let raw = from.access.read_chunk_raw(their)?;
        let our = ours.binary_search_by(|our| our.offset.cmp(&their.offset)).ok().map(|at| access.read_chunk_raw(&ours[at])).transpose()?;
        if our.as_ref() != Some(&raw) {
            access.replace_chunk_raw(&their.offset, &raw, our.map(|our| (our.bytes.len() as u64, our.filter_mask)))?;
            watch(work.path, chunk_bytes(work));
        }
    }
    Ok(true)
}

/// How many chunks the whole dataset has.
fn chunk_count(work: &Work<'_>) -> Option<u64> {
    let axes = work.layer.region.extent().iter().zip(work.chunk?);
    axes.into_iter().try_fold(1u64, |n, (size, chunk)| n.checked_mul(size.div_ceil(*chunk)))
}

/// Bytes of a chunk's elements, for progress.
fn chunk_bytes(work: &Work<'_>) -> u64 {
    work.chunk.unwrap_or_default().iter().fold(work.dtype.size() as u64, |n, &d| n.saturating_mul(d))
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::super::region;
    use super::*;
    use crate::diag::Sources;
    use crate::fill::Memory;
    use crate::h5::{File, NewDataset, NewFile, RawChunk};
    use crate::model::{
        Codec, Dtype, Elements, Fill, FillValue, Filter, Frame, H5Path, Layer, LayerKind, Layout, Region, Rule, Shape, SourceFile,
        TrackOrder,
    };
    use crate::plan::Blocks;

    /// A file with one dataset of 20 `i4` in chunks of 4.
    fn dataset(path: &Path, filter: &Filter, fill: i32) -> (DatasetAccess, File) {
        let new = NewFile::plain(TrackOrder::No);
        let file = File::create(path, new, false).unwrap();
        let dtype = Dtype::int(4, true);
        let shape = Shape::Simple(vec![20]);
        let max = vec![Some(20)];
        let layout = Layout::Chunked { chunk: vec![4], filters: vec![filter.clone()] };
        let new = NewDataset {
            fill_value: &FillValue::Value(Elements::Fixed(fill.to_le_bytes().to_vec())),
            ..NewDataset::plain(&dtype, &shape, &max, &layout)
        };
        (file.root().unwrap().create_dataset(b"x", &new).unwrap().access().unwrap(), file)
    }

    fn layer(file: &Path) -> Layer {
        let rule = Rule::Source(SourceFile::Hdf5 { file: file.into(), path: H5Path::parse("/x").unwrap(), select: None });
        Layer {
            kind: LayerKind::Fill,
            region: Region::whole(&Shape::Simple(vec![20])).unwrap(),
            fill: Fill { rule, seed: 0, stream: vec![], missing: None },
            frame: Frame::Dataset(vec![20]),
            fresh: true,
            origin: Sources::new().add("m.toml", "", "").span(0..0),
        }
    }

    /// What the target's chunks are after it was filled by a copy; the error where that cannot be.
    fn copied(stored: &Filter, declared: &Filter, fill: i32, raw: &[(u64, &[u8])]) -> Result<Vec<(u64, RawChunk)>, String> {
        let folder = tempfile::tempdir().unwrap();
        let source = folder.path().join("source.h5");
        let (access, file) = dataset(&source, stored, 7);
        for (at, bytes) in raw {
            access.write_chunk_raw(&[*at], &RawChunk { filter_mask: 0, bytes: bytes.to_vec() }).unwrap();
        }
        drop(access);
        file.close().unwrap();
        let (access, file) = dataset(&folder.path().join("target.h5"), declared, fill);
        let (layer, path, dtype) = (layer(&source), H5Path::parse("/x").unwrap(), Dtype::int(4, true));
        let work = Work {
            file: &file,
            memory: Memory::default(),
            path: &path,
            dtype: &dtype,
            chunk: Some(&[4]),
            layer: &layer,
            above: &[],
            blocks: &Blocks::All,
        };
        region::write(&access, &work, &mut |_, _| {}).map_err(|e| e.to_string())?;
        drop(access);
        file.close().unwrap();
        let file = File::open(&folder.path().join("target.h5"), crate::h5::Locking::Off).unwrap();
        let access = file.root().unwrap().open(b"x").unwrap().access().unwrap();
        let Stored::Chunks(list) = access.stored(&access.seen().unwrap()).unwrap() else { panic!("all") };
        Ok(list.iter().map(|c| (c.offset[0], access.read_chunk_raw(c).unwrap())).collect())
    }

    #[test]
    fn chunks_are_copied_without_their_codec() {
        let unknown = |id, params: &[u32]| Filter { codec: Codec::Other { id, params: params.to_vec() }, optional: true, stored: None };
        let raw: &[(u64, &[u8])] = &[(16, b"any bytes"), (4, b"of any length at all, for all that HDF5 knows")];
        let got = copied(&unknown(300, &[1]), &unknown(300, &[1]), 7, raw).unwrap();
        let bytes: Vec<(u64, &[u8])> = got.iter().map(|(at, c)| (*at, c.bytes.as_slice())).collect();
        assert_eq!(bytes, [raw[1], raw[0]]);
        // What chunks mean depends on the filters' parameters, and what is between them on the fill value.
        for (declared, fill) in [(unknown(300, &[2]), 7), (unknown(301, &[1]), 7), (unknown(300, &[1]), 8)] {
            let said = copied(&unknown(300, &[1]), &declared, fill, raw).unwrap_err();
            assert!(said.contains("compressed with filter 300 [1] (optional), a filter that this h5mason does not have"), "{said}");
        }
        // Where every chunk is stored, the fill value shows nowhere.
        let all: Vec<(u64, &[u8])> = (0..5).map(|k| (4 * k, b"chunk".as_slice())).collect();
        assert_eq!(copied(&unknown(300, &[]), &unknown(300, &[]), 8, &all).unwrap().len(), 5);
    }

    #[test]
    fn what_was_never_written_stays_so() {
        let deflate = Filter::from(Codec::Deflate(3));
        assert_eq!(copied(&deflate, &deflate, 7, &[]).unwrap().len(), 0);
        assert_eq!(copied(&deflate, &Codec::Shuffle.into(), 7, &[]).unwrap().len(), 0);
        assert_eq!(copied(&deflate, &deflate, 8, &[]).unwrap().len(), 5);
    }
}
