//! A whole file copied into another one: all of its objects at once, and then the references among them.
//!
//! `H5Ocopy` keeps what several links and types share only within one operation, so the root group is copied as a whole. It takes
//! stored chunks as they are. Fill values that lead to a heap still lead to the other file's; references it leaves as zeros, or, inside other types, as they were: they lead to addresses of the other file.

use std::collections::{BTreeMap, HashMap};
use std::ffi::c_void;

use hdf5_sys::h5a::{H5Aget_type, H5Aopen, H5Awrite};
use hdf5_sys::h5d::{H5D_fill_value_t, H5Dcreate_anon, H5Dget_offset, H5Dget_storage_size, H5Dget_type, H5Dwrite};
use hdf5_sys::h5o::{H5Ocopy, H5Oopen_by_token};
use hdf5_sys::h5p::{H5P_DEFAULT, H5Pfill_value_defined, H5Pget_fill_value};
use hdf5_sys::h5r::{
    H5R_ref_t, H5R_type_t, H5Rcreate, H5Rcreate_attr, H5Rcreate_object, H5Rcreate_region, H5Rdereference2, H5Rdestroy, H5Rget_attr_name,
    H5Rget_region, H5Rget_type, H5Ropen_object, H5Ropen_region,
};
use hdf5_sys::h5s::H5S_ALL;
use hdf5_sys::h5t::H5Treclaim;

use super::activity::Doing;
use super::attr::RawAttr;
use super::id::c_string;
use super::link::token;
use super::object::{buffer, link_list};
use super::retarget::each_reference;
use super::value::{refuse_elsewhere, text_of};
use super::{DatasetAccess, File, H5Error, Id, Object, Result, Stored, call, dtype, moving, plainly, read_zeros, space, status};
use crate::model::{Dtype, Layout, Partition, RefKind, Region, Shape, bytes_text};

/// Most bytes of one element: they stand in a message, and those are smaller.
const MOST_ELEMENT_BYTES: u64 = 1 << 17;

impl Object {
    /// Copies the root group of another file, and all that is in it, into this group.
    pub fn copy_file(&self, name: &[u8], source: &File) -> Result<Object> {
        let what = || format!("cannot copy {}", source.name());
        let (link, c_name) = (link_list(name, None)?, c_string(name));
        // SAFETY: valid identifiers, C strings and a property list.
        moving(what, || unsafe { H5Ocopy(source.id().raw(), c"/".as_ptr(), self.id().raw(), c_name.as_ptr(), H5P_DEFAULT, link.raw()) })?;
        self.open(name)
    }

    /// The object at an address of this object's file.
    pub fn at(&self, address: u64, label: &str) -> Result<Object> {
        super::activity::object();
        // SAFETY: a valid object, and an address that the library checks as it checks that of a link.
        let open = || unsafe { H5Oopen_by_token(self.id().raw(), token(address)) };
        call(|| format!("cannot open {label}"), open).map(|id| Object::new(Id::own(id), label.into()))
    }

    /// The attributes that have references in them.
    pub fn attrs_with_references(&self) -> Result<Vec<Vec<u8>>> {
        let mut names = self.attr_names(false)?;
        let mut failed = Ok(());
        names.retain(|name| {
            let has = self.open_attr(name).and_then(|attr| dtype::read(&attr.1)).map(|dtype| dtype.has_references());
            has.unwrap_or_else(|e| {
                failed = Err(e);
                false
            })
        });
        failed.map(|()| names)
    }

    /// Have the elements of this dataset something in other places of the file, and have they references? Both, if it has.
    pub fn outside_elements(&self) -> Result<(bool, bool)> {
        // SAFETY: a valid dataset.
        let type_id = call(|| format!("cannot read {}", self.label()), || unsafe { H5Dget_type(self.id().raw()) }).map(Id::own)?;
        let dtype = dtype::read(&type_id)?;
        Ok((dtype.has_outside_data() || dtype.has_references(), dtype.has_references()))
    }

    /// The bytes that the fill value of a dataset has in this object's file, to which that is copied, where it is not the same bytes in every file. What it
    /// leads to is written; `file`: what the library writes to.
    pub fn fill_value_bytes(&self, from: &Object, twins: &Twins, file: &std::fs::File) -> Result<Option<Vec<u8>>> {
        let what = || format!("cannot keep the fill value of {}", from.label());
        let list = from.create_list()?;
        let mut defined = H5D_fill_value_t::H5D_FILL_VALUE_DEFAULT;
        // SAFETY (all): valid identifiers and lists; out-parameters of the declared types; the buffer has one element's size.
        status(what, || unsafe { H5Pfill_value_defined(list.raw(), &raw mut defined) })?;
        if defined != H5D_fill_value_t::H5D_FILL_VALUE_USER_DEFINED {
            return Ok(None);
        }
        let type_id = Id::own(call(what, || unsafe { H5Dget_type(from.id().raw()) })?);
        let dtype = dtype::read(&type_id)?;
        let mut raw = vec![0u8; dtype.size()];
        status(what, || unsafe { H5Pget_fill_value(list.raw(), type_id.raw(), buffer(&mut raw)) })?;
        let one = space::create(&Shape::Scalar, None)?;
        let mut carrier = Carrier::new(from.id(), self, twins);
        // SAFETY: the library has just filled the buffer with one element.
        let carried = unsafe { each_reference(&dtype, &mut raw, &mut |kind, one| carrier.carry(kind, one)) };
        let written = carried.and_then(|()| self.stored_bytes_of(&dtype, &raw, &one, file, &what));
        // SAFETY: the memory that the library put into the buffer, given back once.
        plainly(Doing::Data, || unsafe { H5Treclaim(type_id.raw(), one.raw(), H5P_DEFAULT, buffer(&mut raw)) });
        written.map(Some).map_err(|e| H5Error::new(what(), e.to_string()))
    }

    /// Writes one element to a dataset that goes again at once, and what its bytes in the file were.
    fn stored_bytes_of(&self, dtype: &Dtype, raw: &[u8], one: &Id, file: &std::fs::File, what: &dyn Fn() -> String) -> Result<Vec<u8>> {
        let type_id = dtype::create(dtype.resolved())?;
        let (at, kind) = (self.id().raw(), type_id.raw());
        // SAFETY (all): valid identifiers; one element of the type.
        let dataset = call(what, || unsafe { H5Dcreate_anon(at, kind, one.raw(), H5P_DEFAULT, H5P_DEFAULT) }).map(Id::own)?;
        moving(what, || unsafe { H5Dwrite(dataset.raw(), kind, H5S_ALL, H5S_ALL, H5P_DEFAULT, raw.as_ptr().cast()) })?;
        let (offset, size) = plainly(Doing::Metadata, || unsafe { (H5Dget_offset(dataset.raw()), H5Dget_storage_size(dataset.raw())) });
        if offset == u64::MAX || size > MOST_ELEMENT_BYTES {
            return Err(H5Error::new(what(), "its bytes are not where they should be"));
        }
        let mut bytes = vec![0; size as usize];
        read_zeros(file, offset, &mut bytes).map_err(|e| H5Error::new(what(), e.to_string()))?;
        Ok(bytes)
    }

    /// An attribute and its type.
    fn open_attr(&self, name: &[u8]) -> Result<(Id, Id)> {
        let c_name = c_string(name);
        let what = || format!("cannot open the attribute {} of {}", bytes_text(name), self.label());
        // SAFETY (twice): a valid object and C string; a valid attribute.
        let attr = Id::own(call(what, || unsafe { H5Aopen(self.id().raw(), c_name.as_ptr(), H5P_DEFAULT) })?);
        let type_id = Id::own(call(what, || unsafe { H5Aget_type(attr.raw()) })?);
        Ok((attr, type_id))
    }

    /// Makes the references in an attribute lead where those lead in the object that this is a copy of. Did some of a dimension scale's
    /// lead to what is gone? They lead nowhere then.
    pub fn carry_attr(&self, name: &[u8], from: &Object, twins: &Twins) -> Result<bool> {
        let mut raw = RawAttr::read(from, name)?;
        let mut carrier = Carrier::new(from.id(), self, twins);
        carrier.lenient = OF_SCALES.contains(&name);
        let what = || format!("cannot keep the references in the attribute {} of {}", bytes_text(name), from.label());
        // SAFETY: the library has just filled the buffer with elements of this type.
        unsafe { each_reference(&raw.dtype, &mut raw.bytes, &mut |kind, one| carrier.carry(kind, one)) }
            .map_err(|e| H5Error::new(what(), e.to_string()))?;
        if !carrier.found {
            return Ok(false);
        }
        let (attr, type_id) = self.open_attr(name)?;
        // SAFETY: as many elements as the attribute has, which is a copy, of its own type.
        status(what, || unsafe { H5Awrite(attr.raw(), type_id.raw(), raw.bytes.as_ptr().cast()) }).map(|()| carrier.dropped)
    }

    /// The same for the elements of a dataset. What has no place in the file gets none.
    pub fn carry_elements(self, from: Object, twins: &Twins, watch: &mut dyn FnMut(u64)) -> Result<()> {
        let seen = from.dataset()?;
        let inside = matches!(seen.layout, Layout::Compact | Layout::Contiguous | Layout::Chunked { .. });
        let (true, true, Some(whole)) = (seen.dtype.has_references(), inside, Region::whole(&seen.shape)) else { return Ok(()) };
        let (from, to) = (from.access()?, self.access()?);
        let size = seen.dtype.estimated_bytes();
        let mut carrier = Carrier::new(from.object().id(), to.object(), twins);
        let mut one = |region: &Region| {
            watch(region.elements().saturating_mul(size as u64));
            to.carry(region, &from, &mut carrier)
        };
        match from.stored(&seen)? {
            Stored::All => {
                let partition = Partition::new(&whole, seen.layout.chunk(), size);
                (0..partition.count()).try_for_each(|k| one(&whole.sub(&partition.block(k))))
            }
            Stored::Chunks(list) => {
                let (dims, chunk) = (seen.shape.dims(), seen.layout.chunk().unwrap_or_default());
                for stored in list {
                    let lens: Vec<u64> = stored.offset.iter().zip(dims).zip(chunk).map(|((at, size), len)| (*len).min(size - at)).collect();
                    let Some(region) = Region::cuboid(&stored.offset, &lens, dims) else { continue };
                    let partition = Partition::new(&region, None, size);
                    (0..partition.count()).try_for_each(|k| one(&region.sub(&partition.block(k))))?;
                }
                Ok(())
            }
        }
    }
}

impl DatasetAccess {
    fn carry(&self, region: &Region, from: &DatasetAccess, carrier: &mut Carrier<'_>) -> Result<()> {
        from.with_memory(region, |raw, list| {
            carrier.found = false;
            // SAFETY: the library has just filled the buffer, and what it points to is still there.
            unsafe { each_reference(from.dtype(), raw, &mut |kind, one| carrier.carry(kind, one)) }.map_err(|e| {
                H5Error::new(format!("cannot keep the references in [{region}] of {}", from.object().label()), e.to_string())
            })?;
            if carrier.found { self.write_memory(region, raw, list) } else { Ok(()) }
        })
    }
}

/// Where each object of a file is in a copy of it, by address.
pub type Twins = BTreeMap<u64, u64>;

/// Attributes that bind variables to their dimension scales. Programs that delete the one leave them with the other as they were: references
/// to what is gone are usual there (HDF5 Dimension Scale Specification).
const OF_SCALES: [&[u8]; 2] = [b"REFERENCE_LIST", b"DIMENSION_LIST"];
/// Region references that are remembered: those that are equal share what they lead to.
const MOST_REGIONS: usize = 1 << 16;

/// Changes references of one file to such of its copy.
struct Carrier<'a> {
    /// An object of the one, and of the other.
    from: &'a Id,
    to: &'a Object,
    twins: &'a Twins,
    /// Was there a reference that leads anywhere?
    found: bool,
    /// Does an object reference that leads to what has no path lead nowhere in the copy?
    lenient: bool,
    /// Was there one?
    dropped: bool,
    /// The bytes of region references, and those of their twins.
    regions: HashMap<[u8; 12], [u8; 12]>,
}

impl<'a> Carrier<'a> {
    fn new(from: &'a Id, to: &'a Object, twins: &'a Twins) -> Self {
        Self { from, to, twins, found: false, lenient: false, dropped: false, regions: HashMap::new() }
    }

    fn carry(&mut self, kind: RefKind, one: &mut [u8]) -> Result<()> {
        if one.iter().all(|byte| *byte == 0) {
            return Ok(());
        }
        self.found = true;
        match kind {
            RefKind::Object => {
                let bytes: [u8; 8] = one.try_into().map_err(|_| H5Error::new("cannot read a reference", "its size is wrong"))?;
                let address = u64::from_ne_bytes(bytes);
                // The library's undefined address stays what it is.
                let twin = match self.twin(address) {
                    _ if address == u64::MAX => address,
                    Err(_) if self.lenient => {
                        self.dropped = true;
                        0
                    }
                    twin => twin?,
                };
                one.copy_from_slice(&twin.to_ne_bytes());
                Ok(())
            }
            RefKind::Region => self.region(one),
            RefKind::Any => self.any(one),
        }
    }

    fn twin(&self, address: u64) -> Result<u64> {
        let found = self.twins.get(&address).copied();
        found.ok_or_else(|| H5Error::new("cannot follow a reference", format!("it leads to the address {address}, to which no path does")))
    }

    /// The object in the copy that is what this one is.
    fn twin_of(&self, object: Id) -> Result<Object> {
        let address = Object::new(object, "a referenced object".into()).info()?.id.address;
        self.to.at(self.twin(address)?, "a referenced object")
    }

    /// Twelve bytes, which lead to a heap of the file.
    fn region(&mut self, one: &mut [u8]) -> Result<()> {
        let what = || "cannot follow a region reference".to_string();
        let old: [u8; 12] = (&*one).try_into().map_err(|_| H5Error::new(what(), "its size is wrong"))?;
        if let Some(known) = self.regions.get(&old) {
            one.copy_from_slice(known);
            return Ok(());
        }
        let p = one.as_mut_ptr().cast::<c_void>();
        let kind = H5R_type_t::H5R_DATASET_REGION1;
        // SAFETY (all): the 12 bytes that the library read; the results are owned; valid object, C string and dataspace.
        let object = Id::own(call(what, || unsafe { H5Rdereference2(self.from.raw(), H5P_DEFAULT, kind, p) })?);
        let chosen = Id::own(call(what, || unsafe { H5Rget_region(self.from.raw(), kind, p) })?);
        let twin = self.twin_of(object)?;
        status(what, || unsafe { H5Rcreate(p, twin.id().raw(), c".".as_ptr(), kind, chosen.raw()) })?;
        if let (true, Ok(new)) = (self.regions.len() < MOST_REGIONS, (&*one).try_into()) {
            self.regions.insert(old, new);
        }
        Ok(())
    }

    /// HDF5 1.12's references: the bytes own what they lead to in memory, and go back to the library when it takes back the elements.
    fn any(&self, one: &mut [u8]) -> Result<()> {
        let what = || "cannot follow a reference".to_string();
        let (mut old, mut new) = (H5R_ref_t::default(), H5R_ref_t::default());
        let (from, to) = (std::ptr::from_mut(&mut old), std::ptr::from_mut(&mut new));
        // SAFETY: both have 64 bytes.
        unsafe { from.cast::<u8>().copy_from_nonoverlapping(one.as_ptr(), size_of::<H5R_ref_t>()) };
        let p = from.cast_const();
        // SAFETY: a reference that the library read.
        unsafe { refuse_elsewhere(self.from, p, &what)? };
        // SAFETY (all): a reference that the library read, and an empty one to fill; valid objects, C strings and dataspaces.
        let twin = self.twin_of(Id::own(call(what, || unsafe { H5Ropen_object(p, H5P_DEFAULT, H5P_DEFAULT) })?))?;
        let (at, here) = (twin.id().raw(), c".".as_ptr());
        match hdf5::sync::sync(|| unsafe { H5Rget_type(p) }) {
            H5R_type_t::H5R_OBJECT2 => status(what, || unsafe { H5Rcreate_object(at, here, H5P_DEFAULT, to) })?,
            H5R_type_t::H5R_DATASET_REGION2 => {
                let chosen = Id::own(call(what, || unsafe { H5Ropen_region(p, H5P_DEFAULT, H5P_DEFAULT) })?);
                status(what, || unsafe { H5Rcreate_region(at, here, chosen.raw(), H5P_DEFAULT, to) })?;
            }
            H5R_type_t::H5R_ATTR => {
                let name = text_of(&what, |to, room| unsafe { H5Rget_attr_name(p, to, room) as i64 })?;
                let name = c_string(&name);
                status(what, || unsafe { H5Rcreate_attr(at, here, name.as_ptr(), H5P_DEFAULT, to) })?;
            }
            _ => return Err(H5Error::new(what(), "it is of a kind that this version does not know")),
        }
        // SAFETY: the old one goes here, once; its bytes are replaced by those of the new one, which goes with the elements.
        unsafe {
            hdf5::sync::sync(|| H5Rdestroy(from));
            one.as_mut_ptr().copy_from_nonoverlapping(to.cast::<u8>().cast_const(), size_of::<H5R_ref_t>());
        }
        Ok(())
    }
}
