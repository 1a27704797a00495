//! One client and what is known about its points: those it took, those that arrived.
//!
//! The two are counted apart, on either side of the socket, and compared point by point: path,
//! time and value.

use std::collections::{HashMap, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};

use graphite_proto::{Metric, Protocol};

use crate::choice::Runtime;

/// How many values of a series are kept to be drawn.
const HISTORY: usize = 64;

/// A client of one runtime that speaks one protocol.
#[derive(Debug)]
pub(super) struct Link {
    pub(super) runtime: Runtime,
    pub(super) protocol: Protocol,
    /// Whether the receiver is in this process, so that what arrives can be counted.
    pub(super) local: bool,
    state: Mutex<State>,
}

/// What is known about the points of a client.
#[derive(Debug, Default)]
pub(super) struct State {
    /// Points that the client took.
    pub(super) sent: u64,
    /// Points that the receiver decoded.
    pub(super) received: u64,
    /// What the client told last of its connection, while there is none.
    pub(super) trouble: Option<String>,
    /// What went wrong for good.
    pub(super) faults: Vec<String>,
    /// How often each point was sent, less how often it arrived; what is even is left out.
    ledger: HashMap<(String, i128, u64), i64>,
    /// Every series without its prefix, and its last values.
    pub(super) series: Vec<(String, VecDeque<f64>)>,
}

impl Link {
    pub(super) fn new(runtime: Runtime, protocol: Protocol, local: bool) -> Self {
        Self { runtime, protocol, local, state: Mutex::default() }
    }

    /// Returns what every path of this client begins with.
    pub(super) fn prefix(&self) -> String {
        format!("demo.{}.{}", self.runtime.name(), self.protocol)
    }

    pub(super) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Enters points that the client took, by their names without the prefix.
    pub(super) fn sent(&self, metrics: &[Metric<'_>]) {
        let (prefix, mut state) = (self.prefix(), self.state());
        state.sent += u64::try_from(metrics.len()).unwrap_or(u64::MAX);
        for metric in metrics {
            if self.local {
                state.enter(key(format!("{prefix}.{}", metric.path()), metric), 1);
            } else {
                state.remember(metric.path(), metric.value().as_f64());
            }
        }
    }

    /// Enters a point that the receiver decoded.
    pub(super) fn received(&self, metric: &Metric<'_>) {
        let (prefix, mut state) = (self.prefix(), self.state());
        state.received += 1;
        state.enter(key(metric.path().to_owned(), metric), -1);
        let path = metric.path();
        let name = path.strip_prefix(&prefix).and_then(|rest| rest.strip_prefix('.'));
        state.remember(name.unwrap_or(path), metric.value().as_f64());
    }
}

/// A pickle makes large integers floats, as a store does with all: compared is what is stored.
fn key(path: String, metric: &Metric<'_>) -> (String, i128, u64) {
    let seconds = metric.timestamp().map_or(-1, |time| time.seconds());
    (path, seconds, metric.value().as_f64().to_bits())
}

impl State {
    fn enter(&mut self, key: (String, i128, u64), change: i64) {
        let count = self.ledger.entry(key.clone()).or_default();
        *count += change;
        if *count == 0 {
            self.ledger.remove(&key);
        }
    }

    fn remember(&mut self, name: &str, value: f64) {
        let known = self.series.iter().position(|(known, _)| known == name);
        let index = known.unwrap_or_else(|| {
            self.series.push((name.to_owned(), VecDeque::with_capacity(HISTORY)));
            self.series.len() - 1
        });
        let values = &mut self.series[index].1;
        if values.len() == HISTORY {
            values.pop_front();
        }
        values.push_back(value);
    }

    /// Returns how many points were sent and did not arrive as they were sent.
    pub(super) fn lost(&self) -> u64 {
        self.ledger.values().map(|&count| count.max(0).unsigned_abs()).sum()
    }

    /// Returns how many points arrived that were never sent so, or more often than sent.
    pub(super) fn strange(&self) -> u64 {
        self.ledger.values().map(|&count| count.min(0).unsigned_abs()).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn link() -> Link {
        Link::new(Runtime::Tokio, Protocol::Pickle, true)
    }

    fn uneven(link: &Link) -> (u64, u64) {
        let state = link.state();
        (state.lost(), state.strange())
    }

    #[test]
    fn points_are_matched_in_any_order() {
        let (link, big) = (link(), u64::from(u32::MAX) + 1);
        link.received(&Metric::new("demo.tokio.pickle.a", 4_294_967_296.0).at(7));
        link.sent(&[Metric::new("a", big).at(7), Metric::new("a", big).at(7)]);
        assert_eq!(uneven(&link), (1, 0));
        link.received(&Metric::new("demo.tokio.pickle.a", 4_294_967_296.0).at(7));
        let state = link.state();
        assert_eq!((state.sent, state.received, state.lost(), state.strange()), (2, 2, 0, 0));
        assert!(state.ledger.is_empty());
        assert_eq!(state.series.len(), 1);
    }

    #[test]
    fn an_altered_point_is_lost_and_strange() {
        for altered in [
            Metric::new("demo.tokio.pickle.a", 2).at(7),
            Metric::new("demo.tokio.pickle.a", 1).at(8),
            Metric::new("demo.tokio.pickle.b", 1).at(7),
            Metric::new("demo.tokio.plaintext.a", 1).at(7),
        ] {
            let link = link();
            link.sent(&[Metric::new("a", 1).at(7)]);
            link.received(&altered);
            assert_eq!(uneven(&link), (1, 1), "{altered:?}");
        }
    }

    #[test]
    fn history_is_bounded() {
        let link = Link::new(Runtime::AsyncStd, Protocol::Plaintext, false);
        for value in 0..1000 {
            link.sent(&[Metric::new("a", value)]);
        }
        let state = link.state();
        assert_eq!((state.series[0].1.len(), state.series[0].1.back()), (HISTORY, Some(&999.0)));
        assert!(state.ledger.is_empty());
    }
}
