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
use crate::value::{Timestamp, Value};

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
    /// Samples that were taken out of the sketch so far.
    samples: u64,
    count: Count,
}

/// How far a count was sent.
#[derive(Debug, Default)]
struct Count {
    /// As it stood at the end of the last interval.
    total: u64,
    /// How much of it was taken.
    sent: u64,
    /// What a look at an interval that went on has sent: the interval, and how much.
    looked: Option<(Timestamp, u64)>,
}

impl Count {
    /// What a look has sent is in the store. The report of that interval takes its place; that of
    /// another one does not, and must not send it again.
    fn settle_look(&mut self, at: Timestamp) {
        if let Some((_, total)) = self.looked.take_if(|(looked, _)| *looked != at) {
            self.sent = total;
        }
    }

    fn value(&self, total: u64, counters: Counters) -> u64 {
        match counters {
            Counters::Total => total,
            Counters::PerInterval => total.wrapping_sub(self.sent),
        }
    }
}

/// A value of a series at the end of an interval.
#[derive(Clone, Copy, Debug)]
pub(super) struct Reported {
    /// The indices of the series and of the name.
    pub(super) series: usize,
    pub(super) name: usize,
    pub(super) value: Value,
}

/// One report, or a look at an interval that goes on.
pub(super) struct Report<'r> {
    pub(super) form: &'r Form,
    pub(super) at: Timestamp,
    /// The interval goes on: what is read stays.
    pub(super) look: bool,
    /// In seconds, as timestamps are.
    pub(super) idle_timeout: Option<i128>,
    /// The generation of a series that was never touched.
    pub(super) blank: Generation,
    pub(super) reading: &'r mut Reading,
    pub(super) values: &'r mut Vec<Reported>,
    /// Values and samples that are not finite.
    pub(super) skipped: u64,
}

impl Report<'_> {
    /// Adds a value; one that is not finite is nothing to send.
    fn push(&mut self, series: usize, name: usize, value: impl Into<Value>) {
        let value = value.into();
        match value.is_finite() {
            true => self.values.push(Reported { series, name, value }),
            false => self.skipped += u64::from(!self.look),
        }
    }
}

/// How many idle timeouts a count that was not taken is kept for, if nobody holds a handle: its last
/// state never arrived, but an outage must not fill the memory.
const UNSENT: i128 = 6;

impl Series {
    pub(super) fn new(names: Box<[Arc<str>]>, figure: Figure, at: Timestamp) -> Self {
        let count = Count::default();
        Self { names, figure, seen: None, touched: at, samples: 0, count }
    }

    /// Reads what is due of the series with this index, if it is not idle; returns whether it is,
    /// and may be forgotten.
    pub(super) fn read(&mut self, index: usize, report: &mut Report<'_>) -> bool {
        // Read before the figure: what comes between is seen twice rather than never.
        let generation = self.figure.generation();
        if self.is_idle(generation, report) {
            self.figure.set_idle(generation);
            return !self.figure.is_held();
        }
        match &self.figure {
            Figure::Counter(handle) => {
                let total = handle.get_inner().figure.load(Ordering::Acquire);
                self.read_count(index, total, report);
            }
            // Nobody has said yet what it is.
            Figure::Gauge(_) if generation == report.blank => {}
            Figure::Gauge(handle) => {
                let bits = handle.get_inner().figure.load(Ordering::Acquire);
                report.push(index, 0, f64::from_bits(bits));
            }
            Figure::Histogram(_) => self.read_histogram(index, report),
        }
        if !report.look {
            self.seen = Some(generation);
        }
        false
    }

    fn is_idle(&mut self, generation: Generation, report: &Report<'_>) -> bool {
        if self.seen != Some(generation) {
            self.touched = report.at;
            return false;
        }
        let age = report.at.seconds() - self.touched.seconds();
        let unsent = self.count.sent != self.count.total;
        let factor = if unsent { UNSENT } else { 1 };
        report.idle_timeout.is_some_and(|timeout| age >= factor * timeout)
    }

    fn read_count(&mut self, index: usize, total: u64, report: &mut Report<'_>) {
        self.count.settle_look(report.at);
        if !report.look {
            self.count.total = total;
        }
        report.push(index, 0, self.count.value(total, report.form.counters));
    }

    fn read_histogram(&mut self, index: usize, report: &mut Report<'_>) {
        let Figure::Histogram(handle) = &self.figure else { return };
        let sketch = &handle.get_inner().figure;
        let mut reading = std::mem::take(report.reading);
        match report.look {
            true => sketch.look(&mut reading),
            false => sketch.take(&mut reading),
        }
        let total = self.samples.wrapping_add(reading.count);
        if !report.look {
            self.samples = total;
            report.skipped += reading.refused;
        }
        let Statistics { count, sum, min, max, mean } = report.form.statistics;
        if count {
            self.read_count(index, total, report);
        }
        if !reading.is_empty() {
            let statistics = [
                (sum, reading.sum),
                (min, reading.min),
                (max, reading.max),
                (mean, reading.mean()),
            ];
            let statistics = statistics.into_iter().filter(|(sent, _)| *sent);
            let quantiles = &report.form.quantiles;
            let quantiles = quantiles.iter().map(|(_, quantile)| reading.quantile(*quantile));
            let values = statistics.map(|(_, value)| value).chain(quantiles);
            let named = (usize::from(count)..).zip(values);
            named.for_each(|(name, value)| report.push(index, name, value));
        }
        *report.reading = reading;
    }

    /// Returns whether a value is a count, which stays due until it is taken; others are one
    /// interval's alone.
    fn is_count(&self, form: &Form, name: usize) -> bool {
        match self.figure {
            Figure::Counter(_) => true,
            Figure::Gauge(_) => false,
            Figure::Histogram(_) => name == 0 && form.statistics.count,
        }
    }

    /// A value of an interval that has ended was taken.
    pub(super) fn taken(&mut self, form: &Form, name: usize) {
        if self.is_count(form, name) {
            self.count.sent = self.count.total;
            self.count.looked = None;
        }
    }

    /// A value of an interval that goes on was taken.
    #[cfg(feature = "client")]
    pub(super) fn looked_at(&mut self, form: &Form, at: Timestamp, reported: &Reported) {
        if let (true, Value::U64(value)) = (self.is_count(form, reported.name), reported.value) {
            let total = match form.counters {
                Counters::Total => value,
                Counters::PerInterval => self.count.sent.wrapping_add(value),
            };
            self.count.looked = Some((at, total));
        }
    }

    pub(super) fn is_forgotten(&self) -> bool {
        self.figure.is_forgotten()
    }
}
