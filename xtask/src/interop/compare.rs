//! What a store holds against what it must hold.

use std::collections::HashMap;

use super::points::Expected;
use crate::Result;

/// How many differences a row tells of.
const SHOWN: usize = 3;

/// What a store holds: each name's timestamps and values.
pub(super) type Stored = HashMap<String, Vec<(u64, f64)>>;

/// How an expected value must come back.
pub(super) type Rule = fn(expected: f64, stored: f64) -> bool;

/// The same bits: what carbon, whisper and InfluxDB hold.
pub(super) fn exact(expected: f64, stored: f64) -> bool {
    expected.to_bits() == stored.to_bits()
}

/// What came of a row.
#[derive(Default)]
pub(super) struct Outcome {
    pub(super) sent: u64,
    pub(super) stored: u64,
    /// Points that are missing, differ, or were never sent.
    pub(super) wrong: u64,
    /// The first differences, and what else there is to say.
    pub(super) notes: Vec<String>,
}

impl Outcome {
    /// Counts a point or a series as wrong.
    pub(super) fn wrong(&mut self, what: String) {
        self.wrong += 1;
        if self.notes.len() < SHOWN {
            self.notes.push(what);
        }
    }

    /// Counts something as wrong that is no single point.
    pub(super) fn fail(&mut self, what: String) {
        self.wrong += 1;
        self.notes.push(what);
    }

    pub(super) fn note(&mut self, what: String) {
        self.notes.push(what);
    }

    /// Counts another look at the same points: it must be as good.
    pub(super) fn and(mut self, other: Self) -> Self {
        self.stored = self.stored.min(other.stored);
        self.wrong += other.wrong;
        self.notes.extend(other.notes);
        self
    }

    /// Adds what came of other points.
    pub(super) fn add(&mut self, other: Self) {
        self.sent += other.sent;
        self.stored += other.stored;
        self.wrong += other.wrong;
        self.notes.extend(other.notes);
    }

    pub(super) fn is_same(&self) -> bool {
        self.wrong == 0 && self.sent == self.stored
    }
}

/// Reads the helper's lines: name, timestamp and the value's bits.
pub(super) fn parse(text: &str) -> Result<Stored> {
    let mut stored = Stored::new();
    for line in text.lines() {
        let mut fields = line.split('\t');
        let (Some(name), Some(time), Some(bits)) = (fields.next(), fields.next(), fields.next())
        else {
            return Err(format!("the helper printed {line:?}").into());
        };
        let point = (time.parse()?, f64::from_bits(u64::from_str_radix(bits, 16)?));
        match stored.get_mut(name) {
            Some(points) => points.push(point),
            None => drop(stored.insert(name.to_owned(), vec![point])),
        }
    }
    Ok(stored)
}

/// Compares point by point; a repeat counts as a point that was never sent.
pub(super) fn compare(expected: &Expected, stored: &Stored, same: Rule) -> Outcome {
    let mut outcome = Outcome::default();
    for (name, wanted) in &expected.series {
        outcome.sent += wanted.len() as u64;
        let found = stored.get(name).map_or(&[][..], Vec::as_slice);
        let mut left: HashMap<u64, Vec<f64>> = HashMap::with_capacity(found.len());
        found.iter().for_each(|&(time, value)| left.entry(time).or_default().push(value));
        for &((from, until), value) in wanted {
            let time = (from..=until).find(|time| left.contains_key(time));
            let got = time.and_then(|time| {
                let values = left.get_mut(&time)?;
                let got = values.pop();
                if values.is_empty() {
                    left.remove(&time);
                }
                got
            });
            match got {
                Some(got) if same(value, got) => {}
                Some(got) => outcome.wrong(format!("{}: {value:?} is {got:?}", short(name))),
                None => outcome.wrong(format!("{} at {from} is missing", short(name))),
            }
        }
        for (time, values) in left {
            values.iter().for_each(|value| {
                outcome.wrong(format!("{} at {time}: {value} was not sent", short(name)));
            });
        }
    }
    for (name, points) in stored {
        outcome.stored += points.len() as u64;
        if !expected.series.contains_key(name) {
            outcome.wrong(format!("{} was never sent", short(name)));
        }
    }
    outcome
}

/// Cuts a long name for a message.
fn short(name: &str) -> String {
    if name.chars().count() <= 60 {
        return name.to_owned();
    }
    name.chars().take(57).chain("...".chars()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_of_difference_is_counted() {
        let mut expected = Expected::default();
        expected.push("a", (1, 1), 0.5);
        expected.push("a", (2, 4), 1.0);
        expected.push("b", (1, 1), 2.0);
        let hold = |text: &str| compare(&expected, &parse(text).expect("valid"), exact);
        let (half, one, two) = (0.5_f64.to_bits(), 1_f64.to_bits(), 2_f64.to_bits());
        let good = format!("a\t1\t{half:x}\na\t3\t{one:x}\nb\t1\t{two:x}\n");
        assert!(hold(&good).is_same());
        let cases = [
            (good.replace("b\t1", "b\t2"), 2, "another time"),
            (good.replace(&format!("{two:x}"), &format!("{one:x}")), 1, "another value"),
            (format!("{good}a\t1\t{half:x}\n"), 1, "a repeat"),
            (format!("{good}?c\t0\t{half:x}\n"), 1, "a name that was not sent"),
            (String::new(), 3, "nothing at all"),
        ];
        for (text, wrong, what) in cases {
            let outcome = hold(&text);
            assert_eq!((outcome.wrong, outcome.is_same()), (wrong, false), "{what}");
        }
    }
}
