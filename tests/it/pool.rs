//! Several workers for many files: whatever their number, the same is printed in the same order, and one file's trouble is its own.

use std::fs::{self, File};
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::{FlockOperation, flock};
use rustix::process::{Pid, Signal, kill_process, test_kill_process};

use crate::common::{children, h5mason, run_to, tempdir, wait_for};

const OLD: &str = "version = 1\n[dataset.\"/d\"]\ndtype = \"i4\"\nshape = [30]\nfill.arange = {}\n";
const NEW: &str = "version = 1\n[attrs]\ntitle = \"new\"\n[dataset.\"/d\"]\ndtype = \"i4\"\nshape = [30]\nfill.arange = {}\n";

/// A folder with two manifests and so many files, `0.h5` and on.
fn folder(files: usize) -> tempfile::TempDir {
    let dir = tempdir();
    fs::write(dir.path().join("old.toml"), OLD).unwrap();
    fs::write(dir.path().join("m.toml"), NEW).unwrap();
    run_to(0, h5mason().current_dir(dir.path()).args(["build", "old.toml", "-o", "0.h5"]));
    for i in 1..files {
        fs::copy(dir.path().join("0.h5"), dir.path().join(format!("{i}.h5"))).unwrap();
    }
    dir
}

fn names(count: usize) -> Vec<String> {
    (0..count).map(|i| format!("{i}.h5")).collect()
}

/// A command with so many jobs: code, stdout and stderr.
fn run(dir: &Path, jobs: &str, args: &[&str], files: &[String]) -> (Option<i32>, String, String) {
    let output = h5mason().current_dir(dir).args(args).args(files).args(["--jobs", jobs]).output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap().replace(dir.to_str().unwrap(), "DIR");
    (output.status.code(), text(output.stdout), text(output.stderr))
}

/// Both streams as one terminal would get them.
fn merged(dir: &Path, jobs: &str, args: &[&str], files: &[String]) -> String {
    let path = dir.join("merged.txt");
    let to = File::create(&path).unwrap();
    let mut command = h5mason();
    command.current_dir(dir).args(args).args(files).args(["--jobs", jobs]);
    command.stdout(to.try_clone().unwrap()).stderr(to).status().unwrap();
    fs::read_to_string(path).unwrap().replace(dir.to_str().unwrap(), "DIR")
}

/// Files of all kinds: as declared, different, damaged, none, missing, in a missing folder, twice, and under another name.
fn all_kinds() -> (tempfile::TempDir, Vec<String>) {
    let dir = folder(12);
    let at = |name: &str| dir.path().join(name);
    run_to(0, h5mason().current_dir(dir.path()).args(["apply", "m.toml", "4.h5"]));
    let bytes = fs::read(at("5.h5")).unwrap();
    fs::write(at("5.h5"), &bytes[..700]).unwrap();
    fs::write(at("6.h5"), "hello").unwrap();
    fs::remove_file(at("7.h5")).unwrap();
    fs::write(at("8.h5"), [&bytes[..], b"behind"].concat()).unwrap();
    std::os::unix::fs::symlink("3.h5", at("link.h5")).unwrap();
    let more = ["7.h5", "1.h5", "link.h5", "./9.h5", "no/such.h5", "no/../7.h5"];
    let files = names(12).into_iter().chain(more.map(String::from)).collect();
    (dir, files)
}

#[test]
fn jobs_change_nothing_that_is_printed() {
    let commands = [
        &["plan", "m.toml"][..],
        &["plan", "m.toml", "--exit-code", "--format", "json"],
        &["check", "m.toml"],
        &["check", "m.toml", "--format", "json", "--verbose"],
        &["plan", "m.toml", "--out", "p.json"],
        &["plan", "missing.toml"],
        &["recover"],
        &["apply", "m.toml"],
        &["apply", "m.toml", "--format", "json"],
    ];
    for args in commands {
        let mut first = None;
        for jobs in ["1", "2", "5", "100"] {
            let (dir, files) = all_kinds();
            let apart = run(dir.path(), jobs, args, &files);
            let contents = |dir: &Path| names(12).iter().map(|name| fs::read(dir.join(name)).ok()).collect::<Vec<_>>();
            let after = contents(dir.path());
            let (dir, files) = all_kinds();
            let both = merged(dir.path(), jobs, args, &files);
            assert_eq!(after, contents(dir.path()), "{args:?}");
            let seen = (apart, both, after);
            match &first {
                None => first = Some(seen),
                Some(first) => assert!(*first == seen, "{args:?} --jobs {jobs}:\n{:?}\nis not\n{:?}", first.0, seen.0),
            }
        }
    }
}

/// More files than may be begun while the first one is not done.
#[test]
fn files_wait_for_the_first_one() {
    let dir = folder(301);
    let held = File::open(dir.path().join("0.h5")).unwrap();
    flock(&held, FlockOperation::LockExclusive).unwrap();
    let files = names(301);
    let mut command = h5mason();
    command.current_dir(dir.path()).args(["apply", "m.toml", "--lock-wait", "3600", "--jobs", "2"]).args(&files);
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let changed = |i: usize| run_to_code(dir.path(), &format!("{i}.h5")) == Some(0);
    wait_for("later files", || changed(100).then_some(()));
    assert!(child.try_wait().unwrap().is_none() && !changed(300), "it waits");
    flock(&held, FlockOperation::Unlock).unwrap();
    drop(held);
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    let told = String::from_utf8(output.stdout).unwrap();
    let told: Vec<&str> = told.lines().filter_map(|line| line.strip_suffix(" (existing)")).collect();
    assert_eq!(told, files);
}

fn run_to_code(dir: &Path, file: &str) -> Option<i32> {
    h5mason().current_dir(dir).args(["check", "m.toml", file]).output().unwrap().status.code()
}

fn has_open(process: Pid, name: &str) -> bool {
    let open = fs::read_dir(format!("/proc/{}/fd", process.as_raw_pid())).into_iter().flatten().flatten();
    open.filter_map(|fd| fs::read_link(fd.path()).ok()).any(|path| path.ends_with(name))
}

/// An apply of ten files with three jobs, two of which wait for locked files.
fn two_wait(dir: &Path) -> (Child, [File; 2]) {
    let held = ["2.h5", "6.h5"].map(|name| File::open(dir.join(name)).unwrap());
    held.iter().for_each(|file| flock(file, FlockOperation::LockExclusive).unwrap());
    let mut command = Command::new("env");
    command.args(["--default-signal=INT,TERM", "NO_COLOR=1", env!("CARGO_BIN_EXE_h5mason")]).current_dir(dir);
    command.args(["apply", "m.toml", "--lock-wait", "3600", "--jobs", "3"]).args(names(10));
    (command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap(), held)
}

fn waiting_for(child: &Child, name: &str) -> Pid {
    wait_for(name, || children(child.id()).into_iter().find(|pid| has_open(*pid, name)))
}

#[test]
fn killed_workers_fail_their_own_files() {
    let dir = folder(10);
    let (child, held) = two_wait(dir.path());
    for (name, signal) in [("2.h5", Signal::KILL), ("6.h5", Signal::SEGV)] {
        let pid = waiting_for(&child, name);
        wait_for("the worker's end", || {
            let _ = kill_process(pid, signal);
            let status = fs::read_to_string(format!("/proc/{}/status", pid.as_raw_pid())).unwrap_or_default();
            (status.is_empty() || status.contains("State:\tZ")).then_some(())
        });
    }
    let output = child.wait_with_output().unwrap();
    drop(held);
    let err = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(2), "{err}");
    let expected = "error: h5mason was killed (out of memory?) while changing 2.h5; the file was not modified\n\
                    error: the HDF5 library crashed while changing 6.h5; the file was not modified\n";
    assert_eq!(err, expected);
    for i in 0..10 {
        assert_eq!(run_to_code(dir.path(), &format!("{i}.h5")), Some(i32::from(i == 2 || i == 6)), "{i}");
    }
}

#[test]
fn a_signal_ends_all_of_them() {
    let dir = folder(10);
    let (child, held) = two_wait(dir.path());
    let workers = ["2.h5", "6.h5"].map(|name| waiting_for(&child, name));
    // It has told of all that it did, the last file, too.
    wait_for("the third worker's end", || (children(child.id()).len() == 2).then_some(()));
    kill_process(Pid::from_child(&child), Signal::INT).unwrap();
    let output = child.wait_with_output().unwrap();
    drop(held);
    let told = String::from_utf8(output.stderr).unwrap();
    let expected = "interrupted: 8 changed, 0 not begun; 2 stopped before they were changed\n";
    assert_eq!((output.status.signal(), told.as_str()), (Some(2), expected));
    assert!(workers.iter().all(|pid| test_kill_process(*pid).is_err()), "the workers are gone before their parent");
    // What was done is told, though something before it was not.
    let told = String::from_utf8(output.stdout).unwrap();
    assert!(told.contains("1.h5 (existing)") && told.contains("9.h5 (existing)") && !told.contains("2.h5"), "{told}");
}

/// A reader that stops reading keeps nobody from ending it.
#[test]
fn a_signal_is_heard_while_nobody_reads() {
    let dir = folder(1);
    let many: Vec<String> = (1..=3000).map(|i| format!("{i}.h5")).collect();
    many.iter().for_each(|name| fs::hard_link(dir.path().join("0.h5"), dir.path().join(name)).unwrap());
    let mut command = Command::new("env");
    command.args(["--default-signal=INT,TERM", env!("CARGO_BIN_EXE_h5mason"), "plan", "m.toml", "--jobs", "2"]).args(many);
    let (_reader, pipe) = std::io::pipe().unwrap();
    command.current_dir(dir.path()).stdout(pipe.try_clone().unwrap()).stderr(Stdio::null());
    let mut child = command.spawn().unwrap();
    let at_once = Timespec { tv_sec: 0, tv_nsec: 0 };
    wait_for("a full pipe", || (poll(&mut [PollFd::new(&pipe, PollFlags::OUT)], Some(&at_once)).unwrap() == 0).then_some(()));
    kill_process(Pid::from_child(&child), Signal::TERM).unwrap();
    let status = wait_for("its end", || child.try_wait().unwrap());
    assert_eq!(status.signal(), Some(15));
}

/// One file is made from another one: then they are worked on in their order.
#[test]
fn files_that_are_made_from_each_other_keep_their_order() {
    let manifest = "version = 1\n[dataset.\"/d\"]\ndtype = \"i4\"\nshape = [30]\nfill.hdf5 = { file = \"3.h5\", path = \"/d\" }\ncontents = \"exact\"\n";
    let mut seen = Vec::new();
    for jobs in ["1", "4"] {
        let dir = folder(8);
        fs::write(dir.path().join("c.toml"), manifest).unwrap();
        seen.push(run(dir.path(), jobs, &["apply", "c.toml"], &names(8)));
    }
    assert_eq!(seen[0], seen[1]);
}

/// Text names what changes, or would; the last line counts all. JSON has every file.
#[test]
fn the_last_line_counts() {
    let dir = folder(4);
    let command = |args: &[&str]| h5mason().current_dir(dir.path()).args(args).output().unwrap();
    let said = |args: &[&str]| {
        let output = command(args);
        (output.status.code(), String::from_utf8(output.stdout).unwrap())
    };
    let files = ["0.h5", "1.h5", "2.h5", "3.h5"];
    run_to(0, h5mason().current_dir(dir.path()).args(["apply", "m.toml", "1.h5"]));
    let wrong = NEW.replace("i4", "f4");
    fs::write(dir.path().join("wrong.toml"), wrong).unwrap();
    run_to(0, h5mason().current_dir(dir.path()).args(["build", "--force", "wrong.toml", "-o", "2.h5"]));
    fs::write(dir.path().join("3.h5"), "hello").unwrap();
    let with = |command: &[&'static str]| [command, &files].concat();
    let (code, told) = said(&with(&["plan", "m.toml"]));
    assert_eq!((code, told.contains("1.h5")), (Some(2), false), "{told}");
    assert!(told.ends_with("\n4 files: 1 would change, 1 unchanged, 1 with conflicts, 1 failed; 19 B to write\n"), "{told}");
    assert!(said(&with(&["plan", "m.toml", "--verbose"])).1.contains("1.h5: as declared"));
    let (_, told) = said(&with(&["plan", "m.toml", "--format", "json"]));
    assert!(told.lines().count() == 3 && told.lines().all(|line| line.starts_with('{')), "{told}");
    assert_eq!(said(&with(&["check", "m.toml"])).1.lines().last(), Some("1 of 4 files as declared"));
    let (code, told) = said(&with(&["apply", "m.toml"]));
    assert_eq!((code, told.contains("1.h5")), (Some(2), false), "{told}");
    assert!(told.ends_with("\n4 files: 1 changed, 1 unchanged, 2 failed; 19 B written\n"), "{told}");
    let (_, told) = said(&["apply", "m.toml", "0.h5", "1.h5"]);
    assert_eq!(told, "2 files: 0 changed, 2 unchanged, 0 failed; 0 B written\n");
    assert_eq!(said(&["apply", "m.toml", "0.h5"]).1, "0.h5: as declared, nothing to do\n");
}

/// The plan of a file is the same whatever files were looked at before it.
#[test]
fn a_plan_of_many_files_is_applied_to_some() {
    let dir = folder(3);
    let plan = |args: &[&str]| run_to(0, h5mason().current_dir(dir.path()).args(args));
    plan(&["plan", "m.toml", "--out", "p.json", "0.h5", "1.h5", "2.h5"]);
    plan(&["apply", "m.toml", "--plan", "p.json", "2.h5"]);
    plan(&["apply", "m.toml", "--plan", "p.json", "1.h5", "0.h5"]);
}
