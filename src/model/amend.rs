//! Attribute values made of the value that is there: listed values replaced, text joined, another element type.

use std::borrow::Cow;

use super::adapt::written;
use super::cast::cast;
use super::recast_text::{in_charset, text_at, text_refusal};
use super::{
    AttrSeen, AttrSpec, AttrValue, CastLoss, Charset, Dtype, Elements, EncodeError, Literal, Shape, Side, StringLength, StringType,
    bytes_text, decode_one, encode_one,
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
    /// does, and what it costs the others if that changes the type. `None` if there is none of them.
    pub fn mapped(&self, pairs: &[(Literal, Literal)]) -> Result<Option<(AttrValue, Option<CastLoss>)>, EncodeError> {
        let keys: Vec<Key> = pairs.iter().map(|(from, _)| Key::of(from, &self.dtype)).collect();
        let found = |at| keys.iter().position(|key| key.is_at(self, at)).map(|n| &pairs[n].1);
        let hits: Vec<Option<&Literal>> = (0..self.data.count(&self.dtype)).map(found).collect();
        if hits.iter().all(Option::is_none) {
            return Ok(None);
        }
        if let Some(value) = self.with_texts(&hits)? {
            return Ok(Some((value, None)));
        }
        let made = match self.with_elements(&hits) {
            Ok(value) => (value, None),
            Err(e) => match self.dtype.resolved() {
                Dtype::Int(_) | Dtype::Float(_) | Dtype::String(_) => self.written_anew(&hits)?,
                d if d.is_bool() => self.written_anew(&hits)?,
                _ => return Err(e),
            },
        };
        Ok(Some(made))
    }

    /// Texts among texts. `None` where it is something else.
    fn with_texts(&self, new: &[Option<&Literal>]) -> Result<Option<AttrValue>, EncodeError> {
        let Dtype::String(t) = self.dtype.resolved() else { return Ok(None) };
        let texts: Option<Vec<Option<Cow<'_, [u8]>>>> = new.iter().map(|new| new.map_or(Some(None), |l| written(l).map(Some))).collect();
        let Some(texts) = texts else { return Ok(None) };
        let wanted = t.with(texts.iter().flatten().map(|text| &**text));
        let mut all = Vec::new();
        for (at, text) in texts.into_iter().enumerate() {
            let own = || text_at(&self.data, &self.dtype, at).map(Cow::Borrowed);
            all.push(match text {
                Some(text) => Some(text),
                None => own().map(|text| kept(&text, t, &wanted).map(|()| text)).transpose()?,
            });
        }
        let longest = all.iter().flatten().map(|text| text.len()).max().unwrap_or(0);
        let mut value = self.of_texts(&all, wanted.of_length(longest))?;
        if value.dtype == self.dtype {
            // What stands behind the end of a text stays, too.
            let kept = new.iter().enumerate().filter(|(_, new)| new.is_none());
            kept.for_each(|(at, _)| value.data.set_from(&self.dtype, at, &self.data, at));
        }
        Ok(Some(value))
    }

    /// The same attribute with other texts. A committed type is left where they need another one.
    fn of_texts(&self, texts: &[Option<Cow<'_, [u8]>>], t: StringType) -> Result<AttrValue, EncodeError> {
        // The character set has been looked at; whether padding would be taken for text has not.
        let any_charset = Dtype::String(StringType { charset: Charset::Utf8, ..t.clone() });
        let wanted = Dtype::String(t);
        let dtype = if wanted == *self.dtype.resolved() { self.dtype.clone() } else { wanted };
        let mut data = Elements::empty(&dtype);
        for text in texts {
            match (text, &mut data) {
                (None, Elements::Strings(list)) => list.push(None),
                (text, data) => data.append(encode_one(&text_literal(text.as_deref().unwrap_or_default()), &any_charset)?),
            }
        }
        Ok(AttrValue { dtype, data, ..self.clone() })
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

    /// As if the manifest had all the elements as its value; the others are cast to the type that comes of it.
    fn written_anew(&self, new: &[Option<&Literal>]) -> Result<(AttrValue, Option<CastLoss>), EncodeError> {
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
        let others: Vec<usize> = new.iter().enumerate().filter(|(_, new)| new.is_none()).map(|(at, _)| at).collect();
        if others.is_empty() {
            return Ok((self.with_max_of(value), None));
        }
        let mut kept = Elements::empty(&self.dtype);
        others.iter().for_each(|at| kept.append(self.data.slice(&self.dtype, *at, 1)));
        let kept = cast(&kept, &self.dtype, &value.dtype)?;
        others.iter().enumerate().for_each(|(n, at)| value.data.set_from(&value.dtype, *at, &kept.data, n));
        let loss = kept.loss.map(|loss| CastLoss { of: new.len(), ..loss });
        Ok((self.with_max_of(value), loss))
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
        let Dtype::String(t) = self.dtype.resolved() else {
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
        let shape = spec.shape.clone().unwrap_or_else(|| self.shape.clone());
        let dtype = match spec.dtype.as_deref().map(|d| (d, d.resolved())) {
            Some((dtype, Dtype::String(to))) => {
                kept(own, t, to)?;
                if std::str::from_utf8(&more).is_ok() {
                    kept(&more, &StringType { charset: Charset::Utf8, ..t.clone() }, to)?;
                }
                dtype.clone()
            }
            Some((dtype, _)) => dtype.clone(),
            None => {
                let wanted = if contained { t.clone() } else { t.with([&*more].into_iter()).of_length(whole.len()) };
                kept(own, t, &wanted)?;
                let same = wanted == *t && shape == self.shape;
                if same { self.dtype.clone() } else { Dtype::String(wanted) }
            }
        };
        // What is marked as ASCII and is not stays as wrong as it is.
        let wrong = matches!(dtype.resolved(), Dtype::String(to) if to.charset == Charset::Ascii) && !own.is_ascii() && more.is_ascii();
        let literal = if wrong { bytes_literal(&whole) } else { text_literal(&whole) };
        let spec = AttrSpec { literal, dtype: Some(Box::new(dtype)), shape: Some(shape), max: None };
        spec.fresh().map(|value| Some(self.with_max_of(value)))
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

impl StringType {
    /// What new texts among those of this type make of it: ASCII becomes UTF-8 for text that is not ASCII.
    fn with<'a>(&self, mut new: impl Iterator<Item = &'a [u8]>) -> StringType {
        let needs_utf8 = new.any(|text| !text.is_ascii() && std::str::from_utf8(text).is_ok());
        StringType { charset: if needs_utf8 { Charset::Utf8 } else { self.charset }, ..self.clone() }
    }

    /// A fixed length becomes the longest text's.
    fn of_length(self, longest: usize) -> StringType {
        match self.length {
            StringLength::Variable => self,
            StringLength::Fixed(_) => StringType { length: StringLength::Fixed(longest.max(1)), ..self },
        }
    }
}

/// May a text that nobody has changed be of this type?
fn kept(text: &[u8], from: &StringType, to: &StringType) -> Result<(), EncodeError> {
    in_charset(text, from.charset, to.charset).map_err(|why| EncodeError(text_refusal(&format!("\"{}\"", bytes_text(text)), why)))
}

/// Text, or its bytes where it is none.
fn text_literal(bytes: &[u8]) -> Literal {
    match std::str::from_utf8(bytes) {
        Ok(text) => Literal::Text(text.into()),
        Err(_) => bytes_literal(bytes),
    }
}

fn bytes_literal(bytes: &[u8]) -> Literal {
    Literal::Table(vec![("bytes".into(), Literal::Text(bytes_text(bytes)))])
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
        let told = |(value, loss): (AttrValue, Option<CastLoss>)| told(&value) + &loss.map_or(String::new(), |l| format!("; {l}"));
        value(list, dtype).mapped(pairs).unwrap().map_or_else(|| "nothing".into(), told)
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
        assert_eq!(odd.mapped(&pairs).unwrap(), Some((expect, None)));
        let nan = Elements::Fixed([0x7ff8_0000_0000_0123_u64.to_le_bytes(), 1f64.to_le_bytes()].concat());
        let payload = AttrValue { data: nan, dtype: Dtype::float(8), shape: Shape::Simple(vec![2]), max: None };
        let after = payload.mapped(&[(Literal::Int(1), Literal::Int(2))]).unwrap().unwrap();
        assert_eq!(after.0.data, Elements::Fixed([0x7ff8_0000_0000_0123_u64.to_le_bytes(), 2f64.to_le_bytes()].concat()));
    }

    /// What is not listed stays, or is told.
    #[test]
    fn what_a_map_does_to_the_others_is_told() {
        let (n, f) = (Literal::Int, Literal::Float);
        let large = (1i128 << 60) + 1;
        let loss = "not exact for 1 of 3 values: 1152921504606846977 -> 1.152921504606847e18";
        let made = |list: &[Literal], to: Literal| mapped(list, Dtype::int(8, true), &[(n(1), to)]);
        assert_eq!(made(&[n(1), n(large), n(2)], f(2.5)), format!("f8 [3] 2.5 1.152921504606847e18 2.0; {loss}"));
        assert_eq!(made(&[n(1), n(large - 1)], f(2.5)), "f8 [2] 2.5 1.152921504606847e18");
        assert_eq!(made(&[n(1), n(large)], n(7)), format!("i8 [2] 7 {large}"));
    }

    fn latin(list: &[&[u8]], length: StringLength) -> AttrValue {
        let t = StringType { length, charset: Charset::Ascii, padding: Padding::NullPad };
        let mut data = Elements::empty(&Dtype::String(t.clone()));
        list.iter().for_each(|text| super::super::recast_text::push_text(text, &t, &mut data));
        AttrValue { data, dtype: Dtype::String(t), shape: Shape::Simple(vec![list.len() as u64]), max: None }
    }

    /// What is marked as ASCII and is not is never marked as UTF-8 that it is not.
    #[test]
    fn wrong_ascii_stays_as_wrong_as_it_is() {
        for length in [StringLength::Fixed(4), StringLength::Variable] {
            let one = latin(&[b"caf\xe9"], length);
            let spec = |text: &str, dtype: Option<Dtype>| AttrSpec { literal: t(text), dtype: dtype.map(Box::new), shape: None, max: None };
            let after = one.joined(&spec("!", None), Side::End).unwrap().unwrap();
            assert_eq!(text_at(&after.data, &after.dtype, 0), Some(&b"caf\xe9!"[..]));
            let Dtype::String(made) = &after.dtype else { unreachable!() };
            assert_eq!(made.charset, Charset::Ascii);
            assert!(one.joined(&spec("é", None), Side::End).unwrap_err().0.contains("is not UTF-8"));
            assert!(one.joined(&spec("!", Some(Dtype::str())), Side::End).unwrap_err().0.contains("is not UTF-8"));
            assert!(one.joined(&spec("é", Some(Dtype::fixed_ascii(9))), Side::End).unwrap_err().0.contains("is not ASCII"));
            let two = latin(&[b"caf\xe9", b"deg"], length);
            let (after, _) = two.mapped(&[(t("deg"), t("degree"))]).unwrap().unwrap();
            let Dtype::String(made) = &after.dtype else { unreachable!() };
            assert_eq!((made.charset, text_at(&after.data, &after.dtype, 0)), (Charset::Ascii, Some(&b"caf\xe9"[..])));
            assert!(two.mapped(&[(t("deg"), t("°"))]).unwrap_err().0.contains("is not UTF-8"));
            let (after, _) = latin(&[b"deg", b"m"], length).mapped(&[(t("deg"), t("°"))]).unwrap().unwrap();
            assert!(after.dtype.to_string().contains("utf8"), "{}", after.dtype);
        }
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
