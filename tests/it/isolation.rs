//! The process that does the work dies or gets nowhere, and its parent copes.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use rustix::fs::{FlockOperation, flock};
use rustix::process::{Pid, Signal, kill_process, test_kill_process};

use crate::common::{children, h5mason, run_to, tempdir, wait_for};

const SMALL: &str = "version = 1\n[dataset.\"/d\"]\ndtype = \"i4\"\nshape = [3]\nfill.arange = {}\n";
/// Takes seconds: gigabytes of values.
const LARGE: &str = "version = 1\n[dataset.\"/d\"]\ndtype = \"f8\"\nshape = [4000, 1000, 100]\nchunks = [1, 1000, 100]\nfilters = [{ deflate = 1 }]\nfill.normal = {}\n";

/// A command that works, and the process that does the work for it.
struct Started {
    parent: Child,
    worker: Pid,
}

fn names(dir: &Path) -> BTreeSet<String> {
    fs::read_dir(dir).unwrap().map(|e| e.unwrap().file_name().into_string().unwrap()).collect()
}

fn start(dir: &Path, args: &[&str]) -> Started {
    // A test that runs in the background of a shell ignores SIGINT, below `nohup` SIGHUP, and so would the command.
    let mut command = Command::new("env");
    command.args(["--default-signal=INT,TERM,HUP", "NO_COLOR=1", env!("CARGO_BIN_EXE_h5mason")]).args(args).current_dir(dir);
    let parent = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let worker = wait_for("a worker", || children(parent.id()).first().copied());
    Started { parent, worker }
}

impl Started {
    /// Waits until the worker has a file of this name open.
    fn wait_until_open(&self, name: &str) {
        let folder = PathBuf::from(format!("/proc/{}/fd", self.worker.as_raw_pid()));
        wait_for(name, || {
            let open = fs::read_dir(&folder).ok()?.flatten().filter_map(|fd| fs::read_link(fd.path()).ok());
            open.map(|path| path.file_name().map(|n| n.to_string_lossy().into_owned())).any(|n| n.as_deref() == Some(name)).then_some(())
        });
    }

    /// Bytes that the worker has written.
    fn written(&self) -> Option<u64> {
        let text = fs::read_to_string(format!("/proc/{}/io", self.worker.as_raw_pid())).ok()?;
        text.lines().find_map(|line| line.strip_prefix("wchar: ")?.parse().ok())
    }

    /// Waits until the worker has written much.
    fn wait_until_writing(&self) {
        wait_for("contents", || (self.written()? > 1 << 20).then_some(()));
    }

    /// Sends the worker a signal until it is gone. (The first SIGSEGV may be taken for the standard library's own.)
    fn kill_worker(&self, signal: Signal) {
        wait_for("the worker's end", || {
            let _ = kill_process(self.worker, signal);
            let status = fs::read_to_string(format!("/proc/{}/status", self.worker.as_raw_pid())).unwrap_or_default();
            (status.is_empty() || status.contains("State:\tZ")).then_some(())
        });
    }

    /// How the command ended, and what it said.
    fn end(self) -> (ExitStatus, String) {
        let output = self.parent.wait_with_output().unwrap();
        (output.status, format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr)))
    }
}

#[test]
fn a_crash_is_told_and_leaves_nothing() {
    let dir = tempdir();
    let dir = dir.path();
    fs::write(dir.join("m.toml"), LARGE).unwrap();
    for (signal, text) in [
        (Signal::SEGV, "the HDF5 library crashed while building new/x.h5; nothing was written"),
        (Signal::KILL, "h5mason was killed (out of memory?) while building new/x.h5; nothing was written"),
        (Signal::ABORT, "h5mason or the HDF5 library ran out of memory or gave up while building new/x.h5; nothing was written"),
    ] {
        let started = start(dir, &["build", "m.toml", "-o", "new/x.h5"]);
        started.wait_until_writing();
        started.kill_worker(signal);
        let (status, said) = started.end();
        assert_eq!(status.code(), Some(2), "{said}");
        assert_eq!(said.trim_end(), format!("error: {text}"));
        assert_eq!(names(dir), BTreeSet::from(["m.toml".into()]), "the file is not there, and the folder went, too");
    }
}

#[test]
fn a_crash_leaves_the_target_of_an_apply_as_it_was() {
    let dir = tempdir();
    let dir = dir.path();
    fs::write(dir.join("a.toml"), SMALL.replace("/d", "/other")).unwrap();
    fs::write(dir.join("m.toml"), LARGE).unwrap();
    run_to(0, h5mason().current_dir(dir).args(["build", "a.toml", "-o", "x.h5"]));
    let before = fs::read(dir.join("x.h5")).unwrap();
    let started = start(dir, &["apply", "m.toml", "x.h5"]);
    started.wait_until_writing();
    started.kill_worker(Signal::BUS);
    let (status, said) = started.end();
    assert_eq!(status.code(), Some(2), "{said}");
    assert!(said.contains("crashed while changing x.h5; the file was not modified"), "{said}");
    assert!(fs::read(dir.join("x.h5")).unwrap() == before);
    assert_eq!(names(dir).len(), 3);
}

#[test]
fn only_the_file_of_a_crash_fails() {
    let dir = tempdir();
    let dir = dir.path();
    fs::write(dir.join("m.toml"), SMALL.replace("fill.arange", "attrs.new = 1\nfill.arange")).unwrap();
    fs::write(dir.join("old.toml"), SMALL).unwrap();
    let files = ["a.h5", "b.h5", "c.h5"];
    files.iter().for_each(|file| drop(run_to(0, h5mason().current_dir(dir).args(["build", "old.toml", "-o", file]))));
    // It waits for the second file for as long as somebody has it locked.
    let held = File::open(dir.join("b.h5")).unwrap();
    flock(&held, FlockOperation::LockExclusive).unwrap();
    let started = start(dir, &["apply", "m.toml", "--jobs", "1", "--lock-wait", "3600", "a.h5", "b.h5", "c.h5"]);
    started.wait_until_open("b.h5");
    started.kill_worker(Signal::SEGV);
    let (status, said) = started.end();
    flock(&held, FlockOperation::Unlock).unwrap();
    drop(held);
    assert_eq!(status.code(), Some(2), "{said}");
    assert!(said.contains("error: the HDF5 library crashed while changing b.h5; the file was not modified\n"), "{said}");
    assert!(said.contains("a.h5") && said.contains("c.h5"), "{said}");
    let check = |file: &str, code| run_to(code, h5mason().current_dir(dir).args(["check", "m.toml", file]));
    check("a.h5", 0);
    check("b.h5", 1);
    check("c.h5", 0);
}

#[test]
fn time_runs_out_for_one_file() {
    let dir = tempdir();
    let dir = dir.path();
    fs::write(dir.join("m.toml"), LARGE).unwrap();
    let begun = Instant::now();
    let output = h5mason().current_dir(dir).args(["build", "m.toml", "-o", "x.h5", "--timeout", "5"]).output().unwrap();
    assert!(begun.elapsed() < Duration::from_secs(120));
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{said}");
    assert_eq!(said, "error: x.h5: not done after 5 s; given up (nothing was written)\n");
    assert_eq!(names(dir), BTreeSet::from(["m.toml".into()]));
}

#[test]
fn the_count_of_files_survives() {
    let dir = tempdir();
    let dir = dir.path();
    // Nothing is stored, but to compare so many elements takes long.
    fs::write(dir.join("big.toml"), "version = 1\n[dataset.\"/d\"]\ndtype = \"f8\"\nshape = [40_000_000_000]\nchunks = [1_000_000]\n")
        .unwrap();
    fs::write(dir.join("small.toml"), "version = 1\n[dataset.\"/d\"]\ndtype = \"f8\"\nshape = [3]\nfill.normal = {}\n").unwrap();
    fs::write(dir.join("m.toml"), "version = 1\n[dataset.\"/d\"]\nfill.normal = {}\ncontents = \"exact\"\n").unwrap();
    for (manifest, file) in [("small.toml", "a.h5"), ("big.toml", "b.h5"), ("small.toml", "c.h5")] {
        run_to(0, h5mason().current_dir(dir).args(["build", manifest, "-o", file]));
    }
    let plan = ["--out", "p.json", "--timeout", "5"];
    let output = h5mason().current_dir(dir).args(["check", "m.toml", "a.h5", "b.h5", "c.h5", "--timeout", "5"]).output().unwrap();
    let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert_eq!(output.status.code(), Some(2), "{err}");
    assert_eq!(out, "2 of 3 files as declared\n");
    assert_eq!(err, "error: b.h5: not done after 5 s; given up (the file was not modified)\n");
    let output = h5mason().current_dir(dir).args(["plan", "m.toml", "b.h5", "c.h5"]).args(plan).output().unwrap();
    let err = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{err}");
    assert!(err.contains("b.h5: not done") && err.contains("no plan was saved") && !dir.join("p.json").exists(), "{err}");
}

#[test]
fn a_signal_to_the_parent_alone_ends_both() {
    let dir = tempdir();
    let dir = dir.path();
    fs::write(dir.join("m.toml"), LARGE).unwrap();
    for (signal, number) in [(Signal::INT, 2), (Signal::TERM, 15), (Signal::HUP, 1)] {
        let started = start(dir, &["build", "m.toml", "-o", "x.h5"]);
        started.wait_until_writing();
        kill_process(Pid::from_child(&started.parent), signal).unwrap();
        let worker = started.worker;
        let (status, said) = started.end();
        assert_eq!((status.signal(), said.as_str()), (Some(number), ""), "no word of a crash");
        assert!(test_kill_process(worker).is_err(), "the worker is gone before its parent");
        assert_eq!(names(dir), BTreeSet::from(["m.toml".into()]));
    }
    // A terminal sends it to both.
    let started = start(dir, &["build", "m.toml", "-o", "x.h5"]);
    started.wait_until_writing();
    kill_process(started.worker, Signal::INT).unwrap();
    let _ = kill_process(Pid::from_child(&started.parent), Signal::INT);
    let (status, said) = started.end();
    assert_eq!((status.signal(), said.as_str()), (Some(2), ""));
    assert_eq!(names(dir), BTreeSet::from(["m.toml".into()]));
}

#[test]
fn a_worker_goes_with_its_parent() {
    let dir = tempdir();
    let dir = dir.path();
    fs::write(dir.join("m.toml"), LARGE).unwrap();
    fs::write(dir.join("a.toml"), SMALL.replace("/d", "/other")).unwrap();
    run_to(0, h5mason().current_dir(dir).args(["build", "a.toml", "-o", "x.h5"]));
    let before = fs::read(dir.join("x.h5")).unwrap();
    let mut started = start(dir, &["apply", "m.toml", "x.h5"]);
    started.wait_until_writing();
    wait_for("something behind the old end", || (fs::metadata(dir.join("x.h5")).unwrap().len() > before.len() as u64).then_some(()));
    let limits = fs::read_to_string(format!("/proc/{}/limits", started.worker.as_raw_pid())).unwrap();
    let memory = limits.lines().find(|line| line.starts_with("Max address space")).unwrap();
    assert!(!memory["Max address space".len()..].trim_start().starts_with("unlimited"), "{memory}");
    started.parent.kill().unwrap();
    started.parent.wait().unwrap();
    wait_for("the worker's end", || {
        let status = fs::read_to_string(format!("/proc/{}/status", started.worker.as_raw_pid())).unwrap_or_default();
        (status.is_empty() || status.contains("State:\tZ")).then_some(())
    });
    assert!(fs::read(dir.join("x.h5")).unwrap() == before, "the worker has cut off what it had appended");
}

#[test]
fn a_stopped_worker_does_not_hang() {
    let dir = tempdir();
    let dir = dir.path();
    fs::write(dir.join("m.toml"), LARGE).unwrap();
    let mut started = start(dir, &["build", "m.toml", "-o", "x.h5"]);
    started.wait_until_writing();
    kill_process(started.worker, Signal::STOP).unwrap();
    std::thread::sleep(Duration::from_secs(7));
    let before = started.written().unwrap();
    kill_process(started.worker, Signal::CONT).unwrap();
    wait_for("more contents", || (started.written()? > before).then_some(()));
    assert!(started.parent.try_wait().unwrap().is_none(), "it works on");
    kill_process(Pid::from_child(&started.parent), Signal::TERM).unwrap();
    assert_eq!(started.end().0.signal(), Some(15));
    assert_eq!(names(dir), BTreeSet::from(["m.toml".into()]));
}

/// Help, schemas and wrong arguments are answered at once.
#[test]
fn arguments_need_no_worker() {
    for args in [&["--help"][..], &["schema", "manifest"], &["completions", "bash"], &["check"]] {
        let output = Command::new("strace").args(["-f", "-e", "trace=execve", env!("CARGO_BIN_EXE_h5mason")]).args(args).output();
        // Where there is no strace, nothing can be seen.
        let Ok(output) = output else { return };
        let calls = String::from_utf8_lossy(&output.stderr).matches("execve(").count();
        assert_eq!(calls, 1, "{args:?}");
    }
}
