//! What the application tells of itself: a line for each report that it has seen, and at its end
//! what it recorded and what its client did.
//!
//! Not here: whether the receiver holds just that ([`super::expect`]).

use std::fmt;

use super::series::{COUNTERS, GAUGES, HISTOGRAMS};
use crate::Result;

/// What was told so far.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Told {
    /// For each burst whether all of it was recorded between two reports.
    pub(super) bursts: Vec<bool>,
    pub(super) end: Option<End>,
}

/// What is told at the end.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct End {
    /// The sum of all increments of each counter.
    pub(super) counters: Vec<u64>,
    /// The last value of each gauge.
    pub(super) gauges: Vec<f64>,
    /// How many samples each histogram of all tasks was given.
    pub(super) samples: Vec<u64>,
    pub(super) client: Client,
}

/// What became of the reports.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Client {
    pub(super) accepted: u64,
    pub(super) missed: u64,
    pub(super) reconnects: u64,
    pub(super) replayed: u64,
}

/// What begins the line of a report, and that of the end.
const REPORT: &str = "report";
const END: &str = "end";

/// Tells that a report was seen, and of the burst that followed.
pub(super) fn tell_report(whole: bool) {
    println!("{REPORT} {whole}");
}

/// Tells the end.
pub(super) fn tell_end(end: &End) {
    println!("{END} {end}");
}

impl Told {
    /// Takes a line in.
    pub(super) fn take(&mut self, line: &str) -> Result {
        let taken = match line.split_once(' ') {
            Some((REPORT, whole)) => whole.parse().ok().map(|whole| self.bursts.push(whole)),
            Some((END, end)) => End::parse(end).map(|end| self.end = Some(end)),
            _ => None,
        };
        taken.ok_or_else(|| format!("the application told {line:?}").into())
    }
}

impl End {
    /// Returns what was recorded before there is anything to tell: of every series a zero.
    pub(super) fn nothing() -> Self {
        Self {
            counters: vec![0; COUNTERS.len()],
            gauges: vec![0.0; GAUGES.len()],
            samples: vec![0; HISTOGRAMS.len()],
            client: Client::default(),
        }
    }

    fn parse(text: &str) -> Option<Self> {
        let mut fields = text.split(' ');
        let mut numbers = || -> Option<Vec<u64>> {
            fields.next()?.split(',').map(|number| number.parse().ok()).collect()
        };
        let counters = numbers()?;
        let gauges = numbers()?.into_iter().map(f64::from_bits).collect();
        let samples = numbers()?;
        let [accepted, missed, reconnects, replayed] = numbers()?[..] else { return None };
        let client = Client { accepted, missed, reconnects, replayed };
        Some(Self { counters, gauges, samples, client })
    }
}

/// Fields divided by blanks, their numbers by commas; gauges by their bits.
impl fmt::Display for End {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let list =
            |numbers: &[u64]| numbers.iter().map(u64::to_string).collect::<Vec<_>>().join(",");
        let gauges: Vec<u64> = self.gauges.iter().map(|gauge| gauge.to_bits()).collect();
        let Client { accepted, missed, reconnects, replayed } = self.client;
        let client = [accepted, missed, reconnects, replayed];
        let fields = [&self.counters, &gauges, &self.samples, &client[..]].map(list);
        f.write_str(&fields.join(" "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_told_is_understood() {
        let client = Client { accepted: 9, missed: 0, reconnects: 1, replayed: u64::MAX };
        let end = End { counters: vec![1, 20], gauges: vec![-12.5, 0.1], samples: vec![3], client };
        let mut told = Told::default();
        for line in ["report true", "report false", &format!("{END} {end}")] {
            told.take(line).unwrap();
        }
        assert_eq!(told, Told { bursts: vec![true, false], end: Some(end) });
    }

    #[test]
    fn what_is_not_understood_is_named() {
        for line in ["", "report", "report maybe", "end 1 2 3 4", "end 1 2 3 4,5,6,x"] {
            let error = Told::default().take(line).unwrap_err().to_string();
            assert!(error.contains(&format!("{line:?}")), "{error}");
        }
    }
}
