//! Small words and numbers for people.

use super::Paint;
use crate::model::{Base, is_hidden};

pub use crate::model::human_bytes;

/// `data/x.h5 (existing)`.
pub fn target_line(target: &str, base: &Base) -> String {
    let what = match base {
        Base::Missing => "new",
        Base::Existing { .. } => "existing",
    };
    format!("{} ({what})", escape_controls(target))
}

/// Hidden characters as `\xNN`: a name from a file must not drive a terminal. Line feeds stay.
pub fn escape_controls(text: &str) -> String {
    replaced(
        text,
        |c| is_hidden(c) && c != '\n',
        |c, out| {
            let mut buffer = [0; 4];
            c.encode_utf8(&mut buffer).bytes().for_each(|b| out.push_str(&format!("\\x{b:02X}")));
        },
    )
}

/// The same for text that is painted: line feeds and tabs stay, and, where there is `paint`, the codes of colours.
pub fn escape_painted(text: &str, paint: Paint) -> String {
    if !paint.color {
        return text.split('\t').map(escape_controls).collect::<Vec<_>>().join("\t");
    }
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find("\x1b[") {
        out.push_str(&escape_painted(&rest[..at], Paint::PLAIN));
        let code = rest[at + 2..].bytes().take_while(|b| b.is_ascii_digit() || *b == b';').count();
        let end = if rest[at + 2 + code..].starts_with('m') { at + 3 + code } else { at + 2 };
        let sequence = &rest[at..end];
        out.push_str(&if sequence.ends_with('m') { sequence.to_owned() } else { escape_controls(sequence) });
        rest = &rest[end..];
    }
    out + &escape_painted(rest, Paint::PLAIN)
}

/// A JSON document without hidden characters: they stand in texts only, where `\uNNNN` says the same. Line feeds stay.
pub fn escape_json(document: &str) -> String {
    replaced(document, |c| is_hidden(c) && c != '\n', |c, out| out.push_str(&format!("\\u{:04x}", c as u32)))
}

fn replaced(text: &str, hidden: impl Fn(char) -> bool, with: impl Fn(char, &mut String)) -> String {
    let mut out = String::with_capacity(text.len());
    text.chars().for_each(|c| if hidden(c) { with(c, &mut out) } else { out.push(c) });
    out
}

/// `1 region`, `2 regions`.
pub fn count(n: usize, one: &str) -> String {
    let many = format!("{one}s");
    format!("{} {}", grouped(n as u64), if n == 1 { one } else { &many })
}

/// Thousands apart: `10 000`. Short numbers stay as they are.
pub fn grouped(n: u64) -> String {
    let digits = n.to_string();
    if digits.len() < 5 {
        return digits;
    }
    let mut out = String::new();
    for (i, c) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            out.push(' ');
        }
        out.push(c);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_hidden_is_left() {
        let bad = "a\u{202e}b\tc\u{9b}d\u{2028}\x1b]0;x\x07\x1b[2Je\n";
        let plain = "a\\xE2\\x80\\xAEb\tc\\xC2\\x9Bd\\xE2\\x80\\xA8\\x1B]0;x\\x07\\x1B[2Je\n";
        assert_eq!(escape_painted(bad, Paint::PLAIN), plain);
        let colour = Paint { color: true };
        assert_eq!(escape_painted(&colour.red(bad), colour), colour.red(plain));
        assert!(!escape_painted(&colour.red(bad), Paint::PLAIN).contains('\x1b'));
        let document = serde_json::json!({ "k\u{2066}": bad });
        let text = escape_json(&document.to_string());
        assert!(!text.chars().any(is_hidden), "{text}");
        assert_eq!(serde_json::from_str::<serde_json::Value>(&text).unwrap(), document);
    }
}
