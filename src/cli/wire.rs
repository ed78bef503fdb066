//! What a worker tells its parent, as bytes in a pipe: a tag, the length of the rest (little-endian), the rest.
//!
//! A worker of several is handed its files by their numbers, 4 bytes each (little-endian), through a pipe of its own: one whenever it has
//! said that it is ready. Where that pipe ends, the worker ends. What it prints goes through the first pipe, too.

use std::ffi::OsString;
use std::io::{self, Read};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::tally::Outcome;
use crate::txn::notify::{Event, GivenUp, Tail, Work};

/// Longer than any message: the kernel takes no path above 4 KiB, but a name for messages may be two of them.
const MOST_BYTES: u32 = 1 << 20;

/// Bytes of text in one message.
const MOST_TEXT: usize = 1 << 16;

/// Something that a worker tells.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Message {
    /// What it is doing.
    Event(Event),
    /// It waits for the number of a file. `alone`: what one file is to become depends on another one, so that all must be
    /// worked on in their order.
    Ready { alone: bool },
    /// What has come of its file; before it says that it is done with it.
    Outcome(Outcome),
    /// A glob of the command line, by its number, is about something.
    Matched(u32),
    /// What it would print.
    Text { to: Stream, bytes: Vec<u8> },
}

/// Where text goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stream {
    Out,
    Err,
    /// To the parent, which tells equal texts of several files together.
    Group,
    /// Why its file failed, to the parent, which tells it beside the others.
    Failed,
}

impl Stream {
    /// As one byte.
    pub fn tag(self) -> u8 {
        match self {
            Stream::Out => b'O',
            Stream::Err => b'S',
            Stream::Group => b'M',
            Stream::Failed => b'L',
        }
    }

    /// What [`Stream::tag`] has made.
    pub fn of_tag(tag: u8) -> Option<Self> {
        [Stream::Out, Stream::Err, Stream::Group, Stream::Failed].into_iter().find(|stream| stream.tag() == tag)
    }
}

fn framed(tag: u8, rest: &[u8]) -> Vec<u8> {
    let length = u32::try_from(rest.len()).unwrap_or(u32::MAX).to_le_bytes();
    [&[tag][..], &length, rest].concat()
}

/// [`Message::Ready`].
pub fn encode_ready(alone: bool) -> Vec<u8> {
    framed(b'R', &[u8::from(alone)])
}

/// [`Message::Outcome`].
pub fn encode_outcome(outcome: Outcome) -> Vec<u8> {
    let (kind, bytes) = match outcome {
        Outcome::Unchanged => (0u8, 0),
        Outcome::Changed { bytes } => (1, bytes),
        Outcome::Conflicts => (2, 0),
        Outcome::Failed => (3, 0),
        Outcome::Created { bytes } => (4, bytes),
    };
    framed(b'N', &[&[kind][..], &bytes.to_le_bytes()].concat())
}

/// [`Message::Matched`].
pub fn encode_matched(number: u32) -> Vec<u8> {
    framed(b'P', &number.to_le_bytes())
}

fn outcome(rest: &[u8]) -> Option<Outcome> {
    let (kind, bytes) = rest.split_first()?;
    let bytes = u64::from_le_bytes(bytes.try_into().ok()?);
    match kind {
        0 => Some(Outcome::Unchanged),
        1 => Some(Outcome::Changed { bytes }),
        2 => Some(Outcome::Conflicts),
        3 => Some(Outcome::Failed),
        4 => Some(Outcome::Created { bytes }),
        _ => None,
    }
}

/// [`Message::Text`], in as many messages as it takes.
pub fn encode_text(to: Stream, text: &[u8]) -> impl Iterator<Item = Vec<u8>> {
    text.chunks(MOST_TEXT).map(move |part| framed(to.tag(), part))
}

/// [`Message::Event`].
pub fn encode(event: &Event) -> Vec<u8> {
    let path = |path: &Path| path.as_os_str().as_bytes().to_vec();
    let (tag, rest) = match event {
        Event::Begin { index, of, work, name } => {
            let work = match work {
                Work::Read => 0u8,
                Work::Change => 1,
                Work::Build => 2,
            };
            (b'B', [&index.to_le_bytes()[..], &of.to_le_bytes(), &[work], name.as_os_str().as_bytes()].concat())
        }
        Event::End(code) => (b'E', vec![*code]),
        Event::FileMade(p) => (b'F', path(p)),
        Event::FileGone(p) => (b'f', path(p)),
        Event::FolderMade(p) => (b'D', path(p)),
        Event::FolderGone(p) => (b'd', path(p)),
        Event::Tail(t) => {
            let numbers = [t.dev.to_le_bytes(), t.ino.to_le_bytes(), t.old_length.to_le_bytes()].concat();
            (b'T', [&numbers[..], t.path.as_os_str().as_bytes()].concat())
        }
        Event::TailGone => (b't', Vec::new()),
        Event::Committing => (b'C', Vec::new()),
        Event::Committed => (b'c', Vec::new()),
        Event::Withdrawn => (b'w', Vec::new()),
        Event::GivenUp(why) => {
            let (kind, after) = match why {
                GivenUp::Stuck(after) => (0u8, after),
                GivenUp::TooLong(after) => (1, after),
            };
            let millis = u64::try_from(after.as_millis()).unwrap_or(u64::MAX);
            (b'G', [&[kind][..], &millis.to_le_bytes()].concat())
        }
        Event::Done(code) => (b'X', vec![*code]),
    };
    framed(tag, &rest)
}

/// The next message; `None` where there are no more, or what comes is none.
pub fn decode(from: &mut impl Read) -> io::Result<Option<Message>> {
    let mut head = [0u8; 5];
    match from.read_exact(&mut head) {
        Ok(()) => {}
        Err(e) if e.kind() == io::ErrorKind::UnexpectedEof => return Ok(None),
        Err(e) => return Err(e),
    }
    let [tag, length @ ..] = head;
    let length = u32::from_le_bytes(length);
    if length > MOST_BYTES {
        return Ok(None);
    }
    let mut rest = vec![0u8; length as usize];
    from.read_exact(&mut rest)?;
    Ok(match tag {
        b'R' => rest.first().map(|&alone| Message::Ready { alone: alone != 0 }),
        b'N' => outcome(&rest).map(Message::Outcome),
        b'P' => rest.try_into().ok().map(|number| Message::Matched(u32::from_le_bytes(number))),
        _ => match Stream::of_tag(tag) {
            Some(to) => Some(Message::Text { to, bytes: rest }),
            None => event(tag, &rest).map(Message::Event),
        },
    })
}

fn event(tag: u8, rest: &[u8]) -> Option<Event> {
    let path = |bytes: &[u8]| PathBuf::from(OsString::from_vec(bytes.to_vec()));
    Some(match tag {
        b'B' => {
            let (index, rest) = rest.split_first_chunk()?;
            let (of, rest) = rest.split_first_chunk()?;
            let (work, name) = rest.split_first()?;
            let work = match work {
                0 => Work::Read,
                1 => Work::Change,
                2 => Work::Build,
                _ => return None,
            };
            Event::Begin { index: u32::from_le_bytes(*index), of: u32::from_le_bytes(*of), work, name: path(name) }
        }
        b'E' => Event::End(*rest.first()?),
        b'F' => Event::FileMade(path(rest)),
        b'f' => Event::FileGone(path(rest)),
        b'D' => Event::FolderMade(path(rest)),
        b'd' => Event::FolderGone(path(rest)),
        b'T' => {
            let (dev, rest) = rest.split_first_chunk()?;
            let (ino, rest) = rest.split_first_chunk()?;
            let (old, rest) = rest.split_first_chunk()?;
            let [dev, ino, old_length] = [dev, ino, old].map(|n| u64::from_le_bytes(*n));
            Event::Tail(Tail { dev, ino, old_length, path: path(rest) })
        }
        b't' => Event::TailGone,
        b'C' => Event::Committing,
        b'c' => Event::Committed,
        b'w' => Event::Withdrawn,
        b'G' => {
            let (kind, millis) = rest.split_first()?;
            let after = Duration::from_millis(u64::from_le_bytes(millis.try_into().ok()?));
            match kind {
                0 => Event::GivenUp(GivenUp::Stuck(after)),
                1 => Event::GivenUp(GivenUp::TooLong(after)),
                _ => return None,
            }
        }
        b'X' => Event::Done(*rest.first()?),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_told_is_heard() {
        let odd = || PathBuf::from(OsString::from_vec(b"a\n\xff\0b".to_vec()));
        let events = [
            Event::Begin { index: 3, of: 70_000, work: Work::Read, name: odd() },
            Event::Begin { index: 0, of: 1, work: Work::Change, name: odd() },
            Event::Begin { index: 0, of: 1, work: Work::Build, name: PathBuf::new() },
            Event::End(3),
            Event::FileMade(odd()),
            Event::FileGone(odd()),
            Event::FolderMade(odd()),
            Event::FolderGone(odd()),
            Event::Tail(Tail { dev: 1, ino: u64::MAX, old_length: 1 << 40, path: odd() }),
            Event::TailGone,
            Event::Committing,
            Event::Committed,
            Event::Withdrawn,
            Event::GivenUp(GivenUp::Stuck(Duration::from_millis(1500))),
            Event::GivenUp(GivenUp::TooLong(Duration::from_secs(1 << 40))),
            Event::Done(2),
        ];
        let bytes: Vec<u8> = events.iter().flat_map(encode).collect();
        let mut rest = &bytes[..];
        for event in events {
            assert_eq!(decode(&mut rest).unwrap(), Some(Message::Event(event)));
        }
        assert_eq!(decode(&mut rest).unwrap(), None);
        let text: Vec<u8> = (0..200_000).map(|i| i as u8).collect();
        let bytes = [
            encode_text(Stream::Err, &text).collect::<Vec<_>>().concat(),
            encode_ready(true),
            encode_text(Stream::Group, b"x").collect::<Vec<_>>().concat(),
        ]
        .concat();
        let (mut rest, mut heard) = (&bytes[..], Vec::new());
        while let Some(Message::Text { to: Stream::Err, bytes }) = decode(&mut rest).unwrap() {
            heard.extend(bytes);
        }
        assert!(heard == text, "and then it was ready");
        assert_eq!(decode(&mut rest).unwrap(), Some(Message::Text { to: Stream::Group, bytes: b"x".to_vec() }));
        for outcome in
            [Outcome::Unchanged, Outcome::Changed { bytes: u64::MAX }, Outcome::Created { bytes: 7 }, Outcome::Conflicts, Outcome::Failed]
        {
            assert_eq!(decode(&mut &encode_outcome(outcome)[..]).unwrap(), Some(Message::Outcome(outcome)));
        }
        assert_eq!(decode(&mut &encode_matched(70_000)[..]).unwrap(), Some(Message::Matched(70_000)));
        assert_eq!(decode(&mut &b"P\x02\0\0\0ab"[..]).unwrap(), None);
        // Cut or foreign: nothing is made up.
        assert!(decode(&mut &encode(&Event::FileMade(odd()))[..7]).is_err());
        assert_eq!(decode(&mut &b"Z\0\0\0\0"[..]).unwrap(), None);
        assert_eq!(decode(&mut &b"B\x02\0\0\0ab"[..]).unwrap(), None);
        assert_eq!(decode(&mut &b"F\xff\xff\xff\xff"[..]).unwrap(), None);
    }
}
