//! The machine in a made-up world: a clock, a wire and a receiver from a seed, thousands of times.
//!
//! Every run is checked at every step against a receiver that decodes. A failing seed is printed
//! with the command that runs it alone; once understood it goes to `simulation/regressions.txt`.
//! The last test plants faults and wants each to be found, so that the checks are known to bite.

#![expect(clippy::unwrap_used, reason = "a test ends where it is surprised")]
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "seeds and logs are for people")]

#[path = "simulation/decode.rs"]
mod decode;
#[path = "simulation/ledger.rs"]
mod ledger;
#[path = "simulation/linger.rs"]
mod linger;
#[path = "simulation/plan.rs"]
mod plan;
#[path = "simulation/random.rs"]
mod random;
#[path = "simulation/seen.rs"]
mod seen;
#[path = "simulation/slow.rs"]
mod slow;
#[path = "simulation/wire.rs"]
mod wire;
#[path = "simulation/world.rs"]
mod world;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicU64, Ordering};

use plan::{Fault, Plan};
use seen::Seen;
use world::World;

/// How many runs the normal tests make.
const RUNS: u64 = 20_000;
/// How many runs with slow receivers.
const SLOW: u64 = 150;
/// How many runs a planted fault may hide in.
const HIDES: u64 = 4_000;

fn run(seed: u64, fault: Option<Fault>, log: bool) -> Result<Seen, String> {
    if fault == Some(Fault::AmountNeverLowered) {
        return slow::run(seed, true).map(|()| Seen::default());
    }
    let plan = Plan::new(seed, fault);
    if log {
        println!("{plan:#?}");
    }
    let mut world = World::new(plan, log);
    catch_unwind(AssertUnwindSafe(|| world.run()))
        .unwrap_or_else(|_| Err("the machine panicked".into()))?;
    Ok(world.seen())
}

fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok().and_then(|text| text.parse().ok())
}

/// Runs the seeds on all processors; returns the failures, in the order of the seeds, and what came
/// about in the other runs.
fn run_all(
    seeds: std::ops::Range<u64>,
    fault: Option<Fault>,
    most: usize,
) -> (Vec<(u64, String)>, Seen) {
    let next = AtomicU64::new(seeds.start);
    let all = std::sync::Mutex::new(Seen::default());
    let failures = std::sync::Mutex::new(Vec::new());
    let workers = std::thread::available_parallelism().map_or(2, usize::from);
    std::thread::scope(|scope| {
        for _ in 0..workers {
            scope.spawn(|| {
                loop {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    if seed >= seeds.end || failures.lock().unwrap().len() >= most {
                        break;
                    }
                    match run(seed, fault, false) {
                        Ok(seen) => all.lock().unwrap().add(seen),
                        Err(text) => failures.lock().unwrap().push((seed, text)),
                    }
                }
            });
        }
    });
    let mut failures = failures.into_inner().unwrap();
    failures.sort();
    (failures, all.into_inner().unwrap())
}

fn report(failures: &[(u64, String)]) {
    for (seed, text) in failures {
        eprintln!("seed {seed}: {text:.600}");
        eprintln!(
            "    SIM_SEED={seed} cargo test -p graphite-proto --test simulation one -- --nocapture"
        );
    }
    assert!(failures.is_empty(), "{} runs failed; seeds above", failures.len());
}

/// `SIM_RUNS` makes more of them, from seed `SIM_FROM` on.
#[test]
fn every_promise_holds_in_every_run() {
    let from = number("SIM_FROM").unwrap_or(0);
    let runs = number("SIM_RUNS").unwrap_or(RUNS);
    let (failures, seen) = run_all(from..from + runs, None, 10);
    report(&failures);
    println!("{seen:?}");
    assert!(seen.is_enough(runs), "too little came about: {seen:?}");
}

#[test]
fn a_slow_receiver_is_confirmed_in_bounded_time_and_repeats() {
    let failures: Vec<(u64, String)> = (0..SLOW)
        .filter_map(|seed| slow::run(seed, false).err().map(|text| (seed, text)))
        .collect();
    report(&failures);
}

/// Runs `SIM_SEED` alone and tells what happens; without it, nothing.
#[test]
fn one_seed_alone() {
    if let Some(seed) = number("SIM_SEED") {
        let result = run(seed, None, true).map(drop);
        assert_eq!(result, Ok(()), "seed {seed}");
    }
}

/// Seeds that found something once.
#[test]
fn what_was_found_stays_mended() {
    let seeds = include_str!("simulation/regressions.txt").lines();
    let seeds = seeds.filter_map(|line| line.split_whitespace().next()?.parse().ok());
    let failures: Vec<(u64, String)> =
        seeds.filter_map(|seed| run(seed, None, false).err().map(|text| (seed, text))).collect();
    report(&failures);
}

#[test]
fn every_planted_fault_is_found() {
    let hidden: Vec<Fault> = Fault::ALL
        .into_iter()
        .filter(|&fault| {
            let (failures, _) = run_all(0..HIDES, Some(fault), 1);
            if let Some((seed, text)) = failures.first() {
                println!("{fault:?}: seed {seed}: {text:.150}");
            }
            failures.is_empty()
        })
        .collect();
    assert!(hidden.is_empty(), "no run found {hidden:?}");
}
