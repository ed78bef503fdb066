//! Blocks of a layer, generated ahead in parallel and handed on in order.

use rayon::prelude::*;

use super::Filler;
use crate::model::{Block, Elements, Layer};

/// Bytes generated ahead, about: two windows of this size are in memory at a time.
const WINDOW_BYTES: usize = 16 << 20;

/// The elements of one block of a layer's region, row-major.
pub fn block_elements(filler: &Filler, layer: &Layer, block: &Block) -> Result<Elements, String> {
    if let Some(whole) = filler.fill_box(&layer.boxed(block)) {
        return whole;
    }
    let mut out: Option<Elements> = None;
    let mut failed = None;
    layer.runs(block, |start, count| {
        if failed.is_some() {
            return;
        }
        match (filler.fill(start, count), &mut out) {
            (Ok(run), Some(all)) => all.append(run),
            (Ok(run), none) => *none = Some(run),
            (Err(e), _) => failed = Some(e),
        }
    });
    match (failed, out) {
        (Some(e), _) => Err(e),
        (None, Some(elements)) => Ok(elements),
        (None, None) => Err("a block has no elements".into()),
    }
}

/// Makes the values of `numbers` in parallel, one window ahead, while `consume` takes them in order.
/// `block_bytes` is the size of one value; a sequential maker is called in order by one thread.
pub fn in_order<T: Send, E: Send>(
    numbers: impl IntoIterator<Item = u64>,
    block_bytes: usize,
    sequential: bool,
    make: impl Fn(u64) -> Result<T, E> + Sync,
    mut consume: impl FnMut(u64, T) -> Result<(), E> + Send,
) -> Result<(), E> {
    let size = (WINDOW_BYTES / block_bytes.max(1)).clamp(1, 256);
    let mut numbers = numbers.into_iter();
    let mut window = || -> Vec<u64> { numbers.by_ref().take(size).collect() };
    let generate = |numbers: &[u64]| -> Result<Vec<T>, E> {
        if sequential { numbers.iter().map(|&k| make(k)).collect() } else { numbers.par_iter().map(|&k| make(k)).collect() }
    };
    let mut current = window();
    let mut ready = generate(&current)?;
    while !current.is_empty() {
        let next = window();
        let (made, consumed) = rayon::join(
            || generate(&next),
            || current.iter().zip(std::mem::take(&mut ready)).try_for_each(|(&k, value)| consume(k, value)),
        );
        consumed?;
        ready = made?;
        current = next;
    }
    Ok(())
}
