//! What happens on a connection: phases, outputs and deadlines.
//!
//! # Transition table
//!
//! | phase | output | leaves it |
//! |---|---|---|
//! | `Waiting` | `Idle` | something to send (or a wanted connection) and no delay left → `Connecting`; closing with nothing to send, or out of time → `Closed` |
//! | `Connecting` | `Connect` | `Connected` → `Up`; `ConnectFailed`, `Disconnected` → `Waiting`; closing with nothing to send, or out of time → `Closed` |
//! | `Up` | `Transmit`, or `Idle` with nothing to write | at a frame's border when closing, due for a proof, or of age → `Finishing`; `PeerFinished`, `Disconnected` → `Waiting`; time-out, `PeerSpoke`, a wrong `Written` → `Aborting` |
//! | `Finishing` | `Finish`, then `Idle` | `PeerFinished`, `Disconnected` → `Waiting`, or `Closed` when closing has nothing left to try; time-out, `PeerSpoke` → `Aborting`; `Written` or `PeerHalfClosed` before `Finished` → `Up` |
//! | `Aborting` | `Disconnect` | `Disconnected`, `PeerFinished` → `Waiting` |
//! | `Closed` | `Closed` | never |
//!
//! An input that is not named for a phase changes no phase: it speaks of a connection that is over
//! already. `PeerHalfClosed` is remembered in `Up` ([`PeerEnd`]); once it has stood for
//! `settle_timeout` with nothing to send, `Up` goes to `Finishing`. `Waiting` is left at once where
//! its condition holds, so a connection that ended with points to send goes straight to
//! `Connecting` when there is no delay.
//!
//! The same by inputs, for a machine that has a point to send and a connection so young that its
//! end is a failure; `Timeout` comes at the deadline, `PeerFinished` without proof. An empty cell
//! changes no phase. `tests/sender.rs` reads this table and holds it against the code.
//!
//! | phase | output | `Connected` | `ConnectFailed` | `Written` | `Finished` | `PeerHalfClosed` | `PeerFinished` | `PeerSpoke` | `Disconnected` | `Timeout` | `Close` |
//! |---|---|---|---|---|---|---|---|---|---|---|---|
//! | `Waiting` | `Idle` | | | | | | | | | `Connecting` | `Connecting` |
//! | `Connecting` | `Connect` | `Up` | `Waiting` | | | | | | `Waiting` | | |
//! | `Up` | `Transmit` | | | | | | `Waiting` | `Aborting` | `Waiting` | `Aborting` | |
//! | `Finishing` | `Finish` | | | `Up` | | `Up` | `Waiting` | `Aborting` | `Waiting` | `Aborting` | |
//! | `Finishing` | `Idle` | | | | | | `Waiting` | `Aborting` | `Waiting` | `Aborting` | |
//! | `Aborting` | `Disconnect` | | | | | | `Waiting` | | `Waiting` | | |
//! | `Closed` | `Closed` | | | | | | | | | | |
//!
//! Not here: what an end means ([`super::ending`]).

use std::io::ErrorKind;
use std::time::Duration;

use super::Sender;
use crate::config::Delivery;
use crate::event::{Failure, Input, Output};
use crate::instant::Instant;
use crate::queue::Frame;

/// The text of a failure: the receiver's end of file did not come.
const UNANSWERED: &str = "receiver did not answer the end of the connection";

#[derive(Debug)]
pub(super) enum Phase {
    /// No connection; `until` is the end of a delay.
    Waiting { until: Option<Instant> },
    /// A connection is demanded.
    Connecting,
    /// Connected.
    Up,
    /// Ending in good order: half-close, then wait for the receiver's end of file. Those who wait
    /// for it are told of a failure at `next_failure`, and again each `close_timeout`.
    Finishing { half_closed: bool, deadline: Instant, next_failure: Instant },
    /// Giving up: waiting for the driver to have dropped the connection.
    Aborting { cause: Failure },
    /// Over.
    Closed,
}

/// The present connection, or what is left to know of the last one.
#[derive(Debug, Default)]
pub(super) struct Link {
    /// When it came about.
    pub(super) since: Instant,
    /// The delay before it.
    pub(super) delay: Duration,
    /// Bytes of the frame on offer, or of the unit on replay, that were written.
    pub(super) sent: usize,
    /// When writing last made progress, or something to write last turned up.
    progress: Instant,
    /// When the first byte was written.
    pub(super) first_written: Option<Instant>,
    /// The receiver's end of file, if it came unasked.
    pub(super) peer_end: Option<PeerEnd>,
    /// Whether it was of use: it took a frame that none before it took, or something was proven.
    pub(super) worked: bool,
    /// Points written to it that are not kept: by `BestEffort`, or older than the window.
    pub(super) unkept: u64,
    /// Points of the replay that is under way.
    replaying: u64,
}

/// An end of file that no half-close of ours had asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum PeerEnd {
    /// It stands, and nothing written after it was acknowledged. If it stands long enough with no
    /// error behind it, what was written before it counts as read.
    Stands {
        since: Instant,
        /// Whether there was nothing to send when it came.
        idle: bool,
    },
    /// The receiver reads on: its end of file says nothing about what it has read.
    ReadsOn,
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
            Input::PeerHalfClosed { reads_on } => self.peer_half_closed(reads_on),
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

    /// Returns when to come back with [`Input::Timeout`], if ever. Every call that takes `now`, and
    /// those that ask for something ([`ticket`](Self::ticket), [`room`](Self::room),
    /// [`refuse`](Self::refuse)), can change it.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Instant> {
        let own = match &self.phase {
            Phase::Waiting { until } => until.filter(|_| self.wants_connection()),
            Phase::Up => {
                let write = self.is_writing().then(|| self.link.progress + self.progress_timeout());
                // It waits for the frame's border, which comes with an input of its own.
                let finish = self.next_finish().filter(|_| self.is_at_border());
                let linger = self.could_offer().then(|| self.linger.until());
                earliest(earliest(self.news_at(), linger), earliest(write, finish))
            }
            Phase::Finishing { deadline, next_failure, .. } => Some(*deadline.min(next_failure)),
            Phase::Connecting => None,
            Phase::Aborting { .. } | Phase::Closed => return None,
        };
        earliest(own, self.closing)
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
            Phase::Finishing { deadline, next_failure, .. } => {
                if out_of_time || self.now >= *deadline {
                    self.abort(ErrorKind::TimedOut, UNANSWERED);
                } else if self.now >= *next_failure {
                    self.count_failure(Failure::new(ErrorKind::TimedOut, UNANSWERED));
                    let next = self.now + self.config.close_timeout;
                    if let Phase::Finishing { next_failure, .. } = &mut self.phase {
                        *next_failure = next;
                    }
                }
            }
            Phase::Aborting { .. } | Phase::Closed => {}
        }
    }

    fn settle_up(&mut self, out_of_time: bool) {
        if self.news_at().is_some_and(|at| self.now >= at) {
            self.tell_connected();
        }
        let late = self.now >= self.link.progress + self.progress_timeout();
        if out_of_time || (late && self.is_writing()) {
            let text = if self.is_writing() { "receiver stopped reading" } else { UNANSWERED };
            return self.abort(ErrorKind::TimedOut, text);
        }
        if !self.is_at_border() {
            return;
        }
        if self.peer_end_at().is_some_and(|at| self.now >= at) && !self.is_confirmed() {
            self.prove();
        }
        if self.should_finish() {
            self.finish();
        } else if self.could_offer() && self.is_due() {
            self.queue.pin_front();
            self.link.progress = self.now;
        }
    }

    /// Begins to end the connection in good order.
    fn finish(&mut self) {
        let close_timeout = self.config.close_timeout;
        let wait = if self.is_confirmed() && self.window.has_given() {
            let writing = self.now - self.link.first_written.unwrap_or(self.now);
            let single = self.window.given_units() == 1;
            self.patience.wait(self.window.given_bytes(), single, writing)
        } else {
            close_timeout
        };
        self.last_proof = Some(self.now);
        self.phase = Phase::Finishing {
            half_closed: false,
            deadline: self.now + wait,
            next_failure: self.now + close_timeout,
        };
    }

    /// Returns how long writing may make no progress: less if it is not known whether the
    /// receiver still is there.
    fn progress_timeout(&self) -> Duration {
        match self.link.peer_end {
            Some(PeerEnd::Stands { .. }) => {
                self.config.settle_timeout.min(self.config.write_timeout)
            }
            _ => self.config.write_timeout,
        }
    }

    /// Returns when an end of file that stands counts as the end.
    fn peer_end_at(&self) -> Option<Instant> {
        match self.link.peer_end? {
            PeerEnd::Stands { since, .. } => Some(since + self.config.settle_timeout),
            PeerEnd::ReadsOn => None,
        }
    }

    /// Returns whether it is time to end the connection in good order.
    fn should_finish(&self) -> bool {
        self.next_finish().is_some_and(|due| self.now >= due)
    }

    /// Returns when the connection is to be ended in good order: for its age, for a proof, to
    /// close, or because the receiver has closed its side.
    fn next_finish(&self) -> Option<Instant> {
        // Asked for every frame.
        if self.is_plain() {
            return None;
        }
        // However short the age, a connection first does something of what it was made for.
        let of_use = self.link.first_written.is_some() || self.is_idle();
        // One whose receiver reads on could prove nothing by its end, and would be repeated.
        let of_use = of_use && self.link.peer_end != Some(PeerEnd::ReadsOn);
        let age = self.config.max_connection_age.filter(|_| of_use);
        let age = age.map(|age| self.link.since + age);
        let closing = (self.closing.is_some() && self.is_idle()).then_some(self.now);
        let peer_end = self.peer_end_at();
        // An end that comes to prove something is waited for, but not beyond the time for ours.
        let last = self.closing.map(|at| at.before(self.config.close_timeout / 4));
        let unasked = peer_end.filter(|_| self.unproven() > 0 && !self.is_confirmed());
        let unasked = unasked.map(|at| last.map_or(at, |last| at.min(last)));
        let ours = earliest(age, closing).map(|at| unasked.map_or(at, |unasked| at.max(unasked)));
        let theirs = peer_end.filter(|_| self.is_idle());
        earliest(earliest(ours, theirs), self.next_proof())
    }

    /// Returns whether nothing ends the connection in good order, as nearly always.
    pub(super) fn is_plain(&self) -> bool {
        self.link.peer_end.is_none()
            && self.config.max_connection_age.is_none()
            && self.closing.is_none()
            && !self.is_confirmed()
    }

    /// Returns when the next proof is due, if anything is there to prove.
    fn next_proof(&self) -> Option<Instant> {
        if !self.is_confirmed() || !self.window.has_given() {
            return None;
        }
        let goal = self.proof_goal();
        let wanted = goal > self.done() && self.gone() >= goal && !self.window.is_replaying();
        let due = if wanted || self.is_given_enough() {
            self.now
        } else {
            self.link.first_written? + self.config.confirm_interval
        };
        let spaced = self.last_proof.map_or(Instant::START, |at| at + self.config.confirm_spacing);
        Some(due.max(spaced))
    }

    pub(super) fn is_confirmed(&self) -> bool {
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
        self.link.peer_end = None;
        self.link.worked = false;
        self.link.replaying = self.window.replay_points();
        self.note_connected();
        self.phase = Phase::Up;
    }

    pub(super) fn written(&mut self, bytes: usize) {
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
        if self.link.peer_end.is_some() {
            self.peer_reads_on();
        }
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
            self.note_replayed(self.link.replaying);
        }
    }

    /// The frame on offer was written whole, for the first time.
    fn frame_written(&mut self) {
        self.link.sent = 0;
        // The caller saw that there is one.
        let Some(frame) = self.queue.take_front() else { return };
        self.note_written(frame.points, frame.bytes.len() * 2 >= self.queue.frame_bytes());
        self.keep(frame);
        if self.queue.is_empty() {
            self.dropping = false;
        }
    }

    /// Points of a frame, which was `full` or not, were written for the first time.
    pub(super) fn note_written(&mut self, points: u64, full: bool) {
        self.stats.written += points;
        if !self.is_confirmed() {
            // Under `Confirmed` only a proof tells.
            self.link.worked = true;
            if self.lived_long() {
                self.failures = 0;
            }
        }
        self.linger.wrote(full, self.now);
    }

    /// Keeps a frame that was written, as long as it may have to be sent again.
    fn keep(&mut self, frame: Frame) {
        match self.config.delivery {
            Delivery::BestEffort => {
                self.link.unkept += frame.points;
                self.pool.give(frame.bytes);
            }
            Delivery::Replay { .. } => {
                self.window.keep(frame, self.now, &mut self.pool);
                self.link.unkept += self.window.evict(self.now, &mut self.pool);
            }
            Delivery::Confirmed { .. } => self.window.keep(frame, self.now, &mut self.pool),
        }
    }

    /// The receiver ended its side and may read on.
    fn peer_half_closed(&mut self, reads_on: bool) {
        match self.phase {
            Phase::Up => {}
            // It came before our half-close, so it does not answer it.
            Phase::Finishing { half_closed: false, .. } => self.phase = Phase::Up,
            _ => return,
        }
        if reads_on {
            self.peer_reads_on();
        } else if self.link.peer_end.is_none() {
            let (since, idle) = (self.now, self.is_idle());
            self.link.peer_end = Some(PeerEnd::Stands { since, idle });
            // Only what is written from now on is to be acknowledged that soon.
            self.link.progress = self.now;
        }
    }

    fn peer_reads_on(&mut self) {
        self.link.peer_end = Some(PeerEnd::ReadsOn);
    }

    fn abort(&mut self, kind: ErrorKind, text: &str) {
        if matches!(self.phase, Phase::Up | Phase::Finishing { .. }) {
            self.phase = Phase::Aborting { cause: Failure::new(kind, text) };
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
}

fn earliest(a: Option<Instant>, b: Option<Instant>) -> Option<Instant> {
    match (a, b) {
        (Some(a), Some(b)) => Some(a.min(b)),
        (a, b) => a.or(b),
    }
}
