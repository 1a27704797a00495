//! What came about in the runs, so that no check holds only for want of an occasion.
//!
//! Not here: the checks.

#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Seen {
    /// How often a point waited for others.
    pub(crate) held: u64,
    /// Frames lent, brought back after the end of their connection, and on another one then.
    pub(crate) lent: u64,
    pub(crate) over_an_end: u64,
    pub(crate) over_another: u64,
    /// Batches taken.
    pub(crate) batches: u64,
    /// Points written before anything else happened, and those of which a part was, or nothing.
    pub(crate) through: u64,
    pub(crate) partly: u64,
}

impl Seen {
    pub(crate) fn add(&mut self, other: Self) {
        self.held += other.held;
        self.lent += other.lent;
        self.over_an_end += other.over_an_end;
        self.over_another += other.over_another;
        self.batches += other.batches;
        self.through += other.through;
        self.partly += other.partly;
    }

    /// Whether it is at least about a tenth of what is usual in so many runs.
    pub(crate) fn is_enough(&self, runs: u64) -> bool {
        let in_a_thousand = [
            (self.held, 10),
            (self.lent, 1_000),
            (self.over_an_end, 40),
            (self.over_another, 9),
            (self.batches, 1_000),
            (self.through, 40),
            (self.partly, 40),
        ];
        in_a_thousand.iter().all(|&(count, least)| count >= runs * least / 1_000)
    }
}
