//! What is on offer to the connection, and what could be.
//!
//! Not here: what follows from it ([`super::connection`]), and how long points wait for others
//! ([`super::linger`]).

use super::Sender;

impl Sender {
    /// The bytes that stand to be written: first what is repeated, then the frame on offer.
    pub(super) fn offer(&self) -> &[u8] {
        if self.window.is_replaying() {
            if self.link.sent == 0 && self.is_given_enough() {
                return &[];
            }
            self.window.offer(self.link.sent, self.is_confirmed() && self.patience.is_lowered())
        } else {
            self.queue.offer().get(self.link.sent..).unwrap_or(&[])
        }
    }

    /// Returns whether there is something to write, here or where it was lent to.
    pub(super) fn is_writing(&self) -> bool {
        self.queue.is_lent() || !self.offer().is_empty()
    }

    /// Returns whether nothing of a frame is on its way.
    pub(super) fn is_at_border(&self) -> bool {
        self.link.sent == 0 && !self.queue.is_lent()
    }

    /// Returns whether the connection would take a frame, and there is one that may have to wait.
    pub(super) fn could_offer(&self) -> bool {
        !self.window.is_replaying()
            && !self.queue.is_pinned()
            && !self.queue.is_empty()
            && !self.is_given_enough()
    }

    /// Returns whether the first frame waits for no further points.
    pub(super) fn is_due(&self) -> bool {
        self.queue.has_sealed()
            || self.queue.first().is_some_and(|first| first <= self.hurried)
            || self.closing.is_some()
            || self.now >= self.linger.until()
    }

    /// Returns whether nothing more may be written before a proof.
    pub(super) fn is_given_enough(&self) -> bool {
        let next = if self.window.is_replaying() {
            self.window.next_bytes()
        } else {
            self.queue.front_bytes()
        };
        self.is_confirmed() && self.patience.is_enough(self.window.given_bytes(), next)
    }
}
