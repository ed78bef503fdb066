//! Storage in other files: external raw files, and mappings of virtual datasets.

use hdf5_sys::h5p::{
    H5Pget_external, H5Pget_external_count, H5Pget_virtual_count, H5Pget_virtual_dsetname, H5Pget_virtual_filename,
    H5Pget_virtual_srcspace, H5Pget_virtual_vspace, H5Pset_external, H5Pset_virtual,
};
use hdf5_sys::h5s::H5S_UNLIMITED;

use super::id::c_string;
use super::{H5Error, Id, Result, call, space, status};
use crate::model::{ExternalFile, Mapping, MaxShape, Selected, Shape};

/// Longest name of a file or dataset that is read.
const MOST_NAME_BYTES: usize = 1 << 16;
/// Most mappings of one dataset that are read.
const MOST_MAPPINGS: usize = 1 << 20;

/// The files of a dataset's creation list.
pub(super) fn external(list: &Id, label: &str) -> Result<Vec<ExternalFile>> {
    let what = || format!("cannot read the external files of {label}");
    let p = list.raw();
    // SAFETY (both): a dataset creation list; the buffer has the size that is passed.
    let count = call(what, || unsafe { H5Pget_external_count(p) })?;
    let mut name = vec![0u8; MOST_NAME_BYTES];
    (0..count as u32)
        .map(|i| {
            let (mut offset, mut size) = (0i64, 0u64);
            status(what, || unsafe { H5Pget_external(p, i, name.len() - 1, name.as_mut_ptr().cast(), &raw mut offset, &raw mut size) })?;
            let offset = u64::try_from(offset).map_err(|_| H5Error::new(what(), format!("an offset is {offset}")))?;
            Ok(ExternalFile { file: terminated(&name), offset, size: (size != H5S_UNLIMITED).then_some(size) })
        })
        .collect()
}

/// A copy of what is before the first zero: there may be a million names, and their buffers are long.
fn terminated(name: &[u8]) -> Vec<u8> {
    name.iter().take_while(|b| **b != 0).copied().collect()
}

/// Adds external files to a dataset creation list.
pub(super) fn set_external(list: &Id, files: &[ExternalFile]) -> Result<()> {
    for file in files {
        let what = || format!("cannot use the external file {}", crate::model::bytes_text(&file.file));
        let offset = i64::try_from(file.offset).map_err(|_| H5Error::new(what(), "the offset is too large"))?;
        let name = c_string(&file.file);
        // SAFETY: a dataset creation list, a C string and plain values.
        status(what, || unsafe { H5Pset_external(list.raw(), name.as_ptr(), offset, file.size.unwrap_or(H5S_UNLIMITED)) })?;
    }
    Ok(())
}

/// The mappings of a virtual dataset's creation list.
pub(super) fn mappings(list: &Id, label: &str) -> Result<Vec<Mapping>> {
    let what = || format!("cannot read the mappings of {label}");
    let p = list.raw();
    let mut count = 0usize;
    // SAFETY (all): the creation list of a virtual dataset; the buffers have the sizes that are passed.
    status(what, || unsafe { H5Pget_virtual_count(p, &raw mut count) })?;
    if count > MOST_MAPPINGS {
        return Err(H5Error::new(what(), format!("there are {count}")));
    }
    // Buffers for all of them: a file name and a dataset's.
    let (mut file, mut path) = (vec![0u8; MOST_NAME_BYTES], vec![0u8; MOST_NAME_BYTES]);
    (0..count)
        .map(|i| {
            let here = Id::own(call(what, || unsafe { H5Pget_virtual_vspace(p, i) })?);
            let there = Id::own(call(what, || unsafe { H5Pget_virtual_srcspace(p, i) })?);
            call(what, || unsafe { H5Pget_virtual_filename(p, i, file.as_mut_ptr().cast(), MOST_NAME_BYTES - 1) as i64 })?;
            call(what, || unsafe { H5Pget_virtual_dsetname(p, i, path.as_mut_ptr().cast(), MOST_NAME_BYTES - 1) as i64 })?;
            let source = space::selected(&there)?;
            // Only for a selection of everything does the extent say more than the selection.
            let extent = (source == Selected::All).then(|| space::extent(&there).map(|(shape, _)| shape.dims().to_vec())).transpose()?;
            Ok(Mapping { select: space::selected(&here)?, file: terminated(&file), path: terminated(&path), source, extent })
        })
        .collect()
}

/// Adds mappings to a dataset creation list, for a dataset of this extent.
pub(super) fn set_virtual(list: &Id, shape: &Shape, max: &MaxShape, mappings: &[Mapping]) -> Result<()> {
    for mapping in mappings {
        let what = || format!("cannot map {} to {} of {}", mapping.select, name(&mapping.path), name(&mapping.file));
        let here = space::create(shape, (!max.is_empty()).then_some(max))?;
        space::choose(&here, &mapping.select)?;
        let there = source_space(mapping, shape)?;
        space::choose(&there, &mapping.source)?;
        let (file, path) = (c_string(&mapping.file), c_string(&mapping.path));
        // SAFETY: a dataset creation list, dataspaces and C strings.
        status(what, || unsafe { H5Pset_virtual(list.raw(), here.raw(), file.as_ptr(), path.as_ptr(), there.raw()) })?;
    }
    Ok(())
}

fn name(bytes: &[u8]) -> String {
    crate::model::bytes_text(bytes)
}

/// A dataspace that the selection fits in: files do not hold the extent of a source.
fn source_space(mapping: &Mapping, shape: &Shape) -> Result<Id> {
    let unlimited = |n: usize| vec![None; n];
    let dims = match (&mapping.source, &mapping.extent) {
        (Selected::All, Some(extent)) => extent.clone(),
        (Selected::All, None) => match (&mapping.select, mapping.select.elements()) {
            (Selected::All, _) => shape.dims().to_vec(),
            (_, Some(count)) => vec![count],
            // Of an unlimited selection each source is one block.
            (Selected::Slab(axes), None) => {
                vec![axes.iter().map(|a| a.count.unwrap_or(1).saturating_mul(a.block.unwrap_or(1))).fold(1, u64::saturating_mul)]
            }
            (_, None) => shape.dims().to_vec(),
        },
        (Selected::Slab(axes), _) => {
            // An unlimited count needs no more than one block.
            let axis = |a: &crate::model::SlabAxis| {
                let blocks = a.count.unwrap_or(1).saturating_sub(1).saturating_mul(a.stride);
                a.start.saturating_add(blocks).saturating_add(a.block.unwrap_or(1))
            };
            axes.iter().map(axis).collect()
        }
        (other, _) => other.bounds().unwrap_or_else(|| shape.dims().to_vec()),
    };
    let max = unlimited(dims.len());
    space::create(&Shape::from_dims(&dims), Some(&max))
}
