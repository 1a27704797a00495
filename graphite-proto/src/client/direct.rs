//! What callers write to the connection by themselves.
//!
//! Waking the client's task for a frame costs more than most frames' writing. So while that task
//! sleeps with nothing to do, whoever filled a frame, or waits for a point, takes the frame out of
//! the machine, lets go of the lock, and writes as much as the kernel takes at once. The rest is the
//! task's, which alone waits for room. Not here: when a frame is on offer (the machine's rules), and
//! who holds the lock ([`super::shared`]).

use std::io;
use std::sync::Arc;
use std::time::Duration;

use crate::client::runtime::Tcp;
use crate::instant::Instant;
use crate::metric::Metric;
use crate::sender::{Lent, Sender};
use crate::ticket::Ticket;
use crate::value::Timestamp;

/// How soon after a write the next one does without a look for the receiver's end, which costs a
/// system call: within it an end is hardly seen earlier than by the task that waits for it.
const FRESH: Duration = Duration::from_micros(50);

/// Up to this many bytes a write takes no time worth looking at the clock for.
const SMALL: usize = 4096;

/// How many bytes, and how many writes, callers do in a row without giving way to other tasks.
const BYTES: usize = 32_768;
const WRITES: u32 = 128;

/// The connection as callers see it.
#[derive(Default)]
pub(crate) struct Direct {
    /// The present connection, if callers may write to it.
    stream: Option<Arc<dyn Tcp>>,
    /// What a caller met when it wrote. The kernel tells an error once; the task would then read an
    /// end of file and take it for a proof.
    broken: Option<io::Error>,
    /// When a caller last wrote.
    last: Option<Instant>,
    /// What callers have written since one gave way.
    bytes: usize,
    writes: u32,
}

/// A frame that is being written by a caller.
pub(crate) struct Loan {
    lent: Lent,
    stream: Arc<dyn Tcp>,
    again: bool,
}

/// What came of it.
pub(crate) type Wrote = io::Result<usize>;

impl Loan {
    /// Writes as much as is taken at once. Under no lock.
    pub(crate) fn write(&self) -> Wrote {
        let bytes = self.lent.bytes();
        if self.again { self.stream.try_write_again(bytes) } else { self.stream.try_write(bytes) }
    }

    /// Returns whether the clock has moved on by the writing.
    pub(crate) fn takes_time(&self) -> bool {
        self.lent.bytes().len() > SMALL
    }
}

impl Direct {
    /// Lets callers write to the connection, or no longer.
    pub(crate) fn set(&mut self, stream: Option<Arc<dyn Tcp>>) {
        (self.stream, self.broken, self.last) = (stream, None, None);
    }

    /// Returns whether a caller met an error on the connection.
    pub(crate) fn is_broken(&self) -> bool {
        self.broken.is_some()
    }

    /// Takes that error.
    pub(crate) fn take_broken(&mut self) -> Option<io::Error> {
        self.broken.take()
    }

    /// Takes a point into the machine and writes it, under the lock, if nothing else is to be done:
    /// to let go of it would take longer than most of such writes.
    pub(crate) fn enqueue_through(
        &mut self,
        metric: &Metric<'_>,
        timestamp: Timestamp,
        now: Instant,
        sender: &mut Sender,
    ) -> Option<Ticket> {
        let Self { stream, broken, last, .. } = self;
        let stream = stream.as_deref().filter(|_| broken.is_none())?;
        let again = is_fresh(*last, now);
        let mut written = 0;
        let ticket = sender.enqueue_through(metric, timestamp, now, |bytes| {
            // Should it panic, nobody knows what it took.
            let _ = broken.replace(io::ErrorKind::Other.into());
            let wrote = if again { stream.try_write_again(bytes) } else { stream.try_write(bytes) };
            *broken = None;
            written = taken(wrote, broken);
            written
        })?;
        self.note(written, now);
        Some(ticket)
    }

    /// Takes the frame on offer out of the machine, to be written.
    pub(crate) fn lend(&self, now: impl FnOnce() -> Instant, sender: &mut Sender) -> Option<Loan> {
        let stream = self.stream.as_ref().filter(|_| self.broken.is_none())?;
        let lent = sender.lend()?;
        // What the machine was told last may be long ago.
        let again = is_fresh(self.last, now());
        Some(Loan { lent, stream: stream.clone(), again })
    }

    /// Brings the frame back; returns whether all of it was written. What went wrong is left to the
    /// task.
    pub(crate) fn restore(
        &mut self,
        loan: Loan,
        wrote: Wrote,
        now: Instant,
        sender: &mut Sender,
    ) -> bool {
        let bytes = loan.lent.bytes().len();
        let written = taken(wrote, &mut self.broken);
        sender.restore(loan.lent, written, now);
        self.note(written, sender.now());
        written == bytes
    }

    fn note(&mut self, written: usize, now: Instant) {
        if written > 0 {
            self.last = Some(now);
            self.bytes = self.bytes.saturating_add(written);
            self.writes = self.writes.saturating_add(1);
        }
    }

    /// Returns whether callers have written so much that one has to give way.
    #[inline]
    pub(crate) fn is_due_to_give_way(&self) -> bool {
        self.bytes >= BYTES || self.writes >= WRITES
    }

    /// Begins to count anew, for one that gives way.
    pub(crate) fn give_way(&mut self) {
        (self.bytes, self.writes) = (0, 0);
    }
}

fn is_fresh(last: Option<Instant>, now: Instant) -> bool {
    last.is_some_and(|last| now - last < FRESH)
}

/// Returns how much a write took, and keeps what went wrong with the connection.
fn taken(wrote: Wrote, broken: &mut Option<io::Error>) -> usize {
    wrote.unwrap_or_else(|error| {
        let harmless = [io::ErrorKind::WouldBlock, io::ErrorKind::Interrupted];
        *broken = Some(error).filter(|error| !harmless.contains(&error.kind()));
        0
    })
}
