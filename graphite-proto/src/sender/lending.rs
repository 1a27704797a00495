//! A frame that is written while others use the machine.
//!
//! Writing costs a system call. A driver that keeps its machine behind a lock takes the frame on
//! offer along, lets go of the lock, writes, and brings the frame back with the count. Meanwhile
//! the machine offers nothing else of the queue, and begins no orderly end. A point that is to be
//! written before anything else happens goes through without a frame in the queue. Not here: what a
//! count means ([`super::connection`]).

use super::{Phase, Sender};
use crate::config::Delivery;
use crate::instant::Instant;
use crate::metric::{Metric, Point};
use crate::ticket::Ticket;
use crate::value::Timestamp;

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

    /// Takes a point as [`enqueue`](Self::enqueue) does and has it written before anything else
    /// happens: `write` is given its frame, and returns how many of the bytes were written to the
    /// connection. The rest is on offer then, as that of any other frame.
    ///
    /// That is possible where nothing else is to be done or told, and the point is as most are; if
    /// not, `None` leaves everything as it was, and the point to `enqueue`. It spares a caller who
    /// waits for its point the queue, half of what that takes beside the system call (`cargo xtask
    /// budget send`).
    pub fn enqueue_through(
        &mut self,
        metric: &Metric<'_>,
        default_timestamp: impl Into<Timestamp>,
        now: Instant,
        write: impl FnOnce(&[u8]) -> usize,
    ) -> Option<Ticket> {
        let point = Point::usual(metric.path(), metric, default_timestamp.into())?;
        let usual = self.admission.takes_as_is() && self.admission.surely_fits(&point);
        if !usual || !self.rests() {
            return None;
        }
        self.advance_clock(now);
        let before = self.stats.accepted;
        let frame = self.lone.only(&point);
        let written = write(frame);
        // Not before: where the write panics, the point is not taken.
        self.stats.accepted += 1;
        if written == frame.len() {
            self.went_through();
        } else {
            let mut bytes = self.pool.take();
            bytes.extend_from_slice(frame);
            self.queue.push_sealed(bytes, 1, before + 1);
            self.settle();
            self.written(written);
            self.settle();
        }
        Some(self.ticket_of(before, before + 1))
    }

    /// The one point that was written by itself was written whole.
    fn went_through(&mut self) {
        self.link.first_written.get_or_insert(self.now);
        self.note_written(1, false);
        let (bytes, first) = (self.lone.bytes(), self.stats.accepted);
        if self.config.delivery == Delivery::BestEffort {
            self.link.unkept += 1;
        } else {
            self.window.keep_copy(bytes, 1, first, self.now, &mut self.pool);
            self.link.unkept += self.window.evict(self.now, &mut self.pool);
        }
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
