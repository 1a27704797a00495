//! How much a connection is given before its proof, and how long the proof is waited for.
//!
//! Under `Confirmed` a receiver that reads slower than `close_timeout` allows would be sent the
//! same bytes for ever. So after a proof that did not come in time the next connection is given
//! half as much and is waited for four times as long; a proof raises the amount again, by what
//! the receiver has shown to read. All that is given in vain is then less than twice the first
//! amount, so a receiver is sent at most three times what it is to read. Not here: what a proof is
//! ([`super::ending`]).

use std::time::Duration;

/// The slowest receiver that is waited for, in bytes a second.
const SLOWEST: u64 = 1_000;
/// However much it was given, a receiver that says nothing is not waited for longer.
const LONGEST: Duration = Duration::from_secs(3_600);

#[derive(Debug)]
pub(super) struct Patience {
    /// The window: the most that is ever given.
    most: usize,
    /// How much is given before a proof is sought, in bytes.
    amount: usize,
    /// Proofs in a row that did not come in time, and the bytes that were given in vain for them:
    /// a receiver with one connection at a time has to read those first.
    missed: u32,
    vain: usize,
    close_timeout: Duration,
}

impl Patience {
    pub(super) fn new(window: usize, close_timeout: Duration) -> Self {
        Self { most: window, amount: window, missed: 0, vain: 0, close_timeout }
    }

    /// Returns whether so many more bytes are too many for a connection that was given some.
    pub(super) fn is_enough(&self, given: usize, more: usize) -> bool {
        let lowered = self.is_lowered() && given.saturating_add(more) > self.amount;
        given > 0 && (given >= self.most || lowered)
    }

    /// Returns whether connections are given less than the window.
    pub(super) fn is_lowered(&self) -> bool {
        self.amount < self.most
    }

    /// Returns how long a proof is waited for that follows so many bytes, `single` if they cannot
    /// be made fewer, which took so long to write.
    pub(super) fn wait(&self, given: usize, single: bool, writing: Duration) -> Duration {
        let slowest = slowest(given.saturating_add(self.vain));
        // Where the amount cannot be lowered any more, time is all that is left to give.
        let asked = if single && self.missed > 1 { slowest } else { self.quadrupled(self.missed) };
        let most = slowest.max(self.close_timeout);
        asked.min(most).max(self.close_timeout).saturating_add(writing.min(most))
    }

    fn quadrupled(&self, times: u32) -> Duration {
        self.close_timeout.saturating_mul(4u32.saturating_pow(times))
    }

    /// A proof did not come in time.
    pub(super) fn missed(&mut self, given: usize) {
        self.amount = (given / 2).min(self.amount).max(1);
        self.missed = self.missed.saturating_add(1);
        self.vain = self.vain.saturating_add(given);
    }

    /// A proof came, so long after the first of so many bytes.
    pub(super) fn proved(&mut self, given: usize, took: Duration) {
        self.vain = 0;
        while self.missed > 0 && self.quadrupled(self.missed - 1) / 2 >= took {
            self.missed -= 1;
        }
        if given < self.amount / 2 {
            return;
        }
        // As much as would be read in half the time that is waited.
        let wait = self.quadrupled(self.missed).min(slowest(given)).max(self.close_timeout);
        let readable = (given as u128).saturating_mul(wait.as_micros()) / 2;
        let readable = readable / took.as_micros().max(1);
        let readable = usize::try_from(readable).unwrap_or(usize::MAX);
        self.amount = readable.min(given.saturating_mul(2)).max(given).min(self.most);
    }
}

/// Half again as long as the slowest receiver takes, but no longer than the longest wait.
fn slowest(bytes: usize) -> Duration {
    Duration::from_millis((bytes as u64).saturating_mul(1_500) / SLOWEST).min(LONGEST)
}

#[cfg(test)]
mod tests {
    use super::*;

    const S: Duration = Duration::from_secs(1);

    #[test]
    fn what_is_given_in_vain_is_less_than_twice_the_first_amount() {
        for given in [1_000, 65_536, 1 << 20, 8 << 20] {
            let mut patience = Patience::new(8 << 20, 10 * S);
            let (mut vain, mut amount) = (0, given);
            while amount > 0 {
                vain += amount;
                patience.missed(amount);
                assert!(patience.is_lowered() && patience.amount <= (amount / 2).max(1));
                amount /= 2;
            }
            assert!(vain < 2 * given, "{vain} of {given}");
        }
    }

    #[test]
    fn a_single_frame_is_waited_for_as_long_as_the_slowest_receiver_takes() {
        let mut patience = Patience::new(8 << 20, 10 * S);
        assert_eq!(patience.wait(65_536, true, Duration::ZERO), 10 * S);
        patience.missed(65_536);
        assert_eq!(patience.wait(65_536, true, Duration::ZERO), 40 * S);
        patience.missed(65_536);
        assert!(patience.wait(65_536, true, Duration::ZERO) > 65 * S);
        patience.proved(65_536, 65 * S);
        assert_eq!(patience.wait(100, true, Duration::ZERO), 10 * S);
    }

    #[test]
    fn proofs_raise_the_amount_by_what_was_read() {
        let mut patience = Patience::new(8 << 20, 10 * S);
        patience.missed(1 << 20);
        patience.missed(1 << 19);
        assert_eq!((patience.amount, patience.missed), (1 << 18, 2));
        // A slow one: as much as it reads in half the time.
        patience.proved(1 << 18, 60 * S);
        assert_eq!(patience.missed, 2);
        assert!(patience.amount < 1 << 19, "{}", patience.amount);
        // What is too little to tell changes nothing.
        let before = patience.amount;
        patience.proved(before / 4, S);
        assert_eq!(patience.amount, before);
        // A quick one is soon given all.
        for _ in 0..6 {
            patience.proved(patience.amount, S / 100);
        }
        assert_eq!((patience.missed, patience.is_lowered()), (0, false));
    }

    #[test]
    fn no_setting_overflows() {
        let mut patience = Patience::new(usize::MAX, Duration::MAX);
        patience.missed(usize::MAX);
        patience.proved(usize::MAX, Duration::ZERO);
        let wait = patience.wait(usize::MAX, true, Duration::MAX);
        assert!(wait >= Duration::from_secs(1));
    }
}
