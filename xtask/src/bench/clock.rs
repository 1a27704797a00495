//! What a sender's process tells of its own work: when it was, on a clock that all processes share,
//! and what it cost. Not here: when its receiver was done.

use std::fmt;
use std::str::FromStr;

use rustix::time::{ClockId, Timespec, clock_gettime};

use crate::memory;

/// Returns the nanoseconds of a clock that never goes back and is the same in every process.
pub(super) fn now() -> u64 {
    nanos(clock_gettime(ClockId::Monotonic))
}

/// Returns the nanoseconds that all threads of this process have run, in it and in the kernel.
fn cpu() -> u64 {
    nanos(clock_gettime(ClockId::ProcessCPUTime))
}

/// Runs a part on this thread; returns the nanoseconds for which it ran: what others had of the
/// processor meanwhile does not count.
pub(super) fn busy(part: impl FnOnce() -> crate::Result) -> crate::Result<f64> {
    let begun = clock_gettime(ClockId::ThreadCPUTime);
    part()?;
    Ok((nanos(clock_gettime(ClockId::ThreadCPUTime)) - nanos(begun)) as f64)
}

fn nanos(time: Timespec) -> u64 {
    time.tv_sec as u64 * 1_000_000_000 + time.tv_nsec as u64
}

/// Runs while points are sent.
#[derive(Debug)]
pub(super) struct Watch {
    begun: u64,
    cpu: u64,
}

impl Watch {
    pub(super) fn start() -> Self {
        Self { cpu: cpu(), begun: now() }
    }

    pub(super) fn stop(self) -> crate::Result<Told> {
        let ended = now();
        Ok(Told { begun: self.begun, ended, cpu: cpu() - self.cpu, peak: memory::peak()? })
    }
}

/// What a sender's process prints in a line: nanoseconds, but for the most memory, in bytes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Told {
    pub(super) begun: u64,
    pub(super) ended: u64,
    pub(super) cpu: u64,
    pub(super) peak: usize,
}

impl fmt::Display for Told {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} {} {}", self.begun, self.ended, self.cpu, self.peak)
    }
}

impl FromStr for Told {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let numbers: Option<Vec<u64>> =
            text.split_whitespace().map(|number| number.parse().ok()).collect();
        match numbers.as_deref() {
            Some(&[begun, ended, cpu, peak]) => Ok(Self { begun, ended, cpu, peak: peak as usize }),
            _ => Err(format!("a sender told {text:?} instead of four numbers")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_told_is_read_back() {
        let told = Told { begun: 1, ended: 20, cpu: 300, peak: 4000 };
        assert_eq!(told.to_string().parse(), Ok(told));
        assert!("1 2 3".parse::<Told>().is_err() && "1 2 3 x".parse::<Told>().is_err());
    }
}
