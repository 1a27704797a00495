//! `cargo xtask interop`: real receivers are started, fed, read back and compared.
//!
//! Each receiver runs on a loopback address and in a folder below `target` of its own; what is not
//! there is installed. A run in which a row differs keeps its folder. It takes Linux, for those
//! addresses and for proc(5). The matrix at the end has a row for every receiver, protocol and
//! runtime. Not here: receivers that are killed at random, which is `cargo xtask chaos`.

mod carbon;
mod compare;
mod datagrams;
mod host;
mod install;
mod peer;
pub(crate) mod picture;
mod points;
mod process;
mod recorder;
mod relay;
mod restart;
mod send;
mod services;
mod stores;
mod tls;
#[cfg(test)]
mod unsigned;
mod visitors;
mod web;

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread;

use clap::builder::PossibleValuesParser;
use graphite_proto::Protocol;
use tempfile::TempDir;

use crate::choice::{Runtime, Runtimes};
use crate::command;
use crate::workspace::{root, target};
use compare::Outcome;
use points::{Expected, Load};
pub(crate) use recorder::{ApplicationArgs, application};

/// A receiver, or a matter that concerns several: its name and what makes its rows.
type Receiver = (&'static str, fn(&Bench) -> Vec<Row>);

const RECEIVERS: &[Receiver] = &[
    ("carbon-cache", carbon::rows),
    ("restart", restart::rows),
    ("tls", tls::rows),
    ("udp", datagrams::rows),
    ("services", services::rows),
    ("graphite-web", web::rows),
    ("victoria-metrics", stores::victoria),
    ("influxdb", stores::influx),
    ("recorder", recorder::rows),
    ("carbon-c-relay", relay::c_relay),
    ("carbon-relay", relay::carbon_relay),
    ("aiographite", peer::rows),
];

const PROTOCOLS: [Protocol; 2] = [Protocol::Plaintext, Protocol::Pickle];

/// Where things are, below the target folder.
const FOLDER: &str = "interop";

/// Points of a batch: over a hundred times what a pickle frame of 64 KiB holds.
const POINTS: usize = 200_000;
const SHORT_POINTS: usize = 10_000;

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Only these receivers; all by default.
    #[arg(value_name = "NAME")]
    #[arg(value_parser = PossibleValuesParser::new(RECEIVERS.iter().map(|(name, _)| *name)))]
    names: Vec<String>,
    /// How many points a batch has; by default 200000, or 10000 with --short.
    #[arg(long, value_name = "N")]
    points: Option<usize>,
    /// Fewer points, and what takes long with half of the pairs only.
    #[arg(long)]
    short: bool,
}

/// What a run has to go by.
struct Bench {
    points: usize,
    short: bool,
    folder: PathBuf,
    python: Result<PathBuf, String>,
}

/// How points reach a receiver.
#[derive(Clone, Copy)]
struct Way {
    protocol: Protocol,
    runtime: Runtime,
}

/// A row of the matrix.
struct Row {
    receiver: String,
    protocol: &'static str,
    runtime: &'static str,
    /// What came of it; an error in the outer place means that something to install is missing.
    outcome: Result<Result<Outcome, String>, String>,
}

/// Runs the short form, for every change.
pub(crate) fn short() -> crate::Result {
    run(Args { names: Vec::new(), points: None, short: true })
}

/// Runs the receivers that are named, or all of them.
pub(crate) fn run(Args { names, points, short }: Args) -> crate::Result {
    let points = points.unwrap_or(if short { SHORT_POINTS } else { POINTS });
    let folder = folder("run-")?;
    let bench = Bench::new(points, short, folder.path())?;
    let mut rows = Vec::new();
    for (name, make) in RECEIVERS {
        if names.is_empty() || names.iter().any(|wanted| wanted == name) {
            rows.extend(make(&bench));
        }
    }
    println!("\n{}", table(&rows));
    let count = |wanted| rows.iter().filter(|row| row.verdict() == wanted).count();
    let (same, failed, skipped) = (count("same"), count("DIFFERS"), count("skipped"));
    println!("interop: {same} rows the same, {failed} differ, {skipped} skipped");
    if failed > 0 {
        // With the receivers' logs and stores.
        return Err(format!("{failed} rows differ; see {}", folder.keep().display()).into());
    }
    Ok(folder.close()?)
}

/// Makes a folder below the target folder that goes with this value.
fn folder(prefix: &str) -> crate::Result<TempDir> {
    let folder = target()?.join(FOLDER);
    std::fs::create_dir_all(&folder)?;
    Ok(tempfile::Builder::new().prefix(prefix).tempdir_in(folder)?)
}

/// Returns a Python that has carbon and aiographite, installed where it is missing, or what to do.
pub(crate) fn python(target: &Path) -> Result<PathBuf, String> {
    install::python(&target.join(FOLDER).join("python"))
}

impl Bench {
    fn new(points: usize, short: bool, folder: &Path) -> crate::Result<Self> {
        Ok(Self { points, short, folder: folder.to_owned(), python: python(&target()?) })
    }

    fn python(&self) -> Result<PathBuf, String> {
        self.python.clone()
    }

    /// Returns how many points each of the tasks sends that share a client.
    fn each_task(&self) -> usize {
        self.points.div_ceil(200).min(1000)
    }

    /// Runs the helper that reads stores.
    fn helper(&self, arguments: &[&str], input: String) -> crate::Result<String> {
        let mut command = Command::new(self.python()?);
        command.arg(helper("readback.py")).args(arguments);
        command::output(&mut command, &input)
    }

    /// Returns every protocol with every runtime; in the short form, of matters that take long,
    /// each of them once.
    fn ways(&self, protocols: &[Protocol], long: bool) -> Vec<Way> {
        let all = protocols.iter().flat_map(|&protocol| {
            Runtimes::Both.list().iter().map(move |&runtime| Way { protocol, runtime })
        });
        let pickle = |way: &Way| way.protocol == Protocol::Pickle;
        let other = |way: &Way| way.runtime == Runtime::AsyncStd;
        all.filter(|way| !(self.short && long) || pickle(way) == other(way)).collect()
    }

    /// Makes a row for each way, each in a folder of its own; `ready` tells what is missing. In the
    /// short form they are made at the same time.
    fn rows(
        &self,
        receiver: &str,
        ways: Vec<Way>,
        ready: Result<(), String>,
        make: impl Fn(Way, &Path) -> crate::Result<Outcome> + Sync,
    ) -> Vec<Row> {
        let row = |way: Way| {
            let (protocol, runtime) = (way.protocol_name(), way.runtime.name());
            let folder = format!("{receiver}-{protocol}-{runtime}").replace([' ', ','], "-");
            let folder = self.folder.join(folder);
            let outcome = ready.clone().map(|()| {
                std::fs::create_dir_all(&folder).map_err(|error| error.to_string())?;
                make(way, &folder).map_err(|error| crate::chain(&*error))
            });
            let row = Row { receiver: receiver.to_owned(), protocol, runtime, outcome };
            println!("{}", row.line());
            row
        };
        if !self.short {
            return ways.into_iter().map(row).collect();
        }
        thread::scope(|scope| {
            let row = &row;
            let made: Vec<_> =
                ways.into_iter().map(|way| (way, scope.spawn(move || row(way)))).collect();
            let panicked = |way: Way| Row {
                receiver: receiver.to_owned(),
                protocol: way.protocol_name(),
                runtime: way.runtime.name(),
                outcome: Ok(Err("panicked; the message is above".to_owned())),
            };
            made.into_iter()
                .map(|(way, made)| made.join().unwrap_or_else(|_| panicked(way)))
                .collect()
        })
    }
}

impl Way {
    fn protocol_name(self) -> &'static str {
        match self.protocol {
            Protocol::Pickle => "pickle",
            _ => "plaintext",
        }
    }

    /// Sends a load and returns what the store must hold then.
    fn send(self, address: SocketAddr, load: Load) -> crate::Result<Expected> {
        let begun = points::now();
        let load = send::load(self.runtime, self.protocol, address, load)?;
        Ok(load.expected((begun, points::now())))
    }
}

impl Row {
    fn verdict(&self) -> &'static str {
        match &self.outcome {
            Err(_) => "skipped",
            Ok(Ok(outcome)) if outcome.is_same() => "same",
            Ok(_) => "DIFFERS",
        }
    }

    fn line(&self) -> String {
        let (protocol, runtime) = (self.protocol, self.runtime);
        let numbers = match &self.outcome {
            Ok(Ok(outcome)) => [outcome.sent, outcome.stored, outcome.wrong].map(|n| n.to_string()),
            _ => ["-"; 3].map(str::to_owned),
        };
        let [sent, stored, wrong] = numbers;
        let verdict = self.verdict();
        let receiver = &self.receiver;
        let mut line = format!(
            "{receiver:33} {protocol:9} {runtime:9} {sent:>9} {stored:>9} {wrong:>7}  {verdict}"
        );
        let notes = match &self.outcome {
            Err(missing) => std::slice::from_ref(missing),
            Ok(Err(error)) => std::slice::from_ref(error),
            Ok(Ok(outcome)) => &outcome.notes,
        };
        notes.iter().for_each(|note| line.push_str(&format!("\n    {note}")));
        line
    }
}

fn table(rows: &[Row]) -> String {
    let mut text = format!(
        "{:33} {:9} {:9} {:>9} {:>9} {:>7}  verdict\n",
        "receiver", "protocol", "runtime", "sent", "stored", "wrong"
    );
    rows.iter().for_each(|row| text.push_str(&format!("{}\n", row.line())));
    text
}

/// Returns the path of a helper in Python.
fn helper(name: &str) -> PathBuf {
    root().join("xtask").join("src").join("interop").join(name)
}
