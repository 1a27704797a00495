//! Tests of reports for which there is too little room.

use std::collections::BTreeMap;

use ::metrics::{counter, gauge, histogram, with_local_recorder};

use super::*;
use crate::metrics::Counters;

const START: u64 = 1_700_000_000;

fn recorder() -> Recorder {
    let recorder = Recorder::builder().counters(Counters::PerInterval).build();
    with_local_recorder(&recorder, || {
        for i in 0..5_u32 {
            counter!("jobs", "id" => i.to_string()).increment(i.into());
            gauge!("load", "id" => i.to_string()).set(i);
            (0..=i).for_each(|sample| histogram!("ms", "id" => i.to_string()).record(sample));
        }
        gauge!("nothing").set(f64::NAN);
    });
    recorder
}

/// What has room for so many points.
fn room(mut most: usize, points: &mut Vec<Metric<'static>>) -> impl FnMut(Metric<'_>) -> bool {
    move |point| {
        let taken = most > 0;
        most = most.saturating_sub(1);
        taken.then(|| points.push(point.into_owned())).is_some()
    }
}

#[test]
fn what_one_call_left_is_given_by_the_next() {
    let mut expected = Vec::new();
    recorder().collect(START, &mut |point| expected.push(point.into_owned()));
    assert_eq!(expected.len(), 5 * (1 + 1 + 9));
    for most in (1..expected.len()).step_by(if cfg!(miri) { 18 } else { 1 }) {
        let (recorder, mut points, mut calls) = (recorder(), Vec::new(), 1);
        recorder.read(START.into());
        while !recorder.give(true, &mut room(most, &mut points)) {
            calls += 1;
        }
        assert_eq!(points, expected, "by {most}");
        assert_eq!((calls, recorder.skipped()), (expected.len().div_ceil(most), 1));
        // Nothing of it is due twice.
        let mut next = Vec::new();
        recorder.read((START + 10).into());
        assert!(recorder.give(true, &mut room(100, &mut next)));
        let counts = next.iter().filter(|point| point.path().contains(".count"));
        assert_eq!(counts.map(|count| count.value().as_f64()).collect::<Vec<_>>(), [0.0; 10]);
    }
}

/// Returns the sum of what a store keeps of a name: one value for each time.
fn stored(points: &[Metric<'_>], name: &str) -> f64 {
    let own = points.iter().filter(|point| point.path() == name);
    let slot =
        |point: &Metric<'_>| (point.timestamp().map(Timestamp::seconds), point.value().as_f64());
    let slots: BTreeMap<_, f64> = own.map(slot).collect();
    slots.values().sum()
}

/// What is recorded after the interval's end, while its report waits for room, is the next one's; so is
/// what is looked at then.
#[test]
fn a_report_is_of_its_interval_whenever_it_is_given() {
    let recorder = Recorder::builder().counters(Counters::PerInterval).build();
    let (jobs, ms) = with_local_recorder(&recorder, || (counter!("jobs"), histogram!("ms")));
    jobs.increment(10);
    ms.record(1.0);
    let mut points = Vec::new();
    recorder.read(START.into());
    assert!(!recorder.give(true, &mut room(0, &mut points)));
    jobs.increment(5);
    ms.record(1000.0);
    recorder.look((START + 10).into(), &mut |_| false);
    assert!(recorder.give(true, &mut room(100, &mut points)));
    let max = points.iter().find(|point| point.path() == "ms.max").unwrap();
    assert_eq!(max.value().as_f64(), 1.0);
    recorder.collect(START + 10, &mut |point| points.push(point.into_owned()));
    assert_eq!([stored(&points, "jobs.count"), stored(&points, "ms.count")], [15.0, 2.0]);
    let max = points.iter().rfind(|point| point.path() == "ms.max").unwrap();
    assert_eq!(max.value().as_f64(), 1000.0);
}

#[test]
fn what_is_given_up_takes_nothing_from_the_next_report() {
    let recorder = Recorder::builder().counters(Counters::PerInterval).build();
    let series = with_local_recorder(&recorder, || [histogram!("a"), histogram!("b")]);
    series.iter().for_each(|series| series.record(1.0));
    recorder.read(START.into());
    assert!(!recorder.give(true, &mut |_| false));
    series.iter().for_each(|series| series.record(2.0));
    assert_eq!(recorder.give_up(), 18);
    let mut points = Vec::new();
    recorder.collect(START + 10, &mut |point| points.push(point.into_owned()));
    assert_eq!(points.len(), 18);
    assert_eq!([stored(&points, "a.count"), stored(&points, "b.count")], [2.0, 2.0]);
    assert_eq!([stored(&points, "a.max"), stored(&points, "b.max")], [2.0, 2.0]);
}

/// The store has what a look has sent; where the interval's own report does not take its place the
/// increase is not sent once more.
#[test]
fn what_a_look_has_sent_is_not_sent_again_in_another_interval() {
    for (missed, at) in [(false, START), (false, START + 60), (true, START)] {
        let recorder = Recorder::builder().counters(Counters::PerInterval).build();
        let (jobs, ms) = with_local_recorder(&recorder, || (counter!("jobs"), histogram!("ms")));
        jobs.increment(5);
        ms.record(1.0);
        let mut points = Vec::new();
        recorder.look(START.into(), &mut room(100, &mut points));
        jobs.increment(2);
        let most = if missed { 0 } else { 100 };
        recorder.try_collect(at, &mut room(most, &mut points));
        jobs.increment(1);
        recorder.collect(at + 10, &mut |point| points.push(point.into_owned()));
        let sums = [stored(&points, "jobs.count"), stored(&points, "ms.count")];
        assert_eq!(sums, [8.0, 1.0], "missed: {missed}, at {at}: {points:?}");
    }
}

/// Where there is no room for long, series that nobody holds come and go.
#[test]
fn an_outage_does_not_fill_the_memory() {
    let recorder = Recorder::builder().idle_timeout(Some(Duration::from_secs(100))).build();
    with_local_recorder(&recorder, || {
        for i in 0..if cfg!(miri) { 20 } else { 1_000_u64 } {
            gauge!("load", "id" => i.to_string()).set(1);
            counter!("jobs", "id" => i.to_string()).increment(1);
            recorder.try_collect(START + i * 100, &mut |_: Metric<'_>| false);
        }
    });
    assert!(recorder.series() <= 2 + 7, "{} series", recorder.series());
}

#[test]
fn whoever_is_given_points_may_ask_the_recorder() {
    let recorder = recorder();
    let mut told = String::new();
    recorder.collect(START, &mut |_| {
        told = format!(
            "{} {} {} {recorder:?}",
            recorder.series(),
            recorder.skipped(),
            recorder.renamed()
        );
    });
    assert!(told.contains("Recorder"), "{told}");
}

/// With room for a fifth of a report each series gets there in a fifth of the reports.
#[test]
fn too_little_room_does_not_always_leave_out_the_same() {
    let (recorder, mut points) = (recorder(), Vec::new());
    for report in 0..6 {
        recorder.try_collect(START + 10 * report, &mut room(11, &mut points));
    }
    let mut paths: Vec<_> = points.iter().map(|point| point.path().to_owned()).collect();
    paths.retain(|path| path.starts_with("jobs") || path.starts_with("load"));
    paths.sort_unstable();
    paths.dedup();
    assert_eq!(paths.len(), 10, "{paths:?}");
}
