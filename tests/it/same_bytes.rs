//! What `apply` commits is, byte for byte, what HDF5's own default driver makes of a copy.

use std::fs;
use std::path::Path;

use h5mason::apply::{Memory, Options, execute, inspect};
use h5mason::h5::File;
use h5mason::manifest::{Overrides, load};
use h5mason::model::{Base, Glob, Libver};
use h5mason::plan::{Consent, Proposal};

use crate::common::{h5mason, run_to, tempdir};

/// The files that are changed: name, `[file]`, bytes behind the HDF5 data.
const FILES: [(&str, &str, usize); 11] = [
    ("superblock 0", "libver = [\"earliest\", \"v110\"]", 0),
    ("superblock 2", "libver = [\"v18\", \"v110\"]", 0),
    ("superblock 3", "libver = [\"v110\", \"latest\"]", 0),
    ("creation order", "track_order = true", 0),
    ("userblock", "libver = [\"earliest\", \"v110\"]\nuserblock = 512", 0),
    ("large userblock", "libver = [\"v110\", \"v110\"]\nuserblock = 8192", 0),
    ("paged", "space_strategy = { strategy = \"page\", persist = true }\npage_size = 4096", 0),
    ("small pages", "space_strategy = { strategy = \"page\", persist = false }\npage_size = 512\nuserblock = 512", 0),
    ("kept free space", "space_strategy = { strategy = \"fsm_aggr\", persist = true, threshold = 1 }", 0),
    ("no free space", "space_strategy = \"none\"", 0),
    ("bytes behind", "libver = [\"earliest\", \"v110\"]", 10_000),
];

const OLD: &str = r#"
[attrs]
title = "before"
[dataset."/plain"]
dtype = "i4"
shape = [60, 1000]
fill.integers = { low = 0, high = 99 }
attrs.units = "degC"
attrs.note = "a text that goes"
[dataset."/packed"]
dtype = "i4"
shape = [80, 40]
chunks = [16, 40]
filters = ["shuffle", { deflate = 4 }]
fill.integers = { low = 0, high = 99 }
[dataset."/growing"]
dtype = "f8"
shape = [10, 30]
maxshape = ["unlimited", "unlimited"]
chunks = [4, 8]
fill.uniform = {}
[dataset."/small"]
dtype = "u1"
shape = [16]
layout = "compact"
fill.arange = {}
[dataset."/texts"]
dtype = "str"
shape = [200]
fill.cycle = ["one", "two", "a longer text"]
[dataset."/gone"]
dtype = "f8"
shape = [3000]
fill = 1
[group."/old/g${i}"]
for = { i = 12 }
attrs.i = "${i}"
"#;

/// The changes: each is made to a fresh file, and all of them one after the other.
const CHANGES: [(&str, &str); 12] = [
    ("one attribute", "[attrs]\ntitle = \"after\"\n"),
    (
        "attributes",
        "[dataset.\"/plain\".attrs]\nunits = 5\nnote = { absent = true }\nmore = [1, 2, 3]\n[dataset.\"/small\".attrs]\nfirst = \"x\"\n",
    ),
    ("many attributes", "[dataset.\"/plain\".attrs]\nA\n"),
    ("a slice", "[[patch]]\npath = \"/plain\"\nselect = \"10:50:7, 3::11\"\nfill = -1\n"),
    ("a compressed slice", "[[patch]]\npath = \"/packed\"\nselect = \"5:70\"\nfill = 3\n"),
    (
        "a slice that packs worse",
        "[[patch]]\npath = \"/packed\"\nselect = \"5:70\"\nfill.integers = { low = -2_000_000_000, high = 2_000_000_000 }\n",
    ),
    ("texts", "[[patch]]\npath = \"/texts\"\nselect = \"50:150\"\nfill.text = { length = [20, 60] }\n"),
    ("compact", "[[patch]]\npath = \"/small\"\nselect = \"3:9\"\nfill = 200\n"),
    ("growth", "[dataset.\"/growing\"]\ndtype = \"f8\"\nshape = [50, 70]\nmaxshape = [\"unlimited\", \"unlimited\"]\nfill = 2\n"),
    (
        "new objects",
        "[group.\"/new/g${i}\"]\nfor = { i = 60 }\nattrs.i = \"${i}\"\n[dataset.\"/new/d\"]\ndtype = \"f4\"\nshape = [100, 100]\nchunks = [30, 30]\nfilters = [{ deflate = 1 }]\nfill.normal = {}\n[type.\"/new/t\"]\ndtype = \"f8\"\n[link.\"/new/soft\"]\nsoft = \"/plain\"\n[link.\"/new/hard\"]\nhard = \"/packed\"\n",
    ),
    ("removals", "[[remove]]\npath = \"/gone\"\n[[remove]]\nmatch = \"/old/g1*\"\n"),
    (
        "removal and replacement",
        "[[remove]]\npath = \"/texts\"\n[dataset.\"/large\"]\ndtype = \"u2\"\nshape = [300_000]\nfill.arange = { start = 0, step = 0 }\n",
    ),
];

/// Makes the change with HDF5 alone: no transaction, no driver of ours.
fn directly(manifest: &Path, file: &Path) {
    let loaded = load(manifest, &Overrides::default()).map_err(|_| "the manifest has problems").unwrap();
    let consent = Consent { lossy: true, destructive: vec![Glob::new("/**").unwrap()] };
    let options = Options { consent: consent.clone(), ..Options::default() };
    let seen = inspect(&loaded.desired, file, &options, &mut |_| {}).unwrap();
    let Base::Existing { superblock, .. } = seen.base else { panic!("there is no file") };
    let plan = Proposal::into_plan(&seen.proposal, &consent).unwrap();
    let low = if superblock < 2 { Libver::Earliest } else { Libver::V18 };
    let file = File::open_writable(file, (low, Libver::Latest)).unwrap();
    execute(&file, &plan, Memory::default(), &mut |_, _| {}).unwrap();
    file.close().unwrap();
}

fn through_the_command(manifest: &Path, file: &Path) {
    run_to(0, h5mason().arg("apply").arg(manifest).arg(file).args(["--allow", "destructive"]));
}

#[track_caller]
fn equal(what: &str, committed: &Path, direct: &Path) {
    let (a, b) = (fs::read(committed).unwrap(), fs::read(direct).unwrap());
    let first = a.iter().zip(&b).position(|(a, b)| a != b);
    let differing = a.iter().zip(&b).filter(|(a, b)| a != b).count();
    assert!(a == b, "{what}: {} and {} bytes, {differing} differ, the first at {first:?}", a.len(), b.len());
}

#[test]
fn a_commit_makes_the_bytes_that_hdf5_makes() {
    let dir = tempdir();
    let at = |name: &str| dir.path().join(name);
    fs::write(at("old.toml"), "").unwrap();
    let many: String = (0..30).map(|i| format!("a{i} = {i}\n")).collect();
    let mut manifests = Vec::new();
    for (number, (name, change)) in CHANGES.iter().enumerate() {
        let path = at(&format!("{number}.toml"));
        fs::write(&path, format!("version = 1\n{}", change.replace("A\n", &many))).unwrap();
        manifests.push((*name, path));
    }
    let mut unchanged = Vec::new();
    for (file, properties, behind) in FILES {
        fs::write(at("old.toml"), format!("version = 1\n[file]\n{properties}\n{OLD}")).unwrap();
        let old = at("old.h5");
        run_to(0, h5mason().arg("build").arg(at("old.toml")).arg("--force").arg("-o").arg(&old));
        let mut bytes = fs::read(&old).unwrap();
        bytes.extend((0..behind).map(|i| (i % 251) as u8));
        let (committed, direct) = (at("committed.h5"), at("direct.h5"));
        for (change, manifest) in &manifests {
            fs::write(&committed, &bytes).unwrap();
            fs::write(&direct, &bytes).unwrap();
            directly(manifest, &direct);
            through_the_command(manifest, &committed);
            equal(&format!("{file}, {change}"), &committed, &direct);
            if fs::read(&direct).unwrap() == bytes {
                unchanged.push(format!("{file}, {change}"));
            }
        }
        // One after the other: what the first made is changed by the next.
        fs::write(&committed, &bytes).unwrap();
        fs::write(&direct, &bytes).unwrap();
        for (change, manifest) in &manifests {
            directly(manifest, &direct);
            through_the_command(manifest, &committed);
            equal(&format!("{file}, all up to {change}"), &committed, &direct);
        }
    }
    assert!(unchanged.is_empty(), "nothing happened: {unchanged:?}");
}
