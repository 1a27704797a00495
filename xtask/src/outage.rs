//! `cargo xtask outage`: how much memory a client holds while its receiver is down.
//!
//! Each row runs in a process of its own, so that its resident memory is its own: the client fills
//! its window, the receiver dies with unread bytes and stays away, points are fed for which there
//! is room in nothing, and then it comes back and reads what was kept. Not here: what is lost when
//! receivers come and go, which is `cargo xtask chaos`.

use std::io::Read as _;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use clap::value_parser;
use graphite_proto::{Metric, Overflow, Stats};

use crate::choice::block_on_tokio;
use crate::memory::resident;
use crate::port::Port;
use crate::workspace::this_program;

const POINTS: u64 = 10_000_000;

/// What may come on top of the bound: the executor's threads and their stacks, the buffers of one
/// frame, and what the allocator keeps.
const CONSTANT: usize = 2 << 20;

const WINDOW: usize = 2 << 20;
const QUEUE: usize = 4 << 20;

/// How many points go by between two looks at the client's accounting and the memory.
const LOOK: u64 = 4096;

type Row = fn(u64, Overflow, SocketAddr, &Receiver) -> crate::Result<Outcome>;

const CLIENTS: &[(&str, Row)] =
    &[("tokio", tokio_client::row), ("async-std", async_std_client::row)];
const POLICIES: &[(&str, Overflow)] =
    &[("reject", Overflow::Reject), ("drop oldest", Overflow::DropOldest)];

/// What came of a row.
struct Outcome {
    stats: Stats,
    /// By how much the resident memory grew at most, in bytes.
    grown: usize,
    /// How often the accounting did not add up.
    misaccounted: u64,
    /// Points that the client did not know to be delivered at its end.
    undelivered: u64,
}

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// How many points are fed in each row.
    #[arg(long, value_name = "N", default_value_t = POINTS)]
    #[arg(value_parser = value_parser!(u64).range(1..))]
    points: u64,
}

/// What a row's own process is started with: indices of the tables above, and the points.
#[derive(Debug, clap::Args)]
pub(crate) struct RowArgs {
    client: usize,
    policy: usize,
    points: u64,
}

/// Runs a tenth of it, for every change.
pub(crate) fn short() -> crate::Result {
    run(Args { points: POINTS / 10 })
}

/// Runs a row for each client and policy.
pub(crate) fn run(args: Args) -> crate::Result {
    let points = args.points;
    println!(
        "{points} points a row; queue {} KiB, window {} KiB, and {} KiB allowed on top\n",
        QUEUE >> 10,
        WINDOW >> 10,
        CONSTANT >> 10
    );
    println!("client    policy          queued    dropped   rejected    memory grew by  verdict");
    let mut broken = 0;
    for client in 0..CLIENTS.len() {
        for policy in 0..POLICIES.len() {
            let row = [client.to_string(), policy.to_string(), points.to_string()];
            let mut command = Command::new(this_program()?);
            broken += u64::from(!command.arg("outage-row").args(row).status()?.success());
        }
    }
    if broken == 0 { Ok(()) } else { Err(format!("{broken} rows broke their bound").into()) }
}

/// Runs one row, in a process of its own.
pub(crate) fn row(RowArgs { client, policy, points }: RowArgs) -> crate::Result {
    let ((client, row), (policy, overflow)) = (CLIENTS[client], POLICIES[policy]);
    let receiver = Receiver::new()?;
    let Outcome { stats, grown, misaccounted, undelivered } =
        row(points, overflow, receiver.port.address(), &receiver)?;
    let bound = QUEUE + WINDOW + CONSTANT;
    let good = grown <= bound && misaccounted == 0 && undelivered == 0;
    println!(
        "{client:9} {policy:11} {:>10} {:>10} {:>10} {:>13} KiB  {}",
        stats.queued,
        stats.dropped,
        stats.rejected,
        grown >> 10,
        if good { "within the bound" } else { "BROKEN" }
    );
    if good {
        return Ok(());
    }
    let problem = format!(
        "{client}, {policy}: {grown} bytes of {bound}, accounting wrong {misaccounted} times, \
         {undelivered} points not known to be delivered"
    );
    Err(problem.into())
}

/// The same code for each client, whose types differ.
macro_rules! client {
    ($module:ident, $client:ident, $block_on:path) => {
        mod $module {
            use $client::{Client, Delivery, TryFeedError};

            use super::*;

            pub(super) fn row(
                points: u64,
                overflow: Overflow,
                address: SocketAddr,
                receiver: &Receiver,
            ) -> crate::Result<Outcome> {
                $block_on(async {
                    let builder = Client::builder().overflow(overflow).queue_bytes(QUEUE);
                    let builder = builder.delivery(Delivery::Replay { window: WINDOW });
                    let client = builder.connect(address).await?;
                    let before = resident()?;
                    let mut grown = 0;
                    while client.stats().window_bytes < WINDOW {
                        client.send_multiple((0..1000).map(point)).await?;
                    }
                    receiver.die();
                    client.send_multiple((0..1000).map(point)).await?;
                    receiver.dead();
                    let (first, mut misaccounted) = (client.stats(), 0);
                    for number in 0..points {
                        match client.try_feed(point(number)) {
                            Ok(()) | Err(TryFeedError::Full { .. }) => {}
                            Err(error) => return Err(error.into()),
                        }
                        if number.is_multiple_of(LOOK) || number + 1 == points {
                            let fed = first.accepted + first.rejected + number + 1;
                            misaccounted += u64::from(!adds_up(&client.stats(), fed));
                            grown = grown.max(resident()?.saturating_sub(before));
                        }
                    }
                    let stats = client.stats();
                    receiver.come_back()?;
                    let undelivered = client.close().await.err().map_or(0, |e| e.undelivered);
                    grown = grown.max(resident()?.saturating_sub(before));
                    Ok(Outcome { stats, grown, misaccounted, undelivered })
                })
            }
        }
    };
}

client!(tokio_client, graphite_client_tokio, block_on_tokio);
client!(async_std_client, graphite_client_async_std, async_std::task::block_on);

fn point(number: u64) -> Metric<'static> {
    Metric::new("servers.web01.cpu.user", number).at(1_700_000_000)
}

fn adds_up(stats: &Stats, fed: u64) -> bool {
    stats.accepted + stats.rejected == fed
        && stats.accepted == stats.queued + stats.written + stats.dropped
        && stats.queued_bytes <= QUEUE
        && stats.window_bytes <= WINDOW + (64 << 10)
}

/// A receiver that reads everything until it is told to die, and keeps nothing.
struct Receiver {
    port: Port,
    state: Arc<State>,
}

#[derive(Default)]
struct State {
    dying: AtomicBool,
    reads_no_more: AtomicBool,
    may_end: AtomicBool,
    dead: AtomicBool,
}

impl Receiver {
    fn new() -> crate::Result<Self> {
        let (port, state) = (Port::new()?, Arc::<State>::default());
        let listener = port.listen()?;
        let receiver = Self { port, state: state.clone() };
        thread::spawn(move || {
            let ended = serve(listener, &state);
            state.reads_no_more.store(true, Ordering::Release);
            state.dead.store(true, Ordering::Release);
            ended
        });
        Ok(receiver)
    }

    /// Stops reading: what is sent from now on stands unread.
    fn die(&self) {
        self.state.dying.store(true, Ordering::Release);
        until(&self.state.reads_no_more);
    }

    /// Ends with what is unread, and closes the port.
    fn dead(&self) {
        self.state.may_end.store(true, Ordering::Release);
        until(&self.state.dead);
    }

    /// Listens again and reads until the client has closed.
    fn come_back(&self) -> crate::Result {
        let listener = self.port.listen()?;
        thread::spawn(move || read(&mut listener.accept()?.0, &State::default()));
        Ok(())
    }
}

fn serve(listener: TcpListener, state: &State) -> std::io::Result<()> {
    let (mut stream, _) = listener.accept()?;
    stream.set_read_timeout(Some(Duration::from_millis(20)))?;
    let read = read(&mut stream, state);
    state.reads_no_more.store(true, Ordering::Release);
    until(&state.may_end);
    read
}

fn until(flag: &AtomicBool) {
    while !flag.load(Ordering::Acquire) {
        thread::sleep(Duration::from_millis(1));
    }
}

fn read(stream: &mut TcpStream, state: &State) -> std::io::Result<()> {
    let mut buffer = vec![0; 1 << 16];
    while !state.dying.load(Ordering::Acquire) {
        match stream.read(&mut buffer) {
            Ok(0) => return Ok(()),
            Ok(_) => {}
            Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}
