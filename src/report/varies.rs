//! What of a step may differ from file to file, though the same is to be done with each: what was there, and what comes of it where a rule
//! makes the one from the other.

use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hash, Hasher};

use super::plan::{aspect, seen_text, storage_text, typed, value_text, whole_object};
use crate::diag::Span;
use crate::model::{AttrRule, AttrValue, Desired, Dtype, Literal, Shape, Side, bytes_text, element_text};
use crate::plan::{Action, Step};

/// Rules whose values depend on what is there, by their places: how they read.
pub type Forms = BTreeMap<Span, String>;

/// The forms of a manifest.
pub fn forms(desired: &Desired) -> Forms {
    let rules = desired.objects.values().flat_map(|o| o.attrs.iter()).chain(desired.each.iter().flat_map(|each| each.attrs.iter()));
    rules.filter_map(|attr| Some((attr.origin, form(&attr.rule)?))).collect()
}

fn form(rule: &AttrRule) -> Option<String> {
    match rule {
        AttrRule::Map(pairs) => Some(format!("map of {} values", pairs.len())),
        AttrRule::Cast(dtype) => Some(format!("cast to {dtype}")),
        AttrRule::Join { side, spec } => {
            let word = match side {
                Side::Front => "prepend",
                Side::End => "append",
            };
            Some(match &spec.literal {
                Literal::Text(text) => format!("{word} {text:?}"),
                Literal::Bool(_) | Literal::Int(_) | Literal::Float(_) | Literal::List(_) | Literal::Table(_) => word.to_owned(),
            })
        }
        AttrRule::CopyFrom { path, name } => {
            let of = path.as_ref().map_or(String::new(), |path| format!(" of {path}"));
            Some(format!("copy of @{}{of}", bytes_text(name)))
        }
        AttrRule::Set(_)
        | AttrRule::Empty(_)
        | AttrRule::Absent
        | AttrRule::Default(_)
        | AttrRule::Replace(_)
        | AttrRule::RenameFrom { .. } => None,
    }
}

/// All of a value as it is told. A text that becomes another one keeps its kind, which may be another one in each file.
fn told(value: &AttrValue) -> (&Shape, Option<&Dtype>, Vec<String>) {
    let elements = 0..value.data.count(&value.dtype);
    let dtype = Some(&value.dtype).filter(|dtype| !matches!(dtype.resolved(), Dtype::String(_)));
    (&value.shape, dtype, elements.map(|i| element_text(&value.data, &value.dtype, i)).collect())
}

/// What is the same in all files with which the same is to be done, and how that reads with one of them as an example. `None`: there is nothing
/// else in the step.
pub fn common(step: &Step, forms: &Forms) -> Option<(String, String)> {
    let form = step.origin.and_then(|origin| forms.get(&origin));
    // All of a value: what is shown of it may be its beginning.
    let whole = |value: &dyn std::fmt::Debug| {
        let mut hasher = DefaultHasher::new();
        format!("{value:?}").hash(&mut hasher);
        hasher.finish()
    };
    Some(match &step.action {
        Action::SetAttr { name, before, after, .. } => {
            let at = format!("@{}", bytes_text(name));
            let (is_new, now) = (before.is_none(), format!("{}{}", value_text(after), typed(after)));
            match (form, before) {
                (Some(form), None) => (format!("{at} {is_new} {form}"), format!("{at}   {form}, e.g. {now}")),
                (Some(form), Some(was)) => (format!("{at} {is_new} {form}"), format!("{at}   {form}, e.g. {} -> {now}", seen_text(was))),
                (None, None) => return None,
                (None, Some(was)) => (format!("{at} {is_new} {}", whole(&told(after))), format!("{at}   e.g. {} -> {now}", seen_text(was))),
            }
        }
        Action::RemoveAttr { name, before } => {
            let at = format!("@{}", bytes_text(name));
            (format!("{at} goes"), format!("{at}   was e.g. {}", seen_text(before)))
        }
        Action::RenameAttr { from, to, value } => {
            let what = format!("@{}   renamed from @{}", bytes_text(to), bytes_text(from));
            (what.clone(), format!("{what} (e.g. = {})", seen_text(value)))
        }
        Action::Grow { before, after } | Action::Shrink { before, after } => {
            (format!("shape {after:?}"), format!("shape e.g. {before:?} -> {after:?}"))
        }
        Action::WriteRegion { layer, .. } => {
            (format!("[{}] {}", layer.region, whole(&layer.fill.rule)), format!("e.g. {}", aspect(step, 0)))
        }
        Action::SetComment { before, after } => {
            let now = format!("comment {:?}", bytes_text(after));
            (format!("{} {}", before.is_empty(), whole(after)), format!("{now}, was e.g. {:?}", bytes_text(before)))
        }
        Action::CreateLink { link, before: Some(_), .. } => {
            (format!("{link} instead"), format!("{}, e.g.", whole_object(&step.action).unwrap_or_default()))
        }
        Action::Rebuild { definition, .. } => {
            let now = format!("{} {} {}", definition.dtype, definition.shape, storage_text(&definition.layout));
            (format!("{now} {}", step.reason), whole_object(&step.action).unwrap_or_default())
        }
        Action::CreateFile(_)
        | Action::CreateGroup { .. }
        | Action::CreateType { .. }
        | Action::CreateDataset { .. }
        | Action::CreateLink { before: None, .. }
        | Action::Move { .. }
        | Action::Remove { .. } => {
            let what = whole_object(&step.action)?;
            (what.clone(), what)
        }
    })
}
