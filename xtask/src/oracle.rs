//! `cargo xtask oracle`: compares the names that graphite-encoder makes with Python's own codecs,
//! and with the real aiographite, over generated names in both directions.
//!
//! Not here: the names and the comparison, which are `graphite-encoder/tests/oracle.py`.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::workspace::{cargo, root, target};
use crate::{Result, interop};

pub(crate) const USAGE: &str = "[--names N] [--seed S] [--all]   (a million names by default)";

pub(crate) fn run(arguments: &[String]) -> Result {
    let mut python: Vec<&str> = Vec::new();
    let mut arguments = arguments.iter().map(String::as_str);
    while let Some(argument) = arguments.next() {
        match argument {
            "--all" => python.push(argument),
            "--names" | "--seed" => {
                let number = arguments.next().filter(|value| value.parse::<u64>().is_ok());
                let number = number.ok_or_else(|| format!("{argument} takes a whole number"))?;
                python.extend([argument, number]);
            }
            _ => {
                return Err(
                    format!("argument {argument:?} is not known; there are: {USAGE}").into()
                );
            }
        }
    }
    if !python.contains(&"--names") {
        python.extend(["--names", "1000000"]);
    }
    compare(true, &python)
}

/// A short run with a fixed seed, for every change.
pub(crate) fn short() -> Result {
    compare(false, &["--names", "2000", "--seed", "1"])
}

fn compare(release: bool, arguments: &[&str]) -> Result {
    let mut build = cargo(["build", "--quiet", "-p", "graphite-encoder", "--example", "oracle"]);
    if release {
        build.arg("--release");
    }
    status(&mut build)?;
    let target = target()?;
    let profile = if release { "release" } else { "debug" };
    let (python, aiographite) = environment(&target);
    let mut oracle = Command::new(python);
    oracle.arg(root().join("graphite-encoder/tests/oracle.py"));
    oracle.arg("--binary").arg(target.join(profile).join("examples").join("oracle"));
    oracle.args(arguments);
    if aiographite {
        oracle.arg("--aiographite");
    }
    status(&mut oracle)
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

fn status(command: &mut Command) -> Result {
    let status = command.status().map_err(|error| format!("{command:?}: {error}"))?;
    if status.success() { Ok(()) } else { Err(format!("{command:?} ended with {status}").into()) }
}
