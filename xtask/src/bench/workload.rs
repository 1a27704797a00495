//! The points of every row: a thousand names, each with a value and a time of its own, over and
//! over. Not here: how they are sent.

use graphite_proto::{Metric, Protocol};

/// The points of a cycle, which is what rows count in.
pub(super) const CYCLE: u64 = 1000;
/// Ten digits, as the times of today.
const TIME: u32 = 1_700_000_000;
/// The blocks in which bare rows write, and the size of a client's frame.
pub(super) const BLOCK: usize = 64 << 10;

#[derive(Debug)]
pub(super) struct Workload {
    points: Vec<(String, f64, u32)>,
}

impl Workload {
    pub(super) fn new() -> Self {
        let point = |number: u32| {
            let name = format!("servers.web{:03}.cpu.core{}.user", number / 8, number % 8);
            (name, f64::from(number) * 0.37, TIME)
        };
        Self { points: (0..CYCLE as u32).map(point).collect() }
    }

    /// Returns the names, values and times of a cycle. The time is the same for all, but not known
    /// when this is compiled, as it would not be in a service.
    pub(super) fn points(&self) -> impl Iterator<Item = (&str, f64, u32)> + Send {
        self.points.iter().map(|(name, value, time)| (name.as_str(), *value, *time))
    }

    /// Returns the points of a cycle.
    pub(super) fn metrics(&self) -> impl Iterator<Item = Metric<'_>> + Send {
        self.points().map(|(name, value, time)| Metric::new(name, value).at(time))
    }

    /// Returns a cycle as it is on the wire.
    pub(super) fn encoded(&self, protocol: Protocol) -> crate::Result<Vec<u8>> {
        let mut bytes = Vec::new();
        protocol.encode(self.metrics(), 0, &mut bytes)?;
        Ok(bytes)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn a_cycle_has_distinct_names_and_lines_of_the_length_that_is_told() {
        let workload = Workload::new();
        let names: HashSet<&str> = workload.points().map(|(name, ..)| name).collect();
        assert_eq!(names.len() as u64, CYCLE);
        // 48.6 bytes a line.
        assert_eq!(workload.encoded(Protocol::Plaintext).unwrap().len(), 48_592);
    }
}
