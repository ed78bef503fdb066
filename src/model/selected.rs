//! Selections as files store them: in region references and in the mappings of virtual datasets.

use std::fmt;

use super::Literal;

/// Positions along one axis: `count` blocks of `block`, `stride` apart; `None` is unlimited.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SlabAxis {
    /// First position.
    pub start: u64,
    /// Distance of the blocks' starts; at least 1.
    pub stride: u64,
    /// Number of blocks.
    pub count: Option<u64>,
    /// Positions in a block.
    pub block: Option<u64>,
}

/// Selected elements of a dataspace.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Selected {
    /// All.
    All,
    /// None.
    None,
    /// A regular hyperslab, an entry for each axis.
    Slab(Vec<SlabAxis>),
    /// Boxes, by their first and last coordinates.
    Blocks(Vec<(Vec<u64>, Vec<u64>)>),
    /// Single elements in order.
    Points(Vec<Vec<u64>>),
}

impl SlabAxis {
    /// `start .. stop`.
    pub fn range(start: u64, stop: u64) -> Self {
        Self { start, stride: 1, count: Some(1), block: Some(stop - start) }
    }

    /// The same positions in one way of saying them.
    fn canonical(self) -> Self {
        let Self { start, mut stride, mut count, mut block } = self;
        if let (Some(c), Some(b)) = (count, block) {
            if c > 1 && stride == b {
                (count, block) = (Some(1), Some(c.saturating_mul(b)));
            }
            if count == Some(1) {
                stride = 1;
            }
        }
        Self { start, stride, count, block }
    }

    /// `a:b`, `a:b:s`, where the axis can be said so.
    fn text(self) -> Option<String> {
        let Self { start, stride, count, block } = self;
        match (count?, block?) {
            (1, b) => Some(format!("{start}:{}", start.checked_add(b)?)),
            (c, 1) if c > 0 => Some(format!("{start}:{}:{stride}", start.checked_add((c - 1).checked_mul(stride)?)?.checked_add(1)?)),
            _ => None,
        }
    }
}

impl Selected {
    /// The same elements in one way of saying them.
    pub fn canonical(self) -> Self {
        match self {
            Selected::Slab(axes) => Selected::Slab(axes.into_iter().map(SlabAxis::canonical).collect()),
            Selected::Blocks(mut blocks) => {
                blocks.sort();
                match blocks.as_slice() {
                    [(first, last)] => Selected::Slab(first.iter().zip(last).map(|(a, b)| SlabAxis::range(*a, b + 1)).collect()),
                    _ => Selected::Blocks(blocks),
                }
            }
            other => other,
        }
    }

    /// Reads the forms of a manifest: `"all"`, `"none"`, `"0:2, 1:9:2"` with both ends written out,
    /// `{ start, stride, count, block }`, `{ points = […] }`, `{ blocks = [[first, last], …] }`. The error is a clause.
    pub fn from_literal(literal: &Literal) -> Result<Self, String> {
        match literal {
            Literal::Text(text) => Self::from_text(text),
            Literal::Table(fields) => Self::from_table(fields),
            Literal::Bool(_) | Literal::Int(_) | Literal::Float(_) | Literal::List(_) => {
                Err(format!("{literal} is not a selection such as \"0:2, 1:9:2\""))
            }
        }
    }

    fn from_text(text: &str) -> Result<Self, String> {
        match text.trim() {
            "all" | "..." => return Ok(Selected::All),
            "none" => return Ok(Selected::None),
            _ => {}
        }
        let axis = |part: &str| -> Option<SlabAxis> {
            let numbers: Vec<u64> = part.split(':').map(|n| n.trim().parse().ok()).collect::<Option<_>>()?;
            match numbers.as_slice() {
                [at] => Some(SlabAxis::range(*at, at.checked_add(1)?)),
                [start, stop] if start < stop => Some(SlabAxis::range(*start, *stop)),
                [start, stop, stride] if start < stop && *stride > 0 => {
                    Some(SlabAxis { start: *start, stride: *stride, count: Some((stop - start).div_ceil(*stride)), block: Some(1) })
                }
                _ => None,
            }
        };
        let axes: Option<Vec<SlabAxis>> = text.split(',').map(axis).collect();
        axes.map(Selected::Slab)
            .ok_or_else(|| format!("\"{text}\" is not a selection with both ends written out, such as \"0:2, 1:9:2\" (or all, none)"))
    }

    fn from_table(fields: &[(String, Literal)]) -> Result<Self, String> {
        let get = |key: &str| fields.iter().find(|(k, _)| k == key).map(|(_, v)| v);
        const KEYS: [&str; 6] = ["start", "stride", "count", "block", "points", "blocks"];
        if let Some((key, _)) = fields.iter().find(|(k, _)| !KEYS.contains(&k.as_str())) {
            return Err(format!("`{key}` is not a key of a selection; its keys are {}", KEYS.join(", ")));
        }
        match (get("points"), get("blocks"), fields.len()) {
            (Some(points), _, 1) => {
                return list(points, "points")?.iter().map(|p| numbers(p, "points")).collect::<Result<_, _>>().map(Selected::Points);
            }
            (_, Some(blocks), 1) => {
                let block = |l: &Literal| -> Result<(Vec<u64>, Vec<u64>), String> {
                    match list(l, "blocks")? {
                        [first, last] => {
                            let (first, last) = (numbers(first, "blocks")?, numbers(last, "blocks")?);
                            let sound = first.len() == last.len() && first.iter().zip(&last).all(|(a, b)| a <= b && *b < u64::MAX);
                            if sound { Ok((first, last)) } else { Err("a block is [first, last], both with a number for each axis".into()) }
                        }
                        _ => Err("a block is [first, last]".into()),
                    }
                };
                return list(blocks, "blocks")?.iter().map(block).collect::<Result<_, _>>().map(Selected::Blocks);
            }
            _ => {}
        }
        let start = numbers(get("start").ok_or("the selection needs `start`")?, "start")?;
        let column = |key: &str| -> Result<Vec<Option<u64>>, String> {
            let Some(value) = get(key) else { return Ok(vec![Some(1); start.len()]) };
            let column: Vec<Option<u64>> = list(value, key)?.iter().map(|v| unlimited(v, key)).collect::<Result<_, _>>()?;
            if column.len() == start.len() { Ok(column) } else { Err(format!("`{key}` and `start` have different lengths")) }
        };
        let (stride, count, block) = (column("stride")?, column("count")?, column("block")?);
        let axis = |i: usize| -> Result<SlabAxis, String> {
            let stride = stride[i].filter(|s| *s > 0).ok_or("`stride` is at least 1")?;
            Ok(SlabAxis { start: start[i], stride, count: count[i], block: block[i] })
        };
        (0..start.len()).map(axis).collect::<Result<_, _>>().map(Selected::Slab)
    }

    /// The manifest's way to say it; [`Selected::from_literal`] gives it back.
    pub fn literal(&self) -> Literal {
        let numbers = |list: &[u64]| Literal::List(list.iter().map(|n| Literal::Int(i128::from(*n))).collect());
        match self {
            Selected::All => Literal::Text("all".into()),
            Selected::None => Literal::Text("none".into()),
            Selected::Slab(axes) => {
                let text: Option<Vec<String>> = axes.iter().map(|a| a.text()).collect();
                if let Some(text) = text.map(|t| t.join(", ")).filter(|t| Self::from_text(t).as_ref() == Ok(self)) {
                    return Literal::Text(text);
                }
                let column = |f: fn(&SlabAxis) -> Option<u64>| {
                    let one = |a: &SlabAxis| f(a).map_or(Literal::Text("unlimited".into()), |n| Literal::Int(i128::from(n)));
                    Literal::List(axes.iter().map(one).collect())
                };
                Literal::Table(vec![
                    ("start".into(), column(|a| Some(a.start))),
                    ("stride".into(), column(|a| Some(a.stride))),
                    ("count".into(), column(|a| a.count)),
                    ("block".into(), column(|a| a.block)),
                ])
            }
            Selected::Blocks(blocks) => {
                let block = |(first, last): &(Vec<u64>, Vec<u64>)| Literal::List(vec![numbers(first), numbers(last)]);
                Literal::Table(vec![("blocks".into(), Literal::List(blocks.iter().map(block).collect()))])
            }
            Selected::Points(points) => Literal::Table(vec![("points".into(), Literal::List(points.iter().map(|p| numbers(p)).collect()))]),
        }
    }

    /// Number of selected elements, where that is bounded and known without an extent.
    pub fn elements(&self) -> Option<u64> {
        match self {
            Selected::All => None,
            Selected::None => Some(0),
            Selected::Slab(axes) => axes.iter().try_fold(1u64, |n, a| n.checked_mul(a.count?)?.checked_mul(a.block?)),
            Selected::Blocks(blocks) => blocks.iter().try_fold(0u64, |n, (first, last)| {
                let volume = first.iter().zip(last).try_fold(1u64, |v, (a, b)| v.checked_mul(b.checked_sub(*a)?.checked_add(1)?))?;
                n.checked_add(volume)
            }),
            Selected::Points(points) => Some(points.len() as u64),
        }
    }

    /// The smallest extent that holds the selection, where it has bounds.
    pub fn bounds(&self) -> Option<Vec<u64>> {
        let most = |lists: &mut dyn Iterator<Item = &Vec<u64>>| {
            lists.fold(None, |most: Option<Vec<u64>>, at| {
                let at = at.iter().map(|n| n.saturating_add(1));
                Some(match most {
                    None => at.collect(),
                    Some(most) => most.into_iter().zip(at).map(|(a, b)| a.max(b)).collect(),
                })
            })
        };
        match self {
            Selected::All | Selected::None => None,
            Selected::Slab(axes) => {
                axes.iter().map(|a| a.start.checked_add(a.count?.checked_sub(1)?.checked_mul(a.stride)?)?.checked_add(a.block?)).collect()
            }
            Selected::Blocks(blocks) => most(&mut blocks.iter().map(|(_, last)| last)),
            Selected::Points(points) => most(&mut points.iter()),
        }
    }
}

fn list<'a>(literal: &'a Literal, key: &str) -> Result<&'a [Literal], String> {
    match literal {
        Literal::List(items) => Ok(items),
        other => Err(format!("`{key}` is a list, not {other}")),
    }
}

fn numbers(literal: &Literal, key: &str) -> Result<Vec<u64>, String> {
    list(literal, key)?.iter().map(|n| unlimited(n, key)?.ok_or_else(|| format!("`{key}` cannot be unlimited"))).collect()
}

fn unlimited(literal: &Literal, key: &str) -> Result<Option<u64>, String> {
    match literal {
        Literal::Text(word) if word == "unlimited" => Ok(None),
        Literal::Int(n) => u64::try_from(*n).map(Some).map_err(|_| format!("{n} is not a number for `{key}`")),
        other => Err(format!("{other} is not a number for `{key}`")),
    }
}

impl fmt::Display for Selected {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.literal() {
            Literal::Text(text) => f.write_str(&text),
            other => other.fmt(f),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forms_survive() {
        let axis = |start, stride, count, block| SlabAxis { start, stride, count, block };
        for selected in [
            Selected::All,
            Selected::None,
            Selected::Slab(vec![axis(0, 1, Some(1), Some(2)), axis(1, 2, Some(4), Some(1))]),
            Selected::Slab(vec![axis(0, 3, None, Some(2))]),
            Selected::Slab(vec![axis(0, 1, Some(1), None)]),
            Selected::Slab(vec![axis(5, 7, Some(1), Some(1)), axis(0, 1, Some(4), Some(1))]),
            Selected::Blocks(vec![(vec![0, 0], vec![1, 1]), (vec![4, 4], vec![4, 9])]),
            Selected::Points(vec![vec![3, 1], vec![0, 0]]),
        ] {
            assert_eq!(Selected::from_literal(&selected.literal()), Ok(selected));
        }
        let text = |t: &str| Selected::from_literal(&Literal::Text(t.into()));
        assert_eq!(text("0:2, 1:8:2").unwrap().bounds(), Some(vec![2, 8]));
        assert_eq!(text("3").unwrap().elements(), Some(1));
        for bad in ["", "1:", ":", "2:1", "0:4:0", "-1", "a"] {
            assert!(text(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn one_way_of_saying_it() {
        let axis = |start, stride, count, block| SlabAxis { start, stride, count: Some(count), block: Some(block) };
        let one = |a| Selected::Slab(vec![a]).canonical();
        assert_eq!(one(axis(2, 1, 3, 1)), one(axis(2, 3, 1, 3)));
        assert_eq!(one(axis(2, 9, 1, 3)), one(axis(2, 1, 1, 3)));
        assert_ne!(one(axis(2, 2, 3, 1)), one(axis(2, 1, 3, 1)));
        assert_eq!(Selected::Blocks(vec![(vec![1], vec![4])]).canonical(), one(axis(1, 1, 1, 4)));
    }
}
