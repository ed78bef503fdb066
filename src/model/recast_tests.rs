use proptest::prelude::*;

use super::super::{Charset, FloatType, Order, Padding, StringLength, encode_one};
use super::*;

fn check(from: &Dtype, to: &Dtype, value: Literal, expect: Literal, same: bool) {
    let recast = Recast::new(from, to).unwrap();
    let made = recast.apply(encode_one(&value, from).unwrap());
    assert_eq!(made.elements, encode_one(&expect, to).unwrap(), "{from} {value} -> {to}");
    assert_eq!(made.is_same(), same, "{from} {value} -> {to}");
    assert!(same || !recast.is_exact(), "{from} -> {to}");
}

#[test]
fn numbers_become_the_nearest() {
    use Literal::{Float, Int};
    let (i1, u1, i8, u8) = (Dtype::int(1, true), Dtype::int(1, false), Dtype::int(8, true), Dtype::int(8, false));
    let (f2, f4, f8) = (Dtype::float(2), Dtype::float(4), Dtype::float(8));
    let big = Dtype::Int(IntType::standard(4, true, Order::Big));
    check(&i8, &i1, Int(-128), Int(-128), true);
    check(&i8, &i1, Int(-129), Int(-128), false);
    check(&i8, &u1, Int(-1), Int(0), false);
    check(&u8, &i8, Int(i128::from(u64::MAX)), Int(i128::from(i64::MAX)), false);
    check(&i1, &big, Int(-2), Int(-2), true);
    check(&f8, &i1, Float(1.5), Int(2), false);
    check(&f8, &i1, Float(2.5), Int(2), false);
    check(&f8, &i1, Float(-0.75), Int(-1), false);
    check(&f8, &i8, Float(-7.0), Int(-7), true);
    check(&f8, &i8, Float(1e300), Int(i128::from(i64::MAX)), false);
    check(&f8, &f4, Float(0.1), Float(f64::from(0.1f32)), false);
    check(&f8, &f4, Float(0.25), Float(0.25), true);
    check(&f4, &f8, Float(0.5), Float(0.5), true);
    check(&f8, &f2, Float(f64::NAN), Float(f64::NAN), true);
    check(&i8, &f4, Int(16_777_217), Float(16_777_216.0), false);
    check(&i8, &f8, Int(i128::from(i64::MAX)), Float(9_223_372_036_854_775_807.0), false);
    check(&u1, &f2, Int(255), Float(255.0), true);
    check(&Dtype::bool(), &i1, Literal::Bool(true), Int(1), true);
    check(&i1, &Dtype::bool(), Int(0), Literal::Bool(false), true);
}

#[test]
fn texts_are_cut() {
    let fixed = |n| Dtype::fixed_ascii(n);
    let text = |t: &str| Literal::Text(t.into());
    check(&fixed(5), &Dtype::str(), text("abc"), text("abc"), true);
    check(&Dtype::str(), &fixed(3), text("abc"), text("abc"), true);
    check(&Dtype::str(), &fixed(2), text("abc"), text("ab"), false);
    check(&fixed(5), &fixed(3), text("abcde"), text("abc"), false);
    let utf8 = |n| Dtype::String(StringType { length: StringLength::Fixed(n), charset: Charset::Utf8, padding: Padding::NullPad });
    check(&Dtype::str(), &utf8(2), text("aü"), text("a"), false);
}

fn enumeration(size: usize, members: &[(&str, i128)]) -> Dtype {
    let member = |(name, value): &(&str, i128)| EnumMember { name: name.as_bytes().to_vec(), value: *value };
    Dtype::Enum { base: IntType::standard(size, true, Order::Big), members: members.iter().map(member).collect() }
}

/// Why the first of the elements is refused.
fn refusal(from: &Dtype, to: &Dtype, elements: &Elements) -> String {
    let recast = Recast::new(from, to).unwrap();
    assert!(!recast.is_exact(), "{from} -> {to}");
    let made = recast.apply(elements.clone());
    recast.refusal(elements, made.refused[0])
}

#[test]
fn enumerations_keep_their_names() {
    let text = |t: &str| Literal::Text(t.into());
    let (ab, ba) = (enumeration(1, &[("A", 0), ("B", 1)]), enumeration(2, &[("A", 1), ("B", 0), ("C", 7)]));
    check(&ab, &ba, text("A"), text("A"), true);
    check(&ab, &ba, text("B"), text("B"), true);
    check(&ba, &ab, text("B"), text("B"), true);
    check(&ba, &Dtype::int(1, true), text("C"), Literal::Int(7), true);
    check(&Dtype::int(4, true), &ba, Literal::Int(7), text("C"), true);
    check(&Dtype::float(4), &ba, Literal::Float(6.75), text("C"), false);
    let one = |literal: Literal, dtype: &Dtype| encode_one(&literal, dtype).unwrap();
    assert!(refusal(&ba, &ab, &one(text("C"), &ba)).starts_with("C of enum(>i2: A, B, C) is not a name of enum(i1: A, B)"));
    assert_eq!(
        refusal(&ab, &ba, &Elements::Fixed(vec![5])),
        "5 of enum(i1: A, B) is not a name of enum(>i2: A, B, C); by number, it becomes one by way of integers"
    );
    assert_eq!(refusal(&Dtype::int(4, true), &ab, &one(Literal::Int(2), &Dtype::int(4, true))), "2 is not a value of enum(i1: A, B)");
    let to_bool = Recast::new(&Dtype::int(1, true), &Dtype::bool()).unwrap().apply(Elements::Fixed(vec![0, 1, 2, 0xff]));
    assert_eq!((to_bool.elements, to_bool.lost), (Elements::Fixed(vec![0, 1, 1, 1]), vec![2, 3]));
}

#[test]
fn what_has_no_value_is_refused() {
    let (f8, i4, nan) = (Dtype::float(8), Dtype::int(4, true), Elements::Fixed(f64::NAN.to_le_bytes().to_vec()));
    assert_eq!(refusal(&f8, &i4, &nan), "nan is not a value of i4");
    assert_eq!(refusal(&f8, &Dtype::bool(), &nan), "nan is not a value of bool");
    let pair = |base: &Dtype| Dtype::Array { base: Box::new(base.clone()), dims: vec![2] };
    let parts = Elements::Fixed([0.5f64.to_le_bytes(), f64::NAN.to_le_bytes()].concat());
    assert_eq!(refusal(&pair(&f8), &pair(&i4), &parts), "[0.5, nan] is not a value of array(i4, [2])");
    let latin = |length| StringType { length, charset: Charset::Ascii, padding: Padding::NullPad };
    let utf8 = |length| Dtype::String(StringType { charset: Charset::Utf8, ..latin(length) });
    let (fixed, variable) = (StringLength::Fixed(4), StringLength::Variable);
    let texts = |length| match length {
        StringLength::Fixed(_) => Elements::Fixed(b"caf\xe9".to_vec()),
        StringLength::Variable => Elements::Strings(vec![Some(b"caf\xe9".to_vec())]),
    };
    for from in [fixed, variable] {
        for to in [fixed, variable] {
            assert!(refusal(&Dtype::String(latin(from)), &utf8(to), &texts(from)).contains("is not UTF-8"));
            let same = Recast::new(&Dtype::String(latin(from)), &Dtype::String(latin(to))).unwrap().apply(texts(from));
            assert!(same.is_same() && same.elements == texts(to));
        }
    }
    let null = Recast::new(&Dtype::str(), &Dtype::String(latin(variable))).unwrap().apply(Elements::Strings(vec![None]));
    assert_eq!(null.elements, Elements::Strings(vec![None]));
}

#[test]
fn examples_are_told_apart() {
    let example = |literal: Literal, from: &Dtype, to: &Dtype| {
        let (recast, before) = (Recast::new(from, to).unwrap(), encode_one(&literal, from).unwrap());
        let (a, b) = recast.example(&before, &recast.apply(before.clone()).elements, 0);
        format!("{a} -> {b}")
    };
    let complex = |size| Dtype::complex(size, Order::Little);
    assert_eq!(example(Literal::Float(0.1), &Dtype::float(8), &Dtype::float(4)), "0.1 -> 0.10000000149");
    let text = Literal::Text("0.1+2j".into());
    assert_eq!(example(text, &complex(8), &complex(4)), "0.1+2.0j -> 0.10000000149011612+2.0j");
}

#[test]
fn exact_conversions_lose_nothing() {
    let types = [1, 2, 4, 8].map(|n| [Dtype::int(n, true), Dtype::int(n, false)]).concat();
    let types = [types, [2, 4, 8].map(Dtype::float).to_vec()].concat();
    for from in &types {
        for to in &types {
            let recast = Recast::new(from, to).unwrap();
            let ends = match from {
                Dtype::Int(t) => [t.range().0, t.range().1].map(Literal::Int),
                _ => [Literal::Float(1.0 / 1024.0), Literal::Float(-60_000.0)],
            };
            let same = ends.iter().all(|v| recast.apply(encode_one(v, from).unwrap()).lost.is_empty());
            assert!(same || !recast.is_exact(), "{from} -> {to}");
        }
    }
}

#[test]
fn what_has_no_equal_is_refused() {
    let vlen = Dtype::Vlen(Box::new(Dtype::int(4, true)));
    let opaque = Dtype::Opaque { size: 4, tag: vec![] };
    for (from, to) in [(Dtype::int(4, true), Dtype::str()), (vlen, Dtype::int(4, true)), (Dtype::int(4, true), opaque)] {
        assert!(Recast::new(&from, &to).is_err(), "{from} -> {to}");
    }
}

fn numbers() -> Vec<Dtype> {
    let sized = [1, 2, 4, 8].map(|n| [Dtype::int(n, true), Dtype::int(n, false), Dtype::Int(IntType::standard(n, true, Order::Big))]);
    let odd = Dtype::Int(IntType { precision: 11, offset: 3, ..IntType::standard(2, true, Order::Big) });
    let bits = Dtype::Bitfield(IntType::standard(2, true, Order::Little));
    let floats = [2, 4, 8].map(|n| [Dtype::float(n), Dtype::Float(FloatType::ieee(n, Order::Big)), Dtype::complex(n, Order::Big)]);
    let others = vec![odd, bits, Dtype::bool(), enumeration(2, &[("A", 0), ("B", 300)]), Dtype::Complex(FloatType::ieee(4, Order::Little))];
    let small = [FloatType::bf16(), FloatType::f8e4m3()].map(Dtype::Float).to_vec();
    [sized.concat(), floats.concat(), others, small].concat()
}

proptest! {
    /// What is said of the types holds for any bytes, and what is the same comes back.
    #[test]
    fn same_is_the_same(bytes in any::<[u8; 16]>(), zeros in 0..16usize) {
        let mut bytes = bytes;
        // Small numbers, too.
        bytes[..zeros].fill(0);
        for from in &numbers() {
            let before = Elements::Fixed(bytes[..from.size()].to_vec());
            for to in &numbers() {
                let recast = Recast::new(from, to).unwrap();
                let made = recast.apply(before.clone());
                prop_assert!(made.is_same() || !recast.is_exact(), "{from} -> {to}: {bytes:?}");
                if !made.refused.is_empty() {
                    continue;
                }
                // A number that is no member is one of its integers.
                if made.is_same() && !matches!(from, Dtype::Enum { .. }) {
                    let back = Recast::new(to, from).unwrap().apply(made.elements);
                    prop_assert!(back.is_same(), "{from} -> {to} -> {from}: {bytes:?}");
                }
            }
        }
    }
}
