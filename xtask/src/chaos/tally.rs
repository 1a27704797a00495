//! What receivers have read, over all their lives: a bit a point.

use std::time::{Duration, Instant};

use super::point::FIRST;
use super::record::Record;

/// What arrived so far.
#[derive(Debug)]
pub(super) struct Tally {
    seen: Vec<u64>,
    /// Points that arrived at least once.
    pub(super) distinct: u64,
    /// Arrivals of points that had arrived before.
    pub(super) repeated: u64,
    /// The same on the present connection, and on the worst one.
    pub(super) repeated_here: u64,
    pub(super) repeated_most: u64,
    /// Lines, pickles or points that are not as they were sent.
    pub(super) corrupt: u64,
    /// First arrivals of points after later ones had arrived.
    pub(super) disordered: u64,
    /// Records that ended in their middle.
    pub(super) torn_records: u64,
    pub(super) connections: u64,
    /// Commands that receivers have carried out.
    pub(super) done: u64,
    /// How many connections there had been when the latest was.
    pub(super) done_connections: u64,
    pub(super) port: Option<u16>,
    /// The number after the highest that arrived.
    pub(super) next: u64,
    /// What each connection held unread that was closed so, in bytes, since this was last taken.
    pub(super) left: Vec<u64>,
    last_new: Option<Instant>,
    /// The longest time without a point that is new.
    pub(super) silence: Duration,
}

impl Tally {
    pub(super) fn new() -> Self {
        Self {
            seen: Vec::new(),
            distinct: 0,
            repeated: 0,
            repeated_here: 0,
            repeated_most: 0,
            corrupt: 0,
            disordered: 0,
            torn_records: 0,
            connections: 0,
            done: 0,
            done_connections: 0,
            port: None,
            next: FIRST,
            left: Vec::new(),
            last_new: None,
            silence: Duration::ZERO,
        }
    }

    pub(super) fn take(&mut self, record: Record) {
        match record {
            Record::Points { first, last } => self.arrived(first, last),
            Record::Listening(port) => self.port = Some(port),
            Record::Accepted => {
                self.connections += 1;
                self.repeated_here = 0;
            }
            Record::Corrupt => self.corrupt += 1,
            Record::Left(bytes) => self.left.push(bytes),
            Record::Done => {
                self.done += 1;
                self.done_connections = self.connections;
            }
        }
    }

    /// Says that no new point is to be expected for now.
    pub(super) fn rest(&mut self) {
        self.last_new = None;
    }

    fn arrived(&mut self, first: u64, last: u64) {
        let news = self.mark(first, last);
        // What is sent first arrives first: anything new stands behind all that came before.
        let in_order = (last + 1).saturating_sub(first.max(self.next));
        self.disordered += news - in_order;
        self.next = self.next.max(last + 1);
        self.distinct += news;
        let repeated = last + 1 - first - news;
        self.repeated += repeated;
        self.repeated_here += repeated;
        self.repeated_most = self.repeated_most.max(self.repeated_here);
        if news > 0 {
            let now = Instant::now();
            if let Some(before) = self.last_new.replace(now) {
                self.silence = self.silence.max(now - before);
            }
        }
    }

    /// Marks points as seen; returns how many had not been.
    fn mark(&mut self, first: u64, last: u64) -> u64 {
        let (mut at, end) = (first - FIRST, last - FIRST + 1);
        let mut news = 0;
        let words = end.div_ceil(64) as usize;
        if self.seen.len() < words {
            self.seen.resize(words, 0);
        }
        while at < end {
            let word = at / 64;
            let upto = end.min((word + 1) * 64);
            let mask = (u64::MAX << (at % 64)) & (u64::MAX >> ((word + 1) * 64 - upto));
            let seen = &mut self.seen[word as usize];
            news += u64::from((mask & !*seen).count_ones());
            *seen |= mask;
            at = upto;
        }
        news
    }

    /// Returns the stretches `(first, count)` that never arrived, of the numbers before `end`.
    pub(super) fn gaps(&self, end: u64) -> Vec<(u64, u64)> {
        let seen = |at: u64| {
            let word = self.seen.get(((at - FIRST) / 64) as usize);
            word.is_some_and(|word| word >> ((at - FIRST) % 64) & 1 == 1)
        };
        let mut gaps: Vec<(u64, u64)> = Vec::new();
        for at in (FIRST..end).filter(|&at| !seen(at)) {
            match gaps.last_mut() {
                Some((first, count)) if *first + *count == at => *count += 1,
                _ => gaps.push((at, 1)),
            }
        }
        gaps
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn news_repeats_gaps_and_order() {
        let mut tally = Tally::new();
        tally.take(Record::Accepted);
        tally.take(Record::Points { first: FIRST, last: FIRST + 199 });
        tally.take(Record::Points { first: FIRST + 300, last: FIRST + 300 });
        assert_eq!((tally.distinct, tally.repeated, tally.disordered), (201, 0, 0));
        tally.take(Record::Accepted);
        tally.take(Record::Points { first: FIRST + 150, last: FIRST + 219 });
        assert_eq!((tally.distinct, tally.repeated, tally.disordered), (221, 50, 20));
        tally.take(Record::Points { first: FIRST + 10, last: FIRST + 10 });
        assert_eq!((tally.repeated_here, tally.repeated_most), (51, 51));
        assert_eq!(tally.gaps(FIRST + 302), [(FIRST + 220, 80), (FIRST + 301, 1)]);
    }
}
