//! The Graphite plaintext and pickle protocols without I/O: bytes, and when to send them.
//!
//! This crate opens no socket, reads no clock, starts no thread and awaits nothing. It is what
//! `graphite-client-tokio` and `graphite-client-async-std` are built on, and it is enough alone
//! for whoever has a transport of their own: a blocking socket, a Unix socket, TLS, a simulation.
//! With the feature `client` it also holds the client that those two put on their runtime, for
//! whoever has another one.
//!
//! | you want | take |
//! |---|---|
//! | bytes for a batch, once | [`Protocol::encode`] |
//! | the same as datagrams | [`Protocol::encode_datagrams`] |
//! | a connection kept, with queue, reconnects, time-outs, replay | [`Sender`] |
//! | to read what others send: a sink, a relay, a test | [`Receiver`] |
//! | the whole client on a runtime of your own | the feature `client`: [`client`](client/index.html) |
//! | what a service counts by the facade `metrics` as points | the feature `metrics`: [`metrics`](metrics/index.html) |
//!
//! Points to bytes:
//!
//! ```
//! use graphite_proto::Protocol;
//!
//! let mut bytes = Vec::new();
//! Protocol::Plaintext.encode([("servers.web01.load", 0.42)], 1_700_000_000, &mut bytes)?;
//! assert_eq!(bytes, b"servers.web01.load 0.42 1700000000\n");
//! # Ok::<(), graphite_proto::EncodeError>(())
//! ```
//!
//! A connection, over any transport: the machine says what to do, and is told what came of it.
//!
//! ```
//! # use std::io::{Read as _, Write as _};
//! # use std::net::{Shutdown, TcpStream};
//! use graphite_proto::{Config, Input, Instant, Metric, Output, Sender};
//!
//! # let listener = std::net::TcpListener::bind("127.0.0.1:0")?;
//! # let graphite = listener.local_addr()?;
//! # let received = std::thread::spawn(move || std::io::read_to_string(listener.accept()?.0));
//! # let begun = std::time::Instant::now();
//! # let now = || Instant::from_start(begun.elapsed());
//! let mut sender = Sender::new(Config::default(), now());
//! sender.enqueue(&Metric::new("servers.web01.load", 0.42), 1_700_000_000, now())?;
//! sender.handle_input(Input::Close, now()); // There are no more.
//!
//! let mut stream = None;
//! while !sender.is_closed() {
//!     let input = match (sender.poll_output(), &mut stream) {
//!         (Output::Connect, _) => {
//!             stream = Some(TcpStream::connect(graphite)?);
//!             Input::Connected
//!         }
//!         (Output::Transmit(bytes), Some(stream)) => Input::Written(stream.write(bytes)?),
//!         (Output::Finish, Some(stream)) => {
//!             stream.shutdown(Shutdown::Write)?;
//!             Input::Finished
//!         }
//!         (Output::Idle, Some(stream)) => {
//!             stream.read_to_end(&mut Vec::new())?; // The receiver has read it all, and closes.
//!             Input::PeerFinished { proven: true }
//!         }
//!         (output, _) => panic!("{output:?}"), // Nobody waits for an outage here.
//!     };
//!     sender.handle_input(input, now());
//! }
//! assert_eq!(sender.unproven(), 0);
//! # assert_eq!(received.join().unwrap()?, "servers.web01.load 0.42 1700000000\n");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! `examples/blocking.rs` does it through outages too, with time-outs, in under a hundred lines.
//!
//! # Features
//!
//! | feature | what comes with it |
//! |---|---|
//! | `client`, off by default | the module [`client`](client/index.html); the crate `futures`, for its `Sink` and a channel |
//! | `tracing`, off by default | `client`, and what happens to it as events of the crate `tracing` |
//! | `rustls`, off by default | `client`, and with it `Builder::tls`; the crate rustls without cryptography, which the runtime brings |
//! | `metrics`, off by default | the module [`metrics`](metrics/index.html), a recorder of the facade `metrics`; that crate, metrics-util, siphasher, graphite-encoder |
//!
//! # What a point may be
//!
//! A path that is not empty and holds no white space and no control character; a finite value; a
//! timestamp from 0 to 4,294,967,295; a line of at most 16,384 bytes, or a pickle that alone is
//! at most 1,048,576. Nothing else is refused here: names that a store dislikes are the business
//! of `graphite-encoder`.
//!
//! # Errors
//!
//! `{error}` is one line that says it all, ready for a log: what was refused, why, and the limit.
//! Where an error exists only because of another, as [`EnqueueError`] does for a [`MetricError`],
//! its text holds the other's, and `source()` does not repeat that one but goes on behind it.
//!
//! # Architecture
//!
//! ```text
//!              your service: send, feed, flush, close
//!                               |
//!  graphite-client-tokio   graphite-client-async-std   examples/smol.rs   your own
//!              impl Runtime: clock, timer, tasks, names, TCP
//!                               |
//!  graphite-proto, feature `client`: Client<R>, for any runtime R
//!              waits, connects, writes; decides nothing
//!                               |  Input, Output
//!  graphite-proto: the sending machine and the formats, without I/O
//!
//!  graphite-encoder: names, from any text and back; knows none of the others
//! ```
//!
//! Each room is built on those above it in this table, and never imports one below:
//!
//! | room of `graphite-proto` | what it is for |
//! |---|---|
//! | `limits`, `instant`, `value` | what receivers read; the machine's time; what a point holds |
//! | `error` | what is refused, and why |
//! | `metric` | a point, and what makes it valid |
//! | `protocol` | points to bytes and back, a file a format; what makes lines fast |
//! | `address` | host and port, from a text |
//! | `receiver` | the reading machine: bytes to points, safe against hostile ones |
//! | `config`, `event`, `stats`, `ticket` | what goes into the sending machine and what comes out |
//! | `open`, `admission`, `batch` | the frame that is filled; what is asked of a point; points that are encoded apart from a sender |
//! | `backoff`, `pool`, `queue`, `window` | delays; buffers; frames to be sent; frames kept for a replay |
//! | `sender` | the sending machine: when to connect, send, repeat, give up |
//! | `metrics` | the recorder of the facade `metrics`: what is recorded, and points of it |
//! | `client/runtime` | what a runtime gives, in one page |
//! | `client/error`, `client/waiters`, `client/line` | what a call says; who waits for an answer; who waits for room |
//! | `client/slots`, `client/direct` | where feeders keep their frame; what callers write themselves |
//! | `client/shared`, `client/queueing` | the machine behind its lock; how points come in |
//! | `client/feed`, `client/sending`, `client/whole`, `client/closing` | the future of one point; a batch on its way in; one that goes in whole or not; the end of all that |
//! | `client/resolve`, `client/connect`, `client/tls`, `client/ended` | names; connections; TLS over them; one whose peer has ended its side |
//! | `client/telling`, `client/driver` | whom events are told; the task that does what the machine demands |
//! | `client/handle`, `client/feeder`, `client/sink`, `client/builder` | what callers hold, and how it begins |
//! | `client/blocking` | the same for threads and scripts: calls without `async` |
//! | `client/self_metrics`, `client/reporting`, `client/reporter`, `client/install` | reports at aligned times, by a task of their own |
//!
//! | a change of | goes into (paths in `graphite-proto`: `src`, and `tests` where named) |
//! |---|---|
//! | a format | `protocol` to write it, `receiver` to read it; golden bytes in `tests/codec.rs` |
//! | when something is sent, repeated or given up | `sender`, shown by `tests/simulation` |
//! | a setting | `config` with its bounds, passed on by `client/builder`; `tests/settings.rs` |
//! | what is reported of what was recorded | `metrics`; `tests/recorder` |
//! | when is reported | `client/reporting`; `tests/client/reporting.rs` |
//! | a call or an error of every client | `client/handle`, `client/error`; `tests/client` |
//! | a socket option, or what a kernel tells | `client/runtime`, each adapter's `socket.rs`, `examples/smol.rs` |
//! | another runtime | an `impl Runtime`, as in `examples/smol.rs` |
//! | what TLS is set up by, and what its end proves | `client/tls`, each adapter's `tls.rs`; `tests/client/tls.rs` |
//! | a proxy, another kind of stream | a `Connector` of the user's, or beside `client/connect` |
//! | names | `graphite-encoder` |

#![forbid(unsafe_code)]
#![deny(missing_docs)]

mod address;
mod admission;
mod backoff;
mod batch;
#[cfg(feature = "client")]
pub mod client;
mod config;
mod error;
mod event;
mod instant;
mod limits;
mod metric;
#[cfg(feature = "metrics")]
pub mod metrics;
mod open;
mod pool;
mod protocol;
mod queue;
mod receiver;
mod sender;
mod stats;
mod ticket;
mod value;
mod window;

pub use address::{Address, AddressError};
pub use batch::Batch;
pub use config::{Config, ConfigError, Delivery, NonFinite, Overflow};
pub use error::{DatagramError, DecodeError, EncodeError, EnqueueError, MetricError, PrefixError};
pub use event::{Event, Failure, Input, Level, Output};
pub use instant::Instant;
pub use limits::{FRAME_BYTES, MAX_DATAGRAM_BYTES, MAX_FRAME_BYTES, MAX_LINE_BYTES};
pub use metric::Metric;
pub use protocol::Protocol;
pub use protocol::datagrams::Datagrams;
pub use receiver::Receiver;
pub use sender::{Lent, Sender};
pub use stats::Stats;
pub use ticket::{Progress, Ticket};
pub use value::{Timestamp, Value};

/// The examples of the package's own page are tested too.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct ReadMe;
