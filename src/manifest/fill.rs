//! `fill`.

use std::path::{Component, Path, PathBuf};

use super::table::{Keys, expected, variant};
use super::tree::{Node, Table, Val};
use crate::diag::{Finding, Findings, Sources, Span};
use crate::model::{
    ALPHABET, Boundary, DesiredFill, Dtype, Fill, Literal, Missing, Order, Rule, Shape, SourceFile, flatten, flatten_as, is_written_nested,
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
    ],
    later: &["fields", "hdf5"],
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
        "npy" | "npz" | "csv" | "raw" => Rule::Source(findings.keep(source(&entry.key, &entry.node, cx))?),
        name => findings.keep(parametric(name, &entry.node))?,
    };
    let seed = match table.get("seed") {
        Some(e) => findings.keep(e.node.size("a seed"))?,
        None => cx.seed,
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
    let file = |n: &Node| input_path(n, cx);
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
pub(crate) fn input_path(node: &Node, cx: &Context<'_>) -> Result<PathBuf, Finding> {
    let name = node.text("the name of a file")?;
    let path = Path::new(name);
    let outside = path.components().any(|c| !matches!(c, Component::Normal(_) | Component::CurDir));
    if outside && !cx.allow_paths {
        return Err(Finding::error("outside", format!("{name} is outside of the manifest's folder"))
            .at(node.span, "")
            .note("absolute paths and `..` are refused, so that a manifest from elsewhere cannot read your files")
            .help("if you trust this manifest, add `--allow paths`"));
    }
    Ok(cx.sources.dir(node.span.source).join(path))
}
