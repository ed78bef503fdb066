//! Dataspaces and selections.

use hdf5_sys::h5s::{
    H5S_UNLIMITED, H5S_class_t, H5S_seloper_t, H5Screate, H5Screate_simple, H5Sget_simple_extent_dims, H5Sget_simple_extent_ndims,
    H5Sget_simple_extent_type, H5Sselect_elements, H5Sselect_hyperslab,
};

use super::{Id, Result, call, status};
use crate::model::{MaxShape, Region, Shape};

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
