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
//! # Which call
//!
//! | call | waits until | when the queue is full |
//! |---|---|---|
//! | [`send`](Client::send), [`send_multiple`](Client::send_multiple) | it is written | waits for room |
//! | [`feed`](Client::feed) | it is queued | waits for room |
//! | [`try_feed`](Client::try_feed) | never | error |
//! | [`flush`](Client::flush) | everything queued is written | |
//! | [`close`](Client::close) | the receiver has read everything | |
//! | [`sink`](Client::sink) | a `futures::Sink` of the above | waits for room |
//!
//! *Written* means given to the kernel; under [`Delivery::Confirmed`] all of them wait for the
//! proof that the receiver has read it. Many points a second go by `feed` and now and then a
//! `flush`, or by batches: awaiting `send` for each makes each its own packet.
//!
//! # When the receiver is away
//!
//! The client owns its connection. It reconnects by itself, with delays from 50 ms doubling to
//! 10 s, and resolves the name anew each time. Points are queued meanwhile, up to
//! [`queue_bytes`](Builder::queue_bytes). At the third failure in a row, and at each one after,
//! every waiting call gets an error, so none of them hangs through an outage. **After such an
//! error the points are still queued**, and go out when the receiver is back: `flush` to wait for
//! that, do not send them again.
//!
//! What a lost connection had swallowed is sent again, by default: see [`Delivery`] for what is
//! guaranteed, what it costs, and for which receivers a repeat matters. What happened is told by
//! [`on_event`](Builder::on_event) and counted in [`stats`](Client::stats).
//!
//! # Errors
//!
//! `{error}` is one line that says it all, ready for a log: what failed, why, and what has become of
//! the points. Where an error exists only because of another, its text holds the other's, and
//! `source()` does not repeat that one but goes on behind it. What programs look at are the variants
//! and fields.
//!
//! A setting outside its bounds is an error of every way to begin; see [`Builder`].
//!
//! # Testing
//!
//! A client needs no Graphite to be tested: [`proto::Receiver`] reads what it sends, and
//! [`connect_with`](Builder::connect_with) takes any stream.
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
//!
//! # Defaults
//!
//! | setting | default |
//! |---|---|
//! | protocol | plaintext, port 2003 (pickle: 2004) |
//! | delivery | `Replay`, window 8 MiB |
//! | queue | 4 MiB of encoded points, then `Overflow::Reject` |
//! | attempts until waiters get an error | 3 |
//! | delays between attempts | 50 ms doubling to 10 s, less up to a quarter |
//! | time-outs | connect 5 s an address, write 30 s without progress, close 10 s |
//! | socket | `TCP_NODELAY`, send buffer 256 KiB, keep-alive after 60 s, `TCP_USER_TIMEOUT` of the write time-out, 30 s at least |

#![deny(missing_docs)]

mod builder;
mod client;
mod connect;
mod driver;
mod ended;
mod error;
mod line;
mod queueing;
mod resolve;
mod runtime;
mod shared;
mod sink;
mod socket;
mod waiters;

pub use builder::Builder;
pub use client::Client;
pub use connect::Connector;
pub use error::{BatchError, CloseError, ConnectError, FlushError, SendError, TryFeedError};
pub use graphite_encoder as encoder;
pub use graphite_encoder::Scheme;
pub use graphite_proto as proto;
pub use graphite_proto::{
    AddressError, ConfigError, Delivery, Event, Metric, NonFinite, Overflow, Protocol, Stats,
    Timestamp, Value,
};
pub use runtime::Stream;
pub use sink::MetricSink;
