//! tokio's paused clock: a user's test of what is reported sees hours of it in no time.
//!
//! Only tokio has such a clock.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::time::Duration;

use graphite_client_tokio::proto::Receiver;
use graphite_client_tokio::{Client, Protocol, Reporter};
use tokio::io::{AsyncReadExt as _, DuplexStream};
use tokio::task::JoinHandle;

/// Points by name and time; a second one of the same slot is a fault.
type Store = BTreeMap<(String, i128), f64>;

/// Returns a client, and what was read of its only connection when that has ended. No kernel stands
/// between: the paused clock does not know that one is at work.
async fn connect() -> (Client, JoinHandle<Store>) {
    let (ours, theirs) = tokio::io::duplex(1 << 16);
    let ours = Mutex::new(Some(ours));
    let connector = move || {
        let stream = ours.lock().expect("stream").take();
        async { stream.ok_or_else(|| std::io::ErrorKind::ConnectionRefused.into()) }
    };
    let client = Client::builder().connect_with(connector).await.expect("a connection");
    (client, tokio::spawn(read(theirs)))
}

/// Reads a connection to its end.
async fn read(mut stream: DuplexStream) -> Store {
    let mut bytes = Vec::new();
    stream.read_to_end(&mut bytes).await.expect("the end of it");
    let mut receiver = Receiver::new(Protocol::Plaintext);
    receiver.receive(&bytes);
    let mut store = Store::new();
    while let Some(point) = receiver.next_metric() {
        let point = point.expect("a valid line");
        let slot = (point.path().to_owned(), point.timestamp().expect("a timestamp").seconds());
        assert_eq!(store.insert(slot, point.value().as_f64()), None, "{point:?}");
    }
    store
}

fn assert_each_interval(store: &Store, name: &str, seconds: i128) {
    let times: Vec<i128> =
        store.keys().filter(|(other, _)| other == name).map(|(_, time)| *time).collect();
    assert!(times.windows(2).all(|pair| pair[1] == pair[0] + seconds), "{name}: {times:?}");
    assert!(times.iter().all(|time| time % seconds == 0), "{name}: {times:?}");
}

#[tokio::test(start_paused = true)]
async fn an_hour_of_reports_is_seen_in_no_time() {
    let (client, store) = connect().await;
    let mut calls = 0;
    let reporter = Reporter::every(client, Duration::from_secs(60), move |report, _| {
        calls += 1;
        report.push(("calls", calls));
    });
    let reporter = reporter.unwrap();
    tokio::time::sleep(Duration::from_secs(3600)).await;
    reporter.close().await.unwrap();
    let store = store.await.unwrap();
    assert_each_interval(&store, "calls", 60);
    // Those that have ended, and the one that goes on; one ends at either end of the hour.
    assert!((60..=62).contains(&store.len()), "{}", store.len());
    let values: Vec<f64> = store.into_values().collect();
    assert!(values.iter().zip(1..).all(|(value, call)| *value == f64::from(call)), "{values:?}");
}

/// The process is suspended, or its runtime held up: the report of the interval that was flushed never
/// comes, and the one that comes does not tell of it once more.
#[cfg(feature = "metrics")]
#[tokio::test(start_paused = true)]
async fn what_was_flushed_before_a_standstill_is_not_sent_twice() {
    use graphite_client_tokio::metrics::{Counters, Recorder};

    let (client, store) = connect().await;
    let builder = Recorder::builder().counters(Counters::PerInterval);
    let reporter = builder.start(client).unwrap();
    let jobs = metrics::with_local_recorder(reporter.recorder(), || metrics::counter!("jobs"));
    tokio::time::sleep(Duration::from_secs(10)).await;
    jobs.increment(7);
    reporter.flush().await.unwrap();
    tokio::time::advance(Duration::from_secs(60)).await;
    jobs.increment(1);
    reporter.close().await.unwrap();
    assert_eq!(store.await.unwrap().values().sum::<f64>(), 8.0);
}

#[cfg(feature = "metrics")]
#[tokio::test(start_paused = true)]
async fn what_is_recorded_is_reported_by_a_clock_that_leaps() {
    use graphite_client_tokio::metrics::{Counters, Recorder};

    let (client, store) = connect().await;
    let builder = Recorder::builder().prefix("shop").counters(Counters::PerInterval);
    let reporter = builder.start(client).unwrap();
    let requests =
        metrics::with_local_recorder(reporter.recorder(), || metrics::counter!("requests"));
    for _ in 0..300 {
        requests.increment(1);
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
    reporter.close().await.unwrap();
    let store = store.await.unwrap();
    assert_each_interval(&store, "shop.requests.count", 10);
    assert!((30..=32).contains(&store.len()), "{}", store.len());
    assert_eq!(store.values().sum::<f64>(), 300.0);
    assert!(store.values().all(|value| (0.0..=11.0).contains(value)), "{store:?}");
}
