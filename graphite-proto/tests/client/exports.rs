//! The names that users rely on, of each adapter.

use crate::client::encoder::Scheme as EncodersScheme;
use crate::client::proto::client::SendError as ProtosSendError;
use crate::client::{Client, Scheme, SendError};
use crate::rt::block_on;
use crate::suite::receiver::Graphite;

/// Everything else is used by the tests of the client.
#[allow(unused_imports, reason = "that they are there is the test")]
use crate::client::{
    AddressError, Adopt, BatchError, Builder, CloseError, ConfigError, ConnectError, Connector,
    Delivery, Event, Feeder, FlushError, Level, Metric, MetricSink, NonFinite, Overflow, Protocol,
    Report, Reporter, Stats, Tcp, Timer, Timestamp, TryFeedError, TryFeedMultipleError, Value,
};

/// With TLS.
#[cfg(feature = "rustls")]
#[allow(unused_imports, reason = "that they are there is the test")]
use crate::client::{Secure, TlsConfig, rustls::ClientConfig};

#[test]
fn what_is_exported_by_itself_is_what_the_modules_hold() {
    let _: Scheme = EncodersScheme::Percent;
    let _: SendError = ProtosSendError::Closed;
}

#[test]
fn names_of_any_text_go_through_a_scheme() {
    block_on(async {
        let graphite = Graphite::plaintext();
        let client = Client::connect(graphite.address()).await.unwrap();
        let path = Scheme::Percent.join(["disks", "/var/lib", "größe"]).unwrap();
        client.send((&path, 1)).await.unwrap();
        client.close().await.unwrap();
        assert_eq!(graphite.paths(), ["disks.%2Fvar%2Flib.gr%C3%B6%C3%9Fe"]);
    });
}
