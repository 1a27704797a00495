//! The client's own counts as series of the recorder that it reports for.
//!
//! Not here: what the counts mean ([`Stats`]).

use ::metrics::{Counter, Gauge, Key, Level, Metadata, Recorder as _};

use crate::metrics::Recorder;
use crate::stats::Stats;

/// What became of points, and of reports.
const COUNTERS: [&str; 10] = [
    "graphite_client.accepted",
    "graphite_client.written",
    "graphite_client.dropped",
    "graphite_client.confirmed",
    "graphite_client.replayed",
    "graphite_client.in_doubt",
    "graphite_client.rejected",
    "graphite_client.skipped",
    "graphite_client.reconnects",
    "graphite_client.missed_reports",
];

/// What is there now.
const GAUGES: [&str; 3] =
    ["graphite_client.queued", "graphite_client.queued_bytes", "graphite_client.window_bytes"];

pub(crate) struct SelfMetrics {
    counters: [Counter; 10],
    gauges: [Gauge; 3],
}

impl SelfMetrics {
    pub(crate) fn register(recorder: &Recorder) -> Self {
        let metadata = Metadata::new(module_path!(), Level::INFO, None);
        let key = Key::from_static_name;
        Self {
            counters: COUNTERS.map(|name| recorder.register_counter(&key(name), &metadata)),
            gauges: GAUGES.map(|name| recorder.register_gauge(&key(name), &metadata)),
        }
    }

    #[expect(clippy::cast_precision_loss, reason = "gauges are floats")]
    pub(crate) fn update(&self, stats: &Stats, missed_reports: u64) {
        let counts = [
            stats.accepted,
            stats.written,
            stats.dropped,
            stats.confirmed,
            stats.replayed,
            stats.in_doubt,
            stats.rejected,
            stats.skipped,
            stats.reconnects,
            missed_reports,
        ];
        self.counters.iter().zip(counts).for_each(|(counter, count)| counter.absolute(count));
        let levels = [stats.queued, stats.queued_bytes as u64, stats.window_bytes as u64];
        self.gauges.iter().zip(levels).for_each(|(gauge, level)| gauge.set(level as f64));
    }
}
