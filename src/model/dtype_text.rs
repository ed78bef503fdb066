//! Texts of types that must be told apart.

use super::{CompoundMember, Dtype, EnumMember, bytes_text};

/// Parts of a type that are listed.
const MOST: usize = 6;

/// The texts of two types that are not the same; where those are equal, with what differs: values of enumerations, places in a compound.
pub fn told_apart(a: &Dtype, b: &Dtype) -> (String, String) {
    let (short, other) = (a.to_string(), b.to_string());
    if short == other && a != b { (in_full(a, b), in_full(b, a)) } else { (short, other) }
}

fn in_full(dtype: &Dtype, other: &Dtype) -> String {
    match (dtype, other) {
        (Dtype::Enum { base, members }, Dtype::Enum { members: others, .. }) => {
            let differ: Vec<&EnumMember> = members.iter().filter(|m| !others.contains(m)).collect();
            let some = if differ.is_empty() { members.iter().collect() } else { differ };
            let of: Vec<String> = some.iter().take(MOST).map(|m| format!("{} = {}", bytes_text(&m.name), m.value)).collect();
            format!("enum({}: {}{})", Dtype::Int(base.clone()), of.join(", "), if members.len() > of.len() { ", …" } else { "" })
        }
        (Dtype::Compound { size, members }, Dtype::Compound { members: others, .. }) => {
            let differ = |(m, o): &(&CompoundMember, &CompoundMember)| m != o;
            let one = |(m, o): (&CompoundMember, &CompoundMember)| match m.dtype == o.dtype {
                true => format!("{}: {} at byte {}", bytes_text(&m.name), m.dtype, m.offset),
                false => format!("{}: {}", bytes_text(&m.name), in_full(&m.dtype, &o.dtype)),
            };
            let of: Vec<String> = members.iter().zip(others).filter(differ).take(MOST).map(one).collect();
            format!("compound({}{}; {size} bytes)", of.join(", "), if members.len() > of.len() { ", …" } else { "" })
        }
        (Dtype::Array { base, dims }, Dtype::Array { base: others, .. }) => {
            format!("array({}, {})", in_full(base, others), super::Shape::Simple(dims.clone()))
        }
        (Dtype::Vlen(base), Dtype::Vlen(others)) => format!("vlen({})", in_full(base, others)),
        (Dtype::Committed { .. } | Dtype::Encoded { .. }, _) | (_, Dtype::Committed { .. } | Dtype::Encoded { .. })
            if dtype.resolved() != other.resolved() =>
        {
            in_full(dtype.resolved(), other.resolved())
        }
        _ => dtype.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_tell_enumerations_apart() {
        let list = |values: [i128; 3]| {
            let member = |(name, value): (&str, i128)| EnumMember { name: name.into(), value };
            let Dtype::Int(base) = Dtype::int(1, true) else { unreachable!() };
            Dtype::Enum { base, members: ["A", "B", "C"].into_iter().zip(values).map(member).collect() }
        };
        let (a, b) = (list([0, 1, 2]), list([1, 0, 2]));
        let in_array = |base: &Dtype| Dtype::Array { base: Box::new(base.clone()), dims: vec![2] };
        assert_eq!(told_apart(&a, &b), ("enum(i1: A = 0, B = 1, …)".into(), "enum(i1: A = 1, B = 0, …)".into()));
        assert_eq!(told_apart(&in_array(&a), &in_array(&b)).1, "array(enum(i1: A = 1, B = 0, …), [2])");
        assert_eq!(told_apart(&a, &Dtype::bool()).0, a.to_string());
    }
}
