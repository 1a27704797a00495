//! `cargo xtask miri`: runs tests under Miri, the interpreter that finds undefined behaviour, data
//! races, leaks and memory that is read before it was written.
//!
//! graphite-proto and graphite-encoder forbid unsafe code, but what they build on has it: the
//! atomic storage and the registry of metrics-util, try-lock, futures, memchr, the writers of
//! numbers. So the tests that run here are those which reach it: with one thread, and the recorder
//! with several. Miri is some hundred times slower than the processor: tests that need their many
//! rounds or long texts are marked as ignored there, and say why; others make fewer rounds.
//! It takes a nightly toolchain with the component miri, and installs neither.
//!
//! Not here: tests over sockets and with programs, which Miri has not; the simulation, properties,
//! Python's vectors and counts of allocations, which take it hours or mean nothing there; and the
//! arithmetic of the machine, as of delays and linger times. `cargo xtask test` runs all that.

use std::collections::VecDeque;
use std::num::NonZero;
use std::process::{Command, Stdio};
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::Instant;

use crate::Result;
use crate::command::{loud, output};
use crate::workspace::nightly;

/// Tests that run one after the other.
struct Job {
    name: &'static str,
    package: &'static str,
    target: &'static [&'static str],
    /// Parts of their names; all if there are none.
    tests: &'static [&'static str],
}

const PROTO: &str = "graphite-proto";
const ENCODER: &str = "graphite-encoder";

/// The longest first, since some run side by side.
const JOBS: [Job; 5] = [
    Job { name: "client", package: PROTO, target: &["--lib"], tests: &CLIENT },
    Job {
        name: "recorder, also by threads",
        package: PROTO,
        target: &["--test", "recorder"],
        tests: &[],
    },
    Job { name: "metrics", package: PROTO, target: &["--lib"], tests: &["metrics::"] },
    Job {
        name: "frames and windows",
        package: PROTO,
        target: &["--lib"],
        tests: &["window::", "protocol::tests", "ticket::"],
    },
    Job { name: "names", package: ENCODER, target: &["--test", "errors"], tests: &[] },
];

/// Without `room`, whose tests have points of some thousand bytes, each looked at by itself.
const CLIENT: [&str; 7] = [
    "client::connect",
    "client::tests::direct",
    "client::tests::feeders",
    "client::tests::names",
    "client::tests::reports",
    "client::tests::wakers",
    "client::waiters",
];

/// Runs all jobs, even if one fails.
pub(crate) fn run() -> Result {
    let version = output(nightly(["cargo", "miri", "--version"]).env_remove("RUSTC"), "");
    version.map_err(|error| {
        let install = "rustup toolchain install nightly --component miri";
        format!("{error}; this takes a nightly with Miri: {install}")
    })?;
    // They share a folder, so that cargo would have them wait for each other.
    for job in &JOBS {
        loud(job.command().args(["--no-run", "--quiet"]))?;
    }
    println!("tests                        passed  seconds");
    let left = Mutex::new(JOBS.iter().collect::<VecDeque<_>>());
    let failed = Mutex::new(Vec::new());
    let next = || left.lock().unwrap_or_else(PoisonError::into_inner).pop_front();
    let work = || {
        while let Some(job) = next() {
            if let Err(error) = job.run() {
                failed.lock().unwrap_or_else(PoisonError::into_inner).push(error.to_string());
            }
        }
    };
    let cores = thread::available_parallelism().map_or(1, NonZero::get);
    thread::scope(|scope| {
        for _ in 0..cores.min(JOBS.len()) {
            scope.spawn(work);
        }
    });
    let failed = failed.into_inner().unwrap_or_else(PoisonError::into_inner);
    if failed.is_empty() { Ok(()) } else { Err(failed.join(", ").into()) }
}

impl Job {
    fn command(&self) -> Command {
        let mut command = nightly(["cargo", "miri", "test"]);
        command.args(["--package", self.package, "--all-features"]).args(self.target);
        // Else the nightly's cargo would call the compiler of the toolchain that runs this.
        command.env_remove("RUSTC").env_remove("CARGO").stdin(Stdio::null());
        command
    }

    /// Runs the tests, and tells how it went.
    fn run(&self) -> Result {
        let begun = Instant::now();
        let output = self.command().arg("--").args(self.tests).output()?;
        let text = String::from_utf8_lossy(&output.stdout);
        let (seconds, passed) = (begun.elapsed().as_secs(), passed(&text));
        println!("{:28} {passed:>6} {seconds:>8}", self.name);
        match output.status.success() && passed > 0 {
            true => Ok(()),
            false => {
                eprintln!("{text}{}", String::from_utf8_lossy(&output.stderr));
                Err(format!("{} ended with {}", self.name, output.status).into())
            }
        }
    }
}

/// Returns how many tests passed, which must be some: a name that fits none is no success.
fn passed(text: &str) -> u32 {
    let counts = text.lines().filter_map(|line| line.strip_prefix("test result: ok. "));
    counts.filter_map(|rest| rest.split(' ').next()?.parse::<u32>().ok()).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_passed_is_counted() {
        let text = "running 2 tests\ntest a ... ok\ntest b ... ok\n\ntest result: ok. 2 passed; 0 \
            failed; 1 ignored\n\ntest result: ok. 11 passed; 0 failed\n";
        assert_eq!(passed(text), 13);
        assert_eq!(passed("test result: FAILED. 2 passed; 1 failed"), 0);
        assert_eq!(passed(""), 0);
    }
}
