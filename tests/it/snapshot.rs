//! Everything h5mason's own reader sees of a file, for "nothing else changed".

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use h5mason::h5::{File, Kind, Link, Locking, Object};
use h5mason::model::{H5Path, Region};

/// Facts by path; attributes as `path@name`.
pub type Snapshot = BTreeMap<String, String>;

/// Reads a whole (small) file.
pub fn snapshot(path: &Path) -> Snapshot {
    let file = File::open(path, Locking::Off).unwrap();
    let mut out = Snapshot::new();
    let mut seen = BTreeSet::new();
    visit(file.root().unwrap(), &H5Path::root(), &mut seen, &mut out);
    out
}

fn visit(object: Object, path: &H5Path, seen: &mut BTreeSet<u64>, out: &mut Snapshot) {
    let info = object.info().unwrap();
    if !seen.insert(info.id.address) {
        out.insert(path.to_string(), "seen under another name".into());
        return;
    }
    for name in object.attr_names(false).unwrap() {
        let value = object.attr(&name, u64::MAX).unwrap();
        out.insert(format!("{path}@{}", h5mason::model::bytes_text(&name)), format!("{value:?}"));
    }
    match info.kind {
        Kind::Dataset => {
            let dataset = object.dataset().unwrap();
            let region = Region::whole(&dataset.shape);
            let facts = format!("{dataset:?}");
            let values = region.map(|r| format!("{:?}", object.access().unwrap().read(&r)));
            out.insert(path.to_string(), format!("{facts} {values:?}"));
        }
        Kind::Group => {
            let names = object.link_names().unwrap();
            out.insert(path.to_string(), format!("group {:?}", object.group_orders().unwrap()));
            for name in names {
                let child = path.child(&name);
                match object.link(&name).unwrap().unwrap() {
                    Link::Hard(_) => visit(object.open(&name).unwrap(), &child, seen, out),
                    other => {
                        out.insert(child.to_string(), format!("{other:?}"));
                    }
                }
            }
        }
        Kind::Type | Kind::Unknown => {
            out.insert(path.to_string(), format!("{:?}", info.kind));
        }
    }
}

/// Keys whose facts differ, were added or were lost.
pub fn differences(before: &Snapshot, after: &Snapshot) -> Vec<String> {
    let keys: BTreeSet<&String> = before.keys().chain(after.keys()).collect();
    keys.into_iter().filter(|k| before.get(*k) != after.get(*k)).cloned().collect()
}
