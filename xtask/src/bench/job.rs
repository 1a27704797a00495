//! What one sender does in a process of its own, and what is made of it.
//!
//! Not here: how points are sent, which is in `wire.rs`, `clients.rs`, `peers.rs` and `peer.py`.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::Command;

use clap::ValueEnum;
use graphite_proto::Protocol;

use super::clock::Told;
use super::receiver::Receiver;
use super::row::Sample;
use super::workload::{CYCLE, Workload};
use super::{clients, peers, wire};
use crate::choice::{Protocols, Runtime, block_on_tokio};
use crate::command::output;
use crate::workspace::this_program;

/// A way to send.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum Sender {
    /// Blocks that were encoded before.
    Raw,
    /// Blocks that are encoded meanwhile.
    Bare,
    /// A write a point, by the runtime's own socket.
    WriteAll,
    /// The client: `feed` and `flush`.
    Feed,
    /// The same by many clones at once.
    Clones,
    /// A feeder.
    Feeder,
    /// Feeders, one for each of many tasks.
    Feeders,
    /// `send_multiple`, a cycle each.
    SendMultiple,
    /// `send`, one after the other.
    Send,
    /// `feed` while nobody listens.
    Down,
    /// graphyne, a batch of a cycle each.
    Graphyne,
    /// graphyne, one after the other.
    GraphyneOne,
    /// dipstick, flushed after each cycle.
    Dipstick,
    /// aiographite's `send_multiple`, a cycle each.
    Aiographite,
    /// aiographite's `send`, one after the other.
    AiographiteOne,
}

impl Sender {
    fn is_python(self) -> bool {
        matches!(self, Self::Aiographite | Self::AiographiteOne)
    }
}

/// What a sender's process is started with.
#[derive(Clone, Copy, Debug, clap::Args)]
pub(crate) struct Job {
    pub(super) sender: Sender,
    pub(super) runtime: Runtime,
    pub(super) protocol: Protocols,
    /// How many tasks share the work.
    #[arg(value_parser = clap::value_parser!(u64).range(1..))]
    pub(super) tasks: u64,
    /// How often the thousand points are sent.
    pub(super) cycles: u64,
    /// The receiver's address.
    pub(super) address: SocketAddr,
}

/// Is the sender's process: prints what it tells.
pub(crate) fn sender(job: &Job) -> crate::Result {
    let told = match (job.sender, job.runtime) {
        (Sender::Raw | Sender::Bare, _) => wire::blocks(job),
        (Sender::WriteAll, Runtime::Tokio) => block_on_tokio(wire::tokio(job)),
        (Sender::WriteAll, Runtime::AsyncStd) => async_std::task::block_on(wire::async_std(job)),
        (Sender::Graphyne | Sender::GraphyneOne, _) => peers::graphyne(job),
        (Sender::Dipstick, _) => peers::dipstick(job),
        (Sender::Aiographite | Sender::AiographiteOne, _) => Err("is Python's".into()),
        (_, Runtime::Tokio) => block_on_tokio(clients::run::<graphite_client_tokio::Tokio>(job)),
        (_, Runtime::AsyncStd) => {
            async_std::task::block_on(clients::run::<graphite_client_async_std::AsyncStd>(job))
        }
    };
    println!("{}", told?);
    Ok(())
}

/// What one run came to.
#[derive(Clone, Copy, Debug)]
pub(super) struct Measured {
    points: f64,
    nanos: f64,
    cpu: f64,
    peak: usize,
}

impl Job {
    pub(super) fn new(sender: Sender, protocol: Protocol, runtime: Runtime, cycles: u64) -> Self {
        let protocol = match protocol {
            Protocol::Pickle => Protocols::Pickle,
            _ => Protocols::Plaintext,
        };
        let address = SocketAddr::from(([127, 0, 0, 1], 0));
        Self { sender, runtime, protocol, tasks: 1, cycles, address }
    }

    pub(super) fn protocol(&self) -> Protocol {
        self.protocol.list()[0]
    }

    /// Runs the sender, and a receiver that is up but for [`Sender::Down`]; the time ends when the
    /// receiver has read the last byte.
    pub(super) fn run(mut self, python: Option<&PathBuf>) -> crate::Result<Measured> {
        if self.sender == Sender::Down {
            let told = self.told(python)?;
            return Ok(self.measured(told, told.ended));
        }
        let receiver = Receiver::start()?;
        self.address = receiver.address;
        let told = self.told(python)?;
        let (bytes, last) = receiver.end()?;
        self.check(bytes)?;
        Ok(self.measured(told, last))
    }

    fn told(&self, python: Option<&PathBuf>) -> crate::Result<Told> {
        let mut command = match python {
            Some(python) if self.sender.is_python() => {
                let mut command = Command::new(python);
                command.arg(peers::script());
                command
            }
            _ => Command::new(this_program()?),
        };
        command.args((!self.sender.is_python()).then_some("bench-sender"));
        command.args([name(self.sender), name(self.runtime), name(self.protocol)]);
        command.args([self.tasks, self.cycles].map(|number| number.to_string()));
        command.arg(self.address.to_string());
        let told = output(&mut command, "").map_err(|error| cause(&error.to_string()))?;
        Ok(told.parse()?)
    }

    /// Refuses a figure for which not every point has arrived.
    fn check(&self, bytes: u64) -> crate::Result {
        let points = self.cycles * CYCLE;
        let cycle = Workload::new().encoded(self.protocol())?.len() as u64;
        let good = match (self.sender, self.protocol()) {
            // It sends integers, and a point to begin with.
            (Sender::Dipstick, _) => bytes >= points * 30,
            // Frames differ in length, and each has ten bytes of its own.
            (_, Protocol::Pickle) => bytes >= (cycle - 10) * self.cycles,
            _ => bytes == cycle * self.cycles,
        };
        if good { Ok(()) } else { Err(format!("{bytes} bytes came for {points} points").into()) }
    }

    fn measured(&self, told: Told, end: u64) -> Measured {
        Measured {
            points: (self.cycles * CYCLE) as f64,
            nanos: end.saturating_sub(told.begun) as f64,
            cpu: told.cpu as f64,
            peak: told.peak,
        }
    }
}

impl Measured {
    /// In millions of points a second.
    pub(super) fn millions(self) -> Sample {
        self.sample(self.points / self.nanos * 1e3)
    }

    /// In thousands of points a second.
    pub(super) fn thousands(self) -> Sample {
        self.sample(self.points / self.nanos * 1e6)
    }

    /// In nanoseconds a point.
    pub(super) fn nanos(self) -> Sample {
        self.sample(self.nanos / self.points)
    }

    /// In nanoseconds of processor time a point.
    pub(super) fn cpu(self) -> Sample {
        Sample { cpu: None, ..self.sample(self.cpu / self.points) }
    }

    fn sample(self, value: f64) -> Sample {
        let (cpu, peak) = (Some(self.cpu / self.points), Some(self.peak));
        Sample { cpu, peak, ..Sample::one(value) }
    }
}

/// Cuts from an error what comes from this program's having run itself.
fn cause(error: &str) -> String {
    error.rsplit_once("xtask bench: ").map_or(error, |(_, cause)| cause).to_owned()
}

/// Returns the name of a value on a command line.
fn name(value: impl ValueEnum) -> String {
    value.to_possible_value().map_or_else(String::new, |value| value.get_name().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_that_lost_points_is_no_figure() {
        let job = |sender, protocol| Job::new(sender, protocol, Runtime::Tokio, 3);
        let lines = job(Sender::Feed, Protocol::Plaintext);
        assert!(lines.check(3 * 48_592).is_ok());
        assert!(lines.check(3 * 48_592 - 1).is_err() && lines.check(3 * 48_592 + 1).is_err());
        let cycle = Workload::new().encoded(Protocol::Pickle).unwrap().len() as u64;
        let pickles = job(Sender::Feed, Protocol::Pickle);
        // In one frame or in three.
        assert!(pickles.check(3 * cycle - 20).is_ok() && pickles.check(3 * cycle).is_ok());
        assert!(pickles.check(2 * cycle + 10).is_err());
    }

    #[test]
    fn an_error_of_a_senders_process_is_its_last_word() {
        let error = "\"/proc/self/exe\" ended with exit status: 1: xtask bench: no room";
        assert_eq!(cause(error), "no room");
        assert_eq!(cause("no such file"), "no such file");
    }
}
