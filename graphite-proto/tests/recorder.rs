//! The recorder of the `metrics` facade: what is given of each kind, when, and by which names.

use std::time::Duration;

use graphite_encoder::parse_tagged;
use graphite_proto::metrics::{Counters, Labels, Recorder, RecorderBuilder, Statistics};
use graphite_proto::{ConfigError, Metric, Protocol, Value};
use metrics::{counter, gauge, histogram, with_local_recorder};

#[path = "recorder/names.rs"]
mod names;
#[path = "recorder/threads.rs"]
mod threads;

/// A multiple of ten seconds.
const START: u64 = 1_700_000_000;

/// What is given at a time, by name.
fn collect(recorder: &Recorder, at: u64) -> Vec<(String, Value)> {
    let mut points = Vec::new();
    recorder.collect(at, &mut |point| {
        let stamp = point.timestamp().map(graphite_proto::Timestamp::seconds);
        assert_eq!(stamp, Some((at - at % recorder.interval().as_secs()).into()));
        points.push((point.path().to_owned(), point.value()));
    });
    points.sort_by(|a, b| a.0.cmp(&b.0));
    points
}

fn recorder(builder: RecorderBuilder) -> Recorder {
    builder.prefix("app").build()
}

fn named(points: &[(String, Value)]) -> Vec<(&str, f64)> {
    points.iter().map(|(name, value)| (name.as_str(), value.as_f64())).collect()
}

#[test]
fn a_total_goes_on_and_an_increase_begins_anew() {
    let total = recorder(Recorder::builder());
    let increase = recorder(Recorder::builder().counters(Counters::PerInterval));
    for recorder in [&total, &increase] {
        with_local_recorder(recorder, || counter!("jobs").increment(5));
        assert_eq!(named(&collect(recorder, START)), [("app.jobs.count", 5.0)]);
        with_local_recorder(recorder, || counter!("jobs").increment(2));
    }
    assert_eq!(named(&collect(&total, START + 10)), [("app.jobs.count", 7.0)]);
    assert_eq!(named(&collect(&increase, START + 10)), [("app.jobs.count", 2.0)]);
    assert_eq!(named(&collect(&total, START + 20)), [("app.jobs.count", 7.0)]);
    assert_eq!(named(&collect(&increase, START + 20)), [("app.jobs.count", 0.0)]);
}

#[test]
fn a_gauge_is_its_last_value_and_nothing_before_there_is_one() {
    let recorder = recorder(Recorder::builder());
    let users = with_local_recorder(&recorder, || gauge!("users"));
    assert_eq!(named(&collect(&recorder, START)), []);
    users.set(7.0);
    users.decrement(0.5);
    for at in [START + 10, START + 20] {
        assert_eq!(named(&collect(&recorder, at)), [("app.users", 6.5)]);
    }
    for (skipped, value) in [(1, f64::NAN), (2, f64::INFINITY)] {
        users.set(value);
        assert_eq!(named(&collect(&recorder, START + 30)), []);
        assert_eq!(recorder.skipped(), skipped);
    }
    users.set(0.0);
    assert_eq!(named(&collect(&recorder, START + 40)), [("app.users", 0.0)]);
}

#[test]
fn a_histogram_is_of_its_interval_and_its_count_goes_on() {
    let recorder = recorder(Recorder::builder().statistics(Statistics::ALL).quantiles(&[0.5]));
    let size = with_local_recorder(&recorder, || histogram!("size"));
    for sample in [1.0, 2.0, 9.0, f64::NAN] {
        size.record(sample);
    }
    let points = collect(&recorder, START);
    let expected = [
        ("app.size.count", 3.0),
        ("app.size.max", 9.0),
        ("app.size.mean", 4.0),
        ("app.size.min", 1.0),
        ("app.size.p50", 2.0),
        ("app.size.sum", 12.0),
    ];
    assert_near(&named(&points), &expected);
    assert_eq!(recorder.skipped(), 1);
    size.record(-3.0);
    let expected = [
        ("app.size.count", 4.0),
        ("app.size.max", -3.0),
        ("app.size.mean", -3.0),
        ("app.size.min", -3.0),
        ("app.size.p50", -3.0),
        ("app.size.sum", -3.0),
    ];
    assert_near(&named(&collect(&recorder, START + 10)), &expected);
    assert_eq!(named(&collect(&recorder, START + 20)), [("app.size.count", 4.0)]);
}

/// Quantiles are exact to a thousandth.
fn assert_near(points: &[(&str, f64)], expected: &[(&str, f64)]) {
    assert_eq!(points.len(), expected.len(), "{points:?}");
    for ((name, value), (wanted, exact)) in points.iter().zip(expected) {
        assert_eq!(name, wanted);
        let allowed = if name.contains(".p") { exact.abs() / 1000.0 } else { 0.0 };
        assert!((value - exact).abs() <= allowed, "{name}: {value} instead of {exact}");
    }
}

#[test]
fn what_is_sent_of_a_histogram_can_be_chosen() {
    let builder = Recorder::builder().statistics(Statistics::NONE);
    let recorder = recorder(builder.quantiles(&[1.0, 0.0, 0.05, 0.9999, 0.5, 0.5]));
    with_local_recorder(&recorder, || (1..=100).for_each(|i| histogram!("ms").record(i)));
    let points = collect(&recorder, START);
    let names: Vec<&str> = points.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, ["app.ms.p0", "app.ms.p05", "app.ms.p100", "app.ms.p50", "app.ms.p9999"]);
    // Nothing of an interval without samples is due then.
    assert_eq!(named(&collect(&recorder, START + 10)), []);
}

/// What found no room is in the next report, of counts; statistics are those of one interval.
#[test]
fn an_increase_that_was_not_taken_is_kept() {
    let recorder = recorder(Recorder::builder().counters(Counters::PerInterval).quantiles(&[]));
    let (jobs, size) = with_local_recorder(&recorder, || (counter!("jobs"), histogram!("size")));
    jobs.increment(3);
    size.record(8.0);
    let mut offered = 0;
    recorder.try_collect(START, &mut |_: Metric<'_>| {
        offered += 1;
        false
    });
    assert_eq!(offered, 5, "one of the counter, four of the histogram");
    jobs.increment(4);
    let expected = [("app.jobs.count", 7.0), ("app.size.count", 1.0)];
    assert_eq!(named(&collect(&recorder, START + 10)), expected);
    let expected = [("app.jobs.count", 0.0), ("app.size.count", 0.0)];
    assert_eq!(named(&collect(&recorder, START + 20)), expected);
}

#[test]
fn what_is_idle_is_no_longer_sent_and_forgotten() {
    let recorder = recorder(Recorder::builder().idle_timeout(Some(Duration::from_secs(30))));
    with_local_recorder(&recorder, || {
        counter!("jobs", "id" => "1").increment(1);
        gauge!("load", "id" => "1").set(1.0);
        histogram!("size", "id" => "1").record(1.0);
    });
    let at = |report: u64| START + 10 * report;
    assert_eq!(collect(&recorder, at(0)).len(), 11);
    for report in 1..3 {
        assert_eq!(collect(&recorder, at(report)).len(), 3, "report {report}");
    }
    assert_eq!((collect(&recorder, at(3)).len(), recorder.series()), (0, 0));
    // It begins anew, and its name is free.
    with_local_recorder(&recorder, || counter!("jobs", "id" => "1").increment(1));
    assert_eq!(named(&collect(&recorder, at(4))), [("app.jobs.count;id=1", 1.0)]);
    assert_eq!(recorder.renamed(), 0);
}

/// Else what is counted by a handle that is kept in a static would never be seen again.
#[test]
fn what_somebody_holds_is_not_forgotten() {
    let recorder = recorder(Recorder::builder().idle_timeout(Some(Duration::from_secs(20))));
    let jobs = with_local_recorder(&recorder, || counter!("jobs"));
    jobs.increment(1);
    let at = |report: u64| START + 10 * report;
    let sent: Vec<usize> = (0..4).map(|report| collect(&recorder, at(report)).len()).collect();
    assert_eq!(sent, [1, 1, 0, 0]);
    jobs.increment(1);
    assert_eq!(named(&collect(&recorder, at(5))), [("app.jobs.count", 2.0)]);
    drop(jobs);
    let sent: Vec<usize> = (6..9).map(|report| collect(&recorder, at(report)).len()).collect();
    assert_eq!((sent, recorder.series()), (vec![1, 0, 0], 0));
}

/// Its last state never arrived.
#[test]
fn what_was_not_taken_is_not_idle() {
    let recorder = recorder(Recorder::builder().idle_timeout(Some(Duration::from_secs(10))));
    with_local_recorder(&recorder, || counter!("jobs").increment(1));
    for report in 0..5 {
        recorder.try_collect(START + 10 * report, &mut |_: Metric<'_>| false);
    }
    assert_eq!(named(&collect(&recorder, START + 50)), [("app.jobs.count", 1.0)]);
    assert_eq!((collect(&recorder, START + 60).len(), recorder.series()), (0, 0));
}

#[test]
fn with_no_timeout_nothing_is_forgotten() {
    let recorder = recorder(Recorder::builder().idle_timeout(None));
    with_local_recorder(&recorder, || counter!("jobs").increment(1));
    for report in [0, 1, 1_000_000] {
        assert_eq!(named(&collect(&recorder, START + 10 * report)), [("app.jobs.count", 1.0)]);
    }
}

#[test]
fn labels_stand_where_they_are_asked_for() {
    for (labels, name) in [
        (Labels::Tags, "app.http.requests.count;code=200;host=web01;route=_2Fcart"),
        (Labels::Path, "app.http.requests.200.web01._2Fcart.count"),
        (Labels::KeyedPath, "app.http.requests.code.200.host.web01.route._2Fcart.count"),
    ] {
        let recorder = recorder(Recorder::builder().labels(labels).global_label("host", "web01"));
        with_local_recorder(&recorder, || {
            counter!("http.requests", "route" => "/cart", "code" => "200").increment(1);
        });
        assert_eq!(named(&collect(&recorder, START)), [(name, 1.0)]);
    }
}

#[test]
fn the_order_of_labels_makes_no_other_series() {
    let recorder = recorder(Recorder::builder());
    with_local_recorder(&recorder, || {
        counter!("jobs", "a" => "1", "b" => "2").increment(1);
        counter!("jobs", "b" => "2", "a" => "1").increment(2);
        counter!("jobs", "b" => "2", "a" => "1", "b" => "2").increment(4);
    });
    assert_eq!(named(&collect(&recorder, START)), [("app.jobs.count;a=1;b=2", 7.0)]);
}

#[test]
fn settings_that_make_no_sense_are_told() {
    let interval = |time| Recorder::builder().interval(time).try_build().map(drop);
    let quantiles = |list: &[f64]| Recorder::builder().quantiles(list).try_build().map(drop);
    for (result, text) in [
        (interval(Duration::ZERO), "setting interval is 0ns, at least 1s is needed"),
        (
            interval(Duration::from_millis(1500)),
            "setting interval is 1.5s, whole seconds are needed",
        ),
        (
            interval(Duration::from_secs(86_401)),
            "setting interval is 86401s, at most 86400s is possible",
        ),
        (
            quantiles(&[0.5, 99.0]),
            "setting quantiles has 99, from 0 to 1 is possible (0.99 for the 99th percentile)",
        ),
        (
            quantiles(&[f64::NAN]),
            "setting quantiles has NaN, from 0 to 1 is possible (0.99 for the 99th percentile)",
        ),
    ] {
        assert_eq!(result.unwrap_err().to_string(), text);
    }
    assert_eq!(interval(Duration::from_secs(86_400)), Ok::<(), ConfigError>(()));
    assert_eq!(quantiles(&[0.0, 1.0]), Ok(()));
}

#[test]
#[should_panic(expected = "setting interval is 0ns, at least 1s is needed")]
fn to_build_what_makes_no_sense_panics() {
    let _ = Recorder::builder().interval(Duration::ZERO).build();
}

/// A macro in the closure that takes the points must not hang: it may come to a new series.
#[test]
fn whoever_collects_may_record() {
    let recorder = recorder(Recorder::builder());
    with_local_recorder(&recorder, || {
        (0..200).for_each(|i| counter!("jobs", "id" => i.to_string()).increment(1));
        recorder.collect(START, &mut |point| {
            counter!("seen", "path" => point.path().to_owned()).increment(1);
        });
    });
    assert_eq!(collect(&recorder, START + 10).len(), 400);
}
