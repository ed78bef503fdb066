//! A look at one object, whatever its names are.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::Arc;

use super::Naming;
use crate::h5::{H5Error, Kind, Object, ObjectInfo};
use crate::model::{
    FillValue, HeaderVersion, LinkSeen, Need, ObjectId, ObjectSeen, SCALE_ATTRS, SeenGroup, SeenKind, SeenType, TrackOrder,
};

/// Objects that have several paths, with all that was asked for by any of those: each is kept once.
#[derive(Default)]
pub(super) struct Known {
    objects: BTreeMap<ObjectId, (Need, Arc<ObjectSeen>)>,
    /// Was there a group with several names? What is below has several paths, too.
    below_several: bool,
}

impl Known {
    /// Hears of an object on the way; groups come before their members.
    pub fn notice(&mut self, info: ObjectInfo) {
        self.below_several |= info.kind == Kind::Group && info.links > 1;
    }

    /// What there is of an object. Another name may have asked for some of it. `budget`: bytes of the file.
    pub fn look(&mut self, object: &Object, need: &Need, budget: u64) -> Result<Arc<ObjectSeen>, H5Error> {
        let info = object.info()?;
        self.notice(info);
        if info.links < 2 && !self.below_several {
            return Ok(Arc::new(look(object, info, need, budget)?));
        }
        let mut both = Cow::Borrowed(need);
        if let Some((known, seen)) = self.objects.get(&info.id) {
            if known.covers(need) {
                return Ok(Arc::clone(seen));
            }
            both.to_mut().join(known);
        }
        let seen = Arc::new(look(object, info, &both, budget)?);
        self.objects.insert(info.id, (both.into_owned(), Arc::clone(&seen)));
        Ok(seen)
    }

    /// All of them, with names where values refer to objects.
    pub fn named(self, naming: &Naming<'_>) -> BTreeMap<ObjectId, Arc<ObjectSeen>> {
        let named = |(id, (_, mut seen)): (ObjectId, (Need, Arc<ObjectSeen>))| {
            name(Arc::make_mut(&mut seen), naming);
            (id, seen)
        };
        self.objects.into_iter().map(named).collect()
    }
}

/// Names what values of an object refer to.
pub(super) fn name(seen: &mut ObjectSeen, naming: &Naming<'_>) {
    if let Some(SeenKind::Dataset(dataset)) = &mut seen.kind {
        naming.name_type(&mut dataset.dtype);
        if let FillValue::Value(value) = &mut dataset.fill_value {
            naming.name_elements(value);
        }
    }
    seen.attrs.values_mut().for_each(|attr| naming.name_attr(attr));
}

/// `budget`: bytes of the file.
fn look(object: &Object, info: ObjectInfo, need: &Need, budget: u64) -> Result<ObjectSeen, H5Error> {
    let (kind, attr_order) = match info.kind {
        Kind::Group => {
            let orders = object.group_orders()?;
            (SeenKind::Group(SeenGroup { link_order: orders.links }), orders.attrs)
        }
        Kind::Dataset => {
            let (dataset, order) = object.dataset_and_order()?;
            (SeenKind::Dataset(Box::new(dataset)), order)
        }
        Kind::Type => (SeenKind::Type(Box::new(SeenType { dtype: object.committed_type()? })), object.attr_order()?),
        Kind::Unknown => (SeenKind::Unknown, TrackOrder::No),
    };
    let mut attrs = BTreeMap::new();
    if info.attrs > 0 {
        for name in &need.attrs {
            let value = match object.attr(name, budget) {
                // They only make a warning better.
                Err(_) if need.storage && SCALE_ATTRS.contains(&name.as_slice()) => None,
                value => value?,
            };
            if let Some(value) = value {
                attrs.insert(name.clone(), Box::new(value));
            }
        }
    }
    let storage = (need.storage && info.kind == Kind::Dataset).then(|| object.storage_bytes());
    let header = if need.large { object.header_version()? } else { HeaderVersion::V2 };
    let comment = if need.comment { Some(object.comment()?) } else { None };
    Ok(ObjectSeen { link: LinkSeen::Hard(info.id), kind: Some(kind), attrs, attr_order, header, links: info.links, storage, comment })
}
