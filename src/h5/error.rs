//! Calls of the library, and what it says when it fails, in one line.

use super::activity::{Doing, Running};

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

    /// Has a writer left its mark in the file: at work without a lock, or dead?
    pub fn is_marked(&self) -> bool {
        self.cause.contains("already open for write") || self.cause.contains("not already open for SWMR writing")
    }

    /// Does another process hold a lock on the file?
    pub fn is_locked(&self) -> bool {
        self.cause.contains("unable to lock file")
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
    call_as(Doing::Metadata, what, f)
}

/// [`call`] for a call that does this.
pub(crate) fn call_as<T: Code>(doing: Doing, what: impl FnOnce() -> String, f: impl FnOnce() -> T) -> Result<T> {
    hdf5::sync::sync(|| {
        let running = Running::begin(doing);
        let code = f();
        drop(running);
        if code.failed() { Err(H5Error::new(what(), cause())) } else { Ok(code) }
    })
}

/// Runs one library call that cannot fail, or whose failure means nothing, under the lock.
pub(crate) fn plainly<T>(doing: Doing, f: impl FnOnce() -> T) -> T {
    hdf5::sync::sync(|| {
        let _running = Running::begin(doing);
        f()
    })
}

/// [`call`] for callers that need no value.
pub(crate) fn status<T: Code>(what: impl FnOnce() -> String, f: impl FnOnce() -> T) -> Result<()> {
    call(what, f).map(|_| ())
}

/// [`status`] for calls that move data: they may take longer.
pub(crate) fn moving<T: Code>(what: impl FnOnce() -> String, f: impl FnOnce() -> T) -> Result<()> {
    call_as(Doing::Data, what, f).map(|_| ())
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
