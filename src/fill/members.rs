//! Compounds, each member by its own rule.

use super::filler::{Filler, Open};
use crate::model::{CompoundMember, Dtype, Elements, Field, Shape};

/// The rules of a compound's members, made ready.
pub(super) struct Members {
    /// Bytes of an element.
    size: usize,
    list: Vec<Member>,
}

/// One member's rule.
struct Member {
    filler: Filler,
    /// First byte in the element.
    offset: usize,
    /// Bytes of the member.
    size: usize,
    /// Elements of the rule that make one member: more than one where the member is an array.
    each: u64,
}

impl Members {
    /// Makes every member's rule ready; `stream` is the compound's.
    pub(super) fn new(fields: &[Field], stream: &[u8], dtype: &Dtype, shape: &Shape, open: Open<'_>) -> Result<Self, String> {
        let one = |field: &Field, member: &CompoundMember| -> Result<Member, String> {
            let (each, inner, shape) = field.rule.within(member, shape);
            let filler = Filler::with(&field.fill(stream), &inner, &shape, open)?;
            Ok(Member { filler, offset: member.offset, size: member.dtype.size(), each })
        };
        let list = fields.iter().filter_map(|f| f.member(dtype).map(|m| one(f, m))).collect::<Result<_, _>>()?;
        Ok(Self { size: dtype.size(), list })
    }

    /// Elements `start .. start + count`; bytes between members are 0.
    pub(super) fn run(&self, start: u64, count: usize) -> Result<Elements, String> {
        let mut out = vec![0; count * self.size];
        for member in &self.list {
            let made = member.filler.fill(start * member.each, count * member.each as usize)?;
            let Elements::Fixed(bytes) = made else { return Err("a member without a fixed size is not supported yet".into()) };
            for (element, part) in out.chunks_exact_mut(self.size).zip(bytes.chunks_exact(member.size)) {
                element[member.offset..member.offset + member.size].copy_from_slice(part);
            }
        }
        Ok(Elements::Fixed(out))
    }

    /// Does any member come from a sequential source?
    pub(super) fn is_sequential(&self) -> bool {
        self.list.iter().any(|m| m.filler.is_sequential())
    }
}
