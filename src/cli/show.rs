//! `h5mason show`: what is in a file.

use std::io::{self, Write};
use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};
use serde_json::{Value, json};

use super::args::Format;
use super::output::TROUBLE;
use crate::apply::{Failure, open_target};
use crate::diag::{did_you_mean, nearest};
use crate::h5::{File, H5Error, Kind, Locking, Object};
use crate::model::{
    AttrSeen, Dtype, Glob, H5Path, Layout, Listed, ListedKind, Region, SeenDataset, Selection, Shape, bytes_text, text_bytes,
};
use crate::observe::{AttrPick, AttrWish, ReadError, Reduced, Reduction, ResolveError, attrs, read_values, reduce, resolve, walk};
use crate::report::listing::{Scope, attr_table, attrs_json, in_scope, list_json, table};
use crate::report::values::{
    Frame, elements_json, integer_json, integer_values, nested_json, number_values, numbers_json, shape_json, shape_text,
};
use crate::txn::notify::{Work, Working};

/// Version of the JSON answers.
const FORMAT_VERSION: u32 = 1;

/// Lists a file, or prints a dataset, a part of it, a reduction of it, or attributes.
///
/// Without PATH, or with the path of a group, every dataset in it is listed with shape, dtype and storage. In a
/// shape, `10*` is unlimited and `10..100` may grow to 100. With the path of a dataset, its elements are printed as
/// NumPy prints an array. Only what is shown is read; the file is never written.
///
/// Exit code: 0, or 2 if something could not be read.
#[derive(Clone, Debug, Args)]
pub struct ShowArgs {
    #[command(flatten)]
    pub one: super::args::OneJob,

    /// The HDF5 file. Example: h5mason show wind.nc
    pub file: PathBuf,

    /// A group to list or a dataset to print. Example: h5mason show wind.nc /V
    ///
    /// A byte that is not text is written \xNN. Soft links inside the file are followed.
    pub path: Option<String>,

    /// Print only these elements, as in NumPy. Example: --select "::500, 10:12, :3"
    ///
    /// One item for an axis: an index (`3`, `-1` is the last), a range (`start:stop:step`, each part may be left
    /// out), or `...` for as many whole axes as fit. Without PATH, of the only dataset in the file.
    #[arg(long, value_name = "SELECTION", allow_hyphen_values = true, conflicts_with = "attr")]
    pub select: Option<String>,

    /// Show this attribute; may be repeated. Example: --attr units --attr long_name
    ///
    /// In a listing it becomes a column, and groups that have it are listed, too; with the path of a dataset its
    /// value is printed in full with dtype and shape. `*` and `?` match any text and any character; bookkeeping
    /// attributes of netCDF-4 and PyTables (CLASS, DIMENSION_LIST, ...) match only with --all.
    #[arg(long, value_name = "NAME")]
    pub attr: Vec<String>,

    /// Print a reduction of the elements instead of them. Example: --reduce mean --axis 0
    ///
    /// Sums of integers are exact; means, deviations and sums of floats are calculated in float64. NaN propagates as
    /// in NumPy, and fill values are values like any others.
    #[arg(long, value_name = "HOW", conflicts_with = "attr")]
    pub reduce: Option<Reduce>,

    /// Reduce along this axis only, counted in the shape of the selection. Example: --reduce max --axis -1
    #[arg(long, value_name = "N", requires = "reduce", allow_negative_numbers = true)]
    pub axis: Option<i64>,

    /// Show everything. Example: h5mason show wind.nc --all
    ///
    /// In a listing groups, links and types, too, and beneath each object its attributes (with --attr: only those,
    /// as columns); in an array every element instead of its corners.
    #[arg(long)]
    pub all: bool,

    /// How to answer. Example: --format json
    ///
    /// JSON is one document on one line, with every element that was selected.
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    pub format: Format,

    /// Do not lock the file, for file systems without locks. Example: h5mason show wind.nc --no-lock
    #[arg(long)]
    pub no_lock: bool,
}

/// What `--reduce` can calculate.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Reduce {
    /// Arithmetic mean.
    Mean,
    /// Smallest element.
    Min,
    /// Largest element.
    Max,
    /// Sum.
    Sum,
    /// Standard deviation of the population (ddof = 0).
    Std,
}

impl From<Reduce> for Reduction {
    fn from(reduce: Reduce) -> Self {
        match reduce {
            Reduce::Mean => Reduction::Mean,
            Reduce::Min => Reduction::Min,
            Reduce::Max => Reduction::Max,
            Reduce::Sum => Reduction::Sum,
            Reduce::Std => Reduction::Std,
        }
    }
}

/// Why nothing can be shown: one line, and what to do about it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}{}", help.as_ref().map(|help| format!("\n  help: {help}")).unwrap_or_default())]
pub struct ShowError {
    /// What is wrong, with which object of which file.
    pub message: String,
    /// The remedy.
    pub help: Option<String>,
}

impl ShowError {
    fn new(message: impl Into<String>) -> Self {
        Self { message: message.into(), help: None }
    }

    fn help(self, help: impl Into<String>) -> Self {
        Self { help: Some(help.into()), ..self }
    }

    fn in_file(file: &File, cause: impl std::fmt::Display) -> Self {
        Self::new(format!("{}: {cause}", file.name()))
    }
}

impl From<Failure> for ShowError {
    fn from(failure: Failure) -> Self {
        Self::new(failure.to_string())
    }
}

/// Prints what was asked for. The value is the exit code: 2 if a part of it could not be read.
pub fn run(args: &ShowArgs, out: &mut dyn Write) -> Result<u8, ShowError> {
    let working = Working::begin(0, 1, Work::Read, &args.file, TROUBLE);
    let answer = answer(args)?;
    working.end(answer.code);
    match out.write_all(answer.text.as_bytes()).and_then(|()| out.flush()) {
        Ok(()) => Ok(answer.code),
        // The reader has seen enough.
        Err(e) if e.kind() == io::ErrorKind::BrokenPipe => Ok(0),
        Err(e) => Err(ShowError::new(format!("cannot write the answer: {e}"))),
    }
}

struct Answer {
    text: String,
    code: u8,
}

impl Answer {
    /// `complete`: could everything be read?
    fn new(text: String, complete: bool) -> Self {
        let text = if text.ends_with('\n') { text } else { text + "\n" };
        Self { text, code: if complete { 0 } else { 2 } }
    }

    fn json(file: &File, at: &H5Path, more: Value, complete: bool) -> Self {
        let mut document = json!({ "format_version": FORMAT_VERSION, "file": file.name(), "path": at.to_string() });
        if let (Value::Object(document), Value::Object(more)) = (&mut document, more) {
            document.extend(more);
        }
        Self::new(crate::report::escape_json(&document.to_string()), complete)
    }
}

fn answer(args: &ShowArgs) -> Result<Answer, ShowError> {
    let wish = wish(args)?;
    let file = open_target(&args.file, if args.no_lock { Locking::Off } else { Locking::On })?;
    let wants_elements = args.select.is_some() || args.reduce.is_some();
    let asked = match &args.path {
        Some(text) => H5Path::parse(text).map_err(|e| ShowError::new(format!("`{text}` is not a path: {e}")))?,
        None if wants_elements => only_dataset(&file)?,
        None => H5Path::root(),
    };
    let (object, at) = resolve(&file, &asked).map_err(|e| unresolved(&file, &args.file, &e))?;
    let kind = object.info().map_err(|e| ShowError::in_file(&file, e))?.kind;
    let not_dataset = |word: &str| {
        ShowError::in_file(&file, format!("{at} is a {word}: --select and --reduce need a dataset"))
            .help(format!("`h5mason show {} {at}` lists the datasets in a group", args.file.display()))
    };
    match kind {
        Kind::Group if wants_elements => Err(not_dataset("group")),
        Kind::Type if wants_elements => Err(not_dataset("committed type")),
        Kind::Unknown => Err(ShowError::in_file(&file, format!("{at} is an object of an unknown kind"))),
        Kind::Group => list(args, &file, object, at, &wish),
        Kind::Dataset | Kind::Type if !args.attr.is_empty() => attributes(args, &file, &object, &at, &wish),
        Kind::Type => list(args, &file, object, at, &wish),
        Kind::Dataset => elements(args, &file, object, &at),
    }
}

/// Which attributes to read. With `--all` alone, every one.
fn wish(args: &ShowArgs) -> Result<AttrWish, ShowError> {
    let pick = |text: &String| match text.contains(['*', '?']) {
        true => Glob::new(text).map(AttrPick::Glob).map_err(|why| ShowError::new(format!("--attr {text}: not a pattern: {why}"))),
        false => Ok(AttrPick::Name(text_bytes(text))),
    };
    let every = "*".to_owned();
    let asked = if args.all && args.attr.is_empty() { std::slice::from_ref(&every) } else { &args.attr };
    Ok(AttrWish { picks: asked.iter().map(pick).collect::<Result<_, _>>()?, bookkeeping: args.all })
}

fn size(file: &File) -> Result<u64, ShowError> {
    Ok(file.info().map_err(|e| ShowError::in_file(file, e))?.size)
}

fn everything(file: &File) -> Result<Vec<Listed>, ShowError> {
    let root = file.root().map_err(|e| ShowError::in_file(file, e))?;
    Ok(walk(root, H5Path::root(), &AttrWish::default(), size(file)?))
}

/// The only dataset of a file, for commands that need one and were given none.
fn only_dataset(file: &File) -> Result<H5Path, ShowError> {
    let mut datasets = everything(file)?;
    datasets.retain(|l| matches!(l.what, ListedKind::Dataset { .. }));
    match datasets.as_slice() {
        [one] => Ok(one.path.clone()),
        [] => Err(ShowError::in_file(file, "there is no dataset to select from")),
        [first, ..] => {
            Err(ShowError::in_file(file, format!("which of the {} datasets? --select and --reduce need a PATH", datasets.len()))
                .help(format!("name one after the file, for example `{}`", first.path)))
        }
    }
}

fn unresolved(file: &File, name: &Path, error: &ResolveError) -> ShowError {
    let failed = ShowError::in_file(file, error);
    match error {
        ResolveError::Missing { missing, .. } => {
            let list = || format!("`h5mason show {} --all` lists everything there is", name.display());
            failed.help(nearest_path(file, missing).map_or_else(list, |path| format!("did you mean `{path}`?")))
        }
        ResolveError::H5(_)
        | ResolveError::NotGroup { .. }
        | ResolveError::External { .. }
        | ResolveError::UserDefined { .. }
        | ResolveError::Target { .. }
        | ResolveError::TooManyHops { .. } => failed,
    }
}

/// The existing path that is most like a missing one: in its own group, else anywhere by its last name.
fn nearest_path(file: &File, missing: &H5Path) -> Option<H5Path> {
    let parent = missing.parent()?;
    let name = bytes_text(missing.name());
    let names = resolve(file, &parent).ok().and_then(|(group, _)| group.link_names().ok()).unwrap_or_default();
    let near = names.iter().map(|n| bytes_text(n)).collect::<Vec<_>>();
    if let Some(found) = nearest(&name, near.iter().map(String::as_str)) {
        return Some(parent.child(&text_bytes(found)));
    }
    let elsewhere: Vec<(String, H5Path)> = everything(file).ok()?.into_iter().map(|l| (bytes_text(l.path.name()), l.path)).collect();
    let found = nearest(&name, elsewhere.iter().filter(|(n, _)| !n.is_empty()).map(|(n, _)| n.as_str()))?;
    elsewhere.iter().find(|(n, _)| n == found).map(|(_, path)| path.clone())
}

fn list(args: &ShowArgs, file: &File, object: Object, at: H5Path, wish: &AttrWish) -> Result<Answer, ShowError> {
    let scope = match (args.all, args.attr.is_empty()) {
        // A type that was asked for by its path is not left out.
        (false, _) if matches!(object.info().map(|i| i.kind), Ok(Kind::Type)) => Scope::Everything,
        (false, _) => Scope::Datasets,
        (true, false) => Scope::Everything,
        (true, true) => Scope::WithAttributes,
    };
    let listed = in_scope(walk(object, at.clone(), wish, size(file)?), scope);
    let complete = !listed.iter().any(Listed::is_unreadable);
    if args.format == Format::Json {
        return Ok(Answer::json(file, &at, json!({ "objects": list_json(&listed) }), complete));
    }
    let mut columns: Vec<Vec<u8>> = Vec::new();
    if scope != Scope::WithAttributes {
        let named = wish.picks.iter().filter_map(|p| if let AttrPick::Name(name) = p { Some(name) } else { None });
        let found = listed.iter().flat_map(|l| l.attrs.iter().map(|(name, _)| name));
        for name in named.chain(found) {
            if !columns.contains(name) {
                columns.push(name.clone());
            }
        }
    }
    if listed.is_empty() {
        let text = format!("no datasets in {}{at}\n", if at.is_root() { "" } else { "group " });
        return Ok(Answer::new(text, complete));
    }
    Ok(Answer::new(table(&listed, scope, &columns), complete))
}

fn attributes(args: &ShowArgs, file: &File, object: &Object, at: &H5Path, wish: &AttrWish) -> Result<Answer, ShowError> {
    let found = attrs(object, wish, size(file)?);
    let missing = |text: &String, pick: &AttrPick| match pick {
        AttrPick::Name(name) => (!found.iter().any(|(n, _)| n == name)).then(|| text.clone()),
        AttrPick::Glob(_) => found.is_empty().then(|| text.clone()),
    };
    if let Some(name) = args.attr.iter().zip(&wish.picks).find_map(|(text, pick)| missing(text, pick)) {
        let names: Vec<String> = object.attr_names(false).unwrap_or_default().iter().map(|n| bytes_text(n)).collect();
        let help = did_you_mean(&name, names.iter().map(String::as_str)).unwrap_or_else(|| match names.is_empty() {
            true => "it has no attributes at all".into(),
            false => format!("it has {}", names.iter().take(12).map(|n| format!("`{n}`")).collect::<Vec<_>>().join(", ")),
        });
        return Err(ShowError::in_file(file, format!("{at} has no attribute `{name}`")).help(help));
    }
    let complete = found.iter().all(|(_, value)| matches!(value, Ok(AttrSeen::Value(_))));
    if args.format == Format::Json {
        return Ok(Answer::json(file, at, json!({ "attributes": attrs_json(&found) }), complete));
    }
    Ok(Answer::new(attr_table(&found, args.all), complete))
}

/// The elements of a dataset, or a reduction of them.
fn elements(args: &ShowArgs, file: &File, object: Object, at: &H5Path) -> Result<Answer, ShowError> {
    let failed = |e: H5Error| ShowError::in_file(file, e);
    let dataset = object.dataset().map_err(failed)?;
    match dataset.layout {
        Layout::Compact | Layout::Contiguous | Layout::Chunked { .. } => {}
        Layout::External(_) => return Err(elsewhere(file, at, "it has external storage")),
        Layout::Virtual(_) => return Err(elsewhere(file, at, "it is a virtual dataset")),
        Layout::Unknown(class) => return Err(ShowError::in_file(file, format!("{at} has a storage layout of unknown class {class}"))),
    }
    if let Some(filter) = &dataset.lacking {
        let cause = format!("the elements of {at} went through the filter {filter}, which this program does not have");
        return Err(ShowError::in_file(file, cause));
    }
    if args.select.is_none() && args.reduce.is_none() && dataset.shape.elements() == Some(0) {
        return Ok(nothing(args, file, at, &dataset));
    }
    let region = region(args, file, at, &dataset.shape)?;
    if region.lens().iter().try_fold(1u64, |n, &d| n.checked_mul(d)).is_none() {
        return Err(ShowError::in_file(file, format!("{at} of shape {} has too many elements to count", shape_text(&dataset.shape))));
    }
    let access = object.access().map_err(failed)?;
    let refused = |e: ReadError| match e {
        ReadError::H5(e) => failed(e),
        ReadError::Refused(why) => {
            let failed = ShowError::in_file(file, format!("{at}: {why}"));
            if args.reduce.is_none() { failed.help("--select takes a part of it: `--select \"::10, 0\"`") } else { failed }
        }
    };
    let whole = args.all || args.format == Format::Json;
    let dims = region.shape().dims().to_vec();
    let Some(reduction) = args.reduce.map(Reduction::from) else {
        let frame = Frame::new(&dims, &dataset.dtype, whole);
        let values = read_values(&access, &region, frame.to_read(&region.lens()).as_deref()).map_err(refused)?;
        if args.format == Format::Text {
            return Ok(Answer::new(frame.text(&values, &dataset.dtype), true));
        }
        let values = values.numbers(&dataset.dtype).map_or_else(|| elements_json(&values, &dataset.dtype), |n| numbers_json(&n));
        let more = json!({ "dtype": dataset.dtype.numpy_name(), "shape": dims, "selection": region.to_string(), "values": nested_json(values, &dims) });
        return Ok(Answer::json(file, at, more, true));
    };
    let axis = args.axis.map(|axis| axis_of(axis, &region)).transpose().map_err(|why| ShowError::in_file(file, format!("{at}: {why}")))?;
    let (mut left, mut lens) = (Vec::new(), Vec::new());
    if let Some((own, shown)) = axis {
        (left, lens) = (dims, region.lens());
        left.remove(shown);
        lens.remove(own);
    }
    let frame = Frame::new(&left, &Dtype::float(8), whole);
    let shown = frame.to_read(&lens);
    let result = reduce(&access, &region, dataset.layout.chunk(), reduction, axis.map(|a| a.0), shown.as_deref()).map_err(refused)?;
    if args.format == Format::Text {
        let values = match result {
            Reduced::Integers(v) => integer_values(&v),
            Reduced::Numbers(v) => number_values(v),
        };
        return Ok(Answer::new(frame.array_text(&values), true));
    }
    let (values, exact) = match result {
        Reduced::Integers(v) => (v.into_iter().map(integer_json).collect(), true),
        Reduced::Numbers(v) => (numbers_json(&v), false),
    };
    let more = json!({
        "dtype": result_dtype(reduction, exact, &dataset.dtype),
        "shape": left,
        "selection": region.to_string(),
        "reduce": args.reduce.and_then(|r| r.to_possible_value()).map(|v| v.get_name().to_owned()),
        "axis": axis.map(|a| a.1),
        "values": nested_json(values, &left),
    });
    Ok(Answer::json(file, at, more, true))
}

fn elsewhere(file: &File, at: &H5Path, what: &str) -> ShowError {
    ShowError::in_file(file, format!("the elements of {at} are in other files ({what}), which are not read"))
}

/// A dataset without elements.
fn nothing(args: &ShowArgs, file: &File, at: &H5Path, dataset: &SeenDataset) -> Answer {
    let dtype = dataset.dtype.numpy_name();
    match (args.format, &dataset.shape) {
        (Format::Text, Shape::Null) => Answer::new(format!("null (no elements; {dtype})"), true),
        (Format::Text, _) => Answer::new("[]".into(), true),
        (Format::Json, shape) => {
            let values = if *shape == Shape::Null { Value::Null } else { json!([]) };
            Answer::json(file, at, json!({ "dtype": dtype, "shape": shape_json(shape), "selection": "...", "values": values }), true)
        }
    }
}

fn region(args: &ShowArgs, file: &File, at: &H5Path, shape: &Shape) -> Result<Region, ShowError> {
    let selection = args.select.as_deref().map_or_else(|| Ok(Selection::all()), Selection::parse);
    selection.and_then(|s| s.resolve(shape)).map_err(|e| match &args.select {
        Some(text) => ShowError::in_file(file, format!("--select \"{text}\" does not fit {at} of shape {}: {e}", shape_text(shape))),
        None => ShowError::in_file(file, format!("{at} of shape {}: {e}", shape_text(shape))),
    })
}

/// The axis among the region's own, and among those that its shape has.
fn axis_of(axis: i64, region: &Region) -> Result<(usize, usize), String> {
    let kept: Vec<usize> = region.axes().unwrap_or_default().iter().enumerate().filter(|(_, a)| !a.dropped).map(|(i, _)| i).collect();
    let from_end = if axis < 0 { axis + kept.len() as i64 } else { axis };
    let place = usize::try_from(from_end).ok().filter(|a| *a < kept.len());
    place.map(|shown| (kept[shown], shown)).ok_or_else(|| match kept.len() {
        0 => format!("--axis {axis}: what is selected is a scalar and has no axes; leave --axis out"),
        n => format!("--axis {axis}: what is selected has {n} axes (shape {}), numbered from 0", shape_text(&region.shape())),
    })
}

/// NumPy's name of a result's dtype.
fn result_dtype(reduction: Reduction, exact: bool, dtype: &Dtype) -> String {
    match reduction {
        Reduction::Min | Reduction::Max => dtype.numpy_name(),
        Reduction::Sum if exact => "integer".into(),
        Reduction::Std => "float64".into(),
        Reduction::Sum | Reduction::Mean => match dtype.resolved() {
            Dtype::Complex(_) | Dtype::Compound { .. } => "complex128".into(),
            _ => "float64".into(),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser;

    use crate::h5::{Made, NewDataset, NewFile, NewGroup};
    use crate::model::{AttrValue, Elements, TrackOrder};

    #[derive(Parser)]
    struct Command {
        #[command(flatten)]
        show: ShowArgs,
    }

    fn sample() -> (tempfile::TempDir, PathBuf) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("t.h5");
        let new = NewFile::plain(TrackOrder::No);
        let file = File::create(&path, new, false).unwrap();
        let root = file.root().unwrap();
        let group = root.create_group(b"deep", NewGroup::plain()).unwrap();
        add(&root, b"V", &[20, 6, 10], (0..1200).collect());
        add(&group, b"temperature", &[3], vec![1, 2, 4]);
        let units = AttrValue { max: None, dtype: Dtype::str(), shape: Shape::Scalar, data: Elements::Strings(vec![Some(b"K".to_vec())]) };
        group.open(b"temperature").unwrap().attrs().create(b"units", &units, None, None, &mut Made::default()).unwrap();
        drop((root, group));
        file.close().unwrap();
        (folder, path)
    }

    fn add(group: &Object, name: &[u8], dims: &[u64], values: Vec<i32>) {
        let shape = Shape::from_dims(dims);
        let dtype = Dtype::int(4, true);
        let max = dims.iter().map(|&d| Some(d)).collect();
        let layout = Layout::Contiguous;
        let new = NewDataset::plain(&dtype, &shape, &max, &layout);
        let access = group.create_dataset(name, &new).unwrap().access().unwrap();
        let bytes = values.into_iter().flat_map(i32::to_le_bytes).collect();
        access.write(&Region::whole(&shape).unwrap(), &Elements::Fixed(bytes)).unwrap();
    }

    /// What is printed, or the error; the file's name is left out.
    fn show(path: &Path, more: &[&str]) -> Result<String, String> {
        let args = [&["show", path.to_str().unwrap()], more].concat();
        let args = Command::try_parse_from(args).map_err(|e| e.to_string())?.show;
        let mut out = Vec::new();
        match run(&args, &mut out) {
            Ok(0) => Ok(String::from_utf8(out).unwrap()),
            Ok(code) => panic!("exit code {code}"),
            Err(e) => Err(e.to_string().replace(path.to_str().unwrap(), "FILE")),
        }
    }

    #[test]
    fn answers() {
        let (_folder, path) = sample();
        let check = |args: &[&str], expect: &str| assert_eq!(show(&path, args).as_deref(), Ok(expect), "{args:?}");
        check(
            &[],
            "path               shape        dtype  storage\n/V                 (20, 6, 10)  int32  contiguous\n/deep/temperature  (3,)         int32  contiguous\n",
        );
        check(
            &["/deep", "--attr", "units"],
            "path               shape  dtype  storage     @units\n/deep/temperature  (3,)   int32  contiguous  \"K\"\n",
        );
        check(&["deep/temperature"], "[1 2 4]\n");
        check(&["/deep/temperature", "--attr", "u*"], "attribute  dtype  shape  value\n@units     str    ()     \"K\"\n");
        check(&["/V", "--select", "-1, ::5, :3"], "[[1140 1141 1142]\n [1190 1191 1192]]\n");
        check(&["/V", "--select", "0, 0, :", "--reduce", "mean"], "4.5\n");
        check(&["/V", "--select", ":2, 0", "--reduce", "sum", "--axis", "-1"], "[ 45 645]\n");
        check(
            &["/V", "--select", "3, 2, 1", "--format", "json"],
            &format!(
                "{{\"format_version\":1,\"file\":{:?},\"path\":\"/V\",\"dtype\":\"int32\",\"shape\":[],\"selection\":\"3, 2, 1\",\"values\":201}}\n",
                path.display().to_string()
            ),
        );
        assert!(show(&path, &["/V"]).unwrap().contains("[   0    1    2 ...    7    8    9]"));
        assert!(!show(&path, &["/V", "--all"]).unwrap().contains("..."));
        assert!(show(&path, &["--all"]).unwrap().contains("/deep              group\n"));
    }

    #[test]
    fn errors_name_the_remedy() {
        let (_folder, path) = sample();
        let check = |args: &[&str], words: &[&str]| {
            let error = show(&path, args).unwrap_err();
            words.iter().for_each(|word| assert!(error.contains(word), "{args:?}: {error}"));
        };
        check(&["/deep/temprature"], &["FILE: there is no /deep/temprature", "did you mean `/deep/temperature`?"]);
        check(&["/temperature"], &["did you mean `/deep/temperature`?"]);
        check(&["/V/x"], &["/V is not a group"]);
        check(&["/V", "--select", "20"], &["--select \"20\" does not fit /V of shape (20, 6, 10)", "out of bounds"]);
        check(&["/V", "--reduce", "sum", "--axis", "3"], &["has 3 axes (shape (20, 6, 10))"]);
        check(&["/V", "--select", "0,0,0", "--reduce", "sum", "--axis", "0"], &["scalar"]);
        check(&["--select", "0"], &["which of the 2 datasets?"]);
        check(&["/deep", "--select", "0"], &["/deep is a group"]);
        check(&["/deep/temperature", "--attr", "unit"], &["no attribute `unit`", "did you mean `units`?"]);
        check(&["/V", "--axis", "1"], &["--reduce"]);
        check(&["/V", "--attr", "a", "--select", "0"], &["cannot be used with"]);
    }

    #[test]
    fn a_closed_pipe_is_no_error() {
        struct Closed;
        impl Write for Closed {
            fn write(&mut self, _: &[u8]) -> io::Result<usize> {
                Err(io::ErrorKind::BrokenPipe.into())
            }
            fn flush(&mut self) -> io::Result<()> {
                Ok(())
            }
        }
        let (_folder, path) = sample();
        let args = Command::try_parse_from(["show", path.to_str().unwrap()]).unwrap().show;
        assert_eq!(run(&args, &mut Closed), Ok(0));
    }
}
