//! Plain bytes of the dataset's dtype.

use std::fs::File;

use super::bytes::Bytes;
use super::convert::reverse;
use super::{Cause, check_range, io_text};
use crate::model::{BlockSource, Dtype, Elements, Order};

/// An opened file of plain bytes.
pub(super) struct Raw {
    name: String,
    bytes: Bytes,
    offset: u64,
    elements: u64,
    dtype: Dtype,
    /// The file's byte order, where some number must be reversed.
    order: Option<Order>,
}

/// The file must hold exactly the elements from `offset` to its end.
pub(super) fn open(file: File, name: &str, offset: u64, order: Option<Order>, dtype: &Dtype, elements: u64) -> Result<Raw, Cause> {
    if dtype.has_outside_data() {
        return Err(Cause::new(format!("raw bytes cannot be {dtype}: its elements have no fixed size"))
            .help("declare a fixed-length type or use fill.csv"));
    }
    if dtype.size() == 0 {
        return Err(Cause::new(format!("raw bytes cannot be {dtype}: its elements have no bytes")));
    }
    if order.is_some() && !has_orders(dtype) {
        return Err(Cause::new(format!("the bytes of {dtype} cannot be reordered")).help("leave out `order`"));
    }
    let bytes = Bytes::file(file)?;
    let wanted = elements.checked_mul(dtype.size() as u64).filter(|n| n.checked_add(offset).is_some());
    let wanted = wanted.ok_or_else(|| Cause::new("the dataset has more bytes than 64 bits count"))?;
    let after = if offset > 0 { format!(" after offset {offset}") } else { String::new() };
    match bytes.len().checked_sub(offset) {
        None => Err(Cause::new(format!("the offset {offset} is beyond the file's {} bytes", bytes.len()))),
        Some(held) if held != wanted => {
            Err(Cause::new(format!("the file holds {held} bytes{after}, the dataset takes {wanted} ({elements} of {dtype})"))
                .help("the size must be exact; set `offset` to skip a header, or correct shape or dtype"))
        }
        Some(_) => {
            let order = order.filter(|&order| differs(dtype, order));
            Ok(Raw { name: name.into(), bytes, offset, elements, dtype: dtype.clone(), order })
        }
    }
}

impl BlockSource for Raw {
    fn read(&mut self, start: u64, count: usize) -> Result<Elements, String> {
        check_range(start, count, self.elements)?;
        let size = self.dtype.size();
        let mut out = vec![0; count * size];
        let read = self.bytes.read_at(self.offset + start * size as u64, &mut out);
        read.map_err(|e| format!("{}: {}", self.name, io_text(&e)))?;
        if let Some(order) = self.order {
            match uniform(&self.dtype) {
                Some(width) => reverse(&mut out, width),
                None => out.chunks_exact_mut(size).for_each(|element| reorder(&self.dtype, order, element)),
            }
        }
        if let Some(at) = self.dtype.is_bool().then(|| out.iter().position(|b| *b > 1)).flatten() {
            return Err(format!("{}: byte {} is {}, a bool is 0 or 1", self.name, self.offset + start + at as u64, out[at]));
        }
        Ok(Elements::Fixed(out))
    }
}

/// Can every part of an element be put in another byte order?
fn has_orders(dtype: &Dtype) -> bool {
    match dtype {
        Dtype::Int(_) | Dtype::Enum { .. } | Dtype::Bitfield(_) | Dtype::String(_) | Dtype::Opaque { .. } => true,
        Dtype::Float(t) | Dtype::Complex(t) => t.order.is_some(),
        Dtype::Compound { members, .. } => members.iter().all(|m| has_orders(&m.dtype)),
        Dtype::Array { base, .. } => has_orders(base),
        Dtype::Committed { dtype, .. } | Dtype::Encoded { dtype, .. } => has_orders(dtype),
        Dtype::Vlen(_) | Dtype::Reference(_) | Dtype::Foreign { .. } => false,
    }
}

/// Is any number of an element in another order than `order`?
fn differs(dtype: &Dtype, order: Order) -> bool {
    match dtype {
        Dtype::Int(t) | Dtype::Bitfield(t) | Dtype::Enum { base: t, .. } => t.size > 1 && t.order != order,
        Dtype::Float(t) | Dtype::Complex(t) => t.size > 1 && t.order != Some(order),
        Dtype::Compound { members, .. } => members.iter().any(|m| differs(&m.dtype, order)),
        Dtype::Array { base, .. } => differs(base, order),
        Dtype::Committed { dtype, .. } | Dtype::Encoded { dtype, .. } => differs(dtype, order),
        Dtype::String(_) | Dtype::Opaque { .. } | Dtype::Vlen(_) | Dtype::Reference(_) | Dtype::Foreign { .. } => false,
    }
}

/// Bytes of the numbers, when elements are nothing but numbers of one size that all differ.
fn uniform(dtype: &Dtype) -> Option<usize> {
    match dtype {
        Dtype::Int(t) | Dtype::Bitfield(t) | Dtype::Enum { base: t, .. } => Some(t.size),
        Dtype::Float(t) | Dtype::Complex(t) => Some(t.size),
        Dtype::Compound { .. } => dtype.as_complex().map(|t| t.size),
        Dtype::Array { base, .. } => uniform(base),
        Dtype::Committed { dtype, .. } | Dtype::Encoded { dtype, .. } => uniform(dtype),
        Dtype::String(_) | Dtype::Opaque { .. } | Dtype::Vlen(_) | Dtype::Reference(_) | Dtype::Foreign { .. } => None,
    }
}

/// Reverses the numbers of one element that are in another order than `order`.
fn reorder(dtype: &Dtype, order: Order, element: &mut [u8]) {
    match dtype {
        Dtype::Int(_) | Dtype::Bitfield(_) | Dtype::Enum { .. } | Dtype::Float(_) | Dtype::Complex(_) => {
            if let (true, Some(width)) = (differs(dtype, order), uniform(dtype)) {
                reverse(element, width);
            }
        }
        Dtype::Compound { members, .. } => {
            for m in members {
                if let Some(part) = element.get_mut(m.offset..m.offset + m.dtype.size()) {
                    reorder(&m.dtype, order, part);
                }
            }
        }
        Dtype::Array { base, .. } => element.chunks_exact_mut(base.size().max(1)).for_each(|e| reorder(base, order, e)),
        Dtype::Committed { dtype, .. } | Dtype::Encoded { dtype, .. } => reorder(dtype, order, element),
        Dtype::String(_) | Dtype::Opaque { .. } | Dtype::Vlen(_) | Dtype::Reference(_) | Dtype::Foreign { .. } => {}
    }
}
