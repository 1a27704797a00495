//! This machine's figures: real ones, under the names they are sent by.
//!
//! What `/proc` does not tell here is said to be missing, and std's own figures stand in. Not
//! here: how the texts are read ([`super::proc`]).

use std::fs;
use std::path::PathBuf;
use std::thread;
use std::time::{Instant, SystemTime};

use graphite_client_tokio::Scheme;
use graphite_proto::{Timestamp, Value};

use super::proc::{self, Cpu};

/// All figures at one moment.
#[derive(Debug)]
pub(super) struct Sample {
    pub(super) time: Timestamp,
    /// Names without the prefix of a client, in the order to show them.
    pub(super) figures: Vec<(String, Value)>,
}

/// The ends of the names that are shown last, if at all.
const DETAILS: [&str; 3] = [".5min", ".15min", "_seconds"];

/// Reads samples.
#[derive(Debug)]
pub(super) struct Machine {
    root: PathBuf,
    start: Instant,
    /// The share of busy time needs two readings.
    earlier: Option<Cpu>,
    busy: f64,
}

impl Machine {
    /// Reads from `/proc`.
    pub(super) fn new() -> Self {
        Self::at("/proc")
    }

    fn at(root: impl Into<PathBuf>) -> Self {
        let mut machine =
            Self { root: root.into(), start: Instant::now(), earlier: None, busy: 0.0 };
        machine.earlier = machine.read("stat").as_deref().and_then(proc::cpu);
        machine
    }

    fn read(&self, file: &str) -> Option<String> {
        fs::read_to_string(self.root.join(file)).ok()
    }

    /// Reads all figures; the second list says what cannot be read here.
    pub(super) fn sample(&mut self) -> (Sample, Vec<&'static str>) {
        let (mut figures, mut missing) = (Vec::new(), Vec::new());
        for (part, found) in [
            ("load averages", self.loads()),
            ("processor times", self.cpu()),
            ("memory", self.memory()),
            ("network counters", self.network()),
        ] {
            match found {
                Some(found) => figures.extend(found),
                None => missing.push(part),
            }
        }
        if !missing.is_empty() {
            figures.extend(self.fallback());
        }
        // Sorting is stable: otherwise the order is that of above.
        figures.sort_by_key(|(name, _)| DETAILS.iter().any(|end| name.ends_with(end)));
        (Sample { time: SystemTime::now().into(), figures }, missing)
    }

    fn loads(&self) -> Option<Vec<(String, Value)>> {
        let loads = proc::loads(&self.read("loadavg")?)?;
        let names = ["load.1min", "load.5min", "load.15min"];
        Some(names.iter().zip(loads).map(|(name, load)| figure(name, load)).collect())
    }

    fn memory(&self) -> Option<Vec<(String, Value)>> {
        let memory = proc::memory(&self.read("meminfo")?)?;
        let used = figure("memory.used_bytes", memory.used);
        Some(vec![used, figure("memory.free_bytes", memory.free)])
    }

    fn cpu(&mut self) -> Option<Vec<(String, Value)>> {
        let cpu = proc::cpu(&self.read("stat")?)?;
        if let Some(busy) = self.earlier.and_then(|earlier| cpu.busy_since(earlier)) {
            self.busy = busy;
        }
        self.earlier = Some(cpu);
        Some(vec![
            figure("cpu.busy_percent", self.busy),
            figure("cpu.user_seconds", cpu.user),
            figure("cpu.system_seconds", cpu.system),
            figure("cpu.idle_seconds", cpu.idle),
        ])
    }

    fn network(&self) -> Option<Vec<(String, Value)>> {
        let text = self.read("net/dev")?;
        let mut figures = Vec::new();
        for interface in proc::interfaces(&text) {
            // Most machines have interfaces that never carry anything.
            if interface.received == 0 && interface.sent == 0 {
                continue;
            }
            for (what, bytes) in [("rx_bytes", interface.received), ("tx_bytes", interface.sent)] {
                // `eth0.7` would be two levels of Graphite's tree, were it not encoded.
                let name = Scheme::Percent.join(["network", interface.name, what]).ok()?;
                figures.push((name, bytes.into()));
            }
        }
        Some(figures)
    }

    /// What std can tell on every system.
    fn fallback(&self) -> Vec<(String, Value)> {
        let elapsed = (self.start.elapsed().as_secs_f64() * 1000.0).round() / 1000.0;
        let mut figures = vec![figure("demo.elapsed_seconds", elapsed)];
        if let Ok(cores) = thread::available_parallelism() {
            figures.push(figure("cpu.cores", cores.get()));
        }
        figures
    }
}

fn figure(name: &str, value: impl Into<Value>) -> (String, Value) {
    (name.to_owned(), value.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_proc_std_stands_in() {
        let (sample, missing) = Machine::at("/nonexistent").sample();
        assert_eq!(missing, ["load averages", "processor times", "memory", "network counters"]);
        assert!(sample.figures.iter().any(|(name, _)| name == "demo.elapsed_seconds"));
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn names_are_distinct_and_plain() {
        let (sample, _) = Machine::new().sample();
        let mut names: Vec<_> = sample.figures.iter().map(|(name, _)| name).collect();
        let plain = |c: char| c.is_ascii_alphanumeric() || "._%-".contains(c);
        assert!(names.iter().all(|name| name.chars().all(plain)), "{names:?}");
        names.sort();
        names.dedup();
        assert_eq!(names.len(), sample.figures.len());
    }
}
