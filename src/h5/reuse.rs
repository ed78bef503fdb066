//! What was made last, for as long as many like things are made: a type, a dataspace or a property list takes the library about as
//! long to make as a small attribute.

use std::collections::VecDeque;
use std::rc::Rc;

use hdf5_sys::h5p::{H5P_CLS_ATTRIBUTE_CREATE, H5P_CLS_LINK_CREATE};

use super::file::property_list;
use super::object::{marked, set_charset};
use super::{Id, Result, dtype, space};
use crate::model::{Charset, Dtype, MaxShape, Shape};

/// Most things of a kind that are kept.
const MOST: usize = 8;

/// Identifiers by the value that they were made from. What is made with them takes a copy, so that nothing is shared in the file.
#[derive(Debug, Default)]
pub struct Made {
    types: Recent<Dtype>,
    spaces: Recent<(Shape, Option<MaxShape>)>,
    links: Recent<Charset>,
    attrs: Recent<Charset>,
    pub(super) datasets: Recent<super::dataset::ListKey>,
}

/// The last few of a kind, the last one first.
#[derive(Debug)]
pub(super) struct Recent<K>(VecDeque<(K, Rc<Id>)>);

impl<K> Default for Recent<K> {
    fn default() -> Self {
        Self(VecDeque::new())
    }
}

impl<K> Recent<K> {
    /// The one with such a key, or a new one.
    pub fn get(&mut self, is: impl Fn(&K) -> bool, key: impl FnOnce() -> K, make: impl FnOnce() -> Result<Id>) -> Result<Rc<Id>> {
        if let Some(at) = self.0.iter().position(|(key, _)| is(key)) {
            if at > 0 {
                let found = self.0.remove(at);
                self.0.extend(found);
                self.0.rotate_right(1);
            }
            return Ok(Rc::clone(&self.0[0].1));
        }
        let made = Rc::new(make()?);
        self.0.push_front((key(), Rc::clone(&made)));
        self.0.truncate(MOST);
        Ok(made)
    }
}

impl Made {
    pub(super) fn dtype(&mut self, dtype: &Dtype) -> Result<Rc<Id>> {
        match is_simple(dtype) {
            true => self.types.get(|key| identical(key, dtype), || dtype.clone(), || dtype::create(dtype)),
            false => dtype::create(dtype).map(Rc::new),
        }
    }

    pub(super) fn space(&mut self, shape: &Shape, max: Option<&MaxShape>) -> Result<Rc<Id>> {
        let is = |key: &(Shape, Option<MaxShape>)| key.0 == *shape && key.1.as_ref() == max;
        self.spaces.get(is, || (shape.clone(), max.cloned()), || space::create(shape, max))
    }

    /// Creation properties of a link of this name.
    pub(super) fn link_list(&mut self, name: &[u8], charset: Option<Charset>) -> Result<Rc<Id>> {
        list(&mut self.links, *H5P_CLS_LINK_CREATE, name, charset)
    }

    /// Creation properties of an attribute of this name.
    pub(super) fn attr_list(&mut self, name: &[u8], charset: Option<Charset>) -> Result<Rc<Id>> {
        list(&mut self.attrs, *H5P_CLS_ATTRIBUTE_CREATE, name, charset)
    }
}

/// Is it a type whose values [`identical`] compares?
pub(super) fn is_simple(dtype: &Dtype) -> bool {
    matches!(dtype, Dtype::Int(_) | Dtype::Float(_) | Dtype::String(_))
}

/// The same in everything that is stored: equal types may differ in what means nothing, such as the byte order of a single byte.
pub(super) fn identical(a: &Dtype, b: &Dtype) -> bool {
    match (a, b) {
        (Dtype::Int(a), Dtype::Int(b)) => a == b && a.order == b.order,
        (Dtype::Float(a), Dtype::Float(b)) => a == b,
        (Dtype::String(a), Dtype::String(b)) => a == b,
        _ => false,
    }
}

/// Of a class for names, by what they are marked with.
fn list(recent: &mut Recent<Charset>, class: i64, name: &[u8], charset: Option<Charset>) -> Result<Rc<Id>> {
    let charset = marked(name, charset);
    let make = || {
        let list = property_list(class)?;
        set_charset(&list, charset)?;
        Ok(list)
    };
    recent.get(|key| *key == charset, || charset, make)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{IntType, Order};

    #[test]
    fn equal_types_are_not_always_identical() {
        let Dtype::Int(little) = Dtype::int(1, true) else { panic!("an integer") };
        let big = Dtype::Int(IntType { order: Order::Big, ..little.clone() });
        let little = Dtype::Int(little);
        assert_eq!(little, big);
        let mut made = Made::default();
        let (a, b) = (made.dtype(&little).unwrap(), made.dtype(&big).unwrap());
        assert!(a.raw() != b.raw() && made.dtype(&little).unwrap().raw() == a.raw());
    }

    #[test]
    fn what_was_asked_for_last_is_kept() {
        let (mut recent, made) = (Recent::<usize>::default(), std::cell::Cell::new(0));
        let mut get = |n: usize| {
            let before = made.get();
            let make = || {
                made.set(before + 1);
                space::create(&Shape::Scalar, None)
            };
            drop(recent.get(|key| *key == n, || n, make).unwrap());
            made.get() > before
        };
        assert!((0..MOST).all(&mut get), "new ones are made");
        assert!(!get(0), "this one is kept, and is the last one now");
        assert!(get(MOST), "and the first one that was not asked for again goes");
        assert!(!get(0) && get(1) && !get(MOST));
    }
}
