//! A process that changes a file ends at each of its operations on that file, one after the other: afterwards the file is old, new, or
//! refused by every reader, and recovery makes it old or new, bit for bit.
//!
//! The victim is this test program itself, with a disk that kills the process.

use std::fs::OpenOptions;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::Command;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use h5mason::apply::{Memory, Options, execute, inspect};
use h5mason::h5::{File, Locking, Session};
use h5mason::manifest::{Overrides, load};
use h5mason::model::Libver;
use h5mason::plan::Proposal;
use h5mason::txn::testing::{Disk, RealDisk, commit, overlay};
use rustix::process::{Signal, getpid, kill_process};

use crate::common::{h5mason, run_to, script, tempdir};

const MANIFEST: &str = r#"
version = 1
[attrs]
title = "after"
[dataset."/new"]
dtype = "f8"
shape = [40, 50]
chunks = [20, 50]
filters = [{ deflate = 4 }]
fill.uniform = {}
[dataset."/t".attrs]
x = { absent = true }
note = "long enough to need some more space than there was before"
[[patch]]
path = "/t"
select = "3:9"
fill = 7
"#;

/// A disk that ends the process in place of the operation with this number, and before half of a write is done.
#[derive(Clone)]
struct Deadly {
    disk: Arc<Mutex<RealDisk>>,
    left: Arc<AtomicU64>,
}

impl Deadly {
    fn act(&self) {
        if self.left.fetch_sub(1, Ordering::Relaxed) == 0 {
            kill_process(getpid(), Signal::KILL).unwrap();
            loop {
                std::thread::park();
            }
        }
    }
}

impl Disk for Deadly {
    fn len(&self) -> io::Result<u64> {
        self.disk.lock().unwrap().len()
    }

    fn pread(&self, buffer: &mut [u8], at: u64) -> io::Result<usize> {
        self.disk.lock().unwrap().pread(buffer, at)
    }

    fn pwrite(&mut self, bytes: &[u8], at: u64) -> io::Result<usize> {
        self.act();
        // In two halves, so that a write can be torn.
        let half = bytes.len().div_ceil(2);
        self.disk.lock().unwrap().pwrite(&bytes[..half], at)
    }

    fn allocate(&mut self, at: u64, bytes: u64) -> io::Result<()> {
        self.act();
        self.disk.lock().unwrap().allocate(at, bytes)
    }

    fn sync(&mut self) -> io::Result<()> {
        self.act();
        self.disk.lock().unwrap().sync()
    }

    fn truncate(&mut self, len: u64) -> io::Result<()> {
        self.act();
        self.disk.lock().unwrap().truncate(len)
    }
}

/// Changes the file that the environment names, up to the operation that it names.
#[test]
#[ignore = "the victim of the test below"]
#[expect(clippy::disallowed_methods, reason = "what the test below hands over")]
fn victim() {
    let Some(folder) = std::env::var_os("H5MASON_TEST_VICTIM") else { return };
    let last = std::env::var("H5MASON_TEST_LAST").unwrap().parse().unwrap();
    let at = |name: &str| Path::new(&folder).join(name);
    let loaded = load(&at("m.toml"), &Overrides::default()).unwrap_or_else(|(_, findings)| panic!("{findings:?}"));
    let plan = inspect(&loaded.desired, &at("x.h5"), &Options::default(), &mut |_| {}).unwrap().proposal;
    let plan = Proposal::into_plan(&plan, &Options::default().consent).map_err(|_| "blocked").unwrap();
    let file = OpenOptions::new().read(true).write(true).open(at("x.h5")).unwrap();
    let meta = file.metadata().unwrap();
    let disk = Deadly { disk: Arc::new(Mutex::new(RealDisk::new(file))), left: Arc::new(AtomicU64::new(last)) };
    let over = Arc::new(Mutex::new(overlay(&disk).unwrap()));
    let session = Session::new(&at("x.h5"), (meta.dev(), meta.ino()), over.clone());
    let low = if folder.to_string_lossy().ends_with("earliest") { Libver::Earliest } else { Libver::V18 };
    let file = File::open_session_writable(&session, (low, Libver::Latest)).unwrap();
    execute(&file, &plan, Memory::default(), &mut |_, _| {}).unwrap();
    file.close().unwrap();
    commit(&disk, &over.lock().unwrap()).unwrap();
}

/// What another program sees.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Seen {
    Old,
    New,
    Refused,
}

fn seen(folder: &Path) -> Seen {
    if File::open(&folder.join("x.h5"), Locking::On).is_err() {
        return Seen::Refused;
    }
    let equal = |other: &str| {
        let status = h5mason().current_dir(folder).args(["diff", "x.h5", other]).output().unwrap().status;
        status.code() == Some(0)
    };
    match (equal("old.h5"), equal("new.h5")) {
        (true, false) => Seen::Old,
        (false, true) => Seen::New,
        both => panic!("it is a mix: {both:?}"),
    }
}

#[test]
fn killed_at_each_operation() {
    let dir = tempdir();
    script("each_operation.py", &[&dir.path()]);
    for kind in ["earliest", "latest", "userblock", "trailing"] {
        let folder = dir.path().join(kind);
        let at = |name: &str| folder.join(name);
        std::fs::write(at("m.toml"), MANIFEST).unwrap();
        std::fs::copy(at("old.h5"), at("new.h5")).unwrap();
        run_to(0, h5mason().args(["apply", "--allow", "destructive"]).args([at("m.toml"), at("new.h5")]));
        let (old, new) = (std::fs::read(at("old.h5")).unwrap(), std::fs::read(at("new.h5")).unwrap());
        let mut counts = [0; 3];
        for last in 0.. {
            std::fs::write(at("x.h5"), &old).unwrap();
            let mut victim = Command::new(std::env::current_exe().unwrap());
            victim.args(["--exact", "each_operation::victim", "--ignored"]).env("H5MASON_TEST_VICTIM", &folder);
            let output = victim.env("H5MASON_TEST_LAST", last.to_string()).output().unwrap();
            let done = output.status.success();
            assert!(done || output.status.signal() == Some(9), "{output:?}");
            let reader = seen(&folder);
            counts[reader as usize] += 1;
            // HDF5's own descriptor, by which we have looked, is not closed on exec: a child that another test started meanwhile keeps it, and its lock,
            // for its whole life.
            run_to(0, h5mason().args(["recover", "--lock-wait", "600"]).arg(at("x.h5")));
            let bytes = std::fs::read(at("x.h5")).unwrap();
            // `recover` cuts what stands behind the data where nothing else was begun.
            let (is_old, is_new) = (old.starts_with(&bytes) && bytes.len() + 100 >= old.len(), bytes == new);
            assert!(is_old || is_new, "{kind}: killed at operation {last}, {reader:?}");
            assert!(!(reader == Seen::Old && is_new || reader == Seen::New && is_old), "{kind}: {last}, {reader:?}");
            if done {
                assert!(is_new);
                break;
            }
        }
        println!("{kind}: readers saw old, new, or were refused: {counts:?}");
        assert!(counts.iter().all(|&n| n > 1), "{kind}: {counts:?}");
    }
}
