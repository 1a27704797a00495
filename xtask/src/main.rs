//! Developer tasks: `cargo xtask TASK`. One file a task; this one only chooses.

#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a command line tool prints")]

mod bench;
mod budget;
mod chaos;
mod choice;
mod command;
mod demo;
mod fuzz;
mod interop;
mod memory;
mod miri;
mod oracle;
mod outage;
mod package;
mod port;
mod purity;
mod release;
mod sockets;
mod test;
mod workspace;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// What a task returns: an error is printed in one line, with its causes, and ends with code 1.
pub(crate) type Result<T = ()> = std::result::Result<T, Box<dyn std::error::Error>>;

/// Developer tasks of the workspace.
#[derive(Parser)]
#[command(
    bin_name = "cargo xtask",
    subcommand_value_name = "TASK",
    subcommand_help_heading = "Tasks",
    after_help = "`cargo xtask TASK --help` tells the options of a task."
)]
struct Cli {
    #[command(subcommand)]
    task: Task,
}

#[derive(Subcommand)]
enum Task {
    /// Sends this machine's figures, and counts those that arrive.
    Demo(demo::Args),
    /// Draws what the demo sends, by carbon and graphite-web, as the picture in README.md.
    Picture(interop::picture::Args),
    /// Runs everything that a change must pass.
    Test,
    /// Checks that proto and encoder know no runtime, socket or clock.
    Purity,
    /// Compares names with Python's and aiographite's.
    Oracle(oracle::Args),
    /// Feeds real receivers and compares what they store.
    Interop(interop::Args),
    /// Kills receivers under load and counts what is lost.
    Chaos(chaos::Args),
    /// Measures speed, memory and latency, beside the bare work and other libraries.
    Bench(bench::Args),
    /// Counts instructions a point against their ceilings.
    Budget(budget::Args),
    /// Feeds the fuzz targets with bytes that libFuzzer makes up.
    Fuzz(fuzz::Args),
    /// Runs tests under Miri, which finds undefined behaviour and races.
    Miri,
    /// Feeds while the receiver is down and measures memory.
    Outage(outage::Args),
    /// Tells whether the crates could be published as they are, and publishes nothing.
    Release(release::Args),
    /// Is the receiver that `chaos` kills.
    #[command(hide = true)]
    ChaosReceiver(chaos::ReceiverArgs),
    /// Is the receiver that `bench` sends to.
    #[command(hide = true)]
    BenchReceiver,
    /// Is a sender of `bench`, whose processor time and memory are its own.
    #[command(hide = true)]
    BenchSender(bench::Job),
    /// Is the application that `interop` observes: it reports by a recorder.
    #[command(hide = true)]
    InteropApplication(interop::ApplicationArgs),
    /// Is a row of `outage`, whose memory is its own.
    #[command(hide = true)]
    OutageRow(outage::RowArgs),
}

fn main() -> ExitCode {
    let (name, result) = match Cli::parse().task {
        Task::Demo(args) => ("demo", demo::run(args)),
        Task::Picture(args) => ("picture", interop::picture::run(args)),
        Task::Test => ("test", test::run()),
        Task::Purity => ("purity", purity::run()),
        Task::Oracle(args) => ("oracle", oracle::run(args)),
        Task::Interop(args) => ("interop", interop::run(args)),
        Task::Chaos(args) => ("chaos", chaos::run(args)),
        Task::Bench(args) => ("bench", bench::run(args)),
        Task::Budget(args) => ("budget", budget::run(args)),
        Task::Fuzz(args) => ("fuzz", fuzz::run(args)),
        Task::Miri => ("miri", miri::run()),
        Task::Outage(args) => ("outage", outage::run(args)),
        Task::Release(args) => ("release", release::run(&args)),
        Task::ChaosReceiver(args) => ("chaos", chaos::receiver(args)),
        Task::BenchReceiver => ("bench", bench::receiver()),
        Task::BenchSender(job) => ("bench", bench::sender(&job)),
        Task::InteropApplication(args) => ("interop", interop::application(&args)),
        Task::OutageRow(args) => ("outage", outage::row(args)),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("xtask {name}: {}", chain(&*error));
            ExitCode::FAILURE
        }
    }
}

/// Puts an error and its causes on one line.
fn chain(error: &(dyn std::error::Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text = format!("{text}: {cause}");
        source = cause.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    #[test]
    fn the_command_line_is_sound() {
        Cli::command().debug_assert();
    }

    #[test]
    fn a_wrong_argument_is_named_with_what_is_allowed() {
        for (line, named, allowed) in [
            ("demo --seconds 0", "'0'", "1..=86400"),
            ("demo --seconds 86401", "'86401'", "1..=86400"),
            ("demo --to host:0", "host:0", "1 to 65535"),
            ("demo --runtime smol", "'smol'", "tokio, async-std, both"),
            ("picture --seconds 9", "'9'", "10..=120"),
            ("chaos --kills 0", "'0'", "1..=1000000"),
            ("chaos --delivery most", "'most'", "best-effort, replay, confirmed, all"),
            ("chaos --receive-buffer 4095", "'4095'", "4096..=1073741824"),
            ("chaos --life 10001", "'10001'", "1..=10000"),
            ("bench encod", "'encod'", "encode, deliver"),
            ("bench --rounds 4", "'4'", "5..=1000"),
            ("fuzz senders", "'senders'", "receive_plaintext, receive_pickle"),
            ("fuzz --seconds 0", "'0'", "1..=86400"),
            ("release", "--check", "not provided"),
            ("release --check paper", "'paper'", "versions, changelog"),
            ("interop karbon", "'karbon'", "carbon-cache, restart"),
        ] {
            let words = ["xtask"].into_iter().chain(line.split(' '));
            let error = Cli::try_parse_from(words).err().map(|error| error.to_string());
            let error = error.unwrap_or_default();
            assert!(error.contains(named) && error.contains(allowed), "{line}: {error}");
        }
    }
}
