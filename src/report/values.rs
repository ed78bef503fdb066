//! Elements as arrays to print, as JSON, and as short texts.

use serde_json::{Map, Value, json};

use super::numpy::{ArrayValues, array_text, corner_dims, corner_text};
use crate::model::{AttrSeen, AttrValue, Dtype, Elements, Literal, Numbers, Shape, bytes_text, decode_one, element_text};

/// Most elements of an attribute that a short text shows.
const SHORT: usize = 6;

/// Array elements count as further axes, as in NumPy: the innermost type, and those axes.
pub fn element_axes(dtype: &Dtype) -> (&Dtype, Vec<u64>) {
    match dtype.resolved() {
        Dtype::Array { base, dims } => {
            let (base, inner) = element_axes(base);
            (base, [dims.clone(), inner].concat())
        }
        other => (other, Vec::new()),
    }
}

/// What of an array is printed: sizes of the whole, and of its corners where only they are shown.
pub struct Frame {
    /// Axes of the selection and of the elements.
    dims: Vec<u64>,
    /// The same of what is shown; `None` is everything.
    shown: Option<Vec<u64>>,
}

impl Frame {
    /// Of a selection of shape `dims` with elements of this type.
    pub fn new(dims: &[u64], dtype: &Dtype, all: bool) -> Self {
        let dims = [dims, &element_axes(dtype).1].concat();
        Self { shown: if all { None } else { corner_dims(&dims) }, dims }
    }

    /// Sizes of the selection's part that has to be read, for the region's own lengths `lens` (with axes
    /// of length 1 that the frame may lack); `None` is everything.
    pub fn to_read(&self, lens: &[u64]) -> Option<Vec<u64>> {
        self.shown.is_some().then(|| corner_dims_of(lens))
    }

    /// The array as NumPy prints it. `elements` are those of [`Frame::to_read`].
    pub fn text(&self, elements: &Elements, dtype: &Dtype) -> String {
        let (base, inner) = element_axes(dtype);
        let values = match &self.shown {
            Some(_) if !inner.is_empty() => array_values(&inner_corners(elements, base, &inner), base, false),
            _ => array_values(elements, base, self.dims.is_empty()),
        };
        self.array_text(&values)
    }

    /// The same for values that are at hand already.
    pub fn array_text(&self, values: &ArrayValues) -> String {
        if self.shown.is_some() { corner_text(values, &self.dims) } else { array_text(values, &self.dims, true) }
    }
}

/// Lengths that a summary shows, whether or not this part alone is long enough for one.
fn corner_dims_of(lens: &[u64]) -> Vec<u64> {
    // An axis of 1001 makes any array long enough; it is not kept.
    let mut with: Vec<u64> = vec![1001];
    with.extend(lens);
    corner_dims(&with).map_or_else(|| lens.to_vec(), |shown| shown[1..].to_vec())
}

/// Of every array element the corners only.
fn inner_corners(elements: &Elements, base: &Dtype, inner: &[u64]) -> Elements {
    let Elements::Fixed(bytes) = elements else { return elements.clone() };
    let shown = corner_dims_of(inner);
    let mut places = vec![0usize];
    for (&size, &shown) in inner.iter().zip(&shown) {
        let (size, shown) = (size as usize, shown as usize);
        let at = |i: usize| if i >= shown.div_ceil(2) { size - shown + i } else { i };
        places = places.iter().flat_map(|p| (0..shown).map(move |i| p * size + at(i))).collect();
    }
    let one = base.size();
    let all = inner.iter().product::<u64>() as usize * one;
    let pick = |element: &[u8]| places.iter().flat_map(|p| element[p * one..(p + 1) * one].to_vec()).collect::<Vec<u8>>();
    Elements::Fixed(bytes.chunks_exact(all.max(1)).flat_map(pick).collect())
}

/// Elements (not of an array type) for printing.
pub fn array_values(elements: &Elements, dtype: &Dtype, scalar: bool) -> ArrayValues {
    if let Some(numbers) = elements.numbers(dtype) {
        return number_values(numbers);
    }
    if let Some(texts) = texts(elements, dtype) {
        if texts.iter().all(|t| std::str::from_utf8(t).is_ok()) {
            return ArrayValues::Text(texts.iter().map(|t| String::from_utf8_lossy(t).into_owned()).collect());
        }
        let quoted = |t: &Vec<u8>| if scalar { bytes_text(t) } else { format!("'{}'", bytes_text(t)) };
        return ArrayValues::Other(texts.iter().map(quoted).collect());
    }
    let count = elements.count(dtype);
    ArrayValues::Other((0..count).map(|i| cell_text(elements, dtype, i)).collect())
}

/// Numbers for printing.
pub fn number_values(numbers: Numbers) -> ArrayValues {
    match numbers {
        Numbers::Bool(v) => ArrayValues::Bool(v),
        Numbers::Int(v) => ArrayValues::Int(v),
        Numbers::Uint(v) => ArrayValues::Uint(v),
        Numbers::F16(v) => ArrayValues::F16(v),
        Numbers::F32(v) => ArrayValues::F32(v),
        Numbers::F64(v) => ArrayValues::F64(v),
        Numbers::C64(v) => ArrayValues::C64(v),
        Numbers::C128(v) => ArrayValues::C128(v),
    }
}

/// Integers that may be larger than 64 bits.
pub fn integer_values(values: &[i128]) -> ArrayValues {
    if let Ok(v) = values.iter().map(|&v| i64::try_from(v)).collect() {
        return ArrayValues::Int(v);
    }
    if let Ok(v) = values.iter().map(|&v| u64::try_from(v)).collect() {
        return ArrayValues::Uint(v);
    }
    let texts: Vec<String> = values.iter().map(ToString::to_string).collect();
    let width = texts.iter().map(String::len).max().unwrap_or(0);
    ArrayValues::Other(texts.iter().map(|t| format!("{t:>width$}")).collect())
}

/// The bytes of texts, without padding.
fn texts(elements: &Elements, dtype: &Dtype) -> Option<Vec<Vec<u8>>> {
    match (elements, dtype.resolved()) {
        (Elements::Strings(list), _) => Some(list.iter().map(|t| t.clone().unwrap_or_default()).collect()),
        (Elements::Fixed(_), t @ Dtype::String(_)) => {
            let one = |i| match decode_one(elements, t, i) {
                Some(Literal::Text(text)) => crate::model::text_bytes(&text),
                _ => Vec::new(),
            };
            Some((0..elements.count(t)).map(one).collect())
        }
        (Elements::Fixed(_) | Elements::Nested(_), _) => None,
    }
}

/// One element: a record as `(1, 'x')`, a name of an enumeration bare, anything without better as hex.
fn cell_text(elements: &Elements, dtype: &Dtype, at: usize) -> String {
    let dtype = dtype.resolved();
    match (dtype, element_bytes(elements, dtype, at)) {
        (Dtype::Compound { members, .. }, Some(bytes)) if dtype.as_complex().is_none() => {
            let fields: Vec<String> = members.iter().map(|m| cell_text(&part(bytes, m.offset, &m.dtype), &m.dtype, 0)).collect();
            if fields.len() == 1 { format!("({},)", fields[0]) } else { format!("({})", fields.join(", ")) }
        }
        (Dtype::Array { base, dims }, Some(bytes)) => {
            let list = Elements::Fixed(bytes.to_vec());
            let cells: Vec<String> = (0..list.count(base)).map(|i| cell_text(&list, base, i)).collect();
            nested_text(&cells, dims)
        }
        (Dtype::Enum { .. }, _) if !dtype.is_bool() => match decode(elements, dtype, at) {
            Some(Literal::Text(name)) => name,
            _ => leaf_text(elements, dtype, at),
        },
        (Dtype::String(_), _) => match decode_one(elements, dtype, at) {
            Some(Literal::Text(text)) => format!("'{text}'"),
            _ => leaf_text(elements, dtype, at),
        },
        (_, Some(bytes)) => match part(bytes, 0, dtype).numbers(dtype) {
            Some(number) => array_text(&number_values(number), &[], false),
            None => leaf_text(elements, dtype, at),
        },
        (_, None) => leaf_text(elements, dtype, at),
    }
}

fn nested_text(cells: &[String], dims: &[u64]) -> String {
    match dims {
        [] | [_] => format!("[{}]", cells.join(", ")),
        [first, inner @ ..] => {
            let size = cells.len() / (*first).max(1) as usize;
            let rows: Vec<String> = cells.chunks(size.max(1)).map(|row| nested_text(row, inner)).collect();
            format!("[{}]", rows.join(", "))
        }
    }
}

fn element_bytes<'a>(elements: &'a Elements, dtype: &Dtype, at: usize) -> Option<&'a [u8]> {
    let Elements::Fixed(bytes) = elements else { return None };
    bytes.get(at * dtype.size()..(at + 1) * dtype.size())
}

/// A field of a record.
fn part(bytes: &[u8], offset: usize, dtype: &Dtype) -> Elements {
    Elements::Fixed(offset.checked_add(dtype.size()).and_then(|end| bytes.get(offset..end)).unwrap_or_default().to_vec())
}

/// Enumerations over integers of more than 8 bytes have no literal.
fn decode(elements: &Elements, dtype: &Dtype, at: usize) -> Option<Literal> {
    match dtype.resolved() {
        Dtype::Enum { base, .. } if base.size > 8 => None,
        _ => decode_one(elements, dtype, at),
    }
}

/// [`element_text`] for any type.
fn leaf_text(elements: &Elements, dtype: &Dtype, at: usize) -> String {
    let hex = |size| Dtype::Opaque { size, tag: Vec::new() };
    match dtype.resolved() {
        Dtype::Enum { base, .. } if base.size > 8 => element_text(elements, &hex(base.size), at),
        _ => element_text(elements, dtype, at),
    }
}

/// An attribute's value on one line. `all`: every element, however many.
pub fn attr_text(attr: &AttrSeen, all: bool) -> String {
    match attr {
        AttrSeen::Opaque { dtype, shape, .. } => format!("<{} {}>", shape_text(shape), dtype.numpy_name()),
        AttrSeen::Value(AttrValue { shape: Shape::Null, .. }) => "<null>".into(),
        AttrSeen::Value(AttrValue { dtype, data, .. }) => {
            let word = |i| match dtype.resolved() {
                t @ (Dtype::Compound { .. } | Dtype::Array { .. } | Dtype::Bitfield(_)) => cell_text(data, t, i),
                Dtype::Int(t) if !t.is_standard() => cell_text(data, dtype, i),
                _ => leaf_text(data, dtype, i),
            };
            let count = data.count(dtype);
            match count {
                1 => word(0),
                _ if all || count <= SHORT + 2 => format!("[{}]", (0..count).map(word).collect::<Vec<_>>().join(", ")),
                _ => format!("[{}, … {count} in all]", (0..SHORT).map(word).collect::<Vec<_>>().join(", ")),
            }
        }
    }
}

/// A shape as NumPy's tuple: `(3,)`, `()`; `null` for the null dataspace.
pub fn shape_text(shape: &Shape) -> String {
    match shape {
        Shape::Null => "null".into(),
        Shape::Scalar | Shape::Simple(_) => tuple(shape.dims().iter().map(ToString::to_string)),
    }
}

/// `(a, b)`, `(a,)`, `()`.
pub fn tuple(items: impl IntoIterator<Item = String>) -> String {
    let items: Vec<String> = items.into_iter().collect();
    if items.len() == 1 { format!("({},)", items[0]) } else { format!("({})", items.join(", ")) }
}

/// The shape in JSON, as in the plan format: a list, or `"null"` for the null dataspace.
pub fn shape_json(shape: &Shape) -> Value {
    if *shape == Shape::Null { json!("null") } else { json!(shape.dims()) }
}

/// An attribute in JSON: `dtype`, `shape` and `value`, or `error` where the value is not read.
pub fn attr_json(attr: &AttrSeen) -> Value {
    match attr {
        AttrSeen::Opaque { dtype, shape, why } => json!({ "dtype": dtype.numpy_name(), "shape": shape_json(shape), "error": why }),
        AttrSeen::Value(AttrValue { dtype, shape, data, .. }) => {
            let value = if *shape == Shape::Null { Value::Null } else { nested_json(elements_json(data, dtype), shape.dims()) };
            json!({ "dtype": dtype.numpy_name(), "shape": shape_json(shape), "value": value })
        }
    }
}

/// Elements in JSON. NaN and infinities are the texts `nan`, `inf`, `-inf`; complex numbers the texts of
/// their elements; integers beyond 64 bits texts; records objects; other types hex.
pub fn elements_json(elements: &Elements, dtype: &Dtype) -> Vec<Value> {
    (0..elements.count(dtype)).map(|i| cell_json(elements, dtype.resolved(), i)).collect()
}

fn cell_json(elements: &Elements, dtype: &Dtype, at: usize) -> Value {
    let dtype = dtype.resolved();
    match (dtype, element_bytes(elements, dtype, at)) {
        (Dtype::Compound { members, .. }, Some(bytes)) if dtype.as_complex().is_none() => {
            let fields = members.iter().map(|m| (bytes_text(&m.name), cell_json(&part(bytes, m.offset, &m.dtype), &m.dtype, 0)));
            Value::Object(fields.collect::<Map<_, _>>())
        }
        (Dtype::Array { base, dims }, Some(bytes)) => {
            let list = Elements::Fixed(bytes.to_vec());
            nested_json((0..list.count(base)).map(|i| cell_json(&list, base, i)).collect(), dims)
        }
        (_, bytes) => match decode(elements, dtype, at) {
            Some(Literal::Bool(v)) => json!(v),
            Some(Literal::Int(v)) => integer_json(v),
            Some(Literal::Float(v)) => float_json(v, &leaf_text(elements, dtype, at)),
            Some(Literal::Text(text)) => json!(text),
            Some(Literal::List(_) | Literal::Table(_)) | None => match bytes.and_then(|b| part(b, 0, dtype).numbers(dtype)) {
                Some(numbers) => numbers_json(&numbers).pop().unwrap_or_default(),
                None => json!(leaf_text(elements, dtype, at)),
            },
        },
    }
}

/// Integers in JSON.
pub fn integer_json(v: i128) -> Value {
    if let Ok(v) = i64::try_from(v) {
        return json!(v);
    }
    u64::try_from(v).map_or_else(|_| json!(v.to_string()), |v| json!(v))
}

/// A float in JSON; `text` has the digits of its own precision.
fn float_json(v: f64, text: &str) -> Value {
    match v {
        v if v.is_nan() => json!("nan"),
        v if v.is_infinite() => json!(if v > 0.0 { "inf" } else { "-inf" }),
        v => json!(text.parse::<f64>().unwrap_or(v)),
    }
}

/// Numbers in JSON.
pub fn numbers_json(numbers: &Numbers) -> Vec<Value> {
    let float = |v: f64, text: String| float_json(v, &text);
    let complex = |r: &dyn std::fmt::Debug, i: &dyn std::fmt::Debug| {
        let i = format!("{i:?}");
        json!(format!("{r:?}{}{i}j", if i.starts_with('-') { "" } else { "+" }))
    };
    match numbers {
        Numbers::Bool(v) => v.iter().map(|v| json!(v)).collect(),
        Numbers::Int(v) => v.iter().map(|v| json!(v)).collect(),
        Numbers::Uint(v) => v.iter().map(|v| json!(v)).collect(),
        Numbers::F16(v) => v.iter().map(|v| float(v.to_f64(), format!("{v:?}"))).collect(),
        Numbers::F32(v) => v.iter().map(|v| float(f64::from(*v), format!("{v:?}"))).collect(),
        Numbers::F64(v) => v.iter().map(|v| float(*v, format!("{v:?}"))).collect(),
        Numbers::C64(v) => v.iter().map(|(r, i)| complex(r, i)).collect(),
        Numbers::C128(v) => v.iter().map(|(r, i)| complex(r, i)).collect(),
    }
}

/// A flat list as lists of lists; the value itself for a scalar.
pub fn nested_json(mut flat: Vec<Value>, dims: &[u64]) -> Value {
    if dims.is_empty() {
        return flat.pop().unwrap_or_default();
    }
    for &size in dims[1..].iter().rev() {
        let mut values = flat.into_iter();
        let mut rows = Vec::new();
        loop {
            let row: Vec<Value> = values.by_ref().take(size as usize).collect();
            if row.is_empty() {
                break;
            }
            rows.push(Value::Array(row));
        }
        flat = rows;
    }
    Value::Array(flat)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{CompoundMember, IntType, Order};

    fn record() -> (Dtype, Elements) {
        let field = |name: &[u8], offset, dtype| CompoundMember { name: name.to_vec(), offset, dtype };
        let pair = Dtype::Array { base: Box::new(Dtype::int(1, false)), dims: vec![2] };
        let members = vec![field(b"n", 0, Dtype::int(2, true)), field(b"s", 2, Dtype::fixed_ascii(3)), field(b"a", 5, pair)];
        (Dtype::Compound { size: 7, members }, Elements::Fixed(b"\xff\xffab\0\x01\x02\x05\0a'b\x03\x04".to_vec()))
    }

    #[test]
    fn records() {
        let (dtype, data) = record();
        assert_eq!(Frame::new(&[2], &dtype, false).text(&data, &dtype), "[(-1, 'ab', [1, 2]) (5, 'a'b', [3, 4])]");
        assert_eq!(elements_json(&data, &dtype)[0], json!({ "n": -1, "s": "ab", "a": [1, 2] }));
    }

    #[test]
    fn array_elements_are_axes() {
        let dtype = Dtype::Array { base: Box::new(Dtype::int(1, false)), dims: vec![2, 2] };
        let data = Elements::Fixed((0..8).collect());
        assert_eq!(Frame::new(&[2], &dtype, false).text(&data, &dtype), "[[[0 1]\n  [2 3]]\n\n [[4 5]\n  [6 7]]]");
        let dtype = Dtype::Array { base: Box::new(Dtype::int(2, false)), dims: vec![300] };
        let bytes = (0..1200u16).flat_map(u16::to_le_bytes).collect();
        let frame = Frame::new(&[4], &dtype, false);
        assert_eq!(frame.to_read(&[4]), Some(vec![4]));
        let all = Frame::new(&[4, 300], &Dtype::int(2, false), false);
        let expect = array_text(&ArrayValues::Uint((0..1200).collect()), &[4, 300], false);
        assert_eq!(frame.text(&Elements::Fixed(bytes), &dtype), expect);
        assert_eq!(all.to_read(&[4, 300]), Some(vec![4, 6]));
    }

    #[test]
    fn odd_elements() {
        let wide = Dtype::Enum { base: IntType { precision: 128, ..IntType::standard(16, true, Order::Little) }, members: Vec::new() };
        let data = Elements::Fixed(vec![7; 16]);
        assert_eq!(cell_text(&data, &wide, 0), "0x07070707070707070707070707070707");
        assert_eq!(elements_json(&data, &wide), [json!("0x07070707070707070707070707070707")]);
        let bad = Elements::Strings(vec![Some(b"a\xff".to_vec()), None]);
        assert_eq!(Frame::new(&[2], &Dtype::str(), false).text(&bad, &Dtype::str()), "['a\\xFF' '']");
        assert_eq!(integer_values(&[-1, 1 << 100]), ArrayValues::Other(vec![format!("{:>31}", -1), (1i128 << 100).to_string()]));
        let f4 = Elements::Fixed([0.1f32, f32::NAN].iter().flat_map(|v| v.to_le_bytes()).collect());
        assert_eq!(elements_json(&f4, &Dtype::float(4)), [json!(0.1), json!("nan")]);
        assert_eq!(nested_json((0..6).map(|v| json!(v)).collect(), &[3, 2]), json!([[0, 1], [2, 3], [4, 5]]));
    }

    #[test]
    fn attributes() {
        let attr = |dims: &[u64], n: i32| {
            let data = Elements::Fixed((0..n).flat_map(i32::to_le_bytes).collect());
            AttrSeen::Value(AttrValue { max: None, dtype: Dtype::int(4, true), shape: Shape::from_dims(dims), data })
        };
        assert_eq!(attr_text(&attr(&[], 1), false), "0");
        assert_eq!(attr_text(&attr(&[2], 2), false), "[0, 1]");
        assert_eq!(attr_text(&attr(&[20], 20), false), "[0, 1, 2, 3, 4, 5, … 20 in all]");
        assert_eq!(attr_json(&attr(&[1], 1)), json!({ "dtype": "int32", "shape": [1], "value": [0] }));
    }
}
