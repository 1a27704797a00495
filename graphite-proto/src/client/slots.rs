//! Where feeders keep their points until their frame is full, and who takes them if it does not
//! become so.
//!
//! A feeder leaves its points in a slot, where the client's task finds them when a linger time has
//! passed, the feeder is gone, or the client closes. What keeps the two apart is a flag that nobody
//! else touches. It is a locked instruction, which on some processors costs as much as a pickled
//! point; so one that has filled frame after frame keeps the next to itself, and is asked for it.
//! Not here: what a feeder is ([`super::feeder`]).

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, AtomicU64, Ordering};
use std::time::Duration;

use try_lock::{Locked, TryLock};

use crate::batch::Batch;
use crate::client::line::Line;
use crate::error::EnqueueError;
use crate::instant::Instant;
use crate::sender::Sender;
use crate::ticket::Ticket;

/// How long frames wait that find no room: until then others make some, or the feeders come.
const LATER: Duration = Duration::from_millis(100);

/// How many full frames in a row make a feeder keep the next one to itself: 4 MiB.
const ROW: u32 = 64;

/// How many frames of feeders that are gone wait for room, beside the queue: as much as a queue.
const ORPHANS: usize = 64;

/// How often somebody who must have a slot looks whether it is free; a feeder holds it for as long
/// as encoding a point takes.
const SPINS: usize = 10_000;

/// The feeder is to hand over what it keeps to itself.
const ASKED: u8 = 1;
/// The client is closed: no point comes in any more.
const CLOSED: u8 = 2;

/// A feeder's slot.
pub(crate) struct Slot {
    open: TryLock<Content>,
    /// What the feeder is called for: 0, [`ASKED`], [`CLOSED`].
    called: AtomicU8,
    /// How many points that are.
    kept: AtomicU64,
}

/// What is in it.
pub(crate) struct Content {
    pub(crate) batch: Batch,
    /// Somebody will look whether it was left alone.
    pub(crate) watched: bool,
    /// The frame was there when somebody last looked.
    pub(crate) seen: bool,
    /// The feeder keeps its frame to itself; there is none here.
    pub(crate) kept: bool,
    /// How many full frames the feeder has handed over since one of its frames was not.
    row: u32,
    /// The feeder is gone.
    orphan: bool,
}

impl Slot {
    pub(crate) fn new(batch: Batch, closed: bool) -> Arc<Self> {
        let (watched, seen, kept, orphan) = (false, false, false, false);
        let open = Content { batch, watched, seen, kept, row: 0, orphan };
        let called = AtomicU8::new(if closed { CLOSED } else { 0 });
        Arc::new(Self { open: TryLock::new(open), called, kept: AtomicU64::new(0) })
    }

    /// Returns whether the feeder is called for anything.
    #[inline]
    pub(crate) fn is_called(&self) -> bool {
        self.called.load(Ordering::Relaxed) != 0
    }

    pub(crate) fn is_closed(&self) -> bool {
        self.called.load(Ordering::Relaxed) & CLOSED != 0
    }

    /// Asks the feeder for what it keeps to itself, or takes that back.
    pub(crate) fn ask(&self, asked: bool) {
        if asked {
            self.called.fetch_or(ASKED, Ordering::Relaxed);
        } else {
            self.called.fetch_and(!ASKED, Ordering::Relaxed);
        }
    }

    /// Lets no point in any more, and asks for those that the feeder keeps.
    pub(crate) fn close(&self) {
        self.called.fetch_or(ASKED | CLOSED, Ordering::Relaxed);
    }

    /// Returns how many points the feeder keeps to itself.
    pub(crate) fn kept(&self) -> u64 {
        self.kept.load(Ordering::Relaxed)
    }

    /// Says how many those are.
    #[inline]
    pub(crate) fn note_kept(&self, points: u64) {
        self.kept.store(points, Ordering::Relaxed);
    }

    /// Looks in, unless somebody else does.
    #[inline]
    pub(crate) fn open(&self) -> Option<Locked<'_, Content>> {
        self.open.try_lock()
    }

    /// Looks in as soon as it is free.
    pub(crate) fn open_soon(&self) -> Option<Locked<'_, Content>> {
        (0..SPINS).find_map(|_| {
            std::hint::spin_loop();
            self.open()
        })
    }
}

impl Content {
    /// Hands the points over to the machine.
    pub(crate) fn hand_over(
        &mut self,
        sender: &mut Sender,
        now: Instant,
    ) -> Result<Ticket, EnqueueError> {
        let full = self.batch.full;
        let ticket = sender.enqueue_batch(&mut self.batch, now)?;
        self.seen = false;
        self.row = if full { self.row.saturating_add(1) } else { 0 };
        Ok(ticket)
    }

    /// Hands the points over whatever the room, before the machine is closed: they are moved, and
    /// nothing comes after them. Returns whether none are left.
    pub(crate) fn hand_over_last(&mut self, sender: &mut Sender, now: Instant) -> bool {
        self.batch.is_empty() || sender.enqueue_last(&mut self.batch, now).is_ok()
    }

    /// Returns whether the feeder may keep its next frame to itself.
    pub(crate) fn may_keep(&self) -> bool {
        self.row >= ROW && self.batch.is_empty()
    }
}

/// The slots of a client's feeders.
pub(crate) struct Slots {
    linger: Duration,
    slots: Vec<Arc<Slot>>,
    /// When to look for those that were left alone.
    look: Option<Instant>,
    /// How many of them have no feeder any more.
    orphans: usize,
}

impl Slots {
    pub(crate) fn new(linger: Duration) -> Self {
        Self { linger, slots: Vec::new(), look: None, orphans: 0 }
    }

    pub(crate) fn add(&mut self, slot: Arc<Slot>) {
        self.slots.push(slot);
    }

    pub(crate) fn remove(&mut self, slot: &Arc<Slot>) {
        self.slots.retain(|other| !Arc::ptr_eq(other, slot));
    }

    /// Keeps the frame of a feeder that is gone, until there is room for it; `false` if too many
    /// wait already.
    pub(crate) fn adopt(&mut self, open: &mut Content) -> bool {
        let adopted = self.orphans < ORPHANS;
        if adopted {
            (open.orphan, self.orphans) = (true, self.orphans + 1);
        }
        adopted
    }

    /// Hands over what feeders that are gone have left, as far as there is room.
    fn look_at_orphans(&mut self, line: &Line, sender: &mut Sender, now: Instant) {
        self.slots.retain(|slot| {
            let Some(mut open) = slot.open().filter(|open| open.orphan) else { return true };
            let left =
                !line.lets_pass(open.batch.bytes(), sender) || open.hand_over(sender, now).is_err();
            self.orphans -= usize::from(!left);
            left
        });
    }

    /// Lets nothing into any of them any more.
    pub(crate) fn close(&self) {
        self.slots.iter().for_each(|slot| slot.close());
    }

    /// Returns all of them.
    pub(crate) fn all(&self) -> Vec<Arc<Slot>> {
        self.slots.clone()
    }

    /// Has somebody look, a linger time from now, whether a feeder was left alone.
    pub(crate) fn watch(&mut self, now: Instant) {
        self.look.get_or_insert(now + self.linger);
    }

    /// Returns when to look.
    pub(crate) fn deadline(&self) -> Option<Instant> {
        self.look
    }

    /// Takes the points of those whose frame was there at the last look already, if it is time.
    pub(crate) fn look(&mut self, line: &Line, sender: &mut Sender, now: Instant) {
        if self.orphans > 0 {
            self.look_at_orphans(line, sender, now);
        }
        if self.look.is_none_or(|look| now < look) {
            return;
        }
        self.look = None;
        for slot in &self.slots {
            let next = match slot.open() {
                Some(mut open) if open.kept => {
                    // One that fills it within the time is not asked.
                    let late = std::mem::replace(&mut open.seen, true);
                    slot.ask(late);
                    open.watched = !late;
                    (!late).then_some(self.linger)
                }
                Some(mut open) => open.look(line, sender, now, self.linger),
                // It is at work.
                None => Some(self.linger),
            };
            if let Some(next) = next {
                let next = now + next;
                self.look = Some(self.look.map_or(next, |look| look.min(next)));
            }
        }
    }
}

impl Content {
    /// Takes the points if they have been here since the last look; returns when to look again.
    fn look(
        &mut self,
        line: &Line,
        sender: &mut Sender,
        now: Instant,
        linger: Duration,
    ) -> Option<Duration> {
        if self.batch.is_empty() {
            (self.watched, self.seen) = (false, false);
            return None;
        }
        if !std::mem::replace(&mut self.seen, true) {
            return Some(linger);
        }
        if !line.lets_pass(self.batch.bytes(), sender) || self.hand_over(sender, now).is_err() {
            return Some(LATER.max(linger));
        }
        (self.watched, self.row) = (false, 0);
        None
    }
}
