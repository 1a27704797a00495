//! Rows of what `Confirmed` takes with a slow receiver, beside the bare reading.
//!
//! Each row feeds a receiver that reads so many bytes a second, one connection after the other,
//! and waits until everything is confirmed; the same bytes by `Replay`, in the same run, end when
//! the receiver has read them. The figure is that time over what the reading takes at least. Not
//! here: what is lost, which is `cargo xtask chaos`.

use std::io::Read as _;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use graphite_proto::client::{Client, Runtime};
use graphite_proto::{Delivery, Metric};

use super::Setup;
use super::row::Kind::{Bare, Ours};
use super::row::{Row, Sample};
use crate::choice::{Runtime as Choice, Runtimes, block_on_tokio};

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

/// Makes the rows, each of which breaks its promise or not.
pub(super) fn rows(setup: &Setup) -> Vec<Row> {
    let seconds = setup.seconds();
    let mut rows = Vec::new();
    for rate in RATES {
        for &runtime in Runtimes::Both.list() {
            for (level, delivery) in LEVELS {
                let kind = if level == "confirmed" { Ours } else { Bare };
                let name = format!("{level}, {}, {} kB/s", runtime.name(), rate / 1000);
                let measure = move || measure(runtime, delivery, rate, seconds);
                rows.push(Row::new(kind, name, "x the reading", measure));
            }
        }
    }
    rows
}

fn measure(runtime: Choice, delivery: Delivery, rate: u64, seconds: u64) -> crate::Result<Sample> {
    let points = seconds * rate / line().len() as u64;
    let bytes = points * line().len() as u64;
    let bare = Duration::from_secs_f64(bytes as f64 / rate as f64);
    let receiver = Receiver::new(rate)?;
    let begun = Instant::now();
    match runtime {
        Choice::Tokio => {
            block_on_tokio(feed::<graphite_client_tokio::Tokio>(delivery, points, &receiver))?;
        }
        Choice::AsyncStd => async_std::task::block_on(
            feed::<graphite_client_async_std::AsyncStd>(delivery, points, &receiver),
        )?,
    }
    let taken = begun.elapsed();
    let read = receiver.state.read.load(Ordering::Relaxed);
    let connections = receiver.state.connections.load(Ordering::Relaxed);
    let sent = read as f64 / bytes as f64;
    let broken = read > MOST * bytes || taken > bare * MOST as u32 + ON_TOP;
    Ok(Sample {
        note: Some(format!("{sent:.2} times the bytes; connections: {connections}")),
        broken: broken.then(|| format!("more than {MOST} times the bytes or the time")),
        ..Sample::one(taken.as_secs_f64() / bare.as_secs_f64())
    })
}

async fn feed<R: Runtime + Default>(
    delivery: Delivery,
    points: u64,
    receiver: &Receiver,
) -> crate::Result {
    let client = Client::<R>::builder().delivery(delivery).connect(receiver.address).await?;
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
