//! `fill`.

use std::os::unix::ffi::OsStrExt;
use std::path::{Component, Path, PathBuf};

use super::dims::Dims;
use super::select;
use super::table::{Keys, expected, variant};
use super::tree::{Node, Table, Val};
use crate::diag::{Finding, Findings, Sources, Span, did_you_mean};
use crate::model::{
    ALPHABET, Boundary, CompoundMember, DesiredFill, Dtype, Field, Fill, H5Path, Literal, Missing, Order, Rule, Shape, SourceFile,
    bytes_text, flatten, flatten_as, is_written_nested, text_bytes,
};

const RULES: Keys = Keys {
    what: "a fill",
    known: &[
        "value",
        "values",
        "arange",
        "linspace",
        "geomspace",
        "cycle",
        "integers",
        "uniform",
        "normal",
        "lognormal",
        "exponential",
        "gamma",
        "beta",
        "poisson",
        "binomial",
        "bernoulli",
        "choice",
        "text",
        "uuid",
        "permutation",
        "npy",
        "npz",
        "csv",
        "raw",
        "hdf5",
        "fields",
    ],
    later: &[],
};
const BESIDE: &[&str] = &["seed", "stream", "missing"];

/// What reading a fill needs to know.
pub(crate) struct Context<'a> {
    /// Texts, for the folders of input files.
    pub sources: &'a Sources,
    /// May input files be anywhere?
    pub allow_paths: bool,
    /// The manifest's seed.
    pub seed: u64,
    /// HDF5's fill value of the dataset, the default of `missing`.
    pub fill_value: Option<Literal>,
    /// The dataset's dtype, where it is declared: nested literals are told from pairs by it.
    pub dtype: Option<&'a Dtype>,
    /// The shape to fill, where it is declared: tells elements that are lists from axes.
    pub shape: Option<&'a Shape>,
    /// Dimensions, whose names stand for sizes in selections.
    pub dims: &'a Dims,
    /// The dataset.
    pub object: &'a H5Path,
}

/// Reads a rule with its siblings.
pub(crate) fn read(node: &Node, stream: &[u8], cx: &Context<'_>, findings: &mut Findings) -> Option<DesiredFill> {
    let table = match &node.val {
        Val::Table(table) => table,
        Val::Bool(_) | Val::Int(_) | Val::Float(_) | Val::Text(_) | Val::Datetime(_) | Val::List(_) => {
            let rule = Rule::Value(findings.keep(node.literal())?);
            let fill = Fill { rule, seed: cx.seed, stream: stream.to_vec(), missing: None };
            return Some(DesiredFill { fill, nesting: None, origin: node.span });
        }
    };
    let entry = findings.keep(variant(&RULES, BESIDE, table, node.span))?;
    let seed = match table.get("seed") {
        Some(e) => findings.keep(e.node.size("a seed"))?,
        None => cx.seed,
    };
    let mut nesting = None;
    let rule = match entry.key.as_str() {
        "value" => Rule::Value(findings.keep(entry.node.literal())?),
        "values" => {
            let literal = findings.keep(entry.node.literal())?;
            let split = cx.dtype.filter(|d| is_written_nested(d)).and_then(|_| flatten_as(&literal, cx.shape?));
            let (found, list) = if let (Some(list), Some(shape)) = (split, cx.shape) {
                (shape.clone(), list)
            } else {
                findings.keep(flatten(&literal, cx.dtype).map_err(|e| Finding::error("values", e.0).at(entry.node.span, "")))?
            };
            nesting = Some(found);
            Rule::Values(list)
        }
        "cycle" => Rule::Cycle(findings.keep(literals(&entry.node))?),
        "fields" => {
            Rule::Fields(fields(&entry.node, entry.key_span, &Context { seed, fill_value: cx.fill_value.clone(), ..*cx }, findings)?)
        }
        "hdf5" => Rule::Source(findings.keep(hdf5(&entry.node, cx))?),
        "npy" | "npz" | "csv" | "raw" => Rule::Source(findings.keep(source(&entry.key, &entry.node, cx))?),
        name => findings.keep(parametric(name, &entry.node))?,
    };
    let stream = match table.get("stream") {
        Some(e) => findings.keep(e.node.text("the name of a random stream"))?.as_bytes().to_vec(),
        None => stream.to_vec(),
    };
    let missing = match table.get("missing") {
        Some(e) => Some(findings.keep(missing(&e.node, cx))?),
        None => None,
    };
    // The rule's name and value, as far as they stand on one line.
    let origin = Span { end: entry.node.span.end.max(entry.key_span.end), ..entry.key_span };
    Some(DesiredFill { fill: Fill { rule, seed, stream, missing }, nesting, origin })
}

/// The rule of every member of a compound. Unknown and missing members are told here where the dtype is declared; the planner tells
/// them where it comes from a file.
fn fields(node: &Node, at: Span, cx: &Context<'_>, findings: &mut Findings) -> Option<Vec<Field>> {
    let table = findings.keep(node.table("a table with a rule for every member"))?;
    // Members of an array's elements are the rule's, too.
    let mut dtype = cx.dtype.map(Dtype::resolved);
    while let Some(Dtype::Array { base, .. }) = dtype {
        dtype = Some(base.resolved());
    }
    let members = match dtype {
        Some(Dtype::Compound { members, .. }) => Some(members.as_slice()),
        _ => None,
    };
    let mut out = Vec::new();
    let mut sound = true;
    for entry in &table.entries {
        let name = text_bytes(&entry.key);
        let member = members.and_then(|m| m.iter().find(|m| m.name == name));
        if let (Some(members), None) = (members, member) {
            let known: Vec<String> = members.iter().map(|m| bytes_text(&m.name)).collect();
            let help = did_you_mean(&entry.key, known.iter().map(String::as_str))
                .unwrap_or_else(|| format!("the members are {}", known.join(", ")));
            findings.push(
                Finding::error("unknown-member", format!("the dtype has no member `{}`", entry.key)).at(entry.key_span, "").help(help),
            );
            sound = false;
            continue;
        }
        match field(&entry.node, name, member, members, cx, findings) {
            Some(field) => out.push(field),
            None => sound = false,
        }
    }
    let absent = |m: &&CompoundMember| !table.entries.iter().any(|e| text_bytes(&e.key) == m.name);
    let absent: Vec<String> = members.unwrap_or_default().iter().filter(absent).map(|m| format!("`{}`", bytes_text(&m.name))).collect();
    if !absent.is_empty() {
        let what = if absent.len() == 1 { "the member" } else { "the members" };
        findings.push(
            Finding::error("missing-member", format!("`fields` has no rule for {what} {}", absent.join(", ")))
                .at(at, "")
                .help(format!("every member has one; to leave it at zero: {} = 0", absent[0].trim_matches('`'))),
        );
        sound = false;
    }
    sound.then_some(out)
}

/// One member's rule. Its `fill_value` is the member's part of the dataset's.
fn field(
    node: &Node,
    name: Vec<u8>,
    member: Option<&CompoundMember>,
    members: Option<&[CompoundMember]>,
    cx: &Context<'_>,
    findings: &mut Findings,
) -> Option<Field> {
    let fill_value = match &cx.fill_value {
        Some(Literal::Table(values)) => values.iter().find(|(n, _)| text_bytes(n) == name).map(|(_, v)| v.clone()),
        Some(Literal::List(values)) => members.and_then(|m| m.iter().position(|m| m.name == name)).and_then(|at| values.get(at).cloned()),
        _ => None,
    };
    let own_stream = matches!(&node.val, Val::Table(table) if table.get("stream").is_some());
    let read = read(node, b"", &Context { dtype: member.map(|m| &m.dtype), fill_value, ..*cx }, findings)?;
    Some(Field { name, rule: read.fill, own_stream, nesting: read.nesting, origin: Some(read.origin) })
}

/// A dataset of another file.
fn hdf5(node: &Node, cx: &Context<'_>) -> Result<SourceFile, Finding> {
    const KEYS: Keys = Keys { what: "the rule", known: &["file", "path", "select"], later: &[] };
    let table = checked(&KEYS, node)?;
    let file = input_path(table.need("file", "`hdf5`", node.span)?, cx.sources, cx.allow_paths)?;
    let at = table.need("path", "`hdf5`", node.span)?;
    let text = at.text("the path of a dataset")?;
    let path = H5Path::parse(text).map_err(|e| Finding::error("path", format!("`{text}` is not a path: {e}")).at(at.span, ""))?;
    let select = table.get("select").map(|e| select::of_source(&e.node, cx.dims, cx.object)).transpose()?;
    Ok(SourceFile::Hdf5 { file, path, select })
}

fn literals(node: &Node) -> Result<Vec<Literal>, Finding> {
    let items = node.list("a list of values")?;
    if items.is_empty() {
        return Err(Finding::error("fill", "the list is empty").at(node.span, ""));
    }
    items.iter().map(Node::literal).collect()
}

fn missing(node: &Node, cx: &Context<'_>) -> Result<Missing, Finding> {
    const KEYS: Keys = Keys { what: "`missing`", known: &["fraction", "value"], later: &[] };
    let table = checked(&KEYS, node)?;
    let fraction = table.need("fraction", "`missing`", node.span)?.float("a share from 0 to 1")?;
    let value = match (table.get("value"), &cx.fill_value) {
        (Some(e), _) => e.node.literal()?,
        (None, Some(v)) => v.clone(),
        (None, None) => {
            return Err(
                Finding::error("missing-key", "`missing` needs a `value`: the dataset declares no `fill_value` to take").at(node.span, "")
            );
        }
    };
    Ok(Missing { fraction, value })
}

fn checked<'a>(keys: &Keys, node: &'a Node) -> Result<&'a Table, Finding> {
    let table = match keys.known {
        [] => node.table("an empty table, `{}`")?,
        known => node.table(&format!("a table with the keys {}", known.join(", ")))?,
    };
    let mut unknown = Findings::new();
    keys.check(table, &mut unknown);
    match unknown.into_iter().next() {
        Some(finding) => Err(finding),
        None => Ok(table),
    }
}

/// Parameters of one rule's table.
struct Params<'a> {
    rule: &'a str,
    table: &'a Table,
    node: &'a Node,
}

impl Params<'_> {
    fn need(&self, key: &str) -> Result<&Node, Finding> {
        self.table.need(key, &format!("`{}`", self.rule), self.node.span)
    }

    fn float(&self, key: &str) -> Result<f64, Finding> {
        self.need(key)?.float("a number")
    }

    fn float_or(&self, key: &str, default: f64) -> Result<f64, Finding> {
        self.table.get(key).map_or(Ok(default), |e| e.node.float("a number"))
    }

    fn number_or(&self, key: &str, default: i128) -> Result<Literal, Finding> {
        let Some(entry) = self.table.get(key) else { return Ok(Literal::Int(default)) };
        match entry.node.literal()? {
            number @ (Literal::Int(_) | Literal::Float(_)) => Ok(number),
            Literal::Bool(_) | Literal::Text(_) | Literal::List(_) | Literal::Table(_) => Err(expected("a number", &entry.node)),
        }
    }

    fn axis(&self) -> Result<Option<usize>, Finding> {
        let Some(entry) = self.table.get("axis") else { return Ok(None) };
        Ok(Some(usize::try_from(entry.node.size("an axis")?).unwrap_or(usize::MAX)))
    }
}

/// The keys of each rule that takes a table.
fn keys_of(rule: &str) -> &'static [&'static str] {
    match rule {
        "arange" => &["start", "step", "axis"],
        "linspace" | "geomspace" => &["start", "stop", "endpoint", "axis"],
        "integers" | "uniform" => &["low", "high"],
        "normal" => &["mean", "std"],
        "lognormal" => &["mean", "sigma"],
        "exponential" => &["scale"],
        "gamma" => &["shape", "scale"],
        "beta" => &["a", "b"],
        "poisson" => &["lam"],
        "binomial" => &["n", "p"],
        "bernoulli" => &["p"],
        "choice" => &["from", "weights"],
        "text" => &["length", "alphabet"],
        _ => &[],
    }
}

fn parametric(rule: &str, node: &Node) -> Result<Rule, Finding> {
    let table = checked(&Keys { what: "the rule", known: keys_of(rule), later: &[] }, node)?;
    let p = Params { rule, table, node };
    Ok(match rule {
        "arange" => Rule::Arange { start: p.number_or("start", 0)?, step: p.number_or("step", 1)?, axis: p.axis()? },
        "linspace" | "geomspace" => {
            let endpoint = table.get("endpoint").map_or(Ok(true), |e| e.node.bool("`true` or `false`"))?;
            let ends = Boundary { start: p.float("start")?, stop: p.float("stop")?, endpoint, axis: p.axis()? };
            if rule == "linspace" { Rule::Linspace(ends) } else { Rule::Geomspace(ends) }
        }
        "integers" => Rule::Integers { low: p.need("low")?.int("a whole number")?, high: p.need("high")?.int("a whole number")? },
        "uniform" => Rule::Uniform { low: p.float_or("low", 0.0)?, high: p.float_or("high", 1.0)? },
        "normal" => Rule::Normal { mean: p.float_or("mean", 0.0)?, std: p.float_or("std", 1.0)? },
        "lognormal" => Rule::Lognormal { mean: p.float_or("mean", 0.0)?, sigma: p.float_or("sigma", 1.0)? },
        "exponential" => Rule::Exponential { scale: p.float_or("scale", 1.0)? },
        "gamma" => Rule::Gamma { shape: p.float("shape")?, scale: p.float_or("scale", 1.0)? },
        "beta" => Rule::Beta { a: p.float("a")?, b: p.float("b")? },
        "poisson" => Rule::Poisson { lam: p.float_or("lam", 1.0)? },
        "binomial" => Rule::Binomial { n: p.need("n")?.size("a number of trials")?, p: p.float("p")? },
        "bernoulli" => Rule::Bernoulli { p: p.float("p")? },
        "choice" => {
            let weights = match table.get("weights") {
                None => None,
                Some(e) => Some(e.node.list("a list of weights")?.iter().map(|n| n.float("a weight")).collect::<Result<_, _>>()?),
            };
            Rule::Choice { from: literals(p.need("from")?)?, weights }
        }
        "text" => {
            let (shortest, longest) = lengths(p.need("length")?)?;
            let alphabet = table.get("alphabet").map_or(Ok(ALPHABET), |e| e.node.text("a text of characters to choose from"))?;
            Rule::Text { shortest, longest, alphabet: alphabet.to_owned() }
        }
        "uuid" => Rule::Uuid,
        "permutation" => Rule::Permutation,
        other => return Err(Finding::error("unknown-rule", format!("unknown rule `{other}`")).at(node.span, "")),
    })
}

/// `8`, or the shortest and the longest: `[3, 12]`.
fn lengths(node: &Node) -> Result<(u64, u64), Finding> {
    const EXPECTED: &str = "a length, or a list of two: the shortest and the longest";
    if let Val::List(items) = &node.val {
        return match items.as_slice() {
            [shortest, longest] => Ok((shortest.size("a length")?, longest.size("a length")?)),
            _ => Err(expected(EXPECTED, node)),
        };
    }
    node.size(EXPECTED).map(|length| (length, length))
}

fn source(rule: &str, node: &Node, cx: &Context<'_>) -> Result<SourceFile, Finding> {
    let file = |n: &Node| input_path(n, cx.sources, cx.allow_paths);
    if rule == "npy" {
        return Ok(SourceFile::Npy { file: file(node)? });
    }
    let known: &'static [&'static str] = match rule {
        "npz" => &["file", "name"],
        "csv" => &["file", "delimiter", "header", "columns", "skip", "missing"],
        _ => &["file", "offset", "order"],
    };
    if let (Val::Text(_), "csv" | "raw") = (&node.val, rule) {
        let file = file(node)?;
        return Ok(match rule {
            "csv" => SourceFile::Csv { file, delimiter: b',', header: false, columns: None, skip: 0, missing: None },
            _ => SourceFile::Raw { file, offset: 0, order: None },
        });
    }
    let table = checked(&Keys { what: "the rule", known, later: &[] }, node)?;
    let path = file(table.need("file", &format!("`{rule}`"), node.span)?)?;
    Ok(match rule {
        "npz" => SourceFile::Npz { file: path, name: table.need("name", "`npz`", node.span)?.text("the name of an array")?.to_owned() },
        "csv" => SourceFile::Csv {
            file: path,
            delimiter: match table.get("delimiter") {
                None => b',',
                Some(e) => match e.node.text("one character")?.as_bytes() {
                    [one] => *one,
                    _ => return Err(expected("one ASCII character", &e.node)),
                },
            },
            header: table.get("header").map_or(Ok(false), |e| e.node.bool("`true` or `false`"))?,
            columns: match table.get("columns") {
                None => None,
                Some(e) => Some(literals(&e.node)?),
            },
            skip: table.get("skip").map_or(Ok(0), |e| e.node.size("a number of lines"))?,
            missing: table.get("missing").map(|e| e.node.literal()).transpose()?,
        },
        _ => SourceFile::Raw {
            file: path,
            offset: table.get("offset").map_or(Ok(0), |e| e.node.size("a number of bytes"))?,
            order: match super::dtype::word(table.get("order").map(|e| &e.node), &["little", "big"])? {
                None => None,
                Some("little") => Some(Order::Little),
                Some(_) => Some(Order::Big),
            },
        },
    })
}

/// An input file, relative to the manifest that names it and, unless allowed, beneath its folder.
pub(crate) fn input_path(node: &Node, sources: &Sources, allow_paths: bool) -> Result<PathBuf, Finding> {
    let name = node.text("the name of a file")?;
    let path = inside(Path::new(name), allow_paths).map_err(|e| e.at(node.span, ""))?;
    let folder = sources.dir(node.span.source);
    let whole = folder.join(path);
    if allow_paths {
        return Ok(whole);
    }
    // Without a folder or a file there is nothing to lead outside; that is told when the file is opened.
    let folder = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
    match (folder.canonicalize(), whole.canonicalize()) {
        (Ok(folder), Ok(real)) if !real.starts_with(&folder) => {
            let message = format!("{name} leads outside of the manifest's folder, by a symbolic link");
            Err(outside(message, "symbolic links to elsewhere").at(node.span, ""))
        }
        _ => Ok(whole),
    }
}

/// A name that stays beneath the folder it is relative to; any where that is allowed.
pub(super) fn inside(path: &Path, allow_paths: bool) -> Result<&Path, Finding> {
    let beneath = path.components().all(|c| matches!(c, Component::Normal(_) | Component::CurDir));
    match beneath || allow_paths {
        true => Ok(path),
        false => {
            let message = format!("{} is outside of the manifest's folder", bytes_text(path.as_os_str().as_bytes()));
            Err(outside(message, "absolute paths and `..`"))
        }
    }
}

fn outside(message: String, what: &str) -> Finding {
    Finding::error("outside", message)
        .note(format!("{what} are refused, so that a manifest from elsewhere cannot read your files"))
        .help("if you trust this manifest, add `--allow paths`")
}
