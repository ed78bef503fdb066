//! Reading compressed data: every access is checked.

/// Why data cannot be decoded: a clause.
pub(super) type Damage = &'static str;

/// What a decoder says where data end too early.
pub(super) const TOO_SHORT: Damage = "they end too early";
/// What a decoder says where it would make more than a chunk can hold.
pub(super) const TOO_LONG: Damage = "they are longer than the chunk";

/// A position in data.
pub(super) struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    pub fn new(data: &'a [u8]) -> Self {
        Self { rest: data }
    }

    /// Bytes left.
    pub fn left(&self) -> usize {
        self.rest.len()
    }

    /// The next bytes.
    pub fn take(&mut self, count: usize) -> Result<&'a [u8], Damage> {
        let (head, rest) = self.rest.split_at_checked(count).ok_or(TOO_SHORT)?;
        self.rest = rest;
        Ok(head)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], Damage> {
        let (head, rest) = self.rest.split_first_chunk().ok_or(TOO_SHORT)?;
        self.rest = rest;
        Ok(*head)
    }

    pub fn u8(&mut self) -> Result<usize, Damage> {
        self.array::<1>().map(|[byte]| usize::from(byte))
    }

    pub fn u32_be(&mut self) -> Result<usize, Damage> {
        self.array().map(|bytes| u32::from_be_bytes(bytes) as usize)
    }

    pub fn u32_le(&mut self) -> Result<usize, Damage> {
        self.array().map(|bytes| u32::from_le_bytes(bytes) as usize)
    }

    /// A size; more than `most` is damage.
    pub fn u64_be(&mut self, most: usize) -> Result<usize, Damage> {
        let size = self.array().map(u64::from_be_bytes)?;
        usize::try_from(size).ok().filter(|size| *size <= most).ok_or(TOO_LONG)
    }
}

/// Appends `len` bytes that stand `distance` bytes before the end; where they overlap, they repeat.
pub(super) fn copy_back(out: &mut Vec<u8>, distance: usize, len: usize, most: usize) -> Result<(), Damage> {
    let from = out.len().checked_sub(distance).filter(|_| distance > 0).ok_or("they refer to bytes before the beginning")?;
    if out.len() + len > most {
        return Err(TOO_LONG);
    }
    if distance >= len {
        out.extend_from_within(from..from + len);
    } else {
        (0..len).for_each(|i| out.push(out[from + i]));
    }
    Ok(())
}
