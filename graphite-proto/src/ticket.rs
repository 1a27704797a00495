//! Tickets: how a caller asks later what became of what it queued.
//!
//! Not here: who waits and how; a ticket is plain data and is asked as often as one likes.

use std::collections::VecDeque;
use std::ops::Range;

/// How many separate stretches of dropped points are remembered exactly. They only stay apart if
/// something between them was written, so an outage makes one.
const STRETCHES: usize = 32;

/// Stands for points, a connection or room in the queue that a caller waits for; answered by
/// [`Sender::outcome`](crate::Sender::outcome).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ticket {
    pub(crate) wait: Wait,
    /// How many rounds of attempts had failed when the waiting began.
    pub(crate) round: u64,
}

/// What a ticket waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Wait {
    /// The points after position `from` up to position `to`.
    Points { from: u64, to: u64 },
    /// Connection number so-and-so.
    Connection(u64),
    /// Room for so many bytes in the queue.
    Room(usize),
}

impl Ticket {
    /// Returns the ticket that is answered when both are: it stands for all points from the
    /// first of this one to the last of the later one. A ticket that does not stand for points
    /// gives way to the other.
    #[must_use]
    pub fn through(self, later: Self) -> Self {
        match (self.wait, later.wait) {
            (Wait::Points { from, to }, Wait::Points { from: later_from, to: later_to }) => {
                let wait = Wait::Points { from: from.min(later_from), to: to.max(later_to) };
                Self { wait, round: self.round.max(later.round) }
            }
            _ => later,
        }
    }

    /// Returns which points the ticket stands for, counted from 0 in the order in which they were
    /// accepted; `None` if it stands for a connection or for room.
    #[must_use]
    pub fn points(self) -> Option<Range<u64>> {
        match self.wait {
            Wait::Points { from, to } => Some(from..to),
            Wait::Connection(_) | Wait::Room(_) => None,
        }
    }

    /// Returns how many bytes of room the ticket asks for; `None` if it stands for something else.
    #[must_use]
    pub fn room(self) -> Option<usize> {
        match self.wait {
            Wait::Room(bytes) => Some(bytes),
            Wait::Points { .. } | Wait::Connection(_) => None,
        }
    }
}

/// How far a sender has come, so that a driver that keeps many open tickets looks only at those
/// that may be answered.
///
/// No field ever becomes less. An open ticket is answered by nothing but one of these: all its
/// points are [`done`](Self::done); it stands for points some of which lie before
/// [`dropped`](Self::dropped), which has grown; it stands for a connection and
/// [`connections`](Self::connections) has grown; [`failed_rounds`](Self::failed_rounds) has grown,
/// which answers every ticket made before; the sender is [`closed`](Self::closed); it asks for
/// room, and there is some. [`Sender::outcome`](crate::Sender::outcome) says how.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Progress {
    /// Every point before this one is answered, counted as by [`Ticket::points`].
    pub done: u64,
    /// Every point that was dropped lies before this one.
    pub dropped: u64,
    /// How many connections came about.
    pub connections: u64,
    /// How many failures were told to all who waited.
    pub failed_rounds: u64,
    /// Whether the sender has ended.
    pub closed: bool,
}

/// The positions of dropped points, as stretches `(before the first, last)` that only grow.
#[derive(Debug, Default)]
pub(crate) struct Dropped {
    stretches: VecDeque<(u64, u64)>,
}

impl Dropped {
    pub(crate) fn add(&mut self, (before, last): (u64, u64)) {
        match self.stretches.back_mut() {
            Some(stretch) if stretch.1 == before => stretch.1 = last,
            _ => self.stretches.push_back((before, last)),
        }
        // Too many to remember: the two oldest become one, so that an old ticket between them
        // hears of a loss that it may not have had, never the other way round.
        if self.stretches.len() > STRETCHES
            && let Some((before, _)) = self.stretches.pop_front()
            && let Some(next) = self.stretches.front_mut()
        {
            next.0 = before;
        }
    }

    /// Returns the position of the latest dropped point, 0 if there is none.
    pub(crate) fn last(&self) -> u64 {
        self.stretches.back().map_or(0, |&(_, last)| last)
    }

    /// Returns whether a point after position `from` up to position `to` was dropped.
    pub(crate) fn touches(&self, from: u64, to: u64) -> bool {
        self.stretches.iter().rev().any(|&(before, last)| before < to && from < last)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn neighbours_become_one_stretch() {
        let mut dropped = Dropped::default();
        dropped.add((10, 20));
        dropped.add((20, 30));
        dropped.add((40, 50));
        assert_eq!(dropped.stretches, [(10, 30), (40, 50)]);
        for (from, to, touched) in
            [(0, 10, false), (0, 11, true), (29, 30, true), (30, 40, false), (30, 41, true)]
        {
            assert_eq!(dropped.touches(from, to), touched, "{from}..{to}");
        }
    }

    #[test]
    fn memory_is_bounded_and_nothing_dropped_is_forgotten() {
        let mut dropped = Dropped::default();
        for i in 0..1_000 {
            dropped.add((i * 10, i * 10 + 1));
        }
        assert_eq!(dropped.stretches.len(), STRETCHES);
        assert!((0..1_000).all(|i| dropped.touches(i * 10, i * 10 + 1)));
    }
}
