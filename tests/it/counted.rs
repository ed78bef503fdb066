//! What a small change in a large file costs.

use std::os::unix::fs::MetadataExt;
use std::path::Path;

use h5mason::apply::{Options, apply};
use h5mason::manifest::{Overrides, load};

use crate::common::{h5mason, run_to, script, tempdir};

/// Ten GiB, of which next to nothing takes blocks.
const GIB: u64 = 10;

/// Bytes on the disk.
fn blocks(file: &Path) -> u64 {
    std::fs::metadata(file).unwrap().blocks() * 512
}

#[test]
fn one_attribute_in_ten_gibibytes() {
    let dir = tempdir();
    let file = dir.path().join("large.h5");
    script("sparse.py", &[&"make", &file, &GIB.to_string()]);
    let manifest = dir.path().join("large.h5.toml");
    let loaded = load(&manifest, &Overrides::default()).unwrap_or_else(|(_, findings)| panic!("{findings:?}"));
    let (size, before) = (std::fs::metadata(&file).unwrap().len(), blocks(&file));
    assert!(size > GIB << 30);

    let applied = apply(&loaded.desired, &file, &Options::default(), &|_| Ok(()), &mut |_| {}).unwrap();
    let receipt = applied.receipt.unwrap();
    println!("{} bytes written, {} syncs", receipt.work.written, receipt.work.syncs);
    assert!(applied.changed && receipt.uncut.is_none());
    assert!(receipt.work.written < 64 << 10, "{receipt:?}");
    assert_eq!(receipt.work.syncs, 5, "one before, four for the commit");
    assert!(blocks(&file) < before + (64 << 10), "it is as sparse as before");
    assert_eq!(std::fs::metadata(&file).unwrap().len() >> 30, GIB);
    run_to(0, h5mason().arg("check").args([&manifest, &file]));
}
