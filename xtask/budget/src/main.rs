//! What `cargo xtask budget` counts the instructions of: `budget ROW TIMES ADDRESS` sends a row's
//! points so many times, and says how many that were; without a row it lists them.
//!
//! A program of its own, since it is built in release: xtask itself would take minutes. Not here:
//! the counting, the ceilings, and the receiver at the address, which reads and keeps nothing.

#![allow(clippy::print_stdout, reason = "it answers the task that runs it")]

use std::env;
use std::error::Error;
use std::net::SocketAddr;

use graphite_client_tokio::metrics::Recorder;
use graphite_client_tokio::proto::{Config, Input, Instant, Output, Sender};
use graphite_client_tokio::{Client, Delivery, Metric, Protocol};
use metrics::{counter, histogram};

type Result<T = ()> = std::result::Result<T, Box<dyn Error>>;

/// Full after a few rounds, so that what is measured is the steady state.
const DELIVERY: Delivery = Delivery::Replay { window: 256 << 10 };

/// How many rounds go before those that count; as many in each run, so that they cancel out.
const WARM: usize = 20;

/// What a row does with a round of points.
#[derive(Clone, Copy)]
enum Work {
    /// By [`Protocol::encode`].
    Encode,
    /// Through a [`Sender`], driven by hand.
    Machine,
    /// Through a client: a burst and a flush.
    Feed,
    /// Through a client, each point awaited.
    Send,
    /// Through a client, in one call.
    SendMultiple,
    /// Through a feeder: one burst, and a flush at its end.
    Feeder,
    /// A sample for each point, into the histogram of a recorder.
    Record,
    /// The points that a recorder gives of counters and histograms that were touched, ten samples to
    /// each of these. By no protocol: they are looked at and not encoded.
    Collect,
}

/// Each row's name, what it does, by which protocol, and how many rounds it is measured by.
const ROWS: &[(&str, Work, Protocol, usize)] = &[
    ("encode plaintext", Work::Encode, Protocol::Plaintext, 20),
    ("encode pickle", Work::Encode, Protocol::Pickle, 20),
    ("machine plaintext", Work::Machine, Protocol::Plaintext, 20),
    ("machine pickle", Work::Machine, Protocol::Pickle, 20),
    ("feed plaintext", Work::Feed, Protocol::Plaintext, 20),
    ("feed pickle", Work::Feed, Protocol::Pickle, 20),
    ("send plaintext", Work::Send, Protocol::Plaintext, 2),
    ("send pickle", Work::Send, Protocol::Pickle, 2),
    ("send_multiple plaintext", Work::SendMultiple, Protocol::Plaintext, 20),
    ("send_multiple pickle", Work::SendMultiple, Protocol::Pickle, 20),
    ("feeder plaintext", Work::Feeder, Protocol::Plaintext, 20),
    ("feeder pickle", Work::Feeder, Protocol::Pickle, 20),
    ("record", Work::Record, Protocol::Plaintext, 20),
    ("collect", Work::Collect, Protocol::Plaintext, 20),
];

fn main() -> Result {
    let arguments: Vec<_> = env::args().skip(1).collect();
    let [row, times, address] = &arguments[..] else {
        ROWS.iter().for_each(|(name, ..)| println!("{name}"));
        return Ok(());
    };
    let row = ROWS.iter().find(|(name, ..)| name == row).ok_or("there is no such row")?;
    let &(_, work, protocol, rounds) = row;
    let rounds = rounds * times.parse::<usize>()?;

    let names: Vec<_> =
        (0..1_000).map(|i| format!("servers.web{i:03}.cpu.core{}.user", i % 8)).collect();
    let point = |(i, name)| Metric::new(name, i as f64 * 0.37).at(1_700_000_000);
    let points: Vec<_> = names.iter().enumerate().map(point).collect();

    match work {
        Work::Encode => encode(protocol, &points, WARM + rounds)?,
        Work::Machine => machine(protocol, &points, WARM + rounds)?,
        Work::Record => record(points.len(), WARM + rounds),
        Work::Collect => collect(points.len(), WARM + rounds)?,
        Work::Feed | Work::Send | Work::SendMultiple | Work::Feeder => {
            let client = client(work, protocol, &points, WARM + rounds, address.parse()?);
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
            runtime.block_on(client)?;
        }
    }
    println!("{}", rounds * points.len());
    Ok(())
}

fn encode(protocol: Protocol, points: &[Metric<'_>], rounds: usize) -> Result {
    let mut bytes = Vec::new();
    for _ in 0..rounds {
        bytes.clear();
        protocol.encode(points, 0, &mut bytes)?;
        std::hint::black_box(&bytes);
    }
    Ok(())
}

fn machine(protocol: Protocol, points: &[Metric<'_>], rounds: usize) -> Result {
    let now = Instant::START;
    let mut sender = Sender::new(Config::new(protocol).delivery(DELIVERY), now);
    let _ = sender.connect(now);
    sender.handle_input(Input::Connected, now);
    for _ in 0..rounds {
        for point in points {
            sender.enqueue(point, 0, now)?;
        }
        while let Output::Transmit(bytes) = sender.poll_output() {
            let count = std::hint::black_box(bytes).len();
            sender.handle_input(Input::Written(count), now);
        }
    }
    Ok(())
}

/// As seconds, a millisecond to a second.
fn sample(i: usize) -> f64 {
    0.001 * (1 + i * 7919 % 997) as f64
}

fn record(points: usize, rounds: usize) {
    let recorder = Recorder::builder().build();
    let histogram = metrics::with_local_recorder(&recorder, || histogram!("latency"));
    for _ in 0..rounds {
        (0..points).for_each(|i| histogram.record(std::hint::black_box(sample(i))));
    }
}

fn collect(points: usize, rounds: usize) -> Result {
    let recorder = Recorder::builder().build();
    let series: Vec<_> = metrics::with_local_recorder(&recorder, || {
        let id = |i: usize| i.to_string();
        let of = |i| (counter!("jobs", "id" => id(i)), histogram!("latency", "id" => id(i)));
        // Each gives ten points.
        (0..points / 10).map(of).collect()
    });
    for round in 0..rounds {
        for (i, (counter, histogram)) in series.iter().enumerate() {
            counter.increment(1);
            (0..10).for_each(|j| histogram.record(sample(10 * i + j)));
        }
        let mut given = 0;
        recorder.collect(10 * round as u64, &mut |point| {
            std::hint::black_box(point);
            given += 1;
        });
        if given != points {
            return Err(format!("{given} points given, not {points}").into());
        }
    }
    Ok(())
}

async fn client(
    work: Work,
    protocol: Protocol,
    points: &[Metric<'_>],
    rounds: usize,
    address: SocketAddr,
) -> Result {
    let builder = Client::builder().protocol(protocol).delivery(DELIVERY);
    let client = builder.connect(address).await?;
    let mut feeder = client.feeder();
    for _ in 0..rounds {
        match work {
            Work::Send => {
                for point in points {
                    client.send(point).await?;
                }
            }
            Work::SendMultiple => client.send_multiple(points).await?,
            Work::Feeder => {
                for point in points {
                    feeder.feed(point).await?;
                }
            }
            _ => {
                for point in points {
                    client.feed(point).await?;
                }
                client.flush().await?;
            }
        }
    }
    feeder.flush().await?;
    Ok(client.close().await?)
}
