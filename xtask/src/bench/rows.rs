//! The rows that send from one process to another: all of them at once, one by one, by many tasks,
//! and ever more points.
//!
//! Not here: what a sender does ([`super::job`] and what it calls), nor the other groups.

use std::path::PathBuf;

use graphite_proto::Protocol;

use super::Setup;
use super::job::{Job, Measured, Sender};
use super::row::Kind::{Bare, Ours, Peer};
use super::row::Reach::{AtLeast, AtMost};
use super::row::{Kind, Reach, Row, Sample};
use super::workload::CYCLE;
use crate::choice::Runtime::{self, AsyncStd, Tokio};

const RUNTIMES: [Runtime; 2] = [Tokio, AsyncStd];
pub(super) const PROTOCOLS: [Protocol; 2] = [Protocol::Plaintext, Protocol::Pickle];

/// A multiple of the 64 clones' cycles.
const DELIVER: u64 = 5120;
/// A write to the system for each point takes its time.
const ONE_BY_ONE: u64 = 200;
const MILLION: u64 = 1_000_000 / CYCLE;
/// Python takes many times as long a point.
const PYTHON: u64 = 20;

type Figure = fn(Measured) -> Sample;
const MILLIONS: (&str, Figure) = ("M points/s", Measured::millions);
const THOUSANDS: (&str, Figure) = ("k points/s", Measured::thousands);
const CPU: (&str, Figure) = ("CPU ns/point", Measured::cpu);
const NANOS: (&str, Figure) = ("ns/point", Measured::nanos);

fn row(kind: Kind, name: String, (unit, figure): (&'static str, Figure), job: Job) -> Row {
    Row::new(kind, name, unit, move || Ok(figure(job.run(None)?)))
}

/// A row of aiographite, which is left out where it cannot be installed.
fn python(name: String, (unit, figure): (&'static str, Figure), job: Job, setup: &Setup) -> Row {
    let python = setup.python();
    let found: Option<PathBuf> = python.as_ref().ok().cloned();
    Row::new(Peer, name, unit, move || Ok(figure(job.run(found.as_ref())?))).needs(&python)
}

fn at_least(ratio: f64) -> Option<Reach> {
    Some(AtLeast(ratio))
}

/// All points as fast as they go, by blocks and batches.
pub(super) fn deliver(setup: &Setup) -> Vec<Row> {
    let cycles = setup.less(DELIVER, 5);
    let mut rows = Vec::new();
    for protocol in PROTOCOLS {
        let job = |sender, runtime| Job::new(sender, protocol, runtime, cycles);
        let named = |name: &str| format!("{name}, {protocol}");
        let bare = named("bare loop");
        rows.push(row(Bare, named("raw blocks"), MILLIONS, job(Sender::Raw, Tokio)));
        rows.push(row(Bare, bare.clone(), MILLIONS, job(Sender::Bare, Tokio)));
        let reach = if protocol == Protocol::Pickle { 0.33 } else { 0.75 };
        for runtime in RUNTIMES {
            let named = |name: &str| format!("{name}, {}, {protocol}", runtime.name());
            let feed = named("feed + flush");
            rows.push(
                row(Ours, feed.clone(), MILLIONS, job(Sender::Feed, runtime))
                    .against(&bare, at_least(reach)),
            );
            rows.push(
                row(Ours, named("send_multiple"), MILLIONS, job(Sender::SendMultiple, runtime))
                    .against(&feed, at_least(1.0))
                    .against(&bare, None),
            );
            let reach = if protocol == Protocol::Pickle { 0.6 } else { 0.9 };
            rows.push(
                row(Ours, named("a feeder"), MILLIONS, job(Sender::Feeder, runtime))
                    .against(&bare, at_least(reach)),
            );
        }
        if protocol == Protocol::Plaintext {
            for (name, sender) in [
                ("graphyne 0.2.5 batches, plaintext", Sender::Graphyne),
                ("dipstick 0.9.4, integers, plaintext", Sender::Dipstick),
            ] {
                let peer = row(Peer, name.to_owned(), MILLIONS, job(sender, Tokio));
                rows.push(peer.against(&bare, None));
            }
        }
        let job = Job::new(Sender::Aiographite, protocol, Tokio, cycles / PYTHON);
        let name = named("aiographite 0.2.0 send_multiple");
        rows.push(python(name, MILLIONS, job, setup).against(&bare, None));
    }
    rows
}

/// Each point awaited before the next.
pub(super) fn one_by_one(setup: &Setup) -> Vec<Row> {
    let cycles = setup.less(ONE_BY_ONE, 5);
    let job = |sender, runtime| Job::new(sender, Protocol::Plaintext, runtime, cycles);
    let graphyne = "graphyne 0.2.5 send_message";
    let mut rows = Vec::new();
    for runtime in RUNTIMES {
        let bare = format!("bare write_all, {}", runtime.name());
        rows.push(row(Bare, bare.clone(), THOUSANDS, job(Sender::WriteAll, runtime)));
        let name = format!("send, {}", runtime.name());
        rows.push(
            row(Ours, name, THOUSANDS, job(Sender::Send, runtime))
                .against(bare, at_least(0.8))
                .against(graphyne, at_least(1.0)),
        );
    }
    rows.push(row(Peer, graphyne.to_owned(), THOUSANDS, job(Sender::GraphyneOne, Tokio)));
    let few = Job::new(Sender::AiographiteOne, Protocol::Plaintext, Tokio, cycles / PYTHON);
    let aiographite = python("aiographite 0.2.0 send".to_owned(), THOUSANDS, few, setup);
    rows.push(aiographite.against(graphyne, None));
    rows
}

/// The same number of points by more and more clones and feeders.
pub(super) fn scaling(setup: &Setup) -> Vec<Row> {
    let cycles = setup.less(DELIVER, 5);
    let by = |name: &str, sender, tasks, figure| {
        let job = Job::new(sender, Protocol::Plaintext, Tokio, cycles);
        row(Ours, name.to_owned(), figure, Job { tasks, ..job })
    };
    let clones = |name, tasks| by(name, Sender::Clones, tasks, MILLIONS);
    let feeders = |name, tasks| by(name, Sender::Feeders, tasks, CPU);
    vec![
        clones("1 clone", 1),
        clones("8 clones", 8).against("1 clone", None),
        clones("64 clones", 64).against("1 clone", at_least(0.65)),
        feeders("1 feeder", 1),
        feeders("8 feeders", 8).against("1 feeder", Some(AtMost(1.1))),
    ]
}

/// Ten and a hundred times the points: where the time of a point and the memory stay, the whole is a
/// straight line.
pub(super) fn growth(setup: &Setup) -> Vec<Row> {
    let all = [1, 10, 100];
    let millions = if setup.quick { &all[..2] } else { &all[..] };
    let mut rows = Vec::new();
    for (state, sender) in [("up", Sender::Feed), ("down", Sender::Down)] {
        let name = |millions: u64| format!("receiver {state}, {millions} million points");
        for &count in millions {
            let job = Job::new(sender, Protocol::Plaintext, Tokio, count * MILLION);
            let row = row(Ours, name(count), NANOS, job);
            rows.push(if count == 1 { row } else { row.against(name(1), None) });
        }
    }
    rows
}
