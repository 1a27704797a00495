//! `cargo xtask test`: everything that a change must pass, in one table of steps.
//!
//! CI, README and developers all run this. The runners' own lines go through; what a quiet step
//! prints is shown if it fails.

use std::num::NonZero;
use std::process::Command;
use std::thread;
use std::time::Instant;

use crate::command::{loud, quiet};
use crate::workspace::{cargo, manifests, read, root};
use crate::{Result, budget, chaos, interop, oracle, outage, purity};

/// A step: its name and what it does.
type Step = (&'static str, fn() -> Result);

const STEPS: &[Step] = &[
    ("format", || quiet(&mut cargo(["fmt", "--all", "--check"]))),
    ("minimum supported Rust declared once", msrv),
    ("lints", || quiet(&mut clippy(&["--workspace"]))),
    ("lints of each crate alone", alone),
    ("purity", purity::run),
    ("tests", || loud(&mut tests())),
    ("doc tests", || loud(&mut cargo(["test", "--workspace", "--doc"]))),
    ("docs", || quiet(&mut docs())),
    ("kills", chaos::short),
    ("names against Python", oracle::short),
    ("memory in an outage", outage::short),
    ("instructions a point", budget::all),
    ("real receivers", interop::short),
];

pub(crate) fn run() -> Result {
    let mut verdicts = Vec::new();
    let mut failure = None;
    for (index, (name, step)) in STEPS.iter().enumerate() {
        println!("[{}/{}] {name}", index + 1, STEPS.len());
        let begun = Instant::now();
        let result = step();
        let verdict = if result.is_ok() { "ok" } else { "FAILED" };
        verdicts.push((*name, verdict, begun.elapsed().as_secs()));
        if let Err(error) = result {
            failure = Some(format!("step {name:?} failed: {error}"));
            break;
        }
    }
    println!();
    for (name, verdict, seconds) in &verdicts {
        println!("{name:38} {verdict:6} {seconds:5} s");
    }
    let seconds: u64 = verdicts.iter().map(|(_, _, seconds)| seconds).sum();
    match failure {
        Some(failure) => Err(failure.into()),
        None => {
            println!("all {} steps passed in {seconds} s", STEPS.len());
            Ok(())
        }
    }
}

/// In each of its forms, since the workspace's own build has features that it does not ask for.
fn alone() -> Result {
    let proto = ["", "client", "metrics", "client,metrics", "rustls", "tracing"];
    let proto = proto.map(|features| ("graphite-proto", features));
    let clients = ["graphite-client-tokio", "graphite-client-async-std"].map(|name| (name, ""));
    proto
        .into_iter()
        .chain(clients)
        .try_for_each(|(name, features)| quiet(&mut clippy(&["-p", name, "--features", features])))
}

/// Not the benchmarks: they are built by the lints' step.
fn tests() -> Command {
    // Most tests of the clients wait for something, so that several share a core.
    let cores = thread::available_parallelism().map_or(1, NonZero::get);
    let threads = std::env::var("RUST_TEST_THREADS").unwrap_or_else(|_| (4 * cores).to_string());
    let mut command = cargo(["test", "--workspace", "--lib", "--bins", "--tests", "--examples"]);
    command.env("RUST_TEST_THREADS", threads);
    command
}

fn clippy(what: &[&str]) -> Command {
    let mut command = cargo(["clippy"]);
    command.args(what).args(["--all-targets", "--quiet", "--", "-D", "warnings"]);
    command
}

fn docs() -> Command {
    let mut command = cargo(["doc", "--workspace", "--no-deps", "--quiet"]);
    command.env("RUSTDOCFLAGS", "-D warnings");
    command
}

/// The minimum supported Rust stands in the workspace's manifest, and every crate inherits it.
fn msrv() -> Result {
    let top = read(&root().join("Cargo.toml"))?;
    let mut members = manifests()?;
    members.retain(|(_, text)| !text.lines().any(|line| line == "[workspace]"));
    declared_once(&top, &members)
}

fn declared_once(top: &str, members: &[(String, String)]) -> Result {
    let count = |text: &str, what: &str| text.lines().filter(|line| line.starts_with(what)).count();
    if count(top, "rust-version = ") != 1 {
        return Err("Cargo.toml must hold rust-version once, in [workspace.package]".into());
    }
    for (name, manifest) in members {
        if count(manifest, "rust-version.workspace = true") != 1
            || count(manifest, "rust-version = ") != 0
        {
            return Err(format!("{name} must inherit rust-version from the workspace").into());
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_minimum_supported_rust_is_found() {
        let top = "[workspace.package]\nrust-version = \"1.88\"\n";
        let member = |text: &str| vec![("a/Cargo.toml".to_owned(), text.to_owned())];
        assert!(declared_once(top, &member("rust-version.workspace = true\n")).is_ok());
        let own = declared_once(top, &member("rust-version = \"1.90\"\n")).unwrap_err();
        assert!(own.to_string().contains("a/Cargo.toml"), "{own}");
        assert!(declared_once(top, &member("")).is_err());
        assert!(declared_once("", &[]).is_err());
    }
}
