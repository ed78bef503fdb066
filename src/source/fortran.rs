//! Row-major reading of arrays that are stored with the first axis fastest.

use std::io;

use super::bytes::Bytes;

/// Bytes that are turned around at once.
const WINDOW: u64 = 8 << 20;
/// Bytes of neighbouring columns that are read at once where columns are short.
const SPAN: u64 = 1 << 20;
/// A column of fewer bytes is read whole, with its neighbours.
const SHORT_COLUMN: u64 = 64 << 10;
/// Elements that lie closer, in bytes, are read with all between them; others each on its own.
const NEAR: u64 = 1 << 10;

/// The turning around, with the elements turned last.
///
/// A window is some indices along one axis (the split), the axes before it fixed, those behind it
/// whole. Where rows fit a window the split is the first axis, and every byte is read once or, of
/// short columns, once a window. Longer rows cost more: what lies between is read again for each row.
pub(super) struct Fortran {
    dims: Vec<u64>,
    /// Bytes of an element.
    size: u64,
    split: usize,
    /// Elements from one index along the split to the next in the file: all of the axes before.
    stride: u64,
    /// Elements behind one index along the split: all of the axes after.
    inner: u64,
    /// First element of the window, row-major.
    first: u64,
    window: Vec<u8>,
}

impl Fortran {
    /// `dims` without a zero and with a product of bytes that fits 64 bits.
    pub(super) fn new(dims: Vec<u64>, size: usize) -> Self {
        let size = size as u64;
        let inner = |axis: usize| dims[axis + 1..].iter().product::<u64>();
        let last = dims.len().saturating_sub(1);
        let split = (0..last).find(|&axis| inner(axis) * size <= WINDOW).unwrap_or(last);
        let (stride, inner) = (dims[..split].iter().product(), inner(split));
        Self { dims, size, split, stride, inner, first: 0, window: Vec::new() }
    }

    /// Fills `out` with elements from `start` on; the array begins at byte `base`.
    pub(super) fn read(&mut self, bytes: &mut Bytes, base: u64, start: u64, mut out: &mut [u8]) -> io::Result<()> {
        let mut at = start * self.size;
        while !out.is_empty() {
            let first = self.first * self.size;
            if at < first || at - first >= self.window.len() as u64 {
                self.turn(bytes, base, at / self.size)?;
                continue;
            }
            // Within the window, which is in memory.
            let ready = &self.window[(at - first) as usize..];
            let taken = ready.len().min(out.len());
            let (now, later) = std::mem::take(&mut out).split_at_mut(taken);
            now.copy_from_slice(&ready[..taken]);
            out = later;
            at += taken as u64;
        }
        Ok(())
    }

    /// Fills the window with elements from `wanted` on, or from the beginning of its row.
    fn turn(&mut self, bytes: &mut Bytes, base: u64, wanted: u64) -> io::Result<()> {
        let (size, stride, along) = (self.size, self.stride, self.dims[self.split]);
        let row = wanted / self.inner;
        let index = row % along;
        // Elements within `stride` of one another are read together, so they count, too.
        let near = stride * size <= NEAR;
        let most = WINDOW / (size * self.inner.max(if near { stride } else { 1 }));
        let count = most.max(1).min(along - index);
        let column = stride * along;
        let begin = self.before_split(row / along) + index * stride;
        let run = (count - 1) * stride + 1;
        let whole = near && column * size <= SHORT_COLUMN;
        let together = if whole { (SPAN / (column * size)).max(1) } else { 1 };

        self.first = row * self.inner;
        self.window.clear();
        self.window.resize((count * self.inner * size) as usize, 0);
        let (step, width) = ((stride * size) as usize, (self.inner * size) as usize);
        let mut buffer = Vec::new();
        let mut place = Place::new(&self.dims[self.split + 1..]);
        let mut next = 0;
        while next < self.inner {
            let taken = together.min(self.inner - next);
            let at = base + (begin + next * column) * size;
            if near {
                buffer.resize((((taken - 1) * column + run) * size) as usize, 0);
                bytes.read_at(at, &mut buffer)?;
            }
            for i in 0..taken {
                let to = &mut self.window[(place.row_major() * size) as usize..];
                if near {
                    scatter(&buffer[(i * column * size) as usize..], step, to, width, size as usize, count as usize);
                } else {
                    for (k, to) in (0..count).zip(to.chunks_mut(width)) {
                        bytes.read_at(at + k * stride * size, &mut to[..size as usize])?;
                    }
                }
                place.advance();
            }
            next += taken;
        }
        Ok(())
    }

    /// Place in the file, in elements, of a row-major place among the axes before the split.
    fn before_split(&self, mut row_major: u64) -> u64 {
        let mut stride = self.stride;
        let mut at = 0;
        for &d in self.dims[..self.split].iter().rev() {
            stride /= d;
            at += row_major % d * stride;
            row_major /= d;
        }
        at
    }
}

/// `count` elements of `size` bytes, from every `step` bytes to every `width` bytes.
fn scatter(from: &[u8], step: usize, to: &mut [u8], width: usize, size: usize, count: usize) {
    fn fixed<const N: usize>(from: &[u8], step: usize, to: &mut [u8], width: usize, count: usize) {
        for (from, to) in from.chunks(step).zip(to.chunks_mut(width)).take(count) {
            to[..N].copy_from_slice(&from[..N]);
        }
    }
    match size {
        1 => fixed::<1>(from, step, to, width, count),
        2 => fixed::<2>(from, step, to, width, count),
        4 => fixed::<4>(from, step, to, width, count),
        8 => fixed::<8>(from, step, to, width, count),
        16 => fixed::<16>(from, step, to, width, count),
        _ => {
            for (from, to) in from.chunks(step).zip(to.chunks_mut(width)).take(count) {
                to[..size].copy_from_slice(&from[..size]);
            }
        }
    }
}

/// An index that counts with the first axis fastest and knows its row-major place.
struct Place {
    /// For each axis: index, size, row-major stride.
    axes: Vec<(u64, u64, u64)>,
}

impl Place {
    fn new(dims: &[u64]) -> Self {
        let mut stride = 1;
        let mut axes = Vec::with_capacity(dims.len());
        for &size in dims.iter().rev() {
            axes.push((0, size, stride));
            stride *= size;
        }
        axes.reverse();
        Self { axes }
    }

    fn row_major(&self) -> u64 {
        self.axes.iter().map(|(i, _, stride)| i * stride).sum()
    }

    fn advance(&mut self) {
        for (i, size, _) in &mut self.axes {
            *i += 1;
            if *i < *size {
                return;
            }
            *i = 0;
        }
    }
}
