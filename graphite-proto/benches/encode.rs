//! What it takes to encode points, beside a bare loop that writes the same and checks nothing.
//!
//! `cargo bench -p graphite-proto`. The ratio of `encode` to `bare` within one run is what counts:
//! machines differ. Not here: the sending machine, which holds what is encoded.

use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use graphite_proto::Protocol;
use serde::Serialize as _;

const POINTS: u32 = 1_000;
const TIMESTAMP: u32 = 1_700_000_000;

type Points<'a> = &'a [(String, f64)];

fn points() -> Vec<(String, f64)> {
    let point = |i| (format!("servers.web{i:03}.cpu.core{}.user", i % 8), f64::from(i) * 0.37);
    (0..POINTS).map(point).collect()
}

/// The least that lines take.
fn bare_plaintext(points: Points<'_>, timestamp: u32, out: &mut Vec<u8>) {
    for (path, value) in points {
        out.extend_from_slice(path.as_bytes());
        out.push(b' ');
        out.extend_from_slice(zmij::Buffer::new().format_finite(*value).as_bytes());
        out.push(b' ');
        out.extend_from_slice(itoa::Buffer::new().format(timestamp).as_bytes());
        out.push(b'\n');
    }
}

/// The least that pickled points take; no frame is around them.
fn bare_pickle(points: Points<'_>, timestamp: u32, out: &mut Vec<u8>) {
    for (path, value) in points {
        let options = serde_pickle::SerOptions::new().proto_v2();
        let mut serializer = serde_pickle::Serializer::new(&mut *out, options);
        let point = (path.as_str(), (timestamp, value));
        point.serialize(&mut serializer).expect("a point serializes into memory");
    }
}

fn encode(protocol: Protocol, points: Points<'_>, timestamp: u32, out: &mut Vec<u8>) {
    let points = points.iter().map(|(path, value)| (path.as_str(), *value));
    protocol.encode(points, timestamp, out).expect("every point is valid");
}

fn benches(criterion: &mut Criterion) {
    let points = points();
    let mut out = Vec::with_capacity(1 << 20);
    for (protocol, bare) in [
        (Protocol::Plaintext, bare_plaintext as fn(Points<'_>, u32, &mut Vec<u8>)),
        (Protocol::Pickle, bare_pickle),
    ] {
        let mut group = criterion.benchmark_group(protocol.to_string());
        group.throughput(Throughput::Elements(POINTS.into()));
        group.bench_function("bare", |bencher| {
            bencher.iter(|| {
                out.clear();
                bare(black_box(&points), black_box(TIMESTAMP), black_box(&mut out));
            });
        });
        group.bench_function("encode", |bencher| {
            bencher.iter(|| {
                out.clear();
                encode(protocol, black_box(&points), black_box(TIMESTAMP), black_box(&mut out));
            });
        });
        group.finish();
    }
}

criterion_group!(encoding, benches);
criterion_main!(encoding);
