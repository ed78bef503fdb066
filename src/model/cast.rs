//! The same values in another element type, and what that costs.

use std::fmt;

use super::{Dtype, Elements, EncodeError, Recast};

/// What a type makes of the elements of another one.
#[derive(Clone, Debug)]
pub struct Cast {
    /// As many elements as there were.
    pub data: Elements,
    /// What is not the same value any more.
    pub loss: Option<CastLoss>,
}

/// Values that a type does not hold as they are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CastLoss {
    /// How many.
    pub values: usize,
    /// Of how many.
    pub of: usize,
    /// The first of them: before and after.
    pub example: (String, String),
}

impl fmt::Display for CastLoss {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (before, after) = &self.example;
        write!(f, "not exact for {} of {} values: {before} -> {after}", self.values, self.of)
    }
}

/// All elements in another type, by [`Recast`]. An error where there is no value at all for one of them.
pub fn cast(data: &Elements, from: &Dtype, to: &Dtype) -> Result<Cast, EncodeError> {
    let recast = Recast::new(from, to).map_err(EncodeError)?;
    let made = recast.apply(data.clone());
    if let Some(refused) = made.refused.first() {
        return Err(EncodeError(recast.refusal(data, *refused)));
    }
    let loss = made.lost.first().map(|first| CastLoss {
        values: made.lost.len(),
        of: data.count(from),
        example: recast.example(data, &made.elements, *first),
    });
    Ok(Cast { data: made.elements, loss })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::{
        Charset, EnumMember, FloatType, IntType, Literal, Order, Padding, StringLength, StringType, element_text, encode_elements,
        encode_one,
    };
    use super::*;

    fn elements(list: &[Literal], dtype: &Dtype) -> Elements {
        encode_elements(list, dtype).unwrap()
    }

    /// The elements after a cast, and what is said of the loss.
    fn done(list: &[Literal], from: &Dtype, to: &Dtype) -> (String, String) {
        let cast = cast(&elements(list, from), from, to).unwrap();
        let count = cast.data.count(to);
        let after: Vec<String> = (0..count).map(|i| element_text(&cast.data, to, i)).collect();
        (after.join(" "), cast.loss.map(|l| l.to_string()).unwrap_or_default())
    }

    fn check(list: &[Literal], from: &Dtype, to: &Dtype, after: &str, loss: &str) {
        assert_eq!(done(list, from, to), (after.into(), loss.into()), "{from} -> {to}");
    }

    fn enumeration() -> Dtype {
        let member = |name: &[u8], value| EnumMember { name: name.to_vec(), value };
        Dtype::Enum { base: IntType::standard(2, true, Order::Big), members: vec![member(b"RED", 0), member(b"GREEN", 7)] }
    }

    #[test]
    fn numbers_are_kept_or_told() {
        let (f, n, b) = (Literal::Float, Literal::Int, Literal::Bool);
        let [f2, f4, f8] = [2, 4, 8].map(Dtype::float);
        let int = |size| Dtype::int(size, true);
        check(&[f(16_777_216.0), f(f64::NAN), f(-0.0)], &f8, &f4, "16777216.0 nan -0.0", "");
        check(&[f(0.5), f(0.1), f(0.2)], &f8, &f4, "0.5 0.1 0.2", "not exact for 2 of 3 values: 0.1 -> 0.10000000149");
        check(&[f(16_777_217.0)], &f8, &f4, "16777216.0", "not exact for 1 of 1 values: 16777217.0 -> 16777216.0");
        check(&[f(1.0 + f64::EPSILON)], &f8, &f4, "1.0", "not exact for 1 of 1 values: 1.0000000000000002 -> 1.0");
        check(&[f(1e300), f(f64::INFINITY)], &f8, &f2, "inf inf", "not exact for 1 of 2 values: 1e300 -> inf");
        check(&[f(-1e300)], &f8, &Dtype::Float(FloatType::f8e5m2()), "-inf", "not exact for 1 of 1 values: -1e300 -> -inf");
        check(&[f(2.5), f(3.5)], &f8, &int(1), "2 4", "not exact for 2 of 2 values: 2.5 -> 2");
        check(&[f(-1e30)], &f8, &int(8), "-9223372036854775808", "not exact for 1 of 1 values: -1e30 -> -9223372036854775808");
        check(&[n(300), n(-1), n(9)], &int(2), &Dtype::int(1, false), "255 0 9", "not exact for 2 of 3 values: 300 -> 255");
        check(
            &[n((1 << 53) + 1)],
            &int(8),
            &f8,
            "9007199254740992.0",
            "not exact for 1 of 1 values: 9007199254740993 -> 9007199254740992.0",
        );
        check(&[n(258)], &int(2), &Dtype::Int(IntType::standard(2, true, Order::Big)), "258", "");
        check(&[b(true), b(false)], &Dtype::bool(), &int(4), "1 0", "");
        check(&[n(0), n(1), n(5)], &int(4), &Dtype::bool(), "false true true", "not exact for 1 of 3 values: 5 -> true");
        check(&[n(7)], &enumeration(), &f4, "7.0", "");
        check(&[f(7.0)], &f4, &enumeration(), "GREEN", "");
        check(&[n(3)], &int(4), &Dtype::complex(4, Order::Little), "3.0+0.0j", "");
        let pair = Literal::List(vec![f(3.0), f(0.5)]);
        check(&[pair], &Dtype::complex(8, Order::Big), &f8, "3.0", "not exact for 1 of 1 values: 3.0+0.5j -> 3.0");
    }

    #[test]
    fn texts_are_kept_or_told() {
        let t = |s: &str| Literal::Text(s.into());
        let fixed = |n, charset, padding| Dtype::String(StringType { length: StringLength::Fixed(n), charset, padding });
        let utf8 = |n| fixed(n, Charset::Utf8, Padding::NullPad);
        check(&[t("metre"), t("")], &Dtype::str(), &Dtype::fixed_ascii(5), "\"metre\" \"\"", "");
        check(&[t("metre")], &Dtype::fixed_ascii(9), &Dtype::str(), "\"metre\"", "");
        check(&[t("abé")], &Dtype::str(), &utf8(3), "\"ab\"", "not exact for 1 of 1 values: \"abé\" -> \"ab\"");
        let spaces = fixed(4, Charset::Ascii, Padding::SpacePad);
        check(&[t("ab ")], &Dtype::fixed_ascii(3), &spaces, "\"ab\"", "not exact for 1 of 1 values: \"ab \" -> \"ab\"");
        let null = Elements::Strings(vec![None]);
        let ascii = Dtype::String(StringType { length: StringLength::Variable, charset: Charset::Ascii, padding: Padding::NullTerm });
        assert_eq!(cast(&null, &Dtype::str(), &ascii).unwrap().data, null);
        assert!(cast(&null, &Dtype::str(), &utf8(2)).unwrap().loss.is_none());
        let refused = |text: &str, to: &Dtype| cast(&elements(&[t(text)], &Dtype::str()), &Dtype::str(), to).unwrap_err().0;
        assert!(refused("é", &Dtype::fixed_ascii(4)).contains("is not ASCII"));
        assert!(refused("1", &Dtype::int(4, true)).contains("cannot become"));
    }

    #[test]
    fn what_has_no_value_is_refused() {
        let refused = |literal, from: &Dtype, to: &Dtype| cast(&encode_one(&literal, from).unwrap(), from, to).unwrap_err().0;
        assert!(refused(Literal::Float(f64::NAN), &Dtype::float(4), &Dtype::int(4, true)).contains("nan is not a value of i4"));
        assert!(refused(Literal::Int(3), &Dtype::int(4, true), &enumeration()).contains("3 is not a value of"));
        assert!(refused(Literal::Int(3), &Dtype::int(4, true), &Dtype::str()).contains("cannot become"));
        let opaque = Dtype::Opaque { size: 4, tag: Vec::new() };
        assert!(refused(Literal::Int(3), &Dtype::int(4, true), &opaque).contains("cannot become"));
    }

    /// Floats of 80 bits are read as the nearest f64: what is lost there is told, too.
    #[test]
    fn digits_beyond_f64_are_told() {
        let fields = [79, 64, 15, 0, 64];
        let x87 = Dtype::Float(FloatType {
            size: 10,
            order: Some(Order::Little),
            precision: 80,
            offset: 0,
            fields,
            bias: 16383,
            norm: 2,
            pads: (0, 0, 0),
        });
        let one = [0, 0, 0, 0, 0, 0, 0, 0x80, 0xff, 0x3f];
        assert!(cast(&Elements::Fixed(one.to_vec()), &x87, &Dtype::float(8)).unwrap().loss.is_none());
        let more = [1, 0, 0, 0, 0, 0, 0, 0x80, 0xff, 0x3f];
        assert!(cast(&Elements::Fixed(more.to_vec()), &x87, &Dtype::float(8)).unwrap().loss.is_some());
    }

    proptest! {
        /// What Rust's own conversions say.
        #[test]
        fn as_rust_converts(v in any::<i64>(), x in any::<f64>()) {
            let bytes = |v: i64| Elements::Fixed(v.to_le_bytes().to_vec());
            let to = |data: Elements, from: Dtype, to: Dtype| { let c = cast(&data, &from, &to).unwrap(); (c.data, c.loss.is_some()) };
            prop_assert_eq!(to(bytes(v), Dtype::int(8, true), Dtype::float(4)), (Elements::Fixed((v as f32).to_le_bytes().to_vec()), v as f32 as i128 != i128::from(v)));
            prop_assert_eq!(to(bytes(v), Dtype::int(8, true), Dtype::float(8)), (Elements::Fixed((v as f64).to_le_bytes().to_vec()), v as f64 as i128 != i128::from(v)));
            let narrow = v.clamp(i64::from(i32::MIN), i64::from(i32::MAX)) as i32;
            prop_assert_eq!(to(bytes(v), Dtype::int(8, true), Dtype::int(4, true)), (Elements::Fixed(narrow.to_le_bytes().to_vec()), i64::from(narrow) != v));
            if !x.is_nan() {
                let float = Elements::Fixed(x.to_le_bytes().to_vec());
                prop_assert_eq!(to(float.clone(), Dtype::float(8), Dtype::float(4)), (Elements::Fixed((x as f32).to_le_bytes().to_vec()), f64::from(x as f32) != x));
                let whole = x.round_ties_even() as i64;
                let exact = x.fract() == 0.0 && whole as f64 == x && (whole != i64::MAX || x < 9e18);
                prop_assert_eq!(to(float, Dtype::float(8), Dtype::int(8, true)), (bytes(whole), !exact));
            }
        }
    }
}
