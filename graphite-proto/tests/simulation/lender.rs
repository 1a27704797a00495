//! A caller that takes the frame on offer along, writes it, and brings it back later.
//!
//! Meanwhile all goes on: points come in, the connection ends, another one comes about, somebody
//! closes. Not here: what the driver writes itself ([`super`]).

use std::time::Duration;

use graphite_proto::{Input, Lent, Output};

use super::{Pending, World};
use crate::decode::numbers;
use crate::ledger::{Check, End, ensure};
use crate::plan::Fault;
use crate::wire::Wire;

/// A frame that is lent.
#[derive(Debug)]
pub(super) struct Loan {
    lent: Lent,
    /// The connection that it is for, by its number.
    pub(super) wire: u64,
    /// How many bytes will be written, if the connection takes them.
    most: usize,
    /// How many were.
    written: Option<usize>,
    /// They were written after the receiver's end of file.
    behind_end: bool,
    /// The first point that begins in the bytes.
    first: Option<u64>,
    /// When it is written, or brought back.
    pub(super) at: Duration,
}

impl World {
    /// Takes the frame on offer along, sometimes.
    pub(super) fn lend(&mut self) {
        if !matches!(self.sender.poll_output(), Output::Transmit(_)) {
            return;
        }
        let room = self.wire.as_ref().map_or(0, Wire::room);
        // As the clients: a driver that waits for acknowledgements writes by itself.
        if room == 0 || self.peer_ended == Some(false) || !self.random.percent(self.plan.lends) {
            return;
        }
        let Some(lent) = self.sender.lend() else { return };
        let whole = lent.bytes().len();
        let most = match self.random.below(10) {
            0 => 0,
            1..4 => self.random.between(0, whole),
            _ => whole,
        };
        self.seen.lent += 1;
        let first = numbers(lent.bytes()).next();
        self.loan = Some(Loan {
            wire: self.wires,
            most,
            written: None,
            behind_end: false,
            first,
            at: self.now + self.random.time(self.plan.latency) / 20,
            lent,
        });
    }

    /// Whether a frame is lent for the connection that is there.
    pub(super) fn is_lent_for_this(&self) -> bool {
        self.wire.is_some() && self.loan.as_ref().is_some_and(|loan| loan.wire == self.wires)
    }

    /// The caller goes on with what it took along.
    pub(super) fn go_on_lending(&mut self) -> Check {
        if self.loan.as_ref().is_some_and(|loan| loan.written.is_some()) {
            return self.bring_back();
        }
        let Some(loan) = &mut self.loan else { return Ok(()) };
        let written = match &mut self.wire {
            Some(wire) if loan.wire == self.wires => {
                let count = loan.most.min(wire.room());
                wire.push(&loan.lent.bytes()[..count], &mut self.random, self.now)?;
                self.begun += count;
                loan.behind_end = count > 0 && self.peer_ended == Some(false);
                count
            }
            // Its kernel takes them still, and nobody reads them.
            _ => self.random.between(0, loan.most),
        };
        loan.written = Some(written);
        let holds = if self.healed { self.plan.latency / 20 } else { self.plan.holds };
        loan.at = self.now + self.random.time(holds);
        Ok(())
    }

    fn bring_back(&mut self) -> Check {
        let behind_end = self.loan.as_ref().is_some_and(|loan| loan.behind_end);
        if behind_end && self.is_lent_for_this() && self.peer_ended == Some(false) {
            // The count is told when the receiver's kernel has acknowledged something.
            if self.wire.as_ref().is_some_and(Wire::acknowledges) {
                self.peer_ended = Some(true);
            } else {
                let end = if self.believes_ends() { End::Closed } else { End::Doubt };
                self.lose(Input::PeerFinished { proven: true }, end)?;
            }
        }
        let over = !self.is_lent_for_this();
        let Some(loan) = self.loan.take() else { return Ok(()) };
        let whole = loan.written == Some(loan.lent.bytes().len());
        let mut written = loan.written.unwrap_or(0);
        if over {
            self.seen.over_an_end += 1;
            self.seen.over_another += u64::from(self.wire.is_some());
        } else if self.plan.lying && !self.healed && self.random.percent(3) {
            written = usize::MAX - 1;
        } else if whole {
            self.begun = 0;
        }
        let now = self.instant();
        if self.log {
            println!("{:?} {written} bytes of a lent frame, over: {over}", self.now);
        }
        self.sender.restore(loan.lent, written, now);
        if over
            && self.is(Fault::LentCountBelieved)
            && let Output::Transmit(offer) = self.sender.poll_output()
        {
            let count = written.min(offer.len());
            self.sender.handle_input(Input::Written(count), now);
        }
        self.note_failures();
        self.check()?;
        if !over {
            self.ledger.wrote(&self.sender.stats(), self.machine);
        }
        self.check_closing(now)
    }

    /// A frame is brought back after the machine has ended: nothing changes.
    pub(super) fn bring_back_late(&mut self) -> Check {
        let Some(loan) = self.loan.take() else { return Ok(()) };
        let (before, now) = (self.sender.stats(), self.instant());
        self.seen.over_an_end += 1;
        self.sender.restore(loan.lent, loan.written.unwrap_or(0), now);
        let after = self.sender.stats();
        ensure!(self.sender.is_closed() && before == after, "restored: {before:?} to {after:?}");
        Ok(())
    }

    /// What the machine says while a frame is lent: not to end the connection in good order, and
    /// to write nothing of the frame nor of what stands behind it.
    pub(super) fn check_lent(&self) -> Check {
        let output = self.sender.poll_output();
        ensure!(
            self.sender.is_lent() == self.loan.is_some(),
            "a frame is lent, says the machine: {}",
            self.sender.is_lent()
        );
        ensure!(
            self.loan.is_none() || output != Output::Finish,
            "an orderly end is begun while a frame is lent"
        );
        // A driver that is about to copy the bytes looks at them.
        if let Some(Loan { first: Some(first), .. }) = self.loan
            && let Output::Transmit(offer) = output
            && matches!(self.pending, Pending::Nothing)
        {
            let highest = numbers(offer).max();
            ensure!(
                highest.is_none_or(|highest| highest < first),
                "point {highest:?} is on offer while a frame from point {first} on is lent"
            );
        }
        Ok(())
    }
}
