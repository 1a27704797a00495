//! carbon-cache stopped and started again while points stream: the files hold all of them.
//!
//! It is stopped by SIGTERM, since it writes its cache only then: what it keeps in memory no
//! client can bring back. In half of the rows it reads slowly when that happens, so that megabytes
//! stand unread in the kernel and die with the connection. Not here: receivers that are killed
//! while they read slowly and keep what they had read, which are those of `cargo xtask chaos`.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::Duration;

use graphite_proto::Stats;

use super::carbon::Cache;
use super::compare::{compare, exact};
use super::points::{Expected, now};
use super::process::address;
use super::send::{self, Streaming};
use super::{Bench, PROTOCOLS, Row, Way};
use crate::Result;

/// How long points stream before each stop. carbon's writer wakes within a second of its start.
const STREAM: Duration = Duration::from_secs(3);

pub(super) fn rows(bench: &Bench) -> Vec<Row> {
    let ready = || bench.python().map(drop);
    let times = if bench.short { 1 } else { 5 };
    let mut rows = Vec::new();
    for (what, slow) in [("restarted", false), ("stopped when slow", true)] {
        let name = format!("carbon-cache, {what} x{times}");
        rows.extend(bench.rows(&name, bench.ways(&PROTOCOLS, true), ready(), |way, folder| {
            let mut cache = Cache::start(bench, folder, "127.0.0.1", "a")?;
            let address = address(&cache.host, cache.port(way.protocol))?;
            let streaming = Streaming::new();
            let stats = streaming.during(way, address, || {
                for _ in 0..times {
                    thread::sleep(STREAM);
                    if slow {
                        hold_back(&mut cache)?;
                    }
                    cache.stop()?;
                    cache.restart()?;
                }
                thread::sleep(STREAM);
                Ok(())
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
fn hold_back(cache: &mut Cache) -> Result {
    let process = cache.process()?;
    for _ in 0..10 {
        process.signal("STOP")?;
        thread::sleep(Duration::from_millis(180));
        process.signal("CONT")?;
        thread::sleep(Duration::from_millis(20));
    }
    process.signal("STOP")?;
    thread::sleep(Duration::from_millis(500));
    // It is delivered with the going on, before another byte is read.
    process.signal("TERM")?;
    process.signal("CONT")
}

impl Streaming {
    pub(super) fn new() -> Self {
        Self {
            base: now() - 3000,
            series: 1000,
            pace: 150,
            stop: AtomicBool::new(false),
            accepted: AtomicU64::new(0),
        }
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
            self.stop.store(true, Ordering::Relaxed);
            let sent = sender.join().map_err(|_| "the sending panicked")?;
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
