//! Fletcher's checksum as HDF5 has it (filter 3; H5checksum.c): over 16-bit words, most significant byte first, in four bytes behind the data, least
//! significant first.

use super::bytes::Damage;

/// Words after which the sums are reduced: more could overflow.
const WORDS: usize = 360;

fn checksum(data: &[u8]) -> u32 {
    let (mut low, mut high) = (0u32, 0u32);
    let reduced = |sum: u32| (sum & 0xFFFF) + (sum >> 16);
    let (words, last) = data.as_chunks::<2>();
    for run in words.chunks(WORDS) {
        for word in run {
            low += u32::from(u16::from_be_bytes(*word));
            high += low;
        }
        (low, high) = (reduced(low), reduced(high));
    }
    if let [last] = last {
        low += u32::from(*last) << 8;
        high += low;
        (low, high) = (reduced(low), reduced(high));
    }
    reduced(high) << 16 | reduced(low)
}

/// The data and their checksum.
pub(super) fn encode(mut data: Vec<u8>) -> Vec<u8> {
    let sum = checksum(&data);
    data.extend(sum.to_le_bytes());
    data
}

/// The data without their checksum, if it is theirs.
pub(super) fn decode(mut data: Vec<u8>) -> Result<Vec<u8>, Damage> {
    let Some((rest, sum)) = data.split_last_chunk::<4>() else { return Err("they have no checksum") };
    if u32::from_le_bytes(*sum) != checksum(rest) {
        return Err("the checksum is wrong");
    }
    data.truncate(data.len() - 4);
    Ok(data)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_sums() {
        // By hand: words 0x0102 and 0x0300; their sum, and 0x0102 + (0x0102 + 0x0300).
        assert_eq!(checksum(&[1, 2, 3]), 0x0504_0402);
        assert_eq!(checksum(&[]), 0);
        assert_eq!(decode(encode(vec![1, 2, 3])).unwrap(), [1, 2, 3]);
        assert!(decode(vec![1, 2, 3, 0, 0, 0, 0]).is_err() && decode(vec![0; 3]).is_err());
    }
}
