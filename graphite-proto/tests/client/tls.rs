//! TLS: both protocols, whom a client trusts and who trusts it, what an end proves, and receivers
//! that speak none.

use std::time::Duration;

use crate::client::{Builder, ConnectError, Delivery, Event, Protocol, TlsConfig};
use crate::rt::{self, block_on};
use crate::suite::receiver::{Graphite, Manner, until};
use crate::suite::tls_receiver::{Authority, Ending, Kind, TlsGraphite};
use crate::suite::{Log, MS, assert_accounted, names, numbered, quick};

fn trusting(graphite: &TlsGraphite) -> Builder {
    quick().tls(graphite.authority.trusted())
}

/// What a client says that cannot connect to a receiver over TLS.
async fn refusal(builder: Builder, address: std::net::SocketAddr) -> String {
    let error = builder.max_attempts(1).connect(address).await.expect_err("a refusal");
    assert!(matches!(error, ConnectError::Unreachable(_)), "{error:?}");
    let text = error.to_string();
    let begin = format!("no connection came about: connect to {address}: TLS handshake with ");
    text.strip_prefix(&begin).unwrap_or_else(|| panic!("{text}")).to_owned()
}

#[test]
fn both_protocols_go_over_tls() {
    block_on(async {
        for protocol in [Protocol::Plaintext, Protocol::Pickle] {
            let graphite = TlsGraphite::start(Kind { protocol, ..Kind::default() });
            let builder = trusting(&graphite).protocol(protocol);
            let client = builder.connect(graphite.address()).await.unwrap();
            client.send(("a", 1)).await.unwrap();
            client.send_multiple(numbered("b", 50_000)).await.unwrap();
            client.flush().await.unwrap();
            client.close().await.unwrap();
            assert_eq!(graphite.errors(), [""; 0]);
            assert_eq!(graphite.paths()[1..], names("b", 50_000));
            assert_eq!(graphite.connections(), 1);
            assert_accounted(&client.stats());
        }
    });
}

#[test]
fn every_delivery_level_goes_over_tls() {
    block_on(async {
        for delivery in [Delivery::BestEffort, Delivery::Confirmed { window: 1 << 16 }] {
            let graphite = TlsGraphite::start(Kind::default());
            let builder = trusting(&graphite).delivery(delivery).confirm_spacing(MS);
            let client = builder.connect(graphite.address()).await.unwrap();
            for _ in 0..3 {
                client.send_multiple(numbered("x", 5000)).await.unwrap();
            }
            client.close().await.unwrap();
            let thrice = [names("x", 5000), names("x", 5000), names("x", 5000)].concat();
            assert_eq!(graphite.paths(), thrice, "{delivery:?}");
            let proofs = matches!(delivery, Delivery::Confirmed { .. });
            assert_eq!(graphite.connections() > 2, proofs, "{delivery:?}");
        }
    });
}

/// What was in the kernels' buffers dies with the connection.
#[test]
fn what_a_reset_destroys_is_sent_again() {
    block_on(async {
        for delivery in [Delivery::default(), Delivery::Confirmed { window: 1 << 20 }] {
            let reset_first_after = Some(100_000);
            let graphite = TlsGraphite::start(Kind { reset_first_after, ..Kind::default() });
            let builder = trusting(&graphite).delivery(delivery);
            let client = builder.connect_lazy(graphite.address()).unwrap();
            for point in numbered("x", 30_000) {
                client.feed(point).await.unwrap();
            }
            client.close().await.unwrap();
            graphite.received_distinct(30_000).await;
            assert!(client.stats().replayed > 0, "{delivery:?}");
            assert_accounted(&client.stats());
        }
    });
}

/// Of the options one shows from outside: the timer of keep-alive, in the kernel's table.
#[test]
fn the_sockets_below_have_the_options_of_plain_ones() {
    block_on(async {
        let graphite = TlsGraphite::start(Kind::default());
        let client = trusting(&graphite).connect(graphite.address()).await.unwrap();
        let remote = format!(" 0100007F:{:04X} 01 ", graphite.address().port());
        let kept_alive = || {
            let table = std::fs::read_to_string("/proc/net/tcp").expect("the kernel's table");
            let row = table.lines().find_map(|row| row.split_once(&remote));
            row.and_then(|(_, row)| row.split(' ').nth(1)).is_some_and(|tr| tr.starts_with("02:"))
        };
        until("keep-alive waits for its time", kept_alive).await;
        client.close().await.unwrap();
    });
}

#[test]
fn a_lazy_client_starts_without_a_receiver_and_delivers_later() {
    block_on(async {
        let mut graphite = TlsGraphite::closed(Kind::default());
        let client = trusting(&graphite).connect_lazy(graphite.address()).unwrap();
        client.feed(("a", 1)).await.unwrap();
        client.flush().await.unwrap_err();
        graphite.listen();
        graphite.received_distinct(1).await;
        client.close().await.unwrap();
        assert_eq!(graphite.paths(), ["a"]);
    });
}

/// An idle connection whose end is announced, and whose kernel has everything, was read.
#[test]
fn an_end_that_is_announced_proves_and_nothing_is_repeated() {
    block_on(async {
        let (graphite, log) = (TlsGraphite::start(Kind::default()), Log::default());
        let builder = log.listen(trusting(&graphite)).settle_timeout(300 * MS);
        let client = builder.connect(graphite.address()).await.unwrap();
        for i in 0..3 {
            client.send((format!("x.{i}"), i)).await.unwrap();
            graphite.received_distinct(i + 1).await;
            graphite.end_connections().await;
            until("the end is a proof", || client.stats().confirmed == i as u64 + 1).await;
        }
        client.close().await.unwrap();
        assert_eq!(graphite.paths(), names("x", 3));
        assert_eq!(log.gave_up(), 0);
    });
}

/// As carbon and all on Twisted do: the end of file comes first, and the reset that tells of what stands
/// unread only with the close.
#[test]
fn an_end_that_is_announced_is_watched_for_the_reset_behind_it() {
    block_on(async {
        let kind = Kind { ending: Ending::HungUp, ..Kind::default() };
        let graphite = TlsGraphite::start(kind);
        let builder = trusting(&graphite).settle_timeout(Duration::from_secs(20));
        let client = builder.connect(graphite.address()).await.unwrap();
        for i in 0..10 {
            client.send((format!("x.{i}"), i)).await.unwrap();
        }
        graphite.end_connections().await;
        client.send(("x.10", 10)).await.unwrap();
        client.close().await.unwrap();
        assert_eq!(graphite.paths(), names("x", 11));
    });
}

/// A balancer that cuts whatever is idle would be sent the same at each cut.
#[test]
fn what_stood_written_for_long_is_not_repeated_after_an_end_without_a_word() {
    block_on(async {
        let kind = Kind { ending: Ending::Cut, ..Kind::default() };
        let (graphite, log) = (TlsGraphite::start(kind), Log::default());
        let builder = log.listen(trusting(&graphite)).replay_age(Duration::ZERO);
        let client = builder.connect(graphite.address()).await.unwrap();
        client.send(("a", 1)).await.unwrap();
        graphite.received_distinct(1).await;
        graphite.end_connections().await;
        let lost = |event: &Event| matches!(event, Event::Lost(_));
        until("the end is told", || log.count(lost) == 1).await;
        client.close().await.unwrap();
        assert_eq!((graphite.paths(), graphite.connections()), (vec!["a".to_owned()], 1));
    });
}

/// A process that dies with everything read leaves the same: it is asked again rather than lost.
#[test]
fn an_end_without_a_word_is_an_end_of_file_but_no_proof_unless_asked_for() {
    block_on(async {
        let kind = Kind { ending: Ending::Cut, ..Kind::default() };
        let (graphite, log) = (TlsGraphite::start(kind), Log::default());
        let builder = log.listen(trusting(&graphite));
        let client = builder.connect(graphite.address()).await.unwrap();
        client.send(("a", 1)).await.unwrap();
        graphite.received_distinct(1).await;
        graphite.end_connections().await;
        client.send(("b", 1)).await.unwrap();
        client.close().await.unwrap();
        assert_eq!(graphite.paths(), ["a", "a", "b"]);
        assert_eq!(client.stats().confirmed, 2);
        let lost = |event: &Event| match event {
            Event::Lost(failure) => Some(failure.text.clone()),
            _ => None,
        };
        let lost: Vec<String> = log.events().iter().filter_map(lost).collect();
        assert!(lost.iter().all(|text| !text.contains("close_notify")), "{lost:?}");
    });
}

/// Bytes may stand unread behind a close_notify, and the reset that tells of it comes later.
#[test]
fn a_close_notify_alone_proves_nothing() {
    block_on(async {
        let kind = Kind { ending: Ending::Unclosed, ..Kind::default() };
        let graphite = TlsGraphite::start(kind);
        let builder = trusting(&graphite).close_timeout(300 * MS);
        let client = builder.connect(graphite.address()).await.unwrap();
        client.send(("a", 1)).await.unwrap();
        graphite.received_distinct(1).await;
        graphite.end_connections().await;
        // The next point finds that out and goes over a new connection, behind what is in doubt.
        client.send(("b", 1)).await.unwrap();
        graphite.received_distinct(2).await;
        assert_eq!(graphite.paths(), ["a", "a", "b"]);
        assert_eq!(client.stats().confirmed, 0);
        let error = client.close().await.unwrap_err();
        assert!(error.to_string().contains('2'), "{error}");
    });
}

#[test]
fn the_certificate_must_come_from_whom_is_trusted() {
    block_on(async {
        let graphite = TlsGraphite::start(Kind::default());
        let stranger = quick().tls(Authority::new().trusted());
        let text = refusal(stranger, graphite.address()).await;
        assert_eq!(text, "127.0.0.1: invalid peer certificate: UnknownIssuer");
    });
}

#[test]
fn the_certificate_must_be_for_the_name() {
    block_on(async {
        let graphite = TlsGraphite::start(Kind::default());
        let named = |name: &str| {
            quick().tls(TlsConfig::from(graphite.authority.trusted()).server_name(name))
        };
        let text = refusal(named("graphite.example.com"), graphite.address()).await;
        let begin =
            "graphite.example.com: invalid peer certificate: certificate not valid for name";
        assert!(text.starts_with(begin), "{text}");
        // By its name, by another that it has, and by its address.
        let port = graphite.address().port();
        trusting(&graphite).connect(("localhost", port)).await.unwrap();
        named("localhost").connect(("127.0.0.1", port)).await.unwrap();
        trusting(&graphite).connect(("127.0.0.1", port)).await.unwrap();
    });
}

#[test]
fn the_certificate_must_not_have_expired() {
    block_on(async {
        let graphite = TlsGraphite::start(Kind { until: 2001, ..Kind::default() });
        let text = refusal(trusting(&graphite), graphite.address()).await;
        let begin = "127.0.0.1: invalid peer certificate: certificate expired";
        assert!(text.starts_with(begin), "{text}");
    });
}

#[test]
fn a_receiver_may_ask_for_a_certificate() {
    block_on(async {
        let graphite = TlsGraphite::start(Kind { asks: true, ..Kind::default() });
        let client = quick().tls(graphite.authority.trusted_by_certificate());
        let client = client.connect(graphite.address()).await.unwrap();
        client.send(("a", 1)).await.unwrap();
        client.close().await.unwrap();
        assert_eq!(graphite.paths(), ["a"]);
    });
}

/// By TLS 1.3 the receiver says so after the handshake is done.
#[test]
fn a_client_without_the_certificate_that_is_asked_for_is_told_so() {
    block_on(async {
        let graphite = TlsGraphite::start(Kind { asks: true, ..Kind::default() });
        let log = Log::default();
        let builder = log.listen(trusting(&graphite)).close_timeout(500 * MS);
        let client = builder.connect_lazy(graphite.address()).unwrap();
        client.feed(("a", 1)).await.unwrap();
        let told = |event: &Event| match event {
            Event::Lost(cause) | Event::GaveUp { cause, .. } => {
                cause.text == "received fatal alert: CertificateRequired"
            }
            _ => false,
        };
        until("the receiver's refusal is told", || log.count(told) > 0).await;
        client.close().await.unwrap_err();
        assert_eq!(graphite.paths(), [""; 0]);
    });
}

#[test]
fn a_receiver_that_speaks_no_tls_is_asked_about() {
    block_on(async {
        let told = [
            (Manner::Speak, "127.0.0.1: received corrupt message of type InvalidContentType"),
            (Manner::Ignore, "127.0.0.1: no answer in 100ms"),
        ];
        for (manner, cause) in told {
            let graphite = Graphite::with(manner);
            let builder = quick().tls(Authority::new().trusted());
            let text = refusal(builder.connect_timeout(100 * MS), graphite.address()).await;
            assert_eq!(text, format!("{cause}; does it speak TLS on this port?"), "{manner:?}");
        }
        // As carbon's pickle port does: an end of file, or a reset.
        let graphite = Graphite::with(Manner::CloseAtOnce);
        let text = refusal(quick().tls(Authority::new().trusted()), graphite.address()).await;
        assert!(text.ends_with("; does it speak TLS on this port?"), "{text}");
    });
}

/// Waiters get their error while the attempts hang.
#[test]
fn a_handshake_that_is_never_answered_ends_by_the_time_out() {
    block_on(async {
        let graphite = Graphite::with(Manner::Ignore);
        let builder = quick().tls(Authority::new().trusted()).connect_timeout(20 * MS);
        let client = builder.connect_lazy(graphite.address()).unwrap();
        client.feed(("a", 1)).await.unwrap();
        let error = client.flush().await.unwrap_err();
        assert!(error.to_string().contains("no answer in 20ms"), "{error}");
        assert!(graphite.connections() >= 3, "{}", graphite.connections());
    });
}

#[test]
fn a_name_that_is_none_is_told_before_anything_is_tried() {
    block_on(async {
        let named =
            || quick().tls(TlsConfig::from(Authority::new().trusted()).server_name("no name"));
        for error in [
            named().connect("127.0.0.1:1").await.unwrap_err(),
            named().connect_lazy("127.0.0.1:1").unwrap_err(),
        ] {
            let text = "TLS cannot be set up: server name \"no name\" is neither a DNS name nor an IP \
                        address";
            assert_eq!(error.to_string(), text);
            assert!(matches!(error, ConnectError::Tls(_)), "{error:?}");
        }
    });
}

#[test]
fn a_connector_is_not_given_tls_that_it_does_not_know_of() {
    block_on(async {
        let graphite = Graphite::plaintext();
        let address = graphite.address();
        let builder = || quick().tls(Authority::new().trusted());
        for error in [
            builder().connect_with(move || rt::tcp(address)).await.unwrap_err(),
            builder().connect_with_lazy(move || rt::tcp(address)).unwrap_err(),
        ] {
            assert!(matches!(error, ConnectError::Tls(_)), "{error:?}");
            assert!(error.to_string().contains("a connector brings its own TLS"), "{error}");
        }
        assert_eq!(graphite.connections(), 0);
    });
}

/// The roots of the system, or none: this receiver is a stranger to them.
#[test]
fn by_default_the_roots_of_the_system_are_trusted_alone() {
    block_on(async {
        let graphite = TlsGraphite::start(Kind::default());
        let builder = quick().tls(TlsConfig::default()).max_attempts(1);
        let timeout = Duration::from_secs(10);
        let error = builder.connect_timeout(timeout).connect(graphite.address()).await.unwrap_err();
        match error {
            ConnectError::Unreachable(failure) => {
                assert!(failure.text.ends_with("UnknownIssuer"), "{failure}");
            }
            ConnectError::Tls(failure) => {
                assert!(failure.text.contains("root certificates"), "{failure}");
            }
            other => panic!("{other:?}"),
        }
    });
}
