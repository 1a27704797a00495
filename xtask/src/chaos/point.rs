//! The points of a run: each is made from its number, and can be checked against it.

use graphite_proto::{Metric, Protocol, Value};

/// The number of the first point. With ten digits, and below 2^31, every point of a run takes the
/// same number of bytes in each protocol.
pub(super) const FIRST: u64 = 1_000_000_000;
/// No run gets this far.
pub(super) const LIMIT: u64 = 2_000_000_000;

const SERIES: u64 = 1000;
const START: u64 = 1_700_000_000;

/// Makes points and knows them again.
pub(super) struct Points {
    paths: Vec<String>,
}

impl Points {
    pub(super) fn new() -> Self {
        let path = |series| format!("servers.web{series:03}.cpu.user");
        Self { paths: (0..SERIES).map(path).collect() }
    }

    fn path(&self, number: u64) -> &str {
        // The remainder of a thousand is below it.
        &self.paths[(number % SERIES) as usize]
    }

    pub(super) fn make(&self, number: u64) -> Metric<'_> {
        Metric::new(self.path(number), number).at(timestamp(number))
    }

    /// Returns the number of a point that arrived, unless any part of it is not as it was sent.
    pub(super) fn number(&self, metric: &Metric<'_>) -> Option<u64> {
        let number = match metric.value() {
            Value::I64(value) => u64::try_from(value).ok()?,
            Value::U64(value) => value,
            _ => return None,
        };
        let whole = (FIRST..LIMIT).contains(&number)
            && metric.path() == self.path(number)
            && metric.timestamp() == Some(timestamp(number).into());
        whole.then_some(number)
    }

    /// Returns how many points at least that many bytes hold, rounded up.
    pub(super) fn in_bytes(&self, protocol: Protocol, bytes: usize) -> u64 {
        let encoded = |points: u64| {
            let mut buffer = Vec::new();
            let metrics = (FIRST..FIRST + points).map(|number| self.make(number));
            // A point made here is valid, or the run itself would fail at its first one.
            let _ = protocol.encode(metrics, 0, &mut buffer);
            buffer.len()
        };
        // The difference leaves out what a frame adds.
        let point = (encoded(400) - encoded(200)) / 200;
        bytes.div_ceil(point.max(1)) as u64
    }
}

fn timestamp(number: u64) -> u64 {
    START + (number - FIRST) / SERIES
}
