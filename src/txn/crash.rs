//! What a process left that died in the midst of its work, and its removal by another.
#![expect(clippy::disallowed_methods, reason = "unfinished files of a process that cannot remove them itself")]

use std::fs::{File, OpenOptions};
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
            Event::Begin { .. }
            | Event::End(_)
            | Event::Committing
            | Event::Committed
            | Event::Withdrawn
            | Event::GivenUp(_)
            | Event::Done(_) => {}
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
        Some(tail) => cut_back(tail).map_err(|why| format!("{}: {why}", tail.path.display())),
        None => Ok(()),
    }
}

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
    if is_poisoned(&file, tail.old_length).map_err(failed)? {
        return Err("it was being committed, and must be recovered before it can be read".into());
    }
    file.set_len(tail.old_length).map_err(failed)
}

/// Is a commit half done? HDF5's signature is at 0, 512, 1024, … (format specification, II.A); the superblock's version follows.
fn is_poisoned(file: &File, length: u64) -> io::Result<bool> {
    for at in std::iter::once(0).chain((9..62).map(|bit| 1u64 << bit)).take_while(|at| at + 9 <= length) {
        let mut head = [0u8; 9];
        file.read_exact_at(&mut head, at)?;
        if head.starts_with(b"\x89HDF\r\n\x1a\n") {
            return Ok(head[8] & 0x80 != 0);
        }
    }
    Ok(false)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with_tail(version: u8) -> (tempfile::TempDir, Reported) {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("x.h5");
        let mut bytes = vec![0u8; 700];
        bytes[512..520].copy_from_slice(b"\x89HDF\r\n\x1a\n");
        bytes[520] = version;
        std::fs::write(&path, &bytes).unwrap();
        let meta = path.metadata().unwrap();
        let tail = Tail { dev: meta.dev(), ino: meta.ino(), old_length: 600, path };
        (dir, Reported { tail: Some(tail), ..Reported::default() })
    }

    fn length(reported: &Reported) -> u64 {
        reported.tail.as_ref().unwrap().path.metadata().unwrap().len()
    }

    #[test]
    fn a_tail_is_cut() {
        let (_dir, reported) = with_tail(2);
        assert_eq!(recover_after_crash(&reported), Ok(()));
        assert_eq!(length(&reported), 600);
        assert_eq!(recover_after_crash(&reported), Ok(()), "again");
    }

    #[test]
    fn a_tail_that_may_be_needed_is_not() {
        let (_dir, reported) = with_tail(0x82);
        assert!(recover_after_crash(&reported).unwrap_err().contains("committed"));
        assert_eq!(length(&reported), 700);
        let (_dir, reported) = with_tail(2);
        let held = File::open(&reported.tail.as_ref().unwrap().path).unwrap();
        flock(&held, FlockOperation::NonBlockingLockExclusive).unwrap();
        assert!(recover_after_crash(&reported).is_err());
        drop(held);
        let mut other = reported.clone();
        other.tail.as_mut().unwrap().ino += 1;
        assert!(recover_after_crash(&other).unwrap_err().contains("another file"));
        assert_eq!(length(&reported), 700);
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
