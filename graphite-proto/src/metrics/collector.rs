//! Which series there are: those that came up since the last report get their names, those that are
//! idle are forgotten.
//!
//! Not here: what is sent of each ([`super::series`]).

use std::collections::BTreeSet;
use std::sync::Arc;

use ::metrics::Key;
use metrics_util::registry::{Generation, Storage as _};

use super::names::Naming;
use super::series::{Due, Figure, Form, Series, Take};
use super::sketch::Reading;
use super::storage::{Registry, is_kept};
use crate::value::Timestamp;

/// What a recorder knows of the series in its registry.
pub(super) struct Collector {
    naming: Naming,
    form: Form,
    /// In seconds, as timestamps are.
    idle_timeout: Option<i128>,
    /// That of a series which was never touched.
    blank: Generation,
    series: Vec<Series>,
    names: BTreeSet<Arc<str>>,
    reading: Reading,
    pub(super) skipped: u64,
    pub(super) renamed: u64,
}

impl Collector {
    pub(super) fn new(
        naming: Naming,
        form: Form,
        idle_timeout: Option<i128>,
        registry: &Registry,
    ) -> Self {
        let blank = registry.storage().counter(&Key::from_static_name("")).get_generation();
        Self {
            naming,
            form,
            idle_timeout,
            blank,
            series: Vec::new(),
            names: BTreeSet::new(),
            reading: Reading::default(),
            skipped: 0,
            renamed: 0,
        }
    }

    pub(super) fn series(&self) -> usize {
        self.series.len()
    }

    /// Gives everything that is due.
    pub(super) fn collect(
        &mut self,
        registry: &Registry,
        at: Timestamp,
        interim: bool,
        take: Take<'_>,
    ) {
        self.list_new(registry, at);
        let Self { form, idle_timeout, blank, reading, .. } = self;
        let mut due = Due { form, at, interim, reading, skipped: 0, take };
        let mut to_forget = false;
        for series in &mut self.series {
            to_forget |= series.report(&mut due, *idle_timeout, *blank);
        }
        self.skipped += due.skipped;
        if to_forget && !interim {
            self.forget(registry);
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
            self.renamed += 1;
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
