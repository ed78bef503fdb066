//! One finding, and a list of them.

use super::Span;

/// How bad a finding is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// Nothing can be done until it is settled.
    Error,
    /// Worth knowing; the work goes on.
    Warning,
}

/// A place in a text, with a word about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Label {
    /// Where.
    pub span: Span,
    /// What is to be seen there; may be empty.
    pub text: String,
}

/// What is wrong, where, why, and the remedy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// Stable short name of the kind of finding, for tests and machines: `unknown-key`.
    pub code: &'static str,
    /// How bad.
    pub severity: Severity,
    /// One line: what is wrong. Names the object.
    pub message: String,
    /// The place it is about; other places that matter follow.
    pub labels: Vec<Label>,
    /// Causes and circumstances, a line each.
    pub notes: Vec<String>,
    /// Remedies, a line each.
    pub helps: Vec<String>,
}

impl Finding {
    /// An error without a place yet.
    pub fn error(code: &'static str, message: impl Into<String>) -> Self {
        Self { code, severity: Severity::Error, message: message.into(), labels: Vec::new(), notes: Vec::new(), helps: Vec::new() }
    }

    /// A warning without a place yet.
    pub fn warning(code: &'static str, message: impl Into<String>) -> Self {
        Self { severity: Severity::Warning, ..Self::error(code, message) }
    }

    /// Adds a place; the first one is the place of the finding.
    #[must_use]
    pub fn at(mut self, span: Span, text: impl Into<String>) -> Self {
        self.labels.push(Label { span, text: text.into() });
        self
    }

    /// Adds a cause or circumstance.
    #[must_use]
    pub fn note(mut self, text: impl Into<String>) -> Self {
        self.notes.push(text.into());
        self
    }

    /// Adds a remedy.
    #[must_use]
    pub fn help(mut self, text: impl Into<String>) -> Self {
        self.helps.push(text.into());
        self
    }

    /// Adds a remedy if there is one.
    #[must_use]
    pub fn help_if(self, text: Option<String>) -> Self {
        match text {
            Some(text) => self.help(text),
            None => self,
        }
    }
}

impl From<Finding> for Findings {
    fn from(finding: Finding) -> Self {
        Self { list: vec![finding] }
    }
}

/// Findings collected along the way, so that all problems are reported together.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Findings {
    list: Vec<Finding>,
}

impl Findings {
    /// None yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds one.
    pub fn push(&mut self, finding: Finding) {
        self.list.push(finding);
    }

    /// Adds all of another list.
    pub fn extend(&mut self, other: Findings) {
        self.list.extend(other.list);
    }

    /// Keeps the value of a result, collects its finding.
    pub fn keep<T, E: Into<Findings>>(&mut self, result: Result<T, E>) -> Option<T> {
        match result {
            Ok(value) => Some(value),
            Err(e) => {
                self.extend(e.into());
                None
            }
        }
    }

    /// Is any of them an error?
    pub fn has_errors(&self) -> bool {
        self.list.iter().any(|f| f.severity == Severity::Error)
    }

    /// No findings at all?
    pub fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// Findings by place, those without a place last; equal ones once.
    pub fn sorted(mut self) -> Vec<Finding> {
        self.list.sort_by_key(|f| (f.labels.is_empty(), f.labels.first().map(|l| l.span)));
        self.list.dedup();
        self.list
    }
}

impl IntoIterator for Findings {
    type Item = Finding;
    type IntoIter = std::vec::IntoIter<Finding>;
    fn into_iter(self) -> Self::IntoIter {
        self.list.into_iter()
    }
}
