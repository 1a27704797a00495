//! What callers wait for, and how it is answered: points, connections, room.
//!
//! Not here: who waits ([`crate::ticket`] is plain data), and what brings the answers
//! ([`super::connection`]).

use super::{Phase, Sender, tell};
use crate::config::{Delivery, Overflow};
use crate::error::EnqueueError;
use crate::event::{Event, Failure};
use crate::instant::Instant;
use crate::metric::Metric;
use crate::ticket::{Progress, Ticket, Wait};

impl Sender {
    /// Demands a connection even if there is nothing to send; the ticket is answered when there
    /// is one.
    pub fn connect(&mut self, now: Instant) -> Ticket {
        self.advance_clock(now);
        let up = matches!(self.phase, Phase::Up | Phase::Finishing { .. });
        self.connect_wanted = !up;
        self.settle();
        let wait = Wait::Connection(self.connections + u64::from(!up));
        Ticket { wait, round: self.failed_rounds }
    }

    /// Asks for a flush: the ticket stands for everything that is queued or unproven now.
    ///
    /// Under [`Delivery::Confirmed`] this makes the machine seek a proof as soon as the points are
    /// written, so a caller that waits for a point of its own takes one of these as well.
    pub fn ticket(&mut self) -> Ticket {
        let (done, to) = (self.done(), self.stats.accepted);
        let goal = self.proof_goal();
        self.proof_wanted = if goal > done { goal } else { to };
        self.proof_next = to;
        self.hurry();
        // What was dropped before is not this caller's business, nor what failed.
        let wait = Wait::Points { from: done.max(self.dropped.last()), to };
        Ticket { wait, round: self.failed_rounds }
    }

    /// Somebody waits for what is queued, or for its room: it does not wait for others.
    pub(super) fn hurry(&mut self) {
        self.hurried = self.stats.accepted;
        // What is on offer already waits for nobody.
        if !self.queue.is_pinned() {
            self.settle();
        }
    }

    /// Asks for room for a point: the ticket is answered when the queue can take it.
    pub fn room(&mut self, metric: &Metric<'_>) -> Ticket {
        self.room_of(self.room_for(metric))
    }

    /// Returns how many bytes of room a point needs at most, and some more.
    pub(crate) fn room_for(&self, metric: &Metric<'_>) -> usize {
        self.admission.prefix_bytes() + metric.path().len() + 64
    }

    /// Asks for room for so many bytes.
    pub fn room_of(&mut self, bytes: usize) -> Ticket {
        if !self.queue.has_room(bytes) {
            self.hurry();
        }
        Ticket { wait: Wait::Room(bytes), round: self.failed_rounds }
    }

    /// Returns whether the queue can take so many bytes beside others that are promised to
    /// somebody. With nothing queued or promised it takes a point of any size.
    #[must_use]
    #[inline]
    pub fn has_room(&self, bytes: usize, promised: usize) -> bool {
        let beside = || self.queue.bytes().saturating_add(promised).saturating_add(bytes);
        self.config.overflow == Overflow::DropOldest
            || (promised == 0 && self.queue.has_room(bytes))
            || beside() <= self.queue.limit()
    }

    /// Refuses a point as [`enqueue`](Self::enqueue) does when the queue is full, for a driver that
    /// has promised the room to others: it is counted as rejected.
    #[must_use]
    pub fn refuse(&mut self) -> EnqueueError {
        self.stats.rejected += 1;
        self.hurry();
        self.queue_full()
    }

    /// Counts points as rejected that a driver refused by itself.
    pub fn reject(&mut self, points: u64) {
        self.stats.rejected += points;
    }

    /// Counts points as rejected that a driver had taken and could not hand over, and tells so.
    pub fn abandon(&mut self, points: u64) {
        self.reject(points);
        tell(&mut self.events, Event::LeftBehind { points });
    }

    /// Tells that points of a report were not taken; they are counted already.
    #[cfg(feature = "client")]
    pub(crate) fn tell_missed(&mut self, points: u64, cause: Failure) {
        tell(&mut self.events, Event::ReportMissed { points, cause });
    }

    /// Does what a [`ticket`](Self::ticket) does, for whoever has one for its points.
    #[cfg(feature = "client")]
    pub(crate) fn want(&mut self) {
        if self.is_confirmed() {
            let _ = self.ticket();
        } else {
            self.hurry();
        }
    }

    /// Returns how far the sender has come.
    #[must_use]
    pub fn progress(&self) -> Progress {
        Progress {
            done: self.done(),
            dropped: self.dropped.last(),
            connections: self.connections,
            failed_rounds: self.failed_rounds,
            closed: self.is_closed(),
        }
    }

    /// Answers a ticket: `None` as long as it is open.
    ///
    /// Points are answered when they are written (under [`Delivery::Confirmed`]: when they are
    /// proven to be read), with an error when they were dropped, when the sender closed without
    /// them, and at every failure numbered [`max_attempts`](crate::Config::max_attempts) or more since
    /// the ticket was made. After such a failure the points are still queued: wait again with a
    /// new ticket, do not enqueue them again.
    #[must_use]
    pub fn outcome(&self, ticket: Ticket) -> Option<Result<(), Failure>> {
        let met = match ticket.wait {
            Wait::Points { from, to } => {
                if self.dropped.touches(from, to) {
                    let text = "dropped from a full queue before it was written";
                    return Some(Err(Failure::new(std::io::ErrorKind::StorageFull, text)));
                }
                self.done() >= to
            }
            Wait::Connection(number) => self.connections >= number,
            Wait::Room(bytes) => {
                self.config.overflow == Overflow::DropOldest || self.queue.has_room(bytes)
            }
        };
        if met {
            Some(Ok(()))
        } else if self.failed_rounds > ticket.round || self.is_closed() {
            // A failure that was overcome since is not why the sender closed without the points.
            let overcome = self.failed_rounds == ticket.round && self.failures == 0;
            let cause = self.last_failure.clone().filter(|_| !overcome);
            Some(Err(cause.unwrap_or_else(closed)))
        } else {
            None
        }
    }

    /// Returns the position up to which every point is written, or proven where that is what
    /// waiters want, or dropped.
    pub(super) fn done(&self) -> u64 {
        let unproven = match self.config.delivery {
            Delivery::Confirmed { .. } => self.window.first(),
            Delivery::BestEffort | Delivery::Replay { .. } => None,
        };
        unproven.or_else(|| self.queue.first()).map_or(self.stats.accepted, |first| first - 1)
    }

    /// Returns the position up to which the next proof is wanted; one that is done is none.
    pub(super) fn proof_goal(&self) -> u64 {
        if self.proof_wanted > self.done() { self.proof_wanted } else { self.proof_next }
    }

    /// Returns the position up to which every point is written or dropped.
    pub(super) fn gone(&self) -> u64 {
        self.queue.first().map_or(self.stats.accepted, |first| first - 1)
    }
}

fn closed() -> Failure {
    Failure::new(std::io::ErrorKind::NotConnected, "sender was closed before it was delivered")
}
