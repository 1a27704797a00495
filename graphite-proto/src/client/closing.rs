//! How a client begins to end: nothing comes in any more, and what feeders hold goes along.
//!
//! Not here: how the connection ends, which is the machine's, and what a close tells
//! ([`super::handle`]).

use std::sync::Arc;

use crate::client::runtime::Runtime;
use crate::client::shared::Shared;
use crate::client::slots::Slot;
use crate::event::Input;

impl<R: Runtime> Shared<R> {
    /// Lets nothing more into feeders and takes what they hold; returns whether some of it is left
    /// with them, since they keep it to themselves. They are asked for it, and look at every call.
    pub(crate) fn gather(&self) -> bool {
        let slots = match &*self.lock() {
            machine if machine.closing => return false,
            machine => machine.slots.all(),
        };
        slots.iter().fold(false, |left, slot| left | !self.gather_from(slot))
    }

    /// Takes what stands in a slot, under no lock: a feeder that is at work may wait for that.
    fn gather_from(&self, slot: &Slot) -> bool {
        slot.close();
        let Some(mut open) = slot.open_soon() else { return false };
        let now = self.now();
        let taken = self.with(|machine| open.hand_over_last(&mut machine.sender, now));
        taken && !open.kept
    }

    /// Begins the end: what is queued, and what stands in feeders' slots, still goes out, within the
    /// close time-out. What feeders are left with is undelivered.
    pub(crate) fn close(&self) {
        if self.lock().closing {
            return;
        }
        let now = self.now();
        let slots = self.lock().slots.all();
        let held = |slot: &Arc<Slot>| {
            let points = slot.open_soon().map_or(0, |open| open.batch.points());
            points.saturating_add(slot.kept())
        };
        let left = slots.iter().filter(|slot| !self.gather_from(slot)).map(held).sum();
        self.with(|machine| {
            // Those too that were made meanwhile.
            machine.slots.close();
            machine.sender.handle_input(Input::Close, now);
            machine.closing = true;
            machine.left = machine.left.max(left);
            machine.line.dismiss(&mut machine.answered);
            machine.note_answered();
        });
    }
}

/// Begins the end at the latest when it is dropped, so that a close that is given up goes on.
pub(crate) struct Closing<'c, R: Runtime>(pub(crate) &'c Shared<R>);

impl<R: Runtime> Drop for Closing<'_, R> {
    fn drop(&mut self) {
        self.0.close();
    }
}
