//! Developer tasks: `cargo xtask TASK`. One file a task; this one only chooses.

#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a command line tool prints")]

mod bench;
mod chaos;
mod demo;
mod interop;
mod oracle;
mod outage;
mod port;
mod purity;
mod sockets;
mod test;
mod workspace;

use std::process::ExitCode;

/// What a task returns: an error is printed in one line, with its causes, and ends with code 1.
pub(crate) type Result<T = ()> = std::result::Result<T, Box<dyn std::error::Error>>;

/// A task: its name, its arguments, what it is for, and what runs it.
type Task = (&'static str, &'static str, &'static str, fn(&[String]) -> Result);

const TASKS: &[Task] = &[
    ("demo", demo::USAGE, "this machine's figures, sent, received and counted", demo::run),
    ("test", "", "everything that a change must pass", test::run),
    ("purity", "", "proto and encoder know no runtime, socket, clock or thread", purity::run),
    ("oracle", oracle::USAGE, "compares names with Python's and aiographite's", oracle::run),
    ("interop", interop::USAGE, "feeds real receivers and compares what they store", interop::run),
    ("chaos", chaos::USAGE, "kills receivers under load, counts what is lost", chaos::run),
    ("bench", bench::USAGE, "confirms by slow receivers, beside the bare reading", bench::run),
    ("outage", outage::USAGE, "feeds while the receiver is down, measures memory", outage::run),
];

fn main() -> ExitCode {
    let mut args = std::env::args().skip(1);
    let name = args.next().unwrap_or_else(|| "help".to_owned());
    let args: Vec<String> = args.collect();
    if matches!(name.as_str(), "help" | "--help" | "-h") {
        help_with(None);
        return ExitCode::SUCCESS;
    }
    let Some((.., task)) = TASKS.iter().find(|(task, ..)| *task == name) else {
        eprintln!("xtask: there is no task {name:?}; `cargo xtask help` lists them");
        return ExitCode::FAILURE;
    };
    if let [flag] = &args[..]
        && matches!(flag.as_str(), "--help" | "-h")
    {
        help_with(Some(&name));
        return ExitCode::SUCCESS;
    }
    match task(&args) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("xtask {name}: {}", chain(&*error));
            ExitCode::FAILURE
        }
    }
}

/// Tells of the task that is named, or of all.
fn help_with(named: Option<&str>) {
    println!("Usage: cargo xtask {} [ARGUMENTS]\n", named.unwrap_or("TASK"));
    for (name, arguments, about, _) in TASKS {
        if named.is_some_and(|named| named != *name) {
            continue;
        }
        println!("  {name:8} {about}");
        if !arguments.is_empty() {
            println!("           {arguments}");
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
