//! What the operating system says.

use std::fmt::Display;

/// An error of the operating system in its own words, without the number that Rust adds: `no space left on device`.
pub fn system_words(error: &dyn Display) -> String {
    let text = error.to_string();
    text.split(" (os error").next().unwrap_or(&text).to_lowercase()
}
