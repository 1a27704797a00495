//! `cargo xtask fuzz`: makes up bytes for each fuzz target, by libFuzzer, for a while.
//!
//! The targets stand in the crate fuzz-targets, their programs in `xtask/fuzz`, a workspace of its
//! own. What is committed in `xtask/fuzz/corpus` is where it begins, and what the tests here replay
//! on any toolchain; what it finds beyond stays below cargo's target folder. It takes a nightly
//! toolchain and cargo-fuzz, and installs neither. Not here: what must hold, which the targets say.

#[cfg(test)]
mod replay;

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::Result;
use crate::command::{loud, output};
use crate::workspace::{nightly, root, target};

/// The targets of the crate fuzz-targets, which the tests alone depend on.
const TARGETS: [&str; 10] = [
    "receive_plaintext",
    "receive_pickle",
    "round_trip",
    "sender",
    "scheme_idna",
    "scheme_punycode",
    "scheme_percent",
    "scheme_portable",
    "tags",
    "recorder",
];

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Only this target; all one after the other if there is none.
    #[arg(value_parser = names())]
    target: Option<String>,
    /// How long for each target.
    #[arg(long, default_value_t = 60, value_parser = clap::value_parser!(u32).range(1..=86_400))]
    seconds: u32,
}

fn names() -> clap::builder::PossibleValuesParser {
    TARGETS.into()
}

/// Runs the targets that are asked for, all of them even if one fails.
pub(crate) fn run(Args { target, seconds }: Args) -> Result {
    let fuzzer = Fuzzer::build()?;
    println!("target                    inputs   new  verdict");
    let mut failed = Vec::new();
    for name in TARGETS {
        if target.as_deref().is_none_or(|wanted| wanted == name) && !fuzzer.run(name, seconds)? {
            failed.push(name);
        }
    }
    match failed.is_empty() {
        true => Ok(()),
        false => Err(format!("an invariant does not hold: {}", failed.join(", ")).into()),
    }
}

/// Where the corpus of a target is committed.
fn corpus(name: &str) -> PathBuf {
    root().join("xtask/fuzz/corpus").join(name)
}

/// The programs, and where they leave what they find.
struct Fuzzer {
    programs: PathBuf,
    folder: PathBuf,
}

impl Fuzzer {
    fn build() -> Result<Self> {
        let about = output(nightly(["rustc", "-vV"]).env_remove("RUSTC"), "").map_err(|error| {
            format!("{error}; fuzzing takes a nightly: rustup toolchain install nightly")
        })?;
        output(&mut nightly(["cargo", "fuzz", "--version"]), "").map_err(|error| {
            format!("{error}; fuzzing takes cargo-fuzz: cargo install cargo-fuzz")
        })?;
        let host = about.lines().find_map(|line| line.strip_prefix("host: "));
        let host = host.ok_or("rustc -vV names no host")?;
        let folder = target()?.join("fuzz");
        // Nothing of ours is unsafe, so that a sanitizer would only make it slow.
        let mut build = nightly(["cargo", "fuzz", "build", "--fuzz-dir", "xtask/fuzz"]);
        build.args(["--sanitizer", "none", "--target", host, "--target-dir"]).arg(&folder);
        loud(&mut build)?;
        Ok(Self { programs: folder.join(host).join("release"), folder })
    }

    /// Runs a target; returns whether its invariant held.
    fn run(&self, name: &str, seconds: u32) -> Result<bool> {
        let (own, found) = (self.made("corpus", name)?, self.made("found", name)?);
        let before = count(&own)?;
        let mut command = Command::new(self.programs.join(name));
        command.arg(format!("-max_total_time={seconds}"));
        // What takes 10 s or holds half a gibibyte is a finding too.
        command.args(["-timeout=10", "-rss_limit_mb=512", "-print_final_stats=1"]);
        command.arg(format!("-artifact_prefix={}/", found.display()));
        // The first folder is the one that is added to.
        command.arg(&own).arg(corpus(name)).stdin(Stdio::null());
        let output = command.output().map_err(|error| format!("{command:?}: {error}"))?;
        let text = String::from_utf8_lossy(&output.stderr);
        let new = count(&own)?.saturating_sub(before);
        let inputs = stat(&text, "number_of_executed_units").unwrap_or("?");
        let verdict = if output.status.success() { "ok" } else { "FAILED" };
        println!("{name:20} {inputs:>11} {new:>5}  {verdict}");
        if !output.status.success() {
            self.tell(name, &text);
        }
        Ok(output.status.success())
    }

    /// Tells why a target failed and how to see it again.
    fn tell(&self, name: &str, text: &str) {
        match finding(text) {
            Some(file) => {
                let program = self.programs.join(name);
                eprintln!("{}", complaint(text));
                eprintln!("again: {} {file}", program.display());
                eprintln!(
                    "once mended, keep it for the tests: cp {file} {}",
                    corpus(name).display()
                );
            }
            None => eprintln!("{text}"),
        }
    }

    fn made(&self, what: &str, name: &str) -> Result<PathBuf> {
        let folder = self.folder.join(what).join(name);
        std::fs::create_dir_all(&folder).map_err(|e| format!("{}: {e}", folder.display()))?;
        Ok(folder)
    }
}

fn count(folder: &Path) -> Result<usize> {
    Ok(std::fs::read_dir(folder)?.count())
}

/// Returns a number of libFuzzer's last lines.
fn stat<'a>(text: &'a str, name: &str) -> Option<&'a str> {
    let (_, rest) = text.split_once(&format!("stat::{name}:"))?;
    rest.lines().next().map(str::trim)
}

/// Returns the file in which libFuzzer left what a target failed with.
fn finding(text: &str) -> Option<&str> {
    let (_, rest) = text.split_once("Test unit written to ")?;
    rest.lines().next()
}

/// Returns what a target said when it failed, without libFuzzer's own lines.
fn complaint(text: &str) -> &str {
    let from = text.find("\nthread '").or_else(|| text.find("ERROR: libFuzzer")).unwrap_or(0);
    let ends = ["\nstack backtrace:", "\nnote: ", "\nSUMMARY: "];
    let until = ends.iter().filter_map(|end| text[from..].find(end)).min();
    text[from..].split_at(until.unwrap_or(text.len() - from)).0.trim()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_libfuzzer_says_of_a_finding_is_told() {
        let text = "INFO: Seed: 1\n#8 NEW cov: 2\n\nthread '<unnamed>' (9) panicked at a.rs:1:2:\n\
            two series are x\nnote: run with `RUST_BACKTRACE=1`\n==9== ERROR: libFuzzer: deadly \
            signal\nSUMMARY: libFuzzer\nartifact_prefix='f/'; Test unit written to f/crash-1\n\
            Base64: AA==\nstat::number_of_executed_units: 812\nstat::peak_rss_mb: 30\n";
        assert_eq!(finding(text), Some("f/crash-1"));
        assert_eq!(stat(text, "number_of_executed_units"), Some("812"));
        let told = "thread '<unnamed>' (9) panicked at a.rs:1:2:\ntwo series are x";
        assert_eq!(complaint(text), told);
        let slow = "INFO: Seed: 1\n==9== ERROR: libFuzzer: timeout after 10 s\nSUMMARY: t\n";
        assert_eq!(complaint(slow), "ERROR: libFuzzer: timeout after 10 s");
        assert_eq!(finding("no such program"), None);
    }

    #[test]
    fn every_target_has_a_program_that_runs_it() {
        let fuzz = root().join("xtask/fuzz");
        let manifest = crate::workspace::read(&fuzz.join("Cargo.toml")).unwrap();
        let programs = manifest.lines().filter_map(|line| line.strip_prefix("path = "));
        let programs: Vec<_> = programs.map(|path| path.trim_matches('"')).collect();
        let all: Vec<_> = fuzz_targets::TARGETS.iter().map(|(name, _)| *name).collect();
        assert_eq!(all, TARGETS);
        let expected = TARGETS.map(|name| format!("fuzz_targets/{name}.rs"));
        assert_eq!(programs, expected);
        for name in TARGETS {
            let path = fuzz.join(format!("fuzz_targets/{name}.rs"));
            let text = crate::workspace::read(&path).unwrap();
            assert!(text.starts_with("//! Invariant: "), "{name} says its invariant in line 1");
            assert!(text.contains(&format!("fuzz_targets::{name}(bytes)")), "{name}");
        }
    }
}
