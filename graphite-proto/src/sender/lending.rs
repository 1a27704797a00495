//! A frame that is written while others use the machine.
//!
//! Writing costs a system call. A driver that keeps its machine behind a lock takes the frame on
//! offer along, lets go of the lock, writes, and brings the frame back with the count. Meanwhile
//! the machine offers nothing else of the queue, and begins no orderly end. Not here: what a count
//! means ([`super::connection`]).

use super::{Phase, Sender};
use crate::instant::Instant;

/// The frame on offer, taken along to be written; [`Sender::restore`] brings it back.
#[derive(Debug)]
#[must_use = "nothing more is written before it is restored"]
pub struct Lent {
    frame: Vec<u8>,
    sent: usize,
    /// The connection that the frame is for, by its number.
    connection: u64,
}

impl Lent {
    /// Returns the bytes to be written.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.frame[self.sent..]
    }
}

impl Sender {
    /// Lends out the frame on offer: what [`Output::Transmit`](crate::Output::Transmit) would say
    /// to write next, but for repeats, of which none are lent.
    ///
    /// Until it is restored [`poll_output`](Self::poll_output) has nothing else of the queue to
    /// write, and the connection is not ended in good order. Everything else may happen, also the
    /// connection's end.
    pub fn lend(&mut self) -> Option<Lent> {
        if !matches!(self.phase, Phase::Up) || self.window.is_replaying() {
            return None;
        }
        let (sent, connection) = (self.link.sent, self.connections);
        self.queue.lend().map(|frame| Lent { frame, sent, connection })
    }

    /// Returns whether a frame is lent out.
    pub fn is_lent(&self) -> bool {
        self.queue.is_lent()
    }

    /// Takes a lent frame back, of which so many bytes were written to the connection that there
    /// was when it was lent. If that one is over, they count as in doubt: the frame is written
    /// again, from its first byte.
    ///
    /// A frame that is never brought back is never written, nor any after it. One of another sender
    /// is ignored.
    pub fn restore(&mut self, lent: Lent, written: usize, now: Instant) {
        self.advance_clock(now);
        let ours = self.queue.restore(lent.frame);
        let up = lent.connection == self.connections && matches!(self.phase, Phase::Up);
        if ours && up && written > 0 {
            self.written(written);
        }
        self.settle();
    }
}
