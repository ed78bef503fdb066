//! benches/run.py still runs, and sees where work was not done. What it measures here means nothing.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Output};

use crate::common::{python, repository, tempdir};

/// Rows with tiny sizes, once.
fn run(binary: &Path, rows: &[&str], page: &Path) -> Output {
    // The script takes the environment that this makes.
    python();
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).parent().unwrap();
    let mut command = Command::new("python3");
    command.arg(repository("benches/run.py")).args(rows).args(["--scale", "0.001", "--rounds", "1", "--bin"]).arg(binary);
    command.arg("--write").arg(page).env("CARGO_TARGET_DIR", target).output().unwrap()
}

#[test]
fn tiny_rows_run_and_are_written_to_the_page() {
    let dir = tempdir();
    let page = dir.path().join("page.md");
    let text = fs::read_to_string(repository("docs/performance.md")).unwrap();
    fs::write(&page, &text).unwrap();
    // What is old goes; the table stays as it is, since it is not whole.
    let old = "\n\nold lines\n\n<!-- end of ";
    fs::write(&page, text.replace("\n<!-- end of ", old)).unwrap();
    let output = run(Path::new(env!("CARGO_BIN_EXE_h5mason")), &["deflate", "many-change", "threads"], &page);
    let said = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{said}");
    for side in ["h5mason build", "h5py in slabs", "h5mason apply", "h5py loop", "C loop", "table is not whole"] {
        assert!(said.contains(side), "{side}: {said}");
    }
    let block = |name: &str| {
        let text = fs::read_to_string(&page).unwrap();
        let (_, rest) = text.split_once(&format!("<!-- benches {name} -->")).unwrap();
        rest.split_once(&format!("<!-- end of {name} -->")).unwrap().0.to_owned()
    };
    assert!(block("threads").contains("| uniform: h5mason build | 1 |") && !block("threads").contains("old lines"), "{}", block("threads"));
    assert!(block("table").contains("old lines") && block("growth-spread").contains("old lines"));
}

/// A program that reports success and does nothing.
#[test]
fn a_row_whose_work_was_not_done_fails() {
    let dir = tempdir();
    let binary = Path::new(env!("CARGO_BIN_EXE_h5mason"));
    let idle = binary.with_file_name(format!("idle-{}", std::process::id()));
    fs::write(&idle, "#!/bin/sh\nexit 0\n").unwrap();
    fs::set_permissions(&idle, fs::Permissions::from_mode(0o755)).unwrap();
    let output = run(&idle, &["uniform"], &dir.path().join("page.md"));
    fs::remove_file(&idle).unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.code() == Some(1) && said.contains("the work of h5mason build is not done"), "{said}");
}
