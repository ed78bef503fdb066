//! Files with which the same is to be done, told together.

use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::PathBuf;

use sha2::{Digest, Sha256};
use tempfile::SpooledTempFile;

use crate::report::{Extent, Paint, Part, escape_controls, escape_painted, markdown_failed, markdown_heading};

/// Bytes of what is said that are kept in memory; more go to an unnamed temporary file.
const KEPT: usize = 1 << 20;

/// What is said of files, each text once. Memory grows with the number of files and of different texts, not with their lengths.
pub struct Groups {
    /// What comes in: of which file.
    current: Option<(u32, Vec<u8>)>,
    found: Vec<Group>,
    by_hash: BTreeMap<[u8; 32], usize>,
    texts: SpooledTempFile,
    /// Files of which nothing can be said, by the reason.
    failed: BTreeMap<String, Vec<u32>>,
}

/// Files that have everything in common that there is to do. The text is that of the first one.
struct Group {
    start: u64,
    bytes: u64,
    files: Vec<u32>,
    /// A hash of each part of the first one's text.
    parts: Vec<u64>,
    /// Where others have another text.
    differs: Vec<bool>,
}

/// Between parts, and between what a part consists of. What is said has no control characters but new lines.
const PART: char = '\x1e';
const FIELD: char = '\x1f';

/// What a worker says of a file: the extent, and parts, each with what files have in common, and how that reads, where it is not all of it.
pub fn encoded(extent: Extent, parts: &[Part]) -> String {
    let mut out = format!("{extent}\n");
    for (n, part) in parts.iter().enumerate() {
        if n > 0 {
            out.push(PART);
        }
        out.push_str(&escape_painted(&part.text, Paint::PLAIN));
        if let Some((key, of_many)) = &part.common {
            out.extend([FIELD]);
            out.push_str(&escape_painted(key, Paint::PLAIN));
            out.extend([FIELD]);
            out.push_str(&escape_painted(of_many, Paint::PLAIN));
        }
    }
    out
}

/// The text of this file, what files have in common, and how that reads.
fn fields(part: &str) -> (&str, &str, &str) {
    let mut fields = part.split(FIELD);
    let text = fields.next().unwrap_or_default();
    (text, fields.next().unwrap_or(text), fields.next().unwrap_or(text))
}

fn hash(text: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    text.hash(&mut hasher);
    hasher.finish()
}

/// Why a file failed, in a line that may be that of other files, too. `told`: an error as it was printed, or its text.
pub fn reason(told: &str, name: &str) -> String {
    let mut plain = String::new();
    let mut parts = told.split('\x1b');
    plain.push_str(parts.next().unwrap_or_default());
    parts.for_each(|part| plain.push_str(part.split_once('m').map_or("", |(_, rest)| rest)));
    let line = plain.lines().next().unwrap_or_default();
    let line = line.strip_prefix("error: ").unwrap_or(line);
    line.replace(&format!("{name}: "), "").replace(name, "the file")
}

impl Groups {
    /// Nothing is said yet.
    pub fn new() -> Self {
        Self { current: None, found: Vec::new(), by_hash: BTreeMap::new(), texts: SpooledTempFile::new(KEPT), failed: BTreeMap::new() }
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
        let said = String::from_utf8_lossy(&text);
        let (extent, body) = said.split_once('\n').unwrap_or_default();
        let (mut digest, mut parts) = (Sha256::new_with_prefix(extent), Vec::new());
        for part in body.split(PART) {
            let (text, key, _) = fields(part);
            digest.update((key.len() as u64).to_le_bytes());
            digest.update(key);
            parts.push(hash(text));
        }
        let key = digest.finalize().into();
        if let Some(group) = self.by_hash.get(&key).and_then(|&at| self.found.get_mut(at)) {
            group.files.push(file);
            for ((first, this), differs) in group.parts.iter().zip(&parts).zip(&mut group.differs) {
                *differs |= first != this;
            }
            return Ok(());
        }
        let start = self.texts.seek(SeekFrom::End(0))?;
        self.texts.write_all(&text)?;
        self.by_hash.insert(key, self.found.len());
        let differs = vec![false; parts.len()];
        self.found.push(Group { start, bytes: text.len() as u64, files: vec![file], parts, differs });
        Ok(())
    }

    /// Why nothing can be said of a file.
    pub fn failed(&mut self, file: u32, why: &[u8]) {
        self.failed.entry(String::from_utf8_lossy(why).into_owned()).or_default().push(file);
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
            let parts = body.split(PART).zip(&group.differs).map(|(part, differs)| {
                let (text, _, of_many) = fields(part);
                if *differs { of_many } else { text }
            });
            let body: String = parts.collect();
            print(&format!("{}{body}\n", markdown_heading(extent, &names, group.differs.contains(&true))));
        }
        let name = |file: &u32| names.get(*file as usize).map(|name| escape_controls(&name.display().to_string()));
        let failed = self.failed.iter().map(|(why, files)| (why.clone(), files.iter().filter_map(name).collect())).collect();
        print(&escape_painted(&markdown_failed(&failed), Paint::PLAIN));
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
