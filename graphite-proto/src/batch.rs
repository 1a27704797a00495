//! Points that are encoded apart from a sender, to be handed to it together.
//!
//! Whoever produces many points encodes them with nothing shared, and takes the sender's lock once
//! a frame instead of once a point. Not here: what becomes of them ([`crate::Sender`]).

use std::fmt;

use crate::admission::Admission;
use crate::error::MetricError;
use crate::metric::Metric;
use crate::protocol::scratch::Scratch;
use crate::value::Timestamp;

/// Points of one frame, encoded and checked, that no sender has accepted yet.
///
/// [`Sender::batch`](crate::Sender::batch) makes one, and
/// [`Sender::enqueue_batch`](crate::Sender::enqueue_batch) takes what is in it; it is then empty
/// and good for the next points. It never holds more than a frame: 65,536 bytes, unless configured
/// otherwise, or one point that is longer.
///
/// ```
/// use graphite_proto::{Config, Instant, Metric, Sender};
///
/// let mut sender = Sender::new(Config::default(), Instant::START);
/// let mut batch = sender.batch();
/// assert!(batch.push(&Metric::new("load", 0.5), 1_700_000_000)?);
/// assert!(batch.push(&Metric::new("disk", 7.25), 1_700_000_000)?);
///
/// let ticket = sender.enqueue_batch(&mut batch, Instant::START)?;
/// assert_eq!(ticket.points(), Some(0..2));
/// assert!(batch.is_empty());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Batch {
    pub(crate) admission: Admission,
    /// Where the frame is full.
    frame_bytes: usize,
    /// An open frame; empty if there are no points.
    pub(crate) bytes: Vec<u8>,
    pub(crate) points: u64,
    /// Points that were skipped because they are not finite.
    pub(crate) skipped: u64,
    scratch: Scratch,
}

impl Batch {
    pub(crate) fn new(admission: Admission, frame_bytes: usize) -> Self {
        Self {
            admission,
            frame_bytes,
            bytes: Vec::new(),
            points: 0,
            skipped: 0,
            scratch: Scratch::new(),
        }
    }

    /// Takes a point; `false` says that it finds no room, so that what is here has to be handed
    /// over first. A point without a timestamp gets `default_timestamp`. Under
    /// [`NonFinite::Skip`](crate::NonFinite::Skip) a point that is not finite is taken, and counted
    /// by the sender as skipped.
    ///
    /// # Errors
    ///
    /// The point is not valid; nothing has changed.
    #[inline]
    pub fn push(
        &mut self,
        metric: &Metric<'_>,
        default_timestamp: impl Into<Timestamp>,
    ) -> Result<bool, MetricError> {
        let protocol = self.admission.protocol();
        let Some(point) = self.admission.admit(metric, default_timestamp.into())? else {
            self.skipped += 1;
            return Ok(true);
        };
        if self.bytes.len() + protocol.upper_bound(&point) > self.frame_bytes && self.points > 0 {
            return Ok(false);
        }
        if self.points == 0 {
            begin(&mut self.bytes, protocol.opening(), self.frame_bytes);
        }
        protocol.write(&mut self.scratch, &mut self.bytes, &point);
        self.points += 1;
        Ok(true)
    }

    /// Gives up what is here.
    pub fn clear(&mut self) {
        (self.points, self.skipped) = (0, 0);
    }

    /// Returns how many points are here.
    #[must_use]
    pub fn points(&self) -> u64 {
        self.points
    }

    /// Returns whether there is nothing to hand over.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.points == 0 && self.skipped == 0
    }

    /// Returns how many bytes of room in a queue the points need at most.
    #[must_use]
    pub fn bytes(&self) -> usize {
        if self.points == 0 {
            0
        } else {
            self.bytes.len() + self.admission.protocol().closing().len()
        }
    }
}

/// Begins a frame, with room for all of it.
#[cold]
fn begin(bytes: &mut Vec<u8>, opening: &[u8], frame_bytes: usize) {
    bytes.clear();
    bytes.reserve(frame_bytes);
    bytes.extend_from_slice(opening);
}

impl fmt::Debug for Batch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Batch")
            .field("points", &self.points)
            .field("bytes", &self.bytes.len())
            .finish_non_exhaustive()
    }
}
