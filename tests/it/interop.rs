//! What h5py, netCDF4 and PyTables see in files that h5mason built or changed.
#![allow(clippy::disallowed_methods, reason = "tests write files of their own, in temporary folders")]

use std::fs;
use std::path::{Path, PathBuf};

use crate::common::{h5mason, repository, run_to, script, tempdir};

fn manifest(name: &str) -> PathBuf {
    repository("tests/interop").join(name)
}

/// What differs between two files, a line each.
#[track_caller]
fn changes(before: &Path, after: &Path) -> Vec<String> {
    script("changes.py", &[&before, &after]).lines().filter(|line| !line.is_empty()).map(str::to_owned).collect()
}

/// Applies a manifest; a second time changes no byte.
#[track_caller]
fn apply_twice(manifest: &Path, file: &Path) {
    run_to(0, h5mason().arg("apply").arg(manifest).arg(file));
    let once = fs::read(file).unwrap();
    let said = run_to(0, h5mason().arg("apply").arg(manifest).arg(file));
    assert!(said.contains("nothing to do"), "{}: {said}", file.display());
    assert!(fs::read(file).unwrap() == once, "{}: the second apply changed bytes", file.display());
    run_to(0, h5mason().arg("check").arg(manifest).arg(file));
}

#[test]
fn h5py_reads_every_form_that_can_be_declared() {
    built_and_read("everything");
}

#[test]
fn h5py_reads_enums_compounds_arrays_and_odd_numbers() {
    built_and_read("structured");
}

/// Name, the filters as the manifest has them, the dtypes: tests/interop/filters.py has the same names.
fn filters() -> Vec<(String, String, &'static [&'static str])> {
    const ALL: &[&str] = &["u1", "i2", ">i4", "f8", "S7", "c8"];
    let mut out: Vec<(String, String, &[&str])> = [
        ("shuffle", "\"shuffle\""),
        ("deflate", "{ deflate = 4 }"),
        ("fletcher32", "\"fletcher32\""),
        ("nbit", "\"nbit\""),
        ("lzf", "\"lzf\""),
        ("zstd", "{ zstd = 3 }"),
        ("zstd_fast", "{ zstd = -5 }"),
        ("lz4", "\"lz4\""),
        ("lz4_blocks", "{ lz4 = { block_bytes = 300 } }"),
        ("bitshuffle_none", "{ bitshuffle = { codec = \"none\" } }"),
        ("bitshuffle_lz4", "{ bitshuffle = { codec = \"lz4\" } }"),
        ("bitshuffle_zstd", "{ bitshuffle = { codec = \"zstd\", level = 5 } }"),
        ("bitshuffle_blocks", "{ bitshuffle = { codec = \"lz4\", block_elements = 64 } }"),
        ("pipe_zstd", "\"shuffle\", { zstd = 1 }, \"fletcher32\""),
        ("pipe_lzf", "\"shuffle\", \"lzf\", \"fletcher32\""),
        ("pipe_blosc", "{ blosc = { codec = \"zstd\" } }, \"fletcher32\""),
        ("twice", "{ bitshuffle = { codec = \"none\" } }, \"lzf\", { zstd = 9 }"),
        ("mandatory", "{ shuffle = {}, optional = false }, { blosc = { codec = \"lz4\" }, optional = false }"),
        ("mandatory_lzf", "{ id = 32000, optional = false }"),
    ]
    .into_iter()
    .map(|(name, filter)| (name.to_owned(), filter.to_owned(), ALL))
    .collect();
    out.push(("scaleoffset".into(), "{ scaleoffset = { min_bits = 0 } }".into(), &["u1", "i2", ">i4"]));
    out.push(("scaleoffset_floats".into(), "{ scaleoffset = { decimals = 2 } }".into(), &["f8"]));
    for codec in ["blosclz", "lz4", "lz4hc", "snappy", "zlib", "zstd"] {
        for (level, shuffle) in [(5, "none"), (5, "byte"), (9, "bit"), (0, "byte"), (1, "byte"), (8, "none")] {
            let filter = format!("{{ blosc = {{ codec = \"{codec}\", level = {level}, shuffle = \"{shuffle}\" }} }}");
            out.push((format!("blosc_{codec}_{level}_{shuffle}"), filter, ALL));
        }
    }
    out
}

/// Every filter, with every dtype, in chunks with edges, in one chunk, and with numbers that do not shrink; beside each
/// kind of contents the same without filters.
fn manifest_of_filters(with: impl Fn(&str) -> bool) -> String {
    let mut out = String::from("version = 1\n");
    let shapes = [("grid", "[37, 53]", "[10, 16]", true), ("one", "[3]", "[3]", true), ("noise", "[9000]", "[4000]", false)];
    let mut add = |name: &str, filters: Option<&str>, dtypes: &[&str]| {
        for dtype in dtypes {
            for (contents, shape, chunks, shrinks) in shapes {
                let fill = match (*dtype, shrinks) {
                    ("S7", _) => "text = { length = [0, 7] }",
                    ("u1", false) => "integers = { low = 0, high = 256 }",
                    ("f8", false) => "arange = { start = 0.25, step = 0.5 }",
                    (_, true) => "cycle = [1, 1, 1, 2, 3, 50, 50]",
                    (_, false) => "arange = {}",
                };
                let tag = dtype.replace('>', "be_");
                out += &format!("[dataset.\"/{name}/{tag}/{contents}\"]\ndtype = \"{dtype}\"\nshape = {shape}\n");
                out += &filters.map_or(String::new(), |f| format!("chunks = {chunks}\nfilters = [{f}]\n"));
                out += &format!("contents = \"exact\"\nfill = {{ {fill}, stream = \"{tag}\" }}\n");
            }
        }
    };
    add("plain", None, &["u1", "i2", ">i4", "f8", "S7", "c8"]);
    for (name, filters, dtypes) in filters().into_iter().filter(|(name, ..)| with(name)) {
        add(&name, Some(&filters), dtypes);
    }
    out
}

#[test]
fn hdf5plugin_reads_every_filter_and_what_it_writes_is_read() {
    let dir = tempdir();
    let (manifest, built, made) = (dir.path().join("m.toml"), dir.path().join("built.h5"), dir.path().join("made.h5"));
    fs::write(&manifest, manifest_of_filters(|_| true)).unwrap();
    run_to(0, h5mason().arg("build").arg(&manifest).arg("-o").arg(&built));
    run_to(0, h5mason().args(["check", "--exact"]).arg(&manifest).arg(&built));
    script("filters.py", &[&built, &made]);
    fs::write(&manifest, manifest_of_filters(|name| !name.starts_with("mandatory"))).unwrap();
    run_to(0, h5mason().args(["check", "--exact"]).arg(&manifest).arg(&made));
}

/// This program lacks the codec: it must know all that HDF5 computes, and leave the elements alone.
#[test]
fn szip_is_recognised() {
    let dir = tempdir();
    let (manifest, file) = (dir.path().join("m.toml"), dir.path().join("f.h5"));
    let make = "import sys, h5py, numpy as np
f = h5py.File(sys.argv[1], 'w')
for n, (dtype, shape, chunk) in enumerate([('i4', (50, 9), (50, 9)), ('>f8', (20, 300), (5, 40)), ('u1', (9000,), (9000,)),
                                           ('<i2', (64, 3, 2), (64, 3, 2)), ('f4', (3, 7000), (1, 7000))]):
    data = np.arange(np.prod(shape)).reshape(shape).astype(dtype)
    f.create_dataset(f'd{n}', data=data, chunks=chunk, compression='szip', compression_opts=('nn' if n % 2 else 'ec', 16))";
    run_to(0, std::process::Command::new(crate::common::python()).arg("-c").arg(make).arg(&file));
    let listed = run_to(0, h5mason().arg("show").arg(&file));
    let mut text = String::from("version = 1\n");
    for (n, (dtype, shape)) in
        [("i4", "50, 9"), (">f8", "20, 300"), ("u1", "9000"), ("i2", "64, 3, 2"), ("f4", "3, 7000")].iter().enumerate()
    {
        let coding = ["ec", "nn"][n % 2];
        text += &format!("[dataset.\"/d{n}\"]\ndtype = \"{dtype}\"\nshape = [{shape}]\n");
        text += &format!("filters = [{{ szip = {{ coding = \"{coding}\", pixels_per_block = 16 }} }}]\n");
    }
    assert_eq!(listed.matches(" szip ec 16").count() + listed.matches(" szip nn 16").count(), 5, "{listed}");
    fs::write(&manifest, &text).unwrap();
    apply_twice(&manifest, &file);
    fs::write(&manifest, format!("{text}fill = 1\ncontents = \"exact\"\n")).unwrap();
    let output = h5mason().arg("plan").arg(&manifest).arg(&file).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.code() == Some(2) && said.contains("compressed with szip"), "{said}");
}

#[test]
fn partial_chunks_are_stored_raw() {
    let dir = tempdir();
    let (manifest, file) = (dir.path().join("m.toml"), dir.path().join("f.h5"));
    let with = |partial: &str| {
        let text = "version = 1\n[dataset.\"/x\"]\ndtype = \"i4\"\nshape = [15]\nchunks = [10]\nfilters = [{ deflate = 9 }]\nfill = 7\n";
        fs::write(&manifest, format!("{text}partial_chunks = \"{partial}\"\n")).unwrap();
    };
    for (partial, first, last) in [("raw", true, false), ("filter", true, true)] {
        with(partial);
        run_to(0, h5mason().arg("build").arg("--force").arg(&manifest).arg("-o").arg(&file));
        run_to(0, h5mason().args(["check", "--exact"]).arg(&manifest).arg(&file));
        let read = "import sys, h5py; d = h5py.File(sys.argv[1])['x']; assert (d[:] == 7).all(); \
                    print([d.id.get_chunk_info(i).size < 40 for i in range(2)])";
        let mut python = std::process::Command::new(crate::common::python());
        let said = run_to(0, python.arg("-c").arg(read).arg(&file));
        assert_eq!(said.trim(), format!("{:?}", [first, last]).replace("true", "True").replace("false", "False"));
    }
    with("raw");
    assert!(
        String::from_utf8_lossy(&h5mason().arg("check").arg(&manifest).arg(&file).output().unwrap().stderr)
            .contains("partial_chunks of /x")
    );
}

/// Builds NAME.toml, reads the file with NAME.py, and checks it against the manifest.
fn built_and_read(name: &str) {
    let dir = tempdir();
    let file = dir.path().join("built.h5");
    let manifest = manifest(&format!("{name}.toml"));
    run_to(0, h5mason().arg("build").arg(&manifest).arg("-o").arg(&file));
    script(&format!("{name}.py"), &[&file]);
    run_to(0, h5mason().args(["check", "--exact"]).arg(&manifest).arg(&file));
}

#[test]
fn h5py_reads_an_attribute_beyond_64_kib() {
    let dir = tempdir();
    let (manifest, file) = (dir.path().join("m.toml"), dir.path().join("long.h5"));
    let numbers = (0..20_000).map(|n| n.to_string()).collect::<Vec<_>>().join(", ");
    fs::write(&manifest, format!("version = 1\n[dataset.\"/d\"]\ndtype = \"i1\"\nshape = [2]\nattrs.long = [{numbers}]\n")).unwrap();
    run_to(0, h5mason().arg("build").arg(&manifest).arg("-o").arg(&file));
    let read = "import sys, h5py; a = h5py.File(sys.argv[1])['d'].attrs['long']; print(a.shape, (a == range(20000)).all())";
    let mut python = std::process::Command::new(crate::common::python());
    assert_eq!(run_to(0, python.arg("-c").arg(read).arg(&file)).trim(), "(20000,) True");
}

#[test]
fn numpy_files_are_read_and_selections_mean_what_they_mean_in_numpy() {
    let dir = tempdir();
    script("numpy_inputs.py", &[&"make", &dir.path()]);
    let (manifest, file) = (dir.path().join("m.toml"), dir.path().join("m.h5"));
    run_to(0, h5mason().arg("build").arg(&manifest).arg("-o").arg(&file));
    script("numpy_inputs.py", &[&"check", &dir.path()]);
    apply_twice(&manifest, &file);
}

#[test]
fn datasets_of_other_files_are_copied() {
    let dir = tempdir();
    script("hdf5_inputs.py", &[&"make", &dir.path()]);
    let (manifest, file) = (dir.path().join("m.toml"), dir.path().join("m.h5"));
    // The patched datasets stand in a file before they are patched.
    let text = fs::read_to_string(&manifest).unwrap();
    let unpatched: Vec<&str> = text.split("[[patch]]").map(|part| part.find("[dataset").map_or("", |at| &part[at..])).collect();
    fs::write(&manifest, format!("version = 1\n{}", unpatched.join("\n"))).unwrap();
    run_to(0, h5mason().arg("build").arg(&manifest).arg("-o").arg(&file));
    fs::write(&manifest, text).unwrap();
    apply_twice(&manifest, &file);
    script("hdf5_inputs.py", &[&"check", &dir.path()]);
    run_to(0, h5mason().args(["check", "--exact"]).arg(&manifest).arg(&file));
    let again = dir.path().join("again.h5");
    run_to(0, h5mason().arg("build").arg(&manifest).arg("-o").arg(&again));
    let twice = dir.path().join("twice.h5");
    run_to(0, h5mason().arg("build").arg(&manifest).arg("-o").arg(&twice));
    assert!(fs::read(&again).unwrap() == fs::read(&twice).unwrap(), "the same bytes, whatever was copied");
    // One element of a copy that is compared by what is stored, and one where nothing was.
    let change = "import sys, h5py
f = h5py.File(sys.argv[1], 'r+')
f['old/same'][4, 4] += 1
f['sparse/raw'][10**11] = 8
f['new/never'][3, 3] = 1";
    run_to(0, std::process::Command::new(crate::common::python()).arg("-c").arg(change).arg(&file));
    let said = run_to(1, h5mason().args(["check", "--exact"]).arg(&manifest).arg(&file));
    for what in ["59537 -> 59536", "8 -> 7", "1.0 -> 0.0"] {
        assert!(said.contains(what), "{what}: {said}");
    }
    run_to(0, h5mason().args(["apply", "--exact"]).arg(&manifest).arg(&file));
    run_to(0, h5mason().args(["check", "--exact"]).arg(&manifest).arg(&file));
}

/// LZF is a codec that h5py has and h5mason has not.
#[test]
fn chunks_of_an_unknown_codec_are_compared_as_they_are_stored() {
    let dir = tempdir();
    script("hdf5_inputs.py", &[&"lacking", &dir.path()]);
    let declare = |path: &str, dtype: &str, shape: &str, more: &str| {
        let rule = format!("fill.hdf5 = {{ file = \"source.h5\", path = \"{path}\"{more} }}");
        fs::write(dir.path().join("m.toml"), format!("version = 1\n[dataset.\"/x\"]\ndtype = \"{dtype}\"\nshape = {shape}\n{rule}\n"))
            .unwrap();
    };
    let run = |args: &[&str]| {
        let output = h5mason().current_dir(dir.path()).args(args).output().unwrap();
        (output.status.code(), String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned())
    };
    declare("/x", "i4", "[100]", "");
    let (code, said) = run(&["check", "--exact", "m.toml", "copy.h5"]);
    assert_eq!(code, Some(0), "{said}");
    assert_eq!(run(&["apply", "--exact", "m.toml", "copy.h5"]).0, Some(0));
    // A chunk that differs is copied as it is stored; one that the source has not stored stays.
    let (code, said) = run(&["check", "--exact", "m.toml", "changed.h5"]);
    assert!(code == Some(1) && said.contains("10 of 100 elements differ"), "{said}");
    let (code, said) = run(&["apply", "--exact", "m.toml", "changed.h5"]);
    assert_eq!(code, Some(0), "{said}");
    assert_eq!(run(&["check", "--exact", "m.toml", "changed.h5"]).0, Some(0));
    let same = "import sys, h5py
a, b = (h5py.File(n)['x'].id for n in sys.argv[1:])
assert a.get_num_chunks() == b.get_num_chunks() == 2
assert all(a.read_direct_chunk(at) == b.read_direct_chunk(at) for at in [(30,), (40,)])";
    let mut python = std::process::Command::new(crate::common::python());
    run_to(0, python.current_dir(dir.path()).args(["-c", same, "source.h5", "changed.h5"]));
    let (code, said) = run(&["plan", "--exact", "m.toml", "more.h5"]);
    let message = "/x has stored chunks that its source has not (10 of 100 elements differ), and they are compressed with filter 300 [1, 2] (optional)";
    assert!(code == Some(2) && said.contains(message), "{said}");
    assert_eq!(run(&["check", "--exact", "m.toml", "more.h5"]).0, Some(1));
    let refused = [
        ("/x", "i4", "[100]", "", "/x is compressed with filter 300 [1, 2] (optional), a filter that this h5mason does not have"),
        ("/X", "i4", "[100]", "", "there is no /X"),
        ("/group", "i4", "[100]", "", "/group is a group, not a dataset"),
        ("/group/d/e", "i4", "[100]", "", "/group/d is not a group, so there is no /group/d/e"),
        ("/out", "i4", "[100]", "", "/out is a link out of the file, which is not followed"),
        ("/loop", "i4", "[100]", "", "more than 16 soft links on the way to /loop"),
        ("/virtual", "i4", "[100]", "", "the elements of /virtual are in other files (virtual storage), which are not read"),
        ("/null", "i4", "[100]", "", "/null has a null dataspace, which has no elements"),
        ("/group/d", "f8", "[3]", "", "/group/d has shape [2], but shape [3] is to be filled"),
        ("/group/d", "f8", "[1]", ", select = \"5\"", "the selection does not fit /group/d of shape [2]"),
        ("/group/d", "f8", "[2]", ", select = \"1:\"", "[1:2] of /group/d has shape [1], but shape [2] is to be filled"),
        ("/group/d", "f4", "[2]", "", "float64 into f4 could lose values"),
        ("/group/d", "str", "[2]", "", "float64 cannot become str"),
        ("/latin", "str", "[2]", "", "element [1]: the text is neither ASCII nor UTF-8"),
    ];
    for (path, dtype, shape, more, message) in refused {
        declare(path, dtype, shape, more);
        let (code, said) = run(&["build", "m.toml", "-o", "no.h5"]);
        assert!(code == Some(2) && said.contains("source.h5: ") && said.contains(message), "{path} {dtype}: {said}");
        assert!(!dir.path().join("no.h5").exists());
    }
    // The file that is changed is no source of itself.
    declare("/group/d", "f8", "[2]", "");
    let before = fs::read(dir.path().join("source.h5")).unwrap();
    let manifest = fs::read_to_string(dir.path().join("m.toml")).unwrap().replace("\"/x\"", "\"/new\"");
    fs::write(dir.path().join("m.toml"), manifest).unwrap();
    let (code, said) = run(&["apply", "m.toml", "source.h5"]);
    assert!(code == Some(2) && said.contains("it is open for writing, by another program or as the file"), "{said}");
    assert!(fs::read(dir.path().join("source.h5")).unwrap() == before);
}

#[test]
fn netcdf_reads_and_extends_what_is_built_with_creation_order() {
    let dir = tempdir();
    let file = dir.path().join("built.nc");
    run_to(0, h5mason().arg("build").arg(manifest("netcdf-build.toml")).arg("-o").arg(&file));
    script("netcdf.py", &[&"read", &file]);
}

#[test]
fn a_changed_netcdf_file_stays_one() {
    let dir = tempdir();
    let (before, after) = (dir.path().join("before.nc"), dir.path().join("after.nc"));
    script("netcdf.py", &[&"make", &before]);
    fs::copy(&before, &after).unwrap();
    apply_twice(&manifest("netcdf-change.toml"), &after);
    let expected = [
        "- /@aside",
        "+ /@history",
        "~ /@title",
        "~ /@zone",
        "+ /added",
        "+ /added/values",
        "~ /t2m data",
        "~ /t2m@long_name",
        "- /t2m@unit",
        "+ /t2m@units",
    ];
    assert_eq!(changes(&before, &after), expected);
    script("netcdf.py", &[&"append", &after]);
}

#[test]
fn a_changed_pytables_file_stays_one() {
    let dir = tempdir();
    let (before, after) = (dir.path().join("before.h5"), dir.path().join("after.h5"));
    script("pytables.py", &[&"make", &before]);
    fs::copy(&before, &after).unwrap();
    apply_twice(&manifest("pytables-change.toml"), &after);
    let expected =
        ["~ /@TITLE", "+ /@reviewed", "+ /added", "~ /run/array data", "- /run/array@unit", "+ /run/array@units", "~ /run/table@units"];
    assert_eq!(changes(&before, &after), expected);
    script("pytables.py", &[&"read", &after]);
}

#[test]
fn what_h5py_made_and_nobody_declared_stays() {
    let dir = tempdir();
    let (before, after) = (dir.path().join("before"), dir.path().join("after"));
    fs::create_dir(&before).unwrap();
    fs::create_dir(&after).unwrap();
    script("h5py_files.py", &[&before]);
    let mut expected = Vec::new();
    for file in files_of(&before, "h5") {
        let name = file.file_name().unwrap();
        fs::copy(&file, after.join(name)).unwrap();
        apply_twice(&manifest("h5py-change.toml"), &after.join(name));
        for change in ["~ /dense@attribute 20", "+ /group/new", "~ /plain data", "+ /plain@added"] {
            expected.push(format!("{}: {change}", name.display()));
        }
    }
    let raw = files_of(&before, "raw");
    assert_eq!((expected.len(), raw.len()), (24, 6), "six files of each kind");
    for raw in raw {
        assert_eq!(fs::read(&raw).unwrap(), [5, 0, 0, 0].repeat(4), "the external storage is as h5py wrote it");
    }
    assert_eq!(changes(&before, &after), expected);
}

/// Files with an extension, by name.
fn files_of(folder: &Path, extension: &str) -> Vec<PathBuf> {
    let mut files: Vec<PathBuf> = fs::read_dir(folder).unwrap().map(|e| e.unwrap().path()).collect();
    files.retain(|f| f.extension().is_some_and(|e| e == extension));
    files.sort();
    files
}

#[test]
fn files_that_python_packages_ship_take_an_attribute() {
    let dir = tempdir();
    let (before, after) = (dir.path().join("before"), dir.path().join("after"));
    fs::create_dir(&before).unwrap();
    fs::create_dir(&after).unwrap();
    let probe = dir.path().join("probe.toml");
    fs::write(&probe, "version = 1\n[attrs]\nh5mason_probe = \"x\"\n").unwrap();
    let broken = dir.path().join("broken.h5");
    let (mut expected, mut problems) = (Vec::new(), Vec::new());
    let listed = script("packaged.py", &[]);
    assert!(listed.lines().count() >= 50, "the packages ship files:\n{listed}");
    for (number, line) in listed.lines().enumerate() {
        let (opens, path) = line.split_once('\t').unwrap();
        let name = format!("{number:02}-{}", Path::new(path).file_name().unwrap().display());
        let file = after.join(&name);
        fs::copy(path, &file).unwrap();
        let apply = h5mason().arg("apply").arg(&probe).arg(&file).output().unwrap();
        let check = h5mason().arg("check").arg(&probe).arg(&file).output().unwrap();
        let codes = (apply.status.code(), check.status.code());
        let whole = fs::read(path).unwrap();
        let half = &whole[..whole.len() / 2];
        fs::write(&broken, half).unwrap();
        let refused = h5mason().arg("apply").arg(&probe).arg(&broken).output().unwrap();
        if refused.status.code() != Some(2) || fs::read(&broken).unwrap() != half {
            problems.push(format!("{path}, its first half: apply said {}, and must refuse it and leave it as it was", refused.status));
        }
        if opens == "yes" {
            fs::copy(path, before.join(&name)).unwrap();
            expected.push(format!("{name}: + /@h5mason_probe"));
            if codes != (Some(0), Some(0)) {
                problems.push(format!("{path}: apply and check said {codes:?}: {}", String::from_utf8_lossy(&apply.stderr)));
            }
        } else if codes.0 != Some(2) || fs::read(&file).unwrap() != whole {
            problems.push(format!("{path}: h5py cannot open it; apply said {codes:?}, and it must be left as it was"));
        }
    }
    assert!(problems.is_empty(), "{}", problems.join("\n"));
    assert_eq!(changes(&before, &after), expected);
}

/// h5mason makes no second names itself, so h5py does.
#[test]
fn an_object_with_two_names_is_changed_once() {
    let dir = tempdir();
    let (manifest, file) = (dir.path().join("m.toml"), dir.path().join("f.h5"));
    let make = "import sys, h5py
f = h5py.File(sys.argv[1], 'w')
f['a'] = 1
f['b'] = f['a']";
    run_to(0, std::process::Command::new(crate::common::python()).arg("-c").arg(make).arg(&file));
    let declare = |a: u8, b: u8| {
        fs::write(&manifest, format!("version = 1\n[dataset.\"/a\".attrs]\nu = {a}\n[dataset.\"/b\".attrs]\nu = {b}\n")).unwrap();
    };
    declare(1, 1);
    let plan = run_to(0, h5mason().args(["plan", "--format", "json"]).arg(&manifest).arg(&file));
    let plan: serde_json::Value = serde_json::from_str(&plan).unwrap();
    assert_eq!(plan["steps"].as_array().unwrap().len(), 1, "{plan:#}");
    apply_twice(&manifest, &file);
    declare(2, 3);
    let before = fs::read(&file).unwrap();
    let output = h5mason().arg("apply").arg(&manifest).arg(&file).output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&output.stderr).contains("are one object"), "{output:?}");
    assert!(fs::read(&file).unwrap() == before);
}

#[test]
fn a_removal_ends_where_groups_hold_each_other() {
    let dir = tempdir();
    let (manifest, file) = (dir.path().join("m.toml"), dir.path().join("f.h5"));
    let make = "import sys, h5py
f = h5py.File(sys.argv[1], 'w')
g = f.create_group('g')
h = g.create_group('h')
g['g'], h['up'] = g, g";
    run_to(0, std::process::Command::new(crate::common::python()).arg("-c").arg(make).arg(&file));
    fs::write(&manifest, "version = 1\n[[remove]]\nmatch = \"/**/nothing\"\n").unwrap();
    assert!(run_to(0, h5mason().arg("apply").arg(&manifest).arg(&file)).contains("nothing to do"));
}

/// Nothing is written through a link to another file, or to another place.
#[test]
fn links_are_not_gone_through() {
    let dir = tempdir();
    let at = |name: &str| dir.path().join(name);
    let make = "import os, sys, h5py
os.chdir(sys.argv[1])
h5py.File('other.h5', 'w').create_group('g')
f = h5py.File('f.h5', 'w')
f.create_group('g')
f['outside'], f['soft'] = h5py.ExternalLink('other.h5', '/g'), h5py.SoftLink('/g')";
    run_to(0, std::process::Command::new(crate::common::python()).arg("-c").arg(make).arg(dir.path()));
    let before = (fs::read(at("f.h5")).unwrap(), fs::read(at("other.h5")).unwrap());
    for (link, what) in [("outside", "an external link"), ("soft", "a soft link")] {
        for body in [
            format!("[dataset.\"/{link}/new\"]\ndtype = \"i4\"\nshape = [2]\n"),
            format!("[group.\"/{link}\".attrs]\na = 1\n"),
            format!("[[remove]]\npath = \"/{link}/new\"\n[dataset.\"/{link}/a/b\"]\ndtype = \"i4\"\nshape = [2]\n"),
        ] {
            fs::write(at("m.toml"), format!("version = 1\n{body}")).unwrap();
            let output = h5mason().current_dir(dir.path()).args(["apply", "m.toml", "f.h5", "--allow", "destructive"]).output().unwrap();
            let said = String::from_utf8_lossy(&output.stderr);
            assert!(output.status.code() == Some(2) && said.contains(&format!("/{link} is {what}")), "{body}\n{said}");
            assert!((fs::read(at("f.h5")).unwrap(), fs::read(at("other.h5")).unwrap()) == before, "{body}");
        }
    }
}
