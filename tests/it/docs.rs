//! The manual's blocks do what the manual says.
//!
//! The words after `toml` in a block's first line say what that is; a block without them is a failure.
//!
//! | info string | the block is |
//! |---|---|
//! | `toml build [OPTION…]` | a whole manifest: builds a file, and `check` finds nothing to do |
//! | `toml fragment [OPTION…]` | the same without its `version = 1` |
//! | `toml apply [OPTION…]` | applied to the file that the block before it left; then `check` finds nothing to do |
//! | `toml refused: WORDS` | refused by `build`, and the message has these words (`version` may be left out) |
//! | `toml conflict: WORDS` | a conflict with the file that the block before it left |
//! | `toml built NAME` | a whole manifest, kept as `NAME.toml` and built as `NAME.h5` for later blocks |
//! | `LANGUAGE file NAME` | kept under this name for later blocks |
//! | `text output ARGUMENTS` | what `h5mason ARGUMENTS` prints to stdout; JSON (`json output …`) apart from version and file size |

use std::io::{Cursor, Write};
use std::path::{Path, PathBuf};
use std::process::Output;

use crate::common::{h5mason, tempdir};

/// What a block is for.
pub enum Kind {
    Build(Vec<String>),
    Apply(Vec<String>),
    Refused(String),
    Conflict(String),
    File(String),
    Built(String),
    Output(Vec<String>),
}

/// A fenced block of a page.
pub struct Block {
    /// `docs/manifest.md:17`.
    pub place: String,
    pub language: String,
    pub kind: Kind,
    pub text: String,
}

/// The project's folder.
pub fn project() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The blocks of a page that a test can use, in order.
pub fn blocks(page: &str) -> Vec<Block> {
    let text = std::fs::read_to_string(project().join(page)).unwrap_or_else(|e| panic!("{page}: {e}"));
    let mut out = Vec::new();
    let mut lines = text.lines().enumerate();
    while let Some((number, line)) = lines.next() {
        let Some(info) = line.trim_start().strip_prefix("```") else { continue };
        let place = format!("{page}:{}", number + 1);
        let mut body = String::new();
        loop {
            let (_, line) = lines.next().unwrap_or_else(|| panic!("{place}: the block has no end"));
            if line.trim() == "```" {
                break;
            }
            body.push_str(line);
            body.push('\n');
        }
        let (language, words) = info.trim().split_once(' ').unwrap_or((info.trim(), ""));
        if let Some(kind) = kind(words, &mut body, &place).or_else(|| {
            assert!(language != "toml", "{place}: this block does not say what it is for: {words:?}");
            None
        }) {
            out.push(Block { place, language: language.into(), kind, text: body });
        }
    }
    out
}

fn kind(words: &str, body: &mut String, place: &str) -> Option<Kind> {
    let (word, rest) = words.split_once(' ').unwrap_or((words, ""));
    let options = || rest.split_whitespace().map(str::to_owned).collect();
    let has_version = body.lines().any(|l| l.starts_with("version"));
    if matches!(word, "fragment" | "refused:") && !has_version {
        body.insert_str(0, "version = 1\n");
    }
    Some(match word {
        "build" => Kind::Build(options()),
        "fragment" => {
            assert!(!has_version, "{place}: a fragment has no version");
            Kind::Build(options())
        }
        "apply" => Kind::Apply(options()),
        "refused:" => Kind::Refused(rest.into()),
        "conflict:" => Kind::Conflict(rest.into()),
        "file" => Kind::File(rest.into()),
        "built" => Kind::Built(rest.into()),
        "output" => Kind::Output(options()),
        _ => return None,
    })
}

fn run(dir: &Path, arguments: &[&str], options: &[String]) -> Output {
    h5mason().current_dir(dir).args(arguments).args(options).output().unwrap()
}

fn said(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

fn expect(output: &Output, code: i32, place: &str, what: &str) {
    assert_eq!(output.status.code(), Some(code), "{place}: {what}\n{}", said(output));
}

fn check_page(page: &str) {
    let dir = tempdir();
    let at = dir.path();
    write_inputs(at);
    for Block { place, kind, text, language } in &blocks(page) {
        let name = if let Kind::File(name) = kind { name.as_str() } else { "manifest.toml" };
        std::fs::write(at.join(name), text).unwrap();
        match kind {
            Kind::File(_) => {}
            Kind::Built(name) => {
                std::fs::rename(at.join("manifest.toml"), at.join(format!("{name}.toml"))).unwrap();
                let (manifest, file) = (format!("{name}.toml"), format!("{name}.h5"));
                expect(&run(at, &["build", &manifest, "-o", &file, "--force"], &[]), 0, place, "build");
            }
            Kind::Output(arguments) => {
                let output = run(at, &[], arguments);
                let stdout = String::from_utf8_lossy(&output.stdout);
                if language == "json" {
                    assert_eq!(comparable(&stdout), comparable(text), "{place}\n{}", said(&output));
                } else {
                    assert_eq!(stdout, text.as_str(), "{place}\n{}", said(&output));
                }
            }
            Kind::Build(options) => {
                expect(&run(at, &["build", name, "-o", "file.h5", "--force"], options), 0, place, "build");
                expect(&run(at, &["check", name, "file.h5"], options), 0, place, "check after build");
            }
            Kind::Apply(options) => {
                expect(&run(at, &["check", name, "file.h5"], options), 1, place, "there is something to change");
                expect(&run(at, &["apply", name, "file.h5"], options), 0, place, "apply");
                expect(&run(at, &["check", name, "file.h5"], options), 0, place, "check after apply");
            }
            Kind::Refused(words) => {
                let output = run(at, &["build", name, "-o", "refused.h5"], &[]);
                expect(&output, 2, place, "build is refused");
                assert!(said(&output).contains(words), "{place}: {words:?} is not in\n{}", said(&output));
                assert!(!at.join("refused.h5").exists(), "{place}: a file was written all the same");
            }
            Kind::Conflict(words) => {
                let output = run(at, &["plan", name, "file.h5"], &[]);
                expect(&output, 2, place, "plan has a conflict");
                assert!(said(&output).contains(words), "{place}: {words:?} is not in\n{}", said(&output));
            }
        }
    }
}

/// A JSON plan without what changes from version to version.
fn comparable(text: &str) -> serde_json::Value {
    let mut value: serde_json::Value = serde_json::from_str(text).unwrap_or_else(|e| panic!("{e}: {text}"));
    value["tool"]["version"] = "".into();
    value["target"]["size"] = 0.into();
    // It changes with what is looked at.
    value["target"]["state"] = "".into();
    value
}

/// Files that blocks read: `grid.npy` (float32, 3 x 4), `profiles.npz` (`monday`: int16, 3), `samples.bin`
/// (16 bytes, then 4 big-endian int16), `run.h5` (`/out/pressure`: float32, 20 x 6).
fn write_inputs(dir: &Path) {
    let grid: Vec<u8> = (0..12u8).flat_map(|i| f32::from(i).to_le_bytes()).collect();
    std::fs::write(dir.join("grid.npy"), npy("<f4", "(3, 4)", &grid)).unwrap();
    let mut archive = zip::ZipWriter::new(Cursor::new(Vec::new()));
    archive.start_file("monday.npy", zip::write::SimpleFileOptions::default()).unwrap();
    archive.write_all(&npy("<i2", "(3,)", &[1, 0, 2, 0, 3, 0])).unwrap();
    std::fs::write(dir.join("profiles.npz"), archive.finish().unwrap().into_inner()).unwrap();
    let samples: Vec<u8> = [0; 16].into_iter().chain([1i16, -2, 300, 4].iter().flat_map(|v| v.to_be_bytes())).collect();
    std::fs::write(dir.join("samples.bin"), samples).unwrap();
    let run = "version = 1\n[dataset.\"/out/pressure\"]\ndtype = \"f4\"\nshape = [20, 6]\nchunks = [5, 6]\n\
               filters = [\"shuffle\", { deflate = 4 }]\nfill.normal = {}\n";
    std::fs::write(dir.join("run.toml"), run).unwrap();
    assert!(h5mason().current_dir(dir).args(["build", "run.toml", "-o", "run.h5"]).output().unwrap().status.success());
}

/// NumPy's format, version 1.
fn npy(descr: &str, shape: &str, data: &[u8]) -> Vec<u8> {
    let header = format!("{{'descr': '{descr}', 'fortran_order': False, 'shape': {shape}, }}");
    let header = format!("{header:<117}\n");
    let mut out = b"\x93NUMPY\x01\x00".to_vec();
    out.extend((header.len() as u16).to_le_bytes());
    out.extend(header.as_bytes());
    out.extend(data);
    out
}

/// Pages whose blocks are tried.
pub const PAGES: [&str; 5] = ["docs/manifest.md", "docs/plan-format.md", "README.md", "docs/diff.md", "docs/migrating.md"];

#[test]
fn the_reference_works() {
    check_page(PAGES[0]);
}

#[test]
fn the_plan_format_is_what_is_printed() {
    check_page(PAGES[1]);
}

#[test]
fn the_readme_works() {
    check_page(PAGES[2]);
}

#[test]
fn the_page_on_diff_works() {
    check_page(PAGES[3]);
}

#[test]
fn the_recipes_work() {
    check_page(PAGES[4]);
}

#[test]
fn a_block_that_does_not_say_what_it_is_for_is_refused() {
    let unknown = kind("bulid", &mut String::new(), "here");
    assert!(unknown.is_none());
    assert!(kind("", &mut String::new(), "here").is_none());
}

/// All pages of the manual link to files that exist.
#[test]
fn links_lead_somewhere() {
    for page in PAGES.iter().chain(&[
        "docs/fill-rules.md",
        "docs/capture.md",
        "docs/many-files.md",
        "docs/safety.md",
        "docs/performance.md",
        "benches/README.md",
    ]) {
        let path = project().join(page);
        let text = std::fs::read_to_string(&path).unwrap_or_else(|e| panic!("{page}: {e}"));
        for target in text.split("](").skip(1).filter_map(|t| t.split(')').next()) {
            let (file, anchor) = target.split_once('#').unwrap_or((target, ""));
            if file.contains("://") {
                continue;
            }
            let linked: PathBuf = if file.is_empty() { path.clone() } else { path.with_file_name(file) };
            assert!(linked.exists(), "{page} links to {target}, which is not there");
            if !anchor.is_empty() {
                let there = std::fs::read_to_string(&linked).unwrap();
                let found = there.lines().filter(|l| l.starts_with('#')).any(|l| slug(l) == anchor);
                assert!(found, "{page} links to {target}, but there is no such heading");
            }
        }
    }
}

/// GitHub's anchor of a heading.
fn slug(heading: &str) -> String {
    let text = heading.trim_start_matches('#').trim().to_lowercase();
    text.chars().filter(|c| c.is_alphanumeric() || *c == ' ' || *c == '-' || *c == '_').map(|c| if c == ' ' { '-' } else { c }).collect()
}
