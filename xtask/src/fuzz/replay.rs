//! The committed corpus on any toolchain: every input, and a thousand others made of it, the same
//! in each run. Not here: new inputs, which `cargo xtask fuzz` makes for as long as it is let.

use std::panic::catch_unwind;

use fastrand::Rng;
use fuzz_targets::{Run, TARGETS};

use super::corpus;

/// How many inputs are made of each target's corpus.
const CHANGED: usize = 1_000;

/// Longer ones are cut, so that a debug build takes no minutes.
const LONGEST: usize = 4096;

#[test]
fn what_is_committed_holds_and_so_does_what_is_like_it() {
    for (name, run) in TARGETS {
        let inputs = inputs(name);
        for (file, bytes) in &inputs {
            hold(name, *run, file, bytes);
        }
        let mut random = Rng::with_seed(7);
        for number in 0..CHANGED {
            let (file, bytes) = &inputs[random.usize(..inputs.len())];
            let other = &inputs[random.usize(..inputs.len())].1;
            let bytes = changed(bytes, other, &mut random);
            hold(name, *run, &format!("change {number}, of {file},"), &bytes);
        }
    }
}

fn hold(name: &str, run: Run, what: &str, bytes: &[u8]) {
    let held = catch_unwind(|| run(bytes)).is_ok();
    assert!(held, "{name}: {what} breaks the invariant: {}", bytes.escape_ascii());
}

/// Returns the corpus of a target, by name, in the same order everywhere.
fn inputs(name: &str) -> Vec<(String, Vec<u8>)> {
    let folder = corpus(name);
    let files = std::fs::read_dir(&folder).unwrap_or_else(|e| panic!("{}: {e}", folder.display()));
    let mut inputs: Vec<_> = files
        .map(|file| {
            let file = file.unwrap();
            let bytes = std::fs::read(file.path()).unwrap();
            (file.file_name().into_string().unwrap(), bytes)
        })
        .collect();
    inputs.sort();
    assert!(!inputs.is_empty(), "{} is empty", folder.display());
    inputs
}

/// Changes an input in up to four places; one in four goes on as another one.
fn changed(bytes: &[u8], other: &[u8], random: &mut Rng) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    if random.u8(..4) == 0 {
        bytes.truncate(random.usize(..=bytes.len()));
        bytes.extend_from_slice(&other[random.usize(..=other.len())..]);
    }
    for _ in 0..random.usize(1..=4) {
        let at = random.usize(..=bytes.len());
        match random.u8(..4) {
            0 => bytes.insert(at, random.u8(..)),
            1 if at < bytes.len() => drop(bytes.remove(at)),
            2 if at < bytes.len() => bytes[at] ^= 1 << random.u8(..8),
            _ if at < bytes.len() => bytes[at] = random.u8(..),
            _ => bytes.push(random.u8(..)),
        }
    }
    bytes.truncate(LONGEST);
    bytes
}
