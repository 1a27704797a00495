//! The load: distinct points as fast as a client takes them, and what it says of them at the end.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::Duration;

use graphite_proto::{Delivery, Protocol, Stats};

use super::point::{FIRST, LIMIT, Points};
use crate::choice::Runtime;

/// How many points go by between two looks at the client's accounting.
const LOOK: u64 = 4096;
/// How often a flush is tried that fails because the receiver is down.
const FLUSHES: u32 = 100;

/// The client's own first delay, and a shorter longest one: receivers die here every fraction of a
/// second, which to a client in its senses is a failure without an end.
const BACKOFF: (Duration, Duration) = (Duration::from_millis(50), Duration::from_millis(400));

/// How the load is steered from outside.
#[derive(Debug, Default)]
pub(super) struct Reins {
    pub(super) stop: AtomicBool,
    /// Flush, then hold still.
    pub(super) pause: AtomicBool,
    /// Await each point's `send`, instead of feeding them.
    pub(super) one_by_one: AtomicBool,
    /// Everything is flushed and the load holds still.
    pub(super) still: AtomicBool,
    /// The number of the next point.
    pub(super) next: AtomicU64,
}

/// Whom the load goes to, and how.
#[derive(Clone, Copy, Debug)]
pub(super) struct Target {
    pub(super) address: SocketAddr,
    pub(super) protocol: Protocol,
    pub(super) delivery: Delivery,
    pub(super) seed: u64,
}

/// What a client said at its end.
#[derive(Debug)]
pub(super) struct Outcome {
    /// Points that the client took.
    pub(super) fed: u64,
    pub(super) stats: Stats,
    /// How many points `close` did not know to be delivered, or 0 if it returned `Ok`.
    pub(super) undelivered: u64,
    /// How often the accounting did not add up.
    pub(super) misaccounted: u64,
}

fn adds_up(stats: &Stats, fed: u64) -> bool {
    stats.accepted == fed
        && stats.accepted == stats.queued + stats.written + stats.dropped
        && stats.confirmed <= stats.written
}

/// The same code for each client, whose types differ.
macro_rules! load {
    ($name:ident, $client:ident) => {
        async fn $name(target: Target, reins: &Reins) -> Result<Outcome, String> {
            use $client::{Client, SendError};

            let builder = Client::builder().protocol(target.protocol).delivery(target.delivery);
            let builder = builder.seed(target.seed).backoff(BACKOFF.0, BACKOFF.1);
            let client = builder.connect_lazy(target.address);
            let client = client.map_err(|error| error.to_string())?;
            let points = Points::new();
            let (mut next, mut misaccounted) = (FIRST, 0);
            while !reins.stop.load(Ordering::Relaxed) && next < LIMIT {
                if reins.pause.load(Ordering::Acquire) {
                    let still = client.flush().await.is_ok();
                    reins.still.store(still, Ordering::Release);
                    thread::sleep(Duration::from_millis(1));
                    continue;
                }
                reins.still.store(false, Ordering::Release);
                let one_by_one = reins.one_by_one.load(Ordering::Relaxed);
                let metric = points.make(next);
                let fed =
                    if one_by_one { client.send(metric).await } else { client.feed(metric).await };
                match fed {
                    Ok(()) | Err(SendError::Queued(_)) => next += 1,
                    // The receiver is down and the point was not taken: once more.
                    Err(SendError::Full(_)) => {}
                    Err(error) => return Err(error.to_string()),
                }
                reins.next.store(next, Ordering::Release);
                if next.is_multiple_of(LOOK) {
                    misaccounted += u64::from(!adds_up(&client.stats(), next - FIRST));
                }
            }
            for _ in 0..FLUSHES {
                if client.flush().await.is_ok() {
                    break;
                }
            }
            let closed = client.close().await;
            let (stats, fed) = (client.stats(), next - FIRST);
            misaccounted += u64::from(!adds_up(&stats, fed));
            let undelivered = closed.map_or_else(|error| error.undelivered, |()| 0);
            Ok(Outcome { fed, stats, undelivered, misaccounted })
        }
    };
}

load!(load_tokio, graphite_client_tokio);
load!(load_async_std, graphite_client_async_std);

/// Drives the load until it is stopped.
pub(super) fn run(runtime: Runtime, target: Target, reins: &Reins) -> Result<Outcome, String> {
    match runtime {
        Runtime::Tokio => {
            let mut builder = tokio::runtime::Builder::new_multi_thread();
            let tokio = builder.worker_threads(2).enable_all().build();
            let tokio = tokio.map_err(|error| error.to_string())?;
            tokio.block_on(load_tokio(target, reins))
        }
        // Its executor runs in threads of its own; anything may wait for it.
        Runtime::AsyncStd => futures::executor::block_on(load_async_std(target, reins)),
    }
}
