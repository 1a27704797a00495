//! What it takes to record by the facade, beside metrics-util's own cells, and to collect a report.
//!
//! `cargo bench -p graphite-proto --features metrics --bench recorder`. The ratio of `recorder` to
//! `metrics-util` within one run is what counts. Not here: the points' way to a receiver.

#![allow(clippy::disallowed_methods, reason = "what is timed here is not the machine's time")]

use std::hint::black_box;
use std::time::{Duration, Instant};

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use graphite_proto::metrics::Recorder;
use metrics::{Counter, Gauge, Histogram, Key, counter, gauge, histogram, with_local_recorder};
use metrics_util::registry::{AtomicStorage, GenerationalStorage, Registry};

const SAMPLES: u32 = 1_000;
const SERIES: u32 = 10_000;

type Theirs = Registry<Key, GenerationalStorage<AtomicStorage>>;

fn theirs() -> Theirs {
    Registry::new(GenerationalStorage::new(AtomicStorage))
}

/// Latencies in seconds, as a service would have them.
fn samples() -> Vec<f64> {
    (0..SAMPLES).map(|i| 0.001 * f64::from(1 + i * 7919 % 997)).collect()
}

/// Times a round of records; what is done between rounds is not counted.
fn rounds(rounds: u64, mut record: impl FnMut(), mut between: impl FnMut()) -> Duration {
    let mut taken = Duration::ZERO;
    for _ in 0..rounds {
        let begun = Instant::now();
        record();
        taken += begun.elapsed();
        between();
    }
    taken
}

fn record(criterion: &mut Criterion) {
    let (registry, key) = (theirs(), Key::from_static_name("x"));
    let recorder = Recorder::builder().build();
    let mut group = criterion.benchmark_group("record a count");
    group.throughput(Throughput::Elements(SAMPLES.into()));
    let counters: [(_, Counter); 2] = [
        ("metrics-util", registry.get_or_create_counter(&key, |handle| handle.clone().into())),
        ("recorder", with_local_recorder(&recorder, || counter!("count"))),
    ];
    for (name, counter) in counters {
        group.bench_function(name, |bencher| {
            bencher.iter(|| (0..SAMPLES).for_each(|i| counter.increment(black_box(i).into())));
        });
    }
    group.finish();

    let mut group = criterion.benchmark_group("record a gauge");
    group.throughput(Throughput::Elements(SAMPLES.into()));
    let gauges: [(_, Gauge); 2] = [
        ("metrics-util", registry.get_or_create_gauge(&key, |handle| handle.clone().into())),
        ("recorder", with_local_recorder(&recorder, || gauge!("gauge"))),
    ];
    for (name, gauge) in gauges {
        group.bench_function(name, |bencher| {
            bencher.iter(|| (0..SAMPLES).for_each(|i| gauge.set(black_box(i))));
        });
    }
    group.finish();
    record_samples(criterion, &registry, &recorder);
}

/// Their bucket is emptied after each round, as a report does it, else it would hold every sample.
fn record_samples(criterion: &mut Criterion, registry: &Theirs, recorder: &Recorder) {
    let (samples, key) = (samples(), Key::from_static_name("x"));
    let mut group = criterion.benchmark_group("record a sample");
    group.throughput(Throughput::Elements(SAMPLES.into()));
    let all = |histogram: &Histogram| samples.iter().for_each(|s| histogram.record(black_box(*s)));
    let histogram: Histogram =
        registry.get_or_create_histogram(&key, |handle| handle.clone().into());
    let empty = || {
        registry.visit_histograms(|_, handle| {
            handle.get_inner().clear_with(|block| {
                black_box(block);
            });
        });
    };
    group.bench_function("metrics-util", |bencher| {
        bencher.iter_custom(|times| rounds(times, || all(&histogram), empty));
    });
    let histogram = with_local_recorder(recorder, || histogram!("sample"));
    let mut at = 0_u64;
    let mut report = || {
        at += 10;
        recorder.collect(at, &mut |point| {
            black_box(point);
        });
    };
    group.bench_function("recorder", |bencher| {
        bencher.iter_custom(|times| rounds(times, || all(&histogram), &mut report));
    });
    group.finish();
}

/// Each series was touched since the last report.
fn collect(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group(format!("collect {SERIES} series"));
    group.sample_size(20);
    let id = |i: u32| i.to_string();
    let recorder = Recorder::builder().build();
    let counters: Vec<_> = with_local_recorder(&recorder, || {
        (0..SERIES).map(|i| counter!("jobs.done", "id" => id(i))).collect()
    });
    let mut at = 0_u64;
    let mut report = |recorder: &Recorder| {
        at += 10;
        let mut points = 0;
        recorder.collect(at, &mut |point| {
            black_box(point);
            points += 1;
        });
        assert!(points >= SERIES);
    };
    let touch = || counters.iter().for_each(|counter| counter.increment(1));
    touch();
    group.bench_function("counters", |bencher| {
        bencher.iter_custom(|times| rounds(times, || report(&recorder), touch));
    });
    let recorder = Recorder::builder().build();
    let histograms: Vec<_> = with_local_recorder(&recorder, || {
        (0..SERIES).map(|i| histogram!("latency", "id" => id(i))).collect()
    });
    let samples = samples();
    let touch = || {
        let record = |(histogram, samples): (&Histogram, &[f64])| {
            samples.iter().for_each(|sample| histogram.record(*sample));
        };
        histograms.iter().zip(samples.chunks(10).cycle()).for_each(record);
    };
    touch();
    group.bench_function("histograms of 10 samples", |bencher| {
        bencher.iter_custom(|times| rounds(times, || report(&recorder), touch));
    });
    group.finish();
}

criterion_group!(benches, record, collect);
criterion_main!(benches);
