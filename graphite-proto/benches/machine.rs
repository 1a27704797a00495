//! What it takes to bring points through the sending machine: queued, offered, written, kept.
//!
//! `cargo bench -p graphite-proto`. Beside `encode` of the same points, in the same run, it shows
//! what the queue and the window cost. Not here: sockets and tasks, which the clients bring.

use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use graphite_proto::{Config, Delivery, Input, Instant, Metric, Output, Protocol, Sender};

const NOW: Instant = Instant::START;
const LEVELS: [(&str, Delivery); 2] = [
    ("best effort", Delivery::BestEffort),
    ("replay", Delivery::Replay { window: Delivery::DEFAULT_WINDOW }),
];

fn connected(protocol: Protocol, delivery: Delivery) -> Sender {
    let mut sender = Sender::new(Config::new(protocol).delivery(delivery), NOW);
    let _ = sender.connect(NOW);
    sender.handle_input(Input::Connected, NOW);
    sender
}

fn enqueue(sender: &mut Sender, point: &Metric<'_>) {
    sender.enqueue(black_box(point), 0, NOW).expect("there is room");
}

fn write_all(sender: &mut Sender) {
    while let Output::Transmit(bytes) = sender.poll_output() {
        let count = black_box(bytes).len();
        sender.handle_input(Input::Written(count), NOW);
    }
}

fn burst(sender: &mut Sender, points: &[Metric<'_>]) {
    for point in points {
        enqueue(sender, point);
    }
    write_all(sender);
}

/// Makes sure that a window, if there is one, is full: what comes then is the steady state.
fn fill(sender: &mut Sender, points: &[Metric<'_>]) {
    let mut before = None;
    while before != Some(sender.stats().window_bytes) {
        before = Some(sender.stats().window_bytes);
        burst(sender, points);
    }
}

fn benches(criterion: &mut Criterion) {
    let names: Vec<_> =
        (0..1_000).map(|i| format!("servers.web{i:03}.cpu.core{}.user", i % 8)).collect();
    let point = |(i, name)| Metric::new(name, i as f64 * 0.37).at(1_700_000_000);
    let points: Vec<_> = names.iter().enumerate().map(point).collect();

    for protocol in [Protocol::Plaintext, Protocol::Pickle] {
        let mut group = criterion.benchmark_group(format!("machine {protocol}"));
        group.throughput(Throughput::Elements(points.len() as u64));
        let mut out = Vec::new();
        group.bench_function("encode", |bencher| {
            bencher.iter(|| {
                out.clear();
                protocol.encode(black_box(&points), 0, &mut out).expect("every point is valid");
            });
        });
        for (level, delivery) in LEVELS {
            let mut sender = connected(protocol, delivery);
            fill(&mut sender, &points);
            group.bench_function(format!("{level}, burst"), |bencher| {
                bencher.iter(|| burst(&mut sender, &points));
            });
            group.bench_function(format!("{level}, one by one"), |bencher| {
                bencher.iter(|| {
                    for point in &points {
                        enqueue(&mut sender, point);
                        write_all(&mut sender);
                    }
                });
            });
        }
        group.finish();
    }
}

criterion_group!(machine, benches);
criterion_main!(machine);
