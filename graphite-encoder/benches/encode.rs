//! What a part takes: each scheme beside a bare scan of the same part, and beside Python.
//!
//! `cargo bench -p graphite-encoder`. The ratio to the scan within one run is what counts: machines
//! differ. Python times itself; where there is no `python3` its lines are left out.

use std::hint::black_box;
use std::process::Command;
use std::time::Duration;

use criterion::measurement::WallTime;
use criterion::{BenchmarkGroup, Criterion, criterion_group, criterion_main};
use graphite_encoder::Scheme;

const PARTS: [&str; 7] = [
    "cpu",
    "servers_web01_cpu_user",
    "www.example.com",
    "disk usage [0]",
    "Straße 7",
    "汉 字",
    "👩‍💻",
];
const SCHEMES: [(Scheme, &str); 4] = [
    (Scheme::Idna, "quote(n.encode('idna')).replace('.', '%2E')"),
    (Scheme::Punycode, "quote(n.encode('punycode')).replace('.', '%2E')"),
    (Scheme::Percent, "quote(n, safe='').replace('.', '%2E').replace('~', '%7E')"),
    (Scheme::Portable, ""),
];

/// The least that any encoder has to do: look at every byte.
fn scan(part: &str) -> bool {
    part.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-')
}

/// What Python takes for the same, once it is warm, if there is a Python: its median.
fn python(part: &str, code: &str) -> Option<Duration> {
    let program = format!(
        "import sys, timeit\nfrom urllib.parse import quote\nn = sys.argv[1]\n\
         t = sorted(timeit.repeat(lambda: {code}, number=1000, repeat=7))\nprint(t[3] / 1000)"
    );
    let run = Command::new("python3").args(["-X", "utf8", "-c", &program, part]).output().ok()?;
    let seconds = String::from_utf8(run.stdout).ok()?.trim().parse().ok()?;
    Duration::try_from_secs_f64(seconds).ok()
}

fn bench(group: &mut BenchmarkGroup<'_, WallTime>, part: &str, scheme: Scheme, code: &str) {
    group.bench_function(format!("{scheme:?}/encode"), |bencher| {
        bencher.iter(|| scheme.encode(black_box(part)));
    });
    let encoded = scheme.encode(part).map(String::from).unwrap_or_default();
    group.bench_function(format!("{scheme:?}/decode"), |bencher| {
        bencher.iter(|| scheme.decode(black_box(&encoded)));
    });
    // A scheme that Python does not have, or no Python.
    if code.is_empty() || python(part, code).is_none() {
        return;
    }
    group.bench_function(format!("{scheme:?}/encode by Python"), |bencher| {
        // Its start would drown the rounds, so that they are not run but multiplied.
        let time = || python(part, code).expect("it ran before");
        bencher.iter_custom(|rounds| time().mul_f64(rounds as f64));
    });
}

fn benches(criterion: &mut Criterion) {
    for part in PARTS {
        let mut group = criterion.benchmark_group(format!("{part:?}"));
        // There are some eighty rows: a tenth of the usual time for each.
        group.warm_up_time(Duration::from_millis(300)).measurement_time(Duration::from_millis(500));
        group.sample_size(15);
        group.bench_function("scan", |bencher| bencher.iter(|| scan(black_box(part))));
        for (scheme, code) in SCHEMES {
            bench(&mut group, part, scheme, code);
        }
        group.finish();
    }
}

criterion_group!(encoding, benches);
criterion_main!(encoding);
