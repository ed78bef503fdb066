//! Members of npz archives (zip files of npy files), stored or deflated.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::os::unix::fs::FileExt;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, sync_channel};

use zip::ZipArchive;

use super::bytes::Bytes;
use super::{Cause, io_text};
use crate::model::bytes_text;

/// Bytes that travel at once from the unpacking thread; a few of them wait at any time.
const CHUNK: usize = 256 << 10;
const WAITING: usize = 4;

/// Finds `name` or `name.npy` in the archive.
pub(super) fn member(file: File, name: &str) -> Result<Bytes, Cause> {
    let file = Arc::new(file);
    let unreadable = |e: zip::result::ZipError| Cause::new(format!("not a readable npz archive: {}", one_line(&e.to_string())));
    let mut archive = ZipArchive::new(Cursor::new(file.clone())?).map_err(unreadable)?;
    let Some(index) = archive.index_for_name(name).or_else(|| archive.index_for_name(&format!("{name}.npy"))) else {
        let mut names: Vec<String> = archive.file_names().flatten().map(|n| bytes_text(n.trim_end_matches(".npy").as_bytes())).collect();
        names.sort();
        let more = if names.len() > 10 { ", …" } else { "" };
        names.truncate(10);
        return Err(Cause::new(format!("the archive has no member {name:?}")).help(format!("it has: {}{more}", names.join(", "))));
    };
    let length = archive.by_index(index).map_err(unreadable)?.size();
    Ok(Bytes::Member(Member::start(file, index, length)?))
}

fn one_line(text: &str) -> String {
    bytes_text(text.as_bytes())
}

/// A member as a stream that starts again when one goes back. Unpacking happens in a thread of its
/// own, which ends with the archive's member, or when nobody listens any more.
pub(super) struct Member {
    file: Arc<File>,
    index: usize,
    length: u64,
    chunks: Receiver<io::Result<Vec<u8>>>,
    chunk: Vec<u8>,
    /// Bytes of `chunk` that were read.
    used: usize,
    /// Bytes of the member that were read.
    at: u64,
}

impl Member {
    fn start(file: Arc<File>, index: usize, length: u64) -> io::Result<Self> {
        let chunks = unpack(file.clone(), index)?;
        Ok(Self { file, index, length, chunks, chunk: Vec::new(), used: 0, at: 0 })
    }

    /// Unpacked bytes, as the archive's directory says.
    pub(super) fn len(&self) -> u64 {
        self.length
    }

    /// Fills `out` from byte `at` on.
    pub(super) fn read_at(&mut self, at: u64, mut out: &mut [u8]) -> io::Result<()> {
        if at < self.at {
            *self = Self::start(self.file.clone(), self.index, self.length)?;
        }
        while !out.is_empty() {
            if self.used == self.chunk.len() {
                self.chunk = self.chunks.recv().map_err(|_| io::Error::from(io::ErrorKind::UnexpectedEof))??;
                self.used = 0;
            }
            let ready = &self.chunk[self.used..];
            let taken = if self.at < at {
                ready.len().min(usize::try_from(at - self.at).unwrap_or(usize::MAX))
            } else {
                let taken = ready.len().min(out.len());
                let (now, later) = std::mem::take(&mut out).split_at_mut(taken);
                now.copy_from_slice(&ready[..taken]);
                out = later;
                taken
            };
            self.used += taken;
            self.at += taken as u64;
        }
        if self.at == self.length { self.finish() } else { Ok(()) }
    }

    /// At the end: the checksum is known to be right only when the member was read beyond it.
    fn finish(&mut self) -> io::Result<()> {
        match self.chunks.recv() {
            Err(_) if self.used == self.chunk.len() => Ok(()),
            Ok(Err(e)) => Err(e),
            _ => Err(io::Error::other("the member is longer than the archive's directory says")),
        }
    }
}

fn unpack(file: Arc<File>, index: usize) -> io::Result<Receiver<io::Result<Vec<u8>>>> {
    let (sender, receiver) = sync_channel(WAITING);
    let work = move || {
        let send = |message| sender.send(message).is_ok();
        let unpacked = || -> io::Result<()> {
            let mut archive = ZipArchive::new(Cursor::new(file)?).map_err(io::Error::other)?;
            let mut member = archive.by_index(index).map_err(io::Error::other)?;
            loop {
                let mut chunk = Vec::with_capacity(CHUNK);
                member.by_ref().take(CHUNK as u64).read_to_end(&mut chunk)?;
                if chunk.is_empty() || !send(Ok(chunk)) {
                    return Ok(());
                }
            }
        };
        if let Err(e) = unpacked() {
            // Nobody listens: nobody misses the error.
            let _ = sender.send(Err(io::Error::other(format!("unpacking failed: {}", one_line(&io_text(&e))))));
        }
    };
    std::thread::Builder::new().name("npz".into()).spawn(work)?;
    Ok(receiver)
}

/// A place in a shared file, read without moving the file's own.
struct Cursor {
    file: Arc<File>,
    at: u64,
    length: u64,
}

impl Cursor {
    fn new(file: Arc<File>) -> io::Result<Self> {
        let length = file.metadata()?.len();
        Ok(Self { file, at: 0, length })
    }
}

impl Read for Cursor {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let count = self.file.read_at(out, self.at)?;
        self.at += count as u64;
        Ok(count)
    }
}

impl Seek for Cursor {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let target = match to {
            SeekFrom::Start(at) => Some(at),
            SeekFrom::End(by) => self.length.checked_add_signed(by),
            SeekFrom::Current(by) => self.at.checked_add_signed(by),
        };
        self.at = target.ok_or_else(|| io::Error::from(io::ErrorKind::InvalidInput))?;
        Ok(self.at)
    }
}
