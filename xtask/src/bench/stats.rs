//! What is told of several runs: the median and the spread, and ratios of the same round.
//!
//! Not here: what is measured, nor how it is shown.

/// The least, the middle and the most of some figures.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Spread {
    pub(super) least: f64,
    pub(super) median: f64,
    pub(super) most: f64,
}

impl Spread {
    /// Returns nothing for no figures.
    pub(super) fn of(figures: &[f64]) -> Option<Self> {
        let sorted = sorted(figures);
        let (&least, &most) = (sorted.first()?, sorted.last()?);
        Some(Self { least, median: median(figures)?, most })
    }
}

/// Returns the middle figure, or the mean of the two in the middle.
pub(super) fn median(figures: &[f64]) -> Option<f64> {
    let sorted = sorted(figures);
    let half = sorted.len() / 2;
    let upper = *sorted.get(half)?;
    Some(if sorted.len() % 2 == 1 { upper } else { (sorted[half - 1] + upper) / 2.0 })
}

/// Returns the least figure that at least nine of ten do not pass.
pub(super) fn ninety(figures: &[f64]) -> Option<f64> {
    let rank = (figures.len() * 9).div_ceil(10);
    sorted(figures).get(rank.checked_sub(1)?).copied()
}

/// Returns the spread of the ratios of two rows, each of one round: what slows a machine down for a
/// while slows both. A round that one of them lacks does not count.
pub(super) fn ratio(rounds: &[f64], bare: &[f64]) -> Option<Spread> {
    Spread::of(&rounds.iter().zip(bare).map(|(figure, bare)| figure / bare).collect::<Vec<_>>())
}

fn sorted(figures: &[f64]) -> Vec<f64> {
    let mut sorted = figures.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_is_in_the_middle_whatever_the_order() {
        assert_eq!(median(&[9.0, 1.0, 5.0]), Some(5.0));
        assert_eq!(median(&[9.0, 1.0, 5.0, 2.0]), Some(3.5));
        assert_eq!(median(&[7.0]), Some(7.0));
        assert_eq!(median(&[]), None);
        let spread = Spread { least: -1.0, median: 2.0, most: 40.0 };
        assert_eq!(Spread::of(&[40.0, -1.0, 2.0]), Some(spread));
        assert_eq!(Spread::of(&[]), None);
    }

    #[test]
    fn nine_of_ten_are_not_above_the_ninetieth_percentile() {
        let figures: Vec<f64> = (1..=10).rev().map(f64::from).collect();
        assert_eq!(ninety(&figures), Some(9.0));
        assert_eq!(ninety(&figures[..9]), Some(10.0));
        assert_eq!(ninety(&[3.0]), Some(3.0));
        assert_eq!(ninety(&[]), None);
    }

    #[test]
    fn a_ratio_compares_within_a_round() {
        // The second round ran at half the speed: no ratio tells of it.
        let found = ratio(&[8.0, 4.0, 9.0], &[10.0, 5.0, 10.0]);
        assert_eq!(found, Some(Spread { least: 0.8, median: 0.8, most: 0.9 }));
        assert_eq!(ratio(&[8.0, 4.0], &[10.0]).map(|spread| spread.most), Some(0.8));
        assert_eq!(ratio(&[8.0], &[]), None);
    }
}
