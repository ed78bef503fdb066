//! The values themselves. A change here changes what manifests mean: under `version = 1` that is never allowed, whatever the reason.

use std::fmt::Write;

use sha2::{Digest, Sha256};

use super::Filler;
use crate::model::{
    ALPHABET, Boundary, CompoundMember, Dtype, Elements, Field, Fill, FloatType, IntType, Literal, Missing, Order, Rule, Shape,
};

/// The rule with a fixed seed and stream.
pub(super) fn fill(rule: Rule) -> Fill {
    Fill { rule, seed: 20_240_601, stream: b"/golden/stream".to_vec(), missing: None }
}

/// At least one case for every path through every rule, for a shape of 30 by 100 by 100.
pub(super) fn every_rule() -> Vec<(Rule, Dtype)> {
    let (f8, f4, f2) = (Dtype::float(8), Dtype::float(4), Dtype::float(2));
    let int = Literal::Int;
    let to = |start, stop, endpoint, axis| Boundary { start, stop, endpoint, axis };
    let text = |list: &[&str]| list.iter().map(|s| Literal::Text((*s).into())).collect::<Vec<_>>();
    vec![
        (Rule::Value(Literal::Float(2.5)), f8.clone()),
        (Rule::Cycle(vec![int(1), int(2), int(3)]), Dtype::int(4, true)),
        (Rule::Arange { start: int(-7), step: int(3), axis: None }, Dtype::int(4, true)),
        (Rule::Arange { start: Literal::Float(0.1), step: Literal::Float(0.3), axis: Some(1) }, f8.clone()),
        (Rule::Linspace(to(-1.0, 2.0, true, None)), f8.clone()),
        (Rule::Geomspace(to(0.3, 7e4, true, None)), f8.clone()),
        (Rule::Geomspace(to(-0.3, -7e4, false, Some(2))), f8.clone()),
        (Rule::Integers { low: -1000, high: 1000 }, Dtype::int(4, true)),
        (Rule::Integers { low: 0, high: 1 << 64 }, Dtype::int(8, false)),
        (Rule::Integers { low: 0, high: 2 }, Dtype::bool()),
        (Rule::Uniform { low: 0.0, high: 1.0 }, f8.clone()),
        (Rule::Uniform { low: -3.0, high: 0.7 }, f4.clone()),
        (Rule::Uniform { low: 0.1, high: 0.2 }, f2),
        (Rule::Uniform { low: 0.0, high: 1.0 }, Dtype::complex(4, Order::Big)),
        (Rule::Normal { mean: 0.0, std: 1.0 }, f8.clone()),
        (Rule::Normal { mean: 100.0, std: 60.0 }, Dtype::int(1, false)),
        (Rule::Normal { mean: 100.0, std: 60.0 }, Dtype::Int(IntType::standard(2, true, Order::Big))),
        (Rule::Lognormal { mean: 0.5, sigma: 0.7 }, f8.clone()),
        (Rule::Exponential { scale: 3.0 }, f8.clone()),
        (Rule::Gamma { shape: 2.5, scale: 0.7 }, f8.clone()),
        (Rule::Gamma { shape: 0.2, scale: 3.0 }, f8.clone()),
        (Rule::Gamma { shape: 1e12, scale: 1.0 }, f8.clone()),
        (Rule::Beta { a: 0.4, b: 3.0 }, f8.clone()),
        (Rule::Beta { a: 20.0, b: 0.9 }, f8.clone()),
        (Rule::Poisson { lam: 2.5 }, Dtype::int(4, true)),
        (Rule::Poisson { lam: 12.0 }, Dtype::int(4, true)),
        (Rule::Poisson { lam: 3.5e6 }, f8.clone()),
        (Rule::Binomial { n: 20, p: 0.3 }, Dtype::int(4, true)),
        (Rule::Binomial { n: 60, p: 0.7 }, Dtype::int(4, true)),
        (Rule::Binomial { n: 1 << 50, p: 0.25 }, f8),
        (Rule::Bernoulli { p: 0.3 }, Dtype::bool()),
        (Rule::Choice { from: vec![int(5), int(-1), int(7)], weights: None }, Dtype::int(2, true)),
        (Rule::Choice { from: text(&["red", "green", "blue"]), weights: Some(vec![1.0, 2.5, 0.7]) }, Dtype::fixed_ascii(6)),
        (Rule::Choice { from: text(&["α", "b", "longer"]), weights: None }, Dtype::str()),
        (Rule::Text { shortest: 8, longest: 8, alphabet: ALPHABET.into() }, Dtype::str()),
        (Rule::Text { shortest: 0, longest: 7, alphabet: "aßc😀".into() }, Dtype::str()),
        (Rule::Text { shortest: 3, longest: 12, alphabet: "ACGT".into() }, Dtype::fixed_ascii(12)),
        (Rule::Uuid, Dtype::str()),
        (Rule::Uuid, Dtype::fixed_ascii(38)),
        (Rule::Permutation, Dtype::int(4, true)),
        (Rule::Permutation, Dtype::Float(FloatType::ieee(8, Order::Big))),
    ]
}

/// First 16 bytes and SHA-256 of 200 000 elements; strings are joined by NUL.
fn digest(fill: &Fill, dtype: &Dtype) -> String {
    let filler = Filler::new(fill, dtype, &Shape::from_dims(&[30, 100, 100]), |_, _, _| Err("no source".into())).unwrap();
    let bytes = match filler.fill(0, 200_000).unwrap() {
        Elements::Fixed(bytes) => bytes,
        Elements::Strings(list) => list.into_iter().flat_map(|s| [s.unwrap_or_default(), vec![0]].concat()).collect(),
        Elements::Nested(_) => panic!("no rule makes these"),
    };
    let hex = |bytes: &[u8]| bytes.iter().fold(String::new(), |out, b| out + &format!("{b:02x}"));
    format!("{} {}", hex(&bytes[..16]), hex(&Sha256::digest(&bytes)))
}

#[test]
fn values_never_change() {
    let mut text = String::new();
    for (rule, dtype) in every_rule() {
        writeln!(text, "{} {dtype} {}", rule.name(), digest(&fill(rule.clone()), &dtype)).unwrap();
    }
    let missing = Some(Missing { fraction: 0.3, value: Literal::Int(-1) });
    writeln!(text, "missing f8 {}", digest(&Fill { missing, ..fill(Rule::Value(Literal::Int(0))) }, &Dtype::float(8))).unwrap();
    for (made, golden) in text.lines().zip(GOLDEN.trim().lines()) {
        assert_eq!(made, golden);
    }
    assert_eq!(text.lines().count(), GOLDEN.trim().lines().count(), "{text}");
}

#[test]
fn values_of_fields_never_change() {
    let member = |name: &str, offset, dtype| CompoundMember { name: name.into(), offset, dtype };
    let array = Dtype::Array { base: Box::new(Dtype::float(4)), dims: vec![2] };
    let members = vec![member("x", 0, Dtype::float(8)), member("n", 9, Dtype::int(2, true)), member("a", 12, array)];
    let field = |name: &str, rule| Field {
        name: name.into(),
        rule: Fill { stream: vec![], ..fill(rule) },
        own_stream: false,
        nesting: None,
        origin: None,
    };
    let named = Field {
        rule: Fill { stream: b"other".to_vec(), seed: 7, ..fill(Rule::Integers { low: -5, high: 5 }) },
        own_stream: true,
        ..field("n", Rule::Uuid)
    };
    let mut normal = field("a", Rule::Normal { mean: 0.0, std: 1.0 });
    normal.rule.missing = Some(Missing { fraction: 0.25, value: Literal::Int(0) });
    let rule = Rule::Fields(vec![field("x", Rule::Uniform { low: 0.0, high: 1.0 }), named, normal]);
    assert_eq!(digest(&fill(rule), &Dtype::Compound { size: 20, members }), FIELDS);
}

const FIELDS: &str = "808bf0ce087db13f00fbff0000000000 1c80d41cac4d71da4c1e4b6249b93d905de78466891a3a8da7772bd931535841";

const GOLDEN: &str = "
value f8 00000000000004400000000000000440 c40a431808217e41272e340a99575e24af9c2adbdc604c77ff11eaa35da88507
cycle i4 01000000020000000300000001000000 5112f52f9b0b2911f19f83911dee133cb62eafc1e4785492cb439127934d6e65
arange i4 f9fffffffcffffffffffffff02000000 b5736e8670482fba2cf1d2b9104d8d501dc99262e2b32daf932e66945f8f154f
arange f8 9a9999999999b93f9a9999999999b93f f440475c73e5787cc17ef37dbc6d7df8f1900efb5f488dd123bb569d3423e3cf
linspace f8 000000000000f0bf4ce24507ebffefbf de4145ea5d81511baaddf39794c73d2384c54286ac08aab455ec576b08f175cf
geomspace f8 333333333333d33fa2d5340b6733d33f 0f312be84ce3235f074638be2c64cca72ade8031fb6ff43c6506227fc8563a90
geomspace f8 333333333333d3bfcda1e523dfb9d5bf 3008cbf81ccbcae80e2732fc652bfd3d692743e95c1c96b6e9822fd997526bef
integers i4 e3fefffff7fdffff5d02000020fdffff fd824ac8e776027157864094211c9a0c9ad5584b60ec49d4af01c67ff83e43bf
integers u8 f6e45067d2b6885b91031d7d11f17ecd d57ab5410a6aa89be388309f88fe3df72fa3bd5692d5ca55e1fa3ea4284f92d5
integers bool 00000100000000000001010101010100 ef5bc9a64669479f0617d111758970e132ea2ef914a9c97d979cbf65566089aa
uniform f8 38d499b42de2d63fe4b5baec8eb0ce3f 2e86cd42edff8ded18cb0face8b47cf4b9f041655d9ad2aef508d6b5bae1fe10
uniform f4 7ba9d6bf5e3907c01b4af5bcd9ba20c0 8eaf5c87596a5bf194361c83a7a4a855c1476d7a0278ae3f2f435557a31d7d69
uniform f2 5830ef2fc5313f2ff42fed2f6d307e30 03ef6888cc1ad8254f83b5d5e8be5bc1b516478f3a0cee5b978d5d70cea06769
uniform >c8 3eb7116e3e7584773f4d7ef13e0738de e49a6736cd166f9cc02e6d3c2164ed4c17b2564647051ec375702a696140ddbb
normal f8 67fa8a8b9c40d83f4575935b53a1d63f de51b6fa91c95a1fd30acbaa21986cecaf17ce1281daf00ae7819bcdb110ede6
normal u1 7b794285b889998dd13e391e3e5c2c85 4ce3e7ade38d5264095fa9664517ef09072b1ed014c180414f13df22bf77f3a9
normal >i2 007b00790042008500b800890099008d 1d7dbebe09df6fea3e39348bba11b228cf85260878ab0fb180ba18d88b2ad00a
lognormal f8 23037181493201407b6148d5dde40040 1abb74183ff8fb60b8a12ebdaf5af025b633381a038fa75b0eb65418f2c85fbd
exponential f8 0820d04b1e3df53f17c15ecbe650ea3f aa624cff098afa90e0bb2c79d62c605baf87c0fc865e559377626d7df6e280be
gamma f8 e400c1a2ba10ff3fd9a42536f9480140 f258eb1d6cd9e411e9fc2ab96ea7c2907bc02b5e186bf83377cf6d72f993dc33
gamma f8 1944b0eab803fe3fc1e618f5dc4ae53f 0d9c89c499615858a6b0ce8e288d5f1ab6530df8b619a0647eec4493eb41a46c
gamma f8 35e9075b951a6d42c22bf5af951a6d42 dbc1ca90a1afc106312b9f04b51927fb13bc75dc816d04eccf899c97c45d45be
beta f8 208d668a271dc43f6b8d40ec2abd9b3f a0fb105824ea2549c94bcdad2360eb42f47fec3068869f9efb52ca6fc544b674
beta f8 c2f10753170eee3fd6c6bd4ab0f8ef3f d7b6393a591b6f72e71a5070b4fddbf9b8fe633bbf04ea1ecf829647e8ff93f5
poisson i4 02000000010000000400000001000000 a24d94af96528a93ce09819d92e8a9eaa7aa76b975940260b325e91d17eb572c
poisson i4 0a0000000e0000000b0000000d000000 3ed97379dadda5c73a9b5d7544b1a2f434013ec8d3e665acfb2e8bc706cbb92c
poisson f8 0000000070b24a410000008041af4a41 7665b1c77a7410ca924e14bdb667715348a2c0c68c611560b89904cf1da08884
binomial i4 05000000050000000800000004000000 cbd4a2f28e64df36733c966c05532c34c116994d6872868b00a2c7e7ef331275
binomial i4 2c000000280000002b00000029000000 5b0c91ada32a9bc77b249fcd825e9859bb85afe60f6ea246308e0f60836b965c
binomial f8 0093a0f4ffffef42801583dcffffef42 26668692be9924eb269d5b80355b59168ff7327d80195b43f09986f103b9b6c5
bernoulli bool 00010001010100000000000000000001 2688e8927eaa47de02dda6698de325a4d11daf0b931d08d37a9cd74348a83a60
choice i2 ffff05000700050005000500ffffffff 1ab165fe15e98ed5f4e8743d90f54915c3d3978befff83c587536f8cd1c4626b
choice S6 677265656e00677265656e0067726565 b03c5a2cd19883fdfb04a2ca847f6b4ecfe4615a25ae78b619ac44fb25d75cb7
choice str 6200ceb1006c6f6e67657200ceb100ce f7c326413029ead6ced81aad6b8e89d146bd52ee21623ef052d8b9e0e80b5900
text str 5971716d767935430061585871526b47 d0387f19e8dba1cb525cf05cf25486bd8b43aa032084085095024c19bee9ac1b
text str 63f09f9880f09f988000636363f09f98 9a6d9526dbdd99fa89d3f9a1c9f4a96e041a85534450fd2104f4480b6aa57965
text S12 47545454545441000000000047474754 b0efc30fe6cd98de90fefa63753aa2ccf0142ff1a97fd92534c867dc6bdc956f
uuid str 35623838623664322d363735302d3434 a368692e1880172de112881fb099bd14df0302ad4441a9a3d961185473481f9f
uuid S38 35623838623664322d363735302d3434 a285ee899c85c7157ed7632d702b4cb9cbf1b7d46c89925ed86e2bcf5d83a3e3
permutation i4 928d0200071503007a6b030029720100 68077a60b6c9846d0294acfc7b7772149db31485e4db07447fd3c310653a1077
permutation >f8 41046c90000000004108a83800000000 86571bd3ba7cd620ec1d4e2dd6b4ede5911c39b06b9edfcc7308da2887fa38d5
missing f8 00000000000000000000000000000000 31bf0fb12d5ed097023d5ff7b97e1c4127f8eea3771ccf5d119768ff8c832b9f
";
