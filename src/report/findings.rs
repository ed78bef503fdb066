//! Findings with the line they are about.

use annotate_snippets::{AnnotationKind, Group, Level, Renderer, Snippet};

use super::Paint;
use super::words::escape_controls;
use crate::diag::{Finding, Severity, Sources};

/// Most findings that are shown: each comes with its line, which has to be found in the text.
const MOST_FINDINGS: usize = 100;

/// All findings (of very many the first ones), one paragraph each: `file:line:column`, the line with the place underlined, causes and
/// remedies. Ends with a line feed unless empty.
pub fn findings_text(findings: &[Finding], sources: &Sources, paint: Paint) -> String {
    let renderer = if paint.color { Renderer::styled() } else { Renderer::plain() };
    let mut out = String::new();
    for finding in findings.iter().take(MOST_FINDINGS) {
        out.push_str(&renderer.render(&[group(finding, sources)]));
        out.push_str("\n\n");
    }
    if findings.len() > MOST_FINDINGS {
        out.push_str(&format!("… and {} more\n\n", findings.len() - MOST_FINDINGS));
    }
    if out.ends_with("\n\n") {
        out.pop();
    }
    out
}

fn group<'a>(finding: &'a Finding, sources: &'a Sources) -> Group<'a> {
    let level = match finding.severity {
        Severity::Error => Level::ERROR,
        Severity::Warning => Level::WARNING,
    };
    let mut group = Group::with_title(level.primary_title(escape_controls(&finding.message)).id(finding.code));
    let mut rest: Vec<usize> = (0..finding.labels.len()).collect();
    while let Some(&first) = rest.first() {
        let source = finding.labels[first].span.source;
        let text = sources.text(source);
        let mut snippet = Snippet::source(text).path(escape_controls(sources.name(source))).line_start(1);
        for &i in rest.iter().filter(|&&i| finding.labels[i].span.source == source) {
            let label = &finding.labels[i];
            let kind = if i == 0 { AnnotationKind::Primary } else { AnnotationKind::Context };
            let range = first_line(text, label.span.start as usize, label.span.end as usize);
            let annotation = kind.span(range);
            snippet = snippet.annotation(if label.text.is_empty() { annotation } else { annotation.label(escape_controls(&label.text)) });
        }
        group = group.element(snippet);
        rest.retain(|&i| finding.labels[i].span.source != source);
    }
    for note in &finding.notes {
        group = group.element(Level::NOTE.message(escape_controls(note)));
    }
    for help in &finding.helps {
        group = group.element(Level::HELP.message(escape_controls(help)));
    }
    group
}

/// The range, cut to its first line and to what the text has: one line says enough.
fn first_line(text: &str, start: usize, end: usize) -> std::ops::Range<usize> {
    let boundary = |mut at: usize| {
        at = at.min(text.len());
        while !text.is_char_boundary(at) {
            at -= 1;
        }
        at
    };
    let (start, end) = (boundary(start), boundary(end));
    let stop = text[start..end.max(start)].find('\n').map_or(end, |n| start + n);
    start..stop.max(start)
}
