//! BloscLZ, blosc's own compressor.
//!
//! Bytes below 32 (the first byte: its low 5 bits) begin c + 1 literal bytes. Others are `LLLooooo`: L + 2 bytes,
//! and where L is 7, bytes are added up to the first that is not 255; then a byte of offset. The distance is
//! o + 1, and where all of o is ones (31 and 255), a 16-bit number + 8192.

use super::bytes::{Damage, Reader, TOO_LONG, copy_back};
use super::repeats::{Limits, pieces};

/// Distances from here on take two more bytes.
const FAR: usize = 8191;
const LIMITS: Limits = Limits { shortest: 4, longest: usize::MAX, farthest: 65_535 + FAR - 1, tail: 12 };

/// `None` where it would not be shorter.
pub(super) fn encode(data: &[u8]) -> Option<Vec<u8>> {
    if data.len() < 16 {
        return None;
    }
    let mut out = Vec::with_capacity(data.len());
    pieces(data, &LIMITS, |piece| {
        piece.put_literals(&mut out);
        if piece.len > 0 {
            repeat(&mut out, piece.distance - 1, piece.len - 2);
        }
    });
    // The mark of the format.
    *out.first_mut()? |= 1 << 5;
    (out.len() < data.len()).then_some(out)
}

fn repeat(out: &mut Vec<u8>, offset: usize, len: usize) {
    let high = if offset < FAR { offset >> 8 } else { 31 };
    out.push((len.min(7) << 5 | high) as u8);
    if let Some(mut more) = len.checked_sub(7) {
        while more >= 255 {
            out.push(255);
            more -= 255;
        }
        out.push(more as u8);
    }
    if offset < FAR {
        out.push(offset as u8);
    } else {
        out.push(255);
        out.extend(((offset - FAR) as u16).to_be_bytes());
    }
}

/// At most `most` bytes.
pub(super) fn decode(data: &[u8], most: usize) -> Result<Vec<u8>, Damage> {
    let mut input = Reader::new(data);
    let mut out = Vec::new();
    let mut control = input.u8()? & 31;
    loop {
        if control < 32 {
            if out.len() + control + 1 > most {
                return Err(TOO_LONG);
            }
            out.extend_from_slice(input.take(control + 1)?);
        } else {
            let mut len = (control >> 5) + 2;
            if len == 9 {
                loop {
                    let more = input.u8()?;
                    len += more;
                    if more < 255 {
                        break;
                    }
                }
            }
            let (high, low) = (control & 31, input.u8()?);
            let offset = if (high, low) == (31, 255) { (input.u8()? << 8 | input.u8()?) + FAR } else { high << 8 | low };
            copy_back(&mut out, offset + 1, len, most)?;
        }
        if input.left() == 0 {
            return Ok(out);
        }
        control = input.u8()?;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_bytes() {
        assert_eq!(decode(&[0x20, 5, 0xE0, 0, 0, 0, 9], 100).unwrap(), [vec![5; 10], vec![9]].concat());
        assert_eq!(encode(&[5; 64]).unwrap(), [&[0x20, 5, 0xE0, 42, 0, 11][..], &[5; 12]].concat());
        assert!(
            decode(&[], 100).is_err() && decode(&[0x20, 5, 0xE0, 255], 100).is_err() && decode(&[0x20, 5, 0x20, 1, 0, 1], 100).is_err()
        );
    }

    #[test]
    fn far_repeats() {
        let mut data: Vec<u8> =
            (0..20_000u32).map(|i| (i.wrapping_mul(i) >> 3).wrapping_mul(2_654_435_761) as u8 ^ (i >> 5) as u8).collect();
        data.extend_from_within(..9_000);
        let packed = encode(&data).unwrap();
        assert!(packed.len() < data.len());
        assert_eq!(decode(&packed, data.len()).unwrap(), data);
    }
}
