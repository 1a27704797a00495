//! What can be wrong, one enum an operation. Texts name the input and the limit, and the cause
//! where an error exists only because of it; `source()` then goes on behind that cause.
//!
//! Not here: what the network did to a connection, which is a value of the machine
//! ([`Failure`](crate::Failure)), not an error of a call.

mod decode;

use std::error::Error;
use std::fmt;

pub use self::decode::DecodeError;
pub(crate) use self::decode::excerpt_bytes;
use crate::value::{Timestamp, Value};

/// How much of a path an error shows, in bytes.
const EXCERPT: usize = 120;

/// Why a point cannot be sent.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum MetricError {
    /// The path is empty.
    EmptyPath,
    /// The path holds white space or a control character, where carbon would split it.
    ForbiddenCharacter {
        /// The path, cut after 120 bytes.
        path: Box<str>,
        /// The first such character.
        character: char,
        /// Where it stands, in bytes from the start of the path.
        offset: usize,
    },
    /// The value is NaN or infinite.
    NotFinite {
        /// The path, cut after 120 bytes.
        path: Box<str>,
        /// The value.
        value: Value,
    },
    /// The timestamp is negative or does not fit in 32 bits.
    TimestampOutOfRange {
        /// The path, cut after 120 bytes.
        path: Box<str>,
        /// The timestamp, in seconds since 1970.
        timestamp: Timestamp,
        /// The largest one allowed.
        limit: Timestamp,
    },
    /// The plaintext line is longer than carbon reads.
    LineTooLong {
        /// The path, cut after 120 bytes.
        path: Box<str>,
        /// The line's length in bytes, without its newline.
        bytes: usize,
        /// The longest line allowed.
        limit: usize,
    },
    /// The point alone does not fit a pickle frame.
    FrameTooLong {
        /// The path, cut after 120 bytes.
        path: Box<str>,
        /// The length in bytes of a pickle that holds only this point.
        bytes: usize,
        /// The longest pickle allowed.
        limit: usize,
    },
    /// The line does not fit a datagram.
    DatagramTooLong {
        /// The path, cut after 120 bytes.
        path: Box<str>,
        /// The line's length in bytes, with its newline.
        bytes: usize,
        /// The longest datagram allowed.
        limit: usize,
    },
}

impl MetricError {
    #[cold]
    pub(crate) fn forbidden(path: &str, character: char, offset: usize) -> Self {
        Self::ForbiddenCharacter { path: excerpt(path), character, offset }
    }

    #[cold]
    pub(crate) fn not_finite(path: &str, value: Value) -> Self {
        Self::NotFinite { path: excerpt(path), value }
    }

    #[cold]
    pub(crate) fn timestamp(path: &str, timestamp: Timestamp) -> Self {
        Self::TimestampOutOfRange { path: excerpt(path), timestamp, limit: Timestamp::MAX }
    }

    #[cold]
    pub(crate) fn line_too_long(path: &str, bytes: usize, limit: usize) -> Self {
        Self::LineTooLong { path: excerpt(path), bytes, limit }
    }

    #[cold]
    pub(crate) fn frame_too_long(path: &str, bytes: usize, limit: usize) -> Self {
        Self::FrameTooLong { path: excerpt(path), bytes, limit }
    }

    #[cold]
    pub(crate) fn datagram_too_long(path: &str, bytes: usize, limit: usize) -> Self {
        Self::DatagramTooLong { path: excerpt(path), bytes, limit }
    }
}

/// Cuts a path for an error: a bad path may be a megabyte long.
fn excerpt(path: &str) -> Box<str> {
    if path.len() <= EXCERPT {
        return path.into();
    }
    // A character is at most 4 bytes, so one of these is a border.
    let end = (EXCERPT - 3..=EXCERPT).rev().find(|&end| path.is_char_boundary(end)).unwrap_or(0);
    format!("{}…", &path[..end]).into()
}

/// Names a character that no path may hold: shown as it is, it would break the log's line.
struct Forbidden(char);

impl fmt::Display for Forbidden {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = if self.0.is_whitespace() { "white space" } else { "a control character" };
        write!(f, "{kind} (U+{:04X})", u32::from(self.0))
    }
}

/// What a timestamp out of range may have been meant for.
struct Meant(i128);

impl fmt::Display for Meant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // In each of these units, what is of our time is far from all that is of another's.
        f.write_str(match self.0 {
            -1 => ": a point without a timestamp means now",
            100_000_000_000..100_000_000_000_000 => ": milliseconds?",
            100_000_000_000_000..100_000_000_000_000_000 => ": microseconds?",
            100_000_000_000_000_000..100_000_000_000_000_000_000 => ": nanoseconds?",
            _ => "",
        })
    }
}

impl fmt::Display for MetricError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::EmptyPath => write!(f, "metric path is empty"),
            Self::ForbiddenCharacter { path, character, offset } => {
                let what = Forbidden(*character);
                write!(f, "metric path {path:?} holds {what} at byte {offset}")
            }
            Self::NotFinite { path, value } => {
                write!(f, "value of metric {path:?} is {value}, only finite values can be sent")
            }
            Self::TimestampOutOfRange { path, timestamp, limit } => write!(
                f,
                "timestamp {timestamp} of metric {path:?} is outside 0 to {limit} seconds since \
                 1970{}",
                Meant(timestamp.seconds())
            ),
            Self::LineTooLong { path, bytes, limit } => {
                write!(f, "line of metric {path:?} is {bytes} bytes, limit is {limit}")
            }
            Self::FrameTooLong { path, bytes, limit } => {
                write!(f, "pickle of metric {path:?} alone is {bytes} bytes, limit is {limit}")
            }
            Self::DatagramTooLong { path, bytes, limit } => write!(
                f,
                "line of metric {path:?} is {bytes} bytes with its newline, limit of a datagram is \
                 {limit}"
            ),
        }
    }
}

impl Error for MetricError {}

/// Why a prefix of all paths is refused.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum PrefixError {
    /// The prefix holds white space or a control character, where carbon would split the path.
    ForbiddenCharacter {
        /// The prefix, cut after 120 bytes.
        prefix: Box<str>,
        /// The first such character.
        character: char,
        /// Where it stands, in bytes from the start of the prefix.
        offset: usize,
    },
    /// Nothing stands before a dot: stores drop the empty part, so that the series get other
    /// names.
    EmptyPart {
        /// The prefix, cut after 120 bytes.
        prefix: Box<str>,
        /// Where the dot stands, in bytes from the start of the prefix.
        offset: usize,
    },
    /// The prefix leaves no room for a point in a line.
    TooLong {
        /// The prefix, cut after 120 bytes.
        prefix: Box<str>,
        /// Its length in bytes, with the dot after it.
        bytes: usize,
        /// The most it may be in bytes, with the dot after it.
        limit: usize,
    },
}

impl PrefixError {
    #[cold]
    pub(crate) fn forbidden(prefix: &str, character: char, offset: usize) -> Self {
        Self::ForbiddenCharacter { prefix: excerpt(prefix), character, offset }
    }

    #[cold]
    pub(crate) fn empty_part(prefix: &str, offset: usize) -> Self {
        Self::EmptyPart { prefix: excerpt(prefix), offset }
    }

    #[cold]
    pub(crate) fn too_long(prefix: &str, bytes: usize, limit: usize) -> Self {
        Self::TooLong { prefix: excerpt(prefix), bytes, limit }
    }
}

impl fmt::Display for PrefixError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ForbiddenCharacter { prefix, character, offset } => {
                let what = Forbidden(*character);
                write!(f, "prefix {prefix:?} holds {what} at byte {offset}")
            }
            Self::EmptyPart { prefix, offset } => {
                write!(f, "prefix {prefix:?} has nothing before the dot at byte {offset}")
            }
            Self::TooLong { prefix, bytes, limit } => {
                write!(f, "prefix {prefix:?} is {bytes} bytes with its dot, limit is {limit}")
            }
        }
    }
}

impl Error for PrefixError {}

/// Why [`Protocol::encode`](crate::Protocol::encode) refused a batch. The output is unchanged.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum EncodeError {
    /// A point of the batch cannot be sent.
    Metric {
        /// Which one, counted from 0.
        index: usize,
        /// Why.
        source: MetricError,
    },
}

impl fmt::Display for EncodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Metric { index, source } => write!(f, "point {index} of the batch: {source}"),
        }
    }
}

impl Error for EncodeError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Metric { source, .. } => source.source(),
        }
    }
}

/// Why [`Protocol::encode_datagrams`](crate::Protocol::encode_datagrams) refused a batch.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum DatagramError {
    /// A point of the batch cannot be sent.
    Metric {
        /// Which one, counted from 0.
        index: usize,
        /// Why.
        source: MetricError,
    },
    /// No datagram is of that size.
    Limit {
        /// How long a datagram was to be at most, in bytes.
        bytes: usize,
        /// The most that it may be.
        limit: usize,
    },
    /// No receiver reads pickles from datagrams.
    Pickle,
}

impl fmt::Display for DatagramError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Metric { index, source } => write!(f, "point {index} of the batch: {source}"),
            Self::Limit { bytes, limit } => {
                write!(f, "limit of {bytes} bytes for a datagram is outside 1 to {limit}")
            }
            Self::Pickle => write!(f, "no receiver reads pickles from datagrams, only lines"),
        }
    }
}

impl Error for DatagramError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Metric { source, .. } => source.source(),
            Self::Limit { .. } | Self::Pickle => None,
        }
    }
}

/// Why [`Sender::enqueue`](crate::Sender::enqueue) refused a point. The machine is unchanged.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum EnqueueError {
    /// The point cannot be sent.
    Metric(MetricError),
    /// The queue has no room for the point now ([`Overflow::Reject`](crate::Overflow::Reject)).
    QueueFull {
        /// The bytes that are queued.
        queued: usize,
        /// The most that may be queued, in bytes.
        limit: usize,
    },
    /// The sender is closing or closed.
    Closed,
    /// The batch was made by a sender with another protocol, prefix or limit.
    ForeignBatch,
}

impl From<MetricError> for EnqueueError {
    fn from(error: MetricError) -> Self {
        Self::Metric(error)
    }
}

impl fmt::Display for EnqueueError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Metric(error) => error.fmt(f),
            Self::QueueFull { queued, limit } => {
                write!(f, "queue is full: {queued} bytes are queued, limit is {limit}")
            }
            Self::Closed => write!(f, "sender is closed"),
            Self::ForeignBatch => write!(f, "batch was made by a sender with other settings"),
        }
    }
}

impl Error for EnqueueError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Metric(error) => error.source(),
            Self::QueueFull { .. } | Self::Closed | Self::ForeignBatch => None,
        }
    }
}
