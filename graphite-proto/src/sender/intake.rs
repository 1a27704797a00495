//! How points come into the machine: checked, encoded into the open frame, or refused.
//!
//! Not here: when they leave ([`super::connection`]), and how their senders wait for it
//! ([`super::waiting`]).

use super::{Sender, tell};
use crate::batch::Batch;
use crate::config::Overflow;
use crate::error::{EnqueueError, MetricError};
use crate::event::Event;
use crate::instant::Instant;
use crate::metric::{Metric, Point};
use crate::ticket::{Ticket, Wait};
use crate::value::Timestamp;

impl Sender {
    /// Takes a point into the queue; a point without a timestamp gets `default_timestamp`.
    ///
    /// The ticket stands for this point. Under [`NonFinite::Skip`](crate::NonFinite::Skip) a point
    /// that is not finite is counted and its ticket is answered at once.
    ///
    /// # Errors
    ///
    /// The point is not valid, the queue is full, or the sender is closing; nothing has changed
    /// but the count of rejected points.
    #[inline]
    pub fn enqueue(
        &mut self,
        metric: &Metric<'_>,
        default_timestamp: impl Into<Timestamp>,
        now: Instant,
    ) -> Result<Ticket, EnqueueError> {
        self.advance_clock(now);
        let default_timestamp = default_timestamp.into();
        if let Some(point) = Point::usual(metric.path(), metric, default_timestamp) {
            // Nearly always all that is to be done for a point.
            if self.append(&point) {
                return Ok(self.ticket_of(self.stats.accepted - 1, self.stats.accepted));
            }
            if self.admission.takes_as_is() && self.admission.surely_fits(&point) {
                return self.begin(&point);
            }
        }
        // By a copy: what is passed by its address cannot stay in registers.
        self.accept(&Metric::from(metric), default_timestamp)
    }

    /// Takes a point, checked as far as its length goes, if all that has to be done for it is to
    /// append it to the open frame; `false` leaves everything as it is.
    ///
    /// The way that nearly every point goes: `cargo xtask budget` counts what it takes.
    #[inline]
    pub(crate) fn append(&mut self, point: &Point<'_>) -> bool {
        let appended =
            self.closing.is_none() && self.admission.takes_as_is() && self.queue.try_append(point);
        self.stats.accepted += u64::from(appended);
        appended
    }

    /// Takes a point that was admitted and needs no prefix: nearly always the first of a frame.
    fn begin(&mut self, point: &Point<'_>) -> Result<Ticket, EnqueueError> {
        let room = match self.closing {
            Some(_) => Err(EnqueueError::Closed),
            None => self.make_room(self.config.protocol.upper_bound(point)),
        };
        if let Err(error) = room {
            self.stats.rejected += 1;
            return Err(error);
        }
        self.queue.push(point, self.stats.accepted + 1, &mut self.pool);
        Ok(self.accepted(1))
    }

    /// Takes any other point, or refuses it.
    #[cold]
    fn accept(
        &mut self,
        metric: &Metric<'_>,
        default_timestamp: Timestamp,
    ) -> Result<Ticket, EnqueueError> {
        let result = self.admit(metric, default_timestamp);
        if result.is_err() {
            self.stats.rejected += 1;
        }
        result
    }

    fn admit(
        &mut self,
        metric: &Metric<'_>,
        default_timestamp: Timestamp,
    ) -> Result<Ticket, EnqueueError> {
        if self.closing.is_some() {
            return Err(EnqueueError::Closed);
        }
        let Some(point) = self.admission.admit(metric, default_timestamp)? else {
            self.stats.skipped += 1;
            return Ok(self.ticket_of(u64::MAX, 0));
        };
        if self.queue.try_append(&point) {
            self.stats.accepted += 1;
            return Ok(self.ticket_of(self.stats.accepted - 1, self.stats.accepted));
        }
        let bound = self.config.protocol.upper_bound(&point);
        self.make_room(bound)?;
        if let Some(point) = self.admission.admit(metric, default_timestamp)? {
            self.queue.push(&point, self.stats.accepted + 1, &mut self.pool);
        }
        Ok(self.accepted(1))
    }

    /// Points were queued, for which something may have to be done.
    fn accepted(&mut self, points: u64) -> Ticket {
        let before = self.stats.accepted;
        self.stats.accepted += points;
        self.settle();
        self.ticket_of(before, self.stats.accepted)
    }

    pub(super) fn ticket_of(&self, from: u64, to: u64) -> Ticket {
        Ticket { wait: Wait::Points { from, to }, round: self.failed_rounds }
    }

    /// Has the queue take so many bytes, by dropping others if that is what is wanted.
    fn make_room(&mut self, bytes: usize) -> Result<(), EnqueueError> {
        if self.queue.has_room(bytes) {
            return Ok(());
        }
        // What waits for others goes on offer, and is not dropped where it could be sent.
        self.hurry();
        if self.config.overflow == Overflow::Reject {
            return Err(self.queue_full());
        }
        let points = self.drop_until_room(bytes);
        self.stats.dropped += points;
        if points > 0 && !self.dropping {
            self.dropping = true;
            tell(&mut self.events, Event::Dropping);
        }
        Ok(())
    }

    /// Drops the oldest frames that may be dropped until the bytes fit; returns how many points. The
    /// frame on offer may remain and leave too little room: then a point is taken beside it, as by
    /// an empty queue.
    fn drop_until_room(&mut self, bytes: usize) -> u64 {
        let mut points = 0;
        while !self.queue.has_room(bytes)
            && let Some((before, last)) = self.queue.drop_oldest(&mut self.pool)
        {
            points += last - before;
            self.dropped.add((before, last));
        }
        points
    }

    /// Makes an empty batch, for points that are to be encoded apart from the sender.
    #[must_use]
    pub fn batch(&self) -> Batch {
        Batch::new(self.admission.again(), self.queue.frame_bytes())
    }

    /// Takes all points of a batch into the queue, which stand in the order in which they came into
    /// the batch, next to each other; the batch is empty then. One without points gets a ticket
    /// that is answered at once.
    ///
    /// # Errors
    ///
    /// The queue is full, the sender is closing, or the batch was made by a sender with other
    /// settings; nothing has changed, but that what is queued does not wait for others any more.
    pub fn enqueue_batch(
        &mut self,
        batch: &mut Batch,
        now: Instant,
    ) -> Result<Ticket, EnqueueError> {
        self.advance_clock(now);
        if self.closing.is_some() {
            return Err(EnqueueError::Closed);
        }
        if !self.admission.is_like(&batch.admission) {
            return Err(EnqueueError::ForeignBatch);
        }
        if batch.points() > 0 {
            self.make_room(batch.bytes())?;
        }
        Ok(self.take_batch(batch))
    }

    /// Does the same with several of the same settings, all or none of them: what is longer than the
    /// whole queue finds no room, but for a single point.
    #[cfg(feature = "client")]
    pub(crate) fn enqueue_batches(
        &mut self,
        batches: &mut [Batch],
        now: Instant,
    ) -> Result<Ticket, EnqueueError> {
        self.advance_clock(now);
        if self.closing.is_some() {
            return Err(EnqueueError::Closed);
        }
        let bytes = batches.iter().map(Batch::bytes).sum();
        let points = batches.iter().map(Batch::points).sum();
        if self.is_too_much(bytes, points) {
            return Err(self.queue_full());
        }
        if points > 0 {
            self.make_room(bytes)?;
        }
        let before = self.stats.accepted;
        for batch in batches {
            self.take_batch(batch);
        }
        Ok(self.ticket_of(before, self.stats.accepted))
    }

    /// Returns whether so many points take more than the whole queue.
    #[cfg(feature = "client")]
    pub(crate) fn is_too_much(&self, bytes: usize, points: u64) -> bool {
        points > 1 && bytes > self.queue.limit()
    }

    /// Takes a batch whatever the room, for a driver that closes the machine next.
    #[cfg(feature = "client")]
    pub(crate) fn enqueue_last(
        &mut self,
        batch: &mut Batch,
        now: Instant,
    ) -> Result<Ticket, EnqueueError> {
        self.advance_clock(now);
        if self.closing.is_some() { Err(EnqueueError::Closed) } else { Ok(self.take_batch(batch)) }
    }

    fn take_batch(&mut self, batch: &mut Batch) -> Ticket {
        let points = batch.points();
        self.stats.skipped += std::mem::take(&mut batch.skipped);
        let full = std::mem::take(&mut batch.full);
        if points == 0 {
            return self.ticket_of(u64::MAX, 0);
        }
        let first = self.stats.accepted + 1;
        self.queue.push_frame(&mut batch.open, first, full, &mut self.pool);
        self.accepted(points)
    }

    /// Checks a point as [`enqueue`](Self::enqueue) does, without taking it.
    ///
    /// # Errors
    ///
    /// The point is not valid.
    pub fn check(
        &mut self,
        metric: &Metric<'_>,
        default_timestamp: impl Into<Timestamp>,
    ) -> Result<(), MetricError> {
        self.admission.check(metric, default_timestamp.into()).map(drop)
    }

    pub(super) fn queue_full(&self) -> EnqueueError {
        EnqueueError::QueueFull { queued: self.queue.bytes(), limit: self.queue.limit() }
    }
}
