//! Finding repeats: the half of a fast LZ77 compressor that lzf and blosclz share.

/// What a format can say.
pub(super) struct Limits {
    /// Bytes of the shortest repeat, 3 or 4.
    pub shortest: usize,
    /// Bytes of the longest repeat.
    pub longest: usize,
    /// Bytes back to its beginning.
    pub farthest: usize,
    /// Bytes at the end that are never part of a repeat.
    pub tail: usize,
}

/// Bytes that stand for themselves, then bytes that were there `distance` before; `len` is 0 in the last.
pub(super) struct Piece<'a> {
    pub literals: &'a [u8],
    pub distance: usize,
    pub len: usize,
}

impl Piece<'_> {
    /// Appends the literals as both formats have them: in runs of up to 32, each behind its length less one.
    pub fn put_literals(&self, out: &mut Vec<u8>) {
        for run in self.literals.chunks(32) {
            out.push((run.len() - 1) as u8);
            out.extend_from_slice(run);
        }
    }
}

const TABLE_BITS: u32 = 14;

/// Cuts data into pieces, greedily: the last place with the same first bytes is the only one that is tried.
pub(super) fn pieces<'a>(data: &'a [u8], limits: &Limits, mut each: impl FnMut(Piece<'a>)) {
    let mut table = vec![usize::MAX; 1 << TABLE_BITS];
    let end = data.len().saturating_sub(limits.tail.max(4));
    let (mut start, mut at) = (0, 0);
    while at < end {
        let slot = hash(data, at, limits.shortest);
        let before = std::mem::replace(&mut table[slot], at);
        let distance = at.wrapping_sub(before);
        let len = if before < at && distance <= limits.farthest { common(data, before, at, end, limits.longest) } else { 0 };
        if len < limits.shortest {
            at += 1;
            continue;
        }
        each(Piece { literals: &data[start..at], distance, len });
        at += len;
        start = at;
        if at < end {
            table[hash(data, at - 1, limits.shortest)] = at - 1;
        }
    }
    each(Piece { literals: &data[start..], distance: 0, len: 0 });
}

/// At least 4 bytes stand at `at`.
fn hash(data: &[u8], at: usize, bytes: usize) -> usize {
    let word = u32::from_le_bytes([data[at], data[at + 1], data[at + 2], if bytes > 3 { data[at + 3] } else { 0 }]);
    (word.wrapping_mul(2_654_435_761) >> (32 - TABLE_BITS)) as usize
}

fn common(data: &[u8], a: usize, b: usize, end: usize, most: usize) -> usize {
    data[a..].iter().zip(&data[b..end]).take(most).take_while(|(x, y)| x == y).count()
}
