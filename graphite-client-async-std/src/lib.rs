//! Sends metrics to Graphite on async-std: to carbon, a relay, or whatever speaks one of their two
//! protocols.
//!
//! ```no_run
//! use graphite_client_async_std::Client;
//!
//! # async fn run() -> Result<(), Box<dyn std::error::Error>> {
//! let client = Client::connect("graphite.example.com").await?;
//! client.send(("servers.web01.load", 0.42)).await?;
//! client.send_multiple([("servers.web01.users", 17), ("servers.web01.jobs", 3)]).await?;
//! client.close().await?;
//! # Ok(())
//! # }
//! ```
//!
//! A metric is `(path, value)` or `(path, value, timestamp)`, with any string, any integer or
//! float, and seconds or a `SystemTime`; without a timestamp it gets the time of the call. Names
//! that are not made of plain words go through a [`Scheme`] first.
//!
//! [`send`](Client::send) and [`send_multiple`](Client::send_multiple) wait until the points are
//! written, [`feed`](Client::feed) only for room in the queue, [`try_feed`](Client::try_feed) for
//! nothing; [`close`](Client::close) until the receiver has read everything. In an outage every
//! waiting call gets an error at the third failed attempt; the points stay queued, and go out when
//! the receiver is back. A service begins by [`connect_lazy`](Builder::connect_lazy), so that it
//! starts while Graphite is down, listens by [`on_event`](Builder::on_event), and awaits `close`
//! before its `main` ends.
//!
//! A service that reports its figures every few seconds has a [`Reporter`] do it. With the feature
//! `metrics` what it counts by the facade of that name is reported by itself, as the module `metrics`
//! shows. With the feature `tracing` what happens to the connection is told there.
//!
//! A script, a cron job or a thread, which has nothing to await with, takes the feature `blocking`: the
//! same calls without `async`, as the module of that name shows.
//!
//! With the feature `rustls` a client speaks TLS, by every way to connect that names a host:
//! `Client::builder().tls(TlsConfig::default()).connect("graphite.example.com:2443")` trusts the roots
//! of the system, and a `rustls::ClientConfig` in that place brings roots and certificates of your own.
//! What its end of file proves stands at `TlsConfig`.
//!
//! | feature | what comes with it |
//! |---|---|
//! | `blocking`, off by default | the module `blocking`, the client without `async` |
//! | `tracing`, off by default | what happens to a client, as events of that crate |
//! | `metrics`, off by default | the module `metrics`, a recorder of that facade |
//! | `rustls`, off by default | `Builder::tls`, `TlsConfig`; futures-rustls with ring, and rustls-native-certs |
//!
//! [`Client`], [`Builder`] and [`MetricSink`] are those of [`proto::client`] on this runtime: which
//! call waits for what, what an outage does, the errors and the defaults stand there, and
//! [what users of other senders complain
//! about](proto::client#what-users-of-other-senders-complain-about), with what is done here. This crate
//! holds what touches async-std and the socket.
//!
//! # async-std is discontinued
//!
//! This crate is for those who still run on it. Its successor is smol: the same executor beneath,
//! and the same traits for streams. The client runs on smol too, with what
//! `graphite-proto/examples/smol.rs` shows in one file, and it runs on tokio by
//! `graphite-client-tokio`. The calls are the same everywhere, so that moving over is a change of
//! one name.
//!
//! # Testing
//!
//! A client needs no Graphite to be tested: [`proto::Receiver`] reads what it sends, and
//! [`connect_with`](Builder::connect_with) takes any stream with the traits of `futures`.
//! There is no paused clock as tokio has one: what is recorded is tested without a client and its time, as
//! the module `metrics` shows.

#![deny(missing_docs)]

#[cfg(feature = "blocking")]
pub mod blocking;
#[cfg(feature = "metrics")]
pub mod metrics;
mod runtime;
mod socket;
#[cfg(feature = "rustls")]
mod tls;

/// The crate whose settings a [`TlsConfig`] is made of.
#[cfg(feature = "rustls")]
pub use futures_rustls::rustls;
pub use graphite_encoder as encoder;
pub use graphite_encoder::Scheme;
pub use graphite_proto as proto;
pub use graphite_proto::client::{
    Adopt, BatchError, CloseError, ConnectError, Connector, FlushError, Report, SendError,
    TryFeedError, TryFeedMultipleError,
};
#[cfg(feature = "rustls")]
pub use graphite_proto::client::{Secure, TlsConfig};
pub use graphite_proto::{
    AddressError, ConfigError, Delivery, Event, Level, Metric, NonFinite, Overflow, Protocol,
    Stats, Timestamp, Value,
};
pub use runtime::{AsyncStd, Timer};
pub use socket::Tcp;

/// A client of one Graphite receiver, on async-std. What its clones share, what dropping them does,
/// and who gets room in a full queue, is told at [`proto::client::Client`].
///
/// ```
/// # mod page { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/page/include.rs")); }
/// # use page::*; page::run(async |graphite| {
/// use graphite_client_async_std::Client;
///
/// let client = Client::connect(graphite).await?;
/// client.send(("servers.web01.load", 0.42)).await?;
/// client.close().await?;
/// assert!(received().starts_with("servers.web01.load 0.42 "));
/// # Ok(()) });
/// ```
pub type Client = proto::client::Client<AsyncStd>;

/// Makes a [`Client`]: settings, then one of the ways to begin that [`proto::client::Builder`]
/// lists.
///
/// ```
/// # mod page { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/page/include.rs")); }
/// # use page::*; page::run(async |graphite| {
/// use graphite_client_async_std::{Client, Delivery, Overflow};
///
/// let builder = Client::builder()
///     .prefix("servers.web01")
///     .delivery(Delivery::BestEffort)
///     .overflow(Overflow::DropOldest)
///     .on_event(|event| eprintln!("graphite: {event}"));
/// let client = builder.connect_lazy(graphite)?;
/// client.send(("load", 0.42)).await?;
/// # Ok(()) });
/// ```
pub type Builder = proto::client::Builder<AsyncStd>;

/// A handle with a frame of its own, for millions of points, on async-std; see
/// [`proto::client::Feeder`].
///
/// ```
/// # mod page { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/page/include.rs")); }
/// # use page::*; page::run(async |graphite| {
/// # use graphite_client_async_std::Client;
/// let mut feeder = Client::connect(graphite).await?.feeder();
/// for value in 0..100_000 {
///     feeder.feed(("jobs.done", value)).await?;
/// }
/// feeder.flush().await?;
/// # Ok(()) });
/// ```
pub type Feeder = proto::client::Feeder<AsyncStd>;

/// A `futures::Sink` of points, on async-std; see [`proto::client::MetricSink`].
///
/// ```
/// # mod page { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/page/include.rs")); }
/// # use page::*; page::run(async |graphite| {
/// # use graphite_client_async_std::{Client, Metric};
/// use futures::SinkExt as _;
///
/// let mut sink = Client::connect(graphite).await?.sink();
/// sink.send(Metric::new("load", 0.42)).await?;
/// # Ok(()) });
/// ```
pub type MetricSink = proto::client::MetricSink<AsyncStd>;

/// Reports at aligned times, on async-std: figures of one's own by [`every`](Reporter::every), or those of
/// the recorder that the feature `metrics` brings; see [`proto::client::Reporter`].
///
/// ```
/// # mod page { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/page/include.rs")); }
/// # use page::*; page::run(async |graphite| {
/// # use graphite_client_async_std::{Client, Reporter};
/// use std::time::Duration;
///
/// let client = Client::builder().prefix("shop.web01").connect_lazy(graphite)?;
/// let reporter = Reporter::every(client, Duration::from_secs(10), |report, _start| {
///     report.push(("workers", 4));
/// })?;
/// reporter.close().await?; // With the last interval.
/// # assert!(received().starts_with("shop.web01.workers 4 "));
/// # Ok(()) });
/// ```
pub type Reporter = proto::client::Reporter<AsyncStd>;

/// The examples of the package's own page are tested too.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct ReadMe;
