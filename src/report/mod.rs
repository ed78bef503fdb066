//! Values → text and JSON. Prints nothing itself.

mod diff;
mod findings;
mod json;
pub mod listing;
mod markdown;
pub mod numpy;
mod paint;
mod plan;
pub mod values;
mod varies;
mod words;

pub use diff::{DiffContext, diff_json, diff_summary, diff_text};
pub use findings::findings_text;
pub use json::{PlanContext, plan_json};
pub use markdown::{Extent, MarkdownPlan, Part, markdown_failed, markdown_heading, markdown_strong, plan_markdown};
pub use paint::Paint;
pub use plan::{Tense, kept_text, plan_text, summary_text};
pub use varies::{Forms, forms};
pub use words::{count, escape_controls, escape_json, escape_painted, grouped, human_bytes, target_line};
