//! Sends metrics to Graphite on tokio: to carbon, a relay, or whatever speaks one of their two
//! protocols.
//!
//! ```no_run
//! use graphite_client_tokio::Client;
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
//! | `rustls`, off by default | `Builder::tls`, `TlsConfig`; tokio-rustls with ring, and rustls-native-certs |
//!
//! [`Client`], [`Builder`] and [`MetricSink`] are those of [`proto::client`] on this runtime: which
//! call waits for what, what an outage does, the errors and the defaults stand there, and
//! [what users of other senders complain
//! about](proto::client#what-users-of-other-senders-complain-about), with what is done here. This crate
//! holds what touches tokio and the socket. A client needs a runtime with `enable_io` and
//! `enable_time`, and lives on the one that is entered where it begins.
//!
//! # Testing
//!
//! A client needs no Graphite to be tested: [`proto::Receiver`] reads what it sends, and
//! [`connect_with`](Builder::connect_with) takes any stream with tokio's traits.
//!
//! With tokio's paused clock the receiver has to be in the same runtime, and so has the way to it:
//! that clock leaps to the next deadline whenever all tasks wait, and it does not know that the
//! kernel, a resolver or another thread or process is at work. A client that connects by TCP or by
//! name then sees time-outs that are none. `tokio::io::duplex` makes a stream that tasks alone
//! move:
//!
//! ```
//! use std::sync::{Arc, Mutex};
//! use std::time::Duration;
//!
//! use graphite_client_tokio::proto::Receiver;
//! use graphite_client_tokio::{Client, Protocol};
//! use tokio::io::{AsyncReadExt, DuplexStream};
//!
//! /// Reads a connection to its end and notes the paths; to drop it then answers that end.
//! async fn read(mut connection: DuplexStream, paths: Arc<Mutex<Vec<String>>>) {
//!     let (mut receiver, mut bytes) = (Receiver::new(Protocol::Plaintext), Vec::new());
//!     connection.read_to_end(&mut bytes).await.unwrap();
//!     receiver.receive(&bytes);
//!     while let Some(Ok(point)) = receiver.next_metric() {
//!         paths.lock().unwrap().push(point.path().to_owned());
//!     }
//! }
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build()?.block_on(
//! # async {
//! // In a test with #[tokio::test(start_paused = true)]:
//! let paths = Arc::new(Mutex::new(Vec::new()));
//! let seen = paths.clone();
//! let connector = move || {
//!     let (ours, theirs) = tokio::io::duplex(65_536);
//!     tokio::spawn(read(theirs, seen.clone()));
//!     async { Ok(ours) }
//! };
//! let client = Client::builder().connect_with(connector).await?;
//! client.send(("before", 1)).await?;
//! tokio::time::sleep(Duration::from_secs(3600)).await; // An hour that takes no time.
//! client.send(("after", 2)).await?;
//! client.close().await?;
//! assert_eq!(*paths.lock().unwrap(), ["before", "after"]);
//! # Ok(())
//! # })
//! # }
//! ```

#![deny(missing_docs)]

#[cfg(feature = "blocking")]
pub mod blocking;
#[cfg(feature = "metrics")]
pub mod metrics;
mod runtime;
mod socket;
#[cfg(feature = "rustls")]
mod tls;

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
pub use runtime::{Timer, Tokio};
pub use socket::Tcp;
/// The crate whose settings a [`TlsConfig`] is made of.
#[cfg(feature = "rustls")]
pub use tokio_rustls::rustls;

/// A client of one Graphite receiver, on tokio. What its clones share, what dropping them does, and
/// who gets room in a full queue, is told at [`proto::client::Client`].
///
/// ```
/// # mod page { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/page/include.rs")); }
/// # use page::*; page::run(async |graphite| {
/// use graphite_client_tokio::Client;
///
/// let client = Client::connect(graphite).await?;
/// client.send(("servers.web01.load", 0.42)).await?;
/// client.close().await?;
/// assert!(received().starts_with("servers.web01.load 0.42 "));
/// # Ok(()) });
/// ```
pub type Client = proto::client::Client<Tokio>;

/// Makes a [`Client`]: settings, then one of the ways to begin that [`proto::client::Builder`]
/// lists.
///
/// ```
/// # mod page { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/page/include.rs")); }
/// # use page::*; page::run(async |graphite| {
/// use graphite_client_tokio::{Client, Delivery, Overflow};
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
pub type Builder = proto::client::Builder<Tokio>;

/// A handle with a frame of its own, for millions of points, on tokio; see
/// [`proto::client::Feeder`].
///
/// ```
/// # mod page { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/page/include.rs")); }
/// # use page::*; page::run(async |graphite| {
/// # use graphite_client_tokio::Client;
/// let mut feeder = Client::connect(graphite).await?.feeder();
/// for value in 0..100_000 {
///     feeder.feed(("jobs.done", value)).await?;
/// }
/// feeder.flush().await?;
/// # Ok(()) });
/// ```
pub type Feeder = proto::client::Feeder<Tokio>;

/// A `futures::Sink` of points, on tokio; see [`proto::client::MetricSink`].
///
/// ```
/// # mod page { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/page/include.rs")); }
/// # use page::*; page::run(async |graphite| {
/// # use graphite_client_tokio::{Client, Metric};
/// use futures::SinkExt as _;
///
/// let mut sink = Client::connect(graphite).await?.sink();
/// sink.send(Metric::new("load", 0.42)).await?;
/// # Ok(()) });
/// ```
pub type MetricSink = proto::client::MetricSink<Tokio>;

/// Reports at aligned times, on tokio: figures of one's own by [`every`](Reporter::every), or those of
/// the recorder that the feature `metrics` brings; see [`proto::client::Reporter`].
///
/// ```
/// # mod page { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/page/include.rs")); }
/// # use page::*; page::run(async |graphite| {
/// # use graphite_client_tokio::{Client, Reporter};
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
pub type Reporter = proto::client::Reporter<Tokio>;

/// The examples of the package's own page are tested too.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct ReadMe;
