//! Lines for datagrams: whole ones, as many in each as fit.
//!
//! Receivers take a datagram for itself, so that a line that is cut by its end is lost, or stored
//! as another. Not here: how a line is written ([`super::plaintext`]), and what is sent as a stream.

use memchr::{memchr, memchr_iter, memrchr};

use crate::error::{DatagramError, EncodeError, MetricError};
use crate::limits::MAX_DATAGRAM_BYTES;
use crate::metric::Metric;
use crate::protocol::Protocol;
use crate::value::Timestamp;

/// A batch as datagrams, of whole lines each: from
/// [`Protocol::encode_datagrams`](Protocol::encode_datagrams).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Datagrams {
    /// The lines, none of which is longer than the limit.
    lines: Vec<u8>,
    limit: usize,
}

impl Datagrams {
    /// Returns the datagrams in the order of their points; each is to be sent by a call of its own.
    /// None is empty or longer than the limit, and the next line would not have fitted into it.
    pub fn iter(&self) -> impl Iterator<Item = &[u8]> + '_ {
        let mut rest = self.lines.as_slice();
        std::iter::from_fn(move || {
            let fits = &rest[..rest.len().min(self.limit)];
            let datagram;
            (datagram, rest) = rest.split_at(memrchr(b'\n', fits)? + 1);
            Some(datagram)
        })
    }

    /// Returns whether there is none, as of an empty batch.
    pub fn is_empty(&self) -> bool {
        self.lines.is_empty()
    }
}

impl Protocol {
    /// Encodes a batch for datagrams of at most `limit` bytes, from 1 to 65,507: whole lines, as
    /// many in each as fit, each with its newline.
    ///
    /// A point without a timestamp gets `default_timestamp`. 1,432 bytes fit the 1,500 of Ethernet with
    /// the headers of IPv6 and UDP, and 20 to spare. carbon reads 8,192 bytes of a datagram and throws
    /// away the rest in silence (`maxPacketSize` in twisted's udp.py). Nobody tells which datagrams were
    /// lost: for graphs that must not lie, take a stream.
    ///
    /// # Errors
    ///
    /// A point that cannot be sent or whose line is longer than the limit, the first of them with
    /// its index; a limit that no datagram has; a protocol other than
    /// [`Plaintext`](Self::Plaintext): no receiver reads pickles from datagrams.
    ///
    /// ```
    /// use graphite_proto::Protocol;
    ///
    /// let points = [("load", 0.5), ("disk", 7.25), ("users", 17.0)];
    /// let datagrams = Protocol::Plaintext.encode_datagrams(points, 1_700_000_000, 48)?;
    /// let datagrams: Vec<&[u8]> = datagrams.iter().collect();
    /// assert_eq!(datagrams[0], b"load 0.5 1700000000\ndisk 7.25 1700000000\n");
    /// assert_eq!(datagrams[1], b"users 17.0 1700000000\n");
    /// # Ok::<(), graphite_proto::DatagramError>(())
    /// ```
    pub fn encode_datagrams<'a, I>(
        self,
        metrics: I,
        default_timestamp: impl Into<Timestamp>,
        limit: usize,
    ) -> Result<Datagrams, DatagramError>
    where
        I: IntoIterator<Item: Into<Metric<'a>>>,
    {
        if self != Self::Plaintext {
            return Err(DatagramError::Pickle);
        }
        if !(1..=MAX_DATAGRAM_BYTES).contains(&limit) {
            return Err(DatagramError::Limit { bytes: limit, limit: MAX_DATAGRAM_BYTES });
        }
        let mut lines = Vec::new();
        self.encode(metrics, default_timestamp, &mut lines)?;
        longer_than(limit, &lines).map_or(Ok(Datagrams { lines, limit }), Err)
    }
}

/// Finds the first line that no datagram holds.
fn longer_than(limit: usize, lines: &[u8]) -> Option<DatagramError> {
    let mut start = 0;
    for (index, end) in memchr_iter(b'\n', lines).enumerate() {
        let line = &lines[start..=end];
        if line.len() > limit {
            let path = &line[..memchr(b' ', line).unwrap_or(line.len())];
            let path = String::from_utf8_lossy(path);
            let source = MetricError::datagram_too_long(&path, line.len(), limit);
            return Some(DatagramError::Metric { index, source });
        }
        start = end + 1;
    }
    None
}

impl From<EncodeError> for DatagramError {
    fn from(error: EncodeError) -> Self {
        match error {
            EncodeError::Metric { index, source } => Self::Metric { index, source },
        }
    }
}
