//! What a process left that died in the midst of its work, and its removal by another.
#![expect(clippy::disallowed_methods, reason = "unfinished files of a process that cannot remove them itself")]

use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rustix::fs::{FlockOperation, OFlags, flock};

use super::disk::RealDisk;
use super::notify::{Event, Tail};
use super::recover::{State, look, settle};
use crate::diag::system_words;

/// What a process has told of and not taken back.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reported {
    /// Temporary files.
    pub files: Vec<PathBuf>,
    /// Folders made for new files, outermost first.
    pub folders: Vec<PathBuf>,
    /// The target that was appended to.
    pub tail: Option<Tail>,
    /// Had its commit begun?
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

/// How a target is after the process that changed it has died.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Left {
    /// It was not being changed in place.
    Nothing,
    /// It is as it was.
    AsBefore,
    /// Its change had been committed, and is complete.
    Completed,
    /// It is whole, as it was or as it shall be: the process died at the beginning or the end of the commit.
    Either,
}

/// Removes what a dead process left behind, and recovers the file that it was changing. It may be called again.
///
/// The error is a line about the target.
pub fn recover_after_crash(reported: &Reported) -> Result<Left, String> {
    for file in reported.files.iter().filter(|p| is_ours(p)) {
        let _ = std::fs::remove_file(file);
    }
    for folder in reported.folders.iter().rev() {
        let _ = std::fs::remove_dir(folder);
    }
    match &reported.tail {
        Some(tail) => cut_back(tail, reported.committing).map_err(|why| format!("{}: {why}", tail.path.display())),
        None => Ok(Left::Nothing),
    }
}

/// Is this a name that `Temp` gives?
fn is_ours(path: &Path) -> bool {
    let name = path.file_name().map(|n| n.as_encoded_bytes()).unwrap_or_default();
    name.starts_with(b".h5mason-") && name.ends_with(b".tmp")
}

fn failed(e: io::Error) -> String {
    format!("it could not be recovered: {}; `h5mason recover` tries again", system_words(&e))
}

/// Ends what was begun: takes it back, or, after the commit point, completes it. The error is a part of a line.
fn cut_back(tail: &Tail, committing: bool) -> Result<Left, String> {
    use std::os::unix::fs::OpenOptionsExt;
    let no_wait = i32::try_from(OFlags::NONBLOCK.bits()).unwrap_or_default();
    let file = OpenOptions::new().read(true).write(true).custom_flags(no_wait).open(&tail.path).map_err(failed)?;
    lock(&file).map_err(|e| failed(e.into()))?;
    let left = put_right(&file, tail, committing);
    // Not with its last descriptor: a child that is being started may have one.
    let _ = flock(&file, FlockOperation::Unlock);
    left
}

/// Locks the file. A copy of the process that died may have its descriptor for a moment, until it has been ended, too ([`super::Aside`]).
fn lock(file: &File) -> rustix::io::Result<()> {
    for _ in 0..50 {
        match flock(file, FlockOperation::NonBlockingLockExclusive) {
            Err(rustix::io::Errno::WOULDBLOCK) => std::thread::sleep(Duration::from_millis(20)),
            done => return done,
        }
    }
    flock(file, FlockOperation::NonBlockingLockExclusive)
}

/// The same with a locked file.
fn put_right(file: &File, tail: &Tail, committing: bool) -> Result<Left, String> {
    let meta = file.metadata().map_err(failed)?;
    if (meta.dev(), meta.ino()) != (tail.dev, tail.ino) {
        return Err("another file has taken its place".into());
    }
    let mut disk = RealDisk::new(file.try_clone().map_err(failed)?);
    let whole = if committing { Left::Either } else { Left::AsBefore };
    let state = look(&disk).map_err(failed)?;
    let (state, left) = match state {
        State::Clean | State::InUse => (state, whole),
        // Another process was faster, and has committed something of its own.
        State::Leftover { end, .. } if end > tail.old_length => return Ok(whole),
        State::Leftover { .. } if meta.len() <= tail.old_length => return Ok(whole),
        State::Leftover { .. } => (State::Abandoned { old: tail.old_length }, Left::AsBefore),
        State::Abandoned { .. } => (state, Left::AsBefore),
        State::Done { .. } | State::Committed(_) => (state, Left::Completed),
        State::NotHdf5 => return Err("it is no HDF5 file any more".into()),
        State::Damaged(what) => return Err(what),
    };
    settle(&mut disk, &state, false).map_err(failed)?;
    Ok(left)
}

#[cfg(test)]
mod tests {
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
            assert_eq!(recover_after_crash(&reported), Ok(Left::AsBefore));
            assert_eq!(beyond(&reported), 0);
            assert_eq!(recover_after_crash(&reported), Ok(Left::AsBefore), "again");
        }
    }

    #[test]
    fn a_tail_that_may_be_needed_is_not() {
        let (_dir, reported) = with_tail(Libver::V18, 0x80, 0);
        assert!(recover_after_crash(&reported).unwrap_err().contains("journal"));
        assert_eq!(beyond(&reported), 100);
        let (_dir, mut reported) = with_tail(Libver::V18, 0, 0);
        let held = File::open(&reported.tail.as_ref().unwrap().path).unwrap();
        flock(&held, FlockOperation::NonBlockingLockExclusive).unwrap();
        assert!(recover_after_crash(&reported).is_err());
        flock(&held, FlockOperation::Unlock).unwrap();
        drop(held);
        let mut other = reported.clone();
        other.tail.as_mut().unwrap().ino += 1;
        assert!(recover_after_crash(&other).unwrap_err().contains("another file"));
        assert_eq!(beyond(&reported), 100);
        reported.hear(&Event::Committed);
        assert_eq!(reported.tail, None);
        // Somebody else has made the file longer since.
        let (_dir, reported) = with_tail(Libver::Earliest, 0, 48);
        assert_eq!(recover_after_crash(&reported), Ok(Left::AsBefore));
        assert_eq!(beyond(&reported), 148);
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
