//! Sends metrics to Graphite on tokio.

#![deny(missing_docs)]

mod builder;
mod client;
mod connect;
mod driver;
mod error;
mod runtime;
mod shared;
mod sink;
mod socket;

pub use builder::Builder;
pub use client::Client;
pub use connect::Connector;
pub use error::{BatchError, CloseError, ConnectError, FlushError, SendError, TryFeedError};
pub use graphite_encoder as encoder;
pub use graphite_encoder::Scheme;
pub use graphite_proto as proto;
pub use graphite_proto::{
    AddressError, Delivery, Event, Metric, NonFinite, Overflow, Protocol, Stats, Timestamp, Value,
};
pub use runtime::Stream;
pub use sink::MetricSink;
