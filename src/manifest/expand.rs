//! `for`: one entry becomes many.

use super::table::expected;
use super::tree::{Table, Val};
use super::vars::Scope;
use crate::diag::{Finding, Findings};

/// Calls `each` for every combination of the values in the table's `for`, the leftmost variable slowest,
/// with the bindings; once without bindings where there is no `for`.
pub(crate) fn repeat(
    table: &Table,
    scope: &Scope<'_>,
    findings: &mut Findings,
    budget: &mut usize,
    mut each: impl FnMut(&[(String, Val)], &mut Findings),
) {
    let Some(entry) = table.get("for") else {
        if spend(budget, findings, table) {
            each(&[], findings);
        }
        return;
    };
    let Some(node) = scope.node(&entry.node, findings) else { return };
    let Some(axes) = findings.keep(axes(&node)) else { return };
    let total = axes.iter().fold(1usize, |n, (_, values)| n.saturating_mul(values.len()));
    if total > *budget {
        // Told before the first is made.
        *budget = 0;
        spend(budget, findings, table);
        return;
    }
    for k in 0..total {
        if scope.allowance.is_spent() || !spend(budget, findings, table) {
            return;
        }
        let mut rest = k;
        let mut bound: Vec<(String, Val)> = Vec::with_capacity(axes.len());
        for (name, values) in axes.iter().rev() {
            bound.push((name.clone(), values.at(rest % values.len())));
            rest /= values.len();
        }
        bound.reverse();
        each(&bound, findings);
    }
}

fn spend(budget: &mut usize, findings: &mut Findings, table: &Table) -> bool {
    if *budget == 0 {
        let mut finding = Finding::error("too-many", format!("more than {} objects after repetition", super::MAX_OBJECTS));
        if let Some(entry) = table.entries.first() {
            finding = finding.at(entry.key_span, "");
        }
        findings.push(finding);
        return false;
    }
    *budget -= 1;
    true
}

/// What a variable goes through.
enum Values {
    Count(usize),
    List(Vec<Val>),
}

impl Values {
    fn len(&self) -> usize {
        match self {
            Values::Count(count) => *count,
            Values::List(list) => list.len(),
        }
    }

    fn at(&self, index: usize) -> Val {
        match self {
            Values::Count(_) => Val::Int(index as i128),
            Values::List(list) => list[index].clone(),
        }
    }
}

fn axes(node: &super::tree::Node) -> Result<Vec<(String, Values)>, Finding> {
    let table = node.table("a table of variables, such as { i = 3, name = [\"a\", \"b\"] }")?;
    if table.entries.is_empty() {
        return Err(Finding::error("for", "`for` names no variable").at(node.span, ""));
    }
    table
        .entries
        .iter()
        .map(|entry| {
            let values = match &entry.node.val {
                Val::Int(_) => {
                    let count = entry.node.size("a number of repetitions")?;
                    if count > super::MAX_OBJECTS as u64 {
                        return Err(Finding::error("too-many", format!("more than {} objects after repetition", super::MAX_OBJECTS))
                            .at(entry.node.span, ""));
                    }
                    Values::Count(count as usize)
                }
                Val::List(items) => Values::List(items.iter().map(|n| n.val.clone()).collect()),
                _ => return Err(expected("a number of repetitions or a list of values", &entry.node)),
            };
            Ok((entry.key.clone(), values))
        })
        .collect()
}
