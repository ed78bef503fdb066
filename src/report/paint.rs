//! Colour, where it is wanted. Meaning never depends on it.

/// Paints text with ANSI colours, or does not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Paint {
    /// Is colour wanted?
    pub color: bool,
}

impl Paint {
    /// No colour.
    pub const PLAIN: Paint = Paint { color: false };

    fn wrap(self, code: &str, text: &str) -> String {
        if self.color { format!("\x1b[{code}m{text}\x1b[0m") } else { text.to_owned() }
    }

    /// For what is new.
    pub fn green(self, text: &str) -> String {
        self.wrap("32", text)
    }

    /// For what changes.
    pub fn yellow(self, text: &str) -> String {
        self.wrap("33", text)
    }

    /// For what goes, and for errors.
    pub fn red(self, text: &str) -> String {
        self.wrap("31", text)
    }

    /// For what matters less.
    pub fn dim(self, text: &str) -> String {
        self.wrap("2", text)
    }

    /// For headings.
    pub fn bold(self, text: &str) -> String {
        self.wrap("1", text)
    }
}
