//! What a point holds beside its path: [`Value`] and [`Timestamp`], from every number there is.
//!
//! Not here: which of them can be sent ([`crate::metric`]).

use std::fmt;
use std::time::{SystemTime, UNIX_EPOCH};

/// The value of a point.
///
/// Integers stay integers on the plaintext wire; in a pickle those outside 0 to 2,147,483,647
/// become floats, since go-carbon reads negative ones as unsigned and older relays refuse Python's
/// long integers.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub enum Value {
    /// A signed integer.
    I64(i64),
    /// An unsigned integer.
    U64(u64),
    /// A float. NaN and the infinities are refused where a point is sent.
    F64(f64),
}

impl Value {
    /// Returns whether the value is neither NaN nor infinite.
    #[inline]
    pub fn is_finite(self) -> bool {
        match self {
            Self::I64(_) | Self::U64(_) => true,
            Self::F64(value) => value.is_finite(),
        }
    }

    /// Returns the value as a float, which is how carbon stores it: integers beyond 2^53 are
    /// rounded.
    #[expect(clippy::cast_precision_loss, reason = "documented: every store rounds here")]
    pub fn as_f64(self) -> f64 {
        match self {
            Self::I64(value) => value as f64,
            Self::U64(value) => value as f64,
            Self::F64(value) => value,
        }
    }
}

/// Writes the value as it stands on the plaintext wire: integers exactly, floats in the shortest
/// form that reads back as the same float.
impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::I64(value) => f.pad(itoa::Buffer::new().format(value)),
            Self::U64(value) => f.pad(itoa::Buffer::new().format(value)),
            Self::F64(value) => f.pad(zmij::Buffer::new().format(value)),
        }
    }
}

macro_rules! value_from {
    ($($from:ty => $variant:ident),* $(,)?) => {$(
        impl From<$from> for Value {
            fn from(value: $from) -> Self {
                Self::$variant(value.into())
            }
        }
    )*};
}

value_from! {
    i8 => I64, i16 => I64, i32 => I64, i64 => I64,
    u8 => U64, u16 => U64, u32 => U64, u64 => U64,
    f64 => F64,
}

impl From<isize> for Value {
    fn from(value: isize) -> Self {
        // No platform has an isize of more than 64 bits.
        Self::I64(value as i64)
    }
}

impl From<usize> for Value {
    fn from(value: usize) -> Self {
        // No platform has a usize of more than 64 bits.
        Self::U64(value as u64)
    }
}

/// Keeps the float's own shortest text: `0.1f32` is sent as `0.1`, not as
/// `0.10000000149011612`, and by both protocols alike.
impl From<f32> for Value {
    fn from(value: f32) -> Self {
        if !value.is_finite() {
            return Self::F64(value.into());
        }
        // The text of a finite f32 always parses; the fallback keeps the function total.
        let text = zmij::Buffer::new().format_finite(value).parse();
        Self::F64(text.unwrap_or_else(|_| value.into()))
    }
}

/// Whole seconds since the Unix epoch.
///
/// Any integer and any [`SystemTime`] makes one; one outside 0 to 4,294,967,295 is kept as it is
/// and refused where the point is sent, since go-carbon answers it by dropping the frame and the
/// connection.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp {
    /// The upper and the lower half of the seconds, in words that a point is moved about by: what
    /// is stored by words and loaded as a whole makes a processor wait for each point.
    high: i64,
    low: u64,
}

impl Timestamp {
    /// The latest timestamp that every receiver takes: 4,294,967,295, in the year 2106.
    pub const MAX: Self = Self { high: 0, low: u32::MAX as u64 };

    /// Returns the whole seconds since the Unix epoch, negative before it.
    pub fn seconds(self) -> i128 {
        i128::from(self.high) << 64 | i128::from(self.low)
    }

    /// Returns the start of the interval that the moment lies in: a multiple of it, which is of
    /// whole seconds, since the epoch.
    #[cfg(any(feature = "client", feature = "metrics"))]
    pub(crate) fn align(self, interval: std::time::Duration) -> Self {
        let seconds = self.seconds();
        Self::from_i128(seconds - seconds.rem_euclid(interval.as_secs().max(1).into()))
    }

    #[inline]
    const fn from_i128(seconds: i128) -> Self {
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "its halves")]
        Self { high: (seconds >> 64) as i64, low: seconds as u64 }
    }

    /// Returns the seconds if every receiver takes them.
    #[inline]
    pub(crate) fn in_range(self) -> Option<u32> {
        u32::try_from(self.low).ok().filter(|_| self.high == 0)
    }
}

impl fmt::Debug for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Timestamp").field(&self.seconds()).finish()
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.seconds().fmt(f)
    }
}

macro_rules! timestamp_from {
    ($($from:ty),*) => {$(
        impl From<$from> for Timestamp {
            #[inline]
            fn from(seconds: $from) -> Self {
                Self::from_i128(seconds.into())
            }
        }
    )*};
}

timestamp_from!(i8, i16, i32, i64, i128, u8, u16, u32, u64);

impl From<isize> for Timestamp {
    fn from(seconds: isize) -> Self {
        Self::from_i128(seconds as i128)
    }
}

impl From<usize> for Timestamp {
    fn from(seconds: usize) -> Self {
        Self::from_i128(seconds as i128)
    }
}

/// Beyond `i128::MAX` the timestamp stays at `i128::MAX`, which is as far out of range.
impl From<u128> for Timestamp {
    fn from(seconds: u128) -> Self {
        Self::from_i128(i128::try_from(seconds).unwrap_or(i128::MAX))
    }
}

/// Cuts to whole seconds, towards the past.
impl From<SystemTime> for Timestamp {
    fn from(time: SystemTime) -> Self {
        match time.duration_since(UNIX_EPOCH) {
            Ok(after) => Self::from(after.as_secs()),
            Err(before) => {
                let before = before.duration();
                let seconds = i128::from(before.as_secs());
                Self::from_i128(-seconds - i128::from(before.subsec_nanos() > 0))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_f32_keeps_its_shortest_text() {
        for (value, text) in
            [(0.1f32, "0.1"), (16_777_216.0, "16777216.0"), (f32::MIN, "-3.4028235e+38")]
        {
            assert_eq!(Value::from(value).to_string(), text);
        }
        assert!(!Value::from(f32::NAN).is_finite());
    }

    #[test]
    fn integers_are_exact() {
        assert_eq!(Value::from(u64::MAX).to_string(), "18446744073709551615");
        assert_eq!(Value::from(i64::MIN).to_string(), "-9223372036854775808");
    }

    #[test]
    fn system_time_before_the_epoch_goes_to_the_past() {
        let time = UNIX_EPOCH - std::time::Duration::from_millis(1500);
        assert_eq!(Timestamp::from(time).seconds(), -2);
        assert_eq!(Timestamp::from(UNIX_EPOCH).seconds(), 0);
    }
}
