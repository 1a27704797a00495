//! Emptied buffers of frames, kept for the next ones.
//!
//! Queue and window take from it and give to it, so that in the steady state none is allocated. Not
//! here: what is in a buffer.

/// How many buffers are kept. Two are in use in the steady state, one that is written and one that
/// is filled; some more come back when several frames are written in a row.
const KEPT: usize = 4;

pub(crate) struct Pool {
    frame_bytes: usize,
    buffers: Vec<Vec<u8>>,
}

impl Pool {
    /// Makes a pool of buffers that hold so many bytes.
    pub(crate) fn new(frame_bytes: usize) -> Self {
        Self { frame_bytes, buffers: Vec::with_capacity(KEPT) }
    }

    /// Returns an empty buffer for a frame.
    pub(crate) fn take(&mut self) -> Vec<u8> {
        self.buffers.pop().unwrap_or_else(|| Vec::with_capacity(self.frame_bytes))
    }

    /// Keeps a buffer, if one like it will be needed.
    pub(crate) fn give(&mut self, mut buffer: Vec<u8>) {
        // One that was shrunk or that held one huge point is not worth keeping.
        let useful = self.frame_bytes..=self.frame_bytes.saturating_mul(2);
        if self.buffers.len() < KEPT && useful.contains(&buffer.capacity()) {
            buffer.clear();
            self.buffers.push(buffer);
        }
    }
}
