//! What is told of connections, so that an outage of any kind is told once.
//!
//! A connection that comes about is told at once, but for one that follows others which came about
//! and failed again and again, or which spoke: those are told when they have lasted, or proved
//! something. Not here: what happens on them ([`super::connection`], [`super::ending`]).

use std::io::ErrorKind;
use std::time::Duration;

use super::connection::{PeerEnd, Phase};
use super::ending::End;
use super::{Sender, tell};
use crate::event::{Event, Failure};
use crate::instant::Instant;

/// A receiver that ends a connection sooner after its first bytes may not understand them.
const SHORT_LIFE: Duration = Duration::from_secs(1);
/// How many such ends in a row bring the question.
const SHORT_LIVES: u32 = 3;

#[derive(Debug, Default)]
pub(super) struct News {
    /// What was told last is that there is a connection.
    up: bool,
    /// A connection was lost since the last one came about.
    lost: bool,
    /// Connections come about and fail again and again.
    flapping: bool,
    /// Repeats that were finished before their connection was told.
    replayed: u64,
    /// Connections in a row that ended right after their first bytes.
    short_lives: u32,
    asked: bool,
}

impl Sender {
    pub(super) fn note_connected(&mut self) {
        self.stats.reconnects += u64::from(std::mem::take(&mut self.news.lost));
        if !self.news.flapping {
            self.tell_connected();
        }
    }

    pub(super) fn tell_connected(&mut self) {
        self.news.flapping = false;
        if !std::mem::replace(&mut self.news.up, true) {
            tell(&mut self.events, Event::Connected);
        }
        let replayed = std::mem::take(&mut self.news.replayed);
        if replayed > 0 {
            tell(&mut self.events, Event::Replayed(replayed));
        }
    }

    /// Returns when a connection that was not told has lasted.
    pub(super) fn news_at(&self) -> Option<Instant> {
        (!self.news.up).then(|| self.link.since + self.backoff.max())
    }

    /// All that was to be sent again was.
    pub(super) fn note_replayed(&mut self, points: u64) {
        self.news.replayed += points;
        if self.news.up {
            self.tell_connected();
        }
    }

    /// A connection ended that we had not ended in good order.
    pub(super) fn note_lost(&mut self, cause: &Failure) {
        self.news.lost = true;
        self.news.replayed = 0;
        if std::mem::take(&mut self.news.up) {
            tell(&mut self.events, Event::Lost(cause.clone()));
        }
    }

    /// A connection that ended is a failure.
    pub(super) fn note_failed(&mut self, cause: &Failure) {
        let spoke = cause.kind == ErrorKind::InvalidData;
        self.news.flapping |= spoke || self.failures + 1 >= self.config.max_attempts;
    }

    pub(super) fn note_gave_up(&mut self, cause: &Failure) {
        self.news.up &= !matches!(self.phase, Phase::Connecting);
        self.news.lost |= !self.news.up && self.connections > 0;
        let (failures, cause) = (self.failures, cause.clone());
        tell(&mut self.events, Event::GaveUp { failures, cause });
    }

    /// Asks whether it is the right protocol, once, if connection after connection ends right
    /// after its first bytes.
    pub(super) fn note_life(&mut self, end: End, peer_end: Option<PeerEnd>) {
        let Some(first) = self.link.first_written.filter(|_| end.is_peers()) else { return };
        let at = match peer_end {
            Some(PeerEnd::Stands { since, .. }) => since,
            _ => self.now,
        };
        if at - first >= SHORT_LIFE {
            self.news.short_lives = 0;
            self.news.asked = false;
            return;
        }
        self.news.short_lives += 1;
        if self.news.short_lives >= SHORT_LIVES && !std::mem::replace(&mut self.news.asked, true) {
            let protocol = self.config.protocol;
            tell(&mut self.events, Event::ProtocolInDoubt { protocol });
        }
    }
}
