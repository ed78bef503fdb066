//! The laws of the design, one or more tests each.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Output;
use std::sync::atomic::{AtomicUsize, Ordering};

use proptest::prelude::*;
use sha2::{Digest, Sha256};

use crate::common::{AtEnd, children, h5mason, tempdir};
use crate::snapshot::{differences, snapshot};

fn run(dir: &Path, args: &[&str]) -> Output {
    h5mason().current_dir(dir).args(args).output().unwrap()
}

fn code(output: &Output) -> i32 {
    output.status.code().unwrap_or(-1)
}

fn text(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

fn good(dir: &Path, args: &[&str]) -> String {
    let output = run(dir, args);
    assert_eq!(code(&output), 0, "{args:?}: {}", text(&output));
    text(&output)
}

fn write(dir: &Path, name: &str, body: &str) {
    std::fs::write(dir.join(name), format!("version = 1\n{body}")).unwrap();
}

fn sha(path: &Path) -> String {
    Sha256::digest(std::fs::read(path).unwrap()).iter().map(|b| format!("{b:02x}")).collect()
}

fn names(dir: &Path) -> BTreeSet<String> {
    std::fs::read_dir(dir).unwrap().map(|e| e.unwrap().file_name().into_string().unwrap()).collect()
}

/// One dataset entry: dtype, fill and storage that go together.
fn dataset() -> impl Strategy<Value = (String, Vec<u64>)> {
    let shape = proptest::collection::vec(1u64..7, 0..4);
    let numbers = prop_oneof![Just("i1"), Just("u2"), Just(">i4"), Just("i8"), Just("f4"), Just(">f8"), Just("f2"), Just("c8")];
    let rule = prop_oneof![
        Just("fill = 3"),
        Just("fill.arange = { start = 1, step = 0 }"),
        Just("fill.integers = { low = 0, high = 100 }"),
        Just("fill.uniform = { low = 0, high = 9 }"),
        Just("fill.cycle = [1, 2, 3]"),
        Just("fill.choice = { from = [4, 5, 6] }"),
        Just("fill.bernoulli = { p = 0.5 }\nfill.missing = { fraction = 0.3, value = 7 }"),
        Just(""),
    ];
    let storage = prop_oneof![
        Just(""),
        Just("chunks = \"auto\""),
        Just("filters = [\"shuffle\", { deflate = 3 }]"),
        Just("filters = [\"fletcher32\"]\nfill_value = 1"),
        Just("layout = \"compact\""),
    ];
    (shape, numbers, rule, storage, any::<bool>()).prop_map(|(shape, dtype, rule, storage, exact)| {
        let scalar = shape.is_empty();
        let storage = if scalar && storage != "layout = \"compact\"" { "" } else { storage };
        let exact = if exact && !rule.is_empty() { "contents = \"exact\"" } else { "" };
        (format!("dtype = \"{dtype}\"\nshape = {shape:?}\n{rule}\n{storage}\n{exact}\n"), shape)
    })
}

fn attribute() -> impl Strategy<Value = String> {
    prop_oneof![
        any::<i64>().prop_map(|v| v.to_string()),
        (-1e9..1e9).prop_map(|v: f64| format!("{v:?}")),
        any::<bool>().prop_map(|v| v.to_string()),
        "[a-zA-Z0-9 äß]{0,12}".prop_map(|v| format!("{v:?}")),
        proptest::collection::vec(-9i32..9, 1..4).prop_map(|v| format!("{v:?}")),
        Just("{ value = [[1, 2], [3, 4]], dtype = \"u1\" }".into()),
        Just("{ value = 1.5, dtype = \">f4\", shape = [1] }".into()),
        Just("{ empty = \"f8\" }".into()),
        Just("{ default = \"d\" }".into()),
        Just("{ replace = 5 }".into()),
        Just("{ absent = true }".into()),
        Just("nan".into()),
    ]
}

/// A manifest of a few datasets and groups with attributes, and patches of the datasets.
fn manifest() -> impl Strategy<Value = String> {
    let entry = (
        prop_oneof![Just("a"), Just("b/c"), Just("b/d"), Just("ä")],
        dataset(),
        proptest::collection::vec(attribute(), 0..3),
        any::<bool>(),
    );
    (proptest::collection::vec(entry, 1..4), any::<u16>(), proptest::collection::vec(attribute(), 0..3)).prop_map(|(entries, seed, root)| {
        let mut out = format!("seed = {seed}\n[attrs]\n");
        for (i, attr) in root.iter().enumerate() {
            out += &format!("r{i} = {attr}\n");
        }
        let mut used = BTreeSet::new();
        let mut patches = String::new();
        for (path, (dataset, shape), attrs, patched) in entries {
            if !used.insert(path) {
                continue;
            }
            out += &format!("[dataset.\"/{path}\"]\n{dataset}");
            for (i, attr) in attrs.iter().enumerate() {
                out += &format!("attrs.x{i} = {attr}\n");
            }
            if patched && !shape.is_empty() {
                let last = shape[0] - 1;
                patches += &format!("[[patch]]\npath = \"/{path}\"\nselect = \"{last}\"\nfill = 8\n[[patch]]\npath = \"/{path}\"\nselect = \"::2\"\nfill.cycle = [1, 2]\n");
            }
        }
        out + &patches
    })
}

/// Values of one kind, so that an attribute can go from one to another; what it has to begin with first.
fn values() -> impl Strategy<Value = Vec<String>> {
    prop_oneof![
        proptest::collection::vec((-99i64..99).prop_map(|v| v.to_string()), 2),
        proptest::collection::vec((-1e9..1e9).prop_map(|v: f64| format!("{v:?}")), 2),
        proptest::collection::vec("[a-zA-Z0-9 äß]{1,12}".prop_map(|v| format!("{v:?}")), 2),
        proptest::collection::vec(proptest::collection::vec(-9i32..9, 3).prop_map(|v| format!("{v:?}")), 2),
    ]
}

/// What the second manifest does with an attribute of the first.
#[derive(Clone, Copy, Debug)]
enum Edit {
    Keep,
    Set,
    Remove,
    Rename,
    RenameAndSet,
    Replace,
    Forget,
}

fn attribute_edits(name: &str, attrs: &[(Vec<String>, Edit)]) -> (String, String) {
    let (mut before, mut after) = (String::new(), String::new());
    for (i, (values, edit)) in attrs.iter().enumerate() {
        let (old, new) = (&values[0], &values[1]);
        before += &format!("{name}x{i} = {old}\n");
        after += &match edit {
            Edit::Keep => format!("{name}x{i} = {old}\n"),
            Edit::Set => format!("{name}x{i} = {new}\n"),
            Edit::Remove => format!("{name}x{i} = {{ absent = true }}\n"),
            Edit::Rename => format!("{name}y{i} = {{ rename_from = \"x{i}\" }}\n"),
            Edit::RenameAndSet => format!("{name}y{i} = {{ rename_from = \"x{i}\", value = {new} }}\n"),
            Edit::Replace => format!("{name}x{i} = {{ replace = {new} }}\n"),
            Edit::Forget => format!("{name}z{i} = {new}\n"),
        };
    }
    (before, after)
}

fn edited_attributes() -> impl Strategy<Value = Vec<(Vec<String>, Edit)>> {
    let edit = prop_oneof![
        Just(Edit::Keep),
        Just(Edit::Set),
        Just(Edit::Remove),
        Just(Edit::Rename),
        Just(Edit::RenameAndSet),
        Just(Edit::Replace),
        Just(Edit::Forget),
    ];
    proptest::collection::vec((values(), edit), 0..4)
}

/// A manifest and one that changes what it built: attributes edited, added, removed and renamed, datasets
/// grown, patches that overlap, new objects.
fn manifest_and_change() -> impl Strategy<Value = (String, String)> {
    let rule = prop_oneof![
        Just("fill = 3"),
        Just("fill.arange = {}"),
        Just("fill.integers = { low = 0, high = 100 }"),
        Just("fill.uniform = { low = 0, high = 9 }"),
        Just("fill.cycle = [1, 2, 3]"),
        Just("fill.choice = { from = [4, 5, 6] }"),
        Just("fill_value = 2"),
    ];
    // Every rule's values fit every one of these: an `arange` may count to some hundreds.
    let numbers = prop_oneof![Just("i2"), Just("u2"), Just(">i4"), Just("i8"), Just("f4"), Just(">f8")];
    let storage = prop_oneof![Just(""), Just("filters = [\"shuffle\", { deflate = 3 }]"), Just("filters = [\"fletcher32\"]")];
    let patch = prop_oneof![Just("0"), Just("::2"), Just("1:"), Just("-1"), Just("..., 0"), Just("...")];
    let patch = (
        patch,
        prop_oneof![Just("fill = 8"), Just("fill.cycle = [1, 2]"), Just("fill.arange = {}"), Just("fill.choice = { from = [7, 9] }")],
    );
    let dataset = (
        (proptest::collection::vec(1u64..9, 1..4), numbers, rule, storage, 1u64..5),
        prop_oneof![Just(0u64), 1u64..9],
        any::<bool>(),
        edited_attributes(),
        proptest::collection::vec(patch, 0..4),
    );
    (proptest::collection::vec(dataset, 1..4), edited_attributes(), any::<u16>(), any::<bool>()).prop_map(|(datasets, root, seed, adds)| {
        let (before, after) = attribute_edits("", &root);
        let (mut first, mut second) = (format!("seed = {seed}\n[attrs]\n{before}"), format!("seed = {seed}\n[attrs]\n{after}"));
        let mut patches = String::new();
        for (i, ((shape, dtype, rule, storage, chunk), growth, exact, attrs, selects)) in datasets.into_iter().enumerate() {
            let path = ["/a", "/g/b", "/g/h/ä"][i];
            let mut maxshape: Vec<String> = shape.iter().map(u64::to_string).collect();
            maxshape[0] = "\"unlimited\"".into();
            let chunks: Vec<u64> = shape.iter().map(|&n| n.min(chunk)).collect();
            let (before, after) = attribute_edits("attrs.", &attrs);
            // An exact dataset would have what its patches leave of the old fill put right: also a law, but
            // only where there is a fill.
            let exact = if exact && rule.starts_with("fill.") { "contents = \"exact\"\n" } else { "" };
            let body = |shape: &[u64]| {
                let maxshape = maxshape.join(", ");
                format!(
                    "[dataset.\"{path}\"]\ndtype = \"{dtype}\"\nshape = {shape:?}\nmaxshape = [{maxshape}]\nchunks = {chunks:?}\n{rule}\n{storage}\n{exact}"
                )
            };
            first += &(body(&shape) + &before);
            let mut grown = shape;
            grown[0] += growth;
            second += &(body(&grown) + &after);
            for (select, fill) in selects {
                // `1:` of one row would be empty.
                let select = if select == "1:" && grown[0] == 1 { "0" } else { select };
                patches += &format!("[[patch]]\npath = \"{path}\"\nselect = \"{select}\"\n{fill}\n");
            }
        }
        if adds {
            second += "[group.\"/new/group\"]\nattrs.a = 1\n[dataset.\"/new/d\"]\ndtype = \"f4\"\nshape = [2, 2]\nfill.normal = {}\n";
        }
        (first, second + &patches)
    })
}

/// Some of the changes clash with something; most of them must not, or the law is not tested.
static CHANGES: [AtomicUsize; 2] = [AtomicUsize::new(0), AtomicUsize::new(0)];

#[test]
fn law2_most_changes_are_applied() {
    law2_changed();
    let [done, all] = CHANGES.each_ref().map(|n| n.load(Ordering::Relaxed));
    assert!(all >= 48 && done * 10 >= all * 8, "{done} of {all} changes were applied");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, failure_persistence: None, ..ProptestConfig::default() })]

    /// Law 2 for a change of what is there: done once it is done, and nothing beside it.
    fn law2_changed((first, second) in manifest_and_change()) {
        let dir = tempdir();
        write(dir.path(), "a.toml", &first);
        write(dir.path(), "b.toml", &second);
        good(dir.path(), &["build", "a.toml", "-o", "x.h5"]);
        good(dir.path(), &["check", "a.toml", "x.h5"]);
        let built = sha(&dir.path().join("x.h5"));
        // Attributes are removed, and renamed ones overwritten.
        let apply = ["apply", "b.toml", "x.h5", "--allow", "destructive"];
        let output = run(dir.path(), &apply);
        CHANGES[1].fetch_add(1, Ordering::Relaxed);
        let said = text(&output);
        if code(&output) == 0 {
            CHANGES[0].fetch_add(1, Ordering::Relaxed);
            good(dir.path(), &["check", "b.toml", "x.h5"]);
            let once = sha(&dir.path().join("x.h5"));
            prop_assert_eq!(once == built, said.contains("nothing to do"), "{}", said);
            good(dir.path(), &apply);
            prop_assert_eq!(sha(&dir.path().join("x.h5")), once);
        } else {
            prop_assert_eq!(code(&output), 2);
            prop_assert!(!said.contains("This is a bug"), "{}\n{}\n{}", said, first, second);
            prop_assert_eq!(&sha(&dir.path().join("x.h5")), &built, "a refused apply changes no byte");
        }
        prop_assert_eq!(names(dir.path()), ["a.toml", "b.toml", "x.h5"].map(String::from).into());
    }
}

/// Law 5 where there is something to do for several threads: many blocks, chunks that stick out at the
/// edges, values that cost time.
#[test]
fn law5_reproducible_with_many_blocks() {
    let large = "[dataset.\"/d\"]\ndtype = \"f8\"\nshape = [1031, 1501]\nchunks = [64, 130]\nfilters = [\"shuffle\", { deflate = 1 }]\nfill.gamma = { shape = 0.7 }\n\
        [dataset.\"/e\"]\ndtype = \"i2\"\nshape = [7, 333331]\nchunks = [3, 10007]\nfill.integers = { low = -300, high = 300 }\n\
        [dataset.\"/f\"]\ndtype = \"f4\"\nshape = [1500001]\nfill.normal = {}\n\
        [[patch]]\npath = \"/d\"\nselect = \"5:1000:3, 7::2\"\nfill.uniform = {}\n";
    let dir = tempdir();
    write(dir.path(), "m.toml", large);
    let hashes = ["1", "2", "5", "5"].map(|threads| {
        good(dir.path(), &["build", "m.toml", "-o", "x.h5", "--force", "--threads", threads]);
        sha(&dir.path().join("x.h5"))
    });
    assert!(std::fs::metadata(dir.path().join("x.h5")).unwrap().len() > 8 << 20);
    assert!(hashes.iter().all(|h| *h == hashes[0]), "{hashes:?}");
    for threads in ["1", "5"] {
        good(dir.path(), &["check", "--exact", "m.toml", "x.h5", "--threads", threads]);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, failure_persistence: None, ..ProptestConfig::default() })]

    /// Law 2: after a build or an apply nothing is left to do, and doing it again changes no byte.
    #[test]
    fn law2_idempotent(first in manifest(), second in manifest()) {
        let dir = tempdir();
        write(dir.path(), "a.toml", &first);
        write(dir.path(), "b.toml", &second);
        good(dir.path(), &["build", "a.toml", "-o", "x.h5"]);
        good(dir.path(), &["check", "a.toml", "x.h5"]);
        let built = sha(&dir.path().join("x.h5"));
        good(dir.path(), &["apply", "a.toml", "x.h5"]);
        prop_assert_eq!(&sha(&dir.path().join("x.h5")), &built);
        // Another manifest may clash with the file; where it does not, the same holds.
        let output = run(dir.path(), &["apply", "b.toml", "x.h5"]);
        if code(&output) == 0 {
            good(dir.path(), &["check", "b.toml", "x.h5"]);
            let once = sha(&dir.path().join("x.h5"));
            good(dir.path(), &["apply", "b.toml", "x.h5"]);
            prop_assert_eq!(sha(&dir.path().join("x.h5")), once);
        } else {
            prop_assert_eq!(code(&output), 2);
            prop_assert_eq!(&sha(&dir.path().join("x.h5")), &built, "a refused apply changes no byte");
        }
        prop_assert_eq!(names(dir.path()), ["a.toml", "b.toml", "x.h5"].map(String::from).into());
    }

    /// Law 1: what the second manifest does not name stays as it is.
    #[test]
    fn law1_declared_only(first in manifest(), value in attribute()) {
        let dir = tempdir();
        write(dir.path(), "a.toml", &first);
        good(dir.path(), &["build", "a.toml", "-o", "x.h5"]);
        let before = snapshot(&dir.path().join("x.h5"));
        write(dir.path(), "b.toml", &format!("[attrs]\nprobe = {value}\n[dataset.\"/new/one\"]\ndtype = \"i4\"\nshape = [3]\nfill.arange = {{}}\n"));
        good(dir.path(), &["apply", "b.toml", "x.h5"]);
        let changed = differences(&before, &snapshot(&dir.path().join("x.h5")));
        let allowed = ["/@probe", "/new", "/new/one"];
        prop_assert!(changed.iter().all(|k| allowed.contains(&k.as_str())), "{:?}", changed);
    }

    /// Law 5: the same manifest makes the same bytes, whatever the threads and the folder.
    #[test]
    fn law5_reproducible(body in manifest()) {
        let mut seen = BTreeSet::new();
        for threads in ["1", "2", "5"] {
            let dir = tempdir();
            let inner = dir.path().join("d".repeat(threads.parse().unwrap()));
            std::fs::create_dir(&inner).unwrap();
            write(&inner, "m.toml", &body);
            good(&inner, &["build", "m.toml", "-o", &format!("x{threads}.h5"), "--threads", threads]);
            seen.insert(sha(&inner.join(format!("x{threads}.h5"))));
        }
        prop_assert_eq!(seen.len(), 1);
    }
}

const TWO: &str = "[attrs]\ntitle = \"t\"\n[dataset.\"/d\"]\ndtype = \"f8\"\nshape = [50, 20]\nfill.uniform = {}\n";

/// Law 3: what is done is what the plan said, and a plan that is stale is refused.
#[test]
fn law3_the_plan_is_what_happens() {
    let dir = tempdir();
    let dir = dir.path();
    write(dir, "a.toml", TWO);
    write(dir, "b.toml", "[attrs]\ntitle = \"u\"\nextra = 1\n[[patch]]\npath = \"/d\"\nselect = \"3:9, ::5\"\nfill = 2\n");
    good(dir, &["build", "a.toml", "-o", "x.h5"]);
    let steps = |args: &[&str]| {
        let output = run(dir, args);
        let json: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap_or_else(|e| panic!("{e}: {}", text(&output)));
        json["steps"].clone()
    };
    let planned = steps(&["plan", "b.toml", "x.h5", "--format", "json", "--out", "p.json"]);
    assert_eq!(planned.as_array().unwrap().len(), 3);
    std::fs::copy(dir.join("x.h5"), dir.join("y.h5")).unwrap();
    write(dir, "c.toml", "[attrs]\ntitle = \"u\"\n");
    good(dir, &["apply", "c.toml", "x.h5"]);
    let changed = sha(&dir.join("x.h5"));
    let output = run(dir, &["apply", "b.toml", "x.h5", "--plan", "p.json"]);
    assert_eq!(code(&output), 2);
    assert!(text(&output).contains("stale") && text(&output).contains("title"), "{}", text(&output));
    assert_eq!(sha(&dir.join("x.h5")), changed);
    std::fs::rename(dir.join("y.h5"), dir.join("x.h5")).unwrap();
    let done = steps(&["apply", "b.toml", "x.h5", "--plan", "p.json", "--format", "json"]);
    assert_eq!(done, planned);
}

/// Law 4: a step that fails in the middle leaves the old bytes and nothing beside them.
#[test]
fn law4_a_failed_step_changes_nothing() {
    let dir = tempdir();
    let dir = dir.path();
    write(dir, "a.toml", TWO);
    good(dir, &["build", "a.toml", "-o", "x.h5"]);
    let before = sha(&dir.join("x.h5"));
    // The shape is right, so only reading the values finds the bad one, after other steps have been done.
    let rows: String = (0..3000).map(|i| if i == 2999 { "oops\n".into() } else { format!("{i}\n") }).collect();
    std::fs::write(dir.join("v.csv"), rows).unwrap();
    write(dir, "b.toml", "[attrs]\ntitle = \"new\"\n[dataset.\"/e\"]\ndtype = \"i4\"\nshape = [3000]\nfill.csv = \"v.csv\"\n");
    let output = run(dir, &["apply", "b.toml", "x.h5"]);
    assert_eq!(code(&output), 2, "{}", text(&output));
    assert!(text(&output).contains("3000"), "the row is named: {}", text(&output));
    assert_eq!(sha(&dir.join("x.h5")), before);
    let output = run(dir, &["build", "b.toml", "-o", "new/y.h5"]);
    assert_eq!(code(&output), 2);
    assert_eq!(names(dir), ["a.toml", "b.toml", "v.csv", "x.h5"].map(String::from).into());
}

/// Law 4: while another process holds the file's lock nothing is changed.
#[test]
fn law4_a_locked_file_is_left_alone() {
    let dir = tempdir();
    let dir = dir.path();
    write(dir, "a.toml", TWO);
    write(dir, "b.toml", "[attrs]\ntitle = \"new\"\n");
    good(dir, &["build", "a.toml", "-o", "x.h5"]);
    let before = sha(&dir.join("x.h5"));
    let file = std::fs::File::open(dir.join("x.h5")).unwrap();
    rustix::fs::flock(&file, rustix::fs::FlockOperation::LockExclusive).unwrap();
    for command in ["apply", "plan", "check"] {
        let output = run(dir, &[command, "b.toml", "x.h5"]);
        assert_eq!(code(&output), 2);
        assert!(text(&output).contains("locked"), "{}", text(&output));
    }
    assert_eq!(sha(&dir.join("x.h5")), before);
    rustix::fs::flock(&file, rustix::fs::FlockOperation::Unlock).unwrap();
    drop(file);
    good(dir, &["apply", "b.toml", "x.h5"]);
}

/// Law 6: problems are found before anything is written, all together, sorted by place.
#[test]
fn law6_refuse_early_and_together() {
    let dir = tempdir();
    let dir = dir.path();
    write(
        dir,
        "m.toml",
        "[dataset.\"/x\"]\ndtype = \"i5\"\nshape = [4]\n[dataset.\"/y\"]\ndtype = \"i1\"\nshape = [\"tme\"]\nfil = 3\n[dims]\ntime = 2\n",
    );
    let output = run(dir, &["build", "m.toml", "-o", "x.h5"]);
    assert_eq!(code(&output), 2);
    let said = text(&output);
    let at: Vec<usize> =
        ["m.toml:3:9", "m.toml:7:10", "m.toml:8:1"].iter().map(|p| said.find(p).unwrap_or_else(|| panic!("{p} in {said}"))).collect();
    assert!(at.is_sorted());
    assert!(said.contains("did you mean `time`?") && said.contains("did you mean `fill`?"));
    assert_eq!(names(dir), ["m.toml"].map(String::from).into());
}

/// Law 7: memory does not grow with the dataset.
#[test]
fn law7_memory_is_bounded() {
    let dir = tempdir();
    let dir = dir.path();
    write(
        dir,
        "m.toml",
        "[dataset.\"/d\"]\ndtype = \"f8\"\nshape = [600, 1000, 100]\nchunks = [1, 1000, 100]\nfilters = [{ deflate = 1 }]\nfill.cycle = [1.5, 2.5]\n",
    );
    let peak = |args: &[&str]| {
        let mut child = h5mason().current_dir(dir).args(args).stdout(std::process::Stdio::null()).spawn().unwrap();
        let mut peak = 0u64;
        while child.try_wait().unwrap().is_none() {
            // The work is done by a child.
            for worker in children(child.id()) {
                let status = std::fs::read_to_string(format!("/proc/{}/status", worker.as_raw_pid())).unwrap_or_default();
                let line = status.lines().find(|l| l.starts_with("VmHWM")).and_then(|l| l.split_whitespace().nth(1)?.parse::<u64>().ok());
                peak = peak.max(line.unwrap_or(0));
            }
            std::thread::sleep(std::time::Duration::from_millis(10));
        }
        assert!(child.wait().unwrap().success());
        assert!(peak > 0, "no worker was seen");
        peak / 1024
    };
    // 458 MiB of values.
    let built = peak(&["build", "m.toml", "-o", "x.h5"]);
    let checked = peak(&["check", "--exact", "m.toml", "x.h5"]);
    assert!((1..300).contains(&built) && (1..300).contains(&checked), "peak {built} and {checked} MiB");
}

/// Law 8: damaged files are refused or read, never changed by a refusal, and never crash the command.
#[test]
fn law8_damaged_files_are_not_trusted() {
    let dir = tempdir();
    let dir = dir.path();
    write(dir, "a.toml", "[attrs]\ntitle = \"t\"\n[dataset.\"/d\"]\ndtype = \"f8\"\nshape = [50]\nfill.uniform = {}\n");
    write(dir, "b.toml", "[attrs]\ntitle = \"u\"\n[[patch]]\npath = \"/d\"\nselect = \"3:9\"\nfill = 2\n");
    good(dir, &["build", "a.toml", "-o", "x.h5"]);
    let whole = std::fs::read(dir.join("x.h5")).unwrap();
    let target = dir.join("t.h5");
    for cut in (0..whole.len()).step_by(256) {
        std::fs::write(&target, &whole[..cut]).unwrap();
        for command in ["plan", "apply"] {
            let output = run(dir, &[command, "b.toml", "t.h5"]);
            assert_eq!(code(&output), 2, "cut at {cut}: {}", text(&output));
            assert!(text(&output).contains("t.h5"), "{}", text(&output));
            assert_eq!(std::fs::read(&target).unwrap(), &whole[..cut]);
        }
    }
    std::fs::remove_file(&target).unwrap();
    for bad in ["..", "/dev/null", "missing/x.h5"] {
        let output = run(dir, &["apply", "b.toml", bad]);
        assert_eq!(code(&output), 2, "{}", text(&output));
    }
    assert_eq!(names(dir), ["a.toml", "b.toml", "x.h5"].map(String::from).into());
}

/// Texts, UUIDs and permutations that are managed: what somebody changed is found, also among texts so long that few make a block.
#[test]
fn law2_texts_and_permutations() {
    let dir = tempdir();
    let exact = |path: &str, keys: &str| format!("[dataset.\"{path}\"]\n{keys}\nshape = [3000]\nchunks = [700]\ncontents = \"exact\"\n");
    let all = [
        exact("/long", "dtype = \"str\"\nfill.text = { length = [0, 4096], alphabet = \"aß\" }"),
        exact("/short", "dtype = \"S12\"\nfill.text = { length = 12 }\nfill.missing = { fraction = 0.1, value = \"none\" }"),
        exact("/id", "dtype = \"str\"\nfill.uuid = {}"),
        exact("/order", "dtype = \">u2\"\nfill.permutation = {}"),
    ];
    write(dir.path(), "a.toml", &all.concat());
    let patch = |path: &str, value: &str| format!("[[patch]]\npath = \"{path}\"\nselect = 2718\nfill = {value}\n");
    let changes = [patch("/long", "\"x\""), patch("/short", "\"x\""), patch("/id", "\"x\""), patch("/order", "3000")];
    write(dir.path(), "b.toml", &changes.concat());
    good(dir.path(), &["build", "a.toml", "-o", "x.h5"]);
    good(dir.path(), &["check", "a.toml", "x.h5"]);
    good(dir.path(), &["apply", "b.toml", "x.h5"]);
    assert_eq!(code(&run(dir.path(), &["check", "a.toml", "x.h5"])), 1, "four elements differ");
    good(dir.path(), &["apply", "a.toml", "x.h5"]);
    good(dir.path(), &["check", "a.toml", "x.h5"]);
}

/// Law 3: a plan whose steps are as many as now, but others, is stale.
#[test]
fn law3_a_plan_with_other_values_is_stale() {
    let dir = tempdir();
    let dir = dir.path();
    write(dir, "a.toml", TWO);
    write(dir, "b.toml", "[attrs]\ntitle = \"u\"\n");
    write(dir, "c.toml", "[attrs]\ntitle = \"somebody else's\"\n");
    good(dir, &["build", "a.toml", "-o", "x.h5"]);
    good(dir, &["plan", "b.toml", "x.h5", "--out", "p.json"]);
    good(dir, &["apply", "c.toml", "x.h5"]);
    let changed = sha(&dir.join("x.h5"));
    let output = run(dir, &["apply", "b.toml", "x.h5", "--plan", "p.json"]);
    assert_eq!(code(&output), 2);
    assert!(text(&output).contains("stale"), "{}", text(&output));
    assert_eq!(sha(&dir.join("x.h5")), changed);
}

/// Law 4: what does not verify is not put into place. An input that changes all the time never verifies.
#[test]
fn law4_what_does_not_verify_is_thrown_away() {
    use std::os::unix::fs::FileExt;
    use std::sync::atomic::{AtomicBool, Ordering};
    let dir = tempdir();
    let dir = dir.path();
    write(dir, "a.toml", "[dataset.\"/d\"]\ndtype = \"u1\"\nshape = [8000000]\nfill = 0\n");
    write(dir, "b.toml", "[[patch]]\npath = \"/d\"\nfill.raw = \"v.bin\"\n");
    std::fs::write(dir.join("v.bin"), vec![0; 8_000_000]).unwrap();
    let input = std::fs::OpenOptions::new().write(true).open(dir.join("v.bin")).unwrap();
    let stop = AtomicBool::new(false);
    let refused = std::thread::scope(|scope| {
        let _stopped = AtEnd(|| stop.store(true, Ordering::Relaxed));
        scope.spawn(|| {
            let mut count = 0u64;
            while !stop.load(Ordering::Relaxed) {
                count += 1;
                input.write_all_at(&count.to_le_bytes(), 0).unwrap();
            }
        });
        // On a busy machine the thread may rest just between writing and verifying: then once more.
        (0..20).any(|_| {
            good(dir, &["build", "a.toml", "-o", "x.h5", "--force"]);
            let before = sha(&dir.join("x.h5"));
            let output = run(dir, &["apply", "b.toml", "x.h5"]);
            let refused = code(&output) == 2 && text(&output).contains("not as declared");
            refused && sha(&dir.join("x.h5")) == before
        })
    });
    assert!(refused, "apply must refuse what does not verify, and leave the old bytes");
    assert_eq!(names(dir), ["a.toml", "b.toml", "v.bin", "x.h5"].map(String::from).into());
}

/// Law 4: the new file keeps the old one's mode and extended attributes; a file with two names is refused.
#[test]
fn law4_the_file_around_the_bytes_stays() {
    use std::os::unix::fs::{MetadataExt, PermissionsExt};
    let dir = tempdir();
    let dir = dir.path();
    write(dir, "a.toml", TWO);
    write(dir, "b.toml", "[attrs]\ntitle = \"new\"\n");
    good(dir, &["build", "a.toml", "-o", "x.h5"]);
    let file = dir.join("x.h5");
    let mode = || std::fs::metadata(&file).unwrap().permissions().mode() & 0o7777;
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o614)).unwrap();
    // Not every file system has extended attributes.
    let has = rustix::fs::setxattr(&file, "user.note", b"kept", rustix::fs::XattrFlags::empty()).is_ok();
    good(dir, &["apply", "b.toml", "x.h5", "--commit", "replace"]);
    assert_eq!(mode(), 0o614);
    if has {
        let mut value = [0u8; 16];
        let size = rustix::fs::getxattr(&file, "user.note", &mut value).unwrap();
        assert_eq!(&value[..size], b"kept");
    }
    good(dir, &["build", "a.toml", "-o", "x.h5", "--force"]);
    assert_eq!(mode(), 0o614, "build --force keeps the mode");

    std::fs::hard_link(&file, dir.join("y.h5")).unwrap();
    let before = sha(&file);
    let output = run(dir, &["apply", "b.toml", "x.h5", "--commit", "replace"]);
    assert_eq!(code(&output), 2);
    assert!(text(&output).contains("2 hard links"), "{}", text(&output));
    assert_eq!((sha(&file), sha(&dir.join("y.h5"))), (before.clone(), before));
    let inode = std::fs::metadata(&file).unwrap().ino();
    good(dir, &["apply", "b.toml", "x.h5"]);
    let after = std::fs::metadata(&file).unwrap();
    assert_eq!((after.ino(), after.nlink(), mode()), (inode, 2, 0o614));
    good(dir, &["check", "b.toml", "y.h5"]);
}

/// Law 6: `apply` opens every input before it writes, and says all that is wrong with them at their places.
#[test]
fn law6_inputs_are_opened_before_an_apply() {
    let dir = tempdir();
    let dir = dir.path();
    write(dir, "a.toml", TWO);
    let header = format!("{:<117}\n", "{'descr': '<f8', 'fortran_order': False, 'shape': (2, 3), }");
    let turned = [&b"\x93NUMPY\x01\x00\x76\x00"[..], header.as_bytes(), &[0; 48]].concat();
    std::fs::write(dir.join("e.npy"), turned).unwrap();
    let entry = |name: &str| format!("[dataset.\"/{name}\"]\ndtype = \"f8\"\nshape = [3, 2]\nfill.npy = \"{name}.npy\"\n");
    write(dir, "b.toml", &(entry("e") + &entry("f")));
    good(dir, &["build", "a.toml", "-o", "x.h5"]);
    let before = sha(&dir.join("x.h5"));
    let output = run(dir, &["apply", "b.toml", "x.h5"]);
    assert_eq!(code(&output), 2);
    let said = text(&output);
    for part in ["b.toml:5:", "the file holds [2, 3], the dataset is [3, 2]", "b.toml:9:", "f.npy: no such file"] {
        assert!(said.contains(part), "{part:?} in {said}");
    }
    assert_eq!(sha(&dir.join("x.h5")), before);
}

/// Law 5: a dataset that has grown holds what one that was built in its size holds.
#[test]
fn law5_growth_makes_the_values_of_a_whole() {
    let dir = tempdir();
    let dir = dir.path();
    let body = |rows: u32| {
        format!(
            "seed = 3\n[dataset.\"/d\"]\ndtype = \"f8\"\nshape = [{rows}, 5]\nmaxshape = [\"unlimited\", 5]\nchunks = [4, 5]\nfill.uniform = {{}}\n"
        )
    };
    write(dir, "small.toml", &body(3));
    write(dir, "large.toml", &body(9));
    good(dir, &["build", "small.toml", "-o", "x.h5"]);
    good(dir, &["apply", "large.toml", "x.h5"]);
    good(dir, &["check", "--exact", "large.toml", "x.h5"]);
    good(dir, &["build", "large.toml", "-o", "y.h5"]);
    assert!(differences(&snapshot(&dir.join("x.h5")), &snapshot(&dir.join("y.h5"))).is_empty());
}

/// Law 1: consent to destroy one thing is no consent to destroy another.
#[test]
fn law1_consent_is_for_what_it_names() {
    let dir = tempdir();
    let dir = dir.path();
    write(dir, "a.toml", "[group.\"/a\"]\n[group.\"/b\"]\n");
    write(dir, "b.toml", "[[remove]]\npath = \"/a\"\n[[remove]]\npath = \"/b\"\n");
    good(dir, &["build", "a.toml", "-o", "x.h5"]);
    let before = sha(&dir.join("x.h5"));
    let output = run(dir, &["apply", "b.toml", "x.h5", "--allow", "destructive=/a"]);
    assert_eq!(code(&output), 2);
    assert!(text(&output).contains("destroy /b"), "{}", text(&output));
    assert_eq!(sha(&dir.join("x.h5")), before);
    good(dir, &["apply", "b.toml", "x.h5", "--allow", "destructive=/a", "--allow", "destructive=/b"]);
}

/// What the including manifest says wins over what is included.
#[test]
fn includes_are_beneath() {
    let dir = tempdir();
    let dir = dir.path();
    let data = "[dataset.\"/d\"]\ndtype = \"f8\"\nshape = [5]\nfill.uniform = {}\n";
    write(dir, "base.toml", &format!("seed = 1\n[attrs]\na = 1\nb = 1\n{data}"));
    write(dir, "top.toml", "include = [\"base.toml\"]\nseed = 2\n[attrs]\na = 2\n");
    write(dir, "plain.toml", &format!("seed = 2\n[attrs]\na = 2\nb = 1\n{data}"));
    good(dir, &["build", "top.toml", "-o", "x.h5"]);
    good(dir, &["build", "plain.toml", "-o", "y.h5"]);
    assert_eq!(sha(&dir.join("x.h5")), sha(&dir.join("y.h5")));
}

/// Law 1: what a fill began with is somebody's own from then on, unless `contents = "exact"` says otherwise.
#[test]
fn law1_contents_are_left_alone() {
    let dir = tempdir();
    let dir = dir.path();
    write(dir, "a.toml", TWO);
    write(dir, "b.toml", "[[patch]]\npath = \"/d\"\nselect = \"3:9\"\nfill = 2\n");
    write(dir, "c.toml", &format!("{TWO}attrs.new = 1\n"));
    good(dir, &["build", "a.toml", "-o", "x.h5"]);
    good(dir, &["apply", "b.toml", "x.h5"]);
    let before = snapshot(&dir.join("x.h5"));
    good(dir, &["apply", "c.toml", "x.h5"]);
    assert_eq!(differences(&before, &snapshot(&dir.join("x.h5"))), ["/d@new"]);
    assert_eq!(code(&run(dir, &["check", "--exact", "a.toml", "x.h5"])), 1);
}

/// A group's dimension is its members'; the file's is everybody else's.
#[test]
fn dimensions_belong_to_their_group() {
    let dir = tempdir();
    let dir = dir.path();
    let data = |path: &str, size: &str| format!("[dataset.\"/{path}\"]\ndtype = \"i2\"\nshape = [{size}]\n");
    let named: String = ["d", "g/d", "g/h/d", "k/d"].iter().map(|path| data(path, "\"t\"")).collect();
    write(dir, "named.toml", &format!("[dims]\nt = 2\n[group.\"/g\"]\ndims.t = 3\n{named}"));
    let plain = data("d", "2") + &data("g/d", "3") + &data("g/h/d", "3") + &data("k/d", "2");
    write(dir, "plain.toml", &format!("[group.\"/g\"]\n{plain}"));
    good(dir, &["build", "named.toml", "-o", "x.h5"]);
    good(dir, &["check", "plain.toml", "x.h5"]);
}
