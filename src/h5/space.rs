//! Dataspaces and selections.

use hdf5_sys::h5s::*;

use super::{H5Error, Id, Result, call, status};
use crate::model::{MaxShape, Region, Selected, Shape, SlabAxis};

/// Most numbers that a selection may consist of.
const MOST_PLACES: usize = 16 << 20;

/// A dataspace of this extent.
pub(crate) fn create(shape: &Shape, max: Option<&MaxShape>) -> Result<Id> {
    let what = || format!("cannot make a dataspace of shape {shape}");
    // SAFETY: plain values; the arrays are as long as the rank that is passed.
    let id = match shape {
        Shape::Null => call(what, || unsafe { H5Screate(H5S_class_t::H5S_NULL) })?,
        Shape::Scalar => call(what, || unsafe { H5Screate(H5S_class_t::H5S_SCALAR) })?,
        Shape::Simple(dims) => {
            let max: Vec<u64> = match max {
                Some(max) => max.iter().map(|m| m.unwrap_or(H5S_UNLIMITED)).collect(),
                None => dims.clone(),
            };
            call(what, || unsafe { H5Screate_simple(dims.len() as i32, dims.as_ptr(), max.as_ptr()) })?
        }
    };
    Ok(Id::own(id))
}

/// The extent of a dataspace, and the largest it may become.
pub(crate) fn extent(space: &Id) -> Result<(Shape, MaxShape)> {
    let what = || "cannot read a dataspace".to_string();
    // SAFETY: a valid dataspace; the arrays have the rank the library reports (at most 32).
    let class = hdf5::sync::sync(|| unsafe { H5Sget_simple_extent_type(space.raw()) });
    match class {
        H5S_class_t::H5S_NULL => Ok((Shape::Null, vec![])),
        H5S_class_t::H5S_SCALAR => Ok((Shape::Scalar, vec![])),
        _ => {
            let rank = call(what, || unsafe { H5Sget_simple_extent_ndims(space.raw()) })? as usize;
            let (mut dims, mut max) = (vec![0u64; rank], vec![0u64; rank]);
            status(what, || unsafe { H5Sget_simple_extent_dims(space.raw(), dims.as_mut_ptr(), max.as_mut_ptr()) })?;
            let max = max.into_iter().map(|m| if m == H5S_UNLIMITED { None } else { Some(m) }).collect();
            Ok((Shape::from_dims(&dims), max))
        }
    }
}

/// Selects a region in a dataspace of its dataset.
pub(crate) fn select(space: &Id, region: &Region) -> Result<()> {
    let what = || format!("cannot select {region}");
    if let Some(points) = region.points() {
        let flat: Vec<u64> = points.iter().flatten().copied().collect();
        // SAFETY: as many coordinates as points times axes; the region is in bounds by construction.
        return status(what, || unsafe { H5Sselect_elements(space.raw(), H5S_seloper_t::H5S_SELECT_SET, points.len(), flat.as_ptr()) });
    }
    let axes = region.axes().unwrap_or_default();
    if axes.is_empty() {
        return Ok(());
    }
    let column = |f: fn(&crate::model::AxisRange) -> u64| axes.iter().map(f).collect::<Vec<u64>>();
    let (start, stride, count, block) = (column(|a| a.start), column(|a| a.step), column(|a| a.count), column(|a| a.block));
    // SAFETY: four arrays of the dataspace's rank.
    status(what, || unsafe {
        H5Sselect_hyperslab(space.raw(), H5S_seloper_t::H5S_SELECT_SET, start.as_ptr(), stride.as_ptr(), count.as_ptr(), block.as_ptr())
    })
}

/// The selection of a dataspace, as it is stored.
pub(crate) fn selected(space: &Id) -> Result<Selected> {
    let what = || "cannot read a selection".to_string();
    let p = space.raw();
    // SAFETY: a valid dataspace throughout; arrays of the sizes that the library reports.
    let kind = hdf5::sync::sync(|| unsafe { H5Sget_select_type(p) });
    match kind {
        H5S_sel_type::H5S_SEL_ALL => return Ok(Selected::All),
        H5S_sel_type::H5S_SEL_NONE => return Ok(Selected::None),
        _ => {}
    }
    let rank = call(what, || unsafe { H5Sget_simple_extent_ndims(p) })? as usize;
    let places = |count: i64, width: usize| -> Result<Vec<u64>> {
        let numbers = usize::try_from(count).ok().and_then(|n| n.checked_mul(width)).filter(|n| *n <= MOST_PLACES);
        numbers.map(|n| vec![0u64; n]).ok_or_else(|| H5Error::new(what(), format!("it has {count} parts, which are too many")))
    };
    if kind == H5S_sel_type::H5S_SEL_POINTS {
        let count = call(what, || unsafe { H5Sget_select_elem_npoints(p) })?;
        let mut flat = places(count, rank)?;
        status(what, || unsafe { H5Sget_select_elem_pointlist(p, 0, count as u64, flat.as_mut_ptr()) })?;
        return Ok(Selected::Points(flat.chunks(rank.max(1)).map(<[u64]>::to_vec).collect()));
    }
    if call(what, || unsafe { H5Sis_regular_hyperslab(p) })? > 0 {
        let [mut start, mut stride, mut count, mut block] = [const { Vec::new() }; 4];
        for column in [&mut start, &mut stride, &mut count, &mut block] {
            *column = vec![0u64; rank];
        }
        status(what, || unsafe {
            H5Sget_regular_hyperslab(p, start.as_mut_ptr(), stride.as_mut_ptr(), count.as_mut_ptr(), block.as_mut_ptr())
        })?;
        let bounded = |n: u64| (n != H5S_UNLIMITED).then_some(n);
        let axis = |i: usize| SlabAxis { start: start[i], stride: stride[i], count: bounded(count[i]), block: bounded(block[i]) };
        return Ok(Selected::Slab((0..rank).map(axis).collect()));
    }
    let count = call(what, || unsafe { H5Sget_select_hyper_nblocks(p) })?;
    let mut flat = places(count, 2 * rank)?;
    status(what, || unsafe { H5Sget_select_hyper_blocklist(p, 0, count as u64, flat.as_mut_ptr()) })?;
    let block = |corners: &[u64]| (corners[..rank].to_vec(), corners[rank..].to_vec());
    Ok(Selected::Blocks(flat.chunks(2 * rank.max(1)).map(block).collect()))
}

/// Makes a selection in a dataspace.
pub(crate) fn choose(space: &Id, selected: &Selected) -> Result<()> {
    let what = || format!("cannot select {selected}");
    let p = space.raw();
    // SAFETY: a valid dataspace.
    let rank = call(what, || unsafe { H5Sget_simple_extent_ndims(p) })? as usize;
    let fits = match selected {
        Selected::All | Selected::None => true,
        Selected::Slab(axes) => axes.len() == rank,
        Selected::Blocks(blocks) => blocks.iter().all(|(first, last)| first.len() == rank && last.len() == rank),
        Selected::Points(points) => points.iter().all(|p| p.len() == rank),
    };
    if !fits {
        return Err(H5Error::new(what(), format!("the dataset has {rank} axes")));
    }
    // SAFETY (all): arrays of the dataspace's rank.
    let slab = |op, start: &[u64], stride: &[u64], count: &[u64], block: &[u64]| {
        status(what, || unsafe { H5Sselect_hyperslab(p, op, start.as_ptr(), stride.as_ptr(), count.as_ptr(), block.as_ptr()) })
    };
    match selected {
        Selected::All => status(what, || unsafe { H5Sselect_all(p) }),
        Selected::None => status(what, || unsafe { H5Sselect_none(p) }),
        Selected::Points(points) => {
            let flat: Vec<u64> = points.iter().flatten().copied().collect();
            status(what, || unsafe { H5Sselect_elements(p, H5S_seloper_t::H5S_SELECT_SET, points.len(), flat.as_ptr()) })
        }
        Selected::Slab(axes) => {
            let column = |f: fn(&SlabAxis) -> u64| axes.iter().map(f).collect::<Vec<u64>>();
            let (start, stride) = (column(|a| a.start), column(|a| a.stride));
            let (count, block) = (column(|a| a.count.unwrap_or(H5S_UNLIMITED)), column(|a| a.block.unwrap_or(H5S_UNLIMITED)));
            slab(H5S_seloper_t::H5S_SELECT_SET, &start, &stride, &count, &block)
        }
        Selected::Blocks(blocks) => {
            status(what, || unsafe { H5Sselect_none(p) })?;
            let ones = vec![1u64; rank];
            for (first, last) in blocks {
                let block: Vec<u64> = first.iter().zip(last).map(|(a, b)| (b - a).saturating_add(1)).collect();
                slab(H5S_seloper_t::H5S_SELECT_OR, first, &ones, &ones, &block)?;
            }
            Ok(())
        }
    }
}
