//! The recorder: what the facade's macros reach, and what gives the points.
//!
//! Not here: how anything is stored, named and summed up (the rooms beside this one).

use std::borrow::Cow;
use std::fmt;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use ::metrics::{Counter, Gauge, Histogram, Key, KeyName, Label, Metadata, SharedString, Unit};
use metrics_util::registry::GenerationalStorage;

use super::collector::{Collector, Counts};
use super::names::Naming;
use super::series::Form;
use super::settings::RecorderBuilder;
use super::storage::{Cells, Registry};
use crate::metric::Metric;
use crate::value::Timestamp;

/// A recorder of the `metrics` facade that gives points of Graphite series. Clones share all.
///
/// It is told the time and starts nothing: a reporter of the clients runs it, or whoever calls
/// [`collect`](Self::collect) once an interval.
///
/// ```
/// use graphite_proto::Protocol;
/// use graphite_proto::metrics::Recorder;
///
/// let recorder = Recorder::builder().prefix("shop.web01").build();
/// metrics::with_local_recorder(&recorder, || {
///     metrics::counter!("http.requests", "route" => "/cart/:id").increment(3);
/// });
///
/// let mut lines = Vec::new();
/// recorder.collect(1_700_000_000, &mut |point| {
///     // Never refused: names and values are made so.
///     Protocol::Plaintext.encode([point], 0, &mut lines).unwrap();
/// });
/// assert_eq!(
///     lines,
///     b"shop.web01.http.requests.count;route=_2Fcart_2F_3Aid 3 1700000000\n"
/// );
/// ```
#[derive(Clone)]
pub struct Recorder {
    inner: Arc<Inner>,
}

struct Inner {
    registry: Registry,
    collector: Mutex<Collector>,
    counts: Arc<Counts>,
    interval: Duration,
    #[cfg_attr(not(feature = "client"), expect(dead_code, reason = "a client's are meant"))]
    self_metrics: bool,
}

impl Recorder {
    /// Begins a recorder with settings of its own.
    pub fn builder() -> RecorderBuilder {
        RecorderBuilder::new()
    }

    pub(super) fn new(builder: RecorderBuilder) -> Self {
        let naming = Naming::new(&builder.prefix, builder.scheme, builder.labels, &builder.global);
        let registry = Registry::new(GenerationalStorage::new(Cells));
        // What a timestamp cannot tell counts as a second.
        let seconds =
            |time: Duration| i128::from(time.as_secs()) + i128::from(time.subsec_nanos() > 0);
        let idle_timeout = builder.idle_timeout.map(seconds);
        let (form, counts) = (Form::new(&builder), Arc::<Counts>::default());
        let collector = Collector::new(naming, form, idle_timeout, &registry, counts.clone());
        let RecorderBuilder { interval, self_metrics, .. } = builder;
        let collector = Mutex::new(collector);
        Self { inner: Arc::new(Inner { registry, collector, counts, interval, self_metrics }) }
    }

    /// Gives everything that is due, once: to be called once an interval. The points are stamped
    /// with the start of the interval that `at` lies in, a multiple of it since the epoch; for one
    /// that has just ended `at` is its start.
    ///
    /// `give` may record, but not collect from the same recorder.
    pub fn collect(&self, at: impl Into<Timestamp>, give: &mut impl FnMut(Metric<'_>)) {
        self.try_collect(at, &mut |point: Metric<'_>| {
            give(point);
            true
        });
    }

    /// Does the same for a transport that may have no room: `give` says whether it has taken the
    /// point. With [`Counters::PerInterval`](super::Counters::PerInterval) the increase that was
    /// not taken is in the next report.
    pub fn try_collect(&self, at: impl Into<Timestamp>, give: &mut impl FnMut(Metric<'_>) -> bool) {
        let (mut collector, registry) = (self.collector(), &self.inner.registry);
        collector.read(registry, self.aligned(at.into()));
        collector.give(registry, false, give);
    }

    /// Reads what is due of an interval that has ended, for [`give`](Self::give).
    #[cfg(feature = "client")]
    pub(crate) fn read(&self, at: Timestamp) {
        self.collector().read(&self.inner.registry, self.aligned(at));
    }

    /// Gives what was read; if it `stops` only as far as it is taken, and the next call goes on.
    /// Returns whether that was all.
    #[cfg(feature = "client")]
    pub(crate) fn give(&self, stops: bool, give: &mut impl FnMut(Metric<'_>) -> bool) -> bool {
        self.collector().give(&self.inner.registry, stops, give)
    }

    /// Gives up what was read and not given; returns how many points that were.
    #[cfg(feature = "client")]
    pub(crate) fn give_up(&self) -> usize {
        self.collector().give_up(&self.inner.registry)
    }

    /// Gives the state of an interval that goes on; all of it stays due.
    #[cfg(feature = "client")]
    pub(crate) fn look(&self, at: Timestamp, give: &mut impl FnMut(Metric<'_>) -> bool) {
        self.collector().look(&self.inner.registry, self.aligned(at), give);
    }

    fn aligned(&self, at: Timestamp) -> Timestamp {
        at.align(self.inner.interval)
    }

    fn collector(&self) -> MutexGuard<'_, Collector> {
        self.inner.collector.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns how often is to be reported.
    #[must_use]
    pub fn interval(&self) -> Duration {
        self.inner.interval
    }

    /// Returns how many series were known at the last report; one of a histogram has several names.
    #[must_use]
    pub fn series(&self) -> usize {
        self.inner.counts.series.load(Ordering::Relaxed)
    }

    /// Returns how many values of gauges and samples of histograms were NaN or infinite, and left
    /// out.
    #[must_use]
    pub fn skipped(&self) -> u64 {
        self.inner.counts.skipped.load(Ordering::Relaxed)
    }

    /// Returns how many series would have had the name of another one, as the gauge `jobs.count`
    /// has that of the counter `jobs`; what came later has a hash in its name.
    #[must_use]
    pub fn renamed(&self) -> u64 {
        self.inner.counts.renamed.load(Ordering::Relaxed)
    }

    #[cfg(feature = "client")]
    pub(crate) fn self_metrics(&self) -> bool {
        self.inner.self_metrics
    }
}

/// Returns the key with its labels in order, so that the order in which a macro names them makes no
/// other series.
fn canonical(key: &Key) -> Cow<'_, Key> {
    let in_order = |a: &Label, b: &Label| (a.key(), a.value()).cmp(&(b.key(), b.value()));
    if key.labels().is_sorted_by(|a, b| in_order(a, b).is_lt()) {
        return Cow::Borrowed(key);
    }
    // What is static, as keys and most values of macros are, is not copied.
    let (name, mut labels) = key.clone().into_parts();
    labels.sort_unstable_by(in_order);
    labels.dedup();
    Cow::Owned(Key::from_parts(name, labels))
}

impl ::metrics::Recorder for Recorder {
    /// Does nothing: Graphite has no place for it.
    fn describe_counter(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}

    /// Does nothing: Graphite has no place for it.
    fn describe_gauge(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}

    /// Does nothing: Graphite has no place for it.
    fn describe_histogram(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}

    fn register_counter(&self, key: &Key, _: &Metadata<'_>) -> Counter {
        self.inner.registry.get_or_create_counter(&canonical(key), |handle| handle.clone().into())
    }

    fn register_gauge(&self, key: &Key, _: &Metadata<'_>) -> Gauge {
        self.inner.registry.get_or_create_gauge(&canonical(key), |handle| handle.clone().into())
    }

    fn register_histogram(&self, key: &Key, _: &Metadata<'_>) -> Histogram {
        self.inner.registry.get_or_create_histogram(&canonical(key), |handle| handle.clone().into())
    }
}

impl fmt::Debug for Recorder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Recorder")
            .field("interval", &self.inner.interval)
            .field("series", &self.series())
            .finish_non_exhaustive()
    }
}

#[cfg(all(test, feature = "client"))]
mod tests;
