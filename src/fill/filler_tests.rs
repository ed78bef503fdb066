use ndarray::Array1;
use ndarray_rand::RandomExt;
use proptest::prelude::*;

use super::Filler;
use super::integers::Integers;
use super::stream::{Purpose, Stream};
use super::uniform::Bernoulli;
use crate::fill::golden::{every_rule, fill};
use crate::model::{
    BlockSource, Boundary, CompoundMember, Dtype, Elements, Field, Fill, FloatType, IntType, Literal, Missing, Order, Rule, Shape,
    SourceFile,
};

fn no_source(_: &SourceFile, _: &Dtype, _: &Shape) -> Result<Box<dyn BlockSource>, String> {
    Err("no source".into())
}

fn filler(fill: &Fill, dtype: &Dtype, dims: &[u64]) -> Filler {
    Filler::new(fill, dtype, &Shape::from_dims(dims), no_source).unwrap()
}

fn bytes(elements: Elements) -> Vec<u8> {
    match elements {
        Elements::Fixed(bytes) => bytes,
        Elements::Strings(_) | Elements::Nested(_) => panic!("no numbers"),
    }
}

fn all(rule: Rule, dtype: &Dtype, dims: &[u64]) -> Vec<u8> {
    let count = dims.iter().product::<u64>() as usize;
    bytes(filler(&fill(rule), dtype, dims).fill(0, count).unwrap())
}

fn f64s(bytes: &[u8]) -> Vec<f64> {
    bytes.as_chunks().0.iter().map(|b| f64::from_le_bytes(*b)).collect()
}

fn i64s(bytes: &[u8]) -> Vec<i64> {
    bytes.as_chunks().0.iter().map(|b| i64::from_le_bytes(*b)).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn runs_do_not_depend_on_how_they_are_cut(
        which in 0..every_rule().len(),
        share in prop::option::of(0.0..1.0),
        start in prop_oneof![0u64..200_000, 65_500u64..65_560, 131_060u64..131_080],
        cuts in prop::collection::vec(1usize..1500, 1..6),
    ) {
        let (rule, dtype) = every_rule().swap_remove(which);
        let value = match &rule { Rule::Choice { from, .. } | Rule::Cycle(from) => from[0].clone(), Rule::Text { .. } | Rule::Uuid => Literal::Text("x".into()), _ => Literal::Int(1) };
        let fill = Fill { missing: share.map(|fraction| Missing { fraction, value }), ..fill(rule) };
        let filler = filler(&fill, &dtype, &[30, 100, 100]);
        let count = cuts.iter().sum();
        let whole = filler.fill(start, count).unwrap();
        let mut parts = Elements::empty(&dtype);
        let mut at = start;
        for cut in cuts {
            parts.append(filler.fill(at, cut).unwrap());
            at += cut as u64;
        }
        prop_assert!(whole == parts);
        prop_assert_eq!(whole.count(&dtype), count);
    }

    #[test]
    fn no_parameters_give_nan_or_hang(
        which in 0..8,
        x in prop_oneof![-300.0..300.0, -2.0..2.0].prop_map(libm::exp10),
        y in prop_oneof![-300.0..300.0, -2.0..2.0].prop_map(libm::exp10),
        seed in any::<u64>(),
    ) {
        let p = x.min(1.0);
        let rule = match which {
            0 => Rule::Normal { mean: x, std: y },
            1 => Rule::Lognormal { mean: -x, sigma: y },
            2 => Rule::Exponential { scale: x },
            3 => Rule::Gamma { shape: x, scale: y },
            4 => Rule::Beta { a: x, b: y },
            5 => Rule::Poisson { lam: x },
            6 => Rule::Binomial { n: y as u64, p },
            _ => Rule::Uniform { low: -x, high: y },
        };
        let fill = Fill { seed, ..fill(rule) };
        if let Ok(filler) = Filler::new(&fill, &Dtype::float(8), &Shape::from_dims(&[2000]), no_source) {
            let values = f64s(&bytes(filler.fill(0, 2000).unwrap()));
            prop_assert!(values.iter().all(|v| v.is_finite()));
        }
    }

    #[test]
    fn uniform_stays_in_its_range_after_rounding(
        size in prop::sample::select(vec![2usize, 4, 8]),
        low in -100.0..100.0f64,
        width in (-8.0..3.0f64).prop_map(libm::exp10),
        seed in any::<u64>(),
    ) {
        let high = low + width;
        let dtype = Dtype::float(size);
        let fill = Fill { seed, ..fill(Rule::Uniform { low, high }) };
        if let Ok(filler) = Filler::new(&fill, &dtype, &Shape::from_dims(&[3000]), no_source) {
            for b in bytes(filler.fill(0, 3000).unwrap()).chunks(size) {
                let v = match size {
                    2 => half::f16::from_le_bytes(b.try_into().unwrap()).to_f64(),
                    4 => f64::from(f32::from_le_bytes(b.try_into().unwrap())),
                    _ => f64::from_le_bytes(b.try_into().unwrap()),
                };
                prop_assert!(v >= low && v < high);
            }
        }
    }

    #[test]
    fn integers_stay_in_their_range(low in any::<i64>(), span in 1u64..=u64::MAX, seed in any::<u64>()) {
        let high = (i128::from(low) + i128::from(span)).min(1 << 63);
        let fill = Fill { seed, ..fill(Rule::Integers { low: low.into(), high }) };
        let values = i64s(&bytes(filler(&fill, &Dtype::int(8, true), &[500]).fill(0, 500).unwrap()));
        prop_assert!(values.iter().all(|&v| v >= low && i128::from(v) < high));
    }
}

#[test]
fn big_endian_is_little_endian_swapped() {
    let numbers = [(2, true), (4, false), (8, true)].map(|(size, signed)| {
        (Dtype::Int(IntType::standard(size, signed, Order::Little)), Dtype::Int(IntType::standard(size, signed, Order::Big)), size)
    });
    let floats = [2, 4, 8].map(|size| (Dtype::float(size), Dtype::Float(FloatType::ieee(size, Order::Big)), size));
    let complex = [2, 4, 8].map(|size| (Dtype::complex(size, Order::Little), Dtype::complex(size, Order::Big), size));
    for (little, big, size) in numbers.into_iter().chain(floats).chain(complex) {
        for rule in [
            Rule::Normal { mean: 5.0, std: 2.0 },
            Rule::Integers { low: 0, high: 1000 },
            Rule::Arange { start: Literal::Int(1), step: Literal::Int(2), axis: None },
            Rule::Cycle(vec![Literal::Int(1), Literal::Int(300)]),
        ] {
            let mut swapped = all(rule.clone(), &big, &[1500]);
            swapped.chunks_mut(size).for_each(<[u8]>::reverse);
            assert_eq!(all(rule, &little, &[1500]), swapped);
        }
    }
}

#[test]
fn complex_elements_take_two_draws() {
    let uniform = Rule::Uniform { low: 0.0, high: 1.0 };
    let complex = f64s(&all(uniform.clone(), &Dtype::complex(8, Order::Little), &[70_000]));
    let plain = f64s(&all(uniform, &Dtype::float(8), &[65_536]));
    // The draws of the first half of the plain block follow each other in the first half of the complex one.
    assert_eq!(complex[..65_536], plain[..]);
    let ramp =
        f64s(&all(Rule::Arange { start: Literal::Int(3), step: Literal::Int(1), axis: None }, &Dtype::complex(8, Order::Little), &[2]));
    assert_eq!(ramp, [3.0, 0.0, 4.0, 0.0]);
}

#[test]
fn one_dtype_only_rounds_another() {
    let rule = Rule::Normal { mean: 0.0, std: 50.0 };
    let exact = f64s(&all(rule.clone(), &Dtype::float(8), &[3000]));
    let f4: Vec<u8> = exact.iter().flat_map(|v| (*v as f32).to_le_bytes()).collect();
    assert_eq!(all(rule.clone(), &Dtype::float(4), &[3000]), f4);
    let i1: Vec<u8> = exact.iter().map(|v| v.round_ties_even().clamp(-128.0, 127.0) as i8 as u8).collect();
    assert_eq!(all(rule, &Dtype::int(1, true), &[3000]), i1);
    let integers = Rule::Integers { low: -100, high: 100 };
    let wide: Vec<u8> = i64s(&all(integers.clone(), &Dtype::int(8, true), &[3000])).iter().map(|v| *v as i8 as u8).collect();
    assert_eq!(all(integers, &Dtype::int(1, true), &[3000]), wide);
}

#[test]
fn integers_are_what_ndarray_rand_drives() {
    let end = 1i128 << 63;
    for (low, high, dtype) in [
        (-1000, 1000, Dtype::int(8, true)),
        (-5, (1 << 32) - 5, Dtype::int(8, true)),
        (end - 10, end + 10, Dtype::int(8, false)),
        (0, (1 << 32) + 1, Dtype::int(8, false)),
        (0, 1 << 64, Dtype::int(8, false)),
    ] {
        let integers = Integers::new(low, high);
        let fill = fill(Rule::Integers { low, high });
        let mut rng = Stream::new(Purpose::Values, fill.seed, &fill.stream).at(5, integers.words());
        let driven = Array1::<i128>::random_using(3000, &integers, &mut rng);
        let ours = bytes(filler(&fill, &dtype, &[4000]).fill(5, 3000).unwrap());
        assert_eq!(ours, driven.iter().flat_map(|v| (*v as u64).to_le_bytes()).collect::<Vec<u8>>(), "{low} {high}");
        let floats = driven.iter().flat_map(|v| (*v as f64).to_le_bytes()).collect::<Vec<u8>>();
        assert_eq!(bytes(filler(&fill, &Dtype::float(8), &[4000]).fill(5, 3000).unwrap()), floats, "{low} {high}");
    }
}

#[test]
fn missing_is_what_ndarray_rand_drives() {
    let missing = Some(Missing { fraction: 0.3, value: Literal::Int(-1) });
    let fill = Fill { missing, ..fill(Rule::Value(Literal::Int(7))) };
    let mut rng = Stream::new(Purpose::Missing, fill.seed, &fill.stream).at(5, 1);
    let driven = Array1::<f64>::random_using(3000, Bernoulli { p: 0.3 }, &mut rng);
    let ours = f64s(&bytes(filler(&fill, &Dtype::float(8), &[4000]).fill(5, 3000).unwrap()));
    assert_eq!(ours, driven.iter().map(|hit| if *hit == 1.0 { -1.0 } else { 7.0 }).collect::<Vec<f64>>());
}

#[test]
fn missing_takes_its_share() {
    let share = |fraction, stream: &[u8]| {
        let missing = Some(Missing { fraction, value: Literal::Int(-9999) });
        let fill = Fill { missing, stream: stream.to_vec(), ..fill(Rule::Uniform { low: 0.0, high: 1.0 }) };
        let values = f64s(&bytes(filler(&fill, &Dtype::float(8), &[100_000]).fill(0, 100_000).unwrap()));
        values.iter().map(|v| *v == -9999.0).collect::<Vec<bool>>()
    };
    let count = |list: &[bool]| list.iter().filter(|m| **m).count();
    assert_eq!(count(&share(0.0, b"/x")), 0);
    assert_eq!(count(&share(1.0, b"/x")), 100_000);
    let tenth = share(0.1, b"/x");
    assert!(count(&tenth).abs_diff(10_000) < 500);
    assert_ne!(tenth, share(0.1, b"/y"));
    // More missing elements include the fewer.
    assert!(tenth.iter().zip(share(0.2, b"/x")).all(|(few, more)| !few || more));
}

#[test]
fn progressions_are_numpys() {
    let int = |start, step, axis| Rule::Arange { start: Literal::Int(start), step: Literal::Int(step), axis };
    assert_eq!(i64s(&all(int(5, -2, None), &Dtype::int(8, true), &[4])), [5, 3, 1, -1]);
    assert_eq!(i64s(&all(int(0, 1, Some(0)), &Dtype::int(8, true), &[2, 3])), [0, 0, 0, 1, 1, 1]);
    assert_eq!(i64s(&all(int(0, 1, Some(1)), &Dtype::int(8, true), &[2, 3])), [0, 1, 2, 0, 1, 2]);
    assert_eq!(i64s(&all(int(0, 1, Some(1)), &Dtype::int(8, true), &[1, 2, 2])), [0, 0, 1, 1]);
    assert_eq!(all(int(i128::from(u64::MAX), -1, None), &Dtype::int(8, false), &[1]), u64::MAX.to_le_bytes());
    let float = Rule::Arange { start: Literal::Float(0.1), step: Literal::Float(0.1), axis: None };
    assert_eq!(f64s(&all(float, &Dtype::float(8), &[3])), [0.1, 0.2, 0.1 + 0.1 * 2.0]);
    let to = |start, stop, endpoint| Boundary { start, stop, endpoint, axis: None };
    let linear = |b, n| f64s(&all(Rule::Linspace(b), &Dtype::float(8), &[n]));
    assert_eq!(linear(to(0.0, 1.0, true), 5), [0.0, 0.25, 0.5, 0.75, 1.0]);
    assert_eq!(linear(to(0.0, 1.0, false), 4), [0.0, 0.25, 0.5, 0.75]);
    assert_eq!(linear(to(3.0, 9.0, true), 1), [3.0]);
    assert_eq!(linear(to(0.0, 0.7, true), 8)[7], 0.7);
    assert_eq!(linear(to(0.0, f64::from_bits(2), true), 5)[4], f64::from_bits(2));
    let power = |b, n| f64s(&all(Rule::Geomspace(b), &Dtype::float(8), &[n]));
    assert_eq!(power(to(1.0, 1000.0, true), 4), [1.0, 10.0, 100.0, 1000.0]);
    assert_eq!(power(to(-1000.0, -1.0, true), 4), [-1000.0, -100.0, -10.0, -1.0]);
    assert_eq!(power(to(0.01, 100.0, false), 4), [0.01, 0.1, 1.0, 10.0]);
    assert_eq!(power(to(1e-300, 1e300, true), 3), [1e-300, 1.0, 1e300]);
    assert_eq!(power(to(3.0, 9.0, true), 1), [3.0]);
    assert!((power(to(1.0, 256.0, true), 9)[4] - 16.0).abs() < 1e-14);
    assert_eq!(i64s(&all(Rule::Linspace(to(0.0, 5.0, true)), &Dtype::int(8, true), &[11])), [0, 0, 1, 2, 2, 2, 3, 4, 4, 4, 5]);
}

#[test]
fn lists() {
    let ints = |list: &[i128]| list.iter().copied().map(Literal::Int).collect::<Vec<_>>();
    let u1 = Dtype::int(1, false);
    assert_eq!(all(Rule::Values(ints(&[3, 1, 2])), &u1, &[3]), [3, 1, 2]);
    assert_eq!(all(Rule::Cycle(ints(&[3, 1, 2])), &u1, &[7]), [3, 1, 2, 3, 1, 2, 3]);
    assert_eq!(all(Rule::Value(Literal::Int(9)), &u1, &[2, 2]), [9; 4]);
    let weighted = Rule::Choice { from: ints(&[0, 1, 2]), weights: Some(vec![1.0, 0.0, 3.0]) };
    let counts = all(weighted, &u1, &[100_000]).iter().fold([0usize; 3], |mut n, v| {
        n[usize::from(*v)] += 1;
        n
    });
    assert!(counts[0].abs_diff(25_000) < 700 && counts[1] == 0, "{counts:?}");
    let names = ["a", "bc", ""].map(|s| Literal::Text(s.into())).to_vec();
    let strings = filler(&fill(Rule::Choice { from: names, weights: None }), &Dtype::str(), &[1000]).fill(10, 900).unwrap();
    assert_eq!(strings.count(&Dtype::str()), 900);
    let coins = all(Rule::Choice { from: vec![Literal::Bool(true), Literal::Bool(false)], weights: None }, &Dtype::bool(), &[1000]);
    assert!(coins.iter().all(|b| *b < 2));
}

#[test]
fn constant_and_sequential() {
    let constant = Rule::Value(Literal::Int(1));
    let missing = |fraction| Fill { missing: Some(Missing { fraction, value: Literal::Int(0) }), ..fill(constant.clone()) };
    let is_constant = |fill: &Fill| filler(fill, &Dtype::int(4, true), &[9]).is_constant();
    assert!(is_constant(&fill(constant.clone())) && is_constant(&missing(0.0)) && !is_constant(&missing(0.5)));
    assert!(!is_constant(&fill(Rule::Bernoulli { p: 0.5 })));
}

struct Counting;

impl BlockSource for Counting {
    fn read(&mut self, start: u64, count: usize) -> Result<Elements, String> {
        if start > 50 { Err("file.raw: unexpected end".into()) } else { Ok(Elements::Fixed(vec![start as u8; count])) }
    }
}

#[test]
fn sources_are_passed_through() {
    let rule = Rule::Source(SourceFile::Npy { file: "x.npy".into() });
    let shape = Shape::from_dims(&[100]);
    let open = Filler::new(&fill(rule.clone()), &Dtype::int(1, false), &shape, |_, _, _| Ok(Box::new(Counting))).unwrap();
    assert!(open.is_sequential() && !open.is_constant());
    assert_eq!(open.fill(7, 3), Ok(Elements::Fixed(vec![7; 3])));
    assert_eq!(open.fill(60, 3), Err("file.raw: unexpected end".into()));
    assert!(open.fill(99, 2).unwrap_err().contains("do not lie within 100 elements"));
    assert_eq!(Filler::new(&fill(rule), &Dtype::int(1, false), &shape, no_source).err(), Some("no source".into()));
}

#[test]
fn shapes_without_elements() {
    for (rule, dtype) in every_rule() {
        for dims in [&[0u64, 2, 2][..], &[3, 0, 2], &[3, 4, 0]] {
            assert_eq!(filler(&fill(rule.clone()), &dtype, dims).fill(0, 0).map(|e| e.count(&dtype)), Ok(0));
        }
    }
}

#[test]
fn fillers_cross_threads() {
    fn sync<T: Send + Sync>() {}
    sync::<Filler>();
}

/// A rule of a member.
fn field(name: &str, rule: Rule) -> Field {
    Field { name: name.into(), rule: Fill { stream: vec![], ..fill(rule) }, own_stream: false, nesting: None, origin: None }
}

/// A compound of members in this order, each behind the last with a byte between them.
fn compound(members: &[(&str, Dtype)]) -> Dtype {
    let mut size = 0;
    let place = |(name, dtype): &(&str, Dtype)| {
        let offset = size;
        size += dtype.size() + 1;
        CompoundMember { name: (*name).into(), offset, dtype: dtype.clone() }
    };
    let members = members.iter().map(place).collect();
    Dtype::Compound { size, members }
}

/// The bytes of one member of all elements.
fn column(dtype: &Dtype, name: &str, bytes: &[u8]) -> Vec<u8> {
    let Dtype::Compound { size, members } = dtype else { panic!("{dtype}") };
    let member = members.iter().find(|m| m.name == name.as_bytes()).unwrap();
    bytes.chunks(*size).flat_map(|e| e[member.offset..member.offset + member.dtype.size()].to_vec()).collect()
}

#[test]
fn members_are_filled_by_rules_of_their_own() {
    let (f8, i2) = (Dtype::float(8), Dtype::int(2, true));
    let grid = Dtype::Array { base: Box::new(f8.clone()), dims: vec![2, 3] };
    let inner = compound(&[("a", i2.clone()), ("b", f8.clone())]);
    let dtype = compound(&[("x", f8.clone()), ("y", i2.clone()), ("grid", grid.clone()), ("in", inner.clone()), ("pair", grid)]);
    let uniform = || Rule::Uniform { low: 0.0, high: 1.0 };
    let numbers = |list: &[i128]| Literal::List(list.iter().copied().map(Literal::Int).collect());
    let literal = Literal::List(vec![numbers(&[1, 2, 3]), numbers(&[4, 5, 6])]);
    let named = Field { rule: Fill { stream: b"named".to_vec(), seed: 9, ..fill(uniform()) }, own_stream: true, ..field("b", uniform()) };
    let rule = Rule::Fields(vec![
        field("in", Rule::Fields(vec![named, field("a", Rule::Cycle(vec![Literal::Int(7), Literal::Int(8)]))])),
        field("y", Rule::Arange { start: Literal::Int(5), step: Literal::Int(1), axis: Some(1) }),
        field("x", uniform()),
        field("grid", uniform()),
        field("pair", Rule::Value(literal)),
    ]);
    let made = all(rule.clone(), &dtype, &[50, 4]);
    let alone = |stream: &str, seed, rule: Rule, dims: &[u64]| {
        let fill = Fill { stream: stream.into(), seed, ..fill(rule) };
        bytes(filler(&fill, &f8, dims).fill(0, dims.iter().product::<u64>() as usize).unwrap())
    };
    assert_eq!(column(&dtype, "x", &made), alone("/golden/stream.x", 20_240_601, uniform(), &[50, 4]));
    assert_eq!(column(&dtype, "grid", &made), alone("/golden/stream.grid", 20_240_601, uniform(), &[50, 4, 2, 3]));
    assert_eq!(column(&inner, "b", &column(&dtype, "in", &made)), alone("named", 9, uniform(), &[50, 4]));
    let shorts = |bytes: Vec<u8>| bytes.chunks(2).take(5).map(|b| i16::from_le_bytes([b[0], b[1]])).collect::<Vec<_>>();
    assert_eq!(shorts(column(&inner, "a", &column(&dtype, "in", &made))), [7, 8, 7, 8, 7]);
    assert_eq!(shorts(column(&dtype, "y", &made)), [5, 6, 7, 8, 5]);
    assert_eq!(f64s(&column(&dtype, "pair", &made))[6..12], [1.0, 2.0, 3.0, 4.0, 5.0, 6.0]);
    // What is between the members is zero.
    assert!(made.chunks(dtype.size()).all(|e| e[8] == 0 && e[11] == 0));
    let missing = Some(Missing { fraction: 0.2, value: Literal::Int(-1) });
    let Rule::Fields(mut fields) = rule else { unreachable!() };
    fields[3].rule.missing = missing;
    let filler = filler(&fill(Rule::Fields(fields)), &dtype, &[50, 4]);
    let whole = bytes(filler.fill(0, 200).unwrap());
    let cut = [filler.fill(0, 7), filler.fill(7, 100), filler.fill(107, 93)].map(|e| bytes(e.unwrap())).concat();
    assert!(whole == cut && !filler.is_sequential() && !filler.is_constant());
    let lost = f64s(&column(&dtype, "grid", &whole)).iter().filter(|v| **v == -1.0).count();
    assert!((180..300).contains(&lost), "{lost} of 1200 elements of arrays are missing");
}

#[test]
fn members_are_checked() {
    let i1 = Dtype::int(1, true);
    let dtype = compound(&[("x", i1.clone()), ("y", i1.clone())]);
    let value = |v| Rule::Value(Literal::Int(v));
    let shape = Shape::from_dims(&[3]);
    let check = |fields: Vec<Field>| fill(Rule::Fields(fields)).check(&dtype, &shape).map_err(|e| e.0);
    assert_eq!(check(vec![field("x", value(1)), field("y", value(2))]), Ok(()));
    let said = |fields| check(fields).unwrap_err();
    assert_eq!(said(vec![field("x", value(1))]), "the member `y` has no rule; fields gives every member one");
    assert_eq!(said(vec![]), "the members `x`, `y` have no rule; fields gives every member one");
    assert!(said(vec![field("z", value(1))]).starts_with("`z` is not a member of compound("));
    assert_eq!(said(vec![field("x", value(1)), field("y", value(200))]), "member `y`: 200 does not fit i1 (-128 to 127)");
    let listed = Field { nesting: Some(Shape::from_dims(&[2])), ..field("y", Rule::Values(vec![Literal::Int(1), Literal::Int(2)])) };
    assert_eq!(said(vec![field("x", value(1)), listed]), "member `y`: the values have shape [2], but shape [3] is to be filled");
    let plain = fill(Rule::Fields(vec![field("x", value(1))])).check(&i1, &shape).unwrap_err().0;
    assert_eq!(plain, "fields fills the members of a compound, which i1 is not");
    let texts = compound(&[("x", Dtype::str())]);
    let text = fill(Rule::Fields(vec![field("x", Rule::Uuid)])).check(&texts, &shape).unwrap_err().0;
    assert!(text.ends_with("by fields is not supported yet"), "{text}");
}
