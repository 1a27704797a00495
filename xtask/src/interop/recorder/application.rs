//! The application that reports: a process of its own, as a service is, so that it has the global
//! recorder and that its end is its last report.
//!
//! It records until its standard input ends, and then until it has seen one report more; what it
//! does and has done it tells on its standard output. Not here: who starts it
//! ([`super::process`]), and who checks what it tells ([`super::expect`]).

use std::io::Read as _;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use futures::future::join_all;
use graphite_proto::Stats;
use graphite_proto::metrics::{Recorder, RecorderBuilder, Statistics};
use metrics::{Label, counter, gauge, histogram};

use super::series::{
    BURST, COUNTERS, Form, GAUGES, HISTOGRAMS, Instrument, NUMBER, PREFIX, SAMPLE, burst,
};
use super::told::{self, Client as Figures, End};
use crate::choice::{Protocols, Runtime, block_on_tokio};
use crate::interop::process::PATIENCE;
use crate::interop::send::spawn;
use crate::{Result, chain};

/// How many tasks record at the same time.
const TASKS: u64 = 8;
/// How long a task waits between two rounds, and between two looks.
const PACE: Duration = Duration::from_millis(5);
/// Between them no report goes on.
const QUIET: Duration = Duration::from_millis(20);
/// What is the middle of an interval of a second, in milliseconds.
const MIDDLE: std::ops::Range<u32> = 300..700;
/// What the first gauge is set to at last.
const LAST: f64 = -12.5;

/// What the application is started with.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[arg(value_enum)]
    runtime: Runtime,
    #[arg(value_enum)]
    protocol: Protocols,
    address: SocketAddr,
    #[command(flatten)]
    form: Form,
}

/// Runs the application to its end.
pub(crate) fn run(args: &Args) -> Result {
    let ending = Arc::new(AtomicBool::new(false));
    let told = ending.clone();
    std::thread::spawn(move || {
        let _ = std::io::stdin().read_to_end(&mut Vec::new());
        told.store(true, Ordering::Relaxed);
    });
    match args.runtime {
        Runtime::Tokio => on_tokio::run(args, &ending),
        Runtime::AsyncStd => on_async_std::run(args, &ending),
    }
}

impl Args {
    fn recorder(&self) -> RecorderBuilder {
        let (labels, counters) = self.form.settings();
        let recorder = Recorder::builder().prefix(PREFIX).interval(Duration::from_secs(1));
        recorder.labels(labels).counters(counters).statistics(Statistics::ALL)
    }
}

/// One source for both clients, which have the same names.
macro_rules! application {
    ($module:ident, $client:ident, $sleep:path, $block_on:path, $spawn:path) => {
        mod $module {
            use $client::Client;

            use super::*;

            pub(super) fn run(args: &Args, ending: &AtomicBool) -> Result {
                $block_on(async {
                    let client =
                        Client::builder().protocol(args.protocol.list()[0]).close_timeout(PATIENCE);
                    let client = client.connect_lazy(args.address)?;
                    let reporter = args.recorder().install(client.clone())?;
                    let records = Arc::new(Records::default());
                    let tasks: Vec<_> = (0..TASKS)
                        .map(|task| {
                            let records = records.clone();
                            $spawn(async move {
                                while !records.stop.load(Ordering::Relaxed) {
                                    records.round();
                                    $sleep(PACE).await;
                                }
                                gauge!(GAUGES[1].name).increment(task as f64);
                                Ok::<(), String>(())
                            })
                        })
                        .collect();
                    let accepted = || client.stats().accepted;
                    for number in 1.. {
                        let last = ending.load(Ordering::Relaxed);
                        let seen = accepted();
                        while accepted() == seen {
                            $sleep(PACE).await;
                        }
                        let mut before = seen;
                        while before != accepted() {
                            before = accepted();
                            $sleep(QUIET).await;
                        }
                        record_burst(number);
                        told::tell_report(before == accepted());
                        if last {
                            break;
                        }
                    }
                    records.stop.store(true, Ordering::Relaxed);
                    for outcome in join_all(tasks).await {
                        outcome?;
                    }
                    gauge!(GAUGES[0].name, labels(&GAUGES[0])).set(LAST);
                    while !in_the_middle() {
                        $sleep(PACE).await;
                    }
                    reporter.close().await.map_err(|error| chain(&error))?;
                    told::tell_end(&records.end(&client.stats(), reporter.missed()));
                    Ok(())
                })
            }
        }
    };
}

application!(on_tokio, graphite_client_tokio, tokio::time::sleep, block_on_tokio, spawn);
application!(
    on_async_std,
    graphite_client_async_std,
    async_std::task::sleep,
    async_std::task::block_on,
    async_std::task::spawn
);

/// What the tasks have recorded, counted beside the recorder.
#[derive(Default)]
struct Records {
    stop: AtomicBool,
    counters: [AtomicU64; COUNTERS.len()],
    samples: [AtomicU64; HISTOGRAMS.len()],
}

impl Records {
    /// Records something of everything.
    fn round(&self) {
        gauge!(GAUGES[1].name).increment(1.0);
        for (instrument, total) in COUNTERS.iter().zip(&self.counters) {
            let increment = fastrand::u64(1..10);
            counter!(instrument.name, labels(instrument)).increment(increment);
            total.fetch_add(increment, Ordering::Relaxed);
        }
        for (instrument, samples) in HISTOGRAMS.iter().zip(&self.samples) {
            histogram!(instrument.name, labels(instrument)).record(SAMPLE);
            samples.fetch_add(1, Ordering::Relaxed);
        }
        gauge!(GAUGES[0].name, labels(&GAUGES[0])).set(fastrand::f64());
        gauge!(GAUGES[1].name).decrement(1.0);
    }

    fn end(&self, stats: &Stats, missed: u64) -> End {
        let read = |figures: &[AtomicU64]| {
            figures.iter().map(|figure| figure.load(Ordering::Relaxed)).collect()
        };
        let Stats { accepted, reconnects, replayed, .. } = *stats;
        End {
            counters: read(&self.counters),
            // Each task has added its number to the second.
            gauges: vec![LAST, (0..TASKS).sum::<u64>() as f64],
            samples: read(&self.samples),
            client: Figures { accepted, missed, reconnects, replayed },
        }
    }
}

fn labels(instrument: &Instrument) -> Vec<Label> {
    instrument.labels.iter().map(Label::from).collect()
}

/// Records a burst, in any order.
fn record_burst(number: usize) {
    let histogram = histogram!(BURST, NUMBER => number.to_string());
    let mut samples: Vec<f64> = burst().collect();
    fastrand::shuffle(&mut samples);
    samples.into_iter().for_each(|sample| histogram.record(sample));
}

/// Returns whether this is the middle of an interval.
fn in_the_middle() -> bool {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    MIDDLE.contains(&now.subsec_millis())
}
