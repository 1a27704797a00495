//! Which series there are: those that came up since the last report get their names, those that are
//! idle are forgotten.
//!
//! Not here: what is sent of each ([`super::series`]).

use std::collections::BTreeSet;
use std::sync::Arc;

use ::metrics::Key;
use metrics_util::registry::{Generation, Storage as _};

use super::names::Naming;
use super::series::{Due, Figure, Form, Offer, Scope, Series, Take};
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
    /// Where the next report begins: where the last one found no room first, so that with too little
    /// of it, it is not the same series that are missed each time.
    begin: usize,
    /// A report that goes on when there is room.
    unfinished: Option<Progress>,
    offer: Offer,
    pub(super) skipped: u64,
    pub(super) renamed: u64,
}

/// How far a report got.
#[derive(Debug, Default)]
struct Progress {
    /// Series that are done with, from where it began.
    done: usize,
    /// The first one of which a value was not taken.
    refused: Option<usize>,
    forgettable: bool,
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
            begin: 0,
            unfinished: None,
            offer: Offer::default(),
            skipped: 0,
            renamed: 0,
        }
    }

    pub(super) fn series(&self) -> usize {
        self.series.len()
    }

    /// Gives what is due; returns whether that was all. What one call left is given by the next.
    pub(super) fn collect(
        &mut self,
        registry: &Registry,
        at: Timestamp,
        scope: Scope,
        take: Take<'_>,
    ) -> bool {
        let mut progress = self.unfinished.take().unwrap_or_else(|| {
            self.list_new(registry, at);
            Progress::default()
        });
        let mut offer = std::mem::take(&mut self.offer);
        self.report(&mut progress, at, scope, &mut offer, take);
        self.offer = offer;
        if progress.done < self.series.len() {
            self.unfinished = Some(progress);
            return false;
        }
        self.begin = progress.refused.unwrap_or(self.begin);
        if progress.forgettable {
            self.forget(registry);
        }
        true
    }

    /// Gives the state of an interval that goes on.
    #[cfg(feature = "client")]
    pub(super) fn look(&mut self, registry: &Registry, at: Timestamp, take: Take<'_>) {
        if self.unfinished.is_none() {
            self.list_new(registry, at);
        }
        let (mut progress, mut offer) = (Progress::default(), Offer::default());
        self.report(&mut progress, at, Scope::Interim, &mut offer, take);
    }

    fn report(
        &mut self,
        progress: &mut Progress,
        at: Timestamp,
        scope: Scope,
        offer: &mut Offer,
        take: Take<'_>,
    ) {
        let Self { form, idle_timeout, blank, .. } = self;
        let (idle_timeout, blank) = (*idle_timeout, *blank);
        let mut due = Due { form, at, scope, idle_timeout, blank, offer, skipped: 0, take };
        let all = self.series.len();
        while progress.done < all {
            let index = (self.begin + progress.done) % all;
            let reported = self.series[index].report(&mut due);
            progress.forgettable |= reported.forgettable;
            if reported.refused {
                progress.refused.get_or_insert(index);
                if scope == Scope::AsFits {
                    break;
                }
            }
            progress.done += 1;
        }
        self.skipped += due.skipped;
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
