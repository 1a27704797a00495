//! Every call and setting, with a receiver that behaves.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use crate::client::proto::MetricError;
use crate::client::{
    BatchError, Client, Delivery, Metric, NonFinite, Overflow, Protocol, SendError, Timestamp,
    TryFeedError, Value,
};
use crate::rt::block_on;
use crate::suite::receiver::Graphite;
use crate::suite::{Log, MS, assert_accounted, names, numbered, quick};

fn now() -> i128 {
    Timestamp::from(SystemTime::now()).seconds()
}

#[test]
fn every_call_delivers_by_both_protocols() {
    block_on(async {
        for protocol in [Protocol::Plaintext, Protocol::Pickle] {
            let graphite = Graphite::start(protocol);
            let client =
                Client::builder().protocol(protocol).connect(graphite.address()).await.unwrap();
            assert_eq!(client.protocol(), protocol);
            client.send(("a.send", 0.25, 1)).await.unwrap();
            client.send_multiple([("b.batch", -7, 2), ("c.batch", 1 << 20, 3)]).await.unwrap();
            client.feed(("d.feed", 0.1f32, 4)).await.unwrap();
            client.try_feed(("e.try", 1e300, 5)).unwrap();
            client.flush().await.unwrap();
            assert_eq!(client.stats().written, 5);
            client.close().await.unwrap();
            let negative = match protocol {
                Protocol::Pickle => Value::F64(-7.0),
                _ => Value::I64(-7),
            };
            let expected = [
                Metric::new("a.send", 0.25).at(1),
                Metric::new("b.batch", negative).at(2),
                Metric::new("c.batch", 1 << 20).at(3),
                Metric::new("d.feed", 0.1).at(4),
                Metric::new("e.try", 1e300).at(5),
            ];
            assert_eq!(graphite.points(), expected, "{protocol:?}");
            assert_eq!((graphite.connections(), graphite.errors().len()), (1, 0));
            let stats = client.stats();
            assert_accounted(&stats);
            assert_eq!((stats.accepted, stats.confirmed, stats.replayed), (5, 5, 0));
        }
    });
}

#[test]
fn a_client_tells_where_it_sends_and_how_that_is() {
    block_on(async {
        let mut graphite = Graphite::closed(Protocol::Plaintext);
        let client = quick().connect_lazy(graphite.address()).unwrap();
        let address = client.address().map(ToString::to_string);
        assert_eq!(address, Some(graphite.address().to_string()));
        assert_eq!((client.is_connected(), client.last_failure()), (false, None));
        client.send(("a", 1)).await.unwrap_err();
        assert_eq!(client.last_failure().unwrap().kind, std::io::ErrorKind::ConnectionRefused);
        graphite.listen();
        client.flush().await.unwrap();
        assert!(client.is_connected());
        assert!(client.last_failure().is_some(), "it stays");
        client.close().await.unwrap();
        assert!(!client.is_connected());
        let client = Client::builder().connect_lazy("localhost").unwrap();
        assert_eq!(client.address().unwrap().to_string(), "localhost:2003");
    });
}

#[test]
fn connect_alone_is_plaintext() {
    block_on(async {
        let graphite = Graphite::plaintext();
        let client = Client::connect(graphite.address()).await.unwrap();
        assert_eq!(client.protocol(), Protocol::Plaintext);
        client.send(("load", 1)).await.unwrap();
        graphite.received(1).await;
    });
}

#[test]
fn every_setting_is_taken() {
    block_on(async {
        let graphite = Graphite::start(Protocol::Pickle);
        let log = Log::default();
        let builder = Client::builder()
            .protocol(Protocol::Pickle)
            .delivery(Delivery::Replay { window: 1 << 20 })
            .overflow(Overflow::DropOldest)
            .non_finite(NonFinite::Skip)
            .prefix("prod")
            .max_attempts(5)
            .backoff(MS, 10 * MS)
            .seed(7)
            .connect_timeout(Duration::from_secs(3))
            .write_timeout(Duration::from_secs(9))
            .close_timeout(Duration::from_secs(8))
            .queue_bytes(1 << 20)
            .frame_bytes(4096)
            .max_frame_bytes(100_000)
            .max_connection_age(Some(Duration::from_secs(3600)))
            .replay_age(Duration::from_secs(30))
            .confirm_interval(Duration::from_secs(5))
            .confirm_spacing(20 * MS)
            .send_buffer(64 << 10);
        let client = log.listen(builder).connect(graphite.address()).await.unwrap();
        client.send_multiple(numbered("x", 1000)).await.unwrap();
        client.close().await.unwrap();
        assert_eq!(graphite.paths(), names("prod.x", 1000));
        assert_eq!(log.connected(), 1);
    });
}

#[test]
fn a_batch_of_any_size_arrives_in_order() {
    block_on(async {
        for protocol in [Protocol::Plaintext, Protocol::Pickle] {
            let graphite = Graphite::start(protocol);
            // Less room than the batch needs: it waits for room on the way.
            let builder = Client::builder().protocol(protocol).queue_bytes(256 << 10);
            let client = builder.connect(graphite.address()).await.unwrap();
            client.send_multiple(numbered("big", 50_000)).await.unwrap();
            client.close().await.unwrap();
            assert_eq!(graphite.count(), 50_000);
            assert!(graphite.paths() == names("big", 50_000), "order of {protocol:?}");
        }
    });
}

#[test]
fn a_point_without_a_timestamp_gets_the_time_of_the_call() {
    block_on(async {
        let mut graphite = Graphite::closed(Protocol::Plaintext);
        let client = quick().connect_lazy(graphite.address()).unwrap();
        let before = now();
        client.feed(("fed", 1)).await.unwrap();
        client.try_feed(("tried", 1)).unwrap();
        let after = now();
        // It is sent a second later at least.
        while now() <= after {
            crate::rt::sleep(20 * MS).await;
        }
        graphite.listen();
        let neighbour = [Metric::new("old", 1).at(1000), Metric::new("new", 1)];
        let sent = now();
        let _ = client.send_multiple(&neighbour).await;
        client.close().await.unwrap();
        let times: Vec<_> = graphite.points().iter().map(Metric::timestamp).collect();
        let seconds = |i: usize| times[i].unwrap().seconds();
        assert!((before..=after).contains(&seconds(0)) && (before..=after).contains(&seconds(1)));
        assert_eq!(seconds(2), 1000);
        assert!(seconds(3) >= sent, "not its neighbour's time");
    });
}

#[test]
fn an_empty_batch_does_nothing() {
    block_on(async {
        let graphite = Graphite::closed(Protocol::Plaintext);
        let client = quick().connect_lazy(graphite.address()).unwrap();
        client.send_multiple(Vec::<Metric<'_>>::new()).await.unwrap();
        assert_eq!(client.stats().accepted, 0);
    });
}

#[test]
fn nothing_to_flush_is_flushed() {
    block_on(async {
        let graphite = Graphite::closed(Protocol::Plaintext);
        let client = quick().connect_lazy(graphite.address()).unwrap();
        client.flush().await.unwrap();
        client.close().await.unwrap();
    });
}

#[test]
fn what_cannot_be_sent_is_refused_with_the_reason() {
    block_on(async {
        let graphite = Graphite::plaintext();
        let client = Client::connect(graphite.address()).await.unwrap();
        let error = client.send(("", 1)).await.unwrap_err();
        assert_eq!(error, SendError::Metric(MetricError::EmptyPath));
        assert_eq!(error.to_string(), "point cannot be sent: metric path is empty");
        let error = client.feed(("a b", 1)).await.unwrap_err();
        assert!(error.to_string().contains("\"a b\""));
        let error = client.try_feed(("a", 1, -1)).unwrap_err();
        assert!(matches!(error, TryFeedError::Metric(MetricError::TimestampOutOfRange { .. })));
        let error = client.try_feed(("a", f64::NAN)).unwrap_err();
        assert!(matches!(error, TryFeedError::Metric(MetricError::NotFinite { .. })));
        let stats = client.stats();
        assert_eq!((stats.accepted, stats.rejected, stats.skipped), (0, 4, 0));
        client.send(("good", 1)).await.unwrap();
        client.close().await.unwrap();
        assert_eq!(graphite.paths(), ["good"]);
    });
}

#[test]
fn the_batch_error_tells_how_many_are_in() {
    block_on(async {
        let graphite = Graphite::plaintext();
        let client = Client::connect(graphite.address()).await.unwrap();
        for bad in [0, 1, 127, 128, 129, 300, 999] {
            let before = client.stats();
            let mut points: Vec<_> = numbered("x", 1000).collect();
            points[bad] = Metric::new("no good", 1);
            let error = client.send_multiple(&points).await.unwrap_err();
            let BatchError { queued, source, .. } = error;
            assert_eq!(queued, bad);
            assert!(matches!(
                source,
                SendError::Metric(MetricError::ForbiddenCharacter { character: ' ', .. })
            ));
            let stats = client.stats();
            assert_eq!(stats.accepted - before.accepted, bad as u64);
            assert_eq!(stats.rejected - before.rejected, 1, "it is refused once");
            client.flush().await.unwrap();
        }
        client.close().await.unwrap();
        let received = graphite.count();
        assert_eq!(received, 1 + 127 + 128 + 129 + 300 + 999);
    });
}

#[test]
fn the_callers_iterator_may_use_the_client() {
    block_on(async {
        let graphite = Graphite::plaintext();
        let client = Client::connect(graphite.address()).await.unwrap();
        let points = (0..500).map(|i| {
            client.try_feed(("inner", i, 1)).unwrap();
            assert!(client.stats().accepted > 0);
            ("outer", i, 1)
        });
        client.send_multiple(points).await.unwrap();
        client.close().await.unwrap();
        assert_eq!(graphite.count(), 1000);
    });
}

#[test]
fn the_prefix_stands_before_every_path() {
    block_on(async {
        let graphite = Graphite::plaintext();
        let client = quick().prefix("dc1.web.").connect(graphite.address()).await.unwrap();
        client.send(("load", 1)).await.unwrap();
        client.send_multiple([("users", 2)]).await.unwrap();
        let error = client.send(("", 1)).await;
        client.close().await.unwrap();
        assert_eq!(graphite.paths()[..2], ["dc1.web.load", "dc1.web.users"]);
        assert!(error.is_err(), "an empty path stays empty behind a prefix");
    });
}

#[test]
fn points_that_are_not_finite_are_refused_or_skipped() {
    block_on(async {
        for value in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
            let graphite = Graphite::plaintext();
            let client = Client::connect(graphite.address()).await.unwrap();
            assert!(matches!(client.send(("x", value)).await, Err(SendError::Metric(_))));
            let skipping = Client::builder().non_finite(NonFinite::Skip);
            let client = skipping.connect(graphite.address()).await.unwrap();
            client.send(("x", value)).await.unwrap();
            client.send_multiple([("y", 1.0), ("x", value), ("z", 2.0)]).await.unwrap();
            client.try_feed(("x", value)).unwrap();
            client.close().await.unwrap();
            assert_eq!(graphite.paths(), ["y", "z"]);
            assert_eq!((client.stats().accepted, client.stats().skipped), (2, 3));
        }
    });
}

#[test]
fn values_arrive_exactly() {
    block_on(async {
        let graphite = Graphite::plaintext();
        let client = Client::connect(graphite.address()).await.unwrap();
        let values: Vec<Value> = vec![
            i64::MIN.into(),
            u64::MAX.into(),
            f64::MAX.into(),
            f64::MIN_POSITIVE.into(),
            0.000_045_322.into(),
            (0.1 + 0.2).into(),
            0.1f32.into(),
        ];
        client.send_multiple(values.iter().map(|&value| ("v", value, 9))).await.unwrap();
        client.close().await.unwrap();
        let received: Vec<_> = graphite.points().iter().map(Metric::value).collect();
        let same = |value: &Value| value.to_string();
        assert!(received.iter().map(same).eq(values.iter().map(same)));
    });
}

#[test]
fn clones_share_connection_and_counters() {
    block_on(async {
        let graphite = Graphite::plaintext();
        let client = Client::connect(graphite.address()).await.unwrap();
        let sent = Arc::new(AtomicU64::new(0));
        for i in 0..10 {
            client.clone().send(("x", i)).await.unwrap();
            sent.fetch_add(1, Ordering::Relaxed);
        }
        assert_eq!(client.stats().accepted, sent.load(Ordering::Relaxed));
        client.close().await.unwrap();
        assert_eq!(graphite.connections(), 1);
        assert!(SystemTime::now().duration_since(UNIX_EPOCH).is_ok());
    });
}
