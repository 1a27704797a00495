//! Those who wait for room in the queue, in the order in which they asked.
//!
//! When there is room, those at the front are told and the room is promised to them: nobody who
//! came later gets it, however long they take to come. So a told one who never comes holds back
//! no more than its own point. Not here: what they queue ([`super::handle`]). Wakers are handed
//! out and never woken, cloned or dropped: that may run a user's code, and whoever calls here
//! holds the lock.

use std::collections::BTreeMap;
use std::task::Waker;
use std::time::Duration;

use crate::instant::Instant;
use crate::sender::Sender;
use crate::ticket::Ticket;

/// How many points may be queued, out of room that is promised to nobody, before one of those who
/// were told has come. Without a bound a task that never waits would fill the queue anew before
/// others are run at all; with a bound of one, every point would cost a change of tasks.
const TURN: usize = 128;

/// How long room stays promised to those who do not come, while others wait and nothing is queued:
/// a future that nobody polls any more, or that waits for one of the others to be done first.
const PATIENCE: Duration = Duration::from_millis(100);

/// Where somebody stands in the line. It is kept from the first try until the point is queued.
#[derive(Debug, Default)]
pub(crate) struct Place {
    /// The lower the earlier.
    number: Option<u64>,
    /// For the room, from when it was first asked for.
    ticket: Option<Ticket>,
}

impl Place {
    /// Returns the ticket by which a failure is known that came while this one waited.
    pub(crate) fn ticket(&mut self, room: Ticket) -> Ticket {
        *self.ticket.get_or_insert(room)
    }

    /// Returns whether somebody stands here.
    pub(crate) fn is_taken(&self) -> bool {
        self.number.is_some()
    }

    /// Returns whether room was asked for.
    pub(crate) fn is_begun(&self) -> bool {
        self.ticket.is_some() || self.is_taken()
    }
}

#[derive(Debug)]
struct Asker {
    bytes: usize,
    waker: Waker,
}

/// The line.
#[derive(Debug, Default)]
pub(crate) struct Line {
    waiting: BTreeMap<u64, Asker>,
    /// Those who were told that there is room, and how much of it is theirs.
    told: BTreeMap<u64, usize>,
    /// The sum of that.
    promised: usize,
    /// How many points were queued by others since one of them came.
    passed: usize,
    next: u64,
    /// How many failures had been told to all who wait.
    failed_rounds: u64,
    /// Since when somebody waits for nothing but those who were told and do not come.
    stuck_since: Option<Instant>,
}

impl Line {
    /// Returns whether nobody is here, so that nothing is to be observed.
    pub(crate) fn is_empty(&self) -> bool {
        self.waiting.is_empty() && self.told.is_empty()
    }

    /// Returns whether somebody waits who was not told yet.
    pub(crate) fn is_waited_in(&self) -> bool {
        !self.waiting.is_empty()
    }

    pub(crate) fn len(&self) -> usize {
        self.waiting.len() + self.told.len()
    }

    /// Begins the turn of one who was told; returns whether it was.
    #[inline]
    pub(crate) fn claim(&mut self, place: &Place) -> bool {
        let Some(bytes) = place.number.and_then(|number| self.told.remove(&number)) else {
            return false;
        };
        self.promised -= bytes;
        self.passed = 0;
        self.stuck_since = None;
        true
    }

    /// Returns whether a point may be queued now by anybody, as nearly every one is: nobody waits
    /// who was not told of room.
    #[inline]
    pub(crate) fn lets_feed(&mut self, bytes: usize, sender: &Sender) -> bool {
        self.is_empty() || (self.waiting.is_empty() && self.admits(false, bytes, 1, sender))
    }

    /// Returns whether points may be queued now, by one whose turn it is or by anybody.
    #[inline]
    pub(crate) fn admits(
        &mut self,
        its_turn: bool,
        bytes: usize,
        points: usize,
        sender: &Sender,
    ) -> bool {
        if self.is_empty() {
            return sender.has_room(bytes, 0);
        }
        let passes = self.waiting.is_empty() && (self.told.is_empty() || self.passed < TURN);
        let admitted = (its_turn || passes) && sender.has_room(bytes, self.promised);
        if admitted && !its_turn && !self.told.is_empty() {
            self.passed += points;
        }
        admitted
    }

    /// Returns whether the room for a point is not what others wait for.
    pub(crate) fn lets_pass(&self, bytes: usize, sender: &Sender) -> bool {
        self.is_empty() || (self.waiting.is_empty() && sender.has_room(bytes, self.promised))
    }

    /// Stands in line for so many bytes, at the end or at the place that was had before. The waker
    /// that stood there is left in place of the new one.
    pub(crate) fn join(
        &mut self,
        place: &mut Place,
        bytes: usize,
        waker: &mut Option<Waker>,
        sender: &Sender,
    ) {
        if self.waiting.is_empty() {
            self.failed_rounds = sender.progress().failed_rounds;
        }
        let number = *place.number.get_or_insert_with(|| {
            self.next += 1;
            self.next
        });
        let Some(new) = waker.take() else { return };
        let old = self.waiting.insert(number, Asker { bytes, waker: new });
        *waker = old.map(|asker| asker.waker);
    }

    /// Leaves the line, with the point queued or for good; what was promised is free again.
    pub(crate) fn leave(&mut self, place: &mut Place) -> Option<Waker> {
        self.claim(place);
        place.ticket = None;
        let asker = self.waiting.remove(&place.number.take()?);
        asker.map(|asker| asker.waker)
    }

    /// Tells those at the front for whom there is room; after a failure that answers all who wait,
    /// and at the end, everybody.
    pub(crate) fn tell(&mut self, sender: &Sender, wakers: &mut Vec<Waker>) {
        if self.waiting.is_empty() {
            return;
        }
        let now = sender.progress();
        if now.closed || now.failed_rounds > self.failed_rounds {
            return self.dismiss(wakers);
        }
        while let Some(first) = self.waiting.first_entry()
            && sender.has_room(first.get().bytes, self.promised)
        {
            let (number, Asker { bytes, waker }) = first.remove_entry();
            self.promised += bytes;
            self.told.insert(number, bytes);
            wakers.push(waker);
        }
    }

    /// Sends away everybody who was not told of room: they see why when they come.
    pub(crate) fn dismiss(&mut self, wakers: &mut Vec<Waker>) {
        wakers.extend(std::mem::take(&mut self.waiting).into_values().map(|asker| asker.waker));
    }

    /// Returns whether those in line wait for nothing but those who were told.
    fn is_stuck(&self, sender: &Sender) -> bool {
        self.is_waited_in() && sender.is_idle()
    }

    /// Returns whether that is so and no deadline was set for it.
    pub(crate) fn is_newly_stuck(&self, sender: &Sender) -> bool {
        self.is_stuck(sender) && self.stuck_since.is_none()
    }

    /// Returns when room is no longer promised to those who do not come, if that holds up others.
    pub(crate) fn deadline(
        &mut self,
        sender: &Sender,
        now: impl FnOnce() -> Instant,
    ) -> Option<Instant> {
        if !self.is_stuck(sender) {
            self.stuck_since = None;
            return None;
        }
        Some(*self.stuck_since.get_or_insert_with(now) + PATIENCE)
    }

    /// Takes back what is promised, if it is time. Who was told may still come and takes the room
    /// that there is then, or has its old place in line.
    pub(crate) fn lapse(&mut self, sender: &Sender, now: Instant) {
        if self.is_stuck(sender) && self.stuck_since.is_some_and(|since| now >= since + PATIENCE) {
            self.promised = 0;
            self.told.values_mut().for_each(|bytes| *bytes = 0);
            self.stuck_since = None;
        }
    }
}
