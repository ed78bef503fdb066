//! What the tests of the samplers share. Seeds are fixed, so a statistical test gives the same verdict every time.

use ndarray::Array1;
use ndarray_rand::RandomExt;
use rand::distr::Distribution;

use super::number::Layout;
use super::sampler::{OneWord, Sampler, TILE};
use super::stream::{Purpose, Stream};
use crate::model::Dtype;

/// Numbers of a statistical test.
const COUNT: usize = 60_000;

/// Numbers drawn through `ndarray-rand`.
pub(super) fn samples(distribution: &impl Distribution<f64>) -> Vec<f64> {
    let mut rng = Stream::new(Purpose::Values, 7, b"/test").at(0, 1);
    Array1::random_using(COUNT, distribution, &mut rng).to_vec()
}

/// The two-sample Kolmogorov-Smirnov test against another implementation, at a level of about 1e-5.
pub(super) fn same_distribution(mut ours: Vec<f64>, other: &impl Distribution<f64>) {
    let mut rng = Stream::new(Purpose::Values, 8, b"/other").at(0, 1);
    let mut theirs: Vec<f64> = Array1::random_using(COUNT, other, &mut rng).to_vec();
    ours.sort_by(f64::total_cmp);
    theirs.sort_by(f64::total_cmp);
    let (mut i, mut j, mut distance) = (0, 0, 0usize);
    while i < COUNT && j < COUNT {
        let at = ours[i].min(theirs[j]);
        i += ours[i..].iter().take_while(|v| **v <= at).count();
        j += theirs[j..].iter().take_while(|v| **v <= at).count();
        distance = distance.max(i.abs_diff(j));
    }
    let limit = 2.47 * (2.0 * COUNT as f64).sqrt();
    assert!((distance as f64) < limit, "the distributions differ: {distance} > {limit}");
}

/// Mean and variance as a closed form says, within five standard errors.
pub(super) fn moments(ours: &[f64], mean: f64, variance: f64) {
    let n = ours.len() as f64;
    // Differences first: means may be 1e15 with a deviation of 1e7.
    let centred: Vec<f64> = ours.iter().map(|v| v - mean).collect();
    let shift = centred.iter().sum::<f64>() / n;
    let second = centred.iter().map(|d| d * d).sum::<f64>() / n;
    let fourth = centred.iter().map(|d| d * d * d * d).sum::<f64>() / n;
    assert!(shift.abs() < 5.0 * (variance / n).sqrt(), "mean off by {shift}, deviation {}", variance.sqrt());
    let error = ((fourth - second * second) / n).sqrt();
    assert!((second - variance).abs() < 5.0 * error, "variance {second}, not {variance}");
}

/// A sampler's own loop gives the very numbers that driving it through `ndarray-rand` gives.
pub(super) fn same_as_driven(sampler: impl OneWord) {
    let stream = Stream::new(Purpose::Values, 1, b"/x");
    let f8 = Layout::of(&Dtype::float(8)).unwrap();
    for count in [1, 7, TILE, 20 * TILE + 3] {
        let mut bulk = vec![0; count * 8];
        sampler.put(&mut stream.words(5, 1), f8, &mut bulk);
        let driven = Array1::random_using(count, &sampler, &mut stream.at(5, 1));
        assert!(bulk.as_chunks().0.iter().zip(&driven).all(|(a, b)| *a == b.to_le_bytes()));
    }
}
