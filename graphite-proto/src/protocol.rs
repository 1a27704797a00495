//! The two wire formats; each stands in a file of its own. What makes lines fast is [`scratch`].
//!
//! Not here: when bytes are sent ([`crate::Sender`]) and how a stream of them is cut while it
//! is received ([`crate::Receiver`]).

pub(crate) mod datagrams;
pub(crate) mod number;
pub(crate) mod pickle;
pub(crate) mod plaintext;
pub(crate) mod scratch;

use std::fmt;

use crate::error::{EncodeError, MetricError};
use crate::limits::{FRAME_BYTES, MAX_FRAME_BYTES};
use crate::metric::{Metric, Point};
use crate::protocol::scratch::Scratch;
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
        // What depends on the protocol is looked up here, not for every point.
        let surely_fits = self.surely_fits(MAX_FRAME_BYTES);
        let mut frame = Frame::default();
        let mut scratch = Scratch::new();
        for (index, metric) in metrics.into_iter().enumerate() {
            let metric = metric.into();
            let point = match Point::usual(metric.path(), &metric, default_timestamp) {
                Some(point) if point.path.len() <= surely_fits => point,
                // By a copy: what is passed by its address cannot stay in registers.
                _ => match self.check(
                    metric.path(),
                    &Metric::from(&metric),
                    default_timestamp,
                    MAX_FRAME_BYTES,
                ) {
                    Ok(point) => point,
                    Err(source) => {
                        out.truncate(before);
                        return Err(EncodeError::Metric { index, source });
                    }
                },
            };
            if out.len() + point.path.len() > frame.limit {
                self.cut(&mut frame, out);
            }
            self.write(&mut scratch, out, &point);
        }
        if let Some(start) = frame.start {
            self.seal(out, start);
        }
        Ok(())
    }

    /// Checks a point that is not as usual; `path` is the metric's, or that with a prefix before it.
    #[cold]
    pub(crate) fn check<'a>(
        self,
        path: &'a str,
        metric: &Metric<'_>,
        default_timestamp: Timestamp,
        max_frame: usize,
    ) -> Result<Point<'a>, MetricError> {
        let point = Point::check(path, metric, default_timestamp)?;
        self.check_fit(&point, max_frame)?;
        Ok(point)
    }

    /// Ends the frame, if there is one, and begins the next.
    #[cold]
    fn cut(self, frame: &mut Frame, out: &mut Vec<u8>) {
        if let Some(start) = frame.start {
            self.seal(out, start);
        }
        let start = self.open(out);
        *frame = Frame { start: Some(start), limit: start + FRAME_BYTES - self.overhead() };
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

    /// Returns the longest path that fits whatever the numbers beside it are.
    pub(crate) fn surely_fits(self, max_frame: usize) -> usize {
        match self {
            Self::Plaintext => plaintext::SURELY_FITS,
            Self::Pickle => pickle::surely_fits(max_frame),
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
    pub(crate) fn write(self, scratch: &mut Scratch, out: &mut Vec<u8>, point: &Point<'_>) {
        match self {
            Self::Plaintext => plaintext::write(scratch, out, point),
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
        point.path.len() + self.overhead()
    }

    /// Returns the most that a point adds to a frame beside its path.
    #[inline]
    pub(crate) fn overhead(self) -> usize {
        match self {
            Self::Plaintext => plaintext::OVERHEAD,
            Self::Pickle => pickle::OVERHEAD,
        }
    }
}

/// The frame of a batch that is being written.
#[derive(Default)]
struct Frame {
    /// Where it begins; `None` before the first one.
    start: Option<usize>,
    /// How long the output may be with one path more; 0 before the first one.
    limit: usize,
}

impl fmt::Display for Protocol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Plaintext => "plaintext",
            Self::Pickle => "pickle",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::value::Value;

    #[test]
    fn a_point_never_takes_more_room_than_its_bound_says() {
        let values = [Value::F64(0.5), Value::F64(-f64::MIN_POSITIVE), Value::I64(i64::MIN)];
        let longest = if cfg!(miri) { 8 } else { 300 };
        for protocol in [Protocol::Plaintext, Protocol::Pickle] {
            let mut scratch = Scratch::new();
            for (length, value) in
                (1..longest).flat_map(|length| values.map(|value| (length, value)))
            {
                for timestamp in [u32::MAX, 0, 1_700_000_000, 12] {
                    let point = Point { path: &"x".repeat(length), value, timestamp };
                    let mut out = Vec::with_capacity(protocol.upper_bound(&point));
                    let room = out.capacity();
                    protocol.write(&mut scratch, &mut out, &point);
                    assert_eq!(out.capacity(), room, "{protocol}, {point:?}");
                }
            }
        }
    }
}
