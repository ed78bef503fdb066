//! Transactions, seen from outside: signals, links, files that change hands.

use std::collections::BTreeSet;
use std::os::unix::fs::{MetadataExt, symlink};
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use h5mason::h5::{File, Locking, NewGroup};
use h5mason::model::{Libver, TrackOrder};
use h5mason::txn::{CommitBy, Existing, InPlace, Lock, NewTarget, TxnError};
use rustix::process::{Pid, Signal, kill_process};

use crate::common::{h5mason, tempdir};

const SMALL: &str = "version = 1\n[dataset.\"/d\"]\ndtype = \"i4\"\nshape = [3]\nfill.arange = {}\n";
/// Takes seconds: gigabytes of values.
const LARGE: &str = "version = 1\n[dataset.\"/d\"]\ndtype = \"f8\"\nshape = [4000, 1000, 100]\nchunks = [1, 1000, 100]\nfilters = [{ deflate = 1 }]\nfill.normal = {}\n";

fn names(dir: &Path) -> BTreeSet<String> {
    std::fs::read_dir(dir).unwrap().map(|e| e.unwrap().file_name().into_string().unwrap()).collect()
}

fn set<const N: usize>(names: [&str; N]) -> BTreeSet<String> {
    names.map(String::from).into()
}

fn run(dir: &Path, args: &[&str]) -> (i32, String) {
    let Output { status, stdout, stderr } = h5mason().current_dir(dir).args(args).output().unwrap();
    (status.code().unwrap(), format!("{}{}", String::from_utf8_lossy(&stdout), String::from_utf8_lossy(&stderr)))
}

/// Bytes that a process and those it started have written.
fn written(pid: u32) -> u64 {
    let read = |name: &str| std::fs::read_to_string(format!("/proc/{pid}/{name}")).unwrap_or_default();
    let own = read("io").lines().find_map(|line| line.strip_prefix("wchar: ")?.parse::<u64>().ok()).unwrap_or(0);
    let children = read(&format!("task/{pid}/children"));
    own + children.split_whitespace().map(|child| written(child.parse().unwrap())).sum::<u64>()
}

/// Starts the command, waits until it has written much, and sends the signal; how it ended.
fn interrupted(dir: &Path, args: &[&str], signal: Signal) -> Option<i32> {
    // A test that runs in the background of a shell ignores SIGINT, and so would the command.
    let mut child = Command::new("env")
        .args(["--default-signal=INT,TERM", "NO_COLOR=1", env!("CARGO_BIN_EXE_h5mason")])
        .args(args)
        .current_dir(dir)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let begun = Instant::now();
    while written(child.id()) < 1 << 20 {
        assert!(child.try_wait().unwrap().is_none(), "it ended before the signal");
        assert!(begun.elapsed() < Duration::from_secs(300), "nothing was written");
        std::thread::sleep(Duration::from_millis(5));
    }
    kill_process(Pid::from_child(&child), signal).unwrap();
    child.wait().unwrap().signal()
}

#[test]
fn a_signal_leaves_nothing_behind() {
    let dir = tempdir();
    let dir = dir.path();
    std::fs::write(dir.join("m.toml"), LARGE).unwrap();
    let ended = interrupted(dir, &["build", "m.toml", "-o", "x.h5"], Signal::INT);
    assert_eq!(ended, Some(2), "a shell sees 130");
    assert_eq!(names(dir), set(["m.toml"]));
    let ended = interrupted(dir, &["build", "m.toml", "-o", "new/er/x.h5"], Signal::TERM);
    assert_eq!(ended, Some(15));
    assert_eq!(names(dir), set(["m.toml"]), "the folders go, too");
}

#[test]
fn a_signal_leaves_the_target_of_an_apply_as_it_was() {
    let dir = tempdir();
    let dir = dir.path();
    std::fs::write(dir.join("a.toml"), SMALL.replace("/d", "/other")).unwrap();
    std::fs::write(dir.join("m.toml"), LARGE).unwrap();
    assert_eq!(run(dir, &["build", "a.toml", "-o", "x.h5"]).0, 0);
    let before = std::fs::read(dir.join("x.h5")).unwrap();
    assert_eq!(interrupted(dir, &["apply", "m.toml", "x.h5"], Signal::INT), Some(2));
    assert_eq!(std::fs::read(dir.join("x.h5")).unwrap(), before);
    assert_eq!(names(dir), set(["a.toml", "m.toml", "x.h5"]));
    // The lock went with the process.
    assert_eq!(run(dir, &["check", "a.toml", "x.h5"]).0, 0);
}

#[test]
fn force_builds_what_a_dangling_link_names() {
    let dir = tempdir();
    let dir = dir.path();
    std::fs::write(dir.join("m.toml"), SMALL).unwrap();
    std::fs::create_dir(dir.join("far")).unwrap();
    symlink("far/two", dir.join("x.h5")).unwrap();
    symlink("real.h5", dir.join("far/two")).unwrap();
    symlink("nowhere/x.h5", dir.join("lost.h5")).unwrap();
    symlink("round.h5", dir.join("round.h5")).unwrap();
    let (code, said) = run(dir, &["build", "m.toml", "-o", "x.h5"]);
    assert!(code == 2 && said.contains("build --force"), "{said}");
    assert_eq!(run(dir, &["build", "m.toml", "-o", "x.h5", "--force"]).0, 0);
    assert_eq!(names(&dir.join("far")), set(["real.h5", "two"]));
    assert_eq!(run(dir, &["check", "m.toml", "x.h5"]).0, 0);
    let (code, said) = run(dir, &["build", "m.toml", "-o", "lost.h5", "--force"]);
    assert!(code == 2 && said.contains("symbolic link to") && said.contains("nowhere/x.h5"), "{said}");
    let (code, said) = run(dir, &["build", "m.toml", "-o", "round.h5", "--force"]);
    assert!(code == 2 && said.contains("symbolic link"), "{said}");
    assert_eq!(names(dir), set(["far", "lost.h5", "m.toml", "round.h5", "x.h5"]));
}

#[test]
fn a_file_with_several_links_is_not_replaced() {
    let dir = tempdir();
    let dir = dir.path();
    std::fs::write(dir.join("m.toml"), SMALL).unwrap();
    std::fs::write(dir.join("n.toml"), format!("{SMALL}attrs.new = 1\n")).unwrap();
    assert_eq!(run(dir, &["build", "m.toml", "-o", "x.h5"]).0, 0);
    assert_eq!(std::fs::metadata(dir.join("x.h5")).unwrap().nlink(), 1);
    std::fs::hard_link(dir.join("x.h5"), dir.join("y.h5")).unwrap();
    for args in [&["build", "n.toml", "--force", "-o", "x.h5"][..], &["apply", "--commit", "replace", "n.toml", "x.h5"]] {
        let (code, said) = run(dir, args);
        assert!(code == 2 && said.contains("2 hard links"), "{said}");
    }
    assert_eq!(run(dir, &["check", "m.toml", "y.h5"]).0, 0);
    assert_eq!(names(dir), set(["m.toml", "n.toml", "x.h5", "y.h5"]));
    // In place the other name has the change, too.
    assert_eq!(run(dir, &["apply", "n.toml", "x.h5"]).0, 0);
    assert_eq!(run(dir, &["check", "n.toml", "y.h5"]).0, 0);
    assert_eq!(std::fs::metadata(dir.join("x.h5")).unwrap().nlink(), 2);
}

/// Takes a file in hand and makes a group in it, which is not committed yet.
fn begun(target: &Path, by: CommitBy) -> InPlace {
    let mut change = InPlace::begin(Lock::acquire(target, Duration::from_secs(60)).unwrap(), by).unwrap();
    change.begin_writing(1 << 20).unwrap();
    let file = File::open_session_writable(change.session(), (Libver::V18, Libver::Latest)).unwrap();
    let new = NewGroup { link_order: TrackOrder::No, attr_order: TrackOrder::No, name_charset: None };
    file.root().unwrap().create_group(b"new", new).unwrap();
    file.close().unwrap();
    change
}

fn has_group(file: File) -> bool {
    file.root().unwrap().link(b"new").unwrap().is_some()
}

#[test]
fn a_change_is_seen_through_its_session_only() {
    let dir = tempdir();
    let dir = dir.path();
    std::fs::write(dir.join("m.toml"), SMALL).unwrap();
    assert_eq!(run(dir, &["build", "m.toml", "-o", "x.h5"]).0, 0);
    let target = dir.join("x.h5");
    let old = std::fs::read(&target).unwrap();
    for by in [CommitBy::Journal, CommitBy::Replace] {
        let change = begun(&target, by);
        assert!(has_group(File::open_session(change.session()).unwrap()));
        let now = std::fs::read(&target).unwrap();
        assert!(now[..old.len()] == old[..], "below its old end nothing is written");
        drop(change);
        assert!(std::fs::read(&target).unwrap() == old, "it was not committed");
    }
    let receipt = begun(&target, CommitBy::Journal).commit().unwrap();
    assert!(receipt.uncut.is_none() && receipt.work.syncs == 5, "one before, four for the commit: {receipt:?}");
    assert!(has_group(File::open(&target, Locking::Off).unwrap()));
    assert_eq!(names(dir), set(["m.toml", "x.h5"]));
}

#[test]
fn a_file_replaced_behind_the_lock_is_left_alone() {
    let dir = tempdir();
    let dir = dir.path();
    std::fs::write(dir.join("m.toml"), SMALL).unwrap();
    assert_eq!(run(dir, &["build", "m.toml", "-o", "x"]).0, 0);
    let target = dir.join("x");
    for by in [CommitBy::Journal, CommitBy::Replace] {
        assert_eq!(run(dir, &["build", "m.toml", "-o", "x", "--force"]).0, 0);
        let change = begun(&target, by);
        std::fs::write(dir.join("y"), "foreign").unwrap();
        std::fs::rename(dir.join("y"), &target).unwrap();
        let said = change.commit().unwrap_err().to_string();
        assert!(said.contains("replaced it meanwhile"), "{said}");
        assert_eq!(std::fs::read(&target).unwrap(), b"foreign");
        std::fs::remove_file(&target).unwrap();
    }
    // A link made during the work would keep the old contents.
    assert_eq!(run(dir, &["build", "m.toml", "-o", "x"]).0, 0);
    let change = begun(&target, CommitBy::Replace);
    std::fs::hard_link(&target, dir.join("z")).unwrap();
    assert!(matches!(change.commit(), Err(TxnError::Refused { .. })));
    assert_eq!(names(dir), set(["m.toml", "x", "z"]));
}

#[test]
fn a_new_file_never_replaces() {
    let dir = tempdir();
    let target = dir.path().join("a/b/x");
    let new = NewTarget::begin(&target, Existing::Keep, true).unwrap();
    std::fs::write(&target, "faster").unwrap();
    assert!(matches!(new.commit(true), Err(TxnError::Exists(_))));
    assert_eq!(std::fs::read(&target).unwrap(), b"faster");
    assert_eq!(names(&dir.path().join("a/b")), set(["x"]), "folders that are used stay, the temporary file does not");
    let other = dir.path().join("a/y");
    NewTarget::begin(&other, Existing::Keep, true).unwrap().commit(true).unwrap();
    assert_eq!(std::fs::metadata(&other).unwrap().nlink(), 1);
    assert_eq!(names(&dir.path().join("a")), set(["b", "y"]));
}

/// Signals at any moment: the command's own way to end must not spoil a commit that it meets.
#[test]
fn signals_leave_the_old_file_or_the_new_one() {
    let dir = tempdir();
    let dir = dir.path();
    let base = "version = 1\n[dataset.\"/d\"]\ndtype = \"f8\"\nshape = [40000]\nfill.uniform = {}\n";
    std::fs::write(dir.join("base.toml"), base).unwrap();
    let change = "version = 1\nseed = 3\n[attrs]\nx = 1\n[dataset.\"/e\"]\ndtype = \"f8\"\nshape = [90000]\nfill.uniform = {}\n\
                  [[patch]]\npath = \"/d\"\nselect = \"::7\"\nfill = 0\n";
    std::fs::write(dir.join("m.toml"), change).unwrap();
    assert_eq!(run(dir, &["build", "base.toml", "-o", "old.h5"]).0, 0);
    std::fs::copy(dir.join("old.h5"), dir.join("new.h5")).unwrap();
    let begun = Instant::now();
    assert_eq!(run(dir, &["apply", "m.toml", "new.h5"]).0, 0);
    let whole = begun.elapsed();
    let (old, new) = (std::fs::read(dir.join("old.h5")).unwrap(), std::fs::read(dir.join("new.h5")).unwrap());
    let (mut saw_old, mut saw_new) = (0, 0);
    for n in 0..120u32 {
        std::fs::write(dir.join("x.h5"), &old).unwrap();
        let child = Command::new("env")
            .args(["--default-signal=INT,TERM", "NO_COLOR=1", env!("CARGO_BIN_EXE_h5mason"), "apply", "m.toml", "x.h5"])
            .current_dir(dir)
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        // From a third of the usual time to the end of it.
        std::thread::sleep(whole / 3 + whole * (n % 40) / 50);
        let signal = [Signal::TERM, Signal::INT, Signal::KILL][n as usize % 3];
        let _ = kill_process(Pid::from_child(&child), signal);
        // A worker without its parent ends by itself: until then it may have the lock, or take it only now. It has the same stderr, which ends with
        // the last process that has it.
        child.wait_with_output().unwrap();
        let (code, said) = run(dir, &["recover", "--lock-wait", "60", "x.h5"]);
        assert_eq!(code, 0, "{said}");
        let bytes = std::fs::read(dir.join("x.h5")).unwrap();
        saw_old += u32::from(bytes == old);
        saw_new += u32::from(bytes == new);
        assert!(bytes == old || bytes == new, "{signal:?} in round {n}: {} bytes; {said}", bytes.len());
    }
    println!("old {saw_old}, new {saw_new}");
    assert_eq!(names(dir).len(), 5);
}
