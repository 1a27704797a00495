//! The recorder with its reporter: what is recorded arrives, of every interval.

use std::collections::BTreeMap;
use std::time::Duration;

use metrics::{counter, gauge, histogram, with_local_recorder};

use crate::client::proto::client::{InstallError, Reporter};
use crate::client::proto::metrics::{Counters, Labels, Recorder};
use crate::client::{Client, Event, FlushError, Protocol};
use crate::rt::{self, block_on};
use crate::suite::receiver::{Graphite, until};
use crate::suite::reporting::stored;
use crate::suite::{Log, MS, quick};

const SECOND: Duration = Duration::from_secs(1);
const DAY: Duration = Duration::from_secs(86_400);

/// The last value of each name.
fn last(graphite: &Graphite) -> Vec<(String, f64)> {
    let mut last: Vec<(String, f64)> = Vec::new();
    for ((name, _), value) in stored(graphite) {
        last.retain(|(other, _)| *other != name);
        last.push((name, value));
    }
    last
}

fn pairs(expected: &[(&str, f64)]) -> Vec<(String, f64)> {
    expected.iter().map(|(name, value)| ((*name).to_owned(), *value)).collect()
}

#[test]
fn what_was_recorded_is_in_the_close() {
    block_on(async {
        let graphite = Graphite::plaintext();
        let client = Client::connect(graphite.address()).await.unwrap();
        let builder = Recorder::builder().prefix("shop").interval(DAY).quantiles(&[0.5]);
        let reporter = builder.start(client).unwrap();
        with_local_recorder(reporter.recorder(), || {
            counter!("http.requests", "route" => "/cart").increment(3);
            gauge!("load").set(0.5);
            [1.0, 2.0, 3.0].iter().for_each(|ms| histogram!("ms").record(*ms));
        });
        reporter.close().await.unwrap();
        let near = |(name, value): (String, f64)| (name, (value * 100.0).round() / 100.0);
        let expected = [
            ("shop.http.requests.count;route=_2Fcart", 3.0),
            ("shop.load", 0.5),
            ("shop.ms.count", 3.0),
            ("shop.ms.max", 3.0),
            ("shop.ms.mean", 2.0),
            ("shop.ms.min", 1.0),
            ("shop.ms.p50", 2.0),
        ];
        assert_eq!(last(&graphite).into_iter().map(near).collect::<Vec<_>>(), pairs(&expected));
    });
}

#[test]
fn no_increment_is_lost_in_the_store() {
    block_on(async {
        for counters in [Counters::Total, Counters::PerInterval] {
            let graphite = Graphite::plaintext();
            let client = Client::connect(graphite.address()).await.unwrap();
            let builder = Recorder::builder().interval(SECOND).counters(counters);
            let reporter = builder.start(client).unwrap();
            let requests = with_local_recorder(reporter.recorder(), || counter!("requests"));
            let mut counted = 0.0;
            while stored(&graphite).len() < 2 {
                requests.increment(1);
                counted += 1.0;
                rt::sleep(2 * MS).await;
            }
            requests.increment(1);
            reporter.close().await.unwrap();
            let stored = stored(&graphite);
            let sum = match counters {
                Counters::PerInterval => stored.values().sum(),
                _ => *stored.values().last().unwrap(),
            };
            assert_eq!(sum, counted + 1.0, "{stored:?}");
        }
    });
}

/// The interval's own report takes the place of what a flush has sent.
#[test]
fn a_flush_reports_the_interval_so_far_and_takes_nothing_from_it() {
    block_on(async {
        let graphite = Graphite::plaintext();
        let client = Client::connect(graphite.address()).await.unwrap();
        let builder = Recorder::builder().interval(DAY).quantiles(&[]);
        let reporter = builder.counters(Counters::PerInterval).start(client).unwrap();
        with_local_recorder(reporter.recorder(), || {
            counter!("jobs").increment(3);
            histogram!("ms").record(2.0);
        });
        reporter.flush().await.unwrap();
        graphite.received(5).await;
        let expected = [
            ("jobs.count", 3.0),
            ("ms.count", 1.0),
            ("ms.max", 2.0),
            ("ms.mean", 2.0),
            ("ms.min", 2.0),
        ];
        assert_eq!(last(&graphite), pairs(&expected));
        with_local_recorder(reporter.recorder(), || counter!("jobs").increment(4));
        reporter.close().await.unwrap();
        let stored = stored(&graphite);
        assert_eq!(stored.len(), 5, "one slot: {stored:?}");
        assert_eq!(last(&graphite)[0], ("jobs.count".to_owned(), 7.0));
        assert_eq!(last(&graphite)[1..], pairs(&expected)[1..]);
    });
}

#[test]
fn a_flush_waits_for_room_in_the_queue() {
    block_on(async {
        let graphite = Graphite::plaintext();
        let builder = quick().queue_bytes(1000);
        let client = builder.connect(graphite.address()).await.unwrap();
        let reporter = Recorder::builder().interval(DAY).start(client).unwrap();
        with_local_recorder(reporter.recorder(), || {
            (0..500).for_each(|i| counter!("jobs", "id" => i.to_string()).increment(1));
        });
        reporter.flush().await.unwrap();
        graphite.received_distinct(500).await;
        assert_eq!(reporter.missed(), 0);
    });
}

/// What a flush cannot send is no report that is missed: it comes with the interval's own.
#[test]
fn a_flush_in_an_outage_is_an_error_and_no_missed_report() {
    block_on(async {
        let graphite = Graphite::closed(Protocol::Plaintext);
        let log = Log::default();
        let builder = log.listen(quick().queue_bytes(1000));
        let client = builder.connect_lazy(graphite.address()).unwrap();
        let reporter = Recorder::builder().interval(DAY).start(client).unwrap();
        with_local_recorder(reporter.recorder(), || {
            (0..500).for_each(|i| counter!("jobs", "id" => i.to_string()).increment(1));
        });
        assert!(matches!(reporter.flush().await, Err(FlushError::Full(_))));
        let missed = log.count(|event| matches!(event, Event::ReportMissed { .. }));
        assert_eq!((reporter.missed(), missed), (0, 0));
    });
}

/// An outage that is longer than the queue has room for.
#[test]
fn an_increase_that_found_no_room_is_in_a_later_report() {
    block_on(async {
        let mut graphite = Graphite::closed(Protocol::Plaintext);
        let client = quick().queue_bytes(1000).connect_lazy(graphite.address()).unwrap();
        let builder = Recorder::builder().interval(SECOND).counters(Counters::PerInterval);
        let reporter = builder.labels(Labels::Path).start(client).unwrap();
        with_local_recorder(reporter.recorder(), || {
            (0..100).for_each(|i| counter!("jobs", "id" => i.to_string()).increment(5));
        });
        until("reports are missed", || reporter.missed() >= 2).await;
        graphite.listen();
        graphite.received_distinct(100).await;
        reporter.close().await.unwrap();
        assert_eq!(stored(&graphite).values().sum::<f64>(), 500.0);
    });
}

#[test]
fn the_clients_own_counts_are_series_too() {
    block_on(async {
        let graphite = Graphite::plaintext();
        let client = Client::connect(graphite.address()).await.unwrap();
        let builder = Recorder::builder().prefix("app").interval(DAY).self_metrics(true);
        let reporter = builder.start(client.clone()).unwrap();
        client.send_multiple([("a", 1, 1), ("b", 2, 1)]).await.unwrap();
        reporter.close().await.unwrap();
        let last = last(&graphite);
        let value = |name: &str| {
            let name = format!("app.graphite_client.{name}");
            last.iter().find(|(other, _)| *other == name).unwrap_or_else(|| panic!("{last:?}")).1
        };
        for (name, expected) in
            [("accepted.count", 2.0), ("written.count", 2.0), ("missed_reports.count", 0.0)]
        {
            assert_eq!(value(name), expected, "{name}");
        }
        assert_eq!(value("queued"), 0.0);
        assert_eq!(last.len(), 2 + 13);
    });
}

/// In several turns of the task, between which others of its thread have theirs.
#[test]
fn a_report_of_many_points_comes_whole() {
    block_on(async {
        let graphite = Graphite::plaintext();
        let client = Client::connect(graphite.address()).await.unwrap();
        let reporter = Recorder::builder().interval(SECOND).start(client).unwrap();
        with_local_recorder(reporter.recorder(), || {
            (0..10_000).for_each(|i| counter!("jobs", "id" => i.to_string()).increment(1));
        });
        // The first report may come while they are counted.
        let of_one_interval = || {
            let mut reports = BTreeMap::new();
            stored(&graphite).keys().for_each(|(_, at)| *reports.entry(*at).or_insert(0) += 1);
            reports.into_values().max()
        };
        until("a report has them all", || of_one_interval() == Some(10_000)).await;
        assert_eq!(reporter.missed(), 0);
        reporter.close().await.unwrap();
    });
}

/// One that was there before its client.
#[test]
fn a_recorder_that_is_there_already_gets_a_reporter() {
    block_on(async {
        let graphite = Graphite::plaintext();
        let recorder = Recorder::builder().interval(DAY).build();
        with_local_recorder(&recorder, || counter!("early").increment(1));
        let client = Client::connect(graphite.address()).await.unwrap();
        let reporter = Reporter::new(client, recorder);
        reporter.client().feed(("beside", 1)).await.unwrap();
        reporter.close().await.unwrap();
        assert_eq!(last(&graphite), pairs(&[("beside", 1.0), ("early.count", 1.0)]));
    });
}

/// The only test that sets the process' recorder.
#[test]
fn the_global_recorder_is_installed_once() {
    block_on(async {
        let graphite = Graphite::plaintext();
        let connect = || Client::connect(graphite.address());
        let wrong = Recorder::builder().quantiles(&[2.0]).install(connect().await.unwrap());
        let text =
            "setting quantiles has 2, from 0 to 1 is possible (0.99 for the 99th percentile)";
        assert_eq!(wrong.unwrap_err().to_string(), text);

        let builder = Recorder::builder().interval(DAY);
        let reporter = builder.clone().install(connect().await.unwrap()).unwrap();
        let second = builder.install(connect().await.unwrap()).unwrap_err();
        assert_eq!(second, InstallError::Installed);
        assert_eq!(
            second.to_string(),
            "the process has a global recorder already: use `start` for another one"
        );

        let tasks: Vec<_> = (0..8)
            .map(|_| {
                rt::spawn(async { (0..100).for_each(|_| counter!("global.jobs").increment(1)) })
            })
            .collect();
        for task in tasks {
            task.await;
        }
        reporter.close().await.unwrap();
        assert_eq!(last(&graphite), pairs(&[("global.jobs.count", 800.0)]));
    });
}
