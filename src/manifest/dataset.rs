//! `[dataset]`.

use std::sync::Arc;

use super::attrs::check_rank;
use super::dims::Dims;
use super::table::{Keys, expected};
use super::tree::{Node, Table, Val};
use super::{dtype, elsewhere, fill, filter};
use crate::diag::{Finding, Findings, Span};
use crate::model::{
    AllocTime, Contents, Definition, DesiredDataset, Dtype, FillTime, FillValue, Filter, H5Path, Layout, Literal, MaxShape, OnMismatch,
    Owned, PartialChunks, RefKind, Shape, Size, auto_chunks, encode_one, too_large_for_compact,
};

pub(crate) const KEYS: Keys = Keys {
    what: "a dataset",
    known: &[
        "dtype",
        "shape",
        "maxshape",
        "layout",
        "chunks",
        "filters",
        "fill_value",
        "fill_time",
        "alloc_time",
        "partial_chunks",
        "fill",
        "contents",
        "attrs",
        "track_order",
        "dims",
        "on_mismatch",
        "external",
        "virtual",
        "comment",
        "name_charset",
        "for",
    ],
    later: &["scales", "scale"],
};
/// H5Z_MAX_NFILTERS.
const MOST_FILTERS: usize = 32;

/// A dataset entry being read.
pub(crate) struct Reader<'a> {
    pub path: &'a H5Path,
    pub table: &'a Table,
    /// Place of the entry's key.
    pub span: Span,
    pub dims: &'a Dims,
    pub types: &'a dtype::Types,
    pub findings: &'a mut Findings,
}

/// The dataset, and the names of its axes where they are known.
pub(crate) struct Read {
    pub dataset: DesiredDataset,
    pub axes: Option<Vec<Option<String>>>,
}

struct Extent {
    shape: Shape,
    sizes: Vec<Size>,
    names: Vec<Option<String>>,
    span: Span,
}

impl Reader<'_> {
    fn node(&self, key: &str) -> Option<&Node> {
        self.table.get(key).map(|e| &e.node)
    }

    /// Reads one key, if it is there.
    fn opt<T>(&mut self, key: &str, read: impl FnOnce(&Self, &Node) -> Result<T, Finding>) -> Option<(T, Span)> {
        let node = self.node(key)?;
        let result = read(self, node).map(|v| (v, node.span));
        self.findings.keep(result)
    }

    /// Reads the whole entry; `None` where that makes no sense any more.
    pub fn read(mut self, cx: &fill::Context<'_>) -> Option<Read> {
        KEYS.check(self.table, self.findings);
        let dtype = self.opt("dtype", |r, n| dtype::read(n, r.types));
        let extent = self.opt("shape", Reader::extent).map(|(e, _)| e);
        let named = self.opt("dims", |_, n| axis_names(n));
        let named_axes = named.as_ref().map(|(names, span)| (names.len(), *span));
        let named = named.map(|(names, _)| names);
        if let (Some((count, span)), Some(e)) = (named_axes, extent.as_ref().filter(|e| Some(e.shape.rank()) != named_axes.map(|(n, _)| n)))
        {
            self.findings.push(
                Finding::error("dims", format!("`dims` names {count} axes, the shape {} has {}", e.shape, e.shape.rank()))
                    .at(span, "")
                    .at(e.span, "the shape"),
            );
        }
        let owned = self.owned(cx.allow_paths);
        let track_order = self.opt("track_order", |_, n| super::file::track_order(n));
        let contents = self.opt("contents", |_, n| contents(n));
        let on_mismatch = self.opt("on_mismatch", |_, n| on_mismatch(n)).map_or(OnMismatch::Refuse, |(what, _)| what);
        let axes = named.or_else(|| extent.as_ref().map(|e| e.names.clone()));
        let declared = (self.node("dtype").is_some(), self.node("shape").is_some());
        let definition = match (dtype, extent) {
            (Some(dtype), Some(extent)) => Some(self.definition(dtype, extent, &owned)?),
            _ if declared == (false, false) => None,
            _ if declared == (true, true) => return None,
            _ => {
                let (has, lacks) = if declared.0 { ("dtype", "shape") } else { ("shape", "dtype") };
                self.findings.push(
                    Finding::error("missing-key", format!("dataset {} has a `{has}` but no `{lacks}`", self.path))
                        .at(self.span, "")
                        .help("declare both to create it, or neither to change a dataset that exists"),
                );
                return None;
            }
        };
        let fill = self.fill(definition.as_ref(), &owned, cx);
        if let (Some((Contents::Exact, span)), None, None) = (&contents, &fill, self.node("fill")) {
            self.findings.push(Finding::error("contents", "`contents = \"exact\"` needs a `fill`").at(*span, ""));
        }
        let contents = contents.map_or(Contents::Initial, |(c, _)| c);
        let (definition, owned, fill) = (definition.map(Arc::new), Arc::new(owned), fill.map(Box::new));
        let dataset = DesiredDataset { definition, named_axes, owned, fill, contents, on_mismatch, track_order };
        Some(Read { dataset, axes })
    }

    fn extent(&self, node: &Node) -> Result<Extent, Finding> {
        if let Val::Text(word) = &node.val {
            if word == "null" {
                return Ok(Extent { shape: Shape::Null, sizes: vec![], names: vec![], span: node.span });
            }
            return Err(expected("a list of sizes, or \"null\"", node));
        }
        let items = node.list("a list of sizes, or \"null\"").map_err(|finding| match &node.val {
            Val::Int(size) => finding.help(format!("write shape = [{size}]")),
            _ => finding,
        })?;
        check_rank(items.len(), node.span)?;
        let both: Vec<(Size, Option<String>)> = items.iter().map(|n| self.dims.size(n, self.path)).collect::<Result<_, _>>()?;
        let (sizes, names): (Vec<Size>, Vec<Option<String>>) = both.into_iter().unzip();
        let dims: Vec<u64> = sizes.iter().map(|s| s.value).collect();
        Ok(Extent { shape: Shape::from_dims(&dims), sizes, names, span: node.span })
    }

    fn owned(&mut self, allow_paths: bool) -> Owned {
        Owned {
            maxshape: self.opt("maxshape", Reader::maxshape),
            layout: self.layout(allow_paths),
            chunks: self.opt("chunks", |r, n| chunks(n, r.dims, r.path)),
            filters: self.opt("filters", |_, n| filters(n)),
            fill_value: self.opt("fill_value", |_, n| fill_value(n)),
            fill_time: self.opt("fill_time", |_, n| {
                Ok(match dtype::word(Some(n), &["ifset", "alloc", "never"])? {
                    Some("alloc") => FillTime::Alloc,
                    Some("never") => FillTime::Never,
                    _ => FillTime::IfSet,
                })
            }),
            alloc_time: self.opt("alloc_time", |_, n| {
                Ok(match dtype::word(Some(n), &["early", "late", "incr"])? {
                    Some("early") => AllocTime::Early,
                    Some("late") => AllocTime::Late,
                    _ => AllocTime::Incr,
                })
            }),
            partial_chunks: self.opt("partial_chunks", |_, n| {
                Ok(match dtype::word(Some(n), &["filter", "raw"])? {
                    Some("raw") => PartialChunks::Raw,
                    _ => PartialChunks::Filter,
                })
            }),
        }
    }

    /// `layout`, or what `external` and `virtual` say.
    fn layout(&mut self, allow_paths: bool) -> Option<(Layout, Span)> {
        let found = [
            self.opt("layout", |_, n| layout_word(n)),
            self.opt("external", |_, n| elsewhere::external(n, allow_paths)),
            self.opt("virtual", |_, n| elsewhere::mappings(n, allow_paths)),
        ];
        let mut found = found.into_iter().flatten();
        let first = found.next()?;
        if let Some((_, other)) = found.next() {
            let message = "a dataset has one of `layout`, `external` and `virtual`";
            self.findings.push(Finding::error("layout", message).at(other, "").at(first.1, "the other one"));
        }
        Some(first)
    }

    fn maxshape(&self, node: &Node) -> Result<MaxShape, Finding> {
        let items = node.list("a list of sizes, names or \"unlimited\"")?;
        items
            .iter()
            .map(|n| match &n.val {
                Val::Text(word) if word == "unlimited" => Ok(None),
                _ => self.dims.size(n, self.path).map(|(size, _)| if size.minimum { None } else { Some(size.value) }),
            })
            .collect()
    }

    /// Everything creation needs, with what HDF5 would refuse reported at its line.
    fn definition(&mut self, (dtype, dtype_at): (Dtype, Span), extent: Extent, owned: &Owned) -> Option<Definition> {
        let bytes = extent.shape.elements().and_then(|n| n.checked_mul(dtype.size() as u64)).filter(|b| *b < 1 << 62);
        // Chunks are only there where something was written: HDF5 takes any extent.
        let sparse = owned.chunks.is_some() && self.node("fill").is_none() && extent.shape.elements().is_some();
        if bytes.is_none() && !sparse {
            self.findings.push(
                Finding::error("too-large", format!("the shape {} of {dtype} is too large: its size in bytes overflows", extent.shape))
                    .at(extent.span, ""),
            );
            return None;
        }
        let maxshape = self.settled_maxshape(&extent, owned)?;
        let layout = self.settled_layout(&dtype, &extent, &maxshape, owned)?;
        let fill_value = self.settled_fill_value(&dtype, owned)?;
        self.check_times(&dtype, &layout, owned);
        if let (Layout::Chunked { chunk, .. }, Some((filters, _)), Some(Val::List(nodes))) =
            (&layout, &owned.filters, self.node("filters").map(|n| n.val.clone()))
        {
            let wrong = filters.iter().zip(&nodes).filter_map(|(f, node)| filter::check(f, &dtype, chunk).map(|e| e.at(node.span, "")));
            wrong.for_each(|finding| self.findings.push(finding));
        }
        if layout == Layout::Compact
            && let Some(bytes) = too_large_for_compact(&dtype, &extent.shape)
        {
            let (_, span) = owned.layout.as_ref()?;
            self.findings.push(
                Finding::error("layout", format!("a compact dataset holds less than 64 KiB, this one has {bytes} bytes")).at(*span, ""),
            );
        }
        Some(Definition {
            dtype,
            dtype_at,
            minimum: extent.sizes.iter().map(|s| s.minimum).collect(),
            shape_at: extent.span,
            shape: extent.shape,
            maxshape,
            layout,
            fill_value,
            fill_time: owned.fill_time.map(|(t, _)| t),
            alloc_time: owned.alloc_time.map(|(t, _)| t),
            partial_chunks: owned.partial_chunks.map_or(PartialChunks::Filter, |(p, _)| p),
        })
    }

    fn settled_maxshape(&mut self, extent: &Extent, owned: &Owned) -> Option<MaxShape> {
        let Some((max, span)) = &owned.maxshape else {
            return Some(extent.sizes.iter().map(|s| if s.minimum { None } else { Some(s.value) }).collect());
        };
        if max.len() != extent.sizes.len() {
            let message = format!("`maxshape` has rank {}, the shape {} has rank {}", max.len(), extent.shape, extent.sizes.len());
            self.findings.push(Finding::error("maxshape", message).at(*span, "").at(extent.span, "the shape"));
            return None;
        }
        if let Some(axis) = (0..max.len()).find(|&i| max[i].is_some_and(|m| m < extent.sizes[i].value)) {
            let message = format!("axis {axis} of `maxshape` is below the size {}", extent.sizes[axis].value);
            self.findings.push(Finding::error("maxshape", message).at(*span, "").at(extent.span, "the shape"));
            return None;
        }
        Some(max.clone())
    }

    fn settled_layout(&mut self, dtype: &Dtype, extent: &Extent, maxshape: &MaxShape, owned: &Owned) -> Option<Layout> {
        let dims = extent.shape.dims();
        let growable = maxshape.iter().zip(dims).any(|(m, d)| *m != Some(*d));
        let asks = [
            owned.chunks.as_ref().map(|(_, s)| ("chunks", *s)),
            owned.filters.as_ref().filter(|(f, _)| !f.is_empty()).map(|(_, s)| ("filters", *s)),
            owned.partial_chunks.as_ref().filter(|(p, _)| *p == PartialChunks::Raw).map(|(_, s)| ("partial_chunks", *s)),
            growable.then(|| ("a `maxshape` beyond the shape", owned.maxshape.as_ref().map_or(extent.span, |(_, s)| *s))),
        ];
        let asks_for_chunks = asks.into_iter().flatten().next();
        let wanted = owned.layout.as_ref().map(|(l, s)| (l.word(), *s));
        match (wanted, asks_for_chunks) {
            (Some(("virtual", span)), asks) => {
                let (layout, _) = owned.layout.clone()?;
                if let Some((why, other)) = asks.filter(|(why, _)| !why.contains(' ')) {
                    let finding = Finding::error("layout", format!("a virtual dataset cannot have {}", quoted(why)));
                    self.findings.push(finding.at(span, "").at(other, "this needs the chunked layout"));
                    return None;
                }
                return Some(layout);
            }
            (Some(("external", span)), asks) => {
                let (layout, _) = owned.layout.clone()?;
                if let Some((why, other)) = asks.filter(|(why, _)| !why.contains(' ')) {
                    let finding = Finding::error("layout", format!("a dataset with external storage cannot have {}", quoted(why)));
                    self.findings.push(finding.at(span, "").at(other, "this needs the chunked layout"));
                    return None;
                }
                if let Some(message) = too_small(&layout, dtype, dims, maxshape) {
                    self.findings.push(Finding::error("external", message).at(span, "").at(extent.span, "the shape"));
                    return None;
                }
                return Some(layout);
            }
            (Some((word @ ("contiguous" | "compact"), span)), Some((why, other))) => {
                self.findings.push(
                    Finding::error("layout", format!("a {word} dataset cannot have {}", quoted(why)))
                        .at(span, "")
                        .at(other, "this needs the chunked layout"),
                );
                return None;
            }
            (Some(("contiguous", _)), None) | (None, None) => return Some(Layout::Contiguous),
            (Some(("compact", _)), None) => return Some(Layout::Compact),
            _ if dims.is_empty() => {
                let span = asks_for_chunks.or(wanted).map_or(extent.span, |(_, s)| s);
                self.findings
                    .push(Finding::error("chunks", format!("a {} dataset has no axes to cut into chunks", extent.shape)).at(span, ""));
                return None;
            }
            _ => {}
        }
        let filters = owned.filters.as_ref().map_or(Vec::new(), |(f, _)| f.clone());
        let chunk = match &owned.chunks {
            Some((Some(chunk), span)) => self.checked_chunk(chunk.clone(), *span, dtype, extent, maxshape)?,
            Some((None, _)) | None => auto_chunks(dims, dtype.size()),
        };
        Some(Layout::Chunked { chunk, filters })
    }

    fn checked_chunk(&mut self, chunk: Vec<u64>, span: Span, dtype: &Dtype, extent: &Extent, maxshape: &MaxShape) -> Option<Vec<u64>> {
        let problem = if chunk.len() != maxshape.len() {
            Some(format!("`chunks` has rank {}, the shape {} has rank {}", chunk.len(), extent.shape, maxshape.len()))
        } else if let Some(axis) = (0..chunk.len()).find(|&i| maxshape[i].is_some_and(|m| m > 0 && chunk[i] > m)) {
            Some(format!(
                "axis {axis} of the chunk has {} elements, more than the fixed dimension of {}",
                chunk[axis],
                maxshape[axis].unwrap_or(0)
            ))
        } else {
            let bytes = chunk.iter().fold(dtype.size() as u128, |n, &d| n.saturating_mul(u128::from(d)));
            (bytes >= 1 << 32).then(|| format!("a chunk has {bytes} bytes; HDF5 allows less than 4 GiB"))
        };
        match problem {
            Some(message) => {
                self.findings.push(Finding::error("chunks", message).at(span, ""));
                None
            }
            None => Some(chunk),
        }
    }

    fn settled_fill_value(&mut self, dtype: &Dtype, owned: &Owned) -> Option<FillValue> {
        match &owned.fill_value {
            None => Some(FillValue::Default),
            Some((None, _)) => Some(FillValue::Undefined),
            Some((Some(_), span)) if dtype.any_part(&|d| *d == Dtype::Reference(RefKind::Any)) => {
                let message = format!("HDF5 does not store fill values of {dtype}");
                self.findings.push(Finding::error("fill_value", message).at(*span, "").note("references \"any\" change their size"));
                None
            }
            Some((Some(literal), span)) => {
                let value = encode_one(literal, dtype).map_err(|e| Finding::error("fill_value", e.0).at(*span, ""));
                self.findings.keep(value).map(FillValue::Value)
            }
        }
    }

    fn check_times(&mut self, dtype: &Dtype, layout: &Layout, owned: &Owned) {
        if let (Some((FillTime::Never, span)), true) = (&owned.fill_time, dtype.has_variable_length()) {
            self.findings.push(
                Finding::error("fill_time", format!("HDF5 does not take fill_time \"never\" for the variable-length {dtype}"))
                    .at(*span, ""),
            );
        }
        if let (Some((FillTime::Alloc, span)), Some((None, other))) = (&owned.fill_time, &owned.fill_value) {
            self.findings.push(
                Finding::error("fill_time", "HDF5 does not take fill_time \"alloc\" with an undefined fill value")
                    .at(*span, "")
                    .at(*other, "undefined here"),
            );
        }
        let Some((time, span)) = &owned.alloc_time else { return };
        if *layout == Layout::Compact && *time != AllocTime::Early {
            self.findings.push(Finding::error("alloc_time", "a compact dataset is always allocated early").at(*span, ""));
        }
    }

    fn fill(&mut self, definition: Option<&Definition>, owned: &Owned, cx: &fill::Context<'_>) -> Option<crate::model::DesiredFill> {
        let node = self.node("fill")?;
        let cx = fill::Context {
            fill_value: owned.fill_value.as_ref().and_then(|(v, _)| v.clone()),
            dtype: definition.map(|d| &d.dtype),
            shape: definition.map(|d| &d.shape),
            sources: cx.sources,
            object: self.path,
            ..*cx
        };
        let node = node.clone();
        if let Some((layout @ (Layout::External(_) | Layout::Virtual(_)), at)) = &owned.layout {
            let message = format!("the elements of {} are stored elsewhere ({}); a fill is not written through", self.path, layout.word());
            self.findings.push(Finding::error("fill", message).at(node.span, "").at(*at, "here"));
            return None;
        }
        let wanted = fill::read(&node, self.path.as_bytes(), &cx, self.findings)?;
        if let Some(d) = definition
            && let Err(e) = wanted.check(&d.dtype, &d.shape)
        {
            let finding = Finding::error("fill", format!("the fill of {} is not possible: {}", self.path, e.0))
                .at(wanted.place(&d.dtype, &d.shape), "");
            let list = matches!(&wanted.fill.rule, crate::model::Rule::Value(Literal::List(_)));
            self.findings.push(if list { finding.help("contents element by element are written fill.values = [ … ]") } else { finding });
            return None;
        }
        Some(wanted)
    }
}

fn quoted(what: &str) -> String {
    if what.contains(' ') { what.into() } else { format!("`{what}`") }
}

fn axis_names(node: &Node) -> Result<Vec<Option<String>>, Finding> {
    node.list("a list of dimension names")?.iter().map(|n| n.text("the name of a dimension").map(|s| Some(s.to_owned()))).collect()
}

/// Why external files cannot hold a dataset, if so (H5D__efl_construct, H5Pset_external).
fn too_small(layout: &Layout, dtype: &Dtype, dims: &[u64], maxshape: &MaxShape) -> Option<String> {
    let Layout::External(files) = layout else { return None };
    if let [before @ .., _] = files.as_slice()
        && before.iter().any(|f| f.size.is_none())
    {
        return Some("only the last external file can be unlimited".into());
    }
    if maxshape.iter().zip(dims).skip(1).any(|(max, size)| max.is_none_or(|max| max > *size)) {
        return Some("with external storage, only the first axis can grow".into());
    }
    let room = files.iter().try_fold(0u128, |n, f| f.size.map(|size| n + u128::from(size)))?;
    let most = maxshape.iter().try_fold(dtype.size() as u128, |n, max| max.map(|max| n.saturating_mul(max.into())));
    let needed = match (most, maxshape.is_empty()) {
        (None, _) => return Some(format!("the external files have {room} bytes, and the dataset may grow without end")),
        (_, true) => dims.iter().fold(dtype.size() as u128, |n, d| n.saturating_mul((*d).into())),
        (Some(most), false) => most,
    };
    (needed > room).then(|| format!("the external files have {room} bytes, the dataset {needed}"))
}

fn layout_word(node: &Node) -> Result<Layout, Finding> {
    Ok(match dtype::word(Some(node), &["contiguous", "chunked", "compact"])? {
        Some("compact") => Layout::Compact,
        Some("chunked") => Layout::Chunked { chunk: vec![], filters: vec![] },
        _ => Layout::Contiguous,
    })
}

fn contents(node: &Node) -> Result<Contents, Finding> {
    Ok(match dtype::word(Some(node), &["initial", "exact"])? {
        Some("exact") => Contents::Exact,
        _ => Contents::Initial,
    })
}

/// `chunks`; `None` is `"auto"`.
pub(super) fn chunks(node: &Node, dims: &Dims, path: &H5Path) -> Result<Option<Vec<u64>>, Finding> {
    if let Val::Text(word) = &node.val {
        return if word == "auto" { Ok(None) } else { Err(expected("a list of sizes, or \"auto\"", node)) };
    }
    let items = node.list("a list of sizes, or \"auto\"")?;
    let sizes: Vec<u64> = items.iter().map(|n| dims.size(n, path).map(|(s, _)| s.value)).collect::<Result<_, _>>()?;
    match sizes.iter().position(|&s| s == 0) {
        Some(axis) => Err(Finding::error("chunks", "a chunk has at least 1 element along each axis").at(items[axis].span, "")),
        None => Ok(Some(sizes)),
    }
}

/// `filters`.
pub(super) fn filters(node: &Node) -> Result<Vec<Filter>, Finding> {
    let list = node.list("a list of filters")?;
    if list.len() > MOST_FILTERS {
        let message = format!("{} filters are too many; HDF5 takes {MOST_FILTERS}", list.len());
        return Err(Finding::error("filters", message).at(node.span, ""));
    }
    list.iter().map(filter::read).collect()
}

pub(super) fn on_mismatch(node: &Node) -> Result<OnMismatch, Finding> {
    match dtype::word(Some(node), &["refuse", "convert", "replace"])? {
        Some("convert") => Ok(OnMismatch::Convert),
        Some("replace") => Ok(OnMismatch::Replace),
        _ => Ok(OnMismatch::Refuse),
    }
}

fn fill_value(node: &Node) -> Result<Option<Literal>, Finding> {
    let Val::Table(table) = &node.val else { return node.literal().map(Some) };
    match table.entries.as_slice() {
        [one] if one.key == "undefined" => match one.node.bool("`true`")? {
            true => Ok(None),
            false => Err(expected("a value, or { undefined = true }", node)),
        },
        // A compound's fields.
        _ => node.literal().map(Some),
    }
}
