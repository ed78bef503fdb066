//! Element types in the manifest's shortest form.

use super::text::Toml;
use crate::model::{
    Charset, CompoundMember, Dtype, Encoding, EnumMember, FloatType, IntType, Order, Padding, RefKind, StringLength, StringType, Target,
    bytes_text,
};

/// The form that the loader reads as exactly this type. Fails with a clause.
pub fn dtype(dtype: &Dtype) -> Result<Toml, String> {
    match dtype {
        Dtype::Int(t) => Ok(int(t)),
        Dtype::Float(t) => Ok(float(t)),
        Dtype::String(t) => Ok(string(t)),
        Dtype::Enum { base, .. } if dtype.is_bool() && base.order == Order::Little => Ok(Toml::text("bool")),
        Dtype::Enum { base, members } => enumeration(base, members),
        Dtype::Compound { size, members } => match dtype.as_complex() {
            Some(part) => Ok(complex(part)),
            None => compound(*size, members),
        },
        Dtype::Array { base, dims } => array(base, dims),
        Dtype::Opaque { size, tag } => Ok(opaque(*size, tag)),
        Dtype::Bitfield(t) => Ok(Toml::Form("bitfield", Box::new(int(&IntType { signed: false, ..t.clone() })))),
        Dtype::Complex(t) => Ok(native(t)),
        Dtype::Vlen(base) => Ok(Toml::Form("vlen", Box::new(self::dtype(base)?))),
        Dtype::Reference(kind) => Ok(Toml::Form(
            "ref",
            Box::new(Toml::text(match kind {
                RefKind::Object => "object",
                RefKind::Region => "region",
                RefKind::Any => "any",
            })),
        )),
        Dtype::Committed { at: Target::Path(path), .. } => Ok(Toml::Form("type", Box::new(Toml::Text(path.to_string())))),
        Dtype::Committed { at: Target::Address(_), .. } => Err("its type is committed without a name".into()),
        Dtype::Encoded { dtype, encoded: Encoding(encoded) } => {
            let both = vec![("dtype".to_owned(), self::dtype(dtype)?), ("base64".to_owned(), base64_text(encoded))];
            Ok(Toml::Form("encoded", Box::new(Toml::Table(both))))
        }
        Dtype::Foreign { encoded, .. } => Ok(Toml::Form("encoded", Box::new(base64_text(encoded)))),
    }
}

fn unsaid(what: &str) -> String {
    format!("{what} cannot be said yet")
}

fn base64_text(bytes: &[u8]) -> Toml {
    use base64::Engine;
    Toml::Text(base64::engine::general_purpose::STANDARD.encode(bytes))
}

fn prefix(order: Order) -> &'static str {
    if order == Order::Big { ">" } else { "" }
}

fn order_word(order: Option<Order>) -> Option<Toml> {
    match order {
        Some(Order::Little) => None,
        Some(Order::Big) => Some(Toml::text("big")),
        None => Some(Toml::text("vax")),
    }
}

fn pads(codes: &[u8]) -> Option<Toml> {
    let word = |code: &u8| match code {
        1 => Toml::text("one"),
        2 => Toml::text("background"),
        _ => Toml::text("zero"),
    };
    codes.iter().any(|c| *c != 0).then(|| Toml::List(codes.iter().map(word).collect()))
}

/// The keys that have a value.
fn table(fields: Vec<(&str, Option<Toml>)>) -> Box<Toml> {
    Box::new(Toml::Table(fields.into_iter().filter_map(|(key, value)| Some((key.to_owned(), value?))).collect()))
}

/// A number, unless it is the default.
fn unless<T: PartialEq + ToString>(value: T, default: T) -> Option<Toml> {
    (value != default).then(|| Toml::bare(value))
}

fn int(t: &IntType) -> Toml {
    if *t == IntType::standard(t.size, t.signed, t.order) && t.is_standard() {
        return Toml::Text(format!("{}{}{}", prefix(t.order), if t.signed { 'i' } else { 'u' }, t.size));
    }
    let fields = vec![
        ("size", Some(Toml::bare(t.size))),
        ("signed", unless(t.signed, true)),
        ("order", order_word(Some(t.order))),
        ("precision", unless(t.precision, t.size * 8)),
        ("offset", unless(t.offset, 0)),
        ("pad", pads(&[t.pads.0, t.pads.1])),
    ];
    Toml::Form("int", table(fields))
}

fn float(t: &FloatType) -> Toml {
    if let Some(order) = t.as_ieee() {
        return Toml::Text(format!("{}f{}", prefix(order), t.size));
    }
    for (name, known) in [("bf16", FloatType::bf16()), ("f8e4m3", FloatType::f8e4m3()), ("f8e5m2", FloatType::f8e5m2())] {
        match t.order {
            Some(Order::Little) if *t == known => return Toml::text(name),
            Some(Order::Big) if name == "bf16" && *t == (FloatType { order: Some(Order::Big), ..known }) => return Toml::text(">bf16"),
            _ => {}
        }
    }
    let [sign, epos, esize, mpos, msize] = t.fields;
    let norm = match t.norm {
        1 => Some(Toml::text("msbset")),
        2 => Some(Toml::text("none")),
        _ => None,
    };
    let fields = vec![
        ("size", Some(Toml::bare(t.size))),
        ("order", order_word(t.order)),
        ("precision", unless(t.precision, t.size * 8)),
        ("offset", unless(t.offset, 0)),
        ("sign", Some(Toml::bare(sign))),
        ("exponent", Some(Toml::list([epos, esize]))),
        ("mantissa", Some(Toml::list([mpos, msize]))),
        ("bias", Some(Toml::bare(t.bias))),
        ("norm", norm),
        ("pad", pads(&[t.pads.0, t.pads.1, t.pads.2])),
    ];
    Toml::Form("float", table(fields))
}

fn string(t: &StringType) -> Toml {
    match (t.length, t.charset, t.padding) {
        (StringLength::Variable, Charset::Utf8, Padding::NullTerm) => return Toml::text("str"),
        (StringLength::Fixed(n), Charset::Ascii, Padding::NullPad) => return Toml::Text(format!("S{n}")),
        _ => {}
    }
    let (length, usual) = match t.length {
        StringLength::Variable => (None, Padding::NullTerm),
        StringLength::Fixed(n) => (Some(Toml::bare(n)), Padding::NullPad),
    };
    let pad = match t.padding {
        same if same == usual => None,
        Padding::NullTerm => Some(Toml::text("nullterm")),
        Padding::NullPad => Some(Toml::text("nullpad")),
        Padding::SpacePad => Some(Toml::text("spacepad")),
    };
    let charset = (t.charset == Charset::Ascii).then(|| Toml::text("ascii"));
    Toml::Form("string", table(vec![("length", length), ("charset", charset), ("pad", pad)]))
}

fn enumeration(base: &IntType, members: &[EnumMember]) -> Result<Toml, String> {
    let (low, high) = base.range();
    if members.is_empty() || members.iter().any(|m| m.value < low || m.value > high) {
        return Err(unsaid("an enumeration without members, or with values beyond its base,"));
    }
    let members = members.iter().map(|m| (bytes_text(&m.name), Toml::bare(m.value))).collect();
    let base = (*base != IntType::standard(4, true, Order::Little)).then(|| int(base));
    Ok(Toml::Form("enum", table(vec![("base", base), ("members", Some(Toml::Table(members)))])))
}

/// h5py's complex.
fn complex(part: &FloatType) -> Toml {
    match (part.as_ieee(), part.size) {
        (Some(Order::Little), 4 | 8) => Toml::Text(format!("complex{}", part.size * 16)),
        (Some(Order::Big), 4 | 8) => Toml::Text(format!(">c{}", part.size * 2)),
        _ => Toml::Form("complex", table(vec![("base", Some(float(part)))])),
    }
}

fn native(part: &FloatType) -> Toml {
    Toml::Form("complex", table(vec![("base", Some(float(part))), ("native", Some(Toml::bare(true)))]))
}

fn compound(size: usize, members: &[CompoundMember]) -> Result<Toml, String> {
    if members.is_empty() {
        return Err(unsaid("a compound without members"));
    }
    let mut end = 0;
    let mut list = Vec::with_capacity(members.len());
    for m in members {
        let offset = unless(m.offset, end);
        end = end.max(m.offset.saturating_add(m.dtype.size()));
        let fields = vec![("name", Some(Toml::Text(bytes_text(&m.name)))), ("dtype", Some(dtype(&m.dtype)?)), ("offset", offset)];
        list.push(*table(fields));
    }
    let list = Toml::List(list);
    Ok(Toml::Form(
        "compound",
        if size == end { Box::new(list) } else { table(vec![("size", Some(Toml::bare(size))), ("members", Some(list))]) },
    ))
}

fn array(base: &Dtype, dims: &[u64]) -> Result<Toml, String> {
    Ok(Toml::Form("array", table(vec![("base", Some(dtype(base)?)), ("shape", Some(Toml::list(dims)))])))
}

fn opaque(size: usize, tag: &[u8]) -> Toml {
    let tag = (!tag.is_empty()).then(|| Toml::Text(bytes_text(tag)));
    Toml::Form("opaque", table(vec![("size", Some(Toml::bare(size))), ("tag", tag)]))
}

#[cfg(test)]
mod tests {
    use super::super::testing::{dtypes, load_text};
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn short_names() {
        let name = |d: &Dtype| dtype(d).unwrap().line("dtype");
        assert_eq!(name(&Dtype::int(4, true)), "dtype = \"i4\"\n");
        assert_eq!(name(&Dtype::Int(IntType::standard(2, false, Order::Big))), "dtype = \">u2\"\n");
        assert_eq!(name(&Dtype::complex(8, Order::Big)), "dtype = \">c16\"\n");
        assert_eq!(name(&Dtype::complex(2, Order::Little)), "dtype.complex = { base = \"f2\" }\n");
        assert_eq!(name(&Dtype::bool()), "dtype = \"bool\"\n");
        let ascii = StringType { length: StringLength::Variable, charset: Charset::Ascii, padding: Padding::NullTerm };
        assert_eq!(name(&Dtype::String(ascii)), "dtype.string = { charset = \"ascii\" }\n");
        assert_eq!(name(&Dtype::Bitfield(IntType::standard(1, false, Order::Little))), "dtype.bitfield = \"u1\"\n");
    }

    #[test]
    fn vax_and_pads_are_said() {
        let vax = FloatType { order: None, pads: (0, 1, 1), ..FloatType::ieee(4, Order::Little) };
        let int = IntType { precision: 12, offset: 2, pads: (1, 1), ..IntType::standard(2, false, Order::Big) };
        for d in [Dtype::Float(vax), Dtype::Int(int.clone()), Dtype::Bitfield(int)] {
            assert_eq!(read_back(&d), d);
        }
    }

    fn read_back(d: &Dtype) -> Dtype {
        let text = format!("version = 1\n[dataset.x]\nshape = []\n{}", dtype(d).unwrap().line("dtype"));
        let loaded = load_text(&text);
        let dataset = loaded.desired.dataset(&crate::model::H5Path::parse("/x").unwrap()).unwrap();
        dataset.definition.as_ref().unwrap().dtype.clone()
    }

    proptest! {
        #[test]
        fn the_loader_reads_the_same_type(d in dtypes()) {
            prop_assert_eq!(read_back(&d), d);
        }
    }
}
