//! What can go wrong, one enum an operation.
//!
//! `{error}` is one line that says it all, since that is what people log: where an error exists
//! only because of another, its text holds the other's, and `source()` does not repeat that one but
//! goes on behind it. The other itself is a field. Not here: what is wrong with a point
//! ([`MetricError`]), a setting ([`ConfigError`]) or an address ([`AddressError`]), and what a
//! connection died of ([`Failure`]).

use std::error::Error;
use std::fmt;
use std::io::ErrorKind;

use crate::address::AddressError;
use crate::config::ConfigError;
use crate::error::{EnqueueError, MetricError};
use crate::event::Failure;

/// Why no connection came about.
///
/// ```
/// # mod page { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/page/include.rs")); }
/// # use page::*; use graphite_proto::client::ConnectError; page::run(async |graphite| {
/// let error = Client::builder().max_attempts(0).connect(graphite).await.unwrap_err();
/// assert!(matches!(error, ConnectError::Setting(_)));
/// assert_eq!(error.to_string(), "setting max_attempts is 0, at least 1 is needed");
/// # Ok(()) });
/// ```
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum ConnectError {
    /// A setting is outside its bounds.
    Setting(ConfigError),
    /// The address makes no sense.
    Address(AddressError),
    /// TLS cannot be set up: the server name, or the system's roots ([`TlsConfig`](super::TlsConfig)).
    #[cfg(feature = "rustls")]
    Tls(Failure),
    /// Every attempt failed ([`Builder::max_attempts`](super::Builder::max_attempts)).
    Unreachable(Failure),
}

impl From<ConfigError> for ConnectError {
    fn from(error: ConfigError) -> Self {
        Self::Setting(error)
    }
}

impl From<AddressError> for ConnectError {
    fn from(error: AddressError) -> Self {
        Self::Address(error)
    }
}

impl fmt::Display for ConnectError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Setting(error) => error.fmt(f),
            Self::Address(error) => error.fmt(f),
            #[cfg(feature = "rustls")]
            Self::Tls(failure) => write!(f, "TLS cannot be set up: {failure}"),
            Self::Unreachable(failure) => write!(f, "no connection came about: {failure}"),
        }
    }
}

impl Error for ConnectError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Setting(error) => error.source(),
            Self::Address(error) => error.source(),
            #[cfg(feature = "rustls")]
            Self::Tls(failure) => failure.source(),
            Self::Unreachable(failure) => failure.source(),
        }
    }
}

/// Why a point, or a batch, was not sent.
///
/// ```
/// # mod page { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/page/include.rs")); }
/// # use page::*; use graphite_proto::client::SendError; page::run(async |graphite| {
/// let client = Client::connect(graphite).await?;
/// let error = client.send(("a b", 1)).await.unwrap_err();
/// assert!(matches!(error, SendError::Metric(_)));
/// println!("graphite: {error}"); // Says which path, and what is wrong with it.
/// # Ok(()) });
/// ```
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum SendError {
    /// The point cannot be sent; nothing was queued.
    Metric(MetricError),
    /// The queue stayed full while the receiver could not be reached; the point was not queued.
    Full(Failure),
    /// The receiver could not be reached in time. The point *is* queued and goes out as soon as
    /// there is a connection: call `flush` to wait for it, do not send it again.
    Queued(Failure),
    /// The point was dropped from a full queue
    /// ([`Overflow::DropOldest`](crate::Overflow::DropOldest)).
    Dropped,
    /// The client is closed, or its runtime was shut down; what was queued is lost.
    Closed,
}

impl From<EnqueueError> for SendError {
    fn from(error: EnqueueError) -> Self {
        match error {
            EnqueueError::Metric(error) => Self::Metric(error),
            EnqueueError::QueueFull { queued, limit } => {
                let text = format!("{queued} bytes are queued, limit is {limit}");
                Self::Full(Failure::new(ErrorKind::QuotaExceeded, text))
            }
            _ => Self::Closed,
        }
    }
}

impl fmt::Display for SendError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Metric(error) => write!(f, "point cannot be sent: {error}"),
            Self::Full(failure) => {
                write!(f, "queue is full and the receiver cannot be reached: {failure}")
            }
            Self::Queued(failure) => {
                write!(f, "point is queued, but the receiver cannot be reached: {failure}")
            }
            Self::Dropped => f.write_str("point was dropped from a full queue"),
            Self::Closed => f.write_str("client is closed"),
        }
    }
}

impl Error for SendError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Metric(error) => error.source(),
            Self::Full(failure) | Self::Queued(failure) => failure.source(),
            Self::Dropped | Self::Closed => None,
        }
    }
}

/// Why a batch stopped, and where.
///
/// ```
/// # mod page { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/page/include.rs")); }
/// # use page::*; page::run(async |graphite| {
/// let points = [("a", 1), ("b c", 2), ("d", 3)];
/// let client = Client::connect(graphite).await?;
/// if let Err(error) = client.send_multiple(points).await {
///     // All but that one.
///     client.send_multiple(points[error.queued + 1..].to_vec()).await?;
/// }
/// assert_eq!(client.stats().accepted, 2);
/// # Ok(()) });
/// ```
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct BatchError {
    /// How many items were queued: the items before this index are in, that one and the later
    /// ones are not. If it is the whole batch, the receiver could not be reached in time.
    pub queued: usize,
    /// Why.
    pub source: SendError,
}

impl fmt::Display for BatchError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let queued = self.queued as u64;
        match &self.source {
            SendError::Metric(error) => {
                write!(f, "item {queued} of the batch cannot be sent: {error}; ")?;
                match queued {
                    0 => f.write_str("nothing is queued"),
                    1 => f.write_str("1 point before it is queued"),
                    _ => write!(f, "{queued} points before it are queued"),
                }
            }
            SendError::Full(failure) => write!(
                f,
                "queue is full after {} of the batch and the receiver cannot be reached: {failure}",
                Points(queued)
            ),
            SendError::Queued(failure) => {
                match queued {
                    1 => f.write_str("the only point is")?,
                    _ => write!(f, "all {queued} points are")?,
                }
                write!(f, " queued, but the receiver cannot be reached: {failure}")
            }
            SendError::Dropped => {
                write!(f, "of a batch of {} some were dropped from a full queue", Points(queued))
            }
            SendError::Closed => {
                write!(f, "client is closed after {} of the batch", Points(queued))
            }
        }
    }
}

impl Error for BatchError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.source.source()
    }
}

/// So many points, for people.
struct Points(u64);

impl fmt::Display for Points {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            1 => f.write_str("1 point"),
            points => write!(f, "{points} points"),
        }
    }
}

/// Why a point was not queued at once.
///
/// ```
/// # mod page { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/page/include.rs")); }
/// # use page::*; use graphite_proto::client::TryFeedError; page::run(async |graphite| {
/// let client = Client::builder().queue_bytes(100).connect_lazy("127.0.0.1:1")?;
/// let full = (0..100).find_map(|i| client.try_feed(("orders", i)).err());
/// assert!(matches!(full, Some(TryFeedError::Full { limit: 100, .. })));
/// # Ok(()) });
/// ```
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum TryFeedError {
    /// The point cannot be sent.
    Metric(MetricError),
    /// The queue has no room for it now.
    Full {
        /// The bytes that are queued.
        queued: usize,
        /// The most that may be queued, in bytes.
        limit: usize,
    },
    /// The client is closed, or its runtime was shut down.
    Closed,
}

impl From<EnqueueError> for TryFeedError {
    fn from(error: EnqueueError) -> Self {
        match error {
            EnqueueError::Metric(error) => Self::Metric(error),
            EnqueueError::QueueFull { queued, limit } => Self::Full { queued, limit },
            _ => Self::Closed,
        }
    }
}

impl fmt::Display for TryFeedError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Metric(error) => write!(f, "point cannot be sent: {error}"),
            Self::Full { queued, limit } => {
                write!(f, "queue is full: {queued} bytes are queued, limit is {limit}")
            }
            Self::Closed => write!(f, "client is closed"),
        }
    }
}

impl Error for TryFeedError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Metric(error) => error.source(),
            Self::Full { .. } | Self::Closed => None,
        }
    }
}

/// Why a batch was not queued at once. Nothing of it is queued.
///
/// ```
/// # mod page { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/page/include.rs")); }
/// # use page::*; page::run(async |graphite| {
/// let client = Client::builder().connect_lazy(graphite)?;
/// let error = client.try_feed_multiple([("load", 0.42), ("used", f64::NAN)]).unwrap_err();
/// assert_eq!(
///     error.to_string(),
///     "nothing of the batch is queued: item 1: value of metric \"used\" is NaN, only finite values \
///      can be sent"
/// );
/// # Ok(()) });
/// ```
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum TryFeedMultipleError {
    /// A point of the batch cannot be sent.
    Metric {
        /// Which one, counted from 0.
        index: usize,
        /// Why.
        source: MetricError,
    },
    /// The queue has no room for all of it now.
    Full {
        /// The bytes that it takes at most.
        bytes: usize,
        /// The bytes that are queued.
        queued: usize,
        /// The most that may be queued, in bytes.
        limit: usize,
    },
    /// The client is closed, or its runtime was shut down.
    Closed,
}

impl fmt::Display for TryFeedMultipleError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("nothing of the batch is queued: ")?;
        match self {
            Self::Metric { index, source } => write!(f, "item {index}: {source}"),
            Self::Full { bytes, queued, limit } => {
                write!(f, "it takes {bytes} bytes and {queued} bytes are queued, limit is {limit}")
            }
            Self::Closed => f.write_str("client is closed"),
        }
    }
}

impl Error for TryFeedMultipleError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Metric { source, .. } => source.source(),
            Self::Full { .. } | Self::Closed => None,
        }
    }
}

/// Why what was queued did not all go out.
///
/// ```
/// # mod page { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/page/include.rs")); }
/// # use page::*; use graphite_proto::client::FlushError; page::run(async |graphite| {
/// let client = Client::builder().connect_lazy("127.0.0.1:1")?; // Nobody listens there.
/// client.feed(("load", 0.42)).await?;
/// assert!(matches!(client.flush().await, Err(FlushError::Queued(_))));
/// assert_eq!(client.stats().queued, 1); // It goes out later.
/// # Ok(()) });
/// ```
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum FlushError {
    /// The receiver could not be reached in time. Everything is still queued and goes out as soon
    /// as there is a connection: flush again to wait for it.
    Queued(Failure),
    /// The queue stayed full while the receiver could not be reached: what a feeder holds it holds
    /// still. Flush it again.
    Full(Failure),
    /// Points were dropped from a full queue
    /// ([`Overflow::DropOldest`](crate::Overflow::DropOldest)).
    Dropped,
    /// The client is closed, or its runtime was shut down.
    Closed,
}

impl fmt::Display for FlushError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Queued(failure) => {
                write!(f, "points are queued, but the receiver cannot be reached: {failure}")
            }
            Self::Full(failure) => {
                write!(f, "queue is full and the receiver cannot be reached: {failure}")
            }
            Self::Dropped => f.write_str("points were dropped from a full queue"),
            Self::Closed => f.write_str("client is closed"),
        }
    }
}

impl Error for FlushError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Queued(failure) | Self::Full(failure) => failure.source(),
            Self::Dropped | Self::Closed => None,
        }
    }
}

/// The client closed without the receiver having read everything.
///
/// ```
/// # mod page { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/page/include.rs")); }
/// # use page::*; page::run(async |graphite| {
/// let builder = Client::builder().close_timeout(std::time::Duration::from_millis(100));
/// let client = builder.connect_lazy("127.0.0.1:1")?; // Nobody listens there.
/// client.feed(("load", 0.42)).await?;
/// let error = client.close().await.unwrap_err();
/// assert!(error.to_string().starts_with("closed with 1 point not known to be delivered: "));
/// # Ok(()) });
/// ```
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct CloseError {
    /// How many points are not known to be delivered.
    pub undelivered: u64,
    /// The last failure, if there was one.
    pub source: Option<Failure>,
}

impl fmt::Display for CloseError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "closed with {} not known to be delivered", Points(self.undelivered))?;
        match &self.source {
            Some(failure) => write!(f, ": {failure}"),
            None => Ok(()),
        }
    }
}

impl Error for CloseError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.source.as_ref().and_then(Failure::source)
    }
}
