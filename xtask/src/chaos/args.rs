//! The arguments of the task, and of the receivers that it starts.

use clap::builder::RangedU64ValueParser;
use clap::{ValueEnum, value_parser};
use graphite_proto::{Delivery, Protocol};

use crate::choice::{Protocols, Runtime, Runtimes};

/// The most that a window or a buffer may have: far more than any in use.
const MOST_BYTES: u64 = 1 << 30;

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// How often each delivery level loses its receiver, over all its runs.
    #[arg(long, value_name = "N", default_value_t = 100)]
    #[arg(value_parser = value_parser!(u32).range(1..=1_000_000))]
    pub(super) kills: u32,
    /// The client to send with.
    #[arg(long, value_name = "NAME", value_enum, default_value_t = Runtimes::Both)]
    pub(super) runtime: Runtimes,
    /// The protocol to send by.
    #[arg(long, value_name = "NAME", value_enum, default_value_t = Protocols::Both)]
    pub(super) protocol: Protocols,
    /// The delivery level whose promises are checked.
    #[arg(long, value_name = "NAME", value_enum, default_value_t = Levels::Replay)]
    pub(super) delivery: Levels,
    /// What the choices are drawn from, as an earlier run told it; by default another each time.
    #[arg(long, value_name = "S")]
    pub(super) seed: Option<u64>,
    /// How much a client keeps to send it again.
    #[arg(long, value_name = "BYTES", default_value_t = Delivery::DEFAULT_WINDOW)]
    #[arg(value_parser = bytes(1))]
    pub(super) window: usize,
    /// The receiver's SO_RCVBUF; by default the system's own.
    #[arg(long, value_name = "BYTES", value_parser = bytes(4096))]
    pub(super) receive_buffer: Option<usize>,
    /// How long at most a receiver lives after its first connection, in milliseconds.
    #[arg(long, value_name = "MS", default_value_t = 400)]
    #[arg(value_parser = value_parser!(u64).range(1..=10_000))]
    pub(super) life: u64,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub(super) enum Levels {
    BestEffort,
    Replay,
    Confirmed,
    All,
}

/// What a receiver is started with.
#[derive(Debug, clap::Args)]
pub(crate) struct ReceiverArgs {
    pub(super) protocol: Protocols,
    #[arg(value_parser = value_parser!(u16).range(1..))]
    pub(super) port: u16,
    #[arg(value_parser = bytes(1))]
    pub(super) buffer: Option<usize>,
}

impl Args {
    pub(super) fn pairs(&self) -> Vec<(Runtime, Protocol)> {
        let protocols = self.protocol.list();
        let with = |&runtime| protocols.iter().map(move |&protocol| (runtime, protocol));
        self.runtime.list().iter().flat_map(with).collect()
    }

    pub(super) fn deliveries(&self) -> Vec<Delivery> {
        let window = self.window;
        let (replay, confirmed) = (Delivery::Replay { window }, Delivery::Confirmed { window });
        match self.delivery {
            Levels::BestEffort => vec![Delivery::BestEffort],
            Levels::Replay => vec![replay],
            Levels::Confirmed => vec![confirmed],
            Levels::All => vec![Delivery::BestEffort, replay, confirmed],
        }
    }
}

fn bytes(least: u64) -> RangedU64ValueParser<usize> {
    RangedU64ValueParser::new().range(least..=MOST_BYTES)
}
