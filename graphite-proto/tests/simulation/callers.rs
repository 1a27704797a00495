//! Those who send: points one by one, in batches and straight to the wire, waits of all kinds, the
//! close.
//!
//! Not here: what carries the points away ([`super`]).

use std::time::Duration;

use graphite_proto::{
    Batch, Delivery, EnqueueError, Input, Instant, Metric, MetricError, Output, Overflow, Ticket,
};

use super::{Pending, World};
use crate::ledger::{Check, ensure};
use crate::plan::{Fault, given_path};
use crate::random::Random;
use crate::wire::Wire;

/// What became of a point that was to be written before anything else happened.
struct Through {
    /// How long its frame is, how many of the bytes were written, and how many are told.
    bytes: usize,
    written: usize,
    told: usize,
}

impl World {
    /// Those who send do something.
    pub(super) fn act(&mut self) -> Check {
        let index = self.actions;
        self.actions += 1;
        let at = self.now + self.random.time(self.plan.pause);
        self.next_action = (self.actions < self.plan.actions).then_some(at);
        if self.plan.close_at == Some(index) {
            return self.close();
        }
        match self.random.below(16) {
            0 | 1 => self.flush(),
            2 => {
                let now = self.instant();
                let ticket = self.sender.connect(now);
                self.note_failures();
                self.ledger.waits(ticket, None, &self.sender.stats());
            }
            3 => {
                let path = "x".repeat(self.random.below(self.plan.pad + 1));
                let ticket = self.sender.room(&Metric::new(path, 0));
                self.note_failures();
                if self.sender.outcome(ticket).is_none() {
                    self.waits.hurry(&self.sender);
                }
                self.ledger.waits(ticket, None, &self.sender.stats());
            }
            4 => self.tell(Input::Timeout)?,
            5 if self.random.percent(30) => self.now += self.random.time(Duration::from_secs(100)),
            _ => {
                let points = self.random.between(1, self.plan.burst);
                if self.random.percent(self.plan.batches) {
                    self.enqueue_batches(points)?;
                } else {
                    for _ in 0..points {
                        self.enqueue()?;
                    }
                }
            }
        }
        self.check()
    }

    pub(super) fn flush(&mut self) {
        let ticket = self.ask();
        let stats = self.sender.stats();
        self.ledger.waits(ticket, Some(stats.accepted), &stats);
    }

    fn ask(&mut self) -> Ticket {
        let ticket = self.sender.ticket();
        self.note_failures();
        self.waits.hurry(&self.sender);
        ticket
    }

    fn metric(&self, number: u64) -> Metric<'static> {
        Metric::new(given_path(self.plan.seed, number, self.plan.pad), number).at(number % 1000)
    }

    fn enqueue(&mut self) -> Check {
        let metric = self.metric(self.ledger.next_number());
        let now = self.instant();
        if self.enqueue_through(&metric, now)? {
            return Ok(());
        }
        match self.sender.enqueue(&metric, 0, now) {
            Ok(ticket) => self.accepted(ticket, 1),
            Err(error) => self.refused(&error),
        }
    }

    /// Sends a point while nothing else is to be done, sometimes: the plan's own times seldom hit
    /// such a moment.
    pub(super) fn send_at_rest(&mut self) -> Check {
        let most = self.plan.actions as u64;
        let over = self.healed || self.seen.through + self.seen.partly >= most;
        if over || !self.may_go_through() || self.sender.poll_output() != Output::Idle {
            return Ok(());
        }
        // Drawn by itself, as below.
        let mut random = Random::new(!self.plan.seed.wrapping_add(self.steps as u64));
        if !random.percent(self.plan.through) {
            return Ok(());
        }
        let (metric, now) = (self.metric(self.ledger.next_number()), self.instant());
        self.enqueue_through(&metric, now).map(drop)
    }

    /// Has a point written before anything else happens, sometimes; false if the machine has
    /// something else to do, and nothing has changed.
    fn enqueue_through(&mut self, metric: &Metric<'_>, now: Instant) -> Result<bool, String> {
        // Drawn by itself: runs in which nothing goes through are the same with and without this.
        let mut random = Random::new(!self.plan.seed.wrapping_add(self.ledger.next_number()));
        // Without a window the machine is not under `Confirmed`, though it was promised.
        if !random.percent(self.plan.through) || self.is(Fault::NoWindow) {
            return Ok(false);
        }
        let state = |world: &Self| {
            (world.sender.stats(), world.sender.progress(), world.sender.poll_timeout())
        };
        let (before, idle) = (state(self), self.sender.poll_output() == Output::Idle);
        let (mut through, mut pushed) = (None, Ok(()));
        let (wire, order, at) = (&mut self.wire, &mut self.random, self.now);
        let (fault, lying) = (self.plan.fault, self.plan.lying && !self.healed);
        let ticket = self.sender.enqueue_through(metric, 0, now, |bytes| {
            let most = match random.below(10) {
                0 => 0,
                1..4 => random.between(0, bytes.len()),
                _ => bytes.len(),
            };
            let written = most.min(wire.as_ref().map_or(0, Wire::room));
            let unwritten = fault == Some(Fault::ThroughUnwritten);
            if let Some(wire) = wire.as_mut().filter(|_| !unwritten) {
                pushed = wire.push(&bytes[..written], order, at);
            }
            let told = match fault {
                Some(Fault::ThroughTwice) => 0,
                _ if lying && random.percent(3) => usize::MAX - 1,
                _ => written,
            };
            through = Some(Through { bytes: bytes.len(), written, told });
            told
        });
        pushed?;
        ensure!(ticket.is_some() == through.is_some(), "{ticket:?} for a point not written");
        let (Some(ticket), Some(through)) = (ticket, through) else {
            let after = state(self);
            ensure!(before == after, "no point was taken: {before:?} became {after:?}");
            return Ok(false);
        };
        ensure!(
            idle && self.may_go_through(),
            "a point is written before something else: {:?}",
            self.sender
        );
        self.went_through(ticket, &through).map(|()| true)
    }

    /// Whether nothing else is to be done, as far as those outside know.
    fn may_go_through(&self) -> bool {
        let confirmed = matches!(self.plan.delivery, Delivery::Confirmed { .. });
        let ends = self.plan.age.is_some() || self.close_by.is_some() || self.peer_ended.is_some();
        let busy = !matches!(self.pending, Pending::Nothing) || self.loan.is_some();
        self.wire.is_some() && !confirmed && !ends && !busy && !self.plan.is_prefixed()
    }

    /// A point was taken, and written as far as the connection took it.
    fn went_through(&mut self, ticket: Ticket, through: &Through) -> Check {
        let &Through { bytes, written, told } = through;
        if self.log {
            println!("{:?} {written} of {bytes} bytes of a point went through", self.now);
        }
        let whole = told == bytes;
        self.begun = if whole { 0 } else { written };
        self.seen.through += u64::from(whole);
        self.seen.partly += u64::from(!whole);
        let (number, stats) = (self.ledger.next_number(), self.sender.stats());
        ensure!(
            ticket.points() == Some(number..number + 1)
                && stats.queued == u64::from(!whole)
                && self.sender.outcome(ticket) == whole.then_some(Ok(())),
            "point {number} became {ticket:?} with {told} of {bytes} bytes written: {stats:?}"
        );
        self.accepted(ticket, 1)?;
        self.ledger.wrote(&stats, self.machine);
        // Before others come in: when a frame was written last is looked at.
        self.check()
    }

    /// Sends points encoded apart from the machine, a frame's worth at a time.
    fn enqueue_batches(&mut self, points: usize) -> Check {
        let mut batch = self.sender.batch();
        for _ in 0..points {
            let metric = self.metric(self.ledger.next_number() + batch.points());
            if !taken(batch.push(&metric, 0))? {
                self.hand_over(&mut batch)?;
                // Others come in between two batches, and a refused one is given up: another
                // number is next.
                let metric = self.metric(self.ledger.next_number());
                ensure!(taken(batch.push(&metric, 0))?, "an empty batch takes no point");
            }
            if self.random.percent(2) {
                let (before, nan) = (batch.points(), Metric::new("nan", f64::NAN));
                let refused = batch.push(&nan, 0).is_err() && batch.points() == before;
                ensure!(refused, "a batch is changed by a point that is not valid");
            }
        }
        self.hand_over(&mut batch)
    }

    /// Hands a batch over; it is empty then, since what is refused is given up.
    fn hand_over(&mut self, batch: &mut Batch) -> Check {
        let (before, points, bytes) = (self.sender.stats(), batch.points(), batch.bytes());
        let now = self.instant();
        match self.sender.enqueue_batch(batch, now) {
            Ok(ticket) => {
                let first = self.ledger.next_number();
                ensure!(
                    ticket.points() == Some(first..first + points) && batch.is_empty(),
                    "{points} points from {first} on became {ticket:?}"
                );
                self.seen.batches += 1;
                self.accepted(ticket, points)
            }
            Err(error) => {
                let mut after = self.sender.stats();
                // A frame that waited for others is closed by a refusal: room is wanted.
                after.queued_bytes = before.queued_bytes;
                ensure!(
                    before == after && (batch.points(), batch.bytes()) == (points, bytes),
                    "{error} changed {before:?} to {after:?}, and {batch:?}"
                );
                *batch = self.sender.batch();
                self.refused(&error)
            }
        }
    }

    fn accepted(&mut self, ticket: Ticket, points: u64) -> Check {
        self.note_failures();
        for _ in 0..points {
            self.ledger.accepted(ticket);
        }
        if self.random.percent(5) {
            let upto = self.ledger.next_number();
            self.ledger.waits(ticket, Some(upto), &self.sender.stats());
            // As the clients do: who waits for a proof asks for one.
            if matches!(self.plan.delivery, Delivery::Confirmed { .. }) {
                let _ = self.ask();
            }
        }
        Ok(())
    }

    fn refused(&mut self, error: &EnqueueError) -> Check {
        self.note_failures();
        match error {
            EnqueueError::QueueFull { .. } => {
                self.waits.hurry(&self.sender);
                ensure!(self.plan.overflow == Overflow::Reject, "nothing was dropped for a point");
                Ok(())
            }
            EnqueueError::Closed if self.close_by.is_some() => Ok(()),
            error => Err(error.to_string()),
        }
    }

    pub(super) fn close(&mut self) -> Check {
        self.close_by = Some(self.now + self.plan.close_timeout);
        let held = self.waits.held.is_some();
        self.tell(Input::Close)?;
        if held
            && self.is(Fault::ForgottenAtClose)
            && let Output::Transmit(offer) = self.sender.poll_output()
        {
            // As if there were no frame, and so nothing to write before the end.
            let count = offer.len();
            return self.tell(Input::Written(count));
        }
        Ok(())
    }
}

fn taken(pushed: Result<bool, MetricError>) -> Result<bool, String> {
    pushed.map_err(|error| error.to_string())
}
