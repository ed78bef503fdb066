//! Type, extent and storage of two datasets.

use super::names::Names;
use crate::model::{Change, Dtype, FillValue, Filter, Layout, MaxShape, SeenDataset, element_text};

/// What differs, as changes. The types have been given the same names.
pub(super) fn compare(a: &SeenDataset, b: &SeenDataset, names: &Names<'_>) -> Vec<Change> {
    let mut out = Vec::new();
    let mut differ = |aspect: &'static str, before: String, after: String| out.push(Change::Aspect { aspect, before, after });
    let same_type = a.dtype == b.dtype;
    if !same_type {
        let (before, after) = type_names(&a.dtype, &b.dtype);
        differ("dtype", before, after);
    }
    if a.shape != b.shape {
        differ("shape", a.shape.to_string(), b.shape.to_string());
    }
    // Both follow the shape where a dataset cannot grow.
    if a.maxshape != b.maxshape && !(is_fixed(a) && is_fixed(b)) {
        differ("maxshape", max_text(&a.maxshape), max_text(&b.maxshape));
    }
    if a.layout.word() != b.layout.word() {
        differ("layout", a.layout.word().into(), b.layout.word().into());
    } else if !a.layout.same_sources(&b.layout) {
        differ(a.layout.word(), sources(&a.layout), sources(&b.layout));
    }
    if let (Some(before), Some(after)) = (a.layout.chunk(), b.layout.chunk())
        && before != after
    {
        differ("chunks", format!("{before:?}"), format!("{after:?}"));
    }
    let (before, after) = (a.layout.filters(), b.layout.filters());
    if before.len() != after.len() || !before.iter().zip(after).all(|(a, b)| a.matches(b)) {
        differ("filters", filters(before), filters(after));
    }
    if !same_fill_value(a, b, names) {
        differ("fill_value", fill_text(a), fill_text(b));
    }
    if a.fill_time != b.fill_time {
        differ("fill_time", a.fill_time.to_string(), b.fill_time.to_string());
    }
    // Each layout has its own usual time.
    if a.alloc_time != b.alloc_time && a.layout.word() == b.layout.word() {
        differ("alloc_time", a.alloc_time.to_string(), b.alloc_time.to_string());
    }
    if a.partial_chunks != b.partial_chunks {
        differ("partial_chunks", a.partial_chunks.to_string(), b.partial_chunks.to_string());
    }
    out
}

/// Names of two types that differ: short ones, if they tell them apart.
pub(super) fn type_names(a: &Dtype, b: &Dtype) -> (String, String) {
    let both = |f: &dyn Fn(&Dtype) -> String| (f(a), f(b));
    let name = |d: &Dtype| match d.committed() {
        Some(at) => format!("{d} (the type {at})"),
        None => d.to_string(),
    };
    let short = both(&name);
    if short.0 != short.1 { short } else { both(&|d| format!("{d:?}")) }
}

fn is_fixed(seen: &SeenDataset) -> bool {
    seen.maxshape.iter().zip(seen.shape.dims()).all(|(max, size)| *max == Some(*size))
}

fn max_text(max: &MaxShape) -> String {
    let sizes: Vec<String> = max.iter().map(|m| m.map_or("unlimited".into(), |m| m.to_string())).collect();
    format!("[{}]", sizes.join(", "))
}

fn filters(list: &[Filter]) -> String {
    if list.is_empty() { "none".into() } else { list.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ") }
}

/// Other files that hold the elements.
fn sources(layout: &Layout) -> String {
    let name = crate::model::bytes_text;
    match layout {
        Layout::External(files) => {
            let size = |size: Option<u64>| size.map_or("all".into(), |n| format!("{n} B"));
            files.iter().map(|f| format!("{} ({} from {})", name(&f.file), size(f.size), f.offset)).collect::<Vec<_>>().join(", ")
        }
        Layout::Virtual(list) => {
            let one = |m: &crate::model::Mapping| format!("[{}] from {} {} [{}]", m.select, name(&m.file), name(&m.path), m.source);
            list.iter().map(one).collect::<Vec<_>>().join(", ")
        }
        Layout::Compact | Layout::Contiguous | Layout::Chunked { .. } | Layout::Unknown(_) => layout.word().into(),
    }
}

fn same_fill_value(a: &SeenDataset, b: &SeenDataset, names: &Names<'_>) -> bool {
    match (&a.fill_value, &b.fill_value) {
        (FillValue::Value(before), FillValue::Value(after)) if a.dtype == b.dtype => {
            let (mut before, mut after) = (before.clone(), after.clone());
            names.elements(&mut before, &mut after).is_ok() && before.all_equal(&after, &a.dtype)
        }
        (FillValue::Value(_), FillValue::Value(_)) => fill_text(a) == fill_text(b),
        // The library's default is zeros: setting them asks for nothing else.
        (FillValue::Value(crate::model::Elements::Fixed(bytes)), FillValue::Default)
        | (FillValue::Default, FillValue::Value(crate::model::Elements::Fixed(bytes))) => bytes.iter().all(|b| *b == 0),
        (before, after) => before == after,
    }
}

fn fill_text(seen: &SeenDataset) -> String {
    match &seen.fill_value {
        FillValue::Default => "the default".into(),
        FillValue::Undefined => "none (undefined)".into(),
        FillValue::Value(v) => element_text(v, &seen.dtype, 0),
        FillValue::Unreadable => "one of a type that is not read yet".into(),
    }
}
