//! `cargo xtask release --check`: whether the crates could be published as they are.
//!
//! A table of checks, each in a file of its own; all of them run, and the task fails at its end if
//! one failed. What only the releaser can know, as the public address, is told as still to do and
//! is no fault. Not here: publishing, tagging and choosing a version, which a person does.

mod api;
mod changelog;
mod git;
mod packages;
mod semver;
mod versions;

use std::io::Write as _;
use std::path::PathBuf;

use crate::Result;
use crate::workspace::target;

/// The crates that are published, in the order in which each finds those that it needs.
const PUBLISHED: [&str; 4] =
    ["graphite-encoder", "graphite-proto", "graphite-client-tokio", "graphite-client-async-std"];

/// A check: its name and what it does.
type Check = (&'static str, fn() -> Result<Findings>);

/// The fast ones first.
const CHECKS: [Check; 5] = [
    ("versions", versions::check),
    ("changelog", changelog::check),
    ("public dependencies", api::check),
    ("semver", semver::check),
    ("packages", packages::check),
];

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Looks, and changes nothing: there is nothing else that this task does.
    #[arg(long, required = true)]
    check: bool,
    /// Only these checks; all if there is none.
    #[arg(value_parser = names())]
    checks: Vec<String>,
}

fn names() -> clap::builder::PossibleValuesParser {
    CHECKS.map(|(name, _)| name).into()
}

/// What a check found.
#[derive(Debug, Default, PartialEq)]
struct Findings {
    /// What was looked at, in a few words.
    told: String,
    /// What a release may not have.
    faults: Vec<String>,
    /// What somebody has to fill in before.
    todo: Vec<String>,
}

/// Runs the checks that are asked for, all of them even if one fails.
pub(crate) fn run(Args { checks, .. }: &Args) -> Result {
    let mut failed = Vec::new();
    println!("check                verdict");
    for (name, check) in CHECKS {
        if !checks.is_empty() && !checks.iter().any(|wanted| wanted == name) {
            continue;
        }
        // Some take minutes.
        print!("{name:20} ");
        std::io::stdout().flush()?;
        let findings = check().unwrap_or_else(|error| Findings {
            faults: vec![crate::chain(&*error)],
            ..Findings::default()
        });
        if !findings.faults.is_empty() {
            failed.push(name);
        }
        println!("{}", table(&findings));
    }
    match failed.is_empty() {
        true => Ok(()),
        false => Err(format!("not to be published as it is: {}", failed.join(", ")).into()),
    }
}

/// Returns a check's verdict, and a line for each thing that it found.
fn table(Findings { told, faults, todo }: &Findings) -> String {
    let verdict = if faults.is_empty() { "ok" } else { "FAILED" };
    let faults = faults.iter().map(|fault| format!("\n  {fault}"));
    let todo = todo.iter().map(|todo| format!("\n  to do: {todo}"));
    let lines: String = faults.chain(todo).collect();
    format!("{:9}{told}", verdict).trim_end().to_owned() + &lines
}

/// Where this task builds: what it builds has other features, and other means, than the rest.
fn folder() -> Result<PathBuf> {
    Ok(target()?.join("release-check"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_to_do_is_told_and_is_no_fault() {
        let mut findings = Findings { told: "four crates".to_owned(), ..Findings::default() };
        assert_eq!(table(&findings), "ok       four crates");
        findings.todo.push("an address".to_owned());
        assert_eq!(table(&findings), "ok       four crates\n  to do: an address");
        findings.faults.push("no licence".to_owned());
        let told = "FAILED   four crates\n  no licence\n  to do: an address";
        assert_eq!(table(&findings), told);
        findings.told.clear();
        assert!(table(&findings).starts_with("FAILED\n"), "{}", table(&findings));
    }
}
