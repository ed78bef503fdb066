//! A fleet of files of several programs that want the same change (docs/migrating.md): what each file becomes is worked out by Python alone.

mod series;

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File, OpenOptions};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex, OnceLock, Weak};
use std::time::SystemTime;

use rustix::fs::{FlockOperation, flock};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use tempfile::TempDir;

use crate::common::{children, h5mason, python, repository, run_to, script, tempdir, wait_for};

/// Files of odd/ that cannot be changed, and the words that say why.
const FAILING: [(&str, &str); 6] = [
    ("odd/both.h5", "error[rename-both]: /obs/pressure has both attributes unit and units"),
    ("odd/empty.h5", "empty.h5: it is not an HDF5 file"),
    ("odd/lossy.h5", "odd/lossy.h5: values would lose precision"),
    ("odd/no-pressure.h5", "error[adopt-missing]: /obs/pressure is to be changed"),
    ("odd/none.h5", "none.h5: it is not an HDF5 file"),
    ("odd/truncated.h5", "truncated.h5: truncated file"),
];
/// Those of them that cannot even be planned.
const UNREADABLE: usize = 3;
const ALLOW: [&str; 2] = ["--allow", "destructive=/scratch"];

/// A folder with files/, which may be changed, and the names of the files in it.
struct Fleet {
    made: Arc<Made>,
    dir: TempDir,
    names: Vec<String>,
}

/// What a run may change of a file.
#[derive(PartialEq)]
struct State {
    bytes: Vec<u8>,
    mode: u32,
    modified: SystemTime,
}

/// The files as Python made them, which nobody changes.
struct Made {
    dir: TempDir,
    names: Vec<String>,
}

/// Made once for all tests that run now; the last one removes them.
fn made() -> Arc<Made> {
    static MADE: Mutex<Weak<Made>> = Mutex::new(Weak::new());
    let mut shared = MADE.lock().unwrap();
    shared.upgrade().unwrap_or_else(|| {
        let dir = tempdir();
        let files = dir.path().join("files");
        script("fleet.py", &[&files]);
        let found = walk(&files).into_iter().map(|path| path.strip_prefix(&files).unwrap().to_str().unwrap().to_owned());
        let names = found.filter(|name| name != "odd/link.h5").collect();
        let made = Arc::new(Made { dir, names });
        *shared = Arc::downgrade(&made);
        made
    })
}

fn walk(folder: &Path) -> Vec<PathBuf> {
    let mut paths: Vec<PathBuf> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    paths.into_iter().flat_map(|path| if path.is_dir() { walk(&path) } else { vec![path] }).collect()
}

/// Do modes not count for this process, as for the superuser?
fn any_may_be_written() -> bool {
    static ANY: OnceLock<bool> = OnceLock::new();
    *ANY.get_or_init(|| {
        let file = tempfile::NamedTempFile::new().unwrap();
        fs::set_permissions(file.path(), fs::Permissions::from_mode(0o444)).unwrap();
        OpenOptions::new().write(true).open(file.path()).is_ok()
    })
}

impl Fleet {
    /// A copy with modes, links and times; `good` has only files that can be changed.
    fn new(good: bool) -> Fleet {
        let (made, dir) = (made(), tempdir());
        run_to(0, Command::new("cp").arg("-a").arg(made.dir.path().join("files")).arg(dir.path()));
        let names = made.names.iter().filter(|name| !good || !fails(name)).cloned().collect();
        let fleet = Fleet { made, dir, names };
        fs::copy(repository("tests/interop/fleet.toml"), fleet.dir.path().join("m.toml")).unwrap();
        // The link comes after its file, which is then done.
        let list = format!("# all of them\n\n{}\n\nodd/link.h5\n", fleet.names.join("\n"));
        fs::write(fleet.path("list.txt"), list).unwrap();
        fleet
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join("files").join(name)
    }

    fn command(&self, args: &[&str]) -> Command {
        let mut command = h5mason();
        command.current_dir(self.dir.path().join("files")).args(&args[..1]).args(["../m.toml", "@list.txt"]).args(&args[1..]);
        command
    }

    /// Exit code, stdout and stderr.
    fn run(&self, args: &[&str]) -> (i32, String, String) {
        let output = self.command(args).output().unwrap();
        let text = |bytes| String::from_utf8(bytes).unwrap();
        (output.status.code().unwrap(), text(output.stdout), text(output.stderr))
    }

    fn apply(&self) -> (i32, String, String) {
        self.run(&[&["apply", "--jobs", "2"], &ALLOW[..]].concat())
    }

    /// The JSON documents of a command, by file.
    fn json(&self, args: &[&str]) -> BTreeMap<String, Value> {
        let (_, out, _) = self.run(&[args, &["--format", "json"]].concat());
        let documents = out.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
        documents.map(|plan| (plan["target"]["path"].as_str().unwrap().to_owned(), plan)).collect()
    }

    fn states(&self) -> BTreeMap<String, State> {
        let state = |path: &Path| {
            let meta = fs::metadata(path).unwrap();
            State { bytes: fs::read(path).unwrap(), mode: meta.mode(), modified: meta.modified().unwrap() }
        };
        self.names.iter().map(|name| (name.clone(), state(&self.path(name)))).collect()
    }

    fn bytes(&self) -> BTreeMap<String, Vec<u8>> {
        self.states().into_iter().map(|(name, state)| (name, state.bytes)).collect()
    }

    /// What is not as Python has worked it out, in files that could be changed.
    fn unexpected(&self) -> String {
        let mut args: Vec<PathBuf> = vec![self.made.dir.path().join("files"), self.dir.path().join("files")];
        args.extend(self.names.iter().filter(|name| !fails(name)).map(PathBuf::from));
        script("fleet_expected.py", &args.iter().map(|a| a as &dyn AsRef<std::ffi::OsStr>).collect::<Vec<_>>())
    }
}

/// The folder that nobody may write to must go, too.
fn unlock(dir: &TempDir) {
    let _ = fs::set_permissions(dir.path().join("files/odd/lock"), fs::Permissions::from_mode(0o755));
}

impl Drop for Fleet {
    fn drop(&mut self) {
        unlock(&self.dir);
    }
}

impl Drop for Made {
    fn drop(&mut self) {
        unlock(&self.dir);
    }
}

fn fails(name: &str) -> bool {
    FAILING.iter().any(|(other, _)| *other == name) || (name == "odd/read-only.h5" && !any_may_be_written())
}

/// Changes one attribute of a file, as another program would.
fn drift(file: &Path) {
    let change = "import sys, h5py\nwith h5py.File(sys.argv[1], 'r+') as f: f['obs'].parent.attrs['Conventions'] = 'mine'";
    run_to(0, Command::new(python()).arg("-c").arg(change).arg(file));
}

#[test]
fn each_file_is_as_declared_or_as_it_was() {
    let fleet = Fleet::new(false);
    let (before, failing) = (fleet.states(), fleet.names.iter().filter(|name| fails(name)).count());
    let (code, out, err) = fleet.apply();
    let changed = fleet.names.len() - failing;
    assert!(changed >= 250, "{changed}");
    let last = out.lines().last().unwrap();
    let wanted = format!("{} files: {changed} changed, 0 unchanged, {failing} failed; ", fleet.names.len());
    assert!(code == 2 && last.starts_with(&wanted), "{code} {last} is not {wanted}\n{err}");
    for (name, words) in FAILING {
        assert!(err.contains(words), "{name}: {err}");
    }
    let after = fleet.states();
    for (name, old) in &before {
        let new = &after[name];
        assert_eq!(old.mode, new.mode, "{name}: the mode");
        assert_eq!(fails(name), old.bytes == new.bytes, "{name}: bytes");
    }
    if any_may_be_written() {
        println!("the superuser may write to any file: that a read-only one is left alone is not tested");
    } else {
        assert!(err.contains("odd/read-only.h5"), "{err}");
    }
    assert!(fleet.path("odd/link.h5").symlink_metadata().unwrap().is_symlink());
    assert_eq!(fleet.unexpected(), "");
    // A second run changes nothing, and fails where the first one did.
    let (code, out, _) = fleet.apply();
    let wanted = format!("{} files: 0 changed, {changed} unchanged, {failing} failed; 0 B written", fleet.names.len());
    assert_eq!((code, out.lines().last()), (2, Some(wanted.as_str())));
    assert!(fleet.states() == after, "bytes or times");
}

#[test]
fn check_tells_before_from_after_and_names_what_has_drifted() {
    let fleet = Fleet::new(true);
    let count = fleet.names.len();
    let check = |code: i32, declared: usize| {
        let (found, out, err) = fleet.run(&["check", "--jobs", "2"]);
        let last = format!("{declared} of {count} files as declared");
        assert!(found == code && out.lines().last() == Some(&last), "{found}: {}\n{err}", out.lines().last().unwrap());
        out
    };
    let before = fleet.states();
    check(1, 0);
    assert!(fleet.states() == before, "a check writes nothing");
    assert_eq!(fleet.apply().0, 0);
    check(0, count);
    drift(&fleet.path("plain/007.h5"));
    let said = check(1, count - 1);
    let named = said.lines().filter(|line| line.contains(".h5") || line.contains(".nc"));
    assert!(named.eq(["plain/007.h5: not as declared"]), "{said}");
    // A file that cannot be read is trouble, whatever the others are.
    fs::write(fleet.path("list.txt"), "plain/001.h5\nodd/none.h5\nplain/007.h5\n").unwrap();
    assert_eq!(fleet.run(&["check"]).0, 2);
    // A name that is empty is none.
    run_to(2, h5mason().current_dir(fleet.path("")).args(["check", "../m.toml", "plain/001.h5", ""]));
}

/// A heading of a plan as markdown, its files, and its table.
fn sections(markdown: &str) -> Vec<(&str, Vec<&str>, Vec<&str>)> {
    let one = |section| {
        let (heading, body): (&str, &str) = str::split_once(section, '\n').unwrap();
        let mut files: Vec<&str> = body.lines().filter_map(|line| line.strip_prefix("- `")?.strip_suffix('`')).collect();
        if files.is_empty() {
            files = vec![heading.split('`').nth(1).unwrap()];
        }
        let rows = body.lines().filter(|line| line.starts_with("| ")).skip(1).collect();
        (heading, files, rows)
    };
    // The last one names what failed.
    markdown.split("### ").skip(1).filter(|section| !section.contains(" failed\n")).map(one).collect()
}

#[test]
fn text_json_and_markdown_say_the_same() {
    let fleet = Fleet::new(false);
    let plans = fleet.json(&["plan"]);
    let (conflicts, clear): (Vec<_>, Vec<_>) = plans.values().partition(|plan| !plan["conflicts"].as_array().unwrap().is_empty());
    let bytes: u64 = clear.iter().map(|plan| plan["summary"]["bytes"].as_u64().unwrap()).sum();
    let (code, text, _) = fleet.run(&["plan"]);
    #[expect(clippy::cast_precision_loss, reason = "a few hundred KiB")]
    let size = format!("{:.0} KiB", bytes as f64 / 1024.0);
    let wanted = format!(
        "{} files: {} would change, 0 unchanged, {} with conflicts, {UNREADABLE} failed; {size} to write",
        fleet.names.len(),
        clear.len(),
        conflicts.len()
    );
    assert_eq!((code, text.lines().last().unwrap()), (2, wanted.as_str()));
    assert_eq!(plans.len() + UNREADABLE, fleet.names.len());
    let (_, markdown, _) = fleet.run(&["plan", "--format", "markdown"]);
    assert!(markdown.contains(&format!("### {UNREADABLE} files failed\n")), "{markdown}");
    let sections = sections(&markdown);
    let groups = sections.iter().filter(|(heading, ..)| heading.starts_with("The same ")).count();
    assert!((10..80).contains(&groups), "{groups} groups");
    let mut seen = BTreeSet::new();
    for (heading, files, rows) in &sections {
        assert!(files.len() == 1 || heading.contains(&format!("changes in {} files", files.len())), "{heading}");
        for file in files {
            assert!(seen.insert(*file), "{file} is in two sections");
            let steps = plans[*file]["steps"].as_array().unwrap().len();
            assert!(heading.contains(&format!("{steps} changes")) && rows.len() == steps, "{file}: {steps}, {heading}");
        }
    }
    assert!(seen.into_iter().eq(plans.keys().map(String::as_str)), "all files are in it");
    let tables: BTreeSet<_> = sections.iter().filter(|(heading, ..)| heading.starts_with("The same ")).map(|(_, _, rows)| rows).collect();
    assert_eq!(tables.len(), groups, "no two groups are the same");
    // What was done is what was planned; an object with two names is changed by one of them.
    let done = fleet.json(&[&["apply"], &ALLOW[..]].concat());
    let opened = plans.keys().filter(|name| *name != "odd/read-only.h5" || any_may_be_written());
    assert!(done.keys().eq(opened), "those in conflict or without consent are told, too");
    for (name, plan) in &done {
        assert!(plan["applied"] == !fails(name) && plan["steps"] == plans[name]["steps"], "{name}: {plan:#}");
        let of = |path: &str| plan["steps"].as_array().unwrap().iter().filter(|step| step["path"] == path).count();
        assert!(fails(name) || !name.starts_with("plain") || (of("/again") > 1 && of("/obs/air_temperature") == 1), "{name}");
    }
}

#[test]
fn a_saved_plan_is_refused_for_the_file_that_has_changed_since() {
    let mut fleet = Fleet::new(true);
    let count = fleet.names.len();
    assert_eq!(fleet.run(&["plan", "--out", "../p.json"]).0, 0);
    let changed = "netcdf/020.nc";
    drift(&fleet.path(changed));
    let before = fs::read(fleet.path(changed)).unwrap();
    let (code, out, err) = fleet.run(&[&["apply", "--plan", "../p.json", "--jobs", "2"], &ALLOW[..]].concat());
    let wanted = format!("{count} files: {} changed, 0 unchanged, 1 failed; ", count - 1);
    assert!(code == 2 && out.lines().last().unwrap().starts_with(&wanted), "{out}");
    assert!(err.contains(changed) && err.matches("stale").count() == 1, "{err}");
    assert!(fs::read(fleet.path(changed)).unwrap() == before);
    fleet.names.retain(|name| name != changed);
    assert_eq!(fleet.unexpected(), "");
}

fn ended(process: Pid) -> bool {
    let status = fs::read_to_string(format!("/proc/{}/status", process.as_raw_pid())).unwrap_or_default();
    status.is_empty() || status.contains("State:\tZ")
}

#[test]
fn a_killed_run_is_finished_by_the_next_one() {
    let fleet = Fleet::new(true);
    let (count, before) = (fleet.names.len(), fleet.bytes());
    // It cannot come to its end before it is killed: a late file is locked.
    let held = File::open(fleet.path(&fleet.names[200])).unwrap();
    flock(&held, FlockOperation::LockExclusive).unwrap();
    let mut command = fleet.command(&[&["apply", "--jobs", "2", "--lock-wait", "600"], &ALLOW[..]].concat());
    let mut child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    let parent = Pid::from_child(&child);
    let fortieth = &fleet.names[40];
    wait_for("some files", || (fs::read(fleet.path(fortieth)).unwrap() != before[fortieth]).then_some(()));
    let workers = children(child.id());
    // The parent first, which would replace a worker.
    [parent].iter().chain(&workers).for_each(|process| _ = kill_process(*process, Signal::KILL));
    child.wait().unwrap();
    wait_for("the workers' end", || workers.iter().all(|worker| ended(*worker)).then_some(()));
    drop(held);
    let between = fleet.states();
    let looked_at = fleet.json(&["check"]);
    // Behind one that was killed at its very end stands a journal, which the next run cuts off.
    let at_rest = |plan: &Value| plan["steps"].as_array().unwrap().is_empty() && plan["target"]["trailing_bytes"].is_null();
    let done = |name: &String| looked_at.get(name).is_some_and(at_rest);
    let finished = fleet.names.iter().filter(|name| done(name)).count();
    let torn = fleet.names.iter().filter(|name| !done(name) && between[*name].bytes != before[*name]).count();
    println!("{finished} of {count} files were done, {torn} of the others were being changed");
    assert!((30..count).contains(&finished) && torn <= 2, "{finished} done, and {torn} torn by two workers");
    let (code, out, err) = fleet.apply();
    // One whose commit had begun is completed first, and then has nothing left to do.
    let could_be = |completed: usize| {
        format!("{count} files: {} changed, {} unchanged, 0 failed; ", count - finished - completed, finished + completed)
    };
    let last = out.lines().last().unwrap();
    assert!(code == 0 && (0..=torn).any(|n| last.starts_with(&could_be(n))), "{last}: {finished}, {torn}\n{err}");
    let after = fleet.states();
    assert!(fleet.names.iter().all(|name| !done(name) || after[name] == between[name]), "what was done is only looked at");
    assert_eq!(fleet.unexpected(), "");
}
