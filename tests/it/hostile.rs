//! Files that no library writes: nothing is lost or followed, and whatever can be done is done.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::Command;

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

/// What a command says on both streams, which are text; it ends with this code.
#[track_caller]
fn said(code: i32, command: &mut Command) -> String {
    let output = command.output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap() + &String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(code), "{command:?}\n{text}");
    text
}

#[test]
fn nothing_is_written_through() {
    let dir = tempdir();
    script("hostile_elsewhere.py", &[&dir.path()]);
    let at = |name: &str| dir.path().join(name);
    let source = || (fs::read(at("source.h5")).unwrap(), fs::metadata(at("source.h5")).unwrap().modified().unwrap());
    let (before, target) = (source(), fs::read(at("links.h5")).unwrap());

    for refused in [
        "[dataset.\"/out/s\"]\nattrs.a = 1\n",
        "[dataset.\"/soft\"]\nattrs.a = 1\n",
        "[dataset.\"/middle/s\"]\nattrs.a = 1\n",
        "[dataset.\"/hop0\"]\nattrs.a = 1\n",
        "[dataset.\"/group/out/new\"]\ndtype = \"i4\"\nshape = [1]\n",
        "[link.\"/group/out/new\"]\nhard = \"/data\"\n",
        "[link.\"/new\"]\nhard = \"/out/s\"\n",
        "[dataset.\"/data\"]\nattrs.a = { dtype.ref = \"object\", value = \"/out/s\" }\n",
        "[[remove]]\npath = \"/out/s\"\n",
        "[[patch]]\npath = \"/middle/s\"\nselect = \"0\"\nfill = 3\n",
        "[[patch]]\npath = \"/raw\"\nselect = \"0\"\nfill = 3\n",
        "[[patch]]\npath = \"/virtual\"\nselect = \"0\"\nfill = 3\n",
        "[dataset.\"/raw\"]\nfill = 3\ncontents = \"exact\"\n",
    ] {
        let said = complaint(2, &["apply", "--allow", "destructive"], &with(dir.path(), refused), &at("links.h5"));
        assert!(said.contains("m.toml:") && said.contains("= help:"), "{refused}{said}");
        assert!(fs::read(at("links.h5")).unwrap() == target, "{refused}");
    }
    // Attributes are the file's own; a region's dataspace is asked for without its sources.
    let attrs = "[dataset.\"/raw\"]\nattrs.a = 1\n[dataset.\"/virtual\"]\nattrs.a = 1\n[dataset.\"/data\".attrs]\n\
                 r = { dtype.ref = \"region\", value = { path = \"/virtual\", select = \"0:2\" } }\n\
                 s = { dtype.ref = \"any\", value = { path = \"/virtual\", select = \"0:2\" } }\n";
    planned_and_applied(&with(dir.path(), attrs), &at("links.h5"));
    for (path, why) in
        [("/raw", "in other files"), ("/virtual", "in other files"), ("/soft", "external link"), ("/middle/s", "external link")]
    {
        assert!(said(2, h5mason().arg("show").arg(at("links.h5")).arg(path)).contains(why), "{path}");
    }
    for path in ["/a", "/hop0"] {
        assert!(said(2, h5mason().arg("show").arg(at("links.h5")).arg(path)).contains("more than 16 soft links"));
    }
    run_to(0, h5mason().arg("show").arg(at("links.h5")).arg("/hop4"));
    run_to(0, h5mason().arg("capture").arg(at("links.h5")));
    assert!(source() == before && !at("canary.raw").exists());
}

#[test]
fn long_attributes_are_not_read() {
    let dir = tempdir();
    script("hostile_elsewhere.py", &[&dir.path()]);
    let file = dir.path().join("long.h5");
    assert!(said(2, h5mason().arg("capture").arg(&file)).contains("its values take 2.8 GiB; at most 256 MiB are read"));
    planned_and_applied(&with(dir.path(), "[attrs]\nsmall = { value = 2, dtype = \"i8\" }\n"), &file);
}

#[test]
fn nothing_hidden_is_printed() {
    let dir = tempdir();
    script("hostile_elsewhere.py", &[&dir.path()]);
    let bad = "a\\u202eb\\u2028c\\u001b[31md\\u0085e\\u2066f\\u007f";
    let text = format!(
        "[dataset.\"/g{bad}/zz\"]\ndtype = \"i4\"\nshape = [1]\nattrs.\"q{bad}\" = \"{bad}\"\ncomment = \"{bad}\"\n[link.\"/l\"]\nsoft = \
         \"/{bad}\"\n[dataset.\"/texts\"]\nfill = \"{bad}\"\ncontents = \"exact\"\n"
    );
    with(dir.path(), &text);
    let unknown = format!("version = 1\n\"key{bad}\" = 1\n# \u{202e}\n[dataset.\"/y\"]\ndtype = \"i{bad}\"\nshape = [\"{bad}\"]\n");
    fs::write(dir.path().join("unknown\u{202e}\x1b[2J.toml"), unknown).unwrap();
    let missing =
        format!("version = 1\n[dataset.\"/z{bad}\"]\ndtype = \"i4\"\nshape = [1]\nfill.npy = \"{bad}.npy\"\n[dataset.\"/e{bad}\"]\n");
    fs::write(dir.path().join("missing.toml"), missing).unwrap();
    for (code, args) in [
        (0, &["show", "hidden.h5", "--all", "--attr", "*"][..]),
        (0, &["show", "hidden.h5", "--format", "json"]),
        (0, &["show", "hidden.h5", "/texts"]),
        (0, &["show", "hidden.h5", "/texts", "--format", "json"]),
        (0, &["show", "hidden.h5", "/enum"]),
        (0, &["show", "hidden.h5", "/compound"]),
        (2, &["show", "hidden.h5", "/no\u{202e}\x1b[2J"]),
        (2, &["show", "no\u{202e}\x1b[2J.h5"]),
        (0, &["capture", "hidden.h5"]),
        (1, &["diff", "hidden.h5", "source.h5"]),
        (1, &["diff", "hidden.h5", "source.h5", "--format", "json"]),
        (0, &["plan", "m.toml", "hidden.h5", "--verbose"]),
        (0, &["plan", "m.toml", "hidden.h5", "--color", "always"]),
        (0, &["plan", "m.toml", "hidden.h5", "--format", "json"]),
        (1, &["check", "m.toml", "hidden.h5"]),
        (1, &["check", "m.toml", "no\u{202e}\x1b[2J.h5"]),
        (2, &["plan", "unknown\u{202e}\x1b[2J.toml", "hidden.h5"]),
        (2, &["plan", "missing.toml", "hidden.h5"]),
        (2, &["plan", "missing.toml", "hidden.h5", "--format", "json"]),
    ] {
        let output = h5mason().args(args).current_dir(dir.path()).output().unwrap();
        let (out, err) = (String::from_utf8(output.stdout).unwrap(), String::from_utf8(output.stderr).unwrap());
        assert_eq!(output.status.code(), Some(code), "{args:?}\n{out}{err}");
        let plain = (out.clone() + &err).replace("\x1b[1m", "").replace("\x1b[2m", "").replace("\x1b[32m", "").replace("\x1b[33m", "");
        let plain = if args.contains(&"always") { plain.replace("\x1b[0m", "") } else { out.clone() + &err };
        let hidden: Vec<char> = plain.chars().filter(|c| h5mason::model::is_hidden(*c) && *c != '\n').collect();
        assert!(hidden.is_empty() && plain.len() > 5, "{args:?} {hidden:?}");
        if args.contains(&"json") {
            serde_json::from_str::<serde_json::Value>(&out).unwrap();
        }
    }
}

#[test]
fn what_a_manifest_reads_is_beside_it() {
    let dir = tempdir();
    let at = |name: &str| dir.path().join(name);
    fs::create_dir_all(at("m/folder")).unwrap();
    fs::write(at("secret.csv"), "7\n").unwrap();
    fs::write(at("m/in.csv"), "7\n").unwrap();
    symlink("../secret.csv", at("m/out.csv")).unwrap();
    symlink("..", at("m/up")).unwrap();
    symlink("in.csv", at("m/same.csv")).unwrap();
    rustix::fs::mknodat(rustix::fs::CWD, at("m/fifo"), rustix::fs::FileType::Fifo, rustix::fs::Mode::RUSR, 0).unwrap();
    let file = at("f.h5");
    let run = |code: i32, allow: &[&str], manifest: &str| {
        let out = at("plan.json");
        let mut command = h5mason();
        let said = said(code, command.arg("plan").arg(with(&at("m"), manifest)).arg(&file).arg("--out").arg(&out).args(allow));
        let _ = fs::remove_file(out);
        said
    };
    let csv = |name: &str| format!("[dataset.\"/x\"]\ndtype = \"i4\"\nshape = [1]\nfill.csv = \"{name}\"\n");
    let userblock = |name: &str| format!("[file]\nuserblock = {{ size = 512, file = \"{name}\" }}\n");
    for name in ["in.csv", "same.csv", "./in.csv"] {
        run(0, &[], &csv(name));
    }
    let secret = at("secret.csv");
    for name in ["out.csv", "up/secret.csv", "../secret.csv", secret.to_str().unwrap()] {
        for manifest in [csv(name), userblock(name)] {
            let said = run(2, &[], &manifest);
            assert!(said.contains("outside of the manifest's folder") && said.contains("--allow paths"), "{said}");
            run(0, &["--allow", "paths"], &manifest);
        }
    }
    for name in ["fifo", "folder", "/dev/zero"] {
        for manifest in [csv(name), userblock(name)] {
            assert!(run(2, &["--allow", "paths"], &manifest).contains("not a regular file"), "{name}");
        }
    }
    for storage in ["external = [{ file = \"NAME\" }]", "virtual = [{ file = \"NAME\", path = \"/x\" }]"] {
        let declared = |name: &str| format!("[dataset.\"/x\"]\ndtype = \"i4\"\nshape = [1]\n{}\n", storage.replace("NAME", name));
        for name in ["../x.raw", "/etc/x.raw", "a/../../x.raw"] {
            assert!(run(2, &[], &declared(name)).contains("outside of the manifest's folder"), "{name}");
            run(0, &["--allow", "paths"], &declared(name));
        }
        run(0, &[], &declared("folder/x.raw"));
    }
    let small = "[dataset.\"/x\"]\ndtype = \"i4\"\nshape = [10]\nexternal = [{ file = \"a\", size = 30 }, { file = \"b\", size = 9 }]\n";
    assert!(run(2, &[], small).contains("the external files have 39 bytes, the dataset 40"));
    let fifo = at("m/fifo");
    for args in [&["show"][..], &["capture"]] {
        assert!(said(2, h5mason().args(args).arg(&fifo).current_dir(dir.path())).contains("regular file"));
    }
    let light = with(&at("m"), "");
    assert!(said(2, h5mason().arg("apply").arg(&light).arg(&file).arg("--plan").arg(&fifo)).contains("regular file"));
    assert!(said(2, h5mason().arg("plan").arg(&light).arg(&file).arg("--out").arg(&fifo)).contains("not a saved plan"));
}

#[test]
fn what_repetition_makes_is_bounded() {
    let dir = tempdir();
    let list = |n: usize, item: &str| vec![item; n].join(", ");
    for manifest in [
        "[group.\"/${a}/${b}\"]\nfor = { a = 1000000, b = 1000000 }\n".to_owned(),
        format!("[vars]\nb = [{}]\n[attrs]\na = [{}]\n", list(1000, "1"), list(20_000, "\"${b}\"")),
        format!("[vars]\nb = \"{}\"\n[attrs]\na = \"{}\"\n", "x".repeat(1 << 20), "${b}".repeat(1 << 20)),
        format!("[group.\"/${{i}}\"]\nfor.i = 1000000\nattrs.a = [{}]\n", list(10_000, "1")),
        format!("[vars]\nb = {}1{}\n", "[".repeat(1 << 20), "]".repeat(1 << 20)),
    ] {
        let said = complaint(2, &["plan"], &with(dir.path(), &manifest), &dir.path().join("f.h5"));
        assert!(said.contains("error[") && said.len() < 100_000, "{said}");
    }
    // A long chain of variables, and many findings, take no time beyond their number.
    let chain: String = (0..50_000).map(|i| format!("v{i} = \"${{v{}}}\"\n", i + 1)).collect();
    let manifest = with(dir.path(), &format!("[vars]\n{chain}v50000 = 1\n[attrs]\na = \"${{v0}}\"\n"));
    run_to(0, h5mason().arg("plan").arg(manifest).arg(dir.path().join("f.h5")));
    let unknown: String = (0..20_000).map(|i| format!("key{i} = 1\n")).collect();
    let said = complaint(2, &["plan"], &with(dir.path(), &unknown), &dir.path().join("f.h5"));
    assert!(said.contains("… and 19900 more") && said.contains("20000 problems"));
}

/// A filter of HDF5's plugin interface (H5PLextern.h, H5Zpublic.h) that inverts all bits.
const PLUGIN: &str = "
#include <stddef.h>
static size_t invert(unsigned flags, size_t n, const unsigned *params, size_t bytes, size_t *size, void **buffer) {
  for (size_t i = 0; i < bytes; i++) ((unsigned char *)*buffer)[i] ^= 0xff;
  return bytes;
}
static const struct { int version, id; unsigned encoder, decoder; const char *name; void *can, *local; size_t (*filter)(); }
  filter = { 1, 31999, 1, 1, \"invert\", NULL, NULL, (size_t (*)())invert };
int H5PLget_plugin_type(void) { return 0; }
const void *H5PLget_plugin_info(void) { return &filter; }
";

#[test]
fn plugins_are_loaded_where_that_is_allowed() {
    let dir = tempdir();
    let at = |name: &str| dir.path().join(name);
    fs::create_dir(at("plugins")).unwrap();
    fs::write(at("p.c"), PLUGIN).unwrap();
    run_to(0, Command::new("cc").args(["-shared", "-fPIC", "-w", "-o"]).arg(at("plugins/libinvert.so")).arg(at("p.c")));
    let manifest = with(
        dir.path(),
        "[dataset.\"/x\"]\ndtype = \"u1\"\nshape = [100]\nchunks = [10]\nfilters = [{ id = 31999, optional = false }]\nfill = 5\ncontents = \"exact\"\n",
    );
    let run = |code: i32, allow: &[&str], command: &str, last: &[&str]| {
        let mut h5mason = h5mason();
        h5mason.env("HDF5_PLUGIN_PATH", at("plugins")).current_dir(dir.path());
        said(code, h5mason.arg(command).arg(&manifest).args(last).args(allow))
    };
    let refused = run(2, &[], "build", &["-o", "f.h5"]);
    assert!(refused.contains("31999"), "{refused}");
    run(0, &["--allow", "plugins"], "build", &["-o", "f.h5"]);
    assert_eq!(fs::read(at("f.h5")).unwrap().windows(10).filter(|w| *w == [0xfa; 10]).count() / 91, 1);
    run(0, &["--allow", "plugins"], "check", &["f.h5"]);
    let refused = run(1, &[], "check", &["f.h5"]);
    assert!(refused.contains("31999"), "{refused}");
}
