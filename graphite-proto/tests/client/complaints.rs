//! The fifteen most repeated complaints about Graphite senders, a test or more for each: the table of
//! the client layer's page names them, and short, so that it fits the page.
//!
//! Not here: the tests of a client's own TLS, which is not there without its feature, and of a
//! reporter's last interval; the table names those too.

use std::io;
use std::net::{Ipv6Addr, SocketAddr, TcpListener};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use crate::client::encoder::tagged;
use crate::client::proto::client::{Runtime, TcpOptions};
use crate::client::proto::{self, MetricError};
use crate::client::{
    Client, Delivery, Metric, NonFinite, Overflow, Protocol, Scheme, SendError, Timestamp,
    TryFeedError,
};
use crate::rt::{self, block_on};
use crate::suite::receiver::{Graphite, Manner, until};
use crate::suite::{Log, MS, assert_accounted, names, numbered, quick};

/// Complaint 1: After the server comes back, nothing is ever sent again.
#[test]
fn it_always_comes_back() {
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

/// Complaint 2: The data of an outage is lost.
#[test]
fn an_outage_loses_nothing() {
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

/// Complaint 3: A DNS change is never seen: the name is resolved anew at every connect.
#[test]
fn a_dns_change_is_seen() {
    block_on(async {
        let (mut old, new) = (Graphite::plaintext(), Graphite::plaintext());
        let names = Names::default();
        names.point_to(old.address());
        let builder = proto::client::Client::builder_on(names.clone()).backoff(5 * MS, 20 * MS);
        let client = builder.connect("graphite.invalid").await.unwrap();
        client.send(("before", 1)).await.unwrap();
        old.received(1).await;
        names.point_to(new.address());
        old.kill().await;
        let _ = client.send(("after", 1)).await;
        client.flush().await.unwrap();
        client.close().await.unwrap();
        assert_eq!(old.paths(), ["before"]);
        assert!(new.paths().contains(&"after".into()));
    });
}

/// Complaint 3: Each address of a name is tried: the service moves from one of them to another.
#[test]
fn every_address_is_tried() {
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

/// Complaint 3: The other half: a healthy connection to the old address is renewed when it is old.
#[test]
fn an_old_connection_ends() {
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

/// Complaint 4: One space or quote in a name, and the metric is gone.
#[test]
fn bad_names_are_refused() {
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

/// Complaint 5: The last points before a shutdown are lost.
#[test]
fn the_last_points_arrive() {
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

/// Complaint 6: Sending hangs the application.
#[test]
fn no_call_hangs() {
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

/// Complaint 7: Retry storms, and flooded logs, while Graphite is down.
#[test]
fn retries_do_not_storm() {
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

/// Complaint 8: Batches that are too large are dropped in silence.
#[test]
fn large_batches_are_cut() {
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

/// Complaint 9: Of several servers one goes down, and all stop.
#[test]
fn servers_go_down_alone() {
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

/// Complaint 10: a TLS of the user's own. What it holds back is flushed, its end is the receiver's end.
/// The clients' own is tested in `tls.rs`.
#[test]
fn any_stream_will_do() {
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

/// Complaint 11: No tags, or tags that no receiver takes.
#[test]
fn tags_arrive() {
    block_on(async {
        for protocol in [Protocol::Plaintext, Protocol::Pickle] {
            let graphite = Graphite::start(protocol);
            let builder = quick().protocol(protocol).prefix("prod");
            let client = builder.connect(graphite.address()).await.unwrap();
            // In carbon's own order, by which relays hash one series to one place.
            let series = tagged("disk.used", [("server", "web01"), ("datacenter", "dc1")]).unwrap();
            client.send((&*series, 1)).await.unwrap();
            client.close().await.unwrap();
            assert_eq!(graphite.paths(), ["prod.disk.used;datacenter=dc1;server=web01"]);
        }
        for (key, value) in [("", "a"), ("a", ""), ("a;b", "c"), ("a", "~b"), ("a", "b;c")] {
            assert!(tagged("disk.used", [(key, value)]).is_err(), "{key:?}={value:?}");
        }
    });
}

/// Complaint 12: The first write to a half-closed socket goes into nothing.
#[test]
fn an_end_is_noticed_first() {
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

/// Complaint 13: NaN and infinity spoil what is stored.
#[test]
fn nan_never_arrives() {
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

/// Complaint 14: If Graphite is down at the start, the application does not start.
#[test]
fn it_starts_without_graphite() {
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

/// Complaint 15: Memory grows without bound while Graphite is unreachable.
#[test]
fn memory_is_bounded() {
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

/// What the tests' runtime is.
trait On {
    type Runtime: Runtime + Default;
}

impl<R: Runtime + Default> On for proto::client::Client<R> {
    type Runtime = R;
}

type Tested = <Client as On>::Runtime;

/// That runtime with a resolver of its own, by which every name has one address.
#[derive(Clone, Default)]
struct Names {
    runtime: Tested,
    address: Arc<Mutex<Option<SocketAddr>>>,
}

impl Names {
    fn point_to(&self, address: SocketAddr) {
        *self.address.lock().expect("address") = Some(address);
    }
}

impl Runtime for Names {
    type Tcp = <Tested as Runtime>::Tcp;
    type Timer = <Tested as Runtime>::Timer;

    const PROVES: bool = Tested::PROVES;

    fn now(&self) -> proto::Instant {
        self.runtime.now()
    }

    fn timestamp(&self) -> Timestamp {
        self.runtime.timestamp()
    }

    fn seed(&self) -> u64 {
        self.runtime.seed()
    }

    fn timer(&self) -> Self::Timer {
        self.runtime.timer()
    }

    fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        self.runtime.spawn(task);
    }

    async fn resolve(&self, _host: &str, _port: u16) -> io::Result<Vec<SocketAddr>> {
        Ok(self.address.lock().expect("address").iter().copied().collect())
    }

    async fn connect(&self, address: SocketAddr, options: TcpOptions) -> io::Result<Self::Tcp> {
        self.runtime.connect(address, options).await
    }
}
