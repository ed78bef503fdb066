//! A file as the manifest that builds it again: file → text, and files beside it for long contents.
//!
//! The input is only read. Everything is looked at before anything is written, and whatever a manifest cannot
//! say is reported together.

mod attr;
mod contents;
mod dataset;
mod dtype;
mod file;
mod literal;
mod rule;
mod sidecar;
mod text;
mod walk;

use crate::diag::{Finding, Findings};
use crate::h5::{File, H5Error};
use crate::model::{Glob, H5Path};

pub use sidecar::Sidecar;

/// Where contents go that are not a rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Data {
    /// Short ones into the manifest, long ones beside it.
    Auto,
    /// Into the manifest.
    Inline,
    /// Beside the manifest.
    Sidecar,
    /// Nowhere: no contents at all, rules neither.
    None,
}

/// How to go about it.
#[derive(Clone, Debug)]
pub struct Options {
    /// Where contents go.
    pub data: Data,
    /// Objects to capture, with all that is below them; none means all.
    pub targets: Vec<Glob>,
    /// Objects to leave out, with all that is below them.
    pub excludes: Vec<Glob>,
    /// Name of the folder for contents as the manifest is to name it; without one they are left out.
    pub folder: Option<String>,
    /// The file's name for `[file] path`.
    pub name: String,
    /// The manifest's name for the header, if it has one.
    pub manifest: Option<String>,
}

/// A captured file.
#[derive(Clone, Debug)]
pub struct Captured {
    /// The manifest.
    pub text: String,
    /// Files that it refers to, still to be written.
    pub sidecars: Vec<Sidecar>,
    /// The userblock's bytes, if there are any but zeros and there is a folder.
    pub userblock: Option<Userblock>,
    /// Datasets whose contents were left out because there is no folder for them.
    pub left_out: Vec<H5Path>,
}

/// The bytes in front of the HDF5 data, to be written to a file of their own.
#[derive(Clone, Debug)]
pub struct Userblock {
    /// The folder as the manifest names it.
    pub folder: String,
    /// The file's name in it.
    pub name: String,
    /// The bytes, without zeros at the end.
    pub bytes: Vec<u8>,
}

/// The userblock, where it holds anything. Fails with a line.
fn userblock(file: &File, size: u64, options: &Options) -> Result<Option<Userblock>, String> {
    let Some(folder) = options.folder.clone().filter(|_| size > 0 && options.data != Data::None) else { return Ok(None) };
    let failed = |e: std::io::Error| format!("cannot read the userblock of {}: {e}", file.name());
    let mut bytes = Vec::new();
    let input = std::fs::File::open(file.name()).map_err(failed)?;
    std::io::Read::read_to_end(&mut std::io::Read::take(input, size), &mut bytes).map_err(failed)?;
    bytes.truncate(bytes.iter().rposition(|b| *b != 0).map_or(0, |at| at + 1));
    Ok((!bytes.is_empty()).then(|| Userblock { folder, name: "userblock.bin".into(), bytes }))
}

/// Describes an open file. Errors: everything that cannot be said, or read.
pub fn capture(file: &File, options: &Options) -> Result<Captured, Findings> {
    let unreadable = |e: H5Error| Findings::from(Finding::error("unreadable", e.to_string()));
    let info = file.info().map_err(unreadable)?;
    let root = file.root().map_err(unreadable)?;
    let orders = root.group_orders().map_err(unreadable)?;
    let version = root.header_version().map_err(unreadable)?;
    let userblock = userblock(file, info.userblock, options).map_err(|e| Findings::from(Finding::error("capture", e)))?;
    let name = userblock.as_ref().map(|block| format!("{}/{}", block.folder, block.name));
    let header = file::header(&info, version, orders, options, name.as_deref());
    let mut captured = walk::walk(file, root, orders, header, info.size, options)?;
    captured.userblock = userblock;
    Ok(captured)
}

#[cfg(test)]
pub(super) mod testing {
    //! What several tests of this module need.

    use proptest::prelude::*;

    use crate::manifest::{Loaded, Overrides, load};
    use crate::model::{Charset, CompoundMember, Dtype, EnumMember, FloatType, IntType, Order, Padding, StringLength, StringType};

    /// The manifest of this text, which must be sound.
    #[allow(clippy::disallowed_methods, reason = "a test's own folder")]
    pub fn load_text(text: &str) -> Loaded {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("m.toml");
        std::fs::write(&path, text).unwrap();
        load(&path, &Overrides::default()).unwrap_or_else(|(_, findings)| panic!("{text}\n{:#?}", findings.sorted()))
    }

    fn order() -> impl Strategy<Value = Order> {
        prop_oneof![Just(Order::Little), Just(Order::Big)]
    }

    fn int() -> impl Strategy<Value = IntType> {
        let standard = (prop_oneof![Just(1usize), Just(2), Just(4), Just(8)], any::<bool>(), order());
        let odd = (1usize..6, any::<bool>(), order(), 1usize..9, 0usize..3, 0u8..2, 0u8..2).prop_map(
            |(size, signed, order, bits, offset, low, high)| {
                let order = if size == 1 { Order::Little } else { order };
                let precision = bits.min(size * 8 - offset).max(2);
                IntType { size, signed, order, precision, offset, pads: (low, high) }
            },
        );
        prop_oneof![2 => standard.prop_map(|(size, signed, order)| IntType::standard(size, signed, order)), 1 => odd]
    }

    fn float() -> impl Strategy<Value = FloatType> {
        let ieee = (prop_oneof![Just(2usize), Just(4), Just(8)], order()).prop_map(|(size, order)| FloatType::ieee(size, order));
        let odd = (order(), 0u8..3, 0u8..2).prop_map(|(order, norm, pad)| FloatType {
            size: 16,
            order: Some(order),
            precision: 80,
            offset: 3,
            fields: [82, 67, 15, 3, 64],
            bias: 16383,
            norm,
            pads: (pad, 0, pad),
        });
        let small = prop_oneof![Just(FloatType::bf16()), Just(FloatType::f8e4m3()), Just(FloatType::f8e5m2())];
        prop_oneof![3 => ieee, 1 => odd, 1 => small]
    }

    fn string() -> impl Strategy<Value = StringType> {
        let charset = prop_oneof![Just(Charset::Ascii), Just(Charset::Utf8)];
        let padding = prop_oneof![Just(Padding::NullTerm), Just(Padding::NullPad), Just(Padding::SpacePad)];
        (1usize..6, charset, padding).prop_map(|(n, charset, padding)| StringType { length: StringLength::Fixed(n), charset, padding })
    }

    fn name(i: usize) -> Vec<u8> {
        [&b"x"[..], b"y z", b"\xff\n", b"$a", b"a.\"b\"", b"bytes"][i % 6].to_vec()
    }

    /// Types without outside data.
    pub fn dtypes() -> impl Strategy<Value = Dtype> {
        let leaf = prop_oneof![
            int().prop_map(Dtype::Int),
            float().prop_map(Dtype::Float),
            string().prop_map(Dtype::String),
            Just(Dtype::bool()),
            (prop_oneof![Just(2usize), Just(4), Just(8)], order()).prop_map(|(size, order)| Dtype::complex(size, order)),
            float().prop_map(Dtype::Complex),
            int().prop_map(|t| Dtype::Bitfield(IntType { signed: false, ..t })),
            (1usize..6, prop_oneof![Just(&b""[..]), Just(&b"tag $\xff"[..])])
                .prop_map(|(size, tag)| Dtype::Opaque { size, tag: tag.to_vec() }),
            (int(), 1usize..4).prop_map(|(base, n)| {
                let n = n.min(base.range().1.saturating_add(1).min(9) as usize);
                Dtype::Enum { base, members: (0..n).map(|i| EnumMember { name: name(i), value: i as i128 }).collect() }
            }),
        ];
        leaf.prop_recursive(3, 12, 4, |inner| {
            prop_oneof![
                (inner.clone(), proptest::collection::vec(1u64..4, 1..3))
                    .prop_map(|(base, dims)| Dtype::Array { base: Box::new(base), dims }),
                (proptest::collection::vec((inner, 0usize..3), 1..4), 0usize..3, 0usize..6).prop_map(|(parts, more, first)| {
                    let mut end = 0;
                    let members = parts.into_iter().enumerate().map(|(i, (dtype, gap))| {
                        let offset = end + gap;
                        end = offset + dtype.size();
                        CompoundMember { name: name(first + i), offset, dtype }
                    });
                    let mut members: Vec<CompoundMember> = members.collect();
                    // A lone field of this name hides the escape: what lies between members cannot be said then.
                    if let [one] = members.as_mut_slice() {
                        one.name = b"x".to_vec();
                    }
                    Dtype::Compound { size: end + more, members }
                }),
            ]
        })
    }
}
