//! `cargo xtask chaos`: receivers are lost in every way that TCP knows, and points are counted.
//!
//! A client sends distinct points at full speed to a receiver in another process, which is killed,
//! closed, shut down on one side or on both, stalled and restarted, and records what it reads (all
//! the ways: `way.rs`). The promises of each delivery level are then checked against the
//! records. Not here: what a simulated wire can do, which is tested with the machine.

mod args;
mod load;
mod loss;
mod order;
mod point;
mod process;
mod receiver;
mod record;
mod run;
mod table;
mod tally;
mod watch;
mod way;

use fastrand::Rng;
use graphite_proto::Delivery;

use args::Levels;
use run::{Plan, Report};
use table::Table;
use watch::Watch;
use way::Deck;

use crate::choice::{Protocols, Runtimes};

pub(crate) use args::{Args, ReceiverArgs};

/// What our kernel holds in flight with the client's own send buffer of 256 KiB, in bytes.
const SEND_SIDE: usize = 3 << 19;

/// Runs what every change passes: some 60 kills over all pairs and levels, with a window that is
/// filled by the little that an unoptimised build sends in this time, and that covers what the
/// kernels hold.
pub(crate) fn short() -> crate::Result {
    run(Args {
        kills: 20,
        runtime: Runtimes::Both,
        protocol: Protocols::Both,
        delivery: Levels::All,
        seed: None,
        window: 2 << 20,
        receive_buffer: Some(128 << 10),
        life: 400,
    })
}

/// Is a receiver, in a process of its own.
pub(crate) fn receiver(args: ReceiverArgs) -> crate::Result {
    receiver::run(args.protocol.list()[0], args.port, args.buffer)
}

pub(crate) fn run(args: Args) -> crate::Result {
    let seed = args.seed.unwrap_or_else(|| fastrand::u64(..1_000_000));
    println!("{} kills a delivery level, seed {seed}", args.kills);
    let watch = Watch::start();
    let mut broken = Vec::new();
    for delivery in args.deliveries() {
        let mut random = Rng::with_seed(seed);
        let reports = level(&args, delivery, &mut random, &watch)
            .map_err(|error| format!("{error} (seed {seed})"))?;
        let table = Table(&reports);
        println!("\n{table}\n{}", table.ways());
        let lines: Vec<String> = reports.iter().flat_map(table::broken).collect();
        reports.iter().flat_map(table::documented).for_each(|line| println!("{line}"));
        lines.iter().for_each(|line| println!("{line}"));
        broken.extend(lines);
    }
    if broken.is_empty() {
        return Ok(());
    }
    Err(format!("a promise was broken; seed {seed}").into())
}

/// Runs every pair of runtime and protocol at one level.
fn level(
    args: &Args,
    delivery: Delivery,
    random: &mut Rng,
    watch: &Watch,
) -> crate::Result<Vec<Report>> {
    let mut deck = Deck::new(stalls(delivery, args.receive_buffer));
    let pairs = args.pairs();
    let mut reports = Vec::new();
    for (index, &(runtime, protocol)) in pairs.iter().enumerate() {
        let kills = share(args.kills, index, pairs.len());
        let (buffer, life) = (args.receive_buffer, args.life);
        let plan = Plan { runtime, protocol, delivery, buffer, kills, life };
        let what = format!("{}, {} {protocol}", table::level(delivery), runtime.name());
        let report = run::run(plan, &mut deck, random, &watch.during(&what));
        let report = report.map_err(|error| format!("{what}: {error}"))?;
        eprintln!("{what}: {}", table::summary(&report));
        reports.push(report);
    }
    Ok(reports)
}

/// Returns whether a receiver may stop reading and then die: for `Replay` only if the window
/// covers all that the kernels can hold, which takes a receive buffer of a known size. The system
/// doubles what is asked for.
fn stalls(delivery: Delivery, buffer: Option<usize>) -> bool {
    match delivery {
        Delivery::Replay { window } => buffer.is_some_and(|bytes| SEND_SIDE + 2 * bytes <= window),
        _ => true,
    }
}

/// Divides kills between runs; the first ones get what is left over.
fn share(kills: u32, index: usize, runs: usize) -> u32 {
    let (index, runs) = (index as u32, (runs as u32).max(1));
    kills / runs + u32::from(index < kills % runs)
}
