//! Which series there are: those that came up since the last report get their names, those that are
//! idle are forgotten.
//!
//! Not here: what is sent of each ([`super::series`]).

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use ::metrics::Key;
use metrics_util::registry::{Generation, Storage as _};

use super::names::Naming;
use super::series::{Figure, Form, Report, Reported, Series};
use super::sketch::Reading;
use super::storage::{Registry, is_kept};
use crate::metric::Metric;
use crate::value::Timestamp;

/// What takes points, and says whether it did.
pub(super) type Take<'t> = &'t mut dyn FnMut(Metric<'_>) -> bool;

/// What a recorder knows of the series in its registry.
pub(super) struct Collector {
    naming: Naming,
    form: Form,
    /// In seconds, as timestamps are.
    idle_timeout: Option<i128>,
    /// That of a series which was never touched.
    blank: Generation,
    pub(super) series: Vec<Series>,
    names: BTreeSet<Arc<str>>,
    /// Where the next report begins: with what the last one found no room for first, so that with
    /// too little of it, it is not the same series that are missed each time.
    begin: usize,
    /// The report that is being given, and how far that is; kept for the next one, so that nothing
    /// is allocated.
    at: Timestamp,
    values: Vec<Reported>,
    given: usize,
    /// Some series may be forgotten, as soon as no value stands by their places.
    forgettable: bool,
    reading: Reading,
    counts: Arc<Counts>,
}

/// What a recorder tells of itself, without waiting for a report.
#[derive(Debug, Default)]
pub(super) struct Counts {
    pub(super) series: AtomicUsize,
    pub(super) skipped: AtomicU64,
    pub(super) renamed: AtomicU64,
}

impl Collector {
    pub(super) fn new(
        naming: Naming,
        form: Form,
        idle_timeout: Option<i128>,
        registry: &Registry,
        counts: Arc<Counts>,
    ) -> Self {
        let blank = registry.storage().counter(&Key::from_static_name("")).get_generation();
        Self {
            naming,
            form,
            idle_timeout,
            blank,
            series: Vec::new(),
            names: BTreeSet::new(),
            begin: 0,
            at: Timestamp::from(0),
            values: Vec::new(),
            given: 0,
            forgettable: false,
            reading: Reading::default(),
            counts,
        }
    }

    /// Reads what is due of an interval that has ended. What is left of the report before is given
    /// up.
    pub(super) fn read(&mut self, registry: &Registry, at: Timestamp) {
        self.end(registry);
        self.list_new(registry, at);
        self.at = at;
        let Self { form, series, values, reading, .. } = self;
        let (idle_timeout, blank, look) = (self.idle_timeout, self.blank, false);
        let mut report =
            Report { form, at, look, idle_timeout, blank, reading, values, skipped: 0 };
        let all = series.len();
        for index in (0..all).map(|index| (self.begin + index) % all) {
            self.forgettable |= series[index].read(index, &mut report);
        }
        self.counts.skipped.fetch_add(report.skipped, Ordering::Relaxed);
    }

    /// Ends the report: what of it was not given is missed.
    fn end(&mut self, registry: &Registry) {
        self.values.clear();
        self.given = 0;
        if std::mem::take(&mut self.forgettable) {
            self.forget(registry);
        }
        self.counts.series.store(self.series.len(), Ordering::Relaxed);
    }

    /// Gives what was read and not given yet; what is not taken is left for the next call if the
    /// report `stops` there. Returns whether that was all.
    pub(super) fn give(&mut self, registry: &Registry, stops: bool, take: Take<'_>) -> bool {
        let mut first = None;
        while let Some(Reported { series, name, value }) = self.values.get(self.given).copied() {
            let one = &mut self.series[series];
            if take(Metric::new(&*one.names[name], value).at(self.at)) {
                one.taken(&self.form, name);
            } else {
                first = first.or(Some(series));
                if stops {
                    self.begin = series;
                    return false;
                }
            }
            self.given += 1;
        }
        self.begin = first.unwrap_or(self.begin);
        self.end(registry);
        true
    }

    /// Gives up what was read and not given; returns how many values that were.
    #[cfg(feature = "client")]
    pub(super) fn give_up(&mut self, registry: &Registry) -> usize {
        let left = self.values.len() - self.given;
        self.end(registry);
        left
    }

    /// Gives the state of an interval that goes on; all of it stays due.
    #[cfg(feature = "client")]
    pub(super) fn look(&mut self, registry: &Registry, at: Timestamp, take: Take<'_>) {
        self.list_new(registry, at);
        let (mut values, mut reading) = (Vec::new(), Reading::default());
        let Self { form, series, idle_timeout, blank, .. } = self;
        let (idle_timeout, blank, values) = (*idle_timeout, *blank, &mut values);
        let (look, reading, skipped) = (true, &mut reading, 0);
        let mut report = Report { form, at, look, idle_timeout, blank, reading, values, skipped };
        for (index, one) in series.iter_mut().enumerate() {
            one.read(index, &mut report);
        }
        for reported in values {
            let one = &mut series[reported.series];
            if take(Metric::new(&*one.names[reported.name], reported.value).at(at)) {
                one.looked_at(form, at, reported);
            }
        }
    }

    /// Takes in the series that were not there at the last report, in an order that is the same in
    /// each process.
    fn list_new(&mut self, registry: &Registry, at: Timestamp) {
        let mut new = Vec::new();
        registry.visit_counters(|key, handle| {
            if handle.get_inner().is_new() {
                new.push((key.clone(), Figure::Counter(handle.clone())));
            }
        });
        registry.visit_gauges(|key, handle| {
            if handle.get_inner().is_new() {
                new.push((key.clone(), Figure::Gauge(handle.clone())));
            }
        });
        registry.visit_histograms(|key, handle| {
            if handle.get_inner().is_new() {
                new.push((key.clone(), Figure::Histogram(handle.clone())));
            }
        });
        new.sort_by(|(key, figure), (other, others)| {
            key.cmp(other).then_with(|| figure.kind().cmp(others.kind()))
        });
        for (key, figure) in new {
            let names = self.name(&key, &figure);
            self.series.push(Series::new(names, figure, at));
        }
    }

    /// Names a series. A name that is another's already, as that of the gauge `jobs.count` is if
    /// there is a counter `jobs`, is marked.
    fn name(&mut self, key: &Key, figure: &Figure) -> Box<[Arc<str>]> {
        let statistics = figure.statistics(&self.form);
        let mut stem = self.naming.stem(key);
        let mut names: Vec<String>;
        loop {
            names = statistics.iter().map(|statistic| stem.name(statistic)).collect();
            if names.iter().all(|name| !self.names.contains(name.as_str())) {
                break;
            }
            stem.mark(self.naming.scheme(), figure.kind(), key);
            self.counts.renamed.fetch_add(1, Ordering::Relaxed);
        }
        let names: Box<[Arc<str>]> = names.into_iter().map(Arc::from).collect();
        self.names.extend(names.iter().cloned());
        names
    }

    /// Forgets what is idle and in nobody's hands.
    fn forget(&mut self, registry: &Registry) {
        registry.retain_counters(|_, handle| is_kept(handle));
        registry.retain_gauges(|_, handle| is_kept(handle));
        registry.retain_histograms(|_, handle| is_kept(handle));
        let Self { series, names, .. } = self;
        series.retain(|series| {
            if series.is_forgotten() {
                for name in &series.names {
                    names.remove(name);
                }
            }
            !series.is_forgotten()
        });
    }
}
