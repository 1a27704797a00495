//! How a connection ends: what is proven by that, what is in doubt, and whether it was a failure.
//!
//! | end | proves | is a failure |
//! |---|---|---|
//! | the receiver's, in answer to our half-close | everything written | no |
//! | the receiver's, unasked or before our half-close is done, `proven` | what was written before it; under `Confirmed` nothing | if the connection was of no use and points wait |
//! | ours, after an unasked end of the receiver's | nothing more | under `Confirmed`, if something is unproven |
//! | any other | nothing | if the connection was of no use, unless it had taken all there was, or lived shortly |
//!
//! *Of use* is a connection that took a frame which none before it took, or on which something was
//! proven. Not here: when a connection is to end ([`super::connection`]).

use std::io::ErrorKind;
use std::time::Duration;

use super::connection::{PeerEnd, Phase};
use super::{Sender, tell};
use crate::config::Delivery;
use crate::event::{Event, Failure};

/// A connection that was lost, but is no failure, is followed by another no sooner after it came
/// about than the delay after this many failures, and one more for each that was lost just before
/// it: a receiver that dies again and again in its first moments is not stormed.
const PACE: u32 = 3;
/// How many attempts a close makes at least, if each fails at once.
const CLOSING_ATTEMPTS: u32 = 4;

/// How a connection came to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    /// We ended it and the receiver had read everything.
    Orderly,
    /// We ended it after the receiver had ended its side: it took everything, and what it has
    /// read since then cannot be known.
    Unknown,
    /// The receiver closed it.
    Peer { proven: bool },
    /// The network or the receiver broke it.
    Broken,
    /// It counts however long it lived: a time-out, a wrong peer, an end without proof.
    Failed,
}

impl End {
    /// Returns whether the receiver ended the connection, by its own will or not.
    pub(super) fn is_peers(self) -> bool {
        matches!(self, Self::Unknown | Self::Peer { .. } | Self::Broken)
    }
}

impl Sender {
    pub(super) fn connect_failed(&mut self, cause: Failure) {
        if matches!(self.phase, Phase::Connecting) {
            self.count_failure(cause);
            self.wait();
        }
    }

    pub(super) fn peer_finished(&mut self, proven: bool) {
        match &self.phase {
            // Under `Confirmed` an end proves only what it answers.
            Phase::Up if self.is_confirmed() && self.window.has_given() => {
                self.ended(peer_closed(), End::Peer { proven: false });
            }
            Phase::Up => self.ended(peer_closed(), End::Peer { proven }),
            Phase::Finishing { .. } if self.link.peer_end.is_some() => self.ended_after_peer(),
            Phase::Finishing { half_closed: false, .. }
                if self.is_confirmed() && self.window.has_given() =>
            {
                self.ended(peer_closed(), End::Peer { proven: false });
            }
            Phase::Finishing { .. } if proven => self.ended(peer_closed(), End::Orderly),
            Phase::Finishing { .. } => self.ended(peer_closed(), End::Failed),
            Phase::Aborting { cause } => self.ended(cause.clone(), End::Failed),
            Phase::Waiting { .. } | Phase::Connecting | Phase::Closed => {}
        }
    }

    /// We ended a connection whose receiver had ended its side before.
    fn ended_after_peer(&mut self) {
        if self.given_unproven() == 0 {
            return self.ended(peer_closed(), End::Unknown);
        }
        let text = "receiver closed its side of the connection first: what it read is unknown";
        let end = if self.is_confirmed() { End::Failed } else { End::Unknown };
        self.ended(Failure::new(ErrorKind::UnexpectedEof, text), end);
    }

    pub(super) fn disconnected(&mut self, cause: Failure) {
        match &self.phase {
            Phase::Up => self.ended(cause, End::Broken),
            Phase::Finishing { .. } => self.ended(cause, End::Failed),
            Phase::Aborting { cause } => self.ended(cause.clone(), End::Failed),
            Phase::Connecting => self.connect_failed(cause),
            Phase::Waiting { .. } | Phase::Closed => {}
        }
    }

    /// Returns how many points were written to the connection and are not proven to be read.
    fn given_unproven(&self) -> u64 {
        self.window.given_points() + self.link.unkept
    }

    /// The connection is over: settles what becomes of its bytes and whether it was a failure.
    fn ended(&mut self, cause: Failure, end: End) {
        let was_idle = self.is_idle();
        let peer_end = self.link.peer_end.take();
        self.link.sent = 0;
        self.note_life(end, peer_end);
        let proven = match end {
            End::Orderly | End::Peer { proven: true } => true,
            End::Unknown => self.given_unproven() == 0,
            End::Peer { proven: false } | End::Broken | End::Failed => false,
        };
        if proven {
            self.prove();
        }
        if end != End::Orderly {
            self.note_lost(&cause);
        }
        if !proven {
            self.last_failure = Some(cause.clone());
            if end == End::Unknown && was_idle && self.closing.is_some() {
                // It took everything once: to send it again would prove no more.
                if self.config.delivery == Delivery::BestEffort {
                    self.stats.in_doubt += std::mem::take(&mut self.link.unkept);
                }
                self.phase = Phase::Closed;
                return;
            }
            self.doubt(&cause, end);
        }
        self.link.first_written = None;
        let idle_before = matches!(peer_end, Some(PeerEnd::Stands { idle: true, .. }));
        let (healthy, idle) = match end {
            End::Orderly => (true, false),
            End::Failed => (false, false),
            // A receiver that ends an idle connection is not failing, nor is one that had taken all
            // there was: nobody waits for more, but under `Confirmed`.
            End::Broken => {
                let long = self.lived_long();
                (self.link.worked && long, was_idle && long && !self.is_confirmed())
            }
            End::Peer { proven: false } => {
                let long = self.lived_long();
                let taken = long && !self.is_confirmed();
                (self.link.worked && long, was_idle && (taken || self.is_idle()))
            }
            End::Peer { proven: true } => (self.link.worked, was_idle || idle_before),
            End::Unknown => (self.link.worked, was_idle && self.is_idle()),
        };
        if healthy {
            self.failures = 0;
        } else if !idle {
            self.note_failed(&cause);
            self.count_failure(cause);
            return self.wait();
        }
        self.link.delay = Duration::ZERO;
        if proven || (idle && self.is_idle()) || self.now - self.link.since >= self.backoff.max() {
            self.losses = 0;
        }
        let pace = self.link.since + self.backoff.delay(self.losses.saturating_add(PACE));
        self.losses = if proven { 0 } else { self.losses.saturating_add(1) };
        self.phase = Phase::Waiting { until: (!proven).then_some(pace) };
    }

    /// The receiver has read everything that was written to the connection.
    pub(super) fn prove(&mut self) {
        if self.is_confirmed() && self.window.has_given() {
            let took = self.now - self.link.first_written.unwrap_or(self.now);
            self.patience.proved(self.window.given_bytes(), took);
        }
        let points = self.window.forget_given(&mut self.pool) + self.link.unkept;
        self.link.unkept = 0;
        self.stats.confirmed += points;
        if points > 0 {
            self.link.worked = true;
            self.tell_connected();
            tell(&mut self.events, Event::Confirmed(points));
        }
    }

    /// Nobody knows what the receiver has read: what is kept is sent again.
    fn doubt(&mut self, cause: &Failure, end: End) {
        match self.config.delivery {
            Delivery::BestEffort => self.stats.in_doubt += self.link.unkept,
            Delivery::Replay { .. } => {
                self.window.evict(self.now, &mut self.pool);
                // A receiver that ends whatever is idle would be sent the same for ever.
                if end == (End::Peer { proven: false }) {
                    self.window.forget_stood(self.config.replay_age, self.now, &mut self.pool);
                }
            }
            Delivery::Confirmed { .. } => {
                if cause.kind == ErrorKind::TimedOut && self.window.has_given() {
                    self.patience.missed(self.window.given_bytes());
                }
            }
        }
        self.link.unkept = 0;
        self.window.rewind(self.now);
    }

    /// Returns whether the connection lived longer than a failure does.
    pub(super) fn lived_long(&self) -> bool {
        self.now - self.link.since >= self.link.delay.max(self.backoff.initial())
    }

    pub(super) fn count_failure(&mut self, cause: Failure) {
        self.failures = self.failures.saturating_add(1);
        if self.failures >= self.config.max_attempts {
            self.failed_rounds += 1;
        }
        if self.failures == self.config.max_attempts {
            self.note_gave_up(&cause);
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

fn peer_closed() -> Failure {
    Failure::new(ErrorKind::UnexpectedEof, "receiver closed the connection")
}
