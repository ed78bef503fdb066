//! What a process left that died in the midst of its work, and its removal by another.
#![expect(clippy::disallowed_methods, reason = "unfinished files of a process that cannot remove them itself")]

use std::fs::OpenOptions;
use std::io;
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::{Path, PathBuf};

use rustix::fs::{FlockOperation, OFlags, flock};

use super::notify::{Event, Tail};

/// What a process has told of and not taken back.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reported {
    /// Temporary files.
    pub files: Vec<PathBuf>,
    /// Folders made for new files, outermost first.
    pub folders: Vec<PathBuf>,
    /// The target that was appended to.
    pub tail: Option<Tail>,
    /// Had a commit begun? What stands beyond the old end may then be needed.
    pub committing: bool,
}

impl Reported {
    /// Remembers what an event says about traces.
    pub fn hear(&mut self, event: &Event) {
        match event {
            Event::FileMade(path) => self.files.push(path.clone()),
            Event::FileGone(path) => self.files.retain(|p| p != path),
            Event::FolderMade(path) => self.folders.push(path.clone()),
            Event::FolderGone(path) => self.folders.retain(|p| p != path),
            Event::Tail(tail) => self.tail = Some(tail.clone()),
            Event::TailGone => self.tail = None,
            Event::Committing => self.committing = true,
            Event::Withdrawn => self.committing = false,
            Event::Committed => (self.tail, self.committing) = (None, false),
            Event::Begin { .. } | Event::End(_) | Event::GivenUp(_) | Event::Done(_) => {}
        }
    }
}

/// Removes what a dead process left behind. It may be called again.
///
/// The error is a line about the target, which is whole but has something beyond its end, or is in the midst of a commit.
pub fn recover_after_crash(reported: &Reported) -> Result<(), String> {
    for file in reported.files.iter().filter(|p| is_ours(p)) {
        let _ = std::fs::remove_file(file);
    }
    for folder in reported.folders.iter().rev() {
        let _ = std::fs::remove_dir(folder);
    }
    match &reported.tail {
        Some(tail) => match reported.committing {
            true => Err(COMMITTING.into()),
            false => cut_back(tail),
        }
        .map_err(|why| format!("{}: {why}", tail.path.display())),
        None => Ok(()),
    }
}

const COMMITTING: &str = "it was being committed, and may have to be recovered before it can be read";

/// Is this a name that `Temp` gives?
fn is_ours(path: &Path) -> bool {
    let name = path.file_name().map(|n| n.as_encoded_bytes()).unwrap_or_default();
    name.starts_with(b".h5mason-") && name.ends_with(b".tmp")
}

/// Gives a file its old length again. The error is a part of a line.
fn cut_back(tail: &Tail) -> Result<(), String> {
    use std::os::unix::fs::OpenOptionsExt;
    let failed = |e: io::Error| format!("what was being appended to it could not be cut off: {}", super::cause(&e));
    let no_wait = i32::try_from(OFlags::NONBLOCK.bits()).unwrap_or_default();
    let file = OpenOptions::new().read(true).write(true).custom_flags(no_wait).open(&tail.path).map_err(failed)?;
    flock(&file, FlockOperation::NonBlockingLockExclusive).map_err(|e| failed(e.into()))?;
    let meta = file.metadata().map_err(failed)?;
    if (meta.dev(), meta.ino()) != (tail.dev, tail.ino) {
        return Err("another file has taken its place".into());
    }
    if meta.len() <= tail.old_length {
        return Ok(());
    }
    let mut head = vec![0u8; usize::try_from(tail.old_length.min(MOST_HEAD)).unwrap_or(0)];
    file.read_exact_at(&mut head, 0).map_err(failed)?;
    match stored_end(&head) {
        Stored::Poisoned => Err(COMMITTING.into()),
        // Another process was faster, and has committed something of its own.
        Stored::End(end) if end > tail.old_length => Ok(()),
        Stored::End(_) => file.set_len(tail.old_length).map_err(failed),
        Stored::Unknown => Err("it has something beyond its end that was left alone: its superblock cannot be read".into()),
    }
}

/// How far into a file its superblock is looked for, in bytes: larger userblocks are not made.
const MOST_HEAD: u64 = (1 << 20) + 64;

/// What a superblock says of the file's end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stored {
    /// A commit is half done.
    Poisoned,
    /// The end, in bytes from the file's beginning.
    End(u64),
    Unknown,
}

/// Reads the superblock: HDF5's signature is at 0, 512, 1024, …, its version follows (format specification, II.A).
fn stored_end(head: &[u8]) -> Stored {
    let places = std::iter::once(0).chain((9..usize::BITS - 1).map(|bit| 1usize << bit));
    let mut blocks = places.map_while(|at| head.get(at..));
    let Some(block) = blocks.find(|block| block.starts_with(b"\x89HDF\r\n\x1a\n")) else { return Stored::Unknown };
    let byte = |at: usize| block.get(at).copied().unwrap_or(u8::MAX);
    // Base address, another address, end of file.
    let (size_of_offsets, addresses) = match byte(8) {
        version if version & 0x80 != 0 => return Stored::Poisoned,
        0 => (byte(13), 24),
        1 => (byte(13), 28),
        2 | 3 => (byte(9), 12),
        _ => return Stored::Unknown,
    };
    let size = usize::from(size_of_offsets);
    let mut wide = [0u8; 8];
    match (size, block.get(addresses + 2 * size..addresses + 3 * size)) {
        (2 | 4 | 8, Some(end)) => {
            wide[..size].copy_from_slice(end);
            Stored::End(u64::from_le_bytes(wide))
        }
        _ => Stored::Unknown,
    }
}

#[cfg(test)]
mod tests {
    use std::fs::File;

    use super::*;
    use crate::h5::{File as H5File, NewFile};
    use crate::model::{Libver, TrackOrder};

    /// A file with 100 bytes beyond its end. Its superblock's version byte is changed by `poison`, its end is `moved`.
    fn with_tail(libver: Libver, poison: u8, moved: u64) -> (tempfile::TempDir, Reported) {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("x.h5");
        let new = NewFile { libver: (libver, Libver::Latest), userblock: 512, ..NewFile::plain(TrackOrder::No) };
        H5File::create(&path, new, false).unwrap().close().unwrap();
        let mut bytes = std::fs::read(&path).unwrap();
        assert_eq!(stored_end(&bytes), Stored::End(bytes.len() as u64));
        let old_length = bytes.len() as u64 - moved;
        bytes[520] |= poison;
        bytes.resize(bytes.len() + 100, 7);
        std::fs::write(&path, &bytes).unwrap();
        let meta = path.metadata().unwrap();
        let tail = Tail { dev: meta.dev(), ino: meta.ino(), old_length, path };
        (dir, Reported { tail: Some(tail), ..Reported::default() })
    }

    /// Bytes beyond the old end.
    fn beyond(reported: &Reported) -> u64 {
        let tail = reported.tail.as_ref().unwrap();
        tail.path.metadata().unwrap().len() - tail.old_length
    }

    #[test]
    fn a_tail_is_cut() {
        for libver in [Libver::Earliest, Libver::V18, Libver::Latest] {
            let (_dir, reported) = with_tail(libver, 0, 0);
            assert_eq!(recover_after_crash(&reported), Ok(()));
            assert_eq!(beyond(&reported), 0);
            assert_eq!(recover_after_crash(&reported), Ok(()), "again");
        }
    }

    #[test]
    fn a_tail_that_may_be_needed_is_not() {
        let (_dir, reported) = with_tail(Libver::V18, 0x80, 0);
        assert!(recover_after_crash(&reported).unwrap_err().contains("committed"));
        assert_eq!(beyond(&reported), 100);
        let (_dir, mut reported) = with_tail(Libver::V18, 0, 0);
        reported.hear(&Event::Committing);
        assert!(recover_after_crash(&reported).unwrap_err().contains("committed"));
        reported.hear(&Event::Withdrawn);
        let held = File::open(&reported.tail.as_ref().unwrap().path).unwrap();
        flock(&held, FlockOperation::NonBlockingLockExclusive).unwrap();
        assert!(recover_after_crash(&reported).is_err());
        drop(held);
        let mut other = reported.clone();
        other.tail.as_mut().unwrap().ino += 1;
        assert!(recover_after_crash(&other).unwrap_err().contains("another file"));
        assert_eq!(beyond(&reported), 100);
        reported.hear(&Event::Committed);
        assert_eq!(reported.tail, None);
        // Somebody else has made the file longer since.
        let (_dir, reported) = with_tail(Libver::Earliest, 0, 48);
        assert_eq!(recover_after_crash(&reported), Ok(()));
        assert_eq!(beyond(&reported), 148);
    }

    #[test]
    fn superblocks_of_no_kind() {
        assert_eq!(stored_end(b""), Stored::Unknown);
        assert_eq!(stored_end(b"\x89HDF\r\n\x1a\n"), Stored::Poisoned);
        assert_eq!(stored_end(b"\x89HDF\r\n\x1a\n\x02\x08\x08\0"), Stored::Unknown);
        assert_eq!(stored_end(b"\x89HDF\r\n\x1a\n\x02\xff\x08\0"), Stored::Unknown);
        assert_eq!(stored_end(b"\x89HDF\r\n\x1a\n\x09\x08\x08\0"), Stored::Unknown);
    }

    #[test]
    fn traces_go_and_nothing_else() {
        let dir = tempfile::tempdir().unwrap();
        let at = |name: &str| dir.path().join(name);
        std::fs::create_dir_all(at("a/b")).unwrap();
        std::fs::write(at("a/b/.h5mason-x.tmp"), "").unwrap();
        std::fs::write(at("mine"), "").unwrap();
        let mut reported = Reported::default();
        for event in [
            Event::FolderMade(at("a")),
            Event::FolderMade(at("a/b")),
            Event::FileMade(at("a/b/.h5mason-x.tmp")),
            Event::FileMade(at("mine")),
            Event::FileMade(at("placed")),
            Event::FileGone(at("placed")),
        ] {
            reported.hear(&event);
        }
        assert_eq!(reported.files.len(), 2);
        recover_after_crash(&reported).unwrap();
        assert!(!at("a").exists() && at("mine").exists());
    }
}
