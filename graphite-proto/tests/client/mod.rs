//! The tests of the client on every runtime: the tests of each include them, and bring a `client`
//! and a small runtime `rt` of their own.
//!
//! Order and counts are asserted, never durations: what depends on time is tested in
//! `graphite-proto`, where time is made up.

mod addresses;
mod closing;
mod complaints;
mod delivery;
mod events;
mod feeders;
mod forms;
mod lingering;
mod outage;
mod overflow;
mod proof;
pub(crate) mod receiver;
#[cfg(feature = "metrics")]
mod recording;
mod reporting;
mod settings;
mod sharing;
mod streams;
mod surface;
mod texts;
#[cfg(feature = "rustls")]
mod tls;
#[cfg(feature = "rustls")]
mod tls_receiver;
#[cfg(feature = "tracing")]
mod traced;
mod waiting;
mod whole;

use std::sync::{Arc, Mutex};
use std::time::Duration;

use crate::client::{Builder, Client, Event, Metric, Stats};

/// No test takes longer: one that does hangs.
pub(crate) const LIMIT: Duration = Duration::from_secs(60);

/// Short enough for a test, long enough for a busy machine.
const MS: Duration = Duration::from_millis(1);

/// A builder whose delays suit a test.
fn quick() -> Builder {
    Client::builder().backoff(5 * MS, 20 * MS)
}

/// Points named `name.0`, `name.1`, ...
fn numbered(name: &str, count: usize) -> impl Iterator<Item = Metric<'static>> + Send + use<> {
    let name = name.to_owned();
    (0..count).map(move |i| Metric::new(format!("{name}.{i}"), i).at(1_700_000_000))
}

/// Their paths.
fn names(name: &str, count: usize) -> Vec<String> {
    (0..count).map(|i| format!("{name}.{i}")).collect()
}

/// Asserts that no point is unaccounted for.
fn assert_accounted(stats: &Stats) {
    assert_eq!(stats.accepted, stats.queued + stats.written + stats.dropped, "{stats:?}");
    assert!(stats.confirmed <= stats.written, "{stats:?}");
}

/// Collects what `on_event` tells.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<Event>>>);

impl Log {
    fn listen(&self, builder: Builder) -> Builder {
        let events = self.0.clone();
        builder.on_event(move |event| events.lock().expect("log").push(event.clone()))
    }

    fn events(&self) -> Vec<Event> {
        self.0.lock().expect("log").clone()
    }

    fn count(&self, which: impl Fn(&Event) -> bool) -> usize {
        self.events().iter().filter(|event| which(event)).count()
    }

    fn lost(&self) -> usize {
        self.count(|event| matches!(event, Event::Lost(_)))
    }

    fn connected(&self) -> usize {
        self.count(|event| matches!(event, Event::Connected))
    }

    fn gave_up(&self) -> usize {
        self.count(|event| matches!(event, Event::GaveUp { .. }))
    }
}
