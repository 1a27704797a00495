//! Those who send: points one by one and in batches, waits of all kinds, the close.
//!
//! Not here: what carries the points away ([`super`]).

use std::time::Duration;

use graphite_proto::{
    Batch, Delivery, EnqueueError, Input, Metric, MetricError, Output, Overflow, Ticket,
};

use super::World;
use crate::ledger::{Check, ensure};
use crate::plan::{Fault, given_path};

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
        match self.sender.enqueue(&metric, 0, now) {
            Ok(ticket) => self.accepted(ticket, 1),
            Err(error) => self.refused(&error),
        }
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
