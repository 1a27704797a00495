//! Points that are encoded apart from a sender, to be handed to it together.
//!
//! Whoever produces many points encodes them with nothing shared, and takes the sender's lock once
//! a frame instead of once a point. Not here: what becomes of them ([`crate::Sender`]).

use std::fmt;

use crate::admission::Admission;
use crate::error::MetricError;
use crate::metric::{Metric, Point};
use crate::open::Open;
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
    pub(crate) open: Open,
    /// A point found no room.
    pub(crate) full: bool,
    /// Points that were skipped because they are not finite.
    pub(crate) skipped: u64,
}

impl Batch {
    pub(crate) fn new(admission: Admission, frame_bytes: usize) -> Self {
        let open = admission.open();
        Self { admission, frame_bytes, open, full: false, skipped: 0 }
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
        let default_timestamp = default_timestamp.into();
        if self.push_usual(metric, default_timestamp) {
            return Ok(true);
        }
        // By a copy: what is passed by its address cannot stay in registers.
        self.admit(&Metric::from(metric), default_timestamp)
    }

    /// Takes a point as nearly all are, if there is a frame with room for it.
    #[inline(always)]
    pub(crate) fn push_usual(&mut self, metric: &Metric<'_>, timestamp: Timestamp) -> bool {
        match Point::usual(metric.path(), metric, timestamp) {
            Some(point) => self.admission.takes_as_is() && self.open.try_append(&point),
            None => false,
        }
    }

    /// Takes a point that is not as usual, has a prefix, or finds no room.
    #[cold]
    fn admit(
        &mut self,
        metric: &Metric<'_>,
        default_timestamp: Timestamp,
    ) -> Result<bool, MetricError> {
        let Some(point) = self.admission.admit(metric, default_timestamp)? else {
            self.skipped += 1;
            return Ok(true);
        };
        if self.open.try_append(&point) {
            return Ok(true);
        }
        if !self.open.is_empty() {
            self.full = true;
            return Ok(false);
        }
        let buffer = self.open.take_buffer();
        self.open.begin(buffer, self.frame_bytes);
        self.open.append(&point);
        Ok(true)
    }

    /// Gives up what is here.
    pub fn clear(&mut self) {
        self.open.clear();
        (self.full, self.skipped) = (false, 0);
    }

    /// Returns how many points are here.
    #[must_use]
    pub fn points(&self) -> u64 {
        self.open.points()
    }

    /// Returns whether there is nothing to hand over.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.open.is_empty() && self.skipped == 0
    }

    /// Returns how many bytes of room in a queue the points need at most.
    #[must_use]
    pub fn bytes(&self) -> usize {
        let closing = self.admission.protocol().closing().len();
        if self.open.is_empty() { 0 } else { self.open.len() + closing }
    }
}

impl fmt::Debug for Batch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Batch")
            .field("points", &self.points())
            .field("bytes", &self.bytes())
            .finish_non_exhaustive()
    }
}
