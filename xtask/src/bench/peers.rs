//! Senders by other libraries, each as its own documentation uses it.
//!
//! Not here: how they compare, nor aiographite's code, which is `peer.py`.

use std::path::PathBuf;

use dipstick::{Flush as _, Graphite, Input as _, InputScope as _};
use graphyne::{GraphiteClient, GraphiteMessage};

use super::clock::{Told, Watch};
use super::job::{Job, Sender};
use super::workload::Workload;
use crate::workspace::root;

/// Returns the path of the script that sends by aiographite.
pub(super) fn script() -> PathBuf {
    root().join("xtask").join("src").join("bench").join("peer.py")
}

/// Sends by graphyne, over its blocking socket.
pub(super) fn graphyne(job: &Job) -> crate::Result<Told> {
    let address = job.address.ip().to_string();
    let mut client = GraphiteClient::builder().address(address).port(job.address.port()).build()?;
    let workload = Workload::new();
    // As `Debug` writes a float, whole ones end in `.0` here as in the other rows.
    let message = |(name, value, time): (&str, f64, u32)| {
        GraphiteMessage::new_with_ts(name, &format!("{value:?}"), time.into())
    };
    let watch = Watch::start();
    for _ in 0..job.cycles {
        if job.sender == Sender::GraphyneOne {
            for point in workload.points() {
                client.send_message(&message(point))?;
            }
        } else {
            let batch: Vec<GraphiteMessage> = workload.points().map(message).collect();
            client.send_batch_message(&batch)?;
        }
    }
    watch.stop()
}

/// Sends by dipstick: gauges that were defined before, integers, with a time of its own.
pub(super) fn dipstick(job: &Job) -> crate::Result<Told> {
    let scope = Graphite::send_to(job.address)?.metrics();
    let workload = Workload::new();
    let gauges: Vec<_> =
        workload.points().map(|(name, value, _)| (scope.gauge(name), value)).collect();
    // It connects some time after it was asked to, and not before there is something to send.
    gauges[0].0.value(0);
    while scope.flush().is_err() {
        std::thread::yield_now();
    }
    let watch = Watch::start();
    for _ in 0..job.cycles {
        for (gauge, value) in &gauges {
            gauge.value(*value as i64);
        }
        scope.flush().map_err(|error| format!("dipstick gave up on a full socket: {error}"))?;
    }
    watch.stop()
}
