//! What happens on a connection: phases, deadlines, failures in a row, doubt and proof.
//!
//! # Transition table
//!
//! | phase | output | leaves it |
//! |---|---|---|
//! | `Waiting` | `Idle` | something to send (or a wanted connection) and no delay left → `Connecting`; closing with nothing to send, or out of time → `Closed` |
//! | `Connecting` | `Connect` | `Connected` → `Up`; `ConnectFailed`, `Disconnected` → `Waiting`; closing with nothing to send, or out of time → `Closed` |
//! | `Up` | `Transmit`, or `Idle` with nothing to write | at a frame's border when closing, due for a proof, or of age → `Finishing`; `PeerFinished`, `Disconnected` → `Waiting`; time-out, `PeerSpoke`, a wrong `Written` → `Aborting` |
//! | `Finishing` | `Finish`, then `Idle` | `PeerFinished`, `Disconnected` → `Waiting`; time-out, `PeerSpoke` → `Aborting`; `Written` before `Finished` → `Up` |
//! | `Aborting` | `Disconnect` | `Disconnected`, `PeerFinished` → `Waiting` |
//! | `Closed` | `Closed` | never |
//!
//! An input that is not named for a phase changes nothing: it speaks of a connection that is over
//! already. `Waiting` is left at once where its condition holds, so a connection that ended with
//! points to send goes straight to `Connecting` when there is no delay.
//!
//! The same by inputs, for a machine that has a point to send and a connection so young that its
//! end is a failure; `Timeout` comes at the deadline, `PeerFinished` without proof. An empty cell
//! changes no phase. `tests/sender.rs` reads this table and holds it against the code.
//!
//! | phase | output | `Connected` | `ConnectFailed` | `Written` | `Finished` | `PeerFinished` | `PeerSpoke` | `Disconnected` | `Timeout` | `Close` |
//! |---|---|---|---|---|---|---|---|---|---|---|
//! | `Waiting` | `Idle` | | | | | | | | `Connecting` | `Connecting` |
//! | `Connecting` | `Connect` | `Up` | `Waiting` | | | | | `Waiting` | | |
//! | `Up` | `Transmit` | | | | | `Waiting` | `Aborting` | `Waiting` | `Aborting` | |
//! | `Finishing` | `Finish` | | | `Up` | | `Waiting` | `Aborting` | `Waiting` | `Aborting` | |
//! | `Finishing` | `Idle` | | | | | `Waiting` | `Aborting` | `Waiting` | `Aborting` | |
//! | `Aborting` | `Disconnect` | | | | | `Waiting` | | `Waiting` | | |
//! | `Closed` | `Closed` | | | | | | | | | |

use std::io::ErrorKind;
use std::time::Duration;

use super::{Sender, tell};
use crate::config::Delivery;
use crate::event::{Event, Failure, Input, Output};
use crate::instant::Instant;

/// A connection that was lost, but is no failure, is followed by another no sooner after it came
/// about than the delay after this many failures, and one more for each that was lost just before
/// it: a receiver that dies again and again in its first moments is not stormed.
const PACE: u32 = 3;
/// How many attempts a close makes at least, if each fails at once.
const CLOSING_ATTEMPTS: u32 = 4;

#[derive(Debug)]
pub(super) enum Phase {
    /// No connection; `until` is the end of a delay.
    Waiting { until: Option<Instant> },
    /// A connection is demanded.
    Connecting,
    /// Connected.
    Up,
    /// Ending in good order: half-close, then wait for the receiver's end of file.
    Finishing { half_closed: bool, deadline: Instant },
    /// Giving up: waiting for the driver to have dropped the connection.
    Aborting { cause: Failure },
    /// Over.
    Closed,
}

/// The present connection, or what is left to know of the last one.
#[derive(Debug, Default)]
pub(super) struct Link {
    /// When it came about.
    since: Instant,
    /// The delay before it.
    delay: Duration,
    /// Bytes of the frame on offer, or of the unit on replay, that were written.
    sent: usize,
    /// When writing last made progress, or something to write last turned up.
    progress: Instant,
    /// When the first byte was written.
    first_written: Option<Instant>,
    /// Points written to it that are not kept: by `BestEffort`, or older than the window.
    pub(super) unkept: u64,
    /// Points of the replay that is under way.
    replaying: u64,
}

/// How a connection came to its end, which decides whether it counts as a failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    /// We ended it and the receiver had read everything.
    Orderly,
    /// The receiver closed it.
    Peer { proven: bool },
    /// The network or the receiver broke it.
    Broken,
    /// It counts however long it lived: a time-out, a wrong peer, an end without proof.
    Failed,
}

impl Sender {
    /// Tells the machine what happened.
    pub fn handle_input(&mut self, input: Input, now: Instant) {
        self.advance_clock(now);
        match input {
            Input::Connected => self.connected(),
            Input::ConnectFailed(cause) => self.connect_failed(cause),
            Input::Written(bytes) => self.written(bytes),
            Input::Finished => {
                if let Phase::Finishing { half_closed, .. } = &mut self.phase {
                    *half_closed = true;
                }
            }
            Input::PeerFinished { proven } => self.peer_finished(proven),
            Input::PeerSpoke => {
                self.abort(ErrorKind::InvalidData, "receiver sent data: wrong port?")
            }
            Input::Disconnected(cause) => self.disconnected(cause),
            Input::Timeout => {}
            Input::Close => self.close(),
        }
        self.settle();
    }

    /// Returns what to do; the same until the next input, point or demand.
    #[must_use]
    pub fn poll_output(&self) -> Output<'_> {
        match &self.phase {
            Phase::Waiting { .. } => Output::Idle,
            Phase::Connecting => Output::Connect,
            Phase::Up => match self.offer() {
                [] => Output::Idle,
                bytes => Output::Transmit(bytes),
            },
            Phase::Finishing { half_closed: false, .. } => Output::Finish,
            Phase::Finishing { half_closed: true, .. } => Output::Idle,
            Phase::Aborting { .. } => Output::Disconnect,
            Phase::Closed => Output::Closed,
        }
    }

    /// Returns when to come back with [`Input::Timeout`], if ever. Every call that takes `now`,
    /// and [`ticket`](Self::ticket), can change it.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Instant> {
        let own = match &self.phase {
            Phase::Waiting { until } => until.filter(|_| self.wants_connection()),
            Phase::Up => {
                let write = (!self.offer().is_empty())
                    .then(|| self.link.progress + self.config.write_timeout);
                // It waits for the frame's border, which comes with an input of its own.
                earliest(write, self.next_finish().filter(|_| self.link.sent == 0))
            }
            Phase::Finishing { deadline, .. } => Some(*deadline),
            Phase::Connecting => None,
            Phase::Aborting { .. } | Phase::Closed => return None,
        };
        earliest(own, self.closing)
    }

    /// The bytes that stand to be written: first what is repeated, then the frame on offer.
    fn offer(&self) -> &[u8] {
        if self.window.is_replaying() {
            self.window.offer(self.link.sent)
        } else {
            self.queue.offer().get(self.link.sent..).unwrap_or(&[])
        }
    }

    fn wants_connection(&self) -> bool {
        self.connect_wanted || !self.is_idle()
    }

    /// Moves to the phase that the present state asks for; every change ends here.
    pub(super) fn settle(&mut self) {
        let out_of_time = self.closing.is_some_and(|deadline| self.now >= deadline);
        match &self.phase {
            Phase::Waiting { until } => {
                if self.closing.is_some() && (out_of_time || self.is_idle()) {
                    self.phase = Phase::Closed;
                } else if self.wants_connection() && until.is_none_or(|until| self.now >= until) {
                    self.phase = Phase::Connecting;
                }
            }
            Phase::Connecting => {
                if self.closing.is_some() && (out_of_time || self.is_idle()) {
                    self.phase = Phase::Closed;
                }
            }
            Phase::Up => self.settle_up(out_of_time),
            Phase::Finishing { deadline, .. } => {
                if out_of_time || self.now >= *deadline {
                    self.abort(
                        ErrorKind::TimedOut,
                        "receiver did not answer the end of the connection",
                    );
                }
            }
            Phase::Aborting { .. } | Phase::Closed => {}
        }
    }

    fn settle_up(&mut self, out_of_time: bool) {
        let late = self.now >= self.link.progress + self.config.write_timeout;
        if out_of_time || (late && !self.offer().is_empty()) {
            return self.abort(ErrorKind::TimedOut, "receiver stopped reading");
        }
        if self.link.sent > 0 {
            return;
        }
        if self.should_finish() {
            let deadline = self.now + self.config.close_timeout;
            self.last_proof = Some(self.now);
            self.phase = Phase::Finishing { half_closed: false, deadline };
        } else if !self.window.is_replaying()
            && self.queue.offer().is_empty()
            && !self.queue.is_empty()
            && !self.is_window_full()
        {
            self.queue.pin_front();
            self.link.progress = self.now;
        }
    }

    /// Returns whether it is time to end the connection in good order.
    fn should_finish(&self) -> bool {
        (self.closing.is_some() && self.is_idle())
            || self.next_finish().is_some_and(|due| self.now >= due)
    }

    /// Returns when the connection is to be ended in good order, for its age or for a proof.
    fn next_finish(&self) -> Option<Instant> {
        // However short the age, a connection first does something of what it was made for.
        let of_use = self.link.first_written.is_some() || self.is_idle();
        let age = self.config.max_connection_age.filter(|_| of_use);
        earliest(age.map(|age| self.link.since + age), self.next_proof())
    }

    /// Returns when the next proof is due, if anything is there to prove.
    fn next_proof(&self) -> Option<Instant> {
        if !self.is_confirmed() || !self.window.has_given() {
            return None;
        }
        let goal = self.proof_goal();
        let wanted = goal > self.done() && self.gone() >= goal && !self.window.is_replaying();
        let due = if wanted || self.is_window_full() {
            self.now
        } else {
            self.link.first_written? + self.config.confirm_interval
        };
        let spaced = self.last_proof.map_or(Instant::START, |at| at + self.config.confirm_spacing);
        Some(due.max(spaced))
    }

    /// Returns whether nothing new may be written before a proof.
    fn is_window_full(&self) -> bool {
        self.is_confirmed() && self.window.is_full()
    }

    fn is_confirmed(&self) -> bool {
        matches!(self.config.delivery, Delivery::Confirmed { .. })
    }

    fn connected(&mut self) {
        if !matches!(self.phase, Phase::Connecting) {
            return;
        }
        self.connections += 1;
        self.connect_wanted = false;
        self.dropping = false;
        self.link.since = self.now;
        self.link.progress = self.now;
        self.link.replaying = self.window.replay_points();
        if self.tell_connected {
            self.stats.reconnects += u64::from(self.connections > 1);
            self.tell_connected = false;
            tell(&mut self.events, Event::Connected);
        }
        self.phase = Phase::Up;
    }

    fn connect_failed(&mut self, cause: Failure) {
        if matches!(self.phase, Phase::Connecting) {
            self.count_failure(cause);
            self.wait();
        }
    }

    fn written(&mut self, bytes: usize) {
        match self.phase {
            // The driver was writing when another call let the end begin: it begins again at the
            // frame's border.
            Phase::Finishing { half_closed: false, .. } if bytes > 0 => self.phase = Phase::Up,
            Phase::Up if bytes > 0 => {}
            _ => return,
        }
        if bytes > self.offer().len() {
            return self.abort(ErrorKind::InvalidInput, "driver wrote more than was on offer");
        }
        self.link.progress = self.now;
        self.link.first_written.get_or_insert(self.now);
        self.link.sent += bytes;
        if self.window.is_replaying() {
            self.repeated();
        } else if self.link.sent == self.queue.offer().len() {
            self.frame_written();
        }
    }

    /// Bytes of the window were written again.
    fn repeated(&mut self) {
        let (points, sent) = self.window.give(self.link.sent, self.now);
        self.link.sent = sent;
        self.stats.replayed += points;
        if !self.window.is_replaying() {
            tell(&mut self.events, Event::Replayed(self.link.replaying));
        }
    }

    /// The frame on offer was written whole, for the first time.
    fn frame_written(&mut self) {
        self.link.sent = 0;
        // The caller saw that there is one.
        let Some(frame) = self.queue.take_front() else { return };
        self.stats.written += frame.points;
        if !self.is_confirmed() && self.lived_long() {
            self.failures = 0;
        }
        match self.config.delivery {
            Delivery::BestEffort => self.link.unkept += frame.points,
            Delivery::Replay { .. } => {
                self.window.keep(&frame.bytes, frame.points, frame.first, self.now);
                self.link.unkept += self.window.evict(self.now);
            }
            Delivery::Confirmed { .. } => {
                self.window.keep(&frame.bytes, frame.points, frame.first, self.now);
            }
        }
        self.queue.recycle(frame.bytes);
        if self.queue.is_empty() {
            self.dropping = false;
        }
    }

    fn peer_finished(&mut self, proven: bool) {
        let cause = || Failure::new(ErrorKind::UnexpectedEof, "receiver closed the connection");
        match &self.phase {
            Phase::Up => self.ended(cause(), End::Peer { proven }),
            Phase::Finishing { .. } if proven => self.ended(cause(), End::Orderly),
            Phase::Finishing { .. } => self.ended(cause(), End::Failed),
            Phase::Aborting { cause } => self.ended(cause.clone(), End::Failed),
            Phase::Waiting { .. } | Phase::Connecting | Phase::Closed => {}
        }
    }

    fn disconnected(&mut self, cause: Failure) {
        match &self.phase {
            Phase::Up => self.ended(cause, End::Broken),
            Phase::Finishing { .. } => self.ended(cause, End::Failed),
            Phase::Aborting { cause } => self.ended(cause.clone(), End::Failed),
            Phase::Connecting => self.connect_failed(cause),
            Phase::Waiting { .. } | Phase::Closed => {}
        }
    }

    fn close(&mut self) {
        if self.closing.is_some() {
            return;
        }
        self.closing = Some(self.now + self.config.close_timeout);
        self.connect_wanted = false;
        // The one thing that cuts a delay short.
        if let Phase::Waiting { until } = &mut self.phase {
            *until = None;
        }
    }

    fn abort(&mut self, kind: ErrorKind, text: &str) {
        if matches!(self.phase, Phase::Up | Phase::Finishing { .. }) {
            self.phase = Phase::Aborting { cause: Failure::new(kind, text) };
        }
    }

    /// The connection is over: settles what becomes of its bytes and whether it was a failure.
    fn ended(&mut self, cause: Failure, end: End) {
        let was_idle = self.is_idle();
        // Repeats that were not even taken are no progress, nor is anything without a proof where
        // proofs are what is waited for.
        let stuck = self.window.is_replaying() || self.is_confirmed() && !self.window.is_empty();
        let long = self.lived_long() && !stuck;
        self.link.sent = 0;
        let proven = matches!(end, End::Orderly | End::Peer { proven: true });
        let confirmed = if proven { self.prove() } else { 0 };
        if !proven {
            self.doubt();
        }
        if end != End::Orderly {
            self.tell_connected = true;
            tell(&mut self.events, Event::Lost(cause.clone()));
        }
        self.link.first_written = None;
        let healthy = end == End::Orderly || confirmed > 0 || (long && end != End::Failed);
        // A receiver that closes an idle connection is not failing.
        let idle = was_idle && self.is_idle() && matches!(end, End::Peer { .. });
        if healthy {
            self.failures = 0;
        } else if !idle {
            self.count_failure(cause);
            return self.wait();
        }
        self.link.delay = Duration::ZERO;
        if proven || idle || self.now - self.link.since >= self.backoff.max() {
            self.losses = 0;
        }
        let pace = self.link.since + self.backoff.delay(self.losses.saturating_add(PACE));
        self.losses = if proven { 0 } else { self.losses.saturating_add(1) };
        self.phase = Phase::Waiting { until: (!proven).then_some(pace) };
    }

    /// The receiver has read everything that was written to the connection.
    fn prove(&mut self) -> u64 {
        let points = self.window.forget_given() + self.link.unkept;
        self.link.unkept = 0;
        self.stats.confirmed += points;
        if points > 0 {
            tell(&mut self.events, Event::Confirmed(points));
        }
        points
    }

    /// Nobody knows what the receiver has read: what is kept is sent again.
    fn doubt(&mut self) {
        match self.config.delivery {
            Delivery::BestEffort => self.stats.in_doubt += self.link.unkept,
            Delivery::Replay { .. } => drop(self.window.evict(self.now)),
            Delivery::Confirmed { .. } => {}
        }
        self.link.unkept = 0;
        self.window.rewind();
    }

    /// Returns whether the connection lived longer than a failure does.
    fn lived_long(&self) -> bool {
        self.now - self.link.since >= self.link.delay.max(self.backoff.initial())
    }

    fn count_failure(&mut self, cause: Failure) {
        self.failures = self.failures.saturating_add(1);
        if self.failures >= self.config.max_attempts {
            self.failed_rounds += 1;
        }
        if self.failures == self.config.max_attempts {
            let (failures, cause) = (self.failures, cause.clone());
            self.tell_connected = true;
            tell(&mut self.events, Event::GaveUp { failures, cause });
        }
        self.last_failure = Some(cause);
    }

    /// Waits out the delay that the failures in a row ask for.
    fn wait(&mut self) {
        self.link.delay = self.backoff.delay(self.failures);
        if self.closing.is_some() {
            // The last chance is not slept through.
            self.link.delay = self.link.delay.min(self.config.close_timeout / CLOSING_ATTEMPTS);
        }
        self.phase = Phase::Waiting { until: Some(self.now + self.link.delay) };
    }
}

fn earliest(a: Option<Instant>, b: Option<Instant>) -> Option<Instant> {
    match (a, b) {
        (Some(a), Some(b)) => Some(a.min(b)),
        (a, b) => a.or(b),
    }
}
