//! The frames that no connection has taken whole yet, bounded in bytes.
//!
//! Points are encoded once, into the open frame, which stands behind the sealed ones. The first
//! sealed frame may be *pinned*: it is, or was, on offer to a connection, so its bytes no longer
//! change and it is never dropped. It stays so when that connection is lost: what a driver had
//! written of it and not told yet is not known. A pinned frame may be *lent*: its bytes are with
//! whoever writes them. Not here: what was written and is kept for a replay ([`crate::window`]).

use std::collections::VecDeque;

use crate::config::Config;
use crate::metric::Point;
use crate::open::Open;
use crate::pool::Pool;
use crate::protocol::Protocol;

/// A whole number of points, encoded.
#[derive(Default)]
pub(crate) struct Frame {
    pub(crate) bytes: Vec<u8>,
    pub(crate) points: u64,
    /// The position of the frame's first point among all that were accepted, from 1.
    pub(crate) first: u64,
}

pub(crate) struct Queue {
    protocol: Protocol,
    limit: usize,
    frame_bytes: usize,
    /// The sealed frames, the oldest first.
    sealed: VecDeque<Frame>,
    /// Their encoded bytes and their points.
    sealed_bytes: usize,
    sealed_points: u64,
    /// The frame that points are appended to, and the position of its first point.
    open: Open,
    open_first: u64,
    pinned: bool,
    /// Where the bytes of the pinned frame are, and how many, if they are with somebody else.
    lent: Option<(usize, usize)>,
}

impl Queue {
    pub(crate) fn new(config: &Config) -> Self {
        Self {
            protocol: config.protocol,
            limit: config.queue_bytes,
            frame_bytes: config.sealed_at(),
            sealed: VecDeque::with_capacity(16),
            sealed_bytes: 0,
            sealed_points: 0,
            open: Open::new(config.protocol, config.max_frame_bytes),
            open_first: 0,
            pinned: false,
            lent: None,
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.sealed.is_empty() && self.open.is_empty()
    }

    pub(crate) fn bytes(&self) -> usize {
        self.sealed_bytes + self.open.len()
    }

    pub(crate) fn points(&self) -> u64 {
        self.sealed_points + self.open.points()
    }

    pub(crate) fn limit(&self) -> usize {
        self.limit
    }

    /// Returns where frames are sealed, in bytes.
    pub(crate) fn frame_bytes(&self) -> usize {
        self.frame_bytes
    }

    /// Returns whether a frame waits that no further point goes into.
    pub(crate) fn has_sealed(&self) -> bool {
        !self.sealed.is_empty()
    }

    /// Returns whether that many more bytes fit. An empty queue takes a point of any size, or it
    /// could never be sent.
    pub(crate) fn has_room(&self, bytes: usize) -> bool {
        self.is_empty() || self.bytes().saturating_add(bytes) <= self.limit
    }

    /// Appends a point that was checked, if there is an open frame with room for it.
    #[inline]
    pub(crate) fn try_append(&mut self, point: &Point<'_>) -> bool {
        self.open.try_append(point)
    }

    /// Appends a point, which fits its receiver, to a new frame; `position` is its number among all
    /// accepted.
    pub(crate) fn push(&mut self, point: &Point<'_>, position: u64, pool: &mut Pool) {
        self.seal();
        let bound = self.protocol.upper_bound(point) + self.protocol.opening().len();
        self.open.begin(pool.take(), bound);
        self.open_first = position;
        self.open.append(point);
        self.seal_full();
    }

    /// Appends the points of a frame, whose buffer is exchanged for an empty one; `position` is the
    /// number of the first among all accepted. To a `full` frame none are added.
    pub(crate) fn push_frame(
        &mut self,
        frame: &mut Open,
        position: u64,
        full: bool,
        pool: &mut Pool,
    ) {
        if !self.open.is_empty() && self.open.joined_bytes(frame) <= self.frame_bytes {
            self.open.join(frame);
        } else {
            self.seal();
            // What is left of an emptied frame is of use to the next one.
            pool.give(self.open.take_buffer());
            self.open.take(frame, pool.take());
            self.open_first = position;
        }
        if full { self.seal() } else { self.seal_full() }
    }

    /// Appends a sealed frame; `first` is the position of its first point.
    pub(crate) fn push_sealed(&mut self, bytes: Vec<u8>, points: u64, first: u64) {
        self.seal();
        self.sealed_bytes += bytes.len();
        self.sealed_points += points;
        self.sealed.push_back(Frame { bytes, points, first });
        self.note_room();
    }

    /// Seals the open frame if no point fits into it any more.
    fn seal_full(&mut self) {
        if self.open.len() >= self.frame_bytes {
            self.seal();
        }
        self.note_room();
    }

    /// Has the open frame filled as far as frame and queue allow.
    fn note_room(&mut self) {
        let most = match self.open.is_empty() {
            true => 0,
            false => self.frame_bytes.min(self.limit.saturating_sub(self.sealed_bytes)),
        };
        self.open.fill_to(most);
    }

    fn seal(&mut self) {
        if self.open.is_empty() {
            return;
        }
        let (bytes, points) = self.open.seal();
        let mut frame = Frame { bytes, points, first: self.open_first };
        // Points of many kilobytes leave frames half empty: give the rest back, or the memory
        // held would be far above the bytes counted.
        let unused = frame.bytes.capacity() - frame.bytes.len();
        if self.sealed.len() > 1 && unused > frame.bytes.len() / 8 {
            frame.bytes.shrink_to_fit();
        }
        self.sealed_bytes += frame.bytes.len();
        self.sealed_points += frame.points;
        self.sealed.push_back(frame);
    }

    /// Puts the first frame on offer: it is sealed and stays, as it is, until it is taken.
    pub(crate) fn pin_front(&mut self) {
        if self.sealed.is_empty() {
            self.seal();
        }
        self.pinned = !self.sealed.is_empty();
    }

    /// Returns whether a frame is on offer, or lent.
    pub(crate) fn is_pinned(&self) -> bool {
        self.pinned
    }

    /// Returns the bytes of the frame on offer; none while it is lent.
    pub(crate) fn offer(&self) -> &[u8] {
        match self.sealed.front() {
            Some(frame) if self.pinned => &frame.bytes,
            _ => &[],
        }
    }

    /// Takes out the bytes of the frame on offer, to be brought back.
    pub(crate) fn lend(&mut self) -> Option<Vec<u8>> {
        let frame = self.sealed.front_mut().filter(|_| self.pinned && self.lent.is_none())?;
        self.lent = Some(place(&frame.bytes));
        Some(std::mem::take(&mut frame.bytes))
    }

    pub(crate) fn is_lent(&self) -> bool {
        self.lent.is_some()
    }

    /// Takes back the bytes of the frame that is lent; returns whether it is these.
    pub(crate) fn restore(&mut self, bytes: Vec<u8>) -> bool {
        let lent = self.lent == Some(place(&bytes));
        if let Some(frame) = self.sealed.front_mut().filter(|_| lent) {
            frame.bytes = bytes;
            self.lent = None;
        }
        lent
    }

    /// Returns how long the first frame is by now.
    pub(crate) fn front_bytes(&self) -> usize {
        let sealed = self.sealed.front().map(|frame| frame.bytes.len());
        self.lent.map(|(_, bytes)| bytes).or(sealed).unwrap_or(self.open.len())
    }

    /// Returns the position of the first point that is still here.
    pub(crate) fn first(&self) -> Option<u64> {
        let open = (!self.open.is_empty()).then_some(self.open_first);
        self.sealed.front().map(|frame| frame.first).or(open)
    }

    /// Takes the frame on offer, which was written whole.
    pub(crate) fn take_front(&mut self) -> Option<Frame> {
        self.pinned = false;
        let frame = self.sealed.pop_front()?;
        self.sealed_bytes -= frame.bytes.len();
        self.sealed_points -= frame.points;
        self.note_room();
        Some(frame)
    }

    /// Drops the oldest frame that is not pinned; returns the positions of its points as
    /// `(before the first, last)`. They only ever grow, since a pinned frame stays pinned.
    pub(crate) fn drop_oldest(&mut self, pool: &mut Pool) -> Option<(u64, u64)> {
        if self.sealed.len() <= usize::from(self.pinned) {
            self.seal();
        }
        let frame = self.sealed.remove(usize::from(self.pinned))?;
        self.sealed_bytes -= frame.bytes.len();
        self.sealed_points -= frame.points;
        self.note_room();
        let range = (frame.first - 1, frame.first - 1 + frame.points);
        pool.give(frame.bytes);
        Some(range)
    }
}

/// Returns where bytes are and how many, as no others are at the same time.
fn place(bytes: &[u8]) -> (usize, usize) {
    (bytes.as_ptr().addr(), bytes.len())
}
