//! Random manifests against random small files: what was planned is done, and nothing else.

use std::ffi::OsStr;
use std::process::Command;

use crate::common::{python, repository, tempdir};

/// A sweep of more of them: `python tests/interop/manifests.py target/release/h5mason FOLDER 0 10000`.
#[test]
fn plans_say_all_that_changes() {
    let dir = tempdir();
    let script = repository("tests/interop").join("manifests.py");
    let arguments: [&OsStr; 5] =
        [script.as_os_str(), env!("CARGO_BIN_EXE_h5mason").as_ref(), dir.path().as_os_str(), "0".as_ref(), "150".as_ref()];
    let output = Command::new(python()).arg("-B").args(arguments).output().unwrap();
    let (found, told) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{told}");
    assert_eq!(found, "");
    let applied: u32 = told.split(' ').next().and_then(|n| n.parse().ok()).unwrap();
    assert!(applied > 50, "{told}");
}
