//! carbon-cache stopped and started again while points stream: the files hold all of them.
//!
//! It is stopped by SIGTERM, since it writes its cache only then: what it keeps in memory no
//! client can bring back. In half of the rows it reads slowly when that happens, so that much
//! stands unread in the kernel and dies with the connection. Not here: receivers that are killed
//! while they read slowly and keep what they had read, which are those of `cargo xtask chaos`.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::Duration;

use graphite_client_tokio::TlsConfig;
use graphite_proto::Stats;
use rustix::process::Signal;

use super::carbon::Cache;
use super::compare::{compare, exact};
use super::points::{Expected, now};
use super::process::wait;
use super::send::{self, Streaming};
use super::{Bench, PROTOCOLS, Row, Way};
use crate::Result;
use crate::sockets;

/// What must stand unread at least when a slow receiver is asked to end, in bytes: far more than
/// the 64 KiB that it may read once more before it obeys.
const UNREAD: u64 = 384 << 10;

pub(super) fn rows(bench: &Bench) -> Vec<Row> {
    let ready = || bench.python().map(drop);
    let times = if bench.short { 1 } else { 5 };
    let mut rows = Vec::new();
    for (what, slow) in [("restarted", false), ("stopped when slow", true)] {
        let name = format!("carbon-cache, {what} x{times}");
        rows.extend(bench.rows(&name, bench.ways(&PROTOCOLS, true), ready(), |way, folder| {
            let mut cache = Cache::start(bench, folder, "a")?;
            let address = cache.address(way.protocol);
            let streaming = Streaming::new();
            let stats = streaming.during(way, address, || {
                for _ in 0..times {
                    streaming.fill(bench, &cache)?;
                    if slow {
                        cache.awake()?;
                        hold_back(&mut cache, address)?;
                        cache.ended()?;
                    } else {
                        cache.stop()?;
                    }
                    cache.restart()?;
                }
                streaming.fill(bench, &cache)
            })?;
            let expected = streaming.expected(0..stats.accepted);
            cache.stop()?;
            let mut outcome = compare(&expected, &cache.files(bench, &expected)?, exact);
            // Else the row would have shown nothing.
            if stats.reconnects < times {
                outcome.fail(format!("only {} of {times} stops were met", stats.reconnects));
            }
            if slow && stats.replayed == 0 {
                outcome.fail("nothing unread died with the receiver".to_owned());
            }
            outcome.note(format!(
                "connections lost: {}, points sent again: {}",
                stats.reconnects, stats.replayed
            ));
            Ok(outcome)
        }));
    }
    rows
}

/// Lets the receiver read for a tenth of the time only, and leaves it with a stop signal due.
fn hold_back(cache: &mut Cache, address: SocketAddr) -> Result {
    let process = cache.process()?;
    for _ in 0..10 {
        process.signal(Signal::STOP)?;
        thread::sleep(Duration::from_millis(180));
        process.signal(Signal::CONT)?;
        thread::sleep(Duration::from_millis(20));
    }
    process.signal(Signal::STOP)?;
    let much = wait("much stands unread", || Ok(sockets::unread(address)? >= UNREAD));
    // It is delivered with the going on.
    process.signal(Signal::TERM)?;
    process.signal(Signal::CONT)?;
    much
}

impl Streaming {
    pub(super) fn new() -> Self {
        Self::by(None)
    }

    /// Over TLS.
    pub(super) fn over(tls: TlsConfig) -> Self {
        Self::by(Some(tls))
    }

    fn by(tls: Option<TlsConfig>) -> Self {
        Self {
            tls,
            base: now() - 3000,
            series: 1000,
            pace: 150,
            stop: AtomicBool::new(false),
            failed: AtomicBool::new(false),
            accepted: AtomicU64::new(0),
        }
    }

    /// Waits until so much of the stream is in a carbon-cache that its writer, which may have slept
    /// until now, will not do so again: half of the series are more than it writes in a minute.
    pub(super) fn fill(&self, bench: &Bench, cache: &Cache) -> Result {
        let series = usize::try_from(self.series / 2)?;
        cache.holds(bench, series, &self.expected(0..self.series))
    }

    /// Streams while something is done to the receiver, and until that is over.
    pub(super) fn during(
        &self,
        way: Way,
        address: SocketAddr,
        what: impl FnOnce() -> Result,
    ) -> Result<Stats> {
        thread::scope(|scope| {
            let sender = scope.spawn(|| send::stream(way.runtime, way.protocol, address, self));
            let done = what();
            self.failed.store(done.is_err(), Ordering::Relaxed);
            self.stop.store(true, Ordering::Relaxed);
            let sent = sender.join().map_err(|_| "the sending panicked")?;
            if let (Err(done), Err(sent)) = (&done, &sent) {
                return Err(format!("{done}; and the client: {sent}").into());
            }
            done?;
            let (stats, fed) = (sent?, self.accepted.load(Ordering::Relaxed));
            if stats.accepted != fed {
                return Err(format!("{fed} points were fed, {} accepted", stats.accepted).into());
            }
            Ok(stats)
        })
    }

    /// Returns what a store must hold of the points with these numbers.
    pub(super) fn expected(&self, numbers: std::ops::Range<u64>) -> Expected {
        let mut expected = Expected::default();
        for number in numbers {
            let point = self.point(number);
            let time = self.base + number / self.series;
            expected.push(point.path(), (time, time), point.value().as_f64());
        }
        expected
    }
}
