//! Plans as JSON (docs/plan-format.md, schemas/plan.v1.schema.json).

use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::diag::{Sources, Span};
use crate::model::{
    AttrSeen, AttrValue, Base, Definition, DesiredLink, Dtype, Elements, FillValue, Layout, LinkSeen, Literal, PartialChunks, ReferrerPart,
    SeenDataset, Shape, bytes_text, decode_one,
};
use crate::plan::{Action, Blocks, Hazard, Proposal, Step, Verb};

/// Version of the JSON plan.
const FORMAT_VERSION: u32 = 1;
/// Elements of an attribute that are written out; longer values are given by count and hash.
const MOST_ELEMENTS: usize = 1000;

/// What a plan is about.
#[derive(Clone, Copy, Debug)]
pub struct PlanContext<'a> {
    /// The manifest's name as given.
    pub manifest: &'a str,
    /// Its texts.
    pub sources: &'a Sources,
    /// The target's name as given.
    pub target: &'a str,
    /// What there is.
    pub base: &'a Base,
    /// A hash of what was seen of it.
    pub state: &'a str,
}

/// The plan as a JSON document.
pub fn plan_json(proposal: &Proposal, cx: &PlanContext<'_>) -> Value {
    let (exists, size) = match cx.base {
        Base::Missing => (false, 0),
        Base::Existing { size, .. } => (true, *size),
    };
    let summary = proposal.summary();
    json!({
        "format_version": FORMAT_VERSION,
        "tool": json!({ "name": "h5mason", "version": env!("CARGO_PKG_VERSION") }),
        "manifest": json!({ "path": cx.manifest, "sha256": hash(cx.sources) }),
        "target": json!({ "path": cx.target, "exists": exists, "size": size, "state": cx.state }),
        "steps": proposal.steps.iter().map(|s| step(s, cx.sources)).collect::<Vec<_>>(),
        "kept": proposal.kept.iter().map(|k| json!({ "path": k.path.to_string(), "aspect": k.aspect.to_string(), "note": k.note })).collect::<Vec<_>>(),
        "conflicts": proposal
            .conflicts
            .iter()
            .map(|c| {
                json!({
                    "path": c.path.to_string(),
                    "code": c.finding.code,
                    "message": c.finding.message,
                    "notes": c.finding.notes,
                    "remedies": c.finding.helps,
                    "origin": c.finding.labels.first().map(|l| origin(l.span, cx.sources)),
                })
            })
            .collect::<Vec<_>>(),
        "warnings": proposal.dangling.iter().map(|d| json!({ "path": d.path().to_string(), "message": d.to_string() })).collect::<Vec<_>>(),
        "summary": json!({
            "steps": proposal.steps.len(),
            "conflicts": proposal.conflicts.len(),
            "objects_considered": summary.considered,
            "objects_changing": summary.changing,
            "bytes": summary.bytes,
            "dead_bytes": summary.dead,
        }),
    })
}

/// SHA-256 of the manifest, all it includes, and what the command line overrides.
fn hash(sources: &Sources) -> String {
    let mut hasher = Sha256::new();
    for (_, text) in sources.iter() {
        hasher.update((text.len() as u64).to_le_bytes());
        hasher.update(text.as_bytes());
    }
    hex(&hasher.finalize())
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|b| format!("{b:02x}")).collect()
}

fn origin(span: Span, sources: &Sources) -> Value {
    let place = sources.place(span);
    json!({ "file": place.file, "line": place.line, "column": place.column })
}

fn step(step: &Step, sources: &Sources) -> Value {
    let (aspect, before, after) = aspect(step);
    json!({
        "verb": match step.action.verb() {
            Verb::Create => "create",
            Verb::Change => "change",
            Verb::Write => "write",
            Verb::Grow => "grow",
            Verb::Remove => "remove",
            Verb::Shrink => "shrink",
            Verb::Convert => "convert",
            Verb::Replace => "replace",
        },
        "path": step.path.to_string(),
        "aspect": aspect,
        "before": before,
        "after": after,
        "reason": step.reason,
        "hazard": match step.hazard {
            Hazard::None => "none",
            Hazard::Lossy => "lossy",
            Hazard::Destructive => "destructive",
            Hazard::LossyAndDestructive => "lossy and destructive",
        },
        "bytes": step.bytes,
        "dead_bytes": step.dead,
        "origin": step.origin.map(|span| origin(span, sources)),
    })
}

fn aspect(step: &Step) -> (String, Value, Value) {
    let attribute = |name: &[u8]| format!("attribute {}", bytes_text(name));
    match &step.action {
        Action::CreateFile(props) => {
            let after = json!({
                "libver": props.libver.map(|((low, high), _)| format!("{low:?}, {high:?}").to_lowercase()),
                "userblock": props.userblock.map_or(0, |(b, _)| b),
                "track_order": props.track_order.map(|(o, _)| format!("{:?}", o.links).to_lowercase()),
            });
            ("file".into(), Value::Null, after)
        }
        Action::CreateGroup { link_order, .. } => {
            ("group".into(), Value::Null, json!({ "track_order": format!("{link_order:?}").to_lowercase() }))
        }
        Action::CreateType { dtype, .. } => ("type".into(), Value::Null, json!({ "dtype": dtype.to_string() })),
        Action::CreateDataset { definition, .. } => ("dataset".into(), Value::Null, dataset(definition)),
        Action::CreateLink { link, before, .. } => ("link".into(), before.as_deref().map_or(Value::Null, seen_link), declared_link(link)),
        Action::SetComment { before, after } => {
            let text = |bytes: &[u8]| if bytes.is_empty() { Value::Null } else { json!(bytes_text(bytes)) };
            ("comment".into(), text(before), text(after))
        }
        Action::Grow { before, after } | Action::Shrink { before, after } => ("shape".into(), json!(before), json!(after)),
        Action::WriteRegion { layer, blocks, seen, .. } => {
            let after = json!({
                "rule": layer.fill.rule.to_string(),
                "seed": layer.fill.seed,
                "stream": bytes_text(&layer.fill.stream),
                "elements": seen.elements,
                "differing": seen.differing,
                "blocks": match blocks { Blocks::All => Value::Null, Blocks::Some(list) => json!(list.len()) },
                "examples": seen.examples.iter().map(|(b, a)| json!({ "before": b, "after": a })).collect::<Vec<_>>(),
            });
            (format!("region [{}]", layer.region), Value::Null, after)
        }
        Action::SetAttr { name, before, after, .. } => (attribute(name), before.as_deref().map_or(Value::Null, seen), attr(after)),
        Action::RemoveAttr { name, before } => (attribute(name), seen(before), Value::Null),
        Action::RenameAttr { from, to, value } => (
            // The aspect is the former name, so that setting the new one is a step of its own.
            attribute(from),
            json!({ "name": bytes_text(from), "value": seen(value) }),
            json!({ "name": bytes_text(to), "value": seen(value) }),
        ),
        Action::Rebuild { before, definition, names, referrers, .. } => {
            let mut after = dataset(definition);
            after["names"] = names.iter().map(ToString::to_string).collect();
            after["referrers"] = referrers.iter().map(|r| json!({ "path": r.path.to_string(), "attribute": attr_name(&r.part) })).collect();
            ("dataset".into(), dataset(&as_definition(before, definition)), after)
        }
        Action::Move { from, what } => {
            let end = |path: String| json!({ "path": path, "kind": what });
            ("move".into(), end(from.to_string()), end(step.path.to_string()))
        }
        Action::Remove { what } => ((*what).to_owned(), json!({ "kind": what }), Value::Null),
    }
}

/// Where in an object references are: the elements have no attribute's name.
fn attr_name(part: &ReferrerPart) -> Value {
    match part {
        ReferrerPart::Attr(name) => json!(bytes_text(name)),
        ReferrerPart::Elements | ReferrerPart::FillValue => Value::Null,
    }
}

fn seen_link(link: &LinkSeen) -> Value {
    match link {
        LinkSeen::Hard(_) => json!({ "hard": Value::Null }),
        LinkSeen::Soft(target) => json!({ "soft": bytes_text(target) }),
        LinkSeen::External { file, path } => json!({ "external": { "file": bytes_text(file), "path": bytes_text(path) } }),
        LinkSeen::UserDefined { class, .. } => json!({ "user_defined": class }),
    }
}

fn declared_link(link: &DesiredLink) -> Value {
    match link {
        DesiredLink::Hard { target, .. } => json!({ "hard": target.to_string() }),
        DesiredLink::Soft(target) => json!({ "soft": bytes_text(target) }),
        DesiredLink::External { file, path } => json!({ "external": { "file": bytes_text(file), "path": bytes_text(path) } }),
        DesiredLink::User { class, .. } => json!({ "user_defined": class }),
    }
}

fn dataset(d: &Definition) -> Value {
    let mut out = json!({
        "dtype": d.dtype.to_string(),
        "shape": shape(&d.shape),
        "maxshape": d.maxshape.iter().map(|m| m.map_or(json!("unlimited"), |m| json!(m))).collect::<Vec<_>>(),
        "layout": d.layout.word(),
        "chunks": match &d.layout { Layout::Chunked { chunk, .. } => json!(chunk), _ => Value::Null },
        "filters": d.layout.filters().iter().map(ToString::to_string).collect::<Vec<_>>(),
        "fill_value": match &d.fill_value {
            FillValue::Value(v) => element(v, &d.dtype, 0),
            FillValue::Undefined => json!({ "undefined": true }),
            FillValue::Default | FillValue::Unreadable => Value::Null,
        },
        "fill_time": d.fill_time.map(|t| t.to_string()),
        "alloc_time": d.alloc_time.map(|t| t.to_string()),
    });
    if d.partial_chunks == PartialChunks::Raw {
        out["partial_chunks"] = json!(d.partial_chunks.to_string());
    }
    out
}

/// What is in the file, in the words of what shall be.
fn as_definition(seen: &SeenDataset, after: &Definition) -> Definition {
    Definition {
        dtype: seen.dtype.clone(),
        shape: seen.shape.clone(),
        maxshape: seen.maxshape.clone(),
        layout: seen.layout.clone(),
        fill_value: seen.fill_value.clone(),
        fill_time: Some(seen.fill_time),
        alloc_time: Some(seen.alloc_time),
        partial_chunks: seen.partial_chunks,
        ..after.clone()
    }
}

pub(super) fn shape(shape: &Shape) -> Value {
    match shape {
        Shape::Null => json!("null"),
        Shape::Scalar => json!([]),
        Shape::Simple(dims) => json!(dims),
    }
}

pub(super) fn seen(value: &AttrSeen) -> Value {
    match value {
        AttrSeen::Value(value) => attr(value),
        AttrSeen::Opaque { dtype, shape: s, .. } => json!({ "dtype": dtype.to_string(), "shape": shape(s) }),
    }
}

fn attr(value: &AttrValue) -> Value {
    let count = value.data.count(&value.dtype);
    let head = json!({ "dtype": value.dtype.to_string(), "shape": shape(&value.shape) });
    let Value::Object(mut map) = head else { return head };
    if count > MOST_ELEMENTS {
        let mut hasher = Sha256::new();
        match &value.data {
            Elements::Fixed(bytes) => hasher.update(bytes),
            Elements::Strings(list) => list.iter().for_each(|s| {
                let text = s.as_deref().unwrap_or_default();
                hasher.update((text.len() as u64).to_le_bytes());
                hasher.update(text);
            }),
            Elements::Nested(list) => (0..list.len()).for_each(|i| hasher.update(element(&value.data, &value.dtype, i).to_string())),
        }
        map.insert("elements".into(), json!(count));
        map.insert("sha256".into(), json!(hex(&hasher.finalize())));
    } else {
        let list: Vec<Value> = (0..count).map(|i| element(&value.data, &value.dtype, i)).collect();
        let value = if value.shape == Shape::Scalar { list.into_iter().next().unwrap_or(Value::Null) } else { Value::Array(list) };
        map.insert("value".into(), value);
    }
    Value::Object(map)
}

/// Numbers, text, booleans; what JSON cannot say (NaN, infinities, wide integers' doubles) as text.
fn element(data: &Elements, dtype: &Dtype, at: usize) -> Value {
    match decode_one(data, dtype, at) {
        Some(Literal::Bool(v)) => json!(v),
        Some(Literal::Int(v)) => {
            i64::try_from(v).map_or_else(|_| u64::try_from(v).map_or(json!(v.to_string()), |u| json!(u)), |i| json!(i))
        }
        Some(Literal::Float(v)) if v.is_finite() => json!(v),
        Some(Literal::Float(v)) => json!(Literal::Float(v).to_string()),
        Some(Literal::Text(v)) => json!(v),
        Some(nested @ (Literal::List(_) | Literal::Table(_))) => json!(nested.to_string()),
        None => json!(crate::model::element_text(data, dtype, at)),
    }
}
