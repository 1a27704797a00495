//! The frame that points are appended to, one after the other.
//!
//! Appending is the one thing that is done for every point, so that it decides nothing: one bound,
//! set when the frame is begun, says whether a point fits (`cargo xtask budget` counts its
//! instructions, `cargo bench -p graphite-proto` its time). Not here: the bytes of a point
//! ([`crate::protocol`]), and what becomes of the frame ([`crate::queue`], [`crate::batch`]).

use crate::metric::Point;
use crate::protocol::Protocol;
use crate::protocol::scratch::Scratch;

/// An open frame; there is none as long as it holds no points.
pub(crate) struct Open {
    protocol: Protocol,
    /// The longest path that fits whatever stands beside it.
    longest: usize,
    bytes: Vec<u8>,
    points: u64,
    /// How long the bytes may be with one path more; 0 if there is no frame.
    room: usize,
    scratch: Scratch,
}

impl Open {
    pub(crate) fn new(protocol: Protocol, max_frame_bytes: usize) -> Self {
        let longest = protocol.surely_fits(max_frame_bytes);
        let scratch = Scratch::new();
        Self { protocol, longest, bytes: Vec::new(), points: 0, room: 0, scratch }
    }

    /// Appends a point that was checked, as far as it is not too long, if there is a frame with
    /// room for it.
    #[inline]
    pub(crate) fn try_append(&mut self, point: &Point<'_>) -> bool {
        let path = point.path.len();
        if path > self.longest || self.bytes.len() + path > self.room {
            return false;
        }
        self.append(point);
        true
    }

    /// Appends a point that fits its receiver.
    #[inline]
    pub(crate) fn append(&mut self, point: &Point<'_>) {
        self.points += 1;
        match self.protocol {
            Protocol::Plaintext => append_line(&mut self.scratch, &mut self.bytes, point),
            Protocol::Pickle => append_pickle(&mut self.scratch, &mut self.bytes, point),
        }
    }

    /// Begins a frame in an empty buffer, which is filled up to so many bytes.
    pub(crate) fn begin(&mut self, mut buffer: Vec<u8>, most: usize) {
        // For a point that is longer than a frame, too.
        buffer.reserve(most);
        buffer.extend_from_slice(self.protocol.opening());
        (self.bytes, self.points) = (buffer, 0);
        self.fill_to(most);
    }

    /// Makes a frame of one point in the buffer that there is; returns its bytes.
    pub(crate) fn only(&mut self, point: &Point<'_>) -> &[u8] {
        self.bytes.clear();
        self.bytes.extend_from_slice(self.protocol.opening());
        self.append(point);
        self.protocol.seal(&mut self.bytes, 0);
        &self.bytes
    }

    /// Says up to how many bytes the frame is filled, its end included.
    pub(crate) fn fill_to(&mut self, most: usize) {
        self.room = most.saturating_sub(self.protocol.overhead());
    }

    /// Appends the points of another frame, which fit.
    pub(crate) fn join(&mut self, other: &mut Self) {
        self.bytes.extend_from_slice(&other.bytes[self.protocol.opening().len()..]);
        self.points += std::mem::take(&mut other.points);
        other.clear();
    }

    /// Returns how long the frame would be with the points of another.
    pub(crate) fn joined_bytes(&self, other: &Self) -> usize {
        self.bytes.len() + other.bytes.len() + self.protocol.closing().len()
    }

    /// Takes what is in another frame, whose buffer is exchanged for an empty one.
    pub(crate) fn take(&mut self, other: &mut Self, empty: Vec<u8>) {
        self.bytes = std::mem::replace(&mut other.bytes, empty);
        self.points = std::mem::take(&mut other.points);
        other.clear();
    }

    /// Ends the frame; returns its bytes and how many points they are.
    pub(crate) fn seal(&mut self) -> (Vec<u8>, u64) {
        let mut bytes = std::mem::take(&mut self.bytes);
        self.protocol.seal(&mut bytes, 0);
        self.room = 0;
        (bytes, std::mem::take(&mut self.points))
    }

    /// Forgets what is here.
    pub(crate) fn clear(&mut self) {
        self.bytes.clear();
        (self.points, self.room) = (0, 0);
    }

    /// Gives the emptied buffer away.
    pub(crate) fn take_buffer(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.bytes)
    }

    pub(crate) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.points == 0
    }

    pub(crate) fn points(&self) -> u64 {
        self.points
    }

    /// Returns how many bytes there are, without the frame's end.
    pub(crate) fn len(&self) -> usize {
        self.bytes.len()
    }
}

/// A function of its own, and compiled once: inlined into callers' crates the compiler no longer
/// sees that a point's bytes are written one after the other, which doubles its instructions.
#[inline(never)]
fn append_line(scratch: &mut Scratch, bytes: &mut Vec<u8>, point: &Point<'_>) {
    Protocol::Plaintext.write(scratch, bytes, point);
}

/// The same.
#[inline(never)]
fn append_pickle(scratch: &mut Scratch, bytes: &mut Vec<u8>, point: &Point<'_>) {
    Protocol::Pickle.write(scratch, bytes, point);
}
