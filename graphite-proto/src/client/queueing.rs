//! How points come into the queue: at once where there is room, else by standing in line.
//!
//! Not here: who is next ([`super::line`]), and what is encoded and how ([`Sender::enqueue`]).
//!
//! [`Sender::enqueue`]: crate::sender::Sender::enqueue

use std::task::{Context, Poll};

use crate::client::error::SendError;
use crate::client::line::Place;
use crate::client::runtime::Runtime;
use crate::client::shared::{Machine, Shared};
use crate::error::EnqueueError;
use crate::instant::Instant;
use crate::metric::Metric;
use crate::ticket::Ticket;
use crate::value::Timestamp;

/// Points that a call queues.
#[derive(Debug)]
pub(crate) struct Points<'p, 'a> {
    /// Those that are not queued yet.
    pub(crate) rest: &'p [Metric<'a>],
    pub(crate) stamp: Stamp,
    /// Stands for those that are.
    pub(crate) ticket: Option<Ticket>,
    /// Whether to write at once what can be, since it is waited for.
    pub(crate) wanted: bool,
}

impl<'p, 'a> Points<'p, 'a> {
    /// One point, for later.
    pub(crate) fn one(metric: &'p Metric<'a>, stamp: Stamp) -> Self {
        Self { rest: std::slice::from_ref(metric), stamp, ticket: None, wanted: false }
    }

    fn queued(&mut self, ticket: Ticket, rest: &'p [Metric<'a>]) {
        self.ticket = Some(self.ticket.map_or(ticket, |before| before.through(ticket)));
        self.rest = rest;
    }
}

impl<R: Runtime> Shared<R> {
    /// Queues points from the front until all are, or one is refused or has to wait for room.
    #[inline]
    pub(crate) fn poll_queue(
        &self,
        points: &mut Points<'_, '_>,
        place: &mut Place,
        cx: &mut Context<'_>,
    ) -> Poll<Result<(), SendError>> {
        // Most find room at once, and no waker is cloned for them.
        match self.try_queue(points, place) {
            Some(result) => Poll::Ready(result),
            None => self.join(points, place, cx),
        }
    }

    /// Stands in line, unless there is room by now.
    fn join(
        &self,
        points: &mut Points<'_, '_>,
        place: &mut Place,
        cx: &mut Context<'_>,
    ) -> Poll<Result<(), SendError>> {
        let mut waker = Some(cx.waker().clone());
        let result = self.with(|machine| {
            let result = self.queue_some(machine, points, place);
            if let (None, [metric, ..]) = (&result, points.rest) {
                machine.line.join(place, machine.room(metric), &mut waker, &machine.sender);
                machine.note_room();
            }
            result
        });
        result.map_or(Poll::Pending, Poll::Ready)
    }

    /// Does the same for one who does not wait now: `None` says that the first of what is left of
    /// the points would have to.
    pub(crate) fn try_queue(
        &self,
        points: &mut Points<'_, '_>,
        place: &mut Place,
    ) -> Option<Result<(), SendError>> {
        self.with(|machine| self.queue_some(machine, points, place))
    }

    fn queue_some(
        &self,
        machine: &mut Machine,
        points: &mut Points<'_, '_>,
        place: &mut Place,
    ) -> Option<Result<(), SendError>> {
        let mut its_turn = machine.line.claim(place);
        let mut result = Some(Ok(()));
        while let [metric, rest @ ..] = points.rest {
            // What is not valid is refused at once, whether there is room or not.
            if !machine.line.admits(its_turn, machine.room(metric), &machine.sender)
                && machine.may_wait()
                && machine.is_valid(metric, points.stamp.get(&self.runtime))
            {
                result = machine.failed_to_wait(metric, place).map(Err);
                break;
            }
            its_turn = false;
            if place.is_begun() {
                machine.leave(place);
            }
            match self.enqueue(machine, metric, &mut points.stamp) {
                Ok(ticket) => points.queued(ticket, rest),
                Err(error) => {
                    result = Some(Err(error.into()));
                    break;
                }
            }
        }
        if points.wanted && points.rest.is_empty() {
            machine.want(|| self.now());
        }
        if machine.line.is_waited_in() {
            machine.note_room();
        }
        result
    }

    /// Queues a point if nobody waits for the room that it takes, or says why not.
    pub(crate) fn try_feed(&self, metric: &Metric<'_>) -> Result<(), EnqueueError> {
        self.with(|machine| {
            let mut stamp = Stamp::default();
            if !machine.line.lets_pass(machine.room(metric), &machine.sender)
                && machine.may_wait()
                && machine.is_valid(metric, stamp.get(&self.runtime))
            {
                return Err(machine.sender.refuse());
            }
            self.enqueue(machine, metric, &mut stamp).map(drop)
        })
    }

    /// Gives up a place in line.
    #[inline]
    pub(crate) fn leave(&self, place: &mut Place) {
        if place.is_taken() {
            // The waker is dropped when the lock is free.
            drop(self.with(|machine| {
                let waker = machine.line.leave(place);
                machine.note_room();
                waker
            }));
        }
    }

    /// Queues a point, stamped with the moment of the call if it has no time of its own.
    fn enqueue(
        &self,
        machine: &mut Machine,
        metric: &Metric<'_>,
        stamp: &mut Stamp,
    ) -> Result<Ticket, EnqueueError> {
        let timestamp = match metric.timestamp() {
            Some(timestamp) => timestamp,
            None => stamp.get(&self.runtime),
        };
        // Time only matters to a machine that has nothing to do; going backwards is harmless.
        if machine.driver_ended {
            return Err(EnqueueError::Closed);
        }
        let now = if machine.sender.is_idle() { self.now() } else { Instant::START };
        if machine.waiters.is_empty() {
            return machine.sender.enqueue(metric, timestamp, now);
        }
        let before = machine.sender.progress();
        let result = machine.sender.enqueue(metric, timestamp, now);
        let after = machine.sender.progress();
        // The first point has the machine look at its deadlines, which may be a failure.
        if (after.dropped, after.failed_rounds) != (before.dropped, before.failed_rounds) {
            machine.note_answered();
        }
        result
    }
}

impl Machine {
    fn is_valid(&mut self, metric: &Metric<'_>, timestamp: Timestamp) -> bool {
        self.sender.check(metric, timestamp).is_ok()
    }

    /// Returns how many bytes of room a point needs at most.
    fn room(&self, metric: &Metric<'_>) -> usize {
        self.sender.room(metric).room().unwrap_or_default()
    }

    /// Returns whether a point can still be queued later.
    fn may_wait(&self) -> bool {
        !self.closing && !self.is_over()
    }

    /// Refuses a point that has to wait for room, if everybody who waits was told of a failure
    /// since it began to.
    fn failed_to_wait(&mut self, metric: &Metric<'_>, place: &mut Place) -> Option<SendError> {
        let ticket = place.ticket(self.sender.room(metric));
        let failure = self.sender.outcome(ticket)?.err()?;
        let _ = self.sender.refuse();
        self.leave(place);
        Some(SendError::Full(failure))
    }

    fn leave(&mut self, place: &mut Place) {
        // Who is done was told or sent away, so no waker of its stands here any more; if one did,
        // to wake it would be harmless.
        let waker = self.line.leave(place);
        self.answered.extend(waker);
    }

    /// Has those told, as soon as the lock is free, for whom there is room.
    fn note_room(&mut self) {
        self.line.tell(&self.sender, &mut self.answered);
    }
}

/// The moment of a call, read from the clock when it is first needed and kept for the call.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Stamp(Option<Timestamp>);

impl Stamp {
    /// Reads the clock now, for a call that may wait before it queues.
    pub(crate) fn now(runtime: &impl Runtime) -> Self {
        Self(Some(runtime.timestamp()))
    }

    /// The same for one point, unless it has a time of its own.
    pub(crate) fn now_for(metric: &Metric<'_>, runtime: &impl Runtime) -> Self {
        if metric.timestamp().is_some() { Self::default() } else { Self::now(runtime) }
    }

    fn get(&mut self, runtime: &impl Runtime) -> Timestamp {
        *self.0.get_or_insert_with(|| runtime.timestamp())
    }
}
