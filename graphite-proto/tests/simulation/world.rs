//! A driver with a made-up clock, those who send, and the wire between machine and receiver.
//!
//! The driver does what the adapters do: it copies the bytes on offer, lets go of the machine,
//! writes, and tells how much was written; whatever others do in between, they do. Not here: those
//! who send ([`callers`]) and who write the frame in the driver's stead ([`lender`]).

#[path = "callers.rs"]
mod callers;
#[path = "lender.rs"]
mod lender;

use std::io::ErrorKind;
use std::time::Duration;

use graphite_proto::{Delivery, Failure, Input, Instant, Output, Sender};

use crate::ledger::{Check, End, Ledger, ensure};
use crate::linger::Waits;
use crate::plan::{Fault, Plan};
use crate::random::Random;
use crate::seen::Seen;
use crate::wire::{Signal, Wire};

use lender::Loan;

/// More would be a livelock: the longest of all planned runs takes a tenth.
const MOST_STEPS: usize = 300_000;
const MOST_STEPS_AT_ONCE: usize = 20_000;

/// What the driver is in the middle of.
#[derive(Debug)]
enum Pending {
    Nothing,
    Connect {
        at: Duration,
        healthy: bool,
    },
    Write {
        at: Duration,
        bytes: Vec<u8>,
        whole: bool,
    },
    /// What was written after the receiver's end of file: acknowledged, or answered by a reset.
    Acknowledge {
        at: Duration,
        count: usize,
    },
    Finish {
        at: Duration,
    },
}

#[derive(Debug)]
pub(crate) struct World {
    plan: Plan,
    random: Random,
    now: Duration,
    /// The latest moment that the machine was told.
    machine: Duration,
    sender: Sender,
    wire: Option<Wire>,
    pending: Pending,
    ledger: Ledger,
    waits: Waits,
    seen: Seen,
    loan: Option<Loan>,
    /// How many connections came about.
    wires: u64,
    actions: usize,
    next_action: Option<Duration>,
    healed: bool,
    close_by: Option<Duration>,
    points: Vec<u64>,
    steps: usize,
    at_once: usize,
    /// Bytes of the frame that was cut with the last connection.
    cut: usize,
    /// Bytes of the frame on offer that were written.
    begun: usize,
    /// The driver knows that the receiver has closed its side, and whether it reads on.
    peer_ended: Option<bool>,
    /// There was nothing to send when it learnt that.
    ended_idle: bool,
    /// When the wait for the receiver's end of file is told as a failure next.
    next_failure: Option<Duration>,
    log: bool,
}

impl World {
    pub(crate) fn new(plan: Plan, log: bool) -> Self {
        Self {
            random: Random::new(plan.seed.wrapping_mul(31)),
            now: Duration::ZERO,
            machine: Duration::ZERO,
            sender: Sender::new(plan.config(), Instant::START),
            wire: None,
            pending: Pending::Nothing,
            ledger: Ledger::new(&plan),
            waits: Waits::new(&plan),
            seen: Seen::default(),
            loan: None,
            wires: 0,
            actions: 0,
            next_action: Some(Duration::ZERO),
            healed: false,
            close_by: None,
            points: Vec::new(),
            steps: 0,
            at_once: 0,
            cut: 0,
            begun: 0,
            peer_ended: None,
            ended_idle: false,
            next_failure: None,
            log,
            plan,
        }
    }

    /// Lives through the plan: bad times, good times, the end.
    pub(crate) fn run(&mut self) -> Check {
        while self.next_action.is_some() && self.step()? {}
        let until = self.now + self.random.time(Duration::from_secs(60));
        while self.now < until && self.step()? {}
        self.healed = true;
        self.plan.heal();
        if let Some(wire) = &mut self.wire {
            wire.heal(&self.plan, &mut self.random, self.now);
        }
        if !self.sender.is_closed() && self.close_by.is_none() {
            self.flush();
            self.check()?;
        }
        while self.step()? {}
        if self.close_by.is_none() {
            ensure!(self.sender.is_idle(), "at rest with work: {:?}", self.sender.stats());
            ensure!(
                self.ledger.waiting() == 0,
                "at rest, and some wait: {:?}",
                self.ledger.waiters
            );
            self.ledger.check_delivery(&self.sender)?;
            self.close()?;
        }
        while self.step()? {}
        ensure!(self.sender.is_closed(), "at rest and not closed: {:?}", self.sender);
        self.bring_back_late()?;
        self.ledger.check_closed(&self.sender)
    }

    pub(crate) fn seen(&self) -> Seen {
        Seen { held: self.waits.times, ..self.seen }
    }

    /// What must hold after every call.
    fn check(&mut self) -> Check {
        self.ledger.check(&mut self.sender)?;
        // Where the connection has come to its end meanwhile it could not be sent.
        if let Some(first) = self.waits.held
            && self.sender.is_connected()
        {
            let dropped = self.ledger.is_dropped(&self.sender, first as usize);
            ensure!(!dropped, "point {first} is dropped, and only waited for others");
        }
        self.waits.check(&self.sender, self.machine, self.close_by.is_some())?;
        self.check_lent()
    }

    fn is(&self, fault: Fault) -> bool {
        self.plan.fault == Some(fault)
    }

    fn instant(&mut self) -> Instant {
        let back = if self.plan.skewed && self.random.percent(20) {
            self.random.time(Duration::from_secs(5))
        } else {
            Duration::ZERO
        };
        let told = self.now.saturating_sub(back);
        self.machine = self.machine.max(told);
        Instant::from_start(told)
    }

    /// Does the next thing that happens; false when nothing does.
    fn step(&mut self) -> Result<bool, String> {
        self.steps += 1;
        self.at_once += 1;
        ensure!(
            self.steps < MOST_STEPS && self.at_once < MOST_STEPS_AT_ONCE,
            "no end in sight at {:?}: {:?}",
            self.now,
            self.sender
        );
        self.obey()?;
        if self.sender.is_closed() {
            return Ok(false);
        }
        let pending = match &self.pending {
            Pending::Write { .. } if self.wire.as_ref().is_some_and(|wire| wire.room() == 0) => {
                None
            }
            Pending::Nothing => None,
            Pending::Connect { at, .. }
            | Pending::Write { at, .. }
            | Pending::Acknowledge { at, .. }
            | Pending::Finish { at } => Some(*at),
        };
        let loan = self.loan.as_ref().map(|loan| loan.at);
        let wire = self.wire.as_ref().and_then(Wire::next);
        let action = self.next_action.filter(|_| !self.healed);
        let forgotten = self.is(Fault::NoDeadlines)
            || self.waits.held.is_some() && self.is(Fault::EndlessLinger);
        let timer = self.sender.poll_timeout().filter(|_| !forgotten);
        let timer = timer.map(|at| at.elapsed() + self.plan.tardy);
        let Some(next) = [pending, loan, wire, action, timer].into_iter().flatten().min() else {
            return Ok(false);
        };
        if next > self.now {
            self.waits.check_passing(self.now)?;
            self.now = next;
            self.at_once = 0;
        }
        // The order of what happens at the same moment is left to chance by the times themselves.
        if pending.is_some_and(|at| at <= self.now) {
            self.complete()?;
        } else if loan.is_some_and(|at| at <= self.now) {
            self.go_on_lending()?;
        } else if wire.is_some_and(|at| at <= self.now) {
            self.hear()?;
        } else if action.is_some_and(|at| at <= self.now) {
            self.act()?;
        } else {
            self.tell(Input::Timeout)?;
        }
        Ok(true)
    }

    fn tell(&mut self, input: Input) -> Check {
        let now = self.instant();
        if self.log {
            println!("{:?} {input:?}", self.now);
        }
        self.sender.handle_input(input, now);
        self.note_failures();
        self.check()?;
        self.check_closing(now)
    }

    /// A close keeps its time, as far as the machine was told of it.
    fn check_closing(&self, now: Instant) -> Check {
        let output = self.sender.poll_output();
        if let Some(by) = self.close_by
            && !matches!(output, Output::Closed | Output::Disconnect)
        {
            let next = self.sender.poll_timeout().map(Instant::elapsed);
            ensure!(
                now.elapsed() < by && next.is_some_and(|next| next <= by),
                "{output:?} at {now:?} until {next:?}, to be closed by {by:?}"
            );
        }
        Ok(())
    }

    /// The wait for an end of file counts as a failure each time that it lasts too long and the
    /// machine looks at its deadlines: then none of them is past.
    fn note_failures(&mut self) {
        let waits = match self.sender.poll_output() {
            Output::Finish => true,
            Output::Idle => self.next_failure.is_some() && !self.sender.is_connected(),
            _ => false,
        };
        if !waits {
            self.next_failure = None;
            return;
        }
        let machine = Instant::from_start(self.machine);
        let settled = self.sender.poll_timeout().is_none_or(|at| at > machine);
        let close_timeout = self.plan.config_close_timeout();
        let next = *self.next_failure.get_or_insert(self.machine + close_timeout);
        if settled && self.machine >= next {
            self.next_failure = Some(self.machine + close_timeout);
            self.ledger.refused();
        }
    }

    /// Begins what the machine demands.
    fn obey(&mut self) -> Check {
        self.note_failures();
        let now = self.now;
        let idle = matches!(self.pending, Pending::Nothing);
        if idle {
            self.lend();
            self.send_at_rest()?;
        }
        let over = self.is(Fault::LentFinishedOver) && self.is_lent_for_this() && idle;
        let output = if over && self.random.percent(10) {
            Output::Finish
        } else {
            self.sender.poll_output()
        };
        if self.log {
            println!("{now:?} -> {:.60}", format!("{output:?}"));
        }
        match output {
            Output::Connect => {
                if !matches!(self.pending, Pending::Connect { .. }) {
                    self.ledger.connecting(now, self.close_by.is_some())?;
                    let healthy = self.healed || !self.random.percent(self.plan.refused);
                    let at = now + self.random.time(self.plan.latency);
                    self.pending = Pending::Connect { at, healthy };
                }
                return Ok(());
            }
            Output::Transmit(offer) => {
                if matches!(self.pending, Pending::Nothing) {
                    let most = offer.len().min(self.random.between(1, self.plan.writes));
                    let (bytes, whole) = (offer[..most].to_vec(), most == offer.len());
                    let at = now + self.random.time(self.plan.latency) / 20;
                    self.pending = Pending::Write { at, bytes, whole };
                }
            }
            Output::Finish => {
                if matches!(self.pending, Pending::Nothing) {
                    self.pending = Pending::Finish { at: now };
                }
            }
            Output::Disconnect => {
                let failure = Failure::new(ErrorKind::ConnectionAborted, "given up");
                return self.lose(Input::Disconnected(failure), End::GivenUp);
            }
            _ => {}
        }
        if matches!(self.pending, Pending::Connect { .. }) {
            self.pending = Pending::Nothing;
        }
        Ok(())
    }

    /// Ends what the driver was in the middle of.
    fn complete(&mut self) -> Check {
        match std::mem::replace(&mut self.pending, Pending::Nothing) {
            Pending::Nothing => Ok(()),
            Pending::Connect { healthy: false, .. } => {
                self.ledger.refused();
                self.tell(Input::ConnectFailed(Failure::new(ErrorKind::ConnectionRefused, "no")))?;
                self.ledger.after_failure(&self.sender)
            }
            Pending::Connect { .. } => {
                let wire = Wire::new(&self.plan, self.healed, &mut self.random, self.now);
                self.wire = Some(wire);
                self.wires += 1;
                (self.begun, self.peer_ended, self.next_failure) = (0, None, None);
                self.tell(Input::Connected)?;
                self.ledger.connected(self.machine, &self.sender);
                Ok(())
            }
            Pending::Write { bytes, whole, .. } => self.write(&bytes, whole),
            Pending::Acknowledge { count, .. } => self.acknowledge(count),
            Pending::Finish { .. } => {
                if let Some(wire) = &mut self.wire {
                    wire.half_close(&mut self.random, self.now);
                }
                self.tell(Input::Finished)?;
                if self.peer_ended.is_some() && self.wire.is_some() {
                    // All that there is to wait for is that everything is acknowledged.
                    self.lose(Input::PeerFinished { proven: false }, End::Unknown)?;
                }
                Ok(())
            }
        }
    }

    fn write(&mut self, bytes: &[u8], whole: bool) -> Check {
        let Some(wire) = &mut self.wire else { return Ok(()) };
        let n = bytes.len().min(wire.room());
        let mut bytes = &bytes[..n];
        let mut count = n;
        match self.plan.fault {
            Some(Fault::ResumedFrame) if self.begun == 0 && self.cut > 0 => {
                bytes = &bytes[self.cut.min(n)..];
                self.cut -= self.cut.min(n);
            }
            Some(Fault::LostFrame) if self.begun == 0 && self.cut > 0 && whole => {
                (bytes, self.cut) = (&[], 0);
            }
            Some(Fault::Overcounted) if !whole && self.random.percent(5) => count += 1,
            _ => {}
        }
        wire.push(bytes, &mut self.random, self.now)?;
        self.begun = if whole && count == n { 0 } else { self.begun + n };
        if self.peer_ended == Some(false) && n > 0 {
            let at = self.now + self.random.time(self.plan.latency);
            self.pending = Pending::Acknowledge { at, count };
            return Ok(());
        }
        self.told_written(count)
    }

    /// The receiver's kernel answers what was written after its end of file.
    fn acknowledge(&mut self, count: usize) -> Check {
        if self.wire.as_ref().is_some_and(Wire::acknowledges) {
            self.peer_ended = Some(true);
            return self.told_written(count);
        }
        let end = if self.believes_ends() { End::Closed } else { End::Doubt };
        self.lose(Input::PeerFinished { proven: true }, end)
    }

    /// Whether an end that was not asked for proves anything.
    fn believes_ends(&self) -> bool {
        let confirmed = matches!(self.plan.delivery, Delivery::Confirmed { .. });
        !confirmed || self.sender.stats().window_bytes == 0
    }

    fn told_written(&mut self, mut count: usize) -> Check {
        // Others come in before the count does.
        while self.next_action.is_some() && !self.healed && self.random.percent(20) {
            self.act()?;
        }
        if self.plan.lying && !self.healed && self.random.percent(3) {
            count = usize::MAX - 1;
        }
        self.tell(Input::Written(count))?;
        self.ledger.wrote(&self.sender.stats(), self.machine);
        Ok(())
    }

    /// Lets the receiver do what it does now.
    fn hear(&mut self) -> Check {
        let Some(wire) = &mut self.wire else { return Ok(()) };
        let signal = wire.run(&mut self.random, self.now, &mut self.points)?;
        let points = std::mem::take(&mut self.points);
        self.ledger.arrived(&points)?;
        match signal {
            None => Ok(()),
            Some(Signal::Speech) => self.tell(Input::PeerSpoke),
            Some(Signal::Reset) => {
                let failure = Failure::new(ErrorKind::ConnectionReset, "reset");
                self.lose(Input::Disconnected(failure), End::Doubt)
            }
            Some(Signal::HalfEnd { .. }) if self.is(Fault::EarlyEndProven) => {
                self.lose(Input::PeerFinished { proven: true }, End::Closed)
            }
            Some(Signal::HalfEnd { .. }) if self.is(Fault::HalfOpenAborted) => {
                let given_up = Failure::new(ErrorKind::ConnectionAborted, "given up");
                self.lose(Input::Disconnected(given_up), End::HalfOpen)
            }
            Some(Signal::HalfEnd { reads_on }) => {
                (self.peer_ended, self.ended_idle) = (Some(reads_on), self.sender.is_idle());
                self.tell(Input::PeerHalfClosed { reads_on })
            }
            Some(Signal::End { proven }) => {
                let end = if proven { End::Proven } else { End::Doubt };
                let told = self.is(Fault::EveryEndProven) || proven && !self.is(Fault::NoEndProven);
                self.lose(Input::PeerFinished { proven: told }, end)
            }
        }
    }

    /// The connection is over, and the machine is told why.
    fn lose(&mut self, input: Input, end: End) -> Check {
        let given_up = self.sender.poll_output() == Output::Disconnect;
        let end = if given_up { End::GivenUp } else { end };
        let idle = self.sender.is_idle();
        let cut = matches!(self.sender.poll_output(), Output::Transmit(_))
            || given_up
            || self.is_lent_for_this();
        if given_up {
            self.waits.given_up();
        }
        self.cut = self.begun;
        let mut swallowed = 0;
        let ended_idle = std::mem::take(&mut self.ended_idle) && self.peer_ended == Some(false);
        (self.peer_ended, self.next_failure) = (None, None);
        if let Some(mut wire) = self.wire.take() {
            if matches!(input, Input::PeerFinished { .. }) {
                wire.finish(&mut self.points)?;
            } else {
                wire.abort(&mut self.random, &mut self.points)?;
            }
            let points = std::mem::take(&mut self.points);
            self.ledger.arrived(&points)?;
            swallowed = wire.swallowed();
        }
        self.pending = Pending::Nothing;
        let now = self.instant();
        if self.log {
            println!("{:?} {input:?} with {swallowed} bytes swallowed", self.now);
        }
        self.sender.handle_input(input, now);
        let taken = idle && !matches!(self.plan.delivery, Delivery::Confirmed { .. });
        let idle = idle && self.sender.is_idle() || ended_idle && end == End::Closed;
        self.ledger.ended(end, cut, (idle, taken), swallowed, &self.sender.stats(), self.machine);
        self.check()?;
        if !matches!(end, End::Proven | End::Closed) {
            self.ledger.after_failure(&self.sender)?;
        }
        Ok(())
    }
}
