//! Sources written by hand into temporary folders and read back.

use std::io::Write;
use std::path::PathBuf;

use proptest::prelude::*;
use tempfile::TempDir;

use super::open;
use crate::model::{Dtype, Elements, FloatType, IntType, Literal, Order, Shape, SourceFile};

struct Folder(TempDir);

impl Folder {
    fn new() -> Self {
        Folder(tempfile::tempdir().unwrap())
    }

    fn write(&self, name: &str, bytes: &[u8]) -> PathBuf {
        let path = self.0.path().join(name);
        std::fs::write(&path, bytes).unwrap();
        path
    }

    fn npy(&self, descr: &str, fortran: bool, shape: &str, data: &[u8]) -> SourceFile {
        SourceFile::Npy { file: self.write("x.npy", &npy(descr, fortran, shape, data)) }
    }

    fn csv(&self, text: &str) -> SourceFile {
        let file = self.write("x.csv", text.as_bytes());
        SourceFile::Csv { file, delimiter: b',', header: false, columns: None, skip: 0, missing: None }
    }
}

fn npy(descr: &str, fortran: bool, shape: &str, data: &[u8]) -> Vec<u8> {
    let order = if fortran { "True" } else { "False" };
    let header = format!("{{'descr': '{descr}', 'fortran_order': {order}, 'shape': {shape}, }}\n");
    [b"\x93NUMPY\x01\x00".as_slice(), &(header.len() as u16).to_le_bytes(), header.as_bytes(), data].concat()
}

fn npz(name: &str, content: &[u8], stored: bool) -> Vec<u8> {
    let method = if stored { zip::CompressionMethod::Stored } else { zip::CompressionMethod::Deflated };
    let mut archive = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    archive.start_file(name, zip::write::SimpleFileOptions::default().compression_method(method)).unwrap();
    archive.write_all(content).unwrap();
    archive.finish().unwrap().into_inner()
}

/// All elements, read at once; the error is as people see it, without the folder.
fn read(source: &SourceFile, dtype: &Dtype, dims: &[u64]) -> Result<Elements, String> {
    let shape = Shape::from_dims(dims);
    let clean = |e: String| e.rsplit('/').next().unwrap_or_default().to_string();
    let mut opened = open(source, dtype, &shape).map_err(|e| clean(e.to_string()))?;
    let count = shape.elements().unwrap() as usize;
    let all = opened.read(0, count).map_err(clean)?;
    // In pieces, and backwards, it is the same.
    for start in (0..count.min(50)).rev() {
        assert_eq!(opened.read(start as u64, 1), Ok(all.slice(dtype, start, 1)));
    }
    assert!(opened.read(count as u64, 1).is_err());
    Ok(all)
}

fn le<const N: usize, T>(values: impl IntoIterator<Item = T>, bytes: impl Fn(T) -> [u8; N]) -> Vec<u8> {
    values.into_iter().flat_map(bytes).collect()
}

fn fixed(bytes: Vec<u8>) -> Result<Elements, String> {
    Ok(Elements::Fixed(bytes))
}

fn strings(list: &[&str]) -> Result<Elements, String> {
    Ok(Elements::Strings(list.iter().map(|s| Some(s.as_bytes().to_vec())).collect()))
}

#[test]
fn npy_numbers_in_every_order() {
    let folder = Folder::new();
    let little = le(0..6, i16::to_le_bytes);
    let big = le(0..6, i16::to_be_bytes);
    let i2 = Dtype::int(2, true);
    let big_i2 = Dtype::Int(IntType::standard(2, true, Order::Big));
    assert_eq!(read(&folder.npy("<i2", false, "(2, 3)", &little), &i2, &[2, 3]), fixed(little.clone()));
    assert_eq!(read(&folder.npy(">i2", false, "(2, 3)", &big), &i2, &[2, 3]), fixed(little.clone()));
    assert_eq!(read(&folder.npy(">i2", false, "(2, 3)", &big), &big_i2, &[2, 3]), fixed(big.clone()));
    assert_eq!(read(&folder.npy("<i2", false, "(6,)", &little), &big_i2, &[6]), fixed(big));
    assert_eq!(read(&folder.npy("<i2", false, "()", &little[..2]), &i2, &[]), fixed(vec![0, 0]));
    assert_eq!(read(&folder.npy("<i2", false, "(0, 3)", &[]), &i2, &[0, 3]), fixed(vec![]));
}

#[test]
fn npy_widens_without_loss_only() {
    let folder = Folder::new();
    let bytes = le([-2i8, 3], i8::to_le_bytes);
    let source = folder.npy("|i1", false, "(2,)", &bytes);
    assert_eq!(read(&source, &Dtype::int(8, true), &[2]), fixed(le([-2, 3], i64::to_le_bytes)));
    assert_eq!(read(&source, &Dtype::float(4), &[2]), fixed(le([-2.0, 3.0], f32::to_le_bytes)));
    assert_eq!(read(&source, &Dtype::float(2), &[2]), fixed(vec![0, 0xc0, 0, 0x42]));
    assert!(read(&source, &Dtype::int(8, false), &[2]).is_err());
    let floats = folder.npy(">f4", false, "(2,)", &le([1.5, -0.0], f32::to_be_bytes));
    let big_f8 = Dtype::Float(FloatType::ieee(8, Order::Big));
    assert_eq!(read(&floats, &big_f8, &[2]), fixed(le([1.5, -0.0], f64::to_be_bytes)));
    let complex = Dtype::complex(8, Order::Little);
    assert_eq!(read(&floats, &complex, &[2]), fixed(le([1.5, 0.0, -0.0, 0.0], f64::to_le_bytes)));
    let halves = folder.npy("<f2", false, "(1,)", &[0, 0x3c]);
    assert_eq!(read(&halves, &Dtype::float(8), &[1]), fixed(1f64.to_le_bytes().to_vec()));
    let complexes = folder.npy("<c8", false, "(1,)", &le([1.0, 2.0], f32::to_le_bytes));
    assert_eq!(read(&complexes, &complex, &[1]), fixed(le([1.0, 2.0], f64::to_le_bytes)));
    let refused = folder.npy("<f8", false, "(1,)", &[0; 8]);
    let error = open(&refused, &Dtype::int(4, true), &Shape::from_dims(&[1])).err().unwrap();
    assert!(error.to_string().ends_with("x.npy: float64 into i4 could lose values"));
    assert_eq!(error.help().unwrap(), "declare dtype = \"f8\" or convert the file");
    assert!(read(&folder.npy("<i8", false, "(1,)", &[0; 8]), &Dtype::float(8), &[1]).is_err());
    assert!(read(&folder.npy("<i4", false, "(1,)", &[0; 4]), &Dtype::float(4), &[1]).is_err());
    assert!(read(&folder.npy("|u1", false, "(1,)", &[0]), &Dtype::bool(), &[1]).is_err());
    assert!(read(&folder.npy("|b1", false, "(1,)", &[0]), &Dtype::int(1, false), &[1]).is_err());
}

#[test]
fn npy_bools_and_texts() {
    let folder = Folder::new();
    assert_eq!(read(&folder.npy("|b1", false, "(3,)", &[1, 0, 1]), &Dtype::bool(), &[3]), fixed(vec![1, 0, 1]));
    let bad = read(&folder.npy("|b1", false, "(1, 3)", &[1, 0, 2]), &Dtype::bool(), &[1, 3]);
    assert_eq!(bad, Err("x.npy: element [0, 2]: the byte 2 is neither true nor false".into()));
    let bytes = folder.npy("|S3", false, "(2,)", b"ab\0xyz");
    assert_eq!(read(&bytes, &Dtype::fixed_ascii(3), &[2]), fixed(b"ab\0xyz".to_vec()));
    assert_eq!(read(&bytes, &Dtype::fixed_ascii(4), &[2]), fixed(b"ab\0\0xyz\0".to_vec()));
    assert_eq!(read(&bytes, &Dtype::str(), &[2]), strings(&["ab", "xyz"]));
    assert_eq!(read(&bytes, &Dtype::fixed_ascii(2), &[2]), Err("x.npy: S3 does not fit S2".into()));
    let utf32 = |order: fn(u32) -> [u8; 4]| le(['é' as u32, 'z' as u32, 'a' as u32, 0], order);
    assert_eq!(read(&folder.npy("<U2", false, "(2,)", &utf32(u32::to_le_bytes)), &Dtype::str(), &[2]), strings(&["éz", "a"]));
    assert_eq!(read(&folder.npy(">U2", false, "(2,)", &utf32(u32::to_be_bytes)), &Dtype::str(), &[2]), strings(&["éz", "a"]));
    let ascii = read(&folder.npy("<U2", false, "(2,)", &utf32(u32::to_le_bytes)), &Dtype::fixed_ascii(9), &[2]);
    assert_eq!(ascii, Err("x.npy: element [0]: \"éz\" is not ASCII; declare a UTF-8 string".into()));
    let surrogate = read(&folder.npy("<U1", false, "(1,)", &0xd800u32.to_le_bytes()), &Dtype::str(), &[1]);
    assert_eq!(surrogate, Err("x.npy: element [0]: U+D800 is not a character".into()));
    let bytes = folder.npy("|S3", false, "(1,)", b"ab\0");
    assert!(read(&bytes, &Dtype::int(1, true), &[1]).unwrap_err().contains("S3 cannot become i1"));
}

#[test]
fn fortran_order_is_turned_around() {
    let folder = Folder::new();
    // 3000 rows keep columns short; 40 000 rows of i2 make them long enough for runs.
    for dims in [
        vec![2, 3],
        vec![3, 1, 4],
        vec![2, 3, 4, 5],
        vec![3000, 7],
        vec![40_000, 5, 3],
        vec![1, 9],
        vec![3, 2_200_000],
        vec![2, 2, 1000, 700],
    ] {
        let count: u64 = dims.iter().product();
        // The value at an index is its row-major place.
        let mut values = vec![0u32; count as usize];
        for flat in 0..count {
            let (mut rest, mut at) = (flat, 0);
            for (axis, &size) in dims.iter().enumerate().rev() {
                let stride: u64 = dims[..axis].iter().product();
                at += rest % size * stride;
                rest /= size;
            }
            values[at as usize] = flat as u32;
        }
        let data = le(values, u32::to_le_bytes);
        let shape = format!("({},)", dims.iter().map(u64::to_string).collect::<Vec<_>>().join(", "));
        let expected = fixed(le(0..count as u32, u32::to_le_bytes));
        assert!(read(&folder.npy("<u4", true, &shape, &data), &Dtype::int(4, false), &dims) == expected, "{dims:?}");
        if count < 100_000 {
            let file = folder.write("x.npz", &npz("x.npy", &npy("<u4", true, &shape, &data), false));
            assert!(read(&SourceFile::Npz { file, name: "x".into() }, &Dtype::int(4, false), &dims) == expected, "npz {dims:?}");
        }
    }
}

#[test]
fn npy_headers_are_checked() {
    let folder = Folder::new();
    let f8 = Dtype::float(8);
    let check = |source: &SourceFile, expect: &str| assert_eq!(read(source, &f8, &[4, 5]), Err(expect.to_string()));
    check(&folder.npy("<f8", false, "(4, 6)", &[0; 192]), "x.npy: the file holds [4, 6], the dataset is [4, 5]");
    check(&folder.npy("<f8", false, "(4, 5)", &[0; 159]), "x.npy: the file is cut off: 230 bytes are promised, 229 are there");
    check(&folder.npy("<f8", false, "()", &[0; 8]), "x.npy: the file holds scalar, the dataset is [4, 5]");
    check(&folder.npy("|O", false, "(4, 5)", &[]), "x.npy: the dtype \"|O\" is not supported");
    check(&folder.npy("<f16", false, "(4, 5)", &[]), "x.npy: the dtype \"<f16\" is not supported");
    check(&folder.npy("<f8", false, "(99999999999999999999,)", &[]), "x.npy: the npy header is malformed");
    check(&folder.npy("<f8", false, "(-1,)", &[]), "x.npy: the npy header is malformed");
    check(&folder.npy("<f8', 'descr': '<f8", false, "(4, 5)", &[0; 160]), "x.npy: the npy header is malformed");
    let other = |name: &str, bytes: &[u8]| SourceFile::Npy { file: folder.write(name, bytes) };
    check(&other("a.npy", b"hello, this is text"), "a.npy: not an npy file");
    check(&other("b.npy", b"\x93NUMPY\x09\x00\x10\x00............."), "b.npy: npy format version 9 is not known");
    check(
        &other("c.npy", b"\x93NUMPY\x02\x00\xff\xff\xff\xff"),
        "c.npy: the npy header of 4294967295 bytes is beyond the limit of 1048576",
    );
    check(&other("d.npy", b"\x93NUMPY\x01\x00\xff\xff{"), "d.npy: the npy header is cut off");
    check(&SourceFile::Npy { file: folder.0.path().join("none.npy") }, "none.npy: no such file");
    check(&SourceFile::Npy { file: "/dev/null".into() }, "null: not a regular file");
    let big = folder.npy("<f8", false, "(4294967296, 4294967296)", &[]);
    let error = open(&big, &f8, &Shape::from_dims(&[1 << 32, 1 << 32])).err().unwrap();
    assert!(error.cause.contains("more elements than 64 bits count"));
    assert!(open(&big, &f8, &Shape::Null).is_err());
    let structured = b"{'descr': [('a', '<f8')], 'fortran_order': False, 'shape': (4, 5), }\n";
    let bytes = [b"\x93NUMPY\x03\x00".as_slice(), &(structured.len() as u32).to_le_bytes(), structured].concat();
    check(&other("e.npy", &bytes), "e.npy: structured dtypes are not supported yet");
}

#[test]
fn npz_members() {
    let folder = Folder::new();
    // Longer than the chunks that travel at once.
    let data = le(0..500_000, u32::to_le_bytes);
    for stored in [true, false] {
        let packed = npz("a.npy", &npy("<u4", false, "(500000,)", &data), stored);
        let source = |file: PathBuf, name: &str| SourceFile::Npz { file, name: name.into() };
        let u4 = Dtype::int(4, false);
        for name in ["a", "a.npy"] {
            assert!(read(&source(folder.write("x.npz", &packed), name), &u4, &[500_000]) == fixed(data.clone()));
        }
        let file = folder.write("x.npz", &packed);
        let error = open(&source(file, "b"), &u4, &Shape::from_dims(&[500_000])).err().unwrap();
        assert_eq!((error.cause.as_str(), error.help().as_deref()), ("the archive has no member \"b\"", Some("it has: a")));
        let mut broken = packed.clone();
        broken[packed.len() / 2] ^= 0x10;
        assert!(read(&source(folder.write("y.npz", &broken), "a"), &u4, &[500_000]).is_err(), "stored: {stored}");
        assert!(read(&source(folder.write("z.npz", &packed[..1000]), "a"), &u4, &[500_000]).unwrap_err().contains("not a readable npz"));
    }
}

#[test]
fn csv_fields_by_dtype() {
    let folder = Folder::new();
    let check = |text: &str, dtype: &Dtype, dims: &[u64]| read(&folder.csv(text), dtype, dims);
    assert_eq!(check("1, 2\n3,-4\n", &Dtype::int(1, true), &[2, 2]), fixed(vec![1, 2, 3, 252]));
    assert_eq!(check("1.0,2e1\n", &Dtype::int(1, true), &[2]), fixed(vec![1, 20]));
    assert_eq!(check("18446744073709551615\n", &Dtype::int(8, false), &[]), fixed(vec![255; 8]));
    assert_eq!(check("0.1\nnan\n-inf", &Dtype::float(4), &[3]), fixed(le([0.1, f32::NAN, f32::NEG_INFINITY], f32::to_le_bytes)));
    assert_eq!(check("1\n1.5", &Dtype::int(1, true), &[2]), Err("x.csv: line 2, column 0: \"1.5\" is not a value of i1".into()));
    assert_eq!(check("1,300", &Dtype::int(1, false), &[2]), Err("x.csv: line 1, column 1: 300 does not fit u1 (0 to 255)".into()));
    assert_eq!(check("1e39", &Dtype::float(4), &[1]), Err("x.csv: line 1, column 0: \"1e39\" is not a value of f4".into()));
    assert_eq!(check("true,False,1", &Dtype::bool(), &[3]), fixed(vec![1, 0, 1]));
    assert_eq!(check("1+2j", &Dtype::complex(4, Order::Big), &[1]), fixed(le([1.0, 2.0], f32::to_be_bytes)));
    assert_eq!(check("a,\"b \"\"c\"\nd, e", &Dtype::str(), &[2, 2]), strings(&["a", "b \"c", "d", " e"]));
    assert_eq!(check("\u{feff}1,2\r\n3,4\r\n", &Dtype::int(1, true), &[2, 2]), fixed(vec![1, 2, 3, 4]));
    assert!(check("1,,3", &Dtype::int(1, true), &[3]).unwrap_err().contains("line 1, column 1: the field is empty"));
    assert_eq!(check("a,,c", &Dtype::str(), &[3]), strings(&["a", "", "c"]));
    let compound = Dtype::Compound { size: 0, members: vec![] };
    assert!(check("1", &compound, &[1]).unwrap_err().contains("cannot become"));
}

#[test]
fn csv_shapes() {
    let folder = Folder::new();
    let u1 = Dtype::int(1, false);
    let check = |text: &str, dims: &[u64]| read(&folder.csv(text), &u1, dims).is_ok();
    assert!(check("1,2\n3,4\n5,6\n", &[3, 2]) && !check("1,2\n3,4\n5,6\n", &[2, 3]) && !check("1,2\n3,4\n5,6\n", &[6]));
    assert!(check("1,2\n3,4\n5,6\n7,8", &[2, 2, 2]) && check("1\n2\n3\n4\n5\n6", &[2, 3]) && check("1,2,3", &[3]));
    assert!(check("7", &[]) && check("7", &[1, 1]) && !check("7,8", &[]) && check("", &[0, 4]) && !check("", &[1]));
    assert_eq!(read(&folder.csv("1,2\n3,4\n"), &u1, &[4]), Err("x.csv: the file holds 2 rows of 2 columns, the dataset is [4]".into()));
    assert_eq!(read(&folder.csv("1,2\n3\n"), &u1, &[2, 2]), Err("x.csv: line 2: the row has 1 fields, the rows before it have 2".into()));
}

#[test]
fn csv_columns_and_header() {
    let folder = Folder::new();
    let file = folder.write("x.csv", b"# made by hand\ntime;value;flag\n1;2;3\n4;;6\n");
    let base = |columns: Vec<Literal>, header: bool, missing: Option<Literal>| SourceFile::Csv {
        file: file.clone(),
        delimiter: b';',
        header,
        columns: Some(columns),
        skip: if header { 1 } else { 2 },
        missing,
    };
    let i1 = Dtype::int(1, true);
    let name = |s: &str| Literal::Text(s.into());
    assert_eq!(read(&base(vec![name("flag"), Literal::Int(0)], true, None), &i1, &[2, 2]), fixed(vec![3, 1, 6, 4]));
    assert_eq!(read(&base(vec![name("value")], true, Some(Literal::Int(-1))), &i1, &[2]), fixed(vec![2, 255]));
    assert_eq!(read(&base(vec![Literal::Int(2)], false, None), &i1, &[2]), fixed(vec![3, 6]));
    let empty = read(&base(vec![name("value")], true, None), &i1, &[2]);
    assert_eq!(empty, Err("x.csv: line 4, column \"value\": the field is empty and there is no `missing` value".into()));
    let shape = Shape::from_dims(&[2]);
    let refused = |source: &SourceFile| open(source, &i1, &shape).err().unwrap();
    assert_eq!(refused(&base(vec![name("speed")], true, None)).help().unwrap(), "the columns are: time, value, flag");
    assert!(refused(&base(vec![name("value")], false, None)).help().unwrap().contains("header = true"));
    assert!(refused(&base(vec![Literal::Int(3)], true, None)).cause.contains("no column 3; the file has 3"));
    assert!(refused(&base(vec![Literal::Int(0)], true, Some(name("x")))).cause.starts_with("the value for missing fields"));
}

#[test]
fn an_open_quote_does_not_fill_memory() {
    let folder = Folder::new();
    let text = format!("\"{}", "x\n".repeat(12 << 20));
    let error = read(&folder.csv(&text), &Dtype::str(), &[1]).unwrap_err();
    assert!(error.contains("is a quote left open?"), "{error}");
}

#[test]
fn raw_bytes() {
    let folder = Folder::new();
    let raw = |bytes: &[u8], offset: u64, order: Option<Order>| SourceFile::Raw { file: folder.write("x.bin", bytes), offset, order };
    let i2 = Dtype::int(2, true);
    assert_eq!(read(&raw(&[1, 0, 2, 0], 0, None), &i2, &[2]), fixed(vec![1, 0, 2, 0]));
    assert_eq!(read(&raw(&[1, 0, 2, 0], 2, Some(Order::Big)), &i2, &[1]), fixed(vec![0, 2]));
    assert_eq!(read(&raw(&[1, 0], 0, Some(Order::Little)), &i2, &[]), fixed(vec![1, 0]));
    assert_eq!(read(&raw(&[1, 0, 2], 0, None), &i2, &[2]), Err("x.bin: the file holds 3 bytes, the dataset takes 4 (2 of i2)".into()));
    assert!(read(&raw(&[0; 8], 2, None), &i2, &[2]).unwrap_err().contains("6 bytes after offset 2"));
    assert!(read(&raw(&[0; 8], 9, None), &i2, &[2]).unwrap_err().contains("the offset 9 is beyond the file's 8 bytes"));
    assert!(read(&raw(&[0; 16], 0, None), &Dtype::str(), &[1]).is_err());
    let member = |name: &[u8], offset, dtype| crate::model::CompoundMember { name: name.to_vec(), offset, dtype };
    let compound = Dtype::Compound {
        size: 7,
        members: vec![
            member(b"a", 0, Dtype::Int(IntType::standard(2, false, Order::Big))),
            member(b"b", 2, Dtype::Array { base: Box::new(Dtype::int(2, false)), dims: vec![2] }),
            member(b"c", 6, Dtype::int(1, false)),
        ],
    };
    assert_eq!(read(&raw(&[1, 2, 3, 4, 5, 6, 7], 0, Some(Order::Big)), &compound, &[1]), fixed(vec![1, 2, 4, 3, 6, 5, 7]));
    assert_eq!(read(&raw(&[1, 2, 3, 4, 5, 6, 7], 0, Some(Order::Little)), &compound, &[1]), fixed(vec![2, 1, 3, 4, 5, 6, 7]));
    let complex = Dtype::complex(4, Order::Little);
    assert_eq!(read(&raw(&[1, 2, 3, 4, 5, 6, 7, 8], 0, Some(Order::Big)), &complex, &[1]), fixed(vec![4, 3, 2, 1, 8, 7, 6, 5]));
}

proptest! {
    #[test]
    fn hostile_headers_never_panic(version in 0u8..5, tail in proptest::collection::vec(any::<u8>(), 0..300)) {
        let folder = Folder::new();
        let file = folder.write("x.npy", &[b"\x93NUMPY".as_slice(), &[version, 0], &tail].concat());
        let _ = read(&SourceFile::Npy { file }, &Dtype::float(8), &[2]);
    }

    #[test]
    fn hostile_dicts_never_panic(
        descr in "[<>|=]?[?biufcSUVOm]?[0-9]{0,20}",
        shape in r"\(?([0-9]{0,21}L?,? ?){0,4}\)?",
        fortran: bool,
        text in r"[{}'a-zé:,() \\0-9]{0,40}",
    ) {
        let folder = Folder::new();
        for dims in [vec![], vec![3], vec![2, 2]] {
            let _ = read(&folder.npy(&descr, fortran, &shape, &[0; 64]), &Dtype::float(8), &dims);
        }
        let _ = super::header::parse(&text);
    }

    #[test]
    fn hostile_archives_never_panic(flips in proptest::collection::vec((0usize..200, any::<u8>()), 1..6)) {
        let folder = Folder::new();
        let mut bytes = npz("a.npy", &npy("<u4", false, "(3,)", &[7; 12]), false);
        for (at, byte) in flips {
            let at = at % bytes.len();
            bytes[at] = byte;
        }
        let file = folder.write("x.npz", &bytes);
        if let Ok(mut source) = open(&SourceFile::Npz { file, name: "a".into() }, &Dtype::int(4, false), &Shape::from_dims(&[3])) {
            let _ = source.read(0, 3);
        }
    }

    #[test]
    fn hostile_tables_never_panic(bytes in proptest::collection::vec(prop_oneof![any::<u8>(), Just(b','), Just(b'"'), Just(b'\n'), Just(b'1')], 0..80)) {
        let folder = Folder::new();
        let file = folder.write("x.csv", &bytes);
        for header in [false, true] {
            let source = SourceFile::Csv { file: file.clone(), delimiter: b',', header, columns: None, skip: 0, missing: None };
            for dims in [vec![], vec![2], vec![2, 2]] {
                let _ = read(&source, &Dtype::int(1, true), &dims);
                let _ = read(&source, &Dtype::str(), &dims);
            }
        }
    }
}

/// Signalling and quiet NaNs with payloads, both zeros, infinities, subnormals.
const PATTERNS: [[u64; 8]; 3] = [
    [0x7c01, 0xfc01, 0x7e00, 0xfeab, 0x8000, 0x0000, 0x7c00, 0x0001],
    [0x7f80_0001, 0xff80_0001, 0x7fc0_0000, 0xffc1_2345, 0x8000_0000, 0, 0xff80_0000, 1],
    [0x7ff0_0000_0000_0001, 0xfff0_0000_dead_beef, 0x7ff8 << 48, 0xfff8_1234_5678_9abc, 1 << 63, 0, 0x7ff0 << 48, 1],
];

#[test]
fn the_same_dtype_keeps_every_bit() {
    let folder = Folder::new();
    for (size, patterns) in [2usize, 4, 8].into_iter().zip(PATTERNS) {
        let bytes = |order| -> Vec<u8> {
            let one = |v: u64| if order == Order::Little { v.to_le_bytes()[..size].to_vec() } else { v.to_be_bytes()[8 - size..].to_vec() };
            patterns.into_iter().flat_map(one).collect()
        };
        for (from, sign) in [(Order::Little, '<'), (Order::Big, '>')] {
            for to in [Order::Little, Order::Big] {
                let source = folder.npy(&format!("{sign}f{size}"), false, "(8,)", &bytes(from));
                assert_eq!(read(&source, &Dtype::Float(FloatType::ieee(size, to)), &[8]), fixed(bytes(to)), "f{size} {from:?} {to:?}");
                if size > 2 {
                    let source = folder.npy(&format!("{sign}c{}", 2 * size), false, "(4,)", &bytes(from));
                    assert_eq!(read(&source, &Dtype::complex(size, to), &[4]), fixed(bytes(to)), "c{} {from:?} {to:?}", 2 * size);
                }
            }
        }
    }
    let flags = [0u8, 1, 1, 0];
    assert_eq!(read(&folder.npy("|b1", false, "(4,)", &flags), &Dtype::bool(), &[4]), fixed(flags.to_vec()));
    assert!(read(&folder.npy("|b1", false, "(4,)", &[0, 1, 2, 0]), &Dtype::bool(), &[4]).unwrap_err().contains("element [2]"));
}
