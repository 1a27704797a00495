//! `cargo xtask bench`: what `Confirmed` takes with a slow receiver, beside the bare reading.
//!
//! Each row feeds a receiver that reads so many bytes a second, one connection after the other,
//! and waits until everything is confirmed; the same bytes by `Replay`, in the same run, end when
//! the receiver has read them. The ratios count: time to what the reading takes at least, bytes
//! sent to bytes fed. Not here: what is lost, which is `cargo xtask chaos`.

use std::io::Read as _;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use clap::value_parser;
use graphite_proto::{Delivery, Metric};

/// Bytes a second.
const RATES: [u64; 2] = [30_000, 1_000_000];
const LEVELS: [(&str, Delivery); 2] = [
    ("replay", Delivery::Replay { window: Delivery::DEFAULT_WINDOW }),
    ("confirmed", Delivery::Confirmed { window: Delivery::DEFAULT_WINDOW }),
];
/// How often a receiver reads: what it may read in that time.
const TICK: Duration = Duration::from_millis(10);
/// The most that a row may take, in times of the bare reading, and on top of it. That is the
/// promise of `Confirmed`.
const MOST: u64 = 3;
const ON_TOP: Duration = Duration::from_secs(60);

type Feed = fn(Delivery, SocketAddr, u64, &Receiver) -> crate::Result;

const CLIENTS: &[(&str, Feed)] =
    &[("tokio", tokio_client::feed), ("async-std", async_std_client::feed)];

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// How long the bare reading of a row takes, in seconds.
    #[arg(long, value_name = "N", default_value_t = 40)]
    #[arg(value_parser = value_parser!(u64).range(1..))]
    seconds: u64,
}

/// Runs all rows; fails if one breaks its promise.
pub(crate) fn run(args: Args) -> crate::Result {
    println!("runtime    level         bytes/s       bytes  connections  time / bare  sent / fed");
    let mut broken = Vec::new();
    for rate in RATES {
        for (runtime, feed) in CLIENTS {
            for (level, delivery) in LEVELS {
                let points = args.seconds * rate / line().len() as u64;
                let bytes = points * line().len() as u64;
                let bare = Duration::from_secs_f64(bytes as f64 / rate as f64);
                let receiver = Receiver::new(rate)?;
                let begun = Instant::now();
                feed(delivery, receiver.address, points, &receiver)?;
                let taken = begun.elapsed();
                let read = receiver.state.read.load(Ordering::Relaxed);
                println!(
                    "{runtime:10} {level:10} {rate:>10} {bytes:>11} {:>12} {:>12.2} {:>11.2}",
                    receiver.state.connections.load(Ordering::Relaxed),
                    taken.as_secs_f64() / bare.as_secs_f64(),
                    read as f64 / bytes as f64
                );
                if read > MOST * bytes || taken > bare * MOST as u32 + ON_TOP {
                    broken.push(format!("{runtime}, {level} at {rate} bytes/s"));
                }
            }
        }
    }
    if broken.is_empty() {
        return Ok(());
    }
    Err(format!("more than {MOST} times the bytes or the time: {}", broken.join("; ")).into())
}

/// The same code for each client, whose types differ.
macro_rules! client {
    ($module:ident, $client:ident, $block_on:path) => {
        mod $module {
            use $client::Client;

            use super::*;

            pub(super) fn feed(
                delivery: Delivery,
                address: SocketAddr,
                points: u64,
                receiver: &Receiver,
            ) -> crate::Result {
                $block_on(async {
                    let client = Client::builder().delivery(delivery).connect(address).await?;
                    for _ in 0..points {
                        // A wait for room may be told of a slow proof: the point is not queued.
                        while client.feed(point()).await.is_err() {}
                    }
                    // As it may here, where the points are.
                    while client.flush().await.is_err() {}
                    if !matches!(delivery, Delivery::Confirmed { .. }) {
                        receiver.wait_for(points * line().len() as u64);
                    }
                    Ok(())
                })
            }
        }
    };
}

client!(tokio_client, graphite_client_tokio, block_on_tokio);
client!(async_std_client, graphite_client_async_std, async_std::task::block_on);

fn block_on_tokio(future: impl Future<Output = crate::Result>) -> crate::Result {
    let mut builder = tokio::runtime::Builder::new_multi_thread();
    builder.worker_threads(2).enable_all().build()?.block_on(future)
}

fn point() -> Metric<'static> {
    Metric::new("servers.web01.cpu.user", 0.42).at(1_700_000_000)
}

/// The point as it is on the wire.
fn line() -> &'static str {
    "servers.web01.cpu.user 0.42 1700000000\n"
}

/// A receiver that reads so many bytes a second, one connection after the other.
struct Receiver {
    address: SocketAddr,
    state: Arc<State>,
}

#[derive(Default)]
struct State {
    read: AtomicU64,
    connections: AtomicU64,
    ended: AtomicBool,
}

impl Receiver {
    fn new(rate: u64) -> crate::Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", 0))?;
        let address = listener.local_addr()?;
        listener.set_nonblocking(true)?;
        let state = Arc::<State>::default();
        let shared = state.clone();
        thread::spawn(move || {
            while !shared.ended.load(Ordering::Relaxed) {
                match listener.accept() {
                    Ok((stream, _)) => {
                        shared.connections.fetch_add(1, Ordering::Relaxed);
                        let _ = read_slowly(&stream, rate, &shared);
                    }
                    Err(_) => thread::sleep(Duration::from_millis(1)),
                }
            }
        });
        Ok(Self { address, state })
    }

    fn wait_for(&self, bytes: u64) {
        while self.state.read.load(Ordering::Relaxed) < bytes {
            thread::sleep(TICK);
        }
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        self.state.ended.store(true, Ordering::Relaxed);
    }
}

fn read_slowly(mut stream: &TcpStream, rate: u64, state: &State) -> std::io::Result<()> {
    stream.set_nonblocking(false)?;
    let mut bytes = vec![0; usize::try_from(rate / 100).unwrap_or(usize::MAX).max(1)];
    let mut next = Instant::now();
    while !state.ended.load(Ordering::Relaxed) {
        stream.set_read_timeout(Some(TICK))?;
        match stream.read(&mut bytes) {
            Ok(0) => break,
            Ok(read) => drop(state.read.fetch_add(read as u64, Ordering::Relaxed)),
            Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => {}
            Err(error) => return Err(error),
        }
        // By the clock, so that what a sleep was too long is made up.
        next = next.max(Instant::now() - Duration::from_secs(1)) + TICK;
        thread::sleep(next.saturating_duration_since(Instant::now()));
    }
    Ok(())
}
