//! The frames that no connection has taken whole yet, bounded in bytes.
//!
//! Points are encoded once, into the last frame. The first frame may be *pinned*: it is, or was, on
//! offer to a connection, so its bytes no longer change and it is never dropped. It stays so when
//! that connection is lost: what a driver had written of it and not told yet is not known.
//! Not here: what was written and is kept for a replay ([`crate::window`]).

use std::collections::VecDeque;

use crate::config::Config;
use crate::metric::Point;
use crate::protocol::scratch::Scratch;
use crate::protocol::{Protocol, pickle};

/// How many emptied buffers are kept for the next frames. Two are in use in the steady state:
/// one is being written while the other is filled.
const SPARE_BUFFERS: usize = 4;

/// A whole number of points, encoded.
pub(crate) struct Frame {
    pub(crate) bytes: Vec<u8>,
    pub(crate) points: u64,
    /// The position of the frame's first point among all that were accepted, from 1.
    pub(crate) first: u64,
    sealed: bool,
}

pub(crate) struct Queue {
    protocol: Protocol,
    limit: usize,
    frame_bytes: usize,
    frames: VecDeque<Frame>,
    /// The encoded bytes of all frames.
    bytes: usize,
    points: u64,
    pinned: bool,
    spare: Vec<Vec<u8>>,
    scratch: Scratch,
}

impl Queue {
    pub(crate) fn new(config: &Config) -> Self {
        let longest = match config.protocol {
            Protocol::Plaintext => usize::MAX,
            Protocol::Pickle => config.max_frame_bytes.saturating_add(pickle::HEADER),
        };
        Self {
            protocol: config.protocol,
            limit: config.queue_bytes,
            frame_bytes: config.frame_bytes.min(config.queue_bytes / 8).min(longest),
            frames: VecDeque::with_capacity(16),
            bytes: 0,
            points: 0,
            pinned: false,
            spare: Vec::with_capacity(SPARE_BUFFERS),
            scratch: Scratch::new(),
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.frames.is_empty()
    }

    pub(crate) fn bytes(&self) -> usize {
        self.bytes
    }

    pub(crate) fn points(&self) -> u64 {
        self.points
    }

    pub(crate) fn limit(&self) -> usize {
        self.limit
    }

    /// Returns whether that many more bytes fit. An empty queue takes a point of any size, or it
    /// could never be sent.
    pub(crate) fn has_room(&self, bytes: usize) -> bool {
        self.frames.is_empty() || self.bytes.saturating_add(bytes) <= self.limit
    }

    /// Appends a point that was checked; `position` is its number among all accepted.
    pub(crate) fn push(&mut self, point: &Point<'_>, position: u64) {
        let bound = self.protocol.upper_bound(point);
        let begin = match self.frames.back() {
            Some(frame) => frame.sealed || frame.bytes.len() + bound > self.frame_bytes,
            None => true,
        };
        if begin {
            self.seal_last();
            self.open(position, bound);
        }
        // A frame was opened above if there was none.
        let Some(frame) = self.frames.back_mut() else { return };
        let before = frame.bytes.len();
        self.protocol.write(&mut self.scratch, &mut frame.bytes, point);
        self.bytes += frame.bytes.len() - before;
        frame.points += 1;
        self.points += 1;
    }

    fn open(&mut self, first: u64, bound: usize) {
        let mut bytes = self.spare.pop().unwrap_or_default();
        bytes.reserve(self.frame_bytes.max(bound + pickle::HEADER));
        self.protocol.open(&mut bytes);
        self.bytes += bytes.len();
        self.frames.push_back(Frame { bytes, points: 0, first, sealed: false });
    }

    fn seal_last(&mut self) {
        let behind_others = self.frames.len() > 1;
        let Some(frame) = self.frames.back_mut().filter(|frame| !frame.sealed) else { return };
        let before = frame.bytes.len();
        self.protocol.seal(&mut frame.bytes, 0);
        self.bytes += frame.bytes.len() - before;
        frame.sealed = true;
        // Points of many kilobytes leave frames half empty: give the rest back, or the memory
        // held would be far above the bytes counted.
        let unused = frame.bytes.capacity() - frame.bytes.len();
        if behind_others && unused > frame.bytes.len() / 8 {
            frame.bytes.shrink_to_fit();
        }
    }

    /// Puts the first frame on offer: it is sealed and stays, as it is, until it is taken.
    pub(crate) fn pin_front(&mut self) {
        if self.frames.len() == 1 {
            self.seal_last();
        }
        self.pinned = !self.frames.is_empty();
    }

    /// Returns the bytes of the frame on offer.
    pub(crate) fn offer(&self) -> &[u8] {
        match self.frames.front() {
            Some(frame) if self.pinned => &frame.bytes,
            _ => &[],
        }
    }

    /// Returns how long the first frame is by now.
    pub(crate) fn front_bytes(&self) -> usize {
        self.frames.front().map_or(0, |frame| frame.bytes.len())
    }

    /// Returns the position of the first point that is still here.
    pub(crate) fn first(&self) -> Option<u64> {
        self.frames.front().map(|frame| frame.first)
    }

    /// Takes the frame on offer, which was written whole.
    pub(crate) fn take_front(&mut self) -> Option<Frame> {
        self.pinned = false;
        let frame = self.frames.pop_front()?;
        self.bytes -= frame.bytes.len();
        self.points -= frame.points;
        Some(frame)
    }

    /// Drops the oldest frame that is not pinned; returns the positions of its points as
    /// `(before the first, last)`. They only ever grow, since a pinned frame stays pinned.
    pub(crate) fn drop_oldest(&mut self) -> Option<(u64, u64)> {
        let frame = self.frames.remove(usize::from(self.pinned))?;
        self.bytes -= frame.bytes.len();
        self.points -= frame.points;
        let range = (frame.first - 1, frame.first - 1 + frame.points);
        self.recycle(frame.bytes);
        Some(range)
    }

    /// Keeps an emptied buffer for a later frame.
    pub(crate) fn recycle(&mut self, mut bytes: Vec<u8>) {
        // A buffer that was shrunk or that held one huge point is not worth keeping.
        let useful = self.frame_bytes..=self.frame_bytes.saturating_mul(2);
        if self.spare.len() < SPARE_BUFFERS && useful.contains(&bytes.capacity()) {
            bytes.clear();
            self.spare.push(bytes);
        }
    }
}
