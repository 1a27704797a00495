//! How long a point may wait for others, as the documentation of the settings promises it.
//!
//! Written from the promise, not from the machine: a point is held back only after another frame
//! and no longer than the linger time after it, and not at all where a full frame waits, somebody
//! waits for it or for its room, or the machine is closing. Not here: what becomes of it then
//! ([`crate::ledger`]).

use std::time::Duration;

use graphite_proto::{Delivery, Instant, Output, Sender};

use crate::ledger::{Check, ensure};
use crate::plan::Plan;

#[derive(Debug)]
pub(crate) struct Waits {
    linger: Duration,
    tardy: Duration,
    sealed_at: usize,
    /// The window under `Confirmed`.
    confirmed: Option<usize>,
    /// How many points had been written, and when a frame last was.
    written: u64,
    last_frame: Option<Duration>,
    /// Up to which point somebody waits.
    hurried: u64,
    /// A connection was given up, or something proven: the next ones may be given less than the
    /// window before a proof.
    lowered: bool,
    /// The first point that is held back for others, and how often one was.
    pub(crate) held: Option<u64>,
    pub(crate) times: u64,
}

impl Waits {
    pub(crate) fn new(plan: &Plan) -> Self {
        let confirmed = match plan.delivery {
            Delivery::Confirmed { window } => Some(window),
            _ => None,
        };
        Self {
            linger: plan.linger,
            tardy: plan.tardy,
            sealed_at: plan.frame_bytes.min(plan.queue_bytes / 8),
            confirmed,
            written: 0,
            last_frame: None,
            hurried: 0,
            lowered: false,
            held: None,
            times: 0,
        }
    }

    /// Somebody waits for all that was accepted, or for its room.
    pub(crate) fn hurry(&mut self, sender: &Sender) {
        self.hurried = sender.stats().accepted;
    }

    pub(crate) fn given_up(&mut self) {
        self.lowered = true;
    }

    /// Whether nothing but a proof may be what the queued points wait for.
    fn waits_for_proof(&self, kept: usize) -> bool {
        self.confirmed.is_some_and(|window| kept > 0 && (self.lowered || kept >= window))
    }

    /// Looks at the machine after a call; `now` is the latest moment that it was told.
    pub(crate) fn check(&mut self, sender: &Sender, now: Duration, closing: bool) -> Check {
        let stats = sender.stats();
        if stats.written > self.written {
            (self.written, self.last_frame) = (stats.written, Some(now));
        }
        self.lowered |= stats.confirmed > 0;
        // What is repeated is on offer, unless a proof is waited for.
        let held = sender.is_connected()
            && sender.poll_output() == Output::Idle
            && stats.queued > 0
            && !sender.is_lent()
            && !self.waits_for_proof(stats.window_bytes);
        let first = held.then_some(stats.accepted - stats.queued);
        self.times += u64::from(held && self.held.is_none());
        self.held = first;
        let Some(first) = first else { return Ok(()) };
        ensure!(!closing, "a point waits for others and the machine is closing: {stats:?}");
        ensure!(
            first >= self.hurried,
            "a point waits for others and somebody for point {}: {stats:?}",
            self.hurried
        );
        ensure!(
            stats.queued_bytes < self.sealed_at,
            "a frame of {} bytes waits: {stats:?}",
            self.sealed_at
        );
        let Some(last) = self.last_frame else {
            return Err(format!("the first point of all waits for others: {stats:?}"));
        };
        let by = last + self.linger;
        let next = sender.poll_timeout().map(Instant::elapsed);
        // A moment told with a point may pass the deadline: then the driver is to come at once.
        ensure!(
            next.is_some_and(|next| next <= by && (now < by || next <= now)),
            "a point waits for others until {next:?} at {now:?}, not until {by:?}"
        );
        Ok(())
    }

    /// The driver lets time pass: all that was due by now has been told.
    pub(crate) fn check_passing(&self, now: Duration) -> Check {
        let by = self.last_frame.map(|last| last + self.linger + self.tardy);
        ensure!(
            self.held.is_none() || by.is_none_or(|by| now <= by),
            "a point waits for others at {now:?}, not until {by:?}"
        );
        Ok(())
    }
}
