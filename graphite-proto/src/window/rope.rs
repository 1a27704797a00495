//! Bytes in a row of buffers: large pieces come in by moving theirs, small ones are copied together.
//!
//! A copy of every frame costs as much as a tenth of encoding it (`cargo bench -p graphite-proto
//! --bench machine`), so a frame that fills its buffer brings it along. What buffers hold in vain
//! is bounded. Not here: what the bytes are ([`super`]).

use std::collections::VecDeque;

use crate::pool::Pool;

pub(super) struct Rope {
    buffers: VecDeque<Vec<u8>>,
    /// How many bytes at the beginning of the first buffer are forgotten.
    forgotten: usize,
    bytes: usize,
    /// The capacity of all buffers.
    capacity: usize,
    /// How large a buffer is that small pieces are copied into, and one that a frame fills.
    size: usize,
    frame: usize,
    /// How much more than the bytes the buffers may hold where pieces are moved in.
    slack: usize,
    /// Empty buffers for small pieces, where those are not the ones of frames.
    spare: Vec<Vec<u8>>,
}

impl Rope {
    /// Makes a rope for frames of up to `frame` bytes, where small ones are copied into buffers of
    /// `size`. It holds up to `slack` bytes in vain, and a frame.
    pub(super) fn new(size: usize, frame: usize, slack: usize) -> Self {
        Self {
            buffers: VecDeque::new(),
            forgotten: 0,
            bytes: 0,
            capacity: 0,
            size,
            frame,
            slack,
            spare: Vec::new(),
        }
    }

    pub(super) fn len(&self) -> usize {
        self.bytes
    }

    #[cfg(test)]
    pub(super) fn capacity(&self) -> usize {
        self.capacity
    }

    /// Appends a piece, with its buffer if that is full.
    pub(super) fn push(&mut self, piece: Vec<u8>, pool: &mut Pool) {
        let vain = self.capacity + piece.capacity() - self.bytes - piece.len();
        let full = piece.len() >= piece.capacity() / 3 * 2 && piece.capacity() >= self.size;
        if full && vain <= self.slack {
            self.bytes += piece.len();
            self.capacity += piece.capacity();
            self.buffers.push_back(piece);
        } else {
            self.copy(&piece, pool);
            pool.give(piece);
        }
    }

    /// Appends a copy of bytes.
    pub(super) fn copy(&mut self, mut bytes: &[u8], pool: &mut Pool) {
        self.bytes += bytes.len();
        while !bytes.is_empty() {
            let Some(last) = self.buffers.back_mut().filter(|last| last.len() < last.capacity())
            else {
                let buffer = self.buffer(pool);
                self.capacity += buffer.capacity();
                self.buffers.push_back(buffer);
                continue;
            };
            let (now, rest) = bytes.split_at(bytes.len().min(last.capacity() - last.len()));
            last.extend_from_slice(now);
            bytes = rest;
        }
    }

    /// Returns an empty buffer for small pieces.
    fn buffer(&mut self, pool: &mut Pool) -> Vec<u8> {
        if self.size == self.frame {
            return pool.take();
        }
        self.spare.pop().unwrap_or_else(|| Vec::with_capacity(self.size))
    }

    /// Keeps an emptied buffer, if one like it will be needed soon: when a frame is forgotten after
    /// another one was copied, it leaves as many small buffers as both are long.
    fn recycle(&mut self, mut buffer: Vec<u8>, pool: &mut Pool) {
        if buffer.capacity() >= self.frame {
            pool.give(buffer);
        } else if self.spare.len() < 2 * self.frame / self.size && buffer.capacity() >= self.size {
            buffer.clear();
            self.spare.push(buffer);
        }
    }

    /// Forgets so many bytes at the front.
    pub(super) fn forget(&mut self, bytes: usize, pool: &mut Pool) {
        self.bytes -= bytes;
        self.forgotten += bytes;
        while let Some(first) = self.buffers.front()
            && self.forgotten >= first.len()
        {
            self.forgotten -= first.len();
            let Some(first) = self.buffers.pop_front() else { break };
            self.capacity -= first.capacity();
            self.recycle(first, pool);
        }
    }

    /// Returns bytes from that place on: as many as stand together.
    pub(super) fn from(&self, place: usize) -> &[u8] {
        let mut place = place + self.forgotten;
        for buffer in &self.buffers {
            match buffer.get(place..) {
                Some(bytes) if !bytes.is_empty() => return bytes,
                _ => place -= buffer.len(),
            }
        }
        &[]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn piece(byte: u8, bytes: usize, capacity: usize) -> Vec<u8> {
        let mut piece = Vec::with_capacity(capacity);
        piece.resize(bytes, byte);
        piece
    }

    fn all(rope: &Rope) -> Vec<u8> {
        let mut all = Vec::new();
        while let more @ [_, ..] = rope.from(all.len()) {
            all.extend_from_slice(more);
        }
        all
    }

    #[test]
    fn the_bytes_stay_in_order_however_they_came_in_and_go() {
        let (mut rope, mut pool) = (Rope::new(100, 130, 150), Pool::new(130));
        let mut expected = Vec::new();
        let mut random = 1u32;
        for _ in 0..if cfg!(miri) { 100 } else { 10_000 } {
            random = random.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            let number = (random >> 8) as usize;
            let capacity = [10, 100, 130][number % 3];
            let new = piece(random.to_le_bytes()[3], number / 3 % capacity + 1, capacity);
            expected.extend_from_slice(&new);
            rope.push(new, &mut pool);
            if number.is_multiple_of(2) {
                let gone = number / 7 % expected.len().min(300);
                expected.drain(..gone);
                rope.forget(gone, &mut pool);
            }
            assert!(rope.len() == expected.len() && all(&rope) == expected);
        }
    }

    #[test]
    fn a_full_buffer_is_moved_and_comes_back_empty() {
        let (mut rope, mut pool) = (Rope::new(100, 100, 50), Pool::new(100));
        let full = piece(1, 90, 100);
        let place = full.as_ptr();
        rope.push(full, &mut pool);
        assert_eq!(rope.from(0).as_ptr(), place);
        rope.push(piece(2, 5, 100), &mut pool);
        assert_eq!((rope.len(), rope.capacity()), (95, 100));
        drop(pool.take());
        rope.forget(95, &mut pool);
        let free = pool.take();
        assert_eq!((free.as_ptr(), free.len()), (place, 0));
    }

    #[test]
    fn what_is_held_in_vain_is_bounded() {
        // A small piece before each large one would else cost a buffer.
        let (mut rope, mut pool) = (Rope::new(1_000, 1_000, 10_000), Pool::new(1_000));
        for _ in 0..if cfg!(miri) { 50 } else { 1_000 } {
            rope.push(piece(1, 10, 1_000), &mut pool);
            rope.push(piece(2, 700, 1_000), &mut pool);
            assert!(rope.capacity() <= rope.len() + 10_000 + 1_000, "{}", rope.capacity());
        }
    }
}
