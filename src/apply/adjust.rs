//! What is declared, as it is compared with a file.

use std::borrow::Cow;
use std::sync::Arc;

use crate::model::{Contents, Desired, DesiredKind, DesiredObject, Dtype};

/// With `exact`, every fill is looked at. Types in HDF5's own encoding become what they are, where they are one of ours: so they
/// compare with the file's. Few manifests have any, and a copy of what declares very many objects is large.
pub(super) fn adjusted(desired: &Desired, exact: bool) -> Cow<'_, Desired> {
    let mut encoded = false;
    for object in desired.objects.values() {
        dtypes(object, &mut |dtype| encoded |= dtype.any_part(&|d| matches!(d, Dtype::Foreign { .. })));
    }
    if !exact && !encoded {
        return Cow::Borrowed(desired);
    }
    let mut desired = desired.clone();
    for object in desired.objects.values_mut() {
        if encoded {
            dtypes_mut(object, &mut known);
        }
        if let DesiredKind::Dataset(dataset) = &mut object.kind
            && exact
            && dataset.fill.is_some()
        {
            dataset.contents = Contents::Exact;
        }
    }
    Cow::Owned(desired)
}

/// Decodes what is one of our types.
fn known(dtype: &mut Dtype) {
    match dtype {
        Dtype::Foreign { encoded, .. } => {
            if let Ok(known) = crate::h5::decode_type(encoded) {
                *dtype = known;
            }
        }
        Dtype::Compound { members, .. } => members.iter_mut().for_each(|m| known(&mut m.dtype)),
        Dtype::Array { base: inner, .. } | Dtype::Vlen(inner) => known(inner),
        Dtype::Committed { dtype, .. } | Dtype::Encoded { dtype, .. } => known(dtype),
        Dtype::Int(_)
        | Dtype::Float(_)
        | Dtype::String(_)
        | Dtype::Enum { .. }
        | Dtype::Opaque { .. }
        | Dtype::Bitfield(_)
        | Dtype::Reference(_)
        | Dtype::Complex(_) => {}
    }
}

/// Every type that an object's declaration names.
fn dtypes(object: &DesiredObject, visit: &mut dyn FnMut(&Dtype)) {
    match &object.kind {
        DesiredKind::Dataset(dataset) => dataset.definition.iter().for_each(|d| visit(&d.dtype)),
        DesiredKind::Type(declared) => declared.dtype.iter().for_each(|(dtype, _)| visit(dtype)),
        DesiredKind::Group(_) | DesiredKind::Link(_) => {}
    }
    object.attrs.iter().filter_map(|a| a.rule.dtype()).for_each(visit);
}

fn dtypes_mut(object: &mut DesiredObject, visit: &mut dyn FnMut(&mut Dtype)) {
    match &mut object.kind {
        DesiredKind::Dataset(dataset) => dataset.definition.iter_mut().for_each(|d| visit(&mut Arc::make_mut(d).dtype)),
        DesiredKind::Type(declared) => declared.dtype.iter_mut().for_each(|(dtype, _)| visit(dtype)),
        DesiredKind::Group(_) | DesiredKind::Link(_) => {}
    }
    Arc::make_mut(&mut object.attrs).iter_mut().filter_map(|a| a.rule.dtype_mut()).for_each(visit);
}
