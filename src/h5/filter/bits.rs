//! Regrouping bytes and bits of elements, before compression.

/// Bytes by their place in the element: first all first bytes, then all second ones; what is left over stays.
pub(super) fn shuffle(data: &[u8], element: usize) -> Vec<u8> {
    match element {
        2 => shuffle_by::<2>(data),
        4 => shuffle_by::<4>(data),
        8 => shuffle_by::<8>(data),
        16 => shuffle_by::<16>(data),
        _ => shuffle_any(data, element),
    }
}

/// The inverse of [`shuffle`].
pub(super) fn unshuffle(data: &[u8], element: usize) -> Vec<u8> {
    match element {
        2 => unshuffle_by::<2>(data),
        4 => unshuffle_by::<4>(data),
        8 => unshuffle_by::<8>(data),
        16 => unshuffle_by::<16>(data),
        _ => unshuffle_any(data, element),
    }
}

/// Elements that are regrouped at once: as many as bytes in a register.
const GROUP: usize = 16;

/// [`shuffle`] of elements whose size the compiler knows, so that it can work on whole registers.
fn shuffle_by<const N: usize>(data: &[u8]) -> Vec<u8> {
    let (elements, rest) = data.as_chunks::<N>();
    let (groups, single) = elements.as_chunks::<GROUP>();
    let count = elements.len();
    let mut out = vec![0; data.len()];
    for (g, group) in groups.iter().enumerate() {
        for j in 0..N {
            let row: [u8; GROUP] = std::array::from_fn(|i| group[i][j]);
            out[j * count + g * GROUP..][..GROUP].copy_from_slice(&row);
        }
    }
    for (i, element) in single.iter().enumerate() {
        element.iter().enumerate().for_each(|(j, byte)| out[j * count + groups.len() * GROUP + i] = *byte);
    }
    out[count * N..].copy_from_slice(rest);
    out
}

/// [`unshuffle`] of elements whose size the compiler knows.
fn unshuffle_by<const N: usize>(data: &[u8]) -> Vec<u8> {
    let count = data.len() / N;
    let mut out = vec![0; data.len()];
    let (elements, rest) = out.as_chunks_mut::<N>();
    rest.copy_from_slice(&data[count * N..]);
    let rows: [&[u8]; N] = std::array::from_fn(|j| &data[j * count..(j + 1) * count]);
    let (groups, single) = elements.as_chunks_mut::<GROUP>();
    let whole = groups.len() * GROUP;
    for (g, group) in groups.iter_mut().enumerate() {
        let bytes: [&[u8]; N] = rows.map(|row| &row[g * GROUP..(g + 1) * GROUP]);
        for (i, element) in group.iter_mut().enumerate() {
            *element = std::array::from_fn(|j| bytes[j][i]);
        }
    }
    for (i, element) in single.iter_mut().enumerate() {
        *element = std::array::from_fn(|j| rows[j][whole + i]);
    }
    out
}

fn shuffle_any(data: &[u8], element: usize) -> Vec<u8> {
    let count = data.len() / element;
    let mut out = vec![0; data.len()];
    for (i, bytes) in data.chunks_exact(element).enumerate() {
        for (j, byte) in bytes.iter().enumerate() {
            out[j * count + i] = *byte;
        }
    }
    out[count * element..].copy_from_slice(&data[count * element..]);
    out
}

fn unshuffle_any(data: &[u8], element: usize) -> Vec<u8> {
    let count = data.len() / element;
    let mut out = vec![0; data.len()];
    for (i, bytes) in out.chunks_exact_mut(element).enumerate() {
        for (j, byte) in bytes.iter_mut().enumerate() {
            *byte = data[j * count + i];
        }
    }
    out[count * element..].copy_from_slice(&data[count * element..]);
    out
}

/// Bits by their place in the element, as bitshuffle does: a row for every bit of an element, lowest first; bit i % 8
/// of byte i / 8 of a row is element i's. The data are a multiple of 8 elements.
pub(super) fn bitshuffle(data: &[u8], element: usize) -> Vec<u8> {
    let row = data.len() / element / 8;
    let mut out = vec![0; data.len()];
    for (group, bytes) in data.chunks_exact(8 * element).enumerate() {
        for j in 0..element {
            let column: [u8; 8] = std::array::from_fn(|n| bytes[n * element + j]);
            for (k, byte) in transposed(column).into_iter().enumerate() {
                out[(8 * j + k) * row + group] = byte;
            }
        }
    }
    out
}

/// The inverse of [`bitshuffle`].
pub(super) fn bitunshuffle(data: &[u8], element: usize) -> Vec<u8> {
    let row = data.len() / element / 8;
    let mut out = vec![0; data.len()];
    for (group, bytes) in out.chunks_exact_mut(8 * element).enumerate() {
        for j in 0..element {
            let column: [u8; 8] = std::array::from_fn(|k| data[(8 * j + k) * row + group]);
            for (n, byte) in transposed(column).into_iter().enumerate() {
                bytes[n * element + j] = byte;
            }
        }
    }
    out
}

/// Bit k of byte n becomes bit n of byte k (Hacker's Delight, 7-3).
fn transposed(bytes: [u8; 8]) -> [u8; 8] {
    let mut x = u64::from_le_bytes(bytes);
    for (shift, mask) in [(7, 0x00AA_00AA_00AA_00AA), (14, 0x0000_CCCC_0000_CCCC), (28, 0x0000_0000_F0F0_F0F0)] {
        let swapped = (x ^ (x >> shift)) & mask;
        x ^= swapped ^ (swapped << shift);
    }
    x.to_le_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_bytes() {
        assert_eq!(shuffle(&[1, 2, 3, 4, 5, 6, 7], 3), [1, 4, 2, 5, 3, 6, 7]);
        let data: Vec<u8> = (0..16).collect();
        // Elements 0x0100, 0x0302, …: bit 0 is never set in the low bytes, always in the high ones.
        let bits = bitshuffle(&data, 2);
        assert_eq!((bits[0], bits[1], bits[2], bits[3], bits[8]), (0, 0xAA, 0xCC, 0xF0, 0xFF));
    }

    #[test]
    fn inverses() {
        for element in [1, 2, 3, 8, 300] {
            let data: Vec<u8> = (0..element * 24).map(|i| (i * i / 7) as u8).collect();
            assert_eq!(unshuffle(&shuffle(&data, element), element), data);
            assert_eq!(bitunshuffle(&bitshuffle(&data, element), element), data);
            let odd = &data[..data.len() - 1];
            assert_eq!(unshuffle(&shuffle(odd, element), element), odd);
        }
    }

    #[test]
    fn known_sizes_are_no_exception() {
        for element in [2, 4, 8, 16] {
            for len in [0, element - 1, element, 15 * element, 16 * element + 1, 33 * element, 100 * element + element / 2] {
                let data: Vec<u8> = (0..len).map(|i| (i * 31 % 251) as u8).collect();
                let shuffled = shuffle(&data, element);
                assert_eq!(shuffled, shuffle_any(&data, element));
                assert_eq!((unshuffle(&shuffled, element), unshuffle_any(&shuffled, element)), (data.clone(), data));
            }
        }
    }
}
