//! Tests of reports for which there is too little room.

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
    for most in 1..expected.len() {
        let (recorder, mut points, mut calls) = (recorder(), Vec::new(), 1);
        while !recorder.collect_as_fits(START.into(), &mut room(most, &mut points)) {
            // What is looked at between is no matter of the report's.
            let mut looked = 0;
            recorder.look(START.into(), &mut |_| {
                looked += 1;
                true
            });
            assert!(looked >= 11, "{looked}");
            calls += 1;
        }
        assert_eq!(points, expected, "by {most}");
        assert_eq!((calls, recorder.skipped()), (expected.len().div_ceil(most), 1));
        // Nothing of it is due twice.
        let mut next = Vec::new();
        assert!(recorder.collect_as_fits((START + 10).into(), &mut room(100, &mut next)));
        let counts = next.iter().filter(|point| point.path().contains(".count"));
        assert_eq!(counts.map(|count| count.value().as_f64()).collect::<Vec<_>>(), [0.0; 10]);
    }
}

/// The rest is offered once more, as a whole, when the time is over.
#[test]
fn what_is_left_when_the_time_is_over_is_due_in_the_next_report() {
    let (recorder, mut points) = (recorder(), Vec::new());
    assert!(!recorder.collect_as_fits(START.into(), &mut room(3, &mut points)));
    let mut refused = 0;
    recorder.try_collect(START, &mut |_: Metric<'_>| {
        refused += 1;
        false
    });
    assert_eq!((points.len(), refused), (3, 52));
    recorder.collect(START + 10, &mut |point| points.push(point.into_owned()));
    let counts = points.iter().filter(|point| point.path().starts_with("jobs.count"));
    assert_eq!(counts.map(|count| count.value().as_f64()).sum::<f64>(), 10.0);
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
