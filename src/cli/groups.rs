//! Files with which the same is to be done, told together.

use std::collections::BTreeMap;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::PathBuf;

use sha2::{Digest, Sha256};
use tempfile::SpooledTempFile;

use crate::report::{Extent, escape_controls, markdown_heading};

/// Bytes of what is said that are kept in memory; more go to an unnamed temporary file.
const KEPT: usize = 1 << 20;

/// What is said of files, each text once. Memory grows with the number of files and of different texts, not with their lengths.
pub struct Groups {
    /// What comes in: of which file.
    current: Option<(u32, Vec<u8>)>,
    found: Vec<Group>,
    by_hash: BTreeMap<[u8; 32], usize>,
    texts: SpooledTempFile,
}

struct Group {
    start: u64,
    bytes: u64,
    files: Vec<u32>,
}

impl Groups {
    /// Nothing is said yet.
    pub fn new() -> Self {
        Self { current: None, found: Vec::new(), by_hash: BTreeMap::new(), texts: SpooledTempFile::new(KEPT) }
    }

    /// A piece of what is said of a file; all of one file's come one after another.
    pub fn add(&mut self, file: u32, piece: &[u8]) -> io::Result<()> {
        match &mut self.current {
            Some((current, text)) if *current == file => text.extend_from_slice(piece),
            _ => {
                self.settle()?;
                self.current = Some((file, piece.to_vec()));
            }
        }
        Ok(())
    }

    fn settle(&mut self) -> io::Result<()> {
        let Some((file, text)) = self.current.take() else { return Ok(()) };
        let hash = Sha256::digest(&text).into();
        if let Some(group) = self.by_hash.get(&hash).and_then(|&at| self.found.get_mut(at)) {
            group.files.push(file);
            return Ok(());
        }
        let start = self.texts.seek(SeekFrom::End(0))?;
        self.texts.write_all(&text)?;
        self.by_hash.insert(hash, self.found.len());
        self.found.push(Group { start, bytes: text.len() as u64, files: vec![file] });
        Ok(())
    }

    /// Hands on what is said, in the order of the first files.
    pub fn finish(mut self, names: &[PathBuf], print: &mut impl FnMut(&str)) -> io::Result<()> {
        self.settle()?;
        for group in &self.found {
            let mut text = String::new();
            self.texts.seek(SeekFrom::Start(group.start))?;
            (&mut self.texts).take(group.bytes).read_to_string(&mut text)?;
            let (extent, body) = text.split_once('\n').unwrap_or_default();
            let extent: Extent = extent.parse().map_err(|()| io::Error::other("a text without its first line"))?;
            let names = group.files.iter().filter_map(|&file| names.get(file as usize));
            let names: Vec<String> = names.map(|name| escape_controls(&name.display().to_string())).collect();
            let names: Vec<&str> = names.iter().map(String::as_str).collect();
            print(&format!("{}{body}\n", markdown_heading(extent, &names)));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_texts_come_together() {
        let mut groups = Groups::new();
        let long = format!("0 1 0\n{}", "x".repeat(2 * KEPT));
        for (file, text) in
            [(0, "0 1 0\nsame"), (1, long.as_str()), (2, "0 1 0\nsame"), (3, "0 0 1\nother"), (4, "0 1 0\nsame"), (5, long.as_str())]
        {
            for piece in text.as_bytes().chunks(9) {
                groups.add(file, piece).unwrap();
            }
        }
        let names: Vec<PathBuf> = (0..6).map(|i| format!("{i}.h5").into()).collect();
        let mut told = Vec::new();
        groups.finish(&names, &mut |text| told.push(text.to_owned())).unwrap();
        let heads: Vec<&str> = told.iter().filter_map(|text| text.lines().next()).collect();
        assert_eq!(heads, ["### The same 1 change in 3 files", "### The same 1 change in 2 files", "### `3.h5` (existing): 1 conflict"]);
        assert!(told[1].len() > 2 * KEPT && told[0].contains("- `0.h5`\n- `2.h5`\n- `4.h5`\n") && told[0].ends_with("same\n"));
    }
}
