//! Plans as Markdown, for comments on pull requests: GitHub's flavour, in which names and values stand as code, so that nothing in them is
//! markup.

use std::collections::BTreeMap;
use std::fmt;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::str::FromStr;

use super::plan::{MOST_OBJECTS, aspect, symbol, whole_object};
use super::varies::{self, Forms};
use super::words::{count, escape_controls, human_bytes};
use super::{Tense, summary_text};
use crate::diag::{Finding, Sources};
use crate::model::{Base, H5Path};
use crate::plan::{Action, Hazard, Proposal, Step};

/// What is said about a file, less its name: equal for files with which the same is to be done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MarkdownPlan {
    /// How much there is to do.
    pub extent: Extent,
    /// Changes, conflicts, counts.
    pub body: Vec<Part>,
}

/// A line, or some.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Part {
    /// As it is of this file.
    pub text: String,
    /// What it has in common with other files with which the same is to be done, and how that reads with this one as the example; `None`: all.
    pub common: Option<(String, String)>,
}

impl Part {
    /// The same for all.
    pub fn same(text: String) -> Self {
        Self { text, common: None }
    }
}

/// How much there is to do with a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Extent {
    /// Is the file new?
    pub new: bool,
    /// Changes.
    pub changes: usize,
    /// Differences that no change settles.
    pub conflicts: usize,
}

/// The plan; `all` shows every object of a long one.
pub fn plan_markdown(proposal: &Proposal, base: &Base, sources: &Sources, forms: &Forms, all: bool) -> MarkdownPlan {
    let mut objects: BTreeMap<&H5Path, Vec<&Step>> = BTreeMap::new();
    for step in proposal.steps.iter().filter(|s| !matches!(s.action, Action::CreateFile(_))) {
        objects.entry(&step.path).or_default().push(step);
    }
    let extent = Extent { new: *base == Base::Missing, changes: objects.values().map(Vec::len).sum(), conflicts: proposal.conflicts.len() };
    let mut body = Vec::new();
    let most = if all { usize::MAX } else { MOST_OBJECTS };
    let more = objects.len().saturating_sub(most);
    if !objects.is_empty() {
        body.push(Part::same("| | object | change | |\n|---|---|---|---|\n".into()));
    }
    let mut objects = objects.into_iter();
    for (path, steps) in objects.by_ref().take(most) {
        body.extend(steps.into_iter().map(|step| row(path, step, forms)));
    }
    if more > 0 {
        let text = format!("\n… and {} more\n", count(more, "object"));
        // Files have the same only if they have the same of these, too.
        let mut hasher = DefaultHasher::new();
        objects.flat_map(|(path, steps)| steps.into_iter().map(move |step| row(path, step, forms))).for_each(|part| {
            part.common.map_or(part.text, |(key, _)| key).hash(&mut hasher);
        });
        body.push(Part { common: Some((format!("{:x}", hasher.finish()), text.clone())), text });
    }
    if !proposal.steps.is_empty() {
        let text = summary_text(proposal, Tense::Future);
        let what = text.split(';').next().unwrap_or_default();
        let common = (what.to_owned(), format!("\n{what} in each file.\n"));
        body.push(Part { text: format!("\n{text}\n"), common: Some(common) });
    }
    if !proposal.dangling.is_empty() {
        let warnings = proposal.dangling.iter().map(|dangling| format!("- ⚠ {}\n", text(&dangling.to_string())));
        body.push(Part::same(format!("\n{}", warnings.collect::<String>())));
    }
    if !proposal.conflicts.is_empty() {
        let mut text = String::from("\n`apply` would refuse:\n\n");
        proposal.conflicts.iter().for_each(|c| conflict(&c.finding, sources, &mut text));
        body.push(Part::same(text));
    }
    MarkdownPlan { extent, body }
}

fn row(path: &H5Path, step: &Step, forms: &Forms) -> Part {
    let change = whole_object(&step.action).unwrap_or_else(|| aspect(step, 0));
    let hazard = match step.hazard {
        Hazard::None => "",
        Hazard::Lossy => "⚠ **lossy**",
        Hazard::Destructive => "⚠ **destructive**",
        Hazard::LossyAndDestructive => "⚠ **lossy and destructive**",
    };
    let dead = if step.dead > 0 { format!(" leaves {} of dead space", human_bytes(step.dead)) } else { String::new() };
    // What a reviewer must know to agree.
    let why = match (&step.action, step.hazard) {
        (Action::Rebuild { .. }, _) | (_, Hazard::Lossy | Hazard::LossyAndDestructive) => format!(" {}", text(&step.reason)),
        _ => String::new(),
    };
    let cost = format!("{hazard}{why}{dead}");
    let symbol = code(&symbol(step.action.verb()).to_string());
    let path = code(&path.to_string());
    let row = |change: &str, cost: &str| format!("| {symbol} | {path} | {} | {} |\n", code(change), cost.trim());
    let common = varies::common(step, forms).map(|(key, of_many)| {
        let key = format!("{symbol} {path} {hazard} {key}");
        (key, row(&of_many, &format!("{hazard}{why} differs by file")))
    });
    Part { text: row(&change, &cost), common }
}

fn conflict(finding: &Finding, sources: &Sources, out: &mut String) {
    let place = finding.labels.first().map_or(String::new(), |label| {
        let place = sources.place(label.span);
        format!(" ({})", code(&format!("{}:{}:{}", place.file, place.line, place.column)))
    });
    out.push_str(&format!("- **{}**: {}{place}\n", finding.code, text(&finding.message)));
    finding.notes.iter().for_each(|note| out.push_str(&format!("  - {}\n", text(note))));
    finding.helps.iter().for_each(|help| out.push_str(&format!("  - help: {}\n", text(help))));
}

/// Files that nothing can be said of: why, and which.
pub fn markdown_failed(failed: &BTreeMap<String, Vec<String>>) -> String {
    let all = failed.values().map(Vec::len).sum();
    if all == 0 {
        return String::new();
    }
    let mut out = format!("### {} failed\n\n", count(all, "file"));
    for (why, files) in failed {
        match &files[..] {
            [file] => out.push_str(&format!("{}: {}\n\n", code(file), text(why))),
            files => {
                let list: String = files.iter().map(|file| format!("- {}\n", code(file))).collect();
                let number = count(files.len(), "file");
                out.push_str(&format!("{number}: {}\n\n<details><summary>{number}</summary>\n\n{list}\n</details>\n\n", text(why)));
            }
        }
    }
    out
}

/// The heading of what is to be done with each of these files, and the files, where there are several. `alike`: less what differs by file.
pub fn markdown_heading(extent: Extent, files: &[&str], alike: bool) -> String {
    let parts = [(extent.changes, "change"), (extent.conflicts, "conflict")];
    let parts: Vec<String> = parts.into_iter().filter(|(n, _)| *n > 0).map(|(n, what)| count(n, what)).collect();
    let (what, new) = (parts.join(" and "), if extent.new { "new " } else { "" });
    if let [file] = files {
        let is = if extent.new { "new" } else { "existing" };
        let what = if parts.is_empty() { "no change" } else { &what };
        return format!("### {} ({is}): {what}\n\n", code(file));
    }
    let number = count(files.len(), &format!("{new}file"));
    let heading = if parts.is_empty() {
        format!("No change in {number}")
    } else {
        format!("The same {what} in {number}{}", if alike { ", with values that differ by file" } else { "" })
    };
    let list: String = files.iter().map(|file| format!("- {}\n", code(file))).collect();
    format!("### {heading}\n\n<details><summary>{number}</summary>\n\n{list}\n</details>\n\n")
}

/// A line that stands out; nothing in it is markup.
pub fn markdown_strong(what: &str) -> String {
    format!("**{}**", text(what).trim())
}

/// As Markdown's code. GitHub finds no mentions, numbers of issues or addresses there.
fn code(what: &str) -> String {
    let what = escape_controls(&what.replace('\n', "\\n"));
    let plain = |c: char| !matches!(c, '`' | '|' | '\\' | '<' | '>' | '&');
    if !what.is_empty() && what.chars().all(plain) && what.trim() == what {
        return format!("`{what}`");
    }
    // A code span knows no escapes, and a table splits at bars even there.
    let special = |c: char| !(c.is_alphanumeric() || matches!(c, ' ' | '/' | '"' | '=' | ',' | ';' | '(' | ')'));
    let mut out = String::from("<code>");
    what.chars().for_each(|c| if special(c) && c.is_ascii() { out.push_str(&format!("&#{};", c as u32)) } else { out.push(c) });
    out + "</code>"
}

/// A sentence; as code where anything in it could be markup.
fn text(what: &str) -> String {
    let quiet = |c: char| c.is_alphanumeric() || matches!(c, ' ' | ',' | '.' | ';' | ':' | '/' | '-' | '(' | ')' | '?' | '\'' | '"' | '%');
    match what.chars().all(quiet) && !what.contains("//") && !what.contains("www.") {
        true => what.to_owned(),
        false => code(what),
    }
}

/// For [`Extent::from_str`].
impl fmt::Display for Extent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} {}", u8::from(self.new), self.changes, self.conflicts)
    }
}

impl FromStr for Extent {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let numbers: Vec<usize> = text.split(' ').map(|n| n.parse().map_err(drop)).collect::<Result<_, _>>()?;
        let [new, changes, conflicts] = numbers[..] else { return Err(()) };
        Ok(Self { new: new == 1, changes, conflicts })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_markup() {
        assert_eq!(code("/a b"), "`/a b`");
        assert_eq!(code("a|b"), "<code>a&#124;b</code>");
        assert_eq!(code("``x"), "<code>&#96;&#96;x</code>");
        assert_eq!(
            code("<img src=x>\n# h @me *b*\u{202e}"),
            "<code>&#60;img src=x&#62;&#92;n&#35; h &#64;me &#42;b&#42;&#92;xE2&#92;x80&#92;xAE</code>"
        );
        assert_eq!((code(" "), code("")), ("<code> </code>".into(), "<code></code>".into()));
        assert_eq!(text("/x is a group: declare it (so)"), "/x is a group: declare it (so)");
        assert_eq!((text("a @b"), text("see http://x")), ("`a @b`".into(), "`see http://x`".into()));
    }

    #[test]
    fn headings() {
        let extent = Extent { new: false, changes: 4, conflicts: 1 };
        assert_eq!(extent.to_string().parse(), Ok(extent));
        assert_eq!("1 2".parse::<Extent>(), Err(()));
        assert_eq!(
            markdown_heading(extent, &["a|.h5"], false),
            "### <code>a&#124;.h5</code> (existing): 4 changes and 1 conflict\n\n".replace("a&#124;.h5", "a&#124;&#46;h5")
        );
        let new = Extent { new: true, changes: 1, conflicts: 0 };
        let expected = "### The same 1 change in 2 new files\n\n<details><summary>2 new files</summary>\n\n- `a`\n- `b`\n\n</details>\n\n";
        assert_eq!(markdown_heading(new, &["a", "b"], false), expected);
        assert_eq!(markdown_heading(Extent { new: false, changes: 0, conflicts: 0 }, &["a"], false), "### `a` (existing): no change\n\n");
    }
}
