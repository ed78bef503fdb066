//! Small words and numbers for people.

use crate::model::Base;

pub use crate::model::human_bytes;

/// `data/x.h5 (existing)`.
pub fn target_line(target: &str, base: &Base) -> String {
    let what = match base {
        Base::Missing => "new",
        Base::Existing { .. } => "existing",
    };
    format!("{} ({what})", escape_controls(target))
}

/// Control characters as `\xNN`: a name from a file must not drive a terminal. Line feeds stay.
pub fn escape_controls(text: &str) -> String {
    if !text.chars().any(|c| c.is_control() && c != '\n') {
        return text.to_owned();
    }
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        if c.is_control() && c != '\n' {
            let mut buffer = [0; 4];
            c.encode_utf8(&mut buffer).bytes().for_each(|b| out.push_str(&format!("\\x{b:02X}")));
        } else {
            out.push(c);
        }
    }
    out
}

/// `1 region`, `2 regions`.
pub fn count(n: usize, one: &str) -> String {
    let many = format!("{one}s");
    format!("{} {}", grouped(n as u64), if n == 1 { one } else { &many })
}

/// Thousands apart: `10 000`. Short numbers stay as they are.
pub(crate) fn grouped(n: u64) -> String {
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
