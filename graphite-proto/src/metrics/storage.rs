//! What a registry of metrics-util keeps for each series, and how a series is found idle.
//!
//! Not here: what is sent of it ([`super::series`]), and when it is forgotten
//! ([`super::collector`]).

use std::sync::atomic::{AtomicBool, Ordering, fence};
use std::sync::{Arc, Mutex, PoisonError};

use ::metrics::atomics::AtomicU64;
use ::metrics::{CounterFn, GaugeFn, HistogramFn, Key};
use metrics_util::registry::{Generation, Generational, GenerationalStorage, Storage};

use super::sketch::Sketch;

/// The registry of a recorder.
pub(super) type Registry = metrics_util::registry::Registry<Key, GenerationalStorage<Cells>>;

/// A series as its handles and the registry share it; it tells whether it was touched.
pub(super) type Handle<T> = Generational<Arc<Cell<T>>>;

/// Makes the cells of a registry.
#[derive(Debug)]
pub(super) struct Cells;

/// The figure of a series, and what the collector notes beside it.
#[derive(Debug)]
pub(super) struct Cell<T> {
    pub(super) figure: T,
    /// The collector knows it.
    listed: AtomicBool,
    /// The generation in which it is idle, so that it may be forgotten.
    idle: Mutex<Option<Generation>>,
    /// The registry does not know it any more.
    forgotten: AtomicBool,
}

impl<T: Default> Cell<T> {
    fn new() -> Arc<Self> {
        Arc::new(Self {
            figure: T::default(),
            listed: AtomicBool::new(false),
            idle: Mutex::new(None),
            forgotten: AtomicBool::new(false),
        })
    }
}

impl<T> Cell<T> {
    /// Returns whether this is the first call.
    pub(super) fn is_new(&self) -> bool {
        !self.listed.load(Ordering::Relaxed) && !self.listed.swap(true, Ordering::Relaxed)
    }

    pub(super) fn set_idle(&self, generation: Generation) {
        *self.idle.lock().unwrap_or_else(PoisonError::into_inner) = Some(generation);
    }

    /// Returns whether anybody beside the registry and the collector has the series.
    pub(super) fn is_held(self: &Arc<Self>) -> bool {
        Arc::strong_count(self) > 2
    }

    pub(super) fn is_forgotten(&self) -> bool {
        self.forgotten.load(Ordering::Relaxed)
    }
}

/// Returns whether the registry is to keep a series: it was touched since it was found idle, or
/// somebody holds a handle, by which it may yet be touched. To be asked while nobody can get one.
pub(super) fn is_kept<T>(handle: &Handle<T>) -> bool {
    let cell = handle.get_inner();
    let idle = *cell.idle.lock().unwrap_or_else(PoisonError::into_inner);
    // In this order: what was done by a handle that is gone is seen.
    let held = cell.is_held();
    fence(Ordering::Acquire);
    let kept = held || idle != Some(handle.get_generation());
    cell.forgotten.store(!kept, Ordering::Relaxed);
    kept
}

impl Storage<Key> for Cells {
    type Counter = Arc<Cell<AtomicU64>>;
    type Gauge = Arc<Cell<AtomicU64>>;
    type Histogram = Arc<Cell<Sketch>>;

    fn counter(&self, _: &Key) -> Self::Counter {
        Cell::new()
    }

    fn gauge(&self, _: &Key) -> Self::Gauge {
        Cell::new()
    }

    fn histogram(&self, _: &Key) -> Self::Histogram {
        Cell::new()
    }
}

impl<T: CounterFn> CounterFn for Cell<T> {
    fn increment(&self, value: u64) {
        self.figure.increment(value);
    }

    fn absolute(&self, value: u64) {
        self.figure.absolute(value);
    }
}

impl<T: GaugeFn> GaugeFn for Cell<T> {
    fn increment(&self, value: f64) {
        self.figure.increment(value);
    }

    fn decrement(&self, value: f64) {
        self.figure.decrement(value);
    }

    fn set(&self, value: f64) {
        self.figure.set(value);
    }
}

impl<T: HistogramFn> HistogramFn for Cell<T> {
    fn record(&self, value: f64) {
        self.figure.record(value);
    }
}
