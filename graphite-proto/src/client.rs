//! The client without its runtime: what queues, connects, sends, retries and closes, for whatever
//! gives it a clock, tasks and TCP.
//!
//! Most users take it as the `Client` of `graphite-client-tokio` or `graphite-client-async-std`,
//! which are this one on their [`Runtime`]. On another runtime implement that trait: one page, as
//! `examples/smol.rs` does for smol.
//!
//! Nothing in here opens a socket, reads a clock, spawns or sleeps by itself. In the examples of these
//! pages `Client` is that of one runtime, as each adapter has it, and `graphite` is where the receiver
//! is.
//!
//! # Which call
//!
//! | call | waits until | when the queue is full |
//! |---|---|---|
//! | [`send`](Client::send), [`send_multiple`](Client::send_multiple) | it is written | waits for room |
//! | [`feed`](Client::feed) | it is queued | waits for room |
//! | [`try_feed`](Client::try_feed), [`try_feed_multiple`](Client::try_feed_multiple), all or nothing | never | error |
//! | [`flush`](Client::flush) | everything queued is written; what feeders hold is not queued | |
//! | [`close`](Client::close) | the receiver has read everything | |
//! | [`feeder`](Client::feeder) | makes a [`Feeder`], for one task's millions of points | its `feed` waits for room |
//! | [`sink`](Client::sink) | a `futures::Sink` of the above | waits for room |
//! | [`Reporter::every`] | has a closure called at the end of each interval, as `try_feed` | tells |
//!
//! *Written* means given to the kernel; under [`Delivery::Confirmed`](crate::Delivery::Confirmed)
//! all of them wait for the proof that the receiver has read it. Many points a second go by `feed`
//! and now and then a `flush`, or by batches: awaiting `send` for each makes each its own packet.
//! Tasks that produce millions each take a feeder of their own.
//!
//! A script or a thread, which has nothing to await with, takes a [`blocking::Client`]: the same
//! calls without `async`.
//!
//! # Who writes, and when
//!
//! A point that is fed waits up to [`linger`](Builder::linger), 250 µs, for others to fill its frame
//! of 64 KiB; the first few after a pause do not wait, nor does any that a `send`, a `flush` or a
//! `close` waits for. Whoever fills a frame writes it, without waiting, on its own thread: a system
//! call in some thousand points. Where the kernel takes less, the client's own task writes the rest.
//! A task that feeds or sends without a pause gives way to others of its thread after every frame.
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
//! What a lost connection had swallowed is sent again, by default: see
//! [`Delivery`](crate::Delivery) for what is guaranteed, what it costs, and for which receivers a
//! repeat matters. What happened is told by [`on_event`](Builder::on_event) and counted in
//! [`stats`](Client::stats). With the feature `tracing` it is told there too, as events of the target
//! `graphite` in a span of that name, which has the client's address and protocol, at the
//! [`level`](crate::Event::level) of each and with the counts that say whether points are lost; never
//! one a point. [`is_connected`](Client::is_connected) and [`last_failure`](Client::last_failure)
//! are for a page that shows how a service is.
//!
//! # Errors
//!
//! `{error}` is one line that says it all, ready for a log: what failed, why, and what has become
//! of the points. Where an error exists only because of another, its text holds the other's, and
//! `source()` does not repeat that one but goes on behind it. What programs look at are the
//! variants and fields.
//!
//! A setting outside its bounds is an error of every way to begin; see [`Builder`].
//!
//! # Defaults
//!
//! | setting | default |
//! |---|---|
//! | protocol | plaintext, port 2003 (pickle: 2004) |
//! | delivery | `Replay`, window 8 MiB |
//! | queue | 4 MiB of encoded points, then `Overflow::Reject` |
//! | linger, the wait for others to fill a frame | 250 µs |
//! | attempts until waiters get an error | 3 |
//! | delays between attempts | 50 ms doubling to 10 s, less up to a quarter |
//! | time-outs | connect 5 s an address, write 30 s without progress, close 10 s |
//! | socket | `TCP_NODELAY`, send buffer 256 KiB, keep-alive after 60 s, `TCP_USER_TIMEOUT` of the write time-out, 30 s at least |
//!
//! # More than one Graphite
//!
//! A relay in front of several carbon-caches divides the series between them by a hash of the
//! name, and can keep two copies of each. Two configurations, both as they were tested with the
//! clients of this repository, carbon's with its folders added. carbon-relay, in `carbon.conf`,
//! with a `storage-schemas.conf` beside it, started by
//! `carbon-relay.py --config=carbon.conf start`:
//!
//! ```ini
//! [relay]
//! LINE_RECEIVER_INTERFACE = 0.0.0.0
//! LINE_RECEIVER_PORT = 2003
//! PICKLE_RECEIVER_INTERFACE = 0.0.0.0
//! PICKLE_RECEIVER_PORT = 2004
//! RELAY_METHOD = consistent-hashing
//! REPLICATION_FACTOR = 2
//! DESTINATIONS = 10.0.0.1:2004:a, 10.0.0.2:2004:b
//! MAX_QUEUE_SIZE = 2000000
//! ```
//!
//! or carbon-c-relay, which is faster and reads lines only, as
//! `carbon-c-relay -s -q 2000000 -b 20000 -f relay.conf` with
//!
//! ```text
//! listen type linemode 0.0.0.0:2003 proto tcp;
//! cluster graphite carbon_ch replication 2 10.0.0.1:2003=a 10.0.0.2:2003=b;
//! match * send to graphite stop;
//! ```
//!
//! In the client, only the address changes: connect to the relay, with `Protocol::Pickle` to
//! carbon-relay, which costs it less, and with names of `Scheme::Portable` to carbon-c-relay.
//! Leave `Delivery` at its default: the caches keep one value for a name and a time, so that
//! repeats are harmless.
//!
//! While a node is down, the relay queues what belongs to it, and its other copy goes on being
//! stored. Size the queue (points a node) for the outage: beyond it carbon-relay drops the
//! newest points and carbon-c-relay the oldest, whatever the client does. Points that were on
//! their way from the relay to the node that went down are on the other copy only: at most
//! 1,780 of some 200,000 in the measured runs, in which the other node had every point, and
//! both every later one. A client's `close` and its proofs speak of the relay, not of the nodes
//! behind it. Two nodes with two copies each hold everything; a third one is one more
//! destination, and takes over a share of the series, which begin anew there. Give each node an
//! address of its own: carbon-relay keeps a single copy where the nodes share a host (unless
//! `DIVERSE_REPLICAS = False`). To read, list the nodes in graphite-web's `CLUSTER_SERVERS`.
//!
//! # Coming from aiographite
//!
//! | aiographite | here |
//! |---|---|
//! | `await connect(host, port, loop)` | `Client::connect((host, port)).await?` |
//! | `connect(host, port, PickleProtocol(), loop)` | `Client::builder().protocol(Protocol::Pickle).connect((host, port)).await?` |
//! | `await conn.send(metric, value, timestamp)` | `client.send((metric, value, timestamp)).await?` |
//! | `await conn.send(metric, value)` | `client.send((metric, value)).await?` |
//! | `await conn.send_multiple([(m, v, t), ...])` | `client.send_multiple([(m, v, t), ...]).await?` |
//! | `await conn.close()` | `client.close().await?` |
//! | `protocol.generate_message(...)` | `protocol.encode(metrics, now, &mut bytes)?` |
//! | `conn.clean_and_join_metric_parts(parts)` | `Scheme::Punycode.join(parts)?` (`Scheme::Idna` for series of its first releases) |
//! | `GraphiteEncoder.encode(part)`, `.decode(part)` | `Scheme::Punycode.encode(part)?`, `.decode(part)?` |
//!
//! What differs: after the third failed attempt the caller always gets an error, and the points
//! stay queued. A point without a timestamp gets the time of the call, not that of its
//! neighbour. A batch of any size is cut into frames that the receiver reads. An empty name is
//! an error.
//!
//! # What users of other senders complain about
//!
//! The fifteen complaints that are made most often, what is done here, and the test that shows it, in
//! `graphite-proto/tests/client`. Each runs on tokio, with several threads and with one, on async-std
//! and on smol.
//!
//! | | complaint | here | test |
//! |---|---|---|---|
//! | 1 | after the server comes back nothing is ever sent again | whatever goes wrong ends the connection; the next one is tried for ever | `complaints::it_always_comes_back` |
//! | 2 | the data of an outage is lost | it is queued, and what a lost connection had swallowed is sent again | `complaints::an_outage_loses_nothing` |
//! | 3 | a DNS change is never seen | each connect resolves the name and tries all its addresses; [`max_connection_age`](Builder::max_connection_age) leaves a server that still answers | `complaints::a_dns_change_is_seen` `complaints::every_address_is_tried` `complaints::an_old_connection_ends` |
//! | 4 | one space or quote in a name, and the metric is gone | what breaks the protocol is an error that names the character; a `Scheme` writes any name so that it can be read back | `complaints::bad_names_are_refused` |
//! | 5 | the last interval is lost at shutdown | [`close`](Client::close) waits until all is read, and counts what is not; a [`Reporter`]'s close reports once more | `complaints::the_last_points_arrive` `reporting::the_last_interval_is_in_the_close` |
//! | 6 | sending hangs the application | every wait has an end; [`try_feed`](Client::try_feed) never waits | `complaints::no_call_hangs` |
//! | 7 | retry storms and flooded logs in an outage | delays that double, with jitter; an event for a change of state, none for a point | `complaints::retries_do_not_storm` `outage::an_outage_is_told_once` |
//! | 8 | batches too large are dropped in silence | frames are cut to what receivers read; a point that alone is too long is an error | `complaints::large_batches_are_cut` |
//! | 9 | one of several servers goes down and all stop | a client a server, each with its own queue and connection | `complaints::servers_go_down_alone` |
//! | 10 | no TLS | the feature `rustls`, or any stream by a [`Connector`] | `tls::both_protocols_go_over_tls` `complaints::any_stream_will_do` |
//! | 11 | no tags | `graphite_encoder::tagged` keeps carbon's rules and order | `complaints::tags_arrive` |
//! | 12 | the first write after a pause goes into a closed socket | the end is looked for before each write | `complaints::an_end_is_noticed_first` |
//! | 13 | NaN and infinity spoil what is stored | they are refused, or skipped and counted | `complaints::nan_never_arrives` |
//! | 14 | without Graphite the application does not start | [`connect_lazy`](Builder::connect_lazy) does not touch the network | `complaints::it_starts_without_graphite` |
//! | 15 | memory grows without bound while Graphite is away | queue and window have a size, and what finds no room is counted | `complaints::memory_is_bounded` |

pub mod blocking;
mod builder;
mod closing;
mod connect;
mod direct;
mod driver;
mod ended;
mod error;
mod feed;
mod feeder;
mod handle;
#[cfg(feature = "metrics")]
mod install;
mod line;
mod queueing;
mod reporter;
mod reporting;
mod resolve;
mod runtime;
#[cfg(feature = "metrics")]
mod self_metrics;
mod sending;
mod shared;
mod sink;
mod slots;
mod telling;
#[cfg(feature = "rustls")]
mod tls;
mod waiters;
mod whole;

pub use builder::{Awaited, Builder};
pub use connect::Connector;
pub use error::{
    BatchError, CloseError, ConnectError, FlushError, SendError, TryFeedError, TryFeedMultipleError,
};
pub use feeder::Feeder;
pub use handle::Client;
#[cfg(feature = "metrics")]
pub use install::InstallError;
pub use reporter::Reporter;
pub use reporting::Report;
pub use runtime::{Adopt, Runtime, Tcp, TcpOptions, Timer, Written};
pub use sink::MetricSink;
#[cfg(feature = "rustls")]
pub use tls::{Secure, TcpIo, TlsConfig};

#[cfg(test)]
mod tests;
