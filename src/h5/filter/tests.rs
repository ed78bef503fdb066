//! All codecs: there and back, and whatever bytes come.

use proptest::prelude::*;

use super::*;
use crate::model::Codec;

type Encode = fn(&[u32], &[u8], bool) -> std::result::Result<Option<Vec<u8>>, &'static str>;
type Decode = fn(&[u32], &[u8], usize) -> std::result::Result<Vec<u8>, &'static str>;

fn codecs() -> Vec<(Vec<u32>, Encode, Decode)> {
    let mut out: Vec<(Vec<u32>, Encode, Decode)> = vec![
        (vec![], Lzf::encode, Lzf::decode),
        (vec![0], Lz4::encode, Lz4::decode),
        (vec![100], Lz4::encode, Lz4::decode),
        (vec![3], Zstd::encode, Zstd::decode),
        (vec![(-7i32) as u32], Zstd::encode, Zstd::decode),
    ];
    for user in [&[][..], &[8, 2], &[0, 3, 5]] {
        out.push(([&[0, 4, 1][..], user].concat(), Bitshuffle::encode, Bitshuffle::decode));
    }
    for codec in 0..6 {
        for shuffle in 0..3 {
            out.push((vec![2, 2, 4, 0, 5, shuffle, codec], Blosc::encode, Blosc::decode));
        }
    }
    out
}

/// Bytes with repeats near and far, and without.
fn data() -> impl Strategy<Value = Vec<u8>> {
    let piece = prop_oneof![
        proptest::collection::vec(any::<u8>(), 1..40),
        (any::<u8>(), 1usize..600).prop_map(|(b, n)| vec![b; n]),
        (any::<u8>(), 1usize..400).prop_map(|(b, n)| (0..n).map(|i| b.wrapping_add((i % 7) as u8)).collect()),
    ];
    proptest::collection::vec(piece, 1..12).prop_map(|pieces| pieces.concat())
}

proptest! {
    #[test]
    fn there_and_back(data in data()) {
        for (params, encode, decode) in codecs() {
            let packed = encode(&params, &data, true).unwrap().unwrap();
            prop_assert!(packed.len() <= most_bytes(data.len()), "{params:?}");
            prop_assert_eq!(decode(&params, &packed, data.len()).unwrap(), data.clone(), "{:?}", params);
        }
    }

    #[test]
    fn damage_is_no_panic_and_no_flood(data in data(), at in any::<prop::sample::Index>(), byte in any::<u8>(), cut in any::<prop::sample::Index>()) {
        for (params, encode, decode) in codecs() {
            let mut packed = encode(&params, &data, true).unwrap().unwrap();
            let place = at.index(packed.len());
            packed[place] = byte;
            for input in [&packed[..], &packed[..cut.index(packed.len())]] {
                if let Ok(out) = decode(&params, input, data.len()) {
                    prop_assert!(out.len() <= data.len());
                }
            }
        }
    }

    #[test]
    fn any_bytes(data in proptest::collection::vec(any::<u8>(), 0..200), params in proptest::collection::vec(0u32..40, 0..8)) {
        for (_, _, decode) in codecs() {
            if let Ok(out) = decode(&params, &data, 1000) {
                prop_assert!(out.len() <= 1000);
            }
        }
    }
}

#[test]
fn what_the_model_says_runs_here_does() {
    crate::h5::file::initialise();
    for id in [1, 2, 3, 4, 5, 6, 307, 32000, 32001, 32004, 32008, 32013, 32015] {
        let filter = Filter::from(Codec::canonical(id, &[3]));
        assert_eq!(available(&filter), filter.codec.runs_here(), "{filter}");
    }
}

#[test]
fn a_missing_filter_stays_missing() {
    let filter = Filter::from(Codec::Other { id: 30_123, params: vec![] });
    allow_missing(30_123).unwrap();
    allow_missing(30_123).unwrap();
    assert!(is_registered(30_123) && !available(&filter));
    assert!(allow_missing(4).is_err());
    allow_missing(32015).unwrap();
    assert!(available(&Codec::Zstd(3).into()));
}

/// A dataset of 12 x 10 16-bit numbers in chunks of 3 x 10, as it is read back; or why it cannot be made.
fn made(filters: Vec<Filter>) -> std::result::Result<crate::model::SeenDataset, String> {
    use crate::h5::{File, NewDataset, NewFile};
    use crate::model::{Dtype, Layout, Libver, PartialChunks, Shape, TrackOrder};
    let folder = tempfile::tempdir().unwrap();
    let new = NewFile { libver: (Libver::V18, Libver::V110), ..NewFile::plain(TrackOrder::No) };
    let file = File::create(&folder.path().join("t.h5"), new, false).unwrap();
    let dtype = Dtype::int(2, true);
    let shape = Shape::from_dims(&[12, 10]);
    let max = vec![Some(12), Some(10)];
    let layout = Layout::Chunked { chunk: vec![3, 10], filters };
    let new = NewDataset { partial_chunks: PartialChunks::Raw, ..NewDataset::plain(&dtype, &shape, &max, &layout) };
    let seen = file.root().unwrap().create_dataset(b"x", &new).and_then(|d| d.dataset()).map_err(|e| e.to_string())?;
    assert_eq!(seen.partial_chunks, PartialChunks::Raw);
    Ok(seen)
}

#[test]
fn what_is_made_is_read_back() {
    let szip = |id, params: &[u32]| Filter::from(Codec::Other { id, params: params.into() });
    let mut all: Vec<Filter> = [(4, vec![32, 8]), (1, vec![3]), (2, vec![]), (3, vec![]), (5, vec![]), (6, vec![2, 0])]
        .into_iter()
        .chain([(32000, vec![]), (32001, vec![0, 0, 0, 0, 9, 2, 4]), (32004, vec![80]), (32008, vec![16, 3, 2]), (32015, vec![9])])
        .map(|(id, params)| Codec::canonical(id, &params).into())
        .collect();
    // Parameters of szip that HDF5 would not compute are kept.
    all.push(szip(4, &[137, 8, 16, 10]));
    all.push(szip(4, &[141, 8, 32, 7]));
    for filter in all {
        for optional in [filter.optional, !filter.optional] {
            let filter = Filter { optional, ..filter.clone() };
            match made(vec![Codec::Shuffle.into(), filter.clone()]) {
                Ok(seen) => {
                    assert_eq!(seen.layout.filters()[1], filter);
                    assert_eq!(seen.lacking, (filter.codec.id() == 4).then_some(filter));
                }
                // HDF5 makes nothing with a mandatory filter of its own that it lacks.
                Err(why) => assert!(filter.codec.id() == 4 && !optional, "{filter}: {why}"),
            }
        }
    }
}

#[test]
fn a_dataset_with_a_missing_filter_can_be_made() {
    let filter = Filter::from(Codec::Other { id: 30_124, params: vec![7, 8] });
    assert!(made(vec![filter.clone()]).is_err());
    allow_missing(30_124).unwrap();
    let seen = made(vec![filter.clone()]).unwrap();
    assert_eq!((seen.layout.filters(), seen.lacking), (&[filter.clone()][..], Some(filter)));
}

#[test]
fn a_damaged_chunk_is_an_error_that_says_so() {
    use crate::h5::{File, Locking, NewDataset, NewFile};
    use crate::model::{Dtype, Elements, Layout, Libver, Region, Shape, TrackOrder};
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("t.h5");
    let new = NewFile { libver: (Libver::V18, Libver::V110), ..NewFile::plain(TrackOrder::No) };
    let file = File::create(&path, new, false).unwrap();
    let shape = Shape::from_dims(&[1000]);
    let dtype = Dtype::int(1, false);
    let max = vec![Some(1000)];
    let layout = Layout::Chunked { chunk: vec![1000], filters: vec![Codec::Zstd(3).into()] };
    let new = NewDataset::plain(&dtype, &shape, &max, &layout);
    let all = Region::whole(&shape).unwrap();
    let elements = Elements::Fixed((0..1000u32).map(|i| (i % 7) as u8).collect());
    let access = file.root().unwrap().create_dataset(b"x", &new).unwrap().access().unwrap();
    access.write(&all, &elements).unwrap();
    drop(access);
    file.close().unwrap();
    let read = || {
        let file = File::open(&path, Locking::Off).unwrap();
        let access = file.root().unwrap().open(b"x").unwrap().access().unwrap();
        access.read(&all)
    };
    assert_eq!(read().unwrap(), elements);
    let mut bytes = std::fs::read(&path).unwrap();
    let frame = bytes.windows(4).position(|w| w == [0x28, 0xB5, 0x2F, 0xFD]).unwrap();
    bytes[frame] = 0;
    #[allow(clippy::disallowed_methods, reason = "a file of the test's own")]
    std::fs::write(&path, &bytes).unwrap();
    let why = read().unwrap_err().to_string();
    assert!(why.contains("the compressed data are damaged: the zstd frame is broken"), "{why}");
}
