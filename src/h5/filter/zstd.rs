//! Zstandard, as the HDF5 plugin (filter 32015) stores it: one frame that says its size.

use std::io::Read;

use super::bytes::{Damage, TOO_LONG};

/// `None` where zstd fails.
pub(super) fn encode(data: &[u8], level: i32) -> Option<Vec<u8>> {
    zstd::bulk::compress(data, level).ok()
}

/// At most `most` bytes. Memory grows with what is there, whatever the frame says of its size.
pub(super) fn decode(data: &[u8], most: usize) -> Result<Vec<u8>, Damage> {
    const WRONG: Damage = "the zstd frame is broken";
    let mut decoder = zstd::stream::read::Decoder::with_buffer(data).map_err(|_| WRONG)?;
    // A frame that asks for a larger window than a chunk can need is refused before memory is reserved; 8 MiB is what
    // RFC 8878 wants every decoder to take.
    let window = most.next_power_of_two().trailing_zeros().clamp(23, 31);
    decoder.window_log_max(window).map_err(|_| WRONG)?;
    let mut out = Vec::new();
    decoder.take(most as u64 + 1).read_to_end(&mut out).map_err(|_| WRONG)?;
    if out.len() > most { Err(TOO_LONG) } else { Ok(out) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_bytes() {
        // RFC 8878: magic, single segment with 1 byte of size (0x20), 3; a last raw block of 3 bytes.
        let frame = [0x28, 0xB5, 0x2F, 0xFD, 0x20, 3, 0x19, 0, 0, b'a', b'b', b'c'];
        assert_eq!(decode(&frame, 3).unwrap(), b"abc");
        assert!(decode(&frame, 2).is_err() && decode(&frame[..11], 3).is_err());
        let packed = encode(&[7; 100_000], 3).unwrap();
        assert!(packed.len() < 100);
        assert_eq!(decode(&packed, 100_000).unwrap(), [7; 100_000]);
        assert_eq!(decode(&packed, 99_999), Err(TOO_LONG));
    }
}
