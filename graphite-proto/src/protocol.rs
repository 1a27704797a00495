//! The two wire formats; each stands in a file of its own.
//!
//! Not here: when bytes are sent ([`crate::Sender`]) and how a stream of them is cut while it
//! is received ([`crate::Receiver`]).

pub(crate) mod number;
pub(crate) mod pickle;
pub(crate) mod plaintext;

use std::fmt;

use crate::error::{EncodeError, MetricError};
use crate::limits::{FRAME_BYTES, MAX_FRAME_BYTES};
use crate::metric::{Metric, Point};
use crate::value::Timestamp;

/// How points are written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Protocol {
    /// A line a point: `path value timestamp\n`. Every receiver reads it.
    #[default]
    Plaintext,
    /// Frames of a 4-byte big-endian length and a pickled list of `(path, (timestamp, value))`,
    /// pickle protocol 2. carbon and go-carbon read it, at less cost than lines.
    Pickle,
}

impl Protocol {
    /// Returns the port that receivers listen on by default: 2003 or 2004.
    ///
    /// ```
    /// use graphite_proto::Protocol;
    ///
    /// assert_eq!(Protocol::Plaintext.default_port(), 2003);
    /// assert_eq!(Protocol::Pickle.default_port(), 2004);
    /// ```
    pub fn default_port(self) -> u16 {
        match self {
            Self::Plaintext => 2003,
            Self::Pickle => 2004,
        }
    }

    /// Returns the protocol that this one is mixed up with.
    pub(crate) fn other(self) -> Self {
        match self {
            Self::Plaintext => Self::Pickle,
            Self::Pickle => Self::Plaintext,
        }
    }

    /// Appends a batch to `out` as complete frames, cut at 65,536 bytes each.
    ///
    /// A point without a timestamp gets `default_timestamp`. An empty batch appends nothing.
    ///
    /// # Errors
    ///
    /// The first point that cannot be sent, with its index; `out` is then as it was.
    ///
    /// ```
    /// use graphite_proto::Protocol;
    ///
    /// let mut out = Vec::new();
    /// Protocol::Plaintext.encode([("load", 0.5), ("disk", 7.25)], 1_700_000_000, &mut out)?;
    /// assert_eq!(out, b"load 0.5 1700000000\ndisk 7.25 1700000000\n");
    /// # Ok::<(), graphite_proto::EncodeError>(())
    /// ```
    pub fn encode<'a, I>(
        self,
        metrics: I,
        default_timestamp: impl Into<Timestamp>,
        out: &mut Vec<u8>,
    ) -> Result<(), EncodeError>
    where
        I: IntoIterator<Item: Into<Metric<'a>>>,
    {
        let default_timestamp = default_timestamp.into();
        let before = out.len();
        let mut frame = None;
        for (index, metric) in metrics.into_iter().enumerate() {
            let metric = metric.into();
            let point = Point::check(metric.path(), &metric, default_timestamp)
                .and_then(|point| self.check_fit(&point, MAX_FRAME_BYTES).map(|()| point));
            match point {
                Ok(point) => self.append(&mut frame, &point, out),
                Err(source) => {
                    out.truncate(before);
                    return Err(EncodeError::Metric { index, source });
                }
            }
        }
        if let Some(start) = frame {
            self.seal(out, start);
        }
        Ok(())
    }

    /// Appends one point to the frame that starts at `frame`, cutting before it where it would
    /// pass [`FRAME_BYTES`].
    fn append(self, frame: &mut Option<usize>, point: &Point<'_>, out: &mut Vec<u8>) {
        let start = match *frame {
            Some(start) if out.len() - start + self.upper_bound(point) > FRAME_BYTES => {
                self.seal(out, start);
                self.open(out)
            }
            Some(start) => start,
            None => self.open(out),
        };
        *frame = Some(start);
        self.write(out, point);
    }

    /// Begins a frame at the end of `out` and returns where.
    fn open(self, out: &mut Vec<u8>) -> usize {
        let start = out.len();
        out.extend_from_slice(self.opening());
        start
    }

    /// Returns what a frame begins with.
    pub(crate) fn opening(self) -> &'static [u8] {
        match self {
            Self::Plaintext => &[],
            Self::Pickle => pickle::BEGIN,
        }
    }

    /// Returns what a frame ends with.
    pub(crate) fn closing(self) -> &'static [u8] {
        match self {
            Self::Plaintext => &[],
            Self::Pickle => pickle::END,
        }
    }

    /// Refuses a point that is longer than its receiver reads.
    #[inline]
    pub(crate) fn check_fit(self, point: &Point<'_>, max_frame: usize) -> Result<(), MetricError> {
        match self {
            Self::Plaintext => plaintext::check_fit(point),
            Self::Pickle => pickle::check_fit(point, max_frame),
        }
    }

    /// Appends a point that fits to the open frame at the end of `out`.
    #[inline]
    pub(crate) fn write(self, out: &mut Vec<u8>, point: &Point<'_>) {
        match self {
            Self::Plaintext => plaintext::write(out, point),
            Self::Pickle => pickle::write(out, point),
        }
    }

    /// Ends the frame that begins at `start`: from here on its bytes do not change.
    pub(crate) fn seal(self, out: &mut Vec<u8>, start: usize) {
        if self == Self::Pickle {
            pickle::seal(out, start);
        }
    }

    /// Returns at least as many bytes as the point adds to a frame, its end included.
    #[inline]
    pub(crate) fn upper_bound(self, point: &Point<'_>) -> usize {
        point.path.len()
            + match self {
                Self::Plaintext => plaintext::OVERHEAD,
                Self::Pickle => pickle::OVERHEAD,
            }
    }
}

impl fmt::Display for Protocol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Plaintext => "plaintext",
            Self::Pickle => "pickle",
        })
    }
}
