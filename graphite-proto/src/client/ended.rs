//! A connection whose peer has ended its side: has it closed for good, or does it read on?
//!
//! The end of file looks the same. What the peer's kernel acknowledges after it tells: a closed
//! connection acknowledges nothing more and resets. Until that is known only one write is made.
//! Not here: what follows from it, which is the machine's.

use std::time::Duration;

use crate::instant::Instant;

/// How long an end of file is looked at before anything is written after it, if something is
/// unproven. Some receivers shut a connection down and close it a moment later, as all on Twisted
/// do, carbon too: their end of file comes first, and only the close resets what they had left
/// unread. Bytes written in between would be reset as well, and hide that.
pub(crate) const SETTLE: Duration = Duration::from_millis(250);
/// The first and the longest distance of two looks at what is acknowledged: no kernel tells of it
/// by itself, and the end of file hides a reset from the reading side.
const SOON: Duration = Duration::from_millis(1);
const LATE: Duration = Duration::from_secs(1);
/// How soon a reset comes that answers a write, after a round trip: one that comes later, or to
/// bytes that had not left, tells of a receiver that died just then, with who knows what unread.
const ANSWER: Duration = Duration::from_millis(500);

#[derive(Debug)]
pub(crate) struct Ended {
    stage: Stage,
    /// When to look again.
    pub(crate) next_look: Option<Instant>,
    distance: Duration,
    /// Whether something was written after the end, and until when a reset answers it.
    written: Option<Option<Instant>>,
}

#[derive(Debug)]
enum Stage {
    /// Nothing is written until the end has stood for a while.
    Settles { until: Instant },
    /// Bytes were on their way when the end came: nothing is written until they are acknowledged.
    OnTheWay { unacknowledged: usize },
    /// Everything was acknowledged; the next write tells.
    Stands,
    /// It acknowledges what comes after its end.
    ReadsOn,
}

impl Ended {
    /// Begins with so many bytes unacknowledged; an end that could prove something is let settle for so
    /// long.
    pub(crate) fn new(unacknowledged: usize, settle: Duration, now: Instant) -> Self {
        let stage = match unacknowledged {
            0 => Stage::Settles { until: now + settle },
            _ => Stage::OnTheWay { unacknowledged },
        };
        Self { stage, next_look: None, distance: SOON, written: None }
    }

    /// Returns whether nothing is to be written yet.
    pub(crate) fn holds(&self) -> bool {
        matches!(self.stage, Stage::Settles { .. } | Stage::OnTheWay { .. })
    }

    /// Returns whether the machine was told of an end after which nothing was acknowledged yet.
    pub(crate) fn stands(&self) -> bool {
        matches!(self.stage, Stage::Stands)
    }

    /// Something was written after the end, just now if this is the first time that it is told.
    pub(crate) fn wrote(&mut self, has_left: impl FnOnce() -> bool, now: Instant) {
        self.written.get_or_insert_with(|| has_left().then(|| now + ANSWER));
    }

    /// Returns whether a reset that is met now answers what was written after the end.
    pub(crate) fn is_answered(&self, now: Instant) -> bool {
        self.stands() && self.written.flatten().is_some_and(|until| now < until)
    }

    /// Takes what is unacknowledged now; returns, when that is clear and once, whether the peer
    /// reads on. `waits` tells that something written is to be acknowledged.
    pub(crate) fn look(
        &mut self,
        unacknowledged: usize,
        waits: bool,
        now: Instant,
    ) -> Option<bool> {
        match self.stage {
            Stage::Settles { until } if now < until => {
                self.look_soon(now);
                self.next_look = self.next_look.min(Some(until));
                None
            }
            Stage::Settles { .. } => {
                self.stage = Stage::Stands;
                self.next_look = None;
                self.distance = SOON;
                Some(false)
            }
            Stage::OnTheWay { unacknowledged: before } if unacknowledged < before => {
                self.reads_on();
                Some(true)
            }
            Stage::OnTheWay { .. } => {
                self.look_soon(now);
                None
            }
            Stage::Stands | Stage::ReadsOn => {
                if waits {
                    self.look_soon(now);
                } else {
                    self.next_look = Some(now + LATE);
                }
                None
            }
        }
    }

    /// What was written after the end is acknowledged.
    pub(crate) fn reads_on(&mut self) {
        self.stage = Stage::ReadsOn;
        self.next_look = None;
        self.distance = SOON;
    }

    pub(crate) fn look_soon(&mut self, now: Instant) {
        self.next_look = Some(now + self.distance);
        self.distance = (self.distance * 2).min(LATE);
    }
}
