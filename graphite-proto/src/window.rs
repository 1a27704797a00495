//! What was written and is not proven to be read, in whole frames.
//!
//! It has a cursor: what stands before it was given to the present connection, what stands behind
//! it waits to be given again. Neighbouring small frames share one entry, so that a million sends
//! of one point cost no more than their bytes. A full frame is kept in its own buffer
//! ([`rope`]): the memory held is at most one and a half times the window, and two frames. Not
//! here: what was never written ([`crate::queue`]).

mod rope;

use std::collections::VecDeque;
use std::time::Duration;

use crate::instant::Instant;
use crate::pool::Pool;
use crate::queue::Frame;

use rope::Rope;

/// Up to this many bytes, neighbouring frames share one entry.
const UNIT_BYTES: usize = 8192;
/// The smallest buffer that small frames are copied into, in bytes.
const LEAST_BUFFER: usize = 64;
/// Where frames age, neighbours share one entry for this part of the age at most.
const AGES: u32 = 64;

/// Neighbouring whole frames, kept, repeated and forgotten together.
struct Unit {
    bytes: usize,
    points: u64,
    /// The position of the first point among all that were accepted.
    first: u64,
    /// When it was written, later by as long as it was given to no connection; where time decides its
    /// first frame, else the last one. While it waits to be given again: the start, later by as long
    /// as it stood written. Two fields would be a tenth of what small units hold.
    at: Instant,
}

impl Unit {
    /// Returns for how long it stood written on connections, the present one included.
    fn stands(&self, now: Instant) -> Duration {
        now - self.at
    }
}

pub(crate) struct Window {
    limit: usize,
    /// How long what was given stays, if time decides.
    age: Option<Duration>,
    rope: Rope,
    units: VecDeque<Unit>,
    points: u64,
    /// The units that were given to the present connection whole, and their bytes and points.
    given_units: usize,
    given_bytes: usize,
    given_points: u64,
}

impl Window {
    /// Makes a window of so many bytes for frames of about so many.
    pub(crate) fn new(limit: usize, age: Option<Duration>, frame_bytes: usize) -> Self {
        let size = frame_bytes.min(limit / 16).max(LEAST_BUFFER);
        Self {
            limit,
            age,
            rope: Rope::new(size, frame_bytes, limit / 2),
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
        self.rope.len()
    }

    /// Returns the position of the first point that is kept.
    pub(crate) fn first(&self) -> Option<u64> {
        self.units.front().map(|unit| unit.first)
    }

    /// Keeps a frame that was just written whole; everything before it was given already.
    pub(crate) fn keep(&mut self, frame: Frame, now: Instant, pool: &mut Pool) {
        self.note(frame.bytes.len(), frame.points, frame.first, now);
        self.rope.push(frame.bytes, pool);
    }

    /// Does the same with a copy of a frame.
    pub(crate) fn keep_copy(
        &mut self,
        frame: &[u8],
        points: u64,
        first: u64,
        now: Instant,
        pool: &mut Pool,
    ) {
        self.note(frame.len(), points, first, now);
        self.rope.copy(frame, pool);
    }

    fn note(&mut self, bytes: usize, points: u64, first: u64, now: Instant) {
        self.points += points;
        self.given_bytes += bytes;
        self.given_points += points;
        let most = UNIT_BYTES.min(self.limit / 16);
        let together = |unit: &Unit| self.age.is_none_or(|age| unit.stands(now) < age / AGES);
        match self.units.back_mut() {
            Some(unit) if unit.bytes + bytes <= most && together(unit) => {
                unit.bytes += bytes;
                unit.points += points;
                if self.age.is_none() {
                    unit.at = now;
                }
            }
            _ => {
                if self.units.len() == self.units.capacity() {
                    // By an eighth, not by doubling: a full window has about as many as ever.
                    self.units.reserve_exact(self.units.len() / 8 + 16);
                }
                self.units.push_back(Unit { bytes, points, first, at: now });
                self.given_units += 1;
            }
        }
    }

    /// Forgets the oldest units as long as the last `limit` bytes given stay, and what is too old;
    /// returns their points.
    pub(crate) fn evict(&mut self, now: Instant, pool: &mut Pool) -> u64 {
        let mut points = 0;
        while let Some(unit) = self.units.front()
            && self.given_units > 0
            && (self.given_bytes - unit.bytes >= self.limit
                || self.age.is_some_and(|age| unit.stands(now) >= age))
        {
            points += self.forget_front(pool);
        }
        points
    }

    /// Forgets what stood written for so long on the connections that it was given to.
    pub(crate) fn forget_stood(&mut self, age: Duration, now: Instant, pool: &mut Pool) {
        while self.given_units > 0 && self.units.front().is_some_and(|unit| unit.stands(now) >= age)
        {
            self.forget_front(pool);
        }
    }

    /// Forgets everything that was given; returns its points.
    pub(crate) fn forget_given(&mut self, pool: &mut Pool) -> u64 {
        let mut points = 0;
        while self.given_units > 0 {
            points += self.forget_front(pool);
        }
        points
    }

    fn forget_front(&mut self, pool: &mut Pool) -> u64 {
        let Some(unit) = self.units.pop_front() else { return 0 };
        self.rope.forget(unit.bytes, pool);
        self.points -= unit.points;
        self.given_units -= 1;
        self.given_bytes -= unit.bytes;
        self.given_points -= unit.points;
        unit.points
    }

    /// Begins again for a new connection: nothing was given to it. The time between the two does not
    /// count as one that anything stood written.
    pub(crate) fn rewind(&mut self, now: Instant) {
        for unit in self.units.range_mut(..self.given_units) {
            unit.at = Instant::START + unit.stands(now);
        }
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

    /// Returns bytes to give again next, from `sent` bytes into the unit at the cursor: as many as
    /// stand together, or `one` unit's at most.
    pub(crate) fn offer(&self, sent: usize, one: bool) -> &[u8] {
        let rest = self.rope.from(self.given_bytes + sent);
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
            unit.at = Instant::START + (now - unit.at);
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

    fn keep(window: &mut Window, frame: Vec<u8>, first: u64, now: Instant) -> u64 {
        let mut pool = Pool::new(frame.capacity().max(64));
        window.keep(Frame { bytes: frame, points: 1, first }, now, &mut pool);
        window.evict(now, &mut pool)
    }

    fn window(limit: usize, frames: &[&[u8]]) -> Window {
        let mut window = Window::new(limit, None, 64);
        for (first, bytes) in (1..).zip(frames) {
            keep(&mut window, bytes.to_vec(), first, Instant::START);
        }
        window
    }

    #[test]
    fn the_last_bytes_of_the_window_stay_in_whole_frames() {
        let mut window = window(6, &[b"aaa", b"bbb", b"ccc", b"dd"]);
        assert_eq!((window.bytes(), window.points(), window.first()), (8, 3, Some(2)));
        window.rewind(Instant::START);
        assert_eq!(
            (window.offer(0, false), window.offer(4, false)),
            (&b"bbbcccdd"[..], &b"ccdd"[..])
        );
    }

    #[test]
    fn a_replay_moves_over_whole_units() {
        let mut window = window(20, &[b"aaa", b"bbbb", b"cc"]);
        window.rewind(Instant::START);
        assert_eq!(window.give(2, Instant::START), (0, 2));
        assert_eq!(window.give(8, Instant::START), (2, 1));
        assert!(window.is_replaying());
        assert_eq!((window.replay_points(), window.forget_given(&mut Pool::new(64))), (1, 2));
        assert_eq!(
            (window.offer(1, false), window.bytes(), window.first()),
            (&b"c"[..], 2, Some(3))
        );
    }

    #[test]
    #[cfg_attr(miri, ignore = "takes its many rounds")]
    fn small_frames_share_a_unit_however_slowly_they_come() {
        for each in [Duration::ZERO, Duration::from_secs(1)] {
            let mut window = Window::new(1 << 20, None, 65_536);
            let mut now = Instant::START;
            for first in 1..=40_000 {
                keep(&mut window, vec![b'x'; 50], first, now);
                now = now + each;
            }
            assert!(window.units.len() <= (1 << 20) / (UNIT_BYTES - 50) + 2, "{each:?}");
        }
    }

    #[test]
    #[cfg_attr(miri, ignore = "takes its many rounds")]
    fn where_time_decides_the_old_are_forgotten() {
        let age = Duration::from_secs(60);
        let mut window = Window::new(1 << 20, Some(age), 65_536);
        let mut now = Instant::START;
        for first in 1..=1_000 {
            keep(&mut window, vec![b'x'; 50], first, now);
            now = now + Duration::from_millis(100);
        }
        // Those of the last minute, and those that share a unit with the oldest of them.
        assert!((600..=610).contains(&window.points()), "{}", window.points());
        assert!(window.units.len() <= AGES as usize + 2, "{}", window.units.len());
        window.rewind(now);
        assert_eq!(
            window.evict(now + age, &mut Pool::new(64)),
            0,
            "what was not given yet does not age"
        );
    }

    #[test]
    fn only_time_on_a_connection_makes_a_frame_old() {
        let (age, second) = (Duration::from_secs(60), Duration::from_secs(1));
        for decides in [None, Some(age)] {
            let (mut window, mut pool) = (Window::new(1 << 20, decides, 65_536), Pool::new(64));
            let mut now = Instant::START;
            keep(&mut window, vec![b'x'; 50], 1, now);
            for left in (0..3).rev() {
                now = now + 20 * second;
                window.forget_stood(age, now, &mut pool);
                assert_eq!(window.points(), u64::from(left > 0), "{decides:?}");
                window.rewind(now);
                // The receiver is away.
                now = now + 10 * age;
                window.give(50, now);
            }
            // What is written beside it is as young as it is.
            keep(&mut window, vec![b'x'; 50], 2, now);
            window.forget_stood(age, now + 59 * second, &mut pool);
            assert_eq!(window.points(), 1);
        }
    }

    #[test]
    #[cfg_attr(miri, ignore = "takes its many rounds")]
    fn memory_is_at_most_half_as_much_again_as_the_window_and_two_frames() {
        const WINDOW: usize = 100_000;
        // Frames that fill their buffers, that fill them just enough to be moved or not quite, and
        // tiny ones in between, each of which would take a buffer from a full one.
        for (frame, tiny) in
            [(1_000, 0), (670, 0), (660, 0), (670, 5), (1_000, 5), (20, 0), (1_500, 5)]
        {
            let mut window = Window::new(WINDOW, None, 1_000);
            for first in 1..3_000 {
                for bytes in [frame, tiny].into_iter().filter(|bytes| *bytes > 0) {
                    let mut buffer = Vec::with_capacity(bytes.max(1_000));
                    buffer.resize(bytes, b'x');
                    keep(&mut window, buffer, first, Instant::START);
                    let most = WINDOW / 2 * 3 + 2 * frame.max(1_000) + UNIT_BYTES;
                    assert!(window.rope.capacity() <= most, "{frame} {tiny}");
                }
            }
        }
    }
}
