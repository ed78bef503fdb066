//! What several workers print, in the order of the files.

use std::collections::BTreeMap;
use std::io::{self, Read, Seek, Write};

use tempfile::SpooledTempFile;

use super::wire::Stream;

/// Bytes of one file's text that are kept in memory; more go to an unnamed temporary file.
const KEPT: usize = 1 << 16;

/// Gets a file's number, where its text goes, and the text.
pub type Print<'a> = &'a mut dyn FnMut(u32, Stream, &[u8]);

/// Texts by the numbers of their files. That of the first file that is not done is handed on as it comes, the others wait for their turn.
pub struct InOrder {
    /// The first file that is not done.
    head: u32,
    waiting: BTreeMap<u32, Waiting>,
}

struct Waiting {
    /// Pieces: the stream's tag, the length (`u32`, little-endian), the text. Both streams may be one terminal.
    pieces: SpooledTempFile,
    done: bool,
}

impl Default for Waiting {
    fn default() -> Self {
        Self { pieces: SpooledTempFile::new(KEPT), done: false }
    }
}

impl InOrder {
    /// Nothing is done yet.
    pub fn new() -> Self {
        Self { head: 0, waiting: BTreeMap::new() }
    }

    /// The first file that is not done.
    pub fn head(&self) -> u32 {
        self.head
    }

    /// A part of what is said about a file.
    pub fn text(&mut self, file: u32, to: Stream, text: &[u8], print: Print<'_>) -> io::Result<()> {
        if file == self.head {
            print(file, to, text);
            return Ok(());
        }
        let pieces = &mut self.waiting.entry(file).or_default().pieces;
        let length = u32::try_from(text.len()).map_err(io::Error::other)?;
        pieces.write_all(&[to.tag()])?;
        pieces.write_all(&length.to_le_bytes())?;
        pieces.write_all(text)
    }

    /// Nothing more is said about this file.
    pub fn done(&mut self, file: u32, print: Print<'_>) -> io::Result<()> {
        if file != self.head {
            self.waiting.entry(file).or_default().done = true;
            return Ok(());
        }
        loop {
            self.head += 1;
            let Some(mut next) = self.waiting.remove(&self.head) else { return Ok(()) };
            next.hand_on(self.head, print)?;
            if !next.done {
                return Ok(());
            }
        }
    }

    /// Hands on what is said about files that are done, though one before them is not: it never will be.
    pub fn finish(mut self, print: Print<'_>) -> io::Result<()> {
        std::mem::take(&mut self.waiting).into_iter().filter(|(_, w)| w.done).try_for_each(|(file, mut w)| w.hand_on(file, print))
    }
}

impl Waiting {
    fn hand_on(&mut self, file: u32, print: Print<'_>) -> io::Result<()> {
        let end = self.pieces.stream_position()?;
        self.pieces.rewind()?;
        let mut text = Vec::new();
        while self.pieces.stream_position()? < end {
            let mut head = [0; 5];
            self.pieces.read_exact(&mut head)?;
            let [tag, length @ ..] = head;
            let to = Stream::of_tag(tag).ok_or_else(|| io::Error::other("a text for nobody"))?;
            text.resize(u32::from_le_bytes(length) as usize, 0);
            self.pieces.read_exact(&mut text)?;
            print(file, to, &text);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_come_in_the_order_of_the_files() {
        let mut printed = Vec::new();
        let mut print = |file: u32, to: Stream, text: &[u8]| printed.push((file, to, String::from_utf8(text.to_vec()).unwrap()));
        let mut order = InOrder::new();
        let long = "x".repeat(3 * KEPT);
        order.text(2, Stream::Out, long.as_bytes(), &mut print).unwrap();
        order.text(1, Stream::Err, b"b", &mut print).unwrap();
        order.text(1, Stream::Out, b"c", &mut print).unwrap();
        order.text(0, Stream::Out, b"a", &mut print).unwrap();
        order.done(2, &mut print).unwrap();
        order.done(0, &mut print).unwrap();
        assert_eq!(order.head(), 1);
        order.text(1, Stream::Err, b"d", &mut print).unwrap();
        order.done(1, &mut print).unwrap();
        assert_eq!((order.head(), order.waiting.len()), (3, 0));
        // The fourth file was never done.
        order.text(4, Stream::Out, b"e", &mut print).unwrap();
        order.done(4, &mut print).unwrap();
        order.text(5, Stream::Out, b"half", &mut print).unwrap();
        order.finish(&mut print).unwrap();
        let text = |file: u32, to: Stream, text: &str| (file, to, text.to_owned());
        assert_eq!(
            printed,
            [
                text(0, Stream::Out, "a"),
                text(1, Stream::Err, "b"),
                text(1, Stream::Out, "c"),
                text(1, Stream::Err, "d"),
                text(2, Stream::Out, &long),
                text(4, Stream::Out, "e")
            ]
        );
    }
}
