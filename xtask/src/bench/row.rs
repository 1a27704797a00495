//! Rows: what is to be measured, what it is compared with, and what came of it.
//!
//! Not here: how a group's rows are made, nor how they are shown.

use super::stats::{Spread, median, ninety, ratio};

/// Whose code a row runs: pictures paint them apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// The least that has to be done.
    Bare,
    /// This repository's.
    Ours,
    /// Another library: what it cannot do is told, and the run goes on.
    Peer,
}

/// What a ratio should be.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Reach {
    AtLeast(f64),
    AtMost(f64),
}

impl Reach {
    pub(super) fn is_met(self, ratio: f64) -> bool {
        match self {
            Self::AtLeast(bound) => ratio >= bound,
            Self::AtMost(bound) => ratio <= bound,
        }
    }
}

/// One run of a row.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Sample {
    /// One figure, or many of the same kind.
    pub(super) values: Vec<f64>,
    /// Nanoseconds of processor time a point.
    pub(super) cpu: Option<f64>,
    /// The most resident memory, in bytes.
    pub(super) peak: Option<usize>,
    pub(super) note: Option<String>,
    /// The promise that it broke.
    pub(super) broken: Option<String>,
}

impl Sample {
    pub(super) fn one(value: f64) -> Self {
        Self { values: vec![value], ..Self::default() }
    }
}

type Measure = Box<dyn FnMut() -> crate::Result<Sample>>;

/// A row that is to be measured.
pub(super) struct Row {
    pub(super) name: String,
    pub(super) unit: &'static str,
    kind: Kind,
    /// Names of rows of the same group, before or after this one.
    against: Vec<(String, Option<Reach>)>,
    /// What measures it, or why nothing can.
    measure: Result<Measure, String>,
    samples: Vec<Sample>,
}

impl Row {
    pub(super) fn new(
        kind: Kind,
        name: impl Into<String>,
        unit: &'static str,
        measure: impl FnMut() -> crate::Result<Sample> + 'static,
    ) -> Self {
        let (name, measure): (_, Measure) = (name.into(), Box::new(measure));
        let (against, samples) = (Vec::new(), Vec::new());
        Self { name, unit, kind, against, measure: Ok(measure), samples }
    }

    /// Has the row told as a ratio to another one.
    pub(super) fn against(mut self, row: impl Into<String>, reach: Option<Reach>) -> Self {
        self.against.push((row.into(), reach));
        self
    }

    /// Leaves the row out if something is missing for it.
    pub(super) fn needs<T>(mut self, part: &Result<T, String>) -> Self {
        if let Err(missing) = part {
            self.measure = Err(missing.clone());
        }
        self
    }

    /// Runs it once more. What another library cannot do does not end the run.
    pub(super) fn run(&mut self) -> crate::Result {
        let Ok(measure) = &mut self.measure else { return Ok(()) };
        match measure() {
            Ok(sample) => self.samples.push(sample),
            Err(error) if self.kind == Kind::Peer => {
                self.measure = Err(crate::chain(&*error));
                self.samples.clear();
            }
            Err(error) => return Err(format!("{}: {}", self.name, crate::chain(&*error)).into()),
        }
        Ok(())
    }

    /// Returns the figure of each round.
    fn rounds(&self) -> Vec<f64> {
        self.samples.iter().filter_map(|sample| median(&sample.values)).collect()
    }

    fn outcome(&self, rows: &[Self]) -> Outcome {
        let outcome = match &self.measure {
            Err(missing) => Err(missing.clone()),
            Ok(_) => self.figures(rows).ok_or_else(|| "not measured".to_owned()),
        };
        Outcome { name: self.name.clone(), unit: self.unit, kind: self.kind, outcome }
    }

    fn figures(&self, rows: &[Self]) -> Option<Figures> {
        let values: Vec<f64> =
            self.samples.iter().flat_map(|sample| sample.values.iter().copied()).collect();
        let cpu: Vec<f64> = self.samples.iter().filter_map(|sample| sample.cpu).collect();
        let ratios = self.against.iter().filter_map(|(to, reach)| {
            let bare = rows.iter().find(|row| row.name == *to)?.rounds();
            let spread = ratio(&self.rounds(), &bare)?;
            Some(Ratio { to: to.clone(), spread, reach: *reach })
        });
        Some(Figures {
            value: Spread::of(&values)?,
            ninety: (values.len() > self.samples.len()).then(|| ninety(&values)).flatten(),
            cpu: median(&cpu),
            peak: self.samples.iter().filter_map(|sample| sample.peak).max(),
            ratios: ratios.collect(),
            note: self.samples.iter().rev().find_map(|sample| sample.note.clone()),
            broken: self.samples.iter().find_map(|sample| sample.broken.clone()),
        })
    }
}

/// Runs all rows in turn, and that so many times.
pub(super) fn run(mut rows: Vec<Row>, rounds: u64) -> crate::Result<Vec<Outcome>> {
    for _ in 0..rounds {
        for row in &mut rows {
            row.run()?;
        }
    }
    Ok(rows.iter().map(|row| row.outcome(&rows)).collect())
}

/// What came of a row.
#[derive(Clone, Debug)]
pub(super) struct Outcome {
    pub(super) name: String,
    pub(super) unit: &'static str,
    pub(super) kind: Kind,
    /// Its figures, or why there are none.
    pub(super) outcome: Result<Figures, String>,
}

#[derive(Clone, Debug)]
pub(super) struct Figures {
    pub(super) value: Spread,
    /// The 90th percentile, of rows whose runs have many figures.
    pub(super) ninety: Option<f64>,
    pub(super) cpu: Option<f64>,
    pub(super) peak: Option<usize>,
    pub(super) ratios: Vec<Ratio>,
    pub(super) note: Option<String>,
    pub(super) broken: Option<String>,
}

#[derive(Clone, Debug)]
pub(super) struct Ratio {
    pub(super) to: String,
    pub(super) spread: Spread,
    pub(super) reach: Option<Reach>,
}

impl Ratio {
    /// Returns whether the ratio is out of its reach.
    pub(super) fn is_missed(&self) -> bool {
        self.reach.is_some_and(|reach| !reach.is_met(self.spread.median))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counting(kind: Kind, name: &str, values: &'static [f64]) -> Row {
        let mut values = values.iter();
        let next = move || Ok(Sample::one(*values.next().ok_or("no more")?));
        Row::new(kind, name, "ns/point", next)
    }

    #[test]
    fn rows_are_run_in_turn_and_compared_by_round() {
        let rows = vec![
            counting(Kind::Ours, "ours", &[12.0, 24.0, 12.0])
                .against("bare", Some(Reach::AtMost(1.1)))
                .against("gone", Some(Reach::AtMost(1.1))),
            counting(Kind::Bare, "bare", &[10.0, 20.0, 12.0]),
        ];
        let outcomes = run(rows, 3).unwrap();
        let ours = outcomes[0].outcome.as_ref().unwrap();
        assert_eq!(ours.value, Spread { least: 12.0, median: 12.0, most: 24.0 });
        assert_eq!(ours.ratios.len(), 1);
        assert_eq!(ours.ratios[0].spread, Spread { least: 1.0, median: 1.2, most: 1.2 });
        assert!(ours.ratios[0].is_missed());
        assert_eq!((ours.ninety, ours.cpu, ours.peak), (None, None, None));
    }

    #[test]
    fn what_a_peer_cannot_do_is_told_and_what_we_cannot_do_is_an_error() {
        let rows = vec![
            counting(Kind::Peer, "peer", &[1.0]),
            counting(Kind::Ours, "ours", &[1.0, 2.0]).against("peer", None),
        ];
        let outcomes = run(rows, 2).unwrap();
        assert_eq!(outcomes[0].outcome.as_ref().unwrap_err(), "no more");
        assert!(outcomes[1].outcome.as_ref().unwrap().ratios.is_empty());
        let error = run(vec![counting(Kind::Ours, "ours", &[1.0])], 2).unwrap_err();
        assert_eq!(error.to_string(), "ours: no more");
        let missing: Result<(), String> = Err("no Python".to_owned());
        let rows = vec![counting(Kind::Peer, "peer", &[1.0, 1.0]).needs(&missing)];
        assert_eq!(run(rows, 2).unwrap()[0].outcome.as_ref().unwrap_err(), "no Python");
    }

    #[test]
    fn a_row_of_many_figures_has_a_percentile_over_all_rounds() {
        let mut first = 0.0;
        let row = Row::new(Kind::Ours, "ours", "µs", move || {
            first += 5.0;
            let values = (0..5).map(|index| first - f64::from(index)).collect();
            Ok(Sample { values, ..Sample::default() })
        });
        let outcome = run(vec![row], 2).unwrap()[0].outcome.clone().unwrap();
        assert_eq!(
            (outcome.value.least, outcome.value.most, outcome.ninety),
            (1.0, 10.0, Some(9.0))
        );
    }
}
