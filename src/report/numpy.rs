//! Arrays as NumPy prints them: `str(array)` with its default print options (precision 8,
//! threshold 1000, 3 edge items, 75 columns), as of NumPy 2.4.
//!
//! NumPy before 2.3 switches float16 and float32 to exponents later (at 1e8 and 1e16) than this.

use half::f16;

/// Axes longer than twice this are summarised.
const EDGE_ITEMS: u64 = 3;
/// Arrays of more elements are summarised.
const THRESHOLD: u128 = 1000;
/// Columns of a line.
const LINE_WIDTH: usize = 75;
/// Most digits after the point.
const PRECISION: usize = 8;

/// Values of an array to print, row-major.
#[derive(Clone, Debug, PartialEq)]
pub enum ArrayValues {
    /// `True` and `False`.
    Bool(Vec<bool>),
    /// Signed integers of any size.
    Int(Vec<i64>),
    /// Unsigned integers of any size.
    Uint(Vec<u64>),
    /// float16.
    F16(Vec<f16>),
    /// float32.
    F32(Vec<f32>),
    /// float64.
    F64(Vec<f64>),
    /// complex64: real, imaginary.
    C64(Vec<(f32, f32)>),
    /// complex128: real, imaginary.
    C128(Vec<(f64, f64)>),
    /// Text, in quotes as Python writes it (a scalar without).
    Text(Vec<String>),
    /// Elements that are text already; only control characters are escaped.
    Other(Vec<String>),
}

/// As `print(array)`; scalars (no dims) as `print(array[()])`. `all` is `threshold = inf`: nothing
/// is left out. `values` holds every element of `dims`; with too few, the missing ones print as `?`.
pub fn array_text(values: &ArrayValues, dims: &[u64], all: bool) -> String {
    match corner_dims(dims) {
        Some(corner) if !all => text(&select(values, &corner_places(dims, &corner)), dims, true),
        _ => text(values, dims, false),
    }
}

/// As [`array_text`] without `all`, when only the elements that are printed are at hand: those of
/// the shape [`corner_dims`], made of the first and last three indices along each longer axis.
pub fn corner_text(corner: &ArrayValues, dims: &[u64]) -> String {
    text(corner, dims, corner_dims(dims).is_some())
}

/// The shape of what a summary shows of an array of shape `dims`; `None` when NumPy shows it whole.
pub fn corner_dims(dims: &[u64]) -> Option<Vec<u64>> {
    let elements = dims.iter().try_fold(1u128, |n, &d| n.checked_mul(u128::from(d))).unwrap_or(u128::MAX);
    let whole = dims.contains(&0) || elements <= THRESHOLD;
    (!whole).then(|| dims.iter().map(|&d| d.min(2 * EDGE_ITEMS)).collect())
}

/// Row-major places in `dims` of the elements of its corners.
fn corner_places(dims: &[u64], corner: &[u64]) -> Vec<u64> {
    let mut places = vec![0u64];
    for (&size, &shown) in dims.iter().zip(corner) {
        let index = |i: u64| if shown < size && i >= EDGE_ITEMS { size - shown + i } else { i };
        places = places.iter().flat_map(|p| (0..shown).map(move |i| p.saturating_mul(size).saturating_add(index(i)))).collect();
    }
    places
}

fn select(values: &ArrayValues, places: &[u64]) -> ArrayValues {
    fn pick<T: Clone>(list: &[T], places: &[u64]) -> Vec<T> {
        places.iter().filter_map(|&p| list.get(usize::try_from(p).ok()?).cloned()).collect()
    }
    match values {
        ArrayValues::Bool(v) => ArrayValues::Bool(pick(v, places)),
        ArrayValues::Int(v) => ArrayValues::Int(pick(v, places)),
        ArrayValues::Uint(v) => ArrayValues::Uint(pick(v, places)),
        ArrayValues::F16(v) => ArrayValues::F16(pick(v, places)),
        ArrayValues::F32(v) => ArrayValues::F32(pick(v, places)),
        ArrayValues::F64(v) => ArrayValues::F64(pick(v, places)),
        ArrayValues::C64(v) => ArrayValues::C64(pick(v, places)),
        ArrayValues::C128(v) => ArrayValues::C128(pick(v, places)),
        ArrayValues::Text(v) => ArrayValues::Text(pick(v, places)),
        ArrayValues::Other(v) => ArrayValues::Other(pick(v, places)),
    }
}

/// `values` are all that is shown, in the order of the text.
fn text(values: &ArrayValues, dims: &[u64], summary: bool) -> String {
    if dims.contains(&0) {
        return "[]".into();
    }
    let words = if dims.is_empty() { scalar_words(values) } else { array_words(values) };
    let mut words = words.into_iter();
    if dims.is_empty() { words.next().unwrap_or_else(|| "?".into()) } else { nested(&mut words, dims, summary, 1, LINE_WIDTH) }
}

/// The text of one axis and those within; `indent` and `width` shrink the line from both sides.
fn nested(words: &mut dyn Iterator<Item = String>, dims: &[u64], summary: bool, indent: usize, width: usize) -> String {
    let (size, inner) = (dims[0], &dims[1..]);
    let gap = (summary && size > 2 * EDGE_ITEMS).then_some(EDGE_ITEMS);
    let shown = if gap.is_some() { 2 * EDGE_ITEMS } else { size };
    let mut out = String::from("[");
    if !inner.is_empty() {
        let separator = format!("{}{}", "\n".repeat(inner.len()), " ".repeat(indent));
        for i in 0..shown {
            if i > 0 {
                out.push_str(&separator);
            }
            if gap == Some(i) {
                out.push_str("...");
                out.push_str(&separator);
            }
            out.push_str(&nested(words, inner, summary, indent + 1, width - 1));
        }
        out.push(']');
        return out;
    }
    let (mut line, mut length) = (String::new(), indent);
    let mut add = |word: &str| {
        let chars = word.chars().count();
        if length > indent && length + chars > width - 1 {
            out.push_str(line.trim_end());
            out.push('\n');
            line = " ".repeat(indent);
            length = indent;
        }
        line.push_str(word);
        line.push(' ');
        length += chars + 1;
    };
    for i in 0..shown {
        if gap == Some(i) {
            add("...");
        }
        add(&words.next().unwrap_or_else(|| "?".into()));
    }
    out.push_str(line.strip_suffix(' ').unwrap_or(&line));
    out.push(']');
    out
}

/// Every element in the common format of them all.
fn array_words(values: &ArrayValues) -> Vec<String> {
    match values {
        ArrayValues::Bool(v) => v.iter().map(|&b| if b { " True".into() } else { "False".into() }).collect(),
        ArrayValues::Int(v) => aligned(v),
        ArrayValues::Uint(v) => aligned(v),
        ArrayValues::F16(v) => float_words(v.iter().map(|x| x.to_f64()).collect(), Width::F16),
        ArrayValues::F32(v) => float_words(v.iter().map(|&x| f64::from(x)).collect(), Width::F32),
        ArrayValues::F64(v) => float_words(v.clone(), Width::F64),
        ArrayValues::C64(v) => complex_words(v.iter().map(|&(r, i)| (f64::from(r), f64::from(i))).collect(), Width::F32),
        ArrayValues::C128(v) => complex_words(v.clone(), Width::F64),
        ArrayValues::Text(v) => v.iter().map(|s| python_repr(s)).collect(),
        ArrayValues::Other(v) => v.iter().map(|s| without_controls(s)).collect(),
    }
}

/// Elements as NumPy's scalars print.
fn scalar_words(values: &ArrayValues) -> Vec<String> {
    match values {
        ArrayValues::Bool(v) => v.iter().map(|&b| if b { "True".into() } else { "False".into() }).collect(),
        ArrayValues::Int(v) => v.iter().map(ToString::to_string).collect(),
        ArrayValues::Uint(v) => v.iter().map(ToString::to_string).collect(),
        ArrayValues::F16(v) => v.iter().map(|x| scalar_float(x.to_f64(), Width::F16, ".0")).collect(),
        ArrayValues::F32(v) => v.iter().map(|&x| scalar_float(f64::from(x), Width::F32, ".0")).collect(),
        ArrayValues::F64(v) => v.iter().map(|&x| scalar_float(x, Width::F64, ".0")).collect(),
        ArrayValues::C64(v) => v.iter().map(|&(r, i)| scalar_complex(f64::from(r), f64::from(i), Width::F32)).collect(),
        ArrayValues::C128(v) => v.iter().map(|&(r, i)| scalar_complex(r, i, Width::F64)).collect(),
        ArrayValues::Text(v) | ArrayValues::Other(v) => v.iter().map(|s| without_controls(s)).collect(),
    }
}

fn aligned<T: ToString>(values: &[T]) -> Vec<String> {
    let texts: Vec<String> = values.iter().map(ToString::to_string).collect();
    let width = texts.iter().map(String::len).max().unwrap_or(0);
    texts.iter().map(|t| format!("{t:>width$}")).collect()
}

/// Which float type a value has; values themselves travel as f64, which holds all of them exactly.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Width {
    F16,
    F32,
    F64,
}

impl Width {
    /// Largest magnitude (exclusive) that arrays print without exponent.
    fn array_limit(self) -> f64 {
        match self {
            Width::F16 => 1e3,
            Width::F32 => 1e6,
            Width::F64 => 1e8,
        }
    }

    /// The same for scalars.
    fn scalar_limit(self) -> f64 {
        match self {
            Width::F16 => 1e3,
            Width::F32 => 1e6,
            Width::F64 => 1e16,
        }
    }

    /// To the nearest value of the type: NumPy calculates in the array's own type.
    fn round(self, value: f64) -> f64 {
        match self {
            Width::F16 => f16::from_f64(value).to_f64(),
            Width::F32 => f64::from(value as f32),
            Width::F64 => value,
        }
    }

    /// Fewest decimal digits that read back as the same value of the type, in exponential format. Of
    /// two decimals equally near NumPy takes the even one, the standard library the larger.
    fn shortest_exp(self, value: f64) -> String {
        let text = match self {
            Width::F16 => return half_digits(value),
            Width::F32 => format!("{:e}", value as f32),
            Width::F64 => format!("{value:e}"),
        };
        let digits = text.bytes().take_while(|&b| b != b'e').filter(u8::is_ascii_digit).count();
        let even = format!("{value:.*e}", digits - 1);
        let same = match self {
            Width::F32 => even.parse::<f32>().is_ok_and(|v| v == value as f32),
            Width::F16 | Width::F64 => even.parse::<f64>().is_ok_and(|v| v == value),
        };
        if same { even } else { text }
    }

    /// The same digits without exponent.
    fn shortest(self, value: f64) -> String {
        without_exponent(&self.shortest_exp(value))
    }
}

/// `-1.25e-2` as `-0.0125`, `1.5e2` as `150`.
fn without_exponent(text: &str) -> String {
    let (mantissa, exponent) = text.split_once('e').unwrap_or((text, "0"));
    let (sign, mantissa) = mantissa.strip_prefix('-').map_or(("", mantissa), |rest| ("-", rest));
    let digits = mantissa.replace('.', "");
    let point = exponent.parse::<i32>().unwrap_or(0) + 1;
    match usize::try_from(point) {
        Ok(point) if point >= digits.len() => format!("{sign}{digits:0<point$}"),
        Ok(point) if point > 0 => format!("{sign}{}.{}", &digits[..point], &digits[point..]),
        _ => format!("{sign}0.{}{digits}", "0".repeat(point.unsigned_abs() as usize)),
    }
}

/// [`Width::shortest_exp`] of a float16, which the standard library lacks. Below a power of two
/// values are denser than above, so that only the larger of two equally near decimals may read back.
fn half_digits(value: f64) -> String {
    let same = |text: &String| text.parse().is_ok_and(|v| f16::from_f64(v).to_f64() == value);
    let candidates = |digits: usize| [format!("{value:.digits$e}"), format!("{:.digits$e}", value * (1.0 + 1e-9))];
    (0..5).flat_map(candidates).find(same).unwrap_or_else(|| format!("{value:e}"))
}

/// Before the point (sign included), after it without trailing zeros; at most [`PRECISION`] digits.
fn positional(value: f64, width: Width) -> (String, String) {
    let mut text = width.shortest(value);
    if text.split_once('.').is_some_and(|(_, frac)| frac.len() > PRECISION) {
        text = format!("{value:.PRECISION$}");
    }
    let (int, frac) = text.split_once('.').unwrap_or((&text, ""));
    (int.into(), frac.trim_end_matches('0').into())
}

/// Before the point, after it without trailing zeros, exponent with its sign and two digits or more.
fn scientific(value: f64, width: Width, precision: usize) -> (String, String, String) {
    let mut text = width.shortest_exp(value);
    let (mantissa, _) = text.split_once('e').unwrap_or((&text, "0"));
    if mantissa.split_once('.').is_some_and(|(_, frac)| frac.len() > precision) {
        text = format!("{value:.precision$e}");
    }
    let (mantissa, exponent) = text.split_once('e').unwrap_or((&text, "0"));
    let (int, frac) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    (int.into(), frac.trim_end_matches('0').into(), exponent_text(exponent, 2))
}

fn exponent_text(exponent: &str, digits: usize) -> String {
    match exponent.strip_prefix('-') {
        Some(magnitude) => format!("-{magnitude:0>digits$}"),
        None => format!("+{exponent:0>digits$}"),
    }
}

/// The common format of floats: NumPy's `FloatingFormat`.
struct FloatFormat {
    width: Width,
    /// Does `+` stand before numbers that are not negative?
    plus: bool,
    /// Digits of the exponent, in exponential format.
    exponent: Option<usize>,
    /// Characters before the point.
    left: usize,
    /// Characters after the point (exponent included).
    right: usize,
    /// Digits after the point in exponential format.
    precision: usize,
}

impl FloatFormat {
    fn new(values: &[f64], width: Width, plus: bool) -> Self {
        let finite = || values.iter().copied().filter(|v| v.is_finite());
        let magnitudes = || finite().filter(|v| *v != 0.0).map(f64::abs);
        let (low, high) = magnitudes().fold((f64::INFINITY, 0f64), |(low, high), v| (low.min(v), high.max(v)));
        let exponential = high > 0.0 && (high >= width.array_limit() || low < width.round(1e-4) || width.round(high / low) > 1000.0);
        let signed = |value: f64, int: &str| int.len() + usize::from(plus && !value.is_sign_negative());
        let mut format = Self { width, plus, exponent: None, left: 0, right: 0, precision: 0 };
        if exponential {
            let mut digits = 0;
            for value in finite() {
                let (int, frac, exponent) = scientific(value, width, PRECISION);
                digits = digits.max(exponent.len() - 1);
                format.precision = format.precision.max(frac.len());
                format.left = format.left.max(signed(value, &int));
            }
            format.exponent = Some(digits);
            format.right = digits + 2 + format.precision;
        } else {
            for value in finite() {
                let (int, frac) = positional(value, width);
                format.left = format.left.max(signed(value, &int));
                format.right = format.right.max(frac.len());
            }
        }
        if values.iter().any(|v| !v.is_finite()) {
            let sign = plus || values.contains(&f64::NEG_INFINITY);
            format.left =
                format.left.max((3 + usize::from(sign)).saturating_sub(format.right + 1)).max(2usize.saturating_sub(format.right));
        }
        format
    }

    fn word(&self, value: f64) -> String {
        if !value.is_finite() {
            let text = match value {
                v if v.is_nan() => {
                    if self.plus {
                        "+nan"
                    } else {
                        "nan"
                    }
                }
                v if v < 0.0 => "-inf",
                _ => {
                    if self.plus {
                        "+inf"
                    } else {
                        "inf"
                    }
                }
            };
            let width = self.left + self.right + 1;
            return format!("{text:>width$}");
        }
        let sign = |int: String| if self.plus && !value.is_sign_negative() { format!("+{int}") } else { int };
        let left = self.left;
        match self.exponent {
            None => {
                let (int, frac) = positional(value, self.width);
                format!("{:>left$}.{frac:<right$}", sign(int), right = self.right)
            }
            Some(digits) => {
                let (int, frac, exponent) = self.exact(value);
                format!("{:>left$}.{frac}e{}", sign(int), exponent_text(&exponent, digits))
            }
        }
    }

    /// With exactly `precision` digits after the point: those of the value itself where its
    /// shortest digits end earlier.
    fn exact(&self, value: f64) -> (String, String, String) {
        let shortest = self.width.shortest_exp(value);
        let precision = self.precision;
        let text = match shortest.split_once('e').and_then(|(mantissa, _)| mantissa.split_once('.')) {
            Some((_, frac)) if frac.len() == precision => shortest,
            _ => format!("{value:.precision$e}"),
        };
        let (mantissa, exponent) = text.split_once('e').unwrap_or((&text, "0"));
        let (int, frac) = mantissa.split_once('.').unwrap_or((mantissa, ""));
        (int.into(), frac.into(), exponent.into())
    }
}

fn float_words(values: Vec<f64>, width: Width) -> Vec<String> {
    let format = FloatFormat::new(&values, width, false);
    values.into_iter().map(|v| format.word(v)).collect()
}

fn complex_words(values: Vec<(f64, f64)>, width: Width) -> Vec<String> {
    let (re, im): (Vec<f64>, Vec<f64>) = values.iter().copied().unzip();
    let (re, im) = (FloatFormat::new(&re, width, false), FloatFormat::new(&im, width, true));
    let word = |(r, i)| {
        let imaginary = im.word(i);
        let (digits, padding) = imaginary.split_at(imaginary.trim_end().len());
        format!("{}{digits}j{padding}", re.word(r))
    };
    values.into_iter().map(word).collect()
}

/// A scalar float; `whole` follows numbers without a fraction.
fn scalar_float(value: f64, width: Width, whole: &str) -> String {
    if !value.is_finite() {
        return if value.is_nan() { "nan".into() } else { value.to_string() };
    }
    let magnitude = value.abs();
    if magnitude == 0.0 || (1e-4..width.scalar_limit()).contains(&magnitude) {
        let text = width.shortest(value);
        return if text.contains('.') { text } else { text + whole };
    }
    let (int, frac, exponent) = scientific(value, width, usize::MAX);
    let point = if frac.is_empty() { "" } else { "." };
    format!("{int}{point}{frac}e{exponent}")
}

fn scalar_complex(re: f64, im: f64, width: Width) -> String {
    let imaginary = scalar_float(im, width, "");
    if re == 0.0 && re.is_sign_positive() {
        return format!("{imaginary}j");
    }
    let sign = if imaginary.starts_with('-') { "" } else { "+" };
    format!("({}{sign}{imaginary}j)", scalar_float(re, width, ""))
}

/// Python's `repr` of a text.
fn python_repr(text: &str) -> String {
    let quote = if text.contains('\'') && !text.contains('"') { '"' } else { '\'' };
    let mut out = String::from(quote);
    for c in text.chars() {
        match c {
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            c if c == quote => out.extend(['\\', c]),
            c => push_printable(c, &mut out),
        }
    }
    out.push(quote);
    out
}

/// The text with what no terminal should see escaped as Python does; quotes and backslashes stay.
fn without_controls(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            c => push_printable(c, &mut out),
        }
    }
    out
}

fn push_printable(c: char, out: &mut String) {
    let code = u32::from(c);
    if is_printable(c) {
        out.push(c);
    } else if code < 0x100 {
        out.push_str(&format!("\\x{code:02x}"));
    } else if code < 0x1_0000 {
        out.push_str(&format!("\\u{code:04x}"));
    } else {
        out.push_str(&format!("\\U{code:08x}"));
    }
}

/// Neither control, format, surrogate, private, unassigned nor a separator other than the space. The
/// standard library's `escape_debug` draws the line where Python's `str.isprintable` does, but for
/// combining marks (printable to Python), which it escapes only at the start of a text.
fn is_printable(c: char) -> bool {
    let mut buffer = [b'a', 0, 0, 0, 0];
    let length = 1 + c.encode_utf8(&mut buffer[1..]).len();
    let text = std::str::from_utf8(&buffer[..length]).unwrap_or_default();
    matches!(c, '\'' | '"' | '\\') || text.escape_debug().count() == 2
}

#[cfg(test)]
#[path = "numpy_tests.rs"]
mod tests;
