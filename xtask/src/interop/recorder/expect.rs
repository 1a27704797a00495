//! What a store must hold of what the application told, and how carbon's files must thin it out.
//!
//! Not here: the names ([`super::series`]), and reading stores ([`super::stores`]).

use std::collections::BTreeMap;

use super::series::{COUNTERS, Counters, Form, GAUGES, HISTOGRAMS, SAMPLE, STATISTICS, burst};
use super::told::{End, Told};
use crate::interop::compare::{Outcome, Stored};

/// How far a quantile may be off, as the recorder's documents say.
const ERROR: f64 = 0.001;
/// How far the sum of all tasks' samples may be off: those that are recorded while a report is
/// made, one of each thread at most, may be counted in one interval and summed in the other.
const SUM_ERROR: f64 = 0.001;

/// What the values of a series must be.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Rule {
    /// They never fall, and the last is this.
    Total(f64),
    /// Their sum is this, but for this part of it.
    Sum(f64, f64),
    Last(f64),
    /// There is but one, and it is this, but for this part of it.
    Once(f64, f64),
    Always(f64),
    /// Of a burst that two reports have divided.
    Some,
}

/// Returns every series that the application has sent, with its rule.
pub(super) fn expected(told: &Told, end: &End, form: Form) -> BTreeMap<String, Rule> {
    let Form { labels, counters } = form;
    let count = |count: u64| match counters {
        Counters::Total => Rule::Total(count as f64),
        Counters::PerInterval => Rule::Sum(count as f64, 0.0),
    };
    let mut rules = BTreeMap::new();
    for (counter, &total) in COUNTERS.iter().zip(&end.counters) {
        rules.insert(labels.name(counter, "count"), count(total));
    }
    for (gauge, &last) in GAUGES.iter().zip(&end.gauges) {
        rules.insert(labels.name(gauge, ""), Rule::Last(last));
    }
    for (histogram, &samples) in HISTOGRAMS.iter().zip(&end.samples) {
        for statistic in STATISTICS {
            let rule = match statistic {
                "count" => count(samples),
                "sum" => Rule::Sum(samples as f64 * SAMPLE, SUM_ERROR),
                _ => Rule::Always(SAMPLE),
            };
            rules.insert(labels.name(histogram, statistic), rule);
        }
    }
    for (number, &whole) in (1..).zip(&told.bursts) {
        for statistic in STATISTICS {
            let rule = match statistic {
                "count" => count(burst().count() as u64),
                statistic if whole => once(statistic),
                _ => Rule::Some,
            };
            rules.insert(labels.burst(number, statistic), rule);
        }
    }
    rules
}

/// Returns what a whole burst makes of a statistic.
fn once(statistic: &str) -> Rule {
    let samples: Vec<f64> = burst().collect();
    let sum: f64 = samples.iter().sum();
    // Those of a quantile's name are its digits behind the point.
    let quantile =
        statistic.strip_prefix('p').and_then(|digits| format!("0.{digits}").parse().ok());
    let sample = |quantile: f64| samples[(quantile * (samples.len() - 1) as f64) as usize];
    match (statistic, quantile) {
        ("min", _) => Rule::Once(samples[0], 0.0),
        ("max", _) => Rule::Once(samples[samples.len() - 1], 0.0),
        ("mean", _) => Rule::Once(sum / samples.len() as f64, 0.0),
        (_, Some(quantile)) => Rule::Once(sample(quantile), ERROR),
        _ => Rule::Once(sum, 0.0),
    }
}

impl Rule {
    /// Returns what is wrong with a series.
    fn fault(&self, points: &[(u64, f64)]) -> Option<String> {
        let mut points = points.to_vec();
        points.sort_by_key(|&(time, _)| time);
        let (&(_, first), &(_, last)) = (points.first()?, points.last()?);
        let values = || points.iter().map(|&(_, value)| value);
        let near =
            |value: f64, wanted: f64, part: f64| (value - wanted).abs() <= wanted.abs() * part;
        match *self {
            Self::Total(total) if last != total => Some(format!("ends at {last}, not {total}")),
            Self::Total(_) => points
                .windows(2)
                .find(|pair| pair[1].1 < pair[0].1)
                .map(|pair| format!("falls from {} to {}", pair[0].1, pair[1].1)),
            Self::Sum(sum, part) => {
                let found: f64 = values().sum();
                (!near(found, sum, part)).then(|| format!("sums up to {found}, not {sum}"))
            }
            Self::Last(wanted) => (last != wanted).then(|| format!("ends at {last}, not {wanted}")),
            Self::Once(..) if points.len() != 1 => {
                Some(format!("has {} values, not 1", points.len()))
            }
            Self::Once(wanted, part) => {
                (!near(first, wanted, part)).then(|| format!("is {first}, not {wanted}"))
            }
            Self::Always(wanted) => {
                let other = values().find(|&value| value != wanted);
                other.map(|value| format!("is {value} once, not {wanted}"))
            }
            Self::Some => None,
        }
    }
}

/// Compares a store with what it must hold: each point in a slot of its own.
pub(super) fn check(rules: &BTreeMap<String, Rule>, end: &End, stored: &Stored) -> Outcome {
    let mut outcome = Outcome { sent: end.client.accepted, ..Outcome::default() };
    for (name, rule) in rules {
        match stored.get(name) {
            None => outcome.wrong(format!("{name} is missing")),
            Some(points) => {
                let fault = rule.fault(points);
                fault.into_iter().for_each(|fault| outcome.wrong(format!("{name} {fault}")));
            }
        }
    }
    for (name, points) in stored {
        outcome.stored += points.len() as u64;
        if !rules.contains_key(name) {
            outcome.wrong(format!("{name} was never recorded"));
        }
    }
    if outcome.stored != outcome.sent && outcome.wrong == 0 {
        let (sent, stored) = (outcome.sent, outcome.stored);
        outcome.note(format!("{sent} points were reported, and {stored} slots hold one"));
    }
    outcome
}

/// Returns the header that a series' file must have by the shipped rules: how it is thinned out,
/// how much of an interval must be known for that, and its archives.
pub(super) fn header(name: &str, counters: Counters) -> String {
    let path = name.split(';').next().unwrap_or_default();
    let method = match path.rsplit('.').next().unwrap_or_default() {
        "count" if counters == Counters::Total => "max",
        "count" | "sum" => "sum",
        "min" => "min",
        "max" | "p50" | "p75" | "p95" | "p99" | "p999" => "max",
        _ => "average",
    };
    // 1 s for a day, a minute for 30 days, 10 minutes for two years.
    format!("{method} 0 1:86400,60:43200,600:105120")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::interop::recorder::series::Labels;

    #[test]
    fn each_rule_finds_what_breaks_it() {
        for (rule, good, bad, fault) in [
            (Rule::Total(5.0), &[(2, 5.0), (1, 3.0)][..], &[(1, 3.0)][..], "ends at 3, not 5"),
            (Rule::Total(5.0), &[(1, 5.0)], &[(1, 7.0), (2, 5.0)], "falls from 7 to 5"),
            (Rule::Sum(5.0, 0.0), &[(1, 3.0), (2, 2.0)], &[(1, 3.0)], "sums up to 3, not 5"),
            (Rule::Sum(5.0, 0.1), &[(1, 4.5)], &[(1, 4.4)], "sums up to 4.4, not 5"),
            (Rule::Last(5.0), &[(2, 5.0), (1, 3.0)], &[(2, 3.0), (1, 5.0)], "ends at 3, not 5"),
            (Rule::Once(5.0, 0.0), &[(1, 5.0)], &[(1, 5.5)], "is 5.5, not 5"),
            (Rule::Once(5.0, 0.1), &[(1, 5.5)], &[(1, 5.6)], "is 5.6, not 5"),
            (Rule::Once(5.0, 0.0), &[(1, 5.0)], &[(1, 5.0), (2, 5.0)], "has 2 values, not 1"),
            (Rule::Always(5.0), &[(1, 5.0)], &[(1, 5.0), (2, 6.0)], "is 6 once, not 5"),
        ] {
            assert_eq!(rule.fault(good), None, "{rule:?}");
            assert_eq!(rule.fault(bad).as_deref(), Some(fault), "{rule:?}");
        }
    }

    #[test]
    fn a_burst_is_known() {
        assert_eq!(once("min"), Rule::Once(0.125, 0.0));
        assert_eq!(once("max"), Rule::Once(125_000.0, 0.0));
        // The sum of the first thousand squares is 333,833,500.
        assert_eq!(once("sum"), Rule::Once(41_729_187.5, 0.0));
        assert_eq!(once("mean"), Rule::Once(41_729.187_5, 0.0));
        // Of the ranks 499, 949 and 998.
        assert_eq!(once("p50"), Rule::Once(31_250.0, ERROR));
        assert_eq!(once("p95"), Rule::Once(950.0 * 950.0 / 8.0, ERROR));
        assert_eq!(once("p999"), Rule::Once(999.0 * 999.0 / 8.0, ERROR));
    }

    #[test]
    fn names_and_slots_must_be_those_that_were_sent() {
        let form = Form { labels: Labels::Tags, counters: Counters::Total };
        let (told, mut end) = (Told { bursts: vec![true, false], end: None }, End::nothing());
        let rules = expected(&told, &end, form);
        // Of each series one value, as its rule has it.
        let hold = |(name, rule): (&String, &Rule)| {
            let value = match *rule {
                Rule::Total(value) | Rule::Sum(value, _) | Rule::Last(value) => value,
                Rule::Once(value, _) | Rule::Always(value) => value,
                Rule::Some => 1.0,
            };
            (name.clone(), vec![(1, value)])
        };
        let mut stored: Stored = rules.iter().map(hold).collect();
        end.client.accepted = stored.len() as u64;
        assert!(check(&rules, &end, &stored).is_same());
        stored.insert("shop.interop.burst.p99;number=2".to_owned(), vec![(1, 1.0), (2, 1.0)]);
        let (sent, held) = (stored.len(), stored.len() + 1);
        let outcome = check(&rules, &end, &stored);
        assert_eq!(
            outcome.notes,
            [format!("{sent} points were reported, and {held} slots hold one")]
        );
        stored.insert("shop.odd".to_owned(), vec![(1, 1.0)]);
        stored.remove("shop.interop.burst.count;number=1");
        let outcome = check(&rules, &end, &stored);
        let missing = "shop.interop.burst.count;number=1 is missing";
        assert_eq!(outcome.notes, [missing, "shop.odd was never recorded"]);
        assert!(!outcome.is_same());
    }

    #[test]
    fn files_are_thinned_out_as_the_shipped_rules_say() {
        for (name, totals, increases) in [
            ("shop.jobs.count;a=b.max", "max", "sum"),
            ("shop.jobs.count", "max", "sum"),
            ("shop.latency.p999;a=b", "max", "max"),
            ("shop.latency.min", "min", "min"),
            ("shop.latency.sum;a=b", "sum", "sum"),
            ("shop.latency.mean", "average", "average"),
            ("shop.in_flight", "average", "average"),
        ] {
            let method = |counters| header(name, counters).split(' ').next().map(str::to_owned);
            assert_eq!(method(Counters::Total).as_deref(), Some(totals), "{name}");
            assert_eq!(method(Counters::PerInterval).as_deref(), Some(increases), "{name}");
        }
    }
}
