//! Texts as elements of other types of text.

use super::recast::{Fate, Why};
use super::{Charset, Dtype, Elements, Padding, StringLength, StringType, trimmed};

/// The bytes of a text without its padding; `None` for the null string.
pub(super) fn text_at<'a>(data: &'a Elements, dtype: &Dtype, at: usize) -> Option<&'a [u8]> {
    match (data, dtype.resolved()) {
        (Elements::Strings(list), _) => list.get(at)?.as_deref(),
        (Elements::Fixed(bytes), Dtype::String(t)) => {
            let size = dtype.size();
            Some(trimmed(t, bytes.get(at * size..(at + 1) * size)?))
        }
        (Elements::Fixed(_) | Elements::Nested(_), _) => None,
    }
}

/// Appends a text of one type as one of another.
pub(super) fn put_text(text: &[u8], (from, to): (&StringType, &StringType), out: &mut Elements) -> Fate {
    let (made, fate) = match in_charset(text, from.charset, to.charset) {
        Err(why) => (&[][..], Fate::Refused(why)),
        Ok(()) => {
            let fitted = fitted(text, to);
            (fitted, if reads_back(fitted, to) == text { Fate::Same } else { Fate::Lost })
        }
    };
    push_text(made, to, out);
    fate
}

/// Appends a text that fits.
pub(super) fn push_text(text: &[u8], to: &StringType, out: &mut Elements) {
    match (to.length, out) {
        (StringLength::Fixed(size), Elements::Fixed(bytes)) => {
            let end = bytes.len() + size;
            bytes.extend_from_slice(text);
            bytes.resize(end, if to.padding == Padding::SpacePad { b' ' } else { 0 });
        }
        (_, Elements::Strings(list)) => list.push(Some(text.to_vec())),
        (_, Elements::Fixed(_) | Elements::Nested(_)) => unreachable!("the elements are of this type"),
    }
}

/// May bytes that are of one character set be of another one? What is marked as one and is not stays as wrong as it is.
pub(super) fn in_charset(text: &[u8], from: Charset, to: Charset) -> Result<(), Why> {
    match to {
        _ if from == to => Ok(()),
        Charset::Ascii if !text.is_ascii() => Err(Why::NotAscii),
        Charset::Utf8 if std::str::from_utf8(text).is_err() => Err(Why::NotUtf8),
        Charset::Ascii | Charset::Utf8 => Ok(()),
    }
}

/// Why a text, as people read it, has no place in a character set.
pub(super) fn text_refusal(text: &str, why: Why) -> String {
    match why {
        Why::NotAscii => format!("{text} is not ASCII; make it a UTF-8 string"),
        Why::NotUtf8 => format!("{text} is not UTF-8; make it an ASCII string"),
        Why::NoValue | Why::NoName => format!("there is no {text}"),
    }
}

/// What is read of a text that fits: trailing padding is no part of it.
fn reads_back<'a>(text: &'a [u8], to: &StringType) -> &'a [u8] {
    match to.length {
        StringLength::Fixed(_) => trimmed(to, text),
        StringLength::Variable => text,
    }
}

/// As much of a text as the type has room for: a character is not cut in two.
fn fitted<'a>(text: &'a [u8], to: &StringType) -> &'a [u8] {
    let ends_at_nul = to.length == StringLength::Variable || to.padding == Padding::NullTerm;
    let text = match text.iter().position(|&b| b == 0) {
        Some(end) if ends_at_nul => &text[..end],
        Some(_) | None => text,
    };
    match to.length {
        StringLength::Fixed(size) if text.len() > size => {
            let within = |end: &usize| std::str::from_utf8(text).is_ok_and(|t| !t.is_char_boundary(*end));
            let end = (0..=size).rev().find(|end| !within(end)).unwrap_or(0);
            &text[..end]
        }
        StringLength::Fixed(_) | StringLength::Variable => text,
    }
}
