//! What can go wrong, one enum an operation.
//!
//! Not here: what is wrong with a point ([`MetricError`]) or what a
//! connection died of ([`Failure`]); both stand behind `source()`.

use std::error::Error;
use std::fmt;
use std::io::ErrorKind;

use crate::proto::{AddressError, ConfigError, EnqueueError, Failure, MetricError};

/// Why no connection came about.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum ConnectError {
    /// A setting is outside its bounds.
    Setting(ConfigError),
    /// The address makes no sense.
    Address(AddressError),
    /// Every attempt failed ([`Builder::max_attempts`](crate::Builder::max_attempts)).
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
            Self::Address(_) => f.write_str("address is not valid"),
            Self::Unreachable(_) => f.write_str("no connection came about"),
        }
    }
}

impl Error for ConnectError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Setting(error) => error.source(),
            Self::Address(error) => Some(error),
            Self::Unreachable(failure) => Some(failure),
        }
    }
}

/// Why a point, or a batch, was not sent.
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
            EnqueueError::QueueFull { .. } => {
                Self::Full(Failure::new(ErrorKind::OutOfMemory, error.to_string()))
            }
            _ => Self::Closed,
        }
    }
}

impl fmt::Display for SendError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Metric(_) => "point cannot be sent",
            Self::Full(_) => "queue is full and the receiver cannot be reached",
            Self::Queued(_) => "point is queued, but the receiver cannot be reached",
            Self::Dropped => "point was dropped from a full queue",
            Self::Closed => "client is closed",
        })
    }
}

impl Error for SendError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Metric(error) => Some(error),
            Self::Full(failure) | Self::Queued(failure) => Some(failure),
            Self::Dropped | Self::Closed => None,
        }
    }
}

/// Why a batch stopped, and where.
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
        write!(f, "batch stopped after {} queued points", self.queued)
    }
}

impl Error for BatchError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some(&self.source)
    }
}

/// Why a point was not queued at once.
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

impl fmt::Display for TryFeedError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Metric(_) => write!(f, "point cannot be sent"),
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
            Self::Metric(error) => Some(error),
            Self::Full { .. } | Self::Closed => None,
        }
    }
}

/// Why what was queued did not all go out.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum FlushError {
    /// The receiver could not be reached in time. Everything is still queued and goes out as soon
    /// as there is a connection: flush again to wait for it.
    Queued(Failure),
    /// Points were dropped from a full queue
    /// ([`Overflow::DropOldest`](crate::Overflow::DropOldest)).
    Dropped,
    /// The client is closed, or its runtime was shut down.
    Closed,
}

impl fmt::Display for FlushError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Queued(_) => "points are queued, but the receiver cannot be reached",
            Self::Dropped => "points were dropped from a full queue",
            Self::Closed => "client is closed",
        })
    }
}

impl Error for FlushError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Queued(failure) => Some(failure),
            Self::Dropped | Self::Closed => None,
        }
    }
}

/// The client closed without the receiver having read everything.
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
        write!(f, "closed with {} points not known to be delivered", self.undelivered)
    }
}

impl Error for CloseError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.source.as_ref().map(|failure| failure as _)
    }
}
