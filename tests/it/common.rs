//! What many tests need.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use rustix::process::Pid;
use sha2::{Digest, Sha256};
use tempfile::TempDir;

/// The command, without colour whatever the environment says.
pub fn h5mason() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_h5mason"));
    command.env("NO_COLOR", "1").env_remove("TERM");
    command
}

/// A folder that goes when the value is dropped.
pub fn tempdir() -> TempDir {
    tempfile::tempdir().unwrap()
}

/// A file or folder of the repository.
pub fn repository(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

/// Runs a command that must end with this code; its standard output.
#[track_caller]
pub fn run_to(code: i32, command: &mut Command) -> String {
    let output = command.output().unwrap_or_else(|e| panic!("{command:?} does not start: {e}"));
    let (stdout, stderr) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(
        output.status.code() == Some(code),
        "{command:?}\nended with {}, not {code}; it printed\n{stdout}\nand on stderr\n{stderr}",
        output.status
    );
    stdout.into_owned()
}

/// Looks again and again until something is found; fails after five minutes, for which a busy machine may well do something else.
#[track_caller]
pub fn wait_for<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let begun = Instant::now();
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(begun.elapsed() < Duration::from_secs(300), "waited too long: {what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// Does something when it is dropped, also by a panic: others wait for it.
pub struct AtEnd<F: FnMut()>(pub F);

impl<F: FnMut()> Drop for AtEnd<F> {
    fn drop(&mut self) {
        (self.0)();
    }
}

/// The children of a process.
pub fn children(parent: u32) -> Vec<Pid> {
    let tasks = fs::read_dir(format!("/proc/{parent}/task")).into_iter().flatten().flatten();
    let lists = tasks.filter_map(|task| fs::read_to_string(task.path().join("children")).ok());
    lists.flat_map(|list| list.split_whitespace().filter_map(|n| n.parse().ok().and_then(Pid::from_raw)).collect::<Vec<_>>()).collect()
}

/// Applies a manifest to f.h5, ending with this code; what is applied must be as declared afterwards.
#[track_caller]
pub fn apply(dir: &Path, manifest: &str, code: i32) -> String {
    fs::write(dir.join("m.toml"), format!("version = 1\n{manifest}")).unwrap();
    let output = h5mason().args(["apply", "m.toml", "f.h5"]).current_dir(dir).output().unwrap();
    let said = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert_eq!(output.status.code(), Some(code), "{manifest}\n{said}");
    if code == 0 {
        run_to(0, h5mason().args(["check", "m.toml", "f.h5"]).current_dir(dir));
    }
    said
}

/// A Python that has the packages of tests/interop/requirements.txt: made once, in the target folder.
///
/// The tests that compare with h5py, netCDF4 and PyTables fail without it; they never skip.
#[allow(clippy::disallowed_methods, reason = "a folder of our own beneath target")]
pub fn python() -> &'static Path {
    static PYTHON: OnceLock<PathBuf> = OnceLock::new();
    PYTHON.get_or_init(|| {
        let requirements = repository("tests/interop/requirements.txt");
        let hash = Sha256::digest(fs::read(&requirements).unwrap());
        let name: String = hash[..8].iter().map(|byte| format!("{byte:02x}")).collect();
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).with_file_name("interop");
        let venv = folder.join(format!("venv-{name}"));
        let (python, complete) = (venv.join("bin/python"), venv.join("complete"));
        fs::create_dir_all(&folder).unwrap();
        // Other test processes may want the same one now.
        let lock = File::create(folder.join("lock")).unwrap();
        rustix::fs::flock(&lock, rustix::fs::FlockOperation::LockExclusive).unwrap();
        if !complete.exists() {
            let _ = fs::remove_dir_all(&venv);
            prepare(Command::new("python3").args(["-m", "venv"]).arg(&venv), "python3 with its venv module");
            let install = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "-r"];
            prepare(Command::new(&python).args(install).arg(&requirements), "pip, and a package index it can reach");
            File::create(&complete).unwrap();
        }
        python
    })
}

fn prepare(command: &mut Command, needed: &str) {
    let problem = match command.output() {
        Ok(output) if output.status.success() => return,
        Ok(output) => format!("{}\n{}", output.status, String::from_utf8_lossy(&output.stderr)),
        Err(e) => e.to_string(),
    };
    panic!("the interoperability tests need {needed}: {command:?} failed: {problem}");
}

/// Runs a script of tests/interop; it must succeed.
#[track_caller]
pub fn script(name: &str, args: &[&dyn AsRef<OsStr>]) -> String {
    let mut command = Command::new(python());
    command.arg("-B").arg(repository("tests/interop").join(name)).args(args.iter().map(|a| a.as_ref()));
    run_to(0, &mut command)
}

/// Makes f.h5 with h5py; `f` is the open file.
pub fn made(dir: &Path, script: &str) {
    let code = format!("import h5py, numpy as np\nwith h5py.File('f.h5', 'w') as f:\n    {}", script.replace('\n', "\n    "));
    run_to(0, Command::new(python()).args(["-c", &code]).current_dir(dir));
}

/// Applies a manifest to f.h5, with consent to what destroys: what is said of it.
#[track_caller]
pub fn applied(dir: &Path, manifest: &str, code: i32) -> String {
    std::fs::write(dir.join("m.toml"), format!("version = 1\n{manifest}")).unwrap();
    let output = h5mason().args(["apply", "m.toml", "f.h5", "--allow", "destructive"]).current_dir(dir).output().unwrap();
    let said = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert_eq!(output.status.code(), Some(code), "{manifest}\n{said}");
    said
}
