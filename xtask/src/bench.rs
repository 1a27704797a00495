//! `cargo xtask bench`: how fast, at what cost and in how much memory points go out, beside the bare
//! work and beside other libraries.
//!
//! Groups of rows are measured in turn, each several times; all figures come from the run that tells
//! them. What is sent to a receiver in another process comes from a process of its own, so that
//! processor time and memory are that row's. Not here: what is lost, which is `cargo xtask chaos`.

mod bare;
mod chart;
mod clients;
mod clock;
mod encode;
mod job;
mod latency;
mod machine;
mod names;
mod peers;
mod receiver;
mod report;
mod row;
mod rows;
mod slow;
mod stats;
mod wire;
mod workload;

use std::path::{Path, PathBuf};
use std::process::Command;

use clap::builder::PossibleValuesParser;
use clap::value_parser;

use crate::command::loud;
use crate::interop;
use crate::workspace::{cargo, root, target};
pub(crate) use job::{Job, sender};
use machine::Machine;
pub(crate) use receiver::run as receiver;
use report::Table;
use row::Row;

/// What the tables and the picture have in common.
const LEGEND: &str = "1,000 names, 48.6 bytes a line; medians, and min..max; ratios are of the \
    same round. A reach is a goal for an idle machine; a ratio that misses it is told, and no failure.";

/// Rows that are compared with each other.
struct Group {
    name: &'static str,
    /// What is measured.
    title: &'static str,
    rows: fn(&Setup) -> crate::Result<Vec<Row>>,
    /// Whether it is in the picture.
    charted: bool,
    /// Whether it is run once, since it takes long.
    once: bool,
}

const GROUPS: &[Group] = &[
    group("encode", "points to bytes, one thread, no socket", encode::rows),
    group("deliver", "points sent until the receiver has read them", |s| Ok(rows::deliver(s))),
    group("one-by-one", "each point awaited before the next", |s| Ok(rows::one_by_one(s))),
    group("scaling", "the same points fed by tasks at once, tokio", |s| Ok(rows::scaling(s))),
    Group {
        charted: false,
        ..group("growth", "ever more points by feed, tokio", |s| Ok(rows::growth(s)))
    },
    group("latency", "from feed until read, after 20 ms of silence", |s| Ok(latency::rows(s))),
    Group {
        charted: false,
        ..group("names", "parts of names encoded, one thread", |s| Ok(names::rows(s)))
    },
    Group {
        charted: false,
        once: true,
        ..group("slow", "time with a slow receiver, over that of the bare reading", |s| {
            Ok(slow::rows(s))
        })
    },
];

const fn group(
    name: &'static str,
    title: &'static str,
    rows: fn(&Setup) -> crate::Result<Vec<Row>>,
) -> Group {
    Group { name, title, rows, charted: true, once: false }
}

#[derive(Debug, clap::Args)]
#[command(after_help = "A row that misses its reach is marked and does not fail the command; a \
    broken promise does: of `slow`, three times the bare reading and a minute.")]
pub(crate) struct Args {
    /// Only these groups of rows; all by default.
    #[arg(value_name = "GROUP")]
    #[arg(value_parser = PossibleValuesParser::new(GROUPS.iter().map(|group| group.name)))]
    groups: Vec<String>,
    /// Fewer points, and slow receivers for a shorter time.
    #[arg(long)]
    quick: bool,
    /// How often each row is run.
    #[arg(long, value_name = "N", default_value_t = 5)]
    #[arg(value_parser = value_parser!(u64).range(5..=1000))]
    rounds: u64,
    /// How long the bare reading of a row of `slow` takes, in seconds; by default 40, or 3 with
    /// --quick.
    #[arg(long, value_name = "N")]
    #[arg(value_parser = value_parser!(u64).range(1..=86_400))]
    seconds: Option<u64>,
    /// Puts the picture where README shows it.
    #[arg(long)]
    commit_chart: bool,
}

/// What rows are made by.
struct Setup {
    quick: bool,
    seconds: Option<u64>,
    target: PathBuf,
}

impl Setup {
    /// Returns a number of points, or so many times fewer if it is to be quick.
    fn less(&self, number: u64, divisor: u64) -> u64 {
        if self.quick { number / divisor } else { number }
    }

    fn seconds(&self) -> u64 {
        self.seconds.unwrap_or(if self.quick { 3 } else { 40 })
    }

    /// Returns a Python that has aiographite, installed where it is missing, or what to do.
    fn python(&self) -> Result<PathBuf, String> {
        interop::python(&self.target)
    }
}

/// Runs the groups that are named, or all of them, in a program that is optimised.
pub(crate) fn run(args: Args) -> crate::Result {
    if cfg!(debug_assertions) {
        return optimised();
    }
    let target = target()?;
    let folder = target.join("bench");
    std::fs::create_dir_all(&folder)?;
    let setup = Setup { quick: args.quick, seconds: args.seconds, target };
    let machine = Machine::read(command());
    println!("{}\n{}\n{LEGEND}\n", machine.command, machine.line());
    let mut tables = Vec::new();
    for group in GROUPS {
        if args.groups.is_empty() || args.groups.iter().any(|wanted| wanted == group.name) {
            let table = group.measure(&setup, args.rounds)?;
            println!("{}", table.text());
            tables.push(table);
        }
    }
    write(&folder.join("report.md"), &report::markdown(&machine, &tables))?;
    let chart = chart::draw(&machine, &tables)?;
    write(&folder.join("chart.svg"), &chart)?;
    if args.commit_chart {
        write(&root().join("xtask").join("bench").join("chart.svg"), &chart)?;
    }
    let broken: Vec<String> = tables.iter().flat_map(Table::broken).collect();
    if broken.is_empty() { Ok(()) } else { Err(broken.join("; ").into()) }
}

impl Group {
    fn measure(&self, setup: &Setup, rounds: u64) -> crate::Result<Table> {
        let rounds = if self.once { 1 } else { rounds };
        let rows = (self.rows)(setup)?;
        // The table comes when all is measured, which may take minutes.
        eprintln!("measuring {}: {} rows, rounds: {rounds}", self.name, rows.len());
        let rows = row::run(rows, rounds)?;
        Ok(Table { name: self.name, title: self.title, rounds, charted: self.charted, rows })
    }
}

/// Builds this program as it is to be measured, and runs it with the same arguments.
fn optimised() -> crate::Result {
    loud(&mut cargo(["build", "--release", "--quiet", "-p", "xtask"]))?;
    let program = target()?.join("release").join("xtask");
    loud(Command::new(program).args(std::env::args_os().skip(1)))
}

/// Returns the command line that this run was asked for by.
fn command() -> String {
    let words: Vec<String> = std::env::args().skip(1).collect();
    format!("cargo xtask {}", words.join(" "))
}

fn write(path: &Path, text: &str) -> crate::Result {
    std::fs::write(path, text).map_err(|error| format!("{}: {error}", path.display()))?;
    println!("wrote {}", path.strip_prefix(root()).unwrap_or(path).display());
    Ok(())
}
