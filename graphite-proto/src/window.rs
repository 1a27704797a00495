//! What was written and is not proven to be read: a ring of bytes, in whole frames.
//!
//! It has a cursor: what stands before it was given to the present connection, what stands behind
//! it waits to be given again. Neighbouring small frames share one entry, so that a million sends
//! of one point cost no more than their bytes. Not here: what was never written
//! ([`crate::queue`]).

use std::collections::VecDeque;
use std::time::Duration;

use crate::instant::Instant;

/// Up to this many bytes, neighbouring frames share one entry.
const UNIT_BYTES: usize = 8192;
/// Where frames age, neighbours share one entry for this part of the age at most.
const AGES: u32 = 64;

/// Neighbouring whole frames, kept, repeated and forgotten together.
struct Unit {
    bytes: usize,
    points: u64,
    /// The position of the first point among all that were accepted.
    first: u64,
    /// When the first frame was last written.
    at: Instant,
}

pub(crate) struct Window {
    limit: usize,
    /// How long what was given stays, if time decides.
    age: Option<Duration>,
    ring: VecDeque<u8>,
    units: VecDeque<Unit>,
    points: u64,
    /// The units that were given to the present connection whole, and their bytes and points.
    given_units: usize,
    given_bytes: usize,
    given_points: u64,
}

impl Window {
    pub(crate) fn new(limit: usize, age: Option<Duration>) -> Self {
        Self {
            limit,
            age,
            ring: VecDeque::new(),
            units: VecDeque::new(),
            points: 0,
            given_units: 0,
            given_bytes: 0,
            given_points: 0,
        }
    }

    /// Returns how many bytes were given to the present connection, in whole units.
    pub(crate) fn given_bytes(&self) -> usize {
        self.given_bytes
    }

    /// Returns how many units were given to the present connection.
    pub(crate) fn given_units(&self) -> usize {
        self.given_units
    }

    /// Returns how many points were given to the present connection.
    pub(crate) fn given_points(&self) -> u64 {
        self.given_points
    }

    /// Returns how long the unit is that waits to be given again next.
    pub(crate) fn next_bytes(&self) -> usize {
        self.units.get(self.given_units).map_or(0, |unit| unit.bytes)
    }

    /// Returns whether anything was given to the present connection.
    pub(crate) fn has_given(&self) -> bool {
        self.given_units > 0
    }

    pub(crate) fn points(&self) -> u64 {
        self.points
    }

    pub(crate) fn bytes(&self) -> usize {
        self.ring.len()
    }

    /// Returns the position of the first point that is kept.
    pub(crate) fn first(&self) -> Option<u64> {
        self.units.front().map(|unit| unit.first)
    }

    /// Keeps a frame that was just written whole; everything before it was given already.
    pub(crate) fn keep(&mut self, bytes: &[u8], points: u64, first: u64, now: Instant) {
        self.grow(bytes.len());
        self.ring.extend(bytes);
        self.points += points;
        self.given_bytes += bytes.len();
        self.given_points += points;
        let most = UNIT_BYTES.min(self.limit / 16);
        let together = |at| self.age.is_none_or(|age| now - at < age / AGES);
        match self.units.back_mut() {
            Some(unit) if unit.bytes + bytes.len() <= most && together(unit.at) => {
                unit.bytes += bytes.len();
                unit.points += points;
            }
            _ => {
                self.units.push_back(Unit { bytes: bytes.len(), points, first, at: now });
                self.given_units += 1;
            }
        }
    }

    /// Makes room in the ring, doubling, but never to more than the window and one frame.
    fn grow(&mut self, bytes: usize) {
        let needed = self.ring.len() + bytes;
        if needed > self.ring.capacity() {
            let most = self.limit.saturating_add(UNIT_BYTES).saturating_add(bytes);
            let target = (self.ring.capacity() * 2).clamp(needed, most.max(needed));
            self.ring.reserve_exact(target - self.ring.len());
        }
    }

    /// Forgets the oldest units as long as the last `limit` bytes given stay, and what is too old;
    /// returns their points.
    pub(crate) fn evict(&mut self, now: Instant) -> u64 {
        let mut points = 0;
        while let Some(unit) = self.units.front()
            && self.given_units > 0
            && (self.given_bytes - unit.bytes >= self.limit
                || self.age.is_some_and(|age| now - unit.at >= age))
        {
            points += self.forget_front();
        }
        points
    }

    /// Forgets everything that was given; returns its points.
    pub(crate) fn forget_given(&mut self) -> u64 {
        let mut points = 0;
        while self.given_units > 0 {
            points += self.forget_front();
        }
        points
    }

    fn forget_front(&mut self) -> u64 {
        let Some(unit) = self.units.pop_front() else { return 0 };
        self.ring.drain(..unit.bytes);
        self.points -= unit.points;
        self.given_units -= 1;
        self.given_bytes -= unit.bytes;
        self.given_points -= unit.points;
        unit.points
    }

    /// Begins again for a new connection: nothing was given to it.
    pub(crate) fn rewind(&mut self) {
        self.given_units = 0;
        self.given_bytes = 0;
        self.given_points = 0;
    }

    /// Returns whether units wait to be given again.
    pub(crate) fn is_replaying(&self) -> bool {
        self.given_units < self.units.len()
    }

    /// Returns how many points wait to be given again.
    pub(crate) fn replay_points(&self) -> u64 {
        self.points - self.given_points
    }

    /// Returns the bytes to give again next, from `sent` bytes into the unit at the cursor: all of
    /// them, or `one` unit's.
    pub(crate) fn offer(&self, sent: usize, one: bool) -> &[u8] {
        let from = self.given_bytes + sent;
        let (front, back) = self.ring.as_slices();
        let rest = front
            .get(from..)
            .filter(|rest| !rest.is_empty())
            .unwrap_or_else(|| back.get(from.saturating_sub(front.len())..).unwrap_or(&[]));
        let most = if one { self.next_bytes() - sent } else { rest.len() };
        &rest[..rest.len().min(most)]
    }

    /// Moves the cursor over the units that `sent` bytes complete; returns their points and the
    /// bytes that are left over, into the next unit.
    pub(crate) fn give(&mut self, mut sent: usize, now: Instant) -> (u64, usize) {
        let mut points = 0;
        while let Some(unit) = self.units.get_mut(self.given_units)
            && sent >= unit.bytes
        {
            unit.at = now;
            sent -= unit.bytes;
            self.given_units += 1;
            self.given_bytes += unit.bytes;
            self.given_points += unit.points;
            points += unit.points;
        }
        (points, sent)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn window(limit: usize, frames: &[&[u8]]) -> Window {
        let mut window = Window::new(limit, None);
        for (first, bytes) in (1..).zip(frames) {
            window.keep(bytes, 1, first, Instant::START);
            window.evict(Instant::START);
        }
        window
    }

    #[test]
    fn the_last_bytes_of_the_window_stay_in_whole_frames() {
        let mut window = window(6, &[b"aaa", b"bbb", b"ccc", b"dd"]);
        assert_eq!((window.bytes(), window.points(), window.first()), (8, 3, Some(2)));
        window.rewind();
        assert_eq!(
            (window.offer(0, false), window.offer(4, false)),
            (&b"bbbcccdd"[..], &b"ccdd"[..])
        );
    }

    #[test]
    fn a_replay_moves_over_whole_units() {
        let mut window = window(20, &[b"aaa", b"bbbb", b"cc"]);
        window.rewind();
        assert_eq!(window.give(2, Instant::START), (0, 2));
        assert_eq!(window.give(8, Instant::START), (2, 1));
        assert!(window.is_replaying());
        assert_eq!((window.replay_points(), window.forget_given()), (1, 2));
        assert_eq!(
            (window.offer(1, false), window.bytes(), window.first()),
            (&b"c"[..], 2, Some(3))
        );
    }

    #[test]
    fn small_frames_share_a_unit_however_slowly_they_come() {
        for each in [Duration::ZERO, Duration::from_secs(1)] {
            let mut window = Window::new(1 << 20, None);
            let mut now = Instant::START;
            for first in 1..=40_000 {
                window.keep(&[b'x'; 50], 1, first, now);
                window.evict(now);
                now = now + each;
            }
            assert!(window.units.len() <= (1 << 20) / (UNIT_BYTES - 50) + 2, "{each:?}");
        }
    }

    #[test]
    fn where_time_decides_the_old_are_forgotten() {
        let age = Duration::from_secs(60);
        let mut window = Window::new(1 << 20, Some(age));
        let mut now = Instant::START;
        for first in 1..=1_000 {
            window.keep(&[b'x'; 50], 1, first, now);
            window.evict(now);
            now = now + Duration::from_millis(100);
        }
        // Those of the last minute, and those that share a unit with the oldest of them.
        assert!((600..=610).contains(&window.points()), "{}", window.points());
        assert!(window.units.len() <= AGES as usize + 2, "{}", window.units.len());
        window.rewind();
        assert_eq!(window.evict(now + age), 0, "what was not given yet does not age");
    }

    #[test]
    fn the_ring_never_grows_beyond_window_and_frame() {
        // Sizes whose doublings end just below the bound and far above it.
        for bytes in [600, 700, 1_200, 613] {
            let mut window = Window::new(10_000, None);
            for first in 1..1_000 {
                let odd = usize::from(bytes == 613 && first % 2 == 0);
                window.keep(&vec![b'x'; bytes + odd], 1, first, Instant::START);
                window.evict(Instant::START);
                assert!(window.ring.capacity() <= 10_000 + UNIT_BYTES + bytes, "{bytes}");
            }
        }
    }
}
