//! Reading a manifest and the manifests beneath it.

use std::path::{Path, PathBuf};

use super::tree::{Table, parse};
use super::{MAX_INCLUDE_DEPTH, MAX_MANIFEST_BYTES};
use crate::diag::{Finding, Findings, SourceId, Sources, Span};

/// One manifest file, parsed.
pub(crate) struct Document {
    pub source: SourceId,
    pub table: Table,
}

/// The manifest and all it includes, lowest first: what an including manifest says wins over what
/// stands before it. A file that is reached twice counts once, where it is reached first.
pub(crate) fn read_all(path: &Path, sources: &mut Sources, findings: &mut Findings) -> Vec<Document> {
    let mut reader = Reader { sources, findings, done: Vec::new(), open: Vec::new(), out: Vec::new() };
    reader.read(path, None);
    reader.out
}

struct Reader<'a> {
    sources: &'a mut Sources,
    findings: &'a mut Findings,
    done: Vec<PathBuf>,
    open: Vec<PathBuf>,
    out: Vec<Document>,
}

impl Reader<'_> {
    fn read(&mut self, path: &Path, from: Option<Span>) {
        let shown = path.display().to_string();
        let place = |finding: Finding| match from {
            Some(span) => finding.at(span, ""),
            None => finding,
        };
        let real = match path.canonicalize() {
            Ok(real) => real,
            Err(e) => {
                let what = if from.is_some() { "included manifest" } else { "manifest" };
                self.findings.push(place(Finding::error("manifest-missing", format!("cannot open the {what} {shown}: {}", io_cause(&e)))));
                return;
            }
        };
        if self.open.contains(&real) {
            self.findings.push(place(Finding::error("include-cycle", format!("{shown} includes itself, directly or through others"))));
            return;
        }
        if self.done.contains(&real) {
            return;
        }
        if self.open.len() >= MAX_INCLUDE_DEPTH {
            self.findings.push(place(Finding::error("include-depth", format!("includes are nested deeper than {MAX_INCLUDE_DEPTH}"))));
            return;
        }
        let text = match read_text(&real) {
            Ok(text) => text,
            Err(cause) => {
                self.findings.push(place(Finding::error("manifest-unreadable", format!("cannot read {shown}: {cause}"))));
                return;
            }
        };
        // Empty for a bare name, so that names beneath it stay as the user wrote them.
        let dir = path.parent().unwrap_or(Path::new("")).to_owned();
        let source = self.sources.add(shown, text.clone(), dir.clone());
        let table = parse(source, &text, self.findings);
        self.open.push(real.clone());
        if let Some(entry) = table.get("include") {
            match entry.node.list("a list of manifest files") {
                Ok(items) => {
                    for item in items {
                        if let Some(name) = self.findings.keep(item.text("the name of a manifest file")) {
                            self.read(&dir.join(name), Some(item.span));
                        }
                    }
                }
                Err(finding) => self.findings.push(finding),
            }
        }
        self.open.pop();
        self.done.push(real);
        self.out.push(Document { source, table });
    }
}

fn read_text(path: &Path) -> Result<String, String> {
    let meta = std::fs::metadata(path).map_err(|e| io_cause(&e))?;
    if !meta.is_file() {
        return Err("it is not a regular file".into());
    }
    if meta.len() > MAX_MANIFEST_BYTES {
        return Err(format!("it has {} bytes; manifests have at most {MAX_MANIFEST_BYTES}", meta.len()));
    }
    let bytes = std::fs::read(path).map_err(|e| io_cause(&e))?;
    String::from_utf8(bytes).map_err(|e| format!("it is not UTF-8 text (byte {})", e.utf8_error().valid_up_to()))
}

/// The operating system's words without Rust's `(os error 2)`.
pub(crate) fn io_cause(error: &std::io::Error) -> String {
    let text = error.to_string();
    match text.find(" (os error") {
        Some(at) => text[..at].to_lowercase(),
        None => text,
    }
}
