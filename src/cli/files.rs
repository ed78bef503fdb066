//! The files of a command that takes many: names, globs, and lists.
//!
//! A parent settles them once. Standard input can be read only once, and folders may change: its workers get the list that it has made,
//! through a file without a name, since many thousands of names have no place on a command line.

use std::collections::BTreeSet;
use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io::{self, Read, Write};
use std::os::fd::{AsRawFd, RawFd};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};

use globset::{Glob, GlobBuilder, GlobMatcher};
use rustix::io::{FdFlags, fcntl_setfd};

use super::args::{Cli, Command};
use crate::diag::system_words;

/// Bytes of a list of names: more is a mistake.
const MOST_LIST: u64 = 1 << 28;

/// What is wrong with the names, and what to do.
#[derive(Debug, PartialEq, Eq)]
pub struct Problem {
    pub message: String,
    pub help: &'static str,
}

fn problem(message: String, help: &'static str) -> Problem {
    Problem { message, help }
}

/// The names on the command line.
fn names_of(command: &mut Command) -> Option<&mut Vec<PathBuf>> {
    match command {
        Command::Plan(args) => Some(&mut args.files),
        Command::Apply(args) => Some(&mut args.files),
        Command::Check(args) => Some(&mut args.files),
        Command::Recover(args) => Some(&mut args.files),
        Command::Build(_)
        | Command::Capture(_)
        | Command::Diff(_)
        | Command::Show(_)
        | Command::Schema { .. }
        | Command::Completions { .. } => None,
    }
}

/// Puts the files into the place of globs and lists, each file once; and has a list for workers where that changes anything.
pub fn settle(cli: &mut Cli) -> Result<(), Problem> {
    let Some(names) = names_of(&mut cli.command) else { return Ok(()) };
    let settled = once(expanded(names, &mut io::stdin())?);
    if settled == *names {
        return Ok(());
    }
    let list = write_list(&settled)
        .map_err(|e| problem(format!("cannot make a list of the files: {e}"), "free some space for temporary files"))?;
    *names = settled;
    cli.list = Some(list);
    Ok(())
}

/// For a worker: takes the files from its parent's list.
pub fn take(cli: &mut Cli, list: RawFd) -> io::Result<()> {
    let mut text = Vec::new();
    // Opened anew, so that each worker reads from its beginning.
    File::open(format!("/dev/fd/{list}"))?.read_to_end(&mut text)?;
    if let Some(names) = names_of(&mut cli.command) {
        *names = text.split_inclusive(|b| *b == 0).map(|name| path(name.strip_suffix(&[0]).unwrap_or(name))).collect();
    }
    Ok(())
}

/// A file without a name: each name, and a zero byte behind it. Processes that are started have it, too.
fn write_list(names: &[PathBuf]) -> io::Result<File> {
    let mut list = tempfile::tempfile()?;
    let text: Vec<u8> = names.iter().flat_map(|name| [name.as_os_str().as_bytes(), &[0]].concat()).collect();
    list.write_all(&text)?;
    fcntl_setfd(&list, FdFlags::empty())?;
    Ok(list)
}

/// Where a worker finds the list.
pub fn number_of(list: Option<&File>) -> Option<RawFd> {
    list.map(AsRawFd::as_raw_fd)
}

fn path(name: &[u8]) -> PathBuf {
    PathBuf::from(OsString::from_vec(name.to_vec()))
}

/// Globs and lists as the names that they stand for.
fn expanded(given: &[PathBuf], stdin: &mut impl Read) -> Result<Vec<PathBuf>, Problem> {
    let mut out = Vec::new();
    let mut heard = false;
    for name in given {
        match name.as_os_str().as_bytes() {
            b"-" if std::mem::replace(&mut heard, true) => {}
            b"-" => out.extend(listed("standard input", stdin)?),
            [b'@', list @ ..] => {
                let shown = Path::new(OsStr::from_bytes(list)).display().to_string();
                let mut file = File::open(OsStr::from_bytes(list)).map_err(|e| {
                    let message = format!("cannot read the list of files {shown}: {}", system_words(&e));
                    problem(message, "a file whose own name begins with @ is named with its folder: ./@NAME")
                })?;
                out.extend(listed(&shown, &mut file)?);
            }
            // What is no glob can only be a name.
            text if is_glob(text) && name.symlink_metadata().is_err() => match glob(name) {
                Some(glob) => out.extend(matching(name, &glob)?),
                None => out.push(name.clone()),
            },
            _ => out.push(name.clone()),
        }
    }
    Ok(out)
}

/// One name a line. Blank lines, and lines that begin with `#`, are not names.
fn listed(what: &str, from: &mut impl Read) -> Result<Vec<PathBuf>, Problem> {
    const HELP: &str = "a list has the name of one file on each line";
    let mut text = Vec::new();
    let read = from.take(MOST_LIST + 1).read_to_end(&mut text);
    read.map_err(|e| problem(format!("cannot read the list of files {what}: {}", system_words(&e)), HELP))?;
    if text.contains(&0) || text.len() as u64 > MOST_LIST {
        return Err(problem(format!("{what} is not a list of files"), HELP));
    }
    let lines = text.split(|b| *b == b'\n').map(|line| line.strip_suffix(b"\r").unwrap_or(line));
    let names: Vec<PathBuf> = lines.filter(|line| !line.trim_ascii().is_empty() && !line.starts_with(b"#")).map(path).collect();
    match names.is_empty() {
        true => Err(problem(format!("{what} names no file"), HELP)),
        false => Ok(names),
    }
}

/// Characters that make a name a glob.
fn is_glob(name: &[u8]) -> bool {
    name.iter().any(|b| b"*?[{".contains(b))
}

fn glob(name: &Path) -> Option<Glob> {
    GlobBuilder::new(name.to_str()?).literal_separator(true).build().ok()
}

/// The files that a glob matches, by the bytes of their names.
fn matching(name: &Path, glob: &Glob) -> Result<Vec<PathBuf>, Problem> {
    const HELP: &str = "a new file whose name has such characters can be named in a list: @LIST";
    let shown = name.display();
    let pattern = glob.glob();
    let plain = pattern.find(['*', '?', '[', '{', '\\']).unwrap_or(pattern.len());
    let (folder, rest) = pattern.split_at(pattern[..plain].rfind('/').map_or(0, |at| at + 1));
    let anywhere = rest.contains("**") || rest.contains('{');
    let search = Search {
        glob: glob.compile_matcher(),
        depth: if anywhere { None } else { Some(rest.split('/').count()) },
        hidden: rest.starts_with('.') || rest.contains("/."),
    };
    let mut found = Vec::new();
    search.folder(Path::new(folder), 1, &mut found).map_err(|(folder, e)| {
        let message = format!("{shown}: cannot look into the folder {}: {}", folder.display(), system_words(&e));
        problem(message, "name the files that are meant")
    })?;
    if found.is_empty() {
        return Err(problem(format!("no file matches {shown}"), HELP));
    }
    found.sort_by(|a, b| a.as_os_str().as_bytes().cmp(b.as_os_str().as_bytes()));
    Ok(found)
}

struct Search {
    glob: GlobMatcher,
    /// Folders and a name, as many as the glob has; `None`: any number.
    depth: Option<usize>,
    /// Are names that begin with a dot meant? As in a shell, only where the glob says so.
    hidden: bool,
}

impl Search {
    fn folder(&self, folder: &Path, depth: usize, found: &mut Vec<PathBuf>) -> Result<(), (PathBuf, io::Error)> {
        let here = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
        let failed = |e| (here.to_path_buf(), e);
        let entries = match std::fs::read_dir(here) {
            Ok(entries) => entries,
            Err(e) if e.kind() == io::ErrorKind::NotFound || e.kind() == io::ErrorKind::NotADirectory => return Ok(()),
            Err(e) => return Err(failed(e)),
        };
        for entry in entries {
            let entry = entry.map_err(failed)?;
            if !self.hidden && entry.file_name().as_bytes().starts_with(b".") {
                continue;
            }
            let path = folder.join(entry.file_name());
            let linked = entry.file_type().is_ok_and(|t| t.is_symlink());
            let is_folder = path.is_dir();
            // A link to a folder may lead back to where it stands.
            let deeper = self.depth.map_or(!linked, |most| depth < most);
            if is_folder && deeper {
                self.folder(&path, depth + 1, found)?;
            } else if !is_folder && self.glob.is_match(&path) {
                found.push(path);
            }
        }
        Ok(())
    }
}

/// Each file by the first of its names. Hard links have names of their own: they are different entries of folders.
fn once(names: Vec<PathBuf>) -> Vec<PathBuf> {
    let mut seen = BTreeSet::new();
    names.into_iter().filter(|name| seen.insert(real(name))).collect()
}

/// Where a name leads to, whether or not there is a file.
pub fn real(name: &Path) -> PathBuf {
    if let Ok(real) = name.canonicalize() {
        return real;
    }
    let folder = name.parent().map(|folder| if folder.as_os_str().is_empty() { Path::new(".") } else { folder });
    match (folder.map(Path::canonicalize), name.file_name()) {
        (Some(Ok(folder)), Some(last)) => folder.join(last),
        _ => name.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_have_a_name_a_line() {
        let text = b"a.h5\r\n\n# b.h5\n  \n with space .h5\n*.h5\n\xff\n@x\n-";
        let names = listed("it", &mut &text[..]).unwrap();
        let expected: [&[u8]; 6] = [b"a.h5", b" with space .h5", b"*.h5", b"\xff", b"@x", b"-"];
        assert_eq!(names, expected.map(path));
        for (text, message) in [(&b"#\n\n"[..], "it names no file"), (b"\x89HDF\r\n\0", "it is not a list of files")] {
            assert_eq!(listed("it", &mut &text[..]).unwrap_err().message, message);
        }
        let twice = expanded(&["-".into(), "x".into(), "-".into()], &mut &b"a\nb"[..]).unwrap();
        assert_eq!(twice, ["a", "b", "x"].map(PathBuf::from));
    }

    #[test]
    fn what_is_handed_over_is_what_was_made() {
        let names = [&b"a\nb"[..], b"\xff", b"./x/../y", b"*"].map(path).to_vec();
        let mut cli = <Cli as clap::Parser>::try_parse_from(["h5mason", "recover", "z"]).unwrap();
        let list = write_list(&names).unwrap();
        take(&mut cli, list.as_raw_fd()).unwrap();
        assert_eq!(names_of(&mut cli.command).unwrap(), &names);
    }
}
