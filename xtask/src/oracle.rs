//! `cargo xtask oracle`: compares the names that graphite-encoder makes with Python's own codecs,
//! and with the real aiographite, over generated names in both directions.
//!
//! Not here: the names and the comparison, which are `graphite-encoder/tests/oracle.py`.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::command::loud;
use crate::workspace::{cargo, root, target};
use crate::{Result, interop};

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// How many names to draw.
    #[arg(long, value_name = "N", default_value_t = 1_000_000)]
    names: u64,
    /// What they are drawn from.
    #[arg(long, value_name = "S", default_value_t = 1)]
    seed: u64,
    /// Every code point besides, alone and in every context.
    #[arg(long)]
    all: bool,
}

pub(crate) fn run(args: Args) -> Result {
    compare(true, &args)
}

/// A short run, for every change.
pub(crate) fn short() -> Result {
    compare(false, &Args { names: 2000, seed: 1, all: false })
}

fn compare(release: bool, args: &Args) -> Result {
    let mut build = cargo(["build", "--quiet", "-p", "graphite-encoder", "--example", "oracle"]);
    if release {
        build.arg("--release");
    }
    loud(&mut build)?;
    let target = target()?;
    let profile = if release { "release" } else { "debug" };
    let (python, aiographite) = environment(&target);
    let mut oracle = Command::new(python);
    oracle.arg(root().join("graphite-encoder/tests/oracle.py"));
    oracle.arg("--binary").arg(target.join(profile).join("examples").join("oracle"));
    oracle.args(["--names", &args.names.to_string(), "--seed", &args.seed.to_string()]);
    if args.all {
        oracle.arg("--all");
    }
    if aiographite {
        oracle.arg("--aiographite");
    }
    loud(&mut oracle)
}

/// Returns the Python to compare with, and whether it has the aiographite whose names are in
/// people's stores: from the virtual environment of interop, or else the system's own.
fn environment(target: &Path) -> (PathBuf, bool) {
    match interop::python(target) {
        Ok(python) => (python, true),
        Err(error) => {
            println!("oracle: without aiographite, comparing with Python alone ({error})");
            (PathBuf::from("python3"), false)
        }
    }
}
