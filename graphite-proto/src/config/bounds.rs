//! Between what bounds a setting makes sense, and what becomes of one that is outside.
//!
//! The bounds keep memory bounded and calls from hanging: nothing that a call may wait for is
//! longer than an hour. Not here: what the settings do ([`super::Config`]).

use std::error::Error;
use std::fmt;
use std::time::Duration;

use super::{Config, Delivery};
use crate::error::PrefixError;
use crate::limits::MAX_FRAME_BYTES;
use crate::metric::check_prefix;

/// The most that queue and window may hold, in bytes: 1 GiB.
const MOST_BYTES: usize = 1 << 30;
/// The shortest pickle that a point with a name fits in, in bytes.
const LEAST_PICKLE: usize = 64;
/// Without any delay a refused connection would be tried again in a busy loop, and without any
/// time nothing comes in time.
const MILLISECOND: Duration = Duration::from_millis(1);
/// Points that wait longer for others are not batched but late.
const LONGEST_LINGER: Duration = Duration::from_secs(1);
/// A proof takes a half-close and its answer: what is shorter than this is none's time.
const LEAST_CLOSE: Duration = Duration::from_millis(50);
/// The longest that a call may have to wait for one thing.
const HOUR: Duration = Duration::from_secs(3600);
const YEAR: Duration = Duration::from_secs(365 * 24 * 3600);

/// Why settings make no sense.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum ConfigError {
    /// A number is outside its bounds.
    Number {
        /// The setting, by the name of the call that sets it.
        setting: &'static str,
        /// What was given.
        value: u64,
        /// The least that makes sense.
        least: u64,
        /// The most that makes sense.
        most: u64,
    },
    /// A time is outside its bounds.
    Time {
        /// The setting, by the name of the call that sets it.
        setting: &'static str,
        /// What was given.
        value: Duration,
        /// The shortest that makes sense.
        least: Duration,
        /// The longest that makes sense.
        most: Duration,
    },
    /// The prefix cannot begin a path.
    Prefix(PrefixError),
    /// A time has a fraction of a second, which no timestamp can tell.
    Fraction {
        /// The setting, by the name of the call that sets it.
        setting: &'static str,
        /// What was given.
        value: Duration,
    },
    /// A quantile is not from 0 to 1.
    Quantile(f64),
}

impl ConfigError {
    /// Refuses a number outside `least` to `most`, for settings of a driver's own.
    ///
    /// # Errors
    ///
    /// The number is outside.
    pub fn check_number(
        setting: &'static str,
        value: usize,
        least: usize,
        most: usize,
    ) -> Result<(), Self> {
        if (least..=most).contains(&value) {
            return Ok(());
        }
        // No platform has a usize of more than 64 bits.
        let [value, least, most] = [value, least, most].map(|number| number as u64);
        Err(Self::Number { setting, value, least, most })
    }

    /// Refuses a time outside `least` to `most`, for settings of a driver's own.
    ///
    /// # Errors
    ///
    /// The time is outside.
    pub fn check_time(
        setting: &'static str,
        value: Duration,
        least: Duration,
        most: Duration,
    ) -> Result<(), Self> {
        if (least..=most).contains(&value) {
            return Ok(());
        }
        Err(Self::Time { setting, value, least, most })
    }

    /// Refuses an interval of reports that stores cannot keep apart: they keep one value a second
    /// at most.
    #[cfg(any(feature = "client", feature = "metrics"))]
    pub(crate) fn check_interval(value: Duration) -> Result<(), Self> {
        let setting = "interval";
        Self::check_time(setting, value, Duration::from_secs(1), Duration::from_secs(86_400))?;
        match value.subsec_nanos() {
            0 => Ok(()),
            _ => Err(Self::Fraction { setting, value }),
        }
    }
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Number { setting, value, least, .. } if value < least => {
                write!(f, "setting {setting} is {value}, at least {least} is needed")
            }
            Self::Number { setting, value, most, .. } => {
                write!(f, "setting {setting} is {value}, at most {most} is possible")
            }
            Self::Time { setting, value, least, .. } if value < least => {
                write!(f, "setting {setting} is {value:?}, at least {least:?} is needed")
            }
            Self::Time { setting, value, most, .. } => {
                write!(f, "setting {setting} is {value:?}, at most {most:?} is possible")
            }
            Self::Prefix(error) => error.fmt(f),
            Self::Fraction { setting, value } => {
                write!(f, "setting {setting} is {value:?}, whole seconds are needed")
            }
            Self::Quantile(value) => {
                write!(
                    f,
                    "setting quantiles has {value}, from 0 to 1 is possible (0.99 for the 99th percentile)"
                )
            }
        }
    }
}

/// The text of a prefix's error is the whole text here, so that nothing is left to stand behind it.
impl Error for ConfigError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Prefix(error) => error.source(),
            Self::Number { .. } | Self::Time { .. } | Self::Fraction { .. } | Self::Quantile(_) => {
                None
            }
        }
    }
}

/// A number with its bounds.
struct Number<'a>(&'static str, &'a mut usize, usize, usize);

/// A time with its bounds.
struct Time<'a>(&'static str, &'a mut Duration, Duration, Duration);

impl Config {
    /// Tells whether every setting is between its bounds, which stand with the setters.
    ///
    /// # Errors
    ///
    /// The first setting that is not, with its value and its bounds.
    pub fn check(&self) -> Result<(), ConfigError> {
        check_prefix(&self.prefix).map_err(ConfigError::Prefix)?;
        let mut config = self.clone();
        if config.max_attempts == 0 {
            let (least, most) = (1, u32::MAX.into());
            return Err(ConfigError::Number { setting: "max_attempts", value: 0, least, most });
        }
        for Number(setting, value, least, most) in config.numbers() {
            ConfigError::check_number(setting, *value, least, most)?;
        }
        for Time(setting, value, least, most) in config.times() {
            ConfigError::check_time(setting, *value, least, most)?;
        }
        Ok(())
    }

    /// Takes the nearest bound for each setting that is outside, and ends the prefix in a dot. A
    /// prefix that cannot begin a path stays: every path behind it is refused.
    pub(crate) fn within_bounds(mut self) -> Self {
        self.max_attempts = self.max_attempts.max(1);
        for Number(_, value, least, most) in self.numbers() {
            *value = (*value).clamp(least, most);
        }
        for Time(_, value, least, most) in self.times() {
            *value = (*value).clamp(least, most);
        }
        if !self.prefix.is_empty() && !self.prefix.ends_with('.') {
            self.prefix.push('.');
        }
        self
    }

    fn numbers(&mut self) -> impl Iterator<Item = Number<'_>> {
        let window = match &mut self.delivery {
            Delivery::BestEffort => None,
            Delivery::Replay { window } | Delivery::Confirmed { window } => Some(window),
        };
        let window = window.map(|window| Number("delivery (window)", window, 0, MOST_BYTES));
        let others = [
            Number("queue_bytes", &mut self.queue_bytes, 1, MOST_BYTES),
            Number("frame_bytes", &mut self.frame_bytes, 1, MAX_FRAME_BYTES),
            Number("max_frame_bytes", &mut self.max_frame_bytes, LEAST_PICKLE, MAX_FRAME_BYTES),
        ];
        window.into_iter().chain(others)
    }

    fn times(&mut self) -> impl Iterator<Item = Time<'_>> {
        const ZERO: Duration = Duration::ZERO;
        // The longest delay is no shorter than the first, as far as that one is within bounds.
        let first = self.backoff_initial.clamp(MILLISECOND, HOUR);
        let age = self.max_connection_age.as_mut();
        let age = age.map(|age| Time("max_connection_age", age, ZERO, YEAR));
        let others = [
            Time("backoff (first)", &mut self.backoff_initial, MILLISECOND, HOUR),
            Time("backoff (longest)", &mut self.backoff_max, first, HOUR),
            Time("write_timeout", &mut self.write_timeout, MILLISECOND, HOUR),
            Time("close_timeout", &mut self.close_timeout, LEAST_CLOSE, HOUR),
            Time("settle_timeout", &mut self.settle_timeout, MILLISECOND, HOUR),
            Time("replay_age", &mut self.replay_age, ZERO, YEAR),
            Time("confirm_interval", &mut self.confirm_interval, ZERO, HOUR),
            Time("confirm_spacing", &mut self.confirm_spacing, ZERO, HOUR),
            Time("linger", &mut self.linger, ZERO, LONGEST_LINGER),
        ];
        age.into_iter().chain(others)
    }
}
