//! Settings that make no sense are told where a client begins, by each of the four ways; and a
//! protocol that is sent to the other one's port is asked about.

use std::io;
use std::time::Duration;

use crate::client::{Builder, Client, ConfigError, ConnectError, Delivery, Event, Protocol};
use crate::rt::{self, block_on};
use crate::suite::receiver::{Graphite, until};
use crate::suite::{Log, MS, quick};

/// Fails, since no connection is to be tried.
async fn nowhere() -> io::Result<rt::Tcp> {
    panic!("a connection was tried with a setting that makes no sense")
}

/// What each way to begin says of the settings.
async fn told(builder: impl Fn() -> Builder) -> [ConnectError; 4] {
    [
        builder().connect("127.0.0.1:1").await.expect_err("connect"),
        builder().connect_lazy("127.0.0.1:1").expect_err("connect_lazy"),
        builder().connect_with(nowhere).await.expect_err("connect_with"),
        builder().connect_with_lazy(nowhere).expect_err("connect_with_lazy"),
    ]
}

type Set = fn(Builder) -> Builder;

#[test]
fn a_setting_outside_its_bounds_is_named_with_the_bound() {
    const ZERO: Duration = Duration::ZERO;
    const NEVER: Duration = Duration::MAX;
    let settings: [(Set, &str); 12] = [
        (|b| b.max_attempts(0), "max_attempts is 0, at least 1 is needed"),
        (
            |b| b.queue_bytes(usize::MAX).frame_bytes(usize::MAX),
            "queue_bytes is 18446744073709551615, at most 1073741824 is possible",
        ),
        (|b| b.frame_bytes(2 << 20), "frame_bytes is 2097152, at most 1048576 is possible"),
        (|b| b.max_frame_bytes(2 << 20), "max_frame_bytes is 2097152, at most 1048576 is possible"),
        (
            |b| b.delivery(Delivery::Replay { window: 2 << 30 }),
            "delivery (window) is 2147483648, at most 1073741824 is possible",
        ),
        (
            |b| b.backoff(NEVER, NEVER),
            "backoff (first) is 18446744073709551615.999999999s, at most 3600s is possible",
        ),
        (|b| b.backoff(5 * MS, MS), "backoff (longest) is 1ms, at least 5ms is needed"),
        (|b| b.close_timeout(ZERO), "close_timeout is 0ns, at least 50ms is needed"),
        (
            |b| b.confirm_spacing(NEVER),
            "confirm_spacing is 18446744073709551615.999999999s, at most 3600s is possible",
        ),
        (|b| b.connect_timeout(ZERO), "connect_timeout is 0ns, at least 1ms is needed"),
        (|b| b.send_buffer(4095), "send_buffer is 4095, at least 4096 is needed"),
        (
            |b| b.send_buffer(usize::MAX),
            "send_buffer is 18446744073709551615, at most 1073741824 is possible",
        ),
    ];
    block_on(async {
        for (set, text) in settings {
            for error in told(|| set(Client::builder())).await {
                assert!(matches!(error, ConnectError::Setting(_)), "{error:?}");
                assert_eq!(error.to_string(), format!("setting {text}"));
            }
        }
    });
}

#[test]
fn a_prefix_that_cannot_begin_a_path_is_told_before_any_point() {
    block_on(async {
        for (prefix, text) in [
            ("a b", "prefix \"a b\" holds white space (U+0020) at byte 1"),
            (".", "prefix \".\" has nothing before the dot at byte 0"),
            ("a..", "prefix \"a..\" has nothing before the dot at byte 2"),
        ] {
            for error in told(|| quick().prefix(prefix)).await {
                let setting = matches!(error, ConnectError::Setting(ConfigError::Prefix(_)));
                assert!(setting, "{error:?}");
                assert_eq!(error.to_string(), text);
            }
        }
    });
}

#[test]
fn a_port_of_the_other_protocol_is_asked_about_before_anything_else() {
    block_on(async {
        for (protocol, port) in [(Protocol::Pickle, 2003), (Protocol::Plaintext, 2004)] {
            let log = Log::default();
            let builder = log.listen(quick().protocol(protocol));
            let client = builder.connect_lazy(("127.0.0.9", port)).unwrap();
            until("the port is asked about", || !log.events().is_empty()).await;
            assert_eq!(log.events()[0], Event::PortInDoubt { protocol, port });
            client.close().await.unwrap();
            assert_eq!(log.events().len(), 1, "once: {:?}", log.events());
        }
    });
}

#[test]
fn no_other_port_is_asked_about() {
    block_on(async {
        for (protocol, port) in
            [(Protocol::Pickle, 2004), (Protocol::Plaintext, 2003), (Protocol::Pickle, 2103)]
        {
            let log = Log::default();
            let builder = log.listen(quick().protocol(protocol));
            let client = builder.connect_lazy(("127.0.0.9", port)).unwrap();
            client.close().await.unwrap();
            assert_eq!(log.events(), []);
        }
    });
}

/// A service that speaks TLS must start while Graphite is down, too.
#[test]
fn a_lazy_client_of_a_connector_starts_without_a_receiver_and_delivers_later() {
    block_on(async {
        let mut graphite = Graphite::closed(Protocol::Plaintext);
        let address = graphite.address();
        let client = quick().connect_with_lazy(move || rt::tcp(address)).unwrap();
        client.feed(("a", 1)).await.unwrap();
        client.flush().await.unwrap_err();
        graphite.listen();
        graphite.received(1).await;
        client.close().await.unwrap();
        assert_eq!(graphite.paths(), ["a"]);
    });
}
