//! How long points wait for others to fill their frame.
//!
//! A frame costs a system call and, on most networks, a packet: as much as encoding some dozens of
//! points. So a sender that is fed without a pause fills its frames, and one that is fed now and
//! then does not wait: the first few small frames after a pause leave at once, and each of them
//! brings the time nearer from which on points wait. Not here: what ends a wait before its time
//! ([`super::connection`]).

use std::time::Duration;

use crate::instant::Instant;

/// How many small frames leave at once after a pause of as many linger times.
const AT_ONCE: u32 = 8;

/// The generic cell rate algorithm (ITU-T I.371): one small frame a linger time, and some at once.
#[derive(Debug)]
pub(super) struct Linger {
    time: Duration,
    /// The end of the time that is paid for with the frames so far.
    paid: Instant,
}

impl Linger {
    pub(super) fn new(time: Duration) -> Self {
        Self { time, paid: Instant::START }
    }

    /// Returns from when on a frame that is not full may leave.
    pub(super) fn until(&self) -> Instant {
        self.paid.before(self.time.saturating_mul(AT_ONCE - 1))
    }

    /// A frame was written. After a `full` one points come fast: the next ones wait.
    pub(super) fn wrote(&mut self, full: bool, now: Instant) {
        let most = now + self.time.saturating_mul(AT_ONCE);
        self.paid = if full { most } else { (self.paid.max(now) + self.time).min(most) };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LINGER: Duration = Duration::from_micros(250);

    #[test]
    fn some_small_frames_leave_at_once_and_then_one_a_linger_time() {
        let mut linger = Linger::new(LINGER);
        let start = Instant::from_start(Duration::from_secs(1));
        for _ in 0..AT_ONCE {
            assert!(linger.until() <= start);
            linger.wrote(false, start);
        }
        for number in 1..100 {
            let next = start + LINGER * number;
            assert_eq!(linger.until(), next);
            linger.wrote(false, next);
        }
    }

    #[test]
    fn after_a_full_frame_points_wait_and_after_a_pause_they_do_not() {
        let mut linger = Linger::new(LINGER);
        let start = Instant::from_start(Duration::from_secs(1));
        linger.wrote(true, start);
        assert_eq!(linger.until(), start + LINGER);
        // Half of the pause that pays for all gives back half of them.
        let later = start + LINGER * (AT_ONCE / 2);
        let mut at_once = 0;
        while linger.until() <= later {
            linger.wrote(false, later);
            at_once += 1;
        }
        assert_eq!(at_once, AT_ONCE / 2);
    }

    #[test]
    fn without_a_linger_time_nothing_ever_waits() {
        let mut linger = Linger::new(Duration::ZERO);
        for full in [true, false, true] {
            linger.wrote(full, Instant::START);
            assert_eq!(linger.until(), Instant::START);
        }
    }
}
