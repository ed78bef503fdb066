//! Attribute values made of the value that is there: listed values replaced, text joined, another element type.

use super::adapt::written;
use super::cast::{cast, text_at};
use super::{
    AttrSeen, AttrSpec, AttrValue, CastLoss, Dtype, Elements, EncodeError, Literal, Shape, Side, bytes_text, decode_one, encode_one,
};

/// A value that is looked for.
enum Key {
    Text(Vec<u8>),
    Element(Elements),
    /// The type has no such value.
    Nowhere,
}

impl Key {
    fn of(literal: &Literal, dtype: &Dtype) -> Self {
        if matches!(dtype.resolved(), Dtype::String(_)) {
            return written(literal).map_or(Key::Nowhere, |text| Key::Text(text.into_owned()));
        }
        // Numbers and booleans are never each other.
        if dtype.resolved().is_bool() && !matches!(literal, Literal::Bool(_)) {
            return Key::Nowhere;
        }
        encode_one(literal, dtype).map_or(Key::Nowhere, Key::Element)
    }

    fn is_at(&self, value: &AttrValue, at: usize) -> bool {
        match self {
            Key::Text(text) => text_at(&value.data, &value.dtype, at).unwrap_or_default() == text,
            Key::Element(one) => value.data.slice(&value.dtype, at, 1).equal_at(one, &value.dtype, 0),
            Key::Nowhere => false,
        }
    }
}

impl AttrValue {
    /// Every element that is one of the first values becomes the second one of its pair, which adapts to the type as an untyped value
    /// does. `None` if there is none of them.
    pub fn mapped(&self, pairs: &[(Literal, Literal)]) -> Result<Option<AttrValue>, EncodeError> {
        let keys: Vec<Key> = pairs.iter().map(|(from, _)| Key::of(from, &self.dtype)).collect();
        let found = |at| keys.iter().position(|key| key.is_at(self, at)).map(|n| &pairs[n].1);
        let hits: Vec<Option<&Literal>> = (0..self.data.count(&self.dtype)).map(found).collect();
        if hits.iter().all(Option::is_none) {
            return Ok(None);
        }
        let value = match self.with_elements(&hits) {
            Ok(value) => value,
            Err(e) => match self.dtype.resolved() {
                Dtype::Int(_) | Dtype::Float(_) | Dtype::String(_) => self.written_anew(&hits)?,
                d if d.is_bool() => self.written_anew(&hits)?,
                _ => return Err(e),
            },
        };
        Ok(Some(value))
    }

    /// The type can hold the new elements, and the others are not touched.
    fn with_elements(&self, new: &[Option<&Literal>]) -> Result<AttrValue, EncodeError> {
        let mut value = self.clone();
        for (at, literal) in new.iter().enumerate().filter_map(|(at, literal)| Some((at, (*literal)?))) {
            let text = matches!(self.dtype.resolved(), Dtype::String(_));
            if text || self.dtype.resolved().is_bool() != matches!(literal, Literal::Bool(_)) {
                // Whether the type stays depends on all of them.
                return Err(EncodeError(format!("{literal} is another kind of value than {}", self.dtype)));
            }
            value.data.set_from(&self.dtype, at, &encode_one(literal, &self.dtype)?, 0);
        }
        Ok(value)
    }

    /// As if the manifest had all the elements as its value.
    fn written_anew(&self, new: &[Option<&Literal>]) -> Result<AttrValue, EncodeError> {
        let own = |at: usize| match text_at(&self.data, &self.dtype, at) {
            Some(text) => Some(text_literal(text)),
            None if self.dtype.is_variable_string() => Some(Literal::Text(String::new())),
            None => decode_one(&self.data, &self.dtype, at),
        };
        let all: Option<Vec<Literal>> = new.iter().enumerate().map(|(at, new)| new.cloned().or_else(|| own(at))).collect();
        let mut all = all.ok_or_else(|| EncodeError(format!("values of {} are not supported yet", self.dtype)))?;
        let spec = match &self.shape {
            Shape::Scalar | Shape::Null => AttrSpec { literal: all.remove(0), dtype: None, shape: None, max: None },
            Shape::Simple(_) => AttrSpec { literal: Literal::List(all), dtype: None, shape: Some(self.shape.clone()), max: None },
        };
        let mut value = spec.adapted(&AttrSeen::Value(self.clone()))?;
        if value.dtype == self.dtype && value.shape == self.shape {
            // What no literal says, such as the null string.
            let kept = new.iter().enumerate().filter(|(_, new)| new.is_none());
            kept.for_each(|(at, _)| value.data.set_from(&self.dtype, at, &self.data, at));
        }
        Ok(self.with_max_of(value))
    }

    /// The largest extent stays with the shape.
    fn with_max_of(&self, value: AttrValue) -> AttrValue {
        if value.shape == self.shape { AttrValue { max: self.max.clone(), ..value } } else { value }
    }

    /// The text with another one at its end or beginning, unless it is contained; `spec` has that other one, and may say the dtype and shape
    /// of the result. `None` if there is nothing to do.
    pub fn joined(&self, spec: &AttrSpec, side: Side) -> Result<Option<AttrValue>, EncodeError> {
        let to = match side {
            Side::Front => "prepended to",
            Side::End => "appended to",
        };
        let Dtype::String(_) = self.dtype.resolved() else {
            return Err(EncodeError(format!("it is no text but {}; text is {to} text", self.dtype)));
        };
        if self.shape.elements() != Some(1) {
            return Err(EncodeError(format!("it has the shape {}; text is {to} one text", self.shape)));
        }
        let own = text_at(&self.data, &self.dtype, 0).unwrap_or_default();
        let more = written(&spec.literal).unwrap_or_default();
        let contained = more.is_empty() || own.windows(more.len()).any(|part| part == &*more);
        if contained && spec.dtype.is_none() && spec.shape.is_none() {
            return Ok(None);
        }
        let whole = match (contained, side) {
            (true, _) => own.to_vec(),
            (false, Side::Front) => [&more, own].concat(),
            (false, Side::End) => [own, &more].concat(),
        };
        // A dtype is exact, but what is not said stays.
        let shape = spec.shape.clone().or_else(|| spec.dtype.is_some().then(|| self.shape.clone()));
        let spec = AttrSpec { literal: text_literal(&whole), dtype: spec.dtype.clone(), shape, max: None };
        spec.adapted(&AttrSeen::Value(self.clone())).map(|value| Some(self.with_max_of(value)))
    }

    /// The same values in another type, and what that costs. `None` if it is the type already.
    pub fn cast(&self, dtype: &Dtype) -> Result<Option<(AttrValue, Option<CastLoss>)>, EncodeError> {
        if self.dtype == *dtype {
            return Ok(None);
        }
        let cast = cast(&self.data, &self.dtype, dtype)?;
        let value = AttrValue { dtype: dtype.clone(), data: cast.data, ..self.clone() };
        Ok(Some((value, cast.loss)))
    }
}

/// Text, or its bytes where it is none.
fn text_literal(bytes: &[u8]) -> Literal {
    match std::str::from_utf8(bytes) {
        Ok(text) => Literal::Text(text.into()),
        Err(_) => Literal::Table(vec![("bytes".into(), Literal::Text(bytes_text(bytes)))]),
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Charset, FloatType, Order, Padding, StringLength, StringType, element_text, encode_elements};
    use super::*;

    fn t(text: &str) -> Literal {
        Literal::Text(text.into())
    }

    fn value(list: &[Literal], dtype: Dtype) -> AttrValue {
        let shape = if list.len() == 1 { Shape::Scalar } else { Shape::Simple(vec![list.len() as u64]) };
        AttrValue { data: encode_elements(list, &dtype).unwrap(), dtype, shape, max: None }
    }

    fn told(value: &AttrValue) -> String {
        let all: Vec<String> = (0..value.data.count(&value.dtype)).map(|i| element_text(&value.data, &value.dtype, i)).collect();
        format!("{} {} {}", value.dtype, value.shape, all.join(" "))
    }

    fn mapped(list: &[Literal], dtype: Dtype, pairs: &[(Literal, Literal)]) -> String {
        value(list, dtype).mapped(pairs).unwrap().map_or_else(|| "nothing".into(), |v| told(&v))
    }

    #[test]
    fn maps_listed_values_only() {
        let (n, f, b) = (Literal::Int, Literal::Float, Literal::Bool);
        let pair = |a: Literal, b: Literal| [(a, b)];
        let i2 = || Dtype::int(2, true);
        assert_eq!(mapped(&[n(1)], i2(), &pair(n(1), n(2))), "i2 scalar 2");
        assert_eq!(mapped(&[n(1)], i2(), &pair(n(3), n(2))), "nothing");
        assert_eq!(mapped(&[n(1), n(5), n(1)], i2(), &pair(n(1), n(2))), "i2 [3] 2 5 2");
        assert_eq!(mapped(&[n(1), n(5)], i2(), &pair(f(1.0), f(0.5))), "f8 [2] 0.5 5.0");
        assert_eq!(mapped(&[f(0.1), f(3.0)], Dtype::float(4), &pair(f(0.1), f(0.2))), "f4 [2] 0.2 3.0");
        assert_eq!(mapped(&[f(f64::NAN)], Dtype::float(8), &pair(f(f64::NAN), n(-999))), "f8 scalar -999.0");
        // Kinds are never mixed up, but a value may become one of another kind.
        assert_eq!(mapped(&[b(true)], Dtype::bool(), &pair(n(1), n(2))), "nothing");
        assert_eq!(mapped(&[n(1)], i2(), &pair(b(true), n(2))), "nothing");
        assert_eq!(mapped(&[n(1)], i2(), &pair(t("1"), n(2))), "nothing");
        assert_eq!(mapped(&[b(true)], Dtype::bool(), &pair(b(true), n(1))), "i8 scalar 1");
        assert_eq!(mapped(&[n(1)], i2(), &pair(n(1), t("one"))), "str scalar \"one\"");
        assert!(value(&[n(1), n(2)], i2()).mapped(&pair(n(1), t("one"))).is_err());
        let complex = Dtype::complex(4, Order::Little);
        assert_eq!(mapped(&[t("1+2j"), t("3")], complex, &pair(t("1+2j"), t("2j"))), "complex64 [2] 0.0+2.0j 3.0+0.0j");
    }

    #[test]
    fn maps_text_and_keeps_the_rest() {
        let pairs = [(t("degC"), t("degree_Celsius")), (t("m"), t("metre"))];
        assert_eq!(mapped(&[t("degC"), t("K")], Dtype::str(), &pairs), "str [2] \"degree_Celsius\" \"K\"");
        assert_eq!(mapped(&[t("m"), t("K")], Dtype::fixed_ascii(1), &pairs), "S5 [2] \"metre\" \"K\"");
        assert_eq!(mapped(&[t("metre")], Dtype::fixed_ascii(9), &pairs), "nothing");
        // Neither null strings nor what is not UTF-8 are touched.
        let odd = AttrValue {
            data: Elements::Strings(vec![None, Some(b"caf\xe9".to_vec()), Some(b"m".to_vec())]),
            dtype: Dtype::str(),
            shape: Shape::Simple(vec![3]),
            max: Some(vec![None]),
        };
        let expect = AttrValue { data: Elements::Strings(vec![None, Some(b"caf\xe9".to_vec()), Some(b"metre".to_vec())]), ..odd.clone() };
        assert_eq!(odd.mapped(&pairs).unwrap(), Some(expect));
        let nan = Elements::Fixed([0x7ff8_0000_0000_0123_u64.to_le_bytes(), 1f64.to_le_bytes()].concat());
        let payload = AttrValue { data: nan, dtype: Dtype::float(8), shape: Shape::Simple(vec![2]), max: None };
        let after = payload.mapped(&[(Literal::Int(1), Literal::Int(2))]).unwrap().unwrap();
        assert_eq!(after.data, Elements::Fixed([0x7ff8_0000_0000_0123_u64.to_le_bytes(), 2f64.to_le_bytes()].concat()));
    }

    fn joined(old: &AttrValue, side: Side, text: &str, dtype: Option<Dtype>, shape: Option<Shape>) -> Result<String, String> {
        let spec = AttrSpec { literal: t(text), dtype: dtype.map(Box::new), shape, max: None };
        old.joined(&spec, side).map(|v| v.map_or_else(|| "nothing".into(), |v| told(&v))).map_err(|e| e.0)
    }

    #[test]
    fn joins_text_once() {
        let ok = |text: &str| Ok(text.to_owned());
        let made = value(&[t("made")], Dtype::str());
        assert_eq!(joined(&made, Side::End, "; kept", None, None), ok("str scalar \"made; kept\""));
        assert_eq!(joined(&made, Side::Front, "I ", None, None), ok("str scalar \"I made\""));
        assert_eq!(joined(&made, Side::End, "ad", None, None), ok("nothing"));
        let padded = Dtype::String(StringType { length: StringLength::Fixed(6), charset: Charset::Ascii, padding: Padding::SpacePad });
        let padded = AttrValue { shape: Shape::Simple(vec![1]), ..value(&[t("ab")], padded) };
        assert_eq!(joined(&padded, Side::End, "é", None, None), ok("string(4, utf8, spacepad) [1] \"abé\""));
        assert_eq!(joined(&padded, Side::End, "c", Some(Dtype::fixed_ascii(9)), None), ok("S9 [1] \"abc\""));
        assert_eq!(joined(&padded, Side::End, "b", Some(Dtype::str()), Some(Shape::Scalar)), ok("str scalar \"ab\""));
        assert!(joined(&padded, Side::End, "c", Some(Dtype::fixed_ascii(2)), None).unwrap_err().contains("does not fit"));
        assert!(joined(&value(&[t("a"), t("b")], Dtype::str()), Side::End, "c", None, None).unwrap_err().contains("shape [2]"));
        let number = value(&[Literal::Int(1)], Dtype::Float(FloatType::ieee(4, Order::Big)));
        assert!(joined(&number, Side::Front, "c", None, None).unwrap_err().contains("no text but >f4"));
    }
}
