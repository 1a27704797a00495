//! Reports at aligned times: each interval has one, whatever happens around it.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant, SystemTime};

use crate::client::proto::client::{Report, Reporter};
use crate::client::{Client, Event, Metric, Protocol, SendError, Timestamp};
use crate::rt::{self, block_on};
use crate::suite::receiver::{Graphite, until};
use crate::suite::{LIMIT, Log, MS, assert_accounted, quick};

const SECOND: Duration = Duration::from_secs(1);
/// No interval ends while a test runs, but for one in many thousand runs: then a report more comes.
const DAY: Duration = Duration::from_secs(86_400);

fn seconds() -> i128 {
    Timestamp::from(SystemTime::now()).seconds()
}

fn at(point: &Metric<'_>) -> i128 {
    point.timestamp().expect("every point that came in has one").seconds()
}

/// What a store keeps: of each name and time the last value.
pub(crate) fn stored(graphite: &Graphite) -> BTreeMap<(String, i128), f64> {
    let points = graphite.points();
    let slot = |point: &Metric<'_>| (point.path().to_owned(), at(point));
    points.iter().map(|point| (slot(point), point.value().as_f64())).collect()
}

fn is_missed(event: &Event) -> bool {
    matches!(event, Event::ReportMissed { .. })
}

#[test]
fn each_interval_is_reported_when_it_has_ended_with_its_start() {
    block_on(async {
        let graphite = Graphite::plaintext();
        let client = Client::connect(graphite.address()).await.unwrap();
        let begun = seconds();
        let reporter = Reporter::every(client, 2 * SECOND, move |report, at| {
            assert_eq!(report.timestamp(), at);
            assert!(report.push(("now", (seconds() - begun) as i64)));
        });
        let reporter = reporter.unwrap();
        assert_eq!(reporter.interval(), 2 * SECOND);
        graphite.received(2).await;
        let before = seconds();
        reporter.close().await.unwrap();
        let points = graphite.points();
        let at: Vec<i128> = points.iter().map(at).collect();
        assert!(at.windows(2).all(|pair| pair[0] < pair[1]), "a slot for each: {at:?}");
        assert!(at.iter().all(|at| at % 2 == 0), "{at:?}");
        for (point, at) in points.iter().zip(&at).take(at.len() - 1) {
            let made = begun + point.value().as_f64() as i128;
            assert!(made >= at + 2, "{made}: the interval from {at} had not ended");
        }
        let last = at.last().unwrap();
        assert!((before - 1..=seconds()).contains(last), "{last}: the last one goes on");
        assert_eq!(reporter.missed(), 0);
    });
}

/// The obvious loop, which feeds an increase each second stamped with the time of the call, leaves
/// some of it in the store: its last report overwrites its neighbour.
#[test]
fn no_increase_is_lost_in_the_store() {
    block_on(async {
        let graphite = Graphite::plaintext();
        let client = Client::connect(graphite.address()).await.unwrap();
        let requests = Arc::new(AtomicU64::new(0));
        let mut due = 0;
        let reporter = Reporter::every(client, SECOND, {
            let requests = requests.clone();
            move |report, _| {
                due += requests.swap(0, Ordering::Relaxed);
                if report.push(("requests", due)) {
                    due = 0;
                }
            }
        });
        let reporter = reporter.unwrap();
        let mut counted = 0;
        while graphite.count() < 2 {
            requests.fetch_add(1, Ordering::Relaxed);
            counted += 1;
            rt::sleep(2 * MS).await;
        }
        requests.fetch_add(1, Ordering::Relaxed);
        reporter.close().await.unwrap();
        assert_eq!(stored(&graphite).values().sum::<f64>(), f64::from(counted + 1));
    });
}

#[test]
fn the_last_interval_is_in_the_close() {
    block_on(async {
        for protocol in [Protocol::Plaintext, Protocol::Pickle] {
            let graphite = Graphite::start(protocol);
            let client = Client::builder().protocol(protocol).connect(graphite.address()).await;
            let client = client.unwrap();
            let reporter = Reporter::every(client.clone(), DAY, |report, _| {
                assert!(report.push(("last", 7)));
                assert!(report.push(("own.time", 8, 1_000)));
            });
            let reporter = reporter.unwrap();
            let (earliest, day) = (seconds(), i128::from(DAY.as_secs()));
            for _ in 0..2 {
                reporter.close().await.unwrap();
            }
            let at = at(&graphite.points()[0]);
            assert!(at % day == 0 && at + day > earliest, "{at}");
            let expected = [Metric::new("last", 7).at(at), Metric::new("own.time", 8).at(1_000)];
            assert_eq!(graphite.points(), expected);
            let stats = client.stats();
            assert_eq!((stats.accepted, stats.confirmed), (2, 2));
        }
    });
}

/// A close that is given up goes on with the next one, and reports nothing twice.
#[test]
fn a_close_that_was_dropped_goes_on_with_the_next() {
    block_on(async {
        let mut graphite = Graphite::closed(Protocol::Plaintext);
        let client = quick().connect_lazy(graphite.address()).unwrap();
        let reporter = Reporter::every(client, DAY, |report, _| {
            report.push(("last", 7));
        });
        let reporter = reporter.unwrap();
        assert_eq!(rt::timeout(20 * MS, reporter.close()).await, None);
        graphite.listen();
        reporter.close().await.unwrap();
        assert_eq!(graphite.paths(), ["last"]);
    });
}

/// The queue holds only a part of the report: the rest goes in as soon as there is room, in an outage
/// too, which may be over in time.
#[test]
fn a_close_waits_for_room_in_the_queue() {
    block_on(async {
        let mut graphite = Graphite::closed(Protocol::Plaintext);
        let log = Log::default();
        let builder = log.listen(quick().queue_bytes(1000).close_timeout(LIMIT));
        let client = builder.connect_lazy(graphite.address()).unwrap();
        client.feed(("before", 1)).await.unwrap();
        until("the outage is known", || log.gave_up() == 1).await;
        let reporter = Reporter::every(client.clone(), DAY, |report, _| {
            for i in 0..500 {
                assert!(report.push((format!("series.{i}"), i)), "at a close all of it is taken");
            }
        });
        let reporter = Arc::new(reporter.unwrap());
        let closing = rt::spawn({
            let reporter = reporter.clone();
            async move { reporter.close().await }
        });
        until("the last report is made", || client.stats().queued > 1).await;
        // Some more attempts fail.
        let failed = Instant::now();
        until("time has passed", || failed.elapsed() > 100 * MS).await;
        graphite.listen();
        closing.await.unwrap();
        assert_eq!((graphite.count(), graphite.distinct()), (501, 501));
        assert_eq!((reporter.missed(), log.count(is_missed)), (0, 0));
        assert_accounted(&client.stats());
    });
}

#[test]
fn a_close_that_finds_no_room_in_time_counts_what_is_left() {
    block_on(async {
        let graphite = Graphite::closed(Protocol::Plaintext);
        let builder = quick().queue_bytes(1000).close_timeout(100 * MS);
        let client = builder.connect_lazy(graphite.address()).unwrap();
        let reporter = Reporter::every(client, DAY, |report, _| {
            for i in 0..500 {
                report.push((format!("series.{i}"), i));
            }
        });
        let reporter = reporter.unwrap();
        for _ in 0..2 {
            let error = reporter.close().await.unwrap_err();
            assert_eq!(error.undelivered, 500, "those in the queue and those that found no room");
            assert!(error.source.is_some(), "{error}");
        }
    });
}

/// As one that its owner holds, whom the closure holds for the time of the call.
#[test]
fn a_reporter_may_be_dropped_in_its_own_closure() {
    block_on(async {
        let graphite = Graphite::plaintext();
        let client = Client::connect(graphite.address()).await.unwrap();
        let owner = Arc::new(Mutex::new(None));
        let reporter = Reporter::every(client.clone(), SECOND, {
            let owner = owner.clone();
            let mut reports = 0;
            move |report, _| {
                reports += 1;
                report.push(("reports", reports));
                drop(owner.lock().unwrap().take());
            }
        });
        *owner.lock().unwrap() = Some(reporter.unwrap());
        until("the owner has let go", || Arc::strong_count(&owner) == 1).await;
        client.close().await.unwrap();
        // That of an interval, and the last one.
        let reports: Vec<f64> =
            graphite.points().iter().map(|point| point.value().as_f64()).collect();
        assert_eq!(reports, [1.0, 2.0]);
        assert_eq!(stored(&graphite).len(), 2);
    });
}

#[test]
fn what_is_reported_after_the_clients_own_close_is_not_delivered() {
    block_on(async {
        let graphite = Graphite::plaintext();
        let client = Client::connect(graphite.address()).await.unwrap();
        let reporter = Reporter::every(client.clone(), DAY, |report, _| {
            report.push(("late", 1));
        });
        client.close().await.unwrap();
        let error = reporter.unwrap().close().await.unwrap_err();
        assert_eq!(error.undelivered, 1);
        assert_eq!(graphite.count(), 0);
    });
}

#[test]
fn a_dropped_reporter_reports_once_more_and_lets_the_client_go_on() {
    block_on(async {
        for keep in [false, true] {
            let graphite = Graphite::plaintext();
            let client = Client::connect(graphite.address()).await.unwrap();
            let caught = Arc::new(());
            let reporter = Reporter::every(client.clone(), DAY, {
                let caught = caught.clone();
                move |report, _| {
                    let _ = &caught;
                    report.push(("last", 1));
                }
            });
            let kept = keep.then_some(client);
            drop(reporter.unwrap());
            graphite.received(1).await;
            until("what the closure has caught is free", || Arc::strong_count(&caught) == 1).await;
            if let Some(client) = kept {
                client.send(("alive", 1)).await.unwrap();
                client.close().await.unwrap();
                assert_eq!(graphite.paths(), ["last", "alive"]);
            }
        }
    });
}

/// Two outages, each told once however many reports it takes, and every increase arrives.
#[test]
fn missed_reports_are_counted_and_told_once_an_outage() {
    block_on(async {
        let mut graphite = Graphite::closed(Protocol::Plaintext);
        let log = Log::default();
        let builder = log.listen(quick().queue_bytes(1000));
        let client = builder.connect_lazy(graphite.address()).unwrap();
        let reporter = Reporter::every(client.clone(), SECOND, {
            let client = client.clone();
            let mut due = 0_u64;
            move |report, _| {
                due += 1;
                // Others fill the queue in an outage.
                while !client.is_connected() && client.try_feed(("others", 1)).is_ok() {}
                due -= u64::from(report.push(("due", due))) * due;
            }
        });
        let reporter = reporter.unwrap();
        for outage in 1..=2 {
            let before = reporter.missed();
            until("two reports are missed", || reporter.missed() >= before + 2).await;
            assert_eq!(log.count(is_missed), outage);
            let whole = graphite.paths().iter().filter(|path| *path == "due").count();
            graphite.listen();
            let due =
                |graphite: &Graphite| graphite.paths().iter().filter(|path| *path == "due").count();
            until("a report is whole", || due(&graphite) > whole).await;
            graphite.kill().await;
        }
        let told = log.events().into_iter().find(is_missed).unwrap().to_string();
        let expected = "1 point of a report missed: queue is full";
        assert!(told.starts_with(expected), "{told}");
    });
}

/// Neither ends the reports.
#[test]
fn a_point_that_is_not_valid_and_a_panic_are_missed() {
    block_on(async {
        let graphite = Graphite::plaintext();
        let log = Log::default();
        let client = log.listen(quick()).connect(graphite.address()).await.unwrap();
        let mut reports = 0;
        let reporter = Reporter::every(client, SECOND, move |report: &mut Report<'_>, _| {
            reports += 1;
            assert!(report.push(("good", reports)));
            assert_ne!(reports, 1, "planted");
            assert_eq!(report.push(("a b", reports)), reports == 0);
        });
        let reporter = reporter.unwrap();
        graphite.received(3).await;
        assert!(reporter.missed() >= 2);
        reporter.close().await.unwrap();
        let told: Vec<String> =
            log.events().iter().filter(|event| is_missed(event)).map(Event::to_string).collect();
        let panicked = "0 points of a report missed: the closure that fills it panicked";
        let refused = "1 point of a report missed: point cannot be sent: metric path \"a b\" holds \
                       white space (U+0020) at byte 1";
        assert_eq!(told, [panicked, refused], "each cause once");
    });
}

#[test]
fn an_interval_that_makes_no_sense_is_told() {
    block_on(async {
        let client = Client::builder().connect_lazy("localhost").unwrap();
        for (interval, text) in [
            (Duration::ZERO, "setting interval is 0ns, at least 1s is needed"),
            (1500 * MS, "setting interval is 1.5s, whole seconds are needed"),
            (2 * DAY, "setting interval is 172800s, at most 86400s is possible"),
        ] {
            let error = Reporter::every(client.clone(), interval, |_, _| ()).unwrap_err();
            assert_eq!(error.to_string(), text);
        }
    });
}

#[test]
fn a_flush_waits_until_all_is_written() {
    block_on(async {
        let graphite = Graphite::plaintext();
        let client = Client::connect(graphite.address()).await.unwrap();
        let reporter = Reporter::every(client.clone(), DAY, |report, _| {
            report.push(("last", 1));
        });
        let reporter = reporter.unwrap();
        client.feed(("fed", 1)).await.unwrap();
        reporter.flush().await.unwrap();
        let stats = client.stats();
        assert_eq!((stats.queued, stats.written), (0, 1), "the closure is for whole intervals");
        client.close().await.unwrap();
        assert_eq!(client.send(("late", 1)).await, Err(SendError::Closed));
    });
}
