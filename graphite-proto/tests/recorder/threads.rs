//! Many threads record while reports are made: what each has recorded is in one report.

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use super::*;

const THREADS: u32 = 4;
const SAMPLES: u32 = if cfg!(miri) { 150 } else { 20_000 };

/// Runs something on several threads, and makes reports until they have ended; returns the sums of
/// what was given of these names.
fn reported<const N: usize>(
    recorder: &Recorder,
    names: [&str; N],
    work: impl Fn(u32) + Sync,
) -> [f64; N] {
    let (mut sums, done) = ([0.0; N], AtomicBool::new(false));
    thread::scope(|scope| {
        let (work, done) = (&work, &done);
        scope.spawn(move || {
            thread::scope(|scope| {
                (0..THREADS).for_each(|thread| drop(scope.spawn(move || work(thread))));
            });
            done.store(true, Ordering::Release);
        });
        let mut last = false;
        while !last {
            last = done.load(Ordering::Acquire);
            recorder.collect(START, &mut |point| {
                for (sum, name) in sums.iter_mut().zip(names) {
                    *sum += if point.path() == name { point.value().as_f64() } else { 0.0 };
                }
            });
        }
    });
    sums
}

#[test]
fn no_sample_is_lost_while_reports_are_made() {
    let builder = Recorder::builder().counters(Counters::PerInterval);
    let recorder = recorder(builder.statistics(Statistics::ALL).quantiles(&[]));
    let sizes = with_local_recorder(&recorder, || histogram!("size"));
    let [count, sum] = reported(&recorder, ["app.size.count", "app.size.sum"], |thread| {
        (0..SAMPLES).for_each(|i| sizes.record(f64::from(i * 7 + thread)));
    });
    assert_eq!(count, f64::from(THREADS * SAMPLES));
    let samples = (0..THREADS).flat_map(|thread| (0..SAMPLES).map(move |i| i * 7 + thread));
    let expected: f64 = samples.map(f64::from).sum();
    // A sum that was brought between the bounds of the bins is as exact as they are.
    assert!((sum - expected).abs() <= expected * 0.002, "{sum}, not {expected}");
}

/// A handle that is dropped while its series is looked at has done its work before.
#[test]
fn no_increment_is_lost_while_series_are_forgotten() {
    let builder = Recorder::builder().counters(Counters::PerInterval);
    let recorder = recorder(builder.idle_timeout(Some(Duration::ZERO)));
    let [sum] = reported(&recorder, ["app.jobs.count"], |_| {
        with_local_recorder(&recorder, || {
            for i in 0..SAMPLES {
                let jobs = counter!("jobs");
                (0..i % 64).for_each(|_| std::hint::spin_loop());
                jobs.increment(1);
            }
        });
    });
    assert_eq!(sum, f64::from(THREADS * SAMPLES));
}
