//! `filters` of a dataset.

use super::dtype;
use super::table::{Keys, expected};
use super::tree::{Entry, Node, Table, Val};
use crate::diag::{Finding, Span, did_you_mean};
use crate::model::{
    BitshuffleCodec, BloscCodec, BloscShuffle, Codec, Dtype, Filter, LZ4_MOST_BYTES, Scale, SzipCoding, ZSTD_HIGHEST, ZSTD_LOWEST,
};

const NAMES: [&str; 12] =
    ["shuffle", "deflate", "fletcher32", "szip", "nbit", "scaleoffset", "lzf", "zstd", "lz4", "bitshuffle", "blosc", "id"];
const KEYS: Keys = Keys {
    what: "a filter",
    known: &[
        "shuffle",
        "deflate",
        "fletcher32",
        "szip",
        "nbit",
        "scaleoffset",
        "lzf",
        "zstd",
        "lz4",
        "bitshuffle",
        "blosc",
        "id",
        "params",
        "optional",
    ],
    later: &[],
};
const SZIP: Keys = Keys { what: "szip", known: &["coding", "pixels_per_block"], later: &[] };
const SCALEOFFSET: Keys = Keys { what: "scaleoffset", known: &["min_bits", "decimals"], later: &[] };
const LZ4: Keys = Keys { what: "lz4", known: &["block_bytes"], later: &[] };
const BITSHUFFLE: Keys = Keys { what: "bitshuffle", known: &["codec", "level", "block_elements"], later: &[] };
const BLOSC: Keys = Keys { what: "blosc", known: &["codec", "level", "shuffle"], later: &[] };
/// Most parameters: HDF5's own filters have at most 4096, and more do not fit into an object header.
const MOST_PARAMS: usize = 4096;

/// One filter: a word, or a table with the filter's name as a key and perhaps `optional`.
pub(super) fn read(node: &Node) -> Result<Filter, Finding> {
    match &node.val {
        Val::Text(name) => codec(name, node.span, None).map(Filter::from),
        Val::Table(table) => {
            let entry = named(table, node)?;
            let codec = match (entry.key.as_str(), table.get("params")) {
                ("id", params) => by_number(&entry.node, params.map(|e| &e.node))?,
                (name, _) => codec(name, entry.key_span, Some(&entry.node))?,
            };
            let mut filter = Filter::from(codec);
            if let Some(stored) = table.get("params").filter(|_| entry.key != "id") {
                filter.stored = Some(params(&stored.node)?);
            }
            if let Some(entry) = table.get("optional") {
                filter.optional = entry.node.bool("`true` or `false`")?;
            }
            Ok(filter)
        }
        _ => Err(expected("a filter, such as \"shuffle\" or { deflate = 4 }", node)),
    }
}

/// The one entry that names the filter.
fn named<'a>(table: &'a Table, node: &Node) -> Result<&'a Entry, Finding> {
    let mut found: Option<&Entry> = None;
    for entry in table.entries.iter().filter(|e| !matches!(e.key.as_str(), "params" | "optional")) {
        if !NAMES.contains(&entry.key.as_str()) {
            return Err(unknown(&entry.key, entry.key_span, true));
        }
        if let Some(first) = found {
            return Err(Finding::error("two-variants", format!("a filter is either `{}` or `{}`, not both", first.key, entry.key))
                .at(entry.key_span, "")
                .at(first.key_span, "the other one")
                .help("each filter is an element of the list: filters = [\"shuffle\", { deflate = 4 }]"));
        }
        found = Some(entry);
    }
    found.ok_or_else(|| expected("one filter, such as { deflate = 4 }", node))
}

fn unknown(name: &str, span: Span, key: bool) -> Finding {
    let zlib = (name == "gzip" || name == "zlib").then(|| "HDF5 calls it deflate: { deflate = 4 }".into());
    let help = zlib.or_else(|| did_you_mean(name, NAMES));
    let list =
        if key { format!("the keys of a filter are {}", KEYS.known.join(", ")) } else { format!("the filters are {}", NAMES.join(", ")) };
    Finding::error("unknown-filter", format!("unknown filter `{name}`")).at(span, "").help(help.unwrap_or(list))
}

/// A filter by name; without an argument it was a word.
fn codec(name: &str, span: Span, arg: Option<&Node>) -> Result<Codec, Finding> {
    let needs = |form: &str, more: &str| Finding::error("filter", format!("`{name}` needs {form}")).at(span, "").help(more);
    Ok(match (name, arg) {
        ("shuffle" | "fletcher32" | "nbit" | "lzf", arg) => {
            let alone = arg.is_none_or(|node| matches!(&node.val, Val::Table(t) if t.entries.is_empty()));
            match name {
                _ if !alone => {
                    return Err(Finding::error("filter", format!("`{name}` takes no parameter; write \"{name}\"")).at(span, ""));
                }
                "shuffle" => Codec::Shuffle,
                "fletcher32" => Codec::Fletcher32,
                "nbit" => Codec::Nbit,
                _ => Codec::Lzf,
            }
        }
        ("deflate", None) => return Err(needs("its level", "write { deflate = 4 }; 1 is fast, 9 is small")),
        ("deflate", Some(level)) => Codec::Deflate(number(level, "deflate level", 0, 9)? as u32),
        ("zstd", None) => return Err(needs("its level", "write { zstd = 3 }; 1 is fast, 22 is small")),
        ("zstd", Some(level)) => Codec::Zstd(number(level, "zstd level", ZSTD_LOWEST.into(), ZSTD_HIGHEST.into())? as i32),
        ("lz4", None) => Codec::Lz4 { block_bytes: 0 },
        ("lz4", Some(node)) => {
            let block = LZ4.table(node)?.get("block_bytes");
            let block_bytes = block.map_or(Ok(0), |e| number(&e.node, "block_bytes", 1, LZ4_MOST_BYTES.into()))?;
            Codec::Lz4 { block_bytes: block_bytes as u32 }
        }
        ("szip", None) => return Err(needs("its parameters", "write { szip = { coding = \"nn\", pixels_per_block = 8 } }")),
        ("szip", Some(node)) => {
            let table = SZIP.table(node)?;
            let coding = match dtype::word(Some(table.need("coding", "szip", node.span)?), &["nn", "ec"])? {
                Some("ec") => SzipCoding::Ec,
                _ => SzipCoding::Nn,
            };
            let pixels = table.need("pixels_per_block", "szip", node.span)?;
            let pixels_per_block = number(pixels, "pixels_per_block", 2, 32)? as u32;
            if pixels_per_block % 2 == 1 {
                return Err(Finding::error("filter", format!("pixels_per_block {pixels_per_block} is not even")).at(pixels.span, ""));
            }
            Codec::Szip { coding, pixels_per_block }
        }
        ("scaleoffset", None) => {
            return Err(needs(
                "to know how",
                "write { scaleoffset = { min_bits = 0 } } for integers, { scaleoffset = { decimals = 3 } } for floats",
            ));
        }
        ("scaleoffset", Some(node)) => {
            let entry = super::table::variant(&SCALEOFFSET, &[], SCALEOFFSET.table(node)?, node.span)?;
            Codec::ScaleOffset(match entry.key.as_str() {
                "decimals" => Scale::Float { decimals: number(&entry.node, "decimals", 0, i32::MAX.into())? as u32 },
                _ => Scale::Integer { min_bits: number(&entry.node, "min_bits", 0, 64)? as u32 },
            })
        }
        ("bitshuffle", None) => {
            return Err(needs("its codec", "write { bitshuffle = { codec = \"lz4\" } }; the codecs are none, lz4, zstd"));
        }
        ("bitshuffle", Some(node)) => bitshuffle(BITSHUFFLE.table(node)?, node.span)?,
        ("blosc", None) => {
            let codecs = BloscCodec::ALL.map(BloscCodec::word).join(", ");
            return Err(needs("its codec", &format!("write {{ blosc = {{ codec = \"lz4\" }} }}; the codecs are {codecs}")));
        }
        ("blosc", Some(node)) => {
            let table = BLOSC.table(node)?;
            let word = dtype::word(Some(table.need("codec", "blosc", node.span)?), &BloscCodec::ALL.map(BloscCodec::word))?;
            let codec = BloscCodec::ALL.into_iter().find(|c| Some(c.word()) == word).unwrap_or(BloscCodec::Lz4);
            let word = dtype::word(table.get("shuffle").map(|e| &e.node), &BloscShuffle::ALL.map(BloscShuffle::word))?;
            let shuffle = BloscShuffle::ALL.into_iter().find(|s| Some(s.word()) == word).unwrap_or(BloscShuffle::Byte);
            let level = table.get("level").map_or(Ok(5), |e| number(&e.node, "blosc level", 0, 9))? as u32;
            Codec::Blosc { codec, level, shuffle }
        }
        ("id", None) => return Err(needs("a number", "write { id = 32015, params = [3] }")),
        (name, _) => return Err(unknown(name, span, false)),
    })
}

fn bitshuffle(table: &Table, span: Span) -> Result<Codec, Finding> {
    let word = dtype::word(Some(table.need("codec", "bitshuffle", span)?), &["none", "lz4", "zstd"])?;
    let level = table.get("level");
    let then = match (word, level) {
        (Some("zstd"), level) => BitshuffleCodec::Zstd(level.map_or(Ok(3), |e| number(&e.node, "zstd level", 0, 22))? as u32),
        (Some(word), Some(e)) => {
            return Err(Finding::error("filter", format!("the codec {word} of bitshuffle has no level")).at(e.key_span, ""));
        }
        (Some("none"), None) => BitshuffleCodec::None,
        _ => BitshuffleCodec::Lz4,
    };
    let Some(block) = table.get("block_elements") else { return Ok(Codec::Bitshuffle { then, block_elements: 0 }) };
    let block_elements = number(&block.node, "block_elements", 8, i32::MAX.into())? as u32;
    if !block_elements.is_multiple_of(8) {
        return Err(Finding::error("filter", format!("block_elements {block_elements} is not a multiple of 8")).at(block.node.span, ""));
    }
    Ok(Codec::Bitshuffle { then, block_elements })
}

/// All parameters as HDF5 stores them.
fn params(node: &Node) -> Result<Vec<u32>, Finding> {
    let list = node.list("a list of numbers")?;
    if list.len() > MOST_PARAMS {
        return Err(Finding::error("filter", format!("{} parameters are too many; at most {MOST_PARAMS}", list.len())).at(node.span, ""));
    }
    list.iter().map(|n| number(n, "a parameter", 0, u32::MAX.into()).map(|v| v as u32)).collect()
}

/// `{ id = 32015, params = [3] }`: a filter that has a name becomes the same as by its name.
fn by_number(id: &Node, params: Option<&Node>) -> Result<Codec, Finding> {
    let number_of = number(id, "the number of a filter", 1, 65_535)? as i32;
    if matches!(number_of, 7..=255) {
        return Err(
            Finding::error("filter", format!("filter numbers below 256 are HDF5's own, and it has no filter {number_of}")).at(id.span, "")
        );
    }
    let values: Vec<u32> = params.map_or(Ok(Vec::new()), self::params)?;
    if let (32008, 3, Some(node)) = (number_of, values.len(), params) {
        return Err(Finding::error("filter", "three parameters of bitshuffle may be what a program gives or what a file has")
            .at(node.span, "")
            .help("write { bitshuffle = { codec = \"zstd\", level = 3 } }"));
    }
    Ok(Codec::canonical(number_of, &values))
}

/// A whole number in a range; `what` names it: `deflate level`.
fn number(node: &Node, what: &str, low: i64, high: i64) -> Result<i64, Finding> {
    let v = node.int(&format!("a whole number from {low} to {high}"))?;
    match i64::try_from(v) {
        Ok(number) if (low..=high).contains(&number) => Ok(number),
        _ => Err(Finding::error("filter", format!("{what} {v} is not {low} to {high}")).at(node.span, "")),
    }
}

/// What HDF5 would refuse when the dataset is created; without its place.
pub(super) fn check(filter: &Filter, dtype: &Dtype, chunk: &[u64]) -> Option<Finding> {
    let dtype = dtype.resolved();
    let problem = match &filter.codec {
        Codec::ScaleOffset(scale) => scaleoffset(*scale, dtype)?,
        Codec::Szip { pixels_per_block, .. } => szip(*pixels_per_block, dtype, chunk)?,
        Codec::Shuffle
        | Codec::Deflate(_)
        | Codec::Fletcher32
        | Codec::Nbit
        | Codec::Lzf
        | Codec::Zstd(_)
        | Codec::Lz4 { .. }
        | Codec::Bitshuffle { .. }
        | Codec::Blosc { .. }
        | Codec::Other { .. } => return None,
    };
    Some(Finding::error("filter", problem.0).help(problem.1))
}

/// Problem and remedy.
fn scaleoffset(scale: Scale, dtype: &Dtype) -> Option<(String, String)> {
    let size = dtype.size();
    match (dtype, scale) {
        (Dtype::Int(_), Scale::Integer { min_bits }) if matches!(size, 1 | 2 | 4 | 8) => (min_bits as usize > 8 * size).then(|| {
            (format!("scaleoffset: min_bits {min_bits} is more than {dtype} has"), "0 lets each chunk have as many as it needs".into())
        }),
        (Dtype::Float(_), Scale::Float { .. }) if matches!(size, 4 | 8) => None,
        (Dtype::Int(_), Scale::Float { .. }) => {
            Some((format!("scaleoffset: `decimals` is for floats, not for {dtype}"), "write { scaleoffset = { min_bits = 0 } }".into()))
        }
        (Dtype::Float(_), Scale::Integer { .. }) => {
            Some((format!("scaleoffset: `min_bits` is for integers, not for {dtype}"), "write { scaleoffset = { decimals = 3 } }".into()))
        }
        _ => Some((
            format!("HDF5's scaleoffset does not work on {dtype}"),
            "it takes integers of 1, 2, 4 and 8 bytes and floats of 4 and 8 bytes".into(),
        )),
    }
}

fn szip(pixels: u32, dtype: &Dtype, chunk: &[u64]) -> Option<(String, String)> {
    if !matches!(dtype, Dtype::Int(_) | Dtype::Float(_) | Dtype::Enum { .. } | Dtype::Bitfield { .. }) || !matches!(dtype.size(), 1..=4 | 8)
    {
        return Some((format!("HDF5's szip does not work on {dtype}"), "it takes numbers of at most 4 bytes, or of 8".into()));
    }
    let points = chunk.iter().fold(1u64, |n, &d| n.saturating_mul(d));
    (points < u64::from(pixels)).then(|| {
        (
            format!("szip: a block of {pixels} elements is more than the {points} of a chunk"),
            "make the chunk larger or the block smaller".into(),
        )
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::diag::{Findings, Sources};
    use crate::manifest::tree;

    fn load(text: &str) -> Result<Filter, Finding> {
        let mut sources = Sources::default();
        let text = format!("f = {text}");
        let id = sources.add("m.toml", &*text, ".");
        let mut findings = Findings::new();
        let table = tree::parse(id, &text, &mut findings);
        assert!(findings.is_empty(), "{text}: {findings:?}");
        read(&table.entries[0].node)
    }

    #[test]
    fn both_spellings_are_equal() {
        for (one, other) in [
            ("\"shuffle\"", "{ id = 2 }"),
            ("\"shuffle\"", "{ shuffle = {} }"),
            ("{ zstd = 3 }", "{ id = 32015, params = [3] }"),
            ("{ zstd = 3 }", "{ id = 32015 }"),
            ("\"lz4\"", "{ lz4 = {}, optional = true }"),
            ("{ bitshuffle = { codec = \"lz4\" } }", "{ id = 32008, params = [0, 2] }"),
            ("{ bitshuffle = { codec = \"zstd\" } }", "{ id = 32008, params = [0, 4, 8, 0, 3, 3] }"),
            ("{ blosc = { codec = \"lz4\" } }", "{ id = 32001, params = [0, 0, 0, 0, 5, 1, 1] }"),
            ("{ szip = { coding = \"nn\", pixels_per_block = 8 } }", "{ id = 4, params = [32, 8] }"),
        ] {
            assert_eq!(load(one).unwrap(), load(other).unwrap(), "{one} {other}");
        }
        assert_ne!(load("\"shuffle\"").unwrap(), load("{ shuffle = {}, optional = false }").unwrap());
    }

    #[test]
    fn what_is_wrong() {
        for (text, words) in [
            ("\"gzip\"", "unknown filter `gzip`"),
            ("{ zstd = 23 }", "zstd level 23 is not -131072 to 22"),
            ("{ szip = { coding = \"nn\", pixels_per_block = 7 } }", "not even"),
            ("{ bitshuffle = { codec = \"lz4\", level = 3 } }", "has no level"),
            ("{ bitshuffle = { codec = \"lz4\", block_elements = 12 } }", "multiple of 8"),
            ("{ shuffle = {}, deflate = 1 }", "not both"),
            ("{ zstd = 3, params = [-3] }", "is not 0 to 4294967295"),
            ("{ id = 200 }", "HDF5's own"),
            ("{ id = 305, params = [-1] }", "is not 0 to 4294967295"),
            ("{ id = 32008, params = [0, 3, 3] }", "three parameters"),
            ("{ scaleoffset = { min_bits = 1, decimals = 1 } }", "not both"),
            ("{ scaleoffset = {} }", "needs one of"),
            ("{ optional = true }", "expected one filter"),
            ("\"blosc\"", "needs its codec"),
        ] {
            let finding = load(text).unwrap_err();
            assert!(finding.message.contains(words), "{text}: {}", finding.message);
        }
    }

    #[test]
    fn what_hdf5_refuses() {
        let wrong =
            |text: &str, dtype: Dtype, chunk: &[u64]| check(&load(text).unwrap(), &dtype, chunk).map(|f| f.message).unwrap_or_default();
        assert_eq!(wrong("{ scaleoffset = { min_bits = 0 } }", Dtype::int(4, true), &[4]), "");
        assert!(wrong("{ scaleoffset = { min_bits = 0 } }", Dtype::str(), &[4]).contains("does not work on"));
        assert!(wrong("{ scaleoffset = { min_bits = 9 } }", Dtype::int(1, true), &[4]).contains("more than"));
        assert!(wrong("{ scaleoffset = { decimals = 1 } }", Dtype::int(1, true), &[4]).contains("for floats"));
        assert!(wrong("{ szip = { coding = \"ec\", pixels_per_block = 8 } }", Dtype::int(4, true), &[7]).contains("7 of a chunk"));
        assert!(wrong("{ szip = { coding = \"ec\", pixels_per_block = 8 } }", Dtype::str(), &[9]).contains("szip does not work"));
    }

    proptest! {
        #[test]
        fn the_text_of_a_filter_is_that_filter(
            id in prop_oneof![Just(1), Just(2), Just(3), Just(4), Just(5), Just(6), Just(32000), Just(32001), Just(32004), Just(32008), Just(32015), Just(305)],
            params in proptest::collection::vec(prop_oneof![0u32..12, 0u32..200, any::<u32>()], 0..9),
            optional in any::<bool>(),
        ) {
            let filter = Filter { codec: Codec::canonical(id, &params), optional, stored: None };
            let text = filter.manifest_text();
            prop_assert_eq!(load(&text).map_err(|f| f.message), Ok(filter), "{}", text);
        }
    }
}
