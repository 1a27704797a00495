//! What is asked of a point before it is taken: that it is valid, and fits, with its prefix.
//!
//! Not here: what makes a point valid ([`crate::metric`]), and whether there is room for it
//! ([`crate::sender`]).

use crate::config::{Config, NonFinite};
use crate::error::MetricError;
use crate::metric::{Metric, Point};
use crate::open::Open;
use crate::protocol::Protocol;
use crate::value::Timestamp;

pub(crate) struct Admission {
    protocol: Protocol,
    max_frame_bytes: usize,
    /// The longest path that fits whatever stands beside it.
    longest: usize,
    non_finite: NonFinite,
    prefix: String,
    /// The path with its prefix, built here anew for each point.
    scratch: String,
}

impl Admission {
    pub(crate) fn new(config: &Config) -> Self {
        Self {
            protocol: config.protocol,
            max_frame_bytes: config.max_frame_bytes,
            longest: config.protocol.surely_fits(config.max_frame_bytes),
            non_finite: config.non_finite,
            prefix: config.prefix.clone(),
            scratch: String::new(),
        }
    }

    /// Makes another one that asks the same.
    pub(crate) fn again(&self) -> Self {
        Self { prefix: self.prefix.clone(), scratch: String::new(), ..*self }
    }

    /// Returns whether both ask the same.
    pub(crate) fn is_like(&self, other: &Self) -> bool {
        let told = |one: &Self| (one.protocol, one.max_frame_bytes, one.non_finite);
        told(self) == told(other) && self.prefix == other.prefix
    }

    pub(crate) fn protocol(&self) -> Protocol {
        self.protocol
    }

    /// Makes a frame for points that were admitted.
    pub(crate) fn open(&self) -> Open {
        Open::new(self.protocol, self.max_frame_bytes)
    }

    /// Returns whether a path is taken without anything before it.
    #[inline]
    pub(crate) fn takes_as_is(&self) -> bool {
        self.prefix.is_empty()
    }

    /// Returns whether a point fits, whatever its numbers are.
    #[inline]
    pub(crate) fn surely_fits(&self, point: &Point<'_>) -> bool {
        point.path.len() <= self.longest
    }

    /// Returns how long the prefix is.
    pub(crate) fn prefix_bytes(&self) -> usize {
        self.prefix.len()
    }

    /// Checks a point; returns it as it is to be written, or `None` if it is to be skipped.
    #[inline]
    pub(crate) fn admit<'a>(
        &'a mut self,
        metric: &'a Metric<'_>,
        default_timestamp: Timestamp,
    ) -> Result<Option<Point<'a>>, MetricError> {
        let path = prefixed(&self.prefix, metric.path(), &mut self.scratch);
        match Point::usual(path, metric, default_timestamp) {
            Some(point) if path.len() <= self.longest => Ok(Some(point)),
            _ => {
                let skips = self.non_finite == NonFinite::Skip;
                match self.protocol.check(path, metric, default_timestamp, self.max_frame_bytes) {
                    Err(MetricError::NotFinite { .. }) if skips => Ok(None),
                    checked => checked.map(Some),
                }
            }
        }
    }

    /// Checks a point, also one that would be skipped.
    pub(crate) fn check(
        &mut self,
        metric: &Metric<'_>,
        default_timestamp: Timestamp,
    ) -> Result<(), MetricError> {
        let path = prefixed(&self.prefix, metric.path(), &mut self.scratch);
        self.protocol.check(path, metric, default_timestamp, self.max_frame_bytes).map(drop)
    }
}

/// Puts the prefix before a path; most have none and are taken as they are.
#[inline]
fn prefixed<'a>(prefix: &str, path: &'a str, scratch: &'a mut String) -> &'a str {
    if prefix.is_empty() {
        return path;
    }
    scratch.clear();
    scratch.push_str(prefix);
    scratch.push_str(path);
    scratch
}
