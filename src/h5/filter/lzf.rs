//! LZF, as h5py's filter 32000 stores it (LibLZF's stream without a header).
//!
//! `000LLLLL` and L + 1 bytes; `LLLooooo oooooooo`: L + 2 bytes from o + 1 back; `111ooooo LLLLLLLL oooooooo`:
//! L + 9 bytes.

use super::bytes::{Damage, Reader, TOO_LONG, copy_back};
use super::repeats::{Limits, pieces};

const LIMITS: Limits = Limits { shortest: 3, longest: 264, farthest: 1 << 13, tail: 0 };

/// Never longer than the data by more than one byte of 32, and one.
pub(super) fn encode(data: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(data.len());
    pieces(data, &LIMITS, |piece| {
        piece.put_literals(&mut out);
        if piece.len > 0 {
            let (len, offset) = (piece.len - 2, piece.distance - 1);
            let high = (offset >> 8) as u8;
            if len < 7 {
                out.push((len as u8) << 5 | high);
            } else {
                out.extend([7 << 5 | high, (len - 7) as u8]);
            }
            out.push(offset as u8);
        }
    });
    out
}

/// At most `most` bytes.
pub(super) fn decode(data: &[u8], most: usize) -> Result<Vec<u8>, Damage> {
    let mut input = Reader::new(data);
    let mut out = Vec::new();
    while input.left() > 0 {
        let control = input.u8()?;
        if control < 32 {
            if out.len() + control + 1 > most {
                return Err(TOO_LONG);
            }
            out.extend_from_slice(input.take(control + 1)?);
            continue;
        }
        let len = match control >> 5 {
            7 => 9 + input.u8()?,
            len => 2 + len,
        };
        let distance = ((control & 31) << 8 | input.u8()?) + 1;
        copy_back(&mut out, distance, len, most)?;
    }
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_bytes() {
        assert_eq!(decode(&[0, b'a', 0xE0, 20, 0], 100).unwrap(), [b'a'; 30]);
        assert_eq!(decode(&[2, 1, 2, 3, 1 << 5, 2, 0, 9], 100).unwrap(), [1, 2, 3, 1, 2, 3, 9]);
        assert_eq!(encode(&[7; 34]), [0, 7, 7 << 5, 29 - 9, 0, 3, 7, 7, 7, 7]);
        assert!(decode(&[1 << 5, 0], 100).is_err() && decode(&[3, 1], 100).is_err() && decode(&[0, 1, 0xE0, 255, 0], 100).is_err());
    }
}
