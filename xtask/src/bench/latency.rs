//! Rows of latency: how long a point that is fed takes to be read, after a pause and right behind
//! another.
//!
//! The receiver is a thread of this process, so that one clock tells both ends. Not here: points as
//! fast as they go.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use graphite_client_async_std::AsyncStd;
use graphite_client_tokio::Tokio;
use graphite_proto::Protocol;
use graphite_proto::client::{Client, Runtime};

use super::Setup;
use super::row::Kind::{Bare, Ours};
use super::row::{Row, Sample};
use super::workload::Workload;
use crate::choice::block_on_tokio;

/// Of a round: five rounds have five hundred.
const SAMPLES: u64 = 100;
/// What lets everything fall asleep.
const PAUSE: Duration = Duration::from_millis(20);
const UNIT: &str = "µs";
/// What a pause is followed by, and how many points that is; the last one is timed.
const BURSTS: [(&str, usize); 2] = [("a lone point", 1), ("a second right behind", 2)];

pub(super) fn rows(setup: &Setup) -> Vec<Row> {
    let samples = setup.less(SAMPLES, 5);
    let mut rows = Vec::new();
    for (burst, points) in BURSTS {
        let bare = format!("{burst}, bare write_all");
        rows.push(Row::new(Bare, bare.clone(), UNIT, move || blocking(samples, points)));
        let ours = Row::new(Ours, format!("{burst}, feed, tokio"), UNIT, move || {
            block_on_tokio(client::<Tokio>(samples, points))
        });
        rows.push(ours.against(&bare, None));
        let ours = Row::new(Ours, format!("{burst}, feed, async-std"), UNIT, move || {
            async_std::task::block_on(client::<AsyncStd>(samples, points))
        });
        rows.push(ours.against(&bare, None));
    }
    rows
}

/// Times what goes through a blocking socket.
fn blocking(samples: u64, points: usize) -> crate::Result<Sample> {
    let (address, reads) = receiver()?;
    let mut stream = TcpStream::connect(address)?;
    stream.set_nodelay(true)?;
    let line = Workload::new().encoded(Protocol::Plaintext)?;
    let line = first_line(&line);
    let feed = async || Ok(stream.write_all(line)?);
    futures::executor::block_on(timed(samples, points, line.len(), reads, feed))
}

/// Times what goes through a client.
async fn client<R: Runtime + Default>(samples: u64, points: usize) -> crate::Result<Sample> {
    let (address, reads) = receiver()?;
    let client = Client::<R>::builder().connect(address).await?;
    let workload = Workload::new();
    let line = workload.encoded(Protocol::Plaintext)?;
    let feed = async || match workload.metrics().next() {
        Some(metric) => Ok(client.feed(metric).await?),
        None => Ok(()),
    };
    let sample = timed(samples, points, first_line(&line).len(), reads, feed).await?;
    client.close().await?;
    Ok(sample)
}

/// Feeds after each pause, and takes the time from before the last point to when all were read.
async fn timed(
    samples: u64,
    points: usize,
    length: usize,
    reads: mpsc::Receiver<(usize, Instant)>,
    mut feed: impl AsyncFnMut() -> crate::Result,
) -> crate::Result<Sample> {
    let mut values = Vec::new();
    for _ in 0..samples {
        thread::sleep(PAUSE);
        let mut begun = Instant::now();
        for _ in 0..points {
            begun = Instant::now();
            feed().await?;
        }
        let (mut left, mut read) = (points * length, begun);
        while left > 0 {
            let (bytes, at) = reads.recv().map_err(|_| "the receiver has ended")?;
            (left, read) = (left.saturating_sub(bytes), at);
        }
        values.push(read.duration_since(begun).as_secs_f64() * 1e6);
    }
    Ok(Sample { values, ..Sample::default() })
}

fn first_line(lines: &[u8]) -> &[u8] {
    lines.split_inclusive(|&byte| byte == b'\n').next().unwrap_or_default()
}

/// Starts a thread that reads one connection to its end, and tells how much it read and when.
fn receiver() -> crate::Result<(SocketAddr, mpsc::Receiver<(usize, Instant)>)> {
    let listener = TcpListener::bind(("127.0.0.1", 0))?;
    let address = listener.local_addr()?;
    let (told, reads) = mpsc::channel();
    thread::spawn(move || -> std::io::Result<()> {
        let (mut stream, _) = listener.accept()?;
        stream.set_nodelay(true)?;
        let mut bytes = [0; 4096];
        loop {
            let read = stream.read(&mut bytes)?;
            if read == 0 || told.send((read, Instant::now())).is_err() {
                return Ok(());
            }
        }
    });
    Ok((address, reads))
}
