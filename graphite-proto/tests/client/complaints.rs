//! The fifteen most repeated complaints about Graphite senders, a test or more for each.

use std::net::{Ipv6Addr, TcpListener};
use std::time::{Duration, Instant};

use crate::client::proto::MetricError;
use crate::client::{
    Client, Delivery, Metric, NonFinite, Overflow, Protocol, Scheme, SendError, TryFeedError,
};
use crate::rt::{self, block_on};
use crate::suite::receiver::{Graphite, Manner, until};
use crate::suite::{Log, MS, assert_accounted, names, numbered, quick};

#[test]
fn complaint_01_after_the_server_comes_back_nothing_is_ever_sent_again() {
    block_on(async {
        let mut graphite = Graphite::plaintext();
        let client = quick().connect(graphite.address()).await.unwrap();
        for outage in 0..5 {
            client.send((format!("x.{outage}"), 1)).await.unwrap();
            graphite.received_distinct(outage + 1).await;
            graphite.kill().await;
            let _ = client.flush().await;
            graphite.listen();
        }
        client.send(("last", 1)).await.unwrap();
        graphite.received_distinct(6).await;
    });
}

#[test]
fn complaint_02_data_of_the_outage_is_lost() {
    block_on(async {
        let mut graphite = Graphite::plaintext();
        let client = quick().connect(graphite.address()).await.unwrap();
        client.send_multiple(numbered("before", 500)).await.unwrap();
        graphite.kill().await;
        for point in numbered("during", 500) {
            client.feed(point).await.unwrap();
        }
        let error = client.send(("waits", 1)).await.unwrap_err();
        assert!(matches!(error, SendError::Queued(_)));
        graphite.listen();
        graphite.received_distinct(1001).await;
        let mut paths = graphite.paths();
        let first = paths.iter().position(|path| path == "during.0").unwrap();
        let expected = [names("during", 500), vec!["waits".into()]].concat();
        assert_eq!(paths.split_off(first), expected, "in order");
    });
}

/// The name is resolved at every connect and each of its addresses tried: the service moves from
/// one address of the name to another.
#[test]
fn complaint_03_a_dns_change_is_never_seen() {
    block_on(async {
        let mut graphite = Graphite::closed(Protocol::Plaintext);
        let port = graphite.address().port();
        let old = TcpListener::bind((Ipv6Addr::LOCALHOST, port)).ok();
        let client = quick().connect_lazy(("localhost", port)).unwrap();
        if let Some(old) = old {
            // Only where the name has both addresses does the client come here first.
            old.set_nonblocking(true).unwrap();
            let _ = client.send(("before", 1)).await;
            while let Ok((stream, _)) = old.accept() {
                socket2::SockRef::from(&stream).set_linger(Some(Duration::ZERO)).unwrap();
            }
        }
        graphite.listen();
        let _ = client.send(("after", 1)).await;
        graphite.received_distinct(1).await;
        client.flush().await.unwrap();
        assert!(graphite.paths().contains(&"after".into()));
    });
}

/// The other half: a healthy connection to the old address is renewed when it is old.
#[test]
fn complaint_03_a_long_lived_connection_stays_with_the_old_server() {
    block_on(async {
        let graphite = Graphite::plaintext();
        let builder = quick().max_connection_age(Some(10 * MS));
        let client = builder.connect(graphite.address()).await.unwrap();
        client.send(("a", 1)).await.unwrap();
        rt::sleep(20 * MS).await;
        client.send(("b", 1)).await.unwrap();
        client.close().await.unwrap();
        assert!(graphite.connections() >= 2);
        assert_eq!(graphite.paths(), ["a", "b"]);
    });
}

#[test]
fn complaint_04_one_space_or_quote_in_a_name_and_the_metric_is_gone() {
    block_on(async {
        let graphite = Graphite::plaintext();
        let client = Client::connect(graphite.address()).await.unwrap();
        for bad in ["a b", "a\tb", "a\nb 1 1", "a\u{2003}b", "a\0b"] {
            let Err(SendError::Metric(error)) = client.send((bad, 1)).await else {
                panic!("{bad:?} was taken")
            };
            assert!(matches!(error, MetricError::ForbiddenCharacter { offset: 1, .. }));
            let code = format!("U+{:04X}", u32::from(bad.chars().nth(1).unwrap()));
            assert!(error.to_string().contains(&code), "{error}");
        }
        let odd = "CodeHeap 'non-nmethods' [50%]";
        for scheme in [Scheme::Percent, Scheme::Idna, Scheme::Punycode] {
            let name = scheme.encode(odd).unwrap();
            client.send((&*name, 1)).await.unwrap();
            assert_eq!(scheme.decode(&name).unwrap(), odd);
        }
        client.close().await.unwrap();
        assert_eq!(graphite.count(), 3);
    });
}

#[test]
fn complaint_05_the_last_interval_is_lost_at_shutdown() {
    block_on(async {
        let graphite = Graphite::with(Manner::ReadSlowly(16 << 10));
        let client = Client::connect(graphite.address()).await.unwrap();
        for point in numbered("x", 20_000) {
            client.feed(point).await.unwrap();
        }
        client.close().await.unwrap();
        assert_eq!(graphite.count(), 20_000);

        // Without a close the last clone flushes all the same.
        let graphite = Graphite::plaintext();
        let client = Client::connect(graphite.address()).await.unwrap();
        client.try_feed(("last", 1)).unwrap();
        drop(client);
        graphite.received(1).await;
    });
}

#[test]
fn complaint_06_sending_hangs_the_application() {
    block_on(async {
        let graphite = Graphite::with(Manner::Ignore);
        let builder = quick().write_timeout(50 * MS).send_buffer(16 << 10).queue_bytes(64 << 10);
        let client = builder.close_timeout(50 * MS).connect(graphite.address()).await.unwrap();
        client.send_multiple(numbered("x", 400_000)).await.unwrap_err();
        // Never waits, whatever happens.
        while client.try_feed(("y", 1)).is_ok() {}
        assert!(matches!(client.try_feed(("y", 1)), Err(TryFeedError::Full { .. })));
        client.flush().await.unwrap_err();
        let error = client.close().await.unwrap_err();
        assert!(error.undelivered > 0);
    });
}

#[test]
fn complaint_07_retry_storms_and_flooded_logs_while_graphite_is_down() {
    block_on(async {
        let graphite = Graphite::with(Manner::CloseAtOnce);
        let log = Log::default();
        let builder = log.listen(Client::builder());
        let client = builder.connect_lazy(graphite.address()).unwrap();
        let begun = Instant::now();
        let mut points = 0;
        while begun.elapsed() < Duration::from_secs(1) {
            points += 100;
            let _ = client.send_multiple(numbered("x", 100)).await;
        }
        let attempts = graphite.connections();
        assert!(attempts <= 8, "{attempts} in the first second");
        // What is told follows the connections, never the points.
        assert!(log.events().len() <= 4 * attempts + 4, "{points}: {:?}", log.events());
    });
}

#[test]
fn complaint_08_batches_too_large_are_silently_dropped() {
    block_on(async {
        let graphite = Graphite::start(Protocol::Pickle);
        let builder = Client::builder().protocol(Protocol::Pickle);
        let client = builder.connect(graphite.address()).await.unwrap();
        client.send_multiple(numbered("x", 100_000)).await.unwrap();
        // Names of such length that frames fill up with few of them.
        let long = (0..100).map(|i| (format!("{}{i}", "y".repeat(50_000)), i));
        client.send_multiple(long).await.unwrap();
        let huge = "z".repeat(1 << 20);
        let error = client.send((&huge, 1)).await.unwrap_err();
        assert!(matches!(error, SendError::Metric(MetricError::FrameTooLong { .. })));
        client.close().await.unwrap();
        assert_eq!((graphite.count(), graphite.errors().len()), (100_100, 0));

        let graphite = Graphite::plaintext();
        let client = Client::connect(graphite.address()).await.unwrap();
        let long = "z".repeat(20_000);
        let error = client.send((&long, 1)).await.unwrap_err();
        assert!(matches!(error, SendError::Metric(MetricError::LineTooLong { .. })));
    });
}

#[test]
fn complaint_09_several_servers_and_one_goes_down_and_all_stop() {
    block_on(async {
        let (one, mut other) = (Graphite::plaintext(), Graphite::plaintext());
        let clients = [
            quick().connect(one.address()).await.unwrap(),
            quick().connect(other.address()).await.unwrap(),
        ];
        other.kill().await;
        for i in 0..100 {
            for client in &clients {
                client.feed((format!("x.{i}"), i)).await.unwrap();
            }
        }
        clients[0].flush().await.unwrap();
        one.received(100).await;
        // Its own queue waited for it.
        other.listen();
        other.received_distinct(100).await;
    });
}

/// A TLS of the user's own: what it holds back is flushed, its end is the receiver's end. The
/// clients' own is tested in `tls.rs`.
#[test]
fn complaint_10_tls() {
    block_on(async {
        let graphite = Graphite::plaintext();
        let address = graphite.address();
        let client = quick().connect_with(move || rt::buffered(address)).await.unwrap();
        client.send(("x", 1)).await.unwrap();
        graphite.received(1).await;
        client.send_multiple(numbered("y", 20_000)).await.unwrap();
        client.close().await.unwrap();
        assert_eq!(graphite.count(), 20_001);
    });
}

#[test]
fn complaint_11_tags() {
    block_on(async {
        for protocol in [Protocol::Plaintext, Protocol::Pickle] {
            let graphite = Graphite::start(protocol);
            let builder = quick().protocol(protocol).prefix("prod");
            let client = builder.connect(graphite.address()).await.unwrap();
            client.send(("disk.used;datacenter=dc1;server=web01", 1)).await.unwrap();
            client.close().await.unwrap();
            assert_eq!(graphite.paths(), ["prod.disk.used;datacenter=dc1;server=web01"]);
        }
    });
}

#[test]
fn complaint_12_the_first_write_to_a_half_closed_socket_goes_into_nothing() {
    block_on(async {
        // Also with what keeps nothing for a repeat.
        for delivery in [Delivery::BestEffort, Delivery::default()] {
            let graphite = Graphite::plaintext();
            let builder = quick().delivery(delivery);
            let client = builder.connect(graphite.address()).await.unwrap();
            for i in 0..12 {
                client.send((format!("x.{i}"), i)).await.unwrap();
                graphite.received(i + 1).await;
                graphite.close_connections().await;
            }
            assert_eq!(graphite.paths(), names("x", 12));
        }
    });
}

#[test]
fn complaint_13_nan_and_infinity() {
    block_on(async {
        let graphite = Graphite::plaintext();
        let client = Client::connect(graphite.address()).await.unwrap();
        for value in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
            let error = client.send(("load", value)).await.unwrap_err();
            assert!(matches!(error, SendError::Metric(MetricError::NotFinite { .. })));
        }
        let builder = Client::builder().non_finite(NonFinite::Skip);
        let skipping = builder.connect(graphite.address()).await.unwrap();
        skipping.send_multiple([("a", 1.0), ("b", f64::NAN), ("c", 2.0)]).await.unwrap();
        skipping.close().await.unwrap();
        assert_eq!(graphite.paths(), ["a", "c"]);
        assert_eq!(skipping.stats().skipped, 1);
    });
}

#[test]
fn complaint_14_if_graphite_is_down_at_the_start_the_application_does_not_start() {
    block_on(async {
        let mut graphite = Graphite::closed(Protocol::Plaintext);
        // Whoever wants to fail early can.
        quick().connect(graphite.address()).await.unwrap_err();
        let client = quick().connect_lazy(graphite.address()).unwrap();
        client.try_feed(("early", 1)).unwrap();
        // Nor does a name that does not resolve yet keep it from starting.
        let nameless = quick().connect_lazy("not-yet.invalid").unwrap();
        nameless.try_feed(("early", 1)).unwrap();
        nameless.flush().await.unwrap_err();
        assert_eq!(nameless.stats().queued, 1);
        graphite.listen();
        graphite.received(1).await;
    });
}

#[test]
fn complaint_15_memory_grows_without_bound_while_graphite_is_unreachable() {
    block_on(async {
        for overflow in [Overflow::Reject, Overflow::DropOldest] {
            let graphite = Graphite::closed(Protocol::Plaintext);
            let builder = quick().overflow(overflow).queue_bytes(256 << 10);
            let client = builder.connect_lazy(graphite.address()).unwrap();
            let metric = Metric::new("servers.web01.cpu", 0.5).at(1_700_000_000);
            for _ in 0..200_000 {
                let _ = client.try_feed(&metric);
            }
            let stats = client.stats();
            assert_accounted(&stats);
            assert_eq!(stats.accepted + stats.rejected, 200_000);
            assert!(stats.queued_bytes <= 256 << 10, "{stats:?}");
            until("it is tried", || client.stats().queued > 0).await;
        }
    });
}
