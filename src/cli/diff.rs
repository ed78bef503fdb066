//! `diff`.

use std::path::Path;

use super::args::{DiffArgs, Format};
use super::output::{DIFFERENT, DONE, Output, TROUBLE};
use super::progress::Meter;
use crate::apply::{Progress, open_target};
use crate::diag::{Finding, Sources};
use crate::diff::{Options, diff};
use crate::h5::Locking;
use crate::model::{Comparison, Glob, Mask, Tolerance};
use crate::report::{DiffContext, count, diff_json, diff_summary, diff_text, escape_controls, escape_json, findings_text};
use crate::txn::notify::{Work, Working};

/// `diff`: what differs between two files.
pub fn run(args: &DiffArgs, output: &Output) -> u8 {
    let (a, b) = (args.a.display().to_string(), args.b.display().to_string());
    let working = Working::begin(0, 1, Work::Read, Path::new(&format!("{a} and {b}")), TROUBLE);
    let compared = options(args).and_then(|options| compare(args, &options));
    let code = match compared {
        Ok(comparison) => {
            print(&comparison, &DiffContext { a: &a, b: &b }, args.format, output);
            match (comparison.untold.is_empty(), comparison.differences.is_empty()) {
                (false, _) => TROUBLE,
                (true, false) => DIFFERENT,
                (true, true) => DONE,
            }
        }
        Err(message) => {
            output.error(&message, &[]);
            TROUBLE
        }
    };
    working.end(code);
    code
}

/// Fails with a line.
fn options(args: &DiffArgs) -> Result<Options, String> {
    let refused = |text: &str, e: String| format!("`{text}` is not a glob: {e}");
    let globs = |texts: &[String]| texts.iter().map(|t| Glob::new(t).map_err(|e| refused(t, e))).collect::<Result<Vec<_>, _>>();
    let mut options = Options {
        targets: globs(&args.target)?,
        excludes: globs(&args.exclude)?,
        ignored_attrs: Vec::new(),
        ignore_file: false,
        tolerance: Tolerance { relative: args.rtol, absolute: args.atol },
        no_data: args.reading.no_data,
    };
    for text in &args.ignore {
        match Mask::parse(text).map_err(|e| refused(text, e))? {
            Mask::Objects(glob) => options.excludes.push(glob),
            Mask::Attrs(mask) => options.ignored_attrs.push(mask),
            Mask::File => options.ignore_file = true,
        }
    }
    Ok(options)
}

/// Fails with a line.
fn compare(args: &DiffArgs, options: &Options) -> Result<Comparison, String> {
    let locking = if args.reading.no_lock { Locking::Off } else { Locking::On };
    let open = |path| open_target(path, locking).map_err(|e| e.to_string());
    let (a, b) = (open(&args.a)?, open(&args.b)?);
    let mut meter = Meter::new();
    let mut watch = |path: &_, bytes, total| meter.tick(&Progress { what: "comparing", path, bytes, total });
    diff(&a, &b, options, &mut watch).map_err(|e| e.to_string())
}

fn print(comparison: &Comparison, cx: &DiffContext<'_>, format: Format, output: &Output) {
    if format == Format::Json {
        let text = serde_json::to_string_pretty(&diff_json(comparison, cx)).unwrap_or_default();
        output.print(&(escape_json(&text) + "\n"));
    } else if !comparison.differences.is_empty() {
        let title = escape_controls(&format!("{} -> {}", cx.a, cx.b));
        let text = diff_text(comparison, cx, output.out, output.verbose);
        output.print(&format!("{}\n{text}{}\n", output.out.bold(&title), diff_summary(comparison, cx)));
    } else if comparison.untold.is_empty() {
        let names = escape_controls(&format!("{} and {}", cx.a, cx.b));
        let apart = if comparison.contents { "" } else { " apart from contents, which were not compared" };
        output.print(&format!("{names} are equal{apart}; {} compared\n", count(comparison.considered, "object")));
    }
    if comparison.untold.is_empty() {
        return;
    }
    let one = |(path, why): &(_, String)| Finding::error("untold", format!("{path}: {why}"));
    let findings: Vec<Finding> = comparison.untold.iter().map(one).collect();
    output.tell(&findings_text(&findings, &Sources::new(), output.err));
    let things = if findings.len() == 1 { "1 thing".into() } else { format!("{} things", findings.len()) };
    output.tell(&format!("\n{things} cannot be compared; --exclude leaves objects out, --ignore attributes.\n"));
}
