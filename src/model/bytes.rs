//! Names and texts in HDF5 are bytes; people see and write text.

/// Is it a character that cannot be seen and changes what is: a control character, a separator of lines or paragraphs, or one that
/// turns the direction of the text around it (Unicode's Bidi_Control)?
pub fn is_hidden(c: char) -> bool {
    let turns = matches!(c, '\u{61C}' | '\u{200E}' | '\u{200F}' | '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}');
    c.is_control() || turns || matches!(c, '\u{2028}' | '\u{2029}')
}

/// Text for bytes: UTF-8 as it is; what is not UTF-8, and hidden characters, as `\xNN`. A backslash
/// that would read as such an escape becomes `\x5C`, so that [`text_bytes`] always gives the bytes back.
pub fn bytes_text(bytes: &[u8]) -> String {
    let mut out = String::with_capacity(bytes.len());
    let escape = |out: &mut String, b: u8| out.push_str(&format!("\\x{b:02X}"));
    for chunk in bytes.utf8_chunks() {
        let text = chunk.valid();
        for (at, c) in text.char_indices() {
            if is_hidden(c) {
                let mut buffer = [0; 4];
                c.encode_utf8(&mut buffer).bytes().for_each(|b| escape(&mut out, b));
            } else if c == '\\' && is_escape(&text.as_bytes()[at..]) {
                escape(&mut out, b'\\');
            } else {
                out.push(c);
            }
        }
        chunk.invalid().iter().for_each(|&b| escape(&mut out, b));
    }
    out
}

/// The bytes of a text in which `\xNN` stands for one byte. The inverse of [`bytes_text`].
pub fn text_bytes(text: &str) -> Vec<u8> {
    let bytes = text.as_bytes();
    let mut out = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while at < bytes.len() {
        if is_escape(&bytes[at..]) {
            let digit = |b: u8| (b as char).to_digit(16).unwrap_or(0) as u8;
            out.push(digit(bytes[at + 2]) << 4 | digit(bytes[at + 3]));
            at += 4;
        } else {
            out.push(bytes[at]);
            at += 1;
        }
    }
    out
}

fn is_escape(bytes: &[u8]) -> bool {
    matches!(bytes, [b'\\', b'x', a, b, ..] if a.is_ascii_hexdigit() && b.is_ascii_hexdigit())
}

/// `16 B`, `1.5 MiB`.
pub fn human_bytes(bytes: u64) -> String {
    const UNITS: [&str; 6] = ["KiB", "MiB", "GiB", "TiB", "PiB", "EiB"];
    if bytes < 1024 {
        return format!("{bytes} B");
    }
    let mut value = bytes as f64 / 1024.0;
    let mut unit = 0;
    while value >= 999.95 && unit + 1 < UNITS.len() {
        value /= 1024.0;
        unit += 1;
    }
    if value < 99.95 { format!("{value:.1} {}", UNITS[unit]) } else { format!("{value:.0} {}", UNITS[unit]) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn escapes_what_is_not_text() {
        assert_eq!(bytes_text(b"a\xffb\n"), "a\\xFFb\\x0A");
        assert_eq!(bytes_text("β\\x41".as_bytes()), "β\\x5Cx41");
        assert_eq!(bytes_text(b"\\n"), "\\n");
        assert_eq!(bytes_text("a\u{202e}b\u{85}\u{2028}".as_bytes()), "a\\xE2\\x80\\xAEb\\xC2\\x85\\xE2\\x80\\xA8");
        assert_eq!("e\u{301}👩\u{200d}🔬\u{a0}".chars().find(|c| is_hidden(*c)), None);
    }

    proptest! {
        #[test]
        fn bytes_survive(bytes in proptest::collection::vec(any::<u8>(), 0..40)) {
            prop_assert_eq!(text_bytes(&bytes_text(&bytes)), bytes);
        }
    }

    #[test]
    fn sizes_for_people() {
        for (bytes, text) in
            [(0, "0 B"), (1023, "1023 B"), (1536, "1.5 KiB"), (5 << 20, "5.0 MiB"), (1 << 40, "1.0 TiB"), (200 << 30, "200 GiB")]
        {
            assert_eq!(human_bytes(bytes), text);
        }
    }
}
