//! Attribute values from literals: on their own, or adapted to the attribute that exists.

use std::borrow::Cow;

use super::encode::escaped;
use super::{
    AttrSeen, AttrSpec, AttrValue, Charset, Dtype, Elements, EncodeError, Literal, Shape, StringLength, StringType, decode_one,
    encode_elements, flatten, flatten_as, is_written_nested,
};

impl AttrSpec {
    /// The attribute this makes where none exists: i64 (u64 where it must), f64, bool, `str`, with the
    /// declared dtype and shape where given.
    pub fn fresh(&self) -> Result<AttrValue, EncodeError> {
        let (shape, list) = self.flat(self.dtype.as_deref())?;
        let dtype = match self.dtype.as_deref() {
            Some(dtype) => dtype.clone(),
            None => infer(&list)?,
        };
        if let Some(max) = self
            .max
            .as_ref()
            .filter(|max| max.len() != shape.rank() || max.iter().zip(shape.dims()).any(|(max, size)| max.is_some_and(|m| m < *size)))
        {
            return Err(EncodeError(format!("the largest extent of {} axes does not hold the shape {shape}", max.len())));
        }
        if shape.rank() > 32 {
            return Err(EncodeError(format!("{} axes are too many; HDF5 knows at most 32", shape.rank())));
        }
        let data = encode_elements(&list, &dtype)?;
        // HDF5 does not tell a largest extent that is the extent from none.
        let max = self.max.clone().filter(|max| max.iter().zip(shape.dims()).any(|(max, size)| *max != Some(*size)));
        Ok(AttrValue { max, dtype, shape, data })
    }

    /// The attribute this makes of the one that exists (design: "Untyped values adapt").
    ///
    /// With a dtype given, dtype and shape are exact. Without, the element type that exists is kept
    /// where it can hold the value, scalar and one element are the same, and strings keep their kind.
    pub fn adapted(&self, seen: &AttrSeen) -> Result<AttrValue, EncodeError> {
        let fresh = self.fresh()?;
        if self.dtype.is_some() {
            return Ok(fresh);
        }
        let dtype = seen.dtype();
        if let Some(value) = self.in_own_words(dtype) {
            return Ok(self.with_shape_of(seen, value));
        }
        if kind(dtype) != kind(&fresh.dtype) {
            return Ok(fresh);
        }
        let (_, list) = self.flat(Some(dtype))?;
        let value = match dtype.resolved() {
            Dtype::String(t) => text(t, dtype, &list, &fresh, seen, self.shape.is_some())?,
            _ => match encode_elements(&list, dtype) {
                Ok(data) => AttrValue { max: None, dtype: dtype.clone(), data, shape: fresh.shape.clone() },
                // What overflows, or a fraction into an integer, becomes f64, where that is exact.
                Err(_) => widened(&list, &fresh)?,
            },
        };
        Ok(self.with_shape_of(seen, value))
    }

    /// The value in the literal forms of a type that has its own: complex numbers as text or pairs, names of
    /// an enumeration, hex text.
    fn in_own_words(&self, dtype: &Dtype) -> Option<AttrValue> {
        let own = match dtype.resolved() {
            d if d.as_complex().is_some() => true,
            Dtype::Complex(_) | Dtype::Opaque { .. } | Dtype::Bitfield(_) => true,
            Dtype::Enum { .. } => !dtype.is_bool(),
            _ => false,
        };
        if !own {
            return None;
        }
        let (shape, list) = self.flat(Some(dtype)).ok()?;
        Some(AttrValue { max: None, data: encode_elements(&list, dtype).ok()?, dtype: dtype.clone(), shape })
    }

    /// Elements in row-major order and their shape: the declared one, whose count must agree, or the
    /// nesting's.
    fn flat(&self, dtype: Option<&Dtype>) -> Result<(Shape, Vec<Literal>), EncodeError> {
        // An empty list could be one empty sequence, too.
        if let (Some(shape), Literal::List(items)) = (&self.shape, &self.literal)
            && shape.elements() == Some(0)
            && items.is_empty()
        {
            return Ok((shape.clone(), Vec::new()));
        }
        if let (Some(shape), Some(dtype)) = (&self.shape, dtype)
            && is_written_nested(dtype)
            && let Some(list) = flatten_as(&self.literal, shape)
        {
            return Ok((shape.clone(), list));
        }
        let (nesting, list) = flatten(&self.literal, dtype)?;
        let Some(shape) = &self.shape else { return Ok((nesting, list)) };
        if shape.elements() != Some(list.len() as u64) {
            return Err(EncodeError(format!(
                "the value has {} elements, its shape {shape} has {}",
                list.len(),
                shape.elements().unwrap_or(u64::MAX)
            )));
        }
        if nesting.rank() > 1 && nesting != *shape {
            return Err(EncodeError(format!("the value is nested as {nesting}, its shape is {shape}")));
        }
        Ok((shape.clone(), list))
    }

    /// Scalar and one element count as equal unless the manifest says the shape.
    fn with_shape_of(&self, seen: &AttrSeen, value: AttrValue) -> AttrValue {
        let AttrSeen::Value(old) = seen else { return value };
        let one = |s: &Shape| *s != Shape::Null && s.elements() == Some(1);
        let keep = self.shape.is_none() && one(&value.shape) && one(&old.shape);
        let shape = if keep { old.shape.clone() } else { value.shape };
        // A committed type is kept in place; an attribute that is made anew gets a copy of the type.
        let dtype = if shape == old.shape { value.dtype } else { value.dtype.resolved().clone() };
        AttrValue { shape, dtype, ..value }
    }
}

/// Numbers, booleans and text never become each other.
#[derive(PartialEq, Eq)]
enum Kind {
    Number,
    Bool,
    Text,
    Other,
}

fn kind(dtype: &Dtype) -> Kind {
    match dtype.resolved() {
        d if d.is_bool() => Kind::Bool,
        d if d.as_complex().is_some() => Kind::Number,
        Dtype::Int(t) if t.is_standard() => Kind::Number,
        Dtype::Float(t) if t.as_ieee().is_some() => Kind::Number,
        Dtype::String(_) => Kind::Text,
        _ => Kind::Other,
    }
}

/// The dtype of an untyped value.
fn infer(list: &[Literal]) -> Result<Dtype, EncodeError> {
    let all = |f: fn(&Literal) -> bool| list.iter().all(f);
    if list.is_empty() {
        return Err(EncodeError("an empty list needs a dtype: { value = [], dtype = \"f4\" }".into()));
    }
    if all(|l| matches!(l, Literal::Bool(_))) {
        return Ok(Dtype::bool());
    }
    if all(|l| matches!(l, Literal::Text(_)) || escaped(l).is_some()) {
        return Ok(Dtype::str());
    }
    if all(|l| matches!(l, Literal::Int(_))) {
        let signed = list.iter().all(|l| matches!(l, Literal::Int(v) if i64::try_from(*v).is_ok()));
        return Ok(Dtype::int(8, signed));
    }
    if all(|l| matches!(l, Literal::Int(_) | Literal::Float(_))) {
        return Ok(Dtype::float(8));
    }
    if list.iter().any(|l| matches!(l, Literal::Table(_))) {
        return Err(EncodeError("a table is a value of a compound; say its dtype: { value = { … }, dtype.compound = [ … ] }".into()));
    }
    Err(EncodeError("the list mixes numbers, text or booleans".into()))
}

/// Text into a string attribute: what is equal stays; variable length stays variable; a fixed length
/// becomes the longest value's bytes; ASCII becomes UTF-8 only for text that is not ASCII.
fn text(
    t: &StringType,
    dtype: &Dtype,
    list: &[Literal],
    fresh: &AttrValue,
    seen: &AttrSeen,
    exact_shape: bool,
) -> Result<AttrValue, EncodeError> {
    if let AttrSeen::Value(old) = seen {
        let same_count = old.data.count(&old.dtype) == list.len() && old.shape != Shape::Null;
        let shape_fits = old.shape == fresh.shape || (list.len() == 1 && !exact_shape);
        if same_count && shape_fits && (0..list.len()).all(|i| as_written(&old.data, &old.dtype, i, &list[i])) {
            return Ok(old.clone());
        }
    }
    // Bytes that are not UTF-8 do not become it by a mark.
    let beyond = |l: &Literal| written(l).is_some_and(|s| !s.is_ascii() && std::str::from_utf8(&s).is_ok());
    let charset = if list.iter().any(beyond) { Charset::Utf8 } else { t.charset };
    let length = match t.length {
        StringLength::Variable => StringLength::Variable,
        StringLength::Fixed(_) => {
            let longest = list.iter().map(|l| written(l).map_or(0, |s| s.len())).max().unwrap_or(0);
            StringLength::Fixed(longest.max(1))
        }
    };
    let wanted = StringType { length, charset, padding: t.padding };
    // A committed type is left when the text needs another one.
    let dtype = if wanted == *t { dtype.clone() } else { Dtype::String(wanted) };
    Ok(AttrValue { max: None, data: encode_elements(list, &dtype)?, dtype, shape: fresh.shape.clone() })
}

/// The bytes that a text or its escape stands for.
pub(super) fn written(literal: &Literal) -> Option<Cow<'_, [u8]>> {
    match literal {
        Literal::Text(text) => Some(Cow::Borrowed(text.as_bytes())),
        other => escaped(other).map(|text| Cow::Owned(super::text_bytes(text))),
    }
}

/// Is this element the text, padding aside?
fn as_written(data: &Elements, dtype: &Dtype, at: usize, literal: &Literal) -> bool {
    let Some(text) = written(literal) else { return false };
    match (data, dtype.resolved()) {
        (Elements::Strings(list), _) => list[at].as_deref().unwrap_or_default() == &*text,
        (Elements::Fixed(bytes), Dtype::String(t)) => {
            let size = dtype.size();
            let raw = &bytes[at * size..(at + 1) * size];
            super::elements::trimmed(t, raw) == &*text
        }
        (Elements::Fixed(_) | Elements::Nested(_), _) => decode_one(data, dtype, at).as_ref() == Some(literal),
    }
}

/// f64 where every number is exact in it, else the type the value would have on its own.
fn widened(list: &[Literal], fresh: &AttrValue) -> Result<AttrValue, EncodeError> {
    let exact = list.iter().all(|l| match l {
        Literal::Int(v) => (*v as f64) as i128 == *v,
        _ => true,
    });
    if !exact {
        return Ok(fresh.clone());
    }
    let dtype = Dtype::float(8);
    Ok(AttrValue { max: None, data: encode_elements(list, &dtype)?, dtype, shape: fresh.shape.clone() })
}

#[cfg(test)]
mod tests {
    use super::super::{Order, Padding, encode_one};
    use super::*;

    fn spec(literal: Literal) -> AttrSpec {
        AttrSpec { literal, dtype: None, shape: None, max: None }
    }

    fn seen(literal: Literal, dtype: Dtype, shape: Shape) -> AttrSeen {
        AttrSeen::Value(AttrValue { max: None, data: encode_one(&literal, &dtype).unwrap(), dtype, shape })
    }

    fn check(literal: Literal, old: AttrSeen, expect: &str) {
        let value = spec(literal).adapted(&old).unwrap();
        let text = super::super::element_text(&value.data, &value.dtype, 0);
        assert_eq!(format!("{} {} {text}", value.dtype, value.shape), expect);
    }

    #[test]
    fn numbers_keep_their_type_where_it_fits() {
        let f = Literal::Float;
        let n = Literal::Int;
        let one = || Shape::Simple(vec![1]);
        check(f(0.1), seen(f(0.0), Dtype::float(4), Shape::Scalar), "f4 scalar 0.1");
        check(n(9), seen(n(7), Dtype::int(2, true), one()), "i2 [1] 9");
        check(f(9.0), seen(n(7), Dtype::int(2, true), Shape::Scalar), "i2 scalar 9");
        check(f(2.5), seen(n(5), Dtype::int(8, true), Shape::Scalar), "f8 scalar 2.5");
        check(n(100_000), seen(n(5), Dtype::int(2, true), Shape::Scalar), "f8 scalar 100000.0");
        check(n((1 << 62) + 1), seen(n(5), Dtype::int(2, true), Shape::Scalar), "i8 scalar 4611686018427387905");
        check(f(1e300), seen(f(0.0), Dtype::float(4), Shape::Scalar), "f8 scalar 1e300");
        check(n(1), seen(Literal::Bool(true), Dtype::bool(), Shape::Scalar), "i8 scalar 1");
        check(n(2), seen(n(1), Dtype::complex(4, Order::Little), one()), "complex64 [1] 2.0+0.0j");
        check(Literal::Text("1+2j".into()), seen(n(1), Dtype::complex(4, Order::Little), Shape::Scalar), "complex64 scalar 1.0+2.0j");
    }

    #[test]
    fn strings_keep_their_kind() {
        let t = |s: &str| Literal::Text(s.into());
        let fixed = |n, padding| Dtype::String(StringType { length: StringLength::Fixed(n), charset: Charset::Ascii, padding });
        check(
            t("kilometre"),
            seen(t("metre"), fixed(5, Padding::NullTerm), Shape::Scalar),
            "string(9, ascii, nullterm) scalar \"kilometre\"",
        );
        check(t("metre"), seen(t("metre"), fixed(8, Padding::SpacePad), Shape::Scalar), "string(8, ascii, spacepad) scalar \"metre\"");
        check(t("é"), seen(t("e"), fixed(5, Padding::NullPad), Shape::Scalar), "string(2, utf8, nullpad) scalar \"é\"");
        check(t("x"), seen(t("a"), Dtype::str(), Shape::Simple(vec![1])), "str [1] \"x\"");
        check(t("1"), seen(Literal::Int(1), Dtype::int(8, true), Shape::Scalar), "str scalar \"1\"");
    }

    #[test]
    fn typed_values_are_exact() {
        let spec = AttrSpec {
            literal: Literal::List(vec![Literal::Int(1), Literal::Int(2)]),
            dtype: Some(Box::new(Dtype::int(1, false))),
            shape: Some(Shape::Simple(vec![2, 1])),
            max: None,
        };
        let value = spec.fresh().unwrap();
        assert_eq!((value.dtype.to_string(), value.shape.to_string()), ("u1".into(), "[2, 1]".into()));
        assert!(AttrSpec { shape: Some(Shape::Simple(vec![3])), ..spec }.fresh().is_err());
        assert!(AttrSpec { literal: Literal::List(vec![]), dtype: None, shape: None, max: None }.fresh().is_err());
    }
}
