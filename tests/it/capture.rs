//! `capture`: what it writes builds the file again.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::common::{h5mason, python, repository, run_to, tempdir};
use crate::snapshot::{differences, snapshot};

fn run(dir: &Path, code: i32, args: &[&str]) -> String {
    run_to(code, h5mason().current_dir(dir).args(args))
}

/// What was said on stderr by a capture that must fail.
fn refused(dir: &Path, args: &[&str]) -> String {
    let output = h5mason().current_dir(dir).args(args).output().unwrap();
    assert_eq!(output.status.code(), Some(2), "{args:?}");
    String::from_utf8(output.stderr).unwrap()
}

/// Captures `a.h5`, builds the manifest as `b.h5`, captures that: the files are the same, and so are the
/// manifests. The manifest.
#[track_caller]
fn round(dir: &Path, options: &[&str]) -> String {
    let capture = |file: &str, manifest: &str| run(dir, 0, &[&["capture", file, "-o", manifest][..], options].concat());
    let text = |name: &str| fs::read_to_string(dir.join(name)).unwrap();
    capture("a.h5", "m.toml");
    run(dir, 0, &["build", "m.toml", "-o", "b.h5"]);
    let (a, b) = (snapshot(&dir.join("a.h5")), snapshot(&dir.join("b.h5")));
    assert_eq!(differences(&a, &b), Vec::<String>::new(), "{}", text("m.toml"));
    run(dir, 0, &["diff", "a.h5", "b.h5"]);
    run(dir, 0, &["check", "m.toml", "a.h5"]);
    run(dir, 0, &["check", "--exact", "m.toml", "a.h5"]);
    let again = dir.join("again");
    fs::create_dir_all(&again).unwrap();
    fs::rename(dir.join("b.h5"), again.join("a.h5")).unwrap();
    capture("again/a.h5", "again/m.toml");
    assert_eq!(text("m.toml"), text("again/m.toml"));
    text("m.toml")
}

fn build(manifest: &Path, args: &[&str]) -> tempfile::TempDir {
    let dir = tempdir();
    run_to(0, h5mason().arg("build").arg(manifest).args(args).arg("-o").arg(dir.path().join("a.h5")));
    dir
}

fn same_bytes(dir: &Path) {
    assert!(fs::read(dir.join("a.h5")).unwrap() == fs::read(dir.join("again/a.h5")).unwrap(), "the files differ");
}

#[test]
fn structured_types() {
    let dir = build(&repository("tests/interop/structured.toml"), &[]);
    let text = round(dir.path(), &[]);
    same_bytes(dir.path());
    insta::assert_snapshot!(text);
}

#[test]
fn every_form() {
    let dir = build(&repository("tests/interop/everything.toml"), &[]);
    round(dir.path(), &[]);
    same_bytes(dir.path());
    let said = refused(dir.path(), &["capture", "a.h5", "--data", "inline"]);
    assert!(said.contains("the manifest would have"), "{said}");
    let other = tempdir();
    fs::copy(dir.path().join("a.h5"), other.path().join("a.h5")).unwrap();
    round(other.path(), &["--data", "sidecar"]);
}

#[test]
fn examples() {
    for (name, args) in [("hierarchy/hierarchy.toml", &[][..]), ("satellite/granule.toml", &["--dim", "line=40"])] {
        let dir = build(&repository("examples").join(name), args);
        round(dir.path(), &[]);
        same_bytes(dir.path());
    }
}

const ORDERED: &str = r#"
version = 1
[file]
track_order = true
[attrs]
z = 1
a = "5 $ and ${nothing}"
[dataset."/z"]
dtype = "i4"
shape = [3]
[group."/b".attrs]
x = true
[dataset."/a/z"]
dtype = "f4"
shape = [2000]
fill.linspace = { start = 0, stop = 1 }
[dataset."/a/a"]
dtype = "i2"
shape = [20, 30]
fill.arange = { axis = 1 }
attrs.b = 1
attrs.a = 2
[group."/a/empty"]
track_order = "tracked"
"#;

#[test]
fn order_is_kept() {
    let keep = tempdir();
    fs::write(keep.path().join("o.toml"), ORDERED.replace("$ and ${nothing}", "$$ and $${nothing}")).unwrap();
    let dir = build(&keep.path().join("o.toml"), &[]);
    let text = round(dir.path(), &[]);
    same_bytes(dir.path());
    let list = "import h5py; f = h5py.File('a.h5'); print(list(f), list(f['a']), list(f['a/a'].attrs), list(f.attrs))";
    let listed = run_to(0, Command::new(python()).args(["-c", list]).current_dir(dir.path()));
    assert_eq!(listed.trim(), "['z', 'b', 'a'] ['z', 'a', 'empty'] ['b', 'a'] ['z', 'a']");
    insta::assert_snapshot!(text);
}

/// What only other programs write.
const FOREIGN: &str = r#"
import h5py, numpy as np
f = h5py.File("a.h5", "w", libver="earliest", userblock_size=512, track_order=False)
f.attrs["fixed"] = np.bytes_("abc")
f.attrs["ascii"] = "plain"
f.attrs["long"] = "line\n" * 30
f.attrs["junk"] = np.array([b"a\0b\0", b"abcd"], dtype="S4")
f.attrs["nan"] = np.array([0x7ff8000000000001, 0xfff0000000000000], dtype="u8").view("f8")
f.attrs["empty"] = h5py.Empty("f4")
f.attrs["none"] = np.zeros((0, 3), "i2")
f.attrs[b"odd \xff name"] = np.uint64(2**64 - 1)
f.create_group("a/b/c")
f.create_dataset("random", data=np.random.default_rng(1).normal(size=(100, 40)), chunks=(7, 11), compression=4, shuffle=True)
f.create_dataset("big", data=np.random.default_rng(2).integers(0, 99, (60, 50)).astype(">i4"), maxshape=(None, 50))
f.create_dataset("flags", data=np.random.default_rng(3).integers(0, 2, 3000).astype(bool))
f.create_dataset("words", data=np.array([b"w%d" % (i * i % 97) for i in range(900)], dtype="S5"))
f.create_dataset("odd words", data=np.array([b"\xff%d" % (i * i % 97) for i in range(900)], dtype="S5"))
f.create_dataset("rows", data=np.array([(i * i % 97, i / 7) for i in range(500)], dtype=[("a", "i2"), ("b", "f8")]))
f.create_dataset("time", data=np.arange(0, 50, 0.1))
f.create_dataset("lat", data=np.linspace(-89.5, 89.5, 180, dtype="f4"))
f.create_dataset("unwritten", (10, 10), "f8", fillvalue=np.nan)
f.create_dataset("part", (10, 10), "f8", chunks=(5, 5))[0, 0] = 7
f.create_dataset("texts", data=["one", "two", "é $x", ""], dtype=h5py.string_dtype())
f.create_dataset("scalar", data=3.5)
f.create_dataset("null", data=h5py.Empty("i8"))
f.create_dataset("none", data=np.zeros((0, 4)), maxshape=(None, 4), chunks=(3, 4))
f.create_dataset("early", (4,), "i4", fillvalue=5)
f.create_dataset("A", data=np.random.default_rng(4).normal(size=500).astype("f2"))
f.create_dataset("a/a", data=np.random.default_rng(5).normal(size=500) * (1 + 2j))
f["a"].create_dataset("A", data=np.random.default_rng(6).normal(size=500))
"#;

fn foreign(code: &str) -> tempfile::TempDir {
    let dir = tempdir();
    run_to(0, Command::new(python()).args(["-c", code]).current_dir(dir.path()));
    dir
}

#[test]
fn files_of_other_programs() {
    let dir = foreign(FOREIGN);
    let text = round(dir.path(), &[]);
    insta::assert_snapshot!(text);
    // The same name once more is refused, and replaced where that is asked for.
    let said = refused(dir.path(), &["capture", "a.h5", "-o", "m.toml"]);
    assert!(said.contains("m.toml exists already") && said.contains("--force"), "{said}");
    run(dir.path(), 0, &["capture", "a.h5", "-o", "m.toml", "--force"]);
    fs::remove_file(dir.path().join("m.toml")).unwrap();
    let said = refused(dir.path(), &["capture", "a.h5", "-o", "m.toml"]);
    assert!(said.contains("m.data/") && !dir.path().join("m.toml").exists(), "{said}");
    // On the screen long contents are left out, and that is said.
    let output = h5mason().current_dir(dir.path()).args(["capture", "a.h5"]).output().unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(said.contains("  /random\n") && !said.contains("/time"), "{said}");
    assert!(!String::from_utf8(output.stdout).unwrap().contains("npy"));
    let other = tempdir();
    fs::copy(dir.path().join("a.h5"), other.path().join("a.h5")).unwrap();
    let text = round(other.path(), &["--data", "inline"]);
    assert!(!text.contains("m.data") && !other.path().join("m.data").exists());
}

#[test]
fn a_part_of_a_file() {
    let dir = foreign(FOREIGN);
    let text = run(dir.path(), 0, &["capture", "a.h5", "--target", "/a", "--target", "/t*", "--exclude", "/a/b", "--data", "none"]);
    let titles: Vec<&str> = text.lines().filter(|l| l.starts_with('[')).collect();
    assert_eq!(titles, ["[file]", "[dataset.\"/a/A\"]", "[dataset.\"/a/a\"]", "[dataset.\"/texts\"]", "[dataset.\"/time\"]"]);
    assert!(!text.contains("fill"), "{text}");
    let said = refused(dir.path(), &["capture", "a.h5", "--target", "/nothing"]);
    assert!(said.contains("nothing in the file is named as --target says"), "{said}");
}

#[test]
fn what_cannot_be_said_is_said_together() {
    let dir = foreign(
        "import h5py, numpy as np\nf = h5py.File('a.h5', 'w')\nf['x'] = 1\nf['gone'] = 2\nf['x'].attrs['ref'] = f['gone'].ref\n\
         f['point'] = np.dtype('i4,f4')\nf.create_dataset('typed', (1,), f['point'])\n\
         del f['gone'], f['point']\n",
    );
    let said = refused(dir.path(), &["capture", "a.h5", "-o", "m.toml"]);
    assert!(!dir.path().join("m.toml").exists());
    insta::assert_snapshot!(said);
    run(dir.path(), 0, &["capture", "a.h5", "--exclude", "/*", "-o", "m.toml"]);
}

/// Rounded once more, values close to the fill value would become it.
#[test]
fn what_a_filter_has_rounded_is_copied() {
    let dir = foreign(
        "import h5py, numpy as np\nr = np.random.default_rng(1)\nf = h5py.File('a.h5', 'w')\n\
         f.create_dataset('x', data=r.normal(size=(100, 130)).astype('f4'), chunks=(30, 50), scaleoffset=3)\n\
         f.create_dataset('y', data=r.normal(size=20000) * 0.01, chunks=(500,), scaleoffset=2)\n\
         f.create_dataset('z', data=np.arange(200), chunks=(50,), scaleoffset=4)\n",
    );
    let text = round(dir.path(), &["--data", "inline"]);
    assert_eq!(text.matches("fill.hdf5").count(), 3, "{text}");
    run(dir.path(), 0, &["check", "--exact", "m.toml", "a.h5"]);
}

/// Following such a reference, HDF5 opens the other file for writing.
#[test]
fn references_to_other_files_are_not_followed() {
    let dir = foreign(
        "import ctypes, glob, os, h5py\nfrom ctypes import c_char_p, c_int64, c_void_p\n\
         folder = os.path.join(os.path.dirname(os.path.dirname(h5py.__file__)), 'h5py.libs', 'libhdf5-*')\n\
         lib = ctypes.CDLL(glob.glob(folder)[0])\nother = h5py.File('other.h5', 'w', libver='latest')\nother['x'] = 1\nother.flush()\n\
         f = h5py.File('a.h5', 'w')\nf['wrong'] = 1\nref = c_int64.in_dll(lib, 'H5T_STD_REF_g')\nraw = (ctypes.c_ubyte * 64)()\n\
         lib.H5Rcreate_object.argtypes = c_int64, c_char_p, c_int64, c_void_p\nassert lib.H5Rcreate_object(other.id.id, b'/x', 0, raw) == 0\n\
         lib.H5Screate.restype = lib.H5Acreate2.restype = c_int64\nspace = lib.H5Screate(0)\n\
         lib.H5Acreate2.argtypes = c_int64, c_char_p, c_int64, c_int64, c_int64, c_int64\n\
         attr = lib.H5Acreate2(f.id.id, b'r', ref, space, 0, 0)\nlib.H5Awrite.argtypes = c_int64, c_int64, c_void_p\n\
         assert lib.H5Awrite(attr, ref, raw) == 0\nlib.H5Aclose.argtypes = [c_int64]\nlib.H5Aclose(attr)\nf.close()\nother.close()\n",
    );
    let other = fs::read(dir.path().join("other.h5")).unwrap();
    let said = refused(dir.path(), &["capture", "a.h5", "-o", "m.toml"]);
    assert!(said.contains("attribute r: ") && said.contains("it leads to another file, \"other.h5\""), "{said}");
    assert!(fs::read(dir.path().join("other.h5")).unwrap() == other);
    run_to(0, Command::new(python()).args(["-c", "import h5py; h5py.File('other.h5', 'r+')"]).current_dir(dir.path()));
}

/// The library hands such numbers over as they are.
#[test]
fn times_that_hdf5_does_not_have_are_reported() {
    let dir = foreign("import h5py\nf = h5py.File('a.h5', 'w')\nf.create_dataset('x', (4,), 'i4', fillvalue=7)[:] = 1\n");
    let mut bytes = fs::read(dir.path().join("a.h5")).unwrap();
    // Version 2, allocated late, written if set, defined; 4 bytes.
    let message = [2, 2, 2, 1, 4, 0, 0, 0, 7, 0, 0, 0];
    let at = bytes.windows(message.len()).position(|w| w == message).expect("the fill value's message");
    for (offset, number, said) in [(1, 9, "its allocation time is 9"), (2, 200, "its fill time is 200")] {
        let old = std::mem::replace(&mut bytes[at + offset], number);
        fs::write(dir.path().join("a.h5"), &bytes).unwrap();
        assert!(refused(dir.path(), &["capture", "a.h5", "-o", "m.toml"]).contains(said));
        bytes[at + offset] = old;
    }
}

/// The manifests of all files here are valid by the schema.
#[test]
fn the_schema_takes_what_is_captured() {
    let mut files: Vec<(tempfile::TempDir, PathBuf)> = Vec::new();
    // The parser used here knows no more than 63 bits.
    for dir in [foreign(&FOREIGN.replace("2**64", "2**63")), build(&repository("tests/interop/structured.toml"), &[])] {
        run(dir.path(), 0, &["capture", "a.h5", "-o", "m.toml"]);
        let path = dir.path().join("m.toml");
        files.push((dir, path));
    }
    for (_, path) in &files {
        crate::schemas::is_a_valid_manifest(path);
    }
}

/// More files than wait for the disk at once; `--force` keeps their modes.
#[test]
fn many_files_beside_the_manifest() {
    use std::os::unix::fs::PermissionsExt;
    let dir = tempdir();
    let dir = dir.path();
    let code = "import h5py, numpy as np\nwith h5py.File('a.h5', 'w') as f:\n    for i in range(450): f[f'd{i}'] = np.arange(9) ** 2 + i";
    run_to(0, Command::new(python()).args(["-c", code]).current_dir(dir));
    round(dir, &["--data", "sidecar"]);
    let mode = || fs::metadata(dir.join("m.data/d7.npy")).unwrap().permissions();
    fs::set_permissions(dir.join("m.data/d7.npy"), fs::Permissions::from_mode(0o640)).unwrap();
    run(dir, 0, &["capture", "a.h5", "-o", "m.toml", "--data", "sidecar", "--force", "--no-sync"]);
    assert_eq!(mode().mode() & 0o777, 0o640);
    assert_eq!(fs::read_dir(dir.join("m.data")).unwrap().count(), 450);
    run(dir, 0, &["check", "--exact", "m.toml", "a.h5"]);
}

/// What cannot be written leaves nothing behind.
#[test]
fn a_failed_capture_leaves_no_folder() {
    let dir = tempdir();
    let dir = dir.path();
    let code = "import h5py, numpy as np, os\nwith h5py.File('a.h5', 'w') as f:\n    f['a'] = np.arange(5000.0) ** 2\n    \
                d = f.create_dataset('b', data=np.arange(5000.0) ** 3, chunks=(5000,), fletcher32=True)\n    at = d.id.get_chunk_info(0).byte_offset\n\
                with open('a.h5', 'r+b') as f: f.seek(at + 9); f.write(b'?')";
    run_to(0, Command::new(python()).args(["-c", code]).current_dir(dir));
    refused(dir, &["capture", "a.h5", "-o", "m.toml", "--data", "sidecar"]);
    assert_eq!(fs::read_dir(dir).unwrap().count(), 1);
}
