//! A dataset's type, shape and storage: what differs from what a build makes on its own.

use super::dtype::dtype;
use super::literal::{exact_literal, of_literal};
use super::text::Toml;
use crate::model::{AllocTime, FillTime, FillValue, Layout, PartialChunks, SeenDataset, Selected, Shape, bytes_text};

/// The keys of a dataset entry, but for `fill`, `track_order` and `attrs`. Fails with every clause.
pub fn storage(seen: &SeenDataset) -> Result<Vec<(&'static str, Toml)>, Vec<String>> {
    let mut keys = Keys::default();
    keys.add("dtype", dtype(&seen.dtype).map(Some));
    keys.add("shape", Ok(Some(shape(&seen.shape))));
    keys.add("maxshape", Ok(maxshape(seen)));
    keys.add("layout", layout(&seen.layout));
    keys.add("external", Ok(external(&seen.layout)));
    keys.add("virtual", Ok(mappings(&seen.layout)));
    keys.add("chunks", Ok(seen.layout.chunk().map(Toml::list)));
    // Each as a value that is TOML already.
    let filters: Vec<Toml> = seen.layout.filters().iter().map(|f| Toml::bare(f.manifest_text())).collect();
    keys.add("filters", Ok((!filters.is_empty()).then_some(Toml::List(filters))));
    keys.add("partial_chunks", Ok((seen.partial_chunks == PartialChunks::Raw).then(|| Toml::text("raw"))));
    keys.add("fill_value", fill_value(seen));
    keys.add("fill_time", Ok((seen.fill_time != usual_fill_time(seen)).then(|| Toml::text(seen.fill_time.to_string()))));
    keys.add("alloc_time", Ok((Some(seen.alloc_time) != usual_alloc_time(seen)).then(|| Toml::text(seen.alloc_time.to_string()))));
    if keys.problems.is_empty() { Ok(keys.list) } else { Err(keys.problems) }
}

#[derive(Default)]
struct Keys {
    list: Vec<(&'static str, Toml)>,
    problems: Vec<String>,
}

impl Keys {
    fn add(&mut self, key: &'static str, value: Result<Option<Toml>, String>) {
        match value {
            Ok(value) => self.list.extend(value.map(|v| (key, v))),
            Err(problem) => self.problems.push(problem),
        }
    }
}

fn shape(shape: &Shape) -> Toml {
    match shape {
        Shape::Null => Toml::text("null"),
        Shape::Scalar | Shape::Simple(_) => Toml::list(shape.dims()),
    }
}

fn maxshape(seen: &SeenDataset) -> Option<Toml> {
    let same = seen.maxshape.iter().zip(seen.shape.dims()).all(|(max, size)| *max == Some(*size));
    let one = |max: &Option<u64>| max.map_or_else(|| Toml::text("unlimited"), Toml::bare);
    (!same).then(|| Toml::List(seen.maxshape.iter().map(one).collect()))
}

/// The layout's word, where nothing else says it.
fn layout(layout: &Layout) -> Result<Option<Toml>, String> {
    match layout {
        // `chunks` says it, and contiguous is what nothing says.
        Layout::Chunked { .. } | Layout::Contiguous => Ok(None),
        Layout::Compact => Ok(Some(Toml::text("compact"))),
        // `external` and `virtual` say it.
        Layout::External(_) | Layout::Virtual(_) => Ok(None),
        Layout::Unknown(class) => Err(format!("it has a layout of the unknown class {class}")),
    }
}

fn external(layout: &Layout) -> Option<Toml> {
    let Layout::External(files) = layout else { return None };
    let one = |f: &crate::model::ExternalFile| {
        let mut fields = vec![("file".to_owned(), Toml::Text(bytes_text(&f.file)))];
        if f.offset != 0 {
            fields.push(("offset".into(), Toml::bare(f.offset)));
        }
        fields.extend(f.size.map(|size| ("size".into(), Toml::bare(size))));
        Toml::Table(fields)
    };
    Some(Toml::List(files.iter().map(one).collect()))
}

fn mappings(layout: &Layout) -> Option<Toml> {
    let Layout::Virtual(mappings) = layout else { return None };
    let one = |m: &crate::model::Mapping| {
        let select =
            |key: &str, selected: &Selected| (*selected != Selected::All).then(|| (key.to_owned(), of_literal(&selected.literal())));
        let mut fields: Vec<(String, Toml)> = select("select", &m.select).into_iter().collect();
        fields.push(("file".into(), Toml::Text(bytes_text(&m.file))));
        fields.push(("path".into(), Toml::Text(bytes_text(&m.path))));
        fields.extend(select("source_select", &m.source));
        Toml::Table(fields)
    };
    Some(Toml::List(mappings.iter().map(one).collect()))
}

fn fill_value(seen: &SeenDataset) -> Result<Option<Toml>, String> {
    match &seen.fill_value {
        FillValue::Default => Ok(None),
        FillValue::Undefined => Ok(Some(Toml::one("undefined", Toml::bare(true)))),
        FillValue::Value(value) => match exact_literal(value, &seen.dtype, 0) {
            // A lone field of this name would be read as the form above.
            Ok(Toml::Table(fields)) if matches!(fields.as_slice(), [(name, _)] if name == "undefined") => {
                Ok(Some(Toml::List(fields.into_iter().map(|(_, value)| value).collect())))
            }
            Ok(value) => Ok(Some(value)),
            Err(e) => Err(format!("its fill value: {e}")),
        },
        FillValue::Unreadable => Err("its fill value is of a type that cannot be read yet".into()),
    }
}

/// What HDF5 stores where the build names none: a type of variable length turns `ifset` into `alloc`, unless a fill
/// value is set.
fn usual_fill_time(seen: &SeenDataset) -> FillTime {
    let set = matches!(seen.fill_value, FillValue::Value(_) | FillValue::Unreadable);
    if seen.dtype.has_variable_length() && !set { FillTime::Alloc } else { FillTime::IfSet }
}

/// What HDF5 stores where the build names none.
fn usual_alloc_time(seen: &SeenDataset) -> Option<AllocTime> {
    match seen.layout {
        Layout::Compact => Some(AllocTime::Early),
        Layout::Contiguous | Layout::External(_) | Layout::Virtual(_) => Some(AllocTime::Late),
        Layout::Chunked { .. } => Some(AllocTime::Incr),
        Layout::Unknown(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::h5::{File, NewDataset, NewFile};
    use crate::model::{Dtype, Elements, TrackOrder};

    /// The keys of a dataset that the library has made with these properties.
    fn keys(dtype: Dtype, layout: Layout, fill_value: FillValue) -> Vec<&'static str> {
        let folder = tempfile::tempdir().unwrap();
        let new = NewFile::plain(TrackOrder::No);
        let file = File::create(&folder.path().join("t.h5"), new, false).unwrap();
        let shape = Shape::Simple(vec![3]);
        let max = vec![Some(3)];
        let new = NewDataset { fill_value: &fill_value, ..NewDataset::plain(&dtype, &shape, &max, &layout) };
        let object = file.root().unwrap().create_dataset(b"x", &new).unwrap();
        storage(&object.dataset().unwrap()).unwrap().into_iter().map(|(key, _)| key).collect()
    }

    #[test]
    fn nothing_is_said_of_what_the_library_does_on_its_own() {
        let chunked = || Layout::Chunked { chunk: vec![2], filters: vec![] };
        let layouts = [(Layout::Contiguous, vec![]), (Layout::Compact, vec!["layout"]), (chunked(), vec!["chunks"])];
        for (layout, said) in layouts {
            for dtype in [Dtype::int(4, true), Dtype::str(), Dtype::fixed_ascii(3), Dtype::bool()] {
                let more = |key: &'static str| [vec!["dtype", "shape"], said.clone(), vec![key]].concat();
                assert_eq!(keys(dtype.clone(), layout.clone(), FillValue::Default), more("")[..2 + said.len()], "{dtype} {layout:?}");
                let zero = if dtype.is_variable_string() {
                    Elements::Strings(vec![Some(b"x".to_vec())])
                } else {
                    Elements::Fixed(vec![0; dtype.size()])
                };
                assert_eq!(keys(dtype.clone(), layout.clone(), FillValue::Value(zero)), more("fill_value"), "{dtype} {layout:?}");
            }
            assert_eq!(
                keys(Dtype::float(4), layout.clone(), FillValue::Undefined),
                [vec!["dtype", "shape"], said, vec!["fill_value"]].concat()
            );
        }
    }
}
