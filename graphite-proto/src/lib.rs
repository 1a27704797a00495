//! The Graphite plaintext and pickle protocols without I/O: bytes, and when to send them.
//!
//! This crate opens no socket, reads no clock, starts no thread and awaits nothing. It is what
//! `graphite-client-tokio` and `graphite-client-async-std` are built on, and it is enough alone
//! for whoever has a transport of their own: a blocking socket, a Unix socket, TLS, a simulation.
//!
//! | you want | take |
//! |---|---|
//! | bytes for a batch, once | [`Protocol::encode`] |
//! | a connection kept, with queue, reconnects, time-outs, replay | [`Sender`] |
//! | to read what others send: a sink, a relay, a test | [`Receiver`] |
//!
//! `examples/blocking.rs` drives a [`Sender`] over `std::net` in under a hundred lines.
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

#![forbid(unsafe_code)]
#![deny(missing_docs)]

mod address;
mod backoff;
#[cfg(feature = "client")]
pub mod client;
mod config;
mod error;
mod event;
mod instant;
mod limits;
mod metric;
mod protocol;
mod queue;
mod receiver;
mod sender;
mod stats;
mod ticket;
mod value;
mod window;

pub use address::{Address, AddressError};
pub use config::{Config, ConfigError, Delivery, NonFinite, Overflow};
pub use error::{DecodeError, EncodeError, EnqueueError, MetricError, PrefixError};
pub use event::{Event, Failure, Input, Output};
pub use instant::Instant;
pub use limits::{FRAME_BYTES, MAX_FRAME_BYTES, MAX_LINE_BYTES};
pub use metric::Metric;
pub use protocol::Protocol;
pub use receiver::Receiver;
pub use sender::Sender;
pub use stats::Stats;
pub use ticket::{Progress, Ticket};
pub use value::{Timestamp, Value};
