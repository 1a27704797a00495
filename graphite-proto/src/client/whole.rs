//! A batch that is queued as a whole and at once, or not at all.
//!
//! It is encoded apart, as every batch is, but handed over only when all of it is there. Not here:
//! batches that wait for room ([`super::sending`]).

use crate::batch::Batch;
use crate::client::error::TryFeedMultipleError;
use crate::client::queueing::Load;
use crate::client::runtime::Runtime;
use crate::client::shared::Shared;
use crate::error::EnqueueError;
use crate::instant::Instant;
use crate::metric::Metric;
use crate::sender::Sender;
use crate::ticket::Ticket;

/// All frames of a batch, the last of which may have room for more.
#[derive(Default)]
struct Whole {
    frames: Vec<Batch>,
    items: u64,
    /// What was in frames before these, which were given up when there was too much for any queue.
    bytes: usize,
    points: u64,
}

impl Whole {
    fn bytes(&self) -> usize {
        self.bytes + self.frames.iter().map(Batch::bytes).sum::<usize>()
    }

    fn count(&self) -> u64 {
        self.points + self.frames.iter().map(Batch::points).sum::<u64>()
    }

    /// Makes room for another frame, in memory that never holds much more than a queue.
    fn begin(&mut self, sender: &Sender) {
        if self.points > 0 || sender.is_too_much(self.bytes(), self.count()) {
            (self.bytes, self.points) = (self.bytes(), self.count());
            self.frames.truncate(1);
            self.frames.iter_mut().for_each(Batch::clear);
        } else {
            self.frames.push(sender.batch());
        }
    }
}

impl Load for Whole {
    fn points(&self) -> usize {
        usize::try_from(self.count()).unwrap_or(usize::MAX)
    }

    fn room(&self, _sender: &Sender) -> usize {
        self.bytes()
    }

    fn is_too_much(&self, sender: &Sender) -> bool {
        sender.is_too_much(self.bytes(), self.count()) || !sender.has_room(self.bytes(), 0)
    }

    /// One without points needs no room.
    fn is_valid(&self, _sender: &mut Sender) -> bool {
        self.count() > 0
    }

    fn enqueue(&mut self, sender: &mut Sender, now: Instant) -> Result<Ticket, EnqueueError> {
        sender.enqueue_batches(&mut self.frames, now)
    }
}

impl<R: Runtime> Shared<R> {
    /// Queues all of the points if there is room for all, and nobody waits for it.
    pub(crate) fn try_feed_multiple<'a>(
        &self,
        metrics: impl Iterator<Item = Metric<'a>>,
    ) -> Result<(), TryFeedMultipleError> {
        let timestamp = self.runtime.timestamp();
        let mut whole = Whole::default();
        for (index, metric) in metrics.enumerate() {
            whole.items += 1;
            let refused = |source| {
                let mut machine = self.lock();
                machine.sender.reject(1);
                match machine.may_wait() {
                    true => TryFeedMultipleError::Metric { index, source },
                    false => TryFeedMultipleError::Closed,
                }
            };
            let taken = match whole.frames.last_mut() {
                Some(frame) => frame.push(&metric, timestamp).map_err(refused)?,
                None => false,
            };
            if !taken {
                whole.begin(&self.lock().sender);
                // An empty frame takes whatever can be sent.
                if let Some(frame) = whole.frames.last_mut() {
                    frame.push(&metric, timestamp).map_err(refused)?;
                }
            }
        }
        if whole.items == 0 {
            return Ok(());
        }
        self.try_feed(&mut whole).map_err(|error| match error {
            EnqueueError::QueueFull { queued, limit } => {
                // One was counted by the machine.
                self.lock().sender.reject(whole.items - 1);
                TryFeedMultipleError::Full { bytes: whole.bytes(), queued, limit }
            }
            _ => TryFeedMultipleError::Closed,
        })
    }
}
