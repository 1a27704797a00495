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
    /// How much of a count was offered, and how much was taken.
    offered: u64,
    sent: u64,
}

/// What a report is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Scope {
    /// An interval that has ended. What is not taken is missed.
    Whole,
    /// The same as far as there is room: what is not taken is offered again by the next call.
    AsFits,
    /// An interval that goes on: its state so far, all of which stays due.
    Interim,
}

/// The values of one series that are to be sent; kept for the next one, so that nothing is allocated.
#[derive(Debug, Default)]
pub(super) struct Offer {
    /// By the index of the name.
    values: Vec<(usize, Value)>,
    done: usize,
    reading: Reading,
}

impl Offer {
    pub(super) fn is_done(&self) -> bool {
        self.done == self.values.len()
    }
}

/// One report, which goes from series to series.
pub(super) struct Due<'d> {
    pub(super) form: &'d Form,
    pub(super) at: Timestamp,
    pub(super) scope: Scope,
    /// In seconds, as timestamps are.
    pub(super) idle_timeout: Option<i128>,
    /// The generation of a series that was never touched.
    pub(super) blank: Generation,
    pub(super) offer: &'d mut Offer,
    /// Values and samples that are not finite.
    pub(super) skipped: u64,
    pub(super) take: Take<'d>,
}

impl Due<'_> {
    fn is_interim(&self) -> bool {
        self.scope == Scope::Interim
    }

    /// Offers a value; one that is not finite is nothing to send.
    fn push(&mut self, name: usize, value: impl Into<Value>) {
        let value = value.into();
        match value.is_finite() {
            true => self.offer.values.push((name, value)),
            false => self.skipped += u64::from(!self.is_interim()),
        }
    }

    fn push_count(&mut self, total: u64, sent: u64) {
        let count = match self.form.counters {
            Counters::Total => total,
            Counters::PerInterval => total.wrapping_sub(sent),
        };
        self.push(0, count);
    }
}

/// What came of a series in a report.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Reported {
    /// A value was not taken.
    pub(super) refused: bool,
    /// It is idle, and nobody holds a handle of it.
    pub(super) forgettable: bool,
}

impl Series {
    pub(super) fn new(names: Box<[Arc<str>]>, figure: Figure, at: Timestamp) -> Self {
        let (seen, settled, samples, offered, sent) = (None, false, 0, 0, 0);
        Self { names, figure, seen, touched: at, settled, samples, offered, sent }
    }

    /// Sends what is due, if the series is not idle. What is left of an offer is this series', and is
    /// sent first of all.
    pub(super) fn report(&mut self, due: &mut Due<'_>) -> Reported {
        if due.offer.is_done() {
            // Read before the figure: what comes between is seen twice rather than never.
            let generation = self.figure.generation();
            if self.is_idle(generation, due) {
                self.figure.set_idle(generation);
                return Reported { forgettable: !self.figure.is_held(), refused: false };
            }
            self.read(generation, due);
        }
        Reported { refused: self.send(due), forgettable: false }
    }

    fn is_idle(&mut self, generation: Generation, due: &Due<'_>) -> bool {
        if self.seen != Some(generation) {
            self.touched = due.at;
            return false;
        }
        let age = due.at.seconds() - self.touched.seconds();
        self.settled && due.idle_timeout.is_some_and(|timeout| age >= timeout)
    }

    /// Makes an offer of what is due.
    fn read(&mut self, generation: Generation, due: &mut Due<'_>) {
        due.offer.values.clear();
        due.offer.done = 0;
        match &self.figure {
            Figure::Counter(handle) => {
                self.offered = handle.get_inner().figure.load(Ordering::Acquire);
                due.push_count(self.offered, self.sent);
            }
            // Nobody has said yet what it is.
            Figure::Gauge(_) if generation == due.blank => {}
            Figure::Gauge(handle) => {
                let bits = handle.get_inner().figure.load(Ordering::Acquire);
                due.push(0, f64::from_bits(bits));
            }
            Figure::Histogram(_) => self.read_histogram(due),
        }
        if !due.is_interim() {
            self.seen = Some(generation);
            self.settled = !due.offer.values.iter().any(|(name, _)| self.lasts(due.form, *name));
        }
    }

    fn read_histogram(&mut self, due: &mut Due<'_>) {
        let Figure::Histogram(handle) = &self.figure else { return };
        let (sketch, interim) = (&handle.get_inner().figure, due.is_interim());
        let mut reading = std::mem::take(&mut due.offer.reading);
        match interim {
            true => sketch.look(&mut reading),
            false => sketch.take(&mut reading),
        }
        let total = self.samples.wrapping_add(reading.count);
        if !interim {
            self.samples = total;
            due.skipped += reading.refused;
        }
        let Statistics { count, sum, min, max, mean } = due.form.statistics;
        if count {
            self.offered = total;
            due.push_count(total, self.sent);
        }
        if !reading.is_empty() {
            let statistics = [
                (sum, reading.sum),
                (min, reading.min),
                (max, reading.max),
                (mean, reading.mean()),
            ];
            let statistics = statistics.into_iter().filter(|(sent, _)| *sent);
            let form = due.form;
            let quantiles = form.quantiles.iter().map(|(_, quantile)| reading.quantile(*quantile));
            let values = statistics.map(|(_, value)| value).chain(quantiles);
            (usize::from(count)..).zip(values).for_each(|(name, value)| due.push(name, value));
        }
        due.offer.reading = reading;
    }

    /// Returns whether a value stays due until it is taken; others are one interval's alone.
    fn lasts(&self, form: &Form, name: usize) -> bool {
        match self.figure {
            Figure::Counter(_) | Figure::Gauge(_) => true,
            Figure::Histogram(_) => name == 0 && form.statistics.count,
        }
    }

    /// Sends what is left of the offer; returns whether a value was not taken.
    fn send(&mut self, due: &mut Due<'_>) -> bool {
        let mut refused = false;
        while let Some(&(name, value)) = due.offer.values.get(due.offer.done) {
            if !(due.take)(Metric::new(&*self.names[name], value).at(due.at)) {
                refused = true;
                if due.scope == Scope::AsFits {
                    break;
                }
            } else if !due.is_interim() && self.lasts(due.form, name) {
                self.sent = self.offered;
                self.settled = true;
            }
            due.offer.done += 1;
        }
        refused
    }

    pub(super) fn is_forgotten(&self) -> bool {
        self.figure.is_forgotten()
    }
}
