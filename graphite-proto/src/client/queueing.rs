//! How points come into the queue: at once where there is room, else by standing in line.
//!
//! Not here: who is next ([`super::line`]), and what is encoded and how ([`Sender::enqueue`]).
//!
//! [`Sender::enqueue`]: crate::sender::Sender::enqueue

use std::sync::MutexGuard;
use std::task::{Context, Poll};

use crate::batch::Batch;
use crate::client::error::SendError;
use crate::client::line::Place;
use crate::client::runtime::Runtime;
use crate::client::shared::{Machine, Shared};
use crate::client::waiters::Wait;
use crate::error::EnqueueError;
use crate::event::Failure;
use crate::instant::Instant;
use crate::metric::{Metric, Point};
use crate::sender::Sender;
use crate::ticket::Ticket;
use crate::value::Timestamp;

/// The most that a point takes in a queue beside its path, with something over.
const AROUND: usize = 64;

/// What is queued at once.
pub(crate) trait Load {
    /// How many points it is.
    fn points(&self) -> usize;

    /// Returns how many bytes of room it needs at most.
    fn room(&self, sender: &Sender) -> usize;

    /// Returns whether it finds no room, where the machine would not count it as refused.
    fn is_too_much(&self, _sender: &Sender) -> bool {
        false
    }

    /// Returns whether it is not refused whatever the room.
    fn is_valid(&self, sender: &mut Sender) -> bool;

    fn enqueue(&mut self, sender: &mut Sender, now: Instant) -> Result<Ticket, EnqueueError>;
}

/// A point, with the moment of its call in case it has no time of its own.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Single<'p, 'a> {
    metric: &'p Metric<'a>,
    timestamp: Timestamp,
}

impl<'p, 'a> Single<'p, 'a> {
    pub(crate) fn new(metric: &'p Metric<'a>, timestamp: Timestamp) -> Self {
        Self { metric, timestamp }
    }
}

/// Returns the time of a point: its own, or that of now.
#[inline]
pub(crate) fn stamp(metric: &Metric<'_>, runtime: &impl Runtime) -> Timestamp {
    metric.timestamp().unwrap_or_else(|| runtime.timestamp())
}

impl Load for Single<'_, '_> {
    fn points(&self) -> usize {
        1
    }

    fn room(&self, sender: &Sender) -> usize {
        sender.room_for(self.metric)
    }

    fn is_valid(&self, sender: &mut Sender) -> bool {
        sender.check(self.metric, self.timestamp).is_ok()
    }

    fn enqueue(&mut self, sender: &mut Sender, now: Instant) -> Result<Ticket, EnqueueError> {
        sender.enqueue(self.metric, self.timestamp, now)
    }
}

impl Load for Batch {
    fn points(&self) -> usize {
        usize::try_from(Self::points(self)).unwrap_or(usize::MAX)
    }

    fn room(&self, _sender: &Sender) -> usize {
        self.bytes()
    }

    fn is_valid(&self, _sender: &mut Sender) -> bool {
        true
    }

    fn enqueue(&mut self, sender: &mut Sender, now: Instant) -> Result<Ticket, EnqueueError> {
        sender.enqueue_batch(self, now)
    }
}

/// What came of queuing.
#[derive(Clone, Debug)]
pub(crate) struct Queued {
    pub(crate) ticket: Ticket,
    /// The ticket's answer, if it was wanted and is there already.
    pub(crate) answer: Option<Result<(), Failure>>,
}

impl<R: Runtime> Shared<R> {
    /// Queues a point if nothing is to be decided for it: it is as usual, there is a frame that
    /// takes it, nobody waits for that room, and no task has to give way.
    #[inline]
    pub(crate) fn feed_quickly(&self, metric: &Metric<'_>, timestamp: Timestamp) -> bool {
        let Some(point) = Point::usual(metric.path(), metric, timestamp) else { return false };
        let mut machine = self.lock();
        machine.is_calm(&point) && machine.sender.append(&point)
    }

    /// Sends a point that is written before anything else happens, if nothing else is to be done;
    /// `None` if there is.
    pub(crate) fn send_through(&self, metric: &Metric<'_>, timestamp: Timestamp) -> Option<Queued> {
        let mut machine = self.lock();
        if !machine.is_at_rest() {
            return None;
        }
        let Machine { direct, sender, .. } = &mut *machine;
        let ticket = direct.enqueue_through(metric, timestamp, self.now(), sender)?;
        let answer = machine.answer(Wait::Ticket(ticket));
        self.release(machine);
        Some(Queued { ticket, answer })
    }

    /// Queues a load, or stands in line until there is room. One that is `wanted` out is also
    /// written if that can be done at once.
    pub(crate) fn poll_queue(
        &self,
        load: &mut impl Load,
        place: &mut Place,
        wanted: bool,
        cx: &mut Context<'_>,
    ) -> Poll<Result<Queued, SendError>> {
        let mut machine = self.lock();
        if machine.direct.is_due_to_give_way() {
            return self.give_way(machine, cx);
        }
        // Most find room at once, and no waker is cloned for them.
        let result = self.queue(&mut machine, load, place, wanted);
        match self.finish(machine, result) {
            Some(result) => Poll::Ready(result),
            None => self.join(load, place, wanted, cx),
        }
    }

    /// Has a task that writes frame after frame let others run: nothing else would make it.
    pub(crate) fn poll_give_way(&self, cx: &Context<'_>) -> Poll<()> {
        let machine = self.lock();
        if machine.direct.is_due_to_give_way() {
            self.give_way(machine, cx)
        } else {
            Poll::Ready(())
        }
    }

    fn give_way<T>(&self, mut machine: MutexGuard<'_, Machine>, cx: &Context<'_>) -> Poll<T> {
        machine.direct.give_way();
        drop(machine);
        cx.waker().wake_by_ref();
        Poll::Pending
    }

    /// Stands in line, unless there is room by now.
    fn join(
        &self,
        load: &mut impl Load,
        place: &mut Place,
        wanted: bool,
        cx: &mut Context<'_>,
    ) -> Poll<Result<Queued, SendError>> {
        let mut waker = Some(cx.waker().clone());
        let mut machine = self.lock();
        let result = self.queue(&mut machine, load, place, wanted);
        if result.is_none() {
            let room = load.room(&machine.sender);
            let Machine { line, sender, .. } = &mut *machine;
            line.join(place, room, &mut waker, sender);
            machine.note_room();
        }
        let result = self.finish(machine, result);
        drop(waker);
        result.map_or(Poll::Pending, Poll::Ready)
    }

    /// Does the same for one who does not wait now: `None` says that it would have to.
    pub(crate) fn try_queue(
        &self,
        load: &mut impl Load,
        place: &mut Place,
        wanted: bool,
    ) -> Option<Result<Queued, SendError>> {
        let mut machine = self.lock();
        let result = self.queue(&mut machine, load, place, wanted);
        self.finish(machine, result)
    }

    /// Lets go of the machine, and looks what has become of a load that is wanted.
    fn finish(
        &self,
        machine: MutexGuard<'_, Machine>,
        result: Option<Result<(Ticket, bool), SendError>>,
    ) -> Option<Result<Queued, SendError>> {
        let machine = self.write(machine);
        let result = result.map(|result| {
            result.map(|(ticket, wanted)| {
                let answer = if wanted { machine.answer(Wait::Ticket(ticket)) } else { None };
                Queued { ticket, answer }
            })
        });
        self.release(machine);
        result
    }

    fn queue(
        &self,
        machine: &mut Machine,
        load: &mut impl Load,
        place: &mut Place,
        wanted: bool,
    ) -> Option<Result<(Ticket, bool), SendError>> {
        let its_turn = machine.line.claim(place);
        let room = load.room(&machine.sender);
        // What is not valid is refused at once, whether there is room or not.
        if !machine.line.admits(its_turn, room, load.points(), &machine.sender)
            && machine.may_wait()
            && load.is_valid(&mut machine.sender)
        {
            return machine.failed_to_wait(room, place).map(Err);
        }
        if place.is_begun() {
            machine.leave(place);
        }
        let result = self.enqueue(machine, load);
        if wanted && result.is_ok() {
            // For a proof where that is what being out means.
            machine.sender.want();
        }
        if machine.line.is_waited_in() {
            machine.note_room();
        }
        Some(result.map(|ticket| (ticket, wanted)).map_err(SendError::from))
    }

    /// Queues a point if nobody waits for the room that it takes, or says why not.
    pub(crate) fn try_feed(&self, load: &mut impl Load) -> Result<(), EnqueueError> {
        self.with(|machine| {
            if machine.direct.is_due_to_give_way() {
                // Who never waits cannot, and would go this long way from now on.
                machine.direct.give_way();
            }
            let room = load.room(&machine.sender);
            if (!machine.line.lets_pass(room, &machine.sender) || load.is_too_much(&machine.sender))
                && machine.may_wait()
                && load.is_valid(&mut machine.sender)
            {
                return Err(machine.sender.refuse());
            }
            self.enqueue(machine, load).map(drop)
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

    fn enqueue(&self, machine: &mut Machine, load: &mut impl Load) -> Result<Ticket, EnqueueError> {
        if machine.driver_ended {
            return Err(EnqueueError::Closed);
        }
        // Time only matters to a machine that has nothing to do; going backwards is harmless.
        let now = if machine.sender.is_idle() { self.now() } else { Instant::START };
        if machine.waiters.is_empty() {
            return load.enqueue(&mut machine.sender, now);
        }
        let before = machine.sender.progress();
        let result = load.enqueue(&mut machine.sender, now);
        let after = machine.sender.progress();
        // The first point of a frame has the machine look at its deadlines, which may be a failure.
        if (after.dropped, after.failed_rounds) != (before.dropped, before.failed_rounds) {
            machine.note_answered();
        }
        result
    }
}

impl Machine {
    /// Returns whether a point can be queued with nobody to be observed.
    #[inline]
    fn is_calm(&mut self, point: &Point<'_>) -> bool {
        let bytes = point.path.len() + AROUND;
        !self.driver_ended
            && !self.direct.is_due_to_give_way()
            && self.line.lets_feed(bytes, &self.sender)
    }

    /// Returns whether the driver sleeps and nobody else is to be observed.
    fn is_at_rest(&self) -> bool {
        self.is_idle()
            && self.line.is_empty()
            && self.waiters.is_empty()
            && !self.driver_ended
            && !self.direct.is_due_to_give_way()
    }

    /// Returns whether a frame that is begun now will hardly have to wait for room: nobody does, and
    /// half of the queue is free.
    pub(crate) fn has_room_for_frame(&self) -> bool {
        self.line.is_empty() && self.sender.has_room(self.sender.queue_limit() / 2, 0)
    }

    /// Returns whether a point can still be queued later.
    pub(crate) fn may_wait(&self) -> bool {
        !self.closing && !self.is_over()
    }

    /// Refuses a load that has to wait for room, if everybody who waits was told of a failure since
    /// it began to.
    fn failed_to_wait(&mut self, room: usize, place: &mut Place) -> Option<SendError> {
        let ticket = place.ticket(self.sender.room_of(room));
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

    /// Queues a load if there is room for it that nobody waits for.
    pub(crate) fn take(&mut self, load: &mut impl Load, now: Instant) -> bool {
        let taken = !self.driver_ended
            && self.line.lets_pass(load.room(&self.sender), &self.sender)
            && load.enqueue(&mut self.sender, now).is_ok();
        // Others may have lost theirs for it.
        self.note_answered();
        taken
    }

    /// Has those told, as soon as the lock is free, for whom there is room.
    fn note_room(&mut self) {
        self.line.tell(&self.sender, &mut self.answered);
    }
}
