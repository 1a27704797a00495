//! A batch on its way into the queue: encoded apart, a frame at a time, by the caller.
//!
//! The caller's iterator runs, and its points are encoded, while nobody is kept from the machine.
//! Where others wait for room a batch goes point by point, so that it gets no more than they do.
//! Not here: how room is found ([`super::queueing`]).

use std::future::poll_fn;

use crate::batch::Batch;
use crate::client::error::{BatchError, SendError};
use crate::client::line::Place;
use crate::client::queueing::{Queued, Single};
use crate::client::runtime::Runtime;
use crate::client::shared::Shared;
use crate::metric::Metric;
use crate::value::Timestamp;

/// A batch of a caller's; its place in line is left with it, and its buffer used again.
pub(crate) struct Sending<'c, R: Runtime> {
    shared: &'c Shared<R>,
    frame: Option<Batch>,
    place: Place,
    /// How many items stand in the frame, and how many in those that are queued.
    items: usize,
    queued: usize,
    /// Stands for the latter.
    done: Option<Queued>,
}

impl<'c, R: Runtime> Sending<'c, R> {
    pub(crate) fn new(shared: &'c Shared<R>) -> Self {
        let frame = Some(shared.lock().take_batch());
        Self { shared, frame, place: Place::default(), items: 0, queued: 0, done: None }
    }

    /// Queues all items; returns how many, and what became of them.
    pub(crate) async fn queue<'a>(
        &mut self,
        mut items: impl Iterator<Item = Metric<'a>>,
    ) -> Result<(usize, Option<Queued>), BatchError> {
        let timestamp = self.shared.runtime.timestamp();
        while let Some(metric) = self.fill(&mut items, timestamp) {
            if self.items > 0 && self.push(&metric, timestamp) {
                continue;
            }
            self.hand_over(false).await?;
            // The first of a frame, if there is room for one.
            if !self.shared.lock().has_room_for_frame() || !self.push(&metric, timestamp) {
                // One that is not valid is told and counted as it is by itself.
                self.queue_one(&metric, timestamp).await?;
            }
        }
        self.hand_over(true).await?;
        Ok((self.queued, self.done.take()))
    }

    /// Encodes items until one cannot be added to the frame, which is returned. Not part of the
    /// future, where each item would have to be put into memory.
    fn fill<'a>(
        &mut self,
        items: &mut impl Iterator<Item = Metric<'a>>,
        timestamp: Timestamp,
    ) -> Option<Metric<'a>> {
        let frame = self.frame.as_mut()?;
        for metric in items {
            if !frame.push_usual(&metric, timestamp) {
                return Some(metric);
            }
            self.items += 1;
        }
        None
    }

    /// Adds an item to the frame, unless it finds no room or is not valid.
    fn push(&mut self, metric: &Metric<'_>, timestamp: Timestamp) -> bool {
        let frame = self.frame.as_mut();
        let pushed = frame.is_some_and(|frame| matches!(frame.push(metric, timestamp), Ok(true)));
        self.items += usize::from(pushed);
        pushed
    }

    /// Queues a point by itself.
    async fn queue_one(
        &mut self,
        metric: &Metric<'_>,
        timestamp: Timestamp,
    ) -> Result<(), BatchError> {
        let (shared, place) = (self.shared, &mut self.place);
        let mut point = Single::new(metric, timestamp);
        let result = poll_fn(|cx| shared.poll_queue(&mut point, place, false, cx)).await;
        let queued = result.map_err(|source| self.error(source))?;
        self.note(queued, 1);
        Ok(())
    }

    /// Queues the frame; the last one is waited for.
    async fn hand_over(&mut self, last: bool) -> Result<(), BatchError> {
        let Some(frame) = self.frame.as_mut().filter(|frame| !frame.is_empty()) else {
            if last && self.done.is_some() {
                self.shared.with(|machine| machine.sender.want());
            }
            return Ok(());
        };
        let (shared, place) = (self.shared, &mut self.place);
        let result = poll_fn(|cx| shared.poll_queue(frame, place, last, cx)).await;
        let queued = result.map_err(|source| self.error(source))?;
        let items = std::mem::take(&mut self.items);
        self.note(queued, items);
        Ok(())
    }

    fn note(&mut self, queued: Queued, items: usize) {
        self.queued += items;
        self.done = Some(match self.done.take() {
            // Whether the earlier ones are out too is not known.
            Some(before) => Queued { ticket: before.ticket.through(queued.ticket), answer: None },
            None => queued,
        });
    }

    fn error(&self, source: SendError) -> BatchError {
        BatchError { queued: self.queued, source }
    }
}

impl<R: Runtime> Drop for Sending<'_, R> {
    fn drop(&mut self) {
        self.shared.leave(&mut self.place);
        if let Some(frame) = self.frame.take() {
            self.shared.lock().keep_batch(frame);
        }
    }
}
