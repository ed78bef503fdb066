//! Files that no library writes: nothing is lost or followed, and whatever can be done is done.

use std::fs;
use std::path::Path;

use crate::common::{h5mason, run_to, script, tempdir};

fn with(folder: &Path, manifest: &str) -> std::path::PathBuf {
    let path = folder.join("m.toml");
    fs::write(&path, format!("version = 1\n{manifest}")).unwrap();
    path
}

/// Standard error of a command that must end with this code.
#[track_caller]
fn complaint(code: i32, args: &[&str], manifest: &Path, file: &Path) -> String {
    let output = h5mason().args(args).arg(manifest).arg(file).output().unwrap();
    let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(code), "{stderr}\n{}", String::from_utf8_lossy(&output.stdout));
    stderr
}

/// Applies, and gives back the JSON of the plan before.
#[track_caller]
fn planned_and_applied(manifest: &Path, file: &Path) -> serde_json::Value {
    let output = h5mason().args(["plan", "--format", "json"]).arg(manifest).arg(file).output().unwrap();
    let plan = serde_json::from_slice(&output.stdout).unwrap();
    run_to(0, h5mason().args(["apply", "--allow", "destructive"]).arg(manifest).arg(file));
    plan
}

fn notes(plan: &serde_json::Value) -> String {
    plan.to_string()
}

#[test]
fn searches_go_on_past_what_is_broken() {
    let dir = tempdir();
    script("hostile.py", &[&dir.path()]);
    let at = |name: &str| dir.path().join(name);

    let remove = with(dir.path(), "[[remove]]\nmatch = [\"/**/tmp*\", \"/tmp*\"]\n");
    let plan = notes(&planned_and_applied(&remove, &at("broken.h5")));
    assert_eq!(plan.matches("could not be searched").count(), 2, "{plan}");
    let left = h5mason().arg("show").arg(at("broken.h5")).output().unwrap();
    let left = String::from_utf8_lossy(&left.stdout).into_owned();
    assert!(left.contains("/c/keep") && left.contains("/b/tmp_broken") && !left.contains("tmp1") && !left.contains("tmp2"), "{left}");

    let plan = notes(&planned_and_applied(&remove, &at("deep.h5")));
    assert!(plan.contains("deeper than"), "{plan}");

    let inside = with(dir.path(), "[[remove]]\nmatch = [\"/ext/*\", \"/tmp\"]\n");
    let other = fs::read(at("other.h5")).unwrap();
    let plan = notes(&planned_and_applied(&inside, &at("slash.h5")));
    assert!(plan.contains("could not be searched: HDF5 cannot open this name"), "{plan}");
    assert!(fs::read(at("other.h5")).unwrap() == other);

    let texts = with(dir.path(), "[dataset.\"/texts\"]\nfill = \"y\"\ncontents = \"exact\"\n");
    let said = complaint(2, &["check"], &texts, &at("texts.h5"));
    assert!(said.contains("take more than 256 MiB"), "{said}");
    let few = run_to(0, h5mason().arg("show").arg(at("texts.h5")).args(["/few", "--select", "298:"]));
    assert!(few.contains("text 298") && few.contains("text 299"), "{few}");

    let listed = run_to(0, h5mason().arg("show").arg(at("virtual.h5")));
    assert!(listed.contains("(4*,)") && listed.contains("virtual"), "{listed}");

    for (wrong, near) in [("/data/temprature", "`/data/temperature`"), ("/dta/temperature", "`/data`")] {
        for manifest in [format!("[dataset.\"{wrong}\"]\nfill = 1\n"), format!("[[patch]]\npath = \"{wrong}\"\nselect = \"0\"\nfill = 1\n")]
        {
            let said = h5mason().arg("check").arg(with(dir.path(), &manifest)).arg(at("names.h5")).output().unwrap();
            let said = format!("{}{}", String::from_utf8_lossy(&said.stdout), String::from_utf8_lossy(&said.stderr));
            assert!(said.contains(&format!("did you mean {near}?")), "{manifest}{said}");
        }
    }
}
