//! What was promised, held against what happened; at every step.

use std::collections::VecDeque;
use std::io::ErrorKind;
use std::time::Duration;

use graphite_proto::{Delivery, Event, Failure, Output, Overflow, Progress, Sender, Stats, Ticket};

use crate::plan::{Fault, Plan, path};

/// Says what was broken; the caller adds the seed.
pub(crate) type Check = Result<(), String>;

macro_rules! ensure {
    ($holds:expr, $($text:tt)*) => {
        if !$holds {
            return Err(format!($($text)*));
        }
    };
}
pub(crate) use ensure;

/// How a connection came to its end, as the driver saw it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    /// The receiver had read everything, and answered our end.
    Proven,
    /// The receiver had read everything, and closed for good unasked.
    Closed,
    /// Nobody knows.
    Doubt,
    /// The machine gave it up.
    GivenUp,
    /// The machine ended it after the receiver had closed its side.
    Unknown,
    /// It was aborted though the receiver read on: nothing may be repeated for that.
    HalfOpen,
}

/// Who waits, since when, and for what.
#[derive(Debug)]
pub(crate) struct Waiter {
    ticket: Ticket,
    /// The last point that it waits for, if it waits for points.
    upto: Option<u64>,
    /// How many points had been dropped when it began to wait, and how many failures there were.
    dropped: u64,
    failures: u64,
    /// It was looked at before and had no answer then.
    open: bool,
}

#[derive(Debug)]
pub(crate) struct Ledger {
    plan: Plan,
    tickets: Vec<Ticket>,
    arrivals: Vec<u32>,
    pub(crate) distinct: u64,
    highest: u64,
    pub(crate) waiters: Vec<Waiter>,
    pub(crate) answered: u64,
    /// How far the sender said that it was when waiters were last looked at.
    progress: Progress,
    /// Bytes that the present connection may repeat, and those that it did.
    budget: usize,
    repeated: usize,
    /// A frame was cut with an earlier connection and has not been written since.
    cut: bool,
    /// More was swallowed at once than the window holds: `Replay` promises nothing.
    pub(crate) overwhelmed: bool,
    /// Failures in a row: those that count in any reading of the rule, and those that may.
    certain: u32,
    /// The sum of what the events said.
    told_confirmed: u64,
    /// What had been written and confirmed when this connection came about.
    before: Stats,
    /// The last connection took no new frame and proved nothing.
    fruitless: bool,
    possible: u32,
    failures: u64,
    connected_at: Duration,
    /// The connects of the last second that no proof has paid for, and those since anything lived.
    connects: VecDeque<Duration>,
    outage: usize,
    written: u64,
    pub(crate) last: Stats,
    dropping: u32,
}

impl Ledger {
    pub(crate) fn new(plan: &Plan) -> Self {
        Self {
            plan: plan.clone(),
            tickets: Vec::new(),
            arrivals: Vec::new(),
            distinct: 0,
            highest: 0,
            waiters: Vec::new(),
            answered: 0,
            progress: Progress::default(),
            budget: 0,
            repeated: 0,
            cut: false,
            overwhelmed: false,
            certain: 0,
            told_confirmed: 0,
            before: Stats::default(),
            fruitless: false,
            possible: 0,
            failures: 0,
            connected_at: Duration::ZERO,
            connects: VecDeque::new(),
            outage: 0,
            written: 0,
            last: Stats::default(),
            dropping: 0,
        }
    }

    /// The number that the next accepted point will have.
    pub(crate) fn next_number(&self) -> u64 {
        self.tickets.len() as u64
    }

    pub(crate) fn accepted(&mut self, ticket: Ticket) {
        self.tickets.push(ticket);
        self.arrivals.push(0);
    }

    pub(crate) fn waits(&mut self, ticket: Ticket, upto: Option<u64>, stats: &Stats) {
        if self.plan.fault == Some(Fault::EagerWaiter) && upto.is_some() {
            // As if it had been answered when its points were queued.
            self.waiters.push(Waiter { ticket, upto, dropped: u64::MAX, failures: 0, open: false });
            return;
        }
        let (dropped, failures) = (stats.dropped, self.failures);
        self.waiters.push(Waiter { ticket, upto, dropped, failures, open: false });
    }

    pub(crate) fn arrived(&mut self, points: &[u64]) -> Check {
        for &number in points {
            let Some(count) = self.arrivals.get_mut(number as usize) else {
                return Err(format!("point {number} arrived and was never sent"));
            };
            *count += 1;
            if *count == 1 {
                ensure!(
                    self.highest == 0 || number + 1 > self.highest,
                    "point {number} first arrived after point {}",
                    self.highest - 1
                );
                self.highest = number + 1;
                self.distinct += 1;
            } else {
                // Around a path stand at least 13 bytes in a pickle; in a line the two spaces,
                // the newline and a digit each.
                let around = if self.plan.protocol.default_port() == 2003 { 5 } else { 13 };
                let path = path(self.plan.seed, number, self.plan.pad);
                self.repeated += path.len() + around;
                ensure!(
                    self.repeated <= self.budget,
                    "point {number} is repeated: {} bytes on this connection, {} allowed",
                    self.repeated,
                    self.budget
                );
            }
        }
        Ok(())
    }

    pub(crate) fn connecting(&mut self, now: Duration, closing: bool) -> Check {
        self.connects.push_back(now);
        while self.connects.front().is_some_and(|&at| now - at >= Duration::from_secs(1)) {
            self.connects.pop_front();
        }
        self.outage += 1;
        let most = match self.plan.backoff {
            backoff if backoff < Duration::from_millis(50) => usize::MAX,
            // The last chance is used: four more attempts and the one that cuts the delay short.
            _ if closing => 13,
            // Nothing comes about, or nothing that lives: an outage.
            _ if self.outage >= self.connects.len() => 8,
            _ => 12,
        };
        let connects = self.connects.len();
        ensure!(connects <= most, "{connects} connects in a second, {most} allowed");
        Ok(())
    }

    pub(crate) fn connected(&mut self, now: Duration, sender: &Sender) {
        self.connected_at = now;
        self.before = sender.stats();
        self.dropping = 0;
        self.repeated = 0;
        self.written = self.last.written;
    }

    /// A connect was refused.
    pub(crate) fn refused(&mut self) {
        self.fruitless = false;
        self.certain += 1;
        self.possible += 1;
        self.failures += 1;
    }

    /// The connection ended: what may follow now. `cut` if it may have ended within a frame;
    /// `idle` if nothing is to be sent, `taken` if nothing was before it ended.
    pub(crate) fn ended(
        &mut self,
        end: End,
        cut: bool,
        (idle, taken): (bool, bool),
        swallowed: u64,
        after: &Stats,
        now: Duration,
    ) {
        let plan = &self.plan;
        let window = plan.delivery.window();
        self.cut |= cut;
        let cut_bytes = if self.cut { plan.frame + plan.unit() } else { 0 };
        let long = now.saturating_sub(self.connected_at) >= plan.backoff;
        if long {
            self.outage = 0;
        }
        // Progress is a new frame taken, but where proofs are waited for, or something proven.
        let confirmed = matches!(plan.delivery, Delivery::Confirmed { .. });
        let progress = after.confirmed > self.before.confirmed
            || !confirmed && after.written > self.before.written;
        self.fruitless = !progress && end != End::GivenUp;
        let proven = matches!(end, End::Proven | End::Closed);
        if proven {
            let left = self.budget.saturating_sub(self.repeated);
            self.budget = cut_bytes + if after.window_bytes == 0 { 0 } else { left };
            if after.confirmed > self.last.confirmed || idle {
                self.connects.clear();
            }
        } else {
            self.overwhelmed |= swallowed > window as u64;
            self.budget = match plan.delivery {
                _ if end == End::HalfOpen => cut_bytes,
                Delivery::BestEffort => cut_bytes,
                _ => plan.repeatable(),
            };
        }
        // A receiver that reads nothing and closes fails too.
        if proven && after.confirmed > self.last.confirmed {
            self.possible = 0;
        } else {
            self.possible += 1;
            self.failures += 1;
        }
        match end {
            End::GivenUp => self.certain += 1,
            // An idle receiver that goes away is no failure.
            // Nor is one that had taken all there was.
            _ if idle || taken && long && end != End::Unknown => self.certain = 0,
            End::Doubt | End::HalfOpen if !long || !progress => self.certain += 1,
            End::Closed if !progress => self.certain += 1,
            End::Unknown if !progress || confirmed && after.window_bytes > 0 => self.certain += 1,
            _ => self.certain = 0,
        }
    }

    /// Bytes were written: what counts as a sign of life.
    pub(crate) fn wrote(&mut self, stats: &Stats, now: Duration) {
        let long = now.saturating_sub(self.connected_at) >= self.plan.backoff;
        let confirmed = matches!(self.plan.delivery, Delivery::Confirmed { .. });
        // Under `Confirmed` only a proof counts, and repeats alone are no progress.
        if long && !confirmed && stats.written > self.written {
            self.certain = 0;
        }
        self.cut &= stats.written == self.written;
        self.written = stats.written;
    }

    /// A failure was told: everyone who had been waiting is answered if it was one too many.
    pub(crate) fn after_failure(&mut self, sender: &Sender) -> Check {
        self.settle(sender)?;
        let late = self.waiters.iter().find(|waiter| waiter.failures < self.failures);
        if self.certain >= self.plan.max_attempts
            && let Some(waiter) = late
        {
            return Err(format!("{waiter:?} is not answered after {} failures", self.certain));
        }
        Ok(())
    }

    /// Answers the waiters whose time has come.
    pub(crate) fn settle(&mut self, sender: &Sender) -> Check {
        let fault = self.plan.fault;
        let is = |wanted| fault == Some(wanted);
        let waiters = std::mem::take(&mut self.waiters);
        let now = sender.progress();
        let seen = std::mem::replace(&mut self.progress, now);
        let less = now.done < seen.done
            || now.dropped < seen.dropped
            || now.connections < seen.connections
            || now.failed_rounds < seen.failed_rounds
            || (seen.closed && !now.closed);
        ensure!(!less, "progress went from {seen:?} to {now:?}");
        for mut waiter in waiters {
            let mut outcome = sender.outcome(waiter.ticket);
            if waiter.dropped == u64::MAX {
                outcome = Some(Ok(()));
            }
            match outcome {
                None => {
                    waiter.open = true;
                    self.waiters.push(waiter);
                }
                Some(Err(_)) if self.fruitless && is(Fault::RepeatsAreProgress) => {
                    self.waiters.push(waiter);
                }
                Some(_) if is(Fault::LostWaiter) && self.answered == 3 => {
                    self.waiters.push(waiter);
                }
                Some(outcome) => {
                    self.answered += 1;
                    ensure!(
                        !waiter.open || self.explains(waiter.ticket, seen),
                        "{waiter:?} is answered by {:?} after {seen:?}",
                        self.progress
                    );
                    self.check_outcome(&waiter, outcome, sender)?;
                }
            }
        }
        Ok(())
    }

    /// Whether what has changed since may answer a ticket, as far as the sender told.
    fn explains(&self, ticket: Ticket, seen: Progress) -> bool {
        let now = self.progress;
        let told = now.closed || now.failed_rounds > seen.failed_rounds;
        let by_kind = match ticket.points() {
            Some(points) => {
                let dropped = now.dropped > seen.dropped && points.start < now.dropped;
                points.end <= now.done || dropped
            }
            None => ticket.room().is_some() || now.connections > seen.connections,
        };
        told || by_kind
    }

    fn check_outcome(
        &self,
        waiter: &Waiter,
        outcome: Result<(), Failure>,
        sender: &Sender,
    ) -> Check {
        let stats = sender.stats();
        match outcome {
            Ok(()) => {
                let Some(upto) = waiter.upto else { return Ok(()) };
                ensure!(
                    stats.written + stats.dropped >= upto,
                    "{waiter:?} is told that {upto} points are out, of {stats:?}"
                );
                if matches!(self.plan.delivery, Delivery::Confirmed { .. }) {
                    let missing = self.missing(sender, upto);
                    ensure!(missing.is_none(), "{waiter:?} is told that {missing:?} arrived");
                }
            }
            Err(failure) if failure.kind == ErrorKind::StorageFull => ensure!(
                stats.dropped > waiter.dropped || self.tickets.is_empty(),
                "{waiter:?} is told of a loss before its time: {stats:?}"
            ),
            Err(_) if sender.is_closed() => {}
            Err(failure) => ensure!(
                self.possible >= self.plan.max_attempts && self.failures > waiter.failures,
                "{waiter:?} fails with {failure:?} after {} failures in a row",
                self.possible
            ),
        }
        Ok(())
    }

    /// The first of so many points that did not arrive and was not dropped.
    fn missing(&self, sender: &Sender, upto: u64) -> Option<usize> {
        let arrivals = self.arrivals.iter().take(upto as usize);
        arrivals
            .enumerate()
            .position(|(number, &count)| count == 0 && !self.is_dropped(sender, number))
    }

    pub(crate) fn is_dropped(&self, sender: &Sender, number: usize) -> bool {
        let outcome = sender.outcome(self.tickets[number]);
        matches!(outcome, Some(Err(failure)) if failure.kind == ErrorKind::StorageFull)
    }

    /// What must hold after every call.
    pub(crate) fn check(&mut self, sender: &mut Sender) -> Check {
        let stats = sender.stats();
        let plan = &self.plan;
        ensure!(
            stats.accepted == stats.queued + stats.written + stats.dropped
                && stats.accepted == self.tickets.len() as u64,
            "{} points were accepted: {stats:?}",
            self.tickets.len()
        );
        ensure!(stats.confirmed <= stats.written, "more confirmed than written: {stats:?}");
        ensure!(stats.confirmed <= self.distinct, "{} points arrived: {stats:?}", self.distinct);
        let queue = plan.queue_bytes.max(plan.point) + plan.point;
        ensure!(stats.queued_bytes <= queue, "{queue} bytes may be queued: {stats:?}");
        // No point takes fewer bytes than `x 1 0` and its end of line.
        let (points, bytes) = (stats.queued, stats.queued_bytes as u64);
        ensure!(bytes >= 6 * points && (points > 0 || bytes == 0), "miscounted: {stats:?}");
        let window = plan.delivery.window() + plan.frame + plan.unit();
        ensure!(stats.window_bytes <= window, "{window} bytes may be kept: {stats:?}");
        ensure!(plan.overflow == Overflow::DropOldest || stats.dropped == 0, "dropped: {stats:?}");
        if sender.poll_output() == Output::Idle && (stats.queued > 0 || !sender.is_idle()) {
            ensure!(sender.poll_timeout().is_some(), "idle without a deadline: {stats:?}");
        }
        self.last = stats;
        if stats.queued == 0 {
            self.dropping = 0;
        }
        loop {
            let promised = sender.has_events();
            let event = sender.poll_event();
            ensure!(promised == event.is_some(), "events to come: {promised}, then {event:?}");
            let Some(event) = event else { break };
            if event == Event::Dropping {
                self.dropping += 1;
                ensure!(stats.dropped > 0, "told of dropping and dropped nothing: {stats:?}");
            }
            ensure!(self.dropping <= 1, "told of dropping twice an outage");
            if let Event::Confirmed(points) | Event::Replayed(points) = event {
                ensure!(points > 0, "told of nothing: {event:?}");
            }
            if let Event::Confirmed(points) = event {
                self.told_confirmed += points;
            }
        }
        let told = self.told_confirmed;
        ensure!(told == stats.confirmed, "told of {told} confirmed points: {stats:?}");
        self.settle(sender)
    }

    /// All that was to be sent has been, and nothing more happens.
    pub(crate) fn check_delivery(&self, sender: &Sender) -> Check {
        let stats = sender.stats();
        ensure!(self.distinct + stats.dropped <= stats.accepted, "dropped and arrived: {stats:?}");
        let promised = match self.plan.delivery {
            Delivery::BestEffort => false,
            Delivery::Confirmed { .. } => true,
            _ => !self.overwhelmed,
        };
        let missing = self.missing(sender, stats.accepted);
        if promised || sender.unproven() == 0 && !self.overwhelmed {
            ensure!(missing.is_none(), "point {missing:?} is lost: {stats:?}");
            let lost = stats.accepted - stats.dropped - self.distinct;
            ensure!(lost == 0, "{lost} points are lost and not known as dropped: {stats:?}");
        }
        Ok(())
    }

    /// The machine is closed: everyone is answered, and nothing is taken for delivered that is not.
    pub(crate) fn check_closed(&self, sender: &Sender) -> Check {
        ensure!(self.waiters.is_empty(), "closed, and {:?} waits", self.waiters);
        let kept = !matches!(self.plan.delivery, Delivery::Replay { .. }) || !self.overwhelmed;
        let missing = self.missing(sender, self.last.accepted);
        ensure!(
            sender.unproven() > 0 || !kept || missing.is_none(),
            "closed in good order without point {missing:?}: {:?}",
            sender.stats()
        );
        Ok(())
    }

    pub(crate) fn waiting(&self) -> usize {
        self.waiters.len()
    }
}
