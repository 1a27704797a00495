//! The reconnect schedule: how long to wait after how many failures in a row.
//!
//! Not here: what counts as a failure ([`crate::sender`]).

use std::time::Duration;

/// Doubling delays with jitter from a seed, so that many clients of one receiver that restarts
/// do not come back in step, and so that a run can be repeated.
#[derive(Debug)]
pub(crate) struct Backoff {
    initial: Duration,
    max: Duration,
    random: u64,
}

impl Backoff {
    /// Makes a schedule; `max` is no less than `initial`, and neither is zero.
    pub(crate) fn new(initial: Duration, max: Duration, seed: u64) -> Self {
        Self { initial, max, random: seed }
    }

    /// Returns the first delay, which is also the shortest life of a connection that is no failure.
    pub(crate) fn initial(&self) -> Duration {
        self.initial
    }

    /// Returns the longest delay.
    pub(crate) fn max(&self) -> Duration {
        self.max
    }

    /// Returns the delay after this many failures in a row: none after none, then the initial
    /// delay doubling to the largest, less up to a quarter.
    pub(crate) fn delay(&mut self, failures: u32) -> Duration {
        let Some(doublings) = failures.checked_sub(1) else { return Duration::ZERO };
        let factor = 1u32.checked_shl(doublings).unwrap_or(u32::MAX);
        let full = self.initial.saturating_mul(factor).min(self.max);
        // 16 random bits are enough to spread clients.
        let jitter = (self.next() >> 48) as u32;
        full - full / 4 / 0x1_0000 * jitter
    }

    /// Steele, Lea and Flood's SplitMix64.
    fn next(&mut self) -> u64 {
        self.random = self.random.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.random;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: Duration = Duration::from_millis(1);

    #[test]
    fn delays_double_to_the_largest_less_up_to_a_quarter() {
        for seed in 0..if cfg!(miri) { 2 } else { 200 } {
            let mut backoff = Backoff::new(50 * MS, 10_000 * MS, seed);
            assert_eq!(backoff.delay(0), Duration::ZERO);
            for failures in 1..100 {
                let full = (50 * MS * 2u32.pow((failures - 1).min(20))).min(10_000 * MS);
                let delay = backoff.delay(failures);
                assert!(delay <= full && delay >= full * 3 / 4, "{failures}: {delay:?}");
            }
        }
    }

    #[test]
    fn seeds_spread_and_repeat() {
        let delay = |seed| Backoff::new(50 * MS, 10_000 * MS, seed).delay(5);
        assert_eq!(delay(1), delay(1));
        assert_ne!(delay(1), delay(2));
    }

    /// The numbers that the generator's reference implementation in C prints for this seed.
    #[test]
    fn the_generator_is_splitmix64() {
        let mut backoff = Backoff::new(MS, MS, 1_234_567);
        let numbers = [(); 3].map(|()| backoff.next());
        let reference =
            [6_457_827_717_110_365_317, 3_203_168_211_198_807_973, 9_817_491_932_198_370_423];
        assert_eq!(numbers, reference);
    }

    #[test]
    fn a_handful_of_attempts_in_the_first_second() {
        for seed in 0..200 {
            let mut backoff = Backoff::new(50 * MS, 10_000 * MS, seed);
            let first_six: Duration = (1..=6).map(|failures| backoff.delay(failures)).sum();
            assert!(first_six > 1000 * MS, "{first_six:?}");
        }
    }
}
