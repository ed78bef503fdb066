//! Attributes in the shortest form that gives exactly the same value.

use super::dtype::dtype;
use super::literal::{flat, literal, nested};
use super::text::Toml;
use crate::model::{AttrSeen, AttrSpec, AttrValue, Shape};

/// What stands behind the attribute's name. Fails with a clause.
pub fn attr(seen: &AttrSeen) -> Result<Toml, String> {
    match seen {
        AttrSeen::Value(value) => of_value(value),
        AttrSeen::Opaque { why, .. } => Err(why.clone()),
    }
}

fn of_value(value: &AttrValue) -> Result<Toml, String> {
    if value.shape == Shape::Null {
        return Ok(Toml::one("empty", dtype(&value.dtype)?));
    }
    if value.max.is_none()
        && value.shape.elements() != Some(0)
        && let Ok(bare) = nested(&value.data, &value.dtype, &value.shape)
        && let Some(form) = form(&bare, Vec::new())
        && gives(&bare, false, None, value)
    {
        return Ok(form);
    }
    let shape_key = || ("shape".to_owned(), Toml::list(value.shape.dims()));
    let mut known = vec![("dtype".to_owned(), dtype(&value.dtype)?)];
    if let Some(max) = &value.max {
        let sizes = max.iter().map(|max| max.map_or_else(|| Toml::text("unlimited"), Toml::bare));
        known.push(("maxshape".to_owned(), Toml::List(sizes.collect())));
    }
    let with_shape = || {
        let (dtype, max) = (known[..1].iter().cloned(), known[1..].iter().cloned());
        dtype.chain([shape_key()]).chain(max).collect::<Vec<_>>()
    };
    if value.shape.elements() != Some(0) {
        let nested = nested(&value.data, &value.dtype, &value.shape)?;
        if gives(&nested, true, None, value) {
            return form_or_value(nested, known);
        }
        if gives(&nested, true, Some(&value.shape), value) {
            return form_or_value(nested, with_shape());
        }
    }
    let list = Toml::List(flat(&value.data, &value.dtype)?);
    if gives(&list, true, None, value) {
        return form_or_value(list, known);
    }
    if gives(&list, true, Some(&value.shape), value) {
        return form_or_value(list, with_shape());
    }
    Err(format!("its value of {} has no form that gives it exactly", value.dtype))
}

/// Does the loader make exactly this value?
fn gives(toml: &Toml, typed: bool, shape: Option<&Shape>, value: &AttrValue) -> bool {
    let spec = AttrSpec {
        literal: literal(toml),
        dtype: typed.then(|| Box::new(value.dtype.clone())),
        shape: shape.cloned(),
        max: value.max.clone(),
    };
    // The byte order of one byte does not count in comparisons, but it is kept.
    spec.fresh().is_ok_and(|made| made == *value && dtype(&made.dtype) == dtype(&value.dtype))
}

/// A table in an attribute's place is a form: of a value only the escape may stand there.
fn form(value: &Toml, siblings: Vec<(String, Toml)>) -> Option<Toml> {
    match value {
        Toml::Bare(_) | Toml::Text(_) | Toml::List(_) if siblings.is_empty() => Some(value.clone()),
        Toml::Text(_)
            if matches!(siblings.as_slice(), [(dtype, Toml::Form("ref", kind)), (shape, Toml::List(dims))]
            if dtype == "dtype" && shape == "shape" && dims.is_empty() && **kind == Toml::text("object")) =>
        {
            Some(Toml::one("ref", value.clone()))
        }
        Toml::Table(fields) if matches!(fields.as_slice(), [(key, Toml::Text(_))] if key == "bytes") => {
            Some(Toml::Table(fields.iter().cloned().chain(siblings).collect()))
        }
        Toml::Bare(_) | Toml::Text(_) | Toml::List(_) | Toml::Table(_) | Toml::Form(..) => None,
    }
}

fn form_or_value(value: Toml, siblings: Vec<(String, Toml)>) -> Result<Toml, String> {
    Ok(match form(&value, siblings.clone()) {
        Some(form) => form,
        None => Toml::Table([("value".to_owned(), value)].into_iter().chain(siblings).collect()),
    })
}

#[cfg(test)]
mod tests {
    use super::super::testing::{dtypes, load_text};
    use super::*;
    use crate::model::{AttrRule, Charset, Dtype, Elements, H5Path, Padding, StringLength, StringType};
    use proptest::prelude::*;

    fn value(dtype: Dtype, shape: Shape, bytes: &[u8]) -> AttrValue {
        AttrValue { max: None, dtype, shape, data: Elements::Fixed(bytes.to_vec()) }
    }

    #[track_caller]
    fn check(value: AttrValue, expect: &str) {
        let text = attr(&AttrSeen::Value(value.clone())).unwrap().line("a");
        assert_eq!(text.trim_end(), format!("a{expect}"));
        assert_eq!(read_back(&text), value);
    }

    fn read_back(line: &str) -> AttrValue {
        let loaded = load_text(&format!("version = 1\n[attrs]\n{line}"));
        match &loaded.desired.objects[&H5Path::root()].attrs[0].rule {
            AttrRule::Set(spec) => spec.fresh().unwrap(),
            AttrRule::Empty(dtype) => AttrValue { max: None, data: Elements::empty(dtype), dtype: dtype.clone(), shape: Shape::Null },
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn least_keys() {
        let i8 = || Dtype::int(8, true);
        check(value(i8(), Shape::Scalar, &7i64.to_le_bytes()), " = 7");
        check(value(i8(), Shape::Simple(vec![1]), &7i64.to_le_bytes()), " = [7]");
        check(value(Dtype::int(2, true), Shape::Scalar, &[7, 0]), " = { value = 7, dtype = \"i2\" }");
        check(value(Dtype::bool(), Shape::Simple(vec![1, 2]), &[1, 0]), " = [[true, false]]");
        check(value(Dtype::bool(), Shape::Scalar, &[9]), " = { bytes = \"09\", dtype = \"bool\" }");
        check(value(Dtype::float(4), Shape::Simple(vec![0]), &[]), " = { value = [], dtype = \"f4\" }");
        check(value(Dtype::float(4), Shape::Simple(vec![2, 0]), &[]), " = { value = [], dtype = \"f4\", shape = [2, 0] }");
        check(value(Dtype::float(4), Shape::Null, &[]), " = { empty = \"f4\" }");
        let fixed = StringType { length: StringLength::Fixed(5), charset: Charset::Ascii, padding: Padding::NullTerm };
        check(
            value(Dtype::String(fixed), Shape::Scalar, b"metre"),
            " = { value = \"metre\", dtype.string = { length = 5, charset = \"ascii\", pad = \"nullterm\" } }",
        );
        let text = |s: Option<&[u8]>| AttrValue {
            max: None,
            dtype: Dtype::str(),
            shape: Shape::Scalar,
            data: Elements::Strings(vec![s.map(<[u8]>::to_vec)]),
        };
        check(text(Some(b"K $1")), " = \"K $$1\"");
        check(text(Some(b"\xff")), " = { bytes = '\\xFF' }");
        check(text(None), " = { value = { null = true }, dtype = \"str\" }");
    }

    proptest! {
        #[test]
        fn every_value_survives(
            (dtype, shape, bytes) in (dtypes(), prop_oneof![Just(vec![]), Just(vec![1]), Just(vec![2]), Just(vec![2, 1]), Just(vec![1, 3])])
                .prop_flat_map(|(d, dims)| {
                    let n = d.size() * dims.iter().product::<u64>() as usize;
                    (Just(d), Just(Shape::from_dims(&dims)), proptest::collection::vec(prop_oneof![Just(0u8), Just(1), Just(b'a'), any::<u8>()], n))
                })
        ) {
            let value = AttrValue { max: None, dtype, shape, data: Elements::Fixed(bytes) };
            let line = attr(&AttrSeen::Value(value.clone())).map_err(TestCaseError::fail)?.line("a");
            prop_assert_eq!(read_back(&line), value, "{}", line);
        }
    }
}
