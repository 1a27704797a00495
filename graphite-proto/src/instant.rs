//! The machine's time: an argument of every call, never read from a clock.

use std::ops::{Add, Sub};
use std::time::Duration;

/// A moment, as the time since a start that the caller chose.
///
/// A driver takes the elapsed time of a monotonic clock; a test makes it up; a log can replay it.
/// Going backwards is harmless: the machine never takes a moment earlier than the last one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Instant(Duration);

impl Instant {
    /// The caller's start.
    pub const START: Self = Self(Duration::ZERO);

    /// Makes the moment that lies `elapsed` after the start.
    pub const fn from_start(elapsed: Duration) -> Self {
        Self(elapsed)
    }

    /// Returns the time since the start.
    pub const fn elapsed(self) -> Duration {
        self.0
    }

    /// Returns the moment that lies so much earlier, or the start.
    pub(crate) const fn before(self, duration: Duration) -> Self {
        Self(self.0.saturating_sub(duration))
    }

    /// Returns the time since an earlier moment, or zero if that one is later.
    pub const fn since(self, earlier: Self) -> Duration {
        self.0.saturating_sub(earlier.0)
    }
}

impl From<Duration> for Instant {
    fn from(elapsed: Duration) -> Self {
        Self(elapsed)
    }
}

/// Stays at the latest moment that can be told instead of overflowing.
impl Add<Duration> for Instant {
    type Output = Self;

    fn add(self, duration: Duration) -> Self {
        Self(self.0.saturating_add(duration))
    }
}

/// The same as [`Instant::since`].
impl Sub for Instant {
    type Output = Duration;

    fn sub(self, earlier: Self) -> Duration {
        self.since(earlier)
    }
}
