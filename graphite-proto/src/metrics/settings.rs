//! The settings of a recorder, and their bounds.
//!
//! Not here: what they do ([`super::names`], [`super::series`], [`super::collector`]).

use std::time::Duration;

use graphite_encoder::Scheme;

use super::recorder::Recorder;
use crate::config::ConfigError;

/// The longest name of a statistic, in bytes.
pub(super) const MAX_STATISTIC: usize = 32;

/// Where the labels of a series stand in its name.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Labels {
    /// As tags of Graphite 1.1, in carbon's normal order: `http.requests.count;route=cart`.
    #[default]
    Tags,
    /// Their values as parts of the path, sorted by their keys: `http.requests.cart.count`. Series
    /// of one name should have the same keys.
    Path,
    /// Keys and values as parts of the path, sorted: `http.requests.route.cart.count`.
    KeyedPath,
}

/// What a counter sends, and the count of a histogram.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Counters {
    /// The total since the start, as Dropwizard sends it: an interval that is lost, overwritten or
    /// sent twice changes nothing. `nonNegativeDerivative` draws it; stores aggregate it by `max`
    /// or `last`.
    #[default]
    Total,
    /// The increase since the last report, as statsd does; 0 as long as the series is not idle.
    /// Stores aggregate it by `sum`.
    PerInterval,
}

/// Which statistics of a histogram are sent, beside its quantiles. Default: all but the sum.
///
/// ```
/// use graphite_proto::metrics::Statistics;
///
/// let with_sum = Statistics { sum: true, ..Statistics::default() };
/// assert_eq!(with_sum, Statistics::ALL);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_structs, reason = "users choose among these; there are no others")]
#[expect(clippy::struct_excessive_bools, reason = "five that have nothing to do with each other")]
pub struct Statistics {
    /// How many samples: the series `.count`, a total or the interval's as counters are.
    pub count: bool,
    /// The sum of the interval's samples: `.sum`.
    pub sum: bool,
    /// The least sample of the interval: `.min`.
    pub min: bool,
    /// The greatest sample of the interval: `.max`.
    pub max: bool,
    /// The mean of the interval's samples: `.mean`.
    pub mean: bool,
}

impl Statistics {
    /// All of them.
    pub const ALL: Self = Self { count: true, sum: true, min: true, max: true, mean: true };
    /// None of them.
    pub const NONE: Self = Self { count: false, sum: false, min: false, max: false, mean: false };
}

impl Default for Statistics {
    fn default() -> Self {
        Self { count: true, sum: false, min: true, max: true, mean: true }
    }
}

/// Makes a [`Recorder`]: settings, then [`build`](Self::build), or with a client `install`.
///
/// ```
/// use std::time::Duration;
/// use graphite_proto::metrics::{Counters, Recorder};
///
/// let recorder = Recorder::builder()
///     .prefix("shop.web01")
///     .interval(Duration::from_secs(60))
///     .counters(Counters::PerInterval)
///     .quantiles(&[0.5, 0.99])
///     .build();
/// assert_eq!(recorder.interval(), Duration::from_secs(60));
/// ```
#[derive(Clone, Debug)]
#[must_use = "a builder does nothing until it builds"]
pub struct RecorderBuilder {
    pub(super) prefix: String,
    pub(super) global: Vec<(String, String)>,
    pub(super) interval: Duration,
    pub(super) labels: Labels,
    pub(super) scheme: Scheme,
    pub(super) counters: Counters,
    pub(super) quantiles: Vec<f64>,
    pub(super) statistics: Statistics,
    pub(super) idle_timeout: Option<Duration>,
    pub(super) self_metrics: bool,
}

impl RecorderBuilder {
    pub(super) fn new() -> Self {
        Self {
            prefix: String::new(),
            global: Vec::new(),
            interval: Duration::from_secs(10),
            labels: Labels::default(),
            scheme: Scheme::Portable,
            counters: Counters::default(),
            quantiles: vec![0.5, 0.75, 0.95, 0.99, 0.999],
            statistics: Statistics::default(),
            idle_timeout: Some(Duration::from_secs(600)),
            self_metrics: false,
        }
    }

    /// Sets what every path begins with: parts joined by dots, `shop.web01`. Default: nothing.
    ///
    /// Two processes with one prefix, and the same global labels, overwrite each other's values:
    /// put in the host's name, and the instance's where a host runs several. What is not made of
    /// ASCII letters, digits, `_`, `-`, `:` and `%` is [encoded](Self::names).
    pub fn prefix(mut self, prefix: impl Into<String>) -> Self {
        self.prefix = prefix.into();
        self
    }

    /// Adds a label to every series; a second one of the same key takes the place of the first. A
    /// label of a series' own with this key has one more `_` at the key's end.
    pub fn global_label(mut self, key: impl Into<String>, value: impl Into<String>) -> Self {
        let (key, value) = (key.into(), value.into());
        self.global.retain(|(other, _)| *other != key);
        self.global.push((key, value));
        self
    }

    /// Sets how often is reported, and how long an interval is. Default: 10 s, carbon's finest
    /// resolution in many set-ups; it should be that of the store. Whole seconds, from 1 s to a
    /// day.
    pub fn interval(mut self, interval: Duration) -> Self {
        self.interval = interval;
        self
    }

    /// Sets where labels stand. Default: [`Labels::Tags`].
    pub fn labels(mut self, labels: Labels) -> Self {
        self.labels = labels;
        self
    }

    /// Sets how the parts of names, and the keys and values of labels, become safe. Default:
    /// [`Scheme::Portable`], whose names pass every receiver and relay unchanged.
    pub fn names(mut self, scheme: Scheme) -> Self {
        self.scheme = scheme;
        self
    }

    /// Sets what counters send. Default: [`Counters::Total`].
    pub fn counters(mut self, counters: Counters) -> Self {
        self.counters = counters;
        self
    }

    /// Sets the quantiles of histograms, each from 0 to 1. Default: 0.5, 0.75, 0.95, 0.99 and
    /// 0.999; none is allowed. Their series are called `p` and the digits behind the point, two at
    /// least: 0.5 is `p50`, 0.999 is `p999`, 0.05 is `p05`; 0 is `p0` and 1 is `p100`.
    pub fn quantiles(mut self, quantiles: &[f64]) -> Self {
        self.quantiles = quantiles.to_vec();
        self
    }

    /// Sets which statistics of histograms are sent. Default: all but the sum.
    pub fn statistics(mut self, statistics: Statistics) -> Self {
        self.statistics = statistics;
        self
    }

    /// Sets after how long a series that was not touched is no longer sent, and forgotten as soon
    /// as nobody holds a handle of it; after six times as long if its last count was never taken, as
    /// in an outage. Default: 10 minutes; with `None` never. A counter that was forgotten begins at 0
    /// when it comes again.
    pub fn idle_timeout(mut self, timeout: Option<Duration>) -> Self {
        self.idle_timeout = timeout;
        self
    }

    /// Sets whether the client's own [`Stats`](crate::Stats) are reported too, below
    /// `graphite_client.`: what became of points as counters, what is queued and kept as gauges.
    /// Default: no. A recorder without a reporter has no client, and reports none.
    pub fn self_metrics(mut self, yes: bool) -> Self {
        self.self_metrics = yes;
        self
    }

    /// Makes the recorder: no global one is set, and nothing is reported but what is
    /// [collected](Recorder::collect). For tests, and for transports of one's own.
    ///
    /// # Panics
    ///
    /// A setting makes no sense; [`try_build`](Self::try_build) says so instead.
    #[must_use]
    pub fn build(self) -> Recorder {
        match self.try_build() {
            Ok(recorder) => recorder,
            Err(error) => panic!("{error}"),
        }
    }

    /// Makes the recorder.
    ///
    /// # Errors
    ///
    /// A setting makes no sense.
    pub fn try_build(self) -> Result<Recorder, ConfigError> {
        ConfigError::check_interval(self.interval)?;
        match self.quantiles.iter().find(|quantile| !(0.0..=1.0).contains(*quantile)) {
            Some(&quantile) => Err(ConfigError::Quantile(quantile)),
            None => Ok(Recorder::new(self)),
        }
    }
}
