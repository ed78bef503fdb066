//! Many at once on one file: appliers, writers and readers.

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use crate::common::{AtEnd, h5mason, python, repository, run_to, script, tempdir, wait_for};

fn write(dir: &Path, name: &str, manifest: &str) {
    fs::write(dir.join(name), format!("version = 1\n{manifest}")).unwrap();
}

/// A state is a number that stands in attributes and in datasets.
fn state(n: usize) -> String {
    format!(
        "[attrs]\nstate = {n}\n[dataset.\"/plain\".attrs]\nstate = {n}\n[dataset.\"/packed\".attrs]\nstate = {n}\n\
         [dataset.\"/made/{n}\"]\ndtype = \"i4\"\nshape = [{}]\nfill = {n}\n\
         [[patch]]\npath = \"/plain\"\nselect = \"::4096\"\nfill = {n}\n[[patch]]\npath = \"/packed\"\nselect = \"5:70\"\nfill = {n}\n",
        1 + 37 * n % 2000
    )
}

fn build(dir: &Path) {
    let datasets = "[dataset.\"/plain\"]\ndtype = \"i4\"\nshape = [200_000]\n\
                    [dataset.\"/packed\"]\ndtype = \"i4\"\nshape = [80, 40]\nchunks = [16, 40]\nfilters = [{ deflate = 4 }]\n";
    write(dir, "old.toml", datasets);
    write(dir, "0.toml", &state(0));
    run_to(0, h5mason().current_dir(dir).args(["build", "old.toml", "-o", "f.h5"]));
    run_to(0, h5mason().current_dir(dir).args(["apply", "0.toml", "f.h5"]));
}

fn said(output: &Output) -> String {
    format!("{}\n{}{}", output.status, String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

/// Each of fifty succeeds or says that the file is locked; the work of those that succeeded is all there, and no other.
#[test]
fn fifty_appliers_lose_nothing() {
    const APPLIERS: usize = 50;
    let dir = tempdir();
    let dir = dir.path();
    build(dir);
    let mine = |i: usize| {
        format!(
            "[attrs]\na{i} = {i}\n[dataset.\"/d{i}\"]\ndtype = \"f8\"\nshape = [1000]\nfill = {i}\n[[patch]]\npath = \"/plain\"\nselect = \"{i}\"\nfill = {i}\n"
        )
    };
    (1..=APPLIERS).for_each(|i| write(dir, &format!("m{i}.toml"), &mine(i)));
    // Half of them wait for their turn: no fewer than those succeed.
    let start = |i: usize| {
        let wait = if i.is_multiple_of(2) { "600" } else { "0" };
        let mut command = h5mason();
        command.current_dir(dir).args(["apply", &format!("m{i}.toml"), "f.h5", "--lock-wait", wait]);
        command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
    };
    let started: Vec<Child> = (1..=APPLIERS).map(start).collect();
    let ended: Vec<Output> = started.into_iter().map(|child| child.wait_with_output().unwrap()).collect();
    for (i, output) in (1..).zip(&ended) {
        let won = output.status.code() == Some(0);
        if !won {
            let said = said(output);
            assert!(i % 2 == 1 && output.status.code() == Some(2) && said.contains("is locked"), "{i}: {said}");
        }
        // Whoever won has nothing left to do; whoever did not has everything left.
        let left = run_to(0, h5mason().current_dir(dir).args(["plan", &format!("m{i}.toml"), "f.h5"]));
        assert_eq!(left.contains("nothing to do"), won, "{i}: {left}");
        assert_eq!(left.contains("3 to create") || left.contains("1 dataset to create"), !won, "{i}: {left}");
        assert_eq!(left.contains("1 region to write") || left.contains("2 regions to write"), !won, "{i}: {left}");
    }
    let winners = ended.iter().filter(|o| o.status.success()).count();
    println!("{winners} of {APPLIERS} applied");
    assert!(winners >= APPLIERS / 2);
}

#[test]
fn a_plan_is_stale_after_an_outside_writer() {
    let dir = tempdir();
    let dir = dir.path();
    build(dir);
    write(dir, "m.toml", "[attrs]\nstate = 1\n[[patch]]\npath = \"/plain\"\nselect = \"0:12\"\nfill = 7\n");
    run_to(0, h5mason().current_dir(dir).args(["plan", "m.toml", "f.h5", "--out", "plan.json"]));
    let file = dir.join("f.h5");
    script("concurrent.py", &[&"write", &file]);
    let before = fs::read(&file).unwrap();
    let output = h5mason().current_dir(dir).args(["apply", "m.toml", "f.h5", "--plan", "plan.json"]).output().unwrap();
    let text = said(&output);
    assert!(output.status.code() == Some(2) && text.contains("stale") && text.contains("of /"), "{text}");
    assert!(fs::read(&file).unwrap() == before);
    // A change that the plan is not about does not matter to it.
    run_to(0, h5mason().current_dir(dir).args(["plan", "m.toml", "f.h5", "--out", "again.json"]));
    write(dir, "other.toml", "[attrs]\nother = 1\n");
    run_to(0, h5mason().current_dir(dir).args(["apply", "other.toml", "f.h5"]));
    run_to(0, h5mason().current_dir(dir).args(["apply", "m.toml", "f.h5", "--plan", "again.json"]));
    run_to(0, h5mason().current_dir(dir).args(["check", "m.toml", "f.h5"]));
}

#[test]
fn a_file_that_h5py_writes_is_locked() {
    let dir = tempdir();
    let dir = dir.path();
    build(dir);
    write(dir, "1.toml", &state(1));
    let before = fs::read(dir.join("f.h5")).unwrap();
    let mut holder = Command::new(python());
    holder.arg("-B").arg(repository("tests/interop/concurrent.py")).arg("hold").arg(dir.join("f.h5"));
    let mut holder = holder.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let mut line = String::new();
    BufReader::new(holder.stdout.take().unwrap()).read_line(&mut line).unwrap();
    assert_eq!(line.trim(), "open");
    let held = fs::read(dir.join("f.h5")).unwrap();
    for args in [&["apply", "1.toml", "f.h5"][..], &["plan", "1.toml", "f.h5"], &["show", "f.h5"]] {
        let output = h5mason().current_dir(dir).args(args).output().unwrap();
        let text = said(&output);
        assert!(output.status.code() == Some(2) && text.contains("locked"), "{args:?}: {text}");
    }
    assert!(fs::read(dir.join("f.h5")).unwrap() == held);
    drop(holder.stdin.take());
    assert!(holder.wait().unwrap().success());
    assert_eq!(fs::read(dir.join("f.h5")).unwrap().len(), before.len());
    run_to(0, h5mason().current_dir(dir).args(["apply", "1.toml", "f.h5"]));
}

/// While appliers change a file again and again, every reader sees one of its states or is refused.
#[test]
fn readers_never_see_a_mix() {
    const STATES: usize = 25;
    let dir = tempdir();
    let dir = dir.path();
    build(dir);
    let (file, stop) = (dir.join("f.h5"), dir.join("stop"));
    (1..=STATES).for_each(|n| write(dir, &format!("{n}.toml"), &state(n)));
    // Each reader's file has as many bytes as it has seen whole states.
    let seen = ["seen 0", "seen 1"].map(|name| dir.join(name));
    let whole_reads = || seen.each_ref().map(|path| fs::metadata(path).map_or(0, |meta| meta.len()));
    let whole = AtomicUsize::new(0);
    // It may have to be made first.
    python();
    let (readers, checks) = thread::scope(|scope| {
        let stopped = AtEnd(|| drop(fs::write(&stop, "")));
        let readers = seen.each_ref().map(|seen| {
            let (file, stop) = (&file, &stop);
            scope.spawn(move || script("concurrent.py", &[&"read", file, stop, seen]))
        });
        let checker = scope.spawn(|| {
            let mut refused = 0;
            while !stop.exists() {
                // All of one state differs, or nothing does.
                let output =
                    h5mason().current_dir(dir).args(["check", "--format", "json", &format!("{STATES}.toml"), "f.h5"]).output().unwrap();
                let text = said(&output);
                let steps = || serde_json::from_slice::<serde_json::Value>(&output.stdout).unwrap()["steps"].as_array().unwrap().len();
                match output.status.code() {
                    Some(0) => _ = whole.fetch_add(1, Ordering::Relaxed),
                    // The dataset and its contents, three attributes, two patches.
                    Some(1) if steps() == 7 => _ = whole.fetch_add(1, Ordering::Relaxed),
                    Some(2) if text.contains("locked") || text.contains("being changed") => refused += 1,
                    _ => panic!("check: {text}"),
                }
            }
            refused
        });
        // One that has failed is not waited for: it says why when it is joined.
        let failed = || checker.is_finished() || readers.iter().any(|r| r.is_finished());
        let wait_for_reads = |what: &str, least: [u64; 2]| {
            let enough = || whole_reads().iter().zip(least).all(|(&now, least)| now >= least);
            wait_for(what, || (failed() || enough()).then_some(()));
        };
        // The readers are reading before anything is changed.
        wait_for_reads("the first reads", [1, 1]);
        let change = |n: usize| h5mason().current_dir(dir).args(["apply", &format!("{n}.toml"), "f.h5", "--lock-wait", "600"]).output();
        for n in 1..=STATES {
            let output = change(n).unwrap();
            assert!(output.status.success(), "{n}: {}", said(&output));
            if n.is_multiple_of(5) {
                wait_for_reads("reads between the changes", whole_reads().map(|n| n + 1));
            }
        }
        wait_for_reads("enough reads", [10, 10]);
        wait_for("enough checks", || (failed() || whole.load(Ordering::Relaxed) >= 3).then_some(()));
        drop(stopped);
        let readers = readers.map(|r| r.join().unwrap());
        (readers, (checker.join().unwrap(), whole.load(Ordering::Relaxed)))
    });
    println!("h5py: whole, refused, states: {readers:?}; check: refused, whole: {checks:?}");
    for reader in readers {
        let seen: Vec<usize> = reader.split_whitespace().map(|n| n.parse().unwrap()).collect();
        assert!(seen[0] >= 10 && seen[2] >= 3, "it read while the file changed: {reader}");
    }
    assert!(checks.1 >= 3, "{checks:?}");
}
