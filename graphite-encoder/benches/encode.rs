//! Nanoseconds a part: each scheme beside a bare scan of the same part, and beside Python.
//!
//! `cargo bench -p graphite-encoder`. Every figure is the median of several rounds in one run, and
//! the ratio to the scan is what counts: machines differ. Python's figures need `python3`.

#![allow(clippy::print_stdout)]

use std::{hint::black_box, process::Command, time::Instant};

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
const ROUNDS: usize = 15;
const CALLS: u32 = 20_000;

/// The median nanoseconds of a call.
fn median(mut call: impl FnMut()) -> f64 {
    let mut rounds: Vec<f64> = (0..ROUNDS)
        .map(|_| {
            let start = Instant::now();
            (0..CALLS).for_each(|_| call());
            start.elapsed().as_secs_f64() * 1e9 / f64::from(CALLS)
        })
        .collect();
    rounds.sort_by(f64::total_cmp);
    rounds[ROUNDS / 2]
}

/// The least that any encoder has to do: look at every byte.
fn scan(part: &str) -> bool {
    part.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-')
}

/// Python's median for the same, if there is a Python.
fn python(part: &str, code: &str) -> Option<f64> {
    if code.is_empty() {
        return None;
    }
    let program = format!(
        "import sys, timeit\nfrom urllib.parse import quote\nn = sys.argv[1]\n\
         t = sorted(timeit.repeat(lambda: {code}, number=5000, repeat=7))\nprint(t[3] / 5000 * 1e9)"
    );
    let run = Command::new("python3").args(["-X", "utf8", "-c", &program, part]).output().ok()?;
    String::from_utf8(run.stdout).ok()?.trim().parse().ok()
}

fn main() {
    println!("ns a part; in brackets the ratio to a bare scan of it; medians of {ROUNDS} rounds");
    for part in PARTS {
        let bare = median(|| {
            black_box(scan(black_box(part)));
        });
        println!("\n{part:?}, {} bytes: scan {bare:.1}", part.len());
        for (scheme, code) in SCHEMES {
            let encode = median(|| {
                let _ = black_box(scheme.encode(black_box(part)));
            });
            let encoded = scheme.encode(part).map(String::from).unwrap_or_default();
            let decode = median(|| {
                let _ = black_box(scheme.decode(black_box(&encoded)));
            });
            let python = python(part, code).map_or_else(|| "-".to_owned(), |ns| format!("{ns:.0}"));
            println!(
                "  {:<9} encode {encode:>7.1} ({:>5.1}x)   decode {decode:>7.1}   Python encode {python:>6}",
                format!("{scheme:?}"),
                encode / bare
            );
        }
    }
}
