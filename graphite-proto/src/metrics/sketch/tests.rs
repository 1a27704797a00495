//! Tests of the bins, and of what is read of them; those with many threads at once are in `tests`.

use proptest::prelude::*;

use super::*;

/// The stated error of a quantile.
const ERROR: f64 = 0.001;

fn sketch(samples: &[f64]) -> Sketch {
    let sketch = Sketch::default();
    samples.iter().for_each(|&sample| sketch.record(sample));
    sketch
}

fn taken(sketch: &Sketch) -> Reading {
    let mut reading = Reading::default();
    sketch.take(&mut reading);
    reading
}

fn extremes(reading: &Reading) -> [f64; 4] {
    [reading.sum, reading.min, reading.max, reading.mean()]
}

#[test]
fn bins_are_in_the_order_of_floats_and_hold_what_their_bounds_say() {
    let floats = [
        f64::MIN,
        -1e300,
        -1.001,
        -1.0,
        -0.999,
        -f64::MIN_POSITIVE,
        -5e-324,
        -0.0,
        0.0,
        5e-324,
        f64::MIN_POSITIVE,
        0.999,
        1.0,
        1.001,
        2.0,
        1e300,
        f64::MAX,
    ];
    for pair in floats.windows(2) {
        assert!(number(pair[0]) <= number(pair[1]), "{pair:?}");
    }
    for float in floats {
        let (least, most) = bounds(number(float));
        assert!(least.is_finite() && most.is_finite(), "{float}: {least} to {most}");
        assert!(least <= float && float <= most, "{float} in {least} to {most}");
    }
    assert_eq!(number(0.9991) + 1, number(1.0));
    assert_eq!(number(1.0) + (1 << MANTISSA), number(2.0));
}

/// By hand: the rank of 0.99 among 100 is 98.01, the 99th sample.
#[test]
fn a_known_distribution_is_read_back() {
    let samples: Vec<f64> = (1..=100).map(f64::from).collect();
    let reading = taken(&sketch(&samples));
    assert_eq!((reading.count, extremes(&reading)), (100, [5050.0, 1.0, 100.0, 50.5]));
    for (quantile, sample) in
        [(0.0, 1.0), (0.5, 50.0), (0.75, 75.0), (0.95, 95.0), (0.99, 99.0), (1.0, 100.0)]
    {
        let got = reading.quantile(quantile);
        assert!((got - sample).abs() <= sample * ERROR, "{quantile}: {got}, not {sample}");
    }
}

#[test]
fn what_was_taken_is_gone_and_what_was_looked_at_is_not() {
    let sketch = sketch(&[2.0, f64::NAN, 8.0, f64::INFINITY]);
    let mut reading = Reading::default();
    for _ in 0..2 {
        sketch.look(&mut reading);
        assert_eq!((reading.count, reading.refused), (2, 0));
        assert_eq!(extremes(&reading), [10.0, 2.0, 8.0, 5.0]);
    }
    let reading = taken(&sketch);
    assert_eq!((reading.count, reading.refused), (2, 2));
    assert_eq!(extremes(&reading), [10.0, 2.0, 8.0, 5.0]);
    let reading = taken(&sketch);
    assert!(reading.is_empty());
    assert_eq!((reading.count, reading.refused), (0, 0));
    sketch.record(-3.0);
    assert_eq!(extremes(&taken(&sketch)), [-3.0; 4]);
}

/// What a report that comes between the additions of one sample sees: its extremes without the bin,
/// or the bin without them.
#[test]
fn a_sample_that_is_being_recorded_makes_no_figure_wrong() {
    let sketch = sketch(&[4.0]);
    sketch.sum.increment(1000.0);
    extend(&sketch.min, -7.0, |sample, least| sample < least);
    extend(&sketch.max, 1000.0, |sample, most| sample > most);
    let reading = taken(&sketch);
    for figure in extremes(&reading) {
        assert!((figure - 4.0).abs() <= 4.0 * 2.0 * ERROR, "{reading:?}");
    }
    sketch.octave(number(1000.0) >> MANTISSA).count(number(1000.0) as usize & 511);
    let reading = taken(&sketch);
    assert!(reading.min <= reading.max, "{reading:?}");
    for figure in extremes(&reading).into_iter().chain([reading.quantile(0.5)]) {
        assert!((figure - 1000.0).abs() <= 1000.0 * 2.0 * ERROR, "{reading:?}");
    }
}

#[test]
fn the_sum_of_what_is_beyond_a_float_is_not_sent_as_a_number() {
    let reading = taken(&sketch(&[f64::MAX, f64::MAX, f64::MAX]));
    assert!(!reading.sum.is_finite(), "the recorder leaves it out");
    assert_eq!([reading.min, reading.max], [f64::MAX; 2]);
    assert!((reading.quantile(0.5) / f64::MAX - 1.0).abs() <= ERROR);
}

proptest! {
    #[test]
    #[cfg_attr(miri, ignore = "takes many cases, and keeps those that fail in a file")]
    fn quantiles_are_within_the_stated_error(
        samples in proptest::collection::vec(
            prop_oneof![-1e3..1e3, (1e-300..1e300_f64), any::<f64>().prop_filter("", |s| s.is_finite())],
            1..200,
        ),
        quantile in 0.0..=1.0,
    ) {
        let reading = taken(&sketch(&samples));
        let mut sorted = samples;
        sorted.sort_by(f64::total_cmp);
        let rank = (quantile * (sorted.len() - 1) as f64) as usize;
        let (got, sample) = (reading.quantile(quantile), sorted[rank]);
        // What is next to nothing is nothing.
        let most = (sample.abs() * ERROR).max(f64::MIN_POSITIVE);
        prop_assert!((got - sample).abs() <= most, "{got}, not {sample}");
        prop_assert_eq!(reading.count, sorted.len() as u64);
        prop_assert_eq!([reading.min, reading.max], [sorted[0], sorted[sorted.len() - 1]]);
        prop_assert!((reading.min..=reading.max).contains(&got));
    }
}
