//! What the library says when it fails, in one line.

/// A failed HDF5 operation: what was being done, and the library's innermost reason.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{what}: {cause}")]
pub struct H5Error {
    /// What was being done, to which object.
    pub what: String,
    /// Why it failed.
    pub cause: String,
}

pub(crate) type Result<T> = std::result::Result<T, H5Error>;

impl H5Error {
    pub(crate) fn new(what: impl Into<String>, cause: impl Into<String>) -> Self {
        Self { what: what.into(), cause: cause.into() }
    }

    /// Does another process hold a lock on the file?
    pub fn is_locked(&self) -> bool {
        self.cause.contains("unable to lock file") || self.cause.contains("already open for write")
    }
}

/// Codes that HDF5 returns: negative is failure.
pub(crate) trait Code: Copy {
    fn failed(self) -> bool;
}

impl Code for i32 {
    fn failed(self) -> bool {
        self < 0
    }
}

impl Code for i64 {
    fn failed(self) -> bool {
        self < 0
    }
}

/// Runs one library call under the lock; `what` is only asked for on failure.
pub(crate) fn call<T: Code>(what: impl FnOnce() -> String, f: impl FnOnce() -> T) -> Result<T> {
    hdf5::sync::sync(|| {
        let code = f();
        if code.failed() { Err(H5Error::new(what(), cause())) } else { Ok(code) }
    })
}

/// [`call`] for callers that need no value.
pub(crate) fn status<T: Code>(what: impl FnOnce() -> String, f: impl FnOnce() -> T) -> Result<()> {
    call(what, f).map(|_| ())
}

/// The outermost and the innermost message of the error stack.
fn cause() -> String {
    let Ok(error) = hdf5::Error::query() else { return "no reason given".into() };
    let Some(stack) = error.stack() else { return error.to_string() };
    let desc = |frame: Option<&hdf5::ErrorFrame>| frame.map(|f| f.desc().trim().to_owned()).unwrap_or_default();
    let (outer, inner) = (desc(stack.first()), desc(stack.last()));
    match (outer.as_str(), inner.as_str()) {
        ("", "") => "the HDF5 library gives no reason".into(),
        (_, "") => outer,
        (outer_text, inner_text) if outer_text == inner_text || outer_text.is_empty() => inner,
        _ => format!("{inner} ({outer})"),
    }
}
