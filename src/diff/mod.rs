//! Two files side by side. Both are only read.
//!
//! First all metadata, in step through both files; then the contents of datasets that both have.

mod aspects;
mod file;
mod names;
mod walk;

use crate::h5::{DatasetAccess, File, H5Error};
use crate::model::{AttrMask, Comparison, FillValue, Glob, H5Path, Tolerance, Wanted};
use crate::observe::{PairWork, compare_pair, resolve};

/// How to go about it.
#[derive(Clone, Debug)]
pub struct Options {
    /// Objects to compare, with all that is below them; none means all.
    pub targets: Vec<Glob>,
    /// Objects to leave out, with all that is below them.
    pub excludes: Vec<Glob>,
    /// Attributes to leave out.
    pub ignored_attrs: Vec<AttrMask>,
    /// Leave out what is said of the file as a whole.
    pub ignore_file: bool,
    /// How far apart floats may be.
    pub tolerance: Tolerance,
    /// Do not read contents.
    pub no_data: bool,
}

impl Options {
    fn wanted(&self, path: &H5Path) -> Wanted {
        Wanted::of(path, &self.targets, &self.excludes)
    }
}

/// How far the comparison of contents is: dataset, bytes since the last call, bytes of all.
pub type Watch<'a> = &'a mut dyn FnMut(&H5Path, u64, u64);

/// Compares two open files. What cannot be compared is in the result; an error is a file that cannot be read at all.
pub fn diff(a: &File, b: &File, options: &Options, watch: Watch<'_>) -> Result<Comparison, H5Error> {
    let mut out = Comparison { contents: !options.no_data, ..Comparison::default() };
    if options.targets.is_empty() && !options.ignore_file {
        file::compare(a, b, &mut out)?;
    }
    let names = names::Names::new(a, b);
    let datasets = walk::walk(a, b, options, &names, &mut out)?;
    if !options.no_data {
        let total = datasets.iter().fold(0u64, |sum, d| sum.saturating_add(d.bytes));
        for dataset in &datasets {
            values(a, b, options, &names, &dataset.path, &mut |bytes| watch(&dataset.path, bytes, total), &mut out);
        }
    }
    out.differences.sort_by(|x, y| (&x.path, x.change.rank()).cmp(&(&y.path, y.change.rank())));
    out.untold.sort();
    Ok(out)
}

fn values(
    a: &File,
    b: &File,
    options: &Options,
    names: &names::Names<'_>,
    path: &H5Path,
    watch: &mut dyn FnMut(u64),
    out: &mut Comparison,
) {
    let open = |file: &File| resolve(file, path).map_err(|e| e.to_string())?.0.access().map_err(|e| e.cause);
    // Elements that were never written, and that nothing stands for, cannot be read.
    let nothing = |d: &DatasetAccess| d.has_no_space() && d.seen().is_ok_and(|seen| seen.fill_value == FillValue::Undefined);
    let compared = open(a).and_then(|a| Ok((a, open(b)?))).and_then(|(a, b)| {
        if nothing(&a) && nothing(&b) {
            return Ok(None);
        }
        let name = |before: &mut _, after: &mut _| names.elements(before, after);
        compare_pair(&PairWork { a: &a, b: &b, tolerance: options.tolerance, name: &name }, watch)
    });
    match compared {
        Ok(None) => {}
        Ok(Some((_, seen))) if seen.differing == 0 => {}
        Ok(Some((region, seen))) => out.differ(path, crate::model::Change::Values { region, seen }),
        Err(why) => out.untold.push((path.clone(), format!("its contents cannot be compared: {why}"))),
    }
}
