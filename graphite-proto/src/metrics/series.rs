//! A series: its names, what was sent of it, and what is due.
//!
//! Not here: which series there are ([`super::collector`]).

use std::sync::Arc;
use std::sync::atomic::Ordering;

use ::metrics::atomics::AtomicU64;
use metrics_util::registry::Generation;

use super::settings::{Counters, MAX_STATISTIC, RecorderBuilder, Statistics};
use super::sketch::{Reading, Sketch};
use super::storage::Handle;
use crate::metric::Metric;
use crate::value::{Timestamp, Value};

/// What takes points, and says whether it did.
pub(super) type Take<'t> = &'t mut dyn FnMut(Metric<'_>) -> bool;

/// What is sent of each kind.
#[derive(Debug)]
pub(super) struct Form {
    counters: Counters,
    statistics: Statistics,
    quantiles: Vec<(String, f64)>,
}

impl Form {
    pub(super) fn new(builder: &RecorderBuilder) -> Self {
        let mut quantiles: Vec<(String, f64)> = Vec::new();
        for &quantile in &builder.quantiles {
            let name = quantile_name(quantile);
            if quantiles.iter().all(|(other, _)| *other != name) {
                quantiles.push((name, quantile));
            }
        }
        Self { counters: builder.counters, statistics: builder.statistics, quantiles }
    }

    /// Returns the names of what is sent of a histogram, in that order.
    fn histogram(&self) -> impl Iterator<Item = &str> {
        let Statistics { count, sum, min, max, mean } = self.statistics;
        let statistics =
            [(count, "count"), (sum, "sum"), (min, "min"), (max, "max"), (mean, "mean")];
        let statistics = statistics.into_iter().filter(|(sent, _)| *sent).map(|(_, name)| name);
        statistics.chain(self.quantiles.iter().map(|(name, _)| name.as_str()))
    }
}

/// Returns the name of a quantile: the digits of its percentage without the point.
fn quantile_name(quantile: f64) -> String {
    let digits = format!("{quantile}");
    let mut name = match digits.strip_prefix("0.") {
        Some(digits) => format!("p{digits:0<2}"),
        None if quantile == 0.0 => "p0".to_owned(),
        None => "p100".to_owned(),
    };
    name.truncate(MAX_STATISTIC);
    name
}

/// What stands behind a series.
#[derive(Clone)]
pub(super) enum Figure {
    Counter(Handle<AtomicU64>),
    Gauge(Handle<AtomicU64>),
    Histogram(Handle<Sketch>),
}

impl Figure {
    pub(super) fn kind(&self) -> &'static str {
        match self {
            Self::Counter(_) => "counter",
            Self::Gauge(_) => "gauge",
            Self::Histogram(_) => "histogram",
        }
    }

    /// Returns the names of what is sent of it, in that order.
    pub(super) fn statistics<'f>(&self, form: &'f Form) -> Vec<&'f str> {
        match self {
            Self::Counter(_) => vec!["count"],
            Self::Gauge(_) => vec![""],
            Self::Histogram(_) => form.histogram().collect(),
        }
    }

    fn generation(&self) -> Generation {
        match self {
            Self::Counter(handle) | Self::Gauge(handle) => handle.get_generation(),
            Self::Histogram(handle) => handle.get_generation(),
        }
    }

    fn set_idle(&self, generation: Generation) {
        match self {
            Self::Counter(handle) | Self::Gauge(handle) => handle.get_inner().set_idle(generation),
            Self::Histogram(handle) => handle.get_inner().set_idle(generation),
        }
    }

    fn is_held(&self) -> bool {
        match self {
            Self::Counter(handle) | Self::Gauge(handle) => handle.get_inner().is_held(),
            Self::Histogram(handle) => handle.get_inner().is_held(),
        }
    }

    fn is_forgotten(&self) -> bool {
        match self {
            Self::Counter(handle) | Self::Gauge(handle) => handle.get_inner().is_forgotten(),
            Self::Histogram(handle) => handle.get_inner().is_forgotten(),
        }
    }
}

pub(super) struct Series {
    /// Of what is sent, in that order.
    pub(super) names: Box<[Arc<str>]>,
    figure: Figure,
    /// The generation that was seen last, and when it was new.
    seen: Option<Generation>,
    touched: Timestamp,
    /// What was due was taken.
    settled: bool,
    /// Samples that were taken out of the sketch so far.
    samples: u64,
    /// How much of a count was sent.
    sent: u64,
}

/// One report of one series.
pub(super) struct Due<'d> {
    pub(super) form: &'d Form,
    pub(super) at: Timestamp,
    /// The interval goes on: what is sent is its state so far, and stays due.
    pub(super) interim: bool,
    pub(super) reading: &'d mut Reading,
    /// Values and samples that are not finite.
    pub(super) skipped: u64,
    pub(super) take: Take<'d>,
}

impl Due<'_> {
    /// Sends a value; returns whether it is settled. One that is not finite is nothing to send.
    fn send(&mut self, name: &str, value: impl Into<Value>) -> bool {
        let value = value.into();
        if value.is_finite() {
            return (self.take)(Metric::new(name, value).at(self.at));
        }
        self.skipped += u64::from(!self.interim);
        true
    }

    fn counted(&self, total: u64, sent: u64) -> u64 {
        match self.form.counters {
            Counters::Total => total,
            Counters::PerInterval => total.wrapping_sub(sent),
        }
    }
}

impl Series {
    pub(super) fn new(names: Box<[Arc<str>]>, figure: Figure, at: Timestamp) -> Self {
        Self { names, figure, seen: None, touched: at, settled: false, samples: 0, sent: 0 }
    }

    /// Sends what is due, if the series is not idle; returns whether it is, and nobody holds a
    /// handle of it.
    pub(super) fn report(
        &mut self,
        due: &mut Due<'_>,
        idle_timeout: Option<i128>,
        blank: Generation,
    ) -> bool {
        // Read before the figure: what comes between is seen twice rather than never.
        let generation = self.figure.generation();
        if self.seen != Some(generation) {
            self.touched = due.at;
        } else if self.settled && idle_timeout.is_some_and(|timeout| self.age(due.at) >= timeout) {
            self.figure.set_idle(generation);
            return !self.figure.is_held();
        }
        let settled = match &self.figure {
            Figure::Counter(handle) => {
                let total = handle.get_inner().figure.load(Ordering::Acquire);
                self.count(total, 0, due)
            }
            // Nobody has said yet what it is.
            Figure::Gauge(_) if generation == blank => true,
            Figure::Gauge(handle) => {
                let bits = handle.get_inner().figure.load(Ordering::Acquire);
                due.send(&self.names[0], f64::from_bits(bits))
            }
            Figure::Histogram(handle) => {
                let sketch = &handle.get_inner().figure;
                match due.interim {
                    true => sketch.look(due.reading),
                    false => sketch.take(due.reading),
                }
                self.histogram(due)
            }
        };
        if !due.interim {
            self.seen = Some(generation);
            self.settled = settled;
        }
        false
    }

    /// Returns for how many seconds it was not touched.
    fn age(&self, at: Timestamp) -> i128 {
        at.seconds() - self.touched.seconds()
    }

    /// Sends a count, by the name of this index.
    fn count(&mut self, total: u64, name: usize, due: &mut Due<'_>) -> bool {
        let taken = due.send(&self.names[name], due.counted(total, self.sent));
        if taken && !due.interim {
            self.sent = total;
        }
        taken
    }

    /// Sends what was read of a histogram.
    fn histogram(&mut self, due: &mut Due<'_>) -> bool {
        let total = self.samples.wrapping_add(due.reading.count);
        if !due.interim {
            self.samples = total;
            due.skipped += due.reading.refused;
        }
        let Statistics { count, sum, min, max, mean } = due.form.statistics;
        let settled = !count || self.count(total, 0, due);
        if due.reading.is_empty() {
            return settled;
        }
        let reading = &*due.reading;
        let statistics =
            [(sum, reading.sum), (min, reading.min), (max, reading.max), (mean, reading.mean())];
        let mut names = self.names.iter().skip(usize::from(count));
        for (_, value) in statistics.into_iter().filter(|(sent, _)| *sent) {
            // What finds no room is the interval's alone, and is not due again.
            names.next().map(|name| due.send(name, value));
        }
        let form = due.form;
        for ((_, quantile), name) in form.quantiles.iter().zip(names) {
            due.send(name, due.reading.quantile(*quantile));
        }
        settled
    }

    pub(super) fn is_forgotten(&self) -> bool {
        self.figure.is_forgotten()
    }
}
