//! Datasets.

use std::ffi::c_int;
use std::rc::Rc;

use hdf5_sys::h5d::{
    H5D_alloc_time_t, H5D_fill_time_t, H5D_fill_value_t, H5D_layout_t, H5Dcreate2, H5Dget_space, H5Dget_type, H5Dread, H5Dset_extent,
    H5Dwrite,
};
use hdf5_sys::h5f::{H5F_ACC_RDWR, H5Fget_intent};
use hdf5_sys::h5i::H5Iget_file_id;
use hdf5_sys::h5p::*;
use hdf5_sys::h5t::H5Treclaim;
use hdf5_sys::h5z::H5Z_FLAG_OPTIONAL;

use super::activity::Doing;
use super::error::call_as;
use super::file::property_list;
use super::id::c_string;
use super::object::{attr_order_of, buffer, order_flags};
use super::reuse::{identical, is_simple};
use super::value::{Composed, MOST_VALUE_BYTES, Reader};
use super::vlen::Arena;
use super::{H5Error, Id, Made, Object, Result, call, dtype, filter, moving, plainly, space, status};
use crate::model::{
    AllocTime, Charset, Dtype, Elements, FillTime, FillValue, Filter, Layout, Mapping, MaxShape, PartialChunks, Region, SeenDataset, Shape,
    TrackOrder,
};

/// Most axes of a dataset (H5S_MAX_RANK).
const MOST_AXES: usize = 32;
/// Most parameters of a filter: the file format counts them with 16 bits.
const MOST_PARAMS: usize = 1 << 16;
/// Chunks at the edges are not filtered (H5D_CHUNK_DONT_FILTER_PARTIAL_CHUNKS).
pub(super) const DONT_FILTER_PARTIAL_CHUNKS: u32 = 2;
/// Most bytes that are read at once.
const MOST_READ_BYTES: usize = 1 << 30;
/// Most bytes of variable-length texts that are read at once: every element can lead to the same long one.
pub(super) const MOST_TEXT_BYTES: usize = 256 << 20;

/// Creation properties of a dataset.
#[derive(Clone, Debug)]
pub struct NewDataset<'a> {
    /// Element type.
    pub dtype: &'a Dtype,
    /// Extent.
    pub shape: &'a Shape,
    /// Largest extent.
    pub maxshape: &'a MaxShape,
    /// Storage.
    pub layout: &'a Layout,
    /// HDF5's fill value.
    pub fill_value: &'a FillValue,
    /// Left to the library where not declared.
    pub fill_time: Option<FillTime>,
    /// Left to the library where not declared.
    pub alloc_time: Option<AllocTime>,
    /// Chunks at the edges.
    pub partial_chunks: PartialChunks,
    /// Creation order of its attributes.
    pub attr_order: TrackOrder,
    /// The object of the element type, if that is a committed one.
    pub committed: Option<&'a Object>,
    /// Character set of the link's name, where it is not the usual one.
    pub name_charset: Option<Charset>,
}

impl<'a> NewDataset<'a> {
    /// With everything else left to the library.
    pub fn plain(dtype: &'a Dtype, shape: &'a Shape, maxshape: &'a MaxShape, layout: &'a Layout) -> Self {
        Self {
            dtype,
            shape,
            maxshape,
            layout,
            fill_value: &FillValue::Default,
            fill_time: None,
            alloc_time: None,
            partial_chunks: PartialChunks::Filter,
            attr_order: TrackOrder::No,
            committed: None,
            name_charset: None,
        }
    }
}

/// What a creation list is made from, where that is nothing but values: no names of files, and nothing that is looked up in this one.
#[derive(Debug)]
pub(super) struct ListKey {
    dtype: Dtype,
    layout: Layout,
    fill_value: FillValue,
    rest: (Option<FillTime>, Option<AllocTime>, PartialChunks, TrackOrder),
}

impl ListKey {
    fn is_all(new: &NewDataset<'_>) -> bool {
        let plain = match new.fill_value {
            FillValue::Default | FillValue::Undefined | FillValue::Value(Elements::Fixed(_)) => true,
            FillValue::Value(_) | FillValue::Unreadable => false,
        };
        // Parameters of filters that are kept as they were are not compared.
        let usual = new.layout.filters().iter().all(|f| f.stored.is_none());
        plain && usual && is_simple(new.dtype) && matches!(new.layout, Layout::Contiguous | Layout::Compact | Layout::Chunked { .. })
    }

    fn rest(new: &NewDataset<'_>) -> (Option<FillTime>, Option<AllocTime>, PartialChunks, TrackOrder) {
        (new.fill_time, new.alloc_time, new.partial_chunks, new.attr_order)
    }

    fn of(new: &NewDataset<'_>) -> Self {
        Self { dtype: new.dtype.clone(), layout: new.layout.clone(), fill_value: new.fill_value.clone(), rest: Self::rest(new) }
    }

    fn is_for(&self, new: &NewDataset<'_>) -> bool {
        self.rest == Self::rest(new)
            && self.layout == *new.layout
            && identical(&self.dtype, new.dtype)
            && self.fill_value == *new.fill_value
    }
}

/// An open dataset with what reading and writing needs, looked up once.
#[derive(Debug)]
pub struct DatasetAccess {
    pub(super) object: Object,
    pub(super) type_id: Id,
    dtype: Dtype,
}

impl Object {
    /// Creates a dataset in this group.
    pub fn create_dataset(&self, name: &[u8], new: &NewDataset<'_>) -> Result<Object> {
        self.create_dataset_like(name, new, &mut Made::default())
    }

    /// Creates a dataset in this group, with what was made for others like it.
    pub fn create_dataset_like(&self, name: &[u8], new: &NewDataset<'_>, made: &mut Made) -> Result<Object> {
        let what = || format!("cannot create the dataset {}", self.child_label(name));
        self.check_name(name)?;
        let type_id = made.dtype(new.dtype)?;
        let max = (!new.maxshape.is_empty()).then_some(new.maxshape);
        let space_id = made.space(new.shape, max)?;
        let make = || creation_list(self, new, &type_id);
        let list = match ListKey::is_all(new) {
            true => made.datasets.get(|key| key.is_for(new), || ListKey::of(new), make)?,
            false => Rc::new(make()?),
        };
        let link = made.link_list(name, new.name_charset)?;
        let c_name = c_string(name);
        let stored = new.committed.map_or(&*type_id, Object::id);
        // SAFETY: valid identifiers and C string.
        let id = call_as(Doing::Data, what, || unsafe {
            H5Dcreate2(self.id().raw(), c_name.as_ptr(), stored.raw(), space_id.raw(), link.raw(), list.raw(), H5P_DEFAULT)
        })?;
        Ok(Object::new(Id::own(id), self.child_label(name)))
    }

    /// Creates a dataset in the file of this object that has no name yet, and goes again unless it gets one ([`Object::link_object`]). What is
    /// not of elements (object times, how attributes are stored) is as `like` has it.
    pub fn create_dataset_unnamed(&self, new: &NewDataset<'_>, like: &Object) -> Result<Object> {
        let what = || format!("cannot make {} anew", like.label());
        let type_id = dtype::create(new.dtype)?;
        let max = (!new.maxshape.is_empty()).then_some(new.maxshape);
        let space_id = space::create(new.shape, max)?;
        let (list, old) = (creation_list(self, new, &type_id)?, like.create_list()?);
        let (mut times, mut compact, mut dense) = (Default::default(), 0, 0);
        // SAFETY: dataset creation lists and out-parameters.
        status(what, || unsafe {
            let read = H5Pget_obj_track_times(old.raw(), &raw mut times).min(H5Pget_attr_phase_change(
                old.raw(),
                &raw mut compact,
                &raw mut dense,
            ));
            read.min(H5Pset_obj_track_times(list.raw(), times)).min(H5Pset_attr_phase_change(list.raw(), compact, dense))
        })?;
        let stored = new.committed.map_or(&type_id, Object::id);
        // SAFETY: valid identifiers.
        let id = call_as(Doing::Data, what, || unsafe {
            hdf5_sys::h5d::H5Dcreate_anon(self.id().raw(), stored.raw(), space_id.raw(), list.raw(), H5P_DEFAULT)
        })?;
        Ok(Object::new(Id::own(id), like.label().to_owned()))
    }

    /// The type of a dataset's elements alone.
    pub fn element_type(&self) -> Result<Dtype> {
        // SAFETY: a valid dataset.
        dtype::read(&Id::own(call(|| format!("cannot read the dataset {}", self.label()), || unsafe { H5Dget_type(self.id().raw()) })?))
    }

    /// Type, extent and storage of a dataset.
    pub fn dataset(&self) -> Result<SeenDataset> {
        Ok(self.dataset_and_order()?.0)
    }

    /// Type, extent and storage of a dataset, and the creation order of its attributes: a creation list is costly to ask for.
    pub fn dataset_and_order(&self) -> Result<(SeenDataset, TrackOrder)> {
        let what = || format!("cannot read the dataset {}", self.label());
        // SAFETY: a valid dataset.
        let type_id = Id::own(call(what, || unsafe { H5Dget_type(self.id().raw()) })?);
        let dtype = dtype::read(&type_id)?;
        let list = self.create_list()?;
        let (fill_time, alloc_time) = times(&list, self.label())?;
        let layout = layout(&list, &type_id, &dtype, self.label())?;
        let space_id = dataspace_of(self, &list)?;
        let (shape, maxshape) = space::extent(&space_id)?;
        let seen = SeenDataset {
            lacking: layout.filters().iter().find(|f| !filter::available(f)).cloned(),
            partial_chunks: partial_chunks(&list, &layout, self.label())?,
            layout,
            fill_value: self.fill_value(&list, &type_id, &dtype)?,
            dtype,
            shape,
            maxshape,
            fill_time,
            alloc_time,
        };
        Ok((seen, attr_order_of(&list, self.label())?))
    }

    /// The datasets that elements of a virtual dataset come from, none of another one. No source is opened.
    pub fn sources(&self) -> Result<Vec<Mapping>> {
        let list = self.create_list()?;
        // SAFETY: a dataset creation list.
        match hdf5::sync::sync(|| unsafe { H5Pget_layout(list.raw()) }) {
            H5D_layout_t::H5D_VIRTUAL => super::elsewhere::mappings(&list, self.label()),
            _ => Ok(Vec::new()),
        }
    }

    fn fill_value(&self, list: &Id, type_id: &Id, dtype: &Dtype) -> Result<FillValue> {
        let what = || format!("cannot read the fill value of {}", self.label());
        let mut defined = H5D_fill_value_t::H5D_FILL_VALUE_DEFAULT;
        // SAFETY: a dataset creation list; the buffer has one element's size.
        status(what, || unsafe { H5Pfill_value_defined(list.raw(), &raw mut defined) })?;
        match defined {
            H5D_fill_value_t::H5D_FILL_VALUE_UNDEFINED => return Ok(FillValue::Undefined),
            H5D_fill_value_t::H5D_FILL_VALUE_USER_DEFINED => {}
            _ => return Ok(FillValue::Default),
        }
        let mut raw = vec![0u8; dtype.size()];
        if status(what, || unsafe { H5Pget_fill_value(list.raw(), type_id.raw(), buffer(&mut raw)) }).is_err() {
            return Ok(FillValue::Unreadable);
        }
        if !dtype.has_outside_data() {
            return Ok(FillValue::Value(Elements::Fixed(raw)));
        }
        // SAFETY: the library has just filled the buffer with one element.
        let value = unsafe { Reader { at: self.id(), left: MOST_VALUE_BYTES }.elements(dtype.resolved(), &raw) };
        let one = space::create(&Shape::Scalar, None)?;
        // SAFETY: the memory that the library put into the buffer, given back once.
        plainly(Doing::Data, || unsafe { H5Treclaim(type_id.raw(), one.raw(), H5P_DEFAULT, buffer(&mut raw)) });
        Ok(value.map_or(FillValue::Unreadable, FillValue::Value))
    }

    /// Bytes the dataset's elements take in the file.
    pub fn storage_bytes(&self) -> u64 {
        // SAFETY: a valid dataset; failure gives 0.
        plainly(Doing::Data, || unsafe { hdf5_sys::h5d::H5Dget_storage_size(self.id().raw()) })
    }

    /// Changes the extent of a chunked dataset.
    pub fn set_extent(&self, dims: &[u64]) -> Result<()> {
        // SAFETY: a valid dataset, and as many sizes as it has axes (the planner compared ranks).
        moving(|| format!("cannot change the extent of {}", self.label()), || unsafe { H5Dset_extent(self.id().raw(), dims.as_ptr()) })
    }

    /// Prepares reading and writing elements, which must be in this file: the library would open, and make, whatever file this one
    /// names.
    pub fn access(self) -> Result<DatasetAccess> {
        let what = || format!("cannot read the dataset {}", self.label());
        let list = self.create_list()?;
        // SAFETY (both): a dataset creation list.
        let external = call(what, || unsafe { H5Pget_external_count(list.raw()) })? > 0;
        if external || hdf5::sync::sync(|| unsafe { H5Pget_layout(list.raw()) }) == H5D_layout_t::H5D_VIRTUAL {
            return Err(H5Error::new(what(), "its elements are in other files, which are neither read nor written"));
        }
        // SAFETY: a valid dataset.
        let type_id = Id::own(call(what, || unsafe { H5Dget_type(self.id().raw()) })?);
        let dtype = dtype::read(&type_id)?;
        Ok(DatasetAccess { type_id, dtype, object: self })
    }
}

impl DatasetAccess {
    /// The dataset.
    pub fn object(&self) -> &Object {
        &self.object
    }

    /// The element type.
    pub fn dtype(&self) -> &Dtype {
        &self.dtype
    }

    /// Reads a region, row-major, in the file's own element layout.
    pub fn read(&self, region: &Region) -> Result<Elements> {
        let what = || format!("cannot read [{region}] of {}", self.object.label());
        let count = region.elements() as usize;
        // Blocks are a few MiB; only an element that a file claims to be enormous gets here.
        if count.checked_mul(self.dtype.size()).is_none_or(|bytes| bytes > MOST_READ_BYTES) {
            return Err(H5Error::new(what(), format!("{count} elements of {} bytes are too much for one block", self.dtype.size())));
        }
        let (memory, file) = self.spaces(region)?;
        let mut raw = vec![0u8; count * self.dtype.size()];
        if !self.dtype.has_outside_data() {
            // SAFETY: the buffer holds the selected number of elements of the dataset's own type.
            moving(what, || unsafe {
                H5Dread(self.object.id().raw(), self.type_id.raw(), memory.raw(), file.raw(), H5P_DEFAULT, buffer(&mut raw))
            })?;
            return Ok(Elements::Fixed(raw));
        }
        let mut outside = Arena::new(MOST_TEXT_BYTES);
        let list = property_list(*H5P_CLS_DATASET_XFER)?;
        outside.serve(&list)?;
        // Each sequence or text that is allocated is progress; a damaged heap can send the library in circles.
        super::activity::object();
        // SAFETY: as above.
        let read = status(what, || unsafe {
            H5Dread(self.object.id().raw(), self.type_id.raw(), memory.raw(), file.raw(), list.raw(), buffer(&mut raw))
        });
        if outside.is_exceeded() {
            let cause = format!("the values of {count} elements take more than {} MiB of memory", MOST_TEXT_BYTES >> 20);
            return Err(H5Error::new(what(), cause));
        }
        read?;
        // SAFETY: the library has just filled the buffer, and the arena is still there.
        let elements = unsafe { Reader { at: self.object.id(), left: MOST_VALUE_BYTES }.elements(self.dtype.resolved(), &raw) };
        if self.dtype.has_references() {
            // What references of HDF5 1.12 hold is not in the arena, whose parts the library must not free.
            self.reclaim(&list, &memory, &mut raw);
        }
        elements.map_err(|e| H5Error::new(what(), e.cause))
    }

    /// Gives back what references hold. Failure leaves it to the process's end.
    pub(super) fn reclaim(&self, list: &Id, memory: &Id, raw: &mut [u8]) {
        // SAFETY: the buffer that was read with this list, whose callbacks take back what the arena gave.
        plainly(Doing::Data, || unsafe { H5Treclaim(self.type_id.raw(), memory.raw(), list.raw(), buffer(raw)) });
    }

    /// Writes a region, row-major, in the file's own element layout.
    pub fn write(&self, region: &Region, data: &Elements) -> Result<()> {
        let what = || format!("cannot write [{region}] of {}", self.object.label());
        if data.count(&self.dtype) as u64 != region.elements() {
            return Err(H5Error::new(what(), "the number of elements is wrong"));
        }
        let (memory, file) = self.spaces(region)?;
        // SAFETY: the buffer holds the selected number of elements of the dataset's own type.
        let put = |p: *const std::ffi::c_void| {
            moving(what, || unsafe { H5Dwrite(self.object.id().raw(), self.type_id.raw(), memory.raw(), file.raw(), H5P_DEFAULT, p) })
        };
        match data {
            Elements::Fixed(bytes) => put(bytes.as_ptr().cast()),
            data => put(Composed::new(self.object.id(), &self.dtype, data)?.raw.as_ptr().cast()),
        }
    }

    pub(super) fn spaces(&self, region: &Region) -> Result<(Id, Id)> {
        // As many axes as the selection: HDF5 then copies row by row, not element by element.
        let memory = space::create(&Shape::from_dims(&region.lens()), None)?;
        // SAFETY: a valid dataset.
        let file = Id::own(call(|| format!("cannot read {}", self.object.label()), || unsafe { H5Dget_space(self.object.id().raw()) })?);
        space::select(&file, region)?;
        Ok((memory, file))
    }
}

fn creation_list(at: &Object, new: &NewDataset<'_>, type_id: &Id) -> Result<Id> {
    let what = || "cannot set the dataset's creation properties".to_string();
    let list = property_list(*H5P_CLS_DATASET_CREATE)?;
    let p = list.raw();
    // SAFETY: a dataset creation list and plain values; arrays as long as the rank that is passed.
    status(what, || unsafe { H5Pset_obj_track_times(p, 0).min(H5Pset_attr_creation_order(p, order_flags(new.attr_order))) })?;
    match new.layout {
        Layout::Contiguous => status(what, || unsafe { H5Pset_layout(p, H5D_layout_t::H5D_CONTIGUOUS) })?,
        Layout::Compact => status(what, || unsafe { H5Pset_layout(p, H5D_layout_t::H5D_COMPACT) })?,
        Layout::Chunked { chunk, filters } => {
            status(what, || unsafe { H5Pset_chunk(p, chunk.len() as i32, chunk.as_ptr()) })?;
            let element = filter::Element { type_id, dtype: new.dtype, chunk };
            for filter in filters {
                let params = filter.stored.clone().unwrap_or_else(|| filter::stored(&filter.codec, &element));
                let flags = if filter.optional { H5Z_FLAG_OPTIONAL } else { 0 };
                status(
                    || format!("cannot use the filter {filter}"),
                    || unsafe { H5Pset_filter(p, filter.codec.id(), flags, params.len(), params.as_ptr()) },
                )?;
            }
            if new.partial_chunks == PartialChunks::Raw {
                status(what, || unsafe { H5Pset_chunk_opts(p, DONT_FILTER_PARTIAL_CHUNKS) })?;
            }
        }
        Layout::External(files) => super::elsewhere::set_external(&list, files)?,
        Layout::Virtual(mappings) => super::elsewhere::set_virtual(&list, new.shape, new.maxshape, mappings)?,
        Layout::Unknown(_) => return Err(H5Error::new(what(), "this layout class is not known")),
    }
    match new.fill_value {
        FillValue::Default => {}
        FillValue::Undefined => status(what, || unsafe { H5Pset_fill_value(p, type_id.raw(), std::ptr::null()) })?,
        FillValue::Value(Elements::Fixed(bytes)) => status(what, || unsafe { H5Pset_fill_value(p, type_id.raw(), bytes.as_ptr().cast()) })?,
        FillValue::Value(value) => {
            let made = Composed::new(at.id(), new.dtype, value)?;
            status(what, || unsafe { H5Pset_fill_value(p, type_id.raw(), made.raw.as_ptr().cast()) })?;
        }
        FillValue::Unreadable => return Err(H5Error::new(what(), "this fill value is not supported yet")),
    }
    if let Some(time) = new.fill_time {
        let time = match time {
            FillTime::Alloc => H5D_fill_time_t::H5D_FILL_TIME_ALLOC,
            FillTime::Never => H5D_fill_time_t::H5D_FILL_TIME_NEVER,
            FillTime::IfSet => H5D_fill_time_t::H5D_FILL_TIME_IFSET,
        };
        status(what, || unsafe { H5Pset_fill_time(p, time) })?;
    }
    if let Some(time) = new.alloc_time {
        let time = match time {
            AllocTime::Early => H5D_alloc_time_t::H5D_ALLOC_TIME_EARLY,
            AllocTime::Late => H5D_alloc_time_t::H5D_ALLOC_TIME_LATE,
            AllocTime::Incr => H5D_alloc_time_t::H5D_ALLOC_TIME_INCR,
        };
        status(what, || unsafe { H5Pset_alloc_time(p, time) })?;
    }
    Ok(list)
}

/// The dataspace of a dataset.
///
/// The library asks the sources of a virtual dataset for its extent, and opens them as this file is opened: a file that is open for
/// writing would open them for writing, and mark them. Then, and where a source is broken, the extent that is stored does without them.
pub(super) fn dataspace(dataset: &Object) -> Result<Id> {
    dataspace_of(dataset, &dataset.create_list()?)
}

/// [`dataspace`] with the dataset's creation list at hand.
fn dataspace_of(dataset: &Object, list: &Id) -> Result<Id> {
    let what = || format!("cannot read the extent of {}", dataset.label());
    // SAFETY (all): a valid dataset, whose library refuses what is none, and its creation list.
    let live = || call(what, || unsafe { H5Dget_space(dataset.id().raw()) }).map(Id::own);
    if hdf5::sync::sync(|| unsafe { H5Pget_layout(list.raw()) }) != H5D_layout_t::H5D_VIRTUAL {
        return live();
    }
    let stored = || call(what, || unsafe { H5Pget_virtual_vspace(list.raw(), 0) }).map(Id::own);
    match is_writable(dataset)? {
        false => live().or_else(|_| stored()),
        // Without a mapping there is no source.
        true => stored().or_else(|_| live()),
    }
}

/// Is the object's file open for writing?
fn is_writable(object: &Object) -> Result<bool> {
    let what = || format!("cannot tell how the file of {} is open", object.label());
    // SAFETY: a valid object, whose file's identifier is ours to close, and an out-parameter.
    let file = Id::own(call(what, || unsafe { H5Iget_file_id(object.id().raw()) })?);
    let mut intent = 0;
    status(what, || unsafe { H5Fget_intent(file.raw(), &raw mut intent) })?;
    Ok(intent & H5F_ACC_RDWR != 0)
}

fn layout(list: &Id, type_id: &Id, dtype: &Dtype, label: &str) -> Result<Layout> {
    let what = || format!("cannot read the storage of {label}");
    let p = list.raw();
    // SAFETY: a dataset creation list; arrays of the sizes that are passed.
    if call(what, || unsafe { H5Pget_external_count(p) })? > 0 {
        return super::elsewhere::external(list, label).map(Layout::External);
    }
    Ok(match hdf5::sync::sync(|| unsafe { H5Pget_layout(p) }) {
        H5D_layout_t::H5D_COMPACT => Layout::Compact,
        H5D_layout_t::H5D_CONTIGUOUS => Layout::Contiguous,
        H5D_layout_t::H5D_VIRTUAL => Layout::Virtual(super::elsewhere::mappings(list, label)?),
        H5D_layout_t::H5D_CHUNKED => {
            let mut chunk = vec![0u64; MOST_AXES];
            let rank = call(what, || unsafe { H5Pget_chunk(p, MOST_AXES as i32, chunk.as_mut_ptr()) })?;
            chunk.truncate(rank as usize);
            let count = call(what, || unsafe { H5Pget_nfilters(p) })?;
            let element = filter::Element { type_id, dtype, chunk: &chunk };
            let filters = (0..count as u32).map(|i| read_filter(p, i, &element, label)).collect::<Result<_>>()?;
            Layout::Chunked { chunk, filters }
        }
        other => Layout::Unknown(other as i32),
    })
}

fn read_filter(p: i64, index: u32, element: &filter::Element<'_>, label: &str) -> Result<Filter> {
    let (mut flags, mut count) = (0u32, 0usize);
    let what = || format!("cannot read the filters of {label}");
    // SAFETY: a dataset creation list; the first call asks for the number of parameters only, the second
    // has room for as many.
    let mut config = 0u32;
    let id = call(what, || unsafe {
        H5Pget_filter2(p, index, &raw mut flags, &raw mut count, std::ptr::null_mut(), 0, std::ptr::null_mut(), &raw mut config)
    })?;
    let mut params = vec![0u32; count.min(MOST_PARAMS)];
    count = params.len();
    call(what, || unsafe {
        H5Pget_filter2(p, index, &raw mut flags, &raw mut count, params.as_mut_ptr(), 0, std::ptr::null_mut(), &raw mut config)
    })?;
    let codec = filter::canonical(id, &params, element);
    Ok(Filter { stored: filter::unusual(&codec, &params, element), codec, optional: flags & H5Z_FLAG_OPTIONAL != 0 })
}

fn partial_chunks(list: &Id, layout: &Layout, label: &str) -> Result<PartialChunks> {
    let mut options = 0u32;
    if let Layout::Chunked { .. } = layout {
        // SAFETY: the creation list of a chunked dataset, and an out-parameter.
        status(|| format!("cannot read the storage of {label}"), || unsafe { H5Pget_chunk_opts(list.raw(), &raw mut options) })?;
    }
    Ok(if options & DONT_FILTER_PARTIAL_CHUNKS != 0 { PartialChunks::Raw } else { PartialChunks::Filter })
}

fn times(list: &Id, label: &str) -> Result<(FillTime, AllocTime)> {
    // The library hands over the file's bytes unchecked (H5Ofill.c): no enums before they are looked at.
    let (mut fill, mut alloc): (c_int, c_int) = (0, 0);
    let what = || format!("cannot read the storage of {label}");
    // SAFETY: a dataset creation list and out-parameters; C enums are ints.
    status(what, || unsafe {
        H5Pget_fill_time(list.raw(), (&raw mut fill).cast()).min(H5Pget_alloc_time(list.raw(), (&raw mut alloc).cast()))
    })?;
    let times = [
        (H5D_fill_time_t::H5D_FILL_TIME_IFSET, FillTime::IfSet),
        (H5D_fill_time_t::H5D_FILL_TIME_ALLOC, FillTime::Alloc),
        (H5D_fill_time_t::H5D_FILL_TIME_NEVER, FillTime::Never),
    ];
    let allocs = [
        // What the layout prefers, which HDF5 stores as itself for some.
        (H5D_alloc_time_t::H5D_ALLOC_TIME_DEFAULT, AllocTime::Late),
        (H5D_alloc_time_t::H5D_ALLOC_TIME_LATE, AllocTime::Late),
        (H5D_alloc_time_t::H5D_ALLOC_TIME_EARLY, AllocTime::Early),
        (H5D_alloc_time_t::H5D_ALLOC_TIME_INCR, AllocTime::Incr),
    ];
    let fill_time = times.iter().find(|(c, _)| *c as c_int == fill).map(|(_, t)| *t);
    let alloc_time = allocs.iter().find(|(c, _)| *c as c_int == alloc).map(|(_, t)| *t);
    Ok((
        fill_time.ok_or_else(|| H5Error::new(what(), format!("its fill time is {fill}, which HDF5 does not have")))?,
        alloc_time.ok_or_else(|| H5Error::new(what(), format!("its allocation time is {alloc}, which HDF5 does not have")))?,
    ))
}
