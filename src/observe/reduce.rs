//! Mean, minimum, maximum, sum and standard deviation of a selection, block by block.

use half::f16;

use super::block::{Part, ReadError, check_size, parts};
use crate::h5::DatasetAccess;
use crate::model::{Block, Numbers, Partition, Region};

/// What to make of many elements.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reduction {
    /// Arithmetic mean.
    Mean,
    /// Smallest; NaN if there is one.
    Min,
    /// Largest; NaN if there is one.
    Max,
    /// Sum.
    Sum,
    /// Standard deviation of the population: NumPy's, with `ddof = 0`.
    Std,
}

/// What came out, row-major.
#[derive(Clone, Debug, PartialEq)]
pub enum Reduced {
    /// Exact sums of integers and booleans.
    Integers(Vec<i128>),
    /// Everything else; minima and maxima are of the dataset's own kind of number.
    Numbers(Numbers),
}

/// Reduces a region over one of its own axes (dropped ones count here), or over all of it. `shown` are
/// lengths of the result's axes as the region's own, without `axis`: only those results are computed,
/// and only what they need is read. Memory: one block, and a few words for each result.
pub fn reduce(
    access: &DatasetAccess,
    region: &Region,
    chunk: Option<&[u64]>,
    reduction: Reduction,
    axis: Option<usize>,
    shown: Option<&[u64]>,
) -> Result<Reduced, ReadError> {
    let lens = region.lens();
    let left: Vec<u64> = match axis {
        Some(axis) => without(&lens, axis),
        None => Vec::new(),
    };
    let shown = shown.unwrap_or(&left);
    check_size(shown, 32)?;
    let cells = shown.iter().product::<u64>() as usize;
    let mut tally = Tally::new(access, reduction, cells)?;
    for Part { mut block, at } in parts(&left, shown) {
        match axis {
            Some(axis) => {
                block.offset.insert(axis, 0);
                block.len.insert(axis, lens[axis]);
            }
            None => block = Block { offset: vec![0; lens.len()], len: lens.clone() },
        }
        let region = region.sub(&block);
        let partition = Partition::new(&region, chunk, access.dtype().size());
        for k in 0..partition.count() {
            let block = partition.block(k);
            let read = access.read(&region.sub(&block))?;
            let numbers = read.numbers(access.dtype()).ok_or_else(|| not_numbers(access, reduction))?;
            tally.add(&numbers, &Places::of(&block, axis, &at, shown));
        }
    }
    Ok(tally.finish())
}

fn without(list: &[u64], axis: usize) -> Vec<u64> {
    let mut list = list.to_vec();
    list.remove(axis);
    list
}

fn not_numbers(access: &DatasetAccess, reduction: Reduction) -> ReadError {
    ReadError::Refused(format!("values of {} have no {}", access.dtype().numpy_name(), reduction.word()))
}

impl Reduction {
    /// For messages.
    pub fn word(self) -> &'static str {
        match self {
            Reduction::Mean => "mean",
            Reduction::Min => "minimum",
            Reduction::Max => "maximum",
            Reduction::Sum => "sum",
            Reduction::Std => "standard deviation",
        }
    }
}

/// Which result each element of a block goes to: the block is `along` deep along the axis, and `inner`
/// elements make one step along it.
struct Places {
    cells: Vec<usize>,
    along: usize,
    inner: usize,
}

impl Places {
    fn of(block: &Block, axis: Option<usize>, at: &[u64], shown: &[u64]) -> Self {
        let Some(axis) = axis else { return Self { cells: vec![0], along: block.elements(), inner: 1 } };
        let flat = Block { offset: without(&block.offset, axis), len: without(&block.len, axis) };
        let place: Vec<u64> = flat.offset.iter().zip(at).map(|(o, at)| o + at).collect();
        let mut cells = Vec::with_capacity(flat.elements());
        flat.runs(&place, shown, |start, count| cells.extend(start as usize..start as usize + count));
        Self { cells, along: block.len[axis] as usize, inner: block.len[axis + 1..].iter().product::<u64>() as usize }
    }

    fn each<T: Copy>(&self, values: &[T], mut put: impl FnMut(usize, T)) {
        for (cells, slab) in self.cells.chunks_exact(self.inner).zip(values.chunks_exact(self.along * self.inner)) {
            for row in slab.chunks_exact(self.inner) {
                cells.iter().zip(row).for_each(|(&cell, &value)| put(cell, value));
            }
        }
    }
}

/// Neumaier's compensated sum (ZAMM 54, 1974): the error does not grow with the number of terms.
#[derive(Clone, Copy, Default)]
struct Sum {
    sum: f64,
    lost: f64,
}

impl Sum {
    fn add(&mut self, value: f64) {
        let sum = self.sum + value;
        self.lost += if self.sum.abs() >= value.abs() { (self.sum - sum) + value } else { (value - sum) + self.sum };
        self.sum = sum;
    }

    /// Infinities and NaN are in the plain sum; what was lost to them means nothing.
    fn total(self) -> f64 {
        if self.sum.is_finite() { self.sum + self.lost } else { self.sum }
    }
}

/// Welford's running mean and sum of squared differences from it (Technometrics 4, 1962).
#[derive(Clone, Copy, Default)]
struct Spread {
    count: f64,
    mean: f64,
    squares: f64,
}

impl Spread {
    fn add(&mut self, value: f64) {
        self.count += 1.0;
        let off = value - self.mean;
        self.mean += off / self.count;
        self.squares += off * (value - self.mean);
    }
}

/// The results so far.
struct Tally {
    reduction: Reduction,
    /// Elements that make one result; complex numbers have a second column for their imaginary parts.
    count: u64,
    cells: usize,
    columns: Columns,
}

enum Columns {
    Integers(Vec<i128>),
    Sums(Vec<Sum>, Vec<Sum>),
    Spreads(Vec<Spread>, Vec<Spread>),
    /// Minima or maxima; the empty list says which numbers they are.
    IntegerEnds(Vec<i128>, Numbers),
    FloatEnds(Vec<f64>, Numbers),
}

impl Tally {
    fn new(access: &DatasetAccess, reduction: Reduction, cells: usize) -> Result<Self, ReadError> {
        // What the dtype gives for no elements tells which numbers its elements are.
        let none = crate::model::Elements::empty(access.dtype()).numbers(access.dtype()).ok_or_else(|| not_numbers(access, reduction))?;
        let (integer, complex) = match &none {
            Numbers::Bool(_) | Numbers::Int(_) | Numbers::Uint(_) => (true, false),
            Numbers::F16(_) | Numbers::F32(_) | Numbers::F64(_) => (false, false),
            Numbers::C64(_) | Numbers::C128(_) => (false, true),
        };
        let second = if complex { cells } else { 0 };
        let columns = match reduction {
            Reduction::Sum | Reduction::Mean if integer => Columns::Integers(vec![0; cells]),
            Reduction::Sum | Reduction::Mean => Columns::Sums(vec![Sum::default(); cells], vec![Sum::default(); second]),
            Reduction::Std => Columns::Spreads(vec![Spread::default(); cells], vec![Spread::default(); second]),
            Reduction::Min | Reduction::Max if complex => return Err(not_numbers(access, reduction)),
            Reduction::Min if integer => Columns::IntegerEnds(vec![i128::MAX; cells], none),
            Reduction::Max if integer => Columns::IntegerEnds(vec![i128::MIN; cells], none),
            Reduction::Min => Columns::FloatEnds(vec![f64::INFINITY; cells], none),
            Reduction::Max => Columns::FloatEnds(vec![f64::NEG_INFINITY; cells], none),
        };
        Ok(Self { reduction, count: 0, cells, columns })
    }

    fn add(&mut self, numbers: &Numbers, places: &Places) {
        self.count += places.cells.len() as u64 * places.along as u64;
        match numbers {
            Numbers::Bool(v) => self.integers(v, i128::from, places),
            Numbers::Int(v) => self.integers(v, i128::from, places),
            Numbers::Uint(v) => self.integers(v, i128::from, places),
            Numbers::F16(v) => self.floats(v, f16::to_f64, places),
            Numbers::F32(v) => self.floats(v, f64::from, places),
            Numbers::F64(v) => self.floats(v, |x| x, places),
            Numbers::C64(v) => self.complexes(v, |(r, i)| (f64::from(r), f64::from(i)), places),
            Numbers::C128(v) => self.complexes(v, |x| x, places),
        }
    }

    fn integers<T: Copy>(&mut self, values: &[T], wide: impl Fn(T) -> i128, places: &Places) {
        match (&mut self.columns, self.reduction) {
            (Columns::Integers(sums), _) => places.each(values, |cell, v| sums[cell] += wide(v)),
            (Columns::IntegerEnds(ends, _), Reduction::Min) => places.each(values, |cell, v| ends[cell] = ends[cell].min(wide(v))),
            (Columns::IntegerEnds(ends, _), _) => places.each(values, |cell, v| ends[cell] = ends[cell].max(wide(v))),
            (Columns::Spreads(..) | Columns::Sums(..) | Columns::FloatEnds(..), _) => self.floats(values, |v| wide(v) as f64, places),
        }
    }

    fn floats<T: Copy>(&mut self, values: &[T], wide: impl Fn(T) -> f64, places: &Places) {
        match (&mut self.columns, self.reduction) {
            (Columns::Sums(sums, _), _) => places.each(values, |cell, v| sums[cell].add(wide(v))),
            (Columns::Spreads(spreads, _), _) => places.each(values, |cell, v| spreads[cell].add(wide(v))),
            // Nothing is below or above a NaN, so one that is there stays.
            (Columns::FloatEnds(ends, _), Reduction::Min) => places.each(values, |cell, v| {
                let v = wide(v);
                if v.is_nan() || v < ends[cell] {
                    ends[cell] = v;
                }
            }),
            (Columns::FloatEnds(ends, _), _) => places.each(values, |cell, v| {
                let v = wide(v);
                if v.is_nan() || v > ends[cell] {
                    ends[cell] = v;
                }
            }),
            (Columns::Integers(_) | Columns::IntegerEnds(..), _) => unreachable!("the columns were made for the dataset's dtype"),
        }
    }

    fn complexes<T: Copy>(&mut self, values: &[T], wide: impl Fn(T) -> (f64, f64), places: &Places) {
        match &mut self.columns {
            Columns::Sums(re, im) => places.each(values, |cell, v| {
                let (r, i) = wide(v);
                re[cell].add(r);
                im[cell].add(i);
            }),
            Columns::Spreads(re, im) => places.each(values, |cell, v| {
                let (r, i) = wide(v);
                re[cell].add(r);
                im[cell].add(i);
            }),
            Columns::Integers(_) | Columns::IntegerEnds(..) | Columns::FloatEnds(..) => unreachable!("complex numbers have no order"),
        }
    }

    fn finish(self) -> Reduced {
        // Every result is made of equally many elements.
        let each = self.count as f64 / self.cells.max(1) as f64;
        let share = |total: f64| if self.reduction == Reduction::Mean { total / each } else { total };
        Reduced::Numbers(match self.columns {
            Columns::Integers(sums) if self.reduction == Reduction::Sum => return Reduced::Integers(sums),
            Columns::Integers(sums) => Numbers::F64(sums.into_iter().map(|s| share(s as f64)).collect()),
            Columns::Sums(re, im) if im.is_empty() => Numbers::F64(re.into_iter().map(|s| share(s.total())).collect()),
            Columns::Sums(re, im) => Numbers::C128(re.into_iter().zip(im).map(|(r, i)| (share(r.total()), share(i.total()))).collect()),
            Columns::Spreads(re, im) => Numbers::F64(
                re.iter().enumerate().map(|(i, s)| ((s.squares + im.get(i).map_or(0.0, |s| s.squares)) / s.count).sqrt()).collect(),
            ),
            Columns::IntegerEnds(ends, Numbers::Bool(_)) => Numbers::Bool(ends.into_iter().map(|v| v != 0).collect()),
            Columns::IntegerEnds(ends, Numbers::Uint(_)) => Numbers::Uint(ends.into_iter().map(|v| v as u64).collect()),
            Columns::IntegerEnds(ends, _) => Numbers::Int(ends.into_iter().map(|v| v as i64).collect()),
            Columns::FloatEnds(ends, Numbers::F16(_)) => Numbers::F16(ends.into_iter().map(f16::from_f64).collect()),
            Columns::FloatEnds(ends, Numbers::F32(_)) => Numbers::F32(ends.into_iter().map(|v| v as f32).collect()),
            Columns::FloatEnds(ends, _) => Numbers::F64(ends),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::super::block::testing::{counting, dataset};
    use super::*;
    use crate::model::{Dtype, Selection, Shape};

    const DIMS: [u64; 3] = [10, 8, 9];

    fn of(select: &str, reduction: Reduction, axis: Option<usize>, shown: Option<&[u64]>) -> Reduced {
        let (_folder, _file, access) = dataset(&Dtype::int(4, true), &DIMS, Some(&[4, 3, 9]), counting(720));
        let region = Selection::parse(select).unwrap().resolve(&Shape::from_dims(&DIMS)).unwrap();
        reduce(&access, &region, Some(&[4, 3, 9]), reduction, axis, shown).unwrap()
    }

    fn sums(axis: usize) -> Vec<i128> {
        let mut lens = DIMS.map(|d| d as usize);
        let out: usize = lens.iter().product::<usize>() / lens[axis];
        let mut sums = vec![0; out];
        lens[axis] = 1;
        for (n, at) in (0..720usize).map(|n| (n, [n / 72, n / 9 % 8, n % 9])) {
            let at: Vec<usize> = (0..3).map(|a| if a == axis { 0 } else { at[a] }).collect();
            sums[(at[0] * lens[1] + at[1]) * lens[2] + at[2]] += n as i128;
        }
        sums
    }

    #[test]
    fn along_every_axis() {
        for axis in 0..3 {
            assert_eq!(of("...", Reduction::Sum, Some(axis), None), Reduced::Integers(sums(axis)), "axis {axis}");
        }
        assert_eq!(of("...", Reduction::Sum, None, None), Reduced::Integers(vec![719 * 360]));
        assert_eq!(of("...", Reduction::Mean, None, None), Reduced::Numbers(Numbers::F64(vec![359.5])));
        assert_eq!(of("1, :, ::4", Reduction::Max, Some(1), None), Reduced::Numbers(Numbers::Int(vec![135, 139, 143])));
        assert_eq!(of("3, 2, 1", Reduction::Min, None, None), Reduced::Numbers(Numbers::Int(vec![3 * 72 + 2 * 9 + 1])));
    }

    #[test]
    fn corners_are_those_of_the_whole() {
        let all = sums(1);
        let all = &all;
        let expect = [0, 1, 8, 9].iter().flat_map(|row| [0, 1, 7, 8].iter().map(move |column| all[row * 9 + column])).collect();
        assert_eq!(of("...", Reduction::Sum, Some(1), Some(&[4, 4])), Reduced::Integers(expect));
    }

    fn floats(values: &[f64], reduction: Reduction) -> f64 {
        let bytes = values.iter().flat_map(|v| v.to_le_bytes()).collect();
        let (_folder, _file, access) = dataset(&Dtype::float(8), &[values.len() as u64], None, bytes);
        let region = Region::whole(&Shape::Simple(vec![values.len() as u64])).unwrap();
        match reduce(&access, &region, None, reduction, None, None).unwrap() {
            Reduced::Numbers(Numbers::F64(v)) => v[0],
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn sums_are_compensated_and_nan_stays() {
        assert_eq!(floats(&[1.0, 1e100, 1.0, -1e100], Reduction::Sum), 2.0);
        assert_eq!(floats(&[f64::INFINITY, 1.0], Reduction::Mean), f64::INFINITY);
        assert!((floats(&[1e9 + 4.0, 1e9 + 7.0, 1e9 + 13.0, 1e9 + 16.0], Reduction::Std) - 22.5f64.sqrt()).abs() < 1e-9);
        for reduction in [Reduction::Mean, Reduction::Min, Reduction::Max, Reduction::Sum, Reduction::Std] {
            assert!(floats(&[1.0, f64::NAN, 2.0], reduction).is_nan(), "{reduction:?}");
        }
        assert_eq!((floats(&[3.0, -1.0], Reduction::Min), floats(&[3.0, -1.0], Reduction::Max)), (-1.0, 3.0));
    }

    #[test]
    fn other_numbers() {
        let one = |dtype: &Dtype, bytes: &[u8], n: u64, reduction| {
            let (_folder, _file, access) = dataset(dtype, &[n], None, bytes.to_vec());
            reduce(&access, &Region::whole(&Shape::Simple(vec![n])).unwrap(), None, reduction, None, None)
        };
        assert_eq!(one(&Dtype::bool(), &[1, 0, 1], 3, Reduction::Sum).unwrap(), Reduced::Integers(vec![2]));
        assert_eq!(one(&Dtype::bool(), &[1, 0, 1], 3, Reduction::Min).unwrap(), Reduced::Numbers(Numbers::Bool(vec![false])));
        let big = [u64::MAX.to_le_bytes(), u64::MAX.to_le_bytes()].concat();
        assert_eq!(one(&Dtype::int(8, false), &big, 2, Reduction::Sum).unwrap(), Reduced::Integers(vec![2 * i128::from(u64::MAX)]));
        let complex = Dtype::complex(4, crate::model::Order::Little);
        let pairs: Vec<u8> = [1f32, 2., 3., 6.].iter().flat_map(|v| v.to_le_bytes()).collect();
        assert_eq!(one(&complex, &pairs, 2, Reduction::Mean).unwrap(), Reduced::Numbers(Numbers::C128(vec![(2.0, 4.0)])));
        assert_eq!(one(&complex, &pairs, 2, Reduction::Std).unwrap(), Reduced::Numbers(Numbers::F64(vec![5f64.sqrt()])));
        assert!(one(&complex, &pairs, 2, Reduction::Min).unwrap_err().to_string().contains("complex64"));
        assert!(one(&Dtype::fixed_ascii(2), b"abcd", 2, Reduction::Mean).unwrap_err().to_string().contains("S2"));
    }
}
